"""The commands of `fperank`, a module each; `app` puts them together.

From outside: `app`, for `fperank.cli` alone. A command may import everything below it,
and does so inside its function, so that help appears at once.
"""

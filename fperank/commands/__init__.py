"""The commands of `fperank`, a module each; `fperank.cli` puts them together.

From outside: the commands' functions, for `cli` alone. A command may import everything below it,
and does so inside its function, so that help appears at once.
"""

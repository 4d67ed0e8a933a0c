"""The commands of `fperank`, a module each; `fperank.cli` puts them together."""

"""Comparisons of photo pairs, read from files of a folder, by path or by address.

Used within stations; from outside take `files.read_annotations`. Imports `base`, `own_folder`,
`csv_files`, and remote for addresses.
"""

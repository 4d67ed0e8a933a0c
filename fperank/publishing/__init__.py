"""Copying a version out: to a bucket or folder, or as the Flow Photo Explorer's files.

publish, station_list    one version, or one of each station of a list, to a destination, checked
destinations             a folder, or a prefix of an S3 bucket
published_files          names and making of what is published
models_row               the row by which the Flow Photo Explorer shows a model
export, fpe_files        what the Flow Photo Explorer takes and gives

From outside: `publish.publish`, `station_list`, `destinations.open_destination`, `export.export`;
`fpe_files.read_predictions` for whoever reads the explorer's files. Imports the hand-overs and what
lies below them; never `versions` or `report`, and no stage's package.
"""

"""The parameters of `params.yaml`, typed and checked once.

Take groups from `parameters` and read them by `file`. Imports the ground only.
"""

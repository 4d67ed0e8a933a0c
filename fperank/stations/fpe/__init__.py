"""A station or an image set of the Flow Photo Explorer, by its public API or its database.

Used within stations alone, and imported only where it is asked for: it draws in the libraries of
databases and clouds. Imports `base`, `answers`, `observed`, `photos.files` and remote.
"""

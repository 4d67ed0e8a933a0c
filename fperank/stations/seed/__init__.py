"""A station from a folder of EcoSHEDS' Flow Photo RankNet Model, the seed of this pipeline.

Used within stations alone. Imports `base`, `own_folder`, `answers`, `photos.files` and remote.
"""

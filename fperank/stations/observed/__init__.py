"""Observed values, read from CSV files or from USGS, in the variable's unit.

Used within stations alone. Imports `base`, `own_folder`, `csv_files`, and remote for addresses.
"""

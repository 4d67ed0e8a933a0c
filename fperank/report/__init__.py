"""The report of one model version: figures, plot data and one page that opens without a network."""

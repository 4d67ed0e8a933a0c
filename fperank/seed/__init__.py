"""EcoSHEDS' Flow Photo RankNet Model, "the seed": its checkpoints and how it saw photos."""

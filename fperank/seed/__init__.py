"""EcoSHEDS' Flow Photo RankNet Model, "the seed": its checkpoints to models of fperank, and back.

From outside take `checkpoint.import_checkpoint` and `outgoing`. Archives and pickles that nobody
vouches for are read here and nowhere else. How the seed saw photos is a view among others,
`photos.stretched`. Imports network, handover, photos, the ground and running; nothing that computes
imports it.
"""

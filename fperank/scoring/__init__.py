"""A model and photos -> scores: stage `predict`, and the command `fperank score`.

scorer        the network over batches of photos
new_photos    photos that no dataset knows, added to a table
score_file    that table
shares        one share of the photos for each task of an array job

All of it may be taken from outside. Imports network, handover, photos, params
and the ground; the photos of `fperank score` come as a `photos.photo_set.PhotoSet`.
"""

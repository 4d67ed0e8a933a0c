"""A model and photos -> scores: stage `predict`, and the command `fperank score`.

From outside take `scorer`, `new_photos` and `score_file`. Imports network, handover, photos, params
and the ground; the photos of `fperank score` come as a `photos.photo_set.PhotoSet`.
"""

"""Photo files -> the pixels that a model sees: decoding, views, and a cache of what was decoded.

From outside take a view (`view`, `stretched`, or their union in `views`) and let it read,
`decode` for whole photos, and `cache`. Imports the ground and running; torch is drawn in only by an
imported model's view, when it reads.
"""

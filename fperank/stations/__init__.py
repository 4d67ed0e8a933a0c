"""A station is read from wherever it lies, and becomes the dataset's tables: stage `dataset`.

Each source offers three readers, of photos, observed values and comparisons (contracts in `base`);
`compose` puts together those that the parameters name. From outside take `compose.open_source`,
`dataset`, `overview`, `photos.sets` (for scoring) and `demo.station`. Imports handover, remote,
photos, params, the ground and running.
"""

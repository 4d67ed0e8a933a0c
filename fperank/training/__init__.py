"""What stage `train` runs: photos and pairs in memory, the loop, and what surrounds it.

From outside take `data.load_data`, `loop.train`, `processes.process_group`, and `pretrained` for
where weights lie. Imports network, handover, photos, params, the ground and running; no package of
its own floor.
"""

"""The demo station: a simulated brook, its weather, its gauge, its photos and its annotator.

From outside take `station.write_demo_station`. Imports `base`, `own_folder` and the ground.
"""

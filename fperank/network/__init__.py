"""The network that ranks photos: what it is, its losses, its file, the device that it runs on.

Training and scoring take `ranknet`, `losses`, `model_file` and `devices`; `backbones` is the one
door to torchvision's networks. Imports handover, photos, params, the ground and running.
"""

"""What stage `input` runs: choose photos, label pairs, split them.

Take `build.build`. Imports handover and below.
"""

"""What the proof of a version stands on: what was recorded, made again, compared and told."""

"""fperank: relative hydrographs from camera photos and comparisons of photo pairs."""

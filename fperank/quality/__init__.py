"""What is wrong with a photo's picture: how it is measured, and when it is too far from the others.

From outside take `measures.measure` (a file -> figures) and `judge` (figures -> the station's usual
look, and the marks of each photo). Imports the hand-overs, photos and the ground.
"""

"""What one stage hands to the next, a module for each hand-over.

File names, table schemas, a typed summary, one function that writes and one class that reads;
`version` says where the folders lie. Whoever reads or writes a stage's output goes through here.
Imports params, photos (for a model's view) and the ground.
"""

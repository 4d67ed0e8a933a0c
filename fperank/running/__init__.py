"""What goes along with a run and shapes no byte of an output: the run log, the stages' shell.

Imports the ground only.
"""

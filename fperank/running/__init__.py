"""What goes along with a run and shapes no byte of an output.

stage      the stages' shell, and outputs whole or not at all
endings    how a stage or command ends, in one line
code       the code as it was when a stage began
runlog     what happened when and on what machine

Imports the ground only.
"""

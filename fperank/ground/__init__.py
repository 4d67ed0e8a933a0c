"""What shapes the bytes of outputs and knows nothing of photos or pairs; and the kinds of errors.

Files, numbers, ranks, variables, clocks, work in order. All of it may be taken from outside.
Imports nothing of fperank.
"""

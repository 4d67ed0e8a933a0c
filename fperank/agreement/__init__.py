"""Figures from scores: agreement with observed values and with the annotator, with intervals.

Take `material.load_material` and `evaluation.evaluate`. Imports network (for what the losses say of
ties), handover and below.
"""

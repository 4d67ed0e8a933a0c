"""Questions that take many trainings to answer, beside the pipeline: nothing of it depends on them.

learning_curve           how good a model is after how many comparisons
curve_drawing            the same as a picture

From outside: both. Imports training, scoring, agreement and what lies below.
"""

"""The Flow Photo Explorer's scoring job: image sets are scored where the explorer looks for them.

settings       what the job is told by options and environment
scoring_job    the model, the sets and the files of their scores

From outside: `settings.read_job`, `settings.own_names`, `scoring_job.score_imagesets`. Imports
publishing's `fpe_files` and what lies below.
"""

"""The five stages of the pipeline, each a thin script that `dvc.yaml` runs."""

"""A LightGBM model saved for ``mlflow models serve``: python tests/benchmarks/mlflow_served.py MODEL.txt FOLDER.

The model is stored as LightGBM's own text, so that it loads with MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false, and with a
signature: without one MLflow hands a column of nulls to LightGBM as objects, which refuses them. Serve it with
mlflow models serve -m FOLDER --env-manager local --port 3002 --workers 1.
"""

import sys
from pathlib import Path

import lightgbm
import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


def save(model, folder):
    """Save a model's text as an MLflow model that takes a table of doubles, any of which may be missing."""
    booster = lightgbm.Booster(model_file=str(model))
    columns = [ColSpec("double", name, required=False) for name in booster.feature_name()]
    mlflow.lightgbm.save_model(booster, str(folder), signature=ModelSignature(Schema(columns)), pip_requirements=[])


if __name__ == "__main__":
    save(Path(sys.argv[1]), Path(sys.argv[2]))

"""The least a scoring service can be: BentoML around one LightGBM model, no keys, no reasons, no audit.

``BARE_MODEL`` names a model as LightGBM writes it. Run it with ``bentoml serve bare:Bare`` in this folder, or with
``python bare.py PORT`` in one process.
"""

import os
import sys

import bentoml
import lightgbm
import numpy as np


@bentoml.service(name="bare", workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Bare:
    """Scores of rows of indicator values."""

    def __init__(self) -> None:
        self.model = lightgbm.Booster(model_file=os.environ["BARE_MODEL"])

    @bentoml.api
    def score(self, rows: list[list[float]]) -> list[float]:
        """The score of each row."""
        return [float(one) for one in self.model.predict(np.asarray(rows, dtype=float))]


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(Bare.to_asgi(is_main=True), port=int(sys.argv[1]), log_config=None, access_log=False)

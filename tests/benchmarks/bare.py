"""The least a scoring service can be: BentoML and a LightGBM model, a vector in, a probability out.

BARE_MODEL names the model's text file: BARE_MODEL=… bentoml serve tests.benchmarks.bare:Bare --port 3001, or, in one
process, python tests/benchmarks/bare.py 3001.
It checks no key and writes nothing down: what ours costs more is what keys, scope, audit and seals cost.
"""

import math
import os
import sys

import bentoml
import lightgbm
import numpy as np


@bentoml.service(name="bare", workers=1)
class Bare:
    """One booster; a missing value is null."""

    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_file=os.environ["BARE_MODEL"])

    @bentoml.api
    def predict(self, vector: list[float | None]) -> float:
        """The probability of one vector."""
        row = np.array([vector], np.float64)
        return 1 / (1 + math.exp(-float(self.booster.predict(row, raw_score=True, num_threads=1)[0])))


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(Bare.to_asgi(is_main=True), port=int(sys.argv[1]), log_config=None, access_log=False)

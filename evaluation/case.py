"""A scheme to be judged: the task it answers, how it was trained, and what it is judged beside."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluation.backtest import Scored
from evaluation.shown import Words
from training import fit
from training.cohort import HEADLINE
from training.looking import Watching
from training.retrain import SAMPLE, Trained
from training.sample import Sample
from training.scheme import Scheme
from training.task import Task


@dataclass(frozen=True)
class Case:
    """A scheme to be judged: how it was trained, the reigning champion if any, and how much to replay.

    ``origins`` is how many earlier as-of dates the backtest refits; ``truth`` is the folder of a simulated province's
    truth, which only these studies read.
    """

    task: Task
    trained: Trained
    scheme: Scheme
    champion: Scheme | None = None
    truth: Path | None = None
    origins: int = 2

    @cached_property
    def scored(self) -> pa.Table:
        """The pairs of the test part as the scheme saw them."""
        table = pq.read_table(self.trained.scored, page_checksum_verification=True)
        return table.filter(pc.equal(table["part"], "test"))

    @cached_property
    def headline(self) -> Scored:
        """The headline pairs of the test part, as arrays."""
        return pairs_of(self.scored, HEADLINE)

    @cached_property
    def sample(self) -> Sample:
        """The matrix the scheme was made from."""
        folder = self.trained.folder.parent.parent / SAMPLE
        return Sample.read(folder, fit.layout(self.task.definitions, self.task.outcome))

    @cached_property
    def fitted_on(self) -> fit.Rows:
        """The rows of the fit part."""
        return self.sample.rows("fit")

    @cached_property
    def tested_with(self) -> fit.Rows:
        """The rows of the test part, those of ``headline``."""
        return self.sample.rows("test")

    @cached_property
    def watching(self) -> Watching:
        """Who is looked at, as the fit part tells."""
        return Watching.fitted(self.task, self.fitted_on, self.sample.layout)

    @cached_property
    def kind_words(self) -> dict[str, Words]:
        """The kinds of the profile in words, by code."""
        return {kind.code: (kind.label, kind.label_en) for kind in self.task.profile.kinds}

    @property
    def tested_on(self) -> date:
        """The last as-of date of the test part."""
        last: date = pc.max(self.scored["as_of"]).as_py()
        return last


def pairs_of(table: pa.Table, stratum: str) -> Scored:
    """Scored pairs of one stratum, as arrays."""
    rows = table.filter(pc.equal(table["stratum"], stratum))
    return Scored(
        entity=rows["entity"].to_numpy().astype(np.int64),
        kind=rows["kind"].to_numpy().astype(np.int64),
        outcome=rows["label"].to_numpy().astype(bool),
        weight=rows["weight"].to_numpy(),
        margin=rows["margin"].to_numpy(),
        probability=rows["probability"].to_numpy(),
    )

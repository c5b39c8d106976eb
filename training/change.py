"""Why a class or a probability is another than before: what is owed to data, model, threshold, rule and steadiness.

Each part is what changes when one thing alone is exchanged, in this order: the values of the indicators, the boosters
with their curves, the cutoffs, the rules, and what steadiness holds back. So parts add up to the whole by making.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.matrix import Batch
from training.confidence import odds
from training.cutoffs import Classes
from training.errors import SchemeError
from training.scheme import Scheme

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

DATA, MODEL, THRESHOLD, RULE, STEADINESS = "data", "model", "threshold", "rule", "steadiness"
PARTS = (DATA, MODEL, THRESHOLD, RULE, STEADINESS)


@dataclass(frozen=True)
class Side:
    """Some entities in one month under its scheme: the batch of their indicators, and the classes they were given.

    ``model_class`` is after steadiness, ``final_class`` after rules.
    """

    scheme: Scheme
    batch: Batch
    model_class: Classes
    final_class: Classes

    @cached_property
    def raw_class(self) -> Classes:
        """What the cutoffs alone say."""
        return self.scheme.raw_classes(_probability(self.scheme, self.batch), self.batch.kind)


@dataclass(frozen=True)
class Change:
    """What changed for some entities from one month to a later one.

    ``log_odds`` holds the parts of the change of logit(p): data and model; ``steps`` those of the change of class, in
    classes (positive is riskier): all ``PARTS``. ``lines`` (rows × lines of the earlier scheme) is what every
    indicator's contribution changed by under the earlier scheme; their sum is the data's part of the margin.
    """

    log_odds: Mapping[str, Floats]
    steps: Mapping[str, Steps]
    lines: Floats
    log_odds_in_all: Floats
    steps_in_all: Steps

    @property
    def largest_rest(self) -> float:
        """The largest distance of any whole from the sum of its parts."""
        odds = np.abs(self.log_odds_in_all - sum(self.log_odds.values())).max(initial=0.0)
        steps = np.abs(self.steps_in_all - sum(self.steps.values())).max(initial=0)
        return float(max(odds, steps))


def change(before: Side, after: Side) -> Change:
    """The change of the same entities, in the same order, between two months.

    SchemeError where the entities or the kinds of the two schemes are not the same.
    """
    old, new = before.scheme, after.scheme
    if not np.array_equal(before.batch.entity, after.batch.entity) or old.kinds != new.kinds:
        raise SchemeError(
            f"A change from scheme {old.digest[:12]} to {new.digest[:12]} was asked of {len(before.batch.entity)} and "
            f"{len(after.batch.entity)} entities; expected the same entities in the same order, and schemes of the "
            "same kinds. Nothing was split; compare months of one place."
        )
    was, then, now = (
        _probability(scheme, batch) for scheme, batch in ((old, before.batch), (old, after.batch), (new, after.batch))
    )
    kind = after.batch.kind
    before_raw, then_raw, now_raw = before.raw_class, old.raw_classes(then, kind), old.raw_classes(now, kind)
    return Change(
        log_odds={DATA: odds(then) - odds(was), MODEL: odds(now) - odds(then)},
        steps={
            DATA: _steps(before_raw, then_raw),
            MODEL: _steps(then_raw, now_raw),
            THRESHOLD: _steps(now_raw, after.raw_class),
            RULE: _steps(before.final_class - before.model_class, after.final_class - after.model_class),
            STEADINESS: _steps(before.model_class - before_raw, after.model_class - after.raw_class),
        },
        lines=_lines(old, after.batch) - _lines(old, before.batch),
        log_odds_in_all=odds(now) - odds(was),
        steps_in_all=_steps(before.final_class, after.final_class),
    )


def _steps(before: Classes, after: Classes) -> Steps:
    return after.astype(np.int64) - before


def _probability(scheme: Scheme, batch: Batch) -> Floats:
    return scheme.probabilities(scheme.margins(scheme.aligned(batch), batch.kind), batch.kind)


def _lines(scheme: Scheme, batch: Batch) -> Floats:
    return scheme.contributions(scheme.aligned(batch), batch.kind, bulk=False)

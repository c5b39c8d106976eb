"""From one month's class to the next: no step without a cause, and every change with its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.cutoffs import Classes, Cutoffs, RiskClass
from training.errors import SchemeError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Causes = npt.NDArray[np.str_]

CAUSES = (
    "first",  # no earlier month
    "unchanged",
    "rule",  # a direct-determination rule applies anew
    "rule_ended",  # a rule fell away
    "new_record",  # a new adverse record became known
    "state_reached",  # a dated state was reached: a report overdue, a licence expired
    "eased",  # a record was annulled, repaired or removed
    "scheme",  # another scheme, no new fact
    "improved",  # values moved past the margin for the better
    "worsened",  # values moved past the margin for the worse
    "held_by_margin",  # would change, but has not passed the margin or takes one step a month
)


@dataclass(frozen=True)
class Steadiness:
    """How far a probability must pass a cutoff without a fact, and how many classes better a month allows."""

    margin: float
    steps_better: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.margin < 1.0 or self.steps_better < 1:
            raise SchemeError(
                f"Steadiness has margin {self.margin} and {self.steps_better} steps; expected a margin in [0, 1) "
                "and at least one step."
            )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Steadiness":
        """The settings of a dated row of ``steadiness.yaml`` or of a scheme's text."""
        return cls(float(row["margin"]), int(row["steps_better"]))

    def written(self) -> dict[str, Any]:
        """The settings as they stand in a scheme's text."""
        return {"margin": self.margin, "steps_better": self.steps_better}


@dataclass(frozen=True)
class Before:
    """What the last sealed month held for some entities, and which facts came since; −1 is no earlier class."""

    final: Classes
    model: Classes
    ruled: Classes
    adverse: Mask
    state_reached: Mask
    eased: Mask
    other_scheme: Mask

    def rows(self, wanted: Mask) -> "Before":
        """Only these rows."""
        return Before(**{name: column[wanted] for name, column in vars(self).items()})


def aligned(previous: pa.Table | None, entities: npt.NDArray[np.int32], scheme: str, *, ruled: Classes) -> Before:
    """The rows of ``previous`` for some entities; a rule that fell away (``ruled`` is what rules demand now) eases.

    ``previous`` has columns entity, class (A…D), band (the model class after steadiness), and optionally ruled (the
    class rules demanded), scheme (digest), adverse, state_reached and eased (booleans, false when absent).
    """
    count = len(entities)
    if previous is None or not len(previous):
        none, no = np.full(count, -1, np.int8), np.zeros(count, np.bool_)
        return Before(none, none, np.full(count, RiskClass.A, np.int8), no, no, no, no)
    if np.array_equal(previous["entity"].to_numpy(), entities):  # as they are asked for already
        known, taken = np.ones(count, np.bool_), previous
    else:
        ordered = previous.sort_by("entity")
        keys = ordered["entity"].to_numpy()
        place = np.minimum(np.searchsorted(keys, entities), len(keys) - 1)
        known, taken = keys[place] == entities, ordered.take(pa.array(place))

    def flag(name: str) -> Mask:
        if name not in taken.column_names:
            return np.zeros(count, np.bool_)
        raised = np.asarray(taken[name].fill_null(False).to_numpy(), np.bool_)
        return known & raised

    final = np.where(known, _numbers(taken["class"]), -1).astype(np.int8)
    model = np.where(known, _numbers(taken["band"]), -1).astype(np.int8)
    demanded = _numbers(taken["ruled"]) if "ruled" in taken.column_names else np.where(final > model, final, 0)
    demanded = np.where(known, demanded, RiskClass.A).astype(np.int8)
    made_by = taken["scheme"].to_pylist() if "scheme" in taken.column_names else [scheme] * count
    return Before(
        final=final,
        model=model,
        ruled=demanded,
        adverse=flag("adverse"),
        state_reached=flag("state_reached"),
        eased=flag("eased") | (demanded > ruled),
        other_scheme=known & np.array([digest != scheme for digest in made_by], np.bool_),
    )


def steadied(settings: Steadiness, before: Before, probability: Floats, cutoffs: Cutoffs) -> Classes:
    """The model class after steadiness of entities of one kind.

    A fact moves the class at once: adverse for the worse, eased for the better. Without one it moves at most one class
    worse, and so many better, and only when the probability has passed the cutoff by the margin.
    """
    raw = cutoffs.classes(probability)
    last = np.where(before.model < 0, raw, before.model).astype(np.int8)
    better = np.maximum(cutoffs.classes(probability / (1.0 - settings.margin)), last - settings.steps_better)
    worse = np.minimum(cutoffs.classes(probability / (1.0 + settings.margin)), last + 1)
    calm = np.where(raw < last, np.minimum(better, last), np.maximum(worse, last))
    at_once = ((raw > last) & (before.adverse | before.state_reached)) | ((raw < last) & before.eased)
    return np.where(at_once | (raw == last), raw, calm).astype(np.int8)


def causes(before: Before, raw: Classes, final: Classes, ruled: Classes) -> Causes:
    """Why every entity's class is what it is, compared with last month: one of ``CAUSES``.

    ``raw`` is the class of the cutoffs alone, ``ruled`` what rules demand now, ``final`` the class that stands.
    """
    first = before.final < 0
    up, down = ~first & (final > before.final), ~first & (final < before.final)
    found = np.full(len(final), "unchanged", dtype="U16")
    found[~first & ~up & ~down & (np.maximum(raw, ruled) != final)] = "held_by_margin"
    found[up] = "worsened"
    found[down] = "improved"
    found[(up | down) & before.other_scheme] = "scheme"
    found[up & before.state_reached] = "state_reached"
    found[up & before.adverse] = "new_record"
    found[down & before.eased] = "eased"
    found[up & (ruled > before.ruled) & (ruled == final)] = "rule"
    found[down & (ruled < before.ruled)] = "rule_ended"
    found[first] = "first"
    return found


def _numbers(classes: pa.ChunkedArray) -> Classes:
    names = pa.array([risk.name for risk in RiskClass])
    found: Classes = pc.index_in(classes.cast(pa.string()), value_set=names).to_numpy().astype(np.int8)
    return found

"""What is to be trained: a lake, definitions, what was known by a day, an outcome, a method."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from features import steps
from features.asof import month_end_on_or_before
from features.engine import Engine
from features.indicators.catalogue import Definitions
from features.matrix import matrix_key
from features.profile import Profile
from features.reading import Lake, Reading
from training.card import CARD
from training.draws import DRAWS
from training.errors import SchemeError
from training.fit import TreeSettings
from training.labels import Knowledge
from training.outcomes import Outcome, read_outcomes
from training.pairs import Sampling

TREES = "trees"
MADE = {TREES: "made", CARD: "card"}  # the folder of what a method made, beside the sample they share


@dataclass(frozen=True)
class Task:
    """What to train: on which lake and definitions, knowing what was known by a day, for which outcome.

    ``method`` is ``trees`` or ``card``, the points score card on the same indicators.
    ``held_out`` keeps a test part later than all others; a replay of the past tests elsewhere and needs none.
    ``version`` is what the indicator system of these definitions is called, null where none was drafted.
    """

    lake: Lake
    definitions: Definitions
    known_by: date
    outcome_code: str | None = None
    engine: str = "polars"
    held_out: bool = True
    version: str | None = None
    method: str = TREES

    def __post_init__(self) -> None:
        if self.method not in MADE:
            raise SchemeError(f"No method {self.method!r}; expected one of {', '.join(MADE)}. Nothing was trained.")

    @property
    def profile(self) -> Profile:
        """The profile of the lake."""
        return self.lake.profile

    @cached_property
    def outcome(self) -> Outcome:
        """The outcome asked for, or the profile's first."""
        known = read_outcomes(self.profile)
        code = self.outcome_code or next(iter(known))
        if code not in known:
            raise SchemeError(f"No outcome {code!r} in profile {self.profile.name}; it has {', '.join(known)}.")
        return known[code]

    @property
    def wider(self) -> Outcome | None:
        """The wider outcome that every second booster learns; null where all learn the task's own."""
        name = self.outcome.learns_from
        return None if name is None else read_outcomes(self.profile)[name]

    @cached_property
    def model(self) -> Mapping[str, Any]:
        """The profile's ``model.yaml``."""
        found: Mapping[str, Any] = self.profile.table("model")
        return found

    @property
    def trees(self) -> TreeSettings:
        """How trees are grown, as the profile says for the outcome."""
        return TreeSettings.read({**self.model["trees"], **self.outcome.trees})

    @property
    def sampling(self) -> Sampling:
        """How pairs are sampled."""
        return Sampling.read(self.model["sample"], self.definitions.member)

    @property
    def knowledge(self) -> Knowledge:
        """What labels are read from."""
        return Knowledge(Reading(self.lake, Engine(self.engine)), self.known_by)

    @property
    def reference_month(self) -> date:
        """The month end whose population the cutoffs are chosen on."""
        return month_end_on_or_before(self.known_by)

    @cached_property
    def matrix_key(self) -> str:
        """The key of everything known by the day, and of the definitions."""
        return matrix_key(self.lake, self.definitions, self.known_by)

    def inputs(self, *files: str) -> dict[str, Any]:
        """What a step depends on that reads these files of the profile."""
        read = (*files, DRAWS) if self.outcome.drawn else files
        stated = {name: steps.key_of({name: self.profile.table(name)}) for name in read}
        return {"matrix": self.matrix_key, "outcome": self.outcome.code, "held_out": self.held_out, **stated}

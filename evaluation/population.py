"""Everyone as one scheme classifies them on a date: for shares, draws, stability and what must hold exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.checks import ClassShares, Coverage, Sanity, Stability
from evaluation.metrics import Flags, Floats, Integers
from evaluation.stability import migration, psi, shifts
from features.asof import Month
from features.indicators.catalogue import Definitions, populations
from features.indicators.language import PeerRate
from features.matrix import Batch, batches, registrations
from features.profile import Profile
from training.classified import Classified
from training.cutoffs import RiskClass, Shares, class_shares
from training.facts import Movers, Previous, Span, new_facts
from training.pairs import trainable
from training.scheme import Scheme
from training.steadiness import aligned
from training.task import Task

UNKNOWN_KIND = "unknown_kind"
KEPT_ROWS = 50_000
TRIED_ROWS = 500
NAMES = np.array([risk.name for risk in RiskClass])


@dataclass(frozen=True)
class Population:
    """In-scope entities of a known kind on a date, with classes; ``counted`` excludes those never trained on.

    ``raw_class`` is what the cutoffs alone say, ``model_class`` the same after steadiness. ``moved`` marks entities
    about whom something new became known since the earlier date, whether it moved their class or not. ``confidence``
    is −1 for a scheme without bags.
    ``values`` are those of every ``stride``-th entity, columns as ``columns``, with their keys and kinds beside;
    ``states`` has everyone's values of the dated states, ``rules`` the codes of the rules everyone meets.
    """

    as_of: date
    scheme: str
    entity: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    probability: Floats
    raw_class: npt.NDArray[np.int8]
    model_class: npt.NDArray[np.int8]
    ruled: npt.NDArray[np.int8]
    final_class: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.int8]
    counted: Flags
    moved: Flags
    columns: tuple[str, ...]
    values: Floats
    values_kind: npt.NDArray[np.int8]
    values_entity: npt.NDArray[np.int32]
    states: pa.Table
    rules: pa.ListArray

    def class_of(self, entities: Integers) -> Integers:
        """The class number of some entities; −1 for those not counted on that date."""
        if not len(self.entity):
            return np.full(len(entities), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.entity, entities), len(self.entity) - 1)
        known = (self.entity[place] == entities) & self.counted[place]
        return np.where(known, self.final_class[place], -1).astype(np.int64)

    def as_previous(self) -> pa.Table:
        """The classes as ``scheme.classify`` reads them of an earlier month."""
        columns = {"class": self.final_class, "band": self.model_class, "ruled": self.ruled}
        named = {name: pa.array(NAMES[numbers]) for name, numbers in columns.items()}
        made_by = pa.array([self.scheme] * len(self.entity), pa.string())
        return pa.table({"entity": pa.array(self.entity, pa.int32()), **named, "scheme": made_by})


def classified(
    task: Task,
    scheme: Scheme,
    *,
    as_of: date,
    before: Population | None = None,
    previous: Previous | None = None,
) -> Population:
    """The population of a date under a scheme; ``before`` is an earlier one, for steadiness, or ``previous`` the last
    sealed month."""
    states = movers_on(task, as_of).states
    previous = previous if before is None else _previous(task, before, as_of)
    trained_on = trainable(task.knowledge, task.sampling, as_of=as_of)["entity"].to_numpy()
    stride = max(1, task.lake.register().num_rows // KEPT_ROWS)
    parts, moved, seen = [], [np.empty(0, bool)], [pa.table({"entity": pa.array([], pa.int32())})]
    values = [np.empty((0, len(scheme.columns)))]
    for batch in batches(task.lake, task.definitions, as_of=as_of, engine=task.engine):
        known = batch.kind >= 0
        part = Batch(as_of, batch.entity[known], batch.kind[known], batch.values[known], batch.columns)
        at = None if previous is None else previous.at(part)
        found = scheme.classify(part, at)
        parts.append(found)
        moved.append(_moved(scheme, found, at))
        seen.append(_states(part, states))
        values.append(scheme.aligned(part)[::stride])
    entity, kind = _joined(parts, "entity", np.int32), _joined(parts, "kind", np.int8)
    places = [np.arange(len(part.entity))[::stride] + start for part, start in zip(parts, _starts(parts), strict=True)]
    kept = np.concatenate(places or [np.empty(0, np.int64)])
    classes = ("raw_class", "model_class", "ruled", "final_class", "confidence")
    return Population(
        as_of=as_of,
        scheme=scheme.digest,
        entity=entity,
        kind=kind,
        probability=_joined(parts, "probability", np.float64),
        **{name: _joined(parts, name, np.int8) for name in classes},
        counted=np.isin(entity, trained_on),
        moved=np.concatenate(moved),
        columns=scheme.columns,
        values=np.concatenate(values),
        values_kind=kind[kept],
        values_entity=entity[kept],
        states=pa.concat_tables(seen, promote_options="default").combine_chunks(),
        rules=pa.concat_arrays([pa.array([], pa.list_(pa.string())), *(part.rules for part in parts)]),
    )


def _starts(parts: Sequence[Classified]) -> list[int]:
    """Where the entities of every batch begin among all."""
    found: list[int] = np.cumsum([0, *(len(part.entity) for part in parts)])[:-1].tolist()
    return found


def _joined(parts: Sequence[Classified], name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
    """One array of all batches."""
    return np.concatenate([getattr(part, name) for part in parts] or [np.empty(0, kind)])


def movers_on(task: Task, as_of: date) -> Movers:
    """The facts and states that move a class at once, as the profile says on a day."""
    return Movers.read(task.profile.dated("steadiness", as_of))


def _previous(task: Task, before: Population, as_of: date) -> Previous:
    facts = new_facts(task.knowledge.reading, movers_on(task, as_of), Span(before.as_of, as_of))
    return Previous(before.as_previous().join(facts, "entity").sort_by("entity"), before.states)


def _moved(scheme: Scheme, found: Classified, before: pa.Table | None) -> Flags:
    """Whose class something new may have moved: a fact, a state reached, a rule that applies anew or fell away."""
    then = aligned(before, found.entity, scheme.digest, ruled=found.ruled)
    anew = (then.final >= 0) & (found.ruled > then.ruled)
    return np.asarray(then.adverse | then.state_reached | then.eased | anew)


def _states(batch: Batch, states: Sequence[str]) -> pa.Table:
    columns = {name: batch.values[:, batch.columns.index(name)] for name in states if name in batch.columns}
    return pa.table({"entity": batch.entity, **{name: pa.array(found) for name, found in columns.items()}})


def coverage(task: Task, found: Population) -> Coverage:
    """Who of everyone registered and in scope on the date has a class, and why the others have none."""
    rows = registrations(task.lake, as_of=found.as_of, engine=task.engine, member=task.definitions.member)
    rows = rows.filter(pc.field("in_scope"))
    has_class = np.isin(rows["entity"].to_numpy(), found.entity[found.final_class >= 0])
    unknown = ~has_class & (rows["kind"].to_numpy() < 0)
    reasons = {UNKNOWN_KIND: int(unknown.sum())} if unknown.any() else {}
    return Coverage(rows.num_rows, int(has_class.sum()), reasons, int((~has_class & ~unknown).sum()))


def settled(task: Task, scheme: Scheme, *, as_of: date) -> Population:
    """The population of a date in the second month of a scheme: in its first nobody has a class before, so nobody is
    held at the edge of a margin yet."""
    first = classified(task, scheme, as_of=Month.of(as_of).shift(-1).end)
    return classified(task, scheme, as_of=as_of, before=first)


def shares(found: Population, profile: Profile) -> dict[str, ClassShares]:
    """Classes of every kind beside what the profile wants of them on that date."""
    wanted = profile.dated("classes", found.as_of, under="targets")["kinds"]
    return {code: _shares(found, number, wanted[code]) for number, code in enumerate(profile.kind_codes)}


def _shares(found: Population, kind: int, wanted: Mapping[str, object]) -> ClassShares:
    rows = (found.kind == kind) & found.counted
    classes = found.final_class[rows]
    targets = Shares.read(wanted)
    return ClassShares(
        entities=int(rows.sum()),
        counts={risk.name: int((classes == risk).sum()) for risk in RiskClass},
        shares=class_shares(classes),
        model_shares=class_shares(found.model_class[rows]),
        target=dict(targets.target),
        guard=dict(targets.guard),
    )


def compared(
    before: Population, after: Population, definitions: Definitions, taken_over: tuple[Population, Population]
) -> Stability:
    """What changed from one date to a later one: probability and own features under one scheme, classes as it would
    take over."""
    own = _own_features(definitions)
    columns = [place for place, name in enumerate(before.columns) if name in own]
    reigned, taken = taken_over
    was = (reigned.entity[reigned.counted].astype(np.int64), reigned.final_class[reigned.counted])
    calm = taken.counted & ~taken.moved
    return Stability(
        before=str(Month.of(before.as_of)),
        after=str(Month.of(after.as_of)),
        psi_probability=psi(before.probability, after.probability),
        shifts=shifts(
            {before.columns[place]: before.values[:, place] for place in columns},
            {before.columns[place]: after.values[:, place] for place in columns},
        ),
        migration=migration(was, (taken.entity[taken.counted].astype(np.int64), taken.final_class[taken.counted])),
        calm=migration(was, (taken.entity[calm].astype(np.int64), taken.final_class[calm])),
        takes_over=reigned.scheme != taken.scheme,
    )


def _own_features(definitions: Definitions) -> set[str]:
    """Features that say something of the entity alone.

    A peer rate has as few independent values as there are groups, and they all move when one event enters or leaves a
    window: its bins would shift by whole industries where nothing happened.
    """
    return {
        code
        for code in definitions.with_role("feature")
        if not any(isinstance(part, PeerRate) for part in populations(definitions.by_code[code].value))
    }


def sanity(task: Task, scheme: Scheme, found: Population) -> Sanity:
    """Whether more of a riskier indicator (less of a safer one) ever lowers the margin, and how exactly lines add up.

    Every monotone feature of some hundred entities is moved one unit, and doubled, towards the riskier side.
    """
    stride = max(1, len(found.values) // TRIED_ROWS)
    values, kind = found.values[::stride], found.values_kind[::stride]
    margins = scheme.margins(values, kind)
    checked = violations = 0
    for name in scheme.features:
        indicator = task.definitions.by_code[name]
        if not indicator.monotone or indicator.direction not in {"riskier", "safer"}:
            continue
        place = scheme.columns.index(name)
        rows = ~np.isnan(values[:, place])
        moved = values[rows].copy()
        step = np.maximum(1.0, np.abs(moved[:, place]))
        moved[:, place] += step if indicator.direction == "riskier" else -step
        lowered = scheme.margins(moved, kind[rows]) < margins[rows]
        checked, violations = checked + len(lowered), violations + int(lowered.sum())
    lines = scheme.contributions(values, kind, bulk=True)
    error = float(np.abs(scheme.base + lines.sum(axis=1) - margins).max()) if len(values) else 0.0
    return Sanity(checked, violations, error)

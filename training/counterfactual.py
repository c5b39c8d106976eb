"""What would change the class: an exact search over an entity's own acts, each applied through the indicators.

Of the acts a profile lists an entity has some switches, one an act and record it applies to. Every set of at most three
that brings along what its acts need is supposed done at T, the indicators are worked out anew on the records that would
then be known, and the scheme says the class. What is promised is the class the cutoffs and rules say, compared with the
same class now: steadiness looks at the month before and at how things came about, so the class a month publishes may
get there in steps (``steps_better``), never beyond what is promised here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations

import numpy as np
import numpy.typing as npt

from features.compile import fields_read
from features.engine import DUCKDB
from features.indicators.catalogue import Definitions, aggregates, populations
from features.indicators.language import Indicator
from features.matrix import Batch
from features.reading import Reading
from features.records.schema import REGISTER, RecordType
from training.acts import Act
from training.classified import Classified
from training.cutoffs import Classes, RiskClass
from training.errors import SchemeError
from training.scheme import Scheme
from training.supposed import POLARS, Case, Own, Pipeline, Switch, switches

MOST_SWITCHES, MOST_ACTS = 15, 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Whose ways are looked for: rows of a matrix of known kinds, the definitions it was made with, the acts tried."""

    definitions: Definitions
    acts: tuple[Act, ...]
    batch: Batch


@dataclass(frozen=True)
class Way:
    """A set of acts, and the class and probability it leads to."""

    switches: tuple[Switch, ...]
    risk_class: RiskClass
    probability: float


@dataclass(frozen=True)
class Recourse:
    """What an entity can do: its class by cutoffs and rules, its switches, and the ways to a safer class, best first.

    ``ruled`` is the class rules alone demand now, ``left_out`` how many switches beyond the first fifteen were not
    tried, ``tried`` where every set leads, ``all_done`` where all switches together do, however many they are. None of
    the acts of a way could be left out and the same class be reached.
    """

    entity: int
    kind: int
    risk_class: RiskClass
    ruled: RiskClass
    probability: float
    switches: tuple[Switch, ...]
    left_out: int
    tried: tuple[Way, ...]
    all_done: Way
    ways: tuple[Way, ...]

    @property
    def without_recourse(self) -> bool:
        """Whether nothing the entity could do reaches a safer class."""
        return not self.ways


def ways(reading: Reading, scheme: Scheme, asked: Asked) -> list[Recourse]:
    """What every entity of the batch can do, in its order; SchemeError when its values do not come out again.

    The queries run over all sets of all entities together.
    """
    bench = Bench.of(reading, asked)
    tried = [list(bench.cases(entity)) for entity in asked.batch.entity.tolist()]
    found = bench.classified(scheme, list(chain.from_iterable(tried)))
    starts = accumulate((len(cases) for cases in tried), initial=0)
    return [bench.recourse(cases, found, start) for cases, start in zip(tried, starts, strict=False)]


@dataclass(frozen=True)
class Tried:
    """Sets of acts applied once more: the class each leads to, and how many touched what their acts do not name."""

    classes: Classes
    astray: int


def tried_again(reading: Reading, scheme: Scheme, asked: Asked, cases: Sequence[Case]) -> Tried:
    """The classes of some cases of the batch, worked out anew and apart from ``ways``, on the other engine."""
    bench = Bench.of(reading, asked, engine=DUCKDB)
    return Tried(bench.classified(scheme, cases).final_class, bench.pipeline.astray(cases))


def effective(acts: Sequence[Act], definitions: Definitions, types: Mapping[str, RecordType]) -> tuple[Act, ...]:
    """The acts some indicator of the entity's own records notices, and those they need."""
    read = _columns_read(read_alone(definitions), types)
    kept: set[str] = set()
    for act in reversed(acts):
        event = {"event_date"} if types[act.record_type].event_date in act.states else set()
        noticed = act.missed or (read.get(act.record_type, set()) & ({*act.states} | event))
        if act.code in kept or (noticed and act.record_type in read):
            kept |= {act.code, *act.needs}
    return tuple(act for act in acts if act.code in kept)


def read_alone(definitions: Definitions) -> tuple[Indicator, ...]:
    """The indicators that read nobody's records but the entity's own; the others are held as they are."""
    return tuple(one for one in definitions.indicators if not any(populations(one.value)))


def _columns_read(indicators: Sequence[Indicator], types: Mapping[str, RecordType]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in indicators:
        for part in aggregates(one.value):
            columns = {*fields_read(part.rows, types[part.rows.record_type])}
            columns |= {part.field or "event_date"} if part.op != "count" else set()
            columns |= {"event_date"} if part.rows.window else set()
            found.setdefault(part.rows.record_type, set()).update(columns)
    return found


@dataclass(frozen=True)
class Bench:
    """The records, switches and touched indicators of everyone asked about, ready to try sets of acts."""

    asked: Asked
    pipeline: Pipeline
    options: Mapping[int, tuple[Switch, ...]]
    left_out: Mapping[int, int]

    @classmethod
    def of(cls, reading: Reading, asked: Asked, *, engine: str = POLARS) -> "Bench":
        """Own records are read once a record type; only indicators that read a record type some switch touches run."""
        acts = effective(asked.acts, asked.definitions, reading.types)
        entities, as_of = asked.batch.entity.tolist(), asked.batch.as_of
        concerned = {REGISTER}.union(*(act.about for act in acts))
        found = switches(Own.read(reading, concerned, as_of=as_of, entities=entities), acts)
        by_code = {act.code: act for act in acts}
        touched = {by_code[one.act].record_type for listed in found.values() for one in listed}
        indicators = tuple(one for one in read_alone(asked.definitions) if types_read(one) & touched)
        needed = {REGISTER, *touched}.union(*(types_read(one) for one in indicators))
        own = Own.read(reading, needed, as_of=as_of, entities=entities)
        return cls(
            asked,
            Pipeline(own, by_code, indicators, engine),
            {entity: tuple(listed[:MOST_SWITCHES]) for entity, listed in found.items()},
            {entity: max(0, len(listed) - MOST_SWITCHES) for entity, listed in found.items()},
        )

    def cases(self, entity: int) -> Iterator[Case]:
        """The entity as it is, every set of switches that brings along what its acts need, small ones first; all."""
        options = self.options.get(entity, ())
        yield Case(entity)
        for size in range(1, MOST_ACTS + 1):
            for chosen in combinations(options, size):
                if self._complete(chosen, options):
                    yield Case(entity, chosen)
        if len(options) > MOST_ACTS:
            yield Case(entity, options)

    def _complete(self, chosen: Sequence[Switch], options: Sequence[Switch]) -> bool:
        needed = {code for one in chosen for code in self.pipeline.acts[one.act].needs}
        return all(one in chosen for one in options if one.act in needed)

    def classified(self, scheme: Scheme, cases: Sequence[Case]) -> Classified:
        """The classes of cases without steadiness: values of touched indicators worked out anew, all others held."""
        batch = self.asked.batch
        place = {entity: row for row, entity in enumerate(batch.entity.tolist())}
        rows = np.array([place[case.entity] for case in cases], np.int64)
        values = batch.values[rows]
        anew = self.pipeline.values(cases)
        for number, indicator in enumerate(self.pipeline.indicators):
            if indicator.code in batch.columns:
                column = batch.columns.index(indicator.code)
                self._check(cases, indicator.code, values[:, column], anew[:, number])
                values[:, column] = anew[:, number]
        supposed = Batch(batch.as_of, batch.entity[rows], batch.kind[rows], values, batch.columns)
        return scheme.classify(supposed, None)

    def _check(self, cases: Sequence[Case], code: str, known: Floats, anew: Floats) -> None:
        """Entities as they are must come out as they were given, to the bit: else the pipeline is another one."""
        same = (known.view(np.int64) == anew.view(np.int64)) | (np.isnan(known) & np.isnan(anew))
        for number in np.flatnonzero(~same).tolist():
            if not cases[number].switches:
                raise SchemeError(
                    f"Indicator {code} of entity {cases[number].entity} as of {self.asked.batch.as_of} was given as "
                    f"{known[number]} and comes out as {anew[number]} without any act: records or definitions are not "
                    "those the values were made from. No way was looked for; compute the values again."
                )

    def recourse(self, cases: Sequence[Case], found: Classified, start: int) -> Recourse:
        """What one entity can do, from its cases (the first as it is) and the classes found from a place on."""
        entity = cases[0].entity
        now = RiskClass(int(found.final_class[start]))
        tried = [
            Way(case.switches, RiskClass(int(found.final_class[number])), float(found.probability[number]))
            for number, case in enumerate(cases, start)
        ]
        few = tuple(way for way in tried[1:] if len(way.switches) <= MOST_ACTS)
        return Recourse(
            entity=entity,
            kind=int(found.kind[start]),
            risk_class=now,
            ruled=RiskClass(int(found.ruled[start])),
            probability=tried[0].probability,
            switches=self.options.get(entity, ()),
            left_out=self.left_out.get(entity, 0),
            tried=few,
            all_done=tried[-1],
            ways=minimal(few, now),
        )


def minimal(tried: Sequence[Way], now: RiskClass) -> tuple[Way, ...]:
    """The ways to a safer class that no smaller one among their own acts reaches, best first.

    Best is the safest class, then the fewest acts, then the lowest probability; ``tried`` comes smaller sets first.
    """
    kept: list[Way] = []
    for way in tried:
        within = (one for one in kept if set(one.switches) <= set(way.switches))
        if way.risk_class < now and all(one.risk_class > way.risk_class for one in within):
            kept.append(way)
    return tuple(sorted(kept, key=lambda way: (way.risk_class, len(way.switches), way.probability)))


def types_read(indicator: Indicator) -> set[str]:
    """The record types of the entity's own records an indicator reads."""
    return {part.rows.record_type for part in aggregates(indicator.value)}

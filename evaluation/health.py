"""The health of every indicator in a month: coverage, why it is null, freshness, stability, predictive value."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluation.metrics import Flags, Floats, Integers, auc, rank
from evaluation.stability import psi
from features.compile import EPOCH, before_coverage
from features.engine import Engine, Ranged
from features.formulas import as_of_column
from features.indicators.catalogue import Definitions, aggregates
from features.indicators.language import Aggregate, Indicator, Rows
from features.matrix import BATCH, Batch, Known, Queries, beside, looking_at_everyone, registrations, wide
from features.placing import Axis
from features.profile import Profile
from features.reading import Lake, Reading
from training.cohort import HEADLINE
from training.sample import MATRIX, PAIRS

NOT_APPLICABLE, UNKNOWN_KIND = "not_applicable", "unknown_kind"
BEFORE_COVERAGE, NO_RECORD, NO_VALUE = "before_coverage", "no_record", "no_value"
NULLS = (NOT_APPLICABLE, UNKNOWN_KIND, BEFORE_COVERAGE, NO_RECORD, NO_VALUE)
KEPT_ROWS = 50_000  # entities of a month whose values are kept to compare two months
OLDEST = 2**16  # days: what is older counts as so old
NEVER = -(2**31)  # the day of the newest record of an entity that has none
NOT_IN_SAMPLE, FEW_OUTCOMES = "not_in_sample", "few_outcomes"
FEWEST_OUTCOMES = 10  # positives, and others: an order of fewer is chance
NO_MONTH, NOT_IN_MODEL = "no_month", "not_in_model"
NO_SCHEME, SCHEME_LATER, NO_ENTITIES = "no_scheme", "scheme_later", "no_entities"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Seen:
    """One month of one indicator: entities in scope, of its kinds, with a value; nulls by reason; age in days of the
    newest record of its record types (median over those that have one).

    in_scope = valued + the nulls of all reasons.
    """

    in_scope: int
    applicable: int
    valued: int
    nulls: Mapping[str, int]
    freshness: int | None

    @property
    def coverage(self) -> float | None:
        """The share with a value among entities of its kinds; None when there are none."""
        return self.valued / self.applicable if self.applicable else None


@dataclass(frozen=True)
class Predictive:
    """How well an indicator alone tells positives from others: AUC from 0.5 to 1 and its direction, or why there is
    none."""

    auc: float | None
    direction: str | None
    missing: str | None


@dataclass(frozen=True)
class Share:
    """An indicator's share of all that contributions move margins by, or why there is none."""

    share: float | None
    missing: str | None


@dataclass
class Observed:
    """One month of every indicator, counted batch by batch."""

    definitions: Definitions
    profile: Profile
    as_of: date
    stride: int
    seen: dict[str, dict[str, int]] = field(default_factory=dict)
    ages: dict[tuple[Any, ...], Integers] = field(default_factory=dict)
    rows: int = 0
    values: list[Floats] = field(default_factory=list)
    kinds: list[npt.NDArray[np.int8]] = field(default_factory=list)

    def take(self, batch: Batch, newest: Mapping[str, Integers] | None) -> None:
        """Count a batch; ``newest`` is the day of every entity's newest record by record type, ``NEVER``
        where it has none.

        Without it only values are kept, to compare another month with.
        """
        first = -self.rows % self.stride
        self.values.append(batch.values[first :: self.stride].copy())  # a view would keep the whole batch
        self.kinds.append(batch.kind[first :: self.stride].copy())
        self.rows += len(batch.entity)
        if newest is None:
            return
        for position, indicator in enumerate(self.definitions.indicators):
            self._count(indicator, batch.values[:, position], batch.kind, newest)
        for key in self._groups:
            self._age(key, batch.kind, newest)

    def of(self, indicator: Indicator) -> Seen:
        """What was counted of an indicator."""
        counts = self.seen.get(indicator.code, {})
        nulls = {reason: counts.get(reason, 0) for reason in NULLS}
        applicable = self.rows - nulls[NOT_APPLICABLE] - nulls[UNKNOWN_KIND]
        return Seen(self.rows, applicable, counts.get("valued", 0), nulls, _median(self.ages.get(_group(indicator))))

    def column(self, position: int) -> tuple[Floats, npt.NDArray[np.int8]]:
        """The kept values of one indicator, and the kinds of their entities."""
        values = np.concatenate([np.empty(0), *(one[:, position] for one in self.values)])
        return values, np.concatenate([np.empty(0, np.int8), *self.kinds])

    @cached_property
    def _groups(self) -> list[tuple[Any, ...]]:
        """Indicators of the same record types and kinds have the same freshness."""
        return list(dict.fromkeys(_group(one) for one in self.definitions.indicators if own_types(one)))

    def _count(
        self, indicator: Indicator, values: Floats, kind: npt.NDArray[np.int8], newest: Mapping[str, Integers]
    ) -> None:
        is_null, is_own = np.isnan(values), _of_kinds(kind, indicator, self.profile)
        left = is_null & is_own
        counts = {"valued": int((~is_null).sum()), NOT_APPLICABLE: int((is_null & ~is_own & (kind >= 0)).sum())}
        counts[UNKNOWN_KIND] = int((is_null & ~is_own & (kind < 0)).sum())
        if before_coverage(indicator, self.profile, self.as_of):
            counts[BEFORE_COVERAGE] = int(left.sum())
        else:
            without = left & _without(indicator, newest, len(values))
            counts |= {NO_RECORD: int(without.sum()), NO_VALUE: int((left & ~without).sum())}
        held = self.seen.setdefault(indicator.code, {})
        for name, count in counts.items():
            held[name] = held.get(name, 0) + count

    def _age(self, key: tuple[Any, ...], kind: npt.NDArray[np.int8], newest: Mapping[str, Integers]) -> None:
        types, kinds = key
        positions = [self.profile.kind_codes.index(code) for code in kinds]
        last = np.maximum.reduce([newest[name] for name in types])
        known = (last > NEVER) & np.isin(kind, positions)
        age = np.clip((self.as_of - EPOCH).days - last[known], 0, OLDEST - 1)
        counts = np.bincount(age, minlength=OLDEST)
        self.ages[key] = self.ages.get(key, np.zeros(OLDEST, np.int64)) + counts


def own_types(indicator: Indicator) -> tuple[str, ...]:
    """The record types of an entity's own records an indicator reads; none where it looks at others alone."""
    return tuple(dict.fromkeys(one.rows.record_type for one in aggregates(indicator.value)))


@dataclass(frozen=True)
class Source:
    """What months are read from: lake, definitions, engine, and a folder for what does not stay in memory."""

    lake: Lake
    definitions: Definitions
    engine: str
    scratch: Path


def observe(source: Source, *, as_of: date, say: Say, freshness: bool = True) -> Observed:
    """A month of every indicator, portion by portion."""
    reading = Reading(source.lake, Engine(source.engine))
    month = Observed(source.definitions, source.lake.profile, as_of, max(1, reading.size // KEPT_ROWS))
    newest = _newest_days(reading, source.definitions, as_of) if freshness else {}
    for batch in portions(source, as_of=as_of, say=say):
        month.take(batch, _days(newest, batch) if freshness else None)
        say(f"{as_of}: {month.rows:,} entities")
    return month


def portions(source: Source, *, as_of: date, say: Say) -> Iterator[Batch]:
    """The batches of the matrix of a date; what depends on everyone lies in a file meanwhile, one share at a time.

    Queries look no further ahead than a portion, so what is in memory is the roll, a share while it is worked out, and
    one portion.
    """
    lake, definitions, engine = source.lake, source.definitions, source.engine
    shares = []
    for share, columns in looking_at_everyone(definitions).items():
        say(f"{as_of}: {share}")
        path = source.scratch / f"{share}-{as_of}.arrow"
        found = wide(lake, definitions, as_of=as_of, engine=engine, columns=columns)
        with pa.ipc.new_file(path, found.schema) as file:
            file.write_table(found)
        del found
        shares.append(pa.ipc.open_file(pa.memory_map(str(path))).read_all())
    known = registrations(lake, as_of=as_of, engine=engine, member=definitions.member)
    rows = known.filter(pc.field("in_scope"))
    queries = Queries(Reading(lake, Engine(engine)), definitions, as_of)
    for start in range(0, rows.num_rows, BATCH):
        portion = rows.slice(start, BATCH)
        low, high = portion["entity"][0].as_py(), portion["entity"][-1].as_py()
        for share in shares:
            portion = beside(portion, share.slice(low, high - low + 1))
        yield from Known(portion, queries).batches()


def drift(before: Observed, after: Observed) -> dict[str, float | None]:
    """The stability index of every indicator between two months, among entities of its kinds; None without any."""
    found: dict[str, float | None] = {}
    for position, indicator in enumerate(after.definitions.indicators):
        was, now = (_own_values(month, position, indicator) for month in (before, after))
        found[indicator.code] = psi(was, now) if len(was) and len(now) else None
    return found


def predictive(sample: Path, codes: Sequence[str]) -> dict[str, Predictive]:
    """What every indicator alone tells in the test part of a training sample (a folder), column by column.

    Pairs count by their weight; those without a value, or of no known kind, are left out.
    """
    pairs = pq.read_table(sample / PAIRS, page_checksum_verification=True)
    kind = pq.read_table(sample / MATRIX, columns=["kind"], page_checksum_verification=True)["kind"].to_numpy()
    chosen = pc.and_(pc.equal(pairs["part"], "test"), pc.equal(pairs["stratum"], HEADLINE)).to_numpy() & (kind >= 0)
    label = pairs["label"].to_numpy().astype(bool)[chosen]
    weight = 1.0 / pairs["s"].to_numpy()[chosen]
    held = pq.read_schema(sample / MATRIX).names
    found = {}
    for code in codes:
        if code not in held:
            found[code] = Predictive(None, None, NOT_IN_SAMPLE)
            continue
        column = pq.read_table(sample / MATRIX, columns=[code], page_checksum_verification=True)[code]
        found[code] = univariate(column.to_numpy(zero_copy_only=False)[chosen], label, weight)
    return found


def univariate(values: Floats, label: Flags, weight: Floats) -> Predictive:
    """How well values order labels, from 0.5 to 1; riskier when greater values have more positives.

    None where fewer than ten positives, or ten others, have a value.
    """
    known = ~np.isnan(values)
    positives = int(label[known].sum())
    if min(positives, int(known.sum()) - positives) < FEWEST_OUTCOMES:
        return Predictive(None, None, FEW_OUTCOMES)
    area = float(auc(rank(values[known], label[known]), weight[known])[0])
    direction = None if area == 0.5 else "riskier" if area > 0.5 else "safer"
    return Predictive(max(area, 1 - area), direction, None)


def contribution_shares(
    parts: Iterable[pa.Table], entities: Integers, codes: Sequence[str], known: Collection[str]
) -> dict[str, Share]:
    """The share of every indicator in the mean absolute contribution of a month.

    ``parts`` are its distinct explanations in order, one column each indicator that adds something; ``entities`` counts
    who has each; ``known`` are the indicators its scheme was trained with.
    """
    sums: dict[str, float] = dict.fromkeys(known, 0.0)
    start = 0
    for part in parts:
        counts = entities[start : start + part.num_rows]
        for name in part.column_names:
            if pa.types.is_floating(part.schema.field(name).type):
                moved = np.abs(part[name].to_numpy().astype(np.float64))
                sums[name] += float(counts @ moved)
        start += part.num_rows
    total = sum(sums.values())
    return {
        code: Share(sums[code] / total if total else 0.0, None) if code in sums else Share(None, NOT_IN_MODEL)
        for code in codes
    }


def _newest_days(reading: Reading, definitions: Definitions, as_of: date) -> dict[str, Ranged | None]:
    """One query a record type: the day of the newest record of every entity that has one, as the matrix counts them."""
    types = dict.fromkeys(name for one in definitions.indicators for name in own_types(one))
    return {name: reading.in_ranges(name, {"newest": Aggregate("last_day", Rows(name))}, as_of) for name in types}


def _days(newest: Mapping[str, Ranged | None], batch: Batch) -> dict[str, Integers]:
    """The day of every entity's newest record by record type, ``NEVER`` where it has none."""
    axis = Axis("entity", batch.entity.astype(np.int64), batch.kind, as_of_column(batch.as_of, 1))
    found = {}
    for name, days in newest.items():
        found[name] = np.full(len(axis), NEVER, np.int64)
        if days is not None and len(axis):
            rows = days(int(batch.entity[0]), int(batch.entity[-1]))
            place = axis.places(rows["entity"].to_numpy())
            found[name][place[place >= 0]] = rows["newest"].to_numpy()[place >= 0]
    return found


def _group(indicator: Indicator) -> tuple[Any, ...]:
    return own_types(indicator), indicator.kinds


def _of_kinds(kind: npt.NDArray[np.int8], indicator: Indicator, profile: Profile) -> Flags:
    return np.asarray(np.isin(kind, [profile.kind_codes.index(code) for code in indicator.kinds]), bool)


def _without(indicator: Indicator, newest: Mapping[str, Integers], size: int) -> Flags:
    """Who has no record of any of an indicator's record types."""
    types = own_types(indicator)
    if not types:
        return np.zeros(size, bool)
    return np.asarray(np.logical_and.reduce([newest[name] == NEVER for name in types]), bool)


def _own_values(month: Observed, position: int, indicator: Indicator) -> Floats:
    values, kind = month.column(position)
    return values[_of_kinds(kind, indicator, month.profile)]


def _median(counts: Integers | None) -> int | None:
    """The smallest age that at least half do not exceed."""
    if counts is None or not counts.any():
        return None
    reached = np.cumsum(counts)
    return int(np.searchsorted(reached * 2, reached[-1]))

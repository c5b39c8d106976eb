"""Does a cell know what was not known yet? Cells of a sample worked out again where nothing known later exists.

Indicators of an entity's own records are asked pair by pair, each in a past of its own; those that look at everyone in
the whole lake as it stood on a date. Records of the outcome that became known the moment a day had ended (canaries) may
change nothing, and moments dealt out anew must change something, or the comparison could not have told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from features.compile import meets
from features.indicators.catalogue import Definitions, populations, row_sets
from features.indicators.language import Indicator
from features.matrix import sampled_batches
from features.reading import REGISTER, Lake
from training.cohort import uniform
from training.outcomes import Facts, Outcome
from training.pairs import FITTED, PARTS
from training.past import ENDINGS, T_DAY, T_END, Rows, known_then, lake_of, own_rows, rows_of_everyone, timed
from training.sample import Sample
from training.task import Task

Floats = npt.NDArray[np.float64]
Changed = Mapping[str, int]
"""How many cells of each indicator are others than in the sample; only of those where any is."""

DATES_OF = (FITTED, PARTS[-1])  # parts whose last date everyone is looked at on
AT_ONCE, LATER, JUST_BEFORE = timedelta(0), timedelta(days=30), timedelta(microseconds=-1)


@dataclass(frozen=True)
class Drawn:
    """Pairs drawn from a sample, and the cells it holds of them (pairs × ``Definitions.codes``)."""

    task: Task
    pairs: pa.Table
    cells: Floats
    past_only: tuple[str, ...] = ()

    def where(self, kept: npt.NDArray[np.bool_]) -> "Drawn":
        """Some of the pairs."""
        return replace(self, pairs=self.pairs.filter(pa.array(kept)), cells=self.cells[kept])

    def held(self, among: Definitions) -> Floats:
        """The cells the sample holds of some indicators."""
        return self.cells[:, [self.task.definitions.codes.index(code) for code in among.codes]]

    def asked(self, lake: Lake, among: Definitions, keys: pa.Array | None = None) -> Floats:
        """The cells of some indicators as another lake gives them; ``keys`` are who the pairs are there."""
        pairs = _numbered(self.pairs, keys)
        found = pa.concat_tables(sampled_batches(lake, among, pairs, engine=self.task.engine))
        columns = [found[code].to_numpy() for code in among.codes]
        return np.asarray(columns, np.float64).reshape(len(columns), found.num_rows).T


def changed(before: Floats, after: Floats, among: Definitions) -> Changed:
    """The cells of some indicators that are not the same: to the last bit, and not known here where not known there."""
    other = (before.view(np.int64) != after.view(np.int64)) & ~(np.isnan(before) & np.isnan(after))
    return {code: int(count) for code, count in zip(among.codes, other.sum(axis=0), strict=True) if count}


@dataclass(frozen=True)
class OwnPast:
    """What comes of asking pairs in pasts of their own: cells compared, and those that changed, under three tests.

    ``near`` are the cells of indicators that read the record types of the outcome; moments dealt anew and canaries
    concern these alone, for no other indicator reads such records. ``later`` counts their versions that became known
    later; without any, nothing can be told. ``told_early`` are the cells that change when the canary is known a moment
    earlier: only then does its silence mean something.
    """

    cells: int
    changed: Changed
    near: int
    later: int
    dealt: Changed
    canaries: int
    canary: Changed
    told_early: Changed


@dataclass(frozen=True)
class CommonPast:
    """What comes of asking those who look at everyone: cells compared and changed, rows of the lake they look at."""

    indicators: int
    rows: int
    cells: int
    changed: Changed


def draw(task: Task, sample: Sample, most: int, past_only: tuple[str, ...] = ()) -> Drawn:
    """So many pairs of every part at most, half of them with the outcome where there are as many, by a keyed hash."""
    pairs = sample.pairs.select(["entity", "as_of", "part", "label"])
    names = [
        f"{entity}|{day}" for entity, day in zip(pairs["entity"].to_pylist(), pairs["as_of"].to_pylist(), strict=True)
    ]
    order = np.argsort(uniform(task.sampling.seed, names, task.known_by), kind="stable")
    part, label = np.array(pairs["part"].to_pylist())[order], pairs["label"].to_numpy()[order] > 0
    kept = np.zeros(len(order), np.bool_)
    for name in PARTS:
        own = part == name
        with_it = order[own & label][: most // 2]
        kept[with_it] = kept[order[own & ~label][: most - len(with_it)]] = True
    kept |= _last_dates(pairs, order, most)
    rows = sample.rows_where(kept)
    return Drawn(task, pairs.filter(pa.array(kept)), rows.values, past_only)


def _last_dates(pairs: pa.Table, order: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.bool_]:
    """The first pairs in some order of the last date of the parts everyone is looked at for."""
    part, days = np.array(pairs["part"].to_pylist()), pairs["as_of"].to_numpy()
    kept = np.zeros(len(order), np.bool_)
    for name in DATES_OF:
        own = part == name
        if own.any():
            at = own & (days == days[own].max())
            kept[order[at[order]][:most]] = True
    return kept


def in_own_past(drawn: Drawn) -> OwnPast:
    """Indicators of an entity's own records, asked in a past of every pair's own."""
    task, outcome = drawn.task, drawn.task.outcome
    own = _some(task.definitions, lambda one: not any(populations(one.value)))
    keys = pa.array(np.arange(drawn.pairs.num_rows), pa.int32())
    rows = own_rows(task.lake, _numbered(drawn.pairs))
    then = {name: known_then(found, drawn.past_only) for name, found in rows.items()}
    specimens = {term.record_type: term for term in qualifying(outcome)}
    near = _some(own, lambda one: any(read.record_type in specimens for read in row_sets(one.value)))
    at = _numbered(drawn.pairs, keys)

    def asked(given: Rows, among: Definitions) -> Floats:
        with TemporaryDirectory(prefix="jianwei-guards-") as scratch:
            return drawn.asked(lake_of(task.lake, given, len(keys), Path(scratch)), among, keys)

    late, early = (with_canaries(task, then, at, known) for known in ((AT_ONCE, LATER), (JUST_BEFORE,)))
    watched = [rows[name] for name in specimens if name in rows]
    dealt = {name: known_then(dealt_anew(found, task), drawn.past_only) for name, found in rows.items()}
    cells = asked(then, own)
    silent = cells[:, [own.codes.index(code) for code in near.codes]]
    return OwnPast(
        cells=cells.size,
        changed=changed(drawn.held(own), cells, own),
        near=silent.size,
        later=sum(found.filter(pl.col("known_at") >= pl.col(T_END)).height for found in watched),
        dealt=changed(silent, asked(dealt, near), near),
        canaries=sum(late[name].height - then[name].height for name in then),
        canary=changed(silent, asked(late, near), near),
        told_early=changed(silent, asked(early, near), near),
    )


def in_common_past(drawn: Drawn, most_rows: int) -> CommonPast:
    """Indicators that look at everyone, asked in the whole lake as it stood on the last date of fit and of test.

    With canaries in it. Nothing is compared where they look at more rows than ``most_rows``.
    """
    task = drawn.task
    wide = _some(task.definitions, lambda one: any(populations(one.value)))
    read = {rows.record_type for one in wide.indicators for rows in row_sets(one.value)} | {REGISTER}
    types = sorted(read) if wide.indicators else []
    looked_at = sum(task.lake.stored(name).starts[-1] for name in types)
    if not wide.indicators or looked_at > most_rows:
        return CommonPast(len(wide.codes), looked_at, 0, {})
    cells, total = 0, dict.fromkeys(wide.codes, 0)
    for at in _dates(drawn):
        one = drawn.where(at)
        for code, count in _on_a_date(one, wide, types).items():
            total[code] += count
        cells += one.pairs.num_rows * len(wide.codes)
    return CommonPast(len(wide.codes), looked_at, cells, {code: count for code, count in total.items() if count})


def _dates(drawn: Drawn) -> Iterable[npt.NDArray[np.bool_]]:
    part, days = np.array(drawn.pairs["part"].to_pylist()), drawn.pairs["as_of"].to_numpy()
    for name in DATES_OF:
        own = part == name
        if own.any():
            yield own & (days == days[own].max())


def _on_a_date(drawn: Drawn, wide: Definitions, types: Iterable[str]) -> Changed:
    task, pairs = drawn.task, _numbered(drawn.pairs)
    rows = rows_of_everyone(task.lake, pairs, types)
    then = {name: known_then(found, drawn.past_only) for name, found in rows.items()}
    given = with_canaries(task, then, pairs, (AT_ONCE, LATER))
    with TemporaryDirectory(prefix="jianwei-guards-") as scratch:
        there = lake_of(task.lake, given, task.lake.register().num_rows, Path(scratch))
        return changed(drawn.held(wide), drawn.asked(there, wide), wide)


def qualifying(outcome: Outcome) -> tuple[Facts, ...]:
    """What records say that the outcome is there."""
    if outcome.event is None:
        return outcome.any_of
    return (replace(outcome.event, where=(*outcome.event.where, *outcome.positive)),)


def with_canaries(task: Task, rows: Rows, pairs: pa.Table, known: Iterable[timedelta]) -> Rows:
    """Rows, and beside them records of the outcome for every pair, of its day, known so long after the day's end."""
    planted, given = dict(rows), timed(pairs, task.lake)
    for term in qualifying(task.outcome):
        specimen = _specimen(task, term) if term.record_type in rows else None
        if specimen is not None:
            old, dated = planted[term.record_type], task.lake.types()[term.record_type].event_date
            for delay in known:
                birds = (
                    given.drop("pair")
                    .join(specimen.drop("entity"), how="cross")
                    .with_columns(
                        pl.col(T_DAY).alias("event_date"),
                        pl.col(T_DAY).alias(dated),
                        (pl.col(T_END) + delay).alias("known_at"),
                        *(pl.lit(None).alias(name) for name in ("superseded_at", *ENDINGS)),
                    )
                )
                old = pl.concat([old, birds.select(old.columns).cast(old.schema)])
            planted[term.record_type] = old.sort("entity", maintain_order=True)
    return planted


def _specimen(task: Task, term: Facts) -> pl.DataFrame | None:
    """A record of the lake that qualifies as the outcome; None when there is none yet."""
    reading = task.knowledge.reading
    rows = reading.engine.rows(task.lake.stored(term.record_type))
    kept = rows.filter(meets(rows, term.where), rows.entity.notnull(), rows.withdrawn_date.isnull())
    found = pl.DataFrame(reading.engine.run(kept.order_by("record_id", "version", "known_at").limit(1)))
    return found if found.height else None


def dealt_anew(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Rows whose moments of becoming known are dealt out among them in another order, by a keyed hash."""
    order = np.argsort(uniform(task.sampling.seed, rows["record_id"].to_list(), task.known_by), kind="stable")
    return rows.with_columns(known_at=rows["known_at"].gather(order))


def _some(definitions: Definitions, wanted: Callable[[Indicator], bool]) -> Definitions:
    return replace(definitions, indicators=tuple(one for one in definitions.indicators if wanted(one)))


def _numbered(pairs: pa.Table, keys: pa.Array | None = None) -> pa.Table:
    """Pairs with their places, as who they are or as the entities of their keys."""
    entity = pairs["entity"] if keys is None else keys
    return pa.table({"pair": np.arange(pairs.num_rows), "entity": entity, "as_of": pairs["as_of"]})

"""How complete and how timely the records are: what arrived of each collection item, from whom, where, how late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from features.profile import Profile, ProfileError
from features.records.arrivals import CELL, FEED, HISTORY, Arrived, Span, month_of, waiting
from features.records.intake import ACTION
from features.records.journal import Journal
from features.records.lake import Lake

LEAST_HISTORY = 3  # months of the year before, or nothing is expected
FEWEST = 5  # rows, for a delay to be told: that of fewer could be one entity's
FREQUENCIES = {"daily": 1, "weekly": 1, "monthly": 1, "quarterly": 3, "yearly": 12}  # months between due months
_REJECTS = pl.Schema(
    {"source": pl.String(), "record_type": pl.String(), "code": pl.String(), "rows": pl.Int64()}
    | {"deliveries": pl.Int64(), "refused": pl.Boolean()}
)


def newest(lake: Lake) -> datetime | None:
    """When the newest thing the lake holds became known; None for an empty lake."""
    rows = [lake.stored(name).frame() for name in sorted(lake.types())]
    found = pl.concat([one.select(pl.col("known_at").max()) for one in rows]).max().collect()
    moment: datetime | None = found.item()
    return moment


@dataclass(frozen=True)
class Quality:
    """What arrived up to an as-of date; every table is sorted by its keys.

    ``feeds``: one row an item and source, and one with a null source for an item nobody ever sent. ``cells``: one row
    an item, source and region (null: no entity, or none the register knew at T). ``rejects``: one row a source, record
    type and code, and one a source and code of deliveries refused whole.
    """

    span: Span
    feeds: pl.DataFrame
    cells: pl.DataFrame
    rejects: pl.DataFrame


def quality(lake: Lake, journal: Journal, *, as_of: date, regions: pl.DataFrame) -> Quality:
    """The quality of the records of the month of a date; ``regions`` has ``entity`` and ``region`` of everyone known
    at T."""
    span = Span(as_of, lake.profile.zone)
    check_frequencies(lake.profile)
    taken = receipts(journal)
    arrived = Arrived(lake, span, regions)
    feeds = _feeds(arrived, waiting(lake, span, taken))
    return Quality(span, feeds, _cells(arrived, feeds), _rejects(taken, span))


def check_frequencies(profile: Profile) -> None:
    """Nothing when every item says how often it comes in a word there is; ProfileError names those that do not."""
    wrong = {code: row.get("frequency") for code, row in profile.items.items() if row.get("frequency")}
    wrong = {code: word for code, word in wrong.items() if word not in FREQUENCIES}
    if wrong:
        said = ", ".join(f"{code}: {word!r}" for code, word in wrong.items())
        raise ProfileError(
            f"items.yaml of profile {profile.name} has frequencies nobody knows ({said}); expected one of "
            f"{', '.join(FREQUENCIES)}. Nothing was computed; correct it."
        )


def collected(lake: Lake) -> list[str]:
    """The items some record type of the profile collects, in the order of ``items.yaml``."""
    named = {item for one in lake.types().values() for item in one.items}
    return [item for item in lake.profile.items if item in named]


def _feeds(arrived: Arrived, queued: pl.DataFrame) -> pl.DataFrame:
    """Every feed: what came, what was expected, how late, who was found, how long it has been silent."""
    profile, span = arrived.lake.profile, arrived.span
    per_month = arrived.months.group_by(*FEED, "month").agg(pl.col("rows").sum())
    delays = arrived.delays.group_by(*FEED, "delay").agg(pl.col("rows").sum())
    due = _due_months(arrived, profile)
    found = arrived.days.group_by(FEED).agg(first_day=pl.col("day").min(), last_day=pl.col("day").max())
    named = pl.DataFrame({"item": collected(arrived.lake)}, schema={"item": pl.String()})
    found = pl.concat([found, queued.select(FEED)], how="diagonal").group_by(FEED).agg(pl.all().drop_nulls().first())
    missing = named.join(found, on="item", how="anti").with_columns(source=pl.lit(None, pl.String))
    found = pl.concat([found, missing], how="diagonal")
    parts = (
        _received(per_month, span, FEED),
        _expected(per_month, due, span, FEED),
        _course(per_month, span),
        _delayed(delays, FEED),
        queued,
        _longest_silence(arrived.days),
    )
    for part in parts:
        found = found.join(part, on=list(FEED), how="left", nulls_equal=True)
    empty = [0] * (HISTORY + 1)
    received, unmatched = pl.col("received").fill_null(0), pl.col("unmatched").fill_null(0)
    return found.with_columns(
        received=received,
        unmatched=unmatched,
        course=pl.col("course").fill_null(pl.lit(empty)),
        matched_share=pl.when(received + unmatched > 0).then(received / (received + unmatched)),
        silent_days=(pl.lit(span.as_of) - pl.col("last_day")).dt.total_days(),
    ).sort(FEED, nulls_last=True)


def _cells(arrived: Arrived, feeds: pl.DataFrame) -> pl.DataFrame:
    """Every item, source and region that brought something in the month or the year before it."""
    span = arrived.span
    found = arrived.months.select(CELL).unique()
    due = _due_months(arrived, arrived.lake.profile)
    for part in (
        _received(arrived.months, span, CELL),
        _expected(arrived.months, due, span, CELL),
        _delayed(arrived.delays, CELL),
    ):
        found = found.join(part, on=list(CELL), how="left", nulls_equal=True)
    found = found.join(feeds.select(*FEED, "matched_share"), on=list(FEED), how="left", nulls_equal=True)
    return found.with_columns(received=pl.col("received").fill_null(0)).sort(CELL, nulls_last=True)


def _received(months: pl.DataFrame, span: Span, keys: Sequence[str]) -> pl.DataFrame:
    return months.filter(pl.col("month") == span.number).group_by(keys).agg(received=pl.col("rows").sum())


def _due_months(arrived: Arrived, profile: Profile) -> pl.DataFrame:
    """By feed, the months that say what is usual, and whether the month looked at is due.

    What comes at least monthly is due every month from its first on, and silence counts as nothing received. What
    comes more rarely is compared with the months it came in, and is due when as many months passed without it, or
    when it came in most months whatever is declared.
    """
    last = arrived.span.number
    gaps = {code: FREQUENCIES[row["frequency"]] for code, row in profile.items.items() if row.get("frequency")}
    gap = pl.col("item").replace_strict(gaps, default=None, return_dtype=pl.Int32)
    came = arrived.days.select(*FEED, month=month_of("day")).unique()
    feeds = came.group_by(FEED).agg(first=pl.col("month").min()).with_columns(gap=gap)
    earlier = came.filter(pl.col("month") < last)
    is_recent = pl.col("month") >= last - HISTORY
    recent = earlier.group_by(FEED).agg(before=pl.col("month").max(), often=is_recent.sum())
    feeds = feeds.join(recent, on=list(FEED), how="left", nulls_equal=True)
    has_passed = last - pl.col("before") >= pl.col("gap")
    is_due = (pl.col("gap") == 1) | has_passed | (pl.col("often") * 2 > HISTORY)
    feeds = feeds.with_columns(is_due=is_due.fill_null(False))
    usual = pl.DataFrame({"month": pl.Series(range(last - HISTORY, last), dtype=pl.Int32)})
    every = feeds.join(usual, how="cross").filter(pl.col("month") >= pl.col("first"))
    rare = every.filter(pl.col("gap") > 1).join(came, on=[*FEED, "month"], how="semi", nulls_equal=True)
    return pl.concat([every.filter(pl.col("gap") == 1), rare]).select(*FEED, "month", "is_due", "gap")


def _expected(months: pl.DataFrame, due: pl.DataFrame, span: Span, keys: Sequence[str]) -> pl.DataFrame:
    """What the months before lead to expect: their median, 0 when nothing is due, null when there are too few."""
    cells = months.select(keys).unique().join(due, on=list(FEED), how="inner", nulls_equal=True)
    filled = cells.join(months, on=[*keys, "month"], how="left", nulls_equal=True)
    enough = pl.len() * pl.col("gap").first() >= LEAST_HISTORY
    usual = pl.when(pl.col("is_due").first()).then(pl.col("rows").fill_null(0).median()).otherwise(0.0)
    return filled.group_by(keys).agg(expected=pl.when(enough).then(usual))


def _course(months: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Rows of the last thirteen months by feed, oldest first."""
    shown = pl.DataFrame({"month": pl.Series(range(span.number - HISTORY, span.number + 1), dtype=pl.Int32)})
    feeds = months.select(FEED).unique().join(shown, how="cross")
    filled = feeds.join(months, on=[*FEED, "month"], how="left", nulls_equal=True).sort(*FEED, "month", nulls_last=True)
    return filled.group_by(FEED, maintain_order=True).agg(course=pl.col("rows").fill_null(0))


def _delayed(delays: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The smallest delays that at least half, and nine tenths, of the new facts do not exceed; null of too few."""
    ordered = delays.sort(*keys, "delay", nulls_last=True)
    ordered = ordered.with_columns(reached=pl.col("rows").cum_sum().over(keys), total=pl.col("rows").sum().over(keys))
    is_enough = pl.col("total").first() >= FEWEST

    def quantile(tenths: int) -> pl.Expr:
        within = pl.col("reached") * 10 >= pl.col("total") * tenths
        return pl.when(is_enough).then(pl.col("delay").filter(within).min())

    return ordered.group_by(keys).agg(
        new_facts=pl.col("total").first(), delay_median=quantile(5), delay_p90=quantile(9)
    )


def _longest_silence(days: pl.DataFrame) -> pl.DataFrame:
    """By feed, the most days between two that brought rows, in the year before its last; null when it has come once."""
    ordered = days.sort(*FEED, "day", nulls_last=True)
    gap = pl.col("day").diff().over(FEED).dt.total_days()
    is_recent = pl.col("day") > pl.col("day").max().over(FEED).dt.offset_by("-1y")
    return ordered.with_columns(gap=gap).filter(is_recent).group_by(FEED).agg(longest_silence=pl.col("gap").max())


def receipts(journal: Journal) -> list[Mapping[str, Any]]:
    """What every intake told of its deliveries, in order, each with the moment it was recorded (``at``)."""
    return [{**receipt, "at": entry.at} for entry in journal.entries(ACTION) for receipt in entry.details["deliveries"]]


def _rejects(taken: Sequence[Mapping[str, Any]], span: Span) -> pl.DataFrame:
    """Rejected rows and refused deliveries of the month, as the journal has them."""
    rows: list[tuple[Any, ...]] = []
    for one in taken:
        if not _belongs(one, span):
            continue
        if one["refused"] is not None:
            rows.append((one["source"], None, one["refused"], 0, one["delivery"], True))
            continue
        by_type = one.get("rejects_by_type") or {None: one["rejects"]}  # receipts of old have no record types
        for record_type, codes in by_type.items():
            rows += [(one["source"], record_type, code, count, one["delivery"], False) for code, count in codes.items()]
    found = pl.DataFrame(rows, schema=_REJECTS | {"deliveries": pl.String()}, orient="row")
    keys = ["source", "record_type", "code", "refused"]
    counted = found.group_by(keys).agg(pl.col("rows").sum(), pl.col("deliveries").n_unique().cast(pl.Int64))
    return counted.select(_REJECTS.names()).sort(keys, nulls_last=True)


def _belongs(receipt: Mapping[str, Any], span: Span) -> bool:
    """Whether a delivery is one of the month: a backload by the period it states, others by when they were taken."""
    period = receipt.get("period")
    if receipt["backload"] is not None and period is not None:
        return bool(period == str(span.month))
    return span.holds(receipt["at"])

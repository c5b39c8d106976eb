"""Fields computed when a row brings none; the numbers behind them are dated values of the profile."""

from collections.abc import Callable, Mapping

import polars as pl

from features.profile import Profile
from features.records.schema import Field, RecordType
from features.records.values import local_midnight

SEVERITY_LIST = "codelists/severity"
KINDS_LIST = "codelists/penalty_kinds"
FEN = 100
_SLIGHT, _ORDINARY, _HEAVY = 1, 2, 3
LEAST_LATITUDE, LEAST_LONGITUDE = -90.0, -180.0
CELL_ROW = 100_000  # a grid cell is row * CELL_ROW + column
PARENT_EVENT = "parent_event_date"


def with_derived(frame: pl.DataFrame, record_type: RecordType, profile: Profile) -> pl.DataFrame:
    """The rows with every derived field filled where it was empty."""
    for field in record_type.fields.values():
        if field.derived is None or field.of_parent:
            continue
        derived = DERIVATIONS[field.derived](field, record_type, profile)
        frame = frame.with_columns(pl.coalesce(pl.col(field.name), derived).cast(pl.Int64).alias(field.name))
    return frame


def dated_by_parent(frame: pl.DataFrame, record_type: RecordType, profile: Profile) -> pl.DataFrame:
    """The rows with a date of their parent's (column ``parent_event_date``) where they bring none.

    What a backload does not say the known time of is known the item's usual lag after that day.
    """
    name = record_type.event_date
    if not record_type.field(name).of_parent:
        return frame.drop(PARENT_EVENT)
    lags = {item: row.get("lag_days") for item, row in profile.items.items()}
    lag = pl.col("item").replace_strict(lags, default=None, return_dtype=pl.Int64)
    dated = frame.with_columns(pl.coalesce(name, PARENT_EVENT).alias(name)).with_columns(event_date=pl.col(name))
    usual = local_midnight(dated.select(pl.col(name) + pl.duration(days=lag)).to_series(), profile.zone)
    is_told_now = pl.col("known_at").is_null() & usual.is_not_null()
    return dated.with_columns(
        known_at=pl.when(is_told_now).then(pl.min_horizontal(usual, "recorded_at")).otherwise("known_at"),
        known_basis=pl.when(is_told_now).then(pl.lit("usual_lag")).otherwise("known_basis"),
    ).drop(PARENT_EVENT)


def grid_steps(field: Field, record_type: RecordType, profile: Profile) -> pl.Expr:
    """A coordinate as whole steps from zero."""
    return (pl.col(field.sources[0]) / field.step).floor()


def grid_cell(field: Field, record_type: RecordType, profile: Profile) -> pl.Expr:
    """The cell of a grid a place lies in, from its latitude and longitude; null where either is."""
    row, column = (
        ((pl.col(name) - least) / field.step).floor()
        for name, least in zip(field.sources, (LEAST_LATITUDE, LEAST_LONGITUDE), strict=True)
    )
    return row * CELL_ROW + column


def penalty_severity(field: Field, record_type: RecordType, profile: Profile) -> pl.Expr:
    """The severity of a penalty: the greatest its kinds have, where an amount speaks by its size and procedure.

    Amounts are those in force on the event date for the kind of entity that the code's prefix tells (the first kind
    of the profile when it tells none).
    """
    kinds = pl.col("kinds")
    fixed, by_amount = _severity_of_kinds(profile)
    levels = [pl.when(kinds.str.contains(f"|{code}|", literal=True)).then(level) for code, level in fixed.items()]
    is_amount = pl.any_horizontal(kinds.str.contains(f"|{code}|", literal=True) for code in by_amount)
    amount = pl.when(is_amount).then(_amount_severity(record_type.event_date, profile))
    return pl.max_horizontal(*levels, amount)


def _severity_of_kinds(profile: Profile) -> tuple[dict[str, int], list[str]]:
    rows = profile.table(KINDS_LIST)["rows"]
    fixed = {str(row["code"]): row["severity"] for row in rows if isinstance(row.get("severity"), int)}
    return fixed, [str(row["code"]) for row in rows if row.get("severity") == "by_amount"]


def _amount_severity(event_date: str, profile: Profile) -> pl.Expr:
    amount = pl.col("fine").fill_null(0) + pl.col("confiscated").fill_null(0)
    severity = pl.lit(None, dtype=pl.Int32)
    for row in profile.table(SEVERITY_LIST)["amounts"]:
        low, large = (_by_kind(row[name], profile) for name in ("low_fine", "large"))
        is_slight = (pl.col("procedure") == "summary").fill_null(False) | ((amount > 0) & (amount <= low * FEN))
        level = pl.when(amount >= large * FEN).then(_HEAVY).when(is_slight).then(_SLIGHT).otherwise(_ORDINARY)
        since, until = pl.lit(row["since"]), row.get("until")
        in_force = pl.col(event_date) >= since
        in_force = in_force if until is None else in_force & (pl.col(event_date) <= pl.lit(until))
        severity = pl.when(in_force).then(level).otherwise(severity)
    return severity


def _by_kind(amounts: Mapping[str, int], profile: Profile) -> pl.Expr:
    found = pl.lit(amounts[profile.kinds[0].code])
    for kind in profile.kinds:
        for prefix in kind.uscc_prefix:
            is_kind = pl.col("code").str.starts_with(prefix).fill_null(False)
            found = pl.when(is_kind).then(amounts[kind.code]).otherwise(found)
    return found


DERIVATIONS: dict[str, Callable[[Field, RecordType, Profile], pl.Expr]] = {
    "penalty_severity": penalty_severity,
    "grid_steps": grid_steps,
    "grid_cell": grid_cell,
}

"""The columns of the lake: what every record has, then the fields of its type."""

import pyarrow as pa

from features.records.schema import RecordType

TIMESTAMP = pa.timestamp("us", "UTC")
BASE_COLUMNS: dict[str, pa.DataType] = {
    "record_id": pa.string(),
    "entity": pa.int32(),
    "item": pa.string(),
    "source": pa.string(),
    "source_record_no": pa.string(),
    "delivery": pa.string(),
    "action": pa.string(),
    "action_reason": pa.string(),
    "event_date": pa.date32(),
    "known_at": TIMESTAMP,
    "known_basis": pa.string(),
    "recorded_at": TIMESTAMP,
    "superseded_at": TIMESTAMP,
    "published_date": pa.date32(),
    "withdrawn_date": pa.date32(),
    "repair_date": pa.date32(),
    "removal_date": pa.date32(),
    "visibility": pa.string(),
    "version": pa.int16(),
    "digest": pa.int64(),
}
# What every row of a delivery may bring beside the fields of its type.
IDENTITY_COLUMNS = ("code", "regno", "name", "region")
DELIVERY_COLUMNS = (
    *IDENTITY_COLUMNS,
    "item",
    "source_record_no",
    "action",
    "action_date",
    "action_reason",
    "entered_at",
    "published_date",
    "visibility",
    "mark_reason",
)
# What the chain of versions is rebuilt from: the row's own statements, before waiting, marks and inheritance.
OWN_COLUMNS: dict[str, pa.DataType] = {
    "action_date": pa.date32(),
    "mark_reason": pa.string(),
    "entered_at": TIMESTAMP,
    "period": pa.string(),
    "waited_from": TIMESTAMP,
    "stated_end": pa.date32(),
    "inherits": pa.int64(),
}
ARRIVAL_COLUMNS: dict[str, pa.DataType] = {
    name: BASE_COLUMNS[name]
    for name in (
        "record_id",
        "source",
        "action",
        "digest",
        "delivery",
        "source_record_no",
        "known_at",
        "known_basis",
        "recorded_at",
    )
} | {"period": pa.string()}
_UNDER_WAY = {"identity", "seq", "line", "raw", "delivery_no", "known_on", "_row"}
RESERVED = frozenset(BASE_COLUMNS) | frozenset(OWN_COLUMNS) | _UNDER_WAY


def fields(record_type: RecordType) -> dict[str, pa.DataType]:
    """The columns of a type's own fields."""
    return {field.name: field.arrow_type for field in record_type.fields.values()}


def schema(record_type: RecordType) -> pa.Schema:
    """The columns of a type's files."""
    return pa.schema({**BASE_COLUMNS, **OWN_COLUMNS, **fields(record_type)})


def visible_columns(record_type: RecordType) -> tuple[str, ...]:
    """The columns a reader may ask for."""
    return (*BASE_COLUMNS, *fields(record_type))


ARRIVALS = pa.schema(ARRIVAL_COLUMNS)

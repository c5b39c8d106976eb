"""The compiled queries of an indicator system as texts: one SQL query a record type."""

from collections.abc import Mapping
from datetime import date

import ibis
import pyarrow as pa

from features.compile import Plan, literal_clock
from features.engine import Engine
from features.indicators.catalogue import Definitions, aggregates
from features.indicators.language import Aggregate
from features.profile import Profile
from features.records.layout import BASE_COLUMNS, fields
from features.records.schema import record_types


def queries(definitions: Definitions, profile: Profile, as_of: date) -> dict[str, str]:
    """SQL by record type, of all aggregates over an entity's own records, as of a date; for people and for archives.

    Columns are named in the order in which indicators ask for them. What is computed of peers and neighbours reads
    such aggregates of others, so it adds no query of its own kind.
    """
    types, clock = record_types(profile), literal_clock(as_of, profile.zone)
    found = {}
    for name, columns in _wanted(definitions).items():
        plan = Plan(types[name], profile, columns)
        rows = ibis.table(ibis.Schema.from_pyarrow(pa.schema(BASE_COLUMNS | fields(types[name]))), name=name)
        query = plan.query(rows.select("entity", *plan.columns()), lambda _: clock, by="entity")
        found[name] = Engine("duckdb").text(query) + "\n"
    return found


def _wanted(definitions: Definitions) -> Mapping[str, Mapping[str, Aggregate]]:
    """The aggregates of every record type by the name of their column; equal ones once."""
    wanted: dict[str, dict[Aggregate, str]] = {}
    for indicator in definitions.indicators:
        for aggregate in aggregates(indicator.value):
            of_type = wanted.setdefault(aggregate.rows.record_type, {})
            of_type.setdefault(aggregate, f"a{len(of_type)}")
    return {name: {column: one for one, column in found.items()} for name, found in wanted.items()}

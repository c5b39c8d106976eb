"""Who stands in a training matrix and when: (entity, as-of date) pairs with the probability each was sampled with."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.errors import SchemeError

HEADLINE = "headline"
OPEN_CASE = "open_case"

Floats = npt.NDArray[np.float64]


def uniform(seed: str, codes: Iterable[str], as_of: date | None = None) -> Floats:
    """A number in [0, 1) for every entity code, the same on every machine; of a date, or the same at every date."""
    salt = f"{seed}|{as_of.isoformat() if as_of else 'always'}|".encode()
    draws = (hashlib.blake2b(salt + code.encode(), digest_size=8).digest() for code in codes)
    whole = np.frombuffer(b"".join(draws), dtype=">u8")
    return (whole >> np.uint64(11)).astype(np.float64) * 2.0**-53


def detected(
    entities: pa.Table, *, as_of: date, kept: pa.Array, open_cases: pa.Array, rate: float, seed: str
) -> pa.Table:
    """Sampled pairs of one as-of date: entity, as_of, s, lot, stratum, by entity.

    ``entities`` has columns entity and code: everyone in scope. Every entity in ``kept`` (all that may be positive)
    and every known open case stays with s = 1; the others stay at ``rate``. Open cases form a stratum of their own.
    ``lot``, in [0, 1), is an entity's own at every date: folds deal entities out by it.
    """
    if not 0.0 < rate <= 1.0:
        raise SchemeError(f"Sampling rate of negatives is {rate}; expected a number in (0, 1]. No pair was sampled.")
    opened = _member(entities, open_cases)
    certain = opened | _member(entities, kept)
    draws = np.zeros(len(entities))
    draws[~certain] = uniform(seed, entities["code"].filter(pa.array(~certain)).to_pylist(), as_of)
    taken = np.flatnonzero(certain | (draws < rate))
    table = pa.table(
        {
            "entity": entities["entity"].take(pa.array(taken)).cast(pa.int32()),
            "as_of": pa.array([as_of] * len(taken), pa.date32()),
            "s": pa.array(np.where(certain[taken], 1.0, rate)),
            "lot": pa.array(uniform(seed, entities["code"].take(pa.array(taken)).to_pylist())),
            "stratum": pa.array(np.where(opened[taken], OPEN_CASE, HEADLINE).tolist(), pa.string()),
        }
    )
    return table.sort_by("entity")


def given_inspection(events: pa.Table, codelists: Mapping[str, Sequence[str]]) -> pa.Table:
    """One pair an inspection event, as of the day before it: entity, as_of, s, stratum, record_id and its controls.

    ``codelists`` gives the codes of every event control; a control becomes the position of its code, null when the
    code is unknown. Events with a column ``chance`` were drawn with that probability, which is their s.
    """
    before = [day - timedelta(days=1) for day in events["event_date"].to_pylist()]
    columns = {
        "entity": events["entity"].cast(pa.int32()),
        "as_of": pa.array(before, pa.date32()),
        "s": events["chance"] if "chance" in events.column_names else pa.array(np.ones(len(events))),
        "stratum": pa.array([HEADLINE] * len(events), pa.string()),
        "record_id": events["record_id"],
    }
    for name, codes in codelists.items():
        position = pc.index_in(events[name].cast(pa.string()), value_set=pa.array(list(codes), pa.string()))
        columns[name] = position.cast(pa.float64())
    return pa.table(columns)


def numbered(tables: Sequence[pa.Table]) -> pa.Table:
    """Pairs of several as-of dates as one table, by entity and in the order given; ``pair`` counts them.

    By entity, for so the files of the lake are sorted: a matrix of all pairs reads them once.
    """
    given = pa.concat_tables(tables).combine_chunks()
    together = given.take(pa.array(np.argsort(given["entity"].to_numpy(), kind="stable")))
    return together.add_column(0, "pair", pa.array(np.arange(len(together)), pa.int64()))


def _member(entities: pa.Table, wanted: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.is_in(entities["entity"], value_set=wanted.cast(pa.int32())).to_numpy()
    return found

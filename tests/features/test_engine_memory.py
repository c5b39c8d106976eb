"""A query that may hold little memory puts the rest on disk and finds the same."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.engine import Engine
from features.records.stored import Stored

ROWS = 3_000_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Rows of as many entities, in no order: to group them takes more than 64 MiB."""
    path = tmp_path_factory.mktemp("many") / "many.parquet"
    entity = np.random.default_rng(3).permutation(ROWS).astype(np.int32)
    texts = pa.array(np.char.add("fourteen letters and ", entity.astype("U8")))
    pq.write_table(pa.table({"entity": entity, "text": texts, "event_date": entity}), path)
    return Stored((path,), pq.read_schema(path))


def newest(engine, stored):
    rows = engine.rows(stored)
    return engine.run(rows.group_by("entity").aggregate(text=rows.text.max(), day=rows.event_date.max()), by="entity")


def test_a_query_with_little_memory_spills_and_finds_the_same(many):
    tight = Engine("duckdb@96MiB")
    found = newest(tight, many)
    assert found == newest(Engine("duckdb"), many)
    assert found["entity"].to_numpy().tolist() == list(range(ROWS))
    folder = Path(tight._backend.spilled)
    assert folder.is_dir()
    del tight
    assert not folder.exists()

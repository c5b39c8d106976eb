"""What triage.py asks of dssg/triage, run by the Python of triage's own environment; prints its seconds as JSON.

python -I triage_theirs.py PORT FOLDER. FOLDER holds ``ask.json`` (columns of the tables, dates, feature aggregations by
way of asking) and a CSV file a record type; a CSV file a way is left there: entity, date, and a column an indicator.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path

from sqlalchemy import text
from triage.component.architect.feature_generators import FeatureGenerator
from triage.util.db import create_engine

COHORT, FEATURES = "cohort", "features"


def load(engine, ask, folder):
    """The tables of events and of everybody at every date, indexed and analysed as triage's manual asks for."""
    with engine.begin() as conn:
        for name, columns in ask["tables"].items():
            typed = ", ".join(f"{column} bigint" for column in columns)
            conn.execute(text(f"CREATE TABLE {name} (entity_id int, event_date date, known_date date, {typed})"))
            with (folder / f"{name}.csv").open() as rows:
                conn.connection.cursor().copy_expert(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)", rows)
            conn.execute(text(f"CREATE INDEX ON {name} (entity_id)"))
            conn.execute(text(f"CREATE INDEX ON {name} (known_date)"))
        days = ", ".join(f"DATE '{day}'" for day in ask["dates"])
        everybody = f"generate_series(0, {ask['entities'] - 1}) entity_id, unnest(ARRAY[{days}]) as_of_date"
        conn.execute(text(f"CREATE TABLE {COHORT} AS SELECT *, true AS active FROM {everybody}"))  # noqa: S608
        conn.execute(text(f"CREATE INDEX ON {COHORT} (entity_id, as_of_date)"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def keep(engine, ask, aggregations, path):
    """The features of every table side by side, in the order of dates and entities, under the names asked for."""
    columns = ", ".join(f'"{theirs}"::float8 AS {ours}' for ours, theirs in ask["columns"].items())
    tables = [f'{FEATURES}."{one["prefix"]}_aggregation_imputed"' for one in aggregations]
    joined = tables[0] + "".join(f" JOIN {table} USING (entity_id, as_of_date)" for table in tables[1:])
    query = f"SELECT entity_id, as_of_date, {columns} FROM {joined} ORDER BY as_of_date, entity_id"  # noqa: S608
    with engine.begin() as conn, path.open("w") as file:
        conn.connection.cursor().copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)", file)


def timed(work, *given):
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def main():
    logging.disable(logging.WARNING)
    port, folder = sys.argv[1], Path(sys.argv[2])
    ask = json.loads((folder / "ask.json").read_text())
    engine = create_engine(f"postgresql+psycopg2://postgres:{os.environ['PGPASSWORD']}@127.0.0.1:{port}/postgres")
    found = {"load": timed(load, engine, ask, folder)}
    generator = FeatureGenerator(engine, FEATURES)
    for way, aggregations in ask["ways"].items():
        generator.validate(aggregations)
        given = aggregations, ask["dates"], COHORT
        found[way] = [timed(generator.create_all_tables, *given) for _ in range(ask["runs"])]
        keep(engine, ask, aggregations, folder / f"{way}.csv")
    print(json.dumps(found))


if __name__ == "__main__":
    main()

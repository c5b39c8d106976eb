"""Rows of a scoring job with reasons: python -m tests.benchmarks.jobs HOME [ROWS].

HOME, only read, is a ``JIANWEI_HOME`` of a profile with a champion and a month in the store. The same entities
are answered one by one, as ``POST /v1/scores`` answers them, and in bulk, as a job does, under the scheme the month was
sealed with and under another (the same trees by another name), for a key with both rights and one with none. Both must
say the same. Milliseconds of the processor a row, and how many times one by one takes; the last line is JSON.
"""

import gc
import json
import os
import sys
import time
from dataclasses import replace
from datetime import date

from sqlalchemy import select

from serving import settings as edge
from serving.access import INTERNAL, PROBABILITY, Grant, Principal
from serving.counter import Counter
from serving.scoring.many import Asking
from serving.store import Store

ROWS, SINGLE = 5_000, 500


def desk_of(home):
    """The desk over a home, opened as the helper process of jobs does."""
    os.environ["JIANWEI_HOME"] = home
    edge.be_quiet()
    settings = edge.read()
    counter = Counter(settings.home, settings.profile, Store(settings.store), edge.now)
    counter.reign.open()
    return counter.desk()


def codes_of(month, rows):
    """Entities in the order of the month's own rows, from its middle on."""
    table = month._tables[0]
    with month.engine.connect() as connection:
        wanted = select(table.c.code).order_by(table.c.entity).offset(month.size() // 2).limit(rows)
        return list(enumerate(connection.scalars(wanted), 2))


def timed(asking, portions):
    """The rows of some portions, and what one of them takes, in milliseconds of the processor."""
    begun, found = time.process_time(), []
    for some in portions:
        found += asking.rows(some, lambda: None).to_pylist()
    return found, 1000 * (time.process_time() - begun) / len(found)


def main():
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    own = desk_of(sys.argv[1])
    other = replace(own, champion=replace(own.champion, version="another"))
    month = own.newest
    asked, found = codes_of(month, rows), {}
    gc.collect()
    gc.freeze()
    for scheme, desk in {"sealed": own, "another": other}.items():
        for rights in (frozenset({INTERNAL, PROBABILITY}), frozenset()):
            key = Principal("00000000", Grant("integrator_score", "", date.max, rights=rights, holder="benchmark"))
            asking = Asking(desk, month, key, explained=True)
            asking.rows(asked[:10], lambda: None)
            singly, one = timed(asking, [[row] for row in asked[:SINGLE]])
            bulk, many = timed(asking, [asked])
            assert bulk[: len(singly)] == singly, "in bulk other things are said"
            figures = {"one_by_one_ms": round(one, 2), "bulk_ms": round(many, 3), "times": round(one / many, 1)}
            found[f"{scheme}, {'both rights' if rights else 'no right'}"] = figures
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

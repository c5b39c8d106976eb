"""The line at province size, measured: python tests/benchmarks/province.py ENTITIES HOME (make bench-province).

Every stage is a process of its own and is kept in HOME/stages/: a run that was stopped goes on with the first stage
that is missing. Up to a million entities intake, matrix and months run three times and the median counts. Peak memory
is that of the process and its helpers together, shared pages once, cached files apart; the disk is that of HOME. Prints
a table and, as its last line, JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
OPEN = {}
KNOWN_BY, AS_OF, MONTHS = "2025-12-31", "2026-01-31", ("2026-01", "2026-02")
GIB = 2**30
MANY = 1_000_000  # up to here three runs, the median counts; one above
EVERY = 3.0  # seconds between two looks: a look holds up the process looked at


class Watch:
    """The most memory a process and those it started held together, and the most disk a folder took."""

    def __init__(self, process, folder):
        self.memory = self.disk = 0
        self._process = process
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _look(self):
        while not self._ended.wait(EVERY):
            self.memory = max(self.memory, sum(_shared_out(one) for one in _family(self._process)))
            self.disk = max(self.disk, _bytes(self._folder))


def _family(process):
    """A process and all that descend from it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _shared_out(process):
    """The memory of a process in bytes, pages shared with others by their share; cached pages of files do not count."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:")), 0)


def _bytes(folder):
    found = subprocess.run(["du", "-sb", str(folder)], capture_output=True, text=True, check=False)
    return int(found.stdout.split()[0]) if found.stdout else 0


class Bench:
    """Stages of one home, each measured once."""

    def __init__(self, home):
        self.home = home
        self.stages = home / "stages"
        self.stages.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **os.environ,
            "JIANWEI_HOME": str(home / "var"),
            "JIANWEI_MLRUNS": str(home / "mlruns"),
            "JIANWEI_PROFILE": "jiangxi",
        }
        self.place = home / "var" / "jiangxi"

    def has(self, name):
        """Whether a stage was measured."""
        return (self.stages / f"{name}.json").is_file()

    def verb(self, name, *words):
        """A stage that is a verb of the command line."""
        return self.stage(name, [str(Path(sys.executable).parent / "jianwei"), *words, "--json"])

    def stage(self, name, command):
        """What a command prints as JSON (its last line), with its seconds, memory and disk."""
        kept = self.stages / f"{name}.json"
        if not kept.is_file():
            started = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment, text=True, cwd=ROOT)
            with Watch(process.pid, self.home) as watch:
                printed = process.communicate()[0]
            if process.returncode:
                sys.exit(f"{name} ended with {process.returncode}; run the same command again to go on from there.")
            measured = {
                "seconds": time.monotonic() - started,
                "peak_gib": watch.memory / GIB,
                "disk_gib": watch.disk / GIB,
            }
            kept.write_text(json.dumps({**measured, "printed": json.loads(printed.strip().splitlines()[-1])}))
        found = json.loads(kept.read_text())
        print(
            f"{name:12} {found['seconds']:9.1f} s {found['peak_gib']:7.2f} GiB {found['disk_gib']:7.1f} GiB on disk",
            flush=True,
        )
        return found

    def own(self, name, *words):
        """A stage that is a function of this file, run in a process of its own."""
        return self.stage(name, [sys.executable, str(Path(__file__).resolve()), "--stage", name.split("-")[0], *words])


def matrix(home):
    """Everyone in scope at one date, all indicators there are, as a month does it: by portions, in helpers."""
    from features.crew import Crew, Task
    from features.matrix import looking_at_everyone
    from serving import portions, settings

    lake, definitions, _ = _opened(home)
    size = lake.register().num_rows
    for name in lake.types():
        lake.stored(name)  # digests are compared once, before the clock starts
    started = time.monotonic()
    with TemporaryDirectory(dir=home) as folder, Crew(settings.helpers() if size > portions.PORTION else 0) as crew:
        given = {"home": home, "folder": folder}
        shares = ["roll", *looking_at_everyone(definitions)]
        crew.run(Task(share, "tests.benchmarks.province:shared", {**given, "share": share}) for share in shares)
        begun = time.monotonic()
        starts = range(0, size, portions.PORTION)
        found = crew.run(
            Task(str(low), "tests.benchmarks.province:portion", {**given, "low": low, "high": low + portions.PORTION})
            for low in starts
        )
    seconds = time.monotonic() - started
    rows = sum(one["rows"] for one in found.values())
    return {"rows": rows, "indicators": len(definitions.codes), "seconds": seconds, "shared_s": begun - started}


def types(home):
    """The seconds of every record type's query over everyone, and of peers and links each, in one process."""
    from features.matrix import BATCH, looking_at_everyone, wide

    lake, definitions, queries = _opened(home)
    size = lake.register().num_rows
    for name in lake.types():
        lake.stored(name)
    seconds, cells = {}, {name: len(wanted) for name, wanted in queries.needed.items()}
    for name, result in queries.until(size - 1).items():
        started = time.monotonic()
        for low in range(0, size, BATCH):
            result.between(low, min(low + BATCH, size) - 1)
        seconds[name] = time.monotonic() - started
    for share, columns in looking_at_everyone(definitions).items():
        started = time.monotonic()
        wide(lake, definitions, as_of=queries.as_of, columns=columns)
        seconds[share] = time.monotonic() - started
    return {"seconds": seconds, "aggregates": cells}


def _by_type(found):
    """Prints what ``types`` measured, the dearest first."""
    for name, each in sorted(found["seconds"].items(), key=lambda one: -one[1]):
        print(f"  {name:24} {found['aggregates'].get(name, 0):4} aggregates {each:8.2f} s", flush=True)


def _opened(home):
    from datetime import date

    from features.engine import Engine
    from features.indicators.catalogue import load
    from features.matrix import Queries
    from features.profile import read_profile
    from features.reading import Reading
    from features.records.lake import Lake

    if home not in OPEN:
        profile = read_profile("jiangxi")
        lake, definitions = Lake(Path(home), profile), load(profile)
        OPEN[home] = lake, definitions, Queries(Reading(lake, Engine("polars")), definitions, date.fromisoformat(AS_OF))
    return OPEN[home]


def shared(home, folder, share):
    """Everyone known, or values of one kind that depend on everyone."""
    from features.matrix import looking_at_everyone, registrations, wide
    from serving import pieces

    lake, definitions, queries = _opened(home)
    if share == "roll":
        found = registrations(lake, as_of=queries.as_of)
    else:
        found = wide(lake, definitions, as_of=queries.as_of, columns=looking_at_everyone(definitions)[share])
    pieces.write(Path(folder) / f"{share}.parquet", found, measured=True)
    return {}


def portion(home, folder, low, high):
    """The matrix of some entity keys, batch by batch, going nowhere."""
    from features.matrix import Known, beside, looking_at_everyone
    from serving import pieces

    _, definitions, queries = _opened(home)
    rows = pieces.between(Path(folder) / "roll.parquet", low, high)
    for share in looking_at_everyone(definitions):
        rows = beside(rows, pieces.between(Path(folder) / f"{share}.parquet", low, high))
    return {"rows": sum(len(batch.entity) for batch in Known(rows, queries).batches())}


def month(name):
    """A month with the newest trained scheme, whoever has approved it: promotion is not what is measured."""
    from features.asof import Month
    from serving import display
    from serving import settings as edge
    from serving.monthly import Run, classify
    from serving.workshop import Workshop
    from training.scheme import Scheme

    shop = Workshop(edge.read())
    scheme = Scheme.load(shop.newest().folder, shop.office.scheme_key)
    wanted, watch = Month.parse(name), display.Watch()
    run = Run(wanted, shop.home, shop.sources(scheme, wanted.end), "benchmark", edge.now(), helpers=edge.helpers())
    made = classify(run, watch=watch)
    folder = shop.home / "months" / name / "0"
    rows = made.head.rows
    return {
        "steps": watch.seconds,
        "rows": rows,
        "largest_error": made.largest_error,
        "bytes_per_entity": sum(path.stat().st_size for path in folder.iterdir()) / rows,
        **json.loads((folder / "manifest.json").read_text())["explained"],
    }


def _named(stage, run):
    return f"{stage}-run{run}" if run else stage


def _taken(bench, run, folders):
    """One intake of everything; before a further run the lake is as it was before the first."""
    name = _named("intake", run)
    if run and not bench.has(name):
        shutil.rmtree(bench.place / "lake")
        (bench.place / "journal.jsonl").unlink()
    return bench.verb(name, "intake", *folders)


def _month(bench, run, month):
    """One month; before a further run no month is sealed."""
    name = _named(f"month-{month}", run)
    if run and month == MONTHS[0] and not bench.has(name):
        shutil.rmtree(bench.place / "months")
    return bench.own(name, month)


def _median(found):
    """The run with the median time; its spread is printed."""
    ordered = sorted(found, key=lambda one: one["seconds"])
    if len(ordered) > 1:
        print(f"{'':12} runs {', '.join(format(one['seconds'], '.1f') for one in ordered)} s", flush=True)
    return ordered[len(ordered) // 2]


def main():
    if sys.argv[1:2] == ["--stage"]:
        name, *words = sys.argv[2:]
        print(json.dumps({"matrix": matrix, "types": types, "month": month}[name](*words)))
        return
    entities, home = int(sys.argv[1]), Path(sys.argv[2]).absolute()
    bench, runs = Bench(home), range(3 if entities <= MANY else 1)
    made = bench.verb("simulate", "simulate", "--entities", str(entities), "--detection", "10")
    folders = sorted(str(path.parent) for path in (bench.place / "deliveries").glob("*/*/manifest.json"))
    taken = _median([_taken(bench, run, folders) for run in runs])
    sent = sum(receipt["sent"] for receipt in taken["printed"])
    whole = _median([bench.own(_named("matrix", run), str(bench.place)) for run in runs])
    by_type = bench.own("types", str(bench.place))["printed"]
    _by_type(by_type)
    hand = bench.stage("by_hand", [sys.executable, str(Path(__file__).with_name("by_hand.py")), str(bench.place), "3"])
    bench.verb("train", "train", "--known-by", KNOWN_BY)
    months = [[_month(bench, run, name) for name in MONTHS] for run in runs]
    first, second = (_median([found[number] for found in months]) for number in (0, 1))
    scheme = next((bench.place / "training").glob("*/made/scheme"))
    program = str(Path(__file__).with_name("plain.py"))
    plain = bench.stage("plain", [sys.executable, program, str(bench.place), MONTHS[1], str(scheme)])["printed"]
    step, next_step = first["printed"]["steps"], second["printed"]
    print(
        json.dumps(
            {
                "entities": entities,
                "records": made["printed"]["records"],
                "simulate_s": made["seconds"],
                "intake_s": taken["seconds"],
                "intake_rows_per_s": sent / taken["seconds"],
                "matrix_s": whole["printed"]["seconds"],
                "peers_and_links_s": whole["printed"]["shared_s"],
                "dearest_type": max(by_type["aggregates"], key=by_type["seconds"].get),
                "known_s": step["known"],
                "score_s": step["scores"],
                "explain_s": step["contributions"],
                "reasons_s": step["reasons"],
                "seal_s": step["leaves"] + step["seal"],
                "month_s": first["seconds"],
                "second_month_s": second["seconds"],
                "peak_gib": max(first["peak_gib"], second["peak_gib"]),
                "explain_distinct_share": first["printed"]["distinct"] / first["printed"]["entities"],
                "explain_changed_share": next_step["anew"] / next_step["entities"],
                "bytes_per_entity": first["printed"]["bytes_per_entity"],
                "intake_peak_gib": taken["peak_gib"],
                "disk_peak_gib": max(json.loads(path.read_text())["disk_gib"] for path in bench.stages.glob("*.json")),
                "ratio_polars": hand["printed"]["ratio_polars"],
                "ratio_explain_plain": plain["sealed_s"] / next_step["steps"]["contributions"],
                "ratio_explain_bare": plain["seconds"] / next_step["steps"]["contributions"],
                "largest_difference": plain["largest_difference"],
                "largest_error": max(first["printed"]["largest_error"], next_step["largest_error"]),
            }
        )
    )


if __name__ == "__main__":
    main()

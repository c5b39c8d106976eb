"""The scoring service, measured: python tests/benchmarks/service.py ENTITIES HOME (make bench-service).

Real processes on this machine, one under load at a time: ours as ``jianwei serve``, a bare BentoML service with the
same booster, and the same booster behind ``mlflow models serve``. The client is open-loop, on the same cores. --only
names stages (start,load,long,overload,compare,fuzz,tests), --minutes the long run, --seconds each other. Prints figures
beside targets, met or missed, and as its last line JSON. ``elsewhere`` are the cores that neither client nor server
used: on a machine that is busy with other work no latency means much, and the CPU milliseconds a request do.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.benchmarks import load, mlflow_served, service_tests  # noqa: E402
from tests.benchmarks.load import Seen, Stream, Target, percentile  # noqa: E402
from tests.benchmarks.served import BIN, Served, busy  # noqa: E402
from tests.benchmarks.service_home import Home  # noqa: E402

STAGES = ("start", "load", "long", "overload", "compare", "fuzz", "tests")
ROUNDS = 3
WARM_UP = 3.0
RATES = {"class": 100, "score": 100, "explain": 30, "records": 5, "batch": 10}
TOGETHER = {"class": 100, "score": 5, "explain": 3, "records": 0.5, "batch": 0.5}  # in the long run
P99 = {"class": 25, "score": 50, "explain": 150, "records": 500, "batch": 150}
COMPARED = (50, 100)
BATCH = 100
FACTOR = 5
PROBES = 20  # a second, after an overload
OVERLOAD = {"refusal_ms": 100, "recovered_s": 5.0}
START_RATIO, BARE_RATIO, GROWTH = 1.6, 2.0, 0.05
FILED = {"year": 2024, "filed_at": "2026-01-20", "due_date": "2025-06-30", "late_days": 204}
RECORDS = [{"type": "annual_report", "fields": FILED}]
NAMES = {"start": "start to ready", "long": "long run", "overload": "overload"}


class Asking:
    """What is asked of each server, by the number of the request."""

    def __init__(self, home):
        self.home = home
        self.key = home.key()
        names, rows = home.vectors()
        self.vectors = [json.dumps({"vector": row}).encode() for row in rows]
        table = [{"dataframe_split": {"columns": names, "data": [row]}} for row in rows]
        self.tables = [json.dumps(one).encode() for one in table]

    def target(self, server, key=None):
        """Ours, with a key and a purpose."""
        return Target(server.port, f"Authorization: Bearer {key or self.key}\r\nX-Purpose: benchmark\r\n")

    def stream(self, name, target, rate=None):
        """The requests of one kind."""
        codes = self.home.codes

        def read(number):
            return target.request("GET", f"/v1/entities/{codes[number % len(codes)]}/class")

        def scored(number, size=1, explain="none", records=None):
            found = [{"entity": codes[(number * size + place) % len(codes)]} for place in range(size)]
            found = [one if records is None else {**one, "records": records} for one in found]
            body = json.dumps({"subjects": found, "explain": explain}).encode()
            return target.request("POST", "/v1/scores", body)

        ways = {
            "class": read,
            "score": scored,
            "explain": lambda number: scored(number, explain="contributions"),
            "records": lambda number: scored(number, records=RECORDS),
            "batch": lambda number: scored(number, size=BATCH),
        }
        return Stream(name, rate or RATES[name], ways[name])

    def bare(self, server, rate):
        """A vector to the bare service."""
        target, bodies = Target(server.port), self.vectors
        return target, Stream(
            "bare", rate, lambda number: target.request("POST", "/predict", bodies[number % len(bodies)])
        )

    def mlflow(self, server, rate):
        """A table of one row to MLflow's."""
        target, bodies = Target(server.port), self.tables
        return target, Stream(
            "mlflow", rate, lambda number: target.request("POST", "/invocations", bodies[number % len(bodies)])
        )


class Bench:
    """The stages, each giving its figures, and the targets that were missed."""

    def __init__(self, home, options):
        self.home = home
        self.asking = Asking(home)
        self.options = options
        self.missed = []
        self.logs = home.folder / "logs"
        self.logs.mkdir(exist_ok=True)

    def ours(self):
        """Our service as it is started."""
        command = [str(BIN / "jianwei"), "serve", "--port", "{port}"]
        return Served("ours", command, ready="/readyz", environment=self.home.environment, folder=self.logs)

    def bare(self):
        """The bare service."""
        command = [str(BIN / "bentoml"), "serve", "tests.benchmarks.bare:Bare", "--port", "{port}"]
        environment = {"BARE_MODEL": str(self.home.model)}
        return Served("bare", command, ready="/readyz", environment=environment, folder=self.logs)

    def mlflow(self):
        """The same booster behind MLflow's server."""
        folder = self.home.folder / "mlflow-model" / self.home.scheme[:12]
        if not folder.is_dir():
            mlflow_served.save(self.home.model, folder)
        words = ("models", "serve", "-m", str(folder), "--env-manager", "local", "--workers", "1", "--port", "{port}")
        return Served("mlflow", [str(BIN / "mlflow"), *words], ready="/ping", folder=self.logs)

    def say(self, what, value, target, unit=""):
        """One figure beside what it should be at most."""
        met = value is not None and value <= target
        if not met:
            self.missed.append(what)
        print(
            f"  {what:44} {_text(value):>10} {unit:3} at most {_text(target):>8}  {'met' if met else 'MISSED'}",
            flush=True,
        )

    # The stages

    def start(self):
        """Seconds from the command to the first 200, ours and the bare one in turns; the first of each warms up."""
        seen = {"ours": [], "bare": []}
        for number in range(ROUNDS + 1):
            for name, made in (("ours", self.ours), ("bare", self.bare)):
                with made() as server:
                    if number:
                        seen[name].append(server.seconds)
        found = {name: round(statistics.median(values), 3) for name, values in seen.items()}
        found["ratio"] = round(found["ours"] / found["bare"], 3)
        print(f"  ours {found['ours']} s, bare {found['bare']} s", flush=True)
        self.say("start, ours over bare", found["ratio"], START_RATIO)
        return found

    def load(self):
        """Each kind of request alone at its rate."""
        found = {}
        with self.ours() as server:
            target = self.asking.target(server)
            for name in RATES:
                stream = self.asking.stream(name, target)
                load.run(target, [stream], WARM_UP)
                seen, spent = measured(server, target, [stream], self.options.seconds)
                found[name] = {"rate": stream.rate, **seen[name].document(), **spent}
                print(f"  {name:8} {_line(found[name])}", flush=True)
                self.say(f"{name} at {stream.rate}/s, p99", found[name]["p99"], P99[name], "ms")
                self.say(f"{name} at {stream.rate}/s, errors", found[name]["errors"], 0)
            found["alive"] = server.is_alive
        return found

    def long(self):
        """All kinds together for many minutes: errors, latencies, and how much memory grew."""
        with self.ours() as server:
            target = self.asking.target(server)
            streams = [self.asking.stream(name, target, rate) for name, rate in TOGETHER.items()]
            load.run(target, streams, min(30.0, 15 * self.options.minutes))
            before = server.memory()
            seen, spent = measured(server, target, streams, 60 * self.options.minutes)
            after = server.memory()
        kinds = {name: one.document() for name, one in seen.items()}
        for name, one in kinds.items():
            print(f"  {name:8} {_line(one)}", flush=True)
            self.say(f"{name} in the long run, p99", one["p99"], P99[name], "ms")
        found = {"minutes": self.options.minutes, "rates": TOGETHER, "kinds": kinds, **spent}
        found["errors"] = sum(one["errors"] for one in kinds.values())
        found |= {"memory_mib": [round(before, 1), round(after, 1)], "memory_growth": round(after / before - 1, 4)}
        self.say("errors in the long run", found["errors"], 0)
        self.say("memory growth", found["memory_growth"], GROWTH)
        return found

    def overload(self):
        """Scores at five times their rate, then few class reads: how refusals come, and when all is well again."""
        with self.ours() as server:
            target = self.asking.target(server)
            load.run(target, [self.asking.stream("score", target, PROBES)], WARM_UP)
            storm = self.asking.stream("score", target, FACTOR * RATES["score"])
            seen, _ = load.run(target, [storm], min(10.0, self.options.seconds))
            calm, _ = load.run(target, [self.asking.stream("class", target, PROBES)], 10.0)
            bound = self._bound(server)
            alive = server.is_alive
        found = _refused(seen["score"], "score at five times the rate, no limit on the key") | {"factor": FACTOR}
        found |= {"recovered_s": recovered(calm["class"]), "alive": alive, "limited_key": bound}
        print(f"  {found['statuses']}; with a limited key {bound['statuses']}", flush=True)
        self.say("slowest refusal, in-flight cap", found["slowest_refusal_ms"], OVERLOAD["refusal_ms"], "ms")
        self.say("slowest refusal, limited key", bound["slowest_refusal_ms"], OVERLOAD["refusal_ms"], "ms")
        self.say("other answers than 200, 429, 503", found["others"] + bound["others"], 0)
        self.say("seconds until all is well again", found["recovered_s"], OVERLOAD["recovered_s"], "s")
        return found

    def _bound(self, server):
        target = self.asking.target(server, self.home.bound_key())
        storm = self.asking.stream("class", target, FACTOR * 20)  # a key may ask 20 times a second
        seen, _ = load.run(target, [storm], min(5.0, self.options.seconds))
        return _refused(seen["class"], "class reads at five times what the key may ask")

    def compare(self):
        """One subject a request at the same rates, in turns; of each figure the median of the rounds."""
        ways = {
            "ours": (self.ours, self._scored),
            "bare": (self.bare, self.asking.bare),
            "mlflow": (self.mlflow, self.asking.mlflow),
        }
        seen = {}
        for _ in range(ROUNDS):
            for name, (made, asked) in ways.items():
                with made() as server:
                    for rate in COMPARED:
                        target, stream = asked(server, rate)
                        load.run(target, [stream], WARM_UP)
                        one, spent = measured(server, target, [stream], self.options.seconds)
                        seen.setdefault((rate, name), []).append({**one[stream.name].document(), **spent})
        return {str(rate): self._compared(rate, seen) for rate in COMPARED}

    def _scored(self, server, rate):
        target = self.asking.target(server)
        return target, self.asking.stream("score", target, rate)

    def _compared(self, rate, seen):
        found = {}
        for name in ("ours", "bare", "mlflow"):
            rows = seen[rate, name]
            found[name] = {one: _median([row[one] for row in rows]) for one in ("p50", "p99", "server_ms")}
            found[name]["errors"] = sum(row["errors"] for row in rows)
            print(f"  {name:8} at {rate}/s  p50 {found[name]['p50']} p99 {found[name]['p99']} ms", flush=True)
        for p in ("p50", "p99"):
            found[f"ratio_{p}"] = _ratio(found["ours"][p], found["bare"][p])
            self.say(f"ours over bare at {rate}/s, {p}", found[f"ratio_{p}"], BARE_RATIO)
            beside = found["mlflow"][p] or float("inf")  # one that answered nothing is behind
            self.say(f"ours, below mlflow's at {rate}/s, {p}", found["ours"][p], beside, "ms")
        return found

    def fuzz(self):
        """The long schemathesis run."""
        return service_tests.run("fuzz", self.say)

    def tests(self):
        """What tests count: cells of the matrix, mutations of the model, promotions under load."""
        return {name: service_tests.run(name, self.say) for name in ("matrix", "mutations", "promotions")}


def measured(server, target, streams, seconds):
    """What was seen, and CPU: milliseconds a request of client and server, and the cores other work held meanwhile."""
    began, other, own = time.monotonic(), busy(), server.cpu()
    seen, client = load.run(target, streams, seconds)
    took, server_s = time.monotonic() - began, server.cpu() - own
    requests = sum(len(one.latencies) for one in seen.values())
    rest = busy() - other - server_s - client * requests / 1000
    spent = {"client_ms": client, "server_ms": 1000 * server_s / max(requests, 1), "elsewhere": rest / took}
    return seen, {name: round(value, 3) for name, value in spent.items()}


def _refused(seen, what):
    """How an overload was answered; refusals timed from when the request was sent."""
    others = sum(n for status, n in seen.statuses.items() if status not in {200, 429, 503})
    return {
        "what": what,
        "statuses": {str(status): n for status, n in seen.statuses.items()},
        "others": others,
        "refused": len(seen.refusals),
        "slowest_refusal_ms": round(max(seen.refusals), 1) if seen.refusals else None,
        "refusal_p99_ms": percentile(seen.refusals, 99),
    }


def recovered(seen: Seen):
    """Seconds after an overload until a request is answered as ever, and so are all after it."""
    begin, last = min(seen.due), 0.0
    healthy = dict.fromkeys(seen.statuses) == {200: None}
    for due, latency in zip(seen.due, seen.latencies, strict=True):
        if latency > P99["class"]:
            last = max(last, due - begin + latency / 1000)
    return round(last, 2) if healthy else None


def _median(values):
    """The median; null where a round had no good answer."""
    return None if None in values else statistics.median(values)


def _ratio(ours, theirs):
    return round(ours / theirs, 3) if ours is not None and theirs else None


def _line(found):
    cpu = f", server {found['server_ms']} ms CPU, elsewhere {found['elsewhere']}" if "server_ms" in found else ""
    return (
        f"p50 {found['p50']} p95 {found['p95']} p99 {found['p99']} p99.9 {found['p99.9']} ms, {found['statuses']}{cpu}"
    )


def _text(value):
    return "none" if value is None else f"{value:g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entities", type=int, nargs="?", default=1_000_000)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--only", default=",".join(STAGES[:-2]) + ",tests")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    folder = (options.home or ROOT / "var" / f"bench-{options.entities}").absolute()
    home = Home(folder, options.entities)
    bench, found = Bench(home, options), {"entities": home.rows, "month": home.month}
    for name in options.only.split(","):
        print(f"{NAMES.get(name, name)}", flush=True)
        made = getattr(bench, name)()
        found |= made if name == "tests" else {name: made}
    print(json.dumps({**found, "missed": bench.missed}, ensure_ascii=False))


if __name__ == "__main__":
    main()

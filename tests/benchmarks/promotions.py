"""Promotions and rollbacks while the service answers: is any answer mixed, does any fail, how long does a switch take?

    python tests/benchmarks/promotions.py HOME URL KEY [COUNT]

HOME is the home of a running service that may be written to (a sandbox), URL where it listens, KEY one with the right
to probabilities. A second scheme, with fewer boosters, is kept and signed there; the two take turns. Every answer's
probability is held against the one its scheme gives offline. The last line is JSON.
"""

import http.client
import json
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.compute as pc

from evaluation.promotion import APPROVED, PROPOSED, ROLLED_BACK, SCHEMES, Office, Signer, champion_folder, signed
from features import signing
from features.records.journal import Journal
from serving.classification import CLASSIFIED
from serving.results import SCHEME_KEY, Results, publisher_key
from serving.scoring import live
from serving.scoring.contract import decimal
from training import boosters
from training.scheme import Scheme

CLIENTS = 3
ENTITIES = 20
SIGNERS = ("bench-one", "bench-two")


class House:
    """The home whose champion changes."""

    def __init__(self, home: Path):
        self.home = home
        verify = signing.verify_key(home / "keys", SCHEME_KEY)
        self.office = Office(home, Journal.of(home), home / "keys", verify)
        for name in SIGNERS:
            signing.first_use_key(home / "keys", name)
        self.first = Scheme.load(champion_folder(self.office), verify)
        left = self.first.models[: max(1, len(self.first.models) // 2)]
        self.second = replace(self.first, models=left, golden=boosters.golden(left, self.first.names))
        folder = home / SCHEMES / self.second.digest
        if not folder.exists():
            self.second.save(folder, signing.signing_key(home / "keys", SCHEME_KEY))

    def decide(self, action: str, digest: str, by: int) -> None:
        details = {"scheme": digest} if action == PROPOSED else {"scheme": digest, "proposal": None}
        signed(self.office, action, details, Signer(SIGNERS[by], datetime.now(UTC), "benchmark"))  # noqa: TID251

    def expected(self):
        """Some classified entities, and by scheme what each one's probability is offline."""
        results = Results(self.home, publisher_key(self.home))
        month = results.month(results.months()[-1])
        codes = codes_of(month)
        lights = [month.find(code) for code in codes]
        return codes, {
            scheme.digest: dict(zip(codes, map(probability, live.scored(scheme, month, lights, None)), strict=True))
            for scheme in (self.first, self.second)
        }


def codes_of(month):
    """The first classified entities of a sealed month."""
    rows = month.rows
    return rows.filter(pc.equal(rows["status"], CLASSIFIED)).slice(0, ENTITIES)["code"].to_pylist()


def probability(document):
    return decimal(document["probability"])


class Client(threading.Thread):
    """Asks for scores one after the other, and keeps what it was told and when."""

    def __init__(self, url, key, codes, ended):
        super().__init__()
        self.address, self.codes, self.ended = urlsplit(url), codes, ended
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.answers, self.failed = [], []

    def run(self):
        with closing(http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=20)) as connection:
            for code in cycle(self.codes):
                if self.ended.is_set():
                    return
                self.ask(connection, code)

    def ask(self, connection, code):
        body = json.dumps({"subjects": [{"entity": code}]})
        try:
            connection.request("POST", "/v1/scores", body=body, headers=self.headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError as fault:
            self.failed.append(type(fault).__name__)
            return
        if answer.status != 200:
            self.failed.append(answer.status)
            return
        found = json.loads(content)
        self.answers.append((time.monotonic(), found["scheme"], code, found["results"][0]["probability"]))


def promotions(home: Path, url: str, key: str, count: int = 50) -> dict:
    """How many answers there were, how many mixed or failed, and how long the slowest switch took."""
    house, ended = House(home), threading.Event()
    codes, expected = house.expected()
    clients = [Client(url, key, codes[place:] + codes[:place], ended) for place in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        house.decide(PROPOSED, house.second.digest, 0)
        time.sleep(3)  # a proposal is never approved at once: another person does that
        switches = [switch(house, clients, number) for number in range(count)]
    finally:
        ended.set()
        for client in clients:
            client.join()
    answers = [answer for client in clients for answer in client.answers]
    return {
        "promotions": count,
        "answers": len(answers),
        "mixed": sum(expected[digest][code] != said for _, digest, code, said in answers),
        "failed": sum(len(client.failed) for client in clients),
        "failures": sorted({str(kind) for client in clients for kind in client.failed}),
        "schemes_told_apart": sum(
            expected[house.first.digest][code] != expected[house.second.digest][code] for code in codes
        ),
        "slowest_switch_s": round(max(switches), 3),
        "median_switch_s": round(sorted(switches)[len(switches) // 2], 3),
    }


def switch(house, clients, number):
    """Seconds from a decision in the journal to the first answer under the scheme it names."""
    wanted = (house.second, house.first)[number % 2].digest
    house.decide((APPROVED, ROLLED_BACK)[number % 2], wanted, 1)
    start = time.monotonic()
    while time.monotonic() < start + 30:
        seen = [answer for client in clients for answer in client.answers[-1:]]
        if any(digest == wanted and at > start for at, digest, *_ in seen):
            return time.monotonic() - start
        time.sleep(0.005)
    raise SystemExit(f"scheme {wanted[:12]} was not taken up within 30 seconds")


if __name__ == "__main__":
    home, url, key, *more = sys.argv[1:]
    print(json.dumps(promotions(Path(home), url, key, *map(int, more))))

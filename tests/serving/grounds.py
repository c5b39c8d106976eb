"""Where the service is attacked: a town that takes results and disputes, with months, a job done and a dispute open."""

import json
from dataclasses import dataclass

import offices
from calling import request_to
from posts import extended
from running import housed
from town import NOW, codes

from serving.counter import Counter
from serving.scoring import runner
from serving.scoring.routes import application
from serving.wall import Guard
from serving.watch import Watch

CODES = codes()[:60:3]


def ground(classified, folder):
    """A copy of a classified town as it would be served, which takes all that can be sent."""
    town = extended(housed(classified, folder))
    offices.loaded(town)
    return town


@dataclass
class Inside:
    """The service of a town in this process: the routes over its counter, behind the wall."""

    town: object
    counter: Counter
    app: object
    guard: Guard

    @classmethod
    def of(cls, town):
        counter = Counter(town.home, town.profile, town.store, lambda: NOW)
        counter.reign.open()
        app = application(counter.desk)
        watch = Watch.over(town.home, town.store, now=lambda: NOW, zone=town.profile.zone)
        return cls(town, counter, app, Guard(app, watch=watch))

    def ask(self, key, method, path, body=b"", **headers):
        """The answer to one request; header names with underscores for dashes."""
        told = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return request_to(self.guard, method, path, headers=[("authorization", f"Bearer {key}"), *told], chunks=(body,))

    def known(self, key):
        """What parameters of paths can be of this key: of these fuzzing takes every second one."""
        made = self.ask(
            key,
            "POST",
            "/v1/jobs/scoring?explain=reasons",
            ("entity\n" + "\n".join(CODES)).encode(),
            content_type="text/csv",
            idempotency_key="known",
        )
        job = made.json["job"]
        assert runner.step(self.counter.desk, lambda: None)
        files = self.ask(key, "GET", f"/v1/jobs/{job}").json["files"]
        body = json.dumps({"entity": CODES[1], "kind": "class", "statement": "wrong"}).encode()
        opened = self.ask(key, "POST", "/v1/disputes", body, content_type="application/json", idempotency_key="known")
        return {
            "entity": CODES,
            "month": ("2025-11", "2025-12"),
            "job": (job,),
            "name": tuple(one["name"] for one in files),
            "dispute": (opened.json["dispute"],),
        }

    def close(self):
        self.counter.close()

"""What schemathesis makes of an OpenAPI document, sent to where it is served: every check, sound and unsound data."""

from collections import Counter
from dataclasses import dataclass, field

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

SEED = 20_260_101


@dataclass
class Found:
    """What a run sent and what it found wrong."""

    operations: set[str] = field(default_factory=set)  # there are
    hit: Counter = field(default_factory=Counter)
    good: Counter = field(default_factory=Counter)  # answered with 2xx
    statuses: Counter = field(default_factory=Counter)
    failures: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)  # of each failure, one request
    troubles: list[str] = field(default_factory=list)  # what kept schemathesis from testing something

    def __add__(self, other):
        return Found(
            self.operations | other.operations,
            self.hit + other.hit,
            self.good + other.good,
            self.statuses + other.statuses,
            self.failures + other.failures,
            self.examples | other.examples,
            self.troubles + other.troubles,
        )

    @property
    def requests(self):
        """How many requests were answered."""
        return sum(self.statuses.values())

    @property
    def server_errors(self):
        """How many answers were 5xx, and requests that got none."""
        return sum(n for status, n in self.statuses.items() if status >= 500 or not status)


def fuzz(document, url, key, *, codes, requests):
    """Send about so many requests, spread evenly over the operations of a document; the same every time."""
    operations = sum(
        method in {"get", "put", "post", "delete", "patch"} for path in document["paths"].values() for method in path
    )
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": url,
            "headers": {"Authorization": f"Bearer {key}", "X-Purpose": "test"},
            "continue-on-failure": True,
            "request-timeout": 20,
            "dictionaries": {"codes": {"values": list(codes)}},
            "parameters": {"path.entity": {"dictionary": "codes", "probability": 0.5}},
            "generation": {
                "mode": "all",
                "max-examples": -(-requests // operations),
                "deterministic": True,
                "no-shrink": True,
                "database": "none",
            },
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    found = Found({operation.ok().label for operation in schema.get_all_operations()})
    for event in from_schema(schema).execute():
        _note(found, event)
    return found


def _note(found, event):
    if isinstance(event, (events.NonFatalError, events.FatalError)):
        fault = getattr(event, "value", None) or getattr(event, "exception", None)
        found.troubles.append(f"{getattr(event, 'label', '')}: {type(fault).__name__} {str(fault)[:300]}")
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    for case, interaction in recorder.interactions.items():
        label = recorder.cases[case].value.operation.label
        status = interaction.response.status_code if interaction.response else 0
        found.hit[label] += 1
        found.statuses[status] += 1
        found.good[label] += 200 <= status < 300
    for case, checks in recorder.checks.items():
        for check in (one for one in checks if one.failure_info is not None):
            failure, request = check.failure_info.failure, recorder.interactions.get(case)
            what = check.name, event.label, failure.title, " ".join(str(failure.message).split())[:200]
            found.failures[what] += 1
            if request is not None:
                found.examples.setdefault(what, f"{request.request.method} {request.request.uri}"[:300])

"""What schemathesis makes of an OpenAPI document, sent to what it describes: every check, sound and unsound data."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

SEED = 20_260_101
TOLD = {"Content-Type", "Idempotency-Key", "X-Purpose", "If-None-Match"}  # headers of a request that failed
METHODS = {"get", "put", "post", "delete", "patch"}


@dataclass
class Found:
    """What a run sent and what it found wrong."""

    operations: set[str] = field(default_factory=set)  # there are
    answers: dict = field(default_factory=lambda: defaultdict(Counter))  # of each operation, by status
    failures: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)  # of each failure, one request
    troubles: list[str] = field(default_factory=list)  # what kept schemathesis from testing something

    def __iadd__(self, other):
        self.operations |= other.operations
        for operation, statuses in other.answers.items():
            self.answers[operation] += statuses
        self.failures += other.failures
        self.examples |= other.examples
        self.troubles += other.troubles
        return self

    @property
    def statuses(self):
        """How often each status was answered; 0 is no answer."""
        return sum(self.answers.values(), Counter())

    @property
    def requests(self):
        """How many requests were sent."""
        return self.statuses.total()

    @property
    def server_errors(self):
        """How many answers were 5xx, and requests that got none."""
        return sum(n for status, n in self.statuses.items() if status >= 500 or not status)

    def without(self, family):
        """The operations that never gave an answer of a family of statuses (2: 200 to 299)."""
        return {one for one in self.operations if not any(status // 100 == family for status in self.answers[one])}


def fuzz(document, key, *, known, requests, app=None, url=None, bounds=True):
    """Send about so many requests, spread over the operations of a document; the same every time.

    They go to an ASGI application in this process, or to where a service is reached. ``known`` are values that
    parameters of paths can have: without them nearly everything would be unknown. Without ``bounds`` the walk along
    the bounds of every schema is left out, a thousand requests however few are asked for.
    """
    operations = sum(method in METHODS for path in document["paths"].values() for method in path)
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            **({"base-url": url} if url else {}),
            "headers": {"Authorization": f"Bearer {key}", "X-Purpose": "test"},
            "phases": {"coverage": {"enabled": bounds}},
            "continue-on-failure": True,
            "request-timeout": 20,
            "dictionaries": {name: {"values": list(values)} for name, values in known.items()},
            "parameters": {f"path.{name}": {"dictionary": name, "probability": 0.5} for name in known},
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
    schema.app = app
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
        status = interaction.response.status_code if interaction.response else 0
        found.answers[recorder.cases[case].value.operation.label][status] += 1
    for case, checks in recorder.checks.items():
        for check in (one for one in checks if one.failure_info is not None):
            failure, sent = check.failure_info.failure, recorder.interactions.get(case)
            what = check.name, event.label, failure.title, " ".join(str(failure.message).split())[:200]
            found.failures[what] += 1
            if sent is not None:
                found.examples.setdefault(what, _shown(sent))


def _shown(interaction):
    asked, answered = interaction.request, interaction.response
    sent = {name: value for name, value in asked.headers.items() if name in TOLD}
    said = answered.content[160:500] if answered and answered.status_code >= 400 else b""
    return f"{asked.method} {asked.uri} {said!r} {sent} {asked.body or b''!r}"[:900]

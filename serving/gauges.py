"""What operators measure of the service: requests, latencies, refusals, audit lines, in the text form of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0)
TYPE = CONTENT_TYPE_LATEST
WORKER = "worker"


class Gauges:
    """The figures of one worker, under its label; other labels are routes, statuses, reasons, months and schemes."""

    def __init__(self, worker: str = "1") -> None:
        own = CollectorRegistry()
        self._registry = own
        self._worker = worker
        self._requests = Counter("jianwei_requests", "Requests answered", ["route", "status", WORKER], registry=own)
        self._seconds = Histogram(
            "jianwei_request_seconds", "Time to the whole answer", ["route", WORKER], registry=own, buckets=SECONDS
        )
        self._refused = Counter("jianwei_refused", "Requests refused", ["reason", WORKER], registry=own)
        self._in_flight = Gauge("jianwei_in_flight", "Requests being answered", [WORKER], registry=own).labels(worker)
        self._lines = Counter("jianwei_audit_lines", "Audit lines written", [WORKER], registry=own).labels(worker)
        self._serving = Gauge(
            "jianwei_serving", "The month and the scheme served", ["month", "scheme", WORKER], registry=own
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status), self._worker).inc()
        self._seconds.labels(route, self._worker).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refusal by its kind of problem."""
        self._refused.labels(reason, self._worker).inc()

    def in_flight(self, number: int) -> None:
        """State how many requests are being answered."""
        self._in_flight.set(number)

    def audited(self) -> None:
        """Count an audit line."""
        self._lines.inc()

    def serving(self, month: str, scheme: str) -> None:
        """State which month and scheme answers are given from; the scheme by the beginning of its digest."""
        self._serving.clear()
        self._serving.labels(month, scheme[:12], self._worker).set(1)

    def text(self) -> bytes:
        """All of it as text."""
        return generate_latest(self._registry)

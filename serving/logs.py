"""What the service logs: one line a request and faults by their type and place; no name, number, path or body."""

import logging
import sys
from typing import Any, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from serving.http import place

OWN = "jianwei"
PLAIN = ("uvicorn.error",)  # says nothing but what it starts and stops
FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
NAMES = {"asctime": "at", "levelname": "level", "name": "from", "message": "what"}
DETAILS = ("request_id", "route", "status", "milliseconds", "key")  # of a request, all that is kept


class Discreet(logging.Filter):
    """Takes out of a line what others than the service wrote: their words may hold what was sent to us."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True: every line stays, the words of some do not."""
        fault = record.exc_info[1] if record.exc_info else None
        for name in record.__dict__.keys() - {*RESERVED_ATTRS, *DETAILS}:
            delattr(record, name)
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        if record.name.partition(".")[0] != OWN and record.name not in PLAIN:
            record.msg, record.args = f"{record.module}:{record.lineno}", None
        if fault is not None:
            record.msg, record.args = f"{type(fault).__name__} in {place(fault)}", None
        return True


class Text(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The time, what happened, and the details of a request."""
        told = " ".join(f"{name}={getattr(record, name)}" for name in DETAILS if hasattr(record, name))
        return f"{self.formatTime(record)} {record.levelname} {record.getMessage()} {told}".rstrip()


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> logging.Handler:
    """The one handler of this process: text on a terminal, otherwise one JSON object a line."""
    chosen = stream or sys.stderr
    handler = logging.StreamHandler(chosen)
    handler.addFilter(Discreet())
    handler.setFormatter(Text() if chosen.isatty() else JsonFormatter(FIELDS, rename_fields=NAMES))
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in (OWN, *PLAIN):
        logging.getLogger(name).setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        known = logging.getLogger(name)
        known.handlers, known.propagate = [], True
    return handler


def request(log: logging.Logger, told: dict[str, Any]) -> None:
    """Log an answered request by these details: its id, route, status, milliseconds and key number."""
    log.info("request", extra=told)

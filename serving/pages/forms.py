"""Forms that change something: however often one is sent, it is taken once."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import RedirectResponse

from serving.http import ProblemError
from serving.scoring.desk import Desk
from serving.scoring.idempotency import Answer, Asked, Claim, claim

ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
TRIES, PAUSE = 20, 0.1  # a form sent twice at once waits for the answer to the first


def once(
    desk: Desk, who: tuple[str, str], fields: Mapping[str, str], stated: Any, first: Callable[[Claim], Answer]
) -> Answer:
    """The answer to a form of a key at a route: what ``first`` answers, however often it is sent.

    ``once`` of its fields is its number; with something else ``stated`` it is another form.
    """
    number = fields.get("once", "")
    if ONCE.fullmatch(number) is None:
        raise ProblemError("malformed-request")
    digest = hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()
    mine = _claim(desk, Asked(*who, f"{number}-{digest}", digest))
    if isinstance(mine, Answer):
        return mine
    try:
        return first(mine)
    except Exception:
        mine.drop(desk.store)
        raise


def _claim(desk: Desk, asked: Asked) -> Claim | Answer:
    for _ in range(TRIES):
        try:
            return claim(desk.store, asked, desk.now())
        except ProblemError as problem:
            if problem.kind != "state-conflict":
                raise
        time.sleep(PAUSE)
    raise ProblemError("state-conflict")


def leading_to(path: str) -> Answer:
    """The answer to a form that leads on to a page."""
    found = RedirectResponse(path, 303)
    return Answer(found.status_code, b"", "text/html", {"location": found.headers["location"]})


def text(fields: Mapping[str, str], name: str) -> str:
    """What was written in a field, its lines ended as text has them and not as forms send them."""
    return fields.get(name, "").replace("\r\n", "\n").strip()

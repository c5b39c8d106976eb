"""Cursors: where a page of a sealed month ended, sealed so that only the key and the question it was given to go on."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken

from serving.listing import After

PATTERN = r"^[A-Za-z0-9_=-]{60,1000}$"


@dataclass(frozen=True)
class Place:
    """The last entity of a page, and the month, head and load it is of; ``lot`` or ``text`` where pages go by lot, or
    by the name or code that was searched for."""

    month: str
    head: str
    load: int
    org: str
    code: str
    lot: int | None = None
    text: str | None = None
    in_office: bool = False  # whether pages go by office and name

    @property
    def after(self) -> After:
        """Where the next page goes on."""
        if self.lot is not None:
            return self.lot, self.code
        if self.text is None:
            return self.org, self.code
        return (self.org, self.text, self.code) if self.in_office else (self.text, self.code)


def written(secret: bytes, place: Place, key: str, asked: Mapping[str, str]) -> str:
    """The cursor of a place, for a key and what it asked; it cannot be read, as a place may lie behind a pseudonym."""
    content = {**asdict(place), "bound": _bound(key, asked)}
    return _sealer(secret).encrypt(json.dumps(content).encode()).decode()


def read(secret: bytes, cursor: str, key: str, asked: Mapping[str, str]) -> Place | None:
    """The place of a cursor; nothing when it was not made here, or for another key or question."""
    try:
        canonical = base64.urlsafe_b64encode(base64.urlsafe_b64decode(cursor)).decode() == cursor
        content = json.loads(_sealer(secret).decrypt(cursor)) if canonical else {}
    except (InvalidToken, ValueError):
        return None
    return Place(**content) if content.pop("bound", None) == _bound(key, asked) else None


def _bound(key: str, asked: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([key, dict(asked)], sort_keys=True).encode()).hexdigest()


def _sealer(secret: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(secret))

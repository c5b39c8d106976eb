"""Logins on their way to the portal and back: what only the browser that set out can show when it returns."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from serving import ledger

LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class Passage:
    """One login on its way: its state, the nonce of its token, the verifier of its code, and where to go on."""

    state: str
    nonce: str
    verifier: str
    target: str

    @classmethod
    def to(cls, target: str) -> "Passage":
        """A new one, which nobody can guess."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, target)

    @property
    def challenge(self) -> str:
        """What the portal is told of the verifier (PKCE, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Passages:
    """Passages as cookies hold them for ten minutes, sealed under a secret of the home: nobody reads or makes one."""

    home: Path
    now: Callable[[], datetime]

    def sealed(self, passage: Passage) -> str:
        """A passage as text."""
        return self._sealer.encrypt_at_time(json.dumps(asdict(passage)).encode(), self._at).decode()

    def opened(self, text: str) -> Passage | None:
        """The passage of a text; nothing when it was not sealed here, or too long ago."""
        try:
            content = self._sealer.decrypt_at_time(text, int(LASTS.total_seconds()), self._at)
        except InvalidToken:
            return None
        return Passage(**json.loads(content))

    def pseudonym(self, login: str) -> str:
        """What a log calls somebody at the portal: the same for the same person, and nobody's name."""
        return hmac.digest(self._secret, login.encode(), hashlib.sha256).hex()[:16]

    @property
    def _at(self) -> int:
        return int(self.now().timestamp())

    @cached_property
    def _secret(self) -> bytes:
        return ledger.secret(self.home / "keys", "login")

    @cached_property
    def _sealer(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._secret))

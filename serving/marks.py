"""What rows of a loaded month are ordered and known again by, under a key of the home that is not in the store."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from serving import ledger

MARKED = (  # what no seal covers, or only packed
    *("code", "org", "departments", "lot", "name", "number", "registration", "reason", "open_reason"),
    *("document", "vector"),
)
MODULUS = 1 << 128
Row = Sequence[Any]


@dataclass(frozen=True)
class Marks:
    """Lots and marks under the secret of a home."""

    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, home: Path) -> "Marks":
        """Those of a home; its secret is made on first use."""
        return cls(ledger.secret(home / "keys", "rows"))

    @cached_property
    def _keys(self) -> tuple[bytes, bytes]:
        lots, marks = (hmac.digest(self.secret, use, "sha256") for use in (b"jianwei lots", b"jianwei marks"))
        return lots, marks

    def lots(self, codes: Iterable[str]) -> npt.NDArray[np.int64]:
        """The lot of every entity: HMAC-SHA-256 of its code, cut to 64 bits, so that no order of codes shows in it."""
        key, keyed = self._keys[0], hmac.digest
        drawn = b"".join([keyed(key, code.encode(), "sha256")[:8] for code in codes])
        return np.frombuffer(drawn, ">i8").astype(np.int64)

    def sum(self, rows: Iterable[Mapping[str, Any]] | Iterable[Row], places: Sequence[Any] = MARKED) -> int:
        """The sum of the marks of some rows, whatever their order; ``places`` say where ``MARKED`` lie in a row.

        Whoever can write to the store and does not have the secret cannot make other rows with the same sum.
        """
        key, found = self._keys[1], 0
        *texts, document, vector = places
        for row in rows:
            one: Any = row
            stated = "\x1f".join([str(one[text]) for text in texts]) + f"\x1f{len(one[document])}\x1f"
            told = stated.encode() + one[document] + (one[vector] or b"")
            found += int.from_bytes(hashlib.blake2b(told, key=key, digest_size=16).digest())
        return found % MODULUS

"""What a month or supplement says once, as the store holds it: used only where it is what was signed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from features import signing
from serving.classification import WORDS
from serving.ledger import Head, LedgerError


@dataclass(frozen=True)
class StoredPart:
    """What a month or supplement says once, held against its signed head."""

    head: Head
    signature: str
    manifest: Mapping[str, Any]
    words: Mapping[str, Any]
    columns: tuple[str, ...]
    sealed: tuple[str, ...]

    @classmethod
    def read(cls, told: Mapping[str, Any], key: Ed25519PublicKey) -> "StoredPart":
        """A part from what a load told; LedgerError when it is not what was sealed."""
        head = Head(**told["head"])
        manifest = json.loads(told["manifest"])
        same = (
            signing.holds(key, head.document, told["signature"])
            and _sha256(told["manifest"]) == head.manifest
            and _sha256(told["words"]) == manifest["files"][WORDS]["sha256"]
        )
        if not same:
            raise LedgerError(
                f"{head.month} supplement {head.supplement} in the store is not what was sealed. Nothing of it is "
                f"used; run jianwei store load {head.month} --again."
            )
        words = json.loads(told["words"])
        return cls(head, told["signature"], manifest, words, tuple(told["columns"]), tuple(told["sealed"]))

    @property
    def indicators(self) -> dict[str, str | None]:
        """The indicator system its values were worked out with: digest, and version (null: none was drafted)."""
        stated = {"version": None, "digest": self.manifest["inputs"]["definitions"]}
        return dict(self.manifest.get("indicators", stated))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

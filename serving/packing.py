"""Small documents and vectors packed one by one, each against a dictionary of what many of them say."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEVEL, WINDOW, MEMORY = 4, 14, 6  # small, so that beginning anew for every document costs little
LARGEST = 16_000  # bytes of a dictionary
SAMPLES = 24


@dataclass(frozen=True)
class Packing:
    """Packs and unpacks (zlib) against a dictionary; empty: without one."""

    dictionary: bytes = b""

    @classmethod
    def like(cls, items: Sequence[bytes]) -> "Packing":
        """A packing for items like these."""
        return cls(b"".join(items[:: max(len(items) // SAMPLES, 1)])[-LARGEST:])

    def pack(self, items: Iterable[bytes]) -> list[bytes]:
        """Every item packed."""
        settings = (LEVEL, zlib.DEFLATED, WINDOW, MEMORY, zlib.Z_DEFAULT_STRATEGY)
        begun = zlib.compressobj(*settings, self.dictionary) if self.dictionary else zlib.compressobj(*settings)
        return [_finished(begun.copy(), item) for item in items]

    def unpack(self, packed: bytes) -> bytes:
        """An item as it was; ValueError when it is damaged."""
        opened = zlib.decompressobj(zdict=self.dictionary) if self.dictionary else zlib.decompressobj()
        try:
            found = opened.decompress(packed)
        except zlib.error:
            raise ValueError("a packed item is damaged") from None
        if not opened.eof:
            raise ValueError("a packed item is cut off")
        return found


def _finished(packing: "zlib._Compress", item: bytes) -> bytes:
    return packing.compress(item) + packing.flush()

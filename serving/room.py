"""How many requests are being answered, and whose: no key takes all the room, and files arrive beside it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from serving.http import ProblemError

FILES = 8  # that arrive at a time, one a key: a slow sender keeps nobody from asking


@dataclass
class Room:
    """So many requests at a time, of one key half as many; ``tell`` hears how many there are."""

    size: int
    tell: Callable[[int], None]
    taken: int = 0
    _of: Counter[str] = field(default_factory=Counter)
    _files: set[str] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether no further request is taken."""
        return self.taken >= self.size

    def has_share(self, name: str) -> bool:
        """Whether requests of this name have half the room already."""
        return self._of[name] >= (self.size + 1) // 2

    @contextmanager
    def held(self, key: str, *shown: str) -> Iterator[None]:
        """A place for a request of a key while the block runs; ProblemError when the key has its share.

        ``shown`` is what the request proved the key by: the next that shows the same need not be looked up to be known.
        """
        if self.has_share(key):
            raise ProblemError("overloaded")
        names = (key, *shown)
        self._of.update(names)
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._of.subtract(names)
            for name in names:
                if not self._of[name]:
                    del self._of[name]

    @contextmanager
    def arriving(self, key: str) -> Iterator[None]:
        """A place for a file of a key; ProblemError when one of the key's, or too many of others, arrive already."""
        if key in self._files or len(self._files) >= FILES:
            raise ProblemError("overloaded")
        self._files.add(key)
        try:
            yield
        finally:
            self._files.discard(key)

    def _count(self, more: int) -> None:
        self.taken += more
        self.tell(self.taken)

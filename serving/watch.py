"""What the wall asks before it lets a request in, and tells before it lets an answer out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from serving.access import Doorkeeper, Principal
from serving.audit import Audit, Pseudonyms
from serving.brake import Brake, Pace
from serving.gauges import Gauges
from serving.sessions import Sessions
from serving.store import Store

IN_FLIGHT = 64  # of one key half: no more come in while a long answer keeps others waiting


@dataclass
class Watch:
    """What the wall asks before it lets a request in and tells before it lets an answer out.

    ``trusted`` are the networks of gateways whose ``X-Forwarded-For`` counts, ``open_paths`` those read without a key.
    """

    doorkeeper: Callable[[str, str], Principal | None]
    audit: Audit
    pseudonyms: Pseudonyms
    brake: Brake
    now: Callable[[], datetime]
    zone: ZoneInfo
    sessions: Callable[[str, str], Principal | None] = lambda token, address: None
    gauges: Gauges = field(default_factory=Gauges)
    pace: Pace = field(default_factory=Pace)
    in_flight: int = IN_FLIGHT
    trusted: tuple[str, ...] = ()
    open_paths: frozenset[str] = frozenset()

    @classmethod
    def over(cls, home: Path, store: Store, *, now: Callable[[], datetime], zone: ZoneInfo, **more: Any) -> "Watch":
        """The watch of a home, with connections to the store of its own: busy routes do not keep it waiting."""
        own = Store(store.url, store.home)
        doors = {"sessions": Sessions(own, now, zone), **more}
        return cls(Doorkeeper(own, now, zone), Audit(home, now), Pseudonyms(home), Brake(own), now, zone, **doors)

    @property
    def asks_elsewhere(self) -> bool:
        """Whether keys are looked up over a network, so not in the event loop; an SQLite reader waits for nobody."""
        return not self.brake.store.url.startswith("sqlite")

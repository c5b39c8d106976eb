"""What the API answers from: the champion, the sealed months, and what the asking key may see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from features.indicators.catalogue import Definitions
from features.profile import Profile
from serving import explanation
from serving.access import INTERNAL, PROBABILITY, Principal, within
from serving.explanation import Document
from serving.http import ProblemError
from serving.results import Results, SealedMonth
from serving.scoring import live, supposed
from serving.store import Store
from training.scheme import Scheme, SchemeError

Light = Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """The champion as verified, the months as sealed; ``scheme_of`` opens the scheme a month was classified with.

    ``store`` holds what changes between months, ``home`` the files of the profile, ``now`` is the clock.
    """

    home: Path
    profile: Profile
    store: Store
    now: Callable[[], datetime]
    champion: Scheme
    results: Results
    scheme_of: Callable[[str], Scheme]
    definitions: Callable[[], Definitions]

    @property
    def newest(self) -> SealedMonth:
        """The newest sealed month; ProblemError when there is none."""
        months = self.results.months()
        if not months:
            raise ProblemError("unavailable")
        return self.results.month(months[-1])

    def month(self, name: str | None) -> SealedMonth:
        """A sealed month by name, or the newest; ProblemError when it is not published."""
        if name is None:
            return self.newest
        if name not in self.results.months():
            raise ProblemError("not-found")
        return self.results.month(name)

    def find(self, month: SealedMonth, code: str, asking: tuple[Principal, str]) -> Light:
        """The row of an entity the key may see on a route; the same ProblemError for unknown and out of scope."""
        principal, route = asking
        if not principal.calls(route):
            raise ProblemError("forbidden")
        light = month.find(code)
        if light is None or not within(principal.grant, placed(light)):
            raise ProblemError("not-found")
        return light

    def summary(self, month: SealedMonth, light: Light, principal: Principal) -> Document:
        """The class of an entity, as far as the key may see."""
        found = explanation.summary(month, light)
        return self._visible(found, month, principal)

    def explanation(self, month: SealedMonth, light: Light, principal: Principal) -> Document:
        """The whole document of an entity, as far as the key may see."""
        scheme = self._sealed_scheme(month, light)
        return self._visible(explanation.document(month, light, scheme), month, principal)

    def history(self, code: str, limit: int, principal: Principal) -> list[tuple[SealedMonth, Light]]:
        """The sealed months of an entity the key may see, newest first."""
        found = self.results.history(code, limit)
        return [(month, light) for month, light in found if within(principal.grant, placed(light))]

    def score(
        self, month: SealedMonth, lights: Sequence[Light], principal: Principal, *, explained: bool
    ) -> list[Document]:
        """Live documents of classified entities, in order, as far as the key may see."""
        found = live.scored(self.champion, month, lights, self.definitions if explained else None)
        return [self._visible(one, month, principal) for one in found]

    def suppose(self, month: SealedMonth, asked: supposed.Asked, principal: Principal, *, explained: bool) -> Document:
        """The document of a classified entity with supposed records, as far as the key may see."""
        room = supposed.room(self.home, self.profile, self.champion, month)
        found = supposed.suppose(room, asked)
        document = live.hypothetical(self.champion, month, asked.light, found, room if explained else None)
        return self._visible(document, month, principal)

    def _visible(self, found: Document, month: SealedMonth, principal: Principal) -> Document:
        return explanation.visible(
            found, month.words, internal=principal.may(INTERNAL), probability=principal.may(PROBABILITY)
        )

    def _sealed_scheme(self, month: SealedMonth, light: Light) -> Scheme:
        digest = month.parts[light["part"]].head.scheme
        try:
            return self.champion if digest == self.champion.digest else self.scheme_of(digest)
        except SchemeError:
            raise ProblemError("unavailable") from None


def placed(light: Light) -> dict[str, str]:
    """Who supervises an entity: its office's path (its region's code where the month states no office), departments."""
    return {"org": light.get("org") or light["region"] or "", "departments": light.get("departments") or ""}

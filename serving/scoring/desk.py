"""What the API answers from: the champion, the sealed months, and what the asking key may see."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from features.indicators.catalogue import Definitions
from features.profile import Profile
from serving import changes, explanation, ledger, recourse, reviews
from serving.access import INTERNAL, PROBABILITY, Principal, within
from serving.classification import CLASSIFIED
from serving.explanation import Document
from serving.http import ProblemError
from serving.lane import Lane
from serving.ledger import LedgerError
from serving.listing import OPEN, TOP, After, Filters
from serving.listing import Asked as Sought
from serving.months import rank
from serving.scoring import live
from serving.shelf import Shelf, StoredMonth
from serving.store import Store
from training.cutoffs import RiskClass
from training.scheme import Scheme, SchemeError

Light = Mapping[str, Any]
Records = Sequence[Mapping[str, Any]]
Asked = tuple[Filters, After | None, int]  # filters, the place to go on after, how many
DEPARTMENT_READER = "department_reader"
PSEUDONYMS = "pseudonyms"


@dataclass(frozen=True)
class Desk:
    """The champion as verified, the months as sealed; ``scheme_of`` opens the scheme a month was classified with.

    ``store`` holds what changes between months, ``home`` the files of the profile, ``now`` is the clock; what takes
    long is done in the ``lane``.
    """

    home: Path
    profile: Profile
    store: Store
    now: Callable[[], datetime]
    champion: Scheme
    results: Shelf
    scheme_of: Callable[[str], Scheme]
    definitions: Callable[[], Definitions]
    lane: Lane = field(default_factory=Lane, compare=False)

    @property
    def today(self) -> date:
        """The day it is at the place."""
        return self.now().astimezone(self.profile.zone).date()

    @property
    def newest(self) -> StoredMonth:
        """The newest sealed month; ProblemError when there is none."""
        try:
            return self.results.newest()
        except LedgerError:
            raise ProblemError("unavailable") from None

    @property
    def dispute_terms(self) -> Document | None:
        """Within how many days a dispute made today is answered, and on which basis; nothing where none is taken."""
        return reviews.terms(self.profile, self.today)

    def month(self, name: str | None) -> StoredMonth:
        """A sealed month by name, or the newest; ProblemError when it is not published."""
        if name is None:
            return self.newest
        if name not in self.results.months():
            raise ProblemError("not-found")
        return self.results.month(name)

    def find(self, month: StoredMonth, code: str, asking: tuple[Principal, str]) -> Light:
        """The row of an entity the key may see on a route; the same ProblemError for unknown and out of scope."""
        principal, route = asking
        if not principal.calls(route):
            raise ProblemError("forbidden")
        light = self.seen(month, code, principal)
        if light is None:
            raise ProblemError("not-found")
        return light

    def summary(self, month: StoredMonth, light: Light, principal: Principal) -> Document:
        """The class of an entity, as far as the key may see."""
        found = explanation.summary(month, light)
        if self.only_class(light, principal):
            found |= {"rules": [], "model_class": None, "cause": None}  # each says why, or that a rule decided
        return self._visible(found, month, principal)

    def explanation(self, month: StoredMonth, light: Light, principal: Principal) -> Document:
        """The whole document of an entity, as far as the key may see."""
        if self.only_class(light, principal):
            return self.summary(month, light, principal)
        scheme = self._opened(month.parts[light["part"]].head.scheme)
        found = explanation.document(month, light, scheme)
        found["change"] = changes.since_before(self.results, month, light, self._opened)
        if light["status"] == CLASSIFIED:
            bounds = scheme.parts[light["kind"]].cutoffs.bounds
            nearest = bounds[abs(bounds - light["probability"]).argmin()]
            found["distance"] = light["probability"] - float(nearest)
            found["percentile"] = rank(month.ranks, light)
            found["average"] = month.averages.get(light["kind"])
        return self._visible(found, month, principal)

    def recourse(self, month: StoredMonth, light: Light, principal: Principal) -> Document:
        """What an entity could do itself that would change its class, as far as the key may see."""
        if self.only_class(light, principal):
            return {"state": recourse.ONLY_CLASS}
        if light["status"] != CLASSIFIED:
            return {"state": recourse.NOT_CLASSIFIED}
        if light["class"] == RiskClass.A.name:
            return {"state": recourse.SAFEST}
        from serving.scoring import ways  # the engine of records is opened by the first who asks

        scheme = self._opened(month.parts[light["part"]].head.scheme)
        found = ways.told((self.home, self.profile), scheme, month, light)
        return recourse.visible(found, internal=principal.may(INTERNAL), probability=principal.may(PROBABILITY))

    def only_class(self, light: Light, principal: Principal) -> bool:
        """Whether of an entity class and measures alone are told: to other departments, of kinds run by persons."""
        return light["kind"] in only_classes(self.profile, principal)

    def reason(self, month: StoredMonth, light: Light, principal: Principal) -> str | None:
        """The code of the top reason of a row, as far as the key may see; nothing where there is or is told none."""
        if month.codes is None or not principal.calls("explanation") or self.only_class(light, principal):
            return None
        number = light[TOP if principal.may(INTERNAL) else OPEN]
        return None if number is None else month.codes[number]

    def cause(self, light: Light, principal: Principal) -> str | None:
        """Why a row has its class, as far as the key may see."""
        if self.only_class(light, principal):
            return None
        found: str | None = light["cause"]
        return found if principal.may(PROBABILITY) else explanation.coarse_cause(found)

    def told_as(self, code: str, principal: Principal) -> str:
        """How an entity is named to a key: by its code, or by a pseudonym that only this home can lead back."""
        if not principal.pseudonymous:
            return code
        return "p-" + hmac.digest(secret_of(self.home, PSEUDONYMS), code.encode(), "sha256").hex()[:40]

    def is_internal(self, month: StoredMonth, light: Light, principal: Principal) -> bool:
        """Whether the top reason a key is told of a row is an internal one: then it is not the first open one."""
        return (
            self.reason(month, light, principal) is not None and principal.may(INTERNAL) and light[TOP] != light[OPEN]
        )

    def reasons(self, month: StoredMonth, principal: Principal) -> list[str]:
        """The codes of top reasons a key may look for in a month."""
        if month.codes is None or not principal.calls("explanation"):
            return []
        return [code for code in month.codes if principal.may(INTERNAL) or code in month.open_codes]

    def page(self, month: StoredMonth, asked: Asked, principal: Principal) -> list[Light]:
        """The next so many entities the key may see, by office and code; see ``Asked``.

        To whom they are told by pseudonym they come by lot: a list of codes beside them would name them otherwise.
        ProblemError when the month was loaded without lots.
        """
        filters, after, limit = asked
        sought = self.sought(filters, principal)
        try:
            return list(month.listing.page(sought, after, limit))
        except LedgerError:
            raise ProblemError("unavailable") from None

    def count(self, month: StoredMonth, asked: Asked, principal: Principal) -> int:
        """How many entities the pages of ``asked`` would hold from there on, so many at most."""
        filters, after, most = asked
        sought = self.sought(filters, principal)
        try:
            return month.listing.count(sought, after, most)
        except LedgerError:
            raise ProblemError("unavailable") from None

    def monitored(self, month: StoredMonth, limit: int, principal: Principal) -> list[Light]:
        """So many entities of class C and D: the riskiest first to whom probabilities are told, else class D first."""
        if principal.may(PROBABILITY):
            return list(month.listing.riskiest(principal.grant, limit))
        found: list[Light] = []
        for risk in ("D", "C"):
            found += self.page(month, (Filters(risk_class=risk), None, limit - len(found)), principal)
        return found

    def sought(self, filters: Filters, principal: Principal) -> Sought:
        """The rows a key may ask for, by filters that tell no more than rows do; ProblemError where whoever is told
        pseudonyms asks by name or code, or somebody for reasons who is told none."""
        if principal.pseudonymous and filters.names_entities:
            raise ProblemError("forbidden")
        if filters.reason is not None and not principal.calls("explanation"):
            raise ProblemError("forbidden")
        seen = replace(filters, internal=principal.may(INTERNAL), untold=only_classes(self.profile, principal))
        return Sought(principal.grant, seen, by_lot=principal.pseudonymous)

    def head_before(self, month: StoredMonth) -> str:
        """The head of the sealed month before a month; empty before the first."""
        earlier = [name for name in self.results.months() if name < month.month]
        return self.results.month(earlier[-1]).head.digest if earlier else ""

    def seen_of(self, month: StoredMonth, codes: Sequence[str], principal: Principal) -> list[Light | None]:
        """The rows of some entities in their order, nothing in the place of those the key may not see."""
        known = month.found(codes)
        rows = (known.get(code) for code in codes)
        return [row if row is not None and within(principal.grant, placed(row)) else None for row in rows]

    def seen(self, month: StoredMonth, code: str, principal: Principal) -> Light | None:
        """The row of an entity the key may see; nothing for unknown and out of scope alike."""
        light = month.find(code)
        return light if light is not None and within(principal.grant, placed(light)) else None

    def history(self, code: str, limit: int, principal: Principal) -> list[tuple[StoredMonth, Light]]:
        """The sealed months of an entity the key may see, newest first."""
        found = self.results.history(code, limit)
        return [(month, light) for month, light in found if within(principal.grant, placed(light))]

    def score(
        self,
        month: StoredMonth,
        lights: Sequence[Light],
        principal: Principal,
        *,
        explained: bool,
        added: bool = True,
    ) -> list[Document]:
        """Live documents of classified entities, in order, as far as the key may see.

        Where they are explained but what each indicator ``added`` is not asked for, it is left out if that saves work.
        """
        whole = principal.may(INTERNAL) and principal.may(PROBABILITY)
        added = added or not whole  # what is hidden is summed up from it, shares are parts of it
        definitions = self.definitions if explained else None
        found = live.scored(self.champion, month, lights, definitions, sure=principal.may(PROBABILITY), added=added)
        return [self._visible(one, month, principal) for one in found]

    def suppose(
        self, month: StoredMonth, asked: tuple[str, Light, Records], principal: Principal, *, explained: bool
    ) -> Document:
        """The document of a classified entity with supposed records, as far as the key may see; ``asked`` is its place
        in the request, its row and the records."""
        from serving.scoring import supposed  # the engine of records is opened by the first who supposes some

        (pointer, light, records), internal = asked, principal.may(INTERNAL)
        room = supposed.room(self.home, self.profile, self.champion, month)
        found = supposed.suppose(room, supposed.Asked(pointer, light, month.vector(light), records, internal))
        document = live.hypothetical(self.champion, month, light, found, room if explained else None)
        return self._visible(document, month, principal)

    def _visible(self, found: Document, month: StoredMonth, principal: Principal) -> Document:
        return explanation.visible(
            found, month.words, internal=principal.may(INTERNAL), probability=principal.may(PROBABILITY)
        )

    def _opened(self, digest: str) -> Scheme:
        try:
            return self.champion if digest == self.champion.digest else self.scheme_of(digest)
        except SchemeError:
            raise ProblemError("unavailable") from None


def only_classes(profile: Profile, principal: Principal) -> frozenset[str]:
    """The kinds of which a key is told class and measures alone."""
    run_by_persons = (profile.settings.get("masking") or {}).get("kinds", ())
    return frozenset(run_by_persons if principal.grant.role == DEPARTMENT_READER else ())


def placed(light: Light) -> dict[str, str]:
    """Who supervises an entity: its office's path (its region's code where the month states no office), departments."""
    return {"org": light.get("org") or light["region"] or "", "departments": light.get("departments") or ""}


@lru_cache(maxsize=16)
def secret_of(home: Path, name: str) -> bytes:
    """A secret of the home by name, read once."""
    return ledger.secret(home / "keys", name)

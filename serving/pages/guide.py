"""Help: what a class is and is not, how it comes about, who sees what, the words, how to object."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving import reviews
from serving.access import RIGHTS
from serving.http import ProblemError
from serving.pages.front import Front, asking, contact
from serving.scoring.desk import Desk
from serving.sessions import LASTS

GLOSSARY = Path(__file__).resolve().parent / "glossary.yaml"
READS_ENTITY = ("class", "classes", "scores")  # who may call one of these is told of entities
ASPECTS = ("regime", "onsite", "sampling", "method", "monitoring", "campaign")
SHADES = {"A": ("低", "low"), "B": ("一般", "ordinary"), "C": ("较高", "elevated"), "D": ("高", "high")}


def routes(front: Front) -> list[Route]:
    """The page of help."""

    def guide(request: Request) -> Response:
        """Help; where there is no champion or month yet, without what only these can say."""
        principal = asking(request)
        desk = None
        with suppress(ProblemError):
            desk = front.desk()
        return front.page(
            request,
            "help.html",
            classes=_classes(words := _words(desk)),
            indicators=len(words.get("indicators", ())),
            roles=_roles(),
            glossary=_glossary(),
            objection=_objection(desk),
            contact=contact({} if desk is None else desk.profile.settings),
            hours=int(LASTS.total_seconds() // 3600),
            grant=principal.grant,
            rights={right: principal.may(right) for right in RIGHTS.rights},
        )

    return [Route("/help", guide)]


@cache
def _glossary() -> list[dict[str, str]]:
    """The words and what they mean, in the order they are best read."""
    found: list[dict[str, str]] = yaml.safe_load(GLOSSARY.read_text(encoding="utf-8"))
    return found


def _words(desk: Desk | None) -> Mapping[str, Any]:
    """The words of the newest month; none where there is no month."""
    if desk is not None:
        with suppress(ProblemError):
            return desk.newest.words
    return {}


def _classes(words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The four classes with the names and measures of a month."""
    measures = (words.get("measures") or {}).get("classes", {})
    return [
        {
            "class": name,
            **words.get("classes", {}).get(name, {"zh": f"风险{zh}", "en": f"{en} risk"}),
            "measures": [found for aspect in ASPECTS if (found := measures.get(name, {}).get(aspect))],
            "triggers": measures.get(name, {}).get("triggers") or [],
        }
        for name, (zh, en) in SHADES.items()
    ]


@cache
def _roles() -> list[dict[str, Any]]:
    """What each role sees: entities (or none, or by pseudonym), which rights it can be given, whether it objects."""
    found = []
    for role, rights in RIGHTS.roles.items():
        reads = any(role in RIGHTS.routes[route].roles for route in READS_ENTITY)
        entities = "pseudonyms" if role in RIGHTS.pseudonymous else "scope" if reads else "none"
        objects = role in RIGHTS.routes["dispute"].roles
        found.append({"role": role, **RIGHTS.labels[role], "entities": entities, "rights": rights, "objects": objects})
    return found


def _objection(desk: Desk | None) -> dict[str, Any] | None:
    """By when a dispute is answered, and on which basis; nothing where the place takes none."""
    terms = None if desk is None else desk.dispute_terms
    return None if terms is None else {**terms, "longest": reviews.LONGEST}

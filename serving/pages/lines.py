"""What lists say of entities, line by line: as far as the key may see, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving import offices
from serving.access import RIGHTS, Principal
from serving.office import CAUSES
from serving.scoring.desk import Desk, Light
from serving.shelf import StoredMonth

PAGE = "page_entity"  # the page of one entity
RULE = "rule-"  # what the codes of rules begin with
Line = dict[str, Any]


def lines(desk: Desk, month: StoredMonth, lights: Sequence[Light], asking: tuple[Principal, str]) -> list[Line]:
    """Entities as lists tell them to who asks in which language."""
    principal, tongue = asking
    is_linked = PAGE in RIGHTS.routes and principal.calls(PAGE) and not principal.pseudonymous
    return [
        {
            "code": desk.told_as(light["code"], principal),
            "linked": is_linked,
            **_called(desk, light, principal, tongue),
            "kind": _worded(month.words["kinds"].get(light["kind"]), tongue),
            "class": light["class"],
            "before": light["class_before"],
            "cause": _cause(desk, light, principal, tongue),
            "reason": reason(month, desk.reason(month, light, principal), tongue),
            "internal": desk.is_internal(month, light, principal),
        }
        for light in lights
    ]


def _called(desk: Desk, light: Light, principal: Principal, tongue: str) -> Line:
    """Name, number and office; of whom is told by pseudonym the region alone."""
    if principal.pseudonymous:
        return {"name": "", "number": "", "office": offices.place(desk.profile, light["region"] or "", tongue)}
    return {
        "name": light.get("name") or "",
        "number": light.get("number") or "",
        "office": offices.office(desk.profile, light["org"], tongue),
    }


def _cause(desk: Desk, light: Light, principal: Principal, tongue: str) -> str:
    cause = desk.cause(light, principal)
    return "" if cause is None else CAUSES[cause][tongue != "zh"]


def reason(month: StoredMonth, code: str | None, tongue: str) -> str:
    """The words of the code of a reason: the rule's, or the indicator's."""
    if code is None:
        return ""
    if code.startswith(RULE):
        found = next((one for one in month.words["rules"] if one["code"] == code.removeprefix(RULE)), None)
        return code if found is None else str(found["label" if tongue == "zh" else "label_en"])
    return _worded(month.words["indicators"].get(code.partition("-")[2]), tongue) or code


def _worded(one: Mapping[str, Any] | None, tongue: str) -> str:
    return "" if one is None else str(one[tongue])


def reasons(desk: Desk, month: StoredMonth, asking: tuple[Principal, str]) -> list[tuple[str, str]]:
    """The codes of reasons a key can look for, with their words, by their words."""
    principal, tongue = asking
    codes = desk.reasons(month, principal)
    return sorted(((code, reason(month, code, tongue)) for code in codes), key=lambda one: one[::-1])

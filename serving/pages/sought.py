"""What a person looks for on a page of entities: the fields of its form, read and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from serving.http import ProblemError
from serving.listing import CHANGES, Filters
from serving.scoring import cursors

LONGEST = 40  # letters of a text that is looked for
CODE = re.compile(r"[0-9A-Za-z]+")
SHAPES = {
    "text": re.compile(rf".{{1,{LONGEST}}}"),
    "number": re.compile(r"[0-9A-Za-z-]{1,40}"),
    "region": re.compile(r"[0-9A-Za-z]{1,16}"),
    "class": re.compile(r"(?=.)A?B?C?D?"),
    "before": re.compile(r"[ABCD]"),
    "kind": re.compile(r"[a-z][a-z_]{0,39}"),
    "reason": re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,79}"),
    "change": re.compile("|".join(CHANGES)),
    "month": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
}
NAMING = ("text", "number")  # fields that name entities
MARK = "list"  # a cursor of a page is none of the API: what it is bound to says so


@dataclass(frozen=True)
class Sought:
    """The fields that say something, by name."""

    fields: Mapping[str, str]

    @classmethod
    def of(cls, stated: Mapping[str, str]) -> "Sought":
        """What was stated; ProblemError for a field no form of ours would send."""
        found = {name: stated[name].strip() for name in SHAPES if stated.get(name, "").strip()}
        for name, value in found.items():
            if SHAPES[name].fullmatch(value) is None or not value.isprintable():
                raise ProblemError("invalid-request", [{"pointer": f"/query/{name}", "code": "not_a_filter"}])
        return cls(found)

    @property
    def filters(self) -> Filters:
        """Them as filters: a text of letters and digits is the beginning of a code, any other is of a name."""
        text = self.fields.get("text", "")
        is_code = CODE.fullmatch(text) is not None
        return Filters(
            region=self.fields.get("region", ""),
            risk_class=self.fields.get("class"),
            kind=self.fields.get("kind"),
            code=text.upper() if is_code else "",
            name="" if is_code else text,
            number=self.fields.get("number", ""),
            before=self.fields.get("before"),
            change=self.fields.get("change"),
            reason=self.fields.get("reason"),
        )

    @property
    def bound(self) -> dict[str, str]:
        """What a cursor of a page of them is good for."""
        named = {name: value for name, value in self.fields.items() if name != "month"}
        period = {"period": self.fields["month"]} if "month" in self.fields else {}
        return {**named, **period, "of": MARK}

    def query(self, **more: str) -> str:
        """Them as the query of an address."""
        return urlencode({**self.fields, **more})


def cursor_of(stated: str | None) -> str | None:
    """The cursor of an address; ProblemError for what cannot be one."""
    if not stated:
        return None
    if re.fullmatch(cursors.PATTERN, stated) is None:
        raise ProblemError("not-found")
    return stated

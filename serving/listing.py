"""Lists of a load: what they are narrowed to and go by, asked of the table of its rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Table, false, func, literal_column, select, true, tuple_

from serving.access import Grant, condition, within
from serving.ledger import LedgerError
from serving.store import scanning, storable
from serving.tables import MONITORED

TOP, OPEN = "reason", "open_reason"  # columns of the top reason, and of the top reason that is not internal
LOT, OFFICE, NAME, CODE, PART = "lot", "org", "name", "code", "part"  # what pages go by
ORDERS = {LOT: ("lot",), OFFICE: ("org",), NAME: ("name",), CODE: ("code",), PART: ("org", "name")}  # and the code
PACKED = ("document", "vector")
LONG = 8  # letters of the beginning of a code that few have: with fewer, rows are gone through office by office
UP, DOWN, MOVED, NEW, SAME = "up", "down", "moved", "new", "unchanged"
CHANGES = (UP, DOWN, MOVED, NEW, SAME)
LAST = "\U0010ffff"  # sorts after every text that goes on
After = tuple[str | int, ...]  # where a page goes on: what it goes by, and the code of the last entity before it


@dataclass(frozen=True)
class Reason:
    """A top reason pages are narrowed to: its number, which column says it, and kinds whose reason is not told."""

    number: int
    column: str
    untold: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filters:
    """What a page is narrowed to: a region prefix, classes (one letter each), a kind, a class before, a change of
    class, a top reason by its code; the beginning of a code, a registration number, a name: its beginning, or any part
    of it where the key reaches some offices only."""

    region: str = ""
    risk_class: str | None = None
    kind: str | None = None
    code: str = ""
    name: str = ""
    number: str = ""
    before: str | None = None
    change: str | None = None
    reason: str | None = None
    internal: bool = False  # whether internal reasons count; set by the desk, as what follows
    untold: frozenset[str] = frozenset()  # kinds of which no reason is told

    @property
    def names_entities(self) -> bool:
        """Whether they ask for entities by what they are called."""
        return bool(self.code or self.name or self.number)

    @property
    def is_storable(self) -> bool:
        """Whether a database can compare with their texts."""
        return all(storable(one) for one in (self.region, self.code, self.name, self.number))


EVERYTHING = Filters()


@dataclass(frozen=True)
class Asked:
    """Whose rows are asked for: those a grant reaches, as far as filters keep them, by lot or not."""

    grant: Grant
    filters: Filters = EVERYTHING
    by_lot: bool = False


@dataclass(frozen=True)
class Listed:
    """What a load has for lists: its month and offices, whether its rows have lots, the codes of their reasons (none:
    they have neither names nor reasons), and which offices have entities of which regions."""

    month: str
    orgs: Sequence[str]
    has_lots: bool
    codes: Sequence[str] | None
    regions: Collection[tuple[str, str | None]]


@dataclass(frozen=True)
class Question:
    """What is asked of the table of rows of a load, of the offices alone that have the region asked for."""

    table: Table
    has: Listed
    asked: Asked
    reason: Reason | None = None

    @property
    def grant(self) -> Grant:
        """Whose question it is."""
        return self.asked.grant

    @property
    def filters(self) -> Filters:
        """What it is narrowed to."""
        return self.asked.filters

    @cached_property
    def reached(self) -> list[str]:
        """The offices the grant reaches, in order."""
        return _reached(self.has.orgs, self.grant)

    @cached_property
    def meant(self) -> list[str]:
        """Those of them that have entities of the region that is asked for."""
        if not self.filters.region or self.has.codes is None:
            return self.reached
        own = {org for org, region in self.has.regions if (region or "").startswith(self.filters.region)}
        return [org for org in self.reached if org in own]

    @property
    def order(self) -> str:
        """What its pages go by: the lot, or the name or code where many have no such one, else the office."""
        if self.asked.by_lot:
            return LOT
        if self.filters.name:
            return PART if self._is_part else NAME
        return CODE if len(self.filters.code) >= LONG else OFFICE

    @property
    def _is_part(self) -> bool:
        """Whether a name may have the text anywhere: the key reaches some offices only."""
        return len(self.reached) < len(self.has.orgs)

    def page(self, after: After | None, limit: int) -> Select[Any]:
        """Its next so many rows without what is packed."""
        columns = self.table.c
        wanted = self._kept(select(*(one for one in columns if one.name not in PACKED)), after)
        return wanted.order_by(*self._order).limit(limit)

    def count(self, after: After | None, most: int) -> Select[Any]:
        """How many rows it has, ``most`` at most."""
        kept = self._kept(select(self.table.c.code), after).limit(most).subquery()
        return select(func.count()).select_from(kept)

    def riskiest(self, limit: int) -> Select[Any]:
        """So many of its rows of class C and D, the highest margin first."""
        columns = self.table.c
        wanted = select(*(one for one in columns if one.name not in PACKED))
        kept = wanted.where(literal_column(MONITORED), condition(self.grant, columns))
        return kept.order_by(columns.margin.desc(), columns.code.desc()).limit(limit)

    @property
    def _order(self) -> list[Any]:
        return [self.table.c[name] for name in (*ORDERS[self.order], "code")]

    def _kept(self, wanted: Select[Any], after: After | None) -> Select[Any]:
        columns, meant = self.table.c, self.meant
        bounds: ColumnElement[bool] = true() if meant else false()
        if meant and self.order in {OFFICE, PART}:
            # bounds of offices lead to their index; of another order all rows of theirs had to be sorted
            bounds = (columns.org >= meant[0]) & (columns.org <= meant[-1])
        found = wanted.where(bounds, condition(self.grant, columns), *self._narrowed())
        if after is not None:
            found = found.where(tuple_(*self._order) > tuple_(*after))
        return found

    def _narrowed(self) -> list[ColumnElement[bool]]:
        columns, asked = self.table.c, self.filters
        found: list[ColumnElement[bool]] = []
        if asked.region:
            found.append(_begins(columns.region, asked.region))
        if asked.risk_class is not None:
            found.append(columns["class"].in_(list(asked.risk_class)))
        if asked.kind is not None:
            found.append(columns.kind == asked.kind)
        if asked.before is not None:
            found.append(columns.class_before == asked.before)
        if asked.change is not None:
            found.append(_changed(columns["class"], columns.class_before, asked.change))
        if self.reason is not None:
            found.append(columns[self.reason.column] == self.reason.number)
            if self.reason.untold:
                found.append(columns.kind.not_in(sorted(self.reason.untold)))
        return found + self._called()

    def _called(self) -> list[ColumnElement[bool]]:
        """What names entities."""
        columns, asked = self.table.c, self.filters
        found: list[ColumnElement[bool]] = []
        if asked.code:
            is_long = self.order == CODE
            found.append(_from(columns.code, asked.code) if is_long else _begins(columns.code, asked.code))
        if asked.name:
            is_first = self.order == NAME
            found.append(_from(columns.name, asked.name) if is_first else _has(columns.name, asked.name))
        if asked.number:
            found.append(columns.number == asked.number)
        return found


@dataclass(frozen=True)
class Listing:
    """The rows of a load, list by list. LedgerError when an earlier version made it and it lacks what is asked for."""

    table: Table
    has: Listed
    engine: Engine = field(repr=False)

    def page(self, asked: Asked, after: After | None, limit: int) -> list[dict[str, Any]]:
        """The next so many rows from just past ``after`` on, without what is packed."""
        question = self._question(asked)
        return [] if question is None else self._rows(question.page(after, limit))

    def count(self, asked: Asked, after: After | None, most: int) -> int:
        """How many rows there are from just past ``after`` on, ``most`` at most."""
        question = self._question(asked)
        if question is None:
            return 0
        with scanning(self.engine) as connection:
            return int(connection.scalar(question.count(after, most)) or 0)

    def order(self, asked: Asked) -> str:
        """What the pages go by."""
        return Question(self.table, self.has, asked).order

    def after(self, asked: Asked, last: Mapping[str, Any]) -> After:
        """Where the pages go on after a row."""
        return tuple(last[name] for name in (*ORDERS[self.order(asked)], "code"))

    def riskiest(self, grant: Grant, limit: int) -> list[dict[str, Any]]:
        """So many rows of class C and D that a grant reaches, the riskiest margin first."""
        return self._rows(Question(self.table, self.has, Asked(grant)).riskiest(limit))

    def _question(self, asked: Asked) -> Question | None:
        """What is asked of the table; nothing where no row can be meant."""
        filters, reason = asked.filters, None
        if not filters.is_storable:
            return None
        if asked.by_lot and not self.has.has_lots:
            raise self._lacking("its rows have no lots, by which pages of pseudonyms are ordered")
        if self.has.codes is None and (filters.reason is not None or filters.name or filters.number):
            raise self._lacking("its rows have neither names nor reasons")
        if filters.reason is not None:
            if filters.reason not in (self.has.codes or ()):
                return None
            number = list(self.has.codes or ()).index(filters.reason)
            reason = Reason(number, TOP if filters.internal else OPEN, filters.untold)
        question = Question(self.table, self.has, asked, reason)
        return question if question.meant else None

    def _lacking(self, what: str) -> LedgerError:
        return LedgerError(
            f"{self.has.month} in the store was loaded by an earlier version: {what}. No page was read; run jianwei "
            f"store load {self.has.month}."
        )

    def _rows(self, wanted: Select[Any]) -> list[dict[str, Any]]:
        with scanning(self.engine) as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]


def _reached(orgs: Sequence[str], grant: Grant) -> list[str]:
    """The offices a grant reaches, whatever the departments, in their order."""
    everybody = Grant(grant.role, grant.org, grant.expires)
    return [org for org in orgs if within(everybody, {"org": org, "departments": ""})]


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a text begins so, asked of every row: no index is taken for it."""
    begins: ColumnElement[bool] = func.substr(column, 1, len(text)) == text
    return begins


def _from(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a text begins so, asked of an index."""
    between: ColumnElement[bool] = (column >= text) & (column < text + LAST)
    return between


def _has(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a text has a part, letter by letter: LIKE takes some letters for any."""
    without: ColumnElement[bool] = func.replace(column, text, "") != column
    return without


def _changed(risk: Any, before: Any, change: str) -> ColumnElement[bool]:
    """Whether a class changed so; riskier is up."""
    found: dict[str, ColumnElement[bool]] = {
        UP: risk > before,
        DOWN: risk < before,
        MOVED: risk != before,
        NEW: risk.is_not(None) & before.is_(None),
        SAME: risk == before,
    }
    return found[change]

"""Direct-determination rules: dated, switchable, and able only to demand a riskier class, never a better one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.profile import Profile
from training.cutoffs import Classes, RiskClass
from training.errors import SchemeError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OPERATORS = ("==", "!=", ">", ">=", "<", "<=", "in", "missing", "present")


@dataclass(frozen=True)
class Demand:
    """A condition on one indicator; a null meets none but ``missing``."""

    indicator: str
    op: str
    value: Any = None

    def met(self, values: Floats) -> Mask:
        """Where the condition holds."""
        known: Mask = ~np.isnan(values)
        found: Mask
        match self.op:
            case "missing":
                return ~known
            case "present":
                return known
            case "in":
                found = np.isin(values, np.array(self.value, np.float64))
            case "==" | "!=":
                found = (values == float(self.value)) == (self.op == "==")
            case _:
                found = self._compared(values)
        return known & found

    def _compared(self, values: Floats) -> Mask:
        bound = float(self.value)
        beyond: Mask = values > bound if self.op.startswith(">") else values < bound
        return beyond | (values == bound) if self.op.endswith("=") else beyond


@dataclass(frozen=True)
class Override:
    """One rule: whoever meets every condition is at least of this class, on this basis, between these dates."""

    code: str
    label: str
    label_en: str
    when: tuple[Demand, ...]
    at_least: RiskClass
    basis: str
    since: date
    until: date | None = None
    enabled: bool = True
    falls_away_by: str = ""
    kinds: tuple[str, ...] = ()
    visibility: str = "publishable"

    def in_force(self, as_of: date) -> bool:
        """Whether the rule is switched on and valid on a day (both its dates included)."""
        return self.enabled and self.since <= as_of and (self.until is None or as_of <= self.until)

    def written(self) -> dict[str, Any]:
        """The rule as it stands in a scheme's text; ``read_override`` reads it back."""
        return {
            "code": self.code,
            "label": self.label,
            "label_en": self.label_en,
            "when": [[demand.indicator, demand.op, demand.value] for demand in self.when],
            "at_least": self.at_least.name,
            "basis": self.basis,
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "enabled": self.enabled,
            "falls_away_by": self.falls_away_by,
            "kinds": list(self.kinds),
            "visibility": self.visibility,
        }


@dataclass(frozen=True)
class Determined:
    """What rules demand of some entities: the least class of each, and the codes of the rules met, in rule order."""

    at_least: Classes
    rules: pa.ListArray


@dataclass(frozen=True)
class Seen:
    """Indicator values of some entities: rows × columns, and the kind code of every row."""

    values: Floats
    columns: tuple[str, ...]
    kinds: Sequence[str]

    def column(self, indicator: str) -> Floats:
        """One indicator's values; SchemeError when the matrix lacks it."""
        if indicator not in self.columns:
            raise SchemeError(
                f"A rule asks for indicator {indicator!r}, which the matrix does not have. Nothing was classified; "
                "define the indicator or correct rules.yaml."
            )
        return self.values[:, self.columns.index(indicator)]


def read_overrides(profile: Profile) -> tuple[Override, ...]:
    """The rules of a profile's ``rules.yaml``, in its order."""
    rules = tuple(read_override(row) for row in profile.table("rules"))
    codes = [rule.code for rule in rules]
    if len(set(codes)) != len(codes):
        raise SchemeError(f"rules.yaml of profile {profile.name} names a rule twice; expected distinct codes.")
    return rules


def read_override(row: Mapping[str, Any]) -> Override:
    """One rule from a YAML row or a scheme's text; SchemeError says what it lacks."""
    where = f"Rule {row.get('code')!r}"
    for key in ("code", "label", "when", "at_least", "basis", "since"):
        if not row.get(key):
            raise SchemeError(f"{where} has no {key}; every rule states it. No rule was used; correct rules.yaml.")
    if row["at_least"] not in RiskClass.__members__:
        raise SchemeError(
            f"{where}: at_least is {row['at_least']!r}; expected one of {', '.join(RiskClass.__members__)}."
        )
    return Override(
        code=row["code"],
        label=row["label"],
        label_en=row.get("label_en") or row["code"],
        when=tuple(_demand(one, where) for one in row["when"]),
        at_least=RiskClass[row["at_least"]],
        basis=row["basis"],
        since=_date(row["since"]),
        until=_date(row["until"]) if row.get("until") else None,
        enabled=bool(row.get("enabled", True)),
        falls_away_by=row.get("falls_away_by") or "",
        kinds=tuple(row.get("kinds") or ()),
        visibility=row.get("visibility") or "publishable",
    )


def apply(rules: Sequence[Override], seen: Seen, *, as_of: date) -> Determined:
    """The least class rules in force demand of every row, and which rules it meets."""
    active = [rule for rule in rules if rule.in_force(as_of)]
    met = np.zeros((len(seen.values), len(active)), np.bool_)
    kinds = np.array(list(seen.kinds), dtype=np.str_)
    for place, rule in enumerate(active):
        holds = np.isin(kinds, rule.kinds) if rule.kinds else np.ones(len(kinds), np.bool_)
        for demand in rule.when:
            holds = holds & demand.met(seen.column(demand.indicator))
        met[:, place] = holds
    classes = np.array([rule.at_least for rule in active], np.int8)
    at_least = (met * classes).max(axis=1, initial=int(RiskClass.A)).astype(np.int8)
    offsets = np.concatenate([[0], np.cumsum(met.sum(axis=1))]).astype(np.int32)
    codes = pa.array([rule.code for rule in active], pa.string()).take(pa.array(np.nonzero(met)[1]))
    return Determined(at_least, pa.ListArray.from_arrays(pa.array(offsets), codes))


def _demand(row: Sequence[Any], where: str) -> Demand:
    indicator, op, *value = row
    if op not in OPERATORS:
        raise SchemeError(f"{where}: operator {op!r} on {indicator}; expected one of {', '.join(OPERATORS)}.")
    return Demand(str(indicator), op, value[0] if value else None)


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)

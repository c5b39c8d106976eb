"""Whether a profile is fit to train on: its files of the method name only what exists, before anything is computed."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from features.indicators.catalogue import Definitions
from features.indicators.language import Condition
from features.profile import Profile, ProfileError
from features.records.layout import BASE_COLUMNS, OWN_COLUMNS
from features.records.schema import Field, RecordType, record_types
from training.bagging import CONFIDENCE, BagSettings
from training.card import CARD, CardSettings
from training.cutoffs import Shares
from training.errors import SchemeError
from training.facts import Movers
from training.fit import TreeSettings
from training.outcomes import CaseKey, Facts, Outcome, read_outcomes
from training.overrides import read_overrides
from training.steadiness import Steadiness

EVERYWHERE: Mapping[str, tuple[str, ...]] = {
    "sample": ("rate", "seed"),
    "trees": (),
    "calibration": ("min_positives",),
    "logistic": ("strength",),
}
BY_FRAMING: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "detected": ("dates", ("fit", "calibration", "test", "step_months", "gap_months", "earliest"), "earliest"),
    "given_inspection": ("periods", ("since", "calibration_months", "test_months"), "since"),
}
UNTRAINED = "Nothing was trained; correct it."


def ready(profile: Profile, definitions: Definitions, outcome: Outcome, *, on: date) -> None:
    """Nothing when a profile's files agree with each other on a day; SchemeError names the file and what is wrong."""
    _model(profile, definitions, outcome)
    if outcome.framing != "detected" and profile.sector is not None:
        raise SchemeError(
            f"outcomes.yaml of profile {profile.name}, outcome {outcome.code}: framing is {outcome.framing}; a sector "
            f"trains on those who belong to it on a date, so its outcome is detected. {UNTRAINED}"
        )
    types = record_types(profile)
    for one in (outcome, *(read_outcomes(profile)[name] for name in (outcome.learns_from,) if name)):
        _outcome(profile, types, one)
    asked = {demand.indicator for rule in read_overrides(profile) for demand in rule.when}
    _indicators(asked, definitions, f"rules.yaml of profile {profile.name}")
    where = f"steadiness.yaml of profile {profile.name}"
    row = profile.dated("steadiness", on)
    try:
        Steadiness.read(row)
        movers = Movers.read(row)
    except (KeyError, TypeError, ValueError) as fault:
        raise SchemeError(f"{where}: {fault!r} is missing or malformed. {UNTRAINED}") from None
    for facts in movers.adverse:
        _facts(profile, types, facts, where)
    _indicators(movers.states, definitions, where)
    _classes(profile, on)


def _model(profile: Profile, definitions: Definitions, outcome: Outcome) -> None:
    model = profile.table("model")
    part, keys, day = BY_FRAMING[outcome.framing]
    for name, needed in {**EVERYWHERE, part: keys}.items():
        row = model.get(name) if isinstance(model, Mapping) else None
        missing = [key for key in needed if not isinstance(row, Mapping) or key not in row]
        if not isinstance(row, Mapping) or missing:
            found = f"lacks {', '.join(missing)}" if row else "is missing"
            raise SchemeError(
                f"model.yaml of profile {profile.name}: {name} {found}; a {outcome.framing} outcome is "
                f"trained with {', '.join([*EVERYWHERE, part])}. {UNTRAINED}"
            )
    if not isinstance(model[part][day], date):
        raise SchemeError(
            f"model.yaml of profile {profile.name}: {part}.{day} is {model[part][day]!r}; expected a date such as "
            f"2021-01-01. {UNTRAINED}"
        )
    if CARD in model:
        CardSettings.read(model[CARD])
    if TreeSettings.read({**model["trees"], **outcome.trees}).folds and outcome.framing != "detected":
        raise SchemeError(
            f"model.yaml of profile {profile.name}: trees.folds is above 0 and outcome {outcome.code} is of framing "
            f"{outcome.framing}; folds are of as-of dates, which a detected outcome has. {UNTRAINED}"
        )
    if CONFIDENCE in model:
        age = BagSettings.read(model[CONFIDENCE]).age
        of_place = age is not None and profile.sector is None  # a sector has fewer indicators, and may lack it
        _indicators((str(age),) if of_place else (), definitions, f"model.yaml of profile {profile.name}, {CONFIDENCE}")
    units = {indicator.unit for indicator in definitions.indicators}
    unknown = sorted(TreeSettings.read(model["trees"]).bins.keys() - units)
    if unknown and profile.sector is None:  # a sector trains by the place's settings, with fewer indicators
        raise SchemeError(
            f"model.yaml of profile {profile.name}: trees.bins names the units {', '.join(unknown)}; expected units of "
            f"indicators. {UNTRAINED}"
        )


def _outcome(profile: Profile, types: Mapping[str, RecordType], outcome: Outcome) -> None:
    where = f"outcomes.yaml of profile {profile.name}, outcome {outcome.code}"
    for facts in (*outcome.any_of, *outcome.open_case, *outcome.looked_at):
        _facts(profile, types, facts, where)
    if outcome.case is not None:
        _case(types, outcome, outcome.case, where)
    if outcome.event is None:
        return
    _facts(profile, types, Facts(outcome.event.record_type, (*outcome.event.where, *outcome.positive)), where)
    for control in outcome.event_controls:
        of = control.of or outcome.event
        _facts(profile, types, of, where)
        _field(types[of.record_type], control.field, where)
        if not profile.has(f"codelists/{control.list}"):
            raise SchemeError(
                f"{where}: event control {control.field} names code list {control.list!r}, which does not exist. "
                f"{UNTRAINED}"
            )


def _case(types: Mapping[str, RecordType], outcome: Outcome, case: CaseKey, where: str) -> None:
    """A case's number is a field of a record type of the outcome, its days are dates of one that has the number."""
    named = [facts.record_type for facts in outcome.any_of]
    if not any(case.key in types[name].fields for name in named):
        raise SchemeError(
            f"{where}: case.key is {case.key!r}; expected a field of a record type in any_of ({', '.join(named)}). "
            f"{UNTRAINED}"
        )
    carrying = [one for one in types.values() if case.key in one.fields]
    dates = {field.name for one in carrying for field in one.fields.values() if field.type == "date"}
    unknown = sorted(set(case.filed) - dates)
    if unknown:
        raise SchemeError(
            f"{where}: case.filed names {', '.join(unknown)}; expected dates of a record type with {case.key}: "
            f"{', '.join(sorted(dates))}. {UNTRAINED}"
        )


def _facts(profile: Profile, types: Mapping[str, RecordType], facts: Facts, where: str) -> None:
    record_type = types.get(facts.record_type)
    if record_type is None:
        raise SchemeError(
            f"{where}: {facts.record_type!r} is not a record type; there are {', '.join(types)}. {UNTRAINED}"
        )
    for condition in facts.where:
        field = _field(record_type, condition.field, where)
        if field is not None:
            _value(profile, field, condition, f"{where}: {facts.record_type}")


def _field(record_type: RecordType, name: str, where: str) -> Field | None:
    """The field a condition reads; None for one of the columns every record has."""
    if name in BASE_COLUMNS or name in OWN_COLUMNS:
        return None
    try:
        return record_type.field(name)
    except ProfileError as fault:
        raise SchemeError(f"{where}: {fault} {UNTRAINED}") from None


def _value(profile: Profile, field: Field, condition: Condition, where: str) -> None:
    """A condition compares codes with codes of the list, numbers with numbers and dates with dates."""
    if condition.op in {"missing", "present"}:
        return
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    if field.list is not None:
        codes: Iterable[Any] = profile.codelist(field.list).codes
        expected, wrong = f"codes of {field.list}: {', '.join(codes)}", [one for one in values if one not in codes]
    else:
        kinds = {"text": str, "date": date}.get(field.type, (int, float))
        expected, wrong = f"a value of type {field.type}", [one for one in values if not isinstance(one, kinds)]
    if wrong:
        raise SchemeError(
            f"{where}: {field.name} {condition.op} {', '.join(map(repr, wrong))}; expected {expected}. {UNTRAINED}"
        )


def _indicators(asked: Iterable[str], definitions: Definitions, where: str) -> None:
    unknown = sorted(set(asked) - set(definitions.codes))
    if unknown:
        raise SchemeError(f"{where}: {', '.join(unknown)} is no indicator of the profile. {UNTRAINED}")


def _classes(profile: Profile, on: date) -> None:
    where = f"classes.yaml of profile {profile.name}"
    wanted = profile.dated("classes", on, under="targets")
    for kind in profile.kind_codes:
        try:
            Shares.read(wanted["kinds"][kind])
        except (KeyError, TypeError, ValueError) as fault:
            raise SchemeError(
                f"{where}: the targets of kind {kind}: {fault!r} is missing or malformed; expected shares and guard of "
                f"A, B, C and D for every kind of profile.yaml. {UNTRAINED}"
            ) from None

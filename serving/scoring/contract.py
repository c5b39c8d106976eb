"""What the API takes and gives: strict models, decimals as strings, the notice on every answer."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

MOST_SUBJECTS = 100
MOST_SUPPOSED, MOST_RECORDS, MOST_FIELDS = 10, 20, 64  # subjects with supposed records, records of one, their fields
MOST_MONTHS = 60
MOST_ROWS = 500  # of a page
DECIMALS = 12  # of a decimal string: a sum of a hundred contributions stays within 1e-9 of the margin

CODE_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$"
NUMBER_PATTERN = r"^[0-9a-f]{26}$"  # of a job or a dispute
EntityCode = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$")]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Decimal = Annotated[str, StringConstraints(pattern=r"^-?[0-9]+\.[0-9]{12}$")]
MonthText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
RiskClass = Literal["A", "B", "C", "D"]
Confidence = Literal["high", "medium", "low", "insufficient"]
# What contributions are in, those of reasons too: log odds that with the base add up to the margin, or for keys without
# the right to probabilities whole percents of all that raises the risk, and of all that lowers it.
Unit = Literal["margin", "share"]


def whole(stated: object) -> object:
    """A whole number as a query writes one; ValueError for blanks, signs and underscores a reader would pass over."""
    if isinstance(stated, str) and re.fullmatch(r"[0-9]{1,9}(\.0{1,9})?", stated) is None:
        raise ValueError
    return stated


STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, serialize_by_alias=True, validate_by_name=True)
Class = Annotated[RiskClass | None, Field(alias="class")]  # null: not classified this month


class SupposedRecord(BaseModel):
    """A record an entity is supposed to have: its type and fields, as a delivery would bring them by the month's end.

    With the key of a record that stands it is its next version, and what it does not state stays as it stands.
    """

    model_config = STRICT
    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    fields: Annotated[dict[str, Any], Field(min_length=1, max_length=MOST_FIELDS)]


class Subject(BaseModel):
    """Whom to score; with records, what the class would be if they were there, which provincial analysts may ask."""

    model_config = STRICT
    entity: EntityCode
    records: Annotated[list[SupposedRecord] | None, Field(min_length=1, max_length=MOST_RECORDS)] = None


FEW_SUPPOSED: dict[str, Any] = {
    "contains": {"required": ["records"], "properties": {"records": {"type": "array"}}},
    "minContains": 0,
    "maxContains": MOST_SUPPOSED,
}


class ScoreRequest(BaseModel):
    """At most a hundred entities, ten of them with supposed records, and how much to say about each."""

    model_config = STRICT
    subjects: Annotated[list[Subject], Field(min_length=1, max_length=MOST_SUBJECTS, json_schema_extra=FEW_SUPPOSED)]
    explain: Literal["none", "reasons", "contributions"] = "none"

    @property
    def is_hypothetical(self) -> bool:
        """Whether any record is supposed."""
        return any(one.records for one in self.subjects)

    @field_validator("subjects")
    @classmethod
    def _few_supposed(cls, subjects: list[Subject]) -> list[Subject]:
        if sum(one.records is not None for one in subjects) > MOST_SUPPOSED:
            raise PydanticCustomError("too_many_supposed", "too many subjects with records")
        return subjects


class IndicatorSystem(BaseModel):
    """The indicator system of an answer: its version (null: none was drafted) and the digest of its definitions."""

    model_config = STRICT
    version: str | None
    digest: str


class Citation(BaseModel):
    """A record a reason rests on: the source's own number, its date, and since when it was known.

    Of a supposed record ``record`` is its place in the request.
    """

    model_config = STRICT
    record: str
    record_type: str
    number: str | None
    date: str | None
    known_since: str | None
    source: str | None
    supposed: Literal[True] | None = None


class Reason(BaseModel):
    """Why: in words, resting on records, on their absence over a period, or on a rule.

    ``contribution`` is what its section adds, in what ``contributions_in`` of the answer says.
    """

    model_config = STRICT
    code: str
    text: str
    text_en: str
    value: Decimal | None
    contribution: Decimal
    records: list[str] | None = None
    evidence: list[Citation] | None = None
    absent: dict[str, Any] | None = None
    rule: str | None = None


class Rule(BaseModel):
    """A direct-determination rule that applies."""

    model_config = STRICT
    code: str
    label: str
    label_en: str
    at_least: RiskClass
    basis: str
    until: str | None = None
    falls_away_by: str


class Official(BaseModel):
    """The class sealed for the month; a live score never changes it."""

    model_config = STRICT
    month: MonthText
    supplement: int
    class_: Class


class Certainty(BaseModel):
    """How far the nearest cutoff is, in spreads of refits (null: a rule alone decides), and how many of them agree."""

    model_config = STRICT
    spreads: Decimal | None
    agreement: Decimal


class Scored(BaseModel):
    """One entity scored; its contributions and those of its reasons are in log odds or, for a key without the right to
    probabilities, in whole percent: ``contributions_in`` says which.

    A hypothetical answer gives the classes cutoffs and rules would say, with the supposed records and without them.
    """

    model_config = STRICT
    entity: str
    status: Literal["scored"]
    hypothetical: Literal[True] | None = None
    class_without: RiskClass | None = None
    class_: Class
    model_class: RiskClass
    rules: list[str]
    official: Official
    confidence: Confidence | None = None
    certainty: Certainty | None = None
    probability: Decimal | None = None
    margin: Decimal | None = None
    base: Decimal | None = None
    reasons: list[Reason] | None = None
    contributions: dict[str, Decimal] | None = None
    contributions_in: Unit | None = None


class NotScored(BaseModel):
    """An entity that is known but not classified this month, and why."""

    model_config = STRICT
    entity: str
    status: Literal["not_classified"]
    reason: str


class NotFound(BaseModel):
    """An entity that is unknown, or outside what the key may see: the same answer."""

    model_config = STRICT
    status: Literal["not_found"]


class OfMonth(BaseModel):
    """What every answer about a month says first."""

    model_config = STRICT
    month: MonthText
    scheme: str
    indicators: IndicatorSystem
    notice: str
    notice_en: str


class Scores(OfMonth):
    """The answers, in the order of the question."""

    results: list[Scored | NotScored | NotFound]


class DataGap(BaseModel):
    """Indicators of a section that the model reads and that have no value, and why.

    ``before_coverage``: the source was not collected for as long as they look back; ``not_delivered``: it never was;
    ``no_record``: it was, but holds nothing of the entity to work them out from. Others of the section may have values.
    """

    model_config = STRICT
    section: str
    label: str
    label_en: str
    why: Literal["before_coverage", "not_delivered", "no_record"]
    indicators: list[str]


class LatestDelivery(BaseModel):
    """The last delivery of a source that the month knew of."""

    model_config = STRICT
    source: str
    label: str
    label_en: str
    delivery: str
    known_at: str


class ClassSteps(BaseModel):
    """What each part moved a class by, in classes; positive is riskier."""

    model_config = STRICT
    data: int
    model: int
    threshold: int
    rule: int
    steadiness: int


class LogOdds(BaseModel):
    """What facts and models each moved the log odds by."""

    model_config = STRICT
    data: Decimal
    model: Decimal


class Change(BaseModel):
    """What changed since the sealed month before; contributions are those that moved.

    By what parts class and log odds moved takes the right to probabilities.
    """

    model_config = STRICT
    since: MonthText
    scheme_before: Digest
    class_before: RiskClass | None
    contributions: dict[str, Decimal]
    contributions_in: Unit
    steps: ClassSteps | None = None
    probability_before: Decimal | None = None
    change: Decimal | None = None
    log_odds: LogOdds | None = None


class Explanation(OfMonth):
    """An entity in a sealed month: its class and measures, and where asked for, why it has it."""

    entity: str
    status: str
    supplement: int
    kind: str | None
    class_: Class
    model_class: RiskClass | None
    class_before: RiskClass | None
    cause: str | None
    rules: list[Rule]
    measures: dict[str, Any] | None
    confidence: Confidence | None = None
    certainty: Certainty | None = None
    probability: Decimal | None = None
    percentile: Decimal | None = None
    average: Decimal | None = None
    distance: Decimal | None = None
    base: Decimal | None = None
    margin: Decimal | None = None
    contributions: dict[str, Decimal] | None = None
    contributions_in: Unit | None = None
    reasons: list[Reason] | None = None
    change: Change | None = None
    data_gaps: list[DataGap] | None = None
    latest_delivery: list[LatestDelivery] | None = None


class OwnAct(BaseModel):
    """What an entity could do itself, about which of its records or which years of a yearly duty."""

    model_config = STRICT
    act: str
    label: str
    label_en: str
    basis: str
    record_type: str
    records: list[str] | None = None
    years: list[str] | None = None


class WayOut(BaseModel):
    """A set of acts, and the class and probability they lead to by cutoffs and rules."""

    model_config = STRICT
    class_: Annotated[RiskClass, Field(alias="class")]
    probability: Decimal | None = None
    acts: list[OwnAct]


class Recourse(OfMonth):
    """What an entity could do itself that would change its class; ``state`` says why nothing is told, if nothing is.

    ``internal`` says that acts about internally marked records are left out, ``not_tried`` how many were not looked at.
    """

    entity: str
    state: Literal[
        "ways", "none", "safest", "not_classified", "only_class", "no_acts", "records_away", "records_differ"
    ]
    class_by_cutoffs_and_rules: RiskClass | None = None
    probability: Decimal | None = None
    could: list[OwnAct] | None = None
    not_tried: int | None = None
    ways: list[WayOut] | None = None
    internal: bool | None = None
    remark: str | None = None
    remark_en: str | None = None


class HistoryRow(BaseModel):
    """One sealed month of an entity."""

    model_config = STRICT
    month: MonthText
    supplement: int
    scheme: str
    indicators: IndicatorSystem
    status: str
    class_: Class
    class_before: RiskClass | None
    cause: str | None


class History(OfMonth):
    """The sealed months of an entity, newest first."""

    entity: str
    history: list[HistoryRow]


def decimal(value: float) -> str:
    """A number as a decimal string of fixed length."""
    return f"{value:.{DECIMALS}f}"

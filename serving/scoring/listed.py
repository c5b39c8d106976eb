"""What the API tells of many entities, and of a month itself: pages, heads, proofs, schemes in force, reason codes."""

from typing import Literal

from pydantic import BaseModel

from serving.scoring.contract import (
    STRICT,
    Base64,
    Class,
    Confidence,
    Decimal,
    Digest,
    EntityCode,
    Hex,
    IndicatorSystem,
    MonthText,
    OfMonth,
    RiskClass,
)


class ClassRow(BaseModel):
    """An entity of a page: its class in the month, and with the right its probability."""

    model_config = STRICT
    entity: EntityCode
    kind: str | None
    region: str | None
    status: str
    supplement: int
    class_: Class
    class_before: RiskClass | None
    cause: str | None
    confidence: Confidence | None = None
    probability: Decimal | None = None


class Classes(OfMonth):
    """A page of the entities the key may see, all of the one sealed month of the head; null: there is no next page."""

    head: Digest
    items: list[ClassRow]
    next: str | None


class MonthHead(BaseModel):
    """What is signed of a sealed month or supplement; its digest is the SHA-256 of its RFC 8785 form."""

    model_config = STRICT
    sequence: int
    month: MonthText
    supplement: int
    rows: int
    root: Digest
    scheme: str
    manifest: Digest
    lake: str
    previous: Digest


class Sealing(BaseModel):
    """A head with its digest and the publisher's signature of it (Ed25519, hexadecimal)."""

    model_config = STRICT
    head: MonthHead
    digest: Digest
    signature: Hex


class Heads(BaseModel):
    """The heads of a month, as first published and of every supplement; ``digest`` is that of the newest."""

    model_config = STRICT
    month: MonthText
    digest: Digest
    publisher: Digest
    heads: list[Sealing]


class InclusionProof(BaseModel):
    """That one row is in a sealed month: see ``examples/verify_proof.py``, which checks it without this service."""

    model_config = STRICT
    entity: EntityCode
    row: Base64
    salt: Hex
    index: int
    path: list[Digest]
    head: MonthHead
    signature: Hex
    publisher: Digest


class Act(BaseModel):
    """Who did it and when."""

    model_config = STRICT
    by: str
    at: str
    action: Literal["promotion.proposed", "promotion.approved", "promotion.rolled_back"]


class ActiveModel(BaseModel):
    """The scheme that decided on a day, since when, by whose acts and on which evidence."""

    model_config = STRICT
    at: str
    scheme: str
    since: str
    proposed: Act | None
    decided: Act
    verdict: str | None
    verdict_digest: str | None
    report_digest: str | None
    reason: str | None


class ReasonCode(BaseModel):
    """A code that reasons bear, of an indicator or of a rule, and whether it is internal."""

    model_config = STRICT
    code: str
    label: str
    label_en: str
    indicator: str | None
    rule: str | None
    section: str | None
    dimension: str | None
    visibility: str


class ReasonCodes(BaseModel):
    """The codes of an indicator system."""

    model_config = STRICT
    indicators: IndicatorSystem
    codes: list[ReasonCode]

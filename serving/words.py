"""What a sealed month says in words, kept with it: names, sentences, rules, measures, gaps and latest deliveries."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from features.asof import end_of_day
from features.compile import before_coverage
from features.indicators.catalogue import code_words
from features.indicators.language import Indicator
from features.profile import Profile, ProfileError
from features.reading import Reading
from serving.classification import Sources
from training.cutoffs import RiskClass

SEEN = ("source", "delivery", "item", "known_at")


def words(sources: Sources, reading: Reading) -> dict[str, Any]:
    """Everything that turns the codes of a month into words, as it stood when the month was sealed."""
    profile = sources.lake.profile
    deliveries = _deliveries(reading, sources)
    delivered = set(deliveries["item"].to_list())
    return {
        "notice": {"zh": profile.notice, "en": profile.notice_en},
        "language": profile.language,
        "zone": str(profile.zone),
        "kinds": {kind.code: {"zh": kind.label, "en": kind.label_en} for kind in profile.kinds},
        "classes": _classes(profile),
        "sections": {
            row["code"]: {"zh": row["label"], "en": row["label_en"], "dimension": row["dimension"]}
            for row in profile.table("sections")
        },
        "indicators": {
            one.code: _indicator(one, sources, delivered) | _codes(one, sources)
            for one in sources.definitions.indicators
        },
        "record_types": {name: {"zh": one.label, "en": one.label_en} for name, one in reading.types.items()},
        "rules": [rule.written() for rule in sources.scheme.rules],
        "measures": _measures(profile, sources),
        "latest_delivery": _latest(deliveries, profile),
    }


def _indicator(one: Indicator, sources: Sources, delivered: set[str]) -> dict[str, Any]:
    return {
        "zh": one.label,
        "en": one.label_en,
        "reason": {"zh": one.reason, "en": one.reason_en},
        "unit": one.unit,
        "section": one.section,
        "dimension": one.dimension,
        "direction": one.direction,
        "role": one.role,
        "visibility": one.visibility,
        "kinds": list(one.kinds),
        "gap": _gap(one, sources, delivered),
    }


def _codes(one: Indicator, sources: Sources) -> dict[str, dict[str, list[str]]]:
    """What the values of an indicator stand for, where they number the codes of a list."""
    named = code_words(one, sources.lake.profile, sources.lake.types())
    return {"codes": {"zh": [zh for zh, _ in named], "en": [en for _, en in named]}} if named else {}


def _gap(one: Indicator, sources: Sources, delivered: set[str]) -> str:
    """Why a value is null, when it is: its source not covering the window, never delivered, or holding no record."""
    if before_coverage(one, sources.lake.profile, sources.as_of):
        return "before_coverage"
    return "no_record" if delivered.intersection(one.items) else "not_delivered"


def _classes(profile: Profile) -> dict[str, dict[str, str]]:
    rows = profile.table("classes")["classes"] if profile.has("classes") else []
    named = {row["code"]: {"zh": row["label"], "en": row["label_en"]} for row in rows}
    return {risk.name: named.get(risk.name, {"zh": risk.name, "en": risk.name}) for risk in RiskClass}


def _measures(profile: Profile, sources: Sources) -> Mapping[str, Any] | None:
    """The measures in force: basis, kinds they are for, and per class what each aspect says (null: nothing)."""
    if not profile.has("measures"):
        return None
    row = profile.dated("measures", sources.as_of)
    missing = [risk.name for risk in RiskClass if risk.name not in row["classes"]]
    if missing:
        raise ProfileError(
            f"measures.yaml of profile {profile.name}, in force on {sources.as_of}: no measures for class "
            f"{', '.join(missing)}; expected some for each of A, B, C, D. Nothing was published; add them."
        )
    return {"basis": row["basis"], "kinds": row["kinds"], "classes": row["classes"]}


def _deliveries(reading: Reading, sources: Sources) -> pl.DataFrame:
    """Source, delivery and item of everything known at T, with the last time something of it became known."""
    end = end_of_day(sources.as_of, sources.lake.profile.zone)
    parts = [_of_type(reading, name, end) for name in reading.types]
    return pl.concat([part for part in parts if part is not None]).sort(["source", "known_at", "delivery"])


def _of_type(reading: Reading, name: str, end: Any) -> pl.DataFrame | None:
    rows = reading.rows(name, SEEN)
    if rows is None:
        return None
    known = rows.filter(rows.known_at < end)
    found = known.group_by(known.source, known.delivery, known.item).aggregate(known_at=known.known_at.max())
    text = [pl.col(column).cast(pl.String) for column in SEEN[:3]]
    return pl.DataFrame(reading.engine.run(found)).select(*text, "known_at")


def _latest(deliveries: pl.DataFrame, profile: Profile) -> list[dict[str, str]]:
    zone = str(profile.zone)
    newest = deliveries.group_by("source", maintain_order=True).last()
    local = newest.with_columns(day=pl.col("known_at").dt.convert_time_zone(zone).dt.date().cast(pl.String))
    labels = _labels(profile, local["source"].to_list())
    return [
        {
            "source": source,
            "label": labels[source][0],
            "label_en": labels[source][1],
            "delivery": delivery,
            "known_at": day,
        }
        for source, delivery, day in local.select("source", "delivery", "day").iter_rows()
    ]


def _labels(profile: Profile, sources: Iterable[str]) -> dict[str, tuple[str, str]]:
    if not (profile.folder / "codelists" / "sources.yaml").is_file():
        return {source: (source, source) for source in sources}
    listed = profile.codelist("sources")
    return {
        source: (listed.label(source), listed.label(source, "en")) if source in listed.codes else (source, source)
        for source in sources
    }

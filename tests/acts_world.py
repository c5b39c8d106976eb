"""A small place with a catalogue of acts: yearly reports, a list, things to put right; and a scheme that minds them."""

import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import yaml

from features.indicators.catalogue import Definitions
from features.indicators.language import (
    Indicator,
    clipped,
    difference,
    due_periods,
    f,
    on,
    peer_rate,
    records,
    total,
)
from features.matrix import Batch, sampled_batches
from features.profile import read_profile
from tests.world import SMALL, lake_of, world_of
from training import boosters, fit
from training.calibration import IDENTITY
from training.cutoffs import Cutoffs, RiskClass
from training.outcomes import Outcome
from training.overrides import Demand, Override
from training.scheme import KindPart, Scheme
from training.steadiness import Steadiness

AS_OF = date(2024, 8, 31)
KINDS = ("shop", "stall")
CATALOGUE = {
    "report": {
        "record_type": "report", "label": "年报", "version": 1, "items": ["I2"], "subject": "entity",
        "event_date": "filed", "key": ["year"], "visibility": "publishable", "basis": "条例",
        "fields": {
            "year": {"label": "年度", "type": "int", "required": True},
            "filed": {"label": "报送", "type": "date", "required": True},
            "due": {"label": "期限", "type": "date"},
            "late": {"label": "迟报天数", "type": "int"},
            "amount": {"label": "金额", "type": "money"},
        },
    },
    "listing": {
        "record_type": "listing", "label": "名单", "version": 1, "items": ["I2"], "subject": "entity",
        "event_date": "in_date", "key": ["in_date"], "state": {"from": "in_date", "to": "out_date"},
        "visibility": "publishable", "basis": "条例",
        "fields": {
            "in_date": {"label": "列入", "type": "date", "required": True},
            "out_date": {"label": "移出", "type": "date"},
            "reason": {"label": "原因", "type": "code", "list": "reasons"},
            "way_out": {"label": "移出原因", "type": "code", "list": "ways_out"},
        },
    },
}  # fmt: skip
LISTS = {"reasons": ("report", "away"), "ways_out": ("filed", "restored", "annulled")}
FILE, LEAVE, RESTORE, FIX = "file_reports", "leave_list", "restore_contact", "put_right"
ACTS = {
    "never": {"record_types": ["role"], "values": {"ways_out": ["annulled"]}},
    "acts": [
        {
            "code": FILE, "label": "补报", "label_en": "file", "basis": "条例第一条", "record_type": "report",
            "states": {"filed": "as_of", "due": "due", "late": "days_late"},
            "missed": {
                "year": "year", "periods": 3, "month": 6, "day": 30, "from": "opened",
                "behind": {"record_type": "listing", "date": "in_date", "applies": [["reason", "==", "report"]],
                           "in_effect": True},
            },
        },
        {
            "code": LEAVE, "label": "移出", "label_en": "leave", "basis": "条例第二条", "record_type": "listing",
            "applies": [["reason", "==", "report"]], "in_effect": True, "together": True, "needs": [FILE],
            "states": {"out_date": "as_of", "way_out": "filed"},
        },
        {
            "code": RESTORE, "label": "恢复联系", "basis": "条例第三条", "record_type": "listing",
            "applies": [["reason", "==", "away"]], "in_effect": True,
            "states": {"out_date": "as_of", "way_out": "restored"},
        },
        {
            "code": FIX, "label": "整改", "label_en": "put right", "basis": "条例第四条", "record_type": "event",
            "applies": [["due", "before", 0], ["done", "missing"]], "states": {"done": "as_of"},
        },
    ],
}  # fmt: skip
TABLES = {
    "steadiness": [
        {"since": date(2020, 1, 1), "margin": 0.1, "steps_better": 1, "adverse": [{"record_type": "event"}]}
    ],
    "model": {"sample": {"rate": 0.5, "seed": "small", "not_trained": []}},
}

event, report, listing = records("event"), records("report"), records("listing")


def measured(code, value, *, role="feature", items=("I2",), missing="zero"):
    return Indicator(
        code=code, label=code, label_en=code, section="S1", unit="time", value=value, direction="riskier", basis="条例",
        reason="{v}", reason_en="{v}", examples=(), items=items, kinds=KINDS, monotone=role == "feature", role=role,
        missing=missing,
    )  # fmt: skip


DEFINITIONS = Definitions(
    (
        measured(
            "missed",
            clipped(
                difference(
                    due_periods(records("entity").first_day("opened"), 3, month=6, day=30),
                    report.where(f.year.due_within(3, month=6, day=30)).distinct("year"),
                ),
                0,
                3,
            ),
        ),
        measured("late", report.where(f.year.due_within(1, month=6, day=30)).max("late")),
        measured("listed", listing.in_effect().count()),
        measured("overdue", event.where(f.due.before_as_of(), f.done.is_missing()).count()),
        measured("worst", event.within(months=24).max("severity")),
        measured(
            "crowd", total(listing.in_effect().count(), peer_rate(listing.in_effect().count(), by=("trade",)))
        ),  # of its own records and of its peers': held whole
        measured("visits", event.where(f.item.is_("I3")).within(months=12).count(), role="control", items=("I3",)),
        measured("visits_long", event.within(months=36).count(), role="display_only", items=("I3",), missing="null"),
    ),
    "d" * 64,
)
LISTED = Override("H1", "列入", "listed", (Demand("listed", ">=", 1),), RiskClass.C, "条例", date(2020, 1, 1))
WORST = Override("H2", "较重", "worst", (Demand("worst", ">=", 4),), RiskClass.D, "条例", date(2020, 1, 1))
SETTINGS = fit.TreeSettings(
    count=60, seeds=(1,), learning_rate=0.2, depth=3, leaves=8, min_rows=20, feature_share=1.0, row_share=1.0,
    l2=1.0, monotone_method="basic",
)  # fmt: skip


def place_at(folder, *, acts=ACTS):
    """The profile, written into a folder; without acts where there are none."""
    shutil.copytree(SMALL, folder / "small")
    for name, found in CATALOGUE.items():
        (folder / "small/catalogue" / f"{name}.yaml").write_text(yaml.safe_dump(found, allow_unicode=True))
    for name, codes in LISTS.items():
        rows = [{"code": code, "label": code} for code in codes]
        (folder / "small/codelists" / f"{name}.yaml").write_text(yaml.safe_dump({"rows": rows}))
    for name, found in {**TABLES, **({"acts": acts} if acts else {})}.items():
        (folder / "small" / f"{name}.yaml").write_text(yaml.safe_dump(found, allow_unicode=True))
    return read_profile(str(folder / "small"))


def rows(count=3000, seed=1):
    """Training rows of the scheme: who missed, is listed, overdue or did worse is found out more often."""
    rng = np.random.default_rng(seed)
    values = np.column_stack(
        [
            rng.integers(0, 4, count), rng.choice([0, 62, 200], count), rng.integers(0, 2, count),
            rng.integers(0, 5, count), rng.integers(0, 5, count), rng.random(count), rng.poisson(1, count),
            rng.poisson(1, count),
        ]
    ).astype(float)  # fmt: skip
    odds = -4 + values[:, [0, 2, 3, 4]] @ np.array([0.9, 1.0, 0.8, 0.9]) + values[:, 1] * 0.002
    label = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    kind = rng.integers(0, 2, count).astype(np.int8)
    return fit.Rows(values, kind, values[:, 6:7], label, label, label, np.ones(count))


def scheme_of(rules=(LISTED,)):
    """A scheme over those definitions, trained in a second; the classes begin at 0.05, 0.15 and 0.6."""
    outcome = Outcome("violation", "违法", "detected", horizon_months=12, settle_days=120, lookback_months=24)
    layout, seen = fit.layout(DEFINITIONS, outcome), rows()
    models = fit.boosters(seen, layout, SETTINGS)
    reference = fit.reference(seen, layout, models, KINDS)
    offsets = fit.offsets(models, layout, reference, KINDS)
    return Scheme(
        profile="small",
        outcome="violation",
        columns=layout.columns,
        features=layout.features,
        controls=layout.controls,
        kinds=KINDS,
        parts={code: KindPart(IDENTITY, Cutoffs(0.05, 0.15, 0.6), offsets[code]) for code in KINDS},
        rules=tuple(rules),
        steadiness=Steadiness(0.1, 1),
        definitions=DEFINITIONS.digest,
        training={"known_by": "2024-08-31"},
        reference=reference,
        models=models,
        golden=boosters.golden(models, layout.names),
    )


def reported(of, *years):
    """Reports filed in time for some years."""
    return [on(f"{year + 1}-05-01", of=of, year=year, due=f"{year + 1}-06-30", late=0) for year in years]


def lake(profile, folder, **found):
    """A lake of records; whoever is named has been there since 2000."""
    return lake_of(profile, world_of(profile, found, kind="shop"), folder)


def batch_of(own, as_of=AS_OF, definitions=DEFINITIONS):
    """The matrix rows of everyone in a lake."""
    entities = range(len(own.entities))
    pairs = pa.table(
        {
            "pair": pa.array(entities, pa.int64()),
            "entity": pa.array(entities, pa.int32()),
            "as_of": pa.array([as_of] * len(entities), pa.date32()),
        }
    )
    found = pa.concat_tables(sampled_batches(own, definitions, pairs))
    values = np.column_stack([found[code].to_numpy() for code in definitions.codes])
    kind = found["kind"].to_numpy().astype(np.int8)
    return Batch(as_of, found["entity"].to_numpy().astype(np.int32), kind, values, definitions.codes)

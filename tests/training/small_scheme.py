"""A small scheme that is trained in a second: features with known signs, an exposure control, three kinds."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from features.indicators.catalogue import Definitions
from features.indicators.language import Indicator, records
from features.matrix import Batch
from training import boosters, fit
from training.calibration import IDENTITY, Seen, curves
from training.cutoffs import Cutoffs, RiskClass, Shares, choose
from training.outcomes import Outcome
from training.overrides import Demand, Override
from training.scheme import KindPart, Scheme
from training.steadiness import Steadiness

AS_OF = date(2025, 12, 31)
KINDS = ("shop", "stall", "guild")
SETTINGS = fit.TreeSettings(
    count=40, seeds=(1, 2), learning_rate=0.1, depth=4, leaves=12, min_rows=20, feature_share=0.8, row_share=0.9,
    l2=1.0, monotone_method="basic",
)  # fmt: skip


def indicator(code, *, section, direction="riskier", role="feature", monotone=True, visibility="publishable"):
    return Indicator(
        code=code,
        label=code,
        label_en=code,
        section=section,
        unit="time",
        value=records("event").count(),
        direction=direction,
        basis="b",
        reason=f"{code}为{{v}}",
        reason_en=f"{code} is {{v}}",
        examples=(),
        items=("I",),
        kinds=KINDS,
        monotone=monotone and direction != "none",
        role=role,
        visibility=visibility,
    )


DEFINITIONS = Definitions(
    (
        indicator("fines", section="S1"),
        indicator("fines_late", section="S1"),
        indicator("listed", section="S3", visibility="internal"),
        indicator("age", section="B1", direction="safer"),
        indicator("size", section="B2", direction="none"),
        indicator("noise", section="B3", direction="none"),
        indicator("visits", section="S2", direction="none", role="control"),
        indicator("revoked", section="D3", role="override_only"),
        indicator("shown", section="D3", role="display_only"),
    ),
    "d" * 64,
)
OUTCOME = Outcome("violation", "违法", "detected", horizon_months=12, settle_days=120, lookback_months=24)
RULES = (
    Override("H1", "吊销", "revoked", (Demand("revoked", ">=", 1),), RiskClass.D, "《条例》第一条", date(2020, 1, 1)),
    Override("H2", "列入", "listed", (Demand("listed", ">=", 3),), RiskClass.C, "省局拟定", date(2020, 1, 1)),
)
SHARES = Shares({"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}, {"A": (0.4, 0.8), "D": (0.01, 0.1)})


@dataclass(frozen=True)
class World:
    """Rows of a world that is known: what was fitted on, and the layout."""

    rows: fit.Rows
    layout: fit.Layout


def make_rows(count, seed):
    rng = np.random.default_rng(seed)
    values = np.column_stack(
        [
            rng.poisson(0.5, count),
            rng.poisson(0.2, count),
            rng.poisson(0.3, count),
            rng.integers(0, 240, count),
            rng.normal(3, 1, count).round(1),
            rng.normal(0, 1, count).round(1),
            rng.poisson(1.0, count),
            rng.random(count) < 0.01,
            np.ones(count),
        ]
    ).astype(float)
    values[rng.random(count) < 0.1, 4] = np.nan
    values[rng.random(count) < 0.1, 3] = np.nan
    kind = rng.choice(3, count, p=[0.5, 0.48, 0.02]).astype(np.int8)
    risk = 0.9 * values[:, 0] + 0.6 * values[:, 2] - 0.006 * np.nan_to_num(values[:, 3], nan=120.0)
    odds = risk + 0.5 * values[:, 6] + 0.8 * (kind == 1) - 2.8
    label = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    rate = np.where(label > 0, 1.0, 0.5)
    kept = rng.random(count) < rate
    return fit.Rows(
        values[kept], kind[kept], values[kept][:, 6:7], label[kept], label[kept], label[kept], 1 / rate[kept]
    )


def make_world():
    return World(make_rows(6000, seed=1), fit.layout(DEFINITIONS, OUTCOME))


def scheme_of(world, *, rules=RULES, models=None, history=None):
    models = models or fit.boosters(world.rows, world.layout, SETTINGS)
    reference = fit.reference(world.rows, world.layout, models, KINDS)
    offsets = fit.offsets(models, world.layout, reference, KINDS)
    later = make_rows(6000, seed=2)
    blank = {code: KindPart(IDENTITY, Cutoffs(0.1, 0.2, 0.3), offsets[code]) for code in KINDS}
    draft = Scheme(
        profile="small",
        outcome="violation",
        columns=world.layout.columns,
        features=world.layout.features,
        controls=world.layout.controls,
        kinds=KINDS,
        parts=blank,
        rules=rules,
        steadiness=Steadiness(0.1, 1),
        definitions=DEFINITIONS.digest,
        training={"known_by": "2025-12-31", **(history or {})},
        reference=reference,
        models=models,
        golden=boosters.golden(models, world.layout.names),
    )
    margins = draft.margins(later.values, later.kind)
    found = curves(Seen(margins, later.kind, later.label, later.weight), KINDS, min_positives=50)
    parts = {}
    for number, code in enumerate(KINDS):
        own = later.kind == number
        p = found[code].probability(margins[own])
        parts[code] = KindPart(found[code], choose(p, np.zeros(len(p), np.int8), SHARES).cutoffs, offsets[code])
    return replace(draft, parts=parts)


def batch_of(values, kind, as_of=AS_OF):
    return Batch(as_of, np.arange(len(values), dtype=np.int32), kind, values, DEFINITIONS.codes)

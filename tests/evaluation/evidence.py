"""Evidence of a scheme that stands every check, to be spoilt one figure at a time."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from evaluation.assessment import GAINS, Assessment
from evaluation.backtest import Discrimination, Origin, Volume
from evaluation.charts import compared
from evaluation.checks import ClassShares, Coverage, Difference, Evidence, Leakage, Sanity, Stability
from evaluation.draws import INSUFFICIENT, DrawStudy, Rate
from evaluation.gate import judge
from evaluation.metrics import Bin, Calibration
from evaluation.report import Fact, Subject
from evaluation.shown import Cell, Shown, Value, measured, shared, table
from evaluation.slices import LOOKED_AT, WATCHED, Part, Slices
from evaluation.stability import Migration, Shift
from features.profile import Kind, Profile

# What further studies give the gate, one figure a check.
JUDGED = {
    "EV026": (Value("C+D", 2.4, (2.3, 2.5)),),
    "EV043": (Value("all", 0.78, (0.64, 0.78)),),
    "EV062": (Value("all", 0.0),),
    "EV063": (Value("all", 0.0),),
    "EV064": (Value("reached", 1.0), Value("untouched", 1.0)),
    "EV065": (Value("all", 3e-15),),
    "EV075": (Value("all", 0.03),),
}


def rate(value, n=2000, verdict=None):
    around, bounds = (value * 0.9, value * 1.1), (value * 0.98, value * 1.05)
    return Rate(n, value, around, bounds, around, 40, n * 0.8, verdict)


def calibration(n_pos=300):
    bins = tuple(
        Bin(1000, n_pos // 5, 0.2, 0.01 * step, 0.0105 * step, (0.009 * step, 0.012 * step)) for step in range(1, 6)
    )
    return Calibration(
        5000, n_pos, 1.03, (0.92, 1.15), (0.89, 1.19), 0.97, (0.88, 1.06), 0.08, (0.05, 0.11), 0.07, bins
    )


def shares(**changed):
    found = ClassShares(
        entities=10_000,
        counts={"A": 6010, "B": 2790, "C": 790, "D": 410},
        shares={"A": 0.601, "B": 0.279, "C": 0.079, "D": 0.041},
        model_shares={"A": 0.62, "B": 0.27, "C": 0.075, "D": 0.035},
        target={"A": 0.60, "B": 0.28, "C": 0.08, "D": 0.04},
        guard={"A": (0.45, 0.80), "B": (0.15, 0.45), "C": (0.04, 0.12), "D": (0.01, 0.07)},
    )
    return replace(found, **changed)


def parts(label, first):
    """Two parts, one of them too small."""
    around = (0.09, 0.13)
    shares = (0.04, (0.03, 0.05), 0.11, around, 0.1, around, 0.6, (0.5, 0.7))
    rates = {"A": (0.01, (0.006, 0.015)), "B": (0.03, (0.02, 0.05)), "C": (None, None), "D": (0.12, (0.08, 0.18))}
    whole = Part("1", first, 3000, 60, 0.02, *shares, 1.02, (0.8, 1.3), 0.73, 3.6, 0.07, rates)
    return Slices(label, (whole, Part("2", ("其他", "other"), 40, 1)))


def draws():
    onsite = {"A": rate(0.05), "B": rate(0.11), "C": rate(0.22), "D": rate(0.40)}
    few = Rate(0, None, None, None, None, 0, None, INSUFFICIENT)
    offsite = {"A": rate(0.02, 400, INSUFFICIENT), "B": few, "C": few, "D": few}
    return DrawStudy(onsite, offsite, draws=9000, unweighted=90, unweighted_share=0.01, out_of_scope=110)


def good():
    """A scheme with nothing to object to."""
    volumes = (
        Volume("C+D", 0.12, 0.42, (0.38, 0.46), 3.5, 0.147),
        Volume("D", 0.04, 0.21, (0.18, 0.24), 5.25, 0.22),
    )
    moves = ((5800, 180, 10, 1), (150, 2600, 40, 5), (4, 60, 700, 20), (0, 2, 18, 380))
    calm = ((5800, 40, 0, 0), (60, 2600, 40, 0), (0, 20, 700, 10), (0, 0, 10, 380))
    return Evidence(
        coverage=Coverage(10_100, 10_000, {"no_kind": 100}, 0),
        discrimination=Discrimination(10_000, 420, 0.042, 0.79, (0.77, 0.81), 0.18, (0.15, 0.21), volumes),
        baseline=Difference("score_card", 0.75, 0.04, (0.02, 0.06)),
        champion=Difference("champion", 0.785, 0.005, (-0.005, 0.015)),
        leakage=Leakage(0.51, (0.47, 0.55)),
        calibration={"enterprise": calibration(), "individual_business": calibration(), "cooperative": calibration(60)},
        draws=draws(),
        classes={"enterprise": shares(), "individual_business": shares(), "cooperative": shares()},
        sanity=Sanity(20_000, 0, 3e-6),
        stability=Stability(
            "2025-11",
            "2025-12",
            0.012,
            (Shift("penalties_24m", 0.031), Shift("age_months", 0.004)),
            Migration(moves, 9970, 9480 / 9970, 22, 40, 10),
            Migration(calm, 9660, 9480 / 9660, 0, 38, 310),
        ),
        judged=JUDGED,
    )


def found_then(whole, step):
    """The figures of a date of the backtest."""
    return replace(whole, auc=0.75 + 0.01 * step, auc_interval=(0.72, 0.79))


def further():
    """A study with a picture, two tables, and words in both languages."""
    rows = [[("晴", "fair"), measured(0.123, (0.1, 0.2)), "12"], ["B", shared(0.5), Cell(("–", "–"), "n = 3")]]
    first = table(("所见", "what was seen"), [("项", "item"), ("值", "value"), ("数", "count")], rows)
    picture = compared(
        [(("晴", "fair"), [(0.1, (0.05, 0.2)), (None, None)])], [("甲", "one"), ("乙", "two")], ("图", "it")
    )
    return Shown("further", ("另一项研究", "Another study"), ("问什么？", "What is asked?"), (first, first), (picture,))


def assessment(evidence=None, **changed):
    """The assessment of some evidence, with every study that is shown beside."""
    found = evidence or good()
    whole = found.discrimination
    positives = {0: 300, 1: 90, 2: 9}
    origins = [
        Origin(date(2022 + step, 12, 31), date(2022, 12, 31), found_then(whole, step), 1.1, (0.9, 1.3), positives)
        for step in range(3)
    ]
    best = {"A": rate(0.04), "B": rate(0.12), "C": rate(0.27), "D": rate(0.47)}
    oracle = replace(found.draws, onsite=best) if found.draws else None
    gains = tuple((volume, 1 - (1 - volume) ** 4) for volume in GAINS)
    made = Assessment(
        evidence=found,
        verdict=judge(found, scheme=SCHEME, on=date(2026, 1, 31)),
        by_kind={kind: replace(whole, n=1000, n_pos=40) for kind in found.calibration},
        open_cases=replace(whole, n=55, n_pos=31),
        oracle=replace(whole, auc=0.82, auc_interval=(0.80, 0.84)),
        oracle_draws=oracle,
        origins=origins,
        kinds=tuple(found.calibration),
        gains=gains,
        slices={
            "kind": parts(("主体类型", "kind"), ("企业", "enterprise")),
            "city": parts(("设区市", "city"), ("南昌市", "Nanchang")),
            LOOKED_AT: parts(WATCHED, ("最少被查的五分之一", "least looked at")),
        },
        studies=(further(),),
    )
    return replace(made, **changed)


SCHEME = "5f0c" * 16
PLACES = """
- place: 某市（2023-05）
  place_en: some city, 2023-05
  shares: {A: 0.6541, B: 0.2533, C: 0.0774, D: 0.0152}
  source: 公开报道
"""


def profile(folder, language="zh"):
    """A place of three kinds that lists one published share."""
    (folder / "published_shares.yaml").write_text(PLACES, encoding="utf-8")
    kinds = (
        Kind("enterprise", "企业", "enterprise"),
        Kind("individual_business", "个体工商户", "individual business"),
        Kind("cooperative", "农民专业合作社", "farmers' cooperative"),
    )
    return Profile(
        "somewhere",
        "somewhere",
        folder,
        "某省",
        "Somewhere",
        "opaque",
        ZoneInfo("Asia/Shanghai"),
        language,
        "内部参考，不作为信用评价",
        "For internal reference; not an evaluation of anyone's credit",
        kinds,
        {},
    )


def subject(place):
    """The facts of a scheme of that place."""
    return Subject(
        profile=place,
        as_of=date(2025, 12, 31),
        outcome=("违法失信", "violation found"),
        data=(
            Fact(("训练基准日", "dates fitted on"), "2021-12-31 … 2023-12-31"),
            Fact(("训练样本", "pairs fitted on"), 48210),
            Fact(("标签成熟", "labels mature"), ("12 个月另加 120 日", "12 months and 120 days later")),
        ),
        card=(Fact(("模型", "model"), "LightGBM, 300 × 31"), Fact(("学习率", "learning rate"), 0.05)),
        indicators={"penalties_24m": ("行政处罚次数（近24个月）", "penalties, 24 months")},
    )

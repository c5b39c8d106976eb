"""The report of an assessment: one page that needs nothing else, Chinese with an English switch, made to be printed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from evaluation import charts
from evaluation.assessment import Assessment
from evaluation.checks import ClassShares, Stability
from evaluation.metrics import Interval
from evaluation.shown import Words, band, count, figure, share, share_band
from evaluation.slices import FEWEST
from evaluation.verdict import CARD, PROMOTE, REJECT, REVIEW, Check
from features.profile import Profile

TEMPLATES = Path(__file__).with_name("templates")
SHIFTS_SHOWN = 20
BY_PRODUCTS = (CARD, "transparency.md")
NOTICE_LINE, STOP_LINE = "EV070", "EV071"

VERDICTS: Mapping[str, Words] = {
    PROMOTE: ("晋级", "Promote"),
    REJECT: ("不晋级", "Do not promote"),
    REVIEW: ("需人工", "A person must decide"),
}
SECTIONS: Mapping[str, Words] = {
    "coverage": ("覆盖", "coverage"),
    "leakage": ("泄漏", "leakage"),
    "discrimination": ("区分", "discrimination"),
    "calibration": ("校准", "calibration"),
    "draws": ("随机抽查", "random draws"),
    "classes": ("类别", "classes"),
    "explanation": ("解释", "explanation"),
    "stability": ("稳定", "stability"),
}
SUBJECTS: Mapping[str, Words] = {
    "all": ("全部", "all"),
    "calm": ("无新事实的主体", "entities without a new fact"),
    "shuffled": ("打乱标签", "shuffled labels"),
    "card": ("积分卡基线", "score card"),
    "logistic": ("逻辑回归基线", "logistic regression"),
    "champion": ("现行方案", "champion"),
    "C+D": ("C、D 类", "C and D"),
    "D": ("D 类", "class D"),
    "reached": ("达到所述类别", "reach the class"),
    "untouched": ("未触及他人所定", "touch nothing of others"),
}


@dataclass(frozen=True)
class Fact:
    """A line of the report that is not a figure of a study: what the scheme was made from, or how."""

    label: Words
    value: Words | str | int | float


@dataclass(frozen=True)
class Published:
    """Class shares some place has published."""

    place: Words
    shares: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Subject:
    """Whose report it is: place, dates, outcome, and the facts of its data, its model card and the run that made it."""

    profile: Profile
    as_of: date
    outcome: Words
    data: Sequence[Fact]
    card: Sequence[Fact]
    indicators: Mapping[str, Words]
    run: Sequence[Fact] = ()


def published(profile: Profile) -> tuple[Published, ...]:
    """The shares a profile lists in ``published_shares.yaml``; none when it has no such file."""
    rows = profile.table("published_shares") if profile.has("published_shares") else ()
    return tuple(
        Published((row["place"], row.get("place_en", row["place"])), row["shares"], row["source"]) for row in rows
    )


def template(name: str, **filters: Callable[..., str]) -> Template:
    """A page of this room, to be rendered; shares, figures and counts are worded alike on all of them."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"pct": share, "figure": figure, "count": count, **filters}
    return found.get_template(name)


def render(assessment: Assessment, subject: Subject) -> str:
    """The report as HTML, naming its by-products by their digests: the same bytes for the same assessment and facts."""
    words = _words(subject)
    return template("report.html", band=band, pctband=share_band).render(
        assessment=assessment,
        evidence=assessment.evidence,
        verdict=assessment.verdict,
        verdict_words=VERDICTS[assessment.verdict.verdict],
        sections=SECTIONS,
        tally=tally(assessment.verdict.checks),
        subject=subject,
        profile=subject.profile,
        kinds={kind.code: (kind.label, kind.label_en) for kind in subject.profile.kinds},
        published=published(subject.profile),
        pictures=_pictures(assessment, subject),
        name_of=lambda code: _name(code, words),
        shifts_shown=SHIFTS_SHOWN,
        fewest=FEWEST,
        by_products={name: sha256(by_product(name, assessment, subject).encode()).hexdigest() for name in BY_PRODUCTS},
    )


def by_product(name: str, assessment: Assessment, subject: Subject) -> str:
    """The model card or the transparency record (``BY_PRODUCTS``) of an assessed scheme, Markdown in both languages."""
    found = template(name, band=band, pctband=share_band).render(
        assessment=assessment,
        evidence=assessment.evidence,
        verdict=assessment.verdict,
        verdict_words=VERDICTS[assessment.verdict.verdict],
        tally=tally(assessment.verdict.checks),
        subject=subject,
        profile=subject.profile,
        kinds={kind.code: (kind.label, kind.label_en) for kind in subject.profile.kinds},
        indicators=len(subject.indicators),
    )
    return re.sub(r"\n{3,}", "\n\n", found)


def pictures(assessment: Assessment, subject: Subject) -> dict[str, str]:
    """Every chart of the report as SVG, by name."""
    studies = {
        f"{study.code}_{number}": picture
        for study in assessment.studies
        for number, picture in enumerate(study.pictures, start=1)
    }
    return _pictures(assessment, subject) | studies


def tally(checks: Sequence[Check]) -> dict[str, int]:
    """How many checks passed, failed, and could not be judged."""
    answers = [check.passed for check in checks]
    return {"passed": answers.count(True), "failed": answers.count(False), "silent": answers.count(None)}


def _words(subject: Subject) -> dict[str, Words]:
    kinds = {kind.code: (kind.label, kind.label_en) for kind in subject.profile.kinds}
    return {**SUBJECTS, **kinds, **subject.indicators}


def _name(code: str, words: Mapping[str, Words]) -> Words:
    """The words of a code or of several codes with spaces between; a code without words stands for itself."""
    parts = [words.get(part, (part, part)) for part in code.split(" ")]
    return " ".join(part[0] for part in parts), " ".join(part[1] for part in parts)


def _pictures(assessment: Assessment, subject: Subject) -> dict[str, str]:
    evidence = assessment.evidence
    kinds = {kind.code: (kind.label, kind.label_en) for kind in subject.profile.kinds}
    found = {
        f"calibration_{kind}": charts.reliability(figures.bins, kinds[kind])
        for kind, figures in evidence.calibration.items()
        if figures.bins
    }
    if evidence.classes:
        found["classes"] = _class_chart(evidence.classes, subject, kinds)
    if assessment.gains:
        volumes = {volume.name: volume.share for volume in evidence.discrimination.volumes}
        found["gains"] = charts.gains(assessment.gains, volumes, ("累计发现", "cumulative gains"))
    if evidence.draws is not None:
        oracle = None if assessment.oracle_draws is None else assessment.oracle_draws.onsite
        found["draws"] = charts.draw_rates(evidence.draws.onsite, oracle, ("随机抽查问题率", "problem rates"))
    rows = _courses(assessment)
    if rows:
        found["backtest"] = charts.course(rows, ("历次回测 AUC", "AUC by as-of date"))
    if evidence.stability is not None:
        found["shifts"] = _shift_chart(evidence.stability, assessment, subject)
    return found


def _courses(assessment: Assessment) -> list[tuple[str, float, Interval]]:
    found = []
    for row in assessment.origins:
        if row.found.auc is not None and row.found.auc_interval is not None:
            found.append((row.as_of.isoformat(), row.found.auc, row.found.auc_interval))
    return found


def _class_chart(classes: Mapping[str, ClassShares], subject: Subject, kinds: Mapping[str, Words]) -> str:
    ours = [(kinds[kind], part.shares) for kind, part in classes.items() if part.entities]
    theirs = [(row.place, row.shares) for row in published(subject.profile)]
    return charts.class_shares([*ours, *theirs], ("各类占比", "class shares"))


def _shift_chart(stability: Stability, assessment: Assessment, subject: Subject) -> str:
    words = _words(subject)
    lines = {check.code: check.threshold for check in assessment.verdict.checks}
    rows = [(("概率", "probability"), stability.psi_probability)]
    rows += [(_name(shift.column, words), shift.psi) for shift in stability.shifts[:SHIFTS_SHOWN]]
    return charts.shift_bars(
        rows, ("稳定性指数", "stability indices"), notice=lines[NOTICE_LINE], stop=lines[STOP_LINE]
    )

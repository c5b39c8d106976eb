"""All studies of one scheme in order: figures, evidence, verdict, and the document they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from math import hypot
from typing import Any

import numpy as np
from scipy.special import stdtrit

from evaluation.backtest import Discrimination, Origin, Scored, discriminate, number
from evaluation.checks import (
    VOLUME_WATCHED,
    ClassShares,
    Coverage,
    Difference,
    Evidence,
    Leakage,
    Sanity,
    Stability,
)
from evaluation.draws import Draws, DrawStudy, study
from evaluation.gate import failing, judge, least_draws
from evaluation.metrics import Calibration, Floats, auc, bootstrap, calibration, capture, rank
from evaluation.shown import Shown
from evaluation.slices import Slices
from evaluation.verdict import Verdict
from training.cutoffs import RiskClass
from training.draws import DrawRule

FORM = 5  # of what is studied and how; part of the key of the step that writes an assessment
DRAWN_ROWS, REPLICATES = 50_000_000, (200, 1000)
GAINS = (0.01, 0.02, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)


@dataclass(frozen=True)
class Rivals:
    """Other scores of the same pairs, row by row; None or empty where there is none.

    ``baseline`` and ``champion`` are (name, margins), the champion's probabilities beside; ``shuffled`` are margins of
    models whose labels were shuffled; ``propensity`` is the truth of a simulated province.
    """

    baseline: tuple[str, Floats] | None = None
    champion: tuple[str, Floats] | None = None
    champion_probability: Floats | None = None
    shuffled: Sequence[Floats] = ()
    propensity: Floats | None = None


@dataclass(frozen=True)
class DrawMaterial:
    """Random draws with the scheme's classes and, where truth is known, with the oracle's; and how to read them."""

    rule: DrawRule
    draws: Draws
    oracle: Draws | None = None


@dataclass(frozen=True)
class Material:
    """What the studies are made from: pairs with known outcomes, rivals, draws, and facts counted elsewhere.

    ``scored`` holds the headline pairs of the test dates; ``open_cases`` those with a case known to be open, which
    leave the headline figures whole; ``kinds`` names the kind numbers; ``scheme`` is the digest judged; ``slices`` the
    figures of parts of the headline pairs, by dimension; ``studies`` all further studies, in the order of the report;
    ``champion`` is the digest of the scheme that reigns, which ``rivals`` has the scores of.
    """

    scheme: str
    kinds: Sequence[str]
    scored: Scored
    open_cases: Scored | None
    rivals: Rivals
    draws: DrawMaterial | None
    origins: Sequence[Origin]
    coverage: Coverage
    classes: Mapping[str, ClassShares]
    sanity: Sanity | None
    stability: Stability | None
    slices: Mapping[str, Slices] = field(default_factory=dict)
    studies: Sequence[Shown] = ()
    champion: str | None = None


@dataclass(frozen=True)
class Assessment:
    """The figures of a scheme, the verdict on them, and the studies that are shown beside."""

    evidence: Evidence
    verdict: Verdict
    by_kind: Mapping[str, Discrimination]
    open_cases: Discrimination | None
    oracle: Discrimination | None
    oracle_draws: DrawStudy | None
    origins: Sequence[Origin]
    kinds: Sequence[str]
    gains: Sequence[tuple[float, float]]
    slices: Mapping[str, Slices]
    champion_fails: tuple[str, ...] = ()
    studies: Sequence[Shown] = ()

    def document(self) -> dict[str, Any]:
        """The figures as JSON: what ``evaluate --json`` prints."""
        evidence = self.evidence
        return {
            "calibration": {kind: asdict(found) for kind, found in evidence.calibration.items()},
            "random_draw": _rates(evidence.draws),
            "random_draw_offsite": {} if evidence.draws is None else _each(evidence.draws.offsite),
            "random_draw_facts": _draw_facts(evidence.draws),
            "oracle": None
            if self.oracle is None
            else {"random_draw": _rates(self.oracle_draws), "discrimination": asdict(self.oracle)},
            "discrimination": asdict(evidence.discrimination)
            | {
                "by_kind": _each(self.by_kind),
                "open_cases": None if self.open_cases is None else asdict(self.open_cases),
                "baseline": None if evidence.baseline is None else asdict(evidence.baseline),
                "champion": None if evidence.champion is None else asdict(evidence.champion),
                "gains": [{"volume": volume, "capture": found} for volume, found in self.gains],
            },
            "backtest": [self._origin(row) for row in self.origins],
            "slices": _each(self.slices),
            **{study.code: dict(study.figures) for study in self.studies},
            "champion_fails": list(self.champion_fails),
            "leakage": None if evidence.leakage is None else asdict(evidence.leakage),
            "classes": _each(evidence.classes),
            "coverage": asdict(evidence.coverage),
            "sanity": None if evidence.sanity is None else asdict(evidence.sanity),
            "stability": None if evidence.stability is None else asdict(evidence.stability),
            "gate": self.verdict.document() | {"digest": self.verdict.digest},
        }

    def _origin(self, row: Origin) -> dict[str, Any]:
        positives = {self.kinds[kind]: count for kind, count in row.positives.items()}
        dates = {"as_of": row.as_of.isoformat(), "fitted_on": row.fitted_on.isoformat()}
        told = {"o_e": row.o_e, "o_e_interval": row.o_e_interval}
        return dates | {"positives": positives} | told | asdict(row.found)


def _each(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(value) for name, value in found.items()}


def _rates(found: DrawStudy | None) -> dict[str, Any]:
    return {} if found is None else _each(found.onsite)


def _draw_facts(found: DrawStudy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "draws": found.draws,
        "unweighted": found.unweighted,
        "unweighted_share": found.unweighted_share,
        "out_of_scope": found.out_of_scope,
    }


def assess(material: Material, *, on: date, rng: np.random.Generator, replicates: int | None = None) -> Assessment:
    """The assessment of a scheme by the thresholds in force on a day.

    Intervals come from 1,000 replicates, fewer (200 at least) when there are more than 50,000 pairs.
    """
    scored, rivals, volumes = material.scored, material.rivals, watched(material.classes)
    replicates = replicates or int(np.clip(DRAWN_ROWS // max(1, len(scored.outcome)), *REPLICATES))
    minimum = least_draws(on)

    def measured(pairs: Scored) -> Discrimination:
        return discriminate(pairs, volumes, rng, replicates=replicates)

    evidence = Evidence(
        coverage=material.coverage,
        discrimination=measured(scored),
        baseline=_against(rivals.baseline, scored, rng, replicates=replicates),
        champion=_against(rivals.champion, scored, rng, replicates=replicates),
        leakage=_leakage(rivals.shuffled, scored, rng),
        calibration=_calibrations(material),
        draws=_drawn(material.draws, minimum, oracle=False),
        classes=material.classes,
        sanity=material.sanity,
        stability=material.stability,
        judged={code: values for study in material.studies for code, values in study.judged.items()},
    )
    kinds = {kind: scored.where(scored.kind == place) for place, kind in enumerate(material.kinds)}
    return Assessment(
        evidence=evidence,
        verdict=judge(evidence, scheme=material.scheme, on=on, champion=material.champion),
        by_kind={kind: measured(pairs) for kind, pairs in kinds.items()},
        open_cases=None if material.open_cases is None else measured(material.open_cases),
        oracle=None if rivals.propensity is None else measured(replace(scored, margin=rivals.propensity)),
        oracle_draws=_drawn(material.draws, minimum, oracle=True),
        origins=material.origins,
        kinds=material.kinds,
        gains=_gains(scored),
        slices=material.slices,
        studies=material.studies,
        champion_fails=_champion_fails(material, evidence, measured, on=on),
    )


def _champion_fails(
    material: Material, evidence: Evidence, measured: Callable[[Scored], Discrimination], *, on: date
) -> tuple[str, ...]:
    """The blocking checks the champion itself does not stand on the same pairs: how well it orders, and calibration."""
    rivals = material.rivals
    if rivals.champion is None or rivals.champion_probability is None or not len(material.scored.outcome):
        return ()
    pairs = replace(material.scored, margin=rivals.champion[1], probability=rivals.champion_probability)
    own = replace(
        evidence,
        discrimination=measured(pairs),
        calibration=_calibrations(replace(material, scored=pairs)),
        baseline=None,
        champion=None,
        leakage=None,
        draws=None,
        classes={},
        sanity=None,
        stability=None,
        judged={},
    )
    return failing(own, on=on)


def _drawn(material: DrawMaterial | None, minimum: int, *, oracle: bool) -> DrawStudy | None:
    if material is None:
        return None
    draws = material.oracle if oracle else material.draws
    return None if draws is None else study(draws, material.rule, minimum=minimum)


def watched(classes: Mapping[str, ClassShares]) -> dict[str, float]:
    """The volumes inspections are planned for: the shares of C and D together, and of D, over all kinds."""
    total = sum(part.entities for part in classes.values())
    if not total:
        return {}
    d = sum(part.counts[RiskClass.D.name] for part in classes.values()) / total
    c = sum(part.counts[RiskClass.C.name] for part in classes.values()) / total
    return {VOLUME_WATCHED: c + d, RiskClass.D.name: d}


def _calibrations(material: Material) -> dict[str, Calibration]:
    found = {}
    for place, kind in enumerate(material.kinds):
        part = material.scored.where(material.scored.kind == place)
        found[kind] = calibration(part.probability, part.outcome, weights=part.weight, entities=part.entity)
    return found


def _against(
    rival: tuple[str, Floats] | None, scored: Scored, rng: np.random.Generator, *, replicates: int
) -> Difference | None:
    if rival is None or not len(scored.outcome):
        return None
    ours, theirs = (rank(margin, scored.outcome) for margin in (scored.margin, rival[1]))

    def figures(weights: Floats) -> Floats:
        other = auc(theirs, weights)
        return np.column_stack([other, auc(ours, weights) - other])

    level, difference = figures(scored.weight)[0]
    _, interval = bootstrap(figures, scored.entity, rng, weights=scored.weight, replicates=replicates)
    return Difference(rival[0], number(level), number(difference), interval)


def _leakage(shuffled: Sequence[Floats], scored: Scored, rng: np.random.Generator) -> Leakage | None:
    """The mean AUC within kinds of models fitted on labels shuffled within kinds.

    Shuffling keeps each kind's rate, so kinds are still told apart: only pairs of one kind can show a leak. The
    interval knows both chances the mean has: which shuffles were drawn (their spread), and which entities are tested
    (a bootstrap over them), the same for all shuffles.
    """
    if len(shuffled) < 2 or not len(scored.outcome):
        return None
    rankings = [rank(margin, scored.outcome, stratum=scored.kind) for margin in shuffled]

    def mean(weights: Floats) -> Floats:
        return np.asarray(np.mean([auc(ranking, weights) for ranking in rankings], axis=0))

    found = np.array([auc(ranking, scored.weight)[0] for ranking in rankings])
    (tested,) = bootstrap(mean, scored.entity, rng, weights=scored.weight, replicates=REPLICATES[0])
    if tested is None or not np.isfinite(found).all():
        return None
    middle = float(found.mean())
    drawn = float(stdtrit(len(found) - 1, 0.975) * found.std(ddof=1) / np.sqrt(len(found)))
    return Leakage(middle, (middle - hypot(drawn, middle - tested[0]), middle + hypot(drawn, tested[1] - middle)))


def _gains(scored: Scored) -> tuple[tuple[float, float], ...]:
    if not scored.outcome.any():
        return ()
    ranking = rank(scored.margin, scored.outcome)
    return tuple((volume, float(capture(ranking, scored.weight, volume=volume)[0])) for volume in GAINS)

"""All studies beside the headline figures, each independent of the others, in the order of the report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation import (
    by_class,
    certainty,
    drift,
    explanations,
    leakage,
    movers,
    neighbours,
    places,
    population,
    reach,
    recourse,
    rules,
    saved,
    sensitivity,
    sources,
    told_reasons,
    twice,
)
from evaluation.assessment import DrawMaterial
from evaluation.case import Case
from evaluation.checks import Sanity, Stability
from evaluation.explanations import Explaining
from evaluation.population import Population
from evaluation.shown import Shown
from features.asof import Month
from training.guards import GUARDS
from training.pairs import Say
from training.scheme import Scheme


@dataclass(frozen=True)
class Seen:
    """What further studies look at: everyone in the two last months, and on the last test date with the draws after it.

    ``taken_over`` are the two months as the scheme would take over from the champion between them; ``shuffled`` are
    schemes like the one judged that learned shuffled labels.
    """

    case: Case
    before: Population
    after: Population
    taken_over: tuple[Population, Population]
    drawn: tuple[Population, DrawMaterial] | None
    stability: Stability
    sanity: Sanity
    shuffled: Sequence[Scheme]


def further(seen: Seen, volumes: Mapping[str, float], *, rng: np.random.Generator) -> tuple[Shown, ...]:
    """All further studies, in the order of the report; those that had nothing to study are left out."""
    found = (
        sources.study(seen.case),
        leakage.study(json.loads((seen.case.trained.folder.parent / GUARDS).read_text(encoding="utf-8"))),
        _twice(seen, volumes, rng),
        sensitivity.study(seen.case, rng),
        neighbours.study(seen.case, rng.spawn(1)[0]),
        by_class.study(seen.case, seen.after),
        rules.study(seen.case, seen.after),
        places.study(seen.case, seen.after),
        movers.study(seen.case, *seen.taken_over),
        told_reasons.study(seen.case, seen.taken_over),
        drift.study(seen.case, seen.after),
        certainty.study(
            seen.case.task.profile, seen.case.scheme, scored=seen.case.scored, months=(seen.before, seen.after)
        ),
        recourse.study(seen.case.task, seen.case.scheme, seen.after),
        explanations.study(_explaining(seen, rng)),
        _saved(seen, rng),
    )
    return tuple(one for one in found if one is not None)


def _twice(seen: Seen, volumes: Mapping[str, float], rng: np.random.Generator) -> Shown:
    if seen.drawn is None:
        return reach.study(seen.case, seen.after)
    return twice.study(seen.case, *seen.drawn, volumes, rng)


def _explaining(seen: Seen, rng: np.random.Generator) -> Explaining:
    return Explaining(
        task=seen.case.task,
        scheme=seen.case.scheme,
        before=seen.before,
        after=seen.after,
        calm=seen.stability.calm,
        sanity=seen.sanity,
        shuffled=seen.shuffled,
        rng=rng,
    )


def _saved(seen: Seen, rng: np.random.Generator) -> Shown | None:
    """The time saved, where truth is known."""
    if seen.drawn is None or seen.case.truth is None:
        return None
    return saved.of_population(seen.case.task, seen.drawn[0], seen.case.truth, rng)


def taken_over(case: Case, before: Population, after: Population, say: Say) -> tuple[Population, Population]:
    """Two months as the scheme would take over from the champion between them; under the scheme alone where nobody
    reigns, or one of other indicators or kinds."""
    reigning = case.champion
    if reigning is None or reigning.digest == case.scheme.digest:
        return before, after
    if (reigning.definitions, reigning.kinds) != (case.scheme.definitions, case.scheme.kinds):
        return before, after
    say(f"{Month.of(after.as_of)} as the scheme would take over from the champion")
    reigned = population.settled(case.task, reigning, as_of=before.as_of)
    return reigned, population.classified(case.task, case.scheme, as_of=after.as_of, before=reigned)

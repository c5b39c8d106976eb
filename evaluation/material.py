"""What the studies of a trained scheme are made from: scored pairs, rivals, draws and populations, read and fitted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluation import population, trials
from evaluation.assessment import DrawMaterial, Material, Rivals, watched
from evaluation.backtest import Origin, rolling
from evaluation.case import Case, pairs_of
from evaluation.checks import ClassShares
from evaluation.draws import Draws, oracle_classes, place_draws
from evaluation.metrics import Floats
from evaluation.population import Population
from evaluation.replay import matrix_of, scored_on, trained_then
from evaluation.slices import LOOKED_AT, WATCHED, Slices, parts_of, quintiles, study
from evaluation.studies import Seen, further, taken_over
from features.asof import Month
from features.dimensions import read_dimensions
from features.matrix import Batch
from features.simulation.truth import latent
from training import fit
from training.boosters import booster, mean_margin
from training.carried import under
from training.cohort import HEADLINE, OPEN_CASE
from training.draws import DRAWS, DrawRule, read_draws
from training.errors import SchemeError
from training.figures import BASELINES
from training.labels import horizon_end, mature_on
from training.pairs import Say
from training.scheme import Scheme
from training.splits import DateSettings, by_date
from training.task import Task

SHUFFLES = 8  # with four, chance alone once looked like a leak in a small place


def gather(case: Case, rng: np.random.Generator, say: Say) -> Material:
    """The material of every study, in order."""
    month = case.task.reference_month
    say(f"classes of {Month.of(month).shift(-1)} and {Month.of(month)}")
    before = population.settled(case.task, case.scheme, as_of=Month.of(month).shift(-1).end)
    after = population.classified(case.task, case.scheme, as_of=month, before=before)
    months = taken_over(case, before, after, say)
    classes = population.shares(after, case.task.profile)
    open_cases = pairs_of(case.scored, OPEN_CASE)
    drawn, stability = _draws(case, say), population.compared(before, after, case.task.definitions, months)
    sanity, shuffled = population.sanity(case.task, case.scheme, after), _shuffled(case, rng)
    say("rivals: baseline, shuffled labels" + (", champion" if case.champion else ""))
    return Material(
        scheme=case.scheme.digest,
        kinds=case.scheme.kinds,
        scored=case.headline,
        open_cases=open_cases if len(open_cases.outcome) else None,
        rivals=_rivals(case, shuffled),
        draws=drawn[1] if drawn else None,
        origins=_origins(case, classes, rng, say=say),
        coverage=population.coverage(case.task, after),
        classes=classes,
        sanity=sanity,
        stability=stability,
        slices=_slices(case, say),
        studies=further(
            Seen(case, before, after, months, drawn, stability, sanity, shuffled), watched(classes), rng=rng
        ),
        champion=case.champion.digest if case.champion else None,
    )


def _slices(case: Case, say: Say) -> dict[str, Slices]:
    """The figures of parts of the test pairs: along the profile's dimensions, and by the chance to be looked at."""
    task, chosen = case.task, case.sample.chosen("test")
    scored = case.headline
    dimensions = read_dimensions(task.profile) if task.outcome.framing == "detected" else ()
    if not len(scored.outcome) or not dimensions:
        return {}
    say(f"parts of the test pairs by {', '.join(one.code for one in dimensions)}")
    pairs, kind = case.sample.pairs.filter(pa.array(chosen)), scored.kind.astype(np.int8)
    risk_class = case.scheme.raw_classes(scored.probability, kind)
    found = {}
    for one in dimensions:
        parted = parts_of(task, one, pairs, kind, lambda code: case.sample.column(code)[chosen])
        found[one.code] = study(scored, risk_class, one.label, parted)
    if task.outcome.looked_at:
        chance = case.watching.chances(case.tested_with)
        found[LOOKED_AT] = study(scored, risk_class, WATCHED, quintiles(chance, scored.weight))
    return found


def _rivals(case: Case, shuffled: Sequence[Scheme]) -> Rivals:
    headline = case.scored.filter(pc.equal(case.scored["stratum"], HEADLINE))
    seen, place = case.tested_with, case.sample.layout
    baseline = next(name for name in BASELINES if name in headline.column_names)
    margins = None if case.champion is None else _champion(case, case.champion, seen)
    return Rivals(
        baseline=(baseline, headline[baseline].to_numpy()),
        champion=None if margins is None else ("champion", margins),
        champion_probability=None if margins is None else _probability(case, margins, seen.kind),
        shuffled=[mean_margin([booster(text) for text in one.models], fit.design(seen, place)) for one in shuffled],
        propensity=None if case.truth is None else _propensity(case, case.truth, headline),
    )


def _champion(case: Case, champion: Scheme, seen: fit.Rows) -> Floats:
    """Margins of the test pairs under the champion, on values of the indicators it was trained on.

    Whoever is of a kind the champion does not know comes last.
    """
    if champion.system is None or champion.definitions == case.scheme.definitions:
        batch = Batch(case.tested_on, np.zeros(len(seen.kind), np.int32), seen.kind, seen.values, case.scheme.columns)
        return champion.margins(champion.aligned(batch), seen.kind)
    lake, definitions = under(champion, case.task.lake)
    pairs = case.sample.pairs.filter(pa.array(case.sample.chosen("test")))
    with matrix_of(replace(case.task, lake=lake, definitions=definitions), pairs) as own:
        rows = own.rows_where(np.ones(pairs.num_rows, np.bool_))
    known = rows.kind >= 0
    found = np.full(len(known), -np.inf)
    found[known] = champion.margins(rows.values[known], rows.kind[known])
    return found


def _probability(case: Case, margins: Floats, kind: npt.NDArray[np.int8]) -> Floats | None:
    """What the champion says of the pairs; None where it knows other kinds."""
    reigning = case.champion
    if reigning is None or reigning.kinds != case.scheme.kinds:
        return None
    return reigning.probabilities(margins, kind)


def _shuffled(case: Case, rng: np.random.Generator) -> list[Scheme]:
    """Schemes whose labels were shuffled: what they still tell apart is a leak, what they explain is chance."""
    rows = case.fitted_on
    return [trials.shuffled(case.scheme, rows, case.sample.layout, case.task.trees, rng) for _ in range(SHUFFLES)]


def _propensity(case: Case, truth: Path, pairs: pa.Table) -> Floats:
    """The latent propensity of every pair at its date; the lowest of all for an entity the truth does not know."""
    found = np.full(len(pairs), -np.inf)
    days = np.array(pairs["as_of"].to_pylist())
    entity = pairs["entity"].to_numpy()
    for day in sorted(set(days.tolist())):
        rows = days == day
        found[rows] = _latent(case, truth, day)[entity[rows]]
    return found


def _latent(case: Case, truth: Path, as_of: date) -> Floats:
    """The latent propensity by entity key on a day; −inf for one the truth does not know."""
    table = latent(truth, as_of)
    place = pc.index_in(case.task.lake.register()["code"], value_set=table["code"].combine_chunks())
    known = pc.fill_null(place, -1).to_numpy()
    values = np.append(table["propensity"].to_numpy(), -np.inf)
    return np.asarray(values[known], np.float64)


def _draws(case: Case, say: Say) -> tuple[Population, DrawMaterial] | None:
    """Everyone on the last test date, and the random draws of the year after with the classes of that date."""
    profile, outcome = case.task.profile, case.task.outcome
    if not profile.has(DRAWS) or outcome.framing != "detected":
        return None
    as_of = case.tested_on
    say(f"random draws of the year after {as_of}")
    then = population.classified(case.task, case.scheme, as_of=as_of)
    block = profile.table(DRAWS)
    span = (as_of + timedelta(days=1), horizon_end(outcome, as_of))
    rows = read_draws(case.task.knowledge, block, span=span)
    draws = place_draws(rows, then.class_of(rows["entity"].to_numpy().astype(np.int64)))
    oracle = None if case.truth is None else replace(draws, risk_class=_oracle_class(case, case.truth, then, draws))
    return then, DrawMaterial(DrawRule.read(block), draws, oracle)


def _oracle_class(case: Case, truth: Path, then: Population, draws: Draws) -> npt.NDArray[np.int64]:
    known = np.where(then.counted, then.final_class, -1).astype(np.int64)
    best = oracle_classes(_latent(case, truth, then.as_of)[then.entity], known, then.kind.astype(np.int64))
    ranked = replace(then, final_class=best.astype(np.int8))
    return ranked.class_of(draws.entity)


def _origins(case: Case, classes: dict[str, ClassShares], rng: np.random.Generator, *, say: Say) -> Sequence[Origin]:
    """The test date and earlier ones, labelled with what is known now.

    Every horizon (a year) back a scheme is fitted on what was known then, and scores its own date and those after it
    until the next one is fitted.
    """
    task, last = case.task, case.tested_on
    if task.outcome.framing != "detected" or not case.origins:
        return ()
    own = pairs_of(case.scored.filter(pc.equal(case.scored["as_of"], last)), HEADLINE)
    scored, horizon = {last: (case.task.known_by, own)}, task.outcome.horizon_months
    for back in range(horizon, horizon * case.origins + 1, horizon):
        fitted_on = Month.of(last).shift(-back).end
        if _long_enough(task, fitted_on):
            say(f"backtest: fitted on what was known by {fitted_on}")
            steps = range(0, horizon, DateSettings.read(task.model["dates"]).step_months)
            days = [Month.of(fitted_on).shift(step).end for step in steps]
            found = scored_on(task, trained_then(task, fitted_on), days)
            scored |= {day: (fitted_on, pairs) for day, pairs in found.items()}
    return rolling(scored, volumes=watched(classes), rng=rng)


def _long_enough(task: Task, as_of: date) -> bool:
    """Whether the records known by a date give as-of dates to fit and to calibrate on."""
    row = task.model["dates"]
    settings = replace(DateSettings.read(row), test=0)
    try:
        by_date(settings, known_by=as_of, mature_on=partial(mature_on, task.outcome), earliest=row["earliest"])
    except SchemeError:
        return False
    return True

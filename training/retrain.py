"""The one file that runs training in order: pairs, matrix, guards, boosters, calibration, cutoffs, a signed folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from features import steps
from features.matrix import batches
from training import boosters, card, fit, guards, overrides, splits
from training.bags import Bagged, bagged
from training.calibration import IDENTITY, Seen, curves
from training.card import CARD
from training.carried import carried
from training.confidence import words
from training.cutoffs import Chosen, Cutoffs, Shares, choose
from training.errors import SchemeError
from training.figures import by_part, flat
from training.growing import grown
from training.labels import mature_on
from training.looking import lesson
from training.overrides import read_overrides
from training.pairs import PARTS, Say, detected_pairs, event_pairs, trainable
from training.plots import drawn
from training.readiness import ready
from training.registry import Registered, Run, log
from training.sample import FORMAT as SAMPLE_FORMAT
from training.sample import Sample, write_sample
from training.scheme import FORMAT, KindPart, Scheme
from training.steadiness import Steadiness
from training.task import MADE, TREES, Task

Floats = npt.NDArray[np.float64]

SAMPLE, SCHEME, METRICS, SCORED = "sample", "scheme", "metrics.json", "scored.parquet"
CARD_FILE = "card.json"
FILES = (METRICS, CARD_FILE, guards.GUARDS)
SETTINGS_FILES = ("outcomes", "model", "rules", "classes", "steadiness")
UNSET = Cutoffs(0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Trained:
    """A saved scheme: its folder and digest, its figures, and the scored pairs of calibration and test."""

    folder: Path
    digest: str
    figures: Mapping[str, Any]
    scored: Path


def retrain(task: Task, folder: Path, *, key: Ed25519PrivateKey, say: Say) -> Trained:
    """A scheme trained, calibrated, cut and signed in ``folder``; steps whose inputs are unchanged are not repeated."""
    sample = sampled(task, folder, say=say)
    signed_by = key.public_key().public_bytes_raw().hex()
    form = {"format": FORMAT, "version": task.version, "guards": guards.FORMAT}
    made_with = {**task.inputs(*SETTINGS_FILES), **form, "key": signed_by, "boosting": _version(), "as": task.method}

    def make(fresh: Path) -> None:
        _write_scheme(task, sample, fresh, key=key, say=say)

    steps.run(folder / MADE[task.method], made_with, make)
    return made_in(folder, task.method)


def sampled(task: Task, folder: Path, *, say: Say) -> Sample:
    """The sample of a task in its folder, made there unless its inputs are unchanged."""
    ready(task.profile, task.definitions, task.outcome, on=task.reference_month)
    inputs = {**task.inputs("outcomes", "model"), "format": SAMPLE_FORMAT}
    steps.run(folder / SAMPLE, inputs, lambda fresh: _write_sample(task, fresh, say))
    return Sample.read(folder / SAMPLE, fit.layout(task.definitions, task.outcome))


def made_in(folder: Path, method: str = TREES) -> Trained:
    """The scheme that training left in its folder."""
    made = folder / MADE[method]
    figures = json.loads((made / METRICS).read_text(encoding="utf-8"))
    return Trained(made / SCHEME, figures["digest"], figures, made / SCORED)


def logged(task: Task, made: Trained, store: Path, *, verify_key: Ed25519PublicKey) -> Registered:
    """The registered version of a trained scheme, logged with its settings, figures, digests and plots.

    Experiment and model are named by the profile; ``store`` holds ``mlflow.db`` and ``artifacts/``.
    """
    scheme = Scheme.load(made.folder, verify_key)
    files = drawn(scheme, pq.read_table(made.scored), made.folder.parent.parent / "plots")
    run = Run(
        experiment=task.profile.settings["experiment"],
        model=task.profile.settings["model"],
        parameters=flat(scheme.training["settings"]),
        figures={name: value for name, value in flat(_figures(made)).items() if value is not None},
        tags={
            "profile": scheme.profile,
            "outcome": scheme.outcome,
            "known_by": task.known_by.isoformat(),
            "definitions_digest": scheme.definitions,
            "indicators_version": scheme.version or "",
            "method": task.method,
            "lake_digest": scheme.training["lake"],
        },
        files=(*files, *(path for name in FILES if (path := made.folder.parent / name).is_file())),
    )
    return log(store, run, scheme=made.folder, digest=made.digest)


def _figures(made: Trained) -> Mapping[str, Any]:
    """The figures of the parts, and what every guard held against its limit."""
    told = {name: one["value"] for name, one in made.figures["guards"].items()}
    return {**made.figures["parts"], "guards": told}


def labelled(task: Task, say: Say) -> pa.Table:
    """The labelled pairs of all parts, dated by the profile's ``model.yaml``."""
    if task.outcome.framing == "given_inspection":
        row = task.model["periods"]
        periods = splits.by_period(
            since=row["since"],
            known_by=task.known_by,
            calibration_months=int(row["calibration_months"]),
            test_months=int(row["test_months"]) if task.held_out else 0,
        )
        return event_pairs(task.knowledge, task.outcome, periods, say=say)
    settings = splits.DateSettings.read(task.model["dates"])
    dates = splits.by_date(
        settings if task.held_out else replace(settings, test=0),
        known_by=task.known_by,
        mature_on=lambda day: mature_on(task.outcome, day),
        earliest=task.model["dates"]["earliest"],
    )
    return detected_pairs(task.knowledge, task.outcome, dates, task.sampling, say=say, wider=task.wider)


def drafted(task: Task, rows: fit.Rows, place: fit.Layout, counts: Sequence[int] | None = None) -> Scheme:
    """A scheme fitted on rows, with margins but without calibration and cutoffs of its own.

    ``counts`` are the trees of every booster, where they are not as many as the profile says there may be.
    """
    kinds = task.profile.kind_codes
    models = _models(task, rows, place, counts)
    distribution = fit.reference(rows, place, models, kinds)
    offsets = fit.offsets(models, place, distribution, kinds)
    steadiness = Steadiness.read(task.profile.dated("steadiness", task.reference_month))
    return Scheme(
        profile=task.profile.name,
        outcome=task.outcome.code,
        columns=place.columns,
        features=place.features,
        controls=place.controls,
        kinds=kinds,
        parts={kind: KindPart(IDENTITY, UNSET, offsets[kind]) for kind in kinds},
        rules=read_overrides(task.profile),
        steadiness=steadiness,
        definitions=task.definitions.digest,
        training={},
        reference=distribution,
        models=models,
        golden=boosters.golden(models, place.names),
    )


def _models(task: Task, rows: fit.Rows, place: fit.Layout, counts: Sequence[int] | None) -> tuple[str, ...]:
    if task.method == TREES:
        return fit.boosters(rows, place, task.trees, counts=counts)
    if CARD not in task.model:
        raise SchemeError(
            f"Profile {task.profile.name} has no settings under card in model.yaml; expected some for a score card. "
            "Nothing was trained."
        )
    return (card.model(rows, place, card.CardSettings.read(task.model[CARD])),)


def linear(task: Task, rows: fit.Rows, place: fit.Layout) -> fit.Logistic:
    """The linear baseline of a scheme on the same rows and features."""
    return fit.logistic(
        rows, place, kinds=len(task.profile.kind_codes), strength=float(task.model["logistic"]["strength"])
    )


def calibrated(task: Task, draft: Scheme, rows: fit.Rows) -> Scheme:
    """The draft with calibration curves fitted on rows later than those it was fitted on."""
    least = int(task.model["calibration"]["min_positives"])
    seen = Seen(draft.margins(rows.values, rows.kind), rows.kind, rows.label, rows.weight)
    found = curves(seen, draft.kinds, min_positives=least)
    return replace(draft, parts={kind: replace(part, curve=found[kind]) for kind, part in draft.parts.items()})


def cut(task: Task, scheme: Scheme) -> tuple[Scheme, dict[str, Chosen]]:
    """The scheme with cutoffs that give the wanted shares after rules on the reference month, and what they give."""
    probability, at_least, kind = _population(task, scheme)
    wanted = task.profile.dated("classes", task.reference_month, under="targets")["kinds"]
    chosen = {}
    for number, code in enumerate(scheme.kinds):
        own = kind == number
        rows = own if own.any() else np.ones(len(kind), np.bool_)
        chosen[code] = choose(probability[rows], at_least[rows], Shares.read(wanted[code]))
    parts = {code: replace(part, cutoffs=chosen[code].cutoffs) for code, part in scheme.parts.items()}
    return replace(scheme, parts=parts), chosen


def _population(task: Task, scheme: Scheme) -> tuple[Floats, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Probability, class demanded by rules, and kind of everyone trained on, on the reference month."""
    counted = trainable(task.knowledge, task.sampling, as_of=task.reference_month)["entity"].to_numpy()
    found: list[tuple[Any, Any, Any]] = []
    for batch in batches(task.lake, task.definitions, as_of=task.reference_month, engine=task.engine):
        rows = np.isin(batch.entity, counted) & (batch.kind >= 0)
        kind = batch.kind[rows]
        margins = scheme.margins(batch.values[rows], kind)
        seen = overrides.Seen(batch.values[rows], batch.columns, [scheme.kinds[number] for number in kind])
        demanded = overrides.apply(scheme.rules, seen, as_of=batch.as_of).at_least
        found.append((scheme.probabilities(margins, kind), demanded, kind))
    if not found:
        raise SchemeError(f"Nobody was in scope on {task.reference_month}; cutoffs need a reference month.")
    probability, at_least, kinds = (np.concatenate(column) for column in zip(*found, strict=True))
    return probability, at_least, kinds


def _write_sample(task: Task, fresh: Path, say: Say) -> None:
    pairs = labelled(task, say)
    say(f"matrix of {len(pairs)} pairs, {len(task.definitions.codes)} indicators")
    write_sample(fresh, task.lake, task.definitions, pairs, engine=task.engine)


def _write_scheme(task: Task, sample: Sample, fresh: Path, *, key: Ed25519PrivateKey, say: Say) -> None:
    layout, found = sample.layout, guards.guarded(task, sample, fresh, say=say)
    say(f"{task.method} on {len(layout.features)} features, controls {', '.join(layout.controls) or 'none'}")
    taught, counts = lesson(task, sample), None
    if task.method == TREES:
        counts = grown(taught, task.trees, gap_months=task.outcome.horizon_months)
        say(f"{' and '.join(map(str, counts))} trees of at most {task.trees.count}")
    draft = calibrated(task, drafted(task, taught.rows, layout, counts), sample.rows("calibration"))
    say(f"cutoffs on {task.reference_month}")
    cut_off, chosen = cut(task, draft)
    made = bagged(task, cut_off, sample, taught=taught, counts=counts)
    scored = _scored(made, sample, _baselines(task, taught.rows, layout))
    system = carried(task.lake, task.definitions, task.reference_month)
    history = _history(task, sample, chosen) | ({} if counts is None else {"trees": list(counts)})
    history |= {"confidence": dict(made.figures)} if made.figures else {}
    scheme = replace(made.scheme, training=history, version=task.version, carried=system)
    digest = scheme.save(fresh / SCHEME, key)
    told = {"guards": guards.figures(found), "training": dict(scheme.training)}
    figures = {"digest": digest, "parts": by_part(scored, scheme.kinds), **told}
    steps.write_text(fresh / METRICS, json.dumps(figures, ensure_ascii=False, sort_keys=True, indent=1))
    pq.write_table(scored, fresh / SCORED, compression="zstd", write_page_checksum=True)
    if task.method == CARD:
        points = card.told(scheme, task.definitions)
        steps.write_text(fresh / CARD_FILE, json.dumps(points, ensure_ascii=False, indent=1))
    say(f"scheme {digest[:12]} signed")


def _baselines(task: Task, rows: fit.Rows, place: fit.Layout) -> dict[str, fit.Logistic | Scheme]:
    """What a scheme is compared with on the same rows and features: a linear model, and for trees the score card."""
    found: dict[str, fit.Logistic | Scheme] = {"logistic": linear(task, rows, place)}
    if task.method == TREES and CARD in task.model:
        found[CARD] = drafted(replace(task, method=CARD), rows, place)
    return found


def _scored(made: Bagged, sample: Sample, baselines: Mapping[str, fit.Logistic | Scheme]) -> pa.Table:
    """Every pair with a known kind, as the scheme and the baselines see it.

    Columns pair, entity, as_of, part, stratum, label, kind, weight, margin, probability, agreement (share of bags that
    give the same class) and confidence, both null where bags were not asked, and a margin each baseline.
    """
    scheme, found = made.scheme, []
    for pairs, values, kind in sample.slices():
        margin = scheme.margins(values, kind)
        table = pairs.select(["pair", "entity", "as_of", "part", "stratum", "label"])
        for name, column in {
            "kind": kind,
            "weight": 1.0 / pairs["s"].to_numpy(),
            "margin": margin,
            "probability": scheme.probabilities(margin, kind),
            "agreement": pa.array(made.agreement[pairs["pair"].to_numpy()], from_pandas=True),
            "confidence": words(made.levels[pairs["pair"].to_numpy()]),
            **{name: one.margins(values, kind) for name, one in baselines.items()},
        }.items():
            table = table.append_column(name, column if isinstance(column, pa.Array) else pa.array(column))
        found.append(table)
    return pa.concat_tables(found)


def _history(task: Task, sample: Sample, chosen: Mapping[str, Chosen]) -> dict[str, Any]:
    """What the scheme was made from, as it stands in its text."""
    days = {
        part: sorted(
            {day.isoformat() for day in sample.pairs.filter(pc.equal(sample.pairs["part"], part))["as_of"].to_pylist()}
        )
        for part in PARTS
    }
    if task.outcome.framing == "given_inspection":
        days = {part: [found[0], found[-1]] if found else [] for part, found in days.items()}
    return {
        "known_by": task.known_by.isoformat(),
        "reference_month": task.reference_month.isoformat(),
        "lake": task.lake.digest(task.known_by),
        "as_of": days,
        "settings": json.loads(json.dumps(_settings(task), default=str)),
        "shares": {kind: dict(one.shares) for kind, one in chosen.items()},
        "review": {kind: list(one.review) for kind, one in chosen.items()},
        "boosting": _version(),
        "method": task.method,
    }


def _settings(task: Task) -> dict[str, Any]:
    """The profile's ``model.yaml`` as the outcome has it."""
    return {**task.model, "trees": {**task.model["trees"], **task.outcome.trees}}


def _version() -> str:
    from importlib.metadata import version

    return version("lightgbm")

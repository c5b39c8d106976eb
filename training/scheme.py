"""A scheme: everything between a matrix and a class, in one signed folder of text files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from features.indicators.language import DefinitionError
from features.indicators.system import FILE as SYSTEM_FILE
from features.indicators.system import System
from features.matrix import Batch
from features.steps import KEY_FILE
from training import explain, overrides, package, steadiness
from training.boosters import booster, mean_margin, opened
from training.classified import Classified, Judged
from training.confidence import UNKNOWN, Certainty, Levels, Sure
from training.cutoffs import Classes
from training.errors import SchemeError
from training.explain import BulkExplainer, Codes
from training.overrides import Override, read_override
from training.package import Package
from training.parts import KindPart
from training.steadiness import Steadiness
from training.trees import read_trees
from training.trial import Trial, begin

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]

__all__ = ["KindPart", "Scheme", "SchemeError"]

FORMAT = 5
CARRYING, BARE = 4, 3  # of schemes without confidence, and without an indicator system; read, and written as they were
BLOCK = 2_048  # rows
KIND = "kind"
EXPOSURE = "exposure"


@dataclass(frozen=True)
class Scheme:
    """Boosters, calibration, cutoffs, exposure, rules and steadiness, and what they were made from.

    ``columns`` are the matrix columns it was trained with, in order; ``features`` those the model reads; ``controls``
    were fitted and are averaged over ``reference`` when scoring. Nothing here changes once made.

    ``definitions`` is the digest of the indicator system it was trained on, ``version`` that system's version (null
    where none was drafted), ``carried`` the texts it carries of it: the system itself and its compiled queries.
    ``certainty`` is what its bags showed, null where it was trained without.
    """

    profile: str
    outcome: str
    columns: tuple[str, ...]
    features: tuple[str, ...]
    controls: tuple[str, ...]
    kinds: tuple[str, ...]
    parts: Mapping[str, KindPart]
    rules: tuple[Override, ...]
    steadiness: Steadiness
    definitions: str
    training: Mapping[str, Any]
    reference: Mapping[str, Any] = field(repr=False)
    models: tuple[str, ...] = field(repr=False)
    golden: str = field(repr=False)
    version: str | None = None
    carried: Mapping[str, str] = field(default_factory=dict, repr=False)
    certainty: Certainty | None = field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the model itself: features, controls, kind."""
        return (*self.features, *self.controls, KIND)

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the columns of ``contributions``: every matrix column, then ``exposure``."""
        return (*self.columns, EXPOSURE)

    @cached_property
    def base(self) -> float:
        """The margin before any contribution."""
        return self._null_row[1]

    @cached_property
    def system(self) -> System | None:
        """The indicator system it was trained on; null for a scheme made before schemes carried it."""
        if SYSTEM_FILE not in self.carried:
            return None
        try:
            found = System.read(self.carried[SYSTEM_FILE], where=f"scheme of {self.profile}, {SYSTEM_FILE}")
        except DefinitionError as fault:
            raise SchemeError(f"{fault} Retrain the scheme.") from None
        if found.digest != self.definitions:
            raise SchemeError(
                f"The scheme of {self.profile} was trained on definitions {self.definitions[:12]} and carries "
                f"{found.digest[:12]}; expected one and the same. Nothing of it was used; retrain it."
            )
        return found

    @cached_property
    def digest(self) -> str:
        """The digest of the scheme's files, its name."""
        return package.digest(self.files())

    def files(self) -> dict[str, bytes]:
        """The text files of the scheme, by name."""
        models = {f"model-{number}.txt": text.encode() for number, text in enumerate(self.models)}
        return {
            **models,
            **{name: text.encode() for name, text in self.carried.items()},
            "golden.json": self.golden.encode(),
            "reference.json": _written(self.reference),
            "scheme.json": _written(self._stated()),
        }

    def save(self, folder: Path, signing_key: Ed25519PrivateKey) -> str:
        """The scheme's digest; its files are written into a new folder, listed and signed."""
        return package.write(folder, self.files(), created_for=f"{self.profile}/{self.outcome}", key=signing_key)

    @classmethod
    def load(cls, folder: Path, verify_key: Ed25519PublicKey) -> "Scheme":
        """The scheme in a folder, after signature, digests, structure, a trial parse and golden rows held."""
        return cls.of(package.read(folder, verify_key), where=str(folder))

    @classmethod
    def of(cls, sealed: Package, *, where: str, waiting: Trial | None = None) -> "Scheme":
        """The scheme of verified files, once a throw-away process (one that waits, or a new one) found it sound."""
        scheme = _read(sealed.files, where=where)
        if scheme.digest != sealed.digest:
            raise SchemeError(f"{where}: its files do not say what this version of the product writes; retrain it.")
        _ = scheme.system  # a system that does not read back would be found out months later
        (waiting or begin()).of(scheme.models, scheme.golden, scheme.names, where=where)
        boosters = opened(scheme.models, scheme.golden, scheme.names, where=where)
        scheme.__dict__["_boosters"] = boosters  # the very objects that passed the checks
        return scheme

    @classmethod
    def told(cls, folder: Path, digest: str) -> "Scheme":
        """The scheme whose ``files`` lie in a folder, for a process told its digest by one that has loaded it."""
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != KEY_FILE}
        if package.digest(files) != digest:
            raise SchemeError(f"{folder} does not hold scheme {digest[:12]}. Nothing was used; run the command again.")
        return _read(files, where=str(folder))

    def margins(self, values: Floats, kind: Kinds, known_controls: Floats | None = None) -> Floats:
        """The margin of every row (columns as ``columns``), controls replaced by their mean over the reference.

        ``known_controls`` (rows × ``controls``) scores with the controls as they are instead: for studies only.
        """
        design = self._design(values, kind, known_controls)
        found = mean_margin(self._boosters, design)
        return found if known_controls is not None else found + self._per_kind("offset")[kind]

    def probabilities(self, margins: Floats, kind: Kinds) -> Floats:
        """The estimated probability of every margin, by the curve of its kind."""
        found = np.empty(len(margins))
        for number, code in enumerate(self.kinds):
            rows = kind == number
            found[rows] = self.parts[code].curve.probability(margins[rows])
        return found

    def raw_classes(self, probability: Floats, kind: Kinds) -> Classes:
        """The classes that the cutoffs of each kind alone say."""
        found = np.zeros(len(probability), np.int8)
        for number, code in enumerate(self.kinds):
            rows = kind == number
            found[rows] = self.parts[code].cutoffs.classes(probability[rows])
        return found

    def sure(self, margins: Floats, kind: Kinds, *, ruled: Classes) -> Sure | None:
        """How sure the class of every margin is, given what rules demand; null for a scheme without bags."""
        parts = {code: self.parts[code] for code in self.kinds}
        return None if self.certainty is None else self.certainty.sure(parts, margins, kind, ruled=ruled)

    def confidence(self, values: Floats, kind: Kinds, sure: Sure | None, *, held: npt.NDArray[np.bool_]) -> Levels:
        """The confidence of every row's class, −1 for a scheme without bags; ``held``: see ``Certainty.levels``."""
        if self.certainty is None or sure is None:
            return np.full(len(kind), UNKNOWN, np.int8)
        thin = self.certainty.thin.of(values, self.columns, kind=kind, kinds=self.kinds)
        return self.certainty.levels(sure, thin=thin, held=held)

    def contributions(self, values: Floats, kind: Kinds, *, bulk: bool) -> Floats:
        """What every line of ``lines`` adds to the margin (rows × lines): ``base`` plus their sum is the margin.

        In bulk through woodelf, equal bin vectors once (sums hold to 1e-5); singly through LightGBM (1e-9). The month
        is always explained in bulk, so that what is stored does not depend on how many entities there are.
        """
        if bulk:
            vectors, which = explain.distinct(self.bin_codes(values))
            return self.with_exposure(self._spread(self.explained(vectors)[which], self.used), kind)
        found, _ = explain.single(self._boosters, self._design(values, kind, None))
        return self.with_exposure(self._spread(found[:, : len(self.features)], self.features), kind)

    @cached_property
    def used(self) -> tuple[str, ...]:
        """The features some tree splits on: the columns of bin vectors. All others add exactly nothing."""
        return tuple(self.features[place] for place in self._explainer.features)

    def bin_codes(self, values: Floats) -> Codes:
        """The side of every threshold each value falls on (rows × ``used``)."""
        places = [self.columns.index(name) for name in self.used]
        return self._explainer.bins.codes(values[:, places], self._explainer.features)

    def explained(self, vectors: Codes) -> Floats:
        """Contributions of bin vectors (rows × ``used``), without exposure; bits depend on the vector alone."""
        return self._explainer.contributions(vectors)

    def with_exposure(self, contributions: Floats, kind: Kinds) -> Floats:
        """Contributions with the line ``exposure`` added: the averaged controls, one constant a kind."""
        constants = self._per_kind("offset") + self._null_row[0][len(self.features) :].sum()
        return np.concatenate([contributions, constants[kind][:, None]], axis=1)

    def classify(self, batch: Batch, previous: pa.Table | None) -> Classified:
        """The classes of a batch, given what the last sealed month held (None for a first month); pure.

        ``previous``: see ``steadiness.aligned``.
        """
        judged = self.judged(batch)
        margin, probability, ruled = judged.margin, judged.probability, judged.ruled
        before = steadiness.aligned(previous, batch.entity, self.digest, ruled=ruled)
        raw, model = self.raw_classes(probability, batch.kind), np.zeros(len(margin), np.int8)
        for number, code in enumerate(self.kinds):
            rows = batch.kind == number
            if not rows.any():
                continue
            cutoffs = self.parts[code].cutoffs
            model[rows] = steadiness.steadied(self.steadiness, before.rows(rows), probability[rows], cutoffs)
        final = np.maximum(model, ruled)
        sure = self.sure(margin, batch.kind, ruled=ruled)
        held = np.maximum(raw, ruled) != final
        return Classified(
            entity=batch.entity,
            kind=batch.kind,
            margin=margin,
            probability=probability,
            raw_class=raw,
            model_class=model,
            ruled=ruled,
            final_class=final,
            class_before=before.final,
            rules=judged.rules,
            cause=steadiness.causes(before, raw, final, ruled),
            confidence=self.confidence(self.aligned(batch), batch.kind, sure, held=held),
            sure=sure,
        )

    def judged(self, batch: Batch) -> Judged:
        """Margin and probability of a batch, and what the rules demand; pure."""
        margin = self.margins(self.aligned(batch), batch.kind)
        seen = overrides.Seen(batch.values, batch.columns, [self.kinds[number] for number in batch.kind])
        determined = overrides.apply(self.rules, seen, as_of=batch.as_of)
        return Judged(margin, self.probabilities(margin, batch.kind), determined.at_least, determined.rules)

    def aligned(self, batch: Batch) -> Floats:
        """The batch's values in the order of ``columns``; SchemeError when the model would miss one."""
        if batch.columns == self.columns:
            return batch.values
        missing = sorted(set(self.features) - set(batch.columns))
        if missing:
            raise SchemeError(
                f"The matrix of {batch.as_of} lacks {', '.join(missing)}, which the scheme reads. Nothing was "
                "classified; use the definitions it was trained with, or train a new scheme."
            )
        found = np.full((len(batch.values), len(self.columns)), np.nan)
        for place, name in enumerate(self.columns):
            if name in batch.columns:
                found[:, place] = batch.values[:, batch.columns.index(name)]
        return found

    def splits(self) -> dict[str, int]:
        """How many splits of all trees are on each feature, control and kind."""
        used = [tree.feature for trees in self._explainer.boosters for tree in trees]
        counts = np.bincount(np.concatenate(used), minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    @cached_property
    def _boosters(self) -> tuple[Any, ...]:
        return tuple(booster(text) for text in self.models)

    @cached_property
    def _explainer(self) -> BulkExplainer:
        trees = tuple(read_trees(text, self.names, where=f"model {number}") for number, text in enumerate(self.models))
        together = [tree for booster_trees in trees for tree in booster_trees]
        bins = explain.Bins.of(together, len(self.names), where="the models")
        return BulkExplainer(trees, bins, frozenset(range(len(self.features), len(self.names))))

    @cached_property
    def _feature_places(self) -> npt.NDArray[np.int64]:
        return np.array([self.columns.index(name) for name in self.features], np.int64)

    @cached_property
    def _null_row(self) -> tuple[Floats, float]:
        contributions, base = explain.single(self._boosters, np.full((1, len(self.names)), np.nan))
        return contributions[0], base

    def _per_kind(self, name: str) -> Floats:
        return np.array([getattr(self.parts[code], name) for code in self.kinds])

    def _design(self, values: Floats, kind: Kinds, known_controls: Floats | None) -> Floats:
        if values.shape[1] != len(self.columns) or np.any((kind < 0) | (kind >= len(self.kinds))):
            raise SchemeError(
                f"Rows of {values.shape[1]} columns with kinds {sorted(set(kind.tolist()))} were given; expected "
                f"{len(self.columns)} columns and kinds 0 to {len(self.kinds) - 1}. Nothing was computed."
            )
        design = np.full((len(values), len(self.names)), np.nan)
        for start in range(0, len(values), BLOCK):  # from columns to rows, so much as a core keeps at hand
            part = slice(start, start + BLOCK)
            design[part, : len(self.features)] = values[part][:, self._feature_places]
        if known_controls is not None:
            design[:, len(self.features) : -1] = known_controls
            design[:, -1] = kind
        return design

    def _spread(self, contributions: Floats, names: Sequence[str]) -> Floats:
        """Contributions of some features placed under the matrix's columns; all other columns add nothing."""
        found = np.zeros((len(contributions), len(self.columns)))
        found[:, [self.columns.index(name) for name in names]] = contributions
        return found

    def _stated(self) -> dict[str, Any]:
        system = {"version": self.version, "carried": sorted(self.carried)} if self.carried else {}
        without = CARRYING if self.carried else BARE
        sure = {} if self.certainty is None else {"confidence": self.certainty.written()}
        return {
            "format": FORMAT if sure else without,
            **system,
            **sure,
            "profile": self.profile,
            "outcome": self.outcome,
            "columns": list(self.columns),
            "features": list(self.features),
            "controls": list(self.controls),
            "kinds": [{"code": code, **self.parts[code].written()} for code in self.kinds],
            "rules": [rule.written() for rule in self.rules],
            "steadiness": self.steadiness.written(),
            "definitions": self.definitions,
            "training": dict(self.training),
            "models": len(self.models),
        }


def _read(files: Mapping[str, bytes], *, where: str) -> Scheme:
    try:
        stated = json.loads(files["scheme.json"])
        if stated["format"] not in {BARE, CARRYING, FORMAT}:
            raise SchemeError(
                f"{where}: format {stated['format']}; this version reads formats {BARE} to {FORMAT}. Retrain it."
            )
        return Scheme(
            profile=stated["profile"],
            outcome=stated["outcome"],
            columns=tuple(stated["columns"]),
            features=tuple(stated["features"]),
            controls=tuple(stated["controls"]),
            kinds=tuple(row["code"] for row in stated["kinds"]),
            parts={row["code"]: KindPart.read(row) for row in stated["kinds"]},
            rules=tuple(read_override(row) for row in stated["rules"]),
            steadiness=Steadiness.read(stated["steadiness"]),
            definitions=stated["definitions"],
            training=stated["training"],
            reference=json.loads(files["reference.json"]),
            models=tuple(files[f"model-{number}.txt"].decode() for number in range(stated["models"])),
            golden=files["golden.json"].decode(),
            version=stated["version"] if stated.get("carried") else None,
            carried={name: files[name].decode() for name in stated.get("carried", ())},
            certainty=Certainty.read(stated["confidence"]) if stated["format"] == FORMAT else None,
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise SchemeError(f"{where}: {fault!r} is missing or malformed in the scheme's text; retrain it.") from None


def _written(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()

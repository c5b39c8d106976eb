"""A profile's home opened for work: its lake, journal, keys and champion, and the rooms' tasks made from them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.verdict import ASSESSMENT, REPORT, left
from features import signing, steps
from features.asof import Month, month_end_on_or_before
from features.indicators.catalogue import Definitions, load
from features.records.journal import Journal
from features.records.lake import Lake
from features.records.quality import newest
from serving.results import SCHEME_KEY
from serving.settings import Settings

if TYPE_CHECKING:
    from evaluation.promotion import Office
    from evaluation.term import Sealed
    from evaluation.verdict import Verdict
    from serving.classification import Sources
    from serving.loading import Loaded
    from serving.results import Results, SealedMonth
    from serving.store import Store
    from training.retrain import Trained
    from training.scheme import Scheme
    from training.task import Task
    from training.tuning import Tuned

LATEST = "latest.json"
STUDIED = (
    "outcomes", "acts", "random_draw", "slices", "controllers", "classes", "rules", "steadiness", "published_shares",
    "world",
)  # fmt: skip
RUN = "run-{method}.json"  # what a training took, and what MLflow calls it
Say = Callable[[str], None]
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Workshop:
    """Everything a verb needs of one home, opened when first asked for."""

    settings: Settings

    @property
    def home(self) -> Path:
        """The profile's home."""
        return self.settings.home

    @cached_property
    def lake(self) -> Lake:
        """The lake of the home; a sector's is the place's."""
        return Lake(self.settings.lake_home, self.settings.profile)

    @cached_property
    def lake_journal(self) -> Journal:
        """The journal that tells of the lake's deliveries."""
        return Journal.of(self.settings.lake_home)

    @cached_property
    def journal(self) -> Journal:
        """The journal of the home."""
        return Journal.of(self.home)

    @cached_property
    def definitions(self) -> Definitions:
        """The indicator system of the profile."""
        return load(self.settings.profile)

    @cached_property
    def version(self) -> str | None:
        """What the profile's indicator system is called; null where it was never drafted as a version."""
        from evaluation import versions

        return versions.named(self.office, self.definitions.digest)

    @property
    def indicators(self) -> dict[str, str | None]:
        """Version and digest of the profile's indicator system, as results state them."""
        return {"version": self.version, "digest": self.definitions.digest}

    @cached_property
    def store(self) -> "Store":
        """The store of the home, in its newest form; StoreError when it is another home's."""
        from serving.store import Store

        found = Store(self.settings.store, self.home)
        found.upgrade()
        return found

    def close(self) -> None:
        """Give up the connections of the store, where it was opened."""
        if "store" in vars(self):
            self.store.close()

    @property
    def keys(self) -> Path:
        """Where the home's keys lie."""
        return self.home / "keys"

    @property
    def engine(self) -> str:
        """The engine the profile chooses."""
        return str(self.settings.profile.settings.get("engine", "polars"))

    @cached_property
    def office(self) -> "Office":
        """Where promotions are decided; the key that signs schemes is made on first use."""
        from evaluation.promotion import Office

        signing.first_use_key(self.keys, SCHEME_KEY)
        return Office(self.home, self.journal, self.keys, signing.verify_key(self.keys, SCHEME_KEY))

    @cached_property
    def results(self) -> "Results":
        """The sealed months of the home."""
        from serving.results import Results, publisher_key

        return Results(self.home, publisher_key(self.home))

    def champion(self) -> "Scheme | None":
        """The champion, verified; None before the first promotion."""
        from evaluation import promotion
        from training.scheme import Scheme

        if promotion.champion(self.office) is None:
            return None
        return Scheme.load(promotion.champion_folder(self.office), self.office.scheme_key)

    def reigning(self) -> "Scheme":
        """The champion, verified; GateError before the first promotion."""
        from evaluation.promotion import champion_folder
        from training.scheme import Scheme

        return Scheme.load(champion_folder(self.office), self.office.scheme_key)

    def scheme(self, digest: str) -> "Scheme":
        """A scheme that was champion, verified."""
        from evaluation import promotion
        from training.scheme import Scheme

        return Scheme.load(self.home / promotion.SCHEMES / digest, self.office.scheme_key)

    def known_until(self) -> date:
        """The last month end on or before the newest thing the lake knows."""
        from training.errors import SchemeError

        known = newest(self.lake)
        if known is None:
            raise SchemeError(f"The lake of {self.home} is empty; nothing can be done yet. Run jianwei intake first.")
        return month_end_on_or_before(known.astimezone(self.settings.profile.zone).date())

    def task(self, known_by: date, outcome: str | None, method: str | None = None) -> "Task":
        """A training task on the lake as it stands; without a method by trees."""
        from training.task import TREES, Task

        return Task(
            self.lake,
            self.definitions,
            known_by,
            outcome,
            self.engine,
            version=self.version,
            method=method or TREES,
        )

    def train(
        self, known_by: date, outcome: str | None, say: Say, method: str | None = None
    ) -> tuple["Task", "Trained"]:
        """A trained scheme; the newest one is remembered for ``evaluate`` and ``promote``."""
        from training.retrain import retrain

        task = self.task(known_by, outcome, method)
        folder = self._training_folder(task.outcome.code, known_by.isoformat())
        folder.mkdir(parents=True, exist_ok=True)
        made = retrain(task, folder, key=signing.first_use_key(self.keys, SCHEME_KEY), say=say)
        remembered = {
            "known_by": known_by.isoformat(),
            "outcome": task.outcome.code,
            "method": task.method,
            "digest": made.digest,
        }
        steps.write_text(self.home / "training" / LATEST, json.dumps(remembered) + "\n")
        return task, made

    def remember_run(self, task: "Task", facts: dict[str, Any]) -> None:
        """Keep what a training took and what it was logged as, beside what it made."""
        folder = self._training_folder(task.outcome.code, task.known_by.isoformat())
        steps.write_text(folder / RUN.format(method=task.method), json.dumps(facts) + "\n")

    def run_of(self, task: "Task", digest: str) -> dict[str, Any]:
        """What the training of a scheme took and what it was logged as; nothing where it was not kept."""
        path = self._training_folder(task.outcome.code, task.known_by.isoformat()) / RUN.format(method=task.method)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found if found.get("digest") == digest else {}

    def tune(self, known_by: date, outcome: str | None, trials: int, say: Say) -> tuple["Task", Path, "Tuned"]:
        """A task, the folder its search is kept in, and what was found in so many trials."""
        from training.looking import lesson
        from training.retrain import sampled
        from training.tuning import tune

        task = self.task(known_by, outcome)
        folder = self._training_folder(task.outcome.code, known_by.isoformat())
        folder.mkdir(parents=True, exist_ok=True)
        taught = lesson(task, sampled(task, folder, say=say))
        inputs = task.inputs("outcomes", "model")
        store = folder / f"tuning-{steps.key_of(inputs)[:12]}"
        found = tune(taught, task.trees, store, gap_months=task.outcome.horizon_months, trials=trials, say=say)
        return task, store, found

    def latest(self, say: Say) -> tuple["Task", "Trained"]:
        """The newest trained scheme; what changed since is trained again."""
        remembered = self._remembered()
        known_by, method = date.fromisoformat(remembered["known_by"]), remembered.get("method")
        return self.train(known_by, remembered["outcome"], say, method)

    def newest(self) -> "Trained":
        """The newest trained scheme as it was left, whatever changed since."""
        from training.retrain import made_in
        from training.task import TREES

        remembered = self._remembered()
        folder = self._training_folder(remembered["outcome"], remembered["known_by"])
        return made_in(folder, remembered.get("method", TREES))

    def trained_on(self, digest: str) -> "Scheme | None":
        """The scheme trained on definitions by their digest, of several the one that knows most; None without one."""
        from training.errors import SchemeError
        from training.retrain import SCHEME
        from training.scheme import Scheme
        from training.task import MADE

        made = list(MADE.values())  # of what was trained on one day, trees before a card
        folders = [path for name in made for path in (self.home / "training").glob(f"*/{name}/{SCHEME}")]
        for folder in sorted(folders, key=lambda path: path.parents[1].name[-len("2026-01-31") :], reverse=True):
            try:
                found = Scheme.load(folder, self.office.scheme_key)
            except SchemeError:  # left by another version of the product, or damaged: nothing to compare with
                continue
            if found.definitions == digest:
                return found
        return None

    def _training_folder(self, outcome: str, known_by: str) -> Path:
        return self.home / "training" / f"{outcome}-{known_by}"

    def _remembered(self) -> dict[str, str]:
        from training.errors import SchemeError

        path = self.home / "training" / LATEST
        if not path.is_file():
            raise SchemeError(f"{self.home} has no trained scheme yet. Nothing was done; run jianwei train first.")
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def evaluate(self, *, on: date, say: Say) -> tuple[dict[str, Any], Path]:
        """The assessment of the newest scheme as JSON, and its report's folder; unchanged inputs are not repeated."""
        from evaluation import assessment, gate
        from evaluation.case import Case
        from serving import judgement
        from training.scheme import Scheme

        task, trained = self.latest(say)
        reigning = self.champion()
        rival = reigning if reigning is not None and reigning.digest != trained.digest else None
        folder, profile = self.report_folder(trained.digest), self.settings.profile
        truth = self.home / "truth"
        inputs = {
            "form": assessment.FORM,
            "scheme": trained.digest,
            "champion": rival.digest if rival else None,
            "matrix": task.matrix_key,
            "gate": gate.criteria(on),
            "truth": truth.is_dir(),
            "stated": {name: profile.table(name) for name in STUDIED if profile.has(name)},
        }

        def make(fresh: Path) -> None:
            scheme = Scheme.load(trained.folder, self.office.scheme_key)
            case = Case(task, trained, scheme, rival, truth if truth.is_dir() else None)
            judgement.write(fresh, case, self.run_of(task, trained.digest), on=on, say=say)

        folder.parent.mkdir(parents=True, exist_ok=True)
        steps.run(folder, inputs, make)
        return json.loads((folder / ASSESSMENT).read_text(encoding="utf-8")), folder

    def champions_page(self, acts: list[dict[str, Any]]) -> Path:
        """The page of all promotion acts, written beside the reports."""
        from evaluation.champions import render

        reports = self.home / "reports"
        reports.mkdir(parents=True, exist_ok=True)
        path = reports / "champions.html"
        steps.write_text(path, render(acts, self.settings.profile, reports))
        return path

    def report_folder(self, digest: str) -> Path:
        """Where the assessment and the report of a scheme lie."""
        return left(self.home, digest)

    def verdict(self, digest: str) -> tuple["Verdict", str]:
        """The verdict on a scheme saved with its report, and the report's digest."""
        from evaluation import gate

        report = self.report_folder(digest) / REPORT
        return gate.read_verdict(self.assessment(digest)["gate"]), sha256(report.read_bytes()).hexdigest()

    def assessment(self, digest: str) -> dict[str, Any]:
        """What the newest evaluation of a scheme left as JSON; GateError where there was none."""
        from evaluation.errors import GateError

        path = self.report_folder(digest) / ASSESSMENT
        if not path.is_file():
            raise GateError(
                f"Scheme {digest[:12]} has no verdict yet; expected an evaluation of it. Nothing was recorded; run "
                "jianwei evaluate first."
            )
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def promotable(self, scheme: "Scheme", verdict: str | None, on: date) -> None:
        """Nothing when a scheme may be proposed or approved on a day, on a verdict by its digest; GateError otherwise.

        The checks the champion fails count only beside the champion they were found of: ``gate.check_current``.
        """
        from evaluation import gate, promotion, term, versions

        versions.check_promotable(self.office, scheme.definitions)
        saved, reigning = self.assessment(scheme.digest), promotion.champion(self.office)
        found, profile = gate.read_verdict(saved["gate"]), self.settings.profile
        gate.check_current(found, digest=verdict, on=on, champion=reigning.scheme if reigning else None)
        terms = term.Term.read(profile, on, simulated=(self.settings.lake_home / "truth").is_dir())
        term.check(self.office, terms, scheme, on=on, zone=profile.zone, failing=saved["champion_fails"])

    def sealed(self, month: Month) -> "Sealed":
        """A published month as a challenger is held against it, with what the month before held."""
        from evaluation.population import movers_on
        from evaluation.term import Sealed
        from features.engine import Engine
        from features.reading import Reading
        from training.facts import Previous, Span, new_facts

        found, previous = self.results.month(month), None
        earlier = month.shift(-1)
        if str(earlier) in self.results.months():
            before, movers = self.results.month(earlier), movers_on(self.task(month.end, None), month.end)
            facts = new_facts(Reading(self.lake, Engine(self.engine)), movers, Span(earlier.end, month.end))
            previous = Previous(before.classes().join(facts, "entity").sort_by("entity"), before.states(movers.states))
        return Sealed(month, found.classes(), found.head.scheme, previous)

    def sources(self, scheme: "Scheme", as_of: date, engine: str | None = None) -> "Sources":
        """What a month is computed from; the profile chooses the engine where none is named."""
        from features.engine import Engine
        from serving.classification import Sources

        return Sources.under(scheme, self.lake, as_of, Engine(engine or self.engine).name)

    def load(
        self,
        sealed: "SealedMonth",
        *,
        at: datetime,
        report: Report,
        sources: "Sources | None" = None,
        again: bool = False,
    ) -> "Loaded":
        """A published month in the store, with who supervised whom at its end; loaded when it is not there yet."""
        from serving.loading import Loading
        from serving.offices import Masking, of_everyone
        from serving.traits import Traits

        def offices() -> Any:
            scheme = self.scheme(sealed.head.scheme)
            return of_everyone(sources or self.sources(scheme, Month.parse(sealed.month).end))

        masking, traits = Masking.of(self.settings.profile), Traits.of(self.settings.profile)
        return Loading(self.store, sealed, at, offices, again, report, masking, traits).run()

    def month(self, month: Month | str | None) -> Any:
        """A sealed month, the newest when none is named."""
        from training.errors import SchemeError

        months = self.results.months()
        if month is None and not months:
            raise SchemeError(f"{self.home} has no published month yet. Run jianwei month YYYY-MM.")
        return self.results.month(month or months[-1])


def receipt_document(receipt: Any) -> dict[str, Any]:
    """A receipt as JSON: the counts, rejects by code, refusal, warnings."""
    return {**asdict(receipt), "warnings": list(receipt.warnings)}

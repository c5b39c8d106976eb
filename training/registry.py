"""Runs and registered schemes in MLflow: what was tried, with which figures, and which version is called what."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from training.errors import SchemeError

CHALLENGER, CHAMPION = "challenger", "champion"
DIGEST_TAG = "scheme_digest"
ARTIFACT = "scheme"


@dataclass(frozen=True)
class Run:
    """One training run as it is logged: names, parameters, figures, and files beside the scheme's folder."""

    experiment: str
    model: str
    parameters: Mapping[str, Any]
    figures: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Study:
    """A search for settings as it is logged: its best settings, figures, trials in order, and files."""

    experiment: str
    name: str
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    trials: Sequence[Mapping[str, Any]]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What an evaluation found of a scheme (by digest): figures, tags, and files by the folder they are shown in."""

    scheme: str
    figures: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Registered:
    """A registered version of a scheme and the run that made it."""

    model: str
    version: str
    run_id: str


def log(store: Path, run: Run, *, scheme: Path, digest: str) -> Registered:
    """The registered version of a saved scheme folder, logged with its run and called challenger.

    ``store`` is the folder of ``mlflow.db`` and ``artifacts/``. The folder is kept as it is: signed text, no pickle.
    """
    import lightgbm
    import mlflow

    with _open(store) as client:
        experiment = _experiment(client, store, run.experiment)
        with mlflow.start_run(experiment_id=experiment) as active:
            mlflow.log_params({name: str(value)[:500] for name, value in run.parameters.items()})
            mlflow.log_metrics(dict(run.figures))
            mlflow.set_tags({**run.tags, DIGEST_TAG: digest})
            for path in run.files:
                mlflow.log_artifact(str(path))
            logged = mlflow.pyfunc.log_model(
                name=ARTIFACT,
                registered_model_name=run.model,
                loader_module=__name__,
                data_path=str(scheme),
                pip_requirements=[f"lightgbm=={lightgbm.__version__}"],
            )
        version = str(logged.registered_model_version)
        for name, value in {**run.tags, DIGEST_TAG: digest, "run": active.info.run_id}.items():
            client.set_model_version_tag(run.model, version, name, value)
        client.set_tag(active.info.run_id, "model_version", version)
        client.set_registered_model_alias(run.model, CHALLENGER, version)
    return Registered(run.model, version, active.info.run_id)


def log_study(store: Path, study: Study) -> str:
    """The run a search is logged as: the best settings, one step of metrics a trial, all trials as a table."""
    import mlflow

    with _open(store) as client:
        experiment = _experiment(client, store, study.experiment)
        with mlflow.start_run(experiment_id=experiment, run_name=study.name) as active:
            mlflow.log_params({name: str(value) for name, value in study.settings.items()})
            mlflow.log_metrics(dict(study.figures))
            for number, trial in enumerate(study.trials):
                mlflow.log_metric("trial_log_loss", trial["log_loss"], step=number)
            mlflow.log_dict({"trials": [dict(trial) for trial in study.trials]}, "trials.json")
            for path in study.files:
                mlflow.log_artifact(str(path))
    return str(active.info.run_id)


def log_judgement(store: Path, model: str, judgement: Judgement) -> str | None:
    """The run of a scheme's registered version, to which its judgement is added; None when it was never registered.

    Run and version then name each other, the scheme's digest, the lake's and the verdict's.
    """
    import mlflow

    version = version_of(store, model, digest=judgement.scheme)
    if version is None:
        return None
    with _open(store) as client:
        run = client.get_model_version(model, version).run_id
        with mlflow.start_run(run_id=run):
            mlflow.log_metrics({name: value for name, value in judgement.figures.items() if math.isfinite(value)})
            mlflow.set_tags({**judgement.tags, "model_version": version})
            for folder, files in judgement.files.items():
                for path in files:
                    mlflow.log_artifact(str(path), folder or None)
        for name, value in {**judgement.tags, "run": run}.items():
            client.set_model_version_tag(model, version, name, value)
    return str(run)


def alias(store: Path, model: str, *, version: str, name: str) -> None:
    """Call a registered version by a name (``champion``); the journal decides, MLflow mirrors."""
    with _open(store) as client:
        client.set_registered_model_alias(model, name, version)


def version_of(store: Path, model: str, *, digest: str) -> str | None:
    """The latest registered version of a scheme digest; None when it was never registered."""
    with _open(store) as client:
        found = client.search_model_versions(f"name = '{model}'")
    versions = [int(one.version) for one in found if one.tags.get(DIGEST_TAG) == digest]
    return str(max(versions)) if versions else None


def aliases(store: Path, model: str) -> dict[str, str]:
    """The aliases of a registered model and the versions they name."""
    with _open(store) as client:
        found = client.search_registered_models(f"name = '{model}'")
    return {name: str(version) for one in found for name, version in dict(one.aliases).items()}


def _load_pyfunc(path: str) -> NoReturn:
    """MLflow would load a swapped folder without a word, so schemes are not loaded through it."""
    raise SchemeError(
        f"{path}: a scheme is loaded with Scheme.load and the key it was signed with, not through MLflow, which does "
        "not verify signatures. Nothing was loaded; use jianwei, or Scheme.load on this folder."
    )


def _experiment(client: Any, store: Path, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=(store / "artifacts").absolute().as_uri()))


@contextmanager
def _open(store: Path) -> Iterator[Any]:
    """A client of the store's SQLite file; MLflow's own current store is put back afterwards."""
    import mlflow

    store.mkdir(parents=True, exist_ok=True)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    uri = f"sqlite:///{store.absolute() / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield mlflow.MlflowClient(uri, uri)
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])

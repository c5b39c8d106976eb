import pytest

from training import registry
from training.registry import CHALLENGER, CHAMPION, Judgement, Run
from training.scheme import Scheme, SchemeError


@pytest.fixture(scope="module")
def logged(store, saved, scheme, tmp_path_factory):
    plot = tmp_path_factory.mktemp("plots") / "plot.txt"
    plot.write_text("a plot")
    run = Run("small", "small-model", {"trees": 40}, {"auc": 0.75}, {"known_by": "2025-12-31"}, (plot,))
    return [registry.log(store, run, scheme=saved, digest=scheme.digest) for _ in range(2)]


def test_a_logged_scheme_is_a_registered_version_called_challenger(store, logged):
    assert [one.version for one in logged] == ["1", "2"]
    assert registry.aliases(store, "small-model")[CHALLENGER] == "2"


def test_a_champion_is_named_by_alias(store, logged):
    registry.alias(store, "small-model", version="1", name=CHAMPION)
    assert registry.aliases(store, "small-model")[CHAMPION] == "1"


def test_a_version_is_found_by_the_digest_of_its_scheme(store, logged, scheme):
    assert registry.version_of(store, "small-model", digest=scheme.digest) == "2"
    assert registry.version_of(store, "small-model", digest="0" * 64) is None


def test_the_registered_folder_is_the_signed_folder_and_nothing_is_a_pickle(store, logged, scheme, key):
    (folder, *_) = store.rglob("package.json")
    assert Scheme.load(folder.parent, key.public_key()).digest == scheme.digest
    assert not [path for path in store.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]


def test_run_and_version_name_each_other_and_the_data(store, logged, scheme):
    import mlflow

    uri = f"sqlite:///{store / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, uri)
    version = client.get_model_version("small-model", "1")
    assert version.tags["run"] == logged[0].run_id
    assert (version.tags["known_by"], version.tags[registry.DIGEST_TAG]) == ("2025-12-31", scheme.digest)
    assert client.get_run(logged[0].run_id).data.tags["model_version"] == "1"


def test_parameters_figures_and_files_are_in_the_run(store, logged):
    import mlflow

    run = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}").get_run(logged[0].run_id)
    assert run.data.params == {"trees": "40"}
    assert run.data.metrics == {"auc": 0.75}
    assert run.data.tags["known_by"] == "2025-12-31"
    assert list(store.rglob("plot.txt"))


def test_mlflow_does_not_load_a_scheme(store, logged):
    import mlflow

    with registry._open(store), pytest.raises(SchemeError, match="not through MLflow"):
        mlflow.pyfunc.load_model("models:/small-model@challenger")


def test_a_judgement_is_added_to_the_run_and_both_name_each_other(store, logged, scheme, tmp_path):
    import mlflow

    report, chart = tmp_path / "report.html", tmp_path / "gains.svg"
    report.write_text("a report")
    chart.write_text("<svg/>")
    judgement = Judgement(
        scheme.digest,
        {"gate.EV020": 0.7, "never": float("nan")},
        {"verdict": "promote"},
        {"report": [report], "report/charts": [chart]},
    )
    assert registry.log_judgement(store, "small-model", judgement) == logged[1].run_id
    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}", f"sqlite:///{store / 'mlflow.db'}")
    run = client.get_run(logged[1].run_id)
    assert run.data.metrics["gate.EV020"] == 0.7
    assert "never" not in run.data.metrics
    assert {run.data.tags[name] for name in ("verdict", "model_version", registry.DIGEST_TAG)} == {
        *("promote", "2", scheme.digest),
    }
    version = client.get_model_version("small-model", "2")
    assert (version.tags["run"], version.tags["verdict"]) == (run.info.run_id, "promote")
    assert [path.parent.name for path in store.rglob("gains.svg")] == ["charts"]


def test_what_was_never_registered_has_no_run_to_add_to(store, logged):
    assert registry.log_judgement(store, "small-model", Judgement("0" * 64, {}, {}, {})) is None

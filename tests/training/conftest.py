"""A small scheme, trained once and saved once for all tests of the room."""

import importlib
import warnings

import pytest
import small_scheme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@pytest.fixture(scope="session")
def trained():
    return small_scheme.make_world()


@pytest.fixture(scope="session")
def scheme(trained):
    return small_scheme.scheme_of(trained)


@pytest.fixture(scope="session")
def key():
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def saved(scheme, key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemes") / "one"
    scheme.save(folder, key)
    return folder


@pytest.fixture(scope="session")
def mlflow_quiet():
    """MLflow imported, without telemetry and without what it and SQLAlchemy say of each other on import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("mlflow.pyfunc")
            importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
        yield


@pytest.fixture(scope="session")
def store(mlflow_quiet, tmp_path_factory):
    """One MLflow store, its database migrated once for all tests of the room."""
    return tmp_path_factory.mktemp("mlruns")

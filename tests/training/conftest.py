"""A small scheme, trained once and saved once for all tests of the room."""

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


import numpy as np
import pytest
from conftest import make_rows

from training.scheme import Scheme


@pytest.fixture(scope="module")
def rows():
    return make_rows(3000, seed=5)


def test_a_saved_scheme_loads_and_gives_the_same_bits(scheme, saved, key, rows):
    loaded = Scheme.load(saved, key.public_key())
    assert loaded.digest == scheme.digest
    assert np.array_equal(loaded.margins(rows.values, rows.kind), scheme.margins(rows.values, rows.kind))
    assert loaded == scheme

"""What changed between two months."""

import numpy as np
import pytest

from evaluation import stability


def test_the_same_distribution_has_no_shift():
    values = np.random.default_rng(0).normal(size=5000)
    assert stability.psi(values, values) == pytest.approx(0.0, abs=1e-12)
    assert stability.psi(values, np.random.default_rng(1).normal(size=5000)) < 0.02


def test_a_moved_distribution_shifts_as_its_bins_say():
    reference = np.repeat(np.arange(10.0), 10)
    current = np.where(reference == 9, 0.0, reference)
    shares = np.array([0.1] * 10), np.array([0.2] + [0.1] * 8 + [stability.SMALLEST_SHARE])
    expected = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()
    assert stability.psi(reference, current) == pytest.approx(expected)


def test_null_is_a_bin_of_its_own():
    values = np.random.default_rng(2).normal(size=1000)
    emptied = values.copy()
    emptied[:300] = np.nan
    assert stability.psi(values, emptied) > 0.25
    assert stability.psi(np.full(5, np.nan), np.full(7, np.nan)) == pytest.approx(0.0)


def test_equal_values_stay_together():
    zeros = np.zeros(1000)
    assert stability.psi(zeros, zeros) == pytest.approx(0.0)
    assert stability.psi(zeros, np.ones(1000)) > 1


def test_shifts_are_listed_largest_first_over_columns_both_months_have():
    rng = np.random.default_rng(3)
    base = rng.normal(size=2000)
    found = stability.shifts(
        {"still": base, "moved": base, "dropped": base}, {"still": base, "moved": base + 1, "new": base}
    )
    assert [shift.column for shift in found] == ["moved", "still"]


def test_migration_counts_moves_jumps_and_who_came_and_went():
    before = np.array([1, 2, 3, 4, 5, 6]), np.array([0, 1, 3, 2, -1, 0], dtype=np.int8)
    after = np.array([1, 2, 3, 4, 5, 7]), np.array([0, 2, 0, 2, 1, 3], dtype=np.int8)
    found = stability.migration(before, after)
    assert found.moves == ((1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 1, 0), (1, 0, 0, 0))
    assert (found.entities, found.two_class_jumps) == (4, 1)
    assert found.unchanged == pytest.approx(0.5)
    assert (found.entered, found.left) == (2, 1)


def test_months_without_a_common_entity_have_no_share_unchanged():
    found = stability.migration((np.array([1]), np.zeros(1, np.int8)), (np.array([2]), np.zeros(1, np.int8)))
    assert found.unchanged is None

"""Every worked example of every indicator of every profile, by the oracle and by both engines."""

from dataclasses import replace

import pytest
from oracle import value_of
from world import ENGINES, SMALL

from features.indicators.catalogue import load
from features.profile import PROFILES, read_profile
from features.rehearsal import difference, examples, rehearsed

FOLDERS = [
    SMALL,
    *sorted(path.parent for path in PROFILES.glob("*/profile.yaml") if any((path.parent / "indicators").glob("*.py"))),
]
WHOLE = [read_profile(str(folder)) for folder in FOLDERS]
SECTORS = [whole.of_sector(code) for whole in WHOLE for code in whole.sectors]


@pytest.fixture(scope="module", params=[*WHOLE, *SECTORS], ids=lambda profile: profile.name)
def profile(request):
    return request.param


@pytest.fixture(scope="module")
def worked(profile):
    return examples(load(profile))


def test_every_example_holds_in_the_oracle(profile, worked):
    wrong = [difference(value_of(one.indicator, one.world(profile), 0, one.seen.as_of), one) for one in worked]
    assert worked
    assert not [line for line in wrong if line]


@pytest.mark.parametrize("engine", [*ENGINES[:-1], pytest.param(ENGINES[-1], marks=pytest.mark.slow)])
def test_every_example_holds_in_the_matrix(profile, worked, engine):
    assert rehearsed(profile, worked, engine=engine) == []


def test_an_example_that_is_wrong_is_found(profile, worked):
    one = next(example for example in worked if example.seen.gives is not None)
    off = replace(one, seen=replace(one.seen, gives=one.seen.gives + 1))
    nothing = replace(one, seen=replace(one.seen, gives=None))
    assert difference(value_of(off.indicator, off.world(profile), 0, off.seen.as_of), off)
    wrong = rehearsed(profile, [one, off, nothing], engine="polars")
    assert [f"{one.subject} as of" in line for line in wrong] == [True, True]

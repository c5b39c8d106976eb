"""Means of peers and sums over links, against loops that look at everyone else one by one."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from world import SMALL, World, lake_of, worlds

from features.engine import Engine
from features.everyone import Everyone
from features.indicators.catalogue import load
from features.indicators.language import Aggregate, Neighbours
from features.matrix import _wide_parts, batches, batches_at
from features.population import connected, neighbour_sums, peer_means
from features.profile import read_profile
from features.reading import Reading

PROFILE = read_profile(str(SMALL))
DEFINITIONS = load(PROFILE)
AS_OF = date(2024, 6, 30)
VALUES = st.one_of(st.just(float("nan")), st.integers(0, 5).map(float))
bounded = settings(max_examples=60, deadline=None)


@st.composite
def peers(draw):
    count = draw(st.integers(1, 12))
    column = st.lists(VALUES, min_size=count, max_size=count)
    group = st.lists(st.integers(-1, 3), min_size=count, max_size=count)
    return np.array(draw(column)), np.array(draw(group)), draw(st.lists(st.integers(0, count - 1), max_size=6))


def mean_by_loop(values, group, strength, place):
    others = [one for one in range(len(values)) if one != place and not np.isnan(values[one])]
    everybody = np.mean([values[one] for one in others]) if others else 0.0
    near = [values[one] for one in others if group[place] >= 0 and group[one] == group[place]]
    weight = len(near) + strength
    return (sum(near) + strength * everybody) / weight if weight else everybody


@bounded
@given(found=peers(), strength=st.sampled_from([0.0, 2.0, 50.0]))
def test_peers_leave_the_entity_out_and_shrink_towards_everybody(found, strength):
    values, group, _ = found
    wanted = [mean_by_loop(values, group, strength, place) for place in range(len(values))]
    np.testing.assert_allclose(peer_means(values, [group], strength), wanted, rtol=1e-12, atol=1e-12)


@bounded
@given(found=peers())
def test_some_are_told_the_same_as_when_everybody_asks(found):
    values, group, asked = found
    whole = peer_means(values, [group, group], 3.0)
    some = peer_means(values, [group, group], 3.0, of=np.array(asked, np.int64))
    assert np.array_equal(some, whole[asked])


@bounded
@given(
    links=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 4)), max_size=20),
    values=st.lists(VALUES, min_size=8, max_size=8),
    hub=st.integers(1, 5),
)
def test_neighbours_are_those_who_share_a_key_that_is_no_hub(links, values, hub):
    ordered = sorted(links)
    entity, key = (np.array([link[side] for link in ordered], np.int64) for side in (0, 1))
    wanted = np.zeros(8)
    for one, shared in ordered:
        sharing = [other for other, theirs in ordered if theirs == shared]
        if 1 < len(sharing) <= hub:
            wanted[one] += sum(np.nan_to_num(values[other]) for other in sharing if other != one)
    found = neighbour_sums(*connected(entity, key, hub=hub), np.array(values))
    assert np.array_equal(found, wanted)
    assert found.dtype == np.float64


@settings(max_examples=8, deadline=None)
@given(world=worlds(PROFILE, AS_OF))
def test_a_value_may_count_the_very_keys_that_link(world):
    part = next(one for one in _wide_parts(DEFINITIONS) if isinstance(one, Neighbours))
    counting = replace(part, value=Aggregate("distinct", part.rows, part.key))
    twice = replace(part.rows, conditions=part.rows.conditions * 2)  # the same rows, told in another way
    apart = replace(part, value=Aggregate("distinct", twice, part.key))
    with TemporaryDirectory() as folder:
        reading = Reading(lake_of(PROFILE, world, Path(folder)), Engine("polars"))
        found = [Everyone(reading, [one], [AS_OF]).at(0).column(one) for one in (counting, apart)]
    assert np.array_equal(*found)


def test_where_nobody_is_registered_there_is_nothing_to_tell(tmp_path):
    lake = lake_of(PROFILE, World(PROFILE, (), {}), tmp_path)
    assert list(batches_at(lake, DEFINITIONS, dates=[AS_OF, date(2024, 5, 31)])) == []
    assert list(batches(lake, DEFINITIONS, as_of=AS_OF)) == []

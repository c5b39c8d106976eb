"""Means of peers and sums over links, against loops that look at everyone else one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.population import connected, neighbour_sums, peer_means

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

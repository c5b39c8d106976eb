"""Packing: whatever goes in comes out, with a dictionary or without, and damage is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.packing import Packing


@given(st.lists(st.binary(max_size=300), max_size=40))
def test_what_is_packed_comes_out_as_it_was(items):
    for packing in (Packing(), Packing.like(items)):
        assert [packing.unpack(one) for one in packing.pack(items)] == items


def test_a_dictionary_makes_like_documents_smaller():
    items = [b'{"code":"penalties_2y","contribution":0.%d}' % number for number in range(100)]
    sizes = [sum(map(len, packing.pack(items))) for packing in (Packing(), Packing.like(items))]
    assert sizes[1] < sizes[0] / 2


@pytest.mark.parametrize("damaged", [b"", b"x", Packing().pack([b"a" * 90])[0][:-2]])
def test_a_damaged_item_is_an_error(damaged):
    with pytest.raises(ValueError, match="packed item"):
        Packing().unpack(damaged)

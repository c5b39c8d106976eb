import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc

from features.records import identity

PRINTED = [
    "91110000600037341L",
    "91330203674737244W",
    "91610133MA6U3N7RXE",
    "91330200561262545U",
    "91440300770326146B",
]


@pytest.mark.parametrize("code", PRINTED)
def test_codes_printed_in_public_samples_hold(code):
    assert identity.is_uscc(code)


@pytest.mark.parametrize("code", PRINTED)
def test_every_single_character_change_is_found(code):
    changed = [
        code[:place] + other + code[place + 1 :]
        for place in range(18)
        for other in identity.USCC_ALPHABET + "IOZSVa市"
        if other != code[place]
    ]
    assert identity.uscc_faults(pl.Series(changed)).null_count() == 0


def test_two_neighbours_exchanged_are_found():
    code = PRINTED[2]
    swapped = [code[:i] + code[i + 1] + code[i] + code[i + 2 :] for i in range(17) if code[i] != code[i + 1]]
    assert identity.uscc_faults(pl.Series(swapped)).null_count() == 0


@settings(max_examples=50, deadline=None)
@given(
    prefix=st.sampled_from(["91", "92", "93", "11", "52", "Y1", "A1", "N2"]),
    division=st.sampled_from(["360102", "360000", "361130"]),
    serial=st.integers(0, 31**7 - 1),
)
def test_a_made_code_holds_and_its_last_character_agrees_with_stdnum(prefix, division, serial):
    code = identity.make_uscc(prefix, division, serial)
    assert identity.uscc_fault(code) is None
    assert stdnum_uscc.calc_check_digit(code[:17]) == code[17]


def test_serial_numbers_give_distinct_codes():
    codes = {identity.make_uscc("92", "360102", serial) for serial in range(2000)}
    assert len(codes) == 2000


def test_a_right_last_character_does_not_excuse_a_wrong_organisation_code():
    body = PRINTED[0][:16] + "5"
    code = body + stdnum_uscc.calc_check_digit(body)
    assert stdnum_uscc.is_valid(code)
    assert identity.uscc_fault(code) == "uscc_organisation_check"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("91110000600037341", "uscc_length"),
        ("91110000600037341l", "uscc_character"),
        ("９１１１００", "uscc_character"),
        ("91110000600037341M", "uscc_check"),
        ("", "uscc_length"),
    ],
)
def test_a_fault_has_its_name(code, fault):
    assert identity.uscc_fault(code) == fault


def test_a_missing_code_has_no_fault():
    assert identity.uscc_faults(pl.Series([None, PRINTED[0]])).to_list() == [None, None]


def test_a_registration_number_ends_in_its_check_digit():
    numbers = [f"3601{place:010d}" for place in (0, 17, 4711, 99999)]
    whole = [number + identity.regno_check_digit(number) for number in numbers]
    assert all(identity.regno_holds(number) for number in whole)
    for number in whole:
        for digit in "0123456789":
            if digit != number[-1]:
                assert not identity.regno_holds(number[:-1] + digit)


def test_a_published_registration_number_holds():
    assert identity.regno_check_digit("11010800000001") == "6"
    assert identity.regno_holds("110108000000016")


def test_numbers_of_another_length_match_only_as_a_whole():
    held = identity.regnos_hold(pl.Series(["3601002100123", "36010021001234a", None, "", "36010021001234５"]))
    assert held.to_list() == [True, False, False, False, False]


@given(st.lists(st.one_of(st.from_regex(r"[0-9]{15}", fullmatch=True), st.text(max_size=16), st.none()), max_size=20))
def test_many_numbers_hold_exactly_when_each_does(numbers):
    held = identity.regnos_hold(pl.Series(numbers, dtype=pl.String)).to_list()
    assert held == [number is not None and identity.regno_holds(number) for number in numbers]


def test_no_number_at_all_holds_nothing():
    assert identity.regnos_hold(pl.Series([None, None], dtype=pl.String)).to_list() == [False, False]

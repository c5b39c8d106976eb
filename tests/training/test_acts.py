"""The catalogue of acts: what an entity can do is read, what it cannot is refused with a reason."""

import copy
from datetime import date

import pytest

from features.profile import read_profile
from features.records.schema import record_types
from tests.acts_world import ACTS, FILE, FIX, LEAVE, RESTORE, place_at
from tests.world import SMALL
from training.acts import Behind, Missed, read_acts
from training.errors import SchemeError


def changed(number, **said):
    """The catalogue with one act changed."""
    table = copy.deepcopy(ACTS)
    table["acts"][number] |= said
    return table


def read(folder, table):
    profile = place_at(folder, acts=table)
    return read_acts(profile, record_types(profile))


def test_acts_are_read_in_order_with_what_they_need(tmp_path):
    found = read(tmp_path, ACTS)
    assert [act.code for act in found] == [FILE, LEAVE, RESTORE, FIX]
    assert found[1].needs == (FILE,)
    assert found[1].rows.state
    assert found[0].missed.born == "opened"
    assert isinstance(found[0].missed.behind, Behind)
    assert [act.together for act in found] == [True, True, False, False]
    assert found[2].label_en == RESTORE


def test_a_profile_without_the_file_has_no_acts():
    profile = read_profile(str(SMALL))
    assert read_acts(profile, record_types(profile)) == ()


def test_the_catalogue_of_the_province_holds_and_names_nothing_another_decides():
    profile = read_profile("jiangxi")
    found = read_acts(profile, record_types(profile))
    assert {"file_annual_reports", "restore_contact", "complete_rectification", "fulfil_penalty"} <= {
        act.code for act in found
    }
    assert not {"entity", "repair", "case_file"} & {act.record_type for act in found}
    assert all(act.basis for act in found)


@pytest.mark.parametrize(
    ("number", "said", "message"),
    [
        (1, {"states": {"withdrawn_date": "as_of"}}, "'withdrawn_date' is no field of listing"),
        (1, {"states": {"repair_date": "as_of"}}, "'repair_date' is no field of listing"),
        (1, {"states": {"way_out": "annulled"}}, "expected a code that does not come about by others' decision"),
        (1, {"states": {"in_date": "as_of"}}, "what makes a record that fact does not change"),
        (1, {"states": {"way_out": "nowhere"}}, "code list ways_out has filed, restored, annulled"),
        (1, {"states": {"out_date": "due"}}, "states out_date"),
        (1, {"states": {"out_date": {"years": 1}}}, "states out_date"),
        (1, {"record_type": "entity", "states": {"status": "open"}}, "record type entity, which no entity makes"),
        (1, {"record_type": "role", "states": {"to_date": "as_of"}}, "record type role, which no entity makes"),
        (1, {"record_type": "request", "states": {"cell": 1}}, "no record type whose subject is the entity"),
        (1, {"needs": [FIX]}, f"needs {FIX}; expected acts listed before it"),
        (1, {"code": FILE}, "is there twice"),
        (1, {"basis": ""}, "has no basis"),
        (1, {"applies": [["reason", "==", "whim"]]}, "reason is 'whim'; code list reasons has report, away"),
        (1, {"applies": [["reason", "~", "away"]]}, "operator '~'"),
        (1, {"applies": [["colour", "==", "red"]]}, "'colour' is no field of listing"),
        (3, {"states": {"happened": "as_of", "severity": 0}}, "states severity"),
        (3, {"states": {"verified": 2}}, "states verified"),
        (3, {"states": {"number": "x"}}, "what makes a record that fact does not change"),
        (3, {"states": {"happened": {"months": -24}}}, "its event date may only become as_of"),
        (3, {"states": {"fine": "as_of"}}, "states fine"),
        (0, {"states": {"due": "due"}}, "adds a record without filed"),
        (0, {"missed": {"year": "year"}}, "missed has no periods, month, day, from"),
    ],
)
def test_what_is_no_act_is_refused(tmp_path, number, said, message):
    with pytest.raises(SchemeError) as refused:
        read(tmp_path, changed(number, **said))
    assert message in str(refused.value)


def test_a_file_without_a_list_of_acts_is_refused(tmp_path):
    with pytest.raises(SchemeError, match="holds no list named acts"):
        read(tmp_path, {"never": {}, "acts": {}} | {"acts": "file"})


def test_years_missed_are_those_past_due_since_the_beginning_and_behind_a_listing():
    duty = Missed("year", 3, 6, 30, "opened")
    assert duty.last(date(2024, 6, 30)) == 2022  # the last day is still in time
    assert duty.last(date(2024, 7, 1)) == 2023
    assert duty.years(date(2000, 1, 1), date(2024, 8, 31)) == [2021, 2022, 2023]
    assert duty.years(date(2022, 3, 1), date(2024, 8, 31)) == [2022, 2023]
    assert duty.years(date(2000, 1, 1), date(2024, 8, 31), [date(2019, 7, 9)]) == [2018, 2021, 2022, 2023]
    assert duty.years(date(2019, 1, 1), date(2024, 8, 31), [date(2019, 7, 9)]) == [2021, 2022, 2023]

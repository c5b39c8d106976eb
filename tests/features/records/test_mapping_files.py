import polars as pl

from features.records.delivery import ColumnMapping
from features.records.docking import in_our_terms
from features.records.reading import LINE, RAW

NONE = ColumnMapping("m", {}, {}, {}, {}, {}, {})


def read(mapping, accepted=("fine", "name", "day"), **columns):
    frame = pl.DataFrame({LINE: [1], RAW: [""], **{name: [value] for name, value in columns.items()}})
    found = in_our_terms(frame, mapping, frozenset(accepted)).drop(LINE, RAW)
    return found.to_dicts()[0]


def mapping(**changes):
    return ColumnMapping(
        **{
            **{name: getattr(NONE, name) for name in ("name", "columns", "constants", "split")},
            "values": {},
            "factors": {},
            "dates": {},
            **changes,
        }
    )


def test_a_column_the_source_does_not_have_is_empty():
    assert read(mapping(columns={"fine": "罚款"}), other="x") == {"fine": None}


def test_a_column_of_ours_passes_and_any_other_is_left_out():
    assert read(NONE, fine="1", other="x") == {"fine": "1"}


def test_one_column_of_theirs_may_become_two_of_ours():
    assert read(mapping(columns={"fine": "a", "name": "a"}), a="7") == {"fine": "7", "name": "7"}


def test_a_constant_replaces_what_the_source_says():
    assert read(mapping(constants={"name": "甲"}), name="乙") == {"name": "甲"}


def test_amounts_are_multiplied_exactly_and_what_is_no_amount_stays():
    tenfold = mapping(factors={"fine": "10000"})
    assert [read(tenfold, fine=text)["fine"] for text in ("0.1234", "1.50", "-2", "x", "Infinity", "")] == [
        "1234",
        "15000",
        "-20000",
        "x",
        "Infinity",
        "",
    ]
    assert read(tenfold, fine=None)["fine"] is None


def test_dates_are_rewritten_and_what_is_no_date_stays():
    named = mapping(columns={"day": "日"}, dates={"day": "%d.%m.%Y"})
    assert [read(named, 日=text)["day"] for text in ("5.3.2024", " 05.03.2024 ", "2024-03-05")] == [
        "2024-03-05",
        "2024-03-05",
        "2024-03-05",
    ]


def test_a_date_moves_by_whole_days_and_what_is_no_date_stays():
    eve = mapping(columns={"day": "日"}, dates={"day": "%d.%m.%Y"}, shift={"day": -1})
    found = [read(eve, 日=text)["day"] for text in ("01.03.2024", "2024-01-01", "soon", "0001-01-01")]
    assert found == ["2024-02-29", "2023-12-31", "soon", "0001-01-01"]


def test_an_empty_translation_empties_the_value():
    assert read(mapping(values={"day": {"9999-09-09": ""}}), day="9999-09-09") == {"day": ""}


def test_the_day_a_row_was_known_is_read_from_a_column_even_one_that_is_not_ours():
    assert read(mapping(known_from="更新"), 更新="2024-03-05")["known_on"] == "2024-03-05"
    assert read(mapping(columns={"day": "更新"}, known_from="day"), 更新="2024-03-05")["known_on"] == "2024-03-05"
    assert read(mapping(known_from="更新"), fine="1")["known_on"] is None
    assert "known_on" not in read(mapping(known_from="event_date"), fine="1")

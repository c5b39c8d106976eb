"""Along what entities are set side by side: read as written, refused where that says too little, named in order."""

import numpy as np
import pytest
import yaml

from features.dimensions import (
    NO_VALUE,
    NOT_REGISTERED,
    UNKNOWN,
    Dimension,
    named_codes,
    named_steps,
    parts_of_codes,
    read_dimensions,
    steps,
    words_of,
)
from features.profile import ProfileError, read_profile
from tests.world import SMALL

NAMES = [{"label": "小", "label_en": "small"}, {"label": "大"}, {"label": "未登记", "label_en": "unknown"}]


@pytest.fixture
def place(tmp_path):
    def write(rows):
        (tmp_path / "profile.yaml").write_text((SMALL / "profile.yaml").read_text())
        (tmp_path / "slices.yaml").write_text(yaml.safe_dump(rows, allow_unicode=True))
        return read_profile(str(tmp_path))

    return write


def test_dimensions_are_read_as_written(place):
    kind, city, age = read_dimensions(
        place(
            [
                {"code": "kind", "label": "类型"},
                {"code": "city", "label": "市", "label_en": "city", "field": "region", "above": True},
                {"code": "age", "label": "月龄", "indicator": "age_months", "bounds": [12, 36]},
            ]
        )
    )
    assert kind == Dimension("kind", ("类型", "kind"))
    assert (city.field, city.above, city.label) == ("region", True, ("市", "city"))
    assert (age.indicator, age.bounds) == ("age_months", (12.0, 36.0))


@pytest.mark.parametrize("row", [{"field": "a", "indicator": "b"}, {}])
def test_a_dimension_that_says_too_much_or_too_little_is_refused(place, row):
    with pytest.raises(ProfileError, match="expected one"):
        read_dimensions(place([{"code": "x", "label": "x", **row}]))


def test_a_profile_without_the_file_has_no_dimensions():
    assert read_dimensions(read_profile(str(SMALL))) == ()


def test_parts_between_bounds_are_called_as_written_and_those_without_a_value_come_last(place):
    stated = {"code": "size", "label": "规模", "indicator": "capital", "bounds": [10], "names": NAMES, "overview": True}
    (size,) = read_dimensions(place([stated]))
    assert size.overview
    found = named_steps(size.bounds, size.names)
    assert found == {"0": ("小", "small"), "1": ("大", "大"), UNKNOWN: ("未登记", "unknown")}
    assert list(found) == ["0", "1", UNKNOWN]
    assert named_steps((1.5, 3.0)) == {
        "0": ("≤ 1.5",) * 2, "1": ("1.5–3",) * 2, "2": ("> 3",) * 2, UNKNOWN: NO_VALUE
    }  # fmt: skip


def test_a_bound_belongs_to_what_is_below_it_and_what_has_no_value_to_no_part():
    values = np.array([-1.0, 10.0, 10.1, 20.0, 99.0, np.nan])
    assert steps(values, (10.0, 20.0)).tolist() == [0, 0, 1, 1, 2, -1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"indicator": "b", "bounds": [1], "names": NAMES[:2]}, "2 names; expected 3"),
        ({"indicator": "b", "parts": 3, "overview": True}, "the same every month"),
        ({"code": "kind", "overview": True}, "expected a field"),
    ],
)
def test_what_cannot_be_told_month_by_month_is_refused(place, row, said):
    with pytest.raises(ProfileError, match=said):
        read_dimensions(place([{"code": "x", "label": "x", **row}]))


def test_codes_are_parted_by_themselves_or_by_what_stands_above_them():
    words = {"1": (("甲", "a"), "0"), "2": (("乙", "b"), "")}
    own, above = Dimension("x", ("", ""), field="f"), Dimension("x", ("", ""), field="f", above=True)
    assert parts_of_codes(own, words, ["1", "2", "9"]) == {"1": "1", "2": "2", "9": "9"}
    assert parts_of_codes(above, words, ["1", "2", "9"]) == {"1": "0", "2": UNKNOWN, "9": UNKNOWN}
    named = named_codes(words, {"2", "9", UNKNOWN, "1"})
    assert named == {"1": ("甲", "a"), "2": ("乙", "b"), "9": ("9", "9"), UNKNOWN: NOT_REGISTERED}
    assert list(named)[-1] == UNKNOWN


def test_the_default_profile_tells_a_month_by_section_of_industry_and_by_size():
    profile = read_profile("jiangxi")
    section, size = (one for one in read_dimensions(profile) if one.overview)
    assert len(words_of(profile, section.field)) == 20
    capital = np.array([0.0, 10.0, 10.000001, 100.0, 100.000001, 1000.0, 1000.000001, np.nan])  # 10,000 yuan
    names = named_steps(size.bounds, size.names)
    assert [names[str(step) if step >= 0 else UNKNOWN][1] for step in steps(np.log1p(capital), size.bounds)] == [
        "up to 100,000 yuan", "up to 100,000 yuan", "over 100,000 to 1 million yuan", "over 100,000 to 1 million yuan",
        "over 1 to 10 million yuan", "over 1 to 10 million yuan", "over 10 million yuan", "capital not registered",
    ]  # fmt: skip

"""Every record type of every profile takes a row made from its own description and rejects one that lacks a field."""

from datetime import date

import pytest
from small_place import Home, code

from features.profile import PROFILES, read_profile
from features.records.schema import record_types

NAMES = sorted(path.parent.name for path in PROFILES.glob("*/profile.yaml"))


def value(field, profile, day):
    if field.type in {"code", "codes"}:
        codes = profile.codelist(field.list)
        return next(code for code in codes.codes if codes.valid_on(code, day))
    number = field.min if field.min is not None else 1
    plain = {"text": f"甲{field.name}", "date": day.isoformat(), "flag": "1", "coordinate": str(number)}
    return plain.get(field.type, str(number))


def row(record_type, profile, day):
    found = {name: value(field, profile, day) for name, field in record_type.fields.items()}
    found |= {"code": code(1) if profile.identity == "uscc" else "L1", "item": record_type.items[0]}
    if record_type.parent:
        found[record_type.parent.field] = f"甲{record_type.parent.key}"
    if record_type.subject == "place":
        found.pop("code")
    return found | {"entered_at": day.isoformat()}


@pytest.mark.parametrize("name", NAMES)
def test_every_record_type_takes_a_row_and_rejects_one_without_a_required_value(tmp_path, name):
    profile = read_profile(name)
    home, day = Home(tmp_path, profile), date(2024, 3, 5)
    files = {}
    for record_type in record_types(profile).values():
        good = row(record_type, profile, day)
        required = [field.name for field in record_type.fields.values() if field.required]
        files[f"{record_type.name}.csv"] = (record_type.name, [good, good | {required[-1]: ""}])
    (receipt,) = home.take(home.deliver("d", files))
    assert receipt.refused is None, receipt.problem
    assert (receipt.accepted, receipt.rejected) == (len(files), len(files)), receipt
    assert receipt.rejects == {"required_missing": len(files)}
    for type_name in files:
        assert len(home.seen(type_name.removesuffix(".csv"), day)) == 1

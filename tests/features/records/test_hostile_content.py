"""Content nobody should deliver: it ends in rejects or in a refusal, the counts add up, and nothing else is harmed."""

import json
import shutil
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import Home, code, entity, penalty, table

from features.profile import ProfileError, read_profile

ENTITIES = [entity(number) for number in range(20)]
GOOD = [penalty(number, str(number)) for number in range(3)]
FIFTH_OF_MARCH = 19_787  # days since 1970


@pytest.fixture
def registered(home):
    home.take(home.deliver("register", {"entity.csv": ("entity", ENTITIES)}))
    return home


def counts(receipt):
    return receipt.sent, receipt.accepted, receipt.duplicate, receipt.rejected, receipt.unmatched


def rejected(home, name):
    told = next((home.lake.home / "rejects" / name).glob("*.jsonl"))
    return [json.loads(line) for line in told.read_text().splitlines()]


def as_parquet(path, rows, **columns):
    """The bytes of a Parquet file of rows, some columns replaced or added."""
    found = pa.Table.from_pylist(rows)
    for name, values in columns.items():
        place = found.column_names.index(name) if name in found.column_names else found.num_columns
        found = found.remove_column(place) if place < found.num_columns else found
        found = found.add_column(place, name, values)
    pq.write_table(found, path)
    return path.read_bytes()


def test_the_last_day_of_the_calendar_is_a_future_day_and_harms_no_other_delivery(registered):
    last = "9999-12-31"
    rows = [
        penalty(1, "a", decision_date=last, entered_at=None),
        penalty(2, "b", published_date=last),
        penalty(3, "c", action="withdraw", action_date=last),
    ]
    other = registered.deliver("other", {"p.csv": ("penalty", GOOD)})
    bad, good = registered.take(registered.deliver("bad", {"p.csv": ("penalty", rows)}), other)
    assert counts(bad) == (3, 0, 0, 3, 0)
    assert set(bad.rejects) <= {"date_future", "published_future"}
    assert good.accepted == 3


def stored(kind, a_day):
    """Three stored numbers, of which only the last is a day of the calendar."""
    whole = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    most = 2 ** (31 if whole == pa.int32() else 63)
    return pa.array([most - 1, -most, FIFTH_OF_MARCH * a_day], whole).view(kind)


@pytest.mark.parametrize(
    "days",
    [
        stored(pa.date32(), 1),
        stored(pa.timestamp("ms"), 86_400 * 10**3),
        stored(pa.timestamp("us"), 86_400 * 10**6),
        stored(pa.timestamp("us", "UTC"), 86_400 * 10**6),
    ],
)
def test_days_no_calendar_has_are_rejects_of_their_rows_alone(registered, tmp_path, days):
    content = as_parquet(tmp_path / "x.parquet", GOOD, decision_date=days)
    (receipt,) = registered.take(registered.deliver("d", {"p.parquet": ("penalty", content)}))
    assert (counts(receipt), receipt.rejects) == ((3, 1, 0, 2, 0), {"date_format": 2})
    colour = pa.array(["red"] * 3)
    content = as_parquet(tmp_path / "x.parquet", GOOD, decision_date=days, colour=colour)
    (receipt,) = registered.take(registered.deliver("e", {"p.parquet": ("penalty", content)}))
    assert (counts(receipt), receipt.rejects) == ((3, 0, 0, 3, 0), {"column_unknown": 3})


@pytest.mark.parametrize("zone", ["Foo/Bar", "GMT+8"])
def test_a_time_in_a_zone_nobody_knows_is_no_column(registered, tmp_path, zone):
    moments = stored(pa.timestamp("us", zone), 86_400 * 10**6)
    content = as_parquet(tmp_path / "x.parquet", GOOD, entered_at=moments)
    (receipt,) = registered.take(registered.deliver("d", {"p.parquet": ("penalty", content)}))
    assert (counts(receipt), receipt.rejects) == ((3, 0, 0, 3, 0), {"column_type": 3})


MAPPING = """mapping: abroad
record_type: penalty
columns: {code: Code, decision_no: "No", authority: Who, decision_date: Day, kinds: Kinds, fine: Fine}
constants: {item: G106}
factors: {fine: 100}
decimal_comma: [fine]
delimiter: ";"
encoding: latin-1
dates: {decision_date: "%d/%m/%Y"}
known: {from: event_date, lag_days: 1}
"""


def abroad(home, text=MAPPING):
    """The same home under a profile that has a mapping file more."""
    folder = home.folder / "profile"
    shutil.copytree(home.profile.folder, folder)
    (folder / "mappings" / "abroad.yaml").write_text(text, encoding="utf-8")
    return Home(home.folder, read_profile(str(folder)))


def test_a_source_may_part_fields_by_semicolons_write_decimal_commas_and_latin_letters(registered):
    home = abroad(registered)
    lines = [
        "Code;No;Who;Day;Kinds;Fine",
        f"{code(1)};1;Câmara;05/03/2024;fine;12,5",
        f'{code(2)};2;"Câmara; sul";05/03/2024;fine;1.234,50',
        f"{code(4)};3;Câmara;05/03/2024;fine;1,2,3",
        f"{code(5)};4;Câmara;05/03/2024;fine;1e999999",
        f"{code(7)};5;Câmara;05/03/2024",
    ]
    folder = home.deliver("d", {"p.csv": ("penalty", "\n".join(lines).encode("latin-1") + b"\n")}, mapping="abroad")
    (receipt,) = home.take(folder)
    assert counts(receipt) == (5, 2, 0, 3, 0), receipt.problem
    assert receipt.rejects == {"fields_too_few": 1, "number_format": 1, "number_scientific": 1}
    seen = {row["decision_no"]: row for row in home.seen("penalty", date(2026, 1, 1))}
    assert (seen["1"]["fine"], seen["2"]["fine"]) == (125_000, 12_345_000)
    assert (seen["1"]["authority"], seen["2"]["authority"]) == ("Câmara", "Câmara; sul")
    (again,) = home.take(home.lake.home / "rejects" / "d" / "resubmit")
    assert (again.sent, again.rejects) == (3, receipt.rejects)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("factors", "factor"), "says factor; a mapping says"),
        (("lag_days", "lagdays"), "says lagdays"),
        (('";"', '";;"'), "delimiter is ';;'"),
        (("latin-1", "utf-16"), "encoding is 'utf-16'"),
        (("latin-1", "klingon"), "encoding is 'klingon'"),
        (("item: G106", "item: NO"), "YAML reads one of its words as False"),
    ],
)
def test_a_mapping_that_says_what_it_cannot_mean_refuses_the_delivery(registered, change, said):
    home = abroad(registered, MAPPING.replace(*change))
    (receipt,) = home.take(home.deliver("d", {"p.csv": ("penalty", "Code;No\n1;2\n")}, mapping="abroad"))
    assert receipt.refused == "mapping_unknown"
    assert said in receipt.problem


def test_a_code_that_yaml_reads_as_a_number_or_a_truth_is_refused(home):
    folder = abroad(home).profile.folder
    listed = next((folder / "codelists").glob("*.yaml"))
    listed.write_text("rows: [{code: NO, label: 西北}]\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="code False is no text; expected quotes"):
        read_profile(str(folder)).codelist(listed.stem)


def test_a_column_of_the_source_may_have_any_name(registered):
    home = abroad(registered, MAPPING.replace('delimiter: ";"\n', ""))
    header = "Code,No,Who,Day,Kinds,Fine,line,raw,file_no,_row"
    row = f"{code(1)},1,Who,05/03/2024,fine,1,a,b,c,d"
    (receipt,) = home.take(home.deliver("d", {"p.csv": ("penalty", f"{header}\n{row}\n")}, mapping="abroad"))
    assert receipt.accepted == 1
    named = dict(zip(header.split(","), row.split(","), strict=True)) | {"No": "2"}
    (receipt,) = home.take(home.deliver("e", {"p.jsonl": ("penalty", json.dumps(named) + "\n")}, mapping="abroad"))
    assert receipt.accepted == 1


def test_a_header_parted_by_something_else_is_said_to_be_that(registered):
    text = table(GOOD).replace(",", ";")
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", text)}))
    assert (receipt.sent, receipt.rejects) == (3, {"delimiter_other": 3})


@pytest.mark.parametrize(
    "content",
    [
        "列,值\n1,2\n".encode("gb18030"),
        b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
        table(GOOD).replace("\n", "\r").encode(),
    ],
)
def test_a_csv_whose_first_line_cannot_be_read_refuses_the_delivery(registered, content):
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", content)}))
    assert (receipt.refused, counts(receipt)) == ("file_undecodable", (0, 0, 0, 0, 0))


def test_a_path_that_leads_in_a_circle_a_folder_for_a_manifest_and_endless_names_are_refused(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", GOOD)})
    (folder / "p.csv").unlink()
    (folder / "p.csv").symlink_to("p.csv")
    assert registered.take(folder)[0].refused == "file_missing"
    (registered.folder / "out" / "m" / "manifest.json").mkdir(parents=True)
    assert registered.take(registered.folder / "out" / "m")[0].refused == "manifest_missing"
    long = registered.deliver("long", {"p.csv": ("penalty", GOOD)}, delivery="中" * 120)
    named = registered.deliver("named", {"p.csv": ("penalty", GOOD)}, mapping="中" * 120)
    assert [receipt.refused for receipt in registered.take(long, named)] == ["manifest_field", "mapping_unknown"]
    deep = registered.deliver("deep", {f"{'x' * 220}.csv": ("penalty", GOOD)})
    assert registered.take(deep)[0].refused == "manifest_field"


def test_what_a_manifest_says_in_vain_is_said(registered):
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", GOOD)}, colour="red"))
    assert "manifest.json: colour means nothing, not used" in receipt.warnings


def test_a_refused_delivery_leaves_the_rejects_of_an_earlier_one(registered):
    rows = [penalty(number, str(number), fine="x") for number in range(4)]
    folder = registered.deliver("keep", {"p.csv": ("penalty", rows)})
    registered.take(folder)
    before = rejected(registered, "keep")
    (folder / "p.csv").write_bytes(table(rows).encode() + b"\x00" * 100)
    (receipt,) = registered.take(folder)
    assert receipt.refused == "file_undecodable"
    assert rejected(registered, "keep") == before
    assert not list((registered.lake.home / "rejects").glob(".*"))


def test_rejects_of_files_with_one_flat_name_and_of_any_value_can_be_sent_again(registered, tmp_path):
    rows = [penalty(number, f"a{number}", fine="x") for number in range(2)]
    odd = as_parquet(tmp_path / "x.parquet", [penalty(number, "b", fine='a\nb,"c') for number in range(3)])
    nul = json.dumps(penalty(9, "n")).replace("G106", "G106\x00")
    files = {
        "a/p.csv": ("penalty", rows),
        "a__p.csv": ("penalty", rows),
        "p.parquet": ("penalty", odd),
        "p.jsonl": ("penalty", json.dumps(penalty(8, "m", fine="x")) + f"\n{nul}\n"),
    }
    (registered.folder / "out" / "d" / "a").mkdir(parents=True)
    (receipt,) = registered.take(registered.deliver("d", files, delivery="d" * 120))
    assert (receipt.sent, receipt.rejected) == (9, 9)
    (again,) = registered.take(registered.lake.home / "rejects" / ("d" * 120) / "resubmit")
    assert (again.refused, again.sent, again.rejected) == (None, 9, 9)

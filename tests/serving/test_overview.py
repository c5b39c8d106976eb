"""The overview: every number counted as from the rows, told to the scope of the key, in words, tiles and tables."""

import html
import json
import re
import sqlite3
from collections import Counter
from itertools import product

import pytest
from looking import Visitor, guarded, words
from offices import desk_of, load, loaded, rows, trade
from sqlalchemy import inspect, text, update
from town import NOW, write

from features.profile import ProfileError, read_profile
from serving.access import Grant, within
from serving.classification import CLASSIFIED
from serving.ledger import LedgerError
from serving.loading import loads, standing
from serving.pages import atlas, figures
from serving.pages.figures import FIRST, RISKS
from serving.pages.health import domains
from serving.pages.places import COUNTY, OWN, Places
from serving.pages.suppression import SHOWN, Cell
from serving.tables import LOADS, TALLIED, TALLIED_BY, TRAITED
from serving.tally import tallied, traited

MONTH, BEFORE = "2025-12", "2025-11"
ROLES = (
    "province_admin", "analyst", "data_scientist", "model_approver", "regulator_city", "regulator_county",
    "department_reader", "auditor",
)  # fmt: skip
ORGS = ("", "36", "3601", "360102", "360702", "3699")
DEPARTMENTS = ((), ("ecology",), ("ecology", "other"), ("eco",))
SCOPES = list(product(ORGS, DEPARTMENTS))
GUARD = {"A": [0.0, 1.0], "B": [0.0, 1.0], "C": [0.0, 1.0], "D": [0.9, 1.0]}
REGIONS = [
    {"code": "360000", "label": "省", "level": "province"},
    {"code": "360100", "label": "甲市", "label_en": "first city", "level": "city", "parent": "360000"},
    {"code": "360700", "label": "乙市", "label_en": "second city", "level": "city", "parent": "360000"},
    {"code": "360102", "label": "东县", "level": "county", "parent": "360100"},
    {"code": "360103", "label": "西县", "level": "county", "parent": "360100", "successor": "360104"},
    {"code": "360104", "label": "新西县", "level": "county", "parent": "360100"},
    {"code": "360702", "label": "南县", "level": "county", "parent": "360700"},
]
SQUARE = [[115.0, 28.0], [116.0, 28.0], [116.0, 29.0], [115.0, 29.0], [115.0, 28.0]]


def grant(org="", departments=(), role="analyst"):
    return Grant(role, org, NOW.date(), frozenset(departments))


def test_tallies_are_what_counting_the_rows_gives_for_every_scope(store, classified):
    month = loaded(classified, store).month(MONTH)
    everybody = rows(month)
    names = [name for name in TALLIED_BY if name not in {"org", "departments", "status", "rules"}]
    for org, departments in SCOPES:
        asked = grant(org, departments)
        reached = [row for row in everybody if within(asked, row)]
        counted = tallied(month, asked)
        assert counted.statuses() == Counter((row["status"],) for row in reached)
        own = [row for row in reached if row["status"] == CLASSIFIED]
        assert counted.by(*names) == Counter(tuple(row[name] for name in names) for row in own)
        ruled = Counter((",".join(month.full(row)["rules"]),) for row in own)
        assert counted.by("rules") == ruled


def test_an_office_reads_its_counts_once_and_those_of_another_are_not_in_them(classified, desk):
    month = desk.results.month(MONTH)
    county, all_of_them = tallied(month, grant("360102")), tallied(month, grant())
    assert tallied(month, grant("360102", role="auditor")) is county
    assert county.by("class") is county.by("class")
    assert sum(county.by("class").values()) < sum(all_of_them.by("class").values())


def without_tallies(store, name):
    """The load of a month as a version left it that did not count."""
    without_traits(store, name)
    return without(store, name, TALLIED, "tallies")


def without_traits(store, name):
    """The load of a month as a version left it that did not count along dimensions."""
    return without(store, name, TRAITED, "traits")


def without(store, name, key, table):
    found = standing(store, name)
    load, told = found["load"], {one: what for one, what in found["told"].items() if one != key}
    with store.writing() as connection:
        connection.execute(update(LOADS).where(LOADS.c.load == load).values(told=told))
        if store.folder is None:
            connection.execute(text(f"DROP TABLE {table}_{load}"))
    if store.folder is not None:
        with sqlite3.connect(store.month_file(load)) as file:
            file.execute(f"DROP TABLE {table}_{load}")
        file.close()
    return load


def test_a_load_of_an_earlier_version_is_said_to_have_no_counts_and_is_loaded_anew(store, copied):
    loaded(copied, store).close()
    first = without_tallies(store, MONTH)
    desk = desk_of_stored(copied, store)
    with pytest.raises(LedgerError, match=f"jianwei store load {MONTH}"):
        tallied(desk.results.month(MONTH), grant())
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/overview")
    assert page.status_code == 200
    assert f"jianwei store load {MONTH}" in words(page.text)
    load(copied, store, MONTH)
    assert standing(store, MONTH)["load"] > first
    assert tallied(desk_of_stored(copied, store).results.month(MONTH), grant()).by("class")


def test_a_month_before_without_counts_is_named_and_left_out(copied):
    without_tallies(copied.store, BEFORE)
    desk = desk_of_stored(copied, copied.store)
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/overview")
    assert f"jianwei store load {BEFORE}" in words(page.text)
    assert "months-chart" not in page.text


def step(months):
    return "0" if months <= 60 else "1" if months <= 120 else "2"


def test_counts_along_dimensions_are_what_counting_the_rows_gives_for_every_scope(store, classified):
    month = loaded(classified, store).month(MONTH)
    own = [row for row in rows(month) if row["status"] == CLASSIFIED]
    for org, departments in SCOPES:
        asked = grant(org, departments)
        expected = Counter()
        for row in own:
            if within(asked, row):
                expected["trade", trade(row["entity"]), row["class"]] += 1
                expected["age", step(month.vector(row)["age_months"]), row["class"]] += 1
        assert traited(month, asked).by("trait", "value", "class") == expected
    said = {one["code"]: dict(one["values"]) for one in month.traits}
    assert said["trade"] == {"food": ["食品", "食品"], "tools": ["五金", "五金"], "-": ["未登记", "not registered"]}
    assert list(said["age"].values())[-1] == ["年限不明", "no age"]


def test_the_page_tells_the_classes_along_every_dimension_and_nobody_is_left_out(guard, classified, desk):
    visitor = Visitor.of(guard, classified, "analyst")
    page = visitor.get("/ui/overview").text
    told = figures.along(
        traited(desk.newest, grant()), figures.totals(tallied(desk.newest, grant())), desk.newest.traits
    )
    whole = sum(tallied(desk.newest, grant()).by("class").values())
    for code, label in (("trade", "行业"), ("age", "年限")):
        assert sum(line.total.count for line in told[code].told.lines.values()) == whole
        table = re.search(rf'id="by-{code}">按{label}<.*?</table>', page, flags=re.S)[0]
        for value, line in told[code].told.lines.items():
            row = re.search(rf'<th scope="row">{told[code].names[value][0]}</th>(.*?)</tr>', table, flags=re.S)[1]
            cells = re.findall(r'<td class="number">(.*?)</td>', row, flags=re.S)
            assert len(cells) == 6
            assert words(cells[0]).startswith(
                f"{line.cells['A'].count}" if line.cells["A"].state == SHOWN else ("<5", "…")
            )
    assert "未登记" in page
    assert "over ten" in words(visitor.get("/ui/overview?lang=en").text)
    first = visitor.get(f"/ui/overview?lang=zh&period={BEFORE}").text
    assert 'id="by-trade"' in first


def test_a_part_is_compared_with_the_same_part_of_the_month_before_alone():
    names = {"0": ["小", "small"], "1": ["大", "big"]}
    total = dict.fromkeys(RISKS, 200)
    half = dict.fromkeys(RISKS, 100)
    lines = figures.table({"0": half, "1": half}, figures.line(total))
    now = figures.Parts(["", ""], names, lines)
    then = figures.table({"0": {**half, "D": 200}, "1": {**half, "D": 0}}, figures.line(total))
    same, other = figures.Parts(["", ""], names, then), figures.Parts(["", ""], {**names, "0": ["中", "mid"]}, then)
    assert now.change("0", "D", same) == pytest.approx(0.25 - 0.4)
    assert now.change("1", "D", same) == pytest.approx(0.25)
    assert now.change("0", "D", other) is None
    assert now.change("0", "D", None) is None
    assert figures.Parts(["", ""], names, figures.table({"0": half}, figures.line(half))).change("0", "D", same)


def test_a_load_that_was_not_counted_along_dimensions_says_so_for_those_tables_alone(store, copied):
    loaded(copied, store).close()
    first = without_traits(store, MONTH)
    desk = desk_of_stored(copied, store)
    with pytest.raises(LedgerError, match=f"jianwei store load {MONTH}"):
        traited(desk.results.month(MONTH), grant()).by("class")
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/overview")
    assert f"没有按行业、规模等的分组计数。请运维人员运行： jianwei store load {MONTH}" in words(page.text)
    assert 'id="by-trade"' not in page.text
    assert 'id="kinds"' in page.text
    load(copied, store, MONTH)
    assert standing(store, MONTH)["load"] > first
    without_traits(store, BEFORE)
    desk = desk_of_stored(copied, store)
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/overview")
    assert 'id="by-trade"' in page.text
    assert f"没有分组计数，以上各表无法比较。请运维人员运行： jianwei store load {BEFORE}" in words(page.text)


def desk_of_stored(town, store, **changed):
    """The desk over what a store holds, nothing loaded anew."""
    from serving.results import publisher_key
    from serving.shelf import Shelf

    return desk_of(town, store, results=Shelf(store, publisher_key(town.home)), **changed)


def test_the_counts_of_a_load_go_when_it_goes(store, classified):
    for _ in range(4):
        load(classified, store, MONTH, again=True)
    kept = {one["load"] for one in loads(store)}
    if store.folder is None:
        found = {name for name in inspect(store.engine).get_table_names() if name.startswith(("tallies_", "traits_"))}
        assert found == {f"{table}_{number}" for table in ("tallies", "traits") for number in kept}
    else:
        assert {path.stem for path in (store.folder / "months").glob("*.db")} == {str(number) for number in kept}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_role_that_may_sees_the_overview_in_its_language(guard, classified, role, lang):
    page = Visitor.of(guard, classified, role).get(f"/ui/overview?lang={lang}")
    assert page.status_code == 200
    assert len(page.content) < 150_000
    assert ("内部参考" if lang == "zh" else "not an assessment of credit") in words(page.text)
    assert page.text.count("<h1>") == 1


@pytest.mark.parametrize("role", ["integrator_score", "integrator_pull", "ops"])
def test_who_may_not_is_refused(guard, classified, role):
    assert Visitor.of(guard, classified, role).get("/ui/overview").status_code == 403


def numbers(page):
    """The whole numbers in the cells of tables."""
    cells = re.findall(r'<td class="number">(.*?)</td>', page, flags=re.S)
    plain = [re.sub(r"<span.*?</span>|<[^>]+>", "", cell).strip().replace(",", "") for cell in cells]
    return [int(one) for one in plain if re.fullmatch(r"[0-9]+", one)]


@pytest.mark.parametrize(("org", "departments"), SCOPES)
def test_no_page_of_any_scope_tells_a_count_of_one_to_four(guard, classified, org, departments):
    visitor = Visitor.of(guard, classified, "analyst", org=org, departments=frozenset(departments))
    for path in ("/ui/overview", f"/ui/overview?period={BEFORE}"):
        page = visitor.get(path)
        assert page.status_code == 200
        assert not [one for one in numbers(page.text) if 0 < one < 5]


def test_a_county_sees_its_county_alone(guard, classified):
    said = words(Visitor.of(guard, classified, "regulator_county", org="360102").get("/ui/overview").text)
    assert "县360102" in said
    assert "县360103" not in said
    assert "县360702" not in said


def test_a_month_that_is_not_loaded_is_not_found(guard, classified):
    assert Visitor.of(guard, classified, "analyst").get("/ui/overview?period=2001-01").status_code == 404


def test_a_month_is_picked_and_the_one_before_is_compared(guard, classified):
    visitor = Visitor.of(guard, classified, "analyst")
    newest, first = (words(visitor.get(f"/ui/overview{asked}").text) for asked in ("", f"?period={BEFORE}"))
    assert f"与 {BEFORE} 比较" in newest
    assert "比较" not in first
    assert "首次分类" in first


class Made:
    """Counts as one makes them up, by the names of their columns."""

    def __init__(self, *found):
        self._found = found

    def by(self, *names):
        counted = Counter()
        for row, count in self._found:
            counted[tuple(row.get(name) for name in names)] += count
        return counted

    def statuses(self):
        return {("classified",): 900, ("closed",): 3, ("gone",): 40}


def moved(before, after, count, cause="worsened", kind="shop", **more):
    return {"class_before": before, "class": after, "cause": cause, "kind": kind, **more}, count


MADE = Made(
    *(moved(risk, risk, 100, "unchanged") for risk in RISKS),
    moved(None, "B", 30, "first"),
    moved("A", "D", 10, "rule"),
    moved("B", "D", 7, "new_record"),
    moved("C", "D", 8, "scheme"),
    moved("D", "C", 9, "rule_ended"),
    moved("A", "B", 20, "worsened", "stall"),
)


def test_the_matrix_adds_up_and_who_went_into_d_is_told_with_why():
    total = figures.totals(MADE)
    told = figures.moves(MADE, total)
    for name in RISKS:
        assert sum(line.cells[name].count for line in told.matrix.lines.values()) == total.cells[name].count
    assert sum(line.total.count for line in told.matrix.lines.values()) == total.total.count == 484
    assert told.matrix.lines[FIRST].cells["B"].told == 30
    assert (told.into_d, told.out_of_d) == (25, 9)
    into = {cause: line.cells["into_d"].told for cause, line in told.causes.lines.items()}
    assert {cause: count for cause, count in into.items() if count} == {"rule": 10, "new_record": 7, "scheme": 8}
    assert list(told.causes.lines) == ["new_record", "worsened", "scheme", "rule", "rule_ended"]


def test_a_sum_is_not_told_where_a_part_of_it_is_not():
    found = Made(*(moved(risk, risk, 100) for risk in RISKS), moved("A", "D", 3), moved("B", "D", 50))
    assert figures.moves(found, figures.totals(found)).into_d is None


def test_causes_are_not_told_of_kinds_of_which_a_key_may_not_know_them():
    told = figures.moves(MADE, figures.totals(MADE), ("stall",))
    assert "worsened" not in told.causes.lines
    assert told.matrix.lines["A"].cells["B"].told == 20


def test_another_department_is_not_told_why_entities_of_persons_moved(copied):
    profile = with_more(copied, settings={"masking": {"kinds": ["stall"], "longest": 3}})
    desk = desk_of(copied, profile=profile)
    page = Visitor.of(guarded(copied, lambda: desk), copied, "department_reader").get("/ui/overview")
    assert page.status_code == 200


def test_those_without_a_class_are_counted_apart_by_why():
    assert figures.statuses(MADE) == {"closed": Cell(3, "small"), "gone": Cell(40, SHOWN)}


def with_more(town, *, files=None, settings=None):
    """The town's profile with more in it."""
    folder = town.folder / "profile"
    for name, content in (files or {}).items():
        write(folder / name, content)
    if settings:
        import yaml

        stated = yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8"))
        write(folder / "profile.yaml", {**stated, **settings})
    return read_profile(str(folder))


def whole(town, **more):
    """The town's profile with all an overview can be told: cities above counties, tiles, bands, published shares."""
    kinds = {kind: {"shares": {}, "guard": GUARD} for kind in ("shop", "stall")}
    files = {
        "codelists/regions.yaml": {"list": "regions", "label": "区划", "rows": REGIONS},
        "tiles.yaml": {
            "cities": {"360100": [0, 0], "360700": [0, 1]},
            "counties": {"360102": [3, 2], "360104": [4, 2], "360702": [3, 4]},
        },
        "overview.yaml": {"apart": {"rules": ["H1"], "label": "名单在列", "label_en": "listed"}, **more},
        "classes.yaml": {
            "targets": [{"since": NOW.date().replace(year=2020), "until": None, "basis": "b", "kinds": kinds}]
        },
        "published_shares.yaml": [
            {
                "place": "某地",
                "place_en": "elsewhere",
                "entities": 9,
                "shares": dict.fromkeys("ABCD", 0.25),
                "source": "s",
            }
        ],
    }
    return with_more(town, files=files)


def test_cities_stand_above_their_counties_and_a_dissolved_one_is_in_its_successor(copied):
    desk = desk_of(copied, profile=whole(copied))
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "analyst")
    said = words(visitor.get("/ui/overview").text)
    assert "新西县" in said
    assert said.index("甲市") < said.index("东县")
    assert "first city" in words(visitor.get("/ui/overview?lang=en").text)


def test_shares_outside_their_guard_band_ask_a_person_to_look_but_only_of_everybody(copied):
    desk = desk_of(copied, profile=whole(copied))
    guard = guarded(copied, lambda: desk)
    everybody = words(Visitor.of(guard, copied, "analyst").get(f"/ui/overview?period={MONTH}").text)
    assert "占比警戒带" in everybody
    assert "某地" in everybody
    assert "占比警戒带" not in words(Visitor.of(guard, copied, "analyst", org="3601").get("/ui/overview").text)


def test_a_band_is_held_against_the_share_without_those_a_rule_alone_decides():
    found = Made(*(moved(risk, risk, 100, rules="") for risk in RISKS), moved("D", "D", 100, rules="H1,H2"))
    kinds = figures.table({"shop": found_by_class(found), "stall": dict.fromkeys(RISKS, 100)}, big_line())
    apart = figures.apart(found, ["H1"], kinds)
    assert apart == {"shop": Cell(100, SHOWN)}
    bands = figures.bands({"shop": {"guard": GUARD}, "gone": {"guard": GUARD}}, kinds, apart)
    assert {name: one["share"] for name, one in bands["shop"].items()} == dict.fromkeys(RISKS, 0.25)
    assert bands["shop"]["D"]["is_outside"]
    assert not bands["shop"]["A"]["is_outside"]
    assert figures.bands({"shop": {"guard": GUARD}}, kinds, {})["shop"]["D"]["share"] == pytest.approx(0.4)


def found_by_class(found):
    return {name: count for (name,), count in found.by("class").items()}


def big_line():
    return figures.line({"A": 200, "B": 200, "C": 200, "D": 300})


@pytest.mark.parametrize("show", ["share", "count", "change", "nonsense"])
def test_the_map_has_a_tile_with_number_letter_and_title_for_every_region_of_the_scope(copied, show):
    desk = desk_of(copied, profile=whole(copied))
    guard = guarded(copied, lambda: desk)
    page = Visitor.of(guard, copied, "analyst").get(f"/ui/overview?show={show}").text
    assert page.count("<svg") == 2
    assert {name for name in ("东县", "新西县", "南县", "甲市", "乙市") if f"<title>{name}：" in page} >= {
        "甲市",
        "东县",
    }
    assert page.count("<rect") == 5
    assert "<svg" not in Visitor.of(guard, copied, "regulator_county", org="360102").get("/ui/overview").text


def test_a_region_bears_its_number_its_letter_and_its_colour():
    counties = {f"c{number}": {"region": f"c{number}"} for number in range(10)}
    found = Made(
        *(({**one, "kind": "shop", "class": risk}, 100 + 30 * number * (risk == "D")) for number, one in
          enumerate(counties.values()) for risk in RISKS),
    )  # fmt: skip
    places = Flat({code: (number, 0) for number, code in enumerate(counties)})
    now = figures.shares(found, places)
    drawn = atlas.drawn(places, list(counties), lambda code: atlas.value_of("count", code, now, None))
    steps = "".join(one.step for one in drawn[COUNTY].shapes)
    assert steps == "aabbccddee"
    assert atlas.value_of("count", "c1", now, None) == 130
    assert atlas.value_of("share", "c1", now, None) == pytest.approx(130 / 430)
    assert atlas.value_of("change", "c1", now, now) == 0
    assert atlas.value_of("change", "c1", now, None) is None
    assert atlas.value_of("count", "elsewhere", now, None) is None


def test_many_alike_are_the_least_of_the_map_not_the_most_and_its_key_says_which_steps_there_are():
    counties = {f"c{number}": {"region": f"c{number}"} for number in range(6)}
    more = {"c4": 10, "c5": 20}
    found = Made(*(({**one, "kind": "shop", "class": risk}, more.get(code, 0) if risk == "D" else 100)
                   for code, one in counties.items() for risk in RISKS))  # fmt: skip
    places = Flat({code: (number, 0) for number, code in enumerate(counties)})
    now = figures.shares(found, places)
    drawn = atlas.drawn(places, list(counties), lambda code: atlas.value_of("count", code, now, None))[COUNTY]
    assert "".join(one.step for one in drawn.shapes) == "aaaaee"
    assert drawn.steps == {"a": (0, 0), "e": (10, 20)}


def test_numbers_of_the_map_are_written_as_a_person_reads_them():
    written = [atlas.written(shows, 0.0123) for shows in ("share", "change")]
    assert [*written, atlas.written("count", 12345), atlas.written("count", None)] == ["1.2%", "+1.2", "12,345", "…"]


class Flat:
    """Regions with nothing above them."""

    def __init__(self, at):
        self.outlines = {}
        self.tiles = {COUNTY: at}

    def county(self, code):
        return code

    def city(self, code):
        return code

    def lines(self, code):
        return code, code + OWN


def geojson(*codes):
    shapes = [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "MultiPolygon", "coordinates": [[[[x + 1, y] for x, y in SQUARE]]]},
    ]
    features = [{"properties": {"code": code}, "geometry": shapes[number]} for number, code in enumerate(codes)]
    return {"type": "FeatureCollection", "features": features}


def test_an_approved_outline_takes_the_place_of_the_tiles(copied):
    profile = whole(copied, outline="outline.json")
    (profile.folder / "outline.json").write_text(json.dumps(geojson("360102", "360702")), encoding="utf-8")
    desk = desk_of(copied, profile=profile)
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/overview").text
    paths = re.findall(r'd="(M[^"]+Z)"', page)
    assert len(paths) == 2
    assert paths[0].startswith("M0.0 ")
    assert "<rect" not in page
    assert "方格为示意" not in page
    (one,) = (found for found in Places(profile).outlines["360102"])
    width, height = max(x for x, _ in one), max(y for _, y in one)
    assert width == pytest.approx(500)
    assert width < height < 1.2 * width  # a degree of longitude is shorter there


@pytest.mark.parametrize("content", ["", "{}", '{"features": [{"geometry": null, "properties": {}}]}'])
def test_an_outline_that_is_none_is_said_to_be_so(copied, content):
    profile = whole(copied, outline="outline.json")
    (profile.folder / "outline.json").write_text(content, encoding="utf-8")
    with pytest.raises(ProfileError, match="GeoJSON"):
        _ = Places(profile).outlines


def test_every_county_and_city_of_jiangxi_has_one_tile_of_its_own():
    places = Places(read_profile("jiangxi"))
    regions = [row for row in read_profile("jiangxi").codelist("regions").rows if "successor" not in row]
    for level, tiles in (("city", places.tiles["cities"]), ("county", places.tiles["counties"])):
        assert set(tiles) == {row["code"] for row in regions if row["level"] == level}
        assert len(set(tiles.values())) == len(tiles)
    assert places.county("360105") == "360112"
    assert places.city("360112") == "360100"
    assert [places.prefix(code) for code in ("360000", "360100", "360112", "360100-")] == [
        "36",
        "3601",
        "360112",
        "3601",
    ]
    assert places.label("", "zh") == "未登记区划"
    assert places.label("360100-", "zh") == "南昌市本级"


def test_the_chart_says_what_its_table_says_and_is_left_out_where_there_is_nothing_to_draw(guard, classified):
    visitor = Visitor.of(guard, classified, "analyst")
    page = visitor.get("/ui/overview").text
    told = json.loads(html.unescape(re.search(r'id="months-data">(.*?)</script>', page)[1]))
    assert told["months"] == [BEFORE, MONTH]
    table = re.search(r'id="months">.*?</table>', page, flags=re.S)[0]
    for shares in told["shares"].values():
        assert all(one is None or f"{one:.1f}%" in table for one in shares)
    assert "vendor/echarts.js" in page
    assert "vendor/echarts.js" not in visitor.get(f"/ui/overview?period={BEFORE}").text


def test_what_is_not_told_is_a_gap_in_the_chart_and_has_no_share(guard, classified):
    page = Visitor.of(guard, classified, "regulator_county", org="360102").get("/ui/overview").text
    told = json.loads(html.unescape(re.search(r'id="months-data">(.*?)</script>', page)[1]))
    assert None in told["shares"]["C"]


def leads(page):
    """Every number of a page that leads to a list: the list's path and the number."""
    found = re.findall(r'<a href="(/ui/entities[?][^"]+)">([0-9,]+)</a>', page)
    return {(html.unescape(path), int(number.replace(",", ""))) for path, number in found}


def counted(visitor, path):
    """How many entities a list has, page by page."""
    found = 0
    while path:
        page = visitor.get(path).text
        found += page.count('<th scope="row">')
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following and html.unescape(following[1])
    return found


@pytest.mark.parametrize(("role", "org"), [("analyst", ""), ("regulator_city", "3601")])
def test_numbers_lead_to_the_list_that_has_so_many(guard, classified, role, org):
    visitor = Visitor.of(guard, classified, role, org=org)
    told = leads(visitor.get("/ui/overview").text)
    for path, number in told:
        assert (path, counted(visitor, path)) == (path, number)
    asked = {path.partition("?")[2] for path, _ in told}
    for query in ("class=A", "class=ABCD", "region=360102&class=A", "before=C&class=C"):
        assert f"month={MONTH}&{query}" in asked
    assert any("kind=" in query for query in asked)
    assert "/ui/entities?" not in Visitor.of(guard, classified, "auditor").get("/ui/overview").text


def test_a_region_no_beginning_of_codes_says_leads_nowhere(copied):
    desk = desk_of(copied, profile=whole(copied))
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "analyst")
    told = leads(visitor.get("/ui/overview").text)
    for path, number in told:
        assert (path, counted(visitor, path)) == (path, number)
    assert any("region=360102&" in path for path, _ in told)
    assert not any("region=360104" in path for path, _ in told)  # it counts those of the county it took the place of


FEED = {
    "item": "I1", "label": "处罚", "label_en": "penalties", "provider": "某局", "source": "s", "received": 40,
    "unmatched": 0, "expected": 100, "delay_median": 3, "last_day": "2025-11-02",
}  # fmt: skip
QUALITY = {
    "as_of": "2025-12-31", "previous": "2025-11-30", "lake": "a" * 64, "definitions": "b" * 64, "entities": 200,
    "alerts": [], "feeds": [FEED], "rejects": [], "indicators": [],
}  # fmt: skip


def test_domains_are_told_with_the_sources_that_delivered_to_who_may_open_data_quality(copied):
    items = [{**row, "channel": "domain"} for row in copied.profile.table("items")[:2]]
    files = {"overview.yaml": {"domains": "domain"}, "items.yaml": [*items, *copied.profile.table("items")[2:]]}
    profile = with_more(copied, files=files)
    feeds = [
        FEED,
        {**FEED, "source": "t", "last_day": "2025-12-05"},
        {**FEED, "item": "I2", "source": None, "last_day": None},
        {**FEED, "item": "I3"},
    ]
    folder = copied.home / "quality" / MONTH
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(json.dumps({**QUALITY, "feeds": feeds}), encoding="utf-8")
    desk = desk_of(copied, profile=profile)
    guard = guarded(copied, lambda: desk)
    page = Visitor.of(guard, copied, "analyst").get("/ui/overview").text
    assert "2个领域中已有归集的：1" in words(page)
    table = words(re.search(r'id="domains">.*?</table>', page, flags=re.S)[0])
    assert "登记 登记机关 2 2025-12-05 事件 执法机构 尚无归集 —" in table
    assert "走访" not in table
    assert 'id="domains"' not in Visitor.of(guard, copied, "regulator_county", org="360102").get("/ui/overview").text


def test_the_domains_of_the_default_profile_are_the_twelve_of_the_opinion():
    profile = read_profile("jiangxi")
    found = domains(profile, profile.table("overview")["domains"], {"collected": {}})
    assert [one["zh"] for one in found][:3] == ["食品药品安全监管", "特种设备安全监管", "工业产品质量安全监管"]
    assert len(found) == 12
    assert domains(profile, None, {"collected": {}}) == domains(profile, "market_domain", None) == []


def test_data_and_model_are_told_in_a_few_figures_to_who_may_open_their_pages(copied):
    copied.promote()
    folder = copied.home / "quality" / MONTH
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(json.dumps(QUALITY), encoding="utf-8")
    checks = [{"code": f"EV0{number}0", "passed": passed} for number, passed in enumerate((True, None, None, False))]
    figures_of = {"on": "2025-12-31", "checks": checks, "auc": "0.80 [0.70, 0.90]", "psi": "0.012"}
    figures_of["volumes"] = [{"name": "C+D", "share": "12.0%", "capture": "40.0%"}]
    figures_of["drawn"] = [{"class": "A", "n": "14", "rate": "7.1%"}, {"class": "D", "n": "<5", "rate": None}]
    calibration = [{"kind": {"zh": "店", "en": "shop"}, "o_e": "1.10 [0.90, 1.30]"}]
    desk = desk_of(copied)
    guard = guarded(copied, lambda: desk)
    own = words(Visitor.of(guard, copied, "analyst").get("/ui/overview").text)
    assert "某局" in own
    assert "2025-11-02" in own
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.pages.model.evidence_of", lambda *_: {**figures_of, "calibration": calibration})
        county = words(Visitor.of(guard, copied, "regulator_county", org="360102").get("/ui/overview").text)
    assert "某局" not in county
    assert "实际/预期 1.10 [0.90, 1.30]" in county
    assert "通过 1，未通过 1，不足以判断 2" in county
    assert "检查 12.0% 的主体，发现违法的 40.0%" in county
    assert "A 7.1%（14户） · D —（<5户）" in county
    journal = copied.home / "journal.jsonl"
    journal.write_text(journal.read_text(encoding="utf-8").replace('"ana"', '"eve"'), encoding="utf-8")
    assert "某局" in words(Visitor.of(guard, copied, "analyst").get("/ui/overview").text)
    (folder / "quality.json").write_text("{}", encoding="utf-8")
    assert "数据与模型" not in words(Visitor.of(guard, copied, "analyst").get("/ui/overview").text)

"""What neighbours say: clusters joined by hand, intervals as wide as dependence makes them, silence without links."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation import neighbours
from evaluation.backtest import Scored
from evaluation.case import Case
from evaluation.clusters import clusters, read_controllers
from evaluation.errors import GateError
from evaluation.metrics import auc, observed_expected, rank
from evaluation.neighbours import Linked, shown, study, tells_of_records
from features.engine import Engine
from features.indicators.language import on
from features.profile import read_profile
from features.reading import Reading
from tests.world import TinyLake, lake_of, world_of
from training.retrain import retrain
from training.scheme import Scheme

CONTROLLERS = [{"record_type": "role", "key": "person", "hub": 3}]
AS_OF = date(2024, 6, 30)
FIGURES = ("rate", "o_e")


@pytest.fixture(scope="module")
def led(place, tmp_path_factory):
    """The small place, whose profile says that whoever leads controls."""
    folder = shutil.copytree(place.folder, tmp_path_factory.mktemp("led") / "small")
    (folder / "controllers.yaml").write_text(yaml.safe_dump(CONTROLLERS))
    return read_profile(str(folder))


def joined(profile, folder, *roles, as_of=AS_OF):
    """The clusters of entities a to g, each as the names in it."""
    names = list("abcdefg")
    lake = lake_of(profile, world_of(profile, {"role": list(roles)}, also=names), folder)
    number = clusters(Reading(lake, Engine("polars")), read_controllers(profile), as_of=as_of)
    assert len(number) == len(names)
    return sorted("".join(np.array(names)[number == one]) for one in np.unique(number))


def led_by(person, *whom, since="2020-01-01", **more):
    return [on(since, of=name, person=person, **more) for name in whom]


def test_clusters_join_whoever_a_chain_of_controllers_joins(led, tmp_path):
    roles = [*led_by("p", "a", "c"), *led_by("q", "c", "f"), *led_by("r", "b", "d"), *led_by("s", "e")]
    assert joined(led, tmp_path, *roles) == ["acf", "bd", "e", "g"]


def test_links_that_ended_are_not_yet_known_or_are_hubs_join_nobody(led, tmp_path):
    ended = led_by("p", "a", "b", to_date="2024-06-30")
    unknown = led_by("q", "c", "d", known="2024-07-01")
    hub = led_by("r", "c", "d", "e", "f")
    assert joined(led, tmp_path, *ended, *unknown, *hub) == list("abcdefg")


def test_links_are_read_at_the_last_month_end_as_indicators_read_them(led, tmp_path):
    fresh = led_by("p", "a", "b", since="2024-07-05")
    assert joined(led, tmp_path, *fresh, as_of=date(2024, 7, 20)) == list("abcdefg")
    assert joined(led, tmp_path, *fresh, as_of=date(2024, 7, 31)) == ["ab", *"cdefg"]


def test_without_a_link_in_the_lake_everybody_is_alone(led, tmp_path):
    assert joined(led, tmp_path) == list("abcdefg")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"record_type": "role", "key": "person"}, "without hub"),
        ({"record_type": "rank", "key": "person", "hub": 3}, "person of rank"),
        ({"record_type": "role", "key": "person", "hub": 3, "where": [["post", "==", "x"]]}, "post of role"),
    ],
)
def test_a_link_of_control_that_cannot_be_read_is_named(led, tmp_path, row, told):
    folder = shutil.copytree(led.folder, tmp_path / "small")
    (folder / "controllers.yaml").write_text(yaml.safe_dump([row]))
    with pytest.raises(GateError, match=told):
        read_controllers(read_profile(str(folder)))


# ------------------------------------------------------------------------------------- intervals of made-up pairs


def made(size, *, n=1200, seed=5):
    """Linked pairs in clusters of a size that share their outcome entirely; every tenth pair is alone."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(n) // size
    p = np.full(n, 0.3) + 0.2 * rng.random(len(np.unique(cluster)))[cluster]
    outcome = (rng.random(n) < p[cluster * size])[cluster * size]
    adverse = cluster % 2 == 0
    alone = np.arange(n) >= n * 9 // 10
    margin = np.log(p / (1 - p)) + rng.normal(0, 0.1, n)
    scored = Scored(np.arange(n), np.zeros(n, np.int64), outcome, rng.choice([1.0, 2.0], n), margin, p)
    cluster = np.where(alone, n + np.arange(n), cluster)
    parts = (adverse & ~alone, ~adverse & ~alone, alone)
    return Linked(scored, parts, cluster, np.where(alone, 0, 0.3 * rng.normal(size=n)))


def figures(linked):
    return shown(linked, (), np.random.default_rng(1)).figures


def test_figures_are_what_counting_gives():
    linked = made(4)
    found = figures(linked)
    for own, row in zip(linked.parts, found["parts"], strict=True):
        pairs = linked.scored.where(own)
        assert (row["n"], row["n_pos"]) == (own.sum(), pairs.outcome.sum())
        assert row["rate"]["value"] == pytest.approx(np.average(pairs.outcome, weights=pairs.weight))
        assert row["expected"] == pytest.approx(np.average(pairs.probability, weights=pairs.weight))
        o_e, _ = observed_expected(pairs.probability, pairs.outcome, weights=pairs.weight, entities=pairs.entity)
        assert row["o_e"]["value"] == pytest.approx(o_e)
    adverse, clean, _ = found["parts"]
    between = {code: one["value"] for code, one in found["between"].items()}
    assert between["rate_ratio"] == pytest.approx(adverse["rate"]["value"] / clean["rate"]["value"])
    assert between["o_e_ratio"] == pytest.approx(adverse["o_e"]["value"] / clean["o_e"]["value"])
    part = linked.where(~linked.parts[2])
    for code, margin in (("auc", part.scored.margin), ("auc_without", part.scored.margin - part.contributed)):
        assert between[code] == pytest.approx(auc(rank(margin, part.scored.outcome), part.scored.weight)[0])
    assert between["auc_gain"] == pytest.approx(between["auc"] - between["auc_without"])
    assert found["clusters"] == {
        "entities": 1200, "clusters": 270 + 120, "joined": 1080, "largest": 4, "largest_share": 4 / 1200,
    }  # fmt: skip


def test_intervals_by_cluster_are_wider_where_entities_of_a_cluster_share_their_outcome():
    found = figures(made(4))
    for row in found["parts"][:2]:
        for figure in FIGURES:
            assert 1.6 < row[figure]["wider"] < 2.5  # four that are one count as one: the root of four
    assert 1.6 < found["between"]["rate_ratio"]["wider"] < 2.5
    for one in (*(row[figure] for row in found["parts"] for figure in FIGURES), *found["between"].values()):
        assert one["interval"][0] < one["value"] < one["interval"][1]


def test_intervals_are_equal_where_everybody_is_alone():
    found = figures(made(1))
    for one in (*(row[figure] for row in found["parts"] for figure in FIGURES), *found["between"].values()):
        assert one["interval"] == one["by_entity"]
        assert one["wider"] == 1


def test_a_part_without_anybody_has_no_figures():
    linked = made(4).where(~made(4).parts[2])
    one = figures(linked)["parts"][2]
    assert (one["n"], one["clusters"], one["expected"], one["rate"]["value"], one["o_e"]["interval"]) == (
        0, 0, None, None, None,
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------- the small place


@pytest.fixture(scope="module")
def linked_case(case, lake, led, conduct, tmp_path_factory):
    """The judged place with leaders: two of three entities are led in threes, the like by the like; trained anew."""
    folder = tmp_path_factory.mktemp("linked")
    shutil.copytree(lake.folder, folder, dirs_exist_ok=True)
    order = np.argsort(conduct)[::-1][: len(conduct) * 2 // 3]
    roles = [on("2019-01-01", of=f"E{entity:03d}", person=f"p{place // 3}") for place, entity in enumerate(order)]
    world = world_of(led, {"role": roles}, also=lake.entities)
    own = lake_of(led, replace(world, rows={"role": world.rows["role"]}), folder)
    assert isinstance(own, TinyLake)
    task = replace(case.task, lake=own)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    trained = retrain(task, tmp_path_factory.mktemp("made"), key=key, say=lambda _: None)
    return Case(task, trained, Scheme.load(trained.folder, key.public_key()))


def test_the_study_tells_pairs_apart_by_what_their_neighbours_did(linked_case, conduct):
    found = study(linked_case, np.random.default_rng(2))
    assert found.code == "neighbours"
    assert found.judged == {}
    assert found.figures["indicators"] == ["bad_same_leader"]
    adverse, clean, alone = found.figures["parts"]
    pairs = linked_case.headline
    assert adverse["n"] + clean["n"] + alone["n"] == len(pairs.outcome)
    worst = np.argsort(conduct)[::-1][: len(conduct) * 2 // 3]
    codes = linked_case.task.lake.register()["code"].to_pylist()
    is_led = np.isin([int(codes[entity][1:]) for entity in pairs.entity], worst)
    assert alone["n"] == (~is_led).sum()
    assert adverse["rate"]["value"] > clean["rate"]["value"]  # the like were led by the like
    spread = found.figures["clusters"]
    assert (spread["largest"], spread["entities"]) == (3, len(np.unique(pairs.entity)))
    assert [len(one.rows) for one in found.tables] == [3, 11, 4]
    assert "<svg" in found.pictures[0]


def test_adverse_neighbours_are_those_the_indicator_counts(linked_case):
    telling = [one for one in linked_case.task.definitions.indicators if one.code == "bad_same_leader"]
    adverse, linked = neighbours._neighbourhood(linked_case, telling)
    column = linked_case.sample.column("bad_same_leader")[linked_case.sample.chosen("test")]
    assert np.array_equal(adverse, column > 0)
    assert linked[adverse].all()
    assert (linked & ~adverse).any()


def test_what_links_contribute_is_what_their_lines_add(linked_case):
    scheme, rows = linked_case.scheme, linked_case.tested_with
    reading = [linked_case.task.definitions.by_code[code] for code in ("same_leader", "bad_same_leader")]
    every = np.arange(len(rows.kind)) % 2 == 0
    found = neighbours._contributed(linked_case, reading, every)
    lines = scheme.contributions(rows.values, rows.kind, bulk=True)
    own = lines[:, [scheme.lines.index(one.code) for one in reading]].sum(axis=1)
    assert found[every] == pytest.approx(own[every])
    assert not found[~every].any()


def test_more_neighbours_alone_are_not_adverse_ones(case):
    known = case.task.definitions.by_code
    assert tells_of_records(known["bad_same_leader"])
    assert not tells_of_records(known["same_leader"])
    assert not tells_of_records(known["bad_peers"])


def test_a_profile_without_links_of_control_says_nothing(case, linked_case):
    assert study(case, np.random.default_rng(2)) is None
    assert read_controllers(case.task.profile) == ()
    silent = replace(linked_case, scheme=linked_case.scheme)
    silent.__dict__["headline"] = linked_case.headline.where(np.zeros(len(linked_case.headline.outcome), bool))
    assert study(silent, np.random.default_rng(2)) is None


def test_where_nobody_is_linked_the_study_says_nothing(case, lake, led):
    alone = TinyLake(led, lake.folder, lake.entities)
    assert study(replace(case, task=replace(case.task, lake=alone)), np.random.default_rng(2)) is None

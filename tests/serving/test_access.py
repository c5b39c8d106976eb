"""Keys: closed without configuration, bounded in time and region, and never stored in clear."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import access
from serving.access import AccessError, Doorkeeper, Grant, Principal, allowed

TODAY = date(2026, 2, 3)
GRANT = Grant("regulator", "3601", frozenset({"internal"}), TODAY + timedelta(days=30))


def grant(**changed):
    return Grant(**{**vars(GRANT), **changed})


def test_a_new_key_lets_its_holder_in_with_what_was_granted(tmp_path):
    token = access.create(tmp_path, GRANT, today=TODAY)
    principal = Doorkeeper(tmp_path, lambda: TODAY)(token)
    assert principal == Principal(token.split("_")[1], GRANT)
    assert (principal.may("internal"), principal.may("probability")) == (True, False)


def test_the_secret_is_not_on_disk(tmp_path):
    token = access.create(tmp_path, GRANT, today=TODAY)
    path = access.keys_file(tmp_path)
    assert token.split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_keys_live_side_by_side_and_a_removed_one_is_out_at_once(tmp_path):
    first, second = (access.create(tmp_path, GRANT, today=TODAY) for _ in range(2))
    door = Doorkeeper(tmp_path, lambda: TODAY)
    assert door(first)
    assert door(second)
    path = access.keys_file(tmp_path)
    keys = json.loads(path.read_text())
    del keys["keys"][first.split("_")[1]]
    path.write_text(json.dumps(keys))
    assert (door(first), bool(door(second))) == (None, True)


def test_a_key_ends_after_its_last_day(tmp_path):
    token = access.create(tmp_path, GRANT, today=TODAY)
    assert Doorkeeper(tmp_path, lambda: GRANT.expires)(token)
    assert Doorkeeper(tmp_path, lambda: GRANT.expires + timedelta(days=1))(token) is None


@pytest.mark.parametrize(
    "content",
    [None, "", "{}", "[]", '{"keys": []}', '{"keys": {"a": 1}}', "{", "\x00"],
    ids=["missing", "empty", "no keys", "a list", "keys a list", "an entry a number", "cut off", "binary"],
)
def test_without_a_readable_keys_file_nobody_is_let_in(tmp_path, content):
    token = access.create(tmp_path, GRANT, today=TODAY)
    path = access.keys_file(tmp_path)
    path.unlink() if content is None else path.write_text(content)
    assert Doorkeeper(tmp_path, lambda: TODAY)(token) is None


@pytest.mark.parametrize("missing", ["sha256", "role", "region", "rights", "expires"])
def test_an_incomplete_entry_lets_nobody_in(tmp_path, missing):
    token = access.create(tmp_path, GRANT, today=TODAY)
    path = access.keys_file(tmp_path)
    keys = json.loads(path.read_text())
    for entry in keys["keys"].values():
        del entry[missing]
    path.write_text(json.dumps(keys))
    assert Doorkeeper(tmp_path, lambda: TODAY)(token) is None


@given(position=st.integers(0, 54), letter=st.sampled_from("abcXYZ019-_ "))
@settings(max_examples=60, deadline=None)
def test_no_other_token_opens_the_door(tmp_path_factory, position, letter):
    home = tmp_path_factory.mktemp("home")
    token = access.create(home, GRANT, today=TODAY)
    other = token[:position] + letter + token[position + 1 :]
    assert (Doorkeeper(home, lambda: TODAY)(other) is not None) == (other == token)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"role": "admin"}, "Role"),
        ({"rights": frozenset({"everything"})}, "Right"),
        ({"region": "36*"}, "Region"),
        ({"expires": TODAY - timedelta(days=1)}, "may last until"),
        ({"expires": TODAY + timedelta(days=366)}, "may last until"),
    ],
)
def test_a_key_that_grants_too_much_or_nonsense_is_not_made(tmp_path, changed, word):
    with pytest.raises(AccessError, match=word):
        access.create(tmp_path, grant(**changed), today=TODAY)
    assert not access.keys_file(tmp_path).exists()


def test_a_damaged_keys_file_is_never_overwritten_by_a_new_key(tmp_path):
    access.keys_file(tmp_path).parent.mkdir()
    access.keys_file(tmp_path).write_text("{")
    with pytest.raises(AccessError, match="cannot be read"):
        access.create(tmp_path, GRANT, today=TODAY)
    assert access.keys_file(tmp_path).read_text() == "{"


RELATIONS = {"own": "360102", "own city": "3601", "other county": "360103", "other city": "360702", "unknown": None}


@pytest.mark.parametrize("role", [*access.ROLES, "nobody"])
@pytest.mark.parametrize("route", ["scores", "class", "explanation", "history", "lists", ""])
def test_a_route_is_for_the_roles_that_have_it_and_for_no_other(role, route):
    verdict = allowed(Principal("k", grant(role=role, region="")), route, "360102")
    assert (verdict is None) == (route in access.ROLES.get(role, ()))


@pytest.mark.parametrize(
    ("prefix", "seen"),
    [
        ("", {"own", "own city", "other county", "other city"}),
        ("36", {"own", "own city", "other county", "other city"}),
        ("3601", {"own", "own city", "other county"}),
        ("360102", {"own"}),
        ("36010", {"own", "other county"}),
        ("9", set()),
    ],
)
def test_a_region_prefix_covers_what_begins_with_it_and_an_unknown_region_is_outside(prefix, seen):
    principal = Principal("k", grant(region=prefix))
    inside = {name for name, region in RELATIONS.items() if allowed(principal, "class", region) is None}
    assert inside == seen

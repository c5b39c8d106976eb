"""Keys and scope: closed without a store, bounded in time, place and office, and never stored in clear."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from gatehouse import NOW, TODAY, ZONE
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, insert, select, update

from serving import access
from serving.access import RIGHTS, UNBOUND, AccessError, Doorkeeper, Grant, Limits, Person, Principal
from serving.sessions import Sessions, SpentError
from serving.store import Store, StoreError
from serving.tables import API_KEYS, LOGINS

GRANT = Grant(
    "regulator_county",
    "360102",
    TODAY + timedelta(days=30),
    departments=frozenset({"ecology", "agri"}),
    rights=frozenset({"internal"}),
    networks=("10.1.0.0/16", "2001:db8::/32"),
    limits=Limits(per_second=7, entities_per_day=None),
    holder="county bureau",
)
HERE = "10.1.2.3"


def grant(**changed):
    return replace(GRANT, **changed)


def door(store, at=NOW):
    return Doorkeeper(store, lambda: at, ZONE)


def test_a_new_key_lets_its_holder_in_with_what_was_granted(store):
    token = access.create(store, GRANT, today=TODAY)
    found = door(store)(token, HERE)
    assert found == Principal(token.split("_")[1], GRANT)
    assert (found.may("internal"), found.may("probability")) == (True, False)


def test_the_secret_is_not_in_the_store(store):
    token = access.create(store, GRANT, today=TODAY)
    with store.reading() as connection:
        (row,) = connection.execute(select(API_KEYS)).all()
    assert token.split("_", 2)[2] not in repr(row)
    assert len(row.sha256) == 64


def test_a_revoked_key_is_out_at_once_and_the_other_goes_on(store):
    first, second = (access.create(store, GRANT, today=TODAY) for _ in range(2))
    number = first.split("_")[1]
    access.revoke(store, number, at=NOW)
    assert (door(store)(first, HERE), bool(door(store)(second, HERE))) == (None, True)
    with pytest.raises(AccessError, match="could be revoked"):
        access.revoke(store, number, at=NOW)
    with pytest.raises(AccessError, match="could be revoked"):
        access.revoke(store, "nothing", at=NOW)


def test_keys_are_listed_without_their_secrets(store):
    token = access.create(store, GRANT, today=TODAY)
    access.create(store, grant(holder="other", networks=()), today=TODAY)
    access.revoke(store, token.split("_")[1], at=NOW)
    found = {one["holder"]: one for one in access.listed(store)}
    assert set(found) == {"county bureau", "other"}
    assert found["county bureau"]["revoked"] is not None
    assert found["other"]["revoked"] is None
    assert all("sha256" not in one for one in found.values())


def test_a_person_comes_in_as_one_key_until_it_is_revoked(store):
    person, other = Person("https://portal.example", "li"), Person("https://other.example", "li")
    first = access.create_for(store, GRANT, person, today=TODAY)
    access.create_for(store, GRANT, other, today=TODAY)
    with pytest.raises(AccessError, match=f"keys revoke {first}"):
        access.create_for(store, GRANT, person, today=TODAY)
    sessions = Sessions(store, lambda: NOW, ZONE)
    assert sessions.of(person, HERE) == Principal(first, GRANT)
    assert sessions.of(person, "10.2.0.1") is None
    assert sessions.of(Person(person.issuer, "Li"), HERE) is None
    access.revoke(store, first, at=NOW)
    assert sessions.of(person, HERE) is None
    second = access.create_for(store, GRANT, person, today=TODAY)
    assert sessions.of(person, HERE).key == second


def test_two_keys_of_a_person_cannot_be_written_at_once(store):
    person = Person("https://portal.example", "li")
    access.create_for(store, GRANT, person, today=TODAY)
    row = {**access.kept(GRANT), "number": "ffffffff", "sha256": "0" * 64, "created": TODAY}
    with pytest.raises(StoreError), store.writing() as connection:
        connection.execute(insert(API_KEYS).values(**row, issuer=person.issuer, login=person.login))


def test_a_login_begins_one_session_and_is_forgotten_when_its_passage_is_over(store):
    at = [NOW]
    sessions = Sessions(store, lambda: at[0], ZONE)
    principal = Principal(access.create_for(store, GRANT, Person("https://p", "li"), today=TODAY), GRANT)
    token = sessions.begin_for(principal, login="state")
    assert sessions(token, HERE) == principal
    with pytest.raises(SpentError):
        sessions.begin_for(principal, login="state")
    sessions.begin_for(principal, login="other")
    at[0] += timedelta(minutes=10)
    sessions.begin_for(principal, login="third")
    with store.reading() as connection:
        assert len(connection.execute(select(LOGINS)).all()) == 1


def test_a_key_ends_after_its_last_day_where_the_profile_is(store):
    token = access.create(store, GRANT, today=TODAY)
    midnight = datetime.combine(GRANT.expires + timedelta(days=1), datetime.min.time(), ZONE)
    assert door(store, midnight - timedelta(seconds=1))(token, HERE)
    assert door(store, midnight)(token, HERE) is None


ADDRESSES = {
    "10.1.255.255": True,
    "2001:db8::1": True,
    "10.2.0.1": False,
    "2001:db9::1": False,
    "::ffff:10.1.2.3": True,
    "": False,
    "localhost": False,
    "10.1.2.3, 10.2.0.1": False,
}


def test_a_key_opens_from_its_networks_only(store):
    token = access.create(store, GRANT, today=TODAY)
    assert {address: door(store)(token, address) is not None for address in ADDRESSES} == ADDRESSES


def test_without_a_store_nobody_is_let_in(store, tmp_path):
    token = access.create(store, GRANT, today=TODAY)
    away = Store(f"sqlite:///{tmp_path / 'other' / 'store.db'}")
    with pytest.raises(StoreError):
        door(away)(token, HERE)
    away.close()


@pytest.mark.parametrize("changed", [{"rights": {}}, {"limits": {"unheard_of": 1}}, {"networks": [5]}])
def test_a_key_whose_row_was_changed_grants_no_more_for_it(store, changed):
    token = access.create(store, GRANT, today=TODAY)
    with store.writing() as connection:
        connection.execute(update(API_KEYS).values(**changed))
    try:
        found = door(store)(token, HERE)
    except (TypeError, ValueError):  # the wall answers 500
        found = None
    assert found is None or not found.may("internal")


@given(position=st.integers(0, 54), letter=st.sampled_from("abcXYZ019-_ "))
@settings(max_examples=60, deadline=None)
def test_no_other_token_opens_the_door(tmp_path_factory, position, letter):
    path = tmp_path_factory.getbasetemp() / "tokens" / "store.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    token = access.create(store, GRANT, today=TODAY)
    other = token[:position] + letter + token[position + 1 :]
    assert (door(store)(other, HERE) is not None) == (other == token)
    store.close()


NONSENSE = [
    ({"role": "admin"}, "Role"),
    ({"rights": frozenset({"everything"})}, "Right"),
    ({"role": "ops", "rights": frozenset({"internal"})}, "cannot be given to role ops; it can have: none"),
    ({"role": "department_reader", "rights": frozenset({"probability"})}, "it can have: internal"),
    ({"org": "36*"}, "no code"),
    ({"holder": "x" * 81}, "at most 80"),
    ({"departments": frozenset({"a,b"})}, "no code"),
    ({"departments": frozenset({"a" * 33})}, "no code"),
    ({"networks": ("10.1.0.0/33",)}, "no network"),
    ({"networks": ("everywhere",)}, "no network"),
    ({"expires": TODAY - timedelta(days=1)}, "may last until"),
    ({"expires": TODAY + timedelta(days=366)}, "may last until"),
]


def test_a_key_that_grants_too_much_or_nonsense_is_not_made(store):
    for changed, word in NONSENSE:
        with pytest.raises(AccessError, match=word):
            access.create(store, grant(**changed), today=TODAY)
    assert access.listed(store) == []


def test_limits_are_set_one_by_one():
    found = access.limited(Limits(), ["per_second=100", "entities_per_day=none"])
    assert found == Limits(per_second=100, entities_per_day=None)
    assert access.limited(UNBOUND, ["pages_per_minute=5"]) == replace(UNBOUND, pages_per_minute=5)
    for stated in ("per_second", "per_second=", "per_second=0", "per_second=-1", "per_second=١", "speed=1", ""):
        with pytest.raises(AccessError, match="is no limit"):
            access.limited(Limits(), [stated])


ORGS = ("360000", "360100", "360102", "36010", "3601", "602")
WHERE = st.lists(st.sampled_from(ORGS), max_size=4).map("/".join)
NAMED = st.lists(st.sampled_from(["ecology", "agri", "eco", "a_ri", "a%"]), unique=True).map(
    lambda codes: f",{','.join(codes)}," if codes else ""
)
PLACES = Table("places", MetaData(), Column("org", String(200)), Column("departments", String(200)))


@given(rows=st.lists(st.tuples(WHERE, NAMED), min_size=1, max_size=8), org=st.sampled_from(["", *ORGS]), data=st.data())
@settings(max_examples=80, deadline=None)
def test_the_rule_of_scope_says_the_same_in_words_and_to_a_database(places, rows, org, data):
    departments = data.draw(st.frozensets(st.sampled_from(["ecology", "agri", "eco", "a_ri"]), max_size=2))
    asking = grant(org=org, departments=departments)
    with places.writing() as connection:
        connection.execute(PLACES.delete())
        connection.execute(insert(PLACES), [{"org": place, "departments": named} for place, named in rows])
        found = connection.execute(select(PLACES).where(access.condition(asking, PLACES.c))).all()
    inside = [row for row in rows if access.within(asking, {"org": row[0], "departments": row[1]})]
    assert sorted(map(tuple, found)) == sorted(inside)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def places(request, tmp_path_factory):
    """A table of where entities belong, on either database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('places') / 'store.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    made = Store(url)
    PLACES.metadata.create_all(made.engine)
    yield made
    made.close()


def test_every_route_names_roles_that_there_are():
    for route in RIGHTS.routes.values():
        assert route.roles <= set(RIGHTS.roles), route.name
        assert route.pattern.fullmatch(route.path.replace("{", "").replace("}", ""))
        assert not route.pattern.fullmatch(f"{route.path}/x")


def test_a_path_parameter_is_one_segment():
    pattern = RIGHTS.routes["class"].pattern
    assert pattern.fullmatch("/v1/entities/T00001/class")
    for path in ("/v1/entities//class", "/v1/entities/a/b/class", "/v1/entities/a/class/", "x/v1/entities/a/class"):
        assert not pattern.fullmatch(path)

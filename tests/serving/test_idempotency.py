"""Idempotency keys: one effect however often a request is sent, the first answer again, on both databases."""

import asyncio
import json
from datetime import timedelta

import pytest
from offices import desk_of
from posts import extended, holder, post, sent
from sqlalchemy import func, select
from town import NOW, Town

from serving.http import ProblemError
from serving.scoring import disputes
from serving.scoring.idempotency import Answer, Asked, Claim, claim
from serving.scoring.routes import application
from serving.tables import DISPUTES, IDEMPOTENCY

PATH = "/v1/disputes"
BODY = {"entity": "T00010", "kind": "class", "statement": "不对"}
ASKED = Asked("00000001", "dispute", "k1", "s" * 64)


@pytest.fixture
def place(copied, store):
    town = extended(Town.at(copied.folder))
    desk = desk_of(town, store)
    return desk, application(lambda: desk), holder(store)


def count(store, table):
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_same_request_is_answered_again_with_the_same_bytes(place):
    desk, app, principal = place
    first = post(app, PATH, principal, BODY)
    again = post(app, PATH, principal, BODY)
    assert first.status == 201
    assert (first.status, first.headers, first.body, first.told) == (
        again.status, again.headers, again.body, again.told,
    )  # fmt: skip
    assert first.told.entities == ("T00010",)
    assert count(desk.store, DISPUTES) == 1


def test_another_body_under_the_same_key_is_a_conflict_another_key_is_not(place):
    desk, app, principal = place
    post(app, PATH, principal, BODY)
    other = post(app, PATH, principal, BODY | {"statement": "还是不对"})
    assert other.status == 409
    assert other.json["type"].endswith("idempotency-mismatch")
    assert post(app, PATH, principal, BODY, key="k2").status == 201
    assert count(desk.store, DISPUTES) == 2


def test_keys_of_two_holders_do_not_meet(place):
    desk, app, principal = place
    other = holder(desk.store, number="00000002")
    assert [post(app, PATH, one, BODY).status for one in (principal, other)] == [201, 201]
    assert count(desk.store, DISPUTES) == 2


def test_a_refusal_is_kept_too(place):
    desk, app, principal = place
    wrong = post(app, PATH, principal, {**BODY, "more": 1})
    assert wrong.status == 422
    assert post(app, PATH, principal, {**BODY, "more": 1}).body == wrong.body
    assert post(app, PATH, principal, BODY).status == 409
    unknown = {**BODY, "entity": "nobody"}
    assert [post(app, PATH, principal, unknown, key="k3").status for _ in range(2)] == [404, 404]
    assert count(desk.store, IDEMPOTENCY) == 2


@pytest.mark.parametrize(("key", "status"), [(None, 400), ("", 422), ("a b", 422), ("é", 422), ("k" * 256, 422)])
def test_a_request_without_a_good_key_changes_nothing(place, key, status):
    desk, app, principal = place
    assert post(app, PATH, principal, BODY, key=key).status == status
    assert count(desk.store, DISPUTES) == 0
    assert count(desk.store, IDEMPOTENCY) == 0


def test_a_failure_of_ours_is_not_kept(place, monkeypatch):
    _, app, principal = place
    with monkeypatch.context() as patched:
        patched.setattr(disputes, "opened", lambda *_: (_ for _ in ()).throw(ProblemError("unavailable")))
        assert post(app, PATH, principal, BODY).status == 503
        patched.setattr(disputes, "opened", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            post(app, PATH, principal, BODY)
    assert post(app, PATH, principal, BODY).status == 201


def test_an_effect_that_was_not_committed_is_done_by_the_retry(place, monkeypatch):
    desk, app, principal = place
    with monkeypatch.context() as patched:
        patched.setattr(disputes.reviews, "noted", lambda *_, **__: (_ for _ in ()).throw(OSError("journal")))
        with pytest.raises(OSError, match="journal"):
            post(app, PATH, principal, BODY)
    assert count(desk.store, DISPUTES) == 0
    assert post(app, PATH, principal, BODY).status == 201
    assert count(desk.store, DISPUTES) == 1


def test_two_thousand_duplicates_at_once_have_one_effect(place):
    desk, app, principal = place
    headers = [("content-type", "application/json"), ("idempotency-key", "k1")]
    body = json.dumps(BODY).encode()

    async def all_at_once():
        one = [sent(app, "POST", PATH, principal, body=body, headers=headers) for _ in range(2000)]
        return await asyncio.gather(*one)

    found = asyncio.run(all_at_once())
    made = {one.body for one in found if one.status == 201}
    assert len(made) == 1
    assert {one.status for one in found} <= {201, 409}
    assert all(one.headers["retry-after"] for one in found if one.status == 409)
    assert count(desk.store, DISPUTES) == 1


def test_while_the_first_is_answered_a_second_waits_and_a_dead_one_is_taken_over(store):
    first = claim(store, ASKED, NOW)
    with pytest.raises(ProblemError, match="state-conflict"):
        claim(store, ASKED, NOW + timedelta(seconds=59))
    second = claim(store, ASKED, NOW + timedelta(seconds=61))
    assert second == Claim(ASKED, NOW + timedelta(seconds=61))
    answer = Answer(200, b"{}")
    with pytest.raises(ProblemError, match="state-conflict"), store.writing() as connection:
        first.finish(connection, answer)
    with store.writing() as connection:
        second.finish(connection, answer)
    assert claim(store, ASKED, NOW + timedelta(seconds=62)) == answer


def test_keys_are_forgotten_after_a_day(store):
    claim(store, ASKED, NOW)
    day = timedelta(hours=24, seconds=1)
    other = Asked("00000001", "dispute", "k2", "s" * 64)
    assert isinstance(claim(store, other, NOW + day), Claim)
    assert count(store, IDEMPOTENCY) == 1
    assert isinstance(claim(store, ASKED, NOW + day), Claim)

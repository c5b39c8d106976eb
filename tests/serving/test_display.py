"""Progress: how much is done, how fast, how long it takes; in words for people, as JSON lines for a scheduler."""

import json

import pytest

from serving import display


@pytest.fixture
def clock(monkeypatch):
    """A clock the test moves on."""
    now = [100.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines():
    display.progress_as("json")
    yield
    display.progress_as("text")


def worked(clock):
    with display.step("intake") as step:
        clock[0] += 4
        step.portion(10, 100, "read")  # too soon to say anything again
        clock[0] += 4
        step.portion(20, 100, "read")
        clock[0] += 10
        step.portion(0, 50, "land")
        clock[0] += 10
        step.portion(50, 50, "land")
        step.note = "all taken"


def test_a_scheduler_reads_one_object_a_line(clock, lines, capsys):
    worked(clock)
    display.say("a word")
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.err.splitlines()]
    assert shown.out == ""
    first, new, last, done, said = found
    assert (first["step"], first["state"], first["message"]) == ("intake", "running", "read")
    assert (first["done"], first["total"], first["share"]) == (20, 100, 0.2)
    assert first["per_second"] == pytest.approx((20 - 10) / 4)
    assert first["seconds_left"] == pytest.approx(80 / 2.5)
    assert first["seconds"] == 8
    assert first["peak_gib"] > 0
    assert (new["message"], new["per_second"], new["seconds_left"]) == ("land", 0, None)
    assert (last["share"], last["per_second"], last["seconds_left"]) == (1.0, 5.0, 0.0)
    assert (done["state"], done["note"], done["seconds"]) == ("done", "all taken", 28)
    assert said == {"message": "a word"}


def test_people_read_share_rate_time_left_and_memory(clock, capsys):
    worked(clock)
    shown = capsys.readouterr().err
    assert "intake – read 20 of 100 20%, 2 a second, 32 s left, peak " in shown
    assert "GiB" in shown
    assert "10 of 100" not in shown
    assert "intake  all taken  28.0 s" in shown


def test_a_message_without_a_share_is_shown_as_it_is(clock, capsys):
    with display.step("train") as step:
        clock[0] += 6
        step.report("boosters")
        step.portion(0, 0)
    assert "… train – boosters\n" in capsys.readouterr().err

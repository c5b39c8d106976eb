"""The room for requests: a key has its share, a file arrives beside it."""

import pytest

from serving.http import ProblemError
from serving.room import FILES, Room


def test_a_key_has_half_the_room_and_the_others_the_rest():
    told = []
    room = Room(3, told.append)
    with room.held("a"), room.held("a"):
        with pytest.raises(ProblemError, match="overloaded"), room.held("a"):
            raise AssertionError
        with room.held("b"):
            assert room.is_full
    assert not room.is_full
    assert told == [1, 2, 3, 2, 1, 0]
    with room.held("a"):
        assert room.taken == 1


def test_what_a_key_was_proved_by_is_known_while_its_requests_are_answered():
    room = Room(2, lambda _: None)
    assert not room.has_share("secret")
    with room.held("a", "secret"):
        assert room.has_share("secret")
        assert room.taken == 1
        assert not room.has_share("another")
    assert not room.has_share("secret")


def test_one_file_of_a_key_arrives_at_a_time_and_takes_no_place_of_a_request():
    room = Room(1, lambda _: None)
    with room.arriving("a"):
        assert not room.is_full
        with pytest.raises(ProblemError, match="overloaded"), room.arriving("a"):
            raise AssertionError
    with room.arriving("a"):
        pass


def test_only_so_many_files_arrive_at_a_time():
    room = Room(1, lambda _: None)
    held = [room.arriving(str(number)) for number in range(FILES)]
    for one in held:
        one.__enter__()
    with pytest.raises(ProblemError, match="overloaded"), room.arriving("late"):
        raise AssertionError
    for one in held:
        one.__exit__(None, None, None)

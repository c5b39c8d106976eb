"""The lane for what takes long: one after another, behind everybody else, and nothing that nobody waits for."""

import asyncio
import os
import sys
import threading

import pytest

from serving.lane import BEHIND, Lane


@pytest.fixture
def lane():
    made = Lane()
    yield made
    made.close()


def test_work_is_done_one_after_another_as_asked(lane):
    busy, seen = threading.Semaphore(0), []

    def work(number):
        busy.release()
        seen.append(number)
        assert busy.acquire(blocking=False)
        assert not busy.acquire(blocking=False), "two at a time"
        return number

    async def all_of():
        return await asyncio.gather(*(lane.run(work, number) for number in range(20)))

    assert asyncio.run(all_of()) == seen == list(range(20))


def test_what_fails_fails_for_whoever_asked(lane):
    with pytest.raises(ZeroDivisionError):
        asyncio.run(lane.run(lambda: 1 / 0))
    assert asyncio.run(lane.run(lambda one: one, one=2)) == 2


def test_what_nobody_waits_for_any_more_is_not_begun(lane):
    freed, begun = threading.Event(), []

    async def asked():
        first = asyncio.create_task(lane.run(freed.wait))
        await asyncio.sleep(0)  # it is before the others
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lane.run(begun.append, "given up")
        last = asyncio.create_task(lane.run(begun.append, "waited for"))
        await asyncio.sleep(0)
        freed.set()
        await asyncio.gather(first, last)

    asyncio.run(asked())
    assert begun == ["waited for"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has the niceness of its process")
def test_its_thread_and_those_begun_from_it_let_others_go_first(lane):
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def begun():
        found = []
        thread = threading.Thread(target=lambda: found.append(niceness()))
        thread.start()
        thread.join()
        return [niceness(), *found]

    mine = niceness()
    assert asyncio.run(lane.run(begun)) == [min(mine + BEHIND, 19)] * 2
    assert niceness() == mine

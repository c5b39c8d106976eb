"""One thread for what takes a hundred times as long as other answers: it waits its turn there, they need not."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
BEHIND = 10  # by how much its thread, and those that engines begin from it, are nicer than those that answer others


class Lane:
    """Work is done one after another, as asked; what nobody waits for any more is not begun."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lane", initializer=_step_behind)

    async def run(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What the work gives, once its turn has come and it is done."""
        return await asyncio.wrap_future(self._thread.submit(work, *given, **named))

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _step_behind() -> None:
    """Let the processor take others first, where a thread may be nicer than its process (Linux)."""
    if sys.platform == "linux":
        mine = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, mine, os.getpriority(os.PRIO_PROCESS, mine) + BEHIND)

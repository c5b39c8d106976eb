"""The helper process of scoring jobs, which ``serve`` starts: niced, and gone when its standard input ends."""

import contextlib
import gc
import os
import threading
from pathlib import Path

NICER = 10
FIRST_TO_GO = "500"  # of a thousand: when memory runs short, rather this process than the service
LOOK = 0.5  # seconds between two looks for a scheme and a month


def main() -> None:
    """Do the jobs of the home this process is set to, until standard input ends."""
    from serving import logs
    from serving import settings as edge
    from serving.counter import Counter
    from serving.scoring.runner import work
    from serving.store import Store

    os.nice(NICER)
    with contextlib.suppress(OSError):  # no Linux
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    edge.be_quiet()
    logs.configure()
    settings = edge.read()
    counter = Counter(settings.home, settings.profile, Store(settings.store, settings.home), edge.now)
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(stopped,), daemon=True).start()
    counter.begin()
    while counter.serving() is None and not stopped.wait(LOOK):
        pass
    gc.collect()
    gc.freeze()  # what is here by now stays, and need not be looked through again for every so many rows
    if not stopped.is_set():
        work(counter.desk, stopped)
    counter.close()


def _listen(stopped: threading.Event) -> None:
    while os.read(0, 1):
        pass
    stopped.set()


if __name__ == "__main__":
    main()

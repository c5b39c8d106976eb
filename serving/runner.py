"""The helper process of scoring jobs, ``python -m serving.runner``: niced, and gone when its standard input ends."""

import os
import threading

NICER = 10
LOOK = 0.5  # seconds between two looks for a scheme and a month


def main() -> None:
    """Do the jobs of the home this process is set to, until standard input ends."""
    from serving import logs
    from serving import settings as edge
    from serving.counter import Counter
    from serving.scoring.runner import work
    from serving.store import Store

    os.nice(NICER)
    edge.be_quiet()
    logs.configure()
    settings = edge.read()
    counter = Counter(settings.home, settings.profile, Store(settings.store, settings.home), edge.now)
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(stopped,), daemon=True).start()
    counter.begin()
    while counter.serving() is None and not stopped.wait(LOOK):
        pass
    if not stopped.is_set():
        work(counter.desk, stopped)
    counter.close()


def _listen(stopped: threading.Event) -> None:
    while os.read(0, 1):
        pass
    stopped.set()


if __name__ == "__main__":
    main()

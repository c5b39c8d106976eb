"""How soon pages begin to come: python -m tests.benchmarks.pages HOME [--entities N] [--requests N].

A home as ``service.py`` prepares it, ``jianwei serve`` on it, and one person who opens every page of the table of
routes in turn, an entity after another, over one kept connection. The named alternative in the same turn is the API's
read of a class. First byte is that of the body; a page that flows goes on after it. JSON as the last line.
"""

import argparse
import http.client
import json
import sys
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from serving import settings as edge  # noqa: E402
from serving.access import RIGHTS  # noqa: E402
from serving.sessions import Sessions  # noqa: E402
from tests.benchmarks.load import percentile  # noqa: E402
from tests.benchmarks.served import BIN, Served  # noqa: E402
from tests.benchmarks.service_home import Home  # noqa: E402

ROLE, CLASS = "province_admin", "the API's class"
WARM_UP = 5  # turns before what counts
FIRST_BYTE, LARGEST = 200.0, 150 * 1024  # ms at p95 and bytes that a page should not exceed


class Person:
    """Somebody with a session and a key, who asks over one connection."""

    def __init__(self, home, port):
        self._home = home
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        key, profile = home.key(role=ROLE), home.shop.settings.profile
        token = Sessions(home.shop.store, edge.now, profile.zone).begin(key, "127.0.0.1")
        self._headers = {"Authorization": f"Bearer {key}", "Cookie": f"jianwei_session={token}"}
        codes = (one.code for one in home.shop.definitions.indicators)
        self._known = {"month": home.month, "indicator": next(codes)}

    def close(self):
        """Hang up."""
        self._line.close()

    def routes(self):
        """Pages whose address can be told here, and what cannot be asked."""
        pages = {name: one for name, one in RIGHTS.routes.items() if name.startswith("page_") and one.method == "GET"}
        mine = {name: one.path for name, one in pages.items() if ROLE in one.roles}
        known = {name: path for name, path in mine.items() if self._path(path, 0) is not None}
        return {CLASS: RIGHTS.routes["class"].path, **known}, sorted(set(pages) - set(known))

    def _path(self, template, number):
        codes = self._home.codes
        try:
            return template.format_map({**self._known, "entity": codes[number % len(codes)]})
        except KeyError:
            return None

    def ask(self, template, number):
        """Status, milliseconds to the first byte of the body and to the last, and bytes."""
        path = self._path(template, number)
        wanted = "Cookie" if path.startswith("/ui") else "Authorization"
        begun = time.perf_counter()
        self._line.request("GET", path, headers={wanted: self._headers[wanted]})
        answer = self._line.getresponse()
        size = len(answer.read(1))
        first = time.perf_counter()
        size += len(answer.read())
        return answer.status, 1000 * (first - begun), 1000 * (time.perf_counter() - begun), size


def measured(person, templates, turns):
    """Answers of each route, asked in turn."""
    seen = {name: [] for name in templates}
    for turn in range(WARM_UP + turns):
        for name, template in templates.items():
            answer = person.ask(template, turn)
            if turn >= WARM_UP:
                seen[name].append(answer)
    return seen


def told(answers):
    """Figures of a route."""
    statuses, first, whole, sizes = zip(*answers, strict=True)
    return {
        "statuses": sorted(set(statuses)),
        "first_p50": percentile(first, 50),
        "first_p95": percentile(first, 95),
        "whole_p50": percentile(whole, 50),
        "whole_p95": percentile(whole, 95),
        "largest_bytes": max(sizes),
    }


def main():
    """Print the figures beside what they should be at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=100, help="of each page")
    options = parser.parse_args()
    home = Home(options.home.absolute(), options.entities)
    logs = home.folder / "logs"
    logs.mkdir(exist_ok=True)
    command = [str(BIN / "jianwei"), "serve", "--port", "{port}"]
    with (
        Served("pages", command, ready="/readyz", environment=home.environment, folder=logs) as server,
        closing(Person(home, server.port)) as person,
    ):
        templates, left_out = person.routes()
        found = {name: told(answers) for name, answers in measured(person, templates, options.requests).items()}
    for name, one in found.items():
        met = name == CLASS or (one["first_p95"] < FIRST_BYTE and one["largest_bytes"] <= LARGEST)
        print(
            f"  {name:24} first byte p50 {one['first_p50']:8.1f} ms  p95 {one['first_p95']:8.1f} ms  "
            f"{one['largest_bytes'] / 1024:6.1f} KiB  {'met' if met else 'MISSED'}"
        )
    if left_out:
        print(f"  not asked, for want of a value in their paths: {', '.join(left_out)}")
    print(json.dumps({"rows": home.rows, "requests": options.requests, "routes": found, "not_asked": left_out}))


if __name__ == "__main__":
    main()

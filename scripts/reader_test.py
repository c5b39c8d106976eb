"""The reader's test (docs/reader-test.md): six entities' pages, twelve questions of each, and what was answered.

``make`` writes what a reader is given, and apart from it the answers, computed from the documents of the API.
``score`` holds a filled sheet against them. Progress goes to people; the last line of standard output is JSON.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from shutil import which

from playwright.sync_api import APIRequestContext, Error, Playwright, sync_playwright
from reader_answers import NUMBERS, Document, ReaderTestError, Told, answers, score

from serving import recourse, reviews, sandbox, settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "reader-test.md"
OUT = ROOT / "build" / "reader-test"
SEED = "reader test 1"  # by which entities are ordered; another one makes another test
LISTED = 500  # entities of a class that are looked at, the first of the list
TRIED = 100  # of those that fit by the list, how many are asked about until one has what is looked for
SECONDS = 900  # until a sandbox is made and answers
SANDBOX = {**os.environ, "JIANWEI_SANDBOX": "1"}
KEY = ("--sandbox", "--json", "--days", "1", "--role", "analyst", "--right", "internal", "--right", "probability")


# ---- which six


@dataclass(frozen=True)
class Sought:
    """An entity the test needs: what it is for, the classes looked through in their order, by what it is known."""

    label: str
    classes: str
    listed: Callable[[Document], bool]
    holds: Callable[[Document, Document], bool] = lambda *_: True


def six(kind: str) -> tuple[Sought, ...]:
    """What the six entities are chosen for; ``kind`` is that of individual businesses."""

    def moved(row: Document) -> bool:
        return row["class_before"] not in {None, row["class"]}

    def anyone(_: Document) -> bool:
        return True

    def ends(state: str) -> Callable[[Document, Document], bool]:
        return lambda _, ways: ways["state"] == state

    return (
        Sought("class D, decided by a rule alone", "D", anyone, lambda told, _: told["model_class"] != "D"),
        Sought("class C, else D, with a way to a safer class", "CD", anyone, ends(recourse.WAYS)),
        Sought("class D, else C, without such a way", "DC", anyone, ends(recourse.NONE)),
        Sought("another class than last month", "DCBA", moved),
        Sought(f"class B, of the kind {kind}", "B", lambda row: row["kind"] == kind),
        Sought("class A", "A", anyone),
    )


def chosen(place: "Place", kind: str) -> dict[str, str]:
    """The six entities by code, each with what it is there for; ReaderTestError where the place has none for one."""
    lists = {name: place.listed(name) for name in "ABCD"}
    found: dict[str, str] = {}
    for sought in six(kind):
        some = [
            code
            for name in sought.classes
            for code in sorted((row["entity"] for row in lists[name] if sought.listed(row)), key=lot)[:TRIED]
            if code not in found
        ]
        fits = (code for code in some if sought.holds(*place.asked(code)))
        code = next(fits, None)
        if code is None:
            raise ReaderTestError(
                f"{place.url} in {place.month}: no entity for “{sought.label}” among {len(some)} that were asked about "
                f"of class {', '.join(sought.classes)}; the test needs one. Nothing was written; take another place."
            )
        found[code] = sought.label
    return found


def lot(code: str) -> str:
    """What entities are ordered by: known to nobody beforehand, the same at every run."""
    return sha256(f"{SEED} {code}".encode()).hexdigest()


# ---- the place they are read from


class Place:
    """A sandbox that answers over HTTP, asked with a key that may see everything."""

    def __init__(self, api: APIRequestContext, url: str) -> None:
        self.url = url
        self._api = api
        self._asked: dict[str, tuple[Document, Document]] = {}
        self.month = str(self.get("/v1/classes?limit=1")["month"])

    def get(self, path: str) -> Document:
        """What is answered to a path; ReaderTestError for anything but a document."""
        answer = self._api.get(self.url + path)
        if not answer.ok:
            raise ReaderTestError(
                f"{self.url}{path}: answered {answer.status}, expected a document. Nothing was written; "
                "look at what the service says, and run again."
            )
        found: Document = answer.json()
        return found

    def listed(self, risk: str) -> list[Document]:
        """The first entities of a class."""
        rows: list[Document] = self.get(f"/v1/classes?class={risk}&period={self.month}&limit={LISTED}")["items"]
        return rows

    def asked(self, code: str) -> tuple[Document, Document]:
        """Explanation and recourse of an entity."""
        if code not in self._asked:
            explanation, ways = (
                self.get(f"/v1/entities/{code}/{name}?period={self.month}") for name in ("explanation", "recourse")
            )
            self._asked[code] = (explanation, ways)
        return self._asked[code]

    def told(self, code: str, days: int | None) -> Told:
        """All that the answers about an entity are computed from; marks of reasons are not told by the API."""
        whole = json.loads(verb("explain", code, "--month", self.month, "--json"))
        codes = self.get("/v1/reason-codes")["codes"]
        return Told(
            *self.asked(code),
            marks={one["code"]: one["visibility"] for one in whole["reasons"]},
            dimensions={one["indicator"]: one["dimension"] for one in codes if one["indicator"]},
            dispute_days=days,
        )


def verb(*words: str) -> str:
    """What a verb of the command line prints, in the sandbox; ReaderTestError where it fails."""
    command = [sys.executable, "-m", "serving", *words]
    done = subprocess.run(command, cwd=ROOT, env=SANDBOX, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ReaderTestError(f"jianwei {words[0]} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


@contextmanager
def served(api: APIRequestContext) -> Iterator[str]:
    """The address of the sandbox, once it answers and for as long; it is made first where it is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving", "serve", "--sandbox", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=SANDBOX, stdout=sys.stderr) as process:  # noqa: S603
        try:
            url = f"http://127.0.0.1:{port}"
            ready(process, api, url)
            yield url
        finally:
            process.terminate()


def ready(process: subprocess.Popen[bytes], api: APIRequestContext, url: str) -> None:
    """Return once the sandbox is whole and the service answers; ReaderTestError where that never is.

    A sandbox answers from its first month on, while the later ones are made.
    """
    place, end = settings.read(sandbox=True), time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        with suppress(Error):
            if sandbox.is_made(place) and api.get(f"{url}/readyz").ok:
                return
        time.sleep(0.5)
    raise ReaderTestError(
        f"{url}/readyz: the service ended or was not ready after {SECONDS} s; expected a sandbox. Nothing was written; "
        "run jianwei serve --sandbox and see what it says."
    )


# ---- what is written


def make(out: Path, kind: str) -> Document:
    """Write the test into a folder: ``reader`` is what the reader is given, ``answers`` is not."""
    if out.exists() and any(out.iterdir()):
        raise ReaderTestError(f"{out} is not empty; a test is written once. Nothing was written; name another --out.")
    path = which("chromium")
    if path is None:
        raise ReaderTestError("Chromium is missing, which prints the pages. Nothing was written; sh scripts/chromium.")
    with sync_playwright() as playwright, served(playwright.request.new_context()) as url:
        key = json.loads(verb("keys", "create", "reader", *KEY))["key"]
        place = Place(playwright.request.new_context(extra_http_headers={"Authorization": f"Bearer {key}"}), url)
        found = chosen(place, kind)
        told = [place.told(code, dispute_days()) for code in found]
        printed = prints(playwright, path, (url, key), [f"{code}?period={place.month}" for code in found])
    write(out, place.month, found, told)
    for code, paper in zip(found, printed, strict=True):
        (out / "reader" / f"{code}.pdf").write_bytes(paper)
    return {"out": str(out), "month": place.month, "entities": found, "questions": len(NUMBERS)}


def dispute_days() -> int | None:
    """Within how many days a dispute made today is answered, as the profile says; none where it takes none."""
    profile = settings.read(sandbox=True).profile
    terms = reviews.terms(profile, settings.today(profile))
    return None if terms is None else int(terms["days"])


def prints(playwright: Playwright, path: str, login: tuple[str, str], pages: Sequence[str]) -> list[bytes]:
    """Pages of entities on A4, as a browser prints them to whoever logged in."""
    url, key = login
    browser = playwright.chromium.launch(executable_path=path)
    context = browser.new_context(locale="zh-CN")
    context.request.post(f"{url}/ui/login", form={"key": key})
    page, found = context.new_page(), []
    for one in pages:
        answer = page.goto(f"{url}/ui/entities/{one}")
        if answer is None or not answer.ok:
            raise ReaderTestError(f"/ui/entities/{one}: not shown; expected the page. Nothing was written; run again.")
        found.append(page.pdf(format="A4", prefer_css_page_size=True, print_background=True))
    browser.close()
    return found


def write(out: Path, month: str, found: Mapping[str, str], told: Sequence[Told]) -> None:
    """Write questions and sheet for the reader; answers and the documents behind them apart."""
    reader, kept = out / "reader", out / "answers"
    for folder in (reader, kept):
        folder.mkdir(parents=True)
    (reader / "questions.md").write_text(questions(), encoding="utf-8")
    empty: Document = {one.code: {number: [] for number in NUMBERS} for one in told}
    write_json(reader / "sheet.json", empty)
    right = {one.code: {"chosen_for": found[one.code], "answers": answers(one)} for one in told}
    write_json(kept / "answers.json", {"month": month, "entities": right})
    write_json(kept / "documents.json", {one.code: asdict(one) for one in told})


def write_json(path: Path, document: Document) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def questions() -> str:
    """What the reader is told and asked: that part of the document, word for word."""
    found = re.search(r"<!-- reader -->\n(.*?)<!-- end -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ReaderTestError(f"{DOCUMENT}: no part between “reader” and “end”. Nothing was written; put it back.")
    return found[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a test or score a sheet; 0, or 1 after an error that says what to do."""
    asked = _parsed(arguments)
    try:
        found = make(asked.out, asked.kind) if asked.what == "make" else score(asked.sheet, asked.answers)
    except ReaderTestError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(json.dumps(found, ensure_ascii=False))
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="what", required=True)
    made = verbs.add_parser("make", help="write a test of the sandbox, which is made where it is not there")
    made.add_argument("--out", type=Path, default=OUT, help="the folder it is written into")
    made.add_argument("--kind", default="individual_business", help="the kind of individual businesses")
    scored = verbs.add_parser("score", help="hold a filled sheet against the answers")
    scored.add_argument("sheet", type=Path)
    scored.add_argument("--answers", type=Path, default=OUT / "answers" / "answers.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

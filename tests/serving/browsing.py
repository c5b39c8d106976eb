"""A town's pages in a real browser: the sandbox as it runs, Chromium at it, and what was seen and said there."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from furnished import MONTH, digest, sandboxed
from running import Running

from serving.access import RIGHTS

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "build" / "screens"
SUMMARY = SCREENS / "summary.json"
NOTICE = {"zh": "内部参考，不作为信用评价", "en": "For internal reference; not an assessment of credit"}
TONGUES = {"zh": "zh-CN", "en": "en"}
WIDTHS = {"wide": 1366, "phone": 360}
HEIGHTS = {1366: 768, 1280: 800, 360: 740}
LARGEST = 150 * 1024  # bytes of a page
ROUTES = {name: one for name, one in RIGHTS.routes.items() if name.startswith("page_") and one.method == "GET"}
FILES = tuple(name for name, one in ROUTES.items() if one.path.endswith(("/export", "/proof", ".csv")))
DOCUMENTS = tuple(name for name in ROUTES if name == "page_model_report")  # shown as somebody signed for it
PAGES = tuple(name for name in ROUTES if name not in FILES + DOCUMENTS)
SHEETS = tuple(name for name in PAGES if name != "page_first")  # that one leads to another
ENTITY, INDICATOR = "T00000", "worst_24m"
SCOPES = {  # whom a key of a role reaches; everybody where it is not here. The entity above lies in all of them
    "regulator_city": {"org": "3601"},
    "regulator_county": {"org": "360102"},
    "department_reader": {"departments": frozenset({"ecology"})},
}
WATCHED = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (one) => {
  window.violations.push(`${one.violatedDirective} ${one.blockedURI}`);
});
"""
LOOKED_AT = """() => {
  const all = (one) => [...document.querySelectorAll(one)];
  const ids = all("[id]").map((one) => one.id);
  const here = all('a[href^="#"]').map((one) => decodeURIComponent(one.getAttribute("href").slice(1)));
  return {
    headings: all("h1").length,
    text: document.body.textContent.replace(/\\s+/g, " "),
    language: document.documentElement.lang,
    title: document.title,
    violations: window.violations ?? [],
    twice: ids.filter((one, place) => ids.indexOf(one) !== place),
    nowhere: here.filter((one) => !ids.includes(one)),
  };
}"""
SWITCHES = (  # this browser reaches nobody but this machine, whatever it would like to ask
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-gpu",
    "--font-render-hinting=none",
)


def allowed(name):
    """A role that may open a page: the one that sees most."""
    return next(role for role in RIGHTS.roles if role in ROUTES[name].roles)


@dataclass
class Tally:
    """What was opened, and what was found."""

    states: set = field(default_factory=set)
    opened: int = 0
    largest: int = 0
    findings: dict = field(default_factory=lambda: dict.fromkeys(("critical", "serious", "moderate", "minor"), 0))
    screens: int = 0

    def document(self):
        """The counts: pages, states (page, role, language, with scripts, width, medium), openings, findings of axe."""
        return {
            "pages": len({state[0] for state in self.states}),
            "states": len(self.states),
            "opened": self.opened,
            "largest_bytes": self.largest,
            "axe": self.findings,
            "screens": self.screens,
        }


class Seat:
    """A window of the browser with the cookies of one person: where pages are opened, and all that is said there."""

    def __init__(self, context, url, state, tally):
        self.page = context.new_page()
        self.requests, self.messages = [], []
        self._url, self._state, self._tally = url, state, tally
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.on("console", lambda one: self._heard(one.type, one.text))
        self.page.on("pageerror", lambda one: self._heard("error", str(one)))

    def _heard(self, kind, text):
        if kind in {"error", "warning"}:
            self.messages.append(text)

    def go(self, path):
        """Open a page; what was asked and said is forgotten before."""
        self.requests.clear()
        self.messages.clear()
        answer = self.page.goto(self._url + path)
        self.note(path)
        return answer

    def fetched(self, path):
        """The answer to a request with the cookies of the window, which shows nothing of it."""
        return self.page.context.request.get(self._url + path)

    def note(self, path, medium="screen"):
        """Count what is open in the state it is open in."""
        self._tally.opened += 1
        self._tally.states.add((path.partition("?")[0], *self._state, medium))

    @property
    def elsewhere(self):
        """Requests that went to another host."""
        return [one for one in self.requests if not one.startswith(("data:", self._url + "/"))]

    @property
    def main(self):
        """What is read in the page, without what scripts draw."""
        return self.page.evaluate(
            """() => {
              const main = document.querySelector("main").cloneNode(true);
              main.querySelectorAll("script, noscript, .chart").forEach((one) => one.remove());
              return main.textContent.replace(/\\s+/g, " ").trim();
            }"""
        )

    def faults(self, language):
        """What is wrong with an open page, whichever it is."""
        found = self.page.evaluate(LOOKED_AT)
        told = {
            f"{found['headings']} h1": found["headings"] != 1,
            "no notice": NOTICE[language] not in found["text"],
            f"in {found['language']}": found["language"] != TONGUES[language],
            f"without a title: {found['title']!r}": not found["title"].strip(" ·"),
            f"another host was asked: {self.elsewhere}": bool(self.elsewhere),
            f"forbidden by its headers: {found['violations']}": bool(found["violations"]),
            f"said: {self.messages}": bool(self.messages),
            f"ids twice: {found['twice']}": bool(found["twice"]),
            f"links to no place on it: {found['nowhere']}": bool(found["nowhere"]),
        }
        return [one for one, is_wrong in told.items() if is_wrong]

    def links(self):
        """Addresses of our own that the page leads to, but for the other language, which would stay."""
        found = self.page.evaluate("() => [...document.querySelectorAll('a[href]')].map((one) => one.href)")
        own = (urlsplit(one) for one in found if one.startswith(self._url + "/"))
        return sorted({one.path + (f"?{one.query}" if one.query else "") for one in own if "lang=" not in one.query})


class Browser:
    """Chromium at a running sandbox; each role, language and way of looking has a window and cookies of its own."""

    def __init__(self, chromium, server):
        self.url, self.tally = server.url, Tally()
        self._chromium, self._server = chromium, server
        self._seats = {}
        self._keys = {}

    def address(self, name):
        """Where a page lies; KeyError for a path with a value that is not known here: state one in ``values``."""
        return ROUTES[name].path.format_map(self.values)

    @cached_property
    def values(self):
        """What stands in paths, by the name it has there: things there are in the town, within everybody's scope."""
        asked = {"entity": ENTITY, "kind": "class", "statement": "分类有误，请核对。"}
        key, once = self.key("analyst", "周二"), {"Idempotency-Key": "a-dispute-to-be-looked-at"}
        status, _, body = self._server.get("/v1/disputes", key=key, body=asked, headers=once)
        assert status == 201, body
        dispute = json.loads(body)["dispute"]
        return {"entity": ENTITY, "month": MONTH, "indicator": INDICATOR, "digest": digest(), "dispute": dispute}

    def key(self, role, holder="林一"):
        """A key of a role with its rights, without limits, in the name of a person."""
        if (role, holder) not in self._keys:
            stated = {"org": "", "holder": holder, **SCOPES.get(role, {})}
            self._keys[role, holder] = self._server.town.key(*RIGHTS.roles[role], role=role, **stated)
        return self._keys[role, holder]

    def stranger(self, *, javascript=True, width=1280):
        """A window of somebody who has not logged in."""
        size = {"width": width, "height": HEIGHTS[width]}
        context = self._chromium.new_context(java_script_enabled=javascript, viewport=size, locale="zh-CN")
        context.set_default_timeout(20_000)
        if javascript:
            context.add_init_script(WATCHED)
        return context

    @contextmanager
    def alone(self, role, language="zh", *, javascript=True, width=1280):
        """A window of somebody of a role that no other test looks through; closed after it."""
        seat = self._seated(role, language, javascript, width)
        yield seat
        seat.page.context.close()

    def opened(self, role, language="zh", *, javascript=True, width=1280):
        """The window of somebody of a role; nobody's (None) is not logged in."""
        state = (role, language, javascript, width)
        if state not in self._seats:
            self._seats[state] = self._seated(*state)
        return self._seats[state]

    def _seated(self, role, language, javascript, width):
        context = self.stranger(javascript=javascript, width=width)
        if role is not None:
            entered = context.request.post(f"{self.url}/ui/login", form={"key": self.key(role)}, max_redirects=0)
            assert entered.status == 303, f"a {role} was not let in"
        cookie = {"name": "jianwei_language", "value": language, "domain": "127.0.0.1", "path": "/ui"}
        context.add_cookies([cookie])
        return Seat(context, self.url, (role, language, javascript, width), self.tally)

    def shot(self, name, seat, **options):
        """Keep a picture of what is open."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        seat.page.screenshot(path=SCREENS / f"{name}.png", full_page=True, animations="disabled", **options)
        self.tally.screens += 1


@contextmanager
def chromium():
    """The browser of this machine; none is ever downloaded."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "Chromium is missing; sh scripts/chromium installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        yield browser
        browser.close()


@contextmanager
def visited(classified, folder, tests):
    """Chromium at the sandbox of a town, made in a folder; what a file of tests opened and found is counted."""
    town = sandboxed(classified, folder)
    with Running(town, JIANWEI_SANDBOX="1", JIANWEI_HOME=str(folder)) as server, chromium() as found:
        own = Browser(found, server)
        yield own
        kept(tests, own.tally.document())


def kept(tests, counts):
    """Write what a file of tests counted beside what others did: a line of JSON for each."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    lines = SUMMARY.read_text(encoding="utf-8").splitlines() if SUMMARY.is_file() else []
    others = [one for one in lines if json.loads(one)["tests"] != tests]
    SUMMARY.write_text("\n".join([*others, json.dumps({"tests": tests, **counts})]) + "\n", encoding="utf-8")

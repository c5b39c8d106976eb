"""A town's pages as a person sees them: a browser without a screen, at the service in this process."""

import html
import re

import httpx
import offices
from calling import request_to
from town import NOW

from serving.access import RIGHTS
from serving.browser import PAGES
from serving.pages.front import Front
from serving.pages.routes import application as pages
from serving.scoring.routes import application
from serving.sessions import Sessions


def guarded(town, desk, *, is_sandbox=True, now=lambda: NOW, portal=None):
    """The API and the pages over a desk, behind the wall."""
    app = application(desk)
    sessions = Sessions(town.store, now, town.profile.zone)
    app.mount(PAGES, pages(Front(desk, sessions, is_sandbox, portal)))
    return offices.guarded(town, app, now=now, sessions=sessions)


class Within(httpx.BaseTransport):
    """Carries requests to an application in this process."""

    def __init__(self, app):
        self._app = app

    def handle_request(self, request):
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        path, body = request.url.raw_path.decode(), request.read()
        found = request_to(self._app, request.method, path, headers=headers, chunks=(body,))
        return httpx.Response(found.status, headers=found.pairs, content=found.body)


class Visitor(httpx.Client):
    """A browser with its cookies."""

    def __init__(self, guard):
        super().__init__(transport=Within(guard), base_url="http://127.0.0.1")

    @classmethod
    def of(cls, guard, town, role, *, org="", rights=None, **more):
        """Somebody of a role who is logged in."""
        key = town.key(*(RIGHTS.roles[role] if rights is None else rights), role=role, org=org, **more)
        found = cls(guard)
        assert found.post("/ui/login", data={"key": key}).status_code == 303
        return found

    def token(self, path="/ui/help"):
        """The token that forms of the session bear."""
        return re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get(path).text)[1]

    def submit(self, path, **fields):
        """Send a form of a page."""
        return self.post(path, data={**fields, "csrf": self.token()})


def words(page):
    """What is read on a page, without its tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

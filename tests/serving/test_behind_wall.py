"""The wall in front of the frameworks it stands before: a FastAPI application mounted as BentoML mounts one."""

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from gatehouse import principal, watch
from starlette.applications import Starlette
from starlette.routing import Mount

from serving.http import ProblemError, Told, problem_body, tell
from serving.wall import Guard

KEY = [("authorization", "Bearer good")]
CSV = [*KEY, ("content-type", "text/csv")]


def mounted(tmp_path):
    app = FastAPI()

    @app.exception_handler(ProblemError)
    async def problem(_, fault):
        from starlette.responses import Response

        return Response(problem_body(fault), fault.status, media_type="application/problem+json")

    @app.get("/v1/entities/{entity}/class")
    def class_of(entity: str, request: Request) -> dict:
        if entity == "unknown":
            raise ProblemError("not-found")
        if entity != "silent":
            tell(request, Told((entity,), 1))
        state = request.scope["state"]
        return {"key": request.state.principal.key, "route": state["route"].name, "purpose": state["purpose"]}

    @app.get("/v1/classes")
    def classes(request: Request) -> StreamingResponse:
        tell(request, Told(("a", "b"), 2))
        return StreamingResponse(iter([b"[", b"]"]), media_type="application/json")

    @app.post("/v1/jobs/scoring", status_code=202)
    async def job(request: Request) -> dict:
        return {"bytes": sum([len(part) async for part in request.stream()])}

    found = watch(lambda token, _: principal() if token == "good" else None, home=tmp_path)  # noqa: S105
    whole = Starlette(routes=[Mount("/", app=app)])
    whole.add_middleware(Guard, watch=found)
    return whole


def test_handlers_find_who_asks_and_say_of_whom_they_tell(call, tmp_path):
    app = mounted(tmp_path)
    answer = call(app, path="/v1/entities/T00001/class", headers=[*KEY, ("x-purpose", "p")])
    assert (answer.status, answer.json) == (200, {"key": "0a1b2c3d", "route": "class", "purpose": "p"})
    assert call(app, path="/v1/entities/silent/class", headers=KEY).status == 500
    assert call(app, path="/v1/entities/unknown/class", headers=KEY).body == problem_body(ProblemError("not-found"))
    assert call(app, path="/v1/classes", headers=KEY).body == b"[]"
    assert call(app, path="/docs", headers=KEY).status == 404


def test_a_file_streams_through_and_one_too_large_is_413(call, tmp_path, monkeypatch):
    from serving.access import RIGHTS

    app = mounted(tmp_path)
    part = b"x" * 1_000_000
    answer = call(app, "POST", "/v1/jobs/scoring", headers=CSV, chunks=[part] * 3)
    assert (answer.status, answer.json) == (202, {"bytes": 3_000_000})
    monkeypatch.setitem(vars(RIGHTS.routes["make_job"]), "largest", 2_000_000)
    assert call(app, "POST", "/v1/jobs/scoring", headers=CSV, chunks=[part] * 3).status == 413


def test_what_cannot_be_audited_does_not_leave_even_from_a_stream(call, tmp_path):
    (tmp_path / "home").write_text("no folder")
    app = mounted(tmp_path / "home")
    for path in ("/v1/classes", "/v1/entities/T00001/class"):
        answer = call(app, path=path, headers=KEY)
        assert (answer.status, answer.body) == (503, problem_body(ProblemError("audit-unavailable")))

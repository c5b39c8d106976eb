"""The verb that answers requests."""

from typing import TYPE_CHECKING, Annotated

import typer

from serving import display
from serving.entrance import settings
from serving.process import LOOPBACK, leave_on_signal, listen

if TYPE_CHECKING:
    from socket import socket

    from serving.settings import Settings

JOBS = "serving.runner"
PATIENCE = 3.0  # seconds until the helper process of jobs is started
KEY = "jianwei keys create demo{sandbox} --role integrator_score"


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 3000,
    host: Annotated[str, typer.Option(help="The address to listen on; this machine only by default.")] = LOOPBACK,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many processes answer; else JIANWEI_WORKERS, else one.")
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="On a simulated province of its own, made on first use.")
    ] = False,
    prepare: Annotated[bool, typer.Option("--prepare", help="Make the simulated province, and end.")] = False,
) -> None:
    """Answer scores, classes, explanations and histories over HTTP (BentoML); every route needs an API key."""
    from serving import settings as edge

    leave_on_signal()
    chosen = settings(sandbox=sandbox or prepare)
    size, _, _ = edge.workers(workers), edge.gateways(), edge.doors(chosen)  # a mistake is heard of before all else
    edge.adopt(chosen)
    if prepare:
        from serving.sandbox import make

        make(chosen, context.find_root().command)
        return
    listening = listen(host, port)
    if chosen.is_sandbox:
        from serving.sandbox import made_beside

        made_beside(chosen)
    _answer(chosen, f"http://{host}:{port}", listening, size)


def _answer(chosen: "Settings", url: str, listening: "socket", size: int) -> None:
    from serving import settings as edge
    from serving.store import Store

    Store(chosen.store, chosen.home).upgrade()
    where = "simulated data, a sandbox" if chosen.is_sandbox else f"profile {chosen.profile.name}"
    display.say(f"{url}  {where}; {size} process{'es' if size > 1 else ''}; stop with Ctrl-C")
    display.say(f"a key: {KEY.format(sandbox=' --sandbox' if chosen.is_sandbox else '')}")
    if size > 1:
        from serving.scoring.runner import Runner
        from serving.workers import Workers

        jobs = Runner(JOBS, after=PATIENCE)
        jobs.start()
        Workers(size, listening).run()
        jobs.stop()
        return
    service = edge.service  # first: it begins the trial of the scheme before anything else is imported
    from serving.scoring.runner import Runner
    from serving.service import answer

    Runner(JOBS, after=PATIENCE).start()  # it ends with this process
    answer(service, listening, edge.now)

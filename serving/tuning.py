"""The verb that looks for better settings of the trees."""

from typing import Annotated

import typer

from serving import display, screens
from serving.entrance import Json, day, workshop


def tune(
    known_by: Annotated[
        str | None, typer.Option(help="Labels as known by this day; else the lake's last month end.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="An outcome of the profile; else its first.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; those finished before are kept.")] = 40,
    json: Json = False,
) -> None:
    """Try settings of the trees on a later date and other entities; print the best, log every trial to MLflow."""
    from serving import settings as edge
    from training.registry import Study, log_study
    from training.tuning import STUDY_FILE

    bench = workshop()
    until = day(known_by, until=edge.today(bench.settings.profile)) if known_by else bench.known_until()
    with display.step("tune") as step:
        task, folder, found = bench.tune(until, outcome, trials, step.report)
        step.note = f"log loss {found.before:.6f} before, {found.loss:.6f} now"
    study = Study(
        experiment=bench.settings.profile.settings["experiment"],
        name=f"tuning {task.outcome.code} {until}",
        settings=found.document()["best"],
        figures={"log_loss": found.loss, "log_loss_before": found.before},
        trials=found.trials,
        files=(folder / STUDY_FILE,),
    )
    run = log_study(bench.settings.mlruns, study)
    if json:
        display.document({**found.document(), "run": run})
        return
    screens.tuned(found.document(), run)

"""The command line: one verb a task of the month, figures on stdout, everything else on stderr.

Imports stay inside the verbs, so that a verb loads only the rooms it works in.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving import (
    acts,
    card,
    council,
    display,
    disputes,
    keyring,
    one_entity,
    returned,
    screens,
    selection,
    serve,
    storeroom,
    tuning,
)
from serving.entrance import (
    EngineName,
    Json,
    Method,
    Progress,
    choose,
    classes,
    day,
    day_or_month,
    exit_code,
    leave,
    message,
    month_gone_by,
    month_option,
    named_month,
    of_the_place,
    workshop,
)

if TYPE_CHECKING:
    from serving.workshop import Workshop

app = typer.Typer(
    help="Jianwei 见微: monthly credit-risk classes of market entities, explained. 内部参考，不作为信用评价。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # typer would load Markdown and every lexer for the help page
)
app.add_typer(council.verbs, name="promote")
app.add_typer(selection.verbs, name="indicators")
app.add_typer(keyring.verbs, name="keys")
app.add_typer(storeroom.verbs, name="store")
app.add_typer(disputes.verbs, name="disputes")
app.command()(acts.acts)
app.command()(card.card)
app.command()(tuning.tune)
app.command()(returned.returns)
app.command()(serve.serve)


@app.callback()
def everywhere(
    profile: Annotated[
        str | None, typer.Option(help="A profile's name or folder (else JIANWEI_PROFILE, else the default).")
    ] = None,
    sector: Annotated[
        str | None, typer.Option(help="A sector of it with indicators of its own (else JIANWEI_SECTOR, else none).")
    ] = None,
    progress: Annotated[
        Progress, typer.Option(help="Progress on stderr as text, or as json: one object a line, for a scheduler.")
    ] = Progress.text,
) -> None:
    """Choose the place to work on; homes lie in $JIANWEI_HOME (default ./var), one folder a profile."""
    choose(profile, sector)
    display.progress_as(progress.value)


def main() -> None:
    """Run a verb; a known fault ends with its message and its family's exit code."""
    try:
        app()
    except Exception as fault:
        code = exit_code(fault)
        if code is None:
            raise
        display.say(message(fault))
        sys.exit(code)
    finally:
        leave()


@app.command()
def simulate(
    entities: Annotated[int, typer.Option(min=1, help="How many entities the province has.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    first: Annotated[str, typer.Option(help="First month of records.")] = "2017-04",
    last: Annotated[str, typer.Option(help="Last month of records.")] = "2026-03",
    detection: Annotated[float, typer.Option(min=0, help="How many times the usual detection rate; declared.")] = 1.0,
    json: Json = False,
) -> None:
    """Make a simulated province with known truth, as deliveries in the home."""
    from dataclasses import asdict

    from features.simulation.province import Province
    from features.simulation.province import simulate as make

    chosen = of_the_place()
    wanted = Province(entities, seed, month_option(first), month_option(last), detection)
    with display.step("simulate") as step:
        made = make(chosen.profile, chosen.home, wanted, progress=step.portion)
        step.note = f"{made.entities:,} entities, {made.records:,} rows in {made.deliveries} deliveries"
    if json:
        display.document(asdict(made))
        return
    rows = sorted(made.by_type.items(), key=lambda one: -one[1])
    display.table(f"Rows by record type (detection × {made.detection:g}, declared)", ["record type", "rows"], rows)


@app.command()
def intake(
    deliveries: Annotated[list[Path], typer.Argument(help="Delivery folders, each with a manifest.json.")],
    json: Json = False,
) -> None:
    """Take deliveries into the lake: every row is accepted, a duplicate, rejected with a reason, or unmatched."""
    from features.records.intake import take
    from serving import settings as edge
    from serving.workshop import Workshop, receipt_document

    bench = Workshop(of_the_place())
    with display.step("intake") as step:
        receipts = take(
            deliveries,
            lake=bench.lake,
            journal=bench.journal,
            recorded_at=edge.now(),
            progress=lambda stage, done, total: step.portion(done, total, stage),
            helpers=edge.helpers(),
        )
        step.note = f"{sum(one.sent for one in receipts):,} rows of {len(receipts)} deliveries"
    found = [receipt_document(receipt) for receipt in receipts]
    for receipt in receipts:
        for warning in (*receipt.warnings, *([receipt.problem] if receipt.problem else [])):
            display.say(f"{receipt.delivery}: {warning}")
    if json:
        display.document(found[0] if len(found) == 1 else found)
    else:
        screens.receipts(found)
    if any(receipt.refused for receipt in receipts):
        raise typer.Exit(10)


@app.command()
def matrix(
    as_of: Annotated[
        list[str], typer.Option("--as-of", help="The as-of date, YYYY-MM-DD (repeat: several dates in one pass).")
    ],
    engine: EngineName = None,
    json: Json = False,
) -> None:
    """Compute the indicator matrix of one date or several into the home; an unchanged one is not computed again."""
    from features.archive import keep
    from features.engine import Engine
    from serving import settings as edge

    bench = workshop()
    dates, chosen = (
        [day(one, until=edge.today(bench.settings.profile)) for one in as_of],
        Engine(engine or bench.engine),
    )
    with display.step(f"matrix {' '.join(as_of)}") as step:
        kept = keep(bench.lake, bench.definitions, dates, home=bench.home, engine=chosen.name, report=step.report)
        step.note = f"{sum(one['rows'] for one in kept):,} rows × {len(bench.definitions.codes)} indicators"
    found = [{**one, "indicators": bench.indicators} for one in kept]
    if json:
        display.document(found[0] if len(found) == 1 else found)
        return
    screens.matrices(found)


@app.command()
def train(
    known_by: Annotated[
        str | None, typer.Option(help="Labels as known by this day; else the lake's last month end.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="An outcome of the profile; else its first.")] = None,
    method: Annotated[Method, typer.Option(help="card: a points score card on the same indicators.")] = Method.trees,
    json: Json = False,
) -> None:
    """Train, calibrate, cut and sign a scheme; log and register it in MLflow as challenger."""
    from serving import settings as edge
    from training.retrain import logged

    bench = workshop()
    until = day(known_by, until=edge.today(bench.settings.profile)) if known_by else bench.known_until()
    with display.step("train") as trained:
        task, made = bench.train(until, outcome, trained.report, method.value)
        trained.note = f"scheme {made.digest[:12]}"
        took = {"seconds": trained.seconds, "peak_gib": display.peak_gib()}
    with display.step("log to MLflow") as step:
        registered = logged(task, made, bench.settings.mlruns, verify_key=bench.office.scheme_key)
        step.note = f"{registered.model} version {registered.version}, run {registered.run_id}"
    facts = {"model": registered.model, "version": registered.version, "run": registered.run_id}
    bench.remember_run(task, {**took, **bench.run_of(task, made.digest), **facts, "digest": made.digest})
    found = {**made.figures, "folder": str(made.folder), "version": registered.version, "run": registered.run_id}
    found["indicators"] = bench.indicators
    if json:
        display.document(found)
        return
    screens.training(found)


@app.command()
def evaluate(json: Json = False) -> None:
    """Judge the newest scheme: discrimination, calibration, random draws, stability, the gate; write the report."""
    from serving import judgement
    from serving import settings as edge

    bench = workshop()
    with display.step("evaluate") as step:
        found, folder = bench.evaluate(on=edge.today(bench.settings.profile), say=step.report)
        step.note = f"verdict {found['gate']['verdict']}, report {folder / 'report.html'}"
    with display.step("log to MLflow") as step:
        run = judgement.logged(bench.settings.mlruns, bench.settings.profile.settings["model"], found, folder)
        step.note = f"run {run}" if run else "the scheme was never registered"
    if json:
        display.document({**found, "indicators": bench.indicators, "report": str(folder / "report.html")})
        return
    screens.assessment(found, folder)


@app.command()
def month(
    month: Annotated[str, typer.Argument(help="The month to classify, YYYY-MM.")],
    correction: Annotated[str | None, typer.Option(help="Why a published month is corrected: a supplement.")] = None,
    engine: EngineName = None,
    json: Json = False,
) -> None:
    """Classify everyone as of the month's end, explain everyone, seal and publish the month."""
    from evaluation.versions import check_in_effect
    from serving import settings as edge
    from serving.monthly import Run, classify

    bench = workshop()
    wanted = month_gone_by(month, edge.today(bench.settings.profile))
    display.say(f"month {wanted}")
    bench.store.check()  # a store that is away is heard of before the work, not after it
    scheme = bench.reigning()
    check_in_effect(bench.office, scheme.definitions, wanted)
    sources = bench.sources(scheme, wanted.end, engine)
    run = Run(wanted, bench.home, sources, "operator", edge.now(), correction, edge.helpers())
    watch = display.Watch()
    made = classify(run, watch=watch)
    sealed = bench.month(wanted)
    display.say(f"{wanted} is sealed: {made.head.digest}")  # whatever becomes of its copy in the store
    with storeroom.of_sealed(wanted, made.head.digest), watch("load") as step:
        stored = bench.load(sealed, at=edge.now(), report=step.portion, sources=sources)
        step.note = f"{stored.rows:,} rows" if stored.made else "stands already"
    found = {
        "month": str(wanted),
        "made": made.made,
        "inputs_changed": made.inputs_changed,
        "later": [name for name in bench.results.months() if name > str(wanted)],
        "root": made.head.root,
        "head": made.head.digest,
        "scheme": made.head.scheme,
        "indicators": sealed.indicators,
        "classes": sealed.counts(),
        "counts": dict(made.counts),
        "largest_error": made.largest_error,
        "load": stored.load,
        "seconds": watch.seconds,
        "peak_gib": display.peak_gib(),
    }
    if json:
        display.document(found)
        return
    screens.month(found, sealed)


@app.command()
def explain(
    entity: Annotated[str, typer.Argument(help="The entity's code.")],
    month: Annotated[str | None, typer.Option(help="A published month; else the newest.")] = None,
    json: Json = False,
) -> None:
    """Say why an entity has its class: reasons with their records, contributions, rules, and what changed since."""
    from serving.access import AccessError
    from serving.changes import since_before
    from serving.explanation import document

    bench = workshop()
    sealed = bench.month(named_month(month))
    light = sealed.find(entity)
    if light is None:
        raise AccessError(f"{sealed.month} has no entity {entity}. Nothing is shown; check the code and the month.")
    found = document(sealed, light, bench.scheme(sealed.parts[light["part"]].head.scheme))
    found["change"] = since_before(bench.results, sealed, light, bench.scheme)
    if json:
        display.document(found)
        return
    one_entity.explanation(found, bench.settings.profile.language)


@app.command()
def export(
    month: Annotated[str | None, typer.Option(help="A published month; else the newest.")] = None,
    risk_class: Annotated[list[str] | None, typer.Option("--class", help="Only these classes (repeat).")] = None,
    region: Annotated[str, typer.Option(help="Only entities whose region begins so.")] = "",
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many, riskiest first.")] = None,
    office: Annotated[
        Path | None, typer.Option(help="Write the lists and pages of a county (--region) into this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """List classified entities, riskiest margin first; or write what a county's office uses on Monday."""
    bench = workshop()
    sealed = bench.month(named_month(month))
    if office is not None:
        screens.written(_office(bench, sealed, region, office), json=json)
        return
    listed = sealed.listed(classes=classes(risk_class), region=region, limit=limit)
    names = ("code", "class", "confidence", "probability", "margin", "class_before", "cause", "kind", "region")
    rows = [{("entity" if name == "code" else name): row[name] for name in names} for row in listed]
    words = sealed.words["notice"]
    stated = {"month": sealed.month, "scheme": sealed.head.scheme, "indicators": sealed.indicators}
    found = {**stated, "notice": words["zh"], "notice_en": words["en"], "entities": rows}
    if json:
        display.document(found)
        return
    screens.listed(found)


def _office(bench: "Workshop", sealed: Any, region: str, folder: Path) -> list[Path]:
    from features.asof import Month
    from serving.office import County, write

    if not region:
        raise typer.BadParameter("--office needs --region: the county whose lists are written.")
    scheme = bench.scheme(sealed.head.scheme)
    sources = bench.sources(scheme, Month.parse(sealed.month).end)
    return write(County(bench.results, sources, region, bench.scheme), folder)


@app.command()
def quality(
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A date or a month; else the last month end the lake knows all of.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write into this folder; else quality/MONTH of the home.")] = None,
    json: Json = False,
) -> None:
    """Say how complete and fresh records and indicators are, and which feeds are overdue; Parquet and a page."""
    from serving import settings as edge
    from serving.quality import Survey, write

    bench = workshop()
    today = edge.today(bench.settings.profile)
    asked = None if as_of is None else day_or_month(as_of, today)
    known = bench.known_until()  # of an empty lake there is nothing to say
    on = asked or known
    with display.step(f"quality {on}") as step:
        found = Survey(bench, on, step.report)
        folder = out or bench.home / "quality" / str(found.month)
        write(found, folder)
        step.note = f"{len(found.document['alerts'])} alerts, {folder / 'quality.html'}"
    if json:
        display.document({**found.document, "folder": str(folder)})
        return
    screens.quality(found.document, folder)


@app.command()
def status(
    verify: Annotated[bool, typer.Option(help="Recompute the journal, the lake's digests and every seal.")] = False,
    json: Json = False,
) -> None:
    """Say what the home holds: deliveries, months with their classes, the champion; with --verify, whether it holds."""
    from serving.inventory import inventory

    bench = workshop()
    found = inventory(bench, verify=verify)
    if json:
        display.document(found)
    else:
        screens.inventory(found)
    if verify and found["verified"]["faults"]:
        raise typer.Exit(60)

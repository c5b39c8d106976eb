"""The whole line on a simulated province: deliveries, matrix, scheme, verdict, champion, three months, one office.

Run by ``make demo``; every step is a verb of the command line, shown as it would be typed.
"""

import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc

from serving import cli, display, entrance
from serving.explanation import document
from serving.sandbox import Line, typed
from serving.workshop import Workshop

LINE = Line()
figures = display.figures.print


def main() -> None:
    """Run the line and print what a person wants to see at its end."""
    started = time.monotonic()
    taken: dict[str, float] = {}

    def timed(name: str, *commands: tuple[str, ...]) -> None:
        before = time.monotonic()
        for command in commands:
            typed(cli.app, *command)
        taken[name] = time.monotonic() - before

    bench = Workshop(entrance.settings())
    for name, commands in LINE.steps(lambda: Workshop(bench.settings)):
        timed(name, *commands)
        if name == "intake":
            timed("matrix", (f"matrix --as-of {LINE.known_by}",))
    bench = Workshop(bench.settings)
    county = busiest(bench)
    office = bench.home / "office" / county / LINE.months[-1]
    timed("office", (f"export --month {LINE.months[-1]} --region {county} --office {office}",))
    summary(bench, county, office)
    times = [[name, seconds] for name, seconds in taken.items()]
    display.table(f"Seconds by step ({time.monotonic() - started:.0f} in all)", ["step", "seconds"], times)


def busiest(bench: Workshop) -> str:
    """The county with the most changes of class in the last month, then the lowest code."""
    rows = bench.month(LINE.months[-1]).rows
    moved = rows.filter(pc.fill_null(pc.not_equal(rows["class"], rows["class_before"]), False))
    counted = Counter(code for code in moved["region"].to_pylist() if code)
    return str(min(counted, key=lambda code: (-counted[code], code)))


def summary(bench: Workshop, county: str, office: Path) -> None:
    """Class shares by kind, who moved and why, one entity explained, and where to look further."""
    sealed = bench.month(LINE.months[-1])
    figures("")
    figures(f"[bold]{bench.settings.profile.label}（模拟） {sealed.month} 信用风险分类[/bold]")
    figures(bench.settings.profile.notice)
    shares(bench)
    movers(sealed)
    explained(bench, sealed, county)
    further(bench, office)


def shares(bench: Workshop) -> None:
    """The shares of the classes by kind, in the last month."""
    rows = bench.month(LINE.months[-1]).rows
    table = []
    for kind in bench.settings.profile.kinds:
        own = rows.filter(pc.equal(rows["kind"], kind.code))["class"].drop_null().to_pylist()
        counted = Counter(own)
        table.append([kind.label, len(own), *(f"{counted[name] / max(len(own), 1):.1%}" for name in "ABCD")])
    display.table("各类占比 class shares by kind", ["主体类型", "户数", "A", "B", "C", "D"], table)
    months = []
    for name in LINE.months:
        counts = bench.month(name).counts()
        months.append([name, sum(counts.values()), *counts.values()])
    display.table("各月 months", ["月", "户数", "A", "B", "C", "D"], months)


def movers(sealed: object) -> None:
    """Who moved in the last month, from which class to which, and why."""
    rows = sealed.rows  # type: ignore[attr-defined]
    moved = rows.filter(pc.fill_null(pc.not_equal(rows["class"], rows["class_before"]), False))
    keys = zip(*(moved[name].to_pylist() for name in ("class_before", "class", "cause")), strict=True)
    counted = Counter(keys)
    table = [[before, after, cause, count] for (before, after, cause), count in counted.most_common(12)]
    display.table(f"类别变动 who moved ({moved.num_rows} of {rows.num_rows})", ["前", "后", "原因", "户数"], table)


def explained(bench: Workshop, sealed: object, county: str) -> None:
    """The riskiest entity of the county whose reasons cite records, in Chinese."""
    for light in sealed.listed(classes=("D", "C"), region=county):  # type: ignore[attr-defined]
        found = document(sealed, light, bench.scheme(sealed.head.scheme))  # type: ignore
        cited = [reason for reason in found["reasons"] if reason.get("evidence")]
        if len(cited) < 2:
            continue
        figures("")
        figures(f"[bold]{found['entity']}  类别 {found['class']}  模型估计被查实概率 {found['probability']:.1%}[/bold]")
        for reason in found["reasons"]:
            arrow = "↓" if (reason["contribution"] or 0) < 0 else "↑"
            figures(f"  {arrow} {reason['text']}", markup=False)
            for record in reason.get("evidence", ())[:2]:
                known = record["known_since"]
                figures(
                    f"      {record['number'] or ''}  {record['date']}  知悉 {known}  [{record['record']}]",
                    markup=False,
                )
        return


def further(bench: Workshop, office: Path) -> None:
    """The paths and commands to look further."""
    _, made = bench.latest(display.quiet)
    report = bench.report_folder(made.digest) / "report.html"
    store = bench.settings.mlruns
    lines = (
        ("评估报告 report", str(report)),
        ("县局名单与说明页 office", str(office / "index.html")),
        ("MLflow", f".venv/bin/mlflow ui --backend-store-uri sqlite:///{store}/mlflow.db --port 5000"),
        (
            "接口 service",
            ".venv/bin/jianwei keys create demo --role integrator_score; .venv/bin/jianwei serve --port 3000",
        ),
        ("状态 status", ".venv/bin/jianwei status --verify"),
    )
    figures("")
    for label, value in lines:
        figures(f"{label}:  {value}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        main()
    except Exception as fault:
        code = entrance.exit_code(fault)
        if code is None:
            raise
        display.say(str(fault))
        sys.exit(code)

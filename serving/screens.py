"""The tables and texts each verb prints for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.display import document, figures, say, table
from training.sureness import LABELS

WORST = 12  # rows shown of a long table
COUNTS = ("sent", "accepted", "duplicate", "rejected", "unmatched", "late")
FEED = ("item", "source", "received", "expected", "delay_median", "delay_p90", "matched_share", "last_day")
HEALTH = ("code", "coverage", "freshness_days", "psi", "auc", "contribution_share")
KINDS = ("kind", "positives", "O/E", "interval", "slope", "skill", "relative ECE")


def receipts(found: Sequence[Mapping[str, Any]]) -> None:
    """One row a delivery: what became of its rows, and rejects by code."""
    rows = [[one["delivery"], *(one[name] for name in COUNTS), one["refused"] or _codes(one)] for one in found]
    table("sent = accepted + duplicate + rejected + unmatched", ["delivery", *COUNTS, "refused or rejects"], rows)


def _codes(receipt: Mapping[str, Any]) -> str:
    return ", ".join(f"{code} {count}" for code, count in receipt["rejects"].items())


def matrices(found: list[dict[str, Any]]) -> None:
    """Matrices that are kept: share of nulls and mean of every indicator."""
    for kept in found:
        shown = [[name, row["null_share"], row["mean"]] for name, row in kept["columns"].items()]
        table(f"Matrix as of {kept['as_of']} in {kept['folder']}", ["indicator", "null share", "mean"], shown)


def training(found: Mapping[str, Any]) -> None:
    """The figures of a trained scheme by part."""
    parts = found["parts"]
    names = sorted({name for part in parts.values() for name, value in part.items() if isinstance(value, int | float)})
    rows = [[part, *(values.get(name) for name in names)] for part, values in parts.items()]
    table(f"Scheme {found['digest'][:12]}, MLflow version {found['version']}", ["part", *names], rows)


def tuned(found: Mapping[str, Any], run: str) -> None:
    """The best trials of a search for settings, and the lines for model.yaml."""
    rows = sorted(found["trials"], key=lambda trial: trial["log_loss"])[:10]
    columns = ["log_loss", "count", "depth", "leaves", "min_rows", "feature_share", "l2"]
    table(
        f"{len(found['trials'])} trials, the best {len(rows)} (log loss of the first, as model.yaml has it: "
        f"{found['log_loss_before']:.6f}); MLflow run {run}",
        columns,
        [[f"{row['log_loss']:.6f}", *(row[name] for name in columns[1:])] for row in rows],
    )
    figures.print("model.yaml, trees (count: leave room above the one found, folds choose):")
    for name, value in found["best"].items():
        figures.print(f"  {name}: {value:g}", markup=False)


def card(found: Mapping[str, Any], language: str) -> None:
    """The weights of a score card, then each indicator's steps with their points, the heaviest first."""
    weights = [[name, weight] for name, weight in found["weights"]["dimension"].items()]
    table(
        f"Score card {found['scheme'][:12]}: {found['double']:g} points double the odds",
        ["dimension", "weight"],
        weights,
    )
    label = "label" if language == "zh" else "label_en"
    rows = [
        [line["code"], line[label], line["weight"], _step(step), step["points"], step["rows"]]
        for line in found["indicators"]
        for step in [*line["steps"], *([line["null"]] if line["null"] else [])]
    ]
    table("More points, more risk", ["indicator", "what", "weight", "value", "points", "of rows"], rows)
    bases = ", ".join(f"{kind} {base:.1f}" for kind, base in found["base"].items())
    say(f"base by kind, to which the points are added: {bases}; 'of rows' is a step's share of the training rows")


def _step(step: Mapping[str, Any]) -> str:
    if "up_to" not in step:
        return "not known"
    above, up_to = step["above"], step["up_to"]
    if above is None:
        return "any" if up_to is None else f"≤ {up_to:g}"
    return f"> {above:g}" if up_to is None else f"> {above:g}, ≤ {up_to:g}"


def assessment(found: Mapping[str, Any], folder: Path) -> None:
    """The verdict with its checks, calibration by kind, problem rates on random draws beside the oracle's."""
    gate = found["gate"]
    rows = [
        [one["code"], _passed(one["passed"]), one["title_en"], one["value"], one["threshold"]] for one in gate["checks"]
    ]
    table(f"Verdict: {gate['verdict']}", ["check", "passed", "what", "value", "threshold"], rows)
    calibration = [
        [kind, one["n_pos"], one["o_e"], one["o_e_interval"], one["slope"], one["skill"], one["relative_ece"]]
        for kind, one in found["calibration"].items()
    ]
    table("Calibration on the test dates", KINDS, calibration)
    oracle = ((found.get("oracle") or {}).get("random_draw")) or {}
    draws = [
        [name, one["n"], one["problem_rate"], one["interval"], (oracle.get(name) or {}).get("problem_rate")]
        for name, one in found["random_draw"].items()
    ]
    table("Substantive problems on random on-site draws", ["class", "draws", "rate", "interval", "oracle"], draws)
    say(f"report: {folder / 'report.html'}")


def _passed(answer: bool | None) -> str:
    return {True: "yes", False: "NO", None: "cannot be judged"}[answer]


def act(entry: Any, *, json: bool) -> None:
    """A promotion act just recorded."""
    found = {"seq": entry.seq, "action": entry.action, "by": entry.actor, "at": entry.at, **dict(entry.details)}
    if json:
        document(found)
        return
    figures.print(f"{entry.action} by {entry.actor}: scheme {entry.details['scheme'][:12]} (journal entry {entry.seq})")


def shadowed(entry: Any, *, json: bool) -> None:
    """A month a scheme stood beside the champion: who would move from which class to which."""
    found = dict(entry.details)
    if json:
        document({"seq": entry.seq, "action": entry.action, "by": entry.actor, "at": entry.at, **found})
        return
    for name, title in (("migration", "all"), ("calm", "nothing new known")):
        one = found[name]
        rows = [[before, *row] for before, row in zip("ABCD", one["moves"], strict=True)]
        share = "–" if one["unchanged"] is None else f"{one['unchanged']:.2%}"
        words = f"{found['month']}, {title}: {share} of {one['entities']:,} keep their class, "
        table(f"{words}{one['two_class_jumps']} jump two or more", ["champion, then challenger", *"ABCD"], rows)
    figures.print(f"{entry.action} by {entry.actor}: scheme {found['scheme'][:12]} (journal entry {entry.seq})")
    if not found["unseen"]:
        figures.print(
            f"{found['month']} does not count as a month in the shadow: the scheme's records were known by "
            f"{found['known_by']}, it may have learned from them; shadow a month that ends later"
        )


def promotions(acts: Sequence[Mapping[str, Any]], *, on: str | None, json: bool) -> None:
    """Promotion acts, oldest first; of one day's champion when a day is asked for."""
    if json:
        document({"on": on, "acts": list(acts)})
        return
    rows = [[one["seq"], one["at"], one["action"], one["by"], one["scheme"][:12], one["verdict"]] for one in acts]
    title = f"Champion on {on}" if on else "Promotions"
    table(title, ["entry", "at", "act", "by", "scheme", "verdict"], rows)


def month(found: Mapping[str, Any], sealed: Any) -> None:
    """A published month: classes, changes by cause, the seal."""
    figures.print(
        f"{found['month']}: {'published' if found['made'] else 'already published'}, root {found['root'][:16]}, "
        f"{system(found['indicators'])}"
    )
    if found["inputs_changed"]:
        say("records, definitions or the champion changed since; --correction REASON seals a supplement")
    if found["made"] and found["later"]:
        say(f"published before it, and not compared with it: {', '.join(found['later'])}")
    total = sum(found["classes"].values())
    rows = [[name, count, count / total if total else None] for name, count in found["classes"].items()]
    table("Classes", ["class", "entities", "share"], rows)
    causes = sealed.rows["cause"].drop_null().value_counts().to_pylist()
    ordered = sorted(causes, key=lambda one: (-one["counts"], one["values"]))
    sure = sealed.rows["confidence"].drop_null().value_counts().to_pylist()
    if sure:
        counts = {one["values"]: one["counts"] for one in sure}
        rows = [[label[1], counts.get(code, 0)] for code, label in reversed(LABELS.items())]
        table("How sure classes are", ["confidence", "entities"], rows)
    table("Why a class is what it is", ["cause", "entities"], [[one["values"], one["counts"]] for one in ordered])
    if found["made"]:
        table("Steps", ["step", "seconds"], list(found["seconds"].items()))
    error, peak = found["largest_error"], found["peak_gib"]
    say(f"contributions add up to every margin within {error:.1e}; peak memory {peak:.2f} GiB")
    say(str(sealed.words["notice"]["zh"]))


def listed(found: Mapping[str, Any]) -> None:
    """Classified entities, riskiest first."""
    names = ("entity", "class", "confidence", "probability", "margin", "class_before", "cause", "kind", "region")
    rows = [[one[name] for name in names] for one in found["entities"]]
    table(f"{found['month']}  {system(found['indicators'])}  {found['notice']}", names, rows)


def written(files: Sequence[Path], *, json: bool) -> None:
    """The files written for an office."""
    if json:
        document({"files": [str(file) for file in files]})
        return
    for file in files:
        figures.print(str(file), markup=False)


def made_key(found: Mapping[str, Any], *, json: bool) -> None:
    """A key just made; an API key is shown this once."""
    if json:
        document(found)
    elif found["kind"] == "api":
        figures.print(
            f"{found['key']}  (role {found['role']}, until {found['expires']}; shown this once)", markup=False
        )
    elif found["kind"] == "login":
        told = f"role {found['role']}, until {found['expires']}; of {found['login']} at {found['issuer']}"
        figures.print(f"key {found['number']}  ({told}; nobody bears it)", markup=False)
    else:
        figures.print(f"signing key {found['name']}: {found['path']}", markup=False)


def keys(found: Sequence[Mapping[str, Any]], *, json: bool) -> None:
    """The API keys there are, one row each; secrets are known to nobody."""
    if json:
        document({"keys": [{name: _plain(value) for name, value in one.items()} for one in found]})
        return
    columns = ("number", "holder", "role", "org", "departments", "rights", "expires", "revoked", "login")
    rows = [[_plain(one[name]) for name in columns] for one in found]
    table(f"{len(found)} API keys", columns, [[_joined(value) for value in row] for row in rows])


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | list | dict) else str(value)


def _joined(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def revoked_key(found: Mapping[str, Any], *, json: bool) -> None:
    """A key that was just ended."""
    if json:
        document(dict(found))
        return
    figures.print(f"key {found['number']} ends now", markup=False)


def quality(found: Mapping[str, Any], folder: Path) -> None:
    """Data alerts, the feeds that brought least of what was expected, rejects, the indicators that moved most."""
    table(f"{found['month']}: data alerts", *_columns(found["alerts"], ("code", "item", "source", "since", "text")))
    behind = [feed for feed in found["feeds"] if feed["expected"] and feed["received"] < feed["expected"]]
    behind = sorted(behind, key=lambda feed: (feed["received"] / feed["expected"], feed["item"]))
    table("Feeds furthest below what was expected", *_columns(behind[:WORST], FEED))
    rejects = sorted(found["rejects"], key=lambda row: -row["rows"])
    table("Rejects", *_columns(rejects[:WORST], ("source", "record_type", "code", "rows", "deliveries")))
    moved = sorted(found["indicators"], key=lambda one: (-(one["psi"] or 0.0), one["code"]))
    table("Indicators that moved most", *_columns(moved[:WORST], HEALTH))
    say(f"page: {folder / 'quality.html'}; {found['cells']:,} rows by region in items.parquet")
    say(str(found["notice"]))


def _columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[Sequence[str], list[list[Any]]]:
    return names, [[row[name] for name in names] for row in rows]


def key_indicators(found: Mapping[str, Any], *, json: bool) -> None:
    """How indicators rank for monitoring, which are proposed, which are key now."""
    if json:
        document(found)
        return
    now = set(found["in_force"])
    names = ("code", "label", "section", "association", "stability", "timeliness", "score")
    rows = [
        [*(one[name] for name in names), "yes" if one["proposed"] else "", "yes" if one["code"] in now else ""]
        for one in found["ranking"]
        if one["missing"] is None and (one["proposed"] or one["code"] in now)
    ]
    table(f"Key indicators by {found['month']}", [*names, "proposed", "key now"], rows)
    left = [one for one in found["ranking"] if one["missing"] is not None and one["code"] in now]
    for one in left:
        say(f"{one['code']} is key now and has no place: {one['missing']}")
    recorded = found["recorded"]
    said = f"recorded by {recorded['by']} (journal entry {recorded['seq']})" if recorded else "as the definitions say"
    say(f"{len(now)} key now, {said}; {sum(one['proposed'] for one in found['ranking'])} proposed")


def inventory(found: Mapping[str, Any]) -> None:
    """What a home holds."""
    figures.print(f"{found['profile']}: {found['home']}", markup=False)
    if "months" in found:
        _holdings(found)
    if "verified" in found:
        faults = found["verified"]["faults"]
        for fault in faults:
            figures.print(fault, markup=False)
        figures.print(f"verified: {found['verified']['journal_entries']} journal entries, {len(faults)} faults")
    figures.print(found["notice"], markup=False)


def _holdings(found: Mapping[str, Any]) -> None:
    held = f"{found['deliveries']:,} deliveries, {found['entities']:,} entities; rows {found['rows']}"
    figures.print(f"{held}; {found['waiting']:,} rows wait for their entity")
    rows = [
        [one["month"], one["entities"], *one["classes"].values(), one["supplements"], one["indicators"]["version"]]
        for one in found["months"]
    ]
    table("Published months", ["month", "entities", "A", "B", "C", "D", "supplements", "indicators"], rows)
    if found["indicators"]:
        versions(found["indicators"])
    champion = found["champion"]
    figures.print(
        f"champion {champion['scheme'][:12]} since {champion['since']}, by {champion['approved_by']}, "
        f"{system(champion['indicators'])}"
        if champion
        else "no champion yet"
    )


def system(found: Mapping[str, Any]) -> str:
    """The indicator system of a result, in words."""
    return f"indicators {found['version'] or 'without a version'} ({(found['digest'] or 'unknown')[:12]})"


def versions(found: Sequence[Mapping[str, Any]]) -> None:
    """The versions of the indicator system, oldest first."""
    rows = [[one["version"], one["state"], one["effective"], one["digest"][:12]] for one in found]
    table("Versions of the indicators 指标体系版本", ["version", "state", "effective", "digest"], rows)


def version(found: Mapping[str, Any], *, json: bool) -> None:
    """A version after an act."""
    if json:
        document(found)
        return
    last = found["acts"][-1]
    figures.print(
        f"{found['version']} is {found['state']} by {last['by']} (journal entry {last['seq']}): effective "
        f"{found['effective']}, digest {found['digest'][:12]}, author {found['author']}",
        markup=False,
    )


def difference(found: Mapping[str, Any], *, json: bool) -> None:
    """What differs between two indicator systems."""
    if json:
        document(found)
        return
    rows = [["added", code, "", "", ""] for code in found["added"]]
    rows += [["removed", code, "", "", ""] for code in found["removed"]]
    rows += [["changed", *_change(one)] for one in found["changed"]]
    rows += [["setting", *_change(one)] for one in found["settings"]]
    rows += [["file", name, line[0], *_line(line)] for name, lines in found["files"].items() for line in lines]
    rows += [["order", "", "", "", ""]] if found["moved"] else []
    same = " are the same" if found["same"] else ""
    title = f"{found['old']['name']} → {found['new']['name']}{same}"
    table(title, ["what", "indicator", "field", "old", "new"], rows)


def _change(one: Mapping[str, Any]) -> list[str]:
    return [one["of"], one["field"], str(one["old"]), str(one["new"])]


def _line(line: str) -> list[str]:
    return [line[1:], ""] if line.startswith("-") else ["", line[1:]]


def impact(found: Mapping[str, Any], path: Path, *, json: bool) -> None:
    """An impact report: figures by indicator, moves between classes."""
    if json:
        document({**found, "report": str(path)})
        return
    first, last = found["dates"]
    title = (
        f"{found['version']}: {found['pairs']:,} pairs of {first} to {last}, {found['positives']:,} with the outcome"
    )
    names = ("code", "change", "coverage", "top_share", "lift", "values_changed")
    rows = [[*(one[name] for name in names), (one["before"] or {}).get("lift")] for one in found["indicators"]]
    table(title, [*names, "lift before"], rows)
    moved = found["migration"]
    for month in moved["months"]:
        moves = [[name, *row.values()] for name, row in month["moves"].items()]
        table(f"{month['month']}: classes under the champion (rows) and under the version", ["", *"ABCD"], moves)
        say(f"{month['month']}: {month['unchanged']:.1%} of {month['entities']:,} keep their class")
    if moved["missing"]:
        say(f"no class migration: {moved['missing']}")
    say(f"report: {path}")


def loads(found: Sequence[Mapping[str, Any]]) -> None:
    """One row a load of the store."""
    names = ("load", "month", "state", "rows", "bytes", "head")
    table("The store", names, [[*(one[name] for name in names[:-1]), one["head"][:12]] for one in found])

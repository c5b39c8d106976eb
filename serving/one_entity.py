"""What is printed of one entity: why it has its class, what changed, what would change it."""

from collections.abc import Mapping
from typing import Any

from serving.display import figures, table
from serving.screens import system
from training.sureness import LABELS


def explanation(found: Mapping[str, Any], language: str) -> None:
    """One entity in words: class, probability, reasons with records, what speaks for it, what is missing."""
    say_it = figures.print
    name = "text" if language == "zh" else "text_en"
    if found["class"] is None:
        say_it(f"{found['entity']}  {found['month']}  not classified: {found['status']}", markup=False)
        return
    said = f"{found['entity']}  {found['month']}  {found['class']}  p = {found['probability']:.4f}"
    say_it(f"{said}  {system(found['indicators'])}", markup=False)
    if found["confidence"] is not None:
        say_it(_confidence(found, language), markup=False)
    say_it(found["notice"] if language == "zh" else found["notice_en"], markup=False)
    for reason in found["reasons"]:
        say_it(f"  {reason['code']}  {reason[name]}  {_points(reason)}", markup=False)
        for record in reason.get("evidence", ()):
            say_it(f"      {record['number'] or record['record']}  {record['date']}  {record['record']}", markup=False)
    rows = sorted(found["contributions"].items(), key=lambda one: -abs(one[1]))[:15]
    table(f"Contributions (base {found['base']:.4f}, margin {found['margin']:.4f})", ["line", "contribution"], rows)
    if found.get("change") is not None:
        _changed(found["change"], found)


def _changed(change: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """What an entity's change since the month before is owed to."""
    odds, steps = change["log_odds"], change["steps"]
    rows: list[list[Any]] = [[name, odds.get(name), step] for name, step in steps.items()]
    rows.append(["in all", change["change"], sum(steps.values())])
    title = f"Since {change['since']}: {change['class_before']} to {found['class']}"
    table(title, ["owed to", "log odds", "steps of class"], rows)


def _confidence(found: Mapping[str, Any], language: str) -> str:
    """How sure the class is, with the numbers behind the word."""
    place = 0 if language == "zh" else 1
    said, seen = f"{('把握程度', 'confidence')[place]}  {LABELS[found['confidence']][place]}", found["certainty"]
    if seen is None or seen["spreads"] is None:
        return said
    spreads, agree = f"{seen['spreads']:.1f}", f"{seen['agreement']:.0%}"
    told = (
        f"距最近分界值 {spreads} 个离散度，重拟合一致率 {agree}",
        f"{spreads} spreads from a cutoff, {agree} of refits agree",
    )
    return f"{said}  ({told[place]})"


def _points(reason: Mapping[str, Any]) -> str:
    return "" if reason["contribution"] is None else f"{reason['contribution']:+.3f}"


def acts(found: Mapping[str, Any]) -> None:
    """What one entity could do that would change its class, in both languages, each way with the class it leads to."""
    now = found["class_by_cutoffs_and_rules"]
    said = f"{found['entity']}  {found['month']}  {found['class']}"
    figures.print(
        f"{said}（按分界值和规则 / by cutoffs and rules: {now}, p = {found['probability']:.4f}）", markup=False
    )
    figures.print(f"{found['notice']} / {found['notice_en']}", markup=False)
    for number, way in enumerate(found["ways"], 1):
        figures.print(f"{number}. {now} → {way['class']}, p = {way['probability']:.4f}", markup=False)
        for one in way["acts"]:
            years = f" ({', '.join(one['years'])})" if "years" in one else ""
            figures.print(f"   {one['label']} / {one['label_en']}{years}  {one['basis']}", markup=False)
    if found["without_recourse"]:
        could = "、".join(dict.fromkeys(one["label"] for one in found["could"])) or "无"
        could_en = "; ".join(dict.fromkeys(one["label_en"] for one in found["could"])) or "nothing"
        figures.print(f"自身可为之事（{could}）均不能使类别降低。", markup=False)
        figures.print(f"Nothing it could do ({could_en}) leads to a safer class.", markup=False)
    if found["not_tried"]:
        figures.print(f"未试 / not tried: {found['not_tried']}", markup=False)
    figures.print(f"{found['remark']}\n{found['remark_en']}", markup=False)

"""The tables of truth.py: every figure with its interval, the oracle's beside."""

from math import log

from evaluation.draws import CLASSES
from serving import display


def shown(told):
    """All tables, in order."""
    _calibration(told["calibration"])
    _draws(told["order"])
    shares = told["share_of_oracle"]
    rows = [
        [by, *(found["everybody"][name] for name in CLASSES), told["log_d_a"]["everybody"].get(by)]
        + [shares[how].get(by) for how in ("everybody", "draws")]
        for by, found in told["order"].items()
        if "everybody" in found
    ]
    columns = ["by", *CLASSES, "log(D/A)", "share of the oracle's", "by the draws"]
    _table("What checks of everybody would find, by the truth", columns, rows)
    rows = [
        [scheme, how, *(found[how][name] for name in CLASSES), found["jumps" if how == "smoothed" else "raw_jumps"]]
        for scheme, found in told["kept"].items()
        for how in ("smoothed", "raw")
    ]
    _table("Entities without new facts that keep their class", ["scheme", "how", *CLASSES, "two-class jumps"], rows)
    rows = [
        [by, *(one[name] for name in ("auc", "auc_interval", "lift", "lift_interval"))]
        for by, one in told["lift"].items()
    ]
    _table(f"Lift at the {told['volume']:.1%} in C and D", ["by", "AUC", "95 %", "lift", "95 % "], rows)
    found = told["worlds"]
    rows = [[key, *(value[name] for name in CLASSES)] for key, value in found.items() if isinstance(value, dict)]
    _table(
        f"{found['worlds']} small worlds, {found['without_chance']:.1%} of entities with π = 0", ["", *CLASSES], rows
    )


def _calibration(kinds):
    both = [
        (kind, by, found if by == "scheme" else found["oracle"], found)
        for kind, found in kinds.items()
        for by in ("scheme", "oracle")
    ]
    over = {
        by: (lambda found: found["pooled"]) if by == "scheme" else (lambda _: "dates") for by in ("scheme", "oracle")
    }
    rows = [[kind, by, over[by](found), *_observed(one)] for kind, by, one, found in both]
    columns = ["observed", "expected", "O/E", "99.5 %"]
    _table("Calibration by kind: totals", ["kind", "by", "pooled over", *columns], rows)
    names = ("slope", "slope_interval", "skill", "skill_interval", "relative_ece", "auc")
    rows = [[kind, by, *(one[name] for name in names)] for kind, by, one, _ in both]
    _table("Calibration by kind: shape", ["kind", "by", "slope", "95 %", "skill", "95 % ", "relative ECE", "AUC"], rows)
    rows = [
        [kind, name, one["pooled"], *_observed(one)]
        for kind, found in kinds.items()
        for name, one in found["classes"].items()
    ]
    _table("Calibration by class of the model", ["kind", "class", "pooled over", *columns], rows)


def _observed(one):
    return [one["observed"], round(one["expected"]), one["o_e"], one["o_e_interval"]]


def _draws(draws):
    rows = [
        [by, name, one["n"], one["problem_rate"], one["interval"], one["bounds"], one["indeterminate"]]
        for by, found in draws.items()
        for name, one in found["classes"].items()
    ]
    columns = ["by", "class", "n", "rate", "95 %", "bounds", "no answer"]
    _table("Substantive problems on random on-site draws", columns, rows)
    rows = [
        [by, name, one["ratio"], one["interval"], log(one["ratio"])]
        for by, found in draws.items()
        for name, one in found["ratios"].items()
    ]
    _table("Ratios between classes", ["by", "classes", "ratio", "95 %", "log"], rows)


def _table(title, columns, rows):
    display.table(title, columns, [[_cell(cell) for cell in row] for row in rows])


def _cell(cell):
    if isinstance(cell, list | tuple):
        return " to ".join(f"{bound:.3f}" for bound in cell)
    return f"{cell:.4g}" if isinstance(cell, float) else "" if cell is None else cell

"""Annual reports, the listings of those who miss them, and publication duties between reports."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from features.simulation.listings import abnormal_rows
from features.simulation.rows import Rows, blank_unless, day, followed, pick, rows
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, between
from features.simulation.world import NEVER, day_number

DUE_MONTH, DUE_DAY = 6, 30
LEAST_DEBT, MOST_DEBT = 0.02, 1.6  # of assets


def report_rows(scene: Scene) -> list[Rows]:
    """Annual reports year by year and abnormal listings (reason 1) of those without one at the deadline."""
    made: list[Rows] = []
    missed: list[tuple[Ints, Ints, Ints]] = []
    for year in range(scene.period.start.year - 1, scene.period.end.year + 1):
        reports, late = _year(scene, year)
        made += reports
        missed.append(late)
    entity, listed, mended = (np.concatenate(part) for part in zip(*missed, strict=True))
    return made + abnormal_rows(scene, entity, listed, "1", mended)


def _year(scene: Scene, year: int) -> tuple[list[Rows], tuple[Ints, Ints, Ints]]:
    """Reports on a year and, of those who had none at the deadline, who is listed, when, and when it is mended."""
    rules, rng = scene.world["filings"], scene.streams.rng(f"reports {year}")
    opens, due = day_number(date(year + 1, 1, 1)), day_number(date(year + 1, DUE_MONTH, DUE_DAY))
    size, people = len(scene), scene.people
    owed = (people.born < opens) & (scene.left > due)
    half = int(scene.period.half_of(np.array([due]))[0])
    chance = scene.world.by_kind(rules["annual_report"]["on_time"])[people.kind]
    slope = rules["annual_report"]["on_time_conduct"] * scene.conduct.conduct[:, half]
    chance = 1 / (1 + (1 - chance) / chance * np.exp(-slope))
    on_time = rng.random(size) < chance
    late = rng.random(size) < rules["annual_report"]["late"]
    wait = 1 + rng.exponential(rules["annual_report"]["late_days"], size).astype(np.int64)
    filed = np.where(
        on_time, opens + (rng.random(size) ** 0.6 * (due - opens)).astype(int), np.where(late, due + wait, NEVER)
    )
    kept = owed & (rng.random(size) < rules["annual_report"]["coverage"].get(year, 1.0))
    reported = kept & (filed <= scene.period.last) & (filed < scene.left) & (filed >= scene.period.first)
    listed_on = due + between(rng, rules["listed_days"], size)
    listed = owed & (filed > listed_on) & (rng.random(size) < scene.world.by_kind(rules["listed"])[people.kind])
    who = np.flatnonzero(listed & (due >= scene.period.first))
    return _reports(scene, year, np.flatnonzero(reported), filed, due), (who, listed_on[who], filed[who])


def _reports(scene: Scene, year: int, entity: Ints, filed: Ints, due: int) -> list[Rows]:
    rules, rng = scene.world["filings"]["annual_report"], scene.streams.rng(f"report figures {year}")
    size, days = len(entity), filed[entity]
    fields = _figures(scene, year, entity, rng)
    fields |= {
        "source": "gsxt",
        "item": "G110",
        "visibility": pick(("publishable", "internal"), (rng.random(size) < rules["withheld"]).astype(np.int64)),
        "year": year,
        "filed_at": day(days),
        "due_date": day(np.full(size, due)),
        "late_days": np.maximum(days - due, 0),
        "contact_valid": (
            rng.random(size) < rules["contact_valid"] - rules["contact_conduct"] * scene.conduct.mean[entity]
        ).astype(np.int64),
        "phone_key": scene.key("phone", scene.people.person[entity]),
        "websites": (rng.random(size) < rules["website"]).astype(np.int64),
    }
    final = rows("annual_report", entity, scene.entered(days, 0.4, rng), fields)
    mistyped = rng.random(size) < rules["corrected"]
    typed = final.with_columns(revenue=final.frame["revenue"] * 10).where(mistyped)
    when = final.entered + between(rng, scene.world["channels"]["corrected_days"], size)
    changes = {"corrected_at": day(when - 1)}
    return [
        Rows("annual_report", pl.concat([final.where(~mistyped).frame, typed.frame])),
        followed(final, mistyped, when, "correct", changes),
    ]


def _figures(
    scene: Scene, year: int, entity: Ints, rng: np.random.Generator
) -> dict[str, pl.Series | Ints | int | str]:
    """What a report says of size and results, in 10,000 yuan; some report nothing but zeros."""
    rules, people, conduct, size = _figure_rules(scene), scene.people, scene.conduct.mean[entity], len(entity)
    kind = people.kind[entity]
    scale = np.exp(scene.world.by_kind(rules["revenue"])[kind] + rules["spread"] * people.size[entity])
    zero = rng.random(size) < rules["all_zero"] * np.exp(rules["all_zero_conduct"] * conduct)
    noise, trend = rules["yearly"]
    growth = np.exp(noise * rng.standard_normal((3, size)) + trend * (year - scene.period.start.year))
    revenue, assets, before = np.where(zero, 0.0, scale * np.array([[1.0], [rules["assets"]], [1.0]]) * growth)
    debt, profit = (
        value + slope * conduct + spread * rng.standard_normal(size)
        for value, slope, spread in (rules["debt"], rules["profit"])
    )
    liabilities = assets * np.clip(debt, LEAST_DEBT, MOST_DEBT)
    money = {
        "revenue": revenue,
        "revenue_before": before,
        "assets": assets,
        "liabilities": liabilities,
        "equity": assets - liabilities,
        "main_revenue": revenue,
        "profit": revenue * profit,
        "net_profit": revenue * profit,
        "tax": revenue * rules["tax"],
    }
    told = {name: _told(value, (kind == 0) | (name in {"revenue", "tax"})) for name, value in money.items()}
    mean = scene.world.by_kind(rules["staff"])[kind]
    staff = np.where(zero, 0, np.exp(mean + rules["staff_spread"] * people.size[entity])).astype(np.int64)
    insured = _told(np.floor(staff * rules["insured"]), kind == 0).cast(pl.Int64)
    return {**told, "employees": staff, "insured": insured, "all_zero": zero.astype(np.int64)}


def _figure_rules(scene: Scene) -> Mapping[str, Any]:
    rules: Mapping[str, Any] = scene.world["filings"]["annual_report"]
    return rules


def _told(amount: np.ndarray, whose: Flags) -> pl.Series:
    """Amounts of those who must report them."""
    return blank_unless(pl.Series(np.round(amount, 2)), whose)

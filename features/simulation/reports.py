"""Annual reports, the listings of those who miss them, and publication duties between reports."""

from datetime import date

import numpy as np
import polars as pl

from features.simulation.listings import abnormal_rows
from features.simulation.rows import Rows, blank_unless, day, followed, pick, rows
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, between
from features.simulation.world import NEVER, day_number

DUE_MONTH, DUE_DAY = 6, 30


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
        "visibility": pick(("publishable", "internal"), (rng.random(size) < 0.55).astype(np.int64)),
        "year": year,
        "filed_at": day(days),
        "due_date": day(np.full(size, due)),
        "late_days": np.maximum(days - due, 0),
        "contact_valid": (rng.random(size) < 0.95 - 0.03 * scene.conduct.mean[entity]).astype(np.int64),
        "phone_key": scene.key("phone", scene.people.person[entity]),
        "websites": (rng.random(size) < 0.08).astype(np.int64),
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
    people, size = scene.people, len(entity)
    scale = np.exp(np.array([4.6, 2.4, 3.2])[people.kind[entity]] + 0.9 * people.size[entity])
    zero = rng.random(size) < scene.world["filings"]["annual_report"]["all_zero"] * np.exp(
        0.3 * scene.conduct.mean[entity]
    )
    growth = np.exp(0.25 * rng.standard_normal((4, size)) + 0.02 * (year - scene.period.start.year))
    revenue = np.where(zero, 0.0, scale * growth[0])
    assets = np.where(zero, 0.0, scale * 1.4 * growth[1])
    debt = assets * np.clip(0.45 + 0.12 * scene.conduct.mean[entity] + 0.2 * rng.standard_normal(size), 0.02, 1.6)
    profit = revenue * (0.06 - 0.02 * scene.conduct.mean[entity] + 0.08 * rng.standard_normal(size))
    company = people.kind[entity] == 0
    money = {
        "revenue": revenue,
        "revenue_before": np.where(zero, 0.0, scale * growth[2]),
        "assets": assets,
        "liabilities": debt,
        "equity": assets - debt,
        "main_revenue": revenue * 0.95,
        "profit": profit,
        "net_profit": profit * 0.8,
        "tax": np.where(zero, 0.0, np.maximum(revenue * 0.02, 0)),
    }
    told = {name: _told(value, company | (name in {"revenue", "tax"})) for name, value in money.items()}
    staff = np.where(
        zero, 0, np.exp(np.array([1.6, 0.6, 1.3])[people.kind[entity]] + 0.6 * people.size[entity])
    ).astype(int)
    return {
        **told,
        "employees": staff,
        "insured": _told(np.floor(staff * 0.7), company).cast(pl.Int64),
        "all_zero": zero.astype(np.int64),
    }


def _told(amount: np.ndarray, whose: Flags) -> pl.Series:
    """Amounts of those who must report them."""
    return blank_unless(pl.Series(np.round(amount, 2)), whose)

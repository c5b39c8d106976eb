"""Do intervals of random draws hold the truth? Many small worlds of known truth, drawn by class: part of truth.py.

Each world is a block of the simulated province with fixed seed. Its entities get classes from a noisy look at their
propensity; they are drawn by the profile's ratios a class, more of the kinds that programmes draw more, none in its
first year; those drawn are checked on site on one day. What is asked is the share of a class, among entities with
π > 0, in which an on-site check on the draw date would find a substantive problem.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from evaluation.draws import CLASSES, Draws, study  # noqa: E402
from evaluation.metrics import wilson  # noqa: E402
from features.profile import read_profile  # noqa: E402
from features.simulation.detection import CONCEALED, CORRECTED, PENDING, REFUSED  # noqa: E402
from features.simulation.onsite import of_scene  # noqa: E402
from features.simulation.province import watched  # noqa: E402
from features.simulation.scene import scene_of  # noqa: E402
from features.simulation.streams import Block  # noqa: E402
from features.simulation.supervision import campaign_calendar  # noqa: E402
from features.simulation.world import Period, day_number, read_world  # noqa: E402
from training.draws import DrawRule  # noqa: E402

PERIOD = Period(date(2020, 4, 1), date(2025, 3, 31))
DRAWN_ON = date(2025, 2, 17)
YEAR = 365
NOISE = 1.0  # standard deviations of propensity: what a class does not know
SIZE = 20_000
LEAST = {"A": 300}  # draws expected of a class at least: so rare a problem needs more of them to be told


def plan(profile, world, risk_class, kind, framed, *, on, least):
    """The chance of every entity to be drawn: the ratio of its class, more for kinds that programmes draw more.

    0 outside the frame. A class with fewer draws expected than ``least`` says of it is drawn more.
    """
    ratio = profile.dated("sampling", on)["ratio"]
    of_kind = world.by_kind(world["supervision"]["programmes"][0]["ratio"])
    of_kind = of_kind / of_kind.mean()
    chance = np.array([ratio[name] for name in CLASSES])[np.maximum(risk_class, 0)] * of_kind[kind] * framed
    chance[risk_class < 0] = 0.0
    for name, wanted in least.items():
        own = (risk_class == CLASSES.index(name)) & (chance > 0)
        if own.any() and chance[own].sum() < wanted:
            chance[own] *= wanted / chance[own].sum()
    return np.minimum(chance, 1.0)


def drawn(on_site, found, chance, risk_class, rng):
    """The draws of a plan, as the product reads them."""
    taken = np.flatnonzero(rng.random(len(chance)) < chance)
    results = np.array(on_site.results(found), dtype=object)[taken]
    none, all_of_them = np.full(len(taken), np.nan), np.ones(len(taken), bool)
    return Draws(taken, risk_class[taken], results, none, chance[taken], all_of_them, all_of_them)


def one(profile, world, seed, *, detection=1.0):
    """One world by class: the share asked for, what weighted draws say of it, and what all inspections say of it."""
    calendar = campaign_calendar(world, seed, PERIOD)
    scene = scene_of(world, PERIOD, Block(0, 0, SIZE), (seed, detection))
    visits, findings, away = watched(scene, calendar)
    day, rng = day_number(DRAWN_ON), scene.streams.rng("truth study")
    half = int(PERIOD.half_of(np.array([day]))[0])
    seen = scene.conduct.propensity[:, half] + NOISE * rng.standard_normal(len(scene))
    present = scene.alive(np.arange(len(scene)), np.full(len(scene), day))
    risk_class = _classes(seen, scene.people.kind, present, profile)
    on_site = of_scene(scene, findings, away, day)
    found = on_site.found(rng)
    framed = present & (scene.people.born <= day - YEAR)
    chance = plan(profile, world, risk_class, scene.people.kind, framed, on=DRAWN_ON, least=LEAST)
    draws = drawn(on_site, found, chance, risk_class, rng)
    rates = study(draws, DrawRule.read(profile.table("random_draw")), minimum=1).onsite
    recent = (visits.day > day - YEAR) & (visits.day <= day) & (visits.offsite == 0)
    substantive = np.isin(findings.result[recent], [CORRECTED, REFUSED, PENDING, CONCEALED])
    substantive &= findings.severity[recent] >= world["violations"]["substantive"]
    looked_at = visits.entity[recent]
    return {
        name: _told(
            rates[name], found[(risk_class == number) & (chance > 0)], substantive[risk_class[looked_at] == number]
        )
        for number, name in enumerate(CLASSES)
    } | {"zero": float(np.mean(chance[risk_class >= 0] == 0))}


def _classes(seen, kind, present, profile):
    """Classes by rising score within each kind, in the shares the profile wants; −1 for those not on the register."""
    found = np.full(len(seen), -1, np.int64)
    wanted = profile.dated("classes", DRAWN_ON, under="targets")["kinds"]
    for number, code in enumerate(profile.kind_codes):
        own = np.flatnonzero(present & (kind == number))
        bounds = np.cumsum([wanted[code]["shares"][name] for name in CLASSES])[:-1]
        place = np.argsort(np.argsort(seen[own])) / max(len(own), 1)
        found[own] = np.searchsorted(bounds, place, side="right")
    return found


def _told(rate, would, naive):
    """The share in question; estimate and whether its interval holds it, weighted and naive."""
    share = float(would.mean())
    covers = rate.found_interval is not None and rate.found_interval[0] <= share <= rate.found_interval[1]
    held = False
    if len(naive):
        low, high = wilson(float(naive.mean()), len(naive))
        held = low <= share <= high
    estimate = rate.bounds[0] if rate.bounds else None
    return {"share": share, "estimate": estimate, "covers": covers, "n": rate.n, "naive": held, "naive_n": len(naive)}


def some(seeds):
    """The worlds of some seeds."""
    profile = read_profile("jiangxi")
    world = read_world(profile)
    return [one(profile, world, seed) for seed in seeds]


def summary(worlds):
    """Coverage, naive coverage and relative bias by class; a world without a draw of a class counts as not covered."""
    found = {"coverage": {}, "naive_coverage": {}, "bias": {}, "share": {}, "draws": {}, "inspections": {}}
    for name in CLASSES:
        rows = [world[name] for world in worlds]
        share = np.mean([row["share"] for row in rows])
        estimates = [row["estimate"] for row in rows if row["estimate"] is not None]
        found["coverage"][name] = float(np.mean([row["covers"] for row in rows]))
        found["naive_coverage"][name] = float(np.mean([row["naive"] for row in rows]))
        found["bias"][name] = float(np.mean(estimates) / share - 1)
        found["share"][name] = float(share)
        found["draws"][name] = float(np.mean([row["n"] for row in rows]))
        found["inspections"][name] = float(np.mean([row["naive_n"] for row in rows]))
    return {"worlds": len(worlds), **found, "without_chance": float(np.mean([world["zero"] for world in worlds]))}


def many(count, *, helpers=2):
    """The summary of so many worlds, seeds 0, 1, 2, …"""
    shares = [range(start, min(start + 20, count)) for start in range(0, count, 20)]
    with ProcessPoolExecutor(helpers) as pool:
        return summary([world for part in pool.map(some, shares) for world in part])

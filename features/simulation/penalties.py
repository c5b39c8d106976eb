"""Penalties as they are published: late, by two channels, mistyped and corrected, annulled, repaired."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.simulation.cases import Cases, fines, kinds_of
from features.simulation.inspections import authority
from features.simulation.rows import Rows, blank_unless, day, followed, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Floats, Ints, between
from features.simulation.world import NEVER

PUBLICITY_DAYS, SHORT_PUBLICITY_DAYS, TO_FULFIL_DAYS = 1096, 91, 15
UNPUBLISHED, MARKET, DEPARTMENT, ELSEWHERE = range(4)
SOURCES = ("enforcement", "gsxt", "credit_platform", "samr_push")
ITEMS = ("G402", "G106", "G302", "G605")


@dataclass(frozen=True)
class Decisions:
    """Penalty decisions of a block with all that their records share."""

    cases: Cases
    case: Ints
    entity: Ints
    day: Ints
    severity: Ints
    kinds: pl.Series
    number: pl.Series
    channel: Ints
    authority: pl.Series
    entered: Ints

    def __len__(self) -> int:
        return len(self.case)

    def has_kind(self, kind: str) -> Flags:
        """Whether a decision contains a kind of penalty."""
        return self.kinds.str.split("+").list.contains(kind).to_numpy()


def decisions_of(scene: Scene, cases: Cases) -> Decisions:
    """The penalties that the block's cases end in."""
    rng, rules, wording = scene.streams.rng("decisions"), scene.world["cases"], scene.world["wording"]
    case = np.flatnonzero(cases.severity > 0)
    size, entity, decided = len(case), cases.entity[case], cases.decided[case]
    kinds = kinds_of(scene, cases.severity[case], rng)
    elsewhere = rng.random(size) < rules["out_of_province"]
    unpublished = kinds.is_in(rules["unpublished"]).to_numpy()
    by_department = cases.by_department[case]
    channel = np.select([unpublished, elsewhere, by_department], [UNPUBLISHED, ELSEWHERE, DEPARTMENT], MARKET)
    year, serial = day(decided).dt.year(), scene.serial(size)
    number = text(wording["department_decision"], year, serial).zip_with(
        pl.Series(~by_department), text(wording["decision"], year, serial)
    )
    by = authority(scene, entity, by_department, cases.domain[case])
    out = pl.Series([wording["elsewhere_authority"]]).new_from_index(0, size)
    fast = between(rng, rules["published_days"], size)
    slow = between(rng, rules["department_days"], size)
    lag = np.where((channel == DEPARTMENT) | (channel == ELSEWHERE), slow, fast)
    return Decisions(
        cases=cases,
        case=case,
        entity=entity,
        day=decided,
        severity=cases.severity[case],
        kinds=kinds,
        number=number,
        channel=channel,
        authority=out.zip_with(pl.Series(elsewhere), by),
        entered=scene.entered(decided + lag, 0.5, rng),
    )


def penalty_rows(scene: Scene, made: Decisions) -> list[Rows]:
    """Penalties with all later versions, and the procedure of their repair."""
    rng, rules = scene.streams.rng("penalties"), scene.world["cases"]
    size = len(made)
    slow = rng.exponential(1.0, size) * np.exp(rules["fulfil_conduct"] * scene.conduct.mean[made.entity])
    fulfilled = made.day + 2 + (slow * rules["fulfil_days"]).astype(np.int64)
    fulfilled = np.where(rng.random(size) < rules["fulfilled"], fulfilled, NEVER)
    fields = _fields(scene, made, rng)
    amount = {"fine": fields["fine"], "confiscated": fields["confiscated"]}
    known = fulfilled <= made.entered
    final = rows(
        "penalty", made.entity, made.entered, fields | {"fulfilled_date": day(np.where(known, fulfilled, NEVER))}
    )
    fate = rng.random(size)
    mistyped = fate < scene.world["channels"]["corrected"]
    annulled = ~mistyped & (fate > 1 - rules["annulled"])
    typed = final.with_columns(fine=final.frame["fine"] * rules["typo"])
    first = Rows("penalty", pl.concat([typed.where(mistyped).frame, final.where(~mistyped).frame]))
    corrected_at = made.entered + between(rng, scene.world["channels"]["corrected_days"], size)
    correction = followed(final, mistyped, corrected_at, "correct", amount)
    later = ~known & (fulfilled < NEVER) & ~mistyped & ~annulled
    paid = np.where(later, fulfilled, 0) + between(rng, (1, 10), size)
    payment_day = np.maximum(paid, made.entered + 1)
    payment = followed(final, later, payment_day, "correct", {"fulfilled_date": day(fulfilled)})
    withdrawal = _annulment(scene, final, made, annulled, rng)
    repairs = _repairs(scene, made, np.where(mistyped | annulled, NEVER, fulfilled), final, rng)
    settled = np.where(later, payment_day, NEVER)
    again = _second_channel(scene, made, final, np.where(mistyped | annulled, 0, settled))
    return [first, correction, payment, withdrawal, *repairs, again]


def revocations(made: Decisions) -> tuple[Ints, Ints]:
    """Entities whose business licence was revoked, and the day."""
    revoked = made.has_kind("revoke_business_licence")
    return made.entity[revoked], made.day[revoked]


def _fields(scene: Scene, made: Decisions, rng: np.random.Generator) -> dict[str, pl.Series | str | Ints]:
    world, cases, case, wording = scene.world, made.cases, made.case, scene.world["wording"]
    fined = made.has_kind("fine")
    amount = fines(scene, made.entity, made.severity, rng)
    taken = made.has_kind("confiscate_gains") | made.has_kind("confiscate_property")
    confiscated = np.round(amount * world["cases"]["confiscated"])
    others = wording["elsewhere"]
    province = pick([wording["province"], *others], np.where(made.channel == ELSEWHERE, 1 + made.case % len(others), 0))
    only_light = (made.severity == 1) & ~made.has_kind("fine")
    return {
        "source": pick(SOURCES, made.channel),
        "item": pick(ITEMS, made.channel),
        "visibility": pick(("internal", "publishable"), (made.channel != UNPUBLISHED).astype(np.int64)),
        "published_date": blank_unless(day(made.entered), made.channel != UNPUBLISHED),
        "decision_no": made.number,
        "authority": made.authority,
        "authority_province": province,
        "procedure": pick(("ordinary", "summary"), cases.summary[case].astype(np.int64)),
        "domain": pick(world.domains, cases.domain[case]),
        "violation_type": cases.violation_type.gather(case),
        "kinds": made.kinds.str.replace_all("+", "|", literal=True),
        "fine": blank_unless(_yuan(amount), fined),
        "confiscated": blank_unless(_yuan(confiscated), taken),
        "case_no": blank_unless(cases.number.gather(case), ~cases.summary[case]),
        "act_date": day(cases.act[case]),
        "case_filed_date": day(cases.filed[case]),
        "decision_date": day(made.day),
        "delivered_date": day(made.day + 3),
        "fulfil_by": day(made.day + 3 + TO_FULFIL_DAYS),
        "publicity_end_date": day(made.day + np.where(only_light, SHORT_PUBLICITY_DAYS, PUBLICITY_DAYS)),
        "severity": made.severity,
    }


def _yuan(amount: Floats) -> pl.Series:
    return pl.Series(np.round(amount).astype(np.int64))


def _annulment(scene: Scene, final: Rows, made: Decisions, mask: Flags, rng: np.random.Generator) -> Rows:
    when = made.day + between(rng, scene.world["cases"]["annulled_days"], len(made))
    when = np.maximum(when, made.entered + 1)
    changes = {"action_date": day(when), "action_reason": "annulled"}
    return followed(final, mask, when + between(rng, (1, 5), len(made)), "withdraw", changes)


def _repairs(scene: Scene, made: Decisions, fulfilled: Ints, final: Rows, rng: np.random.Generator) -> list[Rows]:
    rules, size = scene.world["cases"], len(made)
    wants = (rng.random(size) < rules["repaired"]) & (fulfilled < NEVER) & (made.channel != UNPUBLISHED)
    when = np.maximum(made.day + between(rng, rules["repair_after_days"], size), np.where(wants, fulfilled, 0) + 20)
    when = np.maximum(when, made.entered + 30)
    granted = rng.random(size) < rules["repair_granted"]
    version = followed(
        final, wants & granted, when + 2, "repair", {"action_date": day(when), "fulfilled_date": day(fulfilled)}
    )
    fields = {
        "source": "gsxt",
        "item": "G106",
        "repair_target": "penalty",
        "target_no": made.number,
        "applied_date": day(when - 15),
        "decided_date": day(when),
        "result": pick(("refused", "granted"), granted.astype(np.int64)),
        "false_material": 0,
    }
    return [version, rows("repair", made.entity, when + 2, fields).where(wants)]


def _second_channel(scene: Scene, made: Decisions, final: Rows, changed: Ints) -> Rows:
    """The same decisions once more, through the public credit platform, unless they were ``changed`` by then."""
    rules, rng = scene.world["channels"], scene.streams.rng("second channel")
    entered = made.entered + between(rng, rules["second_days"], len(made))
    again = (rng.random(len(made)) < rules["second_channel"]) & (made.channel == MARKET) & (entered < changed)
    copy = final.with_columns(source="credit_platform", _entered=pl.Series(entered, dtype=pl.Int64))
    return copy.where(again)

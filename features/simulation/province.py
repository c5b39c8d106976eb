"""The simulated province: from its parameters to deliveries and a truth file, block by block."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from features import steps
from features.asof import Month
from features.profile import Profile
from features.records.schema import record_types
from features.simulation.assets import asset_rows
from features.simulation.cases import case_rows, cases_of, concealments
from features.simulation.conduct import absences, violations_of
from features.simulation.courts import court_rows, levy_rows
from features.simulation.detection import Findings, detect
from features.simulation.inspections import inspection_rows, rectification_rows, visited
from features.simulation.licences import licence_rows
from features.simulation.listings import found_listings, serious_rows
from features.simulation.penalties import decisions_of, penalty_rows, revocations
from features.simulation.register import address_rows, change_rows, entity_rows, history_of, names_of
from features.simulation.reports import report_rows
from features.simulation.roles import branch_rows, link_rows, role_rows, shareholding_rows
from features.simulation.rows import Rows
from features.simulation.scene import Scene, scene_of
from features.simulation.sectors import sector_rows
from features.simulation.society import society_rows
from features.simulation.streams import Ints, blocks
from features.simulation.supervision import Visits, campaign_calendar, draws, leads, required, uncaused
from features.simulation.truth import Truth
from features.simulation.world import Period, read_world
from features.simulation.writing import Calendar, Deliveries

SUMMARY = "simulation.json"
REVOKED_AFTER = 20  # days from the decision that revokes a business licence to its entry in the register


@dataclass(frozen=True)
class Province:
    """What province is wanted: how many entities, from which seed, which months, how closely watched."""

    entities: int
    seed: int
    first: Month
    last: Month
    detection: float = 1.0

    @property
    def period(self) -> Period:
        """Its first and last day."""
        return Period(self.first.first, self.last.end)


@dataclass(frozen=True)
class Summary:
    """What was simulated: the province, its deliveries and its rows by record type."""

    entities: int
    seed: int
    first: str
    last: str
    detection: float
    deliveries: int
    records: int
    by_type: Mapping[str, int]
    made: bool = True


def simulate(
    profile: Profile,
    home: Path,
    wanted: Province,
    *,
    chunk: int = 50_000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Deliveries in ``home/deliveries`` and the truth in ``home/truth``; the same bytes whatever the chunk.

    A province already there is not made again; ResourceError when the home holds other deliveries.
    """
    inputs = {**_inputs(profile), "province": {name: str(value) for name, value in asdict(wanted).items()}}
    deliveries, truth = home / "deliveries", home / "truth"
    if steps.is_done(truth, inputs) and (deliveries / SUMMARY).is_file():
        return replace(Summary(**json.loads((deliveries / SUMMARY).read_text(encoding="utf-8"))), made=False)
    if deliveries.exists():
        raise steps.ResourceError(
            f"{deliveries} holds deliveries of another kind or simulation; expected none. Nothing was changed: "
            "choose another home, or move that folder away and run the same command again."
        )
    fresh = home / ".deliveries.making"
    shutil.rmtree(fresh, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)

    def make(folder: Path) -> None:
        summary = _write(profile, (fresh, folder), wanted, chunk, progress)
        steps.write_text(fresh / SUMMARY, json.dumps(asdict(summary), ensure_ascii=False, indent=1) + "\n")
        fresh.rename(deliveries)

    shutil.rmtree(truth, ignore_errors=True)
    steps.run(truth, inputs, make)
    return Summary(**json.loads((deliveries / SUMMARY).read_text(encoding="utf-8")))


def _inputs(profile: Profile) -> dict[str, str]:
    return {"profile": profile.name, "world": steps.file_digest(profile.folder / "world.yaml")}


def _write(
    profile: Profile, folders: tuple[Path, Path], wanted: Province, chunk: int, progress: Callable[[int, int], None]
) -> Summary:
    world, period = read_world(profile), wanted.period
    declared = f"detection={wanted.detection:g}, seed={wanted.seed}, entities={wanted.entities}"
    out = Deliveries(folders[0], profile, world, record_types(profile), Calendar.of(period), declared)
    folders[0].mkdir(parents=True, exist_ok=True)
    truth, calendar = Truth(folders[1]), campaign_calendar(world, wanted.seed, period)
    written, flushed = 0, 0
    for block in blocks(wanted.entities, world["block"]):
        scene = scene_of(world, period, block, (wanted.seed, wanted.detection))
        _block(scene, calendar, out, truth)
        written += block.size
        if written - flushed >= chunk:
            out.flush()
            flushed = written
        progress(written, wanted.entities)
    truth.close()
    by_type = out.close()
    return Summary(
        entities=wanted.entities,
        seed=wanted.seed,
        first=str(wanted.first),
        last=str(wanted.last),
        detection=wanted.detection,
        deliveries=len({(source, month) for source, month, _ in out.tables}),
        records=sum(by_type.values()),
        by_type=by_type,
    )


def watched(scene: Scene, calendar: Ints) -> tuple[Visits, Findings, tuple[Ints, Ints]]:
    """What happens in a block: all visits, what they find, and who was away when."""
    violations, away = violations_of(scene), absences(scene)
    caused = leads(scene, violations, calendar)
    visits = draws(scene).sorted(required(scene), uncaused(scene, calendar), caused)
    return visits, detect(scene, violations, visits, away), away


def _block(scene: Scene, calendar: Ints, out: Deliveries, truth: Truth) -> None:
    visits, findings, away = watched(scene, calendar)
    truth.take(scene, findings, visits, away)
    seen = visited(scene, visits, findings)
    cases = cases_of(scene, seen)
    made = decisions_of(scene, cases)
    scene = _without_revoked(scene, *revocations(made))
    history = history_of(scene)
    rows: list[Rows] = [
        *entity_rows(scene, history),
        *change_rows(scene, history),
        *address_rows(scene, history),
        *role_rows(scene, history),
        *shareholding_rows(scene),
        *branch_rows(scene),
        *link_rows(scene),
        *licence_rows(scene, made),
        *report_rows(scene),
        *inspection_rows(scene, seen),
        *rectification_rows(scene, seen),
        *case_rows(scene, cases, seen),
        *penalty_rows(scene, made),
        *serious_rows(scene, made),
        *found_listings(scene, seen, concealments(scene, seen)),
        *court_rows(scene),
        *levy_rows(scene),
        *society_rows(scene, seen),
        *sector_rows(scene),
        *asset_rows(scene),
    ]
    out.take(scene, rows, names_of(scene, history.first))


def _without_revoked(scene: Scene, entity: Ints, decided: Ints) -> Scene:
    """The scene in which entities whose business licence was revoked have left the register as revoked."""
    left, exit_as = scene.left.copy(), scene.exit_as.copy()
    day = np.minimum(left[entity], decided + REVOKED_AFTER)
    within = day <= scene.period.last
    left[entity[within]] = day[within]
    exit_as[entity[within]] = list(scene.world["life"]["exit_as"]).index("revoked")
    return replace(scene, left=left, exit_as=exit_as)

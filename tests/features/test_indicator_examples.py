"""Every worked example of every indicator of every profile, by the oracle and by both engines."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from oracle import value_of
from world import SMALL, SUBJECT, World, lake_of, sampled, world_of

from features.engine import ENGINES
from features.indicators.catalogue import Definitions, load, populations
from features.indicators.language import Indicator, Neighbours, Seen
from features.profile import PROFILES, Profile, read_profile

FOLDERS = [
    SMALL,
    *sorted(path.parent for path in PROFILES.glob("*/profile.yaml") if any((path.parent / "indicators").glob("*.py"))),
]


@dataclass(frozen=True)
class Example:
    """A worked example, named, with the subject's name in a lake shared with others."""

    indicator: Indicator
    seen: Seen
    subject: str

    def world(self, profile: Profile) -> World:
        """The example's records as a world of its own; entities other than the subject keep apart by name."""
        kind = self.seen.kind or self.indicator.kinds[0]
        records = {
            name: [{**row, "of": self.named(row["of"])} for row in rows] for name, rows in self.seen.records.items()
        }
        return self._keys_apart(world_of(profile, records, kind=kind, also=[self.subject]))

    def _keys_apart(self, world: World) -> World:
        """Keys that link entities become the example's own, so that examples sharing a lake are not neighbours."""
        rows = dict(world.rows)
        for part in populations(self.indicator.value):
            if isinstance(part, Neighbours):
                name, key = part.rows.record_type, part.key
                rows[name] = tuple(
                    {**row, key: row[key] and f"{self.subject}/{row[key]}"} for row in world.rows.get(name, ())
                )
        return replace(world, rows=rows)

    def needs_a_lake(self) -> bool:
        """Whether everyone else in a lake is a peer or lies nearby."""
        return any(not isinstance(part, Neighbours) for part in populations(self.indicator.value))

    def named(self, of: str) -> str:
        """A name of the example among those of all others."""
        return self.subject if of == SUBJECT else f"{self.subject}/{of}"


def _examples(definitions: Definitions) -> list[Example]:
    return [
        Example(indicator, seen, f"{indicator.code}#{number}")
        for indicator in definitions.indicators
        for number, seen in enumerate(indicator.examples)
    ]


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def profile(request):
    return read_profile(str(request.param))


@pytest.fixture(scope="module")
def examples(profile):
    return _examples(load(profile))


def _difference(found: float | None, example: Example) -> str | None:
    wanted = example.seen.gives
    same = (found is None) == (wanted is None) and (
        wanted is None or found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    )
    return None if same else f"{example.subject} as of {example.seen.as_of}: {found}, expected {wanted}"


def test_every_example_holds_in_the_oracle(profile, examples):
    wrong = [_difference(value_of(one.indicator, one.world(profile), 0, one.seen.as_of), one) for one in examples]
    assert examples
    assert not [line for line in wrong if line]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_example_holds_in_the_matrix(profile, examples, engine, tmp_path):
    sharing = [one for one in examples if not one.needs_a_lake()]
    together, first = _together(profile, [one.world(profile) for one in sharing])
    values = _sampled(together, list(zip(first, sharing, strict=True)), engine, tmp_path)
    assert not [line for line in map(_difference, values, sharing) if line]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_example_about_peers_and_places_holds_in_the_matrix(profile, examples, engine, tmp_path):
    wrong = []
    for number, one in enumerate(one for one in examples if one.needs_a_lake()):
        folder = tmp_path / str(number)
        folder.mkdir()
        wrong.append(_difference(_sampled(one.world(profile), [(0, one)], engine, folder)[0], one))
    assert not [line for line in wrong if line]


def _together(profile: Profile, worlds: list[World]) -> tuple[World, list[int]]:
    """One world of many, and the key each one's subject has in it."""
    rows: dict[str, list] = {}
    first, count = [], 0
    for world in worlds:
        first.append(count)
        for name, found in world.rows.items():
            shifted = ({**row, "entity": None if row["entity"] is None else row["entity"] + count} for row in found)
            rows.setdefault(name, []).extend(shifted)
        count += len(world.entities)
    entities = tuple(name for world in worlds for name in world.entities)
    return World(profile, entities, {name: tuple(found) for name, found in rows.items()}), first


def _sampled(world: World, wanted: list[tuple[int, Example]], engine: str, folder: Path) -> list[float | None]:
    """The value the matrix gives each example, whose subject has this key."""
    lake = lake_of(world.profile, world, folder)
    definitions = Definitions(tuple({one.indicator.code: one.indicator for _, one in wanted}.values()), "examples")
    pairs = pa.table(
        {
            "pair": pa.array(range(len(wanted)), pa.int64()),
            "entity": pa.array([entity for entity, _ in wanted], pa.int32()),
            "as_of": pa.array([one.seen.as_of for _, one in wanted], pa.date32()),
        }
    )
    table = sampled(lake, definitions, pairs, engine=engine)
    columns = {code: table[code].to_numpy() for code in definitions.codes}
    found = [columns[one.indicator.code][row] for row, (_, one) in enumerate(wanted)]
    return [None if np.isnan(value) else float(value) for value in found]


def test_an_example_that_is_wrong_is_found(profile, examples):
    one = examples[0]
    off = replace(one, seen=replace(one.seen, gives=(one.seen.gives or 0) + 1))
    assert _difference(value_of(off.indicator, off.world(profile), 0, off.seen.as_of), off)

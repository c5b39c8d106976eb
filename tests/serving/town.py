"""A town of two hundred entities with events known month by month: enough to classify, explain and correct."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from world import SMALL, TinyLake, lake_of, lake_schema, world_of

from evaluation.gate import Verdict
from evaluation.promotion import Office, Signer, approve, propose
from features import signing
from features.asof import Month
from features.indicators.catalogue import load
from features.indicators.language import on
from features.matrix import batches
from features.profile import read_profile
from features.records.generation import CURRENT, Generation, write_table
from features.records.journal import Journal
from features.records.lake import Lake
from features.records.matching import REGISTER_SCHEMA
from features.records.schema import record_types
from features.steps import file_digest, write_text
from serving import ledger, monthly
from serving.access import UNBOUND, Grant, create
from serving.classification import Sources
from serving.monthly import Run
from serving.results import publisher_key
from serving.store import Store
from training import boosters, fit
from training.calibration import IDENTITY
from training.carried import carried
from training.confidence import Certainty, Dimension, Line, Thin
from training.cutoffs import Cutoffs, RiskClass
from training.outcomes import Outcome
from training.overrides import Demand, Override
from training.scheme import KindPart, Scheme
from training.steadiness import Steadiness

SIZE = 200
VERSION = "2025.2"
NOW = datetime(2026, 1, 3, 9, tzinfo=UTC)
OPENED: dict[str, Scheme] = {}  # copies of a town share the scheme they opened
REGIONS = ("360102", "360103", "360702")
SURNAMES = "张王李赵陈"
FILES = {
    "steadiness.yaml": [
        {
            "since": date(2020, 1, 1),
            "basis": "b",
            "margin": 0.1,
            "steps_better": 1,
            "adverse": [{"record_type": "event", "where": [["severity", ">=", 1]]}, {"record_type": "listing"}],
            "states": ["overdue"],
        }
    ],
    "measures.yaml": [
        {
            "since": date(2020, 1, 1),
            "basis": "《意见》三（五）",
            "kinds": ["shop", "stall"],
            "classes": {
                name: {
                    "regime": {"label": f"{name}类监管", "label_en": f"regime {name}"},
                    "triggers": [
                        {"origin": origin, "label": label, "label_en": origin}
                        for origin, label in (
                            ("complaint", "投诉举报"),
                            ("monitor", "大数据监测发现问题"),
                            ("transferred", "转办交办案件线索"),
                            ("statutory", "法律法规另有规定"),
                        )
                    ]
                    if name == "A"
                    else [],
                    "monitoring": None,
                }
                for name in "ABCD"
            },
        }
    ],
    "slices.yaml": [
        {"code": "kind", "label": "类型"},
        {"code": "trade", "label": "行业", "label_en": "trade", "field": "trade", "overview": True},
        {
            "code": "age",
            "label": "年限",
            "label_en": "age",
            "indicator": "age_months",
            "bounds": [60, 120],
            "names": [
                {"label": "五年及以下", "label_en": "to five years"},
                {"label": "五年以上至十年", "label_en": "five to ten"},
                {"label": "十年以上", "label_en": "over ten"},
                {"label": "年限不明", "label_en": "no age"},
            ],
            "overview": True,
        },
    ],
    "codelists/regions.yaml": {
        "list": "regions",
        "label": "区划",
        "rows": [{"code": code, "label": f"县{code}", "label_en": f"county {code}"} for code in REGIONS],
    },
}
EXTRA = {
    "name": {"label": "名称", "type": "text"},
    "region": {"label": "区划", "type": "code", "list": "regions"},
    "address": {"label": "住所", "type": "text"},
    "supervising_org": {"label": "监管机构", "type": "text"},
    "persons": {"label": "名称是人名", "type": "flag"},
}


@dataclass(frozen=True)
class Town:
    """The town on disk: profile, lake, home; and a scheme that is its champion."""

    folder: Path

    @classmethod
    def at(cls, folder):
        return cls(folder)

    @property
    def home(self):
        return self.folder / "home"

    @cached_property
    def profile(self):
        return read_profile(str(self.folder / "profile"))

    @cached_property
    def definitions(self):
        return load(self.profile)

    @cached_property
    def lake(self):
        return TinyLake(self.profile, self.folder / "lake", codes())

    @property
    def scheme(self):
        folder = next((self.home / "schemes").iterdir())
        if folder.name not in OPENED:
            OPENED[folder.name] = Scheme.load(folder, signing.verify_key(self.home / "keys", "trainer"))
        return OPENED[folder.name]

    def run(self, month, **changed):
        chosen = Month.parse(month)
        sources = Sources.under(self.scheme, self.lake, chosen.end, "polars")
        return replace(Run(chosen, self.home, sources, "tester", NOW), **changed)

    def classify(self, month, **changed):
        return monthly.classify(self.run(month, **changed))

    def promote(self, scheme=None):
        """Make a scheme champion, by two people."""
        chosen = scheme or self.scheme
        verify = signing.verify_key(self.home / "keys", "trainer")
        office = Office(self.home, Journal(self.home / "journal.jsonl"), self.home / "keys", verify)
        for name in ("ana", "bo"):
            signing.first_use_key(self.home / "keys", name)
        verdict = Verdict(chosen.digest, "promote", NOW.date(), ())
        folder = self.home / "schemes" / chosen.digest
        propose(office, verdict, folder=folder, report="r" * 64, signer=Signer("ana", NOW))
        approve(office, signer=Signer("bo", NOW))

    @cached_property
    def store(self):
        store = Store(f"sqlite:///{self.home / 'store' / 'store.db'}")
        store.upgrade()
        return store

    def key(self, *rights, role="regulator_city", org="3601", **changed):
        """A new API key; of the town's offices each bears the code of its region."""
        stated = {"rights": frozenset(rights), "limits": UNBOUND, **changed}
        granted = Grant(role, org, NOW.date() + timedelta(days=30), **stated)
        return create(self.store, granted, today=NOW.date())

    def correct(self, month="2025-12", reason="late events"):
        """Publish a supplement to a month: of three entities something grave became known late."""
        for number in (5, 10, 77):
            late = on(
                "2025-11-02",
                known="2025-11-20",
                of=f"T{number:05d}",
                number=f"x{number}",
                severity=4,
                trade="food",
                verified=1,
                visibility="publishable",
            )
            self.add("event", late)
        self.classify(month, correction=reason)
        return self

    def add(self, record_type, *rows):
        """Write further records into the lake, as a delivery would."""
        world = world_of(self.profile, {record_type: rows}, also=codes())
        path = self.lake.folder / f"{record_type}.parquet"
        held = pq.read_table(path)

        schema = lake_schema(record_types(self.profile)[record_type])
        made = [{**row, "record_id": f"added{number:011d}"} for number, row in enumerate(world.rows[record_type])]
        pq.write_table(pa.concat_tables([held, pa.Table.from_pylist(made, schema=schema)]), path)


def codes():
    return tuple(f"T{number:05d}" for number in range(SIZE))


def build(folder):
    """The town, built in a folder."""
    shutil.copytree(SMALL, folder / "profile")
    _extend_profile(folder / "profile")
    (folder / "lake").mkdir()
    town = Town(folder)
    lake_of(town.profile, world_of(town.profile, records(), also=codes()), folder / "lake")
    scheme = made_scheme(town)
    key = signing.first_use_key(town.home / "keys", "trainer")
    scheme.save(town.home / "schemes" / scheme.digest, key)
    return Town(folder)


def _extend_profile(folder):
    settings = yaml.safe_load((folder / "profile.yaml").read_text(encoding="utf-8"))
    settings["language"] = "zh"
    settings["register"] = {name: name for name in ("name", "region", "address", "supervising_org")}
    write(folder / "profile.yaml", settings)
    entity = yaml.safe_load((folder / "catalogue" / "entity.yaml").read_text(encoding="utf-8"))
    entity["fields"] |= EXTRA
    write(folder / "catalogue" / "entity.yaml", entity)
    for name, content in FILES.items():
        write(folder / name, content)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def records():
    """Registrations, events and listings drawn from one generator; some events are internal, some are late."""
    draw = np.random.default_rng(3)
    found = {"entity": [], "event": [], "listing": [], "role": []}
    for number, code in enumerate(codes()):
        gone = number % 40 == 7
        found["entity"].append(
            on(
                f"20{10 + number % 12}-03-01",
                of=code,
                kind=("shop", "stall")[number % 3 == 0],
                status="closed" if gone else "open",
                trade=("food", "tools")[number % 2],
                name=f"{SURNAMES[number % 5]}三商店{number}",
                region=REGIONS[number % 3],
                address=f"大街{number}号",
                supervising_org="县局/所",
            )
        )
        for _ in range(draw.poisson(0.4 + 2.0 * (number % 10 == 0))):
            found["event"].append(_event(draw, code))
        if number % 23 == 0:
            day = f"2025-{draw.integers(1, 13):02d}-05"
            found["listing"].append(on(day, known=day, of=code, reason="dirt"))
    return found


def _event(draw, code):
    day = date(2023, 1, 1).toordinal() + int(draw.integers(0, 1090))
    event = date.fromordinal(day)
    known = date.fromordinal(day + int(draw.integers(1, 60)))
    return on(
        event.isoformat(),
        known=known.isoformat(),
        of=code,
        number=f"n{day}",
        severity=int(draw.integers(0, 5)),
        trade="food",
        verified=1,
        visibility="internal" if draw.random() < 0.2 else "publishable",
    )


RULES = (
    Override("H1", "名单在列", "listed", (Demand("listed_now", ">=", 1),), RiskClass.D, "《办法》", date(2020, 1, 1)),
    Override(
        "H2", "从重", "grave", (Demand("worst_24m", ">=", 4),), RiskClass.C, "拟定", date(2020, 1, 1),
        visibility="internal",
    ),
)  # fmt: skip


def certainty(kinds):
    """What ten bags might have shown: they part by three tenths of log odds, and agree more the farther a cutoff."""
    rising = Line((0.0, 1.0, 2.0), (0.5, 0.8, 1.0))
    thin = Thin("age_months", 84.0, 2, (Dimension("supervision", ("worst_24m",), kinds),))
    spread = dict.fromkeys(kinds, Line((0.0,), (0.3,)))
    return Certainty(10, 0.9, 0.7, spread, dict.fromkeys("ABCD", rising), thin)


def made_scheme(town, *, cutoffs=(0.1, 0.25, 0.5), rules=RULES):
    """A scheme fitted on who has had grave events: not a good one, but a real one."""
    batch = next(batches(town.lake, town.definitions, as_of=date(2025, 10, 31)))
    layout = fit.layout(
        town.definitions, Outcome("o", "违法", "o", horizon_months=12, settle_days=0, lookback_months=24)
    )
    controls = batch.values[:, [layout.columns.index(name) for name in layout.controls]]
    values = np.tile(batch.values, (10, 1))
    draw = np.random.default_rng(5)
    worst = np.nan_to_num(batch.values[:, layout.columns.index("worst_24m")])
    odds = np.tile(worst, 10) - 2.5
    label = (draw.random(len(values)) < 1 / (1 + np.exp(-odds))).astype(float)
    rows = fit.Rows(
        values, np.tile(batch.kind, 10), np.tile(controls, (10, 1)), label, label, label, np.ones(len(values))
    )
    settings = fit.TreeSettings(
        count=15, seeds=(1, 2), learning_rate=0.2, depth=3, leaves=6, min_rows=20, feature_share=0.9, row_share=1.0,
        l2=1.0, monotone_method="basic",
    )  # fmt: skip
    models = fit.boosters(rows, layout, settings)
    kinds = town.profile.kind_codes
    reference = fit.reference(rows, layout, models, kinds)
    offsets = fit.offsets(models, layout, reference, kinds)
    parts = {code: KindPart(IDENTITY, Cutoffs(*cutoffs), offsets[code]) for code in kinds}
    return Scheme(
        profile=town.profile.name,
        outcome="o",
        columns=layout.columns,
        features=layout.features,
        controls=layout.controls,
        kinds=kinds,
        parts=parts,
        rules=rules,
        steadiness=Steadiness(0.1, 1),
        definitions=town.definitions.digest,
        training={"known_by": "2025-10-31"},
        reference=reference,
        models=models,
        golden=boosters.golden(models, layout.names),
        version=VERSION,
        carried=carried(town.lake, town.definitions, date(2025, 10, 31)),
        certainty=certainty(kinds),
    )


def settle(town):
    """The town with its records in a lake of the product's own, as an intake leaves it; helpers can open it."""
    folder = town.home / "lake"
    codes_known = [[key, code] for key, code in enumerate(codes())]
    register = pl.DataFrame(codes_known, schema={"entity": pl.Int32, "code": pl.String}, orient="row")
    missing = [pl.lit(None, kind).alias(name) for name, kind in REGISTER_SCHEMA.items() if name not in register.columns]
    tables = {"register": register.with_columns(missing).select(REGISTER_SCHEMA.names()).to_arrow()}
    tables |= {path.stem: pq.read_table(path) for path in sorted(town.lake.folder.glob("*.parquet"))}
    files = {
        name: (write_table(folder, f"{name}/0.parquet", 0, table.to_batches(), table.schema),)
        for name, table in tables.items()
    }
    write_text(folder / CURRENT, Generation(1, files).text())
    return Settled(town.folder)


class Settled(Town):
    """A town with a lake of the product's own."""

    @cached_property
    def lake(self):
        return Lake(self.home, self.profile)


class Kitchens(Settled):
    """The town's sector: those who trade in food, in a home of their own, reading the town's lake."""

    @property
    def home(self):
        return self.folder / "home-kitchens"

    @cached_property
    def profile(self):
        return read_profile(str(self.folder / "profile"), "kitchens")

    @cached_property
    def lake(self):
        return Lake(self.folder / "home", self.profile)


def opened(town):
    """A settled town's sector, with a scheme of its own and the keys a month needs."""
    sector = Kitchens(town.folder)
    scheme = made_scheme(sector, rules=RULES[:1])
    scheme.save(sector.home / "schemes" / scheme.digest, signing.first_use_key(sector.home / "keys", "trainer"))
    publisher_key(sector.home)
    ledger.salt_secret(sector.home / "keys")
    return sector


def fingerprint(town, part="months"):
    """The digest of every file of the town's months (or of another part of its home), by its path."""
    folder = town.home / part
    return {str(path.relative_to(folder)): file_digest(path) for path in sorted(folder.rglob("*.*"))}

"""A home the service can be measured on: a province with a champion, sealed months in the store, and a key.

A home that was used before is continued, and one with sealed months and a champion is taken as it is. Promotion is not
what is measured: two keys made here sign for the scheme the months were sealed with, whatever a gate would say of it.
"""

import json
import os
from datetime import timedelta
from importlib.util import find_spec

import polars as pl

from evaluation.gate import Verdict
from evaluation.promotion import POINTER, SCHEMES, Office, Signer, approve, propose
from features import signing
from features.records.journal import Journal
from serving import settings as edge
from serving.access import UNBOUND, Grant, Limits, create
from serving.results import SCHEME_KEY
from serving.workshop import Workshop
from tests.benchmarks.load import shuffled
from tests.benchmarks.province import Bench
from training.scheme import Scheme, SchemeError

KNOWN_BY, MONTHS = "2025-12-31", ("2026-01", "2026-02")
PEOPLE = ("proposer", "approver")
SEED = "service"
VECTORS = 2000  # vectors that a bare model is asked with


class Home:
    """A prepared home: what its servers need to be started, and what its clients ask for."""

    def __init__(self, folder, entities):
        self.folder = folder
        self.bench = Bench(folder)
        self.place = self.bench.place
        _prepared(self.bench, self.place, entities)
        self.environment = self.bench.environment
        os.environ.update({name: self.environment[name] for name in ("JIANWEI_HOME", "JIANWEI_MLRUNS")})
        os.environ["JIANWEI_PROFILE"] = self.environment["JIANWEI_PROFILE"]
        self.shop = Workshop(edge.read())
        self.scheme = json.loads((self.place / POINTER).read_text())["scheme"]
        self.month = max(path.name for path in (self.place / "months").iterdir())
        rows = _read(self.place, self.month, "results", ["code", "entity", "kind", "status"])
        self.rows = rows.height
        self.classified = rows.filter(pl.col("status") == "classified")
        self.codes = shuffled(self.classified["code"].to_list(), SEED)

    def key(self, *, limits=UNBOUND, role="analyst"):
        """A new key that reaches everyone, with the rights of its role."""
        today = edge.today(self.shop.settings.profile)
        rights = frozenset({"internal", "probability"})
        expires = today + timedelta(days=30)
        grant = Grant(role, "", expires, rights=rights, limits=limits, holder="benchmark")
        return create(self.shop.store, grant, today=today)

    def bound_key(self):
        """A new key with the limits a person has by default."""
        return self.key(limits=Limits())

    @property
    def model(self):
        """The text of the champion's largest booster: what the bare servers answer with."""
        return max((self.place / SCHEMES / self.scheme).glob("model-*.txt"), key=lambda path: path.stat().st_size)

    def vectors(self):
        """Names and rows of the values the model reads, for entities in the order of the codes."""
        line = next(line for line in self.model.open() if line.startswith("feature_names="))
        names = line.strip().split("=", 1)[1].split()
        kinds = json.loads((self.place / SCHEMES / self.scheme / "scheme.json").read_text())["kinds"]
        wanted = pl.DataFrame({"code": self.codes[:VECTORS]}).join(self.classified, on="code", maintain_order="left")
        held = _read(self.place, self.month, "vectors")
        numbers = {one["code"]: number for number, one in enumerate(kinds)}
        found = wanted.join(held, on="entity", how="left", maintain_order="left").with_columns(
            kind=pl.col("kind").replace_strict(numbers, default=None)
        )
        columns = [
            (pl.col(name) if name in found.columns else pl.lit(None)).cast(pl.Float64).alias(name) for name in names
        ]
        return names, found.select(columns).rows()


def _read(place, month, name, columns=None):
    """A table of the month as first published."""
    paths = sorted((place / "months" / month / "0").glob(f"{name}-*.parquet"))
    return pl.read_parquet(paths, columns=columns)


def _prepared(bench, place, entities):
    """Everything up to a champion and two months in the store, each step once."""
    if not (place / "months").is_dir():
        bench.verb("simulate", "simulate", "--entities", str(entities), "--detection", "10")
        folders = sorted(str(path.parent) for path in (place / "deliveries").glob("*/*/manifest.json"))
        bench.verb("intake", "intake", *folders)
        bench.verb("train", "train", "--known-by", KNOWN_BY)
    if not (place / POINTER).is_file():
        promoted(place)
    if not (place / "months").is_dir():
        for month in MONTHS:
            bench.verb(f"month-{month}", "month", month)
    elif find_spec("serving.loading") is not None:
        for month in sorted(path.name for path in (place / "months").iterdir()):
            (bench.stages / f"load-{month}.json").unlink(missing_ok=True)  # what stands already is not loaded again
            bench.verb(f"load-{month}", "store", "load", month)


def promoted(place):
    """Make the scheme of the newest month champion, or the newest trained where there is none."""
    heads = sorted((place / "months").glob("*/0/head.json"))
    wanted = json.loads(heads[-1].read_text())["head"]["scheme"] if heads else None
    office = Office(place, Journal.of(place), place / "keys", signing.verify_key(place / "keys", SCHEME_KEY))
    scheme, folder = _scheme(place, office.scheme_key, wanted)
    for name in PEOPLE:
        signing.first_use_key(place / "keys", name)
    verdict = Verdict(scheme.digest, "promote", edge.now().date(), ())
    propose(office, verdict, folder=folder, report="0" * 64, signer=Signer(PEOPLE[0], edge.now()))
    approve(office, signer=Signer(PEOPLE[1], edge.now()))


def _scheme(place, key, wanted):
    for folder in sorted((place / "training").glob("*/made/scheme"), reverse=True):
        try:
            found = Scheme.load(folder, key)
        except SchemeError:
            continue
        if wanted in {None, found.digest}:
            return found, folder
    raise SystemExit(f"{place} holds no scheme that can be read, and of its months' own none. Use another home.")

"""The small place that studies of this room are tried on, made once: its lake, its truth, a trained scheme."""

import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.case import Case
from features.indicators.catalogue import Definitions, codelist_texts, deciding_settings, digest_of, load
from features.indicators.language import on
from features.profile import read_profile
from features.simulation.truth import ENTITIES, PROPENSITY
from tests.evaluation.judged import KNOWN_BY, NUMBER, TABLES
from tests.world import SMALL, lake_of, world_of
from training.retrain import retrain
from training.scheme import Scheme
from training.task import Task


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    folder = shutil.copytree(SMALL, tmp_path_factory.mktemp("profiles") / "small")
    for name, table in TABLES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return read_profile(str(folder))


@pytest.fixture(scope="session")
def conduct():
    return np.random.default_rng(3).normal(0, 1, NUMBER)


@pytest.fixture(scope="session")
def lake(place, conduct, tmp_path_factory):
    """Entities whose conduct differs: the worse it is, the more events they have and the more a random visit finds."""
    rng = np.random.default_rng(4)
    registered, happened, visits, findings = [], [], [], []
    for number, worse in enumerate(conduct):
        name = f"E{number:03d}"
        registered.append(on("2019-01-01", of=name, kind="shop" if number % 3 else "stall", trade="food"))
        for item, rate in (("I2", 0.9 * np.exp(worse)), ("I3", 1.0)):
            for _ in range(rng.poisson(rate * 7)):
                day = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 2550)))
                severity = int(rng.integers(2, 5)) if item == "I2" and rng.random() < 0.15 else 0
                known = day + timedelta(days=int(rng.integers(0, 40)))
                looked = "food" if rng.random() < 0.5 else "tools"
                verified = int(rng.random() < 1 / (1 + np.exp(1.5 - worse - 2 * (looked == "food"))))
                trade = looked if day < date(2025, 6, 1) else None
                happened.append(on(day.isoformat(), known=known.isoformat(), of=name, item=item, severity=severity,
                                   verified=verified, trade=trade))  # fmt: skip
        if number % 40 == 0:
            happened.append(on("2024-01-01", of=name, due="2030-01-01"))
        for visit in range(2):
            bad = rng.random() < 1 / (1 + np.exp(1.5 - worse))
            grave = bad and rng.random() < 0.5
            key = f"{name}-{visit}"
            visits.append(
                on("2025-03-01", of=name, number=key, origin="lot" if number % 10 else "tip", method="here",
                   results="|02|" if grave else "|09|" if bad else "|01|", chance="0.25" if number % 2 else "0.5")
            )  # fmt: skip
            if grave:
                findings.append(on("2025-03-01", of=name, number=key, line="1", severity=2))
    records = {"entity": registered, "event": happened, "visit": visits, "visit_finding": findings}
    return lake_of(place, world_of(place, records), tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="session")
def truth(lake, conduct, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    codes = lake.register()["code"].to_pylist()
    table = pl.DataFrame(
        {
            "code": codes,
            "born": [date(2019, 1, 1)] * NUMBER,
            "left": pl.Series([None] * NUMBER, dtype=pl.Date),
            "lead_hazard": np.ones(NUMBER),
            f"{PROPENSITY}2019-01-01": conduct[[int(code[1:]) for code in codes]],
        }
    )
    table.write_parquet(folder / ENTITIES)
    return folder


@pytest.fixture(scope="session")
def case(lake, place, truth, tmp_path_factory):
    definitions = load(place)
    signed = [
        replace(one, monotone=one.direction != "none" and one.role == "feature") for one in definitions.indicators
    ]
    digest = digest_of(signed, deciding_settings(place), codelist_texts(place))
    task = Task(lake, Definitions(tuple(signed), digest), KNOWN_BY)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    trained = retrain(task, tmp_path_factory.mktemp("made"), key=key, say=lambda _: None)
    scheme = Scheme.load(trained.folder, key.public_key())
    return Case(task, trained, scheme, champion=scheme, truth=truth, origins=1)

"""Can classes be believed? A simulated province of known truth: truth.py ENTITIES HOME (make truth ENTITIES=…).

A scheme is trained on what was known by one day and tested on years it has not seen: calibration by kind and class,
classes against random on-site draws, who keeps the class when a new scheme takes over, lift over the score card; and
many small worlds tell how often intervals of random draws hold the truth. Beside each figure stands an oracle's, who
knows every entity's latent propensity, and beside the order of classes those of models told the truth itself: the
most that can be read from the records (truth_taught.py). Stages are kept in HOME/stages/; run again, it goes on with
the first that is missing. Prints tables and, as its last line, JSON.
"""

import json
import sys
from dataclasses import asdict, replace
from datetime import date, timedelta
from math import log
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from evaluation import population  # noqa: E402
from evaluation.backtest import Scored, discriminate  # noqa: E402
from evaluation.draws import CLASSES, oracle_classes, place_draws, ratio, study  # noqa: E402
from evaluation.metrics import auc, calibration, observed_expected, rank  # noqa: E402
from evaluation.stability import migration  # noqa: E402
from features.asof import Month  # noqa: E402
from features.matrix import registrations  # noqa: E402
from features.simulation.onsite import of_truth  # noqa: E402
from features.simulation.truth import latent  # noqa: E402
from features.simulation.world import read_world  # noqa: E402
from serving import settings as edge  # noqa: E402
from serving.workshop import Workshop  # noqa: E402
from tests.benchmarks import truth_tables, truth_taught, truth_worlds  # noqa: E402
from tests.benchmarks.province import Bench  # noqa: E402
from tests.benchmarks.truth_worlds import drawn, plan  # noqa: E402
from training.calibration import Seen, curves  # noqa: E402
from training.draws import DrawRule, read_draws  # noqa: E402
from training.labels import mature_on, open_cases, positives  # noqa: E402
from training.pairs import trainable  # noqa: E402
from training.retrain import made_in  # noqa: E402
from training.scheme import Scheme  # noqa: E402

FIRST, LAST = "2017-04", "2026-03"
KNOWN_BY, RETRAINED, MONTH = "2024-12-31", "2025-03-31", "2025-04"
END = Month.parse(LAST).end
DRAWN_ON = date(2025, 2, 17)
STEP_MONTHS = 3  # between dates that are tested
EXPECTED = 400  # positives from which a group is judged on its own
LEVEL = 0.995
LEAST_DRAWS = dict.fromkeys(CLASSES, 1300)  # expected a class, of which some give no answer
DETERMINATE = 1000
YEAR = timedelta(days=365)
WORLDS = 1000
SEED = 20_241_231
MIN_POSITIVES = 100  # for a calibration curve of the oracle
PUPILS = ("scheme", "oracle", "taught", "read")  # whose order of classes is compared


class Place:
    """The home of the province opened: its lake with all that is known at the end, and a scheme as it was trained."""

    def __init__(self, known_by=KNOWN_BY):
        self.bench = Workshop(edge.read())
        self.task = self.bench.task(END, None)
        self.outcome = self.task.outcome
        self.known_by = date.fromisoformat(known_by)
        self.folder = self.bench.home / "training" / f"{self.outcome.code}-{known_by}"
        made = made_in(self.folder)
        self.scheme = Scheme.load(made.folder, self.bench.office.scheme_key)
        self.scored = made.scored
        self.truth = self.bench.home / "truth"
        self.codes = pl.Series(self.bench.lake.register()["code"].to_pylist())

    def dates(self):
        """The date the scheme was tested on when it was trained, and every third month end after it that settled."""
        day, found = date.fromisoformat(self.scheme.training["as_of"]["test"][-1]), []
        while mature_on(self.outcome, day) <= END:
            found.append(day)
            day = Month.of(day).shift(STEP_MONTHS).end
        return found

    def everyone(self, day):
        """Everyone in scope at a date as the scheme sees them, without known open cases, with the outcome and truth."""
        found = population.classified(self.task, self.scheme, as_of=day)
        kept = found.counted & ~np.isin(found.entity, self._open(day))
        return self._labelled(found.entity[kept], day) | {
            "kind": found.kind[kept].astype(np.int64),
            "class": found.raw_class[kept].astype(np.int64),
            "probability": found.probability[kept],
        }

    def registered(self, day):
        """The same of a date without the matrix: what an oracle needs."""
        known = registrations(self.task.lake, as_of=day, engine=self.task.engine)
        counted = trainable(self.task.knowledge, self.task.sampling, as_of=day)["entity"].to_numpy()
        entity = known["entity"].to_numpy()
        kept = np.isin(entity, counted) & ~np.isin(entity, self._open(day))
        return self._labelled(entity[kept], day) | {"kind": known["kind"].to_numpy()[kept].astype(np.int64)}

    def _open(self, day):
        return open_cases(self.task.knowledge, self.outcome, as_of=day).to_numpy()

    def _labelled(self, entity, day):
        had = positives(self.task.knowledge, self.outcome, as_of=day)["entity"].to_numpy()
        outcome = np.isin(entity, had)
        return {"entity": entity.astype(np.int64), "outcome": outcome, "chance": self.latent(day, "p12")[entity]}

    def latent(self, day, name):
        """A column of the truth by entity key; the least for one the truth does not know."""
        table = pl.DataFrame(pl.from_arrow(latent(self.truth, day)))
        values = self._by_key(table, name)
        return np.where(np.isnan(values), np.nanmin(values), values)

    def life(self):
        """Birth and exit of every entity key, as days."""
        table = pl.read_parquet(self.truth / "entities.parquet", columns=["code", "born", "left"])
        return (self._by_key(table, name).astype("datetime64[D]") for name in ("born", "left"))

    def _by_key(self, table, name):
        found = pl.DataFrame({"code": self.codes}).join(table, on="code", how="left", maintain_order="left")
        return found[name].to_numpy()


def together(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def where(rows, mask):
    return {name: column[mask] for name, column in rows.items()}


def of_kind(rows, number):
    return where(rows, rows["kind"] == number)


# Calibration


def calibrated():
    """Calibration by kind and by class of each kind, pooled over dates, then kinds, where too few are expected."""
    place = Place()
    days, kinds = place.dates(), place.scheme.kinds
    parts = [place.everyone(day) for day in days]
    first, pooled = parts[0], together(parts)
    oracle = _oracle(place, pooled)
    found = {}
    for number, kind in enumerate(kinds):
        ways = {"one date": of_kind(first, number), "dates": of_kind(pooled, number), "dates and kinds": pooled}
        how, rows = _enough(ways)
        found[kind] = figures(rows) | {"pooled": how, "oracle": figures(of_kind(oracle, number)), "classes": {}}
        for risk, name in enumerate(CLASSES):
            how, rows = _enough({way: where(part, part["class"] == risk) for way, part in ways.items()})
            found[kind]["classes"][name] = observed(rows) | {"pooled": how}
    told = {"dates": [day.isoformat() for day in days], "kinds": found, "all": figures(pooled)}
    return told | {"lift": lift(first, place)}


def _enough(ways):
    """The first way to pool that has enough positives expected to be judged, and its rows; else the last."""
    enough = (how for how, rows in ways.items() if rows["probability"].sum() >= EXPECTED)
    how = next(enough, list(ways)[-1])
    return how, ways[how]


def observed(rows):
    """Observed over expected of some rows, with an interval of 99.5 %."""
    weights = np.ones(len(rows["outcome"]))
    o_e, interval = observed_expected(
        rows["probability"], rows["outcome"], weights=weights, entities=rows["entity"], level=LEVEL
    )
    expected = float(rows["probability"].sum())
    counted = {"n": len(weights), "observed": int(rows["outcome"].sum()), "expected": expected}
    return counted | {"o_e": o_e, "o_e_interval": interval}


def figures(rows):
    """Calibration of some rows."""
    weights = np.ones(len(rows["outcome"]))
    found = calibration(rows["probability"], rows["outcome"], weights=weights, entities=rows["entity"])
    ranking = rank(rows["probability"], rows["outcome"])
    return observed(rows) | {
        "slope": found.slope,
        "slope_interval": found.slope_interval,
        "skill": found.skill,
        "skill_interval": found.skill_interval,
        "relative_ece": found.relative_ece,
        "auc": float(auc(ranking, weights)[0]),
    }


def _oracle(place, pooled):
    """The rows with the probabilities of an oracle: the latent chance, put on the scale of outcomes as a margin is."""
    days = [date.fromisoformat(day) for day in place.scheme.training["as_of"]["calibration"]]
    past, kinds = together([place.registered(day) for day in days]), place.scheme.kinds
    weight = np.ones(len(past["kind"]))
    seen = Seen(_logit(past["chance"]), past["kind"].astype(np.int8), past["outcome"].astype(float), weight)
    fitted, found = curves(seen, kinds, min_positives=MIN_POSITIVES), np.empty(len(pooled["kind"]))
    for number, kind in enumerate(kinds):
        own = pooled["kind"] == number
        found[own] = fitted[kind].probability(_logit(pooled["chance"][own]))
    return {**pooled, "probability": found}


def _logit(chance):
    inside = np.clip(chance, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))


def lift(first, place):
    """Lift at the volume of C and D on the date the scheme was tested on: of scheme, card, linear model and oracle."""
    share, day = float((first["class"] >= CLASSES.index("C")).mean()), place.dates()[0]
    own = (pc.field("part") == "test") & (pc.field("stratum") == "headline") & (pc.field("as_of") == day)
    test = pq.read_table(place.scored).filter(own)
    entity, kind, weight = (test[name].to_numpy() for name in ("entity", "kind", "weight"))
    outcome = test["label"].to_numpy().astype(bool)
    margins = {"scheme": "margin", "card": "card", "logistic": "logistic"}  # each before calibration
    scores = {name: test[column].to_numpy() for name, column in margins.items()}
    scores["oracle"] = place.latent(day, "p12")[entity]
    found = {"volume": share}
    for name, score in scores.items():
        rows = Scored(entity.astype(np.int64), kind.astype(np.int64), outcome, weight, score, score)
        told = discriminate(rows, {"C+D": share}, np.random.default_rng(SEED), replicates=200)
        (volume,) = told.volumes
        found[name] = {"auc": told.auc, "auc_interval": told.auc_interval, "lift": volume.lift}
        found[name]["lift_interval"] = [bound / share for bound in volume.capture_interval]
    return found


# The order of classes


def ordered():
    """Substantive problems by class on random on-site draws: of the scheme, and of classes of the same sizes by truth.

    ``everybody``: what checks of all of a class would find on average, which no draw can tell and only the truth knows.

    ``recorded`` are the draws of the province's own records after the scheme's last day, few in C and D; ``taught`` and
    ``read`` are classes of the same sizes by models told the truth of others.
    """
    place = Place()
    profile = place.bench.settings.profile
    world, rule = read_world(profile), DrawRule.read(profile.table("random_draw"))
    then, rng = population.classified(place.task, place.scheme, as_of=place.known_by), np.random.default_rng(SEED)
    on_site = of_truth(place.truth, world, place.codes, DRAWN_ON)
    found, (born, left), day = on_site.found(rng), place.life(), np.datetime64(DRAWN_ON)
    framed = (born <= day - np.timedelta64(YEAR)) & (np.isnat(left) | (left > day))
    final, raw, kind = (np.full(len(place.codes), none, np.int64) for none in (-1, -1, 0))
    final[then.entity[then.counted]] = then.final_class[then.counted]
    raw[then.entity[then.counted]] = then.raw_class[then.counted]
    kind[then.entity] = then.kind
    propensity = place.latent(place.known_by, "propensity")
    by_truth = oracle_classes(propensity, final, kind)
    pupils, used = truth_taught.orders(place.task, propensity, final >= 0, kind, place.known_by, rng)
    by_pupils = {name: oracle_classes(score, np.where(used, -1, final), kind) for name, score in pupils.items()}
    chances, told = np.where(on_site.away, 0.0, on_site.chance), {}
    for name, classes in {"scheme": final, "model_class": raw, "oracle": by_truth, **by_pupils}.items():
        chance = plan(profile, world, classes, kind, framed, on=DRAWN_ON, least=LEAST_DRAWS)
        draws = drawn(on_site, found, chance, classes, rng)
        told[name] = _ordering(study(draws, rule, minimum=DETERMINATE).onsite)
        told[name]["without_chance"] = float(np.mean(chance[classes >= 0] == 0))
        told[name]["everybody"] = {risk: float(chances[classes == at].mean()) for at, risk in enumerate(CLASSES)}
    span = (place.known_by + timedelta(days=1), END)
    rows = read_draws(place.task.knowledge, profile.table("random_draw"), span=span)
    recorded = place_draws(rows, final[rows["entity"].to_numpy()])
    return told | {"recorded": _ordering(study(recorded, rule, minimum=DETERMINATE).onsite)}


def _ordering(rates):
    pairs = [ratio(rates, *pair) for pair in (("A", "B"), ("B", "C"), ("C", "D"), ("A", "D"))]
    told = {f"{one.riskier}/{one.safer}": {"ratio": one.ratio, "interval": one.interval} for one in pairs if one}
    return {"classes": {name: asdict(rate) for name, rate in rates.items()}, "ratios": told}


# Who keeps the class


def kept():
    """Who keeps the class when the scheme trained a quarter later takes over, among those about whom nothing is new."""
    old, new = Place(), Place(RETRAINED)
    month = Month.parse(MONTH)
    first = population.classified(old.task, old.scheme, as_of=month.shift(-2).end)
    before = population.classified(old.task, old.scheme, as_of=month.shift(-1).end, before=first)
    after = population.classified(new.task, new.scheme, as_of=month.end, before=before)
    later = population.classified(new.task, new.scheme, as_of=month.shift(1).end, before=after)
    same = population.classified(old.task, old.scheme, as_of=month.end, before=before)
    told = {"months": [str(month.shift(-1)), str(month)], "schemes": [old.scheme.digest[:12], new.scheme.digest[:12]]}
    oracle = [_by_truth(old, found) for found in (before, after)]
    told |= {"retrained": _kept(before, after), "month_after": _kept(after, later)}
    return told | {"same_scheme": _kept(before, same), "oracle": _kept(*oracle)}


def _by_truth(place, found):
    """The population in classes of the same sizes by latent propensity."""
    known = np.where(found.counted, found.final_class, -1).astype(np.int64)
    best = oracle_classes(place.latent(found.as_of, "propensity")[found.entity], known, found.kind.astype(np.int64))
    return replace(found, final_class=best.astype(np.int8), raw_class=best.astype(np.int8))


def _kept(before, after):
    calm = after.counted & ~after.moved
    was, now = before.entity[before.counted].astype(np.int64), after.entity[calm].astype(np.int64)
    smooth = migration((was, before.final_class[before.counted]), (now, after.final_class[calm]))
    stood, stands = (np.maximum(found.raw_class, found.ruled) for found in (before, after))
    raw = migration((was, stood[before.counted]), (now, stands[calm]))
    told = {name: _stays(found) for name, found in {"smoothed": smooth, "raw": raw}.items()}
    jumps = {"jumps": smooth.two_class_jumps, "raw_jumps": raw.two_class_jumps}
    return told | jumps | {"calm": smooth.entities, "moved": int((after.counted & after.moved).sum())}


def _stays(found):
    return {name: found.moves[place][place] / max(sum(found.moves[place]), 1) for place, name in enumerate(CLASSES)}


def worlds():
    return truth_worlds.many(WORLDS)


# The whole


STAGES = {"worlds": worlds, "calibrated": calibrated, "ordered": ordered, "kept": kept}


def document(calibration, order, keeping, small):
    """All that was measured as one JSON document."""
    figures_of = calibration["lift"]
    volume, lifts = figures_of["volume"], {name: one for name, one in figures_of.items() if name != "volume"}
    by_draws = {by: log(order[by]["ratios"]["D/A"]["ratio"]) for by in PUPILS}
    by_truth = {by: log(order[by]["everybody"]["D"] / order[by]["everybody"]["A"]) for by in PUPILS}
    return {
        "calibration": calibration["kinds"],
        "random_draw": order["scheme"]["classes"],
        "oracle": {
            "random_draw": order["oracle"]["classes"],
            "lift": lifts["oracle"],
            "retention": keeping["oracle"]["smoothed"],
        },
        "retention": keeping["retrained"]["smoothed"],
        "retention_raw": keeping["retrained"]["raw"],
        "two_class_jumps": keeping["retrained"]["jumps"],
        "lift_over_score_card": lifts["scheme"]["lift"] / lifts["card"]["lift"],
        "coverage": small["coverage"],
        "naive_coverage": small["naive_coverage"],
        "bias": small["bias"],
        "log_d_a": {"draws": by_draws, "everybody": by_truth},
        "share_of_oracle": {
            how: {by: logs[by] / logs["oracle"] for by in PUPILS if by != "oracle"}
            for how, logs in (("draws", by_draws), ("everybody", by_truth))
        },
        "order": order,
        "kept": {name: keeping[name] for name in ("retrained", "month_after", "same_scheme", "oracle")},
        "lift": lifts,
        "volume": volume,
        "worlds": small,
    }


def main():
    if sys.argv[1:2] == ["--stage"]:
        print(json.dumps(STAGES[sys.argv[2]]()))
        return
    entities, home = int(sys.argv[1]), Path(sys.argv[2]).absolute()
    detection = sys.argv[3] if len(sys.argv) > 3 else "1"
    bench = Bench(home)

    def own(name):
        return bench.stage(name, [sys.executable, str(Path(__file__).resolve()), "--stage", name])["printed"]

    small = own("worlds")
    wanted = ["--entities", str(entities), "--detection", detection, "--first", FIRST, "--last", LAST]
    bench.verb("simulate", "simulate", *wanted)
    folders = sorted(str(path.parent) for path in (bench.place / "deliveries").glob("*/*/manifest.json"))
    bench.verb("intake", "intake", *folders)
    for known_by in (RETRAINED, KNOWN_BY):
        bench.verb(f"train-{known_by}", "train", "--known-by", known_by)
    told = document(own("calibrated"), own("ordered"), own("kept"), small)
    truth_tables.shown(told)
    print(json.dumps(told))


if __name__ == "__main__":
    main()

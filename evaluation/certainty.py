"""How sure classes are: how many of each level of confidence, whether refits agree as promised, and who stays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.metrics import Floats
from evaluation.population import Population
from evaluation.shown import Shown, Table, Words, count, share, table
from features.profile import Profile
from training.cohort import HEADLINE
from training.confidence import Certainty
from training.cutoffs import RiskClass
from training.scheme import Scheme
from training.sureness import Confidence

CODE = "confidence"
LEVELS = tuple(reversed(Confidence))  # the surest first
CLASSES = tuple(risk.name for risk in RiskClass)
TITLE = ("把握程度", "Confidence")
QUESTION = (
    "每个类别有多大把握？训练时按主体重抽样再拟合若干次；类别附近概率的离散度与到最近分界值的距离决定把握程度。下表以测试样本核对：“高”是否确有承诺比例的"
    "重拟合给出同一类别；次月类别是否更稳定。资料不足者：成立时间短，或多类指标没有任何取值。",
    "How sure is each class? At training the boosters were fitted again on resampled entities; how far their "
    "probabilities part, beside the distance to the nearest cutoff, gives the confidence. Test pairs show whether as "
    "many refits agree as promised, two months whether surer classes are kept more often. Insufficient data: too young "
    "an entity, or several dimensions without any value.",
)
ENTITIES = ("主体数", "entities")


def study(profile: Profile, scheme: Scheme, *, scored: pa.Table, months: tuple[Population, Population]) -> Shown | None:
    """The study of a scheme's confidence; null for a scheme without bags.

    ``scored`` are pairs bags were asked about, as training left them (the test part); ``months`` are two months in a
    row, the second the reference month.
    """
    if scheme.certainty is None:
        return None
    before, after = months
    by_class, by_kind = _shares(after, after.final_class, CLASSES), _shares(after, after.kind, profile.kind_codes)
    found = {
        "by_class": by_class,
        "by_kind": by_kind,
        "agreement": agreement(scheme, scored),
        "kept": kept(before, after),
    }
    kinds = {kind.code: (kind.label, kind.label_en) for kind in profile.kinds}
    return Shown(
        CODE,
        TITLE,
        QUESTION,
        tables=(
            _shares_shown(
                ("各类别的把握程度", "Confidence by class"), by_class, {name: (name, name) for name in CLASSES}
            ),
            _shares_shown(("各类主体的把握程度", "Confidence by kind"), by_kind, kinds),
            _agreement_shown(found["agreement"], scheme.certainty),
            _kept_shown(found["kept"]),
        ),
        figures=found,
    )


def _shares(month: Population, groups: npt.NDArray[np.int8], names: tuple[str, ...]) -> dict[str, Any]:
    """Per group, how many counted entities it has and the share of every level among them."""
    found = {}
    for number, name in enumerate(names):
        own = month.confidence[month.counted & (groups == number)]
        shares = {level.code: float((own == level).mean()) if len(own) else None for level in LEVELS}
        found[name] = {"entities": len(own), "shares": shares}
    return found


def agreement(scheme: Scheme, scored: pa.Table) -> dict[str, Any]:
    """Per level, and per class within it, how many pairs there are and the share of bags that give the same class."""
    rows = scored.filter(pc.and_(pc.equal(scored["stratum"], HEADLINE), scored[CODE].is_valid()))
    levels, weight = np.asarray(rows[CODE].to_pylist(), np.str_), rows["weight"].to_numpy()
    told = rows["agreement"].to_numpy()
    standing = _standing(scheme, rows["probability"].to_numpy(), rows["kind"].to_numpy())
    found = {}
    for level in LEVELS:
        own = levels == level.code
        by_class = {risk.name: _agreed(own & (standing == risk), told, weight) for risk in RiskClass}
        found[level.code] = {**_agreed(own, told, weight), "by_class": by_class}
    return found


def _standing(scheme: Scheme, probability: Floats, kind: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    found = np.zeros(len(probability), np.int8)
    for number, code in enumerate(scheme.kinds):
        own = kind == number
        found[own] = scheme.parts[code].cutoffs.classes(probability[own])
    return found


def _agreed(rows: npt.NDArray[np.bool_], told: Floats, weight: Floats) -> dict[str, Any]:
    mean = float(np.average(told[rows], weights=weight[rows])) if rows.any() else None
    return {"pairs": int(rows.sum()), "agreement": mean}


def kept(before: Population, after: Population) -> dict[str, Any]:
    """Per level of the first month, how many are classified in the second too, and the share whose class is the same:
    of all, and of the ``calm`` about whom nothing new became known."""
    now = after.class_of(before.entity.astype(np.int64))
    calm = ~np.isin(before.entity, after.entity[after.moved])
    found = {}
    for level in LEVELS:
        own = before.counted & (before.confidence == level) & (now >= 0)
        same = now == before.final_class
        found[level.code] = {
            "entities": int(own.sum()),
            "kept": float(same[own].mean()) if own.any() else None,
            "calm": int((own & calm).sum()),
            "calm_kept": float(same[own & calm].mean()) if (own & calm).any() else None,
        }
    return found


def _shares_shown(caption: Words, found: Mapping[str, Any], names: Mapping[str, Words]) -> Table:
    rows: list[list[Words | str]] = [
        [names[name], count(one["entities"]), *(share(one["shares"][level.code]) for level in LEVELS)]
        for name, one in found.items()
    ]
    return table(caption, [("分组", "group"), ENTITIES, *map(_label, LEVELS)], rows)


def _agreement_shown(found: Mapping[str, Any], certainty: Certainty) -> Table:
    promised = {Confidence.HIGH: certainty.high, Confidence.MEDIUM: certainty.medium}
    head = [TITLE, ("测试样本数", "test pairs"), ("同一类别的比例", "refits that give the same class")]
    head += [("承诺不低于", "promised at least"), *((f"其中 {name}", f"of {name}") for name in CLASSES)]
    rows: list[list[Words | str]] = []
    for level in LEVELS:
        own = found[level.code]
        stated = [count(own["pairs"]), share(own["agreement"]), share(promised.get(level), 0)]
        rows.append([_label(level), *stated, *(share(own["by_class"][name]["agreement"]) for name in CLASSES)])
    return table(("测试样本上重拟合是否一致", "Whether refits agree on test pairs"), head, rows)


def _kept_shown(found: Mapping[str, Any]) -> Table:
    same = ("次月类别不变", "same class next month")
    rows: list[list[Words | str]] = []
    for level in LEVELS:
        own = found[level.code]
        stated = [count(own["entities"]), share(own["kept"]), count(own["calm"]), share(own["calm_kept"])]
        rows.append([_label(level), *stated])
    head = [TITLE, ENTITIES, same, ("其中无新情况者", "of whom nothing new became known"), same]
    return table(("次月类别是否保持", "Whether classes are kept next month"), head, rows)


def _label(level: Confidence) -> Words:
    return level.label, level.label_en

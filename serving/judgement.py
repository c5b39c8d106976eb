"""An assessment written down: its document, report, model card, transparency record and charts; and told to MLflow."""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.assessment import assess
from evaluation.case import Case
from evaluation.material import gather
from evaluation.report import BY_PRODUCTS, Fact, Subject, by_product, pictures, render
from evaluation.verdict import ASSESSMENT, REPORT
from features import steps
from serving import settings as edge
from training.card import CARD, CardSettings
from training.figures import flat
from training.pairs import Say
from training.registry import Judgement, log_judgement
from training.scheme import Scheme

CHARTS = "charts"
LOGGED = ("discrimination", "calibration", "random_draw", "stability", "leakage", "drift", "twice")


def write(fresh: Path, case: Case, run: Mapping[str, Any], *, on: date, say: Say) -> None:
    """Write everything an evaluation leaves into a folder; ``run`` is what the training took and was logged as."""
    rng = np.random.default_rng(int(case.trained.digest[:12], 16))
    found = assess(gather(case, rng, say), on=on, rng=rng)
    about = _subject(case, run)
    document = json.dumps(found.document(), ensure_ascii=False, default=str, indent=1)
    steps.write_text(fresh / ASSESSMENT, document + "\n")
    steps.write_text(fresh / REPORT, render(found, about))
    for name in BY_PRODUCTS:
        steps.write_text(fresh / name, by_product(name, found, about))
    (fresh / CHARTS).mkdir()
    for name, picture in pictures(found, about).items():
        steps.write_text(fresh / CHARTS / f"{name}.svg", picture + "\n")


def logged(store: Path, model: str, found: Mapping[str, Any], folder: Path) -> str | None:
    """The MLflow run of a scheme, to which its assessment was added; None when it was never registered."""
    told = {name: found[name] for name in LOGGED if found.get(name) is not None}
    figures = {name: float(value) for name, value in flat(told).items() if isinstance(value, int | float)}
    checks = {f"gate.{one['code']}": one["value"] for one in found["gate"]["checks"] if one["value"] is not None}
    judgement = Judgement(
        scheme=found["gate"]["scheme"],
        figures=figures | checks,
        tags={
            "verdict": found["gate"]["verdict"],
            "verdict_digest": found["gate"]["digest"],
            "report_digest": sha256((folder / REPORT).read_bytes()).hexdigest(),
        },
        files={
            "report": [folder / name for name in (REPORT, ASSESSMENT, *BY_PRODUCTS)],
            f"report/{CHARTS}": sorted((folder / CHARTS).iterdir()),
        },
    )
    return log_judgement(store, model, judgement)


def _run(run: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What a training took and on what it ran."""
    facts = [
        Fact(("程序版本", "version of the program"), edge.program()),
        Fact(("依赖锁摘要", "digest of the pinned dependencies"), edge.lock_digest()),
    ]
    if run:
        facts += [
            Fact(("用时（秒）", "seconds"), round(float(run["seconds"]), 1)),
            Fact(("最大内存（GiB）", "peak memory, GiB"), round(float(run["peak_gib"]), 2)),
            Fact(("MLflow 运行", "MLflow run"), str(run["run"])),
            Fact(("MLflow 版本", "MLflow version"), f"{run['model']} {run['version']}"),
        ]
    return tuple(facts)


def _subject(case: Case, run: Mapping[str, Any]) -> Subject:
    """Whose report it is, and the facts its first pages state."""
    task, scheme = case.task, case.scheme
    dates = scheme.training["as_of"]
    data = (
        Fact(("标签知悉截止", "labels known by"), task.known_by.isoformat()),
        Fact(("训练基准日", "dates fitted on"), _span(dates["fit"])),
        Fact(("校准基准日", "dates calibrated on"), _span(dates["calibration"])),
        Fact(("测试基准日", "dates tested on"), _span(dates["test"])),
        Fact(("记录库摘要", "digest of the lake"), str(scheme.training["lake"])[:16]),
        Fact(("指标体系版本", "version of the indicators"), scheme.version or "–"),
        Fact(("指标体系摘要", "digest of the indicators"), scheme.definitions[:16]),
    )
    card = (
        Fact(("分类方案（已签名）", "scheme (signed)"), scheme.digest[:16]),
        *model_facts(scheme),
        Fact(("参与建模的指标", "indicators in the model"), len(scheme.features)),
        Fact(("暴露控制", "exposure controls"), ", ".join(scheme.controls) or "–"),
        Fact(("直接判定规则", "direct-determination rules"), len(scheme.rules)),
    )
    words = {one.code: (one.label, one.label_en) for one in task.definitions.indicators}
    outcome = (task.outcome.label, getattr(task.outcome, "label_en", "") or task.outcome.code)
    return Subject(task.profile, case.tested_on, outcome, data, card, words, _run(run))


def model_facts(scheme: Scheme) -> tuple[Fact, ...]:
    """The settings a scheme was grown with: those of its trees, or of the score card it is."""
    settings = scheme.training["settings"]
    if scheme.training.get("method") == CARD:
        card = CardSettings.read(settings[CARD])
        return (
            Fact(("随机种子", "seeds"), str(card.seed)),
            Fact(("模型", "model"), ("积分卡", "score card")),
            Fact(("每项指标的分段上限", "most steps of an indicator"), card.steps),
            Fact(("几率翻倍的分值", "points that double the odds"), card.double),
            Fact(("取整前的树数（每棵一次划分）", "trees of one split, before rounding to points"), card.count),
            Fact(("有分值的指标", "indicators that carry points"), len(scheme.used)),
        )
    trees, counts = settings["trees"], " + ".join(map(str, scheme.training.get("trees", ["–"])))
    return (
        Fact(("随机种子", "seeds"), ", ".join(map(str, trees["seeds"]))),
        Fact(
            ("模型（每个的树数，叶数上限）", "models (trees of each, most leaves)"),
            f"LightGBM, {counts}, {trees['leaves']}",
        ),
    )


def _span(days: list[str]) -> str:
    return f"{days[0]} … {days[-1]}" if days else "–"

"""The gate: one spoilt figure, one failed check, one verdict."""

import json
from dataclasses import replace
from datetime import date
from math import exp
from pathlib import Path

import pytest
import yaml

from evaluation import gate, trials
from evaluation.backtest import Discrimination
from evaluation.checks import FIGURES, Coverage, Difference, Leakage, Sanity, of_study
from evaluation.draws import INSUFFICIENT, ordering
from evaluation.errors import GateError
from evaluation.shown import Value
from evaluation.verdict import require
from tests.evaluation import evidence as example
from training.cutoffs import RiskClass

ON = date(2026, 1, 31)
GOOD = example.good()
KINDS = GOOD.calibration
ENTERPRISE = KINDS["enterprise"]


def calibrated(**changed):
    return replace(GOOD, calibration={**KINDS, "enterprise": replace(ENTERPRISE, **changed)})


def drawn(**rates):
    return replace(GOOD, draws=replace(GOOD.draws, onsite={**GOOD.draws.onsite, **rates}))


def moved(**changed):
    return replace(GOOD, stability=replace(GOOD.stability, **changed))


def left(risk, moves):
    """Of those about whom nothing new became known, the moves out of one class; the others stay as they were."""
    found = list(GOOD.stability.calm.moves)
    found[risk] = moves
    return moved(calm=replace(GOOD.stability.calm, moves=tuple(found)))


def told(code, value):
    """A further study that found something else."""
    return replace(GOOD, judged={**GOOD.judged, code: (Value("all", value),)})


SPOILT = [
    ("EV001", "reject", replace(GOOD, coverage=Coverage(100, 99, {}, 1))),
    ("EV010", "reject", replace(GOOD, leakage=Leakage(0.61, (0.57, 0.65)))),
    ("EV020", "reject", replace(GOOD, discrimination=replace(GOOD.discrimination, auc_interval=(0.53, 0.6)))),
    ("EV022", "review", replace(GOOD, baseline=Difference("logistic", 0.8, -0.01, (-0.03, 0.01)))),
    ("EV024", "review", replace(GOOD, champion=Difference("champion", 0.82, -0.03, (-0.05, -0.01)))),
    (
        "EV023",
        "review",
        replace(
            GOOD,
            discrimination=replace(GOOD.discrimination, volumes=(replace(GOOD.discrimination.volumes[0], lift=1.2),)),
        ),
    ),
    ("EV026", "review", told("EV026", 1.2)),
    ("EV031", "review", calibrated(o_e=1.4, o_e_interval_99=(1.1, 1.7))),
    ("EV032", "review", calibrated(slope=0.6, slope_interval=(0.5, 0.7))),
    ("EV033", "review", calibrated(skill=-0.01)),
    ("EV034", "review", calibrated(relative_ece=0.4)),
    ("EV040", "review", drawn(B=example.rate(0.055))),
    ("EV042", "review", replace(GOOD, draws=replace(GOOD.draws, unweighted_share=0.2))),
    ("EV043", "reject", told("EV043", 0.45)),
    (
        "EV050",
        "review",
        replace(GOOD, classes={"enterprise": example.shares(shares={"A": 0.3, "B": 0.5, "C": 0.1, "D": 0.1})}),
    ),
    ("EV060", "reject", replace(GOOD, sanity=Sanity(1000, 1, 1e-6))),
    ("EV061", "reject", replace(GOOD, sanity=Sanity(1000, 0, 1e-4))),
    ("EV062", "reject", told("EV062", 1.0)),
    ("EV063", "review", told("EV063", 1.0)),
    ("EV064", "reject", told("EV064", 0.99)),
    ("EV065", "reject", told("EV065", 1e-6)),
    ("EV070", "review", moved(psi_probability=0.15)),
    ("EV072", "review", moved(shifts=(replace(GOOD.stability.shifts[0], psi=0.3),))),
    ("EV073", "review", left(RiskClass.A, (9_890, 110, 0, 0))),
    ("EV076", "review", left(RiskClass.B, (90, 1_888, 22, 0))),
    ("EV076", "review", left(RiskClass.C, (0, 6, 188, 6))),
    ("EV076", "review", left(RiskClass.D, (0, 0, 11, 189))),
    ("EV075", "review", told("EV075", 0.3)),
    ("EV074", "review", moved(calm=replace(GOOD.stability.calm, two_class_jumps=1))),
]


def judged(evidence, on=ON):
    return gate.judge(evidence, scheme=example.SCHEME, on=on)


def failed(verdict):
    return [check.code for check in verdict.checks if check.passed is False]


def test_a_scheme_with_nothing_to_object_to_is_promoted():
    verdict = judged(GOOD)
    assert failed(verdict) == []
    assert verdict.verdict == "promote"
    assert all(check.passed for check in verdict.checks)


@pytest.mark.parametrize(
    ("code", "expected", "spoilt"), SPOILT, ids=[f"{row[0]}-{place}" for place, row in enumerate(SPOILT)]
)
def test_one_spoilt_figure_fails_its_check_and_decides_the_verdict(code, expected, spoilt):
    verdict = judged(spoilt)
    assert failed(verdict) == [code]
    assert verdict.verdict == expected


def test_a_scheme_shown_to_be_worse_than_the_baseline_is_rejected():
    verdict = judged(replace(GOOD, baseline=Difference("logistic", 0.83, -0.04, (-0.06, -0.02))))
    assert failed(verdict) == ["EV021", "EV022"]
    assert verdict.verdict == "reject"


def test_a_large_shift_fails_notice_and_stop():
    verdict = judged(moved(psi_probability=0.3))
    assert failed(verdict) == ["EV070", "EV071"]
    assert verdict.verdict == "reject"


def test_a_class_shown_to_have_fewer_problems_than_a_safer_one_rejects():
    verdict = judged(drawn(C=example.rate(0.05)))
    assert failed(verdict) == ["EV040", "EV041"]
    assert verdict.verdict == "reject"


@pytest.mark.parametrize(
    ("interval", "distance", "passed"),
    [((0.39, 0.52), 0.0, True), ((0.39, 0.49), 0.06, False), ((0.51, 0.57), 0.04, True), ((0.53, 0.6), 0.06, False)],
)
def test_shuffled_labels_told_apart_show_a_leak(interval, distance, passed):
    auc = 0.44 if interval[0] < 0.5 else 0.5 + distance
    verdict = judged(replace(GOOD, leakage=Leakage(auc, interval)))
    found = {check.code: check for check in verdict.checks}["EV010"]
    assert found.passed is passed
    assert found.value == pytest.approx(distance)


def test_few_draws_neither_pass_nor_fail():
    few = {name: replace(rate, verdict=INSUFFICIENT) for name, rate in GOOD.draws.onsite.items()}
    verdict = judged(drawn(**few))
    checks = {check.code: check for check in verdict.checks}
    assert checks["EV040"].passed is None
    assert checks["EV041"].value is None
    assert verdict.verdict == "promote"


def test_studies_that_need_history_may_be_silent():
    verdict = judged(replace(GOOD, champion=None, draws=None, stability=None))
    assert verdict.verdict == "promote"


@pytest.mark.parametrize(
    ("code", "silent"),
    [
        ("EV010", replace(GOOD, leakage=None)),
        ("EV021", replace(GOOD, baseline=None)),
        ("EV060", replace(GOOD, sanity=Sanity(0, 0, 0.0))),
        ("EV020", replace(GOOD, discrimination=Discrimination(0, 0, None, None, None, None, None, ()))),
    ],
)
def test_a_silence_that_is_not_allowed_asks_for_a_person(code, silent):
    verdict = judged(silent)
    assert {check.code: check.passed for check in verdict.checks}[code] is None
    assert verdict.verdict == "review"


@pytest.mark.parametrize(("ratio", "interval"), [(1.6, (1.3, 2.0)), (0.6, (0.5, 0.75)), (0.0, (0.0, 0.4))])
def test_probabilities_shown_to_be_off_by_a_fifth_reject(ratio, interval):
    verdict = judged(calibrated(o_e=ratio, o_e_interval_99=interval))
    assert failed(verdict) == ["EV030", "EV031"]
    assert verdict.verdict == "reject"


def test_observed_over_expected_passes_when_its_interval_holds_one():
    verdict = judged(calibrated(o_e=1.5, o_e_interval_99=(0.9, 2.4)))
    assert verdict.verdict == "promote"
    found = next(check for check in verdict.checks if check.code == "EV031")
    assert found.value == 0.0 <= found.threshold == 0.2
    assert found.evidence[0].figure == 1.5
    apart = judged(calibrated(o_e=1.5, o_e_interval_99=(1.1, 2.0)))
    assert {check.code: check.value for check in apart.checks}["EV031"] == pytest.approx(0.405, abs=1e-3)


def test_a_kind_with_few_positives_is_not_judged_on_skill():
    verdict = judged(calibrated(skill=-0.5, n_pos=4))
    assert verdict.verdict == "promote"


def test_a_kind_without_figures_is_not_judged():
    nothing = replace(ENTERPRISE, o_e=None, o_e_interval_99=None, slope=None, slope_interval=None, skill=None, n_pos=0)
    verdict = judged(replace(GOOD, calibration={**KINDS, "enterprise": nothing}))
    details = {
        detail.subject: detail.passed for check in verdict.checks if check.code == "EV030" for detail in check.evidence
    }
    assert details == {"enterprise": None, "individual_business": True, "cooperative": True}


def test_every_check_of_the_file_has_a_figure_and_no_figure_is_forgotten():
    rules = gate.read_gate()
    assert [row["code"] for row in rules["checks"]] == sorted(FIGURES)
    for row in rules["checks"]:
        assert row["limit"] in {"at_most", "at_least"}
        assert all(threshold["basis"] for threshold in row["thresholds"])


def test_a_threshold_outside_its_dates_is_refused():
    with pytest.raises(GateError, match="check EV001 on 1999-01-01: 0 dated values are in force"):
        judged(GOOD, on=date(1999, 1, 1))


def test_a_check_without_a_figure_is_refused(written):
    written(lambda row: row.update(code="EV999") if row["code"] == "EV075" else None)
    with pytest.raises(GateError, match="check EV999: no figure is looked at under that code"):
        judged(GOOD)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Has the gate read a file in which every check was put through a function."""

    def write(change, draws=None):
        content = yaml.safe_load(Path(gate.GATE).read_text(encoding="utf-8"))
        for row in content["checks"]:
            change(row)
        content["draws"] = draws or content["draws"]
        path = tmp_path / "gate.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        monkeypatch.setattr(gate, "GATE", path)

    return write


def from_july(row):
    """EV020 asks for more from the first of July."""
    if row["code"] == "EV020":
        (rule,) = row["thresholds"]
        row["thresholds"] = [
            {**rule, "until": date(2026, 6, 30)},
            {**rule, "since": date(2026, 7, 1), "value": 0.78},
        ]


def test_a_verdict_is_not_acted_on_once_another_threshold_is_in_force(written):
    before = judged(GOOD, on=date(2026, 6, 30))
    written(from_july)
    last = judged(GOOD, on=date(2026, 6, 30))
    assert last.criteria == before.criteria  # that a row ends one day does not change what it decides until then
    current(last, on=date(2026, 6, 30))
    with pytest.raises(GateError, match=r"in force on 2026-07-02; changed: EV020\. .*run jianwei evaluate again"):
        current(last, on=date(2026, 7, 2))
    later = judged(GOOD, on=date(2026, 7, 2))
    assert failed(later) == ["EV020"]
    current(later, on=date(2026, 7, 3))


def test_what_stands_beside_a_threshold_is_a_criterion_too(written):
    verdict = judged(GOOD)
    (rule,) = gate.read_gate()["draws"]
    written(lambda row: None, draws=[{**rule, "minimum": 500}])
    assert gate.least_draws(ON) == 500
    with pytest.raises(GateError, match="changed: what stands beside the thresholds"):
        current(verdict)


def test_a_check_that_came_later_or_went_is_named(written):
    verdict = judged(GOOD)
    newer = replace(verdict, checks=tuple(check for check in verdict.checks if check.code != "EV060"), criteria="x")
    with pytest.raises(GateError, match=r"changed: EV060\."):
        current(newer)


@pytest.mark.parametrize(
    ("against", "reigning", "holds"),
    [(None, None, True), ("a" * 64, "a" * 64, True), (None, example.SCHEME, True), ("a" * 64, example.SCHEME, True),
     ("a" * 64, "b" * 64, False), (None, "b" * 64, False)],
)  # fmt: skip
def test_a_verdict_counts_beside_the_champion_it_was_held_against_only(against, reigning, holds):
    verdict = gate.judge(GOOD, scheme=example.SCHEME, on=ON, champion=against)
    assert verdict.champion == against
    if holds:
        current(verdict, champion=reigning)
        return
    named = "aaaaaaaaaaaa" if against else "none"
    with pytest.raises(GateError, match=f"against champion {named}; champion is bbbbbbbbbbbb"):
        current(verdict, champion=reigning)


def test_a_proposal_rests_on_the_verdict_it_names():
    verdict = judged(GOOD)
    for other in ("0" * 64, None):
        with pytest.raises(GateError, match="was evaluated again after it was proposed"):
            gate.check_current(verdict, digest=other, on=ON, champion=None)


def current(verdict, *, on=ON, champion=None):
    gate.check_current(verdict, digest=verdict.digest, on=on, champion=champion)


def test_every_check_tells_whose_figure_it_is_the_figure_and_its_interval():
    found = {
        check.code: [(one.subject, one.value, one.figure, one.interval) for one in check.evidence]
        for check in judged(GOOD).checks
    }
    kinds = ("enterprise", "individual_business", "cooperative")
    assert found == {
        "EV001": [("all", 0.0, 0.0, None)],
        "EV010": [("shuffled", 0.0, 0.51, (0.47, 0.55))],
        "EV020": [("all", 0.77, 0.79, (0.77, 0.81))],
        "EV021": [("score_card", 0.06, 0.04, (0.02, 0.06))],
        "EV022": [("score_card", 0.04, 0.04, None)],
        "EV023": [("C+D", 3.5, 3.5, None)],
        "EV024": [("champion", 0.015, 0.005, (-0.005, 0.015))],
        "EV026": [("C+D", 2.4, 2.4, (2.3, 2.5))],
        "EV030": [(kind, 0.0, 1.03, (0.89, 1.19)) for kind in kinds],
        "EV031": [(kind, 0.0, 1.03, (0.89, 1.19)) for kind in kinds],
        "EV032": [(kind, 0.0, 0.97, (0.88, 1.06)) for kind in kinds],
        "EV033": [(kind, ENTERPRISE.skill, ENTERPRISE.skill, None) for kind in kinds],
        "EV034": [(kind, ENTERPRISE.relative_ece, ENTERPRISE.relative_ece, None) for kind in kinds[:2]],
        "EV040": [(name, low, figure, (low, high)) for name, figure, low, high in RISES],
        "EV041": [(name, high, figure, (low, high)) for name, figure, low, high in RISES],
        "EV042": [("all", 0.01, 0.01, None)],
        "EV043": [("all", 0.78, 0.78, (0.64, 0.78))],
        "EV050": [(kind, 0.0, 0.0, None) for kind in kinds],
        "EV060": [("all", 0.0, 0.0, None)],
        "EV061": [("all", 3e-6, 3e-6, None)],
        "EV062": [("all", 0.0, 0.0, None)],
        "EV063": [("all", 0.0, 0.0, None)],
        "EV064": [("reached", 1.0, 1.0, None), ("untouched", 1.0, 1.0, None)],
        "EV065": [("all", 3e-15, 3e-15, None)],
        "EV070": [("all", 0.012, 0.012, None)],
        "EV071": [("all", 0.012, 0.012, None)],
        "EV072": [("penalties_24m", 0.031, 0.031, None)],
        "EV073": [("A", 5800 / 5840, 5800 / 5840, None)],
        "EV074": [("calm", 0.0, 0.0, None)],
        "EV075": [("all", 0.03, 0.03, None)],
        "EV076": [(name, kept, kept, None) for name, kept in (("B", 2600 / 2700), ("C", 700 / 730), ("D", 380 / 390))],
    }


RISES = [(f"{one.safer}→{one.riskier}", one.difference, one.lower, one.upper) for one in ordering(GOOD.draws.onsite)]


@pytest.mark.parametrize(
    ("code", "at", "beyond"),
    [
        ("EV001", replace(GOOD, coverage=Coverage(0, 0, {}, 0)), replace(GOOD, coverage=Coverage(10, 9, {}, 1))),
        *(
            (code, replace(GOOD, **{name: Difference("other", 0.8, at, (-0.1, at))}),
             replace(GOOD, **{name: Difference("other", 0.8, -1e-9, (-0.1, -1e-9))}))
            for code, name, at in (("EV021", "baseline", 0.0), ("EV022", "baseline", 0.0), ("EV024", "champion", 0.0))
        ),
        ("EV010", replace(GOOD, leakage=Leakage(0.6, (0.5, 0.7))), replace(GOOD, leakage=Leakage(0.6, (0.501, 0.7)))),
        ("EV010", replace(GOOD, leakage=Leakage(0.4, (0.3, 0.5))), replace(GOOD, leakage=Leakage(0.4, (0.3, 0.499)))),
        ("EV032", calibrated(slope=1.25, slope_interval=(1.1, 1.4)), calibrated(slope=1.26, slope_interval=(1.1, 1.4))),
        ("EV033", calibrated(skill=-0.1, n_pos=49), calibrated(skill=-0.1, n_pos=50)),
        (
            "EV050",
            *(
                replace(GOOD, classes={"enterprise": example.shares(shares={"A": a, "B": b, "C": 0.08, "D": 0.04})})
                for a, b in ((0.45, 0.45), (0.449, 0.451))
            ),
        ),
    ],
)  # fmt: skip
def test_a_figure_at_its_limit_stands_and_one_beyond_it_does_not(code, at, beyond):
    assert code not in failed(judged(at))
    assert code in failed(judged(beyond))


def test_a_distance_at_its_limit_stands_in_either_direction():
    limit = exp(0.2)
    for ratio in (limit * (1 - 1e-12), (1 + 1e-12) / limit):
        assert "EV031" not in failed(
            judged(calibrated(o_e=ratio, o_e_interval_99=(min(ratio, 1.01), max(ratio, 0.99))))
        )
    far = judged(calibrated(o_e=2.0, o_e_interval_99=(1.1, 3.0)))
    assert failed(far) == ["EV031"]  # of EV030 only the nearest end counts


def test_a_figure_without_an_interval_is_told_and_not_judged():
    half = calibrated(slope_interval=None, o_e_interval_99=None)
    other = calibrated(slope=None, o_e=None)
    for evidence, codes in ((half, (0.97, 1.03, None, None)), (other, (None, None, (0.88, 1.06), (0.89, 1.19)))):
        checks = {check.code: check for check in judged(evidence).checks}
        slope, ratio = checks["EV032"].evidence[0], checks["EV030"].evidence[0]
        assert (slope.figure, ratio.figure, slope.interval, ratio.interval) == codes
        assert {slope.subject, ratio.subject} == {"enterprise"}
        assert (slope.value, slope.passed, ratio.value, ratio.passed) == (None, None, None, None)


def test_nobody_in_scope_is_nothing_to_judge_and_fails_nothing():
    check = judged(replace(GOOD, coverage=Coverage(0, 0, {}, 0))).checks[0]
    assert (check.code, check.value, check.passed) == ("EV001", None, None)
    (lost,) = judged(replace(GOOD, coverage=Coverage(200, 199, {}, 1))).checks[0].evidence
    assert lost.value == 1 / 200


@pytest.mark.parametrize(
    ("at_most", "expected"), [(True, [True, True, False, None]), (False, [False, True, True, None])]
)
def test_what_a_study_gives_is_held_against_the_limit_with_its_interval(at_most, expected):
    values = (Value("low", 0.4, (0.3, 0.5)), Value("at", 0.5), Value("high", 0.6), Value("none", None))
    look = of_study("EV900", at_most=at_most)
    found = look(replace(GOOD, judged={"EV900": values}), {"value": 0.5})
    assert [one.passed for one in found] == expected
    assert [(one.subject, one.value, one.figure, one.interval) for one in found] == [
        (one.subject, one.value, one.value, one.interval) for one in values
    ]
    assert look(GOOD, {"value": 0.5}) == ()


def test_each_class_keeps_its_own_and_too_few_are_told_and_not_judged():
    a_tenth_moved = left(RiskClass.D, (0, 0, 20, 179))
    found = {check.code: check for check in judged(a_tenth_moved).checks}
    assert [detail.subject for detail in found["EV073"].evidence] == ["A"]
    assert [(detail.subject, detail.passed) for detail in found["EV076"].evidence] == [
        ("B", True), ("C", True), ("D", None),
    ]  # fmt: skip
    assert found["EV076"].evidence[2].figure == pytest.approx(179 / 199)
    assert found["EV076"].value == min(detail.figure for detail in found["EV076"].evidence[:2])
    enough = {check.code: check for check in judged(left(RiskClass.D, (0, 0, 20, 180))).checks}
    assert enough["EV076"].evidence[2].passed is False
    just = judged(left(RiskClass.A, (99 * 40, 40, 0, 0)))
    assert failed(just) == []
    nobody = {check.code: check for check in judged(left(RiskClass.A, (0, 0, 0, 0))).checks}["EV073"]
    assert (nobody.passed, nobody.evidence[0].figure) == (None, None)


def test_explanations_ask_of_classes_what_the_gate_does():
    rules = {row["code"]: row["threshold"] for row in gate.criteria(ON)["checks"]}
    assert {rules["EV073"]["minimum"], rules["EV076"]["minimum"]} == {trials.KEPT_ROWS}
    assert [trials.KEPT[risk] for risk in RiskClass] == [rules["EV073"]["value"], *[rules["EV076"]["value"]] * 3]


def test_a_class_needs_a_thousand_determinate_draws():
    assert gate.least_draws(ON) == 1000


def test_the_digest_is_of_the_verdict_alone():
    assert judged(GOOD).digest == judged(example.good()).digest
    assert judged(GOOD).digest != judged(SPOILT[0][2]).digest


def test_a_saved_verdict_is_read_back_and_an_altered_one_refused():
    verdict = judged(GOOD)
    saved = json.loads(json.dumps(verdict.document() | {"digest": verdict.digest}))
    assert gate.read_verdict(saved).digest == verdict.digest
    assert gate.read_verdict(saved).verdict == "promote"
    with pytest.raises(GateError, match="it was altered"):
        gate.read_verdict({**saved, "scheme": "another"})
    with pytest.raises(GateError, match="malformed"):
        gate.read_verdict({"verdict": "promote"})


def test_a_verdict_that_its_checks_do_not_give_is_refused():
    forged = replace(judged(SPOILT[0][2]), verdict="promote")
    with pytest.raises(GateError, match="it was altered"):
        gate.read_verdict(forged.document() | {"digest": forged.digest})


def test_only_a_passing_verdict_allows_a_promotion():
    require(judged(GOOD))
    with pytest.raises(GateError, match=r"reject \(不晋级\); failed checks: EV001"):
        require(judged(SPOILT[0][2]), reason="I want it")
    doubtful = judged(SPOILT[3][2])
    with pytest.raises(GateError, match=r"review \(需人工\); failed checks: EV022"):
        require(doubtful, reason="  ")
    require(doubtful, reason="评分卡样本过少，差异不显著")


def test_the_gate_names_the_family_of_errors():
    assert gate.GateError is GateError
    assert Path(gate.GATE).name == "gate.yaml"


def test_only_blocking_checks_that_are_not_stood_are_named():
    good = example.good()
    assert gate.failing(good, on=ON) == ()
    off = {kind: replace(found, o_e=2.0, o_e_interval_99=(1.8, 2.2)) for kind, found in good.calibration.items()}
    judged = gate.judge(replace(good, calibration=off), scheme=example.SCHEME, on=ON)
    expected = tuple(check.code for check in judged.checks if check.blocking and check.passed is False)
    assert gate.failing(replace(good, calibration=off), on=ON) == expected
    assert "EV030" in expected
    assert "EV031" not in expected  # fails as well, and blocks nothing

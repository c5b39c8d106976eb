"""The reader's test: whoever looks the printed pages up with care answers all of it right, and nobody else does."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from unicodedata import normalize

import pytest
import reader_test
from furnished import sandboxed
from reader_answers import NUMBERS, Told, answers, is_right, plain
from running import ROOT
from town import NOW

HEADINGS = (
    "1结论与监管措施", "2近12个月走势", "3主要原因", "4五类指标贡献", "5主体自身能做什么", "6数据缺口",
    "7直接判定规则", "8依据、版本与异议",
)  # fmt: skip
DIMENSION = r"(基础属性|动态信息|监管信息|关联关系|社会评价)([+−]?\d+)(?!\d*\.)"
LABELS = ("class D, decided", "class C, else D", "class D, else C", "another class", "class B, of the kind", "class A")


@pytest.fixture(scope="module")
def surroundings(classified, tmp_path_factory):
    """The environment in which a town is the sandbox."""
    folder = tmp_path_factory.mktemp("reader") / "town"
    sandboxed(classified, folder)
    stated = {"HOME": folder, "MLRUNS": folder / "mlruns", "PROFILE": folder / "profile", "NOW": NOW.isoformat()}
    return {**os.environ, "PYTHONPATH": str(ROOT), **{f"JIANWEI_{name}": str(one) for name, one in stated.items()}}


def made(surroundings, out, kind):
    command = [sys.executable, "scripts/reader_test.py", "make", "--out", str(out), "--kind", kind]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def written(surroundings, tmp_path_factory):
    """A test of the town, written once."""
    out = tmp_path_factory.mktemp("written") / "test"
    done = made(surroundings, out, "stall")
    assert done.returncode == 0, done.stderr[-2000:]
    return out, json.loads(done.stdout.splitlines()[-1])


def read(paper):
    """A printed page by its blocks, without spaces and without the watermark, which lies across."""
    command = ["pdftotext", "-layout", "-nodiag", str(paper), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    flat = re.sub(r"\s+", "", normalize("NFKC", text))
    starts = [flat.index(normalize("NFKC", one)) for one in HEADINGS] + [len(flat)]
    return {number: flat[at:end] for number, at, end in zip(range(1, 9), starts, starts[1:], strict=False)}


def looked_up(page):
    """The answers as a careful reader finds them in the blocks of a page."""
    stated = r"上月(?:未来一年被查实违法的概率)?([A-D—])·变动原因:([^·]+?)[A-D]?(?:模型类别|未来一年|把握程度)"
    before, cause = re.search(stated, page[1]).groups()  # lines beside the large letter of the class are mixed
    measure = re.search(r"监管方式(.+?)(?:现场检查|双随机抽查|检查方式|触发情形|依据)", page[1])
    day, month = re.search(r"数据截至(\d{4}-\d\d-\d\d).*数据月(\d{4}-\d\d)", page[8]).groups()
    found = {
        "1": re.findall(r"([A-D])(?:上月)", page[1])[:1],
        "2": [before.replace("—", "无"), cause],
        "3": strongest(page[3].partition("降低风险的因素")[0]),
        "4": re.findall(r"降低风险的因素1\.(.+?)(?:\(内部信息,不得外传\))?−\d+分", page[3]) or ["无"],
        "5": most(page[4].partition("指标组合计")[0]),
        "6": sorted({*re.findall(r"H\d", page[7]), *re.findall(r"《办法》|拟定", page[7])}) or ["无"],
        "7": [measure[1]] if measure else ["无"],
        "8": ways(page[5]),
        "9": lacking(page[6]),
        "10": [day, month],
        "11": ["不得", str(page[3].count("(内部信息,不得外传)"))],
        "12": re.findall(r"次日起(\d+)个自然日内答复", page[8]),
    }
    assert tuple(found) == NUMBERS
    return found


def strongest(raising):
    """Points of the first reason that bears some, and the number of the newest record under it."""
    first = re.search(r"\+(\d+)分(.*?)(?:\d\..{2,60}?[+]\d+分|$)", raising)
    if first is None:
        return ["无"]
    records = re.findall(r"·(\d{4}-\d\d-\d\d)·获知于.+?编号([0-9a-z]+?)(?=[^0-9a-z]|$)", first[2])
    return [first[1], max(records)[1] if records else "无"]


def most(bars):
    """The dimension that adds most."""
    name, points = max(re.findall(DIMENSION, bars), key=lambda one: int(one[1].replace("−", "-")))
    return [name if int(points) > 0 else "无"]


def lacking(block):
    """The sections with gaps, of either kind."""
    return sorted(set(re.findall(r"登记|事件|关联", block.partition("来源批次")[0]))) or ["无"]


def ways(block):
    """The class of the first way and its acts, or what is said where there is none."""
    for said, word in (
        ("自行办理有关事项不能降低", "无"),
        ("已是风险最低的类别", "已最低"),
        ("无法推算", "无法推算"),
    ):
        if said in block:
            return [word]
    first = re.search(r"1\.[A-D]→([A-D])(.*?)(?:2\.[A-D]→|$)", block)
    return [first[1], *re.findall(r"清理后申请移出|补报", first[2])]


def scored(capsys, sheet, answers):
    code = reader_test.main(["score", str(sheet), "--answers", str(answers)])
    said = capsys.readouterr()
    return code, json.loads(said.out.splitlines()[-1]) if code == 0 else None, said.out + said.err


@pytest.fixture(scope="module")
def careful(written):
    """A sheet filled in from the printed pages alone."""
    reader = written[0] / "reader"
    return {code: looked_up(read(reader / f"{code}.pdf")) for code in written[1]["entities"]}


@pytest.fixture
def sheet(careful, tmp_path):
    """That sheet on disk, changed first."""

    def filled(change=lambda _: None):
        stated = json.loads(json.dumps(careful))
        change(stated)
        path = tmp_path / "sheet.json"
        path.write_text(json.dumps(stated, ensure_ascii=False), encoding="utf-8")
        return path

    return filled


def test_six_entities_are_chosen_for_what_they_exercise_and_the_reader_is_given_no_answers(written):
    out, told = written
    assert len(told["entities"]) == 6
    assert all(label.startswith(LABELS[at]) for at, label in enumerate(told["entities"].values()))
    given = {path.name for path in (out / "reader").iterdir()}
    assert given == {"questions.md", "sheet.json", *(f"{code}.pdf" for code in told["entities"])}
    empty = json.loads((out / "reader" / "sheet.json").read_text(encoding="utf-8"))
    assert empty == {code: {number: [] for number in NUMBERS} for code in told["entities"]}
    questions = (out / "reader" / "questions.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \|", questions, re.MULTILINE) == list(NUMBERS)
    assert "explanation" not in questions


def test_who_looks_the_pages_up_with_care_answers_all_right(written, sheet, capsys):
    code, found, said = scored(capsys, sheet(), written[0] / "answers" / "answers.json")
    assert code == 0
    assert (found["right"], found["asked"], found["not_answered"]) == (72, 72, 0), said


def test_answers_differ_between_the_entities(careful):
    for number in ("1", "2", "3", "4", "5", "6", "7", "8"):
        assert len({tuple(one[number]) for one in careful.values()}) > 1, number


def test_a_wrong_answer_half_an_answer_and_none_count_for_nothing(written, sheet, capsys):
    first, second, third = list(written[1]["entities"])[:3]

    def change(stated):
        stated[first]["1"] = ["A"]
        stated[second]["2"] = stated[second]["2"][:1]
        stated[third]["12"] = []

    _, found, said = scored(capsys, sheet(change), written[0] / "answers" / "answers.json")
    assert (found["right"], found["not_answered"]) == (69, 1)
    assert (found["by_entity"][first], found["by_question"]["1"], found["by_question"]["3"]) == (11, 5, 6)
    assert f"{first} question 1: ['A'], expected D" in said
    assert f"{third} question 12: not answered, expected 20" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda stated, code: stated.pop(code), "missing {code}; unknown none"),
        (lambda stated, code: stated.update({"T99999": {}}), "missing none; unknown T99999"),
        (lambda stated, code: stated[code].pop("3"), "{code}: questions: missing 3; unknown none"),
        (lambda stated, code: stated[code].update({"13": []}), "{code}: questions: missing none; unknown 13"),
        (lambda stated, code: stated[code].update({"1": "D"}), "{code}, question 1: 'D'; expected a list of texts"),
    ],
)
def test_what_is_missing_or_unknown_in_a_sheet_is_told_and_nothing_is_scored(written, sheet, capsys, change, told):
    first = next(iter(written[1]["entities"]))
    code, _, said = scored(capsys, sheet(lambda stated: change(stated, first)), written[0] / "answers" / "answers.json")
    assert code == 1
    assert told.format(code=first) in said
    assert "Nothing was scored" in said


@pytest.mark.parametrize(
    ("text", "told"),
    [('{"a": {"1": [], "1": []}}', "1 stands in it twice"), ('{"a": ', "Expecting value"), ("[]", "missing")],
)
def test_what_is_there_twice_or_no_sheet_at_all_is_told(written, tmp_path, capsys, text, told):
    path = tmp_path / "sheet.json"
    path.write_text(text, encoding="utf-8")
    code, _, said = scored(capsys, path, written[0] / "answers" / "answers.json")
    assert code == 1
    assert told in said


def test_a_place_without_one_of_the_six_is_told_so_and_nothing_is_written(surroundings, tmp_path):
    done = made(surroundings, tmp_path / "test", "kiosk")
    assert done.returncode == 1
    assert "no entity for “class B, of the kind kiosk”" in done.stderr
    assert not (tmp_path / "test").exists()


def test_a_test_is_not_written_over_another(written, capsys):
    assert reader_test.main(["make", "--out", str(written[0])]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_marks_of_internal_reasons_are_counted_and_a_place_without_days_for_disputes_has_none(written):
    kept = json.loads((written[0] / "answers" / "documents.json").read_text(encoding="utf-8"))
    told = Told(**next(iter(kept.values())))
    changed = replace(told, marks=dict.fromkeys(told.marks, "internal"), dispute_days=None)
    assert (answers(told)["11"][1], answers(told)["12"]) == (["0"], [["20"]])
    assert answers(changed)["11"][1] == [str(len(told.reasons))]
    assert "无" in answers(changed)["12"][0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("２０２６年３月３１日", "2026-03-31"), ("2026/3/31", "2026-03-31"), ("2026年3月", "2026-03"), ("+31分", "31"),
        ("20日", "20"), ("C类", "c"), (" 未 变。", "未变"), ("－12 分", "-12"), ("办法（ 试行 ）", "办法(试行)"),
        ("20个自然日", "20"), ("−12分", "-12"),
    ],
)  # fmt: skip
def test_what_does_not_matter_is_not_compared(one, other):
    assert plain(one) == plain(other)


@pytest.mark.parametrize(("one", "other"), [("-12", "12"), ("2026-03-31", "2026-03"), ("C", "D"), ("1", "11")])
def test_what_matters_is(one, other):
    assert plain(one) != plain(other)


def test_parts_come_in_whatever_order_and_each_counts_once():
    parts = [["C", "c class"], ["C", "D"]]
    assert is_right(parts, ["D", "C"])
    assert is_right(parts, ["C", "C"])
    assert not is_right(parts, ["D", "D"])
    assert not is_right(parts, ["C"])
    assert not is_right(parts, ["C", "D", "D"])

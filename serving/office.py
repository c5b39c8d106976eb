"""What an office uses on Monday: lists of one county as CSV, printable entity pages, and an index of them."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from features import steps
from features.profile import Profile
from serving import explanation, offices, points
from serving.classification import Sources, registered
from serving.offices import Masking
from serving.results import Results, SealedMonth
from training.cutoffs import RiskClass
from training.scheme import Scheme
from training.sureness import LABELS

TEMPLATES = Path(__file__).parent / "templates"
MONITORED = ("C", "D")
HISTORY = 12
PAGES = 3
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
LISTS = {
    "monitored": ("重点监测对象名单", "entities under emphasised monitoring"),
    "moved": ("升降级名单", "changes of class"),
    "undisturbed": ("A类无事不扰名单", "class A not to be disturbed without cause"),
}
HEADERS = {
    "zh": ("名称", "代码", "地址", "监管机构", "类别", "上月类别", "变动原因", "首要原因", "监管措施"),
    "en": (
        *("name", "code", "address", "supervising office", "class", "class before"),
        *("cause", "top reason", "measure"),
    ),
}
CAUSES = {
    "first": ("首次分类", "first classification"),
    "unchanged": ("未变", "unchanged"),
    "rule": ("新触发直接判定规则", "a rule applies anew"),
    "rule_ended": ("直接判定规则不再适用", "a rule fell away"),
    "new_record": ("新增不良记录", "a new adverse record"),
    "state_reached": ("到期未履行等状态成立", "a dated state was reached"),
    "eased": ("记录撤销、修复或移出", "a record was annulled, repaired or removed"),
    "scheme": ("分类方案更新", "a new scheme"),
    "improved": ("风险指标好转", "indicators improved"),
    "worsened": ("风险指标恶化", "indicators worsened"),
    "held_by_margin": ("边界保护，暂保留原类别", "held by the margin"),
}
DIMENSIONS = {
    "basic": ("基础属性", "basic attributes"),
    "dynamic": ("动态信息", "dynamics"),
    "supervision": ("监管信息", "supervision"),
    "association": ("关联关系", "associations"),
    "social": ("社会评价", "social evaluation"),
}
ASPECTS = {
    "regime": ("监管方式", "regime"),
    "onsite": ("现场检查", "on site"),
    "sampling": ("双随机抽查", "random draws"),
    "method": ("检查方式", "when drawn"),
    "monitoring": ("监测", "monitoring"),
    "campaign": ("专项整治", "campaigns"),
}
GAPS = {
    "before_coverage": ("归集起始日之后尚不足一个统计期", "collected for less than the window"),
    "not_delivered": ("来源尚未归集", "its source has not been delivered"),
    "no_record": ("来源已归集，该主体没有可据以计算的记录", "delivered, but no record to work it out from"),
}


@dataclass(frozen=True)
class County:
    """One county in one sealed month: its entities as registered then, and how to speak of them."""

    results: Results
    sources: Sources
    region: str
    scheme_of: Callable[[str], Scheme]

    @cached_property
    def month(self) -> SealedMonth:
        """The sealed month of the as-of date."""
        return self.results.month(self.sources.as_of.strftime("%Y-%m"))

    @property
    def profile(self) -> Profile:
        """The profile of the home."""
        return self.sources.lake.profile

    @cached_property
    def entities(self) -> list[dict[str, Any]]:
        """Its classified entities, riskiest margin first, then entity: as registered at T, with their top reason."""
        listed = self.month.listed(region=self.region)
        known = registered(self.sources, ("name", "address", "supervising_org"))
        own = known.filter(pc.is_in(known["entity"], pa.array([light["entity"] for light in listed], pa.int32())))
        said = {row["entity"]: row for row in own.to_pylist()}
        whole = self.month.whole(listed)
        return [
            {
                **light,
                **said[light["entity"]],
                "top": top_reason(self.month.words, whole[light["entity"]]),
            }
            for light in listed
        ]

    def name(self, entity: Mapping[str, Any]) -> str:
        """An entity's name; a person's name keeps its first character only."""
        return Masking.of(self.profile).printed(str(entity["name"] or ""), entity["kind"])

    def place(self, code: str, language: str = "zh") -> str:
        """A region's name, or its code where the profile has no name for it."""
        return offices.place(self.profile, code, language)

    def office(self, entity: Mapping[str, Any]) -> str:
        """The supervising office in words, from below the province down; a part without a name stays a code."""
        return offices.office(self.profile, str(entity["supervising_org"] or ""))


def write(county: County, folder: Path, *, pages: int = PAGES) -> list[Path]:
    """The files written for a county: three lists (CSV, UTF-8 with BOM), entity pages and an index (HTML)."""
    folder.mkdir(parents=True, exist_ok=True)
    language = 0 if county.profile.language == "zh" else 1
    written = []
    chosen = lists(county)
    for kind, entities in chosen.items():
        path = folder / f"{_stem(county, LISTS[kind][language])}.csv"
        text = undisturbed_csv(county, entities) if kind == "undisturbed" else list_csv(county, entities)
        steps.write_bytes(path, text.encode("utf-8-sig"))
        written.append(path)
    shown = noteworthy(county, pages)
    for entity in shown:
        path = folder / f"{entity['code']}-{county.month.month}.html"
        steps.write_text(path, page(county, entity))
        written.append(path)
    index = folder / "index.html"
    steps.write_text(index, index_page(county, chosen, shown, written))
    return [*written, index]


def _stem(county: County, title: str) -> str:
    notice = county.profile.notice if county.profile.language == "zh" else county.profile.notice_en
    return f"{county.place(county.region)}-{title}-{county.month.month}（{notice}）".replace("/", " ")


def lists(county: County) -> dict[str, list[dict[str, Any]]]:
    """The entities of each list, riskiest first; "not to be disturbed" only where the measures of class A say so."""
    moved = [one for one in county.entities if one["class_before"] not in (None, one["class"])]
    found = {"monitored": [one for one in county.entities if one["class"] in MONITORED], "moved": moved}
    safest = [one for one in county.entities if one["class"] == RiskClass.A.name]
    stated = (county.month.words["measures"] or {"classes": {}})["classes"].get(RiskClass.A.name) or {}
    return {**found, "undisturbed": safest} if stated.get("triggers") else found


def noteworthy(county: County, number: int) -> list[dict[str, Any]]:
    """Entities worth a page: the riskiest, the riskiest that moved, the riskiest that improved, then by risk."""
    moved = lists(county)["moved"]
    improved = [one for one in moved if one["class"] < one["class_before"]]
    order = [*county.entities[:1], *moved[:1], *improved[:1], *county.entities]
    return list({one["code"]: one for one in order}.values())[:number]


def list_csv(county: County, entities: Sequence[Mapping[str, Any]]) -> str:
    """A list as CSV, one entity a row, the notice as the last row."""
    language = county.profile.language
    return _csv(county, HEADERS[language], [_list_row(county, one) for one in entities])


def _list_row(county: County, entity: Mapping[str, Any]) -> list[str]:
    language = county.profile.language
    words = county.month.words
    causes = CAUSES[str(entity["cause"])]
    return [
        county.name(entity),
        str(entity["code"]),
        str(entity["address"] or ""),
        county.office(entity),
        str(entity["class"]),
        str(entity["class_before"] or ""),
        causes[0] if language == "zh" else causes[1],
        explanation.text(words, entity["top"], language) if entity["top"] else "",
        _measure(words, entity, language),
    ]


def top_reason(words: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What decided a class most: the rule that demands it where the model did not, else the strongest reason."""
    if row["class"] != row["model_class"]:
        at_least = {rule["code"]: rule["at_least"] for rule in words["rules"]}
        for one in row["reasons"]:
            if one["rule"] is not None and at_least[one["rule"]] == row["class"]:
                return dict(one)
    ordered = sorted(row["reasons"], key=lambda one: one["rule"] is not None)
    return ordered[0] if ordered else None


def _measure(words: Mapping[str, Any], entity: Mapping[str, Any], language: str) -> str:
    found = explanation.measures(words, entity["kind"], entity["class"])
    if found is None:
        return ""
    label = "label" if language == "zh" else "label_en"
    stated = [one[label] for one in found.values() if isinstance(one, dict)]
    return "；".join(stated) if language == "zh" else "; ".join(stated)


def undisturbed_csv(county: County, entities: Sequence[Mapping[str, Any]]) -> str:
    """Class A with what alone allows an on-site inspection of each; the notice as the last row."""
    language = county.profile.language
    label = "label" if language == "zh" else "label_en"
    title = "可主动实施现场检查的情形" if language == "zh" else "on-site inspection only on"
    rows = []
    for entity in entities:
        found = explanation.measures(county.month.words, entity["kind"], entity["class"]) or {}
        triggers = [one[label] for one in found.get("triggers", ())]
        rows.append([*_list_row(county, entity)[:5], "；".join(triggers)])
    return _csv(county, (*HEADERS[language][:5], title), rows)


def _csv(county: County, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    notice = county.profile.notice if county.profile.language == "zh" else county.profile.notice_en
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([[safe_cell(value) for value in row] for row in rows])
    writer.writerow([notice, _system(county), *[""] * (len(header) - 2)])
    return out.getvalue()


def _system(county: County) -> str:
    version = county.month.indicators["version"]
    if county.profile.language == "zh":
        return f"指标体系版本 {version or '未登记'}"
    return f"indicator system {version or 'without a version'}"


def safe_cell(value: str) -> str:
    """A cell no spreadsheet takes for a formula, on one line."""
    flat = " ".join(value.replace("\x00", "").splitlines())
    return f"'{flat}" if flat.lstrip(" ").startswith(DANGEROUS) or value.startswith(DANGEROUS) else flat


def page(county: County, entity: Mapping[str, Any]) -> str:
    """The printable page of one entity: A4, self-contained, Chinese with an English switch, no script."""
    month = county.month
    scheme = county.scheme_of(month.parts[entity["part"]].head.scheme)
    document = explanation.document(month, entity, scheme)
    reasons = points.reasons(document, month.words, county.profile)
    return (
        sheets()
        .get_template("entity.html")
        .render(
            **_context(county),
            entity=entity,
            name=county.name(entity),
            office=county.office(entity),
            place=county.place(str(entity["region"])),
            place_en=county.place(str(entity["region"]), "en"),
            document=document,
            reasons=[one for one in reasons if one["contribution"] >= 0],
            easing=[one for one in reasons if one["contribution"] < 0],
            uncited=points.uncited(document, month.words),
            bars=points.bars(document, month.words),
            **points.scale(document),
            months=_months(county, entity),
            gaps=[gap for gap in document["data_gaps"] if gap["why"] != "no_record"],
            without=[gap for gap in document["data_gaps"] if gap["why"] == "no_record"],
        )
    )


def index_page(
    county: County,
    chosen: Mapping[str, Sequence[Mapping[str, Any]]],
    shown: Sequence[Mapping[str, Any]],
    written: Sequence[Path],
) -> str:
    """The index: counts by class and kind, the lists with their files, the first of the monitored, the pages."""
    files = dict(zip(chosen, (path.name for path in written), strict=False))
    pages = {one["code"]: f"{one['code']}-{county.month.month}.html" for one in shown}
    counts = {
        kind: {risk: sum(one["kind"] == kind and one["class"] == risk for one in county.entities) for risk in "ABCD"}
        for kind in county.profile.kind_codes
    }
    return (
        sheets()
        .get_template("index.html")
        .render(
            **_context(county),
            place=county.place(county.region),
            place_en=county.place(county.region, "en"),
            counts=counts,
            lists=[(LISTS[kind], files[kind], len(entities)) for kind, entities in chosen.items()],
            first=[
                {**one, "shown": county.name(one), "row": _list_row(county, one)} for one in chosen["monitored"][:20]
            ],
            pages=[{**one, "shown": county.name(one), "file": pages[one["code"]]} for one in shown],
        )
    )


def _context(county: County) -> dict[str, Any]:
    month = county.month
    return {
        "words": month.words,
        "causes": CAUSES,
        "confidence": LABELS,
        "gap_words": GAPS,
        "dimensions": DIMENSIONS,
        "aspects": ASPECTS,
        "sources": {one["source"]: one for one in month.words["latest_delivery"]},
        "language": county.profile.language,
        "profile": county.profile,
        "month": month.month,
        "as_of": month.parts[-1].manifest["as_of"],
        "head": month.head,
        "indicators": month.indicators,
    }


def _months(county: County, entity: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The classes of the last months up to this one, oldest first."""
    found = [
        (month.month, light["class"])
        for month, light in county.results.history(str(entity["code"]), HISTORY)
        if month.month <= county.month.month
    ]
    return found[::-1]


def sheets() -> jinja2.Environment:
    """The printed sheets; what is not told to one is an error, and what is told is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    found.filters["signed"] = points.signed
    return found

"""Rows of text against their record type: typed rows that are sound, and every fault of those that are not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from features.records import derivation, identity, knowing, values
from features.records.docking import KNOWN_ON
from features.records.layout import DELIVERY_COLUMNS, IDENTITY_COLUMNS
from features.records.reading import FILE_NO, LINE, RAW
from features.records.schema import VISIBILITIES
from features.records.terms import ACTIONS, CONTENT_ACTIONS, Terms


@dataclass(frozen=True)
class RowFault:
    """A row that is not taken: every fault as (code, field), the first one counts."""

    file_no: int
    line: int
    faults: tuple[tuple[str, str | None], ...]
    raw: str | None
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Judged:
    """Sound rows, typed and dated, and the faulty ones."""

    sound: pl.DataFrame
    faulty: Sequence[RowFault]


@dataclass(frozen=True)
class _Sheet:
    """The rows in work: text as delivered, typed columns so far, and fault codes by field."""

    terms: Terms
    text: pl.DataFrame
    typed: dict[str, pl.Series]
    faults: list[tuple[str | None, pl.Series]]

    def add(self, name: str | None, fault: pl.Series) -> None:
        if fault.null_count() < fault.len():
            self.faults.append((name, fault))

    def mark(self, name: str | None, code: str, condition: pl.Expr, **columns: pl.Series) -> None:
        """Faults where a condition over typed columns (and given ones) is true."""
        frame = pl.DataFrame({**self.typed, **columns})
        self.add(name, frame.select(pl.when(condition).then(pl.lit(code)).otherwise(None)).to_series())


def judge(frame: pl.DataFrame, terms: Terms) -> Judged:
    """The rows of a batch (of one or several files) judged one by one; a row's faults never touch another row."""
    sheet = _Sheet(terms, _normalised(frame, terms), {}, [])
    _judge_action(sheet)
    _judge_identity(sheet)
    _judge_marks(sheet)
    _judge_fields(sheet)
    _judge_days(sheet)
    _judge_key(sheet)
    sheet.typed.update(knowing.known(pl.DataFrame(sheet.typed), terms))
    if not terms.record_type.field(terms.record_type.event_date).of_parent:
        sheet.mark(None, "known_unknown", pl.col("known_at").is_null())
    return _parted(frame, sheet)


def _normalised(frame: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    names = [*DELIVERY_COLUMNS, *(name for name in terms.record_type.fields if name not in DELIVERY_COLUMNS), KNOWN_ON]
    return frame.select(FILE_NO, LINE, *(_stripped(name, frame) for name in names))


def _stripped(name: str, frame: pl.DataFrame) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(None, dtype=pl.String).alias(name)
    text = pl.col(name).str.strip_chars(" \u3000")
    return pl.when(text != "").then(text).otherwise(None).alias(name)


def _judge_action(sheet: _Sheet) -> None:
    action = sheet.text["action"].fill_null("new")
    sheet.typed[FILE_NO] = sheet.text[FILE_NO]
    sheet.typed[LINE] = sheet.text[LINE]
    sheet.typed["action"] = action
    sheet.mark("action", "action_unknown", pl.col("action").is_in(list(ACTIONS)).not_())
    sheet.typed["is_content"] = action.is_in(list(CONTENT_ACTIONS))
    _read_date(sheet, "action_date")
    needs_day = pl.col("is_content").not_() & pl.col("text").is_null()
    sheet.mark("action_date", "action_date_missing", needs_day, text=sheet.text["action_date"])
    sheet.mark("action_date", "date_future", pl.col("action_date") > sheet.terms.today)
    if sheet.terms.record_type.state is None:
        sheet.mark("action", "action_unsuited", pl.col("action") == "remove")


def _read_date(sheet: _Sheet, name: str) -> None:
    parsed = values.dates(sheet.text[name])
    sheet.typed[name] = parsed.value
    sheet.add(name, parsed.fault)


def _judge_identity(sheet: _Sheet) -> None:
    for name in (*IDENTITY_COLUMNS, "source_record_no", "action_reason", "mark_reason"):
        sheet.typed[name] = sheet.text[name]
        sheet.add(name, values.text_faults(sheet.text[name]))
    if sheet.terms.record_type.subject == "entity":
        code, regno, called, region = (pl.col(column).is_null() for column in IDENTITY_COLUMNS)
        sheet.mark("code", "identity_missing", code & regno & (called | region))
    if sheet.terms.profile.identity == "uscc":
        sheet.add("code", identity.uscc_faults(sheet.text["code"]))


def _judge_marks(sheet: _Sheet) -> None:
    items = sheet.terms.record_type.items
    default = items[0] if len(items) == 1 else None
    item = sheet.text["item"] if default is None else sheet.text["item"].fill_null(default)
    sheet.typed["item"] = item
    sheet.mark("item", "item_missing", pl.col("is_content") & pl.col("item").is_null())
    sheet.mark("item", "item_foreign", pl.col("item").is_in(list(items)).not_())
    stated = sheet.text["visibility"]
    sheet.mark("visibility", "visibility_unknown", pl.col("stated").is_in(list(VISIBILITIES)).not_(), stated=stated)
    rank = {name: position for position, name in enumerate(VISIBILITIES)}
    own = rank[sheet.terms.record_type.visibility]
    least = {code: max(own, rank.get(str(row["visibility"]), 0)) for code, row in sheet.terms.profile.items.items()}
    least_of = pl.col("item").replace_strict(least, default=own, return_dtype=pl.Int32)
    stated_rank = pl.col("stated").replace_strict(rank, default=None, return_dtype=pl.Int32)
    frame = pl.DataFrame({"item": item, "stated": stated})
    ranks = frame.select(least=least_of, stated=stated_rank)
    sheet.mark("visibility", "visibility_weaker", pl.col("stated") < pl.col("least"), **ranks.to_dict())
    names = dict(enumerate(VISIBILITIES))
    effective = ranks.select(pl.coalesce("stated", "least").replace_strict(names, return_dtype=pl.String)).to_series()
    sheet.typed["visibility"] = effective


def _judge_fields(sheet: _Sheet) -> None:
    record_type = sheet.terms.record_type
    for field in record_type.fields.values():
        text = sheet.text[field.name]
        if field.required or (field.name == record_type.event_date and not field.of_parent):
            missing = pl.col("is_content") & pl.col("text").is_null()
            sheet.mark(field.name, "required_missing", missing, text=text)
        parsed = values.read_values(field, text, sheet.terms.codes)
        sheet.typed[field.name] = parsed.value
        if field.name not in IDENTITY_COLUMNS or field.type != "text":
            sheet.add(field.name, parsed.fault)
    days = sheet.typed[record_type.event_date]
    for field in record_type.fields.values():
        if field.type in {"code", "codes"}:
            invalid = values.codes_invalid_on(sheet.terms.codes[str(field.list)], sheet.typed[field.name], days)
            if invalid.any():
                sheet.mark(field.name, "code_not_valid_then", pl.col("invalid"), invalid=invalid)


def _judge_days(sheet: _Sheet) -> None:
    terms, event = sheet.terms, sheet.terms.record_type.event_date
    sheet.mark(event, "date_future", pl.col(event) > terms.today)
    state = terms.record_type.state
    if state is not None:
        sheet.mark(state.end, "state_order", pl.col(state.start) > pl.col(state.end))
    _read_date(sheet, "published_date")
    sheet.mark("published_date", "published_future", pl.col("published_date") > terms.today)
    for name in ("entered_at", KNOWN_ON):
        moments = values.moments(sheet.text[name], terms.profile.zone)
        sheet.typed[name] = moments.value
        sheet.add(name if name == "entered_at" else None, moments.fault)
        sheet.mark(name, "entered_future", pl.col(name) > terms.recorded_at)
    begun = values.local_midnight(sheet.typed[event], terms.profile.zone)
    early = pl.col("is_content") & (pl.col("entered_at") < pl.col("begun"))
    sheet.mark("entered_at", "entered_before_event", early, begun=begun)
    if terms.is_backload:
        by_publication = pl.col("is_content") & pl.col("entered_at").is_null() & pl.col("published_date").is_not_null()
        early = by_publication & (pl.col("published_date") < pl.col(event))
        sheet.mark("published_date", "published_before_event", early)


def _judge_key(sheet: _Sheet) -> None:
    for name in sheet.terms.record_type.key:
        missing = pl.col("text").is_null() & pl.col("source_record_no").is_null()
        sheet.mark(name, "key_missing", missing, text=sheet.text[name])


def _parted(frame: pl.DataFrame, sheet: _Sheet) -> Judged:
    typed = pl.DataFrame(sheet.typed)
    if not sheet.faults:
        return Judged(_finished(typed, sheet.terms), [])
    marks = pl.DataFrame({str(number): fault for number, (_, fault) in enumerate(sheet.faults)})
    is_faulty = marks.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    faulty = list(_row_faults(frame.filter(is_faulty), marks.filter(is_faulty), [name for name, _ in sheet.faults]))
    return Judged(_finished(typed.filter(~is_faulty), sheet.terms), faulty)


def _row_faults(rows: pl.DataFrame, marks: pl.DataFrame, names: Sequence[str | None]) -> Iterator[RowFault]:
    for row, found in zip(rows.iter_rows(named=True), marks.iter_rows(), strict=True):
        faults = tuple((code, name) for code, name in zip(found, names, strict=True) if code is not None)
        file_no, line, raw = row.pop(FILE_NO), row.pop(LINE), row.pop(RAW)
        yield RowFault(file_no, line, tuple(dict.fromkeys(faults)), raw, row)


def _finished(typed: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    return derivation.with_derived(typed.drop("is_content", KNOWN_ON), terms.record_type, terms.profile)

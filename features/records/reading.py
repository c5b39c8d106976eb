"""Files of a delivery as rows of text: whatever the format, a row is judged alone and none can swallow another."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import polars as pl

from features.records.delivery import DeliveredFile, DeliveryError

LINE = "line of the file"  # names no source has
RAW = "row as it came"
FILE_NO = "file_no"
BLOCK_BYTES = 16 << 20
LINE_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_EMPTY_DISK = b"\x00" * 64


@dataclass(frozen=True)
class Broken:
    """A row that could not be read: where it is, what is wrong and its text as far as it could be read."""

    line: int
    code: str
    field: str | None
    raw: str


@dataclass(frozen=True)
class Batch:
    """Rows that could be read, as columns of text (with their line and raw text), and those that could not."""

    frame: pl.DataFrame
    broken: Sequence[Broken]


def undecodable(file: DeliveredFile, found: str) -> DeliveryError:
    """The refusal of a delivery one of whose files cannot be read at all."""
    return DeliveryError("file_undecodable", str(file.path), found)


@dataclass
class TextLines:
    """Lines of a CSV or JSON-lines file in blocks; ``number`` is the line the next block begins with."""

    file: DeliveredFile
    number: int = 1
    ends_open: bool = False

    def blocks(self) -> Iterator[tuple[pl.DataFrame, list[Broken]]]:
        """Frames of (line, raw) without blank lines, and the lines that are no UTF-8 or far too long."""
        rest = b""
        for chunk in self._chunks():
            rest += chunk
            end = rest.rfind(b"\n") + 1
            if end:
                yield self._lines(rest[: end - 1])
                rest = rest[end:]
            elif len(rest) > 4 * BLOCK_BYTES:
                raise undecodable(self.file, f"no line end in {len(rest):,} bytes")
        if rest:
            self.ends_open = True
            yield self._lines(rest)

    def first(self) -> bytes:
        """The first line."""
        try:
            with self._open() as stream:
                line = stream.readline(LINE_BYTES)
        except (OSError, EOFError, zlib.error) as fault:
            raise undecodable(self.file, f"{fault}") from None
        if _is_other_text(line, self.file.encoding):
            raise undecodable(self.file, f"its first line is not {self.file.encoding.upper()}")
        return line

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self._open() as stream:
                while chunk := stream.read(BLOCK_BYTES):
                    if _EMPTY_DISK in chunk or (self.number == 1 and _is_other_text(chunk, self.file.encoding)):
                        raise undecodable(self.file, "found bytes of another encoding, or zeros where text should be")
                    yield chunk
        except (OSError, EOFError, zlib.error) as fault:
            raise undecodable(self.file, f"{fault}") from None

    def _open(self) -> IO[bytes]:
        with self.file.path.open("rb") as stream:
            is_packed = stream.read(2) == _GZIP
        return gzip.open(self.file.path, "rb") if is_packed else self.file.path.open("rb")  # type: ignore[return-value]

    def _lines(self, content: bytes) -> tuple[pl.DataFrame, list[Broken]]:
        first = self.number
        broken: list[Broken] = []
        if first == 1:
            content = content.removeprefix(b"\xef\xbb\xbf")
        try:
            lines = pl.Series([content.decode(self.file.encoding)]).str.split("\n").explode()
        except UnicodeDecodeError:
            singly, broken = _decoded_singly(content.split(b"\n"), first, self.file.encoding)
            lines = pl.Series(singly, dtype=pl.String)
        self.number += lines.len()
        frame = pl.DataFrame({RAW: lines.str.strip_suffix("\r")})
        frame = frame.with_row_index(LINE, offset=first).cast({LINE: pl.Int64})
        if len(content) > LINE_BYTES:
            is_long = pl.when(pl.col(RAW).str.len_bytes() > LINE_BYTES).then(pl.lit("line_too_long"))
            frame, long = _without(frame, frame.select(is_long).to_series())
            broken += long
        return frame.filter(pl.col(RAW).str.strip_chars() != ""), broken


def _is_other_text(head: bytes, encoding: str) -> bool:
    first_line = head.split(b"\n", 1)[0]
    try:
        return "\x00" in first_line[:LINE_BYTES].decode(encoding)
    except UnicodeDecodeError:
        return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _decoded_singly(lines: Sequence[bytes], first: int, encoding: str) -> tuple[list[str | None], list[Broken]]:
    decoded: list[str | None] = []
    broken = []
    for number, line in enumerate(lines, start=first):
        try:
            decoded.append(line.decode(encoding))
        except UnicodeDecodeError:
            decoded.append(None)
            broken.append(Broken(number, "encoding", None, line.decode(errors="backslashreplace").rstrip("\r")))
    return decoded, broken


def _without(frame: pl.DataFrame, codes: pl.Series) -> tuple[pl.DataFrame, list[Broken]]:
    """The rows without a fault code, and the others."""
    if codes.null_count() == codes.len():
        return frame, []
    is_faulty = codes.is_not_null()
    bad = frame.filter(is_faulty)
    found = zip(bad[LINE], codes.drop_nulls(), bad[RAW], strict=True)
    return frame.filter(~is_faulty), [Broken(line, code, None, raw) for line, code, raw in found]


def csv_header(file: DeliveredFile) -> tuple[str, ...]:
    """The column names of a CSV file, empty when the header cannot be read; DeliveryError when its bytes cannot."""
    line = TextLines(file).first().removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    if b"\r" in line:
        raise undecodable(file, "its lines end in CR alone; expected LF or CR LF")
    try:
        names = csv.reader([line.decode(file.encoding)], strict=True, delimiter=file.delimiter)
        return tuple(name.strip() for name in next(names, ()))
    except UnicodeDecodeError:
        raise undecodable(file, f"its first line is not {file.encoding.upper()}") from None
    except csv.Error:
        return ()


def csv_batches(file: DeliveredFile, columns: Sequence[str], is_whole: bool) -> Iterator[Batch]:
    """Rows of a CSV file, one a line, under these column names.

    A last line without a line end in a file that is not the one the manifest describes (``is_whole`` false) counts as
    cut off, even when it has enough fields: its last value may be the half of one.
    """
    lines = TextLines(file)
    for frame, broken in lines.blocks():
        rows = frame.filter(pl.col(LINE) > 1)
        last = lines.number - 1 if lines.ends_open else 0
        rows, torn = _without(rows, _torn(rows, file.delimiter, len(columns), last, is_whole=is_whole))
        yield Batch(_csv_fields(rows, columns, file.delimiter), [*broken, *torn])


def _torn(rows: pl.DataFrame, delimiter: str, columns: int, last: int, *, is_whole: bool) -> pl.Series:
    """The fault of every line as a row of so many fields; ``last`` is the line the file ends in without a line end."""
    fields, misquoted = _counted(rows[RAW], delimiter)
    count = pl.col("fields")
    is_cut = pl.col("line") == last
    code = (
        pl.when("misquoted")
        .then(pl.lit("quoting"))
        .when(is_cut & (count < columns) if is_whole else is_cut)
        .then(pl.lit("cut_off"))
        .when(count < columns)
        .then(pl.lit("fields_too_few"))
        .when(count > columns)
        .then(pl.lit("fields_too_many"))
    )
    return pl.DataFrame({"line": rows[LINE], "fields": fields, "misquoted": misquoted}).select(code).to_series()


def _counted(raw: pl.Series, delimiter: str) -> tuple[pl.Series, pl.Series]:
    """How many fields every line has and whether its quotes do not pair; only lines with quotes are looked into."""
    fields = raw.str.count_matches(delimiter, literal=True) + 1
    misquoted = pl.Series([False]).new_from_index(0, raw.len())
    places = raw.str.contains('"', literal=True).arg_true()
    if not places.is_empty():
        quoted = raw.gather(places)
        bare = quoted.str.replace_all(r'"[^"]*"', "")
        fields = fields.scatter(places, bare.str.count_matches(delimiter, literal=True) + 1)
        misquoted = misquoted.scatter(places, ~quoted.str.contains(_whole_quotes(delimiter)))
    return fields, misquoted


def _whole_quotes(delimiter: str) -> str:
    """The form of a row whose quotes pair, each around a whole field."""
    plain = rf'[^"{re.escape(delimiter)}]*'
    field = rf'(?:{plain}|"(?:[^"]|"")*")'
    return rf"^{field}(?:{re.escape(delimiter)}{field})*$"


def _csv_fields(rows: pl.DataFrame, columns: Sequence[str], delimiter: str) -> pl.DataFrame:
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in columns)
    content = rows[RAW].str.join("\n").item().encode()
    names = list(columns)
    fields = pl.read_csv(
        io.BytesIO(content), has_header=False, infer_schema=False, new_columns=names, separator=delimiter
    )
    return rows.hstack(fields)


def raw_batches(file: DeliveredFile) -> Iterator[Batch]:
    """Rows of a CSV file whose header cannot be used, as raw text."""
    for frame, broken in TextLines(file).blocks():
        yield Batch(frame.filter(pl.col(LINE) > 1), broken)


def json_batches(file: DeliveredFile, known: frozenset[str] | None) -> Iterator[Batch]:
    """Rows of a JSON-lines file, one object a line; a key outside ``known`` (if given) breaks its row."""
    for frame, unread in TextLines(file).blocks():
        rows: list[dict[str, str | None]] = []
        lines, raws, broken = [], [], list(unread)
        for line, raw in zip(frame[LINE], frame[RAW], strict=True):
            found = _json_row(raw, known)
            if isinstance(found, dict):
                rows.append(found)
                lines.append(line)
                raws.append(raw)
            else:
                broken.append(Broken(line, *found, raw))
        yield Batch(pl.DataFrame({LINE: pl.Series(lines, dtype=pl.Int64), RAW: raws, **_json_columns(rows)}), broken)


def _json_columns(rows: Sequence[Mapping[str, str | None]]) -> dict[str, pl.Series]:
    """Objects as columns; a source mostly writes the same keys in the same order."""
    shapes = {tuple(row) for row in rows}
    if len(shapes) == 1:
        columns = dict(zip(shapes.pop(), zip(*(row.values() for row in rows), strict=True), strict=False))
    else:
        names = dict.fromkeys(name for shape in sorted(shapes) for name in shape)
        columns = {name: tuple(row.get(name) for row in rows) for name in names}
    return {name: pl.Series(values, dtype=pl.String) for name, values in columns.items()}


class _DuplicateKeyError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


_PLAIN = frozenset({str, type(None)})
_READER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=str, parse_float=str, parse_constant=str)


def _json_row(raw: str, known: frozenset[str] | None) -> dict[str, str | None] | tuple[str, str | None]:
    found = _json_object(raw)
    if isinstance(found, str):
        return found, None
    if known is not None and not found.keys() <= known:
        return "column_unknown", next(name for name in found if name not in known)
    if _PLAIN.issuperset(map(type, found.values())):
        return found
    for name, value in found.items():
        if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(part, str) for part in value)):
            return "json_nested", name
    return {name: _json_text(value) for name, value in found.items()}


def _json_object(raw: str) -> dict[str, Any] | str:
    """The object a line holds, or the code of what is wrong with it."""
    try:
        found = _READER.decode(raw)
        if "\\u" in raw:
            json.dumps(found, ensure_ascii=False).encode()
    except _DuplicateKeyError:
        return "json_duplicate_key"
    except (ValueError, RecursionError):
        return "json_malformed"
    return found if isinstance(found, dict) else "json_not_object"


def _json_text(value: str | bool | list[str] | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else value

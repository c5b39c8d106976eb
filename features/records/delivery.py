"""A delivery: a folder of files and the manifest that says what they are."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.profile import Profile, read_yaml
from features.records.faults import REFUSALS
from features.records.layout import DELIVERY_COLUMNS
from features.records.schema import RecordType

MANIFEST = "manifest.json"
FORMATS = ("csv", "jsonl", "parquet")
STATED = frozenset({"delivery", "profile", "source", "period", "mapping", "backload", "simulated", "files"})
STATED_OF_FILE = frozenset({"path", "record_type", "version", "format", "rows", "sha256", "mapping"})
MAPPED = ("columns", "constants", "split", "values", "factors", "dates", "shift")
MAPPING_KEYS = frozenset(
    {*MAPPED, "mapping", "label", "label_en", "record_type", "known", "decimal_comma", "delimiter", "encoding"}
)
_NAME = re.compile(r"\w[\w.\-]*")
MOST_BYTES = 120  # of a name: it becomes the name of a folder
MOST_PATH_BYTES = 200  # of a file's place in a delivery: its rejects bear it


class DeliveryError(Exception):
    """A delivery is refused whole; nothing of it was taken."""

    def __init__(self, code: str, where: str, found: str) -> None:
        advice = REFUSALS[code]
        super().__init__(f"{where}: {found}. {advice.en} Nothing of the delivery was taken; correct it, deliver again.")
        self.code = code


@dataclass(frozen=True)
class ColumnMapping:
    """How a source with columns of its own is read in our terms; ``columns`` is ours -> theirs."""

    name: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    split: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    factors: Mapping[str, str]
    dates: Mapping[str, str]
    known_from: str | None = None
    lag_days: int = 0
    shift: Mapping[str, int] = field(default_factory=dict)
    decimal_comma: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"

    @property
    def names(self) -> set[str]:
        """Every column of ours the mapping speaks of."""
        parts = (self.columns, self.constants, self.split, self.values, self.factors, self.dates, self.shift)
        return {name for part in (*parts, self.decimal_comma) for name in part}


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery: its place, what it holds, and what the manifest says of it."""

    name: str
    path: Path
    record_type: str
    format: str
    rows: int | None
    sha256: str | None
    mapping: ColumnMapping | None

    @property
    def delimiter(self) -> str:
        """What parts the fields of a CSV row."""
        return "," if self.mapping is None else self.mapping.delimiter

    @property
    def encoding(self) -> str:
        """How the text of a CSV or JSON-lines file is written."""
        return "utf-8" if self.mapping is None else self.mapping.encoding


@dataclass(frozen=True)
class Delivery:
    """A delivery as its manifest describes it; ``digest`` is the manifest's own."""

    name: str
    folder: Path
    source: str
    period: str | None
    files: tuple[DeliveredFile, ...]
    backload: Mapping[str, str] | None
    digest: str
    not_used: tuple[str, ...] = ()

    def unlisted(self) -> list[str]:
        """Files in the folder that the manifest does not name, so that nothing is left out in silence."""
        listed = {file.path for file in self.files} | {(self.folder / MANIFEST).resolve()}
        found = (path.resolve() for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [str(path.relative_to(self.folder.resolve())) for path in found if path not in listed]


def delivery_name(folder: Path) -> str:
    """What a delivery is called before (or without) a readable manifest."""
    name = folder.resolve().parent.name if folder.name == MANIFEST else folder.resolve().name
    return name.encode(errors="replace").decode()


def read_delivery(folder: Path, profile: Profile, types: Mapping[str, RecordType]) -> Delivery:
    """The delivery in a folder; DeliveryError with a code when the manifest is missing, wrong or names the unknown."""
    folder = folder.parent if folder.name == MANIFEST else folder
    content = _manifest_bytes(folder)
    manifest = _Manifest(folder / MANIFEST, _object(content, folder))
    name = manifest.text("delivery")
    if not _is_name(name):
        raise manifest.error(
            "manifest_field", f"delivery is {name!r}, not up to {MOST_BYTES} bytes of letters, digits, '.', '-' and '_'"
        )
    stated = manifest.found.get("profile", profile.name)
    if stated != profile.name:
        raise manifest.error("profile_unknown", f"profile is {stated!r}, this home is {profile.name!r}")
    files = manifest.found.get("files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise manifest.error("manifest_field", "files is not a list of objects")
    return Delivery(
        name=name,
        folder=folder,
        source=manifest.text("source"),
        period=manifest.optional_text("period"),
        files=_distinct([_file(manifest, file, profile, types) for file in files], manifest),
        backload=_backload(manifest),
        digest=hashlib.sha256(content).hexdigest(),
        not_used=_not_used(manifest.found, files),
    )


def _not_used(found: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a manifest says under names that mean nothing here."""
    stated = [name for name in found if name not in STATED]
    return tuple(dict.fromkeys([*stated, *(name for file in files for name in file if name not in STATED_OF_FILE)]))


@dataclass(frozen=True)
class _Manifest:
    path: Path
    found: Mapping[str, Any]

    def error(self, code: str, found: str) -> DeliveryError:
        return DeliveryError(code, str(self.path), found)

    def text(self, name: str) -> str:
        value = self.found.get(name)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.error("manifest_field", f"{name} is {value!r}, not a printable text")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.found.get(name) is None else self.text(name)


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and len(name.encode()) <= MOST_BYTES


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise DeliveryError("manifest_missing", str(folder), f"no file {MANIFEST} in it") from None


def _object(content: bytes, folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as fault:
        raise DeliveryError("manifest_malformed", str(folder / MANIFEST), f"{fault}") from None
    if not isinstance(found, dict):
        raise DeliveryError("manifest_malformed", str(folder / MANIFEST), f"found a {type(found).__name__}")
    return found


def _backload(manifest: _Manifest) -> Mapping[str, str] | None:
    found = manifest.found.get("backload")
    if found is None:
        return None
    names = ("source", "approver", "reason")
    stated = {name: str(found.get(name) or "").strip() for name in names} if isinstance(found, dict) else {}
    if not stated or not all(text and text.isprintable() for text in stated.values()):
        raise manifest.error("backload_incomplete", f"backload is {found!r}")
    return stated


def _file(
    manifest: _Manifest, found: Mapping[str, Any], profile: Profile, types: Mapping[str, RecordType]
) -> DeliveredFile:
    entry = _Manifest(manifest.path, found)
    name = entry.text("path")
    type_name = entry.text("record_type")
    if type_name not in types:
        raise entry.error("record_type_unknown", f"file {name}: record_type is {type_name!r}")
    version = found.get("version", types[type_name].version)
    if not isinstance(version, int) or not 1 <= version <= types[type_name].version:
        raise entry.error(
            "version_unknown", f"file {name}: version is {version!r}, known to {types[type_name].version}"
        )
    if found.get("format") not in FORMATS:
        raise entry.error("format_unknown", f"file {name}: format is {found.get('format')!r}")
    mapping = found["mapping"] if found.get("mapping") is not None else manifest.found.get("mapping")
    return DeliveredFile(
        name=name,
        path=_inside(manifest, name),
        record_type=type_name,
        format=str(found["format"]),
        rows=_rows(entry, name),
        sha256=_stated_digest(entry, name),
        mapping=None if mapping is None else _mapping(profile, str(mapping), types[type_name], manifest),
    )


def _inside(manifest: _Manifest, name: str) -> Path:
    folder = manifest.path.parent.resolve()
    try:
        path = (folder / name).resolve()
    except (OSError, RuntimeError) as fault:
        raise manifest.error("file_missing", f"path is {name!r}: {fault}") from None
    if not path.is_relative_to(folder) or path == folder:
        raise manifest.error("file_outside", f"path is {name!r}")
    if not _is_file(path):
        raise manifest.error("file_missing", f"there is no file {name!r}")
    if len(name.encode()) > MOST_PATH_BYTES:
        raise manifest.error("manifest_field", f"path is {name!r}, longer than {MOST_PATH_BYTES} bytes")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _rows(entry: _Manifest, name: str) -> int | None:
    rows = entry.found.get("rows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise entry.error("manifest_field", f"file {name}: rows is {rows!r}, not a count")
    return rows


def _stated_digest(entry: _Manifest, name: str) -> str | None:
    digest = entry.optional_text("sha256")
    if digest is None and entry.found["format"] == "parquet":
        raise entry.error("manifest_field", f"file {name}: sha256 is missing, a Parquet file needs it")
    return None if digest is None else digest.lower()


def _distinct(files: Sequence[DeliveredFile], manifest: _Manifest) -> tuple[DeliveredFile, ...]:
    if len({file.path for file in files}) != len(files):
        raise manifest.error("manifest_field", "files names one path twice")
    return tuple(files)


def _mapping(profile: Profile, name: str, record_type: RecordType, manifest: _Manifest) -> ColumnMapping:
    """The mapping of a file, naming only columns that a delivery of its record type may have."""
    mapping = read_mapping(profile, name, record_type.name, str(manifest.path))
    unknown = sorted(mapping.names - {*record_type.fields, *DELIVERY_COLUMNS})
    if unknown:
        raise manifest.error(
            "mapping_unknown",
            f"mapping {name!r} names {', '.join(unknown)}; {record_type.name} has {', '.join(record_type.fields)}",
        )
    return mapping


def read_mapping(profile: Profile, name: str, record_type: str, where: str) -> ColumnMapping:
    """The mapping file of a profile by name; DeliveryError when there is none for this record type."""
    if not _is_name(name) or not profile.has(f"mappings/{name}"):
        there = sorted(path.stem for path in (profile.folder / "mappings").glob("*.yaml"))
        raise DeliveryError("mapping_unknown", where, f"mapping is {name!r}; there are {', '.join(there) or 'none'}")
    found = read_yaml(profile.folder / "mappings" / f"{name}.yaml")
    if not isinstance(found, Mapping) or not all(
        isinstance(found.get(part) or {}, Mapping) for part in (*MAPPED, "known")
    ):
        raise DeliveryError(
            "mapping_unknown", where, f"mapping {name!r} has a part that is not written as ours: theirs"
        )
    if found.get("record_type", record_type) != record_type:
        raise DeliveryError("mapping_unknown", where, f"mapping {name!r} is for {found['record_type']!r}")
    where = f"{where}: mapping {name!r}"
    _check_mapping(found, where)
    known = found.get("known") or {}
    return ColumnMapping(
        name=name,
        columns=_texts(found.get("columns"), where),
        constants=_texts(found.get("constants"), where),
        split=_texts(found.get("split"), where),
        values={ours: _texts(values, where) for ours, values in (found.get("values") or {}).items()},
        factors=_texts(found.get("factors"), where),
        dates=_texts(found.get("dates"), where),
        known_from=known.get("from"),
        lag_days=int(known.get("lag_days", 0)),
        shift=_days(found.get("shift") or {}, where),
        decimal_comma=tuple(map(str, found.get("decimal_comma") or ())),
        delimiter=str(found.get("delimiter", ",")),
        encoding=str(found.get("encoding", "utf-8")),
    )


def _check_mapping(found: Mapping[str, Any], where: str) -> None:
    """Only what a mapping may say, in a text and with a delimiter that can be read line by line."""
    unknown = [*(set(found) - MAPPING_KEYS), *(set(found.get("known") or {}) - {"from", "lag_days"})]
    delimiter, encoding = found.get("delimiter", ","), str(found.get("encoding", "utf-8"))
    if unknown:
        said = f"{where} says {', '.join(sorted(map(str, unknown)))}; a mapping says {', '.join(sorted(MAPPING_KEYS))}"
    elif not isinstance(delimiter, str) or len(delimiter.encode()) != 1 or delimiter in '"\r\n':
        said = f"{where}: delimiter is {delimiter!r}, not one character"
    elif not _keeps_lines(encoding):
        said = f"{where}: encoding is {encoding!r}, none that keeps line ends and delimiters as they are in ASCII"
    else:
        return
    raise DeliveryError("mapping_unknown", where, said)


def _keeps_lines(encoding: str) -> bool:
    try:
        return "\n,;\t".encode(encoding) == b"\n,;\t"
    except LookupError:
        return False


def _days(found: Mapping[Any, Any], where: str) -> dict[str, int]:
    for ours, days in found.items():
        if not isinstance(days, int) or isinstance(days, bool):
            raise DeliveryError("mapping_unknown", where, f"shift of {ours} is {days!r}, not a whole number of days")
    return {str(ours): days for ours, days in found.items()}


def _texts(found: Mapping[Any, Any] | None, where: str) -> dict[str, str]:
    for value in (part for pair in (found or {}).items() for part in pair):
        if isinstance(value, bool):
            raise DeliveryError("mapping_unknown", where, f"YAML reads one of its words as {value}; put it in quotes")
    return {str(key): str(value) for key, value in (found or {}).items()}

"""The ledger: every row of a month a leaf, every month a signed head chained to the one before."""

import contextlib
import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from features import signing, steps
from features.asof import Month
from features.records.journal import JournalError
from serving import pieces

HEAD, MANIFEST, LEAVES = "head.json", "manifest.json", "leaves.bin"
RESULTS = "results"  # the table of rows
PUBLISHER = "publisher"  # the name of the key that signs heads
ABSENT = "\x00"  # a null; values may not hold control characters, so nothing else reads like it
SEPARATORS = ("\x1f", "\x1e", "\x1d", "\x1c")
WIDTH = hashlib.sha256().digest_size
GENESIS = "0" * (2 * WIDTH)


class LedgerError(JournalError):
    """A sealed month is missing, damaged or not what was sealed."""


@dataclass(frozen=True)
class Head:
    """What is signed about a sealed month: its place in the chain, its rows and everything they came from."""

    sequence: int
    month: str
    supplement: int
    rows: int
    root: str
    scheme: str
    manifest: str
    lake: str
    previous: str

    @cached_property
    def document(self) -> bytes:
        """The canonical bytes (RFC 8785) that are hashed and signed."""
        return rfc8785.dumps(asdict(self))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document; the next head names it."""
        return hashlib.sha256(self.document).hexdigest()


@dataclass(frozen=True)
class Fault:
    """The first thing wrong with a sealed month: which month, which row (null: the month as a whole), what."""

    month: str
    supplement: int
    row: int | None
    what: str

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        return f"{self.month} supplement {self.supplement}{row}: {self.what}"


@dataclass(frozen=True)
class Proof:
    """That one row is in a sealed month: its bytes, salt, position, sibling digests and the signed head."""

    row: bytes
    salt: bytes
    index: int
    path: tuple[bytes, ...]
    head: Head
    signature: str


def canonical(table: pa.Table) -> pa.Array:
    """One binary value a row: fields in the table's order, numbers exact, nested lists counted.

    Integers are decimal, dates ISO, a float is its 64 bits as a signed integer; fields, list items and members are
    parted by U+001F, U+001E, U+001D, U+001C by depth, and a null is U+0000, so equal bytes mean equal rows.
    """
    columns = [_text(pa.concat_arrays([*column.chunks, pa.array([], column.type)]), 1) for column in table.columns]
    joined = pc.binary_join_element_wise(*columns, SEPARATORS[0], null_handling="replace", null_replacement=ABSENT)
    return joined.cast(pa.binary())


def _text(values: pa.Array, depth: int) -> pa.Array:
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_text(values, depth)
    if pa.types.is_struct(kind):
        members = [_text(values.field(i), depth + 1) for i in range(kind.num_fields)]
        joined = pc.binary_join_element_wise(
            *members, SEPARATORS[depth], null_handling="replace", null_replacement=ABSENT
        )
        return pc.if_else(values.is_valid(), joined, None)
    if pa.types.is_floating(kind):
        return values.cast(pa.float64()).view(pa.int64()).cast(pa.string())
    if pa.types.is_dictionary(kind):
        return _text(values.dictionary_decode(), depth)
    text = values.cast(pa.string())
    if pa.types.is_string(kind) and pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        raise LedgerError("A value holds a control character; such a row cannot be sealed. Correct the record.")
    return text


def _list_text(values: pa.Array, depth: int) -> pa.Array:
    lengths = pc.list_value_length(values)
    items = pc.fill_null(_text(pc.list_flatten(values), depth + 1), ABSENT)
    ends = pa.array(pc.cumulative_sum(pc.fill_null(lengths, 0).cast(pa.int32())))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), SEPARATORS[depth])
    counted = pc.binary_join_element_wise(lengths.cast(pa.string()), joined, SEPARATORS[depth])
    return pc.if_else(values.is_valid(), counted, None)


def month_key(secret: bytes, month: str, supplement: int) -> bytes:
    """The key of a month's salts: no row can be guessed from a sibling digest without it."""
    return hmac.digest(secret, f"jianwei salts {month} {supplement}".encode(), "sha256")


def salt_secret(keys: Path) -> bytes:
    """The home's secret for salts."""
    return secret(keys, "salts")


def secret(keys: Path, name: str) -> bytes:
    """A secret of the home, made on first use (mode 0600); of several helpers that make one the first counts."""
    path = keys / f"{name}.key"
    if not path.is_file():
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, fresh = tempfile.mkstemp(dir=keys)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(WIDTH))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # whole or not at all: nobody reads half a secret
        Path(fresh).unlink()
    return path.read_bytes()


def salt(key: bytes, code: str) -> bytes:
    """The salt of an entity's row under a month's key."""
    return hmac.digest(key, code.encode(), "sha256")


def leaves(tables: Iterable[pa.Table], key: bytes) -> bytes:
    """SHA-256(0x00 ‖ salt ‖ row) of every row of some tables, one after another; the salt is HMAC(month key, entity
    code)."""
    slices = (table.slice(start, pieces.SLICE) for table in tables for start in range(0, len(table), pieces.SLICE))
    return b"".join(_leaves(part, key) for part in slices)


def _leaves(table: pa.Table, key: bytes) -> bytes:
    sha256, keyed = hashlib.sha256, hmac.digest
    rows = canonical(table).to_pylist()
    codes = table["code"].cast(pa.binary()).to_pylist()
    return b"".join(
        [sha256(b"\x00" + keyed(key, code, "sha256") + row).digest() for code, row in zip(codes, rows, strict=True)]
    )


def _parents(level: bytes) -> bytes:
    sha256, pair = hashlib.sha256, 2 * WIDTH
    whole = len(level) // pair * pair
    nodes = [sha256(b"\x01" + level[i : i + pair]).digest() for i in range(0, whole, pair)]
    return b"".join(nodes) + level[whole:]


def root(level: bytes) -> str:
    """The Merkle root of leaves as in RFC 6962 (an unpaired node rises unchanged); of nothing, SHA-256 of nothing."""
    if not level:
        return hashlib.sha256().hexdigest()
    while len(level) > WIDTH:
        level = _parents(level)
    return level.hex()


def path_of(level: bytes, index: int) -> tuple[bytes, ...]:
    """The sibling digests from a leaf up to the root."""
    path = []
    while len(level) > WIDTH:
        at = (index ^ 1) * WIDTH
        if at < len(level):
            path.append(level[at : at + WIDTH])
        level, index = _parents(level), index // 2
    return tuple(path)


def proof_holds(proof: Proof, key: Ed25519PublicKey) -> bool:
    """Whether a proof leads from its row to the root of a head signed by the key."""
    head = proof.head
    if not signing.holds(key, head.document, proof.signature) or not 0 <= proof.index < head.rows:
        return False
    node = hashlib.sha256(b"\x00" + proof.salt + proof.row).digest()
    index, last, siblings = proof.index, head.rows - 1, list(proof.path)
    while last:
        if index % 2 or index != last:
            if not siblings:
                return False
            other = siblings.pop(0)
            pair = other + node if index % 2 else node + other
            node = hashlib.sha256(b"\x01" + pair).digest()
        index, last = index // 2, last // 2
    return not siblings and hmac.compare_digest(node.hex(), head.root)


def month_folder(home: Path, month: Month | str, supplement: int) -> Path:
    """Where a month's supplement lies."""
    return home / "months" / str(month) / str(supplement)


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> str:
    """Write ``manifest.json`` (facts, and the digest and size of every file of the folder); its own digest."""
    files: dict[str, Any] = {
        path.name: {"sha256": steps.file_digest(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.is_file()
    }
    content = rfc8785.dumps({**facts, "files": files})
    steps.write_bytes(folder / MANIFEST, content)
    return hashlib.sha256(content).hexdigest()


def write_head(folder: Path, head: Head, signer: Ed25519PrivateKey) -> None:
    """Sign a head and write it; a month is sealed when this file is there."""
    steps.write_bytes(folder / HEAD, _head_bytes(head, signing.sign(signer, head.document)))


def _head_bytes(head: Head, signature: str) -> bytes:
    return rfc8785.dumps({"head": asdict(head), "signature": signature})


def read_head(folder: Path) -> tuple[Head, str]:
    """The head of a sealed month and its signature; LedgerError when it is missing or not as it was written."""
    try:
        written = (folder / HEAD).read_bytes()
        content = json.loads(written)
        head, signature = Head(**content["head"]), str(content["signature"])
        same = _head_bytes(head, signature.lower()) == written
    except (OSError, ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise LedgerError(f"{folder / HEAD}: the head cannot be read as it was written. Nothing of the month is used.")
    return head, signature


def folders(home: Path) -> list[Path]:
    """The folder of every sealed month and supplement, by month and number."""
    found = [path.parent for path in (home / "months").glob(f"*/[0-9]*/{HEAD}")]
    return sorted(found, key=lambda folder: (folder.parent.name, int(folder.name)))


def sealed(home: Path) -> list[tuple[Head, str, Path]]:
    """Every sealed month in the order of the chain, with its signature and folder."""
    heads = ((*read_head(folder), folder) for folder in folders(home))
    return sorted(heads, key=lambda found: found[0].sequence)


def newest_digest(home: Path) -> str:
    """The digest of the last head of the chain, the one a new head names; zeros when there is none."""
    heads = sealed(home)
    return heads[-1][0].digest if heads else GENESIS


def check_files(folder: Path, head: Head) -> str | None:
    """What is wrong with a month's files against its head, or nothing."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError:
        return f"{MANIFEST} is missing"
    if hashlib.sha256(content).hexdigest() != head.manifest:
        return f"{MANIFEST} is not the one that was sealed"
    for name, entry in json.loads(content)["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != entry["bytes"] or steps.file_digest(path) != entry["sha256"]:
            return f"{name} is missing or not the file that was sealed"
    return None


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a sealed month, page checksums verified; LedgerError when a page is damaged."""
    try:
        return pieces.read(folder, RESULTS, columns)
    except (OSError, pa.ArrowException) as fault:
        raise _damaged(folder, fault) from None


def row_slices(folder: Path) -> Iterator[pa.Table]:
    """The rows of a sealed month, so many at a time; LedgerError when a page is damaged."""
    try:
        yield from pieces.slices(pieces.files(folder, RESULTS))
    except (OSError, pa.ArrowException) as fault:
        raise _damaged(folder, fault) from None


def _damaged(folder: Path, fault: Exception) -> LedgerError:
    return LedgerError(f"{folder}: {type(fault).__name__} in {RESULTS}; the file is damaged and was not used.")


def _bad_row(folder: Path, head: Head, key: bytes) -> tuple[int | None, str] | None:
    try:
        now = leaves(row_slices(folder), key)
        kept = (folder / LEAVES).read_bytes()
    except (LedgerError, OSError) as fault:
        return None, f"rows cannot be read ({type(fault).__name__})"
    if root(now) == head.root and len(now) == head.rows * WIDTH:
        return None
    if root(kept) != head.root:
        return None, f"rows and {LEAVES} are both not what was sealed"
    digests = [[level[i : i + WIDTH] for i in range(0, len(level), WIDTH)] for level in (now, kept)]
    same = [a == b for a, b in zip(*digests, strict=False)]
    return (same.index(False) if False in same else len(same)), "not the row that was sealed"


def _link_fault(found: tuple[Head, str, Path], key: Ed25519PublicKey, expected: tuple[int, str]) -> str | None:
    head, signature, folder = found
    if not signing.holds(key, head.document, signature):
        return "the head's signature does not hold"
    if (folder.parent.name, folder.name) != (head.month, str(head.supplement)):
        return f"the head lies in {folder.parent.name}/{folder.name}"
    if (head.sequence, head.previous) != expected:
        return "the head does not follow the one before: a month was removed, inserted or reordered"
    return None


def _readable(home: Path) -> tuple[list[tuple[Head, str, Path]], list[Fault]]:
    chain, faults = [], []
    for folder in folders(home):
        try:
            chain.append((*read_head(folder), folder))
        except LedgerError:
            faults.append(Fault(folder.parent.name, int(folder.name), None, "the head cannot be read"))
    return sorted(chain, key=lambda found: found[0].sequence), faults


def verify(home: Path, key: Ed25519PublicKey, *, anchors: Iterable[str] = ()) -> Iterator[Fault]:
    """The faults of the chain in its order (none when everything holds), at most one a month.

    ``anchors`` are digests of heads noted elsewhere (the journal, a receipt): cutting off the newest months cannot
    be seen from inside the chain, only against them.
    """
    secret = salt_secret(home / "keys")
    chain, unreadable = _readable(home)
    yield from unreadable
    previous = GENESIS
    for number, found in enumerate(chain):
        head, _, folder = found
        row, what = None, _link_fault(found, key, (number, previous))
        if what is None and (bad := _bad_row(folder, head, month_key(secret, head.month, head.supplement))):
            row, what = bad
        if what := what or check_files(folder, head):
            yield Fault(head.month, head.supplement, row, what)
        previous = head.digest
    present = {head.digest for head, _, _ in chain}
    for anchor in anchors:
        if anchor not in present:
            yield Fault("?", 0, None, f"the head {anchor[:16]}… was sealed but is gone: months were removed")


def prove(home: Path, folder: Path, code: str) -> Proof:
    """The inclusion proof of one entity's row; LedgerError when the month holds no such row."""
    head, signature = read_head(folder)
    rows = read_rows(folder)
    index = pc.index(rows["code"], code).as_py()
    if index < 0:
        raise LedgerError(f"{head.month} supplement {head.supplement} holds no row of this entity.")
    key = month_key(salt_secret(home / "keys"), head.month, head.supplement)
    row = canonical(rows.slice(index, 1))[0].as_py()
    return Proof(row, salt(key, code), index, path_of((folder / LEAVES).read_bytes(), index), head, signature)

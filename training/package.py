"""A signed folder of text files: written once, and read so that no byte is used before it is verified."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from features.signing import holds, sign
from features.steps import write_bytes
from training.errors import SchemeError

LIMIT = 256 * 1024 * 1024
LIST = "package.json"
SIGNATURE = "package.sig"
SIGNED = re.compile(rb"([0-9a-f]{128})\n")
ADVICE = "Nothing of it was used; fetch the folder again from where it was signed."


@dataclass(frozen=True)
class Package:
    """The verified files of a signed folder, by name, and the digest that names them together."""

    files: Mapping[str, bytes]
    digest: str
    created_for: str


def write(folder: Path, files: Mapping[str, bytes], *, created_for: str, key: Ed25519PrivateKey) -> str:
    """The digest of the files, written into a new folder with their list and its signature."""
    if folder.exists() and any(folder.iterdir()):
        raise SchemeError(f"{folder} is not empty; expected a new folder for a scheme. Nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    named = digest(files)
    document = _canonical({"created_for": created_for, "digest": named, "files": _listed(files)})
    for name, content in files.items():
        write_bytes(folder / name, content)
    write_bytes(folder / LIST, document)
    write_bytes(folder / SIGNATURE, f"{sign(key, document)}\n".encode())
    return named


def digest(files: Mapping[str, bytes]) -> str:
    """The digest that names some files together: SHA-256 over their names, sizes and digests."""
    return hashlib.sha256(_canonical(_listed(files))).hexdigest()


def read(folder: Path, key: Ed25519PublicKey) -> Package:
    """The files of a signed folder; SchemeError when signature, list, size or any byte is not as signed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as fault:
        raise SchemeError(f"{folder}: {fault.strerror}; expected the folder of a scheme. {ADVICE}") from None
    try:
        return _read(folder, descriptor, key)
    finally:
        os.close(descriptor)


def _read(folder: Path, descriptor: int, key: Ed25519PublicKey) -> Package:
    document = _content(folder, descriptor, LIST, LIMIT)
    signature = _content(folder, descriptor, SIGNATURE, 1024)
    written = SIGNED.fullmatch(signature)  # one spelling only: other cases or blanks would be other bytes
    if written is None or not holds(key, document, written[1].decode()):
        raise SchemeError(f"{folder}: {SIGNATURE} does not hold for {LIST} under the given key. {ADVICE}")
    stated = json.loads(document)
    expected = {LIST, SIGNATURE, *stated["files"]}
    found = set(os.listdir(descriptor))
    if found != expected:
        odd = ", ".join(sorted(found ^ expected))
        raise SchemeError(f"{folder}: missing or extra files: {odd}; expected exactly those signed. {ADVICE}")
    if sum(int(entry["bytes"]) for entry in stated["files"].values()) > LIMIT:
        raise SchemeError(f"{folder}: more than {LIMIT} bytes; expected a scheme of text files. {ADVICE}")
    files = {}
    for name, entry in stated["files"].items():
        content = _content(folder, descriptor, name, int(entry["bytes"]))
        if _entry(content) != entry:
            raise SchemeError(f"{folder}: {name} is not the file that was signed (size or SHA-256 differ). {ADVICE}")
        files[name] = content
    if digest(files) != stated["digest"]:
        raise SchemeError(f"{folder}: {LIST} states another digest than its files have. {ADVICE}")
    return Package(files, stated["digest"], stated["created_for"])


def _content(folder: Path, descriptor: int, name: str, limit: int) -> bytes:
    """The bytes of a regular file inside an open folder, at most one more than allowed."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
    except OSError as fault:
        raise SchemeError(f"{folder}: {name}: {fault.strerror}; expected a regular file. {ADVICE}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise SchemeError(f"{folder}: {name} is not a regular file. {ADVICE}")
    with os.fdopen(file, "rb") as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise SchemeError(f"{folder}: {name} is larger than the {limit} bytes allowed. {ADVICE}")
    return content


def _entry(content: bytes) -> dict[str, object]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _listed(files: Mapping[str, bytes]) -> dict[str, object]:
    return {name: _entry(content) for name, content in files.items()}


def _canonical(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

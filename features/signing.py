"""Ed25519 keys by name, and signatures over small documents."""

import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_NAME = re.compile(r"\w[\w.\-]{0,59}")


class SigningError(Exception):
    """A key is missing or unreadable, or a signature does not hold."""


def create_key(folder: Path, name: str) -> Path:
    """The path of a new private key ``<name>.pem`` (mode 0600) with its public half beside it; never replaces one."""
    if _NAME.fullmatch(name) is None:
        raise SigningError(
            f"A key cannot be called {name!r}; expected up to 60 letters, digits, '.', '-' and '_'. No key was made."
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    path = folder / f"{name}.pem"
    if path.exists():
        raise SigningError(f"Key {name!r} already exists at {path}; nothing was changed. Choose another name.")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)
    return path


def signing_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """A private key by name; SigningError when there is none."""
    path = folder / f"{name}.pem"
    if not path.is_file():
        raise SigningError(f"No signing key {name!r} in {folder}. Create it: jianwei keys create {name}.")
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path} is not an Ed25519 key; nothing was signed.")
    return key


def first_use_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """A private key by name, made on first use."""
    if not (folder / f"{name}.pem").is_file():
        create_key(folder, name)
    return signing_key(folder, name)


def verify_key(folder: Path, name: str) -> Ed25519PublicKey:
    """The public half of a key by name; SigningError when there is none."""
    path = folder / f"{name}.pub"
    if not path.is_file():
        raise SigningError(f"No public key {name!r} in {folder}; without it nothing can be verified.")
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError(f"{path} is not an Ed25519 public key; nothing was verified.")
    return key


def sign(key: Ed25519PrivateKey, document: bytes) -> str:
    """The signature of a document, in hexadecimal."""
    return key.sign(document).hex()


def holds(key: Ed25519PublicKey, document: bytes, signature: str) -> bool:
    """Whether a hexadecimal signature of a document holds under a key."""
    try:
        key.verify(bytes.fromhex(signature), document)
    except (InvalidSignature, ValueError):
        return False
    return True

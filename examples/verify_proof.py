"""Checks that a sealed month holds a row: python verify_proof.py PROOF.json [KEY], without the service that gave it.

PROOF.json is an answer of GET /v1/entities/{entity}/proof, KEY the publisher's public key in hexadecimal as it was told
elsewhere. Only the standard library is needed; with the package cryptography the signature is checked as well.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None


def octets(text):
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError
    return found


def root(proof):
    """The root that leads from the row; ValueError when the path is not one of a month of so many rows."""
    row, index, last = base64.b64decode(proof["row"], validate=True), proof["index"], proof["head"]["rows"] - 1
    named = base64.b64encode(row).decode() == proof["row"] and row.split(b"\x1f")[1] == proof["entity"].encode()
    if not named or type(index) is not int or not 0 <= index <= last:
        raise ValueError("the row is of another entity, or there is no such row")
    node = hashlib.sha256(b"\x00" + octets(proof["salt"]) + row).digest()
    path = [octets(one) for one in proof["path"]]
    while last:
        if index % 2 or index != last:  # an unpaired node rises unchanged
            other = path.pop(0)
            node = hashlib.sha256(b"\x01" + (other + node if index % 2 else node + other)).digest()
        index, last = index // 2, last // 2
    if path:
        raise ValueError("the path is too long")
    return node.hex()


def holds(proof, key=None):
    """Whether the proof leads to its head, and the head was signed by the key."""
    try:
        if root(proof) != proof["head"]["root"] or (key and proof["publisher"] != key):
            return False
        head = json.dumps(proof["head"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        if Ed25519PublicKey is not None:
            Ed25519PublicKey.from_public_bytes(octets(proof["publisher"])).verify(octets(proof["signature"]), head)
    except Exception:  # whatever is wrong with it, it is no proof
        return False
    return True


if __name__ == "__main__":
    found = holds(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), *sys.argv[2:3])
    print("holds" if found else "does not hold", "" if Ed25519PublicKey else "(signature not checked)")
    sys.exit(not found)

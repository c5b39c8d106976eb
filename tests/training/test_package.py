import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from training import package
from training.scheme import Scheme, SchemeError


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def test_every_single_byte_flip_is_refused(saved, copy, key):
    rng = np.random.default_rng(7)
    refused = 0
    for path in sorted(copy.iterdir()):
        content = path.read_bytes()
        for place in rng.integers(0, len(content), 40):
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(flipped))
            with pytest.raises(SchemeError):
                Scheme.load(copy, key.public_key())
            refused += 1
        path.write_bytes(content)
    assert refused == 40 * len(list(saved.iterdir()))
    assert package.read(copy, key.public_key()).digest == package.read(saved, key.public_key()).digest


@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_refused(copy, key, part):
    for path in sorted(copy.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(SchemeError):
            Scheme.load(copy, key.public_key())
        path.write_bytes(content)


def test_an_extra_file_is_refused(copy, key):
    (copy / "more.txt").write_text("more")
    with pytest.raises(SchemeError, match=r"missing or extra files: more\.txt"):
        Scheme.load(copy, key.public_key())


def test_a_missing_file_is_refused(copy, key):
    (copy / "golden.json").unlink()
    with pytest.raises(SchemeError, match=r"missing or extra files: golden\.json"):
        Scheme.load(copy, key.public_key())


@pytest.mark.parametrize("name", ["model-0.txt", "package.json", "package.sig"])
def test_a_symbolic_link_is_refused(saved, copy, key, name):
    (copy / name).unlink()
    (copy / name).symlink_to(saved / name)
    with pytest.raises(SchemeError, match=name):
        Scheme.load(copy, key.public_key())


def test_a_linked_folder_is_refused(saved, key, tmp_path):
    (tmp_path / "link").symlink_to(saved, target_is_directory=True)
    with pytest.raises(SchemeError, match="expected the folder of a scheme"):
        Scheme.load(tmp_path / "link", key.public_key())


def test_a_pipe_in_place_of_a_file_is_refused(copy, key):
    (copy / "model-0.txt").unlink()
    os.mkfifo(copy / "model-0.txt")
    with pytest.raises(SchemeError, match="not a regular file"):
        Scheme.load(copy, key.public_key())


def test_a_folder_in_place_of_a_file_is_refused_and_nothing_stays_open(copy, key):
    (copy / "model-0.txt").unlink()
    (copy / "model-0.txt").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SchemeError, match="not a regular file"):
        Scheme.load(copy, key.public_key())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_another_key_is_refused(saved):
    with pytest.raises(SchemeError, match="does not hold"):
        Scheme.load(saved, Ed25519PrivateKey.generate().public_key())


def test_a_signature_in_another_spelling_is_refused(copy, key):
    written = (copy / "package.sig").read_text()
    (copy / "package.sig").write_text(written.upper())
    with pytest.raises(SchemeError, match="does not hold"):
        Scheme.load(copy, key.public_key())


def test_a_folder_that_is_not_there_is_refused(tmp_path, key):
    with pytest.raises(SchemeError, match="No such file"):
        Scheme.load(tmp_path / "none", key.public_key())


def test_a_signed_list_that_names_too_much_is_refused(tmp_path, key, monkeypatch):
    package.write(tmp_path / "big", {"a.txt": b"x" * 2000}, created_for="test", key=key)
    monkeypatch.setattr(package, "LIMIT", 1500)
    with pytest.raises(SchemeError, match="more than 1500 bytes"):
        package.read(tmp_path / "big", key.public_key())


def test_a_file_that_grew_is_refused(tmp_path, key):
    package.write(tmp_path / "one", {"a.txt": b"x"}, created_for="test", key=key)
    (tmp_path / "one" / "a.txt").write_bytes(b"xy")
    with pytest.raises(SchemeError, match="larger than the 1 bytes"):
        package.read(tmp_path / "one", key.public_key())


def test_a_list_with_another_digest_is_refused(tmp_path, key):
    from features.signing import sign

    package.write(tmp_path / "one", {"a.txt": b"x"}, created_for="test", key=key)
    stated = json.loads((tmp_path / "one" / package.LIST).read_bytes())
    document = json.dumps({**stated, "digest": "0" * 64}).encode()
    (tmp_path / "one" / package.LIST).write_bytes(document)
    (tmp_path / "one" / package.SIGNATURE).write_text(sign(key, document) + "\n")
    with pytest.raises(SchemeError, match="another digest"):
        package.read(tmp_path / "one", key.public_key())


def test_a_folder_is_never_written_over(copy, scheme, key):
    with pytest.raises(SchemeError, match="is not empty"):
        scheme.save(copy, key)

"""A monthly delivery on top of a whole history: python tests/benchmarks/one_more_month.py HOME [FOLDER ...].

HOME has a lake (as tests/benchmarks/province.py leaves one). The deliveries of its newest period are written again as
those of a period later: the same entities and content, other record numbers, so every row is a new record. They are
taken into a copy of the home (files of the lake are linked, not copied), which is removed afterwards. Prints JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

MARK = "再"  # before every record number


def again(folder, to):
    """A delivery with other record numbers, under another name; how many rows it has."""
    to.mkdir(parents=True)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"delivery": f"{manifest['delivery']}-again"}
    for file in manifest["files"]:
        content = (folder / file["path"]).read_bytes()
        renamed = _lines(content) if file["path"].endswith(".jsonl") else _cells(content)
        (to / file["path"]).write_bytes(renamed)
        file["sha256"] = sha256(renamed).hexdigest()
    (to / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    return sum(file["rows"] for file in manifest["files"])


def _lines(content):
    return content.replace(b'"source_record_no":"', f'"source_record_no":"{MARK}'.encode())


def _cells(content):
    import io

    import polars as pl

    rows = pl.read_csv(io.BytesIO(content), infer_schema=False)
    return rows.with_columns(pl.lit(MARK) + pl.col("source_record_no")).write_csv().encode()


def main():
    home = Path(sys.argv[1]).absolute()
    every = sorted(path.parent for path in (home / "deliveries").glob("*/*/manifest.json"))
    newest = max(folder.name for folder in every)
    chosen = [Path(word) for word in sys.argv[2:]] or [folder for folder in every if folder.name == newest]
    with TemporaryDirectory(dir=home.parent) as root:
        place = Path(root) / home.name
        place.mkdir()
        shutil.copytree(home / "lake", place / "lake", copy_function=os.link)
        for name in ("journal.jsonl", "keys", "unmatched", "rejects"):
            if (home / name).exists():
                copy = shutil.copytree if (home / name).is_dir() else shutil.copy2
                copy(home / name, place / name)
        folders = [Path(root) / "again" / f"{number}" for number in range(len(chosen))]
        rows = sum(again(folder, to) for folder, to in zip(chosen, folders, strict=True))
        command = [str(Path(sys.executable).parent / "jianwei"), "intake", *map(str, folders), "--json"]
        environment = {**os.environ, "JIANWEI_HOME": root, "JIANWEI_PROFILE": home.name}
        started = time.monotonic()
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
        seconds = time.monotonic() - started
        receipts = json.loads(printed.strip().splitlines()[-1])
    counts = {name: sum(one[name] for one in receipts) for name in ("sent", "accepted", "duplicate", "rejected")}
    print(json.dumps({"rows": rows, **counts, "seconds": seconds, "rows_per_s": rows / seconds}))


if __name__ == "__main__":
    main()

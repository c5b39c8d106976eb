"""A sealed month explained the plain way, every row in bulk, against what it holds: python plain.py HOME MONTH SCHEME.

The same library, the same number of helpers, the same size of call; nothing is explained once that occurs twice, and
nothing is kept from the month before. Prints JSON: seconds (what is found left in arrays; sealed_s: also written as
a month is sealed, which ours does), rows, and the largest difference of any contribution.
"""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from features.crew import Crew, Task  # noqa: E402
from serving import pieces, settings  # noqa: E402
from serving.contributions import BINS, CONTRIBUTIONS, write_contributions  # noqa: E402
from serving.ledger import RESULTS  # noqa: E402
from training.explain import CHUNK  # noqa: E402
from training.scheme import Scheme  # noqa: E402

KNOWN = {}


def scheme_of(folder, digest):
    if digest not in KNOWN:
        KNOWN[digest] = Scheme.told(Path(folder), digest)
    return KNOWN[digest]


def explain(scheme, digest, folder, number, sealed):
    """Explain some rows and keep what they add; ``sealed`` also in the form a month is sealed in."""
    opened = scheme_of(scheme, digest)
    codes = rows_of(folder, opened, number)
    added = np.ascontiguousarray(opened.explained(codes), "<f4")
    added.tofile(Path(folder) / f"{number}.f32")
    if sealed:
        write_contributions(Path(folder) / f"{number}.parquet", opened, codes, added)
    return {}


def rows_of(folder, scheme, number):
    none = scheme.bin_codes(np.zeros((0, len(scheme.columns))))
    codes = np.memmap(Path(folder) / "codes.bin", none.dtype, "r").reshape(-1, none.shape[1])
    return codes[number * CHUNK : (number + 1) * CHUNK]


def main():
    month, scheme_folder = Path(sys.argv[1]) / "months" / sys.argv[2] / "0", Path(sys.argv[3])
    digest = json.loads((month / "head.json").read_text())["head"]["scheme"]
    which = pieces.read(month, RESULTS, ["vector"])["vector"].drop_null().to_numpy()
    bins = pieces.read(month, CONTRIBUTIONS, [BINS])[BINS].combine_chunks()
    with TemporaryDirectory(dir=sys.argv[1]) as folder, TemporaryDirectory(dir=sys.argv[1]) as files:
        for path in scheme_folder.iterdir():
            if not path.name.startswith("package."):
                (Path(files) / path.name).write_bytes(path.read_bytes())
        scheme = scheme_of(files, digest)
        none = scheme.bin_codes(np.zeros((0, len(scheme.columns))))
        vectors = np.frombuffer(bins.buffers()[1], none.dtype)[bins.offset * none.shape[1] :].reshape(-1, none.shape[1])
        vectors[which].tofile(Path(folder) / "codes.bin")
        given = {"scheme": files, "digest": digest, "folder": folder}
        count = len(range(0, len(which), CHUNK))
        seconds = {}
        for name in ("sealed", "bare"):
            tasks = [
                Task(
                    str(number),
                    "tests.benchmarks.plain:explain",
                    {**given, "number": number, "sealed": name == "sealed"},
                )
                for number in range(count)
            ]
            started = time.monotonic()
            with Crew(settings.helpers()) as crew:
                crew.run(tasks)
            seconds[name] = time.monotonic() - started
        held = pieces.read(month, CONTRIBUTIONS, scheme.used)
        columns = [held[name].to_numpy() for name in scheme.used]
        largest = 0.0
        for number in range(count):
            found = np.memmap(Path(folder) / f"{number}.f32", "<f4", "r").reshape(-1, len(columns))
            part = which[number * CHUNK : (number + 1) * CHUNK]
            for place, column in enumerate(columns):
                largest = max(largest, float(np.abs(found[:, place] - column[part]).max(initial=0.0)))
    stated = {"seconds": seconds["bare"], "sealed_s": seconds["sealed"], "rows": len(which)}
    print(json.dumps({**stated, "largest_difference": largest}))


if __name__ == "__main__":
    main()

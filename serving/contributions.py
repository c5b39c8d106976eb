"""Contributions of a month: every distinct bin vector explained once, or kept from the month before."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from serving import pieces
from training import explain
from training.scheme import Scheme, SchemeError

Floats = npt.NDArray[np.float64]
Contributions = npt.NDArray[np.float32]

CONTRIBUTIONS = "contributions"  # the table
CODES, WHICH, ADDED, KEPT = "codes.bin", "which.bin", "contributions.f32", "kept.bin"  # arrays, as worked on
SAMPLED = 64  # bin vectors looked at for every range they are cut into
BINS = "bins"  # the column of ``contributions`` with the bin vector they belong to
LARGEST_ERROR = 1e-5


@dataclass(frozen=True)
class Explained:
    """Every distinct bin vector and its contributions, in parts in canonical order (kept on disk), and which vector
    each scored entity has."""

    vectors: Sequence[explain.Codes]
    parts: Sequence[Contributions]
    which: npt.NDArray[np.int32]

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """The number of the first vector of every part, and at last how many there are."""
        return np.cumsum([0, *map(len, self.parts)])

    @cached_property
    def sums(self) -> Floats:
        """What the contributions of every vector add up to."""
        return np.concatenate([np.zeros(0), *(part.sum(axis=1, dtype=np.float64) for part in self.parts)])

    def of_vectors(self, numbers: npt.NDArray[np.int32]) -> Contributions:
        """The contributions of some vectors, in the order given."""
        return self._taken(self.parts, numbers)

    def bins_of(self, numbers: npt.NDArray[np.int32]) -> explain.Codes:
        """Some bin vectors, in the order given."""
        return self._taken(self.vectors, numbers)

    def _taken(self, parts: Sequence[npt.NDArray[Any]], numbers: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        found = np.empty((len(numbers), parts[0].shape[1]), parts[0].dtype)
        place = np.searchsorted(self.starts, numbers, side="right") - 1
        for number, part in enumerate(parts):
            own = np.flatnonzero(place == number)
            found[own] = part[numbers[own] - self.starts[number]]
        return found


def ranges(scored: Sequence[explain.Codes], size: int) -> npt.NDArray[np.int64]:
    """Where to cut the bin vectors of every scored folder, so that the ranges between hold about ``size`` in all.

    One row a folder, one column a cut, the first 0, the last its length; cuts lie at the same vectors in all folders.
    """
    packed = [np.ascontiguousarray(one).view(f"S{one.shape[1] * one.dtype.itemsize}").ravel() for one in scored]
    total = sum(map(len, packed))
    count = max(1, -(-total // size))
    step = max(1, total // (count * SAMPLED))
    sample = np.sort(np.concatenate([one[::step] for one in packed]))
    cuts = sample[[len(sample) * number // count for number in range(1, count)]]
    return np.array([[0, *np.searchsorted(one, cuts), len(one)] for one in packed], np.int64)


def bin_vectors(folder: Path, scheme: Scheme) -> explain.Codes:
    """The distinct bin vectors of a folder (rows × ``scheme.used``), left on disk."""
    none = scheme.bin_codes(np.zeros((0, len(scheme.columns))))
    path = folder / CODES
    rows = path.stat().st_size // (none.shape[1] * none.dtype.itemsize)
    return np.memmap(path, none.dtype, "r", shape=(rows, none.shape[1])) if rows else none


def explained(folder: Path, scheme: Scheme, scored: Sequence[explain.Codes], before: Path | None) -> None:
    """Explain one range of the bin vectors of all scored folders: each distinct one once.

    Written are the distinct vectors in canonical order, which one each given vector is (one folder after the other),
    contributions (float32, one row a vector, one column each of ``scheme.used``), and where in the range ``before`` had
    it: that is a month sealed under the same scheme, and only what is not there (−1) is explained anew.
    """
    vectors, which = explain.distinct(np.concatenate(scored))
    held = _held(vectors, scheme, before)
    place = np.asarray(pc.fill_null(pc.index_in(_packed(vectors), held[BINS].combine_chunks()), -1), np.int32)
    found = np.empty((len(vectors), len(scheme.used)), np.float32, order="F")
    old, new = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
    if len(old):
        for number, name in enumerate(scheme.used):
            found[old, number] = held[name].to_numpy()[place[old]]
    if len(new):
        found[new] = scheme.explained(vectors[new])
    vectors.tofile(folder / CODES)
    which.astype("<i4").tofile(folder / WHICH)
    place.astype("<i4").tofile(folder / KEPT)
    np.ascontiguousarray(found, "<f4").tofile(folder / ADDED)
    write_contributions(pieces.single(folder, CONTRIBUTIONS), scheme, vectors, found)


def has_bins(folder: Path, scheme: Scheme) -> bool:
    """Whether a sealed month keeps bin vectors as this version cuts them under its scheme."""
    return bool(pieces.schema(folder, CONTRIBUTIONS) == _schema(scheme))


def _held(vectors: explain.Codes, scheme: Scheme, before: Path | None) -> pa.Table:
    """What a sealed month held from the first to the last of some bin vectors, in whole row groups."""
    if before is None or not len(vectors):
        return _schema(scheme).empty_table()
    return pieces.around(before, CONTRIBUTIONS, BINS, (vectors[0].tobytes(), vectors[-1].tobytes()))


def write_contributions(path: Path, scheme: Scheme, vectors: explain.Codes, found: Contributions) -> None:
    """Write bin vectors and what each adds, one row a vector."""
    columns = [pa.array(np.ascontiguousarray(column)) for column in found.T]
    pieces.write(path, pa.table([_packed(vectors), *columns], schema=_schema(scheme)), measured=True)


def _schema(scheme: Scheme) -> pa.Schema:
    none = scheme.bin_codes(np.zeros((0, len(scheme.columns))))
    return pa.schema([(BINS, _packed(none).type), *((name, pa.float32()) for name in scheme.used)])


def _packed(vectors: explain.Codes) -> pa.FixedSizeBinaryArray:
    rows = np.ascontiguousarray(vectors)
    width = rows.shape[1] * rows.dtype.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(rows.tobytes())])


def added(folder: Path, scheme: Scheme) -> Contributions:
    """The contributions written by ``explained``, left on disk."""
    path, width = folder / ADDED, len(scheme.used)
    rows = path.stat().st_size // (4 * width)
    return np.memmap(path, "<f4", "r", shape=(rows, width)) if rows else np.zeros((0, width), np.float32)


def exposure(scheme: Scheme) -> Floats:
    """The constant line ``exposure`` of every kind."""
    kinds = np.arange(len(scheme.kinds), dtype=np.int8)
    return scheme.with_exposure(np.zeros((len(kinds), len(scheme.columns))), kinds)[:, -1]


def largest_error(scored: pa.Table, found: Explained, scheme: Scheme) -> float:
    """The largest distance of any entity's margin from base plus contributions; SchemeError past what is allowed."""
    kinds = pc.index_in(scored["kind"], pa.array(scheme.kinds, pa.string())).to_numpy()
    sums = scheme.base + found.sums[found.which] + exposure(scheme)[kinds]
    error = float(np.abs(sums - scored["margin"].to_numpy()).max(initial=0.0))
    if not error <= LARGEST_ERROR:
        raise SchemeError(
            f"Contributions of {scored.num_rows} entities miss their margins by up to {error:.1e}; "
            f"expected at most {LARGEST_ERROR:.0e}. Nothing was published; the last month stands."
        )
    return error

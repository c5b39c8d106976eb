"""Unified social credit codes and old registration numbers of simulated entities, all valid, all different."""

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

from features.simulation.streams import Ints

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
DIGIT_CODES = 10**8
LETTER_CODES = len(ALPHABET) ** 6
STRIDE = 38_196_601  # a prime: multiples of it visit every code once before any code twice
TO_ORGANISATION = np.array([ORGANISATION_ALPHABET.index(letter) for letter in ALPHABET])


def credit_codes(number: Ints, category: Ints, region: Ints, lettered: npt.NDArray[np.bool_]) -> pl.Series:
    """One unified social credit code an entity, from its number in the province; GB 32100-2015, both check characters.

    ``category`` is the second character (1 enterprise, 2 individual business, 3 cooperative), ``region`` the division
    code of the registration authority; ``lettered`` codes begin with MA, as those given since October 2015.
    """
    values = np.empty((len(number), 18), dtype=np.int64)
    values[:, 0] = 9
    values[:, 1] = category
    values[:, 2:8] = _digits(region, 6, 10)
    values[:, 8:16] = np.where(
        lettered[:, None],
        np.column_stack([_letters("MA", len(number)), _digits((number + 1) * STRIDE % LETTER_CODES, 6, len(ALPHABET))]),
        _digits((number + 1) * STRIDE % DIGIT_CODES, 8, 10),
    )
    values[:, 16] = _organisation_check(values[:, 8:16])
    values[:, 17] = (31 - (values[:, :17] * WEIGHTS).sum(axis=1) % 31) % 31
    return _texts(values)


def registration_numbers(number: Ints, region: Ints) -> pl.Series:
    """One 15-digit registration number an entity: division code, serial number, ISO 7064 MOD 11,10 check digit."""
    digits = np.column_stack([_digits(region, 6, 10), _digits((number + 1) * STRIDE % DIGIT_CODES, 8, 10)])
    product = np.full(len(number), 10)
    for position in range(14):
        total = (product + digits[:, position]) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    return _texts(np.column_stack([digits, (11 - product) % 10]))


def _organisation_check(values: Ints) -> Ints:
    remainder = 11 - (TO_ORGANISATION[values] * ORGANISATION_WEIGHTS).sum(axis=1) % 11
    return np.where(remainder == 10, ALPHABET.index("X"), remainder % 11)


def _digits(number: Ints, width: int, base: int) -> Ints:
    return number[:, None] // base ** np.arange(width - 1, -1, -1) % base


def _letters(text: str, size: int) -> Ints:
    return np.tile([ALPHABET.index(letter) for letter in text], (size, 1))


def _texts(values: Ints) -> pl.Series:
    letters = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)[values]
    return pl.Series(np.ascontiguousarray(letters).view(f"S{values.shape[1]}").ravel()).cast(pl.Binary).cast(pl.String)


def keys(label: str, number: Ints) -> pl.Series:
    """Opaque 16-digit keys, the same for the same label and number."""
    salt = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "little")
    mixed = number.astype(np.uint64) + np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    letters = np.frombuffer(mixed.astype(">u8").tobytes().hex().encode(), dtype="S16")
    return pl.Series(letters).cast(pl.Binary).cast(pl.String)

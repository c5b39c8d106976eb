"""Who a row is about: unified social credit codes, old registration numbers, and their check characters."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_LENGTH = 18
_USCC_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28], dtype=np.int64)
_ORGANISATION = slice(8, 16)
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ORGANISATION_CHECKS = "0123456789X"
REGNO_LENGTH = 15
_REGNO_MODULUS = 10

USCC_FAULTS = ("uscc_length", "uscc_character", "uscc_organisation_check", "uscc_check")


def _table(alphabet: str) -> NDArray[np.int64]:
    values = np.full(256, -1, dtype=np.int64)
    for position, character in enumerate(alphabet):
        values[ord(character)] = position
    return values


_USCC_VALUES = _table(USCC_ALPHABET)
_ORGANISATION_VALUES = _table("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def uscc_faults(codes: pl.Series) -> pl.Series:
    """The fault of each unified social credit code, null where there is none (or no code).

    One of ``USCC_FAULTS``. Both check characters are computed: position 18 (GB 32100-2015) and position 17, the
    organisation code's own (GB 11714). Letters are accepted in positions 1 to 8: departments and categories have them.
    """
    fault = np.full(codes.len(), -1, dtype=np.int64)
    lengths = codes.str.len_bytes()
    wrong = (lengths != USCC_LENGTH).fill_null(False).to_numpy()
    fault[wrong] = 0
    whole = (lengths == USCC_LENGTH).fill_null(False)
    rows = whole.arg_true().to_numpy()
    if len(rows):
        text = "".join(codes.filter(whole).to_list())
        fault[rows] = _numbered_faults(np.frombuffer(text.encode(), dtype=np.uint8).reshape(-1, USCC_LENGTH))
    names = pl.Series("fault", [*USCC_FAULTS, None], dtype=pl.String)
    return names.gather(np.where(fault < 0, len(USCC_FAULTS), fault))


def _numbered_faults(characters: NDArray[np.uint8]) -> NDArray[np.int64]:
    values = _USCC_VALUES[characters]
    outside = (values < 0).any(axis=1)
    check = (-(values[:, :17] @ _USCC_WEIGHTS)) % 31
    organisation = _ORGANISATION_VALUES[characters]
    own = (-(organisation[:, _ORGANISATION] @ _ORGANISATION_WEIGHTS)) % 11
    expected = np.array([ord(character) for character in _ORGANISATION_CHECKS])[own]
    conditions = [outside, expected != characters[:, 16], check != values[:, 17]]
    return np.select(conditions, [1, 2, 3], default=-1)


def uscc_fault(code: str) -> str | None:
    """The fault of one unified social credit code, or null."""
    found = uscc_faults(pl.Series("code", [code], dtype=pl.String))[0]
    return None if found is None else str(found)


def is_uscc(code: str) -> bool:
    """Whether a code is a unified social credit code with both check characters right."""
    return uscc_fault(code) is None


def make_uscc(prefix: str, division: str, serial: int) -> str:
    """A valid code from department and category (two characters), division (six) and a serial number.

    Serial numbers 0 to 31^7 - 1 give distinct codes of one prefix and division. The subject code begins with ``M``,
    as those of new entities do.
    """
    subject = ["M"]
    for power in range(6, -1, -1):
        subject.append(USCC_ALPHABET[serial // 31**power % 31])
    total = sum(
        int(_ORGANISATION_VALUES[ord(character)]) * int(weight)
        for character, weight in zip(subject, _ORGANISATION_WEIGHTS, strict=True)
    )
    body = prefix + division + "".join(subject) + _ORGANISATION_CHECKS[-total % 11]
    check = sum(
        USCC_ALPHABET.index(character) * int(weight) for character, weight in zip(body, _USCC_WEIGHTS, strict=True)
    )
    return body + USCC_ALPHABET[-check % 31]


def regno_check_digit(body: str) -> str:
    """The fifteenth digit of a registration number (ISO 7064, modulus 11,10) from its first fourteen."""
    product = _REGNO_MODULUS
    for digit in body:
        total = (int(digit) + product) % _REGNO_MODULUS or _REGNO_MODULUS
        product = total * 2 % (_REGNO_MODULUS + 1)
    return str((1 - product) % _REGNO_MODULUS)


def regno_holds(regno: str) -> bool:
    """Whether a registration number may be matched on: fifteen digits must end in their check digit.

    Numbers of another length come from before the standard and carry no check; they match only as a whole.
    """
    if re.fullmatch(r"[0-9]{15}", regno) is None:
        return len(regno) != REGNO_LENGTH and regno.strip() != ""
    return regno_check_digit(regno[:-1]) == regno[-1]


def regnos_hold(regnos: pl.Series) -> pl.Series:
    """Whether each registration number may be matched on (see ``regno_holds``); false where there is none."""
    text = regnos.fill_null("")
    checked = text.str.contains(r"^[0-9]{15}$")
    held = ((text.str.len_chars() != REGNO_LENGTH) & (text.str.strip_chars() != "")).to_numpy().copy()
    rows = checked.arg_true().to_numpy()
    if len(rows):
        digits = np.frombuffer("".join(text.filter(checked)).encode(), dtype=np.uint8) - ord("0")
        held[rows] = _check_digits_hold(digits.reshape(-1, REGNO_LENGTH).astype(np.int64))
    return pl.Series("holds", held)


def _check_digits_hold(digits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``regno_check_digit`` over many numbers at once (rows × 15 digits)."""
    product = np.full(len(digits), _REGNO_MODULUS)
    for column in digits[:, :-1].T:
        total = (column + product) % _REGNO_MODULUS
        product = np.where(total == 0, _REGNO_MODULUS, total) * 2 % (_REGNO_MODULUS + 1)
    held: NDArray[np.bool_] = (1 - product) % _REGNO_MODULUS == digits[:, -1]
    return held

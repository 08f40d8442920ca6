"""Kubernetes quantities: read, and written in the one form in which the API server keeps them.

A declared quantity must be spelt as the server spells it (`0.5` is kept as `500m`, `1024Mi` as
`1Gi`), or a comparison with the live object would find a difference for ever. The rules are
those of `k8s.io/apimachinery/pkg/api/resource`.
"""

import functools
import re
from decimal import ROUND_UP, Decimal

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS = _DECIMAL | {"n": -9, "u": -6}
"""All that is read; millionths and less are never written, but rounded up to thousandths."""
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d+)")


class InvalidQuantity(ValueError):  # noqa: N818 - named like cron.InvalidSchedule
    """The text is not a quantity."""


def _parts(text: str) -> tuple[Decimal, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InvalidQuantity(f'"{text}" is not a quantity; write for example 500m, 1 or 512Mi')
    return Decimal(match[1]), match[2]


def value(text: str) -> Decimal:
    """Return what a quantity amounts to, in units (cores, bytes)."""
    number, suffix = _parts(text)
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    if suffix in _POWERS:
        return number.scaleb(_POWERS[suffix])
    return number.scaleb(int(suffix[1:]))


@functools.lru_cache(maxsize=1024)
def canonical(text: str) -> str:
    """Return the quantity as the API server writes it; those of a cluster's sizes are few."""
    _, suffix = _parts(text)
    amount = value(text)
    if suffix in _BINARY and amount >= 1024 and amount == amount.to_integral_value():
        return _scaled_binary(int(amount))
    if suffix not in _BINARY | _POWERS:
        return _scaled_exponent(amount)
    return _scaled_decimal(amount)


def millicores(text: str) -> int:
    """Return a CPU quantity in thousandths of a core, rounded up."""
    return int((value(text) * 1000).to_integral_value(ROUND_UP))


def megabytes(text: str) -> int:
    """Return a memory quantity in units of 2^20 bytes, rounded up."""
    return int((value(text) / 2**20).to_integral_value(ROUND_UP))


def _scaled_binary(amount: int) -> str:
    for suffix, unit in reversed(_BINARY.items()):
        if amount % unit == 0:
            return f"{amount // unit}{suffix}"
    return str(amount)


def _scaled_decimal(amount: Decimal) -> str:
    if not amount:
        return "0"
    milli = int((amount * 1000).to_integral_value(ROUND_UP))
    for suffix, exponent in sorted(_DECIMAL.items(), key=lambda item: -item[1]):
        unit = 10 ** (exponent + 3)
        if milli % unit == 0:
            return f"{milli // unit}{suffix}"
    return f"{milli}m"


def _scaled_exponent(amount: Decimal) -> str:
    whole = int(amount)
    exponent = 0
    while whole and whole % 1000 == 0:
        whole, exponent = whole // 1000, exponent + 3
    return f"{whole}e{exponent}" if exponent else str(whole)

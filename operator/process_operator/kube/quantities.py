"""Kubernetes quantities: read, and written in the one form in which the API server keeps them.

A declared quantity must be spelt as the server spells it (`0.5` is kept as `500m`, `1024Mi` as
`1Gi`), or a comparison with the live object would find a difference for ever. The rules are
those of `k8s.io/apimachinery/pkg/api/resource`, within `FORM`: eight characters such as
`1e999999` can name a number that takes minutes to write down, and what is beyond 2^63 the server
changes. So every text is bounded before there is any arithmetic.
"""

import functools
import re
from decimal import ROUND_UP, Decimal

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS = _DECIMAL | {"n": -9, "u": -6}
"""All that is read; millionths and less are never written, but rounded up to thousandths."""
MAX_LENGTH = 32
MAX_INTEGER = 10**18 - 1
"""The largest number of `FORM`'s digits, where a quantity is written as a number."""
_NUMBER = "[+-]?([0-9]{1,18}([.][0-9]{0,9})?|[.][0-9]{1,9})"
_SUFFIX = "[KMGTPE]i|[numkMGTPE]?|[eE][+-]?[0-9]{1,2}"
FORM = f"^({_NUMBER})({_SUFFIX})$"
"""What is read, as the API server's rules have it too: longer numbers are nobody's size."""
_QUANTITY = re.compile(f"({_NUMBER})(?P<suffix>{_SUFFIX})")


class InvalidQuantity(ValueError):  # noqa: N818 - named like cron.InvalidSchedule
    """The text is not a quantity, or beyond the bounds of those that are read."""


def _parts(text: str) -> tuple[Decimal, str]:
    match = _QUANTITY.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        shown = text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
        raise InvalidQuantity(
            f'"{shown}" is not a quantity of at most 18 digits, 9 decimals and an exponent of 2 '
            "digits; write for example 500m, 1 or 512Mi"
        )
    return Decimal(match[1]), match["suffix"]


def text(given: int | str) -> str:
    """Return a quantity, written as number or as text, as a text that is within the bounds.

    Raises:
        InvalidQuantity: It is none, or beyond them; an integer is never spelt out to see that.
    """
    if isinstance(given, int) and abs(given) > MAX_INTEGER:
        raise InvalidQuantity(
            "a quantity that is a number must be within 18 digits; write for example 500m or 512Mi"
        )
    _parts(str(given))
    return str(given)


def value(text: str) -> Decimal:
    """Return what a quantity amounts to, in units (cores, bytes).

    Raises:
        InvalidQuantity: The text is none, or beyond the bounds.
    """
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
    if suffix not in _BINARY | _POWERS and amount == amount.to_integral_value():
        return _scaled_exponent(int(amount))
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


def _scaled_exponent(whole: int) -> str:
    exponent = 0
    while whole and whole % 1000 == 0:
        whole, exponent = whole // 1000, exponent + 3
    return f"{whole}e{exponent}" if exponent else str(whole)

"""The part of CEL that the rules of the models are written in.

The API server decides; this lets `process-operator plan` say the same before it is asked. It knows
just the operators and functions that occur in the models, and a rule that uses anything else is an
error when it is compiled, which a test does for all of them. Every rule is compiled once, to
nested functions of its variables (`self` and, for rules about changes, `oldSelf`).
"""

import functools
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from process_operator.kube import quantities

Variables = Mapping[str, Any]
Compiled = Callable[[Variables], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\.\?|&&|\|\||==|!=|<=|>=|[-!<>+()\[\],?:.]))"
)


class UnknownRule(ValueError):  # noqa: N818 - it is the rule that is unknown
    """A rule uses something of CEL that is not known here."""


class _Absent:
    """What an optional selection of a field that is not there leads to."""


_ABSENT = _Absent()


def holds(rule: str, value: Any, old: Any = None) -> bool:
    """Return whether a rule holds for a value and, if it is about changes, what it was before."""
    return bool(compiled(rule)({"self": value, "oldSelf": old}))


@functools.cache  # bounded by the rules that there are
def compiled(rule: str) -> Compiled:
    """Return a rule as a function of its variables."""
    parser = _Parser(_tokens(rule), rule)
    made = parser.expression()
    parser.end()
    return made


def _tokens(rule: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(rule):
        match = _TOKEN.match(rule, place)
        if match is None or match.lastgroup is None:
            raise UnknownRule(f"{rule}: cannot be read from character {place} on")
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


class _Parser:
    """Recursive descent, one method per level of precedence."""

    def __init__(self, tokens: Sequence[tuple[str, str]], rule: str) -> None:
        self._tokens = tokens
        self._place = 0
        self._rule = rule

    def expression(self) -> Compiled:
        condition = self._either()
        if not self._take("?"):
            return condition
        then = self._either()
        self._need(":")
        otherwise = self.expression()
        return lambda given: then(given) if condition(given) else otherwise(given)

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise self._unknown(self._tokens[self._place][1])

    def _either(self) -> Compiled:
        left = self._both()
        while self._take("||"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Compiled:
        left = self._relation()
        while self._take("&&"):
            left = _and(left, self._relation())
        return left

    def _relation(self) -> Compiled:
        left = self._sum()
        for sign, compare in _RELATIONS.items():
            if self._take(sign):
                return _binary(compare, left, self._sum())
        return left

    def _sum(self) -> Compiled:
        left = self._unary()
        while self._take("+"):
            left = _binary(operator.add, left, self._unary())
        return left

    def _unary(self) -> Compiled:
        if self._take("!"):
            inner = self._unary()
            return lambda given: not inner(given)
        return self._member()

    def _member(self) -> Compiled:
        made = self._primary()
        while True:
            if self._take(".?"):
                made = _optional(made, self._name())
            elif self._take("."):
                name = self._name()
                made = self._call(made, name) if self._take("(") else _field(made, name)
            else:
                return made

    def _call(self, target: Compiled, name: str) -> Compiled:
        if name in _MACROS:
            variable = self._name()
            self._need(",")
            body = self.expression()
            self._need(")")
            return _macro(_MACROS[name], target, variable, body)
        arguments = self._list(")")
        if name not in _METHODS:
            raise self._unknown(name)
        method = _METHODS[name]
        return lambda given: method(target(given), *(one(given) for one in arguments))

    def _primary(self) -> Compiled:
        kind, text = self._next()
        if kind == "text":
            return _constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "number":
            return _constant(int(text))
        if text == "(":
            inner = self.expression()
            self._need(")")
            return inner
        if text == "[":
            items = self._list("]")
            return lambda given: [one(given) for one in items]
        if kind == "name" and self._take("("):
            return self._function(text)
        if text in _LITERALS:
            return _constant(_LITERALS[text])
        if kind == "name":
            return lambda given: given[text]
        raise self._unknown(text)

    def _function(self, name: str) -> Compiled:
        if name == "has":
            target = self._member()
            self._need(")")
            return _has(target)
        arguments = self._list(")")
        if name not in _FUNCTIONS or len(arguments) != 1:
            raise self._unknown(name)
        function, (argument,) = _FUNCTIONS[name], arguments
        return lambda given: function(argument(given))

    def _list(self, closing: str) -> list[Compiled]:
        items: list[Compiled] = []
        while not self._take(closing):
            if items:
                self._need(",")
            items.append(self.expression())
        return items

    # Tokens.

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise self._unknown("its end")
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, text: str) -> bool:
        at_end = self._place >= len(self._tokens)
        if at_end or self._tokens[self._place][0] == "text" or self._tokens[self._place][1] != text:
            return False
        self._place += 1
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._unknown(f"something other than {text}")

    def _name(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise self._unknown(text)
        return text

    def _unknown(self, what: str) -> UnknownRule:
        return UnknownRule(f"{self._rule}: {what} is not known here")


def _constant(value: Any) -> Compiled:
    return lambda _: value


def _or(left: Compiled, right: Compiled) -> Compiled:
    return lambda given: left(given) or right(given)


def _and(left: Compiled, right: Compiled) -> Compiled:
    return lambda given: left(given) and right(given)


def _binary(compute: Callable[[Any, Any], Any], left: Compiled, right: Compiled) -> Compiled:
    return lambda given: compute(left(given), right(given))


def _field(target: Compiled, name: str) -> Compiled:
    return lambda given: target(given).get(name, _ABSENT)


def _optional(target: Compiled, name: str) -> Compiled:
    def select(given: Variables) -> Any:
        value = target(given)
        return value if value is _ABSENT else value.get(name, _ABSENT)

    return select


def _has(target: Compiled) -> Compiled:
    return lambda given: target(given) is not _ABSENT


def _macro(
    decide: Callable[[Sequence[bool]], bool], target: Compiled, variable: str, body: Compiled
) -> Compiled:
    def run(given: Variables) -> bool:
        return decide([bool(body({**given, variable: one})) for one in target(given)])

    return run


def matches(text: str, pattern: str) -> bool:
    """Return whether a text matches somewhere, as RE2 has it."""
    return _expression(pattern).search(text) is not None


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    # In RE2 `$` is the end of the text alone, and white space is ASCII's.
    return re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)


def _is_quantity(text: str) -> bool:
    try:
        quantities.value(text)
    except quantities.InvalidQuantity:
        return False
    return True


def _is_ip(text: str) -> bool:
    """Return whether a text is an address: without a zone, and of one family only."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and getattr(found, "ipv4_mapped", None) is None


def _compare(one: Decimal, other: Decimal) -> int:
    return (one > other) - (one < other)


_LITERALS = {"true": True, "false": False}
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "in": lambda one, many: one in many,
}
_MACROS: Mapping[str, Callable[[Sequence[bool]], bool]] = {
    "all": all,
    "exists_one": lambda found: sum(found) == 1,
}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "orValue": lambda value, otherwise: otherwise if value is _ABSENT else value,
    "matches": matches,
    "contains": lambda text, part: part in text,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "lowerAscii": str.lower,
    "size": len,
    "compareTo": _compare,
}
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "string": str,
    "isIP": _is_ip,
    "isQuantity": _is_quantity,
    "quantity": quantities.value,
}

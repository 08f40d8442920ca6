"""The single changes that can be made to a module: each makes a comparison, a boolean operator or a
constant say something else, and leaves a program that still compiles."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_BOOLEANS = {ast.And: ("and", "or"), ast.Or: ("or", "and")}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a source: the bytes from `start` to `end` become `new`."""

    start: int
    end: int
    old: str
    new: str

    def applied(self, source: str) -> str:
        """Give the source as it is with this change."""
        data = source.encode()
        return (data[: self.start] + self.new.encode() + data[self.end :]).decode()

    def line(self, source: str) -> int:
        """Give the number of its line, from 1."""
        return source.encode()[: self.start].count(b"\n") + 1


def changes(source: str) -> list[Change]:
    """Give every change of a source, in the order of their places.

    Decorators are left alone: that a record is frozen is for the type checker to keep.
    """
    places = _Places(source)
    tree = ast.parse(source)
    decorators = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
        for part in ast.walk(decorator)
    }
    found = [
        change
        for node in ast.walk(tree)
        if id(node) not in decorators
        for change in _of_node(node, places)
    ]
    return sorted(set(found), key=lambda change: (change.start, change.new))


class _Places:
    """Where the nodes of a source lie, in bytes."""

    def __init__(self, source: str) -> None:
        self.data = source.encode()
        self._lines = [0]
        for line in self.data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def start(self, node: ast.expr) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def word(self, word: str, start: int, end: int) -> tuple[int, int]:
        """Find an operator between two operands, whatever white space its words have."""
        pattern = rb"\s+".join(re.escape(part.encode()) for part in word.split())
        match = re.compile(pattern).search(self.data, start, end)
        assert match is not None, f"no {word} in {self.data[start:end]!r}"
        return match.span()


def _of_node(node: ast.AST, places: _Places) -> Iterator[Change]:
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                yield _between(_COMPARISONS[type(operator)], left, right, places)
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield _between(_BOOLEANS[type(node.op)], left, right, places)
        case ast.UnaryOp(op=ast.Not()):
            start = places.start(node)
            yield Change(start, places.start(node.operand), "not", "")
        case ast.Constant(value=bool() as value):
            yield Change(places.start(node), places.end(node), str(value), str(not value))
        case ast.Constant(value=int() | float() as value):
            yield Change(places.start(node), places.end(node), str(value), str(value + 1))
        case _:
            return


def _between(words: tuple[str, str], left: ast.expr, right: ast.expr, places: _Places) -> Change:
    old, new = words
    start, end = places.word(old, places.end(left), places.start(right))
    return Change(start, end, old, new)

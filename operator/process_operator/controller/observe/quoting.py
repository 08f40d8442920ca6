"""How others' words are quoted: without the values of variables, and harmless to a terminal.

A value counts as a whole and line by line. It is found as it is and with its characters escaped,
and at an end of a text a beginning of it is enough: the text may have been cut there. Whatever any
of these covers is masked. The work grows with the texts, and with the values no more than by one
look at the head of each part: an environment may be large, and texts come often.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MASK = "***"
SHORTEST = 4
"""Shorter values are masked nowhere: they would take half of every line with them."""

_KEPT_BYTES = 32 * 1024 * 1024
_PART_BYTES = 64
"""What a short text costs besides its characters."""
_TOLD_BYTES = 256 * 1024
"""What masked texts may take in each search: most are asked for at every look."""

_SIMPLE = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_CHARACTER = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|(\W|[abfnrtv]))"
    r"|(\\(?:x[0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7})?\Z)|.",
    re.DOTALL,
)
"""One character, as it is or escaped; what is left of an escape that was cut is none."""
_UNUSUAL = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    """Escape control characters: what a container wrote must not drive a terminal."""
    return _UNUSUAL.sub(_printable, text)


def _printable(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()


class _View(NamedTuple):
    """One way to read a text."""

    text: int
    """Which text it is of."""
    read: str
    places: Sequence[int]
    """Where each character that is read begins in the text, and where the last one ends."""


class _Piece(NamedTuple):
    """A part of a value (view -1), or a view from a place on; in the order of their characters."""

    read: str
    view: int
    place: int


def masked(
    texts: Sequence[str], values: frozenset[str], *, cut_before: bool = False
) -> tuple[str, ...]:
    """Return the texts without the values.

    Args:
        texts: What others have written, bounded.
        values: What must not be told; shorter ones than `SHORTEST` are left alone.
        cut_before: Whether a text may begin in the midst of a value; it may always end in one.
    """
    if not values:
        return tuple(texts)
    search = _searches.of(values)
    return search.search(texts, cut_before=True) if cut_before else search.masked(texts)


class _Search:
    """The parts of some values, and the texts that were masked by them last."""

    def __init__(self, values: Iterable[str]) -> None:
        # Too short ones never have the head that they are looked for by.
        self._parts: list[str] = []
        self.size = _TOLD_BYTES
        for one in values:
            parts = _parts(one)
            self._parts += parts
            # All characters twice: in the value, and in its lines.
            self.size += 2 * len(one) + _PART_BYTES * len(parts)
        self._told: OrderedDict[str, str] = OrderedDict()
        self._told_characters = 0

    def masked(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return texts that are asked for again and again without the values."""
        new = [one for one in dict.fromkeys(texts) if one not in self._told]
        for one, said in zip(new, self.search(new, cut_before=False), strict=True):
            self._told[one] = said
            self._told_characters += len(one)
        told = tuple(self._told[one] for one in texts)
        while self._told_characters > _TOLD_BYTES // 2:
            self._told_characters -= len(self._told.popitem(last=False)[0])
        return told

    def search(self, texts: Sequence[str], *, cut_before: bool) -> tuple[str, ...]:
        """Return the texts without the values, see `masked`."""
        views = [view for number, text in enumerate(texts) for view in _views(number, text)]
        runs = {run for view in views for run in _runs(view.read)}
        if not runs:
            return tuple(texts)
        order = _ordered(views, {part for part in self._parts if part[:SHORTEST] in runs})
        spans: list[list[tuple[int, int]]] = [[] for _ in texts]
        for view, first, end in (*_whole(order), *_begun(order)):
            seen = views[view]
            spans[seen.text].append((seen.places[first], seen.places[end]))
        if cut_before:
            backwards = [view._replace(read=view.read[::-1]) for view in views]
            ends = {part[::-1] for part in self._parts if part[-SHORTEST:] in runs}
            for view, first, end in _begun(_ordered(backwards, ends)):
                seen = views[view]
                spans[seen.text].append((0, seen.places[end - first]))
        return tuple(map(_covered, texts, spans))


class _Searches:
    """The searches that were asked for last, within a bound of bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[frozenset[str], _Search] = OrderedDict()
        self._size = 0

    def of(self, values: frozenset[str]) -> _Search:
        """Return the search for some values."""
        found = self._kept.get(values)
        if found is None:
            found = self._kept[values] = _Search(values)
            self._size += found.size
        self._kept.move_to_end(values)
        while self._size > _KEPT_BYTES:
            self._size -= self._kept.popitem(last=False)[1].size
        return found


_searches = _Searches()


def _parts(value: str) -> list[str]:
    """Return a value and its lines.

    One with backslashes also as it looks where only its control characters were escaped: there
    its own backslashes cannot be told from those of the escapes.
    """
    parts = [value, *value.splitlines()]
    if "\\" in value:
        escaped = [printable(part) for part in parts]
        parts += (*escaped, *(part.replace("\t", r"\t") for part in escaped))
    return parts


def _views(number: int, text: str) -> Iterator[_View]:
    yield _View(number, text, range(len(text) + 1))
    if "\\" in text:
        found = [one for one in _CHARACTER.finditer(text) if one[5] is None]
        read = "".join(_unescaped(one) for one in found)
        yield _View(number, read, [*(one.start() for one in found), len(text)])


def _unescaped(found: re.Match[str]) -> str:
    """Return the one character that was found."""
    for digits in found.group(1, 2, 3):
        if digits is not None:
            return chr(int(digits, 16))
    return found[0] if found[4] is None else _SIMPLE.get(found[4], found[4])


def _runs(read: str) -> Iterator[str]:
    """Yield what a part that is found in a text may begin with."""
    return (read[first : first + SHORTEST] for first in range(len(read) - SHORTEST + 1))


def _ordered(views: Sequence[_View], parts: Iterable[str]) -> list[_Piece]:
    """Return parts, and the views from wherever one of them may begin, in their order.

    So that what begins with a part follows right after it, and what a part begins with stands
    right before it.
    """
    order = [_Piece(part, -1, 0) for part in parts]
    heads = {part.read[:SHORTEST] for part in order}
    order += (
        _Piece(view.read[place:], number, place)
        for number, view in enumerate(views if heads else ())
        for place, run in enumerate(_runs(view.read))
        if run in heads
    )
    order.sort()
    return order


def _whole(order: Iterable[_Piece]) -> Iterator[tuple[int, int, int]]:
    """Yield view, first place and end of the longest part that begins at each place."""
    open_parts: list[str] = []
    for read, view, place in order:
        while open_parts and not read.startswith(open_parts[-1]):
            open_parts.pop()
        if view < 0:
            open_parts.append(read)
        elif open_parts:
            yield view, place, place + len(open_parts[-1])


def _begun(order: Sequence[_Piece]) -> Iterator[tuple[int, int, int]]:
    """Yield view, first place and end of what a view ends with and a part begins with."""
    following = ""
    for read, view, place in reversed(order):
        if view < 0:
            following = read
        elif following.startswith(read):
            yield view, place, place + len(read)


def _covered(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return a text with one mask for each stretch of it that spans cover."""
    told: list[str] = []
    done = 0
    for first, end in sorted(spans):
        if first > done or not told:
            told += (text[done:first], MASK)
        done = max(done, end)
    return "".join((*told, text[done:]))

"""What is wrong with a request, in the names of what was sent, and never what was sent there."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_MOST = 20
_CHOICE = re.compile("'([^']+)'")


def told(found: Iterable[Mapping[str, Any]], body: Any) -> str:
    """Return a sentence for each thing that is wrong, up to a number that can be read.

    Args:
        found: pydantic's errors, each with its place from `body`, `path`, `query` or `header` on.
        body: The body as it was sent, parsed.
    """
    sentences = list(dict.fromkeys(_sentence(one, body) for one in found))
    more = len(sentences) - _MOST
    return "; ".join([*sentences[:_MOST], *([f"and {more} more"] if more > 0 else [])])


def _sentence(one: Mapping[str, Any], body: Any) -> str:
    place = one["loc"]
    where = ".".join(_place(place, body)) or str(place[0])
    about = one.get("ctx") or {}
    match one["type"]:
        case "json_invalid" if place[0] == "query":
            return f"{where} is not JSON; correct it"
        case "json_invalid":
            return "the body is not JSON; correct it"
        case "extra_forbidden":
            return f"{where} is not a field of this request; remove it"
        case "missing" if place[0] == "header":
            return f"the header {where} is required; add it"
        case "missing":
            return f"{where} is required; add it"
        case "literal_error" | "enum":
            return f"{where} must be one of {_choices(about['expected'])}"
        case "union_tag_invalid":
            choices = _choices(about["expected_tags"])
            return f"{where}.{about['discriminator'].strip(chr(39))} must be one of {choices}"
        case "union_tag_not_found":
            return f"{where}.{about['discriminator'].strip(chr(39))} is required; add it"
        case "value_error":
            return f"{where}: {about['error']}"
        case "string_pattern_mismatch" if place[0] == "path":
            return f"{where} is not an id; give one such as fb5e5168-4281-4bec-94c5-0d1584e9e657"
        case "string_pattern_mismatch":
            return f"{where} has characters, or a form, that it may not have; /docs shows its form"
        case _:
            return f"{where}: {one['msg']}; correct it"


def _choices(expected: str) -> str:
    """Return what may be given; nothing at all is no choice that needs to be told."""
    return ", ".join(_CHOICE.findall(expected))


def _place(place: Sequence[str | int], body: Any) -> Iterator[str]:
    """Yield the names on the way to a field, without those of variants, which are in no JSON."""
    inside = body if place[0] == "body" else None
    *above, last = place[1:] or (place[0],)
    for part in above:
        if isinstance(inside, Mapping) and part not in inside:
            continue
        yield str(part)
        inside = _inside(inside, part)
    yield str(last)


def _inside(found: Any, part: str | int) -> Any:
    if isinstance(found, Mapping):
        return found.get(part)
    if isinstance(found, list) and isinstance(part, int) and part < len(found):
        return found[part]
    return None

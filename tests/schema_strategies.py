"""Objects drawn from the structural schemas of the CRDs.

What a rule says beside the schema is obeyed where it is of a known form, so that most of what is
drawn is valid; whoever draws has the rest judged, by the operator's own check or by a server.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from process_operator.kube import names, quantities
from process_operator.kube.manifest import Manifest
from process_operator.schema import cel, crds, kinds

_TEXT = st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=["Cc"])
_ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
_ANY = st.characters(exclude_categories=["Cs"])
_LONGEST = 4096
"""Longer texts only take longer to draw."""

_QUANTITIES = st.one_of(
    st.from_regex(quantities.FORM, fullmatch=True, alphabet=_ASCII),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(["1e999999", "1e99", "1e-99", "8Ei", "1Pi", "64Ti", "6Mi", "1k", "1m", "1n"]),
    st.sampled_from(["1", 1, 2**30, "1Mi", "0.1", "1e9", "9" * 18, "0.000000001", ".5Gi", "1.E1"]),
)
_PROCESSORS = st.one_of(
    st.sampled_from(["1m", "1k", "1e-1", "0.0010000001", "1000000u", "+1.", 1, 1000, ".5"]),
    st.from_regex(r"[0-9]{1,3}[.][0-9]{1,9}", fullmatch=True),
    st.sampled_from(["1e999999", "1n", 2**63 - 1]),
)
_BYTES = st.one_of(
    st.sampled_from(["6Mi", "64Ti", "7000000.000000001", "64E+11", 6291456, ".5Gi", "7000000000m"]),
    st.from_regex(r"[1-9][0-9]{1,3}[.][0-9]{1,9}(Mi|M|Gi|G)", fullmatch=True),
    st.sampled_from(["1e999999", "1n", 2**63 - 1]),
)
_CRON_FIELD = st.from_regex(r"[*?]|[0-9]{1,2}(-[0-9]{1,2})?|\*/[1-9][0-9]{0,18}|,", fullmatch=True)
_BY_NAME: Mapping[str, st.SearchStrategy[Any]] = {
    "applicationRef": st.just({"name": "shop"}),
    "resourceTypeRef": st.just({"name": "s1"}),
    "cpu": _PROCESSORS,
    "memory": _BYTES,
    "mountPath": st.one_of(st.just("/" * 512), st.from_regex(r"/[a-z.]{1,20}", fullmatch=True)),
    "subPath": st.from_regex(r"[a-z]{1,512}", fullmatch=True),
    "schedule": st.one_of(
        st.lists(_CRON_FIELD, min_size=5, max_size=5).map(" ".join),
        st.from_regex(r"@every ([0-9]{0,30}(\.[0-9]{0,30})?(ns|ms|s|m|h)){1,3}", fullmatch=True),
        st.sampled_from(["0 0 31 2 *", "0 0 , * *", "59 23 29 2 *", "@hourly", "* * * * *"]),
    ),
    "timeZone": st.one_of(
        st.sampled_from(["UTC", "Europe/Berlin", "Africa/Casablanca", "Antarctica/Troll"]),
        st.from_regex(r"[A-Za-z+_.0-9-]{1,14}(/[A-Za-z]{1,14}){0,5}", fullmatch=True),
    ),
    "host": st.one_of(
        st.from_regex(r"(\*\.)?[a-z]{1,63}(\.[a-z0-9]{1,63}){0,3}", fullmatch=True),
        st.integers(1, 126).map(lambda labels: ".".join("a" * labels)),
    ),
}

_ALTERNATIVE = re.compile(r"\(has\(self\.(\w+)\) \? 1 : 0\)")
_ONLY_FOR = re.compile(r"self\.type in \[([^]]*)\] \|\| !has\(self\.(\w+)\)")
_FOR_ONE = re.compile(r"self\.type == '(\w+)' \|\| !has\(self\.(\w+)\)")
_NEEDED = re.compile(r"self\.type != '(\w+)' \|\| has\(self\.(\w+)\)")
_NOT_BOTH = re.compile(r"!has\(self\.(\w+)\) \|\| !has\(self\.(\w+)\)")


def spec_schema(kind: str) -> dict[str, Any]:
    """Return the schema of the spec of one of our kinds."""
    (found,) = (one for one in kinds.KINDS if one.kind == kind)
    schema = crds.manifest(found)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    made: dict[str, Any] = schema["properties"]["spec"]
    return made


@functools.cache
def hostile(kind: str) -> st.SearchStrategy[Manifest]:
    """Return objects of one of our kinds, at the ends of what its schema allows."""
    about = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": "drawn"}}
    drawn = Drawing(by_name=_BY_NAME, to_the_full=True).value(spec_schema(kind))
    return drawn.map(lambda spec: about | {"spec": spec})


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How values are drawn."""

    by_name: Mapping[str, st.SearchStrategy[Any]]
    """Fields of which a schema says too little, by name."""
    to_the_full: bool = False
    """Whether lists and texts are also drawn as long as they may be, and objects of few fields."""

    def value(self, schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
        """Return the values of a schema."""
        if name in self.by_name:
            return self.by_name[name]
        if schema.get("x-kubernetes-int-or-string"):
            return _QUANTITIES
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        match schema["type"]:
            case "object" if "properties" in schema:
                return self._object(schema)
            case "object":
                return self._mapping(schema)
            case "array":
                return self._list(schema)
            case "string":
                return self._full_string(schema) if self.to_the_full else _string(schema)
            case "integer":
                low, high = schema["minimum"], schema["maximum"]
                return st.sampled_from([low, high]) | st.integers(low, high)
            case _:
                return st.booleans()

    def _object(self, schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        fields = {key: self.value(value, key) for key, value in schema["properties"].items()}
        required = schema.get("required", [])
        rules = [one["rule"] for one in schema.get("x-kubernetes-validations", ())]
        alternatives = next(filter(None, map(_ALTERNATIVE.findall, rules)), [])
        rest = [key for key in fields if key not in {*required, *alternatives}]
        most = min(len(rest), 4) if self.to_the_full else len(rest)

        @st.composite
        def draw_object(draw: st.DrawFn) -> dict[str, Any]:
            keys = draw(st.lists(st.sampled_from(rest), max_size=most, unique=True)) if rest else []
            chosen = [draw(st.sampled_from(alternatives))] if alternatives else []
            made = {key: draw(fields[key]) for key in (*required, *keys, *chosen)}
            for rule in rules:
                _obey(rule, made, lambda key: draw(fields[key]))
            return made

        return draw_object()

    def _list(self, schema: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
        keys = schema.get("x-kubernetes-list-map-keys", ())
        least, most = schema.get("minItems", 0), schema["maxItems"]
        item = self.value(schema["items"])
        few = st.lists(
            item,
            min_size=least,
            max_size=min(3, most),
            unique_by=(lambda one: tuple(one.get(key) for key in keys)) if keys else None,
        )
        if not self.to_the_full:
            return few
        return few | item.map(lambda one: [_numbered(one, keys, index) for index in range(most)])

    def _mapping(self, schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        key = st.from_regex(r"([a-z]{1,5}\.[a-z]{1,3}/)?[a-z]{1,9}", fullmatch=True)
        return st.dictionaries(key, self.value(schema["additionalProperties"]), max_size=2)

    def _full_string(self, schema: dict[str, Any]) -> st.SearchStrategy[str]:
        """Return short texts, and those of one character as often as there is room for it."""
        longest, pattern = min(schema["maxLength"], _LONGEST), schema.get("pattern", "")
        if not pattern:
            return _string(schema) | _ANY.map(lambda one: one * longest)
        full = [one * longest for one in "a1-._/" if cel.matches(one * longest, pattern)]
        return _string(schema) | st.sampled_from(full) if full else _string(schema)


def _string(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    shortest, longest = schema.get("minLength", 0), schema["maxLength"]
    if "pattern" not in schema:
        return st.text(_TEXT, min_size=shortest, max_size=min(longest, 30))
    made = st.from_regex(schema["pattern"], fullmatch=True, alphabet=_ASCII)
    return made.filter(lambda text: shortest <= len(text) <= longest)


def _numbered(item: Any, keys: tuple[str, ...], index: int) -> Any:
    """Return an item of a full list, told apart from the others."""
    if not keys:
        return item
    paths = {"mountPath": f"/{index}"} if "mountPath" in item else {}
    return item | dict.fromkeys(keys, f"n{index}") | paths


def _obey(rule: str, made: dict[str, Any], draw: Callable[[str], Any]) -> None:
    """Bring an object in line with a rule of a known form."""
    if found := _ONLY_FOR.fullmatch(rule):
        if f"'{made['type']}'" not in found[1]:
            made.pop(found[2], None)
    elif found := _FOR_ONE.fullmatch(rule):
        if made["type"] != found[1]:
            made.pop(found[2], None)
    elif found := _NEEDED.fullmatch(rule):
        if made["type"] == found[1] and found[2] not in made:
            made[found[2]] = draw(found[2])
    elif (found := _NOT_BOTH.fullmatch(rule)) and found[1] in made:
        made.pop(found[2], None)

"""The documentation for people: one page, made from the OpenAPI document, with nothing foreign."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#222}
h2{margin-top:3rem;border-bottom:1px solid #ddd}h3{overflow-wrap:anywhere}
h3 code{background:#eef;padding:.1rem .4rem;border-radius:.2rem}
table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0}
td,th{border:1px solid #ddd;padding:.3rem .5rem;text-align:left;vertical-align:top}
pre{background:#f6f6f6;padding:.7rem;overflow:auto}summary{cursor:pointer}
nav ul{columns:18rem;list-style:none;padding:0}nav ul ul{columns:auto;padding-left:1rem}
nav>ul>li{break-inside:avoid;margin-bottom:.7rem}
"""
_EXAMPLE = """\
curl "$API/v3/applications" -H "Authorization: Bearer $KEY"

curl -X PATCH "$API/v3/applications/$APP/processes/$PROCESS" \\
  -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
  -d '{"scaling_strategy": {"type": "manual", "config": {"instanceCount": 2}}}'
"""

Node = Mapping[str, Any]
_Operation = tuple[str, str, Node]
"""Method, path, and what the document says of it."""


def page(document: Node) -> str:
    """Return the whole page."""
    return "".join(_page(document))


def _page(document: Node) -> Iterator[str]:
    title = html.escape(document["info"]["title"])
    yield "<!doctype html><html lang=en><head><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width,initial-scale=1'>"
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
    for paragraph in document["info"]["description"].strip().split("\n\n"):
        yield f"<p>{html.escape(paragraph)}</p>"
    yield "<p>Machine-readable: <a href=/v3/openapi.json>/v3/openapi.json</a></p>"
    yield f"<p>With a key, and the address of this API:</p><pre>{html.escape(_EXAMPLE)}</pre>"
    groups = _groups(document)
    yield from _contents(groups)
    schemas = document["components"]["schemas"]
    for (name, about), operations in groups.items():
        yield f"<h2 id='{_anchor(name)}'>{html.escape(name)}</h2><p>{html.escape(about)}</p>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation, schemas)
    yield "<h2 id='shapes'>Shapes</h2>"
    for name, schema in schemas.items():
        yield f"<h3 id='{html.escape(name)}'>{html.escape(name)}</h3>"
        yield from _shape(schema)
    yield "</body></html>"


def _groups(document: Node) -> dict[tuple[str, str], list[_Operation]]:
    """Return the operations of each group, by its name and what it is about."""
    found: dict[tuple[str, str], list[_Operation]] = {
        (tag["name"], tag["description"]): [] for tag in document["tags"]
    }
    abouts = dict(found.keys())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = operation["tags"][0]
            found[name, abouts[name]].append((method, path, operation))
    return found


def _contents(groups: Mapping[tuple[str, str], list[_Operation]]) -> Iterator[str]:
    yield "<nav><h2>Contents</h2><ul>"
    for (name, _), operations in groups.items():
        yield f"<li><a href='#{_anchor(name)}'>{html.escape(name)}</a><ul>"
        for _, _, operation in operations:
            place, text = operation["operationId"], html.escape(operation["summary"])
            yield f"<li><a href='#{place}'>{text}</a></li>"
        yield "</ul></li>"
    yield "<li><a href='#shapes'>Shapes</a></li></ul></nav>"


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _operation(method: str, path: str, operation: Node, schemas: Node) -> Iterator[str]:
    place = f"{method.upper()} {html.escape(path)}"
    yield f"<h3 id='{operation['operationId']}'><code>{place}</code></h3>"
    for paragraph in (operation.get("description") or operation["summary"]).split("\n\n"):
        yield f"<p>{html.escape(paragraph)}</p>"
    asked = [one for one in operation.get("parameters", ()) if one["in"] != "path"]
    if asked:
        yield "<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>"
        for one in asked:
            cells = (one["name"], one["in"])
            yield "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            yield f"<td>{_type(one['schema'])}</td>"
            yield f"<td>{html.escape(one.get('description', ''))}</td></tr>"
        yield "</table>"
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        yield f"<p>Body: {_type(schema)}</p>"
        yield from _example(schema, schemas)
    yield "<table><tr><th>answer</th><th>body</th><th></th></tr>"
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        text = html.escape(answer["description"])
        yield f"<tr><td>{status}</td><td>{_type(content)}</td><td>{text}</td></tr>"
    yield "</table>"


def _example(schema: Node, schemas: Node) -> Iterator[str]:
    named = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    for example in named.get("examples", ()):
        yield f"<details><summary>Example</summary><pre>{_json(example)}</pre></details>"


def _json(value: Any) -> str:
    return html.escape(json.dumps(value, indent=2))


def _shape(schema: Node) -> Iterator[str]:
    if "description" in schema:
        yield f"<p>{html.escape(schema['description'])}</p>"
    required = set(schema.get("required", ()))
    yield "<table><tr><th>field</th><th>type</th><th></th></tr>"
    for name, field in schema.get("properties", {}).items():
        star = "" if name in required else " (optional)"
        text = html.escape(field.get("description", ""))
        yield f"<tr><td><code>{html.escape(name)}</code>{star}</td>"
        yield f"<td>{_type(field)}</td><td>{text}</td></tr>"
    yield "</table>"


_BOUNDS = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤"}


def _type(schema: Node) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "const" in schema:
        return f"<code>{html.escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " ".join(f"<code>{html.escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    bounds = [f"{sign} {schema[name]}" for name, sign in _BOUNDS.items() if name in schema]
    return html.escape(" ".join([str(schema.get("type", "any")), *bounds]))

"""`process-operator plan`: what the next release would do, from manifests or beside a cluster.

It reads files and, with `--live`, the cluster; it writes nothing. What it prints is made by
`preview`, which knows neither.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from process_operator.cluster.client import Cluster
    from process_operator.preview.overlay import Live
    from process_operator.schema.documents import Document

_ERROR = 1
_SUFFIXES = (".json", ".yaml", ".yml")

_EXAMPLES = """\
exit code: 0 nothing would change, 2 something would, 1 an error

examples:
  process-operator plan -f deploy/resource-types.yaml -f shop/
  process-operator plan -f shop/ --live --namespace demo
  kustomize build shop | process-operator plan -f - --live
"""


def add_to(commands: Any) -> None:
    """Add this command to the subparsers of the command line."""
    parser = commands.add_parser(
        "plan",
        help="print what the next release would do",
        description="Print what would happen if manifests were applied: what changes at once, "
        "what is staged, and what the next release would do, in order. Nothing is written.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f",
        "--filename",
        dest="paths",
        action="append",
        default=[],
        metavar="FILE",
        help="a file, a folder with all below it, or - for standard input; may be given often",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="compare with the cluster of KUBECONFIG; without it everything is taken as new",
    )
    parser.add_argument(
        "--namespace",
        "-n",
        help="namespace of the objects that name none (that of the kubeconfig, or default)",
    )
    parser.set_defaults(command=_run)


def _run(parsed: argparse.Namespace) -> int:
    # The models and Kopf take their time to import: not before a plan is asked for.
    import asyncio

    from process_operator import settings
    from process_operator.kube import errors
    from process_operator.preview import outcome
    from process_operator.schema import documents

    if not parsed.paths:
        return _refuse("-f is missing; give the manifests: a file, a folder or - (standard input)")
    try:
        given = [one for path in parsed.paths for one in _documents(path)]
        live: Live | None = None
        namespace = parsed.namespace or "default"
        if parsed.live:
            live, namespace = asyncio.run(_live(given, parsed.namespace))
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except documents.Unreadable as error:
        return _refuse(str(error))
    except errors.NotFound:
        return _refuse("the cluster does not know the kinds of process-operator; apply crds/ first")
    except errors.ApiError as error:
        return _refuse(f"the cluster cannot be read: {error}")
    told = outcome.preview(
        given,
        live,
        namespace=namespace,
        now=datetime.now(UTC),
        allowed_annotations=settings.allowed_annotations(os.environ),
    )
    for line in told.lines:
        print(line, file=sys.stderr if told.code == outcome.ERROR else sys.stdout)
    return told.code


def _refuse(why: str) -> int:
    print(f"process-operator plan: {why}", file=sys.stderr)
    return _ERROR


def _documents(path: str) -> Iterator["Document"]:
    from process_operator.schema import documents

    if path == "-":
        yield from documents.read(sys.stdin.read(), "standard input")
        return
    place = Path(path)
    files = sorted(_files(place)) if place.is_dir() else [place]
    if not files:
        raise FileNotFoundError(f"{path} holds no file that ends with {', '.join(_SUFFIXES)}")
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise documents.Unreadable(f"{file}: not YAML: it is not a text in UTF-8") from None
        yield from documents.read(text, str(file))


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in folder.rglob("*") if one.suffix in _SUFFIXES and one.is_file())


async def _live(given: Sequence["Document"], namespace: str | None) -> tuple["Live", str]:
    """Return what the cluster holds that the manifests may be about, and the namespace."""
    from process_operator.cli import connect
    from process_operator.cluster import client
    from process_operator.preview import outcome

    credentials = connect.credentials()
    default = namespace or credentials.default_namespace or "default"
    places = sorted(outcome.namespaces(given, default))
    async with client.Cluster(connect.connection(credentials)) as api:
        return await _read(api, places), default


async def _read(api: "Cluster", places: Sequence[str]) -> "Live":
    """Read one namespace after the other, and what belongs to none."""
    from process_operator.controller.observe import child
    from process_operator.controller.observe.configuration import configuration_object
    from process_operator.kube import errors, names
    from process_operator.models.configuration import CONFIG_MAP
    from process_operator.preview import outcome
    from process_operator.preview.overlay import Live

    own = [
        one | {"kind": names.RESOURCE_TYPE_KIND}
        async for page, _ in api.list(names.RESOURCE_TYPE_KIND)
        for one in page
    ]
    classes = [
        child.ingress_class(one) async for page, _ in api.list("IngressClass") for one in page
    ]
    children, configuration = [], []
    for place in places:
        async for page, _ in api.list(CONFIG_MAP, namespace=place, metadata_only=True):
            configuration += [configuration_object(CONFIG_MAP, one) for one in page]
        for kind in outcome.IN_NAMESPACES:
            async for page, _ in api.list(kind, namespace=place):
                own += [one | {"kind": kind} for one in page]
        for kind in outcome.CHILDREN:
            try:
                async for page, _ in api.list(kind, namespace=place, label_selector=names.SELECTOR):
                    children += [child.child(kind, one) for one in page]
            except errors.NotFound:
                continue  # a cluster without that API has none of them
    return Live(
        own=tuple(own),
        children=tuple(children),
        ingress_classes=tuple(classes),
        configuration=tuple(configuration),
    )

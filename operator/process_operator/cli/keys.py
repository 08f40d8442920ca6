"""`process-operator keys`: API keys are made, listed and revoked by whoever may write the Secret.

A key is shown once, when it is made. Kept is a hash; a lost key cannot be found again.
"""

import argparse
import os
import random
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from process_operator.api.http import settings

if TYPE_CHECKING:
    from process_operator.api.access.keys import BoundNamespace, KeySet
    from process_operator.cluster.client import Cluster

_ERROR = 1
_TRIES = 9
_PAUSE_SECONDS = 0.05
"""At most before the second try, and before each later one twice as long: at random, so that many
who write at once do not all meet again."""
_NAME = re.compile(r"[A-Za-z0-9][-_.A-Za-z0-9 ]{0,99}")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

_EXAMPLES = """\
examples:
  process-operator keys create --name ci --namespace shop --role write --expires 90d
  process-operator keys list
  process-operator keys revoke --name ci
"""

ResultT = TypeVar("ResultT")


def add_to(commands: Any) -> None:
    """Add these commands to the subparsers of the command line."""
    parser = commands.add_parser(
        "keys",
        help="make, list and revoke keys of the REST API",
        description="Make, list and revoke keys of the REST API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it, once")
    create.add_argument("--name", required=True, type=_name, help="what the key is known as")
    create.add_argument(
        "--namespace",
        "-n",
        required=True,
        action="append",
        dest="namespaces",
        help="a namespace that the key may use; may be given often",
    )
    create.add_argument(
        "--role",
        choices=("read", "write", "exec"),
        required=True,
        help="what the key may do; exec is write, and to run commands in the instances",
    )
    create.add_argument(
        "--expires", type=_lifetime, metavar="AGE", help="such as 90d, 12h or 30m (never)"
    )
    create.set_defaults(command=_create)
    listing = actions.add_parser("list", help="print every key, without what is secret of it")
    listing.set_defaults(command=_list)
    revoke = actions.add_parser("revoke", help="end a key within seconds, everywhere")
    revoke.add_argument("--name", required=True, help="what the key is known as")
    revoke.set_defaults(command=_revoke)
    for action in (create, listing, revoke):
        settings.add_keys_namespace(action, os.environ)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"give up to 100 letters, digits, dashes, dots and spaces, not {text!r}"
        )
    return text


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"give an age such as 90d, 12h or 30m, not {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _create(parsed: argparse.Namespace) -> int:
    from process_operator.api.access.keys import Role

    async def create(api: "Cluster") -> str | None:
        namespaces = await bound(api, parsed.namespaces)

        def add(book: "KeySet") -> str | None:
            if book.named(parsed.name) is not None:
                return None
            return book.add(
                name=parsed.name,
                role=Role(parsed.role),
                namespaces=namespaces,
                now=datetime.now(UTC),
                lifetime=parsed.expires,
            )

        return await changed(api, parsed.keys_namespace, add)

    return _answer(create, f"there is a key named {parsed.name} already; revoke it first")


def _revoke(parsed: argparse.Namespace) -> int:
    def remove(book: "KeySet") -> str | None:
        key = book.named(parsed.name)
        if key is None:
            return None
        book.remove(key.id)
        return f"revoked {parsed.name}"

    async def revoke(api: "Cluster") -> str | None:
        return await changed(api, parsed.keys_namespace, remove)

    return _answer(revoke, f"there is no key named {parsed.name}")


def _answer(work: Callable[["Cluster"], Awaitable[str | None]], otherwise: str) -> int:
    """Change the keys and print what came of it; without a change print why there was none."""
    from process_operator.kube import errors

    try:
        told = _with_cluster(work)
    except NoNamespace as error:
        return _refuse(str(error))
    except errors.ApiError as error:
        return _refuse(f"the Secret cannot be written: {error}")
    if told is None:
        return _refuse(otherwise)
    print(told)
    return 0


def _list(parsed: argparse.Namespace) -> int:
    from process_operator.kube import errors

    try:
        book, _ = _with_cluster(lambda api: _read(api, parsed.keys_namespace))
    except errors.ApiError as error:
        return _refuse(f"the Secret cannot be read: {error}")
    rows = [("NAME", "ROLE", "NAMESPACES", "CREATED", "EXPIRES")]
    rows += [
        (
            key.name,
            str(key.role),
            ",".join(one.name for one in key.namespaces),
            f"{key.created_at:%Y-%m-%dT%H:%M:%SZ}",
            f"{key.expires_at:%Y-%m-%dT%H:%M:%SZ}" if key.expires_at is not None else "never",
        )
        for key in book.keys
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for fault in book.faults:
        print(f"process-operator keys: {fault}", file=sys.stderr)
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _refuse(why: str) -> int:
    print(f"process-operator keys: {why}", file=sys.stderr)
    return _ERROR


def _with_cluster(work: Callable[["Cluster"], Any]) -> Any:
    import asyncio

    from process_operator.cli import connect
    from process_operator.cluster import client

    async def connected() -> Any:
        async with client.Cluster(connect.connection(connect.credentials())) as api:
            return await work(api)

    return asyncio.run(connected())


async def _read(api: "Cluster", namespace: str) -> "tuple[KeySet, str | None]":
    from process_operator.api.access import keys
    from process_operator.kube import errors

    try:
        found = await api.get("Secret", namespace, keys.SECRET)
    except errors.NotFound:
        return keys.KeySet(), None
    return keys.KeySet(found.get("data") or {}), found["metadata"]["resourceVersion"]


class NoNamespace(Exception):  # noqa: N818 - it is an answer, not a defect
    """A key is asked for a namespace that is not there; the text names it."""


async def bound(api: "Cluster", namespaces: Iterable[str]) -> "list[BoundNamespace]":
    """Return namespaces with the uids that they have now, each once, by name.

    Raises:
        NoNamespace: One of them is not there, so that nothing can be bound to it.
        ApiError: They cannot be read.
    """
    from process_operator.api.access.keys import BoundNamespace
    from process_operator.kube import errors

    found: list[BoundNamespace] = []
    for name in sorted(set(namespaces)):
        try:
            read = await api.get("Namespace", None, name)
        except errors.NotFound:
            raise NoNamespace(f"there is no namespace {name}; create it first") from None
        found.append(BoundNamespace(name, read["metadata"]["uid"]))
    return found


async def changed(
    api: "Cluster", namespace: str, change: Callable[["KeySet"], str | None]
) -> str | None:
    """Change the book of keys at the version that was read, and read again when it has moved."""
    import asyncio

    from process_operator.api.access import keys
    from process_operator.kube import errors

    for attempt in range(_TRIES):
        book, version = await _read(api, namespace)
        told = change(book)
        if told is None:
            return None
        manifest = keys.secret(namespace, book, version)
        try:
            await (api.create(manifest) if version is None else api.replace(manifest))
        except (errors.AlreadyExists, errors.Conflict):
            most = _PAUSE_SECONDS * 2**attempt
            await asyncio.sleep(random.uniform(0, most))  # noqa: S311 - no secret
            continue
        return told
    raise errors.Unavailable("it is being changed by others all the time; try again")

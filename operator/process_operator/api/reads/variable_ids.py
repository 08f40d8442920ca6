"""Ids of variables, which have no uid: made of their first names, and kept when they are renamed.

What has to be kept is a map by the names of today, in an annotation of what holds the variables.
"""

import json
from collections.abc import Mapping

from process_operator.api.access import identity
from process_operator.kube import names

MARK = f"{names.GROUP}/variable-ids"
"""Annotation on what holds variables: the ids that are not made of the names of today, as JSON."""

Ids = Mapping[str, str]


def parsed(mark: str | None) -> Ids:
    """Return what the annotation holds; of an unreadable one nothing."""
    try:
        found = json.loads(mark or "{}")
    except (ValueError, RecursionError):  # anybody may write it, and nest it
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {name: one for name, one in items if isinstance(one, str)}


def text(ids: Ids) -> str | None:
    """Return what the annotation is to hold, None for no annotation."""
    return json.dumps(dict(ids)) if ids else None


def id_of(owner_uid: str, ids: Ids, name: str) -> str:
    """Return the id of a variable.

    One that has the first name of another, which was renamed, has an id of its own.
    """
    if name in ids:
        return ids[name]
    made = identity.variable(owner_uid, name)
    return made if made not in ids.values() else identity.variable(owner_uid, f"{name}=")


def created(owner_uid: str, ids: Ids, name: str) -> Ids:
    """Return the ids after a variable was made."""
    made = id_of(owner_uid, ids, name)
    return ids if made == identity.variable(owner_uid, name) else {**ids, name: made}


def renamed(owner_uid: str, ids: Ids, before: str, after: str) -> Ids:
    """Return the ids after a variable was renamed: whoever knows it by its id still does."""
    kept = id_of(owner_uid, ids, before)
    others = removed(ids, before)
    return others if kept == id_of(owner_uid, others, after) else {**others, after: kept}


def removed(ids: Ids, name: str) -> Ids:
    """Return the ids after a variable was removed."""
    return {key: one for key, one in ids.items() if key != name}

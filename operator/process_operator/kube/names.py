"""Every name, label, annotation and field manager that the operator gives to what it makes.

A child's name says whose it is: `<application>-<key>` whenever the key is made of lower-case
letters and digits only. Any other key is made fit for a DNS label, and since that (and cutting
at a length) could let two processes meet (`Web_1` and `web-1`; application `a-b` with key `c`
and `a` with key `b-c`), such a name ends in a hash of application and key.
"""

import hashlib
import re
from collections.abc import Mapping

GROUP = "process-operator.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

APPLICATION_KIND = "ProcessApplication"
PROCESS_KIND = "Process"
RELEASE_KIND = "ProcessRelease"
RUN_KIND = "ProcessRun"
RESOURCE_TYPE_KIND = "ProcessResourceType"
OWN_KINDS = (RESOURCE_TYPE_KIND, APPLICATION_KIND, PROCESS_KIND, RELEASE_KIND, RUN_KIND)
"""In the order in which they are worth knowing."""

CONTAINER = "process"
"""Name of the one container of a pod that is the process, the same everywhere: `kubectl logs -c`
need not know the type. Others may stand beside it."""

OPERATOR = "process-operator"
"""The operator's name: its field manager, `managed-by` label, Lease and reporting component."""

MANAGED_BY = "app.kubernetes.io/managed-by"
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"

APPLICATION = f"{GROUP}/application"
"""Label, and half of every selector: the application's name. Never changes."""
PROCESS = f"{GROUP}/process"
"""Label, and the other half of every selector: the process key, see `key_label`. Never changes."""
TYPE = f"{GROUP}/type"
"""Label: the type of the process, for `kubectl get -l`; no selector reads it."""
RELEASE = f"{GROUP}/release"
"""Label on children, not on pods: number of the release that last changed the child."""
DESIRED_HASH = f"{GROUP}/intent"
"""Annotation on children: hash of the whole intent that was last applied."""
PROJECT = f"{GROUP}/project"
"""Label on namespaces that the REST API has made."""
RESTART = f"{GROUP}/restart"
"""Annotation on pods: number of the newest release in their line that asked for a restart."""

REQUESTED_BY = f"{GROUP}/requested-by"
"""Annotation on runs: who asked for it, where that is more than the program that made it."""

REQUESTED_AT = f"{GROUP}/requested-at"
"""Annotation on what was asked for through the REST API: when, to the microsecond, by its clock.

It tells the order of what the API server made in the same second.
"""

CHANGED_AT = f"{GROUP}/changed-at"
"""Annotation on what the REST API has written: when it did last, to the microsecond, by its clock.

The API server tells seconds; of two changes within one nobody could say which was the later.
"""

TAKEN_UP = f"{GROUP}/taken-up"
"""Annotation on applications, and on releases and runs that others made: the uid that the object
had when the operator began to act on it. On one of another uid it says that this is a copy."""

NO_BACKUP = {"velero.io/exclude-from-backup": "true"}
"""Label of what must not come back from a backup: a restored Job would run once more."""

SELECTOR = f"{MANAGED_BY}={OPERATOR}"
"""Label selector that every watch of children uses."""

MAX_NAME = 63
MAX_CRON_JOB_NAME = 52
"""A CronJob's name leaves 11 characters for the time that its Jobs' names end in."""

_PLAIN_KEY = re.compile(r"[a-z0-9]+")
_HASH_LENGTH = 8


def digest(*parts: str) -> str:
    """Return a short hash of the parts that keeps ("a-b", "c") and ("a", "b-c") apart."""
    text = "\0".join(parts).encode()
    return hashlib.blake2b(text, digest_size=_HASH_LENGTH // 2).hexdigest()


def child(application: str, key: str, limit: int = MAX_NAME) -> str:
    """Return the name of a process's children, a DNS label of at most `limit` characters."""
    name = f"{application}-{key}"
    if _PLAIN_KEY.fullmatch(key) and len(name) <= limit:
        return name
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower())[: limit - _HASH_LENGTH - 1].rstrip("-")
    return f"{readable}-{digest(application, key)}"


def cron_job(application: str, key: str) -> str:
    """Return the name of a cron process's CronJob."""
    return child(application, key, MAX_CRON_JOB_NAME)


def job(application: str, key: str, owner_uid: str) -> str:
    """Return the name of the one Job that a release, or a run, makes of a process."""
    cut = f"{application}-{key}".lower()[: MAX_NAME - _HASH_LENGTH - 1]
    readable = re.sub(r"[^a-z0-9]+", "-", cut).strip("-")
    return f"{readable}-{digest(application, key, owner_uid)}"


def release(application: str, number: int) -> str:
    """Return the name of a release that the operator makes."""
    return f"{application}-{number}"


def key_label(key: str) -> str:
    """Return the label value for a process key: the key itself, or cut with a hash at 63."""
    if len(key) <= MAX_NAME:
        return key
    return f"{key[: MAX_NAME - _HASH_LENGTH - 1].rstrip('-_')}-{digest(key)}"


def selector(application: str, key: str) -> dict[str, str]:
    """Return the two labels that select a process's pods; they never change."""
    return {APPLICATION: application, PROCESS: key_label(key)}


def selecting(wanted: Mapping[str, str]) -> str:
    """Return the text of a selector of all these labels."""
    return ",".join(f"{name}={value}" for name, value in wanted.items())


def labels(application: str, key: str, process_type: str) -> dict[str, str]:
    """Return the labels of a process's children and pods."""
    return {
        NAME: key_label(key),
        INSTANCE: child(application, key),
        COMPONENT: process_type,
        PART_OF: application,
        MANAGED_BY: OPERATOR,
        TYPE: process_type,
        **selector(application, key),
    }

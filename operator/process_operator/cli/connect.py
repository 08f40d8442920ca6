"""Which cluster a command speaks to, and as whom: found as kubectl and every pod find it.

The kubeconfigs of managed clusters hold no credentials but name who gives them: a program, a
provider, a file. The official client knows how to ask each of them, where it is installed; the
operator's image is without it, and has its service account.
"""

import dataclasses
import importlib.util
import logging
import os

import kopf
import yaml

from process_operator.cluster import connection as cluster_connection
from process_operator.cluster.connection import Connection
from process_operator.controller import handlers

_UNUSABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError),
    *(yaml.YAMLError, kopf.LoginError),
)
"""What reading a kubeconfig ends with that is missing, no YAML, or not of a kubeconfig's form."""


class _CredentialsError(ValueError):
    """What the credentials are read from cannot be used; says why, and what to do."""


def credentials() -> kopf.ConnectionInfo:
    """Return what Kopf's login finds: the pod's service account, or else a kubeconfig."""
    try:
        found = _login()
    except _CredentialsError as error:
        raise SystemExit(str(error)) from error
    if found is None:
        raise SystemExit(
            "there is no cluster to connect to: set KUBECONFIG to a kubeconfig, or run in a pod"
        )
    return found


def connection(found: kopf.ConnectionInfo) -> Connection:
    """Return the connection that these credentials are for."""
    try:
        made = _connection(found)
    except _CredentialsError as error:
        raise SystemExit(str(error)) from error
    return dataclasses.replace(made, again=_again)


def _again() -> Connection:
    found = _login()
    if found is None:
        raise _CredentialsError(
            "the credentials of the start are gone: put new ones in their place"
        )
    return _connection(found)


def _login() -> kopf.ConnectionInfo | None:
    made = handlers.settings()
    logger = logging.getLogger("kopf.login")
    try:
        found = kopf.login_with_service_account(settings=made, logger=logger)
        if found is not None:
            return found
        found = kopf.login_with_kubeconfig(settings=made, logger=logger)
        return None if found is None else _with_credentials(found)
    except _UNUSABLE as error:
        raise _unusable(error) from error


def _with_credentials(found: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
    """Return what a kubeconfig says, with what the one gives whom it names for that."""
    has_client = importlib.util.find_spec("kubernetes") is not None
    given = _asked_for(found) if has_client else found
    # Whoever has TLS wants to know whom it speaks to; a proxy on this machine does not.
    is_open = not given.server.startswith("https:")
    if is_open or given.token or given.certificate_path or given.certificate_data:
        return given
    raise ValueError(_NOT_GIVEN if has_client else _NO_CLIENT)


def _asked_for(found: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
    """Let the official client ask whoever gives the credentials."""
    from kubernetes import client, config

    made = client.Configuration()
    try:
        # By its name: the client looks for it once, when it is imported.
        config.load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=made)
    except config.ConfigException as error:
        raise ValueError(str(error)) from error
    header = made.get_api_key_with_prefix("BearerToken") or made.get_api_key_with_prefix(
        "authorization"
    )
    return dataclasses.replace(
        found,
        token=header.split()[-1] if header else None,
        ca_path=made.ssl_ca_cert,
        ca_data=None,
        certificate_path=made.cert_file,
        certificate_data=None,
        private_key_path=made.key_file,
        private_key_data=None,
    )


_NO_CLIENT = (
    "its user has neither a token nor a certificate there; where a program, a provider or a file "
    "gives them, install process-operator[cli]"
)
_NOT_GIVEN = (
    "its user has neither a token nor a certificate, and none was given by the program, provider "
    "or file that it names"
)


def _connection(found: kopf.ConnectionInfo) -> Connection:
    try:
        return cluster_connection.connection(
            server=found.server,
            ca_path=str(found.ca_path) if found.ca_path else None,
            ca_data=found.ca_data,
            certificate_path=str(found.certificate_path) if found.certificate_path else None,
            certificate_data=found.certificate_data,
            private_key_path=str(found.private_key_path) if found.private_key_path else None,
            private_key_data=found.private_key_data,
            token=found.token,
            insecure=bool(found.insecure),
        )
    except (OSError, ValueError) as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> _CredentialsError:
    match error:
        case yaml.YAMLError():
            # Not what stands there: it may be a secret.
            mark = getattr(error, "problem_mark", None)
            said = "it is not YAML" + (f" in line {mark.line + 1}" if mark is not None else "")
        case OSError() | ValueError() | kopf.LoginError():
            said = str(error)
        case _:
            said = f"it has not the form of a kubeconfig, {type(error).__name__}: {error}"
    return _CredentialsError(
        f"the kubeconfig {os.environ.get('KUBECONFIG') or '~/.kube/config'} cannot be used "
        f"({said}): correct it, or set KUBECONFIG to another one"
    )

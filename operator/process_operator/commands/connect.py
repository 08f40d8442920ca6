"""Which cluster a command speaks to, and as whom: found as kubectl and every pod find it."""

import logging
from pathlib import Path

import kopf

from process_operator import cluster, handlers

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def credentials() -> kopf.ConnectionInfo:
    """Return what Kopf's login finds: the pod's service account, or else a kubeconfig."""
    made = handlers.settings()
    logger = logging.getLogger("kopf.login")
    for login in (kopf.login_with_service_account, kopf.login_with_kubeconfig):
        found = login(settings=made, logger=logger)
        if found is not None:
            return found
    raise SystemExit(
        "there is no cluster to connect to: set KUBECONFIG to a kubeconfig, or run in a pod"
    )


def connection(found: kopf.ConnectionInfo) -> cluster.Connection:
    """Return the connection that these credentials are for."""
    token_file = SERVICE_ACCOUNT / "token"
    return cluster.connection(
        server=found.server,
        ca_path=str(found.ca_path) if found.ca_path else None,
        ca_data=found.ca_data,
        certificate_path=str(found.certificate_path) if found.certificate_path else None,
        certificate_data=found.certificate_data,
        private_key_path=str(found.private_key_path) if found.private_key_path else None,
        private_key_data=found.private_key_data,
        token=found.token,
        token_file=token_file if token_file.exists() else None,
        insecure=bool(found.insecure),
    )

"""How tests reach the API server with the operator's own client."""

from pathlib import Path
from typing import Any

import yaml

from process_operator.cluster import connection as cluster_connection
from process_operator.cluster.connection import Connection


def connection(kubeconfig: Path) -> Connection:
    """Return the connection of a kubeconfig's current context."""
    config = yaml.safe_load(kubeconfig.read_text())

    def named(kind: str, name: str) -> dict[str, Any]:
        return next(one[kind] for one in config[f"{kind}s"] if one["name"] == name)

    context = named("context", config["current-context"])
    server, user = named("cluster", context["cluster"]), named("user", context["user"])
    return cluster_connection.connection(
        server=server["server"],
        ca_path=server.get("certificate-authority"),
        ca_data=server.get("certificate-authority-data"),
        insecure=bool(server.get("insecure-skip-tls-verify")),
        certificate_path=user.get("client-certificate"),
        certificate_data=user.get("client-certificate-data"),
        private_key_path=user.get("client-key"),
        private_key_data=user.get("client-key-data"),
        token=user.get("token"),
    )

"""Kubeconfigs for people, components and ServiceAccounts, and the few calls made with them."""

import base64
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from local_cluster import certificates, errors
from local_cluster.model import Cluster

NAME = "process-operator-local"
TOKEN_SECONDS = 7 * 24 * 3600


def write_with_certificate(
    path: Path, *, server: str, store: certificates.Store, client: str
) -> None:
    """Write a kubeconfig that signs in with one of the cluster's client certificates."""
    user = {
        "client-certificate-data": encoded(store.certificate(client)),
        "client-key-data": encoded(store.key(client)),
    }
    write(path, server=server, authority=store.certificate("ca").read_bytes(), user=user)


def write(
    path: Path, *, server: str, authority: bytes, user: Mapping[str, Any], namespace: str = ""
) -> None:
    """Write a kubeconfig with one context, readable by its owner only."""
    context = {"cluster": NAME, "user": NAME}
    if namespace:
        context["namespace"] = namespace
    trust = {"certificate-authority-data": base64.b64encode(authority).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": server, **(trust if authority else {})}}],
        "users": [{"name": NAME, "user": dict(user)}],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        yaml.safe_dump(document, handle, sort_keys=False)
    temporary.replace(path)


def service_account_kubeconfig(
    cluster: Cluster, namespace: str, name: str, path: Path, *, seconds: int = TOKEN_SECONDS
) -> Path:
    """Write a kubeconfig that signs in as a ServiceAccount, by a token of the TokenRequest API."""
    token = service_account_token(cluster, namespace, name, seconds=seconds)
    server, authority = endpoint(cluster)
    write(path, server=server, authority=authority, user={"token": token}, namespace=namespace)
    return path


def service_account_token(
    cluster: Cluster, namespace: str, name: str, *, seconds: int = TOKEN_SECONDS
) -> str:
    """Return a token of a ServiceAccount, bound to the API server's own audience."""
    return kubectl(
        cluster, ["create", "token", name, "--namespace", namespace, f"--duration={seconds}s"]
    ).strip()


def endpoint(cluster: Cluster) -> tuple[str, bytes]:
    """Return the API server's address and the certificate authority that vouches for it."""
    view = json.loads(
        kubectl(cluster, ["config", "view", "--minify", "--flatten", "--raw", "--output=json"])
    )
    settings = view["clusters"][0]["cluster"]
    return settings["server"], base64.b64decode(settings.get("certificate-authority-data", ""))


def apply(cluster: Cluster, objects: Sequence[Mapping[str, Any]]) -> None:
    """Apply objects as the administrator."""
    documents = yaml.safe_dump_all(objects, sort_keys=False)
    kubectl(
        cluster,
        ["apply", "--server-side", "--force-conflicts", "--field-manager=local-cluster", "-f", "-"],
        stdin=documents,
    )


def kubectl(cluster: Cluster, arguments: Sequence[str], *, stdin: str = "") -> str:
    """Run kubectl as the administrator and return what it printed."""
    result = subprocess.run(
        [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise errors.ClusterError(
            f"kubectl {' '.join(arguments[:4])} failed: {result.stderr.strip()}"
        )
    return result.stdout


def answers(url: str, authority: Path | None = None) -> bool:
    """Tell whether a GET of the address answers with success (TLS is verified)."""
    context = ssl.create_default_context(cafile=str(authority)) if authority else None
    handlers = [urllib.request.ProxyHandler({})]
    if context is not None:
        handlers.append(urllib.request.HTTPSHandler(context=context))  # type: ignore[arg-type]
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def encoded(path: Path) -> str:
    """Return a file's content as kubeconfigs and webhooks hold it."""
    return base64.b64encode(path.read_bytes()).decode()

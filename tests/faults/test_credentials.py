"""Credentials that are exchanged, run out or are revoked while the operator uses them."""

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import local_cluster
import operate
import running
from local_cluster import kubeconfigs
from process_operator.kube import names
from userside import Namespace, application, process

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "build" / "cluster-faults" / "credentials"
USER = f"system:serviceaccount:{operate.NAMESPACE}:{names.OPERATOR}"
SHORT_SECONDS = 25
NEW = "took up new credentials"


@dataclass(frozen=True, slots=True)
class Place:
    cluster: local_cluster.Cluster
    here: Namespace
    operator: running.Operator
    kubeconfig: Path

    def logged(self, words: str) -> int:
        return self.operator.log.read_text().count(words)

    def use(self, **user: str) -> None:
        """Let the operator's kubeconfig have these credentials."""
        server, authority = kubeconfigs.endpoint(self.cluster)
        kubeconfigs.write(self.kubeconfig, server=server, authority=authority, user=user)

    def is_leading_again(self) -> bool:
        return self.operator.readiness()[0] == 200 and self.logged("won the lead") == 2


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    directory = DIRECTORY / request.node.name[:20]
    try:
        cluster = local_cluster.up("kwok", directory)
        kubeconfig = operate.install(cluster)
        log = directory / "logs" / "operator.log"
        log.unlink(missing_ok=True)
        operator = running.Operator(kubeconfig, log)
        kubectl = running.kubectl(cluster.kubectl, cluster.kubeconfig)
        here = Namespace(kubectl, f"credentials-{uuid.uuid4().hex[:8]}")
        kubectl("create", "namespace", here.name)
        try:
            yield Place(cluster, here, operator, kubeconfig)
        finally:
            operator.kill()
    finally:
        local_cluster.down(directory)


def certify(directory: Path, *, seconds: int) -> dict[str, str]:
    """Write a client certificate of the operator's user; return what a kubeconfig says of it."""
    store = directory / "certificates"
    signer = x509.load_pem_x509_certificate((store / "ca.crt").read_bytes())
    signing = serialization.load_pem_private_key((store / "ca.key").read_bytes(), password=None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(tz=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, USER)]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(seconds=seconds))
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "operator.key").write_bytes(private)
    (directory / "operator.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return {
        "client-certificate": str(directory / "operator.crt"),
        "client-key": str(directory / "operator.key"),
    }


@pytest.mark.fault("F8")
def test_a_client_certificate_that_runs_out_has_been_exchanged_before(place: Place) -> None:
    place.use(**certify(place.cluster.directory, seconds=SHORT_SECONDS))
    began = time.monotonic()
    place.operator.start()
    certify(place.cluster.directory, seconds=3600)
    time.sleep(max(0.0, began + SHORT_SECONDS + 1 - time.monotonic()))
    place.here.release(application(), process("web", "web"))
    assert place.operator.readiness()[0] == 200
    assert place.logged(NEW) == 1
    assert place.logged("won the lead") == 1
    assert not place.operator.has_ended


@pytest.mark.fault("F8")
def test_a_token_that_was_revoked_is_told_and_the_next_one_taken_up(place: Place) -> None:
    def token(bound_to: str) -> str:
        secret = ("-n", operate.NAMESPACE, "create", "secret", "generic", bound_to)
        kubeconfigs.kubectl(place.cluster, secret)
        ask = ("-n", operate.NAMESPACE, "create", "token", names.OPERATOR)
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={bound_to}")
        return kubeconfigs.kubectl(place.cluster, [*ask, *bound]).strip()

    place.use(token=token("first"))
    place.operator.start()
    place.here.release(application(), process("web", "web"))
    kubeconfigs.kubectl(
        place.cluster, ["-n", operate.NAMESPACE, "delete", "secret", "first", "--wait"]
    )
    running.until(
        lambda: "the credentials are refused" in place.operator.readiness()[1], seconds=60
    )
    assert place.operator.probe("healthz")[0] == 200
    lines = len(place.operator.log.read_text().splitlines())
    time.sleep(5)
    assert len(place.operator.log.read_text().splitlines()) - lines < 20

    place.use(token=token("second"))
    running.until(place.is_leading_again, seconds=30)
    place.here.apply(process("worker", "worker"))
    place.here.wait_reason("pproc/worker", "AwaitingRelease")
    assert place.logged(NEW) == 1
    assert not place.operator.has_ended

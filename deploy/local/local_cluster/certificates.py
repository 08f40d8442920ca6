"""The cluster's own certificate authorities and everything they sign."""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=365)
CLIENTS = {
    # file name: (user, group)
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kube-apiserver-kubelet-client": ("kube-apiserver-kubelet-client", ""),
    "coredns": ("coredns", ""),
    "metrics-server": ("metrics-server", ""),
    "kwok": ("kwok", "system:masters"),
}


class Store:
    """A directory of keys and certificates; what is there is kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def certificate(self, name: str) -> Path:
        """Where the certificate of that name is."""
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Where the private key of that name is."""
        return self.directory / f"{name}.key"

    def ensure(self, *, addresses: Sequence[str], node: str) -> None:
        """Make what is missing: authorities, the servers' and the clients' certificates."""
        self._authority("ca")
        self._authority("front-proxy-ca")
        self._service_account_key()
        names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ]
        self._server("kube-apiserver", names=names, addresses=addresses)
        self._server("kubelet", names=[node], addresses=addresses)
        self._server(
            "metrics-server",
            names=["metrics-server.kube-system.svc"],
            addresses=addresses,
            file="metrics-server-serving",
        )
        for name, (user, group) in CLIENTS.items():
            self._client(name, user=user, group=group)
        self._client("node", user=f"system:node:{node}", group="system:nodes")
        self._client("front-proxy-client", user="front-proxy-client", authority="front-proxy-ca")

    def ensure_server(self, name: str, *, addresses: Sequence[str]) -> None:
        """Make what a server beside the cluster needs: an authority, and its own certificate."""
        self._authority("ca")
        self._server(name, names=[], addresses=addresses)

    def _authority(self, name: str) -> None:
        if self.certificate(name).exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"local-cluster-{name}", "")
        builder = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        self._write(name, key, builder.sign(key, hashes.SHA256()))

    def _server(
        self, user: str, *, names: Sequence[str], addresses: Sequence[str], file: str = ""
    ) -> None:
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(item)) for item in addresses]
        self._signed(
            file or user,
            subject=_name(user, ""),
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            alternatives=alternatives,
        )

    def _client(self, name: str, *, user: str, group: str = "", authority: str = "ca") -> None:
        self._signed(
            name,
            subject=_name(user, group),
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            authority=authority,
        )

    def _signed(
        self,
        name: str,
        *,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        alternatives: Sequence[x509.GeneralName] = (),
        authority: str = "ca",
    ) -> None:
        if self.certificate(name).exists():
            return
        signer = x509.load_pem_x509_certificate(self.certificate(authority).read_bytes())
        signing_key = serialization.load_pem_private_key(
            self.key(authority).read_bytes(), password=None
        )
        if not isinstance(signing_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key(authority)} is no elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, signer.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        self._write(name, key, builder.sign(signing_key, hashes.SHA256()))

    def _service_account_key(self) -> None:
        """The key pair that signs ServiceAccount tokens."""
        public = self.directory / "service-account.pub"
        if public.exists():
            return
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write_private(self.key("service-account"), _private_pem(key))
        public.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def _write(
        self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        """Write the certificate last: it is what says that the pair is complete."""
        _write_private(self.key(name), _private_pem(key))
        self.certificate(name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _name(user: str, group: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(tz=dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)

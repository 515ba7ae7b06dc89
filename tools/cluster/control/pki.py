"""The cluster's certificates: one authority, a certificate a role."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Backdated, since the clocks of a machine and its containers may differ.
LEEWAY = timedelta(hours=1)
LIFETIME = timedelta(days=3650)

# Python verifies as strictly as RFC 5280 asks since 3.13, hence this and the key identifiers.
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def exists(self) -> bool:
        return self.certificate.exists() and self.key.exists()


@dataclass(frozen=True, slots=True)
class Authority:
    """Issues certificates into one folder. What is there and still fits is kept."""

    folder: Path

    @property
    def pair(self) -> Pair:
        return self._pair("ca")

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def create(self) -> None:
        """Make the authority unless it is there."""
        if self.pair.exists:
            return
        key = _new_key()
        name = _name("simjob-test-cluster", None)
        builder = _builder(name, name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
        _write(self.pair, builder.sign(key, hashes.SHA256()), key)

    def client(self, role: str, common_name: str, group: str | None = None) -> Pair:
        """Issue a certificate that Kubernetes reads as the user `common_name` in `group`."""
        return self._issue(role, _name(common_name, group), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(self, role: str, names: Iterable[str]) -> Pair:
        """Issue a certificate for a server known by these host names and addresses."""
        return self._issue(role, _name(role, None), ExtendedKeyUsageOID.SERVER_AUTH, tuple(names))

    def signing_key(self, role: str) -> tuple[Path, Path]:
        """Make a bare key pair; return the files of the private and of the public key."""
        private, public = self.folder / f"{role}.key", self.folder / f"{role}.pub"
        if not (private.exists() and public.exists()):
            key = _new_key()
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
            _write_key(private, key)
        return private, public

    def _issue(self, role: str, subject: x509.Name, usage: x509.ObjectIdentifier, names: tuple[str, ...]) -> Pair:
        pair = self._pair(role)
        if pair.exists and _names_of(pair.certificate) == list(names):
            return pair
        key = _new_key()
        authority = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        builder = _builder(subject, authority.subject, key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(_load_key(self.pair.key).public_key())
        builder = builder.add_extension(issuer, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        _write(pair, builder.sign(_load_key(self.pair.key), hashes.SHA256()), key)
        return pair

    def _pair(self, role: str) -> Pair:
        return Pair(self.folder / f"{role}.crt", self.folder / f"{role}.key")


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str, group: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if group is not None:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: Path) -> list[str]:
    extensions = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions
    try:
        alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in alternatives]


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    # In this order an interruption leaves no pair that doesn't match.
    pair.certificate.unlink(missing_ok=True)
    _write_key(pair.key, key)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            # Kubernetes reads the key of service accounts in this form only.
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no key of ours")
    return key

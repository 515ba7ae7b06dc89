"""The cluster's certificates, made by trustme: one authority, and one certificate per role."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509


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
    """Issue certificates into one folder. Existing ones that still fit are kept."""

    folder: Path

    @property
    def pair(self) -> Pair:
        return self._pair("ca")

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def create(self) -> None:
        """Create the authority unless it exists."""
        if not self.pair.exists:
            authority = trustme.CA()
            _write(self.pair, authority.cert_pem.bytes(), authority.private_key_pem.bytes())

    def client(self, role: str, common_name: str, group: str | None = None) -> Pair:
        """Issue a certificate that Kubernetes reads as the user `common_name` in `group`."""
        # Go rejects a certificate whose subject alternative names are critical and empty, so name the role.
        return self._issue(role, (role,), common_name, group)

    def server(self, role: str, names: Iterable[str]) -> Pair:
        """Issue a certificate for a server with these host names and addresses."""
        return self._issue(role, tuple(names), role, None)

    def signing_key(self, role: str) -> Path:
        """Create a private key to sign tokens with, and return its file. The API server also verifies with it."""
        path = self._pair(role).key
        if not path.exists():
            _write_key(path, trustme.CA().private_key_pem.bytes())
        return path

    def _issue(self, role: str, names: tuple[str, ...], common_name: str, group: str | None) -> Pair:
        pair = self._pair(role)
        if pair.exists and _names_of(pair.certificate) == list(names):
            return pair
        authority = trustme.CA.from_pem(self.certificate.read_bytes(), self.pair.key.read_bytes())
        issued = authority.issue_cert(*names, common_name=common_name, organization_name=group)
        _write(pair, issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
        return pair

    def _pair(self, role: str) -> Pair:
        return Pair(self.folder / f"{role}.crt", self.folder / f"{role}.key")


def _names_of(certificate: Path) -> list[str]:
    extensions = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions
    try:
        alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in alternatives]


def _write(pair: Pair, certificate: bytes, key: bytes) -> None:
    # In this order an interruption leaves no certificate without its key.
    pair.certificate.unlink(missing_ok=True)
    _write_key(pair.key, key)
    pair.certificate.write_bytes(certificate)


def _write_key(path: Path, key: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key)

"""What does `tls_server_config` say, and can a connection be made with it?

The names are those of Go's crypto/tls, because that is what the format's users write; what the `ssl` module cannot do
is refused with the reason, rather than left out in silence.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from brimwatch.config.faults import among
from brimwatch.config.nodes import Node
from brimwatch.web.pem import Shelf
from brimwatch.web.tls import Allowed

_KEYS = (
    "cert", "key", "client_ca", "cert_file", "key_file", "client_auth_type", "client_ca_file", "client_allowed_sans",
    "min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences",
)  # fmt: skip
_POLICIES: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_BROKEN = ("TLS10", "TLS11")
_CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519",
}  # fmt: skip
# Go's names of the suites that it holds for safe, and OpenSSL's. Source: https://pkg.go.dev/crypto/tls#CipherSuites
_CIPHERS: Mapping[str, str] = {
    f"TLS_ECDHE_{who}_WITH_{go}": f"ECDHE-{who}-{here}"
    for who in ("RSA", "ECDSA")
    for go, here in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
}
_FIXED = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")  # of TLS 1.3


class _Encrypted(Exception):  # noqa: N818 - says what the key is
    """The key asks for a passphrase, and nobody is there to type one."""


def read_tls(node: Node, shelf: Shelf) -> ssl.SSLContext | None:
    """A context for the server, or None where nothing is configured or a fault was added."""
    fields = {key: one for key, one in (node.mapping(_KEYS) or {}).items() if not one.is_null}
    if not fields:
        return None
    faults = len(node.faults)
    certificate = shelf.pick(fields, "cert", "cert_file", secret=False)
    key = shelf.pick(fields, "key", "key_file", secret=True)
    for name in ("cert", "key"):
        if name not in fields and f"{name}_file" not in fields:
            node.fault(f"no {name}_file", f"{name}_file, or {name} with the PEM itself", "TLS needs both")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _set_versions(context, fields)
    _set_ciphers(context, fields)
    _set_curve(context, fields)
    _set_clients(context, fields, shelf)
    if certificate is not None and key is not None:
        _set_chain(context, certificate, key)
    return context if len(node.faults) == faults else None


def _set_chain(context: ssl.SSLContext, certificate: tuple[Node, bytes], key: tuple[Node, bytes]) -> None:
    def no_passphrase() -> str:
        raise _Encrypted

    held: list[int] = []
    try:
        held.extend(_in_memory(one[1]) for one in (certificate, key))
        first, second = (f"/proc/self/fd/{one}" for one in held)
        context.load_cert_chain(first, second, password=no_passphrase)
    except _Encrypted:
        key[0].fault("a key with a passphrase", "one without", "nobody is there to type it")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            key[0].fault("a key of another certificate", "the one that belongs to the certificate")
        else:
            certificate[0].fault(
                "a certificate or key that does not load", "both in PEM", error.reason or "OpenSSL cannot read it"
            )
    except OSError as error:
        certificate[0].fault("a certificate that cannot be loaded", "memory to hold it", str(error.strerror))
    finally:
        for one in held:
            os.close(one)


def _in_memory(content: bytes) -> int:
    """A descriptor of what was read: `ssl` loads files only, and a key belongs on no disk a second time."""
    descriptor = os.memfd_create("brimwatch-pem", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    return descriptor


def _set_versions(context: ssl.SSLContext, fields: dict[str, Node]) -> None:
    context.minimum_version = _version(fields, "min_version") or ssl.TLSVersion.TLSv1_2
    context.maximum_version = _version(fields, "max_version") or ssl.TLSVersion.TLSv1_3
    if context.maximum_version < context.minimum_version:
        fields["max_version"].fault(fields["max_version"].shown, "min_version or later", "no version is left")


def _version(fields: dict[str, Node], key: str) -> ssl.TLSVersion | None:
    if key not in fields:
        return None
    node = fields[key]
    if node.written in _BROKEN:
        node.fault(node.shown, among(tuple(_VERSIONS)), "what came before TLS 1.2 is broken, and OpenSSL has it off")
        return None
    name = node.choice(tuple(_VERSIONS))
    return None if name is None else _VERSIONS[name]


def _set_ciphers(context: ssl.SSLContext, fields: dict[str, Node]) -> None:
    first = fields["prefer_server_cipher_suites"].flag() if "prefer_server_cipher_suites" in fields else True
    if first:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    items = (fields["cipher_suites"].items() or []) if "cipher_suites" in fields else []
    named = [item.choice((*_CIPHERS, *_FIXED)) for item in items]
    chosen = [_CIPHERS[name] for name in named if name is not None and name in _CIPHERS]
    if chosen:
        context.set_ciphers(":".join(chosen))
    elif named and None not in named:
        wanted = "a suite of TLS 1.2 as well, or `min_version: TLS13`"
        fields["cipher_suites"].fault("suites of TLS 1.3 only", wanted, "those are all on and cannot be chosen among")


def _set_curve(context: ssl.SSLContext, fields: dict[str, Node]) -> None:
    items = (fields["curve_preferences"].items() or []) if "curve_preferences" in fields else []
    if len(items) > 1:
        wanted = "one curve, or none for the usual ones"
        fields["curve_preferences"].fault(f"{len(items)} curves", wanted, "Python's ssl module takes a single one")
        return
    for item in items:
        name = item.choice(tuple(_CURVES))
        if name is not None:
            try:
                context.set_ecdh_curve(_CURVES[name])
            except (ValueError, ssl.SSLError):
                item.fault(item.shown, "a curve that this OpenSSL has")


def _set_clients(context: ssl.SSLContext, fields: dict[str, Node], shelf: Shelf) -> None:
    mode = _policy(fields)
    authority = shelf.pick(fields, "client_ca", "client_ca_file", secret=False)
    named = fields.get("client_ca_file") or fields.get("client_ca")
    if mode is ssl.CERT_NONE and named is not None:
        named.fault("an authority for clients without client_auth_type", "RequireAndVerifyClientCert with it")
    elif mode in (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED) and named is None:
        why = "else any certificate of a public authority would do"
        fields["client_auth_type"].fault(f"{fields['client_auth_type'].written} alone", "client_ca_file with it", why)
    if authority is not None:
        try:
            context.load_verify_locations(cadata=authority[1].decode("ascii", "ignore"))
        except ssl.SSLError as error:
            authority[0].fault("a certificate that does not load", "PEM", error.reason or "OpenSSL cannot read it")
    if mode is not None:
        context.verify_mode = mode
    if "client_allowed_sans" in fields:
        _set_names(context, fields["client_allowed_sans"], mode)


def _policy(fields: dict[str, Node]) -> ssl.VerifyMode | None:
    if "client_auth_type" not in fields:
        return ssl.CERT_NONE
    node = fields["client_auth_type"]
    if node.written in _UNVERIFIED:
        node.fault(node.shown, among(tuple(_POLICIES)), "a certificate that nobody verifies proves nothing")
        return None
    name = node.choice(tuple(_POLICIES))
    return None if name is None else _POLICIES[name]


def _set_names(context: ssl.SSLContext, node: Node, mode: ssl.VerifyMode | None) -> None:
    names = [item.text() for item in node.items() or []]
    if mode is not ssl.CERT_REQUIRED and mode is not None:
        wanted = "client_auth_type: RequireAndVerifyClientCert with it"
        node.fault("client_allowed_sans alone", wanted, "a client without a certificate has no name to compare")
    context.sslobject_class = Allowed.among(frozenset(name for name in names if name is not None))

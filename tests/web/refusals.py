"""What of a web configuration is refused, and with which words: a text of one fault, and the fault."""

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
SECTION = "1: tls_server_config"
CASES = {
    "no key": (
        "tls_server_config: {cert_file: server.crt}",
        f"{SECTION}: found no key_file, wanted key_file, or key with the PEM itself; TLS needs both",
    ),
    "a key of another certificate": (
        "tls_server_config: {cert_file: server.crt, key_file: other.key}",
        f"{SECTION}.key_file: found a key of another certificate, wanted the one that belongs to the certificate",
    ),
    "a key with a passphrase": (
        "tls_server_config: {cert_file: server.crt, key_file: server.locked}",
        f"{SECTION}.key_file: found a key with a passphrase, wanted one without; nobody is there to type it",
    ),
    "a certificate where the key belongs": (
        "tls_server_config: {cert_file: server.crt, key_file: server.crt}",
        f"{SECTION}.key_file: found nothing that is a private key in PEM, wanted -----BEGIN PRIVATE KEY-----",
    ),
    "no such file": (
        "tls_server_config: {cert_file: gone.crt, key_file: server.key}",
        (
            f"{SECTION}.cert_file: found 'gone.crt', which cannot be opened, wanted a readable file;"
            " No such file or directory"
        ),
    ),
    "a folder": (
        "tls_server_config: {cert_file: ., key_file: server.key}",
        f"{SECTION}.cert_file: found '.', wanted a regular file of at most 1 MiB",
    ),
    "a certificate that is none inside": (
        'tls_server_config: {cert: "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----", key_file: other.key}',
        f"{SECTION}.cert: found a certificate or key that does not load, wanted both in PEM; OpenSSL cannot read it",
    ),
    "both ways": (
        "tls_server_config: {cert: x, cert_file: server.crt, key_file: server.key}",
        f"{SECTION}.cert: found cert beside cert_file, wanted one of them; which of the two counts could not be told",
    ),
    "unverified clients": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAnyClientCert}",
        (
            f"{SECTION}.client_auth_type: found 'RequireAnyClientCert', wanted one of NoClientCert,"
            " VerifyClientCertIfGiven,"
            " RequireAndVerifyClientCert; a certificate that nobody verifies proves nothing"
        ),
    ),
    "clients without an authority": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: VerifyClientCertIfGiven}",
        (
            f"{SECTION}.client_auth_type: found VerifyClientCertIfGiven alone, wanted client_ca_file with it;"
            " else any certificate of a public authority would do"
        ),
    ),
    "an authority without clients": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt}",
        (
            f"{SECTION}.client_ca_file: found an authority for clients without client_auth_type,"
            " wanted RequireAndVerifyClientCert with it"
        ),
    ),
    "names without certificates": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_allowed_sans: [a.example]}",
        (
            f"{SECTION}.client_allowed_sans: found client_allowed_sans alone, wanted client_auth_type:"
            " RequireAndVerifyClientCert with it; a client without a certificate has no name to compare"
        ),
    ),
    "an old version": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: TLS10}",
        (
            f"{SECTION}.min_version: found 'TLS10', wanted one of TLS12, TLS13;"
            " what came before TLS 1.2 is broken, and OpenSSL has it off"
        ),
    ),
    "versions the wrong way round": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: TLS13, max_version: TLS12}",
        f"{SECTION}.max_version: found 'TLS12', wanted min_version or later; no version is left",
    ),
    "suites that cannot be chosen": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, cipher_suites: [TLS_AES_128_GCM_SHA256]}",
        (
            f"{SECTION}.cipher_suites: found suites of TLS 1.3 only, wanted a suite of TLS 1.2 as well, or"
            " `min_version: TLS13`; those are all on and cannot be chosen among"
        ),
    ),
    "two curves": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, curve_preferences: [X25519, CurveP256]}",
        (
            f"{SECTION}.curve_preferences: found 2 curves, wanted one curve, or none for the usual ones;"
            " Python's ssl module takes a single one"
        ),
    ),
    "a password in the place of a hash": (
        "basic_auth_users: {alice: hunter2}",
        (
            "1: basic_auth_users.alice: found no bcrypt hash, wanted one such as `htpasswd -nBC 10 NAME`"
            " prints, in single"
            " quotes: '$2y$10$...'; a password is never kept as it is"
        ),
    ),
    "a user with a colon": (
        f"basic_auth_users: {{'a:b': '{HASH}'}}",
        (
            "1: basic_auth_users.'a:b': found a name that basic auth cannot send, wanted a name of 1 to 256 characters"
            " without a colon; a colon ends the name there"
        ),
    ),
    "a header of two lines": (
        'http_server_config: {headers: {Content-Security-Policy: "a\\nSet-Cookie: b"}}',
        (
            "1: http_server_config.headers.Content-Security-Policy: found 'a\\nSet-Cookie: b', wanted"
            " printable ASCII in one"
            " line; a header is one line"
        ),
    ),
    "a header that may not be set": (
        "http_server_config: {headers: {Set-Cookie: a}}",
        (
            "1: http_server_config.headers.Set-Cookie: found an unknown key, wanted one of Content-Security-Policy,"
            " X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security"
        ),
    ),
    "a value that the header has not": (
        "http_server_config: {headers: {X-Frame-Options: maybe}}",
        "1: http_server_config.headers.X-Frame-Options: found 'maybe', wanted one of deny, sameorigin",
    ),
    "a rate that lets nobody in": (
        "rate_limit: {interval: 1s}",
        "1: rate_limit: found no burst, wanted 1 or more; no request would be answered",
    ),
    "a burst of nothing": (
        "rate_limit: {interval: 1s, burst: 0}",
        "1: rate_limit.burst: found a burst of 0, wanted 1 or more; no request would be answered",
    ),
    "an unknown section": (
        "tls_config: {}",
        (
            "1: tls_config: found an unknown key, wanted one of tls_server_config, http_server_config,"
            " basic_auth_users,"
            " rate_limit; did you mean tls_server_config?"
        ),
    ),
    "no YAML": ("{", "2: found the end of the file, wanted YAML; did not find expected node content"),
}

"""Server certificates, good ones and ones that lie in one thing. The authority that the helper is to trust is written to ca.pem."""
import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jose import Key, b64


def digest_of_key(key):
    """What host.conf's server_key holds."""
    spki = key.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return b64(digest.finalize())


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(key, subject, signer, issuer, days=(-1, 1), authority=False, name=None, address=None, purpose=None):
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer)).public_key(key.private.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=days[0]))
               .not_valid_after(now + datetime.timedelta(days=days[1])).add_extension(x509.BasicConstraints(authority, None), True))
    names = ([x509.DNSName(name)] if name else []) + ([x509.IPAddress(ipaddress.ip_address(address))] if address else [])
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if purpose:
        use = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}[purpose]
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), False)
    return builder.sign(signer.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def load(context, directory, signer="authority", days=(-1, 1), name=None, address=None, purpose="server"):
    """A new certificate, and the chain that comes with it, for the context's next connections; the PEM of the authority to be trusted."""
    key, authority = Key(), Key()
    trusted = certificate(authority, "Authority", authority, "Authority", authority=True)
    members = {"days": days, "name": name, "address": address or (None if name else "127.0.0.1"), "purpose": purpose}
    between, chain = Key(), ""
    by = {"authority": (authority, "Authority"), "itself": (key, "127.0.0.1"), "stranger": (Key(), "Stranger"), "server": (between, "Between"),
          "forged": (Key(), "Authority")}[signer]
    if signer == "server":
        chain = certificate(between, "Between", authority, "Authority", address="127.0.0.3")
    path = f"{directory}/tls.pem"
    with open(path, "w", encoding="ascii") as file:
        file.write(key.pem() + certificate(key, "127.0.0.1", *by, **members) + chain)
    context.load_cert_chain(path)
    return trusted


def context(directory, newest=None, **lies):
    """The server's context, and no pin: the helper has ca.pem alone to go by."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest:
        made.minimum_version = ssl.TLSVersion.TLSv1
        made.maximum_version = newest
        made.set_ciphers("ALL:@SECLEVEL=0")
    trusted = load(made, directory, **lies)
    with open(f"{directory}/ca.pem", "w", encoding="ascii") as file:
        file.write(trusted)
    os.chmod(f"{directory}/ca.pem", 0o644)
    return made, ""


def pinned_context(directory):
    """A certificate of our own for 127.0.0.1; the context, and the pin of its key."""
    made, key = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Key()
    path = f"{directory}/tls.pem"
    with open(path, "w", encoding="ascii") as file:
        file.write(key.pem() + certificate(key, "127.0.0.1", key, "127.0.0.1", address="127.0.0.1"))
    made.load_cert_chain(path)
    return made, digest_of_key(key)

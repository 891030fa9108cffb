"""What other programs say of the certificates in a PEM file: the measure for formats/certs.

usage: oracle.py FILE

One line for each certificate: key=value fields with a tab between them; extensions are left out where
python3-cryptography refuses one of them.  Fields come from
python3-cryptography (which has its own DER parser); proofs of RSA signatures from plain arithmetic,
since no library still offers MD2.
"""

import calendar
import hashlib
import sys
import warnings

warnings.simplefilter("ignore")

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.exceptions import InvalidSignature

from md2 import md2

RSA_HASHES = {
    "1.2.840.113549.1.1.2": (md2, "3020300c06082a864886f70d020205000410"),
    "1.2.840.113549.1.1.4": (lambda d: hashlib.md5(d).digest(), "3020300c06082a864886f70d020505000410"),
    "1.2.840.113549.1.1.5": (lambda d: hashlib.sha1(d).digest(), "3021300906052b0e03021a05000414"),
    "1.2.840.113549.1.1.11": (lambda d: hashlib.sha256(d).digest(), "3031300d060960864801650304020105000420"),
    "1.2.840.113549.1.1.12": (lambda d: hashlib.sha384(d).digest(), "3041300d060960864801650304020205000430"),
    "1.2.840.113549.1.1.13": (lambda d: hashlib.sha512(d).digest(), "3051300d060960864801650304020305000440"),
}


def signed_by(certificate, key):
    """True, False, or None when this program cannot tell."""
    oid = certificate.signature_algorithm_oid.dotted_string
    tbs = certificate.tbs_certificate_bytes
    if isinstance(key, rsa.RSAPublicKey) and oid in RSA_HASHES:
        numbers = key.public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        hash_of, prefix = RSA_HASHES[oid]
        info = bytes.fromhex(prefix) + hash_of(tbs)
        block = b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
        opened = pow(int.from_bytes(certificate.signature, "big"), numbers.e, numbers.n)
        return len(certificate.signature) == size and opened == int.from_bytes(block, "big")
    if isinstance(key, ec.EllipticCurvePublicKey):
        try:
            key.verify(certificate.signature, tbs, ec.ECDSA(certificate.signature_hash_algorithm))
            return True
        except InvalidSignature:
            return False
    return None


def integer(value):
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True).hex()


def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


USES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign"]


def extensions(certificate):
    try:
        return readable_extensions(certificate)
    except ValueError:
        return {}


def readable_extensions(certificate):
    basic = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    subject_key = extension(certificate, x509.SubjectKeyIdentifier)
    authority = extension(certificate, x509.AuthorityKeyIdentifier)
    issuers = authority.authority_cert_issuer if authority else None
    names = [n for n in issuers or [] if isinstance(n, x509.DirectoryName)]
    return {
        "ca": "-" if basic is None else int(basic.ca),
        "path": -1 if basic is None or basic.path_length is None else basic.path_length,
        "usage": "-" if usage is None else sum(getattr(usage, use) << bit for bit, use in enumerate(USES)),
        "ski": "-" if subject_key is None else subject_key.digest.hex(),
        "aki": "-" if authority is None or not authority.key_identifier else authority.key_identifier.hex(),
        "aki-issuer": "-" if not names else names[0].value.public_bytes().hex(),
        "aki-serial": "-" if authority is None or authority.authority_cert_serial_number is None
                      else integer(authority.authority_cert_serial_number),
    }


def facts(certificate):
    key = certificate.public_key()
    answer = signed_by(certificate, key)
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    names = {x509.NameOID.EMAIL_ADDRESS: "emailAddress", x509.NameOID.SERIAL_NUMBER: "serialNumber",
             x509.ObjectIdentifier("2.5.4.97"): "organizationIdentifier"}
    return {
        "sha1": hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).hexdigest(),
        "version": certificate.version.value + 1,
        "serial": integer(certificate.serial_number),
        "issuer": certificate.issuer.public_bytes().hex(),
        "subject": certificate.subject.public_bytes().hex(),
        "from": calendar.timegm(certificate.not_valid_before.timetuple()),
        "to": calendar.timegm(certificate.not_valid_after.timetuple()),
        "spki": hashlib.sha256(spki).hexdigest(),
        "tbs": hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest(),
        "signature": hashlib.sha1(certificate.signature).hexdigest(),
        "algorithm": certificate.signature_algorithm_oid.dotted_string,
        **extensions(certificate),
        "self": {True: "proven", False: "refuted", None: "unprovable"}[answer],
        "name": certificate.subject.rfc4514_string(names),
    }


def certificates(text):
    for part in text.split("-----BEGIN CERTIFICATE-----")[1:]:
        body = part.split("-----END CERTIFICATE-----")[0]
        yield x509.load_pem_x509_certificate(
            ("-----BEGIN CERTIFICATE-----" + body + "-----END CERTIFICATE-----\n").encode())


with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
    for found in certificates(file.read()):
        print("\t".join(f"{key}={value}" for key, value in facts(found).items()))

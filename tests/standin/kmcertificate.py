"""What the stand-in has to know of certificates, revocation lists and the values that hold a whole list.

A minimal walk over DER (and BER: indefinite and long lengths are read, as a server of 1998 did), written from X.690,
RFC 5280, RFC 2315 and [MS-OSHARED] 2.3.2.5.5.  It shares nothing with formats/certs, so that one can judge the other.
python3-cryptography only verifies signatures; without it every signature is unprovable.
"""

import datetime
import re
import struct
from collections import namedtuple

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key
except ImportError:
    hashes = None

INTEGER, BIT_STRING, OCTET_STRING, OBJECT_ID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME, BOOLEAN = 0x17, 0x18, 0x01
DEEPEST = 32                        # levels of indefinite length; real certificates have fewer than ten

PROVEN, REFUTED, UNPROVABLE = "proven", "refuted", "unprovable"

# Both the PKCS#1 and the older OIW identifiers: Microsoft's servers of the time wrote the latter too.
SIGNATURES = {
    "1.2.840.113549.1.1.4": ("RSA", "MD5"), "1.3.14.3.2.3": ("RSA", "MD5"),
    "1.2.840.113549.1.1.5": ("RSA", "SHA1"), "1.3.14.3.2.29": ("RSA", "SHA1"),
    "1.2.840.113549.1.1.11": ("RSA", "SHA256"), "1.2.840.113549.1.1.12": ("RSA", "SHA384"),
    "1.2.840.113549.1.1.13": ("RSA", "SHA512"),
    "1.2.840.10040.4.3": ("DSA", "SHA1"), "1.3.14.3.2.27": ("DSA", "SHA1"),
    "1.2.840.10045.4.1": ("EC", "SHA1"), "1.2.840.10045.4.3.2": ("EC", "SHA256"),
    "1.2.840.10045.4.3.3": ("EC", "SHA384"), "1.2.840.10045.4.3.4": ("EC", "SHA512")}


class BadValue(Exception):
    """The bytes are not what they should be; the message says what was expected and found."""


# ---- DER --------------------------------------------------------------------------------------------

# One element: its tag, its content, all its bytes, and where it ends.
Element = namedtuple("Element", "tag content whole end")


def element(data, expected=None, at=0, depth=0):
    """The element of `data` at `at`; BadValue unless it is whole and its tag is one of `expected`."""
    if len(data) < at + 2 or data[at] & 0x1f == 0x1f:
        raise BadValue(f"no element in {data[at:at + 4].hex() or 'no bytes'}")
    if expected is not None and data[at] not in expected:
        raise BadValue(f"tag {data[at]:#04x}, expected {tags(expected)}")
    length, start = data[at + 1], at + 2
    if length == 0x80:
        return indefinite(data, at, depth)
    if length > 0x80:
        start += length & 0x7f
        length = int.from_bytes(data[at + 2:start], "big")
    end = start + length
    if end > len(data):
        raise BadValue(f"element of {end - at} bytes, {len(data) - at} are there")
    return Element(data[at], data[start:end], data[at:end], end)


def indefinite(data, start, depth):
    """An element that ends where its children do, at two zero bytes."""
    if not data[start] & 0x20 or depth > DEEPEST:
        raise BadValue(f"indefinite length in a primitive element, or {depth} levels deep")
    at = start + 2
    while data[at:at + 2] != b"\0\0":
        at = element(data, None, at, depth + 1).end
    return Element(data[start], data[start + 2:at], data[start:at + 2], at + 2)


def elements(data):
    """All elements of a content."""
    found, at = [], 0
    while at < len(data):
        found.append(element(data, None, at))
        at = found[-1].end
    return found


def tags(expected):
    return " or ".join(f"{tag:#04x}" for tag in expected)


def take(parts, *expected):
    """Removes and returns the first of `parts`, which must have one of these tags."""
    if not parts or parts[0].tag not in expected:
        raise BadValue(f"tag {f'{parts[0].tag:#04x}' if parts else 'missing'}, expected {tags(expected)}")
    return parts.pop(0)


def integer(part):
    """As a number, so that a serial's needless leading bytes do not make another identity."""
    if not part.content:
        raise BadValue("integer without content")
    return int.from_bytes(part.content, "big", signed=True)


def object_id(part):
    arcs, arc = [], 0
    for byte in part.content:
        arc = arc << 7 | byte & 0x7f
        if not byte & 0x80:
            arcs += [arc] if arcs else [min(arc // 40, 2), arc - 40 * min(arc // 40, 2)]
            arc = 0
    return ".".join(map(str, arcs))


def time(part):
    """UTC of either time, seconds or an offset being optional; None when it is no time: nothing hangs on it."""
    year = r"(\d\d)" if part.tag == UTC_TIME else r"(\d{4})"
    rest = r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?(?:Z|([+-]\d\d)(\d\d))?"
    match = re.fullmatch(year + rest, part.content.decode("latin-1"), re.ASCII)
    if not match:
        return None
    year = int(match[1])
    if part.tag == UTC_TIME:
        year += 1900 if year >= 50 else 2000
    try:
        local = datetime.datetime(year, *(int(match[i] or 0) for i in range(2, 7)), tzinfo=datetime.timezone.utc)
        hours, minutes = int(match[7] or 0), int((match[7] or "+")[0] + (match[8] or "0"))
        return local - datetime.timedelta(hours=hours, minutes=minutes)
    except (ValueError, OverflowError):
        return None


# ---- certificates and revocation lists --------------------------------------------------------------

class Signed:
    """What certificates and CRLs have in common: {to be signed, algorithm, signature}, whatever follows it."""

    def __init__(self, data):
        parts = elements(element(data, (SEQUENCE,)).content)
        tbs, algorithm, signature = take(parts, SEQUENCE), take(parts, SEQUENCE), take(parts, BIT_STRING)
        if parts or not signature.content:
            raise BadValue("more than three parts, or an empty signature")
        self.tbs, self.signature = tbs.whole, signature.content[1:]
        self.algorithm = object_id(element(algorithm.content, (OBJECT_ID,)))
        self.parts = elements(tbs.content)


class Certificate(Signed):
    """Subject and issuer are the names' bytes: names count as equal only when those are."""

    def __init__(self, data):
        super().__init__(data)
        parts, self.version = self.parts, 1
        if parts and parts[0].tag == 0xa0:
            self.version = integer(element(parts.pop(0).content, (INTEGER,))) + 1
        self.serial = integer(take(parts, INTEGER))
        take(parts, SEQUENCE)
        self.issuer = take(parts, SEQUENCE).whole
        validity = elements(take(parts, SEQUENCE).content)
        self.not_before, self.not_after = (time(take(validity, UTC_TIME, GENERALIZED_TIME)) for _ in range(2))
        self.subject = take(parts, SEQUENCE).whole
        self.key = take(parts, SEQUENCE).whole
        self.identity = self.issuer, self.serial

    def extension(self, wanted):
        """The content of an extension, or None."""
        for part in self.parts:
            if part.tag == 0xa3:
                for extension in elements(element(part.content, (SEQUENCE,)).content):
                    fields = elements(extension.content)
                    if object_id(take(fields, OBJECT_ID)) == wanted:
                        return take(fields[-1:], OCTET_STRING).content
        return None

    def is_ca(self):
        """Basic constraints say CA, and key usage, where there is one, allows signing certificates."""
        try:
            constraints, usage = self.extension("2.5.29.19"), self.extension("2.5.29.15")
            fields = elements(element(constraints or b"0\0", (SEQUENCE,)).content)
            may_sign = usage is None or element(usage, (BIT_STRING,)).content[1] & 0x04
            return bool(may_sign and fields and fields[0].tag == BOOLEAN and any(fields[0].content))
        except (BadValue, IndexError):
            return False


class RevocationList(Signed):
    """A CRL; `revoked` has the serial numbers."""

    def __init__(self, data):
        super().__init__(data)
        parts = self.parts
        if parts and parts[0].tag == INTEGER:
            parts.pop(0)
        take(parts, SEQUENCE)
        self.issuer = take(parts, SEQUENCE).whole
        take(parts, UTC_TIME, GENERALIZED_TIME)
        if parts and parts[0].tag in (UTC_TIME, GENERALIZED_TIME):
            parts.pop(0)
        entries = elements(parts[0].content) if parts and parts[0].tag == SEQUENCE else []
        self.revoked = {integer(element(entry.content, (INTEGER,))) for entry in entries}


def proof(signed, key):
    """Whether `key` (a SubjectPublicKeyInfo) made the signature.  Unprovable, as MD2 is here, is never refuted."""
    kind, name = SIGNATURES.get(signed.algorithm, (None, None))
    if hashes is None or kind is None:
        return UNPROVABLE
    digest = getattr(hashes, name)()
    try:
        public = load_der_public_key(key)
        if kind == "RSA" and isinstance(public, rsa.RSAPublicKey):
            public.verify(signed.signature, signed.tbs, padding.PKCS1v15(), digest)
        elif kind == "EC" and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signed.signature, signed.tbs, ec.ECDSA(digest))
        elif kind == "DSA" and isinstance(public, dsa.DSAPublicKey):
            public.verify(signed.signature, signed.tbs, digest)
        else:
            return REFUTED
    except InvalidSignature:
        return REFUTED
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return UNPROVABLE
    return PROVEN


# ---- a whole list in one value ------------------------------------------------------------------------

def read_list(value):
    """(certificates, CRLs, why it ends early or None) of a serialized store or of a PKCS#7 certs-only value."""
    return read_sst(value) if value[:8] == b"\0\0\0\0CERT" else read_pkcs7(value)


def read_sst(value):
    """Elements {id, encoding, length, data}: 32 a certificate, 33 a CRL, all zero the end, else properties."""
    found, at = {32: [], 33: []}, 8
    while at + 12 <= len(value):
        kind, _, length = struct.unpack_from("<III", value, at)
        at += 12 + length
        if kind == 0 or at > len(value):
            break
        found.setdefault(kind, []).append(value[at - length:at])
    else:
        kind = None
    return found[32], found[33], None if kind == 0 else f"no end element in {len(value)} bytes"


def read_pkcs7(value):
    """SignedData's fields [0] and [1]; what is no SEQUENCE in [0] is no certificate and has no position."""
    try:
        parts = elements(element(value, (SEQUENCE,)).content)
        if object_id(take(parts, OBJECT_ID)) != "1.2.840.113549.1.7.2":
            raise BadValue("neither a serialized store nor SignedData")
        fields = elements(element(take(parts, 0xa0).content, (SEQUENCE,)).content)
        for tag in INTEGER, SET, SEQUENCE:
            take(fields, tag)
        held = [[part.whole for field in fields if field.tag == tag for part in elements(field.content)
                 if part.tag == SEQUENCE] for tag in (0xa0, 0xa1)]
        return held[0], held[1], None
    except BadValue as error:
        return [], [], str(error)

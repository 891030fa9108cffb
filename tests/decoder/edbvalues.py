"""Values: unpacking of compressed ones, and column bytes as JSON values."""

import datetime
import math
import struct
import uuid

from edbfile import EdbError

(BIT, UNSIGNED_BYTE, SHORT, LONG, CURRENCY, SINGLE, DOUBLE, DATE_TIME, BINARY, TEXT, LONG_BINARY, LONG_TEXT, SLV,
 UNSIGNED_LONG, LONG_LONG, GUID, UNSIGNED_SHORT, UNSIGNED_LONG_LONG) = range(1, 19)

TYPE_NAMES = ("Nil", "Bit", "UnsignedByte", "Short", "Long", "Currency", "IEEESingle", "IEEEDouble", "DateTime",
              "Binary", "Text", "LongBinary", "LongText", "SLV", "UnsignedLong", "LongLong", "GUID", "UnsignedShort",
              "UnsignedLongLong")

SIZES = {BIT: 1, UNSIGNED_BYTE: 1, SHORT: 2, LONG: 4, CURRENCY: 8, SINGLE: 4, DOUBLE: 8, DATE_TIME: 8, UNSIGNED_LONG: 4,
         LONG_LONG: 8, GUID: 16, UNSIGNED_SHORT: 2, UNSIGNED_LONG_LONG: 8}

NUMBERS = {UNSIGNED_BYTE: "<B", SHORT: "<h", LONG: "<i", CURRENCY: "<q", SINGLE: "<f", DOUBLE: "<d",
           UNSIGNED_LONG: "<I", LONG_LONG: "<q", UNSIGNED_SHORT: "<H", UNSIGNED_LONG_LONG: "<Q"}

UNICODE_CODE_PAGE = 1200
OTHER_SCHEMES = {4: "scrubbed", 5: "xpress9", 6: "xpress10", 7: "lz4"}
MILLISECONDS_A_DAY = 86400000


class Undecoded(bytes):
    """Bytes as they are stored, because this decoder cannot unpack them; `scheme` says what they are packed with."""

    def __new__(cls, data, scheme):
        self = super().__new__(cls, data)
        self.scheme = scheme
        return self


def decompress(data):
    """Unpacks a compressed value or chunk; the top five bits of its first byte say how."""
    if not data:
        raise EdbError("compressed value without its first byte")
    scheme = data[0] >> 3
    if scheme in (1, 2):
        text = seven_bit(data)
        return bytes(text) if scheme == 1 else bytes(b for char in text for b in (char, 0))
    if scheme == 3:
        if len(data) < 3:
            raise EdbError("XPRESS value without its size")
        return xpress(data[3:], data[1] | data[2] << 8)
    if scheme in OTHER_SCHEMES:
        return Undecoded(data, OTHER_SCHEMES[scheme])
    raise EdbError(f"compressed value with first byte {data[0]:#04x}")


def seven_bit(data):
    """Characters of 7 bits, lowest bits first; the low bits of the first byte count the bits used in the last one."""
    bits = (len(data) - 2) * 8 + (data[0] & 7) + 1
    if len(data) < 2 or bits % 7:
        raise EdbError(f"7-bit value of {len(data)} bytes with first byte {data[0]:#04x}")
    # cut into pieces that end on whole bytes and characters, so that long values do not cost square time
    text = []
    for start in range(0, bits, 56 * 8):
        piece = int.from_bytes(data[1 + start // 8:1 + start // 8 + 56], "little")
        for _ in range(min(64, (bits - start) // 7)):
            text.append(piece & 0x7f)
            piece >>= 7
    return text


def xpress(data, size):
    """XPRESS as plain LZ77: 32 flags, then for each a literal byte or a match of {13-bit distance, 3-bit length}."""
    out, at, nibble_at, flags, flag_count = bytearray(), 0, None, 0, 0
    try:
        while len(out) < size:
            if not flag_count:
                flags, = struct.unpack_from("<I", data, at)
                at, flag_count = at + 4, 32
            flag_count -= 1
            if not flags >> flag_count & 1:
                out.append(data[at])
                at += 1
                continue
            match, = struct.unpack_from("<H", data, at)
            at += 2
            distance, length = (match >> 3) + 1, match & 7
            if length == 7:
                # the next length bits are half a byte, two matches share one
                if nibble_at is None:
                    nibble_at, more = at, data[at] & 15
                    at += 1
                else:
                    nibble_at, more = None, data[nibble_at] >> 4
                length += more
                if more == 15:
                    length, at = long_length(data, at)
            length += 3
            if distance > len(out) or len(out) + length > size:
                raise EdbError(f"XPRESS match of {length} bytes {distance} back, after {len(out)} of {size}")
            for _ in range(length):
                out.append(out[-distance])
    except (IndexError, struct.error):
        raise EdbError(f"XPRESS value ends after {len(out)} of {size} bytes") from None
    return bytes(out)


def long_length(data, at):
    """(match length less 3, new position) where 3 bits and half a byte did not hold it."""
    if data[at] < 255:
        return 7 + 15 + data[at], at + 1
    length, at = struct.unpack_from("<H", data, at + 1)[0], at + 3
    if not length:
        length, at = struct.unpack_from("<I", data, at)[0], at + 4
    if length < 7 + 15:
        raise EdbError(f"XPRESS match of length {length} in its longest form")
    return length, at


def date_time(days):
    """ISO 8601 of an OLE date: whole days since 1899-12-30 and, without its sign, the part of the day; None when it
    is none: out of the range of years, or nothing but noise beside 0."""
    if not math.isfinite(days) or not -657435 < days < 2958466 or 0 < abs(days) * MILLISECONDS_A_DAY < 0.5:
        return None
    whole = math.trunc(days)
    milliseconds = math.floor(abs(days - whole) * MILLISECONDS_A_DAY + 0.5)
    try:
        moment = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=whole, milliseconds=milliseconds)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def decode_text(data, code_page):
    """Text of a column; bytes that are no text become U+FFFD, but the five unused ones of cp1252 stay C1 controls."""
    if code_page == UNICODE_CODE_PAGE:
        return data.decode("utf-16-le", "replace")
    return "".join(data[i:i + 1].decode("cp1252") if data[i] not in b"\x81\x8d\x8f\x90\x9d" else chr(data[i])
                   for i in range(len(data)))


def to_json(column, data):
    """One value as json.dumps takes it.  Bytes that do not fit the type are shown as binary is."""
    if isinstance(data, Undecoded):
        return {"compressed": data.scheme, "hex": data.hex()}
    if column.type in (TEXT, LONG_TEXT):
        return decode_text(data, column.code_page)
    if len(data) != SIZES.get(column.type):
        return data.hex()
    if column.type == BIT:
        return data != b"\0"
    if column.type == GUID:
        return str(uuid.UUID(bytes_le=data))
    if column.type == DATE_TIME:
        return date_time(struct.unpack("<d", data)[0]) or {"raw": data.hex()}
    number, = struct.unpack(NUMBERS[column.type], data)
    return number if math.isfinite(number) else repr(number)

"""A small reader of version 8 transaction logs, for judging the program's own.

Written from the published structures (logapi.hxx, _logstream.hxx of the Extensible Storage Engine), with the standard
library only, and sharing nothing with formats/: its record sizes are computed from lists of fields, as the structures
declare them.
"""
import array
import struct

SEGMENT, HEADER = 4096, 40

# Fields of records, as struct codes: B byte, H 2, I 4, Q 8.
PAGE = "H B I Q Q I B H B"
NODE = PAGE + " I I I"
SIGNATURE, LGPOS, SETTINGS = "28s", "8s", "567s"
# type: (the engine's dump name or None, fields, indexes of the fields that say how many bytes follow)
TYPES = {
    0: ("NOP", "", ()), 1: ("Init", SETTINGS, ()), 2: ("Term", f"{LGPOS} {LGPOS} B", ()), 3: (None, "H I H", ()),
    4: ("End", "", ()), 5: ("Begin", "H B", ()), 6: ("Commit", "H B", ()), 7: ("Rollback", "H B", ()),
    8: ("Begin0", "H B I", ()), 9: ("Commit0", "H B I", ()), 10: ("Refresh", "H I", ()), 11: ("McroBegin", "H Q", ()),
    12: ("McroComit", "H Q", ()), 13: ("McroAbort", "H Q", ()), 14: ("CreateDB", f"H B I I {SIGNATURE} H B", (5,)),
    15: ("AttachDB", f"H B I {LGPOS} {SIGNATURE} {SIGNATURE} H B", (6,)), 16: ("DetachDB", "H B H B", (2,)),
    17: ("RcvUndo", "", ()), 18: ("RcvQuit", f"{LGPOS} {LGPOS} B", ()), 19: (None, "H", (0,)), 20: (None, "H", (0,)),
    21: (None, "H B", ()), 22: ("Trace", "H H", (1,)), 23: ("ShutDown", "", ()), 24: ("Create", PAGE + " I I I I I I", ()),
    25: ("Create", PAGE + " I I I I", ()), 26: ("Convert", PAGE + " I I I I I I I", ()),
    29: ("Insert", NODE + " H H H", (12, 13, 14)), 30: ("FInsert", NODE + " H H", (12, 13)),
    31: ("FInsertRD", NODE + " H H I", (12, 13)), 32: ("FDelete", NODE, ()), 33: ("Replace", NODE + " H H H", (12,)),
    34: ("ReplaceD", NODE + " H H H", (12,)), 35: ("Delete", NODE, ()),
    36: ("UndoInfo", NODE + " H H H H H H", (12, 13, 17)), 37: ("Delta", NODE + " H H I H", (12, 13)),
    38: ("SetExtHdr", NODE + " H", (12,)), 39: ("Undo", NODE + " H H H B", (12, 13)), 45: (None, "H", (0,)),
    46: (None, "B B H", (2,)), 48: ("EmptyTree", NODE + " H", (12,)), 49: ("Init", SETTINGS + " 8s", ()),
    50: ("Term", f"{LGPOS} {LGPOS} B 8s", ()), 51: ("RcvUndo", "8s", ()), 52: ("RcvQuit", f"{LGPOS} {LGPOS} B 8s", ()),
    53: (None, "H B I", ()), 54: (None, "H I", (1,)), 57: (None, "H", ()),
    58: ("Convert", PAGE + " I I I I I I I I I", ()), 59: (None, "H", (0,)), 60: ("Backup2", "B B B B H", (4,)),
    61: (None, "H H", (1,)),
    62: ("Split2", PAGE + " I I Q I Q I I B B H H H I I H H I I H H H I I", (27, 28, 29, 31)),
    63: ("Merge2", PAGE + " I Q I Q I Q I I H H H H B B H I I", (23, 25)), 64: (None, NODE + " I I H", (14,)),
    65: (None, PAGE + " I I I I Q Q Q I I I I I I", (20, 21)), 66: (None, "B I Q 32s", ()),
    78: (None, "B I I", ()), 79: ("CrDBFinsh", "H B", ()), 80: ("RcvQuit", f"{LGPOS} {LGPOS} B 8s", ()),
    81: (None, "B I I", ()), 92: ("SetDbVer", "B I I I", ()), 93: ("Delta64", NODE + " H H Q H", (12, 13)),
    94: (None, "B I I", ()), 95: ("NewPage", "H B I I Q", ()), 96: (None, "Q B I H", ()), 97: (None, "B", ()),
    98: (None, "B I B Q Q I", ()), 99: (None, "B I I Q", ()), 100: (None, "B I I B", ()), 101: (None, "B I I B Q", ()),
}
for number, name in {67: "McroInfo", 68: "ExtendDB", 69: None, 70: None, 71: "NOP2", 72: None, 73: "McroInfo2", 74: "FreeFDP",
                     75: None, **dict.fromkeys(range(82, 92))}.items():
    TYPES[number] = (name, "I", (0,))
FRAGMENT_BEGIN, FRAGMENT = 76, 77


def code(fields):
    return struct.Struct("<B" + fields.replace(" ", ""))


CODES = {number: code(fields) for number, (_, fields, _) in TYPES.items()}


class Damage(Exception):
    pass


def record_size(data, at):
    kind = data[at]
    if kind not in TYPES:
        raise Damage(f"no such type: {kind}")
    fixed = CODES[kind]
    if at + fixed.size > len(data):
        raise Damage("cut")
    values = fixed.unpack_from(data, at)[1:]
    size = fixed.size
    for index in TYPES[kind][2]:
        size += values[index] & 0x7fff if kind in (33, 34) else values[index]
    if kind == 14 and values[6] & 4:
        size += 4
    return size


def sound(segment, number):
    """The XOR of all words, seeded with the number, is the first word.  (The ECC word is left to others.)"""
    words = array.array("I", segment)
    total = 0x89abcdef ^ number
    for word in words[2:]:
        total ^= word
    # The first word holds the XOR of everything behind the checksum; the published code folds the seed in.
    return len(segment) == SEGMENT and struct.unpack_from("<I", segment)[0] in (total, total ^ 0x89abcdef)


class Log:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.generation, = struct.unpack_from("<i", self.data, 4)
        self.sector, self.header_sectors, self.sectors = struct.unpack_from("<HHH", self.data, 8)
        self.version = struct.unpack_from("<III", self.data, 32) + struct.unpack_from("<I", self.data, 648)
        self.torn = self.from_copy = False

    def segment(self, number):
        return self.data[number * SEGMENT:(number + 1) * SEGMENT]

    def place(self, segment):
        byte, sector, generation = struct.unpack_from("<HHi", segment, 8)
        return generation, sector, byte

    def segments(self):
        """(number, bytes) up to the log's end."""
        for number in range(self.header_sectors, self.sectors - 1):
            here, behind = self.segment(number), self.segment(number + 1)
            if sound(here, number) and self.place(here) == (self.generation, number, 0):
                yield number, here
            elif sound(behind, number) and self.place(behind) == (self.generation, number, 0) and not sound(here, number - 1):
                self.from_copy = True
                yield number, behind
            else:
                if any(here) and not sound(here, number - 1) and not sound(here, number):
                    raise Damage(f"segment {number}")
                return

    def records(self):
        """(generation, sector, byte), type, bytes."""
        begun, total, start = b"", 0, None
        after = (self.generation, self.header_sectors, 0)
        for number, segment in self.segments():
            at = HEADER
            while at < SEGMENT and segment[at] != 0:
                kind = segment[at]
                if kind == FRAGMENT_BEGIN:
                    _, total, size = struct.unpack_from("<BIH", segment, at)
                    start, begun = after, segment[at + 7:at + 7 + size]
                    at += 7 + size
                elif kind == FRAGMENT:
                    size, = struct.unpack_from("<H", segment, at + 1)
                    begun += segment[at + 3:at + 3 + size]
                    at += 3 + size
                    if len(begun) == total:
                        yield start, begun[0], begun
                        start, begun = None, b""
                else:
                    if start is not None:  # what was begun before a crash is void
                        after = (self.generation, number, 0)
                        start = None
                    size = record_size(segment, at)
                    if at + size > SEGMENT:
                        raise Damage("over the segment's end")
                    yield after, kind, segment[at:at + size]
                    at += size
                if start is None:
                    after = (self.generation, number, at) if at < SEGMENT else (self.generation, number + 1, 0)
        self.torn = start is not None

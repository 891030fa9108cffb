"""Records: from the data of a leaf node to the raw bytes of its columns, and the long values they point to.

A record is {u8 last fixed id, u8 last variable id, u16 end of fixed data}, fixed columns, null bitmap, end offsets of
the variable columns, variable data, tagged columns.  Tagged columns come in two forms, told apart by the flag of
the page that holds the record: the sorted run of TAGFLD_OLD (revision 2 to 8), and the offset array of TAGFLD.
"""

import struct
from collections import Counter, namedtuple

from edbfile import EdbError, PAGE_NEW_RECORD
from edbtree import Tree
from edbvalues import Undecoded, decompress

FIRST_VARIABLE, FIRST_TAGGED = 128, 256
RECORD_HEADER = 4

# TAGFLD_HEADER, the byte before the data of a tagged column; its bit 0 repeats that the column's type is long
COMPRESSED, SEPARATED, MULTI_VALUES, TWO_VALUES, NULL, ENCRYPTED = 2, 4, 8, 16, 32, 64

# One value as the record has it: a separated one holds a long-value id, a compressed one has to be unpacked.
Part = namedtuple("Part", "data separated compressed encrypted", defaults=(False, False, False))


class Record:
    """The parts of one record.  `where` names page and tag in errors."""

    def __init__(self, data, where):
        self.data, self.where = data, where
        if len(data) < RECORD_HEADER:
            self.fail(f"record of {len(data)} bytes")
        self.last_fixed, last_variable, self.fixed_end = struct.unpack_from("<BBH", data)
        self.variable_count = last_variable - (FIRST_VARIABLE - 1)
        self.bitmap = self.fixed_end - (self.last_fixed + 7) // 8
        self.variable_start = self.fixed_end + 2 * self.variable_count
        if self.last_fixed >= FIRST_VARIABLE or self.variable_count < 0 or self.bitmap < RECORD_HEADER \
                or self.variable_start > len(data):
            self.fail(f"record header {data[:RECORD_HEADER].hex()}, record of {len(data)} bytes")
        self.variable_ends = struct.unpack_from(f"<{self.variable_count}H", data, self.fixed_end)
        self.tagged_start = self.variable_start + (self.variable_ends[-1] & 0x7fff if self.variable_ends else 0)
        if self.tagged_start > len(data):
            self.fail(f"variable columns end at {self.tagged_start}, record has {len(data)} bytes")

    def fail(self, text):
        raise EdbError(f"{self.where}: {text}")

    def fixed(self, column):
        """[bytes] of a fixed column, [] when null, None when the record ends before it."""
        if column.id > self.last_fixed:
            return None
        if column.offset + column.size > self.bitmap:
            self.fail(f"column {column.name} ends at {column.offset + column.size}, fixed data at {self.bitmap}")
        index = column.id - 1
        if self.data[self.bitmap + index // 8] >> index % 8 & 1:
            return []
        return [self.data[column.offset:column.offset + column.size]]

    def variable(self, column):
        """[bytes] of a variable column, [] when null, None when the record ends before it."""
        index = column.id - FIRST_VARIABLE
        if index >= self.variable_count:
            return None
        start = self.variable_ends[index - 1] & 0x7fff if index else 0
        end = self.variable_ends[index]
        if end & 0x8000:
            return []
        if not start <= end <= self.tagged_start - self.variable_start:
            self.fail(f"variable column {column.name} from {start} to {end}")
        return [self.data[self.variable_start + start:self.variable_start + end]]

    def tagged_old(self):
        """{(id, derived): [Part]} of a run of TAGFLD_OLD: u16 id, u16 bits, data."""
        found, at, last = {}, self.tagged_start, (-1,)
        while at < len(self.data):
            if at + 4 > len(self.data):
                self.fail(f"tagged column cut off at byte {at}")
            id, bits = struct.unpack_from("<HH", self.data, at)
            data = self.data[at + 4:at + 4 + (bits & 0x0fff)]
            derived = bool(bits & 0x2000)
            order = (not derived, id)           # template columns come first
            if id < FIRST_TAGGED or len(data) < bits & 0x0fff or order < last:
                self.fail(f"tagged column {id} at byte {at}: bits {bits:#06x} do not fit")
            parts = found.setdefault((id, derived), [])
            if order == last and (bits & 0x4000 or not parts) or bits & 0x4000 and data:
                self.fail(f"tagged column {id} at byte {at}: null beside a value")
            if bits & 0x4000:
                pass                            # an explicit null: the column has no value and not its default
            elif bits & 0x8000:
                if not data:
                    self.fail(f"tagged column {id} at byte {at}: long value without its flag byte")
                parts.append(Part(data[1:], separated=bool(data[0] & 1)))
            else:
                parts.append(Part(data))
            at += 4 + len(data)
            last = order
        return found

    def tagged_new(self, small_page):
        """{(id, derived): [Part]} of the offset array of TAGFLD: u16 id, u16 offset and bits, for each column."""
        area = self.data[self.tagged_start:]
        if not area:
            return {}
        mask = 0x1fff if small_page else 0x7fff
        count = (struct.unpack_from("<H", area, 2)[0] & mask) // 4 if len(area) >= 4 else 0
        if not 1 <= count <= len(area) // 4:
            self.fail(f"array of {count} tagged columns in {len(area)} bytes")
        entries = list(struct.iter_unpack("<HH", area[:4 * count]))
        starts = [bits & mask for _, bits in entries] + [len(area)]
        found, last = {}, (-1,)
        for index, (id, bits) in enumerate(entries):
            start, end = starts[index], starts[index + 1]
            order = (not bits & 0x8000, id)
            if id < FIRST_TAGGED or order <= last or not 4 * count <= start <= end <= len(area):
                self.fail(f"tagged column {id}: bytes {start} to {end} of {len(area)}, or out of order")
            last = order
            has_header = bool(bits & 0x4000) or not small_page
            data = area[start:end]
            if small_page and bits & 0x2000:
                parts = []
            elif has_header:
                parts = self._with_header(id, data)
            else:
                parts = [Part(data)]
            found[id, bool(bits & 0x8000)] = parts
        return found

    def _with_header(self, id, data):
        if not data:
            self.fail(f"tagged column {id}: no header byte")
        header, data = data[0], data[1:]
        packed, encrypted = bool(header & COMPRESSED), bool(header & ENCRYPTED)
        if header & NULL:
            return []
        if header & TWO_VALUES:
            if not data or data[0] >= len(data):
                self.fail(f"tagged column {id}: first of two values is too long")
            return [Part(data[1:1 + data[0]]), Part(data[1 + data[0]:])]
        if not header & MULTI_VALUES:
            return [Part(data, bool(header & SEPARATED), packed, encrypted)]
        first = struct.unpack_from("<H", data)[0] & 0x7fff if len(data) >= 2 else 0
        if first < 4 or first % 2 or first > len(data):
            self.fail(f"tagged column {id}: first of its values starts at {first} of {len(data)}")
        bits = struct.unpack_from(f"<{first // 2}H", data)
        ends = [b & 0x7fff for b in bits[1:]] + [len(data)]
        parts = []
        for index, (start, end) in enumerate(zip(bits, ends)):
            if not start & 0x7fff <= end <= len(data):
                self.fail(f"tagged column {id} value {index + 1}: bytes {start & 0x7fff} to {end}")
            # only the first of several values is ever compressed
            parts.append(Part(data[start & 0x7fff:end], bool(start & 0x8000), packed and index == 0, encrypted))
        return parts


def read_record(table, page, tag, data):
    """{column name: [bytes]} of one record; columns whose value is null are left out."""
    record = Record(data, f"page {page.number} tag {tag}")
    if page.flags & PAGE_NEW_RECORD:
        tagged = record.tagged_new(page.small)
    else:
        tagged = record.tagged_old()
    by_column = {table.tagged_key(id, derived): parts for (id, derived), parts in tagged.items()}
    row = {}
    for column in table.columns:
        if column.id < FIRST_VARIABLE:
            values = record.fixed(column)
        elif column.id < FIRST_TAGGED:
            values = record.variable(column)
        else:
            parts = by_column.get((column.id, column.template))
            values = None if parts is None else [read_part(table, part, record) for part in parts]
        if values is None:                      # the record does not mention the column
            values = [] if column.default is None else [column.default]
        if values:
            row[column.name] = values
    return row


def read_part(table, part, record):
    """The bytes of one value of a tagged column."""
    if part.separated:
        try:
            return table.long_values.read(part.data)
        except EdbError as error:
            record.fail(str(error))
    if part.encrypted:
        return Undecoded(part.data, "encrypted")
    return decompress(part.data) if part.compressed else part.data


class LongValues:
    """The long-value tree of a table: per id one root {u32 references, u32 size} and its chunks.

    Keys are big-endian: a root's key is the id (4 bytes, or 8 with the top bit set), a chunk's the id and its offset.
    """

    def __init__(self, file, root, chunk_size):
        self.chunk_size, self.roots, self.chunks, self.uses = chunk_size, {}, {}, Counter()
        if root is None:
            return
        for page, tag, key, data in Tree(file, root).nodes():
            where = f"page {page.number} tag {tag}"
            wide = bool(key) and key[0] & 0x80
            if len(key) == (8 if wide else 4):
                if len(data) not in (8, 9):
                    raise EdbError(f"{where}: long-value root of {len(data)} bytes")
                references, size = struct.unpack_from("<II", data)
                self.roots[key] = references, size, len(data) == 9 and bool(data[8] & 1)
            elif len(key) == (12 if wide else 8):
                self.chunks.setdefault(key[:-4], []).append((int.from_bytes(key[-4:], "big"), data, where))
            else:
                raise EdbError(f"{where}: long-value key of {len(key)} bytes")

    def read(self, id):
        """The whole value for the id that a record holds, little-endian."""
        key = id[::-1]
        if key not in self.roots:
            raise EdbError(f"long value {key.hex()} does not exist")
        self.uses[key] += 1
        _, size, encrypted = self.roots[key]
        pieces, scheme, done = [], "encrypted" if encrypted else None, 0
        for offset, data, where in self.chunks.get(key, ()):
            expected = min(self.chunk_size, size - offset)
            if offset != done or expected <= 0 or not encrypted and len(data) > expected:
                raise EdbError(f"{where}: chunk of {len(data)} bytes at {offset}, long value {key.hex()} has {size}, "
                               f"{done} before it, chunks of {self.chunk_size}")
            if len(data) < expected and not encrypted:      # the only sign that a chunk is compressed
                data = decompress(data)
                if isinstance(data, Undecoded):
                    scheme = data.scheme
                elif len(data) != expected:
                    raise EdbError(f"{where}: chunk unpacks to {len(data)} bytes, not {expected}")
            pieces.append(data)
            done += expected
        if done != size:
            raise EdbError(f"long value {key.hex()}: chunks for {done} of {size} bytes")
        whole = b"".join(pieces)
        return Undecoded(whole, scheme) if scheme else whole

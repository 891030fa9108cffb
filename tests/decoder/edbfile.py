"""The file as pages: header and shadow, page checksums, tags.

Nothing here knows what a page means; edbtree.py builds trees of these pages.  The format is that of the published
engine (MIT): DBFILEHDR, CPAGE::PGHDR and PGHDR2, CPAGE::TAG, and the XOR and ECC checksums.
"""

import gzip
import struct
import zlib

CHECKSUM_SEED = 0x89abcdef          # also the magic at header offset 4
PAGE_SIZES = (2048, 4096, 8192, 16384, 32768)
LARGEST_SMALL_PAGE = 8192           # above this, page header, tag flags and tagged columns have their other form

PAGE_ROOT, PAGE_LEAF, PAGE_PARENT_OF_LEAF = 0x0001, 0x0002, 0x0004
PAGE_EMPTY, PAGE_SPACE_TREE = 0x0008, 0x0020
PAGE_NON_UNIQUE, PAGE_NEW_RECORD, PAGE_NEW_CHECKSUM = 0x0400, 0x0800, 0x2000

NODE_DELETED, NODE_COMPRESSED = 2, 4      # 1 marks a node with versions; it means nothing in a clean file
STATE_CLEAN = 3


class EdbError(Exception):
    """The file breaks a rule of the format; the message names the page, and the tag where there is one."""


def fold(number, bits, width):
    """XOR of all `width`-bit words of a number of `bits` bits; both are powers of two."""
    while bits > width:
        bits //= 2
        number = (number >> bits) ^ (number & ((1 << bits) - 1))
    return number


def old_checksum(block):
    """XOR of all 32-bit words but the first, which holds the result."""
    return CHECKSUM_SEED ^ fold(int.from_bytes(block[4:].rjust(len(block), b"\0"), "little"), len(block) * 8, 32)


def new_checksum(block, page_number, header_block):
    """XOR and ECC words of one block, as the 64-bit number that is stored.

    The low half of the ECC word is the XOR of the positions of all one bits, the upper half the XOR of their
    complements, so that a single flipped bit shows its own position.  The block that starts with the checksum
    leaves its first 8 bytes out.
    """
    number = int.from_bytes(block, "little")
    if header_block:
        number = number >> 64 << 64
    rows = number                   # bit 0 of each 128-bit row becomes the row's parity
    for shift in (64, 32, 16, 8, 4, 2, 1):
        rows ^= rows >> shift
    positions = ones = 0
    for row, parity in enumerate(rows.to_bytes(len(block), "little")[::16]):
        if parity & 1:
            positions ^= row << 7
            ones ^= 1
    columns = fold(number, len(block) * 8, 128)
    for column in range(128):
        if columns >> column & 1:
            positions ^= column
    complement = positions ^ (len(block) * 8 - 1 if ones else 0)
    xor = fold(columns, 128, 32) ^ page_number
    return (complement << 16 | positions) << 32 | xor


def page_checksums(data, page_number):
    """(stored, computed) checksums of a page, as equal-length lists of 64-bit numbers."""
    flags, = struct.unpack_from("<I", data, 36)
    stored = [struct.unpack_from("<Q", data)[0]]
    if not flags & PAGE_NEW_CHECKSUM:
        return stored, [page_number << 32 | old_checksum(data)]
    if len(data) <= LARGEST_SMALL_PAGE:
        return stored, [new_checksum(data, page_number, True)]
    stored += struct.unpack_from("<3Q", data, 40)
    quarter = len(data) // 4
    return stored, [new_checksum(data[i * quarter:(i + 1) * quarter], page_number, i == 0) for i in range(4)]


class Header:
    """The fields of the database header that readers and tests ask for."""

    def __init__(self, data):
        self.magic, self.version = struct.unpack_from("<II", data, 4)
        self.dbtime, = struct.unpack_from("<Q", data, 16)
        self.signature = data[24:52]
        self.state, = struct.unpack_from("<I", data, 52)
        self.shadowing_disabled = bool(data[208] & 1)
        self.last_objid, = struct.unpack_from("<I", data, 212)
        self.revision, page_size, self.repair_count = struct.unpack_from("<III", data, 232)
        self.page_size = page_size or 4096

    @staticmethod
    def problem(data):
        """Why these bytes are no valid header, or None."""
        if len(data) < 2048:
            return "shorter than a header"
        header = Header(data)
        if header.magic != CHECKSUM_SEED:
            return f"magic is {header.magic:#010x}"
        if header.page_size not in PAGE_SIZES or len(data) < header.page_size:
            return f"page size is {header.page_size}, {len(data)} bytes are there"
        data = data[:header.page_size]
        stored, computed = struct.unpack_from("<I", data)[0], old_checksum(data)
        if stored != computed:
            return f"checksum is {stored:#010x}, computed {computed:#010x}"
        if header.version < 0x620:
            return f"version is {header.version:#x}"
        return None


class Page:
    """One page: its header fields and its tags, checked to lie inside the page.

    Tag 0 is the external header (the space header of a root, the key prefix of other pages); further reserved tags
    may follow in new revisions; then come the nodes.
    """

    def __init__(self, data, number):
        self.data, self.number = data, number
        self.prev, self.next, self.objid = struct.unpack_from("<III", data, 16)
        self.free, self.uncommitted_free, self.first_free, state, self.flags = struct.unpack_from("<HHHHI", data, 28)
        self.small = len(data) <= LARGEST_SMALL_PAGE
        self.header_size = 40 if self.small else 80
        self.tag_count = state & 0x0fff
        self.reserved_tags = max(1, state >> 12 & 7)
        if not self.reserved_tags <= self.tag_count <= (len(data) - self.header_size) // 4:
            raise EdbError(f"page {number}: {self.tag_count} tags, {self.reserved_tags} of them reserved")
        self.external_header = self.line(0)[1]

    def line(self, tag):
        """(flags, bytes) of a tag."""
        size, offset = struct.unpack_from("<HH", self.data, len(self.data) - 4 * (tag + 1))
        mask = 0x1fff if self.small else 0x7fff
        start = self.header_size + (offset & mask)
        end = start + (size & mask)
        if end > len(self.data) - 4 * self.tag_count:
            raise EdbError(f"page {self.number} tag {tag}: bytes {start} to {end} run into the tag array")
        line = self.data[start:end]
        if self.small:
            return offset >> 13, line
        return (line[1] >> 5 if len(line) > 1 else 0), line

    def prefix(self):
        """The bytes that compressed keys of this page begin with."""
        if not self.flags & PAGE_ROOT:
            return self.external_header
        # A space root keeps its split buffer first; other roots have no prefix.  Revision 2 may lack the buffer.
        return self.external_header[16:] if self.flags & PAGE_SPACE_TREE else b""

    def accounting_problem(self):
        """What the engine would refuse when it next writes this page, or None."""
        lines = []
        for tag in range(self.tag_count):
            size, offset = struct.unpack_from("<HH", self.data, len(self.data) - 4 * (tag + 1))
            mask = 0x1fff if self.small else 0x7fff
            lines.append((offset & mask, size & mask))
            if not size & mask and tag >= self.reserved_tags:
                return f"page {self.number} tag {tag}: empty node"
        room = len(self.data) - self.header_size - 4 * self.tag_count
        used = sum(size for _, size in lines)
        if used + self.free != room or not self.uncommitted_free <= self.free:
            return (f"page {self.number}: {used} bytes used and {self.free} free make no {room}, "
                    f"or the {self.uncommitted_free} uncommitted are more than the free ones")
        end = 0
        for offset, size in sorted(line for line in lines if line[1]):
            if offset < end:
                return f"page {self.number}: two tags share the byte at {offset}"
            end = offset + size
        if end > self.first_free:
            return f"page {self.number}: tags end at {end}, free space begins at {self.first_free}"
        return None

    def nodes(self):
        """Yields (tag, flags, key, data) of all nodes, deleted ones too."""
        prefix = self.prefix()
        for tag in range(self.reserved_tags, self.tag_count):
            flags, line = self.line(tag)
            prefix_size, at = 0, 0
            if flags & NODE_COMPRESSED:
                prefix_size, at = self._key_size(line, 0, tag), 2
            suffix_size = self._key_size(line, at, tag)
            at += 2
            if prefix_size > len(prefix) or at + suffix_size > len(line):
                raise EdbError(f"page {self.number} tag {tag}: key of {prefix_size} + {suffix_size} bytes, "
                               f"prefix has {len(prefix)}, node {len(line)}")
            yield tag, flags, prefix[:prefix_size] + line[at:at + suffix_size], line[at + suffix_size:]

    def _key_size(self, line, at, tag):
        if len(line) < at + 2:
            raise EdbError(f"page {self.number} tag {tag}: node of {len(line)} bytes")
        return (line[at] | line[at + 1] << 8) & 0x1fff


class PageFile:
    """A database file in memory.  `header_problems` lists what is wrong with header or shadow, when one can be used."""

    def __init__(self, content):
        self.content = content
        self.header, self.header_problems = self._read_header()
        self.page_size = self.header.page_size
        self.small = self.page_size <= LARGEST_SMALL_PAGE
        self.page_count = len(content) // self.page_size - 2
        self._pages = {}

    @classmethod
    def open(cls, path):
        """Reads a file; gzip is recognised by its first bytes, not by its name."""
        with open(path, "rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            try:
                content = gzip.decompress(content)
            except (EOFError, zlib.error) as error:
                raise EdbError(f"gzip: {error}") from None
        return cls(content)

    def _read_header(self):
        problem = Header.problem(self.content)
        if problem is None:
            header = Header(self.content)
            shadow = Header.problem(self.content[header.page_size:])
            return header, [f"shadow header: {shadow}"] if shadow else []
        for size in PAGE_SIZES:     # the page size is in the damaged header: find the shadow that names its own place
            shadow = self.content[size:2 * size]
            if Header.problem(shadow) is None and Header(shadow).page_size == size:
                return Header(shadow), [f"header: {problem}"]
        raise EdbError(f"neither header nor shadow is valid; header: {problem}")

    def raw(self, number):
        """The bytes of a page."""
        if not 1 <= number <= self.page_count:
            raise EdbError(f"page {number}: the file has pages 1 to {self.page_count}")
        return self.content[(number + 1) * self.page_size:(number + 2) * self.page_size]

    def page(self, number):
        """The page, parsed; its checksum must be right."""
        page = self._pages.get(number)
        if page is None:
            problem = self.page_problem(number)
            if problem:
                raise EdbError(problem)
            page = self._pages[number] = Page(self.raw(number), number)
        return page

    def page_problem(self, number):
        """What is wrong with the checksum of a page, or None."""
        stored, computed = page_checksums(self.raw(number), number)
        if stored == computed:
            return None
        return (f"page {number}: checksum is {' '.join(f'{c:016x}' for c in stored)}, "
                f"computed {' '.join(f'{c:016x}' for c in computed)}")

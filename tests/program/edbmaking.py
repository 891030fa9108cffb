"""Small ESE databases, put together by hand: old-form pages of 4 KiB, a table T over two or more levels, long values.

Written from the published structures for the tests of damaged input: every page is there to be put wrong.
"""

import struct

PAGE = 4096
MAGIC = 0x89ABCDEF
ROOT, LEAF, PARENT, LONG_VALUE = 0x1, 0x2, 0x4, 0x80
CATALOG, TABLE, VALUES, SHADOW = 4, 5, 6, 24  # root pages
FIRST_LEAF = 30
CLEAN, DIRTY = 3, 2
CHUNK = PAGE - 82


def xor_words(data):
    """XOR of all 32-bit words."""
    folded, bits = int.from_bytes(data, "little"), len(data) * 8
    while bits > 32:
        half = (bits // 2 + 31) // 32 * 32
        folded = (folded >> half) ^ (folded & ((1 << half) - 1))
        bits = max(half, bits - half)
    return folded


def set_sum(page):
    struct.pack_into("<I", page, 0, MAGIC ^ xor_words(bytes(page[4:])))


def header(state=CLEAN, version=0x620, revision=2, page_size=PAGE, file_type=0):
    page = bytearray(PAGE)
    struct.pack_into("<II", page, 4, MAGIC, version)
    struct.pack_into("<Q", page, 16, 100)
    struct.pack_into("<I", page, 52, state)
    struct.pack_into("<I", page, 212, 50)
    struct.pack_into("<II", page, 232, revision, page_size)
    struct.pack_into("<I", page, 667, file_type)
    set_sum(page)
    return page


def page_of(number, objid, flags, nodes, external=b""):
    """A page with its nodes: (key, data) each."""
    page = bytearray(PAGE)
    tags = [external] + [struct.pack("<H", len(key)) + key + data for key, data in nodes]
    offset = 0
    for i, tag in enumerate(tags):
        page[40 + offset:40 + offset + len(tag)] = tag
        struct.pack_into("<HH", page, PAGE - 4 * (i + 1), len(tag), offset)
        offset += len(tag)
    free = PAGE - 40 - 4 * len(tags) - offset
    assert free >= 0, "too much for one page"
    struct.pack_into("<IQII I HHHH I", page, 4, number, 50, 0, 0, objid, free, 0, offset, len(tags), flags)
    set_sum(page)
    return page


def record(fixed, last_fixed, variable=(), tagged=b""):
    """A record without nulls."""
    unused = -last_fixed % 8
    bitmap = bytearray((last_fixed + 7) // 8)
    if unused:
        bitmap[-1] = 0xFF & (0xFF << (8 - unused))
    end, offsets = 0, b""
    for value in variable:
        end += len(value)
        offsets += struct.pack("<H", end)
    head = struct.pack("<BBH", last_fixed, 127 + len(variable), 4 + len(fixed) + len(bitmap))
    return head + fixed + bytes(bitmap) + offsets + b"".join(variable) + tagged


def catalog_row(table, kind, number, coltype_or_root, space, flags, pages_or_locale, name):
    fixed = struct.pack("<IHIIIII", table, kind, number, coltype_or_root, space, flags, pages_or_locale)
    key = b"\x7f" + struct.pack(">I", table | 1 << 31) + b"\x7f" + struct.pack(">H", kind | 1 << 15)
    return key + b"\x7f" + struct.pack(">I", number | 1 << 31), record(fixed, 7, [name])


def catalog_rows():
    return [
        catalog_row(2, 1, 2, CATALOG, 20, 0x80000000, 0, b"MSysObjects"),
        catalog_row(6, 1, 6, TABLE, 1, 0, 0, b"T"),
        catalog_row(6, 2, 1, 4, 4, 0, 0, b"Id"),
        catalog_row(6, 2, 128, 10, 255, 0, 1252, b"Name"),
        catalog_row(6, 2, 256, 11, 0, 0, 0, b"Blob"),
        catalog_row(6, 4, 7, VALUES, 1, 0, 0, b"LV"),
    ]


SPACE = struct.pack("<IIII", 1, 1, 0, 0)  # what a root's external header says of a tree of one extent


def table_row(number, name, blob=None, lid=None):
    """A row of T: Id, Name, and Blob in the row or in the long-value tree."""
    tagged = b""
    if blob is not None:
        tagged = struct.pack("<HH", 256, 0x8000 | 1 + len(blob)) + b"\0" + blob
    elif lid is not None:
        tagged = struct.pack("<HHBI", 256, 0x8005, 1, lid)
    key = b"\x7f" + struct.pack(">I", number | 1 << 31)
    return key, record(struct.pack("<I", number), 1, [name], tagged)


class Database:
    """All pages, to be changed at will; `save` writes them."""

    def __init__(self, leaves=3, rows_per_leaf=2, name=b"name", **header_fields):
        self.header, self.shadow = header(**header_fields), header(**header_fields)
        self.pages = {}
        self.last = FIRST_LEAF + leaves + leaves // 200 + 1
        for root in (CATALOG, SHADOW):
            self.pages[root] = page_of(root, 2 if root == CATALOG else 3, ROOT | LEAF, catalog_rows(), SPACE)
        self.rows = []
        level = [(FIRST_LEAF + i, self._leaf(FIRST_LEAF + i, i * rows_per_leaf, rows_per_leaf, name))
                 for i in range(leaves)]
        self._values()
        self._parents(level)

    def _leaf(self, page, first, count, name):
        """Fills one leaf; returns the separator behind it.  The first row's Blob is a long value."""
        rows = [table_row(i + 1, name + b" %d" % (i + 1), lid=1 if i == 0 else None,
                          blob=b"blob" if i == 1 else None) for i in range(first, first + count)]
        self.pages[page] = page_of(page, 6, LEAF, rows)
        return b"\x7f" + struct.pack(">I", first + count + 1 | 1 << 31)

    def _values(self):
        """Long value 1, of two chunks: a page of its own for its root and for each of them."""
        lid = struct.pack(">I", 1)
        self.value = bytes(i % 251 for i in range(CHUNK + 100))
        self.pages[VALUES] = page_of(VALUES, 7, ROOT | PARENT | LONG_VALUE, [
            (lid + struct.pack(">I", 0), struct.pack("<I", 7)),
            (lid + struct.pack(">I", 1), struct.pack("<I", 8)),
            (b"", struct.pack("<I", 9))], SPACE)
        self.pages[7] = page_of(7, 7, LEAF | LONG_VALUE, [(lid, struct.pack("<II", 1, len(self.value)))])
        self.pages[8] = page_of(8, 7, LEAF | LONG_VALUE, [(lid + struct.pack(">I", 0), self.value[:CHUNK])])
        self.pages[9] = page_of(9, 7, LEAF | LONG_VALUE, [(lid + struct.pack(">I", CHUNK), self.value[CHUNK:])])

    def _parents(self, level):
        flags, free = PARENT, FIRST_LEAF + len(level)
        while len(level) > 200:
            above = []
            for i in range(0, len(level), 200):
                part = level[i:i + 200]
                self.pages[free] = self._parent(free, flags, part, i + 200 >= len(level))
                above.append((free, part[-1][1]))
                free += 1
            level, flags = above, 0
        self.pages[TABLE] = self._parent(TABLE, flags | ROOT, level, True, SPACE)

    @staticmethod
    def _parent(number, flags, children, rightmost, external=b""):
        nodes = [(key, struct.pack("<I", page)) for page, key in children]
        if rightmost:
            nodes[-1] = (b"", nodes[-1][1])
        return page_of(number, 6, flags, nodes, external)

    def set(self, page, offset, form, *values):
        """Changes fields of a page and puts its checksum right."""
        struct.pack_into(form, self.pages[page], offset, *values)
        set_sum(self.pages[page])

    def tag(self, page, number):
        """(offset in the page of the tag, of its bytes)."""
        at = PAGE - 4 * (number + 1)
        return at, 40 + (struct.unpack_from("<H", self.pages[page], at + 2)[0] & 0x1FFF)

    def set_child(self, page, number, child):
        """Lets the tag of an internal page lead to another page."""
        at, start = self.tag(page, number)
        size = struct.unpack_from("<H", self.pages[page], at)[0]
        self.set(page, start + size - 4, "<I", child)

    def image(self):
        parts = [bytes(self.header), bytes(self.shadow)]
        parts += [bytes(self.pages.get(number, b"\0" * PAGE)) for number in range(1, self.last + 1)]
        return b"".join(parts)

    def save(self, path):
        with open(path, "wb") as file:
            file.write(self.image())
        return path

"""A store of which pages are changed node by node, so that what names a leaf fits what is done to it.

Checksums are put right; what else follows of a change, neighbours, parents and indexes, is the caller's to change.
"""

import struct

from edbfile import NODE_COMPRESSED, PAGE_LEAF, PAGE_NEW_CHECKSUM, PAGE_SPACE_TREE, Page, page_checksums

FREE, TAGS, FLAGS, PREVIOUS, NEXT = 28, 34, 36, 16, 20
TAG_COUNT = 0x0fff


def sealed(data, number):
    """The page with the checksum that it should have in that place."""
    data = bytearray(data)
    flags, = struct.unpack_from("<I", data, FLAGS)
    blocks = (40, 48, 56) if flags & PAGE_NEW_CHECKSUM and len(data) > 8192 else ()
    for at, value in zip(blocks, page_checksums(bytes(data), number)[1][1:]):
        struct.pack_into("<Q", data, at, value)         # the first block's covers them
    for _ in range(2):                                  # the old form's covers the number, which stands in it
        struct.pack_into("<Q", data, 0, page_checksums(bytes(data), number)[1][0])
    return bytes(data)


class Node:
    """One node: its key and data, and what stands for it on its page."""

    def __init__(self, flags, key, data, line=None):
        self.flags, self.key, self.data = flags, key, data
        if line is None:
            self.flags, line = flags & ~NODE_COMPRESSED, struct.pack("<H", len(key)) + key + data
        self.line = line

    def with_key(self, key):
        return Node(self.flags, key, self.data)

    def child(self):
        return int.from_bytes(self.data, "little")


class Store:
    """The bytes of a store, `content`, and its pages."""

    def __init__(self, content, size):
        self.content, self.size = bytearray(content), size

    def get(self, number):
        return bytearray(self.content[(number + 1) * self.size:(number + 2) * self.size])

    def put(self, number, data, seal=True):
        assert len(data) == self.size
        self.content[(number + 1) * self.size:(number + 2) * self.size] = sealed(data, number) if seal else data

    def set(self, number, at, form, value):
        page = self.get(number)
        struct.pack_into(form, page, at, value)
        self.put(number, page)

    def blank(self, number):
        self.put(number, bytes(self.size), False)

    def links(self, number):
        return struct.unpack_from("<II", self.get(number), PREVIOUS)

    def nodes(self, number):
        page = Page(bytes(self.get(number)), number)
        return [Node(flags, key, data, page.line(tag)[1]) for tag, flags, key, data in page.nodes()]

    def set_nodes(self, number, nodes):
        """Writes the page anew, with these nodes."""
        data = self.get(number)
        page = Page(bytes(data), number)
        lines = [page.line(tag) for tag in range(page.reserved_tags)] + [(node.flags, node.line) for node in nodes]
        data[page.header_size:] = bytes(self.size - page.header_size)
        end = 0
        for tag, (flags, line) in enumerate(lines):
            data[page.header_size + end:page.header_size + end + len(line)] = line
            struct.pack_into("<HH", data, self.size - 4 * (tag + 1), len(line), end | (flags << 13 if page.small else 0))
            end += len(line)
        free = self.size - page.header_size - 4 * len(lines) - end
        assert free >= 0, "too much for one page"
        state, = struct.unpack_from("<H", data, TAGS)
        struct.pack_into("<HHHH", data, FREE, free, 0, end, state & ~TAG_COUNT | len(lines))
        self.put(number, data)

    # ---- a leaf, and what names it ----

    def take_out(self, leaf, parent):
        """Neither its neighbours nor its parent name the leaf any more."""
        before, behind = self.links(leaf)
        if before:
            self.set(before, NEXT, "<I", behind)
        if behind:
            self.set(behind, PREVIOUS, "<I", before)
        nodes = [node for node in self.nodes(parent) if node.child() != leaf]
        if not behind and nodes:
            nodes[-1] = nodes[-1].with_key(b"")
        self.set_nodes(parent, nodes)

    def take_out_entries(self, indexes, keys):
        """No page of these has an entry any more for rows of these keys."""
        for number in indexes:
            page = Page(bytes(self.get(number)), number)
            if page.flags & PAGE_LEAF and not page.flags & PAGE_SPACE_TREE:
                self.set_nodes(number, [node for node in self.nodes(number) if node.data not in keys])

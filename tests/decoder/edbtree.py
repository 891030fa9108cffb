"""Trees of pages: nodes in key order, and the pages a tree owns.

A walk checks what it passes: links between leaves, key order, separators, page flags and object id.  A dirty
database may break such rules until its logs are replayed, so there they are not enforced.
"""

import struct
from collections import namedtuple

from edbfile import (EdbError, NODE_DELETED, PAGE_EMPTY, PAGE_LEAF, PAGE_NON_UNIQUE, PAGE_PARENT_OF_LEAF, PAGE_ROOT,
                     PAGE_SPACE_TREE, STATE_CLEAN)

DEEPEST_TREE = 16
MULTIPLE_EXTENTS = 1                # flag in the space header

# `extents` is the bitmap of available pages behind the root, or with multiple extents the root of the owned-extent tree
SpaceHeader = namedtuple("SpaceHeader", "pages parent flags extents")


class Tree:
    """One B+-tree, named by the page number of its root."""

    def __init__(self, file, root, objid=None):
        self.file, self.root = file, root
        self.objid = file.page(root).objid if objid is None else objid
        self.strict = file.header.state == STATE_CLEAN

    def pages(self):
        """Yields every page of the tree, parents before children, leaves in key order."""
        self._seen, self._last_leaf = set(), None
        yield from self._descend(self.root, b"", None, 0)
        if self._last_leaf is not None and self._last_leaf.next:
            self._broken(self._last_leaf, f"last leaf, but next is {self._last_leaf.next}")

    def leaves(self):
        return (page for page in self.pages() if page.flags & PAGE_LEAF)

    def nodes(self):
        """Yields (page, tag, key, data) of every node that is not deleted."""
        for page in self.leaves():
            for tag, flags, key, data in page.nodes():
                if not flags & NODE_DELETED:
                    yield page, tag, key, data

    def _descend(self, number, low, high, depth):
        """Pages below `number`, whose keys are at least `low` and below `high` (None on the right edge)."""
        page = self.file.page(number)
        if number in self._seen or depth > DEEPEST_TREE:
            raise EdbError(f"page {number}: reached twice, or {depth} levels deep, in the tree of page {self.root}")
        self._seen.add(number)
        self._check_page(page, depth)
        yield page
        if page.flags & PAGE_LEAF:
            self._check_leaf(page, low, high)
            return
        children = list(page.nodes())
        if not children:
            raise EdbError(f"page {number}: internal page without nodes")
        for tag, _, key, data in children:
            if len(data) != 4:
                raise EdbError(f"page {number} tag {tag}: child page number has {len(data)} bytes")
            last = tag == children[-1][0]
            if key != (high or b"") if last else key <= low or high is not None and key >= high:
                self._broken(page, f"tag {tag}: separator {key.hex()} does not fit after {low.hex()}, "
                                   f"the parent's is {high and high.hex()}")
            child = int.from_bytes(data, "little")
            if bool(self.file.page(child).flags & PAGE_LEAF) != bool(page.flags & PAGE_PARENT_OF_LEAF):
                self._broken(page, f"tag {tag}: page {child} is at another level than flags {page.flags:#x} say")
            yield from self._descend(child, low, high if last else key, depth + 1)
            low = key

    def _check_page(self, page, depth):
        if page.objid != self.objid:
            self._broken(page, f"object id {page.objid}, its tree has {self.objid}")
        if bool(page.flags & PAGE_ROOT) != (depth == 0) or page.flags & PAGE_EMPTY:
            self._broken(page, f"flags {page.flags:#x} at level {depth}")
        if not page.flags & PAGE_LEAF and (page.prev or page.next):
            self._broken(page, f"internal page with neighbours {page.prev} and {page.next}")

    def _check_leaf(self, page, low, high):
        previous = self._last_leaf
        if page.prev != (previous.number if previous else 0) or previous and previous.next != page.number:
            self._broken(page, f"previous leaf is {page.prev}, walked from {previous and previous.number}")
        self._last_leaf = page
        non_unique = page.flags & PAGE_NON_UNIQUE
        last = None
        for tag, _, key, data in page.nodes():
            place = (key, data) if non_unique else key
            if last is not None and place <= last:
                self._broken(page, f"tag {tag}: key {key.hex()} is not above the one before it")
            last = place
            whole = key + data if non_unique else key
            if whole < low or high is not None and whole >= high:
                self._broken(page, f"tag {tag}: key {key.hex()} is outside its parent's separators")
        if last is None and not page.flags & PAGE_ROOT:
            self._broken(page, "empty leaf that is not a root")

    def _broken(self, page, text):
        if self.strict:
            raise EdbError(f"page {page.number}: {text}")

    def space(self):
        """The space header in the root."""
        header = self.file.page(self.root).external_header
        if len(header) > 16:        # with an auto-increment field: one flag byte, the space header, that field
            header = header[1:17]
        if len(header) != 16:
            raise EdbError(f"page {self.root}: space header of {len(header)} bytes")
        return SpaceHeader(*struct.unpack("<IIII", header))

    def space_trees(self):
        """The owned- and available-extent trees; none while the tree keeps to one extent."""
        space = self.space()
        if not space.flags & MULTIPLE_EXTENTS:
            return []
        trees = [Tree(self.file, space.extents, self.objid), Tree(self.file, space.extents + 1, self.objid)]
        for tree in trees:
            if not self.file.page(tree.root).flags & PAGE_SPACE_TREE:
                raise EdbError(f"page {tree.root}: not a space tree, but page {self.root} names it as one")
        return trees

    def owned(self):
        """The ranges of page numbers the tree owns."""
        trees = self.space_trees()
        if trees:
            return trees[0].extents()
        pages = self.space().pages
        if self.root + pages - 1 > self.file.page_count:
            raise EdbError(f"page {self.root}: owns {pages} pages, the file has {self.file.page_count}")
        return [range(self.root, self.root + pages)]

    def available(self):
        """The ranges of page numbers the tree owns and does not use."""
        trees = self.space_trees()
        if trees:
            return trees[1].extents()
        return [range(self.root + 1 + bit, self.root + 2 + bit) for bit in range(32) if self.space().extents >> bit & 1]

    def extents(self):
        """The ranges in a space tree: key the last page, big-endian (behind one byte for a pool), data the count."""
        for page, tag, key, data in self.nodes():
            number = key[1:] if len(key) == 5 and key[0] & 0x80 else key
            last, count = int.from_bytes(number, "big"), int.from_bytes(data, "little")
            if len(number) != 4 or len(data) != 4 or not count <= last <= self.file.page_count:
                raise EdbError(f"page {page.number} tag {tag}: extent {key.hex()} {data.hex()}, "
                               f"the file has {self.file.page_count} pages")
            yield range(last - count + 1, last + 1)

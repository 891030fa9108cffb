"""Moves of pages and of a root, and scrubbing, logged behind what a real database's logs hold.

The records are put together here from the published structures, of pages that the separate decoder reads; afterwards
every value has to be what the engine's own recovery has, whichever of the moved pages had been written already.
"""
import os
import pathlib
import random
import struct
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2] / "decoder")]
import dirty
import edbfile
import logreader
from program import km
from test_recover import differences

SEGMENT, HEADER = logreader.SEGMENT, logreader.HEADER
SESSION = 0x300
BEGIN0, COMMIT0, MACRO_BEGIN, MACRO_COMMIT = 8, 9, 11, 12
REPLACE, SET_EXTERNAL_HEADER, SCRUB, PAGE_MOVE, ROOT_PAGE_MOVE = 33, 38, 64, 65, 96
CATALOG, SHADOW = 2, 3
TABLE_ROW, INDEX_ROW, LONG_VALUE_ROW = 1, 3, 4
ROOT, OWNED, AVAILABLE = 1, 2, 4


class Writer:
    """Adds records to a log behind its last one."""

    def __init__(self, path):
        self.path = path
        log = logreader.Log(path)
        self.data, self.generation = bytearray(log.data), log.generation
        (_, self.number, byte), _, record = list(log.records())[-1]
        self.at = max(byte, HEADER) + len(record)
        self.first = self.number
        assert self.at <= SEGMENT

    def next_segment(self):
        header = self.data[self.number * SEGMENT:self.number * SEGMENT + HEADER]
        self.number += 1
        start = self.number * SEGMENT
        self.data[start:start + SEGMENT] = header + bytes(SEGMENT - HEADER)
        struct.pack_into("<HHi", self.data, start + 8, 0, self.number, self.generation)
        self.at = HEADER

    def piece(self, data):
        self.data[self.number * SEGMENT + self.at:self.number * SEGMENT + self.at + len(data)] = data
        self.at += len(data)

    def put(self, record):
        if self.at + len(record) > SEGMENT:
            self.next_segment()
        if self.at + len(record) <= SEGMENT:
            self.piece(record)
            return
        rest = SEGMENT - self.at - 7
        self.piece(struct.pack("<BIH", 76, len(record), rest) + record[:rest])
        while rest < len(record):
            self.next_segment()
            size = min(len(record) - rest, SEGMENT - self.at - 3)
            self.piece(struct.pack("<BH", 77, size) + record[rest:rest + size])
            rest += size

    def write(self):
        for number in range(self.first, self.number + 1):
            start = number * SEGMENT
            segment = bytes(self.data[start:start + SEGMENT])
            struct.pack_into("<Q", self.data, start, edbfile.new_checksum(segment, number, True))
        self.path.write_bytes(self.data)


class Changes:
    """Pages of a recovered database, and records that change them."""

    def __init__(self, path, log):
        self.file = edbfile.PageFile.open(path)
        self.size = self.file.page_size
        self.writer = Writer(log)
        self.database = next(data[3] for _, kind, data in logreader.Log(log).records() if kind in logreader.CODES
                             and logreader.TYPES[kind][1].startswith(logreader.PAGE))
        self.now, = struct.unpack_from("<Q", self.file.content, 16)
        self.pages, self.roots = [], []
        self.writer.put(struct.pack("<BHBI", BEGIN0, SESSION, 0x10, 1))

    def all_pages(self):
        for number in range(1, self.file.page_count + 1):
            if any(self.file.raw(number)):
                yield self.file.page(number)

    def time(self, number):
        return struct.unpack_from("<Q", self.file.raw(number), 8)[0] if number else 0

    def root_of(self, objid):
        return next(page for page in self.all_pages() if page.objid == objid and page.flags & edbfile.PAGE_ROOT
                    and not page.flags & (edbfile.PAGE_SPACE_TREE | edbfile.PAGE_EMPTY))

    def take(self, objid, count):
        """The first of `count` pages from the tree's own free ones: an extent of them becomes smaller."""
        owned, = struct.unpack_from("<I", self.root_of(objid).external_header, 12)
        page = self.file.page(owned + 1)
        for line, (tag, _, key, data) in enumerate(page.nodes()):
            size, = struct.unpack("<I", data)
            if size <= count:
                continue
            self.now += 1
            left = struct.pack("<I", size - count)
            self.writer.put(self.node_part(REPLACE, page, line) + struct.pack("<HHH", 4, 4, 4) + left)
            raw = bytearray(page.data)
            whole = page.line(tag)[1]
            at = raw.index(whole) + len(whole) - 4
            raw[at:at + 4] = left
            self.replace(page.number, raw)
            return int.from_bytes(key[-4:], "big") - size + 1
        raise AssertionError("no room")

    def replace(self, number, raw):
        """Another state of a page, at the time of the last change."""
        struct.pack_into("<Q", raw, 8, self.now)
        sums = edbfile.page_checksums(bytes(raw), number)[1]
        struct.pack_into("<Q", raw, 0, sums[0])
        if len(sums) > 1:
            struct.pack_into("<3Q", raw, 40, *sums[1:])
        content = bytearray(self.file.content)
        content[(number + 1) * self.size:(number + 2) * self.size] = raw
        self.file = edbfile.PageFile(bytes(content))

    def page_part(self, kind, number, line=0):
        self.pages.append(number)
        return struct.pack("<BHBIQQIBHB", kind, SESSION, self.database, number, self.now, self.time(number), 1, 1, line, 0)

    def node_part(self, kind, page, line=0):
        return self.page_part(kind, page.number, line) + struct.pack("<III", 0, 0, page.objid)

    def move(self, page, to, parent=0, line=0, left=0, right=0, root=0):
        page_end = page.header_size + page.first_free
        head, tail = bytearray(page.data[:page_end]), page.data[len(page.data) - 4 * page.tag_count:]
        struct.pack_into("<Q", head, 8, self.now)
        self.writer.put(self.page_part(PAGE_MOVE, page.number) + struct.pack(
            "<IIIIQQQIIiIII", to, left, right, parent, self.time(left), self.time(right), self.time(parent), 0,
            page.objid, line, root, len(head), len(tail)) + head + tail)
        self.pages += [to] + [number for number in (parent, left, right) if number]

    def move_leaf(self, objid):
        """A leaf between two others, to a free page."""
        to = self.take(objid, 1)
        leaf = next(page for page in self.all_pages()
                    if page.objid == objid and page.flags & edbfile.PAGE_LEAF and not page.flags & (
                        edbfile.PAGE_ROOT | edbfile.PAGE_EMPTY | edbfile.PAGE_SPACE_TREE) and page.prev and page.next)
        for page in self.all_pages():
            if page.objid == objid and page.flags & edbfile.PAGE_PARENT_OF_LEAF and not page.flags & edbfile.PAGE_EMPTY:
                for line, (_, _, _, data) in enumerate(page.nodes()):
                    if struct.unpack("<I", data)[0] == leaf.number:
                        self.now += 1
                        self.move(leaf, to, page.number, line, leaf.prev, leaf.next)
                        return leaf.number, to
        raise AssertionError("no parent")

    def rows_of(self, catalog):
        """(page, line, table, type, root page, bytes) of the rows in one of the catalogs that name a root."""
        for page in self.all_pages():
            if page.objid != catalog or not page.flags & edbfile.PAGE_LEAF or page.flags & (
                    edbfile.PAGE_EMPTY | edbfile.PAGE_SPACE_TREE):
                continue
            for line, (_, flags, _, data) in enumerate(page.nodes()):
                table, kind, _, root = struct.unpack_from("<IHII", data, 4)
                if not flags & edbfile.NODE_DELETED and kind in (TABLE_ROW, INDEX_ROW, LONG_VALUE_ROW):
                    yield page, line, table, kind, root, data

    def move_root(self, objid):
        to = self.take(objid, 3)
        root = self.root_of(objid)
        owned, = struct.unpack_from("<I", root.external_header, 12)
        self.now += 1
        macro = struct.pack("<HQ", SESSION, self.now)
        self.writer.put(bytes([MACRO_BEGIN]) + macro)
        self.writer.put(struct.pack("<BQBIH", ROOT_PAGE_MOVE, self.now, self.database, objid, SESSION))
        for place, (flag, page) in enumerate(((ROOT, root), (OWNED, self.file.page(owned)),
                                              (AVAILABLE, self.file.page(owned + 1)))):
            self.move(page, to + place, root=flag)
        is_table = any((kind, number) == (TABLE_ROW, root.number) for _, _, _, kind, number, _ in self.rows_of(CATALOG))
        children = {number for _, _, table, _, number, _ in self.rows_of(CATALOG) if table == objid and is_table}
        for child in sorted(children - {root.number}):
            page = self.file.page(child)
            header = bytearray(page.external_header[:16])
            assert struct.unpack_from("<I", header, 4)[0] == root.number
            struct.pack_into("<I", header, 4, to)
            self.writer.put(self.node_part(SET_EXTERNAL_HEADER, page) + struct.pack("<H", len(header)) + header)
        for catalog in (CATALOG, SHADOW):
            for page, line, _, _, number, data in self.rows_of(catalog):
                if number == root.number:
                    row = data[:14] + struct.pack("<I", to) + data[18:]
                    self.writer.put(self.node_part(REPLACE, page, line) +
                                    struct.pack("<HHH", len(row), len(row), len(row)) + row)
        self.writer.put(bytes([MACRO_COMMIT]) + macro)
        self.roots.append((root.number, to))
        return root.number, to, len(children) - is_table

    def scrub(self, page):
        """Wipes the rows that are deleted already, and what is free."""
        what = bytes(1 if flags & edbfile.NODE_DELETED else 0 for _, flags, _, _ in page.nodes())
        self.now += 1
        self.writer.put(self.node_part(SCRUB, page) + struct.pack("<IIH", 0, len(what), len(what) + 5) + what + b"\xee" * 5)

    def expected(self, values):
        """The engine's values with the catalogs' new roots."""
        for old, new in self.roots:
            column = " ColtypOrPgnoFDP[1] 4:{}\n"
            old, new = (column.format(struct.pack("<I", number).hex()) for number in (old, new))
            assert old in values
            values = values.replace(old, new)
        return values

    def write(self):
        self.writer.put(struct.pack("<BHBI", COMMIT0, SESSION, 0, 1))
        self.writer.write()


class Moves(unittest.TestCase):
    def changed(self, name, change, seed=20261126):
        """Recovers with the changes in the logs, then with some of their pages written already."""
        with dirty.unpacked([name]) as (case,), tempfile.TemporaryDirectory() as top:
            here, new = case / "killed", pathlib.Path(top) / "new.edb"
            base = pathlib.Path(top) / "base.edb"
            self.assertEqual(km.run("recover", here / "d.edb", "-o", base).returncode, km.REPAIRED)
            changes = Changes(base, here / "edb.log")
            result = change(changes)
            changes.write()
            values = pathlib.Path(top) / "values.txt"
            values.write_text(changes.expected((case / "values.txt").read_text(encoding="utf-8")), encoding="utf-8")
            self.listed_alike(here / "edb.log")
            self.lies_are_refused(case, changes)
            run = km.run("recover", here / "d.edb", "-o", new)
            self.assertEqual(run.returncode, km.REPAIRED, run.stderr.decode())
            self.assertEqual(list(differences(new, values)), [])
            after, size = new.read_bytes(), changes.size
            killed, choice = (here / "d.edb").read_bytes(), random.Random(seed)
            pages = sorted(set(changes.pages))
            for number in range(12 if os.environ.get("KM_LONG") else 3):
                data = bytearray(killed.ljust(len(after), b"\0"))
                written = [page for page in pages if choice.getrandbits(1)]
                for page in written:
                    data[(page + 1) * size:(page + 2) * size] = after[(page + 1) * size:(page + 2) * size]
                (here / "d.edb").write_bytes(data)
                again = pathlib.Path(top) / f"{number}.edb"
                run = km.run("recover", here / "d.edb", "-o", again)
                self.assertEqual(run.returncode, km.REPAIRED, (written, run.stderr.decode()))
                self.assertEqual(list(differences(again, values)), [], written)
            return edbfile.PageFile.open(new), changes, result

    def listed_alike(self, path):
        """The program's list of the records that were added, and that of the separate reader."""
        run = km.run("dump", path)
        self.assertEqual(run.returncode, 0, run.stderr)
        rows = [line.split("\t") for line in run.stdout.decode().splitlines()[1:]]
        ours = [(tuple(int(part, 16) for part in row[0].split(",")), int(row[2])) for row in rows]
        self.assertEqual(ours, [(at, len(data)) for at, _, data in logreader.Log(path).records()])

    def lies_are_refused(self, case, changes):
        """A length of the last record that fits no segment: no reader goes on, and nothing is recovered."""
        path = case / "killed" / "edb.log"
        whole = path.read_bytes()
        for (_, number, byte), kind, data in logreader.Log(path).records():
            at = number * SEGMENT + max(byte, HEADER)
            lengths = {PAGE_MOVE: (89, 93), SCRUB: (53,)}.get(kind, ())
            if whole[at:at + len(data)] != data:
                continue  # in pieces
            for place in lengths:
                log = bytearray(whole)
                log[at + place] = 0x3f
                segment = bytes(log[number * SEGMENT:(number + 1) * SEGMENT])
                struct.pack_into("<Q", log, number * SEGMENT, edbfile.new_checksum(segment, number, True))
                path.write_bytes(log)
                with self.assertRaises(logreader.Damage):
                    list(logreader.Log(path).records())
                self.assertNotEqual(km.run("dump", path).returncode, 0)
                new = case / "refused.edb"
                self.assertEqual(km.run("recover", case / "killed" / "d.edb", "-o", new).returncode, km.TROUBLE)
                self.assertFalse(new.exists())
        path.write_bytes(whole)

    def test_leaves(self):
        """Leaves of a table, of an index and of long values; of small pages and of large ones."""
        for name, objids in (("committed-4k", (8, 11)), ("mixed-32k", (11,))):
            with self.subTest(case=name):
                file, _, moved = self.changed(name, lambda changes: [changes.move_leaf(objid) for objid in objids])
                self.assertEqual([file.page(to).objid for _, to in moved], list(objids))
                self.assertTrue(all(file.page(old).flags & edbfile.PAGE_EMPTY for old, _ in moved))

    def test_roots(self):
        """The root of a table, its space trees with it; an index and long values below it."""
        for name, objid, expected in (("committed-4k", 8, 3), ("ddl-4k", 8, 3), ("deletes-4k", 11, 0), ("mixed-32k", 11, 0)):
            with self.subTest(case=name):
                file, _, (root, to, children) = self.changed(name, lambda changes: changes.move_root(objid))
                self.assertEqual(children, expected)
                self.assertTrue(file.page(root).flags & edbfile.PAGE_EMPTY)
                self.assertEqual(file.page(to).objid, objid)
                self.assertEqual(struct.unpack_from("<I", file.page(to).external_header, 12)[0], to + 1)

    def test_scrubbing(self):
        """Deleted rows lose their bytes, the others stay."""
        def change(changes):
            leaves = [page for page in changes.all_pages() if page.objid in (8, 10) and page.flags & edbfile.PAGE_LEAF and
                      not page.flags & (edbfile.PAGE_EMPTY | edbfile.PAGE_SPACE_TREE | edbfile.PAGE_ROOT)]
            for page in leaves:
                changes.scrub(page)
            return leaves
        file, _, leaves = self.changed("deletes-4k", change)
        wiped = 0
        for page in leaves:
            now = file.page(page.number)
            for (_, flags, key, data), (_, _, same, left) in zip(page.nodes(), now.nodes()):
                self.assertEqual(key, same)
                self.assertEqual(left, b"D" * len(data) if flags & edbfile.NODE_DELETED else data)
                wiped += flags & edbfile.NODE_DELETED == edbfile.NODE_DELETED
            end = now.header_size + now.first_free
            self.assertEqual(set(now.data[end:len(now.data) - 4 * now.tag_count]), {ord("Z")} if now.free else set())
        print(f"{wiped} deleted rows of {len(leaves)} pages wiped")
        self.assertGreater(wiped, 0)


if __name__ == "__main__":
    dirty.need()
    unittest.main()

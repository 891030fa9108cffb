#!/usr/bin/python3
"""Where names come from: the catalog or its shadow, or a catalog from elsewhere (--schema-from).

Whose names that gives is told, and what they name is only as sure as that.
"""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

import km

import edbdecode
from edbfile import PAGE_LEAF, PAGE_NON_UNIQUE, Page, page_checksums
from edbtree import Tree

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
PAGE = 2048
LOST = "UserCertificates"


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class SchemaFrom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.sound = self.make("sound.edb", "one")
        self.store, self.new = self.folder / "store.edb", self.folder / "new.edb"
        self.store.write_bytes(self.without_table(self.sound.read_bytes()))

    def make(self, name, seed):
        path = self.folder / name
        subprocess.run([KMFIXTURE, "--users", "20", "--page-size", str(PAGE), "--seed", seed, "-o", str(path)], check=True, capture_output=True)
        return path

    def without_table(self, whole):
        """Each page of the catalog and its shadow with the table's name is zeroed."""
        pages = [whole[at:at + PAGE] for at in range(0, len(whole), PAGE)]
        return b"".join(bytes(PAGE) if page[24:28] in (b"\x02\0\0\0", b"\x03\0\0\0") and LOST.encode() in page else page
                        for page in pages)

    def salvage(self, other, *options):
        result = km.run("salvage", self.store, "--schema-from", other, "-o", self.new, "--force", *options)
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        return result, lines

    def rows(self):
        return {table.name: len(list(table.rows())) for table in edbdecode.open(str(self.new)).tables}

    def test_an_older_copy_is_trusted(self):
        result, lines = self.salvage(self.sound)
        self.assertEqual((result.returncode, lines), (km.REPAIRED, []), result.stderr)
        self.assertEqual(self.rows()[LOST], 40)

    def test_names_of_another_database_are_told(self):
        other = self.make("other.edb", "two")
        for how in ([], ["--doubtful", "keep"], ["--doubtful", "drop"]):
            with self.subTest(how):
                result, lines = self.salvage(other, *how)
                written = how != ["--doubtful", "drop"]
                self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
                self.assertIn(f"as {other} says", result.stdout.decode())
                doubtful = [line for line in lines if line["kind"] == "doubtful" and line["table"] == LOST]
                self.assertEqual({line["written"] for line in doubtful}, {written})
                self.assertEqual((len(doubtful), self.rows()[LOST]), (40, 40 if written else 0))
                self.assertIn(LOST, [line.get("table") for line in lines if line["kind"] == "table-lost"])
                self.assertEqual({line["table"] for line in lines},
                                 {line["table"] for line in lines if line["kind"] == "table-lost"})
                self.assertNotIn("Administrators", [line["table"] for line in lines])       # on another page
                self.assertEqual(km.run("check", "--structure", self.new).returncode, km.CLEAN)

    def test_tables_that_do_not_fit_are_not_taken(self):
        """Another program's database has the same object ids for other trees: every row goes to quarantine."""
        whole = self.sound.read_bytes()
        pages = [whole[at:at + PAGE] for at in range(0, len(whole), PAGE)]
        self.store.write_bytes(b"".join(bytes(PAGE) if page[24:28] in (b"\x02\0\0\0", b"\x03\0\0\0") else page for page in pages))
        db = edbdecode.open(str(self.sound))
        truth = {data.hex() for table in db.tables if not table.name.startswith("MSys")
                 for _, _, _, data in Tree(db.file, table.root, table.objid).nodes()}
        for state in ("list-der", "key-guid"):
            with self.subTest(state):
                other = self.folder / f"{state}.edb"
                subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures" / "states" / state / "description.ini"), "-o", str(other),
                                "--page-size", str(PAGE), "-f"], check=True, capture_output=True)
                result, lines = self.salvage(other)
                self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
                self.assertIn(f"of {other} not taken", result.stdout.decode())
                self.assertTrue([line for line in lines if line["kind"] == "catalog" and "does not fit" in line["reason"]])
                self.assertNotIn("lost", [line["kind"] for line in lines])
                held = pathlib.Path(f"{self.new}.quarantine.jsonl").read_text()
                self.assertEqual([row for row in truth if row not in held], [])

    def test_repair_cannot_tell(self):
        result = km.run("repair", "--salvage", self.store, "--schema-from", self.make("other.edb", "two"))
        self.assertIn(b"Verdict: cannot tell", result.stdout)
        self.assertIn(b"KM-SALVAGED", result.stdout)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class OneTagOfOneCopy(unittest.TestCase):
    """A tag in the newer of catalog and shadow has one wrong bit: the row stands in the other, and is taken and told of."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store, self.new = (pathlib.Path(folder.name) / name for name in ("store.edb", "new.edb"))
        subprocess.run([KMFIXTURE, "--users", "20", "-o", str(self.store)], check=True, capture_output=True)
        self.sound, self.truth = self.store.read_bytes(), self.rows(self.store)
        self.header = edbdecode.open(str(self.store)).header
        self.size = self.header.page_size

    @staticmethod
    def rows(path):
        db = edbdecode.open(str(path))
        return {table.name: [(key, data) for _, _, key, data in Tree(db.file, table.root, table.objid).nodes()]
                for table in db.tables if not table.name.startswith("MSys")}

    def table_rows(self, objid):
        """(page, tag, key, data) of each row of a table in the catalog or its shadow."""
        for number in range(1, len(self.sound) // self.size - 1):
            data = self.sound[(number + 1) * self.size:(number + 2) * self.size]
            if struct.unpack_from("<I", data, 24) == (objid,) and Page(data, number).flags & PAGE_LEAF:
                yield from ((number, tag, key, row) for tag, _, key, row in Page(data, number).nodes()
                            if key[6:8] == b"\x80\x01")

    def spoil(self, number, tag, bit):
        """The bit of the tag is another, and the page is newer than all others."""
        content, at = bytearray(self.store.read_bytes()), (number + 1) * self.size
        data = content[at:at + self.size]
        struct.pack_into("<Q", data, 8, self.header.dbtime - 1)
        word, = struct.unpack_from("<I", data, self.size - 4 * (tag + 1))
        struct.pack_into("<I", data, self.size - 4 * (tag + 1), word ^ 1 << bit)
        for _ in range(2):
            struct.pack_into("<Q", data, 0, page_checksums(bytes(data), number)[1][0])
        content[at:at + self.size] = data
        self.store.write_bytes(content)

    def test_the_other_has_the_row(self):
        cases = [(number, tag, key) for objid in (2, 3) for number, tag, key, _ in self.table_rows(objid)]
        self.assertGreater(len(cases), len(self.truth))
        for number, tag, key in cases:
            for bit in (11, 27):        # of its size, of its offset
                self.store.write_bytes(self.sound)
                self.spoil(number, tag, bit)
                with self.subTest(page=number, tag=tag, bit=bit):
                    result = km.run("salvage", self.store, "-o", self.new, "--force")
                    self.assertEqual(self.rows(self.new), self.truth, result.stderr)
                    lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
                    self.assertIn(key.hex(), [line.get("key") for line in lines if line["kind"] == "catalog"])
                    if bit == 11:       # no other key is read in its place, and its tree stands: nothing is in doubt
                        self.assertNotIn("table-lost", [line["kind"] for line in lines], lines)
                        self.assertIn(b"(CertificateList) is whole", result.stdout)

    def test_one_leaf_whose_order_is_lost(self):
        """The whole catalog on one leaf, where a tag leads elsewhere: the shadow has all keys, and behind its last one."""
        subprocess.run([KMFIXTURE, "--users", "20", "--revision", "0x14", "--page-size", "8192", "-f", "-o", str(self.store)],
                       check=True, capture_output=True)
        self.sound, self.truth, self.size = self.store.read_bytes(), self.rows(self.store), 8192
        for number, tag, _, _ in self.table_rows(2):
            self.store.write_bytes(self.sound)
            self.spoil(number, tag, 27)
            with self.subTest(page=number, tag=tag):
                self.assertEqual(km.run("salvage", self.store, "-o", self.new, "--force").returncode, km.REPAIRED | km.PROBLEMS_LEFT)
                self.assertEqual(self.rows(self.new), self.truth)
                lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
                self.assertNotIn("before_key", str(lines))
                self.assertNotIn("neither the catalog nor its shadow", str(lines))

    def test_in_neither_the_table_is_not_whole(self):
        for name in (b"CertificateList", b"Configuration"):
            self.store.write_bytes(self.sound)
            for number, tag, _, _ in [row for objid in (2, 3) for row in self.table_rows(objid) if name in row[3]]:
                self.spoil(number, tag, 30)         # deleted: the pages are in order
            with self.subTest(name):
                self.assertIn(b"the list and the settings are NOT whole", km.run("repair", "--salvage", self.store).stdout)
                km.run("salvage", self.store, "-o", self.new, "--force")
                self.assertIn(f"both have the table {name.decode()} flagged as deleted",
                              pathlib.Path(f"{self.new}.salvage.jsonl").read_text())


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class BothCatalogs(unittest.TestCase):
    """What both the catalog and its shadow say of a column cannot be: it is not written as it stands, and it is told."""

    TYPE_AT, FLAGS_AT, PLACE_AT, FIRST_VARIABLE = 14, 22, 31, 128
    PAGE_FLAGS_AT = 36

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store, self.new = (pathlib.Path(folder.name) / name for name in ("store.edb", "new.edb"))

    def make(self, revision, page_size):
        subprocess.run([KMFIXTURE, "--users", "20", "--entries", "30", "--revision", revision, "--page-size", str(page_size), "-f",
                        "-o", str(self.store)], check=True, capture_output=True)
        self.sound, self.size = self.store.read_bytes(), page_size
        self.truth = self.rows(self.store)

    @staticmethod
    def rows(path):
        return {table.name: [edbdecode.json_row(table, row) for row in table.rows()]
                for table in edbdecode.open(str(path)).tables if not table.name.startswith("MSys")}

    def columns(self, kind=2):
        """(table's object id, column's id): [(page, offset in the page of the row), one in each catalog], the row.  kind 1:
        tables, 3: indexes."""
        found = {}
        for number in range(1, len(self.sound) // self.size - 1):
            data = self.sound[(number + 1) * self.size:(number + 2) * self.size]
            if struct.unpack_from("<I", data, 24)[0] in (2, 3) and Page(data, number).flags & PAGE_LEAF:
                for _, _, key, row in Page(data, number).nodes():
                    if key[1:2] == b"\x80" and key[6:8] == bytes([0x80, kind]) and struct.unpack_from("<I", row, 4)[0] > 3:
                        table, _, column = struct.unpack_from("<IHI", row, 4)
                        found.setdefault((table, column), ([], row))[0].append((number, data.index(row)))
        return found

    def change(self, places, at, form, value):
        content = bytearray(self.sound)
        for number, start in places:
            page = content[(number + 1) * self.size:(number + 2) * self.size]
            struct.pack_into(form, page, start + at, value)
            for _ in range(2):
                struct.pack_into("<Q", page, 0, page_checksums(bytes(page), number)[1][0])
            content[(number + 1) * self.size:(number + 2) * self.size] = page
        self.store.write_bytes(content)

    def salvage(self):
        result = km.run("salvage", self.store, "-o", self.new, "--force")
        self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
        self.assertEqual(km.run("check", "--structure", self.new).returncode, km.CLEAN)
        return [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]

    def test_places_of_fixed_columns(self):
        for revision, page_size in (("0x2", 4096), ("0x14", 8192)):
            self.make(revision, page_size)
            for (table, column), (places, row) in km.sampled(self.columns().items()):
                if column >= self.FIRST_VARIABLE:
                    continue
                self.assertEqual(len(places), 2)
                place, = struct.unpack_from("<H", row, self.PLACE_AT)
                for other in (place + 1, place + 0x40, place ^ 0x8000, 1, 0):
                    with self.subTest(revision=revision, table=table, column=column, place=other):
                        self.change(places, self.PLACE_AT, "<H", other)
                        lines = self.salvage()
                        self.assertEqual(self.rows(self.new), self.truth)
                        self.assertEqual([line["kind"] for line in lines], ["catalog"])
                        self.assertIn(f"of object {table} at byte {other} ", lines[0]["reason"])

    def test_columns_that_lie_over_each_other_are_damage(self):
        self.make("0x2", 4096)
        places, row = self.columns()[7, 2]
        self.change(places, self.PLACE_AT, "<H", struct.unpack_from("<H", row, self.PLACE_AT)[0] + 1)
        result = km.run("check", "--structure", self.store)
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT)
        self.assertIn(b"those before it end at", result.stdout)

    def test_an_index_that_is_said_to_be_unique_or_not(self):
        """Its pages have it, too."""
        for revision, page_size in (("0x2", 4096), ("0x14", 8192)):
            self.make(revision, page_size)
            for (table, index), (places, row) in self.columns(3).items():
                if index == table:
                    continue
                with self.subTest(revision=revision, index=index):
                    self.change(places, self.FLAGS_AT, "<B", row[self.FLAGS_AT] ^ 1)
                    self.assertEqual([line["kind"] for line in self.salvage()], ["catalog"])
                    self.assertEqual(self.rows(self.new), self.truth)

    @staticmethod
    def indexes(path):
        return {(table.name, index.name): index for table in edbdecode.open(str(path)).tables
                if not table.name.startswith("MSys") for index in table.indexes if not index.primary}

    def test_a_root_page_that_says_an_index_is_unique_or_not(self):
        """None is written as unique whose rows share a key; the catalog counts where entries or most pages agree with it."""
        believed = 0
        for revision, page_size in (("0x2", 4096), ("0x14", 8192)):
            self.make(revision, page_size)
            for name, index in self.indexes(self.store).items():
                with self.subTest(revision=revision, index=name):
                    flags, = struct.unpack_from("<I", self.sound, (index.root + 1) * page_size + self.PAGE_FLAGS_AT)
                    self.change([(index.root, 0)], self.PAGE_FLAGS_AT, "<I", flags ^ PAGE_NON_UNIQUE)
                    lines = self.salvage()
                    self.assertEqual([line["kind"] for line in lines], ["catalog"])
                    self.assertEqual(self.rows(self.new), self.truth)
                    if "the catalog is believed" in lines[0]["reason"]:
                        believed += 1
                        self.assertEqual(self.indexes(self.new)[name].unique, index.unique)
        self.assertGreater(believed, 0)

    def test_an_index_that_is_said_not_to_be_built(self):
        """It is, from the rows."""
        self.make("0x14", 8192)
        for (table, index), (places, row) in self.columns(3).items():
            if index != table:
                self.change(places, self.FLAGS_AT + 2, "<B", row[self.FLAGS_AT + 2] | 4)
                self.assertEqual([line["kind"] for line in self.salvage()], ["catalog"])
                self.assertEqual(self.rows(self.new), self.truth)

    def test_tables_with_a_template_that_they_do_not_name(self):
        self.make("0x2", 4096)
        for (table, _), (places, row) in self.columns(1).items():
            with self.subTest(table=table):
                self.change(places, self.FLAGS_AT + 3, "<B", row[self.FLAGS_AT + 3] ^ 0x10)
                lines = self.salvage()
                self.assertIn("table-lost", [line["kind"] for line in lines])
                lost = [line for line in lines if line["kind"] == "no-schema"]
                self.assertEqual(sum(map(len, self.rows(self.new).values())) + len(lost), sum(map(len, self.truth.values())))

    def test_names(self):
        """The catalog's own index of names is a third witness: it settles a difference, and speaks against both."""
        self.make("0x2", 4096)
        names = {(table.objid, table.objid, 1): table.name for table in edbdecode.open(str(self.store)).tables}
        names |= {(table.objid, column.id, 2): column.name for table in edbdecode.open(str(self.store)).tables for column in table.columns}
        for kind in (1, 2):
            for (table, number), (places, row) in km.sampled(self.columns(kind).items()):
                at = row.rindex(names[table, number, kind].encode())
                for wrong in (places, places[:1], places[1:]):
                    with self.subTest(table=table, kind=kind, number=number, wrong=wrong):
                        self.change(wrong, at, "<B", row[at] ^ 0x11)
                        lines = self.salvage()
                        self.assertEqual([line["kind"] for line in lines], ["catalog", "table-lost"])
                        self.assertIn("own index", lines[0]["reason"])
                        unseen = kind == 2 and not self.truth[names[table, table, 1]]
                        self.assertEqual(self.rows(self.new) == self.truth, len(wrong) == 1 or unseen)

    def test_another_copy_settles_it(self):
        """Where a copy of the database has the row as it is taken, in both of its catalogs, every row is kept: exit 1."""
        self.make("0x2", 4096)
        other = self.store.with_name("other.edb")
        places = self.columns()[7, 2][0]
        for at, form, value in ((self.TYPE_AT, "<I", 255), (self.PLACE_AT, "<H", 99)):
            self.change(places, at, form, value)
            for copy, status in ((self.sound, km.REPAIRED), (self.store.read_bytes(), km.REPAIRED | km.PROBLEMS_LEFT)):
                with self.subTest(at=at, status=status):
                    other.write_bytes(copy)
                    result = km.run("salvage", self.store, "--schema-from", other, "-o", self.new, "--force")
                    self.assertEqual(result.returncode, status, result.stderr)
                    self.assertIn('"kind":"catalog"', pathlib.Path(f"{self.new}.salvage.jsonl").read_text())
                    if status == km.REPAIRED:
                        self.assertEqual(self.rows(self.new), self.truth)

    def test_types_that_a_column_cannot_have(self):
        self.make("0x2", 4096)
        for (table, column), (places, row) in km.sampled(self.columns().items()):
            fixed, variable = column < self.FIRST_VARIABLE, self.FIRST_VARIABLE <= column < 256
            for other in (11, 13, 19, 255) if fixed else (4, 8, 11, 19) if variable else (19, 255):
                with self.subTest(table=table, column=column, type=other):
                    self.change(places, self.TYPE_AT, "<I", other)
                    lines = self.salvage()
                    self.assertEqual([line["kind"] for line in lines if line["kind"] == "catalog"], ["catalog"] * 2)
                    doubtful = [line["key"] for line in lines if line["kind"] == "doubtful"]
                    self.assertEqual(sum(map(len, self.rows(self.new).values())) + len(doubtful), sum(map(len, self.truth.values())))

    def test_columns_that_are_said_to_be_deleted(self):
        """The engine gives a column that it deletes another name."""
        self.make("0x2", 4096)
        for (table, column), (places, _) in km.sampled(self.columns().items()):
            with self.subTest(table=table, column=column):
                self.change(places, self.TYPE_AT, "<I", 0)
                self.assertIn("table-lost", [line["kind"] for line in self.salvage()])


if __name__ == "__main__":
    unittest.main()

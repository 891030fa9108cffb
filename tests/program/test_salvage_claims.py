#!/usr/bin/python3
"""A page with the object id of another tree, right in itself: what its own parent or the catalog names stays another's.

Not one row may be kept with what stands on it, whatever its time says, and the table that has lost it says so.  Where the
catalog has the page as a table's root, its rows are that table's, and doubtful.  So are rows that their page says are none.
"""

import itertools
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

import km

import edbdecode
from edbmaking import set_sum

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
PAGE = 4096
TIME_AT, OBJID_AT, TAGS_AT = 8, 24, 34


def rows(path):
    """Of each table, its rows by key."""
    db = edbdecode.open(str(path))
    return {table.name: {json.dumps(list(row.items())[0]): row for row in (edbdecode.json_row(table, each) for each in table.rows())}
            for table in db.tables if not table.name.startswith("MSys")}


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Claims(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.new = self.folder / "store.edb", self.folder / "new.edb"

    def make(self, *how):
        subprocess.run([KMFIXTURE, *map(str, how), "-o", str(self.store)], check=True, capture_output=True)
        return {table.name: table for table in edbdecode.open(str(self.store)).tables}

    def relabel(self, number, objid, newest):
        """Gives a page of the store another object id; newest: and the time of what was written last."""
        content = bytearray(self.store.read_bytes())
        page = content[(number + 1) * PAGE:(number + 2) * PAGE]
        struct.pack_into("<I", page, OBJID_AT, objid)
        if newest:
            page[TIME_AT:TIME_AT + 8] = content[16:24]
        set_sum(page)
        content[(number + 1) * PAGE:(number + 2) * PAGE] = page
        self.store.write_bytes(content)

    def objid(self, number):
        return struct.unpack_from("<I", self.store.read_bytes(), (number + 1) * PAGE + OBJID_AT)[0]

    def salvage(self):
        for file in self.folder.glob("new.edb*"):
            file.unlink()
        run = km.run("salvage", self.store, "-o", self.new, "--json")
        self.assertEqual(run.returncode, km.REPAIRED | km.PROBLEMS_LEFT, run.stderr)
        self.assertEqual(km.run("check", self.new, "--structure").returncode, km.CLEAN)
        told = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        return {table["name"]: table for table in json.loads(run.stdout)["tables"]}, told

    def test_a_root_as_another_tables(self):
        """The catalog has whose it is, and that table has its own: its rows are given back, and doubtful."""
        for newest in (False, True):
            tables = self.make("--users", 20, "--entries", 30, "-f")
            sound, truth = self.store.read_bytes(), rows(self.store)
            for name in truth:
                for other in truth.keys() - {name}:
                    with self.subTest(root=name, says=other, newest=newest):
                        self.store.write_bytes(sound)
                        self.relabel(tables[name].root, tables[other].objid, newest)
                        found, told = self.salvage()
                        self.assert_given_back(truth, found, told, {name})

    def test_roots_exchanged(self):
        tables = self.make("--users", 20, "--entries", 30, "-f")
        sound, truth = self.store.read_bytes(), rows(self.store)
        for name, other in itertools.combinations(truth, 2):
            with self.subTest(root=name, other=other):
                self.store.write_bytes(sound)
                self.relabel(tables[name].root, tables[other].objid, False)
                self.relabel(tables[other].root, tables[name].objid, False)
                found, told = self.salvage()
                self.assert_given_back(truth, found, told, {name, other})

    def test_a_root_as_the_databases_own(self):
        """And the database's as a table's: it has its place always."""
        tables = self.make("--users", 20, "--entries", 30, "-f")
        sound, truth = self.store.read_bytes(), rows(self.store)
        for name in truth:
            for exchanged in (False, True):
                with self.subTest(root=name, exchanged=exchanged):
                    self.store.write_bytes(sound)
                    self.relabel(tables[name].root, 1, False)
                    if exchanged:
                        self.relabel(1, tables[name].objid, False)
                    found, told = self.salvage()
                    self.assert_given_back(truth, found, told, {name})

    def assert_given_back(self, truth, found, told, names):
        """No row is another table's; a row that stands on a page in question is doubtful, and its table not whole."""
        self.assertEqual(rows(self.new), truth)
        self.assertEqual({line["table"] for line in told if line["kind"] == "table-lost"}, names)
        for name, table in found.items():
            if name in truth:
                small = name == "Configuration"     # its root is a leaf, with rows
                self.assertEqual(table["doubtful"], len(truth[name]) if small and name in names else 0, name)
                self.assertEqual((table["kept"] + table["doubtful"], table["in_part"]), (len(truth[name]), name in names))

    def test_rows_said_to_be_reserved_tags(self):
        """A page that says that more than one of its tags is reserved: that is found, and the rows there are doubtful."""
        tables = self.make("--users", 20, "--entries", 30, "-f")
        sound, truth = self.store.read_bytes(), rows(self.store)
        for name, bits in itertools.product(filter(truth.get, truth), (0x20, 0x40, 0x80)):
            with self.subTest(table=name, bits=bits):
                content = bytearray(sound)
                start, page = self.first_leaf(content, tables[name].objid)
                page[TAGS_AT + 1] |= bits
                tags, = struct.unpack_from("<H", page, TAGS_AT)
                hidden = min(tags >> 12, tags & 0xfff) - 1
                set_sum(page)
                content[start:start + PAGE] = page
                self.store.write_bytes(content)
                self.assertIn(b"reserved tags: expected at most 1", km.run("check", self.store, "--structure").stdout)
                found, told = self.salvage()
                self.assertEqual(rows(self.new), truth)
                self.assertEqual({other: table["doubtful"] for other, table in found.items() if table["doubtful"]}, {name: hidden})
                self.assertEqual([(line["kind"], line["table"]) for line in told], [("doubtful", name)] * hidden)

    def test_an_odd_header(self):
        """A flag that no page has, or a first free byte behind the page: that is found, and the rows there are doubtful."""
        tables = self.make("--users", 20, "--entries", 30, "-f")
        sound, truth = self.store.read_bytes(), rows(self.store)
        for name, (at, kind, bits) in itertools.product(filter(truth.get, truth), ((36, "<I", 1 << 19), (36, "<I", 1 << 31), (32, "<H", 0xffff))):
            with self.subTest(table=name, at=at, bits=bits):
                content = bytearray(sound)
                start, page = self.first_leaf(content, tables[name].objid)
                on_page = (struct.unpack_from("<H", page, TAGS_AT)[0] & 0xfff) - 1
                struct.pack_into(kind, page, at, struct.unpack_from(kind, page, at)[0] | bits)
                set_sum(page)
                content[start:start + PAGE] = page
                self.store.write_bytes(content)
                self.assertIn(b"of a kind that is not known" if at == 36 else b"first free byte",
                              km.run("check", self.store, "--structure").stdout)
                found, told = self.salvage()
                self.assertEqual(rows(self.new), truth)
                self.assertEqual({other: table["doubtful"] for other, table in found.items() if table["doubtful"]}, {name: on_page})
                self.assertEqual([(line["kind"], line["table"]) for line in told], [("doubtful", name)] * on_page)

    def first_leaf(self, content, objid):
        """Where in the store the first leaf with rows of a table is, and its bytes."""
        for start in range(2 * PAGE, len(content), PAGE):
            page = content[start:start + PAGE]
            if struct.unpack_from("<I", page, OBJID_AT)[0] == objid and page[36] & 2 and not page[36] & 0x20:
                return start, page

    def catalog_rows(self, objid):
        """(page, offset in it) of the table's own row in the catalog and in its shadow."""
        content, key = self.store.read_bytes(), struct.pack("<IHI", objid, 1, objid)
        for at in range(2 * PAGE, len(content), PAGE):
            page = content[at:at + PAGE]
            if struct.unpack_from("<I", page, OBJID_AT)[0] in (2, 3) and page[36] & 2 and key in page:
                yield at // PAGE - 1, page.index(key) - 4

    def test_a_root_that_both_catalogs_have_elsewhere(self):
        """The page that they name is another's, or none, and the root stands: nothing is in doubt, and it is told."""
        tables = self.make("--users", 20, "--entries", 30, "-f")
        sound, truth = self.store.read_bytes(), rows(self.store)
        elsewhere = {name: tables[name].root for name in truth} | {"none": 0, "behind the end": 1 << 20, "the catalog's": 4}
        for name in truth:
            for other, root in elsewhere.items():
                if other == name:
                    continue
                with self.subTest(root=name, named=other):
                    self.store.write_bytes(sound)
                    places = list(self.catalog_rows(tables[name].objid))
                    self.assertEqual(len(places), 2)
                    for number, start in places:
                        content = bytearray(self.store.read_bytes())
                        page = content[(number + 1) * PAGE:(number + 2) * PAGE]
                        struct.pack_into("<I", page, start + 14, root)
                        set_sum(page)
                        content[(number + 1) * PAGE:(number + 2) * PAGE] = page
                        self.store.write_bytes(content)
                    found, told = self.salvage()
                    self.assertEqual(rows(self.new), truth)
                    self.assertEqual([line["kind"] for line in told], ["catalog"])
                    self.assertIn(f"stands on page {tables[name].root}:", told[0]["reason"])
                    self.assertEqual(found[name]["kept"], len(truth[name]))

    def shared(self):
        """A store in which long values of the list and of users have the same ids, and one chunk each."""
        text = (km.SOURCE / "fixtures" / "states" / "shared-long-value" / "description.ini").read_text()
        description = self.folder / "shared.ini"
        description.write_text(text.replace("key-history-size = 9000", "key-history-size = 581"))
        return self.make(description, "-f")

    def assert_cut(self, was, now, lines):
        """Rows differ only in that values are gone, and for each of these rows there is a line."""
        self.assertEqual(was.keys(), now.keys())
        changed = [key for key in was if was[key] != now[key]]
        self.assertGreater(len(changed), 0)
        self.assertEqual(len(changed), len(lines))
        for key in changed:
            self.assertLess(now[key].items(), was[key].items())

    def test_long_values_of_another_table(self):
        for newest in (False, True):
            with self.subTest(newest=newest):
                tables = self.shared()
                truth = rows(self.store)
                of_list, of_users = tables["CertificateList"].long_value_root, tables["Users"].long_value_root
                self.relabel(of_users, self.objid(of_list), newest)
                told = self.salvage()[1]
                have = rows(self.new)
                self.assertEqual(dict(have, Users=None), dict(truth, Users=None))
                self.assert_cut(truth["Users"], have["Users"], [line for line in told if line["kind"] == "cut"])
                self.assertEqual({line["page"] for line in told if line["kind"] == "long-value"}, {of_users})

    def test_long_values_exchanged(self):
        tables = self.shared()
        truth = rows(self.store)
        roots = [tables[name].long_value_root for name in ("CertificateList", "Users")]
        objids = [self.objid(root) for root in roots]
        for root, objid in zip(roots, reversed(objids)):
            self.relabel(root, objid, False)
        told = self.salvage()[1]
        have = rows(self.new)
        for name in ("CertificateList", "Users"):
            self.assert_cut(truth[name], have[name], [line for line in told if line["kind"] == "cut" and line["table"] == name])


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""A page with the object id of another tree, right in itself: what its own parent or the catalog names stays another's.

Not one row may be kept with what stands on it, whatever its time says, and the table that has lost it says so.
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
from edbmaking import set_sum

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
PAGE = 4096
TIME_AT, OBJID_AT = 8, 24


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

    def test_settings_as_administrators(self):
        for newest in (False, True):
            with self.subTest(newest=newest):
                tables = self.make("--users", 20, "--entries", 30, "-f")
                truth = rows(self.store)
                self.relabel(tables["Configuration"].root, tables["Administrators"].objid, newest)
                found, told = self.salvage()
                self.assertEqual(rows(self.new), dict(truth, Configuration={}))
                self.assertEqual(found["Administrators"]["kept"], len(truth["Administrators"]))
                self.assertEqual(found["Administrators"]["doubtful"], len(truth["Configuration"]))
                self.assertEqual([line["table"] for line in told if line["kind"] == "page-lost"], ["Configuration"])

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

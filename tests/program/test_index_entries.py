#!/usr/bin/python3
"""Entries of indexes that point at no row: when a repair takes them out, and when it does not dare to.

What is left of the rows and indexes is read by the separate decoder, whose own check names each entry without its row.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km
import edbdecode

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
REVISIONS = ("2", "0x14")

STORE = """
[store]
seed = entries of indexes
mode = V1V3
issuing-ca = issuing
time = 1999-09-30 12:00
[certificate own]
version = 1
subject = O=Trey Research, CN=Certificate Authority
[certificate issuing]
subject = O=Trey Research, CN=Trey Research CA
[certificate other]
subject = O=Fabrikam, CN=Fabrikam Root
[entry 1]
certificate = own
role = own
[entry 2]
certificate = issuing
role = issuing
[entry 3]
certificate = other
[entry 4]
certificate = other
[table Cards]
column.1 = CardId Long
column.2 = Owner Text
column.3 = Number Long
column.4 = Password Text
unique = Owner
index = Number Password
"""
CARDS = "".join(f"row.{i} = {i} | owner {i} | {i // 4} | geheim {i % 7}\n" for i in range(1, 801))


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class IndexEntries(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmmigrate-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, damage, revision="2", name="store"):
        description, store = self.folder / "store.ini", self.folder / f"{name}.edb"
        description.write_text(STORE + CARDS + "[damage]\n" + damage)
        made = subprocess.run([KMFIXTURE, description, "-o", store, "--force", "--revision", revision], check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def report(self, *arguments, status=None):
        result = km.run(*arguments, "--json")
        if status is not None:
            self.assertEqual(result.returncode, status, result.stderr)
        return json.loads(result.stdout)

    def taken_out(self, report):
        return [(a["table"], a["index"], a["row_key"]) for a in report["plan"]["actions"] if a["action"] == "drop-index-entry"]

    def codes(self, report):
        return {problem["code"] for problem in report["problems"]}

    def lone(self, store):
        """How many entries of indexes have no row."""
        return sum("no such row" in str(text) for text in edbdecode.open(str(store)).problems())

    def mended(self, damage, wanted, revision="2"):
        """Both ways of writing take out the wanted entries, and nothing else changes; undo puts them back."""
        store = self.make(damage, revision)
        self.assertEqual(self.lone(store), len(wanted))
        copy, before = self.folder / "copy.edb", store.read_bytes()
        report = self.report("repair", store, "-o", copy, "--force", status=km.REPAIRED)
        self.assertEqual(sorted(self.taken_out(report)), sorted(wanted))
        here = self.report("repair", store, "--in-place", "--no-backup", status=km.REPAIRED)
        self.assertEqual(self.taken_out(here), self.taken_out(report))
        for written in (copy, store):
            self.assertEqual(edbdecode.open(str(written)).problems(), [])
            self.assertEqual(self.report("check", written, status=km.CLEAN)["plan"]["actions"], [])
            self.assertEqual(km.run("check", written, "--structure").returncode, km.CLEAN)
        self.report("undo", store, status=km.CLEAN)
        self.assertEqual(store.read_bytes(), before)
        return report

    def test_rows_that_were_removed(self):
        for revision in REVISIONS:
            with self.subTest(revision=revision):
                report = self.mended("removed.1 = CertificateList 4\nremoved.2 = Cards 400\n",
                                     [("CertificateList", "ByThumbprint", "7f80000004")] +
                                     [("Cards", name, "7f80000190") for name in self.indexes()], revision)
                self.assertIn("KM-INDEX-DANGLING", self.codes(report))
                self.assertEqual(report["verdict"], "yes after repair")
                # of the list it is said that nothing else is left of the row
                gone = [problem for problem in report["problems"] if problem["code"] == "KM-ROW-GONE"]
                self.assertIn("index ByThumbprint has an entry for the row with key 7f80000004, which is not there", str(gone))
                self.assertNotIn("Cards", str(gone))
                self.assertNotIn("geheim", json.dumps(report))

    def indexes(self):
        database = edbdecode.open(str(self.make("", name="sound")))
        table = next(table for table in database.tables if table.name == "Cards")
        return [index.name for index in table.indexes if index.root != table.root]

    def test_changes_that_were_not_finished(self):
        report = self.mended("unfinished.1 = CertificateList 4\n", [("CertificateList", "ByThumbprint", "7f80000004")])
        self.assertIn("KM-INDEX-UNFINISHED", self.codes(report))
        self.assertEqual(report["verdict"], "yes")
        self.assertEqual([a["needed"] for a in report["plan"]["actions"]], [False])

    def test_rows_that_may_be_lost(self):
        """Where the row's own page is older than its entry, the row may be what was lost: that is damage."""
        store = self.make("stale.1 = CertificateList 0 1\n")
        self.assertEqual(self.lone(store), 1)
        report = self.report("repair", store, "-o", self.folder / "never.edb", status=km.PROBLEMS_LEFT)
        self.assertEqual(self.taken_out(report), [])
        self.assertIn("KM-STRUCTURE", self.codes(report))
        self.assertEqual(report["verdict"], "no")
        self.assertFalse((self.folder / "never.edb").exists())

    def test_a_new_row_may_take_the_key(self):
        """An entry that is added gets the key of the row that was removed."""
        store = self.make("removed.1 = CertificateList 4\nremoved.2 = CertificateList 3\n")
        other = self.certificate("other")
        copy = self.folder / "copy.edb"
        report = self.report("migrate", store, "--to", "V3", "--issuing-ca", other, "-o", copy, status=km.REPAIRED)
        self.assertEqual([a["entry"] for a in report["plan"]["actions"] if a["action"] == "add-entry"], [3])
        self.assertEqual(len(self.taken_out(report)), 2)
        self.assertEqual(edbdecode.open(str(copy)).problems(), [])

    def certificate(self, name):
        made = subprocess.run([KMFIXTURE, "--certs", self.folder, self.folder / "store.ini"], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.folder / f"{name}.der"

    def test_the_plan_is_another_one(self):
        ids = {self.report("repair", self.make(damage))["plan"]["id"] for damage in
               ("removed.1 = Cards 1\n", "removed.1 = Cards 2\n", "removed.1 = Cards 1\nremoved.2 = Cards 2\n")}
        self.assertEqual(len(ids), 3)

    def test_a_bound(self):
        """Past 200 entries it is damage; the report says so and nothing is written."""
        each = len(self.indexes())
        for rows, allowed in ((200 // each, True), (200 // each + 1, False)):
            store = self.make("".join(f"removed.{i} = Cards {3 * i}\n" for i in range(1, rows + 1)))
            report = self.report("repair", store, "-o", self.folder / "copy.edb", "--force",
                                 status=km.REPAIRED if allowed else km.PROBLEMS_LEFT)
            self.assertEqual("KM-STRUCTURE" in self.codes(report), not allowed)


if __name__ == "__main__":
    km.main()

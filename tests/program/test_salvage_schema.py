#!/usr/bin/python3
"""A catalog from elsewhere (--schema-from): whose names it gives is told, and what they name is only as sure as that."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

import edbdecode

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

    def test_repair_cannot_tell(self):
        result = km.run("repair", "--salvage", self.store, "--schema-from", self.make("other.edb", "two"))
        self.assertIn(b"Verdict: cannot tell", result.stdout)
        self.assertIn(b"KM-SALVAGED", result.stdout)


if __name__ == "__main__":
    unittest.main()

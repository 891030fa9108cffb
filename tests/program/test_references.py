#!/usr/bin/python3
"""References: tried against what they prove, and by hexadecimal digits, and by issuer and serial number."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"


class Tried(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.store, self.new = self.where / "store.edb", self.where / "new.edb"

    def make(self, wrong, right):
        """imported-twice with so many users' certificates more that name another CA than theirs, and theirs."""
        text = (STATES / "imported-twice" / "description.ini").read_text()
        text = text[:text.index("\n[expect")]
        for n in range(wrong + right):
            text += f"\n[user-certificate {100 + n}]\nuser = 1\nissuer-entry = {1 if n < wrong else 2}\nissuer = issuing\nversion = 3\n"
        (self.where / "description.ini").write_text(text)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store)], check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def repair(self, *options):
        self.new.unlink(missing_ok=True)
        result = km.run("repair", self.store, "-o", self.new, "--json", *options)
        return result, json.loads(result.stdout)

    def test_a_few_are_wrong(self):
        """Up to three, or two of a hundred: that may be damage of single rows."""
        for wrong, right in ((0, 3), (3, 0), (4, 250)):
            self.make(wrong, right)
            result, report = self.repair()
            self.assertNotIn("KM-PROFILE-MISFIT", [p["code"] for p in report["problems"]], (wrong, right))
            self.assertTrue(self.new.exists())

    def test_many_are_wrong(self):
        """Then it is no reference: nothing is written, and nothing is said for sure."""
        for wrong, right in ((4, 0), (60, 40), (40, 600)):
            self.make(wrong, right)
            result, report = self.repair()
            self.assertFalse(self.new.exists())
            self.assertEqual((report["verdict"], result.returncode), ("cannot tell", km.PROBLEMS_LEFT))
            said = [p["evidence"] for p in report["problems"] if p["code"] == "KM-PROFILE-MISFIT"]
            self.assertRegex(said[0], r"column IssuerEntry: of \d+ rows that were tried, in \d+ the key of the entry did not")


if __name__ == "__main__":
    unittest.main(verbosity=2)

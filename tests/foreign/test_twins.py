#!/usr/bin/python3
"""Stores of other schemas in the form of Exchange 5.5, revision 2, and as they are: right with -o and in place, and undone.

The stores of the corpus are of a later revision.  Each is built anew at revision 2 with the same values (twins.py).
Both are repaired with the questions answered as their facts.json says, and judged by value.
"""

import gzip
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "program")]
import judge  # noqa: E402
import km  # noqa: E402
import twins  # noqa: E402
from test_foreign import FOLDER, answers  # noqa: E402

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))


@unittest.skipUnless(FOLDER.is_dir(), "the corpus is not there")
class Twins(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)

    def answered(self, folder, facts, store):
        """The options with which a repair is written; None when none is."""
        options, new = [], self.where / "new.edb"
        for _ in range(5):
            for old in self.where.glob("new.edb*"):
                old.unlink()
            result = km.run("repair", store, "-o", new, "--accept-discovered", "--json", *options)
            if new.exists():
                return options, result
            more = answers(facts, json.loads(result.stdout)["problems"], options)
            if not more:
                return None, result
            options += more
        return None, result

    def judged(self, folder, new, store, options):
        wrong = judge.compare(folder, new, store)
        return [text for text in wrong if not ("--keep" in options and "are gone" in text)]

    def in_place(self, folder, store, options):
        """Repairs a copy in place, and takes that back."""
        copy = self.where / "copy.edb"
        for old in self.where.glob("copy.edb*"):
            old.unlink()
        shutil.copyfile(store, copy)
        result = km.run("repair", copy, "--in-place", "--no-backup", "--accept-discovered", *options)
        self.assertIn(result.returncode, (km.REPAIRED, km.REPAIRED | km.PROBLEMS_LEFT), result.stderr)
        self.assertEqual(self.judged(folder, copy, store, options), [])
        self.assertEqual(km.run("undo", copy).returncode, 0)
        self.assertEqual(copy.read_bytes(), store.read_bytes())

    def take(self, revision, make):
        right = 0
        for folder in sorted(FOLDER.iterdir()):
            facts = json.loads((folder / "facts.json").read_text())
            with self.subTest(folder.name, revision=revision):
                store = self.where / f"{folder.name}.edb"
                make(folder / "store.edb.gz", store)
                options, result = self.answered(folder, facts, store)
                self.assertIsNotNone(options, result.stderr)
                self.assertEqual(self.judged(folder, self.where / "new.edb", store, options), [])
                self.in_place(folder, store, options)
                right += 1
                store.unlink()
        print(f"at revision {revision}: {right} of {len(list(FOLDER.iterdir()))} right, with -o and in place, and undone",
              file=sys.stderr)

    def test_revision_2(self):
        self.take("0x2", lambda packed, store: twins.build(packed, KMFIXTURE, store, "0x2"))

    def test_as_written(self):
        """As Microsoft's engine wrote them."""
        self.take("0x14", lambda packed, store: store.write_bytes(gzip.decompress(packed.read_bytes())))


if __name__ == "__main__":
    if not FOLDER.is_dir():
        print("skipped: the corpus is not there", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""Pages of another KM store in the file: behind its end, in its unused parts, at the places that they name or at others.

They are right in themselves, and their tables have the same object ids.  Not one of their rows may be kept as one of this
store's, and what this store has stays what it is.
"""

import collections
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

import edbdecode
from edbtree import Tree

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
PAGE = 4096
LOST = "UserCertificates"


def slot(number):
    return slice((number + 1) * PAGE, (number + 2) * PAGE)


def rows(path):
    """Of each table, how often each row is there."""
    found = {}
    for table in edbdecode.open(str(path)).tables:
        if not table.name.startswith("MSys"):
            text = "\n".join(edbdecode.values_lines(table)).split("\nEND ")[0].split("\nROW ")
            found[table.name] = collections.Counter(row.partition("\n")[2] for row in text[1:])
    return found


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Foreign(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.new = self.folder / "store.edb", self.folder / "new.edb"

    def make(self, name, revision, *how):
        path = self.folder / name
        subprocess.run([KMFIXTURE, *how, "--revision", revision, "-o", str(path)], check=True, capture_output=True)
        return path

    def mixtures(self, own, other):
        """The bytes of a store into which pages of the other one came; first without them."""
        numbers = range(1, len(own) // PAGE - 1)
        free = [n for n in numbers if not any(own[slot(n)])]
        used = [n for n in range(1, len(other) // PAGE - 1) if any(other[slot(n)])]
        yield "nothing", own
        yield "behind the end", own + other[2 * PAGE:]
        yield "what a longer file left", own + other[len(own):]
        mixed = bytearray(own)
        for place, number in zip(free, used):
            mixed[slot(place)] = other[slot(number)]
        yield "in unused pages", bytes(mixed)
        mixed = bytearray(own)
        for number in set(free) & set(used):
            mixed[slot(number)] = other[slot(number)]
        yield "in unused pages of their numbers", bytes(mixed)

    def leaf(self, path):
        """A leaf of a table, neither its first nor its last, and how many rows it has."""
        db = edbdecode.open(str(path))
        table = next(table for table in db.tables if table.name == LOST)
        leaves = collections.Counter(page.number for page, _, _, _ in Tree(db.file, table.root, table.objid).nodes())
        return sorted(leaves.items())[len(leaves) // 2]

    def salvage(self):
        for file in self.folder.glob("new.edb*"):
            file.unlink()
        run = km.run("salvage", self.store, "-o", self.new, "--json")
        self.assertTrue(self.new.exists(), run.stderr)
        self.assertEqual(km.run("check", self.new, "--structure").returncode, km.CLEAN)
        return json.loads(run.stdout), run.returncode

    def sweep(self, own, other, seen):
        """seen: in these mixtures there are rows that only the other has."""
        truth, (leaf, count) = rows(own), self.leaf(own)
        for lost in (False, True):
            for how, content in self.mixtures(own.read_bytes(), other.read_bytes()):
                with self.subTest(how, lost=lost):
                    mixed = bytearray(content)
                    if lost:
                        mixed[slot(leaf)] = bytes(PAGE)
                    self.store.write_bytes(mixed)
                    told, status = self.salvage()
                    have = rows(self.new)
                    for name, wanted in truth.items():
                        gone = count if lost and name == LOST else 0
                        self.assertEqual(sum((have[name] - wanted).values()), 0, name)
                        # what an index of this store confirms may be its own; it is written, and doubtful
                        missing = sum((wanted - have[name]).values())
                        self.assertLessEqual(missing, gone, name)
                        self.assertLessEqual(gone - missing, next(t["doubtful"] for t in told["tables"] if t["name"] == name))
                    doubtful = sum(table["doubtful"] for table in told["tables"])
                    self.assertEqual(doubtful > 0, how in seen)
                    self.assertEqual(status, km.REPAIRED | (km.PROBLEMS_LEFT if lost or doubtful else 0))

    def test_a_larger_store(self):
        for revision in ("0x2", "0x14"):
            own = self.make("own.edb", revision, "--users", "40", "--entries", "20")
            other = self.make("other.edb", revision, "--users", "300", "--entries", "60", "--duplicates")
            self.sweep(own, other, {"behind the end", "in unused pages", "in unused pages of their numbers"})
            own.unlink()
            other.unlink()

    def test_a_smaller_store(self):
        """Its pages are older than what this one has in the same ranges of keys."""
        own = self.make("own.edb", "0x2", "--users", "300", "--entries", "60", "--duplicates")
        other = self.make("other.edb", "0x2", "--users", "40", "--entries", "20")
        self.sweep(own, other, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)

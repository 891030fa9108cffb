#!/usr/bin/python3
"""What changing a database in place writes, read by readers that share nothing with it.

Random databases (test_build_random SEED FILE REVISION PAGE_SIZE) and copies of the corpus are changed in place, batch after
batch (test_inplace FILE SEED EDITS, which prints what must be read back); after each batch the separate decoder of
tests/decoder reads exactly that and finds nothing wrong and no page that was lost, and at revision 0x14 libesedb agrees as far as it can.

The two programs are looked for in ./tests, where CTest runs this, or where KM_TEST_PROGRAMS says.
KM_RANDOM_SEEDS: how many random databases.  KM_RANDOM_EDITS: how many edits in each batch.
"""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "build"))

import test_roundtrip as roundtrip  # first: it knows where the decoder lies
import libesedb
from test_roundtrip import CORPUS, decoded, edbdecode, expected_values, program

SEEDS = int(os.environ.get("KM_RANDOM_SEEDS") or 24)
EDITS = int(os.environ.get("KM_RANDOM_EDITS") or 150)
BATCHES = 3

FORMS = [(2, 4096), (0x14, 4096), (2, 8192), (0x14, 8192), (2, 2048), (0x14, 2048), (9, 4096), (0x14, 32768),
         (0x122, 16384)]

# In Catalog1.edb, as Windows left it, one index entry has no row.
KNOWN_PROBLEM = "index timestampIndex"

# Files of the corpus, and how many edits they get in a batch.
REAL = [("engine", "churn-4096.edb.gz", 60), ("engine", "churn-8192.edb.gz", 60), ("engine", "churn-32768.edb.gz", 60),
        ("engine", "imported-twice.edb.gz", 40), ("engine", "imported-twice-revision2.edb.gz", 40),
        ("ese-revision2", "Catalog1.edb.gz", 60), ("ese-revision2", "default.edb.gz", 60), ("ese", "Catalog1.edb.gz", 60),
        ("ese", "SRUDB.dat.gz", 60), ("ese", "text.edb.gz", 60), ("ese", "multi.edb.gz", 60)]


class Tally:
    """What was done and compared, over all batches."""

    dropped = changed = added = batches = given_up = rows = values = 0
    libesedb_values = 0

    @classmethod
    def add(cls, said):
        found = re.fullmatch(r"(\d+) dropped, (\d+) changed, (\d+) added\n", said)
        cls.batches += 1
        if found is None:
            cls.given_up += 1
            return
        dropped, changed, added = map(int, found.groups())
        cls.dropped, cls.changed, cls.added = cls.dropped + dropped, cls.changed + changed, cls.added + added


class Edited(unittest.TestCase):
    def edit(self, path, seed, edits):
        done = subprocess.run([program("test_inplace"), path, str(seed), str(edits)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        Tally.add(done.stderr.decode())
        return expected_values(done.stdout.decode())

    def batch(self, path, seed, edits, lost=frozenset()):
        """lost: pages that nobody had before, either."""
        expected = self.edit(path, seed, edits)
        found = decoded(path)
        for name, rows in expected.items():
            self.assertEqual(found[name], rows, name)
            Tally.rows += len(rows)
            Tally.values += sum(map(len, rows))
        after = edbdecode.open(path)
        problems = after.problems()
        self.assertEqual([p for p in problems if KNOWN_PROBLEM not in p], [])
        self.assertEqual(after.lost_pages() - lost, set())
        return expected

    def ask_libesedb(self, path, expected):
        header = edbdecode.open(path).header
        if libesedb.pyesedb is None or header.revision != 0x14 or header.page_size > 8192:
            return
        found = libesedb.values(path)
        for name in set(expected) & set(found):
            same, _ = libesedb.compare(self, name, expected[name], found[name])
            Tally.libesedb_values += same


@unittest.skipUnless(program("test_build_random"), "test_build_random is not in " + roundtrip.PROGRAMS)
@unittest.skipUnless(program("test_inplace"), "test_inplace is not in " + roundtrip.PROGRAMS)
class Built(Edited):
    def test_random_databases(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "built.edb")
            for seed in range(3000, 3000 + SEEDS):
                revision, page_size = FORMS[seed % len(FORMS)]
                subprocess.run([program("test_build_random"), str(seed), path, hex(revision), str(page_size)],
                               stdout=subprocess.DEVNULL, check=True)
                for batch in range(BATCHES):
                    with self.subTest(seed=seed, revision=hex(revision), page_size=page_size, batch=batch):
                        expected = self.batch(path, seed * 100 + batch, EDITS)
                        self.ask_libesedb(path, expected)


@unittest.skipUnless(os.path.isdir(os.path.join(CORPUS, "engine")), "no corpus: set KM_CORPUS to its folder")
@unittest.skipUnless(program("test_inplace"), "test_inplace is not in " + roundtrip.PROGRAMS)
class Real(Edited):
    def test_copies_of_the_corpus(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, (kind, name, edits) in enumerate(REAL):
                path = os.path.join(folder, name[:-3])
                with gzip.open(os.path.join(CORPUS, kind, name)) as source, open(path, "wb") as to:
                    to.write(source.read())
                lost = edbdecode.open(path).lost_pages()
                for batch in range(2):
                    with self.subTest(file=name, batch=batch):
                        self.batch(path, 100 * number + batch, edits, lost)


def tearDownModule():
    print(f"{Tally.batches} batches ({Tally.given_up} given up): {Tally.dropped} rows dropped, {Tally.changed} changed, "
          f"{Tally.added} added; {Tally.rows} rows and {Tally.values} columns read back by the decoder, "
          f"{Tally.libesedb_values} values by libesedb", file=sys.stderr)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    if result.wasSuccessful() and result.testsRun == len(result.skipped):
        sys.exit(77)
    sys.exit(not result.wasSuccessful())

#!/usr/bin/python3
"""What the builder and the compaction write, read by readers that share nothing with them.

Random databases (test_build_random SEED FILE REVISION PAGE_SIZE) are read back by the separate decoder of tests/decoder
and, at revision 0x14, by libesedb; every clean file of the corpus is compacted (test_compact IN OUT) and compared
value for value with its source by the decoder, by libesedb and by impacket, as far as each can open it.

The two programs are looked for in ./tests, where CTest runs this, or where KM_TEST_PROGRAMS says.
KM_RANDOM_SEEDS: how many random databases.
"""

import glob
import gzip
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "decoder"))

import edbdecode
import libesedb

try:
    import impacket.ese
except ImportError:
    impacket = None

CORPUS = os.environ.get("KM_CORPUS") or os.path.join(HERE, "..", "..", "..", "..", "..", "shared", "corpus")
PROGRAMS = os.environ.get("KM_TEST_PROGRAMS") or "tests"
SEEDS = int(os.environ.get("KM_RANDOM_SEEDS") or 24)

FORMS = [(2, 4096), (0x14, 4096), (2, 8192), (0x14, 8192), (2, 2048), (0x14, 32768), (9, 4096), (0x122, 16384)]

# The rows of these columns name pages, which are other ones in a copy.
PAGE_COLUMNS = {"ColtypOrPgnoFDP"}
EMPTIED = {"MSysExtentPageCountCache"}


def program(name):
    path = os.path.join(PROGRAMS, name)
    return path if os.access(path, os.X_OK) else None


def decoded(path):
    """{table: [{column: [value, ...]}]} of all tables but the catalog, as the decoder reads them."""
    return {table.name: [{name: [bytes(value) for value in values] for name, values in row.items()}
                         for row in table.rows()] for table in edbdecode.open(path).tables}


def expected_values(text):
    """The same of what test_build_random prints."""
    tables, rows = {}, None
    for line in text.splitlines():
        if line.startswith("TABLE "):
            rows = tables.setdefault(line[6:], [])
        elif line.startswith("ROW "):
            rows.append({})
        else:
            name, value = line[1:].split(" ", 1)
            size, data = value.split(":")
            assert len(data) == 2 * int(size)
            rows[-1].setdefault(name[:name.index("[")], []).append(bytes.fromhex(data))
    return tables


def without_gaps(values, others):
    """Without the values of columns for which one of the two has no bytes."""
    return {name: [{column: value for column, value in row.items() if None not in (value, other.get(column))}
                   for row, other in zip(rows, others[name], strict=True)] for name, rows in values.items()}


@unittest.skipUnless(program("test_build_random"), "test_build_random is not in " + PROGRAMS)
class Built(unittest.TestCase):
    def build(self, folder, seed, revision, page_size):
        path = os.path.join(folder, "built.edb")
        done = subprocess.run([program("test_build_random"), str(seed), path, hex(revision), str(page_size)],
                              stdout=subprocess.PIPE, check=True)
        return path, expected_values(done.stdout.decode())

    def test_decoder_reads_what_was_built(self):
        values = 0
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(1000, 1000 + SEEDS):
                revision, page_size = FORMS[seed % len(FORMS)]
                with self.subTest(seed=seed, revision=hex(revision), page_size=page_size):
                    path, expected = self.build(folder, seed, revision, page_size)
                    found = decoded(path)
                    self.assertEqual(edbdecode.open(path).problems(), [])
                    for name, rows in expected.items():
                        self.assertEqual(found[name], rows, name)
                        values += sum(len(row) for row in rows)
        self.assertGreater(values, 100 * SEEDS)

    @unittest.skipIf(libesedb.pyesedb is None, "no pyesedb: install python3-libesedb")
    def test_libesedb_reads_what_was_built(self):
        compared = left_out = 0
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(2000, 2000 + SEEDS):
                page_size = (4096, 8192, 4096, 2048)[seed % 4]
                with self.subTest(seed=seed, page_size=page_size):
                    path, expected = self.build(folder, seed, 0x14, page_size)
                    found = libesedb.values(path)
                    for name in set(expected) & set(found):
                        same, not_read = libesedb.compare(self, name, expected[name], found[name])
                        compared, left_out = compared + same, left_out + not_read
        self.assertGreater(compared, 100 * SEEDS)
        self.assertLess(left_out, compared / 4)


@unittest.skipUnless(os.path.isdir(os.path.join(CORPUS, "engine")), "no corpus: set KM_CORPUS to its folder")
@unittest.skipUnless(program("test_compact"), "test_compact is not in " + PROGRAMS)
class Compacted(unittest.TestCase):
    """Every clean file of the corpus against its compacted copy."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.pairs = []
        for packed in sorted(glob.glob(os.path.join(CORPUS, "e*", "*.gz"))):
            if "-values" in packed or edbdecode.open(packed).header.state != 3:
                continue
            plain = os.path.join(cls.folder.name, packed.replace(os.sep, "_")[-60:-3])
            with gzip.open(packed) as source, open(plain, "wb") as to:
                to.write(source.read())
            subprocess.run([program("test_compact"), plain, plain + ".new"], check=True)
            cls.pairs.append((plain, plain + ".new"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def must_be_equal(self, before, after):
        self.assertEqual(set(before), set(after))
        for name in before:
            if name in EMPTIED:
                continue
            self.assertEqual(len(before[name]), len(after[name]), name)
            for number, (row, other) in enumerate(zip(before[name], after[name])):
                for column in PAGE_COLUMNS & set(row):
                    row, other = dict(row), dict(other)
                    del row[column], other[column]
                self.assertEqual(row, other, f"{name} row {number}")

    def test_decoder_finds_the_same_values(self):
        self.assertGreaterEqual(len(self.pairs), 20)
        for source, copy in self.pairs:
            with self.subTest(file=os.path.basename(source)):
                self.must_be_equal(decoded(source), decoded(copy))
                self.assertEqual(edbdecode.open(copy).problems(), [])
                self.assertLessEqual(os.path.getsize(copy), os.path.getsize(source))

    @unittest.skipIf(libesedb.pyesedb is None, "no pyesedb: install python3-libesedb")
    def test_libesedb_finds_the_same_values(self):
        opened = 0
        for source, copy in self.pairs:
            header = edbdecode.open(source).header
            # It reads revision 2 wrongly, and takes minutes for large pages.
            if header.revision != 0x14 or header.page_size > 8192:
                continue
            with self.subTest(file=os.path.basename(source)):
                before, after = libesedb.values(source), libesedb.values(copy)
                self.must_be_equal(without_gaps(before, after), without_gaps(after, before))
                opened += 1
        self.assertGreaterEqual(opened, 10)

    @unittest.skipIf(impacket is None, "no impacket: install python3-impacket")
    def test_impacket_finds_the_same_rows(self):
        compared = 0
        for source, copy in self.pairs:
            header = edbdecode.open(source).header
            if header.revision != 0x14 or "types" in source or "churn" in source:
                continue # it is slow
            with self.subTest(file=os.path.basename(source)):
                tables = [table.name for table in edbdecode.open(source).tables if not table.name.startswith("MSys")]
                before, after = impacket_tables(source, tables), impacket_tables(copy, tables)
                self.assertEqual(before, after)
                compared += sum(map(len, before.values()))
        self.assertGreater(compared, 500)


def impacket_tables(path, names):
    db = impacket.ese.ESENT_DB(path)
    try:
        return {name: impacket_rows(db, db.openTable(name)) for name in names}
    finally:
        db.close()


def impacket_rows(db, cursor):
    rows = []
    while cursor is not None:
        row = db.getNextRow(cursor)
        if row is None:
            break
        rows.append(dict(row))
    return rows


if __name__ == "__main__":
    program_ = unittest.main(exit=False)
    result = program_.result
    if result.wasSuccessful() and result.testsRun == len(result.skipped):
        sys.exit(77)
    sys.exit(not result.wasSuccessful())

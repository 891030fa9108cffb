"""`repair --recover`: a dirty KM store is recovered and repaired in one plan.

The store is kmfixture's, made dirty, with a log of its own that changes one setting: written here, from the published
structures.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1]),
                str(pathlib.Path(__file__).parents[2] / "decoder")]
import edbdecode
import edbfile
import km
import logreader

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
SIGNATURE = struct.pack("<I6B18x", 0x10f51f, 1, 2, 3, 4, 5, 99)
CREATED = bytes((1, 2, 3, 4, 5, 99, 0, 0))
GENERATION = 3


def seal_header(page):
    struct.pack_into("<I", page, 0, edbfile.old_checksum(bytes(page)))


def make_dirty(path):
    """The header says that generation 3 is needed."""
    data = bytearray(path.read_bytes())
    size = struct.unpack_from("<I", data, 236)[0] or 4096
    for copy in (0, size):
        header = data[copy:copy + size]
        struct.pack_into("<I", header, 52, 2)
        header[108:136] = SIGNATURE
        struct.pack_into("<ii", header, 296, GENERATION, GENERATION)
        struct.pack_into("<i", header, 416, GENERATION)
        header[348:356] = CREATED
        seal_header(header)
        data[copy:copy + size] = header
    path.write_bytes(data)
    return data, size


def make_log(path, data, page_size, records):
    header = bytearray(4096)
    struct.pack_into("<iHHHH", header, 4, GENERATION, 4096, 1, 16, page_size)
    header[16:24] = CREATED
    struct.pack_into("<III", header, 32, 8, 4000, 4)
    header[44:72] = SIGNATURE
    header[72:85] = b"C:\\Kmsdata\\\0\0"
    header[333:346] = b"C:\\Kmsdata\\\0\0"
    struct.pack_into("<I", header, 667, 3)
    header[671:671 + 64] = struct.pack("<BBHQII8s8s28s", 1, 0, 0, 0, 0, 0, b"", b"", bytes(data[24:52]))
    seal_header(header)
    segment = bytearray(4096)
    struct.pack_into("<HHi", segment, 8, 0, 1, GENERATION)
    struct.pack_into("<I", segment, 36, 0x2000)
    segment[40:40 + len(records)] = records
    struct.pack_into("<Q", segment, 0, edbfile.new_checksum(bytes(segment), 1, True))
    path.write_bytes(header + segment + bytes(14 * 4096))


class RepairRecover(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store = self.folder / "Kmsmdb.edb"
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures" / "states" / "imported-twice" / "description.ini"),
                        "--revision", "0x14", "-o", str(self.store)], check=True, capture_output=True)
        self.plain = km.run("repair", self.store, "--json")
        self.recovered = self.folder / "clean.edb"
        self.recovered.write_bytes(self.store.read_bytes())
        data, size = make_dirty(self.store)
        begin = struct.pack("<BHBI", 8, 5, 0x10, 1)
        commit = struct.pack("<BHBI", 9, 5, 0, 2)
        make_log(self.folder / "edb.log", data, size, begin + commit)

    def test_the_log_is_one(self):
        self.assertEqual([kind for _, kind, _ in logreader.Log(self.folder / "edb.log").records()], [8, 9])
        self.assertEqual(km.run("logs", self.store).returncode, km.CLEAN)

    def test_a_dirty_store_is_repaired(self):
        before = self.store.read_bytes()
        refused = km.run("repair", self.store, "-o", self.folder / "no.edb")
        self.assertEqual(refused.returncode & km.PROBLEMS_LEFT, km.PROBLEMS_LEFT)
        plan = km.run("repair", self.store, "--recover", "--json")
        told = json.loads(plan.stdout)
        actions = [(action["action"], action.get("entry")) for action in told["plan"]["actions"]]
        expected = json.loads(self.plain.stdout)["plan"]["actions"]
        self.assertEqual(actions, [(action["action"], action.get("entry")) for action in expected])
        self.assertTrue(actions)
        self.assertEqual(told["recovered"]["last_generation"], GENERATION)
        self.assertEqual(told["store"]["path"], str(self.store))
        new = self.folder / "new.edb"
        done = km.run("repair", self.store, "--recover", "--plan", told["plan"]["id"], "-o", new)
        self.assertEqual(done.returncode, km.REPAIRED, done.stdout.decode() + done.stderr.decode())
        self.assertIn(b"Recovered", done.stdout)
        self.assertEqual(self.store.read_bytes(), before)
        self.assertEqual(km.run("check", new).returncode, km.CLEAN)
        wanted = self.folder / "wanted.edb"
        self.assertEqual(km.run("repair", self.recovered, "-o", wanted).returncode, km.REPAIRED)
        for ours, theirs in zip(edbdecode.open(str(new)).tables, edbdecode.open(str(wanted)).tables):
            self.assertEqual(list(edbdecode.values_lines(ours)), list(edbdecode.values_lines(theirs)))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         sorted(["Kmsmdb.edb", "clean.edb", "edb.log", "new.edb", "wanted.edb"]
                                + [path.name for path in self.folder.glob("*.quarantine*.pem")]))

    def test_what_does_not_fit_is_refused(self):
        (self.folder / "edb.log").unlink()
        run = km.run("repair", self.store, "--recover", "-o", self.folder / "new.edb")
        self.assertEqual(run.returncode, km.TROUBLE)
        self.assertIn(b"generation 3 is missing", run.stderr)
        self.assertFalse((self.folder / "new.edb").exists())

    def test_usage(self):
        for arguments in (["--recover", "--in-place"], ["--logs", self.folder], ["--until-damage"]):
            self.assertEqual(km.run("repair", self.store, *arguments).returncode, km.USAGE, arguments)
        self.assertEqual(km.run("repair", self.folder, "--recover").returncode, km.USAGE)


if __name__ == "__main__":
    km.main()

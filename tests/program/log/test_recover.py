"""Recovered databases against the engine's own recovery of the same files: every value of every table.

The values are read with the separate decoder; where the engine refused to recover, the program has to refuse.
"""
import collections
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import struct
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2] / "decoder")]
import dirty
import edbdecode
import edbfile
import logreader
from program import km

LONG = os.environ.get("KM_LONG")


def by_table(lines):
    tables = {}
    for line in lines:
        if line.startswith("TABLE "):
            current = tables.setdefault(line.split(" ")[1], [])
        if line:
            current.append(line)
    return tables


def differences(path, values):
    ours = by_table(line for table in edbdecode.open(str(path)).tables for line in edbdecode.values_lines(table))
    theirs = by_table(values.read_text(encoding="utf-8").splitlines())
    if set(ours) != set(theirs):
        yield f"tables {sorted(ours)}, the engine has {sorted(theirs)}"
    for name in sorted(set(ours) & set(theirs)):
        a, b = ours[name], theirs[name]
        if a == b:
            continue
        for number, (x, y) in enumerate(zip(a, b)):
            if x != y:
                yield f"{name} line {number}: {x[:120]!r}, the engine has {y[:120]!r}"
                break
        else:
            yield f"{name}: {len(a)} lines, the engine has {len(b)}"


def files_of(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


class Recover(unittest.TestCase):
    def test_every_case(self):
        equal = refused = 0
        with dirty.unpacked() as cases, tempfile.TemporaryDirectory() as to:
            for case in cases:
                with self.subTest(case=case.name):
                    new = pathlib.Path(to) / (case.name + ".edb")
                    before = files_of(case / "killed")
                    run = km.run("recover", case / "killed" / "d.edb", "-o", new, "--json")
                    self.assertEqual(files_of(case / "killed"), before, "the original was touched")
                    values = case / "values.txt"
                    if values.read_text(encoding="utf-8").startswith("ERR"):
                        self.assertEqual(run.returncode, km.TROUBLE)
                        self.assertFalse(new.exists())
                        self.assertIn(b"is missing", run.stderr)
                        refused += 1
                        continue
                    self.assertEqual(run.returncode, km.REPAIRED, run.stderr.decode())
                    self.assertEqual(list(differences(new, values)), [])
                    checked = km.run("check", "--structure", new)
                    self.assertEqual(checked.returncode, km.CLEAN, checked.stdout.decode())
                    equal += 1
        print(f"{equal} cases recovered with the engine's values, {refused} refused as the engine refused them")
        self.assertEqual((equal, refused), (26, 2))


    def test_whole_logs_onto_nothing(self):
        """Every page of the database zero: the logs from generation 1 on make them all again."""
        equal = refused = 0
        with dirty.unpacked() as cases, tempfile.TemporaryDirectory() as to:
            for case in cases:
                values, database = case / "values.txt", case / "killed" / "d.edb"
                if values.read_text(encoding="utf-8").startswith("ERR"):
                    continue
                with self.subTest(case=case.name):
                    new = pathlib.Path(to) / (case.name + ".edb")
                    data = bytearray(database.read_bytes())
                    size = struct.unpack_from("<I", data, 236)[0] or 4096
                    first, = struct.unpack_from("<i", data, 296)
                    database.write_bytes(data[:2 * size] + bytes(len(data) - 2 * size))
                    run = km.run("recover", database, "-o", new)
                    if first != 1:  # the logs that made the pages are not replayed
                        self.assertEqual(run.returncode, km.TROUBLE)
                        self.assertFalse(new.exists())
                        refused += 1
                        continue
                    self.assertEqual(run.returncode, km.REPAIRED, run.stderr.decode())
                    self.assertEqual(list(differences(new, values)), [])
                    equal += 1
        print(f"{equal} databases made from their logs alone, with the engine's values; {refused} refused")
        self.assertEqual((equal, refused), (22, 4))


def length_fields(kind):
    """[(place, bytes)] of the fields that say how long a record of the kind is."""
    _, fields, lengths = logreader.TYPES[kind]
    codes = fields.split()
    return [(struct.calcsize("<B" + "".join(codes[:index])), struct.calcsize("<" + codes[index])) for index in lengths]


def seal(log, number):
    at = number * 4096
    segment = bytes(log[at:at + 4096])
    struct.pack_into("<Q", log, at, edbfile.new_checksum(segment, number, True))


class Damaged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases = dirty.unpacked(["uncommitted-4k"])
        cls.case, = cls.cases.__enter__()
        cls.folder = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.folder.name) / "killed"
        cls.new = pathlib.Path(cls.folder.name) / "new.edb"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        cls.cases.__exit__(None, None, None)

    def setUp(self):
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.case / "killed", self.here)

    def recover(self, *more):
        self.new.unlink(missing_ok=True)
        return km.run("recover", self.here / "d.edb", "-o", self.new, *more)

    def test_lengths_that_lie(self):
        """Each byte of a record's size fields changed, under right checksums: refused, or a sound database."""
        path = self.here / "edb00000004.log"
        whole = path.read_bytes()
        fields = {kind: length_fields(kind) for kind in logreader.TYPES}
        fields[62] += [(70, 2), (72, 2), (74, 2)]  # how many lines, and which
        fields[63] += [(82, 2)]
        outcomes = collections.Counter()
        seen = collections.Counter()
        for (_, segment, byte), kind, data in logreader.Log(path).records():
            at = segment * 4096 + max(byte, 40)
            if not fields[kind] or whole[at:at + len(data)] != data or seen[kind] == (12 if LONG else 2):
                continue
            seen[kind] += 1
            for offset, size in fields[kind]:
                for place in range(offset, offset + size):
                    log = bytearray(whole)
                    log[at + place] ^= 0x11
                    seal(log, segment)
                    path.write_bytes(log)
                    run = self.recover()
                    self.assertIn(run.returncode, (km.REPAIRED, km.TROUBLE), (kind, place, run.stderr))
                    self.assertEqual(run.returncode == km.REPAIRED, self.new.exists())
                    outcomes[run.returncode] += 1
        print(f"lengths that lie: {outcomes[km.TROUBLE]} refused, {outcomes[km.REPAIRED]} without effect on the structure")
        self.assertGreater(outcomes[km.TROUBLE], 30)

    def test_until_damage(self):
        """Up to the damage where the database allows it: here it needs nothing behind generation 1."""
        data = bytearray((self.here / "d.edb").read_bytes())
        data[2 * 4096:] = bytes(len(data) - 2 * 4096)
        for copy in (0, 4096):
            struct.pack_into("<i", data, copy + 300, 1)
            struct.pack_into("<I", data, copy, edbfile.old_checksum(bytes(data[copy:copy + 4096])))
        (self.here / "d.edb").write_bytes(data)
        log = bytearray((self.here / "edb00000005.log").read_bytes())
        log[6 * 4096 + 100:6 * 4096 + 200] = bytes(range(100))
        (self.here / "edb00000005.log").write_bytes(log)
        self.assertEqual(self.recover().returncode, km.TROUBLE)
        self.assertFalse(self.new.exists())
        run = self.recover("--until-damage")
        self.assertEqual(run.returncode, km.REPAIRED | km.PROBLEMS_LEFT, run.stderr.decode())
        self.assertIn(b"edb00000005.log", run.stdout)
        self.assertIn(b"what came after is lost", run.stdout)
        self.assertEqual(km.run("check", "--structure", self.new).returncode, km.CLEAN)
        (self.here / "edb00000005.log").unlink()  # and up to a gap
        run = self.recover("--until-damage")
        self.assertEqual(run.returncode, km.REPAIRED | km.PROBLEMS_LEFT, run.stderr.decode())
        self.assertIn(b"generations 1 to 4", run.stdout)

    def test_until_damage_does_not_go_back_in_time(self):
        """A database whose pages are newer than what is left of the logs is refused all the same."""
        (self.here / "edb00000003.log").unlink()
        run = self.recover("--until-damage")
        self.assertEqual(run.returncode, km.TROUBLE)
        self.assertFalse(self.new.exists())

    def test_the_plan(self):
        shown = km.run("recover", self.here / "d.edb", "--json")
        self.assertEqual(shown.returncode, km.PROBLEMS_LEFT)
        plan = json.loads(shown.stdout)["plan"]
        self.new.unlink(missing_ok=True)
        for how in ([], ["-o", self.new]):
            self.assertEqual(km.refused_plans("recover", self.here / "d.edb", plan, *how), [])
        self.assertFalse(self.new.exists())
        self.assertEqual(km.run("recover", self.here / "d.edb", "--plan", plan[:8].upper()).stdout.decode().count(plan), 1)
        run = self.recover("--plan", plan[:12].upper())
        self.assertEqual(run.returncode, km.REPAIRED)
        self.assertIn(f"Next          kmmigrate check {self.new}\n", run.stdout.decode())
        self.assertNotIn(b"kmmigrate recover", run.stdout)
        (self.here / "edb.log").rename(self.here / "EDB.LOG")  # names do not count, contents do
        self.assertEqual(json.loads(km.run("recover", self.here / "d.edb", "--json").stdout)["plan"], plan)

    def test_names_that_belong_to_logs(self):
        """No new store takes the place of a log, forced or not, by this command or another."""
        before = files_of(self.here)
        for name in ("edb.log", "EDB00000003.LOG", "edb.chk", "edbres00001.jrs", "res1.log", "E0000012.log"):
            for command in ("recover", "salvage", "compact", "repair", "migrate"):
                with self.subTest(name=name, command=command):
                    more = ["--to", "V3"] if command == "migrate" else []
                    run = km.run(command, self.here / "d.edb", "--force", "-o", self.here / name, *more)
                    self.assertEqual(run.returncode, km.USAGE, run.stderr)
                    self.assertEqual(files_of(self.here), before)

    def test_printed_commands_can_be_pasted(self):
        """Names with spaces, and logs that are elsewhere."""
        top = pathlib.Path(self.folder.name)
        store, logs = top / "it's here" / "d.edb", top / "the logs"
        store.parent.mkdir(exist_ok=True)
        logs.mkdir(exist_ok=True)
        for path in self.here.iterdir():
            shutil.copy(path, store if path.name == "d.edb" else logs)
        for command in ("logs", "recover"):
            shown = km.run(command, store, "--logs", logs).stdout.decode()
            self.assertNotIn("\\n", shown)
            line = next(line for line in shown.splitlines() if "kmmigrate recover" in line)
            words = shlex.split(line[line.index("kmmigrate"):line.index("-o NEW")])
            self.assertEqual(words, ["kmmigrate", "recover", str(store), "--logs", str(logs)])
        self.new.unlink(missing_ok=True)
        run = km.run(*words[1:], "-o", self.new)
        self.assertEqual(run.returncode, km.REPAIRED)
        self.assertIn(f"kmmigrate check {self.new}", run.stdout.decode())
        self.assertNotIn("-o NEW", run.stdout.decode())

    def test_a_symbolic_link(self):
        """The logs lie beside what it names, unless some lie beside the link."""
        link = pathlib.Path(self.folder.name) / "link.edb"
        link.unlink(missing_ok=True)
        link.symlink_to(self.here / "d.edb")
        self.assertEqual(km.run("logs", link).returncode, km.CLEAN)
        self.new.unlink(missing_ok=True)
        self.assertEqual(km.run("recover", link, "-o", self.new).returncode, km.REPAIRED)
        beside = link.parent / "edb00000003.log"
        shutil.copy(self.here / "edb00000003.log", beside)
        self.assertEqual(km.run("logs", link).returncode, km.PROBLEMS_LEFT)
        beside.unlink()

    def test_a_copy_inside_its_directory(self):
        (self.here / "d.edb").rename(self.here / "Kmsmdb.edb")
        before = files_of(self.here)
        run = km.run("recover", self.here, "-o", self.here / "new")
        self.assertEqual(run.returncode, km.TROUBLE)
        self.assertIn(b"inside the directory", run.stderr)
        self.assertEqual(files_of(self.here), before)

    def test_a_clean_database(self):
        clean = km.run("recover", self.case / "recovered" / "d.edb")
        self.assertEqual(clean.returncode, km.CLEAN)
        self.assertIn(b"nothing to recover", clean.stderr)


if __name__ == "__main__":
    dirty.need()
    unittest.main()

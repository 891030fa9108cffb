"""`logs`: what a database needs of its logs, on every dirty case and on sets with something wrong with them."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import dirty
from program import km

MISSING = {"last-log-missing-4k": ["edb.log"], "log-missing-4k": ["edb00000006.log"]}


def logs(store, *more):
    run = km.run("logs", store, "--json", *more)
    return run, json.loads(run.stdout)


class Cases(unittest.TestCase):
    def test_every_case(self):
        with dirty.unpacked() as cases:
            for case in cases:
                with self.subTest(case=case.name):
                    run, told = logs(case / "killed" / "d.edb")
                    missing = [found["file"] for found in told["findings"] if found["trouble"] == "missing"]
                    self.assertEqual(missing, MISSING.get(case.name, []))
                    self.assertEqual(told["complete"], not missing)
                    self.assertEqual(run.returncode, km.PROBLEMS_LEFT if missing else km.CLEAN)
                    # nothing is offered that would not replay the set whole
                    if missing:
                        self.assertIsNone(told["eseutil"])
                    else:
                        self.assertIn("eseutil /r edb", told["eseutil"])
                    if missing:
                        self.assertNotIn("eseutil /r", km.run("logs", case / "killed" / "d.edb").stdout.decode())
                    run, told = logs(case / "recovered" / "d.edb", "--logs", case / "killed")
                    if case.name not in MISSING:  # clean, whatever lies beside it
                        self.assertEqual((run.returncode, told["needed"]["last"]), (km.CLEAN, 0))


class Wrong(unittest.TestCase):
    """One thing at a time: `logs` names it, `recover` refuses and writes nothing."""

    @classmethod
    def setUpClass(cls):
        cls.cases = dirty.unpacked(["committed-4k", "uncommitted-4k", "mixed-8k", "older-database-4k",
                                    "older-live-copy-4k"])
        cls.committed, cls.mixed, cls.closed, cls.older, cls.uncommitted = cls.cases.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cases.__exit__(None, None, None)

    def refused(self, change, *troubles, of=None):
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree((of or self.committed) / "killed", folder)
            change(folder)
            run, told = logs(folder / "d.edb")
            self.assertEqual(run.returncode, km.PROBLEMS_LEFT)
            for trouble in troubles:
                self.assertIn(trouble, [found["trouble"] for found in told["findings"]], told["findings"])
            new = pathlib.Path(top) / "new.edb"
            run = km.run("recover", folder / "d.edb", "-o", new)
            self.assertEqual(run.returncode, km.TROUBLE, run.stderr.decode())
            self.assertFalse(new.exists())
            self.assertEqual(sorted(path.name for path in pathlib.Path(top).iterdir()), ["killed"])
            return told["findings"], run.stderr.decode()

    def test_a_log_of_another_database(self):
        def change(folder):
            shutil.copy(self.uncommitted / "killed" / "edb00000003.log", folder / "edb00000003.log")
        found, _ = self.refused(change, "other-signature", "other-time")
        self.assertEqual({entry["generation"] for entry in found}, {3, 4})

    def test_a_log_of_other_pages(self):
        def change(folder):
            shutil.copy(self.mixed / "killed" / "edb00000003.log", folder / "edb00000003.log")
        self.refused(change, "other-signature", "other-page-size")

    def test_swapped_generations(self):
        def change(folder):
            (folder / "edb00000003.log").rename(folder / "x")
            (folder / "edb00000004.log").rename(folder / "edb00000003.log")
            (folder / "x").rename(folder / "edb00000004.log")
        self.refused(change, "other-number")

    def test_the_same_generation_twice(self):
        def change(folder):
            shutil.copy(folder / "edb00000003.log", folder / "edb00000008.log")
        self.refused(change, "other-number", "missing")

    def test_a_generation_made_at_another_time(self):
        def change(folder):
            path = folder / "edb00000005.log"
            data = bytearray(path.read_bytes())
            data[16] ^= 1  # the second it was made in
            self.put_sum_right(data)
            path.write_bytes(data)
        found, _ = self.refused(change, "other-time")
        self.assertEqual([entry["generation"] for entry in found], [6])

    @staticmethod
    def put_sum_right(data):
        total = 0x89abcdef
        for (word,) in struct.iter_unpack("<I", data[4:4096]):
            total ^= word
        struct.pack_into("<I", data, 0, total)

    def test_a_header_that_asks_for_all_generations(self):
        """A thousand missing ones are named, and that there are more is said."""
        def change(folder):
            data = bytearray((folder / "d.edb").read_bytes())
            for copy in (0, 4096):
                struct.pack_into("<i", data, copy + 300, 0x7fffffff)
                header = data[copy:copy + 4096]
                self.put_sum_right(header)
                data[copy:copy + 4096] = header
            (folder / "d.edb").write_bytes(data)
        found, _ = self.refused(change, "missing")
        self.assertEqual(len(found), 1001)
        self.assertIn("from 1011 to 2147483647 are not named", found[-1]["text"])

    def test_a_reserve_in_place_of_a_log(self):
        def change(folder):
            shutil.copy(folder / "edbres00001.jrs", folder / "edb00000005.log")
        self.refused(change)

    def test_a_damaged_header(self):
        def change(folder):
            path = folder / "edb00000005.log"
            data = bytearray(path.read_bytes())
            data[2000] ^= 1
            path.write_bytes(data)
        self.refused(change, "unreadable")

    def test_a_damaged_header_says_nothing_else(self):
        """Generation, times and signature of a header whose checksum is wrong are no facts."""
        for at in (4, 20, 44):
            def change(folder, at=at):
                path = folder / "edb00000005.log"
                data = bytearray(path.read_bytes())
                data[at:at + 4] = b"\xff\xff\xff\x7f"
                path.write_bytes(data)
            found, _ = self.refused(change, "unreadable")
            self.assertEqual([(entry["trouble"], entry["generation"]) for entry in found], [("unreadable", 5)])

    def test_an_older_copy_that_was_shut_down(self):
        """It needs no logs, and is told that the logs there may go on after it."""
        run = km.run("logs", self.closed / "killed" / "d.edb")
        self.assertEqual(run.returncode, km.CLEAN)
        text = run.stdout.decode()
        self.assertIn(f"kmmigrate recover {self.closed}/killed/d.edb shows whether the logs 5 to 11 hold changes", text)

    def test_the_newest_log_is_not_there(self):
        """The database does not need it: the set is complete, and what may be lost is told all the same."""
        says = "edb.log, the newest, is not there: what was committed behind generation 9, if anything, is in no file"
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.older / "killed", folder)
            self.assertFalse(logs(folder / "d.edb")[1]["newest_missing"])
            self.assertNotIn("the newest", km.run("recover", folder / "d.edb").stdout.decode())
            (folder / "edb.log").unlink()
            run, told = logs(folder / "d.edb")
            self.assertEqual((run.returncode, told["complete"], told["newest_missing"]), (km.CLEAN, True, True))
            for command in "logs", "recover":
                self.assertIn(says, km.run(command, folder / "d.edb").stdout.decode())
            self.assertTrue(json.loads(km.run("recover", folder / "d.edb", "--json").stdout)["newest_missing"])

    def test_later_logs_that_do_not_join(self):
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.closed / "killed", folder)
            self.rid_of_the_database(folder)
            (folder / "edb00000005.log").unlink()
            run = km.run("recover", folder / "d.edb")
            self.assertEqual(run.returncode, km.CLEAN)
            self.assertIn("no log lies there that goes on where it ends, in generation 5: nothing to recover",
                          run.stderr.decode())
            self.assertEqual(km.run("logs", folder / "d.edb").returncode, km.CLEAN)

    def rid_of_the_database(self, folder):
        """Logs of the same stream in which another database is attached where this one was."""
        for path in folder.glob("edb*.log"):
            data = bytearray(path.read_bytes())
            signature = (folder / "d.edb").read_bytes()[24:52]
            at = data.find(signature, 671, 4096)
            if at >= 0:
                data[at] ^= 1
                self.put_sum_right(data)
                path.write_bytes(data)

    def test_a_closed_database_with_a_gap_behind_it(self):
        """It needs no log; but what may have been changed after it was closed is not all there: no success."""
        for gone, until in ((5, False), (6, True), (8, True)):
            with self.subTest(gone=gone), tempfile.TemporaryDirectory() as top:
                folder = pathlib.Path(top) / "killed"
                shutil.copytree(self.closed / "killed", folder)
                (folder / f"edb0000000{gone}.log").unlink()
                run, told = logs(folder / "d.edb")
                self.assertEqual((run.returncode, told["complete"], told["eseutil"], told["needed"]["last"]),
                                 (km.PROBLEMS_LEFT, False, None, 0))
                self.assertEqual([(entry["file"], entry["trouble"]) for entry in told["findings"]],
                                 [(f"edb0000000{gone}.log", "gap")])
                text = km.run("logs", folder / "d.edb").stdout.decode()
                self.assertIn("no logs are needed; those that go on after it are not complete", text)
                self.assertEqual("--until-damage shows" in text, until)
                run = km.run("recover", folder / "d.edb", "--until-damage")
                self.assertEqual(run.returncode, km.PROBLEMS_LEFT)
                self.assertEqual(b"Replay" in run.stdout, until)

    def test_a_closed_database_beside_logs_of_another(self):
        """Which have the same numbers, and go on after nothing here."""
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.committed / "killed", folder)
            shutil.copy(self.closed / "killed" / "d.edb", folder / "d.edb")
            run, told = logs(folder / "d.edb")
            self.assertEqual((run.returncode, told["findings"]), (km.CLEAN, []))
            self.assertIn(", of another database", km.run("logs", folder / "d.edb").stdout.decode())

    def test_what_is_no_file(self):
        """Nothing, a pipe or a directory under a log's name: what was expected there is said."""
        def empty(path):
            path.write_bytes(b"")
        for put, found in ((empty, "an empty file; get the file again"), (os.mkfifo, "a pipe; put there the file itself"),
                           (os.mkdir, "a directory; put there the file itself")):
            with self.subTest(found), tempfile.TemporaryDirectory() as top:
                folder = pathlib.Path(top) / "killed"
                shutil.copytree(self.committed / "killed", folder)
                for name, kind in (("edb00000005.log", "transaction log"), ("edb.chk", "checkpoint file")):
                    path = folder / name
                    path.unlink()
                    put(path)
                    run = km.run("info", path)
                    self.assertEqual((run.returncode, run.stderr.decode()),
                                     (km.TROUBLE, f"kmmigrate: {path}: expected a {kind}, found {found}\n"))
                    self.assertIn(f"expected a {kind}, found {found}", km.run("logs", folder / "d.edb").stdout.decode())
                log = folder / "edb00000005.log"
                for command in "recover", "dump":
                    run = km.run(command, folder / "d.edb" if command == "recover" else log)
                    self.assertIn(f"{log}: expected a transaction log, found {found}\n", run.stderr.decode())

    def test_a_log_is_no_database(self):
        """Whoever takes a database is told which commands take a log; salvage makes nothing of it."""
        for name, kind in (("edb.log", "transaction log"), ("edb.chk", "checkpoint file")):
            path = self.committed / "killed" / name
            for command in (["check"], ["repair"], ["repair", "--salvage"], ["repair", "--recover"], ["salvage"],
                            ["salvage", "-o", path.with_name("new.edb")], ["recover"], ["logs"], ["list"]):
                with self.subTest(name=name, command=command):
                    run = km.run(*command, path)
                    self.assertEqual((run.returncode, run.stdout), (km.TROUBLE, b""))
                    self.assertIn(f"expected a database, found a {kind}; kmmigrate info {path} shows it, and kmmigrate logs",
                                  run.stderr.decode())

    def test_a_time_that_is_no_date(self):
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.committed / "killed", folder)
            data = bytearray((folder / "edb00000005.log").read_bytes())
            data[20] = 255  # the month
            self.put_sum_right(data)
            (folder / "edb00000005.log").write_bytes(data)
            _, told = logs(folder / "d.edb")
            file = [file for file in told["files"] if file["name"] == "edb00000005.log"][0]
            self.assertEqual((file["created"], file["header_good"]), (None, True))
            self.assertIn("made no date", km.run("logs", folder / "d.edb").stdout.decode())

    def test_the_newest_log_cannot_be_read(self):
        """Behind what the database needs: what was committed in it would be lost, and nothing said."""
        whole = (self.older / "killed" / "edb.log").read_bytes()
        for data in (b"", whole[:100], whole[:4] + b"\xff" + whole[5:], whole[:32] + b"\xff" + whole[33:]):
            def change(folder, data=data):
                (folder / "edb.log").write_bytes(data)
            found, _ = self.refused(change, "unreadable", of=self.older)
            self.assertEqual([(entry["file"], entry["generation"]) for entry in found], [("edb.log", 10)])

    def test_what_was_committed_behind_what_pages_need(self):
        def change(folder):
            data = bytearray((folder / "d.edb").read_bytes())
            for copy in (0, 4096):
                self.assertEqual(struct.unpack_from("<i", data, copy + 300)[0], 10)
                struct.pack_into("<i", data, copy + 300, 9)
                header = data[copy:copy + 4096]
                self.put_sum_right(header)
                data[copy:copy + 4096] = header
            (folder / "d.edb").write_bytes(data)
            (folder / "edb.log").unlink()
        found, _ = self.refused(change, "missing")
        self.assertEqual([entry["file"] for entry in found], ["edb.log"])

    def test_logs_under_two_base_names(self):
        """One set of them is older: it is not for the program to say which."""
        def change(folder):
            for path in list(folder.glob("edb0000000[1-7].log")):
                shutil.copy(path, folder / path.name.replace("edb", "E00"))
        found, text = self.refused(change, "other-number", of=self.older)
        self.assertEqual(len(found), 1)
        self.assertIn("two base names, E00 and edb", text)

    def test_until_a_header_that_is_damaged(self):
        """As where the file is missing: all before it is recovered, and the loss named."""
        plans = []

        def impossible(at, value):
            def damage(path):
                data = bytearray(path.read_bytes())
                struct.pack_into("<H", data, at, value)
                self.put_sum_right(data)
                path.write_bytes(data)
            return damage
        for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 65536), lambda path: path.write_bytes(b""),
                       impossible(8, 0), impossible(8, 512), impossible(8, 0xffff), impossible(10, 0)):
            with tempfile.TemporaryDirectory() as top:
                folder = pathlib.Path(top) / "killed"
                shutil.copytree(self.older / "killed", folder)
                damage(folder / "edb00000007.log")
                run = km.run("recover", folder / "d.edb", "--until-damage", "--json")
                told = json.loads(run.stdout)
                self.assertIn("edb00000007.log", told["loss"])
                plans.append((told["plan"], told["last_generation"]))
        self.assertEqual(len(set(plans)), 1, plans)
        self.assertEqual(plans[0][1], 6)

    def test_truncated_at_every_sector(self):
        """A log that is cut is damaged or ends early: never a crash, never a copy that is called recovered in full."""
        whole = (self.committed / "killed" / "edb00000005.log").read_bytes()
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.committed / "killed", folder)
            for size in range(0, len(whole), 512):
                (folder / "edb00000005.log").write_bytes(whole[:size])
                run = km.run("recover", folder / "d.edb", "-o", pathlib.Path(top) / "new.edb")
                self.assertEqual(run.returncode, km.TROUBLE, (size, run.stdout, run.stderr))
                self.assertFalse((pathlib.Path(top) / "new.edb").exists())

    def test_the_last_log_truncated_at_every_sector(self):
        """As above: of the newest log, too, no end but a whole one is taken for the end."""
        whole = (self.committed / "killed" / "edb.log").read_bytes()
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top) / "killed"
            shutil.copytree(self.committed / "killed", folder)
            for size in range(0, len(whole), 512):
                (folder / "edb.log").write_bytes(whole[:size])
                run = km.run("recover", folder / "d.edb", "-o", pathlib.Path(top) / "new.edb")
                self.assertEqual(run.returncode, km.TROUBLE, (size, run.stdout, run.stderr))
                self.assertFalse((pathlib.Path(top) / "new.edb").exists())

    def test_the_middle_is_damaged(self):
        def change(folder):
            path = folder / "edb00000006.log"
            data = bytearray(path.read_bytes())
            data[5 * 4096 + 1000:5 * 4096 + 1100] = b"\x5a" * 100
            path.write_bytes(data)
        _, text = self.refused(change, "unreadable")
        self.assertIn("generation 6, segment 5", text)


class Old(unittest.TestCase):
    """Logs of Exchange 5.5 beside a store of its revision: told by name and version, never read."""

    def test_names_alone(self):
        maker = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
        with tempfile.TemporaryDirectory() as top:
            store = pathlib.Path(top) / "Kmsdata"  # with files beside the database, so a directory
            description = km.SOURCE / "fixtures" / "states" / "dirty-shutdown" / "description.ini"
            subprocess.run([maker, str(description), "-o", str(store)], capture_output=True, check=True)
            header = bytearray(4096)
            struct.pack_into("<Ii", header, 0, 0, 3)
            struct.pack_into("<III", header, 32, 6, 1503, 2)
            for name in ("edb.log", "EDB00002.LOG", "res1.log", "res2.log"):
                (store / name).write_bytes(header)
            run, told = logs(store)
            kinds = {file["name"]: file["kind"] for file in told["files"]}
            self.assertEqual(kinds, {**kinds, "edb.log": "current", "EDB00002.LOG": "log", "res1.log": "reserve",
                                     "res2.log": "reserve", "edb.chk": "checkpoint"})
            self.assertEqual(run.returncode, km.PROBLEMS_LEFT)
            self.assertFalse(told["complete"])


if __name__ == "__main__":
    dirty.need()
    unittest.main()

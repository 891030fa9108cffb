#!/usr/bin/python3
"""What a repair leaves beside a store, what it takes away again, and what it believes of what lies there.

Undo files are never written over, and one that is made up leads nowhere; clean-up removes only what the run made; a
backup counts only when its bytes are the store's; a database with logs beside it is repaired as its directory.
"""

import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import unittest
import zlib

import km
from test_fixtures import KMFIXTURE, database
from test_inplace import LOGS, Store, beside, tree, undo_file

IDENTITY, MOVE, PIECE, END, DONE = (struct.unpack("<I", name)[0] for name in
                                    (b"IIDN", b"MOVE", b"PIEC", b"END!", b"DONE"))


def record(kind, content):
    head = struct.pack("<II", kind, len(content))
    return head + struct.pack("<I", zlib.crc32(head + content)) + content


def undo_bytes(original, *, result=None, directory=True, backup="", aside="", quarantine="", quarantine_bytes=b"",
               moves=(), plan=""):
    """An undo file as an attacker, or this program, would write it: of a store that was `original`."""
    def name(text):
        return struct.pack("<I", len(text)) + text.encode()

    identity = struct.pack("<Q", len(original)) + hashlib.sha256(original).digest() + struct.pack("<QI", 0, directory) + \
        name(plan) + name(backup) + name(aside) + name(quarantine) + hashlib.sha256(quarantine_bytes).digest()
    data = b"KMUNDO\r\n" + struct.pack("<I", 1) + record(IDENTITY, identity)
    data += b"".join(record(MOVE, name(move)) for move in moves)
    data += record(END, struct.pack("<II", len(moves), 0))
    if result is not None:
        data += record(DONE, struct.pack("<Q", len(result)) + hashlib.sha256(result).digest())
    return data


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class UndoFiles(Store):
    def twice(self):
        """A store that was repaired, got another duplicate, and was repaired again: (store, its three states)."""
        store = self.fixture()
        states = [store.read_bytes()]
        self.repaired(store, "--no-backup")
        states.append(store.read_bytes())
        self.fixture("imported-five-times", to="later.edb")
        later = (self.folder / "later.edb").read_bytes()
        store.write_bytes(later)  # the service went on, and it happened again
        states.append(later)
        report = self.repaired(store, "--no-backup")
        self.assertEqual(report["written"]["undo"], f"{store}.kmundo.2")
        return store, states

    def test_a_second_repair_keeps_the_first_undo_file(self):
        store, states = self.twice()
        first = pathlib.Path(f"{store}.kmundo")
        self.assertTrue(first.exists())
        report = json.loads(self.expect(km.CLEAN, "check", store, "--json").stdout)
        self.assertEqual(report["store"]["undo_files"], [{"name": "store.edb.kmundo", "state": "finished"},
                                                         {"name": "store.edb.kmundo.2", "state": "finished"}])
        report = json.loads(self.expect(km.CLEAN, "undo", store, "--json").stdout)
        self.assertEqual(store.read_bytes(), states[2])
        self.assertEqual([other["path"] for other in report["others"]], [str(first)])
        self.expect(km.TROUBLE, "undo", store, says=["changed since"])
        store.write_bytes(states[1])
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(store.read_bytes(), states[0])
        self.assertFalse(first.exists())

    def test_undo_takes_the_last_one_whose_result_the_store_is(self):
        store, states = self.twice()
        second = store.with_name(store.name + ".kmundo.2")
        store.write_bytes(states[1])
        text = self.expect(km.CLEAN, "undo", store).stdout.decode()
        self.assertEqual(store.read_bytes(), states[0])
        self.assertIn(f"{second}: finished, of another state", text)
        self.assertTrue(second.exists())

    def test_every_failure_of_a_second_repair_keeps_the_first(self):
        """Refused before the first write, whatever the reason: the first undo file is the same bytes."""
        store = self.fixture("settings-name-the-loser")
        self.repaired(store, "--no-backup")
        kept = pathlib.Path(f"{store}.kmundo").read_bytes()
        self.fixture("imported-five-times", to="later.edb")
        store.write_bytes((self.folder / "later.edb").read_bytes())
        before = tree(self.folder)
        for limit in (0, 1, 4, 1024, 1030):
            script = f"ulimit -f {limit}; exec \"$@\""
            self.expect(km.TROUBLE, "repair", store, "--in-place", program=("bash", "-c", script, "bash"))
            self.assertEqual(tree(self.folder), before)
        self.assertEqual(pathlib.Path(f"{store}.kmundo").read_bytes(), kept)

    def test_numbers(self):
        store = self.fixture()
        before = store.read_bytes()
        self.repaired(store, "--no-backup")
        good = undo_file(store).read_bytes()
        undo_file(store).rename(f"{store}.KMUNDO.17")
        store.write_bytes(before)
        self.assertEqual(self.repaired(store, "--no-backup")["written"]["undo"], f"{store}.kmundo.18")
        for name in ("store.edb.kmundo.0", "store.edb.kmundo.1", "store.edb.kmundo.02", "store.edb.kmundo.",
                     "store.edb.kmundo.2x", "store.edb.kmundo.1000000", "store.edb.kmundox", "xstore.edb.kmundo"):
            (self.folder / name).write_bytes(b"not one of ours")
        self.expect(km.CLEAN, "check", store)
        (self.folder / "store.edb.kmundo.999999").write_bytes(good)
        store.write_bytes(before)
        self.expect(km.TROUBLE, "repair", store, "--in-place", says=["numbers"])
        (self.folder / "store.edb.KmUndo.17").write_bytes(good)
        self.expect(km.TROUBLE, "undo", store, says=["two undo files"])


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class MadeUp(Store):
    """A received Kmsdata with an undo file that somebody has made up."""

    def received(self, **names):
        """The directory, and everything around it that must stay as it is."""
        store = self.folder / "Kmsdata"
        for finished in (True, False):
            store.mkdir(exist_ok=True)
            data = self.fixture(to="Kmsdata/Kmsmdb.edb").read_bytes()
            result = data if finished else None
            (store / "Kmsmdb.edb.kmundo").write_bytes(undo_bytes(data, result=result, **names))
            yield store

    def neighbours(self):
        other = self.folder / "Other.set-aside-20260101T000000Z"
        other.mkdir(exist_ok=True)
        (other / "edb.log").write_bytes(b"a neighbour's log")
        (self.folder / "secret").mkdir(exist_ok=True)
        (self.folder / "secret" / "edb.log").write_bytes(b"a log")
        (self.folder / "secret" / "id_rsa").write_bytes(b"a key")
        (self.folder / "letter.pem").write_bytes(b"a letter")

    def refused(self, says="the undo file", **names):
        self.neighbours()
        for store in self.received(**names):
            before = tree(self.folder)
            self.expect(km.TROUBLE, "undo", store, says=[says, "not touched"])
            self.assertEqual(tree(self.folder), before, names)
            if names.get("moves") != ("../letter.pem",):
                result = km.run("repair", store, "--in-place", "--no-backup")
                if result.returncode == km.REPAIRED:  # a finished one is not followed at all
                    self.assertEqual({name: data for name, data in tree(self.folder).items() if "Kmsmdb" not in name},
                                     {name: data for name, data in before.items() if "Kmsmdb" not in name})
                else:
                    self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
                    self.assertEqual(tree(self.folder), before, names)
            shutil.rmtree(store)

    def test_names_of_others(self):
        letter = b"a letter"
        for names in ({"aside": "secret", "moves": ["edb.log"]},
                      {"aside": "secret", "moves": ["id_rsa"]},
                      {"aside": "Other.set-aside-20260101T000000Z", "moves": ["edb.log"]},
                      {"aside": "Kmsdata.set-aside-20260101T000000Z", "moves": ["id_rsa"]},
                      {"aside": "Kmsdata.set-aside-20260101T000000Z", "moves": ["Kmsmdb.edb"]},
                      {"aside": "Kmsdata.set-aside-20260101T000000Z", "moves": ["Kmsmdb.edb.kmundo"]},
                      {"quarantine": "letter.pem", "quarantine_bytes": letter},
                      {"quarantine": "Other.quarantine-20260101T000000Z.pem", "quarantine_bytes": letter},
                      {"backup": "secret"}, {"backup": "Kmsdata.backup-"},
                      {"aside": "Kmsdata.set-aside-20260101T000000Z-x", "moves": ["edb.log"]},
                      {"directory": False, "aside": "Kmsmdb.edb.set-aside-20260101T000000Z", "moves": ["edb.log"]}):
            with self.subTest(names):
                self.refused(**names)

    def test_names_that_lead_elsewhere(self):
        for name in ("../secret", "/etc", ".", "..", "a/b"):
            for key in ("aside", "quarantine", "backup"):
                with self.subTest(f"{key} {name}"):
                    self.refused(says="the undo file is damaged", **{key: name})
        for move in ("../letter.pem", "/etc/passwd", "..", ""):
            with self.subTest(move):
                self.refused(says="the undo file is damaged", aside="Kmsdata.set-aside-20260101T000000Z", moves=(move,))

    def test_quarantine_of_another_store(self):
        """The right name and the right hash do not make it this store's: what it holds might be nowhere else."""
        text = b"Quarantine of kmmigrate\nStore SHA-256: " + b"0" * 64 + b"\nthe only copy\n"
        quarantine = self.folder / "Kmsdata.quarantine-20260101T000000Z.pem"
        quarantine.write_bytes(text)
        for store in self.received(quarantine=quarantine.name, quarantine_bytes=text):
            self.expect(km.CLEAN, "undo", store)
            self.assertEqual(quarantine.read_bytes(), text)
            shutil.rmtree(store)

    def test_renamed_directory(self):
        store = self.directory()
        self.repaired(store)
        other = store.with_name("Elsewhere")
        store.rename(other)
        errors = self.expect(km.TROUBLE, "undo", other, says=["renamed", "a backup, if one was made"]).stderr
        self.assertNotIn(b"no backup", errors)  # it lies there under the old name
        other.rename(store)
        self.expect(km.CLEAN, "undo", store)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Backups(Store):
    def interrupted(self, store):
        """A repair that was killed after its first page."""
        self.repaired(store)
        undo = undo_file(store)
        undo.write_bytes(undo.read_bytes()[:-52])
        return beside(store)["backup"]

    def test_an_interrupted_repair_has_a_bad_backup(self):
        def empty(backup):
            target = backup if backup.is_file() else database(backup)
            target.write_bytes(b"")

        def cut(backup):
            target = backup if backup.is_file() else database(backup)
            os.truncate(target, target.stat().st_size - 1)

        def flipped(backup):
            target = backup if backup.is_file() else backup / "edb.log"
            data = bytearray(target.read_bytes())
            data[77] ^= 4
            target.write_bytes(data)

        def gone(backup):
            (shutil.rmtree if backup.is_dir() else os.unlink)(backup)

        def lacks_a_log(backup):
            (backup / "edb.log").unlink() if backup.is_dir() else os.truncate(backup, 1)

        for number, damage in enumerate((empty, cut, flipped, gone, lacks_a_log)):
            for kind in ("file", "directory"):
                with self.subTest(f"{damage.__name__} {kind}"):
                    store = (self.fixture(to=f"{number}.edb") if kind == "file" else self.directory(to=f"Kms{number}"))
                    before = tree(store)
                    damage(self.interrupted(store))
                    report = json.loads(self.expect(km.REPAIRED, "repair", store, "--in-place", "--json").stdout)
                    backup = pathlib.Path(report["written"]["backup"])
                    self.assertEqual(tree(backup), before if store.is_dir() else {backup.name: before[store.name]})

    def test_only_a_good_backup_is_named_as_the_way_back(self):
        for kind in ("file", "directory"):
            store = self.fixture() if kind == "file" else self.directory()
            self.repaired(store)
            backup = beside(store)["backup"]
            data = bytearray(database(store).read_bytes())
            data[5000] ^= 1
            database(store).write_bytes(data)
            self.expect(km.TROUBLE, "undo", store, says=[f"the way back: {backup} (its SHA-256"])
            target = backup if kind == "file" else database(backup)
            target.write_bytes(b"not a store")
            self.expect(km.TROUBLE, "undo", store, says=["does not hold the store"])
            (shutil.rmtree if backup.is_dir() else os.unlink)(backup)
            errors = self.expect(km.TROUBLE, "undo", store, says=["there is no backup"]).stderr.decode()
            self.assertNotIn(str(backup), errors)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class WholeDirectory(Store):
    def test_named_by_its_file(self):
        """The engine will replay what lies there, however the store was named."""
        store = self.directory()
        before = tree(store)
        report = self.repaired(database(store))["written"]
        self.assertFalse(set(LOGS) & {path.name for path in store.iterdir()})
        self.assertEqual(tree(pathlib.Path(report["backup"])), before)
        for way in (store, database(store)):
            saved = self.folder / "saved"
            shutil.copytree(self.folder, saved, ignore=lambda _, names: ["saved"] if "saved" in names else [])
            self.expect(km.CLEAN, "undo", way)
            self.assertEqual(tree(store), before)
            for path in list(self.folder.iterdir()):
                if path != saved:
                    (shutil.rmtree if path.is_dir() else os.unlink)(path)
            for path in list(saved.iterdir()):
                path.rename(self.folder / path.name)
            saved.rmdir()

    def test_interrupted_and_taken_up_under_the_file_s_name(self):
        store = self.directory()
        before = tree(store)
        self.repaired(store)
        undo_file(store).write_bytes(undo_file(store).read_bytes()[:-52])
        self.expect(km.REPAIRED, "repair", database(store), "--in-place", says=["taken back"])
        self.assertFalse(set(LOGS) & {path.name for path in store.iterdir()})
        self.expect(km.CLEAN, "check", store)
        self.expect(km.CLEAN, "undo", database(store))
        self.assertEqual(tree(store), before)

    def test_a_file_alone_stays_one(self):
        store = self.directory()
        for log in LOGS:
            if log != "Kmsmdb.jfm":
                (store / log).unlink()
        report = self.repaired(database(store))["written"]
        self.assertEqual(pathlib.Path(report["backup"]).parent, store)

    def test_written_elsewhere(self):
        """-o of the file copies the file alone, and says what it leaves behind."""
        store = self.directory()
        new = self.folder / "new.edb"
        text = self.expect(km.REPAIRED, "repair", database(store), "-o", new).stdout.decode()
        for log in ("edb.log", "edb.chk"):
            self.assertIn(log, text)
        self.assertEqual([path for path in self.folder.iterdir() if path.name.startswith("new")], [new])


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class WrittenElsewhere(Store):
    def test_trailing_slash(self):
        store = self.directory("settings-name-the-loser")
        for slashes in ("/", "//"):
            new = self.folder / f"New{len(slashes)}"
            report = json.loads(self.expect(km.REPAIRED, "repair", store, "-o", f"{new}{slashes}", "--json").stdout)
            self.assertEqual(report["written"]["quarantine"], f"{new}.quarantine.pem")
            self.assertTrue(pathlib.Path(f"{new}.quarantine.pem").exists())
            self.assertTrue(database(new).exists())
        self.expect(km.TROUBLE, "repair", database(store), "-o", f"{self.folder}/file/")

    def test_a_name_that_differs_in_case_alone(self):
        """On the Windows server, where the result goes, it would be the name of what lies there already."""
        store = self.directory()
        before = tree(self.folder)
        other = store / database(store).name.swapcase()
        for arguments in (["repair", store], ["repair", database(store)], ["compact", database(store)],
                          ["salvage", database(store)]):
            with self.subTest(arguments):
                out = self.folder / store.name.upper() if arguments == ["repair", store] else other
                for force in ([], ["--force"]):
                    self.expect(km.TROUBLE, *arguments, "-o", out, *force,
                                says=[f"would have the name of {store.name if out != other else database(store).name}"])
                    self.assertEqual(tree(self.folder), before)
        pem, page = store / "list.pem", store / "page.html"
        self.expect(km.CLEAN, "export", store, "--to", pem)
        self.expect(km.TROUBLE, "export", store, "--to", store / "List.PEM", says=["would have the name of list.pem"])
        pem.rename(page)
        self.expect(km.TROUBLE, "repair", store, "--html", store / "Page.html", says=["would have the name of page.html"])
        page.unlink()
        self.assertEqual(tree(self.folder), before)
        other.write_bytes(b"another's")
        self.expect(km.TROUBLE, "repair", database(store), "-o", other, "--force", says=["would have the name of"])
        self.assertEqual(other.read_bytes(), b"another's")

    def test_older_quarantine_is_kept(self):
        store = self.fixture("settings-name-the-loser")
        new, quarantine = self.folder / "new.edb", self.folder / "new.edb.quarantine.pem"
        quarantine.write_bytes(b"of another repair\n")
        for force in ([], ["--force"]):
            report = json.loads(self.expect(km.REPAIRED, "repair", store, "-o", new, *force, "--json").stdout)
            self.assertTrue(pathlib.Path(report["written"]["quarantine"]).exists())
        self.assertEqual(quarantine.read_bytes(), b"of another repair\n")
        self.assertEqual(sorted(path.name for path in self.folder.glob("new.edb.q*")),
                         ["new.edb.quarantine-2.pem", "new.edb.quarantine-3.pem", "new.edb.quarantine.pem"])

    def test_only_logs_and_checkpoint_are_set_aside_in_a_copy(self):
        store, new = self.directory(), self.folder / "New"
        (store / "Kmspwd.ini").write_bytes(b"the password")
        (store / "edb.log").write_bytes(b"a log")
        self.expect(km.REPAIRED, "repair", store, "-o", new)
        self.assertEqual((new / "Kmspwd.ini").read_bytes(), b"the password")
        self.assertFalse((new / "edb.log").exists())

    def test_what_is_no_regular_file(self):
        store = self.directory()
        (store / "link").symlink_to(self.folder)
        before = tree(self.folder)
        for command in (["repair", store, "-o", self.folder / "New"], ["repair", store, "--in-place"]):
            self.expect(km.PROBLEMS_LEFT, *command, says=["link in its directory is no regular file"])
            self.assertEqual(tree(self.folder), before)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class BeforeAnyWork(Store):
    """What cannot be made beside the store is known before anything is made."""

    def refused(self, store, says, *options, **settings):
        before = tree(self.folder)
        self.expect(km.TROUBLE, "repair", store, "--in-place", *options, says=[*says, "not changed", "-o NEW"], **settings)
        self.assertEqual(tree(self.folder), before)

    def mounted(self, where, *how):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        where.mkdir(exist_ok=True)
        if subprocess.run(["mount", *how, where], capture_output=True).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", where], check=True)
        return where

    def fill(self, where, logs=LOGS):
        source = self.directory(to="source")
        for path in list(source.iterdir()):
            if path.name not in LOGS or path.name in logs:
                shutil.copy(path, where / path.name)
        shutil.rmtree(source)

    def test_directory_is_a_mount_point(self):
        """Its logs cannot be moved out of it, whether it is another device or the same one mounted again."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        for name, how in (("tmpfs", ("-t", "tmpfs", "none")), ("bound", ("--bind", elsewhere))):
            with self.subTest(name):
                store = self.mounted(self.folder / name, *how)
                self.fill(store)
                self.refused(store, ["mount point"])
                self.expect(km.REPAIRED, "repair", store, "-o", self.folder / f"{name}-new")
                for log in LOGS:
                    (store / log).unlink()
                self.expect(km.REPAIRED, "repair", store, "--in-place")  # nothing has to be moved

    def test_directory_above_cannot_be_written_to(self):
        room = self.folder / "room"
        room.mkdir()
        store = self.directory(to="room/Kmsdata")
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        for path in (store, *store.iterdir()):
            os.chown(path, 65534, 65534)
        room.chmod(0o555)
        self.addCleanup(room.chmod, 0o755)
        self.refused(store, ["the backup cannot be made", "Permission denied"], **who)
        self.refused(store, ["the folder for logs", "Permission denied"], "--no-backup", **who)
        store.chmod(0o555)
        self.addCleanup(store.chmod, 0o755)
        self.refused(store, ["the undo file cannot be made", "Permission denied"], "--no-backup", **who)

    def test_no_space(self):
        store = self.mounted(self.folder / "small", "-t", "tmpfs", "-o", "size=1500k", "none") / "store.edb"
        self.fixture(to="full.edb")
        shutil.copy(self.folder / "full.edb", store)
        self.refused(store, ["No space left", "bytes are needed", "are free"])
        self.expect(km.REPAIRED, "repair", store, "--in-place", "--no-backup")

    def test_hard_links(self):
        """Another name may be the backup: it must not change with the store."""
        store = self.fixture()
        os.link(store, self.folder / "backup.edb")
        before = tree(self.folder)
        self.expect(km.TROUBLE, "repair", store, "--in-place", says=["has 2 names", "-o"])
        self.assertEqual(tree(self.folder), before)
        self.expect(km.REPAIRED, "repair", store, "-o", self.folder / "new")
        (self.folder / "backup.edb").unlink()
        self.repaired(store)
        os.link(store, self.folder / "backup.edb")
        before = tree(self.folder)
        self.expect(km.TROUBLE, "undo", store, says=["has 2 names"])
        self.assertEqual(tree(self.folder), before)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class SeenByOthers(Store):
    # Both locks that a repair in place has: the second names it to whoever may not look at its descriptors.
    HELD = "import fcntl, os, struct, sys, time\nfd = os.open(sys.argv[1], os.O_RDWR)\n" \
           "fcntl.fcntl(fd, 37, struct.pack('hhqqixxxx', fcntl.F_WRLCK, 0, 0, 0, 0))\n" \
           "fcntl.flock(fd, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(60)"

    def test_a_store_that_is_being_written_is_not_judged(self):
        store = self.fixture()
        process = subprocess.Popen(["/usr/bin/python3", "-c", self.HELD, store], stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"held\n")
        for command in (["check", store], ["check", "--structure", store], ["repair", store], ["info", store],
                        ["list", store], ["dump", store, "--table", "Users"], ["compact", store, "-o", self.folder / "new"],
                        ["repair", store, "-o", self.folder / "new"]):
            self.expect(km.TROUBLE, *command, says=[f"being written by process {process.pid}"])
        process.kill()
        process.wait()
        self.expect(km.PROBLEMS_LEFT, "check", store)

    def test_readers_do_not_stand_in_each_other_s_way(self):
        store = self.fixture()
        self.expect(km.CLEAN, "diff", store, store)
        processes = [subprocess.Popen([km.PROGRAM, "check", store], stdout=subprocess.DEVNULL) for _ in range(6)]
        self.assertEqual({process.wait() for process in processes}, {km.PROBLEMS_LEFT})

    def test_no_locks(self):
        """A file system that has none: the store is judged, and that nobody can tell is said."""
        library = self.folder / "nolocks.so"
        source = self.folder / "nolocks.c"
        source.write_text("""
            #include <errno.h>
            #include <fcntl.h>
            #include <stdarg.h>
            #include <sys/file.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            int fcntl64(int fd, int what, ...) {
                va_list args; va_start(args, what); void *arg = va_arg(args, void *); va_end(args);
                if (what == F_OFD_SETLK || what == F_OFD_GETLK) { errno = ENOLCK; return -1; }
                return (int)syscall(SYS_fcntl, fd, what, arg);
            }
            int fcntl(int fd, int what, ...) {
                va_list args; va_start(args, what); void *arg = va_arg(args, void *); va_end(args);
                return fcntl64(fd, what, arg);
            }
            int flock(int fd, int what) { (void)fd; (void)what; errno = ENOLCK; return -1; }
            """)
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if not compiler:
            self.skipTest("there is no C compiler")
        subprocess.run([compiler, "-shared", "-fPIC", "-D_GNU_SOURCE", "-w", "-o", library, source], check=True)
        store = self.fixture()
        env = {**os.environ, "LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0"}
        self.expect(km.PROBLEMS_LEFT, "check", store, says=["has no locks"], env=env)
        self.expect(km.REPAIRED, "repair", store, "--in-place", env=env)
        self.assertEqual(km.run("undo", store, env=env).returncode, km.CLEAN)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class LeftOver(Store):
    """Unfinished files of runs that were killed."""

    def setUp(self):
        super().setUp()
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if not compiler:
            self.skipTest("there is no C compiler")
        self.library = self.folder.parent / (self.folder.name + ".so")
        self.addCleanup(self.library.unlink, missing_ok=True)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.library,
                        pathlib.Path(__file__).parent / "kill" / "faults.c", "-ldl"], check=True)

    def killed(self, *command):
        """Everything that runs killed at each of their calls leave under temporary names."""
        left, number = set(), 0
        kept = self.folder.parent / (self.folder.name + ".kept")
        shutil.copytree(self.folder, kept)
        self.addCleanup(shutil.rmtree, kept, ignore_errors=True)
        while True:
            number += 1
            shutil.rmtree(self.folder)
            shutil.copytree(kept, self.folder)
            env = {**os.environ, "LD_PRELOAD": str(self.library), "KM_FAULT_BELOW": str(self.folder.resolve()),
                   "KM_FAULT_NAMED": "1", "KM_FAULT_AT": str(number), "KM_FAULT_DO": "kill",
                   "ASAN_OPTIONS": "verify_asan_link_order=0"}
            before = set(self.folder.rglob("*"))
            result = km.run(*command, env=env)
            new = {path for path in set(self.folder.rglob("*")) - before
                   if path.name.endswith(".tmp") and path.name.startswith(".") or ".kmmigrate-" in path.name}
            left |= {(path, path.is_dir()) for path in new
                     if not any(".kmmigrate-" in parent.name for parent in path.parents)}
            if result.returncode != -9:
                break
        shutil.rmtree(kept)
        for path, is_folder in left:
            path.mkdir(exist_ok=True) if is_folder else path.touch()
            if is_folder:
                (path / "set-aside").mkdir(exist_ok=True)
                (path / "set-aside" / "edb.log").touch()
                (path / "Kmspwd.ini").touch()
        return {path for path, _ in left}

    def test_recognised_and_removed(self):
        store = self.fixture("settings-name-the-loser")
        Kmsdata = self.directory("settings-name-the-loser")
        for target in (store, Kmsdata):
            new = self.folder / f"{target.name}.new"
            left = self.killed("repair", target, "-o", new)
            self.assertGreater(len(left), 1)
            if new.exists():
                (shutil.rmtree if new.is_dir() else os.unlink)(new)
            mine = self.folder / f".{new.name}.letter.tmp"
            mine.write_bytes(b"not a left-over")
            self.expect(km.PROBLEMS_LEFT, "repair", target)
            text = self.expect(km.TROUBLE, "repair", target, "-o", "/dev/null").stderr.decode()
            errors = self.expect(km.REPAIRED, "repair", target, "-o", new).stderr.decode()
            for path in left:
                self.assertIn(f"{path}: left over by a run that was killed", errors)
            self.assertNotIn(str(mine), errors + text)
            (shutil.rmtree if new.is_dir() else os.unlink)(new)
            errors = self.expect(km.REPAIRED, "repair", target, "-o", new, "--remove-leftovers").stderr.decode()
            self.assertEqual(errors.count("; removed"), len(left))
            self.assertEqual([path for path in left if path.exists()], [])
            self.assertTrue(mine.exists())

    def test_of_a_repair_in_place(self):
        for target in (self.fixture("settings-name-the-loser"), self.directory("settings-name-the-loser")):
            left = self.killed("repair", target, "--in-place")
            self.assertGreater(len(left), 1)
            errors = km.run("check", target).stderr.decode()
            for path in left:
                self.assertIn(f"{path}: left over by a run that was killed", errors)
            km.run("repair", target, "--remove-leftovers")
            self.assertEqual([path for path in left if path.exists()], [])

    def answered(self, answer, *arguments, **streams):
        """What is said when a person at a terminal answers each question so, once it is asked."""
        master, terminal = os.openpty()
        said, answers = b"", 0
        with os.fdopen(master, "r+b", buffering=0) as person:
            process = subprocess.Popen([km.PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                       **{"stdin": terminal, "stderr": terminal, **streams})
            os.close(terminal)
            try:
                while part := person.read(4096):
                    said += part
                    for _ in range(said.count(b"[y/N]") - answers):
                        person.write(answer)
                        answers += 1
            except OSError:  # the other end is closed, and everything was read
                pass
            process.wait()
        return said

    def test_offered_on_a_terminal(self):
        store = self.fixture("settings-name-the-loser")
        left = self.killed("repair", store, "--in-place")
        kept = {path: path.read_bytes() for path in left}
        for answer, streams in ((b"\n", {}), (b"n\n", {}), (b"yes, please remove everything\n", {}), (b"x" * 40 + b"y\n", {}),
                                (b"y\n", {"stdin": subprocess.DEVNULL})):
            said = self.answered(answer, "repair", store, **streams)
            self.assertEqual(said.count(b"Remove it? [y/N]"), 0 if streams else len(left), said)
            self.assertEqual(said.count(b"--remove-leftovers removes it"), len(left))
            self.assertEqual({path: path.read_bytes() for path in left}, kept)
        self.assertNotIn(b"Remove it?", self.answered(b"y\n", "check", store))
        said = self.answered(b"y\n", "repair", store)
        self.assertEqual(said.count(b"; removed"), len(left), said)
        self.assertEqual([path for path in left if path.exists()], [])

    def test_not_while_its_run_lives(self):
        store = self.fixture()
        left = self.folder / ".store.edb.kmundo.1-0.tmp"
        left.write_bytes(b"being written")
        with open(left) as file:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX)
            errors = self.expect(km.REPAIRED, "repair", store, "--in-place", "--remove-leftovers").stderr
            self.assertNotIn(b"left over", errors)
        self.assertTrue(left.exists())


if __name__ == "__main__":
    km.main()

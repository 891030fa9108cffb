#!/usr/bin/python3
"""Repair in place, and undo: on every fixture that can be repaired, and on what must be refused.

A store that was repaired where it lies has the rows of the copy that -o writes (read by the separate decoder, and by
libesedb where that can), its structure is clean, the stand-in service starts on it, and undo gives back the original
byte for byte.  What happens when the repair is killed, or a call fails, is in test_inplace_kill.py and
test_inplace_faults.py.
"""

import calendar
import hashlib
import json
import os
import pathlib
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import km
from test_fixtures import (FIXTURES, KMFIXTURE, NOT_FOR_THE_STANDIN, certificates, database, decoded, description_says, make,
                           of_check)
import descriptions
import edbcheck
import edbdecode
import kmserver

try:
    import pyesedb
except ImportError:
    pyesedb = None

REVISIONS = ("0x2", "0x14")
NOBODY = 65534
LOGS = ("edb.log", "edb00001.log", "edb.chk", "res1.log", "Kmsmdb.jfm")


def tree(path):
    """Every file below a directory, or the file alone: {name: its bytes}; directories end with a slash."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(file.relative_to(path)) + ("/" if file.is_dir() else ""): None if file.is_dir() else file.read_bytes()
            for file in path.rglob("*")}


def beside(store):
    """The names that a repair in place left beside the store, by what they are."""
    found = {}
    for path in store.parent.iterdir():
        for kind in ("backup", "set-aside", "quarantine"):
            if path.name.startswith(f"{store.name}.{kind}-"):
                found[kind] = path
    return found


def as_version_1(undo):
    """The undo file as it was written before it kept more than the names of what was set aside."""
    parts, at = [undo[:8] + struct.pack("<I", 1)], 12
    while at < len(undo):
        kind, size = struct.unpack_from("<4sI", undo, at)
        content = undo[at + 12:at + 12 + size]
        if kind == b"MOVE":
            content = content[:4 + struct.unpack_from("<I", content)[0]]
        head = struct.pack("<4sI", kind, len(content))
        parts += [head, struct.pack("<I", zlib.crc32(head + content)), content]
        at += 12 + size
    return b"".join(parts)


def undo_file(store):
    file = database(store)
    return file.with_name(file.name + ".kmundo")


def esedb_rows(path):
    """{table: [row]} as libesedb reads it; a row is [(column, bytes)]."""
    tables = {}
    file = pyesedb.file()
    file.open(str(path))
    for table in file.tables:
        if table.name.startswith("MSys"):
            continue
        rows = tables[table.name] = []
        for record in table.records:
            rows.append([])
            for i in range(record.number_of_values):
                long_value = record.get_value_data_as_long_value(i) if record.is_long_value(i) else None
                data = long_value.get_data() if long_value else record.get_value_data(i)
                rows[-1].append((record.get_column_name(i), data))
    file.close()
    return tables


class Store(unittest.TestCase):
    """What the tests of this file share: a directory of their own, and stores in it."""

    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    def fixture(self, name="imported-twice", *options, to="store.edb"):
        path = self.folder / to
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures" / "states" / name / "description.ini"), "-o", str(path), *options],
                       check=True, capture_output=True)
        return path

    def directory(self, name="imported-twice", to="Kmsdata"):
        """A Kmsdata directory with logs, a checkpoint and a flush map."""
        store = self.folder / to
        store.mkdir()
        self.fixture(name, to=f"{to}/KMSMDB.EDB")
        for log in LOGS:
            (store / log).write_bytes(log.encode() * 300)
        (store / "Kmspwd.ini").write_bytes(b"[password]\r\n")
        return store

    def expect(self, status, *arguments, says=(), program=(), **options):
        result = (subprocess.run([*program, km.PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                 capture_output=True, timeout=3000, check=False, **options)
                  if program else km.run(*arguments, **options))
        self.assertEqual(result.returncode, status, (arguments, result.stdout[-800:], result.stderr))
        text = result.stderr.decode("utf-8", "replace")
        for line in text.splitlines():
            self.assertTrue(line.startswith("kmmigrate: "), line)
        for part in says:
            self.assertIn(part, text)
        return result

    def repaired(self, store, *options):
        return json.loads(self.expect(km.REPAIRED, "repair", store, "--in-place", "--json", *options).stdout)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class EveryFixture(Store):
    compared = by_esedb = 0

    def one(self, folder, revision, options, title):
        """False: this state is not one that is repaired."""
        where = self.folder / f"{folder.name}-{revision}-{title}"
        where.mkdir()
        store = make(folder, where, revision)
        copy = where / "written"
        written = km.run("repair", store, "-o", copy, "--json", *options)
        if not written.returncode & km.REPAIRED:
            before = tree(store)
            result = km.run("repair", store, "--in-place", *options)
            self.assertFalse(result.returncode & km.REPAIRED, result.stdout)
            self.assertEqual(tree(store), before)
            self.assertEqual(beside(store), {})
            return False
        before = tree(store)
        result = km.run("repair", store, "--in-place", "--json", *options)
        self.assertEqual(result.returncode, written.returncode, result.stderr)
        report, other = json.loads(result.stdout), json.loads(written.stdout)
        self.assertEqual(report["plan"]["id"], other["plan"]["id"])
        self.same_result(folder, store, copy, report, other, revision)
        self.clean(folder, store, other, options)
        self.undone(store, before, report)
        return True

    def same_result(self, folder, store, copy, report, other, revision):
        file = database(store)
        self.assertEqual(report["written"]["sha256"], hashlib.sha256(file.read_bytes()).hexdigest())
        self.assertEqual(decoded(store), decoded(copy))
        EveryFixture.compared += 1
        self.assertEqual(report["left"], other["left"])
        quarantine = report["written"]["quarantine"]
        self.assertEqual(quarantine is None, other["written"]["quarantine"] is None)
        if quarantine:
            self.assertEqual(pathlib.Path(quarantine).read_bytes(),
                             pathlib.Path(other["written"]["quarantine"]).read_bytes())
        if pyesedb and revision == "0x14":
            self.assertEqual(esedb_rows(file), esedb_rows(database(copy)))
            EveryFixture.by_esedb += 1

    def clean(self, folder, store, other, options):
        self.expect(km.CLEAN, "check", store, "--structure")
        self.assertEqual(list(edbcheck.problems(edbdecode.open(str(database(store))))), [])
        left = any(problem["severity"] != "advice" for problem in other["left"])
        self.expect(km.PROBLEMS_LEFT if left else km.CLEAN, "check", store,
                    *of_check(options))
        if folder.name not in NOT_FOR_THE_STANDIN and not description_says(folder) and not left:
            self.assertEqual([reason.text for reason in kmserver.start(str(store)).reasons], [])

    def undone(self, store, before, report):
        backup = beside(store)["backup"]
        self.assertEqual(tree(backup), before if store.is_dir() else {backup.name: before[store.name]})
        self.assertEqual(report["written"]["backup"], str(backup))
        self.assertTrue(undo_file(store).exists())
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(tree(store), before)
        self.assertEqual(set(beside(store)), {"backup"})
        self.assertFalse(undo_file(store).exists())

    def options_of(self, folder, where):
        description = descriptions.Description(str(folder / "description.ini"))
        yield "expect", []
        for variant, outcome in description.variants.items():
            yield variant, [str(where / option[1:-1]) if option.startswith("{") else option
                            for option in outcome["options"].split()]

    def test_as_with_o(self):
        repaired = 0
        for number, folder in enumerate(FIXTURES):
            certs = self.folder / f"{folder.name}-certs"
            certificates(folder, certs)
            for title, options in self.options_of(folder, certs):
                for revision in km.in_turn(REVISIONS, number):
                    with self.subTest(f"{folder.name} {revision} {title}"):
                        repaired += self.one(folder, revision, options, title)
        print(f"{repaired} stores repaired in place; {EveryFixture.compared} compared with the decoder, "
              f"{EveryFixture.by_esedb} with libesedb; all undone byte for byte")
        self.assertGreater(repaired, 50 if km.SAMPLE == 1 else 25)

    def test_other_page_sizes(self):
        for size in ("2048", "8192", "16384", "32768"):
            with self.subTest(size):
                store = self.fixture("imported-twice", "--page-size", size, *(
                    ("--revision", "0x14") if int(size) > 8192 else ()), to=f"store-{size}.edb")
                before = store.read_bytes()
                copy = self.folder / f"copy-{size}.edb"
                self.expect(km.REPAIRED, "repair", store, "-o", copy)
                self.repaired(store)
                self.assertEqual(decoded(store), decoded(copy))
                self.expect(km.CLEAN, "undo", store)
                self.assertEqual(store.read_bytes(), before)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Commands(Store):
    def test_plan_and_options(self):
        store = self.fixture()
        before = store.read_bytes()
        plan = json.loads(km.run("repair", store, "--json").stdout)["plan"]["id"]
        for how in ["--in-place"], ["-o", self.folder / "new"], []:
            without = f"without --plan{f' and {how[0]}' if how else ''} shows it"
            self.expect(km.TROUBLE, "repair", store, *how, "--plan", "0" * 16, says=["--plan: the plan for", without])
        self.expect(km.PROBLEMS_LEFT, "repair", store, "--in-place", "--dry-run")
        self.expect(km.USAGE, "repair", store, "--in-place", "-o", self.folder / "new", says=["exclude"])
        self.expect(km.USAGE, "repair", store, "--no-backup", says=["--in-place"])
        self.assertEqual(tree(self.folder), {"store.edb": before})
        self.expect(km.REPAIRED, "repair", store, "--in-place", "--no-backup", "--plan", plan[:16])
        self.assertEqual(sorted(tree(self.folder)), ["store.edb", "store.edb.kmundo"])
        self.expect(km.CLEAN, "repair", store, "--in-place", says=["nothing to repair"])

    def test_reports_name_all_files(self):
        store = self.directory("settings-name-the-loser")
        report = self.repaired(store)["written"]
        self.assertEqual(report["undo"], str(store / "KMSMDB.EDB.kmundo"))
        for key in ("backup", "set_aside", "quarantine"):
            self.assertTrue(pathlib.Path(report[key]).exists(), key)
        report = json.loads(self.expect(km.CLEAN, "undo", store, "--json").stdout)
        self.assertEqual(sorted(report["files"]), sorted(LOGS))
        self.assertFalse(report["interrupted"])

    def test_directory_named_as_dot(self):
        store = self.directory()
        before = tree(store)
        self.expect(km.REPAIRED, "repair", ".", "--in-place", cwd=store)
        self.assertEqual(sorted(tree(store)), ["KMSMDB.EDB", "KMSMDB.EDB.kmundo", "Kmspwd.ini"])
        self.assertEqual(set(beside(store)), {"backup", "set-aside"})
        self.expect(km.CLEAN, "undo", ".", cwd=store)
        self.assertEqual(tree(store), before)

    def test_switch_in_place(self):
        folder = km.SOURCE / "fixtures" / "states" / "interrupted-switch-with-file"
        certs = self.folder / "certs"
        certificates(folder, certs)
        description = descriptions.Description(str(folder / "description.ini"))
        options = next(outcome["options"] for outcome in description.variants.values() if "ca" in outcome["options"])
        file = certs / next(part for part in options.replace("=", " ").split() if part.startswith("{"))[1:-1]
        store = self.fixture("interrupted-switch-with-file")
        before = store.read_bytes()
        copy = self.folder / "copy.edb"
        switch = ["migrate", store, "--to", "V3", "--issuing-ca", file]
        self.expect(km.REPAIRED, *switch, "-o", copy)
        self.expect(km.REPAIRED, *switch, "--in-place")
        self.assertEqual(decoded(store), decoded(copy))
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(store.read_bytes(), before)

    def test_permissions_are_not_widened(self):
        store = self.fixture("settings-name-the-loser")
        store.chmod(0o600)
        self.repaired(store)
        for path in self.folder.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_repaired_again_after_an_undo(self):
        store = self.fixture()
        before = store.read_bytes()
        self.repaired(store)
        first = store.read_bytes()
        self.expect(km.CLEAN, "undo", store)
        self.repaired(store)
        self.assertEqual(store.read_bytes(), first)
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(store.read_bytes(), before)
        self.expect(km.TROUBLE, "undo", store, says=["nothing to take back"])

    def test_interrupted_by_a_signal(self):
        store = self.fixture()
        before = tree(self.folder)
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            for delay in (0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.02):
                process = subprocess.Popen([km.PROGRAM, "repair", store, "--in-place", "--no-backup"],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(delay)
                process.send_signal(signal_number)
                errors = process.communicate(timeout=3000)[1]
                if process.returncode == km.CANCELLED:
                    self.assertRegex(errors, b"nothing was changed|as it was before the repair")
                    self.assertEqual(tree(self.folder), before)
                elif process.returncode == km.REPAIRED:
                    self.expect(km.CLEAN, "undo", store)
                    self.assertEqual(tree(self.folder), before)
                else:  # before the program could say what the signal does
                    self.assertEqual(process.returncode, -signal_number, errors)
                    self.assertEqual(tree(self.folder), before)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Refused(Store):
    def pending(self, store):
        """A store whose repair was killed after its first page: the undo file without its mark, one page as it was."""
        before = database(store).read_bytes()
        self.repaired(store)
        undo = undo_file(store)
        undo.write_bytes(undo.read_bytes()[:-52])
        with open(database(store), "r+b") as file:
            file.write(before[:4096])
        return before

    def test_any_command_tells_of_an_interrupted_repair(self):
        store = self.fixture()
        self.pending(store)
        for command in (["info"], ["dump", "--table", "Users"], ["list"], ["check", "--structure"],
                        ["compact", "-o", self.folder / "new"], ["profile"]):
            result = km.run(command[0], store, *command[1:])
            self.assertIn(b"a repair in place was interrupted", result.stderr, command)
        report = json.loads(self.expect(km.PROBLEMS_LEFT, "check", store, "--json").stdout)
        self.assertEqual(report["verdict"], "cannot tell")
        self.assertIn("KM-UNDO-PENDING", [problem["code"] for problem in report["problems"]])
        self.expect(km.PROBLEMS_LEFT, "repair", store, "-o", self.folder / "other", says=["interrupted"])

    def test_finished_is_not_pending(self):
        store = self.fixture()
        self.repaired(store)
        self.expect(km.CLEAN, "check", store)
        self.assertEqual(km.run("info", store).stderr, b"")

    def test_interrupted_then_undone_or_repaired(self):
        store = self.directory()
        original = tree(store)
        self.pending(store)
        backup = beside(store)["backup"]
        saved = self.folder / "saved"
        shutil.copytree(store, saved)
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(tree(store), original)
        shutil.rmtree(store)
        shutil.copytree(saved, store)
        aside = store.parent / f"{store.name}.set-aside-{backup.name.rpartition('-')[2]}"
        aside.mkdir()
        for log in LOGS:
            (aside / log).write_bytes(original[log])
        report = json.loads(self.expect(km.REPAIRED, "repair", store, "--in-place", "--json",
                                        says=["interrupted repair was taken back"]).stdout)
        self.assertEqual(report["written"]["backup"], str(backup), "the first backup is the one that counts")
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(tree(store), original)

    def test_empty_undo_file(self):
        store = self.fixture("undo-pending", to="Kmsdata")
        before = tree(store)
        for command in (["undo", store], ["repair", store, "--in-place"]):
            self.expect(km.TROUBLE, *command, says=["undo file is damaged", "backup"])
            self.assertEqual(tree(store), before)
        self.assertNotIn(b"it lies beside the store", self.expect(km.PROBLEMS_LEFT, "check", store).stdout)

    def test_pages_of_the_undo_file_that_cannot_be_unpacked(self):
        """Each in turn, with right checksums: a page that is missing is never passed over."""
        for interrupted in (False, True):
            store = self.fixture(to=f"store-{interrupted}.edb")
            self.pending(store) if interrupted else self.repaired(store)
            after, file, pieces = store.read_bytes(), undo_file(store), 0
            undo = file.read_bytes()
            at = 12
            while at < len(undo):
                kind, size, _ = struct.unpack_from("<4sII", undo, at)
                if kind == b"PIEC":
                    content = undo[at + 12:at + 24] + bytes([undo[at + 24] ^ 0xff]) + undo[at + 25:at + 12 + size]
                    head = kind + struct.pack("<I", size)
                    file.write_bytes(undo[:at] + head + struct.pack("<I", zlib.crc32(head + content)) + content +
                                     undo[at + 12 + size:])
                    self.expect(km.TROUBLE, "undo", store, says=["undo file is damaged: a page"])
                    self.assertEqual(store.read_bytes(), after)
                    pieces += 1
                at += 12 + size
            self.assertGreater(pieces, 3)
            file.write_bytes(undo)
            self.expect(km.CLEAN, "undo", store)

    def test_a_name_too_long_to_make_others_from(self):
        """Of a directory that of a backup, of a file that of the undo file, before anything is written."""
        for store in (self.directory(to="K" * 240), self.fixture().rename(self.folder / ("s" * 250))):
            before = tree(store)
            self.expect(km.TROUBLE, "repair", store, "--in-place", says=["too long"])
            self.assertEqual(tree(store), before)
            self.assertEqual(set(beside(store)), set())

    def test_names_tell_the_time(self):
        before = time.time()
        store = self.directory()
        self.repaired(store)
        stamps = {path.name.rpartition("-")[2].partition(".")[0] for path in beside(store).values()}
        self.assertEqual(len(stamps), 1)
        self.assertTrue(before - 1 <= calendar.timegm(time.strptime(stamps.pop(), "%Y%m%dT%H%M%SZ")) <= time.time())

    def test_store_changed_since(self):
        for at in (0, 4096, 300000, -1):
            store = self.fixture(to=f"store{at}.edb")
            self.repaired(store)
            data = bytearray(store.read_bytes())
            data[at] ^= 1
            store.write_bytes(data)
            self.expect(km.TROUBLE, "undo", store, says=["changed since", f"{store}.backup-"])
            store.write_bytes(data + b"x")
            self.expect(km.TROUBLE, "undo", store, says=["changed since"])
            self.assertEqual(store.read_bytes(), data + b"x")

    def test_undo_file_of_another_store(self):
        store, other = self.fixture(), self.fixture("imported-five-times", to="other.edb")
        self.repaired(store)
        self.repaired(other)
        before = store.read_bytes()
        shutil.copy(undo_file(other), undo_file(store))
        self.expect(km.TROUBLE, "undo", store, says=["changed since", "not touched"])
        undo_file(store).write_bytes(undo_file(other).read_bytes()[:-52])  # as if it were interrupted
        self.expect(km.TROUBLE, "undo", store, says=["another store", "not touched"])
        self.expect(km.TROUBLE, "repair", store, "--in-place", says=["another store"])
        self.assertEqual(store.read_bytes(), before)

    def test_undo_file_cut_flipped_or_of_another_version(self):
        store = self.fixture()
        original = store.read_bytes()
        self.repaired(store)
        new, undo = store.read_bytes(), undo_file(store)
        good = undo.read_bytes()
        tried = 0
        damages = [good[:size] for size in range(0, len(good), 61)] + \
            [good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:] for at in range(0, len(good), 29)]
        for data in km.sampled(damages):
            undo.write_bytes(data)
            result = km.run("undo", store)
            tried += 1
            if result.returncode == km.CLEAN:  # only the mark at the end was hit: the pages are all there
                self.assertEqual(store.read_bytes(), original)
                store.write_bytes(new)
            else:
                self.assertEqual(result.returncode, km.TROUBLE)
                self.assertIn(b"backup", result.stderr)
                self.assertEqual(store.read_bytes(), new)
        undo.write_bytes(good[:8] + struct.pack("<I", 3) + good[12:])
        self.expect(km.TROUBLE, "undo", store, says=["version 3"])
        undo.write_bytes(good)
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(store.read_bytes(), original)
        print(f"{tried} damaged undo files")

    def test_undo_file_is_something_else(self):
        store = self.fixture()
        before = store.read_bytes()
        undo_file(store).mkdir()
        self.expect(km.TROUBLE, "undo", store, says=["undo file"])
        undo_file(store).rmdir()
        undo_file(store).symlink_to(store)
        self.expect(km.TROUBLE, "undo", store, says=["undo file"])
        self.assertEqual(store.read_bytes(), before)

    def test_set_aside_files_missing_or_back(self):
        store = self.directory()
        self.repaired(store)
        before = database(store).read_bytes()
        aside = beside(store)["set-aside"]
        (store / "edb.log").write_bytes(b"of the next start")
        self.expect(km.TROUBLE, "undo", store, says=["edb.log", "appeared"])
        (store / "edb.log").unlink()
        (aside / "edb.log").rename(self.folder / "away")
        self.expect(km.TROUBLE, "undo", store, says=["edb.log", "not in"])
        self.assertEqual(database(store).read_bytes(), before)
        (self.folder / "away").rename(aside / "edb.log")
        self.expect(km.CLEAN, "undo", store)

    def test_others_files_are_not_what_was_set_aside(self):
        """What has the names in the store's directory is not taken for what was to be put back there."""
        store = self.directory()
        original = tree(store)
        self.repaired(store)
        aside, kept = beside(store)["set-aside"], self.folder / "kept"
        aside.rename(kept)
        for log in LOGS:
            (store / log).write_bytes(b"of the next start")
        before = tree(store)
        self.expect(km.TROUBLE, "undo", store, says=["set aside, is not in", str(aside), "move it there",
                                                     "not touched", f"the way back: {store}.backup-"])
        self.assertEqual(tree(store), before)
        aside.mkdir()
        for log in LOGS:  # what the sentence says
            (store / log).unlink()
            (kept / log).rename(aside / log)
        self.expect(km.CLEAN, "undo", store)
        self.assertEqual(tree(store), original)

    def test_written_in_the_set_aside_folder(self):
        """What is there goes back, with a word where it is not what was moved, whatever its time and its length say."""
        store = self.directory()
        for other in (b"another", bytes(reversed((store / "edb.log").read_bytes()))):
            self.repaired(store)
            log = beside(store)["set-aside"] / "edb.log"
            old = log.stat()
            log.write_bytes(other)
            os.utime(log, ns=(old.st_atime_ns, old.st_mtime_ns))
            self.expect(km.CLEAN, "undo", store,
                        says=["edb.log, which was set aside, was changed after the repair began, by its SHA-256"])
            self.assertEqual((store / "edb.log").read_bytes(), other)
        self.repaired(store)
        os.utime(beside(store)["set-aside"] / "edb.log", (time.time() + 2,) * 2)  # touched, and nothing more
        self.assertEqual(self.expect(km.CLEAN, "undo", store).stderr, b"")

    def test_an_undo_file_of_the_first_version(self):
        """It has only the names of what was set aside, and is used as before."""
        store = self.directory()
        before = tree(store)
        self.repaired(store)
        undo = undo_file(store)
        undo.write_bytes(as_version_1(undo.read_bytes()))
        log = beside(store)["set-aside"] / "edb.log"
        os.utime(log, (time.time() + 2,) * 2)
        self.expect(km.CLEAN, "undo", store,
                    says=["edb.log, which was set aside, was changed after the repair began, by its file time"])
        self.assertEqual(tree(store), before)
        os.utime(store / "edb.log", (0, 0))
        self.repaired(store)
        self.assertEqual(self.expect(km.CLEAN, "undo", store).stderr, b"")

    def test_lost_set_aside_folder_without_a_backup(self):
        """Whether the repair had ended or not, what the refusal says leads back to the database."""
        for number, is_pending in enumerate((False, True)):
            store = self.directory(to=f"Kms{number}")
            before = database(store).read_bytes()
            self.repaired(store, "--no-backup")
            if is_pending:
                undo_file(store).write_bytes(undo_file(store).read_bytes()[:-52])
            aside = beside(store)["set-aside"]
            shutil.rmtree(aside)
            self.expect(km.TROUBLE, "undo", store, says=["there is no backup of that repair", "empty files"])
            aside.mkdir()
            for log in LOGS:
                (aside / log).touch()
            self.expect(km.CLEAN, "undo", store)
            self.assertEqual(database(store).read_bytes(), before)

    def test_changed_quarantine_stays(self):
        store = self.fixture("settings-name-the-loser")
        quarantine = pathlib.Path(self.repaired(store)["written"]["quarantine"])
        with open(quarantine, "ab") as file:
            file.write(b"a note\n")
        self.expect(km.CLEAN, "undo", store)
        self.assertTrue(quarantine.exists())

    def exchanging(self, **settings):
        """The environment of a run while which somebody puts another file under a name: exchange.c."""
        library = self.folder / "exchange.so"
        if not library.exists():
            subprocess.run([shutil.which(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                            km.SOURCE / "tests" / "program" / "kill" / "exchange.c", "-ldl"], check=True)
        return dict(os.environ, LD_PRELOAD=str(library), **settings,
                    ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def test_exchanged_quarantine_stays(self):
        """Undo removes the quarantine file that it has read, and no other that has its name by then."""
        exchanged = 0
        for number in range(1, 6):
            store = self.fixture("settings-name-the-loser", to=f"exchanged-{number}")
            quarantine = pathlib.Path(self.repaired(store)["written"]["quarantine"])
            km.run("undo", store, env=self.exchanging(KM_EXCHANGE=quarantine.name, KM_EXCHANGE_AT=str(number)))
            if pathlib.Path(f"{quarantine}.away").exists():
                exchanged += 1
                self.assertEqual(quarantine.read_bytes(), b"another's")
        self.assertGreater(exchanged, 0)

    def test_exchanged_store(self):
        """Another file gets the store's name at each moment of a repair and of an undo: neither is said to be done."""
        original = self.fixture(to="original.edb").read_bytes()
        self.repaired(self.folder / "original.edb")
        result = (self.folder / "original.edb").read_bytes()
        for done, command, after in ((km.REPAIRED, ("repair", "--in-place", "--no-backup"), result),
                                     (km.CLEAN, ("undo",), original)):
            found, number = set(), 0
            while True:
                number += 1
                store = self.fixture(to=f"{command[0]}-{number}.edb")
                if command[0] == "undo":
                    self.repaired(store, "--no-backup")
                run = km.run(command[0], store, *command[1:],
                             env=self.exchanging(KM_EXCHANGE=str(store), KM_EXCHANGE_SYNC=str(number)))
                away = pathlib.Path(f"{store}.away")
                if not away.exists():
                    self.assertEqual((run.returncode, store.read_bytes()), (done, after), run.stderr)
                    break
                self.assertEqual(run.returncode, km.TROUBLE, (command, number, run.stdout, run.stderr))
                self.assertEqual(store.read_bytes(), b"another's")
                found.add(away.read_bytes())
                if away.read_bytes() == after:
                    self.assertIn(b"another file has its name by now: ", run.stderr)
            self.assertIn(after, found)
            self.assertLessEqual(found, {original, result})

    def test_what_cannot_be_written(self):
        for name, words in (("dirty-shutdown", "kmmigrate logs"), ("damaged-page", "damaged"),
                            ("renamed-schema-with-decoys", "profile")):
            store = self.fixture(name, to=name)
            before = tree(store)
            result = km.run("repair", store, "--in-place")
            self.assertIn(words, result.stderr.decode())
            self.assertEqual(result.returncode & ~km.PROBLEMS_LEFT, 0)
            self.assertEqual(tree(store), before)
        store = self.fixture()
        packed = self.folder / "packed.edb.gz"
        packed.write_bytes(subprocess.run(["gzip", "-c", store], check=True, capture_output=True).stdout)
        self.expect(km.TROUBLE, "repair", packed, "--in-place", says=["unpack it first"])
        link = self.folder / "link.edb"
        link.symlink_to(store)
        self.expect(km.TROUBLE, "repair", link, "--in-place", says=["symbolic link"])
        self.expect(km.TROUBLE, "repair", self.folder / "none", "--in-place")

    # ---- permissions and full disks ----

    def as_nobody(self):
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def test_read_only_file_and_directory(self):
        room = self.folder / "room"
        room.mkdir()
        store = self.fixture(to="room/store.edb")
        before = store.read_bytes()
        who = self.as_nobody()
        owner = NOBODY if who else os.geteuid()
        for path in (room, store):
            os.chown(path, owner, -1)
        store.chmod(0o444)
        self.expect(km.TROUBLE, "repair", store, "--in-place", says=["opened for writing", "Permission denied"], **who)
        store.chmod(0o644)
        room.chmod(0o555)
        self.expect(km.TROUBLE, "repair", store, "--in-place", says=["cannot be made", "Permission denied", "not changed"],
                    **who)
        self.expect(km.TROUBLE, "repair", store, "--in-place", "--no-backup",
                    says=["undo file", "Permission denied", "not changed"], **who)
        self.assertEqual(tree(room), {"store.edb": before})
        room.chmod(0o755)
        self.expect(km.REPAIRED, "repair", store, "--in-place", **who)
        room.chmod(0o555)
        self.expect(km.TROUBLE, "undo", store, says=["cannot be removed"], **who)
        self.assertEqual(store.read_bytes(), before)
        room.chmod(0o755)
        self.expect(km.CLEAN, "undo", store, **who)
        self.assertEqual(store.read_bytes(), before)

    def test_full_disk(self):
        """A limit on the size of files, as the shell sets it: each new file fails at some length."""
        store = self.fixture("settings-name-the-loser")
        before = tree(self.folder)
        for limit in (0, 1, 4, 1024, 1030):
            script = f"ulimit -f {limit}; exec \"$@\""
            result = self.expect(km.TROUBLE, "repair", store, "--in-place", program=("bash", "-c", script, "bash"),
                                 says=["not changed", "File too large"])
            self.assertIn(b"kmmigrate: ", result.stderr)
            self.assertEqual(tree(self.folder), before)

    def test_full_device(self):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        for size in (1036, 1044, 1500, 2060, 2064, 2068, 2072, 2076, 2080, 2084, 2300):
            mount = self.folder / f"full{size}"
            mount.mkdir()
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", mount],
                              capture_output=True).returncode:
                self.skipTest("no file system can be mounted here")
            try:
                shutil.copy(self.fixture("settings-name-the-loser", "-f"), mount / "store.edb")
                before = tree(mount)
                result = km.run("repair", mount / "store.edb", "--in-place")
                if result.returncode != km.REPAIRED:
                    self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
                    self.assertIn(b"No space left", result.stderr)
                    self.assertEqual(tree(mount)["store.edb"], before["store.edb"])
                    self.assertNotIn("store.edb.kmundo", tree(mount))
                if not 2064 < size < 2300:
                    self.assertEqual(result.returncode == km.REPAIRED, size == 2300, result.stderr)
            finally:
                subprocess.run(["umount", mount], check=True)

    # ---- locks ----

    def holds(self, code, store):
        """A process of Python that runs `code` on the open file and then waits."""
        process = subprocess.Popen([sys.executable, "-c", "import fcntl, os, struct, sys, time\n"
                                    "fd = os.open(sys.argv[1], os.O_RDWR)\n" + code +
                                    "\nprint('held', flush=True)\ntime.sleep(60)", str(store)],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"held\n")
        return process

    def test_held_by_another_process(self):
        holds = {
            "open": "",
            "fcntl": "fcntl.lockf(fd, fcntl.LOCK_EX)",
            "a range": "fcntl.lockf(fd, fcntl.LOCK_SH, 10, 5000)",
            "open file description": "fcntl.fcntl(fd, 37, struct.pack('hhqqixxxx', fcntl.F_WRLCK, 0, 0, 0, 0))",
            "flock": "fcntl.flock(fd, fcntl.LOCK_SH)",
        }
        for title, code in holds.items():
            with self.subTest(title):
                store = self.fixture(to=f"{title}.edb")
                before = store.read_bytes()
                process = self.holds(code, store)
                name = pathlib.Path(f"/proc/{process.pid}/comm").read_text().strip()
                for command in (["repair", store, "--in-place"], ["undo", store]):
                    self.expect(km.TROUBLE, *command, says=[f"process {process.pid} ({name})"])
                self.assertEqual(store.read_bytes(), before)
                process.kill()
                process.wait()
                self.expect(km.REPAIRED, "repair", store, "--in-place")

    def test_two_at_once(self):
        """Any number at the same time: one repairs, the others are refused or find nothing to do; none harms."""
        store = self.fixture()
        copy = self.folder / "copy.edb"
        self.expect(km.REPAIRED, "repair", store, "-o", copy)
        wanted = decoded(copy)
        for _ in range(10):
            processes = [subprocess.Popen([km.PROGRAM, "repair", store, "--in-place", "--no-backup"],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)]
            results = [(process.communicate()[1], process.returncode) for process in processes]
            for errors, status in results:
                self.assertIn(status, (km.REPAIRED, km.CLEAN, km.TROUBLE), errors)
                if status == km.TROUBLE:
                    self.assertIn(b"in use", errors)
            statuses = [status for _, status in results]
            self.assertLessEqual(statuses.count(km.REPAIRED), 1)
            if km.REPAIRED in statuses:
                self.assertEqual(decoded(store), wanted)
                self.expect(km.CLEAN, "undo", store)


if __name__ == "__main__":
    km.main()

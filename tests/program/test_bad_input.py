#!/usr/bin/python3
"""Input that is no sound database: each has its exit status and a message that names file, place and next step.

The databases are made here (edbmaking.py), so that nothing else is needed; what needs a sound one of the engine's
takes it from the corpus, or is skipped.
"""

import gzip
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import edbmaking
import km
from edbmaking import CATALOG, FIRST_LEAF, LEAF, PAGE, PARENT, ROOT, SHADOW, TABLE, VALUES

NOBODY = 65534
CRASH_WORDS = (b"Sanitizer", b"runtime error", b"Segmentation", b"Aborted", b"core dumped", b"Assertion",
               b"stack trace")

# Starts the program from a small process, and tells the peak memory of it alone, in KiB.
PEAK = ("import resource, subprocess, sys\n"
        "status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
        "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")


def xor_at(image, offset, mask=0xFF):
    image[offset] ^= mask


class BadInput(unittest.TestCase):
    """What every test of this file needs."""

    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, data, name="store.edb"):
        path = self.folder / name
        path.write_bytes(data.image() if isinstance(data, edbmaking.Database) else data)
        return path

    def expect(self, status, *arguments, says=(), silent=False, **options):
        """Runs the program: exactly that status, each of `says` in one of its messages, every one a proper message."""
        result = km.run(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        for word in CRASH_WORDS:
            self.assertNotIn(word, result.stderr)
        text = result.stderr.decode("utf-8", "replace")
        for line in text.splitlines():
            self.assertTrue(line.startswith("kmmigrate: "), line)
            self.assertTrue(line.isprintable(), line)
        for part in says:
            self.assertIn(part, text)
        if silent:
            self.assertEqual(text, "")
        return result

    def refused(self, path, *says):
        """All commands refuse the file with one and the same message, and print no result."""
        for command in (["info", path], ["info", path, "--json"], ["dump", path, "--table", "T"],
                        ["dump", path, "--table", "T", "--json"], ["check", path, "--structure"]):
            with self.subTest(command[0]):
                result = self.expect(km.TROUBLE, *command, says=[f"kmmigrate: {path}", *says])
                if "--json" in command:
                    told = json.loads(result.stdout)
                    self.assertEqual(set(told), {"schema", "command", "errors", "exit"})
                    self.assertTrue(told["errors"][0]["file"].startswith(str(path)))
                elif command[0] != "check":
                    self.assertEqual(result.stdout, b"")

    def ids(self, status, path, *says):
        """The Ids of table T, as far as they can be read."""
        result = self.expect(status, "dump", path, "--table", "T", "--json",
                             says=[f"{path}: {part}" if part else "" for part in says])
        return [json.loads(line)["Id"] for line in result.stdout.splitlines()]


# ---- what is no database -----------------------------------------------------------------------------------------

class NoDatabase(BadInput):
    def test_text(self):
        self.refused(self.file(b"This is a letter, and no database.\n" * 200),
                     "not an ESE database: expected 0x89abcdef "
                     "at byte 4 of the header, found 0x20736920, and no shadow header; name another file")

    def test_formats_of_others(self):
        """What is named in place of a database, each by its own first bytes, long and cut short."""
        for start, name in ((b"PK\x03\x04\x14\0\0\0", "a ZIP archive; unpack it"),
                            (b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive"), (b"MSCF\0\0\0\0", "a cabinet file"),
                            (b"\xfd7zXZ\0\0\4", "xz data"), (b"BZh91AY&", "bzip2 data"),
                            (b"TAPE\0\0\3\0", "a backup of NTBackup; restore"),
                            (b"\0\1\0\0Standard Jet DB\0", "an Access database (Jet Red"),
                            (b"\0\1\0\0Standard ACE DB\0", "an Access database (ACE)"),
                            (b"SQLite format 3\0\x10\0", "an SQLite database"), (b"!BDN\0\0\0\0", "an Outlook .pst"),
                            (b"-----BEGIN RSA PRIVATE KEY-----\n", "PEM, text with certificates or keys"), (b"regf\0\0\0\0", "a hive of the Windows"),
                            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a compound file")):
            for size in 8192, 0:
                with self.subTest(name, size=size):
                    self.refused(self.file(start + bytes(size)), f"not an ESE database, but {name}")

    def test_short_text(self):
        self.refused(self.file(b"hello"), "not an ESE database: expected at least a header of 2048 bytes, found 5")

    def test_zeros(self):
        self.refused(self.file(bytes(100000)), "not an ESE database", "found 0x00000000")

    def test_empty(self):
        self.refused(self.file(b""), "expected a database file, found an empty file; get the file again")

    def test_missing(self):
        self.refused(self.folder / "none.edb", "cannot be opened: No such file or directory; check the name")

    def test_device(self):
        self.refused("/dev/null", "expected a database file, found a device; name the file itself")

    def test_pipe_is_not_waited_for(self):
        os.mkfifo(self.folder / "pipe")
        self.refused(self.folder / "pipe", "expected a database file, found a pipe")

    def test_socket(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.folder / "socket"))
            self.refused(self.folder / "socket", "cannot be opened")

    def test_name_that_is_too_long(self):
        self.expect(km.TROUBLE, "info", "x" * 5000, says=["the path is too long"])

    def test_name_with_control_characters(self):
        name = "a\x1b[31m\nkmmigrate: all is well"
        result = self.expect(km.TROUBLE, "info", self.folder / name)
        self.assertEqual(result.stderr.count(b"\n"), 1)

    def test_log_file(self):
        self.refused(self.file(edbmaking.Database(file_type=2)),
                     "an ESE file, but not a database: expected file type 1, "
                     "found 2")

    def test_older_and_newer_formats(self):
        self.refused(self.file(edbmaking.Database(version=0x500)),
                     "database format 0x500 is older than ESE97: expected "
                     "0x620; convert it")
        self.refused(self.file(edbmaking.Database(version=0x700)),
                     "unknown database format version 0x700: expected 0x620")


class NoPermission(BadInput):
    """As a user who may not read: when root runs the tests, as nobody."""

    def setUp(self):
        super().setUp()
        self.options = {}
        if os.geteuid() == 0:
            self.options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            program = shutil.copy(km.PROGRAM, self.folder / "kmmigrate")  # the build folder may be closed to nobody
            self.addCleanup(setattr, km, "PROGRAM", km.PROGRAM)
            km.PROGRAM = program

    def test_file(self):
        path = self.file(edbmaking.Database())
        path.chmod(0)
        for command in (["info", path], ["dump", path, "--table", "T"]):
            self.expect(km.TROUBLE, *command, says=[f"{path}: cannot be opened: Permission denied; run this as"],
                        **self.options)

    def test_directory(self):
        directory = self.folder / "Kmsdata"
        directory.mkdir()
        edbmaking.Database().save(directory / "Kmsmdb.edb")
        directory.chmod(0o100)
        self.addCleanup(directory.chmod, 0o700)
        self.expect(km.TROUBLE, "info", directory,
                    says=[f"{directory}: the directory cannot be read: Permission denied"],
                    **self.options)

    def test_a_file_that_may_only_be_read_is_enough(self):
        path = self.file(edbmaking.Database())
        path.chmod(0o444)
        self.expect(km.CLEAN, "info", path, silent=True, **self.options)


class Directory(BadInput):
    def test_the_file_name_is_matched_without_case(self):
        for name in ("Kmsmdb.edb", "KMSMDB.EDB", "kmsmdb.Edb"):
            directory = self.folder / name.replace(".", "-")
            directory.mkdir()
            edbmaking.Database().save(directory / name)
            (directory / "edb.log").write_bytes(b"no log")
            self.assertEqual(self.ids(km.CLEAN, directory), [1, 2, 3, 4, 5, 6])

    def test_without_the_file(self):
        self.refused(self.folder,
                     "expected one file Kmsmdb.edb in this directory, found 0; name the database file itself; there is: "
                     "nothing")
        for number in range(11):
            (self.folder / f"e{number:02}.log").touch()
        self.refused(self.folder, "found 0; name the database file itself; there is: " +
                     ", ".join(f"e{number:02}.log" for number in range(8)) + " and 3 more")

    def test_with_two(self):
        for name in ("Kmsmdb.edb", "KMSMDB.edb"):
            edbmaking.Database().save(self.folder / name)
        (self.folder / "edb.chk").touch()
        self.refused(self.folder, "expected one file Kmsmdb.edb in this directory, found 2; name the database file "
                                  "itself; there is: KMSMDB.edb, Kmsmdb.edb")

    def test_a_directory_of_that_name(self):
        (self.folder / "Kmsmdb.edb").mkdir()
        self.refused(self.folder, "/Kmsmdb.edb: expected a database file, found a directory; name the file itself")

    def test_a_link_that_leads_nowhere(self):
        (self.folder / "Kmsmdb.edb").symlink_to("gone")
        self.refused(self.folder, "/Kmsmdb.edb: cannot be opened: No such file or directory")


# ---- files that are cut or packed --------------------------------------------------------------------------------

class Cut(BadInput):
    def test_in_the_header(self):
        image = edbmaking.Database().image()
        for size in (8, 700, 2048, 4095):
            self.refused(self.file(image[:size]),
                         "neither header can be used: the header is cut short by the end of the "
                         "file", "restore the file from a backup")

    def test_before_the_catalog(self):
        image = edbmaking.Database().image()
        for size, last in ((4096, 0), (8192, 0), (4 * 4096, 2), (5 * 4096 + 17, 3)):
            self.refused(self.file(image[:size]), f"page 4 is not in the file: its last page is {last}",
                         "neither the catalog nor its shadow can be read")

    def test_in_the_rows(self):
        image = edbmaking.Database().image()
        path = self.file(image[:(FIRST_LEAF + 2) * PAGE])  # the first leaf is the last whole page
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, "table T: page 31 is not in the file: its last page is 30"),
                         [1, 2])
        result = self.expect(km.PROBLEMS_LEFT, "info", path, "--json", says=[
            f"{path}: rows are missing from the counts: page 31 is not in the file", "see kmmigrate check --structure"])
        self.assertEqual({t["name"]: t["rows"] for t in json.loads(result.stdout)["tables"]},
                         {"MSysObjects": 6, "T": 2})

    def test_in_a_page(self):
        path = self.file(edbmaking.Database().image()[:-1000])
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), [1, 2, 3, 4, 5, 6])
        self.expect(km.PROBLEMS_LEFT, "info", path, says=["146456 bytes are no whole number of 4096-byte pages"])

    def test_anywhere(self):
        image = edbmaking.Database().image()
        for size in range(0, len(image), 3001):
            path = self.file(image[:size])
            for command in (["info", path], ["dump", path, "--table", "T"]):
                result = km.run(*command)
                self.assertIn(result.returncode, (km.PROBLEMS_LEFT, km.TROUBLE), (size, result.stderr))
                self.assertIn(str(path).encode(), result.stderr)


class Packed(BadInput):
    def test_is_read_as_it_is(self):
        database = edbmaking.Database()
        packed = self.file(gzip.compress(database.image()), "store.edb.gz")
        plain = km.run("dump", self.file(database), "--table", "T")
        result = self.expect(km.CLEAN, "dump", packed, "--table", "T", silent=True)
        self.assertEqual(result.stdout, plain.stdout)
        self.assertEqual([path.name for path in sorted(self.folder.iterdir())], ["store.edb", "store.edb.gz"])

    def test_cut(self):
        data = gzip.compress(edbmaking.Database().image())
        for size in (2, 5, 20, len(data) // 2, len(data) - 1):
            self.refused(self.file(data[:size], "store.edb.gz"), "the gzip data cannot be unpacked: unexpected end of file;",
                         "get the file again")

    def test_damaged(self):
        data = bytearray(gzip.compress(edbmaking.Database().image()))
        data[len(data) // 2] ^= 0xFF
        self.refused(self.file(data, "store.edb.gz"), "the gzip data cannot be unpacked")

    def test_of_nothing_and_of_something_else(self):
        self.refused(self.file(gzip.compress(b""), "store.edb.gz"), "found an empty file")
        self.refused(self.file(gzip.compress(b"some text, not a database"), "store.edb.gz"), "not an ESE database")

    def test_no_room_to_unpack(self):
        packed = self.file(gzip.compress(edbmaking.Database().image()), "store.edb.gz")
        self.expect(km.TROUBLE, "info", packed, says=["/nonexistent", "TMPDIR"],
                    env={**os.environ, "TMPDIR": "/nonexistent"})

    def test_a_bomb(self):
        """A few kilobytes that hold a gigabyte: told after the limit, with nothing left in TMPDIR."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
        packed = self.file(data, "store.edb.gz")
        folder = self.folder / "tmp"
        folder.mkdir()
        for command in ("info", "check", "repair", "list"):
            self.expect(km.TROUBLE, command, packed, "--max-unpacked", "1M", env={**os.environ, "TMPDIR": str(folder)},
                        says=["more than 1048576 bytes", "--max-unpacked"])
            self.assertEqual(list(folder.iterdir()), [])
        for size in ("", "0", "-1", "1X", "1MM", "99999999999T", "M"):
            self.assertEqual(km.run("info", packed, "--max-unpacked", size).returncode, km.USAGE, size)


# ---- damaged headers and catalogs --------------------------------------------------------------------------------

class Header(BadInput):
    ALL = [1, 2, 3, 4, 5, 6]

    def damaged(self, damage):
        database = edbmaking.Database()
        damage(database)
        return self.file(database)

    def test_bad_checksum(self):
        path = self.damaged(lambda d: xor_at(d.header, 100))
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), self.ALL)
        self.expect(km.PROBLEMS_LEFT, "info", path, says=[
            f"warning: {path}: the header has a wrong checksum; the shadow header is used"])

    def test_bad_shadow(self):
        path = self.damaged(lambda d: xor_at(d.shadow, 100))
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), self.ALL)
        self.expect(km.PROBLEMS_LEFT, "info", path, says=["the shadow header has a wrong checksum"])

    def test_both_bad(self):
        def both(database):
            xor_at(database.header, 100)
            xor_at(database.shadow, 100)
        self.refused(self.damaged(both), "neither header can be used: the header has a wrong checksum, the shadow "
                     "header has a wrong checksum; restore the file from a backup")

    def test_header_wiped(self):
        path = self.damaged(lambda d: d.header.__setitem__(slice(None), bytes(PAGE)))
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), self.ALL)
        self.expect(km.PROBLEMS_LEFT, "info", path, says=["the header lacks the ESE magic number"])

    def test_wrong_page_size(self):
        for size in (1, 1024, 2048, 5000, 8192, 16384, 32768, 65536, 0xFFFFFFFF):
            with self.subTest(size):
                def name_size(database, size=size):
                    struct.pack_into("<I", database.header, 236, size)
                    edbmaking.set_sum(database.header)
                path = self.damaged(name_size)
                self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), self.ALL)
                self.expect(km.PROBLEMS_LEFT, "info", path, says=["the shadow header is used"])

    def test_wrong_page_size_in_both(self):
        for size in (1, 5000, 65536):
            with self.subTest(size):
                self.refused(self.file(edbmaking.Database(page_size=size)), "neither header can be used: the header "
                             "names a page size that cannot be", "restore the file from a backup")
        for size in (2048, 8192):
            with self.subTest(size):
                self.refused(self.file(edbmaking.Database(page_size=size)), str(self.folder))

    def test_they_differ(self):
        def later(database):
            struct.pack_into("<Q", database.header, 16, 101)
            edbmaking.set_sum(database.header)
        self.expect(km.PROBLEMS_LEFT, "info", self.damaged(later), says=["the header and the shadow header differ"])

    def test_dirty_is_read_with_a_warning(self):
        path = self.file(edbmaking.Database(state=edbmaking.DIRTY))
        warning = (f"warning: {path}: state dirty-shutdown: the transaction logs hold changes that this file does not "
                   "have")
        for command in (["info", path], ["dump", path, "--table", "T"]):
            self.expect(km.CLEAN, *command, says=[warning])
            self.expect(km.CLEAN, *command, "--quiet", silent=True)
        self.assertEqual(json.loads(km.run("info", path, "--json").stdout)["state"], "dirty-shutdown")

    def test_other_states(self):
        for state, name in ((1, "just-created"), (4, "being-converted"), (5, "force-detach"), (99, "unknown")):
            self.expect(km.CLEAN, "info", self.file(edbmaking.Database(state=state)), says=[f"state {name}"])

    def test_newer_revision(self):
        self.expect(km.CLEAN, "info", self.file(edbmaking.Database(revision=0x999)), says=[
            "format revision 0x999 is newer than any this program was tested with (0x12c)"])


class Catalog(BadInput):
    def test_damaged_then_its_shadow_is_used(self):
        database = edbmaking.Database()
        xor_at(database.pages[CATALOG], 100)
        path = self.file(database)
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, ""), [1, 2, 3, 4, 5, 6])
        self.expect(km.PROBLEMS_LEFT, "info", path, says=[
            f"warning: {path}: catalog: page 4 has a wrong checksum: stored 0x",
            "the shadow catalog (page 24) is used instead"])

    def test_both_damaged(self):
        database = edbmaking.Database()
        xor_at(database.pages[CATALOG], 100)
        xor_at(database.pages[SHADOW], 100)
        self.refused(self.file(database), "neither the catalog nor its shadow can be read: ",
                     "page 4 has a wrong checksum")

    def test_empty(self):
        database = edbmaking.Database()
        for page in (CATALOG, SHADOW):
            database.pages[page] = edbmaking.page_of(page, 2, ROOT | LEAF, [], edbmaking.SPACE)
        self.refused(self.file(database), "the catalog (page 4) is empty")

    def test_of_one_damaged_row(self):
        database = edbmaking.Database()
        at, _ = database.tag(CATALOG, 4)
        database.set(CATALOG, at, "<HH", 0x1FFF, 0x1FFF)
        self.expect(km.PROBLEMS_LEFT, "info", self.file(database), says=["page 4 tag 4 points outside the page"])

    def test_of_a_table_with_no_tree(self):
        database = edbmaking.Database()
        for page in (CATALOG, SHADOW):
            _, start = database.tag(page, 2)
            database.set(page, start + 2 + 13 + 14, "<I", 0)
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, self.file(database), "table T: page 0 is not in the file"), [])


# ---- damaged trees, pages, rows and values -----------------------------------------------------------------------

class Damage(BadInput):
    def damaged(self, damage):
        database = edbmaking.Database()
        damage(database)
        return self.file(database)

    def rows_around(self, damage, message, rows=(1, 2, 5, 6)):
        """The middle leaf cannot be read; the others can."""
        path = self.damaged(damage)
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, f"table T: {message}"), list(rows))
        self.expect(km.PROBLEMS_LEFT, "info", path, says=["rows are missing from the counts", message,
                                                          "see kmmigrate check --structure"])

    def test_a_tree_that_loops(self):
        self.rows_around(lambda d: d.set_child(TABLE, 2, TABLE), "the tree with root page 5 loops: page 5 is reached a "
                         "second time")

    def test_a_leaf_that_is_reached_twice(self):
        self.rows_around(lambda d: d.set_child(TABLE, 2, FIRST_LEAF),
                         "the tree with root page 5 loops: page 30 is reached")

    def test_a_child_beyond_the_file(self):
        self.rows_around(lambda d: d.set_child(TABLE, 2, 4000), "page 4000 is not in the file: its last page is 34")

    def test_a_child_of_another_tree(self):
        self.rows_around(lambda d: d.set_child(TABLE, 2, 7), "page 7 belongs to object 7, expected object 6")

    def test_a_child_that_was_never_written(self):
        self.rows_around(lambda d: d.set_child(TABLE, 2, 20), "page 20 was never written: all of its bytes are zero")

    def test_a_page_with_a_wrong_checksum(self):
        self.rows_around(lambda d: xor_at(d.pages[31], 3000), "page 31 has a wrong checksum: stored 0x")

    def test_a_page_of_another_place(self):
        self.rows_around(lambda d: d.pages.__setitem__(31, d.pages[32]),
                         "page 31 carries the number of another page: 32")

    def test_tags_that_do_not_fit(self):
        self.rows_around(lambda d: d.set(31, 34, "<H", 0xFFF), "page 31 has more tags than fit into it")

    def test_a_tag_that_points_outside(self):
        self.rows_around(lambda d: d.set(31, PAGE - 8, "<HH", 300, 0x1FFF), "page 31 tag 1 points outside the page: "
                         "offset 8191, size 300", (1, 2, 4, 5, 6))

    def test_a_tree_that_is_too_deep(self):
        def deep(database):
            for page in range(10, 24):
                database.pages[page] = edbmaking.page_of(page, 6, PARENT, [(b"", struct.pack("<I", page + 1))])
            database.set_child(TABLE, 2, 10)
        self.rows_around(deep, "the tree with root page 5 is deeper than 12 levels")

    def test_a_record_that_cannot_be(self):
        def fixed_end(database):
            _, start = database.tag(31, 1)
            database.set(31, start + 2 + 5 + 2, "<H", 5000)
        path = self.damaged(fixed_end)
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, path, "table T: page 31 tag 1: record of"), [1, 2, 4, 5, 6])

    def test_a_root_page_that_is_gone(self):
        self.assertEqual(self.ids(km.PROBLEMS_LEFT, self.damaged(lambda d: xor_at(d.pages[TABLE], 99)),
                                  "table T: page 5 has a wrong checksum"), [])

    def test_much_damage_is_told_in_few_lines(self):
        database = edbmaking.Database(leaves=100)
        for page in range(FIRST_LEAF, FIRST_LEAF + 100):
            xor_at(database.pages[page], 77)
        path = self.file(database)
        result = self.expect(km.PROBLEMS_LEFT, "dump", path, "--table", "T", says=["more damage is not listed"])
        self.assertLess(result.stderr.count(b"\n"), 25)


class LongValue(BadInput):
    def row_one(self, damage, message):
        """Rows are all there; the first has what can be had of its long value."""
        database = edbmaking.Database()
        damage(database)
        path = self.file(database)
        result = self.expect(km.PROBLEMS_LEFT, "dump", path, "--table", "T", "--json",
                             says=[f"{path}: table T: page 30 tag 1: ", message])
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([row["Id"] for row in rows], [1, 2, 3, 4, 5, 6])
        self.assertEqual(rows[1]["Blob"], b"blob".hex())
        text = self.expect(km.PROBLEMS_LEFT, "dump", path, "--table", "T", says=[message]).stdout
        self.assertIn(b"[damaged]", text.splitlines()[1])
        self.assertEqual(set(rows[0]["Blob"]), {"damaged", "hex"})      # never taken for the whole
        return rows[0]["Blob"], database.value.hex()

    def test_whole(self):
        database = edbmaking.Database()
        rows, result = km.rows(self.file(database), "T")
        self.assertEqual(result.returncode, km.CLEAN)
        self.assertEqual(rows[0]["Blob"], database.value.hex())

    def test_root_is_missing(self):
        self.row_one(lambda d: d.pages.__setitem__(7, edbmaking.page_of(7, 7, LEAF, [])), "long value 1 is missing")

    def test_first_chunk_is_missing(self):
        self.row_one(lambda d: d.pages.__setitem__(8, edbmaking.page_of(8, 7, LEAF, [])),
                     "long value 1 of 4114 bytes: the "
                     "chunk at offset 0 is missing")

    def test_last_chunk_is_missing(self):
        found, whole = self.row_one(lambda d: d.pages.__setitem__(9, edbmaking.page_of(9, 7, LEAF, [])), "the chunk at "
                                    "offset 4014 is missing")
        self.assertEqual(found["hex"], whole[:2 * edbmaking.CHUNK])
        self.assertIn("the chunk at offset 4014 is missing", found["damaged"])

    def test_chunk_on_a_damaged_page(self):
        self.row_one(lambda d: xor_at(d.pages[8], 2000), "page 8 has a wrong checksum")

    def test_size_that_is_wrong(self):
        _, start = edbmaking.Database().tag(7, 1)
        self.row_one(lambda d: d.set(7, start + 2 + 4 + 4, "<I", 0xFFFFFFFF),
                     "long value 1: the chunk at offset 4014 has "
                     "100 of 4014 bytes")
        self.row_one(lambda d: d.set(7, start + 2 + 4 + 4, "<I", 4050),
                     "the chunk at offset 4014 is longer than its share")

    def test_no_tree(self):
        def without(database):
            for page in (CATALOG, SHADOW):
                database.pages[page] = edbmaking.page_of(page, 2, ROOT | LEAF, edbmaking.catalog_rows()[:-1],
                                                         edbmaking.SPACE)
        self.row_one(without, "a row refers to long value 1, but the table has no long-value tree")

    def test_tree_that_loops(self):
        self.row_one(lambda d: d.set_child(VALUES, 2, VALUES), "page 6 is flagged as a root, reached as an inner page")
        self.row_one(lambda d: d.set_child(VALUES, 1, 4000), "page 4000 is not in the file")


class AnyDamage(BadInput):
    """Whatever is changed: an exit status of ours, in bounded time, and never a word of a crash."""

    def test_random_damage(self):
        image = edbmaking.Database().image()
        dice = random.Random(1998)
        for number in range(150):
            damaged = bytearray(image)
            page = dice.choice([0, 1, CATALOG + 1, TABLE + 1, VALUES + 1, 8, 9, 31, 32, 33])
            for _ in range(dice.choice([1, 3, 30])):
                place = dice.choice([dice.randrange(40), dice.randrange(PAGE), PAGE - 1 - dice.randrange(60)])
                damaged[page * PAGE + place] = dice.choice([0, 0xFF, dice.randrange(256)])
            start = page * PAGE
            if number % 3 and page > 1:
                struct.pack_into("<I", damaged, start + 4, page - 1)
            if number % 3:
                struct.pack_into("<I", damaged, start,
                                 edbmaking.MAGIC ^ edbmaking.xor_words(bytes(damaged[start + 4:start + PAGE])))
            path = self.file(damaged)
            for command in (["info", path], ["dump", path, "--table", "T", "--json"], ["check", path, "--structure"]):
                result = km.run(*command)
                self.assertIn(result.returncode, (km.CLEAN, km.PROBLEMS_LEFT, km.TROUBLE),
                              (number, command, result.stderr))
                for word in CRASH_WORDS:
                    self.assertNotIn(word, result.stderr)


# ---- usage, output and signals -----------------------------------------------------------------------------------

class Usage(BadInput):
    def test_unknown_words(self):
        path = self.file(edbmaking.Database())
        for arguments, says in (
                (["frobnicate", path], "there is no command frobnicate; see kmmigrate --help"),
                (["info"], "info: expected: STORE; see kmmigrate info --help"),
                (["dump"], "see kmmigrate dump --help"),
                (["info", path, "--frobnicate"], "info: unknown option: --frobnicate; see kmmigrate info --help"),
                (["info", path, "-x"], "unknown option: -x"),
                (["info", path, path], "one argument too many"),
                (["info", path, "--json=yes"], "takes no value"),
                (["info", path, "--color=pink"], "--color takes auto, always or never, not: pink"),
                (["dump", path, "--table"], "needs a value")):
            with self.subTest(arguments[1:]):
                result = self.expect(km.USAGE, *arguments, says=[says])
                self.assertEqual(result.stdout, b"")

    def test_dump_of_all_tables(self):
        """Without --table: the rows of each table, with its name."""
        path = self.file(edbmaking.Database())
        tables = [table["name"] for table in json.loads(km.run("info", path, "--json").stdout)["tables"]]
        lines = [json.loads(line) for line in self.expect(km.CLEAN, "dump", path, "--json").stdout.splitlines()]
        text = self.expect(km.CLEAN, "dump", path).stdout
        self.assertEqual(text, b"".join(b"Table %s\n%s\n" % (name.encode(), km.run("dump", path, "--table", name).stdout)
                                        for name in tables))
        for name in tables:
            self.assertEqual([line["row"] for line in lines if line["table"] == name], km.rows(path, name)[0])
        self.assertEqual({line["table"] for line in lines} | {"T"}, {line["table"] for line in lines})

    def test_no_command(self):
        result = km.run()
        self.assertEqual(result.returncode, km.USAGE)
        self.assertIn(b"usage: kmmigrate COMMAND", result.stderr)

    def test_unknown_table(self):
        path = self.file(edbmaking.Database())
        for command in (["dump", path, "--table", "U"], ["info", path, "--table", "U"]):
            result = self.expect(km.TROUBLE, *command, says=[f"{path}: there is no table U; there are: MSysObjects, T"])
            self.assertEqual(result.stdout, b"")

    def test_help(self):
        result = self.expect(km.CLEAN, "--help", silent=True)
        commands = [line.split()[0] for line in result.stdout.decode().splitlines() if line.startswith("  ")]
        commands = [word for word in commands if word.isalpha() and word != "kmmigrate"]
        self.assertIn("info", commands)
        self.assertIn("dump", commands)
        for command in commands:
            with self.subTest(command):
                text = self.expect(km.CLEAN, command, "--help", silent=True).stdout.decode()
                self.assertTrue(text.startswith(f"usage: kmmigrate {command} "), text)
                self.assertIn("--json", text)
                self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)

    def test_version(self):
        self.assertRegex(self.expect(km.CLEAN, "--version", silent=True).stdout, rb"^kmmigrate \d+\.\d+\.\d+\n$")


class Output(BadInput):
    def commands(self):
        path = self.file(edbmaking.Database(leaves=300))
        return (["info", path], ["info", path, "--json"], ["dump", path, "--table", "T"],
                ["dump", path, "--table", "T", "--json"], ["--help"], ["--version"])

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_full_disk(self):
        for command in self.commands():
            with self.subTest(command), open("/dev/full", "wb") as full:
                result = subprocess.run([km.PROGRAM, *map(str, command)], stdout=full, stderr=subprocess.PIPE,
                                        timeout=3000,
                                        check=False)
                self.assertEqual(result.returncode, km.TROUBLE)
                self.assertIn(b"standard output: cannot be written", result.stderr)

    def test_closed_pipe(self):
        for command in self.commands():
            with self.subTest(command):
                reading, writing = os.pipe()
                os.close(reading)
                result = subprocess.run([km.PROGRAM, *map(str, command)], stdout=writing, stderr=subprocess.PIPE,
                                        timeout=3000, check=False)
                os.close(writing)
                self.assertEqual(result.returncode, km.TROUBLE, result.stderr)

    def test_signals(self):
        path = self.file(edbmaking.Database(leaves=900, rows_per_leaf=10, name=b"x" * 200))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                with subprocess.Popen([km.PROGRAM, "dump", str(path), "--table", "T"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) as process:
                    process.stdout.read(1)  # it is at work, and waits for somebody to read more
                    time.sleep(0.2)
                    process.send_signal(number)
                    self.assertEqual(process.wait(10), km.CANCELLED)
                    self.assertEqual(process.stderr.read(), b"kmmigrate: cancelled; nothing was changed\n")

    def test_reading_leaves_no_trace(self):
        path = self.file(edbmaking.Database())
        path.chmod(0o400)
        os.utime(path, (1000000000, 1000000000))
        before, data = path.stat(), path.read_bytes()
        for command in (["info", path], ["dump", path, "--table", "T"], ["check", path, "--structure"]):
            km.run(*command)
        after = path.stat()
        self.assertEqual(path.read_bytes(), data)
        self.assertEqual((before.st_mtime_ns, stat.S_IMODE(before.st_mode), before.st_ino, before.st_size),
                         (after.st_mtime_ns, stat.S_IMODE(after.st_mode), after.st_ino, after.st_size))
        self.assertEqual([found.name for found in self.folder.iterdir()], ["store.edb"])


class Memory(BadInput):
    """Peak memory stays under 64 MiB, and does not grow with the file."""

    def peak(self, *command):
        result = subprocess.run([sys.executable, "-I", "-S", "-c", PEAK, km.PROGRAM, *map(str, command)], timeout=3000,
                                capture_output=True, check=True)
        status, kib = map(int, result.stdout.split())
        self.assertEqual(status, km.CLEAN, result.stderr)
        return kib

    def test_peak(self):
        with open(km.PROGRAM, "rb") as program:
            if b"__asan_init" in program.read():
                self.skipTest("the program is built with AddressSanitizer")
        small = edbmaking.Database(leaves=4000, rows_per_leaf=8, name=b"x" * 200).save(self.folder / "small.edb")
        large = edbmaking.Database(leaves=16000, rows_per_leaf=8, name=b"x" * 200).save(self.folder / "large.edb")
        for command in (["info"], ["info", "--json"], ["dump", "--table", "T"], ["dump", "--table", "T", "--json"]):
            with self.subTest(command):
                few, many = (self.peak(command[0], path, *command[1:]) for path in (small, large))
                print(f"{' '.join(command)}: {few} KiB for 16 MiB, {many} KiB for 64 MiB")
                self.assertLess(many, 64 * 1024)
                self.assertLess(many, few + 1024)

    def test_peak_of_a_packed_file(self):
        if b"__asan_init" in pathlib.Path(km.PROGRAM).read_bytes():
            self.skipTest("the program is built with AddressSanitizer")
        packed = self.file(gzip.compress(bytes(edbmaking.Database(leaves=8000).image()), 1), "store.edb.gz")
        self.assertLess(self.peak("info", packed), 64 * 1024)


# ---- damaged copies of the engine's own databases ----------------------------------------------------------------

@unittest.skipUnless(km.corpus_files("ese"), f"no corpus at {km.CORPUS}")
class RealCopies(BadInput):
    def test_a_flipped_bit_is_put_right_and_named(self):
        """Pages from revision 0xb on carry a code for it."""
        image = km.unpacked(km.CORPUS / "ese" / "basic.edb.gz")
        size = struct.unpack_from("<I", image, 236)[0]
        sound = km.run("dump", self.file(image), "--table", "MSysObjects")
        xor_at(image, (CATALOG + 1) * size + 500, 4)
        path = self.file(image)
        result = self.expect(km.PROBLEMS_LEFT, "dump", path, "--table", "MSysObjects", says=[
            f"warning: {path}: page 4: bit 4002 (byte 500) is flipped; the checksum's code put it right in memory"])
        self.assertEqual(result.stdout, sound.stdout)

    def test_what_only_the_engines_check_refuses(self):
        """Microsoft's engine calls this file corrupted, and attaches it."""
        result = self.expect(km.PROBLEMS_LEFT, "check", km.CORPUS / "ese" / "Catalog1.edb.gz", "--structure")
        self.assertIn(b"eseutil /g would report: corrupted, for page-time, catalog-shadow, index-dangling; the engine "
                      b"attaches the database", result.stdout)
        self.assertIn(b"Structure: sound.", result.stdout)
        report = json.loads(km.run("check", km.CORPUS / "ese" / "Catalog1.edb.gz", "--structure", "--json").stdout)
        self.assertEqual((report["sound"], report["eseutil_g_fails"], report["problems"]), (True, True, 0))

    def test_compact_mends_what_is_above_the_leaves(self):
        """The check says so, and the copy is sound and has every row."""
        original = km.unpacked(km.CORPUS / "ese" / "basic.edb.gz")
        size = struct.unpack_from("<I", original, 236)[0]
        rows = km.run("dump", self.file(original), "--json").stdout
        for what, damage, mends in (
                ("page 1 is zero", lambda image: image.__setitem__(slice(2 * size, 3 * size), bytes(size)), True),
                ("a leaf is damaged", lambda image: xor_at(image, (CATALOG + 1) * size + 500), False)):
            with self.subTest(what):
                image, copy = bytearray(original), self.folder / f"{what}.edb"
                damage(image)
                path = self.file(image)
                report = self.expect(km.PROBLEMS_LEFT, "check", path, "--structure").stdout
                says = f"kmmigrate compact {shlex.quote(str(path))} -o NEW writes a sound copy".encode()
                self.assertEqual(says in report, mends)
                self.assertEqual(json.loads(km.run("check", path, "--structure", "--json").stdout)["compact_mends"],
                                 mends)
                self.expect(km.CLEAN if mends else km.TROUBLE, "compact", path, "-o", copy)
                self.assertEqual(copy.exists(), mends)
                if mends:
                    self.expect(km.CLEAN, "check", copy, "--structure")
                    self.assertEqual([line for line in km.run("dump", copy, "--json").stdout.splitlines()
                                      if b'"table":"MSys' not in line],
                                     [line for line in rows.splitlines() if b'"table":"MSys' not in line])

    def test_info_and_check_agree_on_the_end_of_a_file(self):
        """A file may lack bytes only behind the last page that the database owns."""
        original = km.unpacked(km.CORPUS / "ese" / "basic.edb.gz")
        size = struct.unpack_from("<I", original, 236)[0]
        for what, image, status in (
                ("a part of the last page is missing", original[:-100], km.PROBLEMS_LEFT),
                ("the last page is missing", original[:-size], km.PROBLEMS_LEFT),
                ("half of the file is missing", original[:len(original) // 2], km.PROBLEMS_LEFT),
                ("a part of a page too much", original + bytes(100), km.CLEAN),
                ("a page too much", original + bytes(size), km.CLEAN)):
            with self.subTest(what):
                path = self.file(image)
                self.expect(status, "check", path, "--structure")
                self.expect(status, "info", path)

    def test_structural_check(self):
        original = km.unpacked(km.CORPUS / "ese" / "basic.edb.gz")
        self.expect(km.CLEAN, "check", self.file(original), "--structure", silent=True)
        size = struct.unpack_from("<I", original, 236)[0] or 4096
        for what, damage, says in (
                ("header", lambda image: xor_at(image, 300), b"header"),
                ("catalog", lambda image: xor_at(image, (CATALOG + 1) * size + 500), b"page 4"),
                ("a single bit", lambda image: xor_at(image, (CATALOG + 1) * size + 500, 4), b"page 4"),
                ("cut", lambda image: image.__delitem__(slice(20 * size, None)), b"page")):
            with self.subTest(what):
                image = bytearray(original)
                damage(image)
                result = self.expect(km.PROBLEMS_LEFT, "check", self.file(image), "--structure")
                self.assertIn(says, result.stdout + result.stderr)


if __name__ == "__main__":
    km.main()

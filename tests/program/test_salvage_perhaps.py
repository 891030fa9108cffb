#!/usr/bin/python3
"""What cannot be told: rows that may be lost, and what is newer than the header.

All that tells of such rows is what should have gone with them, if they were deleted.

A leaf under a right checksum has fewer rows than it had. What an index and the long values say is then told, as more than
nothing and less than a loss: which of the pages is not as it was written last cannot be seen.
"""

import json
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile
import unittest

import km

import edbdecode
from edbfile import PAGE_LEAF
from edbtree import Tree

from edbmaking import CLEAN, PAGE, set_sum

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
DIRTY = 2
TIME = 8                            # of a page: where it stands
DELETED, COMPRESSED = 2 << 13, 4 << 13  # of a tag, in its offset
PARTLY_DELETED = 0xffffffff         # of a long value that the engine had begun to delete, in place of its references


class Changed(unittest.TestCase):
    """A store of which single pages are changed, under right checksums."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.new = self.folder / "store.edb", self.folder / "new.edb"

    def make(self, *how):
        subprocess.run([KMFIXTURE, *how, "-o", str(self.store), "--force"], check=True, capture_output=True)
        self.content = bytearray(self.store.read_bytes())
        self.db = edbdecode.open(str(self.store))

    def leaves(self, table):
        """{page: its keys} of the table's rows."""
        found = {}
        for page, _, key, _ in self.nodes(table):
            found.setdefault(page.number, []).append(key.hex())
        return found

    def nodes(self, table):
        table = next(t for t in self.db.tables if t.name == table)
        return Tree(self.db.file, table.root, table.objid).nodes()

    def change(self, slot, *changes):
        """Each is a place, a format and a value."""
        page = self.content[slot * PAGE:(slot + 1) * PAGE]
        for at, form, value in changes:
            struct.pack_into(form, page, at, value)
        set_sum(page)
        self.content[slot * PAGE:(slot + 1) * PAGE] = page

    def header(self, state):
        for slot in (0, 1):
            self.change(slot, (52, "<I", state))

    def tags(self, number):
        """[(place of the tag, size, offset)] of the page."""
        base = (number + 1) * PAGE
        count = struct.unpack_from("<H", self.content, base + 34)[0] & 0xfff
        places = [PAGE - 4 * (tag + 1) for tag in range(count)]
        return [(at, *struct.unpack_from("<HH", self.content, base + at)) for at in places]

    def remove(self, number, first, time):
        """Takes the rows from the first-th on off the leaf."""
        tags, base = self.tags(number), (number + 1) * PAGE
        gone = tags[first + 1:]
        free, = struct.unpack_from("<H", self.content, base + 28)
        self.change(number + 1, (TIME, "<Q", time), (28, "<H", free + sum(size + 4 for _, size, _ in gone)), (30, "<H", 0),
                    (32, "<H", gone[0][2] & 0x1fff), (34, "<H", first + 1))

    def flag(self, number, row, time):
        """Flags a row as deleted."""
        at, _, offset = self.tags(number)[row + 1]
        self.change(number + 1, (TIME, "<Q", time), (at + 2, "<H", offset | DELETED))

    def rename(self, number, row, last, time):
        """Changes the last byte of a row's key."""
        _, _, offset = self.tags(number)[row + 1]
        at = 40 + (offset & 0x1fff)
        shared = 2 if offset & COMPRESSED else 0
        size, = struct.unpack_from("<H", self.content, (number + 1) * PAGE + at + shared)
        self.change(number + 1, (TIME, "<Q", time), (at + shared + 1 + size, "<B", last))

    def salvage(self, table):
        """What is told of the table, its lines, and the whole answer."""
        self.store.write_bytes(self.content)
        for file in self.folder.glob("new.edb*"):
            file.unlink()
        run = km.run("salvage", self.store, "-o", self.new, "--json")
        told = next(t for t in json.loads(run.stdout)["tables"] if t["name"] == table)
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        self.assertEqual(km.run("check", self.new, "--structure").returncode, km.CLEAN)
        loss = any(told[name] for name in ("doubtful", "lost", "perhaps_lost", "cut", "pages_lost"))
        self.assertEqual(run.returncode, km.REPAIRED | (km.PROBLEMS_LEFT if loss else 0))
        return told, [line for line in lines if line["table"] == table]


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Perhaps(Changed):
    def test_an_index_has_entries_of_rows_that_a_newer_leaf_has_not(self):
        for state, word in ((CLEAN, "one of them is not as it was written last"), (DIRTY, "it was deleted since, or is lost")):
            with self.subTest(state=state):
                self.make("--users", "60", "--entries", "100")
                number, keys = sorted(self.leaves("CertificateList").items())[1]
                self.remove(number, 1, self.db.header.dbtime)
                self.header(state)
                told, lines = self.salvage("CertificateList")
                self.assertEqual((told["perhaps_lost"], told["lost"]), (len(keys) - 1, 0))
                self.assertEqual({line["key"] for line in lines if line["kind"] == "perhaps-lost"}, set(keys[1:]))
                for line in lines:
                    self.assertEqual((line["index"], line["written"]), ("ByThumbprint", False))
                    self.assertIn(word, line["reason"])
                text = km.run("salvage", self.store).stdout.decode()
                self.assertIn(f"NOT whole: {told['kept']} entries kept, 0 doubtful, 0 known to be lost; at least "
                              f"{told['perhaps_lost']} more rows may be lost;", text)
                after = json.loads(km.run("repair", self.store, "--salvage", "--json").stdout)
                self.assertEqual((after["verdict"], after["salvaged"]["list_whole"]), ("cannot tell", False))
                self.assertIn("KM-SALVAGED", [problem["code"] for problem in after["problems"]])

    def test_the_row_is_flagged_as_deleted(self):
        """That is a word, where what was committed cannot be seen; else its entry should have gone, too."""
        for state, kinds in ((CLEAN, ["perhaps-lost", "deleted"]), (DIRTY, ["deleted"])):
            with self.subTest(state=state):
                self.make("--users", "60", "--entries", "100")
                number, keys = sorted(self.leaves("CertificateList").items())[1]
                self.flag(number, 2, self.db.header.dbtime)
                self.header(state)
                _, lines = self.salvage("CertificateList")
                self.assertEqual(([line["kind"] for line in lines], [line["key"] for line in lines]), (kinds, [keys[2]] * len(kinds)))

    def test_a_flagged_row_is_not_gone_without_a_word(self):
        """In a database that was shut down cleanly, of a table without an index: its record is kept aside."""
        self.make("--users", "60")
        number, keys = sorted(self.leaves("Configuration").items())[0]
        self.flag(number, 2, self.db.header.dbtime)
        told, lines = self.salvage("Configuration")
        self.assertEqual([(line["kind"], line["key"], line["written"]) for line in lines], [("deleted", keys[2], False)])
        self.assertEqual((told["deleted"], told["lost"], told["perhaps_lost"]), (1, 0, 0))
        aside = [json.loads(line) for line in pathlib.Path(f"{self.new}.quarantine.jsonl").read_text().splitlines()]
        self.assertEqual([line["key"] for line in aside], [keys[2]])

    def test_a_row_under_the_key_of_another(self):
        """Its columns do not give that key: the row whose do is written, though its page is the older one."""
        self.make("--users", "60", "--entries", "100")
        (first, keys), (second, others) = sorted(self.leaves("CertificateList").items())[1:3]
        sound = [data for _, _, key, data in self.nodes("CertificateList") if key.hex() == others[0]]
        self.rename(first, len(keys) - 1, int(others[0][-2:], 16), self.db.header.dbtime)
        _, lines = self.salvage("CertificateList")
        mine = {line["kind"]: line for line in lines if line["key"] == others[0]}
        self.assertEqual({kind: (line["page"], line["written"]) for kind, line in mine.items()},
                         {"older-version": (first, False), "doubtful": (second, True)})
        self.assertIn("does not fit", mine["doubtful"]["reason"])
        self.db = edbdecode.open(str(self.new))
        self.assertEqual([data for _, _, key, data in self.nodes("CertificateList") if key.hex() == others[0]],
                         sound)

    # ---- long values ----

    def make_users(self):
        """The one leaf of the users, how many rows it has, and how many long values they have."""
        self.make(str(km.SOURCE / "fixtures/states/shared-long-value/description.ini"))
        (leaf, keys), = self.leaves("Users").items()
        root = next(t.long_value_root for t in self.db.tables if t.name == "Users")
        self.values = [page.number for page in Tree(self.db.file, root).pages() if page.flags & PAGE_LEAF]
        return leaf, len(keys)

    def count(self, references):
        """Gives each long value that count of references.  Returns how many there are."""
        done = 0
        for number in self.values:
            for _, size, offset in self.tags(number)[1:]:
                at = 40 + (offset & 0x1fff) + size - 8          # the root's data: references and size
                if struct.unpack_from("<H", self.content, (number + 1) * PAGE + 40 + (offset & 0x1fff))[0] == 4 and size == 14:
                    self.change(number + 1, (at, "<I", references))
                    done += 1
        return done

    def test_long_values_of_no_row(self):
        """A row of Users has two of them at most, and these could be one row's."""
        leaf, rows = self.make_users()
        self.remove(leaf, 0, self.db.header.dbtime)
        told, lines = self.salvage("Users")
        self.assertEqual((told["kept"], told["lost"], told["perhaps_lost"]), (0, 0, 1))
        line, = [line for line in lines if line["kind"] == "perhaps-lost"]
        self.assertEqual((line["key"], line["written"]), ("", False))
        self.assertIn("(2) stand there, and no row does: of the rows that did, at least 1 may be lost", line["reason"])
        self.assertIn("at least 1 more row may be lost", km.run("salvage", self.store).stdout.decode())

    def test_long_values_newer_than_the_leaf(self):
        """A leaf with other rows: only what is newer tells of it, as what is older a killed engine may have left."""
        for newer in (True, False):
            with self.subTest(newer=newer):
                leaf, rows = self.make_users()
                self.remove(leaf, 1, 1 if newer else self.db.header.dbtime)
                told, lines = self.salvage("Users")
                self.assertGreater(sum(line["kind"] == "long-value" for line in lines), 0)
                self.assertEqual(told["perhaps_lost"], int(newer))

    def copy_values(self, time):
        """A copy of a leaf of values on a page that nothing names, of that time and with one byte changed.  Returns both."""
        leaf = self.values[1]
        copy = next(slot for slot in range(2, len(self.content) // PAGE)
                    if not any(self.content[slot * PAGE:(slot + 1) * PAGE])) - 1
        self.content[(copy + 1) * PAGE:(copy + 2) * PAGE] = self.content[(leaf + 1) * PAGE:(leaf + 2) * PAGE]
        _, size, offset = self.tags(leaf)[1]
        at = 40 + (offset & 0x1fff) + size - 8
        self.change(copy + 1, (4, "<I", copy), (TIME, "<Q", time), (at, "<B", self.content[(copy + 1) * PAGE + at] ^ 0x55))
        return leaf, copy

    def test_a_long_value_twice(self):
        """With different bytes: the rows that refer to it are doubtful, and what is not taken is told.  But where a space that is
        not older than the copy says that it is free, the leaf of the tree counts."""
        for free in (False, True):
            with self.subTest(free=free):
                self.make_users()
                time, = struct.unpack_from("<Q", self.content, (self.values[1] + 1) * PAGE + TIME)
                leaf, copy = self.copy_values(time + 1 if free else self.db.header.dbtime)
                told, lines = self.salvage("Users")
                doubtful = [(line["written"], line["other_page"]) for line in lines if line["kind"] == "doubtful"]
                self.assertEqual(doubtful, [] if free else [(True, leaf)] * 3)      # three share the value
                self.assertEqual([line["page"] for line in lines if line["kind"] == "long-value"], [] if free else [leaf])
                _, size, offset = self.tags(leaf)[1]
                end = ((leaf if free else copy) + 1) * PAGE + 40 + (offset & 0x1fff) + size
                new = edbdecode.open(str(self.new))
                root = next(t.long_value_root for t in new.tables if t.name == "Users")
                self.assertTrue(any(bytes(data).endswith(self.content[end - 100:end])
                                    for _, _, _, data in Tree(new.file, root).nodes()))

    def test_long_values_that_tell_of_nothing(self):
        """Not whole, dirty; to be deleted; of a page that is told of."""
        leaf, _ = self.make_users()
        whole = bytes(self.content)
        for what in ("dirty", "unused", "partly deleted", "the leaf is lost"):
            with self.subTest(what):
                self.content = bytearray(whole)
                if what == "the leaf is lost":
                    self.content[(leaf + 1) * PAGE:(leaf + 2) * PAGE] = bytes(PAGE)
                else:
                    self.remove(leaf, 0, self.db.header.dbtime)
                if what == "dirty":
                    self.header(DIRTY)
                if what in ("unused", "partly deleted"):
                    self.assertEqual(self.count(0 if what == "unused" else PARTLY_DELETED), 2)
                told, _ = self.salvage("Users")
                self.assertEqual((told["perhaps_lost"], told["pages_lost"]), (0, int(what == "the leaf is lost")))


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class StaleHeader(Changed):
    """The last write of the header is lost: it says clean, and pages are newer than it."""

    CAUTION = "The header says that the database was shut down cleanly, but pages are newer than it"

    def stale(self, time):
        for slot in (0, 1):
            self.change(slot, (16, "<Q", time))

    def test_pages_are_newer(self):
        self.make("--users", "60", "--entries", "100")
        number, keys = sorted(self.leaves("CertificateList").items())[1]
        self.flag(number, 2, self.db.header.dbtime)
        whole = bytes(self.content)
        for time, newer in ((self.db.header.dbtime, 0), (self.db.header.dbtime - 1, 1), (5, None)):
            with self.subTest(time=time):
                self.content = bytearray(whole)
                self.stale(time)
                _, lines = self.salvage("CertificateList")
                run = km.run("salvage", self.store, "--json")
                told = json.loads(run.stdout)
                if newer is None:
                    self.assertGreater(told["pages"]["newer"], 30)
                else:
                    self.assertEqual(told["pages"]["newer"], newer)
                newer = told["pages"]["newer"]
                self.assertEqual(told["header"], "the header is good" + (
                    f", but pages are newer than it ({newer}): its last write is lost, or the file was copied while in use"
                    if newer else ""))
                self.assertEqual(self.CAUTION in km.run("salvage", self.store).stdout.decode(), newer > 0)
                self.assertEqual([line["kind"] for line in lines], ["deleted"] if newer else ["perhaps-lost", "deleted"])
                after = json.loads(km.run("repair", self.store, "--salvage", "--json").stdout)
                self.assertEqual(after["verdict"], "cannot tell")
                facts = str([problem for problem in after["problems"] if problem["code"] == "KM-SALVAGED"])
                self.assertEqual("newer than the header of a clean shutdown" in facts, newer > 0)

    def test_a_time_that_cannot_be(self):
        """It is told, the header is no older for it, and what is written can be changed."""
        self.make("--users", "20", "--entries", "30")
        number, _ = sorted(self.leaves("CertificateList").items())[0]
        whole = bytes(self.content)
        for time in (1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1):
            with self.subTest(time=time):
                self.content = bytearray(whole)
                self.change(number + 1, (TIME, "<Q", time))
                self.store.write_bytes(self.content)
                told = json.loads(km.run("salvage", self.store, "-o", self.new, "--force", "--json").stdout)
                self.assertEqual(told["header"], "the header is good, but pages have an impossible time (1), which does not count")
                self.assertLess(struct.unpack_from("<Q", self.new.read_bytes(), 16)[0], 1 << 20)
                self.assertEqual(km.run("check", "--structure", self.new).returncode, km.CLEAN)

    def test_a_sound_one(self):
        """The engine takes it, and check says so; the header's line says what it is."""
        self.make("--users", "60", "--entries", "100")
        whole = bytes(self.content)
        for time in (5, self.db.header.dbtime - 2):     # then the database's root alone is newer
            with self.subTest(time=time):
                self.content = bytearray(whole)
                self.stale(time)
                self.salvage("Users")
                run = km.run("salvage", self.store)
                self.assertEqual((run.returncode, km.run("check", self.store).returncode), (km.CLEAN, km.CLEAN))
                self.assertIn(self.CAUTION, run.stdout.decode())

    @unittest.skipUnless((km.CORPUS / "dirty" / "no-checkpoint-4k.tar.xz").exists(), "corpus: no dirty/no-checkpoint-4k.tar.xz")
    def test_a_killed_engine(self):
        """What it left is told alike under its own header, and under one that says clean."""
        for name in "lazy-commit-4k", "no-checkpoint-4k", "dirty-term-4k":
            with self.subTest(name), tarfile.open(km.CORPUS / "dirty" / f"{name}.tar.xz") as packed:
                member = next(m for m in packed.getmembers() if m.name.endswith("killed/d.edb"))
                self.content, told = bytearray(packed.extractfile(member).read()), []
                for state in (DIRTY, CLEAN):
                    self.header(state)
                    self.store.write_bytes(self.content)
                    told.append(json.loads(km.run("salvage", self.store, "--json").stdout))
                self.assertEqual((told[0]["dirty"], told[1]["dirty"]), (True, False))
                self.assertEqual((told[0]["pages"]["newer"], told[1]["pages"]["newer"] > 0), (0, True))
                self.assertEqual((told[0]["tables"], told[0]["told"]), (told[1]["tables"], told[1]["told"]))

    def test_a_page_of_no_tree_is_newer(self):
        self.make("--users", "60", "--entries", "100")
        number = sorted(self.leaves("CertificateList"))[1]
        free = next(n for n in range(1, len(self.content) // PAGE - 1) if not any(self.content[(n + 1) * PAGE:(n + 2) * PAGE]))
        self.content[(free + 1) * PAGE:(free + 2) * PAGE] = self.content[(number + 1) * PAGE:(number + 2) * PAGE]
        self.change(free + 1, (4, "<I", free), (TIME, "<Q", self.db.header.dbtime + 5))
        self.salvage("CertificateList")
        told = json.loads(km.run("salvage", self.store, "--json").stdout)
        self.assertEqual((told["pages"]["newer"], told["header"]), (0, "the header is good"))


if __name__ == "__main__":
    unittest.main(verbosity=2)

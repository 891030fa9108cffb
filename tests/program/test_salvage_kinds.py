#!/usr/bin/python3
"""Every kind of damage, one page of it and several: each row of the sound store is accounted for, once.

It is in the new store as it was, and kept; or there, or in the quarantine, and a line calls it doubtful; or a line names it
as lost, or as one of a table that nothing describes; or a page is told of that had it.  kept + doubtful + lost + those of
lost pages are the rows there were, and the report's sums are the same.  Where nothing of a row was touched it is kept.
KM_LONG=1: more seeds.
"""

import collections
import hashlib
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import unittest

import km

import edbdecode
import edbmaking
import libesedb
from edbfile import PAGE_LEAF, PAGE_PARENT_OF_LEAF, PAGE_ROOT, old_checksum
from edbtree import Tree
from test_salvage_leaves import DBTIME, KMFIXTURE, linked, rows_of, sealed

SEEDS = range(10) if os.environ.get("KM_LONG") else range(1)
PREV, NEXT, STATE, DIRTY = 16, 20, 52, 2
OLDER_TIME = 40                     # than the 50 of edbmaking's pages


def role_of(page, tree):
    if page.number == tree.root:
        return "root"
    return "leaf" if page.flags & PAGE_LEAF else "internal"


class Sound:
    """A sound store: its rows, and which page has which part in which tree."""

    def __init__(self, path, older=None):
        self.content, self.older = path.read_bytes(), older
        self.db = edbdecode.open(str(path))
        self.size = self.db.header.page_size
        self.rows, self.objids = {}, {}
        self.roles = collections.defaultdict(list)      # (role, kind of tree, table): page numbers
        for table in self.db.tables:
            self.see_tree(table, "rows", Tree(self.db.file, table.root, table.objid))
            for index in table.indexes:
                if index.root != table.root:
                    self.see_tree(table, "index", Tree(self.db.file, index.root))
            if table.long_value_root is not None:
                self.see_tree(table, "values", Tree(self.db.file, table.long_value_root))
            if not table.name.startswith("MSys"):
                self.objids[table.name] = table.objid
                self.rows[table.name] = {key.hex(): (page.number, data) for page, _, key, data in
                                         Tree(self.db.file, table.root, table.objid).nodes()}

    def see_tree(self, table, kind, tree):
        for page in tree.pages():
            self.roles[role_of(page, tree), kind, table.name].append(page.number)
        if table.name != "T":       # edbmaking's, of whose space nothing is known
            for space in tree.space_trees():
                self.roles["space", kind, table.name] += [page.number for page in space.pages()]

    def pages(self, role, kind, of_system=False):
        return sorted({number for (r, k, name), numbers in self.roles.items()
                       if r == role and k == kind and name.startswith("MSys") == of_system for number in numbers})

    def leaves(self):
        """Leaves with rows, but no roots."""
        return self.pages("leaf", "rows")

    def catalog_leaves(self, name):
        return self.roles["leaf", "rows", name]

    def get(self, number):
        return self.content[(number + 1) * self.size:(number + 2) * self.size]


class Damage:
    """One damaged copy.  `several`: not one page, but three, or all of the kind."""

    HARMLESS = {"swap", "internal", "root", "index", "values_root", "space", "database_space", "catalog", "catalog_in_turn",
                "header", "headers", "links", "dirty", "split_left", "split_parent", "stale_index"}

    def __init__(self, sound, kind, several, seed):
        self.sound, self.size, self.several = sound, sound.size, several
        self.random = random.Random(f"{kind} {several} {seed}")
        self.content, self.what = bytearray(sound.content), []
        self.possible = getattr(self, f"make_{kind}")() is not False

    @classmethod
    def kinds(cls):
        return sorted(name.removeprefix("make_") for name in dir(cls) if name.startswith("make_"))

    def put(self, number, data):
        assert len(data) == self.size
        self.content[(number + 1) * self.size:(number + 2) * self.size] = data
        self.what.append(number)

    def some(self, pages):
        """One of them, or three; none: there are not so many."""
        return self.random.sample(pages, 3 if self.several else 1) if len(pages) >= 3 else []

    def one_or_all(self, pages):
        return list(pages) if self.several else self.random.sample(pages, min(1, len(pages)))

    def spoil(self, pages, how):
        for number in pages:
            self.put(number, how(bytearray(self.sound.get(number))))
        return bool(pages)

    def zero(self, page):
        return bytes(len(page))

    def noise(self, page):
        return self.random.randbytes(len(page))

    # ---- leaves of rows

    def make_bit(self):
        def flip(page):
            bit = self.random.randrange(80 * 8, len(page) * 8)
            page[bit // 8] ^= 1 << bit % 8
            return page
        return self.spoil(self.some(self.sound.leaves()), flip)

    def make_run(self):
        def overwrite(page):
            length = self.random.randrange(16, len(page) // 4)
            start = self.random.randrange(len(page) - length)
            page[start:start + length] = self.random.randbytes(length)
            return page
        return self.spoil(self.some(self.sound.leaves()), overwrite)

    def make_zero(self):
        return self.spoil(self.some(self.sound.leaves()), self.zero)

    def make_swap(self):
        pages = self.random.sample(self.sound.leaves(), 6 if self.several else 2)
        for one, two in zip(pages[::2], pages[1::2]):
            self.put(one, self.sound.get(two))
            self.put(two, self.sound.get(one))

    def make_copy(self):
        pages = self.random.sample(self.sound.leaves(), 6 if self.several else 2)
        for one, two in zip(pages[::2], pages[1::2]):
            self.put(one, self.sound.get(two))

    def make_links(self):
        def mislead(number):
            page = bytearray(self.sound.get(number))
            struct.pack_into("<I", page, self.random.choice((PREV, NEXT)), self.random.choice((0, number, 2**31 - 1)))
            self.put(number, sealed(page, number))
        for number in self.some(self.sound.leaves()):
            mislead(number)

    # ---- what leads to them

    def make_internal(self):
        pages = self.sound.pages("internal", "rows")
        return self.spoil(self.one_or_all(pages), self.noise)

    def make_root(self):
        """Of tables whose rows stand below it."""
        tables = [name for (role, kind, name), pages in self.sound.roles.items()
                  if (role, kind) == ("leaf", "rows") and pages and not name.startswith("MSys")]
        return self.spoil([self.sound.roles["root", "rows", name][0] for name in self.one_or_all(tables)], self.noise)

    def make_root_with_rows(self):
        tables = [name for name, rows in self.sound.rows.items() if rows and not self.sound.roles["leaf", "rows", name]]
        return self.spoil([self.sound.roles["root", "rows", name][0] for name in self.one_or_all(tables)], self.noise)

    def make_index(self):
        return self.spoil(self.one_or_all(self.sound.pages("root", "index")), self.noise)

    def make_values_root(self):
        pages = [self.sound.roles["root", "values", name][0] for (role, kind, name), leaves in self.sound.roles.items()
                 if (role, kind) == ("leaf", "values") and leaves]
        return self.spoil(self.one_or_all(pages), self.noise)

    def make_values(self):
        return self.spoil(self.one_or_all(self.sound.pages("leaf", "values")), self.zero)

    def make_space(self):
        return self.spoil(self.one_or_all(self.sound.pages("space", "rows")), self.noise)

    def make_database_space(self):
        return self.spoil(self.one_or_all([1, 2, 3]), self.noise)

    # ---- the catalog

    def make_catalog(self):
        return self.spoil(self.one_or_all(self.sound.catalog_leaves("MSysObjects")), self.noise)

    def make_catalog_in_turn(self):
        """Different rows of the two."""
        one, two = (self.sound.catalog_leaves(name) for name in ("MSysObjects", "MSysObjectsShadow"))
        return len(one) > 2 and self.spoil([one[0], two[-1]] if self.several else [one[-1], two[0]], self.noise)

    def make_catalog_twice(self):
        """The same rows of both: what they describe is lost."""
        one, two = (self.sound.catalog_leaves(name) for name in ("MSysObjects", "MSysObjectsShadow"))
        pairs = list(zip(one, two))     # leaf by leaf they are the same
        return self.spoil(pairs[-1] if self.several else self.random.choice(pairs), self.noise) if pairs else False

    # ---- the file

    def make_cut(self):
        length = len(self.content) * 6 // 10 // self.size * self.size
        del self.content[length + (self.size // 3 if self.several else 0):]

    def make_header(self):
        self.content[:self.size] = self.random.randbytes(self.size) if self.several else bytes(self.size)

    def make_headers(self):
        self.content[:2 * self.size] = self.random.randbytes(2 * self.size) if self.several else bytes(2 * self.size)

    def make_dirty(self):
        for start in (0, self.size):
            header = self.content[start:start + self.size]
            struct.pack_into("<I", header, STATE, DIRTY)
            struct.pack_into("<I", header, 0, old_checksum(bytes(header)))
            self.content[start:start + self.size] = header

    def make_any(self):
        return self.spoil(self.some(sorted({number for pages in self.sound.roles.values() for number in pages})), self.noise)

    # ---- writes that did not come

    def stale(self, pages, everything=False):
        older = self.sound.older or self.sound.content
        was = {number: older[(number + 1) * self.size:(number + 2) * self.size] for number in pages}
        changed = [number for number in pages if any(was[number]) and was[number] != self.sound.get(number)]
        chosen = changed if everything else self.random.sample(changed, min(len(changed), 3 if self.several else 1))
        for number in chosen:
            self.put(number, was[number])
        return bool(chosen)

    def make_stale(self):
        return self.stale(self.sound.leaves())

    def make_stale_root(self):
        return self.stale(self.sound.pages("root", "rows"))

    def make_stale_index(self):
        return self.stale(self.sound.pages("root", "index") + self.sound.pages("leaf", "index"))

    def make_stale_catalog(self):
        return self.stale([number for role in ("root", "leaf") for number in self.sound.pages(role, "rows", of_system=True)])

    def make_stale_others(self):
        """All but leaves of rows: what was deleted since stands there again, and rows that have the last keys of all."""
        rows = {number for table in self.sound.rows.values() for number, _ in table.values()}
        pages = sorted({number for pages in self.sound.roles.values() for number in pages} - rows)
        return self.stale(pages, everything=self.several)

    def splits(self):
        """Pairs of leaves, of which the right one came of splitting the left one."""
        if "T" not in self.sound.rows:
            return []
        leaves = self.sound.roles["leaf", "rows", "T"]
        at = self.random.sample(range(0, len(leaves) - 1, 2), 3 if self.several else 1)
        return [(leaves[i], leaves[i + 1]) for i in at]

    def make_split_left(self):
        def before(left, right):
            nodes = [(key, data) for number in (left, right) for _, _, key, data in self.sound.db.file.page(number).nodes()]
            page = edbmaking.page_of(left, self.sound.objids["T"], PAGE_LEAF, nodes)
            struct.pack_into("<Q", page, DBTIME, OLDER_TIME)
            struct.pack_into("<II", page, PREV, self.sound.db.file.page(left).prev, self.sound.db.file.page(right).next)
            return sealed(page, left)
        pairs = self.splits()
        for left, right in pairs:
            self.put(left, before(left, right))
        return bool(pairs)

    def make_split_right(self):
        return self.spoil([right for _, right in self.splits()], self.zero)

    def make_split_parent(self):
        pairs = self.splits()
        rights = {right for _, right in pairs}
        for number in self.sound.pages("internal", "rows") + self.sound.pages("root", "rows") if pairs else ():
            page = self.sound.db.file.page(number)
            nodes = [(key, data) for _, _, key, data in page.nodes()]
            left = [node for node in nodes if int.from_bytes(node[1], "little") not in rights]
            if not page.flags & PAGE_PARENT_OF_LEAF or left == nodes:
                continue
            left[-1] = nodes[-1][0], left[-1][1]
            made = edbmaking.page_of(number, page.objid, page.flags, left, edbmaking.SPACE if page.flags & PAGE_ROOT else b"")
            struct.pack_into("<Q", made, DBTIME, OLDER_TIME)
            self.put(number, sealed(made, number))
        return bool(pairs)


class Account:
    """What became of each row of the sound store."""

    def __init__(self, sound, report, lines, quarantine, have):
        self.sound, self.have = sound, have
        self.tables = {table["name"]: table for table in report["tables"]}
        self.lines = collections.defaultdict(list)
        self.pages = collections.defaultdict(list)
        self.records = collections.defaultdict(set)     # in the quarantine
        for line in lines:
            (self.pages if line["kind"] == "page-lost" else self.lines)[line["object"]].append(line)
        for line in quarantine:
            self.records[line["object"], line["key"]].add(line["record"])
        self.wrong = []
        for name in sound.rows:
            self.see_table(name)

    def kinds_by_key(self, objid):
        kinds = collections.defaultdict(set)
        for line in self.lines[objid]:
            if not line["written"] and "sha256" in line:
                hashes = {hashlib.sha256(bytes.fromhex(record)).hexdigest() for record in self.records[objid, line["key"]]}
                if line["sha256"] not in hashes:
                    self.wrong.append(("not in the quarantine", line))
            kinds[line["key"]].add(line["kind"])
        return kinds

    def on_lost_page(self, objid, number, key):
        return any(line["page"] == number or line["key"] <= key < line.get("before_key", "g") for line in self.pages[objid])

    def fate(self, name, objid, key, kinds):
        """(what became of the row, what is wrong with that)"""
        number, data = self.sound.rows[name][key]
        now = self.have.get(name, {}).get(key)
        doubtful = "doubtful" if "doubtful" in kinds else "kept"
        if now == data or (now is not None and "cut" in kinds):
            return doubtful, None
        if now is not None:
            return doubtful, None if "doubtful" in kinds else "changed without a word"
        if "doubtful" in kinds:
            return "doubtful", None
        if "lost" in kinds:
            return "lost", None
        if "no-schema" in kinds:
            return "no schema", None if data.hex() in self.records[objid, key] else "another record"
        if self.on_lost_page(objid, number, key):
            return "page", None
        perhaps = self.tables.get(name, {}).get("perhaps_lost", 0)
        return "perhaps", None if perhaps or kinds & {"perhaps-lost", "older-version"} else "missing without a word"

    def see_table(self, name):
        objid, rows, have = self.sound.objids[name], self.sound.rows[name], self.have.get(name, {})
        kinds, count = self.kinds_by_key(objid), collections.Counter()
        for key in rows:
            fate, wrong = self.fate(name, objid, key, kinds[key])
            count[fate] += 1
            if wrong:
                self.wrong.append((name, key, rows[key][0], wrong))
        others = {key for key in kinds if key not in rows}
        self.wrong += [(name, key, "made up") for key in have.keys() - rows.keys() if "doubtful" not in kinds[key]]
        told = self.tables.get(name)
        if told is None:
            self.wrong += [(name, "no word of the table")] if count.total() != count["no schema"] else []
            return
        count["doubtful"] += sum("doubtful" in kinds[key] for key in others)
        count["lost"] += sum("lost" in kinds[key] for key in others)
        self.wrong += [(name, what, told[what], count[what]) for what in ("kept", "doubtful", "lost")
                       if told[what] != count[what]]
        if told["written"] != len(have):
            self.wrong.append((name, "written", told["written"], len(have)))


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Kinds(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.tried = collections.Counter()

    def made(self, *options):
        path = self.folder / "sound.edb"
        subprocess.run([KMFIXTURE, "-f", "-o", path, *options], check=True, capture_output=True)
        return path

    def salvaged(self, content):
        store, new = self.folder / "store.edb", self.folder / "new.edb"
        store.write_bytes(content)
        result = km.run("salvage", store, "-o", new, "--force", "--json")
        self.assertIn(result.returncode, (km.REPAIRED, km.REPAIRED | km.PROBLEMS_LEFT), result.stderr)
        beside = [[json.loads(line) for line in pathlib.Path(f"{new}{suffix}").read_text().splitlines()]
                  for suffix in (".salvage.jsonl", ".quarantine.jsonl")]
        return json.loads(result.stdout), *beside, new

    def is_sound(self, new, revision):
        """By the program itself, and by two other readers."""
        self.assertEqual(km.run("check", new, "--structure").returncode, km.CLEAN)
        db = edbdecode.open(str(new))
        self.assertEqual(list(db.problems()), [])
        self.assertEqual(db.header.revision, revision)
        if libesedb.pyesedb and revision == 0x14:
            found = libesedb.values(str(new))
            for table in db.tables:
                self.assertEqual(len(found[table.name]), sum(1 for _ in table.rows()), table.name)

    def holds(self, name, sound):
        for number, kind in enumerate(km.sampled(Damage.kinds())):
            for several in km.in_turn((False, True), number):
                for seed in SEEDS:
                    damage = Damage(sound, kind, several, f"{name} {seed}")
                    if not damage.possible:
                        continue
                    with self.subTest(store=name, kind=kind, several=several, seed=seed, pages=damage.what):
                        self.tried[kind] += 1
                        report, lines, quarantine, new = self.salvaged(damage.content)
                        self.assertEqual(Account(sound, report, lines, quarantine, rows_of(new)).wrong, [])
                        if kind in Damage.HARMLESS:
                            self.is_whole(sound, report, new)
                        self.is_sound(new, sound.db.header.revision)

    def is_whole(self, sound, report, new):
        have = rows_of(new)
        for table, rows in sound.rows.items():
            self.assertEqual(have.get(table), {key: data for key, (_, data) in rows.items()})
            told = next(t for t in report["tables"] if t["name"] == table)
            self.assertEqual((told["kept"], told["lost"] + told["cut"]), (len(rows), 0))
            if sound.older is None:             # else there are leaves that were let go, with their rows
                self.assertEqual(told["doubtful"], 0)

    def test_a_small_store(self):
        for revision in ("0x2", "0x14"):
            path = self.made("--users", "60", "--entries", "40", "--page-size", "2048", "--revision", revision)
            self.holds(f"small {revision}", Sound(path))

    def test_long_values(self):
        text = (km.SOURCE / "fixtures/states/salvage-long-value-gone/description.ini").read_text()
        description = self.folder / "description.ini"
        description.write_text(re.sub(r"^\[damage\]\n.*?(?=^\[)", "", text, flags=re.M | re.S))
        self.holds("long values", Sound(self.made(description, "--revision", "0x14")))

    def test_three_levels(self):
        database = linked(260)
        for number, before, behind in ((7, 0, 8), (8, 7, 9), (9, 8, 0)):    # the leaves of its long values
            database.set(number, PREV, "<II", before, behind)
        self.holds("three levels", Sound(database.save(self.folder / "sound.edb")))

    def test_a_store_and_what_it_was_before(self):
        """Repaired in place: what was written, and what stood there."""
        path = self.made("--users", "60", "--entries", "40", "--page-size", "2048", "--duplicates")
        older = path.read_bytes()
        self.assertEqual(km.run("repair", path, "--in-place", "--no-backup").returncode, km.REPAIRED)
        self.holds("repaired", Sound(path, older))

    @classmethod
    def tearDownClass(cls):
        print(f"kinds of damage: {len(cls.tried)}, {sum(cls.tried.values())} stores")


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Leaves that are lost are told of, whatever was put in their place, and whoever still names them.

From a seed: leaves of a table are zeroed, overwritten, emptied, given other flags, or replaced by other pages, most of it
under a right checksum; what names them, parent, neighbours and index, is right, older, under a wrong checksum or lost.
Each row of the sound store is then in the salvaged one, or a line names it, or the page that it stood on is told of.
KM_LONG=1: many more.
"""

import collections
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest

import km

import edbdecode
from edbfile import PAGE_EMPTY, PAGE_LEAF, PAGE_PARENT_OF_LEAF, PAGE_ROOT, PAGE_SPACE_TREE, Page
from edbtree import Tree

import edbmaking
from edbchanging import FLAGS, FREE, NEXT, PREVIOUS, TAG_COUNT, TAGS, Store, sealed

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
LONG = bool(os.environ.get("KM_LONG"))
CASES = 1000 if LONG else 60        # of each store
DBTIME, OBJID = 8, 24
NEWER, OLDER = 1 << 20, 1


class Tables:
    """What is true of a store: which row stands on which leaf, and which pages name that."""

    def __init__(self, path):
        self.content = path.read_bytes()
        self.db = edbdecode.open(str(path))
        self.size = self.db.header.page_size
        self.tables = {}
        for table in self.db.tables:
            tree = Tree(self.db.file, table.root, table.objid)
            rows = collections.defaultdict(list)
            for page, _, key, data in tree.nodes():
                rows[page.number].append((key.hex(), data))
            parents = {int.from_bytes(data, "little"): page.number for page in tree.pages()
                       if page.flags & PAGE_PARENT_OF_LEAF for _, _, _, data in page.nodes()}
            indexes = [page.number for index in table.indexes if index.root != table.root
                       for page in Tree(self.db.file, index.root).pages()]
            self.tables[table.name] = (list(rows), rows, parents, indexes)

    def large(self):
        """Tables of several leaves."""
        return sorted(name for name, (leaves, *_) in self.tables.items() if len(leaves) > 3 and not name.startswith("MSys"))


def rows_of(path):
    """{table: {key: data}} of a store."""
    db = edbdecode.open(str(path))
    return {table.name: {key.hex(): data for _, _, key, data in Tree(db.file, table.root, table.objid).nodes()}
            for table in db.tables}


def linked(leaves, rows=3, name=b"name"):
    """A database whose leaves name their neighbours, and of whose space nothing is known."""
    first, database = edbmaking.FIRST_LEAF, edbmaking.Database(leaves=leaves, rows_per_leaf=rows, name=name)
    for at in range(leaves):
        database.set(first + at, 16, "<II", first + at - 1 if at else 0, first + at + 1 if at + 1 < leaves else 0)
    database.set(edbmaking.TABLE, 40, "<IIII", 1, 1, 1, 0)
    return database


class Damage(Store):
    """One damaged copy; `what` says what was done."""

    def __init__(self, truth, seed):
        super().__init__(truth.content, truth.size)
        self.truth, self.random, self.what = truth, random.Random(seed), []
        self.table = self.random.choice(truth.large())
        self.leaves, self.rows, self.parents, self.indexes = truth.tables[self.table]
        self.damage()

    def damage(self):
        first = self.random.randrange(len(self.leaves))
        self.victims = self.leaves[first:first + self.random.choice((1, 1, 1, 2, 3))]
        self.lose_index()
        for victim in self.victims:
            self.spoil(victim)
        near = [self.leaves[at] for at in (first - 1, first + len(self.victims)) if 0 <= at < len(self.leaves)]
        parents = sorted({self.parents[victim] for victim in self.victims})
        gone = [parent for parent in parents
                if self.blur(parent, ("right", "right", "older", "wrong", "fewer", "zero")) in ("fewer", "zero")]
        for leaf in near:
            self.blur(leaf, ("right", "right", "older", "wrong"))
        # between two that are lost as well, and below a parent that is: nothing names it
        self.unnamed = {victim for victim in self.victims if self.parents[victim] in gone and
                        not any(abs(self.leaves.index(victim) - self.leaves.index(leaf)) == 1 for leaf in near)}

    def blur(self, number, kinds):
        """What may become of a page that names a victim."""
        kind, page = self.random.choice(kinds), self.get(number)
        if kind == "older":
            struct.pack_into("<Q", page, DBTIME, OLDER)
        if kind == "wrong":
            page[0] ^= 0x55
            page[1] ^= 0xaa
        if kind == "fewer":
            self.make_fewer_tags(page, number)
        if kind != "right":
            self.put(number, bytes(self.size) if kind == "zero" else page, kind in ("older", "fewer"))
            self.what.append(f"{kind} {number}")
        return kind

    def lose_index(self):
        """All of it, some of it, or nothing."""
        kind = self.random.choice(("all", "all", "some", "none"))
        for number in self.indexes if kind == "all" else self.random.sample(self.indexes, len(self.indexes) // 2) \
                if kind == "some" else ():
            self.put(number, bytes(self.size), False)
        self.what.append(f"{self.table}: {kind} of the index lost")

    def spoil(self, number):
        """Takes a leaf's rows away."""
        kinds = [name.removeprefix("make_") for name in dir(self) if name.startswith("make_")]
        kind, page = self.random.choice(kinds), self.get(number)
        made = getattr(self, f"make_{kind}")(page, number)
        time = self.random.choice((None, NEWER, OLDER))
        if kind not in ("zero", "noise", "torn"):
            if time:
                struct.pack_into("<Q", made, DBTIME, time)
            made = sealed(made, number)
        self.put(number, made, False)
        self.what.append(f"{kind} {number} {time or ''}")

    @staticmethod
    def change_flags(page, on, off=0):
        flags, = struct.unpack_from("<I", page, FLAGS)
        struct.pack_into("<I", page, FLAGS, flags & ~off | on)
        return page

    def make_zero(self, page, _):
        return bytes(len(page))

    def make_noise(self, page, _):
        return self.random.randbytes(len(page))

    def make_empty(self, page, _):
        return self.change_flags(page, PAGE_EMPTY)

    def make_no_leaf(self, page, _):
        return self.change_flags(page, self.random.choice((0, PAGE_PARENT_OF_LEAF)), PAGE_LEAF)

    def make_space(self, page, _):
        return self.change_flags(page, PAGE_SPACE_TREE)

    def make_long_value(self, page, _):
        return self.change_flags(page, 0x80)

    def make_without_nodes(self, page, _):
        """As if every row had been deleted, free space and all."""
        reserved = Page(bytes(page), 0).reserved_tags
        tags, = struct.unpack_from("<H", page, TAGS)
        used = sum(len(Page(bytes(page), 0).line(tag)[1]) for tag in range(reserved))
        struct.pack_into("<H", page, TAGS, tags & ~TAG_COUNT | reserved)
        struct.pack_into("<H", page, FREE, self.size - Page(bytes(page), 0).header_size - 4 * reserved - used)
        return page

    def make_fewer_tags(self, page, _):
        tags, = struct.unpack_from("<H", page, TAGS)
        least = Page(bytes(page), 0).reserved_tags
        struct.pack_into("<H", page, TAGS, tags & ~TAG_COUNT | self.random.randrange(least, tags & TAG_COUNT))
        return page

    def make_other_leaf(self, _, number):
        """Another leaf of the table, which is not beside the victims: that one stands, too."""
        first, last = (self.leaves.index(victim) for victim in (self.victims[0], self.victims[-1]))
        others = self.leaves[:max(0, first - 1)] + self.leaves[last + 2:]
        return self.get(self.random.choice(others)) if others else bytearray(self.size)

    def make_other_table(self, _, number):
        pages = [leaf for name, (leaves, *_) in self.truth.tables.items() if name != self.table for leaf in leaves]
        return self.change_flags(self.get(self.random.choice(pages)), 0, PAGE_ROOT)

    def make_other_object(self, page, _):
        struct.pack_into("<I", page, OBJID, 4711)
        return page

    def make_torn(self, page, number):
        """From some quarter on it is its neighbour."""
        at = self.leaves.index(number)
        other = self.truth.content[(self.leaves[at - 1 if at else 1] + 1) * self.size:][:self.size] \
            if self.random.random() < .5 or at + 1 == len(self.leaves) else \
            self.truth.content[(self.leaves[at + 1] + 1) * self.size:][:self.size]
        start = self.size // 4 * self.random.choice((1, 2, 3))
        end = self.size if self.random.random() < .7 else start + self.size // 4
        return bytes(page[:start] + other[start:end] + page[end:])


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Salvaged(unittest.TestCase):
    """Stores that are made, and salvaged."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.new = self.folder / "store.edb", self.folder / "new.edb"

    def made(self, *options):
        path = self.folder / "sound.edb"
        subprocess.run([KMFIXTURE, "-f", "-o", path, *options], check=True, capture_output=True)
        return Tables(path)

    def salvaged(self):
        """Its report, the lines beside the new store, the rows in it."""
        result = km.run("salvage", self.store, "-o", self.new, "--force", "--json")
        self.assertIn(result.returncode, (km.REPAIRED, km.REPAIRED | km.PROBLEMS_LEFT), result.stderr)
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        return json.loads(result.stdout), lines, rows_of(self.new)


class Leaves(Salvaged):

    def untold(self, truth, lines, have):
        """Rows that are neither there, nor named, nor on a page that is told of: {(table, page): how many}."""
        told = {(line.get("table"), line["key"]) for line in lines} | {(line.get("table"), line["page"]) for line in lines
                                                                   if line["kind"] == "page-lost"}
        untold = collections.Counter()
        for name, (_, rows, *_) in truth.tables.items():
            for page, nodes in rows.items() if not name.startswith("MSys") else ():
                untold[name, page] = sum(have.get(name, {}).get(key) != data and (name, key) not in told
                                         for key, data in nodes) if (name, page) not in told else 0
        return +untold

    def holds(self, store, truth, seeds):
        for seed in km.sampled(seeds):
            damage = Damage(truth, f"{store} {seed}")
            with self.subTest(store=store, seed=seed, damage=damage.what):
                self.store.write_bytes(damage.content)
                report, lines, have = self.salvaged()
                untold = self.untold(truth, lines, have)
                self.assertEqual({place: rows for place, rows in untold.items() if place[1] not in damage.unnamed}, {})
                self.adds_up(truth, report, lines, damage.unnamed)
                self.calls_nothing_whole(truth, have)

    def calls_nothing_whole(self, truth, have):
        """No sentence says that all is well where a row is missing."""
        lacks = {name for name, (_, rows, *_) in truth.tables.items() if not name.startswith("MSys") and any(
            have.get(name, {}).get(key) != data for nodes in rows.values() for key, data in nodes)}
        result = km.run("salvage", self.store)
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT if lacks else result.returncode)
        if "CertificateList" in lacks:
            self.assertNotIn(b"(CertificateList) is whole", result.stdout)
            verdict = json.loads(km.run("repair", "--salvage", self.store, "--json").stdout)["verdict"]
            self.assertIn(verdict, ("no", "cannot tell"))

    def adds_up(self, truth, report, lines, unnamed):
        """Kept, doubtful, lost, and those of pages that are told of are at least what there was; where a page of them is
        not named by anything others are."""
        pages = collections.defaultdict(set)
        for line in lines:
            if line["kind"] == "page-lost":
                pages[line.get("table")].add(line["page"])
        for table in report["tables"]:
            rows = truth.tables[table["name"]][1]
            had, kept = sum(map(len, rows.values())), table["kept"] + table["doubtful"] + table["lost"]
            told = pages[table["name"]] | (unnamed if pages[table["name"]] else set())
            self.assertGreaterEqual(kept + sum(len(rows.get(page, ())) for page in told), had, table)

    def test_small_pages(self):
        self.holds("small", self.made("--users", "60", "--entries", "50"), range(CASES))

    def test_large_pages(self):
        self.holds("large", self.made("--users", "200", "--entries", "200", "--revision", "0x14", "--page-size", "16384"),
                   range(CASES))

    def test_three_levels(self):
        """A branch of leaves below each page under the root; no index."""
        self.holds("levels", Tables(linked(450).save(self.folder / "sound.edb")), range(CASES))

    def test_space_names_what_nothing_else_does(self):
        """Leaves side by side, their parent, and all of the index but its root: the middle ones have no other witness."""
        truth = self.made("--users", "1500")
        leaves, _, parents, indexes = truth.tables["UserCertificates"]
        at = len(leaves) - 40
        victims = leaves[at:at + 5]
        content = bytearray(truth.content)
        for number in [*victims, parents[victims[0]], *indexes[1:]]:
            content[(number + 1) * truth.size:(number + 2) * truth.size] = bytes(truth.size)
        self.store.write_bytes(content)
        _, lines, _ = self.salvaged()
        self.assertEqual(sorted(line["page"] for line in lines if line["kind"] == "page-lost"), victims)

    def test_space_of_a_table_whose_root_is_lost(self):
        """A leaf is gone, its neighbours lead past it, and nothing is left of the index. The roots of its space stand."""
        truth = self.made("--users", "60", "--entries", "300")
        leaves, _, parents, indexes = truth.tables["CertificateList"]
        for lost in False, True:
            with self.subTest(lost=lost):
                store = Store(truth.content, truth.size)
                for number in {*parents.values(), *((leaves[3], *indexes) if lost else ())}:
                    store.blank(number)
                if lost:
                    store.set(leaves[2], NEXT, "<I", leaves[4])
                    store.set(leaves[4], PREVIOUS, "<I", leaves[2])
                self.store.write_bytes(store.content)
                told = [(line["table"], line["kind"]) for line in self.salvaged()[1]]
                self.assertEqual(told, [("CertificateList", "perhaps-lost")] if lost else [])

    def lost(self, database):
        database.save(self.store)
        told = json.loads(km.run("salvage", self.store, "--json").stdout)
        return next(table["pages_lost"] for table in told["tables"] if table["name"] == "T")

    def test_a_leaf_that_was_let_go_is_not_lost(self):
        """By an engine whose parent page was not written since: its neighbours are newer, and lead past it."""
        first = edbmaking.FIRST_LEAF
        for at in 0, 2, 4:
            for made in "empty", "zero", "other":
                for newer, past, lost in ((60, True, 0), (60, False, 1), (50, True, 1)):
                    with self.subTest(leaf=at, made=made, newer=newer, past=past):
                        database = linked(5)
                        near = [leaf for leaf in (at - 1, at + 1) if 0 <= leaf < 5]
                        for leaf in near:
                            database.set(first + leaf, DBTIME, "<Q", newer)
                        if past and at > 0:
                            database.set(first + at - 1, 20, "<I", first + at + 1 if at < 4 else 0)
                        if past and at < 4:
                            database.set(first + at + 1, 16, "<I", first + at - 1 if at else 0)
                        if made == "empty":
                            database.pages[first + at] = edbmaking.page_of(first + at, 6, PAGE_LEAF | PAGE_EMPTY, [])
                        if made == "zero":
                            del database.pages[first + at]
                        else:
                            database.set(first + at, DBTIME, "<Q", 60)
                        if made == "other":
                            database.set(first + at, OBJID, "<I", 7)
                        self.assertEqual(self.lost(database), lost)

    def test_a_root_from_before_the_tree_grew(self):
        """A leaf with the rows of one that stands, newer than all: the others name each other, and no space lists them."""
        for at, time, kept in ((0, 60, 3), (2, 60, 3), (4, 60, 3), (0, 1, 15)):
            with self.subTest(leaf=at, time=time):
                database = linked(5)
                number = edbmaking.FIRST_LEAF + at
                nodes = [(key, data) for _, _, key, data in Page(bytes(database.pages[number]), number).nodes()]
                database.pages[edbmaking.TABLE] = edbmaking.page_of(edbmaking.TABLE, 6, PAGE_LEAF | PAGE_ROOT, nodes,
                                                                    edbmaking.SPACE)
                database.set(edbmaking.TABLE, DBTIME, "<Q", time)
                database.save(self.store)
                report, lines, have = self.salvaged()
                table = next(table for table in report["tables"] if table["name"] == "T")
                self.assertEqual((table["kept"], table["doubtful"], len(have["T"])), (kept, 15 - kept, kept))
                self.assertEqual(len({line["key"] for line in lines if line["kind"] == "doubtful"}), 15 - kept)

    def test_what_stands_in_the_place_of_a_leaf_closes_no_gap(self):
        """A copy of the leaf before it, which the newer leaf behind it names as its neighbour."""
        first = edbmaking.FIRST_LEAF
        database = linked(5)
        database.pages[first + 2] = bytearray(database.pages[first + 1])
        database.set(first + 2, 4, "<I", first + 2)
        database.set(first + 3, DBTIME, "<Q", 60)
        self.assertEqual(self.lost(database), 1)

    def test_a_leaf_that_is_its_neighbour_in_part(self):
        """Rows of one size: its tags fit those of the leaf behind it, or before it, whose keys follow on in order."""
        first = edbmaking.FIRST_LEAF
        for start, end, beside in ((3072, 4096, 1), (40, 1024, -1)):
            for parent in True, False:
                with self.subTest(start=start, parent=parent):
                    database = linked(6, 70, b"n" * 29)
                    if not parent:
                        del database.pages[edbmaking.TABLE]
                    database.pages[first + 3][start:end] = database.pages[first + 3 + beside][start:end]
                    self.assertEqual(self.lost(database), 1)

    def test_leaves_in_two_chains(self):
        """Nothing is left that names the leaf between them, whose neighbours say that they are the ends."""
        first = edbmaking.FIRST_LEAF
        for root in False, True:
            with self.subTest(root=root):
                database = linked(6)
                database.set(first + 1, NEXT, "<I", 0)
                database.set(first + 3, PREVIOUS, "<I", 0)
                for number in (first + 2, *(() if root else (edbmaking.TABLE,))):
                    del database.pages[number]
                database.save(self.store)
                report, lines, _ = self.salvaged()
                table = next(table for table in report["tables"] if table["name"] == "T")
                self.assertEqual((table["kept"], table["pages_lost"], table["perhaps_lost"]), (15, root, not root))
                self.assertEqual([line["page"] for line in lines if line["kind"] == "perhaps-lost"],
                                 [] if root else [first + 1])

    def test_a_leaf_that_nothing_names_and_that_names_nothing(self):
        """Beside a chain, whose rows are kept as they are."""
        first = edbmaking.FIRST_LEAF
        for at in 0, 2, 5:
            with self.subTest(leaf=at):
                database = linked(6)
                near = [leaf for leaf in (at - 1, at + 1) if 0 <= leaf < 6]
                for leaf in near:
                    other = near[0] + near[-1] - leaf if len(near) == 2 else None
                    database.set(first + leaf, NEXT if leaf < at else PREVIOUS, "<I", 0 if other is None else first + other)
                database.set(first + at, NEXT, "<I", 0)
                database.set(first + at, PREVIOUS, "<I", 0)
                del database.pages[edbmaking.TABLE]
                database.save(self.store)
                report, lines, have = self.salvaged()
                table = next(table for table in report["tables"] if table["name"] == "T")
                self.assertEqual((table["kept"], table["doubtful"], len(have["T"])), (15, 3, 18))
                self.assertEqual({line["page"] for line in lines if line["kind"] == "doubtful"}, {first + at})

    def test_one_leaf_without_a_root(self):
        """It has no neighbour to name."""
        database = linked(1)
        del database.pages[edbmaking.TABLE]
        database.save(self.store)
        report, _, _ = self.salvaged()
        table = next(table for table in report["tables"] if table["name"] == "T")
        self.assertEqual((table["kept"], table["doubtful"], table["perhaps_lost"]), (3, 0, 0))


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Rows that are gone although nothing that is left contradicts itself: there is a word, and nothing is called whole.

A leaf is taken out of its tree, and what names it, parent, neighbours and index, is changed with it, all under right
checksums; or a key, a flag or a second leaf is where it cannot be.  From a seed, the first of these with whatever may then
stand in the leaf's place.  KM_LONG=1: many more.
"""

import json
import pathlib
import struct
import tarfile
import unittest

import km

from edbchanging import FLAGS, Node, Store
from edbfile import NODE_DELETED, PAGE_ROOT
from test_salvage_leaves import DBTIME, LONG, OLDER, Damage, Salvaged

CASES = 600 if LONG else 30         # of each store
HEADER_TIME = 16
RECOVERED = sorted((km.CORPUS / "dirty").glob("*.tar.xz"))


class TakenOut(Damage):
    def damage(self):
        several = [leaf for leaf in self.leaves if sum(parent == self.parents[leaf] for parent in self.parents.values()) > 1]
        leaf = self.random.choice(several)
        self.victims = [leaf]
        self.take_out(leaf, self.parents[leaf])
        if self.random.random() < .5:
            self.lose_index()
        else:
            self.take_out_entries(self.indexes, {bytes.fromhex(key) for key, _ in self.rows[leaf]})
            self.what.append(f"{self.table}: entries taken out")
        self.spoil(leaf)

    def make_as_it_was(self, page, _):
        return page


class TakenBehindTheEnd(TakenOut):
    """The leaf stood on the last page that is left of the file."""

    def damage(self):
        leaf = max(self.leaves)
        self.take_out(leaf, self.parents[leaf])
        self.take_out_entries(self.indexes, {bytes.fromhex(key) for key, _ in self.rows[leaf]})
        self.content = self.content[:(leaf + 1) * self.size]
        self.what.append(f"{self.table}: file ends before page {leaf}")


class Rekeyed(Damage):
    """A row at the edge of a leaf has a key of another one."""

    def damage(self):
        at = self.random.randrange(len(self.leaves) - 1)
        near = self.random.random() < .7
        one, other = self.random.sample(self.leaves[at:at + 2] if near else self.leaves, 2)
        nodes, others = self.nodes(one), self.nodes(other)
        row = nodes[self.random.randrange(len(nodes))]
        edge = 0 if self.leaves.index(one) < self.leaves.index(other) else -1
        lost, made = others[edge].key, self.random.choice(("taken", "free", "copy"))
        others[edge] = Node(0, row.key, row.data) if made == "copy" else others[edge].with_key(row.key)
        self.set_nodes(other, others)
        if made == "free" and len(nodes) > 1:
            self.set_nodes(one, [node for node in nodes if node is not row])
        for leaf in one, other:
            if time := self.random.choice((None, None, OLDER, self.truth.db.header.dbtime)):
                self.set(leaf, DBTIME, "<Q", time)
        self.what.append(f"{self.table}: {made} {one} {other}")
        if self.random.random() < .5:
            self.lose_index()
        else:
            self.take_out_entries(self.indexes, {lost})


class Told(Salvaged):
    def holds(self, truth, content, what):
        """Where a row is missing the table is told of, and nothing says that it is whole."""
        self.store.write_bytes(content)
        status, out, tables, have = self.told()
        lacks = {name for name, (_, rows, *_) in truth.tables.items() if not name.startswith("MSys") and any(
            have.get(name, {}).get(key) != data for nodes in rows.values() for key, data in nodes)}
        for name in lacks:
            self.assertGreater(sum(tables[name][kind] for kind in ("doubtful", "lost", "perhaps_lost", "pages_lost")), 0, what)
        if lacks:
            self.assertEqual(status, km.REPAIRED | km.PROBLEMS_LEFT, what)
        if "CertificateList" in lacks:
            self.assertNotIn("(CertificateList) is whole", out)
        if "Configuration" in lacks:
            self.assertNotIn("settings are whole", out)
        return lacks

    def told(self):
        """Exit status, report, its tables by name, the rows of the new store."""
        out = km.run("salvage", self.store).stdout.decode()
        report, self.lines, have = self.salvaged()
        return report["exit"], out, {table["name"]: table for table in report["tables"]}, have


class Leaves(Told):
    def sweep(self, name, truth):
        for kind, every in (TakenOut, 1), (Rekeyed, 2), (TakenBehindTheEnd, 10):
            lacking = cases = 0
            for seed in km.sampled(range(0, CASES, every)):
                try:
                    damage = kind(truth, f"{name} {seed}")
                except AssertionError:
                    continue        # a node does not fit on its page
                with self.subTest(store=name, seed=seed, damage=damage.what):
                    lacking += bool(self.holds(truth, damage.content, damage.what))
                    cases += 1
            self.assertGreaterEqual(lacking, cases // 2)

    def test_small_pages(self):
        self.sweep("small", self.made("--users", "60", "--entries", "50"))

    def test_middle_pages(self):
        self.sweep("middle", self.made("--users", "200", "--entries", "100", "--revision", "0x14", "--page-size", "8192"))

    def test_large_pages(self):
        self.sweep("large", self.made("--users", "200", "--entries", "200", "--revision", "0x14", "--page-size", "16384"))


class Rows(Told):
    def setUp(self):
        super().setUp()
        self.truth = self.made("--users", "60", "--entries", "60")
        self.now, = struct.unpack_from("<Q", self.truth.content, HEADER_TIME)

    def changing(self, table, without_index=False):
        """The store, to be changed, and the table's leaves."""
        store = Store(self.truth.content, self.truth.size)
        leaves, _, self.parents, self.indexes = self.truth.tables[table]
        for number in self.indexes if without_index else ():
            store.blank(number)
        return store, leaves

    def move_separator(self, store, leaf, key):
        """The parent says that the keys of the leaf end there."""
        parent = self.parents[leaf]
        store.set_nodes(parent, [node.with_key(key) if node.child() == leaf else node for node in store.nodes(parent)])

    def test_a_row_under_a_key_of_the_leaf_before(self):
        """The first one of a leaf: its columns do not give the key, or it is a copy of the row that has it."""
        for table in "CertificateList", "Users":
            for made in "taken", "free", "copy":
                for newer in 0, 1, 2:
                    for without_index in False, True:
                        with self.subTest(table=table, made=made, newer=newer, without_index=without_index):
                            store, leaves = self.changing(table, without_index)
                            one, other = store.nodes(leaves[1]), store.nodes(leaves[2])
                            key = one[3].key
                            if made == "free":
                                store.set_nodes(leaves[1], one[:3] + one[4:])
                            moved = Node(0, key, one[3].data) if made == "copy" else other[0].with_key(key)
                            store.set_nodes(leaves[2], [moved, *other[1:]])
                            self.move_separator(store, leaves[1], key)
                            for leaf in leaves[newer:newer + 1] if newer else ():
                                store.set(leaf, DBTIME, "<Q", self.now)
                            self.assertIn(table, self.holds(self.truth, store.content, made))

    def test_a_leaf_beside_the_root_that_has_fewer_rows(self):
        """Nothing names it; its page is one that was never used, or behind the end of what the space has."""
        _, (root,) = self.changing("Configuration")
        last = len(self.truth.content) // self.truth.size - 2
        unused = next(n for n in range(1, last) if not any(Store(self.truth.content, self.truth.size).get(n)))
        for place in unused, last + 1:
            for time in 1, None, self.now:
                with self.subTest(place=place, time=time):
                    store, _ = self.changing("Configuration")
                    store.content += bytes(self.truth.size)
                    leaf, nodes = store.get(root), store.nodes(root)
                    flags, = struct.unpack_from("<I", leaf, FLAGS)
                    struct.pack_into("<I", leaf, FLAGS, flags & ~PAGE_ROOT)
                    struct.pack_into("<I", leaf, 4, place)
                    if time:
                        struct.pack_into("<Q", leaf, DBTIME, time)
                    store.put(place, leaf)
                    store.set_nodes(root, nodes[:3])
                    self.store.write_bytes(store.content)
                    status, out, tables, have = self.told()
                    self.assertEqual(status, km.REPAIRED | km.PROBLEMS_LEFT)
                    self.assertGreaterEqual(tables["Configuration"]["doubtful"], len(nodes) - 3)
                    self.assertNotIn("settings are whole", out)
                    kept = set(have["Configuration"]) | {line["key"] for line in self.lines}
                    self.assertEqual(kept, {node.key.hex() for node in nodes})

    def test_a_row_flagged_as_deleted(self):
        """Its entry should be gone or flagged, too: where the index has lost the page that would show it, nobody can say."""
        number = self.truth.tables["CertificateList"][0][1]
        key = Store(self.truth.content, self.truth.size).nodes(number)[2].key
        for index, perhaps in (("lost", 1), ("taken out", 0), ("flagged", 0), ("as it was", 1)):
            with self.subTest(index=index):
                store, _ = self.changing("CertificateList", index == "lost")
                nodes = store.nodes(number)
                nodes[2].flags |= NODE_DELETED
                store.set_nodes(number, nodes)
                if index == "taken out":
                    store.take_out_entries(self.indexes, {key})
                for page in self.indexes if index == "flagged" else ():
                    entries = store.nodes(page)
                    for entry in entries:
                        entry.flags |= NODE_DELETED if entry.data == key else 0
                    store.set_nodes(page, entries)
                self.store.write_bytes(store.content)
                status, out, tables, _ = self.told()
                table = tables["CertificateList"]
                self.assertEqual((table["perhaps_lost"] + table["lost"], table["deleted"]), (perhaps, 1))
                self.assertEqual(status, km.REPAIRED | (km.PROBLEMS_LEFT if perhaps else 0))
                self.assertEqual("(CertificateList) is whole" in out, not perhaps)

    def test_no_version_of_a_key_fits(self):
        """Each of them goes to quarantine."""
        store, leaves = self.changing("Users", True)
        one, other = store.nodes(leaves[1]), store.nodes(leaves[2])
        key = one[3].key
        one[3] = Node(0, key, one[4].data)
        store.set_nodes(leaves[1], one)
        store.set_nodes(leaves[2], [other[0].with_key(key), *other[1:]])
        self.move_separator(store, leaves[1], key)
        self.holds(self.truth, store.content, "misfits")
        aside = [json.loads(line) for line in pathlib.Path(f"{self.new}.quarantine.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(line["record"] for line in aside if line["key"] == key.hex()),
                         sorted(node.data.hex() for node in (one[4], other[0])))


@unittest.skipUnless(RECOVERED, "corpus: no dirty databases")
class Recovered(Salvaged):
    """Databases that the engine has recovered, and leaked pages of."""

    LEAKS = {"lazy-commit-4k": ["perhaps-lost"]}    # one page beside those that were never used
    WITHOUT_LOGS = ("last-log-missing-4k", "log-missing-4k")

    def test_no_row_is_called_lost(self):
        for path in RECOVERED:
            name = path.name.removesuffix(".tar.xz")
            if name in self.WITHOUT_LOGS:
                continue
            with self.subTest(name), tarfile.open(path) as archive:
                self.store.write_bytes(archive.extractfile(f"{name}/recovered/d.edb").read())
                _, lines, _ = self.salvaged()
                self.assertEqual([line["kind"] for line in lines if line["kind"] in ("doubtful", "lost", "perhaps-lost", "page-lost")],
                                 self.LEAKS.get(name, []))


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Every kind of damage (fixtures/states/salvage-*): what a salvage finds is what the description says by hand.

The truth is the same store without its damage, read by the separate decoder: kept + doubtful + lost is what was there, each
kept row is one of those that were there, and what is not in the new store is in the lines beside it.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import km

import edbdecode
import libesedb

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = sorted(path for path in (km.SOURCE / "fixtures/states").glob("*/description.ini")
                if "\n[salvage]" in path.read_text())


def section(text, name):
    """{key: value} of one section."""
    body = re.search(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)[1]
    return dict(re.findall(r"^([^;=\n]+?) *= *(.*)$", body, re.M))


def decoded(path):
    """The rows of each table of the store, each as a text."""
    return {table.name: collections.Counter(repr(sorted(row.items())) for row in table.rows())
            for table in edbdecode.open(str(path)).tables if not table.name.startswith("MSys")}


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class States(unittest.TestCase):
    by_esedb = 0

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, name, text, revision):
        description = self.folder / "description.ini"
        description.write_text(text)
        subprocess.run([KMFIXTURE, str(description), "-o", str(self.folder / name), "--revision", revision], check=True,
                       capture_output=True)
        return self.folder / name

    def lines_beside(self, new):
        return [json.loads(line) for line in pathlib.Path(f"{new}.salvage.jsonl").read_text().splitlines()]

    def salvaged(self, store, new, wanted, truth):
        run = km.run("salvage", store, "-o", new, "--json")
        self.assertTrue(new.exists(), run.stderr)
        told = {table["name"]: table for table in json.loads(run.stdout)["tables"]}
        lines = collections.Counter((line["kind"], line.get("table")) for line in self.lines_beside(new))
        have = decoded(new)
        for name, counts in wanted.items():
            found = told[name]
            self.assertEqual([found["kept"], found["doubtful"], found["lost"]], [int(n) for n in counts.split()], name)
            self.assertEqual(found["kept"] + found["doubtful"] + found["lost"], sum(truth[name].values()), name)
            for kind in ("doubtful", "lost", "cut"):
                self.assertEqual(lines[kind, name], found[kind], (kind, name))
            self.assertEqual(sum(have[name].values()), found["written"], name)
            if found["doubtful"] == 0:      # nothing was made up: at most the lost long values are missing
                self.assertEqual(sum((have[name] - truth[name]).values()), found["cut"], name)
        self.assertEqual(km.run("check", new, "--structure").returncode, km.CLEAN)
        self.read_by_others(new)

    def read_by_others(self, new):
        """The decoder finds nothing wrong, and libesedb reads the same values, as far as it can open the file."""
        db = edbdecode.open(str(new))
        self.assertEqual(list(db.problems()), [])
        if libesedb.pyesedb and db.header.revision == 0x14:
            found = libesedb.values(str(new))
            for table in db.tables:
                if not table.name.startswith("MSys"):
                    States.by_esedb += libesedb.compare(self, table.name, list(table.rows()), found[table.name])[0]

    def repaired(self, store, new, expected):
        before = store.read_bytes()
        told = json.loads(km.run("repair", "--salvage", store, "--json").stdout)
        self.assertEqual(told["verdict"], expected["verdict"])
        run = km.run("repair", "--salvage", store, "-o", new)
        self.assertEqual(run.returncode, int(expected["repair"]), run.stderr)
        self.assertEqual(new.exists(), bool(run.returncode & km.REPAIRED))
        if expected["verdict"] == "yes after repair":
            self.assertEqual(km.run("check", new).returncode, km.CLEAN)
        self.assertEqual(store.read_bytes(), before)

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.by_esedb} values of salvaged stores read alike by libesedb")

    def test_every_state(self):
        self.assertGreater(len(STATES), 11)
        for path in STATES:
            text = path.read_text()
            wanted = section(text, "salvage")
            expected = {key: wanted.pop(key) for key in ("verdict", "repair")}
            revisions = wanted.pop("revision", "0x2 0x14").split()
            for revision in revisions:
                with self.subTest(state=path.parent.name, revision=revision):
                    sound = re.sub(r"^\[damage\]\n.*?(?=^\[)", "", text, flags=re.M | re.S)
                    truth = decoded(self.make("sound.edb", sound, revision))
                    store = self.make("store.edb", text, revision)
                    self.salvaged(store, self.folder / "salvaged.edb", wanted, truth)
                    self.repaired(store, self.folder / "repaired.edb", expected)
                for file in self.folder.iterdir():
                    file.unlink()


if __name__ == "__main__":
    km.main()

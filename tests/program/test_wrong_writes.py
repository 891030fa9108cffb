#!/usr/bin/python3
"""Wrong writes: between the writing of a repaired store and its verification one value, row, index entry, long value or
link in it is changed at random, with right checksums.  Every one has to be noticed: exit 8, no copy under the target's
name, and in place the old store again, or, where a page was hit that the repair does not write, a message that says so
and a backup that is the old store.

The changes are made by kmwrong (wrong/kmwrong.c), which wrong/strike.c, preloaded, runs at that moment.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import km
from test_fixtures import KMFIXTURE

KMWRONG = os.environ.get("KMWRONG", str(km.SOURCE / "build" / "release" / "tests" / "kmwrong"))
COMPILER = shutil.which(os.environ.get("CC", "cc"))
ASAN_OPTIONS = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"  # a library stands before its own
COUNT = 1000 if os.environ.get("KM_LONG") else 78
STATES = ("imported-twice", "settings-name-the-loser", "shared-long-value", "imported-twice-sst", "imported-five-times",
          "dangling-issuer", "re-encoded-ber", "trust-imported-untrusted", "two-crls", "imported-twice-p7",
          "thumbprint-mismatch", "unique-key-violation", "index-entry-dangling")


@unittest.skipUnless(os.path.exists(KMFIXTURE) and os.path.exists(KMWRONG) and COMPILER, "kmwrong is not built")
class WrongWrites(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.strike = self.folder / "strike.so"
        subprocess.run([COMPILER, "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", self.strike,
                        km.SOURCE / "tests" / "program" / "wrong" / "strike.c", "-ldl"], check=True)
        self.stores = {}

    def store(self, state, revision):
        if (state, revision) not in self.stores:
            path = self.folder / f"{state}-{revision}.edb"
            subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures" / "states" / state / "description.ini"), "-o", str(path),
                            "--revision", revision], check=True, capture_output=True)
            self.stores[state, revision] = path.read_bytes()
        return self.stores[state, revision]

    def struck(self, number, seed):
        """One repair with one wrong write; gives what was done to it, the result, the old bytes and the folder."""
        here = self.folder / "here"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        state = STATES[number % len(STATES)]
        in_place, revision = number // len(STATES) % 2, ("0x2", "0x14")[number // len(STATES) // 2 % 2]
        old = self.store(state, revision)
        (here / "store.edb").write_bytes(old)
        environment = dict(os.environ, LD_PRELOAD=str(self.strike), ASAN_OPTIONS=ASAN_OPTIONS, KM_WRONG=KMWRONG,
                           KM_WRONG_SEED=str(seed), KM_WRONG_LOG=str(self.folder / "log"))
        if in_place:
            environment["KM_WRONG_STORE"] = str(here / "store.edb")
        (self.folder / "log").write_text("")
        result = km.run("repair", "store.edb", *(["--in-place"] if in_place else ["-o", "new.edb"]), cwd=here,
                        env=environment)
        done = (self.folder / "log").read_text()
        self.assertIn("status 0", done, (state, seed, done, result.stderr))
        return f"{state} {revision} {'in place' if in_place else '-o'} seed {seed}: {done}", result, old, here

    def test_nothing_wrong(self):
        """The rig itself does no harm: struck with nothing, every repair goes through."""
        for number in range(4 * len(STATES)):
            what, result, _, _ = self.struck(number, 0)
            self.assertTrue(result.returncode & km.REPAIRED, (what, result.stderr, result.returncode))

    def test_every_wrong_write_is_noticed(self):
        kinds, by = collections.Counter(), collections.Counter()
        for number in range(COUNT):
            what, result, old, here = self.struck(number, number + 1)
            with self.subTest(what):
                text = result.stderr.decode()
                self.assertEqual(result.returncode, km.TROUBLE, (what, text))
                kinds[re.sub(r".*: (table \S+?)(,|: ) ?", "", what.splitlines()[0])] += 1
                by["verification" if "verification failed" in text else "the undo file"] += 1
                store = (here / "store.edb").read_bytes()
                if (here / "new.edb").exists() or store == old:
                    self.assertFalse((here / "new.edb").exists())
                    self.assertEqual([path.name for path in here.glob("*quarantine*")], [])
                    self.assertTrue(store == old)
                    continue
                self.assertIn("could not be put back", text)
                self.assertEqual([path.read_bytes() == old for path in here.glob("store.edb.backup-*")], [True])
        print(f"wrong writes: {COUNT}, all noticed: {dict(by)}; {dict(kinds)}", flush=True)

    def test_input_rewritten_after_it_was_judged(self):
        """The file is changed between judging and copying or writing, its time put back: refused, nothing written."""
        wrong = self.folder / "rewrite.sh"
        wrong.write_text(f'#!/bin/sh\ncp -p "$1" "$1.was" && "{KMWRONG}" "$@" && touch -r "$1.was" "$1" && rm "$1.was"\n')
        wrong.chmod(0o755)
        for seed in range(1, 9):
            for how in (["-o", "new.edb"], ["--in-place"], ["--in-place", "--no-backup"]):
                with self.subTest(seed=seed, how=how):
                    here = self.folder / "here"
                    shutil.rmtree(here, ignore_errors=True)
                    here.mkdir()
                    old = self.store("settings-name-the-loser", "0x2")
                    (here / "store.edb").write_bytes(old)
                    (self.folder / "log").write_text("")
                    result = km.run("repair", "store.edb", *how, cwd=here, env=dict(
                        os.environ, LD_PRELOAD=str(self.strike), ASAN_OPTIONS=ASAN_OPTIONS, KM_WRONG=str(wrong),
                        KM_WRONG_SEED=str(seed), KM_WRONG_LOG=str(self.folder / "log"), KM_WRONG_INPUT=str(here / "store.edb")))
                    self.assertIn("status 0", (self.folder / "log").read_text())
                    self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
                    self.assertEqual([path.name for path in here.iterdir()], ["store.edb"])
                    again = here / "again.edb"
                    again.write_bytes(old)
                    subprocess.run([KMWRONG, again, str(seed)], check=True, capture_output=True)
                    self.assertTrue((here / "store.edb").read_bytes() == again.read_bytes())


if __name__ == "__main__":
    km.main()

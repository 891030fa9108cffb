#!/usr/bin/python3
"""A power failure at any moment of a repair, an undo, or of writing a copy: nothing is lost, and what was promised is there.

powerloss.py makes the states that a failure may leave; each has to be the old store, the new one, or one that `undo` makes
the old one and `repair` the new one, with every certificate in the list or in a quarantine file (striking.py).  At the end
of the program only the promised state is possible.  That the model sees what it is for is shown by leaving out syncs.

KM_LONG=1 judges every state; else a sample of each run.
"""

import os
import pathlib
import shutil
import subprocess
import unittest

import km
import powerloss
from striking import COMPILER, EveryCall, tree

LONG = os.environ.get("KM_LONG") == "1"
JUDGED = 10 ** 9 if LONG else 20  # states of one run
SEED = 20261126


class PowerLoss(EveryCall):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = cls.folder / "record.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(cls.recorder),
                        str(pathlib.Path(__file__).parent / "kill" / "record.c"), "-ldl"], check=True)
        cls.made = cls.judged_states = 0

    def recorded(self, scene, command, status):
        """(the disk before, the events) of one run; the model's end is the real one."""
        disk = powerloss.Disk(scene.here)
        log, data = self.folder / "record", self.folder / "data"
        for path in (log, data):
            path.unlink(missing_ok=True)
        environment = {**os.environ, "LD_PRELOAD": str(self.recorder), "KM_RECORD_BELOW": str(scene.here),
                       "KM_RECORD_LOG": str(log), "KM_RECORD_DATA": str(data)}
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        result = subprocess.run([km.PROGRAM, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                                check=False, env=environment, cwd=scene.here)
        self.assertEqual(result.returncode, status, result.stderr)
        events = powerloss.read_record(log, data)
        real = {str(path.relative_to(scene.here)): path.read_bytes() if path.is_file() else None
                for path in scene.here.rglob("*")}
        self.assertEqual(disk.after(events, lambda i: True), real, "the record is not the whole of it")
        return disk, events

    def put(self, scene, state):
        shutil.rmtree(scene.here)
        scene.here.mkdir()
        powerloss.put(state, scene.here)

    def sample(self, disk, events):
        found = list(powerloss.states(disk, events, SEED, 120 if LONG else 4))
        PowerLoss.made += len(found)
        step = max(1, len(found) // JUDGED)
        return [state for _, state in found[::step]]

    def every_state(self, scene, disk, events, promised):
        """Each state of a repair in place or of an undo; `promised`: the one after the program's end."""
        seen = set()
        for state in self.sample(disk, events):
            self.put(scene, state)
            self.settled(scene, seen)
            PowerLoss.judged_states += 1
        for state in powerloss.last_states(disk, events, SEED):
            self.put(scene, state)
            self.assertEqual(self.settled(scene, seen), promised)

    def in_place(self, name, undo=False):
        scene = self.scene(name)
        if undo:
            scene.reset("finished")
        command = ["undo", scene.name] if undo else scene.repair
        disk, events = self.recorded(scene, command, km.CLEAN if undo else scene.status)
        self.every_state(scene, disk, events, "old" if undo else "new")
        print(f"{name}, {command[0]}: {len(events)} events; {PowerLoss.made} states made so far, "
              f"{PowerLoss.judged_states} judged", flush=True)

    def test_repair(self):
        for name in ("file", "file-with-backup", "grows", "directory"):
            with self.subTest(name):
                self.in_place(name)

    def test_second_repair(self):
        """Over a finished one, whose undo file stays whatever happens."""
        self.in_place("second")
        self.in_place("second", undo=True)

    def test_undo(self):
        for name in ("file", "directory"):
            with self.subTest(name):
                self.in_place(name, undo=True)

    # ---- copies ----

    @staticmethod
    def files_of(scene, new):
        return {str(path.relative_to(scene.here)): path.read_bytes()
                for path in (new.rglob("*") if new.is_dir() else [new]) if path.is_file()}

    def judge_copy(self, scene, new, wanted, older, quarantined):
        """Nothing under the new name, what stood there before, or all of the copy with its quarantine."""
        self.assertEqual(tree(scene.store), scene.before)
        if not new.exists():
            self.assertIsNone(older)
            return "nothing"
        there = self.files_of(scene, new)
        if there == older:
            return "older"
        self.assertEqual(there, wanted)
        kept = [path.read_bytes() for path in scene.here.glob("new*.quarantine*.pem")]
        for quarantine in quarantined:
            self.assertIn(quarantine, kept)
        return "new"

    def copy(self, name, force=False):
        scene = self.scene(name)
        new = scene.here / "new"
        older = None
        if force:
            self.assertTrue(km.run("repair", scene.name, "-o", "new", cwd=scene.here).returncode & km.REPAIRED)
            new.write_bytes(b"an older copy")
            older = {"new": b"an older copy"}
        before = {path: path.read_bytes() for path in scene.here.glob("new.q*")}
        disk, events = self.recorded(scene, ["repair", scene.name, "-o", "new", *(["--force"] if force else [])],
                                     scene.status)
        wanted = self.files_of(scene, new)
        quarantined = [path.read_bytes() for path in scene.here.glob("new*.pem")]
        found = set()
        for state in self.sample(disk, events):
            self.put(scene, state)
            found.add(self.judge_copy(scene, new, wanted, older, quarantined))
            for path, data in before.items():
                self.assertEqual(path.read_bytes(), data, "an older quarantine file")
            PowerLoss.judged_states += 1
        for state in powerloss.last_states(disk, events, SEED):
            self.put(scene, state)
            self.assertEqual(self.judge_copy(scene, new, wanted, older, quarantined), "new")
        print(f"{name}, -o{' --force' if force else ''}: {len(events)} events; found {sorted(found)}", flush=True)

    def test_copy(self):
        for name, force in (("file", False), ("file", True), ("directory", False)):
            with self.subTest(f"{name} {force}"):
                self.copy(name, force)

    # ---- the model itself ----

    def fails_without(self, scene, disk, events, number, promised):
        """Does a state that must not be come up when this sync is left out?"""
        fewer = events[:number] + events[number + 1:]
        tries = list(powerloss.last_states(disk, fewer, SEED, 6))
        tries += [state for _, state in powerloss.states(disk, fewer, SEED, 4)][::1 if LONG else 6]
        last, seen = len(list(powerloss.last_states(disk, fewer, SEED, 6))), set()
        for i, state in enumerate(tries):
            self.put(scene, state)
            try:
                found = self.settled(scene, seen)
                if i < last and found != promised:
                    return True
            except (AssertionError, FileNotFoundError, ValueError, OSError):
                return True
        return False

    def syncs_of(self, scene, events, names):
        """Numbers of the syncs of what has one of these names (or of the directory itself: ".")."""
        inodes = {name: [(scene.here / name).stat().st_ino] for name in names}
        return {name: [i for i, event in enumerate(events) if event.kind == "sync" and event.inode in inodes[name]]
                for name in names}

    def test_a_sync_less_is_seen(self):
        """Each sync of the store, of its undo file and of the quarantine, and the directory's before the store is written."""
        scene = self.scene("file")
        disk, events = self.recorded(scene, scene.repair, scene.status)
        quarantine = next(scene.here.glob("*.pem")).name
        syncs = self.syncs_of(scene, events, ["store.edb", "store.edb.kmundo", quarantine, "."])
        self.assertEqual([len(syncs[name]) for name in ("store.edb", "store.edb.kmundo", quarantine)], [1, 2, 1])
        first = next(i for i, event in enumerate(events) if event.kind == "write" and
                     event.inode == (scene.here / "store.edb").stat().st_ino)
        syncs["."] = [number for number in syncs["."] if number < first][-1:]  # those before it are sure with it
        wanted = [number for numbers in syncs.values() for number in numbers]
        missed = []
        for number in wanted:
            if not self.fails_without(scene, disk, events, number, "new"):
                missed.append((number, [name for name, numbers in syncs.items() if number in numbers]))
        print(f"{len(wanted)} syncs of a repair left out, one at a time: {len(wanted) - len(missed)} seen; not: {missed}")
        self.assertEqual(missed, [])

    def test_a_sync_less_of_undo_is_seen(self):
        scene = self.scene("file")
        scene.reset("finished")
        undo = next(scene.here.glob("*.kmundo")).stat().st_ino
        store = (scene.here / "store.edb").stat().st_ino
        disk, events = self.recorded(scene, ["undo", scene.name], km.CLEAN)
        wanted = [i for i, event in enumerate(events) if event.kind == "sync" and event.inode in (undo, store)]
        self.assertEqual(len(wanted), 2)
        for number in wanted:
            self.assertTrue(self.fails_without(scene, disk, events, number, "old"), events[number])


if __name__ == "__main__":
    km.main()

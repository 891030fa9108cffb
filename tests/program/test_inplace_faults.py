#!/usr/bin/python3
"""A repair in place in which every system call fails in turn: refused or put back, with a message; nothing is ever lost.

Every n is tried with each error; see striking.py for what has to hold afterwards.
"""

import errno
from collections import Counter

import km
from striking import EVERY, EveryCall, tree


class Failing(EveryCall):
    def failing(self, name, errors, **settings):
        """Every call fails in turn with each error.  Returns how often, and the states found."""
        scene, seen, states = self.scene(name), set(), Counter()
        _, calls = self.run_with(scene, scene.repair, **settings)
        for number, call in enumerate(calls, 1):
            for error in errors if number % EVERY == 0 else ():
                with self.subTest(f"{name} {settings} {call} {number} {errno.errorcode[error]}"):
                    scene.reset("original")
                    result, _ = self.run_with(scene, scene.repair, AT=number, DO=error, **settings)
                    state = self.settled(scene, seen)
                    states[state] += 1
                    self.judged(scene, result, state, settings)
        print(f"{name}{', ' + str(settings) if settings else ''}: {sum(states.values())} failing calls: {dict(states)}",
              flush=True)
        return sum(states.values())

    def judged(self, scene, result, state, settings):
        """What it says is what is there.  A page that cannot be read is a damaged page: then the plan is not applied."""
        allowed = [scene.status, km.TROUBLE] + ([km.PROBLEMS_LEFT] if "READS" in settings else [])
        self.assertIn(result.returncode, allowed, result.stderr)
        if result.returncode == scene.status:
            self.assertEqual(state, "new")
            return
        self.assertNotEqual(result.stderr, b"")
        for line in result.stderr.decode().splitlines():
            self.assertTrue(line.startswith("kmmigrate: "), line)
        if state != "old":
            self.assertIn("STAY", settings, result.stderr)
            self.assertTrue(b"could not be put back" in result.stderr or b"not changed" in result.stderr, result.stderr)

    def test_calls_fail(self):
        errors = (errno.EIO, errno.ENOSPC, errno.EINTR)
        count = sum(self.failing(name, errors) for name in ("file", "file-with-backup", "grows", "directory", "second"))
        print(f"{count} failing calls that write, sync or name")
        self.assertGreater(count * EVERY, 300)

    def test_reads_fail(self):
        count = self.failing("file", (errno.EIO, errno.ENOSPC, errno.EINTR), READS=1)
        count += self.failing("directory", (errno.EIO,), READS=1)
        print(f"{count} failing calls, those that open and read included")

    def test_calls_fail_for_good(self):
        """From one call on nothing can be written any more: what is left is finished when the disk works again."""
        count = sum(self.failing(name, (errno.EIO, errno.ENOSPC), STAY=1) for name in ("file", "grows", "directory"))
        print(f"{count} disks that fail for good")

    # ---- copies ----

    def copies(self, name, force, **settings):
        """Every call of -o fails in turn: what is under the new name is whole and has its quarantine; nothing else is left,
        and nothing of older repairs goes."""
        scene = self.scene(name)
        new, older = scene.here / "new", scene.here / "new.quarantine.pem"
        command = ["repair", scene.name, "-o", "new", *(["--force"] if force else [])]

        def begin():
            scene.reset("original")
            older.write_bytes(b"of an older repair")
            if force:
                new.write_bytes(b"an older copy")

        begin()
        result, calls = self.run_with(scene, command, **settings)
        self.assertEqual(result.returncode, scene.status, result.stderr)
        wanted = self.files(new)
        states = Counter()
        for number, call in enumerate(calls, 1):
            for error in (errno.EIO, errno.ENOSPC) if number % EVERY == 0 else ():
                with self.subTest(f"{name} {force} {settings} {call} {number} {errno.errorcode[error]}"):
                    begin()
                    result, _ = self.run_with(scene, command, AT=number, DO=error, **settings)
                    self.assertEqual(older.read_bytes(), b"of an older repair")
                    states[self.copied(scene, new, wanted, result)] += 1
        print(f"{name} -o{' --force' if force else ''} {settings or ''}: {dict(states)}", flush=True)
        return sum(states.values())

    @staticmethod
    def files(new):
        return {str(path.relative_to(new.parent)): path.read_bytes()
                for path in (new.rglob("*") if new.is_dir() else [new]) if path.is_file()}

    def copied(self, scene, new, wanted, result):
        self.assertIn(result.returncode, (scene.status, km.TROUBLE), result.stderr)
        self.assertEqual(tree(scene.store), scene.before)
        quarantines = [path.name for path in scene.here.glob("new.quarantine-*")]
        rest = {path.name for path in scene.here.iterdir()} - {scene.name, "new", "new.quarantine.pem", *quarantines}
        self.assertEqual(rest, set())
        there = self.files(new) if new.exists() else None
        if there == wanted:
            self.assertEqual(len(quarantines), 1, "a copy without its quarantine")
            return "new" if result.returncode == scene.status else "new, and an error"
        self.assertEqual(result.returncode, km.TROUBLE)
        self.assertEqual(quarantines, [])
        self.assertIn(there, (None, {"new": b"an older copy"}))
        return "as before"

    def test_calls_of_copies_fail(self):
        count = self.copies("file", False) + self.copies("file", True) + self.copies("directory", False)
        count += self.copies("file", False, NAMED=1) + self.copies("file", True, NAMED=1)
        print(f"{count} failing calls of copies")
        # of each of the five, and of both errors, a sample leaves out what is behind its last
        self.assertGreater((count + 10 * (EVERY > 1)) * EVERY, 200)

    def test_swapped_directory(self):
        """Whoever puts a link in the place of a directory that is being filled gets nothing."""
        scene, count = self.scene("directory"), 0
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        for command in (scene.repair, ["repair", scene.name, "-o", "new"]):
            scene.reset("original")
            _, calls = self.run_with(scene, command)
            for number in range(EVERY, len(calls) + 1, EVERY):
                with self.subTest(f"{command} {calls[number - 1]} {number}"):
                    scene.reset("original")
                    self.run_with(scene, command, AT=number, DO="swap", ELSEWHERE=elsewhere)
                    self.assertEqual(list(elsewhere.iterdir()), [])
                    count += any(path.name.endswith(".away") for path in scene.here.iterdir())
        print(f"{count} swapped directories")
        self.assertGreater(count * EVERY, 20)


if __name__ == "__main__":
    km.main()

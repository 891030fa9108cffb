#!/usr/bin/python3
"""A repair in place in which every system call fails in turn: refused or put back, with a message; nothing is ever lost.

Every n is tried with each error; see striking.py for what has to hold afterwards.
"""

import errno
from collections import Counter

import km
from striking import EVERY, EveryCall


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


if __name__ == "__main__":
    km.main()

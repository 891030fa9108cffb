#!/usr/bin/python3
"""A repair in place, or an undo, that is killed or torn at every system call that it makes: nothing is ever lost.

Every n is tried; see striking.py for what has to hold afterwards.  A torn write leaves the first half of its data.
"""

from collections import Counter

import km
from striking import EVERY, EveryCall

TORN = ("write", "pwrite", "pwrite64")


class Killed(EveryCall):
    def killed(self, name, start, undo=False, torn=False, **settings):
        """Kills a repair, or an undo, at every call; torn: at every one that writes.  Returns how often."""
        scene, seen, states = self.scene(name), set(), Counter()
        command = ["undo", scene.name] if undo else scene.repair
        if start != "original":
            self.make(scene, start)
        scene.keep("start")
        result, calls = self.run_with(scene, command, **settings)
        self.assertIn(result.returncode, (scene.status, km.CLEAN), result.stderr)
        for number, call in enumerate(calls, 1):
            if torn and call not in TORN or number % EVERY:
                continue
            with self.subTest(f"{name} {command} from {start}: {settings} {call} {number}"):
                scene.reset("start")
                result, _ = self.run_with(scene, command, AT=number, DO="torn" if torn else "kill", **settings)
                self.assertEqual(result.returncode, -9, result.stderr)
                states[self.settled(scene, seen)] += 1
        print(f"{name}, {command[0]} from {start}{', ' + str(settings) if settings else ''}: "
              f"{'torn' if torn else 'killed'} at {sum(states.values())} calls: {dict(states)}", flush=True)
        return sum(states.values())

    def make(self, scene, start):
        """The store repaired, or half repaired: killed in the middle of writing its pages."""
        if start == "finished":
            scene.reset("finished")
            return
        _, calls = self.run_with(scene, scene.repair)
        pages = [number for number, call in enumerate(calls, 1) if call == "pwrite64"]
        scene.reset("original")
        self.run_with(scene, scene.repair, AT=pages[-4], DO="torn")
        self.assertEqual(self.state(scene), "pending")

    def test_repair_is_killed(self):
        count = sum(self.killed(name, "original") for name in ("file", "file-with-backup", "grows", "directory"))
        count += self.killed("file", "original", NAMED=1)
        print(f"{count} kills of a repair")
        self.assertGreater(count * EVERY, 120)

    def test_repair_is_torn(self):
        count = sum(self.killed(name, "original", torn=True)
                    for name in ("file", "file-with-backup", "grows", "directory"))
        print(f"{count} torn writes of a repair")
        self.assertGreater(count * EVERY, 30)

    def test_what_finishes_it_is_killed(self):
        """undo of a finished and of an interrupted repair, and the repair that takes up an interrupted one."""
        count = 0
        for name in ("file", "grows", "directory"):
            for start, undo in (("finished", True), ("interrupted", True), ("interrupted", False)):
                count += self.killed(name, start, undo)
                count += self.killed(name, start, undo, torn=True)
        print(f"{count} kills and torn writes of an undo, and of a repair of an interrupted one")
        self.assertGreater(count * EVERY, 200)

    def test_interrupt_at_every_call(self):
        """SIGINT: before the first write to the store nothing is left of the repair, afterwards it is finished."""
        cancelled = finished = 0
        for name in ("file", "file-with-backup", "directory"):
            scene, seen = self.scene(name), set()
            _, calls = self.run_with(scene, scene.repair)
            for number in range(EVERY, len(calls) + 1, EVERY):
                with self.subTest(f"{name} {calls[number - 1]} {number}"):
                    scene.reset("original")
                    result, _ = self.run_with(scene, scene.repair, AT=number, DO="interrupt")
                    if result.returncode == km.CANCELLED:
                        cancelled += 1
                        self.assertIn(b"nothing was changed", result.stderr)
                        self.assertEqual([path.name for path in scene.here.iterdir()], [scene.name])
                        self.assertEqual(self.settled(scene, seen), "old")
                    else:
                        finished += 1
                        self.assertEqual(result.returncode, scene.status, result.stderr)
                        self.assertEqual(self.settled(scene, seen), "new")
        print(f"interrupted at {cancelled + finished} calls: {cancelled} cancelled, {finished} finished")
        self.assertGreater(cancelled * EVERY, 10)
        self.assertGreater(finished * EVERY, 10)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""A repair in place, or an undo, that is killed or torn at every system call that it makes: nothing is ever lost.

Every n is tried; see striking.py for what has to hold afterwards.  A torn write leaves the first half of its data.
"""

import signal
from collections import Counter

import km
from striking import EVERY, EveryCall, tree

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
        """SIGINT, SIGTERM, SIGHUP: before the first write to the store nothing is left of the repair, afterwards it is
        finished."""
        cancelled = finished = 0
        names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for name in ("file", "file-with-backup", "directory"):
            scene, seen = self.scene(name), set()
            _, calls = self.run_with(scene, scene.repair)
            for number in range(EVERY, len(calls) + 1, EVERY):
                which = names[number % len(names)]
                with self.subTest(f"{name} {calls[number - 1]} {number} {which.name}"):
                    scene.reset("original")
                    result, _ = self.run_with(scene, scene.repair, AT=number, DO=f"signal-{int(which)}")
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

    def test_interrupt_of_a_copy(self):
        """The same of -o: the copy is there, or nothing of it is; also where every new file needs a name at once."""
        count = 0
        for name, settings in (("file", {}), ("file", {"NAMED": 1}), ("directory", {})):
            scene = self.scene(name)
            command = ["repair", scene.name, "-o", "new"]
            _, calls = self.run_with(scene, command, **settings)
            for number in range(EVERY, len(calls) + 1, EVERY):
                for which in (signal.SIGINT, signal.SIGHUP):
                    with self.subTest(f"{name} {settings} {calls[number - 1]} {number} {which.name}"):
                        scene.reset("original")
                        result, _ = self.run_with(scene, command, AT=number, DO=f"signal-{int(which)}", **settings)
                        count += 1
                        if result.returncode == km.CANCELLED:
                            self.assertEqual([path.name for path in scene.here.iterdir()], [scene.name])
                        else:
                            self.assertEqual(result.returncode, scene.status, result.stderr)
                            self.assertTrue((scene.here / "new").exists())
        print(f"a copy interrupted at {count} calls")

    def test_wrong_bytes_are_noticed(self):
        """One bit of any write goes wrong, and no call says so: the repair is refused or taken back, or what went wrong
        is a thing that undo does not need; never is it called done over a bad store, undo file or backup."""
        for name in ("file", "file-with-backup", "directory"):
            scene, states = self.scene(name), Counter()
            _, calls = self.run_with(scene, scene.repair)
            for number, call in enumerate(calls, 1):
                if call not in TORN or number % EVERY:
                    continue
                with self.subTest(f"{name} {call} {number}"):
                    scene.reset("original")
                    result, _ = self.run_with(scene, scene.repair, AT=number, DO="flip")
                    states[self.judged(scene, result)] += 1
            print(f"{name}: wrong bytes of {sum(states.values())} writes: {dict(states)}")
            self.assertGreater(states["put back"] + states["refused"], 0)

    def judged(self, scene, result):
        if result.returncode == scene.status:
            self.assertEqual(self.state(scene), "new", "done, and its undo file says that it is not")
            self.assertGreaterEqual(scene.kept(), scene.certificates)
            for backup in scene.here.glob("*.backup-*"):
                self.assertEqual(set(tree(backup).values()), set(scene.before.values()))
            self.assertEqual(km.run("undo", scene.store).returncode, km.CLEAN)
            self.assertEqual(tree(scene.store), scene.before)
            return "done"
        self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
        state = self.state(scene)
        if state == "old":
            self.assertEqual(list(scene.here.glob("*.quarantine-*")), [])
            return "put back" if b"was put back" in result.stderr else "refused"
        self.assertIn(b"could not be put back", result.stderr)
        return state

    def test_wrong_bytes_of_undo_are_noticed(self):
        scene, count = self.scene("file"), 0
        scene.reset("finished")
        _, calls = self.run_with(scene, ["undo", scene.name])
        for number, call in enumerate(calls, 1):
            if call not in TORN:
                continue
            with self.subTest(f"{call} {number}"):
                scene.reset("finished")
                result, _ = self.run_with(scene, ["undo", scene.name], AT=number, DO="flip")
                self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
                self.assertEqual(self.state(scene), "pending")
                self.assertEqual(km.run("undo", scene.store).returncode, km.CLEAN)
                self.assertEqual(tree(scene.store), scene.before)
                count += 1
        print(f"undo: wrong bytes of {count} writes")
        self.assertGreater(count, 1)


if __name__ == "__main__":
    km.main()

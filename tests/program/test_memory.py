#!/usr/bin/python3
"""Every allocation fails in turn, once and for good: the same answer as without, or exit 8, its own words, and nothing changed.

kill/memory.c counts and fails them, those of the libraries as well.  A library that ends the program for lack of memory
of its own (GMP does) is told apart by the module that crashed and the one whose allocation failed; what is left then has
to be as after any kill.  KM_LONG=1 takes every allocation, else each STRIDE-th, another start for each command.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from collections import Counter

import km
from program.log import dirty
from striking import COMPILER, tree
from test_fixtures import KMFIXTURE

LONG = os.environ.get("KM_LONG") == "1"
STRIDE = 1 if LONG else 23
# Below this program: what they do without memory is not its own. Everything else has to survive.
FOREIGN = re.compile(r"lib(gmp|nettle|hogweed|gnutls|tasn1|p11-kit|unistring|idn2|ffi|z|c)\.so.*|ld-linux.*")
MEMORY = re.compile(rb"memory", re.IGNORECASE)
# What the C library allocates for its callers.  What is not here of it is looked at where it is called (memory_watch_begin()).
ALLOCATE = {"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign", "memalign", "strdup", "strndup",
            "opendir", "fdopendir", "fopen", "fopen64", "fdopen", "freopen64", "fopencookie", "fmemopen", "open_memstream",
            "tmpfile64", "popen", "getline", "getdelim", "realpath", "__realpath_chk", "canonicalize_file_name", "getcwd",
            "asprintf", "vasprintf", "__asprintf_chk", "__vasprintf_chk", "scandir64", "glob64", "wordexp", "regcomp",
            "newlocale", "duplocale", "fts_open", "getaddrinfo"}
# What a lack of memory must not be taken for.
MISTAKEN = re.compile(rb"damage|shadow catalog is used|checksum|KM-[A-Z]|loops|is missing")
STATES = km.SOURCE / "fixtures" / "states"
DIFF_TROUBLE = 2


def is_sanitized():
    return b"__asan_init" in pathlib.Path(km.PROGRAM).read_bytes()


class Scene:
    """A directory with a store, a command in it, and how that ends when there is memory."""

    def __init__(self, test, name, command, prepare=()):
        self.test, self.command = test, command
        self.here = test.folder / name
        self.here.mkdir()
        test.addCleanup(shutil.rmtree, self.here)
        self.furnish()
        for step in prepare:
            km.run(*step, cwd=self.here)
        self.before = tree(self.here)
        self.files_before = self.files()
        self.result, self.count, _ = self.run()
        self.after = self.files()
        self.reset()

    def furnish(self):
        if self.here.name.startswith("long-"):
            subprocess.run([KMFIXTURE, "--entries", "250", "--duplicates", "-o", str(self.here / "store.edb")], check=True,
                           capture_output=True)
            return
        description = STATES / (self.test.states.get(self.here.name) or "settings-name-the-loser") / "description.ini"
        subprocess.run([KMFIXTURE, str(description), "-o", str(self.here / "store.edb"), "--page-size", "2048"], check=True,
                       capture_output=True)
        (self.here / "other.edb").write_bytes((self.here / "store.edb").read_bytes())
        if self.command[1].startswith("list."):
            km.run("export", "store.edb", "--to", self.command[1], cwd=self.here)

    def run(self, **settings):
        log = self.test.folder / "log"
        log.unlink(missing_ok=True)
        environment = {**os.environ, "LD_PRELOAD": str(self.test.library), "KM_MEMORY_LOG": str(log), "TZ": "UTC",
                       **{f"KM_MEMORY_{name}": str(value) for name, value in settings.items()}}
        result = subprocess.run([km.PROGRAM, *self.command], stdin=subprocess.DEVNULL, capture_output=True, timeout=3000,
                                check=False, env=environment, cwd=self.here)
        said = dict(line.split(" ", 1) for line in log.read_text().splitlines()) if log.exists() else {}
        return result, int(said.get("count", 0)), said

    def files(self):
        """Names without the time of day, and a hash of what is in them; an undo file differs by that time, too."""
        return {re.sub(r"\d{8}T\d{6}Z(-\d+)?", "TIME", name):
                "" if name.endswith(".kmundo") else hashlib.sha256(content).hexdigest()
                for name, content in tree(self.here).items()}

    def reset(self):
        for path in self.here.iterdir():
            if path.is_file():
                path.unlink()
        for name, content in self.before.items():
            (self.here / name).write_bytes(content)

    def text(self, result):
        return re.sub(rb"\d{8}T\d{6}Z(-\d+)?|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?", b"TIME", result.stdout)


class Killed(Scene):
    """A directory with a database that was killed, and its logs."""

    def furnish(self):
        for path in (self.test.killed / "killed").iterdir():
            shutil.copy(path, self.here)


class Memory(unittest.TestCase):
    states = {"check-discovered": "renamed-schema-with-decoys", "check-accepted": "renamed-schema-with-decoys",
              "export-value": "imported-twice-sst", "dangling": "md2-references", "superseded": "reissued-existing-keys",
              "value": "imported-twice-sst", "index": "index-entry-dangling", "identity": "identity-refuted"}

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(KMFIXTURE) or not COMPILER:
            raise unittest.SkipTest("kmfixture is not built, or there is no C compiler")
        if is_sanitized():
            raise unittest.SkipTest("AddressSanitizer has an allocator of its own")
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-memory-", dir=memory)).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.library = cls.folder / "memory.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(cls.library),
                        str(pathlib.Path(__file__).parent / "kill" / "memory.c"), "-ldl"], check=True)
        cls.starts = 0

    def base(self):
        """What GnuTLS allocates before any command begins."""
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        subprocess.run([km.PROGRAM, "--version"], check=True, capture_output=True,
                       env={**os.environ, "LD_PRELOAD": str(self.library), "KM_MEMORY_LOG": str(log)})
        return int(log.read_text().split()[1])

    def crash_of_others(self, result, said):
        """True: a library that this program stands on gave up, for an allocation of its own."""
        if result.returncode >= 0:
            return False
        self.assertIn(-result.returncode, (signal.SIGABRT, signal.SIGSEGV), said)
        self.assertRegex(said.get("crashed", ""), FOREIGN, f"a crash of this program: {said}")
        self.assertRegex(said.get("failed", ""), FOREIGN, f"a crash for want of this program's memory: {said}")
        return True

    def settled(self, scene):
        """After a crash: as it was, as it is to be, or pending, and taken back."""
        if any(name.endswith(".kmundo") for name in scene.files()) and scene.command[0] != "undo":
            undone = km.run("undo", "store.edb", cwd=scene.here)
            self.assertEqual(undone.returncode, km.CLEAN, undone.stderr)
        self.assertIn(scene.files()["store.edb"], (scene.files_before["store.edb"], scene.after["store.edb"]))

    def honest(self, scene, result):
        """What it prints is the beginning of what it prints with memory, in whole lines, or an object of errors alone."""
        if "--json" in scene.command and scene.command[0] != "dump":
            said = json.loads(result.stdout)
            self.assertEqual(set(said), {"schema", "command", "errors", "exit"})
            self.assertEqual(said["exit"], result.returncode)
            return
        said = scene.text(result)
        self.assertTrue(scene.text(scene.result).startswith(said), said)
        self.assertTrue(said == b"" or said.endswith(b"\n"), said)

    def judged(self, scene, result, said):
        """What became of one run: "same", "told", or whose crash it was."""
        if self.crash_of_others(result, said):
            self.settled(scene)
            return "abort of a library"
        trouble = DIFF_TROUBLE if scene.command[0] == "diff" else km.TROUBLE
        if not result.returncode & trouble or result.returncode == scene.result.returncode & ~trouble == 0:
            self.assertEqual(result.returncode, scene.result.returncode, result.stderr)
            self.assertEqual(scene.text(result), scene.text(scene.result))
            self.assertEqual(scene.files(), scene.after)
            return "same"
        self.assertRegex(result.stderr, MEMORY)
        self.honest(scene, result)
        for line in result.stderr.splitlines():
            self.assertTrue(line.startswith(b"kmmigrate: "), line)
            if b"memory" not in line:
                self.assertNotRegex(line, MISTAKEN)
        if result.returncode & km.REPAIRED and trouble == km.TROUBLE:  # all that is missing is the report
            self.assertEqual(result.returncode, km.TROUBLE | km.REPAIRED)
            self.assertEqual(scene.files(), scene.after)
            return "told, without a report"
        self.assertEqual(result.returncode, trouble, result.stderr)
        found = scene.files()
        if b"was put back as it was" in result.stderr:  # its backup and what went to quarantine stay
            found = {name: content for name, content in found.items() if "TIME" not in name}
        if scene.command[0] == "undo" and found != scene.files_before:
            if found != scene.after:  # half done: what is left of it is done by the next
                self.assertEqual(km.run(*scene.command, cwd=scene.here).returncode, km.CLEAN)
                self.assertEqual(scene.files(), scene.after)
                return "told, half done"
            return "told, without a report"
        if b"could not be put back" in result.stderr:  # that needs memory, too: undo does it when there is some
            self.assertIn(b"run kmmigrate undo", result.stderr)
            self.settled(scene)
            return "told, pending"
        self.assertEqual(found, scene.files_before, result.stderr)
        return "told"

    def every(self, name, command, prepare=(), first=None, scenery=Scene):
        scene = scenery(self, name, command, prepare)
        self.assertGreaterEqual(scene.result.returncode, 0)
        base = self.base() if first is None else first
        outcomes = Counter()
        Memory.starts += 5
        for stay in ({}, {"STAY": 1}):
            start = base + 1 + Memory.starts % STRIDE
            for at in range(start, scene.count + 1, STRIDE):
                with self.subTest(f"{name} {at} {'for good' if stay else 'once'}"):
                    scene.reset()
                    result, _, said = scene.run(AT=at, **stay)
                    # While memory runs short on one thread, the other may be within a library that does not survive it.
                    self.assertNotIn("aside", said, "a thread beside the first allocates")
                    outcomes[self.judged(scene, result, said)] += 1
        print(f"{name}: {scene.count - base} allocations; {sum(outcomes.values())} failures: {dict(outcomes)}", flush=True)
        return sum(outcomes.values())

    def test_every_function_that_allocates_is_watched(self):
        """One that is not makes a shorter report of a lack of memory: fopencookie() made lines of a plan empty."""
        folder = pathlib.Path(km.PROGRAM).parent
        archives = [folder / "libformats.a", folder / "libmigrate.a"]
        if not shutil.which("nm") or not all(archive.exists() for archive in archives):
            self.skipTest("nm or the program's libraries are not there")
        said = subprocess.run(["nm", *archives], check=True, capture_output=True, text=True).stdout
        used = set(re.findall(r"^ +U (\w+)$", said, re.M))
        watched = set(re.findall(r" T __wrap_(\w+)$", said, re.M))
        self.assertIn("malloc", used & ALLOCATE)
        self.assertEqual(used & ALLOCATE - watched, set())

    def test_reading(self):
        count = self.every("check", ["check", "store.edb"])
        count += self.every("check-all", ["check", "store.edb", "--verify-all", "--json"])
        count += self.every("check-discovered", ["check", "store.edb"])
        count += self.every("check-accepted", ["check", "store.edb", "--accept-discovered"])
        count += self.every("dangling", ["check", "store.edb", "--verify-all"])
        count += self.every("plan", ["repair", "store.edb"])
        count += self.every("identity", ["repair", "store.edb"])
        count += self.every("superseded", ["repair", "store.edb", "--superseded=drop", "--json"])
        for name, command in (("structure", ["check", "store.edb", "--structure"]), ("list", ["list", "store.edb"]),
                              ("list-file", ["list", "list.sst"]), ("show-file", ["show", "list.p7b", "1", "--json"]),
                              ("info", ["info", "store.edb"]), ("show", ["show", "store.edb", "2", "--json"]),
                              ("settings", ["settings", "store.edb"]), ("settings-json", ["settings", "store.edb", "--json"]),
                              ("dump", ["dump", "store.edb", "--table", "Users"]), ("profile", ["profile", "store.edb"]),
                              ("diff", ["diff", "store.edb", "other.edb"])):
            count += self.every(name, command)
        self.assertGreater(count * STRIDE, 2000)

    def test_a_long_document(self):
        """More JSON than is buffered: whole, or errors alone."""
        count = self.every("long-list", ["list", "store.edb", "--json"])
        count += self.every("long-check", ["check", "store.edb", "--json"])
        self.assertGreater(count * STRIDE, 500)

    def test_writing(self):
        count = self.every("copy", ["repair", "store.edb", "-o", "new.edb"])
        count += self.every("copy-json", ["repair", "store.edb", "-o", "new.edb", "--json"])
        count += self.every("value", ["repair", "store.edb", "-o", "new.edb"])
        count += self.every("index", ["repair", "store.edb", "-o", "new.edb"])
        count += self.every("in-place", ["repair", "store.edb", "--in-place"])
        count += self.every("undo", ["undo", "store.edb"], [["repair", "store.edb", "--in-place", "--no-backup"]])
        count += self.every("export", ["export", "store.edb", "--to", "list.p7b"])
        count += self.every("export-graph", ["export", "store.edb", "--to", "list.dot"])
        count += self.every("export-value", ["export", "store.edb", "--to", "list.sst"])
        count += self.every("export-file", ["export", "list.pem", "--to", "new.sst"])
        count += self.every("compact", ["compact", "store.edb", "-o", "new.edb"])
        self.assertGreater(count * STRIDE, 3000)

    def test_salvage(self):
        count = self.every("salvage", ["salvage", "store.edb"])
        count += self.every("salvage-copy", ["salvage", "store.edb", "-o", "new.edb", "--json"])
        count += self.every("salvage-page", ["salvage", "store.edb", "--html", "page.html"])
        self.assertGreater(count * STRIDE, 500)

    def test_recover(self):
        if not dirty.ARCHIVES:
            raise unittest.SkipTest(f"{dirty.CORPUS} is not there")
        with dirty.unpacked(["rollback-4k"]) as cases:
            self.killed = cases[0]
            count = self.every("logs", ["logs", "d.edb", "--json"], scenery=Killed)
            count += self.every("recover", ["recover", "d.edb"], scenery=Killed)
            count += self.every("recover-until", ["recover", "d.edb", "--until-damage", "-o", "new.edb"], scenery=Killed)
            count += self.every("recover-copy", ["recover", "d.edb", "-o", "new.edb"], scenery=Killed)
        self.assertGreater(count * STRIDE, 500)

    def test_start(self):
        """What GnuTLS needs to begin with."""
        self.assertGreater(self.every("start", ["check", "store.edb"], first=0), 0)


if __name__ == "__main__":
    km.main()

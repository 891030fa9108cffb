"""What the tests share that strike at every system call of a repair in place (kill/faults.c, preloaded).

After each strike the store has to be the old one, the new one, or one that `undo` makes the old one and `repair --in-place`
the new one.  Rows are compared through the separate decoder, everything else byte for byte.
"""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import km
from test_fixtures import KMFIXTURE, database, decoded

EVERY = int(os.environ.get("KM_STRIKE_EVERY", "1"))  # 1: all calls; under sanitizers, a sample
COMPILER = shutil.which(os.environ.get("CC", "cc"))
LOGS = ("edb.log", "edb00001.log", "edb.chk", "Kmsmdb.jfm")
LEFT_OVER = re.compile(r"\..*\.tmp|.*\.kmmigrate-......")  # of a process that had no time to clean up


def tree(path):
    """{name: bytes} of a file or a directory, without what a killed process may leave over."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {file.name: file.read_bytes() for file in path.iterdir() if not LEFT_OVER.fullmatch(file.name)}


class Scene:
    """A store in a directory of its own, what it is before the repair, and what it has to be afterwards."""

    rows_of = {}

    def __init__(self, folder, name, build, repair):
        """build(file) makes the database; repair: the command, with its options, to which the store's name is added."""
        self.folder, self.name, self.repair = folder, name, [*repair, name]
        self.here = folder / "here"
        self.here.mkdir(parents=True)
        self.store = file = self.here / name
        if name == "Kmsdata":
            self.store.mkdir()
            for log in LOGS:
                (self.store / log).write_bytes(log.encode() * 50)
            file = self.store / "Kmsmdb.edb"
        build(file)
        self.keep("original")
        self.older = {path.name: path.read_bytes() for path in self.undo_files()}
        self.before = tree(self.store)
        self.certificates = self.listed(self.store)
        self.status = km.run(*self.repair, cwd=self.here).returncode
        self.after = database(self.store).read_bytes()
        self.names_after = set(tree(self.store))
        self.wanted = self.rows(self.store)
        self.keep("finished")
        self.reset("original")

    def undo_files(self):
        return [path for path in self.here.rglob("*.kmundo*") if not LEFT_OVER.fullmatch(path.name)]

    def new_undo_files(self):
        return [path for path in self.undo_files() if path.name not in self.older]

    def grows(self):
        return len(self.after) > len(self.before[database(self.store).name])

    def keep(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(self.here, self.folder / name)

    def reset(self, name):
        shutil.rmtree(self.here)
        shutil.copytree(self.folder / name, self.here)

    def rows(self, store):
        data = database(store).read_bytes()
        key = hashlib.sha256(data).digest()
        if key not in self.rows_of:
            self.rows_of[key] = decoded(store)
        return self.rows_of[key]

    def listed(self, store):
        return {row["Certificate"] for row in self.rows(store)["CertificateList"]}

    def kept(self):
        """Certificates in the list and in quarantine files."""
        found = self.listed(self.store)
        for path in self.here.glob("*.quarantine-*.pem"):
            for block in re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", path.read_text(), re.DOTALL):
                found.add(base64.b64decode(block))
        return found

    def fingerprint(self):
        """The same for two states that differ only in the time of day."""
        digest = hashlib.sha256()
        for path in sorted(self.here.rglob("*")):
            name = re.sub(r"\d{8}T\d{6}Z(-\d+)?", "TIME", str(path.relative_to(self.here)))
            digest.update(name.encode() + (path.read_bytes() if path.is_file() else b"/"))
        return digest.digest()


class EveryCall(unittest.TestCase):
    """For a test that strikes at every call: scenes, runs with the library, and what has to hold afterwards."""

    maxDiff = 1000

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(KMFIXTURE) or not COMPILER:
            raise unittest.SkipTest("kmfixture is not built, or there is no C compiler")
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of syncs
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-kill-", dir=memory)).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.library = cls.folder / "faults.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(cls.library),
                        str(pathlib.Path(__file__).parent / "kill" / "faults.c"), "-ldl"], check=True)
        cls.scenes = {}

    def fixture(self, name):
        return lambda file: self.make_store(file, km.SOURCE / "fixtures" / "states" / name / "description.ini")

    def make_store(self, file, *arguments):
        subprocess.run([KMFIXTURE, *map(str, arguments), "-o", str(file), "--page-size", "2048"], check=True,
                       capture_output=True)

    def repaired_before(self, file):
        """A store that was repaired, and then got duplicates again: its finished undo file lies beside it."""
        self.fixture("imported-five-times")(file)
        self.assertEqual(km.run("repair", file, "--in-place", "--no-backup").returncode, km.REPAIRED)
        later = file.with_name("later")
        self.fixture("settings-name-the-loser")(later)
        file.write_bytes(later.read_bytes())
        later.unlink()

    def growing(self, folder):
        """The switch to V3 adds a row: how many rows are there before decides whether a leaf splits."""
        certs = folder / "certs"
        certs.mkdir(parents=True)
        subprocess.run([KMFIXTURE, "--certs", str(certs), str(km.SOURCE / "fixtures" / "states" / "interrupted-switch-with-file" /
                                                              "description.ini")], check=True, capture_output=True)
        switch = ["migrate", "--to", "V3", "--issuing-ca", str(certs / "issuing.der"), "--in-place", "--no-backup"]
        for entries in range(8, 30):
            scene = Scene(folder / str(entries), "store.edb", lambda file, entries=entries: self.make_store(
                file, "--users", 300, "--entries", entries), switch)
            if scene.grows():
                return scene
        raise AssertionError("no store that grows was found")

    def make_scene(self, name, folder):
        repair = ["repair", "--in-place"]
        if name == "grows":
            return self.growing(folder)
        if name == "file":
            return Scene(folder, "store.edb", self.fixture("settings-name-the-loser"), [*repair, "--no-backup"])
        if name == "second":
            return Scene(folder, "store.edb", self.repaired_before, repair)
        if name == "file-with-backup":
            return Scene(folder, "store.edb", self.fixture("imported-twice"), repair)
        return Scene(folder, "Kmsdata", self.fixture("settings-name-the-loser"), repair)

    def scene(self, name):
        """file: one with a certificate that goes to quarantine; directory: that with logs; grows: one that gets longer;
        second: one that was repaired before."""
        if name not in self.scenes:
            self.scenes[name] = self.make_scene(name, self.folder / name)
            self.assertTrue(self.scenes[name].status & km.REPAIRED)
        scene = self.scenes[name]
        scene.reset("original")
        return scene

    def run_with(self, scene, command, **settings):
        """One run with the library; its result, and the names of the calls it made."""
        log = self.folder / "calls"
        log.unlink(missing_ok=True)
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "KM_FAULT_BELOW": str(scene.here),
                       "KM_FAULT_LOG": str(log), **{f"KM_FAULT_{name}": str(value) for name, value in settings.items()}}
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        result = subprocess.run([km.PROGRAM, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=3000, check=False, env=environment, cwd=scene.here)
        calls = [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []
        return result, calls

    # ---- the state afterwards ----

    def state(self, scene):
        """old, new or pending: by what lies there, and by what `check` says."""
        undo = scene.new_undo_files()
        for name, data in scene.older.items():
            self.assertEqual((database(scene.store).parent / name).read_bytes(), data, "the undo file of an older repair")
        data = database(scene.store).read_bytes()
        result = km.run("check", scene.store)
        told = b"KM-UNDO-PENDING" in result.stdout or b"a repair in place was interrupted" in result.stderr
        if told:
            self.assertNotEqual(result.returncode, km.CLEAN)
            self.assertEqual(len(undo), 1)
            return "pending"
        self.assertIn(hashlib.sha256(data).digest(), (hashlib.sha256(scene.before[database(scene.store).name]).digest(),
                                                      hashlib.sha256(scene.after).digest()))
        if data == scene.after:
            self.assertEqual(len(undo), 1)
            self.assertEqual(set(tree(scene.store)), scene.names_after, "what was set aside lies beside the store")
            return "new"
        self.assertEqual(undo, [])
        self.assertEqual(tree(scene.store), scene.before)
        return "old"

    def both_ways_out(self, scene, state):
        """From the state that is there, by undo to the old store, and by repair to the new one."""
        scene.keep("struck")
        result = km.run("undo", scene.store)
        self.assertEqual(result.returncode, km.TROUBLE if state == "old" else km.CLEAN, result.stderr)
        self.assertEqual(tree(scene.store), scene.before)
        self.assertEqual(self.state(scene), "old")
        self.assertGreaterEqual(scene.kept(), scene.certificates)
        scene.reset("struck")
        result = km.run(*scene.repair, cwd=scene.here)
        self.assertEqual(result.returncode, km.CLEAN if state == "new" else scene.status, result.stderr)
        self.assertEqual(self.state(scene), "new")
        self.assertEqual(scene.rows(scene.store), scene.wanted)
        self.assertGreaterEqual(scene.kept(), scene.certificates)
        self.assertEqual(km.run("undo", scene.store).returncode, km.CLEAN)
        self.assertEqual(tree(scene.store), scene.before)

    def settled(self, scene, seen):
        state = self.state(scene)
        if state != "pending":
            self.assertGreaterEqual(scene.kept(), scene.certificates)
        fingerprint = scene.fingerprint()
        if fingerprint not in seen:
            seen.add(fingerprint)
            self.both_ways_out(scene, state)
        return state

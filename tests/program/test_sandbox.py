#!/usr/bin/python3
"""Every command runs so that nothing can be written but what it was told to write (Landlock).

kill/attempt.c, preloaded, tries to make, write, rename, remove and run files, once before the first byte of the store is
read, and once at the end: beside the store, where the output goes, in TMPDIR, and elsewhere.  Where a kernel has no
Landlock, or an old one (told by a made-up answer to the question for its version), the commands do their work all the same.
"""

import ctypes
import errno
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import km
from test_fixtures import KMFIXTURE
from test_inplace import Store, tree

COMPILER = shutil.which(os.environ.get("CC", "cc"))
CREATE_RULESET, ASK_FOR_VERSION = 444, 1
EVERYWHERE = ("elsewhere", "in", "out", "temporary")


def version():
    """Of this kernel's Landlock; 0: it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_FOR_VERSION))


# The command, and where it may write, besides TMPDIR.
COMMANDS = (
    (["check", "in/store.edb"], []),
    (["check", "in/store.edb", "in/store.edb", "--brief"], []),
    (["check", "in/store.edb", "--structure"], []),
    (["check", "in/store.edb", "--html", "out/page.html"], ["out"]),
    (["check", "in/store.edb.gz"], []),
    (["repair", "in/store.edb"], []),
    (["repair", "in/store.edb", "--dry-run", "--in-place"], []),
    (["repair", "in/store.edb", "--remove-leftovers"], []),
    (["repair", "in/store.edb", "-o", "out/new.edb"], ["out"]),
    (["repair", "in/Kmsdata", "-o", "out/new/"], ["out"]),
    (["repair", "in/store.edb", "-o", "new.edb", "--html", "out/page.html"], list(EVERYWHERE)),  # in the directory above all
    (["repair", "in/store.edb", "--in-place"], ["in"]),
    (["repair", "in/Kmsdata", "--in-place", "--html", "out/page.html"], ["in", "out"]),
    (["repair", "in/damaged.edb", "--salvage"], []),
    (["repair", "in/damaged.edb", "--salvage", "-o", "out/new.edb"], ["out"]),
    (["repair", "in/store.edb", "--recover", "-o", "out/new.edb"], ["out"]),
    (["migrate", "in/v1.edb", "--to", "V3", "--issuing-ca", "elsewhere/ca.der"], []),
    (["migrate", "in/v1.edb", "--to", "V3", "--issuing-ca", "elsewhere/ca.der", "-o", "out/new.edb"], ["out"]),
    (["migrate", "in/v1.edb", "--to", "V3", "--issuing-ca", "elsewhere/ca.der", "--in-place"], ["in"]),
    (["undo", "in/repaired.edb"], list(EVERYWHERE)),  # some of it may lie beside the store's directory
    (["undo", "in/Repaired"], ["in"]),
    (["undo", "in/Repaired/KMSMDB.EDB"], ["in"]),
    (["list", "in/store.edb"], []),
    (["list", "in/store.edb", "--tree"], []),
    (["list", "elsewhere/ca.der"], []),
    (["show", "in/store.edb", "1"], []),
    (["settings", "in/store.edb"], []),
    (["export", "in/store.edb", "--to", "-"], []),
    (["export", "in/store.edb", "--to", "out/list.pem"], ["out"]),
    (["diff", "in/store.edb", "in/v1.edb"], []),
    (["info", "in/store.edb"], []),
    (["dump", "in/store.edb", "--table", "Users"], []),
    (["compact", "in/store.edb", "-o", "out/new.edb"], ["out"]),
    (["salvage", "in/damaged.edb"], []),
    (["salvage", "in/damaged.edb", "--html", "out/page.html"], ["out"]),
    (["salvage", "in/damaged.edb", "-o", "out/new.edb"], ["out"]),
    (["logs", "in/store.edb"], []),
    (["recover", "in/store.edb"], []),
    (["recover", "in/store.edb", "-o", "out/new.edb"], ["out"]),
    (["profile", "in/store.edb"], []),
    (["explain", "KM-DUP-IDENTICAL"], []),
)


@unittest.skipUnless(os.path.exists(KMFIXTURE) and COMPILER, "kmfixture is not built, or there is no C compiler")
@unittest.skipUnless(version(), "this kernel has no Landlock")
class Sandbox(Store):
    def setUp(self):
        super().setUp()
        self.library = self.folder / "attempt.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.library,
                        pathlib.Path(__file__).parent / "kill" / "attempt.c", "-ldl"], check=True)
        self.scene = self.folder / "scene"
        for name in EVERYWHERE:
            (self.scene / name).mkdir(parents=True)
            (self.scene / name / "there").write_bytes(b"\0 no program")
            (self.scene / name / "there").chmod(0o755)
        self.fixture(to="scene/in/store.edb")
        subprocess.run(["gzip", "-k", self.scene / "in" / "store.edb"], check=True)
        self.fixture("damaged-page", to="scene/in/damaged.edb")
        self.fixture("interrupted-switch-with-file", to="scene/in/v1.edb")
        subprocess.run([KMFIXTURE, "--certs", self.scene / "certs", km.SOURCE / "fixtures" / "states" /
                        "interrupted-switch-with-file" / "description.ini"], check=True, capture_output=True)
        (self.scene / "certs" / "issuing.der").rename(self.scene / "elsewhere" / "ca.der")
        shutil.rmtree(self.scene / "certs")
        self.directory(to="scene/in/Kmsdata")
        self.repaired(self.fixture(to="scene/in/repaired.edb"))
        self.repaired(self.directory(to="scene/in/Repaired"))
        shutil.copytree(self.scene, self.folder / "kept")

    def attempts(self, command, **environment):
        """({(when, where): {what: errno}}, the result) of a run in a scene that nothing has touched."""
        shutil.rmtree(self.scene)
        shutil.copytree(self.folder / "kept", self.scene)
        log = self.folder / "attempts"
        log.unlink(missing_ok=True)
        result = km.run(*command, cwd=self.scene, env={
            **os.environ, "LD_PRELOAD": str(self.library), "KM_ATTEMPT": ":".join(EVERYWHERE), "KM_ATTEMPT_LOG": str(log),
            "TMPDIR": "temporary", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            **environment})
        found = {}
        for line in log.read_text().splitlines():
            when, where, what, number = line.split()
            found.setdefault((when, where), {})[what] = int(number)
        return found, result

    def confined(self, found, places, moments=("first", "end")):
        """Only the places can be written, and nothing can be run."""
        for when in moments:
            for where in EVERYWHERE:
                done = {what for what, number in found[when, where].items() if number == 0}
                refused = {what for what, number in found[when, where].items() if number == errno.EACCES}
                self.assertEqual(done | refused, set(found[when, where]), (when, where))
                if where in places:
                    self.assertEqual(refused, {"symlink", "execute"}, (when, where))
                else:
                    self.assertEqual(done, set(), (when, where))

    def not_confined(self, found):
        for numbers in found.values():
            self.assertEqual({what: number for what, number in numbers.items() if number}, {"execute": errno.ENOEXEC})

    def test_every_command(self):
        named = set(re.findall(r"^  ([a-z]+) ", km.run("--help").stdout.decode(), re.M)) - {"kmmigrate"}
        self.assertEqual({command[0] for command, _ in COMMANDS}, named)
        for command, places in COMMANDS:
            with self.subTest(" ".join(command)):
                found, result = self.attempts(command)
                self.assertFalse(result.returncode & km.USAGE, result.stderr)
                self.confined(found, ["temporary", *places], ["end"] if command[0] == "explain" else ["first", "end"])

    def test_the_work_is_done(self):
        """Inside, with Landlock as old as it may be, and without any, each command comes to the same."""
        plain = {}
        versions = [str(number) for number in range(1, version() + 1) if number <= 3]
        for command, places in COMMANDS:
            for told in ("none", *versions):
                with self.subTest(" ".join(command), told=told):
                    found, result = self.attempts(command, KM_LANDLOCK=told)
                    outcome = (result.returncode, self.without_dates(result.stderr), self.names())
                    self.assertEqual(plain.setdefault(tuple(command), outcome), outcome)
                    moves = command[0] == "undo" or "--in-place" in command and "--dry-run" not in command
                    if told == "none" or told == "1" and moves:
                        self.not_confined(found)
                    else:
                        self.confined(found, ["temporary", *places], ["end"])

    def without_dates(self, text):
        return re.sub(rb"\d{8}T\d{6}Z", b"DATE", text)

    def names(self):
        return sorted(re.sub(r"\d{8}T\d{6}Z", "DATE", name) for name in tree(self.scene))

    def test_leftovers_are_removed_before(self):
        """What a killed run left beside the store goes, although nothing beside it can be written afterwards."""
        left = self.scene / "in" / ".store.edb.1-0.tmp"
        left.write_bytes(b"")
        shutil.rmtree(self.folder / "kept")
        shutil.copytree(self.scene, self.folder / "kept")
        found, result = self.attempts(["repair", "in/store.edb", "--remove-leftovers"])
        self.assertFalse(left.exists(), result.stderr)
        self.confined(found, ["temporary"])


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Standard input, output and error closed, in each of the eight combinations, for every command that writes.

A file that is opened while one of them is closed gets its number, and the next message goes over its bytes.  So each
command has to give the same files and the same exit status as with all three open; but where standard output is closed and
there was something to print, that is an operational error as a full disk is.
"""

import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import km
from test_fixtures import KMFIXTURE

CLOSINGS = [closed for n in range(4) for closed in itertools.combinations((0, 1, 2), n)]


def closing(closed, arguments, **options):
    """Runs it with these descriptors closed, the others on /dev/null; gives the exit status."""
    redirections = " ".join(f"{i}>&-" if i in closed else f"{i}<>/dev/null" for i in range(3))
    return subprocess.run(["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *map(str, arguments)], timeout=3000,
                          check=False, **options).returncode


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Descriptors(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.original = self.folder / "original.edb"
        self.make("settings-name-the-loser", self.original)

    def make(self, name, to, *options):
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures" / "states" / name / "description.ini"), "-o", str(to), *options],
                       check=True, capture_output=True)

    def files(self, folder):
        """{name: bytes}, without the moment in the names, and the undo file and backup by what they give back."""
        found = {}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            for kind in (".backup-", ".quarantine-", ".set-aside-"):
                if kind in name:
                    rest = name.split(kind, 1)[1]
                    name = name.split(kind, 1)[0] + kind + ("/" + rest.split("/", 1)[1] if "/" in rest else "")
            found[name] = None if path.is_dir() or name.endswith(".kmundo") else path.read_bytes()
        return found

    def same_whatever_is_closed(self, arguments, prepare=lambda here: None, status=None, prints=True):
        """prints: to standard output."""
        wanted = None
        for closed in CLOSINGS:
            with self.subTest(command=arguments[0], closed=closed):
                here = self.folder / "here"
                here.mkdir()
                try:
                    shutil.copy(self.original, here / "store.edb")
                    prepare(here)
                    got = closing(closed, [km.PROGRAM, *arguments], cwd=here), self.files(here)
                    if wanted is None:
                        wanted = got
                        self.assertEqual(got[0], status)
                    self.assertEqual(got[0], wanted[0] | (km.TROUBLE if prints and 1 in closed else 0))
                    self.assertEqual(sorted(got[1]), sorted(wanted[1]))
                    for name, data in wanted[1].items():
                        self.assertTrue(got[1][name] == data, name)
                    if "--in-place" in arguments:
                        self.undone(here, arguments[1], closed)
                finally:
                    shutil.rmtree(here)

    def undone(self, here, store, closed):
        self.assertEqual(closing(closed, [km.PROGRAM, "undo", store], cwd=here), km.TROUBLE if 1 in closed else km.CLEAN)
        file = here / store
        self.assertTrue((file / "Kmsmdb.edb" if file.is_dir() else file).read_bytes() == self.original.read_bytes())

    def directory(self, here):
        (here / "Kmsdata").mkdir()
        (here / "store.edb").rename(here / "Kmsdata" / "Kmsmdb.edb")
        for name in ("edb.log", "edb.chk", "Kmspwd.ini"):
            (here / "Kmsdata" / name).write_bytes(name.encode() * 3000)

    def test_copies(self):
        for form in ([], ["--json"]):
            self.same_whatever_is_closed(["repair", "store.edb", "-o", "new.edb", *form], status=km.REPAIRED)
        self.same_whatever_is_closed(["repair", "Kmsdata", "-o", "New"], self.directory, km.REPAIRED)

    def test_in_place(self):
        for form in ([], ["--json"], ["--no-backup", "--quiet"]):
            self.same_whatever_is_closed(["repair", "store.edb", "--in-place", *form], status=km.REPAIRED)
        self.same_whatever_is_closed(["repair", "Kmsdata", "--in-place"], self.directory, km.REPAIRED)

    def test_messages_of_a_sound_store(self):
        """A store that needs nothing gets a message, and no byte of it."""
        sound = self.folder / "sound.edb"
        self.make("clean-v3", sound)
        self.original = sound
        self.same_whatever_is_closed(["repair", "store.edb", "-o", "new.edb"], status=km.CLEAN)
        for closed in CLOSINGS:
            with self.subTest(closed=closed):
                before = sound.read_bytes()
                self.assertEqual(closing(closed, [km.PROGRAM, "repair", sound, "--in-place", "--json"]),
                                 km.TROUBLE if 1 in closed else km.CLEAN)
                self.assertTrue(sound.read_bytes() == before)

    def test_other_writers(self):
        for kind in ("pem", "p7b", "sst"):
            self.same_whatever_is_closed(["export", "store.edb", "--to", f"list.{kind}"], status=km.CLEAN)

    def test_export_to_standard_output(self):
        """Which is all that it is for: a closed one is an error."""
        with tempfile.TemporaryDirectory() as name:
            store = pathlib.Path(name) / "store.edb"
            subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states/clean-v3/description.ini"), "-o", str(store)], check=True,
                           capture_output=True)
            for closed in CLOSINGS:
                self.assertEqual(closing(closed, [km.PROGRAM, "export", str(store), "--to", "-"]),
                                 km.TROUBLE if 1 in closed else km.CLEAN, closed)

    def test_whatever_prints(self):
        """A closed standard output is told, and is an error, as a full one is."""
        store = self.original
        for arguments in (["check", store], ["check", store, "--brief"], ["check", store, "--quiet"], ["check", store, "--json"],
                          ["check", store, "--structure"], ["repair", store], ["list", store], ["list", store, "--tree"],
                          ["show", store, "1"], ["settings", store], ["diff", store, store], ["info", store], ["dump", store],
                          ["logs", store], ["salvage", store], ["profile", store], ["explain", "5058"], ["explain", "x", "--json"],
                          ["--help"], ["--version"], ["check", "--help"], ["help", "check"], ["chekc", "--json"]):
            with self.subTest(arguments):
                command = [km.PROGRAM, *map(str, arguments)]
                open_, full, closed = (subprocess.run(["/bin/sh", "-c", f'exec "$@" {to}', "sh", *command], stderr=subprocess.PIPE,
                                                      check=False) for to in (">/dev/null", ">/dev/full", ">&-"))
                self.assertEqual(closed.returncode, full.returncode)
                self.assertEqual(full.returncode, 2 if arguments[0] == "diff" else open_.returncode | km.TROUBLE)
                self.assertIn(b"kmmigrate: standard output: cannot be written: it is closed\n", closed.stderr)

    def test_compact_and_dump(self):
        self.same_whatever_is_closed(["compact", "store.edb", "-o", "new.edb"], status=km.CLEAN)
        self.same_whatever_is_closed(["dump", "store.edb", "--table", "Users"], status=km.CLEAN)

    def test_packed(self):
        """A compressed store is unpacked into a temporary file."""
        def pack(here):
            subprocess.run(["gzip", "-n", here / "store.edb"], check=True)
        self.same_whatever_is_closed(["repair", "store.edb.gz", "-o", "new.edb"], pack, km.REPAIRED)

    def test_switch(self):
        certs = self.folder / "certs"
        certs.mkdir()
        description = km.SOURCE / "fixtures" / "states" / "clean-v1" / "description.ini"
        subprocess.run([KMFIXTURE, str(description), "--certs", str(certs)], check=True, capture_output=True)
        self.make("clean-v1", self.folder / "v1.edb")
        self.original = self.folder / "v1.edb"
        switch = ["migrate", "store.edb", "--to", "V3", "--issuing-ca", certs / "partner.der"]
        self.same_whatever_is_closed([*switch, "-o", "new.edb"], status=km.REPAIRED)
        self.same_whatever_is_closed([*switch, "--in-place"], status=km.REPAIRED)

    def test_fixtures(self):
        """The generator writes databases, too."""
        description = km.SOURCE / "fixtures" / "states" / "clean-v1" / "description.ini"
        made = set()
        for closed in CLOSINGS:
            to = self.folder / "made.edb"
            self.assertEqual(closing(closed, [KMFIXTURE, description, "-o", to]), 0)
            made.add(to.read_bytes())
            to.unlink()
        self.assertEqual(len(made), 1)


if __name__ == "__main__":
    km.main()

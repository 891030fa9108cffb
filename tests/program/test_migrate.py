#!/usr/bin/python3
"""The switch to V3: `migrate` on stores that are in order, judged by the stand-in and read by the separate decoder."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import km
import edbdecode
from test_fixtures import KMFIXTURE

sys.path.insert(0, str(km.SOURCE / "tests" / "standin"))
import kmserver

ISSUING = 2


def table(path, name):
    rows = [row for found in edbdecode.open(str(path)).tables if found.name == name for row in found.rows()]
    assert rows, f"no rows in {name}"
    return rows


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Migrate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, name, *options):
        """The store of one description; its certificates lie in certs/ then."""
        description = km.SOURCE / "fixtures" / "states" / name / "description.ini"
        (self.folder / "certs").mkdir(exist_ok=True)
        for arguments in (["-o", self.folder / "store.edb", *options], ["--certs", self.folder / "certs"]):
            subprocess.run([KMFIXTURE, str(description), *map(str, arguments)], check=True, capture_output=True)
        return self.folder / "store.edb"

    def certificates(self, path):
        return [row["Certificate"][0] for row in table(path, "CertificateList")]

    def switched(self, store, mode, given):
        """Migrates to a new store; in it, the CA that was given is there once, issues, and the service starts."""
        new = self.folder / f"{mode}.edb"
        result = km.run("migrate", store, "--to", mode, "--issuing-ca", given, "-o", new)
        self.assertEqual(result.returncode, km.REPAIRED, result.stdout + result.stderr)
        rows = [row for row in table(new, "CertificateList") if row["Certificate"] == [given.read_bytes()]]
        self.assertEqual([int.from_bytes(row["Role"][0], "little") for row in rows], [ISSUING])
        self.assertEqual(kmserver.start(str(new)).reasons, [])
        again = km.run("migrate", new, "--to", mode, "--issuing-ca", given)
        self.assertEqual(again.returncode, km.CLEAN, again.stdout)
        self.assertEqual(km.run("check", new).returncode, km.CLEAN)
        return new

    def test_a_ca_that_is_in_the_list_already(self):
        """The way into Q230780, done right: the CA that was imported under V1 is promoted, not imported again."""
        for options in ((), ("--revision", "0x14")):
            for mode in ("V1V3", "V3"):
                with self.subTest(mode=mode, options=options):
                    (self.folder / "store.edb").unlink(missing_ok=True)
                    (self.folder / f"{mode}.edb").unlink(missing_ok=True)
                    store = self.make("clean-v1", *options)
                    new = self.switched(store, mode, self.folder / "certs" / "partner.der")
                    self.assertEqual(self.certificates(new), self.certificates(store))
                    for name in ("Users", "UserCertificates", "RevocationLists", "Administrators"):
                        self.assertEqual(table(new, name), table(store, name))

    def test_a_ca_that_is_new(self):
        """It is added as one entry; every other entry stays what it is."""
        given = self.folder / "certs" / "issuing.der"
        self.make("interrupted-switch-with-file")
        (self.folder / "store.edb").unlink()
        store = self.make("clean-v1")
        new = self.switched(store, "V3", given)
        before = table(store, "CertificateList")
        self.assertEqual(table(new, "CertificateList")[:len(before)], before)
        self.assertEqual(len(table(new, "CertificateList")), len(before) + 1)


if __name__ == "__main__":
    km.main()

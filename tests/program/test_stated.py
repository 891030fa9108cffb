#!/usr/bin/python3
"""Settings that are not in the store: --mode and --issuing-ca-is stand in for them, and say so."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import km

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"


class Stated(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)

    def store(self, name, without_settings=True):
        """A state, built without its table of settings."""
        text = (STATES / name / "description.ini").read_text()
        description = self.where / "description.ini"
        if without_settings:
            text = re.sub(r"^(issuing-ca|certificate-server|mode|crl-number) = .*\n", "", text, flags=re.MULTILINE)
            text = text[:text.index("\n[expect")] + "\n[schema]\nwithout = Configuration\n"
        description.write_text(text)
        store = self.where / f"{name}.edb"
        made = subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def check(self, store, *options):
        result = km.run("check", store, "--json", *options)
        return json.loads(result.stdout) if result.stdout.startswith(b"{") else result

    def test_a_healthy_store(self):
        store = self.store("clean-v3")
        self.assertEqual(self.check(store)["verdict"], "cannot tell")
        self.assertEqual(self.check(store, "--mode", "V1")["verdict"], "yes")     # it has an own CA
        said = self.check(store, "--mode", "v3")
        self.assertEqual((said["verdict"], said["settings"]["mode"], said["settings"]["stated"]), ("yes", "V3", True))
        text = km.run("check", store, "--mode", "V3").stdout
        self.assertIn(b"as stated by the administrator", text)

    def test_the_fault_is_found_and_repaired(self):
        store, new = self.store("imported-twice"), self.where / "new.edb"
        before = self.check(store, "--mode", "V3")
        self.assertEqual(before["verdict"], "yes after repair")
        result = km.run("repair", store, "-o", new, "--mode", "V3")
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        entries = [int.from_bytes(row["EntryId"][0], "little")
                   for row in edbdecode.open(str(new)).table("CertificateList").rows()]
        self.assertEqual(entries, [1, 3, 4])
        self.assertEqual(self.check(new, "--mode", "V3")["verdict"], "yes")
        self.assertEqual(self.check(new)["verdict"], "cannot tell")

    def test_the_issuing_ca(self):
        """interrupted-switch: the CA is in the list as imported; only a statement says that it issues."""
        store = self.store("interrupted-switch")
        self.assertEqual(self.check(store, "--mode", "V3")["verdict"], "cannot tell")
        said = self.check(store, "--mode", "V3", "--issuing-ca-is", "2")
        self.assertEqual(said["verdict"], "yes after repair")
        digest = said["settings"]["issuing_ca"]
        same = self.check(store, "--mode", "V3", "--issuing-ca-is", digest)
        self.assertEqual(same["plan"]["id"], said["plan"]["id"])
        self.assertNotEqual(same["plan"]["id"], self.check(store, "--mode", "V1V3", "--issuing-ca-is", "2")["plan"]["id"])

    def test_the_store_is_not_contradicted(self):
        store = self.store("clean-v3", without_settings=False)
        self.assertEqual(self.check(store, "--mode", "V3")["settings"]["stated"], False)
        for options, words in ((["--mode", "V1"], b"the store's own setting is V3"),
                               (["--issuing-ca-is", "1"], b"names another certificate"),
                               (["--issuing-ca-is", "77"], b"there is no entry 77"),
                               (["--issuing-ca-is", "CA"], b"expected the number of an entry"),
                               (["--mode", "V4"], b"expected V1, V1V3 or V3"),
                               (["--not-a-reference", "UserCertificates.IssuerEntry"], b"prove what their column IssuerEntry names"),
                               (["--not-a-list", "CertificateList.Certificate"], b"is where the list is read from"),
                               (["--not-a-reference", "certificatelist.entryid"], b"is the key of the list"),
                               (["--reference", "Users.UserId", "--not-a-reference", "Users.UserId"],
                                b"--reference says that Users.UserId is one")):
            result = km.run("check", store, *options)
            self.assertEqual(result.returncode, km.USAGE, options)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

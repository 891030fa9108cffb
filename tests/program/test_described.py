#!/usr/bin/python3
"""What speaks of the list without being it: hashes of any kind of what goes, how long the list is and how many it has, one
value for each entry, settings that name one, unique indexes.  All of it is asked about, or refused, before anything is
written; what says the same of something else is not.
"""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import zlib

import km
from describing import table
from test_keys import folded
from test_settings import HEAD, PROFILE, said

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATED = "[setting.mode]\nis = V3\n\n[setting.issuing-ca]\nnames = role\n\n"
IN_PARAMS = "[settings]\ntable = Params\nname = Name\nvalue = Value\nmode = Mode\nissuing-ca = IssuingCA\n\n"
# The own CA is 1, the issuing CA 2 and, with trailing bytes, 3, which goes.
TRUST = table("Trust", ["RowNo Long", "Key Long", "Cert LongBinary", "Role Long"],
              [[10 * n, n, f"certificate:{who}", role] for n, (who, role) in enumerate((("own", 1), ("root", 3), ("other", 2)), 1)])


def in_value(more=""):
    return f"[profile]\nname = value\n\n[list-value]\ntable = Lists\ncolumn = Data\n{more}\n"


class Described(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.store, self.new = self.where / "store.edb", self.where / "new.edb"

    def make(self, tables):
        (self.where / "description.ini").write_text(HEAD + tables)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store), "--certs",
                               str(self.where)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def certificate(self, who):
        if not (self.where / f"{who}.der").exists():
            self.make(TRUST)
        return (self.where / f"{who}.der").read_bytes()

    def repair(self, profile, *options):
        """Exit status, and what is asked as KM-RESIDUE; a store is written just when nothing is."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        (self.where / "profile.ini").write_text(profile)
        result = km.run("repair", self.store, "-o", self.new, "--json", "--profile", self.where / "profile.ini", *options)
        self.assertTrue(result.stdout.startswith(b"{"), result.stderr)
        asked = [p["evidence"] for p in json.loads(result.stdout)["left"] if p["code"] == "KM-RESIDUE"]
        self.assertEqual(bool(asked), not self.new.exists(), (asked, result.stderr))
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT if asked else km.REPAIRED, (asked, result.stderr))
        return asked

    def test_hashes_of_what_goes(self):
        def parted(mark, digest=hashlib.sha1):
            return lambda der: mark.join(f"{octet:02X}" for octet in digest(der).digest())

        forms = [(kind, lambda der, name=name: hashlib.new(name, der).digest())
                 for name in ("md5", "sha1", "sha256", "sha384", "sha512") for kind in ("Binary", "LongBinary")]
        forms += [("GUID", lambda der: hashlib.md5(der).digest()), ("Text", lambda der: hashlib.md5(der).hexdigest()),
                  ("Binary", lambda der: hashlib.sha1(der).digest()[::-1]), ("Binary", lambda der: hashlib.sha1(der).digest()[:10]),
                  ("Text", parted(":")), ("UnicodeText", parted(" ")), ("Text", parted("-", hashlib.sha256)),
                  ("Text", lambda der: base64.b64encode(hashlib.sha256(der).digest()).decode()),
                  ("Long", lambda der: int.from_bytes(zlib.crc32(der).to_bytes(4, "little"), "little", signed=True)),
                  ("Text", lambda der: f"{zlib.crc32(der):08x}")]
        for number, (kind, form) in enumerate(forms):
            with self.subTest(kind=kind, number=number):
                for who, goes in (("other", True), ("root", False)):
                    value = form(self.certificate(who))
                    cell = f"hex:{value.hex()}" if isinstance(value, bytes) else value
                    self.make(TRUST + table("Policy", ["Id Long", f"Anchor {kind}"], [[71, cell], [72, "-"]]))
                    asked = self.repair(PROFILE + STATED)
                    self.assertEqual(["table Policy, column Anchor: 1 value holds the hash of the certificate of entry 3, which goes"
                                      in text for text in asked], [True] if goes else [], asked)
                    if goes:
                        self.assertEqual(self.repair(PROFILE + STATED, "--not-a-reference", "Policy.Anchor"), [])

    def test_settings_that_name_an_entry(self):
        for item, value, asked_for in (("LastImported", "hex:03000000", True), ("SigningEntry", "3", True), ("TrustedRoot", "hex:03", True),
                                       ("KeyLength", "hex:03000000", False), ("LastImported", "hex:02000000", False),
                                       ("LastImported", "30", False), ("TrustCount", "3", True), ("CrlNumber", "3", False)):
            with self.subTest(item=item, value=value):
                self.make(TRUST + table("Params", ["Id Long", "Name Text", "Value LongBinary"],
                                        [[71, "Mode", "hex:5633"], [72, "IssuingCA", "thumbprint:root"], [73, item, value]]))
                asked = self.repair(PROFILE + IN_PARAMS)
                self.assertEqual(len(asked), asked_for, asked)
                if asked_for:
                    self.assertIn("table Params, row 3, column Value: the setting " + item, asked[0])
                    self.assertEqual(self.repair(PROFILE + IN_PARAMS, "--not-a-list", "Params.Value"), [])

    LIST = "der:own root root"

    def in_value(self, more=""):
        """The profile of a list in a value, and of settings that are stated."""
        return in_value(more) + f"[setting.mode]\nis = V3\n\n[setting.issuing-ca]\nis = {hashlib.sha1(self.certificate('root')).hexdigest()}\n\n"

    def test_beside_the_list(self):
        """How long the value is, how many it has, its hash: in its row, and in another."""
        value = self.certificate("own") + 2 * self.certificate("root")
        for column, cell, words in (("Long", len(value), "it is the size of the list's value"), ("Long", len(value) + 1, None),
                                    ("Short", 3, "it is the number of the list's certificates, 3"), ("Short", 4, None),
                                    ("Text", len(value), "it is the size of"), ("LongBinary", said(b"\0" + hashlib.sha1(value).digest()), "it has a hash"),
                                    ("Text", hashlib.md5(value).hexdigest(), "it has a hash")):
            with self.subTest(column=column, words=words):
                self.make(table("Lists", ["Id Long", "Data LongBinary", f"Mark {column}"], [[70, self.LIST, cell]]))
                asked = [text for text in self.repair(self.in_value()) if "=position" not in text]
                self.assertEqual([words is not None and f"column Mark: {words}" in text for text in asked], [True] if words else [], asked)
                if words:
                    self.assertIn("--not-a-list Lists.Mark", asked[0])
                    self.assertEqual(self.repair(self.in_value(), "--not-a-list", "Lists.Mark"), [])
                    self.assertEqual(self.repair(self.in_value(), "--not-a-reference", "Lists.Mark"), asked)
                    for what, asks in (("", 0), ("as = list\n", 0), ("as = reference\n", 1)):
                        ignored = f"[ignore.1]\ntable = Lists\ncolumn = Mark\n{what}"
                        self.assertEqual(len(self.repair(self.in_value() + ignored)), asks, what)

    def test_other_settings_of_a_list(self):
        value = self.certificate("own") + 2 * self.certificate("root")
        where = in_value("select = Name\nequals = List\n").replace("Lists", "Params").replace("Data", "Value") + IN_PARAMS
        for item, cell, asked_for in (("Digest", said(hashlib.md5(value).digest()), True), ("SigningPlace", "hex:03000000", True),
                                      ("Length", str(len(value)), True), ("NumberOfTrusted", "3", True), ("Retries", "3", False),
                                      ("TrustFlags", "hex:010302", True), ("TrustFlags", "hex:01030201", False), ("TrustName", "CAs", False)):
            with self.subTest(item=item):
                self.make(table("Params", ["Id Long", "Name Text", "Value LongBinary"],
                                [[71, "Mode", "hex:5633"], [72, "IssuingCA", "thumbprint:root"], [73, "List", self.LIST],
                                 [74, item, cell]]))
                asked = self.repair(where)
                self.assertEqual(len(asked), asked_for, asked)

    def test_behind_the_list(self):
        """What stands behind the last certificate may be more of the list: it goes with no copy."""
        self.certificate("own")
        for cells, written in ((f"{self.hex('own')}{self.hex('root')}{self.hex('root')}" + "5a" * 16, False),
                               (f"{self.hex('root')}{self.hex('root')}{self.hex('own')}" + "5a" * 16, True)):
            self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, "hex:" + folded(cells)]]))
            for path in self.where.glob("new.edb*"):
                path.unlink()
            (self.where / "profile.ini").write_text(self.in_value("form = der\n"))
            result = km.run("repair", self.store, "-o", self.new, "--json", "--profile", self.where / "profile.ini")
            self.assertEqual(json.loads(result.stdout)["verdict"], "cannot tell")
            self.assertEqual(self.new.exists(), written, result.stderr)
            if written:
                self.assertTrue(list(edbdecode.open(str(self.new)).table("Lists").rows())[0]["Data"][0].endswith(b"Z" * 16))

    def hex(self, who):
        return self.certificate(who).hex()

    def test_a_value_for_each(self):
        for kind, values, asked_for in (("Long", "4097 & 12289 & 8193", True), ("UnicodeText", "a & b & c", True), ("Long", "4097 & 12289", False)):
            with self.subTest(kind=kind, values=values):
                self.make(table("Lists", ["Id Long", "Data LongBinaryValues", f"Roles {kind}Values"],
                                [[70, "certificate:own & certificate:root & certificate:root", values]]))
                asked = self.repair(self.in_value("form = values\n"))
                self.assertEqual(len(asked), asked_for, asked)
                if asked_for:
                    self.assertIn("column Roles: it has 3 values, one for each certificate of the list", asked[0])
        self.make(table("Lists", ["Id Long", "Words TextValues", "Data LongBinaryValues"],
                        [[70, "own & imported & issuing", "certificate:own & certificate:root & certificate:root"]]))
        asked = self.repair(self.in_value("form = values\nselect = Words\nequals = own\n"))
        self.assertEqual(len(asked), 1, "also where a word selects the row")

    def test_unique_indexes(self):
        """Two rows that would be one; where a holder has only one of the copies, they move."""
        reference = "[reference.1]\ntable = Trusts\ncolumn = Anchor\nkey = No\n"
        for rows, asked_for in (([[1, 201, 2], [2, 201, 3], [3, 202, 1]], True), ([[1, 201, 2], [2, 202, 3], [3, 201, 1]], False),
                                ([[1, 201, 3], [2, 202, 2], [3, "-", 2], [4, "-", 1]], False), ([[1, "-", 2], [2, "-", 3]], True)):
            with self.subTest(rows=rows):
                self.make(TRUST + table("Trusts", ["No Long", "Holder Long", "Anchor Long"], rows) + "unique = Holder Anchor\n")
                asked = self.repair(PROFILE + STATED + reference)
                self.assertEqual(len(asked), asked_for, asked)
                if asked_for:
                    self.assertIn("table Trusts: rows 1 and 2 would have one key in the unique index", asked[0])

    def test_references_that_cannot_be_moved(self):
        """No option is named that is refused then."""
        self.make(TRUST + table("Policy", ["Id Long", "Anchor Text"], [[71, "2"], [72, "3"]]))
        asked = self.repair(PROFILE + STATED)
        self.assertEqual(len(asked), 1)
        self.assertIn("references of type Text cannot be moved: --keep says that what they name stays; or say "
                      "--not-a-reference Policy.Anchor", asked[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)

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

    def test_many_settings_of_a_list(self):
        """So many are asked about, and not one more."""
        value = self.certificate("own") + 2 * self.certificate("root")
        where = in_value("select = Name\nequals = List\n").replace("Lists", "Params").replace("Data", "Value") + IN_PARAMS
        digest = said(hashlib.md5(value).digest())
        self.make(table("Params", ["Id Long", "Name Text", "Value LongBinary"],
                        [[71, "Mode", "hex:5633"], [72, "IssuingCA", "thumbprint:root"], [73, "List", self.LIST],
                         *([74 + n, f"Digest{n}", digest] for n in range(40))]))
        self.assertEqual(len(self.repair(where)), 20)

    FORMS = ("der:{}", "sst:{}", "pkcs7:{}", "pem:{}", "items-be32:{}", "items-count-skip4-le16:{}")
    ITEMS = {"items-be32:{}": "items = size:be32\n", "items-count-skip4-le16:{}": "items = count:le32 skip:4 size:le16\n"}

    def value(self):
        return next(iter(edbdecode.open(str(self.new)).table("Lists").rows()))["Data"][0]

    def test_list_in_a_wrapping(self):
        """A header stays, and what is packed is packed again; in it the list is as in a store that has it so."""
        for form in self.FORMS:
            kind = form.split(":")[0].split("-")[0]
            lines = f"form = {kind}\n" + self.ITEMS.get(form, "")
            for wrap, skip, pack in (("header-8:", 8, ""), ("zlib:", 0, "pack = zlib\n"), ("header-3:zlib:", 3, "pack = zlib\n")):
                with self.subTest(form, wrap=wrap):
                    self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, form.format("own root root")]]))
                    self.assertEqual(self.repair(self.in_value(lines)), [])
                    right = self.value()
                    self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, wrap + form.format("own root root")]]))
                    profile = self.in_value(lines + f"skip = {skip}\n" + pack)
                    before = next(iter(edbdecode.open(str(self.store)).table("Lists").rows()))["Data"][0]
                    apart = ["--not-a-list", "Lists.Data"] if skip else []
                    self.assertEqual(len(self.repair(profile)), len(apart) // 2)
                    self.assertEqual(self.repair(profile, *apart), [])
                    new = self.value()
                    self.assertEqual(new[:skip], before[:skip])
                    self.assertEqual(zlib.decompress(new[skip:]) if pack else new[skip:], right)
                    self.assertEqual(km.run("check", self.new, "--profile", self.where / "profile.ini").returncode, km.CLEAN)
                    copy = self.store.read_bytes()
                    result = km.run("repair", self.store, "--in-place", "--no-backup", "--profile", self.where / "profile.ini", *apart)
                    self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
                    self.assertEqual(next(iter(edbdecode.open(str(self.store)).table("Lists").rows()))["Data"][0], new)
                    self.assertEqual(km.run("undo", self.store).returncode, km.CLEAN)
                    self.assertEqual(self.store.read_bytes(), copy)

    def test_discovered_in_a_wrapping(self):
        for wrap, lines in (("zlib:der:", ["pack = zlib"]), ("header-8:zlib:sst:", ["skip = 8", "pack = zlib"]), ("header-5:pkcs7:", ["skip = 5"]),
                            ("header-3:zlib:items-be32:", ["form = items", "items = size:be32", "skip = 3", "pack = zlib"])):
            with self.subTest(wrap):
                self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, wrap + "own root root"]]))
                draft = km.run("profile", self.store).stdout.decode()
                said = [line for line in draft.splitlines() if line.split(" = ")[0] in ("form", "items", "skip", "pack")]
                self.assertEqual(said, lines, draft)
                apart = ["--not-a-list", "Lists.Data"] if any(line.startswith("skip") for line in lines) else []
                said = ["--mode", "V3", "--issuing-ca-is", hashlib.sha1(self.certificate("root")).hexdigest()]
                self.assertEqual(len(self.repair(draft, *said)), len(apart) // 2)
                self.assertEqual(self.repair(draft, *said, *apart), [])
        for cell in ("header-8:zlib:certificate:own", "zlib:hex:0102", "header-8:hex:0102"):
            self.make(TRUST + table("Lists", ["Id Long", "Data LongBinary"], [[70, cell]]))
            self.assertNotIn("[list-value]", km.run("profile", self.store).stdout.decode(), cell)

    def test_list_in_another_wrapping(self):
        """Cannot tell, and nothing is written."""
        self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, "header-8:zlib:der:own root root"]]))
        for lines in ("skip = 7\npack = zlib\n", "pack = zlib\n", "skip = 8\n", "skip = 4000\n"):
            (self.where / "profile.ini").write_text(self.in_value(lines))
            result = km.run("repair", self.store, "-o", self.new, "--json", "--profile", self.where / "profile.ini")
            report = json.loads(result.stdout)
            self.assertEqual((report["verdict"], result.returncode, self.new.exists()), ("cannot tell", km.PROBLEMS_LEFT, False), lines)
            self.assertIn("KM-LIST-FORM", [p["code"] for p in report["problems"]], lines)
        for lines, words in (("form = values\npack = zlib\n", b"expected skip and pack of a list in one value, found values"),
                             ("pack = pem\n", b"pack: expected zlib around a list")):
            (self.where / "profile.ini").write_text(self.in_value(lines))
            self.assertIn(words, km.run("check", self.store, "--profile", self.where / "profile.ini").stderr)

    def test_a_header_may_speak(self):
        """Of a header nobody knows what it says: it is asked about, whether it is known to speak of the list or not."""
        value = self.certificate("own") + 2 * self.certificate("root")
        packed = zlib.compress(value)
        second = len(self.certificate("own"))
        for header, body in ((len(value).to_bytes(4, "little"), packed), (b"\3\0\0\0", value), (hashlib.sha1(value).digest(), packed),
                             (b"\1\2" + second.to_bytes(4, "little"), value), (b"\x99\x98\x97", value)):
            with self.subTest(header=header):
                cell = "hex:" + folded((header + body).hex())
                self.make(table("Lists", ["Id Long", "Data LongBinary"], [[70, cell]]))
                lines = f"skip = {len(header)}\n" + ("pack = zlib\n" if body == packed else "form = der\n")
                asked = self.repair(self.in_value(lines))
                self.assertEqual([f"the {len(header)} bytes in front of the list may say" in text for text in asked], [True], asked)
                self.assertEqual(self.repair(self.in_value(lines), "--not-a-list", "Lists.Data"), [])

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

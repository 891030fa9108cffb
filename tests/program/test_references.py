#!/usr/bin/python3
"""References: tried against what they prove, and by hexadecimal digits, and by issuer and serial number."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km
from test_settings import HEAD, PROFILE, said, table, wide

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"


class Tried(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.store, self.new = self.where / "store.edb", self.where / "new.edb"

    def make(self, wrong, right):
        """imported-twice with so many users' certificates more that name another CA than theirs, and theirs."""
        text = (STATES / "imported-twice" / "description.ini").read_text()
        text = text[:text.index("\n[expect")]
        for n in range(wrong + right):
            text += f"\n[user-certificate {100 + n}]\nuser = 1\nissuer-entry = {1 if n < wrong else 2}\nissuer = issuing\nversion = 3\n"
        (self.where / "description.ini").write_text(text)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store)], check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def repair(self, *options):
        self.new.unlink(missing_ok=True)
        result = km.run("repair", self.store, "-o", self.new, "--json", *options)
        return result, json.loads(result.stdout)

    def test_a_few_are_wrong(self):
        """Up to three, or two of a hundred: that may be damage of single rows."""
        for wrong, right in ((0, 3), (3, 0), (4, 250)):
            self.make(wrong, right)
            result, report = self.repair()
            self.assertNotIn("KM-PROFILE-MISFIT", [p["code"] for p in report["problems"]], (wrong, right))
            self.assertTrue(self.new.exists())

    def test_many_are_wrong(self):
        """Then it is no reference: nothing is written, and nothing is said for sure."""
        for wrong, right in ((4, 0), (60, 40), (40, 600)):
            self.make(wrong, right)
            result, report = self.repair()
            self.assertFalse(self.new.exists())
            self.assertEqual((report["verdict"], result.returncode), ("cannot tell", km.PROBLEMS_LEFT))
            said = [p["evidence"] for p in report["problems"] if p["code"] == "KM-PROFILE-MISFIT"]
            self.assertRegex(said[0], r"column IssuerEntry: of \d+ rows that were tried, in \d+ the key of the entry did not")


SETTINGS = "[setting.mode]\nis = V3\n\n[setting.issuing-ca]\nnames = role\n\n"
REFERENCE = "[reference.1]\ntable = Issued\ncolumn = {column}\nkey = Id\nnames = {names}\n"


class Named(unittest.TestCase):
    """The list is own (1), root (2), and root with trailing bytes (3), which is issuing and goes."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.store, self.new = self.where / "store.edb", self.where / "new.edb"

    def make(self, issued):
        trust = [[10 * n, n, f"certificate:{who}", role] for n, (who, role) in enumerate((("own", 1), ("root", 3), ("other", 2)), 1)]
        (self.where / "description.ini").write_text(
            HEAD + table("Trust", ["RowNo Long", "Key Long", "Cert LongBinary", "Role Long"], trust) + issued)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store), "--certs",
                               str(self.where)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def hashes(self):
        self.make("")
        return [hashlib.sha1((self.where / f"{who}.der").read_bytes()).hexdigest() for who in ("own", "root", "other")]

    def repair(self, text, *options):
        for path in self.where.glob("new.edb*"):
            path.unlink()
        (self.where / "profile.ini").write_text(PROFILE + SETTINGS + text)
        result = km.run("repair", self.store, "-o", self.new, "--json", "--profile", self.where / "profile.ini", *options)
        self.last = result.stderr
        report = json.loads(result.stdout) if result.stdout.startswith(b"{") else {}
        return result.returncode, report, list(edbdecode.open(str(self.new)).table("Issued").rows()) if self.new.exists() else None

    def test_digits(self):
        """They keep case, width and what parts them; those that name what stays do not change."""
        own, root, other = self.hashes()
        for kind, shape, encode in (
                ("Text", str, str.encode), ("UnicodeText", str.upper, wide), ("Binary", str, str.encode),
                ("Binary", str.upper, wide), ("Text", lambda h: ":".join(h[k:k + 2] for k in range(0, 40, 2)).upper(), str.encode)):
            with self.subTest(kind=kind, shape=shape("ab" * 20)):
                cells = [encode(shape(value)) for value in (other, root, own, other)]
                self.make(table("Issued", ["Id Long", f"Signer {kind}"], [[70 + n, said(cell, kind)] for n, cell in enumerate(cells)] + [[79, "-"]]))
                status, report, rows = self.repair(REFERENCE.format(column="Signer", names="sha1 hex"))
                self.assertEqual(status, km.REPAIRED, (self.last, report))
                self.assertEqual([row.get("Signer", [b""])[0] for row in rows], [encode(shape(value)) for value in (root, root, own, root)] + [b""])
                before = self.store.read_bytes()
                km.run("repair", self.store, "--in-place", "--no-backup", "--profile", self.where / "profile.ini")
                self.assertEqual([row.get("Signer", [b""])[0] for row in edbdecode.open(str(self.store)).table("Issued").rows()],
                                 [row.get("Signer", [b""])[0] for row in rows])
                self.assertEqual(km.run("undo", self.store).returncode, 0)
                self.assertEqual(self.store.read_bytes(), before)

    def test_digits_asked(self):
        """What names the copy that goes is asked about, and the option that the report names moves it."""
        own, root, other = self.hashes()
        self.make(table("Issued", ["Id Long", "Signer Text"], [[71, other], [72, own]]))
        status, report, rows = self.repair("")
        self.assertIsNone(rows)
        asked = [p["evidence"] for p in report["problems"] if p["code"] == "KM-RESIDUE"]
        self.assertIn("--reference Issued.Signer=sha1hex or --not-a-reference Issued.Signer", asked[0])
        for how in ("sha1hex", "sha1"):      # text can hold a hash in no other way
            status, report, rows = self.repair("", "--reference", f"Issued.Signer={how}")
            self.assertEqual((status, [row["Signer"][0].decode() for row in rows]), (km.REPAIRED, [root, own]))

    def test_digits_that_name_nothing(self):
        own, root, other = self.hashes()
        self.make(table("Issued", ["Id Long", "Signer Text"], [[71, own[:-1] + "g"], [72, "0" * 40], [73, other]]))
        status, report, rows = self.repair(REFERENCE.format(column="Signer", names="sha1 hex"))
        self.assertEqual([row["Signer"][0].decode() for row in rows], [own[:-1] + "g", "0" * 40, root])
        self.assertEqual(len([p for p in report["problems"] if p["code"] == "KM-DANGLING"]), 2)

    # ---- by issuer and serial number ----

    def names(self):
        self.make("")
        der = issuer_of((self.where / "root.der").read_bytes())
        own = issuer_of((self.where / "own.der").read_bytes())
        return der, own

    def test_issuer_and_serial(self):
        """The copy that stays has the same: nothing moves, whichever end comes first."""
        (issuer, serial), (own_issuer, own_serial) = self.names()
        cells = [(issuer, serial), (issuer, serial[::-1]), (issuer, b"\0" + serial), (own_issuer, own_serial)]
        for kind in ("Binary", "LongBinary"):
            self.make(table("Issued", ["Id Long", f"IssuerDN {kind}", "SN Binary"],
                            [[70 + n, said(a), said(b)] for n, (a, b) in enumerate(cells)] + [[79, "-", "-"]]))
            status, report, rows = self.repair(REFERENCE.format(column="IssuerDN, SN", names="issuer serial"))
            self.assertEqual(status, km.REPAIRED, (self.last, report.get("left")))
            self.assertEqual([(row["IssuerDN"][0], row["SN"][0]) for row in rows[:4]], cells)

    def test_issuer_and_serial_of_nobody(self):
        (issuer, serial), _ = self.names()
        self.make(table("Issued", ["Id Long", "IssuerDN Binary", "SN Binary"], [[71, said(issuer), "hex:99"], [72, said(issuer), said(serial)]]))
        status, report, rows = self.repair(REFERENCE.format(column="IssuerDN, SN", names="issuer serial"))
        self.assertEqual([p["count"] for p in report["problems"] if p["code"] == "KM-DANGLING"], [1])

    def superseded(self, table_text, *options, reference=""):
        """--superseded=drop on a reissued CA, with a table more; what is asked, and whether a store was written."""
        text = (STATES / "reissued-existing-keys" / "description.ini").read_text()
        (self.where / "description.ini").write_text(text[:text.index("\n[expect")] + table_text)
        subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store), "--certs", str(self.where)],
                       check=True, capture_output=True)
        profile = self.where / "profile.ini"
        profile.write_text(km.builtin_profile() + reference)
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", self.store, "-o", self.new, "--json", "--profile", profile, "--superseded=drop", *options)
        self.last = result.stderr
        report = json.loads(result.stdout)
        return [p["evidence"] for p in report.get("problems", []) if p["code"] == "KM-RESIDUE"], self.new.exists()

    def test_identities_left_behind(self):
        """An entry that goes, and whose issuer and serial number no other has, is asked about by them."""
        self.superseded("")
        issuer, serial = issuer_of((self.where / "old.der").read_bytes())
        other = issuer_of((self.where / "issuing.der").read_bytes())[1]
        integer = b"\x02" + bytes([len(serial)]) + serial
        both = issuer + integer
        for what, columns, cells, asked in (
                ("columns", ["A Binary", "B Binary"], [issuer, serial], "A"), ("little end first", ["B Binary", "A LongBinary"], [serial[::-1], issuer], "A"),
                ("joined", ["A LongBinary"], [issuer + serial], "A"), ("joined in DER", ["A Binary"], [both], "A"),
                ("in a SEQUENCE", ["A LongBinary"], [b"\x30" + bytes([len(both)]) + both], "A"),
                ("another serial number", ["A Binary", "B Binary"], [issuer, other], None), ("the name alone", ["A Binary"], [issuer], None)):
            with self.subTest(what):
                residue, written = self.superseded(table("Else", ["Id Long", *columns], [[71, *map(said, cells)]]))
                self.assertEqual(written, asked is None, (residue, self.last))
                if asked:
                    self.assertIn("holds the issuer and serial number of the certificate of entry 2", residue[0])
                    self.assertIn("--not-a-reference Else.A", residue[0])
                    self.assertEqual("--reference Else.A,B" in residue[0], len(columns) == 2, residue)
                    residue, written = self.superseded(table("Else", ["Id Long", *columns], [[71, *map(said, cells)]]),
                                                       "--not-a-reference", "Else.A")
                    self.assertTrue(written, (residue, self.last))

    def test_identities_pin(self):
        """What a reference names so cannot be named otherwise: the entry stays."""
        self.superseded("")
        issuer, serial = issuer_of((self.where / "old.der").read_bytes())
        residue, written = self.superseded(
            table("Issued", ["Id Long", "A Binary", "B Binary"], [[71, said(issuer), said(serial)]]),
            reference="\n[reference.9]\ntable = Issued\ncolumn = A, B\nkey = Id\nnames = issuer serial\n")
        self.assertTrue(written)
        self.assertEqual(len(list(edbdecode.open(str(self.new)).table("CertificateList").rows())), 3)

    def test_identities_said(self):
        """--reference with two columns: the entry stays, as with a profile that says so; else it says what it expects."""
        self.superseded("")
        issuer, serial = issuer_of((self.where / "old.der").read_bytes())
        rows = table("Issued", ["Id Long", "A Binary", "B LongBinary", "C Long", "D BinaryValues"],
                     [[71, said(issuer), said(serial), 5, "-"]])
        residue, written = self.superseded(rows)
        self.assertFalse(written)
        self.assertIn("--reference Issued.A,B says that they are some, and the entry stays", residue[0])
        residue, written = self.superseded(rows, "--reference", "issued.a,b")
        self.assertTrue(written, (residue, self.last))
        self.assertEqual(len(list(edbdecode.open(str(self.new)).table("CertificateList").rows())), 3)
        for option, words in (("A,C", "column C of table Issued: expected Binary or LongBinary with one value a row"),
                              ("A,D", "found Binary with several"), ("A,B=sha1", "expected nothing behind two columns"),
                              ("A,E", "there is no column A,E"), ("x" * 159, "there is no column"), ("x" * 160, "expected TABLE.COLUMN"), ("A=serial", "or TABLE.ISSUER,SERIAL, found")):
            result = km.run("check", self.store, "--reference", f"Issued.{option}")
            self.assertEqual(result.returncode, km.USAGE, option)
            self.assertIn(words.encode(), result.stderr, option)
        self.assertEqual(km.run("check", self.store, "--not-a-reference", "Issued.A,B").returncode, km.USAGE)

    def test_another_setting(self):
        """A setting beside that of the issuing CA that names what goes is none that a repair passes over."""
        own, root, other = self.hashes()
        for cell in (said(bytes.fromhex(other)), said(other.encode())):
            self.make(table("Params", ["Id Long", "Name Text", "Value LongBinary"],
                            [[71, "IssuingCA", said(bytes.fromhex(other))], [72, "Mode", "hex:5633"], [73, "Before", cell]]))
            text = PROFILE + "[settings]\ntable = Params\nname = Name\nvalue = Value\nmode = Mode\nissuing-ca = IssuingCA\n"
            (self.where / "profile.ini").write_text(text)
            result = km.run("repair", self.store, "-o", self.new, "--profile", self.where / "profile.ini")
            self.assertFalse(self.new.exists())
            self.assertIn(b"table Params, column Value: 1 value holds the hash", result.stdout)
            result = km.run("repair", self.store, "-o", self.new, "--profile", self.where / "profile.ini", "--not-a-reference", "Params.Value")
            self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
            self.new.unlink()

    def test_bad_profiles(self):
        self.make(table("Issued", ["Id Long", "A Binary", "B Binary", "C Long"], [[71, "-", "-", 0]]))
        for column, names, words in (("A", "issuer serial", "expected two columns"), ("A, B", "sha1", "expected one column"),
                                     ("A, D", "issuer serial", "expected a column D"), ("A, C", "issuer serial", "expected type Binary or LongBinary"),
                                     ("C", "sha1 hex", "expected the type"), ("A", "role", "expected key, position 0")):
            result = km.run("check", self.store, "--profile", self.profile(REFERENCE.format(column=column, names=names)))
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words.encode(), result.stdout + result.stderr, (column, names))

    def profile(self, text):
        (self.where / "profile.ini").write_text(PROFILE + SETTINGS + text)
        return self.where / "profile.ini"


def issuer_of(der):
    """Issuer's name and serial number's octets of a certificate."""
    def at(data, offset):
        head = 2 if data[offset + 1] < 0x80 else 2 + (data[offset + 1] & 0x7F)
        size = data[offset + 1] if head == 2 else int.from_bytes(data[offset + 2:offset + head], "big")
        return head, size
    head, _ = at(der, 0)
    offset = head + at(der, head)[0]
    if der[offset] == 0xA0:
        offset += sum(at(der, offset))
    head, size = at(der, offset)
    serial = der[offset + head:offset + head + size]
    offset += head + size
    offset += sum(at(der, offset))
    return der[offset:offset + sum(at(der, offset))], serial


if __name__ == "__main__":
    unittest.main(verbosity=2)

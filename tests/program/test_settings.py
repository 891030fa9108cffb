#!/usr/bin/python3
"""Settings in every place and form that a profile can say: read, and written anew in the same form.

The list of each store is the table Trust: the own CA is row 1, the issuing CA rows 2 (strict DER, imported) and 3
(issuing, with trailing bytes), of which 2 stays.  So a setting that names 3 has to name 2 afterwards.  What is right is
worked out by hand, and read back with the separate decoder.
"""

import hashlib
import json
import os
import pathlib
import random
import string
import subprocess
import tempfile
import unittest

import km
from describing import OWN, table

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
HEAD = """[store]
seed = settings
time = 1999-09-30 12:00

""" + OWN + """
[certificate root]
subject = C=GB, O=Trey Research, CN=Trey Research CA
serial = 0x610F9E3C
from = 1999-02-01
until = 2009-02-01

[certificate other]
same-as = root
form = trailing
trailing = 010203

[schema]
CertificateList = Unused
UserCertificates = Made
without = Configuration
"""
PARTNERS = """
[certificate p1]
subject = C=US, O=Fabrikam, CN=Fabrikam Root
serial = 0x17
from = 1997-05-01
until = 2012-05-01

[certificate p2]
subject = C=US, O=Contoso, CN=Contoso Root
serial = 0x18
from = 1997-05-01
until = 2012-05-01
"""
PROFILE = """[profile]
name = settings

[list]
table = Trust
key = Key
certificate = Cert
role = Role
role-own = 1
role-issuing = 2
role-imported = 3

[ignore.1]
table = Trust
column = RowNo

"""
MODE = "[setting.mode]\nis = V3\n\n"


def said(data, kind="Binary"):
    """A cell with these bytes; empty bytes are a null."""
    if kind in ("UnicodeText", "LongText"):
        return data.decode("utf-16-le")
    return "hex:" + data.hex() if data else "-"


def wide(text):
    return text.encode("utf-16-le")


class Settings(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"
        self.store = self.where / "store.edb"

    def make(self, more, key="Key Long", keys=(1, 2, 3), roles=(1, 3, 2)):
        trust = [[10 * n, value, f"certificate:{who}", role]
                 for n, (value, who, role) in enumerate(zip(keys, ("own", "root", "other"), roles), 1)]
        (self.where / "description.ini").write_text(
            HEAD + table("Trust", ["RowNo Long", key, "Cert LongBinary", "Role Long"], trust) + more)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store), "--certs",
                               str(self.where)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return {who: (self.where / f"{who}.der").read_bytes() for who in ("own", "root", "other")}

    def hashes(self):
        der = self.make("")
        return [hashlib.sha1(der[who]).hexdigest() for who in ("own", "root", "other")]

    def profile(self, text):
        path = self.where / "profile.ini"
        path.write_text(PROFILE + text)
        return path

    def run_on(self, command, text, *options):
        """Exit status, the report, and the tables of the new store; None: none was written."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run(command, self.store, "-o", self.new, "--json", "--profile", self.profile(text), *options)
        self.last = result.stderr
        report = json.loads(result.stdout) if result.stdout.startswith(b"{") else {}
        return result.returncode, report, edbdecode.open(str(self.new)) if self.new.exists() else None

    def repair(self, text, *options):
        return self.run_on("repair", text, *options)

    def expect(self, text, where, column, right, *options, row=0):
        status, report, new = self.repair(text, *options)
        self.assertEqual(status, km.REPAIRED, (self.last, report.get("left")))
        self.assertEqual(report["verdict"], "yes after repair")
        rows = list(new.table(where).rows())
        self.assertEqual(rows[row][column], [right])
        keys = [r["Key"][0] for r in new.table("Trust").rows()]
        self.assertEqual(len(keys), 2)
        again = km.run("check", self.new, "--profile", self.where / "profile.ini", "--json")
        self.assertEqual(json.loads(again.stdout)["verdict"], "yes", again.stdout)

    # ---- how the issuing CA is named ----

    def test_hash_as_text(self):
        """Hexadecimal digits keep their case, what parts them, their width, and what stands behind them."""
        _, new, old = self.hashes()
        forms = {
            "lower": (str, "Text", str.encode), "upper": (str.upper, "Text", str.encode),
            "colons": (lambda h: ":".join(h[k:k + 2] for k in range(0, 40, 2)), "Text", str.encode),
            "blanks": (lambda h: " ".join(h[k:k + 4] for k in range(0, 40, 4)).upper(), "Text", str.encode),
            "unicode": (str, "UnicodeText", wide), "zero": (lambda h: h + "\0", "Text", str.encode),
            "bytes": (str, "Binary", str.encode), "wide bytes": (str.upper, "LongBinary", wide),
            "wide, zero": (lambda h: h + "\0", "LongBinary", wide),
        }
        for what, (shape, kind, encode) in forms.items():
            with self.subTest(what):
                self.make(table("Server", ["Id Long", f"Hash {kind}"], [[1, said(encode(shape(old)), kind)]]))
                self.expect(MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = Hash\nnames = sha1 hex\n",
                            "Server", "Hash", encode(shape(new)))

    def test_each_in_its_table(self):
        """A row of another table that has a setting's name is not it."""
        _, new, old = self.hashes()
        columns = ["Id Long", "Name Text", "Value LongBinary"]
        self.make(table("Modes", columns, [[1, "Mode", said(b"V3")], [2, "CA", said(bytes.fromhex(new))]]) +
                  table("Names", columns, [[1, "CA", said(bytes.fromhex(old))], [2, "Mode", said(b"V1")]]))
        self.expect("[setting.mode]\ntable = Modes\nrows = Name = Mode\ncolumn = Value\n"
                    "[setting.issuing-ca]\ntable = Names\nrows = Name = CA\ncolumn = Value\n",
                    "Names", "Value", bytes.fromhex(new))

    def test_no_hash(self):
        """What is no hash is no hash, and nothing is written for it."""
        _, new, old = self.hashes()
        for value in (old[:-1], old + "0", old[:-1] + "g", "f" * 38 + " :"):
            self.make(table("Server", ["Id Long", "Hash Text"], [[1, said(value.encode())]]))
            status, report, store = self.repair(
                MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = Hash\nnames = sha1 hex\n")
            self.assertIsNone(store, value)
            self.assertIn("KM-SETTING-VALUE", [p["code"] for p in report["problems"]])

    def test_bytes(self):
        _, new, old = self.hashes()
        for kind in ("Binary", "LongBinary"):
            self.make(table("Server", ["Id Long", f"Hash {kind}"], [[1, said(bytes.fromhex(old))]]))
            self.expect(MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = Hash\n", "Server", "Hash",
                        bytes.fromhex(new))

    def test_key(self):
        """By its key: a number of any type, in bytes, or in digits."""
        forms = {"Long": (4, "little"), "Short": (2, "little"), "Currency": (8, "little"), "UnsignedByte": (1, "little"),
                 "UnsignedLong": (4, "little"), "Binary": (4, "little"), "LongBinary": (2, "little")}
        text = MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = CA\nnames = key\n"
        for kind, (size, order) in forms.items():
            with self.subTest(kind):
                cell = said((33).to_bytes(size, order)) if "Binary" in kind else 33
                self.make(table("Server", ["Id Long", f"CA {kind}"], [[1, cell]]), keys=(31, 32, 33))
                self.expect(text, "Server", "CA", (32).to_bytes(size, order))
        for kind, encode in (("Text", str.encode), ("UnicodeText", wide), ("LongText", wide)):
            with self.subTest(kind):
                self.make(table("Server", ["Id Long", f"CA {kind}"], [[1, said(encode("103"), kind)]]), keys=(101, 102, 103))
                self.expect(text, "Server", "CA", encode("102"))

    def test_key_of_bytes(self):
        text = MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = CA\nnames = key\n"
        for key, kind, encode, back in (("Text", "Text", str.encode, str.encode), ("Text", "UnicodeText", wide, str.encode),
                                        ("UnicodeText", "Text", str.encode, wide), ("Binary", "LongBinary", str.encode, str.encode)):
            with self.subTest(key=key, setting=kind):
                self.make(table("Server", ["Id Long", f"CA {kind}"], [[1, said(encode("CA3"), kind)]]), key=f"Key {key}",
                          keys=[said(back(f"CA{n}"), key) for n in (1, 2, 3)])
                self.expect(text, "Server", "CA", encode("CA2"))

    def test_digits_of_two_bytes(self):
        """Beside keys beyond 32 bits: a letter that has a digit for its low byte is none."""
        text = MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = CA\nnames = key\n"
        for value, found in (("3", "yes after repair"), ("\u0133", "no")):
            self.make(table("Server", ["Id Long", "CA UnicodeText"], [[1, said(wide(value), "UnicodeText")]]),
                      key="Key LongLong", keys=(1 << 40, 2, 3))
            _, report, _ = self.repair(text)
            self.assertEqual(report["verdict"], found, report["problems"])

    def test_key_that_names_nothing(self):
        text = MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = CA\nnames = key\n"
        self.make(table("Server", ["Id Long", "CA Long"], [[1, 7]]))
        status, report, _ = self.repair(text)
        self.assertIn("mode V3, setting CA: entry 7", [p["evidence"] for p in report["problems"]])
        self.assertNotEqual(report["verdict"], "yes after repair")

    def test_role(self):
        self.make(table("Server", ["Id Long", "Text Text"], [[1, "x"]]))
        status, report, new = self.repair(MODE + "[setting.issuing-ca]\nnames = role\n")
        self.assertEqual(status, km.REPAIRED, self.last)
        self.assertEqual([(int.from_bytes(r["Key"][0], "little"), r["Role"][0][0]) for r in new.table("Trust").rows()],
                         [(1, 1), (2, 2)])

    def test_stated_in_the_profile(self):
        own, new, old = self.hashes()
        self.make("")
        for value in (new, "2"):
            status, report, store = self.repair(MODE + f"[setting.issuing-ca]\nis = {value}\n")
            self.assertEqual(status, km.REPAIRED, (value, self.last))
            self.assertEqual(report["settings"]["stated"], True)
        status, report, store = self.repair(MODE + f"[setting.issuing-ca]\nis = {old}\n")
        self.assertIsNone(store)    # what names it is not in the store
        self.assertIn(b"stated", self.last)
        status, report, store = self.repair(MODE + "[setting.issuing-ca]\nis = 9\n")
        self.assertIsNone(store)
        self.assertIn(b"expected a SHA-1 or the key of an entry, found 9", self.last)

    # ---- where ----

    def test_rows(self):
        """A row told by a text or a number; the others stay."""
        _, new, old = self.hashes()
        for kind, names, rows in (
                ("Text", ("Signer", "Mode"), ("Name = signer", "Name = Mode")),
                ("UnicodeText", ("Подписал", "方式"), ("Name = %D0%9F%D0%BE%D0%B4%D0%BF%D0%B8%D1%81%D0%B0%D0%BB",
                                                     "Name = %E6%96%B9%E5%BC%8F")),
                ("Short", (5, 9), ("Name = 5", "Name = 9")), ("Long", (0x105, 9), ("Name & 256 = 256", "Name = 9"))):
            with self.subTest(kind):
                cells = [n for n in names]
                self.make(table("Params", ["Id Long", f"Name {kind}", "Value LongBinary"],
                                [[71, cells[1], said(wide("V3"))], [72, cells[0], said(old.encode())],
                                 [73, 7 if kind in ("Short", "Long") else said(wide("x")), said(b"V1")]]))
                self.expect(f"[setting.mode]\ntable = Params\nrows = {rows[1]}\ncolumn = Value\n\n"
                            f"[setting.issuing-ca]\ntable = Params\nrows = {rows[0]}\ncolumn = Value\nnames = sha1 hex\n",
                            "Params", "Value", new.encode(), row=1)

    def test_two_rows(self):
        _, new, old = self.hashes()
        self.make(table("Server", ["Id Long", "Hash Text"], [[1, said(old.encode())], [2, said(new.encode())]]))
        status, report, store = self.repair(
            MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = Hash\nnames = sha1 hex\n")
        self.assertIsNone(store)
        self.assertIn("KM-SETTING-TWICE", [p["code"] for p in report["problems"]])

    def test_a_table_that_is_not_there(self):
        self.make("")
        status, report, store = self.repair("[setting.mode]\ntable = Server\ncolumn = Mode\n")
        self.assertIn("KM-NO-SETTINGS", [p["code"] for p in report["problems"]])
        self.assertEqual(report["verdict"], "cannot tell")

    # ---- the mode ----

    def switch(self, modes, extra=""):
        """migrate --to V3 where the store says V1: what stands there then."""
        profile = (f"[setting.mode]\ntable = Server\ncolumn = Mode\n{modes}\n"
                   f"[setting.issuing-ca]\ntable = Server\ncolumn = CA\n{extra}")
        return self.run_on("migrate", profile, "--to", "V3", "--issuing-ca", self.where / "root.der")

    def test_mode(self):
        numbers = "V1 = 0\nV1V3 = 1\nV3 = 2\n"
        for kind, value, modes, right in (
                ("Long", 0, numbers, (2).to_bytes(4, "little")), ("UnsignedByte", 0, numbers, b"\2"),
                ("Currency", 7, "V1 = 7\nV1V3 = 8\nV3 = 9\n", (9).to_bytes(8, "little")),
                ("Bit", 0, "V1 = 0\nV1V3 = 9\nV3 = 1\n", b"\xff"),
                ("Text", "V1", "", b"V3"), ("UnicodeText", "V1", "", wide("V3")), ("LongText", "V1", "", wide("V3")),
                ("Binary", "hex:5631", "", b"V3"), ("LongBinary", said(wide("V1")), "", wide("V3")),
                ("LongBinary", said(b"\0\0\0\0"), numbers, b"\2\0\0\0"),
                ("Text", "alt", "V1 = alt\nV1V3 = beide\nV3 = neu\n", b"neu"), ("Text", "0", numbers, b"2")):
            for key, names, ca in (("CA Binary", "", None), ("CA Long", "names = key\n", (2).to_bytes(4, "little")),
                                   ("CA Text", "names = sha1 hex\n", None)):
                with self.subTest(mode=kind, modes=modes, ca=key):
                    der = self.make(table("Server", ["Id Long", f"Mode {kind}", key], [[1, value, "-"]]), roles=(1, 3, 3))
                    status, report, new = self.switch(modes, names)
                    self.assertEqual(status, km.REPAIRED, self.last)
                    row = list(new.table("Server").rows())[0]
                    digest = hashlib.sha1(der["root"])
                    self.assertEqual(row["Mode"], [right])
                    self.assertEqual(row["CA"], [ca or (digest.digest() if "Binary" in key else digest.hexdigest().encode())])

    def test_mode_without_a_row(self):
        """A row is added where one value tells it; a table of one row that has none cannot be."""
        numbers = "V1 = 0\nV1V3 = 1\nV3 = 2\n"
        for kind, name, rows in (("Text", "CA", "Name = CA"), ("Long", 40, "Name = 40")):
            der = self.make(table("Server", ["Id Long", f"Name {kind}", "Value LongBinary", "Number Long"],
                                  [[4, "Mode" if kind == "Text" else 30, "-", 0]]), roles=(1, 3, 3))
            mode = "Name = Mode" if kind == "Text" else "Name = 30"
            text = (f"[setting.mode]\ntable = Server\nrows = {mode}\ncolumn = Number\n{numbers}\n"
                    f"[setting.issuing-ca]\ntable = Server\nrows = {rows}\ncolumn = Value\n")
            status, report, new = self.run_on("migrate", text, "--to", "V3", "--issuing-ca", self.where / "root.der")
            self.assertEqual(status, km.REPAIRED, self.last)
            first, second = new.table("Server").rows()
            self.assertEqual(first["Number"], [b"\2\0\0\0"])
            self.assertEqual(second["Id"], [b"\5\0\0\0"])
            self.assertEqual(second["Value"], [hashlib.sha1(der["root"]).digest()])
            self.assertEqual(second["Name"], [b"CA" if kind == "Text" else b"\x28\0\0\0"])
        self.make(table("Server", ["Id Long", "Mode Text", "CA Binary"], []), roles=(1, 3, 3))
        status, report, new = self.switch("")
        self.assertIsNone(new)

    def test_in_place(self):
        _, new, old = self.hashes()
        self.make(table("Server", ["Id Long", "Hash UnicodeText"], [[1, old]]))
        before = self.store.read_bytes()
        profile = self.profile(MODE + "[setting.issuing-ca]\ntable = Server\ncolumn = Hash\nnames = sha1 hex\n")
        result = km.run("repair", self.store, "--in-place", "--no-backup", "--profile", profile)
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        self.assertEqual(list(edbdecode.open(str(self.store)).table("Server").rows())[0]["Hash"], [wide(new)])
        self.assertIn(b"set Hash to", result.stdout)
        self.assertEqual(km.run("undo", self.store).returncode, 0)
        self.assertEqual(self.store.read_bytes(), before)

    # ---- discovery ----

    def discover(self, more):
        """What --accept-discovered makes of a store without a RowNo: the profile's text, exit status, report, tables."""
        _, new, old = self.hashes()
        self.make(more)
        text = (self.where / "description.ini").read_text()
        rows = [[n, f"certificate:{who}", role] for n, who, role in ((31, "own", 1), (32, "root", 3), (33, "other", 2), (34, "p1", 3),
                                                                   (35, "p2", 3))]
        text = text[:text.index("[table Trust]")] + PARTNERS + table("Trust", ["Key Long", "Cert LongBinary", "Role Long"], rows) + more
        (self.where / "description.ini").write_text(text)
        subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store)], check=True, capture_output=True)
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", self.store, "-o", self.new, "--json", "--accept-discovered")
        self.last = result.stderr
        draft = km.run("profile", self.store).stdout.decode()
        return draft, result.returncode, json.loads(result.stdout), edbdecode.open(str(self.new)) if self.new.exists() else None

    def test_discovered(self):
        """Settings in any place and form are found, named in the draft, and written anew."""
        _, new, old = self.hashes()
        extra = [[93, "Colour", "hex:626c7565"], [94, "NextCrl", "hex:3137"]]
        def rows(kind, mode, signer, values=extra):
            return table("Params", ["No Long", "Name Text", f"Value {kind}"], [
                [91, "IssueMode", said(mode, kind)], [92, "Signer", said(signer, kind)],
                *[[n, name, said(wide("blue"), kind) if kind in ("LongText", "UnicodeText") else value] for n, name, value in values]])
        def columns(mode, mode_value, ca, ca_value):
            return table("Server", ["Id Long", f"Mode {mode}", f"SignerCA {ca}", "Site Text"], [[90, said(mode_value, mode), said(ca_value, ca), "x"]])
        cases = {
            "rows of bytes": (rows("LongBinary", b"V3", bytes.fromhex(old)), "Params", 1, "Value", bytes.fromhex(new), "[settings]"),
            "rows of text": (rows("Text", b"V3", old.encode()), "Params", 1, "Value", new.encode(), "names = sha1 hex"),
            "rows of Unicode": (rows("LongText", wide("V3"), wide(old.upper())), "Params", 1, "Value", wide(new.upper()), "names = sha1 hex"),
            "rows of Unicode in bytes": (rows("LongBinary", wide("V3"), wide(old)), "Params", 1, "Value", wide(new), "names = sha1 hex"),
            "rows, hex in bytes": (rows("LongBinary", b"V3", old.encode()), "Params", 1, "Value", new.encode(), "names = sha1 hex"),
            "rows, a key": (rows("LongBinary", b"V3", b"33"), "Params", 1, "Value", b"32", "names = key"),
            "rows, a key in bytes": (rows("LongBinary", b"V3", (33).to_bytes(4, "little")), "Params", 1, "Value", (32).to_bytes(4, "little"), "names = key"),
            "columns": (columns("Text", b"V3", "Binary", bytes.fromhex(old)), "Server", 0, "SignerCA", bytes.fromhex(new), "[setting.mode]"),
            "columns of text": (columns("UnicodeText", wide("V3"), "Text", old.encode()), "Server", 0, "SignerCA", new.encode(), "names = sha1 hex"),
            "columns, a key": (table("Server", ["Id Long", "Mode Text", "SignerCA Long"], [[90, "V3", 33]]), "Server", 0, "SignerCA",
                               (32).to_bytes(4, "little"), "names = key"),
        }
        for what, (more, where, row, column, right, words) in cases.items():
            with self.subTest(what):
                draft, status, report, store = self.discover(more)
                self.assertEqual(status, km.REPAIRED, (self.last, draft))
                self.assertEqual(report["verdict"], "yes after repair")
                self.assertEqual(list(store.table(where).rows())[row][column], [right])
                self.assertIn(words, draft)
                (self.where / "draft.ini").write_text(draft)
                again = km.run("check", self.new, "--profile", self.where / "draft.ini", "--json")
                self.assertEqual(json.loads(again.stdout)["verdict"], "yes", again.stdout)

    def test_discovered_number(self):
        """Which mode a number is, nobody can tell from the store."""
        _, new, old = self.hashes()
        for value in (0, 1, 2):
            draft, status, report, store = self.discover(
                table("Server", ["Id Long", "CertMode Long", "SignerCA Binary"], [[90, value, said(bytes.fromhex(old))]]))
            self.assertIn(f"CertMode is {value}, and nothing tells which mode that is: --mode says it", draft.replace("\n", " "))
            self.assertNotIn(report["verdict"], ("yes", "yes after repair", "no"))
            said_so = km.run("repair", self.store, "-o", self.new, "--json", "--accept-discovered", "--mode", "V3", "--force")
            self.assertEqual(json.loads(said_so.stdout)["verdict"], "yes after repair")

    def test_discovered_mode_alone(self):
        """Where nothing says which CA issues, the answer is no "no"."""
        draft, status, report, store = self.discover(
            table("Params", ["No Long", "Name Text", "Value LongBinary"], [[91, "IssueMode", "hex:5633"], [92, "x", "hex:01"]]))
        self.assertEqual(report["verdict"], "cannot tell")
        self.assertIn("--issuing-ca-is says it", json.dumps(report))

    # ---- shown ----

    def shown(self, text, status=km.CLEAN):
        """What `settings` prints: the object, {setting: (state, value)}, and the text."""
        profile = self.profile(text)
        results = [km.run("settings", self.store, "--profile", profile, *more) for more in ((), ("--json",))]
        self.assertEqual([result.returncode for result in results], [status, status], results[0].stderr)
        value = json.loads(results[1].stdout)
        return value, {place["setting"]: (place["state"], place["value"]) for place in value["places"]}, results

    def test_shown(self):
        """Each state that a setting can be in."""
        _, new, old = self.hashes()
        self.make(table("Params", ["Id Long", "Name Text", "Value LongText", "Pin Text"],
                        [[1, "signer", old, "-"], [2, "org", "Zürich", "-"],
                         [3, "empty", "-", "-"], [4, "pin", "-", "hidden-4711"]]))
        text = MODE + "".join(f"[setting.{setting}]\ntable = Params\nrows = Name = {row}\ncolumn = {column}\n{more}\n"
                              for setting, row, column, more in (
                                  ("issuing-ca", "signer", "Value", "names = sha1 hex\n"), ("organization", "org", "Value", ""),
                                  ("site", "empty", "Value", ""), ("ca-name", "absent", "Value", ""),
                                  ("certificate-server", "pin", "Pin", "")))
        value, places, results = self.shown(text + "[secret.1]\ntable = Params\ncolumn = Pin\n")
        self.assertEqual(places, {"mode": ("stated", "V3"), "issuing-ca": ("there", old), "organization": ("there", "Zürich"),
                                  "site": ("empty", ""), "ca-name": ("missing", None), "certificate-server": ("secret", None)})
        self.assertEqual(value["settings"]["mode"], "V3")
        self.assertTrue(value["settings"]["stated"])
        self.assertEqual({place["setting"]: (place["table"], place["column"], place["row"]) for place in value["places"]}["site"],
                         ("Params", "Value", "Name = empty"))
        self.assertEqual(value["issuing"], {"thumbprint": old, "in_list": True, "entry": 3,
                                            "subject": "CN=Trey Research CA,O=Trey Research,C=GB"})
        for result in results:
            self.assertNotIn(b"4711", result.stdout + result.stderr)
        self.assertRegex(results[0].stdout.decode(), r"organization +there +Zürich +Params\.Value where Name = org\n")
        value, places, _ = self.shown(text)     # the same where nothing is secret
        self.assertEqual(places["certificate-server"], ("there", "hidden-4711"))

    def test_shown_secrets(self):
        """No setting shows what stands in a secret column, marked or guessed, in whatever form it is, also a wrong one."""
        _, _, old = self.hashes()
        for column, more in (("Pin", "[secret.1]\ntable = Server\ncolumn = Pin\n"), ("Password", "")):
            for setting, names in (("mode", ""), ("issuing-ca", "names = sha1 hex\n"), ("organization", ""), ("site", ""),
                                   ("ca-name", ""), ("certificate-server", "")):
                for secret in (old, "V3", "hidden-4711"):
                    with self.subTest(column=column, setting=setting, secret=secret):
                        self.make(table("Server", ["Id Long", f"{column} Text"], [[1, secret]]))
                        text = f"[setting.{setting}]\ntable = Server\ncolumn = {column}\n{names}\n" + more
                        wrong = setting == "issuing-ca" and secret != old
                        value, places, results = self.shown(text, km.PROBLEMS_LEFT if wrong else km.CLEAN)
                        self.assertEqual(places[setting], ("secret", None))
                        self.assertEqual((value["settings"]["mode"], value["issuing"]), ("unknown", None))
                        for result in results:
                            for form in (secret.encode(), secret.encode().hex().encode()):
                                self.assertNotIn(form, (result.stdout + result.stderr).replace(str(self.where).encode(), b""))

    def test_secrets_in_reports(self):
        """A report uses what a profile marks as secret, and shows it nowhere: not in its head, not in a finding."""
        for setting in ("mode", "issuing-ca", "organization", "site", "ca-name", "certificate-server"):
            for secret in ("hidden-4711", "hidden-4711\0\1"):
                for command in ("check", "repair", "list"):
                    for more in ((), ("--json",)):
                        with self.subTest(setting=setting, secret=secret, command=command, more=more):
                            names = "names = sha1 hex\n" if setting == "issuing-ca" else ""
                            self.make(table("Server", ["Id Long", "Pin LongBinary"], [[1, "hex:" + secret.encode().hex()]]))
                            profile = self.profile(f"[setting.{setting}]\ntable = Server\ncolumn = Pin\n{names}\n"
                                                   "[secret.1]\ntable = Server\ncolumn = Pin\n")
                            result = km.run(command, self.store, "--profile", profile, *more)
                            for form in (b"4711", b"hidden-4711".hex().encode()):
                                self.assertNotIn(form, result.stdout + result.stderr)

    def test_shown_issuing(self):
        """By its thumbprint, however it is named; also where no entry has it, or nothing names it."""
        _, new, _ = self.hashes()
        self.make(table("Server", ["Id Long", "Signer Long"], [[1, 2]]))
        value, places, _ = self.shown("[setting.issuing-ca]\ntable = Server\ncolumn = Signer\nnames = key\n")
        self.assertEqual((places["issuing-ca"], value["issuing"]["entry"]), (("there", new), 2))
        value, places, _ = self.shown("[setting.issuing-ca]\nnames = role\n")
        self.assertEqual((places["issuing-ca"][0], value["issuing"]["in_list"]), ("by role", True))
        value, places, results = self.shown(f"[setting.issuing-ca]\nis = {'ab' * 20}\n")
        self.assertEqual(places["issuing-ca"], ("stated", "ab" * 20))
        self.assertEqual(value["issuing"], {"thumbprint": "ab" * 20, "in_list": False, "entry": None, "subject": None})
        self.assertIn(b"which no entry has", results[0].stdout)
        value, places, _ = self.shown("")
        self.assertEqual((set(places.values()), value["issuing"]), ({("not in the profile", None)}, None))

    def test_shown_twice(self):
        _, new, old = self.hashes()
        self.make(table("Server", ["Id Long", "Hash Text"], [[1, old], [2, new]]))
        _, places, results = self.shown("[setting.issuing-ca]\ntable = Server\ncolumn = Hash\nnames = sha1 hex\n",
                                        km.PROBLEMS_LEFT)
        self.assertEqual(places["issuing-ca"], ("there", old))
        self.assertIn(b"the first of its values is judged", results[0].stderr)

    # ---- what a profile must not say ----

    def test_text_in_bytes(self):
        """UTF-16 is told from one byte a character, though a control code strayed into either."""
        dice = random.Random(2326)
        ascii_letters, cyrillic = string.ascii_letters + " ", "".join(map(chr, range(0x410, 0x450)))
        for _ in range(20):
            texts = [("".join(dice.choices(letters, k=dice.randrange(2, 40))), wide) for letters in (ascii_letters, cyrillic)]
            for letters, encode in (ascii_letters, str.encode), (ascii_letters, wide), (cyrillic, wide):
                strayed = dice.choices(letters, k=2 * dice.randrange(5, 20))
                strayed[dice.randrange(len(strayed))] = chr(dice.randrange(1, 0x20))
                texts.append(("".join(strayed), encode))
            for text, encode in texts:
                with self.subTest(text=text, encode=encode.__name__):
                    (self.where / "description.ini").write_text(
                        HEAD.partition("[certificate root]")[0].replace("[store]", "[store]\ncertificate-server = replaced", 1) +
                        "[entry 1]\ncertificate = own\nrole = own\n"
                        f"[setting CertificateServer]\nhex = {encode(text).hex()}\n")
                    subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store)],
                                   check=True, capture_output=True)
                    report = json.loads(km.run("check", self.store, "--json").stdout)
                    self.assertEqual(report["settings"]["certificate_server"], text)

    def test_bad_profiles(self):
        self.make("")
        for text, words in (
                ("[setting.mode]\n", "expected one of table, is"),
                ("[setting.mode]\nis = V2\n", "expected V1, V1V3 or V3"),
                ("[setting.mode]\ntable = T\n", "the key column beside table"),
                ("[setting.mode]\ntable = T\ncolumn = C\nV1 = 0\n", "the key V1V3 beside V1"),
                ("[setting.mode]\ntable = T\ncolumn = C\nV1 = 0\nV1V3 = 0\nV3 = 2\n", "three different values"),
                ("[setting.mode]\ntable = T\ncolumn = C\nis = V1\n", "found more"),
                ("[setting.issuing-ca]\ntable = T\ncolumn = C\nnames = md5\n", "sha1, sha1 hex, key"),
                ("[setting.issuing-ca]\nnames = role\ntable = T\ncolumn = C\n", "found more"),
                ("[setting.issuing-ca]\nnames = key\n", "expected one of"),
                ("[setting.issuing-ca]\ntable = T\nrows = C\ncolumn = C\n", "COLUMN = VALUE"),
                ("[setting.site]\nnames = key\n", "found names"),
                ("[setting.else]\nis = x\n", "setting.X"),
                ("[settings]\ntable = S\nname = N\nvalue = V\nmode = M\n[setting.mode]\nis = V3\n", "found both")):
            result = km.run("check", self.store, "--profile", self.profile(text))
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words.encode(), result.stderr, text)

    def test_types(self):
        for column, keys, words in (("Long", "column = C\n", "expected type Binary, LongBinary, Text or LongText"),
                                    ("LongBinaryValues", "column = C\n", "one value a row"),
                                    ("DateTime", "column = C\nV1 = 0\nV1V3 = 1\nV3 = 2\n", "expected type an integer")):
            self.make(table("Server", ["Id Long", f"C {column}"], [[1, "-"]]))
            result = km.run("check", self.store, "--profile", self.profile(f"[setting.mode]\ntable = Server\n{keys}"))
            self.assertIn(words.encode(), result.stdout + result.stderr)
            self.assertNotEqual(result.returncode, km.CLEAN)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Lists in several parts, and roles as conditions: in tables that a description adds.

The CA is there twice, imported and issuing; references are in Issued.  What is right is worked out by hand, and read
back with the separate decoder.
"""

import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import km
import test_keys
from describing import table, SETTINGS as WHERE

import edbdecode  # from tests/decoder, which km puts in the path

OTHER = """[certificate other]
version = 1
subject = C=US, O=Contoso, CN=Contoso Root
serial = 0x18
from = 1997-05-01
until = 2012-05-01

"""
SETTINGS = "\n" + WHERE + """[reference.1]
table = Issued
column = Signer
key = Id
"""
PART = "\n[list.{0}]\ntable = {1}\nkey = Key\ncertificates = Cert\n{2}"
ROLE = "own = Role = 1\nissuing = Role = 2\nimported = Role = 3\n"


# Lists of no certificate, by their form: a degenerate SignedData as RFC 2315 has it, a store of the end mark alone.
EMPTY = {"pkcs7": bytes.fromhex("302506092a864886f70d010702a0183016020101310030" "0b06092a864886f70d010701a0003100"),
         "sst": b"\0\0\0\0CERT" + bytes(12)}


def is_used(name, text):
    """Is the certificate in a row, alone or in a list: certificate:NAME, pkcs7:OTHER NAME?"""
    return re.search(rf"[a-z0-9]:[\w ]*\b{name}\b", text) is not None


def number(row, column):
    return int.from_bytes(row[column][0], "little") if row.get(column) else None


class Parts(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"

    def store(self, tables, references):
        """tables: {name: (columns, rows)}, certificates as "certificate:WHO"."""
        head, *certificates = test_keys.HEAD.split("[certificate ")
        certificates[-1], schema = certificates[-1].split("[schema]")
        text = "".join(table(name, *rest) for name, rest in tables.items())
        head += "".join(f"[certificate {one}" for one in certificates  # kmfixture has no place for one that is not used
                        if one.startswith("issuing") or is_used(one.split("]")[0], text))
        text = head + "[schema]" + schema + text
        text += table("Issued", ["Id Long", "Signer Long"], list(enumerate(references, 1)))
        path, store = self.where / "description.ini", self.where / "store.edb"
        path.write_text(text)
        made = subprocess.run([test_keys.KMFIXTURE, str(path), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def profile(self, text, more=""):
        path = self.where / "profile.ini"
        path.write_text("[profile]\nname = parts\n" + text + SETTINGS + more)
        return path

    def repair(self, store, profile, *options):
        """Exit status, {code: [evidence]}, and the new store; None: none was written."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", store, "-o", self.new, "--profile", profile, "--json", *options)
        self.last = result.stderr
        problems = {}
        for problem in json.loads(result.stdout).get("problems", []) if result.stdout.startswith(b"{") else []:
            problems.setdefault(problem["code"], []).append(problem["evidence"])
        return result.returncode, problems, edbdecode.open(str(self.new)) if self.new.exists() else None

    def right(self, store, profile, tables, references, *options):
        """tables: {name: {key: {column: number}}} after the repair; in place, and undone, it is the same."""
        status, problems, new = self.repair(store, profile, *options)
        self.assertIsNotNone(new, (problems, self.last))
        self.assertEqual(status, km.REPAIRED, (problems, self.last))
        for name, rows in tables.items():
            found = {number(row, "Key"): row for row in new.table(name).rows()}
            self.assertEqual(set(found), set(rows), name)
            for key, columns in rows.items():
                for column, value in columns.items():
                    self.assertEqual(number(found[key], column), value, (name, key, column))
        self.assertEqual([number(row, "Signer") for row in new.table("Issued").rows()], references)
        self.assertEqual(km.run("check", self.new, "--profile", profile).returncode, 0)
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup", "--profile", profile, *options)
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        self.assertEqual([number(row, "Signer") for row in edbdecode.open(str(store)).table("Issued").rows()], references)
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    # ---- several tables ----

    OWN = (["Key Long", "Cert LongBinary", "Role Long"],
           [[1, "certificate:own", 1], [4, "certificate:issuing", 2]])
    TRUSTED = (["Key Long", "Cert LongBinary", "Role Long"],
               [[2, "certificate:issuing", 3], [3, "certificate:partner", 3]])

    def test_two_tables(self):
        store = self.store({"Own": self.OWN, "Trusted": self.TRUSTED}, (2, 2, 2, 4, 3, 1))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
        self.right(store, profile, {"Own": {1: {"Role": 1}, 4: {"Role": 2}}, "Trusted": {3: {"Role": 3}}},
                   [4, 4, 4, 4, 3, 1])

    def test_role_is_the_table(self):
        """The trusted ones have no role; the issuing one stays, though most rows refer to the other."""
        trusted = (self.TRUSTED[0][:2] + ["Trust Bit"], [row[:2] + ["yes"] for row in self.TRUSTED[1]])
        store = self.store({"Own": self.OWN, "Trusted": trusted}, (2, 2, 2, 4, 3, 1))
        profile = self.profile(PART.format(7, "Trusted", "trusted = Trust\n") + PART.format(9, "Own", ROLE))
        self.right(store, profile, {"Own": {1: {"Role": 1}, 4: {"Role": 2}}, "Trusted": {3: {}}}, [4, 4, 4, 4, 3, 1])

    def test_untrusted_where_trust_cannot_be_said(self):
        """Trust is never widened: an own table that says nothing of trust takes no untrusted copy."""
        trusted = (self.TRUSTED[0][:2] + ["Trust Bit"], [row[:2] + ["no"] for row in self.TRUSTED[1]])
        store = self.store({"Own": self.OWN, "Trusted": trusted}, (2, 4))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", "trusted = Trust\n"))
        status, problems, new = self.repair(store, profile)
        self.assertEqual((status, new), (km.PROBLEMS_LEFT, None), problems)

    def test_row_goes_to_quarantine(self):
        """What the other table has no column for is not lost."""
        trusted = (self.TRUSTED[0] + ["Note Text"], [row + [f"note {n}"] for n, row in enumerate(self.TRUSTED[1])])
        store = self.store({"Own": self.OWN, "Trusted": trusted}, (2, 4))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
        status, problems, new = self.repair(store, profile)
        self.assertIsNotNone(new, (problems, self.last))
        kept = b"".join(path.read_bytes() for path in self.where.glob("new.edb*") if path != self.new)
        self.assertIn(b"note 0".hex().encode(), kept)
        self.assertNotIn(b"note 1".hex().encode(), kept)

    def test_reference_to_one_table(self):
        """A reference that names entries of one table only keeps the copy there, or nothing is done."""
        for who, stays in ((1, 4), (2, 2)):
            own = (self.OWN[0], [self.OWN[1][0], [4, "certificate:issuing", 3 if who == 2 else 2]])
            trusted = (self.TRUSTED[0], [[2, "certificate:issuing", 2 if who == 2 else 3], self.TRUSTED[1][1]])
            store = self.store({"Own": own, "Trusted": trusted}, (stays, stays))
            profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
            profile.write_text(profile.read_text() + f"list = {who}\n")
            tables = {"Own": {1: {}, 4: {"Role": 2}}, "Trusted": {3: {}}}
            if who == 2:
                tables = {"Own": {1: {}}, "Trusted": {2: {"Role": 2}, 3: {}}}
            self.right(store, profile, tables, [stays, stays])
        tables = {"Own": self.OWN, "Trusted": self.TRUSTED, "More": (["Id Long", "To Long"], [[1, 4], [2, 4]])}
        store = self.store(tables, (2, 2))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE),
                               "list = 2\n[reference.2]\ntable = More\ncolumn = To\nkey = Id\nlist = 1\n")
        status, problems, new = self.repair(store, profile)
        self.assertEqual((status, new), (km.PROBLEMS_LEFT, None), problems)

    def test_where(self):
        """Where a copy belongs that is active nowhere is asked."""
        own = (self.OWN[0], self.OWN[1] + [[5, "certificate:partner", 3]])
        trusted = (self.TRUSTED[0], self.TRUSTED[1][1:])
        store = self.store({"Own": own, "Trusted": trusted}, (3, 4, 5))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
        status, problems, new = self.repair(store, profile)
        self.assertEqual((status, new), (km.PROBLEMS_LEFT, None), problems)
        self.assertIn("which of the tables", problems["KM-COPIES-DIFFER"][0])
        self.right(store, profile, {"Own": {1: {}, 4: {"Role": 2}}, "Trusted": {3: {"Role": 3}}}, [3, 4, 3], "--keep", "3")
        self.right(store, profile, {"Own": {1: {}, 4: {"Role": 2}, 5: {}}, "Trusted": {}}, [5, 4, 5], "--keep", "5")

    def test_salvage(self):
        """Damage in the second table of the list is damage of the list: what refers to it is not dangling."""
        self.store({"Own": self.OWN, "Trusted": self.TRUSTED}, (2, 4))
        path, store = self.where / "description.ini", self.where / "store.edb"
        path.write_text(path.read_text() + "\n[damage]\nflip.1 = Trusted 0 3000 1\n")
        made = subprocess.run([test_keys.KMFIXTURE, str(path), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
        report = json.loads(km.run("repair", store, "--salvage", "--profile", profile, "--json").stdout)
        self.assertEqual(report["verdict"], "cannot tell")
        self.assertIn("table Trusted", [p["evidence"] for p in report["problems"] if p["code"] == "KM-SALVAGED"][0])

    def test_two_ranges(self):
        trusted = (self.TRUSTED[0], [[1, "certificate:issuing", 3], [2, "certificate:partner", 3]])
        store = self.store({"Own": self.OWN, "Trusted": trusted}, (1, 4))
        profile = self.profile(PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE))
        status, problems, new = self.repair(store, profile)
        self.assertEqual((status, new), (km.PROBLEMS_LEFT, None))
        self.assertIn("each has an entry 1", problems["KM-PROFILE-MISFIT"][0])

    def test_not_a_match(self):
        store = self.store({"Own": self.OWN, "Trusted": self.TRUSTED}, (1, 4))
        for text, says in ((PART.format(1, "Own", "rows = Roll = 1\n"), b"expected a column Roll"),
                           (PART.format(1, "Own", "rows = Role = x\n"), b"expected a number"),
                           (PART.format(1, "Own", "rows = Cert = 1\n"), b"expected an integer"),
                           (PART.format(1, "Own", "keep = Role, Roll\n"), b"expected a column Roll"),
                           (PART.format(1, "Own", "") + PART.format(2, "Own", "rows = Role = 1\n"), b"two parts of the list"),
                           (PART.format(1, "Own", "") + PART.format(2, "Lost", ""), b"expected a table Lost")):
            result = km.run("check", store, "--profile", self.profile(text))
            self.assertEqual(result.returncode, km.TROUBLE, text)
            self.assertIn(says, result.stdout + result.stderr, text)

    # ---- rows of one table ----

    def test_rows(self):
        """Certificates of others are in the list's table, too, with the number of the one that issued them."""
        columns = ["Key Long", "Cert LongBinary", "Kind Long", "Signer Long"]
        rows = [[1, "certificate:own", 1, "-"], [2, "certificate:issuing", 3, "-"], [3, "certificate:partner", 3, "-"],
                [4, "certificate:issuing", 2, "-"]]
        rows += [[10 + n, f"hex:3003020{n}0{n}", 4, who] for n, who in enumerate((2, 4, 2, 3), 1)]
        for how in ("rows = Kind = 1,2,3\n", "rows = Kind & 4 = 0\n"):
            store = self.store({"All": (columns, rows)}, (2, 4, 1))
            profile = self.profile(PART.format(1, "All", how + ROLE.replace("Role", "Kind")),
                                   "[reference.2]\ntable = All\ncolumn = Signer\nkey = Key\n")
            signed = {10 + n: {"Signer": 4 if who == 2 else who, "Kind": 4} for n, who in enumerate((2, 4, 2, 3), 1)}
            self.right(store, profile, {"All": {1: {"Kind": 1}, 3: {"Kind": 3}, 4: {"Kind": 2}, **signed}}, [4, 4, 1])

    def test_rows_by_text(self):
        columns = ["Key Long", "Cert LongBinary", "Kind UnicodeText", "Role Long"]
        rows = [[1, "certificate:own", "CA", 1], [2, "certificate:issuing", "ca", 3], [3, "hex:3000", "user", "-"],
                [4, "certificate:issuing", "CA", 2]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", "rows = Kind = CA\n" + ROLE))
        self.right(store, profile, {"All": {1: {"Role": 1}, 3: {}, 4: {"Role": 2}}}, [4, 4, 1])

    # ---- adding ----

    def issuing(self):
        """The issuing CA's certificate, which the settings name, as a file."""
        path = self.where / "given.der"
        store = self.store({"Plain": (["Key Long", "Cert LongBinary"], [[1, "certificate:issuing"]])}, ())
        path.write_bytes(next(iter(edbdecode.open(str(store)).table("Plain").rows()))["Cert"][0])
        return path

    ADDED_OWN = (["Key Long", "Cert LongBinary", "Role Long"], [[1, "certificate:own", 1]])
    ADDED_TRUSTED = (["Key Long", "Cert LongBinary", "Role Long"], [[7, "certificate:partner", 3]])

    def test_added_by_role(self):
        """The issuing CA comes where the own ones are, in whichever order the parts are said, or where roles are told."""
        given = self.issuing()
        store = self.store({"Own": self.ADDED_OWN, "Trusted": self.ADDED_TRUSTED}, (1, 7))
        for parts in (PART.format(1, "Own", ROLE) + PART.format(2, "Trusted", ROLE),
                      PART.format(1, "Trusted", ROLE) + PART.format(2, "Own", ROLE),
                      PART.format(1, "Trusted", "") + PART.format(2, "Own", ROLE),
                      PART.format(1, "Trusted", ROLE) + PART.format(2, "Own", ROLE + "new = yes\n")):
            with self.subTest(parts):
                self.right(store, self.profile(parts), {"Own": {1: {"Role": 1}, 8: {"Role": 2}}, "Trusted": {7: {"Role": 3}}},
                           [1, 7], "--issuing-ca", given)

    def test_added_as_the_profile_says(self):
        """Where neither part tells roles nothing is guessed; new = yes says which."""
        given = self.issuing()
        store = self.store({"Own": self.ADDED_OWN, "Trusted": self.ADDED_TRUSTED}, (1, 7))
        both = PART.format(1, "Own", "{0}") + PART.format(2, "Trusted", "{1}")
        status, problems, new = self.repair(store, self.profile(both.format("", "")), "--issuing-ca", given)
        self.assertEqual((status, new), (km.TROUBLE, None))
        self.assertIn(b"the list is in 2 parts, and nothing says which of them it would be in; a profile says so with new = yes",
                      self.last)
        for new, tables in ((("new = yes\n", ""), {"Own": {1: {}, 8: {}}, "Trusted": {7: {}}}),
                            (("new = no\n", "new = yes\n"), {"Own": {1: {}}, "Trusted": {7: {}, 8: {}}})):
            self.right(store, self.profile(both.format(*new)), tables, [1, 7], "--issuing-ca", given)
        status, problems, new = self.repair(store, self.profile(both.format("new = yes\n", "new = yes\n")))
        self.assertEqual((status, new), (km.TROUBLE, None))
        self.assertIn(b"new: expected yes in one section [list.N], found it in 2", self.last)

    def test_added_to_rows(self):
        """A new row has what tells its part from the others in the table; what is not known is not written."""
        given = self.issuing()
        for kind, own, trusted in (("Long", 5, 6), ("Short", 5, 6), ("Text", "own", "trusted"), ("UnicodeText", "own", "trusted")):
            store = self.store({"All": (["Key Long", "Cert LongBinary", f"Class {kind}", "Role Long"],
                                        [[1, "certificate:own", own, 1], [7, "certificate:partner", trusted, 3]])}, (1, 7))
            parts = PART.format(1, "All", f"rows = Class = {trusted}\n" + ROLE) + PART.format(2, "All", f"rows = Class = {own}\n" + ROLE)
            with self.subTest(kind):
                self.right(store, self.profile(parts), {"All": {1: {"Role": 1}, 7: {"Role": 3}, 8: {"Role": 2}}}, [1, 7],
                           "--issuing-ca", given)
                status, problems, new = self.repair(store, self.profile(parts), "--issuing-ca", given)
                rows = {number(row, "Key"): row for row in new.table("All").rows()}
                self.assertEqual(rows[8]["Class"], rows[1]["Class"])
                if kind == "Long":
                    for how in ("rows = Class = 5,9\n", "rows = Class & 5 = 5\n"):
                        parts = PART.format(1, "All", f"rows = Class = {trusted}\n" + ROLE) + PART.format(2, "All", how + ROLE)
                        status, problems, new = self.repair(store, self.profile(parts), "--issuing-ca", given)
                        self.assertEqual((status, new), (km.TROUBLE, None))
                        self.assertIn(b"what column Class has to be in a row of it is not known (rows)", self.last)

    def test_added_to_a_value(self):
        given = self.issuing()
        rows = [[n, f"List.{n}", f"der:{who}"] for n, who in enumerate(("own", "partner"), 71)]
        rows.append([79, "Other", "hex:" + test_keys.folded("00" * 3000)])  # so that the table has long values at all
        store = self.store({"All": (["Id Long", "Name Text", "Value LongBinary"], rows)}, ())
        own, partner, _ = (row["Value"][0] for row in edbdecode.open(str(store)).table("All").rows())
        for which in (71, 72, None):
            profile = self.where / "profile.ini"
            profile.write_text("[profile]\nname = values\n" + "".join(
                f"\n[list.{n}]\ntable = All\nrows = Name = List.{n}\ncertificates = Value\nform = der\nkey = none\n"
                f"new = {'yes' if n == which else 'no'}\n" for n in (71, 72)) + SETTINGS[:SETTINGS.index("[reference")])
            status, problems, new = self.repair(store, profile, "--issuing-ca", given)
            if which is None:
                self.assertEqual((status, new), (km.TROUBLE, None))
                continue
            self.assertEqual(status, km.REPAIRED, (problems, self.last))
            self.assertEqual([row["Value"][0] for row in new.table("All").rows()][:2],
                             [own + given.read_bytes(), partner] if which == 71 else [own, partner + given.read_bytes()])

    # ---- roles ----

    def test_flags(self):
        """Bits that no condition is about stay; the one that most rows refer to stays when --keep says so."""
        columns = ["Key Long", "Cert LongBinary", "Flags Long"]
        rows = [[1, "certificate:own", 0x45], [2, "certificate:issuing", 0x21], [3, "certificate:partner", 0x10],
                [4, "certificate:issuing", 0x23]]
        text = "own = Flags & 4 = 4\nissuing = Flags & 2 = 2\ntrusted = Flags & 1 = 1\n"
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        for more in ("", "imported = Flags & 6 = 0\n"):
            profile = self.profile(PART.format(1, "All", text + more))
            self.right(store, profile, {"All": {1: {"Flags": 0x45}, 3: {"Flags": 0x10}, 4: {"Flags": 0x23}}}, [4, 4, 1])
            self.right(store, profile, {"All": {1: {"Flags": 0x45}, 2: {"Flags": 0x23}, 3: {"Flags": 0x10}}}, [2, 2, 1],
                       "--keep", "2")
        shown = km.entries(store, "--profile", profile)[0]
        self.assertEqual((shown["role"], shown["trust"]), ("own", "trusted"))

    def test_flags_and_trust(self):
        """A copy that is not trusted makes the survivor untrusted, in the same column as its role."""
        columns = ["Key Long", "Cert LongBinary", "Flags Short"]
        rows = [[1, "certificate:own", 5], [2, "certificate:partner", 0x200], [3, "certificate:partner", 0x201],
                [4, "certificate:issuing", 3]]
        store = self.store({"All": (columns, rows)}, (3, 4, 1))
        profile = self.profile(PART.format(
            1, "All", "own = Flags & 4 = 4\nissuing = Flags & 2 = 2\ntrusted = Flags & 1 = 1\n"))
        self.right(store, profile, {"All": {1: {"Flags": 5}, 3: {"Flags": 0x200}, 4: {"Flags": 3}}}, [3, 4, 1])

    def test_flags_that_nothing_is_known_of(self):
        columns = ["Key Long", "Cert LongBinary", "Flags Long"]
        rows = [[1, "certificate:own", 4], [2, "certificate:issuing", 8], [4, "certificate:issuing", 2]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", "own = Flags & 4 = 4\nissuing = Flags & 2 = 2\n"))
        status, problems, new = self.repair(store, profile)
        self.assertIn("column Flags: entry 2 has 8, entry 4 has 2", problems["KM-COPIES-DIFFER"][0])
        self.assertIsNone(new)
        self.right(store, profile, {"All": {1: {"Flags": 4}, 2: {"Flags": 10}}}, [2, 2, 1], "--keep", "2")

    def test_rows_of_two_kinds(self):
        """What selects the rows, and is no role, is compared."""
        columns = ["Key Long", "Cert LongBinary", "Kind Long"]
        rows = [[1, "certificate:own", 1], [2, "certificate:issuing", 3], [3, "hex:3000", 4],
                [4, "certificate:issuing", 2]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", "rows = Kind = 1,2,3\n"))
        status, problems, new = self.repair(store, profile)
        self.assertIn("column Kind: entry 4 has 2, entry 2 has 3", problems["KM-COPIES-DIFFER"][0])
        self.assertIsNone(new)
        self.right(store, profile, {"All": {1: {"Kind": 1}, 3: {}, 4: {"Kind": 2}}}, [4, 4, 1], "--keep", "4")

    def test_bits(self):
        columns = ["Key Long", "Cert LongBinary", "Own Bit", "Issues Bit"]
        rows = [[1, "certificate:own", "yes", "no"], [2, "certificate:issuing", "no", "no"],
                [3, "certificate:partner", "no", "no"], [4, "certificate:issuing", "no", "yes"]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", "own = Own = 1\nissuing = Issues = 1\n"))
        self.right(store, profile, {"All": {1: {"Own": 255}, 3: {"Own": 0}, 4: {"Issues": 255}}}, [4, 4, 1])
        self.right(store, profile, {"All": {1: {"Own": 255}, 2: {"Issues": 255, "Own": 0}, 3: {"Own": 0}}}, [2, 2, 1],
                   "--keep", "2")

    def test_both_roles(self):
        columns = ["Key Long", "Cert LongBinary", "Own Bit", "Issues Bit"]
        rows = [[1, "certificate:own", "yes", "yes"], [2, "certificate:issuing", "no", "no"],
                [4, "certificate:issuing", "no", "yes"]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        result = km.run("check", store, "--profile",
                        self.profile(PART.format(1, "All", "own = Own = 1\nissuing = Issues = 1\n")))
        self.assertIn(b"KM-ROLE", result.stdout)

    def test_role_that_cannot_be_said(self):
        """Own is a kind, issuing a state: what kind an entry is that is no longer own, nobody has said."""
        columns = ["Key Long", "Cert LongBinary", "Kind Long", "State Long"]
        rows = [[1, "certificate:own", 1, 0], [2, "certificate:issuing", 7, 0], [4, "certificate:issuing", 7, 9]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", "own = Kind = 1\nissuing = State = 9\n"))
        self.right(store, profile, {"All": {1: {"Kind": 1}, 2: {"State": 9}}}, [2, 2, 1], "--keep", "2")
        status, problems, new = self.repair(store, self.profile(PART.format(
            1, "All", "own = Kind = 1\nissuing = State = 9\nimported = State = 0\n")), "--keep", "4")
        self.assertIsNotNone(new)

    # ---- other columns ----

    def test_role_in_words(self):
        """Roles are numbers: such a profile does not fit, and without the roles the copies are asked about."""
        words = {1: "OWN", 2: "TRUSTED", 4: "ISSUING"}
        store = self.store({"Trust": (["Key Long", "Cert LongBinary", "Role Text"], [
            [key, f"certificate:{who}", words[key]] for key, who in ((1, "own"), (2, "issuing"), (4, "issuing"))])}, (2, 4))
        status, problems, new = self.repair(store, self.profile(PART.format(
            1, "Trust", "own = Role = OWN\nissuing = Role = ISSUING\nimported = Role = TRUSTED\n")))
        self.assertIn(b"expected an integer or a Bit, found Text", self.last)
        self.assertIsNone(new)
        profile = self.profile(PART.format(1, "Trust", ""))
        status, problems, new = self.repair(store, profile)
        self.assertIn("Role", problems["KM-COPIES-DIFFER"][0])
        self.assertIsNone(new)
        status, problems, new = self.repair(store, profile, "--keep", "4")
        self.assertEqual([row["Role"][0] for row in new.table("Trust").rows()], [b"OWN", b"ISSUING"])
        self.assertEqual([number(row, "Signer") for row in new.table("Issued").rows()], [4, 4])

    def test_hex(self):
        store = self.store({"Plain": (["Key Long", "Cert LongBinary"], [[1, "certificate:own"]])}, ())
        certificate = iter(edbdecode.open(str(store)).table("Plain").rows()).__next__()["Cert"][0]
        import hashlib
        right = hashlib.sha1(certificate).hexdigest()
        columns = ["Key Long", "Cert LongBinary", "Role Long", "Hash Text"]
        rows = [[1, "certificate:own", 1, right.upper()], [2, "certificate:issuing", 3, "-"],
                [4, "certificate:issuing", 2, "00" * 20]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        profile = self.profile(PART.format(1, "All", ROLE + "thumbprint = Hash as hex\n"))
        status, problems, new = self.repair(store, profile)
        self.assertIsNotNone(new, (problems, self.last))
        self.assertEqual(len(problems["KM-THUMBPRINT"]), 1)
        found = {number(row, "Key"): row for row in new.table("All").rows()}
        self.assertEqual(found[1]["Hash"][0].decode(), right.upper())
        self.assertEqual(found[4]["Hash"][0].decode(), hashlib.sha1(found[4]["Cert"][0]).hexdigest())

    def test_keep(self):
        columns = ["Key Long", "Cert LongBinary", "Role Long", "Note Text"]
        rows = [[1, "certificate:own", 1, "a"], [2, "certificate:issuing", 3, "b"], [4, "certificate:issuing", 2, "c"]]
        store = self.store({"All": (columns, rows)}, (2, 4, 1))
        status, problems, new = self.repair(store, self.profile(PART.format(1, "All", ROLE)))
        self.assertIn("KM-COPIES-DIFFER", problems)
        self.assertIsNone(new)
        status, problems, new = self.repair(store, self.profile(PART.format(1, "All", ROLE + "keep = Note\n")))
        self.assertIsNotNone(new, (problems, self.last))
        self.assertIn(b"Note (Text): 62", b"".join(path.read_bytes() for path in self.where.glob("new.edb*") if path != self.new))

    # ---- discovery ----

    ISSUED = ["Id Long", "Signer Long", "Cert LongBinary"]

    def found(self, tables, issued, *options, more=""):
        """The draft, its exit status, and what a repair with --accept-discovered has written."""
        text = "".join(f"\n[user {n}]\nname = o=Trey Research, ou=London, cn=U{n}\n" for n in (1, 2))
        text += "".join(f"\n[user-certificate {n}]\nuser = {n % 2 + 1}\nissuer = {who}\nissuer-entry = {key}\n"
                        for n, (who, key) in enumerate(issued, 1))
        head, rest = test_keys.HEAD.split("[schema]")
        head += OTHER + more
        certificates = head.split("[certificate ")
        used = text + "".join(table(name, *one) for name, one in tables.items())
        head = certificates[0] + "".join(
            f"[certificate {one}" for one in certificates[1:]
            if one.startswith("issuing") or is_used(one.split("]")[0], used) or f"issuer = {one.split(']')[0]}" in used)
        path, store = self.where / "description.ini", self.where / "store.edb"
        path.write_text(head + "[schema]\nCertificateList = Unused\nUserCertificates = Issued\n" + used)
        made = subprocess.run([test_keys.KMFIXTURE, str(path), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        draft = km.run("profile", store)
        for one in self.where.glob("new.edb*"):
            one.unlink()
        km.run("repair", store, "-o", self.new, "--accept-discovered", *options)
        return draft.stdout.decode(), edbdecode.open(str(self.new)) if self.new.exists() else None

    NONE = ("--not-a-reference", "Users.State", "--not-a-reference", "Issued.UserId", "--not-a-reference", "Users.UserId")

    def test_discover_tables(self):
        """Two tables are one list when references lead to entries of each; after the repair, when their roles say so."""
        columns = ["Key Long", "Cert LongBinary", "Role Long", "Note Text"]
        own = (columns, [[1, "certificate:own", 1, "a"], [4, "certificate:issuing", 2, "b"]])
        trusted = (columns, [[2, "certificate:issuing", 3, "-"], [3, "certificate:partner", 3, "c"], [7, "certificate:other", 3, "d"]])
        issued = [("issuing", 2), ("own", 1), ("issuing", 4), ("issuing", 2)]
        draft, new = self.found({"Own": own, "Trusted": trusted}, issued, *self.NONE)
        self.assertIn("[list.2]", draft)
        self.assertIsNotNone(new, draft)
        self.assertEqual([number(row, "IssuerEntry") for row in new.table("Issued").rows()], [4, 1, 4, 4])
        self.assertEqual([number(row, "Key") for row in new.table("Trusted").rows()], [3, 7])
        self.assertEqual(km.run("check", self.new, "--accept-discovered").returncode, 0)

    def test_discover_no_parts(self):
        """An archive of the list, whose keys count for themselves, or to which nothing leads, is no part of it."""
        columns = ["Key Long", "Cert LongBinary", "Role Long", "Note Text"]
        whole = (columns, [[1, "certificate:own", 1, "a"], [2, "certificate:partner", 3, "-"], [3, "certificate:issuing", 3, "-"],
                           [4, "certificate:issuing", 2, "b"]])
        issued = [("issuing", 3), ("own", 1), ("issuing", 4)]
        for keys in ((1, 2), (11, 12)):
            archive = (columns, [[keys[0], "certificate:issuing", 3, "x"], [keys[1], "certificate:partner", 3, "y"]])
            draft, new = self.found({"Trusted": whole, "Old": archive}, issued, *self.NONE)
            self.assertIn("Result: two-lists", draft)
            self.assertIsNone(new)

    def test_discover_rows(self):
        """The list is the rows with certificates of issuers, when a column tells them and references lead to them."""
        columns = ["Key Long", "Cert LongBinary", "Kind Long"]
        plain = self.found({"List": (columns, [[1, "certificate:own", 1], [2, "certificate:issuing", 2]])},
                           [("issuing", 2), ("own", 1), ("issuing", 2)] * 3)
        certificates = [row["Certificate"][0] for row in edbdecode.open(str(self.where / "store.edb")).table("Issued").rows()]
        columns.append("Above Long")
        rows = [[1, "certificate:own", 1, "-"], [2, "certificate:issuing", 3, "-"], [3, "certificate:partner", 3, "-"],
                [4, "certificate:issuing", 2, "-"]]
        rows += [[10 + n, "hex:" + test_keys.folded(one.hex()), 4, above]
                 for n, (one, above) in enumerate(zip(certificates, (4, 1, 2) * 3))]
        self.assertTrue(plain)
        for kind, found in ((4, True), (3, False)):
            rows[-1][2] = kind
            draft, new = self.found({"All": (columns, rows)}, [], *self.NONE)
            self.assertEqual("rows = Kind = 1, 2, 3" in draft, found, draft)
            self.assertEqual(new is not None, found, draft)
            if found:
                above = {number(row, "Key"): number(row, "Above") for row in new.table("All").rows()}
                self.assertEqual(above, {1: None, 3: None, 4: None, **{10 + n: (4, 1, 4)[n % 3] for n in range(9)}})

    def test_discover_values(self):
        """Names that differ in a number make one list; the issuing CA's certificate under another name is no part."""
        columns = ["Id Long", "Name Text", "Value LongBinary"]
        self.found({"Plain": (["Key Long", "Cert LongBinary"], [
            [n, f"certificate:{who}"] for n, who in enumerate(("own", "issuing", "partner"), 1)])}, [])
        own, issuing, partner = (row["Cert"][0] for row in
                                 edbdecode.open(str(self.where / "store.edb")).table("Plain").rows())
        for names, found in ((("Trust 1", "Trust 2"), True), (("Trust", "Trust2"), True), (("Trust1", "Current"), False),
                             (("Trust1", "Archive2"), False)):
            rows = [[n, name, "hex:" + test_keys.folded(value.hex())]
                    for n, (name, value) in enumerate(zip(names, (own + issuing + partner, issuing)), 1)]
            draft, new = self.found({"All": (columns, rows)}, [], *self.NONE)
            self.assertEqual("[list.2]" in draft, found, draft)
            if found:
                self.assertIsNotNone(new, draft)
                self.assertEqual([row["Value"][0] for row in new.table("All").rows()], [own + partner, issuing])
            elif new:
                self.assertEqual(km.run("check", self.new, "--accept-discovered").returncode, km.PROBLEMS_LEFT)

    def test_discover_no_values(self):
        """Keys that count, and a list of one certificate in each row, or of it and its issuer: entries, no parts.

        Where each list has one, they are the list in rows."""
        generator = random.Random("entries that are lists")
        chained = OTHER.replace("version = 1", "issuer = partner").replace("other]", "chained]")
        for number_ in range(12):
            form = generator.choice(("pkcs7:", "sst:", "pem:"))
            style = generator.choice(("CA{:04}", "{}", "ANCHOR-{:02}-X", "List.{}"))
            names = [style.format(n) for n in sorted(generator.sample(range(10, 99), 5))]
            values = ["own", "issuing", "partner", "issuing", generator.choice(("partner chained", "other"))]
            generator.shuffle(values)
            columns, rows = ["Name Text", "Value LongBinary"], [[n, form + v] for n, v in zip(names, values)]
            if generator.random() < 0.5:
                columns, rows = ["Id Long"] + columns, [[n, *row] for n, row in enumerate(rows, 1)]
            with self.subTest(number_, rows=rows):
                draft, new = self.found({"All": (columns, rows)}, [], *self.NONE, more=chained)
                self.assertNotIn("[list.2]", draft)
                if not any(" " in value for value in values):
                    self.assertIn(f"pack = {form[:-1]}\n", draft)
                    continue
                self.assertRegex(draft, "Result: (nothing|doubt)")
                if form != "pem:":     # a value of PEM alone is none that discovery takes for a list
                    self.assertIn("they may be parts of the list, or its entries", draft)
                    self.assertIn("whether these are parts of one list cannot be told", draft)
                self.assertIsNone(new)

    def test_discover_trust_the_other_way_round(self):
        """A Bit that is set where there is no trust, by its name; of two copies the one that is not trusted counts."""
        for name, said in (("IsRevoked", "trusted = IsRevoked = 0"), ("NotTrusted", "trusted = NotTrusted = 0"), ("Special", None)):
            rows = [[n, f"certificate:{who}", bit] for n, (who, bit) in enumerate(
                (("own", "no"), ("issuing", "no"), ("partner", "no"), ("partner", "yes")), 21)]
            store = self.store({"Trust": (["Key Long", "Cert LongBinary", f"{name} Bit"], rows)}, (21, 22))
            draft = km.run("profile", store).stdout.decode()
            self.assertEqual([line for line in draft.splitlines() if line.startswith("trusted =")], [said] if said else [], draft)
            if said:
                (self.where / "draft.ini").write_text(draft)
                status, problems, new = self.repair(store, self.where / "draft.ini", "--not-a-reference", "Issued.Signer")
                self.assertIsNotNone(new, (problems, self.last))
                self.assertEqual([bool(row[name][0][0]) for row in new.table("Trust").rows()], [False, False, True])

    def test_discover_flags(self):
        columns = ["Key Long", "Cert LongBinary", "Flags Long"]
        issued = [("issuing", 2), ("own", 1), ("issuing", 4)]
        for flags, found in (((5, 1, 0, 3), True), ((5, 1, 2, 3), False), ((7, 1, 0, 3), False), ((4, 4, 0, 2), False)):
            flags += (1,)
            rows = [[key, f"certificate:{who}", flag] for key, who, flag in
                    zip((1, 2, 3, 4, 5), ("own", "issuing", "partner", "issuing", "other"), flags)]
            draft, new = self.found({"All": (columns, rows)}, issued, *self.NONE)
            self.assertEqual("issuing = Flags & 2 = 2" in draft, found, (flags, draft))
            self.assertEqual("own = Flags & 4 = 4" in draft, found, (flags, draft))
        for bits, found in ((("yes", "no", "no", "yes"), True), (("yes", "no", "yes", "yes"), False)):
            rows = [[1, "certificate:own", bits[0], bits[1]], [2, "certificate:issuing", "no", "no"],
                    [3, "certificate:partner", bits[2], "no"], [4, "certificate:issuing", "no", bits[3]]]
            draft, new = self.found({"All": (columns[:2] + ["Ours Bit", "Signs Bit"], rows)}, issued, *self.NONE)
            self.assertEqual("issuing = Signs = 1" in draft and "own = Ours = 1" in draft, found, draft)

    # ---- several values ----

    def test_values(self):
        """One place of the CA stays; a value is not left empty; references are by hash, and need not move."""
        columns = ["Id Long", "Name Text", "Value LongBinary"]
        plain = self.store({"Plain": (["Key Long", "Cert LongBinary"], [
            [n, f"certificate:{who}"] for n, who in enumerate(("own", "issuing", "partner"), 1)])}, ())
        own, issuing, partner = (row["Cert"][0] for row in edbdecode.open(str(plain)).table("Plain").rows())
        for values, right in (((own + issuing + partner, issuing), (own + partner, issuing)),
                              ((issuing, own + issuing), (issuing, own)),
                              ((own + issuing, issuing + partner), (own + issuing, partner))):
            rows = [[n, f"List.{n}", "hex:" + test_keys.folded(value.hex())] for n, value in enumerate(values, 1)]
            rows.append([7, "Other", "hex:0102"])
            store = self.store({"All": (columns, rows)}, ())
            part = "\n[list.{0}]\ntable = All\nrows = Name = List.{0}\ncertificates = Value\nform = der\nkey = none\n"
            text = "[profile]\nname = values\n" + part.format(1) + part.format(2) + SETTINGS[:SETTINGS.index("[reference")]
            profile = self.where / "profile.ini"
            profile.write_text(text + "[ignore.1]\ntable = All\ncolumn = Id\n")
            status, problems, new = self.repair(store, profile)
            self.assertIsNotNone(new, (problems, self.last))
            self.assertEqual(status, km.REPAIRED)
            self.assertEqual([row["Value"][0] for row in new.table("All").rows()], [*right, b"\1\2"])
            lost = self.store({"All": (columns, rows[1:])}, ())
            result = km.run("check", lost, "--profile", profile)
            self.assertEqual(result.returncode, km.PROBLEMS_LEFT)
            self.assertIn(b"a part of the list is not there", result.stdout)

    def test_a_hash_of_a_value(self):
        """It is asked about where that value changes, and not where another does."""
        profile = self.where / "profile.ini"
        profile.write_text("[profile]\nname = values\n" + "".join(
            f"\n[list.{n}]\ntable = All\nrows = Name = List.{n}\ncertificates = Value\nform = der\nkey = none\n"
            for n in (1, 2)) + SETTINGS[:SETTINGS.index("[reference")] + "[ignore.1]\ntable = All\ncolumn = Id\n")
        def made(*marks):
            rows = [[n, f"List.{n}", f"der:{who}", mark] for n, (who, mark) in enumerate(zip(("own issuing", "issuing partner"), marks), 1)]
            return self.store({"All": (["Id Long", "Name Text", "Value LongBinary", "Mark Binary"], rows)}, ())
        values = [row["Value"][0] for row in edbdecode.open(str(made("-", "-"))).table("All").rows()]
        for value, asked in zip(values, (False, True)):
            store = made("hex:" + hashlib.sha1(value).hexdigest(), "-")
            status, problems, new = self.repair(store, profile)
            self.assertEqual((status, new is None), (km.PROBLEMS_LEFT, True) if asked else (km.REPAIRED, False), (problems, self.last))
            self.assertEqual(["column Mark: it has a hash of the list's value" in text for text in problems.get("KM-RESIDUE", [])],
                             [True] if asked else [])

    def test_emptied(self):
        """What would empty a value is asked first; --keep or --drop says it, where the form has an empty list."""
        for form in ("pkcs7", "sst", "pem", "der"):
            values = ("own partner", "issuing", "issuing")
            rows = [[n, f"List.{n}", f"{form}:{value}"] for n, value in enumerate(values, 1)]
            store = self.store({"All": (["Id Long", "Name Text", "Value LongBinary"], rows)}, ())
            profile = self.where / "profile.ini"
            profile.write_text("[profile]\nname = values\n" + "".join(
                f"\n[list.{n}]\ntable = All\nrows = Name = List.{n}\ncertificates = Value\nform = {form}\nkey = none\n"
                for n in (1, 2, 3)) + SETTINGS[:SETTINGS.index("[reference")] + "[ignore.1]\ntable = All\ncolumn = Id\n")
            with self.subTest(form):
                status, problems, new = self.repair(store, profile)
                self.assertIsNone(new)
                self.assertEqual(status, km.PROBLEMS_LEFT, self.last)
                self.assertIn("its value would be empty", problems["KM-COPIES-DIFFER"][0])
                self.assertIn("--keep 3 or --keep 4" if form in EMPTY else "no list in its form",
                              problems["KM-COPIES-DIFFER"][0])
                for option, key, gone in (("--keep", "3", 2), ("--keep", "4", 1), ("--drop", "3", 1)):
                    status, problems, new = self.repair(store, profile, option, key)
                    if form not in EMPTY:
                        self.assertIsNone(new)
                        self.assertEqual(status, km.PROBLEMS_LEFT, self.last)
                        continue
                    self.assertEqual(status, km.REPAIRED, (problems, self.last))
                    left = [row["Value"][0] for row in new.table("All").rows()]
                    before = [row["Value"][0] for row in edbdecode.open(str(store)).table("All").rows()]
                    self.assertEqual(left[gone], EMPTY[form], (option, key))
                    self.assertEqual(left[:gone] + left[gone + 1:], before[:gone] + before[gone + 1:])


if __name__ == "__main__":
    if not os.path.exists(test_keys.KMFIXTURE):
        raise SystemExit(77)
    km.main()

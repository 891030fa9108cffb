#!/usr/bin/python3
"""Lists whose keys are no Long primary key, and references of other kinds: in tables that a description adds.

The list of each store is in the table Trust (the CA is its rows 2 and 3, of which 3 is issuing), references are in
Issued; the tables of km55 are there without entries.  What is right is worked out by hand, and read back with the
separate decoder.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
HEAD = """[store]
seed = keys
organization = Trey Research
mode = V3
issuing-ca = issuing
time = 1999-09-30 12:00

[certificate own]
version = 1
subject = O=Trey Research, OU=London, CN=KM Server CA
serial = 0x2B5C41
from = 1998-06-01
until = 2008-06-01

[certificate issuing]
subject = C=GB, O=Trey Research, CN=Trey Research CA
serial = 0x610F9E3C
from = 1999-02-01
until = 2009-02-01

[certificate partner]
subject = C=US, O=Fabrikam, CN=Fabrikam Root
serial = 0x17
from = 1997-05-01
until = 2012-05-01

[schema]
CertificateList = Unused
UserCertificates = Made
"""
LIST = (("own", 1), ("issuing", 3), ("issuing", 2), ("partner", 3))
PROFILE = """[profile]
name = keys

[list]
table = Trust
key = {key}
certificate = Cert
role = Role
role-own = 1
role-issuing = 2
role-imported = 3
{more}
[settings]
table = Configuration
name = Name
value = Value
mode = IssueMode
issuing-ca = IssuingCA

[reference.1]
table = Issued
column = Signer
key = Id
{names}
[ignore.1]
table = Trust
column = RowNo
"""


def table(name, columns, rows):
    text = f"\n[table {name}]\n" + "".join(f"column.{n} = {column}\n" for n, column in enumerate(columns, 1))
    for n, row in enumerate(rows, 1):
        text += f"row.{n} = " + " | ".join(map(str, row)) + "\n"
    return text


class Keys(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"

    def store(self, key, keys, reference, values, certificate="certificate:{}"):
        """A store whose list has the column `key` with these values, and a table Issued with these references."""
        trust = [[10 * n, value, certificate.format(who), role]
                 for n, (value, (who, role)) in enumerate(zip(keys, LIST), 1)]
        issued = [[n, value, "certificate:own"] for n, value in enumerate(values, 1)]
        description = self.where / "description.ini"
        description.write_text(HEAD + table("Trust", ["RowNo Long", key, "Cert LongBinary", "Role Long"], trust)
                               + table("Issued", ["Id Long", reference], [row[:2] for row in issued]))
        store = self.where / "store.edb"
        made = subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def profile(self, key="Key", more="", names=""):
        path = self.where / "profile.ini"
        path.write_text(PROFILE.format(key=key, more=more, names=names))
        return path

    def repair(self, store, *options):
        """Exit status, {code: [evidence]}, and what Trust and Issued hold in the new store; None: none was written."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", store, "-o", self.new, "--json", *options)
        self.last = result.stderr
        problems = {}
        for problem in json.loads(result.stdout)["problems"] if result.stdout.startswith(b"{") else []:
            problems.setdefault(problem["code"], []).append(problem["evidence"])
        if not self.new.exists():
            return result.returncode, problems, None
        new = edbdecode.open(str(self.new))
        trust = [(row["Key"][0], int.from_bytes(row["Role"][0], "little")) for row in new.table("Trust").rows()]
        return result.returncode, problems, (trust, [row.get("Signer", (b"",)) for row in new.table("Issued").rows()])

    def test_integers(self):
        """References move between keys of any integer type, whatever the type of the other side."""
        for key in ("Short", "UnsignedByte", "UnsignedShort", "UnsignedLong", "Currency", "LongLong", "UnsignedLongLong"):
            for reference, size in (("Long", 4), ("Short", 2), ("Currency", 8), ("UnsignedByte", 1)):
                with self.subTest(key=key, reference=reference):
                    store = self.store(f"Key {key}", (21, 22, 23, 24), f"Signer {reference}", (22, 23, 21, 0, 22, 24))
                    status, problems, new = self.repair(store, "--profile", self.profile())
                    self.assertIsNotNone(new, (problems, self.last))
                    self.assertEqual([int.from_bytes(row[0], "little") for row in new[1]], [23, 23, 21, 0, 23, 24])
                    self.assertEqual([len(row[0]) for row in new[1]], [size] * 6)
                    self.assertEqual([int.from_bytes(entry[0], "little") for entry in new[0]], [21, 23, 24])

    def test_too_large(self):
        """A number beyond 32 bits is no null and no other number: nothing is written."""
        for keys, values in (((21, 22, 1 << 32 | 23, 24), (22, 21)), ((21, 22, 23, 24), (22, 1 << 32 | 22)),
                             ((21, 22, 23, 24), (22, -(1 << 40)))):
            store = self.store("Key Currency", keys, "Signer LongLong", values)
            status, problems, new = self.repair(store, "--profile", self.profile())
            self.assertIsNone(new, (keys, values))
            self.assertNotEqual(status, 0)
            self.assertIn("expected a number from", problems["KM-STRUCTURE"][0])

    def test_null_key(self):
        store = self.store("Key Long", (21, 22, 23, "-"), "Signer Long", (22, 0))
        status, problems, new = self.repair(store, "--profile", self.profile())
        self.assertIsNone(new)
        self.assertIn("expected a key in column Key", problems["KM-STRUCTURE"][0])

    def test_two_that_could_be_the_key(self):
        """Without a reference that leads to an issuer, nothing tells RowNo from Key."""
        store = self.store("Key Short", (21, 22, 23, 24), "Signer Long", (22, 23))
        status, problems, new = self.repair(store, "--accept-discovered")
        self.assertIsNone(new)
        self.assertEqual(status, km.PROBLEMS_LEFT)
        draft = km.run("profile", store).stdout.decode()
        self.assertIn("2 integer columns have another value in every row", draft)


if __name__ == "__main__":
    unittest.main(verbosity=2)

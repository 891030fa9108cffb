#!/usr/bin/python3
"""Rows that several actions of one plan meet in, and lists whose rows are not known by their primary key.

What has to come out is written here by hand and read by the separate decoder, for both ways of writing.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import km
import edbdecode
import describing
from test_fixtures import KMFIXTURE, REVISIONS

PARTNER, SETTINGS = "\n" + describing.PARTNER, "\n" + describing.SETTINGS

HEAD = """
[store]
seed = rows of the plan
mode = V1
time = 1999-09-30 12:00
[certificate own]
version = 1
subject = O=Trey Research, OU=London, CN=KM Server CA
serial = 0x2B5C41
hash = sha1
from = 1998-06-01
until = 2008-06-01
[certificate issuing]
subject = C=GB, O=Trey Research, CN=Trey Research CA
serial = 0x610F9E3C000000000001
from = 1999-02-01
until = 2009-02-01
"""

SUB = """
[certificate sub]
subject = C=GB, O=Trey Research, CN=Sub CA
serial = 0x77
issuer = issuing
from = 1999-02-01
until = 2009-02-01
"""

OWN_TABLE = "[schema]\nwithout = CertificateList UserCertificates RevocationLists\n"


def integer(values):
    return int.from_bytes(values[0], "little", signed=True) if values else None


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class PlanRows(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def repaired(self, description, profile, table, columns, wanted, status=km.REPAIRED):
        """The integer columns of a table, after a repair in both ways and revisions, are the wanted ones."""
        (self.folder / "store.ini").write_text(HEAD + description)
        (self.folder / "store.profile").write_text("[profile]\nname = test\n" + profile)
        for revision in REVISIONS:
            original, copy, here = (self.folder / f"{name}-{revision}.edb" for name in ("original", "copy", "here"))
            subprocess.run([KMFIXTURE, self.folder / "store.ini", "-o", original, "--revision", revision], check=True,
                           capture_output=True)
            shutil.copy(original, here)
            for store, how in ((original, ["-o", copy]), (here, ["--in-place", "--no-backup"])):
                result = km.run("repair", store, "--profile", self.folder / "store.profile", *how)
                self.assertEqual(result.returncode, status, result.stdout + result.stderr)
            for store in (copy, here):
                with self.subTest(store.name):
                    found = next(found for found in edbdecode.open(str(store)).tables if found.name == table)
                    self.assertEqual([tuple(integer(row.get(column, [])) for column in columns) for row in found.rows()],
                                     wanted)
            self.assertEqual(km.run("undo", here).returncode, km.CLEAN)
            self.assertTrue(here.read_bytes() == original.read_bytes())

    def test_several_references_in_one_row(self):
        """Each moved reference of a row goes to its own survivor."""
        entries = "".join(f"[entry {key}]\ncertificate = {name}\nrole = {role}\n" for key, name, role in (
            (1, "own", "own"), (2, "issuing", "imported"), (3, "issuing", "imported"), (4, "partner", "imported"),
            (5, "partner", "imported"), (6, "sub", "imported"), (7, "sub", "imported")))
        columns = ("A", "B", "C", "D")
        rows = [(1, 3, 5, 7, 1), (2, 7, 3, 5, 3), (3, 2, 4, 6, 5), (4, 5, 5, 3, 7)]
        survivor = {1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 6, 7: 6}
        table = "[table Links]\ncolumn.1 = Id Long\ncolumn.2 = A Long\ncolumn.3 = B Long\ncolumn.4 = C Long\ncolumn.5 = D Long\n"
        table += "".join(f"row.{row[0]} = " + " | ".join(map(str, row)) + "\n" for row in rows)
        references = "".join(f"[reference.{i}]\ntable = Links\ncolumn = {name}\nkey = Id\n"
                             for i, name in enumerate(columns, 1))
        profile = ("[list]\ntable = CertificateList\nkey = EntryId\ncertificate = Certificate\nthumbprint = Thumbprint\n"
                   "role = Role\nrole-own = 1\nrole-issuing = 2\nrole-imported = 3\ntrusted = Trusted\nname = Name\n"
                   "imported-on = ImportedOn\n" + SETTINGS + references)
        # Of two copies the one that more rows name stays: count as the rule says, not as the program does.
        named = {key: sum(row[1:].count(key) for row in rows) for key in survivor}
        for one, other in ((2, 3), (4, 5), (6, 7)):
            stays = other if named[other] > named[one] else one
            survivor[one] = survivor[other] = stays
        wanted = [(row[0], *(survivor[key] for key in row[1:])) for row in rows]
        self.repaired(PARTNER + SUB + entries + table, profile, "Links", ("Id", *columns), wanted)

    def test_equal_values_of_one_row_make_one_entry(self):
        """A row that names an entry twice has one entry of it in an index, and gets one of the other."""
        entries = "".join(f"[entry {key}]\ncertificate = {name}\nrole = {role}\n" for key, name, role in (
            (1, "own", "own"), (2, "issuing", "imported"), (3, "issuing", "imported"), (4, "partner", "imported")))
        rows = [(1, (3, 3)), (2, (2, 3, 4)), (3, (4, 3, 3, 3)), (4, (2, 2)), (5, (2,))]
        table = "[table Links]\ncolumn.1 = Id Long\ncolumn.2 = Entries LongValues\nindex = Entries\n"
        table += "".join(f"row.{row} = {row} | " + " & ".join(map(str, names)) + "\n" for row, names in rows)
        profile = ("[list]\ntable = CertificateList\nkey = EntryId\ncertificate = Certificate\nthumbprint = Thumbprint\n"
                   "role = Role\nrole-own = 1\nrole-issuing = 2\nrole-imported = 3\ntrusted = Trusted\nname = Name\n"
                   "imported-on = ImportedOn\n" + SETTINGS +
                   "[reference.1]\ntable = Links\ncolumn = Entries\nkey = Id\n")
        named = {key: sum(names.count(key) for _, names in rows) for key in (2, 3)}
        stays = 3 if named[3] > named[2] else 2
        wanted = [tuple(stays if key in (2, 3) else key for key in names) for _, names in rows]
        self.repaired_values(PARTNER + entries + table, profile, wanted)

    def repaired_values(self, description, profile, wanted):
        (self.folder / "store.ini").write_text(HEAD + description)
        (self.folder / "store.profile").write_text("[profile]\nname = test\n" + profile)
        for revision in REVISIONS:
            original, copy = (self.folder / f"{name}-{revision}.edb" for name in ("original", "copy"))
            subprocess.run([KMFIXTURE, self.folder / "store.ini", "-o", original, "--revision", revision], check=True,
                           capture_output=True)
            result = km.run("repair", original, "--profile", self.folder / "store.profile", "-o", copy)
            self.assertEqual(result.returncode, km.REPAIRED, result.stdout + result.stderr)
            database = edbdecode.open(str(copy))
            found = next(found for found in database.tables if found.name == "Links")
            self.assertEqual([tuple(integer([value]) for value in row["Entries"]) for row in found.rows()], wanted)
            self.assertEqual(database.problems(), [])

    def test_reference_inside_the_list(self):
        """An entry that goes and names an entry itself goes; the parents of the others are moved."""
        table = ("[table Trust]\ncolumn.1 = Id Long\ncolumn.2 = Encoded LongBinary\ncolumn.3 = Parent Long\n"
                 "row.1 = 1 | certificate:own | 1\nrow.2 = 2 | certificate:issuing | 2\n"
                 "row.3 = 3 | certificate:issuing | 3\nrow.4 = 4 | certificate:sub | 3\n"
                 "row.5 = 5 | certificate:partner | 2\nrow.6 = 6 | certificate:partner | 3\n")
        profile = ("[list]\ntable = Trust\nkey = Id\ncertificate = Encoded\n" + SETTINGS +
                   "[reference.1]\ntable = Trust\ncolumn = Parent\nkey = Id\n")
        # 2 is named by two rows, 3 by three; 5 and 6 by none: the lower key stays.
        self.repaired(PARTNER + SUB + OWN_TABLE + table, profile, "Trust", ("Id", "Parent"), [(1, 1), (3, 3), (4, 3), (5, 3)])

    def test_copies_that_name_different_entries(self):
        """Which parent is right the profile has to say (keep), and --keep which; the other row is kept aside."""
        table = ("[table Trust]\ncolumn.1 = Id Long\ncolumn.2 = Encoded LongBinary\ncolumn.3 = Parent Long\n"
                 "row.1 = 1 | certificate:own | 1\nrow.2 = 2 | certificate:issuing | 2\n"
                 "row.3 = 3 | certificate:sub | 1\nrow.4 = 4 | certificate:sub | 2\n")
        profile = ("[list]\ntable = Trust\nkey = Id\ncertificate = Encoded\n" + SETTINGS +
                   "[reference.1]\ntable = Trust\ncolumn = Parent\nkey = Id\n")
        (self.folder / "store.ini").write_text(HEAD + SUB + OWN_TABLE + table)
        (self.folder / "store.profile").write_text("[profile]\nname = test\n" + profile)
        store, new = self.folder / "store.edb", self.folder / "new.edb"
        subprocess.run([KMFIXTURE, self.folder / "store.ini", "-o", store], check=True, capture_output=True)
        command = ["repair", store, "-o", new, "--profile", self.folder / "store.profile", "--json"]
        result = km.run(*command)
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT, result.stderr)
        self.assertFalse(new.exists())
        asked = [p["evidence"] for p in json.loads(result.stdout)["left"] if p["code"] == "KM-COPIES-DIFFER"]
        self.assertEqual(asked, ["table Trust, column Parent: entry 4 leads to 2, entry 3 to 1, and what leads to one would lead to "
                                 "where the other does; where that is right a profile says so with keep = Parent in its [list], "
                                 "and which row stays is said with --keep 4 or --keep 3"])
        self.assertEqual(km.run(*command, "--keep", "4").returncode, km.PROBLEMS_LEFT)
        kept_profile = self.folder / "keep.profile"
        kept_profile.write_text("[profile]\nname = test\n" + profile.replace("key = Id\n", "key = Id\nkeep = Parent\n", 1))
        command[command.index("--profile") + 1] = kept_profile
        for kept, parent in ((3, 1), (4, 2)):
            with self.subTest(kept):
                for old in self.folder.glob("new.edb*"):
                    old.unlink()
                result = km.run(*command, "--keep", str(kept))
                self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
                rows = next(found for found in edbdecode.open(str(new)).tables if found.name == "Trust").rows()
                self.assertEqual([(integer(row["Id"]), integer(row["Parent"])) for row in rows],
                                 [(1, 1), (2, 2), (kept, parent)])
                aside = [path for path in self.folder.glob("new.edb*") if path != new]
                self.assertIn(f"\nParent (Long): {3 - parent:02}000000\n", aside[0].read_text())

    def test_list_key_that_is_not_primary(self):
        """Rows of one list key in different places of the table: of each pair exactly one stays."""
        table = ("[table Trust]\ncolumn.1 = Id Long\ncolumn.2 = EntryId Long\ncolumn.3 = Certificate LongBinary\n"
                 "column.4 = Role Long\nrow.1 = 1 | 9 | certificate:issuing | 3\nrow.2 = 2 | 5 | certificate:own | 1\n"
                 "row.3 = 3 | 9 | certificate:issuing | 3\nrow.4 = 4 | 2 | certificate:partner | 3\n"
                 "row.5 = 5 | 9 | certificate:issuing | 3\nrow.6 = 6 | 2 | certificate:partner | 3\n")
        profile = ("[list]\ntable = Trust\nkey = EntryId\ncertificate = Certificate\nrole = Role\nrole-own = 1\n"
                   "role-issuing = 2\nrole-imported = 3\n" + SETTINGS)
        self.repaired(PARTNER + OWN_TABLE + table, profile, "Trust", ("Id", "EntryId", "Role"),
                      [(1, 9, 3), (2, 5, 1), (4, 2, 3)])

    def test_duplicate_keys_in_another_table(self):
        """Two rows under one key: the plan ends that in the list, where it drops one of them, and nowhere else."""
        text = (km.SOURCE / "fixtures" / "states" / "unique-key-violation" / "description.ini").read_text()
        text = text[:text.index("\n[expect]") + 1]
        verdicts = {}
        for damage in ("CertificateList 3 2", "UserCertificates 2 1", "Users 2 1"):
            description, store = self.folder / "store.ini", self.folder / "store.edb"
            description.write_text(text.replace("duplicate-key = CertificateList 3 2", "duplicate-key = " + damage))
            subprocess.run([KMFIXTURE, description, "-o", store], check=True, capture_output=True)
            report = json.loads(km.run("check", store, "--json").stdout)
            verdicts[damage.split()[0]] = report["verdict"]
            if damage.startswith("C"):
                store.unlink()
                continue
            for how in (["-o", self.folder / "new.edb"], ["--in-place"]):
                result = km.run("repair", store, *how)
                self.assertFalse(result.returncode & km.REPAIRED and not result.returncode & km.PROBLEMS_LEFT, result)
                (self.folder / "new.edb").unlink(missing_ok=True)
            store.unlink()
        self.assertEqual(verdicts, {"CertificateList": "yes after repair", "UserCertificates": "no", "Users": "no"})


if __name__ == "__main__":
    km.main()

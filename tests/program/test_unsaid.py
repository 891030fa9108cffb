#!/usr/bin/python3
"""What the profile says nothing about, in stores that km55 fits: it is asked about, never moved or left in silence.

The fixture imported-twice (entries 2 and 3 are one certificate; 3 is issuing) gets one more table; what is right is
worked out by hand in each test, and results are read by the separate decoder.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"


def folded(value):
    """A value on lines that are short enough for a description."""
    return "\n ".join(value[k:k + 160] for k in range(0, len(value), 160)) if value.startswith("hex:") else value


class Unsaid(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"

    def store(self, columns, rows, name="imported-twice", primary="Id", more=""):
        """The state, with a table Extra: "Id Long" first, then `columns`; rows are lists of texts; and more sections."""
        text = (STATES / name / "description.ini").read_text()
        text = text[:text.index("\n[expect")]
        table = "".join(f"column.{n} = {column}\n" for n, column in enumerate(["Id Long", *columns], 1))
        for n, row in enumerate(rows, 1):
            table += f"row.{n} = " + " | ".join([str(10 * n), *map(folded, row)]) + "\n"
        description = self.where / "description.ini"
        description.write_text(f"{text}\n[table Extra]\n{table}primary = {primary}\n{more}")
        store = self.where / "store.edb"
        made = subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def certificates(self, name="imported-twice"):
        folder = self.where / "certificates"
        subprocess.run([KMFIXTURE, "--certs", str(folder), str(STATES / name / "description.ini")], check=True,
                       capture_output=True) if not folder.is_dir() else None
        return {path.stem: path.read_bytes() for path in folder.glob("*.der")}

    def repair(self, store, *options):
        """Exit status, {code: [evidence]}, the new store's rows of Extra or None when none was written."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", store, "-o", self.new, "--json", *options)
        problems = {}
        for problem in json.loads(result.stdout)["problems"] if result.stdout else []:
            problems.setdefault(problem["code"], []).append(problem["evidence"])
        rows = list(edbdecode.open(str(self.new)).table("Extra").rows()) if self.new.exists() else None
        self.last = result.stderr
        return result.returncode, problems, rows

    def entries(self):
        rows = edbdecode.open(str(self.new)).table("CertificateList").rows()
        return {int.from_bytes(row["EntryId"][0], "little"): int.from_bytes(row["Role"][0], "little") for row in rows}

    def numbers(self, rows, column):
        return [int.from_bytes(row[column][0], "little") for row in rows]

    # ---- columns that could refer to the list ----

    def test_asked_moved_or_left(self):
        store = self.store(["Trust Long"], [["2"], ["3"], ["1"], ["2"]])
        status, problems, rows = self.repair(store)
        self.assertEqual((status, rows), (km.PROBLEMS_LEFT, None))
        self.assertIn("--reference Extra.Trust or --not-a-reference Extra.Trust", problems["KM-RESIDUE"][0])
        status, problems, rows = self.repair(store, "--reference", "Extra.Trust")
        self.assertEqual((status, self.numbers(rows, "Trust")), (km.REPAIRED, [3, 3, 1, 3]))
        status, problems, rows = self.repair(store, "--not-a-reference", "extra.trust")
        self.assertEqual((status, self.numbers(rows, "Trust")), (km.REPAIRED, [2, 3, 1, 2]))

    def test_in_place_and_the_plan_too(self):
        store = self.store(["Trust Long"], [["2"], ["3"]])
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup")
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT, result.stderr)
        self.assertEqual(store.read_bytes(), before)
        plans = {json.loads(km.run("repair", store, "--json", *options).stdout)["plan"]["id"]
                 for options in ([], ["--reference", "Extra.Trust"], ["--not-a-reference", "Extra.Trust"])}
        self.assertEqual(len(plans), 3, "what is said is a part of the plan's id")

    def test_entries_that_are_named(self):
        """Five, and how many more."""
        for copies, words in (5, "some name 10, 11, 12, 13, 14, which go"), (7, "some name 10, 11, 12, 13, 14 and 2 more, which go"):
            more = "".join(f"[entry {10 + n}]\ncertificate = partner\n" for n in range(copies))
            store = self.store(["Trust Long"], [[str(10 + n)] for n in range(copies)], more=more)
            _, problems, rows = self.repair(store, "--keep", "4")
            self.assertIsNone(rows)
            self.assertIn(words, problems["KM-RESIDUE"][0])

    def test_all_are_asked_about_at_once(self):
        store = self.store(["One Long", "Two Binary", "Three Text", "Four UnicodeText", "Five LongText"],
                           [["2", "hex:03000000", "2", "3", "2"], ["3", "hex:02000000", "3", "2", "3"]])
        _, problems, rows = self.repair(store)
        self.assertIsNone(rows)
        for column in ("One", "Two", "Three", "Four", "Five"):
            self.assertTrue(any(f"column {column}:" in text for text in problems["KM-RESIDUE"]), column)

    def test_other_forms_are_asked_about(self):
        """Bytes of other sizes and the other order, several in a value, digits with commas and in sixteens; -1 for none."""
        store = self.store(["One Binary", "Two Binary", "Three LongBinary", "Four Text", "Five UnicodeText", "Six Long"],
                           [["hex:0200", "hex:00000002", "hex:02000000 01000000", "2, 1", "0x02", "2"],
                            ["hex:0300", "hex:00000003", "hex:03000000", "3", "0x03", "-1"],
                            ["hex:0300", "hex:00000003", "hex:03000000", "3", "0x03", "3"]])
        _, problems, rows = self.repair(store)
        self.assertIsNone(rows)
        for column in ("One", "Two", "Three", "Four", "Five", "Six"):
            self.assertTrue(any(f"column {column}:" in text for text in problems["KM-RESIDUE"]), column)

    def test_no_candidates(self):
        """A value that is no key, other sizes and kinds, and columns that name nothing that goes."""
        store = self.store(["One Long", "Two Binary", "Three Text", "Four Long", "Five Bit", "Six DateTime"],
                           [["2", "hex:020000", "2nd", "1", "yes", "1999-01-01"],
                            ["99", "hex:030000", "3", "4", "no", "1999-01-02"]])
        status, problems, _ = self.repair(store)
        self.assertEqual((status, problems.get("KM-RESIDUE")), (km.REPAIRED, None))

    def test_versions_are_no_names(self):
        """Numbers that are each the version of the certificate beside them, and those that are not."""
        for version, asked in (("3", False), ("2", True)):
            with self.subTest(version):
                store = self.store(["Data LongBinary", "Kind Long"], [["user-certificate:90", "1"], ["user-certificate:91", "3"],
                                   ["user-certificate:92", version]],
                                   more="".join(f"[user-certificate {n}]\nuser = 1\nissuer-entry = 2\nversion = {v}\n"
                                                for n, v in ((90, 1), (91, 3), (92, 3))))
                status, problems, _ = self.repair(store, "--keep", "2")  # entry 3 goes
                self.assertEqual((status, "KM-RESIDUE" in problems), (km.PROBLEMS_LEFT, True) if asked else (km.REPAIRED, False),
                                 problems)

    def test_zero_and_null_are_none(self):
        store = self.store(["Trust Long"], [["0"], ["-"], ["2"], ["3"], ["-1"]])
        _, problems, rows = self.repair(store)
        self.assertIsNone(rows)
        self.assertIn("KM-RESIDUE", problems)
        status, problems, rows = self.repair(store, "--reference", "Extra.Trust")
        self.assertEqual((status, problems.get("KM-DANGLING")), (km.REPAIRED, None), self.last)
        self.assertEqual([row.get("Trust", [b""])[0] for row in rows],
                         [b"\0\0\0\0", b"", b"\3\0\0\0", b"\3\0\0\0", b"\xff\xff\xff\xff"])

    def test_the_copy_that_is_named_stays(self):
        """Only entry 2 is named: it stays and becomes issuing, and nothing has to be asked."""
        store = self.store(["Trust Long"], [["2"], ["1"]])
        status, problems, rows = self.repair(store)
        self.assertEqual((status, problems.get("KM-RESIDUE")), (km.REPAIRED, None))
        self.assertEqual(self.numbers(rows, "Trust"), [2, 1])
        self.assertEqual(self.entries(), {1: 1, 2: 2, 4: 3})

    def test_in_a_primary_key(self):
        """Such a reference cannot be moved: what it names stays, or it is said by which entry, and why not."""
        for option in (["--reference", "Extra.Trust"], ["--profile", self.profile()]):
            with self.subTest(option[0]):
                store = self.store(["Trust Long"], [["1"], ["2"]], primary="Trust Id")
                status, problems, rows = self.repair(store, *option)
                self.assertEqual((status, problems.get("KM-RESIDUE")), (km.REPAIRED, None), self.last)
                self.assertEqual(self.numbers(rows, "Trust"), [1, 2])
                self.assertEqual(self.entries(), {1: 1, 2: 2, 4: 3})
                # What else names entry 3 could be moved.
                store = self.store(["Trust Long"], [["1"], ["2"]], primary="Trust Id",
                                   more="[user-certificate 90]\nuser = 1\nissuer-entry = 3\n")
                status, problems, rows = self.repair(store, *option, "--keep", "3")
                self.assertEqual((status, rows), (km.PROBLEMS_LEFT, None), self.last)
                self.assertIn("a reference cannot be moved, and 1 of its rows name entry 2, which goes; --keep 2 keeps it; "
                              "if it is no reference, say --not-a-reference Extra.Trust", problems["KM-RESIDUE"][0])
                store = self.store(["Trust Long"], [["1"], ["2"], ["3"]], primary="Trust Id")
                for more in ([], ["--keep", "2"]):
                    status, problems, rows = self.repair(store, *option, *more)
                    self.assertEqual((status, rows), (km.PROBLEMS_LEFT, None), self.last)
                    goes, stays = (3, 2) if more else (2, 3)
                    self.assertIn(f"name entry {goes}, which goes, as entry {stays} would for it, which is named so, too; if it is "
                                  "no reference, say --not-a-reference Extra.Trust", problems["KM-RESIDUE"][0])
                self.assertEqual(self.repair(store, "--not-a-reference", "Extra.Trust")[0], km.REPAIRED, self.last)

    def profile(self):
        """The built-in profile, and the reference."""
        path = self.where / "profile.ini"
        path.write_text(km.builtin_profile() + "\n[reference.3]\ntable = Extra\ncolumn = Trust\n")
        return path

    def test_dangling_in_a_primary_key(self):
        """A row that names nobody is left where it cannot be moved."""
        store = self.store(["Trust Long", "Data LongBinary"], [["1", "user-certificate:1"], ["99", "user-certificate:2"]], primary="Trust Id")
        path = self.profile()
        path.write_text(path.read_text() + "key = Id\nproves = Data\n")
        status, problems, rows = self.repair(store, "--profile", path)
        self.assertEqual((status, self.numbers(rows, "Trust")), (km.REPAIRED | km.PROBLEMS_LEFT, [1, 99]), (problems, self.last))
        self.assertIn("KM-DANGLING", problems)

    def test_explained(self):
        """Keys of another table by the column's name, and the version of the certificate beside it."""
        store = self.store(["UserId Long"], [["1"], ["2"], ["3"]])
        status, problems, _ = self.repair(store)
        self.assertEqual((status, problems.get("KM-RESIDUE")), (km.REPAIRED, None))
        store = self.store(["Number Long", "Data LongBinary"],
                           [["1", "user-certificate:1"], ["3", "user-certificate:2"], ["3", "user-certificate:3"]])
        status, problems, _ = self.repair(store)
        self.assertEqual((status, problems.get("KM-RESIDUE")), (km.REPAIRED, None))
        store = self.store(["Number Long", "Data LongBinary"],
                           [["3", "user-certificate:1"], ["2", "user-certificate:2"], ["3", "user-certificate:3"]])
        self.assertIn("KM-RESIDUE", self.repair(store)[1])

    def test_hash_of_what_goes(self):
        """re-encoded-ber: entry 2 goes, and with it the SHA-1 of its bytes."""
        digest = hashlib.sha1(self.certificates("re-encoded-ber")["issuing-ber"]).hexdigest()
        for column, value in (("Mark Binary", f"hex:{digest}"), ("Mark LongBinary", f"hex:ffff{digest}00"),
                              ("Mark LongText", digest.upper()), ("Mark UnicodeText", digest)):
            store = self.store([column], [[value]], "re-encoded-ber")
            status, problems, rows = self.repair(store)
            self.assertEqual((status, rows), (km.PROBLEMS_LEFT, None), column)
            self.assertIn("--not-a-reference Extra.Mark", problems["KM-RESIDUE"][0])
            self.assertEqual(self.repair(store, "--not-a-reference", "Extra.Mark")[0], km.REPAIRED, column)

    def test_left_open_by_discovery(self):
        """One column agrees with the certificates beside it, and is the same in every row: it is asked about, and stays so."""
        store = self.store(["Signer Long", "Data LongBinary"], [["3", "user-certificate:2"], ["3", "user-certificate:3"]],
                           "renamed-schema-with-decoys")
        discovered = "--accept-discovered", "--not-a-reference", "Counters.Value"
        result = km.run("repair", store, "-o", self.new, *discovered, "--json")
        report = json.loads(result.stdout)
        self.assertEqual((result.returncode, self.new.exists()), (km.PROBLEMS_LEFT, False), result.stderr)
        for part in report["problems"], report["left"]:
            self.assertIn("table Extra, column Signer: its certificates agree, but it is 3 in every row, which may be chance; say "
                          "--reference Extra.Signer or --not-a-reference Extra.Signer",
                          [p["evidence"] for p in part if p["code"] == "KM-RESIDUE"])
        self.assertEqual(self.repair(store, *discovered, "--not-a-reference", "Extra.Signer")[0], km.REPAIRED, self.last)

    # ---- a second place ----

    def test_second_copy(self):
        der = self.certificates()["issuing"]
        for value in (der, b"\1\2\3\4" + der + b"\5", der[:-1]):
            store = self.store(["Blob LongBinary"], [["hex:00"], [f"hex:{value.hex()}"]])
            status, problems, rows = self.repair(store)
            self.assertEqual(status, km.REPAIRED | km.PROBLEMS_LEFT)
            self.assertIsNotNone(rows)
            self.assertIn("--not-a-list Extra.Blob", problems["KM-SECOND-COPY"][0])
            self.assertIn("row 2", problems["KM-SECOND-COPY"][0])
            verdict = json.loads(km.run("check", self.new, "--json").stdout)["verdict"]
            self.assertEqual(verdict, "cannot tell")
            self.assertEqual(self.repair(store, "--not-a-list", "Extra.Blob")[0], km.REPAIRED, self.last)
            self.assertEqual(km.run("check", self.new, "--not-a-list", "Extra.Blob").returncode, km.CLEAN)

    def test_chain_is_none(self):
        """A user's certificate with its issuer's; another CA's beside it is no chain of it."""
        der = self.certificates()
        store = self.store(["Blob LongBinary"], [["user-certificate:2"]])
        user = next(iter(edbdecode.open(str(store)).table("Extra").rows()))["Blob"][0]
        chain = f"hex:{(user + der['issuing']).hex()}"
        status, problems, _ = self.repair(self.store(["Blob LongBinary"], [[chain]]))
        self.assertEqual((status, problems.get("KM-SECOND-COPY")), (km.REPAIRED, None))
        no_chain = f"hex:{(user + der['partner']).hex()}"
        self.assertIn("KM-SECOND-COPY", self.repair(self.store(["Blob LongBinary"], [[no_chain]]))[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)

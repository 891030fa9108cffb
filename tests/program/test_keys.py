#!/usr/bin/python3
"""Lists whose keys are no Long primary key, and references of other kinds: in tables that a description adds.

The list of each store is in the table Trust (the CA is its rows 2 and 3, of which 3 is issuing), references are in
Issued; the tables of km55 are there without entries.  What is right is worked out by hand, and read back with the
separate decoder.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import zlib

import edbmaking
import km
from describing import OWN, PARTNER, SETTINGS, table

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
HEAD = """[store]
seed = keys
organization = Trey Research
mode = V3
issuing-ca = issuing
time = 1999-09-30 12:00

""" + OWN + """
[certificate issuing]
subject = C=GB, O=Trey Research, CN=Trey Research CA
serial = 0x610F9E3C
from = 1999-02-01
until = 2009-02-01

""" + PARTNER + """
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
""" + SETTINGS + """
[reference.1]
table = Issued
column = Signer
key = Id
{names}
[ignore.1]
table = Trust
column = RowNo
"""


def folded(value):
    """A value on lines that are short enough for a description."""
    return "\n ".join(value[k:k + 160] for k in range(0, len(value), 160))


class Keys(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"

    def store(self, key, keys, reference, values, certificate="certificate:{}", listed=LIST):
        """A store whose list has the column `key` with these values, and a table Issued with these references."""
        trust = [[10 * n, value, certificate.format(who), role]
                 for n, (value, (who, role)) in enumerate(zip(keys, listed), 1)]
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
        for problem in json.loads(result.stdout).get("problems", []):
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

    def test_a_number_with_its_mark(self):
        """#N is entry N where keys are integers, too: in show, and in a decision, whose plan is the same."""
        store = self.where / "integers.edb"
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states/imported-twice/description.ini"), "-o", str(store)], check=True,
                       capture_output=True)
        for entry in km.entries(store):
            plain, marked = km.run("show", store, entry["entry"]), km.run("show", store, f"#{entry['entry']}")
            self.assertEqual((marked.returncode, marked.stdout), (km.CLEAN, plain.stdout))
        for wrong in "#", "#x", "##2", "#2x":
            self.assertEqual(km.run("show", store, wrong).returncode, km.USAGE, wrong)
        self.assertEqual(km.run("show", store, "#99").returncode, km.run("show", store, "99").returncode)
        plain, marked = (json.loads(km.run("repair", store, "--keep", name, "--json").stdout)["plan"] for name in ("2", "#2"))
        self.assertEqual(marked, plain)

    def test_too_large(self):
        """A number beyond 32 bits is no null and no other number: nothing is written."""
        for keys, values in (((21, 22, 23, 24), (22, 1 << 32 | 22)), ((21, 22, 23, 24), (22, -(1 << 40)))):
            store = self.store("Key Currency", keys, "Signer LongLong", values)
            status, problems, new = self.repair(store, "--profile", self.profile())
            self.assertIsNone(new, (keys, values))
            self.assertNotEqual(status, 0)
            self.assertIn("expected a number from", problems["KM-PROFILE-MISFIT"][0])

    def test_beyond_32_bits(self):
        """Keys that 32 bits cannot hold are numbered; references to them move, whatever their width, or nothing is written."""
        for key, reference, size, third in (("Currency", "LongLong", 8, 1 << 32 | 23), ("LongLong", "LongLong", 8, 1 << 40),
                                            ("Currency", "Currency", 8, 1 << 62), ("UnsignedLong", "Currency", 8, (1 << 32) - 9),
                                            ("UnsignedLong", "UnsignedLong", 4, 1 << 31), ("LongLong", "Long", 4, 1 << 33)):
            with self.subTest(key=key, reference=reference):
                store = self.store(f"Key {key}", (21, 22, third, third + 1), f"Signer {reference}", (22, 21, 0, 22))
                status, problems, new = self.repair(store, "--profile", self.profile())
                if size == 4 and third >> 32:
                    self.assertIsNone(new)
                    self.assertNotEqual(status, 0)
                    continue
                self.assertIsNotNone(new, (problems, self.last))
                self.assertEqual([int.from_bytes(row[0], "little") for row in new[1]], [third, 21, 0, third])
                self.assertEqual([len(row[0]) for row in new[1]], [size] * 4)
                self.assertEqual([int.from_bytes(entry[0], "little") for entry in new[0]], [21, third, third + 1])

    def test_null_key(self):
        store = self.store("Key Long", (21, 22, 23, "-"), "Signer Long", (22, 0))
        status, problems, new = self.repair(store, "--profile", self.profile())
        self.assertIsNone(new)
        self.assertIn("expected a key in column Key", problems["KM-PROFILE-MISFIT"][0])

    def test_a_null_key_behind_a_row_that_cannot_be_read(self):
        """Which row has no key cannot be said any more; that there is damage is."""
        store = self.store("Key Text", ("CA1", "CA2", "CA3", "-"), "Signer Text", ("CA2",))
        image, record = bytearray(store.read_bytes()), bytes((2, 128, 13, 0)) + (30).to_bytes(4, "little")
        at = image.index(record)    # columns 1 and 2 of fixed size, 128 behind them: the end of its value is wrong
        image[at + 13:at + 15] = (0x7000).to_bytes(2, "little")
        edbmaking.set_sum(memoryview(image)[at // 4096 * 4096:(at // 4096 + 1) * 4096])
        store.write_bytes(image)
        _, problems, new = self.repair(store, "--profile", self.profile())
        self.assertIsNone(new)
        self.assertIn("KM-STRUCTURE", problems)
        self.assertEqual([text for text in problems.get("KM-PROFILE-MISFIT", []) if "found a null" in text], [])

    def test_two_that_could_be_the_key(self):
        """Without a reference that leads to an issuer, nothing tells RowNo from Key."""
        store = self.store("Key Short", (21, 22, 23, 24), "Signer Long", (22, 23))
        status, problems, new = self.repair(store, "--accept-discovered")
        self.assertIsNone(new)
        self.assertEqual(status, km.PROBLEMS_LEFT)
        draft = km.run("profile", store).stdout.decode()
        self.assertRegex(draft, r"\w+ and \w+ have another value in every row")

    def test_two_that_could_be_the_key_of_what_stays(self):
        """Where no entry goes it need not be known: a header is written anew."""
        store = self.store("Key Short", (21, 22, 23), "Signer Long", (22, 23), listed=(("own", 1), ("issuing", 3), ("partner", 3)))
        store.write_bytes(bytes(4096) + store.read_bytes()[4096:])
        report = json.loads(km.run("repair", store, "--accept-discovered", "--json").stdout)
        self.assertEqual([a["action"] for a in report["plan"]["actions"]], ["write-header"])
        self.assertNotIn("KM-RESIDUE", [p["code"] for p in report["problems"]])

    # ---- keys that are no integers ----

    def test_bytes(self):
        guid = [bytes([n]) * 15 + b"\x07" for n in (9, 5, 7, 1)]
        for key, reference, keys in (
                ("Text", "Text", (b"CA0004", b"CA0002", b"CA0003", b"CA0001")),
                ("UnicodeText", "UnicodeText", tuple(f"Z\u00fc{n}".encode("utf-16-le") for n in (4, 2, 3, 1))),
                ("Binary", "Binary", (b"\x09\0", b"\x05", b"\x07\0\0", b"\x01")),
                ("GUID", "GUID", guid), ("GUID", "Binary", guid), ("Binary", "GUID", guid)):
            with self.subTest(key=key, reference=reference):
                def said(value):
                    return "hex:" + value.hex() if "Text" not in key else (
                        value.decode("utf-16-le") if key == "UnicodeText" else value.decode())
                names = [keys[n] for n in (1, 2, 0, 1, 3)]
                store = self.store(f"Key {key}", map(said, keys), f"Signer {reference}", [*map(said, names), "-"])
                status, problems, new = self.repair(store, "--profile", self.profile())
                self.assertIsNotNone(new, (problems, self.last))
                self.assertEqual([row[0] for row in new[1]], [keys[n] for n in (2, 2, 0, 2, 3)] + [b""])
                self.assertEqual([entry[0] for entry in new[0]], [keys[0], keys[2], keys[3]])

    def test_text_in_another_case(self):
        """To an index of the engine it is the same text; what does not move stays as it is written."""
        for kind, encode in (("Text", str.encode), ("UnicodeText", lambda text: text.encode("utf-16-le"))):
            store = self.store(f"Key {kind}", ("CA-d", "CA-b", "CA-c", "CA-a"), f"Signer {kind}", ["ca-B", "Ca-c", "CA-D", "ca-b", "ca-a"])
            status, problems, new = self.repair(store, "--profile", self.profile())
            self.assertEqual(status, km.REPAIRED, (problems, self.last))
            self.assertEqual([row[0] for row in new[1]], [encode(text) for text in ("CA-c", "Ca-c", "CA-D", "CA-c", "ca-a")])
            profile = self.profile()
            profile.write_text(profile.read_text().split("[reference.1]")[0])
            status, problems, new = self.repair(store, "--profile", profile)
            self.assertEqual((status, new), (km.PROBLEMS_LEFT, None), "not said to be one, it is asked about")
            self.assertIn("--reference Issued.Signer", problems["KM-RESIDUE"][0])

    def test_bytes_in_place(self):
        store = self.store("Key Text", ("CA1", "CA2", "CA3", "CA4"), "Signer Text", ("CA2", "CA3", "CA1", "nobody"))
        before = store.read_bytes()
        profile = self.profile()
        result = km.run("repair", store, "--in-place", "--no-backup", "--profile", profile)
        rows = edbdecode.open(str(store)).table("Issued").rows()
        self.assertEqual([row["Signer"][0] for row in rows], [b"CA3", b"CA3", b"CA1", b"nobody"])
        self.assertEqual(result.returncode, 5, result.stderr)  # nobody dangles
        self.assertIn(b"names no entry", result.stdout)
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    def test_bytes_that_nobody_named(self):
        """A column that holds keys of the list is asked about, whatever its type; integers that are numbers are not."""
        for key, keys, reference, values, asked in (
                ("Text", ("CA1", "CA2", "CA3", "CA4"), "Text", ("CA2", "CA3"), True),
                ("Text", ("CA1", "CA2", "CA3", "CA4"), "LongText", ("CA2", "CA3"), True),
                ("Text", ("CA1", "CA2", "CA3", "CA4"), "Long", ("2", "3"), False),
                ("Text", ("11", "12", "13", "14"), "Long", ("12", "13"), True),
                ("Text", ("CA1", "CA2", "CA3", "CA4"), "Text", ("CA2", "CA9"), False),
                ("GUID", ["hex:" + f"{n:032x}" for n in range(1, 5)], "GUID", ["hex:" + f"{n:032x}" for n in (2, 3)], True)):
            store = self.store(f"Key {key}", keys, f"Signer {reference}", values)
            profile = self.profile()
            text = profile.read_text()
            profile.write_text(text[:text.index("[reference.1]")] + text[text.index("[ignore.1]"):])
            status, problems, new = self.repair(store, "--profile", profile)
            self.assertEqual("KM-RESIDUE" in problems, asked, (key, reference, problems))
            self.assertEqual(new is None, asked)

    def test_another_column_that_tells_entries(self):
        """What names them by it, in all of its values, is asked about; 0 and -1 name nobody."""
        for values, asked in (((20, 10), True), ((20, 10, 0, -1), True), ((20, 10, 5), False), ((10, 40), False)):
            store = self.store("Key Short", (21, 22, 23, 24), "Signer Long", values)
            profile = self.profile()
            profile.write_text(profile.read_text().split("[reference.1]")[0])
            status, problems, new = self.repair(store, "--profile", profile)
            self.assertEqual((status, new is None), (km.PROBLEMS_LEFT, True) if asked else (km.REPAIRED, False), (values, problems))
            self.assertEqual(["values stand in column RowNo of the list, too, and tell entry 22, which goes" in text
                              for text in problems.get("KM-RESIDUE", [])], [True] if asked else [], values)

    def test_decisions(self):
        """An entry is called by its key, as list shows it, or by its number."""
        store = self.store("Key Text", ("CA1", "2", "CA3", "CA4"), "Signer Text", ("2", "CA3"))
        profile = self.profile()
        shown = km.run("list", store, "--profile", profile).stdout.decode()
        self.assertRegex(shown, r"(?m)^ *3 +issuing .* CA3$")
        self.assertEqual(km.entries(store, "--profile", profile)[1]["key"], "2")
        for word, number in (("CA3", 3), ("3", 3), ("#3", 3), ("2", 2), ("#1", 1)):
            report = json.loads(km.run("show", store, word, "--profile", profile, "--json").stdout)
            self.assertEqual(report["entry"]["entry"], number)
        for word in ("CA9", "#", "ca3", "#9"):
            self.assertNotEqual(km.run("show", store, word, "--profile", profile).returncode, 0, word)
        for word, stays in (("2", b"2"), ("CA3", b"CA3")):
            status, problems, new = self.repair(store, "--profile", profile, "--keep", word)
            self.assertEqual([entry[0] for entry in new[0]], [b"CA1", stays, b"CA4"])
            self.assertEqual([row[0] for row in new[1]], [stays, stays])
        alone = self.store("Key Text", ("CA1", "77", "CA3", "CA4"), "Signer Text", ("77", "CA3"))  # no entry has this number
        report = json.loads(km.run("show", alone, "77", "--profile", profile, "--json").stdout)
        self.assertEqual(report["entry"]["entry"], 2)
        other = self.store("Key Text", ("CA1", "3", "CA3", "CA4"), "Signer Text", ("3", "CA3"))
        result = km.run("repair", other, "--profile", profile, "--keep", "3")
        self.assertEqual(result.returncode, km.USAGE)
        self.assertIn(b"#3 and #2 are their numbers", result.stderr)

    def test_other_sort(self):
        for key, reference in (("Text", "Long"), ("Long", "Text"), ("Text", "UnicodeText"), ("Binary", "Text")):
            store = self.store(f"Key {key}", ("hex:01", "hex:02", "hex:03", "hex:04") if key == "Binary" else (1, 2, 3, 4),
                               f"Signer {reference}", (2, 3))
            status, problems, new = self.repair(store, "--profile", self.profile())
            self.assertIsNone(new)
            self.assertIn(b"expected the type of what it names", self.last)

    # ---- several values a row ----

    def test_values(self):
        """Each of a row's values moves for itself, in both ways of writing; their order and number stay."""
        def values(*numbers):
            return " & ".join("hex:" + number.to_bytes(4, "little").hex() for number in numbers) or "-"
        was = [(2,), (2, 1), (4, 2, 3, 2), (3,), (1, 4), (), (2, 77)]
        right = [[3], [3, 1], [4, 3, 3, 3], [3], [1, 4], [], [3, 77]]
        store = self.store("Key Long", (1, 2, 3, 4), "Signer LongValues", [values(*row) for row in was])
        profile = self.profile()
        status, problems, new = self.repair(store, "--profile", profile)
        self.assertIsNotNone(new, (problems, self.last))
        shown = [[int.from_bytes(value, "little") for value in row if value] for row in new[1]]
        self.assertEqual(shown, right)
        self.assertIn("Issued 7: Signer names entry 77", problems["KM-DANGLING"][0])
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup", "--profile", profile)
        self.assertEqual(result.returncode, 5, result.stderr)
        rows = edbdecode.open(str(store)).table("Issued").rows()
        self.assertEqual([[int.from_bytes(value, "little") for value in row.get("Signer", ())] for row in rows], right)
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    def test_values_of_bytes(self):
        keys = ("hex:0a", "hex:0b0b", "hex:0c", "hex:0d")
        rows = ("hex:0b0b & hex:0a", "hex:0d & hex:0b0b & hex:0b0b", "hex:0c")
        store = self.store("Key Binary", keys, "Signer BinaryValues", rows)
        status, problems, new = self.repair(store, "--profile", self.profile())
        self.assertIsNotNone(new, (problems, self.last))
        self.assertEqual([list(row) for row in new[1]], [[b"\x0c", b"\x0a"], [b"\x0d", b"\x0c", b"\x0c"], [b"\x0c"]])

    def test_values_asked(self):
        store = self.store("Key Long", (1, 2, 3, 4), "Signer LongValues", ("hex:02000000 & hex:03000000", "hex:01000000"))
        profile = self.profile()
        text = profile.read_text()
        profile.write_text(text[:text.index("[reference.1]")] + text[text.index("[ignore.1]"):])
        status, problems, new = self.repair(store, "--profile", profile)
        self.assertIsNone(new)
        self.assertIn("--reference Issued.Signer or", problems["KM-RESIDUE"][0])
        status, problems, new = self.repair(store, "--profile", profile, "--reference", "Issued.Signer")
        self.assertEqual([[value[0] for value in row] for row in new[1]], [[3, 3], [1]])
        profile = self.profile(names="proves = Id\n")
        self.assertNotEqual(km.run("repair", store, "--profile", profile).returncode, 0)

    # ---- references by hash ----

    def test_sha1(self):
        """A hash that an entry which stays has, too, need not move; one that goes with its entry does."""
        der = self.certificates()
        both = [hashlib.sha1(der[who]).digest() for who in ("own", "issuing", "partner")]
        store = self.store("Key Long", (1, 2, 3, 4), "Signer Binary", ["thumbprint:own", "thumbprint:issuing", "thumbprint:partner", "-"])
        status, problems, new = self.repair(store, "--profile", self.profile(names="names = sha1\n"))
        self.assertEqual([row[0] for row in new[1]], [*both, b""])
        trailing = der["issuing"] + b"\1\2\3"
        rows = [[10 * n, n, folded("hex:" + value.hex()), role] for n, (value, role) in enumerate(
            ((der["own"], 1), (trailing, 3), (der["issuing"], 2), (trailing, 3)), 1)]
        hashes = [hashlib.sha1(value).digest() for value in (trailing, der["issuing"], der["own"])]
        text = HEAD + table("Trust", ["RowNo Long", "Key Long", "Cert LongBinary", "Role Long"], rows)
        text += table("Issued", ["Id Long", "Signer Binary"], [[n, "hex:" + value.hex()] for n, value in enumerate(hashes, 1)])
        text += table("Used", ["Id Long", "Mark Binary"], [[n, f"thumbprint:{who}"] for n, who in enumerate(("own", "issuing", "partner"), 1)])
        (self.where / "description.ini").write_text(text)
        subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(store)], check=True, capture_output=True)
        right = [hashes[1], hashes[1], hashes[2]]
        status, problems, new = self.repair(store, "--profile", self.profile(names="names = sha1\n"))
        self.assertIsNotNone(new, (problems, self.last))
        self.assertEqual([int.from_bytes(entry[0], "little") for entry in new[0]], [1, 3])
        self.assertEqual([row[0] for row in new[1]], right)
        profile = self.profile()
        text = profile.read_text()
        profile.write_text(text[:text.index("[reference.1]")] + text[text.index("[ignore.1]"):])
        status, problems, new = self.repair(store, "--profile", profile)
        self.assertIsNone(new)
        self.assertIn("--reference Issued.Signer=sha1", problems["KM-RESIDUE"][0])
        status, problems, new = self.repair(store, "--profile", profile, "--reference", "Issued.Signer=sha1")
        self.assertEqual([row[0] for row in new[1]], right)
        again = km.run("repair", self.new, "--profile", self.profile(names="names = sha1\n"))
        self.assertIn(again.returncode, (0, 5), again.stdout)

    # ---- what stands around a certificate ----

    def certificates(self):
        folder = self.where / "certificates"
        description = self.where / "certificates.ini"
        description.write_text(HEAD + table("Used", ["Id Long", "Mark Binary"], [
            [n, f"thumbprint:{who}"] for n, who in enumerate(("own", "issuing", "partner"), 1)]))
        subprocess.run([KMFIXTURE, "--certs", str(folder), str(description)], check=True, capture_output=True)
        return {path.stem: path.read_bytes() for path in folder.glob("*.der")}

    def wrapped(self, *around):
        """A store whose list holds around[n % len](certificate); a profile without skip and pack."""
        der = self.certificates()
        rows = [[n, n, "hex:" + around[n % len(around)](der[who]).hex(), role]
                for n, (who, role) in enumerate(LIST, 1)]
        trust = table("Trust", ["RowNo Long", "Key Long", "Cert LongBinary", "Role Long"],
                      [[*row[:2], folded(row[2]), row[3]] for row in rows])
        issued = table("Issued", ["Id Long", "Signer Long"], [[1, 2], [2, 3], [3, 1]])
        description = self.where / "description.ini"
        used = table("Used", ["Id Long", "Mark Binary"],
                     [[n, f"thumbprint:{who}"] for n, who in enumerate(("own", "issuing", "partner"), 1)])
        description.write_text(HEAD + trust + issued + used)
        store = self.where / "store.edb"
        subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=True, capture_output=True)
        return store

    def header(self, der):
        return bytes.fromhex("0100000001000100") + len(der).to_bytes(8, "little") + der

    def packed(self, der):
        return b"KMZ1" + len(der).to_bytes(4, "little") + zlib.compress(der, 9)

    def test_wrapped(self):
        for around, more, drafted in ((self.header, "skip = 16\n", b"skip = 16\n"),
                                      (self.packed, "skip = 8\npack = zlib\n", b"skip = 8\npack = zlib\n"),
                                      (zlib.compress, "pack = zlib\n", b"pack = zlib\n")):
            store = self.wrapped(around)
            status, problems, new = self.repair(store, "--profile", self.profile(more=more))
            self.assertIsNotNone(new, (problems, self.last))
            self.assertEqual([int.from_bytes(row[0], "little") for row in new[1]], [3, 3, 1])
            rows = list(edbdecode.open(str(self.new)).table("Trust").rows())
            der = self.certificates()
            self.assertEqual([row["Cert"][0] for row in rows], [around(der[who]) for who in ("own", "issuing", "partner")])
            self.assertIn(drafted, km.run("profile", store).stdout)

    def test_wrapped_otherwise(self):
        """One value that is not as the others, or a profile that says nothing of it: cannot tell, nothing is written."""
        plain, behind = (lambda der: der), (lambda der: self.packed(der) + b"\0")
        for around, more in (((self.packed, self.packed, plain, self.packed), "skip = 8\npack = zlib\n"),
                             ((self.packed, behind), "skip = 8\npack = zlib\n"),
                             ((self.header,), "skip = 4096\n"), ((self.header,), ""), ((self.packed,), "")):
            store = self.wrapped(*around)
            profile = self.profile(more=more)
            status, problems, new = self.repair(store, "--profile", profile)
            self.assertIsNone(new)
            self.assertIn("KM-PROFILE-MISFIT", problems)
            before = json.loads(km.run("check", store, "--profile", profile, "--json").stdout)
            self.assertEqual(before["verdict"], "cannot tell")

    def test_wrapped_row_to_quarantine(self):
        """Copies that differ in what the profile does not name: the row that goes is written down as it was."""
        for around, more in ((self.header, "skip = 16\n"), (self.packed, "skip = 8\npack = zlib\n")):
            store = self.wrapped(around)
            profile = self.profile(more=more)
            profile.write_text(re.sub(r"role.*\n", "", profile.read_text()))
            said = ["--profile", profile, "--not-a-reference", "Trust.Role"]
            status, problems, new = self.repair(store, *said)
            self.assertIsNone(new)      # that it is no reference does not make it worthless
            self.assertIn("--keep 3 or --keep 2", problems["KM-COPIES-DIFFER"][0])
            status, problems, new = self.repair(store, *said, "--keep", "3")
            self.assertIsNotNone(new, (problems, self.last))
            self.assertEqual(new[0], [(b"\1\0\0\0", 1), (b"\3\0\0\0", 2), (b"\4\0\0\0", 3)])
            quarantine = self.new.with_name(self.new.name + ".quarantine.pem").read_text()
            self.assertIn(around(self.certificates()["issuing"]).hex(), quarantine)

    def test_wrapped_is_not_added_to(self):
        der = self.certificates()
        other = self.where / "partner.cer"
        other.write_bytes(der["issuing"])
        store = self.wrapped(self.header)
        text = (self.where / "description.ini").read_text().replace("\nissuing-ca = issuing", "\nissuing-ca = elsewhere")
        text = text.replace("[certificate partner]", """[certificate elsewhere]
subject = C=GB, O=Trey Research, CN=Another CA
serial = 0x99
from = 1999-02-01
until = 2009-02-01

[certificate partner]""")
        (self.where / "description.ini").write_text(text)
        folder = self.where / "more"
        subprocess.run([KMFIXTURE, "--certs", str(folder), str(self.where / "description.ini")], check=True, capture_output=True)
        subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(store)], check=True, capture_output=True)
        status, problems, new = self.repair(store, "--profile", self.profile(more="skip = 16\n"), "--issuing-ca",
                                            folder / "elsewhere.der")
        self.assertIsNone(new)
        self.assertIn(b"an entry cannot be added", self.last)

    def test_words(self):
        store = self.store("Key Long", (21, 22, 23, 24), "Signer Long", (22, 23))
        for more in ("skip = -1\n", "skip = 4097\n", "skip = x\n", "pack = gzip\n", "pack =\n"):
            result = km.run("check", store, "--profile", self.profile(more=more))
            self.assertEqual(result.returncode, km.TROUBLE, more)
            self.assertIn(b"expected", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

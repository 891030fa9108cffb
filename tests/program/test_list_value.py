#!/usr/bin/python3
"""Lists in values of tables of other shapes: with and without a text that selects, in every framing.

The list is written here, by Python, into a table of its own beside the users' certificates; what kmmigrate makes of it
is read with the independent decoder and taken apart here again.  References are positions.
"""

import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import km
from describing import PARTNER

import edbdecode  # from tests/decoder, which km puts in the path

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))

STORE = """
[store]
seed = list-value
organization = Trey Research
site = London
mode = V3
issuing-ca = issuing
certificate-server = PKI01\\Trey Research CA
time = 1999-09-30 12:00

[schema]
without = CertificateList
Configuration = Parameters

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

""" + PARTNER + """
[user 1]
name = o=Trey Research, ou=London, cn=Recipients, cn=AnnB

[user-certificate 1]
user = 1
issuer-entry = 2
issuer = issuing

[user-certificate 2]
user = 1
issuer-entry = 4
issuer = issuing

[user-certificate 3]
user = 1
issuer-entry = 4
issuer = issuing

[user-certificate 4]
user = 1
issuer-entry = 3
issuer = partner

[user-certificate 5]
user = 1
issuer-entry = 1
issuer = own
version = 1
serial = 1
"""

PROFILE = """
[profile]
name = value
[list-value]
table = Trust
column = Blob
{list}
[settings]
table = Parameters
name = Name
value = Value
mode = IssueMode
issuing-ca = IssuingCA
[reference.1]
table = UserCertificates
column = IssuerEntry
key = CertId
proves = Certificate
kind = certificate
[ignore.1]
table = Trust
column = Id
[ignore.2]
table = Parameters
column = SettingId
[ignore.3]
table = UserCertificates
column = Version
[ignore.4]
table = Users
column = State
[ignore.5]
table = UserCertificates
column = UserId
"""
DISCOVERED = ("--accept-discovered", "--not-a-reference", "UserCertificates.UserId",
              "--not-a-reference", "Users.State")
LISTED = ["own", "issuing", "partner", "issuing"]
AFTER = ["own", "partner", "issuing"]




def pem(line_end, before=""):
    def write(ders):
        text = before
        for der in ders:
            body = base64.b64encode(der).decode()
            lines = [body[k:k + 64] for k in range(0, len(body), 64)]
            text += line_end.join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
        return text.encode()
    return write


def items(header, count=False):
    """header: the bytes before a certificate of a size."""
    return lambda ders: (struct.pack("<I", len(ders)) if count else b"") + b"".join(header(len(d)) + d for d in ders)


# The lines of [list-value] that say it, and what writes it.
FORMS = (
    ("form = der", b"".join),
    ("form = pem", pem("\n")),
    ("form = pem", pem("\r\n", "The list\r\n")),
    ("form = items\nitems = count:le32", items(lambda size: b"", True)),
    ("form = items\nitems = size:le32", items(lambda size: struct.pack("<I", size))),
    ("form = items\nitems = size:be32", items(lambda size: struct.pack(">I", size))),
    ("form = items\nitems = size:le16", items(lambda size: struct.pack("<H", size))),
    ("form = items\nitems = count:le32 size:be16", items(lambda size: struct.pack(">H", size), True)),
    ("form = items\nitems = size:le32 skip:4", items(lambda size: struct.pack("<II", size, 7))),
    ("form = items\nitems = count:le32 skip:8 size@4:le32", items(lambda size: struct.pack("<II", 9, size), True)),
    ("form = items\nitems = skip:3", items(lambda size: b"\1\2\3")),
)


class ListValue(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.new = self.where / "new.edb"
        description = self.where / "certificates.ini"
        description.write_text(STORE)
        subprocess.run([KMFIXTURE, "--certs", str(self.where / "certificates"), str(description)], check=True,
                       capture_output=True)
        self.der = {path.stem: path.read_bytes() for path in (self.where / "certificates").glob("*.der")}

    def listed(self, names=LISTED):
        return [self.der[name] for name in names]

    def store(self, columns, rows):
        """A store with the table Trust: Id Long, then `columns`; rows of texts, or bytes."""
        def folded(value):
            value = "hex:" + value.hex()
            return "\n ".join(value[k:k + 160] for k in range(0, len(value), 160))

        def text(value):
            value = [value] if isinstance(value, bytes) else value
            return "\n & ".join(map(folded, value)) if isinstance(value, list) else value
        table = "".join(f"column.{n} = {column}\n" for n, column in enumerate(["Id Long", *columns], 1))
        for n, row in enumerate(rows, 1):
            table += f"row.{n} = " + " | ".join([str(10 * n), *map(text, row)]) + "\n"
        description = self.where / "description.ini"
        description.write_text(f"{STORE}\n[table Trust]\n{table}")
        store = self.where / "store.edb"
        made = subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return store

    def profile(self, text=""):
        path = self.where / "profile.ini"
        path.write_text(PROFILE.format(list=text))
        return "--profile", path

    def without_references(self, lines):
        options = self.profile(lines)
        text = options[1].read_text()
        start, end = text.index("[reference.1]"), text.index("[ignore.1]")
        options[1].write_text(text[:start] + text[end:] +
                              "[ignore.6]\ntable = UserCertificates\ncolumn = IssuerEntry\n")
        return options

    def repair(self, store, *options):
        """Exit status and the report; self.new is what was written, or is not there."""
        for path in self.where.glob("new.edb*"):
            path.unlink()
        result = km.run("repair", store, "-o", self.new, "--json", *options)
        self.assertNotIn(b"Sanitizer", result.stderr)
        self.last = result.stderr
        return result.returncode, json.loads(result.stdout) if result.stdout else {}

    def rows(self, path=None):
        """The values of Trust.Blob, all of every row."""
        return [row.get("Blob", []) for row in edbdecode.open(str(path or self.new)).table("Trust").rows()]

    def references(self, path=None):
        rows = edbdecode.open(str(path or self.new)).table("UserCertificates").rows()
        return [int.from_bytes(row["IssuerEntry"][0], "little") for row in rows]

    def moved_right(self, value, path=None):
        self.assertEqual(self.rows(path), [[value]])
        self.assertEqual(self.references(path), [3, 3, 3, 2, 1])

    # ---- framings ----

    def test_forms(self):
        for lines, write in FORMS:
            store = self.store(["Blob LongBinary"], [[write(self.listed())]])
            for options in (self.profile(lines), DISCOVERED):
                with self.subTest(lines, options=options[0]):
                    status, _ = self.repair(store, *options)
                    self.assertEqual(status, km.REPAIRED, self.last)
                    self.moved_right(write(self.listed(AFTER)))

    def test_added_in_every_form(self):
        """The issuing CA that the list has lost, given as a file: behind the others, in their form."""
        given = self.where / "given.der"
        given.write_bytes(self.der["issuing"])
        for lines, write in FORMS:
            store = self.store(["Blob LongBinary"], [[write(self.listed(["own", "partner"]))]])
            with self.subTest(lines):
                status, _ = self.repair(store, *self.without_references(lines), "--issuing-ca", given)
                self.assertEqual(status, km.REPAIRED, self.last)
                self.assertEqual(self.rows(), [[write(self.listed(["own", "partner", "issuing"]))]])

    def refused(self, store, *options, code="KM-LIST-FORM"):
        """Cannot tell, and nothing is written: no word of a backup for a form that is not known."""
        status, report = self.repair(store, *options)
        self.assertFalse(self.new.exists())
        codes = [p["code"] for p in report["problems"]]
        self.assertEqual((status, report["verdict"]), (km.PROBLEMS_LEFT, "cannot tell"), codes)
        self.assertIn(code, codes)
        self.assertNotIn("KM-LIST-CUT", codes)
        self.assertEqual(report["plan"]["actions"], [])

    def test_a_form_that_does_not_hold_is_refused(self):
        for lines, write in FORMS:
            store = self.store(["Blob LongBinary"], [[write(self.listed())]])
            for other, _ in FORMS:
                # Sizes and their skipping are the same bytes; so are a certificate's own and a header's size.
                if other == lines or ("size" in lines and "skip" in other):
                    continue
                with self.subTest(lines, said=other):
                    self.refused(store, *self.profile(other))

    def test_a_form_that_nobody_said_is_refused(self):
        for lines, write in FORMS[3:]:
            with self.subTest(lines):
                self.refused(self.store(["Blob LongBinary"], [[write(self.listed())]]), *self.profile())

    def test_a_wrong_size_or_count_is_refused(self):
        sizes, counted = FORMS[4], FORMS[3]
        value = sizes[1](self.listed())
        for broken in (value[:-1], value + b"\0", value[:-400], bytes([value[0] ^ 3]) + value[1:]):
            with self.subTest(len(broken) - len(value)):
                self.refused(self.store(["Blob LongBinary"], [[broken]]), *self.profile(sizes[0]))
        value = counted[1](self.listed())
        self.refused(self.store(["Blob LongBinary"], [[b"\5" + value[1:]]]), *self.profile(counted[0]))
        self.refused(self.store(["Blob LongBinary"], [[b"\3" + value[1:]]]), *self.profile(counted[0]))

    def test_references_into_what_was_not_read_stay(self):
        """A list that is cut, or has bytes behind it: what leads behind its end is not moved to another entry."""
        value = b"".join(self.listed()[:3])
        for broken in (value + b"\0", FORMS[4][1](self.listed()[:3]) + b"\5"):
            store = self.store(["Blob LongBinary"], [[broken]])
            lines = FORMS[4][0] if len(broken) - len(value) > 1 else ""
            _, report = self.repair(store, *self.profile(lines))
            self.assertEqual((report["verdict"], report["plan"]["actions"]), ("cannot tell", []))

    def test_copies_with_other_headers_are_refused(self):
        """A number before each, that is skipped: which of the copies stays would matter."""
        value = b"".join(struct.pack("<II", len(der), n) + der for n, der in enumerate(self.listed()))
        store = self.store(["Blob LongBinary"], [[value]])
        self.refused(store, *self.profile("form = items\nitems = size:le32 skip:4"))
        status, _ = self.repair(store, *DISCOVERED)
        self.assertEqual((status, self.new.exists()), (km.PROBLEMS_LEFT, False))

    # ---- a column with several values ----

    def test_values(self):
        store = self.store(["Blob LongBinaryValues"], [[self.listed()]])
        for options in (self.profile("form = values"), DISCOVERED):
            with self.subTest(options[0]):
                status, _ = self.repair(store, *options)
                self.assertEqual(status, km.REPAIRED, self.last)
                self.assertEqual(self.rows(), [self.listed(AFTER)])
                self.assertEqual(self.references(), [3, 3, 3, 2, 1])

    def test_values_in_place_and_back(self):
        store = self.store(["Blob LongBinaryValues"], [[self.listed()]])
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup", *self.profile("form = values"))
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        self.assertEqual(self.rows(store), [self.listed(AFTER)])
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    def test_values_of_a_selected_row(self):
        store = self.store(["Name Text", "Blob LongBinaryValues"], [["list", self.listed()], ["other", [b"\1", b"\2\3"]]])
        status, _ = self.repair(store, *self.profile("form = values\nselect = Name\nequals = list"))
        self.assertEqual(status, km.REPAIRED, self.last)
        self.assertEqual(self.rows(), [self.listed(AFTER), [b"\1", b"\2\3"]])

    def test_values_that_nobody_said_are_refused(self):
        """Only the first value would be read: the issuing CA seems to be missing, and must not be added again."""
        store = self.store(["Blob LongBinaryValues"], [[self.listed()]])
        given = self.where / "given.der"
        given.write_bytes(self.der["issuing"])
        for lines in ("", "form = der"):
            self.refused(store, *self.profile(lines))
            result = km.run("repair", store, "-o", self.new, *self.profile(lines), "--issuing-ca", given)
            self.assertIn(result.returncode, (km.PROBLEMS_LEFT, km.TROUBLE))
            self.assertFalse(self.new.exists())

    def test_a_value_that_is_no_certificate_is_refused(self):
        values = self.listed()
        values.insert(2, b"\0")
        self.refused(self.store(["Blob LongBinaryValues"], [[values]]), *self.profile("form = values"))

    def test_added_to_values(self):
        given = self.where / "given.der"
        given.write_bytes(self.der["issuing"])
        store = self.store(["Blob LongBinaryValues"], [[self.listed(["own", "partner"])]])
        status, _ = self.repair(store, *self.without_references("form = values"), "--issuing-ca", given)
        self.assertEqual(status, km.REPAIRED, self.last)
        self.assertEqual(self.rows(), [self.listed(["own", "partner", "issuing"])])

    # ---- pieces ----

    def pieces(self, value, length, numbers=None):
        cut = [value[k:k + length] for k in range(0, len(value), length)]
        return [[str(n), piece] for n, piece in zip(numbers or range(len(cut)), cut, strict=True)]

    def joined(self, path=None):
        rows = edbdecode.open(str(path or self.new)).table("Trust").rows()
        numbered = sorted((int.from_bytes(row["Part"][0], "little"), row["Blob"]) for row in rows)
        self.assertEqual([n for n, _ in numbered], list(range(len(numbered))))
        self.assertTrue(all(len(values) == 1 for _, values in numbered))
        return [values[0] for _, values in numbered]

    def test_pieces(self):
        for form, write in FORMS[0], FORMS[3], FORMS[4]:
            value, after = write(self.listed()), write(self.listed(AFTER))
            for length in (100, 500, 1000):
                rows = self.pieces(value, length)
                for options in (self.profile(f"join = Part\n{form}"), DISCOVERED):
                    if options == DISCOVERED and (length == 100 or form != FORMS[0][0]):
                        continue
                    with self.subTest(form, length=length, options=options[0]):
                        store = self.store(["Part Long", "Blob LongBinary"], rows)
                        status, _ = self.repair(store, *options)
                        self.assertEqual(status, km.REPAIRED, self.last)
                        self.assertEqual(self.joined(), [row[1] for row in self.pieces(after, length)])
                        self.assertEqual(self.references(), [3, 3, 3, 2, 1])

    def test_pieces_in_place_and_back(self):
        value = b"".join(self.listed())
        store = self.store(["Part Long", "Blob LongBinary"], self.pieces(value, 400))
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup", *self.profile("join = Part"))
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        self.assertEqual(b"".join(self.joined(store)), b"".join(self.listed(AFTER)))
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    def test_pieces_in_another_order(self):
        """The number tells the order, not the rows."""
        value = b"".join(self.listed())
        store = self.store(["Part Long", "Blob LongBinary"], self.pieces(value, 700)[::-1])
        status, _ = self.repair(store, *self.profile("join = Part"))
        self.assertEqual(status, km.REPAIRED, self.last)
        self.assertEqual(b"".join(self.joined()), b"".join(self.listed(AFTER)))

    def test_pieces_that_are_none_are_refused(self):
        lines, write = FORMS[4]
        whole = self.pieces(write(self.listed()), 700)
        for what, rows in (("a number twice", [[("1" if n == "2" else n), piece] for n, piece in whole]),
                           ("one missing", whole[:1] + whole[2:]),
                           ("another length", [whole[0], ["1", whole[1][1][:-1]], *whole[2:]]),
                           ("no number", [whole[0], ["-", whole[1][1]], *whole[2:]]),
                           ("an empty one", [*whole, ["99", "-"]])):
            with self.subTest(what):
                self.refused(self.store(["Part Long", "Blob LongBinary"], rows), *self.profile(f"join = Part\n{lines}"))

    def test_pieces_do_not_grow(self):
        given = self.where / "given.der"
        given.write_bytes(self.der["issuing"])
        rows = self.pieces(b"".join(self.listed(["own", "partner"])), 300)
        store = self.store(["Part Long", "Blob LongBinary"], rows)
        result = km.run("repair", store, "-o", self.new, *self.without_references("join = Part"), "--issuing-ca", given)
        self.assertFalse(self.new.exists())
        self.assertIn(b"more pieces", result.stderr)

    # ---- which row ----

    def test_only_row(self):
        store = self.store(["Blob LongBinary"], [[b"".join(self.listed())]])
        status, _ = self.repair(store, *self.profile())
        self.assertEqual(status, km.REPAIRED, self.last)
        self.moved_right(b"".join(self.listed(AFTER)))
        status, _ = self.repair(store, *DISCOVERED)
        self.assertEqual(status, km.REPAIRED, self.last)
        self.moved_right(b"".join(self.listed(AFTER)))

    def test_only_row_in_place_and_back(self):
        store = self.store(["Blob LongBinary"], [[b"".join(self.listed())]])
        before = store.read_bytes()
        result = km.run("repair", store, "--in-place", "--no-backup", *self.profile())
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
        self.moved_right(b"".join(self.listed(AFTER)), store)
        self.assertEqual(km.run("undo", store).returncode, 0)
        self.assertEqual(store.read_bytes(), before)

    def test_a_second_row_is_refused(self):
        """Whatever it holds, and wherever it stands: which row the list is was not said."""
        value = b"".join(self.listed())
        for rows in ([[value], [b"\x01\x02"]], [[b"\x01\x02"], [value]], [[value], [value]]):
            store = self.store(["Blob LongBinary"], rows)
            status, report = self.repair(store, *self.profile())
            self.assertFalse(self.new.exists())
            self.assertEqual((status, report["verdict"]), (km.PROBLEMS_LEFT, "cannot tell"))
            self.assertIn("KM-TWO-LISTS", [p["code"] for p in report["problems"]])

    def test_row_of_a_number(self):
        value, after = b"".join(self.listed()), b"".join(self.listed(AFTER))
        store = self.store(["Blob LongBinary"], [[b"\1\2"], [value], ["-"]])
        for options in (self.profile("select = Id\nequals = 20"), DISCOVERED):
            with self.subTest(options[0]):
                status, _ = self.repair(store, *options)
                self.assertEqual(status, km.REPAIRED, self.last)
                self.assertEqual(self.rows(), [[b"\1\2"], [after], []])
                self.assertEqual(self.references(), [3, 3, 3, 2, 1])
        status, report = self.repair(store, *self.profile("select = Id\nequals = 40"))
        self.assertEqual((status, [p["code"] for p in report["problems"]][0]), (km.PROBLEMS_LEFT, "KM-LIST-MISSING"))

    def test_a_row_of_the_name_without_a_value(self):
        """It is no second list, wherever it stands."""
        value, after = b"".join(self.listed()), b"".join(self.listed(AFTER))
        for rows in ([["list", "-"], ["list", value]], [["list", value], ["list", "-"]]):
            store = self.store(["Name Text", "Blob LongBinary"], rows)
            status, report = self.repair(store, *self.profile("select = Name\nequals = list"))
            self.assertEqual(status, km.REPAIRED, (report, self.last))
            self.assertEqual(self.rows(), [[after] if row[1] == value else [] for row in rows])

    def test_row_of_a_text_in_another_code_page(self):
        value, after = b"".join(self.listed()), b"".join(self.listed(AFTER))
        store = self.store(["Name UnicodeText", "Blob LongBinary"], [["другое", b"\1\2"], ["список", value]])
        equals = "".join(f"%{byte:02X}" for byte in "список".encode())
        for options in (self.profile(f"select = Name\nequals = {equals}"), DISCOVERED):
            with self.subTest(options[0]):
                status, _ = self.repair(store, *options)
                self.assertEqual(status, km.REPAIRED, self.last)
                self.assertEqual(self.rows(), [[b"\1\2"], [after]])

    def test_equals_goes_with_select(self):
        store = self.store(["Blob LongBinary"], [[b"".join(self.listed())]])
        result = km.run("check", store, *self.profile("equals = x\n"))
        self.assertEqual(result.returncode, km.TROUBLE)
        self.assertIn(b"select", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

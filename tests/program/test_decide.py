#!/usr/bin/python3
"""Deciding, where a state of fixtures/states cannot say it: list values, odd settings, and the options that decide.

Every expected value is written by hand; what was written is read by the separate decoder.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

import km
import edbdecode
import edbmaking
from test_fixtures import KMFIXTURE, decoded

HEAD = """
[store]
seed = deciding
mode = {mode}
{issuing}time = 1999-09-30 12:00
{store}
"""

CERTIFICATES = {
    "own": """[certificate own]
version = 1
subject = O=Trey Research, OU=London, CN=KM Server CA
serial = 0x2B5C41
hash = sha1
from = 1998-06-01
until = 2008-06-01
""",
    "issuing": """[certificate issuing]
subject = C=GB, O=Trey Research, CN=Trey Research CA
serial = 0x610F9E3C000000000001
from = 1999-02-01
until = 2009-02-01
""",
    "partner": """[certificate partner]
subject = C=US, O=Fabrikam, CN=Fabrikam Root
serial = 0x17
"""}

ROWS = """
[entry 1]
certificate = own
role = own
[entry 2]
certificate = issuing
role = issuing
imported = 1999-09-28 16:40
"""

# A schema of its own, whose list has a role column and whose settings are in a table of their own.
PROFILE = """
[profile]
name = other
[list]
table = Trust
key = Id
certificate = Encoded
role = Kind
role-own = 1
role-issuing = 2
role-imported = 3
[settings]
table = Params
name = Name
value = Value
mode = IssueMode
issuing-ca = IssuingCA
organization = Organization
"""

VALUE_PROFILE = PROFILE[:PROFILE.index("[list]")] + """
[list-value]
table = Configuration
column = Value
select = Name
equals = CertificateList
""" + PROFILE[PROFILE.index("[settings]"):] + """
[reference.1]
table = Issued
column = Issuer
key = Id
"""


def element(number, data):
    return struct.pack("<III", number, 1, len(data)) + data


def sst(*certificates, tail=b""):
    return b"\0\0\0\0CERT" + b"".join(element(32, der) for der in certificates) + bytes(12) + tail


def pem(der, label="CERTIFICATE"):
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def in_lines(data):
    """Hexadecimal digits as a description takes them: no line too long."""
    return "\n  ".join(data[i:i + 40].hex() for i in range(0, len(data), 40))


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    head = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + head + content


def der_of(data, at=0):
    """The item at an offset: (tag, content, end)."""
    size, start = data[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7f
        size = int.from_bytes(data[at + 2:start], "big")
    return data[at], data[start:start + size], start + size


def signed_pkcs7(certificates, content, signers):
    """SignedData with content and signers that are kept whatever they are: RFC 2315 9.1."""
    data = tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d010701")), tlv(0xa0, tlv(4, content)))
    return tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d010702")),
               tlv(0xa0, tlv(0x30, tlv(2, b"\1"), tlv(0x31), data, tlv(0xa0, *certificates), tlv(0x31, signers))))


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
def properties_of(store):
    """The properties in a serialized store, as ids and values, in their order."""
    at, found = 8, []
    while at < len(store):
        number, _, length = struct.unpack_from("<3I", store, at)
        if number not in (0, 32):
            found.append((number, store[at + 12:at + 12 + length]))
        at += 12 + length
    return found


class Deciding(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.count = 0
        self.der = self.certificates("")

    def description(self, text, mode, store):
        path = self.folder / "description.ini"
        absent = "[setting IssuingCA]\nabsent = yes\n"
        named = "" if "RevocationLists Configuration" in text or absent in text else "issuing-ca = issuing\n"
        made = [section for name, section in CERTIFICATES.items()       # what no row needs is an unknown section
                if store == "all" or name in named or store != "bare" and re.search(rf"\b{name}\b", text.replace(absent, ""))]
        path.write_text(HEAD.format(mode=mode, store=store.replace("all", "").replace("bare", ""), issuing=named) + "".join(made) +
                        text.replace(absent, ""))
        return path

    def certificates(self, text):
        """{name: DER} of the certificates that a text describes beside those of HEAD."""
        self.count += 1
        where = self.folder / f"certs{self.count}"
        where.mkdir()
        subprocess.run([KMFIXTURE, "--certs", where, self.description(text, "V3", "all")], check=True)
        return {path.stem: path.read_bytes() for path in where.glob("*.der")}

    def make(self, text, mode="V3", store=""):
        self.count += 1
        path = self.folder / f"{self.count}.edb"
        subprocess.run([KMFIXTURE, self.description(text, mode, store), "-o", path], check=True)
        return path

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def profile(self, text=PROFILE):
        return self.file("profile.ini", text)

    def report(self, command, store, *options, status=None):
        result = km.run(command, store, "--json", *options)
        if status is not None:
            self.assertEqual(result.returncode, status, (result.stdout[-3000:], result.stderr))
        return json.loads(result.stdout)

    def found(self, store, *options, advice=False):
        report = self.report("check", store, *options)
        return report["verdict"], {p["code"] for p in report["problems"] if (p["severity"] == "advice") == advice}

    def repaired(self, store, *options, status=km.REPAIRED, command="repair"):
        self.count += 1
        new = self.folder / f"{self.count}.new.edb"
        result = km.run(command, store, "-o", new, *options)
        self.assertEqual(result.returncode, status, (result.stdout, result.stderr))
        return new

    def refused(self, status, wanted, *arguments):
        result = km.run(*arguments)
        self.assertEqual(result.returncode, status, (result.stdout, result.stderr))
        self.assertIn(wanted, result.stderr.decode())

    # ---- a list in one value ----

    def value_store(self, value, mode="V3", rows=(), twice=None):
        """The list in a table that is not the settings' one; `rows`: what refers to its positions."""
        lists = [f"[setting CertificateList]\nhex = {in_lines(value)}"]
        if twice is not None:
            lists.append(f"[setting CERTIFICATELIST]\nhex = {in_lines(twice)}")
        issued = [f"row.{i} = {i} | {entry}" for i, entry in enumerate(rows, 1)]
        return self.make("\n".join((
            "[schema]", "without = CertificateList UserCertificates RevocationLists", *lists,
            "[table Params]", "column.1 = Id Long", "column.2 = Name Text", "column.3 = Value LongBinary",
            f"row.1 = 1 | IssueMode | hex:{mode.encode().hex()}", "row.2 = 2 | IssuingCA | thumbprint:issuing",
            "[table Issued]", "column.1 = Id Long", "column.2 = Issuer Long", *issued)) + "\n")

    def list_value(self, store):
        return next(row["Value"] for row in decoded(store)["Configuration"] if row["Name"] == b"CertificateList")

    def test_list_value_outside_the_settings(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        own, issuing, partner = (self.der[name] for name in ("own", "issuing", "partner"))
        store = self.value_store(sst(own, issuing, partner, issuing), rows=(1, 2, 3, 4, 4))
        self.assertEqual(self.found(store, *options),
                         ("yes after repair", {"KM-DUP-IDENTICAL", "KM-ISSUING-AMBIGUOUS"}))
        new = self.repaired(store, *options)
        self.assertEqual(self.list_value(new), sst(own, partner, issuing))
        self.assertEqual([struct.unpack("<i", row["Issuer"])[0] for row in decoded(new)["Issued"]], [1, 3, 2, 3, 3])

    def test_an_empty_list_has_no_own_ca(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        self.assertEqual(self.found(self.value_store(sst(), mode="V1"), *options), ("no", {"KM-NO-OWN"}))

    def test_v1_is_issued_by_the_servers_own_ca_alone(self):
        options = "--profile", self.profile()
        for own, found in (("1", ("yes", set())), ("3", ("no", {"KM-NO-OWN"}))):
            store = self.settings_store((("IssueMode", "hex:5631"),), role="3", own=own)
            self.assertEqual(self.found(store, *options), found)

    def test_bytes_behind_the_end_are_said_and_kept(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        own, issuing, partner = (self.der[name] for name in ("own", "issuing", "partner"))
        for tail in (sst(partner), b"\0", b"other bytes"):
            store = self.value_store(sst(own, issuing, tail=tail))
            self.assertEqual(self.found(store, *options), ("cannot tell", {"KM-LIST-TAIL"}))
            store = self.value_store(sst(own, issuing, issuing, tail=tail))
            new = self.repaired(store, *options, status=km.REPAIRED | km.PROBLEMS_LEFT)
            self.assertEqual(self.list_value(new), sst(own, issuing, tail=tail))
        self.assertEqual(self.found(self.value_store(own + issuing + b"\0"), *options)[0], "cannot tell")

    def test_a_signed_pkcs7_keeps_content_and_signers(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        own, issuing = self.der["own"], self.der["issuing"]
        signers = tlv(0x30, tlv(2, b"\1"), tlv(4, b"a signer"))
        store = self.value_store(signed_pkcs7((own, issuing, issuing), b"signed text", signers))
        self.assertEqual(self.list_value(self.repaired(store, *options)),
                         signed_pkcs7((own, issuing), b"signed text", signers))

    def test_two_list_values_are_left(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        own, issuing = self.der["own"], self.der["issuing"]
        store = self.value_store(sst(own, issuing, issuing), twice=sst(self.der["partner"]))
        verdict, codes = self.found(store, *options)
        self.assertEqual((verdict, "KM-TWO-LISTS" in codes), ("cannot tell", True))
        self.assertEqual(self.report("repair", store, *options)["plan"]["actions"], [])

    def test_a_cut_list_is_left(self):
        options = "--profile", self.profile(VALUE_PROFILE)
        issuing = self.der["issuing"]
        store = self.value_store(sst(self.der["own"], issuing, issuing, self.der["partner"])[:-40])
        self.assertIn("KM-LIST-CUT", self.found(store, *options)[1])
        self.assertEqual(self.report("repair", store, *options)["plan"]["actions"], [])

    def test_migrate_on_a_list_in_one_value(self):
        own, issuing, partner = (self.der[name] for name in ("own", "issuing", "partner"))
        options = "--profile", self.profile(VALUE_PROFILE)
        store = self.value_store(sst(own, partner, partner, tail=b"kept"), mode="V1", rows=(1, 2, 3))
        new = self.repaired(store, *options, "--to", "V3", "--issuing-ca", self.file("ca.der", issuing),
                            command="migrate", status=km.REPAIRED | km.PROBLEMS_LEFT)
        self.assertEqual(self.list_value(new), sst(own, partner, issuing, tail=b"kept"))
        self.assertEqual([row["Value"] for row in decoded(new)["Params"]], [b"V3", hashlib.sha1(issuing).digest()])
        self.assertEqual([struct.unpack("<i", row["Issuer"])[0] for row in decoded(new)["Issued"]], [1, 2, 2])

    # ---- settings ----

    def settings_store(self, rows, kinds=("Text", "LongBinary"), role="2", own="1"):
        return self.make("\n".join((
            "[schema]", "without = CertificateList UserCertificates RevocationLists Configuration",
            "[table Trust]", "column.1 = Id Long", "column.2 = Encoded LongBinary", "column.3 = Kind Long",
            f"row.1 = 1 | certificate:own | {own}", f"row.2 = 2 | certificate:issuing | {role}",
            "[table Params]", "column.1 = Id Long", f"column.2 = Name {kinds[0]}", f"column.3 = Value {kinds[1]}",
            *(f"row.{i} = {i} | {name} | {value}" for i, (name, value) in enumerate(rows, 1)))) + "\n")

    def test_settings(self):
        issuing = "IssuingCA", "thumbprint:issuing"
        digest = hashlib.sha1(self.der["issuing"]).hexdigest()
        options = "--profile", self.profile()
        for verdict, codes, rows in (
                ("yes", set(), (("IssueMode", "hex:5633"), issuing)),
                ("yes", set(), (("IssueMode", "hex:563300"), issuing)),             # one terminating NUL
                ("yes", set(), (("IssueMode", "hex:5633"), ("IssuingCA", f"hex:{digest}00"))),
                ("cannot tell", {"KM-SETTING-VALUE", "KM-MODE"}, (("IssueMode", "hex:5600330000"), issuing)),
                ("cannot tell", {"KM-SETTING-VALUE"}, (("IssueMode", "hex:5633007878"), issuing)),
                ("cannot tell", {"KM-SETTING-VALUE"}, (("IssueMode", "hex:56330000"), issuing)),
                ("cannot tell", {"KM-MODE"}, (("IssueMode", "hex:563378"), issuing)),
                ("cannot tell", {"KM-SETTING-VALUE", "KM-ISSUING-MISSING"},
                 (("IssueMode", "hex:5633"), ("IssuingCA", f"hex:{digest}0000"))),
                ("cannot tell", {"KM-SETTING-TWICE"}, (("IssueMode", "hex:5633"), issuing, ("IssueMode", "hex:5633"))),
                ("cannot tell", {"KM-SETTING-TWICE"}, (("IssueMode", "hex:5633"), issuing, issuing)),
                # 20 bytes under another name are no issuing CA
                ("no", {"KM-ISSUING-MISSING"}, (("IssueMode", "hex:5633"), ("FormerCA", "thumbprint:issuing")))):
            with self.subTest(rows=rows):
                self.assertEqual(self.found(self.settings_store(rows), *options), (verdict, codes))

    def test_settings_in_doubt_are_not_written_over(self):
        options = "--profile", self.profile(), "--to", "V3", "--issuing-ca", self.file("ca.der", self.der["issuing"])
        for rows in ((("IssueMode", "hex:56310078"),), (("IssueMode", "hex:5631"), ("IssueMode", "hex:5631"))):
            self.refused(km.TROUBLE, "the settings are in doubt", "migrate", self.settings_store(rows), *options)

    def test_settings_that_are_unicode_text(self):
        options = "--profile", self.profile()
        store = self.settings_store((("IssueMode", "V1"),), ("UnicodeText", "UnicodeText"))
        self.assertEqual(self.found(store, *options), ("yes", set()))
        new = self.repaired(store, *options, "--to", "V1V3", "--issuing-ca",
                            self.file("ca.der", self.der["issuing"]), command="migrate")
        self.assertEqual(self.found(new, *options), ("yes", set()))
        rows = {row["Name"].decode("utf-16-le"): row["Value"] for row in decoded(new)["Params"]}
        self.assertEqual(rows, {"IssueMode": "V1V3".encode("utf-16-le"),
                                "IssuingCA": hashlib.sha1(self.der["issuing"]).digest()})

    def test_an_unknown_role(self):
        options = "--profile", self.profile()
        rows = ("IssueMode", "hex:5633"), ("IssuingCA", "thumbprint:issuing")
        store = self.settings_store(rows, role="7")
        self.assertEqual(self.found(store, *options)[0], "cannot tell")
        self.assertIn("KM-ROLE", self.found(store, *options)[1])
        # a copy of it is not merged: what the role means is not known
        store = self.settings_store(rows, role="7\nrow.3 = 3 | certificate:issuing | 2")
        self.assertFalse([action for action in self.report("repair", store, *options)["plan"]["actions"]
                          if action["action"] == "drop-entry"])

    # ---- keys ----

    def test_key_zero_and_below_can_be_named(self):
        text = "\n".join((
            "[schema]", "without = CertificateList UserCertificates RevocationLists",
            "[table Trust]", "column.1 = Id Long", "column.2 = Encoded LongBinary", "column.3 = Kind Long",
            "row.1 = -3 | certificate:own | 1", "row.2 = -1 | certificate:issuing | 2",
            "row.3 = 0 | certificate:issuing | 2", "")) + "[table Params]\ncolumn.1 = Id Long\ncolumn.2 = Name Text\n" \
            "column.3 = Value LongBinary\nrow.1 = 1 | IssueMode | hex:5633\nrow.2 = 2 | IssuingCA | thumbprint:issuing\n"
        store, options = self.make(text), ("--profile", self.profile())
        report = self.report("repair", store, *options, "--keep", "0")
        self.assertEqual([(a["entry"], a["survivor"]) for a in report["plan"]["actions"]], [(-1, 0)])
        problem = next(p for p in report["problems"] if p["code"] == "KM-DUP-IDENTICAL")
        self.assertEqual(problem["entries"], [-1, 0])
        report = self.report("repair", store, *options, "--keep=-1")
        self.assertEqual([(a["entry"], a["survivor"]) for a in report["plan"]["actions"]], [(0, -1)])
        report = self.report("repair", store, *options, "--drop", "-1")
        self.assertEqual([(a["entry"], a["survivor"]) for a in report["plan"]["actions"]], [(-1, 0)])

    def test_no_key_behind_the_last(self):
        store = self.make(ROWS.replace("[entry 2]\ncertificate = issuing\nrole = issuing",
                                       "[entry 2147483647]\ncertificate = partner"))
        self.refused(km.TROUBLE, "there is no key behind it", "repair", store, "--issuing-ca",
                     self.file("ca.der", self.der["issuing"]))

    def test_many_duplicate_keys_are_still_duplicate_keys(self):
        """However many rows of the list have the key of the row before them, it is no other damage."""
        entries = "".join(f"[entry {i}]\ncertificate = partner\n" for i in range(4, 64))
        keys = "".join(f"duplicate-key.{i} = CertificateList {i + 1} {i}\n" for i in range(4, 64, 2))
        store = self.make(ROWS + entries + "[damage]\n" + keys)
        self.assertEqual(self.found(store), ("yes after repair", {"KM-UNIQUE-KEY", "KM-DUP-IDENTICAL"}))
        self.assertEqual(len(decoded(self.repaired(store))["CertificateList"]), 3)

    def test_duplicate_keys_of_another_table_stay(self):
        """No repair of the list ends them, whether the list has such rows, too, or not."""
        users = "[user 1]\nname = a\n[user 2]\nname = b\n[damage]\nduplicate-key.1 = Users 2 1\n"
        for entries, more in (("[entry 3]\ncertificate = issuing\n", ""),
                              ("[entry 3]\ncertificate = issuing\n", "duplicate-key.2 = CertificateList 3 2\n")):
            report = self.report("check", self.make(ROWS + entries + users + more))
            self.assertEqual(report["verdict"], "no")
            self.assertIn("KM-UNIQUE-KEY", {p["code"] for p in report["left"]})

    def test_nothing_behind_the_list_is_read(self):
        """Where memory that nobody wrote looks like one more row with the last one's key, it is none."""
        key = int.from_bytes(b"\1\1\1\1", "little")
        store = self.make(ROWS + f"[entry 3]\ncertificate = issuing\n[entry {key}]\ncertificate = partner\n")
        usual, filled = (km.run("repair", store, "--json", env={**os.environ, **more}).stdout
                         for more in ({}, {"MALLOC_PERTURB_": str(0xff ^ 1)}))
        self.assertEqual([a["action"] for a in json.loads(usual)["plan"]["actions"]], ["drop-entry"])
        self.assertEqual(filled, usual)

    def test_a_key_that_two_rows_keep_stays(self):
        """Two certificates under one key, which no rule tells to drop: the duplicate key is there after a repair, too."""
        entries = "[entry 3]\ncertificate = issuing\n[entry 4]\ncertificate = partner\n" \
                  "[entry 5]\ncertificate = {}\n[damage]\nduplicate-key.1 = CertificateList 5 4\n"
        for second, verdict, left in (("other", "no", True), ("partner", "yes after repair", False)):
            other = "[certificate other]\nsubject = CN=Other\nserial = 5\n" if second == "other" else ""
            report = self.report("check", self.make(other + ROWS + entries.format(second)))
            self.assertEqual(report["verdict"], verdict)
            self.assertEqual("KM-UNIQUE-KEY" in {p["code"] for p in report["left"]}, left)
            self.assertIn("KM-UNIQUE-KEY", {p["code"] for p in report["problems"]})

    def test_what_could_not_be_judged_is_no_yes(self):
        """Of a table that is marked as being deleted, and of no use to the list, no row is judged: that says not "yes"."""
        store = self.make(ROWS)
        self.assertEqual(self.found(store), ("yes", set()))
        root = next(table.root for table in edbdecode.open(str(store)).tables if table.name == "Administrators")
        image = bytearray(store.read_bytes())
        page = memoryview(image)[(root + 1) * 4096:(root + 2) * 4096]
        struct.pack_into("<I", page, 36, struct.unpack_from("<I", page, 36)[0] | 0x40000)
        edbmaking.set_sum(page)
        store.write_bytes(image)
        self.assertEqual(self.found(store), ("no", {"KM-STRUCTURE"}))
        self.assertEqual(km.run("check", store).returncode, km.PROBLEMS_LEFT)
        self.assertEqual(km.run("check", "--structure", store).returncode, km.PROBLEMS_LEFT)
        evidence = [p["evidence"] for p in self.report("check", store)["problems"]]
        self.assertEqual(evidence, ["1 rules could not be judged"])

    def test_two_good_headers_that_differ(self):
        """Which of them is right nobody can tell: that is no torn header, and not the plan's to write anew."""
        store = self.make(ROWS)
        image = bytearray(store.read_bytes())
        shadow = memoryview(image)[4096:8192]
        shadow[200] ^= 1                # the same bit of the sum, which is over words of 32 bits
        shadow[0] ^= 1
        store.write_bytes(image)
        self.assertEqual(self.found(store), ("no", {"KM-STRUCTURE"}))
        self.assertEqual(self.report("repair", store)["plan"]["actions"], [])
        shadow[0] ^= 1                  # now it is damaged
        store.write_bytes(image)
        self.assertEqual(self.found(store), ("yes after repair", {"KM-HEADER"}))

    # ---- --issuing-ca ----

    def given(self, content, store=None, status=km.REPAIRED, name="given"):
        store = store or self.make(ROWS.replace("[entry 2]\ncertificate = issuing\nrole = issuing", ""
                                                "[entry 2]\ncertificate = partner"))
        return self.repaired(store, "--issuing-ca", self.file(name, content), status=status)

    def added(self, new):
        return decoded(new)["CertificateList"][-1]["Certificate"]

    def test_what_issuing_ca_takes(self):
        issuing, partner, own = self.der["issuing"], self.der["partner"], self.der["own"]
        for content in (issuing, pem(issuing), pem(issuing) * 2, sst(partner, issuing, own, issuing),
                        pem(partner) + pem(issuing), issuing + b"\0\0", pem(issuing + b"0\0", "TRUSTED CERTIFICATE"),
                        signed_pkcs7((partner, issuing), b"", b"")):
            with self.subTest(content=content[:30]):
                self.assertEqual(self.added(self.given(content)), issuing)

    def test_what_issuing_ca_refuses(self):
        store = self.make(ROWS.replace("[entry 2]\ncertificate = issuing\nrole = issuing",
                                       "[entry 2]\ncertificate = partner"))
        issuing, partner, own = self.der["issuing"], self.der["partner"], self.der["own"]
        for content, wanted in ((issuing[:-20], "certificate 1 of the file"), (pem(issuing)[:-60], ""),
                                (sst(issuing)[:-40], ""), (b"", "expected a certificate, found an empty file"),
                                (b"\n", "expected certificates as DER, PEM, PKCS#7 or serialized store"),
                                (pem(partner), "the settings name another certificate"),
                                (pem(partner) + pem(own), "none that the settings name"),
                                (sst(), "expected a certificate, found none"),
                                (signed_pkcs7((), b"", b""), "expected a certificate, found none"),
                                (bytes(2 * 1024 * 1024), "larger than 1 MiB")):
            with self.subTest(content=content[:30]):
                self.refused(km.TROUBLE, wanted, "repair", store, "--issuing-ca", self.file("bad", content))

    def test_what_cannot_issue_is_refused(self):
        """A certificate of version 1, or of nobody who may sign others: named by the settings, or switched to."""
        plain = "[certificate plain]\nsubject = CN=Plain\nserial = 0x99\nca = no\n"
        der = self.certificates(plain)["plain"]
        store = self.make(ROWS)
        for given, wanted in ((self.der["own"], "found one of version 1 that may"), (der, "found one of version 3 that may not sign")):
            self.refused(km.TROUBLE, wanted, "migrate", store, "--to", "V3", "--issuing-ca", self.file("ca.der", given))

    def test_the_end_of_a_path_is_taken(self):
        """Before a switch the settings name nobody: the file's path ends in the CA."""
        more = "[certificate sub]\nissuer = partner\nsubject = C=GB, O=Trey Research, CN=Sub CA\nserial = 0x99\n"
        certificates = self.certificates(more)
        store = self.make(ROWS.replace("[entry 2]\ncertificate = issuing\nrole = issuing",
                                       "[entry 2]\ncertificate = partner") + "[setting IssuingCA]\nabsent = yes\n",
                          mode="V1")
        twice = self.file("twice.pem", pem(self.der["issuing"]) * 2)
        self.assertEqual(self.added(self.repaired(store, "--to", "V3", "--issuing-ca", twice, command="migrate")),
                         self.der["issuing"])
        path = self.file("path.p7b", signed_pkcs7((certificates["sub"], certificates["partner"]), b"", b""))
        new = self.repaired(store, "--to", "V3", "--issuing-ca", path, command="migrate")
        self.assertEqual(self.added(new), certificates["sub"])
        self.assertEqual(self.found(new), ("yes", set()))

    def test_issuing_ca_of_an_identity_that_is_there(self):
        more = "[certificate other]\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\nkey = issuing\n" \
               "serial = 0x610F9E3C000000000001\nfrom = 1999-02-02\n"
        store = self.make(more + ROWS.replace("certificate = issuing\nrole = issuing", "certificate = other"))
        self.refused(km.TROUBLE, "its issuer and serial number", "repair",
                     store, "--issuing-ca", self.file("ca.der", self.der["issuing"]))

    # ---- options that decide nothing, ids, times ----

    def test_decisions_about_nothing(self):
        store = self.make(ROWS)
        for options, wanted in ((("--keep", "9"), "there is no entry 9"), (("--drop", "9"), "there is no entry 9"),
                                (("--trust", "9=yes"), "there is no entry 9"),
                                (("--keep", "2"), "nothing to decide"), (("--drop", "2"), "nothing to decide"),
                                (("--trust", "2=no"), "disagree on trust"), (("--keep", "two"), "number of an entry"),
                                (("--keep", "2147483648"), "number of an entry"), (("--drop", ""), "number of an entry"),
                                (("--keep", "1", "--drop", "1"), "exclude each other")):
            with self.subTest(options=options):
                self.refused(km.USAGE, wanted, "repair", store, *options)

    def test_decisions_without_effect(self):
        """Where a group is left as it is for another reason, the error says which."""
        roles = self.make(ROWS.replace("role = issuing", "role = own") + "[entry 3]\ncertificate = issuing\nrole = issuing\n")
        trust = self.make(ROWS + "[entry 3]\ncertificate = issuing\nrole = imported\ntrusted = no\n")
        for store, why in ((roles, "one is own and another issuing; --keep says which"),
                           (trust, "disagree on trust; --trust")):
            for options in (("--drop", "2"), ("--drop", "3"), ("--keep", "2"), ("--keep", "3")):
                with self.subTest(why, options=options):
                    if store == roles and options[0] == "--keep":
                        self.assertNotEqual(km.run("repair", store, *options).returncode, km.USAGE)
                        continue
                    self.refused(km.USAGE, f"{' '.join(options)}: entry {options[1]} is left as it is: ", "repair", store, *options)
                    self.refused(km.USAGE, why, "repair", store, *options)
            self.assertEqual(km.run("repair", store).returncode, km.PROBLEMS_LEFT)

    def test_decisions_are_part_of_the_id(self):
        store = self.make(ROWS + "[entry 3]\ncertificate = issuing\nrole = imported\n")
        plain, kept = self.report("repair", store)["plan"], self.report("repair", store, "--keep", "2")["plan"]
        self.assertEqual([a["canonical"] for a in plain["actions"]], [a["canonical"] for a in kept["actions"]])
        self.assertNotEqual(plain["id"], kept["id"])
        self.assertEqual(kept["decisions"], "--keep 2")
        self.assertNotIn("decisions", plain)
        text = km.run("repair", store, "--keep", "3").stdout.decode()
        self.assertIn("entry 3 stays: --keep 3", text)
        self.assertIn(" --keep 3\n", text[text.index("Apply this plan"):])

    def test_keep_keeps_the_whole_row(self):
        store = self.make(ROWS + "[entry 3]\ncertificate = issuing\nrole = imported\nname = kept\ntrusted = null\n")
        row = decoded(self.repaired(store, "--keep", "3"))["CertificateList"][1]
        self.assertEqual((row["EntryId"], row["Name"], row["Role"], row["Trusted"]),
                         (b"\3\0\0\0", "kept".encode("utf-16-le"), b"\2\0\0\0", b"\xff"))

    def drops(self, store, *options):
        return [(a["entry"], a["survivor"]) for a in self.report("repair", store, *options)["plan"]["actions"]
                if a["action"] == "drop-entry"]

    def test_a_broken_copy_that_is_own_is_left(self):
        """Its role is not handed on, and without it the server would have no own CA: a person decides."""
        broken = "[certificate broken]\nsame-as = own\nform = corrupted\n[entry 1]\ncertificate = broken\n" \
                 "role = own\n[entry 2]\ncertificate = own\nrole = imported\n"
        store = self.make(broken + "[setting IssuingCA]\nabsent = yes\n", mode="V1")
        self.assertEqual(self.drops(store), [])
        self.assertEqual(self.drops(store, "--keep=2"), [(1, 2)])
        forged = "[certificate forged]\nkey = own\nissuer = partner\nsigned-by = forger\nsubject = CN=Own\n" \
                 "serial = 5\n[certificate true]\nkey = own\nissuer = partner\nsubject = CN=Own\nserial = 5\n" \
                 "until = 2010-01-01\n[entry 1]\ncertificate = forged\nrole = own\n" \
                 "[entry 2]\ncertificate = true\nrole = imported\n[entry 3]\ncertificate = partner\n"
        no_ca = forged + "[setting IssuingCA]\nabsent = yes\n"
        for role, expected in (("own", []), ("imported", [(1, 2)])):
            store = self.make("[certificate own]\nsubject = CN=Server\nversion = 1\n[entry 4]\ncertificate = own\n" +
                              CERTIFICATES["partner"] + no_ca.replace("role = own", f"role = {role}"), mode="V1", store="bare")
            self.assertEqual(self.drops(store), expected)

    def test_doubtful_settings_leave_what_they_could_name(self):
        """Which encoding goes decides what the setting is to say: two settings, no decision."""
        text = "[certificate other]\nsame-as = issuing\nform = ber\n" + ROWS + "[entry 3]\ncertificate = other\n"
        self.assertEqual(self.drops(self.make(text)), [(3, 2)])
        self.assertEqual(self.drops(self.make(text + "[setting issuingca]\nhex = 00\n")), [])

    def test_a_key_that_two_cas_share_is_left_while_rows_refer_to_it(self):
        profile = self.profile(PROFILE.replace("key = Id", "key = Key") +
                               "\n[reference.1]\ntable = Links\ncolumn = To\nkey = Id\n")
        text = "\n".join((
            "[schema]", "without = CertificateList UserCertificates RevocationLists Configuration",
            "[table Trust]", "column.1 = Id Long", "column.2 = Encoded LongBinary", "column.3 = Kind Long",
            "column.4 = Key Long", "row.1 = 1 | certificate:issuing | 3 | 5", "row.2 = 2 | certificate:{} | 3 | 5",
            "row.3 = 3 | certificate:issuing | 2 | 6",
            "[table Params]", "column.1 = Id Long", "column.2 = Name Text", "column.3 = Value LongBinary",
            "row.1 = 1 | IssueMode | hex:5633", "row.2 = 2 | IssuingCA | thumbprint:issuing",
            "[table Links]", "column.1 = Id Long", "column.2 = To Long", "row.1 = 1 | {}", ""))
        for second, to, expected in (("partner", 5, []), ("partner", 6, [(5, 6)]), ("issuing", 5, [(5, 6), (5, 6)])):
            self.assertEqual(self.drops(self.make(text.format(second, to)), "--profile", profile), expected)

    def test_no_entry_is_added_whose_primary_key_is_not_the_lists(self):
        """A new row would have no value for it."""
        text = "\n".join((
            "[schema]", "without = CertificateList UserCertificates RevocationLists Configuration",
            "[table Trust]", "column.1 = Id Long", "column.2 = Encoded LongBinary", "column.3 = Kind Long",
            "column.4 = Key Long", "row.1 = 1 | certificate:own | 1 | 5", "row.2 = 2 | certificate:partner | 3 | 6",
            "[table Params]", "column.1 = Id Long", "column.2 = Name Text", "column.3 = Value LongBinary",
            "row.1 = 1 | IssueMode | hex:5631", ""))
        profile = "--profile", self.profile(PROFILE.replace("key = Id", "key = Key"))
        switch = "--to", "V3", "--issuing-ca", self.file("ca.der", self.der["issuing"])
        self.refused(km.TROUBLE, "an entry cannot be added", "migrate", self.make(text), *profile, *switch, "-o",
                     self.folder / "new.edb")
        self.assertFalse((self.folder / "new.edb").exists())

    def test_what_is_no_certificate_goes_when_it_is_said(self):
        """By itself nothing becomes of it, for nobody knows what it was."""
        store = self.make("[certificate broken]\nraw = 30 82 02 10 30 82 01 79 a0 03 02 01 02 02 04 de ad be ef\n" + ROWS +
                          "[entry 3]\ncertificate = broken\nrole = imported\n")
        self.assertEqual(self.report("repair", store)["plan"]["actions"], [])
        new = self.repaired(store, "--drop", "3")
        self.assertEqual(len(decoded(new)["CertificateList"]), 2)
        self.assertEqual(self.found(new), ("yes", set()))

    def test_what_is_undecided_keeps_its_role(self):
        text = "[certificate again]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
               "serial = 0x610F9E3C000000000001\nfrom = 1999-04-01\n" + ROWS + \
               "[entry 3]\ncertificate = again\nrole = issuing\n"
        self.assertEqual(self.report("repair", self.make(text))["plan"]["actions"], [])

    def test_what_refers_to_a_copy_pins_the_certificate(self):
        """Rows of the copy that goes were issued under the older certificate, before the active one."""
        text = "[certificate older]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
               "serial = 0x0A\nfrom = 1999-01-01\nuntil = 2009-01-01\n" + ROWS + \
               "[entry 3]\ncertificate = older\n[entry 4]\ncertificate = older\n[user 1]\nname = x\n"
        issued = "[user-certificate {}]\nuser = 1\nissuer-entry = {}\nissuer = issuing\nfrom = 1999-{}-15\n" \
                 "authority-key-id = no\n"
        later = issued.format(1, 3, "03") + issued.format(2, 3, "03")
        self.assertEqual(self.drops(self.make(text + later), "--superseded=drop"), [(3, 2), (4, 2)])
        self.assertEqual(self.drops(self.make(text + later + issued.format(3, 4, "01")), "--superseded=drop"), [(4, 3)])

    def test_a_revoked_ca_is_not_added(self):
        sub = "[certificate sub]\nissuer = partner\nsubject = CN=Sub\nserial = 0x99\n"
        text = ROWS.replace("[entry 2]\ncertificate = issuing\nrole = issuing", "[entry 2]\ncertificate = partner")
        given = self.file("sub.der", self.certificates(sub)["sub"])
        for revokes, status in (("153", km.TROUBLE), ("154", km.CLEAN)):
            store = self.make(text + f"[crl 1]\nissuer-entry = 2\nrevokes = {revokes}\n[setting IssuingCA]\nabsent = "
                              "yes\n", mode="V1")
            self.assertEqual(km.run("migrate", store, "--to", "V3", "--issuing-ca", given).returncode, status)

    def test_contradictions(self):
        more = "[certificate again]\nkey = partner\nsubject = C=US, O=Fabrikam, CN=Fabrikam Root\nserial = 0x17\n" \
               "from = 1999-01-01\n[entry 3]\ncertificate = partner\n[entry 4]\ncertificate = again\n"
        store = self.make(ROWS + more)
        self.refused(km.USAGE, "one of them has to go", "repair", store, "--keep", "3", "--keep", "4")
        self.refused(km.USAGE, "one has to stay", "repair", store, "--drop", "3", "--drop", "4")
        copies = self.make(ROWS + "[entry 3]\ncertificate = issuing\n")
        self.refused(km.USAGE, "one has to stay", "repair", copies, "--drop", "2", "--drop", "3")
        disagree = self.make(ROWS + "[entry 3]\ncertificate = issuing\ntrusted = no\n")
        for trust in (("2=yes", "2=no"), ("2=no", "2=yes"), ("2=yes", "3=no"), ("3=no", "2=yes")):
            self.refused(km.USAGE, "says the contrary of the same certificate", "repair", disagree,
                         *(word for one in trust for word in ("--trust", one)))

    def test_what_rows_refer_to_cannot_be_dropped_to_another_key(self):
        more = "[certificate forged]\nsubject = C=US, O=Fabrikam, CN=Fabrikam Root\nserial = 0x17\n" \
               "[entry 3]\ncertificate = partner\n[entry 4]\ncertificate = forged\n" \
               "[user 1]\nname = x\n[user-certificate 1]\nuser = 1\nissuer-entry = 4\n"
        store = self.make(ROWS + more)
        self.refused(km.TROUBLE, "another key", "repair", store, "--keep", "3")
        self.assertEqual(len(decoded(self.repaired(store, "--keep", "4"))["CertificateList"]), 3)

    def test_plan_ids(self):
        store = self.make(ROWS + "[entry 3]\ncertificate = issuing\n")
        right = self.report("repair", store)["plan"]["id"]
        for options in ((), ("-o", self.folder / "never.edb")):
            self.assertEqual(km.refused_plans("repair", store, right, *options), [])
        self.assertFalse((self.folder / "never.edb").exists())
        self.assertEqual(km.run("repair", store, "--plan", right[:8].upper()).returncode, km.PROBLEMS_LEFT)
        self.repaired(store, "--plan", right)

    def test_at(self):
        store = self.make(ROWS)
        for bad in ("1999-02-31", "1999-04-31", "1999-02-29", "1999-02-28T24:00:00", "1999-13-01", "yesterday"):
            self.refused(km.USAGE, "--at: expected", "check", store, "--at", bad)
        for at, expected in (("1999-12-31", False), ("2000-02-29", False), ("2009-01-31T23:59:59Z", True)):
            codes = self.found(store, "--at", at, advice=True)[1]
            self.assertEqual("KM-SHORT-LIVED" in codes, expected, at)
        self.assertEqual(self.report("check", store, "--at", "2000-02-29T01:02:03")["list"]["judged_as_of"][:19]
                         .replace("T", " "), "2000-02-29 01:02:03")

    # ---- proofs ----

    def test_verify_all(self):
        users = "[user 1]\nname = x\n[user-certificate 1]\nuser = 1\nissuer-entry = 2\n" \
                "[user-certificate 2]\nuser = 1\nissuer-entry = 2\nsigned-by = somebody\n"
        store = self.make(ROWS + users)
        self.assertEqual(self.found(store), ("yes", set()))
        self.assertEqual(self.found(store, "--verify-all"), ("no", {"KM-REFERENCE-REFUTED"}))
        report = self.report("check", store, "--verify-all")
        self.assertEqual([p["evidence"].split(":")[0] for p in report["problems"]
                          if p["code"] == "KM-REFERENCE-REFUTED"], ["UserCertificates 2"])
        self.assertEqual(self.found(self.make(ROWS + users.replace("signed-by = somebody\n", "")), "--verify-all"),
                         ("yes", set()))

    def test_properties_that_differ(self):
        entries = "[entry 1]\ncertificate = own\n[entry 2]\ncertificate = issuing\nproperty.0x8001 = 01\n" \
                  "[entry 3]\ncertificate = issuing\nproperty.0x8001 = {}\nproperty.0x8002 = 05\n"
        for value, expected in (("02", True), ("01", False)):
            store = self.make(entries.format(value), store="list = sst")
            report = self.report("check", store)
            self.assertEqual(report["verdict"], "yes after repair")
            self.assertEqual("KM-PROPERTY-DIFFERS" in {p["code"] for p in report["problems"]}, expected)

    def test_properties_of_several_copies(self):
        """The survivor keeps its own and gets, of each other id, the first: also past a copy that has none of them."""
        def entry(number, *properties):
            return f"[entry {number}]\ncertificate = issuing\n" + "".join(f"property.{p} = {v}\n" for p, v in properties)
        def differing(*copies):
            entries = "[entry 1]\ncertificate = own\n" + "".join(entry(n, *c) for n, c in enumerate(copies, 2))
            store = self.make(entries, store="list = sst")
            return store, [p["entries"] for p in self.report("check", store)["problems"] if p["code"] == "KM-PROPERTY-DIFFERS"]
        store, found = differing([(0x8001, "01")], [], [(0x8001, "02"), (0x8003, "07"), (0x8002, "05")],
                                 [(0x8002, "05"), (0x8003, "08"), (0x8004, "09")])
        self.assertEqual(sorted(found), [[2, 4], [4, 5]])
        got = properties_of(self.list_value(self.repaired(store)))
        self.assertEqual(got, [(0x8001, b"\1"), (0x8003, b"\7"), (0x8002, b"\5"), (0x8004, b"\x09")])
        self.assertEqual(differing([(0x8001, "01")], [(0x8002, "02")], [(0x8001, "01"), (0x8002, "02")])[1], [])
        self.assertEqual(differing([(0x8001, "01")], [(0x8002, "01")], [(0x8003, "02")])[1], [])

    def test_a_dangling_row_is_moved_to_one_trusted_entry_alone(self):
        older = "[certificate older]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
                "serial = 0x0A\n[entry 3]\ncertificate = older\n"
        row = "[user 1]\nname = x\n[user-certificate 1]\nuser = 1\nissuer-entry = 9\nissuer = issuing\n"
        for text, expected in ((ROWS, [(9, 2)]), (ROWS + older, []), (ROWS + older + "trusted = no\n", [(9, 2)]),
                               (ROWS.replace("role = issuing", "role = issuing\ntrusted = no"), [])):
            actions = self.report("repair", self.make(text + row))["plan"]["actions"]
            self.assertEqual([(a["from"], a["to"]) for a in actions if a["action"] == "move-reference"], expected, text)

    def test_unprovable_is_never_refuted(self):
        """A signature by an algorithm that nobody knows: the issuer's key does not refute it."""
        sub = "[certificate {}]\nissuer = partner\nsubject = CN=Sub\nserial = 5\nuntil = 20{}-01-01\n{}"
        text = sub.format("true", 10, "") + sub.format("forged", 11, "key = true\nsigned-by = forger\n")
        entries = "[entry 3]\ncertificate = partner\n[entry 4]\ncertificate = true\n[entry 5]\ncertificate = {}\n"
        self.assertEqual(self.drops(self.make(text + ROWS + entries.format("forged"))), [(5, 4)])
        known, unknown = (bytes.fromhex("06092a864886f70d0101" + end) for end in ("05", "63"))
        self.file("unknown.der", self.certificates(text + ROWS)["forged"].replace(known, unknown))
        text = sub.format("true", 10, "") + "[certificate unknown]\nfile = unknown.der\n"
        self.assertEqual(self.drops(self.make(text + ROWS + entries.format("unknown"))), [])

    def test_superseded_against_revocation_lists(self):
        """A revocation list whose authority key identifier names the older certificate pins it."""
        text = "[certificate older]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
               "serial = 0x0A\nfrom = 1999-01-01\nuntil = 2009-01-01\n" + ROWS + "[entry 3]\ncertificate = older\n"
        pinned = "[crl 1]\nissuer-entry = 3\nversion = 2\nissuer = older\nauthority-key-id = {}\n"
        for kind, drops in (("no", True), ("key-id", True), ("issuer-serial", False), ("both", False)):
            with self.subTest(kind):
                actions = self.report("repair", self.make(text + pinned.format(kind)), "--superseded=drop")["plan"][
                    "actions"]
                self.assertEqual(any(a["action"] == "drop-entry" for a in actions), drops, actions)

    def test_a_reissue_is_seen_in_any_order(self):
        """A cross-certificate that stands between two certificates of one issuer hides nothing."""
        ca = "[certificate {}]\nkey = ca\nsubject = C=US, O=Contoso, CN=Contoso CA\nserial = {}\n{}"
        text = ca.format("a", 1, "") + ca.format("b", 2, "issuer = partner\n") + ca.format("c", 3, "") + ROWS
        for order in ("abc", "acb", "bac"):
            entries = "".join(f"[entry {i}]\ncertificate = {name}\n" for i, name in enumerate(order, 3))
            self.assertIn("KM-REISSUE", self.found(self.make(text + entries), advice=True)[1], order)

    # Of 5.3: which of several issuing certificates of one CA keeps the role, one rule at a time.
    def test_the_order_of_what_stays_issuing(self):
        ca = "[certificate {}]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n{}"
        base = "serial = {}\nfrom = {}\nuntil = {}\n{}"
        early, late = ("1999-01-01", "2009-01-01"), ("1999-03-01", "2010-01-01")
        for title, mode, first, second, more in (
                ("V3", "V3", base.format(1, *early, ""), base.format(2, *late, "version = 1\nhash = sha1\n"), ""),
                ("V3, both", "V1V3", base.format(1, *early, ""), base.format(2, *late, "version = 1\nhash = sha1\n"), ""),
                ("CA-capable", "V1", base.format(1, *early, ""), base.format(2, *late, "ca = no\n"), ""),
                ("not revoked", "V1", base.format(1, *early, ""), base.format(2, *late, ""),
                 "[crl 1]\nissuer-entry = 2\nissuer = issuing\nrevokes = b\n"),
                ("later notAfter", "V1", base.format(1, early[0], late[1], ""), base.format(2, late[0], early[1], ""),
                 ""),
                ("later notBefore", "V1", base.format(1, late[0], late[1], ""), base.format(2, early[0], late[1], ""),
                 ""),
                ("stronger algorithm", "V1", base.format(1, *early, "hash = sha256\n"),
                 base.format(2, *early, "hash = sha1\n"), "")):
            for order in ("ab", "ba"):
                with self.subTest(title, order=order):
                    entries = "".join(f"[entry {i}]\ncertificate = {name}\nrole = issuing\n"
                                      for i, name in enumerate(order, 3))
                    text = ca.format("a", first) + ca.format("b", second) + \
                        ROWS.replace("role = issuing", "role = imported") + entries + more + \
                        "[setting IssuingCA]\nabsent = yes\n"
                    actions = self.report("repair", self.make(text, mode=mode))["plan"]["actions"]
                    demoted = [a["entry"] for a in actions if a["action"] == "set-role" and a["role"] == "imported"]
                    self.assertEqual(demoted, [3 + order.index("b")], actions)

    def test_last_the_smaller_hash_stays(self):
        """5.1 and 5.3: when nothing else tells two apart, their SHA-256 does, whatever the order of their entries."""
        def smaller_first(text, *names):
            made = self.certificates(text)
            return sorted(names, key=lambda name: hashlib.sha256(made[name]).digest())
        ca = "[certificate {}]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
             "serial = {}\nfrom = 1999-01-01\nuntil = 2009-01-01\n"
        roles = ROWS.replace("role = issuing", "role = imported")
        seen = set()
        for serial in range(1, 5):
            text = ca.format("a", 16 + serial) + ca.format("b", 32 + serial) + roles
            smaller, larger = smaller_first(text, "a", "b")
            seen.add(smaller)
            for order in ("ab", "ba"):
                entries = "".join(f"[entry {i}]\ncertificate = {name}\nrole = issuing\n" for i, name in enumerate(order, 3))
                actions = self.report("repair", self.make(text + entries + "[setting IssuingCA]\nabsent = yes\n",
                                                          mode="V1"))["plan"]["actions"]
                self.assertEqual([a["entry"] for a in actions if a["action"] == "set-role"], [3 + order.index(larger)])
        for serial in range(1, 5):
            text = f"[certificate one]\nissuer = partner\nsubject = CN=Sub\nserial = {serial}\n" + "".join(
                f"[certificate {form}]\nsame-as = one\nform = {form}\n" for form in ("ber", "ber-long")) + ROWS
            smaller, larger = smaller_first(text, "ber", "ber-long")
            seen.add(smaller)
            for order in (("ber", "ber-long"), ("ber-long", "ber")):
                entries = "".join(f"[entry {i}]\ncertificate = {name}\n" for i, name in enumerate(order, 3))
                self.assertEqual(self.drops(self.make(text + entries)),
                                 [(3 + order.index(larger), 3 + order.index(smaller))])
        self.assertEqual(seen, {"a", "b", "ber", "ber-long"})

    def test_the_named_one_stays_issuing(self):
        ca = "[certificate other]\nkey = issuing\nsubject = C=GB, O=Trey Research, CN=Trey Research CA\n" \
             "serial = 1\nfrom = 1999-03-01\nuntil = 2019-01-01\n[entry 3]\ncertificate = other\nrole = issuing\n"
        actions = self.report("repair", self.make(ROWS + ca))["plan"]["actions"]
        self.assertEqual([(a["entry"], a["role"]) for a in actions], [(3, "imported")])


if __name__ == "__main__":
    km.main()

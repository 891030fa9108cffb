#!/usr/bin/python3
"""The stand-in for the service starts on what is sound, and refuses each thing that is wrong for its own reason.

Stores are put together in memory from certificates made here; the corpus's stores, written by Microsoft's engine, show
that loading works.  The corpus is looked for in ../shared/corpus from the project's root, or where KM_CORPUS says.
"""

import contextlib
import datetime
import gzip
import hashlib
import io
import os
import pathlib
import struct
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kmcertificate
import kmserver
from edbcatalog import Column           # kmserver has the decoder's folder in the path
from edbvalues import LONG
from kmserver import Entry, IMPORTED, ISSUING, OWN, Store, judge

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    ec = None

SOURCE = pathlib.Path(os.environ.get("KM_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
CORPUS = pathlib.Path(os.environ.get("KM_CORPUS", SOURCE.parent / "shared" / "corpus"))
needs_corpus = unittest.skipUnless((CORPUS / "engine").is_dir(), f"no corpus at {CORPUS}")
needs_keys = unittest.skipUnless(ec, "no python3-cryptography to make keys with")


# ---- making certificates ------------------------------------------------------------------------------

def der(tag, *parts):
    body = b"".join(parts)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def sequence(*parts):
    return der(0x30, *parts)


def number(value, size=None):
    return der(0x02, value.to_bytes(size or (value + (value < 0)).bit_length() // 8 + 1, "big", signed=True))


def name(text):
    return sequence(der(0x31, sequence(bytes.fromhex("0603550403"), der(0x13, text.encode()))))


def extension(oid, value):
    return sequence(bytes.fromhex(oid), der(0x04, value))


ECDSA_SHA256 = sequence(bytes.fromhex("06082a8648ce3d040302"))
CA_TRUE, CA_FALSE = (extension("0603551d13", sequence(*flag)) for flag in ((bytes.fromhex("0101ff"),), ()))
SIGNS_NO_CERTIFICATES = extension("0603551d0f", bytes.fromhex("030206c0"))


class Key:
    """A key pair."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.spki = self.private.public_key().public_bytes(serialization.Encoding.DER,
                                                           serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, tbs):
        """Another signature each time: so the same to-be-signed bytes come in different certificates."""
        return sequence(tbs, ECDSA_SHA256, der(0x03, b"\0", self.private.sign(tbs, ec.ECDSA(hashes.SHA256()))))


def tbs(subject, serial, key, issuer=None, version=3, extensions=(CA_TRUE,), until="080601000000Z"):
    parts = [der(0xa0, number(version - 1))] if version > 1 else []
    parts += [serial if isinstance(serial, bytes) else number(serial), ECDSA_SHA256, name(issuer or subject),
              sequence(der(0x17, b"980601000000Z"), der(0x17, until.encode())), name(subject), key.spki]
    return sequence(*parts, *([der(0xa3, sequence(*extensions))] if version > 1 else []))


def revocation_list(issuer, *serials):
    date = der(0x17, b"990101000000Z")
    return sequence(number(1), ECDSA_SHA256, name(issuer), date, date,
                    sequence(*(sequence(number(serial), date) for serial in serials)))


def sha1(data):
    return hashlib.sha1(data).digest()


def codes(store):
    return [reason.code for reason in judge(store)]


# ---- judging ------------------------------------------------------------------------------------------

@needs_keys
class Judging(unittest.TestCase):
    """One sound store, and what becomes of it."""

    @classmethod
    def setUpClass(cls):
        cls.own_key, cls.key, cls.other_key = Key(), Key(), Key()
        cls.own = cls.own_key.sign(tbs("Own", 1, cls.own_key, version=1))
        cls.tbs = tbs("CA", 2, cls.key)
        cls.ca = cls.key.sign(cls.tbs)

    def store(self, *more, ca=None, role=ISSUING, trusted=True, mode=b"V3", settings=None, **rest):
        """The server's own certificate as entry 1, an issuing CA as entry 2, which the settings name, and more."""
        ca = ca or self.ca
        settings = {"IssueMode": mode, "IssuingCA": sha1(ca)} if settings is None else settings
        entries = [Entry(1, self.own, OWN, True, sha1(self.own)), Entry(2, ca, role, trusted, sha1(ca))]
        return Store(settings, entries + list(more), **rest)

    def assert_codes(self, store, *expected):
        self.assertEqual(codes(store), list(expected), [str(reason) for reason in judge(store)])

    def test_sound_stores_start(self):
        for mode in b"V1", b"V3", b"V1V3":
            self.assert_codes(self.store(mode=mode, references=[("UserCertificates", 7, 2)]))
        self.assert_codes(self.store(trusted=None))
        self.assert_codes(self.store(Entry(3, None, IMPORTED)), "not-a-certificate")

    def test_a_certificate_that_comes_twice(self):
        indefinite = b"\x30\x80" + kmcertificate.element(self.ca).content + b"\0\0"
        longer = b"\x30\x83" + (len(self.ca) - 4).to_bytes(3, "big") + self.ca[4:]
        for copy, code in ((self.ca, "duplicate"), (self.ca + b"\0\0", "re-encoded"), (indefinite, "re-encoded"),
                           (longer, "re-encoded"), (self.key.sign(self.tbs), "re-encoded"),
                           (self.key.sign(tbs("CA", 2, self.key, until="091231000000Z")), "same-identity"),
                           (self.key.sign(tbs("CA", number(2, 5), self.key)), "same-identity"),
                           (self.other_key.sign(tbs("Other", 2, self.other_key, issuer="CA")), "same-identity")):
            with self.subTest(code):
                reason = judge(self.store(Entry(3, copy, IMPORTED)))[0]
                self.assertEqual((reason.code, reason.entries, reason.event), (code, (2, 3), 5058))

    def test_each_copy_is_told_once(self):
        copies = [Entry(key, self.ca, IMPORTED) for key in (3, 4, 5, 6)]
        self.assert_codes(self.store(*copies), *["duplicate"] * 4, "issuing-ambiguous")
        self.assertEqual([r.entries for r in judge(self.store(*copies))][:4], [(2, 3), (2, 4), (2, 5), (2, 6)])

    def test_what_only_looks_alike_starts(self):
        for serial in 3, 0, -2, -254:
            self.assert_codes(self.store(Entry(3, self.key.sign(tbs("CA", serial, self.key)), IMPORTED)))
        self.assert_codes(self.store(Entry(3, self.own_key.sign(tbs("CA", 2, self.key, issuer="Own")), IMPORTED)))

    def test_two_active_entries_of_one_authority(self):
        reissued = self.key.sign(tbs("CA", 3, self.key))
        rekeyed = self.other_key.sign(tbs("CA", 4, self.other_key))
        self.assert_codes(self.store(Entry(3, reissued, ISSUING)), "two-issuing")
        self.assert_codes(self.store(Entry(3, rekeyed, ISSUING)))
        self.assert_codes(self.store(Entry(3, self.own_key.sign(tbs("Own", 9, self.own_key)), OWN)), "two-own")

    def test_entries_that_are_no_certificates(self):
        for wrong in None, b"", b"\0", b"garbage", self.ca[:-1], self.ca[4:], sequence(), b"\x30\x80" * 2000:
            self.assert_codes(self.store(Entry(3, wrong, IMPORTED)), "not-a-certificate")
        self.assert_codes(self.store(Entry(3, self.own_key.sign(tbs("X", 3, self.key)), IMPORTED, True, bytes(20))),
                          "thumbprint")

    def test_settings(self):
        self.assert_codes(Store(None, self.store().entries), "no-settings")
        for mode in b"", b"v3", b"V2", b"V3\0":
            self.assert_codes(self.store(mode=mode), "mode")
        self.assert_codes(self.store(settings={}), "mode")
        self.assert_codes(Store({"IssueMode": b"V1"}), "no-own")
        self.assert_codes(Store({"IssueMode": b"V1"}, [Entry(1, self.own, IMPORTED)]), "no-own")

    def test_the_issuing_ca_is_not_there_as_issuing(self):
        for mode in b"V3", b"V1V3":
            self.assert_codes(self.store(mode=mode, role=IMPORTED), "issuing-role")
            self.assert_codes(self.store(mode=mode, role=OWN), "issuing-role")
            self.assert_codes(self.store(mode=mode, role=None), "issuing-role")
            self.assert_codes(self.store(mode=mode, trusted=False), "issuing-untrusted")
            for setting in {}, {"IssuingCA": bytes(20)}, {"IssuingCA": sha1(self.ca)[:19]}:
                self.assert_codes(self.store(settings={"IssueMode": mode, **setting}), "issuing-missing")
        self.assert_codes(self.store(mode=b"V1", role=IMPORTED, trusted=False))

    def test_the_issuing_ca_may_not_issue(self):
        def ca(**facts):
            return self.store(ca=self.key.sign(tbs("CA", 2, self.key, **facts)))
        self.assert_codes(ca(version=1), "issuing-not-v3")
        for extensions in (), (CA_FALSE,), (SIGNS_NO_CERTIFICATES,), (CA_TRUE, SIGNS_NO_CERTIFICATES), (b"\x30\x05",):
            self.assert_codes(ca(extensions=extensions), "issuing-not-ca")

    def test_the_chain(self):
        root = Entry(3, self.other_key.sign(tbs("Root", 1, self.other_key)), IMPORTED)
        genuine, forged = (key.sign(tbs("CA", 2, self.key, issuer="Root")) for key in (self.other_key, self.key))
        self.assert_codes(self.store(root, ca=genuine))
        self.assert_codes(self.store(ca=genuine), "issuing-chain")
        self.assert_codes(self.store(root, ca=forged), "issuing-chain")
        self.assert_codes(self.store(ca=self.own_key.sign(self.tbs)), "issuing-chain")
        md2 = ECDSA_SHA256.replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a864886f70d0202"))
        self.assert_codes(self.store(ca=self.ca.replace(ECDSA_SHA256, md2)))     # unprovable is not refuted

    def test_revocation(self):
        def listing(key, issuer, *serials):
            return self.store(revocation_lists=[("RevocationLists 1", key.sign(revocation_list(issuer, *serials)))])
        self.assert_codes(listing(self.key, "CA", 9, 2), "issuing-revoked")
        for key, issuer, serials in ((self.key, "CA", (9, 12)), (self.key, "CA", ()), (self.own_key, "Own", (2,)),
                                     (self.own_key, "CA", (2,))):
            self.assert_codes(listing(key, issuer, *serials))
        unreadable = self.store(revocation_lists=[("RevocationLists 1", bytes(900))])
        self.assert_codes(unreadable)
        self.assertRegex(next(kmserver.warnings(unreadable)), "^crl-unreadable: RevocationLists 1")

    def test_references(self):
        references = [("UserCertificates", 7, 2), ("UserCertificates", 8, 3), ("UserCertificates", 9, 3),
                      ("RevocationLists", 1, 0)]
        reasons = judge(self.store(references=references))
        self.assertEqual([(r.code, r.entries) for r in reasons], [("dangling", (3,)), ("dangling", (0,))])
        self.assertIn("entry 3, named by 2 rows of UserCertificates, first 8", str(reasons[0]))

    def test_every_reason_is_printed(self):
        store = self.store(Entry(3, self.ca, ISSUING, thumbprint=b""), references=[("UserCertificates", 7, 4)])
        self.assert_codes(store, "thumbprint", "duplicate", "two-issuing", "issuing-ambiguous", "dangling")

    def test_expiry_is_a_warning_and_of_the_stores_time(self):
        store = self.store()
        for year, expected in ((1999, 0), (2026, 2)):
            store.time = datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc)
            self.assertEqual(sum(text.startswith("expired: ") for text in kmserver.warnings(store)), expected)
            self.assert_codes(store)


class Rows:
    """A table as the decoder gives it, with integer columns."""

    def __init__(self, rows):
        self.rows = lambda: rows

    def column(self, name):
        return Column(1, name, LONG, 4)


@needs_keys
class ListValues(unittest.TestCase):
    """The list in one value: positions from 1, no roles, no trust."""

    @classmethod
    def setUpClass(cls):
        cls.key = Key()
        cls.cas = [cls.key.sign(tbs(f"CA {i}", i, cls.key)) for i in (1, 2, 3)]

    def load(self, value, mode=b"V3"):
        store = Store({"IssueMode": mode, "IssuingCA": sha1(self.cas[1]), "CertificateList": value})
        kmserver.load_list(store, None)
        return store

    def sst(self, *certificates, end=bytes(12)):
        parts = [struct.pack("<III", 11, 1, 4) + b"n\0\0\0" + struct.pack("<III", 32, 1, len(der)) + der
                 for der in certificates]
        return b"\0\0\0\0CERT" + b"".join(parts) + end

    def pkcs7(self, *certificates, revocation_lists=()):
        data = sequence(bytes.fromhex("06092a864886f70d010701"))
        crls = [der(0xa1, *revocation_lists)] if revocation_lists else []
        signed = sequence(number(1), der(0x31), data, der(0xa0, *certificates), *crls, der(0x31))
        return sequence(bytes.fromhex("06092a864886f70d010702"), der(0xa0, signed))

    def test_both_forms(self):
        for form in self.sst, self.pkcs7:
            for mode in b"V3", b"V1":
                store = self.load(form(*self.cas), mode)
                self.assertEqual([(e.key, e.bytes) for e in store.entries], list(enumerate(self.cas, 1)))
                self.assertEqual(codes(store), [])
            twice = judge(self.load(form(*self.cas, self.cas[0])))
            self.assertEqual([(r.code, r.entries) for r in twice], [("duplicate", (1, 4))])
            self.assertEqual(codes(self.load(form(self.cas[0]))), ["issuing-missing"])

    def test_references_are_positions(self):
        store = self.load(self.sst(*self.cas))
        store.references = [("UserCertificates", row, position) for row, position in enumerate((0, 1, 3, 4))]
        self.assertEqual([r.entries for r in judge(store)], [(0,), (4,)])

    def test_a_revocation_list_among_them(self):
        crl = self.key.sign(revocation_list("CA 2", 2))
        self.assertEqual(codes(self.load(self.pkcs7(*self.cas, revocation_lists=[crl]))), ["issuing-revoked"])

    def test_values_that_end_early(self):
        for value in (self.sst(*self.cas, end=b""), self.sst(*self.cas)[:-1], self.sst(*self.cas, end=bytes(11)),
                      self.sst(*self.cas)[:-40], self.pkcs7(*self.cas)[:-1], b"", b"nonsense"):
            self.assertIn("list-cut", codes(self.load(value)))
        cut = self.load(self.sst(*self.cas)[:-40])
        self.assertEqual(len(cut.entries), 2)

    def test_no_list_and_two(self):
        store = Store({"IssueMode": b"V1"})
        kmserver.load_list(store, None)
        self.assertEqual(codes(store), ["no-list", "no-own"])
        for rows, expected in ([], []), ([{"EntryId": [b"\1\0\0\0"], "Certificate": [self.cas[0]]}], ["two-lists"]):
            store = Store({"IssueMode": b"V1", "CertificateList": self.sst(*self.cas)})
            kmserver.load_list(store, Rows(rows))
            self.assertEqual([fault.code for fault in store.faults], expected)


# ---- stores on disk -----------------------------------------------------------------------------------

def run(*arguments):
    """(exit status, lines of standard output) of the program."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        try:
            status = kmserver.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
    return status, output.getvalue().splitlines()


def disk_codes(path):
    return [reason.code for reason in kmserver.start(str(path)).reasons]


class Files(unittest.TestCase):
    def test_what_is_no_store(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = run(folder)
            self.assertEqual((status, len(lines)), (1, 3))
            self.assertRegex(lines[1], "^event 5085: stand-in: cannot mount the key database: missing: ")
            self.assertRegex(lines[2], "^event 5389: ")
            for content in b"", bytes(8192), b"\x1f\x8b", b"\x1f\x8bnonsense":
                path = pathlib.Path(folder, "Kmsmdb.edb")
                path.write_bytes(content)
                self.assertEqual(disk_codes(folder), ["unreadable"])
                self.assertEqual(disk_codes(path), ["unreadable"])
            self.assertEqual(run(pathlib.Path(folder, "nothing"))[0], 2)
            for wrong in (), (folder, folder), (folder, "--at", "noon"), (folder, "--what"):
                self.assertEqual(run(*wrong)[0], 2, wrong)


@needs_corpus
class Corpus(unittest.TestCase):
    """Stores and databases that Microsoft's engine wrote."""

    def engine(self, stem):
        return CORPUS / "engine" / f"{stem}.edb.gz"

    def test_a_clean_store_starts(self):
        status, lines = run(self.engine("clean-v3-revision2"), "--verbose")
        self.assertEqual(status, 0, lines)
        self.assertRegex(lines[0], "stand-in.* reconstruction")
        self.assertIn("entry 2: issuing, trusted, SHA-1 b3a192bee72e19b68a100f98649b9d14fcbbc940", lines)
        self.assertRegex(lines[-1], "^event 5000: stand-in: the service has started")
        self.assertFalse([line for line in lines if line.startswith("event 5") and "5000" not in line])

    def test_a_list_with_the_ca_twice_is_refused(self):
        for stem in "imported-twice", "imported-twice-revision2":
            result = kmserver.start(str(self.engine(stem)))
            self.assertEqual([(r.code, r.entries) for r in result.reasons],
                             [("duplicate", (2, 138)), ("issuing-ambiguous", (2, 138))])
            self.assertEqual(len(result.store.references), 592 + 1)
            status, lines = run(self.engine(stem))
            self.assertEqual(status, 1)
            self.assertRegex("\n".join(lines), "event 5058: .*: duplicate: .*Q230780.*entries 2 and 138")

    def test_without_the_second_copy_it_starts(self):
        """Both ways of the repair: with the role and the references that the survivor needs, and without them."""
        for kept, dropped in (2, 138), (138, 2):
            store = kmserver.start(str(self.engine("imported-twice-revision2"))).store
            store.entries = [entry for entry in store.entries if entry.key != dropped]
            survivor = next(entry for entry in store.entries if entry.key == kept)
            left = ["issuing-role", "dangling"] if kept == 2 else ["dangling"]
            self.assertEqual(codes(store), left)
            store.references = [(t, row, kept if e == dropped else e) for t, row, e in store.references]
            survivor.role = ISSUING
            self.assertEqual(codes(store), [])

    def test_an_interrupted_switch_is_refused(self):
        reasons = kmserver.start(str(self.engine("interrupted-switch-revision2"))).reasons
        self.assertEqual([(r.code, r.entries) for r in reasons], [("issuing-role", (2,))])
        self.assertIn("has the role imported", str(reasons[0]))

    def test_a_dirty_database_is_refused(self):
        status, lines = run(CORPUS / "ese" / "Current.mdb.gz")
        self.assertEqual(status, 1)
        self.assertRegex(lines[1], "^event 5085: .*: dirty: ")

    def test_a_database_without_our_tables_is_refused(self):
        self.assertEqual(disk_codes(self.engine("types-4096")), ["no-list", "no-settings"])

    def test_the_directory_logs_and_damage(self):
        content = bytearray(gzip.decompress(self.engine("clean-v3-revision2").read_bytes()))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "KMSMDB.EDB")
            path.write_bytes(content)
            for other in "res1.log", "edbmine.log.old", "Kmspwd.ini":
                pathlib.Path(folder, other).touch()
            self.assertFalse([w for w in kmserver.start(folder).warnings if w.startswith("logs")])
            for log in "EDB.LOG", "edb0001A.log", "edb.chk":
                pathlib.Path(folder, log).touch()
            for store in folder, path:
                result = kmserver.start(str(store))
                self.assertEqual(result.reasons, [])
                self.assertRegex(result.warnings[0], "^logs-beside: .*EDB.LOG, edb.chk, edb0001A.log$")
            for at, code in ((100, "header"), (4096 + 100, "header"), (30 * 4096 + 100, "structure")):
                content[at] ^= 1
                path.write_bytes(content)
                content[at] ^= 1
                self.assertEqual(set(disk_codes(folder)), {code}, at)
            path.write_bytes(content[:len(content) // 8192 * 4096])
            self.assertLessEqual(set(disk_codes(folder)), {"structure", "unreadable"})
            self.assertTrue(disk_codes(folder))

    def test_the_time_is_the_stores_own_or_the_one_given(self):
        path = self.engine("clean-v3-revision2")
        self.assertEqual(kmserver.start(str(path)).store.time.isoformat(), "2026-11-22T09:14:04+00:00")
        self.assertIn("time: 1999-09-30T00:00:00+00:00", run(path, "--at", "1999-09-30", "--verbose")[1])
        self.assertFalse([line for line in run(path, "--at", "1999-09-30T12:00:00Z")[1] if "expired" in line])
        self.assertEqual(run(path), run(path))


@needs_corpus
@unittest.skipUnless(ec, "no python3-cryptography to compare with")
class Walk(unittest.TestCase):
    """The certificate walk finds in real certificates what python3-cryptography finds."""

    def test_real_certificates(self):
        from cryptography import x509
        warnings.simplefilter("ignore")         # negative serials are what we want to see
        store = kmserver.start(str(CORPUS / "engine" / "imported-twice.edb.gz")).store
        proofs = {}
        for entry in store.entries:
            with self.subTest(entry.key):
                ours, theirs = entry.x509, x509.load_der_x509_certificate(entry.bytes)
                self.assertEqual((ours.serial, ours.version), (theirs.serial_number, theirs.version.value + 1))
                self.assertEqual((ours.issuer, ours.subject), (theirs.issuer.public_bytes(),
                                                               theirs.subject.public_bytes()))
                self.assertEqual(ours.tbs, theirs.tbs_certificate_bytes)
                self.assertEqual(ours.algorithm, theirs.signature_algorithm_oid.dotted_string)
                self.assertEqual([t.replace(tzinfo=None) for t in (ours.not_before, ours.not_after)],
                                 [theirs.not_valid_before, theirs.not_valid_after])
                with contextlib.suppress(ValueError):    # it refuses the extensions of some
                    self.assertEqual(ours.is_ca(), any(
                        isinstance(e.value, x509.BasicConstraints) and e.value.ca for e in theirs.extensions))
                if ours.issuer == ours.subject:
                    proofs.setdefault(kmcertificate.proof(ours, ours.key), []).append(ours.algorithm)
        self.assertNotIn(kmcertificate.REFUTED, proofs)
        self.assertGreater(len(proofs[kmcertificate.PROVEN]), 100)
        self.assertEqual(set(proofs.get(kmcertificate.UNPROVABLE, ())), {"1.2.840.113549.1.1.2"})    # MD2


def exit_status(result):
    """What a test program returns to CTest: 77 when every test of it was skipped."""
    if not result.wasSuccessful():
        return 1
    return 77 if result.testsRun and len(result.skipped) == result.testsRun else 0


if __name__ == "__main__":
    sys.exit(exit_status(unittest.main(exit=False, verbosity=2).result))

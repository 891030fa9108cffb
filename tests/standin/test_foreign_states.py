#!/usr/bin/python3
"""The stand-in before and after the repair of fixtures whose schema is another than the reconstruction's.

What each schema means is said here, by hand, and read by the stand-in's own code.  Before the repair the stand-in does not
start, since a certificate is in the list twice (Q230780); after it, it does.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "program")]
import km  # noqa: E402
import kmforeign  # noqa: E402
import kmserver  # noqa: E402

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"
ROLES = {"own": 1, "issuing": 2, "imported": 3}
PARAMETERS = {"mode": ("Parameters", "Value", ("Item", "Mode")), "issuing-ca": ("Parameters", "Value", ("Item", "Current"))}
VALUE = {"kind": "value", "table": "Parameters", "column": "Value", "where": ["Item", b"TrustList".hex()]}


def rows(table="Trust", wrap=None, role="Kind"):
    return {"kind": "rows", "table": table, "key": "Number", "cert": "Cert", "role": role, "wrap": wrap}


def schema(lists, by="key", roles=ROLES, settings=PARAMETERS, base=1, more=()):
    """A list, references of Issued.Signer to it, proved by the certificate beside them, and the settings."""
    return {"lists": [{**where, "base": base} for where in lists], "roles": roles, "settings": settings,
            "refs": [{"table": "Issued", "column": "Signer", "by": by}, *more], "proof": {"Issued": "Cert"}}


def flags(number):
    return kmserver.OWN if number & 4 else kmserver.ISSUING if number & 2 else kmserver.IMPORTED


PLAIN = schema([rows()])
SCHEMAS = {name: PLAIN for name in (
    "copies-differ", "key-auto-increment", "key-beyond-32-bits", "key-binary", "key-currency", "key-guid", "key-long-long",
    "key-not-primary", "key-short", "key-text", "key-unsigned-long", "settings-hex")}
SCHEMAS.update({
    "certificate-behind-header": schema([rows(wrap="header-16")]),
    "certificate-in-pem": schema([rows(wrap="pem")]),
    "certificate-in-pkcs7": schema([rows(wrap="pkcs7")]),
    "certificate-in-sst": schema([rows(wrap="sst")]),
    "certificate-packed": schema([rows(wrap="header-8:zlib")]),
    "list-der": schema([{**VALUE, "framing": "der"}], "pos"),
    "list-items-be16": schema([{**VALUE, "framing": "items-skip4-be16"}], "thumb"),
    "list-items-count": schema([{**VALUE, "framing": "items-count-le32"}], "thumb"),
    "list-packed": schema([{**VALUE, "framing": "sst", "wrap": "zlib"}], "thumb"),
    "list-pem": schema([{**VALUE, "framing": "pem"}], "thumb"),
    "list-several-values": schema([{"kind": "value", "table": "Server", "column": "Certs", "framing": "multi"}], "thumb"),
    "list-two-tables": schema([rows("OwnTrust"), rows("OtherTrust", role=None)]),
    "references-position-0": schema([{**VALUE, "framing": "sst"}], "pos", base=0),
    "references-several-values": schema([rows()], more=[{"table": "Issued", "column": "Chain", "by": "keymv"}]),
    "references-sha1": schema([rows()], "thumb"),
    "role-in-words": schema([rows()], roles={"own": "OWN", "issuing": "ISSUING", "imported": "TRUSTED"}),
    "roles-flags": schema([rows()], roles=flags),
    "settings-columns": schema([rows()], settings={"mode": ("Server", "Mode", None), "issuing-ca": ("Server", "Current", None)}),
})


def options(name):
    """Those of the description's last command line, which repairs."""
    lines = re.findall(r"^options = (.*)$", (STATES / name / "description.ini").read_text(), re.MULTILINE)
    return lines[-1].replace("profile.ini", str(STATES / name / "profile.ini")).split()


def codes(path, of):
    return sorted({reason.code for reason in kmserver.judge(kmforeign.load(str(path), of))})


class States(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)

    def make(self, name, revision):
        store = self.where / f"{name}-{revision}.edb"
        subprocess.run([KMFIXTURE, str(STATES / name / "description.ini"), "-o", str(store), "--revision", revision], check=True)
        return store

    def test_before_and_after(self):
        for name, of in sorted(SCHEMAS.items()):
            for revision in ("0x2", "0x14"):
                with self.subTest(name, revision=revision):
                    store = self.make(name, revision)
                    before = codes(store, of)
                    self.assertIn("duplicate", before)
                    self.assertLessEqual(set(before), {"duplicate", "issuing-ambiguous"})
                    new = self.where / "new.edb"
                    result = km.run("repair", store, "-o", new, "--force", *options(name))
                    self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
                    self.assertEqual(codes(new, of), [])

    def test_it_sees_what_is_wrong(self):
        """A reference that names another entry, or none, and an entry that lost its role, are refused."""
        store = self.make("key-short", "0x14")
        for change, code in ((lambda store: store.references.append(("Issued.Signer", 1, 0)), "dangling"),
                             (lambda store: store.issuers.update({store.references[0]: b"other"}), "wrong-issuer"),
                             (lambda store: setattr(store.entries[2], "role", kmserver.IMPORTED), "issuing-role")):
            with self.subTest(code):
                loaded = kmforeign.load(str(store), PLAIN)
                change(loaded)
                loaded.references = [(table, row, 3 if entry == 2 else entry) for table, row, entry in loaded.references]
                del loaded.entries[1]
                self.assertIn(code, {reason.code for reason in kmserver.judge(loaded)})


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Lists in framings of which nothing is known: the answer is "cannot tell", whatever a profile takes them for."""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import zlib

import km
from test_settings import HEAD, PARTNERS, PROFILE, said, table

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
VALUE = "[profile]\nname = x\n\n[list-value]\ntable = Server\ncolumn = List\n{form}\n[setting.mode]\nis = V3\n\n[setting.issuing-ca]\nis = {ca}\n"
VALUES = {
    "zero bytes between": lambda c: b"\0\0\0\0".join(c), "line ends between": b"\r\n".join,
    "bytes behind each": lambda c: b"".join(one + b"\1\2\3" + bytes([n]) for n, one in enumerate(c)),
    "padded": lambda c: b"".join(one + b"\0" * (-len(one) % 8) for one in c),
    "names of any length": lambda c: b"".join(b"C" * (n + 1) + b"\0" + len(one).to_bytes(4, "little") + one for n, one in enumerate(c)),
    "each packed": lambda c: b"".join(map(zlib.compress, c)),
    "base64": lambda c: base64.b64encode(b"".join(c)), "digits": lambda c: b"".join(c).hex().encode(),
    "offsets first": lambda c: b"".join((4 * len(c) + sum(map(len, c[:n]))).to_bytes(4, "little") for n in range(len(c))) + b"".join(c),
    "like SST, sizes the other way": lambda c: b"\0\0\0\0CERT" + b"".join(b"\x20\0\0\0\1\0\0\0" + len(one).to_bytes(4, "big") + one
                                                                          for one in c) + b"\0" * 12,
    "each backwards": lambda c: b"".join(one[::-1] for one in c),
}
ROWS = {
    "headers of any length": lambda n, c: b"x" * (n + 1) + c, "bytes behind each": lambda n, c: c + b"ab",
    "base64": lambda n, c: base64.b64encode(c), "some behind a header": lambda n, c: c if n < 2 else b"\1\2\3\4" + c,
    "some packed": lambda n, c: c if n < 3 else zlib.compress(c), "digits": lambda n, c: c.hex().encode(),
}


def folded(value):
    cell = said(value)
    return "\n ".join(cell[k:k + 160] for k in range(0, len(cell), 160))


class Doubt(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)
        self.store = self.where / "store.edb"
        self.make("")
        self.certificates = [(self.where / f"{name}.der").read_bytes() for name in ("own", "root", "p1", "root", "p2")]
        self.ca = hashlib.sha1(self.certificates[1]).hexdigest()

    def make(self, more):
        (self.where / "description.ini").write_text(HEAD + PARTNERS + more)
        made = subprocess.run([KMFIXTURE, str(self.where / "description.ini"), "-f", "-o", str(self.store), "--certs", str(self.where)],
                              check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)

    def expect_doubt(self, *options):
        report = json.loads(km.run("check", self.store, "--json", *options).stdout)
        self.assertEqual(report["verdict"], "cannot tell", [p["code"] for p in report["problems"]])

    def test_values(self):
        for what, frame in VALUES.items():
            self.make(table("Server", ["Id Long", "List LongBinary"], [[71, folded(frame(self.certificates))]]))
            for form in ("", "form = der\n", "form = sst\n", "form = pkcs7\n", "form = pem\n", "form = items\nitems = size:le32\n"):
                with self.subTest(what, form=form):
                    (self.where / "profile.ini").write_text(VALUE.format(form=form, ca=self.ca))
                    self.expect_doubt("--profile", self.where / "profile.ini")
            with self.subTest(what, form="discovered"):
                self.expect_doubt("--accept-discovered", "--mode", "V3", "--issuing-ca-is", self.ca)

    def test_rows(self):
        for what, frame in ROWS.items():
            with self.subTest(what):
                rows = [[30 + n, folded(frame(n, one)), role] for n, (one, role) in enumerate(zip(self.certificates, (1, 2, 3, 3, 3)))]
                self.make(table("Trust", ["Key Long", "Cert LongBinary", "Role Long"], rows))
                (self.where / "profile.ini").write_text(PROFILE[:PROFILE.index("[ignore")] + VALUE[VALUE.index("[setting.mode"):].format(ca=self.ca))
                self.expect_doubt("--profile", self.where / "profile.ini")


if __name__ == "__main__":
    unittest.main(verbosity=2)

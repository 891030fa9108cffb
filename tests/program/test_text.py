#!/usr/bin/python3
"""Whatever a store, a file name or an argument holds, what the program prints can neither drive a terminal nor break JSON.

Random bytes, from seeds, stand for every text that comes from outside: names of tables and columns, values, certificates'
names, settings, file names, arguments, the environment.  Every command is run on them, as text and as JSON.  KM_LONG=1
tries many more seeds.
"""

import json
import os
import random
import subprocess
import tempfile
import unittest

import edbmaking
import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
SEEDS = range(200 if os.environ.get("KM_LONG") else 6)

# What does most harm where it is let through, beside the bytes at random.
EVIL = (b"\x1b[31;5mEVIL\x1b[0m", b"\x1b]0;title\x07", b"\x9b2J", b"\xc2\x9b2J", b"\xe2\x80\xaegpj.exe", b"\xff\xfe",
        b"\xed\xa0\x80", b"a\tb\rc", b"$(touch x)", b"'; echo", b"\x7f", b"%s%n", b"\\x1b", b"\xe2\x80\xa8", b"J\xc3\xbcrgen")

HIDDEN = {*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
          *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)}

STORE = b"""
[store]
seed = text
organization = %(text)s
site = %(text)s
mode = V1V3
issuing-ca = issuing
certificate-server = %(text)s

[certificate own]
version = 1
subject = O=Trey Research, CN=KM Server CA

[certificate issuing]
subject = O=Trey Research, CN=%(name)s
name-encoding = %(encoding)s

[certificate again]
same-as = issuing
form = ber

[entry 1]
certificate = own
role = own
name = %(text)s

[entry 2]
certificate = issuing
role = imported
name = %(text)s

[entry 3]
certificate = issuing
role = issuing

[entry 4]
certificate = again
name = %(text)s
%(more)s
[user 1]
name = o=Trey Research, cn=AnnB

[user-certificate 1]
user = 1
issuer-entry = %(names)d
issuer = own
subject = O=Trey Research, CN=AnnB

[administrator 1]
name = %(text)s

[table Mail]
column.1 = Id Long
column.2 = Dn UnicodeText
row.1 = 1 | %(text)s
"""


def text(rng, forbidden=b"\0\n"):
    """Some bytes, none of them forbidden."""
    parts = [rng.choice(EVIL) if rng.random() < 0.5 else bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
             for _ in range(rng.randrange(1, 4))]
    return bytes(byte for byte in b"".join(parts) if byte not in forbidden) or b"x"


class Text(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.fsencode(folder.name)

    def safe(self, output, what):
        try:
            shown = output.decode("utf-8")
        except UnicodeDecodeError as error:
            self.fail(f"{what}: {error}")
        bad = {hex(ord(c)) for c in shown if ord(c) in HIDDEN and c not in "\n\t"}
        self.assertFalse(bad, f"{what}: {shown!a}")
        return shown

    def shows(self, *arguments, documents=None, environment=None):
        """Runs a command as text and as JSON and looks at all that it prints."""
        for form in ([], [b"--json"]):
            command = [os.fsencode(str(argument)) if not isinstance(argument, bytes) else argument
                       for argument in arguments] + form
            result = subprocess.run([km.PROGRAM, *command], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                    cwd=self.folder, env={**os.environb, **(environment or {})})
            self.assertGreaterEqual(result.returncode, 0, (command, result.stderr))
            self.safe(result.stderr, command)
            out = self.safe(result.stdout, command)
            if form and documents is not None and out:
                self.assertNotIn("\t", out)
                for document in (out.splitlines() if documents == "lines" else [out]):
                    json.loads(document)

    def test_a_database_of_any_names(self):
        for seed in SEEDS:
            rng = random.Random(seed)
            names = {b"T": text(rng)[:60], b"Id": text(rng)[:60], b"Name": text(rng)[:60], b"Blob": text(rng)[:60]}
            plain = edbmaking.catalog_row
            self.addCleanup(setattr, edbmaking, "catalog_row", plain)
            edbmaking.catalog_row = lambda *a, n=names, p=plain: p(*a[:-1], n.get(a[-1], a[-1]))
            path = os.path.join(self.folder, text(rng, b"\0/")[:200])
            with self.subTest(seed=seed):
                edbmaking.Database(name=text(rng)[:100]).save(path)
                other = os.path.join(self.folder, b"other")
                edbmaking.Database(name=b"name").save(other)
                with open(other + b"x", "wb") as broken:
                    image = bytearray(edbmaking.Database(name=b"name").image())
                    image[edbmaking.FIRST_LEAF * 4096 + 4096 + 700] ^= 1
                    broken.write(image)
                self.shows("info", path, documents="one")
                self.shows("info", path, "--table", names[b"T"], documents="one")
                self.shows("dump", path, "--table", names[b"T"], documents="lines")
                self.shows("dump", path, "--table", text(rng))
                self.shows("dump", path)
                self.shows("diff", path, other, documents="one")
                self.shows("diff", other, other + b"x", documents="one")
                self.shows("check", path, "--structure", documents="one")
                self.shows("check", other + b"x", "--structure", documents="one")
                self.shows("check", path, documents="one")
                self.shows("profile", path, documents="one")
                self.shows("list", path)
                self.shows("check", text(rng))
                self.shows(text(rng))
                self.shows("check", path, b"--" + text(rng))
            edbmaking.catalog_row = plain

    def store(self, rng, more=b"", names=2):
        encoding = rng.choice((b"utf8", b"t61", b"bmp"))
        forbidden = b"\0\r\n;=,+|\"\\<>#"
        name = text(rng, forbidden)[:20].decode("latin-1").encode()
        description = STORE % {b"text": text(rng, forbidden + b"[] ")[:60], b"name": name, b"encoding": encoding,
                               b"more": more, b"names": names}
        with open(os.path.join(self.folder, b"description.ini"), "wb") as file:
            file.write(description)
        path = os.path.join(self.folder, text(rng, b"\0/")[:200])
        made = subprocess.run([KMFIXTURE, b"description.ini", "-o", path], cwd=self.folder, check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return path

    @unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
    def test_a_store_of_any_texts(self):
        for seed in SEEDS:
            rng = random.Random(seed)
            cut = b"\n[certificate cut]\nsubject = CN=Cut\nform = cut\ncut = 90\n\n[entry 5]\ncertificate = cut\n" if seed % 3 == 2 else b""
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                self.folder = os.fsencode(folder)
                path = self.store(rng, cut, 99 if seed % 3 == 1 else 2)
                new = os.path.join(self.folder, b"new" + text(rng, b"\0/")[:100])
                evil = {b"TMPDIR": text(rng), b"COLUMNS": text(rng), b"TERM": text(rng)}
                self.shows("list", path, documents="one", environment=evil)
                self.shows("show", path, 2, documents="one")
                self.shows("show", path, text(rng))
                self.shows("check", path, documents="one", environment=evil)
                self.shows("check", path, "--at", text(rng), environment=evil)
                self.shows("check", path, "--profile", text(rng))
                for table in ("Configuration", "CertificateList", "Users", "Administrators", "Mail"):
                    self.shows("dump", path, "--table", table, documents="lines")
                self.shows("profile", path, documents="one")
                self.shows("repair", path, documents="one")
                self.shows("repair", path, "--issuing-ca", text(rng), "--trust", text(rng))
                self.shows("repair", path, "-o", new, "--force", documents="one")
                for name in os.listdir(self.folder):
                    if b"quarantine" in name:
                        with open(os.path.join(self.folder, name), "rb") as file:
                            self.safe(file.read(), name)
                if os.path.exists(new):
                    self.shows("diff", path, new, documents="one")
                self.shows("export", path, "--to", new + b".pem", "--force", documents="one")
                self.shows("compact", path, "-o", new + b"2", "--force", documents="one")
                self.shows("repair", path, "--in-place")
                self.shows("undo", path)


class Commands(unittest.TestCase):
    """A command that a report prints can be pasted into a shell."""

    def test_printed_commands(self):
        for name in ("Jürgen's Kunden", "$(touch x)", "a b", "-v", "tab\there", "esc\x1b[1m", "back\\slash", "plain.edb"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                state = km.SOURCE / "fixtures/states/imported-twice/description.ini"
                subprocess.run([KMFIXTURE, str(state), "-o", os.path.join(folder, name)], check=True, capture_output=True)
                report = subprocess.run([km.PROGRAM, "repair", "--", name], cwd=folder, capture_output=True, check=False)
                line = next(line for line in report.stdout.decode().splitlines() if " -o NEW" in line)
                command = line[line.index("kmmigrate "):].replace("-o NEW", "-o new.edb").split("   ")[0]
                command = command.replace("kmmigrate", f"'{km.PROGRAM}'", 1)
                pasted = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, check=False)
                self.assertEqual(pasted.returncode, km.REPAIRED, (command, pasted.stderr))
                self.assertFalse(os.path.exists(os.path.join(folder, "x")))


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""list, show and export of a file of certificates: DER, PEM, PKCS#7 and serialized stores.

What is in each file is told by openssl, and by the store that it was exported from; a serialized store is put together
here, from [MS-OSHARED] 2.3.2.5.5."""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

import km

FIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
SEED = 20261126


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *map(str, arguments)], input=given, check=True, capture_output=True).stdout


def blocks(pem, label="CERTIFICATE"):
    """The DER of each block of a PEM file, by openssl."""
    found = re.findall(rf"-----BEGIN {label}-----.*?-----END {label}-----\n?".encode(), pem, re.DOTALL)
    return [openssl("x509", "-outform", "DER", given=block) for block in found]


def sst(certificates):
    """A serialized store; before the first certificate a property."""
    whole = b"\0\0\0\0CERT" + struct.pack("<III", 11, 1, 4) + "a\0".encode("utf-16-le")
    for der in certificates:
        whole += struct.pack("<III", 32, 1, len(der)) + der
    return whole + bytes(12)


@unittest.skipUnless(os.path.exists(FIXTURE) and shutil.which("openssl"), "kmfixture or openssl is not there")
class ListFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.store = cls.folder / "store.edb"
        subprocess.run([FIXTURE, str(km.SOURCE / "fixtures/states/sub-ca-with-root-twice/description.ini"), "-o",
                        str(cls.store)], check=True, capture_output=True)
        cls.pem = km.run("export", cls.store, "--to", "-").stdout
        cls.der = blocks(cls.pem)
        cls.files = {"DER": cls.file("der", b"".join(cls.der)), "PEM": cls.file("pem", cls.pem),
                     "serialized store": cls.file("sst", sst(cls.der)),
                     "PKCS#7": cls.file("p7b", openssl("crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile",
                                                       cls.folder / "list.pem"))}

    @classmethod
    def file(cls, suffix, content):
        path = cls.folder / f"list.{suffix}"
        path.write_bytes(content)
        return path

    def told(self, *arguments, status=km.CLEAN):
        result = km.run(*arguments, "--json")
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        return json.loads(result.stdout), result.stderr.decode()

    def test_each_form(self):
        self.assertGreater(len(self.der), 2)
        for form, path in self.files.items():
            with self.subTest(form):
                listed, warnings = self.told("list", path)
                self.assertEqual((listed["file"]["form"], listed["file"]["path"], listed["file"]["size"], warnings),
                                 (form, str(path), path.stat().st_size, ""))
                self.assertEqual([entry["sha256"] for entry in listed["entries"]],
                                 [hashlib.sha256(der).hexdigest() for der in self.der])
                self.assertEqual([entry["entry"] for entry in listed["entries"]], list(range(1, len(self.der) + 1)))
                for entry in listed["entries"]:
                    self.assertEqual({"role", "trust", "references"} & set(entry), set())
                text = km.run("list", path).stdout.decode()
                self.assertEqual(text.split("\n")[0].split(), ["ENTRY", "UNTIL", "SHA-1", "SUBJECT"])
                self.assertEqual(km.run("list", path, "--tree").stdout.decode().count("(entry "), len(self.der))

    def test_show(self):
        """The facts of a store's entries, but for what only a store says; the likeness, too."""
        of_store = [self.told("show", self.store, entry["entry"])[0] for entry in km.entries(self.store)]
        for form, path in self.files.items():
            for number, wanted in enumerate(of_store, 1):
                shown = self.told("show", path, number)[0]
                for name in "key", "key_bits", "signature", "signature_is":
                    self.assertEqual(shown[name], wanted[name], form)
                self.assertEqual([like["how"] for like in shown["like"]], [like["how"] for like in wanted["like"]])
                self.assertEqual({"named_by_settings", "references"} & set(shown), set())
                text = km.run("show", path, number).stdout.decode()
                self.assertNotRegex(text, r"Settings|Referred to|imported|null|none")
                self.assertIn(f"SHA-256     {hashlib.sha256(self.der[number - 1]).hexdigest()}\n", text)
        self.assertEqual(km.run("show", path, len(self.der) + 1).returncode, km.TROUBLE)
        self.assertEqual(km.run("show", path, "x").returncode, km.USAGE)

    def test_export(self):
        """From each form to each: openssl finds the same certificates."""
        for form, path in self.files.items():
            for suffix in "pem", "p7b", "sst", "dot":
                with self.subTest(f"{form} to {suffix}"):
                    new = self.folder / f"new.{suffix}"
                    written = self.told("export", path, "--to", new, "--force")[0]["written"]
                    self.assertEqual((written["certificates"], written["left_out"]), (len(self.der), 0))
                    if suffix == "dot":
                        self.assertEqual(len(re.findall(r'\\nentry \d+("|\\n)', new.read_text())), len(self.der))
                        continue
                    if suffix == "p7b":
                        found = blocks(openssl("pkcs7", "-inform", "DER", "-in", new, "-print_certs"))
                    elif suffix == "pem":
                        found = blocks(new.read_bytes())
                    else:
                        found = [der for der in self.der if der in new.read_bytes()]
                    self.assertEqual(found, self.der)
            self.assertEqual(blocks(km.run("export", path, "--to", "-").stdout), self.der)
        path, new = self.files["serialized store"], self.folder / "same.sst"
        km.run("export", path, "--to", new)
        self.assertEqual(new.read_bytes(), path.read_bytes(), "with its property")
        itself = km.run("export", path, "--to", path, "--force")
        self.assertEqual((itself.returncode, path.read_bytes()), (km.TROUBLE, new.read_bytes()))
        self.assertIn(b"is the input itself", itself.stderr)

    def test_what_only_a_store_has(self):
        for form, path in self.files.items():
            for command in ["list"], ["show", 1], ["export"]:
                for option in ["--profile", "km55"], ["--accept-discovered"]:
                    words = [command[0], path, *command[1:], *option] + ["--to", "-"] * (command == ["export"])
                    result = km.run(*words)
                    self.assertEqual((result.returncode, result.stdout), (km.USAGE, b""), words)
                    self.assertIn(f"{option[0]} is for a store, and this is a file of certificates ({form})".encode(),
                                  result.stderr)
            for command in "check", "repair", "settings", "info", "dump":
                told, error = self.told(command, path, status=km.TROUBLE)
                self.assertEqual(told["errors"][0]["found"], f"a file of certificates ({form})")
                self.assertEqual(told["errors"][0]["next"], f"kmmigrate list {path} shows them")

    def test_why_it_is_not_clean(self):
        """Of a store, too, the exit status 4 comes with what was found, and with what to do."""
        for state, command, words in (("list-cut", ["list"], "after entry 2: serialized store: "),
                                      ("list-cut", ["show", 1], "after entry 2: serialized store: "),
                                      ("list-missing", ["list"], "there is no certificate list in it")):
            store = self.folder / f"{state}.edb"
            subprocess.run([FIXTURE, "-f", str(km.SOURCE / f"fixtures/states/{state}/description.ini"), "-o", str(store)],
                           check=True, capture_output=True)
            told, _ = self.told(command[0], store, *command[1:], status=km.PROBLEMS_LEFT)
            self.assertTrue(told["errors"][0]["message"].startswith(f"{store}: {words}"), told["errors"])
            self.assertEqual(told["errors"][1]["next"], f"kmmigrate check {store} says what")

    def test_what_is_passed_over(self):
        key, crl = openssl("genrsa", "1024"), b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"
        for content, words in ((b"hello\n" + self.pem, "text stands around"), (self.pem + b"bye", "text stands around"),
                               (key + self.pem, "1 block that is no certificate is in it, the first "),
                               (self.pem + crl + crl, "2 revocation lists are in it")):
            listed, warnings = self.told("list", self.file("rest.pem", content))
            self.assertEqual(len(listed["entries"]), len(self.der))
            self.assertRegex(warnings, rf"^kmmigrate: warning: .*: {words}.*: passed over\n$")
        listed, warnings = self.told("list", self.file("rest.pem", b"\n# a comment\n\n" + self.pem + b"\n \n"))
        self.assertEqual(warnings, "")
        self.assertIn(b"not an ESE database, but PEM, text with certificates or keys",
                      km.run("list", self.file("key.pem", key)).stderr)

    def test_no_certificate(self):
        path = self.file("odd.pem", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + self.pem)
        listed, errors = self.told("list", path, status=km.PROBLEMS_LEFT)
        self.assertEqual((len(listed["entries"]), listed["entries"][0]["subject"]), (len(self.der) + 1, None))
        self.assertIn("entry 1 is no certificate that can be read: ", errors)
        written, errors = self.told("export", path, "--to", self.folder / "odd.p7b", status=km.PROBLEMS_LEFT)
        self.assertEqual((written["written"]["certificates"], written["written"]["left_out"]), (len(self.der), 1))

    def test_cut_anywhere(self):
        """Of a file that is cut nothing is silently missing, but whole blocks at the end of PEM and certificates of DER."""
        random.seed(SEED)
        ends = {"PEM": {match.end() for match in re.finditer(rb"-----END CERTIFICATE-----", self.pem)},
                "DER": {sum(map(len, self.der[:count])) for count in range(len(self.der))}}
        for form, path in self.files.items():
            whole = path.read_bytes()
            for size in random.sample(range(1, len(whole)), 60):
                cut = self.file("cut", whole[:size])
                result = km.run("list", cut, "--json")
                exported = km.run("export", cut, "--to", "-")
                told = json.loads(result.stdout)
                short = len(told.get("entries", [])) < len(self.der)
                between = any(whole[end:size].strip() == b"" or re.fullmatch(rb"\s*(#[^\n]*\n?)?", whole[end:size])
                              for end in ends.get(form, ()) if end <= size)
                if short and not between:
                    self.assertNotEqual(result.returncode, km.CLEAN, (form, size))
                    self.assertTrue(told["errors"], (form, size))
                    self.assertNotEqual(exported.returncode, km.CLEAN, (form, size))

    def test_struck_anywhere(self):
        """Bytes that are others: an answer all the same, and the same one to list, show and export."""
        random.seed(SEED + 1)
        for form, path in self.files.items():
            for _ in km.sampled(range(40)):
                struck = bytearray(path.read_bytes())
                for _ in range(random.randint(1, 6)):
                    struck[random.randrange(len(struck))] = random.choice((0, 0x30, 0x80, 0x82, 0xff, random.randrange(256)))
                store = self.file("struck", bytes(struck))
                result = km.run("list", store, "--json")
                self.assertIn(result.returncode, (km.CLEAN, km.PROBLEMS_LEFT, km.TROUBLE), result.stderr)
                told = json.loads(result.stdout)
                self.assertEqual(result.returncode != km.CLEAN, bool(told["errors"]), told["errors"])
                for entry in told.get("entries", [])[-1:]:
                    shown = json.loads(km.run("show", store, entry["entry"], "--json").stdout)
                    self.assertEqual(shown["entry"], entry)
                for new in "-", self.folder / "struck.dot":
                    exported = km.run("export", store, "--to", new, "--force").returncode
                    self.assertIn(exported, (km.CLEAN, km.PROBLEMS_LEFT, km.TROUBLE))
                    if exported == km.CLEAN:
                        self.assertIn(result.returncode, (km.CLEAN, km.PROBLEMS_LEFT))

    def test_bytes_behind(self):
        for form, path in self.files.items():
            if form == "PEM":
                continue
            more = self.file("more", path.read_bytes() + b"\1\2\3")
            listed, errors = self.told("list", more, status=km.PROBLEMS_LEFT)
            self.assertEqual(len(listed["entries"]), len(self.der))
            self.assertIn("3 bytes behind the end of the ", errors)
            self.assertEqual(km.run("export", more, "--to", self.folder / "more.pem").returncode, km.TROUBLE)
            self.assertFalse((self.folder / "more.pem").exists())

    def test_told_by_bytes(self):
        """Neither the name nor a block somewhere in another file makes it one."""
        path = self.file("Kmsmdb.edb", self.pem)
        self.assertEqual(self.told("list", path)[0]["file"]["form"], "PEM")
        result = km.run("list", self.file("zeros.pem", bytes(5000) + self.pem))
        self.assertIn(b"not an ESE database", result.stderr)
        late = self.file("late.pem", b"# " + b"x" * 5000 + b"\n" + self.pem)
        self.assertEqual(len(self.told("list", late)[0]["entries"]), len(self.der))
        store = km.run("list", self.store, "--json")
        self.assertIn("store", json.loads(store.stdout))

    def test_too_large(self):
        path = self.file("large.pem", self.pem)
        os.truncate(path, 64 * 1024 * 1024 + 1)
        result = km.run("list", path)
        self.assertEqual(result.returncode, km.TROUBLE)
        self.assertIn(b"of more than 64 MiB", result.stderr)
        path.unlink()


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Nothing that cannot be read is passed over: the quarantine file, export, and every read that fails in turn.

The quarantine file is compared with the rows that the separate decoder reads from the input; an export with the
certificates that the store was made of.
"""

import base64
import errno
import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import km
import striking
from test_fixtures import KMFIXTURE, certificates, decoded

STATES = km.SOURCE / "fixtures" / "states"
PAGE = 2048
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END", re.DOTALL)


def pem(text):
    return [base64.b64decode(block) for block in BLOCK.findall(text)]


def sections(text):
    """{entry: (lines of columns, certificate)} of a quarantine file."""
    found = {}
    for part in re.split(r"\n(?=Entry )", text)[1:]:
        number = int(re.match(r"Entry (-?\d+), dropped", part).group(1))
        columns = re.findall(r"^(\S+) \(\w+\): ([0-9a-f]*)$", part, re.MULTILINE)
        properties = re.findall(r"^Properties: ([0-9a-f]+)$", part, re.MULTILINE)
        found[number] = (dict(columns), properties, pem(part))
    return found


class Quarantine(unittest.TestCase):
    def setUp(self):
        if not pathlib.Path(KMFIXTURE).exists():
            self.skipTest("kmfixture is not built")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def made(self, description):
        path, store = self.here / "description.ini", self.here / "store.edb"
        path.write_text(description)
        subprocess.run([KMFIXTURE, str(path), "-o", str(store), "--force"], check=True, capture_output=True)
        return store

    def repaired(self, store, *options):
        new = self.here / "new.edb"
        result = km.run("repair", store, "-o", new, *options)
        self.assertEqual(result.returncode & ~km.PROBLEMS_LEFT, km.REPAIRED, result.stderr)
        return pathlib.Path(str(new) + ".quarantine.pem").read_text(), new

    def test_rows_are_whole(self):
        """Each column of each dropped row, as the decoder reads it from the input; and its certificate."""
        count = 0
        for state, options in (("re-encoded-ber", ()), ("re-encoded-ecdsa", ()), ("trailing-bytes", ()),
                               ("settings-name-the-loser", ()), ("reissued-existing-keys", ("--superseded=drop",))):
            with self.subTest(state):
                store = self.made((STATES / state / "description.ini").read_text())
                text, new = self.repaired(store, *options)
                before = {int.from_bytes(row["EntryId"], "little"): row for row in decoded(store)["CertificateList"]}
                after = {row["EntryId"] for row in decoded(new)["CertificateList"]}
                held = {row["Certificate"] for row in decoded(new)["CertificateList"]}
                wanted = {key: row for key, row in before.items()
                          if row["EntryId"] not in after and row["Certificate"] not in held}
                found = sections(text)
                self.assertEqual(set(found), set(wanted))
                for key, row in wanted.items():
                    columns, _, block = found[key]
                    self.assertEqual(columns, {name: value.hex() for name, value in row.items()})
                    self.assertEqual(block, [row["Certificate"]])
                    count += 1
            (self.here / "new.edb").unlink()
            (self.here / "new.edb.quarantine.pem").unlink()
        self.assertGreaterEqual(count, 6)

    def test_items_of_a_list_value(self):
        """A list in one value: the certificate and the properties of what goes."""
        text = (STATES / "imported-twice-sst" / "description.ini").read_text()
        text = text.replace("[entry 2]\ncertificate = issuing\n", "[entry 2]\ncertificate = issuing-ber\n")
        text += "\n[certificate issuing-ber]\nsame-as = issuing\nform = ber\n"
        text = text.replace("references = 2>3 3>2 4>3 5>4", "references = 2>3 3>2 4>3 5>4")
        store = self.made(text)
        der = certificates(self.here, self.here / "certs") if (self.here / "description.ini").exists() else {}
        found = sections(self.repaired(store)[0])
        self.assertEqual(list(found), [2])
        columns, properties, block = found[2]
        self.assertEqual(block, [der["issuing-ber"]])
        name = "Trey Research CA".encode("utf-16-le") + b"\0\0"
        self.assertEqual(len(properties), 1)
        self.assertIn(name.hex(), properties[0])
        self.assertIn("01000000", properties[0])
        self.assertEqual(columns, {})


class Export(unittest.TestCase):
    """An export has every certificate of the list, or is refused."""

    @classmethod
    def setUpClass(cls):
        if not pathlib.Path(KMFIXTURE).exists():
            raise unittest.SkipTest("kmfixture is not built")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.here = pathlib.Path(folder.name)

    def every_page(self, state):
        """One byte flipped in each page in turn."""
        store, out = self.here / f"{state}.edb", self.here / "list.pem"
        subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(store), "--page-size", str(PAGE)],
                       check=True, capture_output=True)
        self.assertEqual(km.run("export", store, "--to", out, "--force").returncode, km.CLEAN)
        whole, data = out.read_bytes(), store.read_bytes()
        out.unlink()
        struck, refused = self.here / "struck.edb", 0
        for at in range(2 * PAGE, len(data), PAGE):
            if not any(data[at:at + PAGE]):
                continue
            damaged = bytearray(data)
            damaged[at + PAGE // 3] ^= 0x5a
            struck.write_bytes(damaged)
            result = km.run("export", struck, "--to", out)
            if result.returncode == km.TROUBLE:
                self.assertFalse(out.exists())
                self.assertNotEqual(result.stderr, b"")
                refused += 1
            else:  # the damage is another table's
                self.assertIn(result.returncode, (km.CLEAN, km.PROBLEMS_LEFT), result.stderr)
                self.assertEqual(out.read_bytes(), whole, f"page at {at}")
                out.unlink()
        return refused

    def test_rows(self):
        self.assertGreater(self.every_page("clean-v3"), 2)

    def test_value(self):
        self.assertGreater(self.every_page("imported-twice-p7"), 2)

    def test_no_list(self):
        store, out = self.here / "no-list.edb", self.here / "no-list.pem"
        subprocess.run([KMFIXTURE, str(STATES / "list-missing" / "description.ini"), "-o", str(store)], check=True,
                       capture_output=True)
        self.assertEqual(km.run("export", store, "--to", out).returncode, km.TROUBLE)
        self.assertFalse(out.exists())

    def test_cut_list(self):
        store, out = self.here / "cut.edb", self.here / "cut.pem"
        subprocess.run([KMFIXTURE, str(STATES / "list-cut" / "description.ini"), "-o", str(store)], check=True,
                       capture_output=True)
        self.assertEqual(km.run("export", store, "--to", out).returncode, km.TROUBLE)
        self.assertFalse(out.exists())


class Reads(striking.EveryCall):
    """Every call that opens or reads fails in turn: the answer is the same, or none."""

    def run_all(self, scene, command, made):
        """made: what the command writes, below the scene's directory."""
        result, calls = self.run_with(scene, command, READS=1)
        wanted = (result.returncode, {name: self.content(scene, name) for name in made})
        self.clear(scene, made)
        counts = {"same": 0, "none": 0}
        reads = [number for number, call in enumerate(calls, 1) if "read" in call or "open" in call]
        for number in reads[::striking.EVERY]:
            self.clear(scene, made)
            with self.subTest(f"{command} {calls[number - 1]} {number}"):
                result, _ = self.run_with(scene, command, READS=1, AT=number, DO=errno.EIO)
                found = (result.returncode, {name: self.content(scene, name) for name in made})
                if found == wanted:
                    counts["same"] += 1
                else:
                    # A page that cannot be read is a damaged page: then the verdict is another, and nothing is written.
                    self.assertIn(result.returncode, (km.TROUBLE, km.PROBLEMS_LEFT), result.stderr)
                    self.assertNotEqual(result.stderr + result.stdout, b"")
                    self.assertEqual(set(found[1].values()), {None})
                    counts["none"] += 1
                self.assertEqual(striking.tree(scene.store), scene.before)
        self.clear(scene, made)
        print(f"{' '.join(command)}: {counts}", flush=True)
        return sum(counts.values())

    def content(self, scene, name):
        path = scene.here / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    def clear(self, scene, made):
        for name in made:
            (scene.here / name).unlink(missing_ok=True)

    def test_reads(self):
        scene = self.scene("file")
        count = self.run_all(scene, ["repair", scene.name, "-o", "new.edb"], ("new.edb", "new.edb.quarantine.pem"))
        count += self.run_all(scene, ["repair", scene.name, "-o", "new.edb", "--superseded=drop"],
                              ("new.edb", "new.edb.quarantine.pem"))
        count += self.run_all(scene, ["export", scene.name, "--to", "list.sst"], ("list.sst",))
        self.assertGreater(count * striking.EVERY, 30)


if __name__ == "__main__":
    km.main()

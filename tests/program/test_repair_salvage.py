#!/usr/bin/python3
"""`repair --salvage`: a damaged KM store is salvaged and repaired in one plan, or it is said why not.

The stores are kmfixture's; pages, their rows and the checksums are found and made by the separate decoder's code.
"""

import collections
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

import km

import edbdecode
import edbfile
from edbtree import Tree

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"
PAGE = 4096
TABLES = ("CertificateList", "Configuration", "Users", "UserCertificates", "RevocationLists", "Administrators")
NEEDED = ("CertificateList", "Configuration")
YES, CANNOT_TELL = "yes after repair", "cannot tell"


def make(path, *arguments):
    subprocess.run([KMFIXTURE, *map(str, arguments), "-o", str(path)], check=True, capture_output=True)
    return path


def decoded(path):
    """The values of each table; the separate decoder reads them."""
    return {table.name: list(edbdecode.values_lines(table)) for table in edbdecode.open(str(path)).tables
            if table.name in TABLES}


def counted(path):
    """How many rows each table has."""
    return {name: sum(leaves(path, name)[0].values()) for name in TABLES}


def leaves(path, name):
    """Pages with rows of a table, in the order of keys, and how many rows each has."""
    db = edbdecode.open(str(path))
    table = next(table for table in db.tables if table.name == name)
    return collections.Counter(page.number for page, _, _, _ in Tree(db.file, table.root, table.objid).nodes()), table.root


def place(page):
    return slice((page + 1) * PAGE, (page + 2) * PAGE)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class RepairSalvage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.made = pathlib.Path(folder.name)
        cls.small = make(cls.made / "small.edb", STATES / "imported-twice" / "description.ini")
        cls.large = make(cls.made / "large.edb", "--users", "40", "--entries", "20", "--duplicates")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.new = self.folder / "Kmsmdb.edb", self.folder / "new.edb"

    def damage(self, source, **pages):
        """zero=[pages], or data to put somewhere: {offset: bytes}."""
        data = bytearray(source.read_bytes())
        for page in pages.get("zero", ()):
            data[place(page)] = bytes(PAGE)
        for at, new in pages.get("put", {}).items():
            data[at:at + len(new)] = new
        self.store.write_bytes(data)

    def sealed(self, source, page, at, new):
        """A page with other bytes and the checksum that goes with them."""
        data = bytearray(source.read_bytes()[place(page)])
        data[at:at + len(new)] = new
        struct.pack_into("<I", data, 0, edbfile.old_checksum(bytes(data)))
        return bytes(data)

    def plan(self, *options):
        run = km.run("repair", self.store, "--salvage", "--json", *options)
        return (json.loads(run.stdout) if run.stdout else None), run

    def codes(self, told):
        return [problem["code"] for problem in told["problems"]]

    def lines(self, suffix):
        return [json.loads(line) for line in pathlib.Path(f"{self.new}{suffix}").read_text().splitlines()]

    def repair(self, *options):
        told, _ = self.plan(*options)
        before = self.store.read_bytes()
        run = km.run("repair", self.store, "--salvage", "-o", self.new, "--plan", told["plan"]["id"], "--json", *options)
        self.assertTrue(self.new.exists(), run.stderr.decode())
        self.assertEqual(self.store.read_bytes(), before)
        done = json.loads(run.stdout)
        self.assertEqual(done["plan"]["id"], told["plan"]["id"])
        self.assertEqual([action["action"] for action in done["plan"]["actions"]],
                         [action["action"] for action in told["plan"]["actions"]])
        return done, run

    def expected(self, source, name="wanted.edb"):
        """What repair makes of the store as it was before the damage."""
        wanted = self.folder / name
        self.assertEqual(km.run("repair", source, "-o", wanted).returncode, km.REPAIRED)
        return decoded(wanted)

    def test_what_costs_no_row_ends_with_yes(self):
        """Parents, space, secondary indexes, links under a right checksum, one header: as if nothing had been."""
        wanted = self.expected(self.large)
        pages, root = leaves(self.large, "CertificateList")
        first, second = sorted(pages)[:2]
        stale = self.sealed(self.large, first, 20, struct.pack("<I", 250))
        harmless = {"a parent": {"zero": [root]}, "space": {"zero": [2, 3]}, "the shadow catalog": {"zero": [24]},
                    "the header": {"put": {0: bytes(PAGE)}}, "a broken link": {"put": {place(first).start: stale}},
                    "a lost secondary index": {"zero": [35]}}
        for what, how in harmless.items():
            with self.subTest(what):
                self.damage(self.large, **how)
                self.assertEqual(km.run("check", self.store).returncode & km.PROBLEMS_LEFT, km.PROBLEMS_LEFT)
                done, run = self.repair()
                self.assertEqual((done["verdict"], run.returncode), (YES, km.REPAIRED), run.stderr.decode())
                self.assertTrue(done["salvaged"]["list_whole"] and done["salvaged"]["references_whole"])
                self.assertEqual(km.run("check", self.new).returncode, km.CLEAN)
                self.assertEqual(decoded(self.new), wanted)
                self.assertEqual((self.lines(".salvage.jsonl"), self.lines(".quarantine.jsonl")), ([], []))
                for file in self.folder.glob("new.edb*"):
                    file.unlink()
        self.assertEqual(second, sorted(pages)[1])

    def test_a_damaged_store_without_duplicates_is_written(self):
        """Nothing of the plan but the salvage itself."""
        sound = make(self.folder / "sound.edb", STATES / "clean-v3" / "description.ini")
        self.damage(sound, zero=[2])
        told, run = self.plan()
        self.assertEqual((told["verdict"], told["plan"]["actions"], run.returncode), (YES, [], km.PROBLEMS_LEFT))
        _, run = self.repair()
        self.assertEqual(run.returncode, km.REPAIRED)
        self.assertEqual(decoded(self.new), decoded(sound))
        self.store.write_bytes(sound.read_bytes())
        other = self.folder / "other.edb"
        told, run = self.plan()
        self.assertEqual((told["verdict"], run.returncode), ("yes", km.CLEAN))
        self.assertEqual(km.run("repair", self.store, "--salvage", "-o", other).returncode, km.CLEAN)
        self.assertFalse(other.exists())

    def test_lost_user_certificates_do_not_keep_it_from_starting(self):
        pages, _ = leaves(self.large, "UserCertificates")
        page = sorted(pages)[2]
        self.damage(self.large, zero=[page])
        done, run = self.repair()
        self.assertEqual((done["verdict"], run.returncode), (YES, km.REPAIRED | km.PROBLEMS_LEFT))
        self.assertTrue(done["salvaged"]["list_whole"])
        self.assertFalse(done["salvaged"]["references_whole"])
        self.assertEqual(km.run("check", self.new).returncode, km.CLEAN)
        self.assertEqual(counted(self.new)["UserCertificates"], sum(pages.values()) - pages[page])

    def test_a_list_in_doubt_is_named(self):
        pages, root = leaves(self.large, "CertificateList")
        page = sorted(pages)[1]
        for what, zero in (("a leaf", [page]), ("a leaf and its parent", [page, root]), ("all of it", [*pages, root])):
            with self.subTest(what):
                self.damage(self.large, zero=zero)
                told, run = self.plan()
                self.assertEqual((told["verdict"], run.returncode), (CANNOT_TELL, km.PROBLEMS_LEFT))
                said = [p["evidence"] for p in told["problems"] if p["code"] == "KM-SALVAGED"]
                self.assertTrue(any("table CertificateList" in text and f"page {page}" in text for text in said)
                                or what == "all of it", said)
                text = km.run("repair", self.store, "--salvage").stdout.decode()
                self.assertIn("cannot tell", text)
                self.assertIn("the list and the settings are NOT whole", text)

    def test_a_damaged_page_of_the_list(self):
        """Bytes under a wrong checksum: the rows are doubtful, and kept or left out as is said."""
        pages, _ = leaves(self.small, "CertificateList")
        (page, rows), = pages.items()
        self.damage(self.small, put={place(page).start + 16: b"\x11\x22\x33"})
        for options, kept in (([], 0), (["--doubtful", "drop"], 0), (["--doubtful=keep"], rows)):
            with self.subTest(options):
                told, _ = self.plan(*options)
                self.assertEqual(told["verdict"], CANNOT_TELL)
                table = next(t for t in told["salvaged"]["tables"] if t["name"] == "CertificateList")
                self.assertEqual((table["kept"], table["doubtful"], table["written"]), (0, rows, kept))
                text = " ".join(p["evidence"] for p in told["problems"] if p["code"] == "KM-SALVAGED")
                for entry in range(1, rows + 1):
                    self.assertIn(f"row {entry}, page {page}", text)
        done, run = self.repair("--doubtful=keep")
        self.assertEqual((done["verdict"], run.returncode), (CANNOT_TELL, km.REPAIRED | km.PROBLEMS_LEFT))
        self.assertEqual(decoded(self.new), self.expected(self.small))

    def test_both_headers_gone_and_a_dirty_store(self):
        dirty = bytearray(self.small.read_bytes()[:PAGE])
        struct.pack_into("<I", dirty, 52, 2)
        struct.pack_into("<I", dirty, 0, edbfile.old_checksum(bytes(dirty)))
        for what, put in (("gone", {0: bytes(2 * PAGE)}), ("dirty", {0: bytes(dirty) * 2})):
            with self.subTest(what):
                self.damage(self.small, put=put)
                told, _ = self.plan()
                self.assertEqual(told["verdict"], CANNOT_TELL)
                self.assertIn("shut down cleanly", " ".join(p["evidence"] for p in told["problems"]
                                                            if p["code"] == "KM-SALVAGED"))

    def same(self, name, have, wanted, nothing_lost):
        """Of copies the one with the most references stays: that is another one where references are lost."""
        if nothing_lost:
            self.assertEqual(have[name], wanted[name])
        elif name == "CertificateList":
            certificates = [sorted(line for line in lines[name] if line.startswith(" Certificate[")) for lines in (have, wanted)]
            self.assertEqual(certificates[0], certificates[1])

    def sweep(self, source, count):
        """Each page zeroed: a "yes" only while list and settings are what they were."""
        data, truth = source.read_bytes(), counted(source)
        wanted = self.expected(source)
        for page in range(1, len(data) // PAGE - 1):
            if not any(data[place(page)]) or page % count:
                continue
            self.damage(source, zero=[page])
            done, run = self.repair()
            have = decoded(self.new)
            with self.subTest(page=page):
                told = {t["name"]: t for t in done["salvaged"]["tables"]}
                nothing_lost = all(not (t["lost"] or t["pages_lost"] or t["doubtful"]) for t in told.values())
                for name, table in told.items():
                    if name in TABLES and not (table["lost"] or table["pages_lost"] or table["doubtful"]):
                        self.assertEqual(table["kept"], truth[name], name)
                        if done["verdict"] == YES:
                            self.same(name, have, wanted, nothing_lost)
                whole = all(told[name]["kept"] == truth[name] for name in NEEDED)
                self.assertEqual(done["verdict"], YES if whole else CANNOT_TELL)
                self.assertEqual(run.returncode & km.PROBLEMS_LEFT == 0, all(
                    not (t["lost"] or t["pages_lost"] or t["doubtful"] or t["cut"]) for t in told.values()))
            for file in self.folder.glob("new.edb*"):
                file.unlink()
        (self.folder / "wanted.edb").unlink()

    def test_no_page_is_missed(self):
        self.sweep(self.small, 1)
        self.sweep(self.large, 1 if os.environ.get("KM_LONG") else 5)

    def test_it_adds_up(self):
        """kept + doubtful + lost = truth, by table and key, from the report, the lines and the quarantine."""
        pages, _ = leaves(self.large, "CertificateList")
        others, _ = leaves(self.large, "UserCertificates")
        page, other, torn = sorted(pages)[1], sorted(others)[1], sorted(others)[4]
        self.damage(self.large, zero=[page, other], put={place(torn).start + 16: b"\x11\x22\x33"})
        done, run = self.repair()
        self.assertEqual(run.returncode, km.REPAIRED | km.PROBLEMS_LEFT)
        lines, records = self.lines(".salvage.jsonl"), self.lines(".quarantine.jsonl")
        truth = counted(self.large)
        for table in done["salvaged"]["tables"]:
            name = table["name"]
            if name not in TABLES:
                continue
            of_kind = collections.Counter(line["kind"] for line in lines if line.get("table") == name)
            self.assertEqual(table["kept"] + table["doubtful"] + table["lost"], truth[name], name)
            self.assertEqual((of_kind["doubtful"], of_kind["lost"]), (table["doubtful"], table["lost"]), name)
        lost = {line["key"] for line in lines if line["kind"] == "lost" and line["table"] == "UserCertificates"}
        self.assertEqual(len(lost), others[other])
        doubtful = [line for line in lines if line["kind"] == "doubtful"]
        self.assertEqual(len(doubtful), others[torn])
        kept = {(record["table"], record["key"]) for record in records if record["kind"] == "doubtful"}
        self.assertEqual(kept, {(line["table"], line["key"]) for line in doubtful if not line["written"]})
        self.assertEqual(len(records), done["salvaged"]["quarantined"])

    def test_what_stands_beside_is_not_written_over(self):
        self.damage(self.small, zero=[2])
        pem = pathlib.Path(f"{self.new}.quarantine.pem")
        pem.write_text("of an earlier repair")
        mine = pathlib.Path(f"{self.new}.salvage.jsonl")
        mine.write_text("mine")
        run = km.run("repair", self.store, "--salvage", "-o", self.new)
        self.assertEqual((run.returncode, self.new.exists(), mine.read_text()), (km.TROUBLE, False, "mine"))
        mine.unlink()
        self.assertEqual(km.run("repair", self.store, "--salvage", "-o", self.new).returncode, km.REPAIRED)
        self.assertEqual(pem.read_text(), "of an earlier repair")

    def test_the_input_is_never_the_output(self):
        """Not under another name of it either, and whatever stands for it meanwhile."""
        link = self.folder / "link.edb"
        for how, damage in (("--salvage", {"zero": [2]}), ("--recover", {})):
            self.damage(self.small, **damage)
            link.unlink(missing_ok=True)
            os.link(self.store, link)
            before = self.store.read_bytes()
            for name in (self.store, link):
                run = km.run("repair", self.store, how, "-o", name, "--force")
                self.assertEqual((run.returncode, name.read_bytes() == before), (km.TROUBLE, True), f"{how} {name}")
                self.assertIn(b"is the input itself", run.stderr)
        folder = km.run("repair", self.folder, "--salvage", "-o", self.store, "--force")
        self.assertEqual((folder.returncode, self.store.read_bytes() == before), (km.TROUBLE, True))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["Kmsmdb.edb", "link.edb"])

    def test_an_interrupted_repair_is_seen(self):
        self.damage(self.small, zero=[2])
        (self.folder / "Kmsmdb.edb.kmundo").write_bytes(b"no undo file")
        told, run = self.plan()
        self.assertIn("KM-UNDO-PENDING", self.codes(told))
        run = km.run("repair", self.store, "--salvage", "-o", self.new)
        self.assertEqual((run.returncode, self.new.exists()), (km.PROBLEMS_LEFT, False))

    def test_the_next_step_names_it(self):
        self.damage(self.large, zero=[sorted(leaves(self.large, "CertificateList")[0])[1]])
        text = km.run("check", self.store).stdout.decode()
        self.assertIn(f"kmmigrate repair --salvage {self.store} -o NEW", text)
        run = km.run("repair", self.store, "-o", self.new)
        self.assertEqual(run.returncode & km.PROBLEMS_LEFT, km.PROBLEMS_LEFT)
        self.assertIn(b"--salvage", run.stderr)
        text = km.run("repair", self.store, "--salvage", "--doubtful=drop").stdout.decode()
        self.assertIn("--doubtful=drop --salvage\n", text)
        self.assertNotIn("/proc/", text)
        # neither catalog can be read
        catalogs = [page for page in range(1, 33) if self.large.read_bytes()[place(page)][24:28] in
                    (struct.pack("<I", 2), struct.pack("<I", 3))]
        self.damage(self.large, zero=catalogs or [4, 24])
        run = km.run("check", self.store)
        self.assertIn(b"kmmigrate salvage", run.stderr + run.stdout)
        self.damage(self.small, put={0: bytes(2 * PAGE)})
        self.assertIn(b"kmmigrate salvage", km.run("check", self.store).stderr)

    def test_usage(self):
        self.damage(self.small)
        for arguments in (["--salvage", "--in-place"], ["--salvage", "--recover"], ["--doubtful=keep"],
                          ["--schema-from", self.small], ["--drop-index", "a.b"], ["--salvage", "--doubtful=some"],
                          ["--salvage", "--drop-index", "CertificateList.None"]):
            self.assertEqual(km.run("repair", self.store, *arguments).returncode, km.USAGE, arguments)
        # of a directory the database is read
        self.damage(self.small, zero=[2])
        run = km.run("repair", self.folder, "--salvage", "--json")
        self.assertEqual((json.loads(run.stdout)["verdict"], run.returncode), (YES, km.PROBLEMS_LEFT))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["Kmsmdb.edb"])


if __name__ == "__main__":
    km.main()

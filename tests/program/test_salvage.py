#!/usr/bin/python3
"""salvage, held against the truth: sound databases of Microsoft's engine are damaged by a separate program, which knows
of every row whether it can be had, and what was made of it is read by the separate decoder.

The judge is not a part of this project: where it is absent (../shared/salvage-judge beside the project's root) its tests
are skipped.  KM_LONG=1: every store, kind and strength, and five seeds.
"""

import base64
import collections
import contextlib
import gzip
import hashlib
import json
import lzma
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

import km

import edbdecode
import edbmaking
import libesedb

JUDGE = pathlib.Path(os.environ.get("KM_SALVAGE_JUDGE", km.SOURCE.parent / "shared" / "salvage-judge"))
LONG = bool(os.environ.get("KM_LONG"))
STORES = ("churn-4096", "churn-8192", "churn-32768", "imported-twice", "imported-twice-revision2", "types-4096",
          "types-16384", "types-32768") if LONG else ("churn-4096", "imported-twice-revision2", "types-32768")
PAIRS = ("churn-8192-e200", "users2000-e300", "imported-twice-revision2-e150") if LONG else ("churn-8192-e200",)
OLDER = ("stale-leaf", "stale-root", "stale-any", "split-left-unwritten", "split-right-unwritten",
         "split-parent-unwritten")
# kinds whose every row stands on a good page: nothing may be lost, changed or doubted
HARMLESS = ("swap", "root-data", "root-index", "root-lv", "root-space", "system-space", "catalog", "catalog-both", "header",
            "headers-both", "links", "dirty")
DAMAGING = ("bitflip-leaf", "random-leaf", "zero-leaf", "zero-lv", "copied-over", "cut", "any")
# of a stale page nothing tells, when neither an index nor a long value has changed with a row on it
UNTELLABLE = 3


def judge_is_there():
    return (JUDGE / "judge.py").exists() and (km.CORPUS / "engine" / "churn-4096.edb.gz").exists()


class Case:
    """One damaged database, salvaged and judged."""

    def __init__(self, folder, store, kind, many, seed, schema_from=False):
        self.name, self.store = f"{store}.{kind}{'+' if many else ''}.{seed}", store
        sound, truth = folder / f"{store}.edb", folder / f"{store}.json"
        path = folder / "damaged.edb"
        command = [sys.executable, JUDGE / "damage.py", sound, truth, kind, "--seed", str(seed), "-o", path]
        command += ["--many"] if many else []
        command += ["--older", folder / f"{store}.old.edb"] if kind in OLDER else []
        made = subprocess.run(command, capture_output=True, check=False)
        self.possible = made.returncode == 0
        if made.returncode not in (0, 3):
            raise AssertionError(made.stderr.decode())
        if self.possible:
            self.judge(path, sound, truth, schema_from)

    def judge(self, path, sound, truth, schema_from):
        import judge
        new = path.with_suffix(".new")
        options = ["--schema-from", sound] if schema_from else []
        self.result = km.run("salvage", path, "-o", new, "--force", "--json", *options)
        if self.result.returncode not in (1, 5):
            raise AssertionError(f"{self.name}: {self.result.stderr.decode()}")
        self.report = json.loads(self.result.stdout)
        self.check = km.run("check", "--structure", new)
        damage, truth = json.loads(path.with_suffix(".json").read_text()), json.loads(truth.read_text())
        evidence = judge.Evidence(damage, truth, str(path))
        rows, self.notes, indexes = judge.read_decoder(str(new), [])
        self.new = edbdecode.open(str(new))
        self.by_libesedb = libesedb.values(str(new)) if libesedb.pyesedb and self.new.header.revision == 0x14 else {}
        lines = [json.loads(line) for line in pathlib.Path(f"{new}.salvage.jsonl").read_text().splitlines()]
        self.lines = lines
        self.doubtful = {(line["table"], line["key"]) for line in lines if line["kind"] == "doubtful"}
        keys = {(t["name"], row["key"]): (t, row) for t in truth["tables"] for row in t["rows"]}
        named = [[t["name"], {k: row["values"].get(k) for k in (t["key"] or sorted(t["columns"]))}]
                 for name, (t, row) in keys.items() if name in self.doubtful]
        self.right_but_doubted = sum(evidence.row(t, row)[0] in ("full", "cut") for name, (t, row) in keys.items()
                                     if name in self.doubtful)
        self.doubtful_extra = len([name for name in self.doubtful if name not in keys])
        total = judge.judge(damage, truth, evidence, rows, self.notes, indexes, named)["total"]
        self.sums = judge.summary(total)
        self.account(evidence, keys, rows, damage)

    def account(self, evidence, keys, rows, damage):
        """Every row of the truth is in the new database, or a line speaks for it: by its key, or as a lost page."""
        told = {(line.get("table"), line["key"]) for line in self.lines}
        objects = {(line["object"], line["key"]) for line in self.lines}
        pages = [line for line in self.lines if line["kind"] == "page-lost"]
        self.silent = []
        have = {table: {tuple(sorted(row.items())) for row in found} for table, found in rows.items()}
        for (table, key), (t, row) in keys.items():
            same = tuple(sorted(row["values"].items())) in have.get(table, ())
            if same or (table, key) in told or (t["objid"], key) in objects:
                continue
            gone = evidence.states.get(row["page"]) == "gone" or row["page"] in {p["page"] for p in pages}
            if not gone and evidence.row(t, row)[0] in ("full", "cut"):
                self.silent.append((table, key))


@unittest.skipUnless(judge_is_there(), f"corpus: no {JUDGE}")
class Judged(unittest.TestCase):
    compared = 0

    @classmethod
    def setUpClass(cls):
        os.environ["KM_DECODER"] = str(km.SOURCE / "tests" / "decoder")
        sys.path.insert(0, str(JUDGE))
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        for name in STORES:
            (cls.folder / f"{name}.edb").write_bytes(gzip.decompress((km.CORPUS / "engine" / f"{name}.edb.gz").read_bytes()))
        for name in PAIRS:
            for file in f"{name}.edb", f"{name}.old.edb":
                (cls.folder / file).write_bytes(lzma.decompress((JUDGE / "pairs" / f"{file}.xz").read_bytes()))
        for name in STORES + PAIRS:
            subprocess.run([sys.executable, JUDGE / "truth.py", cls.folder / f"{name}.edb", "-o", cls.folder / f"{name}.json"],
                           check=True, capture_output=True)

        cls.known = collections.defaultdict(set)        # what libesedb reads in the databases before they were damaged
        for name in STORES + PAIRS if libesedb.pyesedb else ():
            for file in cls.folder.glob(f"{name}*.edb"):
                for table, rows in libesedb.values(str(file)).items():
                    cls.known[name, table].update(item for row in rows for item in row.items())

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.compared} rows of salvaged databases read by libesedb, too")

    def cases(self, kinds, stores, **options):
        for kind in kinds:
            for store in stores:
                for many in (True, False) if LONG else (True,):
                    for seed in range(1, 6 if LONG else 2):
                        case = Case(self.folder, store, kind, many, seed, **options)
                        if case.possible:
                            with self.subTest(case.name):
                                yield case

    def holds(self, case):
        """What holds for every kind of damage."""
        self.assertEqual(case.sums["lost_though"], 0)
        self.assertEqual(case.sums["short_of_full"] + case.sums["short_of_cut"], 0)
        self.assertEqual(case.sums["tables_absent"] + case.sums["indexes_absent"], 0)
        self.assertEqual(case.notes, [])
        self.assertEqual(case.silent, [])
        missing = sum(t["entries_missing"] for t in case.report["tables"])
        self.assertEqual(case.check.returncode, km.PROBLEMS_LEFT if missing else km.CLEAN, case.check.stdout.decode())
        self.assertEqual(missing or list(case.new.problems()), missing or [])
        self.read_by_libesedb(case)

    def read_by_libesedb(self, case):
        """As many rows as the decoder finds, and no value that it does not read in the sound database, or the older."""
        for table in case.new.tables:
            rows, known = case.by_libesedb.get(table.name), self.known.get((case.store, table.name))
            if rows is None or known is None or table.name.startswith("MSys"):
                continue
            self.assertEqual(len(rows), len(list(table.rows())), table.name)
            self.assertEqual({item for row in rows for item in row.items()} - known, set(), table.name)
            Judged.compared += len(rows)

    def test_harmless(self):
        for case in self.cases(HARMLESS, STORES):
            self.holds(case)
            # a leaf that is a root at the same time takes its rows along
            if case.sums["lost"] == 0:
                self.assertEqual(case.sums["full_right"], case.sums["rows"])
                self.assertEqual((case.sums["changed"], case.sums["extra"], len(case.doubtful)), (0, 0, 0))

    def test_damaging(self):
        for case in self.cases(DAMAGING, STORES):
            self.holds(case)
            self.assertEqual((case.sums["changed"], case.sums["extra"], case.right_but_doubted), (0, 0, 0))

    def test_older_pages(self):
        for case in self.cases(OLDER, PAIRS):
            rows = case.sums["rows"]
            if case.report["told"]["no-schema"] == 0:
                self.holds(case)
            self.assertLessEqual(case.sums["changed"] - case.sums["wrong_named"], UNTELLABLE)
            self.assertLessEqual(case.sums["extra"] - case.doubtful_extra, UNTELLABLE)
            self.assertLessEqual(case.right_but_doubted, rows * 0.2)

    def test_lost_schema(self):
        stores = [name for name in STORES if name.startswith(("churn", "imported"))]
        for case in self.cases(["catalog-same"], stores):
            quarantined = collections.Counter(line["object"] for line in case.lines if line["kind"] == "no-schema")
            self.assertEqual(case.sums["lost_though"], sum(quarantined.values()))
        for case in self.cases(["catalog-same"], stores, schema_from=True):
            self.holds(case)
            self.assertEqual(case.sums["full_right"], case.sums["rows"])


@unittest.skipUnless((km.CORPUS / "engine" / "churn-4096.edb.gz").exists(), "corpus: no engine/churn-4096.edb.gz")
class Command(unittest.TestCase):

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.store = self.folder / "store.edb"
        self.bytes = bytearray(gzip.decompress((km.CORPUS / "engine" / "churn-4096.edb.gz").read_bytes()))
        self.new = self.folder / "new.edb"

    def write(self):
        self.store.write_bytes(self.bytes)

    def zero(self, page):
        self.bytes[(page + 1) * 4096:(page + 2) * 4096] = bytes(4096)
        self.write()

    def test_a_sound_database_needs_none(self):
        self.write()
        result = km.run("salvage", self.store)
        self.assertEqual(result.returncode, km.CLEAN, result.stderr)
        self.assertIn(b"Nothing is damaged", result.stdout)
        self.assertEqual(km.run("salvage", self.store, "-o", self.new).returncode, km.REPAIRED)
        self.assertEqual(km.run("diff", self.store, self.new).returncode, 0)

    def leaf(self):
        """A leaf of table churn: its rows are what is lost."""
        import edbdecode
        self.write()
        from edbtree import Tree
        db = edbdecode.open(str(self.store))
        table = next(t for t in db.tables if t.name == "churn")
        pages = collections.Counter(page.number for page, _, _, _ in Tree(db.file, table.root, table.objid).nodes())
        return sorted(pages.items())[len(pages) // 2]

    def test_the_plan_is_what_is_written(self):
        page, rows = self.leaf()
        self.zero(page)
        before = km.hashlib_of(self.folder)
        plan = km.run("salvage", self.store, "--json")
        self.assertEqual(plan.returncode, km.PROBLEMS_LEFT)
        self.assertEqual(km.hashlib_of(self.folder), before, "a plan leaves no trace")
        plan = json.loads(plan.stdout)
        churn = next(t for t in plan["tables"] if t["name"] == "churn")
        self.assertEqual((churn["kept"], churn["lost"], churn["pages_lost"]), (434 - rows, rows, 1))
        for how in ([], ["-o", self.new]):
            self.assertEqual(km.refused_plans("salvage", self.store, plan["plan"], *how), [])
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["store.edb"])
        written = km.run("salvage", self.store, "-o", self.new, "--plan", plan["plan"][:12].upper(), "--json")
        self.assertEqual(written.returncode, km.REPAIRED | km.PROBLEMS_LEFT, written.stderr)
        self.assertEqual(json.loads(written.stdout)["plan"], plan["plan"])
        self.assertEqual(json.loads(written.stdout)["tables"], plan["tables"])
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        kinds = collections.Counter(line["kind"] for line in lines)
        self.assertEqual({kind: count for kind, count in plan["told"].items() if count}, dict(kinds))
        self.assertEqual(kinds["lost"], rows)

    def test_another_decision_or_file_is_another_plan(self):
        """Whatever else of them is the same."""
        page, _ = self.leaf()
        ids = []
        for fill, how in ((b"\1", ()), (b"\2", ()), (b"\2", ("--doubtful", "keep")), (b"\2", ("--doubtful", "drop")),
                          (b"\2", ("--drop-index", "churn.byK")), (b"\2", ("--drop-index", "churn.byN"))):
            with self.store.open("r+b") as file:
                file.seek((page + 1) * 4096)
                file.write(fill * 4096)
            plan = km.run("salvage", self.store, "--json", *how)
            self.assertEqual(plan.returncode, km.PROBLEMS_LEFT, plan.stderr)
            ids.append(json.loads(plan.stdout)["plan"])
        self.assertEqual(len(set(ids)), len(ids), ids)

    def test_what_is_not_written_is_in_quarantine(self):
        page, _ = self.leaf()
        start = (page + 1) * 4096 + 1500
        self.bytes[start:start + 64] = bytes(64)
        self.write()
        self.assertEqual(km.run("salvage", self.store, "-o", self.new).returncode, 5)
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        records = [json.loads(line) for line in pathlib.Path(f"{self.new}.quarantine.jsonl").read_text().splitlines()]
        doubtful = {line["key"]: line for line in lines if line["kind"] == "doubtful"}
        kept = {record["key"]: record for record in records if record["kind"] == "doubtful"}
        self.assertTrue(doubtful)
        self.assertEqual(set(doubtful), set(kept))
        for key, line in doubtful.items():
            self.assertFalse(line["written"])
            self.assertEqual(hashlib.sha256(bytes.fromhex(kept[key]["record"])).hexdigest(), line["sha256"])
        # asked for, they are written
        other = self.folder / "other.edb"
        self.assertEqual(km.run("salvage", self.store, "-o", other, "--doubtful", "keep").returncode, 5)
        self.assertEqual(len(km.rows(other, "churn")[0]), len(km.rows(self.new, "churn")[0]) + len(
            [line for line in doubtful.values() if line["table"] == "churn"]))

    def test_certificates_in_quarantine_are_pem(self):
        import edbdecode
        from edbtree import Tree
        self.bytes = bytearray(gzip.decompress((km.CORPUS / "engine" / "imported-twice.edb.gz").read_bytes()))
        self.write()
        db = edbdecode.open(str(self.store))
        table = next(t for t in db.tables if t.name == "CertificateList")
        pages = collections.Counter(page.number for page, _, _, _ in Tree(db.file, table.root, table.objid).nodes())
        page = max(pages, key=lambda number: (pages[number], number))
        # the links, under a checksum that is wrong then: the rows stand, but are doubtful
        start = (page + 1) * 4096 + 16
        self.bytes[start:start + 3] = b"\x11\x22\x33"
        self.write()
        pem = pathlib.Path(f"{self.new}.quarantine.pem")
        pem.write_text("of an earlier repair")
        result = km.run("salvage", self.store, "-o", self.new, "--json")
        self.assertEqual(result.returncode, 5, result.stderr)
        report = json.loads(result.stdout)["written"]
        self.assertEqual(pem.read_text(), "of an earlier repair")
        self.assertEqual(report["pem"], f"{self.new}.quarantine-2.pem")
        text = pathlib.Path(report["pem"]).read_text()
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END CERTIFICATE-----", text, re.DOTALL)
        found = {hashlib.sha1(base64.b64decode(block)).hexdigest() for block in blocks}
        self.assertEqual(len(blocks), report["certificates"])
        list_before = {row["EntryId"]: row for row in km.rows(km.CORPUS / "engine" / "imported-twice.edb.gz", "CertificateList")[0]}
        list_now = {row["EntryId"] for row in km.rows(self.new, "CertificateList")[0]}
        missing = {row["Thumbprint"] for key, row in list_before.items() if key not in list_now}
        self.assertEqual(len(missing), pages[page])
        # those whose certificate is in the row itself, not in a long value
        self.assertTrue(found)
        self.assertLessEqual(found, missing)

    def interrupted(self, *command):
        """What is said when a signal comes while the store is being read and hashed."""
        opened = False
        with subprocess.Popen([km.PROGRAM, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            while not opened and process.poll() is None:
                for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        opened = opened or os.readlink(link) == str(self.store.resolve())
            process.send_signal(signal.SIGINT)
            said = process.stderr.read()
            self.assertEqual(process.wait(), km.CANCELLED, said)
        return said

    def test_a_signal_before_anything_is_written_ends_it(self):
        self.write()
        os.truncate(self.store, 4 << 30)                    # pages never written: nothing but reading
        for command in (["salvage", self.store], ["salvage", self.store, "-o", self.new],
                        ["repair", self.store, "--salvage", "-o", self.new]):
            with self.subTest(command[0]):
                self.assertEqual(self.interrupted(*command), b"kmmigrate: cancelled; nothing was changed\n")
                self.assertEqual([p.name for p in self.folder.iterdir()], ["store.edb"])

    def test_a_row_that_does_not_fit_its_table_is_doubtful(self):
        """On a good page: as rows are when the catalog is from before a column was added."""
        made = edbmaking.Database(leaves=3, rows_per_leaf=3)
        page = edbmaking.FIRST_LEAF + 1
        _, start = made.tag(page, 2)
        made.set(page, start + 2 + 5 + 9, "<H", 0x8000 | len(b"name 5"))
        made.save(self.store)
        result = km.run("salvage", self.store, "-o", self.new, "--json")
        self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
        table = next(t for t in json.loads(result.stdout)["tables"] if t["name"] == "T")
        self.assertEqual((table["kept"], table["doubtful"], table["written"]), (8, 1, 8))
        lines = [json.loads(line) for line in pathlib.Path(f"{self.new}.salvage.jsonl").read_text().splitlines()]
        self.assertEqual([(line["kind"], line.get("page"), line.get("tag"), line["written"]) for line in lines],
                         [("doubtful", page, 2, False), ("table-lost", None, None, False)])
        self.assertIn("has lost its primary index", lines[1]["reason"])     # its catalog has none, and its rows such keys
        self.assertIn("variable column 128 is null, and has 6 bytes", lines[0]["reason"])
        self.assertEqual([row["Id"] for row in km.rows(self.new, "T")[0]], [1, 2, 3, 4, 6, 7, 8, 9])

    def test_schema_of_another_database_is_refused(self):
        """One whose object ids are those of other tables: columns of them would be invented here."""
        self.write()
        other = self.folder / "other.edb"
        for name in ("types-4096", "imported-twice"):
            other.write_bytes(gzip.decompress((km.CORPUS / "engine" / f"{name}.edb.gz").read_bytes()))
            for how in ([], ["-o", self.new]):
                result = km.run("salvage", self.store, "--schema-from", other, *how)
                self.assertEqual(result.returncode, km.TROUBLE)
                self.assertIn(b"it is no copy of the same database: what is ", result.stderr)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["other.edb", "store.edb"])
        self.assertEqual(km.run("salvage", self.store, "--schema-from", self.store).returncode, km.CLEAN)

    def test_the_other_database_is_not_replaced(self):
        """Neither by the new store nor by a file beside it, nor under another name, whatever --force says."""
        self.write()
        link = self.folder / "link.edb"
        for name in ("other.edb", "other.edb.salvage.jsonl", "other.edb.quarantine.jsonl"):
            other = self.folder / name
            other.write_bytes(self.bytes)
            link.unlink(missing_ok=True)
            os.link(other, link)
            for command in (["salvage"], ["repair", "--salvage"]):
                for schema in (other, link):
                    with self.subTest(f"{command} {name} {schema.name}"):
                        result = km.run(*command, self.store, "--schema-from", schema, "-o", self.folder / "other.edb",
                                        "--force")
                        self.assertEqual(result.returncode, km.TROUBLE, result.stdout)
                        self.assertIn(b"is the input itself; name another file", result.stderr)
                        self.assertEqual(other.read_bytes(), bytes(self.bytes))
            other.unlink()
        link.unlink()
        self.assertEqual([p.name for p in self.folder.iterdir()], ["store.edb"])

    def test_the_other_database_becomes_no_page(self):
        self.write()
        other = self.folder / "other.edb"
        other.write_bytes(self.bytes)
        for command in (["salvage"], ["repair", "--salvage"]):
            for how in ([], ["--force"]):
                result = km.run(*command, self.store, "--schema-from", other, "--html", other, *how)
                self.assertEqual(result.returncode, km.TROUBLE, result.stdout)
                self.assertIn(b"nothing was written", result.stderr)
                self.assertEqual(other.read_bytes(), bytes(self.bytes))

    def test_a_lost_catalog_is_a_loss(self):
        """Good headers, and nothing behind them but noise, or nothing at all."""
        noise = bytes(number * number % 251 for number in range(300000))
        for rest in (noise, b"", noise[:4096]):
            self.store.write_bytes(bytes(self.bytes[:8192]) + rest)
            result = km.run("salvage", self.store, "-o", self.new, "--force")
            self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
            self.assertIn(b"Catalog:   lost", result.stdout)
            self.assertEqual(km.run("salvage", self.store).returncode, km.PROBLEMS_LEFT)

    def pages_lost(self, database):
        database.save(self.store)
        result = km.run("salvage", self.store, "--json")
        told = json.loads(result.stdout)
        self.assertEqual((result.returncode, told["told"]["lost"]), (km.PROBLEMS_LEFT, 0), told)
        return next(table["pages_lost"] for table in told["tables"] if table["name"] == "T")

    def test_a_branch_of_which_nothing_is_left_is_told(self):
        """A page below the root, and all leaves below it, or all but one that may be out of use."""
        for left in (0, 1):
            database = edbmaking.Database(leaves=450)
            middle = edbmaking.FIRST_LEAF + 450 + 1
            leaves = range(edbmaking.FIRST_LEAF + 200 + left, edbmaking.FIRST_LEAF + 400)
            for page in (middle, *leaves):
                del database.pages[page]
            if left:
                database.set(leaves[0] - 1, 20, "<I", leaves[0])
            self.assertEqual(self.pages_lost(database), 1)

    def test_a_leaf_that_both_neighbours_name_is_told(self):
        """A split of which the old parent and the new neighbours were written, and the new leaf was not."""
        first = edbmaking.FIRST_LEAF
        for newer, named, lost in ((60, (0, 2), 1), (60, (0,), 0), (50, (0, 2), 0)):
            with self.subTest(newer=newer, named=named):
                database = edbmaking.Database()
                ends = [(first, b"\x7f" + struct.pack(">I", 5 | 1 << 31)), (first + 2, b"")]
                database.pages[edbmaking.TABLE] = database._parent(
                    edbmaking.TABLE, edbmaking.PARENT | edbmaking.ROOT, ends, True, edbmaking.SPACE)
                del database.pages[first + 1]
                for leaf in (0, 2):
                    database.set(first + leaf, 8, "<Q", newer)
                for leaf in named:
                    database.set(first + leaf, 20 if leaf == 0 else 16, "<I", first + 1)
                self.assertEqual(self.pages_lost(database), lost)

    def test_what_is_no_database_is_refused(self):
        self.store.write_bytes(bytes(range(256)) * 400)
        result = km.run("salvage", self.store)
        self.assertEqual(result.returncode, km.TROUBLE)
        self.assertIn(b"not an ESE database", result.stderr)
        os.mkfifo(self.folder / "pipe")
        for source, why in (("/dev/zero", b"found a device"), (self.folder / "pipe", b"found a pipe"),
                            (self.folder / "none", b"cannot be opened: No such file")):
            result = km.run("salvage", source)          # a device has no end
            self.assertEqual(result.returncode, km.TROUBLE)
            self.assertIn(why, result.stderr)
        (self.folder / "pipe").unlink()
        self.write()
        for options, status in ((["--doubtful", "maybe"], km.USAGE), (["--drop-index", "churn.none"], km.USAGE)):
            self.assertEqual(km.run("salvage", self.store, *options).returncode, status)
        self.new.write_text("mine")
        self.assertEqual(km.run("salvage", self.store, "-o", self.new).returncode, km.TROUBLE)
        self.assertEqual(self.new.read_text(), "mine")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["new.edb", "store.edb"])


if __name__ == "__main__":
    km.main()

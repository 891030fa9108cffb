#!/usr/bin/python3
"""What programs read: the JSON of every command on every fixture is as kmmigrate.schema.json says, and check takes many stores.

The schema that is installed lets members be added; here it is closed, so that nothing is printed that it does not know.
"""

import concurrent.futures
import functools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import km

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = km.SOURCE / "migrate" / "kmmigrate.schema.json"
KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
FIXTURES = sorted(path.parent.name for path in (km.SOURCE / "fixtures/states").glob("*/description.ini"))
JUNK = bytes(9000)


def make(name, store):
    subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states" / name / "description.ini"), "-o", str(store)], check=True,
                   capture_output=True)
    return store


# ---- the schema ---------------------------------------------------------------------------------------------------

def closed(schema):
    """The schema with no members but those that it names."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault("additionalProperties", False)
    return made


@functools.cache
def validators():
    """{title of a document: its validator}"""
    schema = closed(json.loads(SCHEMA.read_text()))
    return {document["title"]: jsonschema.Draft202012Validator({**document, "$defs": schema["$defs"]})
            for document in schema["anyOf"]}


def faults(value):
    """Why a value is none of the documents; empty when it is one."""
    why = {}
    for title, validator in validators().items():
        found = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(value)]
        if not found:
            return {}
        why[title] = found[:3]
    return {title: found for title, found in why.items() if str(value.get("command")) in title} or why


class Checked(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    def told(self, *arguments, status=None, **options):
        """The object of a command, which the schema knows, and whose exit is that of the process."""
        result = km.run(*arguments, "--json", **options)
        value = json.loads(result.stdout.decode("utf-8"))
        self.assertEqual(value["exit"], result.returncode, arguments)
        self.assertEqual(faults(value), {}, arguments)
        if status is not None:
            self.assertEqual(result.returncode, status, (arguments, result.stderr))
        for error in value["errors"]:
            if error["message"].isprintable():
                self.assertIn(f"kmmigrate: {error['message']}\n", result.stderr.decode())
        return value


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class Schema(Checked):
    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))

    def test_closed_means_closed(self):
        value = {"schema": 1, "command": "explain", "kind": "event", "name": "", "title": "", "meaning": "",
                 "store_is_cause": "", "next": "", "articles": [], "errors": [], "exit": 0}
        self.assertEqual(faults(value), {})
        self.assertIn("explain", faults({**value, "more": 1}))

    def of_fixture(self, name):
        folder = self.folder / name
        folder.mkdir()
        store, new = make(name, folder / "Kmsdata"), folder / "new"
        seen = set()
        for arguments in (["check", store], ["check", store, "--brief"], ["check", store, "--structure"], ["repair", store],
                          ["info", store], ["logs", store], ["profile", store], ["list", store], ["show", store, 1],
                          ["show", store, 2], ["settings", store], ["export", store, "--to", folder / "list.p7b"],
                          ["salvage", store], ["recover", store], ["compact", store, "-o", folder / "compact.edb"],
                          ["repair", store, "-o", new], ["repair", store, "--in-place"], ["undo", store]):
            seen.add((arguments[0], self.told(*arguments)["exit"]))
        file = next(store.iterdir()) if store.is_dir() and len(list(store.iterdir())) == 1 else store
        self.told("salvage", file, "-o", folder / "salvaged.edb")
        if new.exists():
            seen.add(("diff", self.told("diff", store, new)["exit"]))
        shutil.rmtree(folder)
        return seen

    def test_every_command_on_every_fixture(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            seen = set().union(*pool.map(self.of_fixture, km.sampled(FIXTURES)))
        for wanted in () if km.SAMPLE > 1 else (("repair", 1), ("repair", 4), ("check", 0), ("check", 4), ("diff", 1), ("undo", 0), ("list", 0),
                       ("settings", 0), ("settings", 4), ("export", 8), ("compact", 0), ("salvage", 4)):
            self.assertIn(wanted, seen)

    def test_migrate(self):
        store = make("clean-v1", self.folder / "v1.edb")
        self.told("migrate", store, "--to", "V3", "--issuing-ca", store, status=km.TROUBLE)

    def test_explain(self):
        for word in "KM-DUP-IDENTICAL", "5060", "c1031d9c", "-1018":
            self.told("explain", word, status=km.CLEAN)

    @unittest.skipUnless((km.CORPUS / "ese").exists(), "the corpus is not there")
    def test_other_databases(self):
        for path in km.corpus_files("ese", "engine"):
            for command in "check", "info", "profile", "logs", "list", "settings":
                self.told(command, path)

    def test_rows_are_bare(self):
        store = make("imported-twice", self.folder / "rows.edb")
        rows = [json.loads(line) for line in km.run("dump", store, "--json", "--table", "Users").stdout.splitlines()]
        self.assertTrue(rows)
        self.assertTrue(all("schema" not in row and "UserId" in row for row in rows))
        self.told("dump", store, "--table", "Nobody", status=km.TROUBLE)


# ---- errors -------------------------------------------------------------------------------------------------------

@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class Errors(Checked):
    def test_a_file_that_is_none(self):
        junk = self.folder / "junk"
        junk.write_bytes(JUNK)
        value = self.told("check", junk, status=km.TROUBLE)
        self.assertEqual((value["verdict"], value["store"]["path"]), ("cannot tell", str(junk)))
        error, = value["errors"]
        self.assertEqual((error["file"], error["expected"]), (str(junk), "0x89abcdef at byte 4 of the header"))
        self.assertTrue(error["found"].startswith("0x00000000"))
        self.assertTrue(error["next"].endswith(f"kmmigrate salvage {junk} shows what can be had"))
        for command in "info", "list", "repair", "profile", "logs", "undo":
            self.assertTrue(self.told(command, junk, status=km.TROUBLE)["errors"], command)

    def test_where_there_is_no_file(self):
        error, = self.told("info", self.folder / "none", status=km.TROUBLE)["errors"]
        self.assertEqual(error["file"], str(self.folder / "none"))

    def test_wrong_use(self):
        store = make("clean-v1", self.folder / "use.edb")
        for arguments in (["check"], ["check", store, "--frobnicate"], ["check", "--color", "green", store],
                          ["show", store, "x"], ["export", store], ["compact", store], ["repair", store, "--trust", "1=maybe"],
                          ["explain", "nothing"], ["migrate", store], ["repair", store, "-o", "x", "--in-place"]):
            value = self.told(*arguments, status=km.USAGE)
            self.assertTrue(value["errors"], arguments)
        self.assertEqual(self.told("show", store, "x")["errors"][0]["next"], "kmmigrate list shows them")
        error, = self.told("repair", store, "--trust", "1=maybe")["errors"]
        self.assertEqual((error["expected"], error["found"]), ("ENTRY=yes or ENTRY=no", "1=maybe"))
        self.assertIsNone(self.told("frobnicate", status=km.USAGE)["command"])
        self.assertEqual(km.run("check", "--", "--json").stdout, b"")

    def test_where_in_the_file(self):
        """What a reader says of a place is apart from what it says of it."""
        store = make("damaged-page", self.folder / "damaged.edb")
        error = self.told("diff", store, store, status=2)["errors"][0]
        self.assertEqual((error["file"], error["place"]), (str(store), "table UserCertificates"))
        self.assertIn("table UserCertificates: page ", error["message"])

    def test_the_file_that_cannot_be_written(self):
        """A full disk is told of the file that does not fit on it, whatever writes it."""
        store, damaged = make("imported-twice", self.folder / "in.edb"), make("damaged-page", self.folder / "damaged.in.edb")
        folder = self.folder / "directory"
        folder.mkdir()
        shutil.copyfile(store, folder / "Kmsmdb.edb")
        new = self.folder / "out.edb"
        limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))}
        for arguments in (["repair", store, "-o", new], ["compact", store, "-o", new], ["salvage", damaged, "-o", new],
                          ["repair", damaged, "--salvage", "-o", new], ["export", store, "--to", new.with_suffix(".pem")],
                          ["repair", folder, "-o", new], ["check", store, "--html", new.with_suffix(".html")]):
            with self.subTest(arguments):
                error = self.told(*arguments, status=None, **limit)["errors"][-1]
                self.assertTrue(error["file"].startswith(str(self.folder / "out")), error)
                self.assertIn("File too large", error["message"])

    def test_what_is_in_the_way(self):
        store = make("imported-twice", self.folder / "kept.edb")
        there = self.folder / "there.edb"
        there.write_bytes(b"mine")
        for command in "repair", "compact", "salvage":
            error, = self.told(command, store, "-o", there, status=km.TROUBLE)["errors"]
            self.assertEqual(error["file"], str(there))

    def test_hostile_names(self):
        name = self.folder / "a \x1b[31m expected ; found \" \\ \n x"
        name.write_bytes(JUNK)
        self.assertEqual(self.told("check", name, status=km.TROUBLE)["errors"][0]["file"], str(name))

    def test_cancelled(self):
        """Waiting for a certificate from a pipe that nobody writes to."""
        store, pipe = make("clean-v1", self.folder / "wait.edb"), self.folder / "pipe"
        os.mkfifo(pipe)
        keep = os.open(pipe, os.O_RDWR)
        self.addCleanup(os.close, keep)
        with subprocess.Popen([km.PROGRAM, "check", store, store, "--profile", pipe, "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            time.sleep(0.5)
            if process.poll() is not None:
                process.communicate()
                self.skipTest("a profile is not read from a pipe")
            process.send_signal(signal.SIGTERM)
            printed = process.communicate(timeout=60)[0]
        value = json.loads(printed)
        self.assertEqual((value["exit"], process.returncode, faults(value)), (km.CANCELLED, km.CANCELLED, {}))


# ---- many stores --------------------------------------------------------------------------------------------------

class Many(Checked):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = "clean-v1", "imported-twice", "issuing-missing", "no-settings-table"
        made = [make(name, cls.folder / f"{name}.source") for name in names]
        cls.stores = [cls.folder / f"store {i:02}.edb" for i in range(58)]
        for i, store in enumerate(cls.stores):
            shutil.copyfile(made[i % 4], store)
        cls.stores.insert(20, make("damaged-page", cls.folder / "damaged.edb"))
        cls.stores.insert(40, cls.folder / "not\tthere")

    def test_brief(self):
        result = km.run("check", "--brief", *self.stores)
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT | km.TROUBLE)
        lines = [line.split("\t") for line in result.stdout.decode().splitlines()]
        self.assertEqual([line[0] for line in lines], [str(store).replace("\t", "\\t") for store in self.stores])
        for store, (_, verdict, codes, plan) in zip(self.stores, lines):
            alone = km.run("check", store, "--json")
            value = json.loads(alone.stdout)
            self.assertEqual(value["verdict"], verdict)
            found = []
            for problem in value.get("problems", []):
                if problem["code"] not in found:
                    found.append(problem["code"])
            if alone.returncode & km.TROUBLE:
                self.assertEqual((verdict, codes, plan), ("cannot tell", "unreadable", "-"))
                continue
            self.assertEqual([] if codes == "-" else sorted(codes.split(",")), sorted(found))
            if not value["plan"]["allowed"]:
                self.assertEqual(plan, "refused")
            elif value["plan"]["actions"]:
                self.assertEqual(plan, value["plan"]["id"][:16])
            else:
                self.assertEqual(plan, "-")
        self.assertEqual({line[1] for line in lines}, {"yes", "yes after repair", "no", "cannot tell"})

    @unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
    def test_json(self):
        for brief in [], ["--brief"], ["--structure"]:
            result = km.run("check", "--json", *brief, *self.stores)
            values = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertEqual([value["store"]["path"] for value in values], [str(store) for store in self.stores])
            self.assertEqual([faults(value) for value in values], [{}] * len(values))
            self.assertEqual(functools.reduce(lambda a, b: a | b, (value["exit"] for value in values)), result.returncode)
            self.assertEqual([i for i, value in enumerate(values) if value["errors"]], [40])

    def test_quiet(self):
        result = km.run("check", "--quiet", *self.stores[18:43])
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT | km.TROUBLE)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(len(lines), 25)
        self.assertEqual((lines[2], lines[22]), ("no", "cannot tell"))
        self.assertEqual(km.run("check", "--quiet", self.stores[0]).stdout, b"yes\n")
        self.assertEqual(km.run("check", "--quiet", "--structure", self.stores[0], self.stores[20]).stdout, b"sound\ndamaged\n")

    def test_text(self):
        result = km.run("check", *self.stores[:3], self.stores[40])
        self.assertEqual(len(re.findall(rb"^Store  ", result.stdout, re.MULTILINE)), 3)
        self.assertIn(b"not\\tthere", result.stderr)

    def test_what_does_not_go_together(self):
        for arguments in (["--html", "x.html", *self.stores[:2]], ["--brief", "--structure", self.stores[0]]):
            self.assertEqual(km.run("check", *arguments).returncode, km.USAGE)


if __name__ == "__main__":
    km.main()

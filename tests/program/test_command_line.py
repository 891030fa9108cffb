#!/usr/bin/python3
"""The command line itself: help, version, the place of options, words that are almost a command; and what reading
leaves behind on the file that was named."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import edbmaking
import km

FIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = pathlib.Path(folder.name) / "store.edb"
        edbmaking.Database().save(self.store)

    def test_help_of_a_command(self):
        self.assertEqual(km.run("help", "repair").stdout, km.run("repair", "--help").stdout)
        self.assertEqual(km.run("help").stdout, km.run("--help").stdout)
        result = km.run("help", "chekc")
        self.assertEqual((result.returncode, result.stdout), (km.USAGE, b""))
        self.assertIn(b"did you mean check?", result.stderr)

    def test_version(self):
        self.assertTrue(km.run("-V").stdout.startswith(b"kmmigrate "))
        self.assertEqual(km.run("-V").stdout, km.run("--version").stdout)

    def test_the_command_that_was_meant(self):
        for word, meant in (("chekc", b"check"), ("chk", b"check"), ("repiar", b"repair"), ("reapir", b"repair"),
                            ("lists", b"list"), ("exprot", b"export"), ("slavage", b"salvage"), ("undoo", b"undo")):
            with self.subTest(word):
                result = km.run(word, self.store)
                self.assertEqual(result.returncode, km.USAGE)
                self.assertIn(b"did you mean " + meant + b"?", result.stderr)
        for word in ("frobnicate", "x", "", "check" * 20, "\xfc"):
            with self.subTest(word):
                result = km.run(word, self.store)
                self.assertEqual(result.returncode, km.USAGE)
                self.assertIn(b"there is no command", result.stderr)
                self.assertNotIn(b"mean", result.stderr)

    def test_options_before_the_command(self):
        wanted = km.run("info", "--json", "--table", "T", self.store)
        self.assertEqual(wanted.returncode, km.CLEAN)
        for words in (["--json", "info", "--table", "T", self.store], ["--json", "--table", "T", "info", self.store],
                      ["--color", "never", "--table=T", "--json", "info", self.store]):
            with self.subTest(words):
                result = km.run(*words)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, wanted.stdout, b""))
        # a value is no command
        result = km.run("--table", "check", "info", self.store)
        self.assertIn(b"check", result.stderr)
        self.assertNotEqual(result.returncode, km.USAGE)
        for words in (["--json"], ["--json", "--color"], ["--", "check"], ["-"], ["--frobnicate", "x"]):
            with self.subTest(words):
                self.assertEqual(km.run(*words).returncode, km.USAGE)

    def test_what_is_wrong_is_named_behind_options_too(self):
        for words, said in ((["--json", "foo"], "there is no command foo;"),
                            (["--color", "never", "chekc"], "there is no command chekc; did you mean check?"),
                            (["help", "foo", "--json"], "there is no command foo;"),
                            (["--json"], "a command is missing: expected one beside --json;")):
            with self.subTest(words):
                result = km.run(*words)
                self.assertEqual(result.returncode, km.USAGE)
                self.assertIn(said, result.stderr.decode())
                if "--json" in words:
                    self.assertIn(said, json.loads(result.stdout)["errors"][0]["message"])
        for words, alike in ((["--json", "--help"], ["--help"]), (["--color", "never", "-V"], ["--version"]),
                             (["--quiet", "help", "check"], ["check", "--help"]),
                             (["help", "--quiet", "check"], ["check", "--help"])):
            with self.subTest(words):
                result = km.run(*words)
                self.assertEqual((result.returncode, result.stderr), (km.CLEAN, b""))
                self.assertEqual(result.stdout, km.run(*alike).stdout)

    def test_the_built_in_profile_by_its_name(self):
        """It judges, plans and writes what it does unnamed; a file of that name is named with its directory."""
        described, folder = km.SOURCE / "fixtures" / "states" / "imported-twice" / "description.ini", self.store.parent
        subprocess.run([FIXTURE, described, "-o", folder / "km.edb"], check=True, capture_output=True)
        unnamed = json.loads(km.run("repair", "km.edb", "--json", cwd=folder).stdout)
        named = km.run("repair", "km.edb", "--json", "--profile", "km55", cwd=folder)
        told = json.loads(named.stdout)
        self.assertEqual((told["plan"], told["verdict"]), (unnamed["plan"], unnamed["verdict"]))
        self.assertEqual(named.returncode, km.PROBLEMS_LEFT)
        (folder / "km55").write_text("no profile")
        self.assertEqual(km.run("check", "km.edb", "--profile", "km55", "--quiet", cwd=folder).stdout, b"yes after repair\n")
        self.assertEqual(km.run("check", "km.edb", "--profile", "./km55", cwd=folder).returncode, km.TROUBLE)
        self.assertEqual(km.run("dump", "km.edb", "--table", "Users", "--profile", "km55", cwd=folder).returncode, km.CLEAN)
        self.assertIn(b"does not fit", km.run("check", self.store, "--profile", "km55").stderr)

    def test_narrow_terminals(self):
        """A table whose columns before the last fill more than a line is shown as a line for each cell."""
        for state, description in (("imported-twice", "imported-twice"), ("other", "clean-v3")):
            store = self.store.with_name(f"{state}.edb")
            subprocess.run([FIXTURE, str(km.SOURCE / "fixtures/states" / description / "description.ini"), "-o", str(store)],
                           check=True, capture_output=True)
            for command, last in ("list", "SUBJECT"), ("settings", "WHERE"), ("info", "PGNOFDP"):
                listed = km.run(command, store).stdout.decode()

                def shown(columns, command=command, store=store):
                    return km.on_terminal([km.PROGRAM, command, store, "--color=never"],
                                          dict(os.environ, COLUMNS=str(columns))).decode().replace("\r\n", "\n")
                with self.subTest(command, state=state):
                    self.assertEqual(shown(200), listed)
                    narrow = shown(40)
                    self.assertNotEqual(narrow, listed)
                    # nothing is left out, and nothing but what a cell holds needs more than the terminal has
                    for word in listed.replace("TABLE", "").split():
                        self.assertIn(word, narrow)
                    begins = next(line.index(last) for line in listed.splitlines() if last in line)
                    self.assertEqual(shown(begins + 1), listed)
                    self.assertEqual(shown(begins), narrow)
        entry = km.on_terminal([km.PROGRAM, "list", self.store.with_name("other.edb")], dict(os.environ, COLUMNS="40")).decode()
        self.assertRegex(entry, r"^ENTRY   1\r\nROLE    own\r\nTRUST   trusted\r\nREFS    \d+\r\n")

    def test_the_mode_in_small_letters(self):
        described = km.SOURCE / "fixtures" / "states" / "imported-twice" / "description.ini"
        subprocess.run([FIXTURE, described, "-o", self.store.with_name("km.edb")], check=True)
        for mode, wrong in (("v3", False), ("V1v3", False), ("v4", True), ("V3 ", True)):
            with self.subTest(mode):
                result = km.run("migrate", "--to", mode, "--issuing-ca", self.store, self.store.with_name("km.edb"))
                self.assertEqual(b"--to: expected V3 or V1V3" in result.stderr, wrong, result.stderr)
                self.assertNotEqual(result.returncode, km.CLEAN)

    def test_the_time_of_access_stays(self):
        def age():
            os.utime(self.store, (1, 2))
            return self.store.stat().st_atime
        age()
        self.store.read_bytes()
        if self.store.stat().st_atime == 1:
            self.skipTest("this file system keeps no time of access")
        for command in "info", "check":
            age()
            km.run(command, self.store)
            self.assertEqual(self.store.stat().st_atime, 1, command)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""What a report tells people to do: it fits the case, nothing of it is refused, and no file is to be deleted."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"
UPDATE, ASIDE, START = "5.5.2608", "aside", "Start the service"


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Next(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def store(self, state, name="store.edb", directory=False):
        """The store of a state, as a file or alone in a directory."""
        made = self.folder / name
        subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(made)], check=True,
                       capture_output=True)
        if not directory:
            return made
        kmsdata = self.folder / "Kmsdata"
        kmsdata.mkdir()
        made.rename(kmsdata / "Kmsmdb.edb")
        return kmsdata

    def report(self, *arguments):
        result = km.run(*arguments)
        text = result.stdout.decode()
        return text.splitlines(), text[text.index("\nNext\n"):], result

    def test_the_plan_is_applied_as_told(self):
        """The command that a report recommends makes that plan, whatever options the report was asked for with."""
        count = 0
        for description in sorted(STATES.glob("*/description.ini")):
            folder = description.parent
            text = description.read_text()
            for number, options in enumerate(dict.fromkeys(re.findall(r"^options = (.*)$", text, re.M) or [""])):
                store, new = self.folder / "told.edb", self.folder / f"{folder.name}{number}"
                if "\n[beside]" in text or not (options or folder.name in ("imported-twice", "interrupted-switch")):
                    continue
                subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=True, capture_output=True)
                words = [str(folder / word) if word.endswith(".ini") else word for word in shlex.split(options)]
                plan = km.run("repair", store, *words).stdout.decode()
                told = re.search(r"Apply this plan to a copy: kmmigrate (.*)", plan)
                if told is None:
                    continue
                with self.subTest(folder.name, options=options):
                    result = km.run(*[str(new) if word == "NEW" else word for word in shlex.split(told[1])])
                    self.assertTrue(result.returncode & km.REPAIRED, (told[1], result.stderr))
                    self.assertIn(re.search(r"^Plan +(\w+)$", plan, re.M)[1], result.stdout.decode())
                    count += 1
        self.assertGreater(count, 10)

    def test_names_for_the_shell(self):
        """A command that is printed with a name can be pasted, whatever the name."""
        count = 0
        for state in ("imported-twice", "damaged-page", "dirty-shutdown", "list-cut", "renamed-schema-with-decoys", "torn-header",
                      "salvage-broken-link", "salvage-headers-gone", "same-serial-both-good"):
            made = self.store(state, name="it's my store.edb")
            store = next(made.glob("*.[eE][dD][bB]")) if made.is_dir() else made
            for words in (["check"], ["check", "--structure"], ["repair"], ["list"], ["show", "99"], ["salvage"], ["recover"], ["logs"],
                          ["profile"], ["settings"], ["export", "--to", "-"], ["repair", "-o", self.folder / "new one.edb", "--force"],
                          ["salvage", "-o", self.folder / "new one.edb", "--force"]):
                result = km.run(words[0], made if words[0] == "recover" else store, *words[1:])
                for line in (result.stdout + result.stderr).decode().splitlines():
                    for command in re.findall(r"kmmigrate [a-z]+ .*", line):
                        for name in (str(made), str(self.folder / "new one.edb")):
                            if name.split("'")[-1] in command:
                                self.assertIn(name.replace("'", "'\\''"), command, line)
                                self.assertRegex(command, r"'.*'")
                                count += 1
            if made.is_dir():
                shutil.rmtree(made)
            else:
                made.unlink()
            (self.folder / "new one.edb").unlink(missing_ok=True)
        self.assertGreater(count, 30)

    def test_a_switch_is_called_one(self):
        store, new, page = self.store("clean-v1"), self.folder / "new.edb", self.folder / "page.html"
        subprocess.run([KMFIXTURE, "--certs", str(self.folder), str(STATES / "interrupted-switch-with-file/description.ini")],
                       check=True, capture_output=True)
        words = ["migrate", store, "--to", "V3", "--issuing-ca", self.folder / "issuing.der"]
        self.assertIn("\nWhat migrate does (", km.run(*words).stdout.decode())
        lines, _, result = self.report(*words, "-o", new, "--html", page)
        self.assertEqual((result.returncode, lines[0]), (km.REPAIRED, "MIGRATED: the service can start on the new store."))
        self.assertIn(f"<h1>MIGRATED: KM store {store}</h1>", page.read_text())
        self.assertTrue([line for line in lines if line.startswith("Verdict before the switch: ")])
        self.assertEqual(lines[-1], "Verdict after the switch: yes, the service can start on it.")
        for title in "Before the switch", "After the switch":
            self.assertIn(title, page.read_text())
        for text in "\n".join(lines), page.read_text():
            self.assertNotRegex(text, "(?i)(before|after) the repair")

    def test_what_is_asked(self):
        """A refusal names the question that there is, and no other."""
        asked = set()
        for description in sorted(STATES.glob("*/description.ini")):
            if description.parent.name not in ("copies-differ", "references-position-0", "certificate-packed", "key-text"):
                continue
            store = self.folder / f"{description.parent.name}.edb"
            subprocess.run([KMFIXTURE, str(description), "-o", str(store)], check=True, capture_output=True)
            text = km.run("repair", store, "--accept-discovered").stdout.decode()
            codes = {problem["code"] for problem in json.loads(
                km.run("repair", store, "--accept-discovered", "--json").stdout)["problems"]}
            if said := re.search(r"what ((?:KM-[A-Z-]+(?: and )?)+) asks? has to be said first", text):
                named = set(said[1].split(" and "))
                self.assertEqual(named, codes & {"KM-RESIDUE", "KM-COPIES-DIFFER"})
                asked |= {frozenset(named)}
        self.assertTrue(asked)

    def test_a_copy_of_a_file(self):
        new = self.folder / "new.edb"
        lines, steps, result = self.report("repair", self.store("imported-twice"), "-o", new)
        self.assertEqual(result.returncode, km.REPAIRED)
        self.assertTrue(lines[0].startswith("REPAIRED: the service can start"), lines[0])
        self.assertEqual(lines[-1], "Verdict after the repair: yes, the service can start on it.")
        self.assertIn(UPDATE, steps)
        self.assertIn(f"put {new} there as Kmsmdb.edb", steps)
        self.assertIn("Leave the\n     other files of Kmsdata where they are", steps)

    def test_a_copy_of_a_directory(self):
        new = self.folder / "New"
        lines, steps, result = self.report("repair", self.store("imported-twice", directory=True), "-o", new)
        self.assertEqual(result.returncode, km.REPAIRED)
        self.assertIn("move the old contents of Kmsdata aside", steps)
        self.assertIn(f"put there what is in\n     {new} (", steps)
        self.assertNotIn("there as Kmsmdb.edb", steps)

    def test_a_directory_that_cannot_be_copied(self):
        """What -o and the backup would refuse, the plan refuses; and nothing else is."""
        folder = self.folder / "Kmsdata"
        for put, kind in ((os.mkdir, "folder"), (os.mkfifo, "pipe"), (lambda path: os.symlink("Kmsmdb.edb", path), "link")):
            with self.subTest(kind):
                shutil.rmtree(folder, ignore_errors=True)
                database = self.store("imported-twice", directory=True) / "Kmsmdb.edb"
                allowed = json.loads(km.run("repair", folder, "--json").stdout)["plan"]
                (folder / "a file").write_bytes(b"of somebody")
                for name in "zz", "my\nown":
                    put(folder / name)
                plan = json.loads(km.run("repair", folder, "--json").stdout)["plan"]
                self.assertEqual((allowed["allowed"], plan["allowed"], plan["id"]), (True, False, allowed["id"]))
                self.assertIn("my\nown in its directory is no regular file", plan["reason"])
                text = km.run("repair", folder).stdout.decode()
                self.assertIn("This is not done: my\\nown in its directory is no regular file", text)
                self.assertNotIn("Apply this plan", text)
                self.assertTrue(km.run("check", folder, "--brief").stdout.decode().rstrip().endswith("\trefused"))
                for words in (["-o", self.folder / "New"], ["--in-place"]):
                    result = km.run("repair", folder, *words)
                    self.assertEqual(result.returncode, km.PROBLEMS_LEFT)
                    self.assertIn(b"not written: my\\nown in its directory", result.stderr)
                self.assertEqual(os.listdir(self.folder), [folder.name])
                # the file itself, and a repair that copies nothing
                self.assertEqual(km.run("repair", database, "-o", self.folder / "new.edb").returncode, km.REPAIRED)
                self.assertEqual(km.run("repair", folder, "--in-place", "--no-backup").returncode, km.REPAIRED)
                self.assertEqual(km.run("check", folder).returncode, km.CLEAN)
                (self.folder / "new.edb").unlink()

    def test_in_place(self):
        for directory in (False, True):
            with self.subTest(directory=directory):
                store = self.store("imported-twice", f"in-place-{directory}.edb", directory)
                lines, steps, result = self.report("repair", store, "--in-place")
                self.assertEqual(result.returncode, km.REPAIRED)
                self.assertEqual(lines[0], "REPAIRED: the service can start on the store.")
                self.assertNotIn("the new store", "\n".join(lines))
                self.assertIn("repaired where it lies", steps)
                self.assertIn("A copy goes back:\n     with the service stopped", steps)
                self.assertEqual("put these files\n     there" in steps, directory)
                self.assertEqual(f"put {store} there as Kmsmdb.edb. Leave the\n     other files" in steps, not directory)

    def test_nothing_is_to_be_emptied_or_deleted(self):
        for path in sorted(STATES.glob("*/expect.[12]")):
            self.assertNotRegex(path.read_text().split("Next", 1)[1], r"\b(empty|delete|remove) (Kmsdata|the directory)")

    def test_the_update_only_where_it_is_the_fault(self):
        for state, is_it in (("imported-twice", True), ("interrupted-switch", True), ("thumbprint-mismatch", False),
                             ("dangling-issuer", False)):
            with self.subTest(state):
                steps = self.report("repair", self.store(state, state + ".edb"))[1]
                self.assertEqual(UPDATE in steps, is_it)
                self.assertIn(START, steps)

    def test_a_verdict_that_stays_no(self):
        """No step leads to a start; what has to be decided is said; the plan for the rest may still be offered."""
        for state in ("own-and-issuing", "issuing-untrusted", "same-serial-both-good", "unparsable-entry", "list-missing",
                      "damaged-page", "dirty-shutdown", "undo-pending", "no-settings-table"):
            with self.subTest(state):
                store = self.folder / state
                subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(store)], check=True,
                               capture_output=True)
                steps = self.report("check", store)[1]
                self.assertNotIn(START, steps)
                self.assertNotIn(UPDATE, steps)
                self.assertGreater(len(steps.splitlines()), 4)

    def test_no_command_is_recommended_that_is_refused(self):
        """Every kmmigrate command that a report prints is run; none may end with an error or a refusal."""
        tried = 0
        for description in sorted(STATES.glob("*/description.ini")):
            state = description.parent.name
            if "\n[expect]" not in description.read_text():
                continue                            # nothing can be judged
            with self.subTest(state), tempfile.TemporaryDirectory() as folder:
                subprocess.run([KMFIXTURE, str(description), "-o", os.path.join(folder, "store")], check=True,
                               capture_output=True)
                report = subprocess.run([km.PROGRAM, "repair", "store"], cwd=folder, capture_output=True, check=False)
                text = report.stdout.decode()
                for line in re.findall(r"kmmigrate ((?:repair|undo|profile|migrate) .*)", text[text.index("\nNext\n"):]):
                    command = shlex.split(line.replace(" -o NEW", " -o new", 1))
                    run = subprocess.run([km.PROGRAM, *command], cwd=folder, capture_output=True, check=False)
                    self.assertFalse(run.returncode & (km.TROUBLE | km.USAGE), (command, run.stderr))
                    self.assertNotIn(b"not written", run.stderr)
                    tried += 1
        self.assertGreater(tried, 25)

    def test_the_plan_says_whether_it_is_allowed(self):
        for state, allowed in (("imported-twice", True), ("clean-v1", True), ("damaged-page", False),
                               ("dirty-shutdown", False), ("undo-pending", False),
                               ("renamed-schema-with-decoys", False), ("two-lists", True)):
            with self.subTest(state):
                store = self.folder / ("plan-" + state)
                subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(store)], check=True,
                               capture_output=True)
                plan = json.loads(km.run("check", store, "--json").stdout)["plan"]
                self.assertEqual(plan["allowed"], allowed)
                self.assertEqual("reason" in plan, not allowed)
                if not allowed:
                    self.assertGreater(len(plan["reason"]), 20)
                    refused = km.run("repair", store, "-o", self.folder / "never", "--json")
                    self.assertIn(plan["reason"].encode(), refused.stderr)
                    self.assertFalse((self.folder / "never").exists())

    def test_the_verdict_on_what_was_written(self):
        result = km.run("repair", self.store("imported-twice"), "-o", self.folder / "new.edb", "--json")
        report = json.loads(result.stdout)
        self.assertEqual((report["verdict"], report["written"]["verdict"]), ("yes after repair", "yes"))

    def test_the_header_is_a_ticket(self):
        """Whoever reads it elsewhere knows which file, of when, what was asked of it, and how the server was set."""
        store = self.store("imported-twice", "a ticket.edb")
        os.utime(store, (946684799, 946684799))
        result = subprocess.run([km.PROGRAM, "check", "a ticket.edb", "--verify-all"], cwd=self.folder, capture_output=True,
                                check=False)
        header = result.stdout.decode().split("\n\n")[0]
        for line in ("Command       kmmigrate check 'a ticket.edb' --verify-all",
                     f"Store         {os.path.realpath(store)}, {store.stat().st_size} bytes",
                     "File time     1999-12-31 23:59:59 UTC",
                     "Settings      organization Trey Research; site London; Certificate Server PKI01\\Trey Research CA; "
                     "mode V1V3"):
            self.assertIn(line, header.splitlines())
        self.assertRegex(header, r"\nIssuing CA    CN=Trey Research CA,O=Trey Research,C=GB, thumbprint [0-9a-f]{40}\n")
        shown = json.loads(km.run("check", store, "--json").stdout)
        self.assertEqual(shown["store"]["file_time"], "1999-12-31T23:59:59Z")
        self.assertEqual((shown["settings"]["site"], shown["settings"]["mode"]), ("London", "V1V3"))

    def test_a_directory_with_slashes(self):
        store = self.store("imported-twice", directory=True)
        report = km.run("check", f"{store}//", "--json")
        self.assertEqual(json.loads(report.stdout)["store"]["path"], f"{store}/Kmsmdb.edb")

    def test_words(self):
        """In no report is one thing counted as several, and no finding stands there twice."""
        for path in sorted(STATES.glob("*/expect.[12]")):
            with self.subTest(str(path.relative_to(STATES))):
                text = path.read_text()
                self.assertNotRegex(text, r"\b1 (entries|references|certificates|users|copies|actions|rows|problems)\b")
                self.assertNotRegex(text, r"\b(\d+), \1\b")
                for report in text.split("\n$ kmmigrate "):
                    found = re.findall(r"^  (KM-\S+) .*\n      (.*)$", report, re.MULTILINE)
                    self.assertEqual(len(found), len(set(found)))

    def test_every_serial_number(self):
        for state, code in (("reissued-existing-keys", "KM-REISSUE"), ("reissued-v3", "KM-REISSUE")):
            with self.subTest(state):
                store = self.store(state, state)
                problem = next(p for p in json.loads(km.run("check", store, "--json").stdout)["problems"]
                               if p["code"] == code)
                listed = km.entries(store)
                self.assertGreater(len(problem["entries"]), 1)
                self.assertEqual(problem["entries"], sorted(problem["entries"]))
                for entry in listed:
                    if entry["entry"] in problem["entries"]:
                        self.assertIn(f"entry {entry['entry']} serial {entry['serial']}", problem["evidence"])

    def test_all_entries_are_named(self):
        store = self.store("imported-five-times", "five")
        for problem in json.loads(km.run("check", store, "--json").stdout)["problems"]:
            if problem["code"] in ("KM-DUP-IDENTICAL", "KM-ISSUING-AMBIGUOUS"):
                self.assertEqual(problem["entries"], sorted(problem["entries"]))
                self.assertEqual(len(problem["entries"]), 5)

    def test_a_status_of_several_parts_is_told_in_words(self):
        store = self.store("unparsable-entry", "parts.edb")
        with open("/dev/full", "wb") as full:
            repair = subprocess.run([km.PROGRAM, "repair", str(self.store("imported-twice", "full.edb")), "-o",
                                     str(self.folder / "full-new.edb")], stdout=full, stderr=subprocess.PIPE,
                                    check=False)
        self.assertEqual(repair.returncode, km.REPAIRED | km.TROUBLE)
        self.assertIn(b"exit status 9: problems were repaired; there was an operational error", repair.stderr)
        self.assertNotIn(b"exit status", km.run("check", store).stderr)

    def test_color(self):
        store = self.store("imported-twice")
        for when, terminal, environment, colored in (
                ("always", False, {"NO_COLOR": "1"}, True), ("auto", False, {}, False), ("auto", True, {}, True),
                ("auto", True, {"NO_COLOR": ""}, True), ("auto", True, {"NO_COLOR": "1"}, False),
                ("auto", True, {"TERM": "dumb"}, False), ("never", True, {}, False)):
            with self.subTest(when=when, terminal=terminal, environment=environment):
                clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
                self.assertEqual(b"\x1b[" in self.shown(store, when, terminal, {**clean, "TERM": "xterm", **environment}),
                                 colored)

    @staticmethod
    def shown(store, when, terminal, environment):
        """What check prints, to a pipe or to a terminal."""
        command = [km.PROGRAM, "check", str(store), f"--color={when}"]
        if not terminal:
            return subprocess.run(command, capture_output=True, check=False, env=environment).stdout
        return km.on_terminal(command, environment)


if __name__ == "__main__":
    km.main()

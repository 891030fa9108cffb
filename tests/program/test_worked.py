#!/usr/bin/python3
"""The worked stores of kmmigrate-profile(5): its commands do, with the profiles that it shows, what it says they do."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import km

PAGE = km.SOURCE / "migrate" / "kmmigrate-profile.5"
STATES = km.SOURCE / "fixtures" / "states"
KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))


def worked_stores():
    """{state: the displays of its subsection, as they are read}."""
    section = PAGE.read_text().split(".Sh WORKED STORES\n")[1].split("\n.Sh ")[0]
    parts = re.split(r"^\.Ss (.+)\n", section, flags=re.MULTILINE)[1:]
    return {state: [shown.replace("\\&", "") for shown in re.findall(r"^\.Bd .*\n((?:.*\n)*?)\.Ed$", text, re.MULTILINE)]
            for state, text in zip(parts[::2], parts[1::2])}


def calls(display):
    """The (command, what it prints, exit status) of a display."""
    return [(command, printed, int(status)) for command, printed, status in
            re.findall(r"^\$ (.+)\n((?:.*\n)*?)\[exit status (\d+)\]$", display, re.MULTILINE)]


def flat(text):
    """Without the ways of folding a line: blanks, and the mark of a comment."""
    return " ".join(word for word in text.split() if word != ";")


class Worked(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.where = pathlib.Path(scratch.name)

    def make(self, state):
        for path in self.where.glob("*"):
            path.unlink()
        subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(self.where / "Kmsmdb.edb")], check=True,
                       capture_output=True)

    def expect(self, command, printed, status):
        """Runs a command of the page; its output has the pieces that the page shows of it, in their order."""
        program, *arguments = command.split()
        self.assertEqual(program, "kmmigrate")
        result = km.run(*arguments, cwd=self.where)
        self.assertEqual(result.returncode, status, (command, result.stderr))
        pieces, output, at = re.split(r"^\.\.\.$", printed, flags=re.MULTILINE), flat(result.stdout.decode()), 0
        for piece in map(flat, pieces):
            self.assertIn(piece, output[at:], command)
            at = output.index(piece, at) + len(piece)
        if flat(pieces[0]):
            self.assertTrue(output.startswith(flat(pieces[0])), command)
        if flat(pieces[-1]):
            self.assertTrue(output.endswith(flat(pieces[-1])), command)

    def certificates(self, store):
        return [entry["thumbprint"] for entry in km.entries(self.where / store, "--profile", self.where / "my.ini")]

    def test_three_are_shown(self):
        self.assertEqual(len(worked_stores()), 3)

    def test_commands(self):
        for state, displays in worked_stores().items():
            with self.subTest(state):
                self.make(state)
                for display in displays:
                    if display.startswith("[profile]"):
                        (self.where / "my.ini").write_text(display)
                    else:
                        self.assertTrue(calls(display))
                        for call in calls(display):
                            self.expect(*call)
                before, after = self.certificates("Kmsmdb.edb"), self.certificates("repaired.edb")
                self.assertEqual((len(before), len(after), set(after)), (4, 3, set(before)))

    def test_framing_that_does_not_fit(self):
        self.make("list-items-be16")
        profile = next(shown for shown in worked_stores()["list-items-be16"] if shown.startswith("[profile]"))
        for items in ("size:be16", "skip:4 size:le16", "skip:2 size:be32", "count:le32 size:be16", "skip:5 size:be16"):
            with self.subTest(items):
                (self.where / "my.ini").write_text(profile.replace("skip:4 size:be16", items))
                self.expect("kmmigrate repair Kmsmdb.edb --profile my.ini -o repaired.edb", "...\nKM-LIST-FORM\n...", 4)
                self.assertFalse((self.where / "repaired.edb").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""The reports themselves: fixtures/states/*/expect.1 (check, plan, repair) and expect.2 (check of the result), word for word.

What the reports decide is checked by test_fixtures.py against each description, which was written by hand; only after
that passes may `test_expected.py --write` write the words anew.  Hashes are replaced by their kind: they are checked
there, too, and depend on how keys are made.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
FIXTURES = sorted(path.parent for path in (km.SOURCE / "fixtures/states").glob("*/description.ini"))


def plain(text):
    """Without what differs from machine to machine or from version to version."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<sha-256>", text)
    text = re.sub(r"\b[0-9a-f]{40}\b", "<sha-1>", text)
    text = re.sub(r"--plan [0-9a-f]{16}\b", "--plan <plan>", text)
    text = re.sub(r"(File time +)[-0-9: ]+ UTC", r"\1<time> UTC", text)
    return re.sub(r"kmmigrate \d+\.\d+\.\d+", "kmmigrate <version>", text)


def shown(where, *arguments):
    """A command as a user types it, with all that it prints and its exit status."""
    result = subprocess.run([km.PROGRAM, *arguments], cwd=where, stdin=subprocess.DEVNULL, capture_output=True,
                            check=False, timeout=3000)
    text = f"$ kmmigrate {' '.join(arguments)}\n" + (result.stdout + result.stderr).decode("utf-8")
    text = text.replace(os.path.realpath(where) + "/", "<directory>/")
    return plain(text + f"[exit status {result.returncode}]\n\n"), result.returncode


def options(folder):
    """What a state of another schema is looked at with."""
    expected = (folder / "description.ini").read_text().partition("\n[expect]\n")[2]
    match = re.match(r"options = (.*)\n", expected)
    return match[1].split() if match else []


def reports(folder):
    """The text of expect.1, and of expect.2 where something was repaired."""
    with tempfile.TemporaryDirectory() as name:
        directory = "\n[beside]" in (folder / "description.ini").read_text()
        store, new = ("Kmsdata", "Repaired") if directory else ("Kmsmdb.edb", "repaired.edb")
        subprocess.run([KMFIXTURE, str(folder / "description.ini"), "-o", os.path.join(name, store)], check=True,
                       capture_output=True)
        given = options(folder)
        if "profile.ini" in given:
            shutil.copy(folder / "profile.ini", name)
        first = shown(name, "check", store, *given)[0] + shown(name, "repair", store, *given)[0]
        repair, status = shown(name, "repair", store, "-o", new, *given)
        if "\n[salvage]" in (folder / "description.ini").read_text():
            first += repair + shown(name, "salvage", store)[0]
            repair, status = shown(name, "repair", "--salvage", store, "-o", new)
        second = shown(name, "check", new, *given)[0] if status & km.REPAIRED else None
        return first + repair, second


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Expected(unittest.TestCase):
    maxDiff = 4000

    def test_reports(self):
        for folder in FIXTURES:
            with self.subTest(folder.name):
                first, second = reports(folder)
                self.assertEqual((folder / "expect.1").read_text(), first)
                self.assertEqual(second is not None, (folder / "expect.2").exists())
                if second:
                    self.assertEqual((folder / "expect.2").read_text(), second)


def write():
    for folder in FIXTURES:
        first, second = reports(folder)
        (folder / "expect.1").write_text(first)
        if second:
            (folder / "expect.2").write_text(second)
        else:
            (folder / "expect.2").unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        km.main()

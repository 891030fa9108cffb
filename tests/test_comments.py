#!/usr/bin/python3
"""What comments and the texts for people name is there: functions as `name()`, structures and enumerations as `struct name`,
files by the end of their path.  Passages that give a source ("Source: ...") speak of other people's files."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]

# Of the C library and of other programs, named and not called.
OTHERS = {"vprintf", "rsa.h"}


def tracked():
    """Files of the tree, also those that are not yet committed."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.split("\n")
    return [name for name in listed if name and (ROOT / name).is_file()]


def comments(text):
    """(line, comment on one line) of C."""
    for found in re.finditer(r"/\*.*?\*/", text, re.S):
        yield text.count("\n", 0, found.start()) + 1, re.sub(r"\s*\n\s*\*?\s*", " ", found.group(0))


class Comments(unittest.TestCase):
    def setUp(self):
        self.files = tracked()
        if not self.files:
            self.skipTest("no git work tree")
        self.sources = {name: (ROOT / name).read_text() for name in self.files if name.endswith((".c", ".h"))}
        code = "\n".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S) for text in self.sources.values())
        self.words = set(re.findall(r"\w+", code))
        self.types = set(re.findall(r"\b(?:struct|enum|union) \w+", code))
        self.ends = {"/".join(name.split("/")[-n:]) for name in self.files for n in range(1, name.count("/") + 2)}

    def missing(self, text):
        text = re.sub(r"Source: .*", "", text, flags=re.S)
        for name in re.findall(r"(?<![\w-])([a-zA-Z]\w*)\(\)", text):
            if name not in self.words and name not in OTHERS:
                yield name + "()"
        for name in re.findall(r"\b((?:struct|enum|union) \w+_\w+)", text):
            if name not in self.types:
                yield name
        for name in re.findall(r"(?<![\w/.*<-])((?:[\w-]+/)*[\w-]+\.(?:[ch]|py|sh))\b", text):
            if name not in self.ends and name not in OTHERS:
                yield name

    def test_names_in_comments_are_there(self):
        stale = [f"{name}:{line}: {what}" for name, text in self.sources.items() for line, comment in comments(text)
                 for what in self.missing(comment)]
        self.assertEqual(stale, [])

    def test_names_in_texts_are_there(self):
        stale = [f"{name}: {what}" for name in TEXTS for what in self.missing((ROOT / name).read_text())]
        self.assertEqual(stale, [])


if __name__ == "__main__":
    unittest.main()

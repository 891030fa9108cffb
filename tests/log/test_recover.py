"""Recovered databases against the engine's own recovery of the same files: every value of every table.

The values are read with the separate decoder; where the engine refused to recover, the program has to refuse.
"""
import hashlib
import pathlib
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "decoder")]
import dirty
import edbdecode
from program import km


def by_table(lines):
    tables = {}
    for line in lines:
        if line.startswith("TABLE "):
            current = tables.setdefault(line.split(" ")[1], [])
        if line:
            current.append(line)
    return tables


def differences(path, values):
    ours = by_table(line for table in edbdecode.open(str(path)).tables for line in edbdecode.values_lines(table))
    theirs = by_table(values.read_text(encoding="utf-8").splitlines())
    if set(ours) != set(theirs):
        yield f"tables {sorted(ours)}, the engine has {sorted(theirs)}"
    for name in sorted(set(ours) & set(theirs)):
        a, b = ours[name], theirs[name]
        if a == b:
            continue
        for number, (x, y) in enumerate(zip(a, b)):
            if x != y:
                yield f"{name} line {number}: {x[:120]!r}, the engine has {y[:120]!r}"
                break
        else:
            yield f"{name}: {len(a)} lines, the engine has {len(b)}"


def files_of(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


class Recover(unittest.TestCase):
    def test_every_case(self):
        equal = refused = 0
        with dirty.unpacked() as cases, tempfile.TemporaryDirectory() as to:
            for case in cases:
                with self.subTest(case=case.name):
                    new = pathlib.Path(to) / (case.name + ".edb")
                    before = files_of(case / "killed")
                    run = km.run("recover", case / "killed" / "d.edb", "-o", new, "--json")
                    self.assertEqual(files_of(case / "killed"), before, "the original was touched")
                    values = case / "values.txt"
                    if values.read_text(encoding="utf-8").startswith("ERR"):
                        self.assertEqual(run.returncode, km.TROUBLE)
                        self.assertFalse(new.exists())
                        self.assertIn(b"is missing", run.stderr)
                        refused += 1
                        continue
                    self.assertEqual(run.returncode, km.REPAIRED, run.stderr.decode())
                    self.assertEqual(list(differences(new, values)), [])
                    checked = km.run("check", "--structure", new)
                    self.assertEqual(checked.returncode, km.CLEAN, checked.stdout.decode())
                    equal += 1
        print(f"{equal} cases recovered with the engine's values, {refused} refused as the engine refused them")
        self.assertEqual((equal, refused), (26, 2))


if __name__ == "__main__":
    dirty.need()
    unittest.main()

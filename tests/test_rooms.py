#!/usr/bin/python3
"""Each folder of the sources knows only those before it: README.md lists them in their order, and no file includes one of
a later folder."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def rooms():
    """The folders, in the order of README's table: "| `migrate/judge/`, `decide/` | ..." names two of one parent."""
    table = (ROOT / "README.md").read_text().split("| room | what is in it |\n| --- | --- |\n")[1].split("\n\n")[0]
    order = []
    for line in table.splitlines():
        parent = None
        for name in re.findall(r"`([a-z/]+)/`", line.split("|")[1]):
            path = pathlib.PurePath(name) if parent is None else parent / name
            parent = path.parent
            order.append(str(path))
    return order


def includes():
    """(folder, file, included file) of every include of the project's own."""
    for path in sorted([*ROOT.glob("formats/**/*.[ch]"), *ROOT.glob("migrate/**/*.[ch]")]):
        for included in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            yield str(path.parent.relative_to(ROOT)), str(path.relative_to(ROOT)), included


class Rooms(unittest.TestCase):
    def test_all_are_listed(self):
        here = {str(p.parent.relative_to(ROOT)) for top in ("formats", "migrate") for p in ROOT.glob(f"{top}/*/**/*.c")}
        self.assertEqual(sorted(here), sorted(rooms()))

    def test_none_knows_a_later_one(self):
        number = {room: n for n, room in enumerate(rooms())}
        wrong = {f"{file} includes {included}" for room, file, included in includes()
                 if room in number and number.get(str(pathlib.PurePath(included).parent), -1) > number[room]}
        self.assertEqual(sorted(wrong), [])


if __name__ == "__main__":
    unittest.main()

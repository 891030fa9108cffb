#!/usr/bin/python3
"""Each folder of the sources knows only those before it: README.md lists them in their order, and no file includes one of
a later folder.  Inside a folder, no two files know each other in a circle.  Results are printed by reports and commands
alone, messages by commands alone, and that they are is said by the program alone.  Tests lie in the folders of what they test."""

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


def knows():
    """What each unit (a source file and its header) includes, as {unit: units}.  Files of one folder that include the same
    header *parts.h are one unit."""
    one_of = {}
    pairs = [(pathlib.PurePath(file), pathlib.PurePath(included)) for _, file, included in includes()]

    def unit(path):
        name = str(path.with_suffix(""))
        while name in one_of:
            name = one_of[name]
        return name

    for file, included in pairs:
        if included.name.endswith("parts.h") and included.parent == file.parent and unit(file) != unit(included):
            one_of[unit(file)] = unit(included)
    known = {}
    for file, included in pairs:
        known.setdefault(unit(file), set()).add(unit(included))
    return {name: others - {name} for name, others in known.items()}


def circles(known):
    """Sets of units of which each reaches each other."""
    reach = {}
    for first in known:
        seen, left = set(), [first]
        while left:
            for other in known.get(left.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        reach[first] = seen
    found = {frozenset({a} | {b for b in reach[a] if a in reach.get(b, ())}) for a in known if a in reach[a]}
    return sorted(sorted(circle) for circle in found)


def declared():
    """(function, header) of every function that a header declares."""
    for path in sorted(path for room in ("formats", "migrate", "fixtures", "tests") for path in ROOT.glob(f"{room}/**/*.h")):
        for name in re.findall(r"^(?!static|typedef|#)[a-z][\w *]*?\b(\w+)\(", path.read_text(), re.M):
            yield name, str(path.relative_to(ROOT))


class Rooms(unittest.TestCase):
    def test_each_function_is_declared_once(self):
        """Two of one name link for as long as no program needs both files."""
        seen = {}
        for name, header in declared():
            self.assertEqual(seen.setdefault(name, header), header, name)
        self.assertGreater(len(seen), 500)

    def test_all_are_listed(self):
        here = {str(p.parent.relative_to(ROOT)) for top in ("formats", "migrate") for p in ROOT.glob(f"{top}/*/**/*.c")}
        self.assertEqual(sorted(here), sorted(rooms()))

    def test_none_knows_a_later_one(self):
        number = {room: n for n, room in enumerate(rooms())}
        wrong = {f"{file} includes {included}" for room, file, included in includes()
                 if room in number and number.get(str(pathlib.PurePath(included).parent), -1) > number[room]}
        self.assertEqual(sorted(wrong), [])

    def test_none_is_in_a_circle(self):
        self.assertEqual(circles(knows()), [])

    def test_discoverys_tools_know_no_step(self):
        for tools in ("tools.h", "tools.c", "reading.c"):
            text = (ROOT / "migrate" / "discover" / tools).read_text()
            self.assertNotIn('#include "migrate/discover/parts.h"', text, tools)

    def test_tests_lie_as_what_they_test(self):
        folders = {path.parent for top in ("formats", "migrate") for path in ROOT.glob(f"tests/{top}/**/*.*")}
        nowhere = [str(folder.relative_to(ROOT)) for folder in folders
                   if not (ROOT / folder.relative_to(ROOT / "tests")).is_dir()]
        self.assertEqual(sorted(nowhere), [])

    def test_no_helper_is_a_header(self):
        """What tests share is compiled once, as the rest is; what is preloaded is built of one file each."""
        code = [str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/*.h")
                if re.search(r"^\{", path.read_text(), re.M) and path.name != "outside.h"]
        self.assertEqual(sorted(code), [])

    def test_only_commands_say_anything(self):
        """What is below them notes it (console/notes.h), beside what it returns, for whoever called it."""
        saying = [f"{path.relative_to(ROOT)}: {call}" for path in sorted(ROOT.glob("migrate/*/*.[ch]"))
                  if path.parent.name not in ("console", "commands")
                  for call in re.findall(r"\bmessage_\w+\(|message\.h", path.read_text())]
        self.assertEqual(saying, [])

    def test_only_reports_and_commands_print(self):
        printing = [f"{file} includes {included}" for room, file, included in includes()
                    if included == "migrate/console/output.h"
                    and room not in ("migrate/console", "migrate/report", "migrate/commands")]
        self.assertEqual(printing, [])
        saying = [str(path.relative_to(ROOT)) for path in ROOT.glob("migrate/**/*.c")
                  if re.search(r"\bmessage_print\(", path.read_text())]
        self.assertEqual(sorted(saying), ["migrate/commands/main.c", "migrate/console/message.c"])

    def test_only_who_drafts_knows_kinds_of_actions(self):
        """And the second witness: whoever shows or carries out actions asks decide/action.h what a kind is."""
        naming = {str(path.relative_to(ROOT)) for path in ROOT.glob("migrate/*/*.c") if path.parent.name != "decide"
                  and re.search(r"\bACTION_(?!KINDS\b|CELLS_MOST\b)[A-Z]", path.read_text())}
        witness = {path for path in naming if re.fullmatch(r"migrate/repair/(expected(_\w+)?|verify_rows)\.c", path)}
        self.assertEqual(sorted(naming - witness), [])


if __name__ == "__main__":
    unittest.main()

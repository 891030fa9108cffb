#!/usr/bin/python3
"""The man page, --help, the completion and the JSON all say the same: no option, problem code or member is missing."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import km

PAGE = km.SOURCE / "migrate" / "kmmigrate.8"
COMPLETION = km.SOURCE / "migrate" / "kmmigrate.bash"
FIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
COMMON = {"--json", "--quiet", "--color", "--max-unpacked", "--help"}
STORES = {name: km.CORPUS / "engine" / f"{name}.edb.gz" for name in (
    "imported-twice", "imported-twice-revision2", "clean-v3-revision2", "interrupted-switch-revision2", "churn-4096",
    "types-4096")}


# ---- what --help says ---------------------------------------------------------------------------------------------

def commands():
    """The commands that `kmmigrate --help` lists."""
    text = km.run("--help").stdout.decode()
    return [name for name in re.findall(r"^  ([a-z]+) +[A-Z]", text, re.MULTILINE) if name != "kmmigrate"]


def help_options(command):
    """{option: its value's name or None} as `kmmigrate COMMAND --help` prints them."""
    text = km.run(command, "--help").stdout.decode()
    return {name: value for name, value in re.findall(r"^  (--?[a-z-]+)(?: (\S+))?  ", text, re.MULTILINE)}


# ---- the man page's source ----------------------------------------------------------------------------------------

def section(heading, level="Sh"):
    """The lines of a section, or of a subsection."""
    lines, found, inside = PAGE.read_text().splitlines(), [], False
    for line in lines:
        if line == f".{level} {heading}":
            inside = True
        elif inside and (line.startswith(".Sh ") or (level == "Ss" and line.startswith(".Ss "))):
            break
        elif inside:
            found.append(line)
    if not found:
        raise AssertionError(f"{PAGE.name} has no section {heading}")
    return found


def flags(line):
    """The options in a line of macros: Fl -json is --json."""
    return {"-" + word for word in re.findall(r"Fl (-?[a-z][a-z-]*)", line)}


def synopsis():
    """{command: its options}."""
    found, command = {}, None
    for line in section("SYNOPSIS"):
        if line == ".Pp":
            break
        if line.startswith(".Cm "):
            command = line.split()[1]
            found[command] = set()
        elif command:
            found[command] |= flags(line)
    return found


def items(lines, macro):
    """[(the item's words, its lines)] of the lists in some lines: items `.It MACRO ...`."""
    found = []
    for line in lines:
        if line.startswith(".It ") or line.startswith(".El"):
            found.append((line.split()[2:] if line.startswith(f".It {macro} ") else None, []))
        elif found:
            found[-1][1].append(line)
    return [(words, text) for words, text in found if words]


def members(heading):
    """({every documented path}, {the optional ones}) of a subsection of JSON."""
    found = [words for words, _ in items(section(heading, "Ss"), "Va")]
    return {words[0] for words in found}, {words[0] for words in found if "optional" in words}


def action_members():
    """{action: its members} besides those that all have."""
    found = {}
    for words, text in items(section("check, repair, migrate", "Ss"), "Cm"):
        first = text[0] if text and text[0].startswith(".Va ") else ""
        found[words[0]] = set(first.removeprefix(".Va ").replace(",", " ").split())
    return found


class Options(unittest.TestCase):
    def test_every_command_is_in_the_page_and_in_the_completion(self):
        self.assertEqual(set(synopsis()), set(commands()))
        self.assertEqual({words[0] for words, _ in items(section("COMMANDS"), "Cm")}, set(commands()))
        self.assertEqual(set(complete("")), set(commands()) | {"help", "--help", "--version"})

    def test_every_option_is_in_the_synopsis(self):
        lines = section("SYNOPSIS")
        common = " ".join(lines[lines.index(".Pp"):])
        self.assertEqual({"-" + word for word in re.findall(r"(?<=\s)-[a-z-]+", common)}, COMMON)
        self.assertNotRegex(common, r"Ar [^.]*-[a-z]", "behind an argument an option needs its own Fl")
        for command in commands():
            with self.subTest(command):
                self.assertEqual(synopsis()[command] | COMMON, set(help_options(command)))

    def test_every_option_is_explained(self):
        explained = set()
        for words, text in items(section("OPTIONS"), "Fl"):
            explained |= flags("Fl " + " ".join(words))
            self.assertTrue(text, words)
        self.assertEqual(explained - {"-h"}, set().union(*(help_options(command) for command in commands())))

    def test_values_have_the_same_names(self):
        for command in commands():
            for name, value in help_options(command).items():
                with self.subTest(f"{command} {name}"):
                    shown = f" Ar {value.split('=')[0]}( .*)?" if value else "( ,.*)?"
                    self.assertRegex(PAGE.read_text(), re.compile(rf"^\.It Fl {name[1:]}{shown}$", re.MULTILINE))

    def test_exit_status(self):
        lines = "\n".join(section("EXIT STATUS"))
        for number in (km.CLEAN, km.REPAIRED, km.PROBLEMS_LEFT, km.TROUBLE, km.USAGE, km.CANCELLED):
            self.assertIn(f"\n.It {number}\n", lines)

    def test_help_needs_no_store(self):
        for command in commands():
            result = km.run(command, "--help")
            self.assertEqual((result.returncode, result.stderr), (km.CLEAN, b""))
            self.assertEqual(km.run(command, "-h").stdout, result.stdout)

    def test_the_pages_are_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        for page in PAGE, PAGE.with_name("kmmigrate-profile.5"):
            with self.subTest(page.name):
                result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, check=False)
                self.assertEqual((result.returncode, result.stdout), (0, b""))


# ---- completion ---------------------------------------------------------------------------------------------------

def complete(*words):
    """What the completion offers for the last of the words behind `kmmigrate`."""
    script = ('source "$1"; shift; COMP_WORDS=(kmmigrate "$@"); COMP_CWORD=$#; _kmmigrate 2>/dev/null; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return shell("bash", "-c", script, "bash", COMPLETION, *words)


def shell(*command):
    """The lines that a shell prints which finds the program as `kmmigrate`."""
    path = f"{pathlib.Path(km.PROGRAM).parent}:{os.environ['PATH']}"
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ, PATH=path))
    if result.stderr:
        raise AssertionError(result.stderr)
    return [line for line in result.stdout.splitlines() if line]


def complete_fish(*words):
    """[(word, description)] that fish offers for the last of the words."""
    script = "source $argv[1]; complete -C (string join ' ' -- kmmigrate $argv[2..-1])"
    lines = shell("fish", "--no-config", "-c", script, COMPLETION.with_suffix(".fish"), *words)
    return [tuple(line.partition("\t")[::2]) for line in lines]


# What zsh's completion system does with what it is given is its own; here it is printed.
ZSH = r"""
compset() { :; }
_files() { print -r FILES; }
_describe() { print -rl -- "${(@P)2}"; }
compadd() { if [[ $1 == -a ]]; then print -rl -- "${(@P)3}"; else shift; print -rl -- "$@"; fi; }
file=$1; shift; words=(kmmigrate "$@"); CURRENT=$#words
source $file
"""


def complete_zsh(*words):
    """[(word, description)] that the completion gives zsh, which then filters them by the last of the words."""
    lines = shell("zsh", "-f", "-c", ZSH, "zsh", COMPLETION.with_suffix(".zsh"), *words)
    return [tuple(line.partition(":")[::2]) for line in lines]


class Completion(unittest.TestCase):
    def test_every_option_is_offered(self):
        for command in commands():
            with self.subTest(command):
                self.assertEqual(set(complete(command, "-")), set(help_options(command)))

    def test_values(self):
        self.assertEqual(complete("check", "--color", "a"), ["auto", "always"])
        self.assertEqual(complete("check", "--color", "=", "n"), ["never"])
        self.assertEqual(complete("migrate", "--to", ""), ["V3", "V1V3"])
        self.assertEqual(complete("repair", "STORE", "--superseded", ""), ["keep", "drop"])
        self.assertEqual(complete("repair", "STORE", "--plan", ""), [])
        self.assertEqual(complete("check", "--mode", ""), ["V1", "V1V3", "V3"])

    def test_what_explain_knows(self):
        """Codes and events, in every shell, and no files; all that is offered is known."""
        for shell_name, offered in (("bash", lambda *words: [(word, "") for word in complete(*words)]),
                                    ("fish", complete_fish), ("zsh", complete_zsh)):
            if not shutil.which(shell_name):
                continue
            with self.subTest(shell_name):
                words = [word for word, _ in offered("explain", "''" if shell_name == "fish" else "")]
                self.assertLess({"KM-DIRTY", "KM-TWO-CRLS", "5058", "5389", "101"}, set(words))
                self.assertNotIn("FILES", words)
        for word in complete("explain", ""):
            self.assertEqual(km.run("explain", word).returncode, km.CLEAN, word)
        self.assertEqual(complete("explain", "KM-DUP-RE"), ["KM-DUP-RE-ENCODED"])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "Kms data.edb").touch()
            for words in (["check"], ["diff", "A"], ["repair", "A", "-o"], ["export", "A", "--to"]):
                with self.subTest(words):
                    self.assertEqual(complete(*words, f"{folder}/K"), [f"{folder}/Kms data.edb"])


class CompletionOfStores(unittest.TestCase):
    """Names of tables and numbers of entries, in every shell."""

    TABLES = {"Configuration", "CertificateList", "Users"}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.store = str(pathlib.Path(folder.name) / "store.edb")
        subprocess.run([FIXTURE, km.SOURCE / "fixtures" / "states" / "imported-twice" / "description.ini", "-o",
                        cls.store], check=True)
        cls.entries = [str(entry["entry"]) for entry in km.entries(cls.store)]

    def test_bash(self):
        self.assertLess(self.TABLES, set(complete("dump", self.store, "--table", "")))
        self.assertEqual(complete("dump", self.store, "--table", "Conf"), ["Configuration"])
        self.assertEqual(complete("repair", self.store, "--keep", ""), self.entries)
        self.assertEqual(complete("show", self.store, ""), self.entries)
        exported = pathlib.Path(self.store).with_name("exported.p7b")
        self.assertEqual(km.run("export", self.store, "--to", exported, "--force").returncode, km.CLEAN)
        self.assertEqual(complete("show", str(exported), ""), [str(n) for n in range(1, len(self.entries) + 1)])
        exported.unlink()
        self.assertEqual(complete("repair", self.store, "--trust", ""), [f"{entry}=" for entry in self.entries])
        self.assertEqual(complete("repair", self.store, "--trust", "2", "="), ["yes", "no"])
        self.assertEqual(complete("repair", self.store, "--trust", "2", "=", "y"), ["yes"])
        self.assertEqual(complete("dump", "none.edb", "--table", ""), [])

    def test_others(self):
        for shell_name, offered in (("fish", complete_fish), ("zsh", complete_zsh)):
            if not shutil.which(shell_name):
                continue
            with self.subTest(shell_name):
                def words(*line, offered=offered):
                    return [word for word, _ in offered(*line)]
                self.assertLess(self.TABLES, set(words("dump", self.store, "--table", "")))
                self.assertEqual(set(words("repair", self.store, "--keep", "")), set(self.entries))
                self.assertEqual(set(words("show", self.store, "")), set(self.entries))
                self.assertEqual(set(words("repair", self.store, "--trust", "")),
                                 {f"{entry}={value}" for entry in self.entries for value in ("yes", "no")})


class CompletionOfOtherShells(unittest.TestCase):
    def of_shell(self, name, offered):
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        self.assertEqual({word for word, _ in offered("")}, set(commands()) | {"help", "--help", "--version"})
        for command in commands():
            with self.subTest(command):
                options = dict(offered(command, "-"))
                self.assertEqual(set(options), set(help_options(command)))
                self.assertNotIn("", options.values())
                for option, value in help_options(command).items():
                    if value:  # nothing else is offered where a value has to stand
                        given = {word for word, _ in offered(command, option, "-")}
                        self.assertFalse(given & set(options), option)

    def test_fish(self):
        self.of_shell("fish", complete_fish)
        self.assertEqual([word for word, _ in complete_fish("migrate", "--to", "''")], ["V3", "V1V3"])
        self.assertEqual([word for word, _ in complete_fish("check", "--mode", "''")], ["V1", "V1V3", "V3"])
        self.assertEqual([word for word, _ in complete_fish("check", "--color=a")], ["--color=auto", "--color=always"])

    def test_zsh(self):
        self.of_shell("zsh", complete_zsh)
        self.assertEqual([word for word, _ in complete_zsh("migrate", "--to", "")], ["V3", "V1V3"])
        self.assertEqual([word for word, _ in complete_zsh("check", "--mode", "")], ["V1", "V1V3", "V3"])
        self.assertEqual([word for word, _ in complete_zsh("check", "--color=a")], ["auto", "always", "never"])
        self.assertEqual(complete_zsh("check", "S"), [("FILES", "")])


# ---- tables of the source -----------------------------------------------------------------------------------------

def strings(text):
    """The C string literals in a text, put together."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) if text != "NULL" else None


LITERALS = r'(?:"(?:[^"\\]|\\.)*"\s*)+'


def sentence(text):
    return text[0].upper() + text[1:] + "."


class Tables(unittest.TestCase):
    def test_every_problem(self):
        """Each code with its severity, rule, article, meaning and repair, as migrate/judge/problem.c has them."""
        source = (km.SOURCE / "migrate" / "judge" / "problem.c").read_text()
        table = re.findall(rf'\] =\s*\{{("KM-[A-Z0-9-]+"), (\w+), (NULL|"R\d"), (NULL|"Q\d+"),\s*({LITERALS}),'
                           rf'\s*({LITERALS})\}}', source)
        self.assertEqual(len(table), len(re.findall(r"^ +\[PROBLEM_", source, re.MULTILINE)))
        page = {words[0]: (" ".join(words[1:]), " ".join(text)) for words, text in items(section("PROBLEMS"), "Sy")}
        self.assertEqual(set(page), {strings(row[0]) for row in table})
        for code, severity, rule, article, title, repair in table:
            with self.subTest(strings(code)):
                marks = ", ".join(filter(None, [severity.lower(), strings(rule), strings(article)]))
                self.assertEqual(page[strings(code)][0], f"Pq {marks}")
                self.assertTrue(page[strings(code)][1].startswith(
                    f"{sentence(strings(title))} {sentence('Repair: ' + strings(repair))}"), page[strings(code)][1])

    def test_every_structural_rule(self):
        source = (km.SOURCE / "formats" / "ese" / "check" / "rules.c").read_text()
        table = re.findall(r'\] = \{("[a-z-]+"), ESE_(\w+), (\w+)\}', source)
        self.assertEqual(len(table), len(re.findall(r"^ +\[ESE_RULE_", source, re.MULTILINE)))
        page = {words[0]: (words[1:], " ".join(text)) for words, text in items(section("STRUCTURAL RULES"), "Sy")}
        self.assertEqual(set(page), {strings(row[0]) for row in table})
        for name, severity, across in table:
            with self.subTest(strings(name)):
                marks, said = page[strings(name)]
                self.assertRegex(said, r"^[A-Z].{15,}\.$")
                self.assertEqual("*" in marks, across == "ACROSS")
                self.assertEqual("advice" in marks, severity == "ADVICE")

    def test_every_event(self):
        """Each event and error with where its cause can lie, its articles, title and meaning, as events.c has them."""
        source = (km.SOURCE / "migrate" / "report" / "events.c").read_text()
        table = re.findall(rf'\{{EVENT_(\w+), (\S+), CAUSE_(\w+), \w+,\s*({LITERALS}),\s*({LITERALS}),\s*({LITERALS}),'
                           rf'\s*{LITERALS}\}}', source)
        self.assertEqual(len(table), source.count("{EVENT_"))
        causes = {"STORE": "the store", "SETTINGS": "its settings", "ISSUING_CA": "its issuing CA",
                  "NAMES": "the names in it", "OUTSIDE": "not the store"}
        page = {" ".join(words): " ".join(text) for words, text in items(section("EVENTS AND ERRORS"), "Sy")}
        self.assertEqual(len(page), len(table))
        for kind, number, cause, articles, title, meaning in table:
            name = {"KM": f"event {number}", "ENGINE": f"event {number} of ESE97", "ID": number[2:],
                    "ERROR": f"error {number}".replace("-", "\\-")}[kind]
            with self.subTest(name):
                key = f"{name} Pq {causes[cause]}; {', '.join(strings(articles).split())}"
                self.assertIn(key, page)
                wanted = sentence(strings(title)) + " " + strings(meaning)
                self.assertEqual(page[key].replace("\\e", "\\\\").replace('"', '\\"'), wanted)

    def test_every_action(self):
        source = (km.SOURCE / "migrate" / "decide" / "action.c").read_text()
        self.assertEqual(set(action_members()), set(re.findall(r'\[ACTION_\w+\] = \{\.name = "([a-z-]+)"', source)))


# ---- JSON ---------------------------------------------------------------------------------------------------------

def paths(value, opaque, path=""):
    """The paths of all members of a value; what is in `opaque` is not looked into."""
    if path in opaque:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            yield here
            yield from paths(inner, opaque, here)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, opaque, path + "[]")


def missing_store():
    return next((f"no {path}" for path in STORES.values() if not path.exists()), None)


@unittest.skipIf(missing_store(), f"corpus: {missing_store()}")
class Members(unittest.TestCase):
    """Every member that is printed is in the page, and the other way round; optional ones where they are printed."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def objects(self, *arguments, lines=False):
        result = km.run(*arguments, "--json")
        self.assertFalse(result.returncode & (km.TROUBLE | km.USAGE), result.stderr)
        text = result.stdout.decode("utf-8")
        return [json.loads(line) for line in text.splitlines()] if lines else [json.loads(text)]

    def common(self):
        """The members of every object, and those that have such."""
        documented = members("Every object")[0]
        return documented | {path[:i] for path in documented for i, c in enumerate(path) if c in ".["}

    def agree(self, heading, objects, opaque=(), arrays=()):
        """All that is printed is documented; all that is documented is printed in every object, if not optional.

        arrays: those that are documented by their elements alone, and may be empty.
        """
        documented, optional = members(heading)
        parents = {path[:i] for path in documented for i, c in enumerate(path) if c in ".["} | self.common()
        for value in objects:
            found = set(paths(value, opaque))
            self.assertLessEqual({"schema", "command", "errors", "exit"}, found)
            self.assertEqual(found - documented - parents, set(), "printed, but not documented")
            empty = {path for path in documented for array in arrays
                     if path.startswith(array + "[]") and not found & {path}}
            self.assertEqual(documented - optional - found - empty, set(), "documented, but not printed")
        return objects

    def test_reports(self):
        new = pathlib.Path(self.folder.name) / "new.edb"
        objects = [value for store in STORES.values() for value in self.objects("check", store)]
        objects += self.objects("repair", STORES["imported-twice"])
        objects += self.objects("repair", STORES["imported-twice"], "-o", new)
        self.assertEqual({value["report"] for value in objects}, {"check", "plan", "repaired"})
        documented, optional = members("check, repair, migrate")
        of_profile = {path for path in documented if re.match(r"(profile|settings|list|plan)\.", path)}
        of_written = {path for path in documented if path.startswith("written.")}
        for value in objects:
            with self.subTest(value["store"]["path"]):
                # The facts' names are in the schema, which test_json.py holds against what is printed.
                found = set(paths(value, ("left", "plan.actions[]", "plan.actions[].certificate", "problems[].facts")))
                found |= {path for action in value.get("plan", {}).get("actions", []) for name in action
                          if (path := f"plan.actions[].{name}") in documented}
                self.assertEqual({path for path in found - documented - self.common()
                                  if path not in ("problems", "plan.actions")}, set())
                here = documented - optional
                here -= set() if value["profile"] else of_profile
                here -= set() if value["report"] == "repaired" else of_written
                here -= set() if value.get("plan", {}).get("actions") else {
                    path for path in documented if path.startswith("plan.actions[]")}
                self.assertEqual(here - found, set(), "documented, but not printed")
                for problem in value["problems"]:
                    self.assertEqual({f"problems[].{name}" for name in problem} - documented, set())
                for problem in value.get("left", []):
                    self.assertEqual({f"problems[].{name}" for name in problem} & {
                        "problems[].repair", "problems[].repairable"} or
                        {f"problems[].{name}" for name in problem} - documented, set())

    def test_actions(self):
        documented = action_members()
        common = {path.removeprefix("plan.actions[].") for path in members("check, repair, migrate")[0]
                  if path.startswith("plan.actions[].")}
        seen = set()
        for name in ("imported-twice", "interrupted-switch-revision2"):
            for action in self.objects("repair", STORES[name])[0]["plan"]["actions"]:
                seen.add(action["action"])
                self.assertEqual(set(action), documented[action["action"]] | common)
        self.assertEqual(seen, {"drop-entry", "set-name", "set-imported", "move-references", "set-role"})

    def test_structure(self):
        dirty = km.CORPUS / "ese" / "qmgr.db.gz"
        for store in [*STORES.values(), dirty]:
            objects = self.objects("check", "--structure", store)
            self.agree("check --structure", objects, arrays=("findings",))
        self.assertTrue(objects[0]["findings"])

    def test_list_and_show(self):
        store = STORES["imported-twice"]
        listed = self.agree("list", self.objects("list", store))[0]
        shown = self.agree("show", self.objects("show", store, 2), opaque=("entry", "references"))[0]
        self.assertEqual(set(shown["entry"]), set(listed["entries"][1]))

    def test_settings(self):
        for store in STORES.values():
            if km.run("settings", store).returncode != km.TROUBLE:
                self.agree("settings", self.objects("settings", store))

    def test_export(self):
        for suffix in "pem", "p7b", "sst", "dot":
            self.agree("export", self.objects("export", STORES["imported-twice"], "--to",
                                              pathlib.Path(self.folder.name) / f"list.{suffix}"))

    def test_diff(self):
        a, b = STORES["imported-twice"], STORES["interrupted-switch-revision2"]
        objects = self.objects("diff", a, b) + self.objects("diff", a, STORES["churn-4096"])
        self.agree("diff", objects, opaque=("a", "b", *(f"differences[].{name}" for name in ("row", "a", "b"))))
        found = {f"differences[].{name}" for value in objects for row in value["differences"] for name in row}
        self.assertEqual(found, {path for path in members("diff")[0] if path.startswith("differences")})

    def test_info(self):
        for store in STORES.values():
            self.agree("info", self.objects("info", store))

    def test_compact(self):
        self.agree("compact", self.objects("compact", STORES["clean-v3-revision2"], "-o",
                                           pathlib.Path(self.folder.name) / "compact.edb"))

    def test_salvage(self):
        new = pathlib.Path(self.folder.name) / "salvaged.edb"
        objects = self.objects("salvage", STORES["clean-v3-revision2"])
        objects += self.objects("salvage", STORES["churn-4096"], "-o", new)
        self.agree("salvage", objects, opaque=("told",))

    def test_profile(self):
        for store in STORES.values():
            self.agree("profile", self.objects("profile", store), arrays=("columns", "references", "notes"))

    def test_secrets(self):
        row = self.objects("dump", STORES["imported-twice"], "--table", "Users", lines=True)[0]
        self.assertEqual(set(row["KeyHistory"]), {"length", "sha256"})


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Mutation run: one change at a time in code that judges, decides, writes or proves; do the tests notice?

    tests/mutate.py [--count N] [--seed S] [--from NUMBER] [--files GLOB ...] [--only FILE:LINE:COLUMN:OPERATOR] [--quick SECONDS] [--list]

The tree is copied and built twice: as it is tried, and by clang to see what each test of TESTS below runs; each has to pass
once without a change.  Then each of N mutants, chosen by the seed, is compiled, and given to those of its file's tests that
run its very place, until one fails: first those that killed most for the time that they took so far, so at the start the
quickest.  With --quick no mutant gets a slow test before all have had the quick ones.  Only the program of the test that is
next is linked.  What was made by kmfixture and kmwrong in their unchanged form stays so, for both are the tests' tools.

A mutant is killed (a test failed), timed out (it used SECONDS of processor time, or the wall clock's far larger limit: as
good as killed), survives (its diff is printed), or does not compile.  One that no test can tell from the original gives the
same object file, or is listed in EQUIVALENT with the reason.  Operators:

    negate    the condition of an `if` or `while`
    shift     < and <=, > and >= for each other
    equal     == and != for each other
    logic     && and || for each other
    drop      the right operand of && or || left out
    guard     an `if` that only leaves (return, goto, break, continue) never does
    call      a statement that only calls something left out; not what frees, closes or discards: sanitizers see that
    error     `return false`, `return fault_set(...)`, `ok = false`: true instead; `return true`: false

Exit status: 0 when less than 5 % of the mutants that change anything survive, 1 when more do, 2 when it could not start.
KM_MUTATE_DIR says where the copy is built, and keeps it (default: a temporary directory, which is removed).  In it `results`
has a line for each mutant that was tried, as it is printed: the same call again goes on after the last one, and counts all;
`tests` has what each test takes and reaches, and is made again for those that have changed.
"""

import argparse
import bisect
import collections
import difflib
import fnmatch
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
CORPUS = os.environ.get("KM_CORPUS", str(SOURCE.parent / "shared" / "corpus"))
SECONDS = 25      # of processor time, each process of a test, at most: less than half of it is enough for each of them
WALL = 1200       # the hang that uses no processor
MOST_LEFT = 0.05
STRIKE_EVERY = "4"  # the system calls at which the tests of killed repairs strike


def stems(folder):
    """The C tests that lie there."""
    return sorted(path.stem for path in (SOURCE / "tests" / folder).glob("test_*.c"))


DECIDING = [*stems("migrate/judge"), *stems("migrate/decide"), *stems("migrate/report"), "program/test_expected.py",
            "program/test_decide.py", "program/test_unsaid.py", "program/test_described.py", "program/test_plan_rows.py",
            "program/test_migrate.py", "program/test_list_value.py", "program/test_listfile.py", "program/test_stated.py",
            "program/test_references.py", "program/test_index_entries.py", "program/test_settings.py", "program/test_parts.py",
            "program/test_keys.py", "program/test_framing_doubt.py", "program/test_next.py", "program/test_explain.py",
            "program/test_worked.py", "program/test_words.py", "program/test_salvage_states.py", "foreign/test_twins.py",
            "foreign/test_foreign.py", "program/test_fixtures.py", "program/test_memory.py"]
WRITING = [*stems("migrate/repair"), "program/test_plan_rows.py", "program/test_index_entries.py", "program/test_expected.py",
           "program/test_wrong_writes.py", "program/test_passed_over.py", "program/test_secrets.py", "program/test_memory.py"]
FORMS = ["program/test_settings.py", "program/test_references.py", "program/test_list_value.py", "program/test_keys.py",
         "program/test_parts.py", "program/test_decide.py"]
IN_PLACE = [*stems("migrate/undo"), "program/test_access.py", "program/test_beside.py", "program/test_inplace.py",
            "program/test_powerloss.py", "program/test_inplace_kill.py", "program/test_inplace_faults.py"]
CERTS = stems("formats/certs")

# The first pattern that fits a file names the tests that reach it; a test that is not there is passed over.
TESTS = [
    ("formats/certs/*", CERTS + ["test_profile", "program/test_bad_list.py", "program/test_list_value.py",
                                  "program/test_expected.py", "program/test_decide.py"]),
    ("formats/ese/edit/*", [*stems("formats/ese/edit"), "program/test_index_entries.py", "formats/ese/edit/test_inplace.py",
                            "program/test_inplace.py"]),
    ("formats/ese/check/*", [*stems("formats/ese/check"), "program/test_index_entries.py", "test_compact", "test_compact_damage",
                             "test_build", "test_salvage", "program/test_bad_input.py", "formats/ese/build/test_roundtrip.py"]),
    ("migrate/undo/*", IN_PLACE),
    ("migrate/repair/verify*", WRITING + ["program/test_inplace.py"]),
    ("migrate/repair/expected*", WRITING + FORMS + ["program/test_inplace.py"]),
    ("migrate/repair/plan_*", WRITING + FORMS + ["program/test_inplace.py"]),
    ("migrate/repair/copydir.c", WRITING + ["program/test_beside.py", "program/test_access.py", "program/test_powerloss.py"]),
    ("migrate/repair/[ceq]*", WRITING + ["program/test_decide.py", "program/test_fixtures.py", "program/test_beside.py"]),
    ("migrate/rescue/*", ["test_salvage", "program/test_salvage.py", "program/test_repair_salvage.py", "program/test_salvage_states.py",
                          "program/log/test_logs.py", "program/log/test_recover.py", "program/log/test_repair_recover.py"]),
    ("migrate/repair/*", IN_PLACE),
    ("migrate/judge/*", DECIDING),
    ("migrate/decide/*", DECIDING),
]

# Where mutants are made: the code that judges, decides, applies, verifies, works in place, undoes, edits, checks.
FILES = ["migrate/judge/*.c", "migrate/decide/*.c", "migrate/rescue/*.c", "migrate/repair/*.c", "migrate/undo/*.c",
         "formats/ese/edit/*.c", "formats/ese/check/*.c", "formats/certs/*.c"]

# Read, and found to change nothing that anybody could see: (file, the changed line, operator) and why.  Where the line has
# several of the operator, the column stands behind it ("drop:60"); where the line alone says too little, the one before it
# stands in front.
EQUIVALENT = {
    ("migrate/repair/plan_editor.c", "if (c == NULL && (action_is_of_entry(action->kind) || effect == EFFECT_MOVE_ALL))",
     "drop"): "a second lock: no plan of this program names an entry that is not there",
    ("migrate/decide/superseded.c",
     "if (survivor != i && survivor != DRAFT_NOBODY && d->model->entry[i].reference_count > 0)", "drop"):
        "an entry that goes without a survivor has no references: draft_drop_unparsable() refuses otherwise",
    ("migrate/decide/plan.c", 'buffer_add_text(&all, "kmmigrate plan 1\\ninput ");', "call"):
        "the same text before what is hashed of every plan: ids are only compared with each other",
    ("migrate/decide/duplicates.c", "for (unsigned i = 0; i < group->entries && o->keeps + o->drops > 0; i++) {", "shift"):
        "where nothing was decided the loop has nothing to note",
    ("migrate/judge/names.c", "if (!named && numbered)", "logic"):
        "a name that is another entry's number was refused just before; what is neither is refused just behind",
    ("migrate/undo/view.c", "*page = low < v->pages && v->page[low].number == number ? &v->page[low] : NULL;", "shift"):
        "the place behind the last page is all zero, and no page has number 0",
    ("migrate/undo/file.c", "flags <= FLAG_BESIDE_DIRECTORY && id->size <= INT64_MAX)", "shift"):
        "no file has 2^63 - 1 bytes",
    ("formats/certs/name.c", "return c < 0x80 && c != 0 && strchr(\"\\\"+,;<>\\\\\", (int)c) != NULL;", "shift"):
        "none of the characters is U+0080",
    ("formats/certs/items.c", "return value <= UINT32_MAX;", "shift"):
        "no certificate has 2^32 - 1 bytes",
    ("migrate/decide/foretell.c", "!problem_has(&a->found, PROBLEM_UNDO_PENDING) && a->options->salvaged == NULL &&", "drop"):
        "a second lock: check alone foretells, and neither salvages nor recovers",
    ("formats/certs/der.c", "uint64_t top = arc < 80 ? arc / 40 : 2;", "shift"):
        "80 / 40 is 2",
    ("formats/ese/edit/split.c",
     "bool inner = depth + 1 < spot->depth && step->child > 0 && step->child + 1 == parent.count;", "drop"):
        "the page before may reach over a pointer that is not the last, too; a root with one inner child becomes that child",
    ("migrate/judge/unfold.c", "if (!is_base64(value.at[i]) && value.at[i] != ':' && value.at[i] != '-')", "guard"):
        "a shortcut: neither hex digits nor base64 may have another character",
    ("migrate/judge/revocations.c", "return order ? order : (x > y) - (x < y);", "shift"):
        "no certificate is there twice, and none is compared with itself",
    ("migrate/decide/describing.c", "if (!v->form.values && v->bytes.size >= SIZE_LEAST &&", "shift"):
        "no certificate has so few bytes",
    ("migrate/repair/expected_list.c", "if (item->type != CERTLIST_CERTIFICATE || *position >= m->entries)", "drop"):
        "a second lock: the model has an entry for each certificate of the value, which is read once more here",
    ("formats/ese/edit/nodes.c", "if (to->key.size > ESE_KEY_ROOM || to->data.size == 0)", "shift"):
        "keys end at 2,000 bytes: one of 4,096 is damage as much as a longer one",
    ("formats/ese/edit/longvalue.c", "if (data.size == 0 || data.size > INT32_MAX || chunk == 0)", "shift"):
        "no list of certificates has 2^31 - 1 bytes",
    ("migrate/decide/otherkeys.c", "for (unsigned i = 0; i < a->m->entries; i++)", "shift"):
        "what becomes of entries has a place more, which says that nothing goes",
    ("migrate/decide/differing.c", "for (unsigned i = 0; i < m->entries; i++) {", "shift"):
        "what becomes of entries has a place more, which says that nothing goes",
    ("migrate/repair/expected.c", "else if (m->entries > 0)", "shift"):
        "no entries are in order",
    ("migrate/undo/file.c",
     "if (r.failed || p.size == 0 || p.size > UNDOFILE_PIECE_MOST || p.offset > u->identity.size ||", "shift"):
        "a page at the end of the file is longer than what is left, which is asked next",
    ("migrate/decide/options.c",
     "if (end == NULL || (end[0] != '\\0' && strcmp(end, \"Z\") != 0) || made.tm_mday != tm.tm_mday ||", "logic:96"):
        "a day that there is not becomes one of the next month, which has another number",
    ("migrate/decide/options.c",
     "if (end == NULL || (end[0] != '\\0' && strcmp(end, \"Z\") != 0) || made.tm_mday != tm.tm_mday ||", "drop:96"):
        "a day that there is not becomes one of the next month, which has another number",
    ("migrate/decide/describing.c",
     "return d->moved != UINT_MAX && number >= 0 && number >= d->moved && number <= m->entries;", "drop:37"):
        "no place from which entries move is negative",
    ("migrate/decide/describing.c", "if (!rows_peek(&d->rows, column, &d->room, &value, &null, NULL) || null)", "drop"):
        "a null has no bytes: it is no number, no hash, and no byte for each entry",
    ("migrate/judge/list_value.c", "if (ok && selected && p->select == NULL && seen++ > 0) {", "drop:16"):
        "where nothing selects a row, every row is selected",
    ("migrate/decide/unique.c",
     "if ((table->index[i].flags & ESE_INDEX_UNIQUE) && table->index[i].root != table->root &&", "drop:60"):
        "no reference in a primary key is moved",
    ("migrate/judge/names.c", "if (size != key.size && size <= sizeof wide) {", "drop"):
        "keys that are integers have at most 8 bytes",
    ("migrate/judge/settings.c", "if (!null && key > *last)", "logic"):
        "rows come in the order of their keys, and behind negative ones alone the next is as good as 1",
    ("formats/certs/proof.c", "bytes_u8(number, 0, &first);", "call"):
        "the loop before has read it, but for a number of one octet, which no signature has that proves anything",
    ("migrate/judge/properties.c", "if (all->count > 1)", "shift"):
        "one is in order",
    ("migrate/decide/unique.c", "if (p->keys > 0)", "shift"):
        "no keys are in order",
    ("migrate/judge/groups.c",
     "return (x->entry > y->entry) - (x->entry < y->entry); /* entries are in the order of keys */", "shift"):
        "no entry is there twice, and none is compared with itself",
    ("migrate/repair/plan_editor_entries.c", "return (a->table > b->table) - (a->table < b->table);", "shift"):
        "asked only where they differ",
    ("migrate/decide/duplicates.c", "for (unsigned i = 0; i < d->model->entries; i++) {", "shift"):
        "what becomes of entries has a place more, which says that nothing goes",
    ("migrate/decide/write_down.c", "if (m->entry[i].references[r] > 0 && survivor != i &&", "equal"):
        "a second lock: what an identity names stays or leaves a copy, --superseded=drop and --drop included",
    ("formats/ese/edit/longvalue.c", "return fault_set(f, FAULT_LIMIT, \"a long value of %zu bytes\", data.size);", "error"):
        "a value that leaves its record has some bytes, and none has 2^31; no page size makes chunks of none",
    ("formats/ese/edit/store.c",
     "if (!inplace_list_pages(ip, f) || !inplace_last_time(ip, f) || !reserve_marks(ip, f)) return false;", "error"):
        "what failed is asked for once more at the next page and at the end; until then the pages stay in memory",
}


# ---- mutants ----------------------------------------------------------------------------------------------------------

def blanked(text):
    """The text with comments, strings and preprocessor lines as spaces, so that positions stay."""
    kinds = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*'
    return re.sub(kinds, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S | re.M)


def closing(code, start):
    """The place of the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth == 0:
            return at
    return len(code)


def operand_end(code, start):
    """Where the right operand of && or || ends that starts at `start`."""
    at = start
    while at < len(code) and code[at] not in ")]};,?:" and code[at:at + 2] not in ("&&", "||"):
        at = closing(code, at) + 1 if code[at] in "([{" else at + 1
    return at


def sites(path):
    """Each mutant of one file: (place, operator, end of what is replaced, replacement)."""
    text = path.read_text()
    code = blanked(text)
    found = []

    def add(operator, start, end, new):
        found.append((start, operator, end, new))

    for m in re.finditer(r"\b(if|while) \(", code):
        start, end = m.end() - 1, closing(code, m.end() - 1)
        condition = text[start:end + 1]
        add("negate", start, end + 1, f"(!{condition})")
        if m[1] == "if" and re.match(r"\s*\{?\s*(return|goto|break|continue)\b", code[end + 1:]):
            add("guard", start, end + 1, f"(0 && {condition})")
    swaps = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
    for m in re.finditer(r"(?<= )(<=?|>=?|==|!=)(?=\s)", code):
        add("equal" if m[1] in ("==", "!=") else "shift", m.start(), m.end(), swaps[m[1]])
    for m in re.finditer(r"(?<=\s)(&&|\|\|)(?=\s)", code):
        add("logic", m.start(), m.end(), "||" if m[1] == "&&" else "&&")
        add("drop", m.start(), operand_end(code, m.end()), "")
    for m in re.finditer(r"(?<=[;{})])\n +([a-z_0-9]+)\(", code):
        end = closing(code, m.end() - 1)
        if code[end + 1] == ";" and not re.fullmatch("if|while|for|switch|return|.*free|.*close|.*discard", m[1]):
            add("call", m.start(1), end + 1, "(void)0")
    for m in re.finditer(r"\breturn (false|true|(?=fault_(?:set|context|copy)\())|(?<=\bok = )false\b", code):
        if m[0].startswith("return ") and m[0].strip() == "return":
            add("error", m.end(), m.end(), "!")
        else:
            word = m[0].split()[-1]
            add("error", m.end() - len(word), m.end(), "true" if word == "false" else "false")
    return text, sorted(found)


class Mutant:
    def __init__(self, name, text, site):
        start, self.operator, end, new = site
        self.file, self.old, self.new = name, text, text[:start] + new + text[end:]
        self.line = text.count("\n", 0, start) + 1
        self.column = start - text.rfind("\n", 0, start)
        lines = [line.strip() for line in text.splitlines()]
        self.changed, self.before = lines[self.line - 1], lines[self.line - 2]

    def __str__(self):
        return f"{self.file}:{self.line}:{self.column}:{self.operator}"

    def equivalent(self):
        for line in (self.changed, f"{self.before} {self.changed}"):
            for operator in (self.operator, f"{self.operator}:{self.column}"):
                if (self.file, line, operator) in EQUIVALENT:
                    return EQUIVALENT[self.file, line, operator]
        return None

    def diff(self):
        lines = difflib.unified_diff(self.old.splitlines(), self.new.splitlines(), self.file, self.file, n=2, lineterm="")
        return "\n".join("    " + line for line in list(lines)[2:])


def all_mutants(patterns):
    mutants = []
    for path in sorted(p for folder in ("formats", "migrate") for p in (SOURCE / folder).rglob("*.c")):
        name = str(path.relative_to(SOURCE))
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            text, found = sites(path)
            mutants += [Mutant(name, text, site) for site in found]
    return mutants


# ---- building and testing ---------------------------------------------------------------------------------------------

class Build:
    """One way of building the copied sources, and the tests as they run there."""

    def __init__(self, source, directory, *options):
        self.directory, self.tools = directory, directory.parent / "tools"
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        subprocess.run(["cmake", "-G", "Ninja", "-S", source, "-B", directory, "-DCMAKE_BUILD_TYPE=None",
                        f"-DKM_CORPUS={CORPUS}", "--log-level=WARNING", *launcher, *options], check=True,
                       stdout=subprocess.DEVNULL)
        self.list_tests()

    def list_tests(self):
        """CTest knows the command of a test that has been built."""
        listed = subprocess.run(["ctest", "--show-only=json-v1"], cwd=self.directory, check=True, capture_output=True).stdout
        self.tests = {test["name"]: test for test in json.loads(listed)["tests"]}

    def program(self, test):
        """The target that holds the code which the test is about."""
        return "kmmigrate" if "/" in test else test

    def make(self, *targets, cached=True):
        # What only a mutant holds is not worth a place in the cache of the compiler.
        environment = dict(os.environ, **({} if cached else {"CCACHE_READONLY": "1"}))
        return subprocess.run(["ninja", "-C", self.directory, "--quiet", *targets], check=False, env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def make_tests(self, names):
        if not self.make("kmmigrate", "kmfixture", "kmwrong", *{self.program(name) for name in names}):
            sys.exit(f"the unchanged sources do not build in {self.directory}")
        self.list_tests()

    def keep_tools(self):
        shutil.rmtree(self.tools, ignore_errors=True)
        self.tools.mkdir()
        shutil.copy(self.directory / "kmfixture", self.tools)
        shutil.copy(self.directory / "tests" / "kmwrong", self.tools)

    def run(self, name, seconds=SECONDS):
        """None when the test passes, else how it ended; what it printed is in self.said."""
        test = self.tests[name]
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        environment = dict(os.environ, **dict(e.split("=", 1) for e in properties.get("ENVIRONMENT", [])))
        environment |= {"KMFIXTURE": str(self.tools / "kmfixture"), "KMWRONG": str(self.tools / "kmwrong")}
        environment.pop("KM_LONG", None)
        environment["KM_STRIKE_EVERY"] = STRIKE_EVERY

        def limits():
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        # unittest's tests end with their first failure.
        command = [*test["command"], "-f"] if name.endswith(".py") else test["command"]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, env=environment, cwd=self.directory, stdin=subprocess.DEVNULL,
                                       stdout=said, stderr=subprocess.STDOUT, preexec_fn=limits, start_new_session=True)
            try:
                process.wait(timeout=WALL)
            except subprocess.TimeoutExpired:
                # Check gives each test a process group of its own, all in one session.
                subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
                process.wait()
                return "timeout"
            said.seek(0)
            self.said = output = said.read()
        if process.returncode in (0, 77):
            return None
        late = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL) or b"XCPU" in output or b"-24" in output
        return "timeout" if late else "killed"


class Tree:
    """A copy of the sources, built: one file of it is another one now and then."""

    def __init__(self, where):
        self.where, self.source = where, where / "source"
        self.more_than, self.most = -1.0, float("inf")  # seconds: only tests that take so long are given
        self.results, self.known = where / "results", where / "tests"
        # Of each test: {"seconds": what it takes, "reaches": the names of the mutants whose place it runs}.
        self.test = json.loads(self.known.read_text()) if self.known.exists() else {}
        self.tries, self.kills = collections.Counter(), collections.Counter()
        self.forget_changed(set(self.copy()))
        self.build = Build(self.source, where / "build", "-DCMAKE_C_FLAGS=-O1")

    def copy(self):
        """The names of the files that have changed since the last time."""
        names = subprocess.run(["git", "ls-files"], cwd=SOURCE, check=True, capture_output=True, text=True).stdout.split("\n")
        for name in filter(None, names):
            target = self.source / name
            if not target.exists() or target.read_bytes() != (SOURCE / name).read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SOURCE / name, target)
                yield name

    def forget_changed(self, changed):
        """What a test reaches has to be seen again when the program or the test is another one."""
        if any(name.startswith(("formats/", "migrate/")) for name in changed):
            self.test = {}
        for name in changed:
            self.test.pop(name.removeprefix("tests/"), None)
            self.test.pop(pathlib.Path(name).stem, None)
        self.known.write_text(json.dumps(self.test))  # also when it ends before they are seen again

    def price(self, name):
        """The seconds that a kill by this test has cost so far, as far as can be told."""
        return self.test[name]["seconds"] * (self.tries[name] + 2) / (self.kills[name] + 1)

    def limit(self, name):
        """No process of a test takes longer than the whole of it; twice, to be sure."""
        return min(SECONDS, 2 + round(2 * self.test[name]["seconds"]))

    def reaching(self, mutant):
        """The tests that run the mutant's place."""
        return [name for name in tests_named(self.build, mutant.file) if str(mutant) in self.test[name]["reaches"]]

    def tests_of(self, mutant):
        """Those of them that take as long as asked for, in the order in which they are worth a try."""
        names = [name for name in self.reaching(mutant) if self.more_than < self.test[name]["seconds"] <= self.most]
        return sorted(names, key=self.price)


def tests_named(build, file):
    for pattern, tests in TESTS:
        if fnmatch.fnmatch(file, pattern):
            return [test for test in tests if test in build.tests]
    sys.exit(f"{file}: TESTS does not say which tests reach it")


class Reach:
    """A build by clang that counts what is run, in a file that is mapped before anything else happens.

    So the program's own sandbox cannot keep it from counting, nor a signal that kills it make it forget."""

    def __init__(self, tree):
        self.counts = tree.where / "counts"
        self.counts.mkdir(exist_ok=True)
        flags = f"-O1 -fprofile-instr-generate={self.counts}/%m%c.profraw -fcoverage-mapping -mllvm -runtime-counter-relocation"
        self.build = Build(tree.source, tree.where / "reach", "-DCMAKE_C_COMPILER=clang", f"-DCMAKE_C_FLAGS={flags}")
        self.mutants = collections.defaultdict(list)
        for mutant in all_mutants(FILES):
            self.mutants[mutant.file].append(mutant)

    def run(self, test):
        """How the test ended, and which mutants' places were run."""
        for path in self.counts.iterdir():
            path.unlink()
        ended = self.build.run(test, 4 * SECONDS)
        merged = self.counts / "merged"
        raw = sorted(self.counts.glob("*.profraw"))
        if not raw:
            return ended, []
        subprocess.run(["llvm-profdata", "merge", "-o", merged, *raw], check=True)
        name = self.build.program(test)
        program = self.build.directory / ("tests" if name.startswith("test_") else "") / name
        said = subprocess.run(["llvm-cov", "export", "-format=text", "-skip-expansions", f"-instr-profile={merged}", program],
                              check=True, capture_output=True).stdout
        reached = []
        for file in json.loads(said)["data"][0]["files"]:
            # What has no count may have been run: a static function that shares file's and own name with another one has none.
            segments = [(line, column, count if counted else 1) for line, column, count, counted, *_ in file["segments"]]
            # The compiler was told to leave the directory of the sources out.
            name = file["filename"].rpartition("./")[2]
            for mutant in self.mutants[name]:
                before = bisect.bisect(segments, (mutant.line, mutant.column, float("inf")))
                if before > 0 and segments[before - 1][2] > 0:
                    reached.append(str(mutant))
        return ended, reached


def look_at_tests(tree, needed):
    """Each test once without any change: what it takes and reaches.  True when all pass; each that does not is named."""
    unknown = [test for test in needed if test not in tree.test]
    failing = []
    reach = Reach(tree) if unknown else None
    if unknown:
        reach.build.make_tests(unknown)
    for test in unknown:
        started = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended, reached = reach.run(test)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime - started.ru_utime + used.ru_stime - started.ru_stime
        # One that counts the program's own allocations or system calls may fail only here.
        ended = ended and tree.build.run(test)
        print(f"{seconds:7.1f} s {test}: reaches {len(reached)}", flush=True)
        if ended:
            failing.append(test)
            print(f"fails without any change: {ended}\n" + tree.build.said.decode("utf-8", "replace")[-2000:], flush=True)
        else:
            tree.test[test] = {"seconds": seconds, "reaches": reached}
            tree.known.write_text(json.dumps(tree.test))
    print(f"unchanged: {len(needed)} tests, {len(failing)} fail", flush=True)
    for test in needed:
        if test not in failing:
            tree.test[test]["reaches"] = set(tree.test[test]["reaches"])
    return not failing


def trial(tree, mutant):
    """How the mutant ended, and by which test."""
    library = mutant.file.split("/")[0]
    made = tree.build.directory / "CMakeFiles" / f"{library}.dir" / f"{mutant.file}.o"
    before = made.read_bytes()
    (tree.source / mutant.file).write_text(mutant.new)
    try:
        if not tree.build.make(made.relative_to(tree.build.directory), cached=False):
            return "does-not-compile", ""
        if made.read_bytes() == before:
            return "equivalent", "the same code"
        for test in tree.tests_of(mutant):
            if not tree.build.make(tree.build.program(test), cached=False):
                return "does-not-compile", ""
            ended = tree.build.run(test, tree.limit(test))
            tree.tries[test] += 1
            if ended is not None:
                tree.kills[test] += 1
                return ended, test
        return "survives", "" if tree.reaching(mutant) else "no test of its file runs it"
    finally:
        (tree.source / mutant.file).write_text(mutant.old)
        tree.build.make(made.relative_to(tree.build.directory))


def tried_before(tree):
    """{mutant: how it ended} of a run that was broken off."""
    lines = tree.results.read_text().splitlines() if tree.results.exists() else []
    return dict(reversed(line.split(" ")[:2]) for line in lines if line.endswith("."))


def report(counts):
    real = sum(counts.values()) - counts.get("does-not-compile", 0) - counts.get("equivalent", 0)
    left = counts.get("survives", 0)
    print("mutants: " + ", ".join(f"{count} {ended}" for ended, count in sorted(counts.items())) +
          f"; {100 * left / max(real, 1):.1f} % of {real} left")
    return 1 if left > MOST_LEFT * real else 0


def tell(tree, number, mutant, ended, test):
    print(f"{number:4} {ended:16} {mutant} {test}", flush=True)
    # What only the quick tests let pass is tried again, with the others.
    if ended != "survives" or tree.most == float("inf"):
        with tree.results.open("a") as results:
            print(ended, mutant, test, ".", file=results)
    if ended == "survives":
        print(mutant.diff(), flush=True)
    if ended == "equivalent" and mutant.equivalent():
        print(f"    {mutant.equivalent()}", flush=True)


def run(mutants, where, quick):
    """mutants: each with its number."""
    tree = Tree(where)
    needed = sorted({test for _, mutant in mutants for test in tests_named(tree.build, mutant.file)})
    tree.build.make_tests(needed)
    tree.build.keep_tools()
    if not look_at_tests(tree, needed):
        return 2
    ends, left = tried_before(tree), mutants
    for most in sorted({quick, float("inf")}):
        tree.more_than, tree.most = tree.most if most > quick else -1.0, most
        left = [(number, mutant) for number, mutant in left if str(mutant) not in ends]
        for number, mutant in left:
            ended, test = trial(tree, mutant)
            ended = "equivalent" if ended == "survives" and mutant.equivalent() else ended
            tell(tree, number, mutant, ended, test)
            if ended != "survives" or most == float("inf"):
                ends[str(mutant)] = ended
    return report(collections.Counter(ends[str(mutant)] for _, mutant in mutants))


def main():
    parser = argparse.ArgumentParser(description="Mutation run; see the head of this file.")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="NUMBER",
                        help="leave out the mutants before this one")
    parser.add_argument("--files", nargs="+", default=FILES)
    parser.add_argument("--only", nargs="+", help="these mutants alone, as they are printed")
    parser.add_argument("--list", action="store_true", help="print the mutants, and try none")
    parser.add_argument("--quick", type=float, default=float("inf"), metavar="SECONDS",
                        help="give all mutants the tests that take no longer before any gets the others")
    options = parser.parse_args()
    mutants = all_mutants(options.files)
    if options.only:
        mutants = [mutant for mutant in mutants if str(mutant) in options.only]
    else:
        random.Random(options.seed).shuffle(mutants)
        mutants = mutants[:options.count]
    mutants = list(enumerate(mutants, 1))[options.first - 1:]
    # The file that is changed is put back in whatever way this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    if options.list or not mutants:
        print(*(mutant for _, mutant in mutants), sep="\n")
        return 0 if mutants else 2
    kept = os.environ.get("KM_MUTATE_DIR")
    where = pathlib.Path(kept or tempfile.mkdtemp(prefix="kmmigrate-mutate-"))
    try:
        return run(mutants, where, options.quick)
    finally:
        if kept is None:
            shutil.rmtree(where)


if __name__ == "__main__":
    sys.exit(main())

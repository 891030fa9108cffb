#!/usr/bin/python3
"""The page that --html writes: well-formed, asks for nothing, runs nothing, lets nothing of a store through as markup, and
says what the report says; and the rules for its file.

Python's parser of HTML reads it; tidy, where it is installed, validates it; chromium, where it is installed, shows it.
"""

import html.parser
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
STATES = km.SOURCE / "fixtures" / "states"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
VOID = {"meta", "link", "br", "input"}

# In the text, what is no character or hidden is to come out in the escaped form.
EVIL = (b"<script>alert(1)</script>\"'><img src=http://x.example/>&amp;\x1b[31m\xe2\x80\xae",
        "<script>alert(1)</script>\"'><img src=http://x.example/>&amp;\\x1b[31m\\u202e")

STORE = b"""
[store]
seed = page
organization = Trey %(text)s
site = London %(text)s
mode = V1V3
issuing-ca = issuing
certificate-server = PKI01 %(text)s

[certificate own]
version = 1
subject = O=Trey Research, CN=KM Server CA

[certificate issuing]
subject = O=Trey Research, CN=Trey %(text)s
name-encoding = utf8

[entry 1]
certificate = own
role = own
name = Own %(text)s

[entry 2]
certificate = issuing
role = imported
name = Imported %(text)s

[entry 3]
certificate = issuing
role = issuing
"""


class Page(html.parser.HTMLParser):
    """Reads a page, and is strict about what is open."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.faults, self.texts = [], [], [], [], {}
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"left open: {self.open}")
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Html(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def store(self, state, name="store.edb"):
        made = self.folder / name
        if made.is_dir():
            shutil.rmtree(made)
        made.unlink(missing_ok=True)
        subprocess.run([KMFIXTURE, str(STATES / state / "description.ini"), "-o", str(made)], check=True,
                       capture_output=True)
        return made

    def page(self, *arguments, status=None, name="page.html"):
        file = self.folder / name
        file.unlink(missing_ok=True)
        result = km.run(*arguments, "--html", file)
        self.assertFalse(result.returncode & (km.TROUBLE | km.USAGE), result.stderr)
        if status is not None:
            self.assertEqual(result.returncode, status, result.stderr)
        page = Page(file.read_bytes().decode("utf-8"))
        self.look_at(page)
        return page

    def look_at(self, page):
        """What holds of every page."""
        self.assertEqual(page.faults, [])
        self.assertFalse({"script", "iframe", "object", "embed", "img", "form", "base", "a"} &
                         {tag for tag, _, _ in page.tags})
        metas = [attrs for tag, attrs, _ in page.tags if tag == "meta"]
        self.assertIn({"http-equiv": "Content-Security-Policy", "content": POLICY}, metas)
        for tag, attrs, _ in page.tags:
            for name, value in attrs.items():
                self.assertFalse(name.startswith("on"), (tag, name))
                if name in ("src", "href", "action", "data", "xlink:href"):
                    self.assertTrue(value.startswith("data:"), (tag, name, value))
        style = "".join(page.texts["style"])
        self.assertNotRegex(style, r"url\(|@import|expression")
        self.assertIn("@media print", style)
        hidden = [c for c in page.text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or
                                                        0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069)]
        self.assertEqual(hidden, [])

    def test_every_state(self):
        for description in km.sampled(sorted(STATES.glob("*/description.ini"))):
            if "\n[expect]" not in description.read_text():
                continue  # no header can be used: an error, and no page
            with self.subTest(description.parent.name):
                store = self.store(description.parent.name)
                page = self.page("check", store)
                verdict = json.loads(km.run("check", store, "--json").stdout)["verdict"]
                words = {"yes": "yes, the service can start on", "yes after repair": "it can after the repair",
                         "no": "no, the service cannot start", "cannot tell": "cannot tell whether"}
                self.assertIn(words[verdict], page.text)
                self.assertIn("For a ticket", page.text)
                self.assertNotRegex(page.text, r"</?[a-z]+>", "markup that was taken for text")
                for step in page.texts.get("label", ()):
                    self.assertRegex(step, r"^([A-Z0-9]|kmmigrate )", "half a sentence is a step of its own")

    def test_facts(self):
        """What the JSON has as facts of a finding, the page has, too, under the same names."""
        seen = set()
        for state in ("imported-twice", "thumbprint-mismatch", "dangling-issuer", "v1-md5-roots", "issuing-missing"):
            store = self.store(state)
            page = self.page("check", store)
            for problem in json.loads(km.run("check", store, "--json").stdout)["problems"]:
                facts = "; ".join(f"{name}: {value}" for name, value in problem.get("facts", {}).items())
                self.assertIn(facts, page.text)
                seen |= set(problem.get("facts", {}))
        self.assertGreater(len(seen), 5)

    def test_what_was_done(self):
        store, new = self.store("imported-twice"), self.folder / "new.edb"
        page = self.page("repair", store, "-o", new, status=km.REPAIRED)
        for words in ("REPAIRED", "Before the repair", "After the repair", "What was done", "references move",
                      "Start the service", str(new)):
            self.assertIn(words, page.text)
        self.assertTrue([1 for tag, attrs, _ in page.tags if tag == "input" and attrs.get("type") == "checkbox"])
        page = self.page("repair", store, "--in-place", status=km.REPAIRED)
        self.assertIn("repaired where it lies", page.text)
        page = self.page("check", store, status=km.CLEAN)
        self.assertIn("Nothing has to be repaired", page.text)
        self.assertNotIn("After the repair", page.text)

    def test_the_ticket_is_the_report(self):
        store = self.store("imported-five-times")
        page = self.page("check", store)
        shown = km.run("check", store).stdout.decode()
        ticket = page.texts["pre"]
        drop = re.compile(r"^Command .*\n", re.MULTILINE)
        self.assertEqual(drop.sub("", "".join(ticket)), drop.sub("", shown))
        colored = self.page("check", store, "--color", "always")
        self.assertNotIn("[1;3", colored.text)

    def rows(self, page):
        """{entry: outcome} of the table."""
        return {int(entry): outcome for entry, outcome in
                re.findall(r"entry (\d+)(?: [^\n]*?)??((?:goes|stays|is added)[^\n]*)",
                           "\n".join(line for line in page.text.split("\n") if re.match(r"\W* ?entry \d+", line)))}

    def test_the_outcome_of_each_entry(self):
        """Rows and list values: what goes is what the plan drops, in table and picture; references add up."""
        for state in ("imported-five-times", "imported-twice-sst", "corrupted-copy", "sub-ca-with-root-twice", "clean-v3"):
            with self.subTest(state):
                store = self.store(state)
                plan = json.loads(km.run("repair", store, "--json").stdout)["plan"]
                dropped = {action["entry"] for action in plan["actions"] if action["action"] == "drop-entry"}
                listed = {entry["entry"] for entry in km.entries(store)}
                page = self.page("repair", store)
                outcome = self.rows(page)
                self.assertEqual(set(outcome), listed)
                self.assertEqual({entry for entry, words in outcome.items() if words.startswith("goes")}, dropped)
                after = page.text.split("After the repair\n")[-1].split("The certificate list")[0]
                if dropped:
                    self.assertEqual({int(e) for e in re.findall(r"entry (\d+) is gone", after)}, dropped)
                before = [int(n) for n in re.findall(r"goes: (\d+) references? moves?", page.text)]
                moves = [a["count"] for a in plan["actions"] if a["action"] == "move-references" and a["from"] in dropped]
                self.assertEqual(sum(before), sum(moves))

    def test_list_tree(self):
        """Every entry once, each below one that `show` says has signed it."""
        for state in ("multi-level", "sub-ca-with-root-twice", "imported-five-times", "cross-certified", "unparsable-entry"):
            with self.subTest(state):
                store, above, seen = self.store(state), [], []
                for line in km.run("list", store, "--tree").stdout.decode().splitlines():
                    entry, depth = int(re.search(r"\(entry (\d+), ", line)[1]), (len(line) - len(line.lstrip())) // 2
                    shown = json.loads(km.run("show", store, entry, "--json").stdout)
                    above[depth:] = [shown["entry"]["subject"]]
                    seen.append(entry)
                    if depth:
                        signer = json.loads(km.run("show", store, shown["signed_by"], "--json").stdout)
                        self.assertEqual((signer["entry"]["subject"], shown["signature_is"]), (above[depth - 1], "proven"))
                listed = [entry["entry"] for entry in km.entries(store)]
                self.assertEqual(sorted(seen), sorted(listed))
        self.assertEqual(km.run("list", store, "--tree", "--json").returncode, km.USAGE)

    def graph(self, store):
        """{node: its label}, {node: the one above it} of FILE.dot, read by the grammar of Graphviz: a quoted string ends at
        the first quote that no backslash of its own stands before; then \\X and &...; of a label are resolved."""
        file = self.folder / "issuers.dot"
        result = km.run("export", store, "--to", file, "--force")
        self.assertEqual(result.returncode, km.CLEAN, result.stderr)
        head, *lines, end, last = file.read_text("utf-8").split("\n")
        self.assertEqual((head, end, last), ('digraph "kmmigrate" {', "}", ""))
        self.assertEqual(lines[:2], ['  charset="UTF-8";', "  node [shape=box];"])
        labels, above = {}, {}
        for line in lines[2:]:
            if edge := re.fullmatch(r"  (n\d+) -> (n\d+);", line):
                self.assertNotIn(edge[2], above)
                above[edge[2]] = edge[1]
                continue
            node = re.fullmatch(r'  (n\d+) \[label="((?:[^"\\]|\\.)*)"\];', line)
            self.assertTrue(node, line)
            self.assertNotIn(node[1], labels)
            for entity in re.findall("&[^&]*", node[2]):
                self.assertTrue(entity.startswith("&amp;"), line)
            label = re.sub(r"\\(.)", lambda escape: {"n": "\n", '"': '"', "\\": "\\"}[escape[1]], node[2])
            labels[node[1]] = label.replace("&amp;", "&")
        self.assertLessEqual(set(above) | set(above.values()), set(labels))
        return labels, above

    def test_graph(self):
        """Every entry is one node, and the arrows are those that `show` proves."""
        for state in ("multi-level", "sub-ca-with-root-twice", "imported-five-times", "cross-certified", "unparsable-entry"):
            with self.subTest(state):
                store = self.store(state)
                labels, above = self.graph(store)
                entry_of = {node: int(re.search(r"\nentry (\d+), ", label)[1]) for node, label in labels.items()}
                entries = {entry["entry"]: entry for entry in km.entries(store)}
                self.assertEqual(sorted(entry_of.values()), sorted(entries))
                tree = km.run("list", store, "--tree").stdout.decode()
                self.assertEqual(len(above), len(re.findall("^ ", tree, re.MULTILINE)))
                for node, label in labels.items():
                    entry = entries[entry_of[node]]
                    self.assertIn(f"\nentry {entry['entry']}, {entry['role']}, {entry['trust']}", label)
                    self.assertEqual(int((re.search(r"\n(\d+) references?(\n|$)", label) or [0, 0])[1]), entry["references"])
                    if node in above:
                        shown = json.loads(km.run("show", store, entry["entry"], "--json").stdout)
                        signer = entries[shown["signed_by"]]
                        self.assertEqual((signer["subject"], shown["signature_is"]),
                                         (entries[entry_of[above[node]]]["subject"], "proven"))

    def test_graph_of_hostile_names(self):
        """No name ends its string, begins an escape, or is taken for a character of HTML."""
        # As the description and as kmmigrate write names, RFC 4514 with the backslash doubled.
        for name, shown in ((EVIL[0], EVIL[1].replace(r"\x1b", r"\1B").replace(r"\u202e", r"\E2\80\AE")),
                            (b'x"];n9->n8;//', 'x"];n9->n8;//'), (rb"\\", r"\\"), (rb'\\"];x', r'\\"];x'),
                            (rb"\\N\\l\\G\\\\", r"\\N\\l\\G\\\\"), (b"&quot;&#34;&", "&quot;&#34;&"),
                            ("Zürich ü".encode(), "Zürich ü")):
            with self.subTest(name):
                store, description = self.folder / "evil.edb", self.folder / "evil.ini"
                description.write_bytes(STORE.replace(b"Trey %(text)s\nname-enc", b"%(text)s\nname-enc") % {b"text": name})
                made = subprocess.run([KMFIXTURE, str(description), "-f", "-o", str(store)], check=False, capture_output=True)
                self.assertEqual(made.returncode, 0, made.stderr)
                labels, _ = self.graph(store)
                self.assertEqual(len(labels), 3)
                self.assertEqual([label.split("\nentry ")[0] for label in labels.values()].count(shown), 2, labels)

    def test_one_order(self):
        """Each entry in one place before and after."""
        file = self.folder / "page.html"
        self.page("repair", self.store("imported-five-times"))
        pictures = re.findall(r"<figure>.*?</figure>", file.read_text(), re.DOTALL)
        self.assertEqual(len(pictures), 2)
        places = [{int(entry): y for y, entry in re.findall(r'y="(\d+)" width[^\n]*\n(?:<text class="name"[^\n]*\n)?'
                                                            r'<text[^>]*>entry (\d+)', picture)} for picture in pictures]
        self.assertEqual(len(places[0]), 7)
        self.assertEqual(places[0], places[1])

    def test_markup_in_a_store(self):
        store, description = self.folder / "evil.edb", self.folder / "evil.ini"
        site = ("London " + EVIL[0].decode()).encode("utf-16-le").hex()
        site = "\n ".join(site[at:at + 100] for at in range(0, len(site), 100))
        description.write_bytes(STORE % {b"text": EVIL[0]} +
                                f"\n[setting Site]\nhex = {site}\n".encode())
        subprocess.run([KMFIXTURE, str(description), "-o", str(store)], check=True, capture_output=True)
        page = self.page("repair", store)
        raw = (self.folder / "page.html").read_text()
        for before in ("London ", "Own ", "Imported "):
            self.assertIn(before + EVIL[1], page.text)
        western = EVIL[0].decode("cp1252").replace("\x1b", "\\x1b")  # the code page of the settings' names
        for before in ("Trey ", "PKI01 "):
            self.assertIn(before + western, page.text)
        self.assertNotIn("<img", raw)
        self.assertNotIn("<script", raw)
        evil_name = self.folder / "<script>'\"&.edb"
        shutil.copy(store, evil_name)
        self.assertIn("<script>'\"&.edb", self.page("check", evil_name).text)

    def test_salvage(self):
        """The list first; the numbers of the JSON; the rows that files beside the new store have, too."""
        for description in km.sampled(sorted(STATES.glob("*/description.ini"))):
            state = description.parent.name
            if "\n[salvage]" not in description.read_text() and state not in ("damaged-page", "clean-v3", "dirty-shutdown"):
                continue
            with self.subTest(state):
                store, new = self.store(state), self.folder / f"{state}.edb"
                store = next(store.glob("*.[eE][dD][bB]")) if store.is_dir() else store
                page = self.page("salvage", store)
                told = json.loads(km.run("salvage", store, "--json").stdout)
                self.assertIn(f"For a ticket\n{km.run('salvage', store).stdout.decode()}", page.text)
                raw = (self.folder / "page.html").read_text()
                rows = {}
                for name, cells in re.findall(r'<tr><th scope="row">([^<]*)</th>(<td data-is="Kept">.*)</tr>', raw):
                    rows[name] = [int(number) for number in re.findall(r">(\d+)</td>", cells)]
                self.assertEqual(rows, {table["name"]: [table[name] for name in (
                    "kept", "doubtful", "lost", "perhaps_lost", "cut", "pages_lost", "older", "entries_missing")] for table in told["tables"]})
                sound = km.run("salvage", store).returncode == km.CLEAN
                self.assertEqual("nothing is damaged" in page.text, sound)
                if "CertificateList" in rows and not sound:
                    self.assertEqual(next(iter(rows)), "CertificateList")
                    whole = not any(rows["CertificateList"][place] for place in (1, 2, 3, 4, 5, 7))
                    self.assertIn(f"The certificate list: {'whole' if whole else 'NOT whole'}:", page.text)
                    bad = {name for name, row in rows.items() if any(row[place] for place in (1, 2, 3, 4, 5, 7))}
                    for what, tables in (("The settings", {"Configuration"}),
                                         ("What refers to the list", {"UserCertificates", "RevocationLists"})):
                        lost = bad & tables or tables - set(rows)
                        self.assertIn(f"{what}: {'NOT whole' if lost else 'whole'}.", page.text)
                    self.assertNotIn('data-is="Page">0<', raw)
                page = self.page("salvage", store, "-o", new)
                for words in (str(new), f"kmmigrate check {new}", "What was written"):
                    self.assertIn(words, page.text)
                lines = [json.loads(line) for line in pathlib.Path(f"{new}.salvage.jsonl").read_text().splitlines()]
                # The first few of each table.
                named = set(re.findall(r'data-is="What">([^<]*)<', (self.folder / "page.html").read_text()))
                written = {line["kind"] for line in lines} & {"doubtful", "lost", "perhaps-lost", "cut", "page-lost", "table-lost"}
                self.assertLessEqual(named, written)
                self.assertEqual(bool(named), bool(written))

    def test_salvage_and_repair(self):
        """The page of repair --salvage has the same tables, with the numbers of its JSON."""
        for state in "salvage-broken-link", "salvage-list-torn":
            store, new = self.store(state), self.folder / f"{state}-new.edb"
            self.page("repair", "--salvage", store, "-o", new)
            raw = (self.folder / "page.html").read_text()
            told = json.loads(km.run("repair", "--salvage", store, "--json").stdout)["salvaged"]["tables"]
            for table in told:
                row = re.search(rf'<tr><th scope="row">{table["name"]}</th>(.*)</tr>', raw)[1]
                numbers = dict(re.findall(r'data-is="([A-Z][a-z ]*)">(\d+)<', row))
                self.assertEqual([int(numbers[name]) for name in ("Kept", "Doubtful", "Lost", "May be lost", "Cut", "Pages lost", "Missing")],
                                 [table[name] for name in ("kept", "doubtful", "lost", "perhaps_lost", "cut", "pages_lost",
                                                           "entries_missing")])

    def test_the_file_of_a_salvage(self):
        store, page, new = self.store("damaged-page"), self.folder / "page.html", self.folder / "new.edb"
        page.write_text("mine")
        for words in ((), ("-o", new), ("-o", new, "--force")):
            result = km.run("salvage", store, *words, "--html", page)
            self.assertEqual((result.returncode, result.stdout, page.read_text()), (km.TROUBLE, b"", "mine"), words)
        self.assertEqual(km.run("salvage", store, "-o", new, "--html", new).returncode, km.TROUBLE)
        self.assertEqual(sorted(os.listdir(self.folder)), ["page.html", "store.edb"])

    def test_the_file(self):
        store, page, new = self.store("imported-twice"), self.folder / "page.html", self.folder / "new.edb"
        page.write_text("mine")
        before = km.hashlib_of(store)
        for command in (("check",), ("repair",), ("repair", "-o", new), ("repair", "--in-place"),
                        ("check", "--force"), ("repair", "-o", new, "--force")):
            with self.subTest(command):
                result = km.run(command[0], store, *command[1:], "--html", page)
                self.assertEqual(result.returncode, km.TROUBLE)
                self.assertIn(str(page).encode(), result.stderr)
                self.assertEqual((page.read_text(), new.exists(), km.hashlib_of(store)), ("mine", False, before))
        self.assertEqual(sorted(os.listdir(self.folder)), ["page.html", "store.edb"])
        page.unlink()
        km.run("check", store, "--html", page)
        first = page.read_bytes()
        self.assertEqual(km.run("check", store, "--html", page).returncode, km.TROUBLE)
        self.assertEqual(km.run("repair", store, "--html", page, "--force").returncode, km.PROBLEMS_LEFT)
        self.assertNotEqual(page.read_bytes(), first)

    def test_no_other_file_is_replaced(self):
        store, new = self.store("imported-twice"), self.folder / "new.edb"
        before = km.hashlib_of(store)
        self.assertEqual(km.run("check", store, "--html", store, "--force").returncode, km.TROUBLE)
        self.assertEqual(km.run("repair", store, "-o", new, "--html", f"{self.folder}/./new.edb", "--force").returncode,
                         km.TROUBLE)
        self.assertEqual((km.hashlib_of(store), new.exists()), (before, False))
        self.assertEqual(km.run("check", store, "--html", self.folder / "no" / "page").returncode, km.TROUBLE)
        self.assertEqual(km.run("check", store, "--structure", "--html", self.folder / "p").returncode, km.USAGE)
        for name in ("edb.log", "edb00001.log", "res1.log", "edb.chk",  # what the engine would take for its own
                     "store.edb.kmundo", "store.edb.KMUNDO.2"):  # and what the next run would
            for command in (["check"], ["repair", "--in-place"], ["salvage"]):
                with self.subTest(name=name, command=command):
                    self.assertEqual(km.run(*command, store, "--html", self.folder / name).returncode, km.USAGE)
            self.assertEqual(km.run("repair", store, "-o", self.folder / name).returncode, km.USAGE)
        for name in ("new.edb.quarantine.pem", "new.edb.quarantine-7.pem", "new.edb.quarantine.jsonl", "new.edb.salvage.jsonl"):
            for command in (["repair"], ["repair", "--salvage"], ["salvage"]):  # and what this run would write itself
                with self.subTest(name=name, command=command):
                    result = km.run(*command, store, "-o", new, "--html", f"{self.folder}/./{name}", "--force")
                    self.assertEqual((result.returncode, result.stdout), (km.TROUBLE, b""))
                    self.assertIn(b"is written beside the new store; nothing was written", result.stderr)
        for option in ("-o", "--html"):
            with self.subTest(option=option):
                result = km.run("repair", store, option, "-", "--force", cwd=self.folder)
                self.assertEqual((result.returncode, result.stdout), (km.USAGE, b""))
                self.assertIn(f"{option} writes a file, not standard output".encode(), result.stderr)
        self.assertEqual(os.listdir(self.folder), ["store.edb"])
        self.assertEqual(km.run("check", store, "--html", "./-", cwd=self.folder).returncode, km.PROBLEMS_LEFT)
        self.assertEqual(sorted(os.listdir(self.folder)), ["-", "store.edb"])

    def test_a_page_that_cannot_be_written_after_the_repair(self):
        """Its name is taken meanwhile: exit 8, and what was done is said."""
        library = self.folder / "taken.so"
        subprocess.run([shutil.which(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                        km.SOURCE / "tests" / "program" / "kill" / "taken.c", "-ldl"], check=True)
        for force in ((), ("--force",)):
            with self.subTest(force=force):
                store, new = self.store("corrupted-copy"), self.folder / f"new{len(force)}.edb"
                page = self.folder / f"page{len(force)}.html"
                result = km.run("repair", store, "-o", new, "--html", page, *force, env=dict(
                    os.environ, LD_PRELOAD=str(library), KM_TAKEN=str(page),
                    ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"))
                self.assertEqual(result.returncode & (km.TROUBLE | km.REPAIRED), km.TROUBLE | km.REPAIRED, result.stderr)
                self.assertIn(f"the repair was done: {new}".encode(), result.stderr)
                self.assertTrue(new.exists())
                self.assertEqual(page.read_bytes(), b"another's")

    def test_permissions(self):
        store = self.store("imported-twice")
        for mode in (0o600, 0o640):
            store.chmod(mode)
            self.page("check", store)
            self.assertEqual(stat.S_IMODE((self.folder / "page.html").stat().st_mode) & ~mode, 0)

    def test_a_long_list(self):
        store = self.folder / "long.edb"
        subprocess.run([KMFIXTURE, "--entries", "3000", "--duplicates", "-o", str(store)], check=True, capture_output=True)
        page = self.page("check", store)
        self.assertLessEqual(len([1 for tag, _, _ in page.tags if tag == "rect"]), 3 * 200)
        self.assertEqual(len([1 for tag, _, _ in page.tags if tag == "details"]), 1)
        listed = [entry["entry"] for entry in km.entries(store)]
        rows = [int(n) for n in re.findall(r'<th scope="row">\S* entry (\d+)', (self.folder / "page.html").read_text())]
        self.assertEqual(sorted(rows), sorted(listed))
        drawn = page.text.split("The certificate list")[0]
        self.assertRegex(drawn, r"goes")

    def test_no_secret(self):
        secret = "hidden-0815"
        store, description = self.folder / "secret.edb", self.folder / "secret.ini"
        description.write_bytes(STORE % {b"text": b"x"} + f"""
[user 1]
key-history = {secret.encode().hex()}

[administrator 1]
name = EMMA
secret = {secret.encode().hex()}
""".encode())
        subprocess.run([KMFIXTURE, str(description), "-o", str(store)], check=True, capture_output=True)
        page = self.page("check", store)
        self.assertNotIn(secret, page.text)
        self.assertNotIn(secret.encode().hex(), page.text)

    @unittest.skipUnless(shutil.which("tidy"), "tidy is not installed")
    def test_tidy(self):
        for state in ("imported-five-times", "clean-v3", "damaged-page", "unparsable-entry", "multi-level", "salvage-list-torn"):
            with self.subTest(state):
                self.page(*{"damaged-page": ["salvage"], "salvage-list-torn": ["repair", "--salvage"]}.get(state, ["repair"]),
                          self.store(state))
                tidy = subprocess.run(["tidy", "-q", "-e", str(self.folder / "page.html")], capture_output=True, check=False)
                self.assertEqual((tidy.returncode, tidy.stderr), (0, b""))

    def browse(self, page, *what):
        """Has the browser make `what` of a page, and gives the URLs that the page asked for; those that the browser asks
        for itself, of its updates and the like, have no origin."""
        home, log = self.folder / "home", self.folder / "net.json"
        home.mkdir(exist_ok=True)
        browser = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                                  "--disable-background-networking", f"--user-data-dir={home}", f"--log-net-log={log}", *what,
                                  page.as_uri()], env={**os.environ, "HOME": str(home)}, capture_output=True, check=False)
        made = list(self.folder.glob("out.*"))
        self.assertTrue(made, browser.stderr)
        for file in made:
            file.unlink()
        self.assertNotIn(b"CONSOLE", browser.stderr)
        net = json.loads(log.read_text())
        start = net["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
        asked = [event["params"] for event in net["events"] if event["type"] == start and "url" in event.get("params", {})]
        return [one["url"] for one in asked if one.get("initiator") != "not an origin"]

    @unittest.skipUnless(shutil.which("chromium"), "chromium is not installed: no browser has shown the page")
    def test_chromium(self):
        """Shown at the width of a phone and of a screen, and printed, without a word on the console and without a request."""
        page = self.folder / "page.html"
        ways = [f"--screenshot={self.folder}/out.png --window-size={size}" for size in ("400,2000", "1200,1600")]
        ways.append(f"--print-to-pdf={self.folder}/out.pdf")
        for state in ("imported-five-times", "damaged-page"):
            self.page("repair", self.store(state))
            for way in ways:
                with self.subTest(state, way=way):
                    self.assertEqual(self.browse(page, *way.split()), [])

    @unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
    def test_a_request_would_be_seen(self):
        page, url = self.folder / "asks.html", "http://127.0.0.1:9/picture"
        page.write_text(f"<!DOCTYPE html><title>asks</title><img src='{url}' alt=''>")
        self.assertEqual(self.browse(page, f"--print-to-pdf={self.folder}/out.pdf"), [url])


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Single facts as they are shown: years below 1000, one table of info, names that are too long, lines of any length."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))

STORE = """
[store]
seed = words
mode = V3
issuing-ca = issuing

[certificate issuing]
subject = O=Trey Research, CN=Trey Research CA

[certificate other]
subject = O=Fabrikam, CN=Zürich
name-encoding = t61
until = {until}

[entry 1]
certificate = issuing
role = issuing

[entry 2]
certificate = other
name = {name}

{users}
"""


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Words(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def store(self, until="2012-01-01", name="other", users="", more="", profile=None):
        description = self.folder / "description.ini"
        description.write_text(STORE.format(until=until, name=name, users=users) + more, encoding="utf-8")
        made = subprocess.run([KMFIXTURE, str(description), "-o", str(self.folder / "store.edb"), "--force"], check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.folder / "store.edb"

    def test_years_below_1000(self):
        self.store(until="2061-02-03")  # a GeneralizedTime
        subprocess.run([KMFIXTURE, "--certs", str(self.folder), str(self.folder / "description.ini")], check=True,
                       capture_output=True)
        plain = (self.folder / "other.der").read_bytes()
        self.assertEqual(plain.count(b"20610203"), 1)
        for year in ("0001", "0042", "0999"):
            with self.subTest(year):
                (self.folder / "year.der").write_bytes(plain.replace(b"20610203", year.encode() + b"0203"))
                store = self.store(more="[certificate year]\nfile = year.der\n\n[entry 3]\ncertificate = year\n")
                self.assertIn(f" {year}-02-03 ", km.run("list", store).stdout.decode())
                self.assertIn(f"until {year}-02-03", km.run("show", store, 3).stdout.decode())
                shown = json.loads(km.run("show", store, 3, "--json").stdout)
                self.assertEqual(shown["entry"]["not_after"], f"{year}-02-03T00:00:00Z")

    def test_a_zero_byte_in_a_setting(self):
        """Shown whole wherever settings are, and one at the end is none."""
        store = self.store(more="[setting Site]\nhex = 4c6f6e00646f6e\n\n[setting Organization]\nhex = 5472657900\n")
        for command in ("check",), ("repair",), ("settings",):
            text = km.run(*command, store).stdout.decode()
            self.assertIn(r"Lon\x00don", text)
            self.assertIn("Trey", text)
            self.assertNotIn(r"Trey\x00", text)
            told = json.loads(km.run(*command, store, "--json").stdout)["settings"]
            self.assertEqual((told["site"], told["organization"]), (r"Lon\x00don", "Trey"))
        km.run("check", store, "--html", self.folder / "page.html")
        self.assertIn(r"Lon\x00don", (self.folder / "page.html").read_text())

    def test_the_time_judged_by(self):
        """Its zone is told where it is known, in the text as in the JSON."""
        store, zones = self.store(), set()
        for path, options in ((store, ()), (store, ("--at", "2000-02-03")), *((path, ()) for path in km.corpus_files("engine")[:4])):
            text = km.run("check", path, *options).stdout.decode()
            told = json.loads(km.run("check", path, *options, "--json").stdout).get("list")
            shown = [line for line in text.splitlines() if line.startswith("Judged as of")]
            self.assertEqual(bool(shown), bool(told), path)
            if told is None:
                continue
            zone = told["judged_as_of"].endswith("Z")
            zones.add(zone)
            self.assertEqual(shown, [f"Judged as of  {told['judged_as_of'].replace('T', ' ').removesuffix('Z')}"
                                     f"{' UTC' if zone else ', in the zone of the server, which is not known'}"])
        self.assertIn(True, zones)

    def test_show(self):
        """All that is known of an entry, as text and as JSON: key, signature, import, stored thumbprint, settings."""
        state = km.SOURCE / "fixtures/states/imported-twice/description.ini"
        store = self.folder / "show.edb"
        subprocess.run([KMFIXTURE, str(state), "-o", str(store)], check=True, capture_output=True)
        shown = {entry: json.loads(km.run("show", store, entry, "--json").stdout) for entry in (1, 2, 3)}
        self.assertEqual([shown[entry]["named_by_settings"] for entry in (1, 2, 3)], [False, True, True])
        self.assertEqual(shown[2]["imported_on"], "1999-03-02T10:15:00")
        for entry, value in shown.items():
            self.assertEqual((value["key"], value["key_bits"], value["signature"], value["signature_is"]),
                             ("RSA", 1024, "RSA-SHA1", "proven"))
            self.assertEqual(value["stored_thumbprint"], value["entry"]["thumbprint"])
            text = km.run("show", store, entry).stdout.decode()
            self.assertIn("Key         RSA, 1024 bits\n", text)
            self.assertIn(f"Signature   RSA-SHA1, proven by the key of entry {value['signed_by']}\n", text)
            self.assertIn("which is the certificate's SHA-1", text)
        store = self.folder / "thumb.edb"
        state = km.SOURCE / "fixtures/states/thumbprint-mismatch/description.ini"
        subprocess.run([KMFIXTURE, str(state), "-o", str(store)], check=True, capture_output=True)
        texts = [km.run("show", store, entry).stdout.decode() for entry in (1, 2, 3)]
        self.assertTrue(any("which is NOT the certificate's SHA-1" in text for text in texts))

    @unittest.skipUnless(km.CORPUS.exists(), "no corpus")
    def test_another_programs_database(self):
        """It is named, and no profile is asked for."""
        for path in km.CORPUS.glob("*/*.gz"):
            for name, words in (("SRUDB.dat", "System Resource Usage"), ("Current.mdb", "User Access Logging"),
                                ("qmgr.db", "Background Intelligent"), ("Catalog1.edb", "File History")):
                if path.name != name + ".gz":
                    continue
                with self.subTest(path.name):
                    self.assertIn(f"those of {'the ' if words[0] in 'SB' else ''}{words}".encode(),
                                  km.run("list", path).stderr)
                    text = km.run("check", path).stdout.decode()
                    self.assertIn(words, text)
                    self.assertNotIn("kmmigrate profile", text)

    def test_diff_in_words(self):
        """Entries with role and subject, settings with their name and their text, beside the values."""
        a, b = self.folder / "a.edb", self.folder / "b.edb"
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states/imported-twice/description.ini"), "-o", str(a)], check=True,
                       capture_output=True)
        km.run("repair", a, "-o", b)
        text = km.run("diff", a, b).stdout.decode()
        self.assertRegex(text, r"(?m)^6 tables, \d+ rows compared: 1 row only in A, 0 only in B, 3 changed$")
        self.assertIn("CertificateList EntryId 2 (imported, CN=Trey Research CA,O=Trey Research,C=GB): only in A", text)
        self.assertIn("CertificateList EntryId 3 (issuing, CN=Trey Research CA,O=Trey Research,C=GB): ", text)
        self.assertRegex(text, r"(?m): Name: null -> Trey Research CA$")
        lines = json.loads(km.run("diff", a, b, "--json").stdout)["differences"]
        self.assertEqual({line.get("words") for line in lines if line["table"] == "CertificateList"},
                         {"imported, CN=Trey Research CA,O=Trey Research,C=GB",
                          "issuing, CN=Trey Research CA,O=Trey Research,C=GB"})
        other = (km.SOURCE / "fixtures/states/imported-twice/description.ini").read_text().replace("mode = V1V3", "mode = V3")
        (self.folder / "other.ini").write_text(other)
        subprocess.run([KMFIXTURE, str(self.folder / "other.ini"), "-o", str(b), "--force"], check=True, capture_output=True)
        self.assertRegex(km.run("diff", a, b).stdout.decode(),
                         r'Configuration SettingId \d+ \(setting IssueMode\): Value: 56315633 "V1V3" -> 5633 "V3"\n')

    def test_export_to_standard_output(self):
        """PEM, with a line for each entry in which no block can begin, that openssl reads as it does the file."""
        store = self.store()
        result = km.run("export", store, "--to", "-")
        self.assertEqual((result.returncode, result.stderr), (km.CLEAN, b""))
        file = self.folder / "list.pem"
        km.run("export", store, "--to", file, "--force")
        self.assertEqual(file.read_bytes(), result.stdout)
        listed = km.entries(store)
        comments = [line for line in result.stdout.decode().splitlines() if line.startswith("#")]
        self.assertEqual(comments, [f"# entry {e['entry']}, {e['role']}, {e['subject']}".replace("--", "-_") for e in listed])
        counted = subprocess.run(["openssl", "storeutl", "-noout", "-certs", str(file)], capture_output=True, check=True)
        self.assertIn(f"Total found: {len(listed)}", counted.stdout.decode())
        self.assertEqual(km.run("export", store, "--to", "-", "--json").returncode, km.USAGE)

    def test_no_store_from_standard_input(self):
        for command in (["check", "-"], ["info", "-"], ["repair", "-"], ["diff", "-", "-"]):
            result = km.run(*command)
            self.assertIn(b"a store is not read from standard input", result.stderr)
            self.assertNotEqual(result.returncode, 0)

    def test_info_of_one_table(self):
        store = self.store()
        everything = json.loads(km.run("info", store, "--json").stdout)
        for table in everything["tables"]:
            one = json.loads(km.run("info", store, "--table", table["name"], "--json").stdout)
            self.assertEqual(one, {**everything, "tables": [table]})
        self.assertEqual(km.run("info", store, "--table", "Nowhere", "--json").returncode, km.TROUBLE)

    def test_list_shows_what_show_shows(self):
        """In any locale: a table is UTF-8 like everything else."""
        store = self.store()
        for locale in ("C", "C.UTF-8", "de_CH.ISO-8859-1"):
            with self.subTest(locale):
                environment = {**os.environ, "LC_ALL": locale}
                self.assertIn("Zürich", km.run("list", store, env=environment).stdout.decode())
                self.assertIn("Zürich", km.run("show", store, 2, env=environment).stdout.decode())

    def test_long_names(self):
        """Counted are the parts of one kind together (Q276339), in any encoding and form of a name."""
        path = "o=Trey, ou=Second, cn=Recipients, cn="
        names = ((path + "x" * 54, 0), (path + "x" * 55, 1), (path + "ü" * 54, 0), (path + "ü" * 55, 1),
                 ("/o=Trey Research/ou=London and many more of these words, so that it is long/cn=Recipients/cn=AnnB", 0),
                 ("cn=AnnB, ou=London and many more of these words, so that it is long, o=Trey Research", 0),
                 ("CN=" + "x" * 65 + ", ou=London", 1), ("ou=" + "x" * 33 + ", ou=" + "x" * 32 + ", cn=AnnB", 1),
                 ("o=Trey Research, ou=bacn=" + "x" * 50 + ", cn=AnnB", 0), ("x" * 64, 0), ("x" * 65, 1))
        for text, expected in names:
            for column in ("UnicodeText", "LongText"):
                if column == "LongText" and not text.isascii():
                    continue
                with self.subTest(text, column=column):
                    store = self.store(more=f"[table People]\ncolumn.1 = Id Long\ncolumn.2 = Dn {column}\n"
                                            f"row.1 = 1 |\n  {text}\n")
                    profile = self.folder / "profile.ini"
                    draft = km.run("profile", store).stdout.decode()
                    lines, section = [], ""
                    for line in draft.splitlines():
                        section = line if line.startswith("[") else section
                        if section != "[users]" and not line.startswith(";"):
                            lines.append(line)
                    profile.write_text("\n".join(lines) + "\n[users]\ntable = People\nkey = Id\nname = Dn\n")
                    report = json.loads(km.run("check", store, "--profile", profile, "--json").stdout)
                    found = [problem["count"] for problem in report["problems"] if problem["code"] == "KM-LONG-NAME"]
                    self.assertEqual(found, [expected] if expected else [])

    def test_no_line_is_cut(self):
        """What is longer than any buffer is shown to its end."""
        long = self.folder / "/".join("d" * 200 for _ in range(15)) / "the-end.edb"
        self.assertIn(b"the-end.edb", km.run("check", long).stderr)
        tables = "".join(f"[table T{i:02}{'x' * 56}]\ncolumn.1 = Id Long\n" for i in range(12))
        self.assertIn(b"T11", km.run("dump", self.store(more=tables), "--table", "Nowhere").stderr)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Every state a store can be in (fixtures/): judged, planned and repaired as its description says by hand.

What comes out is read by the separate decoder and compared with the description, never with the plan; the stand-in
service refuses each broken store and starts on each repaired one.
"""

import copy
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import unittest

import km

sys.path[:0] = [str(km.SOURCE / "tests" / "fixtures"), str(km.SOURCE / "tests" / "standin")]

import descriptions  # noqa: E402
import edbdecode     # noqa: E402
import kmserver      # noqa: E402

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
FIXTURES = sorted(path.parent for path in (km.SOURCE / "fixtures/states").glob("*/description.ini")
                  if "\n[expect]" in path.read_text())
REVISIONS = ("0x2", "0x14")

# The stand-in asks the decoder, which calls a torn header damage, where rule R1 is content with its shadow, and an index
# entry without a row, which the engine passes over; it knows one schema, no undo file, and no doubt.
NOT_FOR_THE_STANDIN = {"renamed-schema-with-decoys", "no-settings-table", "undo-pending", "setting-twice",
                       "index-entry-unfinished"}


def make(folder, where, revision):
    """Builds the fixture's store; returns its path."""
    store = where / ("Kmsdata" if "\n[beside]" in (folder / "description.ini").read_text() else "store.edb")
    km.subprocess.run([KMFIXTURE, str(folder / "description.ini"), "-o", str(store), "--revision", revision],
                      check=True, capture_output=True)
    return store


def certificates(folder, where):
    where.mkdir()
    km.subprocess.run([KMFIXTURE, "--certs", str(where), str(folder / "description.ini")], check=True,
                      capture_output=True)
    return {path.stem: path.read_bytes() for path in where.glob("*.der")}


def database(store):
    """The database file of a store that may be a directory."""
    if store.is_dir():
        return next(path for path in store.iterdir() if path.name.lower() == "kmsmdb.edb")
    return store


def decoded(store):
    """{table: [row]} without the engine's own tables; a row is {column: bytes}."""
    db = edbdecode.open(str(database(store)))
    return {table.name: [{name: values if len(values) > 1 else values[0] for name, values in row.items() if values}
                         for row in table.rows()]
            for table in db.tables if not table.name.startswith("MSys")}


# ---- what a repair has to leave, from the description alone ----

def changed_entry(row, keys, der):
    row = dict(row)
    convert = {"role": lambda text: ("Role", descriptions.long(descriptions.ROLES[text])),
               "trusted": lambda text: ("Trusted", {"yes": b"\xff", "no": b"\0", "null": None}[text]),
               "name": lambda text: ("Name", descriptions.utf16(text)),
               "imported": lambda text: ("ImportedOn", descriptions.ole_date(descriptions.moment(text))),
               "thumbprint": lambda text: ("Thumbprint", hashlib.sha1(der[text[3:]]).digest()),
               "certificate": lambda text: ("Certificate", der[text]),
               "key": lambda text: ("EntryId", descriptions.long(int(text)))}
    for key, text in keys.items():
        column, value = convert[key](text)
        row[column] = value
    return descriptions.drop_nulls(row)


def moved(rows, column, key, outcome, kind):
    """Rows with their references as they have to be afterwards."""
    result = []
    for row in rows:
        row = dict(row)
        number = int.from_bytes(row[key], "little")
        before = int.from_bytes(row[column], "little", signed=True)
        after = outcome["references"].get(before, before)
        after = int(outcome["rows"].get((kind, number), {}).get("issuer-entry", after))
        row[column] = descriptions.long(after)
        result.append(row)
    return result


def settings_after(rows, description, outcome, der):
    result = []
    for row in rows:
        row = dict(row)
        if row["Name"] == b"IssuingCA" and "issuing-ca" in outcome:
            row["Value"] = hashlib.sha1(der[outcome["issuing-ca"]]).digest()
        if row["Name"] == b"IssueMode" and "mode" in outcome:
            row["Value"] = outcome["mode"].encode()
        if row["Name"] == b"CertificateList" and description.list != "rows":
            row["Value"] = list_after(description, outcome, der)
        result.append(row)
    return result


def list_after(description, outcome, der):
    """The list value with its entries dropped; what a dropped copy had of properties its survivor keeps."""
    kept = copy.copy(description)
    kept.sections = dict(description.sections)
    for number in outcome["drop"]:
        del kept.sections[f"entry {number}"]
    for number in outcome["drop"]:
        dropped = description[f"entry {number}"]
        survivor = next(other for other in outcome["keep"]
                        if der[description[f"entry {other}"]["certificate"]] == der[dropped["certificate"]])
        kept.sections[f"entry {survivor}"] = {**dropped, **kept.sections[f"entry {survivor}"]}
    for (kind, number), keys in outcome["rows"].items():
        if kind == "entry":
            kept.sections[f"entry {number}"] = {**kept.sections[f"entry {number}"], **keys}
    return kept.list_value(der)


def rows_after(description, outcome, der):
    plain = copy.copy(description)
    plain.renamed = lambda tables: tables
    tables = plain.rows(der)
    if description.list == "rows" and "CertificateList" in tables:
        entries = {int.from_bytes(row["EntryId"], "little"): row for row in tables["CertificateList"]}
        after = [changed_entry(row, outcome["rows"].get(("entry", number), {}), der)
                 for number, row in entries.items() if number not in outcome["drop"]]
        if "add" in outcome:
            number, name = outcome["add"].split()
            keys = {"role": "issuing", "trusted": "yes", **outcome["rows"].get(("entry", int(number)), {})}
            row = {"EntryId": descriptions.long(int(number)), "Certificate": der[name],
                   "Thumbprint": hashlib.sha1(der[name]).digest()}
            after.append(changed_entry(row, keys, der))
        tables["CertificateList"] = after
    if "UserCertificates" in tables:
        tables["UserCertificates"] = moved(tables["UserCertificates"], "IssuerEntry", "CertId", outcome,
                                           "user-certificate")
    if "RevocationLists" in tables:
        tables["RevocationLists"] = moved(tables["RevocationLists"], "IssuerEntry", "CrlId", outcome, "crl")
    if "Configuration" in tables:
        tables["Configuration"] = settings_after(tables["Configuration"], description, outcome, der)
    return description.rows_of_tables_after(description.renamed(tables), der)


def of_check(options):
    """Those that a check takes, too."""
    known = ("--accept-discovered", "--profile", "--mode", "--issuing-ca-is", "--reference", "--not-a-reference", "--not-a-list")
    return [word for at, word in enumerate(options) if word.partition("=")[0] in known or (options[at - 1:at] and options[at - 1] in known[1:])]


def description_says(folder):
    """A state of another schema: what it expects is of its options."""
    return "\n[after " in (folder / "description.ini").read_text()


def codes(problems, advice):
    return {problem["code"] for problem in problems if (problem["severity"] == "advice") == advice}


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Fixtures(unittest.TestCase):
    maxDiff = 3000

    def judge(self, folder, revision, store, outcome, options):
        """check, then the plan: verdict, exit status, problems.  Returns the plan's report."""
        check = of_check(options)
        report = json.loads(km.run("repair", store, "--json", *options).stdout)
        if not options or description_says(folder):
            self.assertEqual(report["verdict"], outcome["verdict"], report["problems"])
        result = km.run("check", store, "--json", *check)
        judged = json.loads(result.stdout)
        if not options:
            self.assertEqual(judged["verdict"], outcome["verdict"], judged["problems"])
            self.assertEqual(codes(judged["problems"], False), set(outcome["problems"]))
        self.assertEqual(result.returncode, int(outcome["check"]), judged["problems"])
        self.assertLessEqual(set(outcome["advice"]), codes(judged["problems"], True))
        return report

    def repaired(self, folder, revision, where, store, description, outcome, der, options):
        new = where / ("new-" + revision + "-" + str(len(list(where.iterdir()))))
        plan = self.judge(folder, revision, store, outcome, options)
        before = km.hashlib_of(store)
        result = km.run("repair", store, "-o", new, "--json", *options)
        self.assertEqual(result.returncode, int(outcome["repair"]), (result.stdout[-2000:], result.stderr))
        self.assertEqual(km.hashlib_of(store), before, "the source was touched")
        if not result.returncode & km.REPAIRED:
            self.assertFalse(new.exists())
            return None
        report = json.loads(result.stdout)
        self.assertEqual(report["plan"]["id"], plan["plan"]["id"])
        if description.many:
            self.same_bulk(decoded(store), decoded(new), description, outcome)
        else:
            self.same_rows(decoded(new), rows_after(description, outcome, der))
        self.nothing_lost(store, new, description, der)
        return new

    def same_bulk(self, before, after, description, outcome):
        """With rows in bulk the description names only some: all others have to stay as they were."""
        number = {"CertificateList": "EntryId"}
        for table, rows in before.items():
            key = number.get(table)
            stay = [row for row in rows if not key or int.from_bytes(row[key], "little") not in outcome["drop"]]
            self.assertEqual(len(after[table]), len(stay), table)
            for one, other in zip(after[table], stay):
                if "IssuerEntry" in other:
                    named = int.from_bytes(other["IssuerEntry"], "little")
                    other = {**other, "IssuerEntry": descriptions.long(outcome["references"].get(named, named))}
                if key and ("entry", int.from_bytes(one[key], "little")) in outcome["rows"]:
                    continue
                self.assertEqual(one, other, table)

    def same_rows(self, found, expected):
        self.assertEqual(sorted(found), sorted(expected))
        for table in expected:
            self.assertEqual(len(found[table]), len(expected[table]), table)
            for one, other in zip(found[table], expected[table]):
                for column in one.keys() | other.keys():
                    self.assertEqual(one.get(column), other.get(column), f"{table}.{column}")

    def nothing_lost(self, store, new, description, der):
        """Every certificate of the list is in the new list, or in the quarantine file as PEM."""
        if description.list != "rows" or "CertificateList" in description["schema"].get("without", "").split():
            return
        quarantine = pathlib.Path(str(new) + ".quarantine.pem")
        text = quarantine.read_text() if quarantine.exists() else ""
        table, column = (description["schema"].get(name, default) for name, default in (
            ("CertificateList", "CertificateList"), ("CertificateList.Certificate", "Certificate")))
        listed = {row[column] for row in decoded(new)[table]}
        for number, section in description.numbered("entry").items():
            if ("CertificateList", number) in description.rows_taken_away():
                continue
            certificate = der[section["certificate"]]
            self.assertTrue(certificate in listed or hashlib.sha256(certificate).hexdigest() in text)

    def clean_afterwards(self, new, description, outcome, options):
        check = of_check(options)
        result = km.run("check", new, "--json", *check)
        report = json.loads(result.stdout)
        left = outcome.get("left", "").split()
        self.assertEqual(codes(report["problems"], False), set(left))
        once = ("--issuing-ca", "--keep", "--drop", "--trust")      # decided, and nothing is left to decide
        again = km.run("repair", new, "--json", *[option for option in options if not option.startswith(once)
                                                  and not option.endswith(".der")])
        self.assertEqual(json.loads(again.stdout)["plan"]["actions"], [], "a second repair finds something to do")

    def standin(self, folder, store, new, outcome):
        if folder.name in NOT_FOR_THE_STANDIN:
            return
        reasons = [reason.code for reason in kmserver.start(str(store)).reasons]
        if outcome["verdict"] == "yes":
            self.assertEqual(reasons, [])
        elif folder.name != "torn-header":
            self.assertNotEqual(reasons, [], "the stand-in starts on a broken store")
        if new and outcome["verdict"] == "yes after repair":
            self.assertEqual([reason.text for reason in kmserver.start(str(new)).reasons], [])

    def one(self, folder, revision):
        description = descriptions.Description(str(folder / "description.ini"))
        with tempfile.TemporaryDirectory() as name:
            where = pathlib.Path(name)
            der = certificates(folder, where / "certs")
            store = make(folder, where, revision)
            def given(words):
                return [str(where / "certs" / word[1:-1]) if word.startswith("{") else
                        str(folder / word) if word == "profile.ini" else word for word in words]
            outcomes = {"expect": (description.expect, given(description.expect.get("options", "").split()))}
            for variant, outcome in description.variants.items():
                options = given(outcome["options"].split())
                base = {**description.expect, **{key: value for key, value in outcome.items()
                                                if value not in ([], {}) or key in description[f"variant {variant}"]}}
                outcomes[variant] = (base, options)
            for title, (outcome, options) in outcomes.items():
                with self.subTest(f"{folder.name} {revision} {title}"):
                    new = self.repaired(folder, revision, where, store, description, outcome, der, options)
                    if new:
                        self.clean_afterwards(new, description, outcome, options)
                    if not options and not description_says(folder):
                        self.standin(folder, store, new, outcome)

    def test_every_state(self):
        self.assertGreater(len(FIXTURES), 50)
        for number, folder in enumerate(FIXTURES):
            for revision in km.in_turn(REVISIONS, number):
                with self.subTest(f"{folder.name} {revision}"):
                    self.one(folder, revision)

    def test_plan_ids_differ(self):
        ids = {}
        with tempfile.TemporaryDirectory() as name:
            for folder in FIXTURES:
                where = pathlib.Path(name) / folder.name
                where.mkdir()
                report = json.loads(km.run("repair", make(folder, where, "0x2"), "--json").stdout)
                if report.get("plan", {}).get("actions"):
                    ids.setdefault(report["plan"]["id"], []).append(folder.name)
        self.assertEqual([names for names in ids.values() if len(names) > 1], [])
        self.assertGreater(len(ids), 25)


if __name__ == "__main__":
    km.main()

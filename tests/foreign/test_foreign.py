#!/usr/bin/python3
"""Stores of other schemas than the built-in profile's, written by Microsoft's engine: right, or refused; never wrong.

Each store of the corpus' foreign/ has the fault of Q230780.  It is repaired with --accept-discovered alone, and again
with every question answered as its facts.json says: what is a reference and what is none, which copy stays.  What was
written is judged by value (judge.py); what was refused must say which options decide.
"""

import json
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "program")]
import judge  # noqa: E402
import km  # noqa: E402

FOLDER = km.CORPUS / "foreign"
ASKED = re.compile(r"say --reference (\S+?)(=position[01]|=sha1)?(?: \(or =position1\))? or --not-a-reference")
RIGHT_ALONE = {"a01-names", "d10-ref-thumbprint", "e12-ref-issuer-serial", "h19-value-p7-thumb", "h59-value-own-table",
               "j28-settings-columns", "k32-unicode"}
RIGHT_ALONE |= {"b02-key-unique-not-primary", "c05-key-short", "p52-refs-composite-key"}
RIGHT_ALONE |= {"h21-value-len4le", "h24-value-pem", "i25-multi-valued", "i26-chunks-sst"}
RIGHT_ALONE |= {"l36-cert-wrapped", "l38-cert-zlib"}
RIGHT_ALONE |= {"j31-settings-text", "k35-cyrillic-1251"}
RIGHT_ALONE |= {"c08-key-binary16", "c09-key-text", "j48-role-flags"}
RIGHT_ANSWERED = RIGHT_ALONE | {
    "f13-two-refs-indexed", "g16-parent-in-list", "h18-value-sst-column", "h20-value-concat-pos0", "j29-no-settings",
    "j48-role-flags", "n40-extra-table", "o42-extra-columns",
    "p52-refs-composite-key"}
RIGHT_ANSWERED |= {"b03-key-primary-composite", "i46-two-values", "m39-two-tables", "q58-one-table"}
RIGHT_ANSWERED |= {"d45-ref-thumbprint-trailing", "p54-refs-multi-valued"}


def columns(reference):
    return reference["column"] if isinstance(reference["column"], list) else [reference["column"]]


def answers(facts, problems, given):
    """The options that answer what a report asks."""
    references = {f"{r['table']}.{column}" for r in facts["refs"] for column in columns(r)}
    found = []
    for problem in problems:
        asked = ASKED.search(problem["evidence"]) if problem["code"] == "KM-RESIDUE" else None
        if asked and asked[1] in references:
            found += ["--reference", asked[1] + (asked[2] or "")]
        elif asked:
            found += ["--not-a-reference", asked[1]]
        elif problem["code"] == "KM-COPIES-DIFFER" and "--keep" not in given + found:
            found += ["--keep", str(int.from_bytes(bytes.fromhex(facts["keep"]), "little"))]
    return found


def repair(store, new, options):
    result = km.run("repair", store, "-o", new, "--accept-discovered", "--json", *options)
    return result, (json.loads(result.stdout) if result.stdout.startswith(b"{") else {})


@unittest.skipUnless(FOLDER.is_dir(), "the corpus is not there")
class Foreign(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.new = pathlib.Path(scratch.name) / "new.edb"

    def take(self, folder, options):
        """Repairs; None when it was refused, else what is wrong with the result, and the report."""
        self.new.unlink(missing_ok=True)
        for other in self.new.parent.glob("new.edb.*"):
            other.unlink()
        result, report = repair(folder / "store.edb.gz", self.new, options)
        self.assertNotIn(b"Sanitizer", result.stderr)
        if not self.new.exists():
            self.assertIn(result.returncode, (km.PROBLEMS_LEFT, km.TROUBLE, km.USAGE), result.stderr)
            return None, report, result
        wrong = judge.compare(folder, self.new)
        return [text for text in wrong if not ("--keep" in options and "are gone" in text)], report, result

    def test_never_wrong(self):
        right = set()
        for folder in sorted(FOLDER.iterdir()):
            with self.subTest(folder.name):
                before = json.loads(km.run("check", folder / "store.edb.gz", "--accept-discovered", "--json").stdout)
                self.assertNotEqual(before["verdict"], "yes")
                wrong, report, result = self.take(folder, [])
                if wrong is None:
                    blocked = [p for p in report.get("problems", []) if p["code"] in ("KM-RESIDUE", "KM-COPIES-DIFFER")]
                    for problem in blocked:
                        self.assertRegex(problem["evidence"], r"--(reference|keep|not-a-reference)")
                    self.assertTrue(result.stderr)
                else:
                    self.assertEqual(wrong, [])
                    right.add(folder.name)
        self.assertGreaterEqual(right, RIGHT_ALONE)

    def settled(self, folder, facts, options, report):
        """The store's name, where it needs the mode, and which CA issues, to be said, and the answer is yes then."""
        if report["verdict"] == "yes after repair":
            return set()
        self.assertTrue({"KM-MODE", "KM-NO-SETTINGS"} & {p["code"] for p in report["left"]}, report["left"])
        self.assertIn("--mode says it", json.dumps(report["left"]))
        more = ["--mode", "V3"] + (["--issuing-ca-is", facts["ca"]] if facts["settings"] == "none" else [])
        wrong, report, result = self.take(folder, options + more)
        self.assertEqual((wrong, report["verdict"], result.returncode), ([], "yes after repair", km.REPAIRED), result.stderr)
        return {folder.name}

    def test_answered(self):
        right, said = set(), set()
        for folder in sorted(FOLDER.iterdir()):
            facts = json.loads((folder / "facts.json").read_text())
            options, wrong = [], None
            with self.subTest(folder.name):
                for _ in range(5):
                    wrong, report, _ = self.take(folder, options)
                    more = answers(facts, report.get("problems", []), options) if wrong is None else []
                    if not more:
                        break
                    options += more
                if wrong is not None:
                    self.assertEqual(wrong, [], options)
                    right.add(folder.name)
                    said |= self.settled(folder, facts, options, report)
        self.assertGreaterEqual(said, {"j28-settings-columns", "j29-no-settings"})
        print(f"with answers: {len(right)} of {len(list(FOLDER.iterdir()))} right, the others refused", file=sys.stderr)
        self.assertGreaterEqual(right, RIGHT_ANSWERED)

    def test_judge(self):
        """The judge itself: the store as it is, a reference moved wrongly, an entry lost, are all wrong."""
        folder = FOLDER / "a01-names"
        self.assertTrue(judge.compare(folder, folder / "store.edb.gz"))
        other = FOLDER / "n40-extra-table"
        self.assertIsNone(self.take(other, ["--not-a-reference", "KMRecipients.Flags"])[0])
        wrong = self.take(other, ["--not-a-reference", "KMRecipients.Flags", "--not-a-reference", "RoutePolicy.Anchor"])
        self.assertTrue(any("RoutePolicy" in text for text in wrong[0]), wrong[0])

    def test_options(self):
        store = FOLDER / "a01-names" / "store.edb.gz"
        for option in ("--reference", "--not-a-reference", "--not-a-list"):
            for column in ("KMIssued", "Nowhere.SignedBy", "KMIssued.Nothing", ".", "KMIssued.", "KMIssued.SignedBy=x"):
                result = km.run("check", store, "--accept-discovered", option, column)
                self.assertEqual(result.returncode, km.USAGE, (option, column, result.stderr))
                self.assertIn(option.encode(), result.stderr)
        self.assertEqual(km.run("check", store, "--accept-discovered", "--reference", "KMTrust.CertBlob").returncode, km.USAGE)


if __name__ == "__main__":
    if not FOLDER.is_dir():
        print("skipped: the corpus is not there", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)

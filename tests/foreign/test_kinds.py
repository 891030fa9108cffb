#!/usr/bin/python3
"""Stores that are traps (kinds.py): right, or refused; never wrong.

    test_kinds.py            all of them; KM_LONG=1: also by the profile that is drafted
    test_kinds.py KIND...    these alone, with what was asked, answered and said

Each is repaired with --accept-discovered alone, with the profile that `kmmigrate profile` drafts, and with every question
answered as somebody does who knows the store.  What was written is judged by value (judge.py).  LIMITS are those that are
known to go wrong, and are only counted.
"""

import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "program")]
import judge  # noqa: E402
import kinds  # noqa: E402
import km  # noqa: E402

KMFIXTURE = os.environ.get("KMFIXTURE")
kinds.CERTIFICATES.kmfixture = KMFIXTURE
TURNS = ("alone", "drafted", "answered") if os.environ.get("KM_LONG") or sys.argv[1:] else ("alone", "answered")
LIMITS = {"references_by_the_first_places", "references_by_two_places"}
ROUNDS = 14
SUFFIX = {"thumb": "=sha1", "hexthumb": "=sha1hex"}
NO_LIST = re.compile(r"--not-a-list (\S+?)[;,]?(?: |$)")
KEEP = re.compile(r"--keep (-?\d+)")


def columns(reference):
    return reference["column"] if isinstance(reference["column"], list) else [reference["column"]]


def asked(kind, text):
    """The columns, as TABLE.COLUMN, about which a text asks."""
    names = [f"{table.name}.{column}" for table in kind.tables.values() for column, _ in table.columns]
    return [name for name in names if re.search(rf"reference {re.escape(name)}(?![\w=])|reference {re.escape(name)}=(sha1|position)", text)]


def answers(kind, facts, problems, given):
    """What somebody says who knows the store."""
    references = {f"{r['table']}.{column}": SUFFIX.get(r["by"], f"=position{facts['lists'][0]['base']}" if r["by"] == "pos" else "")
                  for r in facts["refs"] for column in columns(r)}
    found = []
    for problem in problems:
        text = problem["evidence"]
        for column in asked(kind, text):
            if column in references and f"--reference {column}" not in text:
                continue        # nothing is offered that says so
            found.append(("--reference", column + references[column]) if column in references else ("--not-a-reference", column))
        found += [("--not-a-list", column) for column in NO_LIST.findall(text) if column in kind.no_lists]
        if problem["code"] == "KM-COPIES-DIFFER" and "--keep" not in dict(given + found):
            found += [("--keep", entry) for entry in KEEP.findall(text) if entry in kind.keep][:1]
        if problem["code"] == "KM-NO-SETTINGS":
            found.append(("--mode", kind.mode))
        if "--issuing-ca-is" in text or (problem["code"] == "KM-ISSUING-MISSING" and "not set" in text):
            found.append(("--issuing-ca-is", facts["ca"]))
    return [option for option in dict.fromkeys(found) if option not in given]


def repair(folder, profile, options):
    """Repairs, and checks what was written; the report with both, and standard error."""
    new = folder / "new.edb"
    for old in folder.glob("new.edb*"):
        old.unlink()
    result = km.run("repair", folder / "store.edb", "-o", new, *profile, "--json", *options)
    report = json.loads(result.stdout) if result.stdout.startswith(b"{") else {}
    report["status"], report["said"] = result.returncode, result.stderr.decode(errors="replace").strip()
    if new.exists():
        at = options.index("--keep") if "--keep" in options else len(options)
        after = km.run("check", new, *profile, "--json", *options[:at], *options[at + 2:])
        report["after"] = json.loads(after.stdout) if after.stdout.startswith(b"{") else {"verdict": "?"}
    return new.exists(), report


def wrong_with(kind, folder, options):
    """What is wrong with what was written."""
    if kind.truth == "hands off":
        return ["something was written"]
    if kind.truth == "sound":
        return ["a sound store was changed"] if (folder / "new.edb").read_bytes() != (
            folder / "store.edb").read_bytes() else []
    wrong = judge.compare(folder, folder / "new.edb", "store.edb")
    if hasattr(kind, "untrusted"):
        new = judge.Store(folder / "new.edb", json.loads((folder / "facts.json").read_text()))
        partner = [row for certificate, row, _ in new.entries if certificate == kinds.CERTIFICATES["p1"]]
        if any(row.get(kind.untrusted) in (None, [b"\0"]) for row in partner):
            wrong.append("a certificate that was revoked is trusted")
    return [text for text in wrong if not ("--keep" in options and "are gone" in text)]


def take(kind, facts, folder, profile, rounds):
    given = []
    for left in range(rounds, -1, -1):
        options = [word for option in given for word in option]
        written, report = repair(folder, profile, options)
        wrong = wrong_with(kind, folder, options) if written else None
        more = answers(kind, facts, report.get("problems", []) + report.get("left", []), given) if left else []
        if not more or (written and report["after"]["verdict"] == "yes"):
            break
        given.append(more[0])
    verdict = report["after"]["verdict"] if written else report.get("verdict")
    if not written and "Sanitizer" in report["said"] or report["status"] < 0:
        outcome = "wrong: crashed"
    elif not written:
        codes = sorted({p["code"] for p in report.get("left", report.get("problems", []))})
        outcome = f"refused ({report['status']}): " + (" ".join(codes) or report["said"][:200])
    elif not wrong:
        outcome = "right"
    else:
        outcome = ("wrong: " if verdict == "yes" or kind.truth != "hands off" else "written: ") + "; ".join(wrong)
    return {"outcome": outcome, "verdict": verdict, "given": [" ".join(option) for option in given],
            "said": report["said"], "asked": [f"{p['code']}: {p['evidence']}" for p in report.get("left", report.get("problems", []))]}


def build(name, folder):
    kind = kinds.KINDS[name]()
    (folder / "description.ini").write_text(kind.description(), encoding="utf-8")
    result = subprocess.run([KMFIXTURE, folder / "description.ini", "-o", folder / "store.edb"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise AssertionError(f"{name}: {result.stderr}")
    facts = kind.facts
    (folder / "facts.json").write_text(json.dumps(facts))
    return kind, facts


def judged(name):
    """What came of one kind: {turn: {...}}, and the verdict before."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        kind, facts = build(name, folder)
        before = km.run("check", folder / "store.edb", "--accept-discovered", "--json").stdout
        found = {"kind": name, "truth": kind.truth, "before": json.loads(before)["verdict"] if before.startswith(b"{") else None}
        draft = km.run("profile", folder / "store.edb")
        (folder / "draft.ini").write_bytes(draft.stdout)
        profiles = {"drafted": ["--profile", folder / "draft.ini"]}
        for turn in TURNS:
            found[turn] = take(kind, facts, folder, profiles.get(turn, ["--accept-discovered"]), ROUNDS if turn == "answered" else 0)
    return found


def faults(found):
    """What may not be, of one kind."""
    texts = [f"{turn}: {found[turn]['outcome']}" for turn in TURNS if found[turn]["outcome"].startswith("wrong")]
    if found["before"] == "yes" and found["truth"] != "sound":
        texts.append("the broken store is called good")
    return texts


@unittest.skipUnless(KMFIXTURE, "kmfixture is not there")
class Kinds(unittest.TestCase):
    def test_never_wrong(self):
        counts, limits = {}, 0
        with multiprocessing.Pool(2) as pool:
            for found in pool.imap(judged, kinds.KINDS):
                with self.subTest(found["kind"]):
                    if found["kind"] in LIMITS:
                        limits += bool(faults(found))
                        continue
                    self.assertEqual(faults(found), [], found)
                for turn in TURNS:
                    word = found[turn]["outcome"].partition(":")[0].partition(" ")[0]
                    counts[turn, word] = counts.get((turn, word), 0) + 1
        print("kinds of schemas:", ", ".join(f"{turn} {word} {n}" for (turn, word), n in sorted(counts.items())),
              f"\nof {len(LIMITS)} known limits {limits} go wrong", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:]:
        for each in sys.argv[1:]:
            print(json.dumps(judged(each), indent=1))
        sys.exit(0)
    km.main()

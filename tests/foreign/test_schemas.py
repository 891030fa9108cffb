#!/usr/bin/python3
"""Random schemas, each with the fault of Q230780: right, or refused; never wrong.

    test_schemas.py            20 schemas; KM_LONG=1: 1,000, in some minutes
    test_schemas.py SEED...    these alone, with what was drawn, asked and answered

kmfixture builds each from schemas.py's description.  It is repaired with --accept-discovered alone, with the profile
that says it all, as far as a profile can ("stated"), and with --accept-discovered and every
question answered as the schema knows, one after the other; whatever was written on the way is judged by value (judge.py).
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
import km  # noqa: E402
import schemas  # noqa: E402

KMFIXTURE = os.environ.get("KMFIXTURE")
# Of the short run; the last ones were wrong once: a role in words, an archive beside a list that is packed and beside
# one in pieces, positions that count another value, too,
# rows with a list of one certificate each, two columns that may be the key once an entry is gone, two values each packed.
SEEDS = ([*range(1, 701), *range(schemas.MORE, schemas.MORE + 300)] if os.environ.get("KM_LONG")
         else [*range(1, 9), 36, 130, 666, 371, 386, 389, 477, 846, 1130, *range(schemas.MORE, schemas.MORE + 8)])
TURNS = ("alone", "stated", "answered")
COLUMN = re.compile(r"--not-a-reference (\S+?)[;,]?(?: |$)")
KEEP = re.compile(r"--keep (\d+)")
NO_LIST = re.compile(r"--not-a-list (\S+?)[;,]?(?: |$)")
SUFFIX = {"thumb": "=sha1", "key": "", "hexthumb": "=sha1hex"}


def build(seed, folder):
    """Makes FOLDER/store.edb and FOLDER/facts.json; the schema and its facts."""
    schema = schemas.Schema(seed)
    (folder / "description.ini").write_text(schema.description())
    for options in (["--certs", folder / "certs", folder / "description.ini"],
                    [folder / "description.ini", "-o", folder / "store.edb"]):
        result = subprocess.run([KMFIXTURE, *map(str, options)], capture_output=True, text=True, check=False)
        if result.returncode:
            raise AssertionError(f"seed {seed}: {result.stderr}")
    facts = schema.facts({file.stem: file.read_bytes() for file in (folder / "certs").iterdir()})
    (folder / "facts.json").write_text(json.dumps(facts))
    (folder / "profile.ini").write_text(schema.profile(facts))
    return schema, facts


def columns(reference):
    return reference["column"] if isinstance(reference["column"], list) else [reference["column"]]


def suffix(facts, reference):
    if reference["by"] == "pos":
        return f"=position{facts['lists'][0]['base']}"
    return SUFFIX.get(reference["by"], "")


def answers(schema, facts, problems, given):
    """The options that answer what a report asks, and that were not given yet."""
    references = {f"{r['table']}.{column}": suffix(facts, r) for r in facts["refs"] for column in columns(r)}
    found = []
    for problem in problems:
        text = problem["evidence"]
        for column in COLUMN.findall(text):
            if column in schema.keys():
                continue
            if column in references:
                found.append(("--reference", column + references[column]))
            else:
                found.append(("--not-a-reference", column))
        found += [("--not-a-list", column) for column in NO_LIST.findall(text) if column in schema.no_lists]
        if problem["code"] == "KM-COPIES-DIFFER" and "--keep" not in dict(given + found):
            found += [("--keep", entry) for entry in KEEP.findall(text) if entry in facts.get("kept", ())][:1]
        if problem["code"] == "KM-NO-SETTINGS":
            found.append(("--mode", schema.drawn["mode"]))
        if "--issuing-ca-is" in text or (problem["code"] == "KM-ISSUING-MISSING" and "not set" in text):
            found.append(("--issuing-ca-is", facts["ca"]))
    return [option for option in dict.fromkeys(found) if option not in given]


def repair(folder, profile, options):
    """Repairs; (what is wrong, or None when refused; the report; standard error)."""
    new = folder / "new.edb"
    for old in folder.glob("new.edb*"):
        old.unlink()
    result = km.run("repair", folder / "store.edb", "-o", new, *profile, "--json", *options)
    report = json.loads(result.stdout) if result.stdout.startswith(b"{") else {}
    if b"Sanitizer" in result.stderr or result.returncode < 0:
        return ["crashed"], report, result
    if not new.exists():
        return None, report, result
    wrong = judge.compare(folder, new, "store.edb")
    if "--keep" in options:
        wrong = [text for text in wrong if "are gone" not in text]
    at = options.index("--keep") if "--keep" in options else len(options)
    after = km.run("check", new, *profile, "--json", *options[:at], *options[at + 2:])
    report["after"] = json.loads(after.stdout) if after.stdout.startswith(b"{") else {"verdict": "?"}
    return wrong, report, result


def refusal(report, result):
    """A word for why nothing was written."""
    codes = sorted({problem["code"] for problem in report.get("problems", []) if problem.get("left", True)})
    return " ".join(codes) or result.stderr.decode(errors="replace").strip().split("\n")[-1][:100]


def in_part(wrong, report):
    """Copies are left, in a place that the report names and that keeps the verdict from being yes."""
    return (all(text.startswith("the list holds ") for text in wrong) and report["after"]["verdict"] == "cannot tell"
            and any(problem["code"] == "KM-SECOND-COPY" for problem in report["problems"]))


def take(schema, facts, folder, profile, rounds):
    """(right, refused: ... or wrong: ...; the verdict afterwards; options given), with so many rounds of answers."""
    given = []
    for left in range(rounds, -1, -1):
        wrong, report, result = repair(folder, profile, [word for option in given for word in option])
        more = answers(schema, facts, report.get("problems", []), given) if left else []
        if not more or (wrong and not in_part(wrong, report)) or (wrong is not None and report["after"]["verdict"] == "yes"):
            break
        given.append(more[0])
    outcome = ("refused: " + refusal(report, result) if wrong is None else "right" if not wrong
               else ("in part: " if in_part(wrong, report) else "wrong: ") + "; ".join(wrong))
    return outcome, report.get("after", {}).get("verdict"), [" ".join(option) for option in given]


def judged(seed):
    """What came of one schema: {"alone": outcome, "stated": outcome, "answered": outcome, ...}."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        schema, facts = build(seed, folder)
        found = {"seed": seed, "drawn": schema.drawn}
        for turn, profile, rounds in (("alone", ["--accept-discovered"], 0), ("stated", ["--profile", folder / "profile.ini"], 12),
                                      ("answered", ["--accept-discovered"], 12)):
            before = km.run("check", folder / "store.edb", *profile, "--json").stdout
            found["before " + turn] = json.loads(before)["verdict"] if before.startswith(b"{") else None
            found[turn], found["after " + turn], found["options " + turn] = take(schema, facts, folder, profile, rounds)
    return found


def faults(found):
    """What may not be, of one schema."""
    texts = []
    for turn in TURNS:
        if found[turn].startswith("wrong"):
            texts.append(f"{turn}: {found[turn]}")
        if found["before " + turn] == "yes":
            texts.append(f"{turn}: the broken store is called good")
        if found[turn] == "right" and found["after " + turn] == "no":
            texts.append(f"{turn}: the repaired store is called bad")
    return texts


@unittest.skipUnless(KMFIXTURE, "kmfixture is not there")
class Schemas(unittest.TestCase):
    def test_never_wrong(self):
        counts = {}
        with multiprocessing.Pool(2) as pool:
            for found in pool.imap(judged, SEEDS):
                with self.subTest(seed=found["seed"]):
                    self.assertEqual(faults(found), [], found)
                for turn in TURNS:
                    word = found[turn].partition(":")[0]
                    counts[turn, word] = counts.get((turn, word), 0) + 1
        print("random schemas:", ", ".join(f"{turn} {word} {n}" for (turn, word), n in sorted(counts.items())), file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:]:
        for number in sys.argv[1:]:
            print(json.dumps(judged(int(number)), indent=1))
        sys.exit(0)
    km.main()

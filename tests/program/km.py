"""What the tests of the whole program share: running it, finding the corpus, taking damaged copies."""

import gzip
import hashlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("KM_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
CORPUS = pathlib.Path(os.environ.get("KM_CORPUS", SOURCE.parent / "shared" / "corpus"))
PROGRAM = os.environ.get("KMMIGRATE", str(SOURCE / "build" / "release" / "kmmigrate"))

sys.path.insert(0, str(SOURCE / "tests" / "decoder"))

# nohup, and a shell in the background, have what they start ignore them, and kmmigrate then does as well.
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# 1: every case.  Under sanitizers, where a process takes ten times as long and what reads its results is the same, one in
# so many of those that go the same way through the program; the release build's tests take all.
SAMPLE = int(os.environ.get("KM_SAMPLE_EVERY", "1"))

CLEAN, REPAIRED, PROBLEMS_LEFT, TROUBLE, USAGE, CANCELLED = 0, 1, 4, 8, 16, 32


def run(*arguments, **options):
    """Runs kmmigrate; the result has returncode, stdout and stderr (bytes)."""
    return subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=3000,
                          check=False, **options)


def sampled(cases):
    """The cases that are taken: all, or one in SAMPLE."""
    return list(cases)[::SAMPLE]


def in_turn(kinds, number):
    """Of the kinds in which the case of that number can be tried: all, or, where only a sample is taken, the next in turn."""
    return kinds if SAMPLE == 1 else [kinds[number % len(kinds)]]


def on_terminal(command, environment):
    """What a program prints to standard output where that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL,
                          env=environment) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        process.wait()
    os.close(ours)
    return text


def rows(path, table):
    """The rows that `dump --json` gives, with its result."""
    result = run("dump", path, "--table", table, "--json")
    return [json.loads(line) for line in result.stdout.decode("utf-8").splitlines()], result


def builtin_profile():
    """The built-in profile, as kmmigrate-profile(5) has it."""
    text = (SOURCE / "migrate" / "kmmigrate-profile.5").read_text().split(".Bd -literal")[1].split(".Ed")[0]
    return "".join(line for line in text.splitlines(True)[1:] if not line.startswith("\\&;"))


def entries(store, *options):
    """The entries that `list --json` gives."""
    return json.loads(run("list", store, "--json", *options).stdout)["entries"]


def refused_plans(command, store, right, *options):
    """Plans that are not `right`, and texts that are no id of any, which the command does not refuse as it has to:
    (text, exit status, error) of each."""
    wrong = {plan: (TROUBLE, f"--plan: the plan for this store is {right}, not {plan}; nothing was changed.")
             for plan in ("0" * 64, "0123456789", "f" * 8 if right[:8] != "f" * 8 else "e" * 8)}
    no_id = {text: (USAGE, "--plan: expected the id of a plan, or its first 8 or more digits, found " + text)
             for text in ("", right[:7], right + "0", "x" + right[1:], right[:8] + " ")}
    found = {text: run(command, store, "--plan", text, *options) for text in (*wrong, *no_id)}
    return [(text, result.returncode, result.stderr.decode()) for text, result in found.items()
            if result.stdout or result.returncode != {**wrong, **no_id}[text][0]
            or {**wrong, **no_id}[text][1] not in result.stderr.decode()]


def hashlib_of(path):
    """One hash over a file, or over all files of a directory with their names."""
    digest = hashlib.sha256()
    path = pathlib.Path(path)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def corpus_files(*folders):
    """The corpus's databases, compressed as they are; none where the corpus is absent."""
    return [path for folder in folders for path in sorted((CORPUS / folder).glob("*.gz")) if ".txt." not in path.name]


def unpacked(path):
    return bytearray(gzip.decompress(path.read_bytes()))


def exit_status(result):
    """What a test program returns to CTest: 77 when every test of it was skipped."""
    if not result.wasSuccessful():
        return 1
    return 77 if result.testsRun and len(result.skipped) == result.testsRun else 0


def main():
    """As unittest.main(), with the exit status that CTest shows as skipped."""
    import unittest
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    sys.exit(exit_status(program.result))

#!/usr/bin/python3
"""Seeds of the fuzz target of the whole way (way.h): each fixture as it is, with what its description decides, and some more.

    tests/migrate/way_seeds.py KMFIXTURE DIRECTORY

What is there already is written anew only when it is another.
"""

import pathlib
import re
import struct
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
STATES = TESTS.parent / "fixtures" / "states"
PROFILE = (TESTS / "seeds" / "fuzz_profile" / "km55").read_bytes()
SEED_MOST = 512 * 1024  # more than that is slow, and no longer mutated as a whole
SUMS_AS_THEY_ARE = {"damaged-page", "torn-header", "corrupted-copy"}

# (state, arguments, the file that they name by a dot: a certificate of a state, its profile, or km55's)
MORE = [
    ("clean-v1", "--to=V3 --issuing-ca=.", "interrupted-switch-with-file/issuing.der"),
    ("clean-v1", "--to=V1V3 --issuing-ca=. --directory", "interrupted-switch-with-file/issuing.der"),
    ("imported-twice", "--to=V3 --issuing-ca=.", "imported-twice/issuing.der"),
    ("imported-twice", "--profile=. --verify-all", "profile"),
    ("imported-twice", "--directory --at=1999-09-30", None),
    ("imported-twice", "--directory --no-backup", None),
    ("imported-twice-sst", "--profile=. --no-backup", "profile"),
    ("md2-references", "--verify-all --at=2030-01-01", None),
    ("no-settings-table", "--mode=V3 --issuing-ca-is=2", None),
    ("no-settings-table", "--mode=V1", None),
    ("damaged-page", "--salvage", None),
    ("damaged-page", "--salvage --doubtful=keep", None),
    ("corrupted-copy", "--salvage --doubtful=drop", None),
    ("renamed-schema-with-decoys", "--accept-discovered --not-a-list=Counters.Value --superseded=drop", None),
    ("imported-five-times", "--reference=Users.State", None),
    ("imported-five-times", "--not-a-reference=Users.State --keep=3", None),
    ("same-serial-both-good", "--keep=2", None),
    ("forged-over-md2", "--drop=2 --show-secrets", None),
]
# A switch to another CA writes settings, and an entry, in the form that the store has.
MORE += [(state, "--accept-discovered --to=V3 --issuing-ca=.", f"{state}/partner.der") for state in (
    "settings-hex", "key-text", "key-binary", "key-guid", "key-short", "list-several-values", "list-pem", "list-items-count",
    "references-position-0", "references-sha1", "certificate-packed")]


def packed(store, arguments, other, flags):
    """The input that way.h describes."""
    page = struct.unpack_from("<I", store, 236)[0]
    words = "".join(word + "\n" for word in arguments).encode()
    head = b"WAY\1" + struct.pack("<BBHHxxII", flags, 0, page, len(words), len(other), len(store) // page)
    pages = [(i, store[i * page:(i + 1) * page]) for i in range(len(store) // page)]
    return head + words + other + b"".join(struct.pack("<I", i) + p for i, p in pages if any(p))


class Fixtures:
    def __init__(self, kmfixture, scratch):
        self.kmfixture, self.scratch, self.made = kmfixture, scratch, {}

    def run(self, *arguments):
        subprocess.run([self.kmfixture, *arguments], check=True, stdout=subprocess.DEVNULL)

    def store(self, state):
        """Its bytes, and whether it is a directory."""
        if state not in self.made:
            out = self.scratch / state
            self.run(STATES / state / "description.ini", "-o", out)
            file = next(f for f in out.iterdir() if f.name.lower() == "kmsmdb.edb") if out.is_dir() else out
            self.made[state] = file.read_bytes(), out.is_dir()
        return self.made[state]

    def file(self, name):
        if name is None or name == "profile":
            return PROFILE if name else b""
        state, _, certificate = name.partition("/")
        if certificate.endswith(".ini"):
            return (STATES / state / certificate).read_bytes()
        folder = self.scratch / (state + ".certs")
        if not folder.exists():
            self.run("--certs", folder, STATES / state / "description.ini")
        return (folder / certificate).read_bytes()


def cases():
    for state in sorted(path.parent.name for path in STATES.glob("*/description.ini")):
        yield state, "", None
        text = (STATES / state / "description.ini").read_text()
        for options in re.findall(r"^options = (.*)$", text, re.M):
            name = re.search(r"\{(.*)\}", options) or re.search(r"--profile (\S+\.ini)", options)
            options = re.sub(r" (?!--)", "=", re.sub(r"\{.*\}|\S+\.ini", ".", options))
            yield state, options, f"{state}/{name[1]}" if name else None
    yield from MORE


def main(kmfixture, target):
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        fixtures = Fixtures(kmfixture, pathlib.Path(scratch))
        for state, options, name in cases():
            store, directory = fixtures.store(state)
            arguments = options.split() + (["--directory"] if directory else [])
            seed = packed(store, arguments, fixtures.file(name), 1 if state in SUMS_AS_THEY_ARE else 0)
            file = target / (state + options.replace("=.", "").replace(" ", ""))
            if len(seed) <= SEED_MOST and not (file.exists() and file.read_bytes() == seed):
                file.write_bytes(seed)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))

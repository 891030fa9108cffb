#!/usr/bin/python3
"""Stands in for kmmigrate and keeps what a test repairs as a seed of the fuzz target of the whole way (way.h), deflated:

    KM_WAY_REAL=build/release/kmmigrate KM_WAY_SEEDS=DIR KMMIGRATE=tests/migrate/way_record.py ctest ... -R test_decide

tests/seeds/fuzz_way has the smallest one of each command line, named by that; and NAME.2, NAME.3 and so on, each of which
ran something that those and way_seeds.py's did not (libFuzzer's -merge=1 told).
"""

import hashlib
import os
import pathlib
import sys
import zlib

from way_seeds import packed

TAKEN = ("--superseded", "--verify-all", "--accept-discovered", "--at", "--mode", "--issuing-ca-is", "--to", "--no-backup",
         "--trust", "--keep", "--drop", "--reference", "--not-a-reference", "--not-a-list", "--salvage", "--doubtful")
FILES = ("--profile", "--issuing-ca")
FLAGS = ("--verify-all", "--accept-discovered", "--no-backup", "--salvage")
DEFLATED = b"WAY\2"


def parsed(arguments):
    """(the store's path, arguments of the seed, bytes of the file they name)"""
    store, words, other = None, [], b""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            store = store or word
        elif name in TAKEN or name in FILES or name in ("-o", "--plan", "--logs", "--html", "--schema-from", "--drop-index"):
            if name not in FLAGS and not equals and rest:
                value = rest.pop(0)
            if name in FILES:
                other, value = pathlib.Path(value).read_bytes(), "."
            if name in TAKEN or name in FILES:
                words.append(name if name in FLAGS else f"{name}={value}")
    return store, words, other


def record(arguments, folder):
    name, words, other = parsed(arguments)
    path = pathlib.Path(name)
    if path.is_dir():
        words.append("--directory")
        path = next(f for f in path.iterdir() if f.name.lower() == "kmsmdb.edb")
    seed = packed(path.read_bytes(), words, other, 1)
    if len(seed) < 512 * 1024:
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(DEFLATED + zlib.compress(seed, 9))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("repair", "migrate", "check"):
        try:
            record(sys.argv[2:], pathlib.Path(os.environ["KM_WAY_SEEDS"]))
        except Exception:  # no store, no file: whatever the test is about, it is none of a seed
            pass
    real = os.environ["KM_WAY_REAL"]
    os.execv(real, [real, *sys.argv[1:]])

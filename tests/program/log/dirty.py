"""The cases of corpus/dirty, unpacked once into a directory that vanishes with the test."""
import contextlib
import os
import pathlib
import re
import sys
import tarfile
import tempfile

CORPUS = pathlib.Path(os.environ.get("KM_CORPUS", "nowhere")) / "dirty"
ARCHIVES = sorted(CORPUS.glob("*.tar.xz"))


def need():
    if not ARCHIVES:
        print(f"skipped: {CORPUS} is not there")
        sys.exit(77)


@contextlib.contextmanager
def unpacked(only=None):
    """Yields the directories of the cases, or of those whose names are in `only`."""
    with tempfile.TemporaryDirectory() as top:
        names = []
        for archive in ARCHIVES:
            name = archive.name.removesuffix(".tar.xz")
            if only is not None and name not in only:
                continue
            with tarfile.open(archive) as tar:
                tar.extractall(top)
            names.append(name)
        yield [pathlib.Path(top) / name for name in names]


def dumped_records(case):
    """What the engine's own dump lists: {file name: [((generation, sector, byte), name)]}."""
    files, current = {}, None
    for line in (case / "engine-dumps.txt").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("##### "):
            current = files.setdefault(line[6:].strip(), [])
        match = re.match(r">([0-9A-F]{8}),([0-9A-F]{4}),([0-9A-F]{4}) (\w+)", line)
        if match and match[4] != "NOP":  # shown for an empty log: no record
            current.append((tuple(int(match[i], 16) for i in (1, 2, 3)), match[4]))
    return files

#!/usr/bin/python3
"""What a repair in place writes, in stores of several sizes: changed pages, undo file, bytes written.  Not a test.

    bench_inplace.py [MEGABYTES]...      default: 10 100 1000

The stores are kmfixture's imported-twice with more users: one CA certificate is in the list twice, and either only the
described users' certificates refer to the copy that goes (few pages change), or every second one does (most pages
change; not over 100 MB, because the changed pages are held in memory).  Bytes written are the kernel's count of what
the process handed to write calls (wchar in /proc/PID/io), without its report; the limit is 4 times the changed pages plus
the undo file.  The backup is off.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
PAGE, USERS_PER_MB = 4096, 640


def measured(*command):
    """Runs a command; its exit status, output, seconds, bytes written without the output, and peak memory in KiB."""
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.monotonic() - started
        counts = dict(line.split(": ") for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        size = output.seek(0, os.SEEK_END)
        return process.returncode, seconds, int(counts["wchar"]) - size, usage.ru_maxrss


def changed_pages(one, other):
    count = 0
    with open(one, "rb") as a, open(other, "rb") as b:
        while True:
            x, y = a.read(PAGE * 256), b.read(PAGE * 256)
            if not x and not y:
                return count
            if x != y:
                count += sum(x[at:at + PAGE] != y[at:at + PAGE] for at in range(0, max(len(x), len(y)), PAGE))


def make(megabytes, entries, store):
    description = store.with_name("description.ini")
    text = (km.SOURCE / "fixtures" / "states" / "imported-twice" / "description.ini").read_text()
    many = f"[many]\nusers = {megabytes * USERS_PER_MB}\nown-entry = 1\nissuer-entries = {entries}\n\n[expect]"
    description.write_text(text.replace("[expect]", many, 1))
    subprocess.run([KMFIXTURE, str(description), "-o", str(store), "--page-size", str(PAGE), "-f"], check=True)


def bench(megabytes, entries, folder):
    store, before = folder / "store.edb", folder / "before.edb"
    make(megabytes, entries, store)
    subprocess.run(["cp", "--sparse=never", str(store), str(before)], check=True)
    status, seconds, written, memory = measured(km.PROGRAM, "repair", store, "--in-place", "--no-backup", "--quiet")
    if status != km.REPAIRED:
        raise SystemExit(f"repair --in-place: exit status {status}")
    undo = folder / "store.edb.kmundo"
    undo_size, pages = undo.stat().st_size, changed_pages(before, store)
    undone = measured(km.PROGRAM, "undo", store)
    same = subprocess.run(["cmp", "-s", str(store), str(before)], check=False).returncode == 0
    changed = pages * PAGE
    print(f"{store.stat().st_size / 1e6:7.1f} MB: {pages} pages changed = {changed} bytes; undo file {undo_size}; written "
          f"{written} = {written / changed:.2f} x pages, {written / (4 * changed + undo_size):.2f} of the limit; "
          f"{seconds:.2f} s, {memory // 1024} MiB; undo {undone[1]:.2f} s, {'same bytes' if same else 'NOT THE SAME'}",
          flush=True)
    return written <= 4 * changed + undo_size and same


def main():
    sizes = [int(argument) for argument in sys.argv[1:]] or [10, 100, 1000]
    ok = True
    for entries, most in (("3", max(sizes)), ("2 3", 100)):
        for megabytes in (size for size in sizes if size <= most):
            with tempfile.TemporaryDirectory() as name:
                ok = bench(megabytes, entries, pathlib.Path(name)) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Benchmarks, each beside a peer on the same file in the same run, as a ratio: never a test.

Time is processor time, of user and system together: other work on the machine disturbs it least, and threads hide
nothing of it.

    cmake --build --preset release --target bench        or: tests/bench.py [NAME ...]

Stores are made by kmfixture.  KM_BENCH_USERS (default 500000: a million user certificates) scales the large one;
KM_BENCH_DIR says where they go (default: a temporary directory, which is removed).
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = os.environ.get("KMMIGRATE", str(SOURCE / "build" / "release" / "kmmigrate"))
KMFIXTURE = os.environ.get("KMFIXTURE", str(SOURCE / "build" / "release" / "kmfixture"))
USERS = int(os.environ.get("KM_BENCH_USERS", "500000"))
LOG_BYTES = 256 * 1024 * 1024
RUNS = 3


def measure(command, accepted=(0,), runs=RUNS, output=None, before=None):
    """The best of some runs, the file warm: (seconds of processor time, peak memory in MiB).  before: what is run before
    each, and does not count."""
    best, peak = None, 0
    for _ in range(runs):
        if before:
            subprocess.run(["sh", "-c", before], check=True)
        with open(output or os.devnull, "wb") as to:
            process = subprocess.Popen([str(word) for word in command], stdout=to, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        code = os.waitstatus_to_exitcode(status)
        if code not in accepted:
            sys.exit(f"{' '.join(map(str, command))}: exit status {code}")
        best = seconds if best is None else min(best, seconds)
        peak = max(peak, usage.ru_maxrss / 1024)
    return best, peak


def line(what, ours, peer_name, peer, aim):
    print(f"{what:34} {ours[0]:9.3f} s {ours[1]:7.1f} MiB   {peer_name:12} {peer[0]:9.3f} s   "
          f"ratio {ours[0] / peer[0]:7.2f}   aim {aim}", flush=True)


def make(where, name, *options):
    path = where / name
    if not path.exists():
        subprocess.run([KMFIXTURE, *map(str, options), "-o", str(path)], check=True, stdout=subprocess.DEVNULL)
    print(f"{name}: {path.stat().st_size / 1e6:.1f} MB: kmfixture {' '.join(map(str, options))}", flush=True)
    return path


def bench_dump(where):
    """Every table, against libesedb's exporter."""
    for page_size in (4096, 32768):
        path = make(where, f"dump-{page_size}.edb", "--users", 15000, "--entries", 200, "--revision", "0x14",
                    "--page-size", page_size)
        ours = measure([PROGRAM, "dump", path, "--json"])
        target = where / "exported"
        peer = measure(["sh", "-c", f"rm -rf '{target}'*; esedbexport -t '{target}' '{path}'"], accepted=(0, 1), runs=1)
        line(f"dump of all tables, {page_size}", ours, "esedbexport", peer, "0.02 at most")


def bench_structure(where):
    for name, options in (("dump-4096.edb", ("--users", 15000, "--entries", 200, "--revision", "0x14",
                                             "--page-size", 4096)),
                          ("dump-32768.edb", ("--users", 15000, "--entries", 200, "--revision", "0x14",
                                              "--page-size", 32768)),
                          ("large.edb", ("--users", USERS, "--entries", 10000, "--duplicates"))):
        path = make(where, name, *options)
        ours = measure([PROGRAM, "check", path, "--structure"], runs=10)
        peer = measure(["sh", "-c", f"cat '{path}' >/dev/null"], runs=10)
        line(f"check --structure, {name}", ours, "cat", peer, "1.5 at most")


def large(where):
    return make(where, "large.edb", "--users", USERS, "--entries", 10000, "--duplicates")


def bench_check(where):
    """The main job's verdict and plan, against reading and hashing the file once."""
    path = large(where)
    peer = measure(["openssl", "dgst", "-sha256", path])
    line("check", measure([PROGRAM, "check", path], accepted=(4,)), "openssl", peer, "1.5 at most, 256 MiB")
    line("repair, the plan", measure([PROGRAM, "repair", path], accepted=(4,)), "openssl", peer, "1.5 at most, 256 MiB")


def bench_repair(where):
    """Duplicates dropped, and half of the references moved: a copy against cp and a check; in place against cp.

    Before each run a copy is made and removed: a virtual machine gives memory that is free for some seconds back to its
    host, and getting it again costs whoever writes next several times the writing.  A run of cp comes right behind the
    one before and would never pay it, a repair always."""
    path, new = large(where), where / "repaired.edb"
    warm = f"rm -f '{new}'*; cp '{path}' '{new}'; rm '{new}'"
    copy = measure(["cp", path, new], before=warm)
    check = measure([PROGRAM, "check", path], accepted=(4,))
    peer = copy[0] + check[0], max(copy[1], check[1])
    ours = measure([PROGRAM, "repair", path, "-o", new], accepted=(1,), before=warm)
    line("repair -o, written and verified", ours, "cp, check", peer, "3 at most")
    small = make(where, "moved.edb", "--users", 100000, "--entries", 2000, "--duplicates")
    again = f"rm -f '{new}'*; cp '{small}' '{new}'"
    peer = measure(["sh", "-c", again])
    ours = measure(["sh", "-c", f"{again}; '{PROGRAM}' repair '{new}' --in-place --no-backup"], accepted=(1,))
    line("repair --in-place, 100,000 moved", ours, "cp", peer, "(none)")
    for left in where.glob(f"{new.name}*"):
        left.unlink()


def damage(path, to):
    """A copy of which one page of twenty, by a seed, has 512 bytes of noise somewhere."""
    shutil.copyfile(path, to)
    noise, page = random.Random(1), 4096
    with open(to, "r+b") as file:
        for number in range(2, path.stat().st_size // page):
            if noise.random() < 0.05:
                file.seek(number * page + 512 * noise.randrange(page // 512))
                file.write(noise.randbytes(512))


def bench_salvage(where):
    """A sound store, and one with 5 % of its pages damaged, against compact of the sound one."""
    path, damaged, new = large(where), where / "damaged.edb", where / "new.edb"
    damage(path, damaged)
    peer = measure(["sh", "-c", f"rm -f '{new}'; '{PROGRAM}' compact '{path}' -o '{new}'"])
    for name, store in (("salvage, sound", path), ("salvage, 5 % damaged", damaged)):
        ours = measure(["sh", "-c", f"rm -f '{new}'*; '{PROGRAM}' salvage '{store}' -o '{new}'"], accepted=(0, 1, 5))
        line(name, ours, "compact", peer, "2 at most, 256 MiB")
    for left in [damaged, *where.glob(f"{new.name}*")]:
        left.unlink()


def bench_entries(where):
    """The cost of the list alone: ten times the entries."""
    few = make(where, "few.edb", "--users", 1000, "--entries", 1000, "--duplicates")
    many = make(where, "many.edb", "--users", 1000, "--entries", 10000, "--duplicates")
    ours = measure([PROGRAM, "repair", many], accepted=(4,), runs=5)
    peer = measure([PROGRAM, "repair", few], accepted=(4,), runs=5)
    line("repair, 10,000 entries", ours, "1,000", peer, "11 at most")


def wall(command, accepted=(0,)):
    """The best wall clock of some runs, in seconds."""
    best = None
    for _ in range(RUNS):
        start = time.monotonic()
        code = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode
        seconds = time.monotonic() - start
        if code not in accepted:
            sys.exit(f"{' '.join(map(str, command))}: exit status {code}")
        best = seconds if best is None else min(best, seconds)
    return best


def bench_recover(where):
    """The whole command on 256 MB of logs, written and verified, against sha256sum of the same logs: a small database,
    whose pages change in turn; and, summed as well, a large one with changes in more pages than there are frames for
    (they go to a file), four fifths of them in a fifth of the pages."""
    for name, users, pages, skew in (("4,000 pages", 20000, 4000, 1), ("60,000 pages", 220000, 60000, 7)):
        store = make(where, f"logged-{users}.edb", "--users", users, "--revision", "0x14")
        folder, new = where / f"logs-{users}", where / "recovered.edb"
        # In a process of its own: what that takes would count as the measured programs'.
        subprocess.run([sys.executable, SOURCE / "tests" / "program" / "log" / "makelogs.py", store, folder, str(LOG_BYTES),
                        str(pages), str(skew)], check=True)
        logs = sorted(folder.glob("*.log"))
        recover = ["sh", "-c", f"rm -f '{new}'; '{PROGRAM}' recover '{folder / 'd.edb'}' -o '{new}'"]
        summed = ["sha256sum", *logs, *([folder / "d.edb"] if skew != 1 else [])]
        ours, peer = measure(recover, accepted=(1,)), measure(summed)
        line(f"recover -o, {name}", ours, "sha256sum", peer, "3 at most, 256 MiB")
        print(f"{'':34} wall clock {wall(recover, (1,)):7.3f} s, of sha256sum {wall(summed):7.3f} s", flush=True)
        shutil.rmtree(folder)
        new.unlink()


def bench_write(where):
    """Building a store, and compacting it, against copying it."""
    path = where / "large.edb"
    path.unlink(missing_ok=True)
    build = measure([KMFIXTURE, "--users", USERS, "--entries", 10000, "--duplicates", "-o", path], runs=1)
    copy = where / "copy.edb"
    peer = measure(["sh", "-c", f"rm -f '{copy}'; cp '{path}' '{copy}'; sync -f '{copy}'"])
    line(f"building {path.stat().st_size / 1e6:.0f} MB", build, "cp, sync", peer, "(none; keys and signatures too)")
    new = where / "compact.edb"
    ours = measure(["sh", "-c", f"rm -f '{new}'; '{PROGRAM}' compact '{path}' -o '{new}'"])
    line("compact", ours, "cp, sync", peer, "5 at most, 128 MiB")
    new.unlink()
    copy.unlink()


BENCHES = {"dump": bench_dump, "structure": bench_structure, "check": bench_check, "repair": bench_repair,
           "salvage": bench_salvage, "entries": bench_entries, "recover": bench_recover,
           "write": bench_write}


def main():
    wanted = sys.argv[1:] or list(BENCHES)
    folder = os.environ.get("KM_BENCH_DIR")
    where = pathlib.Path(folder or tempfile.mkdtemp(prefix="kmmigrate-bench-"))
    where.mkdir(exist_ok=True)
    try:
        for name in wanted:
            print(f"-- {name}: {(BENCHES[name].__doc__ or '').strip()}", flush=True)
            BENCHES[name](where)
    finally:
        if not folder:
            shutil.rmtree(where)


if __name__ == "__main__":
    main()

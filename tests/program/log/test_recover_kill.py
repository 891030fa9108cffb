"""`recover` that is killed, torn, refused or interrupted at every system call below its directory.

Whatever happens, the database and its logs are what they were, and under the target's name there is nothing or the
whole recovered copy.  (kill/faults.c is preloaded, as for the repairs in place.)
"""
import errno
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
import dirty
import km

EVERY = int(os.environ.get("KM_STRIKE_EVERY", "1"))
COMPILER = shutil.which(os.environ.get("CC", "cc"))
LEFT_OVER = re.compile(r"\..*\.tmp|.*\.kmmigrate-......")


def tree(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


@unittest.skipUnless(COMPILER, "no C compiler")
class Struck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-kill-", dir="/dev/shm" if os.access(
            "/dev/shm", os.W_OK) else None)).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.library = cls.folder / "faults.so"
        source = pathlib.Path(__file__).parents[1] / "kill" / "faults.c"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(cls.library), str(source),
                        "-ldl"], check=True)
        with dirty.unpacked(["empty-4k", "uncommitted-4k"]) as (empty, uncommitted):
            cls.file = cls.folder / "file"
            shutil.copytree(uncommitted / "killed", cls.file / "killed")
            cls.directory = cls.folder / "directory"
            shutil.copytree(empty / "killed", cls.directory / "Kmsdata")
            (cls.directory / "Kmsdata" / "d.edb").rename(cls.directory / "Kmsdata" / "Kmsmdb.edb")
            (cls.directory / "Kmsdata" / "kmserver.pwd").write_bytes(b"another file")

    def run_with(self, here, command, **settings):
        log = self.folder / "calls"
        log.unlink(missing_ok=True)
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "KM_FAULT_BELOW": str(here),
                       "KM_FAULT_LOG": str(log), **{f"KM_FAULT_{name}": str(value) for name, value in settings.items()}}
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        result = km.run(*command, cwd=here, env=environment)
        calls = [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []
        return result, calls

    def struck(self, here, command, target, **settings):
        """Every call, in every way; returns how often."""
        for path in target.parent.iterdir():
            if path.name.startswith("New"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        before = tree(here)
        result, calls = self.run_with(here, command, **settings)
        self.assertEqual(result.returncode, km.REPAIRED, result.stderr.decode())
        whole = tree(target) if target.is_dir() else target.read_bytes()
        count = 0
        for number in range(EVERY, len(calls) + 1, EVERY):
            ways = ["kill", errno.EIO, errno.ENOSPC, "interrupt"]
            ways += ["torn"] if calls[number - 1].startswith(("write", "pwrite")) else []
            for way in ways:
                shutil.rmtree(target, ignore_errors=True)
                target.unlink(missing_ok=True)
                with self.subTest(f"{calls[number - 1]} {number} {way} {settings}"):
                    result, _ = self.run_with(here, command, AT=number, DO=way, **settings)
                    now = tree(here)
                    made = {name: now.pop(name) for name in list(now) if name not in before}
                    self.assertEqual(now, before, "the original was changed")
                    if target.exists():
                        self.assertEqual(tree(target) if target.is_dir() else target.read_bytes(), whole)
                    else:
                        self.assertNotEqual(result.returncode, km.REPAIRED)
                    # It had time to clean up, unless cleaning up is what failed.
                    if way not in ("kill", "torn") and not calls[number - 1].startswith("unlink"):
                        self.assertEqual([name for name in made if LEFT_OVER.fullmatch(name.split("/")[0])], [])
                    count += 1
                for path in here.iterdir():  # what a killed process leaves over
                    if LEFT_OVER.fullmatch(path.name):
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(target, ignore_errors=True)
        target.unlink(missing_ok=True)
        return count

    def test_a_file(self):
        command = ["recover", "killed/d.edb", "-o", "New.edb"]
        count = self.struck(self.file, command, self.file / "New.edb")
        count += self.struck(self.file, command, self.file / "New.edb", NAMED=1)
        print(f"a recovery of a file struck {count} times")
        self.assertGreater(count * EVERY, 40)

    def test_files_that_change_meanwhile(self):
        """A log or the database that somebody writes to while it is read: stopped at each call that reads, then changed."""
        here, target = self.file, self.file / "New.edb"
        before = tree(here)
        _, calls = self.run_with(here, ["recover", "killed/d.edb", "-o", "New.edb"], READS=1)
        target.unlink()
        refused = written = 0
        for number in range(1, len(calls) + 1, max(1, len(calls) // 12)):
            for name in ("d.edb", "edb00000004.log"):
                environment = {**os.environ, "LD_PRELOAD": str(self.library), "KM_FAULT_BELOW": str(here),
                               "KM_FAULT_READS": "1", "KM_FAULT_AT": str(number), "KM_FAULT_DO": f"signal-{signal.SIGSTOP:d}"}
                environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
                process = subprocess.Popen([km.PROGRAM, "recover", "killed/d.edb", "-o", "New.edb"], cwd=here, env=environment,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                _, status = os.waitpid(process.pid, os.WUNTRACED)
                self.assertTrue(os.WIFSTOPPED(status), (number, status))
                path = here / "killed" / name
                with open(path, "r+b") as file:  # the same bytes: that it was written to is what counts
                    file.write(before[f"killed/{name}"][:1])
                os.utime(path)
                process.send_signal(signal.SIGCONT)
                error = process.communicate()[1].decode()
                if process.returncode == km.REPAIRED:  # it had not been opened yet, or was read already
                    written += 1
                    target.unlink()
                else:
                    self.assertEqual(process.returncode, km.TROUBLE, error)
                    self.assertIn("changed while it was read", error)
                    self.assertFalse(target.exists())
                    refused += 1
                self.assertEqual(tree(here), before)
        print(f"files changed meanwhile: {refused} recoveries refused, {written} that had not read them or were done with them")
        self.assertGreater(refused, 3)

    def test_a_directory(self):
        """Kmsdata: the copy has the database and the other files, and no logs."""
        target = self.directory / "New"
        count = self.struck(self.directory, ["recover", "Kmsdata", "-o", "New"], target)
        print(f"a recovery of a directory struck {count} times")
        self.assertGreater(count * EVERY, 40)
        self.assertEqual(km.run("recover", "Kmsdata", "-o", "New", cwd=self.directory).returncode, km.REPAIRED)
        self.assertEqual(sorted(path.name for path in target.iterdir()), ["Kmsmdb.edb", "kmserver.pwd"])
        self.assertEqual(km.run("check", "--structure", "New/Kmsmdb.edb", cwd=self.directory).returncode, km.CLEAN)


if __name__ == "__main__":
    dirty.need()
    km.main()

#!/usr/bin/python3
"""The progress bar: on a terminal, for what takes over a second, in one line that fits, and gone when it is done.

Reading is made slow with strace, and the terminal is a pseudo terminal, whose bytes are looked at.
"""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))


def traced():
    """May strace delay calls here?"""
    return shutil.which("strace") and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False,
                                                     capture_output=True).returncode == 0


@unittest.skipUnless(traced(), "strace is not installed, or may not trace")
class Progress(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # LeakSanitizer does not work where strace is.
        os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.store, cls.repaired = cls.folder / "store.edb", cls.folder / "repaired.edb"
        subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states/imported-twice/description.ini"), "-o",
                        str(cls.store)], check=True, capture_output=True)
        km.run("repair", cls.store, "-o", cls.repaired)

    def terminal(self, *arguments, delay=50, calls="pread64", environment=None, **more):
        """What a terminal gets as standard error."""
        master, slave = pty.openpty()
        variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TERM")}
        variables.update({"TERM": "xterm", "COLUMNS": "80"}, **(environment or {}))
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
                   f"inject={calls}:delay_enter={delay * 1000}", km.PROGRAM, *map(str, arguments)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave, env=variables,
                              **more) as process:
            os.close(slave)
            text = b""
            while True:
                try:
                    piece = os.read(master, 4096)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
            process.wait(timeout=3000)
        os.close(master)
        return text.decode()

    def bars(self, text):
        """The lines of the bar, one after the other; each is drawn over the last."""
        self.assertNotIn("\n", re.sub(r"kmmigrate: [^\n]*\r\n", "", text))
        return [line.removesuffix("\x1b[K") for line in text.split("\r") if line not in ("", "\x1b[K")]

    def test_a_bar_with_time_left_that_is_gone_at_the_end(self):
        text = self.terminal("check", self.store)
        self.assertTrue(text.endswith("\r\x1b[K"), repr(text[-60:]))
        shown = self.bars(text)
        self.assertGreater(len(shown), 2, text)
        for line in shown:
            self.assertRegex(line, r"^(checking|judging) \[#* *\] +\d+%(, \d+ (s|min) left)?$")

    def test_it_fits_the_terminal(self):
        for columns in 120, 40, 20, 8:
            with self.subTest(columns):
                shown = self.bars(self.terminal("check", self.store, environment={"COLUMNS": str(columns)}))
                self.assertGreater(len(shown), 2)
                self.assertLess(max(map(len, shown)), columns)
                self.assertEqual("[" in shown[-1], columns > 38)

    def test_whatever_takes_long(self):
        for what, delay, arguments in (("checking", 50, ["check", "--structure", self.store]),
                                       ("comparing", 1100, ["diff", self.store, self.repaired]),
                                       ("dumping", 1100, ["dump", self.store])):
            with self.subTest(what):
                text = self.terminal(*arguments, delay=delay)
                self.assertTrue(any(line.startswith(f"{what} ") for line in self.bars(text)), text)
                self.assertTrue(text.endswith("\r\x1b[K"))

    def test_none_where_nobody_looks(self):
        self.assertEqual(self.terminal("check", self.store, "--quiet"), "")
        self.assertEqual(self.terminal("check", self.store, environment={"TERM": "dumb"}), "")
        self.assertEqual(self.terminal("check", self.store, delay=0), "")
        result = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pread64", "-e",
                                 "inject=pread64:delay_enter=50000", km.PROGRAM, "check", self.store],
                                stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(result.stderr, b"")


if __name__ == "__main__":
    km.main()

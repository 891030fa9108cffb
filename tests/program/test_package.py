#!/usr/bin/python3
"""The Debian package that CPack makes, what its README names, and how the scripts install what they need."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import km

BUILD = pathlib.Path(km.PROGRAM).resolve().parent


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in "cpack", "dpkg-deb", "dpkg-shlibdeps", "file":
            if not shutil.which(tool):
                raise unittest.SkipTest(f"{tool} is not installed")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        made = subprocess.run(["cpack", "-G", "DEB", "-B", folder.name, "--config", BUILD / "CPackConfig.cmake"],
                              cwd=BUILD, capture_output=True, text=True, check=False)
        packages = list(pathlib.Path(folder.name).glob("*.deb"))
        if made.returncode or len(packages) != 1:
            raise AssertionError(made.stdout + made.stderr)
        cls.package, cls.root = packages[0], pathlib.Path(folder.name) / "root"
        subprocess.run(["dpkg-deb", "-x", cls.package, cls.root], check=True)
        cls.files = {str(path.relative_to(cls.root)) for path in cls.root.rglob("*") if not path.is_dir()}

    def test_what_is_in_it(self):
        doc, share = "usr/share/doc/kmmigrate", "usr/share"
        self.assertEqual(self.files, {
            "usr/bin/kmmigrate", f"{share}/man/man8/kmmigrate.8.gz", f"{share}/man/man5/kmmigrate-profile.5.gz",
            f"{share}/bash-completion/completions/kmmigrate", f"{share}/zsh/vendor-completions/_kmmigrate",
            f"{share}/fish/vendor_completions.d/kmmigrate.fish", f"{doc}/README", f"{doc}/changelog.gz",
            f"{doc}/changelog.Debian.gz", f"{doc}/copyright", f"{share}/kmmigrate/kmmigrate.schema.json"})

    def test_what_is_compressed_is_whole(self):
        share = self.root / "usr/share"
        for packed, source in ((share / "man/man8/kmmigrate.8.gz", "migrate/kmmigrate.8"),
                               (share / "man/man5/kmmigrate-profile.5.gz", "migrate/kmmigrate-profile.5"),
                               (share / "doc/kmmigrate/changelog.gz", "CHANGELOG.md")):
            self.assertEqual(gzip.decompress(packed.read_bytes()), (km.SOURCE / source).read_bytes())

    def test_the_program_in_it_runs(self):
        result = subprocess.run([self.root / "usr/bin/kmmigrate", "--version"], capture_output=True, check=True)
        self.assertEqual(result.stdout, km.run("--version").stdout)

    def test_the_readme_names_only_what_is_installed(self):
        text = (self.root / "usr/share/doc/kmmigrate/README").read_text()
        for page, number in re.findall(r"([a-z-]+)\(([0-9])\)", text):
            self.assertIn(f"usr/share/man/man{number}/{page}.{number}.gz", self.files)
        for name in re.findall(r"^    ([a-z.]+)   .*in this directory", text, re.MULTILINE):
            self.assertIn(f"usr/share/doc/kmmigrate/{name}", self.files)
        self.assertNotRegex(text, r"\b(fixtures|tests|formats|migrate|build)/|\.sh\b|cmake|\.md\b")
        commands = set(re.findall(r"^  ([a-z]+) +[A-Z]", km.run("--help").stdout.decode(), re.MULTILINE))
        named = set(re.findall(r'(?:^    |")kmmigrate ([a-z]+)', text, re.MULTILINE))
        self.assertTrue(named)
        self.assertLessEqual(named, commands)

    def test_lintian(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        result = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", self.package],
                                capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_hardening(self):
        """A position-independent program, bound at once, with guarded stacks and checked copies."""
        if not shutil.which("readelf"):
            self.skipTest("readelf is not installed")
        def of(*arguments):
            return subprocess.run(["readelf", "-W", *arguments, self.root / "usr/bin/kmmigrate"], capture_output=True,
                                  text=True, check=True).stdout
        self.assertIn("DYN (Position-Independent", of("-h"))
        self.assertRegex(of("-d"), r"FLAGS.*\b(BIND_)?NOW\b")
        self.assertRegex(of("-l"), r"GNU_STACK.* RW ")
        cache = (BUILD / "CMakeCache.txt").read_text()
        symbols = of("--dyn-syms")
        self.assertIn("__stack_chk_fail", symbols)
        if re.search("^CMAKE_BUILD_TYPE:[A-Z]*=RelWithDebInfo", cache, re.MULTILINE):
            self.assertRegex(symbols, r"__\w+_chk\b(?<!__stack_chk)")
        if re.search("^KM_HAS_fcf_protection_full:INTERNAL=1", cache, re.MULTILINE):
            # The mark in the notes needs a C library that has it, too; the landing places of jumps do not.
            code = (self.root / "usr/bin/kmmigrate").read_bytes()
            self.assertGreater(code.count(bytes.fromhex("f30f1efa")), 500)


class Installing(unittest.TestCase):
    """tests/packages.sh with an apt-get that only says what it was asked."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tool("dpkg-query", 'case $4 in have*) echo installed ;; *) exit 1 ;; esac')
        self.tool("sudo", 'exec "$@"')

    def tool(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def install(self, *packages):
        script = '. "$1"; shift; km_install "$@"'
        return subprocess.run(["sh", "-c", script, "sh", km.SOURCE / "tests" / "packages.sh", *packages],
                              cwd=self.folder, capture_output=True, text=True, check=False,
                              env=dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}"))

    def test_nothing_is_missing(self):
        self.tool("apt-get", "exit 1")
        result = self.install("have-a", "have-b")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "needs: have-a have-b\n", ""))

    def test_only_what_is_missing_is_asked_for(self):
        self.tool("apt-get", 'echo "apt-get $*"; seq 500')
        result = self.install("have-a", "new-b", "new-c")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines(), [
            "needs: have-a new-b new-c", "installing (build/logs/apt.log): new-b new-c"])
        log = (self.folder / "build" / "logs" / "apt.log").read_text()
        asked = next(line for line in log.splitlines() if " install " in line)
        self.assertRegex(asked, r"--no-upgrade .*install new-b new-c$")
        self.assertNotIn("have-a", log)

    def test_a_failure_is_shown(self):
        self.tool("apt-get", 'case $* in *update*) exit 0 ;; esac; echo "E: no such package"; exit 100')
        result = self.install("new-b")
        self.assertEqual(result.returncode, 1)
        self.assertIn("E: no such package", result.stderr)
        self.assertIn("error: apt-get could not install: new-b", result.stderr)

    def test_a_list_that_cannot_be_renewed_is_no_reason_to_stop(self):
        self.tool("apt-get", 'case $* in *update*) exit 100 ;; esac')
        result = self.install("new-b")
        self.assertEqual((result.returncode, result.stderr), (0, "warning: apt-get update failed; trying without\n"))


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""Who may read what is written: never anybody who may not read the input.

The kernel itself is asked, as users and groups of every kind, about files with random access control lists, in
directories with and without default lists, on file systems with and without lists.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import unittest

import km
from test_fixtures import KMFIXTURE, database
from test_inplace import LOGS, Store

USERS = (1001, 1002, 1003)
GROUPS = (2001, 2002, 2003)
IDENTITIES = [(user, groups) for user in (*USERS, 1009) for groups in ((2009,), (2001,), (2002,), (2001, 2002), (2003,))]


def rights(path):
    """{(user, groups): what the kernel lets them do with the file itself}."""
    fd = os.open(path, os.O_PATH)
    try:
        found = {}
        for user, groups in IDENTITIES:
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.setgroups(groups)
                os.setresgid(groups[0], groups[0], groups[0])
                os.setresuid(user, user, user)
                may = [os.access(f"/proc/self/fd/{fd}", mode) for mode in (os.R_OK, os.W_OK, os.X_OK)]
                os.write(write, bytes(may))
                os._exit(0)
            os.close(write)
            found[user, groups] = tuple(os.read(read, 3))
            os.close(read)
            os.waitpid(child, 0)
        return found
    finally:
        os.close(fd)


def facl(path):
    text = subprocess.run(["getfacl", "-np", "--omit-header", path], check=True, capture_output=True, text=True).stdout
    return sorted(line for line in text.splitlines() if line)


def set_facl(path, *entries):
    subprocess.run(["setfacl", *[part for entry in entries for part in ("-m", entry)], path], check=True)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
@unittest.skipUnless(shutil.which("setfacl") and os.geteuid() == 0, "setfacl is not there, or this is not root")
class Access(Store):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        try:
            probe = self.folder / "probe"
            probe.touch()
            set_facl(probe, "u:1001:r")
            probe.unlink()
        except subprocess.CalledProcessError:
            self.skipTest("no access control lists here")

    def not_wider(self, old, new, title=""):
        before, after = rights(old), rights(new)
        for who, may in after.items():
            for before_may, after_may in zip(before[who], may):
                self.assertLessEqual(after_may, before_may, f"{title} {who}: {facl(old)} became {facl(new)}")

    def kept(self, path):
        """An empty file with the owner and rights of a file that may be set aside before it is looked at."""
        if path.is_dir():
            return path
        kept = self.folder.parent / f"{self.folder.name}.{path.name}.rights"
        self.addCleanup(kept.unlink, missing_ok=True)
        kept.touch()
        os.chown(kept, path.stat().st_uid, path.stat().st_gid)
        text = subprocess.run(["getfacl", "-np", path], check=True, capture_output=True).stdout
        subprocess.run(["setfacl", "--set-file=-", kept], check=True, input=text)
        return kept

    def written(self, store, *more):
        """Everything that -o and --in-place make of a store: [(the input of it, it)]."""
        new = self.folder / "new"
        report = json.loads(self.expect(km.REPAIRED, "repair", store, "-o", new, "--json", *more).stdout)
        found = [(database(store), pathlib.Path(report["written"]["path"])),
                 (database(store), pathlib.Path(report["written"]["quarantine"]))]
        if store.is_dir():
            found += [(store, new), (store, new / "set-aside")] + [(path, new / path.name) for path in store.iterdir() if (new / path.name).exists()]
            found += [(store / path.name, path) for path in (new / "set-aside").iterdir()]
            found = [(self.kept(old), new) for old, new in found]
        report = json.loads(self.expect(km.REPAIRED, "repair", store, "--in-place", "--json", *more).stdout)["written"]
        self.assertEqual(report["permissions"], "kept")
        found += [(self.kept(database(store)), pathlib.Path(report[key])) for key in ("quarantine", "undo")]
        backup = pathlib.Path(report["backup"])
        if store.is_dir():
            found += [(store, backup), (store, pathlib.Path(report["set_aside"]))] + [(store / path.name, path) for path in backup.iterdir()
                                          if (store / path.name).exists() and path.name not in LOGS]
        else:
            found.append((store, backup))
        return found

    def test_mask_is_not_the_group_s_bits(self):
        store = self.fixture("settings-name-the-loser")
        os.chown(store, 1001, 2001)
        store.chmod(0o600)
        set_facl(store, "g::---", "u:1002:rw")
        self.assertEqual(store.stat().st_mode & 0o070, 0o060)
        for old, new in self.written(store):
            self.assertEqual(facl(new), facl(old), new)
            self.assertEqual((new.stat().st_uid, new.stat().st_gid), (1001, 2001))

    def test_default_list_of_the_directory(self):
        set_facl(self.folder, "d:u:1003:rwx", "d:g:2003:rwx", "d:o::rwx", "d:g::rwx")
        for kind in ("file", "directory"):
            with self.subTest(kind):
                name = "settings-name-the-loser"
                store = self.fixture(name) if kind == "file" else self.directory(name)
                for path in [store, *(store.iterdir() if store.is_dir() else [])]:
                    subprocess.run(["setfacl", "-b", "-k", path], check=True)
                    path.chmod(0o750 if path.is_dir() else 0o640)
                for old, new in self.written(store):
                    self.assertEqual(facl(new), facl(old), new)
                for path in self.folder.iterdir():
                    (shutil.rmtree if path.is_dir() else os.unlink)(path)

    def test_directory_with_lists(self):
        store = self.directory("settings-name-the-loser")
        set_facl(store, "u:1002:rx", "g::---", "d:u:1002:r", "d:g::---", "d:o::---")
        set_facl(store / "edb.log", "u:1003:r")
        os.chown(store, 1001, 2001)
        os.chown(store / "Kmspwd.ini", 1002, 2002)
        for old, new in self.written(store):
            self.assertEqual((new.stat().st_uid, new.stat().st_gid), (old.stat().st_uid, old.stat().st_gid), new)
            self.assertEqual(facl(new), facl(old), new)

    def random_list(self, chance, path):
        def some():
            return "".join(c if chance.random() < 0.5 else "-" for c in "rwx")

        os.chown(path, chance.choice(USERS), chance.choice(GROUPS))
        path.chmod(chance.randrange(0o1000) | 0o400)
        entries = [f"u:{user}:{some()}" for user in USERS if chance.random() < 0.5]
        entries += [f"g:{group}:{some()}" for group in GROUPS if chance.random() < 0.5]
        if entries:
            set_facl(path, *entries)
        if entries and chance.random() < 0.5:
            set_facl(path, f"g::{some()}", f"m::{some()}")

    def other_file_system(self, kind):
        """One that knows no lists."""
        mount = self.folder / kind
        mount.mkdir()
        if subprocess.run(["mount", "-t", kind, "none", mount], capture_output=True).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", mount], check=True)
        return mount

    def test_random_lists(self):
        """Copied as root here, where there are no lists, and by somebody who may give neither owner nor list away."""
        chance, narrower, kept = random.Random(20261126), 0, 0
        store = self.fixture("clean-v3")
        mount = self.other_file_system("ramfs")
        room = self.folder / "room"
        room.mkdir()
        set_facl(room, "d:u:1003:rwx", "d:g:2003:rwx", "d:o::rwx")
        os.chown(room, 1009, 2009)
        for number in range(14):
            self.random_list(chance, store)
            for folder, who in ((self.folder, {}), (mount, {}), (room, {"user": 1009, "group": 2001, "extra_groups": []})):
                new = folder / f"list{number}.pem"
                if km.run("export", store, "--to", new, **who).returncode != km.CLEAN:
                    self.assertEqual(rights(store)[1009, (2001,)][0], 0)
                    continue
                self.not_wider(store, new, folder.name) if not who else self.not_wider_but_owner(store, new)
                narrower += facl(new) != facl(store)
                kept += facl(new) == facl(store)
                if folder == self.folder:
                    self.assertEqual(facl(new), facl(store))
        print(f"{narrower + kept} copies of files with random lists: {kept} kept, {narrower} narrower, none wider")
        self.assertGreater(min(narrower, kept), 5)

    def not_wider_but_owner(self, old, new):
        """Whoever makes a copy for himself owns it."""
        before, after = rights(old), rights(new)
        for (user, groups), may in after.items():
            if user != new.stat().st_uid:
                for one, other in zip(before[user, groups], may):
                    self.assertLessEqual(other, one, f"{user} {groups}: {facl(old)} became {facl(new)}")

    def test_the_report_says_so(self):
        store = self.fixture("settings-name-the-loser")
        set_facl(store, "u:1002:rw")
        mount = self.other_file_system("ramfs")
        text = self.expect(km.REPAIRED, "repair", store, "-o", mount / "new").stdout.decode()
        self.assertIn("narrower than the input's", text)
        text = self.expect(km.REPAIRED, "repair", store, "-o", self.folder / "new").stdout.decode()
        self.assertNotIn("narrower", text)


if __name__ == "__main__":
    km.main()

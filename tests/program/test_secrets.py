#!/usr/bin/python3
"""Values that are not shown: what a profile marks as secret, and what a name makes look secret in any table."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))

SECRET, OPEN = "hidden-0815", "plain-4711"
NAMES = ("Secret", "LogonPassword", "pwd_hash", "Private_Key", "KeyHistory2", "PRIVATEKEYBLOB", "Client Secret", "PassPhrase")

STORE = f"""
[store]
seed = secrets
mode = V1

[certificate own]
version = 1
subject = O=Trey Research, CN=KM Server CA

[entry 1]
certificate = own
role = own

[user 1]
key-history = {SECRET.encode().hex()}

[administrator 1]
name = EMMA
secret = {SECRET.encode().hex()}

[table Accounts]
column.1 = Id Long
column.2 = Comment Text
{{columns}}
row.1 = 1 | {OPEN} | {{values}}
"""


def description(text=SECRET):
    columns = "\n".join(f"column.{i + 3} = {name.replace(' ', '')} {'Text' if i % 2 else 'LongBinary'}"
                        for i, name in enumerate(NAMES))
    values = " |\n  ".join(text if i % 2 else f"hex:{text.encode().hex()}" for i in range(len(NAMES)))
    return STORE.format(columns=columns, values=values)


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class Secrets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store = self.made("store.edb", description())

    def made(self, name, text):
        (self.folder / "description.ini").write_text(text)
        made = subprocess.run([KMFIXTURE, str(self.folder / "description.ini"), "-o", str(self.folder / name)], check=False,
                              capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.folder / name

    def hidden(self, *arguments):
        """Runs as text and as JSON; the secret is in neither, as text or as hex."""
        results = [km.run(*arguments), km.run(*arguments, "--json")]
        for result in results:
            for form in (SECRET.encode(), SECRET.encode().hex().encode(), SECRET.encode("utf-16-le").hex().encode()):
                self.assertNotIn(form, result.stdout + result.stderr)
        return results

    def test_dump(self):
        text, as_json = self.hidden("dump", self.store, "--table", "Accounts")
        self.assertIn(OPEN.encode(), text.stdout)
        row = json.loads(as_json.stdout)
        shown = {"length": len(SECRET), "sha256": hashlib.sha256(SECRET.encode()).hexdigest()}
        for name in NAMES:
            self.assertEqual(row[name.replace(" ", "")], shown)
        self.assertEqual(row["Comment"], OPEN)

    def test_what_is_only_guessed_can_be_shown(self):
        row = json.loads(km.run("dump", self.store, "--table", "Accounts", "--json", "--show-secrets").stdout)
        self.assertEqual(row["LogonPassword"], SECRET)
        self.assertEqual(row["Secret"], SECRET.encode().hex())

    def test_what_a_profile_marks_is_never_shown(self):
        for table in ("Users", "Administrators"):
            self.hidden("dump", self.store, "--table", table, "--show-secrets")
        profile = self.folder / "profile.ini"
        profile.write_bytes(km.run("profile", self.store).stdout + b"\n[secret.9]\ntable = Accounts\ncolumn = Comment\n")
        for table in ("Accounts",):
            result = km.run("dump", self.store, "--table", table, "--profile", profile, "--show-secrets")
            self.assertEqual(result.returncode, km.CLEAN, result.stderr)
            self.assertNotIn(OPEN.encode(), result.stdout)

    def test_diff(self):
        other = self.made("other.edb", description("other-value"))
        text, _ = self.hidden("diff", self.store, other)
        self.assertIn(b"Accounts", text.stdout)
        self.assertNotIn(b"other-value", text.stdout)
        self.assertIn(SECRET.encode(), km.run("diff", self.store, other, "--show-secrets").stdout)

    def test_everything_else(self):
        for command in (("info",), ("check",), ("list",), ("show", 1), ("settings",), ("profile",), ("repair",)):
            self.hidden(command[0], self.store, *command[1:])

    def test_quarantine(self):
        """A dropped row goes there whole, but for its secrets; --show-secrets keeps those that are only guessed."""
        text = f"""
[store]
seed = quarantine
mode = V1

[schema]
CertificateList.Name = OwnerPassword

[certificate own]
version = 1
subject = O=Trey Research, CN=KM Server CA

[certificate other]
subject = O=Fabrikam, CN=Fabrikam Root

[certificate ber]
same-as = other
form = ber

[entry 1]
certificate = own
role = own

[entry 2]
certificate = ber
name = {SECRET}

[entry 3]
certificate = other
"""
        store = self.made("list.edb", text)
        profile = self.folder / "list.ini"
        draft = km.run("profile", self.store).stdout.decode()
        profile.write_text(draft.replace("name = Name\n", "name = OwnerPassword\n", 1))
        for command in (("list",), ("show", 2), ("check",), ("repair",), ("dump", "--table", "CertificateList")):
            self.hidden(command[0], store, *command[1:], "--profile", profile)
        for option, shown in ((), False), (("--show-secrets",), True):
            with self.subTest(shown=shown):
                new = self.folder / f"new-{shown}.edb"
                result = km.run("repair", store, "-o", new, "--profile", profile, *option, "--json")
                self.assertEqual(result.returncode, km.REPAIRED, result.stderr)
                self.assertEqual(SECRET.encode() in result.stdout, shown)
                self.assertEqual(SECRET.encode() in km.run("repair", store, "--profile", profile, *option).stdout, shown)
                text = pathlib.Path(json.loads(result.stdout)["written"]["quarantine"]).read_text()
                self.assertIn("OwnerPassword", text)
                stored = SECRET.encode("utf-16-le")
                self.assertEqual(stored.hex() in text, shown)
                self.assertEqual(hashlib.sha256(stored).hexdigest() in text, not shown)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""What a certificate list of 1998 may hold that later libraries refuse: input, then problem code and place.

Each case is a small store that kmfixture makes from a description; in each, the rest is still judged, and repaired where
it can be.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))

STORE = """
[store]
seed = bad-list
mode = V1
time = 1999-09-30 12:00

[certificate own]
version = 1
subject = O=Trey Research, CN=KM Server CA
hash = sha1

[certificate other]
subject = O=Fabrikam, CN=Fabrikam Root
{keys}

[entry 1]
certificate = own
role = own

[entry 2]
certificate = other

[entry 3]
certificate = {third}

{more}
[user 1]
state = 3

[user-certificate 1]
user = 1
issuer-entry = 1
"""

TWICE = {"KM-DUP-IDENTICAL"}

# what; keys of the certificate; the certificate of entry 3; further sections; problems; advice; entries they name
CASES = (
    ("nothing is wrong", "", "own2", "", set(), set(), set()),
    ("a negative serial, twice", "serial = -5", "other", "", TWICE, set(), {2, 3}),
    ("the serials -1 and 255 are two", "serial = -1", "twin", "serial = 255", set(), {"KM-REISSUE"}, {2, 3}),
    ("a padded serial is the same serial", "serial = raw 00 05", "twin", "serial = 5", {"KM-DUP-IDENTITY"}, set(), {2, 3}),
    ("serial zero, twice", "serial = 0", "other", "", TWICE, set(), {2, 3}),
    ("a serial of 20 octets, twice", "serial = 0x7f112233445566778899aabbccddeeff00112233", "other", "", TWICE, set(),
     {2, 3}),
    ("a name of more than 64 characters", "subject = O=Fabrikam, CN=" + "A" * 90, "other", "", TWICE, set(), {2, 3}),
    ("a T61 name", "name-encoding = t61\nsubject = O=Fabrikam, CN=Müller", "other", "", TWICE, set(), {2, 3}),
    ("a BMP name", "name-encoding = bmp", "other", "", TWICE, set(), {2, 3}),
    ("one name in T61 and BMP", "name-encoding = t61", "twin", "name-encoding = bmp\nserial = 77", set(),
     {"KM-ENCODINGS"}, {2, 3}),
    ("an MD2 signature", "hash = md2", "other", "", TWICE, {"KM-WEAK"}, {2, 3}),
    ("an MD5 signature", "hash = md5", "other", "", TWICE, {"KM-WEAK"}, {2, 3}),
    ("an RSA key of 512 bits", "key = small", "other", "", TWICE, {"KM-WEAK"}, {2, 3}),
    ("V1 with extensions", "version = 1\nextensions = yes", "other", "", TWICE, set(), {2, 3}),
    ("V3 without extensions", "extensions = no", "other", "", TWICE, set(), {2, 3}),
    ("trailing zeros", "", "twin", "same-as = other\nform = trailing\ntrailing = 00 00 00", {"KM-DUP-RE-ENCODED"}, set(),
     {2, 3}),
    ("indefinite lengths", "", "twin", "same-as = other\nform = ber", {"KM-DUP-RE-ENCODED"}, set(), {2, 3}),
    ("lengths with too many octets", "", "twin", "same-as = other\nform = ber-long", {"KM-DUP-RE-ENCODED"}, set(), {2, 3}),
    ("UTCTime with an offset", "from = 1998-01-01 01:00 +0200", "other", "", TWICE, set(), {2, 3}),
    ("from before 1970", "from = 1951-02-03", "other", "", TWICE, set(), {2, 3}),
    ("until after 2050", "until = 2061-02-03", "other", "", TWICE, set(), {2, 3}),
    ("a CA that signs itself wrongly", "form = corrupted", "other", "", TWICE, set(), {2, 3}),
    ("an entry that is cut", "form = cut\ncut = 200", "own2", "", {"KM-UNPARSABLE"}, set(), {2}),
    ("two entries that are cut", "form = cut\ncut = 200", "other", "", {"KM-UNPARSABLE"}, set(), {2, 3}),
    ("an entry of one byte", "raw = 30", "own2", "", {"KM-UNPARSABLE"}, set(), {2}),
    ("a wrong thumbprint", "", "own2", "THUMB", {"KM-THUMBPRINT"}, set(), {2}),
    ("an expired CA", "until = 1999-01-01", "own2", "", set(), {"KM-EXPIRED"}, {2}),
)


def description(keys, third, more):
    extra = "[key small]\nbits = 512\n\n" if "key = small" in keys else ""
    if third == "own2":
        extra += "[certificate own2]\nsubject = O=Litware, CN=Litware Root\n\n"
    if third == "twin":
        subject = "" if "same-as" in more else "subject = O=Fabrikam, CN=Fabrikam Root\nkey = other\n"
        extra += f"[certificate twin]\n{subject}{more}\n"
    text = STORE.format(keys=keys, third=third, more=extra)
    if "subject" in keys or keys.startswith("raw"):
        text = text.replace("subject = O=Fabrikam, CN=Fabrikam Root\n", "", 1)
    if more == "THUMB":
        text = text.replace("[entry 2]\n", "[entry 2]\nthumbprint = 00112233445566778899aabbccddeeff00112233\n")
    return text


@unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
class BadList(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def store(self, text):
        path = self.folder / "description.ini"
        path.write_text(text, encoding="utf-8")
        made = subprocess.run([KMFIXTURE, str(path), "-o", str(self.folder / "store.edb"), "--force"], check=False,
                              capture_output=True)
        if b"--force" in made.stderr:
            (self.folder / "store.edb").unlink(missing_ok=True)
            made = subprocess.run([KMFIXTURE, str(path), "-o", str(self.folder / "store.edb")], check=False,
                                  capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.folder / "store.edb"

    def test_every_input(self):
        for what, keys, third, more, problems, advice, entries in CASES:
            with self.subTest(what):
                result = km.run("check", self.store(description(keys, third, more)), "--json")
                report = json.loads(result.stdout)
                found = {problem["code"] for problem in report["problems"] if problem["severity"] != "advice"}
                advised = {problem["code"] for problem in report["problems"] if problem["severity"] == "advice"}
                self.assertEqual(found, problems)
                self.assertLessEqual(advice, advised)
                named = {entry for problem in report["problems"] if problem["code"] in problems | advice
                         for entry in problem.get("entries", ())}
                self.assertLessEqual(entries, named | (entries if not problems else set()))
                self.assertEqual(result.returncode, km.PROBLEMS_LEFT if problems else km.CLEAN)

    def test_the_rest_is_still_done(self):
        """A cut entry is left and reported; the duplicate beside it is resolved; exit status 1 + 4."""
        text = description("form = cut\ncut = 200", "own2", "") + "\n[entry 4]\ncertificate = own2\n"
        new = self.folder / "new.edb"
        result = km.run("repair", self.store(text), "-o", new, "--json")
        self.assertEqual(result.returncode, km.REPAIRED | km.PROBLEMS_LEFT, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual([action["action"] for action in report["plan"]["actions"]], ["drop-entry"])
        self.assertEqual({problem["code"] for problem in report["left"] if problem["severity"] != "advice"},
                         {"KM-UNPARSABLE"})

    def test_empty_lists(self):
        for mode, code in (("V1", "KM-NO-OWN"), ("V3", "KM-ISSUING-MISSING")):
            with self.subTest(mode):
                report = json.loads(km.run("check", self.store(f"[store]\nmode = {mode}\n"), "--json").stdout)
                self.assertEqual({p["code"] for p in report["problems"] if p["severity"] != "advice"}, {code})

    def test_a_profile_that_names_what_is_not_there(self):
        profile = self.folder / "profile.ini"
        text = km.run("profile", self.store(description("", "other", ""))).stdout.decode()
        for line, name in (("table = CertificateList", "Nowhere"), ("certificate = Certificate", "Nothing")):
            with self.subTest(line):
                self.assertIn(line, text)
                profile.write_text(text.replace(line, line.split(" = ")[0] + f" = {name}", 1))
                result = km.run("check", self.folder / "store.edb", "--profile", profile)
                self.assertEqual(result.returncode, km.TROUBLE)
                self.assertIn(name.encode(), result.stderr)


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""explain: what a code, an event or an error means, in whatever form people have it."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import km

KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))

# what is asked; the article that tells of it; whether the store can be the cause
KNOWN = (
    ("5002", "Q201057", "no"), ("5005", "Q247814", "the names in it can be"), ("5006", "Q231751", "no"),
    ("5015", "Q274321", "no"), ("5017", "Q218802", "its settings can be"), ("5057", "Q190699", "no"),
    ("5058", "Q190698", "yes"), ("5060", "Q176737", "no"), ("5072", "Q242466", "no"), ("5085", "Q818952", "yes"),
    ("5257", "Q321164", "no"), ("5258", "Q321164", "no"), ("5389", "Q259906", "no"), ("ESE97 101", "Q274321", "no"),
    ("c1031d9c", "Q201057", "no"), ("c1031d9f", "Q218802", "its settings can be"), ("c1031dad", "Q242466", "no"),
    ("c1031daf", "Q242276", "its issuing CA can be"), ("-550", "Q237767", "yes"), ("-1018", "Q151789", "yes"),
    ("-1019", "Q184209", "yes"), ("-1206", "Q233295", "yes"), ("-1605", "Q237422", "yes"), ("-1022", "Q177761", "it can be"),
    ("KM-DUP-IDENTICAL", "Q230780", "yes"),
)


class Explain(unittest.TestCase):
    def explained(self, *asked):
        result = km.run("explain", *asked, "--json")
        self.assertEqual(result.returncode, km.CLEAN, result.stderr)
        return json.loads(result.stdout)

    def test_what_is_known(self):
        for asked, article, store in KNOWN:
            with self.subTest(asked):
                answer = self.explained(asked)
                self.assertIn(article, answer["articles"])
                self.assertEqual(answer["store_is_cause"], store)
                self.assertEqual((answer["schema"], answer["command"], answer["exit"]), (1, "explain", 0))
                text = km.run("explain", asked).stdout.decode()
                for part in ("name", "title", "meaning", "next"):
                    self.assertIn(answer[part], text)

    def test_every_form_of_a_number(self):
        for number, name in ((-1018, "JET_errReadVerifyFailure"), (-1605, "JET_errKeyDuplicate"),
                             (-1022, "JET_errDiskIO"), (-550, "JET_errDatabaseDirtyShutdown")):
            first = self.explained(str(number))
            self.assertIn(name, first["name"])
            unsigned = number + 2**32
            for form in (f"{unsigned:x}", f"{unsigned:X}", f"0x{unsigned:x}", str(unsigned), name, name.lower(), str(-number),
                         f"error {number}", f"Jet error {number}"):
                with self.subTest(form):
                    self.assertEqual(self.explained(form), first)
        for form in ("C1031D9F", "0xc1031d9f", "id no: c1031d9f", str(0xC1031D9F)):
            with self.subTest(form):
                self.assertEqual(self.explained(form), self.explained("c1031d9f"))
        for form in ("event 5058", "Event 5058", "event #5058"):
            with self.subTest(form):
                self.assertEqual(self.explained(form), self.explained("5058"))
        for words in (["event", "5058"], ["ESE97", "101"], ["Jet", "error", "-1018"], ["error", "-550"], ["id", "no:", "c1031d9f"]):
            with self.subTest(words):
                self.assertEqual(self.explained(*words), self.explained(" ".join(words)))

    def test_every_code(self):
        """Of the table, and wherever else in the sources one is named."""
        table = (km.SOURCE / "migrate" / "judge" / "problem.c").read_text()
        self.assertGreater(len(re.findall(r'"(KM-[A-Z0-9-]+)"', table)), 40)
        sources = "".join(path.read_text() for folder in ("migrate", "formats")
                          for path in (km.SOURCE / folder).rglob("*.[ch1-8]"))
        for code in sorted(set(re.findall(r"KM-[A-Z0-9]+(?:-[A-Z0-9]+)*(?!\.\.\.|[A-Z0-9-])", sources))):
            self.assertEqual(self.explained(code)["name"], code)
            self.assertEqual(self.explained(code.lower())["name"], code)

    def test_what_is_not_known(self):
        for asked in ("7", "KM-NO-SUCH", "-99999", "99999999999999999999", "", "JET_errNoSuch", "0x", "event", "event " * 100):
            with self.subTest(asked):
                result = km.run("explain", asked)
                self.assertEqual(result.returncode, km.USAGE)
                self.assertIn(b"is not known", result.stderr)
        self.assertEqual(km.run("explain").returncode, km.USAGE)
        self.assertEqual(km.run("explain", "5058", "5060").returncode, km.USAGE)

    @unittest.skipUnless(os.path.exists(KMFIXTURE), "kmfixture is not built")
    def test_causes_outside_a_sound_store(self):
        """Where the verdict is yes, check lists what else keeps a service from starting; elsewhere it does not."""
        with tempfile.TemporaryDirectory() as folder:
            for state, sound in (("clean-v1", True), ("imported-twice", False), ("issuing-untrusted", False)):
                store = os.path.join(folder, state)
                subprocess.run([KMFIXTURE, str(km.SOURCE / "fixtures/states" / state / "description.ini"), "-o", store],
                               check=True, capture_output=True)
                text = km.run("check", store).stdout.decode()
                for event in ("5015", "5057", "5060", "5389"):
                    self.assertEqual(f"event {event}:" in text, sound, (state, event))
                self.assertNotIn("event 5058", text)  # that would be the store


if __name__ == "__main__":
    km.main()

#!/usr/bin/python3
"""The main job on stores that Microsoft's engine wrote, and on real certificates: what a repair does to them.

Before and after are compared through the separate decoder (tests/decoder) and judged by the stand-in for the service
(tests/standin); real certificates are counted with python3-cryptography.  Nothing here trusts the program's own
reading.  Stores and bundles are those of the corpus; kmfixture (KMFIXTURE) makes stores of the bundles.
"""

import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from collections import defaultdict

import km
import edbdecode

sys.path.insert(0, str(km.SOURCE / "tests" / "standin"))
import kmserver

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    x509 = None

ENGINE = km.CORPUS / "engine"
TWICE = ("imported-twice", "imported-twice-revision2")
CLEAN, SWITCH = "clean-v3-revision2", "interrupted-switch-revision2"
KMFIXTURE = os.environ.get("KMFIXTURE", str(km.SOURCE / "build" / "release" / "kmfixture"))
IMPORTED, ISSUING = 3, 2
DIFFERENT = 1           # the exit status of diff


def rows_of(path):
    """{table: {key: {column: [bytes]}}} of all tables but the catalog's; the key is the first column's value."""
    tables = {}
    for table in edbdecode.open(str(path)).tables:
        if not table.name.startswith("MSys"):
            key = table.columns[0].name
            tables[table.name] = {int.from_bytes(row[key][0], "little"): row for row in table.rows()}
            assert len(tables[table.name]) == sum(1 for _ in table.rows())
    return tables


def shape_of(path):
    """Tables, columns and indexes, without the places where they lie."""
    places = {"objid", "root", "long_value_root", "dbtime", "last_objid"}

    def without_places(value):
        if isinstance(value, dict):
            return {name: without_places(inner) for name, inner in value.items() if name not in places}
        return [without_places(inner) for inner in value] if isinstance(value, list) else value

    shape = without_places(edbdecode.schema(edbdecode.open(str(path))))
    shape["tables"] = [table for table in shape["tables"] if not table["name"].startswith("MSys")]
    return shape


def number(value):
    return int.from_bytes(value[0], "little")


def codes(path):
    """Why the stand-in does not start on a store."""
    return {reason.code for reason in kmserver.start(str(path)).reasons}


class Repairs(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmmigrate-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def store(self, name, to="store.edb"):
        """A store of the corpus, uncompressed."""
        path = self.folder / to
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(km.unpacked(ENGINE / f"{name}.edb.gz"))
        return path

    def run_json(self, status, *arguments, **options):
        result = km.run(*arguments, "--json", **options)
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        return json.loads(result.stdout)

    def repaired(self, store, *options):
        """(path of the repaired copy, its report)."""
        new = self.folder / "new.edb"
        report = self.run_json(km.REPAIRED, "repair", store, "-o", new, *options)
        self.assertEqual(report["report"], "repaired")
        self.assertEqual(report["written"]["path"], str(new))
        self.assertEqual(report["written"]["sha256"], hashlib.sha256(new.read_bytes()).hexdigest())
        return new, report

    def starts(self, path):
        """The stand-in starts, the decoder finds the file sound, and a second repair finds nothing to do."""
        self.assertEqual(kmserver.start(str(path)).reasons, [])
        self.assertEqual(edbdecode.open(str(path)).problems(), [])
        self.assertEqual(self.run_json(km.CLEAN, "check", path)["verdict"], "yes")
        report = self.run_json(km.CLEAN, "repair", path)
        self.assertEqual(report["plan"]["actions"], [])
        again = self.folder / "again.edb"
        self.assertEqual(km.run("repair", path, "-o", again).returncode, km.CLEAN)
        self.assertFalse(again.exists())

    def nothing_beside(self, *names):
        """In the test's folder lie these files and no other, no unfinished one either."""
        self.assertEqual(sorted(entry.name for entry in self.folder.iterdir()), sorted(names))


needs_engine = unittest.skipUnless(all((ENGINE / f"{name}.edb.gz").exists() for name in (*TWICE, CLEAN, SWITCH)),
                                   f"no stores of the engine in {ENGINE}")


# ---- what becomes of the stores -----------------------------------------------------------------------------------

@needs_engine
class ImportedTwice(Repairs):
    def test_one_entry_goes_and_everything_else_stays(self):
        for name in TWICE:
            with self.subTest(name):
                self.check_repair(self.store(name))

    def check_repair(self, store):
        before, shape = rows_of(store), shape_of(store)
        self.assertEqual(codes(store), {"duplicate", "issuing-ambiguous"})
        content = store.read_bytes()
        new, report = self.repaired(store, "--force")
        self.assertEqual(store.read_bytes(), content)
        after = rows_of(new)
        self.assertEqual(shape_of(new), shape)
        survivor = self.check_list(before.pop("CertificateList"), after.pop("CertificateList"))
        self.check_references(before.pop("UserCertificates"), after.pop("UserCertificates"), survivor)
        self.assertEqual(after, before)
        self.check_plan(report["plan"]["actions"], survivor)
        self.starts(new)

    def check_list(self, before, after):
        """Exactly one of entries 2 and 138 is gone; what stays has what both had.  Returns the survivor's key."""
        gone = set(before) - set(after)
        self.assertIn(gone, ({2}, {138}))
        self.assertEqual(set(after) - set(before), set())
        dropped, = gone
        survivor = 140 - dropped
        self.assertEqual(number(before[2]["Role"]), IMPORTED)
        self.assertEqual(number(before[138]["Role"]), ISSUING)
        wanted = {column: value for column, value in before[survivor].items()}
        wanted["Role"] = before[138]["Role"]
        wanted["ImportedOn"] = before[2]["ImportedOn"]      # the earlier
        wanted["Name"] = before[survivor].get("Name") or before[dropped]["Name"]
        if wanted["Name"] == [b""]:
            wanted["Name"] = before[dropped]["Name"]
        self.assertEqual(after.pop(survivor), wanted)
        for key in (2, 138):
            before.pop(key)
        self.assertEqual(after, before)
        return survivor

    def check_references(self, before, after, survivor):
        """All 300 V3 certificates refer to the survivor, those of odd and of even users; nothing else is touched."""
        moved = {key: number(row["IssuerEntry"]) for key, row in before.items() if number(row["Version"]) == 3}
        self.assertEqual(len(moved), 300)
        self.assertEqual({(number(before[key]["UserId"]) % 2, entry) for key, entry in moved.items()},
                         {(1, 2), (0, 138)})
        for key in moved:
            self.assertEqual(number(after[key]["IssuerEntry"]), survivor)
            before[key]["IssuerEntry"] = after[key]["IssuerEntry"]
        self.assertEqual(after, before)

    def check_plan(self, actions, survivor):
        """The plan said so: one entry dropped, 150 references moved, and nothing about any other entry."""
        dropped = [action for action in actions if action["action"] == "drop-entry"]
        self.assertEqual([(a["entry"], a["survivor"]) for a in dropped], [(140 - survivor, survivor)])
        moved = [action for action in actions if action["action"] == "move-references"]
        self.assertEqual([(a["from"], a["to"], a["count"]) for a in moved], [(140 - survivor, survivor, 150)])
        others = {a["entry"] for a in actions if a not in moved + dropped}
        self.assertLessEqual(others, {survivor})

    def test_diff_tells_what_the_decoder_tells(self):
        store = self.store(TWICE[0])
        new, _ = self.repaired(store)
        result = km.run("diff", store, new, "--json")
        self.assertEqual(result.returncode, DIFFERENT)
        told = json.loads(result.stdout)["differences"]
        before, after = rows_of(store), rows_of(new)
        changed = {(table, key) for table, rows in before.items() for key, row in rows.items()
                   if after[table].get(key) != row}
        self.assertEqual({(d["table"], next(iter(d.get("row", d["a"]).values()))) for d in told}, changed)
        self.assertEqual(len(told), len(changed))
        self.assertEqual(km.run("diff", store, store).returncode, 0)

    def test_both_forms_are_repaired_alike(self):
        """Revision 2 and the engine's own form hold the same rows, before and after."""
        results = []
        for name in TWICE:
            new, _ = self.repaired(self.store(name), "--force")
            results.append(rows_of(new))
        self.assertEqual(*results)


@needs_engine
class Others(Repairs):
    def test_a_clean_store_is_left_alone(self):
        store, new = self.store(CLEAN), self.folder / "new.edb"
        content = store.read_bytes()
        self.assertEqual(codes(store), set())
        result = km.run("repair", store, "-o", new)
        self.assertEqual(result.returncode, km.CLEAN, result.stderr)
        self.assertIn(b"there is nothing to repair", result.stderr)
        self.assertEqual(store.read_bytes(), content)
        self.starts(store)
        self.nothing_beside("store.edb")

    def test_an_interrupted_switch_is_finished(self):
        store = self.store(SWITCH)
        before = rows_of(store)
        self.assertEqual(codes(store), {"issuing-role"})
        new, report = self.repaired(store)
        after = rows_of(new)
        self.assertEqual(number(before["CertificateList"][2]["Role"]), IMPORTED)
        self.assertEqual(number(after["CertificateList"][2]["Role"]), ISSUING)
        before["CertificateList"][2]["Role"] = after["CertificateList"][2]["Role"]
        self.assertEqual(after, before)
        self.assertEqual([(a["action"], a["entry"]) for a in report["plan"]["actions"]], [("set-role", 2)])
        self.starts(new)

    def test_a_switch_that_would_break_a_store_is_not_made(self):
        """The CA that is given has the issuer and serial number of an entry, and another key."""
        given = self.folder / "ca.cer"
        given.write_bytes(rows_of(self.store(SWITCH))["CertificateList"][2]["Certificate"][0])
        store, new = self.store(CLEAN), self.folder / "new.edb"
        arguments = ["migrate", store, "--to", "V1V3", "--issuing-ca", given]
        for options in [], ["-o", new]:
            result = km.run(*arguments, *options)
            self.assertEqual(result.returncode, km.TROUBLE)
            self.assertIn(b"--issuing-ca: entry 2 holds another certificate with its issuer and serial number",
                          result.stderr)
            self.nothing_beside("ca.cer", "store.edb")

    def test_a_switch_to_the_ca_that_issues_already(self):
        """migrate --to V1V3 on a store with mode V3: the CA stays once in the list, and the service starts."""
        store, given, new = self.store(CLEAN), self.folder / "ca.cer", self.folder / "new.edb"
        before = rows_of(store)
        given.write_bytes(before["CertificateList"][2]["Certificate"][0])
        report = self.run_json(km.REPAIRED, "migrate", store, "--to", "V1V3", "--issuing-ca", given, "-o", new)
        self.assertEqual([action["action"] for action in report["plan"]["actions"]], ["set-mode"])
        after = rows_of(new)
        changed = [key for key, row in after["Configuration"].items() if row != before["Configuration"][key]]
        self.assertEqual([after["Configuration"][key]["Value"] for key in changed], [[b"V1V3"]])
        after["Configuration"] = before["Configuration"]
        self.assertEqual(after, before)
        self.starts(new)

    def test_a_directory(self):
        """Logs are set aside, other files copied, and the service starts on the copy."""
        store = self.store(TWICE[1], "Kmsdata/KMSMDB.EDB").parent
        others = {"edb.log": b"log", "EDB00001.LOG": b"older log", "res1.log": b"", "edb.chk": b"chk",
                  "Kmspwd.ini": b"[config]\r\n"}
        for name, data in others.items():
            (store / name).write_bytes(data)
        new = self.folder / "Kmsdata.new"
        report = self.run_json(km.REPAIRED, "repair", store, "-o", new)
        self.assertEqual(report["store"]["files_beside"], sorted(set(others) - {"Kmspwd.ini"}))
        self.assertEqual(report["written"]["set_aside"], str(new / "set-aside"))
        self.assertEqual(sorted(entry.name for entry in new.iterdir()), ["KMSMDB.EDB", "Kmspwd.ini", "set-aside"])
        aside = {entry.name: entry.read_bytes() for entry in (new / "set-aside").iterdir()}
        self.assertEqual(aside, {name: data for name, data in others.items() if name != "Kmspwd.ini"})
        result = kmserver.start(str(new))
        self.assertEqual((result.reasons, result.store.beside), ([], []))
        self.assertEqual(km.run("repair", store, "-o", new, "--force").returncode, km.TROUBLE)
        self.nothing_beside("Kmsdata", "Kmsdata.new")


# ---- the plan and its id ------------------------------------------------------------------------------------------

@needs_engine
class Plans(Repairs):
    def test_the_id_is_the_same_everywhere(self):
        """In check, plan and repair, from another path, under another time zone and locale."""
        store = self.store(TWICE[0])
        wanted = self.run_json(km.PROBLEMS_LEFT, "repair", store)["plan"]["id"]
        self.assertRegex(wanted, r"^[0-9a-f]{64}$")
        other = self.store(TWICE[0], "another place/Other Name.EDB")
        for zone in "UTC", "Asia/Kathmandu", "XXX+14":
            for path, directory in (store, None), (other, "/"), ("Other Name.EDB", other.parent):
                with self.subTest(f"{zone} {path}"):
                    options = {"env": {**os.environ, "TZ": zone, "LC_ALL": "C.UTF-8"}, "cwd": directory}
                    self.assertEqual(self.run_json(km.PROBLEMS_LEFT, "repair", path, **options)["plan"]["id"], wanted)
        self.assertEqual(self.run_json(km.PROBLEMS_LEFT, "check", store)["plan"]["id"], wanted)
        self.assertIn(wanted.encode(), km.run("repair", store).stdout)
        self.assertEqual(self.repaired(store)[1]["plan"]["id"], wanted)

    def test_the_id_differs_between_stores(self):
        ids = {self.run_json(km.PROBLEMS_LEFT, "repair", self.store(name))["plan"]["id"] for name in (*TWICE, SWITCH)}
        self.assertEqual(len(ids), 3)
        store = self.store(TWICE[0])
        with open(store, "ab") as file:         # not a byte of any page, but another file
            file.write(bytes(4096))
        self.assertNotIn(self.run_json(km.PROBLEMS_LEFT, "repair", store)["plan"]["id"], ids)

    def test_the_id_changes_with_the_actions(self):
        store = self.store(TWICE[0])
        self.assertNotEqual(*(self.run_json(km.PROBLEMS_LEFT, "repair", store, f"--superseded={what}")["plan"]["id"]
                              for what in ("keep", "drop")))

    def test_only_the_reviewed_plan_is_applied(self):
        store, new = self.store(TWICE[0]), self.folder / "new.edb"
        wanted = self.run_json(km.PROBLEMS_LEFT, "repair", store)["plan"]["id"]
        wrong = ("0" if wanted[0] != "0" else "1") + wanted[1:]
        for given in wrong, wrong[:16], wanted[:7], "", wanted + "0", "all":
            with self.subTest(given):
                result = km.run("repair", store, "-o", new, "--plan", given)
                other = given in (wrong, wrong[:16])      # an id, of another plan; the rest is none
                self.assertEqual(result.returncode, km.TROUBLE if other else km.USAGE)
                self.assertIn(b"nothing was changed" if other else b"expected the id of a plan", result.stderr)
                self.nothing_beside("store.edb")
        for given in wanted, wanted[:8], wanted[:16].upper():
            with self.subTest(given):
                self.assertEqual(km.run("repair", store, "-o", new, "--plan", given, "--force").returncode, km.REPAIRED)

    def test_a_dry_run_writes_nothing(self):
        store = self.store(TWICE[0])
        result = km.run("repair", store, "-o", self.folder / "new.edb", "--dry-run")
        self.assertEqual(result.returncode, km.PROBLEMS_LEFT)
        plain = [[line for line in report.splitlines() if not line.startswith(b"Command ")]
                 for report in (result.stdout, km.run("repair", store).stdout)]
        self.assertEqual(*plain)
        self.nothing_beside("store.edb")


# ---- where it is written ------------------------------------------------------------------------------------------

@needs_engine
class Writing(Repairs):
    def test_an_existing_file_is_only_replaced_with_force(self):
        store, new = self.store(TWICE[0]), self.folder / "new.edb"
        new.write_bytes(b"precious")
        result = km.run("repair", store, "-o", new)
        self.assertEqual(result.returncode, km.TROUBLE)
        self.assertIn(b"--force", result.stderr)
        self.assertEqual(new.read_bytes(), b"precious")
        self.starts(self.repaired(store, "--force")[0])
        self.nothing_beside("new.edb", "store.edb")

    def test_the_input_is_never_the_output(self):
        store = self.store(TWICE[0])
        os.link(store, self.folder / "hard.edb")
        os.symlink(store.name, self.folder / "soft.edb")
        content = store.read_bytes()
        for new in store, self.folder / "hard.edb", self.folder / "soft.edb", self.folder / "." / "store.edb":
            for force in [], ["--force"]:
                with self.subTest(f"{new.name} {force}"):
                    self.assertEqual(km.run("repair", store, "-o", new, *force).returncode, km.TROUBLE)
                    self.assertEqual(store.read_bytes(), content)
        self.nothing_beside("hard.edb", "soft.edb", "store.edb")

    def test_permissions_are_the_inputs(self):
        store = self.store(TWICE[0])
        for mode in 0o640, 0o600:
            store.chmod(mode)
            new, _ = self.repaired(store, "--force")
            self.assertEqual(new.stat().st_mode & 0o777, mode)

    def test_a_full_disk_leaves_nothing(self):
        """As a limit on the size of files: at the start, in the middle, just before the end."""
        store = self.store(TWICE[0])
        new, _ = self.repaired(store)
        whole = new.stat().st_size
        new.unlink()
        for limit in 4096, 100000, whole // 2, whole - 1:
            with self.subTest(limit):
                result = km.run("repair", store, "-o", new,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
                self.assertEqual(result.returncode, km.TROUBLE, result.stderr)
                self.assertRegex(result.stderr, b"^kmmigrate: .*File too large")
                self.nothing_beside("store.edb")
        kmsdata = self.store(TWICE[0], "Kmsdata/Kmsmdb.edb").parent
        result = km.run("repair", kmsdata, "-o", self.folder / "new",
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (whole // 2, whole // 2)))
        self.assertEqual(result.returncode, km.TROUBLE)
        self.nothing_beside("Kmsdata", "store.edb")

    def test_no_such_place(self):
        store = self.store(TWICE[0])
        for new in self.folder / "none" / "new.edb", self.folder, "/dev/null":
            self.assertEqual(km.run("repair", store, "-o", new, "--force").returncode, km.TROUBLE)
        self.nothing_beside("store.edb")

    def interrupted(self, store, new, number, delay):
        """Sends a signal once the new file has been begun, and some time later; the exit status."""
        process = subprocess.Popen([km.PROGRAM, "repair", store, "-o", new], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not self.has_begun(process.pid, store):
            time.sleep(0.0005)
        time.sleep(delay)
        process.send_signal(number)
        return process.wait(timeout=3000)

    def has_begun(self, process, store):
        """Whether the process has a file of the test's folder open that is not the store."""
        try:
            links = [os.readlink(f"/proc/{process}/fd/{fd}") for fd in os.listdir(f"/proc/{process}/fd")]
        except OSError:
            return False
        return any(link.startswith(f"{self.folder}/") and link != str(store) for link in links)

    def test_interrupted_it_leaves_nothing(self):
        """At any moment: nothing under the new name, or the whole store; at least once while it was being written."""
        store, new = self.store(TWICE[0]), self.folder / "new.edb"
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
            cancelled = 0
            for i in range(12):
                status = self.interrupted(store, new, number, i % 4 * 0.01)
                self.assertIn(status, (km.REPAIRED, -number if number == signal.SIGKILL else km.CANCELLED))
                if status == km.REPAIRED or (number == signal.SIGKILL and new.exists()):    # too late: it was done
                    self.assertEqual(codes(new), set())
                    new.unlink()
                    continue
                cancelled += 1
                self.assertFalse(new.exists())
                if number != signal.SIGKILL:    # where files need a name, that of an unfinished one may stay
                    self.nothing_beside("store.edb")
            with self.subTest(signal.Signals(number).name):
                self.assertGreater(cancelled, 0)


# ---- real certificates --------------------------------------------------------------------------------------------

def certificates_of(bundle):
    """The DER of each certificate of a PEM file, in its order."""
    parts = bundle.read_bytes().split(b"-----BEGIN CERTIFICATE-----")[1:]
    return [x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + part).public_bytes(Encoding.DER)
            for part in parts]


def reissues_of(certificates):
    """Sets of certificates (SHA-256) with one subject and public key, and different serial numbers."""
    found = defaultdict(dict)
    for der in certificates:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found[certificate.subject.public_bytes(), key][certificate.serial_number] = hashlib.sha256(der).hexdigest()
    return {frozenset(group.values()) for group in found.values() if len(group) > 1}


def bundles():
    return sorted((km.CORPUS / "certificates").glob("bundle-*.pem"))


def missing():
    if not bundles():
        return f"no bundles in {km.CORPUS / 'certificates'}"
    return "python3-cryptography is not installed" if x509 is None else None


@unittest.skipIf(missing(), missing())
class RealCertificates(Repairs):
    PAIRS = {"bundle-2011.pem": {"VeriSign", "StartCom"}, "bundle-2012.pem": {"VeriSign"}}

    def setUp(self):
        super().setUp()
        ignored = warnings.catch_warnings()     # negative and over-long serial numbers
        ignored.__enter__()
        self.addCleanup(ignored.__exit__, None, None, None)
        warnings.simplefilter("ignore")

    def made(self, bundle, times):
        """A store whose list is the bundle, so often, behind the server's own entries."""
        if not os.path.exists(KMFIXTURE):
            self.skipTest(f"no kmfixture at {KMFIXTURE}")
        store = self.folder / f"{bundle.stem}-{times}.edb"
        subprocess.run([KMFIXTURE, "--ca-bundle", bundle, "--repeat", str(times), "-o", store], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
        return store

    def listed(self, store):
        """{entry: DER} as the decoder reads the list."""
        return {key: row["Certificate"][0] for key, row in rows_of(store)["CertificateList"].items()}

    def test_the_pairs_are_there(self):
        """What the corpus is said to hold, counted without any of our code."""
        self.assertEqual({bundle.name for bundle in bundles()}, set(self.PAIRS))
        for bundle in bundles():
            certificates = certificates_of(bundle)
            subjects = {hashlib.sha256(der).hexdigest(): x509.load_der_x509_certificate(der).subject.rfc4514_string()
                        for der in certificates}
            found = [{subjects[sha256] for sha256 in group} for group in reissues_of(certificates)]
            self.assertEqual(sorted(map(len, found)), [1] * len(self.PAIRS[bundle.name]))
            self.assertEqual({word for word in ("VeriSign", "StartCom", "GlobalSign", "TrustCenter", "Entrust")
                              if any(word in subject for group in found for subject in group)},
                             self.PAIRS[bundle.name])

    def reissues_told(self, store, status):
        """The sets of certificates that the report calls reissues."""
        report = self.run_json(status, "check", store)
        der = self.listed(store)
        return [frozenset(hashlib.sha256(der[key]).hexdigest() for key in problem["entries"])
                for problem in report["problems"] if problem["code"] == "KM-REISSUE"]

    def test_a_bundle_has_its_pairs_and_no_others(self):
        for bundle in bundles():
            with self.subTest(bundle.name):
                store = self.made(bundle, 1)
                told = self.reissues_told(store, km.CLEAN)
                self.assertEqual(set(told), reissues_of(certificates_of(bundle)))
                self.assertEqual(len(told), len(set(told)))
                self.starts(store)

    def test_a_bundle_imported_twice_is_reduced_to_itself(self):
        for bundle in bundles():
            with self.subTest(bundle.name):
                certificates = certificates_of(bundle)
                store = self.made(bundle, 2)
                self.assertIn("duplicate", codes(store))
                self.assertEqual([list(self.listed(store).values()).count(der) for der in certificates],
                                 [2] * len(certificates))
                new, report = self.repaired(store, "--force")
                kept = list(self.listed(new).values())
                self.assertEqual([kept.count(der) for der in certificates], [1] * len(certificates))
                self.assertEqual(set(kept), set(self.listed(store).values()))
                self.assertEqual(len(kept), len(set(kept)))
                self.assertEqual(sum(a["action"] == "drop-entry" for a in report["plan"]["actions"]),
                                 len(certificates))
                self.assertEqual(set(self.reissues_told(new, km.CLEAN)), reissues_of(certificates))
                self.assertIsNone(report["written"]["quarantine"])
                self.starts(new)


if __name__ == "__main__":
    km.main()

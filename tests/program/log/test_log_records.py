"""The program's list of log records against two others: the engine's own dump, and a reader that shares nothing with it."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import dirty
import logreader
from program import km


def listed(path):
    """The program's: [((generation, sector, byte), type, size)]."""
    run = km.run("dump", path)
    rows = [line.split("\t") for line in run.stdout.decode().splitlines()[1:]]
    return run, [(tuple(int(part, 16) for part in row[0].split(",")), row[1], int(row[2])) for row in rows]


# Names of types: the program's, and the engine's in its dump.
NAMES = {"MacroBegin": "McroBegin", "MacroCommit": "McroComit", "MacroAbort": "McroAbort", "MacroInfo": "McroInfo",
         "FlagDelete": "FDelete", "FlagInsert": "FInsert", "FlagInsertAndReplaceData": "FInsertRD",
         "SetExternalHeader": "SetExtHdr", "Init2": "Init", "Term2": "Term", "RecoveryUndo2": "RcvUndo",
         "RecoveryQuit2": "RcvQuit", "ShutDownMark": "ShutDown", "CreateDBFinish": "CrDBFinsh", "CreateMEFDP": "Create",
         "CreateSEFDP": "Create", "ConvertFDP2": "Convert", "SetDbVersion": "SetDbVer"}


class Records(unittest.TestCase):
    def test_every_record_of_every_case(self):
        records = files = 0
        with dirty.unpacked() as cases:
            for case in cases:
                engine = dirty.dumped_records(case)
                for path in sorted((case / "killed").glob("edb*.log")):
                    with self.subTest(case=case.name, file=path.name):
                        run, ours = listed(path)
                        self.assertEqual(run.returncode, 0, run.stderr)
                        other = [(at, kind, len(data)) for at, kind, data in logreader.Log(path).records()]
                        self.assertEqual([(at, size) for at, _, size in ours], [(at, size) for at, _, size in other])
                        self.assertEqual([NAMES.get(name, name) for _, name, _ in ours],
                                         [logreader.TYPES[kind][0] for _, kind, _ in other])
                        if path.name in engine:
                            self.assertEqual([(at, NAMES.get(name, name)) for at, name, _ in ours], engine[path.name])
                            files += 1
                            records += len(ours)
        print(f"{records} records in {files} logs of {len(dirty.ARCHIVES)} cases: as the engine lists them")
        self.assertGreater(records, 50000)

    def test_a_log_in_place_of_a_database(self):
        with dirty.unpacked(["committed-4k"]) as (case,):
            for name, kind in ("edb.log", "transaction log"), ("edb.chk", "checkpoint file"):
                path = case / "killed" / name
                run = km.run("check", path)
                self.assertEqual(run.returncode, km.TROUBLE)
                self.assertEqual(run.stderr.decode(), f"kmmigrate: {path}: expected a database, found a {kind}; "
                                                      f"kmmigrate info {path} shows it, and "
                                                      "kmmigrate logs and kmmigrate recover take the database that "
                                                      "it belongs to\n")

    def test_a_log_has_no_tables(self):
        with dirty.unpacked(["committed-4k"]) as (case,):
            for command in ("info", "dump"):
                run = km.run(command, "--table", "work", case / "killed" / "edb.log")
                self.assertEqual((run.returncode, run.stdout), (16, b""))
                self.assertIn("has no tables", run.stderr.decode())


if __name__ == "__main__":
    dirty.need()
    unittest.main()

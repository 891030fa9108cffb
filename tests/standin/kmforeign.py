"""Stores of other schemas than the reconstruction's, for the stand-in: from a description of the schema to a Store.

    store = kmforeign.load(path, schema)      # to be judged by kmserver.judge(); CannotMount as kmserver.load()

schema is a dictionary as the corpus' facts.json has it: `lists` (rows of a table, or a value with a framing) and `refs`
(by key, hash, its digits, position, issuer and serial number).  Beside these:
    roles      {"own": text or number, ...} as the lists' role column holds them; a function of the number for flags
    settings   {"mode": (table, column, (column, text) or None), "issuing-ca": the same}, or what they are
    proof      {table: column}: certificates or revocation lists, whose issuer a reference has to name
Like kmserver it shares nothing with formats/ and migrate/: what stands around certificates is taken off by the judge
of foreign stores.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "foreign")]

import judge
import kmserver
from kmcertificate import BadValue, Certificate, RevocationList

INTEGERS = {1, 2, 3, 4, 5, 14, 15, 17, 18}      # JET_coltyp of whole numbers, Bit among them
SIGNED = {3, 4, 5, 15}                          # Short, Long, Currency, LongLong
LONG_TEXT, TEXT = 12, 10
MODES = {"0": b"V1", "1": b"V1V3", "2": b"V3"}


def value_of(data, kind):
    """A number where the column holds one, else the bytes: what two columns can be held against each other by."""
    if kind in INTEGERS:
        return int.from_bytes(data, "little", signed=kind in SIGNED)
    return data


def text_of(data):
    """Text in bytes: UTF-16 where each second byte is zero, else one byte a character."""
    wide = len(data) % 2 == 0 and len(data) > 1 and not any(data[1::2])
    return data.decode("utf-16-le" if wide else "latin-1", "replace").rstrip("\0")


class Reader:
    """The rows of a store, read with the separate decoder, and what its schema says of them."""

    def __init__(self, path, schema):
        path = kmserver.find_database(path)
        self.db, self.schema = kmserver.mount(path), schema
        self.store = kmserver.Store()
        self.store.time = kmserver.consistent_time(self.db.file.content)
        self.raw = judge.Store(path, schema)
        self.keys, self.hashes, self.identities = {}, {}, {}
        self.base = schema["lists"][0].get("base", 1)

    def rows(self, table):
        return self.raw.rows[table]

    def kind(self, table, column):
        return self.raw.types[table].get(column)

    def role(self, row, where):
        column, words = where.get("role"), self.schema.get("roles")
        if row is None or not column or words is None or column not in row:
            return None
        kind = self.kind(where["table"], column)
        held = value_of(row[column][0], kind) if kind in INTEGERS else text_of(row[column][0])
        if callable(words):
            return words(held)
        return {"own": kmserver.OWN, "issuing": kmserver.ISSUING}.get(
            next((role for role, word in words.items() if word == held), ""), kmserver.IMPORTED)

    def read_list(self):
        for number, (certificate, row, where) in enumerate(self.raw.entries, 1):
            self.store.entries.append(kmserver.Entry(number, certificate, self.role(row, where)))
            entry = self.store.entries[-1]
            if row is not None and where.get("key"):
                self.keys[value_of(row[where["key"]][0], self.kind(where["table"], where["key"]))] = number
            self.hashes.setdefault(entry.sha1, number)
            if entry.x509:
                self.identities.setdefault((entry.x509.issuer, entry.x509.serial), number)
        self.store.has_roles = any(entry.role in (kmserver.OWN, kmserver.ISSUING) for entry in self.store.entries)

    def named(self, by, value, kind):
        """The number of the entry that one value of a reference names; 0: none that is there."""
        if by in ("key", "keymv"):
            return self.keys.get(value_of(value, kind), 0)
        if by == "thumb":
            return self.hashes.get(value, 0)
        if by == "hexthumb":
            return self.hashes.get(bytes.fromhex(text_of(value)), 0)
        position = value_of(value, kind) - self.base + 1
        return position if 1 <= position <= len(self.store.entries) else 0

    def issuer(self, table, row):
        column = self.schema.get("proof", {}).get(table)
        for kind in (Certificate, RevocationList) if column in row else ():
            try:
                return kind(row[column][0]).issuer
            except BadValue:
                pass
        return None

    def read_references(self):
        for reference in self.schema["refs"]:
            table, column, by = reference["table"], reference["column"], reference["by"]
            if by == "issuerserial":
                continue        # it names an issuer, which every entry of that CA is
            for number, row in enumerate(self.rows(table), 1):
                values = row.get(column, ())
                for value in values:
                    found = self.named(by, value, self.kind(table, column))
                    self.store.references.append((f"{table}.{column}", number, found))
                    if len(values) == 1 and by != "keymv":
                        self.store.issuers[self.store.references[-1]] = self.issuer(table, row)

    def setting(self, place):
        table, column, select = place
        for row in self.rows(table):
            if select is None or text_of(row.get(select[0], [b""])[0]) == select[1]:
                return row[column][0], self.kind(table, column)
        return None, None

    def read_settings(self):
        said, settings = self.schema["settings"], {}
        mode, issuing = said["mode"], said.get("issuing-ca")
        if isinstance(mode, tuple):
            data, kind = self.setting(mode)
            mode = str(value_of(data, kind)) if kind in INTEGERS else text_of(data)
        settings["IssueMode"] = MODES.get(mode, mode.encode())
        if isinstance(issuing, tuple):
            data, kind = self.setting(issuing)
            issuing = bytes.fromhex(text_of(data)) if len(data) != 20 else data
        settings["IssuingCA"] = issuing
        self.store.settings = settings


def load(path, schema):
    """The Store at a path."""
    reader = Reader(path, schema)
    reader.read_list()
    reader.read_references()
    reader.read_settings()
    return reader.store

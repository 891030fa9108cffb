#!/usr/bin/python3
"""A stand-in for the KM service at its start: does it start on this store, and if not, why not?

This is a reconstruction.  Nobody has the real program's source; what it does here is what Q230780 tells (the service
loads its certificate list, cannot save the updated list when a certificate is in it twice, and does not start) and
what design.md section 4 makes of it.  It reads with tests/decoder and kmcertificate.py and shares nothing with
formats/ and migrate/, so that it can judge what they write.

    kmserver.py STORE [--at TIME] [--verbose]

STORE is a database file (it may be gzip-compressed) or the Kmsdata directory that holds Kmsmdb.edb.  The time is the
store's own last consistent time, or TIME (ISO 8601, UTC); only warnings depend on it.
Exit status: 0 the service starts, 1 it refuses, every reason on a line of its own, 2 wrong usage.

As a module:
    result = kmserver.start(path)       # result.reasons: empty when the service starts; result.warnings, result.store
    reasons = kmserver.judge(store)     # of a Store made by hand
    reason.code                         # one of REASONS; reason.entries: the keys of the entries it is about
"""

import argparse
import datetime
import hashlib
import os
import re
import struct
import sys
from collections import defaultdict, namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "decoder")]

import edbdecode
from edbfile import EdbError, PageFile, STATE_CLEAN
from edbvalues import to_json
from kmcertificate import BadValue, Certificate, REFUTED, RevocationList, proof, read_list

OWN, ISSUING, IMPORTED = 1, 2, 3
ROLES = {None: "null", OWN: "own", ISSUING: "issuing", IMPORTED: "imported"}
LOG_FILE = re.compile(r"edb[0-9a-f]*\.log|edb\.chk", re.IGNORECASE)      # res1.log and res2.log are empty reserves
CONSISTENT_TIME_AT = 64             # in the header: second, minute, hour, day, month, year - 1900

STARTED, MOUNT, TRAPPED, EXITING = 5000, 5085, 5058, 5389   # 5000 is the stand-in's own, the others as in Q818952 etc.

# Every reason for not starting: its code, the event it is reported under, and what it means.
REASONS = {
    "missing": (MOUNT, "no database Kmsmdb.edb, or more than one"),
    "unreadable": (MOUNT, "the file is no database that can be read"),
    "dirty": (MOUNT, "the database was not shut down cleanly"),
    "header": (MOUNT, "the header or its shadow is damaged"),
    "structure": (MOUNT, "the database is damaged"),
    "no-settings": (TRAPPED, "there are no settings"),
    "no-list": (TRAPPED, "there is no certificate list"),
    "two-lists": (TRAPPED, "there are two certificate lists"),
    "list-cut": (TRAPPED, "the certificate list ends early"),
    "not-a-certificate": (TRAPPED, "an entry is no certificate"),
    "thumbprint": (TRAPPED, "a thumbprint is not the certificate's"),
    "duplicate": (TRAPPED, "cannot save the list, a certificate is in it twice (Q230780)"),
    "re-encoded": (TRAPPED, "cannot save the list, a certificate is in it twice, encoded differently (Q230780)"),
    "same-identity": (TRAPPED, "cannot save the list, two certificates have one issuer and serial (Q230780)"),
    "two-own": (TRAPPED, "two entries of one certification authority are the server's own"),
    "two-issuing": (TRAPPED, "two entries of one certification authority are issuing"),
    "mode": (TRAPPED, "the issuing mode is not known"),
    "no-own": (TRAPPED, "V1 is issued, but no certificate is the server's own"),
    "issuing-missing": (TRAPPED, "V3 is issued, but the issuing CA is not in the list"),
    "issuing-ambiguous": (TRAPPED, "V3 is issued, but more than one entry is the issuing CA"),
    "issuing-role": (TRAPPED, "the issuing CA is not in the list as issuing"),
    "issuing-not-v3": (TRAPPED, "the issuing CA's certificate is not X.509 V3"),
    "issuing-not-ca": (TRAPPED, "the issuing CA's certificate is not a CA's"),
    "issuing-untrusted": (TRAPPED, "the issuing CA is untrusted"),
    "issuing-chain": (TRAPPED, "the issuing CA does not chain to a certificate in the list"),
    "issuing-revoked": (TRAPPED, "the issuing CA is revoked"),
    "dangling": (TRAPPED, "a reference names an entry that does not exist"),
    "wrong-issuer": (TRAPPED, "a reference names an entry that is not the issuer"),
}


class Reason(namedtuple("Reason", "code text entries", defaults=((),))):
    """Why the service does not start.  `entries`: the keys of the entries that it is about."""

    @property
    def event(self):
        return REASONS[self.code][0]

    def __str__(self):
        what = "cannot mount the key database" if self.event == MOUNT else "trapped exception"
        return f"event {self.event}: stand-in: {what}: {self.code}: {REASONS[self.code][1]}: {self.text}"


class CannotMount(Exception):
    """The database cannot be used; the arguments are Reasons."""


class Entry:
    """One place in the list.  `x509` is None where `bytes` is no certificate; `why` then says what is wrong."""

    def __init__(self, key, data, role=None, trusted=None, thumbprint=None):
        self.key, self.bytes, self.role, self.trusted, self.thumbprint = key, data or b"", role, trusted, thumbprint
        self.sha1 = hashlib.sha1(self.bytes).digest()
        self.x509 = self.why = None
        try:
            self.x509 = Certificate(self.bytes)
        except BadValue as error:
            self.why = str(error)


class Store:
    """What is judged.  Entries of a list value have their positions, from 1, as keys, and no roles or trust."""

    def __init__(self, settings=None, entries=(), has_roles=True, references=(), revocation_lists=(), faults=()):
        self.settings = settings                            # {name: bytes}, None when there is no such table
        self.entries, self.has_roles = list(entries), has_roles
        self.references = list(references)                  # (table, key of the row, key of the entry)
        self.issuers = {}                                   # {such a reference: issuer name in the row, where it has one}
        self.revocation_lists = list(revocation_lists)      # (where, bytes)
        self.faults = list(faults)                          # Reasons that were found while loading
        self.time, self.beside = None, []                   # for warnings: UTC, names of log files


# ---- loading ------------------------------------------------------------------------------------------

def load(path):
    """The Store at a path; CannotMount when its database cannot be used."""
    path = find_database(path)
    db = mount(path)
    tables = {table.name: table for table in db.tables}
    store = Store(settings=read_settings(tables.get("Configuration")))
    names = os.listdir(os.path.dirname(os.path.abspath(path)))
    store.beside = sorted(name for name in names if LOG_FILE.fullmatch(name))
    store.time = consistent_time(db.file.content)
    load_list(store, tables.get("CertificateList"))
    for name, key in ("UserCertificates", "CertId"), ("RevocationLists", "CrlId"):
        for row in rows(tables.get(name)):
            if row.get("IssuerEntry") is not None:
                store.references.append((name, row.get(key), row["IssuerEntry"]))
                store.issuers[store.references[-1]] = issuer_name(row)
            if row.get("Crl") is not None:
                store.revocation_lists.append((f"{name} {row.get(key)}", row["Crl"]))
    return store


def issuer_name(row):
    """The issuer's name in the certificate or revocation list of a row; None where it has none that can be read."""
    for column, kind in ("Certificate", Certificate), ("Crl", RevocationList):
        if row.get(column) is not None:
            try:
                return kind(row[column]).issuer
            except BadValue:
                return None
    return None


def find_database(path):
    """The database of a Kmsdata directory, its name matched without case; a file is the database itself."""
    if not os.path.isdir(path):
        return path
    names = [name for name in os.listdir(path) if name.lower() == "kmsmdb.edb"]
    if len(names) != 1:
        raise CannotMount(Reason("missing", f"{path} has {len(names)} of them"))
    return os.path.join(path, names[0])


def mount(path):
    """The opened database.  A dirty one is refused before anything in it is believed."""
    try:
        file = PageFile.open(path)
        if file.header.state != STATE_CLEAN:
            raise CannotMount(Reason("dirty", f"its state is {file.header.state}, a clean one is {STATE_CLEAN}"))
        db = edbdecode.Database(file)
        problems = db.problems()
    except (EdbError, OSError, LookupError, ValueError, struct.error) as error:     # the decoder's own slips, too
        raise CannotMount(Reason("unreadable", f"{path}: {type(error).__name__}: {error}")) from None
    if problems:
        raise CannotMount(*(Reason("header" if problem in file.header_problems else "structure", problem)
                            for problem in problems))
    return db


def consistent_time(content):
    second, minute, hour, day, month, year = struct.unpack_from("<6B", content, CONSISTENT_TIME_AT)
    try:
        return datetime.datetime(1900 + year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except ValueError:                  # all zero: never
        return None


BINARY = ("Certificate", "Thumbprint", "Crl", "Value")


def rows(table):
    """The rows of a table as {column: value}: bytes for BINARY, else as JSON has it; none where there is no table."""
    for row in table.rows() if table else ():
        yield {name: values[0] if name in BINARY else to_json(table.column(name), values[0])
               for name, values in row.items()}


def read_settings(table):
    """{name: bytes}, None without a table; the first of two settings of one name counts."""
    settings = {}
    for row in rows(table):
        settings.setdefault(row.get("Name"), row.get("Value", b""))
    return settings if table else None


def load_list(store, table):
    """The list is kept in rows, or in one value among the settings; an empty table beside a value is no list."""
    store.entries = [Entry(row.get("EntryId"), row.get("Certificate"), row.get("Role"), row.get("Trusted"),
                           row.get("Thumbprint")) for row in rows(table)]
    value = (store.settings or {}).get("CertificateList")
    if value is not None and store.entries:
        store.faults.append(Reason("two-lists", f"{len(store.entries)} rows, and a value of {len(value)} bytes"))
    elif value is not None:
        certificates, revocation_lists, problem = read_list(value)
        store.has_roles = False
        store.entries = [Entry(position, data) for position, data in enumerate(certificates, 1)]
        store.revocation_lists += [(f"the list's CRL {i}", data) for i, data in enumerate(revocation_lists, 1)]
        if problem:
            store.faults.append(Reason("list-cut", f"{problem}; {len(certificates)} certificates before that"))
    elif table is None:
        store.faults.append(Reason("no-list", "neither a table nor a setting CertificateList"))


# ---- judging ------------------------------------------------------------------------------------------

def judge(store):
    """Why the service does not start on a store; an empty list when it does."""
    return [*store.faults, *entry_reasons(store), *save_reasons(store), *active_reasons(store), *mode_reasons(store),
            *reference_reasons(store)]


def entry_reasons(store):
    for entry in store.entries:
        if entry.x509 is None:
            yield Reason("not-a-certificate", f"entry {entry.key}: {entry.why}", (entry.key,))
        if entry.thumbprint is not None and entry.thumbprint != entry.sha1:
            yield Reason("thumbprint", f"entry {entry.key} has {entry.thumbprint.hex()}, its certificate "
                                       f"{entry.sha1.hex()}", (entry.key,))


def save_reasons(store):
    """What stops the service when it saves the list: each entry is held against the first one that is like it.

    The same bytes are also the same to-be-signed part, and that is the same identity: only the closest is told.
    """
    first = {}
    for entry in store.entries:
        likes = [("duplicate", entry.bytes)]
        if entry.x509:
            likes += [("re-encoded", entry.x509.tbs), ("same-identity", entry.x509.identity)]
        like = next((like for like in likes if like in first), None)
        if like:
            other = first[like]
            about = f", serial {entry.x509.serial:#x}, SHA-1 {entry.sha1.hex()}" if entry.x509 else ""
            yield Reason(like[0], f"entries {other.key} and {entry.key}{about}", (other.key, entry.key))
        for like in likes:
            first.setdefault(like, entry)


def active_reasons(store):
    """A certification authority is its subject and key: it can be the own one once, and the issuing one once."""
    for role, code in (OWN, "two-own"), (ISSUING, "two-issuing"):
        authorities = defaultdict(list)
        for entry in store.entries:
            if entry.x509 and entry.role == role:
                authorities[entry.x509.subject, entry.x509.key].append(entry.key)
        for keys in authorities.values():
            if len(keys) > 1:
                yield Reason(code, f"entries {' and '.join(map(str, keys))}", tuple(keys))


def mode_reasons(store):
    if store.settings is None:
        yield Reason("no-settings", "no table Configuration")
        return
    mode = store.settings.get("IssueMode")
    if mode == b"V1":
        if store.has_roles and not any(entry.role == OWN for entry in store.entries):
            yield Reason("no-own", f"none of {len(store.entries)} entries has the role own")
    elif mode in (b"V3", b"V1V3"):
        yield from issuing_ca_reasons(store)
    else:
        yield Reason("mode", f"IssueMode is {mode!r}, expected V1, V1V3 or V3")


def issuing_ca_reasons(store):
    """The one entry that the setting IssuingCA names, by the SHA-1 of its certificate, has to be fit for issuing."""
    setting = store.settings.get("IssuingCA")
    named = [entry for entry in store.entries if entry.sha1 == setting]
    if len(named) != 1:
        setting = "not set" if setting is None else setting.hex()
        text = f"IssuingCA is {setting}, its certificate is in {count(named, 'place')} of the list"
        yield Reason("issuing-ambiguous" if named else "issuing-missing", text, tuple(entry.key for entry in named))
        return
    entry, = named
    if store.has_roles and entry.role != ISSUING:
        role = ROLES.get(entry.role, entry.role)
        yield Reason("issuing-role", f"entry {entry.key} has the role {role}", (entry.key,))
    if entry.trusted is False:          # null is not untrusted
        yield Reason("issuing-untrusted", f"entry {entry.key}", (entry.key,))
    if entry.x509 is None:              # told by entry_reasons
        return
    if entry.x509.version != 3:
        yield Reason("issuing-not-v3", f"entry {entry.key} is V{entry.x509.version}", (entry.key,))
    elif not entry.x509.is_ca():
        yield Reason("issuing-not-ca", f"entry {entry.key} says that it may not sign certificates", (entry.key,))
    if not may_be_signed(store, entry.x509):
        yield Reason("issuing-chain", f"no entry has the name and key that signed entry {entry.key}", (entry.key,))
    for where, revocation_list in readable(store.revocation_lists):
        if (revocation_list.issuer == entry.x509.issuer and entry.x509.serial in revocation_list.revoked
                and may_be_signed(store, revocation_list)):
            yield Reason("issuing-revoked", f"entry {entry.key} is named in {where}", (entry.key,))


def may_be_signed(store, signed):
    """Whether an entry has the issuer's name and a key that did not refute the signature; a root is its own issuer."""
    return any(entry.x509 and entry.x509.subject == signed.issuer and proof(signed, entry.x509.key) != REFUTED
               for entry in store.entries)


def readable(revocation_lists):
    """(where, parsed) of those that can be read; of the others `warnings` speaks."""
    for where, data in revocation_lists:
        try:
            yield where, RevocationList(data)
        except BadValue:
            pass


def reference_reasons(store):
    """One reason for each missing entry and table, however many rows name it."""
    keys = {entry.key for entry in store.entries}
    missing = defaultdict(list)
    for table, row, entry in store.references:
        if entry not in keys:
            missing[table, entry].append(row)
    for (table, entry), found in missing.items():
        text = f"entry {entry}, named by {count(found, 'row')} of {table}, first {found[0]}"
        yield Reason("dangling", text, (entry,))
    subjects = {entry.key: entry.x509.subject for entry in store.entries if entry.x509}
    for reference in store.references:
        table, row, entry = reference
        issuer = store.issuers.get(reference)
        if issuer and entry in subjects and subjects[entry] != issuer:
            yield Reason("wrong-issuer", f"entry {entry}, named by row {row} of {table}", (entry,))


def count(things, word):
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def warnings(store):
    """What does not keep the service from starting, as texts that begin with a code word."""
    if store.beside:
        yield f"logs-beside: log files lie beside a clean store and may be replayed over it: {', '.join(store.beside)}"
    read = {where for where, _ in readable(store.revocation_lists)}
    for where, data in store.revocation_lists:
        if where not in read:
            yield f"crl-unreadable: {where}: {len(data)} bytes are no revocation list"
    for entry in store.entries:
        if entry.x509 and store.time and entry.role in (OWN, ISSUING):
            end, now = entry.x509.not_after, store.time
            if end and end < now:
                yield f"expired: entry {entry.key}, {ROLES[entry.role]}, ended {end:%Y-%m-%d}, it is {now:%Y-%m-%d}"


# ---- the program --------------------------------------------------------------------------------------

Result = namedtuple("Result", "reasons warnings store")


def start(path, at=None):
    """Tries to start on the store at a path.  `store` is None when its database could not be mounted."""
    try:
        store = load(path)
    except CannotMount as error:
        return Result(list(error.args), [], None)
    store.time = at or store.time
    return Result(judge(store), list(warnings(store)), store)


def moment(text):
    time = datetime.datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


def describe(store):
    """What was loaded, for --verbose."""
    print(f"time: {store.time.isoformat() if store.time else 'unknown'}")
    print(f"mode: {(store.settings or {}).get('IssueMode')}, {len(store.references)} references, "
          f"{len(store.revocation_lists)} revocation lists")
    for entry in store.entries:
        trust = {None: "null", True: "trusted", False: "untrusted"}.get(entry.trusted, entry.trusted)
        print(f"entry {entry.key}: {ROLES.get(entry.role, entry.role)}, {trust}, SHA-1 {entry.sha1.hex()}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="A stand-in for the KM service at its start; a reconstruction.")
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("--at", metavar="TIME", type=moment, help="instead of the store's own last time")
    parser.add_argument("--verbose", action="store_true", help="also what was loaded")
    options = parser.parse_args(arguments)
    if not os.path.exists(options.store):
        parser.error(f"{options.store} does not exist")
    result = start(options.store, options.at)
    print("stand-in for the KM service: a reconstruction, not Microsoft's program")
    if options.verbose and result.store:
        describe(result.store)
    for warning in result.warnings:
        print(f"warning: {warning}")
    for reason in result.reasons:
        print(reason)
    if result.reasons:
        print(f"event {EXITING}: stand-in: exiting, {count(result.reasons, 'reason')} not to start")
        return 1
    print(f"event {STARTED}: stand-in: the service has started")
    return 0


if __name__ == "__main__":
    sys.exit(main())

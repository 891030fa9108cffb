#!/usr/bin/python3
"""Judges a repair of a store of a foreign schema by value, with the separate decoder and the corpus' facts.json.

    judge.py FOLDER NEW        FOLDER: one of the corpus' foreign/*; NEW: what a repair of its store wrote

Prints what is wrong, a line each; exit status 0 when nothing is.  What counts is the meaning: each certificate of the
list is there once, every reference leads to the certificate it led to, the issuing CA's entry has that role, and every
other row, column and value is the same.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import uuid
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "decoder"))
import edbdecode  # noqa: E402

DATE, TEXT, LONG_TEXT = 8, 10, 12
EMPTY = b"0\0"     # where a certificate should be: nobody's


def der_size(data):
    """Octets of the DER value at the start of data."""
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    return 2 + count + int.from_bytes(data[2:2 + count], "big")


def sequence(data):
    """DER values one behind the other."""
    found = []
    while data[:1] == b"\x30":
        size = der_size(data)
        found.append(data[:size])
        data = data[size:]
    return found


def from_sst(data):
    found, at = [], 8
    while at + 12 <= len(data):
        kind, _, size = (int.from_bytes(data[at + k:at + k + 4], "little") for k in (0, 4, 8))
        if kind == 32:
            found.append(data[at + 12:at + 12 + size])
        if kind == 0:
            break
        at += 12 + size
    return found


def from_pkcs7(data):
    """The certificates [0] of a SignedData, looked for by tag."""
    def children(value):
        head = 2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)
        inner, found = value[head:der_size(value)], []
        while inner:
            size = der_size(inner)
            found.append(inner[:size])
            inner = inner[size:]
        return found
    signed = children(children(data)[1])[0]
    for part in children(signed):
        if part[0] == 0xA0:
            return children(part)
    return []


def from_sizes(data, size, order):
    found = []
    while len(data) >= size:
        length = int.from_bytes(data[:size], order)
        found.append(data[size:size + length])
        data = data[size + length:]
    return found


def from_items(layout, data):
    """`-count-skipN-TYPE` as kmfixture's descriptions write it."""
    parts = layout.split("-")[1:]
    data = data[4 if "count" in parts else 0:]
    skip = sum(int(part[4:]) for part in parts if part.startswith("skip"))
    found = []
    while data:
        size = next((int(part[2:]) // 8 for part in parts if part[:2] in ("le", "be")), 0)
        start = skip + size
        length = (int.from_bytes(data[skip:start], "big" if any(part.startswith("be") for part in parts) else "little")
                  if size else der_size(data[start:]))
        found.append(data[start:start + length])
        data = data[start + length:]
    return found


def from_pem(data):
    return [base64.b64decode(body) for body in re.findall(
        rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END", data.replace(b"\0", b""))]


FRAMINGS = {
    "sst": from_sst, "p7": from_pkcs7, "concat": sequence, "pem": from_pem,
    "der": sequence, "pkcs7": from_pkcs7, "pem-crlf": from_pem, "lenle": lambda data: from_sizes(data, 4, "little"), "lenbe": lambda data: from_sizes(data, 4, "big"),
}

# How a reference can name an entry by a key that it writes otherwise: the keys that a value names.
FORMS_OF_KEYS = {
    "int": lambda value: [int.from_bytes(value, "little")],
    "bigendian": lambda value: [int.from_bytes(value, "big")],
    "digits": lambda value: [int(value.replace(b"\0", b""))],
    "hexdigits": lambda value: [int(value, 16)],
    "afterword": lambda value: [int(value.split(b":")[1])],
    "packed": lambda value: [int.from_bytes(value[at:at + 4], "little") for at in range(0, len(value), 4)],
    "commas": lambda value: [int(part) for part in value.split(b",")],
    "bracedhex": lambda value: [bytes.fromhex(value.strip(b"{}").decode()).lower()],
    "anycase": lambda value: [value.lower()],
    "blanks": lambda value: [value.strip().lower()],
    "guidtext": lambda value: [uuid.UUID(value.decode()).bytes_le.lower()],
    "lowbits": lambda value: [int.from_bytes(value, "little") & 0x7FFFFFFF],
    "tenfold": lambda value: [int.from_bytes(value, "little") // 10],
    "setting": lambda value: [int(value) if value.isdigit() else int.from_bytes(value, "little")],
}
DIGESTS = {
    "md5": lambda der: hashlib.md5(der).digest(), "md5hex": lambda der: hashlib.md5(der).hexdigest().encode(),
    "sha256": lambda der: hashlib.sha256(der).digest(), "sha512": lambda der: hashlib.sha512(der).digest(),
    "sha1colons": lambda der: digest(der).hex(":").upper().encode(), "sha1reversed": lambda der: digest(der)[::-1],
    "sha1blanks": lambda der: digest(der).hex(" ").encode("utf-16-le"), "sha1half": lambda der: digest(der)[:8],
    "sha1base64": lambda der: base64.b64encode(digest(der)), "crc32": lambda der: zlib.crc32(der).to_bytes(4, "little"),
}


def framed(framing, data):
    return from_items(framing, data) if framing.startswith("items") else FRAMINGS[framing](data)


def unwrap(data, how):
    """What stands behind a header, packing or the form of a single certificate."""
    for layer in (how or "").split(":"):
        data = unwrap_layer(data, layer)
    return data


def unwrap_layer(data, how):
    if how.startswith("header-"):
        return data[int(how[7:]):]
    if how in FRAMINGS:
        found = FRAMINGS[how](data)
        return found[0] if found else EMPTY
    if how == "zlib":
        return zlib.decompress(data if data[:1] == b"\x78" else data[data.index(b"\x78", 4):])
    if how == "context":
        return data[16:]
    return data


def plain(certificate):
    """What a certificate is without what stands behind it."""
    return certificate[:der_size(certificate)]


def digest(data):
    return hashlib.sha1(data).digest()


class Store:
    """A store as facts.json describes it: its tables, entries of its lists, and what a reference means."""

    def __init__(self, path, facts):
        self.facts, self.db = facts, edbdecode.open(str(path))
        self.rows = {table.name: list(table.rows()) for table in self.db.tables if not table.name.startswith("MSys")}
        self.types = {table.name: {c.name: c.type for c in table.columns} for table in self.db.tables}
        self.by_number, self.by_pair = {}, {}
        self.entries, self.by_key = [], {}     # entries: (certificate as stored, row or None, list)
        for where in facts["lists"]:
            self.read_rows(where) if where["kind"] == "rows" else self.read_value(where)
        base = facts["lists"][0].get("base", 1)
        self.by_position = {n + base: plain(entry[0]) for n, entry in enumerate(self.entries)}
        self.by_sha1 = {digest(entry[0]): plain(entry[0]) for entry in self.entries}

    def entry_at(self, place):
        return plain(self.entries[place - 1][0]) if 1 <= place <= len(self.entries) else None

    def note_key(self, key, row, certificate):
        """An entry's key, which can be of two columns; as a number, too, where it is one, or the digits of one."""
        if isinstance(key, list):
            self.by_pair[tuple(row[column][0] for column in key)] = plain(certificate)
            return
        value = row[key][0]
        self.by_key[value] = self.by_number[int.from_bytes(value, "little")] = plain(certificate)
        self.by_number[value.lower()] = plain(certificate)
        if value.isdigit():
            self.by_number[int(value)] = plain(certificate)

    def read_rows(self, where):
        for row in self.rows[where["table"]]:
            if where["cert"] not in row:
                continue
            certificate = unwrap(row[where["cert"]][0], where.get("wrap"))
            self.entries.append((certificate, row, where))
            if where.get("key"):
                self.note_key(where["key"], row, certificate)

    def value_rows(self, where):
        column, value = where.get("where", (None, None))
        return [row for row in self.rows[where["table"]]
                if column is None or [v.rstrip(b"\0").hex() for v in row.get(column, ())] == [value]
                or [v.decode("utf-16-le", "replace").rstrip("\0").encode().hex() for v in row.get(column, ())] == [value]]

    def read_value(self, where):
        rows = self.value_rows(where)
        if where.get("chunk"):
            rows = sorted(rows, key=lambda row: int.from_bytes(row[where["chunk"]][0], "little"))
        values = [value for row in rows for value in row.get(where["column"], ())]
        if where["framing"] == "multi":
            found = values
        else:
            found = framed(where["framing"], unwrap(b"".join(values), where.get("wrap")))
        self.entries += [(certificate, None, where) for certificate in found]

    def meaning(self, reference, row):
        """The certificates that a row's reference names; None for one that names nothing."""
        columns = reference["column"] if isinstance(reference["column"], list) else [reference["column"]]
        values = [value for column in columns for value in row.get(column, ())]
        by = reference["by"]
        if by == "issuerserial":
            return [bytes(b"".join(values))]
        if by == "pair":
            return [self.by_pair.get(tuple(values))]
        if by == "setting" and row.get("Item") != [reference["item"].encode()]:
            return values
        if by in FORMS_OF_KEYS:
            return [self.by_number.get(number) for value in values for number in FORMS_OF_KEYS[by](value)]
        if by == "place":
            return [self.entry_at(int.from_bytes(value, "little")) for value in values]
        kind, _, what = by.partition(":")
        if kind == "hash":
            return [next((plain(c) for c, _, _ in self.entries if DIGESTS[what](c) == value), None) for value in values]
        if kind == "other":
            return [next((plain(c) for c, entry, _ in self.entries if entry.get(what) == [value]), None) for value in values]
        maps = {"key": self.by_key.get, "keymv": self.by_key.get, "thumb": self.by_sha1.get,
                "pos": lambda v: self.by_position.get(int.from_bytes(v, "little")),
                "hexthumb": lambda v: self.by_sha1.get(bytes.fromhex(v.replace(b"\0", b"").decode()))}
        return [maps[by](value) for value in values]


def compare(folder, new, store="store.edb.gz"):
    """What is wrong with `new` as a repair of the folder's store; a list of texts."""
    facts = json.loads((pathlib.Path(folder) / "facts.json").read_text())
    old, new = Store(pathlib.Path(folder) / store, facts), Store(new, facts)
    wrong = []
    before = [plain(entry[0]) for entry in old.entries]
    after = [plain(entry[0]) for entry in new.entries]
    expected = list(dict.fromkeys(before))
    if sorted(after) != sorted(expected):
        wrong.append(f"the list holds {len(after)} entries, {len(set(after))} of them distinct; right: {len(expected)}")
    wrong += compare_lists(old, new, facts)
    references = {}
    for reference in facts["refs"]:
        references.setdefault(reference["table"], []).append(reference)
    list_tables = {where["table"] for where in facts["lists"] if where["kind"] == "rows"}
    for name in old.rows:
        if name in list_tables:
            continue
        skip = [where for where in facts["lists"] if where["table"] == name]
        wrong += compare_table(old, new, name, references.get(name, []), skip)
    return wrong


def compare_table(old, new, name, references, lists):
    wrong = []
    rows, others = list(old.rows[name]), list(new.rows.get(name, []))
    for where in lists:      # the value of a list is judged by what it holds
        rows = [row for row in rows if row not in old.value_rows(where)]
        others = [row for row in others if row not in new.value_rows(where)]
    if len(rows) != len(others):
        return [f"{name}: {len(others)} rows; right: {len(rows)}"]
    named = {c for r in references for c in (r["column"] if isinstance(r["column"], list) else [r["column"]])}
    for number, (row, other) in enumerate(zip(rows, others)):
        for column in sorted(set(row) | set(other)):
            if column not in named and row.get(column) != other.get(column) and not issuing_ca(old, new, row, other, column):
                wrong.append(f"{name} row {number}: {column} changed")
        for reference in references:
            if old.meaning(reference, row) != new.meaning(reference, other):
                wrong.append(f"{name} row {number}: {reference['column']} leads to another certificate")
    return wrong[:5]


def issuing_ca(old, new, row, other, column):
    """A setting that named a copy by its SHA-1 and names the one that stayed."""
    was, now = row.get(column), other.get(column)
    return (was and now and was[0] in old.by_sha1 and now[0] in new.by_sha1
            and old.by_sha1[was[0]] == new.by_sha1[now[0]])


def compare_lists(old, new, facts):
    wrong = []
    ca = [entry for entry in new.entries if digest(plain(entry[0])).hex() == facts["ca"]
          or digest(entry[0]).hex() == facts["ca"]]
    before = {}
    for certificate, row, where in old.entries:
        before.setdefault(plain(certificate), []).append(row)
    references = {r["column"]: r for r in facts["refs"] if isinstance(r["column"], str)
                  and r["table"] in [where["table"] for where in facts["lists"]]}
    for certificate, row, where in new.entries:
        if row is None:
            continue
        key = where.get("key")
        key_of = (lambda r, key=key: [r.get(column) for column in (key if isinstance(key, list) else [key])])
        same = [r for r in before.get(plain(certificate), []) if key_of(r) == key_of(row)]
        if not same:
            wrong.append(f"an entry {key_of(row)} of this key was not there before")
            continue
        copies, was = before[plain(certificate)], same[0]
        for column in sorted(set(row) | set(was)):
            if row.get(column) == was.get(column):
                continue
            if column in references and old.meaning(references[column], was) == new.meaning(references[column], row):
                continue
            merged = any(row.get(column) == copy.get(column) for copy in copies)
            if not (len(copies) > 1 and merged):
                wrong.append(f"{where['table']} entry {key_of(row)}: {column} changed")
        if [certificate] == [c for c, _, _ in ca] and facts.get("issuing-role") and where.get("role"):
            role = row.get(where["role"], [b""])[0].hex()
            if role != facts["issuing-role"]:
                wrong.append(f"the issuing CA has role {role}; right: {facts['issuing-role']}")
            lost = [c for copy in copies for c in facts.get("props", []) if copy.get(c) not in (None, row.get(c))]
            if lost and "decided" not in facts:
                wrong.append(f"values of {sorted(set(lost))} are gone")
    if len(ca) != 1:
        wrong.append(f"the CA is in the list {len(ca)} times")
    return wrong


if __name__ == "__main__":
    result = compare(sys.argv[1], sys.argv[2])
    print("\n".join(result) or "right")
    sys.exit(1 if result else 0)

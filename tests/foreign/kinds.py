"""Stores of schemas that are traps: what each is, and what is right for it.

    kinds.KINDS          {name: function}; each gives a Kind
    kind.description()   the text of a description for kmfixture
    kind.facts           what judge.py compares with, as the corpus' facts.json
    kind.truth           "repair": the certificate authority is in the list twice, and one copy has to go;
                         "hands off": whatever a program can do about it is wrong, as something else would have to change with
                         it; "sound": nothing is wrong, and nothing may be changed

A kind begins as a plain store, of a list in rows or in one value, and is then made strange.
"""

import base64
import gzip
import hashlib
import pathlib
import re
import struct
import subprocess
import tempfile
import uuid
import zlib

from schemas import Table

ORDER = ["own", "ca", "p1", "p2", "p3", "ca"]
TWICE = [place for place, name in enumerate(ORDER) if name == "ca"]
ROLES = {"own": "1", "issuing": "2", "imported": "3"}
ISSUED = ["own", "ca", "own", "ca", "own", "p1", "own", "ca", "own", "ca", "own", "p1", "own", "ca", "own", "ca"]
USES = [0, 1, 0, 5, 0, 2, 0, 1, 0, 5, 0, 2, 0, 1, 0, 5]     # the places in the list of who issued them
USERS = range(1, len(ISSUED) + 1)
SUBJECTS = {"own": "C=GB, O=Adatum, CN=Certificate Authority", "ca": "C=GB, O=Adatum, CN=Issuing Authority",
            "p1": "C=US, O=Partner One, CN=One Root", "p2": "C=US, O=Partner Two, CN=Two Root",
            "p3": "C=US, O=Partner Three, CN=Three Root"}


def cast(text):
    """The certificates of a store, those alone that its tables name."""
    named = set(re.findall(r"[\w-]+(?::\d+)?", text))
    lines = ["[store]", "seed = kinds", "[schema]",
             "without = Configuration CertificateList Users UserCertificates RevocationLists Administrators"]
    issuers = {ISSUED[n - 1] for n in USERS if f"user-certificate:{n}" in named} | {"own", "ca"}
    for name, subject in SUBJECTS.items():
        if name in named | issuers | ({"ca"} if "trailing" in named else set()):
            lines += [f"[key {name}]", "bits = 512", f"[certificate {name}]", f"subject = {subject}"]
            lines += ["version = 1"] if name == "own" else []
    lines += ["[certificate trailing]", "same-as = ca", "form = trailing", "trailing = 0000"] if "trailing" in named else []
    for number in USERS:
        if f"user-certificate:{number}" in named:
            user, issuer = f"user {number}", ISSUED[number - 1]
            lines += [f"[key {user}]", "bits = 512", f"[user-certificate {number}]", f"user = {number}", f"issuer = {issuer}",
                      f"version = {1 if issuer == 'own' else 3}"]
    for number, issuer in enumerate(["own", "ca"], 1):
        if f"crl:{number}" in named:
            lines += [f"[crl {number}]", f"issuer = {issuer}", "revokes = 4711"]
    return "\n".join(lines)


class Certificates(dict):
    """{name: DER}, made when they are first asked for; kmfixture: the program."""

    kmfixture = None

    def __missing__(self, name):
        with tempfile.TemporaryDirectory() as scratch:
            text = pathlib.Path(scratch, "description.ini")
            everything = "sst:" + " ".join([*SUBJECTS, "trailing"])
            text.write_text(f"{cast(everything)}\n[table All]\ncolumn.1 = No Long\ncolumn.2 = Blob LongBinary\nrow.1 = 1 | {everything}\n")
            subprocess.run([self.kmfixture, "--certs", scratch, text], check=True, capture_output=True)
            self.update({file.stem: file.read_bytes() for file in pathlib.Path(scratch).glob("*.der")})
        return self[name]


CERTIFICATES = Certificates()


def raw(data):
    """Bytes as a description writes them."""
    digits = data.hex()
    return "hex:" + " ".join(digits[at:at + 64] for at in range(0, len(digits), 64)) if data else "-"


def sst(names):
    parts = [struct.pack("<III", 32, 1, len(CERTIFICATES[n])) + CERTIFICATES[n] for n in names]
    return struct.pack("<I", 0) + b"CERT" + b"".join(parts) + bytes(12)


def sha1(name):
    return hashlib.sha1(CERTIFICATES[name]).digest()


class Kind:
    """A store that is being described."""

    def __init__(self, truth="repair"):
        self.tables, self.refs, self.lists, self.truth = {}, [], [], truth
        self.no_lists, self.keep, self.mode, self.says = [], [], "V3", {}
        self.issuing_role, self.properties = None, []

    def table(self, name, columns, rows, **indexes):
        """Columns: "Name Type, ..."; rows: lists of texts; indexes: primary=, unique=, index=."""
        made = self.tables[name] = Table(name)
        for column in columns.split(", "):
            made.column(*column.rsplit(" ", 1))
        made.indexes = [(kind, text) for kind, text in indexes.items()]
        names = [column for column, _ in made.columns]
        made.rows = [dict(zip(names, row, strict=True)) for row in rows]
        return made

    def column(self, table, name, kind, values):
        """A further column of a table, with a value for each row."""
        made = self.tables[table]
        made.column(name, kind)
        for row, value in zip(made.rows, values, strict=True):
            row[name] = value

    def refer(self, table, column, by="key"):
        self.refs.append({"table": table, "column": column, "by": by})

    def description(self):
        text = "\n".join(table.text() for table in self.tables.values())
        return f"{cast(text)}\n{text}\n"

    @property
    def facts(self):
        found = {"name": "", "lists": self.lists, "refs": self.refs, "ca": sha1("ca").hex(), "keep": "", "props": self.properties}
        if self.issuing_role:
            found["issuing-role"] = self.issuing_role
        return found


def number(value, size=4):
    return value.to_bytes(size, "little", signed=value < 0)


def settings(kind, more=(), name="Params", mode=True):
    rows = [("Mode", "V3"), ("Current", "thumbprint:ca")] if mode else []
    rows = sorted(rows + [("OrgName", "Adatum"), ("Sequence", "4"), *more])
    return kind.table(name, "Item Text, Value LongBinary", rows)


def rows(keys=(11, 12, 13, 14, 15, 16), key="EntryNo", kind="Long", truth="repair", certificates=None, references=None,
         own="Trust", more_settings=()):
    """A list in rows, user certificates and CRLs that refer to it by its key, and settings."""
    made = Kind(truth)
    texts = [str(k) for k in keys]
    certificates = certificates or [f"certificate:{name}" for name in ORDER]
    made.table(own, f"{key} {kind}, Blob LongBinary, Usage Long, IsTrusted Bit",
               [(texts[n], certificates[n], ROLES["own" if n == 0 else "issuing" if n == 5 else "imported"], "yes")
                for n in range(6)])
    made.lists.append({"kind": "rows", "table": own, "key": key, "cert": "Blob", "role": "Usage", "trust": "IsTrusted",
                       "wrap": None})
    made.issuing_role = number(2).hex()
    made.keep = [texts[5]]
    made.texts, made.key = texts, key
    kind = references or kind.split()[0]
    issued(made, kind, [texts[place] for place in USES])
    made.table("Revoked", f"RevNo Long, SignedBy {kind}, Crl LongBinary",
               [("1", texts[0], "crl:1"), ("2", texts[1], "crl:2")])
    made.refer("Revoked", "SignedBy")
    settings(made, more_settings)
    return made


def issued(made, kind, values, by="key"):
    made.table("Issued", f"SeqNo Long, Holder Long, SignedBy {kind}, Leaf LongBinary",
               [(str(n), str(200 + (n + 1) // 2), value, f"user-certificate:{n}") for n, value in enumerate(values, 1)])
    made.refer("Issued", "SignedBy", by)


def in_value(value, framing="sst", by="thumb", truth="repair", more_settings=(), wrap=None, base=1):
    """The list in one setting, and user certificates that refer to it by SHA-1 or position."""
    made = Kind(truth)
    settings(made, [("TrustList", value), *more_settings])
    made.lists.append({"kind": "value", "table": "Params", "column": "Value", "framing": framing, "wrap": wrap, "base": base,
                       "where": ["Item", b"TrustList".hex()]})
    if by == "thumb":
        issued(made, "Binary", [f"thumbprint:{name}" for name in ISSUED], by)
    else:
        issued(made, "Long", [str(place + base) for place in USES], by)
    return made


SST = "sst:" + " ".join(ORDER)
KINDS = {}


def kind_of(function):
    KINDS[function.__name__] = function
    return function


# ---- how a reference says that it names nothing, and in which form it names an entry ----

def policy(kind, column, values, by="key", name="Policy", none=()):
    """A table of which nothing proves what it refers to."""
    kind.table(name, f"PolicyNo Long, Anchor {column}, Weight Long",
               [(str(n), value, str(300 + n)) for n, value in enumerate(values, 1)])
    if by:
        kind.refer(name, "Anchor", by)
    return kind


@kind_of
def none_is_minus_one():
    return policy(rows(), "Long", ["12", "-1", "13", "-1", "16"])


@kind_of
def none_is_minus_one_short():
    return policy(rows(kind="Short"), "Short", ["12", "-1", "13", "-1", "16"])


@kind_of
def none_is_all_ones():
    return policy(rows(kind="UnsignedLong"), "UnsignedLong", ["12", "4294967295", "13", "16"])


@kind_of
def none_is_empty_text():
    kind = rows(keys=[f"CA{n:03}" for n in range(1, 7)], kind="Text")
    return policy(kind, "Text", ["CA002", "none", "CA003", "none", "CA006"])


@kind_of
def none_is_minus_one_with_proof():
    """Requests that nobody has answered yet have -1."""
    kind = rows()
    for row in kind.tables["Issued"].rows[::5]:
        row.update(SignedBy="-1", Leaf="-")
    return kind


@kind_of
def one_dangles():
    """One reference leads nowhere already."""
    return policy(rows(), "Long", ["12", "99", "13", "16"])


@kind_of
def keys_from_zero():
    return policy(rows(keys=range(6)), "Long", ["1", "0", "5", "2"])


@kind_of
def copy_has_key_zero():
    kind = rows()
    swap = {"11": "12", "12": "0"}
    for table, column in (("Trust", "EntryNo"), ("Issued", "SignedBy"), ("Revoked", "SignedBy")):
        for row in kind.tables[table].rows:
            row[column] = swap.get(row[column], row[column])
    kind.tables["Trust"].rows.sort(key=lambda row: int(row["EntryNo"]))
    return policy(kind, "Long", ["0", "13", "16"])


@kind_of
def copy_has_key_zero_of_64_bits():
    keys = [2**40 + 7, 0, 2**40 + 9, 2**40 + 11, 2**40 + 13, 2**40 + 17]
    kind = rows(keys=keys, kind="Currency")
    kind.tables["Trust"].rows.sort(key=lambda row: int(row["EntryNo"]))
    return policy(kind, "Currency", ["0", str(keys[2]), str(keys[5])])


@kind_of
def negative_keys():
    kind = rows(keys=(-16, -15, -14, -13, -12, -11))
    return policy(kind, "Long", ["-15", "-14", "-11"])


@kind_of
def negative_keys_short():
    kind = rows(keys=(-16, -15, -14, -13, -12, -11), kind="Short")
    return policy(kind, "Short", ["-15", "-14", "-11"])


@kind_of
def references_big_endian():
    return policy(rows(), "Binary", [raw(n.to_bytes(4, "big")) for n in (12, 13, 16)], "bigendian")


@kind_of
def references_binary_8():
    return policy(rows(), "Binary", [raw(number(n, 8)) for n in (12, 13, 16)], "int")


@kind_of
def references_binary_2():
    return policy(rows(), "Binary", [raw(number(n, 2)) for n in (12, 13, 16)], "int")


@kind_of
def references_digits():
    return policy(rows(), "Text", ["12", "13", "16"], "digits")


@kind_of
def references_digits_unicode():
    return policy(rows(), "UnicodeText", ["12", "13", "16"], "digits")


@kind_of
def references_hex_digits():
    return policy(rows(), "Text", ["0x0000000c", "0x0000000d", "0x00000010"], "hexdigits")


@kind_of
def references_with_a_word():
    return policy(rows(), "Text", ["Trust:12", "Trust:13", "Trust:16"], "afterword")


@kind_of
def references_packed():
    """Several keys in one binary value."""
    return policy(rows(), "LongBinary", [raw(number(12) + number(14)), raw(number(13)), raw(number(16) + number(11))], "packed")


@kind_of
def references_with_commas():
    return policy(rows(), "Text", ["12,14", "13", "16,11"], "commas")


@kind_of
def references_guid_in_text():
    ids = [hashlib.md5(bytes([n])).digest() for n in range(6)]
    kind = rows(keys=[raw(i) for i in sorted(ids)], kind="Binary")
    texts = ["{" + i.hex() + "}" for i in sorted(ids)]
    return policy(kind, "Text", [texts[1], texts[2], texts[5]], "bracedhex")


@kind_of
def references_guid_as_it_is_written():
    """With dashes, and the three numbers at its start with their great end first."""
    ids = [uuid.UUID(bytes_le=i) for i in sorted(hashlib.md5(bytes([n])).digest() for n in range(6))]
    kind = rows(keys=[raw(i.bytes_le) for i in ids], kind="Binary")
    return policy(kind, "Text", [str(ids[place]).upper() for place in (1, 2, 5)], "guidtext")


@kind_of
def references_in_another_case():
    kind = rows(keys=[f"CA{n:03}" for n in range(1, 7)], kind="Text")
    return policy(kind, "Text", ["ca002", "ca003", "ca006"], "anycase")


@kind_of
def references_with_blanks():
    kind = rows(keys=[f"CA{n:03}" for n in range(1, 7)], kind="Text")
    return policy(kind, "Binary", [raw(f"CA{n:03}  ".encode()) for n in (2, 3, 6)], "blanks")


@kind_of
def references_narrow():
    return policy(rows(), "UnsignedByte", ["12", "13", "16"], "int")


@kind_of
def references_narrow_with_proof():
    kind = rows(references="Short")
    for ref in kind.refs:
        ref["by"] = "int"
    return kind


@kind_of
def references_with_a_flag():
    """The highest bit says something else."""
    return policy(rows(), "UnsignedLong", [str(2**31 + 12), "13", str(2**31 + 16)], "lowbits")


@kind_of
def references_times_ten():
    return policy(rows(), "Long", ["120", "130", "160"], "tenfold")


@kind_of
def keys_are_dates():
    days = [f"1999-0{n}-11 10:00" for n in range(1, 7)]
    kind = rows(keys=days, kind="DateTime")
    return policy(kind, "DateTime", [days[1], days[2], days[5]])


@kind_of
def text_keys_that_are_numbers():
    kind = rows(keys=[f"{n:04}" for n in range(21, 27)], kind="Text")
    return policy(kind, "Long", ["22", "23", "26"], "int")


# ---- what names an entry by something else than the key ----

@kind_of
def references_by_the_other_number():
    """Two numbers in each row of the list; user certificates use one, policies the other."""
    kind = rows()
    kind.column("Trust", "Ordinal", "Long", ["51", "52", "53", "54", "55", "56"])
    policy(kind, "Long", ["52", "53", "56"], "other:Ordinal")
    return kind


@kind_of
def references_by_the_primary_key():
    """The primary key of the list is what policies use; user certificates use another number."""
    kind = rows()
    table = kind.tables["Trust"]
    table.columns.insert(0, ("Ordinal", "Long"))
    for row, value in zip(table.rows, ("51", "52", "53", "54", "55", "56")):
        row["Ordinal"] = value
    table.indexes = [("primary", "Ordinal"), ("unique", "EntryNo")]
    return policy(kind, "Long", ["52", "53", "56"], "other:Ordinal")


@kind_of
def references_by_an_auto_increment():
    kind = rows()
    table = kind.tables["Trust"]
    table.columns.insert(0, ("Ordinal", "Long auto-increment"))
    for row, value in zip(table.rows, ("51", "52", "53", "54", "55", "56")):
        row["Ordinal"] = value
    table.indexes = [("primary", "Ordinal"), ("unique", "EntryNo")]
    return policy(kind, "Long", ["52", "53", "56"], "other:Ordinal")


LABELS = ["KM CA", "Issuing CA (imported)", "One", "Two", "Three", "Issuing CA"]


@kind_of
def references_by_name():
    kind = rows()
    kind.column("Trust", "Label", "Text", LABELS)
    return policy(kind, "Text", [LABELS[1], LABELS[2], LABELS[5]], "other:Label")


@kind_of
def references_by_unicode_name():
    kind = rows()
    kind.column("Trust", "Label", "UnicodeText", LABELS)
    return policy(kind, "UnicodeText", [LABELS[1], LABELS[2], LABELS[5]], "other:Label")


@kind_of
def all_references_by_name():
    """Also those of user certificates; the number is nobody's."""
    kind = rows()
    kind.column("Trust", "Label", "Text", LABELS)
    for table in ("Issued", "Revoked"):
        made = kind.tables[table]
        made.columns = [(n, "Text" if n == "SignedBy" else k) for n, k in made.columns]
        for row in made.rows:
            row["SignedBy"] = LABELS[kind.texts.index(row["SignedBy"])]
    for ref in kind.refs:
        ref["by"] = "other:Label"
    return kind


@kind_of
def references_by_place_in_the_table():
    """The number of the row, from 1, while keys are GUIDs."""
    ids = sorted(hashlib.md5(bytes([n])).digest() for n in range(6))
    kind = rows(keys=[raw(i) for i in ids], kind="Binary")
    return policy(kind, "Long", ["2", "3", "6"], "place")


@kind_of
def references_by_place_beside_numbers():
    return policy(rows(keys=(101, 102, 103, 104, 105, 106)), "Long", ["2", "3", "6"], "place")


@kind_of
def references_by_the_first_places():
    """Without a gap, as codes are."""
    return policy(rows(keys=(101, 102, 103, 104, 105, 106)), "Long", ["1", "2", "3", "2"], "place")


@kind_of
def references_by_two_places():
    """Few, as codes are."""
    return policy(rows(keys=(101, 102, 103, 104, 105, 106)), "Long", ["2", "6", "2"], "place")


@kind_of
def references_by_all_places():
    return policy(rows(keys=(101, 102, 103, 104, 105, 106)), "Long", ["1", "2", "3", "4", "5", "6", "2", "5"], "place")


@kind_of
def key_within_a_class():
    """Entries are counted anew in each class, and are named by class and number."""
    kind = Kind()
    classes = [1, 3, 3, 3, 3, 2]
    numbers = [1, 1, 2, 3, 4, 1]
    made = sorted(range(6), key=lambda n: (classes[n], numbers[n]))
    kind.table("Trust", "Class Long, Number Long, Blob LongBinary, IsTrusted Bit",
               [(str(classes[n]), str(numbers[n]), f"certificate:{ORDER[n]}", "yes") for n in made], primary="Class Number")
    kind.lists.append({"kind": "rows", "table": "Trust", "key": ["Class", "Number"], "cert": "Blob", "role": None,
                       "trust": "IsTrusted", "wrap": None})
    kind.table("Issued", "SeqNo Long, CaClass Long, CaNumber Long, Leaf LongBinary",
               [(str(n), str(classes[p]), str(numbers[p]), f"user-certificate:{n}") for n, p in enumerate(USES, 1)])
    kind.refer("Issued", ["CaClass", "CaNumber"], "pair")
    settings(kind)
    return kind


def hashes(algorithm):
    kind = rows(certificates=[f"certificate:{'trailing' if n == 1 else name}" for n, name in enumerate(ORDER)])
    digest = [algorithm(CERTIFICATES["trailing" if n == 1 else name]) for n, name in enumerate(ORDER)]
    return kind, digest


@kind_of
def references_by_md5():
    kind, digest = hashes(lambda der: hashlib.md5(der).digest())
    return policy(kind, "Binary", [raw(digest[n]) for n in (1, 2, 5)], "hash:md5")


@kind_of
def references_by_md5_hex():
    kind, digest = hashes(lambda der: hashlib.md5(der).hexdigest())
    return policy(kind, "Text", [digest[n] for n in (1, 2, 5)], "hash:md5hex")


@kind_of
def references_by_sha1_with_colons():
    kind, digest = hashes(lambda der: ":".join(f"{b:02X}" for b in hashlib.sha1(der).digest()))
    return policy(kind, "Text", [digest[n] for n in (1, 2, 5)], "hash:sha1colons")


@kind_of
def references_by_sha1_with_blanks():
    kind, digest = hashes(lambda der: " ".join(f"{b:02x}" for b in hashlib.sha1(der).digest()))
    return policy(kind, "UnicodeText", [digest[n] for n in (1, 2, 5)], "hash:sha1blanks")


@kind_of
def references_by_sha1_base64():
    kind, digest = hashes(lambda der: base64.b64encode(hashlib.sha1(der).digest()).decode())
    return policy(kind, "Text", [digest[n] for n in (1, 2, 5)], "hash:sha1base64")


@kind_of
def references_by_sha1_reversed():
    kind, digest = hashes(lambda der: hashlib.sha1(der).digest()[::-1])
    return policy(kind, "Binary", [raw(digest[n]) for n in (1, 2, 5)], "hash:sha1reversed")


@kind_of
def references_by_half_a_sha1():
    kind, digest = hashes(lambda der: hashlib.sha1(der).digest()[:8])
    return policy(kind, "Binary", [raw(digest[n]) for n in (1, 2, 5)], "hash:sha1half")


@kind_of
def references_by_sha256():
    kind, digest = hashes(lambda der: hashlib.sha256(der).digest())
    return policy(kind, "Binary", [raw(digest[n]) for n in (1, 2, 5)], "hash:sha256")


@kind_of
def references_by_sha512():
    kind, digest = hashes(lambda der: hashlib.sha512(der).digest())
    return policy(kind, "Binary", [raw(digest[n]) for n in (1, 2, 5)], "hash:sha512")


@kind_of
def references_by_crc32():
    kind, digest = hashes(lambda der: number(zlib.crc32(der)))
    return policy(kind, "UnsignedLong", [str(int.from_bytes(digest[n], "little")) for n in (1, 2, 5)], "hash:crc32")


@kind_of
def references_by_size():
    """Each value is the size of the certificate; nobody's idea of a key, and no reference."""
    kind = rows()
    return policy(kind, "Long", [str(len(CERTIFICATES[n])) for n in ("ca", "p1", "ca")], None)


# ---- settings and other places that name an entry ----

@kind_of
def setting_names_the_key():
    return setting_kind("LastImported", raw(number(12)))


@kind_of
def setting_names_the_key_in_digits():
    return setting_kind("LastImported", "12")


def setting_kind(item, value):
    """A setting that names the first copy, by its key, among settings that do not."""
    kind = rows(more_settings=[(item, value)])
    kind.refs.append({"table": "Params", "column": "Value", "by": "setting", "item": item, "key": "12"})
    return kind


@kind_of
def setting_names_a_position():
    """In a list that is one value: the place, from 1, of the CA that signs."""
    kind = in_value(SST, more_settings=[("SigningPlace", raw(number(6)))])
    kind.truth = "hands off"
    return kind


@kind_of
def setting_counts_the_list():
    kind = in_value(SST, more_settings=[("TrustListCount", raw(number(6)))], truth="hands off")
    return kind


@kind_of
def column_counts_the_list():
    """The row of the list's value says how many certificates there are, and how many bytes."""
    kind = Kind("hands off")
    settings(kind)
    kind.table("Lists", "Name Text, Count Long, Size Long, Data LongBinary",
               [("Other", "0", "4", "hex:00000000"), ("Trust", "6", str(len(sst(ORDER))), SST)])
    issued(kind, "Binary", [f"thumbprint:{name}" for name in ISSUED], "thumb")
    kind.refs = []
    return kind


@kind_of
def column_sizes_the_list():
    kind = Kind("hands off")
    settings(kind)
    kind.table("Lists", "Name Text, Size Long, Data LongBinary", [("Trust", str(len(sst(ORDER))), SST)])
    issued(kind, "Binary", [f"thumbprint:{name}" for name in ISSUED], "thumb")
    return kind


@kind_of
def column_hashes_the_list():
    kind = Kind("hands off")
    settings(kind)
    kind.table("Lists", "Name Text, Digest Binary, Data LongBinary", [("Trust", raw(hashlib.sha1(sst(ORDER)).digest()), SST)])
    issued(kind, "Binary", [f"thumbprint:{name}" for name in ISSUED], "thumb")
    return kind


@kind_of
def setting_hashes_the_list():
    return in_value(SST, more_settings=[("TrustListDigest", raw(hashlib.md5(sst(ORDER)).digest()))], truth="hands off")


@kind_of
def header_hashes_the_list():
    """The value is its own SHA-1, then the list."""
    value = sst(ORDER)
    return in_value(raw(hashlib.sha1(value).digest() + value), truth="hands off")


@kind_of
def header_sizes_the_list():
    value = sst(ORDER)
    return in_value(raw(number(len(value)) + value), truth="hands off")


@kind_of
def header_counts_the_list():
    value = b"".join(CERTIFICATES[name] for name in ORDER)
    return in_value(raw(b"KMTL" + number(1) + number(6) + number(len(value)) + value), truth="hands off")


@kind_of
def trailer_behind_the_list():
    value = b"".join(CERTIFICATES[name] for name in ORDER)
    return in_value(raw(value + hashlib.md5(value).digest()), truth="hands off")


# ---- what stands beside the entries of a list in a value ----

def beside(column, values):
    kind = Kind("hands off")
    settings(kind)
    kind.table("Server", f"Id Long, Certs LongBinaryValues, Beside {column}Values",
               [("1", " & ".join(f"certificate:{name}" for name in ORDER), " & ".join(values))])
    issued(kind, "Binary", [f"thumbprint:{name}" for name in ISSUED], "thumb")
    return kind


@kind_of
def roles_beside_values():
    return beside("Long", ["1", "3", "3", "3", "3", "2"])


@kind_of
def words_beside_values():
    return beside("Text", ["own", "imported", "imported", "imported", "imported", "issuing"])


@kind_of
def names_beside_values():
    return beside("UnicodeText", LABELS)


@kind_of
def dates_beside_values():
    return beside("DateTime", [f"1999-0{n}-11 10:00" for n in range(1, 7)])


@kind_of
def large_numbers_beside_values():
    return beside("Long", [str(n) for n in (0x1001, 0x3001, 0x3001, 0x3002, 0x3001, 0x2001)])


@kind_of
def setting_with_a_byte_for_each_entry():
    return in_value(SST, more_settings=[("TrustFlags", raw(bytes([1, 3, 3, 3, 3, 2])))], truth="hands off")


@kind_of
def row_for_each_position():
    """A table with a row for each place in the list."""
    kind = in_value(SST)
    kind.truth = "hands off"
    kind.table("Places", "Place Long, Label Text", [(str(n + 1), LABELS[n]) for n in range(6)])
    kind.refer("Places", "Place", "pos")
    return kind


@kind_of
def row_for_each_position_but_the_last():
    """As the last import could not be saved."""
    kind = in_value(SST)
    kind.table("Places", "Place Long, Label Text", [(str(n + 1), LABELS[n]) for n in range(5)])
    kind.refer("Places", "Place", "pos")
    return kind


# ---- a list in many settings ----

def numbered(truth="hands off", more=()):
    kind = Kind(truth)
    settings(kind, [*[(f"Trust{n + 1}", f"certificate:{name}") for n, name in enumerate(ORDER)], *more])
    issued(kind, "Binary", [f"thumbprint:{name}" for name in ISSUED], "thumb")
    return kind


@kind_of
def setting_for_each_entry():
    """Trust1, Trust2, ... and how many there are: none can go and leave a gap."""
    return numbered(more=[("TrustCount", raw(number(6)))])


@kind_of
def settings_for_each_entry():
    """Several settings for each entry: what stays of one that goes has no certificate."""
    return numbered(more=[(f"Trust{n + 1}.Role", ROLES["own" if n == 0 else "issuing" if n == 5 else "imported"])
                          for n in range(6)])


@kind_of
def attributes_in_rows():
    """Each entry in several rows: its number, the attribute's name, the value."""
    kind = Kind("hands off")
    settings(kind)
    made = []
    for n, name in enumerate(ORDER):
        made += [(str(11 + n), "cert", f"certificate:{name}"), (str(11 + n), "role", raw(bytes([1 if n == 0 else 3])))]
    kind.table("Attributes", "Entry Long, Name Text, Value LongBinary", made, primary="Entry Name")
    issued(kind, "Long", [str(11 + place) for place in USES])
    return kind


# ---- explanations that are wrong ----

@kind_of
def version_that_is_a_reference():
    """Entry 1 issues what is of version 1, entry 3 what is of version 3."""
    kind = rows(keys=(1, 3, 4, 5, 6, 7))
    for row, name, place in zip(kind.tables["Issued"].rows, ISSUED, USES):
        row["SignedBy"] = {"own": "1", "ca": "3"}.get(name, kind.texts[place])
    return kind


@kind_of
def version_that_is_a_reference_alone():
    """The same, and nobody else issues anything."""
    kind = version_that_is_a_reference()
    kind.tables["Issued"].rows = [row for row in kind.tables["Issued"].rows if row["SignedBy"] in "13"]
    return kind


@kind_of
def reference_named_as_all_keys():
    """Every table's key is Id, and so is a column that refers to the list."""
    kind = rows(key="Id")
    kind.table("Mailbox", "Id Long, Alias Text", [(str(n), f"user{n}") for n in range(1, 41)])
    kind.table("Policy", "PolicyNo Long, Id Long", [("1", "12"), ("2", "13"), ("3", "16")])
    kind.refer("Policy", "Id")
    return kind


@kind_of
def reference_named_as_another_table():
    """A column named Holder, that is the holder of a CA."""
    kind = rows()
    kind.table("Holders", "EntryNo Long, Name Text", [(str(n), f"holder {n}") for n in range(1, 41)])
    kind.table("Policy", "PolicyNo Long, EntryNo Long", [("1", "12"), ("2", "13"), ("3", "16")])
    kind.refer("Policy", "EntryNo")
    return kind


@kind_of
def row_for_each_entry():
    """A table that says more of each entry, under the same key."""
    kind = rows()
    kind.table("Details", "EntryNo Long, Label Text", [(kind.texts[n], LABELS[n]) for n in range(6)])
    kind.truth = "hands off"
    kind.refer("Details", "EntryNo")
    return kind


@kind_of
def row_for_each_entry_counted():
    kind = rows(keys=range(1, 7))
    kind.table("Details", "EntryNo Long, Label Text", [(kind.texts[n], LABELS[n]) for n in range(6)])
    kind.truth = "hands off"
    kind.refer("Details", "EntryNo")
    return kind


@kind_of
def row_for_each_entry_but_the_last():
    """The last import could not be saved in full."""
    kind = rows(keys=range(1, 7))
    kind.table("Details", "EntryNo Long, Label Text", [(kind.texts[n], LABELS[n]) for n in range(5)])
    kind.refer("Details", "EntryNo")
    return kind


@kind_of
def row_for_each_entry_but_the_last_in_other_words():
    kind = rows(keys=range(1, 7))
    kind.table("Details", "TrustNo Long, Label Text", [(kind.texts[n], LABELS[n]) for n in range(5)])
    kind.refer("Details", "TrustNo")
    return kind


@kind_of
def counted_by_the_engine():
    """The engine counts up what is also the entry's number."""
    kind = rows(keys=range(1, 7))
    kind.table("Details", "EntryNo Long auto-increment, Label Text", [(kind.texts[n], LABELS[n]) for n in range(6)])
    kind.truth = "hands off"
    kind.refer("Details", "EntryNo")
    return kind


@kind_of
def next_and_last():
    """Rows of the list lead to the next and the one before."""
    kind = rows(truth="hands off")
    kind.column("Trust", "NextEntry", "Long", ["12", "13", "14", "15", "16", "-"])
    kind.column("Trust", "LastEntry", "Long", ["-", "11", "12", "13", "14", "15"])
    kind.refer("Trust", "NextEntry")
    kind.refer("Trust", "LastEntry")
    return kind


@kind_of
def next_with_end():
    kind = rows(truth="hands off")
    kind.column("Trust", "NextEntry", "Long", ["12", "13", "14", "15", "16", "-1"])
    kind.refer("Trust", "NextEntry")
    return kind


@kind_of
def guessed_by_the_name_of_the_key():
    """Every table's key is Id, and a column of that name refers to another table."""
    kind = rows(keys=range(1, 7), key="Id")
    kind.table("Groups", "GroupNo Long, Alias Text", [(str(n), f"group {n}") for n in range(1, 41)])
    kind.table("Members", "No Long, Id Long", [("1", "2"), ("2", "3"), ("3", "6")])
    return kind


@kind_of
def guessed_by_the_name_of_a_reference():
    """SignedBy is an administrator, in a table of what administrators signed."""
    kind = rows(keys=range(1, 7))
    kind.table("Admins", "AdminNo Long, Alias Text", [(str(n), f"admin {n}") for n in range(1, 9)])
    kind.table("Approvals", "No Long, SignedBy Long", [("1", "2"), ("2", "3"), ("3", "6"), ("4", "2")])
    return kind


@kind_of
def guessed_by_text():
    """Text keys; a column of another table that holds texts of the same sort, which mean something else."""
    kind = rows(keys=["A", "B", "C", "D", "E", "F"], kind="Text")
    kind.table("Grades", "No Long, Grade Text", [("1", "B"), ("2", "C"), ("3", "F"), ("4", "A")])
    return kind


@kind_of
def deleted_as_the_only_bit():
    """The only Bit of the list says that a row is deleted."""
    kind = rows(truth="sound")
    table = kind.tables["Trust"]
    table.columns = [(n if n != "IsTrusted" else "Deleted", k) for n, k in table.columns]
    for place, row in enumerate(table.rows):
        row.pop("IsTrusted")
        row["Deleted"] = "yes" if place == 1 else "no"
    for name in ("Issued", "Revoked"):
        for row in kind.tables[name].rows:
            row["SignedBy"] = {"12": "16"}.get(row["SignedBy"], row["SignedBy"])
    kind.lists[0]["trust"] = None
    kind.keep = []
    return kind


@kind_of
def state_as_the_only_text():
    """The only text of the list says what became of the entry."""
    kind = rows()
    kind.column("Trust", "State", "Text", ["active", "withdrawn", "active", "active", "active", "active"])
    kind.properties = ["State"]
    return kind


# ---- indexes that stand in the way ----

@kind_of
def one_crl_for_each_entry():
    """Unique: each CA has one revocation list; the copies have one each."""
    kind = rows(truth="hands off")
    kind.tables["Revoked"].rows.append({"RevNo": "3", "SignedBy": "16", "Crl": "crl:2"})
    kind.tables["Revoked"].indexes = [("unique", "SignedBy")]
    return kind


@kind_of
def one_crl_for_each_entry_without_proof():
    kind = rows(truth="hands off")
    policy(kind, "Long", ["12", "13", "16"])
    kind.tables["Policy"].indexes = [("unique", "Anchor")]
    return kind


@kind_of
def unique_with_the_holder():
    """Unique: holder and CA; a user trusts both copies."""
    kind = rows(truth="hands off")
    kind.table("Trusts", "No Long, Holder Long, Anchor Long",
               [("1", "201", "12"), ("2", "201", "16"), ("3", "202", "13")], unique="Holder Anchor")
    kind.refer("Trusts", "Anchor")
    return kind


@kind_of
def unique_with_the_holder_that_fits():
    kind = rows()
    kind.table("Trusts", "No Long, Holder Long, Anchor Long",
               [("1", "201", "12"), ("2", "202", "16"), ("3", "203", "13")], unique="Holder Anchor")
    kind.refer("Trusts", "Anchor")
    return kind


@kind_of
def pairs_as_primary_key():
    kind = rows()
    kind.table("Trusts", "Holder Long, Anchor Long, Since DateTime",
               [("201", "12", "1999-02-02"), ("202", "16", "1999-02-02"), ("203", "13", "1999-02-02")], primary="Holder Anchor")
    kind.refer("Trusts", "Anchor")
    return kind


@kind_of
def pairs_that_collide():
    kind = rows(truth="hands off")
    kind.table("Trusts", "Holder Long, Anchor Long, Since DateTime",
               [("201", "12", "1999-02-02"), ("201", "16", "1999-02-02"), ("203", "13", "1999-02-02")], primary="Holder Anchor")
    kind.refer("Trusts", "Anchor")
    return kind


@kind_of
def unique_names():
    kind = rows()
    kind.column("Trust", "Label", "Text", LABELS)
    kind.tables["Trust"].indexes = [("unique", "Label")]
    return kind


@kind_of
def nine_references():
    kind = rows()
    for n in range(9):
        table = f"Use{n:02}"
        kind.table(table, "No Long, Signer Long, Leaf LongBinary",
                   [(str(k), kind.texts[USES[k]], f"user-certificate:{k + 1}") for k in range(16)])
        kind.refer(table, "Signer")
    return kind


@kind_of
def nine_references_without_proof():
    kind = rows()
    for n in range(9):
        policy(kind, "Long", ["12", "13", "16"], name=f"Policy{n:02}")
    return kind


@kind_of
def twelve_references_in_a_row():
    kind = rows()
    names = [f"Signer{n:02}" for n in range(12)]
    kind.table("Chains", "No Long, " + ", ".join(f"{name} Long" for name in names),
               [(str(k), *[kind.texts[(k + n) % 6] for n in range(12)]) for k in range(1, 9)])
    for name in names:
        kind.refer("Chains", name)
    return kind


# ---- names ----

def renamed(table, column):
    kind = rows()
    policy(kind, "Long", ["12", "13", "16"])
    made = kind.tables.pop("Policy")
    made.name = table
    made.columns = [(column if n == "Anchor" else n, k) for n, k in made.columns]
    for row in made.rows:
        row[column] = row.pop("Anchor")
    kind.tables[table] = made
    kind.refs[-1].update(table=table, column=column)
    return kind


@kind_of
def names_with_blanks():
    return renamed("Route Policy", "Anchor")


@kind_of
def names_with_equals():
    return renamed("Policy", "Anchor=sha1")


@kind_of
def names_with_signs():
    return renamed("Policy%20", "#Anchor;1")


@kind_of
def names_with_quotes():
    return renamed("Policy's", "\"Anchor\"")


@kind_of
def names_with_commas():
    return renamed("Policy,Rule", "Anchor,CA")


@kind_of
def names_with_a_dash():
    return renamed("-Policy", "--help")


# ---- lists that are not seen ----

def unseen(column, values, visible=("own", "ca", "p1", "p2", "p3")):
    """The list, with the CA twice, in a form that nobody knows; and a table of published ones, with the CA once."""
    kind = Kind("hands off")
    kind.table("Trust", f"EntryNo Long, Blob {column}, Usage Long, IsTrusted Bit",
               [(str(11 + n), value, ROLES["own" if n == 0 else "issuing" if n == 5 else "imported"], "yes")
                for n, value in enumerate(values)])
    kind.table("Published", "No Long, Cert LongBinary, Kind Long, Active Bit",
               [(str(31 + n), f"certificate:{name}", {"own": "1", "ca": "2"}.get(name, "3"), "yes")
                for n, name in enumerate(visible)])
    issued(kind, "Long", [str(11 + place) for place in USES])
    settings(kind)
    return kind


@kind_of
def list_in_base64():
    return unseen("WesternLongText", [base64_text(name) for name in ORDER])


def base64_text(name):
    text = base64.b64encode(CERTIFICATES[name])
    return raw(text)


@kind_of
def list_in_base64_bytes():
    return unseen("LongBinary", [base64_text(name) for name in ORDER])


@kind_of
def list_in_unicode_base64():
    return unseen("LongText", [base64_text(name) for name in ORDER])


@kind_of
def list_in_unicode_pem():
    return unseen("LongText", [raw(pem(name).encode()) for name in ORDER])


def pem(name, begin="CERTIFICATE"):
    text = base64.encodebytes(CERTIFICATES[name]).decode()
    return f"-----BEGIN {begin}-----\n{text}-----END {begin}-----\n"


@kind_of
def list_in_other_pem():
    return unseen("LongBinary", [raw(pem(name, "X509 CERTIFICATE").encode()) for name in ORDER])


@kind_of
def list_in_hex():
    return unseen("WesternLongText", [raw(CERTIFICATES[name].hex().encode()) for name in ORDER])


@kind_of
def list_in_gzip():
    return unseen("LongBinary", [raw(gzip.compress(CERTIFICATES[name], mtime=0)) for name in ORDER])


@kind_of
def list_in_raw_deflate():
    def packed(name):
        made = zlib.compressobj(9, zlib.DEFLATED, -15)
        return made.compress(CERTIFICATES[name]) + made.flush()
    return unseen("LongBinary", [raw(packed(name)) for name in ORDER])


@kind_of
def list_in_zlib_of_512_bytes():
    def packed(name):
        made = zlib.compressobj(9, zlib.DEFLATED, 9)
        return made.compress(CERTIFICATES[name]) + made.flush()
    return unseen("LongBinary", [raw(packed(name)) for name in ORDER])


@kind_of
def list_behind_a_long_header():
    return unseen("LongBinary", [raw(bytes(range(200)) + zlib.compress(CERTIFICATES[name])) for name in ORDER])


@kind_of
def list_scrambled():
    return unseen("LongBinary", [raw(bytes(b ^ 0xA5 for b in CERTIFICATES[name])) for name in ORDER])


@kind_of
def list_in_small_pieces():
    """Each certificate in rows of 64 bytes."""
    kind = unseen("LongBinary", ["-"] * 6)
    del kind.tables["Trust"]
    made = []
    for n, name in enumerate(ORDER):
        der = CERTIFICATES[name]
        made += [(str(11 + n), str(k // 64), raw(der[k:k + 64])) for k in range(0, len(der), 64)]
    kind.table("Trust", "EntryNo Long, Part Long, Data LongBinary", made, primary="EntryNo Part")
    return kind


@kind_of
def list_value_in_small_pieces():
    kind = unseen("LongBinary", ["-"] * 6)
    del kind.tables["Trust"]
    value = sst(ORDER)
    kind.table("Trust", "Name Text, Part Long, Data LongBinary",
               [("List", str(k // 100), raw(value[k:k + 100])) for k in range(0, len(value), 100)], primary="Name Part")
    return kind


@kind_of
def list_in_two_halves():
    """Each certificate cut in two columns, as Binary takes 255 bytes."""
    kind = unseen("LongBinary", ["-"] * 6)
    del kind.tables["Trust"]
    made = []
    for n, name in enumerate(ORDER):
        der = CERTIFICATES[name]
        made.append((str(11 + n), raw(der[:200]), raw(der[200:])))
    kind.table("Trust", "EntryNo Long, First Binary, Rest LongBinary", made)
    return kind


@kind_of
def list_by_columns():
    """A certificate taken apart: subject, serial and key alone are kept."""
    kind = unseen("LongBinary", ["-"] * 6)
    del kind.tables["Trust"]
    kind.table("Trust", "EntryNo Long, Subject LongBinary, Serial Binary, Print Binary",
               [(str(11 + n), f"subject:{name}", f"serial:{name}", f"thumbprint:{name}") for n, name in enumerate(ORDER)])
    return kind


# ---- several lists, copies of rows, what is past ----

@kind_of
def two_lists_with_their_own_references():
    kind = rows(truth="hands off")
    kind.table("Anchors", "EntryNo Long, Blob LongBinary, Usage Long, IsTrusted Bit",
               [(str(11 + n), f"certificate:{name}", "3", "yes") for n, name in enumerate(["p3", "p2", "ca", "p1", "own"])])
    policy(kind, "Long", ["11", "13", "15"], by=None)
    return kind


@kind_of
def list_with_a_copy_table():
    """Rows of an earlier version of the list, under the same keys."""
    kind = rows()
    kind.table("TrustOld", "EntryNo Long, Blob LongBinary, Usage Long, IsTrusted Bit",
               [(str(11 + n), f"certificate:{name}", "1" if n == 0 else "3", "yes") for n, name in enumerate(ORDER[:5])])
    kind.no_lists = ["TrustOld.Blob"]
    return kind


@kind_of
def versions_of_entries():
    """Each change of an entry is a new row: the CA is there in three versions, which is right so, and nowhere twice."""
    kind = Kind("sound")
    made = [(11, 1, "own", "1"), (12, 1, "ca", "3"), (12, 2, "ca", "3"), (12, 3, "ca", "2"), (13, 1, "p1", "3"), (14, 1, "p2", "3"),
            (14, 2, "p2", "3")]
    kind.table("Trust", "EntryNo Long, Version Long, Blob LongBinary, Usage Long, Until DateTime",
               [(str(e), str(v), f"certificate:{c}", u, "-" if (e, v) in ((11, 1), (12, 3), (13, 1), (14, 2)) else f"1999-0{v}-01")
                for e, v, c, u in made], primary="EntryNo Version")
    issued(kind, "Long", [{0: "11", 1: "12", 5: "12", 2: "13"}[place] for place in USES])
    settings(kind)
    return kind


@kind_of
def deleted_rows():
    """The first copy is marked as deleted: nothing is wrong."""
    kind = rows(truth="sound")
    kind.column("Trust", "Deleted", "Bit", ["no", "yes", "no", "no", "no", "no"])
    for table in ("Issued", "Revoked"):
        for row in kind.tables[table].rows:
            row["SignedBy"] = {"12": "16"}.get(row["SignedBy"], row["SignedBy"])
    kind.keep = []
    return kind


@kind_of
def deleted_on():
    kind = rows(truth="sound")
    kind.column("Trust", "DeletedOn", "DateTime", ["-", "1999-09-01", "-", "-", "-", "-"])
    for table in ("Issued", "Revoked"):
        for row in kind.tables[table].rows:
            row["SignedBy"] = {"12": "16"}.get(row["SignedBy"], row["SignedBy"])
    kind.keep = []
    return kind


@kind_of
def sound_beside_deployments():
    """A sound list, and a table that says at which sites each CA is used: the same certificate in several rows."""
    kind = rows(truth="sound")
    table = kind.tables["Trust"]
    table.rows = [row for row in table.rows if row["EntryNo"] != "12"]
    for name in ("Issued", "Revoked"):
        for row in kind.tables[name].rows:
            row["SignedBy"] = {"12": "16"}.get(row["SignedBy"], row["SignedBy"])
    kind.table("Deployed", "No Long, Site Text, Cert LongBinary, State Long",
               [("1", "Leeds", "certificate:ca", "1"), ("2", "York", "certificate:ca", "1"), ("3", "Leeds", "certificate:p1", "2")])
    kind.no_lists = ["Deployed.Cert"]
    return kind


@kind_of
def deployments_alone():
    """The list is scrambled; certificates are seen at their sites alone, where they are right twice."""
    kind = list_scrambled()
    kind.truth = "sound"
    del kind.tables["Published"]
    kind.table("Deployed", "No Long, Site Text, Cert LongBinary, State Long",
               [("1", "Leeds", "certificate:own", "1"), ("2", "Leeds", "certificate:ca", "2"), ("3", "York", "certificate:ca", "2"),
                ("4", "Leeds", "certificate:p1", "3")])
    kind.no_lists = ["Deployed.Cert"]
    return kind


@kind_of
def certificates_of_administrators():
    """Two administrators log on with one certificate; the list is scrambled."""
    kind = list_scrambled()
    kind.truth = "sound"
    del kind.tables["Published"]
    kind.table("Admins", "AdminNo Long, Name Text, Logon LongBinary",
               [("1", "anna", "certificate:p1"), ("2", "bert", "certificate:p1"), ("3", "carl", "certificate:p2")])
    kind.no_lists = ["Admins.Logon"]
    return kind


@kind_of
def two_certificates_in_a_row():
    """Signing and encryption certificate of each CA; the second CA has the first one's for encryption."""
    kind = rows(truth="hands off")
    kind.column("Trust", "EncBlob", "LongBinary",
                [f"certificate:{name}" for name in ("own", "p3", "p1", "p2", "ca", "ca")])
    return kind


@kind_of
def old_certificate_in_the_row():
    """Each entry keeps the certificate that it had before."""
    kind = rows()
    kind.column("Trust", "Previous", "LongBinary", ["-", "-", "-", "certificate:p3", "-", "certificate:p1"])
    kind.no_lists = ["Trust.Previous"]
    return kind


@kind_of
def untrusted_as_a_bit():
    """Not trusted: the meaning of the Bit is turned round; the two copies of a partner disagree."""
    return turned("IsRevoked")


def turned(name):
    kind = rows()
    table = kind.tables["Trust"]
    table.columns = [(n if n != "IsTrusted" else name, k) for n, k in table.columns]
    for row in table.rows:
        row.pop("IsTrusted")
        row[name] = "no"
    table.rows[4].update({"Blob": "certificate:p1", name: "yes"})
    kind.lists[0]["trust"] = name
    kind.untrusted = name
    return kind


@kind_of
def untrusted_without_a_hint():
    return turned("Flag2")


@kind_of
def roles_in_another_table():
    """Which role an entry has is said by a table of pairs."""
    kind = rows(truth="hands off")
    table = kind.tables["Trust"]
    table.columns = [(n, k) for n, k in table.columns if n != "Usage"]
    kind.lists[0]["role"] = None
    kind.issuing_role = None
    kind.table("Roles", "EntryNo Long, Role Text", [("11", "own"), ("12", "imported"), ("13", "imported"), ("14", "imported"),
                                                    ("15", "imported"), ("16", "issuing")])
    kind.refer("Roles", "EntryNo")
    return kind


@kind_of
def issuing_by_a_pointer():
    """The only thing that says which CA issues is a number in a table of one row: the first copy's."""
    kind = rows()
    table = kind.tables["Trust"]
    table.columns = [(n, k) for n, k in table.columns if n != "Usage"]
    kind.lists[0]["role"], kind.issuing_role = None, None
    kind.table("Server", "No Long, Mode Long, IssuingEntry Long", [("1", "2", "12")])
    kind.refer("Server", "IssuingEntry")
    return kind

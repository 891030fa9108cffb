"""Stores of schemas that nobody has seen: from a seed to a description for kmfixture, and to what is right.

    schema = schemas.Schema(seed)
    schema.description()      the text of a description; each store has the fault of Q230780
    schema.profile(facts)     the profile that an administrator who knows it all would write
    schema.facts(certificates)   what judge.py compares with, as the corpus' facts.json; certificates: {name: DER}
    schema.drawn              what was drawn, for the message of a test that fails

Names, types, keys, framings, how references name what they name, roles, settings and decoys are drawn from the seed.
"""

import hashlib
import random
import uuid

NOUNS = {
    "list": ["TrustList", "Authorities", "KMTrust", "x509", "CaStore", "Roots", "Anchors", "tblCA"],
    "users": ["Mailboxes", "Recipients", "Persons", "tblUser", "Enrolled", "Accounts"],
    "issued": ["Issued", "Enrolments", "UserCerts", "Leaves", "tblCert", "Holdings"],
    "crls": ["Revoked", "Withdrawals", "Crls", "tblCRL", "Blacklist"],
    "settings": ["Parameters", "Config", "Registry", "tblSetting", "Options"],
    "server": ["Server", "ServerState", "Singleton", "Head"],
    "streams": ["Streams", "Blobs", "Pieces"],
    "admins": ["Operators", "Admins", "tblAdmin"],
    "policy": ["RoutePolicy", "Rules", "Templates"],
    "backup": ["Archive", "OldData", "Snapshots"],
    "log": ["Events", "Journal", "Audit"],
}
COLUMNS = {
    "key": ["Id", "No", "Ordinal", "EntryNo", "ca_id", "Number"],
    "certificate": ["Cert", "Blob", "Encoded", "Data", "CertBlob", "Content"],
    "thumbprint": ["Hash", "Digest", "Sha", "Print"],
    "role": ["Kind", "Usage", "Class", "Role"],
    "trusted": ["Trusted", "Flag", "IsTrusted", "Active"],
    "name": ["Label", "Title", "Caption", "DisplayName"],
    "imported": ["Added", "When", "AddTime"],
    "reference": ["SignedBy", "Authority", "CaRef", "Issuer", "Signer", "ca_id"],
}
INTEGERS = {"UnsignedByte": (1, 255), "Short": (2, 32767), "UnsignedShort": (2, 65535), "Long": (4, 2**31 - 1),
            "UnsignedLong": (4, 2**31 - 1), "Currency": (8, 2**31 - 1), "LongLong": (8, 2**31 - 1)}
FORMS = ("pem:", "pkcs7:", "sst:")
MORE = 1001     # the first seed of the schemas in which more is drawn
GUID_ORDER = (10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3)


class Table:
    """A table of a description: columns and rows, as texts."""

    def __init__(self, name):
        self.name, self.columns, self.rows, self.indexes = name, [], [], []

    def column(self, name, kind):
        """Adds a column; gives its name, changed where the table has one of that name."""
        while name.lower() in (other.lower() for other, _ in self.columns):
            name += "2"
        self.columns.append((name, kind))
        return name

    def text(self):
        lines = [f"[table {self.name}]"]
        lines += [f"column.{n} = {name} {kind}" for n, (name, kind) in enumerate(self.columns, 1)]
        lines += [f"{kind} = {columns}" for kind, columns in self.indexes]
        lines += [folded(f"row.{n} = " + " | ".join(row[name] for name, _ in self.columns))
                  for n, row in enumerate(self.rows, 1)]
        return "\n".join(lines)


def folded(line):
    """A long line in several, each but the first after a blank."""
    lines = [""]
    for word in line.split(" "):
        while len(word) > 150:
            raise ValueError(f"a word of {len(word)} characters")
        if len(lines[-1]) + len(word) > 180:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n  ".join(lines)


class Schema:
    """One store; everything is drawn when it is made."""

    def __init__(self, seed):
        self.random = random.Random(f"schema {seed}")
        self.seed, self.drawn = seed, {}
        self.more = random.Random(f"more {seed}")
        self.tables, self.references, self.lists = [], [], []
        self.names, self.properties = {}, []
        self.draw_cast()
        self.draw_list()
        self.draw_users()
        self.draw_settings()
        self.draw_decoys()
        self.random.shuffle(self.tables)

    # ---- drawing ----

    def pick(self, what, *choices):
        """One of the choices, kept under its name; a pair (choice, weight) is drawn so often."""
        pairs = [c if isinstance(c, tuple) else (c, 1) for c in choices]
        chosen = self.random.choices([c for c, _ in pairs], [w for _, w in pairs])[0]
        self.drawn[what] = chosen
        return chosen

    def often(self, what, share):
        """Whether: true in that share of the schemas."""
        self.drawn[what] = self.random.random() < share
        return self.drawn[what]

    def more_often(self, what, share):
        """As often(), of what only seeds from MORE on have; it does not change what else is drawn."""
        self.drawn[what] = self.seed >= MORE and self.more.random() < share
        return self.drawn[what]

    def table(self, what):
        name = self.random.choice(NOUNS[what])
        while name in [table.name for table in self.tables]:
            name += "X"
        self.tables.append(Table(name))
        self.names[what] = name
        return self.tables[-1]

    def named(self, what):
        return self.random.choice(COLUMNS[what])

    # ---- certificates ----

    def draw_cast(self):
        """The list is `order`: names of certificates, the CA of Q230780 twice, `first` the place of its import."""
        partners = [f"partner{n}" for n in range(1, self.random.randint(1, 7) + 1)]
        self.rooted = self.often("sub-ca", 0.3)
        order = ["own"] + (["root"] if self.rooted else []) + ["ca"] + partners
        self.first = order.index("ca")
        order.insert(self.random.randint(self.first + 1, len(order)), "ca")
        if self.often("own-last", 0.15):
            order = order[1:] + ["own"]
            self.first -= 1
        if self.more_often("other duplicate", 0.3):
            order.insert(self.more.randint(0, self.first), self.more.choice(partners + ["own"]))
            self.first = order.index("ca")
        if self.more_often("three copies", 0.2):
            order.insert(self.first + 1, "ca")
        self.order = order
        self.second = len(order) - 1 - order[::-1].index("ca")
        self.roles = {"own": "own"}
        self.trust = {name: self.random.random() < 0.85 for name in order}
        self.trust.update(own=True, ca=True, root=True)

    def cast_text(self):
        organization = "Adatum"
        lines = []
        for name in sorted(set(self.order) | ({"recoded"} if self.drawn.get("recoded") else set())):
            lines += [f"[key {name}]", "bits = 512"] if name != "recoded" else []
            lines.append(f"[certificate {name}]")
            lines += {"own": ["version = 1", f"subject = C=GB, O={organization}, CN=Certificate Authority"],
                      "ca": [f"subject = C=GB, O={organization}, CN=Issuing Authority"]
                      + (["issuer = root"] if self.rooted else []),
                      "root": [f"subject = C=GB, O={organization}, CN=Root Authority"],
                      "recoded": ["same-as = ca", "form = trailing", "trailing = 0000"],
                      }.get(name, [f"subject = C=US, O={name} Inc., CN={name} Root"])
        for number, (issuer, version) in enumerate(self.issued, 1):
            lines += [f"[key user {1 + (number - 1) // 2}]", "bits = 512"] if number % 2 else []
            lines += [f"[user-certificate {number}]", f"user = {1 + (number - 1) // 2}", f"issuer = {issuer}",
                      f"version = {version}"]
        for number, issuer in enumerate(self.crl_issuers, 1):
            lines += [f"[crl {number}]", f"issuer = {issuer}", f"revokes = #{number}"]
        return "\n".join(lines)

    # ---- the list ----

    def draw_list(self):
        self.kind = self.pick("list", ("rows", 6), "value", "values", "pieces", "two values", "two tables")
        users = self.random.randint(6, 14)
        self.issued = [pair for _ in range(users) for pair in
                       (("own", 1), (self.random.choice(["ca", "ca", "ca"] + self.order), 3))]
        self.crl_issuers = ["own", "ca"] if self.often("crls", 0.7) else []
        self.by = "key"
        {"rows": self.draw_rows, "two tables": self.draw_rows}.get(self.kind, self.draw_value)()

    def draw_keys(self):
        """Keys of the entries, as texts, raw, and in the order of an index; sets self.key_type."""
        count = len(self.order)
        kind = self.pick("key type", ("Long", 5), "Short", "UnsignedShort", "UnsignedLong", "Currency", "LongLong",
                         "GUID", "Binary", "Text", "UnicodeText", "auto", "UnsignedByte")
        self.key_type = {"auto": "Long auto-increment"}.get(kind, kind)
        if kind in ("GUID", "Binary"):
            raw = [uuid.UUID(int=self.random.getrandbits(128)).bytes for _ in range(count)]
            raw.sort(key=lambda r: bytes(r[i] for i in GUID_ORDER) if kind == "GUID" else r)
            return [(f"hex:{r.hex()}", r) for r in raw]
        if kind in ("Text", "UnicodeText"):
            style = self.pick("key text", "CA{:04}", "{}", "ANCHOR-{:02}-X")
            texts = sorted({style.format(n) for n in self.random.sample(range(10, 99), count)})
            return [(t, t.encode("utf-16-le" if kind == "UnicodeText" else "ascii")) for t in texts]
        size, most = INTEGERS[self.key_type.split()[0]]
        spread = self.pick("key values", ("counted", 3), "sparse", "large")
        numbers = {"counted": range(1, count + 1),
                   "sparse": sorted(self.random.sample(range(1, 120), count)),
                   "large": sorted(self.random.sample(range(most - 200 if size == 1 else most // 2, most), count))}[spread]
        if self.key_type in ("UnsignedLong", "Currency", "LongLong") and self.more_often("beyond 32 bits", 0.4):
            numbers = sorted(2**31 + 3 * n % 2**31 if size == 4 else 2**40 + n for n in numbers)
        return [(str(n), n.to_bytes(size, "little")) for n in numbers]

    def draw_rows(self):
        keys = self.draw_keys()
        style = self.pick("primary", ("key", 5), "unique", "composite", "none")
        if self.key_type == "UnicodeText":      # the builder makes no index on Unicode text
            style = self.drawn["primary"] = "none"
        two = self.kind == "two tables"
        tables = [self.table("list") for _ in range(1 + two)]
        key_name, columns = self.named("key"), None
        role, trust = self.draw_role(), self.pick("trust", ("Bit", 4), "none", "Long")
        if role == "flags":
            trust = self.drawn["trust"] = "none"
        wrap = self.pick("wrap", ("", 5), "header-16:", "header-4:", "zlib:", "header-8:zlib:", "pem:", "pkcs7:", "sst:")
        plan = {"key": key_name, "certificate": self.named("certificate"), "role": self.named("role"),
                "trusted": self.named("trusted"), "name": self.named("name"), "imported": self.named("imported"),
                "thumbprint": self.named("thumbprint"), "row": self.named("key") + "0"}
        has = {what: self.often(what, share) for what, share in
               {"thumbprint": 0.6, "name": 0.7, "imported": 0.6, "parent": 0.2, "priority": 0.2}.items()}
        thumbprint = self.pick("thumbprint type", "Binary", "Binary", "Text")
        self.more_often("recoded", 0.25)
        has["place"] = self.more_often("places", 0.15)
        for table in tables:
            columns = self.list_columns(table, style, plan, role, trust, has, thumbprint)
        last = 1 if two else 0
        for place, name in enumerate(self.order):
            into = tables[last] if not two or (name not in ("own", "root") and place != self.second) else tables[0]
            into.rows.append(self.list_row(place, name, keys, columns, role, trust, has, thumbprint, wrap, style))
        if style == "composite":
            for table in tables:
                table.rows.sort(key=lambda row: (int(row[columns["group"]]), int(row[columns["row"]])))
        self.key_texts, self.columns = [text for text, _ in keys], columns
        self.keep = keys[self.second][1]
        self.kept = self.entry_numbers(self.second, keys[self.second], columns, tables) \
            - self.entry_numbers(self.first, keys[self.first], columns, tables)
        for table in tables:
            self.lists.append({"kind": "rows", "table": table.name, "key": columns["key"], "cert": columns["certificate"],
                               "role": columns.get("role"), "trust": columns.get("trusted"), "wrap": wrap or None})
            if has["parent"]:
                self.references.append({"table": table.name, "column": columns["parent"], "by": "key"})
        if has["priority"]:
            self.properties = [columns["priority"]]

    def list_columns(self, table, style, plan, role, trust, has, thumbprint):
        """Adds the columns; {what: name}.  Where the primary key is another column, it comes first."""
        columns = {}
        if style in ("unique", "composite"):
            if style == "composite":
                columns["group"] = table.column("Section", "Long")
            columns["row"] = table.column(plan["row"], self.drawn.setdefault("row type", self.random.choice(["Long", "Currency"])))
            table.indexes = [("primary", " ".join(columns.values())), ("unique", plan["key"])]
        columns["key"] = table.column(plan["key"], self.key_type)
        if style == "none":
            table.indexes = [("primary", "none")]
        kinds = [("certificate", "LongBinary")]
        kinds += {"Long": [("role", "Long")], "Text": [("role", "Text")], "flags": [("role", "Long")],
                  "Bit": [("role", "Bit")], "Bits": [("role", "Bit"), ("own", "Bit")]}.get(role, [])
        kinds += [("trusted", trust)] if trust != "none" else []
        kinds += [("thumbprint", thumbprint)] if has["thumbprint"] else []
        kinds += [("name", self.drawn.setdefault("name type", self.random.choice(["Text", "UnicodeText"])))] if has["name"] else []
        kinds += [("imported", "DateTime")] if has["imported"] else []
        kinds += [("parent", self.key_type.split()[0])] if has["parent"] else []
        kinds += [("priority", "Long")] if has["priority"] else []
        kinds += [("place", "Long")] if has["place"] else []
        order = self.drawn.setdefault("column order", self.random.sample(range(len(kinds)), len(kinds)))
        for what, kind in (kinds[n] for n in order):
            columns[what] = table.column(plan.get(what, what.capitalize()), kind)
        return columns

    def entry_numbers(self, place, key, columns, tables):
        """What a report may call the entry: its key, another number of its row, its place among the rows."""
        for table in tables:
            for at, row in enumerate(table.rows, 1):
                if row[columns["key"]] == key[0]:
                    return {key[0], row.get(columns.get("row"), key[0]), str(at)}
        raise KeyError(place)

    def draw_role(self):
        role = self.pick("role", ("Long", 5), "flags", "Bits", "Bit", "Text", "none")
        numbers = self.random.sample(range(0, 9), 3)
        self.role_words = {"Long": dict(zip(("own", "issuing", "imported"), map(str, numbers))),
                           "flags": {"own": "4", "issuing": "2", "imported": "0"},
                           "Text": {"own": "OWN", "issuing": "ISSUING", "imported": "TRUSTED"},
                           "Bit": {"own": "no", "issuing": "yes", "imported": "no"},
                           "Bits": {"own": "no", "issuing": "yes", "imported": "no"}}.get(role)
        self.issuing_role = {"Long": lambda: numbers[1].to_bytes(4, "little").hex(), "flags": lambda: "03000000",
                             "Text": lambda: b"ISSUING".hex(), "Bits": lambda: "ff", "Bit": lambda: "ff"}.get(role, lambda: None)()
        return role

    def list_row(self, place, name, keys, columns, role, trust, has, thumbprint, wrap, style):
        which = "issuing" if place == self.second else self.roles.get(name, "imported")
        trusted = self.trust[name]
        stored = "recoded" if self.drawn["recoded"] and place == self.first else name
        certificate = f"{wrap}{stored}" if wrap in FORMS else f"{wrap}certificate:{stored}"
        row = {columns["key"]: keys[place][0], columns["certificate"]: certificate}
        if role in ("Long", "Text", "Bits", "Bit"):
            row[columns["role"]] = self.role_words[which]
        if role == "Bits":
            row[columns["own"]] = "yes" if which == "own" else "no"
        if role == "flags":
            row[columns["role"]] = str(int(self.role_words[which]) + trusted)
        if trust != "none":
            row[columns["trusted"]] = {"Bit": "yes" if trusted else "no", "Long": str(int(trusted))}[trust]
        if has["thumbprint"]:
            row[columns["thumbprint"]] = f"thumbprint{'-hex' if thumbprint == 'Text' else ''}:{stored}"
        if has["name"]:
            row[columns["name"]] = {"both": name, "other": f"{name} as {which}", "one": name if place != self.second else "-"}[
                self.drawn.setdefault("names", self.random.choice(["both", "other", "one", "one"]))]
        if has["imported"]:
            row[columns["imported"]] = f"199{8 + place % 2}-0{1 + place % 9}-1{place % 10} 10:00"
        if has["parent"]:
            above = {"ca": self.order.index("root") if self.rooted else place}.get(name, place)
            row[columns["parent"]] = keys[above][0]
        if has["priority"]:
            row[columns["priority"]] = str(self.random.randint(1, 4) * 100)
        if has["place"]:
            row[columns["place"]] = str(place + 1)
        if style in ("unique", "composite"):
            row[columns["row"]] = str(1000 + 7 * place)
        if style == "composite":
            row[columns["group"]] = str(place % 2)
        return row

    def draw_value(self):
        """The whole list in one value, in several of a column, in pieces, or in two values."""
        framing = self.pick("framing", "der", "pem", "pem-crlf", "pkcs7", "sst", "items-le32", "items-be32", "items-le16",
                            "items-be16", "items-count-le32", "items-skip8-le32", "items-count-skip4", "items-count-skip2-be16")
        pack = "" if self.kind == "values" else self.pick("pack", ("", 5), "zlib:", "header-6:", "header-12:zlib:")
        self.by = self.pick("by", "sha1", "sha1 hex", "position 0", "position 1", "issuer serial")
        where = {"kind": "value", "framing": framing, "wrap": pack.rstrip(":") or None,
                 "base": 0 if self.by == "position 0" else 1}
        value = f"{pack}{framing}:{' '.join(self.order)}"
        self.value_settings = []
        if self.kind == "values":
            table = self.table("server")
            table.column("Id", "Long")
            column = table.column(self.named("certificate"), "LongBinaryValues")
            table.rows = [{"Id": "1", column: " & ".join(f"certificate:{name}" for name in self.order)}]
            where.update(table=table.name, column=column, framing="multi", wrap=None)
        elif self.kind == "pieces":
            where.update(self.draw_pieces(value, self.random.randint(2, 6)))
        elif self.kind == "two values":
            cut = self.random.randint(1, len(self.order) - 1)
            parts = self.order[:cut], self.order[cut:]
            self.value_settings = [(f"TrustList.{n}", f"{pack}{framing}:{' '.join(part)}") for n, part in enumerate(parts, 1)]
        elif self.often("own column", 0.4):
            table = self.table("server")
            column = table.column(self.named("certificate"), "LongBinary")
            table.column("Number", "Long")
            table.indexes = [("primary", "Number")]
            table.rows = [{column: value, "Number": "1"}]
            where.update(table=table.name, column=column)
        else:
            self.value_settings = [("TrustList", value)]
        if not self.value_settings:
            self.lists.append(where)
        self.value_where = where

    def draw_pieces(self, value, count):
        """The value cut into rows."""
        table = self.table("streams")
        table.column("StreamName", "Text")
        table.column("Part", "Long")
        column = table.column("Data", "LongBinary")
        table.indexes = [("primary", "StreamName Part")]
        first = self.random.randint(0, 1)
        table.rows = [{"StreamName": "Trusted", "Part": str(first + n), column: f"piece-{n + 1}-{count}:{value}"}
                      for n in range(count)]
        return {"table": table.name, "column": column, "chunk": "Part", "where": ["StreamName", b"Trusted".hex()]}

    # ---- what refers to it ----

    def reference_columns(self, table):
        """Adds the columns of a reference; gives their names."""
        name = self.named("reference")
        if self.by == "issuer serial":
            return [table.column("IssuerDN", "LongBinary"), table.column("IssuerSN", "Binary")]
        kind = {"sha1": "Binary", "sha1 hex": "Text", "position 0": "Long", "position 1": "Long"}.get(self.by)
        kind = kind or self.key_type.split()[0]
        if kind in INTEGERS and self.more_often("wide references", 0.3):
            kind = "Currency"
        return [table.column(name, kind)]

    def reference_values(self, name, copy):
        """Texts of a reference to one certificate; copy: which of the CA's two entries, 0 or 1."""
        place = (self.first, self.second)[copy] if name == "ca" else self.order.index(name)
        if name != "ca" and copy and self.order.count(name) > 1:
            place = self.order.index(name, place + 1)
        stored = "recoded" if self.drawn.get("recoded") and place == self.first else name
        return {"key": lambda: [self.key_texts[place]], "sha1": lambda: [f"thumbprint:{stored}"],
                "sha1 hex": lambda: [f"thumbprint-hex:{stored}"], "position 0": lambda: [str(place)],
                "position 1": lambda: [str(place + 1)],
                "issuer serial": lambda: [f"subject:{'root' if name == 'ca' and self.rooted else name}", f"serial:{name}"]
                }[self.by]()

    def refer(self, table, columns):
        self.references.append({"table": table.name, "column": columns if len(columns) > 1 else columns[0],
                                "by": {"sha1": "thumb", "sha1 hex": "hexthumb", "issuer serial": "issuerserial",
                                       "key": "key"}.get(self.by, "pos")})

    def draw_users(self):
        if self.kind in ("rows", "two tables"):
            self.by = self.pick("by", ("key", 4), "sha1", "sha1 hex", "issuer serial")
        users, issued = self.table("users"), self.table("issued")
        for column, kind in (("Id", "Long"), ("DN", "LongText"), ("State", "Long"), ("Keys", "LongBinary")):
            users.column(column, kind)
        count = len(self.issued) // 2
        for n in range(1, count + 1):
            users.rows.append({"Id": str(n), "DN": f"o=Adatum, ou=Leeds, cn=Recipients, cn=User{n:05}", "State": "3",
                               "Keys": f"hex:{self.random.randbytes(40).hex()}"})
        if self.by != "issuer serial" and self.more_often("users refer", 0.25):
            column = self.reference_columns(users)
            zero = self.by == "key" and self.key_type.split()[0] in INTEGERS and self.more_often("zero for none", 0.5)
            for row in users.rows:      # some have none
                name = self.more.choice(self.order)
                row[column[0]] = self.reference_values(name, self.more.randint(0, 1))[0] if self.more.random() < 0.8 else "0" if zero else "-"
            self.refer(users, column)
        self.draw_issued(issued)
        if self.crl_issuers:
            table = self.table("crls")
            table.column("CrlNo", "Long")
            columns = self.reference_columns(table)
            data = table.column("Crl", "LongBinary")
            for n, issuer in enumerate(self.crl_issuers, 1):
                row = {"CrlNo": str(n), data: f"crl:{n}"}
                row.update(zip(columns, self.reference_values(issuer, self.random.randint(0, 1))))
                table.rows.append(row)
            self.refer(table, columns)

    def draw_issued(self, table):
        """Users' certificates; several references a row, indexed or not."""
        table.column("CertNo", "Long")
        owner = table.column("Holder", "Long")
        columns = self.reference_columns(table)
        data = table.column(self.named("certificate"), "LongBinary")
        version = table.column("Version", "Long") if self.often("version column", 0.5) else None
        second = self.reference_columns(table) if self.often("two references", 0.2) and self.by != "issuer serial" else []
        several = None
        if self.often("chain column", 0.15) and self.by in ("key", "position 0", "position 1", "sha1"):
            kind = dict(table.columns)[columns[0]]
            several = table.column("Chain", kind + "Values")
        if self.often("reference index", 0.6) and "UnicodeText" not in dict(table.columns)[columns[0]]:
            table.indexes.append(("index", columns[0]))
        for n, (issuer, number) in enumerate(self.issued, 1):
            copy = self.random.randint(0, 1)
            row = {"CertNo": str(n), owner: str(1 + (n - 1) // 2), data: f"user-certificate:{n}"}
            row.update(zip(columns, self.reference_values(issuer, copy)))
            row.update(zip(second, self.reference_values(self.random.choice(self.order), 1 - copy)))
            if version:
                row[version] = str(number)
            if several:
                names = [issuer] + self.random.sample(sorted(set(self.order)), self.random.randint(0, 2))
                row[several] = " & ".join(self.reference_values(name, self.random.randint(0, 1))[0] for name in names)
            table.rows.append(row)
        self.refer(table, columns)
        if second:
            self.refer(table, second)
        if several:
            self.refer(table, [several])

    # ---- settings ----

    def draw_settings(self):
        how = self.pick("settings", ("rows", 4), "text rows", "columns", "none")
        self.drawn["mode"] = mode = self.random.choice(["V3", "V1V3"])
        self.settings, self.stated = how, []
        ca = self.pick("issuing ca", "sha1", "sha1", "hex") if how != "none" else None
        if how in ("rows", "text rows"):
            self.settings_rows(how, mode, ca)
        else:
            if how == "columns":
                table = self.table("server")
                table.column("No", "Long")
                mode_column = table.column("Mode", "Long")
                ca_column = table.column("Current", "Binary" if ca == "sha1" else "Text")
                self.stated = [f"[setting.mode]\ntable = {table.name}\ncolumn = {mode_column}\nV1 = 0\nV1V3 = 1\nV3 = 2",
                               f"[setting.issuing-ca]\ntable = {table.name}\ncolumn = {ca_column}\n"
                               f"names = sha1{' hex' if ca == 'hex' else ''}"]
                table.rows = [{"No": "1", mode_column: {"V1V3": "1", "V3": "2"}[mode],
                               ca_column: f"thumbprint{'-hex' if ca == 'hex' else ''}:ca"}]
            if self.value_rows_needed():
                self.settings_rows("rows", None, None)

    def value_rows_needed(self):
        return getattr(self, "value_settings", [])

    def settings_rows(self, how, mode, ca):
        table = self.table("settings")
        number = table.column("SettingNo", "Long") if self.random.random() < 0.6 else None
        name, value = table.column("Item", "Text"), table.column("Value", "LongBinary" if how == "rows" else "LongText")
        data = table.column("Data", "LongBinary") if how == "text rows" and self.value_rows_needed() else value
        rows = [(n, v, value) for n, v in [("OrgName", "Adatum"), ("SiteName", "Leeds"), ("Mode", mode),
                ("Current", ca and f"thumbprint{'-hex' if ca == 'hex' or how != 'rows' else ''}:ca"), ("Sequence", "4")] if v]
        rows += [(n, v, data) for n, v in self.value_rows_needed()]
        if number is None:
            rows.sort()
        for at, (n, text, column) in enumerate(rows, 1):
            row = {name: n, value: "-", data: "-", column: text}
            if number:
                row[number] = str(at)
            table.rows.append(row)
        if mode:
            place = f"table = {table.name}\nrows = {name} = %s\ncolumn = {value}\n"
            self.stated = [f"[setting.mode]\n{place % 'Mode'}", f"[setting.issuing-ca]\n{place % 'Current'}names = sha1"
                           + (" hex" if ca == "hex" or how != "rows" else "")]
        for n, _ in self.value_rows_needed():
            self.lists.append({**self.value_where, "table": table.name, "column": data, "where": [name, n.encode().hex()]})

    # ---- decoys ----

    def draw_decoys(self):
        self.no_lists = []
        if self.often("admins", 0.6):
            table = self.table("admins")
            table.column("AdminNo", "Long")
            table.column("Secret", "LongBinary")
            table.rows = [{"AdminNo": str(n), "Secret": f"hex:{self.random.randbytes(32).hex()}"} for n in (1, 2, 3)]
        if self.often("policy", 0.3):
            table = self.table("policy")
            table.column("PolicyNo", "Long")
            columns = self.reference_columns(table)
            decoy = table.column("Priority", "Long")
            for n in range(1, self.random.randint(2, 6) + 1):
                row = {"PolicyNo": str(n), decoy: str(self.random.randint(1, 5))}
                row.update(zip(columns, self.reference_values(self.random.choice(self.order), self.random.randint(0, 1))))
                table.rows.append(row)
            self.refer(table, columns)
        if self.often("journal", 0.4):
            table = self.table("log")
            table.column("EventNo", "Long")
            table.column("Code", self.random.choice(["Long", "Short", "Currency"]))
            table.column("Who", "Text")
            table.rows = [{"EventNo": str(n), "Code": str(self.random.randint(1, 6)), "Who": f"admin{n % 3}"}
                          for n in range(1, self.random.randint(4, 20))]
        if self.often("archive", 0.15):
            table = self.table("backup")
            table.column("No", "Long")
            what = self.pick("archived", "certificate:ca", "pkcs7:own ca", "zlib:certificate:ca", "der:partner1 ca own", "pem:ca")
            table.column("Bytes", "LongBinary")
            table.rows = [{"No": "1", "Bytes": what}]
            self.no_lists = [f"{table.name}.Bytes"]

    # ---- what comes out ----

    def description(self):
        head = ["[store]", f"seed = schema {self.seed % 8}", "[schema]",
                "without = Configuration CertificateList Users UserCertificates RevocationLists Administrators"]
        return "\n".join(head + [self.cast_text()] + [table.text() for table in self.tables]) + "\n"

    def keys(self):
        """The columns by which entries are named, or would be."""
        return {f"{where['table']}.{where['key']}" for where in self.lists if where.get("key")}

    def facts(self, certificates):
        facts = {"name": f"seed {self.seed}", "lists": self.lists, "refs": self.references,
                 "ca": hashlib.sha1(certificates["ca"]).hexdigest(), "keep": "", "props": self.properties}
        if self.kind in ("rows", "two tables"):
            facts["keep"] = self.keep.hex()
            facts["kept"] = sorted(self.kept)
            if self.issuing_role:
                facts["issuing-role"] = self.issuing_role
        return facts

    # ---- the profile ----

    def profile(self, facts):
        """Everything but what no profile can say; that is left out, and the program has to find it out of order."""
        parts = [f"[profile]\nname = seed {self.seed}"]
        in_rows = self.kind in ("rows", "two tables")
        for number, where in enumerate(self.lists, 1):
            parts.append("\n".join([f"[list.{number}]", *(self.rows_part(where) if in_rows else self.value_part(where))]))
        names = {"thumb": "sha1", "key": "key", "pos": f"position {self.lists[0].get('base')}"}
        known = [r for r in self.references if r["by"] in names]
        parts += [f"[reference.{n}]\ntable = {r['table']}\ncolumn = {r['column']}\nnames = {names[r['by']]}"
                  for n, r in enumerate(known, 1)]
        parts += self.stated or [f"[setting.mode]\nis = {self.drawn['mode']}", f"[setting.issuing-ca]\nis = {facts['ca']}"]
        return "\n".join(parts) + "\n"

    def rows_part(self, where):
        columns, role, trust = self.columns, self.drawn["role"], self.drawn["trust"]
        lines = [f"table = {where['table']}", f"key = {columns['key']}", f"certificates = {columns['certificate']}"]
        for layer in filter(None, self.drawn["wrap"].split(":")):
            lines.append(f"skip = {layer[7:]}" if layer.startswith("header-") else f"pack = {layer}")
        if "thumbprint" in columns:
            lines.append(f"thumbprint = {columns['thumbprint']}{' as hex' if self.drawn['thumbprint type'] == 'Text' else ''}")
        if role == "Long":
            lines += [f"role = {columns['role']}"] + [f"role-{word} = {number}" for word, number in self.role_words.items()]
        if role == "flags":
            lines += [f"own = {columns['role']} & 4 = 4", f"issuing = {columns['role']} & 2 = 2",
                      f"trusted = {columns['role']} & 1 = 1"]
        if role in ("Bit", "Bits"):
            lines += [f"issuing = {columns['role']} = 1"] + ([f"own = {columns['own']} = 1"] if role == "Bits" else [])
        if trust != "none":
            lines.append(f"trusted = {columns['trusted']}{' = 1' if trust == 'Long' else ''}")
        return lines + [f"{key} = {columns[what]}" for key, what in (("name", "name"), ("imported-on", "imported"))
                        if what in columns]

    def value_part(self, where):
        lines = [f"table = {where['table']}", f"certificates = {where['column']}",
                 f"key = {self.by if self.by.startswith('position') and len(self.lists) == 1 else 'none'}"]
        if where.get("where"):
            lines.append(f"rows = {where['where'][0]} = {bytes.fromhex(where['where'][1]).decode()}")
        if where.get("chunk"):
            lines.append(f"join = {where['chunk']}")
        form = {"multi": "values", "pem-crlf": "pem"}.get(where["framing"], where["framing"])
        if form.startswith("items"):
            words = form.split("-")[1:]
            said = ["count:le32" if word == "count" else f"skip:{word[4:]}" if word.startswith("skip") else f"size:{word}"
                    for word in words]
            return lines + ["form = items", "items = " + " ".join(said)]
        return lines + [f"form = {form}"]

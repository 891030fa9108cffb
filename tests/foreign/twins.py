"""A store of the corpus, built anew by kmfixture at another revision of the format, value for value.

    twins.build(store, kmfixture, new, revision)      # new: a path; its description is written beside it

What kmfixture cannot make is left as near as can be: text of other code pages is 1252, with the same bytes, and indexes
on Unicode text are left out.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "decoder"))
import edbdecode  # noqa: E402

TYPES = {1: "Bit", 2: "UnsignedByte", 3: "Short", 4: "Long", 5: "Currency", 8: "DateTime", 9: "Binary", 10: "Text",
         11: "LongBinary", 12: "WesternLongText", 14: "UnsignedLong", 15: "LongLong", 16: "GUID", 17: "UnsignedShort"}
UNICODE, WORD = 1200, 64


def kind(column):
    name = TYPES[column.type]
    if column.code_page == UNICODE:
        name = {"Text": "UnicodeText", "WesternLongText": "LongText"}.get(name, name)
    return name + ("Values" if column.multi_valued else "")


def cell(values, column):
    """A column's values in a row, as kmfixture reads them."""
    if not values:
        return "-"
    return " & ".join(one(value, column) for value in values)


def one(value, column):
    if column.type == 1:
        return "no" if value in (b"", b"\0") else "yes"
    if column.type in (2, 14, 17, 3, 4, 5, 15):
        return str(int.from_bytes(value, "little", signed=column.type in (3, 4, 5, 15)))
    if column.code_page == UNICODE and column.type in (10, 12):
        return value.decode("utf-16-le")
    digits = value.hex()
    return "hex:" + " ".join(digits[at:at + WORD] for at in range(0, len(digits), WORD))


def folded(line):
    lines = [""]
    for word in line.split(" "):
        if len(lines[-1]) + len(word) > 180:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n  ".join(lines)


def table_text(table):
    columns = {column.name: column for column in table.columns}
    lines = [f"[table {table.name}]"]
    lines += [f"column.{n} = {column.name} {kind(column)}" for n, column in enumerate(table.columns, 1)]
    primary = next((index for index in table.indexes if index.primary), None)
    lines.append(f"primary = {' '.join(name for name, _ in primary.key) if primary else 'none'}")
    seen = set()
    for index in table.indexes:
        word = "unique" if index.unique else "index"
        if index.primary or word in seen or any(kind(columns[name]) == "UnicodeText" for name, _ in index.key):
            continue
        seen.add(word)
        lines.append(f"{word} = {' '.join(name for name, _ in index.key)}")
    for number, row in enumerate(table.rows(), 1):
        lines.append(folded(f"row.{number} = " + " | ".join(cell(row.get(column.name), column) for column in table.columns)))
    return "\n".join(lines)


def description(store):
    database = edbdecode.open(str(store))
    head = ["[store]", "seed = twin", "[schema]",
            "without = Configuration CertificateList Users UserCertificates RevocationLists Administrators"]
    return "\n".join(head + [table_text(t) for t in database.tables if not t.name.startswith("MSys")]) + "\n"


def build(store, kmfixture, new, revision):
    text = pathlib.Path(f"{new}.ini")
    text.write_text(description(store))
    subprocess.run([kmfixture, str(text), "-o", str(new), "--revision", revision], check=True, capture_output=True, text=True)

#!/usr/bin/python3
"""A small, separate decoder of ESE databases: the judge of what the C code writes, and of what it reads.

It shares nothing with the C code; it was written from the published structures and is itself held against what the
engine and other readers return (test_decoder.py).

    edbdecode.py FILE [--table NAME] [--format values|rows|json|schema]
    edbdecode.py FILE --pages

FILE may be gzip-compressed.  values: every table, column and raw value, in the form of the corpus' engine-values.
rows: {table: number of rows}.  json: the rows of one table as `kmmigrate dump --json` gives them.  schema: tables,
columns and indexes.  --pages: checks header, shadow, the checksum of every owned page, trees and space, and
that rows, long values, indexes and the shadow catalog agree.
Exit status: 0, 1 for damage (named on standard error), 2 for wrong usage.

As a module, with this folder in sys.path:
    db = edbdecode.open(path)
    for row in db.table(name).rows():       # {column name: [bytes, ...]}, null columns left out
        row[column][0]
"""

import argparse
import json
import sys

import edbcheck
from edbcatalog import interface_columns, read_catalog
from edbfile import EdbError, PageFile
from edbvalues import Undecoded, to_json


class Database:
    """An opened file: `header`, and `tables` sorted by name."""

    def __init__(self, file):
        self.file, self.header = file, file.header
        self.tables = read_catalog(file)

    def table(self, name):
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def problems(self):
        """Everything that is wrong with the file, as texts."""
        return list(edbcheck.problems(self))

    def lost_pages(self):
        """Pages of the file that are in no tree, nor free for one."""
        return edbcheck.lost_pages(self)


def open(path):
    """Opens a database file; EdbError when neither header nor shadow is valid, or the catalog cannot be read."""
    return Database(PageFile.open(path))


def values_lines(table):
    """The lines of one table in the form of engine-values."""
    columns = interface_columns(table)
    yield f"TABLE {table.name} columns={len(columns)}"
    for column in columns:
        yield (f"COL {column.interface_id} {column.name} type={column.type} cp={column.code_page} "
               f"grbit={column.interface_flags:#x}")
    count = 0
    for row in table.rows():
        yield f"ROW {count}"
        count += 1
        for column in columns:
            for sequence, data in enumerate(row.get(column.name, ()), 1):
                mark = f" {data.scheme}" if isinstance(data, Undecoded) else ""
                yield f" {column.name}[{sequence}] {len(data)}:{data.hex()}{mark}"
    yield f"END {table.name} rows={count} last=-1603"


def json_row(table, row):
    """One row as a dict for json.dumps: several values, or the values of a multi-valued column, as a list."""
    result = {}
    for column in table.columns:
        values = [to_json(column, data) for data in row.get(column.name, ())]
        if values:
            result[column.name] = values if column.multi_valued or len(values) > 1 else values[0]
    return result


def schema(db):
    """Header, tables, columns and indexes as a dict for json.dumps."""
    return {
        "version": hex(db.header.version), "revision": hex(db.header.revision), "page_size": db.header.page_size,
        "state": db.header.state, "dbtime": db.header.dbtime, "last_objid": db.header.last_objid,
        "tables": [{
            "name": table.name, "objid": table.objid, "root": table.root, "flags": table.flags,
            "template": table.template_name, "long_value_root": table.long_value_root,
            "columns": [{"id": c.id, "name": c.name, "type": c.type_name, "size": c.size, "flags": c.flags,
                         "code_page": c.code_page, "default": c.default.hex() if c.default is not None else None,
                         "of_template": c.template} for c in table.columns],
            "indexes": [{"name": i.name, "objid": i.objid, "root": i.root, "unique": i.unique, "primary": i.primary,
                         "flags": i.flags, "key_most": i.key_most,
                         "key": [("-" if descending else "+") + name for name, descending in i.key]}
                        for i in table.indexes],
        } for table in db.tables]}


def write(db, tables, form):
    if form == "schema":
        print(json.dumps(schema(db), indent=1))
    elif form == "rows":
        print(json.dumps({table.name: sum(1 for _ in table.rows()) for table in tables}, indent=1))
    else:
        for table in tables:
            lines = values_lines(table) if form == "values" else (
                json.dumps(json_row(table, row), ensure_ascii=False) for row in table.rows())
            for line in lines:
                print(line)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Decodes an ESE database.")
    parser.add_argument("file")
    parser.add_argument("--table", metavar="NAME")
    parser.add_argument("--format", choices=("values", "rows", "json", "schema"), default="values")
    parser.add_argument("--pages", action="store_true", help="verify pages, trees and rows instead")
    options = parser.parse_args(arguments)
    if options.format == "json" and not options.table and not options.pages:
        parser.error("--format json needs --table: its lines do not name the table")
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        db = open(options.file)
        if options.pages:
            problems = db.problems()
            for problem in problems:
                print(f"{options.file}: {problem}", file=sys.stderr)
            return 1 if problems else 0
        tables = [table for table in db.tables if options.table in (None, table.name)]
        if not tables:
            parser.error(f"no table {options.table}")
        write(db, tables, options.format)
    except (EdbError, OSError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The catalog: tables, columns and indexes, as the rows of MSysObjects describe them."""

import struct

from edbfile import EdbError, LARGEST_SMALL_PAGE
from edbrecord import FIRST_TAGGED, FIRST_VARIABLE, LongValues, RECORD_HEADER, read_record
from edbtree import Tree
from edbvalues import (BINARY, BIT, DATE_TIME, LONG, LONG_BINARY, SHORT, SIZES, TEXT, TYPE_NAMES,
                       UNSIGNED_SHORT, decode_text)

CATALOG_ROOT = 4
CATALOG_OBJIDS = (2, 3)                                 # MSysObjects and its shadow
TABLE, COLUMN, INDEX, LONG_VALUE_TREE = 1, 2, 3, 4      # the Type of a catalog row
TEMPLATE_TABLE, DERIVED_TABLE = 0x20000000, 0x10000000
TEMPLATE_BIT = 0x80000000                               # in the column ids that the engine's interface shows

# column flags in the catalog, and the interface's bits for the same
NOT_NULL, MULTI_VALUED, HAS_DEFAULT, CALLBACK_DEFAULT, ESE98_TEMPLATE = 0x01, 0x08, 0x10, 0x80, 0x100
INTERFACE_BITS = ((0x01, 0x4), (0x02, 0x8), (0x04, 0x10), (0x08, 0x400), (0x20, 0x800), (0x40, 0x4000), (0x80, 0x8000),
                  (0x200, 0x20000), (0x800, 0x10000), (0x1000, 0x80000), (0x2000, 0x100000))

# index flags: low word; the high word's bit 0 says that key columns take four bytes each
UNIQUE, PRIMARY, WIDE_SEGMENTS = 0x1, 0x20, 0x10000

# The catalog's own columns as the engine knows them.  It has to be read before it can describe itself, and an older
# file's catalog may describe fewer: the engine shows these all the same.
BUILT_IN = (
    (1, "ObjidTable", LONG), (2, "Type", SHORT), (3, "Id", LONG), (4, "ColtypOrPgnoFDP", LONG), (5, "SpaceUsage", LONG),
    (6, "Flags", LONG), (7, "PagesOrLocale", LONG), (8, "RootFlag", BIT), (9, "RecordOffset", SHORT),
    (10, "LCMapFlags", LONG), (11, "KeyMost", UNSIGNED_SHORT), (12, "LVChunkMax", LONG),
    (13, "PgnoFDPLastSetTime", DATE_TIME), (128, "Name", TEXT), (129, "Stats", BINARY), (130, "TemplateTable", TEXT),
    (131, "DefaultValue", BINARY), (132, "KeyFldIDs", BINARY), (133, "VarSegMac", BINARY),
    (134, "ConditionalColumns", BINARY), (135, "TupleLimits", BINARY), (136, "Version", BINARY),
    (137, "SortID", BINARY), (256, "CallbackData", LONG_BINARY), (257, "CallbackDependencies", LONG_BINARY),
    (258, "SeparateLV", LONG_BINARY), (259, "SpaceHints", LONG_BINARY), (260, "SpaceDeferredLVHints", LONG_BINARY),
    (261, "LocaleName", LONG_BINARY))
NEVER_NULL = ("ObjidTable", "Type", "Id", "ColtypOrPgnoFDP", "SpaceUsage", "Flags", "PagesOrLocale", "Name")


class Column:
    """One column.  `id` counts through template and derived table; `template` says the template defines it."""

    def __init__(self, id, name, type, size, flags=0, code_page=0, default=None, offset=None, template=False):
        self.id, self.name, self.type, self.size, self.flags = id, name, type, size, flags
        self.code_page, self.default, self.offset, self.template = code_page, default, offset, template

    @property
    def type_name(self):
        return TYPE_NAMES[self.type] if self.type < len(TYPE_NAMES) else f"type {self.type}"

    @property
    def multi_valued(self):
        return bool(self.flags & MULTI_VALUED)

    @property
    def interface_id(self):
        return self.id | (TEMPLATE_BIT if self.template else 0)

    @property
    def interface_flags(self):
        """The flags as JetGetTableColumnInfo gives them."""
        kind = 1 if self.id < FIRST_VARIABLE else 2 if self.id >= FIRST_TAGGED else 0
        return kind | sum(bit for flag, bit in INTERFACE_BITS if self.flags & flag)


class Index:
    """One index: `root` is its tree, `key` a list of (column name, descending)."""

    def __init__(self, row, table):
        self.name, self.objid, self.root = text(row, "Name"), number(row, "Id"), number(row, "ColtypOrPgnoFDP")
        self.flags, self.locale, self.key_most = number(row, "Flags"), number(row, "PagesOrLocale"), None
        if row.get("KeyMost"):
            self.key_most, = struct.unpack("<H", row["KeyMost"][0])
        self.unique, self.primary = bool(self.flags & UNIQUE), bool(self.flags & PRIMARY)
        self.key = [self._segment(table, *s) for s in self._segments(row.get("KeyFldIDs", [b""])[0])]

    def _segments(self, data):
        """(id, descending, of the template or None when not said) of each key column."""
        if self.flags & WIDE_SEGMENTS:
            return [(id, bool(bits & 0x40), bool(bits & 0x80))
                    for bits, _, id in struct.iter_unpack("<BBH", data[:len(data) & ~3])]
        return [(abs(id), id < 0, None) for id, in struct.iter_unpack("<h", data[:len(data) & ~1])]

    @staticmethod
    def _segment(table, id, descending, template):
        for column in table.columns:
            if column.id == id and template in (None, column.template):
                return column.name, descending
        return f"column {id}", descending


class Table:
    """One table.  `columns` is in the order of ids, a template's before its derived table's own of the same id."""

    def __init__(self, file, name, objid, root, flags, chunk_size):
        self.file, self.name, self.objid, self.root, self.flags = file, name, objid, root, flags
        self.columns, self.indexes, self.template_name, self.long_value_root = [], [], None, None
        self.is_template, self.is_derived = bool(flags & TEMPLATE_TABLE), bool(flags & DERIVED_TABLE)
        self.first_own_tagged = 0       # only when the template is of the ESE97 kind, see tagged_key
        self.chunk_size = chunk_size
        self._long_values = None

    def tagged_key(self, id, derived_bit):
        """(id, whether the template defines it) for a tagged column as a record names it.

        A derived table's record marks a template's column with a bit and lets ids start anew, except under a template
        of the ESE97 kind: there ids continue, and the lower ones are the template's.
        """
        return id, derived_bit or self.is_template or id < self.first_own_tagged

    @property
    def long_values(self):
        if self._long_values is None:
            self._long_values = LongValues(self.file, self.long_value_root, self.chunk_size)
        return self._long_values

    def rows(self):
        """Yields {column name: [bytes]} in the order of the primary key; null columns are left out."""
        for page, tag, _, data in Tree(self.file, self.root, self.objid).nodes():
            yield read_record(self, page, tag, data)

    def column(self, name):
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def trees(self):
        """The trees of the table: its rows, its secondary indexes, its long values."""
        roots = [(self.root, self.objid)]
        roots += [(index.root, index.objid) for index in self.indexes if index.root != self.root]
        if self.long_value_root is not None:
            roots.append((self.long_value_root, None))
        return [Tree(self.file, root, objid) for root, objid in roots]


def text(row, name):
    values = row.get(name)
    return decode_text(values[0], 1252) if values else None


def number(row, name):
    values = row.get(name)
    return int.from_bytes(values[0], "little") if values else 0


def default_chunk_size(page_size):
    """Bytes in a chunk of a long value, where the catalog does not say; one chunk fills a small page, four a large."""
    if page_size <= LARGEST_SMALL_PAGE:
        return page_size - 82
    return {16384: 4050, 32768: 8150}[page_size]


def bootstrap_table(file):
    table = Table(file, "MSysObjects", 2, CATALOG_ROOT, 0, default_chunk_size(file.page_size))
    table.columns = built_in_columns()
    place_fixed(table)
    return table


def built_in_columns():
    return [Column(id, name, type, SIZES.get(type, 255), NOT_NULL if name in NEVER_NULL else 0, code_page=1252)
            for id, name, type in BUILT_IN]


def interface_columns(table):
    """The columns of a table as the engine's interface lists them: by its ids, a template's last."""
    columns = list(table.columns)
    if table.objid in CATALOG_OBJIDS:
        described = {column.id for column in columns}
        columns += [column for column in built_in_columns() if column.id not in described]
    return sorted(columns, key=lambda column: column.interface_id)


def read_catalog(file):
    """Every table of the file, sorted by name as the catalog's name index does."""
    rows = list(bootstrap_table(file).rows())
    tables = {}
    for row in rows:
        if number(row, "Type") == TABLE:
            chunk = number(row, "LVChunkMax") or default_chunk_size(file.page_size)
            table = Table(file, text(row, "Name"), number(row, "Id"), number(row, "ColtypOrPgnoFDP"),
                          number(row, "Flags"), chunk)
            table.template_name = text(row, "TemplateTable")
            tables[table.objid] = table
    own_rows = {objid: {kind: [] for kind in (COLUMN, INDEX, LONG_VALUE_TREE)} for objid in tables}
    for row in rows:
        objid, kind = number(row, "ObjidTable"), number(row, "Type")
        if objid not in tables:
            raise EdbError(f"catalog: {text(row, 'Name')} belongs to table {objid}, which does not exist")
        own_rows[objid].get(kind, []).append(row)
    # templates before the tables derived from them
    for objid, table in sorted(tables.items(), key=lambda item: item[1].is_derived):
        add_columns(table, own_rows[objid][COLUMN], tables.values())
        table.indexes = [Index(row, table) for row in own_rows[objid][INDEX]]
        for row in own_rows[objid][LONG_VALUE_TREE]:
            table.long_value_root = number(row, "ColtypOrPgnoFDP")
    return sorted(tables.values(), key=lambda table: table.name.upper())


def add_columns(table, rows, tables):
    """Fills table.columns from the template's and its own catalog rows."""
    if table.is_derived:
        template = next((t for t in tables if t.is_template and t.name == table.template_name), None)
        if template is None:
            raise EdbError(f"catalog: {table.name} is derived from {table.template_name}, which is no template")
        table.columns = list(template.columns)
        tagged = [c for c in template.columns if c.id >= FIRST_TAGGED]
        ese97 = [c.id for c in tagged if not c.flags & ESE98_TEMPLATE]
        # one column without the mark, of any kind, makes an ESE97 template; the ids of its tagged ones count
        table.first_own_tagged = max(ese97) + 1 if ese97 else 0
    deleted = []
    for row in rows:
        column = column_of(row, table)
        (table.columns if column.type else deleted).append(column)
    table.columns.sort(key=lambda c: (c.id, not c.template))
    place_fixed(table, deleted)


def column_of(row, table):
    flags = number(row, "Flags")
    # the catalog gives offset 4 for each of its own columns, which is true of the first alone: those are packed
    offset = number(row, "RecordOffset") if "RecordOffset" in row and table.objid not in CATALOG_OBJIDS else None
    type, size = number(row, "ColtypOrPgnoFDP"), number(row, "SpaceUsage")
    if number(row, "Id") < FIRST_VARIABLE and size != SIZES.get(type, size):
        raise EdbError(f"catalog: {table.name}.{text(row, 'Name')} is a fixed {TYPE_NAMES[type]} of {size} bytes")
    default = row["DefaultValue"][0] if flags & HAS_DEFAULT and "DefaultValue" in row else None
    return Column(number(row, "Id"), text(row, "Name"), type, size, flags, number(row, "PagesOrLocale"),
                  None if flags & CALLBACK_DEFAULT else default, offset, table.is_template)


def place_fixed(table, deleted=()):
    """Gives fixed columns their place in the record: where the catalog says, else packed one after the other."""
    end = RECORD_HEADER
    for column in sorted((c for c in (*table.columns, *deleted) if c.id < FIRST_VARIABLE), key=lambda c: c.id):
        if column.offset is None:
            column.offset = end
        if column.offset < end:
            raise EdbError(f"catalog: {table.name}.{column.name} is at {column.offset}, columns before it end at {end}")
        end = column.offset + column.size

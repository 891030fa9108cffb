"""What libesedb reads of a database: a reader that shares nothing with the decoder beside it."""

try:
    import pyesedb
except ImportError:
    pyesedb = None

STUMBLES = ("template table", "invalid tagged data type")


def values(path):
    """{table: [{column: value}]} as libesedb gives them: one value of a column; None where it gives no bytes, as it does
    for nearly all separated long values, also in files that the engine wrote.  Tables that it cannot read are left out:
    derived ones with fixed columns of their own, and rows with a null that overrides a tagged column's default (bit
    0x2000 of the offset, which it takes for a part of it)."""
    file = pyesedb.file()
    file.open(path)
    tables = {}
    try:
        for table in file.tables:
            try:
                tables[table.name] = [{record.get_column_name(i): value_of(record, i)
                                       for i in range(record.number_of_values)} for record in table.records]
            except IOError as error:
                if not any(text in str(error) for text in STUMBLES):
                    raise
    finally:
        file.close()
    return tables


def value_of(record, i):
    try:
        if record.is_multi_value(i):
            return "several"
        if record.is_long_value(i):
            value = record.get_value_data_as_long_value(i)
            return value.data if value else None
        return record.get_value_data(i)
    except IOError as error:
        return f"error: {error}"


def compare(test, table, rows, found):
    """libesedb does not interpret several values of one column and null bits of fixed columns, and gives
    nothing for a default, an empty value, or most separated long values: these are left out, and counted."""
    test.assertEqual(len(found), len(rows), table)
    compared = left_out = 0
    for number, (row, other) in enumerate(zip(rows, found)):
        for name, values in row.items():
            if len(values) > 1 or values == [b""] or other.get(name) in (None, "several"):
                left_out += 1
                continue
            test.assertEqual(other[name], values[0], f"{table} row {number} {name}")
            compared += 1
    return compared, left_out

"""Parts of descriptions for kmfixture (fixtures/README.md) that tests put together."""


def table(name, columns, rows):
    """A section [table NAME]: its columns as "Name Type", the first the primary key; a cell is whatever a description takes."""
    text = f"\n[table {name}]\n" + "".join(f"column.{n} = {column}\n" for n, column in enumerate(columns, 1))
    for n, row in enumerate(rows, 1):
        text += f"row.{n} = " + " | ".join(map(str, row)) + "\n"
    return text


# The server's own certification authority.
OWN = """[certificate own]
version = 1
subject = O=Trey Research, OU=London, CN=KM Server CA
serial = 0x2B5C41
from = 1998-06-01
until = 2008-06-01
"""

# Somebody else's, imported into the list.
PARTNER = """[certificate partner]
subject = C=US, O=Fabrikam, CN=Fabrikam Root
serial = 0x17
from = 1997-05-01
until = 2012-05-01
"""

# Where a profile says that settings are: as in the built-in one.
SETTINGS = """[settings]
table = Configuration
name = Name
value = Value
mode = IssueMode
issuing-ca = IssuingCA
"""

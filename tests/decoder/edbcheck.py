"""What holds in a sound database: pages, trees, space, and that rows, long values, indexes and catalogs agree.

Each check yields its findings as text.  The decoder's readers already refuse what cannot be read; here is the rest.
"""

from edbfile import EdbError
from edbtree import Tree

SYSTEM_ROOT = 1                     # the tree that owns every page of the file; it has no rows


def problems(db):
    """Yields everything that is wrong with a database."""
    yield from header_problems(db)
    trees = [("system root", Tree(db.file, SYSTEM_ROOT))]
    trees += [(f"table {table.name}", tree) for table in db.tables for tree in table.trees()]
    reached = {}                    # page number: root of the tree it was found in
    for owner, tree in trees:
        yield from guarded(owner, page_problems(tree, reached))
    yield from guarded("space", space_problems(db.file, trees, reached))
    yield from guarded("pages", checksum_problems(db.file, reached))
    for table in db.tables:
        yield from guarded(f"table {table.name}", row_problems(table))
        yield from guarded(f"table {table.name}", index_problems(table))
    yield from guarded("catalog", shadow_problems(db))


def lost_pages(db):
    """The pages of the file that no tree uses, and none has as free: no fault, but nobody gets them again."""
    trees = [Tree(db.file, SYSTEM_ROOT)] + [tree for table in db.tables for tree in table.trees()]
    lost = {number for extent in trees[0].owned() for number in extent}
    for tree in trees:
        for part in (tree, *tree.space_trees()):
            lost -= {page.number for page in part.pages()}
        for extent in tree.available():
            lost -= set(extent)
    return lost


def guarded(owner, check):
    """The findings of a check with the owner's name before them; an error ends that check alone."""
    try:
        for problem in check:
            yield f"{owner}: {problem}"
    except EdbError as error:
        yield f"{owner}: {error}"


def header_problems(db):
    yield from db.file.header_problems
    if not db.header.dbtime or not db.header.last_objid:
        yield f"header: dbtime {db.header.dbtime}, last object id {db.header.last_objid}"
    highest = max(tree.objid for table in db.tables for tree in table.trees())
    if highest > db.header.last_objid:
        yield f"header: last object id {db.header.last_objid}, the catalog has {highest}"


def page_problems(tree, reached):
    """Walks a tree and its space trees, and enters their pages in `reached`."""
    for part in (tree, *tree.space_trees()):
        for page in part.pages():
            if page.number in reached:
                yield f"page {page.number} is also in the tree of page {reached[page.number]}"
            reached[page.number] = tree.root
            problem = page.accounting_problem()
            if problem:
                yield problem


def checksum_problems(file, reached):
    """Every page that the file owns; one that was never used is zero, and no tree may lead to it."""
    owned = {number for extent in Tree(file, SYSTEM_ROOT).owned() for number in extent}
    for number in sorted(owned | reached.keys()):
        if number in reached or any(file.raw(number)):
            problem = file.page_problem(number)
            if problem:
                yield problem


def space_problems(file, trees, reached):
    """Owned extents nest and do not overlap, available pages are owned, and no tree uses one."""
    spaces = {}
    for owner, tree in trees:
        owned = [number for extent in tree.owned() for number in extent]
        available = [number for extent in tree.available() for number in extent]
        spaces[tree.root] = owner, set(owned), set(available)
        if len(owned) != len(set(owned)) or len(available) != len(set(available)):
            yield f"extents of page {tree.root} overlap"
    given = {}
    for owner, tree in trees:
        _, owned, available = spaces[tree.root]
        parent = tree.space().parent
        _, parent_owned, parent_available = spaces.get(parent, (None, owned, set()))
        used = {number for number, root in reached.items() if root == tree.root}
        for text, wrong in (("uses pages it does not own", used - owned), ("uses available pages", used & available),
                            ("has available pages it does not own", available - owned),
                            ("owns pages its parent does not", owned - parent_owned),
                            ("owns pages its parent has available", owned & parent_available),
                            ("owns pages a sibling owns", owned & given.setdefault(parent, set()))):
            if wrong:
                yield f"{owner}, page {tree.root}: {text}: {sorted(wrong)}"
        given[parent] |= owned


def row_problems(table):
    """Reads every row, and counts the references to each long value."""
    uses = table.long_values.uses
    uses.clear()
    for _ in table.rows():
        pass
    values = table.long_values
    for key in sorted(values.roots.keys() | values.chunks.keys()):
        references = values.roots[key][0] if key in values.roots else "no"
        if references != uses[key]:
            yield f"long value {key.hex()} counts {references} references, rows have {uses[key]}"


def index_problems(table):
    """Every entry of a secondary index holds the primary key of a row."""
    bookmarks = {key for _, _, key, _ in Tree(table.file, table.root, table.objid).nodes()}
    for index in table.indexes:
        if index.root != table.root:
            for page, tag, _, bookmark in Tree(table.file, index.root, index.objid).nodes():
                if bookmark not in bookmarks:
                    yield f"index {index.name}: page {page.number} tag {tag}: entry for {bookmark.hex()}, no such row"


def shadow_problems(db):
    """The shadow catalog equals the catalog row for row, or is empty where the header allows that."""
    catalog, shadow = (list(db.table(name).rows()) for name in ("MSysObjects", "MSysObjectsShadow"))
    if catalog != shadow and not (db.header.shadowing_disabled and not shadow):
        different = sum(one != other for one, other in zip(catalog, shadow))
        yield f"shadow has {len(shadow)} rows, the catalog {len(catalog)}; {different} differ"

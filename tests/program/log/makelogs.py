"""Transaction logs of any size for a store: what an engine would leave that was ended after much work.

make(store, folder, size) copies a clean store of format revision 0x14 into a folder, as a dirty one, and writes logs of
version 8 beside it: transactions of one row each, all over the store, whole rows (Replace) and differences
(ReplaceD).  The rows come out as they were, so that the result has to be the store itself.  Written from the
published structures, with the separate decoder, sharing nothing with formats/.
"""
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "decoder"))
import edbfile

SEGMENT, HEADER = 4096, 40
SEGMENTS = 2048  # of a file: 8 MB
DATABASE, SESSION = 1, 5
BEGIN0, COMMIT0, REPLACE, REPLACE_DIFFERENCE = 8, 9, 33, 34
ROW_MOST = 200
SAME_SIZE = 0x20  # of a difference: it replaces as many bytes as it brings
SIGNATURE = struct.pack("<I8s16s", 0x1234abcd, b"\x01\x02\x03\x04\x05\x06\x7e\x00", b"")


def created(generation):
    """LOGTIME: second, minute, hour, day, month, year since 1900."""
    return struct.pack("<6B2x", generation % 60, generation // 60 % 60, 12, 1, 6, 126)


def header(generation, page_size, signature, position):
    data = bytearray(SEGMENT)
    struct.pack_into("<iHHHH", data, 4, generation, SEGMENT, 1, SEGMENTS, page_size)
    data[16:24], data[24:32] = created(generation), created(generation - 1) if generation > 1 else bytes(8)
    struct.pack_into("<3I", data, 32, 8, 4000, 4)
    data[44:72] = SIGNATURE
    struct.pack_into("<I", data, 648, 3)
    data[667] = 3
    name = b"d.edb\0"
    data[671:671 + 64 + len(name)] = struct.pack("<BBHQII8s8s28s", DATABASE, 0, len(name), 0, 0, 0, position, bytes(8),
                                                 signature) + name
    struct.pack_into("<I", data, 0, edbfile.old_checksum(bytes(data)))
    return bytes(data)


def rows_of(file, most):
    """[(page, line, objid, time, row)], one row of a page."""
    rows = []
    for number in range(1, file.page_count + 1):
        page = file.page(number) if any(file.raw(number)[:40]) else None
        if page is None or page.objid <= 5 or not page.flags & edbfile.PAGE_LEAF or page.flags & (
                edbfile.PAGE_SPACE_TREE | edbfile.PAGE_EMPTY):
            continue
        for line, (_, flags, _, data) in enumerate(page.nodes()):
            if 16 <= len(data) and not flags & edbfile.NODE_DELETED:
                rows.append((number, line, page.objid, struct.unpack_from("<Q", page.data, 8)[0], data))
                break
        if len(rows) == most:
            break
    return rows


def record(row, before, now):
    page, line, objid, _, data = row
    part = struct.pack("<HBIQQIBHBIII", SESSION, DATABASE, page, now, before, now & 0xffffffff, 1, line, 5, now & 0xffffffff,
                       page, objid)
    if len(data) <= ROW_MOST and now & 1:
        body, kind = data, REPLACE
    else:
        body = struct.pack("<HB", SAME_SIZE << 8, min(len(data), 100)) + data[:100]
        kind = REPLACE_DIFFERENCE
    return bytes([kind]) + part + struct.pack("<HHH", len(body), len(data), len(data)) + body


def segment(generation, number, payload):
    data = bytearray(HEADER) + payload.ljust(SEGMENT - HEADER, b"\0")
    struct.pack_into("<HHi", data, 8, 0, number, generation)
    struct.pack_into("<I", data, 36, edbfile.PAGE_NEW_CHECKSUM)
    struct.pack_into("<Q", data, 0, edbfile.new_checksum(bytes(data), number, True))
    return bytes(data)


def dirty(store, generations):
    data = bytearray(store)
    size, = struct.unpack_from("<I", data, 236)
    for copy in (0, size):
        struct.pack_into("<I", data, copy + 52, 2)
        data[copy + 108:copy + 136] = SIGNATURE
        struct.pack_into("<2i", data, copy + 296, 1, generations)
        data[copy + 348:copy + 356] = created(generations)
        struct.pack_into("<i", data, copy + 416, generations)
        struct.pack_into("<I", data, copy, edbfile.old_checksum(bytes(data[copy:copy + size])))
    return bytes(data)


def make(store, folder, size, pages, skew):
    """Returns how many changes.  skew 1: the pages in turn; 7: four fifths of the changes in a fifth of them."""
    content = pathlib.Path(store).read_bytes()
    file = edbfile.PageFile(content)
    rows = rows_of(file, pages)
    time = {row[0]: row[3] for row in rows}
    now, = struct.unpack_from("<Q", content, 16)
    begin, commit = struct.pack("<BHBI", BEGIN0, SESSION, 0x10, 1), struct.pack("<BHBI", COMMIT0, SESSION, 0, 1)
    generations, records, choice = max(1, size // (SEGMENTS * SEGMENT)), 0, random.Random(1)
    folder.mkdir(exist_ok=True)
    for generation in range(1, generations + 1):
        parts = [header(generation, file.page_size, content[24:52], bytes(8))]
        for number in range(1, SEGMENTS - 1):
            payload = bytearray()
            while True:
                row = rows[records % len(rows) if skew == 1 else int(len(rows) * choice.random() ** skew)]
                change = begin + record(row, time[row[0]], now + 1) + commit
                if len(payload) + len(change) > SEGMENT - HEADER:
                    break
                now, records = now + 1, records + 1
                time[row[0]] = now
                payload += change
            parts.append(segment(generation, number, payload))
        name = "edb.log" if generation == generations else f"edb{generation:08x}.log"
        (folder / name).write_bytes(b"".join(parts).ljust(SEGMENTS * SEGMENT, b"\0"))
    (folder / "d.edb").write_bytes(dirty(content, generations))
    return records


if __name__ == "__main__":
    store, folder, size, pages, skew = sys.argv[1:]
    changes = make(store, pathlib.Path(folder), int(size), int(pages), int(skew))
    print(f"{int(size) / 1e6:.0f} MB of logs, {changes} changes of {pathlib.Path(store).stat().st_size / 1e6:.0f} MB")

#!/usr/bin/python3
"""What somebody could send to make the program slow or large: each kind at n and at 4n, time and memory as ratios.

    cmake --build --preset release --target bench-hostile        or: tests/bench_hostile.py [NAME ...]

Cost that grows as the input does has a ratio of 4; 5 at most is allowed, so that noise is no finding and n log n is
none, either.  Exit status 1 when a ratio is above that: a benchmark with an opinion, never a test.  KM_BENCH_DIR says
where the stores go (default: a temporary directory, which is removed).
"""

import hashlib
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from bench import KMFIXTURE, PROGRAM, SOURCE, measure

sys.path[:0] = [str(SOURCE / "tests" / folder) for folder in ("decoder", "program")]
import edbdecode  # noqa: E402
import edbmaking  # noqa: E402

MOST = 5
LEAST_SECONDS = 0.01   # what is less above a store that has nothing of the kind is noise
LEAST_MIB = 8         # caches of a fixed size, which a small store does not fill
NEW = "new.edb"        # below the folder of the stores
ANY = (0, 1, 4, 5, 8)  # what the answer is does not matter here
ROOT, LEAF, PARENT_OF_LEAF = 1, 2, 4  # flags of a page

STORE = """[store]
seed = hostile
organization = Trey Research
site = London
mode = V3
issuing-ca = issuing
time = 1999-09-30 12:00

[key own]
bits = 512
[certificate own]
version = 1
subject = O=Trey Research, OU=London, CN=KM Server CA
[certificate issuing]
subject = C=GB, O=Trey Research, CN=Trey Research CA
key = own
from = 1999-02-01
until = 2009-02-01

[entry 1]
certificate = own
role = own
[entry 2]
certificate = issuing
role = issuing
"""

KEY = "[key one]\nbits = 512\n"


def day(n):
    """A date for each number up to some ten thousands, as descriptions write it."""
    return f"{2005 + n // 336 % 40:04}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02} {n // 13440:02}:00"


def certificate(name, n, subject, serial):
    return (f"[certificate {name}{n}]\nsubject = {subject}\nkey = one\nserial = {serial}\nfrom = 1999-01-01\n"
            f"until = {day(n)}\n[entry {n + 10}]\ncertificate = {name}{n}\n")


def identities(n):
    """Different certificates under one issuer name and one serial number."""
    return STORE + KEY + "".join(certificate("i", k, "C=GB, CN=Twin", 77) for k in range(n))


def reissues(n):
    """One CA, name and key, with many certificates."""
    return STORE + KEY + "".join(certificate("r", k, "C=GB, CN=Again", k + 1) for k in range(n))


def revocation_lists(n):
    """Revocation lists of as many issuers."""
    return STORE + KEY + "".join(f"[certificate n{k}]\nsubject = C=GB, CN=Nobody {k}\nkey = one\n"
                                 f"[crl {k + 1}]\nissuer-entry = 1\nissuer = n{k}\n" for k in range(n))


def properties(n):
    """Two copies of a certificate in a serialized store, each with many properties, no two alike."""
    store = STORE.replace("time =", "list = sst\ntime =").replace("role = own\n", "").replace("role = issuing\n", "")
    rows = ["[entry 3]\ncertificate = issuing\n", "[entry 4]\ncertificate = issuing\n"]
    for entry in range(2):
        rows[entry] += "".join(f"property.{0x10000 + 2 * k + entry} = 00\n" for k in range(n))
    return store + "".join(rows)


def dangling(n):
    """References to entries that are not there, each to another, each of which one entry could be meant by."""
    return STORE + KEY + "[user 1]\nstate = 3\n" + "".join(
        f"[user-certificate {k + 1}]\nuser = 1\nkey = one\nissuer = issuing\nissuer-entry = {k + 100}\n" for k in range(n))


def unparsable(n):
    """Entries that are no certificates."""
    return STORE + "".join(f"[certificate u{k}]\nraw = 3003020100{k:08x}\n[entry {k + 10}]\ncertificate = u{k}\n"
                           for k in range(n))


def shared_values(n):
    """Rows that share one long value of half a megabyte."""
    return STORE + "".join(f"[user {k + 1}]\nstate = 3\nkey-history-size = 500000\nshared-as = one\n" for k in range(n))


def repeated(n):
    """One certificate, again and again, in a serialized store."""
    store = STORE.replace("time =", "list = sst\ntime =").replace("role = own\n", "").replace("role = issuing\n", "")
    return store + "".join(f"[entry {k + 3}]\ncertificate = issuing\n" for k in range(n))


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def common_name(text):
    return tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x13, text.encode()))))


def raw_certificate(serial, issuer, subject, modulus, exponent, about):
    """A certificate with any RSA key, under a signature that nobody made.  serial: its octets."""
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d0101050500"))
    times = tlv(0x30, tlv(0x17, b"990101000000Z"), tlv(0x17, b"290101000000Z"))
    key = tlv(0x30, *(tlv(2, b"\0" + number.to_bytes(384, "big").lstrip(b"\0")) for number in (modulus, exponent)))
    spki = tlv(0x30, tlv(0x30, bytes.fromhex("06092a864886f70d0101010500")), tlv(3, b"\0", key))
    tbs = tlv(0x30, bytes.fromhex("a003020102"), tlv(2, serial), algorithm, common_name(issuer), times,
              common_name(subject), spki)
    return tlv(0x30, tbs, algorithm, tlv(3, b"\0", hashlib.sha384(about.encode()).digest() * 8)).hex()


def lines_of(raw):
    return "\n  ".join(raw[i:i + 160] for i in range(0, len(raw), 160))


def expensive_keys(n):
    """Eight certificates of one identity, and as many CAs of their issuer's name, each with an exponent as long as its key."""
    maker = random.Random(n)
    store = STORE
    for k in range(n + 8):
        modulus, exponent = (maker.getrandbits(3072) >> 1 | 1 << 3070 | 1 for _ in range(2))
        raw = (raw_certificate(bytes([k % 100 + 1]), f"Root {k}", "Same", modulus, exponent, str(k)) if k < n else
               raw_certificate(b"M", "Same", f"Twin {k - n}", modulus, 65537, str(k)))
        store += f"[certificate x{k}]\nraw = {lines_of(raw)}\n[entry {k + 10}]\ncertificate = x{k}\n"
    return store


def same_start(n):
    """Certificates that differ in the last octets of a long serial number: listed ones, and as many of users."""
    store = STORE + "[user 1]\nstate = 3\n"
    for k in range(2 * n):
        raw = raw_certificate(b"A" * 80 + k.to_bytes(4, "big"), "Start", "Start", 1 << 3071 | 1, 65537, "")
        store += (f"[certificate x{k}]\nraw = {lines_of(raw)}\n[entry {k + 10}]\ncertificate = x{k}\n" if k < n else
                  f"[user-certificate {k}]\nuser = 1\nissuer-entry = 2\nraw = {lines_of(raw)}\n")
    return store


def page_copies(path, n):
    """A parent of the list all of whose nodes name one leaf, and both of them again and again, behind the end of the file."""
    table = next(table for table in edbdecode.open(str(path)).tables if table.name == "CertificateList")
    content = bytearray(path.read_bytes())
    leaf = len(content) // edbmaking.PAGE - 1
    root = edbmaking.page_of(table.root, table.objid, ROOT | PARENT_OF_LEAF,
                             [(b"\x7f" + k.to_bytes(4, "big"), leaf.to_bytes(4, "little")) for k in range(250)])
    below = edbmaking.page_of(leaf, table.objid, LEAF, [(b"\x7f" + k.to_bytes(4, "big"), bytes(40)) for k in range(50)])
    content[(table.root + 1) * edbmaking.PAGE:(table.root + 2) * edbmaking.PAGE] = root
    path.write_bytes(content + (below + root) * n)


KINDS = {
    "identities": (identities, 1000, ["repair"]),
    "reissues": (reissues, 4000, ["repair"]),
    "reissues-dropped": (reissues, 2000, ["repair", "--superseded=drop"]),
    "revocation-lists": (revocation_lists, 4000, ["check"]),
    "properties": (properties, 8000, ["repair"]),
    "dangling": (dangling, 8000, ["repair"]),
    "unparsable": (unparsable, 5000, ["repair"]),
    "shared-values": (shared_values, 400, ["check"]),
    "shared-values-new": (shared_values, 400, ["compact", "--force", "-o", NEW]),
    "same-start": (same_start, 2000, ["check"]),
    "expensive-keys": (expensive_keys, 25, ["repair"]),
    "repeated": (repeated, 4000, ["repair"]),
    "page-copies": (lambda n: STORE, 1000, ["salvage"], page_copies),
}


def make(where, name, text, damage=None):
    """Described in a process of its own: whom one large process starts is measured as large, too."""
    description, store = where / f"{name}.ini", where / f"{name}.edb"
    if store.exists():
        return store
    child = multiprocessing.get_context("fork").Process(target=lambda: description.write_text(text()))
    child.start()
    child.join()
    if child.exitcode != 0:
        sys.exit(f"{description}: cannot be written")
    subprocess.run([KMFIXTURE, str(description), "-o", str(store)], check=True, stdout=subprocess.DEVNULL)
    if damage:
        damage(store)
    return store


def cost(where, command, store):
    words = [where / NEW if word == NEW else word for word in command]
    return measure([PROGRAM, *words, store], accepted=ANY, runs=2)


def ratio(of, to, nothing, least):
    """How often `to` goes into `of`, each without what a store costs that has nothing of the kind."""
    return max(of - nothing, least) / max(to - nothing, least)


def compare(where, name):
    """One kind at n and 4n; true when neither time nor memory grows faster."""
    text, n, command, *damage = KINDS[name]
    nothing, few, many = (cost(where, command, make(where, *store)) for store in (
        ("nothing", lambda: STORE), *((f"{name}-{k}", lambda k=k: text(k), *(lambda store, k=k: each(store, k) for each in damage))
                                      for k in (n, 4 * n))))
    time, memory = (ratio(many[i], few[i], nothing[i], least) for i, least in enumerate((LEAST_SECONDS, LEAST_MIB)))
    good = max(time, memory) <= MOST
    print(f"{name:18} {n:6} {few[0]:8.3f} s {few[1]:6.0f} MiB   {4 * n:6} {many[0]:8.3f} s {many[1]:6.0f} MiB   "
          f"ratio of time {time:5.2f}, of memory {memory:5.2f}{'' if good else f'   ABOVE {MOST}'}", flush=True)
    return good


def main():
    where = pathlib.Path(os.environ.get("KM_BENCH_DIR") or tempfile.mkdtemp(prefix="kmmigrate-hostile-"))
    where.mkdir(exist_ok=True)
    over = []
    try:
        for name in sys.argv[1:] or KINDS:
            over += [] if compare(where, name) else [name]
    finally:
        if "KM_BENCH_DIR" not in os.environ:
            shutil.rmtree(where)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a power failure may leave of what a program wrote: the model behind test_powerloss.py.

kill/record.c, preloaded, writes down every write, sync, rename, link and so on.  From that, states of the disk are made
as they may be after a failure at any moment: what was synced is there; of everything else any part is, writes down to
sectors of 512 bytes, lengths and contents independently, entries of a directory in any order.  A rename is one thing
(it happened or it did not), and is sure once both directories are synced.  That is less than any journaling file system
promises.
"""

import hashlib
import itertools
import random

SECTOR = 512


class Event:
    """One line of the record.  `on`: the inodes that have to be synced before it is sure."""

    def __init__(self, line, data):
        self.kind, *parts = line.split("\t")
        self.inode, self.entries, self.bytes = None, (), b""
        if self.kind in ("create", "sync"):
            self.inode = int(parts[0])
        elif self.kind == "truncate":
            self.inode, self.size = int(parts[0]), int(parts[1])
        elif self.kind == "write":
            self.inode, self.offset, size, at = map(int, parts)
            self.bytes = data[at:at + size]
        elif self.kind == "make":
            self.entries, self.target, self.folder = ((int(parts[0]), parts[1]),), int(parts[2]), parts[3] == "d"
        elif self.kind == "link":
            self.entries, self.target = ((int(parts[0]), parts[1]),), int(parts[2])
        elif self.kind == "rename":
            self.entries = ((int(parts[0]), parts[1]), (int(parts[2]), parts[3]))
            self.target = int(parts[4])
        elif self.kind == "unlink":
            self.entries = ((int(parts[0]), parts[1]),)
        else:
            raise ValueError(line)
        on_data = self.kind in ("write", "truncate")
        self.on = {self.inode} if on_data else {folder for folder, _ in self.entries}

    def __repr__(self):
        return f"{self.kind} {self.inode or self.entries} {len(self.bytes) or ''}"


def read_record(log, data):
    data = data.read_bytes() if data.exists() else b""
    return [Event(line, data) for line in log.read_text().splitlines()]


class Disk:
    """Files and directories by inode."""

    def __init__(self, root):
        self.root, self.files, self.folders = root.stat().st_ino, {}, {}
        self.take(root)

    def take(self, folder):
        entries = self.folders[folder.stat().st_ino] = {}
        for path in folder.iterdir():
            inode = entries[path.name] = path.stat().st_ino
            if path.is_dir():
                self.take(path)
            else:
                self.files[inode] = path.read_bytes()

    def after(self, events, happened):
        """{path: bytes, or None for a directory} once those events happened; happened(i): all (True), not (False), or a
        function that says it of each sector, and of the length (None)."""
        files, folders = dict(self.files), {inode: dict(entries) for inode, entries in self.folders.items()}
        for event in events:
            if event.kind == "make" and event.folder:
                folders.setdefault(event.target, {})  # what is in it may be sure before its own entry is
        for i, event in enumerate(events):
            how = happened(i)
            if how is not False:
                self.apply(event, how, files, folders)
        return dict(self.tree(self.root, "", files, folders))

    @staticmethod
    def apply(event, how, files, folders):
        if event.kind == "create":
            files[event.inode] = b""  # a number that is used again is another file
        elif event.kind == "make":
            if not event.folder:
                files[event.target] = b""
            folders[event.entries[0][0]][event.entries[0][1]] = event.target
        elif event.kind == "write":
            Disk.write(event, how, files)
        elif event.kind == "truncate":
            files[event.inode] = files[event.inode][:event.size].ljust(event.size, b"\0")
        elif event.kind in ("unlink", "rename", "link"):
            folder, name = event.entries[0]
            if event.kind != "link":
                folders[folder].pop(name, None)
            if event.kind != "unlink":
                folder, name = event.entries[-1]
                folders[folder][name] = event.target

    @staticmethod
    def write(event, how, files):
        old = files.get(event.inode, b"")
        end = event.offset + len(event.bytes)
        new = bytearray(old.ljust(end, b"\0"))
        at = event.offset
        while at < end:
            step = min(end, at // SECTOR * SECTOR + SECTOR)
            if how is True or how(at // SECTOR):
                new[at:step] = event.bytes[at - event.offset:step - event.offset]
            at = step
        files[event.inode] = bytes(new if how is True or how(None) else new[:max(len(old), 0)])

    def tree(self, inode, prefix, files, folders):
        for name, entry in folders.get(inode, {}).items():
            if entry in folders:
                yield prefix + name, None
                yield from self.tree(entry, f"{prefix}{name}/", files, folders)
            elif entry in files:
                yield prefix + name, files[entry]
            else:  # made before its file was: as an empty one
                yield prefix + name, b""


def unsure(events, moment):
    """The events before that moment that no sync has made sure."""
    found, synced = {}, {}
    for i, event in enumerate(events[:moment]):
        if event.kind == "sync":
            for number in [number for number, left in found.items() if event.inode in left]:
                found[number] = found[number] - {event.inode}
                if not found[number]:
                    del found[number]
            synced[event.inode] = i
        elif event.on:
            found[i] = set(event.on)
    return sorted(found)


def choices(pending, chance, count):
    """Which of the unsure events happened: none, all, each one alone, all but one, and some at random."""
    yield set()
    yield set(pending)
    for i in pending[-6:]:
        yield {i}
        yield set(pending) - {i}
    for _ in range(count):
        yield {i for i in pending if chance.random() < 0.5}


def states(disk, events, seed, count=3):
    """Every different state of the disk that the model makes: (moment, {path: bytes})."""
    chance, seen = random.Random(seed), set()
    for moment in range(len(events) + 1):
        if moment < len(events) and events[moment].kind == "sync" and moment > 0 and events[moment - 1].kind == "sync":
            continue
        pending = unsure(events, moment)
        for number, some in enumerate(choices(pending, chance, count)):
            sectors = number > 1 and bool(some)

            def happened(i, some=some, sectors=sectors):
                if i >= moment or (i in open_ and i not in some):
                    return False
                if i not in open_ or not sectors or events[i].kind != "write":
                    return True
                return lambda _: chance.random() < 0.7

            open_ = set(pending)
            tree = disk.after(events, happened)
            print_ = fingerprint(tree)
            if print_ not in seen:
                seen.add(print_)
                yield moment, tree


def last_states(disk, events, seed, count=3):
    """The states after the program has ended: whatever it promised must be sure by then."""
    chance = random.Random(seed)
    pending = unsure(events, len(events))
    for some in itertools.islice(choices(pending, chance, count), 20):
        yield disk.after(events, lambda i, some=some: i not in pending or i in some)


def fingerprint(tree):
    digest = hashlib.sha256()
    for name, data in sorted(tree.items()):
        digest.update(f"{name}\0{-1 if data is None else len(data)}\0".encode() + (data or b""))
    return digest.digest()


def put(tree, folder):
    """Makes a state, in a directory that is empty."""
    for name, data in sorted(tree.items()):
        if data is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(data)

"""Bundles for bundle_independent.py: taken apart, or made from a log whose keys are known, and written
again as docs/format.md section 14 says. Whoever rewrites one always repairs what needs no key."""

import base64
import json
import os
import shutil
import struct
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tamper"), os.path.join(HERE, "../independent")]

import zstandard  # noqa: E402
from akforge import Positions, start_epoch  # noqa: E402
from akformat import derive_salt, split_parts  # noqa: E402
from bundle_files import ORDER, Proof, archive_header, tile  # noqa: E402
from primitives import fold, leaf_hash, push_node, sha256  # noqa: E402

MARK = "\u2588".encode()
RECEIVED = (0, 7)
ENTRY = 54


def b64(data):
    return base64.b64encode(data).decode()


def compress(text, checksum=True):
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(text)


def folded(leaves):
    """Root over the leaves."""
    nodes = []
    for leaf in leaves:
        push_node(nodes, 0, leaf)
    return fold([value for _, value in nodes])


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Row:
    """An entry that is shown: its 54 bytes, its opening behind the state, its text with the LF."""

    def __init__(self, raw, state, rest, text=b""):
        self.raw, self.state, self.rest, self.text = raw, state, rest, text

    @property
    def received(self):
        return self.raw[1] in RECEIVED

    def close(self, state, rest=b""):
        """The payload is not shown any more."""
        self.state, self.rest, self.text = state, rest, b""


class Folder:
    """A bundle. `items`: a Row for each entry shown, (first, end, [hashes]) for each stretch that is
    not. What `items` gives is derived again by write()."""

    def __init__(self, files, items, size):
        self.files, self.items, self.size = files, items, size
        self.custody = {}
        self.raw = {}               # files that stay as they are given, whatever follows

    @classmethod
    def read(cls, path):
        files, custody = {}, {}
        for name in os.listdir(path):
            if name == "custody":
                for record in os.listdir(os.path.join(path, name)):
                    with open(os.path.join(path, name, record), "rb") as f:
                        custody[record] = f.read()
                continue
            with open(os.path.join(path, name), "rb") as f:
                files[name] = f.read()
        proof = Proof(files["proof"])
        rows = cls.read_rows(files)
        items = []
        for first, end, nodes in proof.stretches:
            if nodes is None:
                items += [next(rows) for _ in range(end - first)]
            else:
                items.append((first, end, [value for _, value in nodes]))
        folder = cls(files, items, proof.size)
        folder.custody = custody
        return folder

    @staticmethod
    def read_rows(files):
        """The rows of a good bundle."""
        records = zstandard.ZstdDecompressor().decompressobj().decompress(files["records.zst"])
        texts, at, data = {True: records, False: files["own.txt"]}, {True: 0, False: 0}, \
            files["openings"]
        where = 0
        for start in range(0, len(files["entries"]), ENTRY):
            raw = files["entries"][start:start + ENTRY]
            row = Row(raw, data[where], b"")
            length, text = 0, 0
            if row.state == 0:
                length = 4 + 16 * raw[0]
                text = struct.unpack_from(">I", data, where + 1)[0] + 1
            elif row.state == 16:
                length = 2
            elif row.state == 17:
                length, text = 4, 1
                for _ in range(struct.unpack_from(">I", data, where + 1)[0]):
                    n = data[where + 1 + length]
                    length += 35 if n == 255 else 17
                    text += 3 if n == 255 else n
            row.rest = data[where + 1:where + 1 + length]
            which = row.received
            row.text = texts[which][at[which]:at[which] + text]
            at[which] += text
            where += 1 + length
            yield row

    # Finding.

    def placed(self):
        """(index, position in items, row) of every entry shown."""
        index = 0
        for position, item in enumerate(self.items):
            if isinstance(item, Row):
                yield index, position, item
                index += 1
            else:
                index = item[1]

    def find(self, kind=0, skip=0, state=0):
        """The (index, position, row) of an entry of this kind in the middle of those shown."""
        found = [row for row in self.placed() if row[2].raw[1] == kind and row[2].state == state]
        return found[(len(found) // 2 + skip) % len(found)]

    # Changing.

    def hide(self, *indices):
        """Takes entries out as an honest maker would: hashes stand in their place."""
        out = []
        for index, position, row in self.placed():
            if index in indices:
                out.append((position, index, row))
        for position, index, row in out:
            self.items[position] = (index, index + 1, [leaf_hash(row.raw)])
        self.join()

    def join(self):
        """Neighbouring stretches that are not shown become one, where the hashes allow it."""
        joined = []
        for item in self.items:
            if not isinstance(item, Row) and joined and not isinstance(joined[-1], Row):
                before = joined.pop()
                item = self.joined(before, item)
            joined.append(item)
        self.items = joined

    @staticmethod
    def joined(one, two):
        """Two stretches as one: nodes that are neighbours are hashed together."""
        first, end = one[0], two[1]
        known = list(zip(tile(one[0], one[1]), one[2])) + list(zip(tile(two[0], two[1]), two[2]))
        hashes = []
        for level in tile(first, end):
            parts, have = [], 0
            while have < 1 << level:
                parts.append(known.pop(0))
                have += 1 << parts[-1][0]
            nodes = []
            for part in parts:
                push_node(nodes, *part)
            hashes.append(fold([value for _, value in nodes]))
        return first, end, hashes

    def about(self, **members):
        value = json.loads(self.files["bundle.json"])
        value.update(members)
        self.files["bundle.json"] = canonical({k: v for k, v in value.items() if v is not None})

    # Writing.

    def derived(self):
        """All files, with what `items` says."""
        lines, rows = ["akashi/bundle/v1", str(self.size)], []
        shown = 0
        for item in [*self.items, None]:
            if isinstance(item, Row):
                shown += 1
                rows.append(item)
                continue
            if shown:
                lines.append(f"show {shown}")
                shown = 0
            if item is not None:
                lines += [f"skip {item[1] - item[0]}", *map(b64, item[2])]
        files = dict(self.files)
        files["proof"] = ("\n".join(lines) + "\n").encode()
        files["entries"] = b"".join(row.raw for row in rows)
        files["openings"] = b"".join(bytes([row.state]) + row.rest for row in rows)
        files["own.txt"] = b"".join(row.text for row in rows if not row.received)
        files["records.zst"] = compress(b"".join(row.text for row in rows if row.received))
        files.update(self.raw)
        files = {name: data for name, data in files.items() if data is not None}
        names = [name for name in ORDER if name in files and name != "SHA256SUMS"]
        if "SHA256SUMS" not in self.raw:
            files["SHA256SUMS"] = "".join(f"{sha256(files[n]).hex()}  {n}\n"
                                          for n in names).encode()
        return files

    def write(self, path):
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        for name, data in self.derived().items():
            with open(os.path.join(path, name), "wb") as f:
                f.write(data)
        if self.custody:
            os.mkdir(os.path.join(path, "custody"))
            for name, data in self.custody.items():
                with open(os.path.join(path, "custody", name), "wb") as f:
                    f.write(data)

    def archive(self):
        """The same as one file."""
        files = self.derived()
        mtime = int(json.loads(files["bundle.json"])["made"]) // 10 ** 9
        named = [(name, files[name]) for name in ORDER if name in files]
        named += [("custody/" + name, self.custody[name]) for name in sorted(self.custody)]
        return b"".join(archive_header(name.encode(), len(data), mtime) + data
                        + bytes(-len(data) % 512) for name, data in named) + bytes(1024)


def opened(entry, key, index):
    """A Row for an entry of a log of akformat."""
    salt = entry.salt or derive_salt(entry.form, key, index)
    return Row(entry.encode(key, index), 0, struct.pack(">I", len(entry.payload)) + salt,
               entry.payload + b"\n")


def laid_out(maker):
    """Rows for the entries that a Maker holds and has not committed, whatever is in them: start notes
    and states are made true, and nothing else."""
    rows, nodes, positions, epoch = [], [], Positions(), 0
    for index, e in enumerate(maker.pending):
        if e.kind == 4:
            epoch = start_epoch(e.payload, epoch + 1 if index else 0)
            e.payload = maker.secrets.start_note(epoch, index,
                                                 fold([value for _, value in nodes]))
        elif e.kind == 8:
            value = json.loads(e.payload)
            value.update(positions=b64(positions.root()), sources=positions.sources)
            e.payload = canonical(value)
        rows.append(opened(e, sha256(b"%d" % (index // 256)), index))
        push_node(nodes, 0, leaf_hash(rows[-1].raw))
        positions.add(index, e)
    return rows


def made(rows, secrets, pieces, asked, epoch=0, positions=None):
    """A bundle of a log of these rows, of the pieces [first, end), signed for its end."""
    leaves = [leaf_hash(row.raw) for row in rows]
    size = len(rows)
    items, at = [], 0
    for first, end in [*pieces, (size, size)]:
        if at < first:
            hashes, where = [], at
            for level in tile(at, first):
                hashes.append(folded(leaves[where:where + (1 << level)]))
                where += 1 << level
            items.append((at, first, hashes))
        items += rows[first:end]
        at = end
    files = {"README.txt": b"see docs/format.md\n", "checkpoint":
             secrets.checkpoint(size, folded(leaves), epoch),
             "bundle.json": canonical({
                 "type": "bundle", "version": 1, "origin": secrets.origin,
                 "log_key": secrets.vkey, "made": "1795766209000000000", "program": "a forger",
                 "program_sha256": "0" * 64, "case": "1", "exhibit": "2", "by": "me",
                 "reason": "why", "asked": asked, "redactions": []})}
    if positions:
        files["positions"] = positions
    return Folder(files, items, size)


def in_parts(row, index, withheld, cut=split_parts, reason=0):
    """Blacks parts of a row of form 2 out; `withheld(j, part)` says which."""
    key, payload = row.rest[4:], row.text[:-1]
    parts = cut(payload)
    rest, text = [struct.pack(">I", len(parts))], b""
    for j, part in enumerate(parts):
        both = sha256(b"\x07" + key + struct.pack(">I", j // 2))
        salt = both[16:] if j % 2 else both[:16]
        if withheld(j, part):
            rest.append(struct.pack(">BH", 255, reason) + sha256(b"\x03" + salt + part))
            text += MARK
        else:
            rest.append(bytes([len(part)]) + salt)
            text += part
    row.state, row.rest, row.text = 17, b"".join(rest), text + b"\n"
    return row

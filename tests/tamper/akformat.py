"""Stores as objects that can be changed: decoder and encoder of docs/format.md.

`Log.load(directory)` reads one log's directory, `Log.save(directory)` writes it. What was not
changed is written with the very bytes that were read: only the compressed text of a block keeps its
bytes, everything else is encoded anew from the objects (so a store that comes out different is a
store, or a program here, that breaks the rule of one encoding; `python3 akformat.py STORE` checks).

A segment is a list of parts: Header, Block, Mark, Note, Footer, SeekTable and Raw (bytes kept as
they are, for a tail or for rubbish). `rebuild()` in akforge.py repairs what needs no key.
"""

import os
import stat
import sys

import zstandard

from akbase import (Cursor, FormatError, Frontier, H, leaf_hash, u8, u16, u32, u32le, u48, u64,
                    varint)

MAGIC = bytes.fromhex("5a2a4d18")
SEEK_MAGIC = bytes.fromhex("5e2a4d18")
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
SEEK_END = bytes.fromhex("b1ea928f")
RECEIVED_KINDS = (0, 7)
PRESENT, ERASED, ENCRYPTED, EXPIRED = range(4)


def skippable(content, magic=MAGIC):
    return magic + u32le(len(content)) + content


# Entries (section 3).

def is_part_char(c):
    return (0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A or c >= 0x80
            or c in b"._:@/\\%+~#$*!?^`-")


def split_parts(payload):
    """The parts of a payload in form 2."""
    parts, part = [], bytearray()
    for c in payload:
        if len(part) == 38 or (len(part) >= 4 and not is_part_char(part[-1]) and is_part_char(c)):
            parts.append(bytes(part))
            part = bytearray()
        part.append(c)
    return parts + [bytes(part)]


def derive_salt(form, group_key, index):
    """The salt (form 1) or record key K (form 2) of entry `index`."""
    if form == 2:
        return H(b"\x06" + group_key + u8(index % 256))
    both = H(b"\x05" + group_key + u8(index % 256 // 2))
    return both[:16] if index % 2 == 0 else both[16:]


def commit_payload(form, salt, payload):
    if form == 1:
        return H(b"\x02" + salt + payload)
    hashes = []
    for j, part in enumerate(split_parts(payload)):
        both = H(b"\x07" + salt + u32(j // 2))
        hashes.append(H(b"\x03" + (both[16:] if j % 2 else both[:16]) + part))
    return H(b"\x04" + u32(len(hashes)) + b"".join(hashes))


class Entry:
    """One entry. `payload` is None when it is not there; `commitment` overrules the computed one."""

    def __init__(self, kind, source, source_seq, received, payload, clock_run=0, form=1):
        self.form, self.kind, self.clock_run, self.received = form, kind, clock_run, received
        self.source, self.source_seq, self.payload = source, source_seq, payload
        self.state = PRESENT
        self.commitment = None
        self.salt = None

    def commit(self, group_key, index):
        if self.commitment is not None:
            return self.commitment
        salt = self.salt if group_key is None else derive_salt(self.form, group_key, index)
        return commit_payload(self.form, salt, self.payload)

    def encode(self, group_key, index):
        return (u8(self.form) + u8(self.kind) + u16(self.clock_run) + u64(self.received)
                + u32(self.source) + u48(self.source_seq) + self.commit(group_key, index))


# Frames of ours (section 6).

class Header:
    """HEADER; `range`, `epoch_note` and `checkpoint` are what the frame holds, fitting or not."""

    def __init__(self):
        self.version, self.compatible, self.incompatible = 1, 0, 0
        self.encoding = self.reserved = 0
        self.first = self.opened = self.claim = 0
        self.previous = bytes(32)
        self.origin = b""
        self.range = []
        self.epoch_note = self.checkpoint = b""

    @classmethod
    def decode(cls, content):
        c, h = Cursor(content, "HEADER"), cls()
        c.int(1)
        h.version, h.compatible, h.incompatible = c.int(1), c.int(4), c.int(4)
        h.encoding, h.reserved = c.int(1), c.int(1)
        h.first, h.opened, h.claim, h.previous = c.int(8), c.int(8), c.int(8), c.take(32)
        h.origin = c.take(c.int(1))
        h.range = [c.take(32) for _ in range(c.int(1))]
        h.epoch_note = c.take(c.int(4))
        h.checkpoint = c.take(c.int(4))
        c.end()
        return h

    def encode(self):
        return skippable(
            u8(1) + u8(self.version) + u32(self.compatible) + u32(self.incompatible)
            + u8(self.encoding) + u8(self.reserved) + u64(self.first) + u64(self.opened)
            + u64(self.claim) + self.previous + u8(len(self.origin)) + self.origin
            + u8(len(self.range)) + b"".join(self.range) + u32(len(self.epoch_note))
            + self.epoch_note + u32(len(self.checkpoint)) + self.checkpoint)


class Block:
    """COLUMNS and its DATA.

    `data` is the DATA frame as read; set it to None to have the text compressed anew. `keys` maps
    a group to its group key, or to None when the salts of its entries are explicit. The fields
    `level8`, `data_digest`, `data_bytes` and `text_bytes` are what COLUMNS says; `repair()` makes
    them true, but for level8, which needs the tree.
    """

    def __init__(self, first=0, entries=(), keys=None, form=1):
        self.first, self.entries, self.form = first, list(entries), form
        self.keys = dict(keys or {})
        self.level8 = []
        self.data = None
        self.data_digest = None
        self.data_bytes = self.text_bytes = 0
        self.zstd_level = 3
        self.columns_raw = None     # overrules the encoded COLUMNS content when set

    @property
    def end(self):
        return self.first + len(self.entries)

    def groups(self):
        return range(self.first // 256, (self.end - 1) // 256 + 1)

    def group_entries(self, group):
        low = max(0, group * 256 - self.first)
        return self.entries[low:max(0, group * 256 + 256 - self.first)]

    def text(self):
        return b"".join(e.payload + b"\n" for e in self.entries if e.state == PRESENT)

    def entry_bytes(self):
        return [e.encode(self.keys[(self.first + i) // 256], self.first + i)
                for i, e in enumerate(self.entries)]

    def repair(self):
        if self.data is None:
            self.data = compress(self.text(), self.zstd_level)
        self.data_digest = H(self.data)
        self.data_bytes = len(self.data)
        self.text_bytes = len(self.text())

    # Decoding.

    @classmethod
    def decode(cls, content, data):
        c, b = Cursor(content, "COLUMNS"), cls()
        if c.int(1) != 2 or c.int(1) != 1:
            raise FormatError("COLUMNS: type or version")
        b.data_bytes, b.text_bytes, b.data_digest = c.int(4), c.int(4), c.take(32)
        b.first, count, b.form, b.data = c.int(8), c.int(4), c.int(1), data
        if not 1 <= count <= 8192:
            raise FormatError("COLUMNS: count")
        b.decode_runs(c, count)
        feeds = b.decode_feeds(c)
        sizes = [c.varint() for _ in b.groups()]
        b.decode_states(c)
        b.decode_payloads(feeds, sizes)
        b.decode_keys(c)
        b.level8 = [c.take(32) for g in b.groups() if g * 256 + 256 <= b.end]
        c.end()
        return b

    def decode_runs(self, c, count):
        behind, clock_run, micros = {}, 0, 0
        for r in range(c.varint()):
            n, tag = c.varint(), c.varint()
            source, f = divmod(tag, 2)
            seq = behind[source] if source in behind else c.varint()
            if r == 0:
                clock_run, micros = c.varint(), c.varint()
            else:
                t = c.varint()
                if t == 1:
                    clock_run, micros = clock_run + 1, c.varint()
                elif t % 2 == 0:
                    micros += t // 2
                else:
                    raise FormatError("COLUMNS: time of a run")
            kind = (7 if f else 0) if source >= 256 else source
            if n > count - len(self.entries):
                raise FormatError("COLUMNS: runs hold more than count")
            for i in range(n):
                self.entries.append(Entry(kind, source, seq + i, micros * 1000, b"", clock_run,
                                          self.form))
            behind[source] = seq + n
        if len(self.entries) != count:
            raise FormatError("COLUMNS: runs hold fewer than count")

    @staticmethod
    def decode_feeds(c):
        feeds, at = {}, 0
        for _ in range(c.varint()):
            at += c.varint()
            feeds[at] = c.varint()
            at += 1
        return feeds

    def decode_states(self, c):
        at, absent = 0, []
        for _ in range(c.varint()):
            at += c.varint()
            n, state = c.varint(), c.int(1)
            for i in range(at, at + n):
                self.entries[i].state = state
                absent.append(self.entries[i])
            at += n
        for e in absent:
            e.payload, e.commitment = None, c.take(32)

    def decode_payloads(self, feeds, sizes):
        text = decompress(self.data, self.text_bytes)
        at, start = 0, 0
        for i, e in enumerate(self.entries):
            if e.state != PRESENT:
                continue
            end = at
            for _ in range(feeds.get(i, 0) + 1):
                end = text.index(b"\n", end) + 1
            e.payload = text[at:end - 1]
            at = end
        if at != len(text):
            raise FormatError("DATA: text left over")
        for g, size in zip(self.groups(), sizes):
            start += size
            have = sum(len(e.payload) + 1 for e in self.group_entries(g) if e.state == PRESENT)
            if have != size:
                raise FormatError("COLUMNS: text of a group")

    def decode_keys(self, c):
        for g in self.groups():
            how = c.int(1)
            if how == 0:
                self.keys[g] = c.take(32)
                continue
            self.keys[g] = None
            for e in self.group_entries(g):
                if e.state == PRESENT:
                    e.salt = c.take(16 if self.form == 1 else 32)

    # Encoding.

    def encode_columns(self):
        """The COLUMNS content."""
        if self.columns_raw is not None:
            return self.columns_raw
        return (u8(2) + u8(1) + u32(self.data_bytes) + u32(self.text_bytes) + self.data_digest
                + u64(self.first) + u32(len(self.entries)) + u8(self.form) + self.encode_runs()
                + self.encode_feeds() + self.encode_group_texts() + self.encode_states()
                + self.encode_keys() + b"".join(self.level8))

    def runs(self):
        """[first position, length] of each run."""
        runs = []
        for i, e in enumerate(self.entries):
            p = self.entries[i - 1] if i else None
            if p and (p.kind, p.source, p.clock_run, p.received, p.source_seq + 1) == (
                    e.kind, e.source, e.clock_run, e.received, e.source_seq):
                runs[-1][1] += 1
            else:
                runs.append([i, 1])
        return runs

    def encode_runs(self):
        runs = self.runs()
        out, behind, last = varint(len(runs)), {}, None
        for at, n in runs:
            e = self.entries[at]
            out += varint(n) + varint(e.source * 2 + (e.kind == 7 and e.source >= 256))
            if e.source not in behind:
                out += varint(e.source_seq)
            elif behind[e.source] != e.source_seq:
                raise FormatError("these numbers have no encoding in one block")
            if last is None:
                out += varint(e.clock_run) + varint(e.received // 1000)
            elif e.clock_run == last.clock_run:
                out += varint(2 * (e.received // 1000 - last.received // 1000))
            else:
                out += varint(1) + varint(e.received // 1000)
            behind[e.source], last = e.source_seq + n, e
        return out

    def encode_feeds(self):
        out, at, n = b"", 0, 0
        for i, e in enumerate(self.entries):
            if e.state == PRESENT and b"\n" in e.payload:
                out += varint(i - at) + varint(e.payload.count(b"\n"))
                at, n = i + 1, n + 1
        return varint(n) + out

    def encode_group_texts(self):
        return b"".join(varint(sum(len(e.payload) + 1 for e in self.group_entries(g)
                                   if e.state == PRESENT)) for g in self.groups())

    def encode_states(self):
        stretches, at = [], 0
        for i, e in enumerate(self.entries):
            if e.state == PRESENT:
                continue
            if stretches and stretches[-1][1] == e.state and stretches[-1][2] == i:
                stretches[-1][2] = i + 1
            else:
                stretches.append([i, e.state, i + 1])
        out = varint(len(stretches))
        for start, state, end in stretches:
            out += varint(start - at) + varint(end - start) + u8(state)
            at = end
        return out + b"".join(e.commitment for e in self.entries if e.state != PRESENT)

    def encode_keys(self):
        out = b""
        for g in self.groups():
            if self.keys[g] is not None:
                out += u8(0) + self.keys[g]
            else:
                out += u8(1) + b"".join(e.salt for e in self.group_entries(g)
                                        if e.state == PRESENT)
        return out

    def encode(self):
        return skippable(self.encode_columns()) + self.data


class Mark:
    def __init__(self, size=0, range_=(), digest=bytes(32)):
        self.size, self.range, self.digest = size, list(range_), digest

    @classmethod
    def decode(cls, content):
        c = Cursor(content[2:], "MARK")
        size = c.int(8)
        hashes = [c.take(32) for _ in range(c.int(1))]
        mark = cls(size, hashes, c.take(32))
        c.end()
        return mark

    def encode(self):
        return skippable(u8(3) + u8(1) + u64(self.size) + u8(len(self.range))
                         + b"".join(self.range) + self.digest)


class Note:
    def __init__(self, note):
        self.note = note

    def encode(self):
        return skippable(u8(4) + u8(1) + self.note)


class Footer:
    """FOOTER, kept as its content: a forger derives it anew or changes single bytes."""

    def __init__(self, content):
        self.content = content

    def encode(self):
        return skippable(self.content)


class SeekTable:
    def __init__(self, content):
        self.content = content

    def encode(self):
        return skippable(self.content, SEEK_MAGIC)


class Raw:
    """Bytes that are written as they are."""

    def __init__(self, data):
        self.data = data

    def encode(self):
        return self.data


# DATA (section 6.4).

def compress(text, level=3, **params):
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, write_content_size=params.pop("size", True),
        write_checksum=params.pop("checksum", True), write_dict_id=False, **params)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(text)


def decompress(frame, size):
    if size > 1048576:
        raise FormatError("DATA: content size")
    try:
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=size)
    except zstandard.ZstdError as e:
        raise FormatError(f"DATA: {e}") from e


# Segments, logs and stores (sections 6.1 and 9.1).

def decode_parts(data):
    """The parts of a segment; what does not decode, from the first bad frame on, is one Raw."""
    parts, at = [], 0
    while at < len(data):
        try:
            part, n = decode_part(data, at)
        except FormatError:
            parts.append(Raw(data[at:]))
            break
        parts.append(part)
        at += n
    return parts


def decode_part(data, at):
    c = Cursor(data, "frame")
    c.at = at
    magic, n = c.take(4), int.from_bytes(c.take(4), "little")
    content = c.take(n)
    if magic == SEEK_MAGIC:
        return SeekTable(content), 8 + n
    if magic != MAGIC or n < 2:
        raise FormatError("frame: magic")
    if content[0] == 2:
        frame = c.take(int.from_bytes(content[2:6], "big"))
        return Block.decode(content, frame), 8 + n + len(frame)
    makers = {1: Header.decode, 3: Mark.decode, 4: lambda x: Note(x[2:]), 5: Footer}
    if content[0] not in makers:
        raise FormatError("frame: type")
    return makers[content[0]](content), 8 + n


class Segment:
    """One file: its name and its parts; parts[0] is the Header."""

    def __init__(self, name, parts):
        self.name, self.parts = name, parts

    @property
    def header(self):
        return self.parts[0]

    @property
    def sealed(self):
        return any(isinstance(p, Footer) for p in self.parts)

    @property
    def end(self):
        return self.blocks()[-1].end if self.blocks() else self.header.first

    def of(self, *types):
        return [p for p in self.parts if isinstance(p, types)]

    def blocks(self):
        return self.of(Block)

    def entries(self):
        return [e for b in self.blocks() for e in b.entries]

    def encode(self):
        return b"".join(p.encode() for p in self.parts)

    def offset(self, part):
        """Where a part begins in the file."""
        at = 0
        for p in self.parts:
            if p is part:
                return at
            at += len(p.encode())
        raise ValueError("no part of this segment")

    def leaves(self):
        return [leaf_hash(x) for b in self.blocks() for x in b.entry_bytes()]


class Log:
    """One log's directory: segments in the order of `first`, the checkpoint, other files."""

    def __init__(self, log_id):
        self.log_id = log_id
        self.segments = []
        self.checkpoint = None
        self.others = {}            # name -> bytes

    @classmethod
    def load(cls, directory):
        """Also of a log that is written: a file that went meanwhile is there sealed, so look anew."""
        for _ in range(1000):
            try:
                return cls._load(directory)
            except FileNotFoundError:
                if not os.path.isdir(directory):
                    raise
        raise FormatError(f"{directory}: its files come and go")

    @classmethod
    def _load(cls, directory):
        log = cls(os.path.basename(os.path.normpath(directory)))
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise FormatError(f"{path}: not a regular file")
            with open(path, "rb") as f:
                data = f.read()
            if name == "checkpoint":
                log.checkpoint = data
            elif name.endswith(".zst"):
                log.segments.append(Segment(name, decode_parts(data)))
            else:
                log.others[name] = data
        log.segments.sort(key=lambda s: (s.header.first, s.name))
        return log

    def files(self):
        files = {s.name: s.encode() for s in self.segments}
        files.update(self.others)
        if self.checkpoint is not None:
            files["checkpoint"] = self.checkpoint
        return files

    def save(self, directory):
        os.makedirs(directory, exist_ok=True)
        for name, data in self.files().items():
            with open(os.path.join(directory, name), "wb") as f:
                f.write(data)

    def frontier(self, size):
        """The tree over the first `size` entries, from the entries alone."""
        tree = Frontier()
        for s in self.segments:
            for leaf in s.leaves():
                if tree.size == size:
                    return tree
                tree.add(leaf)
        return tree

    @property
    def end(self):
        return self.segments[-1].end


def log_directories(store):
    """The log directories of a store, or the directory itself when it is one log's."""
    names = [n for n in sorted(os.listdir(store))
             if len(n) == 32 and all(c in "0123456789abcdef" for c in n)]
    return [os.path.join(store, n) for n in names] or [store]


def main(store):
    bad = 0
    for directory in log_directories(store):
        log = Log.load(directory)
        for name, data in log.files().items():
            with open(os.path.join(directory, name), "rb") as f:
                same = f.read() == data
            bad += not same
            parts = [s for s in log.segments if s.name == name]
            raw = sum(len(p.data) for s in parts for p in s.of(Raw))
            print(f"{name}: {len(data)} bytes, {'same' if same else 'DIFFERENT'}"
                  + (f", {raw} of them not understood" if raw else ""))
            bad += bool(raw)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

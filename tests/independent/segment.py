"""Segments: docs/format.md sections 6 and 7. From a file to its parts, and from a block to its
entries. Structure and digests are judged here; what needs the tree or other files is not."""

import os
import re
import stat
import struct

import zstandard

from notes import check_origin
from primitives import (FormatError, GROUP, INDEX_END, Limit, Malformed, Reader,
                        Unsupported, commit_parts, commit_whole, leaf_hash, range_levels,
                        record_key, salt_of, sha256)
from tree import Spans

MAGIC = b"\x5a\x2a\x4d\x18"
SEEK_MAGIC = b"\x5e\x2a\x4d\x18"
SEEK_END = 0x8F92EAB1
DATA_MAGIC = b"\x28\xb5\x2f\xfd"
HEADER, COLUMNS, MARK, NOTE, FOOTER = 1, 2, 3, 4, 5
CONTENT_MAX = {HEADER: 131072, COLUMNS: 2097152, MARK: 4096, NOTE: 65538, FOOTER: 1073741824}
DATA_BYTES_MAX = 1114112
TEXT_BYTES_MAX = 1048576
BLOCK_ENTRIES_MAX = 8192
PAYLOAD_BYTES_MAX = 1048575
WINDOW_BYTES_MAX = 8 * 1024 * 1024
SEGMENT_BYTES_MAX = 1 << 40
ALWAYS_PRESENT = (2, 4, 5, 8)
# Section 6.1: what may stand before each part.
SEALED_ORDER = {"block": ("header", "block", "note"), "note": ("block", "note"),
                "footer": ("header", "block", "note")}
OPEN_ORDER = {"block": ("header", "block", "note", "mark"), "note": ("header", "note", "mark"),
              "mark": ("block",), "footer": ("header", "block", "note")}
ERASED = 1
# What a decoder is asked for at a time, so that all before a bad block comes out.
READ_STEP = 4096
# Bounds of this program, not of the format: frames that it keeps of one file, and bytes that it
# looks at behind damage beyond four times the file's length.
ITEMS_MAX = 1000000
RESYNC_BYTES_MAX = 1 << 26


class OutOfBudget(Exception):
    """More work behind damage than a file is worth."""


class FileError(Exception):
    """A file could not be read, or is none that may be opened: IO_ERROR."""

    def __init__(self, text, name):
        super().__init__(text)
        self.name = name


NAME_OPEN = re.compile(r"\A([0-9]{20})\.open\.zst\Z")
NAME_SEALED = re.compile(r"\A([0-9]{20})\.(0|[1-9][0-9]{0,9})\.zst\Z")
NAME_STAMP = re.compile(r"\A[0-9]{20}\.(cosigned|stamped|renewal|(renewal\.)?(0|[1-9][0-9]{0,8})\.tsr)\Z")
NAME_TORN = re.compile(r"\A([0-9]{20})(\.[1-9][0-9]{0,9})?\.torn\Z")


def named_index(name):
    """(index, generation) that a segment's name says; None where it says none."""
    match = NAME_SEALED.match(name)
    generation = int(match.group(2)) if match else None
    match = match or NAME_OPEN.match(name)
    if not match or int(match.group(1)) >= INDEX_END:
        return None, None
    return int(match.group(1)), generation


class File:
    """A regular file; its size is that of the first look. Descriptors are opened again when they
    are needed, since a log may have more files than a process may have open."""

    OPEN_MAX = 100
    opened = []                 # those that have a descriptor, the longest unused one first

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        self.fd = None
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise FileError("%s is not a regular file" % self.name, self.name)
        except OSError as error:
            raise FileError("%s: %s" % (self.name, error.strerror), self.name) from None
        self.identity = None
        info = self.open()
        self.identity = (info.st_dev, info.st_ino)
        self.size = info.st_size

    def open(self):
        """Takes a descriptor of the same file as before."""
        try:
            self.fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise FileError("%s: %s" % (self.name, error.strerror), self.name) from None
        info = os.fstat(self.fd)
        File.opened.append(self)
        if not stat.S_ISREG(info.st_mode) or self.identity not in (
                None, (info.st_dev, info.st_ino)):
            self.close()
            raise FileError("%s is not a regular file, or another one than before" % self.name,
                            self.name)
        if len(File.opened) > File.OPEN_MAX:
            File.opened[0].close()
        return info

    def read(self, offset, count):
        """Up to `count` bytes from `offset`, less only at the end."""
        if self.fd is None:
            self.open()
        count = max(0, min(count, self.size - offset))
        parts = []
        while count > 0:
            try:
                part = os.pread(self.fd, min(count, 1 << 24), offset)
            except OSError as error:
                raise FileError("%s: %s" % (self.name, error.strerror), self.name) from None
            if not part:
                raise FileError("%s became shorter while it was read" % self.name, self.name)
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def digest(self, algorithm, offset=0, end=None):
        """Digest by the hash object `algorithm` of [offset, end)."""
        end = self.size if end is None else end
        while offset < end:
            part = self.read(offset, min(1 << 20, end - offset))
            algorithm.update(part)
            offset += len(part)
        return algorithm.digest()

    def close(self):
        """Gives the descriptor back."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
            File.opened.remove(self)


class FileReader(Reader):
    """Fields of a part of a file, which is not read as a whole."""

    def __init__(self, file, offset, end):
        super().__init__(b"")
        self.file = file
        self.at = offset
        self.last = end

    def take(self, count):
        """The next `count` bytes."""
        part = self.file.read(self.at, count) if 0 <= count <= self.last - self.at else b""
        if len(part) != count:
            raise Malformed("a structure ends before its last field")
        self.at += count
        return part

    def skip(self, count):
        """Leaves `count` bytes out."""
        if not 0 <= count <= self.last - self.at:
            raise Malformed("a structure ends before its last field")
        self.at += count

    def end(self):
        """All bytes must have been taken."""
        if self.at != self.last:
            raise Malformed("bytes are left behind the last field")


class Header:
    """HEADER (section 6.2)."""

    def __init__(self, frame):
        self.digest = sha256(frame)
        self.frame = frame
        r = Reader(frame[8:])
        r.take(2)
        self.compatible = r.uint(4)
        if r.uint(4):
            raise Unsupported("an incompatible flag is set")
        if r.uint(1):
            raise Unsupported("the encoding is not 0")
        if r.uint(1):
            raise Unsupported("the reserved byte is not 0")
        self.first = r.index()
        self.opened = r.uint(8)
        self.claim = r.uint(8)
        self.previous = r.take(32)
        self.origin = r.take(r.uint(1))
        self.log_id = check_origin(self.origin)
        if self.opened % 1000 or self.claim == 0:
            raise Malformed("the time of opening or the claim of a header is not allowed")
        if r.uint(1) != bin(self.first).count("1"):
            raise Malformed("the range of a header has not popcount(first) hashes")
        self.range = r.hashes(len(range_levels(self.first)))
        self.epoch_note = r.take(r.uint(4))
        self.checkpoint = r.take(r.uint(4))
        r.end()
        if bool(self.epoch_note) != (self.first > 0):
            raise Malformed("the epoch note of a header is there when first is 0, or lacks")


class Columns:
    """COLUMNS (section 6.3). `runs` holds (entries, kind, source, seq, clock_run, received)."""

    def __init__(self, content):
        r = Reader(content)
        r.take(2)
        self.data_bytes = r.uint(4)
        self.text_bytes = r.uint(4)
        self.data_digest = r.take(32)
        self.first = r.index()
        self.count = r.uint(4)
        self.form = r.uint(1)
        if not 1 <= self.data_bytes <= DATA_BYTES_MAX or self.text_bytes > TEXT_BYTES_MAX:
            raise Malformed("the lengths of a block are out of their bounds")
        if not 1 <= self.count <= BLOCK_ENTRIES_MAX or self.first + self.count > INDEX_END:
            raise Malformed("the number of entries of a block is out of its bounds")
        if self.form not in (1, 2):
            raise Unsupported("the form of the entries is neither 1 nor 2")
        self.end = self.first + self.count
        self.groups = list(range(self.first // GROUP, (self.end - 1) // GROUP + 1))
        self.read_runs(r)
        self.read_line_feeds(r)
        self.read_texts(r)
        self.read_states(r)
        self.read_keys(r)
        self.full_groups = [g for g in self.groups if self.first <= g * GROUP + 255 < self.end]
        self.node_hashes = dict(zip(self.full_groups, r.hashes(len(self.full_groups))))
        r.end()

    def read_runs(self, r):
        """Section 6.3.1."""
        number = r.varint()
        if not 1 <= number <= self.count:
            raise Malformed("the number of runs is out of its bounds")
        self.runs = []
        next_seq = {}
        left = self.count
        tag_before, clock_run, stamp = None, 0, 0
        for position in range(number):
            n = r.varint()
            tag = r.varint()
            source = tag >> 1
            if n < 1 or n > left or source > 0xFFFFFFFF:
                raise Malformed("a run has too many entries, none, or a source above 32 bits")
            left -= n
            if tag & 1 and source < 256:
                raise Malformed("a fragment has the source of an own entry")
            kind = 7 if tag & 1 else 0 if source >= 256 else source
            seq = next_seq[source] if source in next_seq else r.varint()
            if seq + n > 1 << 48:
                raise Malformed("source_seq is not below 2^48")
            next_seq[source] = seq + n
            same_time = False
            if position == 0:
                clock_run, stamp = r.varint(), r.varint()
            else:
                t = r.varint()
                if t & 1 == 0:
                    stamp += t >> 1
                    same_time = t == 0
                elif t == 1:
                    clock_run, stamp = clock_run + 1, r.varint()
                else:
                    raise Malformed("the time of a run is odd and not 1")
            if clock_run > 0xFFFF or stamp * 1000 >= 1 << 64:
                raise Malformed("clock_run or received is out of its bounds")
            if same_time and tag == tag_before:
                raise Malformed("two neighbouring runs could be one")
            tag_before = tag
            self.runs.append((n, kind, source, seq, clock_run, stamp * 1000))
        if left:
            raise Malformed("the runs have not as many entries as the block")

    def read_line_feeds(self, r):
        """Section 6.3.2: position -> LFs within the payload."""
        number = r.varint()
        if number > self.count:
            raise Malformed("more payloads with line feeds than entries")
        self.line_feeds = {}
        at = -1
        for _ in range(number):
            at += r.varint() + 1
            feeds = r.varint()
            if at >= self.count or feeds < 1 or feeds > TEXT_BYTES_MAX:
                raise Malformed("a list of line feeds names no entry of the block, or no feed")
            self.line_feeds[at] = feeds

    def read_texts(self, r):
        """Section 6.3.3."""
        self.text_lengths = [r.varint() for _ in self.groups]
        if sum(self.text_lengths) != self.text_bytes:
            raise Malformed("the texts of the groups do not add up to the text of the block")

    def read_states(self, r):
        """Section 6.3.4: position -> (state, commitment) of absent payloads."""
        number = r.varint()
        if number > self.count:
            raise Malformed("more stretches of absent payloads than entries")
        states = {}
        at, before = 0, None
        for position in range(number):
            gap, length, state = r.varint(), r.varint(), r.uint(1)
            if state not in (1, 2, 3):
                raise Malformed("the state of an absent payload is not 1, 2 or 3")
            if state == 2:
                raise Malformed("state 2 needs encoding 1")
            if position > 0 and gap == 0 and state == before:
                raise Malformed("two neighbouring stretches could be one")
            at += gap
            if length < 1 or at + length > self.count:
                raise Malformed("a stretch of absent payloads is out of the block")
            for i in range(at, at + length):
                states[i] = state
            at, before = at + length, state
        commitments = r.hashes(len(states))
        self.absent = {i: (states[i], c) for i, c in zip(sorted(states), commitments)}
        if any(i in states for i in self.line_feeds):
            raise Malformed("line feeds are told of an absent payload")
        if states:
            at = 0
            for n, kind, *_ in self.runs:
                if kind in ALWAYS_PRESENT and any(i in states for i in range(at, at + n)):
                    raise Malformed("a payload of kind %d is absent" % kind)
                at += n

    def read_keys(self, r):
        """Section 6.3.5: group -> ("group", G) or ("salts", {position: salt})."""
        self.keys = {}
        salt_bytes = 16 if self.form == 1 else 32
        for g in self.groups:
            positions = self.positions(g)
            form = r.uint(1)
            if form == 0:
                if any(self.absent.get(i, (0,))[0] == ERASED for i in positions):
                    raise Malformed("a group with an erased entry has a group key")
                self.keys[g] = ("group", r.take(32))
            elif form == 1:
                self.keys[g] = ("salts", {i: r.take(salt_bytes) for i in positions
                                          if i not in self.absent})
            else:
                raise Malformed("the form of a group's keys is neither 0 nor 1")

    def positions(self, g):
        """Positions in the block of the entries of group g."""
        return range(max(g * GROUP, self.first) - self.first,
                     min(g * GROUP + GROUP, self.end) - self.first)

    def rows(self):
        """(kind, source, seq, clock_run, received) of each entry, in order."""
        for n, kind, source, seq, clock_run, received in self.runs:
            for i in range(n):
                yield kind, source, seq + i, clock_run, received

    def split(self, text):
        """R15 for what the decoder gave: (payloads by position, problem). A payload that cannot be
        cut out lacks; the others are given group by group."""
        payloads = {}
        problem = None if len(text) == self.text_bytes else "the text has another length"
        at = 0
        for g, length in zip(self.groups, self.text_lengths):
            found = self.split_group(g, text[at:at + length]) \
                if at + length <= len(text) else None
            if found is None:
                problem = problem or "the text does not divide into the payloads"
            else:
                payloads.update(found)
            at += length
        return payloads, problem

    def split_group(self, g, text):
        """Payloads of one group by position; None when its text does not divide."""
        payloads = {}
        at = 0
        for i in self.positions(g):
            if i in self.absent:
                continue
            end = at - 1
            for _ in range(self.line_feeds.get(i, 0) + 1):
                end = text.find(b"\n", end + 1)
                if end < 0:
                    return None
            payloads[i] = text[at:end]
            at = end + 1
        return payloads if at == len(text) else None

    def commitment(self, i, payload):
        """Section 3.4 for the entry at position i with its payload."""
        index = self.first + i
        form, key = self.keys[index // GROUP]
        if self.form == 1:
            return commit_whole(salt_of(key, index) if form == "group" else key[i], payload)
        return commit_parts(record_key(key, index) if form == "group" else key[i], payload)

    def leaves(self, payloads):
        """Leaf hash of each entry, in order; None where the payload lacks."""
        form = self.form
        for i, (kind, source, seq, clock_run, received) in enumerate(self.rows()):
            if i in self.absent:
                commitment = self.absent[i][1]
            elif i in payloads:
                commitment = self.commitment(i, payloads[i])
            else:
                yield None
                continue
            yield leaf_hash(struct.pack(">BBHQI", form, kind, clock_run, received, source)
                            + seq.to_bytes(6, "big") + commitment)


# DATA (section 6.4).


def data_layout(frame):
    """(end of the frame, offset behind its header, content size or None, window, descriptor) by
    RFC 8878 section 3.1.1, from its block headers; Malformed when they lead out of it."""
    if frame[:4] != DATA_MAGIC or len(frame) < 6:
        raise Malformed("a data frame does not begin with Zstandard's magic number")
    descriptor = frame[4]
    single = descriptor >> 5 & 1
    at = 5 + (0 if single else 1)
    exponent, mantissa = frame[5] >> 3, frame[5] & 7
    window = (1 << (10 + exponent)) // 8 * (8 + mantissa)
    at += (0, 1, 2, 4)[descriptor & 3]
    size_bytes = (single, 2, 4, 8)[descriptor >> 6]
    size = None
    if size_bytes:
        size = int.from_bytes(frame[at:at + size_bytes], "little")
        size += 256 if size_bytes == 2 else 0
    at += size_bytes
    start = at
    while True:
        if at + 3 > len(frame):
            raise Malformed("a data frame ends within a block")
        head = int.from_bytes(frame[at:at + 3], "little")
        at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
        if head & 1:
            break
    at += 4 if descriptor & 4 else 0
    if at > len(frame):
        raise Malformed("a data frame ends within a block")
    return at, start, size, size if single else window, descriptor


def check_data_header(frame, text_bytes):
    """R14 but for the length and the digest."""
    end, _, size, window, descriptor = data_layout(frame)
    if end != len(frame):
        raise Malformed("the data is not exactly one frame")
    if size is None or size != text_bytes:
        raise Malformed("the content size of a data frame lacks or is not that of the block")
    if not descriptor & 4 or descriptor & 3 or descriptor & 0x18:
        raise Malformed("a data frame has no checksum, a dictionary, or bits that must be 0")
    if window > WINDOW_BYTES_MAX:
        raise Malformed("the window of a data frame is above 8 MiB")


def stream(frame, limit):
    """What the decoder gives, at most limit + 1 bytes, and the error that stopped it, if any."""
    parts = []
    got = 0
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).stream_reader(frame)
        while got <= limit:
            part = reader.read(min(READ_STEP, limit + 1 - got))
            if not part:
                break
            parts.append(part)
            got += len(part)
    except (zstandard.ZstdError, MemoryError, ValueError) as error:
        return b"".join(parts), str(error)
    return b"".join(parts), None


def decompress(frame, text_bytes):
    """(text, code, problem): R15 for the first frame. When it does not decode, its checksum is left
    out of account and what comes before the damage is given (section 7)."""
    try:
        frame = frame[:data_layout(frame)[0]]
    except Malformed:
        pass                # told by R14; the decoder finds its own end
    text, problem = stream(frame, text_bytes)
    if problem is None and len(text) == text_bytes:
        return text, None, None
    code = "MALFORMED"
    problem = problem or "the data does not decompress to the length it must have"
    if len(frame) > 9 and frame[:4] == DATA_MAGIC and frame[4] & 4:
        bare = frame[:4] + bytes([frame[4] & ~4]) + frame[5:-4]
        again, wrong = stream(bare, text_bytes)
        if wrong is None and len(again) == text_bytes:
            code, problem = "ALTERED", "the checksum of the data does not come out"
        if len(again) > len(text):
            text = again
    return text[:text_bytes], code, problem


class Block:
    """COLUMNS with its DATA, at a place in a file."""

    def __init__(self, segment, offset, columns_bytes, columns, columns_digest):
        self.segment = segment
        self.offset = offset
        self.columns_bytes = columns_bytes
        self.data_offset = offset + columns_bytes
        self.data_bytes = columns.data_bytes
        self.end_offset = self.data_offset + self.data_bytes
        self.text_bytes = columns.text_bytes
        self.data_digest = columns.data_digest
        self.first = columns.first
        self.count = columns.count
        self.end = columns.end
        self.columns_digest = columns_digest
        self.frame_digest = None
        self.problem = None

    def columns(self):
        """COLUMNS, decoded again (they are not kept, to bound memory)."""
        try:
            return Columns(self.segment.file.read(self.offset + 8, self.columns_bytes - 8))
        except FormatError:
            name = self.segment.file.name
            raise FileError("%s changed while it was read" % name, name) from None

    def payloads(self, columns):
        """R14 and R15: payloads by position. The first rule that is broken is put in `problem` as
        (code, text)."""
        frame = self.segment.file.read(self.data_offset, self.data_bytes)
        problems = []
        if sha256(frame) != self.data_digest:
            problems.append(("ALTERED", "R14: the digest of the data does not come out"))
        try:
            check_data_header(frame, self.text_bytes)
        except FormatError as error:
            problems.append((error.code, "R14: %s" % error))
        text, code, problem = decompress(frame, self.text_bytes)
        if problem:
            problems.append((code, "R15: %s" % problem))
        payloads, problem = columns.split(text)
        if problem:
            problems.append(("MALFORMED", "R15: %s" % problem))
        self.problem = problems[0] if problems else None
        return payloads


class Item:
    """A frame of ours that is no block: MARK, NOTE, FOOTER; or a damaged stretch."""

    def __init__(self, what, offset, end, **fields):
        self.what = what
        self.offset = offset
        self.end = end
        self.__dict__.update(fields)


def read_frame(file, at, kinds):
    """The frame of ours at `at`: (type, whole frame's length, content). FOOTER content is not read
    (None). Raises when there is none of the `kinds`."""
    head = file.read(at, 10)
    if len(head) < 10 or head[:4] != MAGIC:
        raise Malformed("no frame of a segment begins here")
    length = int.from_bytes(head[4:8], "little")
    kind, version = head[8], head[9]
    if kind not in CONTENT_MAX:
        raise Malformed("a frame has the unknown type %d" % kind)
    if length < 2 or length > CONTENT_MAX[kind] or at + 8 + length > file.size:
        raise Malformed("the length of a frame is out of its bounds or of the file")
    if version != 1:
        raise Unsupported("a frame has version %d" % version)
    if kind not in kinds:
        raise Malformed("a frame of type %d stands where none may" % kind)
    if kind == FOOTER:
        return kind, 8 + length, None
    content = file.read(at + 8, length)
    return kind, 8 + length, content


def parse_mark(content):
    """MARK (section 6.5): (size, range, digest)."""
    r = Reader(content)
    r.take(2)
    size = r.index()
    if r.uint(1) != len(range_levels(size)):
        raise Malformed("the range of a mark has not popcount(size) hashes")
    hashes = r.hashes(len(range_levels(size)))
    digest = r.take(32)
    r.end()
    return size, hashes, digest


class Segment:
    """One file, taken apart. `items` are Blocks and Items in the order of the file. After scan()
    and finish():

    header     Header, or None when it is damaged
    place      index at which the file stands: by its header, else by its name or its first block;
               None when nothing says it
    sealed     a FOOTER is there
    cut        a sealed segment whose FOOTER is gone (section 6.1)
    stopped    the file was not judged to its end (R34, or it could not be read)
    damaged    there is damage in what is judged
    loose      what stands at the end of the entries is damaged, so that more may have been there
    good_end   open: the limit of section 9.3; what lies behind is the tail. Else the end of what is
               judged
    lost       (offset, first, end) of entries lost in damage before the block at the offset
    findings   (code, offset, first, end, text)
    """

    def __init__(self, file, form):
        """`form(raw)` gives the Checkpoint when raw is by its form one of this log, else None."""
        self.file = file
        self.form = form
        self.items = []
        self.findings = []
        self.sealed = self.cut = self.stopped = self.damaged = self.loose = False
        self.footer = self.seek = self.header = None
        self.columns_seen = False
        self.budget = RESYNC_BYTES_MAX + 4 * file.size
        self.lost = []
        self.blocks = []
        self.origin = self.digest = None
        self.by_name, self.generation = named_index(file.name)
        self.place = self.by_name
        self.header_frame = None        # its length, when it is whole
        try:
            _, length, _ = read_frame(file, 0, (HEADER,))
            self.header_frame = length
            self.digest = sha256(file.read(0, length))
            self.header = Header(file.read(0, length))
            self.place = self.header.first
            self.origin = self.header.origin
        except Malformed as error:
            self.add_finding("MALFORMED", 0, "R35: the header: %s" % error)
            self.damaged = True
        if file.size > SEGMENT_BYTES_MAX:
            raise Limit("the segment is longer than 2^40 bytes")

    def add_finding(self, code, offset, text, first=None, end=None):
        """Notes a finding at a place of this file."""
        self.findings.append((code, offset, first, end, text))

    def scan(self):
        """Takes the file apart: R13, R19, R22 (digest), R34 and R35. What it finds is told by
        finish(), when it is known what is tail."""
        # The length of a damaged header is not believed (R35).
        self.at = self.header_frame if self.header is not None else 0
        self.expected = self.place
        self.pending = [self.digest] if self.digest else []
        self.dirty = self.header is None        # damage in the commit
        self.open_range = self.header is None   # the next index is not known
        if self.header is None:
            self.damage(None)
        self.scan_on()

    def scan_on(self):
        """Frame by frame to the end of the file."""
        while not self.stopped and self.at < self.file.size and self.seek is None:
            try:
                self.step()
            except Unsupported as error:
                self.stop("UNSUPPORTED", str(error))
            except FileError as error:
                self.stop("IO_ERROR", str(error))
            except FormatError as error:
                self.damage(str(error))
            if len(self.items) > ITEMS_MAX:
                self.stop("LIMIT", "the segment has more frames than this program keeps")
        self.read_end = self.at

    def stop(self, code, text):
        """Nothing of the file from here on is judged."""
        self.stopped = True
        self.add_finding(code, self.at, text, self.expected)

    def damage(self, text):
        """What stands here is no frame, or one that may not be here; goes on behind it."""
        try:
            found = self.resync(self.at + 1)
        except FileError as failed:
            self.stop("IO_ERROR", str(failed))
            return
        except Limit as failed:
            self.stop("LIMIT", str(failed))
            return
        self.items.append(Item("damage", self.at, found, text=text, first=self.expected))
        self.at, self.dirty, self.open_range = found, True, True

    def step(self):
        """One frame, or one block."""
        kind, length, content = read_frame(self.file, self.at, (FOOTER, NOTE, COLUMNS, MARK))
        end = self.at + length
        if kind == COLUMNS:
            self.columns_seen = True
            self.take_block(length, content)
            return
        digest = sha256(self.file.read(self.at, length)) if kind != FOOTER else b""
        if kind == NOTE:
            checkpoint = self.form(content[2:])
            self.items.append(Item("note", self.at, end, reached=self.expected,
                                   unsure=self.open_range,
                                   size=checkpoint.size if checkpoint else None))
            self.pending.append(digest)
        elif kind == MARK:
            size, _, mark_digest = parse_mark(content)
            good = sha256(b"".join(self.pending)) == mark_digest
            self.items.append(Item("mark", self.at, end, size=size, good=good, dirty=self.dirty,
                                   expected=None if self.open_range else self.expected))
            self.pending, self.dirty = [], False
        else:
            self.footer = Item("footer", self.at, end)
            self.items.append(self.footer)
            self.sealed = True
            self.at = end
            self.read_seek(end)
        self.at = end

    def take_block(self, length, content):
        """COLUMNS and its DATA."""
        columns = Columns(content)
        if self.expected is not None and (
                columns.first < self.expected
                or (columns.first > self.expected and not self.open_range)):
            raise Malformed("R13: a block begins at index %d, not at %d"
                            % (columns.first, self.expected))
        end = self.at + length + columns.data_bytes
        if end > self.file.size:
            raise Malformed("the data of a block goes behind the end of the file")
        digest = sha256(self.file.read(self.at, length))
        block = Block(self, self.at, length, columns, digest)
        block.frame_digest = sha256(self.file.read(block.data_offset, block.data_bytes))
        self.items.append(block)
        if self.place is None:
            self.place = block.first
        elif self.expected is not None and block.first > self.expected:
            self.lost.append((block.offset, self.expected, block.first))
        self.pending += [digest, block.frame_digest]
        self.at, self.expected, self.open_range = end, block.end, False

    def read_seek(self, at):
        """The seek table must be all that is behind the FOOTER."""
        self.seek = Item("seek", at, self.file.size, good=False)
        head = self.file.read(at, 8)
        if len(head) == 8 and head[:4] == SEEK_MAGIC and \
                at + 8 + int.from_bytes(head[4:8], "little") == self.file.size:
            self.seek.good = True

    def resync(self, at):
        """Behind damage: the place of the next bytes that show themselves to be a frame: a NOTE
        that is by its form a checkpoint of this log, a block whose data has its digest, a MARK
        that decodes, a FOOTER that reaches to a seek table at the end of the file."""
        step = 1 << 20
        while at < self.file.size:
            chunk = self.file.read(at, step + 3)
            position = chunk.find(MAGIC)
            while 0 <= position < step:
                if self.is_frame(at + position):
                    return at + position
                position = chunk.find(MAGIC, position + 1)
            at += step
        return self.file.size

    def is_frame(self, at):
        """True when a frame that can be trusted to be one begins at `at`."""
        expected = self.expected or 0
        try:
            kind, length, content = read_frame(self.file, at, (COLUMNS, MARK, NOTE, FOOTER))
            self.budget -= length
            if self.budget < 0:
                raise OutOfBudget
            if kind == NOTE:
                return self.form(content[2:]) is not None
            if kind == MARK:
                return parse_mark(content)[0] >= expected
            if kind == COLUMNS:
                columns = Columns(content)
                if columns.first < expected:
                    return False
                self.budget -= columns.data_bytes
                data = self.file.read(at + length, columns.data_bytes)
                return sha256(data) == columns.data_digest
        except FormatError:
            return False
        except OutOfBudget:
            raise Limit("too many bytes behind damage look like frames") from None
        head = self.file.read(at + length, 8)
        return len(head) == 8 and head[:4] == SEEK_MAGIC and \
            at + length + 8 + int.from_bytes(head[4:], "little") == self.file.size

    def leave_header(self, text):
        """The header is taken to be damaged."""
        self.add_finding("MALFORMED", 0, text)
        self.header, self.origin = None, None
        self.place, self.damaged = self.by_name, True

    def finish(self, behind):
        """Draws the line between what is judged and the tail, and judges the grammar. `behind`: the
        first index of the next segment, None when there is none."""
        self.behind = behind
        self.take_shape()
        found = self.hidden_note()
        while found is not None:
            self.items = [item for item in self.items if item.offset < found]
            self.lost = [row for row in self.lost if row[0] < found]
            ends = [item.end for item in self.items if isinstance(item, Block)]
            self.expected = max(ends, default=self.place)
            self.at, self.dirty, self.open_range = found, True, True
            self.scan_on()
            self.take_shape()
            found = self.hidden_note()
        self.blocks = [item for item in self.items if isinstance(item, Block)]
        judged = [item for item in self.items if item.offset < self.good_end]
        for item in judged:
            self.judge_item(item)
        if self.cut:
            self.add_finding("MALFORMED", self.file.size, "R19: the footer is missing")
        self.judge_order(judged)
        self.judge_notes(judged)
        self.judge_keys([item for item in judged if isinstance(item, Block)])
        self.judge_end(judged)

    def take_shape(self):
        """Open, sealed, or a sealed one that was cut (6.1), and where what is judged ends."""
        marks = any(not isinstance(item, Block) and item.what == "mark" for item in self.items)
        self.cut = not self.sealed and not self.stopped and self.columns_seen and not marks \
            and (self.behind is not None or self.generation is not None)
        self.like_sealed = self.sealed or self.cut or (self.stopped and not marks)
        self.good_end = self.read_end if self.stopped else self.file.size
        if not self.like_sealed and not self.stopped:
            self.good_end = self.limit()

    def hidden_note(self):
        """Section 9.3: the place of a NOTE in what would be called a tail; the length of a frame
        before it is not true, or it would have been met. None when there is none."""
        if self.like_sealed or self.stopped:
            return None
        try:
            return self.find_note(self.good_end)
        except FileError as failed:
            self.stop("IO_ERROR", str(failed))
        except Limit as failed:
            self.stop("LIMIT", str(failed))
        self.take_shape()
        return None

    def find_note(self, at):
        """The first NOTE from `at` on that is by its form a checkpoint of this log. The text of a
        record is none: where DATA has its digest, its length is true."""
        step = 1 << 20
        texts = Spans((item.data_offset, item.end_offset) for item in self.items
                      if isinstance(item, Block) and item.frame_digest == item.data_digest)
        while at < self.file.size:
            chunk = self.file.read(at, step + 9)
            position = chunk.find(MAGIC)
            while 0 <= position < step:
                if chunk[position + 8:position + 9] == bytes([NOTE]) and \
                        not texts.holds(at + position) and self.is_frame(at + position):
                    return at + position
                position = chunk.find(MAGIC, position + 1)
            at += step
        return None

    def limit(self):
        """Section 9.3: the end of the last good MARK, NOTE of right form, or HEADER."""
        end = self.header_frame or 0
        for item in self.items:
            if not isinstance(item, Block) and (
                    (item.what == "mark" and item.good
                     and (self.behind is None or item.size <= self.behind))
                    or (item.what == "note" and item.size is not None)):
                end = item.end
        return end

    def judge_end(self, judged):
        """Whether damage stands behind the last entry that is judged."""
        self.loose = self.header is None
        for item in judged:
            if isinstance(item, Block):
                self.loose = False
            elif item.what == "damage":
                self.loose = True
        self.lost = [(a, b) for offset, a, b in self.lost if offset < self.good_end]

    def judge_item(self, item):
        """Damage and MARKs in the part that is no tail."""
        if isinstance(item, Block):
            return
        if item.what == "damage":
            self.damaged = True
            if item.text is not None:
                self.add_finding("MALFORMED", item.offset, "R35: %s" % item.text, item.first)
        elif item.what == "mark":
            if not item.good and not item.dirty:
                self.add_finding("ALTERED", item.offset,
                                 "R22: the digest of a mark does not come out")
            elif item.expected is not None and item.size != item.expected:
                self.add_finding("MALFORMED", item.offset, "R22: a mark has another size")

    def note_raw(self, item):
        """The note of an Item."""
        return self.file.read(item.offset + 10, item.end - item.offset - 10)

    def mark_range(self, item):
        """The compact range of a MARK."""
        try:
            return parse_mark(self.file.read(item.offset + 8, item.end - item.offset - 8))[1]
        except FormatError:
            raise FileError("%s changed while it was read" % self.file.name,
                            self.file.name) from None

    def grammars(self):
        """What may stand behind what: as the file is sealed or open, or, where that is not known
        (R34), as either."""
        if self.stopped and not self.sealed:
            return SEALED_ORDER, OPEN_ORDER
        return (SEALED_ORDER if self.like_sealed else OPEN_ORDER,)

    def judge_order(self, judged):
        """The grammar of 6.1 over the items."""
        before = "header" if self.header is not None else "damage"
        for item in judged:
            what = "block" if isinstance(item, Block) else item.what
            if before != "damage" and what != "damage" and \
                    not any(before in rules.get(what, ()) for rules in self.grammars()):
                self.add_finding("MALFORMED", item.offset,
                                 "R19: a %s stands behind a %s" % (what, before))
            before = what

    def judge_notes(self, judged):
        """Place and order of NOTEs (section 6.6); their signatures are judged with the epochs."""
        last_size, block, blocks = None, None, 0
        for item in judged:
            if isinstance(item, Block):
                block, blocks = item, blocks + 1
                continue
            if item.what != "note" or item.size is None:
                continue            # the judgement of the note says it
            size = item.size
            first = self.place if self.place is not None else 0
            if self.like_sealed and (self.sealed or not self.stopped):
                fits = item.unsure or (block is not None and (block.first < size <= block.end or (
                    blocks == 1 and size == first)))
                rises = last_size is None or size > last_size
            else:
                fits = item.unsure or first <= size <= item.reached
                rises = last_size is None or size >= last_size
            if not fits or not rises:
                self.add_finding("MALFORMED", item.offset,
                                 "6.6: a note of size %d is out of its place or order" % size)
            last_size = size

    def judge_keys(self, blocks):
        """Section 6.3.5: one group key for one group; none where an entry is erased. Only groups
        that two blocks share can break it, so neighbours are compared."""
        keys, erased = {}, set()
        for block in blocks:
            columns = block.columns()
            edge = (columns.groups[0], columns.groups[-1])
            keys = {g: k for g, k in keys.items() if g >= edge[0]}
            erased = {g for g in erased if g >= edge[0]}
            for g in columns.groups:
                gone = any(columns.absent.get(i, (0,))[0] == ERASED for i in columns.positions(g))
                form, key = columns.keys[g]
                if form == "group":
                    if keys.setdefault(g, key) != key or g in erased:
                        self.add_finding("MALFORMED", block.offset, "the blocks of a segment do "
                                         "not agree on the key of group %d" % g)
                if gone:
                    if g in keys:
                        self.add_finding("MALFORMED", block.offset, "a group with an erased entry "
                                         "has a group key")
                    erased.add(g)

    def frame_spans(self):
        """(offset, end, content size) of all frames before the seek table, in order."""
        yield 0, self.header_frame, 0
        for item in self.items:
            if isinstance(item, Block):
                yield item.offset, item.data_offset, 0
                yield item.data_offset, item.data_offset + item.data_bytes, item.text_bytes
            else:
                yield item.offset, item.end, 0

    def frames_digest(self):
        """`frames` of the FOOTER: over the digests of all frames before it."""
        digests = []
        for offset, end, _ in self.frame_spans():
            if offset >= self.footer.offset:
                break
            digests.append(sha256(self.file.read(offset, end - offset)))
        return sha256(b"".join(digests))

    def check_seek(self):
        """R23 for the seek table: what is wrong with it, or None."""
        entries = [struct.pack("<II", end - offset, size) for offset, end, size
                   in self.frame_spans()]
        table = b"".join(entries) + struct.pack("<IBI", len(entries), 0, SEEK_END)
        expected = SEEK_MAGIC + struct.pack("<I", len(table)) + table
        if self.file.size - self.seek.offset == len(expected) and \
                self.file.read(self.seek.offset, len(expected)) == expected:
            return None
        return "R23: the seek table is not that of the frames before it"

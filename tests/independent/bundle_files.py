"""The files of a bundle: docs/format.md 14.1 to 14.7 and 14.9. From a directory or a ustar archive
to bytes by name, and from bytes to structures. What the log's key or the tree says is not judged
here."""

import os
import re
import stat
import struct

import zstandard

from notes import base64_decode, decimal
from payloads import dec, number, parse_json, text
from primitives import (Limit, Malformed, PARTS_MAX_BYTES, Reader, Unsupported, WORD_BYTES,
                        sha256, split_parts)
from segment import DATA_MAGIC, WINDOW_BYTES_MAX, data_layout

ORDER = ("README.txt", "SHA256SUMS", "bundle.json", "checkpoint", "stamped",
         *("stamp.%d" % k for k in range(8)), "policy", "proof", "entries",
         "openings", "own.txt", "records.zst", "positions", "records.jsonl", "records.csv",
         "provenance.jsonld")
OPTIONAL = ("stamped", *("stamp.%d" % k for k in range(8)), "policy", "positions", "records.jsonl", "records.csv", "provenance.jsonld")
RECORD_NAME = re.compile(r"\A[0-9]{4}\Z")
# A bound of this program, which holds all of a bundle.
FILE_BYTES_MAX = 1 << 30
ENTRY_BYTES = 54
PAYLOAD_BYTES_MAX = 1048575
PARTS_MAX = 262144
REDACTIONS_MAX = 65535
RECEIVED = (0, 7)
SHOWN, ERASED, EXPIRED, BLACKED_OUT, IN_PART, NOT_ASKED = 0, 1, 3, 16, 17, 18
MARK = "\u2588".encode()
WITHHELD = 255
BLOCK = 512
SECOND = 10 ** 9


class Loaded:
    """A bundle's files: `files` and `custody` (bytes by name). `mtimes`: those of an archive."""

    def __init__(self):
        self.files, self.custody, self.mtimes = {}, {}, set()


def read_regular(path):
    """The bytes of a regular file; anything else is no part of a bundle."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise Malformed("%s is not a regular file" % os.path.basename(path))
    with open(path, "rb") as stream:
        data = stream.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise Limit("%s is longer than this program takes" % os.path.basename(path))
    return data


def read_records(folder, found):
    """Custody records of a directory."""
    for name in sorted(os.listdir(folder)):
        if name in found:
            raise Malformed("custody record %s is there twice" % name)
        found[name] = read_regular(os.path.join(folder, name))


def load(path):
    """14.1: what is there under the names that may be there."""
    loaded = Loaded()
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            place = os.path.join(path, name)
            if name == "custody" and stat.S_ISDIR(os.lstat(place).st_mode):
                read_records(place, loaded.custody)
            elif name not in ORDER:
                raise Malformed("a bundle holds no file of this name")
            else:
                loaded.files[name] = read_regular(place)
    else:
        read_archive(read_regular(path), loaded)
        if os.path.isdir(path + ".custody"):
            read_records(path + ".custody", loaded.custody)
    lacking = [name for name in ORDER if name not in loaded.files and name not in OPTIONAL]
    if lacking:
        raise Malformed("%s is not there" % lacking[0])
    stamps = [name in loaded.files for name in ORDER if name.startswith("stamp")]
    if stamps[0] != stamps[1] or stamps != sorted(stamps, reverse=True):
        raise Malformed("stamped and stamp.0, stamp.1 and so on do not belong together")
    return loaded


def archive_header(name, size, mtime):
    """The header of 14.9, which has no other encoding."""
    head = bytearray(BLOCK)
    head[:len(name)] = name
    for at, field in ((100, b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0"),
                      (124, b"%011o\0" % size), (136, b"%011o\0" % mtime), (148, b" " * 8),
                      (156, b"0"), (257, b"ustar\0" b"00")):
        head[at:at + len(field)] = field
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def read_archive(data, loaded):
    """14.9."""
    at, names = 0, []
    while data[at:at + BLOCK] != bytes(BLOCK):
        head = data[at:at + BLOCK]
        fields = re.match(rb"\A([0-7]{11})\0([0-7]{11})\0", head[124:148])
        name = head[:100].rstrip(b"\0")
        if len(head) != BLOCK or not fields or b"\0" in name or not name:
            raise Malformed("an archive has no header where one must be")
        size, mtime = (int(field, 8) for field in fields.groups())
        if head != archive_header(name, size, mtime):
            raise Malformed("a header of an archive is not in its one encoding")
        content = data[at + BLOCK:at + BLOCK + size]
        padding = data[at + BLOCK + size:at + BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK]
        if len(content) != size or (len(content) + len(padding)) % BLOCK or any(padding):
            raise Malformed("a file of an archive is cut, or its padding is not NUL")
        at += BLOCK + size + len(padding)
        names.append(name)
        loaded.mtimes.add(mtime)
        take_archived(name, content, loaded)
    order = [name.encode() for name in ORDER if name in loaded.files]
    order += [b"custody/" + name.encode() for name in sorted(loaded.custody)]
    if names != order:
        raise Malformed("the files of an archive are not in their order")
    if data[at:] != bytes(2 * BLOCK):
        raise Malformed("an archive does not end in two blocks of NUL, or not there")


def take_archived(name, content, loaded):
    """A file by its name in an archive."""
    try:
        word = name.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("an archive holds no file of this name") from None
    if word.startswith("custody/") and RECORD_NAME.match(word[8:]):
        loaded.custody[word[8:]] = content
    elif word in ORDER:
        loaded.files[word] = content
    else:
        raise Malformed("an archive holds no file of this name")


def read_sums(data, files):
    """14.2: names whose digest is another one; Malformed when the list is not of these files."""
    names = [name for name in ORDER if name in files and name != "SHA256SUMS"]
    lines = data.split(b"\n")
    if lines.pop() or len(lines) != len(names):
        raise Malformed("SHA256SUMS does not list the files of the bundle")
    wrong = []
    for line, name in zip(lines, names):
        if not re.match(rb"\A[0-9a-f]{64}  ", line) or line[66:] != name.encode():
            raise Malformed("SHA256SUMS does not list the files of the bundle in their order")
        if line[:64].decode() != sha256(files[name]).hex():
            wrong.append(name)
    return wrong


# bundle.json (14.3).

def strings(value):
    """An array of strings."""
    return isinstance(value, list) and all(text(item) for item in value)


def ordinals(value):
    """An array of numbers, rising."""
    return isinstance(value, list) and all(number(item) for item in value) and \
        all(a < b for a, b in zip(value, value[1:]))


def rising(value, first, last, strict):
    """Two members that are dec and rise."""
    if not dec(value.get(first)) or not dec(value.get(last)):
        return False
    a, b = int(value[first]), int(value[last])
    return a < b if strict else a <= b


def check_asked(asked):
    """What was asked for."""
    what = asked.get("what") if isinstance(asked, dict) else None
    if what not in ("index", "time", "match"):
        raise Malformed("what was asked for is none of index, time and match")
    good = True
    if what == "index":
        good = rising(asked, "first", "last", False)
    elif what == "time" or ("from" in asked and "to" in asked):
        good = rising(asked, "from", "to", True)
    else:
        good = dec(asked.get("from", "0")) and dec(asked.get("to", "0"))
    if "sources" in asked or "source" in asked:
        good = good and ordinals(asked.get("sources")) and strings(asked.get("source"))
    if "identity" in asked:
        good = good and text(asked["identity"]) and "sources" not in asked and what == "time"
    if "events" in asked:
        good = good and asked["events"] is True and ("sources" in asked or "identity" in asked)
    if what == "match":
        good = good and strings(asked.get("match"))
    if not good:
        raise Malformed("what was asked for has not its form")


def read_about(data):
    """bundle.json."""
    value = parse_json(data)
    if value.get("type") != "bundle" or not number(value.get("version")):
        raise Malformed("bundle.json is not that of a bundle")
    if value["version"] != 1:
        raise Unsupported("version %d of bundles" % value["version"])
    for name in ("origin", "log_key", "program", "program_sha256", "case", "exhibit", "by",
                 "reason"):
        if not text(value.get(name)) or not value[name]:
            raise Malformed("\"%s\" of bundle.json lacks, or is no string with something in it" % name)
    for name in ("severity", "tlp", "on_behalf_of", "mandate"):
        if name in value and (not text(value[name]) or not value[name]):
            raise Malformed("\"%s\" of bundle.json is no string with something in it" % name)
    if not dec(value.get("made")) or int(value["made"]) % SECOND:
        raise Malformed("\"made\" of bundle.json is no time in whole seconds")
    check_asked(value.get("asked"))
    redactions = value.get("redactions")
    if not isinstance(redactions, list) or len(redactions) > REDACTIONS_MAX or not all(
            isinstance(row, dict) and text(row.get("reason")) and text(row.get("what"))
            for row in redactions):
        raise Malformed("\"redactions\" of bundle.json has not its form")
    return value


# proof and entries (14.4).

def tile(first, end):
    """Levels of the nodes of the compact range [first, end)."""
    levels = []
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        levels.append(level)
        first += 1 << level
    return levels


class Proof:
    """`stretches`: (first index, end, [(level, hash)] or None where the entries are shown)."""

    def __init__(self, data):
        lines = data.split(b"\n")
        if lines.pop() or len(lines) < 3 or lines[0] != b"akashi/bundle/v1":
            raise Malformed("the proof has not the lines it must have")
        self.size = decimal(lines[1])
        self.stretches = []
        at, line = 0, 2
        while line < len(lines):
            what, _, count = lines[line].partition(b" ")
            line += 1
            if what not in (b"show", b"skip") or decimal(count) < 1 or \
                    at + decimal(count) > self.size:
                raise Malformed("a stretch of the proof has not its form")
            end, nodes = at + decimal(count), None
            if self.stretches and (self.stretches[-1][2] is None) == (what == b"show"):
                raise Malformed("two stretches of the proof are of one kind")
            if what == b"skip":
                levels = tile(at, end)
                hashes = [base64_decode(raw, 32) for raw in lines[line:line + len(levels)]]
                if len(hashes) != len(levels):
                    raise Malformed("the proof ends within a stretch")
                nodes, line = list(zip(levels, hashes)), line + len(levels)
            self.stretches.append((at, end, nodes))
            at = end
        if at != self.size or not self.pieces():
            raise Malformed("the stretches of the proof do not end at its size, or show nothing")

    def pieces(self):
        """The stretches that are shown."""
        return [(a, b) for a, b, nodes in self.stretches if nodes is None]


class Shown:
    """An entry that is shown, and how (14.5)."""

    def __init__(self, index, raw):
        self.index, self.raw = index, raw
        self.form, self.kind, self.clock_run, self.received, self.source = \
            struct.unpack(">BBHQI", raw[:16])
        self.seq = int.from_bytes(raw[16:22], "big")
        self.commitment = raw[22:]
        self.state = self.key = self.payload = self.reason = None
        self.length = 0
        self.parts = []         # (length, salt, None) or (None, c, reason)

    def text_bytes(self):
        """Bytes of it, with the LF, in own.txt or records.zst."""
        if self.state == SHOWN:
            return self.length + 1
        if self.state == IN_PART:
            return sum(len(MARK) if n is None else n for n, *_ in self.parts) + 1
        return 0


def read_entries(data, proof):
    """All entries shown, in order."""
    if len(data) != ENTRY_BYTES * sum(b - a for a, b in proof.pieces()):
        raise Malformed("`entries` has not as many entries as the proof shows")
    indices = (i for a, b in proof.pieces() for i in range(a, b))
    return [Shown(index, data[ENTRY_BYTES * n:ENTRY_BYTES * n + ENTRY_BYTES])
            for n, index in enumerate(indices)]


def read_openings(data, entries):
    """14.5: takes states, keys and parts in."""
    r = Reader(data)
    for entry in entries:
        if entry.form not in (1, 2):
            raise Unsupported("entry %d is of form %d" % (entry.index, entry.form))
        entry.state = r.uint(1)
        if entry.state == SHOWN:
            entry.length = r.uint(4)
            if entry.length > PAYLOAD_BYTES_MAX:
                raise Malformed("a payload is longer than a record may be")
            entry.key = r.take(32 if entry.form == 2 else 16)
        elif entry.state == BLACKED_OUT:
            if entry.kind not in RECEIVED:
                raise Malformed("an entry of the log's own is blacked out")
            entry.reason = r.uint(2)
        elif entry.state == IN_PART:
            read_parts(r, entry)
        elif entry.state not in (ERASED, EXPIRED, NOT_ASKED):
            raise Malformed("the state of an entry is none of those that are")
    r.end()


def read_parts(r, entry):
    """The parts of a record that is blacked out in part."""
    if entry.form != 2 or entry.kind not in RECEIVED:
        raise Malformed("an entry that has no parts is blacked out in part")
    count = r.uint(4)
    if not 1 <= count <= PARTS_MAX:
        raise Malformed("the number of a record's parts is out of its bounds")
    for _ in range(count):
        length = r.uint(1)
        if length == WITHHELD:
            why = r.uint(2)
            entry.parts.append((None, r.take(32), why))
        elif length <= PARTS_MAX_BYTES:
            entry.parts.append((length, r.take(16), None))
        else:
            raise Malformed("the length of a part is out of its bounds")
    withheld = sum(n is None for n, *_ in entry.parts)
    if not 1 <= withheld < count:
        raise Malformed("of a record blacked out in part all parts, or none, are withheld")
    if entry.text_bytes() > 1048578:
        raise Malformed("the text of a record blacked out in part is too long")


def read_records_text(frame, length):
    """14.6: the content of records.zst, which must have this length."""
    if frame[:4] != DATA_MAGIC:
        raise Malformed("records.zst is no Zstandard frame")
    end, _, size, window, descriptor = data_layout(frame)
    if end != len(frame) or not descriptor & 4 or descriptor & 3 or descriptor & 0x18 or \
            window > WINDOW_BYTES_MAX or size not in (None, length):
        raise Malformed("records.zst is not one frame with checksum and a window of 8 MiB at most")
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).stream_reader(frame)
        parts, got = [], 0
        while got <= length:
            part = reader.read(min(1 << 20, length + 1 - got))
            if not part:
                break
            parts.append(part)
            got += len(part)
    except (zstandard.ZstdError, MemoryError, ValueError) as error:
        raise Malformed("records.zst does not decompress: %s" % error) from None
    if got != length:
        raise Malformed("records.zst holds more or less text than the openings say")
    return b"".join(parts)


def give_texts(entries, own, frame):
    """Cuts the texts by the lengths in the openings; each ends in an LF."""
    own_bytes = sum(e.text_bytes() for e in entries if e.kind not in RECEIVED)
    if own_bytes != len(own):
        raise Malformed("own.txt holds more or less text than the openings say")
    texts = {False: own, True: read_records_text(
        frame, sum(e.text_bytes() for e in entries if e.kind in RECEIVED))}
    at = {False: 0, True: 0}
    for entry in entries:
        if entry.state not in (SHOWN, IN_PART):
            continue
        which = entry.kind in RECEIVED
        end = at[which] + entry.text_bytes()
        entry.payload = texts[which][at[which]:end - 1]
        if texts[which][end - 1:end] != b"\n":
            raise Malformed("the text of an entry does not end in a line feed")
        at[which] = end


def cut_parts(entry):
    """3.4: the parts of a record of which parts are withheld: (bytes, salt) or (None, c)."""
    found, at, together = [], 0, 0
    before = None
    for position, (length, value, _) in enumerate(entry.parts):
        end = at + (len(MARK) if length is None else length)
        part = entry.payload[at:end]
        at = end
        if length is None:
            if part != MARK:
                raise Malformed("a part that is withheld has not its mark in the text")
            found.append((None, value))
            before = None
            continue
        check_part(part, position == len(entry.parts) - 1, len(entry.parts), before)
        together += length
        found.append((part, value))
        before = part
    if together > PAYLOAD_BYTES_MAX:
        raise Malformed("the parts of a record are together longer than a record may be")
    return found


def check_part(part, last, count, before):
    """What is shown of a record agrees with the split."""
    if not part and count != 1:
        raise Malformed("a part is empty")
    if len(split_parts(part)) != 1:
        raise Malformed("a part is one that the split divides")
    if not last and len(part) < PARTS_MAX_BYTES and (
            len(part) < 4 or part[-1] in WORD_BYTES):
        raise Malformed("a part ends where the split does not end one")
    if before is not None and len(before) < PARTS_MAX_BYTES and part[:1] and part[0] not in WORD_BYTES:
        raise Malformed("a part begins with a separator that belongs to the one before")


# positions (14.7).

class Count:
    """A count of a source, with its proof."""

    def __init__(self, state, ordinal, next_seq, latest, received):
        self.state, self.ordinal, self.next_seq = state, ordinal, next_seq
        self.latest, self.received = latest, received
        self.hashes = []

    def leaf(self):
        """The leaf of the tree of positions."""
        return struct.pack(">I", self.ordinal) + self.next_seq.to_bytes(6, "big") \
            + struct.pack(">QQ", self.latest, self.received)


def whole_number(raw, limit):
    """A decimal number without leading zeros, below `limit`."""
    if not re.match(rb"\A(0|[1-9][0-9]{0,19})\Z", raw) or int(raw) >= limit:
        raise Malformed("not a decimal number without leading zeros, or too great")
    return int(raw)


def read_positions(data):
    """The counts, in order."""
    lines = data.split(b"\n")
    if lines.pop() or lines[:1] != [b"akashi/positions/v1"] or len(lines) < 3:
        raise Malformed("`positions` has not the lines it must have")
    counts, state, begun = [], None, False
    for line in lines[1:]:
        words = line.split(b" ")
        if words[0] == b"state" and len(words) == 2:
            value = whole_number(words[1], 1 << 63)
            if begun or (state is not None and value <= state):
                raise Malformed("states in `positions` do not rise, or one has no count")
            state, begun = value, True
        elif words[0] == b"count" and len(words) == 5 and state is not None:
            count = Count(state, *(whole_number(word, limit) for word, limit in
                                   zip(words[1:], (1 << 32, 1 << 48, 1 << 64, 1 << 64))))
            if not begun and counts[-1].ordinal >= count.ordinal:
                raise Malformed("ordinals in `positions` do not rise")
            counts.append(count)
            begun = False
        elif counts and not begun:
            counts[-1].hashes.append(base64_decode(line, 32))
        else:
            raise Malformed("a line of `positions` has not its form")
    if begun:
        raise Malformed("a state in `positions` has no count")
    return counts


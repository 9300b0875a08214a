"""Keys, signed notes, checkpoints and start notes: docs/format.md sections 2, 4 and 5."""

import base64
import binascii
import re
import unicodedata

from primitives import (EpochError, INDEX_END, Malformed, Altered, ed25519_verify,
                        inclusion_root, leaf_hash, sha256)

NOTE_BYTES_MAX = 65536
START_NOTE_BYTES_MAX = 16384
SIGNATURES_MAX = 32
ORIGIN_BYTES_MAX = 200
EPOCHS_MAX = 1048576
SIGNATURE_PREFIX = "\u2014 ".encode()
DECIMAL = re.compile(rb"\A(0|[1-9][0-9]{0,18})\Z")


def decimal(raw):
    """A decimal number without leading zeros, below 2^63."""
    if not DECIMAL.match(raw) or int(raw) >= INDEX_END:
        raise Malformed("not a decimal number without leading zeros below 2^63")
    return int(raw)


def base64_decode(raw, length=None):
    """Base64 with padding in its one encoding; `length`: bytes it must give."""
    try:
        value = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if base64.b64encode(value) != bytes(raw) or (length is not None and len(value) != length):
        raise Malformed("not the one base64 text of its bytes, or of another length")
    return value


def check_name(name):
    """Rule of signed notes for key names: UTF-8, not empty, no white space, no `+`."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a name is not UTF-8") from None
    if not text or "+" in text:
        raise Malformed("a name is empty or holds a plus sign")
    if any(c.isspace() for c in text):
        raise Malformed("a name holds white space")
    return text


def check_origin(origin):
    """Section 2: NAME "/" X; returns the 16 bytes of X."""
    if len(origin) > ORIGIN_BYTES_MAX:
        raise Malformed("the origin is longer than 200 bytes")
    if any(unicodedata.category(c) == "Cc" for c in check_name(origin)):
        raise Malformed("the origin holds a control character")
    name, slash, log_id = origin.rpartition(b"/")
    if not slash or not name or not re.match(rb"\A[0-9a-f]{32}\Z", log_id):
        raise Malformed("the origin does not end in a slash and 32 hexadecimal digits")
    return bytes.fromhex(log_id.decode())


class Key:
    """An Ed25519 public key with a name (section 4.1)."""

    def __init__(self, name, public):
        self.name = name
        self.public = public
        self.id = sha256(name + b"\n\x01" + public)[:4]

    def text(self):
        """The vkey."""
        return (self.name + b"+" + self.id.hex().encode() + b"+"
                + base64.b64encode(b"\x01" + self.public))

    @staticmethod
    def parse(raw):
        """Key of a vkey."""
        parts = raw.split(b"+", 2)
        if len(parts) != 3:
            raise Malformed("a vkey has three parts divided by plus signs")
        check_name(parts[0])
        material = base64_decode(parts[2], 33)
        key = Key(parts[0], material[1:])
        if material[0] != 1 or key.text() != raw:
            raise Malformed("the vkey is not of type 1 or its key ID does not fit")
        return key


def parse_note(raw, limit=NOTE_BYTES_MAX):
    """Signed note: (text, [(name, key id, signature)]). The text includes its last LF."""
    if len(raw) > limit:
        raise Malformed("a note is longer than %d bytes" % limit)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a note is not UTF-8") from None
    if any(byte < 0x20 and byte != 0x0A for byte in raw):
        raise Malformed("a note holds a control character")
    split = raw.rfind(b"\n\n")
    if split < 0 or not raw.endswith(b"\n") or split + 2 == len(raw):
        raise Malformed("a note has no signature lines behind a blank line")
    lines = []
    for line in raw[split + 2:-1].split(b"\n"):
        if not line.startswith(SIGNATURE_PREFIX):
            raise Malformed("a signature line does not begin with an em dash and a space")
        name, space, blob = line[len(SIGNATURE_PREFIX):].partition(b" ")
        check_name(name)
        value = base64_decode(blob)
        if not space or len(value) < 5:
            raise Malformed("a signature line has no signature")
        lines.append((name, value[:4], value[4:]))
    if len(lines) > SIGNATURES_MAX:
        raise Malformed("a note has more than 32 signature lines")
    return raw[:split + 1], lines


class Checkpoint:
    """A checkpoint (section 4.3), parsed but not judged."""

    def __init__(self, raw):
        self.text, self.lines = parse_note(raw)
        fields = self.text.split(b"\n")
        if len(fields) != 4 or fields[3]:
            raise Malformed("the text of a checkpoint is not three lines")
        check_origin(fields[0])
        self.origin = fields[0]
        self.size = decimal(fields[1])
        self.root = base64_decode(fields[2], 32)
        self.raw = raw

    def signed_by(self, key):
        """True when a valid line of `key` is there."""
        return any(name == key.name and key_id == key.id
                   and ed25519_verify(key.public, self.text, signature)
                   for name, key_id, signature in self.lines)

    def judge(self, log_key, epochs, doubtful=()):
        """R6 and R7: returns (epoch, unknown lines); raises what section 13 says. The epoch is None
        where no valid start note of it is known (section 5.3): none at all, or `doubtful` holds the
        index of a bad one between the newest valid one and the size."""
        if self.origin != log_key.name:
            raise Malformed("the checkpoint is of another log")
        if self.size == 0:
            raise Malformed("a checkpoint of size 0 is never signed")
        known = {(log_key.name, log_key.id): log_key}
        for start in epochs.by_number.values():
            known[(start.key.name, start.key.id)] = start.key
        good, unknown, bad = set(), [], None
        for name, key_id, signature in self.lines:
            key = known.get((name, key_id))
            if key is None:
                unknown.append((name, key_id))
            elif key in good or key is bad:
                raise Malformed("a note has two signature lines of one key")
            elif not ed25519_verify(key.public, self.text, signature):
                bad = bad or key
            else:
                good.add(key)
        if bad is not None:
            raise Altered("the signature of %s is not valid" % bad.name.decode())
        if log_key not in good:
            raise Altered("the checkpoint has no signature of the log key")
        epoch = epochs.in_force(self.size)
        if epoch is None:
            return None, unknown
        note = epochs.by_number[epoch]
        if note.key not in good:
            if any(note.index < index < self.size for index in doubtful):
                return None, unknown
            raise Altered("the checkpoint has no signature of the epoch in force at its size")
        return epoch, unknown


def start_note_signed_by(raw, key):
    """True when raw is a signed note with a valid line of the key, whatever its text is (R32)."""
    try:
        text, lines = parse_note(raw, START_NOTE_BYTES_MAX)
    except Malformed:
        return False
    return any(name == key.name and key_id == key.id
               and ed25519_verify(key.public, text, signature)
               for name, key_id, signature in lines)


class StartNote:
    """A start note (section 5.2): all that can be judged without other notes."""

    def __init__(self, raw, origin, log_key):
        try:
            self.text, self.lines = parse_note(raw, START_NOTE_BYTES_MAX)
        except Malformed as error:
            raise EpochError("start note: %s" % error) from None
        fields = self.text.split(b"\n")
        if len(fields) < 9 or fields[-1] or fields[0] != b"akashi/epoch/v1":
            raise EpochError("the text of a start note has not the lines it must have")
        try:
            self.number = decimal(fields[2])
            self.index = decimal(fields[3])
            self.root = base64_decode(fields[4], 32)
            self.count = decimal(fields[6])
            public = base64_decode(fields[7], 32)
            proof = [base64_decode(line, 32) for line in fields[8:-1]]
        except Malformed as error:
            raise EpochError("start note: %s" % error) from None
        self.raw = raw
        if fields[1] != origin or fields[5] != log_key.text():
            raise EpochError("a start note is of another log or names another log key")
        if not 1 <= self.count <= EPOCHS_MAX:
            raise EpochError("the number of epochs is not within 1 to 1,048,576")
        self.key = Key(b"%s/epoch/%d" % (origin, self.number), public)
        root = inclusion_root(self.number, self.count, leaf_hash(public), proof)
        if root is None or root[:16] != check_origin(origin):
            raise EpochError("the inclusion proof of a start note does not lead to the origin")
        self.check_line(len(self.lines) - 1, log_key)
        self.check_line(len(self.lines) - 2, self.key)
        if len(self.lines) != (2 if self.number == 0 else 3):
            raise EpochError("a start note has not the signature lines it must have")

    def check_line(self, position, key):
        """The signature line at `position` must be a valid one of `key`."""
        if position < 0 or self.lines[position][:2] != (key.name, key.id) or \
                not ed25519_verify(key.public, self.text, self.lines[position][2]):
            raise EpochError("a start note lacks a valid signature of %s at its place"
                             % key.name.decode())


class Epochs:
    """The start notes known of one log, by number."""

    def __init__(self):
        self.by_number = {}

    def add(self, note):
        """Takes a start note in; R10: none twice."""
        other = self.by_number.get(note.number)
        if other is not None and other.raw != note.raw:
            raise EpochError("epoch %d begins twice" % note.number)
        self.by_number[note.number] = note

    def check_links(self, note):
        """Signature of the epoch before, and R10 for neighbours that are known."""
        before = self.by_number.get(note.number - 1)
        if note.number == 0:
            if note.index != 0:
                raise EpochError("epoch 0 does not begin at index 0")
        elif before is not None:
            note.check_line(0, before.key)
            if before.index >= note.index or before.count != note.count:
                raise EpochError("epoch %d does not begin behind epoch %d"
                                 % (note.number, before.number))
        elif note.lines[0][0] != b"%s/epoch/%d" % (note.key.name.rpartition(b"/epoch/")[0],
                                                   note.number - 1):
            raise EpochError("a start note has no signature line of the epoch before")

    def in_force(self, size):
        """The epoch e with start_e < size <= start_{e+1} among those known; None if none."""
        found = [note for note in self.by_number.values() if note.index < size]
        return max(found, key=lambda note: note.index).number if found else None

    def end_of(self, number):
        """start_{e+1}, or the end of all indices when it is not known."""
        later = [note.index for note in self.by_number.values() if note.number > number]
        return min(later) if later else INDEX_END

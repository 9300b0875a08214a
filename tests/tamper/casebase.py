"""What a case works with: a copy of a base store, the usual forger's moves, and the expectation.

A case is a function that takes a `Base`, changes it, and returns an `Expect` (or None: skipped,
because this base has no such place). `CASES` holds all in the order of definition.
"""

import copy
import json
import os

from akbase import canonical_json, checkpoint_fields
from akformat import Block, Log, Mark, Note, log_directories
from akforge import note_size, rebuild

VALID, INVALID, NOT_CHECKABLE, INCOMPLETE = "VALID", "INVALID", "NOT CHECKABLE", "INCOMPLETE"
ANY = "any verdict"
ALL = ("ALTERED", "FORKED", "ROLLED_BACK", "MALFORMED", "NUMBERING", "EPOCH", "UNTRUSTED_KEY",
       "UNSUPPORTED", "LIMIT", "IO_ERROR", "MISSING", "ERASED_UNAUTHORISED", "TAIL_UNSIGNED",
       "STALE", "EMPTY")
CASES = []


class NoPlace(Exception):
    """The base has no place where the case could be made."""


class Expect:
    """What a verifier must say.

    codes: findings that must all be there. one: of these at least one must be there (where the
    format leaves it to the reader which of two broken rules it meets first). may: findings that can
    be there besides. Any other finding that is not a remark fails the case. remarks: these must be
    there. damage: (from, to) outside of which every entry must still be proven; None: not asked.
    touched: indices that must not be proven. at: file that a finding must name. args: more options.
    keys: vkeys to give instead of the log's own. checkpoint: bytes of a checkpoint kept from before.
    both: every log of the store must have the verdict. nothing: no entry may be proven. verdict None:
    any but VALID. clean: the output for people must hold no control characters. racing: the store
    changes meanwhile. preload: (file, offset) that cannot be read, through eio.c. run: function that
    prepares the directory after it was written. open: docs/format.md leaves codes and proven
    entries of such a store open (end of section 13), so only verdict and what is asked here is
    compared between verifiers. authority: vkeys of authorities whose orders are accepted. tsa: certificates
    (PEM) of time-stamping authorities. stamps: how many count, the greatest size that one is over,
    and by when that existed (seconds); None: not asked.
    """

    def __init__(self, verdict, codes=(), one=(), may=(), remarks=(), damage=None, touched=(),
                 at=None, keys=None, checkpoint=None, run=None, nothing=False, both=False,
                 clean=False, racing=False, environment=None, preload=None, open=False,
                 seconds=60, authority=(), tsa=None, stamps=None):
        self.verdict, self.codes, self.one, self.may = verdict, set(codes), set(one), set(may)
        self.remarks, self.damage, self.touched, self.at = set(remarks), damage, touched, at
        self.keys, self.checkpoint, self.run, self.nothing = keys, checkpoint, run, nothing
        self.both, self.clean, self.racing, self.open = both, clean, racing, open
        self.environment, self.preload, self.seconds = environment, preload, seconds
        self.authority = list(authority)
        self.tsa, self.stamps = tsa, stamps

    def allowed(self):
        return self.codes | self.one | self.may


def case(function=None, *, holder=False):
    """Registers a case; `holder`: it needs the secret keys of the log."""
    def register(f):
        CASES.append((f.__name__, f, holder))
        return f
    return register if function is None else register(function)


class Base:
    """A log that a case may change, with what is known of it from before."""

    def __init__(self, log, vkey, secrets=None, name="agency"):
        self.log, self.vkey, self.secrets, self.name = copy.deepcopy(log), vkey, secrets, name
        self.more = []              # further logs of the store
        self.files = {}             # name -> bytes that replace or add a file; None removes it
        self.n = log.end
        self.leaves = [leaf for s in log.segments for leaf in s.leaves()]
        self.note_sizes = sorted(
            {note_size(n.note) for s in log.segments for n in s.of(Note)}
            | {note_size(s.header.checkpoint) for s in log.segments} - {None})

    @classmethod
    def load(cls, store, vkey):
        return cls(Log.load(log_directories(store)[0]), vkey)

    def fresh(self):
        return Base(self.log, self.vkey, self.secrets, self.name)

    # Finding a place.

    def sealed(self):
        """The sealed segments; NoPlace when there is none."""
        found = [s for s in self.log.segments if s.sealed]
        if not found:
            raise NoPlace
        return found

    def last(self):
        return self.log.segments[-1]

    def segment_of(self, index):
        return next(s for s in self.log.segments if s.header.first <= index < s.end)

    def block_of(self, index):
        return next(b for s in self.log.segments for b in s.blocks() if b.first <= index < b.end)

    def entry(self, index):
        b = self.block_of(index)
        return b.entries[index - b.first]

    def victim(self, kind=0, segment=None, length=8):
        """Index of an entry of this kind around the middle of a middle (or the given) segment;
        NoPlace when there is none."""
        s = segment or self.sealed()[:2][-1]
        middle = (s.header.first + s.end) // 2
        found = [s.header.first + i for i, e in enumerate(s.entries())
                 if e.kind == kind and e.payload is not None and len(e.payload) >= length]
        if not found:
            raise NoPlace
        return min(found, key=lambda i: abs(i - middle))

    def find(self, kind, what=b""):
        """Index of the last entry of this kind whose payload holds `what`; NoPlace."""
        found = [s.header.first + i for s in self.log.segments for i, e in enumerate(s.entries())
                 if e.kind == kind and what in (e.payload or b"")]
        if not found:
            raise NoPlace
        return found[-1]

    def sound_before(self, index):
        """The newest signed size that does not cover `index`."""
        return max([0] + [n for n in self.note_sizes if n <= index])

    def group(self, index):
        """The range of the group of `index`, within the log."""
        return index // 256 * 256, min(index // 256 * 256 + 256, self.n)

    def to_end(self, index):
        return self.sound_before(index), self.n

    # Changing.

    def delete(self, index):
        b = self.block_of(index)
        del b.entries[index - b.first]
        if not b.entries:
            s = self.segment_of_block(b)
            s.parts.remove(b)

    def insert(self, index, entry):
        b = self.block_of(index)
        b.entries.insert(index - b.first, entry)

    def segment_of_block(self, block):
        return next(s for s in self.log.segments if any(p is block for p in s.parts))

    def patch(self, leave=()):
        """Repairs digests and lengths; everything that hangs on the tree stays as it was."""
        rebuild(self.log, None, {"headers", "level8", "manifests", "states", "notes", *leave},
                self.leaves)

    def repair(self, leave=()):
        """Repairs all that needs no key, the tree's inner hashes and the headers with it."""
        rebuild(self.log, None, leave)

    def resign(self, leave=()):
        """Repairs all and signs it again with the log's own keys."""
        rebuild(self.log, self.secrets, leave)

    def move_notes(self):
        """After entries came or went: every NOTE covers all before it, files and manifests are named
        as they must be; as when the log had grown that way."""
        n, names = 0, {}
        for s in self.log.segments:
            old = s.name
            s.header.first = n
            s.name = f"{n:020d}" + old[20:]
            names[old] = s.name, n
            if s.header.checkpoint:
                s.header.checkpoint = self.secrets.checkpoint(n, bytes(32))
            for p in s.parts:
                n += len(p.entries) if isinstance(p, Block) else 0
                if isinstance(p, Note):
                    p.note = self.secrets.checkpoint(n, bytes(32))
        self.log.checkpoint = self.secrets.checkpoint(n, bytes(32))
        for e in (e for s in self.log.segments for e in s.entries() if e.kind == 2):
            value = json.loads(e.payload)
            value["file"], first = names[value["file"]]
            value["first"] = str(first)
            e.payload = canonical_json(value)

    def flip(self, segment, offset, bit=0, count=1):
        """Flips one bit of a segment's file."""
        data = bytearray(self.files.get(segment.name) or segment.encode())
        data[offset] ^= 1 << bit
        self.files[segment.name] = bytes(data)

    def cut(self, segment, size):
        """Cuts an open segment back to a MARK or NOTE that stands at `size`, behind it."""
        keep, at = 1, segment.header.first
        for i, p in enumerate(segment.parts):
            if isinstance(p, Block):
                at = p.end
            if isinstance(p, (Mark, Note)) and at == size:
                keep = i + 1
        segment.parts = segment.parts[:keep]

    def newest_note(self, at_most=None):
        """Bytes of the newest NOTE (of at most this size)."""
        notes = [n.note for s in self.log.segments for n in s.of(Note)]
        notes = [n for n in notes if at_most is None or note_size(n) <= at_most]
        return max(notes, key=note_size, default=None)

    def save(self, store):
        """Writes the store."""
        for log in [self.log, *self.more]:
            log.save(os.path.join(store, log.log_id))
        directory = os.path.join(store, self.log.log_id)
        for name, data in self.files.items():
            path = os.path.join(directory, name)
            if data is None:
                os.unlink(path)
            else:
                with open(path, "wb") as f:
                    f.write(data)
        return directory


def root_of(note):
    return checkpoint_fields(note)[2]

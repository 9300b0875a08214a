"""Derives everything in a log that follows from something else, and makes whole logs.

`rebuild(log)` walks a log and repairs all that needs no key: digests, level-8 hashes, marks, footers,
seek tables, ranges and chain of the headers, digests in manifests, roots in states. Given the
`Secrets` of the log it also signs everything again: then the forger is the key's holder.

`Maker` lays out a log entry by entry and leaves the rest to `rebuild`, so a log made here and a log
repaired here go through the same code.
"""

import hashlib
import itertools
import json

from akbase import (Frontier, FormatError, H, b64, canonical_json, checkpoint_fields, leaf_hash,
                    tree_root, u8, u16, u32, u32le, u48, u64)
from akformat import (Block, Entry, Footer, Header, Log, Mark, Note, SEEK_END, SeekTable, Segment,
                      decompress)

SECOND = 1_000_000_000


class Positions:
    """What every source has sent so far (sections 6.7 and 10.4)."""

    def __init__(self):
        self.of = {}                # ordinal -> [next_seq, latest index, its received]
        self.declared = {}          # ordinal -> index of its declaration
        self.sources = 0

    def add(self, index, entry):
        if entry.kind == 1:
            self.declared[256 + entry.source_seq] = index
            self.sources = max(self.sources, entry.source_seq + 1)
        self.of[entry.source] = [entry.source_seq + 1, index, entry.received]

    def rows(self):
        for ordinal in range(256 + self.sources):
            yield (ordinal, *self.of.get(ordinal, (0, 0, 0)), self.declared.get(ordinal, 0))

    def root(self):
        return tree_root(leaf_hash(u32(o) + u48(n) + u64(i) + u64(t))
                         for o, n, i, t, _ in self.rows())

    def table(self):
        return b"".join(u32(o) + u48(n) + u64(i) + u64(t) + u64(d)
                        for o, n, i, t, d in self.rows())


class Rebuild:
    """One walk over a log. What is repaired can be left out by name: see `rebuild`."""

    def __init__(self, log, secrets, leave, leaves):
        self.log, self.secrets, self.leave = log, secrets, set(leave)
        self.leaves = leaves
        self.tree = Frontier()
        self.positions = Positions()
        self.roots = {}             # size -> root, for the sizes that are signed
        self.files = {}             # first index -> (Segment, Positions root, root) when it is sealed
        self.epoch_note = b""
        self.starts = []            # index of each start note that was met
        self.epochs = []            # and the epoch that begins there

    def wanted_sizes(self):
        for s in self.log.segments:
            yield from (note_size(n.note) for n in s.of(Note))
            yield note_size(s.header.checkpoint)
        yield note_size(self.log.checkpoint or b"")

    def run(self):
        self.wanted = set(self.wanted_sizes()) - {None}
        previous = None
        for s in self.log.segments:
            self.header(s.header, previous)
            previous = s.header.encode()
            self.segment(s)
            if s.sealed:
                self.files[s.header.first] = (s, self.positions.root(), self.tree.root())
        if self.log.checkpoint:
            self.log.checkpoint = self.signed(self.log.checkpoint)

    def header(self, h, previous):
        if "headers" not in self.leave:
            h.first, h.range = self.tree.size, self.tree.hashes()
            h.previous = H(previous) if previous else h.previous
            if self.secrets and h.first:
                h.origin = self.secrets.origin.encode()
                h.epoch_note = self.epoch_note or h.epoch_note
            if h.checkpoint:
                h.checkpoint = self.signed(h.checkpoint)

    def segment(self, s):
        frames, since, offset, blocks, level8 = [], [], 0, [], []
        for p in s.parts:
            if isinstance(p, Block):
                blocks.append((offset, p))
                self.block(p)
                level8 += p.level8
            elif isinstance(p, Mark) and "marks" not in self.leave:
                p.size, p.range, p.digest = self.tree.size, self.tree.hashes(), H(b"".join(since))
            elif isinstance(p, Note):
                p.note = self.signed(p.note)
            elif isinstance(p, Footer) and "footer" not in self.leave:
                p.content = self.footer(s, [d for d, _, _ in frames], blocks, level8)
            elif isinstance(p, SeekTable) and "seek" not in self.leave:
                p.content = b"".join(u32le(n) + u32le(t) for _, n, t in frames)
                p.content += u32le(len(frames)) + u8(0) + SEEK_END
            new = part_frames(p)
            frames += new
            since = [] if isinstance(p, Mark) else since + [d for d, _, _ in new]
            offset += sum(n for _, n, _ in new)

    def block(self, b):
        b.first = self.tree.size
        for i, e in enumerate(b.entries):
            group = (b.first + i) // 256
            if group not in b.keys:
                b.keys[group] = H(b"another group key" + u64(group))
            self.own_payload(b.first + i, e)
            if e.kind == 4 and e.payload is not None and self.secrets:
                self.start_note(b, i, e)
            self.positions.add(b.first + i, e)
        b.keys = {g: b.keys[g] for g in b.groups()}
        if "blocks" not in self.leave:
            self.container(b)
        level8 = []
        for entry in b.entry_bytes():
            leaf = self.leaves[self.tree.size] if self.leaves else leaf_hash(entry)
            done = self.tree.add(leaf)
            if self.tree.size in self.wanted:
                self.roots[self.tree.size] = self.tree.root()
            if done is not None:
                level8.append(done)
        if "level8" not in self.leave:
            b.level8 = level8

    @staticmethod
    def container(b):
        """Compresses the text again only when it is another one; makes lengths and digest true."""
        try:
            if b.data is not None and decompress(b.data, b.text_bytes) != b.text():
                b.data = None
        except FormatError:
            pass
        b.repair()

    def own_payload(self, index, e):
        if e.payload is None:
            return
        if e.kind == 2 and "manifests" not in self.leave:
            self.manifest(e)
        elif e.kind == 8 and "states" not in self.leave:
            value = json.loads(e.payload)
            value["positions"] = b64(self.positions.root())
            value["sources"] = self.positions.sources
            e.payload = canonical_json(value)

    def start_note(self, b, i, e):
        """The note over all entries before it, those of its own block with them. The one that stands
        there says which epoch begins; otherwise it is the next one."""
        epoch = start_epoch(e.payload, self.epochs[-1] + 1 if self.epochs else 0)
        tree = self.tree.copy()
        for entry in list(b.entry_bytes())[:i]:
            tree.add(leaf_hash(entry))
        if "starts" not in self.leave:
            e.payload = self.secrets.start_note(epoch, b.first + i, tree.root())
        self.starts.append(b.first + i)
        self.epochs.append(epoch)
        self.epoch_note = e.payload

    def in_force(self, size):
        """The epoch whose key signs this size."""
        begun = [e for start, e in zip(self.starts, self.epochs) if start < size]
        return begun[-1] if begun else 0

    def manifest(self, e):
        value = json.loads(e.payload)
        known = self.files.get(int(value["first"]))
        if known is None or known[0].name != value["file"]:
            return
        segment, positions, root = known
        data = segment.encode()
        value.update(end=str(segment.end), bytes=str(len(data)), root=b64(root),
                     sha512=b64(hashlib.sha512(data).digest()),
                     header=b64(H(segment.header.encode())), positions=b64(positions))
        if "frames" in value:
            value.update(frames=b64(footer_frames(segment)))
        e.payload = canonical_json(value)

    def signed(self, note):
        """The note of the same size over this tree when the keys are there; else as it was."""
        size = note_size(note)
        if self.secrets is None or size is None or "notes" in self.leave:
            return note
        size = min(size, self.tree.size)
        root = self.roots.get(size, self.tree.root())
        return self.secrets.checkpoint(size, root, self.in_force(size))

    def footer(self, s, digests, blocks, level8):
        index = b"".join(
            u64(offset) + u64(b.first) + u32(len(b.entries)) + u16(b.entries[0].clock_run)
            + u64(b.entries[0].received) + u16(b.entries[-1].clock_run)
            + u64(b.entries[-1].received) + u16(kinds_bits(b)) for offset, b in blocks)
        range_ = self.tree.hashes()
        content = (u8(5) + u8(1) + H(b"".join(digests)) + u64(s.header.first)
                   + u64(self.tree.size) + u32(len(blocks)) + index + u32(len(level8))
                   + b"".join(level8) + u32(self.positions.sources) + self.positions.table()
                   + u8(len(range_)) + b"".join(range_))
        return content + H(content)


def kinds_bits(block):
    bits = 0
    for e in block.entries:
        bits |= 1 << min(e.kind, 15)
    return bits


def part_frames(part):
    """[(digest, length, length of text)] of the one or two frames of a part."""
    data = part.encode()
    if not isinstance(part, Block):
        return [(H(data), len(data), 0)]
    columns = data[:len(data) - len(part.data)]
    return [(H(columns), len(columns), 0), (H(part.data), len(part.data), part.text_bytes)]


def footer_frames(segment):
    """`frames` as the segment's FOOTER states it."""
    return segment.of(Footer)[0].content[2:34]


def start_epoch(note, default):
    """The epoch that a start note begins."""
    lines = note.split(b"\n")
    return int(lines[2]) if len(lines) > 3 and lines[2].isdigit() else default


def note_size(note):
    try:
        return checkpoint_fields(note)[1]
    except (ValueError, UnicodeDecodeError):
        return None


def rebuild(log, secrets=None, leave=(), leaves=None):
    """Repairs `log` in place.

    `leave`: headers, blocks, marks, level8, footer, seek, manifests, states, notes, starts stay as
    they are.
    `leaves`: leaf hashes to take instead of those of the entries: what hangs on the tree then stays
    that of another log, as when a forger repairs digests only.
    """
    Rebuild(log, secrets, leave, leaves).run()
    return log


def renumber(log):
    """Gives every entry the number it has in its source by its place."""
    behind = {}
    for s in log.segments:
        for e in s.entries():
            e.source_seq = behind.get(e.source, 0)
            behind[e.source] = e.source_seq + 1


def replace_block(segment, old, *new):
    at = next(i for i, p in enumerate(segment.parts) if p is old)
    segment.parts[at:at + 1] = new


MIXED = "mixed"


class Maker:
    """Lays out a log. Call entries, then `commit`; `seal` ends a segment; `finish` derives all.
    `form` MIXED: the blocks of each commit are of another form than those of the one before."""

    def __init__(self, secrets, start=1_700_000_000 * SECOND, form=1, block_entries=300):
        self.secrets, self.block_entries = secrets, block_entries
        self.form, self.mixed = (1, True) if form == MIXED else (form, False)
        self.log = Log(secrets.log_id)
        self.now, self.clock_run, self.claim = start, 0, 1
        self.behind, self.size, self.pending = {}, 0, []
        self.segment = None
        self.signed = 0             # size of the newest checkpoint
        self.open_segment()
        self.entry(4, b"")          # rebuild writes the start note

    def open_segment(self):
        h = Header()
        h.first, h.opened, h.claim = self.size, self.now, self.claim
        h.origin = self.secrets.origin.encode()
        if self.signed:
            h.checkpoint = self.placeholder(self.signed)
        self.segment = Segment(f"{self.size:020d}.open.zst", [h])
        self.log.segments.append(self.segment)

    def placeholder(self, size):
        return f"{self.secrets.origin}\n{size}\n{b64(bytes(32))}\n\n".encode()

    def tick(self, micros=1000):
        self.now += micros * 1000

    def entry(self, kind, payload, source=None):
        source = kind if source is None else source
        seq = self.behind.get(source, 0)
        self.behind[source] = seq + 1
        self.pending.append(Entry(kind, source, seq, self.now, payload, self.clock_run, self.form))
        self.size += 1
        return seq

    def record(self, source, payload):
        self.entry(0, payload, source)

    def fragment(self, source, payload):
        self.entry(7, payload, source)

    def own(self, kind, **members):
        return self.entry(kind, canonical_json(members))

    def event(self, event, side="collector", **members):
        self.own(3, type="event", event=event, side=side, **members)

    def start(self):
        self.event("start", version="1", claim=str(self.claim), pid=1234)
        self.state()

    def stop(self):
        self.state()
        self.event("stop", "operator", reason="signal")

    def rotate(self, epoch=None):
        """The next epoch begins, or the one that is named."""
        self.entry(4, b"" if epoch is None else b"akashi/epoch/v1\n\n%d\n" % epoch)

    def declare(self, transport, listener, identity, **members):
        return 256 + self.own(1, type="source", transport=transport, listener=listener,
                              identity=identity, relay=False, **members)

    def state(self):
        self.own(8, type="state", wall=str(self.now), boottime=str(self.now - 1_600_000_000 * SECOND),
                 boot_id="b3c5f1c2-7c58-4a51-9d0e-0e1d2c3b4a59", positions="", sources=0,
                 clock={"synchronized": True, "max_error_us": "250", "offset_ns": "-1200"})

    def manifest(self, segment):
        self.own(2, type="manifest", first=str(segment.header.first), end="0", generation=0,
                 file=segment.name, bytes="0", sha512="", header="", frames="", root="", positions="")

    def group_keys(self, first, count):
        return {g: H(b"group key" + u64(self.segment.header.first) + u64(g) + self.secrets.log.seed)
                for g in range(first // 256, (first + count - 1) // 256 + 1)}

    def commit(self, sign=True):
        """Ends a group commit: blocks and a MARK, then a NOTE when `sign`."""
        while self.pending:
            entries = self.pending[:self.block_entries]
            self.pending = self.pending[self.block_entries:]
            first = self.size - len(self.pending) - len(entries)
            self.segment.parts.append(Block(first, entries, self.group_keys(first, len(entries)),
                                            self.form))
        self.segment.parts.append(Mark())
        if sign:
            self.segment.parts.append(Note(self.placeholder(self.size)))
            self.signed = self.size
        if self.mixed:
            self.form = 3 - self.form

    def seal(self, manifest=True, reblock=0):
        """Seals the segment in use, goes on in a new one and writes the manifest there."""
        sealed = self.segment
        sealed.name = f"{sealed.header.first:020d}.0.zst"
        seal_parts(sealed, reblock)
        self.open_segment()
        if manifest:
            self.manifest(sealed)
        return sealed

    def restart(self):
        """A new process goes on: always in a segment of its own."""
        self.claim += 1
        self.open_segment()

    def finish(self, checkpoint=True):
        if checkpoint and self.signed:
            self.log.checkpoint = self.placeholder(self.signed)
        return rebuild(self.log, self.secrets)


def seal_parts(segment, reblock=0):
    """Makes the parts of an open segment those of a sealed one; its last NOTE is kept."""
    notes = segment.of(Note)
    blocks = segment.blocks()
    if reblock:
        entries, keys = segment.entries(), {}
        for b in blocks:
            keys.update(b.keys)
        first, blocks = segment.header.first, []
        for _, same in itertools.groupby(entries, lambda e: e.form):
            same = list(same)
            for i in range(0, len(same), reblock):
                blocks.append(Block(first, same[i:i + reblock], keys, same[0].form))
                first = blocks[-1].end
        for b in blocks:
            b.zstd_level = 9
            b.keys = {g: keys[g] for g in b.groups()}
    segment.parts = [segment.header, *blocks]
    if notes:
        size = note_size(notes[-1].note)
        at = next((i for i, b in enumerate(blocks) if b.first < size <= b.end), len(blocks) - 1)
        segment.parts.insert(at + 2, notes[-1])
    segment.parts += [Footer(b""), SeekTable(b"")]

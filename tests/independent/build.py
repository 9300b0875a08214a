"""A small maker of stores for the tests of the independent verifier, from docs/format.md alone. It
favours plainness: one group commit is one block, keys are fixed, times are counted."""

import base64
import hashlib
import json
import struct

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notes import Key
from primitives import (commit_parts, commit_whole, fold, leaf_hash, node_hash,
                        push_node, record_key, salt_of, sha256, tree_root)

START = 1790000000 * 10 ** 9


def b64(value):
    """Base64 as a string."""
    return base64.b64encode(value).decode()


def varint(value):
    """Section 1."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(kind, content):
    """A frame of section 6.1."""
    body = bytes([kind, 1]) + content
    return b"\x5a\x2a\x4d\x18" + struct.pack("<I", len(body)) + body


def compact(leaves):
    """Hashes of the compact range of leaf hashes."""
    nodes = []
    for leaf in leaves:
        push_node(nodes, 0, leaf)
    return [value for _, value in nodes]


class Signer:
    """A key that signs notes."""

    def __init__(self, seed, name=None):
        self.secret = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = Key(name, self.public) if name else None

    def line(self, text):
        """A signature line."""
        return b"\xe2\x80\x94 %s %s\n" % (self.key.name, base64.b64encode(
            self.key.id + self.secret.sign(text)))


def proof_of(index, hashes):
    """Inclusion proof over leaf hashes; their number is a power of two."""
    proof, level = [], list(hashes)
    while len(level) > 1:
        proof.append(level[index ^ 1])
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
        index >>= 1
    return proof


class Maker:
    """Makes one log. Members may be bent before a file is written, to make a bad one."""

    def __init__(self, epochs=4, form=1, name="test.example", claim=1):
        self.form = form
        seed, raw = bytes(range(32)), []
        for _ in range(epochs):
            raw.append(Signer(sha256(b"akashi/epoch-key/v1\n" + seed)))
            seed = sha256(b"akashi/epoch-next/v1\n" + seed)
        self.hashes = [leaf_hash(s.public) for s in raw]
        self.x = tree_root([s.public for s in raw])[:16]
        self.origin = ("%s/%s" % (name, self.x.hex())).encode()
        self.log = Signer(b"\x11" * 32, self.origin)
        self.signers = raw
        for e, signer in enumerate(raw):
            signer.key = Key(b"%s/epoch/%d" % (self.origin, e), signer.public)
        self.leaves, self.positions, self.declared = [], {}, []
        self.rows = []              # entries not yet in a block
        self.epoch, self.clock, self.time = -1, 0, START
        self.epoch_note, self.last_checkpoint = b"", b""
        self.next_group_key = 0
        self.previous, self.claim = bytes(32), claim
        self.files = {}
        self.begin_epoch(open_segment=True)

    def root(self, size=None):
        """Root of the first `size` entries."""
        return fold(compact(self.leaves[:size]))

    def begin_epoch(self, open_segment=False, root=None):
        """The start note of the next epoch."""
        self.epoch += 1
        e, index = self.epoch, len(self.leaves)
        proof = proof_of(e, self.hashes)
        text = b"akashi/epoch/v1\n%s\n%d\n%d\n%s\n%s\n%d\n%s\n" % (
            self.origin, e, index, base64.b64encode(root or self.root()), self.log.key.text(),
            len(self.signers), base64.b64encode(self.signers[e].public))
        text += b"".join(base64.b64encode(h) + b"\n" for h in proof)
        lines = [self.signers[e - 1].line(text)] if e else []
        lines += [self.signers[e].line(text), self.log.line(text)]
        note = text + b"\n" + b"".join(lines)
        if open_segment:
            self.open()
        self.add(4, note)
        self.epoch_note = note

    def open(self):
        """A new segment."""
        self.first = len(self.leaves)
        self.group_keys, self.erased = {}, set()
        ranges = compact(self.leaves)
        body = bytes(10) + struct.pack(">QQQ", self.first, self.time, self.claim) \
            + self.previous + bytes([len(self.origin)]) + self.origin + bytes([len(ranges)]) \
            + b"".join(ranges) + struct.pack(">I", len(self.epoch_note if self.first else b"")) \
            + (self.epoch_note if self.first else b"") \
            + struct.pack(">I", len(self.last_checkpoint)) + self.last_checkpoint
        self.frames = [frame(1, body)]
        self.sizes = [0]
        self.previous = sha256(self.frames[0])
        self.since_mark = 0
        self.table, self.nodes = [], []

    def add(self, kind, payload, source=None, seq=None, state=0, step=1000):
        """One entry."""
        if isinstance(payload, dict):
            payload = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        source = kind if source is None else source
        index = len(self.leaves)
        self.time += step
        if step < 0:
            self.clock += 1
        if seq is None:
            seq = self.positions.get(source, (0, 0, 0))[0]
        group = index // 256
        if group not in self.group_keys:
            self.next_group_key += 1
            self.group_keys[group] = sha256(b"group %d" % self.next_group_key)
        key = self.group_keys[group]
        commitment = commit_whole(salt_of(key, index), payload) if self.form == 1 else \
            commit_parts(record_key(key, index), payload)
        self.leaves.append(leaf_hash(
            struct.pack(">BBHQI", self.form, kind, self.clock, self.time, source)
            + seq.to_bytes(6, "big") + commitment))
        self.rows.append((index, kind, source, seq, self.clock, self.time, payload, state,
                          commitment))
        self.positions[source] = (seq + 1, index, self.time)
        if kind == 1:
            self.declared.append(index)

    def declare(self):
        """A source; gives its number."""
        self.add(1, {"type": "source", "transport": "tcp", "listener": "tcp://:514",
                     "identity": "address", "address": "192.0.2.1", "relay": False})
        return 255 + len(self.declared)

    def position_rows(self):
        """(ordinal, next_seq, index, received) of all sources."""
        for ordinal in range(256 + len(self.declared)):
            yield (ordinal, *self.positions.get(ordinal, (0, 0, 0)))

    def positions_root(self):
        """Section 10.4."""
        return tree_root([struct.pack(">I", o) + n.to_bytes(6, "big") + struct.pack(">QQ", i, r)
                          for o, n, i, r in self.position_rows()])

    def state(self):
        """A state entry."""
        self.add(8, {"type": "state", "wall": str(self.time), "boottime": "1", "boot_id": "b",
                     "clock": {"synchronized": True, "max_error_us": "1", "offset_ns": "-5"},
                     "sources": len(self.declared), "positions": b64(self.positions_root())})

    def block(self):
        """COLUMNS and DATA of the entries at hand."""
        rows, self.rows = self.rows, []
        first, count = rows[0][0], len(rows)
        runs, seqs = [], {}
        for index, kind, source, seq, clock, stamp, *_ in rows:
            key = (source, kind == 7, clock, stamp)
            if runs and runs[-1][1] == key and runs[-1][3] == seq:
                runs[-1][0] += 1
                runs[-1][3] += 1
            else:
                runs.append([1, key, seq, seq + 1])
        out, before = varint(len(runs)), None
        for n, (source, fragment, clock, stamp), seq, after in runs:
            out += varint(n) + varint(source * 2 + fragment)
            if source not in seqs:
                out += varint(seq)
            seqs[source] = after
            if before is None:
                out += varint(clock) + varint(stamp // 1000)
            elif clock == before[0]:
                out += varint((stamp - before[1]) // 1000 * 2)
            else:
                out += varint(1) + varint(stamp // 1000)
            before = (clock, stamp)
        feeds = [(i, row[6].count(b"\n")) for i, row in enumerate(rows)
                 if not row[7] and b"\n" in row[6]]
        out += varint(len(feeds))
        at = -1
        for i, number in feeds:
            out += varint(i - at - 1) + varint(number)
            at = i
        groups = list(range(first // 256, rows[-1][0] // 256 + 1))
        texts = [b"".join(row[6] + b"\n" for row in rows if row[0] // 256 == g and not row[7])
                 for g in groups]
        out += b"".join(varint(len(text)) for text in texts)
        stretches = []
        for i, row in enumerate(rows):
            if row[7] and stretches and stretches[-1][1] == i and stretches[-1][2] == row[7]:
                stretches[-1][1] += 1
            elif row[7]:
                stretches.append([i, i + 1, row[7]])
        out += varint(len(stretches))
        at = 0
        for start, end, state in stretches:
            out += varint(start - at) + varint(end - start) + bytes([state])
            at = end
        out += b"".join(row[8] for row in rows if row[7])
        for g in groups:
            mine = [row for row in rows if row[0] // 256 == g]
            key = self.group_keys[g]
            if any(row[7] == 1 for row in mine):
                self.erased.add(g)
            if g in self.erased:
                out += b"\x01" + b"".join(
                    salt_of(key, row[0]) if self.form == 1 else record_key(key, row[0])
                    for row in mine if not row[7])
            else:
                out += b"\x00" + key
        for g in groups:
            if first <= g * 256 + 255 <= rows[-1][0]:
                node = fold(compact(self.leaves[g * 256:g * 256 + 256]))
                out += node
                self.nodes.append(node)
        text = b"".join(texts)
        data = zstandard.ZstdCompressor(write_checksum=True).compress(text)
        columns = frame(2, struct.pack(">II", len(data), len(text)) + sha256(data)
                        + struct.pack(">QIB", first, count, self.form) + out)
        kinds = 0
        for row in rows:
            kinds |= 1 << min(row[1], 15)
        self.table.append(struct.pack(">QQIHQHQH", sum(map(len, self.frames)), first, count,
                                      *rows[0][4:6], *rows[-1][4:6], kinds))
        self.frames += [columns, data]
        self.sizes += [0, len(text)]

    def put(self, raw):
        """A skippable frame."""
        self.frames.append(raw)
        self.sizes.append(0)

    def mark(self):
        """The end of a group commit."""
        size = len(self.leaves)
        ranges = compact(self.leaves)
        digest = sha256(b"".join(sha256(f) for f in self.frames[self.since_mark:]))
        self.put(frame(3, struct.pack(">QB", size, len(ranges)) + b"".join(ranges) + digest))
        self.since_mark = len(self.frames)

    def checkpoint(self, size=None, root=None, epoch=None, log=None):
        """A signed checkpoint."""
        size = len(self.leaves) if size is None else size
        text = b"%s\n%d\n%s\n" % (self.origin, size,
                                  base64.b64encode(root or self.root(size)))
        epoch = self.epoch if epoch is None else epoch
        return text + b"\n" + (log or self.log).line(text) + self.signers[epoch].line(text)

    def note(self, raw=None):
        """A NOTE of all entries so far."""
        self.last_checkpoint = raw or self.checkpoint()
        self.put(frame(4, self.last_checkpoint))

    def commit(self, sealed=False):
        """A group commit with its checkpoint."""
        self.block()
        if not sealed:
            self.mark()
        self.note()

    def close(self, name=None):
        """Writes the open segment."""
        self.files[name or "%020d.open.zst" % self.first] = b"".join(self.frames)

    def seal(self, generation=0, name=None):
        """FOOTER and seek table; writes the sealed segment."""
        end = len(self.leaves)
        ranges = compact(self.leaves)
        frames = sha256(b"".join(sha256(f) for f in self.frames))
        body = frames
        body += struct.pack(">QQI", self.first, end, len(self.table)) + b"".join(self.table)
        body += struct.pack(">I", len(self.nodes)) + b"".join(self.nodes)
        body += struct.pack(">I", len(self.declared))
        for ordinal, n, index, received in self.position_rows():
            declaration = self.declared[ordinal - 256] if ordinal >= 256 else 0
            body += struct.pack(">I", ordinal) + n.to_bytes(6, "big") \
                + struct.pack(">QQQ", index, received, declaration)
        body += bytes([len(ranges)]) + b"".join(ranges)
        body += sha256(b"\x05\x01" + body)
        self.put(frame(5, body))
        table = b"".join(struct.pack("<II", len(f), size)
                         for f, size in zip(self.frames, self.sizes))
        table += struct.pack("<IBI", len(self.frames), 0, 0x8F92EAB1)
        raw = b"".join(self.frames) + b"\x5e\x2a\x4d\x18" + struct.pack("<I", len(table)) + table
        name = name or "%020d.%d.zst" % (self.first, generation)
        self.files[name] = raw
        return {"type": "manifest", "first": str(self.first), "end": str(end),
                "generation": generation, "file": name, "bytes": str(len(raw)),
                "sha512": b64(hashlib.sha512(raw).digest()),
                "header": b64(self.previous), "frames": b64(frames), "root": b64(self.root()),
                "positions": b64(self.positions_root())}

    def write(self, directory):
        """All files of the log, in its directory under `directory`; gives that path."""
        path = directory / self.x.hex()
        path.mkdir(parents=True, exist_ok=True)
        for name, raw in self.files.items():
            (path / name).write_bytes(raw)
        return path



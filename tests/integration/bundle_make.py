"""Makes bundles (docs/format.md 14) from the logs of tests/tamper, and takes them apart, so that a
test can change one thing and keep the rest fitting."""

import hashlib
import json

import zstandard

import prove_kit  # noqa: F401  (finds tests/tamper)
from akbase import Frontier, canonical_json, inclusion_proof, leaf_hash, node_hash
from akbase import H, b64, u8, u16, u32
from akformat import Note, derive_salt, split_parts

FILES = ["README.txt", "SHA256SUMS", "bundle.json", "checkpoint", "stamped",
         *(f"stamp.{k}" for k in range(8)), "policy", "proof", "entries",
         "openings", "own.txt", "records.zst", "positions", "records.jsonl", "records.csv",
         "provenance.jsonld"]
SHOWN, WITHHELD, PARTS, BOUND = 0, 16, 17, 18
BLOCK = "\u2588".encode()
MADE = 1_700_100_000


class Item:
    """One entry of a log with what opens it."""

    def __init__(self, index, entry, data, salt):
        self.index, self.entry, self.data, self.salt = index, entry, data, salt
        self.payload = entry.payload
        self.state, self.redaction = SHOWN, 0


def items(log):
    out, index = [], 0
    for segment in log.segments:
        for block in segment.blocks():
            for entry, data in zip(block.entries, block.entry_bytes()):
                key = block.keys[index // 256]
                salt = entry.salt if key is None else derive_salt(entry.form, key, index)
                out.append(Item(index, entry, data, salt))
                index += 1
    return out


def newest(log):
    return [n.note for s in log.segments for n in s.of(Note)][-1]


def skip_hashes(leaves, a, b):
    """Compact range [a, b)."""
    out = []
    while a < b:
        level = 0
        while a % 2 ** (level + 1) == 0 and a + 2 ** (level + 1) <= b:
            level += 1
        tree = Frontier()
        for leaf in leaves[a:a + 2 ** level]:
            tree.add(leaf)
        out.append(tree.root())
        a += 2 ** level
    return out


def proof(leaves, pieces):
    lines, at = ["akashi/bundle/v1", str(len(leaves))], 0
    for a, b in list(pieces) + [(len(leaves), len(leaves))]:
        if a > at:
            lines.append(f"skip {a - at}")
            lines += [b64(h) for h in skip_hashes(leaves, at, a)]
        if b > a:
            lines.append(f"show {b - a}")
        at = b
    return ("\n".join(lines) + "\n").encode()


def openings(chosen):
    out = b""
    for i in chosen:
        out += u8(i.state)
        if i.state == SHOWN:
            out += u32(len(i.payload)) + i.salt
        elif i.state == WITHHELD:
            out += u16(i.redaction)
        elif i.state == PARTS:
            out += u32(len(i.parts)) + b"".join(p[0] for p in i.parts)
    return out


def withhold(item, numbers):
    """Blacks out parts of a record of form 2: `parts` become (opening, text, part, c_j)."""
    item.state, item.parts = PARTS, []
    for j, part in enumerate(split_parts(item.payload)):
        both = H(b"\x07" + item.salt + u32(j // 2))
        salt = both[j % 2 * 16:j % 2 * 16 + 16]
        c = H(b"\x03" + salt + part)
        item.parts.append((u8(255) + u16(item.redaction) + c, BLOCK) if j in numbers
                          else (u8(len(part)) + salt, part))
    item.payload = b"".join(p[1] for p in item.parts)


def texts(chosen, received):
    return b"".join(i.payload + b"\n" for i in chosen
                    if i.state in (SHOWN, PARTS) and (i.entry.kind in (0, 7)) == received)


def sums(files):
    return "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in FILES
                   if n in files and n != "SHA256SUMS").encode()


def bundle(log, secrets, pieces, asked=None, redact=(), prepare=None, **members):
    """Files of a bundle: name -> bytes. `redact` are indices; `prepare(chosen)` may change items."""
    every = items(log)
    leaves = [leaf_hash(i.data) for i in every]
    chosen = [i for i in every if any(a <= i.index < b for a, b in pieces)]
    for i in chosen:
        if i.index in redact:
            i.state = WITHHELD
    if prepare:
        prepare(chosen)
    about = {"type": "bundle", "version": 1, "origin": secrets.origin, "log_key": secrets.vkey,
             "made": str(MADE * 10 ** 9), "program": "test 0", "program_sha256": "00" * 32,
             "case": "2026-117", "exhibit": "3", "by": "A. Tester", "reason": "a test",
             "asked": asked or {"what": "index", "first": str(pieces[-1][0]),
                                "last": str(pieces[-1][1] - 1)},
             "redactions": [{"reason": "name of a person", "what": "by index"}] if redact or prepare else []}
    about.update(members)
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True)
    files = {"README.txt": b"A bundle.\n", "bundle.json": canonical_json(about),
             "checkpoint": newest(log), "proof": proof(leaves, pieces),
             "entries": b"".join(i.data for i in chosen), "openings": openings(chosen),
             "own.txt": texts(chosen, False), "records.zst": compressor.compress(texts(chosen, True))}
    files["SHA256SUMS"] = sums(files)
    return files


def tar(files, names=None, made=MADE):
    """The bundle in one file."""
    out = b""
    for name in names or [n for n in FILES if n in files] + sorted(
            n for n in files if n.startswith("custody/")):
        head = bytearray(512)
        for at, field in ((0, name.encode()), (100, b"0000644"), (108, b"0000000"),
                          (116, b"0000000"), (124, b"%011o" % len(files[name])),
                          (136, b"%011o" % made), (148, b" " * 8), (156, b"0"), (257, b"ustar"),
                          (263, b"00")):
            head[at:at + len(field)] = field
        head[148:156] = b"%06o\0 " % sum(head)
        out += bytes(head) + files[name] + bytes(-len(files[name]) % 512)
    return out + bytes(1024)


def untar(data):
    files, at = {}, 0
    while data[at]:
        name = data[at:at + 100].rstrip(b"\0").decode()
        size = int(data[at + 124:at + 135], 8)
        files[name] = data[at + 512:at + 512 + size]
        at += 512 + (size + 511) // 512 * 512
    return files

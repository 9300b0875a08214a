"""Groups A (bytes of one segment), B (records) and H (time and identity) of the catalogue.

"Patched": lengths and digests are repaired, so that only the tree can tell. "Repaired": all that
needs no key is repaired, with level-8 hashes, ranges and headers, so that only a signature can tell.
"""

import binascii
import json

from akbase import canonical_json
from akformat import ERASED, Block, Entry, commit_payload, derive_salt
from akforge import SECOND, renumber, replace_block
from casebase import INVALID, NOT_CHECKABLE, VALID, Expect, case

DIGESTS = ("ALTERED",)


def patched(b, index, one=DIGESTS, **more):
    """The forger repairs digests; one group is named."""
    b.patch()
    return Expect(INVALID, one=one, damage=b.group(index), touched=[index],
                  at=b.segment_of(index).name, **more)


# A log that changed its length and kept its old signatures has them in odd places.
MOVED = ("MISSING", "MALFORMED", "TAIL_UNSIGNED")


def repaired(b, index, may=()):
    """The forger repairs the whole log; nothing behind the last sound signature holds."""
    b.repair()
    return Expect(INVALID, codes=["ALTERED"], damage=b.to_end(index), touched=[index],
                  may=["EMPTY", *may])


def same_length(payload):
    """Another text of the same length."""
    at = len(payload) // 2
    return payload[:at] + bytes([payload[at] ^ 1 if payload[at] ^ 1 != 10 else 66]) + payload[at + 1:]


# A. Bytes of one segment.

@case
def A1_payload_bit(b):
    """One bit of compressed text, nothing repaired."""
    s = b.sealed()[:2][-1]
    block = s.blocks()[0]
    b.flip(s, s.offset(block) + len(block.encode()) - len(block.data) // 2, 3)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], at=s.name,
                  damage=(block.first // 256 * 256, (block.end + 255) // 256 * 256))


@case
def A1_checksum_bit(b):
    """One bit of the text's checksum: the digest differs, every record is untouched (R31)."""
    s = b.sealed()[0]
    block = s.blocks()[0]
    b.flip(s, s.offset(block) + len(block.encode()) - 1)
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0), at=s.name)


@case
def A2_received(b):
    """Time of one read, nothing repaired."""
    index = b.victim()
    e = b.entry(index)
    e.received += 1000
    return Expect(INVALID, codes=["ALTERED"], may=["NUMBERING", "MALFORMED"], touched=[index],
                  at=b.segment_of(index).name)


@case
def A2_source(b):
    """Source and number of a record, digests repaired."""
    blocks = [x for s in b.log.segments for x in s.blocks()]
    sources = sorted({e.source for x in blocks for e in x.entries if e.kind == 0})
    for block in blocks:
        victim = block.entries[-1]
        other = next((o for o in sources if all(e.source != o for e in block.entries)), None)
        # A number out of order can be written only where its source does not occur otherwise.
        if victim.kind == 0 and other is not None:
            victim.source, victim.source_seq = other, 2**31
            return patched(b, block.end - 1, may=["NUMBERING"])
    return None


@case
def A2_length(b):
    """The line feed between two records moved: both have another length, digests repaired."""
    index = b.victim()
    a, c = b.entry(index), b.entry(index + 1)
    if c.kind != 0:
        return None
    both = a.payload + b"\n" + c.payload
    a.payload, c.payload = both[:5], both[6:] if both[5:6] == b"\n" else both[5:].replace(b"\n", b"")
    return patched(b, index)


@case
def A3_origin(b):
    """One bit of the origin in a middle header."""
    s = b.sealed()[-1]
    at = s.encode().index(s.header.origin)
    b.flip(s, at + 2)
    # Its name tells the place, and its blocks come out there (R24).
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A3_first(b):
    """One bit of the first index in a middle header."""
    s = b.sealed()[-1]
    if s.header.first == 0:
        return None
    b.flip(s, 8 + 2 + 8 + 2 + 7, 4)
    # The name tells the place as well, and the blocks are not touched (R35).
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A3_previous(b):
    """One bit of the digest of the header before."""
    s = b.sealed()[-1]
    b.flip(s, 8 + 12 + 24)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A3_version(b):
    """The version of a HEADER is 2."""
    s = b.sealed()[-1]
    s.header.version = 2
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"], damage=(s.header.first, s.end))


@case
def A4_footer(b):
    """One bit of the footer's digest of the frames."""
    s = b.sealed()[0]
    b.flip(s, s.offset(s.parts[-2]) + 8 + 2 + 5)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A5_footer_index(b):
    """One bit in the footer's index of blocks: never trusted, the records hold (R31)."""
    s = b.sealed()[0]
    b.flip(s, s.offset(s.parts[-2]) + 8 + 34 + 16 + 4 + 7)
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


@case
def A6_seek_table(b):
    """An entry of the seek table points elsewhere: the records hold."""
    s = b.sealed()[0]
    b.flip(s, len(s.encode()) - 9 - 8 * 2)
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


@case
def A6_seek_table_gone(b):
    """The seek table removed."""
    s = b.sealed()[0]
    s.parts.pop()
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


@case
def A7_reserved_byte(b):
    """The reserved byte of a header is 1: UNSUPPORTED is what reserved bytes are for."""
    s = b.last()
    s.header.reserved = 1
    b.patch()
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"], damage=(s.header.first, s.end))


@case
def A7_seek_descriptor(b):
    """An unused bit in the descriptor of the seek table."""
    s = b.sealed()[0]
    b.flip(s, len(s.encode()) - 5)
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


@case
def A8_digest_fixed(b):
    """Payload changed, frame checksum and digests right."""
    index = b.victim()
    b.entry(index).payload = same_length(b.entry(index).payload)
    return patched(b, index)


@case
def A9_level8_fixed(b):
    """Payload changed, level-8 hash of its group too; headers and marks are not."""
    index = b.victim()
    b.entry(index).payload = same_length(b.entry(index).payload)
    b.repair(leave=["headers", "marks"])
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], damage=b.to_end(index),
                  touched=[index])


@case
def A10_rebuilt(b):
    """Payload changed and everything behind it built anew, without a key."""
    index = b.victim()
    b.entry(index).payload = same_length(b.entry(index).payload)
    return repaired(b, index)


@case
def A10_first_segment(b):
    """The same in the first segment."""
    index = b.victim(segment=b.log.segments[0])
    b.entry(index).payload = same_length(b.entry(index).payload)
    return repaired(b, index)


@case
def A10_last_segment(b):
    """The same in the last segment: what lies before stays proven."""
    index = b.victim(segment=b.last())
    b.entry(index).payload = same_length(b.entry(index).payload)
    return repaired(b, index)


def sector(b, change):
    s = b.sealed()[0]
    data = bytearray(s.encode())
    if len(data) < 4096:
        return None
    change(data)
    b.files[s.name] = bytes(data)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED", "MISSING"], at=s.name)


@case
def A11_zeroed(b):
    """A sector of 512 bytes is zero."""
    return sector(b, lambda d: d.__setitem__(slice(2048, 2560), bytes(512)))


@case
def A11_swapped(b):
    """Two sectors are swapped."""
    def swap(d):
        d[1536:2048], d[2560:3072] = d[2560:3072], d[1536:2048]
    return sector(b, swap)


@case
def A12_crlf(b):
    """The newest checkpoint written with CR LF."""
    if b.log.checkpoint is None:
        return None
    b.log.checkpoint = b.log.checkpoint.replace(b"\n", b"\r\n")
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at="checkpoint")


@case
def A12_origin_case(b):
    """The origin of the newest checkpoint in capitals."""
    if b.log.checkpoint is None:
        return None
    text, rest = b.log.checkpoint.split(b"\n", 1)
    b.log.checkpoint = text.upper() + b"\n" + rest
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at="checkpoint")


# B. Records.

@case
def B1_deleted(b):
    """A record deleted in the middle, all later ones renumbered, everything repaired."""
    index = b.victim()
    b.delete(index)
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case
def B1_deleted_hole(b):
    """A record deleted, its number left out; one segment's bytes repaired only."""
    index = b.victim()
    block = b.block_of(index)
    at = index - block.first
    parts = [Block(0, entries, block.keys, block.form)
             for entries in (block.entries[:at], block.entries[at + 1:]) if entries]
    replace_block(b.segment_of_block(block), block, *parts)
    b.repair()
    return Expect(INVALID, codes=["ALTERED"], may=["NUMBERING", *MOVED], damage=b.to_end(index),
                  touched=[index])


@case
def B2_first_record(b):
    """The first record of a segment deleted."""
    s = b.sealed()[-1]
    index = next(s.header.first + i for i, e in enumerate(s.entries()) if e.kind == 0)
    b.delete(index)
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case
def B2_last_record(b):
    """The last record of a sealed segment deleted."""
    s = b.sealed()[0]
    index = max(s.header.first + i for i, e in enumerate(s.entries()) if e.kind == 0)
    b.delete(index)
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case
def B3_inserted(b):
    """An invented record inserted, later ones renumbered."""
    index = b.victim()
    e = b.entry(index)
    b.insert(index, Entry(0, e.source, e.source_seq, e.received, b"invented", e.clock_run, e.form))
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case
def B4_swapped(b):
    """The payloads of two neighbours swapped, digests repaired."""
    index = b.victim()
    x, y = b.entry(index), b.entry(index + 1)
    if y.kind != 0 or x.payload == y.payload:
        return None
    x.payload, y.payload = y.payload, x.payload
    return patched(b, index)


@case
def B5_duplicated(b):
    """A record put in twice."""
    index = b.victim()
    e = b.entry(index)
    b.insert(index, Entry(0, e.source, e.source_seq, e.received, e.payload, e.clock_run, e.form))
    renumber(b.log)
    return repaired(b, index + 1, may=MOVED)


@case
def B6_moved(b):
    """A record moved to another segment of the log."""
    index = b.victim()
    e = b.entry(index)
    target = b.victim(segment=b.last())
    there = b.entry(target)
    moved = Entry(0, e.source, e.source_seq, there.received, e.payload, there.clock_run, e.form)
    b.insert(target, moved)
    b.delete(index)
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case(holder=True)
def B7_moved_to_another_log(b):
    """A record moved from one log to another, both repaired; both must be found out."""
    import akbases
    other, secrets = akbases.standard("example.org/second", 7)
    second = b.__class__(other, secrets.vkey, secrets)
    index = b.victim()
    e = b.entry(index)
    b.delete(index)
    target = second.victim()
    there = second.entry(target)
    second.insert(target, Entry(0, there.source, 0, there.received, e.payload, there.clock_run))
    renumber(b.log)
    renumber(second.log)
    b.repair()
    second.repair()
    b.more.append(second.log)
    return Expect(INVALID, codes=["ALTERED"], may=MOVED, keys=[b.vkey, second.vkey], both=True)


@case
def B8_joined(b):
    """Two records joined by their line feed into one."""
    index = b.victim()
    x, y = b.entry(index), b.entry(index + 1)
    if y.kind != 0:
        return None
    x.payload += b"\n" + y.payload
    b.delete(index + 1)
    renumber(b.log)
    return repaired(b, index, may=MOVED)


@case
def B8_split(b):
    """One record split in two; the text printed is the same but for one line feed."""
    index = b.victim()
    e = b.entry(index)
    b.insert(index + 1, Entry(0, e.source, 0, e.received, e.payload[20:], e.clock_run, e.form))
    e.payload = e.payload[:20]
    renumber(b.log)
    return repaired(b, index, may=MOVED)


def forge_crc32(payload, target):
    """Four bytes behind `payload` that give the CRC-32 `target`."""
    table = [binascii.crc32(bytes([i])) ^ binascii.crc32(b"\0") for i in range(256)]
    state = target ^ 0xFFFFFFFF
    for _ in range(4):
        top = state >> 24
        i = next(i for i in range(256) if table[i] >> 24 == top)
        state = ((state ^ table[i]) << 8 | i) & 0xFFFFFFFF
    return (state ^ binascii.crc32(payload) ^ 0xFFFFFFFF).to_bytes(4, "little")


@case
def B9_same_crc32(b):
    """Payload replaced by one of the same length and CRC-32."""
    index = b.victim(length=12)
    old = b.entry(index).payload
    for i in range(10000):
        new = b"%06d" % i + old[6:-4]
        new += forge_crc32(new, binascii.crc32(old))
        if b"\n" not in new[-4:] and new != old:
            break
    assert len(new) == len(old) and binascii.crc32(new) == binascii.crc32(old)
    b.entry(index).payload = new
    return patched(b, index)


@case
def B10_taken_out(b):
    """A payload taken out and its commitment put in its place, as if erased, but no order says so."""
    index = b.victim()
    group = index // 256
    for s in b.log.segments:
        for block in s.blocks():
            if group not in block.groups():
                continue
            for i, e in enumerate(block.entries):
                if (block.first + i) // 256 == group and block.keys[group] is not None:
                    e.salt = derive_salt(e.form, block.keys[group], block.first + i)
            if block.first <= index < block.end:
                e = block.entries[index - block.first]
                e.commitment = commit_payload(e.form, e.salt, e.payload)
                e.state, e.payload = ERASED, None
            block.keys[group] = None
    b.patch()
    # The entry is proven, its payload is gone and nobody ordered it (R33).
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0), at=b.segment_of(index).name)


# H. Time and identity.

@case
def H1_received(b):
    """The time of a record altered, everything repaired."""
    index = b.victim()
    b.entry(index).received += 1000
    nxt = b.entry(index + 1)
    if b.entry(index).received > nxt.received:
        for i in range(index + 1, b.n):
            if b.entry(i).received >= b.entry(index).received:
                break
            b.entry(i).received = b.entry(index).received
    return repaired(b, index, may=["NUMBERING"])


@case
def H2_sender_time(b):
    """A digit of the time that the sender wrote."""
    index = b.victim()
    p = b.entry(index).payload
    at = next((i for i, c in enumerate(p) if 0x30 <= c <= 0x39), None)
    if at is None:
        return None
    b.entry(index).payload = p[:at] + (b"1" if p[at:at + 1] != b"1" else b"2") + p[at + 1:]
    return patched(b, index)


@case(holder=True)
def H3_H6_sender_lies(b):
    """The sender wrote a false time and host name: that is what was received."""
    b.entry(b.victim()).payload = b"<13>1 1999-01-01T00:00:00Z not-my-name x - - - hello"
    b.resign()
    return Expect(VALID, damage=(0, 0))


@case(holder=True)
def H4_clock_steps(b):
    """The collector's clock stepped forward by a day and back: a remark, no alarm."""
    half = b.last().header.first
    for s in b.log.segments:
        for i, e in enumerate(s.entries()):
            if s.header.first + i >= half:
                e.clock_run += 1
                e.received -= 3600 * SECOND
    b.resign()
    return Expect(VALID, remarks=["CLOCK_STEP"], damage=(0, 0))


@case
def H5_fingerprint(b):
    """The certificate's fingerprint or address in a declaration altered, everything repaired."""
    index = b.find(1)
    e = b.entry(index)
    value = json.loads(e.payload)
    value["address"] = "203.0.113.99"
    e.payload = canonical_json(value)
    return repaired(b, index)


@case(holder=True)
def H7_replayed(b):
    """The sender sent everything again: the same bytes twice are no alarm."""
    s = b.last()
    block = s.blocks()[0]
    again = [e for e in b.sealed()[0].entries() if e.kind == 0][:100]
    last = block.entries[-1]
    for e in again:
        block.entries.append(Entry(0, e.source, 0, last.received, e.payload, last.clock_run, e.form))
    renumber(b.log)
    b.move_notes()
    b.resign()
    return Expect(VALID)


@case
def H8_gap_removed(b):
    """The event that tells of dropped datagrams removed."""
    index = b.find(3, b"since")
    b.delete(index)
    renumber(b.log)
    return repaired(b, index, may=MOVED)

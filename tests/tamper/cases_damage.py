"""Damage and what must not spread from it, statements that are false: what docs/format.md decides in
section 7, R34 to R37, section 9.3 and 10.2."""

import json

from akbase import H, b64, canonical_json
from akformat import Footer, Mark, Note
from akforge import SECOND, renumber
from casebase import (INCOMPLETE, INVALID, NOT_CHECKABLE, VALID, Expect, case, note_size)

KEEP = ("manifests", "notes", "states")


def groups_of(block):
    return block.first // 256 * 256, (block.end + 255) // 256 * 256


def overwritten(b, s, offset, data):
    whole = bytearray(b.files.get(s.name) or s.encode())
    whole[offset:offset + len(data)] = data
    b.files[s.name] = bytes(whole)


@case
def A3_magic(b):
    """One bit of the magic of a middle HEADER: the blocks are where the name says (R35)."""
    s = b.sealed()[-1]
    b.flip(s, 1, 3)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A3_header_and_name(b):
    """A HEADER that does not decode, and a name that tells nothing: the first block tells the place."""
    s = b.last()
    s.name = "no-name.zst"
    b.flip(s, 8 + 12, 7)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A11_columns_lost(b):
    """The COLUMNS of a middle block are zero: their block is lost, and the footer's hashes keep all
    others proven."""
    s = b.sealed()[0]
    if len(s.blocks()) < 3:
        return None
    block = s.blocks()[1]
    overwritten(b, s, s.offset(block) + 10, bytes(len(block.encode()) - len(block.data) - 10))
    return Expect(INVALID, codes=["ALTERED", "MALFORMED"], damage=groups_of(block), at=s.name,
                  touched=[block.first])


@case
def A11_length_hides_rest(b):
    """A length in the open segment points behind its end: the commits behind it still count."""
    s = b.last()
    blocks = s.blocks()
    if s.sealed or len(s.of(Mark)) < 2:
        return None
    b.flip(s, s.offset(blocks[0]) + 6, 4)
    return Expect(INVALID, codes=["ALTERED", "MALFORMED"], damage=groups_of(blocks[0]), at=s.name,
                  touched=[blocks[0].first])


@case
def A11_first_of_block(b):
    """One bit of a block's first index: the block is lost, no other."""
    s = b.sealed()[0]
    if len(s.blocks()) < 3:
        return None
    block = s.blocks()[1]
    b.flip(s, s.offset(block) + 8 + 2 + 4 + 4 + 32 + 5)
    return Expect(INVALID, codes=["ALTERED", "MALFORMED"], damage=groups_of(block), at=s.name)


@case
def A4_footer_type(b):
    """The type of the FOOTER frame changed: the segment lacks its FOOTER, every record holds."""
    s = b.sealed()[0]
    b.flip(s, s.offset(s.of(Footer)[0]) + 8, 3)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def A7_seek_reserved(b):
    """A reserved bit in the descriptor of the seek table: it must be 0 as a whole (6.8)."""
    s = b.sealed()[0]
    b.flip(s, len(s.encode()) - 5, 4)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def C10_cut_in_footer(b):
    """A sealed segment cut inside its FOOTER."""
    s = b.sealed()[0]
    b.files[s.name] = s.encode()[:s.offset(s.of(Footer)[0]) + 60]
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case(holder=True)
def D10_times_fall(b):
    """Of two checkpoints the later one covers entries with earlier times: checkpoints have no times,
    and the clock's fall is a remark."""
    half = b.last().header.first
    for i, e in enumerate(b.last().entries()):
        e.clock_run += half + i >= half
        e.received -= 24 * 3600 * SECOND
    b.resign()
    return Expect(VALID, remarks=["CLOCK_STEP"], damage=(0, 0))


@case
def D12_unknown_line_twice(b):
    """A line of an unknown witness twice: unknown lines are ignored, also where they repeat (R7)."""
    if b.log.checkpoint is None:
        return None
    line = f"\u2014 witness.example {b64(H(b'witness')[:4] + bytes(64))}\n"
    b.log.checkpoint += (line * 2).encode()
    return Expect(VALID, remarks=["UNKNOWN_SIGNATURE"], damage=(0, 0))


@case
def D2_last_note_signature(b):
    """A signature in the last NOTE of the open segment: no torn write leaves that (9.3)."""
    s = b.last()
    if s.sealed or not s.of(Note) or s.parts[-1] is not s.of(Note)[-1]:
        return None
    note = s.of(Note)[-1]
    lines = note.note.decode().split("\n")
    lines[-2] = lines[-2][:-30] + ("A" if lines[-2][-30] != "A" else "B") + lines[-2][-29:]
    note.note = "\n".join(lines).encode()
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0), at=s.name)


def manifest_with(b, **members):
    e = b.entry(b.find(2))
    value = json.loads(e.payload)
    value.update(members)
    e.payload = canonical_json(value)
    b.resign(leave=["manifests"])


@case(holder=True)
def I4_false_root(b):
    """A manifest that states another root than that of its size (10.2)."""
    manifest_with(b, root=b64(H(b"another root")))
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0))


@case(holder=True)
def I4_false_positions(b):
    """A manifest that states a false root of positions (10.2)."""
    manifest_with(b, positions=b64(H(b"other positions")))
    return Expect(INVALID, codes=["NUMBERING"], damage=(0, 0))


@case(holder=True)
def I4_false_frames(b):
    """A manifest that states another digest of frames than the file has (10.2)."""
    manifest_with(b, frames=b64(H(b"other frames")))
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0))


@case(holder=True)
def I4_no_frames(b):
    """A manifest without that member, which it may lack (10.2)."""
    e = b.entry(b.find(2))
    value = json.loads(e.payload)
    del value["frames"]
    e.payload = canonical_json(value)
    b.resign(leave=["manifests"])
    return Expect(VALID)


@case(holder=True)
def I9_event_member(b):
    """A member of an event that is not of its form (10.3)."""
    e = b.entry(b.find(3, b"udp-drop"))
    value = json.loads(e.payload)
    value["count"] = 17
    e.payload = canonical_json(value)
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0))


@case(holder=True)
def I9_event_without_members(b):
    """An event that leaves out what the collector did not know (10.3)."""
    e = b.entry(b.find(3, b"udp-drop"))
    e.payload = canonical_json({"type": "event", "event": "udp-drop", "side": "collector"})
    b.resign()
    return Expect(VALID, damage=(0, 0))


@case(holder=True)
def I9_eight_levels(b):
    """An event of exactly eight levels, with a value in the deepest."""
    e = b.entry(b.find(3, b"udp-drop"))
    value = json.loads(e.payload)
    value["x"] = [[[[[[["deep"]]]]]]]
    e.payload = canonical_json(value)
    b.resign()
    return Expect(VALID, damage=(0, 0))


@case
def N1_segment_begun(b):
    """A crash right behind the making of a new segment's file: it is empty."""
    b.files[f"{b.n:020d}.open.zst"] = b""
    return Expect(VALID, damage=(0, 0))


@case
def N1_header_begun(b):
    """A crash within the writing of a new segment's HEADER."""
    name = f"{b.n:020d}.open.zst"
    b.files[name] = b.last().header.encode()[:40]
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(0, 0), at=name)


@case
def N1_torn_note(b):
    """A crash within the writing of the last NOTE: its second sector never came."""
    s = b.last()
    if s.sealed or not s.of(Note) or s.parts[-1] is not s.of(Note)[-1]:
        return None
    data = s.encode()
    at = len(data) - 200
    b.files[s.name] = data[:at] + bytes(200)
    b.log.checkpoint = b.newest_note(at_most=note_size(s.of(Note)[-1].note) - 1)
    low = b.sound_before(b.n - 1)
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(low, b.n), at=s.name)


@case
def G8_mark_version(b):
    """Version 2 of a MARK in the middle of the open segment: nothing behind it is judged (R34)."""
    s = b.last()
    marks = s.of(Mark)
    if s.sealed or len(marks) < 2:
        return None
    overwritten(b, s, s.offset(marks[0]) + 9, b"\x02")
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"], damage=(s.header.first, b.n))

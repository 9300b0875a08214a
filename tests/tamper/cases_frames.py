"""What a forger without keys can do to frames of ours when he repairs everything: some of it is
harmless by the format and must then be said to be so, the rest must be found."""

import copy

import akbases
from akbase import H, u32
from akformat import Footer, Log, Mark, Note, Raw, SeekTable, Segment
from akforge import rebuild, seal_parts
from cases_hostile import crashed, instead, new_log
from casebase import INCOMPLETE, INVALID, VALID, Expect, case, note_size

KEEP = ("manifests", "notes", "states")
BROKEN = {"one": ["ALTERED", "MALFORMED"]}


@case
def A3_opened_rechained(b):
    """The time of opening changed in a middle header and all later headers fitted to it: the
    manifest, which is signed, still knows the header."""
    s = b.sealed()[:2][-1]
    s.header.opened += 1000
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0))


@case
def A3_epoch_note(b):
    """One bit of the epoch note in the last header."""
    s = b.last()
    if not s.header.epoch_note:
        return None
    note = bytearray(s.header.epoch_note)
    note[60] ^= 1
    s.header.epoch_note = bytes(note)
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["EPOCH"], damage=(0, 0), at=s.name)


@case
def A3_claim_falls(b):
    """The number of the writer in a header is greater than in the next one (R24)."""
    expect = instead(b, crashed("signed"))
    b.log.segments[0].header.claim = 7
    rebuild(b.log, None, KEEP)
    expect.verdict, expect.codes = INVALID, {"MALFORMED"}
    return expect


@case
def A3_range(b):
    """A hash of the compact range in the last header."""
    s = b.last()
    if not s.header.range:
        return None
    s.header.range[0] = H(b"another hash")
    rebuild(b.log, None, [*KEEP, "headers"])
    return Expect(INVALID, **BROKEN, damage=(0, 0), at=s.name)


@case
def A5_footer_positions(b):
    """A position in the footer changed, the footer's own digest repaired."""
    s = b.sealed()[0]
    footer = s.of(Footer)[0]
    content = bytearray(footer.content[:-32])
    behind = 1 + 32 * bin(s.end).count("1")     # the compact range at the end
    content[len(content) - behind - 34 + 9] ^= 1
    footer.content = bytes(content) + H(bytes(content))
    return Expect(INVALID, **BROKEN, damage=(0, 0), at=s.name)


@case
def A5_footer_level8(b):
    """A level-8 hash in the footer changed, the footer's own digest repaired."""
    s = next((s for s in b.sealed() if any(x.level8 for x in s.blocks())), None)
    if s is None:
        return None
    footer = s.of(Footer)[0]
    hashes = b"".join(h for x in s.blocks() for h in x.level8)
    at = footer.content.index(hashes)
    content = bytearray(footer.content[:-32])
    content[at] ^= 1
    footer.content = bytes(content) + H(bytes(content))
    return Expect(INVALID, **BROKEN, damage=(0, 0), at=s.name)


@case
def A9_level8_only(b):
    """A level-8 hash in COLUMNS changed, digests repaired: no record is touched."""
    block = next((x for s in b.sealed() for x in s.blocks() if x.level8), None)
    if block is None:
        return None
    block.level8[0] = H(b"another hash")
    rebuild(b.log, None, [*KEEP, "level8"])
    return Expect(INVALID, **BROKEN, damage=(0, 0))


@case
def C7_altered_generation(b):
    """An altered copy of a sealed segment as a higher generation, the true one beside it."""
    fork = b.fresh()
    index = fork.victim()
    fork.entry(index).payload = b"not what was received"
    fork.patch()
    s = fork.segment_of(index)
    b.files[s.name.replace(".0.zst", ".1.zst")] = s.encode()
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], damage=b.group(index))


@case
def C13_unsealed(b):
    """A sealed segment replaced by an open one with the same records and a right MARK."""
    s = b.sealed()[0]
    blocks = s.blocks()
    s.parts = [s.header, *blocks, Mark()]
    s.name = s.name[:20] + ".open.zst"
    rebuild(b.log, None, KEEP)
    return Expect(None, may=["ALTERED", "MISSING", "MALFORMED"], damage=(0, 0))


@case
def G1_reblocked(b):
    """A sealed segment in other blocks, all repaired: the records are proven, the file differs."""
    s = b.sealed()[0]
    seal_parts(s, reblock=97)
    rebuild(b.log, None, KEEP)
    return Expect(VALID, remarks=["FILE_DIFFERS"], damage=(0, 0))


@case
def G7_note_twice_sealed(b):
    """A NOTE twice in a sealed segment: sizes rise strictly there."""
    s = b.sealed()[0]
    if not s.of(Note):
        return None
    at = next(i for i, p in enumerate(s.parts) if isinstance(p, Note))
    s.parts.insert(at, copy.copy(s.parts[at]))
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def G7_note_twice_open(b):
    """A NOTE twice in an open segment: allowed."""
    s = b.last()
    if s.sealed or not s.of(Note):
        return None
    s.parts.append(copy.copy(s.of(Note)[-1]))
    rebuild(b.log, None, KEEP)
    return Expect(VALID, damage=(0, 0))


@case
def G7_note_too_early(b):
    """A NOTE of a sealed segment in front of the block it covers."""
    s = b.sealed()[0]
    if len(s.blocks()) < 2 or not s.of(Note):
        return None
    note = s.of(Note)[-1]
    s.parts.remove(note)
    s.parts.insert(2, note)
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def G7_mark_in_sealed(b):
    """A MARK in a sealed segment."""
    s = b.sealed()[0]
    s.parts.insert(2, Mark())
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["MALFORMED"], may=["ALTERED", "MISSING"], at=s.name)


@case
def G7_note_without_mark(b):
    """A MARK removed, so that a NOTE stands between two blocks of one commit."""
    s = b.last()
    marks = s.of(Mark)
    if s.sealed or len(marks) < 2:
        return None
    s.parts.remove(marks[0])
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["MALFORMED"], may=["ALTERED", "MISSING", "TAIL_UNSIGNED"],
                  at=s.name)


@case
def G7_marks_joined(b):
    """Two commits joined into one, all repaired: nothing signed says where a commit ended."""
    s = b.last()
    at = [i for i, p in enumerate(s.parts) if isinstance(p, Mark)]
    if s.sealed or len(at) < 2:
        return None
    del s.parts[at[0]]
    if isinstance(s.parts[at[0]], Note):
        del s.parts[at[0]]
    rebuild(b.log, None, KEEP)
    return Expect(VALID, damage=(0, 0))


@case
def G7_mark_range(b):
    """A MARK with a wrong range and a right digest."""
    mark = b.last().of(Mark)[0] if b.last().of(Mark) else None
    if mark is None or not mark.range:
        return None
    mark.range[0] = H(b"another hash")
    # The next MARK's digest begins behind this one, so nothing else has to be repaired.
    return Expect(INVALID, **BROKEN, damage=(0, 0), at=b.last().name)


@case
def G7_mark_size(b):
    """A MARK with a size that is not where it stands."""
    mark = b.last().of(Mark)[0] if b.last().of(Mark) else None
    if mark is None:
        return None
    mark.size += 2 if mark.size % 4 < 2 else -2
    return Expect(INVALID, one=["ALTERED", "MALFORMED"],
                  may=["ALTERED", "MALFORMED", "TAIL_UNSIGNED", "MISSING"], at=b.last().name)


@case
def G7_two_footers(b):
    """FOOTER and seek table twice."""
    s = b.sealed()[0]
    s.parts += [copy.copy(s.of(Footer)[0]), copy.copy(s.of(SeekTable)[0])]
    return Expect(INVALID, codes=["MALFORMED"], may=["ALTERED"], damage=(0, 0), at=s.name)


@case
def G7_second_header(b):
    """A HEADER in the middle of a sealed segment."""
    s = b.sealed()[0]
    s.parts.insert(2, Raw(s.header.encode()))
    rebuild(b.log, None, KEEP)
    return Expect(INVALID, codes=["MALFORMED"], may=["ALTERED", "MISSING"], at=s.name)


@case
def G7_blocks_swapped(b):
    """Two blocks of a sealed segment in the other order, footer and seek table repaired."""
    s = b.sealed()[0]
    if len(s.blocks()) < 2:
        return None
    s.parts[1:3] = [Raw(s.parts[2].encode()), Raw(s.parts[1].encode())]
    return Expect(INVALID, **BROKEN, **{"may": ["MISSING"]}, at=s.name)


@case
def N1_sealed_and_open(b):
    """A crash between sealing and the removal of the open file: both are there."""
    m, source = new_log(51)
    akbases.records(m, source, "fw1", 300)
    m.commit()
    parts = copy.deepcopy(m.segment.parts)
    m.seal()
    m.commit()
    expect = instead(b, m)
    other = Log(b.log.log_id)
    other.segments = [Segment(f"{0:020d}.open.zst", parts)]
    rebuild(other, m.secrets)
    b.files[other.segments[0].name] = other.segments[0].encode()
    expect.remarks = {"DUPLICATE_FILE"}
    return expect


@case
def N1_waits_to_be_sealed(b):
    """An open segment that is full and not yet sealed, the next one in use."""
    m, source = new_log(52)
    akbases.records(m, source, "fw1", 300)
    m.commit()
    m.open_segment()
    akbases.records(m, source, "fw1", 30)
    m.commit()
    return instead(b, m)


@case
def N1_tail_not_told(b):
    """Bytes behind the last MARK of an open segment that is not the last, and no event tells."""
    m = crashed("signed")
    expect = instead(b, m)
    s = b.log.segments[0]
    b.files[s.name] = s.encode() + b"bytes that nobody tells of"
    expect.verdict, expect.one, expect.at = INVALID, {"ALTERED", "MALFORMED"}, s.name
    return expect


@case(holder=True)
def C9_torn_with_a_note_in_a_record(b):
    """The newest commit ends behind its data, and a sender had put a whole NOTE of this log into a
    record of it: that is text, and no frame."""
    at = b.victim(segment=b.last())
    s, block = b.last(), b.block_of(at)
    before = b.newest_note(block.first)
    if s.sealed or before is None or note_size(before) < s.header.first:
        return None
    b.entry(at).payload = Note(before).encode()
    block.zstd_level = -131072       # nothing is compressed
    b.resign()
    b.log.checkpoint = before
    end = s.offset(block) + len(block.encode())
    if Note(before).encode() not in block.data:
        return None
    b.files[s.name] = s.encode()[:end]
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(note_size(before), b.n), at=s.name)


@case
def G9_data_bytes_over_a_note(b):
    """The length of the newest DATA frame reaches over the MARK and the NOTE behind it."""
    s, block = b.last(), b.last().blocks()[-1]
    if s.sealed or not s.of(Note) or len(s.encode()) - s.offset(block) < 600:
        return None
    data = bytearray(s.encode())
    at = s.offset(block) + 10
    left = len(data) - s.offset(block) - (len(block.encode()) - len(block.data))
    data[at:at + 4] = u32(left)
    b.files[s.name] = bytes(data)
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], open=True, at=s.name,
                  damage=(b.sound_before(block.first), b.n))

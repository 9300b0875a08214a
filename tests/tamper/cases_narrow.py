"""How far damage in one place reaches: what docs/format.md section 7 says must be proven all the same.

The big log has blocks of several Zstandard blocks, the last group of which is not whole: its hash
stands in no COLUMNS, so only a recorded range leads from the group hashes to the signed root."""

import functools

import akbases
from akformat import Footer, Mark, Note
from casebase import INVALID, Expect, Base, case


@functools.lru_cache(None)
def big_log():
    return akbases.big()


def big(b):
    """Takes the big log in place of the one that was given; None when that is not the log made
    here, with which each case is shown once."""
    if b.name != "made-here":
        return None
    log, secrets = big_log()
    Base.__init__(b, log, secrets.vkey, secrets, b.name)
    return b


def zstd_blocks(data):
    """(offset of the content, its length) of each Zstandard block of a frame (RFC 8878 3.1.1)."""
    flag, single = data[4] >> 6, data[4] >> 5 & 1
    at = 5 + (not single) + ((1 if single else 0) if flag == 0 else 1 << flag)
    while True:
        head = int.from_bytes(data[at:at + 3], "little")
        size = 1 if head >> 1 & 3 == 1 else head >> 3
        yield at + 3, size
        if head & 1:
            return
        at += 3 + size


def groups_before(block, text):
    """Index behind the last group of a block whose text ends at or before this place in it."""
    at, end = 0, block.first
    for group in block.groups():
        entries = block.group_entries(group)
        at += sum(len(e.payload) + 1 for e in entries)
        if at > text:
            break
        end += len(entries)
    return end


def big_block(segment):
    return max(segment.blocks(), key=lambda block: len(block.entries))


def flipped(b, segment, block, offset, bit):
    """Flips a bit of a DATA frame; gives what may be lost: from the group in which the Zstandard
    block begins to the end of the block, and one group before, which a decoder that gives its text
    in pieces may hold back."""
    begins = [at for at, _ in zstd_blocks(block.data)]
    number = max((i for i, at in enumerate(begins) if at <= offset), default=0)
    b.flip(segment, segment.offset(block) + len(block.encode()) - len(block.data) + offset, bit)
    return max(groups_before(block, number * 131072) // 256 - 1, 0) * 256, block.end


def flip_case(where, number, part):
    """A case: one bit in the given quarter of a Zstandard block."""
    def function(b):
        if big(b) is None:
            return None
        segment = b.log.segments[0 if where == "sealed" else 1]
        block = big_block(segment)
        at, size = list(zstd_blocks(block.data))[number]
        damage = flipped(b, segment, block, at + size * part // 4, 0)
        return Expect(INVALID, codes=["ALTERED"], damage=damage, at=segment.name, open=True)
    function.__name__ = f"A12_{where}_block{number}_{part}"
    function.__doc__ = (f"One bit in quarter {part} of Zstandard block {number} of a big block of the "
                        f"{where} segment: the groups before are proven.")
    case(function)


for place in ("sealed", "open"):
    for n in range(3):
        for q in range(4):
            flip_case(place, n, q)


@case
def A12_in_footer_too(b):
    """A bit in the last Zstandard block and one in the FOOTER's level-8 hashes: COLUMNS has them."""
    if big(b) is None:
        return None
    s = b.log.segments[0]
    block = big_block(s)
    at, _ = list(zstd_blocks(block.data))[-1]
    damage = flipped(b, s, block, at + 1, 3)
    content = s.of(Footer)[0].content
    b.flip(s, s.offset(s.of(Footer)[0]) + 8 + content.index(block.level8[3]))
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"], damage=damage, at=s.name, open=True)


@case
def A12_hash_too(b):
    """The end of COLUMNS, with level-8 hashes, and the beginning of DATA are zero, as one sector
    would be: the FOOTER's hashes stand in."""
    if big(b) is None:
        return None
    s = b.log.segments[0]
    block = big_block(s)
    at = s.offset(block) + len(block.encode()) - len(block.data) - 100
    whole = bytearray(s.encode())
    whole[at:at + 300] = bytes(300)
    b.files[s.name] = bytes(whole)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED"],
                  damage=(block.first // 256 * 256, block.end), touched=[block.first], at=s.name,
                  open=True)


@case
def A12_data_header(b):
    """The header of a DATA frame is zero: its Zstandard blocks are as they were."""
    if big(b) is None:
        return None
    s = b.log.segments[0]
    block = big_block(s)
    whole = bytearray(s.encode())
    at = s.offset(block) + len(block.encode()) - len(block.data)
    whole[at:at + 8] = bytes(8)
    b.files[s.name] = bytes(whole)
    return Expect(INVALID, codes=["ALTERED"], damage=(block.first // 256 * 256, block.end), at=s.name,
                  open=True)


def zeroed(b, segment, block):
    whole = bytearray(segment.encode())
    at = segment.offset(block)
    whole[at:at + len(block.encode())] = bytes(len(block.encode()))
    b.files[segment.name] = bytes(whole)
    low, high = block.first // 256 * 256, (block.end + 255) // 256 * 256
    return Expect(INVALID, codes=["ALTERED", "MALFORMED"], damage=(low, min(high, b.n)),
                  touched=[block.first, block.end - 1], at=segment.name)


@case
def A11_block_zeroed(b):
    """COLUMNS and DATA of a middle block of a sealed segment are zero: the FOOTER confirms all
    others."""
    s = b.sealed()[0]
    return zeroed(b, s, s.blocks()[1]) if len(s.blocks()) > 2 else None


@case
def A11_last_block_zeroed(b):
    """The same of the last block, whose last group is not whole."""
    s = b.sealed()[0]
    return zeroed(b, s, s.blocks()[-1]) if len(s.blocks()) > 2 else None


@case
def A11_open_block_zeroed(b):
    """The same of a middle block of the open segment: the MARK behind it confirms all others, back
    to the checkpoint before it."""
    s = b.last()
    blocks = s.blocks()
    at = {id(p): i for i, p in enumerate(s.parts)}
    lone = [x for x in blocks[1:-1] if isinstance(s.parts[at[id(x)] - 1], (Mark, Note))]
    if s.sealed or not lone:
        return None
    expect = zeroed(b, s, lone[0])
    low, high = expect.damage
    expect.damage = b.sound_before(low), high       # the rest of that node (section 7)
    return expect


@case
def A13_two_changes(b):
    """A bit in each of two DATA frames, the second before a checkpoint within a group: nobody signed
    two histories."""
    s = b.sealed()[0]
    blocks = s.blocks()
    if len(blocks) < 3:
        return None
    for block in (blocks[0], blocks[-1]):
        b.flip(s, s.offset(block) + len(block.encode()) - len(block.data) // 3, 2)
    return Expect(INVALID, codes=["ALTERED"], damage=(0, (blocks[-1].end + 255) // 256 * 256),
                  at=s.name, open=True)

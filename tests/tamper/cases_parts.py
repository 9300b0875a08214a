"""Commitment by parts (docs/format.md 3.4, form 2): what a forger or a collector can do with the
parts of a record. A base without such entries has no place for these."""

from akbase import H, u32
from akformat import derive_salt, split_parts
from casebase import Expect, INVALID, NoPlace, VALID, case
from cases_records import patched


def victim(b):
    """Index of a record of form 2 in the middle of a whole group, and its parts."""
    for s in b.sealed()[1:]:
        for i, e in enumerate(s.entries()):
            index = s.header.first + i
            if (e.form == 2 and e.kind == 0 and index % 256 == 128 and e.payload
                    and len(split_parts(e.payload)) > 5 and b.entry(index + 1).payload):
                return index, split_parts(e.payload)
    raise NoPlace


def explicit_keys(b, index):
    """Gives the keys of the group of `index` one by one, as an erasure does."""
    group = index // 256
    for s in b.log.segments:
        for block in s.blocks():
            if group not in block.groups() or block.keys[group] is None:
                continue
            for i, e in enumerate(block.entries):
                if (block.first + i) // 256 == group:
                    e.salt = derive_salt(e.form, block.keys[group], block.first + i)
            block.keys[group] = None


@case
def P1_parts_swapped(b):
    """Two parts of a record change places: every part is one that was committed to."""
    index, parts = victim(b)
    at = next(i for i in range(len(parts) - 1) if len(parts[i]) == len(parts[i + 1]) or i)
    parts[at], parts[at + 1] = parts[at + 1], parts[at]
    b.entry(index).payload = b"".join(parts)
    return patched(b, index)


@case
def P2_part_moved(b):
    """A part goes to the record behind it."""
    index, parts = victim(b)
    b.entry(index).payload = b"".join(parts[:-1])
    b.entry(index + 1).payload += parts[-1]
    return patched(b, index)


@case
def P3_separator(b):
    """A separator within a record becomes a letter: two parts are one."""
    index, parts = victim(b)
    parts[1] = parts[1][:-1] + b"x"
    b.entry(index).payload = b"".join(parts)
    return patched(b, index)


@case
def P4_key_of_neighbour(b):
    """Record keys given one by one; two neighbours have changed theirs."""
    index, _ = victim(b)
    explicit_keys(b, index)
    one, two = b.entry(index), b.entry(index + 1)
    one.salt, two.salt = two.salt, one.salt
    return patched(b, index)


@case
def P5_keys_one_by_one(b):
    """Record keys given one by one, all of them right: whoever has the bytes may write them so."""
    index, _ = victim(b)
    explicit_keys(b, index)
    b.patch()
    # The file is not the one that the manifest names; its records are.
    return Expect(VALID, remarks=["FILE_DIFFERS"], damage=(0, 0))


@case
def P6_form_1(b):
    """A block of form 2 says that it is of form 1."""
    index, _ = victim(b)
    block = b.block_of(index)
    block.form = 1
    for e in block.entries:
        e.form = 1
    b.patch()
    return Expect(INVALID, one=["ALTERED"], touched=[index], at=b.segment_of(index).name,
                  damage=(block.first // 256 * 256, (block.end + 255) // 256 * 256))


def recommitted(b, change):
    """The log's own keys sign an entry that was committed to by `change(parts)`; the store carries
    the payload as ever, and a reader computes what the format says."""
    index, parts = victim(b)
    entry = b.entry(index)
    key = derive_salt(2, b.block_of(index).keys[index // 256], index)
    c = []
    for j, part in enumerate(change(parts)):
        both = H(b"\x07" + key + u32(j // 2))
        c.append(H(b"\x03" + (both[16:] if j % 2 else both[:16]) + part))
    entry.commitment = H(b"\x04" + u32(len(c)) + b"".join(c))
    b.resign()
    entry.commitment = None
    return Expect(INVALID, codes=["ALTERED"], touched=[index], damage=b.group(index),
                  at=b.segment_of(index).name)


@case(holder=True)
def P7_boundary_moved(b):
    """A collector that splits elsewhere: nobody else gets its commitment from the payload."""
    return recommitted(b, lambda p: [p[0] + p[1][:1], p[1][1:], *p[2:]])


@case(holder=True)
def P8_other_number_of_parts(b):
    """A collector that commits to two parts as one."""
    return recommitted(b, lambda p: [p[0] + p[1], *p[2:]])

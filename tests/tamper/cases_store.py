"""Groups C (segments and files) and G (container and encoding) of the catalogue."""

import os

import akbases
from akbase import H, u32, u64
from akformat import Footer, Note, Raw, compress, skippable
from akforge import Maker, rebuild
from casebase import (INCOMPLETE, INVALID, NOT_CHECKABLE, VALID, Expect, case,
                      note_size)


# C. Segments.

def without(b, segment):
    b.log.segments.remove(segment)
    return Expect(INCOMPLETE, codes=["MISSING"], damage=(segment.header.first, segment.end),
                  touched=[segment.header.first, segment.end - 1])


@case
def C1_first_gone(b):
    """The first segment removed."""
    return without(b, b.log.segments[0])


@case
def C2_middle_gone(b):
    """A middle segment removed."""
    return without(b, b.log.segments[1]) if len(b.log.segments) > 2 else None


@case
def C3_last_sealed_gone(b):
    """The last sealed segment removed, its manifest and later checkpoints kept."""
    return without(b, b.sealed()[-1])


@case
def C3_end_gone(b):
    """The segment at the end removed, the newest checkpoint kept."""
    if b.log.checkpoint is None or b.last().header.first == 0:
        return None
    return without(b, b.last())


def rolled_back(b):
    """Takes the end of the log away with everything that tells of it."""
    s = b.last()
    b.log.segments.remove(s)
    b.log.checkpoint = b.newest_note()
    return s


@case
def C4_unknown(b):
    """The end removed with its checkpoints: nobody can tell without an outside anchor."""
    if len(b.log.segments) < 2 or not b.log.segments[-2].of(Note):
        return None
    rolled_back(b)
    return Expect(VALID, damage=(b.log.end, b.n))


@case
def C4_checkpoint_kept(b):
    """The same, and the user kept a checkpoint."""
    kept = b.newest_note()
    if len(b.log.segments) < 2 or not b.log.segments[-2].of(Note):
        return None
    rolled_back(b)
    return Expect(INVALID, codes=["ROLLED_BACK"], may=["MISSING"], checkpoint=kept)


@case
def C5_names_swapped(b):
    """Two sealed files exchange their names: what a file is stands in its header."""
    if len(b.sealed()) < 2:
        return None
    x, y = b.sealed()[:2]
    x.name, y.name = y.name, x.name
    return Expect(VALID, remarks=["NAME_DIFFERS"], damage=(0, 0))


def stranger():
    return akbases.standard("example.org/stranger", 11)[0]


@case
def C6_foreign_added(b):
    """A segment of another log put in beside the own ones."""
    s = stranger().segments[1]
    b.files["stranger.0.zst"] = s.encode()
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], may=["ALTERED", "MALFORMED", "UNTRUSTED_KEY"],
                  damage=(0, 0))


@case
def C6_foreign_instead(b):
    """A segment replaced by another log's."""
    old = b.log.segments[1] if len(b.log.segments) > 1 else b.log.segments[0]
    b.files[old.name] = stranger().segments[1].encode()
    return Expect(INVALID, codes=["ALTERED", "MALFORMED"], damage=(old.header.first, old.end),
                  touched=[old.header.first], at=old.name)


@case
def C7_twice(b):
    """The same segment twice."""
    s = b.sealed()[0]
    b.files["copy-of-" + s.name] = s.encode()
    return Expect(VALID, remarks=["DUPLICATE_FILE"], damage=(0, 0))


@case(holder=True)
def C7_two_histories(b):
    """A segment twice with different records, both signed."""
    fork = b.fresh()
    index = fork.victim()
    fork.entry(index).payload = b"another truth"
    fork.resign()
    s = fork.segment_of(index)
    b.files[s.name.replace(".0.zst", ".1.zst")] = s.encode()
    # Which of two signed histories a reader takes as the log's is left open (section 13).
    return Expect(INVALID, codes=["FORKED"], may=["ALTERED", "MISSING", "MALFORMED"], open=True)


@case
def C9_torn_record(b):
    """The open segment ends inside a record, and nothing newer tells of what is gone."""
    s = b.last()
    if s.sealed or len(b.last().of(Note)) < 2:
        return None
    size = note_size(s.of(Note)[-2].note)
    block = next(x for x in s.blocks() if x.first >= size)
    end = s.offset(block) + len(block.encode()) - 20
    b.files[s.name] = s.encode()[:end]
    b.log.checkpoint = s.of(Note)[-2].note
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(size, b.n), touched=[size], at=s.name)


def truncated(b, part):
    s = b.sealed()[:2][-1]
    size = s.offset(part(s))
    b.files[s.name] = s.encode()[:size]
    return s


@case
def C10_truncated_in_block(b):
    """A sealed segment cut inside its last block."""
    s = b.sealed()[:2][-1]
    b.files[s.name] = s.encode()[:s.offset(s.blocks()[-1]) + 100]
    block = s.blocks()[-1]
    # What confirmed the groups before it, back to the last signed root, was cut away with it.
    return Expect(INVALID, codes=["MALFORMED", "ALTERED"], at=s.name,
                  damage=(b.sound_before(block.first), s.end))


@case
def C10_footer_cut(b):
    """Footer and seek table cut away: it looks open, and lacks its marks."""
    s = truncated(b, lambda s: s.of(Footer)[0])
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def C10_seek_table_cut(b):
    """The last byte of the seek table cut away."""
    s = b.sealed()[0]
    b.files[s.name] = s.encode()[:-1]
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


def appended(b, data):
    s = b.sealed()[0]
    b.files[s.name] = s.encode() + data
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


@case
def C11_rubbish(b):
    """Rubbish behind a sealed segment."""
    return appended(b, bytes(range(100, 140)))


@case
def C11_zeros(b):
    """Zeros behind a sealed segment."""
    return appended(b, bytes(4096))


@case
def C11_line_feed(b):
    """One line feed behind a sealed segment."""
    return appended(b, b"\n")


@case
def C12_unsigned_segment(b):
    """A whole segment put in at the end, right in all but signatures."""
    if b.secrets is None:
        return None
    m = Maker(b.secrets)
    m.log, m.pending, m.size = b.log, [], b.n
    m.behind = {}
    for s in b.log.segments:
        for e in s.entries():
            m.behind[e.source] = e.source_seq + 1
            m.now = e.received
    m.signed, m.claim = b.n, 2
    m.open_segment()
    m.segment.header.checkpoint = b.log.checkpoint
    m.segment.header.epoch_note = b.entry(0).payload
    m.start()
    akbases.records(m, 256, "fw1", 40)
    m.commit(sign=False)
    rebuild(b.log, None)
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(b.n, m.size), touched=[b.n])


# G. Container and encoding.

def recompressed(b):
    s = b.sealed()[0]
    for block in s.blocks():
        block.data = None
        block.zstd_level = 19
    return s


@case
def G1_recompressed(b):
    """Compressed at another level, all digests repaired: the records are proven, the file differs."""
    recompressed(b)
    rebuild(b.log, None, ["manifests", "notes", "states"])
    return Expect(VALID, remarks=["FILE_DIFFERS"], damage=(0, 0))


@case
def G1_recompressed_unrepaired(b):
    """The same without repairing the footer."""
    s = recompressed(b)
    rebuild(b.log, None, ["manifests", "notes", "states", "footer", "seek"])
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at=s.name)


def with_data(b, data, **more):
    """Puts another DATA frame into a sealed segment and repairs lengths and digests around it."""
    s = b.sealed()[0]
    block = s.blocks()[0]
    block.data, block.data_bytes, block.data_digest = data, len(data), H(data)
    rebuild(b.log, None, ["manifests", "notes", "states", "blocks"])
    # How much of a broken frame comes out is left open (section 7).
    options = {"one": ["ALTERED", "MALFORMED"], "at": s.name, "open": True,
               "damage": (block.first // 256 * 256, (block.end + 255) // 256 * 256)}
    return Expect(INVALID, **{**options, **more})


def first_block(b):
    return b.sealed()[0].blocks()[0]


@case
def G2_second_frame_in_data(b):
    """The text in two Zstandard frames instead of one."""
    text = first_block(b).text()
    return with_data(b, compress(text[:1000]) + compress(text[1000:]))


@case
def G2_frame_appended(b):
    """A second Zstandard frame behind a sealed segment."""
    return appended(b, compress(b"<13>one more\n"))


@case
def G3_skippable_before(b):
    """A skippable frame in front of the HEADER."""
    s = b.sealed()[0]
    s.parts.insert(0, Raw(skippable(b"\x00hello", bytes.fromhex("502a4d18"))))
    b.files[s.name] = s.encode()
    s.parts.pop(0)
    return Expect(INVALID if b.log.segments[-1] is not s else None, one=["MALFORMED", "MISSING"],
                  may=["ALTERED", "MISSING"])


@case
def G3_skippable_between(b):
    """A skippable frame between two blocks, footer and seek table repaired."""
    s = b.sealed()[0]
    s.parts.insert(2, Raw(skippable(b"\x00hello", bytes.fromhex("502a4d18"))))
    rebuild(b.log, None, ["manifests", "notes", "states"])
    return Expect(INVALID, codes=["MALFORMED"], may=["ALTERED", "MISSING"], at=s.name)


@case
def G3_skippable_after(b):
    """A skippable frame behind the seek table."""
    return appended(b, skippable(b"\x00hello", bytes.fromhex("502a4d18")))


@case
def G4_no_checksum(b):
    """The text compressed without checksum."""
    return with_data(b, compress(first_block(b).text(), checksum=False))


@case
def G4_wrong_checksum(b):
    """The checksum changed, digests repaired: the records are untouched."""
    data = bytearray(first_block(b).data)
    data[-1] ^= 0x40
    return with_data(b, bytes(data))


@case
def G5_unused_bit(b):
    """The unused bit of the frame header set."""
    data = bytearray(first_block(b).data)
    data[4] |= 0x10
    return with_data(b, bytes(data))


@case
def G5_reserved_bit(b):
    """The reserved bit of the frame header set."""
    data = bytearray(first_block(b).data)
    data[4] |= 0x08
    return with_data(b, bytes(data))


@case
def G6_dictionary(b):
    """A dictionary ID in the frame header."""
    data = bytearray(first_block(b).data)
    at = 5 if data[4] & 0x20 else 6
    data[4] |= 0x01
    return with_data(b, bytes(data[:at]) + b"\x07" + bytes(data[at:]))


@case
def G6_no_size(b):
    """The text compressed without content size."""
    return with_data(b, compress(first_block(b).text(), size=False))


@case
def G6_wrong_size(b):
    """Another content size in the frame header and in COLUMNS."""
    block = first_block(b)
    text = block.text()
    data = bytearray(block.data)
    at = data.find(len(text).to_bytes(4, "little"), 4, 12)
    if at < 0:
        at = data.find((len(text) - 256).to_bytes(2, "little"), 4, 12)
    data[at] ^= 1
    return with_data(b, bytes(data))


def with_columns(b, change, **more):
    """Changes the bytes of a COLUMNS content and repairs what is around it."""
    s = b.sealed()[0]
    block = s.blocks()[-1]
    block.columns_raw = change(bytearray(block.encode_columns()))
    rebuild(b.log, None, ["manifests", "notes", "states"])
    options = {"verdict": INVALID, "codes": ["MALFORMED"], "may": ["ALTERED", "MISSING"],
               "at": s.name}
    return Expect(**{**options, **more})


RUNS_AT = 2 + 4 + 4 + 32 + 8 + 4 + 1


@case
def G7_varint_longer(b):
    """A number in COLUMNS in a longer encoding than it needs."""
    def change(c):
        end = RUNS_AT
        while c[end] & 0x80:
            end += 1
        c[end] |= 0x80
        c.insert(end + 1, 0)
        return bytes(c)
    return with_columns(b, change)


@case
def G7_trailing_byte(b):
    """A byte behind the last field of COLUMNS."""
    return with_columns(b, lambda c: bytes(c) + b"\0")


@case
def G7_split_run(b):
    """A run written as two that could be one."""
    block = b.sealed()[0].blocks()[-1]
    runs = block.runs
    long = next((i for i, (_, n) in enumerate(runs()) if n > 1), None)
    if long is None:
        return None

    def change(_):
        def split():
            out = runs()
            at, n = out[long]
            out[long:long + 1] = [[at, 1], [at + 1, n - 1]]
            return out
        block.runs = split
        raw = block.columns_raw
        block.columns_raw = None
        encoded = block.encode_columns()
        del block.runs
        block.columns_raw = raw
        return encoded
    return with_columns(b, change)


@case
def G8_frame_version(b):
    """Version 2 of a COLUMNS frame."""
    return with_columns(b, lambda c: bytes(c[:1]) + b"\x02" + bytes(c[2:]), codes=["UNSUPPORTED"],
                        may=["ALTERED", "MISSING", "MALFORMED"], verdict=None)


@case
def G8_form_3(b):
    """An unknown form of entries."""
    def change(c):
        c[RUNS_AT - 1] = 3
        return bytes(c)
    return with_columns(b, change, codes=["UNSUPPORTED"], may=["ALTERED", "MISSING", "MALFORMED"],
                        verdict=None)


def header_field(b, **values):
    """Changes the header of the last segment, which no later header and no manifest covers."""
    h = b.last().header
    for name, value in values.items():
        setattr(h, name, value)
    rebuild(b.log, None, ["manifests", "notes", "states"])


@case
def G8_incompatible_flag(b):
    """An unknown incompatible flag."""
    header_field(b, incompatible=1)
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"], damage=(b.last().header.first, b.n))


@case
def G8_encoding_1(b):
    """The encoding that is reserved for encryption."""
    header_field(b, encoding=1)
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"], damage=(b.last().header.first, b.n))


@case
def G8_compatible_flag(b):
    """An unknown compatible flag in the last header, which nothing signed covers: a remark."""
    header_field(b, compatible=4)
    return Expect(VALID, remarks=["UNKNOWN_FLAG"], damage=(0, 0))


@case
def G9_frame_length(b):
    """A frame length greater than the file, in the open segment and in a sealed one."""
    s = b.sealed()[0]
    data = bytearray(s.encode())
    data[4:8] = b"\xff\xff\xff\xff"
    b.files[s.name] = bytes(data)
    return Expect(INVALID, one=["MALFORMED", "LIMIT"], may=["MISSING", "ALTERED", "MALFORMED"])


@case
def G9_data_bytes(b):
    """The length of a DATA frame greater than the file."""
    return with_columns(b, lambda c: bytes(c[:2]) + u32(0xFFFFFFFF) + bytes(c[6:]),
                        codes=[], one=["MALFORMED", "LIMIT"])


@case
def G9_run_overflow(b):
    """A run of 2^64 - 1 entries."""
    def change(c):
        at = RUNS_AT
        while c[at] & 0x80:
            at += 1
        at += 1
        end = at
        while c[end] & 0x80:
            end += 1
        c[at:end + 1] = b"\xff" * 9 + b"\x01"
        return bytes(c)
    return with_columns(b, change)


@case
def G9_first_overflow(b):
    """A first index near 2^64 in a header."""
    s = b.last()
    data = bytearray(s.encode())
    data[8 + 12:8 + 20] = u64(2**64 - 2)
    b.files[s.name] = bytes(data)
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at=s.name)


@case
def G10_bom(b):
    """A byte order mark in front of the newest checkpoint."""
    if b.log.checkpoint is None:
        return None
    b.log.checkpoint = b"\xef\xbb\xbf" + b.log.checkpoint
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], damage=(0, 0), at="checkpoint")


@case(holder=True)
def G10_signed_bad_json(b):
    """The collector signed an event with a space in its JSON: one encoding only."""
    e = b.entry(b.find(3))
    e.payload = e.payload.replace(b'":"', b'": "', 1)
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"])


@case(holder=True)
def G10_signed_duplicate_member(b):
    """The collector signed an event with a member twice."""
    e = b.entry(b.find(3))
    e.payload = e.payload[:-1] + b',"type":"event"}'
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"])


@case
def G11_renamed(b):
    """The open segment's file under another name."""
    b.last().name = "KOPIE.ZST"
    return Expect(VALID, remarks=["NAME_DIFFERS"], damage=(0, 0))


@case
def G11_mtime(b):
    """Other file times and modes."""
    def run(directory):
        for name in os.listdir(directory):
            os.utime(os.path.join(directory, name), (1, 1))
            os.chmod(os.path.join(directory, name), 0o444)
    return Expect(VALID, damage=(0, 0), run=run)


@case
def G12_sparse(b):
    """Zeros stored as holes."""
    def run(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            with open(path, "rb") as f:
                data = f.read()
            os.unlink(path)
            with open(path, "wb") as f:
                for at in range(0, len(data), 512):
                    if data[at:at + 512].strip(b"\0"):
                        f.seek(at)
                        f.write(data[at:at + 512])
                f.truncate(len(data))
    return Expect(VALID, damage=(0, 0), run=run)

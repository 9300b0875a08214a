"""Groups D (checkpoints) and E (keys) of the catalogue."""

from akbase import (H, IDENTITY, Key, L, ORDER_8, Secrets, b64, challenge, make_note, point_add,
                    point_decode, point_encode, secret_scalar, sign_with_r, split_note, unb64)
from akformat import Note
from akforge import rebuild
from akbases import standard
from casebase import INCOMPLETE, INVALID, NOT_CHECKABLE, VALID, Expect, case, note_size, root_of

BAD_NOTE = {"one": ["ALTERED", "MALFORMED"], "damage": (0, 0), "at": "checkpoint"}


def flip_text(note, at, bit=0):
    note = bytearray(note)
    note[at] ^= 1 << bit
    return bytes(note)


def text_flipped(b, line, at):
    if b.log.checkpoint is None:
        return None
    start = sum(len(x) + 1 for x in b.log.checkpoint.split(b"\n")[:line])
    b.log.checkpoint = flip_text(b.log.checkpoint, start + at)
    return Expect(INVALID, **BAD_NOTE)


# D. Checkpoints.

@case
def D1_origin(b):
    """One bit of the origin in the newest checkpoint."""
    return text_flipped(b, 0, 3)


@case
def D1_size(b):
    """One bit of the size."""
    return text_flipped(b, 1, 0)


@case
def D1_root(b):
    """One bit of the root."""
    return text_flipped(b, 2, 9)


@case
def D1_note_in_segment(b):
    """One bit of the root in a NOTE of a sealed segment, nothing repaired."""
    s = b.sealed()[0]
    if not s.of(Note):
        return None
    note = s.of(Note)[-1]
    b.flip(s, s.offset(note) + 10 + note.note.index(b"\n", len(note.note.split(b"\n")[0]) + 1) + 9)
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], at=s.name)


@case
def D1_header_checkpoint(b):
    """One bit of the size in the checkpoint that the last HEADER holds."""
    h = b.last().header
    if not h.checkpoint:
        return None
    h.checkpoint = flip_text(h.checkpoint, len(h.origin) + 1)
    b.patch()
    return Expect(INVALID, one=["ALTERED", "MALFORMED"], at=b.last().name)


@case
def D2_signature_bit(b):
    """One bit of the log key's signature."""
    if b.log.checkpoint is None:
        return None
    text, lines = split_note(b.log.checkpoint)
    at = lines[0].rindex(" ") + 21
    lines[0] = lines[0][:at] + ("A" if lines[0][at] != "A" else "B") + lines[0][at + 1:]
    b.log.checkpoint = (text + "\n" + "".join(lines)).encode()
    return Expect(INVALID, **BAD_NOTE)


def line_removed(b, which):
    if b.log.checkpoint is None:
        return None
    text, lines = split_note(b.log.checkpoint)
    if which is None:
        lines = []
    else:
        del lines[which]
    b.log.checkpoint = (text + "\n" + "".join(lines)).encode()
    return Expect(INVALID, **BAD_NOTE)


@case
def D2_log_line_removed(b):
    """The log key's line removed."""
    return line_removed(b, 0)


@case
def D2_epoch_line_removed(b):
    """The epoch key's line removed: the log key alone proves nothing (R6)."""
    return line_removed(b, 1)


@case
def D2_all_lines_removed(b):
    """All signatures removed."""
    return line_removed(b, None)


@case
def D3_older(b):
    """An older checkpoint in the file `checkpoint`: the newer ones stand in the segments."""
    if len(b.note_sizes) < 3:
        return None
    b.log.checkpoint = b.newest_note(at_most=b.n - 1)
    return Expect(VALID, damage=(0, 0))


@case
def D3_older_everywhere(b):
    """The newest checkpoint replaced and removed from the segment: what it covered is unsigned."""
    s = b.last()
    if len(s.of(Note)) < 2:
        return None
    size = note_size(s.of(Note)[-2].note)
    s.parts.remove(s.of(Note)[-1])
    b.log.checkpoint = s.of(Note)[-1].note
    b.patch()
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(size, b.n), touched=[b.n - 1])


@case(holder=True)
def D4_later_epoch(b):
    """The newest checkpoint signed by the key of a later epoch (K2)."""
    note = b.log.checkpoint
    text, _ = split_note(note)
    b.log.checkpoint = make_note(text, [b.secrets.log, b.secrets.epochs[1]])
    return Expect(INVALID, one=["ALTERED", "EPOCH"], damage=(0, 0), at="checkpoint")


def fork_of(b):
    fork = b.fresh()
    index = fork.victim()
    fork.entry(index).payload = b"another truth"
    fork.resign()
    return fork, index


@case(holder=True)
def D5_fork_same_size(b):
    """A validly signed checkpoint of the same size with another root."""
    fork, _ = fork_of(b)
    b.log.checkpoint = fork.log.checkpoint
    return Expect(INVALID, codes=["FORKED"], may=["ALTERED"])


@case(holder=True)
def D5_fork_kept(b):
    """The same, kept from before by the user."""
    fork, _ = fork_of(b)
    return Expect(INVALID, codes=["FORKED"], may=["ALTERED"], checkpoint=fork.log.checkpoint)


@case(holder=True)
def D6_fork_other_size(b):
    """A validly signed checkpoint of an older size that is no prefix of the newer one."""
    fork, index = fork_of(b)
    size = min(n for n in b.note_sizes if n > index)
    b.log.checkpoint = b.secrets.checkpoint(size, fork.log.frontier(size).root())
    return Expect(INVALID, codes=["FORKED"], may=["ALTERED"])


@case
def D7_other_log(b):
    """The checkpoint of another log, well signed by that log's keys."""
    b.log.checkpoint = standard("example.org/stranger", 11)[0].checkpoint
    return Expect(INVALID, **BAD_NOTE)


@case
def D8_larger_than_data(b):
    """The newest checkpoint covers more than the segments hold."""
    s = b.last()
    notes = s.of(Note)
    if len(notes) < 2:
        return None
    b.log.checkpoint = notes[-1].note
    size = note_size(notes[-2].note)
    b.cut(s, size)
    return Expect(INCOMPLETE, codes=["MISSING"], damage=(size, b.n), touched=[size])


@case
def D9_smaller_size(b):
    """A smaller size written over the root of the larger tree, without a key."""
    if b.log.checkpoint is None:
        return None
    b.log.checkpoint = b.log.checkpoint.replace(b"\n%d\n" % b.n, b"\n%d\n" % (b.n - 1), 1)
    return Expect(INVALID, **BAD_NOTE)


@case(holder=True)
def D9_smaller_size_signed(b):
    """The same by the holder of the keys: a fork."""
    b.log.checkpoint = b.secrets.checkpoint(b.n - 1, root_of(b.log.checkpoint))
    return Expect(INVALID, codes=["FORKED"], may=["ALTERED"])


@case(holder=True)
def D11_future(b):
    """Times years in the future: a checkpoint has none, entries may."""
    for e in b.last().entries():
        e.received += 200 * 365 * 86400 * 10**9
    b.resign()
    return Expect(VALID, remarks=["FUTURE"], damage=(0, 0))


@case
def D13_bad_log_line(b):
    """The log key's line is not valid, the epoch key's is (R7)."""
    return D2_signature_bit(b)


@case
def D13_bad_epoch_line(b):
    """The epoch key's line is not valid, the log key's is."""
    if b.log.checkpoint is None:
        return None
    text, lines = split_note(b.log.checkpoint)
    at = lines[1].rindex(" ") + 21
    lines[1] = lines[1][:at] + ("A" if lines[1][at] != "A" else "B") + lines[1][at + 1:]
    b.log.checkpoint = (text + "\n" + "".join(lines)).encode()
    return Expect(INVALID, **BAD_NOTE)


@case
def D13_second_line_of_a_key(b):
    """A bad second line of a known key beside the good one."""
    if b.log.checkpoint is None:
        return None
    text, lines = split_note(b.log.checkpoint)
    bad = lines[0][:-20] + "AAAAAAAAAAAAAAAAAA==\n"
    b.log.checkpoint = (text + "\n" + "".join(lines) + bad).encode()
    return Expect(INVALID, **BAD_NOTE)


def lines_added(b, count):
    if b.log.checkpoint is None:
        return False
    text, lines = split_note(b.log.checkpoint)
    for i in range(count):
        name = f"witness{i}.example"
        lines.append(f"\u2014 {name} {b64(H(name.encode())[:4] + bytes(64))}\n")
    b.log.checkpoint = (text + "\n" + "".join(lines)).encode()
    return True


@case
def D12_D14_unknown_witnesses(b):
    """Fifteen lines of unknown witnesses: ignored and listed."""
    return Expect(VALID, remarks=["UNKNOWN_SIGNATURE"], damage=(0, 0)) if lines_added(b, 15) else None


@case
def D14_101_lines(b):
    """99 unknown lines beside the good ones."""
    return Expect(INVALID, one=["MALFORMED"], damage=(0, 0)) if lines_added(b, 99) else None


@case
def D14_million_lines(b):
    """A million lines."""
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0)) if lines_added(b, 1000000) else None


@case
def D15_one_missing(b):
    """A checkpoint in the middle of the series removed, marks repaired: a later one covers it."""
    s = b.last()
    if len(s.of(Note)) < 2:
        return None
    s.parts.remove(s.of(Note)[0])
    b.patch()
    return Expect(VALID, damage=(0, 0))


# E. Keys.

UNTRUSTED = {"codes": ["UNTRUSTED_KEY"], "nothing": True}


@case
def E1_stolen_name(b):
    """Everything made anew by the attacker under the same origin."""
    origin = b.vkey.split("+")[0]
    thief = Secrets("", 666, steal_origin=origin)
    rebuild(b.log, thief)
    return Expect(NOT_CHECKABLE, **UNTRUSTED)


@case
def E1_other_origin(b):
    """The attacker's whole log with an origin of its own in place of the log."""
    log, _ = standard("example.org/agency", 667)
    log.log_id = b.log.log_id
    b.log = log
    return Expect(NOT_CHECKABLE, **UNTRUSTED)


class Disguised(Key):
    """The thief's key under name and ID of the real one."""

    def __init__(self, name, seed, real_id):
        super().__init__(name, seed)
        self.real_id = real_id

    @property
    def id(self):
        return self.real_id


@case
def E2_same_key_id(b):
    """The attacker's signatures under name and key ID of the real key (R32)."""
    origin, key_id, _ = b.vkey.split("+", 2)
    thief = Secrets("", 668, steal_origin=origin)
    thief.log = Disguised(origin, thief.log.seed, bytes.fromhex(key_id))
    rebuild(b.log, thief)
    return Expect(NOT_CHECKABLE, **UNTRUSTED)


@case(holder=True)
def E3_epoch_note_changed(b):
    """The start note of epoch 0 names the thief's epoch key; log key lines are the real ones."""
    origin = b.vkey.split("+")[0]
    thief = Secrets("", 669, steal_origin=origin)
    thief.log = b.secrets.log
    rebuild(b.log, thief)
    return Expect(INVALID, codes=["EPOCH", "EMPTY"], nothing=True)


@case
def E6_wrong_key(b):
    """The user gave the key of another log."""
    return Expect(NOT_CHECKABLE, keys=[Secrets("example.org/agency", 670).vkey], **UNTRUSTED)


@case
def E6_wrong_key_same_name(b):
    """The user gave another key of the right name."""
    key = Key(b.vkey.split("+")[0], H(b"some seed"))
    return Expect(NOT_CHECKABLE, keys=[key.vkey], **UNTRUSTED)


@case
def E7_no_key(b):
    """No key given."""
    return Expect(NOT_CHECKABLE, keys=[], **UNTRUSTED)


@case
def E9_log_id_changed(b):
    """Log id and origin changed, so that a reader might think that he sees a new log."""
    origin = b.vkey.split("+")[0]
    thief = Secrets("", 671, steal_origin=origin[:-32] + "0" * 32)
    rebuild(b.log, thief)
    b.log.log_id = "0" * 32
    for s in b.log.segments:
        s.header.origin = thief.origin.encode()
    rebuild(b.log, thief)
    return Expect(NOT_CHECKABLE, **UNTRUSTED)


def signed_oddly(b, make, sign_log=False):
    """The newest checkpoint with a signature that the common rule accepts and ours refuses."""
    text, _ = split_note(b.log.checkpoint)
    log, epoch = b.secrets.log, b.secrets.epochs[0]
    odd = log if sign_log else epoch
    signature = make(odd, text.encode())
    lines = [k.line(text, signature if k is odd else None) for k in (log, epoch)]
    b.log.checkpoint = (text + "\n" + "".join(lines)).encode()
    return Expect(INVALID, **BAD_NOTE)


@case(holder=True)
def E10_r_identity(b):
    """R is the neutral element: Go and OpenSSL accept it."""
    return signed_oddly(b, lambda k, m: sign_with_r(k.seed, k.public, m, 0))


@case(holder=True)
def E10_r_identity_log_key(b):
    """The same in the log key's line."""
    return signed_oddly(b, lambda k, m: sign_with_r(k.seed, k.public, m, 0), sign_log=True)


@case(holder=True)
def E10_r_torsion(b):
    """R has a part of order 8: cofactored rules accept it."""
    return signed_oddly(b, lambda k, m: sign_with_r(k.seed, k.public, m, 12345, ORDER_8))


def not_canonical_r(key, message):
    """R = identity written as y = p + 1; the sum is over these very bytes."""
    r = (2**255 - 19 + 1).to_bytes(32, "little")
    s = challenge(r, key.public, message) * secret_scalar(key.seed) % L
    return r + s.to_bytes(32, "little")


@case(holder=True)
def E10_r_not_canonical(b):
    """R in an encoding that is not canonical."""
    return signed_oddly(b, not_canonical_r)


@case(holder=True)
def E10_s_too_large(b):
    """S + L instead of S."""
    def make(key, message):
        signature = key.sign(message)
        s = int.from_bytes(signature[32:], "little") + L
        return signature[:32] + s.to_bytes(32, "little")
    return signed_oddly(b, make)


def refused_key(b, public):
    # A reader may refuse it before it looks at the log, or find that it signed nothing (4.1).
    key = Key(b.vkey.split("+")[0], public=public)
    return Expect(NOT_CHECKABLE, keys=[key.vkey], may=["UNTRUSTED_KEY"], nothing=True, open=True)


@case
def E10_key_identity(b):
    """A key that is the neutral element."""
    return refused_key(b, point_encode(IDENTITY))


@case
def E10_key_small_order(b):
    """A key of order 8."""
    return refused_key(b, point_encode(ORDER_8))


@case(holder=True)
def E10_key_mixed_order(b):
    """The log key with a part of order 8 added."""
    return refused_key(b, point_encode(point_add(point_decode(b.secrets.log.public), ORDER_8)))


@case
def E10_key_not_canonical(b):
    """A key that is not canonically encoded."""
    return refused_key(b, (2**255 - 19 + 1).to_bytes(32, "little"))


def vkey_of_type(b, kind):
    """The real key, named as one of another algorithm."""
    name, _, blob = b.vkey.split("+", 2)
    material = bytes([kind]) + unb64(blob)[1:]
    return f"{name}+{H(name.encode() + b'%c' % 10 + material)[:4].hex()}+{b64(material)}"


@case
def E11_vkey_of_witness_type(b):
    """A vkey of type 04 (cosignature) instead of 01."""
    return Expect(NOT_CHECKABLE, keys=[vkey_of_type(b, 4)], may=["UNTRUSTED_KEY"], nothing=True)


@case
def E11_vkey_unknown_type(b):
    """A vkey of an unknown type."""
    return Expect(NOT_CHECKABLE, keys=[vkey_of_type(b, 0xFF)], may=["UNTRUSTED_KEY"], nothing=True)


@case
def E11_empty_signature(b):
    """The signature lines hold the key ID and nothing behind it (an algorithm `none`)."""
    if b.log.checkpoint is None:
        return None
    text, lines = split_note(b.log.checkpoint)
    short = []
    for line in lines:
        head, blob = line.rstrip("\n").rsplit(" ", 1)
        short.append(f"{head} {b64(unb64(blob)[:4])}\n")
    b.log.checkpoint = (text + "\n" + "".join(short)).encode()
    return Expect(INVALID, **BAD_NOTE)

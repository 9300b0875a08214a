"""Logs of several epochs, and what a thief of keys makes of them: journald's four failures in our terms
(docs/format.md 5.3). A thief who comes at a time has the log key and the key of the epoch that runs,
and of all later ones; those of the epochs before are gone."""

import functools

import akbases
from akbase import b64, make_note, split_note, tree_root
from akformat import Block, Mark, Note
from akforge import rebuild
from casebase import INCOMPLETE, INVALID, VALID, Base, Expect, case, note_size


@functools.lru_cache(None)
def made(numbers=(1, 2)):
    return akbases.epochs(numbers=numbers)


def several(b, numbers=(1, 2)):
    """Takes the log of several epochs in place of the one that was given, once."""
    if b.name != "made-here":
        return None
    log, secrets = made(numbers)
    Base.__init__(b, log, secrets.vkey, secrets, b.name)
    return b


def starts(b):
    return [s.header.first + i for s in b.log.segments for i, e in enumerate(s.entries())
            if e.kind == 4]


def sign_again(b, note, epoch):
    text, _ = split_note(note)
    return make_note(text, [b.secrets.log, b.secrets.epochs[epoch]])


def notes_of(b):
    return [p for s in b.log.segments for p in s.of(Note)]


@case(holder=True)
def Q1_good(b):
    """Three epochs, nothing wrong."""
    return several(b) and Expect(VALID, damage=(0, 0))


@case(holder=True)
def Q2_stale_key(b):
    """The newest checkpoint signed by the key of the epoch before, which has ended (R6)."""
    if several(b) is None:
        return None
    b.log.checkpoint = sign_again(b, b.log.checkpoint, 1)
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0), at="checkpoint")


@case(holder=True)
def Q3_stale_key_in_segment(b):
    """All checkpoints of the last epoch signed by the key of the one before."""
    if several(b) is None:
        return None
    start = starts(b)[2]
    for p in notes_of(b):
        if note_size(p.note) > start:
            p.note = sign_again(b, p.note, 1)
    b.log.checkpoint = sign_again(b, b.log.checkpoint, 1)
    b.patch()
    return Expect(INVALID, codes=["ALTERED"], may=["TAIL_UNSIGNED"], damage=(start, b.n))


@case(holder=True)
def Q4_newer_key_for_older_size(b):
    """A checkpoint of the first epoch signed by the key of the last one."""
    if several(b) is None:
        return None
    note = next(p for p in notes_of(b) if starts(b)[1] < note_size(p.note) <= starts(b)[2])
    note.note = sign_again(b, note.note, 2)
    b.patch()
    return Expect(INVALID, codes=["ALTERED"], damage=(0, 0))


@case(holder=True)
def Q5_epoch_skipped(b):
    """Epoch 1 never begins: 2 follows 0 (R10)."""
    return several(b, (2, 3)) and Expect(INVALID, codes=["EPOCH"], damage=(0, b.n))


@case(holder=True)
def Q6_epoch_twice(b):
    """The second epoch begins once more (R10)."""
    return several(b, (1, 1)) and Expect(INVALID, codes=["EPOCH"], one=["ALTERED", "EPOCH"],
                                         damage=(0, b.n))


@case(holder=True)
def Q7_old_entries_signed_anew(b):
    """An entry of the first epoch changed; everything a thief can sign in the last epoch is signed
    again, the start notes stay since their keys are gone, and older checkpoints are taken out."""
    if several(b) is None:
        return None
    start = starts(b)[2]
    victim = b.victim(segment=b.log.segments[0])
    b.entry(victim).payload = b"nothing happened"
    for s in b.log.segments:
        s.parts = [p for p in s.parts if not isinstance(p, Note) or note_size(p.note) > start]
        if s.header.checkpoint and note_size(s.header.checkpoint) <= start:
            s.header.checkpoint = b""
    b.resign(leave=["starts"])
    return Expect(INVALID, codes=["EPOCH", "ALTERED"], damage=(0, start), touched=[victim])


@case(holder=True)
def Q8_start_note_of_other_root(b):
    """A start note, rightly signed by all three keys, over another root than that of its size."""
    if several(b) is None:
        return None
    at, last = starts(b)[1:]
    b.entry(at).payload = b.secrets.start_note(1, at, bytes(32))
    b.resign(leave=["starts"])
    leaves = [leaf for s in b.log.segments for leaf in s.leaves()]
    b.entry(last).payload = b.secrets.start_note(2, last, tree_root(leaves[:last]))
    b.resign(leave=["starts"])
    return Expect(INVALID, codes=["EPOCH", "ALTERED"], damage=(0, at))


@case(holder=True)
def Q9_start_note_of_other_index(b):
    """A start note that says another index than that of its entry."""
    if several(b) is None:
        return None
    at = starts(b)[1]
    b.entry(at).payload = b.secrets.start_note(1, at - 1, bytes(32))
    b.resign(leave=["starts"])
    return Expect(INVALID, codes=["EPOCH"], may=["ALTERED"], damage=(0, b.n))


@case(holder=True)
def Q10_start_note_without_the_key_before(b):
    """The thief begins the next epoch himself; the key of the epoch before is gone."""
    if several(b) is None:
        return None
    at = starts(b)[2]
    text, lines = split_note(b.entry(at).payload)
    b.entry(at).payload = (text + "\n" + "".join(lines[1:])).encode()
    b.resign(leave=["starts"])
    return Expect(INVALID, codes=["EPOCH"], may=["ALTERED"], damage=(0, b.n))


@case(holder=True)
def Q11_log_key_alone(b):
    """Everything behind the last epoch's start signed by the log key alone: an unsigned stretch as
    far as epochs go."""
    if several(b) is None:
        return None
    start = starts(b)[2]
    for p in [*notes_of(b)]:
        if note_size(p.note) > start:
            text, _ = split_note(p.note)
            p.note = make_note(text, [b.secrets.log])
    text, _ = split_note(b.log.checkpoint)
    b.log.checkpoint = make_note(text, [b.secrets.log])
    b.patch()
    return Expect(INVALID, codes=["ALTERED"], may=["TAIL_UNSIGNED"], damage=(start, b.n))


@case(holder=True)
def Q12_cut_after_start(b):
    """The log ends with a start note: it is the last word of the epoch before, and all it covers is
    proven by it, though no checkpoint stands behind."""
    if several(b) is None:
        return None
    s, at = b.last(), starts(b)[2]
    blocks = [p for p in s.parts if isinstance(p, Block) and p.first <= at]
    last = blocks[-1]
    last.entries = last.entries[:at + 1 - last.first]
    keep = s.parts.index(last) + 1
    s.parts = [*s.parts[:keep], Mark()]
    b.log.checkpoint = None
    b.n = at + 1
    rebuild(b.log, b.secrets, ["starts"])
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(at, at + 1))


@case(holder=True)
def Q13_start_note_of_header_older(b):
    """The last HEADER carries the start note of the first epoch instead of the newest one (R20)."""
    if several(b) is None:
        return None
    b.last().header.epoch_note = b.entry(0).payload
    b.repair(leave=["headers"])
    return Expect(INVALID, codes=["EPOCH"], damage=(0, 0), at=b.last().name)


@case(holder=True)
def Q14_start_note_lost_known_by_header(b):
    """The block with the second start note is damaged; the next HEADER still carries the note."""
    if several(b) is None:
        return None
    at = starts(b)[1]
    s, block = b.segment_of(at), b.block_of(at)
    b.flip(s, s.offset(block) + len(block.encode()) - 9, 3)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED", "EPOCH"], open=True,
                  damage=(0, b.segment_of(at).end))


@case(holder=True)
def Q15_old_checkpoint_given(b):
    """A checkpoint of the first epoch, kept from before, fits."""
    if several(b) is None:
        return None
    note = b.secrets.checkpoint(300, tree_root(b.leaves[:300]), 0)
    return Expect(VALID, checkpoint=note, damage=(0, 0))


@case(holder=True)
def Q16_forged_checkpoint_given(b):
    """A checkpoint from outside, of another root, that the thief signed with the key of today for a
    size of the first epoch: it is not rightly signed, and says nothing against the log's holder."""
    if several(b) is None:
        return None
    text = f"{b.secrets.origin}\n300\n{b64(bytes(range(32)))}\n"
    note = make_note(text, [b.secrets.log, b.secrets.epochs[2]])
    return Expect(None, may=["ALTERED", "UNTRUSTED_KEY"], checkpoint=note, open=True)

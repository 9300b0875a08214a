"""Group S: time stamps beside a log (docs/format.md 9.4), and successions (10.7). The authorities are
made by the program openssl; without it the cases are left out."""

import os
import shutil
import sys
import tempfile

from akbase import Key, Secrets, b64, checkpoint_fields, make_note, split_note
from akbases import DATAGRAM, records, standard
from akforge import Maker
from casebase import INCOMPLETE, INVALID, VALID, Expect, NoPlace, case

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from tsa_kit import OPENSSL, Authority, Stamper  # noqa: E402

EARLY, EARLY_S = "20210203040506Z", 1612325106
LATE, LATE_S = "20220203040506Z", 1643861106


class Stamps:
    """An authority, and files beside the log of a base."""

    def __init__(self, base):
        if shutil.which(OPENSSL) is None:
            raise NoPlace
        self.base = base
        self.folder = tempfile.TemporaryDirectory(prefix="akashi-tsa-")
        self.root = Authority(os.path.join(self.folder.name, "ca"))
        self.tsa = Stamper(self.root)
        self.note = base.log.checkpoint
        self.size = checkpoint_fields(self.note)[1]

    def other(self, name="Test Root"):
        return Authority(os.path.join(self.folder.name, "other"), name)

    def lay(self, reply, note=None, size=None, k=0):
        """What was stamped, and a reply."""
        name = "%020d" % (self.size if size is None else size)
        if note != b"":
            self.base.files[name + ".stamped"] = self.note if note is None else note
        if reply is not None:
            self.base.files["%s.%d.tsr" % (name, k)] = reply

    def expect(self, verdict, **more):
        """The expectation, with the certificates of this authority and what counts."""
        with open(self.root.cert, "rb") as f:
            return Expect(verdict, tsa=f.read(), **{"stamps": (0, None, None), **more})


def told(s, reply, codes, **more):
    """A store with this reply over the newest checkpoint."""
    s.lay(reply)
    return s.expect(INVALID, codes=codes, damage=(0, 0),
                    at="%020d.0.tsr" % s.size, **more)


@case(holder=True)
def S1_good(b):
    """A stamp that counts: what the others are measured by."""
    s = Stamps(b)
    s.lay(s.tsa.stamp(s.note))
    s.lay(s.tsa.forge(s.note, at=EARLY), k=1)
    s.lay(s.tsa.forge(s.note, at=LATE), k=2)
    return s.expect(VALID, stamps=(3, s.size, EARLY_S))


@case(holder=True)
def S2_accuracy(b):
    """The time with its accuracy added, rounded up."""
    s = Stamps(b)
    s.lay(s.tsa.forge(s.note, at=EARLY, accuracy=bytes.fromhex("300a020102800201f4810101")))
    return s.expect(VALID, stamps=(1, s.size, EARLY_S + 3))


@case(holder=True)
def S3_other_bytes(b):
    """The reply is over another note."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note + b"x", at=EARLY), ["ALTERED"])


@case(holder=True)
def S4_byte_behind(b):
    """A byte stands behind the reply."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note, at=EARLY) + b"\0", ["MALFORMED"])


@case(holder=True)
def S5_cut(b):
    """The reply is cut."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note, at=EARLY)[:-1], ["MALFORMED"])


@case(holder=True)
def S6_empty(b):
    """The reply has no bytes."""
    return told(Stamps(b), b"", ["MALFORMED"])


@case(holder=True)
def S7_refused(b):
    """The authority has not granted it."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note, at=EARLY, status=2), ["MALFORMED"])


@case(holder=True)
def S8_weak_imprint(b):
    """The imprint is by SHA-1."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note, at=EARLY, digest="sha1"), ["MALFORMED"])


@case(holder=True)
def S9_signature(b):
    """One bit of the signature."""
    s = Stamps(b)
    reply = bytearray(s.tsa.forge(s.note, at=EARLY))
    reply[-1] ^= 1
    return told(s, bytes(reply), ["ALTERED"])


@case(holder=True)
def S10_time_moved(b):
    """The time in the token is another than the one that was signed."""
    s = Stamps(b)
    return told(s, s.tsa.forge(s.note, at=LATE).replace(LATE.encode(), EARLY.encode()), ["ALTERED"])


@case(holder=True)
def S11_nobody_given(b):
    """Without certificates a signature is not judged, and nothing counts."""
    s = Stamps(b)
    reply = bytearray(s.tsa.forge(s.note, at=EARLY))
    reply[-1] ^= 1
    s.lay(bytes(reply))
    return Expect(VALID, remarks=["STAMP_NOT_CHECKED"], stamps=(0, None, None))


def distrusted(s, stamper, at=EARLY, **how):
    s.lay(stamper.forge(s.note, at=at, **how))
    return s.expect(VALID, remarks=["STAMP_NOT_TRUSTED"])


@case(holder=True)
def S12_self_made(b):
    """A root of the same name, made by whoever forged the stamp."""
    s = Stamps(b)
    return distrusted(s, Stamper(s.other()))


@case(holder=True)
def S13_not_for_stamps(b):
    """The signer's certificate is not for time stamps."""
    s = Stamps(b)
    return distrusted(s, Stamper(s.root, "plain", "Plain", "plain"))


@case(holder=True)
def S14_not_for_stamps_alone(b):
    """The signer's certificate is for code, too."""
    s = Stamps(b)
    return distrusted(s, Stamper(s.root, "also", "Also", "also"))


@case(holder=True)
def S15_before_certificate(b):
    """The stamp states a time before the signer's certificate was valid."""
    s = Stamps(b)
    return distrusted(s, s.tsa, at="20191231235959Z")


@case(holder=True)
def S16_after_certificate(b):
    """The stamp states a time behind the signer's certificate's end."""
    s = Stamps(b)
    return distrusted(s, Stamper(s.root, "short", "Short", end="20210101000000Z"))


@case(holder=True)
def S17_expired_since(b):
    """A certificate that has expired since takes nothing from a stamp of its time."""
    s = Stamps(b)
    s.lay(Stamper(s.root, "short", "Short", end="20210301000000Z").forge(s.note, at=EARLY))
    return s.expect(VALID, stamps=(1, s.size, EARLY_S))


@case(holder=True)
def S18_weak_signature(b):
    """The token is signed by SHA-1."""
    s = Stamps(b)
    return distrusted(s, s.tsa, md="sha1")


@case(holder=True)
def S19_note_gone(b):
    """The note that was stamped is not here."""
    s = Stamps(b)
    s.lay(s.tsa.forge(s.note, at=EARLY), note=b"")
    return s.expect(VALID, remarks=["STAMP_NOT_CHECKED"])


@case(holder=True)
def S20_note_third_line(b):
    """A third line in the note that was stamped."""
    s = Stamps(b)
    note = make_note(split_note(s.note)[0], [b.secrets.log, b.secrets.epochs[0],
                                             Key("other.example", seed=bytes(32))])
    s.lay(s.tsa.forge(note, at=EARLY), note=note)
    return s.expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at="%020d.stamped" % s.size)


@case(holder=True)
def S21_note_other_size(b):
    """The note that was stamped has the name of another size."""
    s = Stamps(b)
    s.lay(s.tsa.forge(s.note, at=EARLY), size=s.size - 1)
    return s.expect(INVALID, codes=["MALFORMED"], damage=(0, 0), at="%020d.stamped" % (s.size - 1))


@case(holder=True)
def S22_note_signature(b):
    """A line of the note that was stamped is not valid."""
    s = Stamps(b)
    other = Secrets("x", 5)
    note = make_note(split_note(s.note)[0], [b.secrets.log, Key(b.secrets.epochs[0].name,
                                                                seed=other.log.seed)])
    bad = note.split(b"\n")
    good = s.note.split(b"\n")
    bad[-2] = good[-2][:-9] + bad[-2][-9:]
    s.lay(s.tsa.forge(b"\n".join(bad), at=EARLY), note=b"\n".join(bad))
    return s.expect(INVALID, codes=["ALTERED"], damage=(0, 0), at="%020d.stamped" % s.size)


@case(holder=True)
def S23_other_history(b):
    """The log's keys signed another root of that size, and it was stamped."""
    s = Stamps(b)
    note = b.secrets.checkpoint(s.size, bytes(32))
    s.lay(s.tsa.forge(note, at=EARLY), note=note)
    return s.expect(INVALID, codes=["FORKED"], may=["ALTERED"], open=True)


@case(holder=True)
def S24_cut_below(b):
    """The log ends before a checkpoint that was stamped."""
    s = Stamps(b)
    note = b.secrets.checkpoint(s.size + 9, bytes(32))
    s.lay(s.tsa.forge(note, at=EARLY), note=note, size=s.size + 9)
    return s.expect(INCOMPLETE, codes=["MISSING"], remarks=["STAMP_NOT_CHECKED"], damage=(0, 0))


# Successions.

class Old:
    """The log before, beside the successor that is judged."""

    def __init__(self, base):
        self.base = base
        self.log, self.secrets = standard("example.org/before", 51)
        self.note = self.log.checkpoint
        _, self.size, self.root = checkpoint_fields(self.note)

    def good(self):
        return {"origin": self.secrets.origin, "key": self.secrets.vkey, "size": str(self.size),
                "root": b64(self.root), "checkpoints": [self.note.decode()]}

    def judged(self, verdict, codes, members, key=None, keep=True, checkpoint=None, further=()):
        """The base becomes the successor that says this, and further members later."""
        secrets = Secrets("example.org/before/2", 60)
        m = Maker(secrets)
        m.event("succession", "operator", **members)
        m.start()
        for more in further:
            m.event("succession", "operator", **more)
        records(m, m.declare(**DATAGRAM), "fw1", 40)
        m.commit()
        b = self.base
        b.log, b.vkey, b.secrets = m.finish(), secrets.vkey, secrets
        b.n, b.leaves = b.log.end, [leaf for s in b.log.segments for leaf in s.leaves()]
        if keep:
            b.more.append(self.log)
        return Expect(verdict, codes=codes, damage=(0, 0), checkpoint=checkpoint,
                      keys=[secrets.vkey, key or self.secrets.vkey])

    def false(self, members, **how):
        return self.judged(INVALID, ["SUCCESSION_FALSE", "SUCCESSION_UNCONFIRMED"], members, **how)


@case(holder=True)
def T1_good(b):
    """A succession that says what is so, confirmed by nobody: what the others are measured by."""
    old = Old(b)
    return old.judged(INCOMPLETE, ["SUCCESSION_UNCONFIRMED"], old.good())


@case(holder=True)
def T2_root(b):
    """Another root of the size at which the old log was closed."""
    old = Old(b)
    return old.false(dict(old.good(), root=b64(bytes(32))))


@case(holder=True)
def T3_root_unseen(b):
    """The same, and the old log is not here: nobody can say so."""
    old = Old(b)
    return old.judged(INCOMPLETE, ["SUCCESSION_UNCONFIRMED"],
                      dict(old.good(), root=b64(bytes(32))), keep=False)


@case(holder=True)
def T4_signed_root(b):
    """Another root of what was signed last."""
    old = Old(b)
    return old.false(dict(old.good(), signed=str(old.size - 3), signed_root=b64(bytes(32))))


@case(holder=True)
def T5_checkpoint_root(b):
    """A checkpoint that the old key signed, of a root that is not that of the entries."""
    old = Old(b)
    return old.false(dict(old.good(), checkpoints=[
        old.secrets.checkpoint(old.size - 1, bytes(32)).decode()]))


@case(holder=True)
def T6_checkpoint_key(b):
    """A checkpoint that another key signed; the old log is not here, its key is."""
    old = Old(b)
    other = Secrets("example.org/before", 51)
    other.log = Key(other.origin, seed=b"q" * 32)
    return old.false(dict(old.good(), checkpoints=[
        other.checkpoint(old.size, old.root).decode()]), keep=False)


@case(holder=True)
def T7_key(b):
    """It names another key of the old log than the one that is known."""
    old = Old(b)
    other = Key(old.secrets.origin, seed=b"q" * 32)
    return old.false(dict(old.good(), key=other.vkey), keep=False)


@case(holder=True)
def T8_less_lost(b):
    """It says that the old log was closed as an empty one, and nothing was lost."""
    old = Old(b)
    return old.false(dict(old.good(), size="0", checkpoints=[],
                          root="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="))


@case(holder=True)
def T9_less_than_kept(b):
    """A checkpoint of the old log that was kept is larger than all it knows of."""
    old = Old(b)
    return old.false(old.good(),
                     checkpoint=old.secrets.checkpoint(old.size + 20, bytes(32)))


@case(holder=True)
def T10_lost_are_here(b):
    """Entries that it calls lost are in the copy of the old log: a remark, and nothing is false."""
    old = Old(b)
    size = old.log.segments[1].header.first
    root = checkpoint_fields(old.log.segments[1].header.checkpoint)[2]
    return old.judged(INCOMPLETE, ["SUCCESSION_UNCONFIRMED", "SUCCESSION"],
                      dict(old.good(), size=str(size), root=b64(root)))


@case(holder=True)
def T11_further(b):
    """A further succession names a root that is not that of the entries."""
    old = Old(b)
    more = dict(old.good(), checkpoints=[old.secrets.checkpoint(old.size - 1, bytes(32)).decode()])
    return old.false(old.good(), further=[more])


@case(holder=True)
def T12_further_of_another(b):
    """A further succession speaks of another end of the old log."""
    old = Old(b)
    return old.judged(INVALID, ["SUCCESSION_UNCONFIRMED", "MALFORMED"], old.good(),
                      further=[dict(old.good(), size=str(old.size - 1))])

"""cosign_kit.py - witnesses that cosign checkpoints of the tamper kit's logs, by C2SP tlog-cosignature
alone."""

import prove_kit  # the path to the tamper kit

from akbase import H, Key, b64, split_note, u64

T = 1_800_000_000

assert prove_kit


class Witness(Key):
    """A cosigner: key type 04."""

    def __init__(self, number):
        super().__init__(f"w{number}.example.org", seed=bytes([number + 1]) * 32)

    @property
    def id(self):
        return H(self.name.encode() + b"\n\x04" + self.public)[:4]

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(bytes([4]) + self.public)}"

    def cosign(self, note, time=T, text=None, stated=None):
        """The note with one line more; `text` is what is signed instead of its own, `stated` the
        time that the line states instead of the one that is signed."""
        body = split_note(note)[0] if text is None else text
        signature = self.sign(f"cosignature/v1\ntime {time}\n{body}".encode())
        return note + f"\u2014 {self.name} {b64(self.id + u64(stated or time) + signature)}\n".encode()


def cosigned(note, *lines):
    """The note with lines of (witness, time)."""
    for witness, time in lines:
        note = witness.cosign(note, time)
    return note

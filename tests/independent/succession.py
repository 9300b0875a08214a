"""Successions: docs/format.md 10.7, as far as one log shows it (R51, R52, R54), and what
of it is compared with the old log (R53)."""

import base64

from notes import Checkpoint, Key, check_origin
from payloads import check_members, dec, b64, text
from primitives import FormatError, Malformed

INDEX = 1
MOST = 16  # in one log
NOTES_MAX = 6
NOTE_BYTES_MAX = 8192
REASON_BYTES_MAX = 1000
SIZE_MAX = (1 << 63) - 1
MUST = {"origin": text, "key": text, "size": dec, "root": b64(32),
        "checkpoints": lambda value: isinstance(value, list) and len(value) <= NOTES_MAX
        and all(text(note) for note in value)}
MAY = {"signed": dec, "signed_root": b64(32), "reason": text}


class Succession:
    """The event with which a successor begins."""

    def __init__(self, value, index):
        if value["side"] != "operator":
            raise Malformed("R51: the side of a succession is the operator")
        self.index = index
        check_members(value, MUST, MAY)
        self.origin = value["origin"].encode("utf-8", "surrogatepass")
        check_origin(self.origin)
        self.key = Key.parse(value["key"].encode("utf-8", "surrogatepass"))
        if self.key.name != self.origin:
            raise Malformed("the key of a succession is not named as the old log")
        if ("signed" in value) != ("signed_root" in value):
            raise Malformed("a succession has what was signed without its root, or the root alone")
        if len(value.get("reason", "").encode()) > REASON_BYTES_MAX:
            raise Malformed("the reason of a succession is too long")
        self.size = int(value["size"])
        sizes = [self.size] + [int(value["signed"]) for _ in "x" if "signed" in value]
        self.stated = [(value["size"], value["root"])] + [
            (value["signed"], value["signed_root"]) for _ in "x" if "signed" in value]
        self.notes = []
        before = 0
        for note in value["checkpoints"]:
            before = self.checkpoint(note.encode("utf-8", "surrogatepass"), before)
            sizes.append(before)
        self.known = max(sizes)
        if self.known > SIZE_MAX:
            raise Malformed("a succession names a size that no log has")
        self.same = tuple(value[name] for name in ("origin", "key", "size", "root"))

    @property
    def lost(self):
        return self.known - self.size

    def take(self, more):
        """A further one of the same log (R51)."""
        if more.same != self.same:
            raise Malformed("R51: a further succession repeats origin, key, size and root")
        self.known = max(self.known, more.known)
        self.stated += more.stated
        self.notes += more.notes

    def checkpoint(self, raw, before):
        """One of the checkpoints; sizes rise."""
        if len(raw) > NOTE_BYTES_MAX:
            raise Malformed("a checkpoint of a succession is too long")
        found = Checkpoint(raw)
        if found.origin != self.origin or found.size <= before:
            raise Malformed("a checkpoint of a succession is of another log, or out of order")
        self.notes.append(found)
        return found.size

    def roots(self):
        """Sizes and roots that it states itself."""
        return [(int(size), base64.b64decode(root)) for size, root in self.stated]

    def confirmed_by(self, order):
        """R54: an accepted order that says the same."""
        said = order.note.members if order.note else {}
        return order.accepted and order.action == "succeed" and \
            (said.get("from"), said.get("size"), said.get("lost")) == \
            (self.origin.decode(), str(self.size), str(self.lost))


def read_succession(value, index):
    """The succession in an event; raises Malformed for anything that is none."""
    try:
        return Succession(value, index)
    except (FormatError, UnicodeError) as error:
        raise Malformed(str(error)) from None

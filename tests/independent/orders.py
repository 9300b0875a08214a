"""Orders and the authority behind them: docs/format.md 10.5, R38 to R42."""

import re

from notes import Key, check_origin, decimal, parse_note
from payloads import ACTIONS, check_own, parse_json, ranges
from primitives import FormatError, Malformed, ed25519_verify, point_is_sound
from tree import Spans

NOTE_BYTES_MAX = 32768
RANGES_MAX = 256
KEYS_MAX = 16
CASE_BYTES_MAX = 200
REASON_BYTES_MAX = 1000
TAKES_OUT = ("erase", "expire")
RANGE = re.compile(rb"\Arange ([0-9]+) ([0-9]+)\Z")


def authority_key(text):
    """A vkey of type 01 that section 4.2 (1) does not refuse."""
    key = Key.parse(text.encode("utf-8", "surrogatepass"))
    if not point_is_sound(key.public):
        raise Malformed("a key of an order is not canonical, or not in the prime-order subgroup")
    return key


def check_keys(texts, quorum):
    """`keys` and `quorum`: the keys."""
    if not isinstance(texts, list) or not 1 <= len(texts) <= KEYS_MAX or \
            not all(isinstance(text, str) for text in texts):
        raise Malformed("the keys of an order are not 1 to 16 strings")
    keys = [authority_key(text) for text in texts]
    if len({key.name for key in keys}) != len(keys) or \
            len({key.public for key in keys}) != len(keys):
        raise Malformed("two keys of an order have one name or one public key")
    if isinstance(quorum, bool) or not isinstance(quorum, int) or not 1 <= quorum <= len(keys):
        raise Malformed("the quorum of an order is not 1 to the number of its keys")
    return keys


class OrderNote:
    """The order as keys outside the collector have signed it."""

    def __init__(self, raw):
        self.text, self.lines = parse_note(raw, NOTE_BYTES_MAX)
        lines = self.text.split(b"\n")
        if lines.pop() or len(lines) < 7 or lines[0] != b"akashi/order/v1":
            raise Malformed("the text of an order note has not the lines it must have")
        check_origin(lines[1])
        self.origin = lines[1]
        self.number = decimal(lines[2])
        if self.number == 0:
            raise Malformed("the number of an order is 0")
        self.members = {"action": lines[3].decode()}
        if self.members["action"] not in ACTIONS:
            raise Malformed("the action of an order note is none of those that are known")
        self.read_body(lines[4:-2])
        for name, line, most in (("case", lines[-2], CASE_BYTES_MAX),
                                 ("reason", lines[-1], REASON_BYTES_MAX)):
            word, _, value = line.partition(b" ")
            if word != name.encode() or not 1 <= len(value) <= most:
                raise Malformed("an order note has no %s of its length at its place" % name)
            self.members[name] = value.decode()

    def read_body(self, lines):
        """Ranges, or quorum and keys."""
        if self.members["action"] == "authority":
            quorum = lines[0].partition(b" ")
            keys = [line.partition(b" ") for line in lines[1:]]
            if quorum[0] != b"quorum" or any(word != b"key" for word, *_ in keys):
                raise Malformed("an order note has not the lines of its action")
            self.members["quorum"] = decimal(quorum[2])
            self.members["keys"] = [value.decode() for *_, value in keys]
            check_keys(self.members["keys"], self.members["quorum"])
            return
        if self.members["action"] == "succeed":
            self.read_succession(lines)
            return
        found = [RANGE.match(line) for line in lines]
        if not 1 <= len(found) <= RANGES_MAX or None in found:
            raise Malformed("an order note has not the lines of its action")
        spans = [(decimal(m.group(1)), decimal(m.group(2))) for m in found]
        if any(a > b for a, b in spans) or \
                any(a <= b + 1 for (_, b), (a, _) in zip(spans, spans[1:])):
            raise Malformed("the ranges of an order note do not rise, or touch")
        self.members["ranges"] = [[str(a), str(b)] for a, b in spans]

    def read_succession(self, lines):
        """from, size and lost of the log before this one."""
        words = [line.partition(b" ") for line in lines]
        if [word for word, *_ in words] != [b"from", b"size", b"lost"]:
            raise Malformed("an order note has not the lines of its action")
        check_origin(words[0][2])
        size, lost = decimal(words[1][2]), decimal(words[2][2])
        if words[0][2] == self.origin or size + lost >= 1 << 63:
            raise Malformed("an order to succeed names its own log, or a size that none has")
        self.members.update({"from": words[0][2].decode(), "size": str(size), "lost": str(lost)})


class Order:
    """A proven entry of kind 5. `error`: what breaks section 10, or None. What such an order says is
    known all the same where its action and ranges have their form."""

    def __init__(self, index, seq, payload):
        self.index, self.seq = index, seq
        self.action, self.spans, self.keys, self.quorum = None, [], [], 0
        self.note = self.error = None
        self.valid = self.declares = self.accepted = False
        try:
            value = parse_json(payload)
            if value.get("action") in ACTIONS and ranges(value.get("ranges", [])):
                self.action = value["action"]
                self.spans = [(int(a), int(b) + 1) for a, b in value.get("ranges", [])]
            self.read(check_own(5, payload))
        except FormatError as error:
            self.error = error

    def read(self, value):
        """What needs more than the form of the members."""
        if ("keys" in value) != ("quorum" in value):
            raise Malformed("an order has keys without a quorum, or a quorum without keys")
        if "keys" in value:
            self.keys, self.quorum = check_keys(value["keys"], value["quorum"]), value["quorum"]
        if "authority_note" in value:
            self.note = OrderNote(value["authority_note"].encode("utf-8"))
            for name in ("action", "ranges", "keys", "quorum", "from", "size", "lost",
                         "case", "reason"):
                if value.get(name) != self.note.members.get(name):
                    raise Malformed("\"%s\" of an order is not what its note says" % name)


def signers(note, keys):
    """Those of `keys` that have signed the note; None where one has a line that is not valid, or
    two."""
    found = []
    for name, key_id, signature in note.lines:
        for key in keys:
            if (key.name, key.id) != (name, key_id):
                continue
            if key in found or not ed25519_verify(key.public, note.text, signature):
                return None
            found.append(key)
    return found


class Authority:
    """Walks the orders of a log in the order of their indices (R38 to R41)."""

    def __init__(self, log_key, epoch_keys, given):
        self.origin = log_key.name
        self.own = {log_key.public} | {key.public for key in epoch_keys}
        self.accepted = {(key.name, key.public) for key in given}
        self.keys, self.quorum = [], 0
        self.declared = False
        self.number = 0
        self.held = Spans()
        self.next_seq = 0

    def is_own(self, key):
        """A key is the log's own by its name or by its public key (R38)."""
        return key.name == self.origin or key.name.startswith(self.origin + b"/") or \
            key.public in self.own

    def judge(self, orders):
        """Says of each order whether it is valid, declares the authority, and is accepted."""
        for order in orders:
            whole = order.seq == self.next_seq
            self.next_seq += whole
            if not whole or order.error:
                continue
            if order.note is None:
                self.take_word(order)
            else:
                self.take_signed(order)

    def take_word(self, order):
        """An order without a note: the first that has keys which are not the log's declares."""
        if order.action == "authority" and order.keys and not self.declared and \
                not any(self.is_own(key) for key in order.keys):
            order.declares = self.declared = True
            self.keys, self.quorum = order.keys, order.quorum

    def take_signed(self, order):
        """R39 and R41 for an order with a note."""
        signed = signers(order.note, self.keys)
        if order.note.origin != self.origin or order.note.number <= self.number or \
                signed is None or not self.keys or len(signed) < self.quorum:
            return
        if order.action in TAKES_OUT and (
                any(end > order.index for _, end in order.spans)
                or self.held.intersect(Spans(order.spans))):
            return
        if order.action == "authority" and any(self.is_own(key) for key in order.keys):
            return
        order.valid = True
        self.number = order.note.number
        known = [key for key in signed if (key.name, key.public) in self.accepted]
        order.accepted = len(known) >= self.quorum
        if order.action == "hold":
            self.held = self.held.union(Spans(order.spans))
        elif order.action == "release":
            self.held = self.held.minus(Spans(order.spans))
        elif order.action == "authority":
            self.keys, self.quorum = order.keys, order.quorum
            if order.accepted:
                self.accepted |= {(key.name, key.public) for key in order.keys}


def spans_of(orders, only_accepted):
    """The indices that orders take out: of each order only those below its own."""
    return Spans((a, min(b, order.index)) for order in orders for a, b in order.spans
                 if order.accepted or not only_accepted)

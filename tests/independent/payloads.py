"""Payloads of own entries: docs/format.md section 10."""

import json
import re

from notes import base64_decode
from primitives import Malformed

JSON_BYTES_MAX = 65536
JSON_LEVELS_MAX = 8
NUMBER_MAX = 2 ** 53 - 1
MEMBER_NAME = re.compile(r"\A[a-z0-9_]+\Z")
TYPES = {1: "source", 2: "manifest", 3: "event", 5: "order", 6: "anchor", 8: "state"}
TRANSPORTS = ("udp", "tcp", "tls", "relp", "relp+tls", "unix", "import")
IDENTITIES = ("certificate", "address", "forgeable", "local", "imported", "overflow")
SIDES = ("sender", "network", "collector", "operator", "unknown")
ACTIONS = ("erase", "expire", "hold", "release", "authority", "succeed")


def check_depth(raw):
    """At most 8 levels of objects and arrays, counted before any parser is driven in."""
    level, in_string, escaped = 0, False, False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            level += 1
            if level > JSON_LEVELS_MAX:
                raise Malformed("JSON is deeper than 8 levels")
        elif byte in b"}]":
            level -= 1


def unique_members(pairs):
    """Object from its members: names allowed and none twice."""
    members = dict(pairs)
    if len(members) != len(pairs) or not all(MEMBER_NAME.match(name) for name in members):
        raise Malformed("a member of a JSON object has a name that is not allowed, or stands twice")
    return members


def whole_number(text):
    """A number of section 10."""
    value = int(text)
    if not 0 <= value <= NUMBER_MAX:
        raise Malformed("a JSON number is not within 0 to 2^53 - 1")
    return value


def no_number(text):
    """Fractions, exponents and NaN are no numbers of section 10."""
    raise Malformed("a JSON number is not a whole one")


def parse_json(raw):
    """One JSON object in its one encoding."""
    if len(raw) > JSON_BYTES_MAX:
        raise Malformed("JSON is longer than 65,536 bytes")
    check_depth(raw)
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_members,
                           parse_int=whole_number, parse_float=no_number,
                           parse_constant=no_number)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        same = again.encode("utf-8") == raw
    except (ValueError, RecursionError):
        raise Malformed("a payload is not JSON") from None
    if not isinstance(value, dict) or not same:
        raise Malformed("JSON is not an object in its one encoding")
    return value


def text(value):
    """A string."""
    return isinstance(value, str)


def number(value):
    """A number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def dec(value):
    """A decimal string without leading zeros, below 2^64."""
    return text(value) and re.match(r"\A(0|[1-9][0-9]{0,19})\Z", value) is not None \
        and int(value) < 1 << 64


def b64(length=None):
    """A base64 string of `length` bytes."""
    def check(value):
        try:
            base64_decode(value.encode(), length)
        except (Malformed, AttributeError, UnicodeEncodeError):
            return False
        return True
    return check


def one_of(*values):
    """One of these strings."""
    return lambda value: text(value) and value in values


def boolean(value):
    """True or false."""
    return isinstance(value, bool)


def ranges(value):
    """Array of [dec, dec], both ends in."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and dec(pair[0]) and dec(pair[1])
        and int(pair[0]) <= int(pair[1]) for pair in value)


def clock(value):
    """The clock of a state."""
    return isinstance(value, dict) and boolean(value.get("synchronized")) \
        and dec(value.get("max_error_us")) and text(value.get("offset_ns")) \
        and re.match(r"\A(0|-?[1-9][0-9]{0,19})\Z", value["offset_ns"]) is not None


def peers(value):
    """Peers of an overflow: array of [dec, address]."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and dec(pair[0]) and text(pair[1])
        for pair in value)


# kind -> (members that must be there, members that may be); each with its rule.
MEMBERS = {
    1: ({"transport": one_of(*TRANSPORTS), "listener": text, "identity": one_of(*IDENTITIES),
         "relay": boolean},
        {"address": text, "name": text, "fingerprint": b64(32)}),
    2: ({"first": dec, "end": dec, "generation": number, "file": text, "bytes": dec,
         "sha512": b64(64), "header": b64(32), "root": b64(32), "positions": b64(32)},
        {"order": dec, "frames": b64(32)}),
    3: ({"event": text, "side": one_of(*SIDES)},
        {"source": number, "since": dec, "until": dec, "listener": text}),
    5: ({"action": one_of(*ACTIONS)},
        {"ranges": ranges, "reason": text, "case": text, "authority_note": text,
         "from": text, "size": dec, "lost": dec}),
    6: ({}, {"checkpoint": text, "beacon": text, "origin": text, "url": text}),
    8: ({"wall": dec, "boottime": dec, "boot_id": text, "clock": clock, "sources": number,
         "positions": b64(32)}, {}),
}

# Members that the table names for an event beyond those of all events. Each may lack.
EVENTS = {
    "start": ("version", "claim", "pid"),
    "stop": ("reason",),
    "recovery": ("file", "good", "cut", "sha256", "size"),
    "udp-drop": ("count",),
    "cut": ("index", "received", "kept"),
    "framing-error": ("index", "address", "reason"),
    "unfinished": ("index", "kept"),
    "refused": ("address", "reason", "count"),
    "connection-unacknowledged": ("count",),
    "clock-step": ("old", "new", "boottime", "boot_id"),
    "disk-low": ("free", "share"),
    "write-failure": ("file", "reason"),
    "configuration": ("sha256",),
    "certificate-expiring": ("name",),
    "silence": ("name",),
    "overflow": ("peers",),
    "corruption": ("file", "reason", "good"),
    "audit": ("commitment", "first", "end", "population"),
    "audit-opened": ("commitment", "nonce"),
}
FORMS = {"pid": number, "address": text, "reason": text, "name": text, "file": text,
         "version": text, "boot_id": text, "sha256": b64(32), "peers": peers, "nonce": text,
         "commitment": b64(32), "population": b64(32)}


def check_members(value, must, may):
    """Members that must be there, and the form of all that are named."""
    for name, rule in must.items():
        if name not in value or not rule(value[name]):
            raise Malformed("the member \"%s\" lacks or has not its form" % name)
    for name, rule in may.items():
        if name in value and not rule(value[name]):
            raise Malformed("the member \"%s\" has not its form" % name)


def check_own(kind, raw):
    """R18 for kinds 1, 2, 3, 5, 6 and 8: the object."""
    value = parse_json(raw)
    if value.get("type") != TYPES[kind]:
        raise Malformed("a payload of kind %d has not its type" % kind)
    check_members(value, *MEMBERS[kind])
    if kind == 1 and value["identity"] == "certificate" and not (
            "name" in value and "fingerprint" in value):
        raise Malformed("a certificate's declaration lacks name or fingerprint")
    if kind == 2:
        check_manifest(value)
    if kind == 3:
        check_members(value, {}, {name: FORMS.get(name, dec)
                                  for name in EVENTS.get(value["event"], ())})
    if kind == 6 and ("checkpoint" in value) == ("beacon" in value):
        raise Malformed("an anchor has neither a checkpoint nor a beacon, or both")
    return value


def check_manifest(value):
    """What a manifest says by itself (section 10.2)."""
    if value["file"] != "%020d.%d.zst" % (int(value["first"]), value["generation"]):
        raise Malformed("the name in a manifest is not that of its first index and generation")
    if int(value["first"]) > int(value["end"]):
        raise Malformed("a manifest's first is behind its end")
    if value["generation"] == 0 and "order" in value:
        raise Malformed("a manifest of generation 0 names an order")

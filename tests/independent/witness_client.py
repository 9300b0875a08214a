"""A client of a witness, written from the public specifications alone (C2SP tlog-witness,
tlog-cosignature, tlog-checkpoint, signed-note; RFC 6962): logs with trees of their own, requests,
and the judgement of what comes back. It shares no code with the project."""

import base64
import hashlib
import http.client
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

DASH = "\u2014 ".encode()


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def tree_hash(leaves):
    """MTH of RFC 6962 2.1 over leaf hashes."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:]))


def subproof(m, leaves, whole):
    """SUBPROOF of RFC 6962 2.1.2."""
    if m == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return subproof(m, leaves[:k], whole) + [tree_hash(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [tree_hash(leaves[:k])]


class Key:
    """An Ed25519 key of one type byte."""

    def __init__(self, name, kind=1, seed=None):
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(seed) if seed else \
            Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(serialization.Encoding.Raw,
                                                        serialization.PublicFormat.Raw)
        self.encoding = bytes([kind]) + public
        self.id = sha256(name.encode() + b"\n" + self.encoding)[:4]

    def vkey(self):
        return "%s+%s+%s" % (self.name, self.id.hex(), b64(self.encoding))

    def line(self, text, damage=False):
        signature = self.private.sign(text)
        if damage:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return DASH + ("%s %s\n" % (self.name, b64(self.id + signature))).encode()


class Log:
    """A log that keeps its leaves, and may lie about them."""

    def __init__(self, origin, leaves=0):
        self.origin = origin
        self.key = Key(origin)
        self.leaves = []
        self.grow(leaves)

    def grow(self, n, salt=b""):
        for _ in range(n):
            self.leaves.append(sha256(b"\x00" + salt + b"%d" % len(self.leaves)))

    def fork(self, at):
        """Another history with the same key: equal up to leaf `at`."""
        other = Log.__new__(Log)
        other.origin, other.key = self.origin, self.key
        other.leaves = self.leaves[:at]
        other.grow(len(self.leaves) - at, b"other")
        return other

    def root(self, size=None):
        return tree_hash(self.leaves[:len(self.leaves) if size is None else size])

    def text(self, size=None, root=None, extra=""):
        size = len(self.leaves) if size is None else size
        root = self.root(size) if root is None else root
        return ("%s\n%d\n%s\n%s" % (self.origin, size, b64(root), extra)).encode()

    def note(self, size=None, root=None, extra="", keys=None, damage=False):
        text = self.text(size, root, extra)
        lines = b"".join(k.line(text, damage) for k in ([self.key] if keys is None else keys))
        return text + b"\n" + lines

    def proof(self, old, size=None):
        size = len(self.leaves) if size is None else size
        return subproof(old, self.leaves[:size], True) if 0 < old < size else []


def body(old, proof, note):
    return ("old %s\n" % old).encode() + b"".join(b64(h).encode() + b"\n" for h in proof) + \
        b"\n" + note


class Witness:
    """Where a witness is, and its key."""

    def __init__(self, host, port, prefix, vkey):
        self.host, self.port, self.prefix = host, port, prefix
        name, ident, key = vkey.strip().split("+", 2)
        raw = base64.b64decode(key)
        if raw[0] != 4 or sha256(name.encode() + b"\n" + raw)[:4].hex() != ident:
            raise ValueError("the vkey of the witness is not of type 04, or its ID does not fit")
        self.name, self.id = name, bytes.fromhex(ident)
        self.key = Ed25519PublicKey.from_public_bytes(raw[1:])
        self.connection = None

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def request(self, method, path, data=None, headers=None):
        """Status, headers and body; the connection is kept, as the specification asks for."""
        for again in (False, True):
            if self.connection is None:
                self.connection = self.connect()
            try:
                self.connection.request(method, self.prefix + path, data, headers or {})
                answer = self.connection.getresponse()
                got = answer.read()
                if answer.getheader("Connection") == "close":
                    self.close()
                return answer.status, answer.headers, got
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()
                if again:
                    raise
        return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def add(self, old, proof, note):
        return self.request("POST", "/add-checkpoint", body(old, proof, note))

    def checkpoint(self, origin):
        return self.request("GET", "/%s/checkpoint" % sha256(origin.encode()).hex())

    def cosigned_at(self, text, lines):
        """The time of the witness's cosignature among signature lines over a text; None: none."""
        for line in lines.splitlines(keepends=True):
            if not line.startswith(DASH) or not line.endswith(b"\n"):
                raise ValueError("not a signature line: %r" % line)
            name, _, payload = line[len(DASH):-1].rpartition(b" ")
            raw = base64.b64decode(payload, validate=True)
            if name.decode() != self.name or raw[:4] != self.id:
                continue
            if len(raw) != 76:
                raise ValueError("a cosignature of %d bytes" % len(raw))
            when = struct.unpack(">Q", raw[4:12])[0]
            try:
                self.key.verify(raw[12:], b"cosignature/v1\ntime %d\n" % when + text)
            except InvalidSignature:
                raise ValueError("a cosignature that does not verify") from None
            if not 0 < when < 1 << 63:
                raise ValueError("a cosignature without a time")
            return when
        return None

    def judge(self, note):
        """The time at which a whole note was cosigned by this witness."""
        text, _, lines = note.rpartition(b"\n\n")
        return self.cosigned_at(text + b"\n", lines)

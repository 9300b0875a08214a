"""Primitives of the Akashi format: docs/format.md sections 1 to 3 and 4.2.

Numbers, hashes, Merkle trees, commitments and the signature rule. Nothing here reads a file.
What cannot be decoded raises one of the three exceptions below; they carry the verdict code of
section 13 that the caller reports.
"""

import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

INDEX_END = 1 << 63
GROUP = 256
PARTS_MAX_BYTES = 38
PARTS_MIN_BYTES = 4


class FormatError(Exception):
    """A rule is broken; `code` is the code of section 13."""

    code = "MALFORMED"


class Malformed(FormatError):
    """A rule about encoding, grammar or place."""


class Unsupported(FormatError):
    """The bytes speak of a later version of the format."""

    code = "UNSUPPORTED"


class Limit(FormatError):
    """A bound of section 11 is exceeded."""

    code = "LIMIT"


class Altered(FormatError):
    """A digest or signature does not come out."""

    code = "ALTERED"


class EpochError(FormatError):
    """A rule of section 5 is broken."""

    code = "EPOCH"


def sha256(data):
    """H(x) of section 1."""
    return hashlib.sha256(data).digest()


class Reader:
    """Big-endian fields from a byte string (section 1). Never reads past the end."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        """The next `count` bytes."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise Malformed("a structure ends before its last field")
        part = self.data[self.at:end]
        self.at = end
        return part

    def uint(self, count):
        """An unsigned integer of `count` bytes, big-endian."""
        return int.from_bytes(self.take(count), "big")

    def index(self):
        """A u64 that is an index or a size: below 2^63."""
        value = self.uint(8)
        if value >= INDEX_END:
            raise Malformed("an index or size is not below 2^63")
        return value

    def hashes(self, count):
        """`count` hashes of 32 bytes."""
        raw = self.take(32 * count)
        return [raw[i:i + 32] for i in range(0, len(raw), 32)]

    def varint(self):
        """Unsigned LEB128, at most 10 bytes, below 2^64, minimal."""
        value = 0
        for position in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                if byte == 0 and position > 0:
                    raise Malformed("a varint is not minimal")
                if value >= 1 << 64:
                    raise Malformed("a varint is not below 2^64")
                return value
        raise Malformed("a varint is longer than 10 bytes")

    def end(self):
        """All bytes must have been taken."""
        if self.at != len(self.data):
            raise Malformed("bytes are left behind the last field")


# Trees (section 2).

EMPTY_ROOT = sha256(b"")


def leaf_hash(entry):
    """H(00 || entry)."""
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    """H(01 || left || right)."""
    return sha256(b"\x01" + left + right)


def push_node(nodes, level, value):
    """Appends node (level, value) to a compact range whose start is 0 or a multiple of all sizes
    that can come; `nodes` is a list of (level, hash), from left to right."""
    while nodes and nodes[-1][0] == level:
        value = node_hash(nodes.pop()[1], value)
        level += 1
    nodes.append((level, value))


def range_levels(size):
    """Levels of the nodes of the compact range [0, size), from left to right."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def fold(hashes):
    """Root of a compact range [0, n) from its hashes: folded from the right."""
    if not hashes:
        return EMPTY_ROOT
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def tree_root(leaves):
    """RFC 6962 root over the byte strings `leaves` (not their hashes)."""
    nodes = []
    for leaf in leaves:
        push_node(nodes, 0, leaf_hash(leaf))
    return fold([value for _, value in nodes])


def inclusion_root(index, size, leaf, proof):
    """Root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None when the proof has
    not the length it must have."""
    if index >= size:
        return None
    here, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if here & 1 or here == last:
            value = node_hash(sibling, value)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            value = node_hash(value, sibling)
        here >>= 1
        last >>= 1
    return value if last == 0 else None


# Commitments (section 3.4).

WORD_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                       b"._:@/\\%+~#$*!?^`-") | frozenset(range(0x80, 0x100))


def salt_of(group_key, index):
    """Form 1: the salt of entry `index` from its group key G."""
    both = sha256(b"\x05" + group_key + bytes([index % 256 // 2]))
    return both[16:] if index & 1 else both[:16]


def commit_whole(salt, payload):
    """Form 1: H(02 || salt || payload)."""
    return sha256(b"\x02" + salt + payload)


def record_key(group_key, index):
    """Form 2: K = H(06 || G || u8(index mod 256))."""
    return sha256(b"\x06" + group_key + bytes([index % 256]))


def split_parts(payload):
    """Form 2: the parts of a payload; an empty payload is one empty part."""
    if not payload:
        return [b""]
    parts = []
    start = 0
    for at in range(1, len(payload)):
        length = at - start
        if length == PARTS_MAX_BYTES or (
                length >= PARTS_MIN_BYTES and payload[at - 1] not in WORD_BYTES
                and payload[at] in WORD_BYTES):
            parts.append(payload[start:at])
            start = at
    parts.append(payload[start:])
    return parts


def commit_parts(key, payload):
    """Form 2: H(04 || u32(m) || c_0 || ... || c_{m-1}) with the record key K."""
    parts = split_parts(payload)
    commitments = []
    both = b""
    for j, part in enumerate(parts):
        if j & 1 == 0:
            both = sha256(b"\x07" + key + struct.pack(">I", j // 2))
        salt = both[16:] if j & 1 else both[:16]
        commitments.append(sha256(b"\x03" + salt + part))
    return sha256(b"\x04" + struct.pack(">I", len(parts)) + b"".join(commitments))


# Ed25519 (section 4.2).

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY_BYTES = b"\x01" + bytes(31)


def point_decode(raw):
    """Point (extended coordinates) of a canonical encoding; None when it is none."""
    y = int.from_bytes(raw, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if len(raw) != 32 or y >= P:
        return None
    u = (y * y - 1) % P
    v = (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
        if v * x * x % P != u:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def point_add(a, b):
    """Sum of two points in extended coordinates (complete formula)."""
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * a[3] * b[3] * D % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_multiply(scalar, point):
    """scalar * point."""
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def is_identity(point):
    """True when the point is the neutral element."""
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def point_is_sound(raw):
    """Rule (1) of section 4.2: canonical, in the prime-order subgroup, not the identity."""
    point = point_decode(raw)
    return point is not None and not is_identity(point) and is_identity(point_multiply(L, point))


KEY_SOUND = {}


def ed25519_verify(public, message, signature):
    """The rule of section 4.2. OpenSSL compares R with the encoding of [S]B - [k]A; with A in the
    prime-order subgroup that implies (3) for R, but for the identity."""
    if len(public) != 32 or len(signature) != 64:
        return False
    if public not in KEY_SOUND:
        if len(KEY_SOUND) > 4096:
            KEY_SOUND.clear()
        KEY_SOUND[public] = point_is_sound(public)
    if not KEY_SOUND[public] or int.from_bytes(signature[32:], "little") >= L:
        return False
    if signature[:32] == IDENTITY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True

"""What the format rests on: integers, hashes, trees, keys, signatures, notes, JSON.

Written from docs/format.md (sections 1, 2, 4, 5, 10). Everything here is small and slow on purpose:
it serves a forger who wants to change anything, so nothing is hidden and nothing is checked that a
forger would want to break. FormatError says that bytes do not decode.
"""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class FormatError(Exception):
    """The bytes are not what docs/format.md says; the text names the place."""


def H(data):
    """SHA-256."""
    return hashlib.sha256(data).digest()


def u8(n):
    return n.to_bytes(1, "big")


def u16(n):
    return n.to_bytes(2, "big")


def u32(n):
    return n.to_bytes(4, "big")


def u48(n):
    return n.to_bytes(6, "big")


def u64(n):
    return n.to_bytes(8, "big")


def u32le(n):
    return n.to_bytes(4, "little")


def varint(n):
    """Unsigned LEB128, minimal (section 1)."""
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


class Cursor:
    """Reads fields from the front of a byte string; FormatError when it ends too early."""

    def __init__(self, data, what="bytes"):
        self.data = data
        self.at = 0
        self.what = what

    def take(self, n):
        if n > len(self.data) - self.at:
            raise FormatError(f"{self.what}: ends {n - len(self.data) + self.at} bytes early")
        part = self.data[self.at:self.at + n]
        self.at += n
        return part

    def int(self, n):
        return int.from_bytes(self.take(n), "big")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.int(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 63:
                raise FormatError(f"{self.what}: varint too long")
        if (byte == 0 and shift > 7) or value >= 1 << 64:
            raise FormatError(f"{self.what}: varint not minimal or too large")
        return value

    def end(self):
        if self.at != len(self.data):
            raise FormatError(f"{self.what}: {len(self.data) - self.at} bytes too many")


# Trees (section 2).

def leaf_hash(entry):
    return H(b"\x00" + entry)


def node_hash(left, right):
    return H(b"\x01" + left + right)


def fold(hashes):
    """Root of a compact range [0, n)."""
    if not hashes:
        return H(b"")
    root = hashes[-1]
    for h in reversed(hashes[:-1]):
        root = node_hash(h, root)
    return root


class Frontier:
    """A compact range [0, n) that grows by one leaf at a time and notes every level-8 hash."""

    def __init__(self, size=0, hashes=()):
        levels = [l for l in range(63, -1, -1) if size >> l & 1]
        if len(levels) != len(hashes):
            raise FormatError(f"compact range of {size}: {len(hashes)} hashes")
        self.size = size
        self.nodes = list(zip(levels, hashes))
        self.level8 = None

    def copy(self):
        other = Frontier()
        other.size, other.nodes = self.size, list(self.nodes)
        return other

    def add(self, leaf):
        """Adds a leaf hash; returns the level-8 hash it completes, or None."""
        level, done = 0, None
        while self.nodes and self.nodes[-1][0] == level:
            leaf = node_hash(self.nodes.pop()[1], leaf)
            level += 1
            if level == 8:
                done = leaf
        self.nodes.append((level, leaf))
        self.size += 1
        return done

    def hashes(self):
        return [h for _, h in self.nodes]

    def root(self):
        return fold(self.hashes())


def tree_root(leaves):
    tree = Frontier()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_proof(leaves, index):
    """RFC 6962 audit path of leaf `index`, from the leaf upwards."""
    path, level = [], list(leaves)
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level = [node_hash(level[i], level[i + 1]) if i + 1 < len(level) else level[i]
                 for i in range(0, len(level), 2)]
        index //= 2
    return path


# Ed25519 (section 4.2). Signing and the common check are the library's; the few lines of curve
# arithmetic make the signatures that only a forger wants.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY = (0, 1)


def point_add(p, q):
    x1, y1, x2, y2 = *p, *q
    m = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + m, P - 2, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - m, P - 2, P) % P)


def point_mul(n, p):
    r = IDENTITY
    while n:
        if n & 1:
            r = point_add(r, p)
        p = point_add(p, p)
        n >>= 1
    return r


def point_encode(p):
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1 != sign:
        x = (P - x) % P
    return (x, y)


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
ORDER_8 = point_mul(L, point_decode((3).to_bytes(32, "little")))


def secret_scalar(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254


def challenge(r, public, message):
    return int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L


def sign_with_r(seed, public, message, r_scalar, torsion=None):
    """A signature whose R is [r_scalar]B, plus `torsion` when given: only the key's holder can."""
    r = point_mul(r_scalar, BASE)
    if torsion is not None:
        r = point_add(r, torsion)
    r = point_encode(r)
    s = (r_scalar + challenge(r, public, message) * secret_scalar(seed)) % L
    return r + s.to_bytes(32, "little")


class Key:
    """A named Ed25519 key; `seed` is None when only the public half is known."""

    def __init__(self, name, seed=None, public=None):
        self.name = name
        self.seed = seed
        self.private = None
        self.public = public
        if seed is not None:
            self.private = Ed25519PrivateKey.from_private_bytes(seed)
            self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def id(self):
        return H(self.name.encode() + b"\n\x01" + self.public)[:4]

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(b'%c' % 1 + self.public)}"

    def sign(self, message):
        return self.private.sign(message)

    def line(self, text, signature=None):
        """The signature line of this key under the note text `text` (str)."""
        if signature is None:
            signature = self.sign(text.encode())
        return f"\u2014 {self.name} {b64(self.id + signature)}\n"


def make_note(text, keys):
    return (text + "\n" + "".join(k.line(text) for k in keys)).encode()


def split_note(note):
    """A note's text (with its last LF) and its signature lines, as str."""
    text, _, lines = note.decode().rpartition("\n\n")
    return text + "\n", lines.splitlines(keepends=True)


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{b64(root)}\n"


def checkpoint_fields(note):
    """(origin, size, root) of a checkpoint."""
    origin, size, root = note.decode().split("\n")[:3]
    return origin, int(size), unb64(root)


# Epochs (section 5).

class Secrets:
    """The keys of one log, all from one number, so that every run makes the same log."""

    def __init__(self, name, number, epochs=4, steal_origin=None):
        root_seed = H(b"akashi tamper tests" + u64(number))
        seed, seeds = H(root_seed + b"epochs"), []
        for _ in range(epochs):
            seeds.append(H(b"akashi/epoch-key/v1\n" + seed))
            seed = H(b"akashi/epoch-next/v1\n" + seed)
        public = [Key("", s).public for s in seeds]
        self.leaves = [leaf_hash(k) for k in public]
        self.origin = steal_origin or f"{name}/{tree_root(self.leaves)[:16].hex()}"
        self.log_id = self.origin.rpartition("/")[2]
        self.epochs = [Key(f"{self.origin}/epoch/{e}", s) for e, s in enumerate(seeds)]
        self.log = Key(self.origin, H(root_seed + b"log"))

    @property
    def vkey(self):
        return self.log.vkey

    def checkpoint(self, size, root, epoch=0):
        return make_note(checkpoint_text(self.origin, size, root), [self.log, self.epochs[epoch]])

    def start_note(self, epoch, size, root):
        """The payload of the kind-4 entry at index `size` that begins `epoch`."""
        key = self.epochs[epoch]
        lines = ["akashi/epoch/v1", self.origin, str(epoch), str(size), b64(root), self.vkey,
                 str(len(self.epochs)), b64(key.public)]
        lines += [b64(h) for h in inclusion_proof(self.leaves, epoch)]
        signers = ([self.epochs[epoch - 1]] if epoch else []) + [key, self.log]
        return make_note("\n".join(lines) + "\n", signers)


def canonical_json(value):
    """RFC 8785 for what section 10 allows: integers, strings, arrays, objects, booleans."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

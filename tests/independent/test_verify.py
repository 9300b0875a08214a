#!/usr/bin/python3
"""Primitives of the independent verifier against known answers of the public standards and worked
examples of docs/format.md."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
try:
    import cryptography  # noqa: F401
    import zstandard  # noqa: F401
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(77)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from notes import Key, check_origin, parse_note  # noqa: E402
from payloads import parse_json  # noqa: E402
from primitives import (EMPTY_ROOT, IDENTITY_BYTES, L, Malformed, Reader, commit_parts,  # noqa: E402
                        commit_whole, ed25519_verify, fold, inclusion_root, leaf_hash, node_hash,
                        point_is_sound, push_node, range_levels, record_key, salt_of, sha256,
                        split_parts, tree_root)
from tree import Spans  # noqa: E402


class Numbers(unittest.TestCase):
    """Section 1."""

    def read(self, text):
        reader = Reader(bytes.fromhex(text))
        value = reader.varint()
        reader.end()
        return value

    def test_varint(self):
        self.assertEqual(self.read("00"), 0)
        self.assertEqual(self.read("7f"), 127)
        self.assertEqual(self.read("8001"), 128)
        self.assertEqual(self.read("e58e26"), 624485)
        self.assertEqual(self.read("ffffffffffffffffff01"), 2 ** 64 - 1)

    def test_varint_malformed(self):
        for text in ("", "80", "8000", "ff00", "ffffffffffffffffff02", "80808080808080808001ff",
                     "8080808080808080808001", "0000"):
            with self.assertRaises(Malformed, msg=text):
                self.read(text)


class Trees(unittest.TestCase):
    """RFC 6962 section 2.1; the leaves and roots that many implementations publish."""

    LEAVES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f")]
    ROOTS = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }

    def test_roots(self):
        self.assertEqual(EMPTY_ROOT.hex(), "e3b0c44298fc1c149afbf4c8996fb924"
                                           "27ae41e4649b934ca495991b7852b855")
        for size, root in self.ROOTS.items():
            self.assertEqual(tree_root(self.LEAVES[:size]).hex(), root)

    def test_compact_range(self):
        nodes = []
        for leaf in self.LEAVES[:7]:
            push_node(nodes, 0, leaf_hash(leaf))
        self.assertEqual([level for level, _ in nodes], range_levels(7))
        self.assertEqual(range_levels(7), [2, 1, 0])
        self.assertEqual(fold([value for _, value in nodes]).hex(), self.ROOTS[7])

    def test_inclusion(self):
        hashes = [leaf_hash(leaf) for leaf in self.LEAVES[:3]]
        root = bytes.fromhex(self.ROOTS[3])
        pair = node_hash(hashes[0], hashes[1])
        self.assertEqual(inclusion_root(2, 3, hashes[2], [pair]), root)
        self.assertEqual(inclusion_root(0, 3, hashes[0], [hashes[1], hashes[2]]), root)
        self.assertEqual(inclusion_root(0, 1, hashes[0], []), hashes[0])
        self.assertIsNone(inclusion_root(3, 3, hashes[2], [pair]))
        self.assertIsNone(inclusion_root(2, 3, hashes[2], []))
        self.assertIsNone(inclusion_root(2, 3, hashes[2], [pair, pair]))


class Commitments(unittest.TestCase):
    """Section 3.4."""

    def test_form_1(self):
        key = bytes(range(32))
        both = sha256(b"\x05" + key + b"\x7f")
        self.assertEqual(salt_of(key, 254), both[:16])
        self.assertEqual(salt_of(key, 511), both[16:])
        self.assertEqual(commit_whole(bytes(16), b"x"), sha256(b"\x02" + bytes(16) + b"x"))

    def test_split(self):
        def parts(text):
            return split_parts(text)
        self.assertEqual(parts(b""), [b""])
        self.assertEqual(parts(b"abc def ghij"), [b"abc ", b"def ", b"ghij"])
        self.assertEqual(parts(b"a b c d"), [b"a b ", b"c d"])
        self.assertEqual(parts(b"user=root  rhost=::1"), [b"user=", b"root  ", b"rhost=", b"::1"])
        self.assertEqual(parts(b"x" * 38), [b"x" * 38])
        self.assertEqual(parts(b"x" * 39), [b"x" * 38, b"x"])
        self.assertEqual(parts(b" " * 40), [b" " * 38, b"  "])
        self.assertEqual(parts("ab\u00e9\u00e9 z".encode()), ["ab\u00e9\u00e9 ".encode(), b"z"])
        self.assertEqual(b"".join(parts(bytes(range(256)) * 3)), bytes(range(256)) * 3)

    def test_form_2(self):
        key = bytes(32)
        both = sha256(b"\x07" + key + bytes(4))
        first = sha256(b"\x03" + both[:16] + b"abc ")
        second = sha256(b"\x03" + both[16:] + b"def ")
        third = sha256(b"\x03" + sha256(b"\x07" + key + b"\0\0\0\x01")[:16] + b"g")
        self.assertEqual(commit_parts(key, b"abc def g"),
                         sha256(b"\x04\0\0\0\x03" + first + second + third))

    def test_form_2_example(self):
        """The example of the text."""
        key = record_key(bytes(range(32)), 261)
        self.assertEqual(key.hex(),
                         "5fb55d63a1661b5ee5753d9106a7dcbb3798683981bc20b8e429baa9cf38dbb6")
        payload = b"sshd[412]: Failed password for root from 192.0.2.7 port 22 ssh2"
        self.assertEqual(split_parts(payload), [b"sshd[", b"412]", b": Failed ", b"password ",
                                                b"for ", b"root ", b"from ", b"192.0.2.7 ",
                                                b"port ", b"22 ssh2"])
        self.assertEqual(commit_parts(key, payload).hex(),
                         "f038ff6420884e8934bfd2bf1fc9f689cd018e46b11dcc0f47a7a871c9c878fa")
        self.assertEqual(commit_parts(key, b"").hex(),
                         "9c2b924be00d4556a9880928ef4d37b65c3daf16a27c4040588259aad86ab253")


class Signatures(unittest.TestCase):
    """Section 4.2; RFC 8032 section 7.1, tests 1 to 3."""

    VECTORS = (
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    )

    def test_vectors(self):
        for key, message, signature in self.VECTORS:
            raw = bytes.fromhex(signature)
            self.assertTrue(ed25519_verify(bytes.fromhex(key), bytes.fromhex(message), raw))
            self.assertFalse(ed25519_verify(bytes.fromhex(key), b"other", raw))
            scalar = int.from_bytes(raw[32:], "little") + L
            grown = raw[:32] + scalar.to_bytes(32, "little")
            self.assertFalse(ed25519_verify(bytes.fromhex(key), bytes.fromhex(message), grown))

    def test_points(self):
        self.assertTrue(point_is_sound(bytes.fromhex(self.VECTORS[0][0])))
        self.assertFalse(point_is_sound(IDENTITY_BYTES))
        # The point of order 2, one of order 8, and y = p + 1, which is not canonical.
        for text in ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                     "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"):
            self.assertFalse(point_is_sound(bytes.fromhex(text)))

    def test_small_order_key(self):
        key = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
        self.assertFalse(ed25519_verify(key, b"any", IDENTITY_BYTES + bytes(32)))


class Notes(unittest.TestCase):
    """Section 4; the example of C2SP signed-note."""

    VKEY = b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    NOTE = ("This is an example message.\n\n\u2014 example.com/foo "
            "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72"
            "IneyaQM=\n").encode()

    def test_example(self):
        key = Key.parse(self.VKEY)
        text, lines = parse_note(self.NOTE)
        self.assertEqual(lines[0][:2], (key.name, key.id))
        self.assertTrue(ed25519_verify(key.public, text, lines[0][2]))

    def test_malformed(self):
        with self.assertRaises(Malformed):
            Key.parse(self.VKEY.replace(b"530d903a", b"530d903b"))
        for raw in (b"", b"text\n", b"text\n\n", self.NOTE[:-1], self.NOTE + b"\n",
                    self.NOTE.replace(b"example message", b"example\tmessage"),
                    self.NOTE + self.NOTE.split(b"\n\n")[1] * 32):
            with self.assertRaises(Malformed, msg=raw):
                parse_note(raw)

    def test_origin(self):
        x = "00112233445566778899aabbccddeeff"
        self.assertEqual(check_origin(("a.example/%s" % x).encode()).hex(), x)
        for raw in ("a.example", "a.example/" + x.upper(), "/" + x, "a b/" + x, "a+b/" + x,
                    "a\u00a0b/" + x, "a" * 180 + "/" + x):
            with self.assertRaises(Malformed, msg=raw):
                check_origin(raw.encode())


class Json(unittest.TestCase):
    """Section 10."""

    def test_accepted(self):
        for raw in ('{}', '{"a":1,"b":[true,"\\n\\u001f\u00e9\x7f/"]}', '{"n":9007199254740991}'):
            self.assertIsInstance(parse_json(raw.encode()), dict)

    def test_refused(self):
        for raw in ('', '[]', '{ }', '{"b":1,"a":1}', '{"a":1,"a":1}', '{"a":1.0}', '{"a":-1}',
                    '{"a":01}', '{"a":9007199254740992}', '{"A":1}', '{"a":"\\u000a"}',
                    '{"a":"\\u001F"}', '{"a":"\\/"}', '{"a":NaN}', '{"a":1}\n', '\ufeff{}',
                    '{"a":"\\ud800"}', '{"a":' + '[' * 8 + ']' * 8 + '}', '[' * 60000):
            with self.assertRaises(Malformed, msg=raw[:40]):
                parse_json(raw.encode("utf-8", "surrogatepass"))
        with self.assertRaises(Malformed):
            parse_json(b'{"a":"\xff"}')


class SpanSets(unittest.TestCase):
    """The arithmetic of index ranges."""

    def test_sets(self):
        a = Spans([(0, 5), (5, 7), (10, 12)])
        self.assertEqual([list(s) for s in a], [[0, 7], [10, 12]])
        self.assertEqual([list(s) for s in a.minus([(3, 11)])], [[0, 3], [11, 12]])
        self.assertEqual([list(s) for s in a.intersect([(6, 11)])], [[6, 7], [10, 11]])
        self.assertTrue(a.holds(6) and not a.holds(7) and a.covers(1, 7) and not a.covers(6, 11))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
"""COLUMNS, frames and own payloads of docs/format.md, sections 6.3, 6.4 and 10, rule by rule: each
rule is kept once and broken once."""

import json
import os
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
try:
    import cryptography  # noqa: F401
    import zstandard
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(77)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from build import b64, frame, varint  # noqa: E402
from payloads import check_own  # noqa: E402
from primitives import Malformed, Unsupported  # noqa: E402
from segment import (COLUMNS, Columns, File, FileError, HEADER, MARK, check_data_header,  # noqa: E402
                     decompress, parse_mark, read_frame)

RECEIVED = 1000000


def columns(first=0, count=2, runs=None, feeds=varint(0), texts=None, states=varint(0), keys=None,
            nodes=b"", form=1, data_bytes=20, text_bytes=8, behind=b""):
    """Content of a COLUMNS frame; two records of one source unless something else is said."""
    if runs is None:
        runs = [varint(2) + varint(512) + varint(0) + varint(0) + varint(RECEIVED)]
    if texts is None:
        texts = varint(text_bytes)
    if keys is None:
        keys = b"\0" + bytes(32)
    return (b"\x02\x01" + struct.pack(">II", data_bytes, text_bytes) + bytes(32)
            + struct.pack(">QIB", first, count, form) + varint(len(runs)) + b"".join(runs) + feeds
            + texts + states + keys + nodes + behind)


def run(n, tag, seq=None, time=b""):
    """One run."""
    return varint(n) + varint(tag) + (b"" if seq is None else varint(seq)) + time


START = varint(0) + varint(RECEIVED)


class Block(unittest.TestCase):
    """Section 6.3."""

    def refused(self, *contents, code=Malformed):
        for content in contents:
            with self.assertRaises(code, msg=content.hex()):
                Columns(content)

    def test_header(self):
        self.assertEqual(list(Columns(columns()).rows()),
                         [(0, 256, 0, 0, RECEIVED * 1000), (0, 256, 1, 0, RECEIVED * 1000)])
        self.refused(columns(data_bytes=0), columns(data_bytes=1114113),
                     columns(text_bytes=1048577), columns(first=1 << 63),
                     columns(first=(1 << 63) - 1), columns(behind=b"\0"), columns()[:-1],
                     columns(count=0), columns(count=8193), columns(count=3))
        self.refused(columns(form=0), columns(form=3), code=Unsupported)

    def test_runs(self):
        """6.3.1."""
        def two(second, first=run(1, 512, 0, START)):
            return columns(runs=[first, second])
        later = Columns(two(run(1, 512, None, varint(2))))
        self.assertEqual(list(later.rows())[1], (0, 256, 1, 0, (RECEIVED + 1) * 1000))
        step = Columns(two(run(1, 512, None, varint(1) + varint(5))))
        self.assertEqual(list(step.rows())[1], (0, 256, 1, 1, 5000))
        fragment = Columns(two(run(1, 513, None, varint(0))))
        self.assertEqual(list(fragment.rows())[1], (7, 256, 1, 0, RECEIVED * 1000))
        own = Columns(two(run(1, 6, 9, varint(0))))
        self.assertEqual(list(own.rows())[1], (3, 3, 9, 0, RECEIVED * 1000))
        self.refused(
            two(run(1, 512, None, varint(0))),              # two runs that could be one
            two(run(1, 512, None, varint(3))),              # odd and not 1
            two(run(1, 7, 0, varint(0))),                   # a fragment with an own source
            two(run(1, 2 << 32, 0, varint(0))),             # a source above 32 bits
            two(run(0, 512, None, varint(2))),              # none
            two(run(2, 512, None, varint(2))),              # too many
            two(run(1, 514, (1 << 48) - 0, varint(0))),     # a number above 48 bits
            two(run(1, 512, None, varint(2 * ((1 << 64) // 1000)))),
            columns(runs=[run(2, 512, 0, varint(65536) + varint(1))]),
            columns(runs=[run(2, 512, 0, varint(0) + varint((1 << 64) // 1000 + 1))]),
            columns(runs=[]), columns(count=1, runs=[run(1, 512, 0, START), b""]),
            columns(runs=[varint(2)[:-1] + b"\x82\0" + varint(512) + varint(0) + START]))

    def test_line_feeds(self):
        """6.3.2."""
        block = Columns(columns(feeds=varint(1) + varint(1) + varint(1)))
        self.assertEqual(block.split(b"a\nb\ncde\n")[0], {0: b"a", 1: b"b\ncde"})
        self.assertIsNotNone(block.split(b"a\nb\ncdef")[1])
        self.assertIsNotNone(Columns(columns()).split(b"a\nb\nc\nd\n")[1])
        self.assertIsNotNone(Columns(columns()).split(b"abc\nde\n")[1])
        self.refused(columns(feeds=varint(1) + varint(2) + varint(1)),
                     columns(feeds=varint(1) + varint(0) + varint(0)),
                     columns(feeds=varint(3) + (varint(0) + varint(1)) * 3))

    def test_texts(self):
        """6.3.3."""
        two = {"first": 255, "keys": (b"\0" + bytes(32)) * 2, "nodes": bytes(32)}
        block = Columns(columns(texts=varint(4) + varint(4), **two))
        self.assertEqual(block.split(b"abc\ndef\n"), ({0: b"abc", 1: b"def"}, None))
        self.assertEqual(block.split(b"ab\n\ndef\n")[0], {1: b"def"})
        self.refused(columns(texts=varint(4) + varint(5), **two), columns(texts=varint(7)),
                     columns(texts=varint(4) + varint(4), **{**two, "nodes": b""}),
                     columns(texts=varint(4) + varint(4), **{**two, "keys": b"\0" + bytes(32)}))

    def test_states(self):
        """6.3.4."""
        def absent(states, salts=16):
            return columns(states=states, keys=b"\x01" + bytes(salts))
        one = varint(1) + varint(1) + varint(1)
        self.assertEqual(Columns(absent(one + b"\x01" + b"c" * 32)).absent, {1: (1, b"c" * 32)})
        other = varint(2) + varint(0) + varint(1) + b"\x01" + varint(0) + varint(1) + b"\x03"
        self.assertEqual(sorted(Columns(absent(other + bytes(64), 0)).absent), [0, 1])
        self.refused(
            absent(one + b"\0" + bytes(32)), absent(one + b"\x04" + bytes(32)),
            absent(one + b"\x02" + bytes(32)),              # needs encoding 1
            absent(varint(1) + varint(1) + varint(0) + b"\x01"),
            absent(varint(1) + varint(1) + varint(2) + b"\x01" + bytes(64)),
            absent(varint(2) + (varint(0) + varint(1) + b"\x01") * 2 + bytes(64), 0),
            columns(states=one + b"\x01" + bytes(32)),      # a group key where one is erased
            columns(runs=[run(2, 16, 0, START)], states=one + b"\x03" + bytes(32)),
            columns(feeds=varint(1) + varint(1) + varint(1), states=one + b"\x03" + bytes(32)))
        expired = Columns(columns(states=one + b"\x03" + bytes(32)))
        self.assertEqual(expired.keys[0][0], "group")

    def test_keys(self):
        """6.3.5."""
        self.assertEqual(Columns(columns(keys=b"\x01" + b"a" * 16 + b"b" * 16)).keys[0],
                         ("salts", {0: b"a" * 16, 1: b"b" * 16}))
        Columns(columns(form=2, keys=b"\x01" + bytes(64)))
        self.refused(columns(keys=b"\x02" + bytes(32)), columns(keys=b"\x01" + bytes(31)),
                     columns(form=2, keys=b"\x01" + bytes(32)))


class Data(unittest.TestCase):
    """Section 6.4."""

    TEXT = b"one\ntwo\n" * 1000

    def pack(self, **more):
        options = {"write_checksum": True, **more}
        return zstandard.ZstdCompressor(**options).compress(self.TEXT)

    def test_good(self):
        check_data_header(self.pack(), len(self.TEXT))
        self.assertEqual(decompress(self.pack(), len(self.TEXT)), (self.TEXT, None, None))

    def test_refused(self):
        good = self.pack()
        at = good.index(struct.pack("<H", len(self.TEXT) - 256), 4)
        for data in (self.pack(write_checksum=False), self.pack(write_content_size=False),
                     good + good, good + b"\0", good[:-1], b"", good[:5],
                     good[:4] + bytes([good[4] | 0x10]) + good[5:],
                     good[:4] + bytes([good[4] | 0x08]) + good[5:],
                     good[:at] + struct.pack("<H", 5) + good[at + 2:],
                     b"\x28\xb5\x2f\xfd\x04\x70" + good[6:]):
            with self.assertRaises(Malformed, msg=data[:12].hex()):
                check_data_header(data, len(self.TEXT))

    def test_problems(self):
        """R15: the checksum is ALTERED, all else MALFORMED; the first frame alone is taken."""
        good = self.pack()
        self.assertEqual(decompress(good[:-1] + bytes([good[-1] ^ 1]), len(self.TEXT))[:2],
                         (self.TEXT, "ALTERED"))
        self.assertEqual(decompress(good, len(self.TEXT) - 1)[1], "MALFORMED")
        half = zstandard.ZstdCompressor(write_checksum=True).compress(self.TEXT[:4000])
        self.assertEqual(decompress(half + half, len(self.TEXT))[:2],
                         (self.TEXT[:4000], "MALFORMED"))

    def test_bomb(self):
        """What comes out is bounded by what the block says, whatever the frame holds."""
        bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 26))
        text, code, _ = decompress(bomb, 1000)
        self.assertEqual((len(text), code), (1000, "MALFORMED"))


class Frames(unittest.TestCase):
    """Section 6.1 and 6.5, and files."""

    def file(self, raw):
        handle, path = tempfile.mkstemp()
        os.write(handle, raw)
        os.close(handle)
        file = File(path)
        self.addCleanup(os.unlink, path)
        self.addCleanup(file.close)
        return file

    def test_frames(self):
        good = frame(COLUMNS, b"abc")
        self.assertEqual(read_frame(self.file(good), 0, (COLUMNS,)), (COLUMNS, 13, good[8:]))
        for raw in (b"", good[:9], good[:-1], b"\x50" + good[1:], good[:8] + b"\x06\x01abc",
                    good[:8] + b"\0\x01abc", frame(HEADER, b"abc"), frame(MARK, bytes(4095)),
                    b"\x5a\x2a\x4d\x18\x01\0\0\0\x02\x01"):
            with self.assertRaises(Malformed, msg=raw.hex()[:60]):
                read_frame(self.file(raw), 0, (COLUMNS, MARK))
        with self.assertRaises(Unsupported):
            read_frame(self.file(good[:9] + b"\x02abc"), 0, (COLUMNS,))

    def test_mark(self):
        mark = b"\x03\x01" + struct.pack(">QB", 5, 2) + bytes(64) + b"d" * 32
        self.assertEqual(parse_mark(mark)[::2], (5, b"d" * 32))
        for raw in (mark[:-1], mark + b"\0", mark[:10] + b"\x03" + mark[11:],
                    mark[:2] + b"\x80" + mark[3:]):
            with self.assertRaises(Malformed):
                parse_mark(raw)

    def test_more_files_than_descriptors(self):
        files = [self.file(b"%d" % i) for i in range(File.OPEN_MAX + 20)]
        self.assertLessEqual(len(File.opened), File.OPEN_MAX)
        self.assertEqual([f.read(0, 9) for f in files], [b"%d" % i for i in range(len(files))])
        for file in files:
            file.close()
        self.assertEqual(File.opened, [])

    def test_another_file_in_the_place(self):
        file = self.file(b"one")
        file.close()
        with open(file.path + ".new", "wb") as other:
            other.write(b"two")
        os.rename(file.path + ".new", file.path)
        with self.assertRaises(FileError):
            file.read(0, 3)


def encoded(**members):
    """A payload in the one encoding."""
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


class Payloads(unittest.TestCase):
    """Section 10."""

    SOURCE = {"type": "source", "transport": "tls", "listener": "tls://:6514",
              "identity": "certificate", "name": "a", "fingerprint": b64(bytes(32)),
              "relay": False}
    MANIFEST = {"type": "manifest", "first": "5", "end": "9", "generation": 0,
                "file": "00000000000000000005.0.zst", "bytes": "1", "sha512": b64(bytes(64)),
                "header": b64(bytes(32)), "root": b64(bytes(32)), "positions": b64(bytes(32))}
    EVENT = {"type": "event", "event": "recovery", "side": "collector"}
    STATE = {"type": "state", "wall": "1", "boottime": "18446744073709551615", "boot_id": "x",
             "sources": 0, "positions": b64(bytes(32)),
             "clock": {"synchronized": False, "max_error_us": "0", "offset_ns": "-1"}}
    ORDER = {"type": "order", "action": "erase", "ranges": [["1", "1"], ["3", "9"]]}

    def good(self, kind, base, **more):
        check_own(kind, encoded(**{**base, **more}))

    def bad(self, kind, base, *changes):
        for change in changes:
            members = {k: v for k, v in {**base, **change}.items() if v is not None}
            with self.assertRaises(Malformed, msg=change):
                check_own(kind, encoded(**members))

    def test_source(self):
        self.good(1, self.SOURCE, address="192.0.2.1", anything=[1])
        for name in ("name", "fingerprint", "relay", "listener", "transport", "type"):
            self.bad(1, self.SOURCE, {name: None})
        self.bad(1, self.SOURCE, {"transport": "x"}, {"identity": "x"}, {"relay": 1},
                 {"fingerprint": b64(bytes(31))}, {"type": "event"})
        self.good(1, {"type": "source", "transport": "udp", "listener": "u", "relay": True,
                      "identity": "forgeable"})

    def test_manifest(self):
        self.good(2, self.MANIFEST)
        self.good(2, self.MANIFEST, generation=1, file="00000000000000000005.1.zst", order="7")
        for name in self.MANIFEST:
            self.bad(2, self.MANIFEST, {name: None})
        self.bad(2, self.MANIFEST, {"file": "../x"}, {"generation": 1}, {"end": "4"},
                 {"first": "05"}, {"order": "7"}, {"bytes": 1}, {"sha512": b64(bytes(32))})

    def test_event(self):
        self.good(3, self.EVENT)
        self.good(3, self.EVENT, event="what a later version tells", cut=1)
        self.good(3, self.EVENT, cut="18446744073709551615", file="x", sha256=b64(bytes(32)))
        self.bad(3, self.EVENT, {"cut": "18446744073709551616"}, {"cut": 1}, {"cut": "-1"},
                 {"sha256": b64(bytes(31))}, {"file": 1}, {"side": "x"}, {"event": None},
                 {"side": None}, {"since": 1}, {"source": "1"}, {"source": True})
        self.good(3, self.EVENT, event="overflow", peers=[["1", "192.0.2.1"]])
        self.bad(3, self.EVENT, {"event": "overflow", "peers": [["1"]]},
                 {"event": "start", "pid": "1"}, {"event": "clock-step", "boot_id": 1})

    def test_state(self):
        self.good(8, self.STATE)
        for name in self.STATE:
            self.bad(8, self.STATE, {name: None})
        for offset in ("-0", "00", "", "+1", "1" * 21, 1, "-01"):
            self.bad(8, self.STATE, {"clock": {**self.STATE["clock"], "offset_ns": offset}})
        self.bad(8, self.STATE, {"clock": {"synchronized": True}}, {"sources": "1"})

    def test_order_and_anchor(self):
        self.good(5, self.ORDER)
        self.good(5, self.ORDER, ranges=[], reason="r", case="c", authority_note="n")
        self.bad(5, self.ORDER, {"action": None}, {"action": "x"}, {"ranges": [["2", "1"]]},
                 {"ranges": [["1"]]}, {"ranges": "1"}, {"reason": 1})
        self.good(6, {"type": "anchor", "beacon": "b", "url": "u"})
        self.bad(6, {"type": "anchor", "beacon": "b"}, {"checkpoint": "c"}, {"beacon": None},
                 {"beacon": 1}, {"origin": 1})


if __name__ == "__main__":
    unittest.main()

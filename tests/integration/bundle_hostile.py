#!/usr/bin/python3
"""bundle_hostile.py VERIFY: bundles of a wrong form, by mistake or on purpose. Each is refused with a
word for what is wrong; none crashes the program, takes memory by what it says, or writes a control
byte to the terminal."""

import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, ORDER, STATEMENTS, get, put, save  # noqa: E402
import akbases  # noqa: E402
import zstandard  # noqa: E402

c = Cases(sys.argv[1])
log, secrets = akbases.tiny()
save(log, secrets, "s")
KEY = ["--key", "s.key"]
LAST = sum(len(s.entries()) for s in log.segments) - 1
c.run(0, "export", "s", *KEY, *STATEMENTS, "--index", f"3-{LAST}", "-o", "good", "--quiet")


def refused(name, says, status=1):
    c.run(status, "bundle", name, *KEY, says=says)
    c.expect(all(ord(ch) >= 32 and ord(ch) != 127 or ch == "\n" for ch in c.out + c.err),
             f"{name}: a control character is shown")


def changed(name, says, change, status=1, sums=True):
    b = Bundle("good")
    change(b)
    b.write(name, sums=sums)
    refused(name, says, status)


def file_of(name, data):
    return lambda b: b.files.__setitem__(name, data)


# Files: missing, foreign, links, directories.
for name in ORDER:
    if name in Bundle("good").files:
        changed("x", f"the bundle has no file {name}", lambda b, n=name: b.files.pop(n),
                sums=name != "SHA256SUMS")
changed("x", "run.sh is no file of a bundle", file_of("run.sh", b"#!/bin/sh\n"))
Bundle("good").write("x")
os.remove("x/own.txt")
os.symlink("../good/own.txt", "x/own.txt")
refused("x", "own.txt", 2)
Bundle("good").write("x")
os.mkdir("x/more")
refused("x", "more is no file of a bundle")
Bundle("good").write("x")
os.mkdir("x/policy")
refused("x", "policy", 2)
Bundle("good").write("x")
os.remove("x/entries")
os.mkfifo("x/entries")
refused("x", "entries", 2)
c.run(2, "bundle", "nowhere", *KEY)
put("empty", b"")
c.run(1, "bundle", "empty", *KEY, says="ends")
put("zeros", bytes(1024))
c.run(1, "bundle", "zeros", *KEY, says="has no file")

# proof: its one encoding.
proof = Bundle("good").files["proof"]
for data, says in (
        (b"", "not ended"),
        (proof[:-1], "not ended"),
        (proof + b"\n", "something stands behind"),
        (proof.replace(b"bundle/v1", b"bundle/v2"), "does not begin with"),
        (proof.replace(b"show 1\n", b"show 01\n", 1), "no possible length"),
        (proof.replace(b"show 1\n", b"show 0\n", 1), "no possible length"),
        (proof.replace(b"show 1\n", b"show 9223372036854775808\n", 1), "no possible length"),
        (proof.replace(b"show 1\n", b"Show 1\n", 1), "neither shown nor skipped"),
        (proof.replace(b"show 1\n", b"show 1\nshow 1\n", 1), "two stretches that are one"),
        (proof.replace(b"\n%d\n" % (LAST + 1), b"\n%d\n" % (LAST + 2), 1), "the checkpoint for"),
        (b"akashi/bundle/v1\n%d\n" % (LAST + 1) + b"A" * 200000, "too long")):
    changed("x", says, file_of("proof", data))

# entries, openings, own.txt, records.zst: too short, too long, unknown states, lengths, no LF.
good = Bundle("good")
for name in ("entries", "openings", "own.txt"):
    data = good.files[name]
    changed("x", "too early", file_of(name, data[:-1]))
    changed("x", "more", file_of(name, data + b"\0"))
    changed("x", "too early", file_of(name, b""))
changed("x", "no line feed", file_of("own.txt", good.files["own.txt"][:-1] + b" "))
changed("x", "state 2 is not known", file_of("openings", b"\2" + good.files["openings"][1:]))
changed("x", "state 255", file_of("openings", b"\xff" + good.files["openings"][1:]))
changed("x", "a payload of", file_of("openings", b"\0\xff\xff\xff\xff" + bytes(16)))
entries = good.files["entries"]
changed("x", "form", file_of("entries", b"\x09" + entries[1:]), 2)
changed("x", "", file_of("entries", entries[:11] + b"\x01" + entries[12:]))
packed = good.files["records.zst"]
plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
bad = bytearray(packed)
bad[len(bad) // 2] ^= 4
changed("x", "records.zst", file_of("records.zst", bytes(bad)))
changed("x", "records.zst", file_of("records.zst", packed[:-3]))
changed("x", "more than openings", file_of("records.zst", packed + packed))
changed("x", "frame of its form", file_of("records.zst", zstandard.compress(plain)))
changed("x", "frame of its form", file_of("records.zst", b"\x50\x2a\x4d\x18\0\0\0\0" + packed))
make = zstandard.ZstdCompressor(write_checksum=True).compress
changed("x", "less than openings", file_of("records.zst", make(plain[:-5])))
changed("x", "more than openings", file_of("records.zst", make(plain + b"x")))
changed("x", "more than openings", file_of("records.zst", make(plain + bytes(50_000_000))))
wide = zstandard.ZstdCompressor(
    compression_params=zstandard.ZstdCompressionParameters(window_log=27, write_checksum=True))
changed("x", "records.zst", file_of("records.zst", wide.compress(plain + bytes(200_000_000))))

# bundle.json: its one encoding and its members.
about = json.loads(good.files["bundle.json"])
changed("x", "no text", lambda b: b.about(case=7))
changed("x", "is empty", lambda b: b.about(reason=""))
changed("x", "version 2", lambda b: b.about(version=2), 2)
changed("x", "asked for what is not known", lambda b: b.about(asked={"what": "all"}))
changed("x", "first is behind last",
        lambda b: b.about(asked={"what": "index", "first": "9", "last": "3"}))
changed("x", "not before", lambda b: b.about(asked={"what": "time", "from": "9", "to": "9"}))
changed("x", "sources", lambda b: b.about(asked={"what": "time", "from": "1", "to": "9",
                                                "sources": [9, 9], "source": ["x"]}))
changed("x", "redactions", lambda b: b.about(redactions="x"))
changed("x", "another log", lambda b: b.about(origin="example.org/x/" + "0" * 32))
changed("x", "bundle.json", file_of("bundle.json", good.files["bundle.json"] + b"\n"))
changed("x", "bundle.json", file_of("bundle.json", b"[" * 60000))
changed("x", "at most", file_of("bundle.json", bytes(70000)))
wild = "\x1b[31m\u202e\n<script>"
changed("x", r"\x1b[31m\xe2\x80\xae\x0a<script>", lambda b: b.about(reason=wild), 0)

# checkpoint and SHA256SUMS.
changed("x", "", file_of("checkpoint", b""))
changed("x", "at most", file_of("checkpoint", bytes(70000)))
changed("x", "no line for", file_of("SHA256SUMS", b""), sums=False)
changed("x", "more files", file_of("SHA256SUMS", good.files["SHA256SUMS"] * 2), sums=False)
changed("x", "no line for", file_of("SHA256SUMS", good.files["SHA256SUMS"].replace(b"  ", b" *")),
        sums=False)

# One file: every deviation from its one form.
good.sums()
good.tar("good.tar")
c.run(0, "bundle", "good.tar", *KEY, says="VALID")
data = get("good.tar")
for at, name in ((0, "name"), (100, "mode"), (108, "uid"), (124, "size"), (136, "mtime"),
                 (148, "checksum"), (156, "type"), (157, "linkname"), (257, "magic"), (265, "uname"),
                 (329, "devmajor"), (345, "prefix"), (511, "rest")):
    bent = bytearray(data)
    bent[at] = (bent[at] + 1) % 256
    put("x.tar", bytes(bent))
    c.run(1, "bundle", "x.tar", *KEY, says="header at byte 0" if at else "")
for cut in (1, 512, 1024, 1025, len(data) // 2, len(data) - 300):
    put("x.tar", data[:-cut])
    refused("x.tar", "archive")
for more in (b"\0", bytes(512), bytes(10240), b"x" * 512, data):
    put("x.tar", data + more)
    refused("x.tar", "archive")
names = [n for n in ORDER if n in good.files]
for order in (names[::-1], names[:3] + names[4:5] + names[3:4] + names[5:], names + names[-1:]):
    good.tar("x.tar", order)
    refused("x.tar", "")
for header in ({"type": b"2", "linkname": "/etc/passwd"}, {"mode": 0o4755}, {"uid": 1},
               {"uname": "root"}, {"mtime": 1}):
    good.tar("x.tar", **header)
    refused("x.tar", "")
pad = bytearray(data)
pad[512 + len(good.files["README.txt"])] = 1
put("x.tar", bytes(pad))
refused("x.tar", "something else than zero")

# A bundle stands alone on the line, and is no store.
c.run(2, "check", "good", "s", *KEY, says="is a bundle")
c.run(2, "store", "good", *KEY, says="is a bundle")
for words in (["--expect", "index:9-3"], ["--expect", "from:2026-01-01"], ["--expect", "x"],
              ["--expect", "index:1-2", "--expect", "events"], ["--require", "all"],
              ["--expect", "from:2026-01-02", "--expect", "to:2026-01-01"]):
    c.run(2, "bundle", "good", *KEY, *words, says="--")
c.end()

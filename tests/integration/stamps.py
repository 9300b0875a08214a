#!/usr/bin/python3
"""stamps.py PROGRAM: RFC 3161 stamps beside a log: what counts is over the log's own root, by an
authority given from outside, at the stamp's own time; all else is told or counts for nothing."""

import json
import os
import shutil
import subprocess
import sys

from prove_kit import Cases, akbases, get, put, save
from tsa_kit import OPENSSL, Authority, Stamper, der, der_int, run

from akbase import checkpoint_fields

HERE = os.path.dirname(os.path.abspath(__file__))


class Stores:
    """One log, a root, a TSA; and copies of the log with stamps beside it."""

    def __init__(self):
        self.log, self.secrets = akbases.standard("example.org/stamps", 41)
        self.note = self.log.checkpoint
        self.size = checkpoint_fields(self.note)[1]
        self.root = Authority("ca")
        self.tsa = Stamper(self.root)
        self.number = 0

    def store(self, replies, note=None, size=None):
        """A copy with the stamped note and its replies; gives its directory and the log's in it."""
        self.number += 1
        name = f"s{self.number}"
        save(self.log, self.secrets, name)
        directory = f"{name}/{self.log.log_id}"
        size = self.size if size is None else size
        if note is not False:
            put(f"{directory}/{size:020d}.stamped", note or self.note)
        for k, reply in enumerate(replies):
            put(f"{directory}/{size:020d}.{k}.tsr", reply)
        put("key", self.secrets.vkey.encode() + b"\n")
        return name, directory

    def check(self, c, status, store, ca="ca/root.pem", says=None):
        args = ["check", store, "--key", "key"] + (["--tsa-ca", ca] if ca else [])
        c.run(status, *args, "--json")
        report = json.loads(c.out)["logs"][0]
        report["codes"] = sorted(f["code"] for f in report["findings"])
        c.run(status, *args, says=says or ())
        return report


def good(c, s):
    """A good stamp says by when the log existed; OpenSSL alone agrees."""
    store, directory = s.store([s.tsa.stamp(s.note)])
    report = s.check(c, 0, store, says="stamps        1 of 1 count")
    c.expect(report["stamps"] == 1 and report["stamps_counted"] == 1 and
             report["stamped_size"] == s.size and "Test TSA" in report["stamped_by"], "the stamp counts")
    path = f"{directory}/{s.size:020d}"
    run("ts", "-verify", "-data", path + ".stamped", "-in", path + ".0.tsr", "-CAfile", "ca/root.pem")
    c.run(0, "cat", store, "--key", "key", "--tsa-ca", "ca/root.pem", "--jsonl")
    lines = [json.loads(line) for line in c.out.splitlines()]
    c.expect(lines and all(l["existed_by_s"] == report["stamped_existed_by_s"] for l in lines),
             "each record says by when it existed")
    c.run(0, "report", store, "--key", "key", "--tsa-ca", "ca/root.pem", "-o", "r.html", "--force")
    c.expect(b"Time stamps" in get("r.html"), "the page says so")


def independent(c, s):
    """The second verifier takes a stamped note as a checkpoint, too."""
    reply = s.tsa.stamp(s.note)
    verify = os.path.join(HERE, "..", "independent", "verify.py")
    lines = s.note.splitlines(keepends=True)
    changed = b"".join(lines[:1] + [b"1\n"] + lines[2:])
    for note, status, code in ((s.note, 0, "STAMP_NOT_CHECKED"), (changed, 1, "ALTERED")):
        store, directory = s.store([reply], note=note)
        done = subprocess.run([sys.executable, verify, directory, "--key", s.secrets.vkey],
                              capture_output=True, check=False)
        c.out, c.err = done.stdout.decode(), done.stderr.decode()
        c.expect(done.returncode == status and code in c.out, f"verify.py says {code}")
        c.run(status, "check", store, "--key", "key", says=code)


def times(c, s):
    """The time is the stamp's own, with its accuracy; certificates are judged at it, not today."""
    for at, accuracy, seconds in (("20210203040506Z", b"", 1612325106),
                                  ("20210203040506.25Z", b"", 1612325107),
                                  ("20210203040506Z", der(0x30, der_int(3), der(0x80, b"\x05")),
                                   1612325110)):
        store, _ = s.store([s.tsa.forge(s.note, at=at, accuracy=accuracy)])
        c.expect(s.check(c, 0, store).get("stamped_existed_by_s") == seconds, f"time {at}")
    old = Stamper(s.root, "old", "Old TSA", end="20220101000000Z")
    store, _ = s.store([old.forge(s.note, at="20210203040506Z")])
    c.expect(s.check(c, 0, store)["stamps_counted"] == 1, "it was valid when it signed")
    store, _ = s.store([old.forge(s.note, at="20230203040506Z")])
    report = s.check(c, 0, store, says="has expired")
    c.expect(report["stamps_counted"] == 0 and report["codes"] == ["STAMP_NOT_TRUSTED"],
             "it was not valid when it signed")
    early, late = s.tsa.forge(s.note, at="20210101000000Z"), s.tsa.forge(s.note, at="20240101000000Z")
    for replies in ([early, late], [late, early]):
        store, _ = s.store(replies)
        report = s.check(c, 0, store)
        c.expect(report["stamped_existed_by_s"] == 1609459200 and report["stamps_counted"] == 2,
                 "the earliest of one root counts")
    sha512 = s.tsa.forge(s.note, digest="sha512")
    c.expect(s.check(c, 0, s.store([sha512])[0])["stamps_counted"] == 1, "SHA-512 is taken")


def nobody_trusts(c, s):
    """What no certificate from outside vouches for is no finding against the log and no time."""
    reply = s.tsa.stamp(s.note)
    Authority("other", "Test Root")
    for ca, code in ((None, "STAMP_NOT_CHECKED"), ("other/root.pem", "STAMP_NOT_TRUSTED")):
        report = s.check(c, 0, s.store([reply])[0], ca=ca)
        c.expect(report["codes"] == [code] and report["stamps_counted"] == 0 and
                 "stamped_size" not in report, code)
    for stem, extensions in (("plain", "plain"), ("also", "also")):
        signer = Stamper(s.root, stem, stem, extensions)
        report = s.check(c, 0, s.store([signer.forge(s.note)])[0])
        c.expect(report["codes"] == ["STAMP_NOT_TRUSTED"], f"a certificate that is {stem}")
    report = s.check(c, 0, s.store([s.tsa.forge(s.note, md="sha1")])[0])
    c.expect(report["codes"] == ["STAMP_NOT_TRUSTED"], "signed by SHA-1")
    report = s.check(c, 0, s.store([reply], note=False)[0])
    c.expect(report["codes"] == ["STAMP_NOT_CHECKED"], "without the note that it is over")
    c.run(2, "check", "s1", "--key", "key", "--tsa-ca", "nowhere", says="--tsa-ca: open nowhere")
    c.run(2, "check", "s1", "--key", "key", "--tsa-ca", "key", says="holds no certificate")


def wrong(c, s):
    """Other bytes are ALTERED, no reply is MALFORMED; with and without certificates."""
    reply = s.tsa.stamp(s.note)
    for name, data, code in (("of other bytes", s.tsa.stamp(b"x" + s.note), "ALTERED"),
                             ("cut", reply[:-1], "MALFORMED"), ("longer", reply + b"\0", "MALFORMED"),
                             ("empty", b"", "MALFORMED"), ("text", b"<html>", "MALFORMED"),
                             ("too long", b"0" * 70000, "MALFORMED"),
                             ("refused", s.tsa.forge(s.note, status=2), "MALFORMED"),
                             ("by SHA-1", s.tsa.forge(s.note, digest="sha1"), "MALFORMED")):
        for ca in (None, "ca/root.pem"):
            report = s.check(c, 1, s.store([data])[0], ca=ca)
            c.expect(report["codes"] == [code], f"a reply {name}: {report['codes']}")
    body, lines = s.note.split(b"\n\n")
    first = lines.splitlines(keepends=True)[0]
    note = body + b"\n\n" + first
    report = s.check(c, 1, s.store([s.tsa.stamp(note)], note=note)[0])
    c.expect("ALTERED" in report["codes"] or "MALFORMED" in report["codes"], "one line only")
    report = s.check(c, 1, s.store([reply], size=s.size - 1)[0])
    c.expect(report["codes"] == ["MALFORMED"], "the name of another size")


def beyond(c, s):
    """A stamped note of a size that the log does not reach: entries are missing."""
    store, directory = s.store([s.tsa.stamp(s.note)])
    name = max(f for f in os.listdir(directory) if f.endswith(".zst"))
    os.unlink(f"{directory}/{name}")
    os.unlink(f"{directory}/checkpoint")
    report = s.check(c, 3, store)
    c.expect("MISSING" in report["codes"] and report["stamps_counted"] == 0, "the end is missing")


def each_byte(c, s):
    """No changed byte of a reply counts for another time, and none ends the program."""
    reply = s.tsa.forge(s.note, at="20210203040506Z")
    store, directory = s.store([reply])
    path = f"{directory}/{s.size:020d}.0.tsr"
    args = [c.program, "check", store, "--key", "key", "--tsa-ca", "ca/root.pem", "--json"]
    step = max(1, len(reply) // 60)
    counted = 0
    for at in range(0, len(reply), step):
        put(path, reply[:at] + bytes([reply[at] ^ 0x01]) + reply[at + 1:])
        done = subprocess.run(args, capture_output=True, check=False)
        report = json.loads(done.stdout)["logs"][0]
        c.expect(done.returncode in (0, 1), f"byte {at}: exit {done.returncode}")
        if report["stamps_counted"]:
            counted += 1
            c.expect(report["stamped_existed_by_s"] == 1612325106, f"byte {at} moves the time")
    c.expect(counted < 4, f"{counted} changed replies count")


def many(c, s):
    """A thousand replies over one note are judged one by one."""
    reply = s.tsa.stamp(s.note)
    store, _ = s.store([reply] * 1000)
    c.expect(s.check(c, 0, store)["stamps_counted"] == 1000, "all count")


def main():
    if shutil.which(OPENSSL) is None:
        print("skipped: openssl is not installed")
        sys.exit(77)
    c = Cases(sys.argv[1])
    s = Stores()
    for case in (good, independent, times, nobody_trusts, wrong, beyond, each_byte, many):
        case(c, s)
    c.end()


main()

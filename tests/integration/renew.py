#!/usr/bin/python3
"""renew.py PROGRAM: renewals of time stamps: the list by SHA-512, the request, the reply, and what
`check` says of them; OpenSSL alone agrees with each stamp."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

from prove_kit import Cases, akbases, get, put, save
from tsa_kit import OPENSSL, Authority, Stamper, run

from akbase import checkpoint_fields

HERE = os.path.dirname(os.path.abspath(__file__))
OLD, NEW = "20210203040506Z", "20250101000000Z"
NEW_SECONDS = 1735689600


class Stores:
    """One log with a stamp of 2021, an authority whose certificate ended in 2022, and a new one."""

    def __init__(self):
        self.log, self.secrets = akbases.standard("example.org/renew", 41)
        self.note = self.log.checkpoint
        self.size = checkpoint_fields(self.note)[1]
        self.root = Authority("ca")
        self.old = Stamper(self.root, "old", "Old TSA", end="20220101000000Z")
        self.tsa = Stamper(self.root)
        self.stamp = self.old.forge(self.note, at=OLD)
        self.number = 0
        put("key", self.secrets.vkey.encode() + b"\n")

    def store(self):
        """A copy with the old stamp; gives its directory and the log's in it."""
        self.number += 1
        name = f"s{self.number}"
        save(self.log, self.secrets, name)
        directory = f"{name}/{self.log.log_id}"
        put(f"{directory}/{self.size:020d}.stamped", self.note)
        put(f"{directory}/{self.size:020d}.0.tsr", self.stamp)
        return name, directory

    def renew(self, c, store, directory, at=NEW):
        """Lists, has it stamped as of a time, and puts both into the store; gives the list's path."""
        out = f"{store}.out"
        os.makedirs(out)
        c.run(0, "renew", store, "--key", "key", "--request", f"{out}/q.tsq", "-o", out,
              says="LISTED ")
        made = f"{out}/{self.size:020d}.renewal"
        put(f"{directory}/{self.size:020d}.renewal", get(made))
        put(f"{directory}/{self.size:020d}.renewal.0.tsr",
            self.tsa.forge(get(made), at=at, digest="sha512"))
        return f"{directory}/{self.size:020d}.renewal"

    def check(self, c, status, store, ca="ca/root.pem", says=None):
        args = ["check", store, "--key", "key"] + (["--tsa-ca", ca] if ca else [])
        c.run(status, *args, "--json")
        report = json.loads(c.out)["logs"][0]
        report["codes"] = sorted({f["code"] for f in report["findings"]})
        c.run(status, *args, says=says or ())
        return report


def sealed(directory):
    return sorted(n for n in os.listdir(directory) if n.endswith(".zst") and "open" not in n)


def by_hand(c, s):
    """Request, an authority's answer by `openssl ts`, and what is kept; twice, by two answers."""
    store, directory = s.store()
    os.makedirs("out")
    request = ("renew", store, "--key", "key", "--request", "out/q.tsq", "-o", "out")
    c.run(0, *request, says="LISTED ")
    made = f"out/{s.size:020d}.renewal"
    lines = get(made).split(b"\n")
    c.expect(lines[:4] == [b"akashi/renewal/v1", s.secrets.vkey.split("+")[0].encode(), str(s.size).encode(), b""],
             "the head of the list")
    names = sealed(directory) + [f"{s.size:020d}.stamped", f"{s.size:020d}.0.tsr"]
    wanted = []
    for name in sorted(names):
        data = get(f"{directory}/{name}")
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        wanted.append(f"{len(data)} {digest} {name}".encode())
    c.expect(lines[4:] == wanted + [b""], "the files of the list")
    text = run("ts", "-query", "-in", "out/q.tsq", "-text").decode()
    c.expect("sha512" in text and "Certificate required: yes" in text and "0x" in text.split("Nonce:")[1],
             "the request as OpenSSL reads it")
    c.run(2, *request, says="is there already")
    put("reply.tsr", s.tsa.answer(get("out/q.tsq")))
    keep = ("renew", made, "--request", "out/q.tsq", "--reply", "reply.tsr")
    c.run(2, *keep, "-o", directory, says="--reply wants --tsa-ca FILE")
    c.run(2, *keep, says="--output DIR")
    ca = ("--tsa-ca", "ca/root.pem")
    for k in range(2):
        c.run(0, *keep, *ca, "-o", directory, says=("RENEWED ", "Test TSA"))
        run("ts", "-verify", "-data", f"{directory}/{s.size:020d}.renewal", "-in",
            f"{directory}/{s.size:020d}.renewal.{k}.tsr", "-CAfile", "ca/root.pem")
    c.expect(get(f"{directory}/{s.size:020d}.renewal") == get(made), "the list is kept with it")
    report = s.check(c, 0, store, says="renewals      1 of 1 count")
    c.expect(report["renewals_counted"] == 1 and report["renewed_files"] == len(names) and
             "Test TSA" in report["renewed_by"] and not report["codes"], "it counts")
    c.run(0, "report", store, "--key", "key", *ca, "-o", "r.html")
    c.expect(b"Renewed" in get("r.html"), "the page says so")
    c.run(2, *request[:-1], "elsewhere", says="renewed at this size already")
    for name, reply, says in (
            ("another nonce", s.tsa.forge(get(made), digest="sha512"), "not the nonce"),
            ("other bytes", s.tsa.stamp(b"x"), "over other bytes"),
            ("SHA-256", s.tsa.stamp(get(made)), "not by SHA-512"),
            ("no reply", b"<html>", "no time-stamp reply"),
            ("refused", s.tsa.forge(get(made), digest="sha512", status=2), "no time-stamp reply")):
        put("wrong.tsr", reply)
        os.makedirs("none", exist_ok=True)
        c.run(2, "renew", made, "--request", "out/q.tsq", "--reply", "wrong.tsr", *ca, "-o", "none",
              says=says)
        c.expect(os.listdir("none") == [], f"nothing is kept of {name}")
    if not os.path.exists("foreign"):
        Authority("foreign", "Test Root")
    c.run(2, *keep, "--tsa-ca", "foreign/root.pem", "-o", "none", says="does not lead to one")
    put("list", get(made)[:-1])
    c.run(2, "renew", "list", *keep[2:], *ca, "-o", "none", says="line ")
    put(f"none/{s.size:020d}.renewal", b"other")
    c.run(2, *keep, *ca, "-o", "none", says="is another list")


def bad_logs(c, s):
    """What is not good is not renewed."""
    store, directory = s.store()
    name = f"{directory}/{sealed(directory)[0]}"
    data = bytearray(get(name))
    data[len(data) // 2] ^= 1
    put(name, bytes(data))
    os.makedirs("bad")
    c.run(1, "renew", store, "--key", "key", "--request", "bad/q.tsq", "-o", "bad",
          says="and not renewed")
    c.expect(os.listdir("bad") == [], "nothing is written")
    c.run(2, "renew", name, "--key", "key", "--request", "bad/q.tsq", "-o", "bad", says="one log")


def ages(c, s):
    """A stamp whose certificate has ended counts by itself; a renewal says whether it came in time."""
    store, directory = s.store()
    report = s.check(c, 0, store)
    c.expect(report["stamps_counted"] == 1 and "renewals" not in report, "without a renewal")
    s.renew(c, store, directory, at="20211231000000Z")
    report = s.check(c, 0, store, says="1 time stamp in time, 0 too late")
    c.expect((report["renewed_in_time"], report["renewed_late"]) == (1, 0), "in time")
    store, directory = s.store()
    path = s.renew(c, store, directory)
    report = s.check(c, 0, store, says="0 time stamps in time, 1 too late")
    c.expect((report["renewed_in_time"], report["renewed_late"]) == (0, 1) and
             report["renewed_existed_by_s"] == NEW_SECONDS and report["stamps_counted"] == 1, "too late")
    put(path + ".1.tsr", s.tsa.forge(get(path), at="20211231000000Z", digest="sha512"))
    c.expect(s.check(c, 0, store)["renewed_in_time"] == 1, "the earliest stamp over a list counts")
    report = s.check(c, 0, store, ca=None)
    c.expect(report["renewals_counted"] == 0 and "STAMP_NOT_CHECKED" in report["codes"],
             "without certificates")


def changed(c, s):
    """Whatever a list names must be there as it was; a list must be as it was stamped."""
    store, directory = s.store()
    first = f"{directory}/{sealed(directory)[0]}"
    s.renew(c, store, directory)
    put(f"{directory}/{s.size:020d}.0.tsr", s.tsa.stamp(s.note))  # good by itself, another one
    report = s.check(c, 1, store, says="not as it was when the list")
    c.expect(report["codes"] == ["ALTERED", "STAMP_NOT_CHECKED"] and report["renewals_counted"] == 0,
             "another stamp in the place of one")
    store, directory = s.store()
    s.renew(c, store, directory)
    first = f"{directory}/{sealed(directory)[0]}"
    data = bytearray(get(first))
    data[len(data) // 2] ^= 1
    put(first, bytes(data))
    report = s.check(c, 1, store, says="not as it was when the list")
    c.expect(report["renewals_counted"] == 0, "a changed segment")
    store, directory = s.store()
    s.renew(c, store, directory)
    os.unlink(f"{directory}/{s.size:020d}.0.tsr")
    report = s.check(c, 3, store, says="and it is not here")
    c.expect("MISSING" in report["codes"], "a stamp that was taken away")
    store, directory = s.store()
    path = s.renew(c, store, directory)
    lines = get(path).splitlines(keepends=True)
    put(path, b"".join(lines[:-1]))
    report = s.check(c, 1, store, says="over other bytes")
    c.expect("ALTERED" in report["codes"], "a line that was taken out")
    for name, text in (("names that fall", lines[:4] + lines[:3:-1]),
                       ("a line twice", lines + lines[-1:]), ("no file", lines[:4]),
                       ("another size", lines[:2] + [b"7\n"] + lines[3:]),
                       ("another log", lines[:1] + [b"example.org/other\n"] + lines[2:]),
                       ("the name of no file of a log", lines + [lines[-1][:-1] + b"x\n"]),
                       ("a way out", lines + [lines[-1].replace(b" 0", b" ../0")]),
                       ("no end", lines[:-1] + [lines[-1][:-1]]), ("nothing", [])):
        put(path, b"".join(text))
        report = s.check(c, 1, store)
        c.expect("MALFORMED" in report["codes"], f"a list with {name}: {report['codes']}")
    put(path, b"".join(lines))
    for name, reply, code, status in (
            ("garbage", b"<html>", "MALFORMED", 1), ("SHA-256", s.tsa.stamp(get(path)), "MALFORMED", 1),
            ("other bytes", s.tsa.forge(b"x", digest="sha512"), "ALTERED", 1),
            ("an authority not given", None, "STAMP_NOT_TRUSTED", 0)):
        other = reply or Stamper(Authority("other", "Other Root")).forge(get(path), digest="sha512")
        put(path + ".0.tsr", other)
        report = s.check(c, status, store)
        c.expect(code in report["codes"] and report["renewals_counted"] == 0, f"a reply: {name}")
    os.unlink(path)
    c.expect(s.check(c, 0, store, says="whose lists are not here")["codes"] == ["STAMP_NOT_CHECKED"],
             "a reply without its list")


def again(c, s):
    """A later list holds the earlier one and its stamp; segments replaced by order are explained."""
    store, directory = s.store()
    path = s.renew(c, store, directory, at="20211231000000Z")
    os.makedirs("again")
    name = f"again/{s.size:020d}.renewal"
    older = f"{directory}/{s.size - 1:020d}.renewal"  # as if made before the last entry
    lines = get(path).replace(f"\n{s.size}\n".encode(), f"\n{s.size - 1}\n".encode(), 1)
    put(older, lines)
    put(older + ".0.tsr", s.tsa.forge(lines, at="20211231000000Z", digest="sha512"))
    os.unlink(path)
    os.unlink(path + ".0.tsr")
    c.run(0, "renew", store, "--key", "key", "--request", "again/q.tsq", "-o", "again")
    c.expect(b".renewal.0.tsr\n" in get(name) and b".renewal\n" in get(name), "it holds the earlier one")
    put(path, get(name))
    put(path + ".0.tsr", s.tsa.forge(get(name), at=NEW, digest="sha512"))
    report = s.check(c, 0, store)
    c.expect(report["renewals_counted"] == 2 and report["renewed_existed_by_s"] == NEW_SECONDS and
             (report["renewed_in_time"], report["renewed_late"]) == (2, 0), "a chain of renewals")
    first = sealed(directory)[0]
    os.rename(f"{directory}/{first}", f"{directory}/{first.replace('.0.zst', '.1.zst')}")
    report = s.check(c, 0, store)
    c.expect(report["renewals_counted"] == 2 and report["renewed_replaced"] == 1,
             "a later generation takes its place")


def independent(c, s):
    """The second verifier knows these files."""
    store, directory = s.store()
    s.renew(c, store, directory)
    verify = os.path.join(HERE, "..", "independent", "verify.py")
    done = subprocess.run([sys.executable, verify, directory, "--key", s.secrets.vkey],
                          capture_output=True, check=False)
    c.out, c.err = done.stdout.decode(), done.stderr.decode()
    c.expect(done.returncode == 0 and "UNKNOWN_FILE" not in c.out, "verify.py")


def main():
    if shutil.which(OPENSSL) is None:
        print("skipped: openssl is not installed")
        sys.exit(77)
    c = Cases(sys.argv[1])
    s = Stores()
    for case in (by_hand, bad_logs, ages, changed, again, independent):
        case(c, s)
    c.end()


main()

#!/usr/bin/python3
"""custody.py PROGRAM: `akashi-verify custody`: records are added, chained from the digest of SHA256SUMS,
and what is changed, taken out or put between is found. The chain is checked here by docs/format.md
14.11 without the program."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile

from prove_kit import Cases, akbases, get, put, save

STATEMENTS = ["--case", "2026-114", "--exhibit", "7", "--by", "M. Sato", "--reason", "login from abroad"]


def sha(data):
    return hashlib.sha256(data).hexdigest()


def records(folder):
    return {n: get(os.path.join(folder, n)) for n in sorted(os.listdir(folder))}


def check_chain(c, sums, files):
    """Every record says what 14.11 asks of it."""
    previous = "none"
    for number, (name, data) in enumerate(files.items(), 1):
        text = data.split(b"\n\n")[0].decode().split("\n")
        c.expect(name == f"{number:04}" and text[0] == "akashi/custody/v1" and
                 text[1] == f"number {number}" and text[2] == f"evidence {sha(sums)}" and
                 text[3] == f"previous {previous}" and
                 re.fullmatch(r"at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text[4]) is not None,
                 f"{name} by the format: {text}")
        previous = sha(data)


def adding(c):
    """The bundle begins with the record of its making; more are added, none is written anew."""
    c.expect(list(records("b/custody")) == ["0001"], "export writes the first one")
    c.run(0, "custody", "b", says=["custody record 1", "by M. Sato", "purpose login from abroad",
                                   "exhibit 2026-114 / 7", "signed no: by whom it was written is only",
                                   "VALID 1 custody record, bundle b"])
    first = get("b/custody/0001")
    c.run(0, "custody", "b", "--by", "M. Sato", "--to", "K. Abe, 裁判所", "--purpose", "hand-over",
          "--place", "Tokyo", "--at", "2030-01-02T03:04:05+09:00", "--sign", "sato.key",
          says=["Record 2 was added", "at 2030-01-01T18:04:05Z", "place Tokyo",
                "Give the key with --custody-key", "newer record was taken off the end cannot be seen"])
    c.run(0, "custody", "b", "--by", "K. Abe, 裁判所", "--purpose", "copied", "--changes",
          "seal of the medium broken", "--sign", "abe.key", "--at", "2030-01-03",
          says=["changes seal of the medium broken", "answerable K. Abe, 裁判所"])
    c.run(0, "custody", "b", "--by", "K. Abe, 裁判所", "--purpose", "x", "--changes", "y",
          "--answerable", "T. Ito", "--at", "2030-01-04", says="answerable T. Ito")
    c.expect(get("b/custody/0001") == first, "the first one is as it was")
    check_chain(c, get("b/SHA256SUMS"), records("b/custody"))
    c.expect(sorted(os.listdir("b/custody")) == ["0001", "0002", "0003", "0004"], "and nothing else")
    report = c.json(0, "custody", "b")
    c.expect([r["number"] for r in report["custody"]] == [1, 2, 3, 4] and
             report["custody"][1]["to"] == "K. Abe, 裁判所" and
             report["custody"][1]["sha256"] == sha(get("b/custody/0002")) and
             report["evidence"] == sha(get("b/SHA256SUMS")), "records in JSON")
    c.run(0, "bundle", "b", "--key", "std.key", says=["claim 5, custody: VALID", "custody record 4"])
    c.expect(len(c.json(0, "bundle", "b", "--key", "std.key")["custody"]) == 4, "JSON of bundle")


def usage(c):
    """What is missing or cannot be is said, and nothing is written."""
    before = records("b/custody")
    for says, *words in (
            ("--by NAME is missing", "--to", "K. Abe"),
            ("--purpose TEXT is missing", "--by", "K. Abe"),
            ("what changed?", "--by", "a", "--purpose", "b", "--answerable", "c"),
            ("--purpose: write 1 to 512 bytes", "--by", "a", "--purpose", "two\nlines"),
            ("--place: write 1 to 512 bytes", "--by", "a", "--purpose", "b", "--place", "p" * 513),
            ("this is no private key", "--by", "a", "--purpose", "b", "--sign", "sato.vkey"),
            ("open it: No such file", "--by", "a", "--purpose", "b", "--sign", "nowhere"),
            ("is no time", "--by", "a", "--purpose", "b", "--at", "yesterday")):
        c.run(2, "custody", "b", *words)
        c.expect(says.split()[0] in c.err and (says in c.err or says == "is no time"),
                 f"{words} says: {says}")
    c.run(2, "custody", "std", says="std is no bundle")
    c.run(2, "custody", "nowhere")
    c.run(2, "custody", "b", "--custody-key", "sato.key", says="this is a private key")
    c.expect(records("b/custody") == before, "nothing was written")


def signed(c):
    """With keys of custodians every record must be signed by one of them."""
    shutil.copytree("b", "s")
    for name in ("0003", "0004"):
        os.unlink(f"s/custody/{name}")
    c.run(2, "custody", "s", "--custody-key", "sato.vkey",
          says=["UNTRUSTED_KEY (R44)", "custody record 1 is not signed by any key that was given",
                "signed by agency.example/m.sato, whose key was given"])
    c.run(0, "export", "std", "--index", "300-320", "--key", "std.key", *STATEMENTS, "-o", "t",
          "--sign", "sato.key", "--quiet")
    c.run(0, "custody", "t", "--by", "M. Sato", "--to", "K. Abe", "--purpose", "x", "--sign",
          "sato.key", "--quiet")
    c.run(0, "custody", "t", "--by", "K. Abe", "--purpose", "x", "--sign", "abe.key", "--quiet")
    c.run(2, "custody", "t", "--custody-key", "sato.vkey", says="record 3 is not signed by any key")
    c.run(0, "custody", "t", "--custody-key", "sato.vkey", "--custody-key", "abe.vkey",
          says="signed by court.example/k.abe")
    c.run(0, "bundle", "t", "--key", "std.key", "--custody-key", "sato.vkey", "--custody-key",
          "abe.vkey", says="signed by court.example/k.abe")
    c.run(2, "bundle", "t", "--key", "std.key", "--custody-key", "sato.vkey",
          says="claim 5, custody: NOT CHECKABLE")
    data = get("t/custody/0003")
    put("t/custody/0003", data.replace(b"purpose x", b"purpose y"))
    c.run(0, "custody", "t")
    c.run(1, "custody", "t", "--custody-key", "sato.vkey", "--custody-key", "abe.vkey",
          says="INVALID ALTERED (R44)")
    put("t/custody/0003", data)


def forged(c):
    """Everything but taking the newest one away is found, by custody and under claim 5 of bundle."""
    def swap(name):
        a, b = get(f"{name}/custody/0002"), get(f"{name}/custody/0003")
        put(f"{name}/custody/0002", b)
        put(f"{name}/custody/0003", a)

    def renumber(name):
        os.unlink(f"{name}/custody/0002")
        for n in (3, 4):
            data = get(f"{name}/custody/{n:04}")
            os.unlink(f"{name}/custody/{n:04}")
            put(f"{name}/custody/{n - 1:04}", data.replace(b"number %d" % n, b"number %d" % (n - 1)))

    def edit(number, old, new):
        def change(name):
            path = f"{name}/custody/{number:04}"
            c.expect(old in get(path), f"{path} holds {old}")
            put(path, get(path).replace(old, new, 1))
        return change

    cases = {
        "edited": (edit(2, b"K. Abe", b"K. Ito"), 1, "ALTERED"),
        "edited-first": (edit(1, b"abroad", b"Tokyo1"), 1, "ALTERED"),
        "no-purpose": (edit(1, b"purpose login from abroad", b"purpose login from abroad\n"), 1,
                       "MALFORMED"),
        "swapped": (swap, 1, "ALTERED"),
        "renumbered": (renumber, 1, "ALTERED"),
        "removed": (lambda n: os.unlink(f"{n}/custody/0002"), 3, "MISSING"),
        "first-removed": (lambda n: os.unlink(f"{n}/custody/0001"), 3, "MISSING"),
        "put-in": (lambda n: put(f"{n}/custody/0005", get(f"{n}/custody/0004")), 1, "ALTERED"),
        "stranger": (lambda n: put(f"{n}/custody/notes", b"x"), 1, "MALFORMED"),
        "too-long": (lambda n: put(f"{n}/custody/0005", b"x" * 16385), 1, "MALFORMED"),
        "sums": (lambda n: put(f"{n}/SHA256SUMS", get(f"{n}/SHA256SUMS").replace(b"0", b"1")), 1,
                 "ALTERED"),
        "file": (lambda n: put(f"{n}/README.txt", b"read me"), 1, "ALTERED"),
    }
    for name, (change, status, code) in cases.items():
        shutil.copytree("b", name)
        change(name)
        c.run(status, "custody", name, says=code)
        report = c.json(status, "bundle", name, "--key", "std.key")
        claim = {x["claim"]: x for x in report["claims"]}["custody"] if "claims" in report else {}
        c.expect(claim.get("verdict") == {1: "INVALID", 3: "INCOMPLETE"}[status],
                 f"{name}: under claim 5: {claim}")
    shutil.copytree("b", "cut")
    os.unlink("cut/custody/0004")
    c.run(0, "custody", "cut", says="cannot be seen here")  # and this is said


def damaged(c):
    """Who takes over what is not as it was must say so."""
    c.run(2, "custody", "file", "--by", "a", "--purpose", "b",
          says=["nothing was added: README.txt is not the file that SHA256SUMS lists",
                "--changes TEXT names what is not as it was"])
    c.run(1, "custody", "file", "--by", "a", "--purpose", "b", "--changes", "README.txt differs")
    c.expect(len(records("file/custody")) == 5, "it was added")
    put("too-long/custody/0005", b"x")
    c.run(2, "custody", "too-long", "--by", "a", "--purpose", "b", "--changes", "c",
          says="the newest custody record cannot be read")


def remarks(c):
    """Times that fall and hand-overs that do not join are told, and change no verdict."""
    shutil.copytree("b", "r")
    c.run(0, "custody", "r", "--by", "nobody", "--purpose", "x", "--at", "2001-01-01",
          says=["remark: its time lies before", "remark: by the record before, somebody else had it",
                "VALID 5 custody records, 1 with a remark"])
    last = c.json(0, "custody", "r")["custody"][-1]
    c.expect(last["time_falls"] and last["not_from_holder"], "remarks in JSON")


def archive(c):
    """Of a bundle in one file later records lie beside it; the file is never touched."""
    c.run(0, "export", "std", "--index", "300-320", "--key", "std.key", *STATEMENTS, "-o", "a.tar",
          "--quiet")
    data = get("a.tar")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        first = tar.extractfile("custody/0001").read()
        sums = tar.extractfile("SHA256SUMS").read()
    c.run(0, "custody", "a.tar", "--by", "M. Sato", "--to", "K. Abe", "--purpose", "x")
    c.run(0, "custody", "./a.tar", "--by", "K. Abe", "--purpose", "x")
    c.expect(get("a.tar") == data, "the archive is as it was")
    check_chain(c, sums, {"0001": first, **records("a.tar.custody")})
    c.run(0, "bundle", "a.tar", "--key", "std.key", says="custody record 3")
    c.run(0, "custody", os.path.abspath("a.tar"), says="VALID 3 custody records")
    os.rename("a.tar.custody/0003", "a.tar.custody/0001")
    c.run(1, "custody", "a.tar", says="MALFORMED")
    c.run(1, "bundle", "a.tar", "--key", "std.key", says="claim 5, custody: INVALID")
    c.run(2, "export", "std", "--index", "300-320", "--key", "std.key", *STATEMENTS, "-o", "a.tar",
          "--force", says="a.tar.custody is there: the custody record of another bundle")
    os.unlink("a.tar.custody/0001")
    os.symlink(os.path.abspath("a.tar.custody"), "link.tar.custody")
    shutil.copy("a.tar", "link.tar")
    c.run(2, "custody", "link.tar", "--by", "a", "--purpose", "b")
    c.expect(len(os.listdir("a.tar.custody")) == 1, "no link was followed")


def together(c):
    """Of several who add at once each record has its place, and the chain holds."""
    shutil.copytree("b", "p")
    jobs = [subprocess.Popen([c.program, "custody", "p", "--by", f"n{i}", "--purpose", "x", "--quiet"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(8)]
    done = [(j.communicate(), j.returncode) for j in jobs]
    good = sum(status == 0 for _, status in done)
    for (_, err), status in done:
        c.expect(status == 0 or (status == 2 and b"by somebody else meanwhile" in err),
                 f"{status}: {err}")
    c.expect(good >= 1 and len(records("p/custody")) == 4 + good, "each that was said is there")
    check_chain(c, get("p/SHA256SUMS"), records("p/custody"))


def main():
    c = Cases(sys.argv[1])
    log, secrets = akbases.standard()
    save(log, secrets, "std")
    for who, name in (("sato", "agency.example/m.sato"), ("abe", "court.example/k.abe")):
        c.run(0, "key", "new", name, "-o", f"{who}.key")
        put(f"{who}.vkey", c.out.split("vkey")[-1].strip().encode() + b"\n")
    c.run(0, "export", "std", "--index", "300-320", "--key", "std.key", *STATEMENTS, "-o", "b",
          "--quiet")
    for case in (adding, usage, signed, forged, damaged, remarks, archive, together):
        case(c)
    c.end()


main()

#!/usr/bin/python3
"""prove_stamps.py VERIFY: time stamps beside the proof of one entry: which checkpoint is taken, what
counts, what is told, and that nothing changes where there are none."""

import os
import shutil
import sys

from prove_kit import Cases, get, put, save

import akbases
from akbase import checkpoint_fields, leaf_hash, tree_root
from cosign_kit import T, Witness, cosigned
from prove_kit import entries
from tsa_kit import Authority, Stamper, run

CA = ["--tsa-ca", "ca/root.pem"]
EARLY, LATE = "20210203040506Z", "20220203040506Z"
EARLY_S, LATE_S = 1612325106, 1643861106
NAMES = ["", ".epoch", ".stamped"] + [f".{k}.tsr" for k in range(8)]


class Log:
    """A log, and checkpoints of it at any size."""

    def __init__(self, made):
        self.log, self.secrets = made
        self.leaves = [leaf_hash(data) for _, _, data in entries(self.log)]
        self.kinds = [entry.kind for _, entry, _ in entries(self.log)]
        self.size = checkpoint_fields(self.log.checkpoint)[1]

    def note(self, n, epoch=0):
        return self.secrets.checkpoint(n, tree_root(self.leaves[:n]), epoch)

    def store(self, name, files):
        """A copy with these files beside it: {(size, rest of the name): bytes}."""
        save(self.log, self.secrets, name)
        for (size, rest), data in files.items():
            put(f"{name}/{self.log.log_id}/{size:020d}.{rest}", data)


def prove(c, store, index, *words, key=None, out="p"):
    """Makes the proof anew; gives what lies there."""
    for name in NAMES:
        if os.path.exists(out + name):
            os.unlink(out + name)
    c.run(0, "prove", store, "--index", index, "--key", key or store + ".key", "-o", out, "--record",
          "r", "--force", *words)
    return {name for name in NAMES if os.path.exists(out + name)}


def size_of(name="p"):
    return checkpoint_fields(get(name).partition(b"\n\n")[2])[1]


def judge(c, status, *words, key="both.key"):
    return c.json(status, "proof", "p", "--key", key, "--record", "r", *words)


def good(c, s, files):
    """The smallest stamped checkpoint above the entry; OpenSSL agrees; no neighbour is shown."""
    s.store("both", files)
    for index, size, when in ((0, 800, EARLY_S), (799, 800, EARLY_S), (800, s.size, LATE_S),
                              (s.size - 1, s.size, LATE_S)):
        there = prove(c, "both", index)
        c.expect(there == {"", ".epoch", ".stamped", ".0.tsr"}, f"entry {index}: {there}")
        c.expect(get("p.stamped") == files[(size, "stamped")] and
                 get("p.0.tsr") == files[(size, "0.tsr")] and size_of() == size,
                 f"entry {index}: what lies beside the log at {size}")
        run("ts", "-verify", "-data", "p.stamped", "-in", "p.0.tsr", "-CAfile", "ca/root.pem")
        report = judge(c, 0, *CA)
        c.expect(report["stamps"] == report["stamps_counted"] == 1 and "Test TSA" in
                 report["stamped_by"] and report["stamped_existed_by_s"] == when and
                 report["checkpoint_size"] == size, f"entry {index}: {report}")
    prove(c, "both", 300)
    c.expect("time stamps 1, as p.0.tsr, over p.stamped" in c.out, "prove says what lies there")
    report = c.json(0, "prove", "both", "--index", "300", "--key", "both.key", "-o", "p", "--force")
    c.expect(report["stamps"] == 1 and report["checkpoint_size"] == 800, f"JSON: {report}")
    c.run(0, "proof", "p", "--key", "both.key", "--record", "r", *CA,
          says=("By the clock of a time-stamping authority", "Test TSA",
                "the entry existed by 2021-02-03T04:05:06.000000Z"))


def none(c, s, files):
    """Without stamps, and where what is there is not right, all is as it was."""
    save(s.log, s.secrets, "plain")
    c.expect(prove(c, "plain", 300) == {"", ".epoch"} and size_of() == s.size, "no stamps, no files")
    plain = get("p"), get("p.epoch")
    report = judge(c, 0, *CA, key="plain.key")
    c.expect("stamps" not in report, "nothing is said of stamps")
    broken = files[(800, "stamped")][:-9] + b"AAAAAAAA\n"
    witness = cosigned(files[(800, "stamped")], (Witness(0), T))
    for name, some in (("no reply", {(800, "stamped"): files[(800, "stamped")]}),
                       ("no note", {(800, "0.tsr"): files[(800, "0.tsr")]}),
                       ("over other bytes", {(800, "stamped"): files[(800, "stamped")],
                                             (800, "0.tsr"): files[(s.size, "0.tsr")]}),
                       ("a broken line", {(800, "stamped"): broken,
                                          (800, "0.tsr"): s.tsa.forge(broken, at=EARLY)}),
                       ("three lines", {(800, "stamped"): witness,
                                        (800, "0.tsr"): s.tsa.forge(witness, at=EARLY)}),
                       ("another size", {(700, "stamped"): files[(800, "stamped")],
                                         (700, "0.tsr"): files[(800, "0.tsr")]})):
        shutil.rmtree("bad", ignore_errors=True)
        s.store("bad", some)
        c.expect(prove(c, "bad", 300) == {"", ".epoch"} and (get("p"), get("p.epoch")) == plain,
                 f"{name}: as without stamps")
    s.store("rest", {**files, (800, "stamped"): broken})
    c.expect(".0.tsr" in prove(c, "rest", 300) and size_of() == s.size,
             "the next stamped one takes the place of one that is not right")


def many(c, s, files):
    """All replies that are right in form, renumbered; the earliest that counts is said."""
    other = Stamper(Authority("other"))
    s.store("many", {**files, (800, "2.tsr"): s.tsa.forge(files[(800, "stamped")], at=LATE),
                     (800, "0.tsr"): b"no reply", (800, "7.tsr"): files[(800, "0.tsr")],
                     (800, "5.tsr"): other.stamp(files[(800, "stamped")])})
    there = prove(c, "many", 300)
    c.expect(there == {"", ".epoch", ".stamped", ".0.tsr", ".1.tsr", ".2.tsr"}, f"three: {there}")
    report = judge(c, 0, *CA, key="many.key")
    c.expect(report["stamps"] == 3 and report["stamps_counted"] == 2 and
             report["stamped_existed_by_s"] == EARLY_S, f"the earliest that counts: {report}")
    c.run(0, "proof", "p", "--key", "many.key", "--record", "r", *CA,
          says="1 of 3 time stamps do not count. Of the first:")
    os.unlink("p.1.tsr")
    c.expect(judge(c, 0, *CA, key="many.key")["stamps"] == 2, "one was not handed over")
    c.expect(".1.tsr" in prove(c, "many", 300), "ready for what is next")
    for k in range(20):
        put(f"many/{s.log.log_id}/{800:020d}.{k}.tsr", files[(800, "0.tsr")])
    c.expect(len(prove(c, "many", 300)) == 3 + 8, "eight and no more")


def beside(c):
    """Stamps of another proof are never left beside a new one."""
    prove(c, "both", 300)
    for name in ("", ".epoch"):
        os.rename("p" + name, "kept" + name)
    c.run(2, "prove", "plain", "--index", "300", "--key", "plain.key", "-o", "p",
          says="p.stamped is there already; --force overwrites it")
    c.expect(not os.path.exists("p") and os.path.exists("p.stamped"), "nothing was touched")
    os.unlink("p.stamped")
    c.run(2, "prove", "plain", "--index", "300", "--key", "plain.key", "-o", "p",
          says="p.0.tsr is there already")
    put("p.stamped", b"of another one\n")
    c.run(0, "prove", "plain", "--index", "300", "--key", "plain.key", "-o", "p", "--force")
    c.expect(not os.path.exists("p.stamped") and not os.path.exists("p.0.tsr"), "--force removes them")


def not_counted(c):
    """Without certificates, or with others, nobody says anything; nothing becomes invalid."""
    prove(c, "both", 300)
    report = judge(c, 0)
    c.expect(report["stamps"] == 1 and report["stamps_counted"] == 0 and "stamped_by" not in report,
             f"listed, not judged: {report}")
    c.run(0, "proof", "p", "--key", "both.key", "--record", "r",
          says="1 time stamp is beside it, not judged: give the authority's certificates, --tsa-ca.")
    c.run(0, "proof", "p", "--key", "both.key", "--record", "r", "--tsa-ca", "other/root.pem",
          says="1 of 1 time stamps do not count")
    c.expect("existed by" not in c.out, "and no time is said")
    os.rename("p.stamped", "away")
    c.run(0, "proof", "p", "--key", "both.key", "--record", "r", *CA,
          says="1 time stamp is beside it, not judged: the note that they are over is not there.")
    c.expect(judge(c, 0, *CA)["stamps_counted"] == 0, "without its note nothing counts")
    os.rename("away", "p.stamped")
    text = get("p")
    head, _, checkpoint = text.partition(b"\n\n")
    put("p", b"\n".join(head.split(b"\n")[:-1]) + b"\n\n" + checkpoint)
    report = judge(c, 1, *CA)
    c.expect(report["stamps_counted"] == 0, "nothing is proven to be under what was stamped")
    put("p", text)
    os.rename("p.epoch", "away")
    c.expect(judge(c, 3, *CA)["stamps_counted"] == 0, "nor without the key of the epoch")
    os.rename("away", "p.epoch")


def wrong(c, s, files):
    """Other bytes are ALTERED, other forms MALFORMED, with certificates and without."""
    prove(c, "both", 300)
    note, reply, newest = files[(800, "stamped")], files[(800, "0.tsr")], files[(s.size, "stamped")]
    lines = note.split(b"\n")
    alone = b"\n".join(lines[:5]) + b"\n"
    three, foreign = (cosigned(n, (Witness(0), T)) for n in (note, alone))
    broken = note[:-9] + (b"BBBBBB==\n" if note[-3:-1] == b"==" else b"BBBBBBBB\n")
    cases = [("over other bytes", "ALTERED", "R48", note, files[(s.size, "0.tsr")]),
             ("a byte behind", "MALFORMED", "R48", note, reply + b"\0"),
             ("no reply", "MALFORMED", "R48", note, b"x"),
             ("another checkpoint", "MALFORMED", "R47", newest, files[(s.size, "0.tsr")])]
    cases += [(name, code, "R47", n, s.tsa.forge(n, at=EARLY))
              for name, code, n in (("three lines", "MALFORMED", three),
                                    ("one line", "MALFORMED", alone),
                                    ("another's line", "MALFORMED", foreign),
                                    ("a broken line", "ALTERED", broken),
                                    ("no note", "MALFORMED", b"x"))]
    bad = bytearray(reply)
    bad[-1] ^= 1
    for name, code, rule, stamped, stamp in cases + [
            ("a broken signature", "ALTERED", "R48", note, bytes(bad))]:
        put("p.stamped", stamped)
        put("p.0.tsr", stamp)
        for words in (CA, []) if name != "a broken signature" else (CA,):
            report = judge(c, 1, *words)
            c.expect(report["finding"]["code"] == code and report["finding"]["rule"] == rule and
                     report["stamps_counted"] == 0, f"{name}: {report}")
    put("p.stamped", note)
    put("p.0.tsr", b"0" * 70000)
    c.run(2, "proof", "p", "--key", "both.key", "--record", "r", *CA, says="p.0.tsr")
    put("p.0.tsr", reply)
    judge(c, 0, *CA)


def epochs(c):
    """A checkpoint of the entry's own epoch, wherever in a segment that began."""
    e = Log(akbases.epochs())
    starts = [i for i, kind in enumerate(e.kinds) if kind == 4] + [e.size]
    tsa = Stamper(Authority("epochs-ca"))
    files = {}
    for k, end in enumerate(starts[1:]):
        note = e.note(end, k)
        files |= {(end, "stamped"): note, (end, "0.tsr"): tsa.forge(note, at=EARLY)}
    e.store("ep", files)
    for k, (first, end) in enumerate(zip(starts, starts[1:])):
        for index in (first, end - 1):
            prove(c, "ep", index)
            c.expect(size_of() == end and get("p.stamped") == files[(end, "stamped")],
                     f"entry {index} of epoch {k}: {size_of()}")
            c.expect(judge(c, 0, "--tsa-ca", "epochs-ca/root.pem", key="ep.key")["stamps_counted"]
                     == 1, "and it counts")
    e.store("last", {key: data for key, data in files.items() if key[0] == e.size})
    c.expect(prove(c, "last", starts[1]) == {"", ".epoch"}, "not by one of a later epoch")
    judge(c, 0, key="last.key")
    c.run(3, "prove", "last", "--index", 1, "--key", "last.key", "-o", "n", says="TAIL_UNSIGNED")
    c.expect(not os.path.exists("n.stamped"), "and no stamps without a proof")


def witnessed(c, s, files):
    """The cosigned note of that size is in the proof; without its quorum it is passed over."""
    w = [Witness(n) for n in range(2)]
    put("two.policy", (f"log {s.secrets.vkey}\n" + "".join(
        f"witness w{n} {x.vkey}\n" for n, x in enumerate(w)) + "group g all w0 w1\nquorum g\n")
        .encode())
    note = cosigned(files[(800, "stamped")], (w[0], T), (w[1], T))
    s.store("wit", {**files, (800, "cosigned"): note})
    prove(c, "wit", 300, "--policy", "two.policy")
    c.expect(get("p").endswith(b"\n\n" + note) and get("p.stamped") == files[(800, "stamped")],
             "both are handed over")
    report = judge(c, 0, "--policy", "two.policy", *CA)
    c.expect(report["quorum"]["existed_by_s"] == T and report["stamped_existed_by_s"] == EARLY_S,
             f"two times: {report}")
    later = cosigned(s.note(1000), (w[0], T), (w[1], T))
    s.store("later", {**files, (1000, "cosigned"): later})
    c.expect(prove(c, "later", 300, "--policy", "two.policy") == {"", ".epoch"} and
             size_of() == 1000, "what the policy asks for comes first")


def main():
    c = Cases(sys.argv[1])
    s = Log(akbases.standard())
    s.tsa = Stamper(Authority("ca"))
    notes = {800: s.note(800), s.size: s.log.checkpoint}
    files = {}
    for size, at in ((800, EARLY), (s.size, LATE)):
        files |= {(size, "stamped"): notes[size], (size, "0.tsr"): s.tsa.forge(notes[size], at=at)}
    good(c, s, files)
    none(c, s, files)
    many(c, s, files)
    beside(c)
    not_counted(c)
    wrong(c, s, files)
    epochs(c)
    witnessed(c, s, files)
    c.end()


main()

#!/usr/bin/python3
"""history.py PROGRAM: `akashi-verify history`: two checkpoints of one log are one history or a fork, and
a fork is kept as a file that proves it, which is checked here by docs/format.md without the program."""

import base64
import copy
import os
import shutil
import sys

from prove_kit import Cases, Secrets, akbases, akforge, get, put, save

from akbase import (H, checkpoint_fields, checkpoint_text, fold, make_note,
                    sign_with_r)
from akformat import Footer


def range_nodes(begin, end):
    """Levels of the nodes of [begin, end) (docs/format.md section 2)."""
    levels = []
    while begin < end:
        level = 62
        while begin % (1 << level) or begin + (1 << level) > end:
            level -= 1
        levels.append(level)
        begin += 1 << level
    return levels


def merge(begin, hashes, levels):
    """Adds nodes behind a compact range [0, begin) and gives the hashes of the whole."""
    stack = list(zip([l for l in range(62, -1, -1) if begin >> l & 1], hashes))
    for level, node in levels:
        stack.append((level, node))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (l, left), (_, right) = stack[-2], stack[-1]
            stack[-2:] = [(l + 1, H(b"\x01" + left + right))]
    return [h for _, h in stack]


def check_fork(c, name, smaller, larger):
    """What stands in a kept proof, read by docs/format.md 12.2 alone."""
    head, _, rest = get(name).partition(b"\n\n")
    lines = head.split(b"\n")
    c.expect(lines[0] == b"akashi/fork/v1", "heading of a proof of a fork")
    length = int(lines[1])
    c.expect(rest[:length] == smaller and rest[length:] == larger, "both checkpoints as they were")
    m, root_m = checkpoint_fields(smaller)[1:]
    n, root_n = checkpoint_fields(larger)[1:]
    hashes = [base64.b64decode(h) for h in lines[2:]]
    if m == n:
        c.expect(not hashes and root_m != root_n, "no hashes for one size")
        return
    k = bin(m).count("1")
    after = range_nodes(m, n)
    c.expect(len(hashes) == k + len(after), "number of hashes")
    c.expect(fold(hashes[:k]) != root_m, "the hashes lead to another root of the smaller size")
    c.expect(fold(merge(m, hashes[:k], zip(after, hashes[k:]))) == root_n,
             "the hashes lead to the root of the larger size")


def consistent(c, old, new, proof):
    """RFC 9162 2.1.4.2."""
    m, r1 = checkpoint_fields(old)[1:]
    n, r2 = checkpoint_fields(new)[1:]
    proof = [base64.b64decode(p) for p in proof]
    if m & (m - 1) == 0:
        proof = [r1] + proof
    fn, sn = m - 1, n - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = proof[0]
    for p in proof[1:]:
        if fn & 1 or fn == sn:
            fr, sr = H(b"\x01" + p + fr), H(b"\x01" + p + sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = H(b"\x01" + sr + p)
        fn >>= 1
        sn >>= 1
    c.expect(fr == r1 and sr == r2 and sn == 0, f"consistency proof {m} to {n} by RFC 9162")


def make(secrets, differs_from=None):
    """A log of four segments; from entry `differs_from` on its records say something else."""
    m = akforge.Maker(secrets)
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    m.commit()
    for _ in range(4):
        for _ in range(500):
            m.tick()
            other = differs_from is not None and m.size >= differs_from
            m.record(tls, b"%s %d" % (b"other" if other else b"line", m.size))
        m.commit()
        m.seal()
    m.commit()
    return m.finish()


def checkpoint(log, secrets, size):
    return secrets.checkpoint(size, log.frontier(size).root())


def one_history(c, log, secrets):
    sizes = [1, 2, 255, 256, 257, 511, 512, 700, 1024, log.end - 1, log.end]
    for size in sizes:
        put(f"c{size}", checkpoint(log, secrets, size))
    for i, old in enumerate(sizes):
        for new in sizes[i + 1:]:
            report = c.json(0, "history", f"c{old}", f"c{new}", "--store", "good", "--key", "good.key")
            consistent(c, get(f"c{old}"), get(f"c{new}"), report["consistency"])
            c.expect(report["proven"] and not report["forked"], f"{old} and {new}")
    report = c.json(0, "history", "c700", "c700", "--key", "good.key")
    c.expect(report["proven"] and report["consistency"] == [], "one size")
    c.run(0, "history", "c700", "c700", "--key", "good.key",
          says=["One size, one root", "line of the log's key: valid; of the key of epoch 0: not checked",
                "Lines of epochs' keys were not all checked", "VALID one history"])
    c.run(0, "history", "c700", "c256", "--store", "good", "--key", "good.key",
          says=["The one called old is the larger", "Consistency proof from 256 to 700"])
    c.run(2, "history", "c256", "c700", "--key", "good.key",
          says=["NOT CHECKABLE", "Give a store that holds its entries with --store"])
    c.run(0, "history", "c256", "c700", "--store", "good", "--key", "good.key", "-o", "none")
    c.expect(not os.path.exists("none"), "no proof of a fork where there is none")


def forks(c, log, secrets):
    other = make(secrets, differs_from=600)
    save(other, secrets, "other")
    put("o1200", checkpoint(other, secrets, 1200))
    put("c1200", checkpoint(log, secrets, 1200))
    put("o900", checkpoint(other, secrets, 900))
    put("c1500", checkpoint(log, secrets, 1500))
    put("o500", checkpoint(other, secrets, 500))
    # One size: the two checkpoints are the proof.
    c.run(1, "history", "c1200", "o1200", "--key", "good.key", "-o", "f1",
          says=["INVALID FORKED (R8)", "were kept in f1", "INVALID FORKED: sizes 1200 and 1200",
                "could not be checked without start notes"])
    check_fork(c, "f1", get("c1200"), get("o1200"))
    # Two sizes: one of them and hashes of the other's history.
    report = c.json(1, "history", "o900", "c1500", "--store", "good", "--key", "good.key", "-o", "f2")
    c.expect(report["forked"] and (report["smaller"], report["larger"]) == ("old", "new") and
             report["finding"]["code"] == "FORKED" and "key of one epoch" in report["finding"]["text"],
             "the smaller one is not of the larger one's history")
    check_fork(c, "f2", get("o900"), get("c1500"))
    # The store has the smaller one's history: then the larger one contradicts the store's own.
    report = c.json(1, "history", "c1200", "o1200", "--store", "good", "--key", "good.key")
    put("o1500", checkpoint(other, secrets, 1500))
    report = c.json(1, "history", "c1200", "o1500", "--store", "good", "--key", "good.key", "-o", "f3")
    c.expect((report["smaller"], report["larger"]) == ("new", "store"), "against the store's own")
    check_fork(c, "f3", get("o1500"), log.checkpoint)
    c.run(0, "history", "o500", "c1500", "--store", "good", "--key", "good.key",
          says="VALID one history")
    c.run(1, "history", "o900", "o1500", "--store", "good", "--key", "good.key",
          says="INVALID FORKED")
    c.run(0, "history", "o900", "o1500", "--store", "other", "--key", "good.key")
    for name in ("f1", "f2", "f3"):
        c.run(1, "history", name, "--key", "good.key", says=["INVALID FORKED", "contradict each other"])
        c.run(2, "history", name, says="UNTRUSTED_KEY")
    c.run(2, "history", "c1200", "o1200", "--key", "good.key", "-o", "f1", says="f1 is there already")


def changed_forks(c):
    """A kept proof that was changed proves nothing."""
    whole = get("f2")
    lines = whole.split(b"\n")

    def refused(name, text, says=("is no proof of a fork",)):
        put("f", text)
        c.run(1, "history", "f", "--key", "good.key", says=says)
        c.expect("FORKED" not in c.out, f"{name} is taken for a fork")

    malformed = ["INVALID MALFORMED"]
    for at in range(2, lines.index(b"")):
        bad = lines[at][:5] + (b"A" if lines[at][5:6] != b"A" else b"B") + lines[at][6:]
        refused(f"hash {at}", b"\n".join(lines[:at] + [bad] + lines[at + 1:]))
        refused(f"without hash {at}", b"\n".join(lines[:at] + lines[at + 1:]), malformed)
        refused(f"hash {at} twice", b"\n".join(lines[:at] + [lines[at]] + lines[at:]), malformed)
    for text in (whole.replace(b"/v1", b"/v2"), whole.replace(b"\n", b"\r\n"), whole + b"\n", b"",
                 whole.replace(lines[1] + b"\n", lines[1] + b"0\n"),
                 whole.replace(lines[1] + b"\n", b"0" + lines[1] + b"\n"),
                 whole.replace(lines[1] + b"\n", b"%d\n" % (int(lines[1]) - 1)), whole[:-1],
                 whole[:len(whole) // 2]):
        refused("form", text, malformed)
    length = int(lines[1])
    head, _, rest = whole.partition(b"\n\n")
    refused("order", b"akashi/fork/v1\n%d\n" % (len(rest) - length) + b"\n".join(lines[2:lines.index(b"")])
            + b"\n\n" + rest[length:] + rest[:length], malformed)
    refused("one checkpoint twice", b"akashi/fork/v1\n%d\n\n" % length + rest[:length] * 2)
    put("f", whole.replace(b"\n900\n", b"\n901\n"))
    c.run(1, "history", "f", "--key", "good.key", says=malformed)
    bad = whole.replace("\u2014 ".encode(), b"- ", 1)
    refused("no note", bad, malformed)
    # A line that is not the key's: nothing is proven against its holder.
    at = whole.index("\u2014 ".encode()) + 80
    put("f", whole[:at] + (b"A" if whole[at:at + 1] != b"A" else b"B") + whole[at + 1:])
    c.run(2, "history", "f", "--key", "good.key", says="UNTRUSTED_KEY (R32)")


def signatures(c, log, secrets):
    """Which keys signed, and what is wrong with lines."""
    text = checkpoint_text(secrets.origin, 1200, b"\x07" * 32)
    put("stolen", make_note(text, [secrets.log]))
    c.run(1, "history", "c1200", "stolen", "--store", "good", "--key", "good.key", "-o", "f4",
          says=["INVALID FORKED", "alone: whoever has stolen that one key"])
    c.run(1, "history", "f4", "--key", "good.key", says="INVALID FORKED")
    put("edge", (text + "\n" + secrets.log.line(text, sign_with_r(
        secrets.log.seed, secrets.log.public, text.encode(), 0)) +
        secrets.epochs[0].line(text)).encode())
    c.run(1, "history", "c1200", "edge", "--key", "good.key",
          says=["INVALID FORKED", "not valid, though only the key's holder can have made it"])
    good = get("c1200").decode()
    lines = good.splitlines(keepends=True)
    put("nolog", "".join(lines[:4] + lines[5:]).encode())
    c.run(2, "history", "c1200", "nolog", "--key", "good.key", says="UNTRUSTED_KEY (R32)")
    put("noepoch", "".join(lines[:5]).encode())
    c.run(1, "history", "c1200", "noepoch", "--key", "good.key", says="ALTERED (R6)")
    put("badline", good.replace(lines[4][-10:-3], "AAAAAAA").encode())
    c.run(1, "history", "c1200", "badline", "--key", "good.key", says="ALTERED (R7)")
    put("changed", good.replace("\n1200\n", "\n1201\n").encode())
    c.run(1, "history", "c1200", "changed", "--key", "good.key", "--store", "good", says="ALTERED (R7)")
    c.expect("FORKED" not in c.out, "a changed checkpoint is taken for a fork")
    c.run(2, "history", "c1200", "c1200", says="UNTRUSTED_KEY")
    c.run(1, "history", "c1200", "good.key", "--key", "good.key", says="MALFORMED (R7)")
    stranger = Secrets("example.org/stranger", 4)
    put("stranger", checkpoint(log, stranger, 1200))
    c.run(2, "history", "c1200", "stranger", "--key", "good.key", says="no common history")
    save(akbases.tiny()[0], akbases.tiny()[1], "tiny")
    c.run(2, "history", "c256", "c700", "--key", "good.key", "--store", "tiny", says="the store holds")
    # The start note, or the epoch's key, lets the epoch's line be checked without a store.
    note = next(e.payload for s in log.segments for e in s.entries() if e.kind == 4)
    put("start", note)
    put("epoch.key", secrets.epochs[0].vkey.encode() + b"\n")
    for words in (("--epoch", "start"), ("--key", "epoch.key")):
        c.run(1, "history", "c1200", "o1200", "--key", "good.key", *words,
              says="and by the key of one epoch")


def stores(c, log, secrets):
    """Stores that are short, damaged, or the wrong ones never make a fork."""
    cut = copy.deepcopy(log)
    cut.segments = cut.segments[:2]
    cut.checkpoint = None
    cut.save(os.path.join("cut", log.log_id))
    c.run(3, "history", "c256", f"c{log.end}", "--store", "cut", "--key", "good.key",
          says=["INCOMPLETE MISSING", "the store ends with"])
    c.run(0, "history", "c256", "c700", "--store", "cut", "--key", "good.key")
    bad = copy.deepcopy(log)
    for s in bad.segments:
        for f in s.of(Footer):
            f.content = f.content[:2] + bytes(b ^ 1 for b in f.content[2:])
    bad.save(os.path.join("footers", log.log_id))
    c.run(0, "history", "c256", f"c{log.end}", "--store", "footers", "--key", "good.key")
    # Everything unsigned of another log under this one's checkpoints: the store is at fault.
    forged = copy.deepcopy(log)
    for s in forged.segments:
        for e in s.entries():
            if e.kind == 0 and e.payload == b"line 300":
                e.payload = b"line 301"
    akforge.rebuild(forged, None)
    forged.checkpoint = log.checkpoint
    forged.save(os.path.join("forged", log.log_id))
    c.run(1, "history", "c256", "c700", "--store", "forged", "--key", "good.key",
          says=["INVALID ALTERED", "check the store first"])
    c.expect("FORKED" not in c.out, "a forged store is taken for a fork")
    shutil.rmtree("forged")


def main():
    c = Cases(sys.argv[1])
    secrets = Secrets("example.org/history", 6)
    log = make(secrets)
    save(log, secrets, "good")
    one_history(c, log, secrets)
    forks(c, log, secrets)
    changed_forks(c)
    signatures(c, log, secrets)
    stores(c, log, secrets)
    c.end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""prove.py PROGRAM: `akashi-verify prove` and `proof`: every entry of a log can be proven, what is
written is checked here by RFC 9162 without the program, and no changed proof is accepted."""

import base64
import copy
import os
import re
import shutil
import subprocess
import sys

from prove_kit import Cases, Secrets, akbases, akforge, entries, get, put, save

from akbase import leaf_hash, node_hash
from akformat import Footer, commit_payload, split_parts


def root_of(index, size, leaf, proof):
    """RFC 9162 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    assert sn == 0
    return r


def parse(text):
    """The parts of a tlog-proof: extra, index, hashes, checkpoint."""
    head, _, checkpoint = text.partition(b"\n\n")
    lines = head.split(b"\n")
    assert lines[0] == b"c2sp.org/tlog-proof@v1"
    return (base64.b64decode(lines[1].removeprefix(b"extra ")),
            int(lines[2].removeprefix(b"index ")), [base64.b64decode(h) for h in lines[3:]],
            checkpoint)


def assemble(extra, index, hashes, checkpoint):
    lines = [b"c2sp.org/tlog-proof@v1"]
    if extra:
        lines.append(b"extra " + base64.b64encode(extra))
    lines.append(b"index " + str(index).encode())
    return b"\n".join(lines + [base64.b64encode(h) for h in hashes]) + b"\n\n" + checkpoint


def every_entry(c, log, store="good"):
    """Proofs of entries of all kinds and at all borders; what is written is right by the standard."""
    key = store + ".key"
    size = log.segments[-1].end
    borders = {s.header.first + d for s in log.segments for d in (-1, 0, 1)}
    borders |= {256 * g + d for g in range(size // 256 + 1) for d in (-1, 0, 1)}
    kinds = {}
    for index, entry, data in entries(log):
        if index not in borders and kinds.setdefault(entry.kind, index) != index and index % 61:
            continue
        c.run(0, "prove", store, "--index", index, "--key", key, "-o", "p", "--record", "r",
              "--force", "--quiet")
        extra, of, hashes, checkpoint = parse(get("p"))
        lines = checkpoint.split(b"\n")
        c.expect(of == index and extra[:54] == data, f"entry {index} in the proof")
        c.expect(len(extra) == (70 if entry.form == 1 else 86) and
                 commit_payload(entry.form, extra[54:], entry.payload) == extra[22:54],
                 f"salt or record key of entry {index} in the proof")
        c.expect(get("r") == entry.payload, f"payload of entry {index}")
        c.expect(root_of(index, int(lines[1]), leaf_hash(data), hashes) ==
                 base64.b64decode(lines[2]), f"proof of entry {index} by RFC 9162")
        c.run(0, "proof", "p", "--key", key, "--record", "r", "--quiet",
              says=f"VALID entry {index}, received")
        c.run(0, "proof", "p", "--key", key, "--entry", data.hex(), "--quiet")


def what_is_said(c):
    c.run(0, "prove", "good", "--index", "100", "--key", "good.key", "-o", "p", "--record", "r",
          "--force", says=["entry 3: prove that too", "VALID entry 100 is proven"])
    c.run(0, "proof", "p", "--key", "good.key", "--record", "r",
          says=["signed by the log's key and the key of epoch 0", "Not proven: what stands before",
                "who the source is", "to the last one, its payload"])
    report = c.json(0, "proof", "p", "--key", "good.key", "--record", "r")
    c.expect(report["payload_proven"] and report["epoch_proven"] and report["index"] == 100 and
             report["kind"] == "record" and report["source"] == 256, "JSON of proof")
    report = c.json(0, "prove", "good", "--index", "100", "--key", "good.key", "-o", "p2")
    c.expect(report["proof"] == "p2" and report["start_note"] == "p2.epoch" and
             report["declaration"] == 3, "JSON of prove")
    c.expect(get("p2") == get("p"), "one entry has one proof")
    c.run(0, "proof", "p", "--key", "good.key", "--entry", get_entry("p").hex(),
          says="its payload was not shown")
    c.run(2, "prove", "good", "--index", "100", "--key", "good.key", "-o", "p",
          says="p is there already; --force overwrites it")
    c.run(2, "prove", "good", "--key", "good.key", "-o", "p", says="prove wants --index N and -o FILE")
    c.run(2, "prove", "good", "--index", "1-2", "--key", "good.key", "-o", "p",
          says="a proof is of one entry")
    c.run(2, "prove", "good", "--index", "99999", "--key", "good.key", "-o", "p3",
          says="the log here has no entry 99999")
    c.expect(not os.path.exists("p3"), "nothing is written without a proof")
    c.run(2, "proof", "p", "--key", "good.key", says="proof wants --record FILE")
    c.run(2, "proof", "p", "--key", "good.key", "--entry", "beef", says="--entry beef: neither")


def get_entry(name):
    return parse(get(name))[0][:54]


def keys(c, secrets):
    """Without the right keys nothing is proven; the log's key alone is not enough."""
    c.run(2, "prove", "good", "--index", "7", "-o", "x", says="UNTRUSTED_KEY")
    c.run(2, "prove", "good", "--index", "7", "--key", "other.key", "-o", "x", says="UNTRUSTED_KEY")
    c.run(2, "proof", "p", "--record", "r", says="UNTRUSTED_KEY")
    c.run(2, "proof", "p", "--key", "other.key", "--record", "r", says="UNTRUSTED_KEY")
    # Same name, another key: E2.
    forged = Secrets("example.org/agency", 77)
    forged_vkey = forged.vkey.replace(forged.origin, secrets.origin)
    name, _, rest = forged_vkey.partition("+")
    key = rest.partition("+")[2]
    key_id = akforge.H(name.encode() + b"\n" + base64.b64decode(key))[:4].hex()
    put("same-name.key", f"{name}+{key_id}+{key}\n".encode())
    c.run(2, "proof", "p", "--key", "same-name.key", "--record", "r", says="UNTRUSTED_KEY")
    c.run(2, "prove", "good", "--index", "7", "--key", "same-name.key", "-o", "x",
          says="UNTRUSTED_KEY")
    os.rename("p.epoch", "start")
    c.run(3, "proof", "p", "--key", "good.key", "--record", "r",
          says=["INCOMPLETE MISSING (R11)", "Give the start note", "--epoch FILE"])
    c.run(0, "proof", "p", "--key", "good.key", "--record", "r", "--epoch", "start")
    # A key of the epoch's own, from the operator, takes the note's place.
    lines = get("start").split(b"\n")
    name = lines[1] + b"/epoch/0"
    raw = b"\x01" + base64.b64decode(lines[7])
    key_id = akforge.H(name + b"\n" + raw)[:4].hex().encode()
    put("epoch.key", name + b"+" + key_id + b"+" + base64.b64encode(raw) + b"\n")
    c.run(0, "proof", "p", "--key", "good.key", "--key", "epoch.key", "--record", "r")
    for name, change in (("bit", lambda n: n.replace(b"\n4\n", b"\n5\n")),
                         ("cut", lambda n: n[:-1]), ("key", lambda n: n.replace(lines[7], b"A" * 43 + b"=")),
                         ("line", lambda n: n.rsplit("\n\u2014".encode(), 1)[0] + b"\n")):
        put("start." + name, change(get("start")))
        c.run(1, "proof", "p", "--key", "good.key", "--record", "r", "--epoch", "start." + name,
              says="INVALID EPOCH")
    c.run(0, "prove", "other", "--index", "2", "--key", "other.key", "-o", "o", "--quiet")
    c.run(1, "proof", "p", "--key", "good.key", "--record", "r", "--epoch", "o.epoch",
          says="INVALID EPOCH")
    os.rename("start", "p.epoch")


def changed_proofs(c):
    """The catalogue F of forged proofs, and every line of a proof."""
    whole = get("p")
    extra, index, hashes, checkpoint = parse(whole)
    size = int(checkpoint.split(b"\n")[1])
    other = parse(get("o"))

    def refused(name, text, status=1, says="INVALID"):
        put("f", text)
        c.run(status, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--record", "r",
              says=says)
        c.expect(not c.out.strip().splitlines()[-1].startswith("VALID"), f"{name} is accepted")

    assert assemble(extra, index, hashes, checkpoint) == whole
    for i in (index - 1, index + 1, index ^ 2, size, size + 1, 2**63 - 1, 2**63, 2**64):
        refused(f"F1 F10 index {i}", assemble(extra, i, hashes, checkpoint))
    for text in (b"index 0100", b"index +100", b"index 100 ", b"Index 100", b"index 0x64", b"index"):
        refused(f"F1 {text}", whole.replace(b"index 100", text))
    for other_size in (size * 2, size // 2, size - 1, 0, 2**63):
        refused(f"F2 size {other_size}", assemble(extra, index, hashes, checkpoint.replace(
            b"\n%d\n" % size, b"\n%d\n" % other_size)))
    for i in range(len(hashes)):
        bad = bytes([hashes[i][0] ^ 1]) + hashes[i][1:]
        refused(f"F3 hash {i}", assemble(extra, index, hashes[:i] + [bad] + hashes[i + 1:], checkpoint))
        refused(f"F4 without hash {i}", assemble(extra, index, hashes[:i] + hashes[i + 1:], checkpoint))
        refused(f"F4 hash {i} twice", assemble(extra, index, hashes[:i] + hashes[i:i + 1] + hashes[i:],
                                                checkpoint))
    refused("F4 order", assemble(extra, index, hashes[::-1], checkpoint))
    refused("F5 in front", assemble(extra, index, [bytes(32)] + hashes, checkpoint))
    refused("F5 behind", assemble(extra, index, hashes + [bytes(32)], checkpoint))
    root = base64.b64decode(checkpoint.split(b"\n")[2])
    refused("F5 root", assemble(extra, index, hashes + [root], checkpoint))
    refused("F6", assemble(extra, index, [], checkpoint))
    refused("F7", assemble(extra, index, hashes, checkpoint.replace(
        checkpoint.split(b"\n")[2], base64.b64encode(bytes(32)))))
    pair = leaf_hash(extra[:54]) + hashes[0] if index % 2 == 0 else hashes[0] + leaf_hash(extra[:54])
    put("pair", pair)
    put("f", assemble(b"", index >> 1, hashes[1:], checkpoint))
    c.run(2, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--entry", "pair",
          says="pair has 64 bytes: an entry has 54, with its salt 70, with its record key 86")
    refused("F8", assemble(pair + bytes(6), index >> 1, hashes[1:], checkpoint))
    refused("F12 checkpoint", assemble(extra, index, hashes, other[3]), 2, "UNTRUSTED_KEY")
    refused("F12 proof", assemble(*other[:3], checkpoint))
    for at in range(len(extra)):
        refused(f"extra byte {at}", assemble(
            extra[:at] + bytes([extra[at] ^ 1]) + extra[at + 1:], index, hashes, checkpoint))
    refused("extra short", assemble(extra[:-1], index, hashes, checkpoint))
    refused("extra long", assemble(extra + b"\0", index, hashes, checkpoint))
    refused("no extra", assemble(b"", index, hashes, checkpoint), 3, "INCOMPLETE")
    put("f", assemble(b"", index, hashes, checkpoint))
    put("entry", extra)
    c.run(0, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--record", "r", "--entry",
          "entry")
    put("entry54", extra[:54])
    c.run(0, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--entry", "entry54")
    c.run(3, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--record", "r", "--entry",
          "entry54", says="its salt was not given")
    for name, text in (("CRLF", whole.replace(b"\n", b"\r\n")), ("BOM", b"\xef\xbb\xbf" + whole),
                       ("line behind", whole + b"\n"), ("NUL", whole + b"\0"), ("empty", b""),
                       ("heading", whole.replace(b"@v1", b"@v2")),
                       ("extension", whole.replace(checkpoint.split(b"\n")[2] + b"\n\n",
                                                   checkpoint.split(b"\n")[2] + b"\nmore\n\n"))):
        refused(name, text)
    lines = checkpoint.split(b"\n")
    refused("no log line", assemble(extra, index, hashes, b"\n".join(lines[:4] + lines[5:])), 2,
            "UNTRUSTED_KEY")
    refused("D2 no epoch line", assemble(extra, index, hashes, b"\n".join(lines[:5]) + b"\n"), 1,
            "ALTERED (R6)")
    for at in (4, 5):
        bad = list(lines)
        bad[at] = bad[at][:-8] + (b"A" if bad[at][-8:-7] != b"A" else b"B") + bad[at][-7:]
        refused(f"D2 line {at}", assemble(extra, index, hashes, b"\n".join(bad)), 1, "ALTERED (R7)")
    unknown = "\u2014 witness.example AAAAAQ".encode() + b"A" * 85 + b"=\n"
    put("f", whole + unknown)
    c.run(0, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--record", "r",
          says="1 line of other keys, not judged")
    cut = [n for n in range(0, len(whole), 37)]
    for n in cut:
        put("f", whole[:n])
        c.run(1, "proof", "f", "--key", "good.key", "--epoch", "p.epoch", "--record", "r", "--quiet")


def wrong_records(c):
    record = get("r")
    put("x", record[:-1] + b"!")
    c.run(1, "proof", "p", "--key", "good.key", "--record", "x",
          says=["INVALID ALTERED", "are not the payload of entry 100"])
    put("x", record + b"\n")
    c.run(1, "proof", "p", "--key", "good.key", "--record", "x",
          says="without the line feed at their end they would be")
    put("x", b"")
    c.run(1, "proof", "p", "--key", "good.key", "--record", "x", says="INVALID ALTERED")
    entry = bytearray(get_entry("p"))
    entry[11] ^= 8
    c.run(1, "proof", "p", "--key", "good.key", "--record", "r", "--entry", bytes(entry).hex(),
          says="INVALID")


def by_parts(c):
    """Entries of form 2: the proof carries the record key, and binds every part to its place."""
    log, secrets = akbases.standard(number=21, form=2)
    save(log, secrets, "parts")
    every_entry(c, log, "parts")
    mixed, secrets = akbases.standard(number=22, form=akforge.MIXED)
    save(mixed, secrets, "mixed")
    every_entry(c, mixed, "mixed")

    def judge(status, says, record="r", entry=()):
        c.run(status, "proof", "f", "--key", "parts.key", "--epoch", "p.epoch", "--record", record,
              *entry, says=says)

    for index in (101, 100):
        c.run(0, "prove", "parts", "--index", index, "--key", "parts.key", "-o", "p", "--record", "r",
              "--force", "--quiet")
        neighbour, (extra, index, hashes, checkpoint) = (extra if index == 100 else b""), parse(get("p"))
    for at in range(len(extra)):
        put("f", assemble(extra[:at] + bytes([extra[at] ^ 1]) + extra[at + 1:], index, hashes,
                          checkpoint))
        judge(1, "INVALID")
    for name, data in (("neighbour's key", extra[:54] + neighbour[54:]),
                       ("key as a salt of form 1", extra[:70]), ("short", extra[:-1]),
                       ("long", extra + b"\0"), ("form 1", b"\1" + extra[1:])):
        put("f", assemble(data, index, hashes, checkpoint))
        judge(1, "INVALID")
        c.expect(not c.out.strip().splitlines()[-1].startswith("VALID"), f"{name} is accepted")
    put("f", assemble(extra[:70], index, hashes, checkpoint))
    judge(1, "MALFORMED the proof's extra data has 70 bytes")
    put("f", assemble(b"", index, hashes, checkpoint))
    put("entry", extra)
    judge(0, "VALID", entry=("--entry", "entry"))
    put("entry", extra[:70])
    judge(1, "16 bytes do not stand behind an entry of form 2", entry=("--entry", "entry"))
    put("f", get("p"))
    parts = split_parts(get("r"))
    for i in range(len(parts) - 1):
        put("x", b"".join(parts[:i] + [parts[i + 1], parts[i]] + parts[i + 2:]))
        judge(0 if parts[i] == parts[i + 1] else 1, "are not the payload", "x")
        put("x", b"".join(parts[:i] + parts[i + 1:]))
        judge(1, "are not the payload", "x")
    put("x", get("r") + b"\n")
    judge(1, "without the line feed at their end they would be", "x")


def damaged_stores(c, log, secrets):
    """What is derived may be wrong; what is signed may not."""
    size = log.segments[-1].end
    bad = copy.deepcopy(log)
    for s in bad.segments:
        for f in s.of(Footer):
            content = bytearray(f.content)
            for at in range(40, len(content), 5):
                content[at] ^= 0x55
            f.content = bytes(content)
    bad.save(os.path.join("footers", log.log_id))
    shutil.copytree("good", "names")
    folder = os.path.join("names", log.log_id)
    first, second = sorted(n for n in os.listdir(folder) if n.endswith(".0.zst"))[:2]
    os.rename(os.path.join(folder, first), os.path.join(folder, "x"))
    os.rename(os.path.join(folder, second), os.path.join(folder, first))
    os.rename(os.path.join(folder, "x"), os.path.join(folder, second))
    for index in (1, 300, 700, 1500, size - 1):
        for store in ("footers", "names"):
            c.run(0, "prove", store, "--index", index, "--key", "good.key", "-o", "d", "--force",
                  "--quiet")
    # A type of zstd block that is reserved (RFC 8878), so that nothing reads: that block's entries cannot be proven, nor what hangs on their leaves.
    shutil.copytree("good", "altered")
    block = log.segments[1].blocks()[0]
    at = log.segments[1].offset(block) + len(block.encode()) - len(block.data) + 7
    path = os.path.join("altered", log.log_id, log.segments[1].name)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 2]))
    c.run(1, "prove", "altered", "--index", "700", "--key", "good.key", "-o", "n",
          says=["INVALID ALTERED", "entry 700 cannot be read"])
    c.run(0, "prove", "altered", "--index", "1500", "--key", "good.key", "-o", "n2", "--quiet")
    c.expect(not os.path.exists("n"), "no proof of an altered record")
    # The end is gone and the published checkpoint with it: older checkpoints serve.
    cut = copy.deepcopy(log)
    cut.segments.pop()
    cut.checkpoint = None
    cut.save(os.path.join("cut", log.log_id))
    for index in (0, 700, cut.segments[-1].end - 1):
        c.run(0, "prove", "cut", "--index", index, "--key", "good.key", "-o", "d", "--record", "r2",
              "--force", "--quiet")
        c.run(0, "proof", "d", "--key", "good.key", "--record", "r2", "--quiet")
    # The published checkpoint is of a size that is not here.
    cut.checkpoint = log.checkpoint
    cut.save(os.path.join("short", log.log_id))
    c.run(0, "prove", "short", "--index", "700", "--key", "good.key", "-o", "d", "--force", "--quiet")
    # One file alone.
    for s in log.segments[:3]:
        path = os.path.join("good", log.log_id, s.name)
        for index in (s.header.first, (s.header.first + s.end) // 2, s.end - 1):
            c.run(0, "prove", path, "--index", index, "--key", "good.key", "-o", "d", "--force",
                  "--quiet")
            c.run(0, "proof", "d", "--key", "good.key", "--entry", get_entry("d").hex(), "--quiet")
    middle = os.path.join("good", log.log_id, log.segments[1].name)
    c.run(2, "prove", middle, "--index", "3", "--key", "good.key", "-o", "n",
          says="no segment here holds entry 3")


def tails_and_absences(c):
    """Entries under no checkpoint, and payloads that are not there any more."""
    secrets = Secrets("example.org/tail", 12)
    m = akforge.Maker(secrets)
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    akbases.records(m, tls, "fw1", 20)
    m.commit()
    akbases.records(m, tls, "fw1", 5)
    m.commit(sign=False)
    save(m.finish(), secrets, "tail")
    c.run(0, "prove", "tail", "--index", "23", "--key", "tail.key", "-o", "t", "--quiet")
    c.run(3, "prove", "tail", "--index", "25", "--key", "tail.key", "-o", "t2",
          says=["INCOMPLETE TAIL_UNSIGNED", "nobody vouches for it yet"])


def reads(c):
    """A proof opens few of many segments and reads little of them."""
    if shutil.which("strace") is None:
        print("skipped: how much is read, strace is not there")
        return
    figures = []
    for segments in (60, 240):
        secrets = Secrets("example.org/many", 5)
        m = akforge.Maker(secrets, block_entries=2048)
        m.start()
        tls = m.declare(**akbases.CERTIFICATE)
        for k in range(segments):
            akbases.records(m, tls, "fw1", 270)
            m.commit()
            if k + 1 < segments:
                m.seal()
        log = m.finish()
        save(log, secrets, f"many{segments}")
        worst_files = worst_bytes = 0
        for index in (0, 9, m.size // 3, m.size // 2, m.size - 20):
            done = subprocess.run(
                ["strace", "-f", "-e", "trace=openat,pread64", "-o", "trace", c.program, "prove",
                 f"many{segments}", "--index", str(index), "--key", f"many{segments}.key", "-o", "m",
                 "--force", "--quiet"], capture_output=True, check=False)
            trace = get("trace").decode(errors="replace")
            if done.returncode != 0 and "ptrace" in done.stderr.decode():
                print("skipped: how much is read, strace may not trace here")
                return
            c.expect(done.returncode == 0, f"prove under strace: {done.stderr.decode()}")
            worst_files = max(worst_files, len(re.findall(r"openat\([^\n]*\.zst\"", trace)))
            worst_bytes = max(worst_bytes, sum(int(n) for n in re.findall(
                r"pread64\([^\n]* = (\d+)", trace)))
        figures.append((worst_files, worst_bytes))
    print("most files opened and bytes read, of 60 and of 240 segments:", figures)
    c.expect(figures[1][0] <= 50 and figures[1][1] <= 400_000, f"much is read: {figures}")
    c.expect(figures[1][0] <= figures[0][0] + 24, f"files opened grow with the store: {figures}")


def main():
    c = Cases(sys.argv[1])
    log, secrets = akbases.standard()
    save(log, secrets, "good")
    other, other_secrets = akbases.tiny()
    save(other, other_secrets, "other")
    every_entry(c, log)
    what_is_said(c)
    keys(c, secrets)
    changed_proofs(c)
    wrong_records(c)
    damaged_stores(c, log, secrets)
    tails_and_absences(c)
    by_parts(c)
    reads(c)
    training, training_secrets = akbases.standard(name="exercise.example.org/drill", number=9)
    save(training, training_secrets, "drill")
    c.run(0, "prove", "drill", "--index", "8", "--key", "drill.key", "-o", "e", "--record", "e.r",
          says="EXERCISE / 訓練")
    c.run(0, "proof", "e", "--key", "drill.key", "--record", "e.r", says="EXERCISE / 訓練")
    c.end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""sample.py PROGRAM COLLECTOR FORMAT: samples of a log, from the commitment of a nonce to the sheet.

The draw and the bounds are made here a second time, from the text of docs/format.md 16 alone, and must
be the program's. Answers are forged in every way that an operator might try."""

import base64
import hashlib
import html
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from fractions import Fraction
from math import comb

from prove_kit import Cases, get, put

LINES = 2000
RATE = ["--tolerable", "3%"]


# ---- A second implementation, from the text ----

def seed_of(origin, size, root, first, end, nonce, beacon="-"):
    text = ["akashi/sample/v1", origin, size, root, first, end, nonce, beacon]
    return hashlib.sha256("".join(f"{line}\n" for line in text).encode()).digest()


def draw(seed, first, end):
    n, k, seen = end - first, 0, set()
    while len(seen) < n:
        x = int.from_bytes(hashlib.sha256(seed + k.to_bytes(8, "big")).digest()[:8], "big")
        k += 1
        if x < 2**64 // n * n and x % n not in seen:
            seen.add(x % n)
            yield first + x % n


def at_most(found, count, bad, drawn):
    """P(X <= found), exactly."""
    return Fraction(sum(comb(bad, i) * comb(count - bad, drawn - i) for i in range(found + 1)),
                    comb(count, drawn))


def planned(count, percent):
    bad = max(1, int(count * Fraction(percent) / 100))
    n = 1
    while at_most(0, count, bad, n) > Fraction(5, 100):
        n += 1
    return n


def bound(count, drawn, found):
    bad = found
    while bad < count - (drawn - found) and at_most(found, count, bad + 1, drawn) > Fraction(5, 100):
        bad += 1
    return bad


def check_examples(c, path):
    """What format.md shows as examples is what this draws."""
    text = get(path).decode()
    part = text[text.index("### 16.1"):text.index("### 16.2")]
    example = part[part.index("Example."):]
    origin, root, nonce = (re.search(p, example).group(1) for p in
                           ("origin `([^`]*)`", "root `([^`]*)`", "nonce `([^`]*)`"))
    seed = seed_of(origin, 1000, root, 0, 1000, nonce)
    c.expect(seed.hex() == re.search(r"seed +([0-9a-f]{64})", example).group(1), "the seed of 16.1")
    drawn = [int(n) for n in re.search(r"drawn +([0-9, ]+)", example).group(1).split(",") if n.strip()]
    c.expect(len(drawn) > 5 and [i for i, _ in zip(draw(seed, 0, 1000), drawn)] == drawn,
             "the indices of 16.1")
    lines = f"akashi-x\n{seed.hex()}\n77\n{hashlib.sha256(b'a' + bytes([10]) + b'b' + bytes([10])).hexdigest()}\n"
    lines = lines.replace("akashi-x", "akashi/sample-lines/v1")
    c.expect(hashlib.sha256(lines.encode()).hexdigest() in text[text.index("### 16.6"):],
             "the seed of 16.6")


def check_sheet(c, sheet):
    """Seed, indices, numbers and bounds of a sheet over records."""
    head, population = sheet["head"], sheet["population"]
    seed = seed_of(sheet["origin"], head["size"], head["root"], population["first"], population["end"],
                   sheet["nonce"], sheet.get("beacon", "-"))
    count = population["end"] - population["first"]
    c.expect(seed.hex() == sheet["seed"], "the seed is the text's")
    drawn = sheet["drawn"]
    c.expect([d["index"] for d, _ in zip(drawn, drawn)] ==
             [i for i, _ in zip(draw(seed, population["first"], population["end"]), drawn)],
             "the indices are the text's")
    records = [d for d in drawn if d["result"] not in ("own", "other")]
    c.expect(sheet["planned"] == planned(count, sheet["tolerable"]), "the number planned")
    c.expect(len(records) == sheet["planned"] or len(drawn) == count, "as many as planned")
    for name in ("proofs", "judgement"):
        if name in sheet:
            r = sheet[name]
            c.expect(r["population"] <= count and
                     r["bound"] == bound(r["population"], r["examined"], r["deviations"]),
                     f"the bound of {name}")
            c.expect(r["supported"] == (Fraction(r["bound"], r["population"]) <
                                        Fraction(sheet["tolerable"]) / 100), "supported or not")


# ---- A collector ----

running = []


def start(collector):
    with open("collector.err", "ab") as err:
        process = subprocess.Popen([collector, "run", "--config", "conf"], stdout=subprocess.PIPE,
                                   stderr=err, text=True)
    running.append(process)
    port = None
    for line in process.stdout:
        if line.startswith("listening tcp://"):
            port = int(line.rsplit(":", 1)[1])
        if line.strip() == "ready":
            break
    return process, port


def stop(c, process):
    process.send_signal(signal.SIGTERM)
    c.expect(process.wait(60) == 0, "the collector stopped in order")
    process.stdout.close()


def audit(c, collector, *words, status=0):
    done = subprocess.run([collector, "audit", "--store", "store", "--log", "a", *words],
                          capture_output=True, check=False)
    c.out, c.err = done.stdout.decode(), done.stderr.decode()
    c.expect(done.returncode == status, f"audit {words}: status {done.returncode}")
    return [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", c.out)]


def commitment(nonce):
    return hashlib.sha256(bytes.fromhex(nonce)).hexdigest()


def make(c, collector):
    """A log with records; its nonce is committed while the collector runs. Gives both."""
    with open("key", "wb") as key:
        subprocess.run([collector, "init", "--store", "store", "--log", "a", "--origin",
                        "a.example/syslog", "--epochs", "4"], stdout=key, check=True)
    put("conf", b"store: store\nlogs:\n  - name: a\nlisteners:\n  - url: tcp://127.0.0.1:0\n")
    lines = [b"<13>Nov 24 05:17:%02d fw%d app[%d]: event %d <b>&\x1b[31m" % (i % 60, i % 3, i % 9, i)
             for i in range(LINES)]
    put("all", b"".join(line + b"\n" for line in lines))
    process, port = start(collector)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(get("all"))
    for _ in range(300):
        done = subprocess.run([collector, "status", "--store", "store", "--records"],
                              capture_output=True, check=True)
        if int(done.stdout) == LINES:
            break
        signal.sigtimedwait([], 0.1)
    nonce = secrets.token_hex(32)
    entry, head = audit(c, collector, "--commitment", commitment(nonce))
    c.expect(head == entry + 2, "a state entry follows the commitment at once")
    audit(c, collector, "--commitment", "00", status=2)
    audit(c, collector, "--commitment", commitment(nonce), "--open", nonce, status=2)
    audit(c, collector, status=2)
    stop(c, process)
    return nonce, entry, head


# ---- The directions ----

def from_store(c, collector, nonce, entry, head):
    """Committed and opened; what was committed and not opened stays visible."""
    c.run(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE,
          says=["INDEPENDENT: the auditor committed", f"in entry {entry:,} of the log", "独立:",
                "VALID", "収集装置が署名した時点から 1 バイトも変わっていません",
                "1 commitment to audits: 1 opened", "A sample speaks of rates",
                "署名"])
    c.expect(c.out.startswith("INDEPENDENT"), "the first line says so")
    sheet = c.json(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE)
    c.expect(sheet["independent"] and sheet["head"]["size"] == head and
             sheet["committed_in"] == entry, "head and commitment")
    check_sheet(c, sheet)
    more = c.json(0, "sample", "store", "--key", "key", "--seed", nonce, "--tolerable", "1%")
    n = len(sheet["drawn"])
    c.expect([d["index"] for d in more["drawn"][:n]] == [d["index"] for d in sheet["drawn"]],
             "a larger sample begins with the smaller one")
    check_sheet(c, more)

    # Somebody tries three nonces and shows the one that suits.
    others = [secrets.token_hex(32) for _ in range(2)]
    for other in others:
        audit(c, collector, "--commitment", commitment(other))
    audit(c, collector, "--open", nonce)
    c.run(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE,
          says=["3 commitments to audits: 1 opened (this one counted), 2 not opened",
                "may be a draw whose outcome was dropped"])
    audit(c, collector, "--open", others[0])
    sheet = c.json(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE)
    c.expect([a["commitment"] for a in sheet["audits"]] ==
             [commitment(x) for x in (nonce, *others)], "all commitments are listed")
    c.expect(["opened_at" in a for a in sheet["audits"]] == [True, True, False], "opened or not")
    c.run(0, "check", "store", "--key", "key", "--quiet")
    c.run(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE, "--quiet", says="independent")


def not_independent(c, collector, nonce):
    """Each reason stands in the first line."""
    c.run(0, "sample", "store", "--key", "key", *RATE, says="NOT INDEPENDENT: the nonce was drawn by")
    c.run(0, "sample", "store", "--key", "key", *RATE, "--seed", "00" * 16,
          says="NOT INDEPENDENT: the nonce was not committed")
    c.run(0, "sample", "store", "--key", "key", *RATE, "--seed", "00" * 16, "--beacon", "11" * 32,
          says="a public beacon's value was mixed in")
    c.run(0, "sample", "store", "--key", "key", *RATE, "--seed", nonce, "--beacon", "11" * 32,
          says="a public beacon's value was mixed in")
    for words in (["--index", "0-1500"], ["--source", "256"], ["--from", "2020-01-01"]):
        c.run(0, "sample", "store", "--key", "key", *RATE, "--seed", nonce, *words,
              says="but the population (range, times or source) was not")
    check_sheet(c, c.json(0, "sample", "store", "--key", "key", *RATE, "--seed", nonce, "--index",
                          "100-1500"))
    sheet = c.json(0, "sample", "store", "--key", "key", *RATE, "--seed", nonce, "--source", "256",
                   "--from", "-1d", "--beacon", "22" * 32)
    check_sheet(c, sheet)

    # A range that was committed is.
    ranged = secrets.token_hex(32)
    audit(c, collector, "--commitment", commitment(ranged), "--index", "10-1200")
    sheet = c.json(0, "sample", "store", "--key", "key", *RATE, "--seed", ranged, "--index", "10-1200")
    c.expect(sheet["independent"], "the range was committed")
    check_sheet(c, sheet)
    same = c.json(0, "sample", "store", "--key", "key", *RATE, "--seed", ranged)
    c.expect(same["independent"] and same["drawn"] == sheet["drawn"], "it is taken if none is given")
    sheet = c.json(0, "sample", "store", "--key", "key", *RATE, "--seed", ranged, "--index", "10-1201")
    c.expect(not sheet["independent"], "another range was not committed")

    # Few records: own entries are drawn on past, and all may be needed.
    sheet = c.json(0, "sample", "store", "--key", "key", "--seed", nonce, "--index", "0-19")
    check_sheet(c, sheet)
    c.expect(sheet["counts"]["own"] > 0, "own entries were drawn, and are no records")
    sheet = c.json(3, "sample", "store", "--key", "key", "--seed", nonce, "--index", "0-2")
    c.expect(sheet["finding"]["code"] == "EMPTY", "no record in the range")


def refused(c, nonce):
    """What cannot be sampled, or is asked for wrongly."""
    put("other", b"other.example/x/00112233445566778899aabbccddeeff+0a0b0c0d+"
                 b"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    c.run(2, "sample", "store", says="UNTRUSTED_KEY")
    for words in (["--confidence", "100"], ["--confidence", "0"], ["--confidence", "95%"],
                  ["--tolerable", "1"], ["--tolerable", "0%"], ["--tolerable", "101%"],
                  ["--tolerable", "0.00001%"], ["--seed", "0011"], ["--seed", "zz" * 16],
                  ["--index", "5-4"], ["--index", "0-99999999"], ["--findings", "x"],
                  ["--json", "--html"], ["--answers", "x"], ["--head", "x"], ["--tmp", "."],
                  ["--from", "2030-01-01"], ["--population", "all", "--index", "1-2"]):
        c.run(2, "sample", "store", "--key", "key", *words)
    c.run(2, "answer", "store", "--key", "key", "-o", "x")
    c.run(2, "answer", "store", "--key", "key", "--audit", commitment("33" * 16), "-o", "x", "--force")
    c.run(2, "answer", "store", "--key", "key", "--audit", "nonsense", "-o", "x", "--force")


def damaged(c, nonce):
    """A byte of a copy, and a copy that is behind the checkpoint."""
    shutil.copytree("store", "copy")
    folder = os.path.join("copy", next(n for n in os.listdir("copy") if len(n) == 32))
    largest = max((os.path.join(folder, n) for n in os.listdir(folder)), key=os.path.getsize)
    data = bytearray(get(largest))
    at = 0
    while data[at:at + 4] == b"\x5a\x2a\x4d\x18":  # our frames, up to the records
        at += 8 + int.from_bytes(data[at + 4:at + 8], "little")
    data[at + 200] ^= 1
    put(largest, data)
    sheet = c.json(1, "sample", "copy", "--key", "key", *RATE)
    check_sheet(c, sheet)
    c.expect(sheet["proofs"]["deviations"] > 0 and not sheet["proofs"]["supported"], "it deviates")
    c.run(1, "sample", "copy", "--key", "key", *RATE, says=["INVALID", "ALTERED"])
    os.unlink(largest)
    c.run(3, "sample", "copy", "--key", "key", *RATE, says=["MISSING", "nothing was sampled"])
    c.run(3, "sample", "copy", "--key", "key", "--seed", nonce, *RATE, says="nothing was sampled")


def findings(c, nonce):
    """The worksheet is filled in; a sheet is compared with the one before."""
    words = ["sample", "store", "--key", "key", "--seed", nonce, *RATE]
    c.run(0, *words, "--worksheet", "sheet", "--json", "-o", "first.json")
    c.run(2, *words, "--worksheet", "sheet", says="--force")
    text = get("sheet").decode()
    c.expect("\\x1b[31m" in text and "\x1b" not in text, "log text is escaped in the worksheet")
    records = re.findall(r"^(\d+) -$", text, re.M)
    c.expect(len(records) == planned(json.loads(get("first.json"))["population"]["end"], 3),
             "one line for each record")
    c.run(3, *words, "--findings", "sheet", says="are without a judgement and count as deviations")
    good = re.sub(r"^(\d+) -$", r"\1 ok", text, flags=re.M)
    put("good", good.encode())
    c.run(0, *words, "--findings", "good", "--previous", "first.json",
          says=["found 0 to deviate", "The sheet before", "Its head is in the history of this log"])
    note = "</p><script>alert(1)</script> 不明な利用者"
    # The whole line: another number may end in the same digits.
    put("bad", good.replace(f"\n{records[0]} ok\n", f"\n{records[0]} deviation {note}\n").encode())
    sheet = c.json(3, *words, "--findings", "bad")
    c.expect(sheet["counts"]["deviations"] == 1 and sheet["verdict"] == "INCOMPLETE" and
             sheet["evidence_verdict"] == "VALID", "one deviates, and nothing was altered")
    check_sheet(c, sheet)
    c.run(3, *words, "--findings", "bad", "--html", "-o", "sheet.html")
    page = get("sheet.html").decode()
    c.expect("<script" not in page and html.escape(note, quote=False) in page and
             "default-src 'none'" in page, "the page holds no script, and the note as text")
    c.run(3, *words, "--findings", "bad", says=["NOT supported", f"{records[0]} deviation:"])
    for name, change in {"not drawn": f"\n{LINES + 5000} ok\n", "twice": f"\n{records[1]} ok\n",
                         "no word": f"\n{records[1]} good\n", "no index": "\nx ok\n",
                         "too long": "\n" + "#" * 2000 + "\n"}.items():
        put("wrong", (good + change).encode())
        c.run(2, *words, "--findings", "wrong", says="findings, line")
    put("wrong", re.sub("^seed .*", "seed " + "00" * 32, good, flags=re.M).encode())
    c.run(2, *words, "--findings", "wrong", says="is for another sample")
    put("wrong", good[10:].encode())
    c.run(2, *words, "--findings", "wrong", says="must begin with")
    previous = json.loads(get("first.json"))
    previous["head"]["root"] = base64.b64encode(bytes(32)).decode()
    put("previous.json", json.dumps(previous).encode())
    c.run(0, *words, "--previous", "previous.json", says="DOES NOT LEAD TO THIS CHECKPOINT")
    for change in ({"origin": "b"}, {"format": "x"}, {"head": 1}, {"proofs": {}}):
        put("previous.json", json.dumps({**json.loads(get("first.json")), **change}).encode())
        c.run(2, *words, "--previous", "previous.json")
    put("previous.json", b"{")
    c.run(2, *words, "--previous", "previous.json", says="it is no sheet")


ITEM = re.compile(rb"^item (\d+) shown (\d+) (\d+) (\d+) (\d+)$", re.M)


def items_of(data):
    """(index, start, end, payload) of the shown items of answers."""
    found, at = [], 0
    while True:
        m = ITEM.search(data, at)
        if m is None:
            return found
        index, hashes, _, proof, payload = map(int, m.groups())
        begin = m.end() + 1 + hashes * 45 + proof
        at = begin + payload + 1
        found.append((index, m.start(), at, data[begin:begin + payload]))


def answers(c, collector, nonce, head):
    """With a checkpoint alone; then everything that a dishonest operator might answer."""
    c.run(0, "answer", "store", "--key", "key", "--audit", commitment(nonce), "-o", "head",
          "--save-checkpoint", "cp")
    c.run(0, "sample", "cp", "--key", "key", "--seed", nonce, "--requests", "req", "--head", "head",
          *RATE, says="INDEPENDENT")
    c.run(0, "answer", "store", "--key", "key", "--requests", "req", "-o", "ans")
    judge = ["sample", "cp", "--key", "key", "--requests", "req", "--answers"]
    sheet = c.json(0, *judge, "ans", "--head", "head", *RATE)
    c.expect(sheet["independent"] and sheet["head"]["size"] == head, "independent, by proofs alone")
    check_sheet(c, sheet)
    same = c.json(0, "sample", "store", "--key", "key", "--seed", nonce, *RATE)
    c.expect(same["drawn"] == sheet["drawn"], "the sample is that of the store")
    c.run(0, *judge, "ans", *RATE, "--worksheet", "remote.sheet",
          says="NOT INDEPENDENT: it is not proven that the head was written after")
    c.expect(b"127.0.0.1 (256)" in get("remote.sheet"), "declarations say who the source is")
    c.run(2, *judge, "ans", "--tolerable", "1%", says="were asked for")

    good = get("ans")
    listed = items_of(good)
    drawn = {d["index"] for d in sheet["drawn"] if d["result"] == "proven"}
    records = [i for i in listed if i[0] in drawn]
    index, begin, end, payload = records[0]
    second = records[1]

    def forged(name, data, status, code, count=1):
        put("forged", data)
        report = c.json(status, *judge, "forged", "--head", "head", *RATE)
        deviations = report.get("proofs", {}).get("deviations")
        c.expect(report.get("finding", {}).get("code") == code and
                 (count is None or deviations == count),
                 f"{name}: {report.get('finding')}, {deviations}")

    changed = good[begin:end].replace(b"event ", b"evenT ")
    forged("another record", good[:begin] + changed + good[end:], 1, "ALTERED")
    renamed = good[second[1]:second[2]].replace(b"item %d " % second[0], b"item %d " % index, 1)
    forged("the proof of another entry", good[:begin] + renamed + good[end:], 1, "ALTERED")
    forged("not answered", good[:begin] + good[end:], 3, "MISSING")
    forged("answered as missing", good[:begin] + b"item %d missing\n" % index + good[end:], 3,
           "MISSING")
    forged("answered twice", good + good[begin:end], 1, "MALFORMED", 0)
    forged("cut", good[:begin] + good[begin:end - 40], 1, "MALFORMED", len(records))
    forged("rubbish", good[:begin] + b"rubbish\n" + good[begin:], 1, "MALFORMED", None)
    text = good[begin:end].decode("latin-1")
    entry = base64.b64decode(re.search(r"extra (\S+)", text).group(1))[:54]
    hashes = re.search(rb"^item \d+ shown (\d+)", good[begin:end]).group(1)
    path = good[begin:end].split(b"\n", 1)[1][:45 * int(hashes)]
    absent = b"item %d absent %s %s\n" % (index, hashes, entry.hex().encode()) + path
    forged("its payload is gone", good[:begin] + absent + good[end:], 3, "MISSING")
    lied = absent.replace(entry.hex().encode(), (entry[:1] + b"\x03" + entry[2:]).hex().encode())
    forged("gone, and said to be an event", good[:begin] + lied + good[end:], 1, "ALTERED")
    forged("a hash too many", good[:begin] + good[begin:end].replace(
        b"shown " + hashes, b"shown %d" % (int(hashes) + 1), 1).replace(b"\n", b"\n" + path[:45], 1) +
        good[end:], 1, "ALTERED")
    c.run(2, *judge, "req", "--head", "head", *RATE, says="no file of answers")

    # Proofs that lead to an older head are none for this one.
    shutil.copytree("store", "older")
    process, _ = start(collector)
    stop(c, process)
    c.run(0, "answer", "store", "--key", "key", "--audit", commitment(nonce), "-o", "head2",
          "--save-checkpoint", "cp2")
    c.run(0, "sample", "cp2", "--key", "key", "--seed", nonce, "--requests", "req2", "--head", "head2",
          *RATE)
    c.run(2, "sample", "cp2", "--key", "key", "--requests", "req2", "--answers", "ans", *RATE,
          says="answers other requests")
    digest = hashlib.sha256(get("req2")).hexdigest().encode()
    put("old", good.replace(hashlib.sha256(get("req")).hexdigest().encode(), digest, 1))
    sheet = c.json(1, "sample", "cp2", "--key", "key", "--requests", "req2", "--answers", "old", *RATE)
    c.expect(sheet["counts"]["failed"] == len(records), "old proofs lead to no new checkpoint")
    c.run(1, "sample", "cp2", "--key", "key", "--seed", nonce, "--requests", "req3", "--head", "head",
          *RATE, says="ALTERED")
    c.run(2, "sample", "cp", "--key", "key", "--requests", "req2", "--answers", "ans", *RATE,
          says="another checkpoint")
    c.run(1, "sample", "older", "--key", "key", "--seed", nonce, "--checkpoint", "cp2", *RATE,
          says="ROLLED_BACK")
    c.run(1, "sample", "cp", "--key", "key", "--seed", "44" * 16, "--requests", "req4", "--head", "head",
          says="is no commitment to this nonce")
    for name, data in {"no line": b"", "one line": get("req").split(b"\n", 1)[0] + b"\n",
                       "number": get("req").replace(b"\n0\n", b"\n00\n", 1),
                       "range": get("req").replace(b"\n0\n", b"\n99999\n", 1)}.items():
        put("broken", data)
        c.run(2, "answer", "store", "--key", "key", "--requests", "broken", "-o", "x", "--force",
              says="requests, line")


def lines(c, collector, nonce):
    """Lines of the agency's own file."""
    words = ["sample", "store", "--key", "key", *RATE, "--population"]
    sheet = c.json(0, *words, "all", "--seed", nonce)
    c.expect(sheet["direction"] == "lines" and sheet["independence"] == "file" and
             all(d["result"] == "unchanged" for d in sheet["drawn"]), "all are held")
    base = seed_of(sheet["origin"], sheet["head"]["size"], sheet["head"]["root"], 0,
                   sheet["head"]["size"], nonce)
    text = (f"akashi/sample-lines/v1\n{base.hex()}\n{LINES}\n"
            f"{hashlib.sha256(get('all')).hexdigest()}\n")
    seed = hashlib.sha256(text.encode()).digest()
    c.expect(seed.hex() == sheet["seed"] and [d["line"] - 1 for d in sheet["drawn"]] ==
             [i for i, _ in zip(draw(seed, 0, LINES), sheet["drawn"])], "the lines are the text's")
    numbers = {d["index"] for d in sheet["drawn"]}
    c.expect(len(numbers) == len(sheet["drawn"]), "each takes a record of its own")
    put("relayed", b"".join(line.split(b">", 1)[1] + b"\n" for line in get("all").splitlines()))
    c.run(0, *words, "relayed", "--seed", nonce, says="0 are held unchanged")
    put("other", b"".join(line[:-1] + b"!\n" if i % 2 else line + b"\n"
                          for i, line in enumerate(get("all").splitlines())))
    c.run(3, *words, "other", "--seed", nonce, says=["MISSING", "this line is not held"])
    fixed = secrets.token_hex(32)
    audit(c, collector, "--commitment", commitment(fixed), "--population",
          hashlib.sha256(get("all")).hexdigest())
    c.run(0, *words, "all", "--seed", fixed, says=["INDEPENDENT: the auditor", "are held unchanged"])
    c.run(0, *words, "relayed", "--seed", fixed, says="but the file of lines was not")
    c.run(0, *words, "all", "--seed", fixed, "--json", "-o", "lines.json")
    c.run(0, *words, "all", "--seed", fixed, "--previous", "lines.json", says="The sheet before")
    c.run(2, *words, "all", "--seed", fixed, "--previous", "first.json", says="other direction")
    put("empty", b"")
    c.run(2, *words, "empty", "--seed", fixed, says="has no lines")


def erased(c, collector, nonce):
    """What was erased by order is drawn, stands there, and cannot be judged: it deviates."""
    c.run(0, "key", "new", "x.example/ito", "-o", "ito.key")
    vkey = c.out.split()[-1]
    c.run(0, "order", "erase", "--index", "100-700", "--key", "key", "--case", "1", "--reason", "r",
          "--sign", "ito.key", "-o", "order")
    for words in (["authority", "--key", vkey, "--quorum", "1"], ["erase", "--order", "order"]):
        done = subprocess.run([collector, words[0], "--store", "store", "--log", "a", *words[1:]],
                              capture_output=True, check=False)
        c.err = done.stderr.decode()
        c.expect(done.returncode == 0, f"{words[0]}")
    accepted = c.json(3, "sample", "store", "--key", "key", "--seed", nonce, *RATE, "--authority", vkey)
    c.expect(accepted["evidence_verdict"] == "VALID" and accepted["finding"]["code"] == "ERASED" and
             accepted["counts"]["erased"] == accepted["counts"]["absent"], "by an accepted order")
    sheet = c.json(3, "sample", "store", "--key", "key", "--seed", nonce, *RATE)
    c.expect(sheet["evidence_verdict"] == "INCOMPLETE" and sheet["proofs"] == accepted["proofs"],
             "the rate is the same whoever ordered it")
    check_sheet(c, sheet)
    gone = [d["index"] for d in sheet["drawn"] if d["result"] == "absent"]
    c.expect(gone and all(d["code"] == "ERASED_UNAUTHORISED" for d in sheet["drawn"] if d["index"] in gone),
             "nobody is accepted")
    c.expect(gone == [d["index"] for d in sheet["drawn"] if 100 <= d["index"] <= 700] and
             sheet["proofs"]["deviations"] == len(gone), "the erased ones, and no others")
    c.run(0, "answer", "store", "--key", "key", "--requests", "req", "-o", "erased.ans")
    report = c.json(3, "sample", "cp", "--key", "key", "--requests", "req", "--answers", "erased.ans",
                    "--head", "head", *RATE)
    for d in sheet["drawn"]:  # answers hold no orders
        d.update({"code": "MISSING"} if d["index"] in gone else {})
    c.expect(report["drawn"] == sheet["drawn"], "answers say the same")


def main():
    collector, text = map(os.path.realpath, sys.argv[2:4])
    c = Cases(sys.argv[1])
    try:
        check_examples(c, text)
        nonce, entry, head = make(c, collector)
        from_store(c, collector, nonce, entry, head)
        not_independent(c, collector, nonce)
        refused(c, nonce)
        damaged(c, nonce)
        findings(c, nonce)
        answers(c, collector, nonce, head)
        lines(c, collector, nonce)
        erased(c, collector, nonce)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    c.end()


if __name__ == "__main__":
    main()

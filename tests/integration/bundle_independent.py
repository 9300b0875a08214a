#!/usr/bin/python3
"""Bundles before two judges: akashi-verify, and tests/independent/bundle.py, written from docs/format.md
section 14 alone. Good ones, ones that somebody without keys has rewritten, ones that the holder of the
keys forged; a directory or an archive. Verdicts, claim by claim, must be the same.

    bundle_independent.py AKASHI-VERIFY [--only WORD]
"""

import argparse
import datetime
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True

try:
    import bundle_rewrite as rewrite
    from bundle_rewrite import Folder, canonical, compress, in_parts, laid_out, made
    import akbases
    import cases_orders
    from akbase import Key, Secrets, make_note, split_note
    from akforge import SECOND, Maker
    from bundle import Judge
    from bundle_complete import Range
    from notes import Key as VKey
    from primitives import sha256
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

STATEMENTS = ["--case", "2026-7", "--exhibit", "3", "--by", "A. Abe", "--reason", "a question"]
CUSTODIAN = Key("custodian.example/abe", bytes([9]) * 32)


class Bench:
    """Shows bundles to both and keeps count."""

    def __init__(self, verify, work, only):
        self.verify, self.work, self.only = verify, work, only
        self.shown = self.wrong = 0
        self.verdicts = {}

    def show(self, name, path, key, *, expect=(), custody_keys=(), authority=(),
             verdict=None):
        """`verdict`: what both must say; None: the same, whatever it is."""
        if self.only and self.only not in name:
            return
        self.shown += 1
        mine = self.ask_second(path, key, expect, custody_keys, authority)
        theirs = self.ask_first(path, key, expect, custody_keys, authority)
        wrong = compare(mine, theirs)
        if verdict and mine["verdict"] != verdict:
            wrong.append(f"it is {mine['verdict']}, not {verdict}")
        self.verdicts[mine["verdict"]] = self.verdicts.get(mine["verdict"], 0) + 1
        if wrong:
            self.wrong += 1
            print(f"{name}: " + "; ".join(wrong))
            print("    bundle.py: " + "; ".join(f"{f['claim']} {f['code']} {f['text']}"
                                                for f in mine["findings"][:4]))
            print("    akashi-verify: " + theirs["text"])

    def ask_second(self, path, key, expect, custody_keys, authority):
        judge = Judge([VKey.parse(key.encode())] if key else [],
                      [VKey.parse(k.encode()) for k in custody_keys],
                      Range.parse(expect) if expect else None,
                      [VKey.parse(k.encode()) for k in authority])
        judge.judge(path)
        return judge.report()

    def ask_first(self, path, key, expect, custody_keys, authority):
        words = [self.verify, "bundle", path, "--json"]
        words += ["--key", key] if key else []
        for word in custody_keys:
            words += ["--custody-key", word]
        for word in authority:
            words += ["--authority", word]
        for word in expect:
            words += ["--expect", in_words(word)]
        done = subprocess.run(words, capture_output=True, check=False, timeout=120)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            report = {"claims": [], "verdict": {1: "INVALID", 2: "NOT CHECKABLE", 3: "INCOMPLETE",
                                                0: "VALID"}.get(done.returncode)}
        report["text"] = "; ".join(f"{c['claim']} {c['finding'].get('code', '')} "
                                   f"{c['finding']['text']}" for c in report["claims"]
                                   if "finding" in c) or done.stderr.decode()[-300:]
        return report


def in_words(word):
    """A time as akashi-verify takes it."""
    name, _, value = word.partition(":")
    if name not in ("from", "to"):
        return word
    seconds, rest = divmod(int(value), SECOND)
    stamp = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{name}:{stamp:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def compare(mine, theirs):
    """What is not the same."""
    wrong = []
    if mine["verdict"] != theirs["verdict"]:
        wrong.append(f"{mine['verdict']} against {theirs['verdict']}")
    said = {c["claim"]: c["verdict"] for c in theirs["claims"]}
    first = next(c["verdict"] for c in mine["claims"] if c["claim"] == "authentic")
    for claim in mine["claims"]:
        name = claim["claim"]
        if said and said.get(name) != claim["verdict"]:
            wrong.append(f"{name} is {claim['verdict']} against {said.get(name)}")
    if first == "VALID":
        for number in ("entries", "records", "redacted", "redacted_in_part", "parts_withheld"):
            if number in theirs and number != "records" and mine[number] != theirs[number]:
                wrong.append(f"{number}: {mine[number]} against {theirs[number]}")
    return wrong


# Stores and the bundles that are exported from them.

def crowded(number=21):
    """A log in which sources come and go, events stand between, and the clock falls once."""
    secrets = Secrets("example.org/crowd", number, epochs=4)
    m = Maker(secrets, block_entries=100)
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    akbases.records(m, tls, "fw1", 60)
    udp = m.declare(**akbases.DATAGRAM)
    akbases.records(m, udp, "sw9", 30)
    m.state()
    m.commit()
    akbases.records(m, tls, "fw1", 30)
    m.event("udp-drop", listener=akbases.DATAGRAM["listener"], count="3", since=str(m.now - SECOND),
            until=str(m.now))
    m.tick(500000)
    m.state()
    akbases.records(m, udp, "sw9", 40)
    m.seal()
    m.rotate()
    m.state()
    other = m.declare("tcp", "tcp://0.0.0.0:601", "address", address="192.0.2.7")
    akbases.records(m, other, "fw1", 20)
    m.now, m.clock_run = m.now - 300_000_000, m.clock_run + 1
    m.event("clock-step", old=str(m.now + 300_000_000), new=str(m.now))
    akbases.records(m, tls, "fw1", 25)
    m.fragment(udp, b"<13>half a rec")
    m.state()
    m.commit()
    akbases.records(m, udp, "sw9", 12)
    m.tick(900000)
    m.stop()
    m.commit()
    return m.finish(), secrets


def stamp(ns):
    return in_words(f"from:{ns}").partition(":")[2]


class Store:
    """A log on disk, with the times of its entries."""

    def __init__(self, work, name, log, secrets):
        self.log, self.secrets, self.key = log, secrets, secrets.vkey
        self.path = os.path.join(work, "store-" + name)
        log.save(os.path.join(self.path, log.log_id))
        self.times = [e.received for s in log.segments for e in s.entries()]

    def at(self, share):
        return self.times[int(share * (len(self.times) - 1))]

    def span(self, a, z):
        return ["--from", stamp(self.at(a)), "--to", stamp(self.at(z))]

    def export(self, verify, path, *words):
        done = subprocess.run([verify, "export", self.path, "--key", self.key, "-o", path,
                               *STATEMENTS, *words], capture_output=True, check=False)
        if not os.path.exists(path):
            raise SystemExit(f"export {words}: {done.stdout.decode()[-500:]}"
                             f"{done.stderr.decode()[-500:]}")
        return path


# What somebody without keys can do. Each takes a Folder and changes it.

def flipped(data, at, bit=0):
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def withheld(f):
    f.find()[2].close(18)


def withheld_blacked_out(f):
    f.about(redactions=[{"reason": "privacy", "what": "a record"}])
    f.find()[2].close(16, b"\0\0")


def blacked_out_without_reason(f):
    f.find()[2].close(16, b"\0\0")


def erased(f):
    f.find()[2].close(1)


def expired(f):
    f.find()[2].close(3)


def hidden(f):
    f.hide(f.find()[0])


def hidden_end(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 0]
    f.hide(*(index for index, *_ in rows[-3:]))


def hidden_last(f):
    index, _, row = list(f.placed())[-1]
    if index == f.size - 1:
        f.hide(index)


def hidden_event(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 3]
    if rows:
        f.hide(rows[0][0])


def hidden_declaration(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 1]
    if rows:
        f.hide(rows[-1][0])


def hidden_state(f):
    f.hide(*(index for index, _, row in f.placed() if row.raw[1] == 8))


def hidden_start(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 4]
    f.hide(rows[-1][0])


def hidden_first_start(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 4]
    f.hide(rows[0][0])


def closed_start(f):
    [row for row in f.placed() if row[2].raw[1] == 4][-1][2].close(18)


def blacked_out_start(f):
    f.about(redactions=[{"reason": "privacy", "what": "a record"}])
    [row for row in f.placed() if row[2].raw[1] == 4][-1][2].close(16, b"\0\0")


def closed_event(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 3]
    if rows:
        rows[0][2].close(18)


def closed_declaration(f):
    rows = [row for row in f.placed() if row[2].raw[1] == 1]
    if rows:
        rows[0][2].close(18)


def closed_all(f):
    for _, _, row in f.placed():
        if row.received and row.state == 0:
            row.close(18)


def added(f):
    index, position, row = f.find()
    f.items.insert(position, rewrite.Row(row.raw, 0, row.rest, row.text))
    f.size += 1


def added_in_place_of_hash(f):
    index, position, row = f.find()
    behind = next((p for p, item in enumerate(f.items) if not isinstance(item, rewrite.Row)
                   and item[0] > index), None)
    if behind is None:
        return
    first, end, hashes = f.items[behind]
    f.items[behind] = (first + 1, end, hashes)
    f.items.insert(behind, rewrite.Row(row.raw, 0, row.rest, row.text))


def swapped_texts(f):
    one, two = f.find()[2], f.find(skip=1)[2]
    one.text, two.text = two.text, one.text
    one.rest, two.rest = two.rest[:4] + one.rest[4:], one.rest[:4] + two.rest[4:]


def swapped_rows(f):
    _, p, one = f.find()
    _, q, two = f.find(skip=1)
    f.items[p], f.items[q] = two, one


def other_salt(f):
    row = f.find()[2]
    row.rest = row.rest[:4] + flipped(row.rest[4:], 3)


def salted_anew(f):
    row = f.find()[2]
    if row.raw[0] != 1:
        return
    text = b"nothing happened"
    row.rest, row.text = len(text).to_bytes(4, "big") + bytes(16), text + b"\n"
    row.raw = row.raw[:22] + sha256(b"\x02" + bytes(16) + text)


def other_text(f):
    row = f.find()[2]
    row.text = flipped(row.text, 0)


def other_own_text(f):
    row = f.find(kind=4)[2]
    row.text = flipped(row.text, 40)


def other_time(f):
    row = f.find()[2]
    row.raw = flipped(row.raw, 9)


def other_form(f):
    row = f.find()[2]
    row.raw = bytes([3]) + row.raw[1:]


def boundary(f):
    """An entry more is shown, and the stretch behind is one shorter, with its old hashes."""
    for p, item in enumerate(f.items):
        if not isinstance(item, rewrite.Row) and item[1] - item[0] > 2 and item[0]:
            f.items[p] = (item[0], item[1] - 1, item[2])
            f.size -= 1
            return


def other_hash(f):
    for p, item in enumerate(f.items):
        if not isinstance(item, rewrite.Row):
            f.items[p] = (item[0], item[1], [flipped(item[2][0], 5), *item[2][1:]])
            return


def proof_as(change):
    def forge(f):
        f.raw["proof"] = change(f.derived()["proof"])
    return forge


def file_as(name, change):
    def forge(f):
        data = f.derived().get(name)
        if data is not None:
            f.raw[name] = change(data)
    forge.__name__ = name
    return forge


def about_as(**members):
    def forge(f):
        f.about(**members)
    return forge


def asked_as(**members):
    def forge(f):
        asked = json.loads(f.files["bundle.json"])["asked"]
        asked.update(members)
        f.about(asked={k: v for k, v in asked.items() if v is not None})
    return forge


def checkpoint_lines(keep):
    def forge(f):
        text, lines = split_note(f.files["checkpoint"])
        f.files["checkpoint"] = (text + "\n" + "".join(keep(lines))).encode()
    return forge


def bad_line(number):
    def keep(lines):
        line = lines[number]
        at = len(line) - 20
        other = "A" if line[at] != "A" else "B"
        return [*lines[:number], line[:at] + other + line[at + 1:], *lines[number + 1:]]
    return keep


def stranger(lines):
    return [*lines, Key("witness.example/w", bytes([5]) * 32).line("another text\n")]


def two_frames(data):
    return data + compress(b"")


FORGERIES = {
    "as it is": lambda f: None,
    "withheld": withheld, "withheld, blacked out": withheld_blacked_out,
    "blacked out without reason": blacked_out_without_reason,
    "called erased": erased, "called expired": expired, "hidden": hidden,
    "hidden at the end": hidden_end, "last entry hidden": hidden_last,
    "event hidden": hidden_event, "event withheld": closed_event,
    "declaration hidden": hidden_declaration, "declaration withheld": closed_declaration,
    "states hidden": hidden_state, "newest start note hidden": hidden_start,
    "first start note hidden": hidden_first_start, "newest start note withheld": closed_start,
    "newest start note blacked out": blacked_out_start, "all withheld": closed_all,
    "added": added, "added in place of a hash": added_in_place_of_hash,
    "texts swapped": swapped_texts, "entries swapped": swapped_rows, "other salt": other_salt,
    "salted anew": salted_anew, "other text": other_text, "other own text": other_own_text,
    "other time": other_time, "other form": other_form, "boundary moved": boundary,
    "other hash": other_hash,
    "proof without its last line end": proof_as(lambda d: d[:-1]),
    "proof with a line more": proof_as(lambda d: d + b"skip 1\n"),
    "proof with a leading zero": proof_as(lambda d: d.replace(b"show ", b"show 0", 1)),
    "proof of another version": proof_as(lambda d: d.replace(b"/v1", b"/v2", 1)),
    "proof of another size": proof_as(lambda d: d.replace(b"\n", b"\n1", 1)),
    "proof with CR": proof_as(lambda d: d.replace(b"\n", b"\r\n")),
    "entries cut": file_as("entries", lambda d: d[:-1]),
    "an entry too many": file_as("entries", lambda d: d + d[-54:]),
    "openings cut": file_as("openings", lambda d: d[:-1]),
    "openings too long": file_as("openings", lambda d: d + b"\0"),
    "state 2": file_as("openings", lambda d: b"\2" + d[1:]),
    "own.txt too long": file_as("own.txt", lambda d: d + b"\n"),
    "own.txt without its last LF": file_as("own.txt", lambda d: d[:-1] + b" "),
    "records without checksum": file_as("records.zst", lambda d: compress(
        rewrite.zstandard.ZstdDecompressor().decompressobj().decompress(d), False)),
    "records in two frames": file_as("records.zst", two_frames),
    "records cut": file_as("records.zst", lambda d: d[:-1]),
    "records with another checksum": file_as("records.zst", lambda d: flipped(d, len(d) - 1)),
    "records too long": file_as("records.zst", lambda d: compress(
        rewrite.zstandard.ZstdDecompressor().decompressobj().decompress(d) + b"more\n")),
    "records empty": file_as("records.zst", lambda d: b""),
    "positions cut": file_as("positions", lambda d: d[:d[:-1].rindex(b"\n") + 1]),
    "positions without a count": file_as("positions", lambda d: b"\n".join(
        line for line in d.split(b"\n") if not line.startswith(b"count 3 "))),
    "positions with another number": file_as("positions", lambda d: d.replace(
        b"count 256 ", b"count 256 1", 1)),
    "positions gone": file_as("positions", lambda d: None),
    "positions of another version": file_as("positions", lambda d: d.replace(b"v1", b"v2", 1)),
    "bundle.json with a blank": file_as("bundle.json", lambda d: d.replace(b",", b", ", 1)),
    "bundle.json with an LF": file_as("bundle.json", lambda d: d + b"\n"),
    "bundle.json with another member": about_as(colour="blue"),
    "version 2": about_as(version=2), "version 0": about_as(version=0),
    "another type": about_as(type="parcel"),
    "no case": about_as(case=None), "empty case": about_as(case=""),
    "case is a number": about_as(case=7), "no log key": about_as(log_key=None),
    "log key of another form": about_as(log_key="x"),
    "digest of another form": about_as(program_sha256="xyz"),
    "made with fractions": about_as(made="1795766209000000001"),
    "made a number": about_as(made=1795766209),
    "redactions no array": about_as(redactions={}),
    "redactions of another form": about_as(redactions=[{"reason": "x"}]),
    "redaction with an empty word": about_as(redactions=[{"reason": "", "what": ""}]),
    "empty mandate": about_as(mandate=""), "a mandate": about_as(mandate="warrant 7"),
    "another origin": about_as(origin="example.org/x/" + "0" * 32),
    "asked is nothing": about_as(asked={}), "asked for more": asked_as(last="2000"),
    "asked for beyond the log": asked_as(first="999999", last="9999999"),
    "asked backwards": asked_as(first="9", last="3", to="1"),
    "asked in numbers": asked_as(first=1, last=2, to=1),
    "asked for a selection": about_as(asked={"what": "match", "match": ["x"]}),
    "a selection without pattern": about_as(asked={"what": "match"}),
    "asked for events alone": about_as(asked={"what": "time", "from": "1", "to": "2",
                                              "events": True}),
    "asked for sources and identity": about_as(asked={
        "what": "time", "from": "1", "to": "2", "sources": [256], "source": ["x"],
        "identity": "y"}),
    "sources not rising": about_as(asked={"what": "time", "from": "1", "to": "2",
                                          "sources": [257, 256], "source": ["x"]}),
    "checkpoint without the log's line": checkpoint_lines(lambda lines: lines[1:]),
    "checkpoint without the epoch's line": checkpoint_lines(lambda lines: lines[:1]),
    "checkpoint with a bad line of the log": checkpoint_lines(bad_line(0)),
    "checkpoint with a bad line of the epoch": checkpoint_lines(bad_line(1)),
    "checkpoint with a line twice": checkpoint_lines(lambda lines: [*lines, lines[0]]),
    "checkpoint with a stranger's line": checkpoint_lines(stranger),
    "README changed": file_as("README.txt", lambda d: b"trust me\n"),
    "README gone": file_as("README.txt", lambda d: None),
    "checkpoint gone": file_as("checkpoint", lambda d: None),
    "another file": lambda f: f.files.update({"more.txt": b"x"}),
    "digests of before": lambda f: f.raw.update({"SHA256SUMS": f.derived()["SHA256SUMS"],
                                                 "README.txt": b"trust me\n"}),
    "digests without a file": file_as("SHA256SUMS", lambda d: d.split(b"\n", 1)[1]),
    "digests in another order": file_as("SHA256SUMS", lambda d: b"\n".join(
        [*reversed(d.split(b"\n")[:-1]), b""])),
    "digests in capitals": file_as("SHA256SUMS", lambda d: d[:64].upper() + d[64:]),
    "digests with a star": file_as("SHA256SUMS", lambda d: d.replace(b"  ", b" *", 1)),
}


def forgeries(bench, name, path, store, some=None):
    """All, or each n-th, of one bundle."""
    for number, (what, forge) in enumerate(FORGERIES.items()):
        if some is not None and number % some[0] != some[1]:
            continue
        f = Folder.read(path)
        if what != "as it is":
            f.custody = {}
        forge(f)
        out = os.path.join(bench.work, "forged")
        f.write(out)
        bench.show(f"{name}: {what}", out, store.key)


def flips(bench, name, path, store, count, seed):
    """A bit flipped somewhere, digests repaired."""
    draw = random.Random(seed)
    files = Folder.read(path).derived()
    for _ in range(count):
        f = Folder.read(path)
        f.custody = {}
        what = draw.choice(sorted(set(files) - {"README.txt", "SHA256SUMS"}))
        at, bit = draw.randrange(len(files[what])), draw.randrange(8)
        f.raw[what] = flipped(files[what], at, bit)
        f.write(os.path.join(bench.work, "forged"))
        bench.show(f"{name}: {what} bit {bit} of {at} flipped", os.path.join(bench.work, "forged"),
                   store.key)


def ranges(bench, name, path, store, count, seed):
    """What a reader may ask for himself, whatever the maker says."""
    draw = random.Random(seed)
    times = sorted({store.times[0] - 1000, *store.times, store.times[-1] + 1,
                    store.times[-1] + 1000})
    for _ in range(count):
        if draw.random() < 0.2:
            a = draw.randrange(len(store.times))
            words = [f"index:{a}-{a + draw.choice((0, 1, 5, 300))}"]
        else:
            a = draw.randrange(len(times) - 1)
            z = min(a + draw.choice((1, 2, 5, 40)), len(times) - 1)
            words = [f"from:{times[a] + draw.choice((0, 0, 1))}",
                     f"to:{times[z] + draw.choice((0, 1))}"]
            words += draw.choice(([], ["source:256"], ["source:257"], ["source:258"],
                                  ["source:256", "source:257"], ["identity:192.0.2.7"],
                                  ["identity:fw1.example.org"], ["identity:nobody"]))
            if len(words) > 2 and draw.random() < 0.3:
                words.append("events")
        bench.show(f"{name}: {' '.join(words)}", path, store.key, expect=words)


# One file.

def archives(bench, name, path, store):
    f = Folder.read(path)
    good = f.archive()
    out = os.path.join(bench.work, "forged.tar")
    size = len(f.files["README.txt"])
    changes = {
        "good": lambda d: d, "cut": lambda d: d[:-512], "a block more": lambda d: d + bytes(512),
        "without an end": lambda d: d[:-1024], "one NUL less": lambda d: d[:-1],
        "padding": lambda d: flipped(d, 512 + size, 1) if size % 512 else d + b"\0",
        "not in order": lambda d: d[512 + (size + 511) // 512 * 512:-1024]
        + d[:512 + (size + 511) // 512 * 512] + d[-1024:],
        "custody gone": lambda d: d[:d.rindex(b"custody/")] + bytes(1024), "empty": lambda d: b"",
    }
    for at in (0, 99, 103, 110, 120, 130, 140, 150, 155, 156, 157, 257, 262, 264, 300, 329, 345, 500):
        changes[f"header byte {at}"] = lambda d, at=at: flipped(d, at, 1)
    for what, change in changes.items():
        with open(out, "wb") as stream:
            stream.write(change(good))
        bench.show(f"{name}, one file: {what}", out, store.key)
    with open(out, "wb") as stream:
        stream.write(good)
    beside = out + ".custody"
    for what, record in custody_chain(f).items():
        os.mkdir(beside)
        with open(os.path.join(beside, "0002"), "wb") as stream:
            stream.write(record)
        bench.show(f"{name}, one file, a record beside: {what}", out, store.key)
        os.unlink(os.path.join(beside, "0002"))
        os.rmdir(beside)
    os.unlink(out)


# Custody.

def record(number, evidence, before, **fields):
    values = {"number": str(number), "evidence": evidence, "previous": before,
              "at": "2026-11-27T08:00:00Z", "exhibit": "1 / 3", "by": "A. Abe", "to": "B. Ito",
              "place": "room 3", "purpose": "analysis", "changes": "none", "answerable": None}
    values.update(fields)
    return ("akashi/custody/v1\n" + "".join(f"{k} {v}\n" for k, v in values.items()
                                            if v is not None)).encode()


def selections(bench, path, store):
    """Broken counts in a bundle that claims nothing to be complete."""
    for what, forge in {"cut": lambda d: d[:-3], "another number":
                        lambda d: d.replace(b"count 256 ", b"count 256 1", 1)}.items():
        f = Folder.read(path)
        f.custody = {}
        f.about(asked={"what": "match", "match": ["x"]})
        f.raw["positions"] = forge(f.derived()["positions"])
        f.write(os.path.join(bench.work, "forged"))
        bench.show(f"selection, positions: {what}", os.path.join(bench.work, "forged"), store.key)


def custody_chain(f):
    """Second records behind the one that export wrote, by what is wrong with them."""
    evidence = sha256(f.derived()["SHA256SUMS"]).hex()
    before = sha256(f.custody["0001"]).hex()
    good = record(2, evidence, before)
    text = good.decode()
    return {
        "good": good, "of other evidence": record(2, "0" * 64, before),
        "behind another": record(2, evidence, "0" * 64), "behind none": record(2, evidence, "none"),
        "of another number": record(3, evidence, before),
        "without to": record(2, evidence, before, to=None),
        "with a change and nobody": record(2, evidence, before, changes="seal broken"),
        "with a change": record(2, evidence, before, changes="seal broken", answerable="B. Ito"),
        "answerable for nothing": record(2, evidence, before, answerable="B. Ito"),
        "on a day that is none": record(2, evidence, before, at="2026-02-29T08:00:00Z"),
        "in 1969": record(2, evidence, before, at="1969-12-31T23:59:59Z"),
        "at second 60": record(2, evidence, before, at="2026-11-27T08:00:60Z"),
        "blank at the end": record(2, evidence, before, by="A. Abe "),
        "blank at the begin": record(2, evidence, before, by=" A. Abe"),
        "with a tab": record(2, evidence, before, by="A.\tAbe"),
        "with a control of C1": record(2, evidence, before, by="A.\u0085Abe"),
        "with DEL": record(2, evidence, before, by="A.\x7fAbe"),
        "too long a word": record(2, evidence, before, by="x" * 513),
        "the longest word": record(2, evidence, before, by="x" * 512),
        "empty word": record(2, evidence, before, by=""),
        "in another order": good.replace(b"place room 3\npurpose analysis\n",
                                         b"purpose analysis\nplace room 3\n"),
        "line twice": good.replace(b"place room 3\n", b"place room 3\nplace room 3\n"),
        "cut": good[:-1], "with CR": good.replace(b"\n", b"\r\n"), "empty": b"",
        "no UTF-8": good.replace(b"A. Abe", b"A. \xff"),
        "signed": make_note(text, [CUSTODIAN]),
        "signed badly": (text + "\n" + CUSTODIAN.line("something else\n")).encode(),
        "signed twice": make_note(text, [CUSTODIAN, CUSTODIAN]),
        "signed with nothing": (text + "\n").encode(),
    }


def custody(bench, name, path, store):
    out = os.path.join(bench.work, "forged")
    f = Folder.read(path)
    for (what, data), keys in itertools.product(custody_chain(f).items(), ((), (CUSTODIAN.vkey,))):
        f.custody["0002"] = data
        f.write(out)
        bench.show(f"{name}, custody{' with a key' if keys else ''}: {what}", out, store.key,
                   custody_keys=keys)
    good = custody_chain(f)["good"]
    for what, records in {"a hole": {"0001": f.custody["0001"], "0003": good}, "first gone":
                          {"0002": good}, "name": {"1": good}, "name of five": {"00001": good},
                          "0000": {"0000": good}, "none": {}, "letters": {"000a": good}}.items():
        f.custody = records
        f.write(out)
        bench.show(f"{name}, custody: {what}", out, store.key)


# Records by parts.

def parts(bench, path, store):
    out = os.path.join(bench.work, "forged")

    def cut_other(payload):
        p = rewrite.split_parts(payload)
        return [p[0] + p[1][:1], p[1][1:], *p[2:]]

    def cut_joined(payload):
        p = rewrite.split_parts(payload)
        return [p[0] + p[1], *p[2:]]

    forged = {
        "one withheld": lambda r, i: in_parts(r, i, lambda j, p: j == 3),
        "first withheld": lambda r, i: in_parts(r, i, lambda j, p: j == 0),
        "last withheld": lambda r, i: in_parts(r, i, lambda j, p: p == rewrite.split_parts(
            r.text[:-1])[-1]),
        "most withheld": lambda r, i: in_parts(r, i, lambda j, p: j != 2),
        "none withheld": lambda r, i: in_parts(r, i, lambda j, p: False),
        "all withheld": lambda r, i: in_parts(r, i, lambda j, p: True),
        "split elsewhere": lambda r, i: in_parts(r, i, lambda j, p: j == 4, cut_other),
        "split elsewhere, withheld": lambda r, i: in_parts(r, i, lambda j, p: j < 2, cut_other),
        "two as one": lambda r, i: in_parts(r, i, lambda j, p: j == 3, cut_joined),
        "a reason too many": lambda r, i: in_parts(r, i, lambda j, p: j == 3, reason=1),
    }

    def other_mark(r, i):
        in_parts(r, i, lambda j, p: j == 3)
        r.text = r.text.replace(rewrite.MARK, b"###")

    def other_byte(r, i):
        in_parts(r, i, lambda j, p: j == 3)
        r.text = flipped(r.text, 1)

    def other_c(r, i):
        in_parts(r, i, lambda j, p: j == 0)
        r.rest = flipped(r.rest, 20)

    def no_parts(r, i):
        r.close(17, bytes(4))

    def short(r, i):
        in_parts(r, i, lambda j, p: j == 3)
        r.rest = r.rest[:4] + bytes([39]) + r.rest[5:]

    forged.update({"another mark": other_mark, "another byte": other_byte, "another c": other_c,
                   "no part at all": no_parts, "a part of 39": short})
    for what, forge in forged.items():
        f = Folder.read(path)
        f.custody = {}
        f.about(redactions=[{"reason": "privacy", "what": "a name"}])
        index, _, row = f.find()
        forge(row, index)
        f.write(out)
        bench.show(f"parts: {what}", out, store.key)
    f = Folder.read(path)
    f.custody = {}
    f.about(redactions=[{"reason": "privacy", "what": "a name"}])
    in_parts(f.find(kind=4)[2], 0, lambda j, p: j == 1)
    f.write(out)
    bench.show("parts: of an own entry", out, store.key)


# What the holder of the keys can do.

def holder(bench):
    """Logs that break a rule, signed all the same."""
    cases = {
        "good": lambda m, t: None,
        "number skipped": lambda m, t: m.behind.update({t: m.behind[t] + 1}),
        "number twice": lambda m, t: m.behind.update({t: m.behind[t] - 1}),
        "clock falls": lambda m, t: m.tick(-5000),
        "run rises, clock too": lambda m, t: setattr(m, "clock_run", m.clock_run + 1),
        "run rises by two": lambda m, t: (m.tick(-5000), setattr(m, "clock_run", m.clock_run + 2)),
        "run rises by nine": lambda m, t: (m.tick(-5000), setattr(m, "clock_run", m.clock_run + 9)),
        "number jumps": lambda m, t: m.behind.update({t: m.behind[t] + 90}),
        "run rises": lambda m, t: (m.tick(-5000), setattr(m, "clock_run", m.clock_run + 1)),
        "odd time": lambda m, t: setattr(m, "now", m.now + 1),
        "record of an own source": lambda m, t: m.entry(0, b"x", 8),
        "event of a source": lambda m, t: m.entry(3, canonical(
            {"type": "event", "event": "stop", "side": "operator"}), t),
        "source of later": lambda m, t: m.record(257, b"too early"),
        "unknown kind": lambda m, t: m.entry(9, b"whatever"),
        "critical kind": lambda m, t: m.entry(128, b"whatever"),
        "own payload is no JSON": lambda m, t: m.entry(3, b"x"),
        "own payload of another form": lambda m, t: m.own(3, type="event", event="stop", side=7),
        "order of another form": lambda m, t: m.own(5, type="order", action="burn"),
        "order": lambda m, t: m.own(5, type="order", action="hold", ranges=[["1", "2"]]),
        "anchor of both": lambda m, t: m.own(6, type="anchor", beacon="x", checkpoint="y"),
        "start note again": lambda m, t: m.rotate(0),
        "epoch skipped": lambda m, t: m.rotate(2),
        "epoch begins": lambda m, t: m.rotate(1),
    }
    out = os.path.join(bench.work, "forged")
    for what, change in cases.items():
        secrets = Secrets("example.org/holder", 31, epochs=4)
        m = Maker(secrets, block_entries=50)
        m.start()
        tls = m.declare(**akbases.CERTIFICATE)
        akbases.records(m, tls, "fw1", 20)
        change(m, tls)
        akbases.records(m, tls, "fw1", 5)
        m.tick(1000)
        m.declare(**akbases.DATAGRAM)
        akbases.records(m, tls, "fw1", 20)
        m.state()
        rows = laid_out(m)
        epoch = {"epoch skipped": 2, "epoch begins": 1}.get(what, 0)
        size = len(rows)
        for pieces, asked in (
                ([(0, size)], {"what": "index", "first": "0", "last": str(size - 1)}),
                ([(0, 20), (22, 30), (40, size)], {"what": "index", "first": "22", "last": "25"}),
                ([(0, 22), (26, size)], {"what": "time", "from": str(m.now), "to": str(m.now + 1),
                                         "sources": [tls], "source": ["256"]})):
            made(rows, secrets, pieces, asked, epoch).write(out)
            bench.show(f"holder: {what}, {pieces}", out, secrets.vkey)


def identities(bench):
    """What is known of an identity where the declaration of a source is not shown, or its texts."""
    def closed(*names):
        return lambda f, at: [at[name][1].close(18) for name in names]

    def hides(*names):
        return lambda f, at: f.hide(*(at[name][0] for name in names))

    def blacked_out(f, at):
        f.about(redactions=[{"reason": "privacy", "what": "a record"}])
        at["in it"][1].close(16, b"\0\0")

    first, then = hides("declaration"), closed("in it")
    gap = hides("another's")
    cases = {
        "all shown": ([], "VALID"),
        "declaration hidden": ([first], "VALID"),
        "declaration hidden, a text in it withheld": ([then, first], "INCOMPLETE"),
        "declaration hidden, a fragment in it withheld": ([closed("fragment"), first],
                                                          "INCOMPLETE"),
        "declaration hidden, a text before withheld": ([closed("before"), first], "VALID"),
        "declaration hidden, a text behind withheld": ([closed("behind"), first], "VALID"),
        "declaration hidden, a text in it blacked out": ([blacked_out, first], "VALID"),
        "declaration hidden, another's text withheld": ([closed("another's"), first], "VALID"),
        "declaration hidden, an event withheld": ([closed("event"), first], "VALID"),
        "declaration withheld": ([closed("declaration")], "VALID"),
        "declaration withheld, a text in it too": ([closed("declaration", "in it")], "INCOMPLETE"),
        "declaration withheld, a gap behind": ([closed("declaration"), gap], "INCOMPLETE"),
        "declaration withheld, a text in it hidden": ([closed("declaration"), hides("in it")],
                                                      "INCOMPLETE"),
        "a gap behind": ([gap], "VALID"),
        "a text in it hidden": ([hides("in it")], "INCOMPLETE"),
        "declaration of later withheld, a gap before": ([closed("later"), gap], "VALID"),
        "declaration of later and a text of it withheld": ([closed("later", "of later")],
                                                           "INCOMPLETE"),
    }
    out = os.path.join(bench.work, "forged")
    for what, (changes, verdict) in cases.items():
        f, secrets, at = identity_asked()
        for change in changes:
            change(f, at)
        f.write(out)
        bench.show(f"identity, {what}", out, secrets.vkey, verdict=verdict)


def identity_asked():
    """All of a log with two sources of 192.0.2.9, asked for that; some entries by name."""
    secrets = Secrets("example.org/identity", 41)
    m, names = Maker(secrets), {}

    def name(what, make):
        names[what] = m.size
        return make()

    def source():
        return m.declare("tcp", "tcp://0.0.0.0:601", "address", address="192.0.2.9")
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    akbases.records(m, tls, "fw1", 5)
    m.tick(1000)
    other = name("declaration", source)
    name("before", lambda: m.record(other, b"of before"))
    m.tick(1000)
    akbases.records(m, tls, "fw1", 5)
    m.tick(1000)
    begin = m.now
    name("in it", lambda: m.record(other, b"of the time"))
    name("another's", lambda: akbases.records(m, tls, "fw1", 1))
    name("fragment", lambda: m.fragment(other, b"<13>half a rec"))
    name("event", lambda: m.event("udp-drop", listener=akbases.DATAGRAM["listener"], count="3",
                                  since=str(begin), until=str(m.now)))
    later = name("later", source)
    name("of later", lambda: m.record(later, b"of the time"))
    akbases.records(m, tls, "fw1", 5)
    m.tick(1000)
    end = m.now
    name("behind", lambda: m.record(other, b"of behind"))
    akbases.records(m, tls, "fw1", 2)
    m.state()
    rows = laid_out(m)
    f = made(rows, secrets, [(0, len(rows))], {"what": "time", "from": str(begin), "to": str(end),
                                               "identity": "192.0.2.9"})
    return f, secrets, {what: (index, rows[index]) for what, index in names.items()}


def orders(bench):
    """What was erased, and by whose order."""
    out = os.path.join(bench.work, "forged")
    secrets = Secrets("example.org/erased", 33)
    log = types.SimpleNamespace(vkey=secrets.vkey)
    good = [cases_orders.declared(), cases_orders.ordered(log, 1, "erase", (10, 12))]
    known = cases_orders.KNOWN
    cases = {
        "accepted": (good, known, "erase"), "nobody known": (good, [], "erase"),
        "one known": (good, known[:1], "erase"), "undeclared": (good[1:], known, "erase"),
        "expired": (good, known, "expire"),
        "asserted": ([good[0], cases_orders.asserted("erase", (10, 12))], known, "erase"),
        "others": ([good[0], cases_orders.ordered(log, 1, "erase", (13, 14))], known, "erase"),
        "held": ([good[0], cases_orders.ordered(log, 1, "hold", (0, 10)),
                  cases_orders.ordered(log, 2, "erase", (10, 12))], known, "erase"),
        "declaration hidden": (good, known, "erase"), "order withheld": (good, known, "erase"),
        "order hidden": (good, known, "erase"),
    }
    for what, (values, given, action) in cases.items():
        m = Maker(secrets)
        m.start()
        tls = m.declare(**akbases.CERTIFICATE)
        akbases.records(m, tls, "fw1", 20)
        first = m.size
        for value in values:
            m.own(5, **value)
        akbases.records(m, tls, "fw1", 5)
        rows = laid_out(m)
        f = made(rows, secrets, [(0, len(rows))], {"what": "index", "first": "8", "last": "14"})
        rows[11].close(1 if action == "erase" else 3)
        if what == "declaration hidden":
            f.hide(first)
        elif what == "order hidden":
            f.hide(first + 1)
        elif what == "order withheld":
            rows[first + 1].close(18)
        f.write(out)
        bench.show(f"orders: {what}", out, secrets.vkey, authority=given)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verify")
    parser.add_argument("--only")
    options = parser.parse_args()
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared, prefix="akashi-bundles-") as work:
        bench = Bench(options.verify, work, options.only)
        run(bench, work)
    print(f"{bench.shown} bundles shown to both: {bench.wrong} judged differently; "
          + ", ".join(f"{v} {n}" for v, n in sorted(bench.verdicts.items())))
    return 1 if bench.wrong or (not bench.shown) else 0


def run(bench, work):
    crowd = Store(work, "crowd", *crowded())
    epochs = Store(work, "epochs", *akbases.epochs())
    by_parts = Store(work, "parts", *akbases.epochs(number=9, form=2))

    def export(store, name, *words):
        return store.export(bench.verify, os.path.join(work, name), *words)

    index = export(crowd, "index", "--index", "100-140")
    time = export(crowd, "time", *crowd.span(0.2, 0.5))
    source = export(crowd, "source", *crowd.span(0.2, 0.6), "--source", "256", "--events")
    identity = export(crowd, "identity", *crowd.span(0.3, 0.8), "--identity", "192.0.2.7")
    match = export(crowd, "match", "--match", "user1[0-9] ")
    early = export(epochs, "early", "--index", "300-420")
    whole = export(by_parts, "parts", "--index", "300-320")
    for name, path, store, some in (
            ("index", index, crowd, None), ("time", time, crowd, (4, 0)),
            ("source", source, crowd, (2, 1)), ("identity", identity, crowd, (4, 1)),
            ("match", match, crowd, (4, 2)), ("early", early, epochs, (2, 0)),
            ("parts", whole, by_parts, (4, 3))):
        forgeries(bench, name, path, store, some)
        ranges(bench, name, path, store, 20, len(name))
    flips(bench, "source", source, crowd, 40, 3)
    flips(bench, "early", early, epochs, 20, 4)
    selections(bench, source, crowd)
    bench.show("no key", index, None, verdict="NOT CHECKABLE")
    bench.show("another log's key", index, epochs.key, verdict="NOT CHECKABLE")
    archives(bench, "index", index, crowd)
    custody(bench, "index", index, crowd)
    parts(bench, whole, by_parts)
    holder(bench)
    identities(bench)
    orders(bench)


if __name__ == "__main__":
    sys.exit(main())

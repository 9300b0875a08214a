#!/usr/bin/python3
"""search.py VERIFY: finding records: what matches, what the answer rests on, and what damage, holes and
forgery do to it. Everything is compared with what Python's `re` finds in the entries of the stores,
which the tests' own maker lays out."""

import base64
import copy
import hashlib
import json
import os
import re
import shutil
import sys

from prove_kit import Cases, akbases, akforge, get, put, save

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from akbase import H, Secrets, b64, canonical_json, leaf_hash
from akformat import Log

cases = Cases(sys.argv[1])


def entries(log):
    """(index, entry) of everything."""
    at = 0
    for s in log.segments:
        for b in s.blocks():
            for e in b.entries:
                yield at, e
                at += 1


def records(log):
    return [(i, e) for i, e in entries(log) if e.kind in (0, 7) and e.payload is not None]


def hits(status, *words):
    """Indices that a search gives, all of them proven."""
    cases.run(status, "search", *words, "--jsonl")
    found = [json.loads(l) for l in cases.out.splitlines()]
    return [h["index"] for h in found if h["match"]], found


def report(status, *words):
    cases.run(status, "search", *words, "--json")
    try:
        return json.loads(cases.out)["logs"][0]
    except (ValueError, KeyError, IndexError):
        cases.expect(False, f"{words}: no report")
        return {}


def expect_hits(store, log, pattern, *words, flags=0, oracle=None, invert=False):
    test = oracle or (lambda p: re.search(pattern.encode(), p, flags | re.M) is not None)
    wanted = [i for i, e in records(log) if test(e.payload) != invert]
    got, found = hits(0, store, pattern, "--key", store + ".key", *words)
    cases.expect(got == wanted, f"{pattern} {words}: {got[:20]} instead of {wanted[:20]}")
    cases.expect(all(h["proven"] is True for h in found), f"{pattern}: something is not proven")
    by = dict(entries(log))
    for h in found[:50]:
        e = by[h["index"]]
        exact = base64.b64decode(h["message_base64"]) if "message_base64" in h \
            else h["message"].encode()
        cases.expect(exact == e.payload and h["timestamp_ns"] == e.received
                     and h["source"] == e.source, f"{pattern}: entry {h['index']} is shown wrongly")


def matching(store, log):
    """Expressions, strings, options; with both ways of checking, any number of threads."""
    for pattern in ("user4[0-9] port", "user[0-9]+", "^<134>1 .* fw1 ", "port 65", "two", "^lines$",
                    "line.\\n", "[^\\x00-\\x7f]", "x{4000}", "nothing at all", "fw1.*\\n.*fw1",
                    "\\x00{7}", "z*"):
        expect_hits(store, log, pattern)
        expect_hits(store, log, pattern, "--full", "--jobs", "1")
    expect_hits(store, log, "^$", oracle=lambda p: p == b"" or p[:1] == b"\n" or b"\n\n" in p)
    expect_hits(store, log, "ACCEPTED PUBLICKEY", "-i", flags=re.I)
    expect_hits(store, log, "ACCEPTED PUBLICKEY")
    expect_hits(store, log, "fw1", "-v", invert=True)
    expect_hits(store, log, "=HYPERLINK(1)", "-F", oracle=lambda p: b"=HYPERLINK(1)" in p)
    expect_hits(store, log, "日本語", "-F", oracle=lambda p: "日本語".encode() in p)
    expect_hits(store, log, "日本語 (ロ|x)グ", oracle=lambda p: "日本語 ログ".encode() in p)
    wanted = len([1 for _, e in records(log) if b"sw9" in e.payload])
    cases.run(0, "search", store, "sw9", "-c", "--key", store + ".key",
              says=f"VALID {wanted} of {len(records(log)):,} records found")
    cases.expect(cases.out.split()[1] == str(wanted), "-c gives another number")
    texts = set()
    for jobs in (1, 2, 5):
        cases.run(0, "search", store, "user1", "--key", store + ".key", "--jobs", jobs)
        texts.add(cases.out)
    cases.expect(len(texts) == 1, "the number of threads changes what is printed")
    one = texts.pop().splitlines()[0].split(" ")
    cases.expect(one[0] == log.log_id and one[3] == "fw1.example.org" and one[4:6] ==
                 ["record", "proven"], f"a line has other fields: {one}")
    cases.run(0, "search", store, "\\x1b", "--key", store + ".key", says="\\x1b[31m")
    cases.run(2, "search", store, "a(b", "--key", store + ".key", says="cannot be used")
    cases.run(2, "search", store, "(a)\\1", "--key", store + ".key", says="cannot be used")
    cases.run(2, "search", store, "--key", store + ".key", says="what to look for")
    cases.run(2, "search", "no-such-store", "x", says="no-such-store")


def lists(store, log):
    """Many strings at once."""
    strings = [b"user%d " % n for n in range(0, 97, 3)] + [b"\x00\x01\x02", b"no such thing", b"=HYPER"]
    strings += [hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(20000)]
    put("list", b"\r\n".join(strings) + b"\n")
    wanted = [i for i, e in records(log) if any(s in e.payload for s in strings[:40])]
    got, found = hits(0, store, "-f", "list", "--key", store + ".key")
    cases.expect(got == wanted, f"a list finds {len(got)} records instead of {len(wanted)}")
    cases.expect(all(h["string"].encode() in strings for h in found),
                 "the string that was found is not told")
    put("few", b"user12 \nuser13 \nab\n")
    wanted = [i for i, e in records(log) if re.search(b"user1[23] |ab", e.payload)]
    cases.expect(hits(0, store, "-f", "few", "--key", store + ".key")[0] == wanted, "a short list")
    put("empty", b"\n\r\n")
    cases.run(2, "search", store, "-f", "empty", says="no string to look for")
    put("long", b"x" * 70000)
    cases.run(2, "search", store, "-f", "long", says="line 1 has more than 65536 bytes")
    cases.run(2, "search", store, "-f", "nowhere", says="nowhere")


def filters(store, log):
    """Index, time and source leave out what is not asked for, and say nothing about it."""
    key = ("--key", store + ".key")
    all_ = records(log)
    for a, b in ((0, 10), (500, 777), (1500, 99999), (3, 3)):
        wanted = [i for i, e in all_ if a <= i <= b and b"user" in e.payload]
        cases.expect(hits(0, store, "user", "--index", f"{a}-{b}", *key)[0] == wanted,
                     f"--index {a}-{b}")
        r = report(0, store, "user", "--index", f"{a}-{b}", *key)
        cases.expect(r.get("searched") == len([1 for i, _ in all_ if a <= i <= b]),
                     f"--index {a}-{b} searches {r.get('searched')}")
    t = all_[700][1].received
    stamp = f"2023-11-14T22:13:{t // 10**9 % 60:02d}.{t % 10**9 // 1000:06d}Z"
    for option, test in (("--from", lambda e: e.received >= t), ("--to", lambda e: e.received < t)):
        wanted = [i for i, e in all_ if test(e) and b"user" in e.payload]
        cases.expect(hits(0, store, "user", option, stamp, *key)[0] == wanted, option)
        r = report(0, store, "user", option, stamp, *key)
        cases.expect(r.get("searched") == len([1 for _, e in all_ if test(e)]), f"{option}: searched")
    wanted = [i for i, e in all_ if e.source == 257 and b"user" in e.payload]
    for name in ("257", "198.51.100.23", "198*"):
        cases.expect(hits(0, store, "user", "--source", name, *key)[0] == wanted, f"--source {name}")
    r = report(0, store, "user", "--source", "257", *key)
    cases.expect(r.get("searched") == len([1 for _, e in all_ if e.source == 257]), "--source: searched")
    cases.run(2, "search", store, "user", "--source", "nobody", *key, says="no such source")


def neighbours(store, log):
    """Entries around each hit, once, from whatever block and kind."""
    by = dict(entries(log))
    for pattern, n in (("user4[0-9] port", 3), ("^two", 600), ("last word of nobody", 5)):
        wanted = [i for i, e in records(log) if re.search(pattern.encode(), e.payload)]
        around = sorted({k for i in wanted for k in range(max(0, i - n), i + n + 1) if k in by})
        got, found = hits(0, store, pattern, "--context", n, "--key", store + ".key")
        cases.expect(got == wanted, f"--context {n}: other hits")
        cases.expect([h["index"] for h in found] == around, f"--context {n}: other neighbours")
        cases.expect(all(h["proven"] for h in found), "a neighbour is not proven")
    cases.run(0, "search", store, "user4[0-9] port", "--context", 1, "--key", store + ".key",
              says=("\n--\n", "record:neighbour proven"))


def several(a, b):
    """Two logs: one after the other, or merged by time."""
    both = []
    for store, log in (a, b):
        both += [(e.received, store, i) for i, e in records(log) if b"user1" in e.payload]
    got, found = hits(0, a[0], b[0], "user1", "--key", a[0] + ".key", "--key", b[0] + ".key")
    cases.expect(len(got) == len(both) and [h["log"] for h in found] ==
                 sorted([h["log"] for h in found], key=lambda n: n != a[1].log_id),
                 "two stores are not searched one after the other")
    _, found = hits(0, a[0], b[0], "user1", "--sort", "time", "--key", a[0] + ".key", "--key",
                    b[0] + ".key")
    times = [h["timestamp_ns"] for h in found]
    cases.expect(len(found) == len(both) and times == sorted(times), "--sort time does not sort")
    cases.expect(len({h["log"] for h in found}) == 2 and all(h["proven"] for h in found),
                 "--sort time loses logs or proofs")
    cases.run(2, "search", a[0], b[0], "user1", "--key", a[0] + ".key",
              says=("VALID", "NOT CHECKABLE", "not checked"))


def basis(store, log):
    """What the answer rests on: sealed files by their digest, others by the tree; --full all."""
    key = ("--key", store + ".key")
    all_ = records(log)
    sealed = sum(len([1 for e in s.entries() if e.kind in (0, 7)]) for s in log.segments if s.sealed)
    r = report(0, store, "nothing at all", *key)
    cases.expect((r.get("checked_by_file"), r.get("checked_by_tree")) == (sealed, len(all_) - sealed),
                 f"by file {r.get('checked_by_file')}, by tree {r.get('checked_by_tree')}")
    r = report(0, store, "nothing at all", "--full", *key)
    cases.expect((r.get("checked_by_file"), r.get("checked_by_tree")) == (0, len(all_)), "--full")
    cases.run(0, "search", store, "nothing at all", *key,
              says=(f"VALID 0 of {len(all_):,} records found", "by the digests of their sealed files"))
    cases.run(2, "search", store, "user1", says=("not checked", "NOT CHECKABLE", "no key given"))
    cases.expect("proven" not in cases.out, "without a key nothing is said to be proven")


def frames(store, log):
    """What a sealed file's digest of frames tells: of a block that is not asked for COLUMNS are read
    and DATA is not; a manifest without that digest leaves the tree."""
    key = ("--key", store + ".key")
    segment = next(s for s in log.segments if s.sealed and len(s.blocks()) > 2)
    first, last = segment.blocks()[0], segment.blocks()[-1]
    asked = ("--index", f"{last.first}-{last.end - 1}")
    wanted = [i for i, e in records(log) if last.first <= i < last.end and b"user" in e.payload]
    name = os.path.join(log.log_id, segment.name)
    whole = get(os.path.join(store, name))
    data_at = segment.offset(first) + len(first.encode()) - len(first.data)
    n = len([i for i, _ in records(log) if last.first <= i < last.end])
    for what, at, status, by_file in (("DATA", data_at + len(first.data) // 2, 0, n),
                                      ("COLUMNS", segment.offset(first) + 60, 3, 0)):
        shutil.rmtree("bent", ignore_errors=True)
        shutil.copytree(store, "bent")
        put(os.path.join("bent", name), whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        got, _ = hits(status, "bent", "user", *asked, *key)
        cases.expect(got == wanted, f"a bit of {what} elsewhere: other hits")
        r = report(status, "bent", "nothing at all", *asked, *key)
        cases.expect((r.get("checked_by_file"), r.get("checked_by_tree")) == (by_file, 0),
                     f"a bit of {what} elsewhere: {r}")
        cases.run(1, "search", "bent", "nothing at all", *key, says="INVALID")
    plain, secrets = akbases.standard()
    for e in (e for _, e in entries(plain) if e.kind == 2):
        value = json.loads(e.payload)
        del value["frames"]
        e.payload = canonical_json(value)
    akforge.rebuild(plain, secrets)
    plain.save(os.path.join("plain", plain.log_id))
    r = report(0, "plain", "nothing at all", *key)
    cases.expect((r.get("checked_by_file"), r.get("checked_by_tree")) == (0, len(records(plain))),
                 f"manifests without `frames`: {r}")


def altered(store, log, secrets):
    """A record is changed to hide it, or to show something false."""
    key = ("--key", store + ".key")
    bad = copy.deepcopy(log)
    victim = next(i for i, e in records(bad) if b"user41 " in e.payload)
    entry = dict(entries(bad))[victim]
    entry.payload = entry.payload.replace(b"user41 ", b"user99 ")
    akforge.rebuild(bad, None, leave=("manifests", "notes", "starts"), leaves=leaves_of(log))
    bad.save(os.path.join("altered", bad.log_id))
    cases.run(1, "search", "altered", "nothing at all", *key, says=("ALTERED", "INVALID 0 of"))
    cases.run(1, "search", "altered", "user99 ", *key, says="NOT-PROVEN")
    got, found = hits(1, "altered", "user99 ", *key)
    cases.expect(got == [victim] and found[0]["proven"] is False, "a false record is shown as proven")
    others = [h for h in hits(1, "altered", "user4", *key)[1] if h["index"] // 256 != victim // 256]
    cases.expect(others and all(h["proven"] for h in others), "other groups are not proven any more")
    cases.run(1, "search", "altered", "nothing at all", "--full", *key, says="ALTERED")
    # The same, and a thief of today's key says in a new manifest that this is the file.
    log2, secrets2 = akbases.standard()
    segment = log2.segments[0]
    later = max(i for i, e in entries(log2) if e.kind == 2)
    manifest = dict(entries(log2))[later]
    true = leaves_of(log2)
    entry = next(e for e in segment.entries() if e.kind == 0 and b"user41 " in e.payload)
    entry.payload = entry.payload.replace(b"user41 ", b"user99 ")
    akforge.rebuild(log2, None, leave=("manifests", "notes", "starts"), leaves=true)
    value = json.loads(manifest.payload)
    data = segment.encode()
    value.update(first="0", end=str(segment.end), file=segment.name, bytes=str(len(data)),
                 sha512=b64(hashlib.sha512(data).digest()), header=b64(H(segment.header.encode())),
                 frames=b64(akforge.footer_frames(segment)))
    manifest.payload = canonical_json(value)
    for s in log2.segments:
        for b in s.blocks():
            if b.first <= later < b.first + len(b.entries):
                true[later] = leaf_hash(b.entry_bytes()[later - b.first])
    akforge.rebuild(log2, secrets2, leave=("manifests", "states", "starts"), leaves=true)
    log2.save(os.path.join("thief", log2.log_id))
    cases.run(1, "search", "thief", "nothing at all", *key, says=("ALTERED", "INVALID 0 of"))


def leaves_of(log):
    return [leaf for s in log.segments for leaf in s.leaves()]


def damaged(store, log):
    """Bytes go bad, files go missing."""
    key = ("--key", store + ".key")
    name = log.segments[0].name
    folder = os.path.join("damaged", log.log_id)
    log.save(folder)
    data = bytearray(get(os.path.join(folder, name)))
    block = log.segments[0].blocks()[1]
    at = log.segments[0].offset(block) + len(block.encode()) - len(block.data) // 2
    data[at] ^= 0x40
    put(os.path.join(folder, name), bytes(data))
    cases.run(1, "search", "damaged", "nothing at all", *key, says=("ALTERED", "INVALID 0 of"))
    got, found = hits(1, "damaged", "user", *key)
    sound = [i for i, e in records(log) if b"user" in e.payload
             and not block.first // 256 <= i // 256 <= (block.end - 1) // 256]
    cases.expect(set(sound) <= {h["index"] for h in found if h["proven"]},
                 "records beside the damage are lost")
    by = dict(entries(log))
    cases.expect(all(base64.b64decode(h["message_base64"]) == by[h["index"]].payload
                     if "message_base64" in h else h["message"].encode() == by[h["index"]].payload
                     for h in found if h["proven"]), "a damaged record is shown as proven")
    for s, verdict in ((log.segments[1].name, 3), (log.segments[-1].name, 3)):
        shutil.rmtree("damaged")
        log.save(folder)
        os.unlink(os.path.join(folder, s))
        cases.run(verdict, "search", "damaged", "nothing at all", *key,
                  says=("MISSING", "INCOMPLETE 0 of", "no file here holds them"))
    shutil.rmtree("damaged")
    log.save(folder)
    with open(os.path.join(folder, log.segments[-1].name), "r+b") as f:
        f.truncate(os.path.getsize(f.name) - 2000)
    cases.run(3, "search", "damaged", "nothing at all", *key, says="INCOMPLETE")
    # Compressed anew by somebody without a key: another file, the same records.
    shutil.rmtree("damaged")
    again = copy.deepcopy(log)
    for b in again.segments[0].blocks():
        b.data = None
    akforge.rebuild(again, None, leave=("manifests", "notes", "starts"))
    if again.segments[0].encode() == log.segments[0].encode():
        again.segments[0].blocks()[0].data = __import__("akformat").compress(
            again.segments[0].blocks()[0].text(), 19)
        akforge.rebuild(again, None, leave=("manifests", "notes", "starts"))
    again.save(folder)
    r = report(0, "damaged", "nothing at all", *key)
    first = len([1 for e in log.segments[0].entries() if e.kind in (0, 7)])
    cases.expect(r.get("checked_by_tree", 0) >= first and
                 r.get("searched") == len(records(log)), "a file compressed anew is not proven")
    # One segment alone.
    name = os.path.join(store, log.log_id, log.segments[1].name)
    wanted = [e for e in log.segments[1].entries() if e.kind == 0 and b"user" in e.payload]
    got, found = hits(0, name, "user", *key)
    cases.expect(len(got) == len(wanted) and all(h["proven"] for h in found), "a segment alone")


def removed(store, log, secrets):
    """Payloads that are not there are counted, not searched; no order says why they are not."""
    bad = copy.deepcopy(log)
    block = bad.segments[1].blocks()[0]
    gone = [i for i, e in enumerate(block.entries) if e.kind == 0 and e.payload][:5]
    leaves = leaves_of(log)
    for i in gone:
        e = block.entries[i]
        e.commitment = e.encode(block.keys[(block.first + i) // 256], block.first + i)[22:]
        e.payload, e.state = None, 1
    block.data = None
    for g in {(block.first + i) // 256 for i in gone}:
        for i, e in enumerate(block.entries):
            if (block.first + i) // 256 == g and e.payload is not None:
                e.salt = __import__("akformat").derive_salt(1, block.keys[g], block.first + i)
        block.keys[g] = None
    akforge.rebuild(bad, None, leave=("manifests", "notes", "starts"), leaves=leaves)
    bad.save(os.path.join("removed", bad.log_id))
    r = report(3, "removed", "user", "--key", store + ".key")
    cases.expect(r.get("not_searchable") == 5 and r.get("searched") == len(records(log)) - 5,
                 f"{r.get('not_searchable')} records are not searchable")
    cases.run(3, "search", "removed", "user", "--key", store + ".key",
              says=("not searchable: 5 records without payload", "MISSING: log",
                    "no order that says so was found"))
    cases.run(2, "search", "removed", "user", says="not searchable: 5 records without payload")
    cases.expect("no order" not in cases.err, "without a key nothing is said of orders")
    rest = str(block.first + gone[-1] + 1)
    r = report(0, "removed", "user", "--key", store + ".key", "--index", rest + "-100000")
    cases.expect(r.get("not_searchable") == 0, "what is not asked for does not count")


def encodings():
    """Japanese in whatever the sender wrote: found, shown as it is, and no half of a character."""
    secrets = Secrets("example.org/words", 6)
    m = akforge.Maker(secrets)
    source = m.declare(**akbases.CERTIFICATE)
    said = []
    for n, text in enumerate(("接続拒否 user=tanaka", "接続受付 user=sato", "表示能力ソフト C:\\tmp",
                              "認証の失敗 3回", "plain ascii user=tanaka")):
        for code in ("utf-8", "cp932", "euc-jp", "iso-2022-jp", "utf-16-le", "utf-16-be"):
            m.tick()
            header = b"" if code.startswith("utf-16") else b"<13>Nov  2 02:22:22 gw%d app: " % n
            said.append((m.size, text, code, header + text.encode(code)))
            m.record(source, said[-1][3])
    m.commit()
    m.seal()
    m.commit()
    log = m.finish()
    save(log, secrets, "words")
    key = ("--key", "words.key")
    for pattern, flags in (("接続拒否", ("-F",)), ("接続拒否", ()), ("接続(拒否|受付)", ()),
                           ("能力", ("-F",)), ("tanaka", ()), ("TANAKA", ("-i",)), ("認証.失敗", ()),
                           ("[一二三0-9]回", ()), ("\\\\tmp", ())):
        test = re.compile(pattern, re.I if "-i" in flags else 0)
        wanted = [i for i, text, _, _ in said if test.search(text)]
        got, found = hits(0, "words", pattern, *flags, *key)
        cases.expect(got == wanted, f"{pattern}: {got} instead of {wanted}")
        for h in found:
            exact = base64.b64decode(h["message_base64"]) if "message_base64" in h \
                else h["message"].encode()
            cases.expect(exact == next(b for i, _, _, b in said if i == h["index"]),
                         "bytes were changed on the way")
    for name, codes in (("utf-8", ("utf-8",)), ("shift_jis", ("cp932",)), ("euc-jp", ("euc-jp",)),
                        ("iso-2022-jp", ("iso-2022-jp",)), ("utf-16", ("utf-16-le", "utf-16-be"))):
        wanted = [i for i, text, code, _ in said if "接続拒否" in text and code in codes]
        cases.expect(hits(0, "words", "接続拒否", "--encoding", name, *key)[0] == wanted,
                     f"--encoding {name}")
    # The second byte of these in Shift_JIS is a backslash.
    wanted = [i for i, text, _, _ in said if "\\" in text]
    cases.expect(hits(0, "words", "\\", "-F", *key)[0] == wanted, "a half of a character is found")
    put("list", "".join(f"拒否{n}\n" for n in range(100)).encode() + "受付 user=sato\n".encode())
    wanted = [i for i, text, _, _ in said if "受付" in text]
    cases.expect(hits(0, "words", "-f", "list", *key)[0] == wanted, "a list in all encodings")
    cases.run(2, "search", "words", "x", "--encoding", "latin1", says="--encoding latin1: write utf-8")
    cases.run(2, "search", "words", "[一-龥]", *key, says="beyond ASCII")
    cases.run(0, "search", "words", "\\btanaka", *key, says="not looked for in UTF-16")


def main():
    log, secrets = akbases.standard()
    save(log, secrets, "standard")
    log = Log.load(os.path.join("standard", log.log_id))
    matching("standard", log)
    lists("standard", log)
    filters("standard", log)
    neighbours("standard", log)
    basis("standard", log)
    frames("standard", log)
    altered("standard", log, secrets)
    damaged("standard", log)
    removed("standard", log, secrets)
    for make, name in ((akbases.epochs, "epochs"), (akbases.big, "big"), (akbases.tiny, "tiny")):
        other, keys = make()
        save(other, keys, name)
        expect_hits(name, other, "user1|record")
        expect_hits(name, other, "user1|record", "--full")
        basis_of = report(0, name, "nothing", "--key", name + ".key")
        cases.expect(basis_of.get("checked_by_tree", 0) + basis_of.get("checked_by_file", 0) ==
                     len(records(other)), f"{name}: not all is checked")
    encodings()
    several(("standard", log), ("big", akbases.big()[0]))
    parts, keys = akbases.standard("example.org/parts", 5, form=2)
    save(parts, keys, "parts")
    expect_hits("parts", parts, "user1")
    cases.end()


main()

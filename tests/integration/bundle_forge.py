#!/usr/bin/python3
"""bundle_forge.py VERIFY: bundles made by somebody who holds the store but no key. He withholds, adds,
swaps, re-salts and re-orders, moves boundaries, leaves out events and declarations, and repairs
whatever needs no key: SHA256SUMS always, the proof where he can. Each is found under the right claim."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, STATEMENTS, World, claims, save  # noqa: E402
import akbases  # noqa: E402
from akbase import Secrets, b64, H  # noqa: E402
from akforge import SECOND, Maker  # noqa: E402

VALID, INVALID, INCOMPLETE = "VALID", "INVALID", "INCOMPLETE"
SECOND_DOOR = dict(akbases.CERTIFICATE, listener="relp+tls://0.0.0.0:2515")
START = 1_700_000_000 * SECOND


def rfc3339(ns):
    import datetime
    t = datetime.datetime.fromtimestamp(ns // SECOND, datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % SECOND // 1000:06d}Z"


def make_log():
    """Two sources of one identity, one of another; three runs of the clock; three epochs."""
    secrets = Secrets("example.org/forge", 77, epochs=5)
    m = Maker(secrets)
    m.start()
    a = m.declare(**akbases.CERTIFICATE)
    rng = random.Random(5)
    others = []

    def some(n):
        for _ in range(n):
            m.tick(rng.randrange(100, 3000))
            s = rng.choice([a] + others)
            m.record(s, f"<134>{s} {m.size} user{rng.randrange(100)}".encode())

    some(150)
    others.append(m.declare(**akbases.DATAGRAM))
    some(180)
    m.event("udp-drop", listener="udp://0.0.0.0:514", count="3", since=str(m.now), until=str(m.now))
    m.state()
    some(100)
    m.commit()
    m.seal()
    # The clock falls back 200 ms: the same times come again.
    m.now -= 200_000_000
    m.clock_run += 1
    m.event("clock-step", old=str(m.now + 200_000_000), new=str(m.now))
    others.append(m.declare(**SECOND_DOOR))
    some(170)
    m.rotate()
    m.state()
    some(120)
    m.commit()
    m.now -= 400_000_000
    m.clock_run += 1
    m.event("clock-step", old=str(m.now + 400_000_000), new=str(m.now))
    some(200)
    m.state()
    some(90)
    m.commit()
    m.seal()
    some(60)
    others.clear()  # they send no more
    m.rotate()
    m.state()
    some(140)
    m.stop()
    m.commit()
    return m.finish(), secrets


c = Cases(sys.argv[1])
log, secrets = make_log()
save(log, secrets, "s")
KEY = ["--key", "s.key"]
world = World(log)
N = len(world.entries)
times = [e.received for e in world.entries]
c.run(0, "check", "s", *KEY)


def export(name, *words, status=0):
    c.run(status, "export", "s", *words, *KEY, *STATEMENTS, "-o", name, "--quiet")
    return Bundle(name)


def judge(name, bundle, expected, *words):
    """`expected`: {claim: verdict or (verdict, code)}; claims that are not named must be VALID."""
    bundle.write(name)
    found = claims(c, name, *KEY, *words)
    if found["authentic"][0] in (INVALID, "NOT CHECKABLE"):  # nothing rests on it
        expected = dict(expected, complete="NOT CHECKABLE", redacted="NOT CHECKABLE")
        c.expect(not json.loads(c.out)["sources"], f"{name}: no source is said to be complete")
    for claim in ("authentic", "complete", "redacted", "custody"):
        want = expected.get(claim, VALID)
        got = found.get(claim, (None, None))
        c.expect(got[0] == want if isinstance(want, str) else got == want,
                 f"{name}: {claim} is {got}, not {want}")


def truth(from_ns, to_ns, sources=None):
    """Indices of the received entries that a stretch of time holds."""
    return [i for i, e in enumerate(world.entries) if e.kind in (0, 7)
            and from_ns <= e.received < to_ns and (sources is None or e.source in sources)]


def shown_records(bundle):
    return [i for i, row in world.states(bundle).items()
            if world.entries[i].kind in (0, 7) and row[0] == 0]


# Every kind of range, at random: what is exported is all of it, and judged to be.
rng = random.Random(9)
low, high = min(times), max(times)
for k in range(10):
    t1 = rng.randrange(low - 10**7, high - 1000) // 1000 * 1000
    t2 = rng.randrange(t1 + 1000, high + 1000) // 1000 * 1000
    span = ["--from", rfc3339(t1), "--to", rfc3339(t2)]
    closed = t2 <= times[-1]
    status, verdict = (0, VALID) if closed else (3, (INCOMPLETE, "MISSING"))
    kinds = {"all": ([], None), "one": (["--source", "256"], {256}),
             "two": (["--source", "257", "--source", "258", "--events"], {257, 258}),
             "identity": (["--identity", "fw1.example.org", "--events"], {256, 258}),
             "nobody": (["--identity", "nobody.example.org"], set())}
    for kind, (words, sources) in kinds.items():
        name = f"r{k}-{kind}"
        bundle = export(name, *span, *words, status=status)
        c.expect(shown_records(bundle) == truth(t1, t2, sources),
                 f"{name}: shows {len(shown_records(bundle))} records, "
                 f"not {len(truth(t1, t2, sources))}")
        judge(name, bundle, {"complete": verdict})
        # One record of it is withheld, with a proof that is right in itself.
        held = truth(t1, t2, sources)
        if held and closed:
            judge(name, world.without(bundle, rng.choice(held)),
                  {"complete": (INCOMPLETE, "MISSING")})

# A stretch that the maker states is not the one that the reader asks for.
middle = sorted(times)[N // 2]
span = ["--from", rfc3339(middle - 60_000_000), "--to", rfc3339(middle)]
wider = ["--expect", f"from:{rfc3339(middle - 90_000_000)}", "--expect", f"to:{rfc3339(middle)}"]
same = ["--expect", f"from:{rfc3339(middle - 60_000_000)}", "--expect", f"to:{rfc3339(middle)}"]
judge("asked", export("asked", *span), {})
judge("asked", Bundle("asked"), {"complete": INCOMPLETE}, *wider)
judge("asked", Bundle("asked"), {}, *same)
judge("asked", Bundle("asked"), {}, *same, "--expect", "source:256", "--expect", "events")
moved = Bundle("asked")
moved.about(asked={"what": "time", "from": str(middle - 90_000_000), "to": str(middle)})
judge("moved", moved, {"complete": (INCOMPLETE, "MISSING")})

# A range of indices: cut at either end, with a hole, moved.
def index_bundle(name="index"):
    return export(name, "--index", "500-640", "--force")


good = index_bundle()
judge("index", good, {})
for gone in (500, 570, 640):
    judge(f"gone{gone}", world.without(index_bundle(), gone), {"complete": (INCOMPLETE, "MISSING")})
bundle = world.without(index_bundle(), *range(620, 641))
bundle.about(asked={"what": "index", "first": "500", "last": "619"})
judge("cut", bundle, {})
judge("cut", bundle, {"complete": INCOMPLETE}, "--expect", "index:500-640")
judge("cut", bundle, {}, "--expect", "index:510-600")
bundle = index_bundle()
bundle.about(asked={"what": "index", "first": "499", "last": "640"})
judge("shifted", bundle, {"complete": INCOMPLETE})
bundle.about(asked={"what": "index", "first": "500", "last": str(N + 3)})
judge("past", bundle, {"complete": INCOMPLETE})

# Without his proof being right: changed, added, swapped, re-ordered, doubled, moved entries.
BROKEN = {"authentic": (INVALID, "ALTERED"), "complete": "NOT CHECKABLE",
          "redacted": "NOT CHECKABLE"}


def forged(name, change, expected, *words):
    bundle = index_bundle()
    change(bundle, bundle.position(570))
    judge(name, bundle.build(), expected, *words)


def drop(b, p):
    del b.entries[p], b.rows[p]
    b.stretches[[i for i, s in enumerate(b.stretches) if s[0] == "show"][-1]][1] -= 1


def add(b, p):
    b.entries.insert(p, b.entries[p])
    b.rows.insert(p, b.rows[p])


def swap(b, p):
    b.entries[p], b.entries[p + 1] = b.entries[p + 1], b.entries[p]
    b.rows[p], b.rows[p + 1] = b.rows[p + 1], b.rows[p]


def swap_texts(b, p):
    b.rows[p], b.rows[p + 1] = b.rows[p + 1], b.rows[p]


def resalt(b, p):
    b.rows[p][1] = H(b.rows[p][1])[:16]


def recommit(b, p):
    """A new text, salt and commitment: only the root knows."""
    text, salt = b"<134>forged", bytes(16)
    b.rows[p] = [0, salt, text]
    b.entries[p] = b.entries[p][:22] + H(b"\2" + salt + text)


def retime(b, p):
    b.entries[p] = b.entries[p][:4] + (int.from_bytes(b.entries[p][4:12], "big") + 1000).to_bytes(
        8, "big") + b.entries[p][12:]


forged("dropped", drop, dict(BROKEN, authentic=INVALID))
forged("added", add, dict(BROKEN, authentic=INVALID))
forged("swapped", swap, dict(BROKEN, authentic=INVALID))
forged("swapped-texts", swap_texts, {"authentic": (INVALID, "ALTERED")})
forged("resalted", resalt, {"authentic": (INVALID, "ALTERED")})
forged("recommitted", recommit, BROKEN)
forged("retimed", retime, dict(BROKEN, authentic=INVALID))
forged("text", lambda b, p: b.rows[p].__setitem__(2, b"other"), {"authentic": (INVALID, "ALTERED")})


def move(b, _):
    """The shown stretch stands one entry later."""
    i = [k for k, s in enumerate(b.stretches) if s[0] == "show"][-1]
    b.stretches[i - 1][1] += 1
    b.stretches[i + 1][1] -= 1


forged("boundary", move, {"authentic": INVALID, "complete": "NOT CHECKABLE",
                          "redacted": "NOT CHECKABLE"})
forged("hash", lambda b, _: b.stretches[1][2].__setitem__(0, b64(bytes(32))), BROKEN)

# Texts that are withheld without a reason, or with one that is not given.
states = world.states(index_bundle())
states[570] = world.row(570, 18)
judge("silent", world.show(index_bundle(), states), {"complete": (INCOMPLETE, "MISSING")})
states[570] = world.row(570, 16)
judge("no-reason", world.show(index_bundle(), states), {"redacted": (INVALID, "MALFORMED")})
states[570] = world.row(570, 1)
judge("erased", world.show(index_bundle(), states), {"redacted": (INCOMPLETE, "MISSING")})

# An older checkpoint is signed too, but it is for another size; another root is not signed.
bundle = index_bundle()
lines = bundle.files["checkpoint"].split(b"\n")
lines[2] = b64(H(b"another root")).encode()
bundle.files["checkpoint"] = b"\n".join(lines)
judge("root", bundle, {"authentic": (INVALID, "ALTERED"), "complete": "NOT CHECKABLE",
                       "redacted": "NOT CHECKABLE"})

# The epoch's line is gone, or bad: the log key's alone vouches for nothing.
for name in ("epoch-gone", "epoch-bad"):
    bundle = index_bundle()
    lines = bundle.files["checkpoint"].split(b"\n")
    p = next(i for i, l in enumerate(lines) if l.startswith("\u2014 ".encode()) and b"/epoch/" in l)
    if name == "epoch-gone":
        del lines[p]
    else:
        words = lines[p].split(b" ")
        words[2] = words[2][:-8] + (b"AAAA" if words[2][-8:-4] != b"AAAA" else b"BBBB") + words[2][-4:]
        lines[p] = b" ".join(words)
    bundle.files["checkpoint"] = b"\n".join(lines)
    for expected in ([], ["--expect", "index:510-600"], ["--require", "complete"]):
        judge(name, bundle, {"authentic": (INVALID, "ALTERED"), "complete": "NOT CHECKABLE",
                             "redacted": "NOT CHECKABLE"}, *expected)
        c.expect(json.loads(c.out)["exit_status"] == 1, f"{name}: the whole is INVALID")

# Start notes: the one of an entry's epoch, the next one, the checkpoint's.
starts = [i for i, e in enumerate(world.entries) if e.kind == 4]
c.expect(len(starts) == 3, f"three epochs: {starts}")
across = f"{starts[1] - 20}-{starts[1] + 20}"
judge("epochs", export("epochs", "--index", across), {})
for gone in starts:
    bundle = world.without(Bundle("epochs"), gone)
    expected = {"authentic": (INCOMPLETE, "MISSING")}
    if gone == starts[1]:
        expected["complete"] = INCOMPLETE
    judge(f"note{gone}", bundle, expected)
first = export("first", "--index", "5-9")
judge("first", first, {})
c.expect(set(starts) <= set(first.indices()), "an old entry comes with the notes that prove it")
judge("first-only", world.without(Bundle("first"), starts[1]), {"authentic": (INCOMPLETE, "MISSING")})
inside = (starts[1] + starts[2]) // 2
inner = export("inner", "--index", f"{inside}-{inside + 20}")
judge("inner", inner, {})
c.expect(set(starts) <= set(inner.indices()),
         "the declaration of a source, of an older epoch, comes with the notes that prove it too")
states = world.states(Bundle("epochs"))
states[starts[1]] = world.row(starts[1], 18)
judge("note-hidden", world.show(Bundle("epochs"), states),
      {"authentic": (INCOMPLETE, "MISSING"), "complete": INCOMPLETE})

# Events of a time are withheld; a second declaration of the sender; who the source is.
t1, t2 = low, sorted(times)[-N // 8]
span = ["--from", rfc3339(t1), "--to", rfc3339(t2)]
bundle = export("events", *span, "--source", "256", "--events")
judge("events", bundle, {})
for gone in [i for i in bundle.indices() if world.entries[i].kind == 3
             and t1 <= world.entries[i].received < t2][:3]:
    judge(f"event{gone}", world.without(Bundle("events"), gone),
          {"complete": (INCOMPLETE, "MISSING")})
export("identity", *span, "--identity", "fw1.example.org")
judge("identity", Bundle("identity"), {})
declared = [i for i, e in enumerate(world.entries) if e.kind == 1]
for gone in declared:
    judge(f"declared{gone}", world.without(Bundle("identity"), gone),
          {"complete": (INCOMPLETE, "MISSING")})
# A declaration lies in a gap before the time, and one text of its source is there without its bytes.
d = declared[1]
nameless = next(i for i in range(d + 20, N) if world.entries[i].source == 257)
span_after = ["--expect", f"from:{rfc3339(times[d + 1] + 1000)}", "--expect", f"to:{rfc3339(t2)}"]
for who in (akbases.DATAGRAM["address"], "nobody.example.org"):
    for state, gone, verdict in ((18, [d], (INCOMPLETE, "MISSING")), (0, [d], VALID),
                                 (18, [], VALID if who[0] == "n" else (INCOMPLETE, "MISSING"))):
        states = {i: world.row(i) for i in range(N) if i not in gone}
        states[nameless] = world.row(nameless, state)
        judge("nameless", world.show(Bundle("identity"), states), {"complete": verdict},
              *span_after, "--expect", f"identity:{who}")
second = [i for i in world.states(Bundle("identity")) if world.entries[i].source == 258]
judge("second", world.without(Bundle("identity"), declared[2], *second),
      {"complete": (INCOMPLETE, "MISSING")})
judge("undeclared", world.without(Bundle("events"), declared[0]),
      {"complete": (INCOMPLETE, "MISSING")})
wrong = Bundle("events")
p = wrong.position(declared[0])
wrong.rows[p][2] = wrong.rows[p][2].replace(b"fw1.example.org", b"fw2.example.org")
judge("wrong-declaration", wrong.build(),
      {"authentic": (INVALID, "ALTERED"), "complete": INCOMPLETE})

# What a state entry says of the counts cannot be changed, and not be left out: nothing else closes
# the time of a source that sends no more.
quiet = export("quiet", "--from", rfc3339(low), "--to", rfc3339(times[-1]), "--source", "257")
judge("quiet", quiet, {})
c.expect("positions" in quiet.files, "a quiet source is closed by a count")
if "positions" in quiet.files:
    bundle = Bundle("quiet")
    lines = bundle.files["positions"].split(b"\n")
    words = lines[2].split(b" ")
    words[2] = b"%d" % (int(words[2]) - 1)
    lines[2] = b" ".join(words)
    bundle.files["positions"] = b"\n".join(lines)
    judge("positions", bundle, {"complete": INVALID})
    bundle = Bundle("quiet")
    del bundle.files["positions"]
    judge("no-positions", bundle, {"complete": (INCOMPLETE, "MISSING")})

# The last entry shows how far the log reaches.
judge("no-last", world.without(Bundle("events"), N - 1), {"complete": (INCOMPLETE, "MISSING")})

# A copy that differs; statements of another log.
export("copies", "--index", "500-520", "--also", "csv", "--also", "timesketch", "--also", "case")
for name in ("records.csv", "records.jsonl", "provenance.jsonld"):
    bundle = Bundle("copies")
    bundle.files[name] = bundle.files[name].replace(b"user", b"User").replace(b"Sato", b"Kato")
    judge("copy", bundle, {"authentic": (INVALID, "ALTERED")})
bundle = Bundle("copies")
bundle.about(by="somebody else")
judge("by", bundle, {"authentic": (INVALID, "ALTERED")})
bundle = index_bundle()
bundle.about(by="somebody else")
judge("by", bundle, {})

# Without repairing SHA256SUMS a change of a statement is damage.
bundle = index_bundle()
bundle.sums()
bundle.about(by="somebody else")
bundle.write("unrepaired", sums=False)
found = claims(c, "unrepaired", *KEY)
c.expect(found["custody"] == (INVALID, "ALTERED") and found["authentic"][0] == VALID,
         f"unrepaired: {found}")

# At random: whatever is left out, VALID is never said of a time in which something is hidden; and where
# only entries outside of it are, and their neighbours show that, it is said.
base = Bundle("events")
said = {VALID: 0, INCOMPLETE: 0}
for k in range(60):
    states = {i: world.row(i) for i in range(N)}
    gone = set()
    for _ in range(rng.randrange(1, 4)):
        first = rng.randrange(1, N - 8)
        gone |= {i for i in range(first, first + rng.randrange(1, 7)) if i not in starts}
    for i in gone:
        if rng.randrange(4) or world.entries[i].kind not in (0, 7):
            del states[i]
        else:
            states[i] = world.row(i, 18)
    world.show(base, states).write("random")
    near = times[rng.choice(sorted(gone))]
    t1 = rng.choice([low, near - rng.randrange(0, 20_000, 1000), near + rng.randrange(1, 20_000) * 1000])
    t2 = rng.choice([t1 + rng.randrange(1, 30_000) * 1000, times[-1], near])
    if t1 >= t2:
        continue
    span = ["--expect", f"from:{rfc3339(t1)}", "--expect", f"to:{rfc3339(t2)}"]
    hidden = {i for i in gone if t1 <= times[i] < t2}
    for words, sources in (([], None), (["--expect", "source:256"], {256}),
                           (["--expect", "identity:fw1.example.org"], {256, 258}),
                           (["--expect", "source:257", "--expect", "events"], {257, 3})):
        verdict = claims(c, "random", *KEY, *span, *words)["complete"][0]
        said[verdict] = said.get(verdict, 0) + 1
        wrong = {i for i in hidden if sources is None or world.entries[i].source in sources}
        if verdict == VALID:
            c.expect(not wrong, f"random {k} {words}: {sorted(wrong)} are hidden")
        elif t2 <= times[-1]:
            lost = wrong or sources is not None and any(world.entries[i].kind == 1 for i in gone)
            reach = {j for i in gone for j in range(i - 7, i + 8) if 0 <= j < N}
            c.expect(lost or any(t1 <= times[j] < t2 for j in reach) or
                     len({world.entries[j].clock_run for j in reach}) > 1,
                     f"random {k} {words}: nothing near is of the time, and it is {verdict}")
c.expect(said[VALID] > 30 and said[INCOMPLETE] > 30, f"both were said: {said}")

# Redaction by index and by pattern: only what was asked for is gone.
bundle = export("redacted", "--index", "500-560", "--redact", "index:510-511", "--redact",
                "match:user4[0-9]", "--redact-reason", "order 7", "--redact-reason", "name of user")
gone = [i for i, row in world.states(bundle).items() if row[0] == 16]
want = [i for i in range(500, 561) if world.entries[i].kind == 0 and
        (i in (510, 511) or b"user4" in world.entries[i].payload and
         world.entries[i].payload[-2:-1] == b"4")]
c.expect(gone == want, f"blacked out: {gone}, not {want}")
c.run(0, "bundle", "redacted", *KEY, says=("order 7", "name of user"))
c.expect(all(world.entries[i].payload not in b"".join(bundle.files.values()) and
             world.keys[i] not in b"".join(bundle.files.values()) for i in gone),
         "neither text nor salt of what is blacked out is in the bundle")
c.expect(b"user4[0-9]" not in b"".join(bundle.files.values()), "nor the pattern")

# A selection by a pattern is never complete, unless somebody requires it.
export("match", "--match", "user7")
found = claims(c, "match", *KEY)
c.expect(found["complete"][0] == "NOT CLAIMED" and found["authentic"][0] == VALID, f"{found}")
c.run(3, "bundle", "match", *KEY, "--require", "complete", says="this claim is required")
c.run(3, "bundle", "match", *KEY, "--require", "time")
c.run(0, "bundle", "match", *KEY, says=("a selection", "selection by a pattern"))
c.end()

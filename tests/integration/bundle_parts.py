#!/usr/bin/python3
"""bundle_parts.py VERIFY: records of which parts are withheld. The rest is proven, and every change of
a part, its salt, its place or its neighbours is found under the right claim."""

import copy
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import (Bundle, Cases, MARK, STATEMENTS, get, hide, recipe, salt, save,  # noqa: E402
                        zstandard)
import akbases  # noqa: E402
from akbase import H, u32  # noqa: E402
from akformat import split_parts  # noqa: E402

AT, NEXT = 400, 401
c = Cases(sys.argv[1])
KEY = ["--key", "std.key"]


def parts_of(bundle, index=AT):
    return bundle.rows[bundle.position(index)][1]


def judged(bundle, name, status, says):
    bundle.build().write("x")
    c.run(status, "bundle", "x", *KEY, says=says)
    c.expect(status == 0 or not c.out.strip().splitlines()[-1].startswith("VALID"),
             f"{name} is accepted")


REASONS = [{"reason": "name of a person", "what": "part"}, {"reason": "address", "what": "part"}]
log, secrets = akbases.standard(form=2)
save(log, secrets, "std")
c.run(0, "export", "std", "--index", "290-600", *KEY, *STATEMENTS, "-o", "whole")
whole = Bundle("whole").about(redactions=REASONS)
text = whole.rows[whole.position(AT)][2]
split = split_parts(text)
good = hide(hide(copy.deepcopy(whole), AT, {3: 0, 4: 0, 7: 1}), 402, {0: 1, len(split) - 1: 1})

# Two records in part: everything holds, and what is hidden is told with its reasons.
judged(good, "good", 0, ("claim 1, authentic: VALID", "claim 2, complete: VALID",
                         "claim 3, redacted: VALID", "Of 2 records 5 parts are withheld",
                         "parts of entry 400: name of a person", "parts of entry 400: address",
                         "parts of entry 402: address", "2 blacked out in part", ", 2 in part, log"))
report = c.json(0, "bundle", "x", *KEY)
c.expect(report.get("redacted_in_part") == 2 and report.get("parts_withheld") == 5, "JSON counts")
c.expect([r["parts"] for r in report["redactions"]] == [True] * 3, "JSON redactions")
got = Bundle("x")
c.expect(parts_of(got) == parts_of(good), "it is read back")
data = b"".join(got.files.values())
for j, p in enumerate(split):
    c.expect((salt(whole.rows[whole.position(AT)][1], j) in data) == (j not in (3, 4, 7)),
             f"salt of part {j}")
c.expect(whole.rows[whole.position(AT)][1] not in data, "the record key is not handed out")

# Any parts at all may be withheld but all, and the split that is shown is the one there is.
for hidden in ({0: 0}, {len(split) - 1: 0}, dict.fromkeys(range(1, len(split)), 1),
               dict.fromkeys(range(0, len(split), 2), 0)):
    judged(hide(copy.deepcopy(whole), AT, hidden), f"hidden {hidden}", 0, "in part, log")
# Odd payloads: those of several parts, each with one part withheld.
for index in whole.indices():
    row = whole.rows[whole.position(index)]
    if row[0] == 0 and row[2] != text and whole.entries[whole.position(index)][1] in (0, 7) \
            and len(split_parts(row[2])) > 1 and not row[2].startswith(b"<134>1 "):
        judged(hide(copy.deepcopy(whole), index, {1: 0}), f"odd {index}", 0, "in part, log")


def forged(name, change, says, status=1):
    bundle = copy.deepcopy(good)
    change(parts_of(bundle), bundle)
    judged(bundle, name, status, says)


AUTHENTIC = "claim 1, authentic: INVALID"
ALTERED = (AUTHENTIC, "a part of entry 400")
SPLIT = (AUTHENTIC, "entry 400 is not split as records are")
MALFORMED = (AUTHENTIC, "MALFORMED")


def swap(parts, a, b):
    parts[a], parts[b] = parts[b], parts[a]


def set_part(parts, j, *value):
    parts[j][:] = value


forged("re-salted", lambda p, b: set_part(p, 0, bytes(16), p[0][1]), ALTERED)
forged("salt of a neighbour", lambda p, b: set_part(p, 0, p[1][0], p[0][1]), ALTERED)
forged("another letter", lambda p, b: set_part(p, 1, p[1][0], bytes([p[1][1][0] ^ 1]) + p[1][1][1:]),
       AUTHENTIC)
forged("shown in another order", lambda p, b: swap(p, 0, 1), AUTHENTIC)
forged("withheld in another order", lambda p, b: swap(p, 3, 4), ALTERED)
forged("shown and withheld swapped", lambda p, b: swap(p, 2, 3), AUTHENTIC)
forged("another record's commitment", lambda p, b: set_part(p, 3, 0, parts_of(b, 402)[0][1], MARK),
       ALTERED)
forged("a commitment that is made up", lambda p, b: set_part(p, 3, 0, bytes(32), MARK), ALTERED)
# A part that is shown stands as withheld in another place too, to be taken for something hidden.
forged("a shown part hidden elsewhere", lambda p, b: set_part(
    p, 3, 0, H(b"\x03" + p[0][0] + p[0][1]), MARK), ALTERED)
forged("one more", lambda p, b: p.insert(4, list(p[3])), ALTERED)
forged("one more at the end", lambda p, b: p.append([0, bytes(32), MARK]), AUTHENTIC)
forged("one less", lambda p, b: p.pop(4), ALTERED)
forged("one shown less", lambda p, b: p.pop(1), ALTERED)
forged("all of another record", lambda p, b: p.__setitem__(slice(None), parts_of(b, 402)), ALTERED)
forged("two as one", lambda p, b: p.__setitem__(slice(0, 2), [[p[0][0], p[0][1] + p[1][1]]]), SPLIT)
forged("one as two", lambda p, b: p.__setitem__(slice(1, 2), [
    [p[1][0], p[1][1][:2]], [p[1][0], p[1][1][2:]]]), SPLIT)
forged("a border moved", lambda p, b: (set_part(p, 0, p[0][0], p[0][1] + p[1][1][:1]),
                                       set_part(p, 1, p[1][0], p[1][1][1:])), SPLIT)
forged("an empty part", lambda p, b: p.insert(1, [bytes(16), b""]), SPLIT)
forged("no reason", lambda p, b: p[3].__setitem__(0, 2),
       ("claim 3, redacted: INVALID", "bundle.json gives no reason 2"))
forged("another mark", lambda p, b: p[3].__setitem__(2, b"###"), MALFORMED)
forged("text in the place of a mark", lambda p, b: p[3].__setitem__(2, b"root"), MALFORMED)
forged("none withheld", lambda p, b: p.__setitem__(slice(None), [q for q in p if len(q) == 2]),
       MALFORMED)
forged("all withheld", lambda p, b: p.__setitem__(slice(None), [q for q in p if len(q) == 3]),
       MALFORMED)
forged("no part at all", lambda p, b: p.clear(), MALFORMED)
forged("a long part", lambda p, b: set_part(p, 1, p[1][0], b"x" * 39), MALFORMED)
forged("too long for any record", lambda p, b: p.__setitem__(
    slice(2, 2), [[bytes(16), b"x" * 38]] * 27600), AUTHENTIC)


def raw(name, change, says=MALFORMED):
    """Bytes of the openings that no maker writes."""
    bundle = copy.deepcopy(good).build()
    at = bundle.files["openings"].index(struct.pack(">BI", 17, len(split)))
    data = bytearray(bundle.files["openings"])
    change(data, at)
    bundle.files["openings"] = bytes(data)
    bundle.write("x")
    c.run(1, "bundle", "x", *KEY, says=says)


raw("more parts than any record has", lambda d, at: d.__setitem__(slice(at + 1, at + 5), u32(262145)))
raw("2^32 - 1 parts", lambda d, at: d.__setitem__(slice(at + 1, at + 5), u32(2**32 - 1)))
raw("length 39", lambda d, at: d.__setitem__(at + 5, 39))
raw("length 254", lambda d, at: d.__setitem__(at + 5, 254))
raw("cut within", lambda d, at: d.__delitem__(slice(at + 30, None)))

# Entries that cannot be in this state: of the log itself, and of form 1.
own = copy.deepcopy(whole)
index = next(i for i in own.indices() if own.entries[own.position(i)][1] in (1, 3, 8)
             and own.rows[own.position(i)][0] == 0)
judged(hide(own, index, {1: 0}), "an own entry", 1, MALFORMED)
first, first_secrets = akbases.standard(number=31)
save(first, first_secrets, "first")
c.run(0, "export", "first", "--index", "290-600", "--key", "first.key", *STATEMENTS, "-o", "f1")
form_1 = Bundle("f1").about(redactions=REASONS)
row = form_1.rows[form_1.position(AT)]
row[1] = row[1] * 2
hide(form_1, AT, {1: 0}).build().write("x")
c.run(1, "bundle", "x", "--key", "first.key", says=MALFORMED)

# A record may hold the mark itself; openings tell one from the other.
m = akbases.Maker(akbases.Secrets("example.org/marks", 41), form=2)
source = m.declare(**akbases.CERTIFICATE)
m.record(source, b"<13>user " + MARK + b" root " + MARK * 3 + b" " + MARK * 30)
m.commit()
save(m.finish(), m.secrets, "marks")
c.run(0, "export", "marks", "--index", "2", "--key", "marks.key", *STATEMENTS, "-o", "m")
marks = hide(Bundle("m").about(redactions=REASONS), 2, {1: 0})
marks.build().write("x")
c.run(0, "bundle", "x", "--key", "marks.key", says="1 in part, log")
marks.rows[marks.position(2)][1][0][1] = MARK + b"abcdef"
marks.build().write("x")
c.run(1, "bundle", "x", "--key", "marks.key", says=AUTHENTIC)

# Made by the program: what an expression means is gone from every file, and the rest is there.
def everything(folder):
    """All that a bundle holds, decompressed too."""
    files = [get(os.path.join(where, n)) for where, _, names in os.walk(folder) for n in names]
    return b"".join(files) + zstandard.ZstdDecompressor().decompressobj().decompress(
        get(os.path.join(folder, "records.zst")))


def export(status, store, name, *redact, says=(), reasons=("privacy",)):
    options = [w for r in redact for w in ("--redact", r)]
    options += [w for r in reasons for w in ("--redact-reason", r)]
    c.run(status, "export", store, "--index", "290-600", "--key", store + ".key", *STATEMENTS, "-o",
          name, *options, says=says)


export(0, "std", "made", r"part:for (user\d+)", says=("claim 3, redacted: VALID", "in part, log",
                                                    "parts of entries 290 to"))
c.run(0, "bundle", "made", *KEY, says=("claim 1, authentic: VALID", "claim 2, complete: VALID"))
made, plain = Bundle("made"), Bundle("whole")
hidden = [r for r in made.rows if r[0] == 17]
c.expect(len(hidden) > 250 and all(sum(len(p) == 3 for p in r[1]) == 1 for r in hidden), "one each")
c.expect(b"user" not in everything("made").replace(b"user port", b""), "the names are gone")
c.expect(b"Accepted publickey for " + MARK + b"port " in everything("made"), "and the rest is there")
keys = [r[1] for r in plain.rows if r[0] == 0 and len(r[1]) == 32 and b"user" in r[2]]
c.expect(not any(k in everything("made") for k in keys), "no record key of a record in part")
for row, whole_row in zip(made.rows, plain.rows):
    if row[0] == 17:
        want = [p for p in split_parts(whole_row[2])]
        c.expect([p[-1] if len(p) == 2 else MARK for p in row[1]] ==
                 [MARK if p.startswith(b"user") else p for p in want], "the parts shown")
        break
about = get("made/bundle.json").decode()
c.expect('"what":"part"' in about and "user" not in about, "the expression is not written down")
status, said = recipe("made", get("std.key").decode().strip(), os.path.join(os.getcwd(), "check"))
c.expect(status == 0 and "the root is the one in the checkpoint" in said and
         "NOT PROVEN" not in said and "blacked out are 1" in said, f"recipe: {said[-1500:]}")
index = next(i for i in made.indices() if made.rows[made.position(i)][0] == 17)
for change, says in ((lambda q: q[0].__setitem__(0, bytes(16)), "a part of entry"),
                     (lambda q: q.insert(2, list(q[2])), "of entry"),
                     (lambda q: q.__setitem__(slice(0, 2), [[q[0][0], q[0][1] + q[1][1]]]),
                      "a split of entry")):
    bad = copy.deepcopy(made)
    change(bad.rows[bad.position(index)][1])
    bad.build().write("forged")
    _, said = recipe("forged", get("std.key").decode().strip(), os.path.join(os.getcwd(), "check"))
    c.expect("NOT PROVEN: " in said and says in said, f"recipe on a forged one: {said[-500:]}")

# Bytes of one record; several rules, each with its reason; whole records go before parts of them.
at = text.index(b"user")
export(0, "std", "bytes", f"bytes:400:{at}-{at + 1}", "index:401", r"part:sw9",
       reasons=("name", "all of it", "place"),
       says=("entry 401: all of it", "parts of entry 400: name", "to 400: place"))
made = Bundle("bytes")
c.expect([made.rows[made.position(i)][0] for i in (400, 401)] == [17, 16], "states")
c.expect([p[-1] for p in parts_of(made)] == [
    MARK if p.startswith((b"user", b"sw9")) else p for p in split], "both rules, all of their parts")
c.expect(text[at:at + 5] not in b"".join(p[-1] for p in parts_of(made)), "a touched part goes whole")
export(0, "std", "twice", r"part:for user\d+ ", "bytes:400:0-3", says="parts of entry 400")
# All parts of a record hidden: the record is. None: it is shown.
export(0, "std", "all", "part:(?s).+", says="blacked out")
c.expect({r[0] for r, e in zip(Bundle("all").rows, Bundle("all").entries) if e[1] in (0, 7) and
          e[22:54] != b""} <= {16, 0}, "whole records")
export(0, "std", "none", "part:nothing of the kind", says="No text was blacked out on export.")
export(0, "std", "empty-match", "part:x*y*$", says="claim 3, redacted: VALID")

# Copies for other programs have the marks too, and are made again by who judges.
c.run(0, "export", "std", "--index", "290-600", *KEY, *STATEMENTS, "-o", "copies", "--also",
      "timesketch", "--also", "csv", "--also", "case", "--redact", r"part:for (user\d+)",
      "--redact-reason", "privacy")
c.run(0, "bundle", "copies", *KEY, says=("made again from what is proven, and equal", "in part, log"))
c.expect(b"user" not in everything("copies").replace(b"user port", b""), "copies without the names")
c.expect(b'"parts_withheld":1' in get("copies/records.jsonl") and MARK in get("copies/records.csv"),
         "marks in the copies")
bad = Bundle("copies")
bad.files["records.jsonl"] = bad.files["records.jsonl"].replace(MARK, b"root ", 1)
bad.write("x")
c.run(1, "bundle", "x", *KEY, says="claim 1, authentic: INVALID")

# Refused with the remedy, and nothing is left behind.
for name, store, rules, says in (
        ("form-1", "first", ["part:user"],
         ("commits to its record as a whole", "--redact index:", "commitment: parts")),
        ("not-there", "std", ["bytes:2000:0-3"], "no record with that index and these bytes"),
        ("behind", "std", ["bytes:400:0-5000"], "no record with that index and these bytes"),
        ("expression", "std", ["part:(user"], "is no regular expression"),
        ("form", "std", ["bytes:400"], "write index:A-B or match:RE"),
        ("form-2", "std", ["parts:x"], "write index:A-B or match:RE"),
        ("too-much", "std", [r"part:(?:(?:\S+)+)+$ "], "tries too much")):
    export(2, store, "no-" + name, *rules, says=says)
    c.expect(not os.path.exists("no-" + name), f"{name}: something was written")
export(0, "first", "other", "part:of no record of it", says="No text was blacked out")
mixed, mixed_secrets = akbases.standard(number=71, form=akbases.MIXED)
save(mixed, mixed_secrets, "mixed")
blocks = [b for s in mixed.segments for b in s.blocks() if b.first >= 290 and b.end <= 601]
form_2 = next(b.first + i for b in blocks if b.form == 2 for i, e in enumerate(b.entries)
              if b"user" in (e.payload or b"") and e.kind == 0)
export(0, "mixed", "mixed-good", f"bytes:{form_2}:20-22", says=f"parts of entry {form_2}: privacy")
export(2, "mixed", "mixed-bad", "part:user", says="commits to its record as a whole")
c.end()

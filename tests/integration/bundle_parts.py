#!/usr/bin/python3
"""bundle_parts.py VERIFY: records of which parts are withheld. The rest is proven, and every change of
a part, its salt, its place or its neighbours is found under the right claim."""

import copy
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, STATEMENTS, get, save  # noqa: E402
import akbases  # noqa: E402
from akbase import H, u32  # noqa: E402
from akformat import split_parts  # noqa: E402

MARK = "\u2588".encode()
AT, NEXT = 400, 401
c = Cases(sys.argv[1])
KEY = ["--key", "std.key"]


def salt(key, j):
    both = H(b"\x07" + key + u32(j // 2))
    return both[16:] if j % 2 else both[:16]


def hide(bundle, index, hidden):
    """Withholds parts: {number: reason}. What is left is what an honest maker shows."""
    row = bundle.rows[bundle.position(index)]
    key, parts = row[1], []
    for j, part in enumerate(split_parts(row[2])):
        if j in hidden:
            parts.append([hidden[j], H(b"\x03" + salt(key, j) + part), MARK])
        else:
            parts.append([salt(key, j), part])
    row[:] = [17, parts, None]
    return bundle


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
c.end()

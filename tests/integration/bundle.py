#!/usr/bin/python3
"""bundle.py VERIFY: a part of a log is handed over, and proves itself; what was changed in it is
found under the right claim."""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, STATEMENTS, World, get, put, recipe, save  # noqa: E402
import akbases  # noqa: E402
from casebase import Base  # noqa: E402
from cases_orders import KNOWN, declared, erased_by, ordered  # noqa: E402
from prove_kit import entries  # noqa: E402

c = Cases(sys.argv[1])
log, secrets = akbases.standard()
save(log, secrets, "std")
KEY = ["--key", "std.key"]
RANGE = ["--index", "300-700"]


# A range of indices becomes a directory that is valid, and one file that is valid.
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good",
      says=("claim 1, authentic: VALID", "complete for entries 300 to 700"))
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good.tar", "--quiet",
      says="VALID 399 records, complete for entries 300 to 700")
for name in ("good", "good.tar"):
    c.run(0, "bundle", name, *KEY, says="VALID 399 records")
    c.run(0, "check", name, *KEY, says="claim 2, complete: VALID")
c.expect(sorted(os.listdir(".")) == ["good", "good.tar", "std", "std.key"], "nothing else is left")

# Without a key from outside nothing is proven; the one inside is a hint.
c.run(2, "bundle", "good", says=("NOT CHECKABLE UNTRUSTED_KEY", "a hint only"))

# Nothing is overwritten by chance, and --force replaces a bundle only.
c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good", says="--force")
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good", "--force", "--quiet")
c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "std", "--force", says="no bundle")
c.expect(os.path.isdir("std") and len(os.listdir("std")) == 1, "the store is still there")

# What must be said must be said.
for i in range(0, len(STATEMENTS), 2):
    c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS[:i], *STATEMENTS[i + 2:], "-o", "x",
          says="is missing")

# The recipe in README.txt, typed, comes to the same end as the program, on good and on forged ones.
key = get("std.key").decode().strip()
work = os.path.join(os.getcwd(), "check")


def typed(folder, key=key):
    status, text = recipe(folder, key, work)
    found = re.search(r"in the checkpoint; (\d+) signatures", text)
    shutil.rmtree(work, ignore_errors=True)
    return text, (status == 0 and found is not None and "NOT PROVEN" not in text and
                  "FAILED" not in text and "not proven" not in text and "no start note" not in text
                  and text.count("Signature Verified Successfully") == int(found.group(1)))


text, good = typed("good")
c.expect(good and "shown without a hole: entries 300 to 700" in text, f"recipe on a good one: {text}")


def change_text(b, p):
    b.rows[p][2] = b"<134>forged"


def change_salt(b, p):
    b.rows[p][1] = bytes(16)


def change_entry(b, p):
    b.entries[p] = b.entries[p][:15] + b"\x07" + b.entries[p][16:]


def swap(b, p):
    b.entries[p:p + 2] = b.entries[p:p + 2][::-1]
    b.rows[p:p + 2] = b.rows[p:p + 2][::-1]


def drop(b, p):
    del b.entries[p], b.rows[p]
    next(s for s in b.stretches if s[:2] == ["show", 401])[1] = 400


def change_hash(b, _):
    b.stretches[1][2][0] = b.stretches[1][2][1]


def move(b, _):
    b.stretches[-3][1] += 1
    b.stretches[-1][1] -= 1


for change in (change_text, change_salt, change_entry, swap, drop, change_hash, move):
    forged = Bundle("good")
    change(forged, forged.position(400))
    forged.build().write("forged")
    text, good = typed("forged")
    c.expect(not good, f"recipe after {change.__name__}: {text}")
    c.run(1, "bundle", "forged", *KEY, says="claim 1, authentic: INVALID")
for at, name in ((2, "root"), (4, "log's line"), (5, "epoch's line")):
    forged = Bundle("good")
    lines = forged.files["checkpoint"].split(b"\n")
    lines[at] = lines[at][:-8] + lines[at][-7:-6] + lines[at][-8:-7] + lines[at][-6:]
    forged.files["checkpoint"] = b"\n".join(lines)
    forged.write("forged")
    text, good = typed("forged")
    c.expect(not good, f"recipe with another {name}: {text}")
    c.run(1, "bundle", "forged", *KEY)
other = akbases.tiny()[1].vkey
c.expect(not typed("good", other)[1], "the recipe with another log's key")
put("other.key", (other + "\n").encode())
c.run(2, "bundle", "good", "--key", "other.key", says="UNTRUSTED_KEY")

# Several epochs: the recipe checks the notes too, and misses one that is not there.
log2, secrets2 = akbases.epochs()
save(log2, secrets2, "ep")
starts = [i for i, (_, e, _) in enumerate(entries(log2)) if e.kind == 4]
c.run(0, "export", "ep", "--index", f"{starts[1] - 9}-{starts[1] + 9}", "--key", "ep.key", *STATEMENTS,
      "-o", "across", "--quiet", says="VALID 17 records")
c.run(0, "export", "ep", "--index", "5-9", "--key", "ep.key", *STATEMENTS, "-o", "early", "--quiet")
ep_key = get("ep.key").decode().strip()
for name in ("across", "early"):
    text, good = typed(name, ep_key)
    c.expect(good, f"recipe on {name}: {text}")
    World(log2).without(Bundle(name), starts[1]).write("forged")
    text, good = typed("forged", ep_key)
    c.expect(not good, f"recipe without the note of epoch 1: {text}")
    c.run(3, "bundle", "forged", "--key", "ep.key", says="claim 1, authentic: INCOMPLETE")

# A text that is gone from the log by order: the orders go along, and whose they are is judged.
base = Base(*akbases.standard()[:1], akbases.standard()[1].vkey, akbases.standard()[1])
victim = base.victim()
erased_by(base, victim, declared(), ordered(base, 1, "erase", (victim, victim)))
save(base.log, akbases.standard()[1], "erased")
put("authorities", "".join(k + "\n" for k in KNOWN).encode())
AUTHORITY = ["--authority", "authorities"]
c.run(0, "check", "erased", "--key", "erased.key", *AUTHORITY, "--quiet")
span = ["--index", f"{victim - 5}-{victim + 5}", "--key", "erased.key", *STATEMENTS]
c.run(3, "export", "erased", *span, "-o", "gone", says=("ERASED_UNAUTHORISED", "1 gone from the log"))
c.run(0, "export", "erased", *span, *AUTHORITY, "-o", "gone", "--force", says="1 gone from the log")
orders = [i for i, (_, e, _) in enumerate(entries(base.log)) if e.kind == 5]
c.expect(len(orders) == 2 and set(orders) <= set(Bundle("gone").indices()), "the orders are shown")
c.run(0, "bundle", "gone", "--key", "erased.key", *AUTHORITY)
c.run(3, "bundle", "gone", "--key", "erased.key", "--authority", KNOWN[0],
      says="claim 3, redacted: INCOMPLETE")
for k, gone in enumerate(orders):
    World(base.log).without(Bundle("gone"), gone).write("forged")
    c.run(3, "bundle", "forged", "--key", "erased.key", *AUTHORITY,
          says="INCOMPLETE " + ("ERASED_UNAUTHORISED", "MISSING")[k])

# What a store does not prove is not handed over, and nothing is left behind.
names = sorted(os.listdir("."))


def nothing(status, says, store="bad"):
    c.run(status, "export", store, *RANGE, *KEY, *STATEMENTS, "-o", "x",
          says=(says, "nothing was handed over"))
    c.expect(not [n for n in os.listdir(".") if n.startswith("x")], f"{says}: something is left")


def spoil(change):
    """A copy of the store with one file of it changed: the segment that holds entry 676 on."""
    shutil.rmtree("bad", ignore_errors=True)
    shutil.copytree("std", "bad")
    folder = os.path.join("bad", os.listdir("bad")[0])
    change(os.path.join(folder, sorted(os.listdir(folder))[0]), folder)


def bend(path, at):
    data = bytearray(get(path))
    data[at] ^= 1
    put(path, bytes(data))


c.run(2, "export", "std", *RANGE, *STATEMENTS, "-o", "x", says="no key of")
block = next(b for b in log.segments[0].blocks() if b.first <= 400 < b.end)
spoil(lambda path, _: bend(path, get(path).index(block.data) + len(block.data) // 2))
nothing(1, "INVALID")
spoil(lambda path, _: bend(path, os.path.getsize(path) - 700))
c.run(0, "export", "bad", *RANGE, *KEY, *STATEMENTS, "-o", "careful", "--quiet")  # the FOOTER is bad
spoil(lambda path, folder: os.remove(os.path.join(folder, sorted(os.listdir(folder))[1])))
c.run(2, "export", "bad", "--index", "600-700", *KEY, *STATEMENTS, "-o", "x")
c.expect(not [n for n in os.listdir(".") if n.startswith("x")], "a segment is gone: something is left")
c.run(3, "export", "std", "--index", "2000-2237", *KEY, *STATEMENTS, "-o", "x",
      says=("TAIL_UNSIGNED", "nothing was handed over"))
for words, says in ((["--index", "9-3"], "--index 9-3"), ([], "say what"),
                    (["--index", "1-2", "--source", "fw*"], "stands alone"),
                    (["--from", "2026-01-02", "--to", "2026-01-01"], "not before"),
                    (["--source", "nobody", "--from", "2020-01-01"], "no source"),
                    (["--source", "999", "--from", "2020-01-01"], "no such source"),
                    (["--match", "("], ""), (["--index", "1-2", "--tlp", "PINK"], "--tlp"),
                    (["--index", "1-2", "--severity", "high"], "SCHEME:LEVEL"),
                    (["--index", "1-2", "--redact", "index:1-2"], "reason"),
                    (["--index", "1-2", "--also", "pdf"], "timesketch"),
                    (["--index", "1-2", "--events"], "stands alone"),
                    (["--events", "--from", "2020-01-01"], "--events goes with")):
    c.run(2, "export", "std", *words, *KEY, *STATEMENTS, "-o", "x", says=says)
c.expect(not [n for n in os.listdir(".") if n.startswith("x")], "something is left")
c.end()

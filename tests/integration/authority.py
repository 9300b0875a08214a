#!/usr/bin/python3
"""authority.py VERIFY: `--authority` means one thing in all sub-commands that take it: what was erased by an
order of these keys leaves verdict and exit status as they are, and anything else makes them INCOMPLETE, as
`check` says of the same store."""

import json
import sys

from bundle_kit import STATEMENTS
from prove_kit import Cases, akbases, entries, put, save

from akformat import EXPIRED
from casebase import Base
from cases_orders import (ABE, KNOWN, MORI, asserted, declared, erased, erased_by, ordered, put as
                          put_orders)

NONCE = "00112233445566778899aabbccddeeff"
RARE = 257  # a source whose records a sample can exhaust
OTHERS = {"prove": ["gone", "--index", "5", "-o", "x"], "proof": ["x"], "history": ["x"], "info": ["gone"],
          "answer": ["gone", "--requests", "x", "-o", "y"], "custody": ["x"], "key": ["show", "x"]}


def base_of():
    log, secrets = akbases.standard()
    return Base(log, secrets.vkey, secrets)


def make(name, victim, *orders):
    """A store without the payload of `victim`, and with these orders."""
    b = base_of()
    erased_by(b, victim, declared(), *(order(b) for order in orders))
    save(b.log, b.secrets, name)


def records(b, source=None):
    return [(i, e) for i, e, _ in entries(b.log) if e.kind == 0 and source in (None, e.source)]


def commands(store, victim, words):
    """Each sub-command that judges the whole log, so that nothing but the erasure can be wrong with it."""
    key = ["--key", store + ".key", *words]
    span = ["--index", f"{victim - 40}-{victim + 40}"]
    plan = ["--seed", NONCE, "--confidence", "99.9"]
    return {
        "cat": ["cat", store, *key, "-o", "out.cat", "--force"],
        "search": ["search", store, "no record says this", *key],
        "search, some": ["search", store, "a", *key, *span, "--sort", "time"],
        "search, all blocks by the tree": ["search", store, "a", *key, "--full", "--count"],
        "sources": ["sources", store, *key],
        "sources, counts": ["sources", store, *key, "--counts"],
        # Few of that source are in the range: all are drawn, and one of them is below the rate.
        "sample": ["sample", store, *key, "--index", f"{victim - 60}-{victim + 3}", *plan, "--source",
                   str(RARE), "--tolerable", "30%"],
        "sample, lines": ["sample", store, *key, *plan, "--population", "lines", "--tolerable", "30%"],
        "compare": ["compare", store, "lines", *key],
        "report": ["report", store, *key, "-o", "out.html", "--force"],
        "export": ["export", store, *key, *span, *STATEMENTS, "-o", "out.bundle", "--force"]}


def all_alike(c, store, victim, words, status, code):
    """The sub-commands say what `check` says."""
    report = c.json(status, "check", store, "--key", store + ".key", *words)
    verdict = report["logs"][0]["verdict"]
    codes = {f["code"] for f in report["logs"][0]["findings"]}
    c.expect(verdict == ("INCOMPLETE" if status else "VALID") and code in codes, f"check of {store}")
    for name, line in commands(store, victim, words).items():
        c.run(status, *line)
        last = (c.out.strip() + "\n" + c.err.strip()).strip().splitlines()[-1]
        c.expect(last.startswith(verdict), f"{name} of {store} {words}: {verdict} in the last line")
    line = commands(store, victim, words)
    c.run(status, *line["search"], "--json")
    log = json.loads(c.out)["logs"][0]
    c.expect((log["verdict"], log["finding"]["code"], log["not_searchable"], log["erased"]) ==
             (verdict, code, 1, 0 if status else 1), f"search of {store} {words} in JSON")
    c.run(status, *line["search"], says=f"{code}: log")
    sheet = c.json(status, *line["sample"])
    c.expect((sheet["evidence_verdict"], sheet.get("finding", {}).get("code"), sheet["counts"]["absent"],
              sheet["counts"]["erased"], sheet["proofs"]["deviations"]) ==
             (verdict, code, 1, 0 if status else 1, 1), f"sample of {store} {words} in JSON")
    c.expect([(r["result"], r.get("code")) for r in sheet["drawn"] if r["index"] == victim] ==
             [("absent", code)], f"the row of {store} {words}")
    c.run(status, *line["sample"], says=[f"{victim}  {code}: ", "1 are proven without"])
    c.expect(("authority.example/ito, " in c.out) == (words[1:] in (["authorities"], ["one"])),
             f"the sheet of {store} {words} names who was accepted")
    c.run(status, *line["sources"], "--json")
    c.expect(f'"verdict":"{verdict}"' in c.out, f"sources of {store} {words} in JSON")
    c.run(3, "if-stolen", store, "--key", store + ".key", *words, "--size", "100", "--json")
    c.expect(f'"check":"{verdict}"' in c.out, f"if-stolen of {store} {words} in JSON")


def not_asked_for(c, victim):
    """Where no erased record is asked for, whose order it was does not matter."""
    key = ["--key", "gone.key"]
    c.run(0, "search", "gone", "a", *key, "--index", f"0-{victim - 1}", "--count", "--quiet")
    c.run(0, "search", "gone", "a", *key, "--source", str(RARE - 1), "--count", "--quiet")
    c.run(3, "search", "gone", "a", *key, "--source", str(RARE), "--count", "--quiet")
    c.run(0, "sample", "gone", *key, "--seed", NONCE, "--index", f"{victim + 1}-{victim + 300}",
          "--tolerable", "5%")
    c.run(2, "search", "gone", "a", "--authority", "authorities", says="NOT CHECKABLE")
    c.run(0, "search", "gone", "no record says this", *key, "--authority", "authorities", "--quiet")
    c.expect("ERASED" not in c.err, "a remark although --quiet")
    c.run(0, "sources", "gone", "--authority", "authorities", says="Nothing of this is proven")


def judged(c, victim):
    """An erased record deviates in a sample whoever ordered it, and cannot be judged."""
    line = commands("gone", victim, ["--authority", "authorities"])["sample"]
    c.run(0, *line, "--worksheet", "sheet")
    with open("sheet", encoding="utf-8") as f:
        text = f.read()
    c.expect(f"# {victim}: ERASED; it counts as a deviation" in text and f"\n{victim} -" not in text,
             "the file to fill in")
    put("done", text.replace(" -\n", " ok\n").encode() + b"%d ok\n" % victim)
    sheet = c.json(0, *line, "--findings", "done")
    c.expect((sheet["counts"]["judged"], sheet["judgement"]["deviations"]) ==
             (sheet["counts"]["proven"], 1), "judging it does not help")
    at = line.index("--tolerable")
    sheet = c.json(3, *line[:at], "--tolerable", "3%")
    c.expect(sheet["evidence_verdict"] == "VALID" and not sheet["proofs"]["supported"],
             "the rate is not supported, and the evidence good")


def in_parts(c):
    """Of one stretch a part was erased by an accepted order, a part by the collector, a part by nobody."""
    b = base_of()
    first = b.victim()
    put_orders(b, declared(), ordered(b, 1, "erase", (first, first + 9)),
               asserted("erase", (first + 10, first + 19)))
    for i in range(first, first + 25):
        erased(b, i)
    b.resign()
    save(b.log, b.secrets, "parts")
    key = ["--key", "parts.key", "--authority", "authorities"]
    found = {f["code"]: f for f in c.json(1, "check", "parts", *key)["logs"][0]["findings"]}
    c.expect({"ERASED", "ERASED_UNAUTHORISED", "ALTERED"} <= set(found), f"check: {sorted(found)}")
    c.run(3, "search", "parts", "no record says this", *key, "--json")
    log = json.loads(c.out)["logs"][0]
    c.expect((log["not_searchable"], log["erased"]) == (25, 10), "counts of the parts")
    c.run(3, "search", "parts", "no record says this", *key, says=[
        "ERASED: log", "10 payloads are not there", f"entries {first + 10}-{first + 19},",
        f"entries {first + 20}-{first + 24},", "no order that says so was found"])
    sheet = c.json(3, "sample", "parts", *key, "--seed", NONCE, "--index", f"{first}-{first + 24}",
                   "--tolerable", "10%", "--confidence", "99")
    codes = {r["index"]: r["code"] for r in sheet["drawn"]}
    c.expect(len(codes) > 20 and all(
        code == ("ERASED" if i < first + 10 else "ERASED_UNAUTHORISED" if i < first + 20 else "MISSING")
        for i, code in codes.items()), f"rows of the parts: {codes}")


def wide(c):
    """Whole groups, in segments of generation 1: no manifest helps a search there."""
    b = base_of()
    first = b.victim(segment=b.sealed()[0]) // 256 * 256 + 100
    put_orders(b, declared(), ordered(b, 1, "erase", (first, first + 599)))
    gone = [i for i, _ in records(b) if first <= i < first + 600]
    for i in gone:
        erased(b, i)
    for s in b.sealed():
        s.name = s.name.replace(".0.zst", ".1.zst")
    b.resign(leave=["manifests"])
    save(b.log, b.secrets, "wide")
    key = ["--key", "wide.key"]
    for words, status, code in ((["--authority", "authorities"], 0, "ERASED"),
                                ([], 3, "ERASED_UNAUTHORISED")):
        c.run(status, "check", "wide", *key, *words)
        c.run(status, "search", "wide", "user", *key, *words, "--json")
        log = json.loads(c.out)["logs"][0]
        c.expect((log["not_searchable"], log["finding"]["code"]) == (len(gone), code), "the wide one")
        c.expect(log["searched"] == len(records(b)) - len(gone) + 1, "and all others were searched")


def expired(c):
    """A payload that expired is not one that was erased: the order must be of that action."""
    for action, status in (("expire", 0), ("erase", 3)):
        b = base_of()
        victim = b.victim()
        put_orders(b, declared(), ordered(b, 1, action, (victim, victim)))
        erased(b, victim)
        b.entry(victim).state = EXPIRED
        b.resign()
        save(b.log, b.secrets, action)
        key = ["--key", action + ".key", "--authority", "authorities"]
        c.run(0 if status == 0 else 1, "check", action, *key)
        c.run(status, "search", action, "no record says this", *key)
        sheet = c.json(status, "sample", action, *key, "--seed", NONCE, "--index",
                       f"{victim - 3}-{victim + 3}", "--tolerable", "20%", "--confidence", "99.9")
        c.expect([r["code"] for r in sheet["drawn"] if r["index"] == victim] ==
                 ["MISSING" if status else "ERASED"], f"the row of {action}")


def wrong_words(c, victim):
    """What --authority takes, and what it says to anything else, is the same everywhere."""
    put("empty", b"")
    for bad in ("nowhere", "empty", "gone.key+x"):
        c.run(2, "check", "gone", "--key", "gone.key", "--authority", bad)
        wanted = c.err
        for name, line in commands("gone", victim, ["--authority", bad]).items():
            c.run(2, *line)
            c.expect(c.err.endswith(wanted), f"{name} --authority {bad}: what check says")
    for name, words in OTHERS.items():
        c.run(2, name, *words, "--authority", "authorities", says=f"{name} takes no --authority")
    c.run(2, "sample", "x", "--key", "gone.key", "--authority", "authorities", "--requests", "y",
          says="answers to --requests hold no orders")


def main():
    c = Cases(sys.argv[1])
    b = base_of()
    rare = [i for i, _ in records(b, RARE)]
    victim = min(rare, key=lambda i: abs(i - b.victim()))
    make("gone", victim, lambda b: ordered(b, 1, "erase", (victim, victim)))
    make("alone", victim, lambda b: asserted("erase", (victim, victim)))
    for name, keys in (("authorities", KNOWN), ("one", KNOWN[:1]), ("others", [ABE.vkey, MORI.vkey])):
        put(name, "".join(k + "\n" for k in keys).encode())
    put("lines", b"".join(e.payload + b"\n" for i, e in records(b) if i != victim and b"\n" not in e.payload))
    for store, accepted, status, code in (
            ("gone", "authorities", 0, "ERASED"), ("gone", "others", 3, "ERASED_UNAUTHORISED"),
            ("gone", "one", 3, "ERASED_UNAUTHORISED"), ("gone", None, 3, "ERASED_UNAUTHORISED"),
            ("alone", "authorities", 3, "ERASED_UNAUTHORISED"),
            ("alone", None, 3, "ERASED_UNAUTHORISED")):
        all_alike(c, store, victim, ["--authority", accepted] if accepted else [], status, code)
    c.run(0, "search", "gone", "no record says this", "--key", "gone.key", "--authority", KNOWN[0],
          "--authority", KNOWN[1])
    not_asked_for(c, victim)
    judged(c, victim)
    in_parts(c)
    wide(c)
    expired(c)
    wrong_words(c, victim)
    c.end()


main()

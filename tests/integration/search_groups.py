#!/usr/bin/python3
"""search_groups.py VERIFY: what a hit rests on where only the groups with hits are hashed: records at
the ends and in the middle of groups, at the borders of blocks and segments, in sealed and open segments,
in both forms. Each is found and proven; altered, it is found and not proven, even if the collector's own
manifest names the file that holds it; and so is its neighbour in the same group."""

import base64
import copy
import json
import os
import shutil
import sys

from prove_kit import Cases, akbases, akforge, save

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from akbase import Secrets, leaf_hash
from akformat import Block

cases = Cases(sys.argv[1])
GROUP = 256


def made(number, form, block):
    """A sealed segment of 2,400 entries and an open one of 1,500, in blocks of `block`."""
    secrets = Secrets("example.org/groups", number)
    m = akforge.Maker(secrets, form=form, block_entries=block)
    tls = m.declare(**akbases.CERTIFICATE)
    akbases.records(m, tls, "fw1", 2400 - m.size)
    m.commit()
    m.seal(reblock=block)
    akbases.records(m, tls, "fw1", 3900 - m.size)
    m.commit()
    return m.finish(), secrets


def blocks_of(log):
    return [b for s in log.segments for b in s.blocks()]


def entries_of(log):
    return dict((b.first + i, e) for b in blocks_of(log) for i, e in enumerate(b.entries))


def leaves_of(log):
    return [leaf for s in log.segments for leaf in s.leaves()]


def edges(log, block):
    """Records at the borders of groups, blocks and segments, and one in the middle of a group."""
    open_at = log.segments[1].header.first
    near = {256, 384, 511, 512, 767, block - 1, block, block + 1, 2 * block, open_at - 2, open_at - 1,
            open_at + 1, open_at + 2, open_at + block - 1, open_at + block, 2816, 3071, 3898, 3899}
    by = entries_of(log)
    return sorted(i for i in near if i in by and by[i].kind == 0)


def hits(status, store, pattern, *words):
    cases.run(status, "search", store, pattern, "--key", words[0], "--jsonl", *words[1:])
    found = [json.loads(l) for l in cases.out.splitlines()]
    return {h["index"]: h["proven"] for h in found if h["match"]}


def basis(store, pattern, key):
    cases.run(0, "search", store, pattern, "--key", key, "--json")
    log = json.loads(cases.out)["logs"][0]
    return log["found"], log["checked_by_tree"], log["checked_by_file"]


def forged(log, secrets, change):
    """The log with entries changed under the true leaves: the signed tree is the true one but for the
    manifest, which names the changed file, as if the collector had sealed something else."""
    true = leaves_of(log)
    bad = copy.deepcopy(log)
    change(bad)
    akforge.rebuild(bad, None, leave=("notes", "starts", "states"), leaves=true)
    for b in blocks_of(bad):
        for i, e in enumerate(b.entries):
            if e.kind == 2:
                true[b.first + i] = leaf_hash(list(b.entry_bytes())[i])
    akforge.rebuild(bad, secrets, leave=("starts", "states"), leaves=true)
    shutil.rmtree("bad", ignore_errors=True)
    bad.save(os.path.join("bad", bad.log_id))
    return bad


def same_block(log, a, b):
    return any(x.first <= a < x.end and x.first <= b < x.end for x in blocks_of(log))


def good(name, log, block):
    """A single hit is proven by its group alone, where a manifest names the file."""
    by = entries_of(log)
    every = [i for i, e in by.items() if e.kind == 0]
    opened = [i for i in every if i >= log.segments[1].header.first]
    for victim in edges(log, block):
        pattern = f"sshd {victim} - - Accepted"
        cases.expect(hits(0, name, pattern, name + ".key") == {victim: True},
                     f"{name}: entry {victim} is not found and proven")
        mates = [i for i in every if i // GROUP == victim // GROUP and i not in opened
                 and same_block(log, i, victim)]
        got = basis(name, pattern, name + ".key")
        cases.expect(got == (1, len(opened) + len(mates), len(every) - len(opened) - len(mates)),
                     f"{name}: entry {victim} rests on {got}, its group here has {len(mates)}")
    for words in ((), ("--full",), ("--jobs", "1"), ("--jobs", "3")):
        got = hits(0, name, "Accepted", name + ".key", *words)
        cases.expect(sorted(got) == every and all(got.values()), f"{name}: every record {words}")
        got = hits(0, name, "(3|7) - - .*user1", name + ".key", *words)
        cases.expect(got and all(got.values()), f"{name}: some records {words}")


def bad(name, log, secrets, victims):
    last = max(entries_of(log)) // GROUP
    for victim in victims:
        def change(at):
            e = entries_of(at)[victim]
            e.payload = e.payload.replace(b"Accepted publickey", b"REFUSED secretly ")
        forged(log, secrets, change)
        got = hits(1, "bad", "REFUSED", name + ".key")
        cases.expect(got == {victim: False}, f"{name}: altered entry {victim}: {got}")
        cases.expect("ALTERED" in cases.err, f"{name}: entry {victim} is not told to be altered")
        mate = victim - 1 if victim % GROUP else victim + 1
        if mate in entries_of(log) and entries_of(log)[mate].kind == 0:
            got = hits(1, "bad", f"sshd {mate} - -", name + ".key")
            cases.expect(got == {mate: False}, f"{name}: a neighbour of {victim}: {got}")
        got = hits(1, "bad", "Accepted|REFUSED", name + ".key")
        wrong = {i // GROUP for i, proven in got.items() if not proven}
        # Each proof takes hashes of the group that is not full yet.
        cases.expect(victim // GROUP in wrong and (len(wrong) == 1 or victim // GROUP == last) and
                     len(got) == sum(e.kind == 0 for e in entries_of(log).values()),
                     f"{name}: entry {victim} altered, and not proven are groups {wrong}")


def hidden(log, secrets):
    """A whole group says that it is no records, or of another source; its block is divided for that, as
    numbers that jump have no encoding in one."""
    key = "groups1.key"
    source = next(e.source for e in entries_of(log).values() if e.kind == 0)

    def of_source(at, number):
        segment = at.segments[1]
        old = next(b for b in segment.blocks() if b.first <= 2816 < b.end)
        cut = 3072 - old.first
        akforge.replace_block(segment, old, Block(old.first, old.entries[:cut], old.keys, old.form),
                              Block(3072, old.entries[cut:], old.keys, old.form))
        for n, e in enumerate(old.entries[2816 - old.first:cut]):
            e.kind, e.source, e.source_seq = number if number < 256 else 0, number, 1000 + n
    for number, words in ((3, ()), (300, ("--source", source)), (300, ("--source", "*"))):
        forged(log, secrets, lambda at, number=number: of_source(at, number))
        cases.run(1, "search", "bad", "sshd 2900 ", *words, "--key", key,
                  says=("ALTERED", "entries 2816-3071"))


def main():
    for number, (form, block) in enumerate(((1, 700), (2, 700), (1, 512), (1, 100)), 1):
        log, secrets = made(number, form, block)
        name = f"groups{number}"
        save(log, secrets, name)
        good(name, log, block)
        bad(name, log, secrets, edges(log, block)[::1 if number == 1 else 3])
        if number == 1:
            hidden(log, secrets)
    cases.end()


main()

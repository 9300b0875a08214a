#!/usr/bin/python3
"""A log that commits to its records by parts: what is sent is there byte for byte and VALID to both
verifiers, open and sealed; the option can be changed while it runs; and a sender whose records have
as many parts as bytes allow holds up nobody and takes no memory for it.

    transport_parts.py COLLECTOR VERIFY SHARED PEERS
"""
import base64
import glob
import json
import os
import random
import subprocess
import sys

import transport_kit as kit

LISTENERS = ["url: relp://127.0.0.1:0\nlog: a", "url: tcp://127.0.0.1:0\nlog: a"]
LONGEST = 1048575
HOSTILE = 20  # records of the most parts; at 1 MiB each, as many as batches are in the pool
INDEPENDENT = os.path.join(kit.HERE, "..", "independent", "verify.py")


def settings(commitment, more=""):
    return (("a", "commitment: %s, record_max: %d%s" % (commitment, LONGEST, more)),)


def ordinary(count, seed):
    dice = random.Random(seed)
    odd = [b"<13>", b"<13>" + b" " * 5000, b"<13>" + bytes(range(256)), "<13>日本語 ログ".encode(),
           b"<13>" + b"x" * 100000]
    return odd + [b"<34>1 2026-10-11T22:14:15.003Z fw%d sshd %d - - Failed password for user%d from "
                  b"192.0.2.%d port %d" % (dice.randrange(9), i, dice.randrange(99),
                                           dice.randrange(255), dice.randrange(65536))
                  for i in range(count)]


def hostile():
    """The worst that a sender can do: four bytes a part; and records of separators alone."""
    return [b"aaa," * (LONGEST // 4)] * HOSTILE + [b" " * LONGEST, b"\t,;" * (LONGEST // 3)]


def transfer(url, source, records):
    client = kit.Relp(url, source)
    client.open()
    client.transfer(records, window=8)
    client.s.close()


def both(programs, collector, what):
    """akashi-verify was asked already; the other verifier must agree."""
    with open(collector.keys["a"], encoding="ascii") as f:
        key = f.read().strip()
    done = subprocess.run([sys.executable, INDEPENDENT, collector.store, "--key", key, "--json"],
                          capture_output=True, check=False)
    if done.returncode == 77:
        print("skipped: %s by the other verifier: %s" % (what, done.stdout.decode().strip()))
    else:
        kit.check(done.returncode == 0, "%s: the other verifier: %d %s" %
                  (what, done.returncode, done.stdout.decode()[-2000:]))


def proofs(programs, collector, entries, folder):
    """A proof of a record by parts carries its key (86 bytes), one of a whole record its salt (70)."""
    found = {}
    proof, record = os.path.join(folder, "p"), os.path.join(folder, "r")
    for kind, _, data, index in random.Random(1).sample(entries.all, 12) + entries.all[:1]:
        common = ["--key", collector.keys["a"], "--record", record, "--quiet"]
        for words in (["prove", collector.store, "--index", str(index), "-o", proof, "--force"],
                      ["proof", proof]):
            done = subprocess.run([programs[1]] + words + common, capture_output=True, check=False)
            kit.check(done.returncode == 0, "%s of entry %d: %s" % (words[0], index, done))
        with open(record, "rb") as f:
            kit.check(f.read() == data, "record %d (%s) of its proof" % (index, kind))
        with open(proof, "rb") as f:
            extra = base64.b64decode(f.read().split(b"\n")[1].removeprefix(b"extra "))
        found.setdefault(extra[0], set()).add(len(extra))
    # Entry 0, which init makes, is whole.
    kit.check(found == {1: {70}, 2: {86}}, "lengths of proofs: %s" % found)


def by_parts(programs, collector):
    done = subprocess.run([programs[1], "info", collector.store, "--json"], capture_output=True,
                          check=True)
    log = json.loads(done.stdout)["logs"][0]
    return log["entries"], log["by_parts"]


def changed(programs, work):
    """Parts, then whole, then parts again: each block keeps what it was logged with."""
    collector = kit.Collector(programs, os.path.join(work, "changed"), LISTENERS,
                              logs=settings("parts"))
    sent = []
    counts = []
    for i, commitment in enumerate(("parts", "whole", "parts")):
        if i > 0:
            collector.configure(LISTENERS, logs=settings(commitment))
            kit.check("in force" in collector.reload(), "reload to " + commitment)
        records = ordinary(700, i)
        transfer(collector.urls[0], kit.address(1), records)
        sent += records
        counts.append(by_parts(programs, collector))
    entries = collector.stop()
    entries.same("by parts, whole and by parts", entries.source(transport="relp"), sent)
    for i, grows in enumerate((True, False, True)):
        before = counts[i - 1][1] if i > 0 else 0
        kit.check((counts[i][1] - before > 600) == grows, "entries by parts: %s" % counts)
    both(programs, collector, "a log of both forms")
    proofs(programs, collector, entries, os.path.join(work, "changed"))


def peak(collector):
    """Most memory that the process ever had, in KiB."""
    with open("/proc/%d/status" % collector.process.pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def flood(programs, work, commitment):
    """A hostile sender and an ordinary one beside it; both are served, and it is sealed."""
    collector = kit.Collector(programs, os.path.join(work, commitment), LISTENERS,
                              logs=settings(commitment, ", seal_size: 4M"))
    records = ordinary(2000, 7)
    kit.in_threads([lambda: transfer(collector.urls[0], kit.address(1), hostile()),
                    lambda: transfer(collector.urls[0], kit.address(2), records)])
    most = peak(collector)
    entries = collector.stop()
    entries.same("hostile sender", entries.source(address=kit.address(1)), hostile())
    entries.same("beside it", entries.source(address=kit.address(2)), records)
    sealed = glob.glob(os.path.join(collector.store, "*", "*.0.zst"))
    kit.check(len(sealed) >= 2, "sealed: %s" % sealed)
    return collector, most


def main():
    programs = sys.argv[1:3]
    work = kit.workspace()
    changed(programs, work)
    _, whole = flood(programs, work, "whole")
    collector, parts = flood(programs, work, "parts")
    both(programs, collector, "a log of hostile records, sealed")
    print("most memory, whole %d KiB, by parts %d KiB" % (whole, parts))
    # Keys of records and the room for a slice of parts, for each batch that is prepared; far from
    # the 8 MiB that all commitments of one record would take.
    kit.check(parts < whole + whole // 4 + 16384, "memory grows with the parts of a record")
    kit.finish()


if __name__ == "__main__":
    main()

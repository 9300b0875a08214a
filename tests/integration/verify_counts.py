#!/usr/bin/python3
"""verify_counts.py VERIFY: the numbers of records that check, info and cat tell of one store are the
same, where blocks are many and small, groups lie across blocks and segments, and a checkpoint within
a group is followed by more entries than a reader keeps at hand. Exit status 77: a module of Debian's
python3 is missing."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tamper"))
try:
    import akbases
    from akbase import Secrets
    from akforge import Maker
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

FAR = 17_000                        # more entries than the ring of leaves in check_tree.h holds


def many_blocks():
    """Segments of blocks of 1 to 90 entries, with checkpoints wherever a commit ends."""
    m = Maker(Secrets("example.org/small", 5), block_entries=90)
    tls = m.declare(**akbases.CERTIFICATE)
    udp = m.declare(**akbases.DATAGRAM)
    for i in range(40):
        akbases.records(m, tls if i % 3 else udp, "fw1", 1 + i * 37 % 113)
        if i % 7 == 0:
            m.fragment(udp, b"<13>torn")
            m.event("unfinished", "sender", source=udp, index=str(m.size - 1), kept="8")
        m.commit(sign=i % 5 != 2)
        if i % 11 == 10:
            m.seal(reblock=70)
    m.stop()
    m.commit()
    return m.finish(), m.secrets


def far_checkpoints():
    """Checkpoints within groups, each far behind the one before; MARKs between them or not."""
    m = Maker(Secrets("example.org/far", 6), block_entries=1000)
    tls = m.declare(**akbases.CERTIFICATE)
    akbases.records(m, tls, "fw1", 600)
    m.commit()
    akbases.records(m, tls, "fw1", FAR)
    m.fragment(tls, b"<13>torn")
    m.event("unfinished", "sender", source=tls, index=str(m.size - 1), kept="8")
    m.commit()
    m.seal()
    for _ in range(4):
        akbases.records(m, tls, "fw1", FAR // 4 + 3)
        m.commit(sign=False)
    m.stop()
    m.commit()
    return m.finish(), m.secrets


def run(verify, *words):
    done = subprocess.run([verify, *words], capture_output=True, check=False)
    return done.returncode, done.stdout


def compare(verify, store, key, log):
    kinds = [e.kind for s in log.segments for e in s.entries()]
    status, out = run(verify, "check", store, "--key", key, "--json")
    check = json.loads(out)["logs"][0]
    info = json.loads(run(verify, "info", store, "--json")[1])["logs"][0]
    lines = run(verify, "cat", store, "--raw")[1].count(b"\n")
    numbers = {
        "exit status": (status, 0),
        "entries proven": (check["proven_entries"], len(kinds), info["entries"]),
        "records": (check["records"], kinds.count(0), info["kinds"]["record"], lines),
        "fragments": (check["fragments"], kinds.count(7), info["kinds"]["fragment"]),
        "events": (check["events"], kinds.count(3), info["kinds"]["event"])}
    wrong = {what: n for what, n in numbers.items() if len(set(n)) > 1}
    for what, n in numbers.items():
        print(f"{log.log_id} {what}: {n} {'WRONG' if what in wrong else 'ok'}")
    return not wrong


def main(verify):
    good = True
    with tempfile.TemporaryDirectory() as work:
        for make in (many_blocks, far_checkpoints):
            log, secrets = make()
            store = os.path.join(work, make.__name__)
            log.save(os.path.join(store, log.log_id))
            key = os.path.join(work, "key")
            with open(key, "w", encoding="utf-8") as f:
                f.write(secrets.vkey + "\n")
            good = compare(verify, store, key, log) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

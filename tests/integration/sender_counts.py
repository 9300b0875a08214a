#!/usr/bin/python3
"""sender_counts.py VERIFY SHARED: `akashi-verify sources --counts` on stores whose records hold senders'
numbers: what is lost before the collector, with both neighbours; what damage of the store hides; and
that only proven records count when a key is given. Real events of Windows and Linux audit from
SHARED/data are followed where they are at hand. Exit status 77: a module of Debian's python3 is
missing."""

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

failed = 0


def expect(what, want, got):
    global failed
    if want != got:
        print(f"FAILED {what}: {got!r}, expected {want!r}")
        failed += 1


def store(folder, name, *groups, seal=False):
    """A store of lists of records; each list is a commit, and with `seal` a segment."""
    m = Maker(Secrets("example.org/counts", 12), start=1_773_100_800 * 10**9)
    source = m.declare(**akbases.CERTIFICATE)
    for records in groups:
        for i, record in enumerate(records):
            if i % 5 == 0:
                m.tick()
            m.record(source, record)
        m.commit()
        if seal:
            m.seal()
    m.stop()
    m.commit()
    log, path = m.finish(), os.path.join(folder, name)
    log.save(os.path.join(path, log.log_id))
    key = os.path.join(folder, name + ".vkey")
    with open(key, "w", encoding="ascii") as f:
        f.write(m.secrets.vkey + "\n")
    return path, key, log


def run(verify, *words):
    done = subprocess.run([verify, "sources", *words], capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def counters(verify, *words):
    status, out, err = run(verify, *words, "--counts", "--json")
    assert out, err
    log = json.loads(out)["logs"][0]
    return status, log, {(c["kind"], c["host"], c["app"]): c for c in log["counters"]}


def meta(numbers, app="a"):
    return [b'<13>1 2026-03-10T00:00:00Z h %s - - [meta sequenceId="%d"] m' % (app.encode(), n)
            for n in numbers]


def cisco(numbers):
    return [b"<189>%d: r1: %06d: *Mar  1 18:46:11: %%SYS-5-X: y" % (n, n + 1000) for n in numbers]


def whole(verify, folder):
    """A log that is whole: losses with their neighbours, late and repeated numbers, a restart."""
    numbers = [*range(1, 50), *range(60, 80), 79, 80, 82, 81, 83, *range(1, 5)]
    path, key, log = store(folder, "whole", meta(numbers) + cisco([1, 2, 3, 9, 10]))
    first = next(e for e in range(100) if log.segments[0].entries()[e].kind == 0)
    status, got, by = counters(verify, path, "--key", key)
    expect("status", 0, status)
    expect("verdict", "VALID", got["verdict"])
    expect("counters", {("meta", "h", "a"), ("cisco", "r1", ""), ("cisco-sequence", "r1", "")},
           set(by))
    c = by[("meta", "h", "a")]
    expect("sums", (len(numbers), 10, 0, 1, 1, 0, 1),
           tuple(c[k] for k in ("seen", "lost_before_collector", "unclear", "late", "repeated",
                                "stray", "restarts")))
    jump = c["jumps"][0]
    expect("jump", ("lost", 10, 49, first + 48, 60, first + 49),
           (jump["kind"], jump["missing"], jump["before"]["number"], jump["before"]["index"],
            jump["after"]["number"], jump["after"]["index"]))
    expect("restart", ("restart", 83, 1), (c["jumps"][1]["kind"], c["jumps"][1]["before"]["number"],
                                           c["jumps"][1]["after"]["number"]))
    expect("Cisco", (5, 5), (by[("cisco", "r1", "")]["lost_before_collector"],
                             by[("cisco-sequence", "r1", "")]["lost_before_collector"]))
    status, out, _ = run(verify, path, "--counts")
    expect("status without a key", 0, status)
    for line in ("RFC 5424 meta sequenceId of h, a: 78 seen, 1 (entry ",
                 "      10 lost before the collector, 1 late, 1 repeated, 1 new beginning\n",
                 f"      10 lost before the collector: between 49 (entry {first + 48}, 2026-03-10T",
                 "      begins anew: after 83 (entry ", "Nothing of this is proven"):
        expect(f"text has {line!r}", True, line in out)
    status, out, err = run(verify, path, "--all")
    expect("--all alone", (2, True), (status, "--all lists the jumps of --counts" in err))


def damaged(verify, folder):
    """What a store does not give any more is not said to be lost before the collector."""
    path, key, log = store(folder, "damaged", meta(range(1, 200)), meta(range(200, 400)),
                           meta(range(405, 600)), seal=True)
    status, _, by = counters(verify, path, "--key", key)
    expect("whole", (0, 5, 0), (status, by[("meta", "h", "a")]["lost_before_collector"],
                                by[("meta", "h", "a")]["unclear"]))
    segment = log.segments[1]
    os.remove(os.path.join(path, log.log_id, segment.name))
    for words in ((path, "--key", key), (path,)):
        _, got, by = counters(verify, *words)
        c = by[("meta", "h", "a")]
        expect("a segment is gone", (0, 205, 1), (c["lost_before_collector"], c["unclear"],
                                                  got["gap_count"]))
        expect("blind", True, got["counters_blind_entries"] >= 200)


def not_proven(verify, folder):
    """Under another key nothing is proven, so nothing counts."""
    path, _, _ = store(folder, "other", meta(range(1, 20)))
    other = os.path.join(folder, "strange.vkey")
    with open(other, "w", encoding="ascii") as f:
        f.write(Secrets("example.org/strange", 99).vkey + "\n")
    status, got, by = counters(verify, path, "--key", other)
    expect("not proven", (True, {}, 19, 19), (status != 0, by, got["counters_blind_entries"],
                                              got["not_proven_entries"]))
    expect("not proven, as text", True,
           "  19 of these entries are NOT PROVEN\n" in run(verify, path, "--key", other)[1])


def readings(verify, folder):
    """Two applications that share their host's counter lack nothing; many jumps are limited."""
    shared = [meta([n], "ab"[n % 2])[0] for n in range(1, 60)]
    path, key, _ = store(folder, "shared", shared, cisco(range(1, 100, 2)))
    _, _, by = counters(verify, path, "--key", key)
    expect("shared", 0, by[("meta", "h", None)]["lost_before_collector"])
    c = by[("cisco", "r1", "")]
    expect("limited", (49, 49, 10), (c["lost_before_collector"], c["jump_count"], len(c["jumps"])))
    _, _, by = counters(verify, path, "--key", key, "--all")
    expect("all", 49, len(by[("cisco", "r1", "")]["jumps"]))
    expect("--all lists them", True, "and 39 more; --all lists them" in
           run(verify, path, "--counts")[1])


def real(verify, folder, data):
    """Events as shippers wrote them: whole rows of EventRecordID, with two rows cut out here."""
    name = "covenant_copy_smb_CreateRequest_2020-09-22145302.json"
    audit = "sh_arp_cache_2020-11-10074812.log"
    if not os.path.isfile(os.path.join(data, name)) or not os.path.isfile(os.path.join(data, audit)):
        print("skipped: otrf is not at hand")
        return
    with open(os.path.join(data, name), "rb") as f:
        events = f.read().splitlines()
    with open(os.path.join(data, audit), "rb") as f:
        serials = [line for line in f.read().splitlines() if line]
    kept = [e for e in events if b'"RecordNumber":3518700,' not in e and
            b'"RecordNumber":3518701,' not in e]
    path, key, _ = store(folder, "real", kept, serials)
    _, _, by = counters(verify, path, "--key", key)
    c = by[("windows", "WORKSTATION5.theshire.local", "Microsoft-Windows-Sysmon/Operational")]
    expect("Windows", (2, len(events) - len(kept), 3518699, 3518702),
           (c["lost_before_collector"], c["jumps"][0]["missing"],
            c["jumps"][0]["before"]["number"], c["jumps"][0]["after"]["number"]))
    c = by[("audit", "", "")]
    expect("audit", (len(serials), 0, 0), (c["seen"], c["lost_before_collector"], c["repeated"]))


def main(verify, shared):
    with tempfile.TemporaryDirectory() as folder:
        whole(verify, folder)
        damaged(verify, folder)
        not_proven(verify, folder)
        readings(verify, folder)
        real(verify, folder, os.path.join(shared, "data", "otrf"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))

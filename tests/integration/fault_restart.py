#!/usr/bin/python3
"""A collector that is started and stopped in order twenty times: one segment for each run, sealed by
it, told of by the next one (or the one behind it, where that ended at once); no leftovers, nothing
remarked, and both verifiers agree.

    fault_restart.py COLLECTOR VERIFY INDEPENDENT [--runs N]
"""
import json
import os
import socket
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, INDEPENDENT = sys.argv[1:4]
RUNS = int(sys.argv[5]) if len(sys.argv) > 5 else 20
LISTENERS = ["url: relp://127.0.0.1:0\nlog: a", "url: tcp://127.0.0.1:0\nlog: a"]


def short(run):
    """Some runs end before they come to it."""
    return run % 5 in (2, 3)


def untold(victim):
    return [f for f in fault.findings(victim.verdict()[1]) if f["code"] == "NO_MANIFEST"]


def files(directory):
    return sorted(name for name in os.listdir(directory) if name != "checkpoint")


def one_run(victim, run):
    kit.check(victim.begin(), "run %d: no start: %s" % (run, victim.stderr()[-2000:]))
    sender = fault.Sender("run%d" % run, lambda: victim.urls[0], longest=200)
    sender.enough = True
    for _ in range(0 if short(run) else run % 4 * 10):  # some runs have nothing to write but their own entries
        sender.make()
    sender.start()
    kit.until("all is acknowledged", sender.done.is_set)
    with socket.create_connection(kit.host_port(victim.urls[1])) as s:
        s.sendall(b"<13>line of run %d\n" % run)
    kit.until("the line is there", lambda: victim.records() == len(sender.acked) + 1)
    if not short(run):
        kit.until("the runs before are told of", lambda: not untold(victim) and
                  [f[21:] for f in files(victim.log_dir())].count("open.zst") == 1)
    victim.ends()
    return sender


def check_directory(victim, run):
    """Segment 0 of init, one for each run, all sealed; nothing else."""
    there = files(victim.log_dir())
    kit.check(len(there) == run + 1 and all(name.endswith(".0.zst") for name in there),
              "after run %d there is %s" % (run, there))
    kit.check(os.listdir(os.path.join(victim.store, "tmp")) == [], "leftovers in tmp/")
    return there


def check_manifests(entries, there):
    """Every segment but the last is told of by the one that follows it."""
    starts = [int(name.split(".")[0]) for name in there] + [1 << 62]
    told = {}
    for kind, _, data, index in entries.all:
        if kind == "manifest":
            manifest = json.loads(data)
            kit.check(manifest["file"] not in told, "%s is told of twice" % manifest["file"])
            told[manifest["file"]] = index
    kit.check(sorted(told) == there[:-1], "manifests of %s" % sorted(told))
    for name, index in told.items():
        i = there.index(name)
        behind = starts[i + 2:i + 5] if short(i + 1) else starts[i + 2:i + 3]
        kit.check(starts[i + 1] <= index < behind[-1], "the manifest of %s is entry %d" %
                  (name, index))


def main():
    folder = kit.workspace()
    victim = fault.Victim((COLLECTOR, VERIFY), folder, LISTENERS)
    seen = fault.Checkpoints(victim)
    senders, there = [], []
    for run in range(1, RUNS + 1):
        senders.append(one_run(victim, run))
        there = check_directory(victim, run)
        victim.judge_now(("VALID",), "after run %d" % run,
                         remarks=("NO_MANIFEST",) if short(run) else ())
        if kit.failures:
            kit.finish()
    seen.stop()
    notes = seen.check()
    entries = kit.Entries(VERIFY, victim.store, [])
    check_manifests(entries, there)
    acked, in_log = 0, 0
    for sender in senders:
        acked += len(sender.acked)
    in_log = sum(1 for e in entries.all if e[0] == "record")
    kit.check(in_log == acked + RUNS, "%d records, not %d" % (in_log, acked + RUNS))
    for event, count in (("start", RUNS), ("stop", RUNS), ("recovery", 0), ("corruption", 0),
                         ("gap", RUNS), ("unsigned", 0), ("write-failure", 0)):
        kit.check(len(entries.event(event)) == count, "%d events %s, not %d" %
                  (len(entries.event(event)), event, count))
    for line in victim.stderr().splitlines():
        kit.check(": error: " not in line and ": warning: " not in line, "said: " + line)
    kit.check(len([e for e in entries.all if e[0] == "source"]) == 2, "each sender is one source")
    with open(victim.keys["a"], encoding="utf-8") as f:
        key = f.read().strip()
    done = subprocess.run([sys.executable, INDEPENDENT, victim.store, "--key", key],
                          capture_output=True, text=True, check=False)
    if "No module named" in done.stdout + done.stderr:
        print("skipped: the second verifier: %s" % (done.stdout + done.stderr).strip()[-100:])
    else:
        kit.check(done.returncode == 0, "the second verifier: %d %s" %
                  (done.returncode, done.stdout[-2000:] + done.stderr[-2000:]))
    print("%d runs, %d records, %d checkpoints" % (RUNS, in_log, notes))
    kit.finish()


if __name__ == "__main__":
    main()

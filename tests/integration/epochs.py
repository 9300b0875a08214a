#!/usr/bin/python3
"""Epochs of keys, as an operator meets them: they change by the clock and by order, of a running and
of a stopped collector; no record waits for ever, no seed that was followed by another is left in the
store, every single entry can be proven under the key of its own epoch, and both verifiers agree.

    epochs.py COLLECTOR VERIFY INDEPENDENT
"""
import glob
import hashlib
import os
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, INDEPENDENT = sys.argv[1:4]
EPOCHS = 16


def seeds(victim):
    """Those of all epochs, from the first one, which lies there behind `init`."""
    with open(glob.glob(victim.store + "/keys/*/epoch.seed")[0], "rb") as f:
        seed = f.read()[4:]
    for _ in range(EPOCHS):
        yield seed
        seed = hashlib.sha256(b"akashi/epoch-next/v1\n" + seed).digest()


def holds(victim, seed):
    """Files of the store in which these bytes stand."""
    found = []
    for folder, _, names in os.walk(victim.store):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    if seed in f.read():
                        found.append(path)
    return found


def running(victim):
    """The epoch whose seed is here."""
    with open(glob.glob(victim.store + "/keys/*/epoch.seed")[0], "rb") as f:
        return int.from_bytes(f.read(4), "big")


def rotate(victim):
    before = running(victim)
    done = subprocess.run([COLLECTOR, "key", "rotate", "--store", victim.store, "--log", "a"],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 0 and "epoch %d of log a has begun" % (before + 1) in done.stdout,
              "key rotate: %d %s%s" % (done.returncode, done.stdout, done.stderr))
    kit.check(running(victim) == before + 1, "key rotate did not")


def check_seeds(victim, all_seeds):
    now = running(victim)
    for e, seed in enumerate(all_seeds):
        where = holds(victim, seed)
        wanted = e == now
        kit.check(bool(where) == wanted, "the seed of epoch %d, in epoch %d: %s" % (e, now, where))


def check_proofs(victim, folder):
    """Every entry has a proof of its own."""
    report = victim.verdict()[1]
    size = int(report["logs"][0]["size"])
    for index in range(size):
        done = subprocess.run([VERIFY, "prove", victim.store, "--index", str(index), "-o",
                               os.path.join(folder, "proof"), "--force", "--key",
                               victim.keys["a"]], capture_output=True, text=True, check=False)
        if not kit.check(done.returncode == 0, "no proof of entry %d: %s" % (index, done.stdout)):
            break
    return size


def main():
    folder = kit.workspace()
    victim = fault.Victim((COLLECTOR, VERIFY), folder, fault.LISTENERS, logs=(("a", "epoch: 0"),))
    all_seeds = list(seeds(victim))
    kit.check(holds(victim, all_seeds[0]) != [], "the first seed is not where it is looked for")
    rotate(victim)  # nobody runs
    kit.check(victim.begin(), "no start: " + victim.stderr())
    sent = victim.send("first", 30).count
    rotate(victim)  # somebody runs
    sent += victim.send("second", 30).count
    kit.check(running(victim) == 2, "epochs change without order")
    victim.end()

    victim.configure(fault.LISTENERS, logs=(("a", "epoch: 1s"),))
    kit.check(victim.begin(), "no start: " + victim.stderr())
    kit.until("the clock changes epochs", lambda: running(victim) >= 4)
    sent += victim.send("third", 200).count
    victim.die()
    kit.check(victim.begin(), "no start: " + victim.stderr())
    kit.until("it goes on", lambda: running(victim) >= 6)
    sent += victim.send("fourth", 30).count
    victim.ends()

    check_seeds(victim, all_seeds)
    verdict, report = victim.verdict()
    kit.check(verdict == "VALID", "%s %s" % (verdict, report))
    there = int(report["logs"][0]["records"])
    kit.check(there >= sent, "%d records sent, %d there" % (sent, there))
    with open(victim.keys["a"], encoding="ascii") as f:
        key = f.read().split()[-1]
    done = subprocess.run(["/usr/bin/python3", INDEPENDENT, victim.store, "--key", key],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 0, "the other verifier: " + done.stdout[-1000:])
    size = check_proofs(victim, folder)
    print("%d epochs, %d entries, each proven by itself" % (running(victim) + 1, size))
    kit.finish()


main()

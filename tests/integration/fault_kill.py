#!/usr/bin/python3
"""A collector under load is killed again and again, at any time: while it starts, commits, rolls,
seals. Every record that was acknowledged is there byte for byte, nothing is made up, only what was
not acknowledged is there twice, the store is never INVALID and in the end VALID, and no two
checkpoints that anybody ever saw contradict.

    fault_kill.py COLLECTOR VERIFY [--kills N] [--senders N] [--seed N]
"""
import argparse
import os
import random
import shutil
import time

import fault_kit as fault
import transport_kit as kit

LISTENERS = ["url: relp://127.0.0.1:0\nlog: a", "url: tcp://127.0.0.1:0\nlog: a"]
LOG = "seal_size: 1M, state_interval: 1s, epoch: 2s, commitment: %s"


class Place:
    """Where senders find the collector at the moment."""

    def __init__(self):
        self.urls = []

    def relp(self):
        return self.urls[0] if self.urls else None

    def tcp(self):
        return self.urls[1] if self.urls else None


def sealing(victim):
    """Whether something is being sealed now."""
    try:
        return any(name.endswith((".seal", ".tail"))
                   for name in os.listdir(os.path.join(victim.store, "tmp")))
    except OSError:
        return False


def one_run(victim, place, dice):
    """Starts it, and kills it at a time of one of several kinds. Gives the kind. What one process
    left by parts the next may go on with as whole records, and the other way round."""
    victim.configure(LISTENERS, logs=(("a", LOG % dice.choice(["whole", "parts"])),))
    kind = dice.choice(["starting", "early", "busy", "busy", "long", "sealing", "sealing"])
    if kind == "starting":
        victim.begin(wait=False)
        time.sleep(dice.uniform(0, 0.12))
        victim.die()
        return kind
    if not victim.begin():
        kit.fail("it did not start: %s" % victim.stderr()[-2000:])
        return "failed"
    place.urls = victim.urls
    if kind == "sealing":
        end = time.monotonic() + 2
        while time.monotonic() < end and not sealing(victim):
            time.sleep(0.0005)
        time.sleep(dice.choice([0, 0.001, 0.003, 0.01, 0.03]))
    else:
        time.sleep({"early": dice.uniform(0, 0.05), "busy": dice.uniform(0.05, 0.8),
                    "long": dice.uniform(1, 2.5)}[kind])
    victim.die()
    place.urls = []
    return kind


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collector")
    parser.add_argument("verify")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--senders", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--check-each", type=int, default=1, help="judge the store after each so "
                        "many kills")
    parser.add_argument("--keep", help="where the store goes when something is wrong with it")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    dice = random.Random(seed)
    began = time.monotonic()
    folder = kit.workspace()
    victim = fault.Victim((options.collector, options.verify), folder, LISTENERS,
                          logs=(("a", LOG % "parts"),))
    place = Place()
    seen = fault.Checkpoints(victim)
    senders = [fault.Sender("relp%d" % i, place.relp, source="127.0.0.%d" % (2 + i))
               for i in range(options.senders)]
    plain = [fault.Plain("tcp", place.tcp)]
    for sender in senders + plain:
        sender.start()
    kinds = {}
    for kill in range(options.kills):
        kind = one_run(victim, place, dice)
        if kind == "failed":
            break
        kinds[kind] = kinds.get(kind, 0) + 1
        seen.look()
        if kill % options.check_each == 0:
            victim.judge_now(("VALID", "INCOMPLETE"), "after kill %d (%s)" % (kill + 1, kind),
                             remarks=("EXERCISE", "NO_MANIFEST", "DUPLICATE_FILE"))
        if kit.failures:
            break
    if not kit.failures:
        kit.check(victim.begin(), "the last start: %s" % victim.stderr()[-2000:])
        place.urls = victim.urls
        for sender in senders:
            sender.enough = True
        kit.until("all is acknowledged", lambda: all(s.done.is_set() for s in senders))
        plain[0].done.set()
        plain[0].join()
        kit.until("what earlier processes left is sealed", lambda: not leftovers(victim))
        victim.ends()
        place.urls = []
        seen.stop()
        victim.judge_now(("VALID",), "in the end")
        notes = seen.check()
        entries = fault.kit.Entries(options.verify, victim.store, [])
        acked, there = fault.compare(entries, senders, plain)
        for line in victim.stderr().splitlines():
            kit.check(": error: " not in line, "said: " + line)
        kit.check(not entries.event("corruption"), "corruption was told: %s" %
                  entries.event("corruption"))
        print("%d kills (%s), %d records acknowledged, %d in the log, %d checkpoints seen, %.0f s" %
              (sum(kinds.values()), ", ".join("%d %s" % (n, k) for k, n in sorted(kinds.items())),
               acked, there, notes, time.monotonic() - began))
    if kit.failures:
        print("seed %d\n%s" % (seed, victim.stderr()[-4000:]))
        if options.keep:
            shutil.move(folder, options.keep)
    kit.finish()


def leftovers(victim):
    """Open segments but the newest one."""
    return sorted(name for name in os.listdir(victim.log_dir()) if name.endswith(".open.zst"))[:-1]


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Three agencies witness each other: each has a collector and a witness, and each collector asks the
witnesses of the other two. One witness is killed and comes back; one collector is cloned, and both
go on: the witnesses have the proof.

    witness_three.py COLLECTOR VERIFY
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY = sys.argv[1:3]
OPTIONS = "policy: %s, witness_interval: 1s, state_interval: 1s"


class Agency:
    def __init__(self, n):
        self.name = "w%d" % n
        self.folder = os.path.join(kit.workspace(), self.name)
        os.mkdir(self.folder)
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, fault.LISTENERS)
        with open(self.victim.keys["a"], encoding="utf-8") as f:
            self.log = f.read().strip()
        self.state = os.path.join(self.folder, "witness")
        made = subprocess.run([COLLECTOR, "witness", "--state", self.state, "--init",
                               self.name + ".example/witness"], capture_output=True, text=True,
                              check=False)
        kit.check(made.returncode == 0, "--init: " + made.stderr)
        self.vkey = made.stdout.strip()
        self.url = "http://127.0.0.1:0/" + self.name
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def begin_witness(self, others, wrap=()):
        with open(self.path("witness.policy"), "w", encoding="utf-8") as f:
            f.write("".join("log %s\n" % a.log for a in others) + "quorum none\n")
        with open(self.path("witness.err"), "ab") as err:
            self.process = subprocess.Popen(
                [*wrap, COLLECTOR, "witness", "--state", self.state, "--policy",
                 self.path("witness.policy"), "--listen", self.url], stdout=subprocess.PIPE,
                stderr=err, text=True)
        kit.atexit.register(self.end_witness, signal.SIGKILL)
        for line in self.process.stdout:
            if line == "ready\n":
                return
            self.url = line.split()[1]
        kit.fail("the witness did not start: " + self.told())

    def told(self):
        with open(self.path("witness.err"), encoding="utf-8") as f:
            return f.read()

    def end_witness(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process.stdout.close()
        self.process = None
        return status

    def configure(self, others, victim=None):
        with open(self.path("policy"), "w", encoding="utf-8") as f:
            f.write("log %s\n" % self.log)
            f.write("".join("witness %s %s %s\n" % (a.name, a.vkey, a.url) for a in others))
            f.write("group any 1 %s\nquorum any\n" % " ".join(a.name for a in others))
        (victim or self.victim).configure(fault.LISTENERS,
                                          logs=(("a", OPTIONS % self.path("policy")),))

    def seen(self, log):
        """What this witness says of another's log."""
        with urllib.request.urlopen(self.url + "/status", timeout=60) as answer:
            logs = json.load(answer)["logs"]
        return [e for e in logs if e["origin"] == log.split("+")[0]][0]


def others(all_, one):
    return [a for a in all_ if a is not one]


def main():
    agencies = [Agency(n) for n in range(3)]
    for a in agencies:
        a.begin_witness(others(agencies, a))
    for a in agencies:
        a.configure(others(agencies, a))
        kit.check(a.victim.begin(), "a collector starts")
    for a in agencies:
        a.victim.send(a.name, 60)
    for a in agencies:
        for b in others(agencies, a):
            kit.until("%s has cosigned %s" % (b.name, a.name),
                      lambda a=a, b=b: b.seen(a.log)["size"] > 60)

    # A witness dies and comes back with what it knew.
    first, second, third = agencies
    kit.check(third.end_witness(signal.SIGKILL) == -signal.SIGKILL, "killed")
    before = second.seen(first.log)["size"]
    first.victim.send("more", 60)
    kit.until("the other one goes on", lambda: second.seen(first.log)["size"] > before + 60)
    third.begin_witness(others(agencies, third))
    kit.check(third.seen(first.log)["size"] > 60, "it knows what it cosigned")
    kit.until("it is asked again", lambda: third.seen(first.log)["size"] > before + 60)
    kit.check(third.seen(first.log)["forks"] == 0 and "FORK" not in third.told(), "no fork")

    for a in agencies:
        a.victim.ends("a collector ends")
        kept = sorted(glob.glob(a.victim.log_dir() + "/*.cosigned"))
        kit.check(kept, "what was cosigned is kept")
        done = subprocess.run([VERIFY, "checkpoint", kept[-1], "--policy", a.path("policy")],
                              capture_output=True, text=True, check=False)
        kit.check(done.returncode == 0, "%s: %s" % (a.name, done.stdout[-600:]))

    # The first collector's machine is cloned, and both are started.
    aside = first.victim.store + ".clone"
    shutil.copytree(first.victim.store, aside)
    kit.check(first.victim.begin(), "the machine goes on")
    size = second.seen(first.log)["size"]
    first.victim.send("machine", 25)
    kit.until("that is cosigned", lambda: all(
        w.seen(first.log)["size"] > size + 25 for w in (second, third)))
    first.victim.ends("the machine ends")
    shutil.move(first.victim.store, first.victim.store + ".machine")
    shutil.move(aside, first.victim.store)
    kit.check(first.victim.begin(), "the clone starts")
    first.victim.send("clone", 70)
    kit.until("the witnesses see two histories", lambda: all(
        w.seen(first.log)["forks"] + w.seen(first.log)["suspects"] > 0 for w in (second, third)))
    first.victim.ends("the clone ends")
    for w in (second, third):
        forked = w.seen(first.log)["forks"] > 0
        status = w.end_witness()
        kit.check(status == (3 if forked else 0), "%s: exit status %s" % (w.name, status))
        kinds = glob.glob(os.path.join(w.state, "forks", "*.first"))
        kit.check(len(kinds) >= 1, "both sides are kept")
        done = subprocess.run([VERIFY, "history", kinds[0], kinds[0][:-5] + "second", "--key",
                               first.log, "--store", first.victim.store],
                              capture_output=True, text=True, check=False)
        kit.check(done.returncode == 1 and "FORKED" in done.stdout, "history: " + done.stdout)
        proofs = glob.glob(os.path.join(w.state, "forks", "fork-*.proof"))
        for proof in proofs:
            done = subprocess.run([VERIFY, "history", proof, "--key", first.log],
                                  capture_output=True, text=True, check=False)
            kit.check(done.returncode == 1 and "FORKED" in done.stdout, "proof: " + done.stdout)
        print("%s: %d contradictions kept, %d proofs" % (w.name, len(kinds), len(proofs)))
    kit.check(first.end_witness() == 0, "the third witness has nothing to say")
    kit.finish()


if __name__ == "__main__":
    main()

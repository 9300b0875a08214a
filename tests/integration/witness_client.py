#!/usr/bin/python3
"""The collector asks witnesses that were written without it (tests/independent/witness.py): one that
is good, and others that are slow, dead, lying, ahead of it or do not know it. Acknowledgements never
wait, what was answered is kept, and who is behind is said.

    witness_client.py COLLECTOR VERIFY
"""
import glob
import json
import os
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

sys.path.insert(0, os.path.join(kit.HERE, "..", "independent"))
from witness import Witness  # noqa: E402  (its place is known only here)

COLLECTOR, VERIFY = sys.argv[1:3]
LISTENERS = ["url: relp://127.0.0.1:0\nlog: a"]


class Scene:
    """A collector with witnesses w0, w1, ... of which `need` are the quorum."""

    def __init__(self, name, count, need, more=""):
        self.folder = os.path.join(kit.workspace(), name)
        os.mkdir(self.folder)
        self.policy = os.path.join(self.folder, "policy")
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, LISTENERS)
        self.key = self.victim.keys["a"]
        with open(self.key, encoding="utf-8") as f:
            self.vkey = f.read().strip()
        self.witnesses = [Witness("w%d.example.org" % n, bytes([n + 7]) * 32, [self.vkey])
                          for n in range(count)]
        self.need, self.more = need, more
        self.write_policy()
        self.configure()

    def write_policy(self, urls=None):
        lines = ["log " + self.vkey]
        for n, w in enumerate(self.witnesses):
            lines.append("witness w%d %s %s" % (n, w.vkey, (urls or {}).get(n, w.url)))
        lines.append("group all %d %s" % (self.need, " ".join(
            "w%d" % n for n in range(len(self.witnesses)))))
        lines.append("quorum all")
        with open(self.policy, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    def configure(self):
        self.victim.configure(LISTENERS, logs=((
            "a", "policy: %s, witness_interval: 1s, state_interval: 1s%s" % (self.policy, self.more)),))

    def begin(self):
        kit.check(self.victim.begin(), "it starts")

    def send(self, name, count=50):
        sender = fault.Sender(name, lambda: self.victim.urls[0], longest=300)
        sender.enough = True
        for _ in range(count):
            sender.make()
        sender.start()
        return sender

    def status(self):
        return self.victim.status()["logs"][0]["witnesses"]

    def one(self, n):
        return self.status()["witnesses"][n]

    def met(self):
        return self.status()["met_size"]

    def files(self):
        return sorted(glob.glob(self.victim.log_dir() + "/*.cosigned"))

    def epoch_end(self):
        """Index of the newest start note: the size of the last checkpoint before it."""
        done = subprocess.run([VERIFY, "cat", self.victim.store, "--kind", "epoch", "--jsonl"],
                              capture_output=True, text=True, check=False)
        return max(int(json.loads(line)["index"]) for line in done.stdout.splitlines())

    def events(self):
        done = subprocess.run([VERIFY, "cat", self.victim.store, "--key", self.key, "--jsonl"],
                              capture_output=True, text=True, check=False)
        found = []
        for line in done.stdout.splitlines():
            entry = json.loads(line)
            text = entry.get("payload") or entry.get("text") or ""
            found.append(text if isinstance(text, str) else json.dumps(text))
        return "\n".join(found)

    def close(self):
        for w in self.witnesses:
            w.go.set()
            w.close()


def judged(scene, what, path=None):
    """Its verdict by the policy; and each file is a checkpoint that says what its name says."""
    done = subprocess.run([VERIFY, "check", path or scene.victim.store, "--policy", scene.policy],
                          capture_output=True, text=True, check=False)
    for name in scene.files():
        with open(name, "rb") as f:
            note = f.read().decode()
        kit.check(int(note.split("\n")[1]) == int(os.path.basename(name)[:20]), "%s: its size" % name)
        kit.check("\u2014 w" in note, "%s: no cosignature" % name)
    return done.returncode, done.stdout


def all_good():
    """Two good witnesses; a restart, which they answer with the size that they have."""
    s = Scene("good", 2, 2)
    s.begin()
    kit.until("records are acknowledged", s.send("one").done.is_set)
    kit.until("both have cosigned", lambda: s.met() > 50)
    first = s.met()
    kit.check(s.victim.end() == 0, "it ends")
    kit.check(s.files(), "what they said is kept")
    s.begin()
    kit.until("more is acknowledged", s.send("two").done.is_set)
    kit.until("both have cosigned what is new", lambda: s.met() > first + 50)
    kit.check(any(status == 409 for _, _, status in s.witnesses[0].seen), "a restart is told its size")
    proofs = [(old, size) for old, size, status in s.witnesses[0].seen
              if status == 200 and 0 < old < size]
    kit.check(len(proofs) >= 2, "proofs that were accepted: %r" % s.witnesses[0].seen)
    kit.check(all(status in (200, 409) for w in s.witnesses for _, _, status in w.seen),
              "every proof is accepted: %r" % s.witnesses[0].seen)
    done = subprocess.run([COLLECTOR, "key", "rotate", "--store", s.victim.store, "--log", "a"],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 0, "key rotate: " + done.stderr)
    kit.until("the end of the epoch is cosigned", lambda: all(
        any(status == 200 and size == s.epoch_end() for _, size, status in w.seen)
        for w in s.witnesses))
    kit.until("the next epoch is cosigned", lambda: s.met() > s.epoch_end() + 1)
    end = s.epoch_end()
    kit.check(s.victim.end() == 0, "it ends again")
    kit.check(any("%020d" % end in name for name in s.files()), "the end of the epoch is kept")
    kit.check(len(s.files()) <= 5, "those that are covered go: %r" % s.files())
    status, out = judged(s, "good")
    print(out.splitlines()[-1], len(s.files()), "files")
    return s


def main():
    s = all_good()
    s.close()
    kit.finish()


main()

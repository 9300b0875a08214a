#!/usr/bin/python3
"""The collector asks witnesses that were written without it (tests/independent/witness.py): one that
is good, and others that are slow, dead, lying, ahead of it or do not know it. Acknowledgements never
wait, what was answered is kept, and who is behind is said.

    witness_client.py COLLECTOR VERIFY INDEPENDENT
"""
import glob
import json
import os
import shutil
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

sys.path.insert(0, os.path.join(kit.HERE, "..", "independent"))
from witness import Witness  # noqa: E402  (its place is known only here)

COLLECTOR, VERIFY, INDEPENDENT = sys.argv[1:4]


class Scene:
    """A collector with witnesses w0, w1, ... of which `need` are the quorum."""

    def __init__(self, name, count, need, more=""):
        self.folder = os.path.join(kit.workspace(), name)
        os.mkdir(self.folder)
        self.policy = os.path.join(self.folder, "policy")
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, fault.LISTENERS)
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
        self.victim.configure(fault.LISTENERS, logs=((
            "a", "policy: %s, witness_interval: 1s, state_interval: 1s%s" % (self.policy, self.more)),))

    def begin(self):
        kit.check(self.victim.begin(), "it starts")

    def send(self, name, count=50):
        return self.victim.send(name, count, wait=False)

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
        return run(self, "cat", self.victim.store, "--kind", "event", "--jsonl")[1]

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
    s.victim.ends()
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
    s.victim.counts_all_files(".cosigned")
    end = s.epoch_end()
    s.victim.ends("it ends again")
    kit.check(any("%020d" % end in name for name in s.files()), "the end of the epoch is kept")
    kit.check(len(s.files()) <= 5, "those that are covered go: %r" % s.files())
    cosigned_store(s)
    return s


def cosigned_store(s):
    """What is under the quorum, and what a cosigned file that is not right is told of."""
    status, out = judged(s, "good")
    report = json.loads(subprocess.run(
        [VERIFY, "check", s.victim.store, "--policy", s.policy, "--json"],
        capture_output=True, text=True, check=False).stdout)["logs"][0]
    codes = {f["code"] for f in report["findings"]}
    kit.check(status == 3 and codes - {"EXERCISE"} == {"QUORUM"},
              "the last entries of a collector that ended are behind its witnesses: %s" % codes)
    largest = max(s.files())
    size = int(os.path.basename(largest)[:20])
    kit.check("quorum all is of size %d;" % size in json.dumps(report), "the newest counts: %s" % out)
    kit.check(run(s, "check", s.victim.store, "--key", s.key)[0] == 0, "without a policy it is VALID")
    proof = os.path.join(s.folder, "proof")
    done = run(s, "prove", s.victim.store, "--index", "3", "--policy", s.policy, "-o", proof)
    kit.check(done[0] == 0, "an entry is proven under the quorum: %s" % (done,))
    end = s.epoch_end()
    done = run(s, "prove", s.victim.store, "--index", str(end + 1), "--policy", s.policy, "-o",
               proof + "2")
    kit.check(done[0] == 0, "also one of the next epoch: %s" % (done,))
    done = run(s, "export", s.victim.store, "--index", "2-5", "--policy", s.policy, "--case", "1",
               "--exhibit", "1", "--by", "a", "--reason", "b", "-o", os.path.join(s.folder, "bundle"))
    kit.check(done[0] == 0, "a bundle takes a cosigned checkpoint: %s" % (done,))
    done = run(s, "bundle", os.path.join(s.folder, "bundle"), "--policy", s.policy)
    kit.check(done[0] == 0, "and is judged by the policy: %s" % (done,))
    done = subprocess.run([sys.executable, INDEPENDENT, s.victim.store, "--key", s.vkey, "--json"],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 0 and "UNKNOWN" not in done.stdout,
              "the independent verifier: %d %s%s" % (done.returncode, done.stdout, done.stderr))
    opened_by_go(s, largest)
    tampered(s, largest)


def opened_by_go(s, largest):
    """golang.org/x/mod/sumdb/note opens what is kept, where it is installed."""
    gopath = os.environ.get("GOPATH", "/usr/share/gocode")
    if not shutil.which("go") or not os.path.isdir(gopath + "/src/golang.org/x/mod/sumdb/note"):
        print("skipped: Go, or golang.org/x/mod, is not installed")
        return
    program = os.path.join(s.folder, "tlog")
    env = dict(os.environ, GO111MODULE="off", GOPATH=gopath, GOFLAGS="")
    env.setdefault("GOCACHE", os.path.join(s.folder, "gocache"))
    subprocess.run(["go", "build", "-o", program, os.path.join(kit.HERE, "tlog", "main.go"),
                    os.path.join(kit.HERE, "tlog", "bundle.go")], check=True, env=env)
    for w in s.witnesses:
        done = subprocess.run([program, "cosigned", s.vkey, w.vkey, largest], capture_output=True,
                              text=True, check=False)
        kit.check(done.returncode == 0 and "cosigned by " + w.name in done.stdout,
                  "Go opens it: %s%s" % (done.stdout, done.stderr))


def run(_, *words):
    done = subprocess.run([VERIFY, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def tampered(s, largest):
    """Each a change of one cosigned file; what it must be told as."""
    with open(largest, "rb") as f:
        note = f.read()
    lines = note.split(b"\n")
    folder, name = os.path.split(largest)
    size = int(name[:20])
    own = b"\n".join(lines[:6]) + b"\n"
    flip = bytearray(note)
    flip[-20] = ord("B" if flip[-20] == ord("A") else "A")
    other = lines[:2] + [b"A" * 43 + b"="] + lines[3:]
    cases = {
        "empty": (name, b"", 1, "MALFORMED"),
        "no note": (name, b"what\n", 1, "MALFORMED"),
        "cut": (name, note[:-10], 1, "MALFORMED"),
        "too long": (name, note + b"\xe2\x80\x94 x YWFhYWE=\n" * 4000, 1, "MALFORMED"),
        "another root": (name, b"\n".join(other), 1, "ALTERED"),
        "another size in the name": ("%020d.cosigned" % (size - 1), note, 1, "MALFORMED"),
        "a bad cosignature": (name, bytes(flip), 1, "ALTERED"),
        "two lines of one witness": (name, note + lines[-2] + b"\n", 1, "MALFORMED"),
        "own lines alone": (name, own, 3, "QUORUM"),
        "no line of the log": (name, b"\n".join(lines[:4] + lines[6:]), 1, "ALTERED"),
        "a directory": (name, None, 2, "IO_ERROR"),
    }
    for what, (to, data, status, code) in cases.items():
        os.unlink(largest)
        path = os.path.join(folder, to)
        if data is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as f:
                f.write(data)
        got, out = run(s, "check", s.victim.store, "--policy", s.policy)
        kit.check(got == status and code in out, "%s: %d %s" % (what, got, out[-1500:]))
        if data is None:
            os.rmdir(path)
        else:
            os.unlink(path)
        with open(largest, "wb") as f:
            f.write(note)
    larger = b"\n".join([lines[0], b"999999"] + lines[2:])
    with open(os.path.join(folder, "%020d.cosigned" % 999999), "wb") as f:
        f.write(larger)
    got, out = run(s, "check", s.victim.store, "--policy", s.policy)
    kit.check(got == 1 and "ALTERED" in out, "a size that was not signed: %d %s" % (got, out[-800:]))
    os.unlink(os.path.join(folder, "%020d.cosigned" % 999999))


LIARS = {"bad-signature": "signature", "wrong-key": "no line of the witness's key",
         "zero-time": "time", "junk": "no signature line", "long": "longer than",
         "not-found": "does not know this log", "ahead": "it has seen this log at size",
         "refuse": "refuses the proof"}


def bad_company():
    """One good witness is enough; the others are slow, dead or lie. Nobody waits for them."""
    s = Scene("bad", 3 + len(LIARS), 1)
    good, slow, dead = s.witnesses[:3]
    slow.mode = "slow"
    for w, mode in zip(s.witnesses[3:], LIARS):
        w.mode = mode
    dead.close()
    s.begin()
    kit.until("records are acknowledged", s.send("one").done.is_set)
    kit.until("one has cosigned", lambda: s.met() > 50)

    def all_told():
        list_ = s.status()["witnesses"]
        return all(w["behind"] or w["conflict"] for w in [list_[2]] + list_[3:])

    kit.until("the others are told of", all_told)
    state = s.status()
    for n, (mode, text) in enumerate(LIARS.items()):
        one = state["witnesses"][3 + n]
        kit.check(text in one["error"], "%s: %r" % (mode, one["error"]))
        kit.check(one["conflict"] == (mode in ("ahead", "refuse")), "%s: conflict" % mode)
        kit.check(one["cosigned_at"] is None, "%s: nothing of it is taken" % mode)
    kit.check(state["witnesses"][1]["cosigned_at"] is None and slow.seen == [], "one is slow")
    kit.check(state["missed_since"] is None, "the quorum is met")
    kit.check("CONTRADICTS THIS LOG" in s.victim.stderr(), "a contradiction is loud")
    kit.until("more is acknowledged", s.send("two").done.is_set)
    for name in s.files():
        with open(name, "rb") as f:
            kit.check(f.read().count(b"\xe2\x80\x94 w") == 1, "only one has cosigned")
    for w in s.witnesses[3:]:
        w.mode = "good"
    slow.mode = "good"
    slow.go.set()
    kit.until("all but the dead one are back", lambda: all(
        w["cosigned_at"] and not w["behind"] and not w["conflict"]
        for n, w in enumerate(s.status()["witnesses"]) if n != 2))
    s.victim.ends()
    events = s.events()
    for event in ("witness-behind", "witness-conflict", "witness-back"):
        kit.check(event in events, "an event %s" % event)
    kit.check("quorum-missed" not in events, "no event quorum-missed")
    kit.check(run(s, "check", s.victim.store, "--key", s.key)[0] == 0, "it is VALID")
    s.witnesses.remove(dead)
    s.close()


def shut():
    """`witness_required: closed`: with too few witnesses nothing is taken in, and nothing is lost."""
    s = Scene("closed", 2, 2, ", witness_required: closed")
    s.begin()
    kit.until("both have cosigned", lambda: s.met() > 0)
    s.witnesses[1].mode = "not-found"
    kit.until("the quorum is missed", lambda: s.status()["missed_since"])
    sender = s.send("one")
    kit.until("senders are held back",
              lambda: s.victim.status()["logs"][0]["back_pressure_since"])
    kit.check(not sender.acked, "nothing is acknowledged meanwhile")
    s.witnesses[1].mode = "good"
    kit.until("all is acknowledged", sender.done.is_set)
    kit.check(s.status()["missed_since"] is None, "the quorum is met")
    s.witnesses[1].mode = "not-found"
    kit.until("it is missed again", lambda: s.status()["missed_since"])
    with open(s.victim.config, encoding="utf-8") as f:
        text = f.read()
    with open(s.victim.config, "w", encoding="utf-8") as f:
        f.write(text.replace("witness_required: closed", "witness_required: open"))
    kit.check("in force" in s.victim.reload(), "a reload")
    kit.until("open, it goes on", s.send("two").done.is_set)
    s.victim.ends()
    events = s.events()
    for event in ("quorum-missed", "quorum-met", "back-pressure-on"):
        kit.check(event in events, "an event %s" % event)
    s.close()


def refused():
    """A policy that nobody can be asked by is refused with place and remedy, also by check-config."""
    s = Scene("refused", 1, 1)
    for text, says in (("quorum none\n", "no witness in it can be asked"),
                       ("what\n", "line 2"),
                       ("witness w %s ftp://a/\nquorum w\n" % s.witnesses[0].vkey, "ftp://a/")):
        with open(s.policy, "w", encoding="utf-8") as f:
            f.write("log %s\n%s" % (s.vkey, text))
        for words in (["check-config", s.victim.config], ["run", "--config", s.victim.config]):
            done = subprocess.run([COLLECTOR, *words], capture_output=True, text=True, check=False)
            kit.check(done.returncode != 0 and says in done.stderr and s.policy in done.stderr,
                      "%s: %d %s" % (says, done.returncode, done.stderr))
    s.close()


def main():
    s = all_good()
    s.close()
    refused()
    bad_company()
    shut()
    kit.finish()


main()

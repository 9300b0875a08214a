#!/usr/bin/python3
"""if_stolen.py PROGRAM: with everything on the machine copied at some moment, what stands by others,
what by erased keys, and what does not. The log has three epochs; witnesses and the time-stamping
authority are played here."""

import json
import os
import sys

from prove_kit import Cases, akbases, entries, put, save
from tsa_kit import Authority, Stamper

from akbase import checkpoint_fields, leaf_hash, tree_root
from cosign_kit import Witness, cosigned

SECOND = 1_000_000_000


class Log:
    """The log, what its tree is at any size, and copies with files beside it."""

    def __init__(self):
        self.log, self.secrets = akbases.epochs()
        self.all = list(entries(self.log))
        self.leaves = [leaf_hash(data) for _, _, data in self.all]
        self.starts = [index for index, entry, _ in self.all if entry.kind == 4]
        self.size = checkpoint_fields(self.log.checkpoint)[1]
        self.witnesses = [Witness(n) for n in range(3)]
        put("policy", (f"log {self.secrets.vkey}\n" + "".join(
            f"witness w{n} {w.vkey} https://w{n}.example.org/\n"
            for n, w in enumerate(self.witnesses)) + "group g 2 w0 w1 w2\nquorum g\n").encode())
        self.number = 0

    def time(self, index):
        """Seconds, as the collector's clock said."""
        return self.all[index][1].received // SECOND

    def note(self, size):
        epoch = sum(start < size for start in self.starts) - 1
        return self.secrets.checkpoint(size, tree_root(self.leaves[:size]), epoch)

    def store(self, cosign=(), stamps=(), beside=False):
        """A copy; `cosign`: (size, time of two witnesses), kept outside or `beside` the log; `stamps`:
        (size, reply)."""
        self.number += 1
        name = f"s{self.number}"
        save(self.log, self.secrets, name)
        directory = os.path.join(name, self.log.log_id)
        self.kept = []
        for size, time in cosign:
            kept = f"{directory}/{size:020d}.cosigned" if beside else f"{name}-{size}"
            put(kept, cosigned(self.note(size), (self.witnesses[0], time),
                               (self.witnesses[2], time + 1)))
            self.kept += [] if beside else ["--checkpoint", kept]
        for size, reply in stamps:
            put(f"{directory}/{size:020d}.stamped", self.note(size))
            put(f"{directory}/{size:020d}.0.tsr", reply)
        put("key", self.secrets.vkey.encode() + b"\n")
        return name


def ask(c, s, store, status, at=None, size=None, more=("--policy", "policy"), says=()):
    """Gives (by others, by erasure, exposed), which are all that is proven."""
    when = (["--at", at] if at is not None else ["--size", str(size)]) + s.kept
    c.run(status, "if-stolen", store, "--key", "key", *when, *more, says=says)
    c.run(status, "if-stolen", store, "--key", "key", *when, *more, "--json")
    log = json.loads(c.out)["logs"][0]
    c.expect(log["by_others"] + log["by_erasure"] + log["exposed"] == log["proven"], "the sum")
    return log["by_others"], log["by_erasure"], log["exposed"]


def rfc3339(seconds):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


def epochs(c, s):
    """Nothing but keys that forget: the epochs that had ended, and only if erasure worked."""
    store = s.store()
    first, second = s.starts[1:]
    for size, erased in ((1, 0), (first, 0), (first + 1, first), (second, first),
                         (second + 1, second), (s.size, second)):
        got = ask(c, s, store, 3, size=size, says="exposed")
        c.expect(got == (0, erased, s.size - erased), f"copied at size {size}: {got}")
    # By time: the epoch of then is the last one that had begun.
    for index, before, erased in ((0, 0, 0), (first, 1000, 0), (first, 0, first),
                                  (second, 1000, first), (second, 0, second),
                                  (s.size - 1, 0, second)):
        time = s.all[index][1].received - before  # ns
        at = rfc3339(time // SECOND)[:-1] + ".%06dZ" % (time % SECOND // 1000)
        got = ask(c, s, store, 3, at=at)
        c.expect(got == (0, erased, s.size - erased), f"copied at entry {index}: {got}")
    c.run(3, "if-stolen", store, "--key", "key", "--size", str(s.size),
          says=["Holds if erasure worked", "epochs before 2", f"entries 0-{second - 1}",
                f"entries {second}-{s.size - 1}", "stand by others"])
    c.run(2, "if-stolen", store, "--key", "key", says="say when everything was copied")
    c.run(2, "if-stolen", store, "--key", "key", "--at", "-1d", "--size", "5", says="say when")
    c.run(2, "if-stolen", store, "--key", "key", "--size", "0", says="--size 0")
    c.run(2, "if-stolen", store, "--size", "5", says="NOT CHECKABLE")


def witnesses(c, s):
    """What a quorum had cosigned before stands; what came after the copy does not count."""
    _, second = s.starts[1:]
    end = s.time(s.size - 1)
    early, late = second + 40, second + 200
    lines = ((300, end - 500), (early, end - 300), (late, end - 100))
    for beside in (True, False):
        store = s.store(lines, beside=beside)
        for at, others in ((end, late), (end - 99, late), (end - 100, early), (end - 299, early),
                           (end - 301, 300), (end - 501, 0)):
            got = ask(c, s, store, 3, at=rfc3339(at))
            c.expect(got[0] == others, f"copied {end - at} s before the end: {got}, not {others}")
    got = ask(c, s, store, 3, size=early, says="if it was made later than the time named here")
    c.expect(got[0] == early, f"by size: {got}")
    # One witness of two is no quorum; without the policy nobody else has signed.
    got = ask(c, s, store, 3, at=rfc3339(end), more=())
    c.expect(got[0] == 0, f"without a policy: {got}")
    # All of it.
    store = s.store(cosign=((s.size, end + 5),))
    got = ask(c, s, store, 0, at=rfc3339(end + 6), says=["VALID", "cosigned by a quorum of witnesses"])
    c.expect(got == (s.size, 0, 0), f"all of it: {got}")
    got = ask(c, s, store, 3, at=rfc3339(end + 5))
    c.expect(got[0] == 0, f"the second line is a second late: {got}")


def stamped(c, s):
    """The same of time stamps."""
    _, second = s.starts[1:]
    size = second + 77
    tsa = Stamper(Authority("ca"))
    store = s.store(stamps=((size, tsa.forge(s.note(size), at="20300102030405Z")),))
    trust = ("--tsa-ca", "ca/root.pem")
    for at, others in (("2030-01-02T03:04:06Z", size), ("2030-01-02T03:04:04Z", 0)):
        got = ask(c, s, store, 3, at=at, more=trust)
        c.expect(got[0] == others, f"copied {at}: {got}")
    got = ask(c, s, store, 3, at="2031-01-01", more=())
    c.expect(got[0] == 0, f"an authority that was not given: {got}")
    c.run(3, "if-stolen", store, "--key", "key", "--at", "2031-01-01", *trust, says="stamped by 2030")


def damaged(c, s):
    """A log that is not good has no good answer."""
    end = s.time(s.size - 1)
    store = s.store(cosign=((s.size, end),))
    path = os.path.join(store, s.log.log_id, sorted(os.listdir(os.path.join(store, s.log.log_id)))[0])
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    c.run(1, "if-stolen", store, "--key", "key", "--policy", "policy", "--at", rfc3339(end + 9), *s.kept,
          says=["INVALID", "The log itself is not good"])


def main():
    c = Cases(sys.argv[1])
    s = Log()
    for case in (epochs, witnesses, stamped, damaged):
        case(c, s)
    c.end()


main()

#!/usr/bin/python3
"""succession_forged.py PROGRAM INDEPENDENT: successions whose maker holds the successor's keys and
lies: another form, another place, another root, key or checkpoint of the old log, less loss than there
was, an entry 1 that is gone. Both verifiers judge them, and both have the old log."""

import json
import subprocess
import sys

from prove_kit import Cases, Secrets, akbases, akforge, save

from akbase import Key, b64, checkpoint_fields, make_note, split_note

INDEPENDENT = sys.argv[2]
SUCCESSOR = "example.org/old/2"


class Logs:
    """The old log, and successors that say what a test lets them say."""

    def __init__(self):
        self.old, self.old_secrets = akbases.standard("example.org/old", 51)
        self.old_note = self.old.checkpoint
        _, self.size, self.root = checkpoint_fields(self.old_note)
        save(self.old, self.old_secrets, "old")
        self.number = 0

    def good(self):
        return {"origin": self.old_secrets.origin, "key": self.old_secrets.vkey,
                "size": str(self.size), "root": b64(self.root),
                "checkpoints": [self.old_note.decode()]}

    def successor(self, members, side="operator", behind=0, more=()):
        """A store with the event behind `behind` others, and further ones; gives its name, vkey and
        directory."""
        self.number += 1
        name = f"s{self.number}"
        secrets = Secrets(SUCCESSOR, 60)
        m = akforge.Maker(secrets)
        for _ in range(behind):
            m.event("stop", "operator", reason="order")
        if members is not None:
            m.event("succession", side, **members)
        m.start()
        source = m.declare(**akbases.DATAGRAM)
        akbases.records(m, source, "fw1", 40)
        for members in more:
            m.event("succession", side, **members)
        m.commit()
        log = m.finish()
        save(log, secrets, name)
        return name, secrets.vkey, f"{name}/{log.log_id}"


def judge(c, s, made, status, codes, more=(), old=True):
    """The codes of both verifiers."""
    name, vkey, directory = made
    paths = [name] + (["old"] if old else [])
    c.run(status, "check", *paths, "--key", vkey, "--key", s.old_secrets.vkey, *more, "--json")
    found = {f["code"] for log in json.loads(c.out)["logs"] for f in log["findings"]}
    c.expect(found == set(codes), f"{name}: {sorted(found)}, not {sorted(codes)}")
    done = subprocess.run([sys.executable, INDEPENDENT, directory, *paths[1:], "--key", vkey, "--key",
                           s.old_secrets.vkey, *more], capture_output=True, text=True, check=False)
    told = {line.split()[0].rstrip(":") for line in done.stdout.splitlines()} - {
        "VALID", "INVALID", "INCOMPLETE"}
    c.expect(told == set(codes) and done.returncode == status,
             f"{name}: the other verifier: {done.returncode} {done.stdout}{done.stderr}")


def honest(c, s):
    """What the others are measured by."""
    judge(c, s, s.successor(s.good()), 3, ["SUCCESSION_UNCONFIRMED"])
    judge(c, s, s.successor(dict(s.good(), signed=str(s.size + 9), signed_root=b64(bytes(32)),
                                 reason="r")), 3, ["SUCCESSION_UNCONFIRMED"])
    c.run(3, "check", f"s{s.number}", "--key", Secrets(SUCCESSOR, 60).vkey,
          says=f"its entries {s.size} to {s.size + 8} are lost")
    judge(c, s, s.successor(None), 0, [])


def forms(c, s):
    """R51: its members, its side, its place."""
    good = s.good()
    long = make_note(split_note(s.old_note)[0], [s.old_secrets.log] + [
        Key(f"x{n}.example/" + "y" * 250, seed=bytes([n]) * 32) for n in range(28)]).decode()
    for change in ({"origin": "none"}, {"origin": 5}, {"origin": SUCCESSOR}, {"key": "x"},
                   {"key": Secrets("example.org/old", 52).vkey}, {"size": 5}, {"size": "05"},
                   {"size": str(1 << 63)}, {"root": "AAAA"}, {"signed": "7"},
                   {"signed_root": b64(bytes(32))}, {"checkpoints": "x"}, {"checkpoints": [5]},
                   {"checkpoints": ["x"]}, {"checkpoints": [s.old_note.decode()] * 2},
                   {"checkpoints": [Secrets(SUCCESSOR, 60).checkpoint(5, bytes(32)).decode()]},
                   {"checkpoints": [s.old_secrets.checkpoint(n, bytes(32)).decode()
                                    for n in range(1, 8)]},
                   {"checkpoints": [long]}, {"reason": 5}, {"reason": "x" * 1001}):
        judge(c, s, s.successor(dict(good, **change)), 1, ["MALFORMED"])
    for name in good:
        judge(c, s, s.successor({k: v for k, v in good.items() if k != name}), 1, ["MALFORMED"])
    judge(c, s, s.successor(good, side="collector"), 1, ["MALFORMED"])
    judge(c, s, s.successor(good, behind=1), 1, ["MALFORMED"])


def further(c, s):
    """R51 to R54: further events add to what entry 1 says, and speak of the same."""
    good = s.good()
    early = dict(good, checkpoints=[])
    unconfirmed = ["SUCCESSION_UNCONFIRMED"]
    later = s.old_secrets.checkpoint(s.size + 4, bytes(32)).decode()
    made = s.successor(early, more=[dict(good, reason="found"),
                                    dict(early, checkpoints=[later])])
    judge(c, s, made, 3, unconfirmed)
    c.run(3, "check", made[0], "--key", made[1],
          says=f"its entries {s.size} to {s.size + 3} are lost")
    for change in ({"origin": SUCCESSOR + "/" + "0" * 32}, {"size": str(s.size - 1)},
                   {"root": b64(bytes(32))}, {"reason": 5}):
        judge(c, s, s.successor(good, more=[dict(good, **change)]), 1, unconfirmed + ["MALFORMED"])
    other = Key(s.old_secrets.origin, seed=b"q" * 32)
    judge(c, s, s.successor(good, more=[dict(good, key=other.vkey)]), 1,
          unconfirmed + ["MALFORMED"])
    judge(c, s, s.successor(None, behind=1, more=[good]), 1, ["MALFORMED"])
    judge(c, s, s.successor(good, more=[early] * 15), 3, unconfirmed)
    judge(c, s, s.successor(good, more=[early] * 16), 1, unconfirmed + ["MALFORMED"])
    # What a further one adds is compared with the old log too, and what it adds is known.
    forged = s.old_secrets.checkpoint(s.size - 1, bytes(32)).decode()
    judge(c, s, s.successor(good, more=[dict(early, checkpoints=[forged])]), 1,
          unconfirmed + ["SUCCESSION_FALSE"])
    with open("kept-later", "wb") as f:
        f.write(later.encode())
    judge(c, s, made, 1, unconfirmed + ["ROLLED_BACK"], more=["--checkpoint", "kept-later"])


def lies(c, s):
    """R53: what the old log, its key or a checkpoint from outside contradicts."""
    good = s.good()
    both = ["SUCCESSION_UNCONFIRMED", "SUCCESSION_FALSE"]
    other = Secrets("example.org/old", 51)
    other.log = Key(other.origin, seed=b"q" * 32)
    smaller = s.old_secrets.checkpoint(s.size - 1, bytes(32)).decode()
    forged = other.checkpoint(s.size, s.root).decode()
    for change in ({"root": b64(bytes(32))},
                   {"signed": str(s.size - 3), "signed_root": b64(bytes(32))},
                   {"checkpoints": [smaller]}, {"checkpoints": [forged]},
                   {"key": other.log.vkey}):
        made = s.successor(dict(good, **change))
        judge(c, s, made, 1, both)
        c.run(3, "check", made[0], "--key", made[1], says="SUCCESSION_UNCONFIRMED")
    # A loss that is understated: the old log is here, or a checkpoint of it was kept.
    early = dict(good, size="0", root="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", checkpoints=[])
    judge(c, s, s.successor(early), 1, both)
    with open("kept", "wb") as f:
        f.write(s.old_secrets.checkpoint(s.size + 20, bytes(32)))
    judge(c, s, s.successor(good), 1, both + ["ROLLED_BACK"], more=["--checkpoint", "kept"])


def gone(c, s):
    """The successor's first segment without its entry 1, under the signed roots of before."""
    name, vkey, _ = s.successor(s.good())
    without, _, _ = s.successor(None, behind=1)  # of the same size
    c.run(0, "check", without, "--key", vkey)
    c.run(1, "check", without, "--key", vkey, "--checkpoint", checkpoint_of(name), says="FORKED")


def checkpoint_of(name):
    import glob
    return glob.glob(f"{name}/*/checkpoint")[0]


def main():
    c = Cases(sys.argv[1])
    s = Logs()
    for case in (honest, forms, further, lies, gone):
        case(c, s)
    c.end()


main()

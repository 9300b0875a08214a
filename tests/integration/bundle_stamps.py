#!/usr/bin/python3
"""bundle_stamps.py VERIFY: time stamps in bundles: the checkpoint that says the earliest by when
everything shown existed, what counts, what is told, and that nothing changes without stamps."""

import datetime
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import (Bundle, Cases, ORDER, STATEMENTS, World, get, put,  # noqa: E402
                        recipe, save)
import akbases  # noqa: E402
from akbase import checkpoint_fields, leaf_hash, make_note, tree_root  # noqa: E402
from casebase import Base  # noqa: E402
from cases_orders import KNOWN, declared, erased_by, ordered  # noqa: E402
from cosign_kit import T, Witness, cosigned  # noqa: E402
from tsa_kit import Authority, Stamper, run  # noqa: E402

INDEPENDENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "independent",
                           "bundle.py")
CA = ["--tsa-ca", "ca/root.pem"]
KEY = ["--key", "key"]
EARLY, LATE = "20210203040506Z", "20220203040506Z"
EARLY_S, LATE_S = 1612325106, 1643861106


class Stamped:
    """A log whose checkpoints of 800 entries and of all are stamped."""

    def __init__(self):
        self.log, self.secrets = akbases.standard()
        self.world = World(self.log)
        self.size = checkpoint_fields(self.log.checkpoint)[1]
        self.tsa = Stamper(Authority("ca"))
        put("key", self.secrets.vkey.encode() + b"\n")
        self.note = {800: self.make(800)}
        self.note[self.size] = self.log.checkpoint
        self.old = self.tsa.forge(self.note[800], at=EARLY)
        self.new = self.tsa.forge(self.note[self.size], at=LATE)

    def make(self, n):
        """The checkpoint of n entries."""
        return self.secrets.checkpoint(n, tree_root(map(leaf_hash, self.world.bytes[:n])))

    def store(self, name, files):
        """A copy with these files beside it: {(size, rest of the name): bytes}."""
        save(self.log, self.secrets, name)
        for (size, rest), data in files.items():
            put(f"{name}/{self.log.log_id}/{size:020d}.{rest}", data)
        return name

    def both(self):
        return {(800, "stamped"): self.note[800], (800, "0.tsr"): self.old,
                (self.size, "stamped"): self.note[self.size], (self.size, "0.tsr"): self.new}


def export(c, store, out, *asked, status=0):
    c.run(status, "export", store, *(asked or ("--index", "300-700")), *KEY, *STATEMENTS, "-o", out,
          "--force")


def claim(c, status, bundle, verdict, *words):
    """Claim 4 of a bundle."""
    report = c.json(status, "bundle", bundle, *KEY, *words)
    said = next(x for x in report["claims"] if x["claim"] == "time")
    c.expect(said["verdict"] == verdict, f"claim 4 is {said}, not {verdict}")
    return report, said


def good(c, s):
    """The smallest stamped checkpoint that covers what is shown; OpenSSL agrees."""
    s.store("both", s.both())
    for out in ("b", "b.tar"):
        export(c, "both", out)
        report, _ = claim(c, 0, out, "VALID", *CA)
        c.expect(report["checkpoint_size"] == 800 and report["stamped_existed_by_s"] == EARLY_S and
                 report["stamps"] == report["stamps_counted"] == 1 and
                 "Test TSA" in report["stamped_by"], f"{out}: the early stamp counts")
        c.expect(report["readme"] == {"of_this_release": True}, f"{out}: {report['readme']}")
        c.run(0, "bundle", out, *KEY, *CA,
              says=("Test TSA", "existed by 2021-02-03",
                    "stamp.0 a time stamp that counts"))
        c.run(0, "bundle", out, *KEY, *CA, "--require", "time", "--quiet")
    c.expect(get("b/stamped") == get("b/checkpoint") == s.note[800] and get("b/stamp.0") == s.old,
             "the files are those beside the log")
    run("ts", "-verify", "-data", "b/stamped", "-in", "b/stamp.0", "-CAfile", "ca/root.pem")
    text = get("b/README.txt").decode()
    c.expect("openssl ts -verify -data stamped -in stamp.N -CAfile CA" in text, "README says how")
    status, said = recipe("b", get("key").decode().strip(), os.path.join(os.getcwd(), "check"))
    c.expect(status == 0 and "the root is the one in the checkpoint" in said, f"recipe: {said}")
    lines = text[text.index("for each N type:"):text.index("If cmp says nothing")].split("\n")[1:]
    script = "\n".join(l[4:] for l in lines).replace("stamp.N", "stamp.0")
    script = script.replace("/tmp/check", "../check").replace("CAfile CA", "CAfile ../ca/root.pem")
    done = subprocess.run(["bash", "-ec", script], cwd="b", capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    c.expect(done.returncode == 0 and "Verification: OK" in said and "Feb  3 04:05:06 2021" in said,
             f"the recipe for stamps: {said}")
    less = Bundle("b")
    del less.files["stamped"], less.files["stamp.0"]
    less.write("less")
    c.run(0, "bundle", "less", *KEY, says="README_DIFFERS")  # it speaks of stamps
    put("b/stamped", s.note[800] + b"\n")
    done = subprocess.run(["bash", "-ec", script], cwd="b", capture_output=True, check=False)
    c.expect(done.returncode != 0, "the recipe for stamps over other bytes")
    shutil.rmtree("check", ignore_errors=True)


def which(c, s):
    """Behind the early one the newest; both replies; the end of a time; what is wrong is left out."""
    export(c, "both", "b", "--index", "300-800")
    report, _ = claim(c, 0, "b", "VALID", *CA)
    c.expect(report["checkpoint_size"] == s.size and report["stamped_existed_by_s"] == LATE_S,
             "what lies behind the early one is under the newest")
    late = s.tsa.forge(s.note[800], at=LATE)
    other = Stamper(Authority("other"))
    many = {(800, "stamped"): s.note[800], (800, "7.tsr"): s.old, (800, "2.tsr"): late,
            (800, "3.tsr"): b"no reply", (800, "4.tsr"): s.new,
            (800, "5.tsr"): other.stamp(s.note[800])}
    export(c, s.store("many", many), "b")
    report, _ = claim(c, 0, "b", "VALID", *CA)
    c.expect(report["stamps"] == 3 and report["stamps_counted"] == 2 and
             report["stamped_existed_by_s"] == EARLY_S, "the earliest of those that count")
    c.run(0, "bundle", "b", *KEY, *CA, says="1 of 3 time stamps do not count")
    second = {(600, "stamped"): make_note("x\n", [s.secrets.log, s.secrets.epochs[0]]),
              (600, "0.tsr"): s.old, (800, "stamped"): s.note[800]}
    export(c, s.store("bad", {**s.both(), (800, "stamped"): s.note[800][:-9] + b"AAAAAAAA\n"}), "b")
    c.expect(claim(c, 0, "b", "VALID", *CA)[0]["checkpoint_size"] == s.size,
             "a note that is not signed well is passed over")
    export(c, s.store("none", second), "b", "--index", "300-500")
    c.expect(not os.path.exists("b/stamped"), "nothing good, nothing in it")
    times = {i: e.received for i, e in enumerate(s.world.entries)}
    for end, size in ((times[760], 800), (times[850], s.size)):
        asked = ("--from", stamp_time(times[300]), "--to", stamp_time(end))
        export(c, "both", "b", *asked)
        report, _ = claim(c, 0, "b", "VALID", *CA)
        c.expect(report["checkpoint_size"] == size, f"to {end}: {report['checkpoint_size']}")


def stamp_time(ns):
    when = datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns % 10**9:09d}Z"


def sources(c, s):
    """One source in a time: only a checkpoint with what bounds it behind will do."""
    times = [e.received for e in s.world.entries]
    state = next(i for i, e in enumerate(s.world.entries) if e.kind == 8 and i > 800)
    c.expect(800 < state < s.size - 2, f"a state entry between the stamped sizes: {state}")
    s.store("three", {**s.both(), (state + 2, "stamped"): s.make(state + 2),
                      (state + 2, "0.tsr"): s.tsa.forge(s.make(state + 2), at=EARLY)})
    asked = ("--from", stamp_time(times[300]), "--to", stamp_time(times[700]), "--source", "fw1*",
             "--source", "sw9*")
    for store, size in (("both", s.size), ("three", state + 2)):
        export(c, store, "b", *asked)
        report, _ = claim(c, 0, "b", "VALID", *CA)
        c.expect(report["checkpoint_size"] == size and report["verdict"] == "VALID",
                 f"{store}: the checkpoint of {report['checkpoint_size']} entries")


def epochs(c, s):
    """The last checkpoint of the records' own epoch; one signed by another epoch's key is none."""
    log, secrets = akbases.epochs()
    world = World(log)
    starts = [i for i, e in enumerate(world.entries) if e.kind == 4]
    put("ep.key", secrets.vkey.encode() + b"\n")
    for epoch, size in ((0, starts[1]), (1, checkpoint_fields(log.checkpoint)[1])):
        note = secrets.checkpoint(starts[1], tree_root(map(leaf_hash, world.bytes[:starts[1]])),
                                  epoch)
        save(log, secrets, "ep")
        for rest, data in (("stamped", note), ("0.tsr", s.tsa.forge(note, at=EARLY))):
            put(f"ep/{log.log_id}/{starts[1]:020d}.{rest}", data)
        c.run(0, "export", "ep", "--index", f"20-{starts[1] - 1}", "--key", "ep.key", *STATEMENTS,
              "-o", "b", "--force")
        report = c.json(0, "bundle", "b", "--key", "ep.key", *CA)
        c.expect(report["checkpoint_size"] == size and
                 report.get("stamps_counted", 0) == (epoch == 0), f"signed in epoch {epoch}")


def not_enough(c, s):
    """The order that says why a record is gone stands behind the stamped checkpoint: the newest is
    taken, and the bundle stands as it would without stamps."""
    log, secrets = akbases.standard()
    base = Base(log, secrets.vkey, secrets)
    victim = base.victim()
    orders = declared(), ordered(base, 1, "erase", (victim, victim))
    erased_by(base, victim, *orders)
    save(base.log, secrets, "gone")
    leaves = [leaf_hash(data) for data in World(base.log).bytes]
    newest = checkpoint_fields(base.log.checkpoint)[1]
    for size in (victim + 20, newest):
        note = secrets.checkpoint(size, tree_root(leaves[:size]))
        put(f"gone/{base.log.log_id}/{size:020d}.stamped", note)
        put(f"gone/{base.log.log_id}/{size:020d}.0.tsr", s.tsa.forge(note, at=EARLY))
    put("authorities", "\n".join(KNOWN).encode())
    words = ["--key", "gone.key", "--authority", "authorities"]
    for first, size in ((victim - 5, newest), (victim + 1, victim + 20)):
        c.run(0, "export", "gone", "--index", f"{first}-{victim + 5}", *words, *STATEMENTS, "-o", "b",
              "--force")
        report = c.json(0, "bundle", "b", *words, *CA)
        c.expect(report["checkpoint_size"] == size and report["stamps_counted"] == 1,
                 f"from {first}: the checkpoint of {report['checkpoint_size']} entries")


def unchanged(c, s):
    """Without stamps a bundle is what it was, byte for byte but for the time in it."""
    save(s.log, s.secrets, "plain")
    export(c, "plain", "p")
    s.store("notes", {(800, "stamped"): s.note[800]})  # nothing is over it
    export(c, "notes", "n")
    names = sorted(os.listdir("p"))
    c.expect(names == sorted(os.listdir("n")), "the same files")
    c.expect(all(get(f"p/{n}") == get(f"n/{n}") for n in names
                 if n not in ("bundle.json", "README.txt", "SHA256SUMS", "custody")), "the same bytes")
    c.expect(b"stamp" not in get("p/README.txt"), "README says nothing of stamps")
    claim(c, 0, "p", "NOT CLAIMED", *CA)
    c.run(3, "bundle", "p", *KEY, *CA, "--require", "time", says="MISSING")


def not_counted(c, s):
    """Without certificates, or with others, nobody says anything; nothing becomes invalid."""
    export(c, "both", "b")
    report, _ = claim(c, 0, "b", "NOT CLAIMED")
    c.expect(report["stamps"] == 1 and report["stamps_counted"] == 0 and "stamped_by" not in report,
             "listed, not judged")
    c.run(0, "bundle", "b", *KEY, says="1 time stamp is in it, not judged")
    c.run(3, "bundle", "b", *KEY, "--require", "time", says="MISSING")
    claim(c, 0, "b", "NOT CLAIMED", "--tsa-ca", "other/root.pem")
    c.run(0, "bundle", "b", *KEY, "--tsa-ca", "other/root.pem",
          says="1 of 1 time stamps do not count")
    report = c.json(2, "bundle", "b", *CA)
    c.expect(report["stamps_counted"] == 0, "without the log's key nothing is proven to be stamped")


def forged(c, s, name, code, change, first="VALID"):
    """A bundle that somebody changed; the digests are repaired."""
    b = Bundle("b")
    change(b.files)
    b.write("f")
    b.tar("f.tar", [n for n in ORDER if n in b.files] + [n for n in b.files if n not in ORDER])
    for path in ("f", "f.tar"):
        for words in (CA, []):
            report = c.json(1, "bundle", path, *KEY, *words)
            claims = {x["claim"]: x for x in report["claims"]}
            where = "time" if first == "VALID" else "authentic"
            c.expect(claims["authentic"]["verdict"] == first and
                     claims[where].get("finding", {}).get("code") == code and
                     report.get("stamps_counted", 0) == 0, f"{name}, {path}: {claims}")
        done = subprocess.run([sys.executable, INDEPENDENT, path, "--key", s.secrets.vkey, "--json"],
                              capture_output=True, check=False)
        theirs = json.loads(done.stdout)
        if not name.startswith("reply"):
            c.expect(theirs["verdict"] == "INVALID" and
                     any(f["code"] == code for f in theirs["findings"]),
                     f"{name}: the second judge says {theirs}")


def wrong(c, s):
    """Other bytes are ALTERED, other forms MALFORMED, under claim 4; files that do not belong
    together are no bundle."""
    export(c, "both", "b")
    done = subprocess.run([sys.executable, INDEPENDENT, "b", "--key", s.secrets.vkey, "--json"],
                          capture_output=True, check=False)
    c.expect(json.loads(done.stdout)["verdict"] == "VALID", f"the second judge: {done.stdout}")
    def put_in(**files):
        return lambda f: f.update({n.replace("_", "."): d for n, d in files.items()})
    forged(c, s, "reply swapped", "ALTERED", put_in(stamp_0=s.new))
    forged(c, s, "reply of another form", "MALFORMED", put_in(stamp_0=s.old + b"\0"))
    forged(c, s, "another checkpoint", "MALFORMED",
           put_in(stamped=s.note[s.size], stamp_0=s.new))
    w = Witness(0)
    three = cosigned(s.note[800], (w, T))
    forged(c, s, "three lines", "MALFORMED",
           put_in(stamped=three, stamp_0=s.tsa.forge(three, at=EARLY)))
    head, lines = s.note[800].split(b"\n\n")
    lines = lines.splitlines(keepends=True)
    alone = head + b"\n\n" + lines[0]
    forged(c, s, "one line", "MALFORMED",
           put_in(stamped=alone, stamp_0=s.tsa.forge(alone, at=EARLY)))
    foreign = cosigned(alone, (w, T))
    forged(c, s, "another's line", "MALFORMED",
           put_in(stamped=foreign, stamp_0=s.tsa.forge(foreign, at=EARLY)))
    broken = s.note[800][:-9] + (b"BBBBBB==\n" if s.note[800][-3:-1] == b"==" else b"BBBBBBBB\n")
    forged(c, s, "a line that is not valid", "ALTERED",
           put_in(stamped=broken, stamp_0=s.tsa.forge(broken, at=EARLY)))
    forged(c, s, "stamped removed", "MALFORMED", lambda f: f.pop("stamped"), "INVALID")
    forged(c, s, "stamp removed", "MALFORMED", lambda f: f.pop("stamp.0"), "INVALID")
    forged(c, s, "a hole", "MALFORMED", lambda f: f.update({"stamp.2": s.old}), "INVALID")
    forged(c, s, "another name", "MALFORMED", lambda f: f.update({"stamp.8": s.old}), "INVALID")


def witnessed(c, s):
    """Witnesses and a stamp: both are said; the cosigned note of that size is the checkpoint."""
    w = [Witness(n) for n in range(2)]
    put("two.policy", (f"log {s.secrets.vkey}\n" + "".join(
        f"witness w{n} {x.vkey}\n" for n, x in enumerate(w)) + "group g all w0 w1\nquorum g\n")
        .encode())
    note = cosigned(s.note[800], (w[0], T), (w[1], T))
    s.store("wit", {**s.both(), (800, "cosigned"): note})
    words = ["--index", "300-700", "--policy", "two.policy", *STATEMENTS, "--force", "-o", "b"]
    c.run(0, "export", "wit", *words)
    c.expect(get("b/checkpoint") == note and get("b/stamped") == s.note[800], "both are in it")
    report, _ = claim(c, 0, "b", "VALID", "--policy", "two.policy", *CA)
    c.expect(report["existed_by"] == T and report["stamped_existed_by_s"] == EARLY_S, "two times")
    c.run(0, "bundle", "b", "--policy", "two.policy", *CA,
          says=("Test TSA", "By the witnesses' clocks all entries shown existed by"))
    c.run(3, "export", "both", *words, says="nothing was handed over")


def page(c):
    """A page carries such a bundle; what it is judged by says the same."""
    export(c, "both", "b.tar")
    c.run(0, "report", "b.tar", *KEY, "-o", "page.html", "--force", "--quiet")
    claim(c, 0, "page.html", "VALID", *CA)
    c.expect(b"time stamps" in get("page.html"), "the page says that it does not check them")


def main():
    c = Cases(sys.argv[1])
    s = Stamped()
    good(c, s)
    which(c, s)
    sources(c, s)
    epochs(c, s)
    not_enough(c, s)
    unchanged(c, s)
    not_counted(c, s)
    wrong(c, s)
    witnessed(c, s)
    page(c)
    print(f"{c.count} checks, {c.failed} failed")
    sys.exit(c.failed > 0)


main()

#!/usr/bin/python3
"""A log that can be signed no more, and its successor: a store set back, lost keys, both; the loss is
named, authorities confirm it, the old log is compared; and a move to new hardware with the keys, as
docs/operating.md says it.

    succeed.py COLLECTOR VERIFY INDEPENDENT SOURCES
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, INDEPENDENT, SOURCES = sys.argv[1:5]


def run(*words, status=0, env=None):
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    kit.check(done.returncode == status, "%s: exit status %d, not %d: %s" % (
        " ".join(words[:6]), done.returncode, status, (done.stdout + done.stderr)[-900:]))
    return done.stdout + done.stderr


class Case:
    """One store, its copies, and its authorities."""

    def __init__(self, name):
        self.folder = os.path.join(FOLDER, name)
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, fault.LISTENERS,
                                   logs=(("a", "epoch: 0"),))
        self.store = self.victim.store
        self.keys = [self.victim.keys["a"]]
        self.old = self.victim.log_dir()
        self.sent = 0

    def work(self, count):
        """The collector takes some records in and ends; gives the size of its log."""
        kit.check(self.victim.begin(), "no start: " + self.victim.stderr()[-2000:])
        self.victim.send("s%d" % self.sent, count)
        self.sent += count
        self.victim.ends()
        return self.size()

    def size(self, directory=None):
        with open(os.path.join(directory or self.victim.log_dir(), "checkpoint"),
                  encoding="utf-8") as f:
            return int(f.read().split("\n")[1])

    def keep(self):
        path = os.path.join(self.folder, "kept-%d" % self.size())
        shutil.copy(os.path.join(self.victim.log_dir(), "checkpoint"), path)
        return path

    def copy(self, name):
        """The log's directory as it is now."""
        path = os.path.join(self.folder, name)
        shutil.copytree(self.victim.log_dir(), path)
        return path

    def put(self, copy, at):
        shutil.rmtree(at)
        shutil.copytree(copy, at)

    def waits(self, text):
        """It receives, and says why nothing is signed; gives the successor's directory."""
        before = len(self.victim.stderr())
        kit.check(self.victim.begin(), "no start: " + self.victim.stderr()[-2000:])
        self.victim.ends()
        told = self.victim.stderr()[before:]
        kit.check(text in told and "Go on with: akashi-collector succeed --store %s --log " %
                  self.store in told, "it says: " + told)

    def succeed(self, *more, status=0):
        text = run(COLLECTOR, "succeed", "--store", self.store, "--log", "a", *more, status=status)
        if status == 0:
            kit.check("is closed with" in text and "Start the collector" in text and
                      "Go on with" not in text, "what succeed says: " + text)
            path = os.path.join(self.folder, "key-%d" % len(self.keys))
            with open(path, "w", encoding="utf-8") as f:
                f.write(next(line for line in text.split("\n") if line.startswith("a.example/")))
            self.keys.append(path)
        return text

    def judge(self, verdict, codes, *more, path=None, keys=None):
        words = [VERIFY, "check", path or self.store, "--json"]
        for key in keys or self.keys:
            words += ["--key", key]
        done = subprocess.run(words + list(more), capture_output=True, text=True, check=False)
        report = json.loads(done.stdout) if done.stdout else {"logs": []}
        found = {f["code"] for f in fault.findings(report)} - {"CLOCK_STEP", "NO_MANIFEST",
                                                               "DUPLICATE_FILE"}
        kit.check(report.get("verdict") == verdict and found == set(codes),
                  "%s %s, not %s %s: %s" % (report.get("verdict"), sorted(found), verdict, codes,
                                            done.stderr))
        return [f["text"] for f in fault.findings(report) if f["code"].startswith("SUCCESSION")]

    def both_judge(self, codes):
        """The other verifier, about the successor: the same codes."""
        with open(self.keys[-1], encoding="ascii") as f:
            key = f.read().split()[-1]
        done = subprocess.run(["/usr/bin/python3", INDEPENDENT, self.victim.log_dir(), "--key", key],
                              capture_output=True, text=True, check=False)
        for code in codes:
            kit.check(code in done.stdout, "the other verifier: " + done.stdout[-1500:])


def confirm(case, names):
    """The order of authorities in the successor; gives its file."""
    path = os.path.join(case.folder, "order")
    told = run(VERIFY, "order", "succeed", "--store", case.store, "--key", case.keys[-1], "--case", "1",
               "--reason", "restored", "--sign", os.path.join(case.folder, names[0] + ".key"), "-o",
               path, "--force")
    for name in names[1:]:
        run(VERIFY, "order", "sign", path, "--sign", os.path.join(case.folder, name + ".key"), "-o",
            path, "--force")
    case.succeed_order = path
    return told


def restored():
    """The store is set back; the keys have signed more."""
    case = Case("restored")
    first = case.work(30)
    copy = case.copy("backup")
    seeds = [open(p, "rb").read()[-32:] for p in glob.glob(case.store + "/keys/*/*")
             if p.endswith(("log.key", "epoch.seed"))]
    last = case.work(40)
    newest = case.copy("newest")
    kept = case.keep()

    told = case.succeed(status=2)
    kit.check("can be signed as it is" in told, told)
    case.put(copy, case.old)
    case.waits("an older copy of this store")
    case.succeed()
    with open(os.path.join(case.store, "names"), encoding="utf-8") as f:
        names = dict(line.split() for line in f)
    kit.check(names["a-1"] == os.path.basename(case.old) and len(names) == 2, "names: %s" % names)
    left = [p for p in glob.glob(case.store + "/**", recursive=True) if os.path.isfile(p)
            and any(seed in open(p, "rb").read() for seed in seeds)]
    kit.check(len(seeds) == 2 and not left, "secret keys are left in %s" % left)

    case.work(20)
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    kit.check(len(said) == 1 and "entries %d to %d are lost" % (first, last - 1) in said[0],
              "%d to %d: %s" % (first, last - 1, said))
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], path=case.victim.log_dir())
    case.both_judge(["SUCCESSION_UNCONFIRMED"])
    case.judge("INVALID", ["SUCCESSION_UNCONFIRMED", "ROLLED_BACK"], "--checkpoint", kept)

    # An order of two authorities, that of one, and that of others.
    run(COLLECTOR, "authority", "--store", case.store, "--log", "a",
        *fault.authority_keys(VERIFY, case.folder, ["ito", "sato"], "--key"))
    told = confirm(case, ["ito"])
    kit.check("%d behind them are lost" % (last - first) in told, told)
    run(COLLECTOR, "succeed", "--store", case.store, "--log", "a", "--order", case.succeed_order,
        status=2)
    confirm(case, ["ito", "sato"])
    run(COLLECTOR, "succeed", "--store", case.store, "--log", "a", "--order", case.succeed_order)
    accept = [w for n in ("ito", "sato")
              for w in ("--authority", os.path.join(case.folder, n + ".vkey"))]
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], *accept[:2])
    said = case.judge("VALID", ["SUCCESSION"], *accept)
    kit.check("confirms it" in said[0], str(said))

    # What was lost is found again.
    case.put(newest, case.old)
    said = case.judge("VALID", ["SUCCESSION"], *accept)
    kit.check(any("entries %d to %d are here" % (first, last - 1) in s for s in said), str(said))
    return case


def lost_keys():
    """No key at all, then twice; what nobody knew of is a false succession where it is known."""
    case = Case("lost")
    first = case.work(10)
    backup = case.copy("backup")
    last = case.work(25)
    kept = case.keep()
    newest = case.copy("newest")
    case.put(backup, case.old)
    shutil.rmtree(glob.glob(case.store + "/keys/*")[0])
    before = os.path.join(case.folder, "before")
    shutil.copytree(case.store, before)
    case.waits("keys/")

    # With what a witness kept the loss is known.
    case.succeed("--checkpoint", kept, "--reason", "the machine burnt")
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    kit.check("entries %d to %d are lost" % (first, last - 1) in said[0], str(said))
    third = case.work(5)
    kit.check(third > 5, "the successor takes nothing in")
    case.succeed(status=2)
    case.succeed("--reason", "key stolen")
    with open(case.keys[-1], encoding="ascii") as f:
        kit.check(f.read().startswith("a.example/syslog/3/"), "the third origin")
    case.work(5)
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])

    # Without it the loss is understated, and everybody sees it who knows more.
    shutil.rmtree(case.store)
    shutil.copytree(before, case.store)
    del case.keys[1:]
    case.succeed()
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    kit.check("nothing is known to be lost" in said[0], str(said))
    false = ["SUCCESSION_UNCONFIRMED", "SUCCESSION_FALSE"]
    case.judge("INVALID", false + ["ROLLED_BACK"], "--checkpoint", kept)
    case.put(newest, case.old)
    case.judge("INVALID", false)
    # The old log's key from outside is another one than the successor names.
    case.put(backup, case.old)
    with open(case.keys[0], encoding="ascii") as f:
        good = f.read().split()[-1]
    stranger = Case("stranger").keys[0]
    with open(stranger, encoding="ascii") as f:
        public = f.read().split()[-1].split("+", 2)[2]
    name = good.split("+")[0]
    import base64, hashlib  # noqa: E401 (only here)
    key_id = hashlib.sha256(name.encode() + b"\n" + base64.b64decode(public)).hexdigest()[:8]
    other = "%s+%s+%s" % (name, key_id, public)
    case.judge("INVALID", false, keys=[other, case.keys[1]], path=case.victim.log_dir())
    # A checkpoint that the old log's key has not signed is not taken.
    case.succeed("--checkpoint", os.path.join(FOLDER, "stranger", "store",
                                              os.listdir(FOLDER + "/stranger/store/keys")[0],
                                              "checkpoint"), "--reason", "x", status=2)
    # The first segment of the successor is taken away.
    case.work(3)
    os.remove(sorted(glob.glob(case.victim.log_dir() + "/0*.zst"))[0])
    done = subprocess.run([VERIFY, "check", case.store, "--log", "a", "--key", case.keys[1]],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode in (1, 3) and "VALID" != done.stdout.split()[-1], done.stdout[-500:])


def revoked():
    """A log that was ended on purpose goes on without another word."""
    case = Case("revoked")
    case.work(5)
    run(COLLECTOR, "key", "revoke", "--store", case.store, "--log", "a")
    case.waits("these keys were revoked for good")
    case.succeed()
    case.work(5)
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    kit.check("nothing is known to be lost" in said[0], str(said))


def forged(case):
    """A third party opens a log that says it goes on from ours, with a copy that it was given."""
    folder = os.path.join(FOLDER, "forger")
    os.makedirs(folder + "/tmp"), os.makedirs(folder + "/keys"), os.makedirs(folder + "/cache")
    shutil.copytree(case.old, os.path.join(folder, os.path.basename(case.old)))
    with open(folder + "/names", "w", encoding="utf-8") as f:
        f.write("a %s\n" % os.path.basename(case.old))
    told = run(COLLECTOR, "succeed", "--store", folder, "--log", "a")
    key = os.path.join(FOLDER, "forger.vkey")
    with open(key, "w", encoding="utf-8") as f:
        f.write(told.split("\n", maxsplit=1)[0])
    accept = [w for n in ("ito", "sato")
              for w in ("--authority", os.path.join(case.folder, n + ".vkey"))]
    # The authorities' order for the true one does not count here, and nobody has signed another.
    run(COLLECTOR, "authority", "--store", folder, "--log", "a", *[
        w.replace("--authority", "--key") for w in accept])
    run(COLLECTOR, "succeed", "--store", folder, "--log", "a", "--order", case.succeed_order, status=2)
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], *accept, path=folder,
               keys=[case.keys[0], key])
    # Under the keys that were given out it is nobody's.
    case.judge("NOT CHECKABLE", ["UNTRUSTED_KEY"], *accept, path=folder, keys=case.keys[:1])


def moved():
    """docs/operating.md, "Moving to new hardware, with the keys", as it stands there."""
    with open(os.path.join(SOURCES, "docs", "operating.md"), encoding="utf-8") as f:
        part = f.read().split("### Moving to new hardware, with the keys\n")[1].split("\n#")[0]
    blocks = [re.sub(r"^    ", "", b, flags=re.M) for b in re.findall(r"(?:^    .+\n)+", part, re.M)]
    kit.check(len(blocks) == 2, "operating.md: %d blocks of commands" % len(blocks))
    case = Case("moved")
    case.victim.logs = ["power-a"]
    shutil.rmtree(case.store)
    case.victim.configure(["url: relp://127.0.0.1:0\nlog: power-a"], logs=(("power-a", ""),))
    told = run(COLLECTOR, "init", "--store", case.store, "--log", "power-a", "--origin",
               "power-a.example/syslog", "--epochs", "16")
    with open(case.keys[0], "w", encoding="ascii") as f:
        f.write(told)
    case.victim.log_dir = lambda log="power-a": fault.Victim.log_dir(case.victim, log)
    size = case.work(12)
    new = os.path.join(case.folder, "new-machine")
    os.mkdir(new)
    tools = os.path.join(case.folder, "bin")
    os.mkdir(tools)
    with open(tools + "/systemctl", "w", encoding="ascii") as f:
        f.write("#!/bin/sh\nexit 0\n")  # the collector is started and stopped by this test
    os.chmod(tools + "/systemctl", 0o755)
    os.symlink(COLLECTOR, tools + "/akashi-collector")
    env = dict(os.environ, PATH=tools + ":" + os.environ["PATH"])
    for block, at in zip(blocks, (case.store, new)):
        text = block.replace("/var/lib/akashi", at).replace("/media/move", case.folder)
        run("/bin/sh", "-euc", text, env=env)
    kit.check(not os.path.exists(case.folder + "/akashi.tar"), "the medium still holds the keys")

    # The old machine is started again: it has no keys.
    case.waits("keys/")
    old = case.old = case.victim.log_dir()
    case.store = case.victim.store = new
    with open(case.victim.config, encoding="utf-8") as f:
        text = f.read()
    with open(case.victim.config, "w", encoding="utf-8") as f:
        f.write(text.replace("store: store", "store: " + new))
    kit.check(case.work(12) > size, "the log does not go on")
    case.judge("VALID", [])
    case.judge("VALID", [], path=old)


def killed():
    """SIGKILL at each step of the command that makes something durable, and where it gives its answer;
    then a start, every other time, and the same command: one successor. Other words make a second."""
    if shutil.which("strace") is None:
        print("skipped: SIGKILL at each step; no strace")
        return
    case = Case("killed")
    case.work(10)
    first = os.path.join(case.folder, "first")
    shutil.copytree(case.store, first)
    command = [COLLECTOR, "succeed", "--store", case.store, "--log", "a", "--reason", "key stolen"]
    leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # not looked for beside strace
    env = dict(os.environ, ASAN_OPTIONS=leaks.lstrip(":"))
    ways = {}
    for call in ("renameat,renameat2,rename", "unlinkat", "write"):
        for when in range(1, 100):
            what = "%s %d" % (call, when)
            shutil.rmtree(case.store)
            shutil.copytree(first, case.store)
            broken = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                                     "-e", "inject=%s:signal=KILL:when=%d" % (call, when), *command],
                                    capture_output=True, text=True, check=False, env=env)
            if broken.returncode == 0 and "the next start signs" not in broken.stderr:
                break  # neither it nor its signer came so far
            if when % 2 == 0:
                case.work(3)
            again = subprocess.run(command, capture_output=True, text=True, check=False)
            told = again.stdout + again.stderr
            way = next((text for text in ("no other log was opened", "is closed with",
                                          "this very command was given before, and ended")
                        if text in told), "none: " + told)
            kit.check(again.returncode == (2 if "ended" in way else 0), "%s: %d %s" % (
                what, again.returncode, told))
            kit.check("ended" not in way or broken.stdout.startswith("a.example/syslog/2/"),
                      "%s: it ended without its answer: %s" % (what, broken.stdout))
            ways[way] = ways.get(way, 0) + 1
            one_successor(case, what)
    kit.check(len(ways) >= 2 and ways.get("no other log was opened", 0) >= 2 and
              ways.get("is closed with", 0) >= 2, "what the command said when given again: %s" % ways)

    case.work(5)
    run(*command, status=2)
    one_successor(case, "after some work")
    case.keys.append(os.path.join(case.store, "keys", os.path.basename(case.victim.log_dir()),
                                  "log.vkey"))
    text = case.succeed("--reason", "the new key was stolen too")
    kit.check("\na.example/syslog/3/" in "\n" + text, "the third origin: " + text)
    case.work(5)
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"])
    print("killed: %s" % ways)


def one_successor(case, what):
    """The store has one log, its successor, and nothing else."""
    with open(os.path.join(case.store, "names"), encoding="utf-8") as f:
        names = dict(line.split() for line in f)
    kit.check(set(names) == {"a", "a-1"} and names["a-1"] == os.path.basename(case.old),
              "%s: names: %s" % (what, names))
    for folder in (case.store, os.path.join(case.store, "keys")):
        there = {name for name in os.listdir(folder) if len(name) == 32}
        kit.check(there == set(names.values()), "%s: %s has %s" % (what, folder, there))
    with open(os.path.join(case.store, "keys", names["a"], "log.vkey"), encoding="ascii") as f:
        kit.check(f.read().startswith("a.example/syslog/2/"), "%s: the second origin" % what)


FOLDER = kit.workspace()
forged(restored())
lost_keys()
revoked()
moved()
killed()
kit.finish()

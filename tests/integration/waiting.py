#!/usr/bin/python3
"""A log that cannot be signed goes on receiving: in itself where only the key is away, in a successor
that waits where the log must not grow; nothing that was acknowledged is lost, nothing is signed before
the operator says so, and what a restart, `succeed` and `check` say of it is true.

    waiting.py COLLECTOR VERIFY INDEPENDENT
"""
import collections
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, INDEPENDENT = sys.argv[1:4]
LISTENERS = ["url: relp://127.0.0.1:0\nlog: a", "url: tcp://127.0.0.1:0\nlog: a",
             "url: udp://127.0.0.1:0\nlog: a", "url: relp://127.0.0.2:0\nlog: b"]


def run(*words, status=0):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    kit.check(done.returncode == status, "%s: exit status %d, not %d: %s" % (
        " ".join(words[:6]), done.returncode, status, (done.stdout + done.stderr)[-900:]))
    return done.stdout + done.stderr


class Case:
    """A store with two logs; `b` is what the others are measured by."""

    def __init__(self, name, logs=("a", "b")):
        self.folder = os.path.join(FOLDER, name)
        listeners = LISTENERS if "b" in logs else LISTENERS[:3]
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, listeners,
                                   logs=tuple((log, "epoch: 0") for log in logs))
        self.store = self.victim.store
        self.old = self.victim.log_dir()
        self.keys = os.path.join(self.store, "keys", os.path.basename(self.old))
        self.senders, self.plain = [], set()
        self.told_from = 0

    def begin(self):
        if not kit.check(self.victim.begin(), "no start: " + self.victim.stderr()[-2000:]):
            kit.finish()
        self.sent = 0

    def end(self):
        kit.check(self.victim.end() == 0, "exit status: " + self.victim.stderr()[-2000:])

    def send(self, count, at=0):
        """Over RELP, with answers; over TCP and UDP some lines."""
        sender = fault.Sender("s%d" % len(self.senders), lambda: self.victim.urls[at], longest=300)
        sender.enough = True
        for _ in range(count):
            sender.make()
        sender.start()
        kit.until("all is acknowledged", sender.done.is_set)
        if at != 0:
            return
        self.senders.append(sender)
        with socket.create_connection(kit.host_port(self.victim.urls[1])) as s:
            record = b"<13>tcp %d" % len(self.senders)
            s.sendall(record + b"\n")
            self.plain.add(record)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            record = b"<13>udp %d" % len(self.senders)
            s.sendto(record, kit.host_port(self.victim.urls[2]))
            self.plain.add(record)
        self.sent += count + 2
        kit.until("all is in the log", lambda: self.status("a")["records"] == self.sent)

    def status(self, log):
        told = json.loads(run(COLLECTOR, "status", "--store", self.store, "--json"))
        return next(one for one in told["logs"] if one["name"] == log)

    def told(self):
        """What it has said since this was asked last."""
        text = self.victim.stderr()
        at, self.told_from = self.told_from, len(text)
        return text[at:]

    def names(self):
        with open(os.path.join(self.store, "names"), encoding="utf-8") as f:
            return dict(line.split() for line in f)

    def way_on(self):
        return "Go on with: akashi-collector succeed --store %s --log a" % self.store

    def succeed(self, *more, status=0):
        return run(COLLECTOR, "succeed", "--store", self.store, "--log", "a", *more, status=status)

    def key(self, text, name):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(next(line for line in text.split("\n") if line.startswith("a.example/")))
        return path

    def judge(self, verdict, codes, *keys, path=None):
        words = [VERIFY, "check", path or self.store, "--json"]
        for key in keys:
            words += ["--key", key]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        report = json.loads(done.stdout) if done.stdout else {"logs": []}
        found = {f["code"] for f in fault.findings(report)} - {"CLOCK_STEP", "NO_MANIFEST",
                                                               "DUPLICATE_FILE"}
        kit.check(report.get("verdict") == verdict and found == set(codes), "%s %s, not %s %s: %s" % (
            report.get("verdict"), sorted(found), verdict, codes, done.stderr))
        return [f["text"] for f in fault.findings(report)]

    def succession(self, path, index=1):
        done = subprocess.run([VERIFY, "cat", path, "--kind", "event", "--jsonl", "--quiet"],
                              capture_output=True, text=True, check=False)
        events = [json.loads(json.loads(line)["message"]) for line in done.stdout.splitlines()]
        return [event for event in events if event["event"] == "succession"]

    def compare(self):
        """Every record is there once, in the old log or in its successor."""
        there = collections.Counter()
        for name, log_id in self.names().items():
            if name.startswith("a"):
                entries = kit.Entries(VERIFY, os.path.join(self.store, log_id), [])
                there.update(e[2] for e in entries.all if e[0] == "record")
        for record in [r for sender in self.senders for r in sender.acked] + sorted(self.plain):
            kit.check(there[record] == 1, "%d times: %s" % (there[record], kit.shown(record)))
        return sum(there.values())


def digest(path):
    """Of all that lies below it, with names."""
    out = hashlib.sha256()
    for folder, folders, names in sorted(os.walk(path)):
        folders.sort()
        for name in sorted(names):
            full = os.path.join(folder, name)
            with open(full, "rb") as f:
                out.update(os.path.relpath(full, path).encode() + b"\0" +
                           hashlib.sha256(f.read()).digest())
    return out.hexdigest()


def secrets(case):
    """The seeds that lie there now."""
    found = []
    for path in glob.glob(case.keys + "/*"):
        if os.path.basename(path) in ("log.key", "epoch.seed"):
            with open(path, "rb") as f:
                found.append(f.read()[-32:])
    return found


def holds(case, seeds):
    left = []
    for path in glob.glob(case.store + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                data = f.read()
            left += [path for seed in seeds if seed in data]
    return left


def restored():
    """The store is set back behind its keys: a successor takes the records in, is found again, and
    follows by the operator's word."""
    case = Case("restored")
    case.begin()
    case.send(30)
    case.end()
    backup = os.path.join(case.folder, "backup")
    shutil.copytree(case.old, backup)
    case.begin()
    case.send(20)
    case.end()
    seeds = secrets(case)
    case.senders.pop()
    case.plain = {p for p in case.plain if not p.endswith(b" 2")}
    shutil.rmtree(case.old)
    shutil.copytree(backup, case.old)
    names = case.names()
    before = digest(case.old), digest(case.keys)

    case.told()
    case.begin()
    told = case.told()
    kit.check("log a: receiving, not signed: " in told and "an older copy of this store" in told and
              case.way_on() in told, "it says: " + told)
    case.send(40)
    case.send(5, at=3)
    status = case.status("a")
    kit.check(status["successor_waits"] and "an older copy" in status["not_signed"] and
              status["signed"] == 0 and case.status("b")["not_signed"] is None, str(status))
    shown = run(COLLECTOR, "status", "--store", case.store)
    kit.check("NOT SIGNED, receiving in a successor that waits: " in shown and
              case.way_on() in shown, shown)
    text = case.succeed(status=1)
    kit.check("stop the collector first" in text, text)
    case.victim.die()
    now = case.names()
    kit.check({k: v for k, v in now.items() if k != "a.next"} == names and "a.next" in now,
              "names: %s" % now)
    kit.check((digest(case.old), digest(case.keys)) == before, "the old log or its keys changed")
    case.judge("INCOMPLETE", ["EMPTY", "TAIL_UNSIGNED"], vkey_of(case, now["a.next"]),
               path=os.path.join(case.store, now["a.next"]))

    case.begin()  # the same one is found again
    case.send(10)
    kit.check(case.names() == now, "another successor: %s" % case.names())
    case.end()
    kit.check(not os.path.exists(os.path.join(case.store, now["a.next"], "checkpoint")),
              "a checkpoint of the successor is published")
    told = case.told()
    kit.check("log a: receiving, not signed: " in told, told)

    key = case.key(case.succeed(), "next.vkey")
    after = case.names()
    kit.check(after["a"] == now["a.next"] and after["a-1"] == now["a"] and len(after) == 3,
              "names: %s" % after)
    kit.check(len(seeds) == 2 and not holds(case, seeds), "old secrets: %s" % holds(case, seeds))
    old_key = case.victim.keys["a"]
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], key, old_key, case.victim.keys["b"])
    case.begin()
    case.send(10)
    kit.check(case.status("a")["not_signed"] is None, "it is not signed")
    case.end()
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], key, old_key, case.victim.keys["b"])
    done = subprocess.run(["/usr/bin/python3", INDEPENDENT, os.path.join(case.store, after["a"]),
                           "--key", open(key, encoding="ascii").read().split()[-1]],
                          capture_output=True, text=True, check=False)
    kit.check("SUCCESSION_UNCONFIRMED" in done.stdout and done.returncode == 3, done.stdout[-900:])
    case.compare()


def key_away():
    """Only the log key is away: the log goes on in itself, and the key that is back signs all of it. If
    it does not come back, the log is closed at what is there."""
    case = Case("away", logs=("a",))
    case.begin()
    case.send(10)
    case.end()
    path = os.path.join(case.keys, "log.key")
    aside = os.path.join(case.folder, "aside")
    shutil.copy2(path, aside)
    os.remove(path)
    case.told()
    case.begin()
    told = case.told()
    kit.check("log a: receiving, not signed: " in told and "log.key" in told and
              case.way_on() in told, told)
    case.send(25)
    kit.check(list(case.names()) == ["a"] and not case.status("a")["successor_waits"] and
              "log.key" in case.status("a")["not_signed"], "names: %s" % case.names())
    done = subprocess.run([COLLECTOR, "key", "rotate", "--store", case.store, "--log", "a"],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 2 and "the log is not signed: " in done.stderr, done.stderr)
    case.victim.die()
    case.judge("INCOMPLETE", ["TAIL_UNSIGNED"], case.victim.keys["a"])
    case.begin()  # and again, behind a crash
    case.send(5)
    case.end()
    gone = os.path.join(case.folder, "gone")
    shutil.copytree(case.store, gone)

    shutil.copy2(aside, path)  # the key is back
    case.begin()
    case.send(5)
    kit.check(case.status("a")["not_signed"] is None, "it is not signed")
    case.end()
    case.judge("VALID", [], case.victim.keys["a"])
    case.compare()

    store, case.store = case.store, gone  # the key does not come back
    key = case.key(case.succeed(), "next.vkey")
    kit.check(set(case.names()) == {"a", "a-1"}, "names: %s" % case.names())
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED", "TAIL_UNSIGNED"], key,
                      case.victim.keys["a"])
    kit.check(any("nothing is known to be lost" in text for text in said), str(said))
    case.store = store


def vkey_of(case, log_id):
    return os.path.join(case.store, "keys", log_id, "log.vkey")


FOLDER = kit.workspace()
restored()
key_away()
kit.finish()

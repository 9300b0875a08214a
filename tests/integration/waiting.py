#!/usr/bin/python3
"""A log that cannot be signed goes on receiving: in itself where only the key is away, in a successor
that waits where the log must not grow; nothing that was acknowledged is lost, nothing is signed before
the operator says so, and what a restart, `succeed` and `check` say of it is true.

    waiting.py COLLECTOR VERIFY INDEPENDENT FAULTY_DISK
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

COLLECTOR, VERIFY, INDEPENDENT, FAULTY = sys.argv[1:5]
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
        self.senders, self.plain, self.turn = [], set(), 0
        self.told_from = 0

    def begin(self):
        if not kit.check(self.victim.begin(), "no start: " + self.victim.stderr()[-2000:]):
            kit.finish()
        self.sent = 0

    def end(self):
        self.victim.ends()

    def relp(self, count, at=0):
        """Records that are acknowledged; those of the log `a` are kept in mind."""
        sender = fault.Sender("s%d.%d" % (self.turn, count), lambda: self.victim.urls[at],
                              longest=300)
        sender.enough = True
        for _ in range(count):
            sender.make()
        sender.start()
        kit.until("all is acknowledged", sender.done.is_set)
        if at == 0:
            self.senders.append((self.turn, sender))
            self.sent += count

    def send(self, count, at=0):
        """Over RELP, with answers; over TCP and UDP a line each, durable with what is acknowledged behind
        them."""
        self.turn += 1
        self.relp(count, at)
        if at != 0:
            return
        with socket.create_connection(kit.host_port(self.victim.urls[1])) as s:
            record = b"<13>tcp %d" % self.turn
            s.sendall(record + b"\n")
            self.plain.add(record)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            record = b"<13>udp %d" % self.turn
            s.sendto(record, kit.host_port(self.victim.urls[2]))
            self.plain.add(record)
        self.sent += 2
        kit.until("all is in the log", lambda: self.status("a")["records"] == self.sent)
        self.relp(1)

    def status(self, log):
        told = json.loads(run(COLLECTOR, "status", "--store", self.store, "--json"))
        return next(one for one in told["logs"] if one["name"] == log)

    def status_all(self):
        return json.loads(run(COLLECTOR, "status", "--store", self.store, "--json"))

    def told(self):
        """What it has said since this was asked last."""
        text = self.victim.stderr()
        at, self.told_from = self.told_from, len(text)
        return text[at:]

    def names(self):
        with open(os.path.join(self.store, "names"), encoding="utf-8") as f:
            return dict(line.split() for line in f)

    def way_on(self):
        return "akashi-collector succeed --store %s --log a" % self.store

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

    def says(self, text, verdict, codes, *keys, path=None):
        told = self.judge(verdict, codes, *keys, path=path)
        kit.check(any(text in one for one in told), "%s: %s" % (text, told))

    def refused(self, *words):
        """An order that would end when it is signed."""
        done = subprocess.run([COLLECTOR, *words, "--store", self.store, "--log", "a"],
                              capture_output=True, text=True, check=False)
        kit.check(done.returncode == 2 and "the log is not signed: " in done.stderr,
                  "%s: %d %s" % (words, done.returncode, done.stderr))

    def put(self, copy):
        """The log's directory is that copy now."""
        shutil.rmtree(self.old)
        shutil.copytree(copy, self.old)

    def copy(self, name, of=None):
        path = os.path.join(self.folder, name)
        shutil.copytree(of or self.old, path)
        return path

    def two_states(self, more=20):
        """Works twice; gives the log as it was in between, and forgets what came behind that."""
        self.begin()
        self.send(30)
        self.end()
        early = self.copy("early")
        self.begin()
        self.send(more)
        self.end()
        self.forget()
        return early

    def forget(self):
        """What was sent last is in no log that counts."""
        self.plain = {p for p in self.plain if not p.endswith(b" %d" % self.turn)}
        self.senders = [one for one in self.senders if one[0] != self.turn]

    def compare(self):
        """Every record is there once, in the old log or in its successor."""
        there = collections.Counter()
        for name, log_id in self.names().items():
            if name.startswith("a"):
                entries = kit.Entries(VERIFY, os.path.join(self.store, log_id), [])
                there.update(e[2] for e in entries.all if e[0] == "record")
        for record in [r for _, sender in self.senders for r in sender.acked] + sorted(self.plain):
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
    early = case.two_states()
    seeds = secrets(case)
    case.put(early)
    names = case.names()
    before = digest(case.old), digest(case.keys)

    case.told()
    case.begin()
    told = case.told()
    kit.check("log a: receiving, not signed: " in told and "an older copy of this store" in told and
              "Go on with: " + case.way_on() in told, "it says: " + told)
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
    case.says("It begins as the successor of another log, and waits", "INCOMPLETE",
              ["EMPTY", "TAIL_UNSIGNED"], vkey_of(case, now["a.next"]),
              path=os.path.join(case.store, now["a.next"]))
    text = run(VERIFY, "check", case.store, "--log", "a.next", "--key",
               vkey_of(case, now["a.next"]), status=3)
    kit.check("TAIL_UNSIGNED" in text, "a log by the name of its successor: " + text)

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
              "Put the key back" in told and case.way_on() in told, told)
    case.send(25)
    kit.check(list(case.names()) == ["a"] and not case.status("a")["successor_waits"] and
              "log.key" in case.status("a")["not_signed"], "names: %s" % case.names())
    case.refused("key", "rotate")
    case.refused("audit", "--commitment", "0" * 64)
    case.refused("authority", "--key", case.victim.keys["a"], "--quorum", "1")
    case.victim.die()
    case.says("says that signing has stopped: ", "INCOMPLETE", ["TAIL_UNSIGNED"],
              case.victim.keys["a"])
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


def kept(case, name):
    path = os.path.join(case.folder, name)
    shutil.copy(os.path.join(case.old, "checkpoint"), path)
    return path


def size_of(note):
    with open(note, encoding="utf-8") as f:
        return int(f.read().split("\n")[1])


def new_hardware():
    """The disk came back from a backup, without keys; crashes, segments that nobody seals. What somebody
    kept, and why, is given to `succeed`, and stands in one more event; an authority's order counts for
    all of it."""
    case = Case("hardware", logs=("a",))
    early = case.two_states(40)
    newest = kept(case, "newest")
    case.put(early)
    lost = size_of(newest) - size_of(kept(case, "early-note"))
    shutil.rmtree(case.keys)
    for i in range(5):
        case.begin()
        case.send(300)
        case.victim.die()
        kit.check(len(case.names()) == 2, "names: %s" % case.names())
        log_id = case.names()["a.next"]
        if i == 2:  # bytes that are no commit
            last = sorted(glob.glob(os.path.join(case.store, log_id, "*.open.zst")))[-1]
            with open(last, "ab") as f:
                f.write(b"torn")
    case.begin()
    case.end()
    open_ones = glob.glob(os.path.join(case.store, log_id, "*.open.zst"))
    kit.check(len(open_ones) > 5 and not glob.glob(os.path.join(case.store, log_id, "*.0.zst")),
              "what nobody signed was sealed: %s" % os.listdir(os.path.join(case.store, log_id)))
    case.succeed("--checkpoint", case.victim.keys["a"], status=2)
    text = case.succeed("--checkpoint", newest, "--reason", "the machine burnt")
    key = case.key(text, "next.vkey")
    kit.check("%d entries behind these are known to be lost" % lost in text, text)
    directory = os.path.join(case.store, log_id)
    case.begin()
    kit.until("all segments but the last are sealed",
              lambda: len(glob.glob(directory + "/*.open.zst")) == 1)
    case.end()
    kit.check(len(glob.glob(directory + "/*.0.zst")) > 5, "sealed: %s" % os.listdir(directory))
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], key, case.victim.keys["a"])
    events = [e for e in kit.Entries(VERIFY, directory, []).events if e["event"] == "succession"]
    kit.check(len(events) == 2 and events[1]["reason"] == "the machine burnt" and
              len(events[1]["checkpoints"]) == 1 and "reason" not in events[0], str(events)[:900])
    done = subprocess.run(["/usr/bin/python3", INDEPENDENT, directory, "--key",
                           open(key, encoding="ascii").read().split()[-1]],
                          capture_output=True, text=True, check=False)
    kit.check("SUCCESSION_UNCONFIRMED" in done.stdout and "%d behind them" % lost in done.stdout and
              done.returncode == 3, done.stdout[-900:])
    case.compare()

    accept = fault.authority_keys(VERIFY, case.folder, ["ito"], "--authority")
    order = os.path.join(case.folder, "order")
    run(COLLECTOR, "authority", "--store", case.store, "--log", "a", "--key", accept[1], "--quorum",
        "1")
    text = run(VERIFY, "order", "succeed", "--store", case.store, "--key", key, "--case", "1",
               "--reason", "burnt", "--sign", accept[1].replace(".vkey", ".key"), "-o", order)
    kit.check("%d behind them are lost" % lost in text, text)
    run(COLLECTOR, "succeed", "--store", case.store, "--log", "a", "--order", order)
    done = subprocess.run([VERIFY, "check", case.store, "--key", key, "--key",
                           case.victim.keys["a"], *accept], capture_output=True, text=True,
                          check=False)
    kit.check(done.returncode == 0 and "confirms it" in done.stdout, done.stdout[-900:])


def put_right():
    """An older copy was mounted by mistake: with the right one nothing is left of it; what the mistaken
    store took in can be brought over, and then the successor goes on waiting there."""
    case = Case("mistake")
    early = case.two_states()
    wrong = case.copy("wrong", of=case.store)
    shutil.rmtree(os.path.join(wrong, os.path.basename(case.old)))
    shutil.copytree(early, os.path.join(wrong, os.path.basename(case.old)))
    right, case.store = case.store, wrong
    with open(case.victim.config, encoding="utf-8") as f:
        text = f.read()
    with open(case.victim.config, "w", encoding="utf-8") as f:
        f.write(text.replace("store: store", "store: " + wrong))
    case.begin()
    case.send(15)
    case.end()
    log_id = case.names()["a.next"]
    with open(case.victim.config, "w", encoding="utf-8") as f:
        f.write(text)
    case.store = right
    told = case.told()
    case.begin()
    case.send(5)
    case.end()
    kit.check("not signed" not in case.told() and told, "it does not go on as it was")
    kit.check(set(case.names()) == {"a", "b"}, "names: %s" % case.names())
    case.judge("VALID", [], case.victim.keys["a"], case.victim.keys["b"])

    shutil.move(os.path.join(wrong, log_id), case.store)
    shutil.move(os.path.join(wrong, "keys", log_id), os.path.join(case.store, "keys"))
    with open(os.path.join(case.store, "names"), "a", encoding="utf-8") as f:
        f.write("a.next %s\n" % log_id)
    case.begin()
    case.send(5)
    kit.check(case.status("a")["successor_waits"], "it goes on in the old log")
    case.end()
    before = digest(case.old)
    key = case.key(case.succeed(), "next.vkey")
    kit.check(digest(case.old) == before and case.names()["a"] == log_id, "names: %s" % case.names())
    # The successor knew of less than there is: the old log was written on, and that shows.
    case.judge("INVALID", ["SUCCESSION_UNCONFIRMED", "SUCCESSION_FALSE"], key, case.victim.keys["a"],
               case.victim.keys["b"])
    case.compare()


def newest_back():
    """The newest copy comes back into the store where a successor waits: it goes on waiting, its records
    stay, and what it called lost is found."""
    case = Case("back", logs=("a",))
    early = case.two_states()
    newest = case.copy("newest")
    first, last = size_of(os.path.join(early, "checkpoint")), size_of(kept(case, "note"))
    case.put(early)
    case.begin()
    case.send(7)
    case.end()
    case.put(newest)
    case.begin()
    case.send(7)
    kit.check(case.status("a")["successor_waits"], "it goes on in the old log")
    case.end()
    key = case.key(case.succeed(), "next.vkey")
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED", "SUCCESSION"], key,
                      case.victim.keys["a"])
    kit.check(any("entries %d to %d are here" % (first, last - 1) in text for text in said), str(said))
    case.compare()


def revoked():
    """Keys that were ended on purpose: the records that still come go into a successor."""
    case = Case("revoked", logs=("a",))
    case.begin()
    case.send(5)
    case.end()
    run(COLLECTOR, "key", "revoke", "--store", case.store, "--log", "a")
    case.begin()
    case.send(5)
    kit.check("revoked for good" in case.status("a")["not_signed"], "why: %s" % case.status("a"))
    case.refused("key", "rotate")
    case.end()
    for words in (("key", "rotate"), ("authority", "--key", case.victim.keys["a"], "--quorum", "1")):
        text = run(COLLECTOR, *words, "--store", case.store, "--log", "a", status=1)
        kit.check("its successor waits: " in text and "go on with: " in text, text)
    key = case.key(case.succeed(), "next.vkey")
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], key, case.victim.keys["a"])
    kit.check(any("nothing is known to be lost" in text for text in said), str(said))
    case.compare()


def rests(case):
    """All is signed, and the newest checkpoint stands in the segment too."""
    with open(os.path.join(case.old, "checkpoint"), "rb") as f:
        note = f.read()
    with open(sorted(glob.glob(case.old + "/*.open.zst"))[-1], "rb") as f:
        return note in f.read() and int(note.split(b"\n")[1]) == case.status("a")["durable"]


def epoch_ended():
    """The key goes away while an epoch changes: its start note is entered where it must be, and the key
    that is back goes on with the next epoch."""
    case = Case("epoch", logs=("a",))
    orders = os.path.join(case.folder, "orders")
    env = dict(os.environ, LD_PRELOAD=FAULTY, AKASHI_FAULTS=orders)
    kit.check(case.victim.begin(env=env), "no start: " + case.victim.stderr()[-2000:])
    case.sent = 0
    case.send(10)
    kit.until("nothing is left to write", lambda: rests(case))
    with open(orders, "w", encoding="ascii") as f:
        f.write("fdatasync 5 -1 %s/0\n" % case.old)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect(os.path.join(case.store, "control"))
        s.sendall(b'{"order":"rotate","log":"a"}\n')
        kit.check(b"epoch" in s.recv(1000), "the order is not taken")
    kit.until("the epoch has ended", lambda: os.path.exists(case.keys + "/epoch.next"))
    case.victim.die()
    kit.check(os.path.exists(case.keys + "/epoch.next"), "the next epoch has begun")
    aside = os.path.join(case.folder, "aside")
    shutil.move(case.keys + "/log.key", aside)
    case.begin()
    case.send(10)
    kit.check("log.key" in case.status("a")["not_signed"], "it is signed")
    case.victim.die()
    shutil.move(aside, case.keys + "/log.key")
    case.begin()
    case.send(10)
    kit.check(case.status("a")["epoch"] == 1, "the epoch: %s" % case.status("a"))
    case.end()
    case.judge("VALID", [], case.victim.keys["a"])
    case.compare()


def elsewhere():
    """The successor's log key is where `log_key` says, unless that is the old log's key."""
    case = Case("elsewhere", logs=("a",))
    given = os.path.join(case.folder, "credentials")
    os.makedirs(given)
    early = case.two_states()
    shutil.copy(case.keys + "/log.key", given + "/old")
    with open(given + "/new", "wb") as f:
        f.write(os.urandom(32))
    os.chmod(given + "/old", 0o600)
    env = dict(os.environ, CREDENTIALS_DIRECTORY=given)
    os.environ["CREDENTIALS_DIRECTORY"] = given
    case.put(early)
    fresh = case.copy("fresh", of=case.store)

    case.victim.configure(LISTENERS[:3], logs=(("a", "epoch: 0, log_key: 'credential:old'"),))
    order = [COLLECTOR, "succeed", "--config", case.victim.config, "--log", "a"]
    text = run(*order, status=1)
    kit.check("is the key of the log that is closed" in text, text)
    kit.check(list(case.names()) == ["a"], "names: %s" % case.names())
    kit.check(case.victim.begin(env=env), "no start: " + case.victim.stderr()[-2000:])
    case.sent = 0
    case.send(5)
    case.end()
    kit.check("the log key of its successor is made in a file: " in case.told(), "not told")
    kit.check(os.path.exists(os.path.join(case.store, "keys", case.names()["a.next"], "log.key")),
              "no log key")

    shutil.rmtree(case.store)
    shutil.copytree(fresh, case.store)
    case.forget()
    case.victim.configure(LISTENERS[:3], logs=(("a", "epoch: 0, log_key: 'credential:new'"),))
    key = case.key(run(*order), "next.vkey")
    keys = os.path.join(case.store, "keys", case.names()["a"])
    with open(keys + "/log.source", encoding="ascii") as f:
        kit.check(f.read().strip() == "credential:new", "log.source")
    kit.check(not os.path.exists(keys + "/log.key"), "a log key in the store")
    kit.check(case.victim.begin(env=env), "no start: " + case.victim.stderr()[-2000:])
    case.sent = 0
    case.send(5)
    case.end()
    case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], key, case.victim.keys["a"])
    case.compare()
    del os.environ["CREDENTIALS_DIRECTORY"]


def reloaded():
    """A log that a running collector opens by SIGHUP, with witnesses asked for: the same."""
    case = Case("reload")
    early = case.two_states()
    case.put(early)
    with open(case.victim.config, encoding="utf-8") as f:
        text = f.read()
    policy = os.path.join(case.folder, "policy")
    with open(policy, "w", encoding="ascii") as f:
        f.write("log %s\nwitness w %s http://127.0.0.1:9/\nquorum w\n" % (
            open(case.victim.keys["a"], encoding="ascii").read().split()[-1],
            run(COLLECTOR, "witness", "--init", "w.example/w", "--state",
                os.path.join(case.folder, "witness")).split()[-1]))
    case.victim.configure(LISTENERS[3:], logs=(("b", "epoch: 0"),))
    case.begin()
    with open(case.victim.config, "w", encoding="utf-8") as f:
        f.write(text.replace("name: a,", "name: a, policy: %s, witness_required: closed, "
                             "witness_interval: 1s," % policy))
    said = case.victim.reload()
    kit.check("in force" in said and case.way_on() in case.victim.stderr(), said)
    case.victim.urls = [None, None, None]
    for line in case.status_all()["listeners"]:
        case.victim.urls["relp tcp udp".split().index(line["url"].split(":")[0])] = line["url"]
    case.send(5)
    kit.check(case.status("a")["successor_waits"], "no successor: %s" % case.status("a"))
    case.end()
    case.compare()


def keys_of_successor_gone():
    """A store with a successor that waits comes back from a backup, without any keys: what to do is said,
    and then receiving goes on, and what the first one took in is vouched for by another one."""
    case = Case("twice", logs=("a",))
    early = case.two_states()
    case.put(early)
    case.begin()
    case.send(8)
    case.end()
    first = case.names()["a.next"]
    for keys in glob.glob(case.store + "/keys/*"):
        shutil.rmtree(keys)
    case.told()
    kit.check(not case.victim.begin(), "it starts")
    case.victim.process.wait()
    told = case.told()
    kit.check("a.next, which waits, cannot be opened" in told and "give its line" in told, told)
    text = case.succeed(status=1)
    kit.check("keys" in text and case.names()["a.next"] == first, text)
    with open(os.path.join(case.store, "names"), encoding="utf-8") as f:
        names = f.read()
    with open(os.path.join(case.store, "names"), "w", encoding="utf-8") as f:
        f.write(names.replace("a.next", "a-unsigned"))
    case.begin()
    case.send(8)
    case.end()
    kit.check(case.names()["a.next"] != first, "the same one")
    second = case.key(case.succeed(), "second.vkey")
    text = run(COLLECTOR, "succeed", "--store", case.store, "--log", "a-unsigned")
    third = case.key(text, "third.vkey")
    kit.check("is closed with" in text and case.names()["a-unsigned-1"] == first, text)
    with open(third, encoding="ascii") as f:
        kit.check(f.read().startswith("a.example/syslog/3/"), "the third origin")
    said = case.judge("INCOMPLETE", ["SUCCESSION_UNCONFIRMED"], second, third, case.victim.keys["a"],
                      path=os.path.join(case.store, case.names()["a-unsigned"]))
    kit.check(any("goes on from a.example/syslog/2/%s" % first in text for text in said), str(said))
    case.compare()


def vkey_of(case, log_id):
    return os.path.join(case.store, "keys", log_id, "log.vkey")


FOLDER = kit.workspace()
ALL = (restored, key_away, new_hardware, put_right, newest_back, revoked, epoch_ended, elsewhere,
       reloaded, keys_of_successor_gone)
for one in [c for c in ALL if sys.argv[5:] in ([], [c.__name__])]:
    one()
kit.finish()

"""fault_kit.py - a collector that is killed, starved and lied to by its disk, and what must be true
of its store all the same.

Built on transport_kit.py. Senders here know what they sent, how often, and what was acknowledged;
Checkpoints keeps every signed note that anybody could have seen.
"""
import base64
import collections
import glob
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import transport_kit as kit

NOTE_HEAD = b"\x5a\x2a\x4d\x18"
NOTE_TYPE = b"\x04\x01"
CHECKPOINT_MAX = 600  # bytes
SAID_MAX = 8000  # characters shown of what a collector said: a report of a sanitizer is that long
LISTENERS = ["url: relp://127.0.0.1:0\nlog: a"]  # of a collector with one log


class Victim(kit.Collector):
    """A collector that is started and killed again and again."""

    def start(self):
        """Nothing yet: `begin` starts it."""

    def begin(self, wait=True, env=None):
        """Starts it; with `wait` until it is ready. False if it ended instead."""
        self.urls = []
        with open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                self.wrap + [self.collector, "run", "--config", self.config],
                stdout=subprocess.PIPE, stderr=err, text=True, env=env)
        kit.atexit.register(self.kill)
        return self.wait_ready() if wait else True

    def wait_ready(self):
        for line in self.process.stdout:
            if line == "ready\n":
                return True
            self.urls.append(line.split()[1])
        return False

    def die(self):
        """SIGKILL, as it is."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def end(self, timeout=kit.PATIENCE):
        """SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "none: it hung"
        self.process.stdout.close()
        return status

    def ends(self, what="it ends in order"):
        """SIGTERM, behind which it must end with 0; else what it said is shown."""
        status = self.end()
        kit.check(status == 0, "%s: exit status %s: %s" % (what, status, self.stderr()[-SAID_MAX:]))

    def send(self, name, count, wait=True):
        """Records of a sender of their own; waits until all are acknowledged. Gives the sender."""
        sender = Sender(name, lambda: self.urls[0], longest=300)
        sender.enough = True
        for _ in range(count):
            sender.make()
        sender.start()
        if wait:
            kit.until("all of %s is acknowledged" % name, sender.done.is_set)
        return sender

    def events(self, name=None, log="a"):
        """Payloads of the events of this name, or of all."""
        only = ["--log", log] if len(self.logs) > 1 else []
        done = subprocess.run([self.verify_program, "cat", self.store, "--kind", "event", "--jsonl",
                               "--quiet", *only], capture_output=True, text=True, check=False)
        payloads = [json.loads(json.loads(line)["message"]) for line in done.stdout.splitlines()]
        return [p for p in payloads if name in (None, p["event"])]

    def log_dir(self, log="a"):
        with open(os.path.join(self.store, "names"), encoding="utf-8") as names:
            ids = dict(line.split() for line in names)
        return os.path.join(self.store, ids[log])

    def counts_all_files(self, ending, log="a"):
        """What the log's share counts is what lies there, with the files of this ending (but for the
        published checkpoint, which replaces another one all the time)."""
        def both():
            names = glob.glob(self.log_dir(log) + "/*")
            there = sum(os.path.getsize(n) for n in names if not n.endswith("/checkpoint"))
            wanted = [os.path.getsize(n) for n in names if n.endswith(ending)]
            counted = next(one for one in self.status()["logs"] if one["name"] == log)["disk_bytes"]
            return there, int(counted), sum(wanted)
        kit.until("the share counts all files",
                  lambda: (lambda t, c, w: w > 2 * CHECKPOINT_MAX and
                           abs(t - c) < CHECKPOINT_MAX)(*both()))

    def verdict(self, log="a", options=(), path=None):
        """Verdict and codes of akashi-verify about a log as it lies there now."""
        name = ["--log", log] if len(self.logs) > 1 and path is None else []
        done = subprocess.run([self.verify_program, "check", path or self.store, "--key",
                               self.keys[log], "--json", *name, *options],
                              capture_output=True, text=True, check=False)
        if not done.stdout:
            return "NONE", [done.stderr]
        report = json.loads(done.stdout)
        return report["verdict"], report

    def judge_now(self, allowed, what, log="a", remarks=("EXERCISE",)):
        """Fails unless the verdict is one of `allowed`, with no other remark than these."""
        verdict, report = self.verdict(log)
        codes = findings(report)
        bad = [f for f in codes if f["remark"] and f["code"] not in remarks]
        kit.check(verdict in allowed and not bad, "%s: %s %s" % (what, verdict, codes))
        return verdict


def authority_keys(verify, folder, names, option):
    """Makes NAME.key and NAME.vkey in the folder for each authority; gives the words that name their
    public keys by this option."""
    words = []
    for name in names:
        path = os.path.join(folder, name)
        done = subprocess.run([verify, "key", "new", "auth.example/" + name, "-o", path + ".key"],
                              capture_output=True, text=True, check=False)
        told = done.stdout + done.stderr
        kit.check(done.returncode == 0, "key new: exit status %d: %s" % (done.returncode, told[-900:]))
        with open(path + ".vkey", "w", encoding="utf-8") as f:
            f.write(told.split()[-1] + "\n")
        words += [option, path + ".vkey"]
    return words


def findings(report):
    if isinstance(report, list):
        return [{"code": text, "remark": False} for text in report]
    out = []
    for log in report["logs"]:
        for finding in log["findings"]:
            out.append({key: finding[key] for key in finding
                        if key in ("code", "rule", "text", "file", "offset")} |
                       {"remark": finding["verdict"] == "remark"})
    return out


class Sender(threading.Thread):
    """Sends records over RELP, each its own, and sends again after each broken connection what was
    not acknowledged, as real shippers do. `at` gives the URL to connect to, or None."""

    def __init__(self, name, at, window=32, longest=2000, rate=None, context=None, source=None):
        super().__init__(daemon=True)
        self.label = name
        self.at = at
        self.window = window
        self.longest = longest
        self.rate = rate
        self.context = context
        self.source = source
        self.random = random.Random(name)
        self.count = 0
        self.waiting = collections.deque()  # made and not acknowledged, in order
        self.times = collections.Counter()  # how often each was sent
        self.acked = []
        self.acked_set = set()
        self.enough = False  # no new ones
        self.done = threading.Event()

    def make(self):
        self.count += 1
        body = base64.b64encode(self.random.randbytes(self.random.randrange(self.longest)))
        record = b"<13>%s-%d %s" % (self.label.encode(), self.count, body)
        self.waiting.append(record)
        return record

    def run(self):
        while not self.done.is_set():
            url = self.at()
            if url is None:
                if self.enough and not self.waiting:
                    break
                time.sleep(0.005)
                continue
            try:
                self.session(url)
            except (OSError, AssertionError, TypeError, ValueError):
                time.sleep(0.005)
            if self.enough and not self.waiting:
                break
        self.done.set()

    def session(self, url):
        client = kit.Relp(url, source=self.source, context=self.context)
        try:
            client.s.settimeout(kit.PATIENCE)
            client.open()
            first = client.txnr + 1
            sent = []
            acked = 0
            queue = list(self.waiting)
            while not self.done.is_set():
                frames = []
                while len(sent) - acked < self.window:
                    if queue:
                        record = queue.pop(0)
                    elif not self.enough:
                        record = self.make()
                    else:
                        break
                    sent.append(record)
                    self.times[record] += 1
                    frames.append(client.frame(b"syslog", record))
                if frames:
                    client.send(b"".join(frames))
                if acked == len(sent):
                    return
                answer = client.answer()
                if answer is None:
                    return
                txnr, command, data = answer
                assert (txnr, command) == (first + acked, b"rsp"), answer
                assert data.startswith(b"200"), answer
                record = self.waiting.popleft()
                assert record == sent[acked]
                self.acked.append(record)
                self.acked_set.add(record)
                acked += 1
                if self.rate:
                    time.sleep(1 / self.rate)
        finally:
            client.end()


class Plain(threading.Thread):
    """Lines over TCP, for which nobody answers: they may be there, once at most."""

    def __init__(self, name, at, pause=0.002):
        super().__init__(daemon=True)
        self.label, self.at, self.pause = name, at, pause
        self.sent = set()
        self.done = threading.Event()

    def run(self):
        count = 0
        while not self.done.is_set():
            url = self.at()
            if url is None:
                time.sleep(0.005)
                continue
            try:
                with socket.create_connection(kit.host_port(url), timeout=kit.PATIENCE) as s:
                    while not self.done.is_set() and self.at() == url:
                        record = b"<13>%s-%d plain" % (self.label.encode(), count)
                        count += 1
                        self.sent.add(record)
                        s.sendall(record + b"\n")
                        time.sleep(self.pause)
            except OSError:
                time.sleep(0.005)


class Checkpoints:
    """Every checkpoint that was ever in a file, also in one that is gone by now."""

    def __init__(self, victim, log="a"):
        self.victim, self.log = victim, log
        self.dir = victim.log_dir(log)
        self.notes = {}  # text: where it was seen
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def add(self, note, where):
        if note.count(b"\n\xe2\x80\x94 ") >= 1 and note not in self.notes:
            self.notes[note] = where

    def poll(self):
        """The published checkpoint, as somebody who reads it all the time sees it."""
        path = os.path.join(self.dir, "checkpoint")
        last = b""
        while not self.done.is_set():
            try:
                with open(path, "rb") as f:
                    note = f.read()
                if note != last:
                    self.add(note, "checkpoint")
                    last = note
            except OSError:
                pass
            time.sleep(0.003)

    def look(self):
        """The NOTEs of all segments as they lie there now."""
        for path in glob.glob(os.path.join(self.dir, "*.zst")) + \
                glob.glob(os.path.join(self.dir, "*.torn")):
            try:
                with open(path, "rb") as f:
                    data = f.read()
            except FileNotFoundError:
                continue
            at = data.find(NOTE_HEAD)
            while at >= 0:
                length = int.from_bytes(data[at + 4:at + 8], "little")
                if data[at + 8:at + 10] == NOTE_TYPE and at + 8 + length <= len(data):
                    self.add(data[at + 10:at + 8 + length], os.path.basename(path))
                at = data.find(NOTE_HEAD, at + 1)

    def stop(self):
        self.done.set()
        self.thread.join()

    def check(self, sample=200):
        """No two contradict: of one size there is one root, and the store as it is now goes on from
        each (all up to `sample`, and then some of them)."""
        self.look()
        roots = {}
        for note in self.notes:
            origin, size, root = note.split(b"\n")[:3]
            kit.check(roots.setdefault(int(size), root) == root,
                      "two roots of size %d were signed for %s" % (int(size), origin.decode()))
        chosen = sorted(self.notes, key=lambda note: int(note.split(b"\n")[1]))
        if len(chosen) > sample:
            chosen = chosen[-10:] + random.Random(1).sample(chosen[:-10], sample - 10)
        options = []
        for i, note in enumerate(chosen):
            path = os.path.join(self.victim.folder, "note-%s-%d" % (self.log, i))
            with open(path, "wb") as f:
                f.write(note)
            options += ["--checkpoint", path]
        verdict, report = self.victim.verdict(self.log, options)
        kit.check(verdict == "VALID", "with %d checkpoints seen on the way: %s %s" %
                  (len(chosen), verdict, findings(report)))
        return len(self.notes)


def compare(entries, senders, plain=()):
    """Every acknowledged record is there, nothing else is, and what is there twice was sent twice."""
    there = collections.Counter(e[2] for e in entries.all if e[0] in ("record", "fragment"))
    ends = [e[2] for e in entries.all if e[0] == "fragment"]
    lost = 0
    for sender in senders:
        for record in sender.acked:
            if there[record] == 0:
                lost += 1
                kit.fail("lost though acknowledged: %s" % kit.shown(record))
                if lost > 5:
                    break
        for record in sender.times:
            kit.check(there[record] <= sender.times[record],
                      "%d times in the log, sent %d times: %s" %
                      (there[record], sender.times[record], kit.shown(record)))
        order = [e[2] for e in entries.all if e[0] == "record" and e[2] in sender.times]
        first = list(dict.fromkeys(order))
        numbers = [int(record.split(b" ")[0].rsplit(b"-", 1)[1]) for record in first]
        kit.check(numbers == sorted(numbers), "%s: out of order" % sender.label)
    known = set().union(*(s.times for s in senders), *(p.sent for p in plain))
    for record in there:
        if record not in known and not any(r.startswith(record) for r in
                                           (known if record in ends else ())):
            kit.fail("made up: %s" % kit.shown(record))
    for one in plain:
        for record in one.sent:
            kit.check(there[record] <= 1, "twice, though sent once: %s" % kit.shown(record))
    return sum(len(s.acked) for s in senders), sum(there.values())

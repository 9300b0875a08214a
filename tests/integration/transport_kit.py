"""transport_kit.py - a collector that runs, senders that are not shippers, and what came of it.

What the tests transport_*.py, framing_*.py and shippers_*.py share. A test makes a Collector, sends
to its listeners, stops it with SIGTERM and looks at the entries that akashi-verify shows, once it
has said VALID. Each case sends from a loopback address of its own, so that each is a source of its
own and one collector serves many cases.

A test has failed when `fail` was called; `finish` gives the exit status.
"""
import atexit
import base64
import hashlib
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 120  # seconds after which something is taken to hang, also with sanitizers

failures = []


def fail(text):
    failures.append(text)
    print("FAILED: " + text, flush=True)


def check(good, text):
    if not good:
        fail(text)
    return good


def finish():
    print("%d failed" % len(failures) if failures else "all good")
    sys.exit(1 if failures else 0)


def skip(text):
    print("skipped: " + text)
    sys.exit(77)


def shown(data):
    """Bytes for a message, not too many of them."""
    return "%d bytes %r" % (len(data), bytes(data[:60])) + ("..." if len(data) > 60 else "")


def until(what, question):
    """Asks again and again until the answer is true; gives it. A test hangs before it guesses."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError("not within %d seconds: %s" % (PATIENCE, what))
        time.sleep(0.02)


def shared(argument):
    """The folder with real logs, or None (said)."""
    folder = os.environ.get("AKASHI_SHARED", argument)
    data = os.path.join(folder, "data") if folder else None
    if data is None or not os.path.isdir(data):
        print("skipped: no folder with real logs (AKASHI_SHARED)")
        return None
    return data


def workspace():
    """A folder for this run, removed at its end."""
    folder = tempfile.mkdtemp(prefix="akashi-")
    atexit.register(shutil.rmtree, folder, True)
    return folder


def certificates(folder):
    """certs.sh's files."""
    subprocess.run([os.path.join(HERE, "certs.sh"), folder], check=True)
    return folder


def fingerprint(pki, name, base=base64.b64encode):
    """SHA-256 of a certificate as declarations show it; as hex pairs with `base` None."""
    with open("%s/%s.pem" % (pki, name), encoding="ascii") as f:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).digest()
    return base(digest).decode() if base else ":".join("%02X" % c for c in digest)


def tls_block(pki, more=""):
    return "tls: {certificate: %s/server.pem, key: %s/server.key, ca: %s/ca.pem%s}" % (
        pki, pki, pki, more)


# ---- the collector


class Collector:
    """akashi-collector with a store, in `folder`. `listeners`: a list of YAML texts of listeners
    (without the dash); `urls` has the bound addresses in their order. `top`: further options; `logs`:
    name and YAML options of each log."""

    def __init__(self, programs, folder, listeners, top="", logs=(("a", ""),), wrap=()):
        self.collector, self.verify_program = programs
        self.folder = folder
        self.store = os.path.join(folder, "store")
        self.config = os.path.join(folder, "akashi.conf")
        self.stderr_path = os.path.join(folder, "stderr")
        self.logs = [name for name, _ in logs]
        self.wrap = list(wrap)
        self.process = None
        self.keys = {}
        os.makedirs(folder, exist_ok=True)
        self.configure(listeners, top, logs)
        for name in self.logs:
            key = os.path.join(folder, name + ".vkey")
            with open(key, "wb") as out:
                subprocess.run([self.collector, "init", "--store", self.store, "--log", name,
                                "--origin", name + ".example/syslog", "--epochs", "512"],
                               stdout=out, check=True)
            self.keys[name] = key
        self.start()

    def configure(self, listeners, top="", logs=(("a", ""),)):
        text = "store: store\n" + top + "\nlogs:\n"
        for name, options in logs:
            text += "  - {name: %s%s}\n" % (name, ", " + options if options else "")
        text += "listeners:\n"
        for listener in listeners:
            text += "  - " + listener.strip().replace("\n", "\n    ") + "\n"
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(text)

    def start(self):
        self.urls = []
        with open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                self.wrap + [self.collector, "run", "--config", self.config],
                stdout=subprocess.PIPE, stderr=err, text=True)
        atexit.register(self.kill)
        for line in self.process.stdout:
            if line == "ready\n":
                return
            word, url = line.split()
            assert word == "listening", line
            self.urls.append(url)
        raise RuntimeError("the collector did not start: " + self.stderr())

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def says(self, text):
        """Waits until the diagnostics have this line or part of one."""
        until("stderr has %r; it is:\n%s" % (text, self.stderr()[-3000:]),
              lambda: text in self.stderr() or not self.alive())
        check(text in self.stderr(), "the collector ended without saying %r" % text)

    def alive(self):
        return self.process.poll() is None

    def reload(self):
        """SIGHUP; gives the line that it answers with."""
        before = self.stderr().count(": reload: ")
        self.process.send_signal(signal.SIGHUP)
        until("an answer to SIGHUP", lambda: self.stderr().count(": reload: ") > before)
        return re.findall(r"reload: .*", self.stderr())[-1]

    def status(self):
        done = subprocess.run([self.collector, "status", "--store", self.store, "--json"],
                              capture_output=True, check=True)
        return json.loads(done.stdout)

    def records(self):
        """Records taken in since the start."""
        done = subprocess.run([self.collector, "status", "--store", self.store, "--records"],
                              capture_output=True, check=True)
        return int(done.stdout)

    def stop(self, timeout=PATIENCE):
        """SIGTERM, and the store must be VALID. Gives the entries of the first log."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "none: it hung"
        self.process.stdout.close()
        check(status == 0, "exit status of the collector: %s\n%s" % (status, self.stderr()[-6000:]))
        return self.judge(self.logs[0])

    def judge(self, log):
        name = ["--log", log] if len(self.logs) > 1 else []
        done = subprocess.run([self.verify_program, "store", self.store, "--key", self.keys[log],
                               "--quiet"] + name, capture_output=True, text=True, check=False)
        check(done.returncode == 0, "akashi-verify store: exit status %d\n%s%s" %
              (done.returncode, done.stdout, done.stderr))
        return Entries(self.verify_program, self.store, name)


class Entries:
    """What akashi-verify shows of a log: records and fragments by source, events in order."""

    def __init__(self, verify, store, options):
        self.verify, self.store, self.options = verify, store, options
        self.all = []
        self.by_source = {}
        self.sources = {}  # ordinal: declaration
        self.events = []
        with subprocess.Popen([verify, "cat", store, "--kind", "all", "--jsonl", "--quiet"] +
                              options, stdout=subprocess.PIPE) as cat:
            for line in cat.stdout:
                self._take(json.loads(line))
        check(cat.returncode == 0, "akashi-verify cat --jsonl: exit status %d" % cat.returncode)

    def _take(self, entry):
        if "message_base64" in entry:
            data = base64.b64decode(entry["message_base64"])
        else:
            data = entry["message"].encode()
        one = (entry["kind"], entry["source"], data, entry["index"])
        self.all.append(one)
        self.by_source.setdefault(one[1], []).append(one)
        if entry["kind"] == "source":
            self.sources[256 + entry["source_seq"]] = json.loads(data)
        elif entry["kind"] == "event":
            event = json.loads(data)
            event["at"] = entry["index"]
            self.events.append(event)

    def source(self, **members):
        """Ordinal of the one source with these members of its declaration; None if there is none."""
        found = [o for o, d in self.sources.items()
                 if all(d.get(k) == v for k, v in members.items())]
        if len(found) > 1:
            fail("more than one source %s" % members)
        return found[0] if found else None

    def of(self, ordinal, kinds=("record", "fragment")):
        """[(kind, bytes)] of a source, in order."""
        return [(e[0], e[2]) for e in self.by_source.get(ordinal, []) if e[0] in kinds]

    def event(self, event, **members):
        """The events of this name with these members."""
        return [e for e in self.events if e["event"] == event and
                all(e.get(k) == v for k, v in members.items())]

    def raw(self, ordinal=None):
        """`akashi-verify cat --raw`, of one source or of all."""
        source = ["--source", str(ordinal)] if ordinal is not None else []
        done = subprocess.run([self.verify, "cat", self.store, "--raw", "--quiet"] + source +
                              self.options, capture_output=True, check=False)
        check(done.returncode == 0, "akashi-verify cat --raw: exit status %d: %s" %
              (done.returncode, done.stderr[-500:]))
        return done.stdout

    def check_raw(self, case, ordinal, records):
        """The bytes of `cat --raw` are what was sent, and an LF behind each record."""
        check(self.raw(ordinal) == b"".join(r + b"\n" for r in records),
              "%s: the bytes of cat --raw differ from what was sent" % case)

    def same(self, case, ordinal, records):
        """The source has exactly these records, byte for byte, and nothing else."""
        got = self.of(ordinal) if ordinal is not None else []
        return self.is_list(case, got, [("record", bytes(r)) for r in records])

    @staticmethod
    def is_list(case, got, want):
        for i, (g, w) in enumerate(zip(got, want)):
            if g != w:
                return check(False, "%s: entry %d is %s %s, not %s %s" %
                             (case, i, g[0], shown(g[1]), w[0], shown(w[1])))
        if len(got) != len(want):
            rest = (got[len(want):] or want[len(got):])[0]
            return check(False, "%s: %d entries, not %d; the first %s is %s %s" %
                         (case, len(got), len(want), "extra" if len(got) > len(want) else "missing",
                          rest[0], shown(rest[1])))
        return True


# ---- where to send


def host_port(url):
    host, port = url.split("://", 1)[1].rsplit(":", 1)
    return host.strip("[]"), int(port)


def address(number):
    """A loopback address for each number: 127.1.0.1 and on."""
    return "127.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, number % 250 + 1)


def connect(url, source=None):
    s = socket.create_connection(host_port(url), timeout=PATIENCE,
                                 source_address=(source, 0) if source else None)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def client_context(pki, name="power-a", ca="ca"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations("%s/%s.pem" % (pki, ca))
    if name is not None:
        context.load_cert_chain("%s/%s.pem" % (pki, name), "%s/%s.key" % (pki, name))
    return context


def read_to_end(s):
    """What the other side still sends, until it ends the connection."""
    got = b""
    while True:
        try:
            some = s.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return got
        if not some:
            return got
        got += some


def send_stream(url, data, source=None, context=None, pieces=None, half_close=True):
    """One connection: all of `data`, our end (if half_close), and then until the collector has ended
    it too. What comes of a connection that is refused or closed on us is in the log."""
    s = connect(url, source)
    try:
        if context:
            s = context.wrap_socket(s, server_hostname="localhost", do_handshake_on_connect=False)
            s.do_handshake()
        for piece in pieces if pieces is not None else (data,):
            s.sendall(piece)
        if context:
            s = s.unwrap()
        if half_close:
            s.shutdown(socket.SHUT_WR)
    except (ConnectionError, ssl.SSLError):
        pass
    got = read_to_end(s)
    s.close()
    return got


def counted(records):
    return b"".join(b"%d " % len(r) + r for r in records)


def lines(records):
    return b"".join(r + b"\n" for r in records)


class Relp:
    """A RELP client that sends what it is told, in frames of its own."""

    OFFER = b"relp_version=0\nrelp_software=test\ncommands=syslog"

    def __init__(self, url, source=None, context=None):
        self.plain = connect(url, source)
        self.s = context.wrap_socket(self.plain, server_hostname="localhost") if context \
            else self.plain
        self.txnr = 0
        self.read = b""

    def frame(self, command, data=b"", txnr=None):
        if txnr is None:
            self.txnr += 1
            txnr = self.txnr
        return b"%d %s %d%s\n" % (txnr, command, len(data), b" " + data if data else b"")

    def send(self, data):
        self.s.sendall(data)

    def send_and_read(self, data):
        """Sends all of it and keeps what comes meanwhile for `answer`. In one thread: a TLS session is
        not made for two (a read beside a write can be told an end that is none)."""
        self.s.setblocking(False)
        try:
            while data:
                want = [self.s]
                try:
                    data = data[self.s.send(data[:16384]):]
                    want = []
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    pass
                readable, _, _ = select.select([self.s], want, [], PATIENCE if want else 0)
                if readable:
                    try:
                        some = self.s.recv(65536)
                    except (BlockingIOError, ssl.SSLWantReadError):
                        continue
                    if not some:
                        raise ConnectionError("the collector ended the connection")
                    self.read += some
        finally:
            self.s.settimeout(PATIENCE)

    def answer(self):
        """The next frame of the collector: (txnr, command, data); None at the end."""
        while True:
            m = re.match(rb"(\d+) ([a-z]+) (\d+)([ \n])", self.read)
            if m:
                n = int(m.group(3))
                end = m.end() + n + (1 if n else 0)
                if len(self.read) >= end:
                    data = self.read[m.end():m.end() + n]
                    self.read = self.read[end:]
                    return int(m.group(1)), m.group(2), data
            some = self.s.recv(65536)
            if not some:
                return None
            self.read += some

    def open(self):
        self.send(self.frame(b"open", self.OFFER))
        txnr, command, data = self.answer()
        assert txnr == 1 and command == b"rsp" and data.startswith(b"200 OK\n"), data

    def transfer(self, records, window=1000):
        """Sends records and waits for each one's answer."""
        first = self.txnr + 1
        sent = answered = 0
        while answered < len(records):
            some = b""
            while sent < len(records) and sent - answered < window and len(some) < 262144:
                some += self.frame(b"syslog", records[sent])
                sent += 1
            if some:
                self.send(some)
            while answered < sent:
                answer = self.answer()
                assert answer == (first + answered, b"rsp", b"200 OK"), answer
                answered += 1
                if sent < len(records) and sent - answered < window // 2:
                    break

    def close(self):
        """The close handshake; gives what followed the answers that were waited for."""
        self.send(self.frame(b"close"))
        said = []
        while True:
            answer = self.answer()
            if answer is None:
                break
            said.append(answer)
        self.end()
        return said

    def end(self):
        self.s.close()
        self.plain.close()


def in_threads(jobs):
    """Runs functions side by side; what one raises is a failure."""
    def run(job):
        try:
            job()
        except Exception:  # pylint: disable=broad-except
            fail("an exception:\n" + traceback.format_exc())

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

#!/usr/bin/python3
"""A witness against a client that was written from the specification: every status, keep-alive,
monitoring, two requests at once, forks and what is kept of them, states that cannot be trusted,
limits of a client, TLS, and SIGKILL at each step of storing.

    witness_server.py COLLECTOR VERIFY SOURCE
"""
import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "independent"))

import witness_client as wc  # noqa: E402

failed = 0


def check(ok, what):
    global failed
    if not ok:
        failed += 1
        print("FAILED: " + what, flush=True)


class Process:
    """A witness that runs."""

    def __init__(self, collector, state, policy, vkey, options=(), wrap=(), prefix=""):
        self.state, self.policy, self.vkey = state, policy, vkey
        self.stderr = open(os.path.join(os.path.dirname(state), "stderr"), "a+b")
        self.process = subprocess.Popen(
            [*wrap, collector, "witness", "--state", state, "--policy", policy, "--listen",
             "http://127.0.0.1:0" + prefix, *options],
            stdout=subprocess.PIPE, stderr=self.stderr, text=True,
            env=dict(os.environ, UV_THREADPOOL_SIZE="1") if wrap else None)
        self.wrapped = bool(wrap)
        atexit.register(self.kill)
        self.urls = []
        for line in self.process.stdout:
            if line == "ready\n":
                break
            self.urls.append(line.split()[1])
        self.at = None
        if self.urls:
            host, _, rest = self.urls[0].split("//")[1].partition(":")
            self.at = wc.Witness(host, int(rest.split("/")[0]), prefix, vkey)

    def told(self):
        self.stderr.seek(0)
        return self.stderr.read().decode(errors="replace")

    def pids(self):
        """Itself, or what strace runs: that one keeps signals to itself. It counts calls by thread,
        so there is one thread that stores."""
        pid = self.process.pid
        if not self.wrapped:
            return [pid]
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
                return [int(word) for word in f.read().split()]
        except OSError:
            return []

    def kill(self):
        """Nothing is left behind where a test is broken off."""
        if self.process.poll() is None:
            for pid in [*self.pids(), self.process.pid]:
                os.kill(pid, signal.SIGKILL)

    def end(self, how=signal.SIGTERM):
        if self.at is not None:
            self.at.close()
        if self.process.poll() is None:
            for pid in self.pids():
                os.kill(pid, how)
        status = self.process.wait(60)
        self.said = self.told()
        self.process.stdout.close()
        self.stderr.close()
        return status


def init(collector, state, name="power-b.example/witness"):
    done = subprocess.run([collector, "witness", "--state", state, "--init", name],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, "--init: " + done.stderr)
    return done.stdout.strip()


def write_policy(path, logs):
    with open(path, "w", encoding="utf-8") as f:
        for log in logs:
            f.write("log %s\n" % log.key.vkey())
        f.write("quorum none\n")


def origin(name):
    """An origin as Akashi's logs have it."""
    return "%s/%s" % (name, wc.sha256(name.encode())[:16].hex())


def statuses(at, log, other, unknown):
    """Every answer of the specification; afterwards size 9 of `log` is cosigned."""
    status, _, got = at.add(0, [], unknown.note(1))
    check(status == 404, "unknown origin: %d" % status)
    status, _, got = at.checkpoint(log.origin)
    check(status == 404, "monitoring before anything was cosigned: %d" % status)
    status, headers, got = at.add(3, log.proof(3, 5), log.note(5))
    check((status, got, headers["Content-Type"]) == (409, b"0\n", "text/x.tlog.size"),
          "old size of a log that was never seen: %d %r" % (status, got))
    status, _, got = at.add(0, [wc.sha256(b"x")], log.note(5))
    check(status == 422, "a proof from size 0: %d" % status)
    status, _, got = at.add(0, [], log.note(0, wc.sha256(b"x")))
    check(status == 422, "size 0 with another root: %d" % status)
    status, _, got = at.add(0, [], log.note(0))
    check(status == 200 and at.cosigned_at(log.text(0), got), "size 0: %d" % status)
    before = int(time.time())
    status, headers, got = at.add(0, [], log.note(5))
    check(status == 200, "first: %d %r" % (status, got))
    when = at.cosigned_at(log.text(5), got)
    check(when is not None and before <= when <= time.time(), "time of the cosignature")
    check(got.count(b"\n") == 1, "one line: %r" % got)
    status, headers, got = at.add(0, [], log.note(7))
    check((status, got, headers["Content-Type"]) == (409, b"5\n", "text/x.tlog.size"),
          "stale old size: %d %r" % (status, got))
    status, _, got = at.add(5, log.proof(5, 9), log.note(9))
    check(status == 200 and at.cosigned_at(log.text(9), got), "growth: %d %r" % (status, got))
    status, _, got = at.add(9, [], log.note(9))
    check(status == 200 and at.cosigned_at(log.text(9), got), "again: %d" % status)
    status, _, got = at.add(9, [wc.sha256(b"x")], log.note(9))
    check(status == 422, "again with a proof: %d" % status)
    status, _, got = at.add(10, [], log.note(9))
    check(status == 400, "old above new: %d" % status)
    status, _, got = at.add(5, log.proof(5, 7), log.note(7))
    check((status, got) == (409, b"9\n"), "a smaller one: %d %r" % (status, got))
    status, _, got = at.add(9, log.proof(9)[:-1], log.note())
    check(status == 422, "a proof that is too short: %d" % status)
    status, _, got = at.add(9, log.proof(9), log.note(keys=[]))
    check(status == 400, "no signature at all: %d" % status)
    status, _, got = at.add(9, log.proof(9), log.note(keys=[wc.Key(log.origin)]))
    check(status == 403, "a key that is not trusted: %d" % status)
    status, _, got = at.add(9, log.proof(9), log.note(keys=[other.key]))
    check(status == 403, "the key of another log: %d" % status)
    status, _, got = at.add(9, log.proof(9), log.note(damage=True))
    check(status == 403, "a damaged signature: %d" % status)
    text = log.text()
    both = text + b"\n" + log.key.line(text) + wc.Key("stranger.example").line(text, True)
    status, _, got = at.add(9, log.proof(9), both)
    check(status == 200 and at.cosigned_at(text, got), "a stranger's line is ignored: %d" % status)


def malformed(at, log, size):
    good = wc.body(size, [], log.note(size))
    for what, data in (
            ("empty", b""), ("no old", good[4:]), ("old 0x", good.replace(b"old ", b"old 0x", 1)),
            ("leading zero", good.replace(b"old ", b"old 0", 1)),
            ("too large", b"old 9223372036854775808\n" + good.partition(b"\n")[2]),
            ("two spaces", good.replace(b"old ", b"old  ", 1)),
            ("CR LF", good.replace(b"\n", b"\r\n", 1)), ("cut", good[:-1]),
            ("no empty line", good.replace(b"\n\n", b"\n", 1)),
            ("64 hashes", wc.body(size, [bytes(32)] * 64, log.note(size))),
            ("short hash", b"old %d\nAAAA\n\n" % size + log.note(size)),
            ("hash not base64", b"old %d\n%s\n\n" % (size, b"!" * 44) + log.note(size)),
            ("behind it", good + b"x"), ("control character", good.replace(b"old", b"\x01ld", 1)),
            ("not UTF-8", good.replace(log.origin.encode(), b"\xff" + log.origin.encode()))):
        status, _, got = at.request("POST", "/add-checkpoint", data)
        check(status == 400, "malformed, %s: %d %r" % (what, status, got))
    status, _, got = at.request("POST", "/add-checkpoint", good)
    check(status == 200, "and the good one: %d %r" % (status, got))


def raw(at, data, more=b""):
    """The first line of what is answered to bytes, or b"" if the connection just ends."""
    with socket.create_connection((at.host, at.port), 60) as s:
        try:
            s.sendall(data)
            if more:
                s.sendall(more)
            got = b""
            while b"\r\n" not in got:
                part = s.recv(4096)
                if not part:
                    break
                got += part
        except ConnectionError:
            got = b""
    return got.split(b"\r\n")[0]


def heads(at, log, size):
    data = wc.body(size, [], log.note(size))
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n" % len(data)
    for what, text, want in (
            ("good", head + b"\r\n" + data, b"200"),
            ("byte for byte", head + b"Connection: close\r\n\r\n" + data, b"200"),
            ("chunks", b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: "
             b"chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data), b"200"),
            ("continue", head + b"Expect: 100-continue\r\n\r\n", b"100"),
            ("no Host", b"GET /status HTTP/1.1\r\n\r\n", b"400"),
            ("two Hosts", b"GET /status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
            ("bare CR", b"GET /status HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", b"400"),
            ("bare LF", b"GET /status HTTP/1.1\nHost: a\r\n\r\n", b"400"),
            ("NUL", b"GET /status HTTP/1.1\r\nHost: a\x00\r\n\r\n", b"400"),
            ("folded", b"GET /status HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", b"400"),
            ("space before colon", b"GET /status HTTP/1.1\r\nHost : a\r\n\r\n", b"400"),
            ("two lengths", head + b"Content-Length: 5\r\n\r\n" + data, b"400"),
            ("both lengths", head + b"Transfer-Encoding: chunked\r\n\r\n" + data, b"400"),
            ("other coding", b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: "
             b"gzip, chunked\r\n\r\n", b"400"),
            ("101 headers", b"GET /status HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 100 + b"\r\n",
             b"431"),
            ("long head", b"GET /status HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 17000 + b"\r\n\r\n",
             b"431"),
            ("long body", b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: "
             b"1000000\r\n\r\n", b"413"),
            ("other Expect", head + b"Expect: tea\r\n\r\n", b"417"),
            ("HTTP/2", b"GET /status HTTP/2.0\r\nHost: a\r\n\r\n", b"505"),
            ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
            ("absolute", b"GET http://a/status HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
            ("other path", b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", b"404"),
            ("GET of it", b"GET /add-checkpoint HTTP/1.1\r\nHost: a\r\n\r\n", b"405"),
            ("DELETE", b"DELETE /status HTTP/1.1\r\nHost: a\r\n\r\n", b"405"),
            ("upper case id", b"GET /" + wc.sha256(log.origin.encode()).hex().upper().encode() +
             b"/checkpoint HTTP/1.1\r\nHost: a\r\n\r\n", b"404")):
        got = raw(at, text)
        # llhttp knows versions by name: 2.0 may be refused before it is looked at.
        ok = want in got or (want == b"505" and b"400" in got)
        check(ok, "head, %s: %r" % (what, got))


def monitoring(at, log, size):
    status, headers, got = at.checkpoint(log.origin)
    check(status == 200 and at.judge(got), "monitoring: %d" % status)
    check(got.startswith(log.text(size)), "monitoring gives the newest: %r" % got)
    status, headers, none = at.request("HEAD", "/%s/checkpoint" %
                                       wc.sha256(log.origin.encode()).hex())
    check((status, none, headers["Content-Length"]) == (200, b"", str(len(got))), "HEAD")
    status, _, text = at.request("GET", "/status")
    told = json.loads(text)
    mine = [e for e in told["logs"] if e["origin"] == log.origin]
    check(status == 200 and mine[0]["size"] == size and told["cosigned"] > 0, "status: %s" % told)
    return got


def race(at, log, size):
    """Two histories at once, from one old size: exactly one is cosigned."""
    sides = [log, log.fork(size)]
    for side in sides:
        side.grow(3, b"%d" % id(side))
    answers = []

    def send(side):
        mine = wc.Witness(at.host, at.port, at.prefix, at.vkey)
        status, _, got = mine.add(size, side.proof(size), side.note())
        answers.append((status, side, got))
        mine.close()

    threads = [threading.Thread(target=send, args=(side,)) for side in sides for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    won = {id(side) for status, side, _ in answers if status == 200}
    check(len(won) == 1 and sum(a[0] == 200 for a in answers) == 1,
          "conflicting requests at once: %s" % [a[0] for a in answers])
    check(all(a[0] in (200, 409) for a in answers), "the others are told: %s" %
          [a[0] for a in answers])
    return [side for status, side, _ in answers if status == 200][0]


def refuses(collector, state, policy, vkey, what, word):
    p = Process(collector, state, policy, vkey)
    check(p.at is None, "%s: it starts" % what)
    status = p.end()
    told = p.said
    check(status == 1 and word in told, "%s: status %d, %s" % (what, status, told[-300:]))


def untrusted(collector, work, state, policy, vkey, log):
    """States on which it must not start."""
    ident = wc.sha256(log.origin.encode()).hex()

    def copy():
        there = os.path.join(work, "copy", "state")
        shutil.rmtree(os.path.dirname(there), ignore_errors=True)
        os.makedirs(os.path.dirname(there))
        shutil.copytree(state, there)
        return there

    there = copy()
    os.unlink(os.path.join(there, "keys", "witness.key"))
    refuses(collector, there, policy, vkey, "no key", "witness.key")
    there = copy()
    os.chmod(os.path.join(there, "keys", "witness.key"), 0o644)
    refuses(collector, there, policy, vkey, "a key for all", "0644")
    there = copy()
    with open(os.path.join(there, "keys", "witness.key"), "r+b") as f:
        f.seek(-4, 2)
        was = f.read(1)
        f.seek(-4, 2)
        f.write(b"B" if was == b"A" else b"A")
    refuses(collector, there, policy, vkey, "a damaged key", "witness.key")
    there = copy()
    with open(os.path.join(there, "logs", ident), "r+b") as f:
        data = f.read()
        f.seek(data.index(b"\n") + 1)
        f.write(b"7")
    refuses(collector, there, policy, vkey, "a damaged checkpoint", "cannot be trusted")
    there = copy()
    os.unlink(os.path.join(there, "logs", ident))
    refuses(collector, there, policy, vkey, "a checkpoint that is gone", "older copy")
    there = copy()
    with open(os.path.join(there, "keys", ident + ".seen"), "w", encoding="ascii") as f:
        f.write("1000000 %s\n" % wc.b64(bytes(32)))
    refuses(collector, there, policy, vkey, "a state that was rolled back", "older copy")
    there = copy()
    with open(os.path.join(there, "keys", ident + ".seen"), "w", encoding="ascii") as f:
        f.write("x\n")
    refuses(collector, there, policy, vkey, "a damaged mark", "damaged")
    there = copy()
    text, _, lines = open(os.path.join(there, "logs", ident), "rb").read().rpartition(b"\n\n")
    with open(os.path.join(there, "logs", ident), "wb") as f:
        f.write(text + b"\n\n" + lines.splitlines(keepends=True)[-1])
    refuses(collector, there, policy, vkey, "a checkpoint without the log's line",
            "cannot be trusted")
    there = copy()
    os.chmod(there, 0o777)
    refuses(collector, there, policy, vkey, "a state that all can write", "written by others")
    shutil.rmtree(os.path.join(work, "copy"))


def forks(collector, verify, work):
    """What is kept of two histories, and what akashi-verify says of it."""
    home = os.path.join(work, "forks")
    os.mkdir(home)
    state, policy = os.path.join(home, "state"), os.path.join(home, "policy")
    vkey = init(collector, state)
    logs = [wc.Log(origin("exercise.%s.example" % name), 13) for name in "abcd"]
    write_policy(policy, logs)
    p = Process(collector, state, policy, vkey)
    at = p.at
    # One size, two roots.
    at.add(0, [], logs[0].note())
    other = logs[0].fork(6)
    status, _, got = at.add(13, [], other.note())
    check(status == 422, "one size, another root: %d" % status)
    status, _, got = at.add(0, [], other.note())
    check((status, got) == (409, b"13\n"), "the same with a stale size: %d" % status)
    # Two sizes, and the proof of the other history: 13 = 8 + 4 + 1, to 14 and to 24.
    for log, size in ((logs[1], 14), (logs[2], 23)):
        at.add(0, [], log.note())
        other = log.fork(6)
        other.grow(size - 13)
        status, _, got = at.add(13, other.proof(13), other.note())
        check(status == 422, "the other history goes on: %d" % status)
    # A proof that leads nowhere says nothing for sure.
    at.add(0, [], logs[3].note())
    logs[3].grow(4)
    proof = logs[3].proof(13)
    status, _, got = at.add(13, [wc.sha256(b"x")] + proof[1:], logs[3].note())
    check(status == 422, "a wrong proof: %d" % status)
    status, _, got = at.add(13, proof, logs[3].note())
    check(status == 200, "and the right one: %d" % status)
    told = json.loads(at.request("GET", "/status")[2])
    count = {e["origin"]: (e["forks"], e["suspects"]) for e in told["logs"]}
    check([count[log.origin] for log in logs] == [(1, 0), (1, 0), (1, 0), (0, 1)],
          "what is counted: %s" % count)
    check("FORK" in p.told(), "it is said loudly")
    status = p.end()
    check(status == 3, "exit status after a fork: %d" % status)
    p = Process(collector, state, policy, vkey)
    check(p.end() == 3, "exit status of the next run")
    kept = sorted(os.listdir(os.path.join(state, "forks")))
    proofs = 0
    for name in kept:
        path = os.path.join(state, "forks", name)
        if name.startswith("fork-") and name.endswith(".proof"):
            log = [g for g in logs if wc.sha256(g.origin.encode()).hex().startswith(
                name.split("-")[1])][0]
            done = subprocess.run([verify, "history", path, "--key", log.key.vkey()],
                                  capture_output=True, text=True, check=False)
            proofs += 1
            check(done.returncode == 1 and "FORKED" in done.stdout, "%s: %s" % (name, done.stdout))
        elif name.startswith("fork-") and name.endswith(".first") and "-13-13-" in name:
            done = subprocess.run([verify, "history", path, path[:-6] + ".second", "--key",
                                   logs[0].key.vkey()], capture_output=True, text=True, check=False)
            check(done.returncode == 1 and "FORKED" in done.stdout, "two files: %s" % done.stdout)
    check(proofs == 2, "proofs of a fork: %s" % kept)
    check(sum(n.endswith(".second") for n in kept) == 4, "kept: %s" % kept)


def limits(collector, work):
    """A client that is slow, one with many connections, one that asks too often."""
    home = os.path.join(work, "limits")
    os.mkdir(home)
    state, policy = os.path.join(home, "state"), os.path.join(home, "policy")
    vkey = init(collector, state)
    write_policy(policy, [wc.Log("log.example/one")])
    p = Process(collector, state, policy, vkey)
    at = p.at
    slow = socket.create_connection((at.host, at.port), 120)
    slow.sendall(b"GET /status HTTP/1.1\r\nHost: w\r\n")
    many = [socket.create_connection((at.host, at.port), 60) for _ in range(31)]
    for s in many:
        s.sendall(b"GET /status HTTP/1.1\r\nHost: w\r\n\r\n")
        check(b" 200 " in s.recv(4096), "a connection within the limit")
    with socket.create_connection((at.host, at.port), 60) as s:
        try:
            got = s.recv(1)
        except ConnectionError:
            got = b""
        check(got == b"", "one connection too many is closed")
    for s in many:
        s.close()
    status, headers = 0, {}
    for _ in range(20000):
        try:
            status, headers, _ = at.request("GET", "/status")
        except (http.client.RemoteDisconnected, ConnectionError):
            time.sleep(0.01)  # it has not seen the others leave yet
            continue
        if status != 200:
            break
    check(status == 429 and headers["Retry-After"] == "1", "too many requests: %d" % status)
    with socket.create_connection((at.host, at.port), 60) as s:
        got = b""
        try:
            s.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 900000\r\n\r\n")
            s.sendall(b"x" * 900000)
            got = s.recv(4096)
        except ConnectionError:
            pass
        check(b" 413 " in got, "a body that is too long is answered: %r" % got[:60])
    slow.sendall(b"A: b\r\n")
    check(slow.recv(1) == b"", "a slow client is hung up on")
    slow.close()
    check(p.end() == 0, "exit status after all that")


def tls(collector, work, source):
    home = os.path.join(work, "tls")
    os.mkdir(home)
    state, policy = os.path.join(home, "state"), os.path.join(home, "policy")
    vkey = init(collector, state)
    log = wc.Log("log.example/one", 9)
    write_policy(policy, [log])
    pki = os.path.join(home, "pki")
    subprocess.run([os.path.join(source, "collector", "dist", "make-certificates"), pki,
                    "--server", "127.0.0.1"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    files = ["--tls-certificate", os.path.join(pki, "server.pem"), "--tls-key",
             os.path.join(pki, "server.key")]
    p = Process(collector, state, policy, vkey, ["--listen", "https://127.0.0.1:0", *files])
    at = wc.Witness("127.0.0.1", int(p.urls[1].rpartition(":")[2]), "", vkey)
    context = ssl.create_default_context(cafile=os.path.join(pki, "ca.pem"))
    at.connect = lambda: http.client.HTTPSConnection(at.host, at.port, timeout=60, context=context)
    for old, size in ((0, 5), (5, 9), (9, 9)):
        status, _, got = at.add(old, log.proof(old, size), log.note(size))
        check(status == 200 and at.cosigned_at(log.text(size), got), "TLS: %d %r" % (status, got))
    status, _, got = at.checkpoint(log.origin)
    check(status == 200 and at.judge(got), "TLS, monitoring: %d" % status)
    status, _, got = p.at.add(9, [], log.note(9))
    check(status == 200, "beside it without TLS: %d" % status)
    with socket.create_connection((at.host, at.port), 60) as s:
        s.sendall(b"GET /status HTTP/1.1\r\nHost: w\r\n\r\n")
        check(b"HTTP" not in s.recv(4096), "no TLS, no answer")
    at.close()
    check(p.end() == 0, "exit status with TLS")


def killed(collector, work):
    """SIGKILL at each call that makes something durable: what was answered is there."""
    if shutil.which("strace") is None:
        print("skipped: SIGKILL at each step; no strace")
        return
    home = os.path.join(work, "killed")
    runs = 0
    for call in ("fdatasync", "fsync", "renameat,renameat2,rename"):
        for when in range(1, 100):
            shutil.rmtree(home, ignore_errors=True)
            os.mkdir(home)
            state, policy = os.path.join(home, "state"), os.path.join(home, "policy")
            vkey = init(collector, state)
            log = wc.Log("log.example/one", 9)
            write_policy(policy, [log])
            p = Process(collector, state, policy, vkey, wrap=[
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                "inject=%s:signal=KILL:when=%d" % (call, when)])
            answered = 0
            for old, size in ((0, 5), (5, 9)):
                try:
                    status, _, got = p.at.add(old, log.proof(old, size), log.note(size))
                except (OSError, http.client.HTTPException):
                    break
                check(status == 200, "%s %d: %d" % (call, when, status))
                check(p.at.cosigned_at(log.text(size), got), "a cosignature")
                answered = size
            p.end()
            runs += 1
            p = Process(collector, state, policy, vkey)
            if p.at is None:
                check(False, "%s %d: it does not start: %s" % (call, when, p.told()))
                p.end()
                continue
            status, _, got = p.at.checkpoint(log.origin)
            size = int(got.split(b"\n")[1]) if status == 200 else 0
            check(size >= answered, "%s %d: %d was cosigned, %d is there" %
                  (call, when, answered, size))
            status, _, got = p.at.add(size, log.proof(size), log.note())
            check(status == 200, "%s %d: it goes on: %d" % (call, when, status))
            check(p.end() == 0, "and ends")
            if answered == 9:
                break
    check(runs >= 8, "only %d runs: nothing was killed" % runs)
    print("killed %d times" % (runs - 3))


def main():
    collector, verify, source = sys.argv[1:4]
    work = tempfile.mkdtemp(prefix="akashi-witness-")
    try:
        state, policy = os.path.join(work, "w", "state"), os.path.join(work, "policy")
        os.mkdir(os.path.join(work, "w"))
        vkey = init(collector, state)
        again = subprocess.run([collector, "witness", "--state", state, "--init", "x.example/w"],
                               capture_output=True, text=True, check=False)
        check(again.returncode == 1 and "not empty" in again.stderr, "--init over a witness")
        log, other, unknown = (wc.Log(name, 12) for name in
                               ("log.example/one", "log.example/two", "log.example/three"))
        write_policy(policy, [log, other])
        p = Process(collector, state, policy, vkey, prefix="/w1")
        at = p.at
        at.vkey = vkey
        statuses(at, log, other, unknown)
        malformed(at, log, 12)
        check(at.add(0, [], other.note(12, extra="extra line\n"))[0] == 200, "an extension line")
        second = Process(collector, state, policy, vkey)
        check(second.end() == 1 and "another witness" in second.said, "lock")
        check(p.end() == 0, "exit status")
        p = Process(collector, state, policy, vkey)
        at = p.at
        at.vkey = vkey
        heads(at, log, 12)
        cosigned = monitoring(at, log, 12)
        with open(os.path.join(work, "cosigned"), "wb") as f:
            f.write(cosigned)
        golang(source, work, log, vkey)
        winner = race(at, log, 12)
        monitoring(at, winner, len(winner.leaves))
        check(p.end() in (0, 3), "exit status after a race")
        untrusted(collector, work, state, policy, vkey, log)
        forks(collector, verify, work)
        # A slow client takes its time.
        slow = threading.Thread(target=limits, args=(collector, work))
        slow.start()
        tls(collector, work, source)
        killed(collector, work)
        slow.join()
    finally:
        shutil.rmtree(work)
    print("witness: %s" % ("ok" if failed == 0 else "%d failed" % failed))
    sys.exit(1 if failed else 0)


def golang(source, work, log, vkey):
    """golang.org/x/mod opens the line of the log and that of the witness."""
    path = "/usr/share/gocode/src/golang.org/x/mod/sumdb/note"
    if shutil.which("go") is None or not os.path.isdir(path):
        print("skipped: golang.org/x/mod is not here")
        return
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
               GOCACHE=os.environ.get("GOCACHE", os.path.join(work, "gocache")))
    folder = os.path.join(source, "tests", "integration", "tlog")
    done = subprocess.run(["go", "run", os.path.join(folder, "main.go"),
                           os.path.join(folder, "bundle.go"), "cosigned", log.key.vkey(), vkey,
                           os.path.join(work, "cosigned")], env=env, capture_output=True,
                          text=True, check=False)
    check(done.returncode == 0, "golang.org/x/mod: %s%s" % (done.stdout, done.stderr))


if __name__ == "__main__":
    main()

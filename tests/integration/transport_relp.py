#!/usr/bin/env python3
"""transport_relp.py COLLECTOR VERIFY: RELP sessions as wholes, plain and over TLS.

An acknowledgement leaves after the sync of its commit has returned, which strace shows. A window far
beyond omrelp's fills and empties in order. A sender that goes with records unacknowledged is an
event, however it goes; none of its records is lost, and only those may be there twice. A collector
that stops acknowledges what it took, says serverclose, and keeps what it acknowledged.
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading

import transport_kit as kit

R = "record"


# ---- acknowledged after the sync


class Trace:
    """Lines of strace -f: a call that was interrupted by others is put together again."""

    def __init__(self, path):
        self.calls = []  # (line where it began, line where it ended, name, text)
        open_calls = {}
        with open(path, encoding="utf-8", errors="replace") as f:
            for number, line in enumerate(f):
                m = re.match(r"(\d+) +(.*)", line)
                pid, text = m.groups()
                if text.endswith("<unfinished ...>"):
                    open_calls[pid] = (number, text[:-len("<unfinished ...>")])
                    continue
                begun = number
                resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
                if resumed:
                    begun, head = open_calls.pop(pid)
                    text = head + resumed.group(1)
                name = re.match(r"\w+", text)
                if name:
                    self.calls.append((begun, number, name.group(), text))
        self.calls.sort()


def check_order(path, count):
    """Behind the read of each record and before its answer a sync was begun and has returned 0."""
    calls = Trace(path).calls
    taken, answered = None, 0
    syncs = [(b, e) for b, e, name, text in calls if name == "fdatasync" and text.endswith("= 0")]
    for begun, ended, name, text in calls:
        if name in ("read", "recvfrom", "recvmsg", "readv") and re.search(r"\d+ syslog \d+ ", text):
            taken = ended
        if name in ("write", "writev", "sendto", "sendmsg") and "rsp 6 200 OK" in text:
            answered += 1
            if not kit.check(taken is not None, "an answer before any record: " + text):
                continue
            kit.check(any(b > taken and e < begun for b, e in syncs),
                      "no sync has returned between %d and %d: %s" % (taken, begun, text))
            taken = None
    kit.check(answered == count, "%d answers in the trace, not %d" % (answered, count))
    print("%d answers, each behind its sync" % answered)


def acknowledged_after_sync(programs, work):
    if shutil.which("strace") is None:
        print("skipped: no strace")
        return
    if subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], check=False,
                      capture_output=True).returncode != 0:
        print("skipped: strace cannot trace here")
        return
    trace = os.path.join(work, "trace")
    # LeakSanitizer does not run under a tracer.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    collector = kit.Collector(programs, os.path.join(work, "traced"), ["url: relp://127.0.0.1:0"], wrap=[
        "strace", "-f", "-o", trace, "-s", "64", "-e",
        "trace=fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg"])
    client = kit.Relp(collector.urls[0])
    client.open()
    records = [b"<13>traced %d" % i for i in range(20)]
    for record in records:  # one by one, so that each has a commit of its own
        client.transfer([record])
    client.close()
    # strace passes the signal on to nobody: the collector is its child.
    pid = int(subprocess.run(["ps", "-o", "pid=", "--ppid", str(collector.process.pid)], check=True,
                             capture_output=True, text=True).stdout.split()[0])
    os.kill(pid, 15)
    collector.process.wait(kit.PATIENCE)
    kit.check(collector.process.returncode == 0, "exit status %d" % collector.process.returncode)
    entries = collector.judge("a")
    entries.same("traced", entries.source(transport="relp"), records)
    check_order(trace, len(records))


# ---- windows and ends


def great_window(url, context, source, count):
    """Sends all of `count` records while nobody reads the answers, then reads them: in order. Over TLS
    both go on side by side."""
    client = kit.Relp(url, source, context)
    client.open()
    records = [b"<13>%d" % i for i in range(count)]
    frames = b"".join(client.frame(b"syslog", r) for r in records)
    sender = None
    if context is None:
        sender = threading.Thread(target=client.send, args=(frames,))
        sender.start()
        # What is not read yet fills the window and the buffers; the sender is held back, not refused.
        sender.join(1)
    else:
        client.send_and_read(frames)
    for i in range(count):
        answer = client.answer()
        if answer != (i + 2, b"rsp", b"200 OK"):
            kit.fail("answer %d is %s" % (i, answer))
            break
    if sender is not None:
        sender.join()
    kit.check([a[:2] for a in client.close()] == [(count + 2, b"rsp"), (0, b"serverclose")],
              "no close handshake")
    return records


def leave(url, context, source, how, step, taken):
    """One record is acknowledged; then three more, and the sender is gone in the way `how`. `step`
    waits for the other senders, so that one commit is behind all of them."""
    client = kit.Relp(url, source, context)
    client.open()
    client.transfer([b"<13>first"])
    step.wait(kit.PATIENCE)
    client.send(b"".join(client.frame(b"syslog", b"<13>not acknowledged %d" % i) for i in range(3)))
    if how == "within a record":
        client.send(b"6 syslog 100 <13>half")
    taken()
    if how == "reset":
        client.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "close_notify":
        client.s.unwrap()
    elif how != "closed":
        client.s.shutdown(socket.SHUT_WR)
        kit.read_to_end(client.s)
    client.end()


WAYS = [("closed", False), ("reset", False), ("half closed", False), ("within a record", False),
        ("closed", True), ("close_notify", True)]


def sessions(programs, work):
    """The log `slow` commits seldom, so that what a sender leaves behind is not durable yet."""
    pki = kit.certificates(os.path.join(work, "pki"))
    context = kit.client_context(pki)
    tls = kit.tls_block(pki)
    listeners = ["url: relp://127.0.0.1:0\nlog: a", "url: relp+tls://127.0.0.1:0\nlog: a\n" + tls]
    for i, (_, with_tls) in enumerate(WAYS):
        listeners.append("url: relp%s://127.0.0.%d:0\nlog: slow\n%s" %
                         ("+tls" if with_tls else "", i + 2, tls if with_tls else ""))
    collector = kit.Collector(programs, os.path.join(work, "c"), listeners,
                              logs=(("a", ""), ("slow", "commit_interval: 10s, commit_interval_min: 10s")))
    source = kit.address(1)
    great = []
    step = threading.Barrier(len(WAYS))

    def taken():
        kit.until("all records of the log are taken", lambda: [
            x["records"] for x in collector.status()["logs"] if x["name"] == "slow"] == [4 * len(WAYS)])

    def leaver(number, how, with_tls):
        return lambda: leave(collector.urls[2 + number], context if with_tls else None, source, how,
                             step, taken)

    kit.in_threads([
        lambda: great.append(("relp", great_window(collector.urls[0], None, source, 70000))),
        lambda: great.append(("relp+tls", great_window(collector.urls[1], context, source, 5000))),
    ] + [leaver(i, how, with_tls) for i, (how, with_tls) in enumerate(WAYS)])
    entries = collector.stop()
    if kit.failures:
        print("standard error of the collector:\n" + collector.stderr()[-6000:])
    for transport, records in great:
        entries.same("a great window, " + transport, entries.source(transport=transport), records)
    kit.check(entries.event("connection-unacknowledged") == [], "all of it was acknowledged")
    slow = collector.judge("slow")
    for i, (how, with_tls) in enumerate(WAYS):
        listener = "relp%s://127.0.0.%d:0" % ("+tls" if with_tls else "", i + 2)
        ordinal = slow.source(listener=listener)
        case = how + (", TLS" if with_tls else "")
        want = [(R, b"<13>first")] + [(R, b"<13>not acknowledged %d" % n) for n in range(3)]
        if how == "within a record":
            want.append(("fragment", b"<13>half"))
        slow.is_list(case, slow.of(ordinal), want)
        events = slow.event("connection-unacknowledged", source=ordinal)
        kit.check([(e["count"], e["side"], e["listener"]) for e in events] ==
                  [("3", "network", listener)], "%s: %s" % (case, events))


def stopped(programs, work):
    """SIGTERM while senders wait: what was taken is acknowledged, and what was acknowledged is kept."""
    collector = kit.Collector(programs, os.path.join(work, "stopped"), ["url: relp://127.0.0.1:0"])
    answers = {}

    def sender(number):
        def job():
            client = kit.Relp(collector.urls[0], kit.address(number))
            client.open()
            got = 0
            try:
                for i in range(1000000):
                    client.send(client.frame(b"syslog", b"<13>%d" % i))
                    if i == 200:
                        running.release()
                    if i - got >= 100:
                        answer = client.answer()
                        if answer is None or answer[1] == b"serverclose":
                            break
                        got += 1
            except ConnectionError:
                pass
            goodbye = False
            try:
                while not goodbye:
                    answer = client.answer()
                    if answer is None:
                        break
                    goodbye = answer[1] == b"serverclose"
                    got += answer[1] == b"rsp"
            except ConnectionError:
                pass
            answers[number] = got
            client.end()
        return job

    running = threading.Semaphore(0)
    jobs = [threading.Thread(target=sender(n)) for n in range(4)]
    for job in jobs:
        job.start()
    for _ in jobs:
        running.acquire()
    entries = collector.stop()
    for job in jobs:
        job.join()
    for number in range(4):
        got = entries.of(entries.source(address=kit.address(number)))
        kit.check([p for _, p in got] == [b"<13>%d" % i for i in range(len(got))],
                  "stopped: records of sender %d are not what was sent" % number)
        kit.check(len(got) >= answers[number] > 100,
                  "stopped: sender %d has %d answers, %d are kept" %
                  (number, answers[number], len(got)))
    print("stopped: %s answers" % sorted(answers.values()))


def main():
    programs = sys.argv[1:3]
    work = kit.workspace()
    sessions(programs, work)
    stopped(programs, work)
    acknowledged_after_sync(programs, work)
    kit.finish()


main()

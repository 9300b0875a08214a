"""Rows 1 to 8: records coming in."""

import os
import time

import machine
from bench import Skip, median, ratio, short
from servers import Akashi, Journal, Rsyslog, Slog

RELP_WINDOW = 128


def entry(row, measure, ours, peer, a, b, goal, key="rate", unit="records/s"):
    """A line of the table from pairs of runs."""
    r = ratio(a, b, key)
    line = {"row": row, "measure": measure, "unit": unit, "ours": median(a, key), "peer": peer,
            "theirs": median(b, key), "ratio": r, "goal": goal,
            "met": None if goal is None else r >= goal,
            "runs": [a, b]}
    if key == "rate":
        line["cpu_ratio"] = ratio(a, b, "cpu_rate")
        line["cpu"] = median(a, "cpu_rate")
    return [line]


def tcp(b):
    """1 ingest TCP against rsyslog"""
    n, m = (400000, 200000) if b.quick else (1500000, 500000)
    a, c = b.pairs(2 if b.quick else 5,
                   lambda: b.ingest(Akashi(b), "tcp", n, framing="octet"),
                   lambda: b.ingest(Rsyslog(b), "tcp", m, framing="octet"))
    return entry("1", "ingest TCP", a, "rsyslog, unsigned, unsynced", a, c, 3.5)


def tcp_real(b):
    """1r the same pair with lines of real logs"""
    n, m = (300000, 150000) if b.quick else (1000000, 300000)
    corpus = b.corpus(n, kind="real")
    a, c = b.pairs(1 if b.quick else 3,
                   lambda: b.ingest(Akashi(b), "tcp", n, corpus, framing="octet"),
                   lambda: b.ingest(Rsyslog(b), "tcp", m, corpus, framing="octet"))
    return entry("1r", "ingest TCP, lines of real logs", a, "rsyslog", a, c, 3.5)


def tcp_other(b):
    """1g the same pair with another generator: syslog-ng's loggen"""
    n, m = (150000, 100000) if b.quick else (600000, 300000)
    def by_loggen(make, records):
        def turn():
            server = make().start()
            try:
                before = server.cpu()
                begin = time.monotonic()
                machine.run([b.peer("LOGGEN"), "--inet", "--stream", "--number", str(records),
                             "--rate", "100000000", "--size", "206", "--interval", "600", "--quiet",
                             "127.0.0.1", str(server.port)], on=machine.core(machine.LOAD_CORE))
                end = server.wait(records, records * 206)
                used = server.cpu() - before
                if hasattr(server, "out"):
                    server.check(records, os.path.getsize(server.out))
                else:
                    server.check(records, 0)
            finally:
                server.stop()
            return {"rate": records / (end - begin), "cpu_rate": records / max(used, 0.01)}
        return turn
    a, c = b.pairs(1 if b.quick else 3, by_loggen(lambda: Akashi(b), n),
                   by_loggen(lambda: Rsyslog(b), m))
    lines = entry("1g", "ingest TCP, sent by loggen (repeating), records per CPU second", a,
                  "rsyslog", a, c, 3.5, key="cpu_rate", unit="records/CPU s")
    lines[0]["note"] = (f"loggen itself sends no more than {short(median(a, 'rate'))} and "
                        f"{short(median(c, 'rate'))} records/s")
    return lines


def slog(b):
    """2 ingest TCP against syslog-ng with secure logging"""
    n, m = (400000, 2000) if b.quick else (1000000, 4000)
    a, c = b.pairs(1 if b.quick else 3,
                   lambda: b.ingest(Akashi(b), "tcp", n, framing="octet"),
                   lambda: b.ingest(Slog(b), "tcp", m, framing="octet"))
    return entry("2", "ingest TCP", a, "syslog-ng slog", a, c, 700)


def export_format(b, records):
    """The corpus as systemd's journal export format. Its times must not lie before the sealing key,
    which is made later: they begin a minute from now."""
    path = os.path.join(b.work, "corpus-export")
    boot = b"0123456789abcdef0123456789abcdef"
    begin = int(time.time() + 60) * 1000000
    with open(b.corpus(records), "rb") as f, open(path, "wb") as out:
        for i in range(records):
            out.write(b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n"
                      b"PRIORITY=6\nMESSAGE=%s\n" % (begin + i, i + 1, boot, f.readline()))
    return path


def journal(b):
    """3 ingest TCP against systemd-journal-remote, sealed"""
    n, m = (400000, 40000) if b.quick else (1000000, 100000)
    b.journal_remote()
    path = export_format(b, m)
    def remote():
        server = Journal(b).start()
        try:
            before = server.cpu()
            sent = b.load("tcp", server.port, path, framing="raw", records=m)
            end = time.monotonic()
            used = server.cpu() - before
            server.check(m, 0)
        finally:
            server.stop()
        return {"rate": m / (end - sent["begin"]), "cpu_rate": m / max(used, 0.01)}
    a, c = b.pairs(1 if b.quick else 3,
                   lambda: b.ingest(Akashi(b), "tcp", n, framing="octet"), remote)
    return entry("3", "ingest TCP", a, "systemd-journal-remote, sealed", a, c, 18)


def tls(b):
    """4 ingest TLS 1.3, mutual authentication, against rsyslog ossl"""
    n, m = (300000, 100000) if b.quick else (1000000, 300000)
    lines = []
    for measure, options, goal in (("TLS, records of 16 KiB", {}, 3.0),
                                   ("TLS, one record a message", {"message": True}, 2.0)):
        options.update(b.sender())
        a, c = b.pairs(1 if b.quick else 3,
                       lambda: b.ingest(Akashi(b, transports=("tls",)), "tcp", n, framing="octet",
                                        **options),
                       lambda: b.ingest(Rsyslog(b, "tls"), "tcp", m, framing="octet", **options))
        lines += entry("4", f"ingest {measure}", a, "rsyslog ossl", a, c, goal)
    return lines


def relp(b):
    """5 ingest RELP, acknowledged after sync, against rsyslog imrelp"""
    lines = []
    for connections, n, m, goal in ((1, 200000, 100000, 0), (64, 1000000, 300000, 2.0)):
        if b.quick:
            n, m = n // 5, m // 5
        a, c = b.pairs(1 if b.quick else 3,
                       lambda: b.ingest(Akashi(b, transports=("relp",)), "relp", n,
                                        connections=connections, window=RELP_WINDOW),
                       lambda: b.ingest(Rsyslog(b, "relp"), "relp", m, connections=connections,
                                        window=RELP_WINDOW))
        lines += entry("5", f"ingest RELP, {connections} connections, window {RELP_WINDOW}", a,
                       "rsyslog imrelp, acknowledged from memory", a, c, goal)
        lines[-1]["note"] = "acknowledgements p50 {:.0f}, p99 {:.0f} us".format(
            *(median([x["load"]["latency"] for x in a], k) for k in ("p50_us", "p99_us")))
    n, m = (400000, 1500) if b.quick else (1000000, 2000)
    a, c = b.pairs(1 if b.quick else 2,
                   lambda: b.ingest(Akashi(b, transports=("relp",)), "relp", n, connections=64,
                                    window=RELP_WINDOW),
                   lambda: b.ingest(Rsyslog(b, "relp", durable=True), "relp", m, connections=64,
                                    window=RELP_WINDOW))
    return lines + entry("5", f"ingest RELP, 64 connections, window {RELP_WINDOW}", a,
                         "rsyslog imrelp, sync and a synced disk queue", a, c, 10)


def latency(b):
    """6 latency of an acknowledgement against a raw fdatasync"""
    n = 100 if b.quick else 2000    # of fewer the 99th in a hundred is a matter of luck
    server = Akashi(b, transports=("relp",)).start()
    try:
        sent = b.load("ping", server.port, b.corpus(1000), records=n, pause=20,
                      sync=server.path("raw"))
        server.check(n, 0)
    finally:
        server.stop()
    lines = []
    for q in ("p50", "p99"):
        ours, raw = (sent[k][f"{q}_us"] for k in ("latency", "raw"))
        lines.append({"row": "6", "measure": f"acknowledgement, idle connection, RELP, {q}",
                      "unit": "us", "ours": ours, "peer": "fdatasync of 4 KiB, in between",
                      "theirs": raw, "ratio": ours / raw, "goal": 2.0, "at_most": True,
                      "met": ours <= 2 * raw, "runs": [[sent]]})
    return lines


class Counter:
    """Records that a server has taken in so far."""

    def __init__(self, server):
        self.server, self.at, self.lines = server, 0, 0

    def count(self):
        if isinstance(self.server, Akashi):
            return self.server.status()["records"]
        if os.path.exists(self.server.out):
            with open(self.server.out, "rb") as f:
                f.seek(self.at)
                more = f.read()
            self.at += len(more)
            self.lines += more.count(b"\n")
        return self.lines

    def settled(self):
        """When nothing has come for half a second."""
        before = self.count()
        for _ in range(100):
            time.sleep(0.5)
            now = self.count()
            if now == before:
                return now
            before = now
        return before


def highest_rate(b, server, steps):
    """The highest rate of which nothing is lost, by halving the interval; two tries at each."""
    corpus = b.corpus(200000)
    counter = Counter(server)
    low, high = 10000.0, 1200000.0
    tried = []
    before = 0
    for _ in range(steps):
        rate = (low * high) ** 0.5
        for _ in range(2):
            sent = b.load("udp", server.port, corpus, rate=rate, records=int(rate * 1.2))
            now = counter.settled()
            lost = sent["sent"] - (now - before)
            before = now
            tried.append({"asked": rate, "rate": sent["rate"], "sent": sent["sent"],
                          "lost": lost})
            if lost == 0:
                break
        if lost == 0 and sent["rate"] < 0.95 * rate:
            break               # the generator can no more, or has too little of its core
        if lost == 0:
            low = rate
        else:
            high = rate
    good = [t["rate"] for t in tried if t["lost"] == 0]
    return {"rate": max(good, default=1.0), "tried": tried,
            "by_generator": tried[-1]["lost"] == 0 and tried[-1]["rate"] < 0.95 * tried[-1]["asked"]}


def udp(b):
    """7 UDP, highest rate without loss, against rsyslog imudp"""
    steps = 5 if b.quick else 7
    def one(server):
        server.start()
        try:
            before = server.cpu()
            found = highest_rate(b, server, steps)
            sent = sum(t["sent"] for t in found["tried"])
            found["cpu_rate"] = sent / max(server.cpu() - before, 0.01)
        finally:
            server.stop()
        return found
    a, c = b.pairs(1 if b.quick else 3, lambda: one(Akashi(b, transports=("udp",))),
                   lambda: one(Rsyslog(b, "udp")))
    lines = entry("7", "UDP, highest rate without loss", a, "rsyslog imudp", a, c, 2.0)
    if any(x["by_generator"] for x in a + c):
        lines[0]["note"] = "the generator's core was the limit, not the server"
    return lines


def both(b):
    """8 both cores free: records per CPU second against one core"""
    if len(machine.cores()) < 2:
        raise Skip("there is only one core")
    n = 400000 if b.quick else 1500000
    everywhere = set(machine.cores())
    a, c = b.pairs(1 if b.quick else 3,
                   lambda: b.ingest(Akashi(b, cores=everywhere), "tcp", n, framing="octet",
                                    cores=everywhere),
                   lambda: b.ingest(Akashi(b), "tcp", n, framing="octet"))
    lines = entry("8", "ingest TCP, both cores free, records per CPU second", a,
                  "akashi-collector, one core", a, c, 0.9, key="cpu_rate",
                  unit="records/CPU s")
    lines[0]["note"] = f"{median(a, 'rate') / 1e6:.2f} M records/s"
    return lines

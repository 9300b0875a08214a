"""Rows 9 to 14: what is stored: reading it, its size, starting on it; memory and many senders."""

import concurrent.futures
import glob
import os
import shutil
import subprocess
import time

import machine
from bench import Skip, median, short
from rows_ingest import entry, export_format
from servers import Akashi, Journal, Slog, count_lines


def filled(b, records, name="filled", cores=None, again=0, **options):
    """A stopped collector's store of so many records; the corpus is sent again where it is short."""
    server = Akashi(b, name=name, cores=cores or set(machine.cores()), **options).start()
    try:
        corpus = b.corpus(min(records, 2000000))
        b.load("tcp", server.port, corpus, records=records, framing="lf")
        server.wait(records, 0)
    finally:
        server.stop()
    return server


def verification(b):
    """9 verification against journalctl --verify and slogverify"""
    n, turns = (300000, 1) if b.quick else (1500000, 3)
    ours = filled(b, n)
    one = machine.core(machine.SERVER_CORE)
    def verify(server=ours, jobs=1, on=one, records=n):
        machine.cold(server.path("store"))
        took = server.verify(jobs=jobs, on=on)
        return {"rate": records / took["seconds"], "cpu_rate": records / took["cpu"], **took}
    lines = []
    m = 40000 if b.quick else 100000
    try:
        b.journal_remote()
        peer = Journal(b).start()
        b.load("tcp", peer.port, export_format(b, m), framing="raw", records=m)
        peer.stop()
        def theirs():
            machine.cold(peer.out)
            took = peer.verify()
            return {"rate": m / took["seconds"], "cpu_rate": m / took["cpu"]}
        a, c = b.pairs(turns, verify, theirs)
        lines += entry("9", "verification, one core, cold", a, "journalctl --verify", a, c, 18)
    except Skip as e:
        lines.append({"row": "9", "measure": "verification, journalctl --verify",
                      "not_run": str(e)})
    k = 2000 if b.quick else 4000
    peer = Slog(b).start()
    b.load("tcp", peer.port, b.corpus(k), framing="octet", records=k)
    peer.wait(k, 0)
    peer.stop()
    def slogverify():
        took = peer.verify()
        return {"rate": k / took["seconds"], "cpu_rate": k / took["cpu"]}
    a, c = b.pairs(turns, verify, slogverify)
    lines += entry("9", "verification, one core, cold", a, "slogverify", a, c, 55)
    million = ours if b.quick else filled(b, 1000000, "million")
    count = n if b.quick else 1000000
    runs = [verify(million, jobs=2, on=set(machine.cores()), records=count) for _ in range(turns)]
    bundles = [bundle(b, million, count) for _ in range(turns)]
    for what, measured in (("store", runs), ("bundle", bundles)):
        took = median(measured, "seconds") * 1000000 / count
        lines.append({"row": "9", "measure": f"{what} of 10^6 records, two cores", "unit": "s",
                      "ours": took, "peer": "", "theirs": None, "ratio": None, "goal": 10,
                      "at_most": True, "met": took < 10, "runs": [measured],
                      "note": f"scaled from {count}" if b.quick else ""})
    return lines


def bundle(b, server, records):
    """The first entries of a store as a bundle, judged; read from the disk."""
    out = os.path.join(b.work, "bundle")
    shutil.rmtree(out, ignore_errors=True)
    both = set(machine.cores())
    machine.timed([b.verify, "export", server.path("store"), "--key", server.path("vkey"), "--index",
                   f"0-{records - 1}", "-o", out, "--case", "1", "--exhibit", "1", "--by",
                   "a bench", "--reason", "to be measured"], on=both)
    machine.cold(out)
    took = machine.timed([b.verify, "bundle", out, "--key", server.path("vkey")], on=both)
    shutil.rmtree(out)
    return took


def parts(b):
    """15 commitment by parts against commitment to the whole: ingest, verification"""
    n, turns = (300000, 1) if b.quick else (600000, 4)
    by_parts = {"commitment": "parts"}
    a, c = b.pairs(turns,
                   lambda: b.ingest(Akashi(b, options=by_parts), "tcp", n, framing="octet"),
                   lambda: b.ingest(Akashi(b), "tcp", n, framing="octet"))
    lines = entry("15", "ingest TCP, commitment: parts", a, "commitment: whole", a, c, None)
    one = machine.core(machine.SERVER_CORE)
    stores = [filled(b, n, "parts", options=by_parts), filled(b, n, "whole")]
    def verify(server):
        took = server.verify(jobs=1, on=one)
        return {"rate": n / took["seconds"], "cpu_rate": n / took["cpu"]}
    a, c = b.pairs(turns, lambda: verify(stores[0]), lambda: verify(stores[1]))
    return lines + entry("15", "verification, commitment: parts", a, "commitment: whole", a, c, None)


def plain_bytes(files):
    total = 0
    for name in files:
        p = subprocess.run(f"zstd -dcq '{name}' | wc -c", shell=True, capture_output=True, check=True)
        total += int(p.stdout)
    return total


def zstd_test(b):
    """10 verification against the program zstd -t on the same files"""
    n, turns = (300000, 2) if b.quick else (1500000, 5)
    server = filled(b, n)
    files = sorted(glob.glob(os.path.join(server.log_folder(), "*.zst")))
    plain = plain_bytes(files)
    one = machine.core(machine.SERVER_CORE)
    def ours():
        took = server.verify(jobs=1, on=one)
        return {"rate": plain / took["seconds"], "cpu_rate": plain / took["cpu"]}
    def theirs():
        took = machine.timed(["zstd", "-tq", *files], on=one)
        return {"rate": plain / took["seconds"], "cpu_rate": plain / took["cpu"]}
    a, c = b.pairs(turns, ours, theirs)
    return entry("10", "verification, plain bytes, one core", a, "zstd -t, same files", a, c, 0.5,
                 unit="B/s")


def zstd3(files=None, path=None, size=None):
    """Bytes of `zstd -3` of the records: of what the files hold, or of the front of a file."""
    if files:
        text = " ".join(f"'{f}'" for f in files)
        command = f"cat {text} | zstd -dcq | zstd -3 -q -c | wc -c"
    else:
        command = f"head -c {size} '{path}' | zstd -3 -q -c | wc -c"
    return int(subprocess.run(command, shell=True, capture_output=True, check=True).stdout)


def against(row, measure, size, plain, goal, note=""):
    r = size / plain
    return {"row": row, "measure": measure, "unit": "B", "ours": size, "peer": "zstd -3",
            "theirs": plain, "ratio": r, "goal": goal, "at_most": True,
            "met": None if goal is None else r <= goal, "note": note}


def wait_for_sealed(server, count, seconds=300):
    """Sealed files that were recompressed, so many at least."""
    def sealed():
        return sorted(glob.glob(os.path.join(server.log_folder(), "*.0.zst")))
    machine.wait_until(lambda: server.alive() and len(sealed()) >= count, seconds,
                       "sealed segments", pause=0.1)
    machine.wait_until(lambda: len(glob.glob(os.path.join(server.log_folder(), "*.open.zst"))) <= 1,
                       seconds, "no segment waits to be sealed", pause=0.1)
    return [f for f in sealed() if count_lines([f]) > 0]


def size(b):
    """11 store size at saturation against zstd -3"""
    n = 400000 if b.quick else 2000000
    corpus = b.corpus(n)
    segment = "8M" if b.quick else "32M"
    server = Akashi(b, options={"seal_size": "1G"}).start()
    lines = []
    try:
        b.load("tcp", server.port, corpus, records=n, framing="octet")
        server.wait(n, 0)
        disk = server.status()["disk_bytes"]
        lines.append(against("11", "store size at ingest, everything included", disk,
                             zstd3(path=corpus, size=b.bytes_of(corpus, n)), 1.15))
    finally:
        server.remove()
    server = Akashi(b, options={"seal_size": segment}, cores=set(machine.cores())).start()
    try:
        b.load("tcp", server.port, corpus, records=n, framing="octet")
        server.wait(n, 0)
        files = wait_for_sealed(server, 2)
        lines.append(against("11", "store size after sealing", machine.size_of_all(files),
                             zstd3(files=files), 1.0, f"{len(files)} segments of {segment}"))
        server.check(n, 0)
    finally:
        server.stop()
    return lines


def trickled(b, rate, n, pause, options):
    """Store size after `n` records, `pause` ms apart: open, and sealed."""
    server = Akashi(b, f"trickle-{rate}", ("relp",), options={"seal_size": "1G", **options}).start()
    corpus = b.corpus(n)
    begin = machine.size_of(server.log_folder())
    try:
        b.load("ping", server.port, corpus, records=n, pause=pause)
        server.wait(n, 0)
        disk = server.status()["disk_bytes"] - begin
        plain = zstd3(path=corpus, size=b.bytes_of(corpus, n))
        commits = server.status()["commits"]
    finally:
        server.stop()
    what = f"{n} records, {rate} a second" + (", an hour" if b.args.real_time else "")
    lines = [against("11b", f"{what}: open", disk, plain, None,
                     f"{commits} commits; {disk / n:.0f} B a record")]
    server.start(again=True)
    try:
        files = wait_for_sealed(server, 2, 60)
        lines.append(against("11b", f"{what}: sealed", machine.size_of_all(files), plain, 1.2,
                             "FOOTER and HEADER included"))
    finally:
        server.stop()
    return lines


def trickle(b):
    """11b store size at 1 and at 10 records a second"""
    if b.args.real_time:
        for rate in (1, 10):
            b.corpus(3600 * rate)                       # made by one of the two, not by both
        with concurrent.futures.ThreadPoolExecutor() as pool:
            both = [pool.submit(trickled, b, rate, 3600 * rate, 1000 / rate, {})
                    for rate in (1, 10)]
            return [line for one in both for line in one.result()]
    # One record a commit, as at these rates, but 20 ms apart: time itself is made short, so the
    # log's own entries, one each minute, are made more frequent by as much.
    n = 400 if b.quick else 3600
    return [line for rate, state in ((1, 60 * 20), (10, 600 * 20))
            for line in trickled(b, rate, n, 20, {"state_interval": f"{state}ms"})]


def prove(b, server, index):
    """Seconds of the proof of one entry, the process's start included; the median of five."""
    took = []
    for _ in range(5):
        machine.cold(server.path("store"))
        took.append(machine.timed([b.verify, "prove", server.path("store"), "--key",
                                   server.path("vkey"), "--index", str(index), "--force", "-o",
                                   server.path("proof"), "--record", server.path("record")]))
    return median(took, "seconds")


def start_cost(b):
    """12 start of the collector and time of verification as the store grows"""
    sizes = [100000, 400000] if b.quick else [100000, 1000000, b.args.large]
    starts, verified, proofs, lines = [], [], [], []
    for n in sizes:
        b.say(f"    a store of {short(n)} records")
        server = filled(b, n, f"large-{n}")
        server.start(again=True)                        # as it is after a while: sealed
        try:
            wait_for_sealed(server, 1, 60 + n // 50000)
        finally:
            server.stop()
        took = [server.verify() for _ in range(1 if n > 5000000 else 3)]
        verified.append({"records": n, "seconds": median(took, "seconds"), "cpu": median(took, "cpu"),
                         "rss_kib": max(t["rss_kib"] for t in took),
                         "bytes": machine.size_of(server.log_folder())})
        again = []
        for _ in range(3):
            machine.cold(server.path("store"))
            server.start(again=True)
            again.append(server.start_seconds)
            server.stop()
        starts.append(sorted(again)[1])
        proofs.append(prove(b, server, n // 2))
        if n != sizes[-1]:
            server.remove()
    lines.append({"row": "12", "measure": f"start, cold, store of {short(sizes[-1])} records",
                  "unit": "s", "ours": starts[-1], "peer": f"store of {short(sizes[0])}",
                  "theirs": starts[0], "ratio": starts[-1] / starts[0], "goal": 1.5, "at_most": True,
                  "met": starts[-1] <= 1.5 * starts[0], "runs": [starts]})
    per = [v["cpu"] / v["records"] * 1e9 for v in verified]
    lines.append({"row": "12", "measure": f"verification, CPU ns a record, {short(sizes[-1])}",
                  "unit": "ns", "ours": per[-1], "peer": f"store of {short(sizes[-2])}",
                  "theirs": per[-2], "ratio": per[-1] / per[-2], "goal": 1.2, "at_most": True,
                  "met": per[-1] <= 1.2 * per[-2], "runs": [verified],
                  "note": f"{verified[-1]['seconds']:.1f} s wall, "
                          f"{verified[-1]['bytes'] / 1e9:.2f} GB of store"})
    lines.append({"row": "12", "measure": f"one proof, cold, of {short(sizes[-1])} records",
                  "unit": "s", "ours": proofs[-1], "peer": f"of {short(sizes[0])}",
                  "theirs": proofs[0], "ratio": proofs[-1] / proofs[0], "goal": 1.5, "at_most": True,
                  "met": proofs[-1] <= 1.5 * proofs[0], "runs": [proofs]})
    lines.append({"row": "13", "measure": f"memory, verifying {short(sizes[-1])} records",
                  "unit": "MiB", "ours": verified[-1]["rss_kib"] / 1024, "peer": "limit",
                  "theirs": 256, "ratio": verified[-1]["rss_kib"] / 1024 / 256, "goal": 1.0,
                  "at_most": True, "met": verified[-1]["rss_kib"] <= 256 * 1024})
    server.remove()
    return lines


def memory(b):
    """13 memory: idle and at full load"""
    n = 400000 if b.quick else 2000000
    server = Akashi(b, transports=("relp", "tcp")).start()
    try:
        time.sleep(1)
        idle = machine.memory(server.process.pid)[0]
        b.load("relp", server.port, b.corpus(n), records=n, connections=64)
        server.wait(n, 0)
        full = machine.memory(server.process.pid)[1]
        server.check(n, 0)
    finally:
        server.stop()
    return [{"row": "13", "measure": f"memory, {what}", "unit": "MiB", "ours": kib / 1024,
             "peer": "limit", "theirs": limit, "ratio": kib / 1024 / limit, "goal": 1.0,
             "at_most": True, "met": kib <= limit * 1024}
            for what, kib, limit in (("idle", idle, 16), ("at full load", full, 256))]


def crowd(b):
    """14 idle TLS connections and slow ones beside a sender"""
    idle, slow = (500, 50) if b.quick else (10000, 1000)
    idle = min(idle, (machine.many_files() - slow - 500) // 2)
    limits = {"connections": 30000, "connections_per_address": 30000,
              "connections_per_certificate": 30000}
    n = 60 if b.quick else 1000
    lines = []
    held, counts = [], []
    server = Akashi(b, transports=("relp", "tls", "tcp"), limits=limits).start()
    def hold(mode, transport, count, **options):
        argv = [b.load_program, mode, "--to", f"127.0.0.1:{server.ports[transport]}",
                "--connections", str(count)]
        for k, v in options.items():
            argv += [f"--{k}", v]
        p = machine.start(argv, on=machine.core(machine.LOAD_CORE), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
        held.append(p)
        if p.stdout.readline() != b"ready\n":
            machine.fail("connections could not be opened")
        time.sleep(1)
        there = sum(x.get("connections", 0) for x in server.ask()["listeners"])
        if there != sum(counts) + count:
            machine.fail(f"{count} connections more were opened, and now the collector has {there}")
        counts.append(count)
        return machine.memory(server.process.pid)[0]
    def ping():
        return b.load("ping", server.port, b.corpus(1000), records=n, pause=5)["latency"]
    try:
        quiet = [ping(), ping()]
        base = machine.memory(server.process.pid)[0]
        plain = hold("idle", "tcp", idle)
        with_tls = hold("idle", "tls", idle, **b.sender())
        hold("slow", "tls", slow, **b.sender())
        beside = [ping(), ping()]
    finally:
        for p in held:
            p.stdin.close()
        failed = [p for p in held if p.wait() != 0]
        server.stop()
    if failed:
        machine.fail("connections that were held did not last")
    for what, kib, limit in (("plain", (plain - base) / idle, 4), ("TLS", (with_tls - plain) / idle,
                                                                    32)):
        lines.append({"row": "14", "measure": f"memory of an idle connection, {what}, {idle}",
                      "unit": "KiB", "ours": kib, "peer": "limit", "theirs": limit,
                      "ratio": kib / limit, "goal": 1.0, "at_most": True, "met": kib <= limit})
    p99 = [min(x["p99_us"] for x in runs) for runs in (beside, quiet)]
    lines.append({"row": "14", "measure": f"acknowledgement p99 beside {idle} idle plain, {idle} "
                                          f"idle TLS and {slow} slow connections", "unit": "us",
                  "ours": p99[0], "peer": "the same, quiet", "theirs": p99[1],
                  "ratio": p99[0] / p99[1], "goal": 2.0, "at_most": True,
                  "met": p99[0] <= 2 * p99[1], "runs": [beside, quiet]})
    return lines


def cost(b):
    """size: cost of a record against its size, for the graph"""
    sizes = [50, 200, 800, 3200] if b.quick else [30, 60, 125, 250, 500, 1000, 2000, 4000]
    points = []
    with open(b.corpus(400000 if b.quick else 1000000), "rb") as f:
        text = f.read().replace(b"\n", b" ")
    for length in sizes:
        path = os.path.join(b.work, "corpus-size")
        n = min(len(text) // length, 200000 if b.quick else 600000)
        with open(path, "wb") as out:
            out.write(b"".join(b"<" + text[i * length + 1:(i + 1) * length] + b"\n"
                               for i in range(n)))
        server = Akashi(b)
        taken = b.ingest(server, "tcp", n, path, check=False, framing="octet")
        took = server.verify(jobs=1, on=machine.core(machine.SERVER_CORE))
        points.append({"bytes": length, "records": n, "ingest_ns": taken["cpu_s"] / n * 1e9,
                       "verify_ns": took["cpu"] / n * 1e9,
                       "stored": machine.size_of(server.log_folder()) / n})
        os.unlink(path)
    return [{"row": "size", "measure": "cost against size", "points": points}]


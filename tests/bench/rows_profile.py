"""Where each nanosecond of a record goes: profiles of the collector at saturation."""

import collections
import os
import re
import shutil
import signal
import subprocess

import machine
from bench import Skip
from rows_ingest import Counter
from servers import Akashi

FREQUENCY = 4999
UDP_RATE = 650000  # a little below what can be taken in: more are lost, and cost time too

# What a sample is counted as: the first rule that fits. By the file of the innermost function, by
# its name, or by the names of all functions above it (for the kernel's).
HASH = ("ak_sha256_x2", "ak_sha256_x16", "block_of", "hash_row", "hash_slice", "hash_pairs",
        "hash_sorted", "hash_one", "ak_salts", "ak_leaves", "ak_nodes", "fill_leaves",
        "ak_hash_messages", "ak_message_commitment")
FRAMING = ("ak_framer_next", "on_step", "ak_frame_number", "take", "next", "ak_step_frame",
           "step_counted", "take_record", "ak_step_more", "ak_frame_syslog_next")
FILLING = ("ak_batch_add", "put", "ak_runlog_record", "ak_intake_record", "ak_runlog_ready", "stamp",
           "ak_sources_at", "ak_batch_fits", "make_room", "ak_server_batches_left", "joins")
KERNEL = (("packets on their way, in interrupts", ("net_rx", "udp_rcv", "napi")),
          ("write of the frames", ("writev",)), ("sync", ("fdatasync", "fsync")),
          ("read of the socket", ("ksys_read", "sys_read", "recv")),
          ("first touch of memory", ("page_fault",)),
          ("waiting and waking", ("epoll", "futex", "schedule")))


def part(stack):
    name, file = stack[0]
    if "kernel" in file:
        above = " ".join(s for s, _ in stack)
        for what, words in KERNEL:
            if any(w in above for w in words):
                return "kernel: " + what
        return "kernel: the rest (interrupts)"
    if "libzstd" in file:
        return "compression (libzstd, level 1)"
    if "libssl" in file:
        return "TLS without what libcrypto does for it (libssl)"
    if "libcrypto" in file:     # its functions do not say who called them
        return "SHA-256 of finished frames, and single messages; TLS (libcrypto)"
    if "libsodium" in file:
        return "signatures and group keys (libsodium)"
    if "libuv" in file:
        return "libuv"
    if "libc.so" in file:
        return "memory moves: a record's one copy, its first and last hash block"
    if name in HASH:
        return "salts, commitments, leaves, nodes"
    if name in FRAMING:
        return "framing"
    if name in FILLING:
        return "numbering, filling the batch"
    if name in ("ak_prepare", "fill_entries", "count_lf", "ak_encode_columns"):
        return "entries, line feeds, columns"
    return "the rest of the collector"


def samples(path):
    """Stacks of a recorded profile, innermost function first."""
    stack = []
    script = subprocess.Popen(["perf", "script", "-i", path, "-F", "ip,sym,dso"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in script.stdout:
        found = re.match(r"\s+[0-9a-f]+ (.+) \((.*)\)$", line)
        if found:
            stack.append((found[1].split("+")[0], found[2]))
        elif stack:
            yield stack
            stack = []
    if stack:
        yield stack
    script.wait()


def recorded(b, transport, send):
    """CPU time of a record and its parts, while `send(server)` sends; it gives how many came."""
    if shutil.which("perf") is None:
        raise Skip("there is no perf (package linux-perf)")
    data = os.path.join(b.work, "perf.data")
    server = Akashi(b, transports=(transport,)).start()
    try:
        before = server.cpu()
        perf = machine.start(["perf", "record", "-q", "-o", data, "-F", str(FREQUENCY), "-g", "-p",
                              str(server.process.pid)], on=machine.core(machine.LOAD_CORE),
                             stderr=subprocess.DEVNULL)
        n = send(server)
        server.wait(n, 0)
        used = server.cpu() - before
        machine.stop(perf, signal.SIGINT)
        server.check(n, 0)
    finally:
        server.stop()
    counts = collections.Counter(part(s) for s in samples(data))
    total = sum(counts.values())
    if total == 0:
        raise Skip("perf gave no samples here")
    return [{"row": "profile", "measure": f"CPU time of a record, {transport}",
             "ns": used / n * 1e9, "records": n,
             "parts": [[what, count / total] for what, count in counts.most_common()]}]


def streamed(b, transport, n, **options):
    corpus = b.corpus(n)

    def send(server):
        b.load("tcp", server.port, corpus, records=n, framing="octet", **options)
        return n
    return recorded(b, transport, send)


def profile(b):
    """profile: where the time of a record goes, ingest TCP, one core"""
    return streamed(b, "tcp", 400000 if b.quick else 2000000)


def profile_tls(b):
    """profile: the same of TLS, records of 16 KiB"""
    return streamed(b, "tls", 400000 if b.quick else 2000000, **b.sender())


def profile_udp(b):
    """profile: the same of UDP, of the records that are not lost"""
    n = 400000 if b.quick else 2000000
    corpus = b.corpus(200000)

    def send(server):
        counter = Counter(server)
        b.load("udp", server.port, corpus, rate=UDP_RATE, records=n)
        return counter.settled()
    return recorded(b, "udp", send)

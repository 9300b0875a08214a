"""Row 15: finding records, against zstdgrep on the same files and ripgrep on their plain text."""

import glob
import os
import random
import shutil
import subprocess

import machine
from bench import Skip
from rows_ingest import entry
from rows_store import filled, plain_bytes, wait_for_sealed


def indicators(path, count):
    """So many strings as lists of indicators have them: addresses, host names, digests."""
    r = random.Random(5)
    with open(path, "w", encoding="ascii") as f:
        for i in range(count):
            kind = i % 4
            if kind < 2:
                f.write(".".join(str(r.randrange(256)) for _ in range(4)) + "\n")
            elif kind == 2:
                f.write(f"{r.getrandbits(40):010x}.{r.choice(('example', 'invalid'))}.test\n")
            else:
                f.write(f"{r.getrandbits(256):064x}\n")
    return path


def sealed_store(b, records):
    server = filled(b, records, "search", options={"seal_size": "32M"})
    server.start(again=True)
    try:
        wait_for_sealed(server, 2, 120)
    finally:
        server.stop()
    return server


def counted(argv, on, plain):
    """What a program that prints counts gives, and how fast it is."""
    begin = machine.timed(argv, on=on, status=(0, 1))
    p = subprocess.run(argv, capture_output=True, check=False)
    found = sum(int(l.split(b":")[-1].split()[-1]) for l in p.stdout.splitlines() if l.strip())
    return {"rate": plain / begin["seconds"], "cpu_rate": plain / begin["cpu"], "found": found,
            **begin}


def search(b):
    """15 search against zstdgrep on the same files, and ripgrep on plain text"""
    n, turns = (300000, 2) if b.quick else (1500000, 5)
    server = sealed_store(b, n)
    files = [f for f in sorted(glob.glob(os.path.join(server.log_folder(), "*.zst")))]
    plain = plain_bytes(files)
    text = os.path.join(b.work, "search-text")
    subprocess.run(f"zstd -dcq {' '.join(files)} > {text}", shell=True, check=True)
    listed = indicators(os.path.join(b.work, "search-indicators"), 20000 if b.quick else 100000)
    if not shutil.which("zstdgrep"):
        raise Skip("zstdgrep is not installed")
    cases = (("a string, none", ["-F", "Failed password for root from 10.1.2."]),
             ("an expression, a few in each block", [" port 4[0-3][0-9]{2} ssh2"]),
             ("a string, in every group", ["-F", "Failed password"]),
             ("an expression, all of every record", ["^<.+"]),
             ("an expression", ["Failed password for [a-z-]+ from 10\\.20\\.7\\.9[0-9] "]),
             ("an expression that begins with a class",
              ["[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.277 "]),
             ("an expression, any case", ["-i", "failed PASSWORD for [a-z-]+ from 10\\.20\\.7\\.9"]),
             (f"{20 if b.quick else 100},000 strings", ["-F", "-f", listed]))
    one, both = machine.core(machine.SERVER_CORE), set(machine.cores())
    lines = []
    for what, words in cases:
        ours = [w for w in words if not (w == "-F" and "-f" in words)]
        few = turns if "-f" not in words else 1

        def mine(on, jobs, words=ours):
            return counted([b.verify, "search", server.path("store"), *words, "-c", "--quiet", "--key",
                            server.path("vkey"), "--jobs", str(jobs)], on, plain)

        def grep(on, words=words):
            return counted(["zstdgrep", "-h", "-c", "-E" if "-F" not in words else "-F",
                            *[w for w in words if w != "-F"], *files], on, plain)

        def ripgrep(on, words=words):
            return counted(["rg", "-c", "-j", "1", "--no-filename", *words, text], on, plain)

        for cores, on, jobs in (("one core", one, 1), ("two cores", both, 2)):
            x, y = b.pairs(few, lambda: mine(on, jobs), lambda: grep(on))
            if x[0]["found"] != y[0]["found"]:
                machine.fail(f"{what}: {x[0]['found']} found, and zstdgrep finds {y[0]['found']}")
            lines += entry("15", f"search, {what} ({x[0]['found']} found), {cores}", x,
                           "zstdgrep, same files, nothing checked", x, y, 1, unit="B/s")
        if shutil.which("rg"):
            x, y = b.pairs(few, lambda: mine(one, 1), lambda: ripgrep(one))
            lines += entry("15", f"search, {what}, one core", x, "rg, plain text, nothing unpacked", x,
                           y, None, unit="B/s")
    server.remove()
    return lines

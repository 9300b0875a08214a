#!/usr/bin/python3
"""prove_collector.py PROGRAM COLLECTOR: prove, proof, history, compare, export and bundle on what a
collector makes: while it writes, after it stopped, and after it went on."""

import os
import random
import signal
import socket
import subprocess
import sys
import time

from prove_kit import Cases, get, put

LINES = 6000


running = []                        # to be stopped, whatever happens


def start(c, collector):
    """A running collector; gives its process and the port of its TCP listener."""
    with open("collector.err", "wb") as err:
        process = subprocess.Popen([collector, "run", "--config", "conf"], stdout=subprocess.PIPE,
                                   stderr=err, text=True)
    running.append(process)
    port = None
    for line in process.stdout:
        if line.startswith("listening tcp://"):
            port = int(line.rsplit(":", 1)[1])
        if line.strip() == "ready":
            break
    c.expect(port is not None, "the collector is ready")
    return process, port


def send(port, lines):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"".join(line + b"\n" for line in lines))


def wait_for(c, count):
    """Until so many records are under a checkpoint."""
    for _ in range(600):
        done = subprocess.run([c.program, "check", "store", "--key", "key", "--quiet"],
                              capture_output=True, check=False)
        words = done.stdout.decode().split()
        if len(words) > 1 and int(words[1].replace(",", "") if words[1][0].isdigit() else 0) >= count:
            return
        time.sleep(0.1)
    c.expect(False, f"{count} records came to be proven")


def stop(c, process):
    process.send_signal(signal.SIGTERM)
    c.expect(process.wait(60) == 0, "the collector stopped in order")
    process.stdout.close()


def prove_some(c, indices):
    for index in indices:
        c.run(0, "prove", "store", "--index", index, "--key", "key", "-o", "p", "--record", "r",
              "--force", "--quiet")
        c.run(0, "proof", "p", "--key", "key", "--record", "r", "--quiet")


def life(c, collector):
    rng = random.Random(3)
    with open("key", "wb") as key:
        subprocess.run([collector, "init", "--store", "store", "--log", "a", "--origin",
                        "a.example/syslog", "--epochs", "4"], stdout=key, check=True)
    put("conf", b"store: store\nlogs:\n  - name: a\nlisteners:\n  - url: tcp://127.0.0.1:0\n")
    lines = [b"<%d>Nov 24 05:17:%02d fw%d app[%d]: event %d of %d" %
             (rng.randrange(192), i % 60, i % 3, i % 9, i, rng.randrange(10**9))
             for i in range(LINES)]
    put("all", b"".join(line + b"\n" for line in lines))

    process, port = start(c, collector)
    send(port, lines[:LINES // 2])
    wait_for(c, LINES // 2)
    folder = os.path.join("store", next(n for n in os.listdir("store") if len(n) == 32))
    put("early", get(os.path.join(folder, "checkpoint")))
    prove_some(c, [0, 1, 5, 255, 256, 1000, LINES // 2])
    put("half", b"".join(line + b"\n" for line in lines[:LINES // 2]))
    c.run(0, "compare", "store", "half", "--key", "key",
          says=f"VALID {LINES // 2:,} lines, all held, 0 records of the range not in the files")
    statements = ["--case", "1", "--exhibit", "2", "--by", "me", "--reason", "test", "--key", "key",
                  "--quiet"]
    c.run(0, "export", "store", "--index", "1-2000", *statements, "-o", "range")
    send(port, lines[LINES // 2:])
    wait_for(c, LINES)
    c.run(0, "bundle", "range", "--key", "key", "--quiet", says="complete for entries 1 to 2000")
    put("middle", get(os.path.join(folder, "checkpoint")))
    c.run(0, "history", "early", "middle", "--store", "store", "--key", "key",
          says=["VALID one history", "of the key of epoch 0: valid"])
    stop(c, process)

    # Sealed now. What one sender sent is closed by the state entry of the stop.
    c.run(0, "export", "store", "--source", "127.0.0.1", "--events", *statements, "-o", "sender.tar")
    c.run(0, "export", "store", "--identity", "127.0.0.1", "--events", *statements, "-o", "identity")
    for bundle in ("sender.tar", "identity"):
        c.run(0, "bundle", bundle, "--key", "key", "--quiet", says=f"VALID {LINES:,} records")
    prove_some(c, [0, 3, 255, 256, 2048, LINES - 1, LINES + 3])
    c.run(0, "proof", "p", "--key", "key", "--record", "r", "--quiet")
    c.run(0, "compare", "store", "all", "--key", "key",
          says=f"VALID {LINES:,} lines, all held, 0 records of the range not in the files")
    relayed = [line.split(b"> ", 1)[-1].split(b">", 1)[-1] for line in lines]
    put("relayed", b"".join(line + b"\n" for line in relayed))
    report = c.json(0, "compare", "store", "relayed", "--key", "key", "--source", "256")
    c.expect(report["other_header"] == LINES, "the priority was taken off")
    without = lines[:100] + lines[101:]
    put("without", b"".join(line + b"\n" for line in without) + b"made up\n")
    report = c.json(3, "compare", "store", "without", "--key", "key")
    c.expect(report["not_in_files"] == 1 and report["not_held"] == 1, "one less, and one made up")
    index = report["records_to_see"][0]["index"]
    c.run(0, "prove", "store", "--index", index, "--key", "key", "-o", "p", "--record", "r", "--force",
          "--quiet")
    c.expect(get("r") == lines[100], "what the files lack can be proven")

    # A second process goes on; a proof from before holds, and so does the history.
    process, port = start(c, collector)
    send(port, [b"later %d" % i for i in range(500)])
    wait_for(c, LINES + 500)
    stop(c, process)
    put("late", get(os.path.join(folder, "checkpoint")))
    for old, new in (("early", "middle"), ("early", "late"), ("middle", "late")):
        c.run(0, "history", old, new, "--store", "store", "--key", "key")
    c.run(0, "proof", "p", "--key", "key", "--record", "r", "--quiet")
    prove_some(c, [10, LINES, LINES + 100, LINES + 500])


def main():
    c = Cases(sys.argv[1])
    try:
        life(c, os.path.realpath(sys.argv[2]))
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    c.end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Anchors, as an operator meets them: another log's cosigned checkpoint is entered when it is new,
from a file and from a URL; who has the policy learns after when what follows was logged.

    anchors_collector.py COLLECTOR VERIFY
"""
import http.server
import json
import os
import subprocess
import sys
import threading

import fault_kit as fault
import transport_kit as kit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tamper"))
try:
    import akbases
    from akbase import H, Key, b64, split_note, u64
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

COLLECTOR, VERIFY = sys.argv[1:3]
T = 1_700_000_000


class Witness(Key):
    """A cosigner: key type 04."""

    @property
    def id(self):
        return H(self.name.encode() + b"\n\x04" + self.public)[:4]

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(bytes([4]) + self.public)}"

    def line(self, note, time):
        signature = self.sign(f"cosignature/v1\ntime {time}\n{split_note(note)[0]}".encode())
        return f"\u2014 {self.name} {b64(self.id + u64(time) + signature)}\n".encode()


class Page:
    """What a URL answers."""

    def __init__(self):
        self.status, self.body = 404, b""
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(page.status)
                self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *args):
                """Nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}/latest"
        threading.Thread(target=server.serve_forever, daemon=True).start()


def lines(victim, *words):
    done = subprocess.run([VERIFY, "cat", victim.store, "--jsonl", "--quiet", *words],
                          capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def anchors(victim):
    return [(e["index"], json.loads(e["message"])) for e in lines(victim, "--kind", "anchor")]


def main():
    folder = kit.workspace()
    log, _ = akbases.standard("example.org/anchors", 51)
    note = log.checkpoint
    w = [Witness(f"w{n}.example.org", seed=bytes([n + 1]) * 32) for n in range(3)]
    page, path = Page(), os.path.join(folder, "foreign")
    options = "epoch: 0, anchor_interval: 10s, anchor: [%s, '%s']" % (path, page.url)
    victim = fault.Victim((COLLECTOR, VERIFY), folder, fault.LISTENERS, logs=(("a", options),))
    kit.check(victim.begin(), "no start: " + victim.stderr())
    kit.until("faults are told", lambda: victim.stderr().count("no anchor from") == 2)
    victim.send("first", 5)
    with open(path, "wb") as out:
        out.write(note + w[0].line(note, T) + w[1].line(note, T + 50))
    page.status, page.body = 200, b"round 1234 of a beacon\n"
    kit.until("both are entered", lambda: len(anchors(victim)) == 2)
    victim.send("second", 5)
    page.body = note + w[1].line(note, T + 70) + w[2].line(note, T + 60)
    kit.until("what is new is entered", lambda: len(anchors(victim)) == 3)
    victim.send("third", 5)
    victim.ends()

    there = {json.dumps(a, sort_keys=True): i for i, a in anchors(victim)}
    at = sorted(i for i, a in anchors(victim) if "checkpoint" in a)
    kit.check(len(there) == 3 and len(at) == 2, "anchors: %s" % there)
    with open(victim.keys["a"], encoding="ascii") as f:
        key = f.read().split()[-1]
    policy = os.path.join(folder, "policy")
    with open(policy, "w", encoding="ascii") as out:
        out.write(f"log {key}\n" + "".join(f"witness w{n} {x.vkey}\n" for n, x in enumerate(w)) +
                  "group g 2 w0 w1 w2\nquorum g\n")
    verdict, report = victim.verdict(options=("--policy", policy))
    one = report["logs"][0]
    kit.check(verdict == "INCOMPLETE" and one["anchored_behind"] == at[1] and
              one["logged_after_s"] == T + 60, "%s %s" % (verdict, report))
    for entry in lines(victim, "--kind", "all", "--policy", policy):
        wanted = None if entry["index"] <= at[0] else T if entry["index"] <= at[1] else T + 60
        kit.check(entry.get("logged_after_s") == wanted, "entry %s" % entry)
    verdict, report = victim.verdict()
    kit.check(verdict == "VALID" and "logged_after" not in report["logs"][0], "without a policy")
    events = [json.loads(e["message"])["event"] for e in lines(victim, "--kind", "event")]
    kit.check(events.count("anchor-failed") == 2 and events.count("anchor-resumed") == 2,
              "events: %s" % events)
    kit.finish()


main()

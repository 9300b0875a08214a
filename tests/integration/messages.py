#!/usr/bin/env python3
"""messages.py VERIFY SOURCES: docs/messages.md says what the programs say.

Each reason code of `akashi-verify explain` stands there in the same words, and in the same order;
each message of the collector that it explains is in the collector's sources.
"""
import os
import re
import subprocess
import sys

verify, sources = sys.argv[1:3]
failed = False


def complain(text):
    global failed
    failed = True
    print(text)


def squeeze(text):
    return " ".join(text.split())


with open(os.path.join(sources, "docs", "messages.md"), encoding="utf-8") as f:
    document = f.read()
verdicts, _, diagnostics = document.partition("\n## Diagnostics of the collector\n")
if not diagnostics:
    complain("messages.md: no part for the diagnostics of the collector")

# Reason codes.
listed = subprocess.run([verify, "explain"], capture_output=True, text=True, check=True).stdout
codes = re.findall(r"^([A-Z][A-Z_]+) ", listed, re.M)
written = re.findall(r"^### ([A-Z_]+)$", verdicts, re.M)
if len(codes) < 20 or codes != written:
    complain("codes of `explain`: %s; of messages.md: %s" % (codes, written))
for code in codes:
    told = subprocess.run([verify, "explain", code], capture_output=True, text=True, check=True).stdout
    part = re.search(r"^### %s$(.*?)(?=^##|\Z)" % code, verdicts, re.M | re.S)
    if part is None:
        continue
    for line in squeeze(told.replace(code + ": ", "", 1)).split(". "):
        line = line.rstrip(".")
        for heading in ("What it means ", "What it does not mean ", "Usual causes ", "What to do "):
            line = line.replace(heading, "\0")
        for piece in filter(None, (p.strip().rstrip(".") for p in line.split("\0"))):
            if piece not in squeeze(part.group(1).replace("**", "")):
                complain("%s: messages.md does not say: %s" % (code, piece))

# Messages of the collector: what stands between the dots is in one literal of the sources.
literals = []
for name in sorted(os.listdir(os.path.join(sources, "collector"))):
    if name.endswith(".c"):
        with open(os.path.join(sources, "collector", name), encoding="utf-8") as f:
            text = f.read()
        for run in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:PRI[a-z0-9]+\s*)?"(?:[^"\\\n]|\\.)*")*', text):
            joined = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', run))
            literals.append(re.sub(r"%[-.#0-9]*(?:l|ll|z)?[a-zA-Z]", "\0", joined).replace('\\"', '"'))
messages = re.findall(r"^- `` ?(.*?) ?``$", diagnostics, re.M)
if len(messages) < 20:
    complain("messages.md explains only %d messages of the collector" % len(messages))
for message in messages:
    for piece in filter(None, (p.strip() for p in message.split("…"))):
        if not any(piece in literal for literal in literals):
            complain("no part of the collector says: %s" % piece)

print("%d codes, %d messages%s" % (len(codes), len(messages), "" if failed else ": as the programs say"))
sys.exit(1 if failed else 0)

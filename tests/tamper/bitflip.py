#!/usr/bin/python3
"""Changes a small store in every possible small way, and asks that no change passes unseen.

    bitflip.py [STORE --key VKEY] [--flips] [--cuts] [--bytes] [--sample N --seed S]
               [--driver PROGRAM] [--no-independent] [--jobs N]

--flips: every bit of every file; --cuts: every file cut at every length; --bytes: every byte left
out, doubled, and one put in before it. Without any of them all three. Without STORE a store of one
sealed and one open segment is made. Every change must give another verdict than VALID. With --driver
PROGRAM (tests/tamper/many.c) libakashi judges too, and must give the same verdict as the independent
verifier. Exit status 1 when a change passed or the two differ. Processes judge copies of the store
side by side: a tail is looked at twice, and most of that time is waiting.
"""

import argparse
import collections
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time

try:
    import akbases
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))


def changes(files, options):
    """All changes as (name, what, offset, argument)."""
    for name in sorted(files):
        n = len(files[name])
        if options.flips:
            yield from ((name, "flip", at, bit) for at in range(n) for bit in range(8))
        if options.cuts:
            yield from ((name, "cut", at, 0) for at in range(n) if at not in harmless(files, name))
        if options.bytes:
            for at in range(n):
                yield name, "leave", at, 0
                yield name, "double", at, 0
                yield name, "insert", at, 0


def harmless(files, name):
    """Where a cut takes nothing but the last NOTE of the open segment: the same checkpoint stands in
    the file `checkpoint`, so all entries are proven as before."""
    data, last = files[name], files.get("checkpoint", b"")
    at = len(data) - len(last) - 10
    whole = bytes.fromhex("5a2a4d18") + (len(last) + 2).to_bytes(4, "little") + b"\4\1" + last
    return {at} if name.endswith(".open.zst") and data[at:] == whole else set()


def changed(data, what, at, argument):
    if what == "flip":
        return data[:at] + bytes([data[at] ^ 1 << argument]) + data[at + 1:]
    if what == "cut":
        return data[:at]
    if what == "leave":
        return data[:at] + data[at + 1:]
    if what == "double":
        return data[:at + 1] + data[at:]
    return data[:at] + b"\0" + data[at:]


class Independent:
    """tests/independent/verify.py, called in this process for speed."""

    def __init__(self, directory, key):
        sys.path.insert(0, os.path.join(HERE, "../independent"))
        import verify
        self.module, self.directory = verify, directory
        self.given = verify.Given([verify.Key.parse(key.encode())])
        verify.SECOND_LOOK_SECONDS = 0

    def ask(self):
        try:
            logs = self.module.judge_path(self.directory, self.given)
        except (self.module.FormatError, OSError):
            return "NOT CHECKABLE", ()
        verdict = min((log.verdict() for log in logs), key=self.module.VERDICTS.index)
        return verdict, sorted({f.code for log in logs for f in log.findings})


class Driver:
    """libakashi through a program that judges the directory once for each line it is sent."""

    def __init__(self, program, directory, key):
        self.process = subprocess.Popen([program, directory, key], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the driver ended with status {self.process.wait()}")
        verdict, _, codes = answer.rstrip("\n").partition(":")
        return verdict, codes.split()


def show(change):
    name, what, at, argument = change
    return f"{name} {what} at {at}" + (f" bit {argument}" if what == "flip" else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store", nargs="?")
    parser.add_argument("--key")
    parser.add_argument("--flips", action="store_true")
    parser.add_argument("--cuts", action="store_true")
    parser.add_argument("--bytes", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver")
    parser.add_argument("--no-independent", action="store_true")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    options = parser.parse_args()
    if not (options.flips or options.cuts or options.bytes):
        options.flips = options.cuts = options.bytes = True
    if options.no_independent and not options.driver:
        parser.error("nobody to ask")
    files, key, log_id = take_store(options)
    todo = list(changes(files, options))
    if options.sample and options.sample < len(todo):
        todo = sorted(random.Random(options.seed).sample(todo, options.sample))
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as work, \
            multiprocessing.get_context("fork").Pool(
                options.jobs, begin, (work, files, key, log_id, options)) as pool:
        for who, (verdict, codes) in pool.apply(check_unchanged, (None,)).items():
            if verdict != "VALID":
                raise SystemExit(f"{who}: the unchanged store is not VALID: {codes}")
        return judge_all(pool, todo, files, start)


JUDGES = {}                         # of this process: name -> judge
STORE = []                          # of this process: its directory, and the files as they were


def begin(work, files, key, log_id, options):
    """A process makes a copy of the store and judges of its own."""
    directory = os.path.join(tempfile.mkdtemp(dir=work), log_id)
    os.mkdir(directory)
    for name, data in files.items():
        write(directory, name, data)
    STORE.extend((directory, files))
    if not options.no_independent:
        JUDGES["verify.py"] = Independent(directory, key)
    if options.driver:
        JUDGES["libakashi"] = Driver(options.driver, directory, key)


def check_unchanged(_):
    return {who: judge.ask() for who, judge in JUDGES.items()}


def judge_one(change):
    directory, files = STORE
    name = change[0]
    write(directory, name, changed(files[name], *change[1:]))
    answers = {who: judge.ask() for who, judge in JUDGES.items()}
    write(directory, name, files[name])
    return change, answers


def take_store(options):
    if options.store is None:
        log, secrets = akbases.tiny()
        return log.files(), secrets.vkey, secrets.log_id
    import akformat
    directory = akformat.log_directories(options.store)[0]
    files = {}
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            files[name] = f.read()
    return files, options.key, os.path.basename(os.path.normpath(directory))


def write(directory, name, data):
    # Another file each time, so that what a reader has open or mapped is never pulled from under it.
    path = os.path.join(directory, name)
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


def judge_all(pool, todo, files, start):
    verdicts, passed, differ = collections.defaultdict(collections.Counter), [], []
    progress = sys.stderr.isatty()
    for i, (change, answers) in enumerate(pool.imap(judge_one, todo, chunksize=20)):
        for who, (verdict, codes) in answers.items():
            verdicts[who][verdict] += 1
            if verdict not in ("INVALID", "NOT CHECKABLE", "INCOMPLETE"):
                passed.append(f"{who}: {show(change)}: {verdict} {' '.join(codes)}")
        if len({verdict for verdict, _ in answers.values()}) > 1:
            differ.append(f"{show(change)}: " + "; ".join(
                f"{who} {verdict} {' '.join(codes)}" for who, (verdict, codes) in answers.items()))
        if progress and i % 500 == 0:
            print(f"\r{i} of {len(todo)}", end="", file=sys.stderr)
    report(todo, files, verdicts, passed, differ, time.monotonic() - start)
    return 1 if passed or differ else 0


def report(todo, files, verdicts, passed, differ, seconds):
    for title, lines in (("passed", passed), ("differ", differ)):
        for text in lines[:50]:
            print(f"{title}: {text}")
        if len(lines) > 50:
            print(f"{title}: {len(lines) - 50} more")
    for who, counts in verdicts.items():
        print(f"{who}: " + ", ".join(f"{v} {n}" for v, n in sorted(counts.items())))
    size = sum(len(d) for d in files.values())
    print(f"{len(todo)} changes of a store of {len(files)} files and {size} bytes in {seconds:.0f} s: "
          f"{len(passed)} passed, {len(differ)} judged differently")


if __name__ == "__main__":
    sys.exit(main())

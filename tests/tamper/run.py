#!/usr/bin/python3
"""The tamper matrix: every forgery is shown to both verifiers, and both must say what is right.

    run.py [--verify PROGRAM] [--independent FILE] [--base STORE --key VKEY]... [--only GLOB]...
           [--keep DIR]

Without a program given only the other one is asked. A base is a store of one log made by another
writer; the base made here is always used, since only its secret keys are known. Exit status: 0 all
as expected, 1 not, 77 there is no verifier to ask or a module of Debian's python3 is missing.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import akbases
    import akforge
    import cases
    from casebase import ANY, Base, NoPlace, VALID
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

FORMS = {"1": 1, "2": 2, "mixed": akforge.MIXED}
REMARKS = {"TAIL_IN_FLIGHT", "FILE_DIFFERS", "NAME_DIFFERS", "UNKNOWN_FILE", "DUPLICATE_FILE",
           "NO_MANIFEST", "UNKNOWN_SIGNATURE", "UNKNOWN_KIND", "UNKNOWN_FLAG", "CLOCK_STEP",
           "FUTURE", "EPOCH_NOT_CHECKED", "EXERCISE", "ERASED",
           "ORDER_NOT_VALID", "NOT_ERASED", "STAMP_NOT_CHECKED",
           "STAMP_NOT_TRUSTED"}
PRELOAD = []                        # path of the built eio.c
QUEUE = []                           # (matrix, name, function, base), for the forked processes
STATUS = {0: "VALID", 1: "INVALID", 2: "NOT CHECKABLE", 3: "INCOMPLETE"}


class Answer:
    """What a verifier said of a store: the worst verdict and, of the log in question, the rest."""

    def __init__(self, status, logs, output):
        self.verdict = STATUS.get(status, f"exit status {status}")
        self.logs, self.output = logs, output

    def log(self, origin):
        return next((x for x in self.logs if x.get("origin") == origin),
                    self.logs[0] if self.logs else {})

    def codes(self, origin):
        return {f["code"] for f in self.log(origin).get("findings", [])}

    def files(self, origin):
        return {f.get("file") for f in self.log(origin).get("findings", [])
                if f["code"] not in REMARKS}

    def stamps(self, origin):
        """How many count, the greatest size that one is over, and by when that existed."""
        log = self.log(origin)
        return (log.get("stamps_counted", 0), log.get("stamped_size"),
                log.get("stamped_existed_by_s"))

    def proven(self, origin):
        return [tuple(r) for r in self.log(origin).get("proven", [])]


def as_ranges(value):
    return [(int(r[0]), int(r[1])) if isinstance(r, list) else
            (int(r.get("first", r.get("begin"))), int(r["end"])) for r in value]


def read_logs(text):
    """The objects of one log each: a JSON array, an object with `logs`, or one object a line."""
    values = []
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        values += value if isinstance(value, list) else value.get("logs", [value])
    for v in values:
        v["proven"] = as_ranges(v.get("proven", v.get("proven_ranges", [])))
    return values


def ask(command, store, keys, checkpoint, expect, how=("--json",)):
    words = [*command, store]
    for key in keys:
        words += ["--key", key]
    for key in expect.authority:
        words += ["--authority", key]
    if checkpoint:
        words += ["--checkpoint", checkpoint]
    if expect.tsa:
        words += ["--tsa-ca", expect.tsa_file]
    try:
        done = subprocess.run(words + list(how), capture_output=True, timeout=expect.seconds,
                              check=False, env=environment(expect))
    except subprocess.TimeoutExpired:
        return Answer("none: no end after %d s" % expect.seconds, [], "")
    text = done.stdout.decode("utf-8", "replace")
    if "--json" not in how:
        return Answer(done.returncode, [], text + done.stderr.decode("utf-8", "replace"))
    try:
        logs = read_logs(text)
    except (ValueError, KeyError, AttributeError, TypeError) as e:
        logs = []
        text = f"output is no JSON: {e}\n" + text
    return Answer(done.returncode, logs, text + done.stderr.decode("utf-8", "replace"))


def environment(expect):
    names = {**os.environ, **(expect.environment or {})}
    if expect.preload:
        names["LD_PRELOAD"] = PRELOAD[0]
        names["AKASHI_EIO_FILE"], names["AKASHI_EIO_AT"] = map(str, expect.preload)
    return names


def holes(ranges, low, high):
    """Where [low, high) is not covered by the ranges."""
    out = []
    for a, z in sorted(ranges):
        if a > low:
            out.append((low, min(a, high)))
        low = max(low, z)
        if low >= high:
            break
    if low < high:
        out.append((low, high))
    return out


def joined(ranges):
    """Ranges with neighbours as one."""
    out = []
    for a, z in sorted(ranges):
        if out and out[-1][1] >= a:
            out[-1][1] = max(z, out[-1][1])
        else:
            out.append([a, z])
    return out


def unproven(ranges):
    """What is not proven, in whole groups: within one the format leaves it to the reader how much of
    it he proves (section 13)."""
    return joined([(a // 256 * 256, (z + 255) // 256 * 256) for a, z in holes(ranges, 0, 1 << 63)])


def judge(expect, answer, origin, n):
    """What is wrong with an answer; empty when nothing is."""
    codes = answer.codes(origin)
    hard = codes - REMARKS
    wrong = []
    if expect.verdict is None:
        if answer.verdict == VALID or answer.verdict not in STATUS.values():
            wrong.append(f"verdict {answer.verdict}")
    elif expect.verdict == ANY:
        if answer.verdict not in STATUS.values():
            wrong.append(f"verdict {answer.verdict}")
    elif answer.verdict != expect.verdict:
        wrong.append(f"verdict {answer.verdict}, not {expect.verdict}")
    if expect.codes - codes:
        wrong.append("lacks " + ", ".join(sorted(expect.codes - codes)))
    if expect.one and not expect.one & codes:
        wrong.append("none of " + ", ".join(sorted(expect.one)))
    if hard - expect.allowed():
        wrong.append("says also " + ", ".join(sorted(hard - expect.allowed())))
    if expect.remarks - codes:
        wrong.append("no remark " + ", ".join(sorted(expect.remarks - codes)))
    if expect.at and expect.at not in {os.path.basename(f or "") for f in answer.files(origin)}:
        wrong.append(f"names {sorted(map(str, answer.files(origin)))}, not {expect.at}")
    if expect.stamps is not None and expect.stamps != answer.stamps(origin):
        wrong.append(f"stamps {answer.stamps(origin)}, not {expect.stamps}")
    return wrong + judge_place(expect, answer.proven(origin), n)


def judge_place(expect, proven, n):
    wrong = []
    if expect.nothing and proven:
        wrong.append(f"calls {proven} proven")
    for index in expect.touched:
        if any(a <= index < z for a, z in proven):
            wrong.append(f"calls entry {index} proven")
    if expect.damage is not None:
        low, high = expect.damage
        bad = [h for h in holes(proven, 0, n) if h[0] < low or h[1] > high]
        if bad:
            wrong.append(f"{bad} not proven, only [{low},{high}) may be")
    return wrong


def made_case(function, base):
    try:
        return function(base)
    except NoPlace:
        return None


class Result:
    """What came out of one case: lines to print, and whether it failed or was skipped."""

    def __init__(self, lines, failed=False, skipped=False):
        self.lines, self.failed, self.skipped = lines, failed, skipped


class Matrix:
    """Shows cases to verifiers. Cases run in several processes, and the verifiers of one case side
    by side, unless its store changes meanwhile."""

    def __init__(self, verifiers, keep):
        self.verifiers, self.keep = verifiers, keep
        self.failed = self.done = self.skipped = 0

    def take(self, result):
        self.done += not result.skipped
        self.failed += result.failed
        self.skipped += result.skipped
        for line in result.lines:
            print(line, flush=True)

    def run(self, name, function, base):
        fresh = base.fresh()
        expect = made_case(function, fresh)
        if expect is None or (expect.preload and not PRELOAD):
            why = "this base has no such place" if expect is None else "no --preload given"
            return Result([f"{base.name:10} {name:32} skipped: {why}"], skipped=True)
        with tempfile.TemporaryDirectory() as work:
            store = os.path.join(work, "store")
            directory = fresh.save(store)
            if expect.run and not expect.racing:
                expect.run(directory)
            wrong = self.ask_all(expect, fresh, store, directory)
            if wrong and self.keep:
                kept = os.path.join(self.keep, f"{base.name}-{name}")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(work, kept, symlinks=True, ignore=skip_special)
                with open(os.path.join(kept, "key"), "w", encoding="utf-8") as f:
                    f.write((expect.keys or [fresh.vkey] or [""])[0] + "\n")
        return Result([f"{base.name:10} {name:32} {expect.verdict or 'not VALID':13} "
                       f"{'as expected' if not wrong else 'WRONG'}",
                       *(f"    {line}" for line in wrong)], failed=bool(wrong))

    def ask_all(self, expect, base, store, directory):
        checkpoint = None
        if expect.checkpoint:
            checkpoint = os.path.join(os.path.dirname(store), "kept-checkpoint")
            with open(checkpoint, "wb") as f:
                f.write(expect.checkpoint)
        if expect.tsa:
            expect.tsa_file = os.path.join(os.path.dirname(store), "authorities")
            with open(expect.tsa_file, "wb") as f:
                f.write(expect.tsa)
        origin = base.vkey.split("+")[0]
        keys = [base.vkey] if expect.keys is None else expect.keys
        wrong, answers = [], {}
        if expect.racing:
            for who, command in self.verifiers.items():
                thread = expect.run(directory)
                answers[who] = ask(command, store, keys, checkpoint, expect)
                thread.join()
        else:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                asked = {who: pool.submit(ask, command, store, keys, checkpoint, expect)
                         for who, command in self.verifiers.items()}
            answers = {who: answer.result() for who, answer in asked.items()}
        for who, answer in answers.items():
            found = judge(expect, answer, origin, base.n)
            if expect.both and any(not ({f["code"] for f in x["findings"]} - REMARKS)
                                   for x in answer.logs):
                found.append("one of the logs passes")
            if expect.clean:
                text = ask(self.verifiers[who], store, keys, checkpoint, expect, ()).output
                if any(c != "\n" and not c.isprintable() for c in text):
                    found.append("control characters in the output")
            wrong += [f"{who}: {w}" for w in found]
            if found and not answer.logs:
                wrong.append(f"{who}: {answer.output[-300:]}")
        if not expect.racing:
            wrong += self.compare(expect, answers, origin)
        return wrong

    @staticmethod
    def compare(expect, answers, origin):
        """Verdict, codes and proven entries must be the same, but what the format leaves open."""
        wrong = []
        said = {(a.verdict, frozenset(a.codes(origin) - REMARKS) if not expect.open else 0)
                for a in answers.values()}
        if len(said) > 1:
            wrong.append("they differ: " + "; ".join(
                f"{who} {a.verdict} {sorted(a.codes(origin) - REMARKS)}"
                for who, a in answers.items()))
        if len({a.stamps(origin) for a in answers.values()}) > 1:
            wrong.append("they differ: " + "; ".join(
                f"{who} counts {a.stamps(origin)}" for who, a in answers.items()))
        if not expect.open and len({str(unproven(a.proven(origin))) for a in answers.values()}) > 1:
            wrong.append("they differ: " + "; ".join(
                f"{who} proves {joined(a.proven(origin))}" for who, a in answers.items()))
        return wrong


class Export:
    """Writes every case as a folder: store/, keys, checkpoint when one was kept, expect."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, name, function, base):
        fresh = base.fresh()
        expect = made_case(function, fresh)
        if expect is None or expect.racing or expect.preload:
            return Result([], skipped=True)
        folder = os.path.join(self.folder, f"{base.name}-{name}")
        directory = fresh.save(os.path.join(folder, "store"))
        if expect.run:
            expect.run(directory)
        keys = [fresh.vkey] if expect.keys is None else expect.keys
        if expect.tsa:
            with open(os.path.join(folder, "authorities"), "wb") as f:
                f.write(expect.tsa)
        texts = {"keys": "".join(k + "\n" for k in keys),
                 "checkpoint": (expect.checkpoint or b"").decode(),
                 "expect": f"{expect.verdict or 'not VALID'}\n{' '.join(sorted(expect.codes))}\n"
                           f"one of: {' '.join(sorted(expect.one))}\n"
                           f"may: {' '.join(sorted(expect.may))}\n{function.__doc__}\n"}
        for what, text in texts.items():
            if text:
                with open(os.path.join(folder, what), "w", encoding="utf-8") as f:
                    f.write(text)
        return Result([])

    def take(self, result):
        pass


def run_one(number):
    matrix, name, function, base = QUEUE[number]
    return matrix.run(name, function, base)


def skip_special(directory, names):
    return [n for n in names if not os.path.isfile(os.path.join(directory, n))
            and not os.path.isdir(os.path.join(directory, n))]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--verify", help="akashi-verify")
    parser.add_argument("--independent", default=os.path.join(here, "../independent/verify.py"))
    parser.add_argument("--base", action="append", default=[])
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--only", action="append", help="names of cases, with * and ?")
    parser.add_argument("--keep", help="folder for the stores of cases that fail")
    parser.add_argument("--form", choices=("1", "2", "mixed"), default="1",
                        help="form of the entries of the base that is made here")
    parser.add_argument("--list", action="store_true", help="name all cases and what they do")
    parser.add_argument("--export", help="write all stores, keys and expectations here; ask nobody")
    parser.add_argument("--preload", help="eio.c, built, for reads that fail")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    PRELOAD.extend([options.preload] if options.preload else [])
    if options.list:
        for name, function, _ in cases.CASES:
            print(f"{name:32} {' '.join(function.__doc__.split())}")
        return 0
    verifiers = {}
    if options.verify:
        verifiers["akashi-verify"] = [options.verify, "check"]
    if os.path.exists(options.independent):
        verifiers["verify.py"] = [sys.executable, options.independent]
    if not verifiers:
        print("no verifier to ask")
        return 77
    bases = [Base(*made(akbases.standard(form=FORMS[options.form])), name="made-here")]
    for i, (store, key) in enumerate(zip(options.base, options.key)):
        bases.append(Base.load(store, key))
        bases[-1].name = f"given-{i + 1}"
    matrix = Matrix(verifiers, options.keep) if options.export is None else Export(options.export)
    todo = [(name, function, base) for name, function, holder in cases.CASES
            if not options.only or any(fnmatch.fnmatch(name, o) for o in options.only)
            for base in bases if not holder or base.secrets]
    QUEUE.extend((matrix, *one) for one in todo)
    # Forked, so that the bases need not be made again.
    with concurrent.futures.ProcessPoolExecutor(
            options.jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        for result in pool.map(run_one, range(len(QUEUE))):
            matrix.take(result)
    if options.export is not None:
        return 0
    print(f"{matrix.done} forgeries shown to {' and '.join(verifiers)}: {matrix.failed} wrong, "
          f"{matrix.skipped} skipped")
    return 1 if matrix.failed or not matrix.done else 0


def made(pair):
    log, secrets = pair
    return log, secrets.vkey, secrets


if __name__ == "__main__":
    sys.exit(main())

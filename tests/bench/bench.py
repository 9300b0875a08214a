"""What all rows need: programs, peers, certificates, corpora, and one measured load."""

import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import machine
from machine import fail

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))

# Not among those of tests/peers: what only measurements need.
PACKAGES = ("syslog-ng-mod-slog", "systemd-journal-remote", "libmicrohttpd12")


class Skip(Exception):
    """A row that cannot be run here, and why."""


class Bench:
    def __init__(self, args):
        self.args, self.quick = args, args.quick
        self.work = os.path.abspath(args.work)
        self.build = os.path.abspath(args.build)
        self.began = time.monotonic()
        os.makedirs(self.work, exist_ok=True)
        self._peers = None
        self.corpora = {}

    def say(self, text):
        took = time.monotonic() - self.began
        print(f"{int(took) // 60:3d}:{int(took) % 60:02d}  {text}", file=sys.stderr, flush=True)

    # Programs

    def make(self):
        machine.run(["cmake", "-S", SOURCE, "-B", self.build])
        machine.run(["cmake", "--build", self.build, "-j", str(len(machine.cores())), "--target",
                     "akashi-collector", "akashi-verify", "akashi_load", "akashi_corpus"])
        self.collector = os.path.join(self.build, "collector/akashi-collector")
        self.verify = os.path.join(self.build, "verifier/akashi-verify")
        self.load_program = os.path.join(self.build, "tests/akashi_load")
        self.corpus_program = os.path.join(self.build, "tests/akashi_corpus")

    def peer(self, name):
        if self._peers is None:
            p = subprocess.run([os.path.join(SOURCE, "tests/peers")], capture_output=True,
                               text=True, check=False)
            if p.returncode == 77:
                raise Skip("the peers are Debian's packages, and this is not Debian")
            if p.returncode != 0:
                fail(p.stderr)
            self._peers = dict(re.findall(r"^export (\w+)=(\S+)$", p.stdout, re.M))
        return self._peers[name]

    def more_peers(self):
        """Unpacks PACKAGES once; nothing is installed."""
        folder = os.path.join(self.work, "peers")
        if not os.path.exists(os.path.join(folder, "done")):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            p = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
                                *PACKAGES], cwd=folder, capture_output=True, text=True, check=False)
            if p.returncode != 0:
                raise Skip(f"{' '.join(PACKAGES)} could not be had: {p.stderr.strip()[-300:]}")
            for deb in glob.glob(f"{folder}/*.deb"):
                machine.run(["dpkg", "-x", deb, folder])
            open(f"{folder}/done", "w", encoding="ascii").close()
        return folder

    def slog_folder(self, name):
        return os.path.join(self.more_peers(), name)

    def slog_modules(self):
        return os.path.dirname(glob.glob(self.slog_folder("usr/lib/syslog-ng/*/libsecure*.so"))[0])

    def libraries(self):
        """Where tests/peers keeps libraries that are not installed."""
        root = self.peer("PEERS")
        return ":".join([f"{root}/usr/lib/x86_64-linux-gnu", f"{root}/lib/x86_64-linux-gnu",
                         f"{root}/usr/lib/syslog-ng"])

    def slog_environment(self):
        return {"LD_LIBRARY_PATH": self.libraries()}

    def journal_remote(self):
        if shutil.which("journalctl") is None or os.geteuid() != 0:
            raise Skip("sealing a journal wants root (a mount namespace) and journalctl")
        return self.slog_folder("lib/systemd/systemd-journal-remote")

    def journal_libraries(self):
        return self.slog_folder("usr/lib/x86_64-linux-gnu")

    def certificate(self, name):
        folder = os.path.join(self.work, "certificates")
        if not os.path.exists(os.path.join(folder, "sender.key")):
            machine.run([os.path.join(SOURCE, "collector/dist/make-certificates"), folder, "sender"])
        return os.path.join(folder, name)

    # Corpora

    def corpus(self, records, seed=1, kind="made"):
        """A file of at least so many lines; `real`: from the real logs beside the project."""
        have = self.corpora.get((seed, kind))
        if have is not None and have[1] >= records:
            return have[0]
        path = os.path.join(self.work, f"corpus-{kind}-{seed}")
        stamp = f"{records} {os.path.getmtime(self.corpus_program)}"
        if os.path.exists(path + ".stamp"):
            with open(path + ".stamp", encoding="ascii") as f:
                old = f.read()
            if old.split()[1] == stamp.split()[1] and int(old.split()[0]) >= records:
                self.corpora[seed, kind] = (path, int(old.split()[0]))
                return path
        files = []
        if kind == "real":
            files = sorted(glob.glob(os.path.join(self.args.shared, "loghub/*.log")))
            if not files:
                raise Skip("there are no real logs in " + self.args.shared)
        with open(path, "wb") as out:
            subprocess.run([self.corpus_program, str(records), str(seed), *files], stdout=out,
                           check=True)
        with open(path + ".stamp", "w", encoding="ascii") as f:
            f.write(stamp)
        self.corpora[seed, kind] = (path, records)
        return path

    def bytes_of(self, path, records):
        """Bytes of the first lines of a file, their LFs included."""
        total = 0
        with open(path, "rb") as f:
            for _ in range(records):
                total += len(f.readline())
        return total

    # One load

    def load(self, mode, port, corpus=None, cores=None, **options):
        argv = [self.load_program, mode, "--to", f"127.0.0.1:{port}"]
        if corpus:
            argv += ["--corpus", corpus]
        for name, value in options.items():
            argv += [f"--{name}"] + ([] if value is True else [str(value)])
        return json.loads(machine.run(argv, on=cores or machine.core(machine.LOAD_CORE)))

    def sender(self):
        return {"certificate": self.certificate("sender.pem"),
                "key": self.certificate("sender.key"), "ca": self.certificate("ca.pem")}

    def ingest(self, server, mode, records, corpus=None, size=None, check=True, cores=None,
               **options):
        """Starts the server, sends, waits until all is stored, stops, checks, cleans up."""
        corpus = corpus or self.corpus(records)
        size = size or self.bytes_of(corpus, records)
        server.start()
        try:
            before = server.cpu()
            sent = self.load(mode, server.port, corpus, records=records, cores=cores, **options)
            end = server.wait(records, size)
            used = server.cpu() - before
            memory = machine.memory(server.process.pid)
            if check:
                server.check(records, size)
        finally:
            server.stop()
        return {"server": server.name, "records": records, "seconds": end - sent["begin"],
                "rate": records / (end - sent["begin"]), "cpu_s": used,
                "cpu_rate": records / max(used, 0.01), "rss_kib": memory[1], "load": sent}

    def pairs(self, turns, ours, theirs):
        """A B A B ...: both measured in each turn, so that the machine's mood hits both."""
        a, b = [], []
        for turn in range(turns):
            a.append(ours())
            b.append(theirs())
            self.say(f"    turn {turn + 1}: {short(a[-1]['rate'])}/s against "
                     f"{short(b[-1]['rate'])}/s")
        return a, b


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def ratio(a, b, key="rate"):
    """Median of the ratios of the pairs."""
    return statistics.median(x[key] / y[key] for x, y in zip(a, b))


def short(value):
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"

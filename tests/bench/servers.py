"""The servers that are measured: akashi-collector and what people would use instead.

Each has start(), port, wait(records, bytes) -> the time at which all of it was stored, cpu(),
stop() and check(records, bytes), which fails if not every record is there.
"""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time

import machine
from machine import fail


class Server:
    name = "?"
    process = None
    seconds_max = 240

    def __init__(self, bench, name):
        self.bench = bench
        self.folder = os.path.join(bench.work, "run", name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.cores = machine.core(machine.SERVER_CORE)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def log(self):
        return open(self.path("log"), "ab")

    def cpu(self):
        return machine.cpu(self.process.pid)

    def alive(self):
        if self.process.poll() is not None:
            with open(self.path("log"), encoding="utf-8", errors="replace") as f:
                fail(f"{self.name} ended with {self.process.returncode}: {f.read()[-800:]}")
        return True

    def stop(self):
        machine.stop(self.process)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Akashi(Server):
    name = "akashi-collector"

    def __init__(self, bench, name="akashi", transports=("tcp",), options=None, cores=None,
                 limits=None):
        super().__init__(bench, name)
        self.ports, self.options, self.limits = {}, options or {}, limits or {}
        self.transports = transports
        if cores is not None:
            self.cores = cores

    def configuration(self):
        lines = [f"store: {self.path('store')}", f"control: {self.path('control')}",
                 "disk_warn_free: 0", "logs:", "  - name: bench"]
        lines += [f"    {k}: {v}" for k, v in self.options.items()]
        lines.append("listeners:")
        for t in self.transports:
            lines += [f"  - url: {t}://127.0.0.1:0", "    log: bench"]
            if t in ("tls", "relp+tls"):
                lines += ["    tls:"] + [f"      {k}: {self.bench.certificate(v)}" for k, v in
                          (("certificate", "server.pem"), ("key", "server.key"), ("ca", "ca.pem"))]
            if self.limits:
                lines += ["    limits:"] + [f"      {k}: {v}" for k, v in self.limits.items()
                                            if "tls" in t or k != "connections_per_certificate"]
        return "\n".join(lines) + "\n"

    def start(self, again=False):
        if not again:
            vkey = machine.run([self.bench.collector, "init", "--store", self.path("store"), "--log",
                                "bench", "--origin", "bench.example/speed", "--epochs", "64"])
            self.write("vkey", vkey)
        config = self.write("conf", self.configuration())
        begin = time.monotonic()
        self.process = machine.start([self.bench.collector, "run", "--config", config],
                                     on=self.cores, stdout=subprocess.PIPE, stderr=self.log())
        self.ports = {}
        for line in iter(self.process.stdout.readline, b""):
            if line == b"ready\n":
                self.start_seconds = time.monotonic() - begin
                self.durable = self.status()["durable"]
                return self
            found = re.match(rb"listening ([a-z+]+)://127\.0\.0\.1:(\d+)", line)
            if found:
                self.ports[found[1].decode()] = int(found[2])
        self.alive()
        fail("akashi-collector does not start")

    @property
    def port(self):
        return self.ports[self.transports[0]]

    def ask(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path("control"))
            s.sendall(b'{"order":"status"}\n')
            text = b""
            while not text.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    fail("akashi-collector says nothing")
                text += more
        return json.loads(text)

    def status(self):
        return self.ask()["logs"][0]

    def all_safe(self, records):
        s = self.status()
        return (s["records"] >= records and s["durable"] >= self.durable + records + s["sources"] and
                s["signed"] == s["durable"])

    def wait(self, records, _bytes):
        return machine.wait_until(lambda: self.alive() and self.all_safe(records),
                                  self.seconds_max, "all records durable and signed")

    def stop(self):
        # The last segment is sealed by a thread that gives way to everything else on the machine.
        if not machine.stop(self.process, seconds=600):
            fail("akashi-collector did not stop in 600 s")

    def log_folder(self):
        found = [d for d in glob.glob(self.path("store/*"))
                 if re.fullmatch(r"[0-9a-f]{32}", os.path.basename(d))]
        return found[0] if len(found) == 1 else fail("not one log in the store")

    def verify(self, jobs=None, on=None):
        argv = [self.bench.verify, "check", self.path("store"), "--key", self.path("vkey")]
        if jobs:
            argv += ["--jobs", str(jobs)]
        return machine.timed(argv, on=on)

    def check(self, records, _bytes):
        """Every entry is proven, and there are as many payloads of records as were sent."""
        self.stop()
        p = subprocess.run([self.bench.verify, "check", self.path("store"), "--key",
                            self.path("vkey"), "--json"], capture_output=True, check=False)
        report = json.loads(p.stdout)
        log = report["logs"][0]
        if p.returncode != 0 or log["proven_entries"] != log["size"]:
            fail(f"the store does not verify: {report['verdict']} {log['codes']}")
        lines = count_lines(sorted(glob.glob(os.path.join(self.log_folder(), "*.zst"))))
        if lines != records:
            fail(f"{records} records were sent and {lines} are in the store")


def count_lines(files):
    """Records of the corpus begin with '<', the log's own entries with '{'."""
    total = 0
    for name in files:
        cat = subprocess.Popen(["zstd", "-dcq", name], stdout=subprocess.PIPE)
        count = subprocess.run(["grep", "-c", "^<"], stdin=cat.stdout, stdout=subprocess.PIPE,
                               env=dict(os.environ, LC_ALL="C"), check=False)
        cat.wait()
        total += int(count.stdout)
    return total


class Rsyslog(Server):
    """rsyslog to a plain file: what was received, nothing added."""
    name = "rsyslog"

    def __init__(self, bench, kind="tcp", durable=False, name="rsyslog"):
        super().__init__(bench, name)
        self.kind, self.durable = kind, durable
        self.out = self.path("out")

    def configuration(self):
        sync = 'sync="on"' if self.durable else 'ioBufferSize="64k"'
        queue = ('queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="1024" '
                 'queue.workerThreads="1"')
        if self.durable:
            queue = ('queue.type="Disk" queue.filename="q" queue.syncqueuefiles="on" '
                     'queue.checkpointinterval="1" queue.dequeueBatchSize="1024" '
                     'queue.maxDiskSpace="4g" queue.size="1000000"')
        head = f'''global(workDirectory="{self.folder}" maxMessageSize="64k"
       parser.escapeControlCharactersOnReceive="off"
       defaultNetstreamDriverCAFile="{self.bench.certificate('ca.pem')}"
       defaultNetstreamDriverCertFile="{self.bench.certificate('server.pem')}"
       defaultNetstreamDriverKeyFile="{self.bench.certificate('server.key')}")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="r" {queue}) {{
  action(type="omfile" file="{self.out}" template="raw" {sync})
}}
'''
        port = self.ports
        if self.kind == "tcp":
            return head + f'''module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="r")
'''
        if self.kind == "tls":
            return head + f'''module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
       streamDriver.authMode="x509/certvalid")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="r")
'''
        if self.kind == "relp":
            return head + f'''module(load="imrelp")
input(type="imrelp" address="127.0.0.1" port="{port}" maxDataSize="128k" ruleset="r")
'''
        return head + f'''module(load="imudp" batchSize="128")
input(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="8m" ruleset="r")
'''

    def start(self):
        self.ports = self.port = machine.free_port(
            socket.SOCK_DGRAM if self.kind == "udp" else socket.SOCK_STREAM)
        config = self.write("conf", self.configuration())
        self.process = machine.start([self.bench.peer("RSYSLOGD"), "-n", "-f", config, "-i",
                                      self.path("pid")], on=self.cores, stdout=self.log(),
                                     stderr=subprocess.STDOUT)
        wait_for_port(self, self.port, self.kind == "udp")
        return self

    def stored(self):
        return os.path.getsize(self.out) if os.path.exists(self.out) else 0

    def wait(self, _records, size):
        return machine.wait_until(lambda: self.alive() and self.stored() >= size, self.seconds_max,
                                  "all records in rsyslog's file")

    def check(self, records, size):
        self.stop()
        lines = int(machine.run(["wc", "-l", self.out]).split()[0])
        if lines != records or self.stored() != size:
            fail(f"{records} records were sent and rsyslog has {lines} lines, "
                 f"{self.stored()} bytes instead of {size}")


class Slog(Server):
    """syslog-ng with secure logging: encrypted, authenticated lines in a file."""
    name = "syslog-ng slog"

    def __init__(self, bench, name="slog"):
        super().__init__(bench, name)
        self.out = self.path("out")

    def tool(self, *argv):
        return machine.run(list(argv), env=dict(os.environ, **self.bench.slog_environment()))

    def start(self):
        self.port = machine.free_port()
        tools = self.bench.slog_folder("usr/bin")
        self.tool(f"{tools}/slogkey", "--master-key", self.path("master"))
        self.tool(f"{tools}/slogkey", "-d", self.path("master"), "52:54:00:00:00:01", "1",
                  self.path("host.key"))
        shutil.copy(self.path("host.key"), self.path("first.key"))
        modules = f"{self.bench.peer('SYSLOG_NG_MODULES')}:{self.bench.slog_modules()}"
        config = self.write("conf", f'''@version: 3.38
@module secure-logging
options {{ keep-timestamp(yes); stats-freq(0); }};
source s {{ syslog(ip("127.0.0.1") port({self.port}) transport("tcp") flags(store-raw-message)
  log-iw-size(10000) log-fetch-limit(1000)); }};
template slog {{ template("$(slog -k {self.path('host.key')} -m {self.path('mac')} $RAWMSG)\\n"); }};
destination d {{ file("{self.out}" template(slog)); }};
log {{ source(s); destination(d); flags(flow-control); }};
''')
        self.process = machine.start(
            [self.bench.peer("SYSLOG_NG"), "--module-path", modules, "-F", "-f", config, "-R",
             self.path("persist"), "-p", self.path("pid"), "-c", self.path("ctl")], on=self.cores,
            stdout=self.log(), stderr=subprocess.STDOUT)
        wait_for_port(self, self.port)
        return self

    def lines(self):
        with open(self.out, "rb") as f:
            return f.read().count(b"\n")

    def wait(self, records, _size):
        return machine.wait_until(
            lambda: self.alive() and os.path.exists(self.out) and self.lines() >= records,
            self.seconds_max, "all records in slog's file", pause=0.05)

    def check(self, records, _size):
        self.stop()
        if self.lines() != records:
            fail(f"slog has {self.lines()} lines, not {records}")

    def verify(self):
        env = dict(os.environ, **self.bench.slog_environment())
        return machine.timed([f"{self.bench.slog_folder('usr/bin')}/slogverify", "--key-file",
                              self.path("first.key"), "--mac-file", self.path("mac"), self.out,
                              self.path("plain")], on=self.cores, env=env)


class Journal(Server):
    """systemd-journal-remote, sealed, fed with the journal's export format over TCP.

    Its sealing key must lie in /var/log/journal: in a mount namespace of its own that is a folder
    here, so this machine's journal is not touched."""
    name = "systemd-journal-remote"

    def __init__(self, bench, name="journal"):
        super().__init__(bench, name)
        self.out = self.path("out.journal")

    def inside(self, *argv):
        return ["unshare", "--mount", "sh", "-c",
                'mount --bind "$0" /var/log/journal && exec "$@"', self.path("var"), *argv]

    def start(self):
        self.port = machine.free_port()
        with open("/etc/machine-id", encoding="ascii") as f:
            machine_id = f.read().strip()
        os.makedirs("/var/log/journal", exist_ok=True)
        os.makedirs(self.path(f"var/{machine_id}"))
        self.key = machine.run(self.inside("journalctl", "--setup-keys", "--interval=15min",
                                           "--force")).split()[-1]
        env = dict(os.environ, LD_LIBRARY_PATH=self.bench.journal_libraries())
        self.process = machine.start(
            self.inside(self.bench.journal_remote(), f"--output={self.out}", "--split-mode=none",
                        "--seal=yes", f"--listen-raw=127.0.0.1:{self.port}"),
            on=self.cores, stdout=self.log(), stderr=subprocess.STDOUT, env=env)
        wait_for_port(self, self.port)
        return self

    def wait(self, _records, _size):
        return time.monotonic()     # the generator ends when the server has read to the end

    def count(self):
        cat = subprocess.Popen(["journalctl", f"--file={self.out}", "-o", "cat"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found = subprocess.run(["grep", "-c", "^<"], stdin=cat.stdout, capture_output=True,
                               check=False)
        cat.wait()
        return int(found.stdout)

    def check(self, records, _size):
        self.stop()
        if self.count() != records:
            fail(f"the journal has {self.count()} records, not {records}")

    def verify(self):
        return machine.timed(self.inside("journalctl", "--verify", f"--verify-key={self.key}",
                                         f"--file={self.out}"), on=self.cores)


def wait_for_port(server, port, udp=False):
    """Until somebody listens there, as the kernel's table says: a connection would be a client."""
    table = "/proc/net/udp" if udp else "/proc/net/tcp"
    def there():
        server.alive()
        with open(table, encoding="ascii") as f:
            lines = [line.split() for line in f.readlines()[1:]]
        return any(x[1].endswith(f":{port:04X}") and (udp or x[3] == "0A") for x in lines)
    machine.wait_until(there, 20, f"{server.name} listens", pause=0.05)

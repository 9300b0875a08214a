#!/usr/bin/python3
"""The process that has the secret keys, as somebody meets it who broke into the collector, or whose
signer died: no secret in the collector's memory, the signer's own memory closed to others, few
system calls, no life beyond the collector's; its death is told, and what came meanwhile is signed by
the next start. A restored store is not signed, and told how to go on; a log that was revoked too.

    signer.py COLLECTOR VERIFY
"""
import base64
import glob
import os
import re
import shutil
import signal
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY = sys.argv[1:3]
NOBODY = 65534


def signer_of(pid):
    """Its only child."""
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        children = [int(word) for word in f.read().split()]
    kit.check(len(children) == 1, "the collector has one child: %r" % children)
    return children[0]


def gone(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def secrets(victim):
    found = []
    for name, cut in (("log.key", 0), ("epoch.seed", 4)):
        for path in glob.glob(victim.store + "/keys/*/" + name):
            with open(path, "rb") as f:
                found.append(f.read()[cut:])
    return found


def memory_holds(pid, wanted):
    """Which of these bytes stand anywhere in the memory of a process; only root may look."""
    found = set()
    with open("/proc/%d/maps" % pid, encoding="ascii", errors="replace") as f:
        ranges = [line.split() for line in f]
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for words in ranges:
            if not words[1].startswith("r") or words[-1] in ("[vvar]", "[vsyscall]",
                                                             "[vvar_vclock]"):
                continue
            begin, end = (int(x, 16) for x in words[0].split("-"))
            if end - begin > 1 << 32:
                continue  # a sanitizer's shadow
            tail = b""
            for at in range(begin, end, 1 << 22):
                try:
                    mem.seek(at)
                    part = tail + mem.read(min(1 << 22, end - at))
                except (OSError, OverflowError, ValueError):
                    break
                found.update(i for i, w in enumerate(wanted) if w in part)
                tail = part[-64:]
    return found


def memory(victim):
    """The secrets are in the signer (so the search can find them) and not in the collector."""
    if os.geteuid() != 0:
        print("memory of the processes: not searched, as only root may read it")
        return
    wanted = secrets(victim)
    pid = victim.process.pid
    kit.check(memory_holds(signer_of(pid), wanted) == {0, 1}, "the signer has both secrets")
    kit.check(memory_holds(pid, wanted) == set(), "the collector has none of them")


def closed(victim):
    """What it gave up; a process of the same user cannot read it."""
    pid = signer_of(victim.process.pid)
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    kit.check(status["Seccomp"].strip() == "2", "a filter of system calls is in force")
    kit.check(status["NoNewPrivs"].strip() == "1", "no new privileges")
    with open("/proc/%d/limits" % pid, encoding="ascii") as f:
        core = [line.split() for line in f if line.startswith("Max core file size")][0]
    kit.check(core[4:6] == ["0", "0"], "no core file: %r" % core)
    kit.check(os.stat("/proc/%d/mem" % pid).st_uid == 0, "its memory is not its user's to open")


def as_nobody(folder):
    """A collector that is not root's: another process of its user cannot open its signer."""
    if os.geteuid() != 0:
        print("a second user: not tried, as only root may become one")
        return
    victim = fault.Victim((COLLECTOR, VERIFY), folder, fault.LISTENERS)
    for path, names, files in os.walk(folder):
        for name in [path] + [os.path.join(path, n) for n in names + files]:
            os.chown(name, NOBODY, NOBODY)
    victim.wrap = ["setpriv", "--reuid", str(NOBODY), "--clear-groups"]
    if subprocess.run(victim.wrap + [COLLECTOR, "--version"], capture_output=True,
                      check=False).returncode != 0:
        print("a second user: not tried, as the program is not open to others")
        return
    if not victim.begin():
        kit.fail("it did not start as another user: " + victim.stderr())
        return
    pid = signer_of(victim.process.pid)
    done = subprocess.run(victim.wrap + ["cat", "/proc/%d/environ" % pid, "/proc/%d/mem" % pid],
                          capture_output=True, text=True, check=False)
    kit.check(done.stderr.count("Permission denied") == 2 and not done.stdout,
              "its own user cannot read its memory: " + done.stderr)
    victim.ends()


def dies(victim):
    """Killed while records come: that is said once, receiving goes on; the next start signs all."""
    pid = signer_of(victim.process.pid)
    os.kill(pid, signal.SIGKILL)
    victim.says("signer: its process was ended by signal 9")
    victim.send("after", 200)
    victim.ends("it ends in order without its signer")
    said = victim.stderr()
    kit.check(said.count("error: log a: signer:") == 1, "its end is told once:\n" + said)
    verdict, _ = victim.verdict()
    kit.check(verdict == "INCOMPLETE", "what came then is not signed: " + verdict)
    kit.check(victim.begin(), "it starts again")
    kit.until("all is signed again", lambda: victim.verdict()[0] == "VALID")
    done = subprocess.run([VERIFY, "cat", victim.store, "--key", victim.keys["a"], "--kind", "event"],
                          capture_output=True, text=True, check=False)
    kit.check("signing-stopped" in done.stdout, "an event tells of it: " + done.stderr)


def ends_with_it(victim):
    """The collector is killed: the signer does not outlive it. SIGTERM alone does not end it."""
    pid = signer_of(victim.process.pid)
    os.kill(pid, signal.SIGTERM)
    victim.send("still", 10)
    kit.check(signer_of(victim.process.pid) == pid, "it outlasts SIGTERM")
    victim.die()
    kit.until("the signer ends with its collector", lambda: gone(pid))


def restored(victim, folder):
    """Nothing is signed for a store from before, and what to do is said (waiting.py has the rest)."""
    kept = os.path.join(folder, "kept")
    kit.check(victim.begin(), "it starts")
    victim.ends()
    shutil.copytree(victim.store, kept)
    kit.check(victim.begin(), "it starts")
    victim.send("later", 50)
    victim.ends()
    for path in glob.glob(victim.store + "/keys/*/state"):
        shutil.copy(path, os.path.join(kept, os.path.relpath(path, victim.store)))
    way_on = "o on with: akashi-collector succeed --store %s --log a" % kept
    with subprocess.Popen([COLLECTOR, "run", "--store", kept, "--log", "a", "--listen",
                           "tcp://127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as run:
        kit.check("ready\n" in iter(run.stdout.readline, ""), "it does not receive")
        run.send_signal(signal.SIGTERM)
        _, told = run.communicate(timeout=kit.PATIENCE)
    kit.check(run.returncode == 0 and
              re.search(r"asked for size \d+, but signed \d+ on .*older copy.*G" + way_on, told),
              "an older copy: " + told)
    # A command that wants the log signed is refused, and says the same.
    done = subprocess.run([COLLECTOR, "key", "rotate", "--store", kept, "--log", "a"],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 1 and "its successor waits: " in done.stderr and
              way_on in done.stderr, done.stderr)


def revoked(victim):
    """The log ends with an entry that says so, no secret is left, and nothing is signed any more."""
    wanted = secrets(victim)
    order = [COLLECTOR, "key", "revoke", "--store", victim.store, "--log", "a"]
    way_on = "go on with: akashi-collector succeed --store %s --log a" % victim.store
    kit.check(victim.begin(), "it starts")
    done = subprocess.run(order, capture_output=True, text=True, check=False)
    kit.check(done.returncode == 1 and "is in use by" in done.stderr, "not while it runs: "
              + done.stderr)
    victim.ends()
    for _ in range(2):  # what a crash interrupted is gone on with
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        kit.check(done.returncode == 0 and way_on in done.stdout, "revoked: " + done.stderr)
    for path, _, names in os.walk(victim.store):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                data = f.read()
            kit.check(not any(w in data for w in wanted), "a secret is left in " + name)
    done = subprocess.run([VERIFY, "cat", victim.store, "--key", victim.keys["a"], "--kind", "event"],
                          capture_output=True, text=True, check=False)
    kit.check('"reason":"revoked"' in done.stdout.splitlines()[-1] and
              " proven " in done.stdout.splitlines()[-1], "the last event: " + done.stdout[-300:])
    kit.check(victim.verdict()[0] == "VALID", "all of it is proven")
    with open(victim.keys["a"], encoding="ascii") as f:
        vkey = f.read()
    done = subprocess.run([COLLECTOR, "key", "show", "--store", victim.store, "--log", "a"],
                          capture_output=True, text=True, check=False)
    kit.check(done.stdout == vkey, "its vkey is still known: " + done.stderr)
    kit.check(victim.begin() and "revoked for good" in victim.stderr() and
              way_on.replace("go", "Go") in victim.stderr(),
              "nothing is signed any more: " + victim.stderr())
    victim.ends()


def begin_log(folder, where, env):
    """A log whose key is where `where` says, through init and runs; gives what init said."""
    os.makedirs(folder)
    config = os.path.join(folder, "akashi.conf")
    with open(config, "w", encoding="utf-8") as out:
        out.write("store: store\nlogs:\n  - {name: a, epochs: 16, log_key: \"%s\"}\n"
                  "listeners:\n  - {url: \"relp://127.0.0.1:0\", log: a}\n" % where)
    return config, subprocess.run([COLLECTOR, "init", "--config", config, "--log", "a", "--origin",
                                   "a.example/key"], capture_output=True, text=True, check=False,
                                  env=env)


class Elsewhere(fault.Victim):
    """A victim of which init was given already."""

    def __init__(self, folder, config, vkey):
        # pylint: disable=super-init-not-called
        self.collector, self.verify_program = COLLECTOR, VERIFY
        self.folder, self.config, self.logs = folder, config, ["a"]
        self.store = os.path.join(folder, "store")
        self.stderr_path = os.path.join(folder, "stderr")
        self.wrap, self.process, self.urls = [], None, []
        self.keys = {"a": os.path.join(folder, "vkey")}
        with open(self.keys["a"], "w", encoding="ascii") as out:
            out.write(vkey)


def run_elsewhere(victim, env, name):
    for turn in ("first", "second"):
        kit.check(victim.begin(env=env), "%s: it starts: %s" % (name, victim.stderr()))
        victim.send(name + turn, 30)
        victim.ends(name + ": it ends")
    kit.check(not glob.glob(victim.store + "/keys/*/log.key"), name + ": no log key in the store")
    kit.check(victim.verdict()[0] == "VALID", name + ": all is proven")


def credential(folder):
    """The log key comes from systemd's directory; without it nothing is signed, with another neither,
    and when it is back all is."""
    given = os.path.join(folder, "credentials")
    os.makedirs(given)
    with open(os.path.join(given, "log-a"), "wb") as out:
        out.write(os.urandom(32))
    env = dict(os.environ, CREDENTIALS_DIRECTORY=given)
    config, done = begin_log(os.path.join(folder, "credential"), "credential:log-a", env)
    kit.check(done.returncode == 0, "init with a credential: " + done.stderr)
    victim = Elsewhere(os.path.join(folder, "credential"), config, done.stdout)
    run_elsewhere(victim, env, "credential")
    with open(os.path.join(given, "log-a"), "rb") as f:
        key = f.read()
    bare = {name: value for name, value in os.environ.items() if name != "CREDENTIALS_DIRECTORY"}
    for other, said in ((None, "LoadCredential"), (os.urandom(32), "not the log's")):
        with open(os.path.join(given, "log-a"), "wb") as out:
            out.write(other or key)
        kit.check(victim.begin(env=env if other else bare) and said in victim.stderr(),
                  "without the key: " + victim.stderr())
        victim.send("credential" + said, 10)
        victim.ends()
        kit.check(victim.verdict()[0] == "INCOMPLETE", "it is signed")
    with open(os.path.join(given, "log-a"), "wb") as out:
        out.write(key)
    run_elsewhere(victim, env, "credential again")
    done = subprocess.run([COLLECTOR, "key", "revoke", "--store", victim.store, "--log", "a"],
                          capture_output=True, text=True, check=False, env=env)
    kit.check(done.returncode == 0 and "still the credential log-a" in done.stdout,
              "revoked with a credential: " + done.stdout + done.stderr)


def token(folder):
    """The log key is in a PKCS#11 token; a wrong PIN or name is refused, with the reason."""
    module = next(iter(glob.glob("/usr/lib/softhsm/libsofthsm2.so") +
                       glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")), None)
    tool = shutil.which("softhsm2-util")
    if module is None or tool is None:
        print("PKCS#11: not tried, as there is no softhsm2")
        return
    tokens = os.path.join(folder, "tokens")
    os.makedirs(tokens)
    conf, pin, key = (os.path.join(folder, name) for name in ("softhsm.conf", "pin", "key.pem"))
    for path, text in ((conf, "directories.tokendir = %s\nlog.level = ERROR\n" % tokens),
                       (pin, "1234\n")):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
    env = dict(os.environ, SOFTHSM2_CONF=conf)
    for order in ([tool, "--init-token", "--free", "--label", "akashi", "--pin", "1234", "--so-pin",
                   "5678"], ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key],
                  [tool, "--import", key, "--token", "akashi", "--label", "power-a", "--id", "01",
                   "--pin", "1234"]):
        subprocess.run(order, env=env, check=True, capture_output=True)
    uri = "pkcs11:token=akashi;object=power-%s?module-path=%s&pin-source=%s"
    config, done = begin_log(os.path.join(folder, "none"), uri % ("b", module, pin), env)
    kit.check(done.returncode == 1 and "fits no key" in done.stderr, "no such key: " + done.stderr)
    with open(pin + "2", "w", encoding="ascii") as out:
        out.write("4321\n")
    config, done = begin_log(os.path.join(folder, "wrong"), uri % ("a", module, pin + "2"), env)
    kit.check(done.returncode == 1 and "C_Login (the PIN) failed" in done.stderr,
              "a wrong PIN: " + done.stderr)
    config, done = begin_log(os.path.join(folder, "token"), uri % ("a", module, pin), env)
    kit.check(done.returncode == 0, "init with a token: " + done.stderr)
    raw = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                         capture_output=True, check=True).stdout[-32:]
    kit.check(base64.b64decode(done.stdout.split("+", 2)[2])[1:] == raw, "the vkey is the token's")
    victim = Elsewhere(os.path.join(folder, "token"), config, done.stdout)
    run_elsewhere(victim, env, "token")
    revoked_token(victim, env, module, "pkcs11-tool --module '%s' --token-label 'akashi' --login "
                  "--delete-object --type privkey --label 'power-a'" % module)


def revoked_token(victim, env, module, command):
    """The key in the token is not this program's to destroy: it says so, and by which command."""
    done = subprocess.run([COLLECTOR, "key", "revoke", "--store", victim.store, "--log", "a"],
                          capture_output=True, text=True, check=False, env=env)
    kit.check(done.returncode == 0, "revoked with a token: " + done.stderr)
    lines = done.stdout.splitlines()
    kit.check(len(lines) == 2 and lines[1].startswith("The log key is still in its token") and
              lines[1].endswith(": " + command), "how to destroy it: " + done.stdout)
    if shutil.which("pkcs11-tool") is None:
        print("PKCS#11: the command that destroys a key was not tried, as there is no pkcs11-tool")
        return
    look = ["pkcs11-tool", "--module", module, "--token-label", "akashi", "--login", "--pin", "1234",
            "--list-objects", "--type", "privkey"]
    before = subprocess.run(look, capture_output=True, text=True, check=True, env=env)
    kit.check("power-a" in before.stdout, "it is there before: " + before.stdout)
    subprocess.run(lines[-1].rsplit(": ", 1)[1] + " --pin 1234", shell=True, check=True, env=env,
                   capture_output=True)
    after = subprocess.run(look, capture_output=True, text=True, check=True, env=env)
    kit.check("power-a" not in after.stdout, "it is gone after: " + after.stdout)


def no_command():
    """Nobody starts a signer by hand."""
    done = subprocess.run([COLLECTOR, "signer-process"], capture_output=True, text=True, check=False)
    kit.check(done.returncode == 2 and "no command for people" in done.stderr, done.stderr)


def main():
    folder = kit.workspace()
    os.chmod(folder, 0o755)
    victim = fault.Victim((COLLECTOR, VERIFY), os.path.join(folder, "one"), fault.LISTENERS)
    no_command()
    kit.check(victim.begin(), "it starts")
    victim.send("before", 200)
    memory(victim)
    closed(victim)
    dies(victim)
    ends_with_it(victim)
    restored(victim, folder)
    revoked(victim)
    credential(folder)
    token(folder)
    as_nobody(os.path.join(folder, "two"))
    kit.finish()


main()

"""What the tests of prove, proof, history and compare share: running the program, counting, stores.

The stores come from tests/tamper, whose maker understands the format on its own. Exit status 77: a
module of Debian's python3 is missing."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tamper"))
try:
    import akbases
    import akforge
    from akbase import Secrets
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)


class Cases:
    """Runs akashi-verify in a folder of its own and counts what was looked at."""

    def __init__(self, program):
        self.program = os.path.realpath(program)
        self.folder = tempfile.TemporaryDirectory(prefix="akashi-prove-")
        os.chdir(self.folder.name)
        self.count = self.failed = 0
        self.out = self.err = ""

    def expect(self, truth, text):
        self.count += 1
        if not truth:
            self.failed += 1
            print(f"FAILED {text}\n  {self.out.strip()[:2000]}\n  {self.err.strip()[:1000]}")

    def run(self, status, *words, says=()):
        """Runs the program; `says` must all be in what it prints."""
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        self.out, self.err = done.stdout.decode(), done.stderr.decode()
        line = "akashi-verify " + " ".join(map(str, words))
        self.expect(done.returncode == status, f"{line}: status {done.returncode}, not {status}")
        for text in [says] if isinstance(says, str) else says:
            self.expect(" ".join(text.split()) in " ".join((self.out + self.err).split()),
                        f"{line} does not say: {text}")
        if words[0] == "export":  # whatever is made, its README.txt can be written again
            self.expect("README_DIFFERS" not in self.out, f"{line}: README.txt differs")

    def json(self, status, *words):
        self.run(status, *words, "--json")
        try:
            report = json.loads(self.out)
        except ValueError:
            self.expect(False, f"{words}: no JSON")
            return {}
        self.expect(report.get("exit_status") == status, f"{words}: exit_status in JSON")
        return report

    def end(self):
        self.folder.cleanup()
        print(f"{self.count} checks, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def put(name, data):
    with open(name, "wb") as f:
        f.write(data)


def get(name):
    with open(name, "rb") as f:
        return f.read()


def save(log, secrets, name):
    """Writes a store, and its key beside it."""
    log.save(os.path.join(name, log.log_id))
    put(name + ".key", (secrets.vkey + "\n").encode())


def entries(log):
    """(index, entry, its 54 bytes) of all entries."""
    index = 0
    for segment in log.segments:
        for block in segment.blocks():
            for entry, data in zip(block.entries, block.entry_bytes()):
                yield index, entry, data
                index += 1

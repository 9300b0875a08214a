"""What the tests of export and bundle share: making bundles, taking them apart, putting them together
again as a forger does, who always repairs SHA256SUMS."""

import base64
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from prove_kit import Cases, get, put, save  # noqa: E402,F401
from akbase import H, u32  # noqa: E402
from akformat import split_parts  # noqa: E402

try:
    import zstandard
    from akbase import leaf_hash, node_hash
    from akformat import derive_salt
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

ORDER = ["README.txt", "SHA256SUMS", "bundle.json", "checkpoint", "stamped",
         *(f"stamp.{k}" for k in range(8)), "policy", "proof", "entries",
         "openings", "own.txt", "records.zst", "positions", "records.jsonl", "records.csv",
         "provenance.jsonld"]
STATEMENTS = ["--case", "2026-114", "--exhibit", "7", "--by", "M. Sato", "--reason",
              "login from abroad"]
ENTRY = 54


MARK = "\u2588".encode()    # in the text, for each part that is withheld


class Bundle:
    """The files of a bundle, taken apart: stretches of the proof, rows, texts."""

    def __init__(self, folder):
        self.files = {n: get(os.path.join(folder, n)) for n in os.listdir(folder)
                      if n != "custody"}
        self.size, self.stretches = self.read_proof(self.files["proof"])
        data = self.files["entries"]
        self.entries = [data[i:i + ENTRY] for i in range(0, len(data), ENTRY)]
        self.rows = self.read_openings()

    @staticmethod
    def read_proof(data):
        lines = data.decode().split("\n")
        stretches = []
        for line in lines[2:-1]:
            if " " in line:
                what, n = line.split(" ")
                stretches.append([what, int(n), []])
            else:
                stretches[-1][2].append(line)
        return int(lines[1]), stretches

    def read_openings(self):
        """One list for each entry: state, key or redaction or parts, text."""
        data = io.BytesIO(self.files["openings"])
        own = io.BytesIO(self.files["own.txt"])
        records = io.BytesIO(zstandard.ZstdDecompressor().decompressobj()
                             .decompress(self.files["records.zst"]))
        rows = []
        for e in self.entries:
            state = data.read(1)[0]
            if state == 0:
                n = struct.unpack(">I", data.read(4))[0]
                key = data.read(16 * e[0])
                text = (records if e[1] in (0, 7) else own).read(n + 1)
                rows.append([state, key, text[:-1]])
            elif state == 16:
                rows.append([state, data.read(2), None])
            elif state == 17:
                rows.append([state, self.read_parts(data, records), None])
            else:
                rows.append([state, b"", None])
        return rows

    @staticmethod
    def read_parts(data, records):
        """Parts of a record: [salt, bytes], or [reason, commitment, mark] where it is withheld."""
        parts = []
        for _ in range(struct.unpack(">I", data.read(4))[0]):
            length = data.read(1)[0]
            if length == 255:
                reason = struct.unpack(">H", data.read(2))[0]
                parts.append([reason, data.read(32), records.read(3)])
            else:
                parts.append([data.read(16), records.read(length)])
        assert records.read(1) == b"\n"
        return parts

    def indices(self):
        """The index of each entry that is shown."""
        at, out = 0, []
        for what, n, _ in self.stretches:
            if what == "show":
                out += range(at, at + n)
            at += n
        return out

    def position(self, index):
        return self.indices().index(index)

    def build(self):
        """Files from the parts."""
        lines = ["akashi/bundle/v1", str(self.size)]
        for what, n, hashes in self.stretches:
            lines += [f"{what} {n}"] + hashes
        self.files["proof"] = ("\n".join(lines) + "\n").encode()
        self.files["entries"] = b"".join(self.entries)
        openings, own, records = [], [], []
        for e, (state, key, text) in zip(self.entries, self.rows):
            openings.append(bytes([state]))
            if state == 17:
                openings.append(struct.pack(">I", len(key)))
                openings += [struct.pack(">BH", 255, p[0]) + p[1] if len(p) == 3 else
                             bytes([len(p[1])]) + p[0] for p in key]
                records.append(b"".join(p[-1] for p in key) + b"\n")
                continue
            if state == 0:
                openings.append(struct.pack(">I", len(text)))
                (records if e[1] in (0, 7) else own).append(text + b"\n")
            openings.append(key)
        self.files["openings"] = b"".join(openings)
        self.files["own.txt"] = b"".join(own)
        self.files["records.zst"] = zstandard.ZstdCompressor(write_checksum=True).compress(
            b"".join(records))
        return self

    def about(self, **members):
        about = json.loads(self.files["bundle.json"])
        about.update(members)
        self.files["bundle.json"] = json.dumps(about, sort_keys=True, separators=(",", ":"),
                                               ensure_ascii=False).encode()
        return self

    def sums(self):
        """A forger repairs them always."""
        self.files["SHA256SUMS"] = "".join(
            f"{hashlib.sha256(self.files[n]).hexdigest()}  {n}\n" for n in ORDER
            if n != "SHA256SUMS" and n in self.files).encode()
        return self

    def write(self, folder, sums=True):
        if sums:
            self.sums()
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name, data in self.files.items():
            put(os.path.join(folder, name), data)

    def tar(self, path, names=None, **header):
        """One file; `header` members change the form."""
        made = int(json.loads(self.files["bundle.json"])["made"]) // 10**9
        with open(path, "wb") as f:
            for name in names or [n for n in ORDER if n in self.files]:
                info = tarfile.TarInfo(name)
                info.size = len(self.files[name])
                info.mtime = made
                info.mode = 0o644
                for key, value in header.items():
                    setattr(info, key, value)
                block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
                block[329:345] = bytes(16)  # devmajor and devminor, which tarfile writes
                block[148:156] = b" " * 8
                block[148:156] = b"%06o\0 " % sum(block)
                f.write(block + self.files[name] + bytes(-len(self.files[name]) % 512))
            f.write(bytes(1024))


def salt(key, j):
    """Salt of part j of a record of form 2."""
    both = H(b"\x07" + key + u32(j // 2))
    return both[16:] if j % 2 else both[:16]


def hide(bundle, index, hidden):
    """Withholds parts of a record that is shown: {number: reason}, as an honest maker does."""
    row = bundle.rows[bundle.position(index)]
    key, parts = row[1], []
    for j, part in enumerate(split_parts(row[2])):
        if j in hidden:
            parts.append([hidden[j], H(b"\x03" + salt(key, j) + part), MARK])
        else:
            parts.append([salt(key, j), part])
    row[:] = [17, parts, None]
    return bundle


def recipe(folder, key, work):
    """The commands of README.txt, typed: (exit status, output)."""
    lines = get(os.path.join(folder, "README.txt")).decode().split("\n")
    begin = next(i for i, l in enumerate(lines) if l.startswith("    export KEY="))
    end = next(i for i, l in enumerate(lines) if l.startswith("It is proven if"))
    script = "\n".join(l[4:] for l in lines[begin:end])
    script = script.replace("'NAME+ID+BASE64'", f"'{key}'").replace("/tmp/check", work)
    shutil.rmtree(work, ignore_errors=True)
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class World:
    """Everything about a log: what somebody has who holds its store, but none of its keys."""

    def __init__(self, log):
        self.entries, self.keys, self.bytes = [], [], []
        for segment in log.segments:
            for block in segment.blocks():
                for i, (e, data) in enumerate(zip(block.entries, block.entry_bytes())):
                    index = block.first + i
                    key = block.keys[index // 256]
                    self.entries.append(e)
                    self.bytes.append(data)
                    self.keys.append(e.salt if key is None else derive_salt(e.form, key, index))
        self.nodes = {}

    def node(self, level, index):
        if (level, index) not in self.nodes:
            self.nodes[level, index] = (
                leaf_hash(self.bytes[index]) if level == 0 else
                node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1)))
        return self.nodes[level, index]

    def range(self, begin, end):
        """The compact range, base64."""
        out = []
        while begin < end:
            level = 0
            while begin % (2 << level) == 0 and begin + (2 << level) <= end:
                level += 1
            out.append(base64.b64encode(self.node(level, begin >> level)).decode())
            begin += 1 << level
        return out

    def states(self, bundle):
        """How each entry of a bundle is shown: {index: row}."""
        return dict(zip(bundle.indices(), bundle.rows))

    def row(self, index, state=0):
        if state == 16:
            return [16, b"\0\0", None]
        if state:
            return [state, b"", None]
        return [0, self.keys[index], self.entries[index].payload]

    def show(self, bundle, states):
        """Makes the bundle show these entries in this way, with a proof that is right."""
        bundle.stretches, bundle.entries, bundle.rows, at = [], [], [], 0
        for index in sorted(states):
            if index > at:
                bundle.stretches.append(["skip", index - at, self.range(at, index)])
            if bundle.stretches and bundle.stretches[-1][0] == "show":
                bundle.stretches[-1][1] += 1
            else:
                bundle.stretches.append(["show", 1, []])
            bundle.entries.append(self.bytes[index])
            bundle.rows.append(states[index])
            at = index + 1
        if at < bundle.size:
            bundle.stretches.append(["skip", bundle.size - at, self.range(at, bundle.size)])
        return bundle.build()

    def without(self, bundle, *indices):
        states = self.states(bundle)
        for index in indices:
            del states[index]
        return self.show(bundle, states)


def claims(c, folder, *words):
    """The claims of a bundle: {name: (verdict, code)}."""
    done = subprocess.run([c.program, "bundle", folder, "--json", *words], capture_output=True,
                          check=False)
    c.out, c.err = done.stdout.decode(), done.stderr.decode()
    report = json.loads(c.out)
    c.expect(report["exit_status"] == done.returncode, f"{folder}: exit status in JSON")
    return {x["claim"]: (x["verdict"], x.get("finding", {}).get("code"))
            for x in report.get("claims", [])}

#!/usr/bin/python3
"""verify_cli_store.py FOLDER: makes what verify_cli.sh looks at: a good store with all kinds of
payloads (`good`), the same with one byte altered (`altered`), one whose end is missing (`cut`), two
logs in one store (`two`), an exercise (`exercise`), one of a thousand segments (`many`); keys, the records as they must come out, and
checkpoints. Exit status 77: a module of Debian's python3 is missing."""

import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tamper"))
try:
    import akbases
    import cases
    from akformat import FormatError, Note, decompress
    from casebase import Base
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)


def put(folder, name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def entries(log):
    return [e for s in log.segments for e in s.entries()]


def unreadable(block, first=768):
    """A byte of the block's DATA, and what to change in it, so that the text before entry `first` is as
    it was and behind it a record does not end where it must: that is seen without any key."""
    text, data = block.text(), block.data
    head = data[:4] + bytes([data[4] & ~4])  # without a checksum
    whole = 0
    ends = []
    for index, entry in enumerate(block.entries, block.first):
        whole += len(entry.payload) + 1
        ends.append((index, whole - 1))
    before = max(end for index, end in ends if index < first)
    for at in range(len(data) // 2, len(data) - 4):
        for bit in range(8):
            other = bytearray(data)
            other[at] ^= 1 << bit
            try:
                new = decompress(head + bytes(other[5:-4]), len(text))
            except FormatError:
                continue
            if len(new) == len(text) and new[:before + 1] == text[:before + 1] and any(
                    new[end] != 10 for _, end in ends):
                return at, 1 << bit
    raise ValueError("no such byte")


def main(folder):
    log, secrets = akbases.standard()
    log.save(os.path.join(folder, "good", log.log_id))
    put(folder, "key", (secrets.vkey + "\n").encode())
    put(folder, "id", log.log_id.encode())
    put(folder, "records", b"".join(e.payload + b"\n" for e in entries(log) if e.kind == 0))
    put(folder, "fragments", b"".join(e.payload + b"\n" for e in entries(log) if e.kind == 7))
    newest = [n.note for s in log.segments for n in s.of(Note)][-1]
    put(folder, "newest", newest)

    altered = copy.deepcopy(log)
    altered.save(os.path.join(folder, "altered", log.log_id))
    block = altered.segments[1].blocks()[0]
    at, bit = unreadable(block)
    at += altered.segments[1].offset(block) + len(block.encode()) - len(block.data)
    path = os.path.join(folder, "altered", log.log_id, altered.segments[1].name)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ bit]))
    put(folder, "altered-file", path.encode())

    cut = copy.deepcopy(log)
    cut.segments.pop()
    cut.checkpoint = None
    cut.save(os.path.join(folder, "cut", log.log_id))

    two = os.path.join(folder, "two")
    log.save(os.path.join(two, log.log_id))
    other, other_secrets = akbases.tiny()
    other.save(os.path.join(two, other.log_id))
    put(folder, "other-key", (other_secrets.vkey + "\n").encode())
    put(two, "names", f"power-a {log.log_id}\nwater-b {other.log_id}\n".encode())

    training, training_secrets = akbases.standard(name="exercise.example.org/drill", number=9)
    training.save(os.path.join(folder, "exercise", training.log_id))
    put(folder, "exercise-key", (training_secrets.vkey + "\n").encode())

    many = Base(log, secrets.vkey, secrets)
    cases_by_name = {name: function for name, function, _ in cases.CASES}
    cases_by_name["I2_empty_segments"](many)
    many.save(os.path.join(folder, "many"))


if __name__ == "__main__":
    main(sys.argv[1])

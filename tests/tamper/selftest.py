#!/usr/bin/python3
"""The forger's own test: what it decodes it encodes again to the same bytes, and repairing a log
that nobody changed changes nothing.

    selftest.py [STORE ...]     also these stores, made by another writer
"""

import os
import sys
import tempfile

try:
    import akbases
    import akformat
    from akforge import rebuild
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)


def same_files(directory, what):
    again = akformat.Log.load(directory)
    if any(s.of(akformat.Raw) for s in again.segments):
        raise SystemExit(f"{what}: a segment was not understood")
    for when in ("as read", "repaired"):
        for name, data in again.files().items():
            with open(os.path.join(directory, name), "rb") as f:
                if f.read() != data:
                    raise SystemExit(f"{what}: {name} differs, {when}")
        rebuild(again)
    print(f"{what}: {again.end} entries, {len(again.segments)} segments, same bytes")


def main(stores):
    made = {"standard": akbases.standard(), "tiny": akbases.tiny(), "bare": akbases.bare(),
            "form 2": akbases.standard(number=5, form=2)}
    for what, (log, _) in made.items():
        with tempfile.TemporaryDirectory() as directory:
            log.save(directory)
            same_files(directory, what)
    for store in stores:
        for directory in akformat.log_directories(store):
            same_files(directory, directory)


if __name__ == "__main__":
    main(sys.argv[1:])

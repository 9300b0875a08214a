#!/usr/bin/python3
"""Makes verifier/selftest_data.c: the good store that akashi-verify carries inside itself, and its
twenty forgeries, each as the few bytes in which it differs.

    tests/tools/selftest_data.py > verifier/selftest_data.c

The store is the smallest of those that the forging tests make; the forgeries are cases of theirs.
Run it again after a change of the format or of these cases. The output depends on the version of
the zstd library, so what it gives may differ from what is there and be as good.
"""

import base64
import difflib
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tamper"))

import akbases  # noqa: E402
import cases  # noqa: E402
from casebase import Base  # noqa: E402

# Case, code that must be found, what was done in words for a case file.
CHOSEN = [
    ("A1_payload_bit", "ALTERED", "one bit of the compressed records flipped"),
    ("A1_checksum_bit", "ALTERED", "one bit of a checksum flipped, no record touched"),
    ("A3_previous", "ALTERED", "one bit of the digest that chains two segments flipped"),
    ("A5_footer_index", "ALTERED", "one bit of a segment's index flipped"),
    ("A8_digest_fixed", "ALTERED", "a record changed, every digest of its block repaired"),
    ("A10_rebuilt", "ALTERED", "a record changed, everything repaired that needs no key"),
    ("A11_zeroed", "ALTERED", "a sector of 512 bytes lost"),
    ("B1_deleted", "MALFORMED", "a record deleted, later ones renumbered, everything repaired"),
    ("B3_inserted", "ALTERED", "an invented record put in, everything repaired"),
    ("B4_swapped", "ALTERED", "two neighbouring records swapped, digests repaired"),
    ("C1_first_gone", "MISSING", "the first segment removed"),
    ("C3_end_gone", "MISSING", "the last segment removed, the newest checkpoint kept"),
    ("C10_seek_table_cut", "MALFORMED", "the last byte of a segment cut off"),
    ("D1_root", "ALTERED", "one bit of the root in the newest checkpoint flipped"),
    ("D2_epoch_line_removed", "ALTERED", "the signature of the epoch's key removed"),
    ("D5_fork_same_size", "FORKED", "a second signed history of the same length"),
    ("E1_stolen_name", "UNTRUSTED_KEY", "the whole log made anew under another key"),
    ("E10_r_identity", "ALTERED", "a signature that careless programs accept"),
    ("G7_trailing_byte", "MALFORMED", "a byte behind the end of a structure"),
    ("cheat_A5_number_left_out", "NUMBERING", "a number left out by the holder of the key"),
]


def directory_files(base):
    with tempfile.TemporaryDirectory() as work:
        directory = base.save(os.path.join(work, "store"))
        files = {}
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as f:
                files[name] = f.read()
        return files


def edits_of(good, forged):
    """[(offset, removed, inserted bytes)] that make `forged` of `good`."""
    low = 0
    while low < min(len(good), len(forged)) and good[low] == forged[low]:
        low += 1
    high = 0
    while high < min(len(good), len(forged)) - low and good[-1 - high] == forged[-1 - high]:
        high += 1
    a, b = good[low:len(good) - high], forged[low:len(forged) - high]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    out = []
    for op, a0, a1, b0, b1 in matcher.get_opcodes():
        if op == "equal":
            continue
        if out and low + a0 - (out[-1][0] + out[-1][1]) < 12:   # an edit costs as much
            start, removed, inserted = out.pop()
            between = good[start + removed:low + a0]
            out.append((start, low + a1 - start, inserted + between + b[b0:b1]))
        else:
            out.append((low + a0, a1 - a0, b[b0:b1]))
    return out


def apply(good, edits):
    out, at = b"", 0
    for offset, removed, inserted in edits:
        out += good[at:offset] + inserted
        at = offset + removed
    return out + good[at:]


def forged_case(name, code, good):
    function = next(f for n, f, _ in cases.CASES if n == name)
    log, secrets = akbases.tiny()
    base = Base(log, secrets.vkey, secrets)
    expect = function(base)
    if expect is None or expect.run or expect.keys or expect.checkpoint:
        sys.exit(f"{name}: cannot be carried inside the program")
    if code not in expect.codes | expect.one | expect.may:
        sys.exit(f"{name}: {code} is not what is expected of it")
    forged = directory_files(base)
    if set(forged) - set(good):
        sys.exit(f"{name}: adds files")
    edits, removed = [], -1
    for number, file in enumerate(good):
        if file not in forged:
            removed = number
            continue
        found = edits_of(good[file], forged[file])
        assert apply(good[file], found) == forged[file]
        edits += [(number, *e) for e in found]
    if not edits and removed < 0:
        sys.exit(f"{name}: changes nothing")
    return edits, removed, expect.verdict or "INVALID"


def text_array(name, data):
    """The bytes as base64, in lines of a C string: a third of the length of an array of numbers."""
    text = base64.b64encode(data).decode()
    lines = [f"static const char {name}[] ="]
    lines += [f'    "{text[i:i + 92]}"' for i in range(0, len(text), 92)]
    lines[-1] += ";"
    return lines


def main():
    log, secrets = akbases.tiny()
    good = directory_files(Base(log, secrets.vkey, secrets))
    entries = Base(log, secrets.vkey, secrets).n
    out = [
        "/* selftest_data.c - the store and the forgeries of `akashi-verify selftest`. Generated by",
        " * tests/tools/selftest_data.py; do not edit. */",
        '#include "selftest.h"', "", "/* clang-format off */", ""]
    for number, data in enumerate(good.values()):
        out += text_array(f"file_{number}", data) + [""]
    inserted_at = len(out)
    out += [f'const char ak_selftest_vkey[] = "{secrets.vkey}";',
            f'const char ak_selftest_log_id[] = "{secrets.log_id}";',
            f"const uint64_t ak_selftest_entries = {entries};", "",
            "const struct ak_selftest_file ak_selftest_files[] = {"]
    out += [f'    {{"{name}", file_{n}, {len(data)}}},'
            for n, (name, data) in enumerate(good.items())]
    out += ["};", f"const size_t ak_selftest_file_count = {len(good)};", ""]
    blob, edit_lines, case_lines = b"", [], []
    for name, code, words in CHOSEN:
        edits, removed, verdict = forged_case(name, code, good)
        case_lines.append(
            f'    {{"{words}", AK_FINDING_{code}, AK_{verdict.replace(" ", "_")}, '
            f"{len(edit_lines)}, {len(edits)}, {removed}}},")
        for number, offset, removed_bytes, inserted in edits:
            at = blob.find(inserted)
            if at < 0:
                at = len(blob)
                blob += inserted
            edit_lines.append(
                f"    {{{number}, {offset}, {removed_bytes}, {len(inserted)}, {at}}},")
    out[inserted_at:inserted_at] = text_array("inserted", blob) + [""]
    out += ["const char *const ak_selftest_inserted = inserted;",
            f"const size_t ak_selftest_inserted_len = {len(blob)};", ""]
    out += ["const struct ak_selftest_edit ak_selftest_edits[] = {", *edit_lines, "};", "",
            "const struct ak_selftest_case ak_selftest_cases[] = {", *case_lines, "};",
            f"const size_t ak_selftest_case_count = {len(CHOSEN)};"]
    print("\n".join(out))
    print(f"{sum(map(len, good.values()))} bytes of store, {len(blob)} of edits, "
          f"{len(edit_lines)} edits", file=sys.stderr)


if __name__ == "__main__":
    main()

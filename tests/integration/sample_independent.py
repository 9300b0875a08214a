#!/usr/bin/python3
"""Draws of akashi-verify sample, made again by tests/independent/sample.py from docs/format.md 16 alone.

    sample_independent.py AKASHI-VERIFY
"""

import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tamper"), os.path.join(HERE, "../independent")]

try:
    import akbases
    import sample
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

NONCE = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
ORIGIN = "power-a.example/syslog/00112233445566778899aabbccddeeff"
ROOT = "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I="
# Confidence, tolerable rate, range, nonce, beacon.
DRAWS = (("95", "1%", None, NONCE, None), ("90", "5%", None, "ab" * 16, None),
         ("99", "0.5%", "100-1999", "07" * 64, "c0ffee" * 6), ("95", "2.5%", "0-60", NONCE, None),
         ("95", "1%", "40-99", NONCE, None), ("97.5", "10%", "5-5", NONCE, None),
         ("99.9", "3%", "3-2236", "ee" * 20, "00" * 16))


def examples():
    """Those of the text."""
    seed = sample.seed_of(ORIGIN, 1000, ROOT, 0, 1000, NONCE)
    wrong = []
    if seed.hex() != "3e29306cbae139284b42d9245289b96ea8d40a21d1e76135ceaa77f266cabd63":
        wrong.append("the seed of the example is another")
    found = [index for index, _ in zip(sample.drawn(seed, 0, 1000), range(12))]
    if found != [15, 380, 442, 131, 703, 816, 552, 760, 787, 239, 997, 790]:
        wrong.append("the draw of the example is another")
    for population, rate, number in ((1000, "0.01", 258), (1000, "0.05", 57),
                                     (10000, "0.01", 294), (10000, "0.001", 2588)):
        if sample.planned(Fraction("0.95"), Fraction(rate), population) != number:
            wrong.append(f"the planned number for {population} at {rate} is another")
    return wrong


def compare(sheet, kinds, draw):
    """What of a sheet is not what the text gives."""
    confidence, rate, indices, nonce, beacon = draw
    first, end = 0, len(kinds)
    if indices:
        first, end = int(indices.split("-")[0]), int(indices.split("-")[1]) + 1
    share, most = Fraction(confidence) / 100, Fraction(rate.rstrip("%")) / 100
    seed = sample.seed_of(sheet["origin"], sheet["head"]["size"], sheet["head"]["root"], first, end,
                          nonce, beacon or "-")
    number = sample.planned(share, most, end - first)
    looked, records = [], 0
    for index in sample.drawn(seed, first, end):
        looked.append(index)
        records += kinds[index] in (0, 7)
        if records == number:
            break
    whole = len(looked) == end - first
    left = records if whole else end - first - (len(looked) - records)
    greatest = sample.bound(share, left, records, 0, whole)
    mine = {"seed": seed.hex(), "planned": number, "records": records,
            "own": len(looked) - records, "bound": greatest,
            "supported": greatest < most * left,
            "drawn": [index for index in looked if kinds[index] in (0, 7)]}
    theirs = {"seed": sheet["seed"], "planned": sheet["planned"],
              "records": sheet["counts"]["records"], "own": sheet["counts"]["own"],
              "bound": sheet["proofs"]["bound"], "supported": sheet["proofs"]["supported"],
              "drawn": [row["index"] for row in sheet["drawn"] if row["kind_number"] in (0, 7)]}
    return [f"{name}: {str(mine[name])[:60]} against {str(theirs[name])[:60]}" for name in mine
            if mine[name] != theirs[name]]


def main():
    wrong = examples()
    log, secrets = akbases.standard()
    kinds = [e.kind for s in log.segments for e in s.entries()]
    with tempfile.TemporaryDirectory() as work:
        log.save(os.path.join(work, "store", log.log_id))
        for draw in DRAWS:
            confidence, rate, indices, nonce, beacon = draw
            words = [sys.argv[1], "sample", os.path.join(work, "store"), "--key", secrets.vkey,
                     "--json", "--confidence", confidence, "--tolerable", rate, "--seed", nonce]
            words += ["--index", indices] if indices else []
            words += ["--beacon", beacon] if beacon else []
            done = subprocess.run(words, capture_output=True, check=False, timeout=120)
            try:
                sheet = json.loads(done.stdout)
            except ValueError:
                wrong.append(f"{draw}: {done.stderr.decode()[-300:]}")
                continue
            wrong += [f"{draw}: {text}" for text in compare(sheet, kinds, draw)]
    for line in wrong:
        print(line)
    print(f"{len(DRAWS)} draws made again: {len(wrong)} points differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

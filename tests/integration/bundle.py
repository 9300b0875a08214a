#!/usr/bin/python3
"""bundle.py VERIFY: a part of a log is handed over, and proves itself; what was changed in it is
found under the right claim."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, STATEMENTS, get, put, recipe, save  # noqa: E402
import akbases  # noqa: E402

c = Cases(sys.argv[1])
log, secrets = akbases.standard()
save(log, secrets, "std")
KEY = ["--key", "std.key"]
RANGE = ["--index", "300-700"]


def proven(text, count):
    """Whether the typed recipe came to its end."""
    return ("the root is the one in the checkpoint" in text and "NOT PROVEN" not in text and
            text.count("Signature Verified Successfully") == count and "FAILED" not in text)


# A range of indices becomes a directory that is valid, and one file that is valid.
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good",
      says=("claim 1, authentic: VALID", "complete for entries 300 to 700"))
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good.tar", "--quiet",
      says="VALID 399 records, complete for entries 300 to 700")
for name in ("good", "good.tar"):
    c.run(0, "bundle", name, *KEY, says="VALID 399 records")
    c.run(0, "check", name, *KEY, says="claim 2, complete: VALID")
c.expect(sorted(os.listdir(".")) == ["good", "good.tar", "std", "std.key"], "nothing else is left")

# Without a key from outside nothing is proven; the one inside is a hint.
c.run(2, "bundle", "good", says=("NOT CHECKABLE UNTRUSTED_KEY", "a hint only"))

# Nothing is overwritten by chance, and --force replaces a bundle only.
c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good", says="--force")
c.run(0, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "good", "--force", "--quiet")
c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS, "-o", "std", "--force", says="no bundle")
c.expect(os.path.isdir("std") and len(os.listdir("std")) == 1, "the store is still there")

# What must be said must be said.
for i in range(0, len(STATEMENTS), 2):
    c.run(2, "export", "std", *RANGE, *KEY, *STATEMENTS[:i], *STATEMENTS[i + 2:], "-o", "x",
          says="is missing")

# The recipe in README.txt, typed, comes to the same end, and not on a forged bundle.
key = get("std.key").decode().strip()
status, text = recipe("good", key, os.path.join(os.getcwd(), "check"))
c.expect(status == 0 and proven(text, 4), f"recipe on a good bundle: {text}")
forged = Bundle("good")
forged.rows[forged.position(400)][2] = b"<134>forged"
forged.build().write("forged")
status, text = recipe("forged", key, os.path.join(os.getcwd(), "check"))
c.expect("NOT PROVEN: the text of entry 400 was changed" in text, f"recipe on a forged one: {text}")
c.run(1, "bundle", "forged", *KEY, says=("claim 1, authentic: INVALID", "entry 400"))
c.end()

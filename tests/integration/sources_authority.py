#!/usr/bin/python3
"""sources_authority.py VERIFY: --authority of `sources` means what it means to `check`: what was erased by
an order of these keys leaves the verdict as it is."""

import sys

from prove_kit import Cases, akbases, put, save

from casebase import Base
from cases_orders import KNOWN, declared, erased_by, ordered


def main():
    c = Cases(sys.argv[1])
    log, secrets = akbases.standard()
    base = Base(log, secrets.vkey, secrets)
    victim = base.victim()
    erased_by(base, victim, declared(), ordered(base, 1, "erase", (victim, victim)))
    save(base.log, secrets, "gone")
    put("authorities", "".join(k + "\n" for k in KNOWN).encode())
    put("one", (KNOWN[0] + "\n").encode())
    for words, status, verdict in ((["--authority", "authorities"], 0, "VALID"),
                                   ([], 3, "INCOMPLETE"), (["--authority", "one"], 3, "INCOMPLETE")):
        c.run(status, "check", "gone", "--key", "gone.key", *words)
        last = c.out.strip().splitlines()[-1]
        for how in ([], ["--counts"]):
            c.run(status, "sources", "gone", "--key", "gone.key", *words, *how)
            c.expect(c.out.strip().splitlines()[-1] == last, f"{words}: the result line of check")
        c.run(status, "sources", "gone", "--key", "gone.key", *words, "--json")
        c.expect(f'"verdict":"{verdict}"' in c.out, f"{words}: {verdict} in JSON")
    c.run(0, "sources", "gone", "--authority", "authorities", says="Nothing of this is proven")
    c.end()


main()

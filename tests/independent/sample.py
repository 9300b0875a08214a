"""Which records an auditor draws, how many, and what they show: docs/format.md section 16.1 and 16.2."""

import hashlib
import math
from fractions import Fraction


def seed_of(origin, size, root, first, end, nonce, beacon="-"):
    """The seed of a draw from [first, end); `root` in base64, nonce and beacon in hexadecimal."""
    lines = ("akashi/sample/v1", origin, size, root, first, end, nonce, beacon)
    return hashlib.sha256("".join("%s\n" % line for line in lines).encode()).digest()


def drawn(seed, first, end):
    """The indices in the order in which they are drawn, to the last one."""
    n, seen, k = end - first, set(), 0
    limit = (1 << 64) // n * n
    while len(seen) < n:
        x = int.from_bytes(hashlib.sha256(seed + k.to_bytes(8, "big")).digest()[:8], "big")
        k += 1
        index = first + x % n
        if x < limit and index not in seen:
            seen.add(index)
            yield index


def at_most(k, population, deviating, n):
    """P(X <= k): at most k deviations among n drawn from a population."""
    ways = sum(math.comb(deviating, i) * math.comb(population - deviating, n - i)
               for i in range(k + 1) if n - i >= 0)
    return Fraction(ways, math.comb(population, n))


def planned(confidence, rate, population):
    """The least number that finds a deviation with this confidence if the rate is reached."""
    deviating = max(1, math.floor(rate * population))
    none, n = Fraction(1), 0
    while none > 1 - confidence:
        none *= Fraction(population - deviating - n, population - n)
        n += 1
    return n


def bound(confidence, population, n, k, all_drawn):
    """How many deviate at most."""
    if all_drawn:
        return k
    low, high = k, population
    while low < high:
        middle = (low + high + 1) // 2
        if at_most(k, population, middle, n) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low

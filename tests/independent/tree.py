"""Judging the tree of a log against signed roots, group by group: docs/format.md sections 2, 7
and 9. From entries alone comes one hash for each group; files also record hashes (level-8 hashes,
compact ranges). Where the two differ, a signed root tells which holds: each group may have several
*alternatives*, and those chains of alternatives live on whose root is a signed one."""

from primitives import EMPTY_ROOT, GROUP, fold, push_node, range_levels

CHAINS_MAX = 128                # above 2^6: six doubtful groups between two signed roots
ALTERNATIVES_MAX = 4
OWN = 0                         # lineage of what was computed from entries alone


class Spans:
    """A set of indices as sorted, disjoint [a, b)."""

    def __init__(self, spans=()):
        self.spans = []
        for a, b in sorted(spans):
            if a >= b:
                continue
            if self.spans and a <= self.spans[-1][1]:
                self.spans[-1][1] = max(b, self.spans[-1][1])
            else:
                self.spans.append([a, b])

    def __iter__(self):
        return iter(self.spans)

    def __bool__(self):
        return bool(self.spans)

    def count(self):
        """How many indices are in the set."""
        return sum(b - a for a, b in self.spans)

    def union(self, other):
        """All indices of both."""
        return Spans(list(map(tuple, self.spans)) + list(map(tuple, other)))

    def intersect(self, other):
        """Indices in both."""
        mine, theirs, result = list(self), list(other), []
        i = j = 0
        while i < len(mine) and j < len(theirs):
            a, b = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if a < b:
                result.append((a, b))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return Spans(result)

    def minus(self, other):
        """Indices of this set that are not in the other."""
        holes, at = [], -1
        for a, b in other:
            holes.append((at, a))
            at = b
        return self.intersect(Spans(holes + [(at, 1 << 64)]))

    def holds(self, index):
        """True when the index is in the set."""
        low, high = 0, len(self.spans)
        while low < high:
            middle = (low + high) // 2
            if self.spans[middle][1] <= index:
                low = middle + 1
            else:
                high = middle
        return low < len(self.spans) and self.spans[low][0] <= index

    def covers(self, a, b):
        """True when all of [a, b) is in the set."""
        return self.intersect([(a, b)]).count() == b - a


class Partial:
    """One way in which the group at hand can have begun: nodes of its entries so far. From `since`
    on the nodes were computed from entries."""

    def __init__(self, nodes, since, lineage):
        self.nodes = nodes
        self.since = since
        self.lineage = lineage

    def copy(self):
        """A snapshot."""
        return Partial(list(self.nodes), self.since, self.lineage)


class Alternative:
    """One possible hash of a whole group; entries from `since` on were computed."""

    def __init__(self, value, since, lineage):
        self.value = value
        self.since = since
        self.lineage = lineage


class Offer:
    """A compact range [0, size) that a file records, and where."""

    def __init__(self, size, hashes, place):
        self.size = size
        self.place = place
        nodes = list(zip(range_levels(size), hashes))
        self.upper = tuple(node for node in nodes if node[0] >= 8)
        self.lower = [node for node in nodes if node[0] < 8]
        self.hashes = list(hashes)


class Tree:
    """Takes leaves in the order of their indices, then judges them: add_*, then solve()."""

    def __init__(self, wanted):
        self.wanted = wanted    # sizes at which a root may be asked for
        self.groups = {}
        self.snaps = {}
        self.offers = []
        self.at = None
        self.partials = []
        self.lineage = OWN
        self.present = []
        self.disputed = []      # (group, recorded hash, place) that differ from what was before
        self.doubtful = []      # spans whose entries could not be computed or contradict a record

    def go_to(self, index):
        """The next leaf has this index."""
        if index == self.at:
            return
        self.at = index
        self.partials = [Partial([], index, OWN)] if index % GROUP == 0 else []

    def add_offer(self, offer):
        """A recorded range at the place where the leaves are now."""
        self.offers.append(offer)
        self.go_to(offer.size)
        if offer.size % GROUP and len(self.partials) < ALTERNATIVES_MAX and \
                all(partial.nodes != offer.lower for partial in self.partials):
            self.lineage += 1
            self.partials.append(Partial(list(offer.lower), offer.size, self.lineage))
        self.snap()

    def snap(self):
        """Keeps what a root of the size at hand needs."""
        self.snaps[self.at] = [partial.copy() for partial in self.partials]

    def add_leaf(self, value, note=False):
        """The next leaf; None when it could not be computed. `note`: it is a start note, which
        speaks of the size before it."""
        if note:
            self.snap()
        if value is None:
            self.partials = []
        else:
            for partial in self.partials:
                push_node(partial.nodes, 0, value)
        self.at += 1
        if self.at % GROUP == 0:
            found = self.groups.setdefault(self.at // GROUP - 1, [])
            found += [Alternative(p.nodes[0][1], p.since, p.lineage) for p in self.partials]
            self.partials = [Partial([], self.at, OWN)]
        if self.at in self.wanted:
            self.snap()

    def add_recorded(self, group, value, place):
        """A level-8 hash that a file records at a place."""
        found = self.groups.setdefault(group, [])
        if len(found) < 2 * ALTERNATIVES_MAX and all(a.value != value for a in found):
            if found:
                self.doubtful.append((group * GROUP, group * GROUP + GROUP))
                self.disputed.append((group, value, place))
            found.insert(0, Alternative(value, group * GROUP + GROUP, None))

    def solve(self, roots):
        """`roots`: [(size, root)] that are validly signed. Fills the members below.

        proven      Spans of computed entries that lie under a root that fits
        fits        indices in `roots` of those that the log's tree has
        clashes     indices in `roots` of those that the trusted tree contradicts
        wrong       offers that the trusted tree contradicts
        untrue      (group, hash, place) of recorded level-8 hashes that it contradicts
        contrary    Spans of entries that a signed root contradicts
        true_roots  size -> root, for all sizes in `wanted` that are known
        end         the greatest size whose root fits
        """
        self.roots = roots
        self.chosen = {}
        self.upper_at = {0: ()}
        self.trusted_ends = {}
        self.contrary = []
        self.trusted = 0
        self.end = 0
        self.proven_list = []
        self.chains = [((), None)]
        self.edge = 0
        events = [(GROUP * (g + 1), 0, g) for g in self.groups]
        events += [(offer.size, 1, i) for i, offer in enumerate(self.offers)]
        events += [(size, 2, i) for i, (size, _) in enumerate(roots)]
        for position, what, number in sorted(events):
            if what == 0:
                self.take_group(number)
            elif what == 1:
                self.take_offer(number)
            else:
                self.take_root(*roots[number])
        self.compare()
        self.proven = Spans(self.proven_list).intersect(Spans(self.present))

    def take_group(self, group):
        """All chains go on with all alternatives of the group."""
        if self.edge != GROUP * group:
            self.chains = []
        grown, seen = [], set()
        for upper, items in self.chains:
            for alternative in self.groups[group]:
                nodes = list(upper)
                push_node(nodes, 8, alternative.value)
                nodes = tuple(nodes)
                if nodes not in seen:
                    seen.add(nodes)
                    grown.append((nodes, (("group", group, alternative), items)))
        if len(grown) > CHAINS_MAX:
            grown = grown[:CHAINS_MAX - 1] + grown[-1:]
        self.chains = grown
        self.edge = GROUP * (group + 1)

    def take_offer(self, number):
        """A recorded range is a chain of its own when none of those at hand has come to it."""
        offer = self.offers[number]
        edge = offer.size // GROUP * GROUP
        if edge != self.edge:
            self.chains, self.edge = [], edge
        if len(self.chains) < 2 * CHAINS_MAX and \
                all(upper != offer.upper for upper, _ in self.chains):
            self.chains.append((offer.upper, (("leap", number, None), None)))

    def take_root(self, size, root):
        """Chains that have not this root are dropped, if there is one that has."""
        if size // GROUP * GROUP != self.edge or size not in self.snaps:
            return
        partials = self.snaps[size] if size % GROUP else [Partial([], size, OWN)]
        own = False
        for upper, items in self.chains:
            for partial in partials:
                hashes = [value for _, value in upper] + [value for _, value in partial.nodes]
                if fold(hashes) == root:
                    self.confirm(upper, items, partial, size)
                    return
                own = True
        if own:
            self.contrary.append((self.trusted, size))

    def confirm(self, upper, items, partial, size):
        """The chain is the log's: what it holds since the last signed root is trusted."""
        path = []
        while items is not None:
            path.append(items[0])
            items = items[1]
        nodes = self.upper_at.get(self.trusted // GROUP, ())
        for what, number, alternative in reversed(path):
            if what == "leap":
                self.leap(self.offers[number])
                nodes = self.offers[number].upper
                self.upper_at[self.offers[number].size // GROUP] = nodes
                continue
            nodes = list(nodes)
            push_node(nodes, 8, alternative.value)
            nodes = tuple(nodes)
            self.trust(number, alternative)
            self.upper_at[number + 1] = nodes
        self.upper_at[size // GROUP] = upper
        if size % GROUP:
            self.proven_list.append((partial.since, size))
            self.trusted_ends.setdefault(size // GROUP, []).append((size, partial.lineage))
            if partial.lineage != OWN and any(p.lineage == OWN for p in self.snaps[size]):
                self.contrary.append((size // GROUP * GROUP, partial.since))
        self.trusted = self.end = size
        self.chains = [(upper, None)]

    def trust(self, group, alternative):
        """This is the group's hash."""
        self.chosen[group] = alternative
        end = GROUP * (group + 1)
        self.proven_list.append((alternative.since, end))
        others = [a for a in self.groups[group] if a is not alternative and a.lineage is not None]
        if alternative.lineage != OWN and others:
            self.contrary.append((GROUP * group, min(alternative.since, end)))

    def leap(self, offer):
        """A recorded range is trusted: its nodes judge the groups below them that no signed root
        has confirmed."""
        at = 0
        nodes = []
        for level, value in offer.upper:
            first, count = at // GROUP, 1 << (level - 8)
            at += GROUP << (level - 8)
            nodes.append((level, value))
            if count > len(self.groups) or all(g in self.chosen
                                               for g in range(first, first + count)):
                continue
            if not self.match(first, count, value, tuple(nodes[:-1])):
                own = [g for g in range(first, first + count) if g not in self.chosen
                       and any(a.lineage == OWN for a in self.groups.get(g, []))]
                if all(g in self.chosen or g in own for g in range(first, first + count)):
                    self.contrary += [(g * GROUP, g * GROUP + GROUP) for g in own]
        for partial in self.snaps.get(offer.size, []):
            if offer.size % GROUP and partial.lineage == OWN and partial.nodes == offer.lower:
                self.proven_list.append((partial.since, offer.size))

    def match(self, first, count, value, before):
        """True when one choice of alternatives for `count` groups from `first` gives the node."""
        for order in (1, -1):
            picked, nodes = [], []
            for g in range(first, first + count):
                found = [self.chosen[g]] if g in self.chosen else self.groups.get(g, [])[::order]
                if not found:
                    return False
                picked.append(found[0])
                push_node(nodes, 8, found[0].value)
            if nodes[0][1] == value:
                upper = list(before)
                for g, alternative in zip(range(first, first + count), picked):
                    self.upper_at[g] = tuple(upper)
                    push_node(upper, 8, alternative.value)
                    if g not in self.chosen:
                        self.trust(g, alternative)
                return True
        return False

    def true_range(self, size):
        """Nodes of [0, size) where they are known under a signed root, else None."""
        group = size // GROUP
        if group not in self.upper_at or size > self.end:
            return None
        upper = list(self.upper_at[group])
        if size % GROUP == 0:
            return upper
        lineages = [lineage for end, lineage in self.trusted_ends.get(group, []) if end >= size]
        if group in self.chosen:
            lineages.append(self.chosen[group].lineage)
        for partial in self.snaps.get(size, []):
            if partial.lineage in lineages:
                return upper + partial.nodes
        return None

    def compare(self):
        """Which offers and signed roots the trusted tree contradicts; all roots it knows."""
        self.true_roots = {0: EMPTY_ROOT}
        for size in set(self.snaps) | {offer.size for offer in self.offers}:
            nodes = self.true_range(size)
            if nodes is not None:
                self.true_roots[size] = fold([value for _, value in nodes])
        self.untrue = [dispute for dispute in self.disputed if dispute[0] in self.chosen
                       and self.chosen[dispute[0]].value != dispute[1]]
        self.wrong = []
        for offer in self.offers:
            nodes = self.true_range(offer.size)
            if nodes is not None and [value for _, value in nodes] != offer.hashes:
                self.wrong.append(offer)
        self.fits = [i for i, (size, root) in enumerate(self.roots)
                     if self.true_roots.get(size) == root]
        self.clashes = [i for i, (size, root) in enumerate(self.roots)
                        if self.true_roots.get(size, root) != root]

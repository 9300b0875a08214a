/* complete.js - how entries are numbered, and whether all is here that was asked for
 * (docs/format.md 14.10, claim 2).
 *
 * One pass over the entries shown. The number of a source's entries is known at the start, around
 * each of its entries, at its declaration, and where positions of a state entry say it; between two
 * such points the difference, less what is shown, is hidden. Gaps that may hold entries of the time
 * are counted, so that one number tells whether such a gap lies between two points. */

class Counts {
  constructor(from, to) {
    this.from = from;
    this.to = to;
    this.sources = new Map();
    this.last = { index: -1, run: 0, received: 0n };
    this.hidden = 0; /* entries not shown so far */
    this.open = 0; /* gaps so far that may hold entries of the time */
    this.firstOpen = null;
    this.unread = null; /* the first declaration without its text, and `open` then */
  }

  source(ordinal) {
    if (!this.sources.has(ordinal)) {
      this.sources.set(ordinal, { known: 0, hidden: 0, open: 0, least: Infinity, bad: false,
        withoutText: false });
    }
    return this.sources.get(ordinal);
  }

  /* The source has `known` entries so far. */
  point(ordinal, known) {
    const s = this.source(ordinal);
    if (known < s.known || known - s.known > this.hidden - s.hidden) {
      fault('NUMBERING', `the numbers of source ${ordinal} do not fit what is shown`);
    }
    if (known !== s.known) {
      s.bad = s.bad || this.open > s.open;
      s.least = Math.min(s.least, s.open);
    }
    Object.assign(s, { known, hidden: this.hidden, open: this.open });
  }

  /* Whether what lies between the last entry shown and `e` can only be outside of the time. */
  outside(e) {
    const x = this.last;
    if (e.run === x.run) return e.received < this.from || x.received >= this.to;
    return e.run === x.run + 1 && x.received >= this.to && e.received < this.from;
  }

  gap(next, e) {
    const first = this.last.index + 1;
    if (first === next) return;
    this.hidden += next - first;
    if (e !== null && this.outside(e)) return;
    this.open++;
    this.firstOpen = this.firstOpen || [first, next - 1];
  }

  take(e) {
    this.point(e.source, e.seq);
    this.source(e.source).known = e.seq + 1;
    if (e.kind === 1) this.point(256 + e.seq, 0); /* none can stand before it */
    this.last = e;
  }

  /* Whether no entry of the source in the time can be hidden. */
  isComplete(ordinal) {
    const s = this.source(ordinal);
    return !s.bad && s.open === this.open;
  }

  /* Whether none is hidden before the last gap that may hold entries of the time. */
  isWhole(ordinal) {
    const s = this.source(ordinal);
    return s.least >= this.open && s.open === this.open;
  }
}

/* R1, R4 and R5 as far as neighbours are shown. */
function checkEntry(e, last) {
  const rise = e.run - last.run;
  const distance = e.index - last.index;
  const wrong = (isReceived(e) ? e.source < 256 : e.source !== e.kind) || e.seq > e.index ||
    e.received % 1000n !== 0n || rise < 0 || (last.index >= 0 && rise > distance) ||
    (rise === 0 && e.received < last.received) ||
    (rise === 1 && distance === 1 && last.index >= 0 && e.received >= last.received) ||
    (e.index === 0 && (e.run !== 0 || e.kind !== EPOCH));
  if (wrong) fault('NUMBERING', `entry ${e.index} is not numbered as its neighbours demand`);
}

function u48u64(next, index, received) {
  const bytes = new Uint8Array(22);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(next / 2 ** 32));
  view.setUint32(2, next % 2 ** 32);
  view.setBigUint64(6, BigInt(index));
  view.setBigUint64(14, received);
  return bytes;
}

/* What `positions` says (14.7), proven by the state entries: Map of index to [ordinal, next]. */
async function readPositions(bundle) {
  const counts = new Map();
  if (!bundle.map.has('positions')) return counts;
  const text = utf8(bundle.map.get('positions')) || '';
  const lines = text.slice(0, -1).split('\n');
  must(text.endsWith('\n') && lines[0] === 'akashi/positions/v1', 'positions of another form');
  let state = null;
  for (let i = 1; i < lines.length; ) {
    const fields = lines[i++].split(' ');
    if (fields[0] === 'state') {
      const index = decimal(fields[1] || '');
      const entry = bundle.entries.find((e) => e.index === index && e.kind === 8 && e.state === SHOWN);
      must(entry && fields.length === 2, 'positions of an entry that is no state');
      state = { index, says: JSON.parse(utf8(entry.payload)) };
      counts.set(index, []);
      continue;
    }
    must(state && fields[0] === 'count' && fields.length === 5, 'positions of another form');
    const hashes = [];
    while (i < lines.length && !lines[i].includes(' ')) hashes.push(fromBase64(lines[i++]));
    const [ordinal, next] = [decimal(fields[1]), decimal(fields[2])];
    must(/^(0|[1-9][0-9]{0,19})$/.test(fields[4]), 'positions of another form');
    const leaf = concat(u32(ordinal), u48u64(next, decimal(fields[3]), BigInt(fields[4])));
    const root = await listRoot(leaf, ordinal, 256 + state.says.sources, hashes);
    if (root === null || toBase64(root) !== state.says.positions) {
      fault('ALTERED', `a count of source ${ordinal} is not what the state in entry ${state.index} says`);
    }
    counts.get(state.index).push([ordinal, next]);
  }
  return counts;
}

/* Follows all numbers; gives the counts, with gaps judged by the time that was asked for. */
async function followNumbers(bundle) {
  const { asked } = bundle.about;
  const timed = asked.what === 'time';
  const counts = new Counts(timed ? BigInt(asked.from) : 0n, timed ? BigInt(asked.to) : 0n);
  const positions = await readPositions(bundle);
  for (const e of bundle.entries) {
    checkEntry(e, counts.last);
    counts.gap(e.index, e);
    for (const [ordinal, next] of positions.get(e.index) || []) counts.point(ordinal, next);
    counts.take(e);
    if (e.kind === 1 && e.state !== SHOWN && !counts.unread) counts.unread = [e.index, counts.open];
    if (timed && e.received >= counts.from && e.received < counts.to && e.state === BOUND) {
      counts.source(e.source).withoutText = true;
    }
  }
  counts.gap(bundle.checkpoint.size, null);
  return counts;
}

function claimIndex(bundle) {
  const { asked } = bundle.about;
  const [first, last] = [decimal(asked.first), decimal(asked.last)];
  const here = bundle.entries.filter((e) => e.index >= first && e.index <= last && e.state !== BOUND);
  if (here.length === last - first + 1) return [];
  return ['entries of the range that was asked for are not here'];
}

function claimSource(ordinal, counts, names) {
  const missing = [];
  if (ordinal >= 256 && !names.has(ordinal)) missing.push(`the declaration of source ${ordinal} is not shown`);
  if (!counts.isComplete(ordinal)) missing.push(`entries of source ${ordinal} in the time may be hidden`);
  if (counts.source(ordinal).withoutText) {
    missing.push(`an entry of source ${ordinal} in the time is shown without its text and without a reason`);
  }
  return missing;
}

function claimIdentity(bundle, counts, names) {
  const { identity } = bundle.about.asked;
  const of = [...names].filter(([, d]) => [d.name, d.address, d.fingerprint].includes(identity));
  const missing = of.flatMap(([ordinal]) => claimSource(ordinal, counts, names));
  if (!counts.isWhole(1)) missing.push('not all declarations are shown: others may be of that identity too');
  if (counts.unread && counts.open > counts.unread[1]) {
    missing.push(`the declaration in entry ${counts.unread[0]} is shown without its text, and entries behind it may be hidden`);
  }
  const nameless = bundle.entries.find((e) => e.state === BOUND && e.source >= 256 && !names.has(e.source) &&
    e.received >= counts.from && e.received < counts.to);
  if (nameless) missing.push(`entry ${nameless.index} is shown without its text, and nothing shows whose it is`);
  return missing;
}

function claimAll(bundle, counts) {
  const missing = [];
  if (counts.firstOpen) {
    missing.push(`entries ${counts.firstOpen[0]} to ${counts.firstOpen[1]} are not shown, and nothing shows that they lie outside of the time`);
  }
  const without = bundle.entries.find((e) => e.state === BOUND && e.received >= counts.from && e.received < counts.to);
  if (without) missing.push(`entry ${without.index} lies in the time and is shown without its text and without a reason`);
  return missing;
}

function claimTime(bundle, counts) {
  const { asked } = bundle.about;
  const names = declarations(bundle.entries);
  let missing = [];
  if (asked.sources) missing = asked.sources.flatMap((s) => claimSource(s, counts, names));
  else if (asked.identity !== undefined) missing = claimIdentity(bundle, counts, names);
  else missing = claimAll(bundle, counts);
  if (asked.events) missing.push(...claimSource(EVENT, counts, names));
  if (counts.last.index !== bundle.checkpoint.size - 1) {
    missing.push('the last entry before the checkpoint is not shown: nobody can say how far in time the log reaches');
  } else if (counts.last.received < counts.to) {
    missing.push(`open at the right: the log as of this checkpoint ends at ${when(counts.last.received)}`);
  }
  return missing;
}

/* What was asked for, in words. */
function askedWords(asked) {
  if (asked.what === 'index') return `entries ${asked.first} to ${asked.last}`;
  const parts = [];
  if (asked.from !== undefined) parts.push(`${when(BigInt(asked.from))} to ${when(BigInt(asked.to))} (out)`);
  if (asked.source) parts.push(`source ${asked.source.join(', ')}`);
  if (asked.identity !== undefined) parts.push(`all sources of ${asked.identity}`);
  if (asked.events) parts.push('and what was lost in it');
  if (asked.match) parts.push(`what fits ${asked.match.join(', ')}`);
  return parts.join(', ');
}

/* Claim 2; a selection makes none. */
function checkComplete(bundle, counts, step) {
  const { asked } = bundle.about;
  const critical = bundle.entries.find((e) => e.kind >= 128);
  if (asked.what === 'match') {
    step('open', 'Complete', '完全性', 'not claimed: a selection of what fits a pattern');
    return;
  }
  const missing = asked.what === 'index' ? claimIndex(bundle) : claimTime(bundle, counts);
  if (missing.length > 0) fault('MISSING', missing[0]);
  if (critical) fault('UNSUPPORTED', `entry ${critical.index} is of a kind that may change what others mean`);
  step('ok', 'Complete', '完全性', `${askedWords(asked)}: all is here. Premise: one history was signed` +
    (asked.what === 'index' ? '' : "; time is the collector's clock as it read it") +
    (asked.sources || asked.identity !== undefined ? '; the collector numbered honestly' : ''));
}

/* The order that is shown and says that the payload of an entry is gone, or undefined (R33). */
function orderFor(bundle, entry) {
  const action = entry.state === ERASED ? 'erase' : 'expire';
  return bundle.entries.find((o) => {
    if (o.kind !== 5 || o.state !== SHOWN || o.index <= entry.index) return false;
    const order = JSON.parse(utf8(o.payload));
    return order.action === action && (order.ranges || []).some(([first, last]) =>
      Number(first) <= entry.index && entry.index <= Number(last));
  });
}

/* Claim 3. Whose orders are to be accepted is for whoever judges to say, and not on this page: what
 * was taken out of the log is told, and leaves the whole INCOMPLETE here. */
function checkRemoved(bundle, step) {
  const black = bundle.entries.filter((e) => e.state === WITHHELD || e.state === PARTS).length;
  const gone = bundle.entries.filter((e) => e.state === ERASED || e.state === EXPIRED);
  if (gone.length > 0) {
    const order = orderFor(bundle, gone[0]);
    const how = gone[0].state === ERASED ? 'erased' : 'expired';
    fault('MISSING', order === undefined
      ? `the text of entry ${gone[0].index} is said to be ${how}, and no order that says so is shown`
      : `the text of entry ${gone[0].index} was ${how} by the order in entry ${order.index}; whether its authority is to be accepted, akashi-verify bundle --authority KEY says`);
  }
  step('ok', 'Redacted', '墨消し', `${black} blacked out, for the reasons given; nothing else was changed`);
}

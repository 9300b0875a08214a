/* bundle.js - takes a bundle apart (docs/format.md 14): its one file, the stretches that are shown,
 * entries and their payloads. Whatever is not of that form ends in a Fault. */

const STAMPS = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => `stamp.${k}`);
const FILES = ['README.txt', 'SHA256SUMS', 'bundle.json', 'checkpoint', 'stamped', ...STAMPS, 'policy',
  'proof', 'entries', 'openings', 'own.txt', 'records.zst', 'positions', 'records.jsonl', 'records.csv',
  'provenance.jsonld'];
const MAY_LACK = ['stamped', ...STAMPS, 'policy', 'positions', 'records.jsonl', 'records.csv', 'provenance.jsonld'];
const ENTRY_BYTES = 54;
const PAYLOAD_MAX = 1048575;
const PARTS_MAX = 262144;
const TEXT_MAX = 268435456; /* of all records: what a browser holds */
const BLOCK = Uint8Array.of(0xe2, 0x96, 0x88); /* stands for a part that is withheld */
const RECORD = 0;
const EVENT = 3;
const EPOCH = 4;
const FRAGMENT = 7;
const SHOWN = 0;
const ERASED = 1;
const EXPIRED = 3;
const WITHHELD = 16;
const PARTS = 17;
const BOUND = 18;

function octal(value, digits) {
  return value.toString(8).padStart(digits, '0');
}

/* The one header that a file of this name and size has (14.9). */
function tarHeader(name, size, seconds) {
  const head = new Uint8Array(512);
  const put = (at, text) => head.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, '0000644');
  put(108, '0000000');
  put(116, '0000000');
  put(124, octal(size, 11));
  put(136, octal(seconds, 11));
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar');
  put(263, '00');
  put(148, octal(head.reduce((sum, b) => sum + b, 0), 6) + '\0 ');
  return head;
}

function readTar(bytes) {
  const files = [];
  let seconds = null;
  let at = 0;
  must(bytes.length % 512 === 0 && bytes.length >= 1024, 'this is no bundle in one file');
  while (bytes[at] !== 0) {
    const head = bytes.subarray(at, at + 512);
    const name = utf8(head.subarray(0, head.indexOf(0)));
    const numbers = utf8(head.subarray(124, 148));
    must(name !== null && name.length <= 100 && numbers !== null &&
      /^[0-7]{11}\0[0-7]{11}\0$/.test(numbers), 'a header of another form');
    const size = parseInt(numbers.slice(0, 11), 8);
    const time = parseInt(numbers.slice(12, 23), 8);
    must(seconds === null || seconds === time, 'files of several times');
    must(same(head, tarHeader(name, size, time)), 'a header of another form');
    seconds = time;
    at += 512;
    must(at + size + 1024 <= bytes.length, 'a file without its end');
    files.push({ name, data: bytes.subarray(at, at + size) });
    const end = at + Math.ceil(size / 512) * 512;
    must(bytes.subarray(at + size, end).every((b) => b === 0), 'padding that is not empty');
    at = end;
  }
  must(at + 1024 === bytes.length && bytes.subarray(at).every((b) => b === 0), 'bytes behind the end');
  return { files, seconds };
}

/* The files by name; their order and names are those of 14.1. */
function readFiles(bytes) {
  const { files, seconds } = readTar(bytes);
  const map = new Map(files.map((f) => [f.name, f.data]));
  const known = files.filter((f) => !f.name.startsWith('custody/')).map((f) => f.name);
  const custody = files.map((f) => f.name).filter((n) => n.startsWith('custody/'));
  const want = FILES.filter((n) => map.has(n));
  const stamps = ['stamped', ...STAMPS].map((n) => map.has(n));
  must(stamps[0] === stamps[1] && stamps.every((there, i) => !there || i === 0 || stamps[i - 1]),
    'stamped and stamps do not belong together');
  must(map.size === files.length && FILES.every((n) => map.has(n) || MAY_LACK.includes(n)) &&
    files.every((f, i) => f.name === want.concat(custody)[i]) && same(known, want) &&
    same(custody, custody.slice().sort()), 'the files of the bundle are not those of section 14.1');
  return { map, custody, seconds };
}

/* Greatest level at which a node begins at `position` and ends at or before `end`. */
function nodeLevel(position, end) {
  let level = 0;
  while (level < 52 && position % 2 ** (level + 1) === 0 && position + 2 ** (level + 1) <= end) level++;
  return level;
}

/* Stretches of `proof`: { shown, from, to, nodes: [{ level, k, hash }] } (14.4). */
function readProof(bytes, size) {
  const text = utf8(bytes);
  must(text !== null && text.endsWith('\n'), 'proof is no text');
  const lines = text.slice(0, -1).split('\n');
  must(lines[0] === 'akashi/bundle/v1' && decimal(lines[1] || '') === size, 'proof of another form');
  const stretches = [];
  let position = 0;
  for (let i = 2; i < lines.length; ) {
    const fields = /^(show|skip) (\S+)$/.exec(lines[i++]);
    const shown = fields && fields[1] === 'show';
    const last = stretches[stretches.length - 1];
    must(fields && (!last || last.shown !== shown), 'stretches of another form');
    const to = position + decimal(fields[2]);
    must(to > position && to <= size, 'stretches beyond the size');
    const stretch = { shown, from: position, to, nodes: [] };
    while (!shown && position < to) {
      const level = nodeLevel(position, to);
      const hash = fromBase64(lines[i++] || '');
      must(hash.length === 32, 'proof lacks hashes');
      stretch.nodes.push({ level, k: position / 2 ** level, hash });
      position += 2 ** level;
    }
    position = to;
    stretches.push(stretch);
  }
  must(position === size && stretches.some((s) => s.shown), 'the stretches do not end at the size');
  return stretches;
}

function readEntry(bytes, index) {
  return {
    index,
    bytes,
    form: bytes[0],
    kind: bytes[1],
    run: number(bytes, 2, 2),
    /* Nanoseconds do not fit a number; they are multiples of 1,000 (R4). */
    received: bytes.subarray(4, 12).reduce((sum, b) => sum * 256n + BigInt(b), 0n),
    source: number(bytes, 12, 4),
    seq: number(bytes, 16, 6),
    commitment: bytes.subarray(22),
  };
}

function readEntries(bytes, stretches) {
  const entries = [];
  const shown = stretches.filter((s) => s.shown);
  const count = shown.reduce((sum, s) => sum + s.to - s.from, 0);
  must(bytes.length === count * ENTRY_BYTES, 'entries are not those that proof shows');
  for (const s of shown) {
    for (let i = s.from; i < s.to; i++) {
      const at = entries.length * ENTRY_BYTES;
      entries.push(readEntry(bytes.subarray(at, at + ENTRY_BYTES), i));
    }
  }
  return entries;
}

function isReceived(entry) {
  return entry.kind === RECORD || entry.kind === FRAGMENT;
}

/* Whether an entry has text in the bundle. */
function hasText(entry) {
  return entry.state === SHOWN || entry.state === PARTS;
}

/* Separators are all bytes but these, and but 80 to ff. */
const NO_SEPARATOR = new Set(ascii('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789' +
  '._:@/\\%+~#$*!?^`-'));

function isSeparator(b) {
  return b < 0x80 && !NO_SEPARATOR.has(b);
}

function splitParts(payload) {
  const parts = [];
  let from = 0;
  for (let i = 1; i < payload.length; i++) {
    if (i - from === 38 ||
      (i - from >= 4 && isSeparator(payload[i - 1]) && !isSeparator(payload[i]))) {
      parts.push(payload.subarray(from, i));
      from = i;
    }
  }
  parts.push(payload.subarray(from));
  return parts;
}

/* The rest of state 17; gives the place behind it. */
function readParts(bytes, at, entry, redactions) {
  const m = at + 4 <= bytes.length ? number(bytes, at, 4) : 0;
  must(entry.form === 2 && isReceived(entry) && m > 1 && m <= PARTS_MAX, 'parts of another form');
  entry.parts = [];
  entry.length = 0;
  at += 4;
  for (let j = 0; j < m; j++) {
    const length = bytes[at];
    const withheld = length === 255;
    const rest = withheld ? 34 : 16;
    must(at + 1 + rest <= bytes.length && (withheld || (length > 0 && length <= 38)), 'parts of another form');
    if (withheld) {
      entry.parts.push({ redaction: number(bytes, at + 1, 2), hash: bytes.subarray(at + 3, at + 35) });
      must(entry.parts[j].redaction < redactions, 'a reason that is not there');
    } else {
      entry.parts.push({ length, salt: bytes.subarray(at + 1, at + 17) });
    }
    entry.length += withheld ? BLOCK.length : length;
    at += 1 + rest;
  }
  must(entry.length <= PAYLOAD_MAX + 2 && entry.parts.some((p) => p.hash) &&
    entry.parts.some((p) => p.salt), 'parts of another form');
  return at;
}

/* Gives the parts shown their bytes, and refuses what no split gives (3.4). */
function cutParts(entry) {
  let at = 0;
  let before = null;
  entry.parts.forEach((part, j) => {
    const bytes = entry.payload.subarray(at, at + (part.hash ? BLOCK.length : part.length));
    at += bytes.length;
    if (part.hash) {
      must(same(bytes, BLOCK), 'a text without the sign of a part that is withheld');
    } else {
      const whole = bytes.length === 38 || (bytes.length >= 4 && isSeparator(bytes[bytes.length - 1]));
      must(splitParts(bytes).length === 1 && (whole || j === entry.parts.length - 1) &&
        !(before && before.length < 38 && isSeparator(bytes[0])), 'parts that no split gives');
      part.bytes = bytes;
    }
    before = part.hash ? null : bytes;
  });
}

/* State, length and secret of each entry (14.5). */
function readOpenings(bytes, entries, redactions) {
  let at = 0;
  for (const entry of entries) {
    must(at < bytes.length, 'openings end before the entries do');
    entry.state = bytes[at++];
    if (entry.state === SHOWN) {
      const secret = entry.form === 1 ? 16 : 32;
      if (entry.form !== 1 && entry.form !== 2) fault('UNSUPPORTED', 'an entry of an unknown form');
      must(at + 4 + secret <= bytes.length, 'openings end before the entries do');
      entry.length = number(bytes, at, 4);
      entry.secret = bytes.subarray(at + 4, at + 4 + secret);
      must(entry.length <= PAYLOAD_MAX, 'a payload that is too long');
      at += 4 + secret;
    } else if (entry.state === PARTS) {
      at = readParts(bytes, at, entry, redactions);
    } else if (entry.state === WITHHELD) {
      must(at + 2 <= bytes.length, 'openings end before the entries do');
      entry.redaction = number(bytes, at, 2);
      must(entry.redaction < redactions, 'a reason that is not there');
      at += 2;
    } else {
      must([ERASED, EXPIRED, BOUND].includes(entry.state), 'a state that is not known');
    }
  }
  must(at === bytes.length, 'openings for more entries than there are');
}

/* Gives each shown payload its bytes: `text` holds them in order, each with a line feed. */
function cutPayloads(entries, text) {
  let at = 0;
  for (const entry of entries) {
    const end = at + entry.length;
    must(end < text.length && text[end] === 10, 'payloads of other lengths than openings say');
    entry.payload = text.subarray(at, end);
    at = end + 1;
  }
  must(at === text.length, 'more payloads than openings say');
}

function textLength(entries) {
  return entries.reduce((sum, e) => sum + e.length + 1, 0);
}

/* The whole bundle, nothing checked yet but its form. */
function readBundle(bytes) {
  const { map, custody, seconds } = readFiles(bytes);
  const about = JSON.parse(utf8(map.get('bundle.json')) || 'null');
  must(about !== null && about.type === 'bundle' && Array.isArray(about.redactions) &&
    typeof about.asked === 'object', 'bundle.json is of another form');
  if (about.version !== 1) fault('UNSUPPORTED', 'a bundle of another version');
  must(/^[0-9]+$/.test(about.made) && BigInt(about.made) === BigInt(seconds) * 1000000000n,
    'the time of the archive is not that of bundle.json');
  const checkpoint = parseCheckpoint(map.get('checkpoint'));
  must(about.origin === checkpoint.origin, 'bundle.json names another log');
  const stretches = readProof(map.get('proof'), checkpoint.size);
  const entries = readEntries(map.get('entries'), stretches);
  readOpenings(map.get('openings'), entries, about.redactions.length);
  const open = entries.filter(hasText);
  const received = open.filter(isReceived);
  if (textLength(received) > TEXT_MAX) {
    fault('UNSUPPORTED', 'the records have more text than this page takes; akashi-verify bundle takes all');
  }
  cutPayloads(open.filter((e) => !isReceived(e)), map.get('own.txt'));
  cutPayloads(received, zstd(map.get('records.zst'), textLength(received)));
  entries.filter((e) => e.state === PARTS).forEach(cutParts);
  return { map, custody, about, checkpoint, stretches, entries };
}

/* zstd.js - reads one Zstandard frame (RFC 8878), which browsers do not. What it gives is never
 * trusted: each record is hashed and compared with what its entry commits to. */

const ZSTD_BLOCK_MAX = 131072;

/* Reads bits from the end of a stretch of bytes to its start, as most of the format is written. */
class Backwards {
  constructor(bytes, from, to) {
    must(to > from && bytes[to - 1] !== 0, 'zstd: a bit stream without its end mark');
    this.bytes = bytes;
    this.from = from;
    this.left = (to - from) * 8 - Math.clz32(bytes[to - 1]) + 23;
  }

  /* The next n (at most 16) bits; in front of the start stand zeros. */
  peek(n) {
    const low = this.left - n;
    if (low < 0) return this.left <= 0 ? 0 : (this.at(0) & ((1 << this.left) - 1)) << -low;
    return this.at(low) & ((1 << n) - 1);
  }

  at(bit) {
    const i = this.from + (bit >> 3);
    const b = this.bytes;
    return (b[i] | ((b[i + 1] || 0) << 8) | ((b[i + 2] || 0) << 16)) >> (bit & 7);
  }

  take(n) {
    if (n > 16) return this.take(n - 16) * 65536 + this.take(16);
    const value = n === 0 ? 0 : this.peek(n);
    this.left -= n;
    return value;
  }
}

function highBit(n) {
  return 31 - Math.clz32(n);
}

/* Counts of an FSE table, written forwards (4.1.1); gives them with the place behind. */
function fseCounts(bytes, from, to, logMax, symbolMax) {
  let bit = from * 8;
  const take = (n) => {
    const i = bit >> 3;
    must(i < to, 'zstd: a table without its end');
    const word = bytes[i] | ((bytes[i + 1] || 0) << 8) | ((bytes[i + 2] || 0) << 16);
    bit += n;
    return (word >> ((bit - n) & 7)) & ((1 << n) - 1);
  };
  const log = take(4) + 5;
  const counts = [];
  let remaining = 1 << log;
  must(log <= logMax, 'zstd: a table that is too large');
  while (remaining > 0) {
    const bits = highBit(remaining + 1) + 1;
    const mask = (1 << (bits - 1)) - 1;
    const threshold = (1 << bits) - 2 - remaining;
    let value = take(bits);
    if ((value & mask) < threshold) {
      bit--;
      value &= mask;
    } else if (value > mask) {
      value -= threshold;
    }
    must(counts.length <= symbolMax, 'zstd: a table of too many symbols');
    counts.push(value - 1);
    remaining -= Math.abs(value - 1);
    for (let more = value === 1 ? 3 : 0; more === 3; ) {
      more = take(2);
      for (let i = 0; i < more; i++) counts.push(0);
    }
  }
  must(remaining === 0 && counts.length <= symbolMax + 1, 'zstd: a table that does not come out');
  return { log, counts, end: (bit + 7) >> 3 };
}

function fseTable(log, counts) {
  const size = 1 << log;
  const symbol = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  const next = counts.map((c) => (c < 0 ? 1 : c));
  let high = size;
  let at = 0;
  counts.forEach((c, s) => {
    if (c < 0) symbol[--high] = s;
  });
  counts.forEach((c, s) => {
    for (let i = 0; i < c; i++) {
      symbol[at] = s;
      do {
        at = (at + (size >> 1) + (size >> 3) + 3) & (size - 1);
      } while (at >= high);
    }
  });
  for (let i = 0; i < size; i++) {
    const n = next[symbol[i]]++;
    bits[i] = log - highBit(n);
    base[i] = (n << bits[i]) - size;
  }
  return { log, symbol, bits, base };
}

/* Weights of a Huffman table (4.2.1), and the table itself. */
function huffmanWeights(bytes, at, end) {
  const head = bytes[at++];
  const weights = [];
  if (head >= 128) {
    const count = head - 127;
    must(at + ((count + 1) >> 1) <= end, 'zstd: a table without its end');
    for (let i = 0; i < count; i++) {
      weights.push(i % 2 === 0 ? bytes[at + (i >> 1)] >> 4 : bytes[at + (i >> 1)] & 15);
    }
    return { weights, end: at + ((count + 1) >> 1) };
  }
  must(at + head <= end, 'zstd: a table without its end');
  const counts = fseCounts(bytes, at, at + head, 6, 255);
  const table = fseTable(counts.log, counts.counts);
  const reader = new Backwards(bytes, counts.end, at + head);
  const state = [reader.take(table.log), reader.take(table.log)];
  for (let turn = 0; ; turn ^= 1) {
    const s = state[turn];
    must(weights.length < 255, 'zstd: a table of too many symbols');
    weights.push(table.symbol[s]);
    if (reader.left < table.bits[s]) {
      weights.push(table.symbol[state[turn ^ 1]]);
      break;
    }
    state[turn] = table.base[s] + reader.take(table.bits[s]);
  }
  return { weights, end: at + head };
}

function huffmanTable(weights) {
  const sum = weights.reduce((total, w) => total + (w > 0 ? 1 << (w - 1) : 0), 0);
  must(sum > 0, 'zstd: a table without symbols');
  const log = highBit(sum) + 1;
  const rest = (1 << log) - sum;
  must(log <= 11 && (rest & (rest - 1)) === 0, 'zstd: a table that does not come out');
  const all = weights.concat(highBit(rest) + 1);
  const symbol = new Uint8Array(1 << log);
  const bits = new Uint8Array(1 << log);
  let at = 0;
  for (let w = 1; w <= log; w++) {
    all.forEach((weight, s) => {
      if (weight !== w) return;
      symbol.fill(s, at, at + (1 << (w - 1)));
      bits.fill(log + 1 - w, at, at + (1 << (w - 1)));
      at += 1 << (w - 1);
    });
  }
  return { log, symbol, bits };
}

function huffmanStream(table, bytes, from, to, out, start, end) {
  const reader = new Backwards(bytes, from, to);
  for (let i = start; i < end; i++) {
    const code = reader.peek(table.log);
    out[i] = table.symbol[code];
    reader.left -= table.bits[code];
  }
  must(reader.left === 0, 'zstd: literals that do not come out');
}

/* Sizes in the head of a literals section: [streams, size, compressed size, head bytes]. */
function literalsHead(b, at) {
  const type = b[at] & 3;
  const format = (b[at] >> 2) & 3;
  const all = b[at] + (b[at + 1] || 0) * 256 + (b[at + 2] || 0) * 65536 +
    (b[at + 3] || 0) * 16777216 + (b[at + 4] || 0) * 4294967296;
  const field = (from, bits) => Math.floor(all / 2 ** from) % 2 ** bits;
  if (type < 2) {
    if (format === 1) return [1, field(4, 12), 0, 2];
    if (format === 3) return [1, field(4, 20), 0, 3];
    return [1, field(3, 5), 0, 1];
  }
  if (format < 2) return [format === 0 ? 1 : 4, field(4, 10), field(14, 10), 3];
  if (format === 2) return [4, field(4, 14), field(18, 14), 4];
  return [4, field(4, 18), field(22, 18), 5];
}

function readLiterals(frame, b, at, end) {
  const type = b[at] & 3;
  const [streams, size, packed, head] = literalsHead(b, at);
  must(size <= ZSTD_BLOCK_MAX, 'zstd: more literals than a block holds');
  at += head;
  if (type === 0) {
    must(at + size <= end, 'zstd: literals without their end');
    return { literals: b.subarray(at, at + size), end: at + size };
  }
  if (type === 1) {
    must(at < end, 'zstd: literals without their end');
    return { literals: new Uint8Array(size).fill(b[at]), end: at + 1 };
  }
  const stop = at + packed;
  must(stop <= end, 'zstd: literals without their end');
  if (type === 2) {
    const read = huffmanWeights(b, at, stop);
    frame.huffman = huffmanTable(read.weights);
    at = read.end;
  }
  must(frame.huffman, 'zstd: a table that was never given');
  const literals = new Uint8Array(size);
  if (streams === 1) {
    huffmanStream(frame.huffman, b, at, stop, literals, 0, size);
    return { literals, end: stop };
  }
  const part = (size + 3) >> 2;
  let from = at + 6;
  for (let i = 0; i < 4; i++) {
    const length = i < 3 ? b[at + 2 * i] + b[at + 2 * i + 1] * 256 : stop - from;
    must(from + length <= stop && 3 * part <= size, 'zstd: streams of wrong length');
    huffmanStream(frame.huffman, b, from, from + length, literals, i * part,
      i < 3 ? (i + 1) * part : size);
    from += length;
  }
  return { literals, end: stop };
}

/* Codes of lengths: [base, extra bits] (3.1.1.3.2.1.1). */
const LITERAL_LENGTHS = Array.from({ length: 16 }, (_, i) => [i, 0]).concat(
  [[16, 1], [18, 1], [20, 1], [22, 1], [24, 2], [28, 2], [32, 3], [40, 3], [48, 4], [64, 6],
    [128, 7], [256, 8], [512, 9], [1024, 10], [2048, 11], [4096, 12], [8192, 13], [16384, 14],
    [32768, 15], [65536, 16]]);
const MATCH_LENGTHS = Array.from({ length: 32 }, (_, i) => [i + 3, 0]).concat(
  [[35, 1], [37, 1], [39, 1], [41, 1], [43, 2], [47, 2], [51, 3], [59, 3], [67, 4], [83, 4],
    [99, 5], [131, 7], [259, 8], [515, 9], [1027, 10], [2051, 11], [4099, 12], [8195, 13],
    [16387, 14], [32771, 15], [65539, 16]]);

/* The tables of literal lengths, offsets and match lengths: predefined counts and bounds. */
const SEQUENCE_TABLES = [
  { log: 6, logMax: 9, symbolMax: 35, counts: [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1] },
  { log: 5, logMax: 8, symbolMax: 31, counts: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1] },
  { log: 6, logMax: 9, symbolMax: 52, counts: [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1,
    -1, -1, -1, -1] },
];

function readTable(frame, which, mode, b, at, end) {
  const known = SEQUENCE_TABLES[which];
  if (mode === 0) {
    frame.tables[which] = fseTable(known.log, known.counts);
  } else if (mode === 1) {
    must(at < end && b[at] <= known.symbolMax, 'zstd: a symbol out of bounds');
    frame.tables[which] = { log: 0, symbol: Uint8Array.of(b[at]), bits: Uint8Array.of(0),
      base: Uint16Array.of(0) };
    return at + 1;
  } else if (mode === 2) {
    const read = fseCounts(b, at, end, known.logMax, known.symbolMax);
    frame.tables[which] = fseTable(read.log, read.counts);
    return read.end;
  }
  must(frame.tables[which], 'zstd: a table that was never given');
  return at;
}

/* The distance of a match; the last three are remembered (3.1.1.5). */
function readOffset(frame, value, literalLength) {
  const last = frame.offsets;
  if (value > 3) {
    frame.offsets = [value - 3, last[0], last[1]];
    return value - 3;
  }
  const which = value - 1 + (literalLength === 0 ? 1 : 0);
  const offset = which === 3 ? last[0] - 1 : last[which];
  if (which === 1) frame.offsets = [offset, last[0], last[2]];
  if (which > 1) frame.offsets = [offset, last[0], last[1]];
  return offset;
}

function copyMatch(frame, offset, length) {
  const { out } = frame;
  must(offset > 0 && offset <= frame.at && frame.at + length <= out.length,
    'zstd: a match out of bounds');
  for (let i = 0; i < length; i++, frame.at++) out[frame.at] = out[frame.at - offset];
}

function copyLiterals(frame, bytes) {
  must(frame.at + bytes.length <= frame.out.length, 'zstd: more text than was announced');
  frame.out.set(bytes, frame.at);
  frame.at += bytes.length;
}

function runSequences(frame, count, reader, literals) {
  const [ll, of, ml] = frame.tables;
  let [l, o, m] = [reader.take(ll.log), reader.take(of.log), reader.take(ml.log)];
  let used = 0;
  for (let i = 0; i < count; i++) {
    const code = of.symbol[o];
    const value = 2 ** code + reader.take(code);
    const [matchBase, matchBits] = MATCH_LENGTHS[ml.symbol[m]];
    const length = matchBase + reader.take(matchBits);
    const [literalBase, literalBits] = LITERAL_LENGTHS[ll.symbol[l]];
    const run = literalBase + reader.take(literalBits);
    must(used + run <= literals.length && reader.left >= 0, 'zstd: sequences out of bounds');
    copyLiterals(frame, literals.subarray(used, used + run));
    used += run;
    copyMatch(frame, readOffset(frame, value, run), length);
    if (i + 1 === count) break;
    l = ll.base[l] + reader.take(ll.bits[l]);
    m = ml.base[m] + reader.take(ml.bits[m]);
    o = of.base[o] + reader.take(of.bits[o]);
  }
  must(reader.left === 0, 'zstd: sequences that do not come out');
  copyLiterals(frame, literals.subarray(used));
}

function readBlock(frame, b, at, end) {
  const read = readLiterals(frame, b, at, end);
  at = read.end;
  must(at < end, 'zstd: a block without its end');
  let count = b[at++];
  if (count === 255) {
    count = b[at] + b[at + 1] * 256 + 0x7f00;
    at += 2;
  } else if (count > 127) {
    count = (count - 128) * 256 + b[at++];
  }
  if (count === 0) {
    must(at === end, 'zstd: bytes behind a block');
    copyLiterals(frame, read.literals);
    return;
  }
  must(at < end && (b[at] & 3) === 0, 'zstd: a block without its end');
  const modes = b[at++];
  for (let i = 0; i < 3; i++) at = readTable(frame, i, (modes >> (6 - 2 * i)) & 3, b, at, end);
  must(at < end, 'zstd: a block without its end');
  runSequences(frame, count, new Backwards(b, at, end), read.literals);
}

/* Where the blocks begin, and whether a checksum ends the frame. */
function zstdHead(b) {
  must(b.length > 6 && b[0] === 0x28 && b[1] === 0xb5 && b[2] === 0x2f && b[3] === 0xfd,
    'zstd: no frame');
  const flags = b[4];
  must((flags & 0x1b) === 0 && (flags & 4) !== 0, 'zstd: a frame of another form');
  const single = (flags & 32) !== 0;
  const window = single ? 0 : 2 ** (10 + (b[5] >> 3)) * (1 + (b[5] & 7) / 8);
  must(window <= 8388608, 'zstd: a window over 8 MiB');
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6];
  return 5 + (single ? 0 : 1) + sizeBytes;
}

/* The text of exactly `size` bytes that the one frame in `b` holds. */
function zstd(b, size) {
  const frame = { out: new Uint8Array(size), at: 0, tables: [null, null, null], huffman: null,
    offsets: [1, 4, 8] };
  let at = zstdHead(b);
  for (let last = false; !last; ) {
    must(at + 3 <= b.length, 'zstd: a frame without its end');
    const head = b[at] + b[at + 1] * 256 + b[at + 2] * 65536;
    const type = (head >> 1) & 3;
    const length = head >> 3;
    const stored = type === 1 ? 1 : length;
    at += 3;
    last = (head & 1) === 1;
    must(type < 3 && length <= ZSTD_BLOCK_MAX && at + stored <= b.length, 'zstd: a wrong block');
    if (type === 0) copyLiterals(frame, b.subarray(at, at + length));
    else if (type === 1) copyLiterals(frame, new Uint8Array(length).fill(b[at]));
    else readBlock(frame, b, at, at + length);
    at += stored;
  }
  must(at + 4 === b.length && frame.at === size, 'zstd: not the text that was announced');
  return frame.out;
}

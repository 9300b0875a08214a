/* check.js - the check itself, step by step (docs/format.md 14.10, claim 1). Each step is told as it
 * is done. */

const VERDICTS = { ALTERED: 'INVALID', MALFORMED: 'INVALID', NUMBERING: 'INVALID', EPOCH: 'INVALID',
  UNTRUSTED_KEY: 'NOT CHECKABLE', UNSUPPORTED: 'NOT CHECKABLE', MISSING: 'INCOMPLETE' };

/* Commitments, form 1 (3.4). */
async function commitWhole(entries) {
  return sha256All(entries.map((e) => concat(Uint8Array.of(2), e.secret, e.payload)));
}

/* Salts of all parts of the entries, which K gives two at a time (3.4). */
async function partSalts(entries, parts) {
  const pairs = await sha256All(entries.flatMap((e, i) =>
    Array.from({ length: Math.ceil(parts[i].length / 2) }, (_, j) =>
      concat(Uint8Array.of(7), e.secret, u32(j)))));
  let next = 0;
  return parts.map((list) => {
    const base = next;
    next += Math.ceil(list.length / 2);
    return list.map((_, j) => pairs[base + (j >> 1)].subarray((j % 2) * 16, (j % 2) * 16 + 16));
  });
}

/* Form 2: parts of many entries are hashed together. Each has { salt, bytes }, or { hash } alone. */
async function commitParts(entries) {
  const whole = entries.filter((e) => e.state === SHOWN);
  const split = whole.map((e) => splitParts(e.payload));
  const salts = await partSalts(whole, split);
  const parts = new Map(whole.map((e, i) =>
    [e, split[i].map((bytes, j) => ({ bytes, salt: salts[i][j] }))]));
  const all = entries.map((e) => parts.get(e) || e.parts);
  const shownParts = all.flat().filter((p) => !p.hash);
  const hashes = await sha256All(shownParts.map((p) => concat(Uint8Array.of(3), p.salt, p.bytes)));
  const hashOf = new Map(shownParts.map((p, i) => [p, hashes[i]]));
  return sha256All(all.map((list) =>
    concat(Uint8Array.of(4), u32(list.length), ...list.map((p) => p.hash || hashOf.get(p)))));
}

/* Marks every entry whose text is not what it commits to. */
async function checkPayloads(entries) {
  const open = entries.filter(hasText);
  for (const [form, commit] of [[1, commitWhole], [2, commitParts]]) {
    const some = open.filter((e) => e.form === form);
    const commitments = await commit(some);
    some.forEach((e, i) => {
      e.bad = !same(e.commitment, commitments[i]);
    });
  }
  const bad = open.filter((e) => e.bad);
  if (bad.length > 0) {
    fault('ALTERED', `the payload of entry ${bad[0].index} is not what its entry commits to` +
      (bad.length > 1 ? `; ${bad.length} entries in all` : ''));
  }
  return open.length;
}

/* All nodes that follow from leaves shown and hashes given, level by level: Map of "level:k". */
async function buildTree(bundle) {
  const nodes = new Map();
  const levels = [];
  const add = (level, k, hash) => {
    must(!nodes.has(`${level}:${k}`), 'a node that is given twice');
    nodes.set(`${level}:${k}`, hash);
    (levels[level] = levels[level] || []).push(k);
  };
  const leaves = await sha256All(bundle.entries.map((e) => concat(Uint8Array.of(0), e.bytes)));
  bundle.entries.forEach((e, i) => add(0, e.index, leaves[i]));
  for (const s of bundle.stretches) s.nodes.forEach((n) => add(n.level, n.k, n.hash));
  for (let level = 0; level < levels.length; level++) {
    const pairs = (levels[level] || []).filter((k) => k % 2 === 0 && nodes.has(`${level}:${k + 1}`));
    const hashes = await sha256All(pairs.map((k) => concat(Uint8Array.of(1),
      nodes.get(`${level}:${k}`), nodes.get(`${level}:${k + 1}`))));
    pairs.forEach((k, i) => add(level + 1, k / 2, hashes[i]));
  }
  return nodes;
}

/* Root of the first `size` entries: the compact range [0, size), folded from the right (2). */
async function rootOf(nodes, size) {
  const range = [];
  for (let at = 0; at < size; ) {
    const level = nodeLevel(at, size);
    const hash = nodes.get(`${level}:${at / 2 ** level}`);
    must(hash, 'the hashes do not make a root');
    range.push(hash);
    at += 2 ** level;
  }
  if (range.length === 0) return sha256(new Uint8Array(0));
  let root = range.pop();
  while (range.length > 0) root = await sha256(concat(Uint8Array.of(1), range.pop(), root));
  return root;
}

/* SHA256SUMS: every file but itself and custody (14.2). */
async function checkSums(bundle) {
  const names = FILES.filter((n) => bundle.map.has(n) && n !== 'SHA256SUMS');
  const digests = await sha256All(names.map((n) => bundle.map.get(n)));
  const sums = utf8(bundle.map.get('SHA256SUMS'));
  const want = names.map((n, i) => `${hex(digests[i])}  ${n}\n`);
  if (sums === want.join('')) return names.length;
  const bad = names.find((n, i) => sums === null || !sums.includes(want[i]));
  return fault('ALTERED', `${bad || 'SHA256SUMS'}: not the digest that SHA256SUMS says`);
}

/* The start notes shown, in order; entries before the first or between others are not proven. */
async function checkEpochs(bundle, nodes, logKey) {
  const { origin } = bundle.checkpoint;
  const starts = [];
  for (const e of bundle.entries.filter((x) => x.kind === EPOCH && x.state === SHOWN)) {
    const start = await parseStartNote(e.payload, origin);
    const before = starts[starts.length - 1];
    if (start.index !== e.index || (start.epoch === 0) !== (e.index === 0) ||
      (before && start.epoch <= before.epoch)) {
      fault('EPOCH', `the start note in entry ${e.index} does not belong there`);
    }
    if (!same(start.root, await rootOf(nodes, e.index))) {
      fault('EPOCH', `the start note of epoch ${start.epoch} was signed over another beginning`);
    }
    const next = before && before.epoch + 1 === start.epoch;
    await checkStartNote(start, next ? before : null, logKey, origin);
    starts.push(start);
  }
  return starts;
}

/* Whether the note that makes an entry's epoch, and the one that ends it, are shown (5.3, R11). */
function isUnderEpoch(entry, starts) {
  const i = starts.findLastIndex((s) => s.index <= entry.index);
  return i >= 0 && (i + 1 === starts.length || starts[i + 1].epoch === starts[i].epoch + 1);
}

/* Pieces are numbered, for what is shown of them. */
function markPieces(bundle) {
  let i = 0;
  bundle.stretches.filter((s) => s.shown).forEach((s, piece) => {
    for (let n = s.from; n < s.to; n++) bundle.entries[i++].piece = piece;
  });
}

/* Digits of a fingerprint, as people type them. */
function fingerprintDigits(given) {
  return given.replace(/[\s:]/g, '').toLowerCase();
}

function isFingerprint(given) {
  return /^[0-9a-f]{32}$/.test(fingerprintDigits(given));
}

/* The key to check with: what the reader gave, else the one that the file itself names. */
async function chooseKey(bundle, given) {
  const own = await parseVkey(String(bundle.about.log_key));
  if (given === null) return { key: own, outside: false, own };
  if (isFingerprint(given)) {
    if (fingerprintDigits(given) !== await fingerprint(own.key)) {
      fault('UNTRUSTED_KEY', 'the fingerprint that you gave is not that of the key in this file');
    }
    return { key: own, outside: true, own };
  }
  return { key: await parseVkey(given.trim()), outside: true, own };
}

async function checkCheckpoint(bundle, key) {
  const { checkpoint } = bundle;
  if (!await hasEd25519()) {
    fault('UNSUPPORTED', 'this browser cannot check Ed25519 signatures (WebCrypto). Use a newer one, ' +
      'or akashi-verify');
  }
  if (key.name !== checkpoint.origin || !await isSignedBy(checkpoint.note, key, 'the checkpoint')) {
    fault('UNTRUSTED_KEY', 'the checkpoint has no signature of this key');
  }
  return `valid, over ${checkpoint.size} entries; key and R canonical, of prime order, S in bounds`;
}

async function checkEpochLine(bundle, starts) {
  const running = starts[starts.length - 1];
  if (!running) fault('MISSING', 'no start note of an epoch is shown');
  const of = /\/epoch\/(0|[1-9][0-9]*)$/;
  const later = bundle.checkpoint.note.lines.some((l) =>
    l.name.startsWith(bundle.checkpoint.origin + '/epoch/') && of.test(l.name) &&
    Number(of.exec(l.name)[1]) > running.epoch);
  if (later) fault('MISSING', "the start note of the checkpoint's epoch is not shown");
  if (!await isSignedBy(bundle.checkpoint.note, running.key, 'the checkpoint')) {
    fault('ALTERED', `the checkpoint has no signature of epoch ${running.epoch}`);
  }
  return `valid, epoch ${running.epoch}; its key is in the list that the origin pins`;
}

/* A step that fails leaves the others their say: the first fault is thrown in the end. */
class Steps {
  constructor(step) {
    this.step = step;
    this.fault = null;
  }

  async run(en, japanese, work) {
    try {
      this.step('ok', en, japanese, await work());
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      this.fault = this.fault || e;
      this.step(VERDICTS[e.code] === 'INVALID' ? 'fail' : 'open', en, japanese, `${e.code}: ${e.message}`);
    }
  }
}

async function checkRoot(bundle) {
  const { checkpoint, entries, stretches } = bundle;
  bundle.nodes = await buildTree(bundle);
  if (!same(await rootOf(bundle.nodes, checkpoint.size), checkpoint.root)) {
    fault('ALTERED', 'entries and hashes do not lead to the root that the checkpoint signs');
  }
  return `${entries.length} leaves and ${stretches.reduce((n, s) => n + s.nodes.length, 0)} hashes lead to the root of the checkpoint`;
}

/* Runs all steps; `step(state, en, ja, text)` is called for each. What is wrong is thrown. */
async function checkBundle(bundle, given, step) {
  const { checkpoint, entries } = bundle;
  const steps = new Steps(step);
  markPieces(bundle);
  step('ok', 'Form', '形式', `${bundle.map.size} files; ${entries.length} of ${checkpoint.size} entries shown`);
  await steps.run('Digests', 'ダイジェスト', async () => `${await checkSums(bundle)} files are as SHA256SUMS says`);
  await steps.run('Commitments', 'コミットメント', async () =>
    `${await checkPayloads(entries)} payloads hashed with their salts are what their entries commit to`);
  await steps.run('Leaves, proof and root', '葉・証明・根', () => checkRoot(bundle));
  await steps.run('Signature of the log key', '記録簿の鍵の署名', async () => {
    bundle.key = await chooseKey(bundle, given);
    return checkCheckpoint(bundle, bundle.key.key);
  });
  if (steps.fault) throw steps.fault; /* what follows rests on all of these */
  const starts = await checkEpochs(bundle, bundle.nodes, bundle.key.key);
  await steps.run("Signature of the epoch's key", '期間鍵の署名', () => checkEpochLine(bundle, starts));
  const loose = entries.find((e) => !isUnderEpoch(e, starts));
  if (steps.fault) throw steps.fault;
  if (loose) fault('MISSING', `the start note that entry ${loose.index} needs is not shown`);
  const counts = await followNumbers(bundle);
  step('ok', 'Numbers and clock', '番号と時計', 'as the format demands, as far as neighbours are shown');
  checkRemoved(bundle, step);
  checkComplete(bundle, counts, step);
}

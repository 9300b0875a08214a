/* note.js - signed notes, checkpoints and start notes of epochs (docs/format.md 4 and 5). */

const SIGNATURE_LINES_MAX = 32;
const NOTE_BYTES_MAX = 65536;

/* A vkey with its key ID checked: { name, id, key }. */
async function parseVkey(text) {
  const fields = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text);
  must(fields, 'this is no vkey');
  const bytes = fromBase64(fields[3]);
  must(bytes.length === 33 && bytes[0] === 1, 'this is no vkey of an Ed25519 key');
  const named = concat(new TextEncoder().encode(fields[1] + '\n'), bytes);
  const id = hex((await sha256(named)).subarray(0, 4));
  must(id === fields[2], 'the key ID of the vkey is not that of its key');
  must(isGoodPoint(bytes.subarray(1)), 'the key of the vkey is none that may be used');
  return { name: fields[1], id, key: bytes.subarray(1) };
}

async function namedKey(name, key) {
  const named = concat(new TextEncoder().encode(name + '\n'), Uint8Array.of(1), key);
  return { name, id: hex((await sha256(named)).subarray(0, 4)), key };
}

/* First 16 bytes of the digest of the raw key, as akashi-verify shows it. */
async function fingerprint(key) {
  return hex((await sha256(key)).subarray(0, 16));
}

function parseNote(bytes) {
  const whole = utf8(bytes);
  must(bytes.length <= NOTE_BYTES_MAX && whole !== null && !/[\u0000-\u0009\u000b-\u001f]/.test(whole),
    'a note that is no text');
  const at = whole.lastIndexOf('\n\n');
  must(at >= 0 && whole.endsWith('\n'), 'a note without signatures');
  const lines = whole.slice(at + 2, -1).split('\n');
  must(lines.length <= SIGNATURE_LINES_MAX, 'a note with too many signatures');
  return {
    text: whole.slice(0, at + 1),
    lines: lines.map((line) => {
      const fields = /^\u2014 ([^+\s]+) (.+)$/u.exec(line);
      must(fields, 'a signature line of another form');
      const signature = fromBase64(fields[2]);
      must(signature.length > 4, 'a signature line of another form');
      return { name: fields[1], id: hex(signature.subarray(0, 4)), signature: signature.subarray(4) };
    }),
  };
}

/* Whether the note carries the line of a key: true, false (it has none), or a Fault (a bad one). */
async function isSignedBy(note, known, what) {
  const lines = note.lines.filter((l) => l.name === known.name && l.id === known.id);
  must(lines.length < 2, `${what}: two lines of one key`);
  if (lines.length === 0) return false;
  const good = await verifySignature(known.key, new TextEncoder().encode(note.text), lines[0].signature);
  if (!good) fault('ALTERED', `${what}: the signature of ${shownText(known.name)} is not valid`);
  return true;
}

function parseCheckpoint(bytes) {
  const note = parseNote(bytes);
  const lines = note.text.split('\n');
  must(lines.length === 4, 'the checkpoint has not three lines');
  const root = fromBase64(lines[2]);
  must(root.length === 32, 'the root of the checkpoint is no hash');
  return { note, origin: lines[0], size: decimal(lines[1]), root };
}

/* The start note of an epoch, without its signatures (5.2, R9). */
async function parseStartNote(bytes, origin) {
  const note = parseNote(bytes);
  const lines = note.text.split('\n').slice(0, -1);
  must(lines.length >= 8 && lines[0] === 'akashi/epoch/v1', 'a start note of another form');
  if (lines[1] !== origin) fault('EPOCH', 'a start note of another log');
  const hashes = lines.slice(8).map(fromBase64);
  const key = fromBase64(lines[7]);
  const start = { note, epoch: decimal(lines[2]), index: decimal(lines[3]), root: fromBase64(lines[4]),
    logKey: await parseVkey(lines[5]) };
  const listed = await listRoot(key, start.epoch, decimal(lines[6]), hashes);
  if (listed === null || hex(listed.subarray(0, 16)) !== origin.slice(origin.lastIndexOf('/') + 1)) {
    fault('EPOCH', `the key of epoch ${start.epoch} is not in the list that the origin pins`);
  }
  start.key = await namedKey(`${origin}/epoch/${start.epoch}`, key);
  return start;
}

/* RFC 9162 2.1.3.2: the root that leaf `index` of `size` leads to, or null. */
async function listRoot(leaf, index, size, hashes) {
  let [fn, sn] = [index, size - 1];
  let root = await sha256(concat(Uint8Array.of(0), leaf));
  if (index >= size) return null;
  for (const hash of hashes) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      root = await sha256(concat(Uint8Array.of(1), hash, root));
      for (; fn % 2 === 0 && fn > 0; fn = fn / 2) sn = Math.floor(sn / 2);
    } else {
      root = await sha256(concat(Uint8Array.of(1), root, hash));
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? root : null;
}

/* The lines of a start note, in their order: epoch e - 1, epoch e, the log (5.2). */
async function checkStartNote(start, before, logKey, origin) {
  const what = `the start note of epoch ${start.epoch}`;
  const names = [`${origin}/epoch/${start.epoch - 1}`, start.key.name, origin];
  const want = start.epoch === 0 ? names.slice(1) : names;
  const lines = start.note.lines;
  if (lines.length !== want.length || want.some((name, i) => lines[i].name !== name)) {
    fault('EPOCH', `${what} has not the lines that it must have`);
  }
  if (start.logKey.id !== logKey.id || !same(start.logKey.key, logKey.key)) {
    fault('EPOCH', `${what} names another log key`);
  }
  const keys = [start.key, logKey].concat(before ? [before.key] : []);
  for (const key of keys) {
    let signed = false;
    try {
      signed = await isSignedBy(start.note, key, what);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
    }
    if (!signed) fault('EPOCH', `${what} is not signed by ${shownText(key.name)}`);
  }
}

/* main.js - takes the data that the page carries, or the file that the reader picks, checks it, and
 * again whenever a key is given. */

const CODES_JA = { ALTERED: '相違', MALFORMED: '形式違反', NUMBERING: '番号違反', EPOCH: '期間鍵',
  UNTRUSTED_KEY: '未知の鍵', UNSUPPORTED: '未対応', MISSING: '欠落' };

let current = null; /* bytes of the bundle that is looked at */
let turn = 0; /* a check that a later one overtook shows nothing */

async function look(bytes, given) {
  const steps = [];
  const content = byId('content');
  const mine = ++turn;
  let bundle = null;
  let state = given === null ? 'amber' : 'VALID';
  let problem = null;
  const step = (...words) => steps.push(words);
  showState('working', 0, '');
  try {
    if (!globalThis.crypto || !crypto.subtle) {
      fault('UNSUPPORTED', 'this browser gives the page no WebCrypto: open it as a file, in a newer browser');
    }
    bundle = readBundle(bytes);
    bundle.digest = hex(await sha256(bundle.map.get('SHA256SUMS')));
    await checkBundle(bundle, given, step);
    if (given === null) step('open', 'Key from outside', '外部で得た鍵', 'none given yet: the key is the one that this file names');
    else step('ok', 'Key from outside', '外部で得た鍵', 'it is the key that has signed');
  } catch (e) {
    problem = e instanceof Fault ? e : new Fault('MALFORMED', `the data are of another form (${e.message})`);
    state = VERDICTS[problem.code];
    if (state === 'INCOMPLETE' && given === null) state = 'INCOMPLETE, amber';
    if (!steps.some((s) => s[3].endsWith(problem.message))) {
      step(state === 'INVALID' ? 'fail' : 'open', problem.code, CODES_JA[problem.code], problem.message);
    }
  }
  if (mine !== turn) return;
  const records = bundle ? bundle.entries.filter((e) => e.kind === RECORD && hasText(e)).length : 0;
  const origin = bundle ? shownText(bundle.checkpoint.origin) : '';
  showState(state, records, problem ? `${VERDICTS[problem.code]} ${problem.code}: ${shownText(problem.message)}`
    : `${state === 'VALID' ? 'VALID' : 'CONSISTENT'} ${count(records)} records, log ${origin}, key ${await fingerprint(bundle.key.key.key)}`);
  byId('trust').hidden = false;
  byId('exercise').hidden = !origin.startsWith('exercise.');
  content.replaceChildren(heading('How it was checked', '検査の過程'), el('ul', { class: 'steps' }, ...steps.map(stepItem)));
  if (bundle === null) return;
  const names = declarations(bundle.entries);
  content.append(...await examined(bundle), heading('What came, and when', '受信量の推移'), chart(bundle, names),
    ...sourcesSection(bundle, names), ...notJudged(bundle), ...statements(bundle), ...entriesSection(bundle, names, state !== 'INVALID' && state !== 'NOT CHECKABLE'));
  running(bundle);
}

/* What is wrong with what was typed, or "": a slip of the reader says nothing about the data. */
async function keyFault(given) {
  if (given === '' || isFingerprint(given)) return '';
  try {
    await parseVkey(given);
    return '';
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    return `${shownText(e.message)}: give NAME+ID+KEY as akashi-collector key show prints it, or the 32 digits of its fingerprint`;
  }
}

function start() {
  const text = byId('data').textContent.replace(/\n/g, '');
  byId('trust').addEventListener('submit', async (event) => {
    const given = byId('key').value.trim();
    event.preventDefault();
    byId('key-fault').textContent = await keyFault(given);
    if (current !== null && byId('key-fault').textContent === '') look(current, given === '' ? null : given);
  });
  byId('bundle-file').addEventListener('change', async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    current = new Uint8Array(await file.arrayBuffer());
    look(current, null);
  });
  if (text === '') {
    byId('file').hidden = false;
    return;
  }
  current = ascii(atob(text));
  look(current, null);
}

start();

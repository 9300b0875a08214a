/* show.js - puts the result on the page. Texts of the evidence become text nodes, never markup. */

const SVG = 'http://www.w3.org/2000/svg';
const ROWS_AT_ONCE = 200;
const LINES = /[^]{1,1000}/gu; /* what is shown of a text, and the lines of a long one */
const COLUMNS = 140;
const SOURCES_MAX = 30;

const SIGNS = {
  valid: 'M32 4a28 28 0 1 0 .1 0zM18 33l10 10l18-22',
  incomplete: 'M32 6L60 57H4zM32 24v16M32 46v4',
  unchecked: 'M7 7h50v50H7zM23 25c0-14 20-13 19 0c0 8-10 7-10 15M32 46v4',
  invalid: 'M21 4h22l17 17v22l-17 17h-22l-17-17v-22zM21 21l22 22m0-22l-22 22',
};

/* Word and fixed sentences of each state, in both languages. */
const STATES = {
  working: ['unchecked', 'CHECKING', '検査中', 'The page is checking its data.', 'データを検査しています。'],
  VALID: ['valid', 'VALID', '有効',
    'All %N that are shown are, byte for byte, what the collector signed, under the key that you gave.',
    '示した記録(%N 件)は、入力された鍵のもとで、収集装置が署名した時点から 1 バイトも変わっていません。'],
  amber: ['incomplete', 'CONSISTENT WITH THE KEY IN THIS FILE', 'このファイル内の鍵と整合',
    'The data fit together and are signed by the key that this file itself names. Anybody can make such a file with a key of his own: give the key, or its fingerprint, from elsewhere (below).',
    'データは、このファイル自身が示す鍵の署名と整合します。鍵は誰でも作れます。別の経路で得た鍵または指紋を下に入力してください。'],
  INCOMPLETE: ['incomplete', 'INCOMPLETE', '不完全',
    'What is shown is unchanged, but parts that should be there are missing (below).',
    '示した記録に変更はありませんが、あるべき部分が欠けています(下記)。'],
  'INCOMPLETE, amber': ['incomplete', 'INCOMPLETE', '不完全',
    'Parts that should be there are missing (below). What is shown is consistent with the key that this file itself names: give the key, or its fingerprint, from elsewhere (below).',
    'あるべき部分が欠けています(下記)。示した記録は、このファイル自身が示す鍵と整合するだけです。別の経路で得た鍵または指紋を下に入力してください。'],
  INVALID: ['invalid', 'INVALID', '不一致',
    'Something differs from what was signed (below). Who did it, and whether by intent, this check cannot say.',
    '署名時と異なる箇所があります(下記)。誰が、故意か否かは、この検査では分かりません。'],
  'NOT CHECKABLE': ['unchecked', 'NOT CHECKABLE', '検証不能',
    'This could not be checked (below). Nothing is said about the records.',
    '検証できませんでした(下記)。記録の正否については何も述べません。'],
};

function byId(id) {
  return document.getElementById(id);
}

/* An element with attributes and children; strings become text. */
function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

function svg(tag, attributes, ...children) {
  const e = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

function ja(text) {
  return el('span', { lang: 'ja' }, text);
}

function foreign(text) {
  return el('bdi', {}, shownText(text));
}

function heading(en, japanese) {
  return el('h2', {}, en, ' ', ja(japanese));
}

function fact(list, en, japanese, ...values) {
  list.append(el('dt', {}, en, ' ', ja(japanese)), el('dd', {}, ...values));
}

function table(label, columns, rows, style = '') {
  const head = columns.map(([en, japanese, number]) =>
    el('th', { scope: 'col', class: number ? 'number' : '' }, en, ' ', ja(japanese)));
  return el('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label },
    el('table', { class: style }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)));
}

function when(ns) {
  const ms = Number(ns / 1000000n);
  const text = ms < 8.64e15 ? new Date(ms).toISOString() : 'beyond all calendars';
  return text.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
}

/* The same with what lies below the second, as far as the clock told it. */
function whenExactly(ns) {
  return when(ns).replace(' UTC', `.${String((ns / 1000n) % 1000000n).padStart(6, '0')} UTC`);
}

function count(n) {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

function showState(name, records, result) {
  const [style, word, wordJa, en, japanese] = STATES[name];
  const n = `${count(records)} record${records === 1 ? '' : 's'}`;
  byId('verdict').className = `verdict ${style}`;
  byId('sign').setAttribute('d', SIGNS[style]);
  byId('word').replaceChildren(word, ' ', ja(wordJa));
  byId('sentence-en').textContent = en.replace('%N', n);
  byId('sentence-ja').textContent = japanese.replace('%N', count(records));
  byId('result').replaceChildren(el('code', {}, result));
}

/* Steps as they are done: tick, cross or question mark, and words. */
function stepItem([state, en, japanese, text]) {
  const mark = { ok: '\u2714', fail: '\u2716', open: '?' }[state];
  const word = { ok: 'done', fail: 'failed', open: 'not done' }[state];
  return el('li', { class: state }, el('span', { class: 'mark', role: 'img', 'aria-label': word }, mark),
    el('span', {}, el('strong', {}, en, ' ', ja(japanese)), ': ', foreign(text)));
}

function declarations(entries) {
  const names = new Map();
  for (const e of entries.filter((x) => x.kind === 1 && x.payload)) {
    try {
      const d = JSON.parse(utf8(e.payload));
      names.set(256 + e.seq, d);
    } catch {
      /* It is shown as it is, among the entries. */
    }
  }
  return names;
}

function sourceName(names, source) {
  const d = names.get(source);
  const name = d && (d.name || d.address || d.identity);
  if (source < 256) return `the log itself (${source})`;
  return name ? `${name} (${source})` : String(source);
}

const KINDS = ['record', 'source', 'manifest', 'event', 'epoch', 'order', 'anchor', 'fragment', 'state'];

function kindName(kind) {
  return KINDS[kind] || `kind ${kind}`;
}

/* What an own entry is, in a few words, and all of it behind them. */
function ownCell(entry) {
  let words = kindName(entry.kind);
  try {
    const o = entry.kind === EPOCH ? {} : JSON.parse(utf8(entry.payload));
    words = [o.event || o.action || o.file || o.name || o.address || words, o.side || o.identity || '']
      .filter((w) => typeof w === 'string' && w !== '').join(', ');
  } catch {
    /* It is shown as it is. */
  }
  return el('td', {}, el('details', {}, el('summary', {}, foreign(words)),
    el('div', { class: 'text mono' }, el('bdi', {}, shown(entry.payload).replace(/\\x0a/g, '\n')))));
}

/* Long texts in part, and whole when asked for: in lines, since a browser that breaks a line of a
 * megabyte by itself does nothing else for minutes. */
function textCell(entry) {
  const [first = '', ...rest] = shown(entry.payload).match(LINES) || [];
  const cell = el('td', { class: 'text' });
  if (entry.bad) cell.append(el('strong', { class: 'altered' }, '\u2716 not what its entry commits to ', ja('相違')), ': ');
  cell.append(el('bdi', {}, first));
  if (rest.length === 0) return cell;
  const more = el('button', { type: 'button' }, `show all ${count(entry.payload.length)} bytes`);
  more.addEventListener('click', () => cell.replaceChildren(
    ...[first, ...rest].map((line) => el('div', {}, el('bdi', {}, line)))));
  cell.append(' \u2026 ', more);
  return cell;
}

/* Parts that are shown as text, those that are withheld as a block, with the reasons behind. */
function partsCell(bundle, entry) {
  const cell = el('td', { class: 'text' });
  const reasons = new Set();
  let run = [];
  const flush = () => {
    if (run.length > 0) cell.append(el('bdi', {}, shown(concat(...run))));
    run = [];
  };
  for (const part of entry.parts) {
    if (part.bytes) {
      run.push(part.bytes);
      continue;
    }
    flush();
    cell.append(el('strong', { title: 'blacked out' }, '\u25a0\u25a0'));
    reasons.add((bundle.about.redactions[part.redaction] || {}).reason || '');
  }
  flush();
  cell.append(el('div', { class: 'soft' }, '\u25a0\u25a0 blacked out ', ja('墨消し'), ': ',
    foreign([...reasons].join('; '))));
  return cell;
}

function payloadCell(bundle, entry) {
  if (entry.state === WITHHELD) {
    const r = bundle.about.redactions[entry.redaction] || {};
    return el('td', {}, el('strong', {}, '\u25a0 blacked out ', ja('墨消し')), ': ',
      foreign(r.reason || ''), r.what ? el('span', { class: 'soft' }, ' (', foreign(r.what), ')') : '');
  }
  if (entry.state === ERASED || entry.state === EXPIRED) {
    return el('td', {}, el('strong', {}, entry.state === ERASED ? '\u25a1 erased ' : '\u25a1 expired ',
      ja(entry.state === ERASED ? '消去' : '期限切れ')));
  }
  if (entry.state === BOUND) return el('td', { class: 'soft' }, 'not asked for; it bounds others');
  if (entry.state === PARTS && !entry.bad) return partsCell(bundle, entry);
  if (!isReceived(entry)) return ownCell(entry);
  return textCell(entry);
}

function entryRow(bundle, names, entry, before) {
  const row = el('tr', {},
    el('td', { class: 'number' }, String(entry.index)),
    el('td', { class: 'when' }, whenExactly(entry.received)),
    el('td', {}, foreign(sourceName(names, entry.source))),
    el('td', {}, kindName(entry.kind)),
    payloadCell(bundle, entry));
  if (!before || before.index + 1 === entry.index) return [row];
  return [el('tr', {}, el('td', { colspan: '5', class: 'soft' },
    `\u22ef ${count(entry.index - before.index - 1)} entries that are not shown `, ja('非表示'))), row];
}

/* The entries, some at a time: the whole of them is long. */
function entriesSection(bundle, names, proven) {
  const all = bundle.entries;
  const body = el('div');
  const place = el('span', { class: 'soft', 'aria-live': 'polite' });
  const draw = (from, number) => {
    const some = all.slice(from, from + number);
    const rows = some.flatMap((e, i) => entryRow(bundle, names, e, i === 0 ? all[from - 1] : some[i - 1]));
    body.replaceChildren(table('Entries', [['Index', '番号', true], ['Received', '受信日時'],
      ['Source', '送信元'], ['Kind', '種別'], ['Text', '内容']], rows, 'entries'));
    place.textContent = `${count(from + 1)} to ${count(from + some.length)} of ${count(all.length)} `;
    at = from;
  };
  let at = 0;
  const button = (text, from, number = () => ROWS_AT_ONCE) => {
    const b = el('button', { type: 'button' }, text);
    b.addEventListener('click', () => draw(from(), number()));
    return b;
  };
  const last = Math.max(0, Math.ceil(all.length / ROWS_AT_ONCE) - 1) * ROWS_AT_ONCE;
  draw(0, ROWS_AT_ONCE);
  return [heading('Entries', '記録'), proven ? '' : el('p', { class: 'altered' }, el('strong', {},
    '\u2716 What follows is not proven: the check above did not come out. ', ja('以下は証明されていません。'))),
    el('p', {}, place, el('span', { class: 'screen' },
      button('first', () => 0), ' ', button('previous', () => Math.max(0, at - ROWS_AT_ONCE)), ' ',
      button('next', () => Math.min(last, at + ROWS_AT_ONCE)), ' ', button('last', () => last), ' ',
      button('all', () => 0, () => all.length))), body];
}

/* Counts of received entries per source and column of time. */
function volumes(entries) {
  const received = entries.filter(isReceived);
  const times = entries.map((e) => e.received);
  const from = times.reduce((a, b) => (a < b ? a : b));
  const to = times.reduce((a, b) => (a > b ? a : b)) + 1n;
  const width = (to - from) / BigInt(COLUMNS) + 1n;
  const rows = new Map();
  for (const e of received) {
    const row = rows.get(e.source) || { sum: 0, columns: new Array(COLUMNS).fill(0) };
    row.sum++;
    row.columns[Number((e.received - from) / width)]++;
    rows.set(e.source, row);
  }
  return { from, to, width, rows: [...rows].sort((a, b) => b[1].sum - a[1].sum) };
}

function chartLabel(y, text, japanese) {
  return svg('svg', { x: 0, y, width: 200, height: 20 }, svg('title', {}, text),
    svg('text', { y: 14 }, text, japanese ? svg('tspan', { class: 'soft', lang: 'ja' }, ' ' + japanese) : ''));
}

function chartMarks(bundle, v, y, keep, shape) {
  const drawn = new Set();
  const marks = [];
  for (const e of bundle.entries.filter(keep)) {
    const column = Number((e.received - v.from) / v.width);
    if (drawn.has(column)) continue;
    drawn.add(column);
    marks.push(shape(212 + column * 5, y));
  }
  return marks;
}

const LANES = [
  ['blacked out or erased', '墨消し・消去', (e) => [WITHHELD, PARTS, ERASED, EXPIRED].includes(e.state),
    (x, y) => svg('rect', { class: 'stop', x: x - 2, y: y - 6, width: 4, height: 12 })],
  ["the log's own events", '事象', (e) => e.kind === EVENT,
    (x, y) => svg('path', { class: 'lost', d: `M${x} ${y - 5}l5 5l-5 5l-5-5z` })],
];

/* Between two pieces entries are not shown: a bracket from the one to the other. */
function pieceGaps(bundle, v, y) {
  return bundle.entries.flatMap((e, i) => {
    const before = bundle.entries[i - 1];
    if (!before || before.piece === e.piece || e.received < before.received) return [];
    const x = (ns) => 210 + Number((ns - v.from) / v.width) * 5 + 2;
    return [svg('path', { class: 'clock',
      d: `M${x(before.received)} ${y - 4}v8M${x(before.received)} ${y}H${x(e.received)}M${x(e.received)} ${y - 4}v8` })];
  }).slice(0, 1000);
}

function axis(v, y) {
  return [0n, 1n, 2n, 3n, 4n].map((i) => {
    const ns = v.from + ((v.to - v.from) * i) / 4n;
    const x = 210 + Number(i) * 175;
    const anchor = i === 4n ? 'end' : i === 0n ? 'start' : 'middle';
    const [day, time] = when(ns).split(' ');
    return [svg('path', { class: 'grid', d: `M${x} ${y}V2` }),
      svg('text', { class: 'soft', x, y: y + 14, 'text-anchor': anchor }, day),
      svg('text', { class: 'soft', x, y: y + 27, 'text-anchor': anchor }, time || '')];
  }).flat();
}

function chart(bundle, names) {
  const v = volumes(bundle.entries);
  const parts = [];
  let y = 6;
  const lane = (label, japanese, marks) => {
    parts.push(chartLabel(y, label, japanese), svg('path', { class: 'grid', d: `M210 ${y + 10.5}h700` }), ...marks,
      svg('text', { class: 'soft', x: 998, y: y + 14, 'text-anchor': 'end' }, marks.length === 0 ? 'none' : ''));
    y += 20;
  };
  lane('not shown between pieces', '非表示', pieceGaps(bundle, v, y + 10));
  for (const [label, japanese, keep, shape] of LANES) lane(label, japanese, chartMarks(bundle, v, y + 10, keep, shape));
  y += 6;
  for (const [source, row] of v.rows.slice(0, SOURCES_MAX)) {
    const most = Math.max(...row.columns);
    const d = row.columns.map((n, i) => (n === 0 ? '' : `M${210 + i * 5} ${y + 24}v-${Math.max(1, (n / most) * 20).toFixed(1)}h4v${Math.max(1, (n / most) * 20).toFixed(1)}z`)).join('');
    parts.push(chartLabel(y + 4, shownText(sourceName(names, source))),
      svg('path', { class: 'grid', d: `M210 ${y + 24.5}h700` }), svg('path', { class: 'bar', d }),
      svg('text', { class: 'soft', x: 998, y: y + 18, 'text-anchor': 'end' }, count(row.sum)));
    y += 26;
  }
  y += 4;
  return el('figure', {}, svg('svg', { class: 'chart', viewBox: `0 0 1000 ${y + 32}`, role: 'img',
    'aria-label': 'Timeline of the entries that are shown; the table below has them all' }, ...axis(v, y), ...parts),
  el('figcaption', {}, 'Received entries that are shown, per source, by the time at which the collector received them, UTC; the highest column of a row is its own largest. Bracket: entries between two pieces are not shown. Grey bar: blacked out or erased. Diamond: an event of the log itself.',
    v.rows.length > SOURCES_MAX ? ` ${v.rows.length - SOURCES_MAX} more sources.` : '', el('br'),
    ja('示した記録の受信件数(送信元別、UTC)。括弧は非表示の区間、灰色は墨消し・消去、ひし形は記録簿自身の事象です。')));
}

function sourcesSection(bundle, names) {
  const v = volumes(bundle.entries);
  const rows = v.rows.map(([source, row]) => {
    const d = names.get(source) || {};
    return el('tr', {}, el('td', {}, foreign(sourceName(names, source)), d.relay === true ? ' (a relay: it forwards for others)' : ''),
      el('td', {}, foreign(d.identity || 'its declaration is not shown')), el('td', {}, foreign(d.listener || '')),
      el('td', { class: 'number' }, count(row.sum)));
  });
  return [heading('Sources', '送信元'), table('Sources', [['Source', '送信元'], ['Identity known by', '識別方法'],
    ['Listener', '受信口'], ['Entries shown', '件数', true]], rows)];
}

function statement(value) {
  return value === undefined ? '-' : foreign(typeof value === 'string' ? value : JSON.stringify(value));
}

/* What the maker of the bundle says; nobody has proven it. */
function statements(bundle) {
  const a = bundle.about;
  const list = el('dl', { class: 'facts' });
  fact(list, 'Case, exhibit', '事件番号・証拠番号', foreign(a.case), ', ', foreign(a.exhibit));
  fact(list, 'Made', '作成', foreign(a.by), ', ', /^\d+$/.test(a.made) ? when(BigInt(a.made)) : statement(a.made), ', ', foreign(a.program));
  fact(list, 'Reason', '理由', foreign(a.reason));
  fact(list, 'Asked for', '抽出条件', foreign(askedWords(a.asked)),
    a.asked.what === 'match' ? el('p', {}, 'A selection: what does not match is not here. ', ja('選択抽出です。')) : '');
  for (const [name, en, japanese] of [['severity', 'Severity', '重大度'], ['tlp', 'TLP', '共有範囲'],
    ['on_behalf_of', 'On behalf of', '依頼元'], ['mandate', 'Mandate', '根拠']]) {
    if (a[name] !== undefined) fact(list, en, japanese, statement(a[name]));
  }
  return [heading('What its maker says', '作成者の記述'),
    el('p', { class: 'soft' }, 'Statements: nothing in the log proves them. ', ja('記録簿による証明はありません。')), list];
}

async function examined(bundle) {
  const c = bundle.checkpoint;
  const list = el('dl', { class: 'facts' });
  const open = bundle.entries.filter((e) => e.state === SHOWN).length;
  const black = bundle.entries.filter((e) => e.state === WITHHELD).length;
  const part = bundle.entries.filter((e) => e.state === PARTS).length;
  fact(list, 'Log', '記録簿', foreign(c.origin));
  fact(list, 'Checkpoint', 'チェックポイント', `${count(c.size)} entries, root `, el('code', {}, toBase64(c.root)));
  fact(list, 'Shown', '示した記録', `${count(bundle.entries.length)} entries in ${count(bundle.stretches.filter((s) => s.shown).length)} pieces; ${count(open)} with their text${part > 0 ? `, ${count(part)} with parts of it blacked out` : ''}${black > 0 ? `, ${count(black)} blacked out` : ''}`);
  if (bundle.key) {
    fact(list, 'Key', '鍵', el('strong', {}, bundle.key.outside ? 'as you gave it' : 'as this file itself names it'),
      ', fingerprint ', el('code', {}, await fingerprint(bundle.key.key.key)));
  }
  fact(list, 'Digest of SHA256SUMS', '束のダイジェスト', el('code', {}, bundle.digest));
  fact(list, 'When', '検査日時', when(BigInt(Date.now()) * 1000000n), ", as this machine's clock says");
  fact(list, 'Program', '検査プログラム', document.querySelector('.brand').lastElementChild.textContent,
    ', in this browser; its bytes are judged by ', el('code', {}, 'akashi-verify check FILE.html'));
  return [heading('What was examined, and by what', '検査の対象と手段'), list];
}

function notJudged(bundle) {
  const list = el('ul');
  const add = (en, japanese) => list.append(el('li', {}, en, ' ', ja(japanese)));
  add('whose orders to erase are to be accepted; derived copies; custody records; cosignatures and times of witnesses; time stamps',
    '消去命令の権限、派生ファイル、保管記録、証人の署名と時刻、タイムスタンプ');
  return [heading('Not judged by this page', 'このページで検査しないもの'), list,
    el('p', {}, el('code', {}, 'akashi-verify bundle BUNDLE --key VKEY'), ' judges them claim by claim.')];
}

/* Case, exhibit and digest at the foot of each printed page; and in the title, which browsers that
 * know no such foot print at the head. */
function running(bundle) {
  const plain = (text) => String(text).replace(/[^ -~]|["\\]/g, '?').slice(0, 60);
  const text = `Case ${plain(bundle.about.case)}, exhibit ${plain(bundle.about.exhibit)}, SHA256SUMS ${bundle.digest.slice(0, 32)}`;
  document.title = `Akashi evidence bundle. ${text}`;
  document.styleSheets[0].insertRule(`@page { @bottom-left { content: "${text}"; font: 7.5pt sans-serif; } }`);
}

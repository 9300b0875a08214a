'use strict';
/* bytes.js - bytes, numbers and texts; hashing by the browser's own SHA-256; the one kind of error
 * that says something about the evidence. Nothing in this script makes markup out of text. */

/* What is wrong with the evidence: `code` is one of docs/format.md section 13. */
class Fault extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

function fault(code, text) {
  throw new Fault(code, text);
}

function must(truth, text) {
  if (!truth) fault('MALFORMED', text);
}

function ascii(text) {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function same(a, b) {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

function hex(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
}

function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/* Short texts in the one encoding of RFC 4648 section 4. */
function fromBase64(text) {
  must(/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, 'base64 of another form');
  const bytes = ascii(atob(text));
  must(toBase64(bytes) === text, 'base64 with bits behind its end');
  return bytes;
}

/* Valid UTF-8 only; null for anything else. */
function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/* Big-endian, exact: what does not fit a double is refused. */
function number(bytes, at, length) {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[at + i];
  must(Number.isSafeInteger(value), 'a number too large for a browser');
  return value;
}

function u32(value) {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/* Decimal without leading zeros. */
function decimal(text) {
  must(/^(0|[1-9][0-9]{0,19})$/.test(text), 'a number of another form');
  const value = Number(text);
  must(Number.isSafeInteger(value), 'a number too large for a browser');
  return value;
}

/* Messages that are hashed at a time: enough to keep the browser's threads busy. */
const HASHED_AT_ONCE = 4096;

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

async function sha256All(list) {
  const out = [];
  for (let i = 0; i < list.length; i += HASHED_AT_ONCE) {
    const some = list.slice(i, i + HASHED_AT_ONCE).map((b) => crypto.subtle.digest('SHA-256', b));
    for (const digest of await Promise.all(some)) out.push(new Uint8Array(digest));
  }
  return out;
}

/* Bytes of the evidence as text that acts on nothing: as docs say of akashi-verify, controls, marks
 * that turn the direction of text and bytes that are no UTF-8 become \xHH, a backslash two. */
const ACTING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\\]/g;

function escaped(character) {
  if (character === '\\') return '\\\\';
  return Array.from(new TextEncoder().encode(character), hexByte).join('');
}

function hexByte(b) {
  return '\\x' + b.toString(16).padStart(2, '0');
}

/* Length of the valid character at `at`, or 0. */
function characterLength(bytes, at) {
  const b = bytes[at];
  const length = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
  return length > 0 && utf8(bytes.subarray(at, at + length)) !== null ? length : 0;
}

function shown(bytes) {
  const whole = utf8(bytes);
  if (whole !== null) return whole.replace(ACTING, escaped);
  const out = [];
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    const piece = bytes.subarray(at, at + (length || 1));
    out.push(length > 0 ? utf8(piece).replace(ACTING, escaped) : hexByte(bytes[at]));
    at += length || 1;
  }
  return out.join('');
}

function shownText(text) {
  return String(text).replace(ACTING, escaped);
}

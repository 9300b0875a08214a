/* ed25519.js - the rule of docs/format.md 4.2. The equation is the browser's own WebCrypto; what it
 * leaves open is checked here: key and R canonical, in the prime-order subgroup, not the identity,
 * and S below the order. */

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const ROOT_OF_MINUS_1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;

function modP(a) {
  const r = a % P;
  return r < 0n ? r + P : r;
}

function power(base, exponent) {
  let result = 1n;
  for (let b = modP(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) {
    if (e & 1n) result = (result * b) % P;
  }
  return result;
}

/* Points are [X, Y, Z, T] with x = X/Z, y = Y/Z, xy = T/Z. */
function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = modP((y1 - x1) * (y2 - x2));
  const b = modP((y1 + x1) * (y2 + x2));
  const c = modP(2n * D * t1 * t2);
  const d = modP(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [modP(e * f), modP(g * h), modP(f * g), modP(e * h)];
}

function timesPoint(n, point) {
  let result = [0n, 1n, 1n, 0n];
  for (let p = point, e = n; e > 0n; e >>= 1n, p = addPoints(p, p)) {
    if (e & 1n) result = addPoints(result, p);
  }
  return result;
}

function littleEndian(bytes) {
  return BigInt('0x' + hex(Uint8Array.from(bytes).reverse()));
}

/* Whether 32 bytes are a point that 4.2 (1) allows. */
function isGoodPoint(bytes) {
  const sign = bytes[31] >> 7;
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  if (y >= P || y === 1n) return false;
  const u = modP(y * y - 1n);
  const v = modP(D * y * y + 1n);
  let x = modP(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (modP(v * x * x) === modP(-u)) x = modP(x * ROOT_OF_MINUS_1);
  if (modP(v * x * x) !== u || (x === 0n && sign === 1)) return false;
  if (Number(x & 1n) !== sign) x = P - x;
  const [rx, ry, rz] = timesPoint(L, [x, y, 1n, modP(x * y)]);
  return rx === 0n && ry === rz;
}

/* Whether this browser can check signatures; tried once with RFC 8032's first test. */
async function hasEd25519() {
  try {
    const key = fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const sig = fromHex('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590' +
      'a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b');
    const imported = await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
    return await crypto.subtle.verify({ name: 'Ed25519' }, imported, sig, new Uint8Array(0));
  } catch {
    return false;
  }
}

async function verifySignature(publicKey, message, signature) {
  if (signature.length !== 64 || littleEndian(signature.subarray(32)) >= L) return false;
  if (!isGoodPoint(publicKey) || !isGoodPoint(signature.subarray(0, 32))) return false;
  const key = await crypto.subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  return crypto.subtle.verify({ name: 'Ed25519' }, key, signature, message);
}

/* One-time codes: RFC 6238 over HMAC-SHA-1, six digits, 30 seconds. */

export const STEP = 30;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function fromBase32(text) {
	const bytes = [];
	let bits = 0;
	let value = 0;
	for (const character of text.replace(/=+$/, '')) {
		const digit = ALPHABET.indexOf(character);
		if (digit < 0) throw new Error('not base32');
		value = ((value << 5) | digit) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			bytes.push((value >> bits) & 0xff);
		}
	}
	if (bytes.length === 0) throw new Error('not base32');
	return Uint8Array.from(bytes);
}

export const importSecret = (base32) =>
	crypto.subtle.importKey('raw', fromBase32(base32), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);

/* The code at `seconds` since 1970: six digits, as text. RFC 4226, section 5.3. */
export async function codeAt(key, seconds) {
	const counter = new DataView(new ArrayBuffer(8));
	counter.setBigUint64(0, BigInt(Math.floor(seconds / STEP)));
	const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter));
	const number = mac.getUint32(mac.getUint8(19) & 0xf) & 0x7fffffff;
	return String(number % 1000000).padStart(6, '0');
}

/* Seconds, with their fraction, until the next code. */
export const secondsLeft = (seconds) => STEP - (seconds % STEP);

/* The details of one login, read strictly from the host's bytes (docs/backend-protocol.md). */
import { parseStrict } from './strict_json.js';

const MOST = 2048;
const LAST = 253402300799; /* the end of the year 9999 */
/* common/sanitize.c's list */
const UNCLEAN =
	/[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const utf8 = new TextEncoder();

const isText = (least, most) => (value) => {
	const length = typeof value === 'string' && !UNCLEAN.test(value) ? utf8.encode(value).length : -1;
	return length >= least && length <= most;
};
const isInteger = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;
const matches = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const isTwoDigits = isInteger(10, 99);
const isCoordinate = matches(/^[\w-]{42}[AEIMQUYcgkosw048]$/); /* 32 bytes */

const hasExactly = (object, ...names) =>
	object !== null &&
	typeof object === 'object' &&
	!Array.isArray(object) &&
	Object.keys(object).length === names.length &&
	names.every((name) => name in object);

function isNumber(value) {
	if (hasExactly(value, 'mode')) return value.mode === 'enter' || value.mode === 'off';
	return (
		hasExactly(value, 'mode', 'of') &&
		value.mode === 'choose' &&
		Array.isArray(value.of) &&
		value.of.length === 3 &&
		value.of.every(isTwoDigits) &&
		new Set(value.of).size === 3
	);
}

const isKey = (value) =>
	value === null ||
	(hasExactly(value, 'kty', 'crv', 'x', 'y') &&
		value.kty === 'EC' &&
		value.crv === 'P-256' &&
		isCoordinate(value.x) &&
		isCoordinate(value.y));

const MEMBERS = {
	v: isInteger(1, 1),
	request: matches(/^[\w-]{21}[AQgw]$/),
	iss: isText(1, 256),
	host: matches(/^[\w.-]{1,64}$/),
	host_name: isText(0, 128),
	service: isText(1, 64),
	user: isText(1, 128),
	rhost: isText(0, 256),
	tty: isText(0, 64),
	command: isText(0, 256),
	number: isNumber,
	iat: isInteger(0, LAST),
	exp: isInteger(0, LAST),
	host_key: isKey,
};

/* bytes: Uint8Array. Returns the members as they are; throws, naming the member at fault. */
export function parseDetails(bytes) {
	if (bytes.length > MOST) throw new Error('details: too long');
	const details = parseStrict(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
	if (!hasExactly(details, ...Object.keys(MEMBERS))) throw new Error('details: unknown or missing members');
	for (const [name, fits] of Object.entries(MEMBERS))
		if (!fits(details[name])) throw new Error(`details: ${name}`);
	const life = details.exp - details.iat;
	if (life < 10 || life > 600) throw new Error('details: exp');
	return details;
}

/* The same of a request that is for us: from the server of our enrolment, for our user, under its own id. */
export function parseOurs(bytes, request, identity) {
	const details = parseDetails(bytes);
	if (details.request !== request) throw new Error('details: of another request');
	if (details.iss !== identity.server) throw new Error('details: of another server');
	if (details.user !== identity.user) throw new Error('details: for another user');
	return details;
}

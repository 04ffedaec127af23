#!/usr/bin/env -S node --test-reporter=tap
/* The app's small modules: base64url, strict JSON, the login details, signatures, one-time codes, links. */
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode, encode } from '../../phone/base64url.js';
import { parseDetails, parseOurs } from '../../phone/details.js';
import { tokenOf } from '../../phone/identity.js';
import { makeKey, sign, thumbprint } from '../../phone/jws.js';
import { parseStrict } from '../../phone/strict_json.js';
import { codeAt, importSecret, secondsLeft } from '../../phone/totp.js';

const bytes = (text) => new TextEncoder().encode(text);

const coordinate = encode(new Uint8Array(32).fill(7));
const good = {
	v: 1,
	request: encode(new Uint8Array(16).fill(255)),
	iss: 'https://approve.example.org',
	host: 'web1',
	host_name: 'web1.example.org',
	service: 'sshd',
	user: 'alice',
	rhost: '198.51.100.7',
	tty: 'ssh',
	command: '',
	number: { mode: 'enter' },
	iat: 1700000000,
	exp: 1700000060,
	host_key: null,
};
const parse = (details) => parseDetails(bytes(JSON.stringify(details)));
const refused = (change) => assert.throws(() => parse({ ...good, ...change }), /details/, JSON.stringify(change));

test('base64url: what was encoded is decoded, of any length', () => {
	for (let length = 0; length < 70; length++) {
		const data = crypto.randomBytes(length);
		assert.equal(encode(data), data.toString('base64url'));
		assert.deepEqual(Buffer.from(decode(encode(data))), data);
	}
});

test('base64url: padding, foreign characters, white space and bits left over are refused', () => {
	for (const text of ['AA==', 'A', 'A+', 'A/', 'AA\n', ' AA', 'AB', 'AAB', 'é', null, 7])
		assert.throws(() => decode(text), /base64url/, String(text));
});

test('strict JSON reads what JSON.parse reads', () => {
	const value = { a: [1, -2, 0], b: { c: 'é\u2014\n"' }, d: null, e: true, f: '', g: {}, h: [] };
	for (const text of [JSON.stringify(value), JSON.stringify(value, null, 3)])
		assert.equal(JSON.stringify(parseStrict(text)), JSON.stringify(value));
	assert.equal(parseStrict('"\\u00e9\\ud83d\\ude00"'), 'é😀');
});

test('strict JSON refuses duplicates, fractions, lone surrogates, NUL and what is no JSON', () => {
	const faults = ['', '{', '{}x', '{} {}', '[1,]', '[,1]', '{"a":1,}', '{,}', '{"a":1 "b":2}', '{a:1}', "{'a':1}"];
	const texts = ['"\\ud800"', '"\\udc00x"', '"\\u0000"', '"a\nb"', '"\\x41"', '"a'];
	const numbers = ['1.0', '1e3', '01', '+1', '-', '9007199254740993', '.5', 'NaN', '1x'];
	const words = ['nul', 'nulls', 'True', 'undefined', '/**/1', '\ufeff1'];
	const nested = ['{"a":{"b":1,"b":2}}', '{"a":1,"\\u0061":2}', '[[[[[]]]]]', '{"a":1,"a":1}'];
	for (const text of [...faults, ...texts, ...numbers, ...words, ...nested])
		assert.throws(() => parseStrict(text), /malformed/, text);
});

test('strict JSON: no member name is special', () => {
	const value = parseStrict('{"__proto__":{"mode":"off"},"constructor":1}');
	assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
	assert.equal(value.mode, undefined);
});

test('details: what the protocol allows is read', () => {
	assert.equal(parse(good).host_name, 'web1.example.org');
	assert.deepEqual(parse({ ...good, number: { mode: 'choose', of: [10, 55, 99] } }).number.of, [10, 55, 99]);
	assert.equal(parse({ ...good, number: { mode: 'off' }, rhost: '', tty: '', host_name: '' }).number.mode, 'off');
	assert.equal(parse({ ...good, user: 'é'.repeat(64) }).user.length, 64);
	parse({ ...good, host_key: { kty: 'EC', crv: 'P-256', x: coordinate, y: coordinate } });
});

test('details: each missing member, and each unknown one, is refused', () => {
	for (const name of Object.keys(good)) {
		const { [name]: left, ...rest } = good;
		assert.throws(() => parse(rest), /details/, name);
		refused({ [name]: Array.isArray(left) ? {} : [] });
	}
	refused({ more: 1 });
	assert.throws(() => parseDetails(bytes(JSON.stringify(good).replace('{', '{"user":"bob",'))), /malformed/);
});

test('details: values out of bounds are refused', () => {
	const long = (length) => 'x'.repeat(length);
	for (const change of [
		{ v: 2 },
		{ request: long(21) },
		{ request: `${good.request.slice(0, 21)}B` },
		{ iss: '' },
		{ iss: long(257) },
		{ host: 'a b' },
		{ host: long(65) },
		{ host_name: long(129) },
		{ service: '' },
		{ user: 'é'.repeat(65) },
		{ rhost: long(257) },
		{ tty: long(65) },
		{ command: long(257) },
		{ exp: good.iat + 9 },
		{ exp: good.iat + 601 },
		{ iat: -1 },
		{ iat: 253402300800, exp: 253402300860 },
	])
		refused(change);
	assert.throws(() => parseDetails(bytes(`${JSON.stringify(good)}${' '.repeat(2048)}`)), /too long/);
});

test('details: control characters, turned writing and broken UTF-8 are refused', () => {
	for (const character of ['\n', '\u001b', '\u007f', '\u0085', '\u2028', '\u202e', '\u2066', '\u200f', '\u061c', '\u00ad', '\u200b', '\u2060', '\ufeff', '\u{e0041}'])
		refused({ host_name: `web${character}1` });
	const broken = bytes(JSON.stringify(good));
	broken[broken.indexOf('w'.charCodeAt(0))] = 0xff;
	assert.throws(() => parseDetails(broken));
	assert.throws(() => parseDetails(bytes(`\ufeff${JSON.stringify(good)}`)), /malformed/);
});

test("details: what counts as unclean is the host's own list", () => {
	const table = /unsafe\[\] = \{(.*?)\n {4}\};/s.exec(readFileSync(`${import.meta.dirname}/../../common/sanitize.c`, 'utf8'))[1];
	const ranges = [...table.matchAll(/\{(0x\w+), (0x\w+)\}/g)].map(([, first, last]) => [Number(first), Number(last)]);
	assert.ok(ranges.length > 10);
	const isUnsafe = (code) => ranges.some(([first, last]) => code >= first && code <= last);
	for (const code of ranges.flatMap(([first, last]) => [first || 1, last, Math.max(1, first - 1), last + 1])) {
		const changed = { host_name: `web${String.fromCodePoint(code)}1` };
		if (isUnsafe(code)) refused(changed);
		else assert.equal(parseDetails(bytes(JSON.stringify({ ...good, ...changed }))).host_name, changed.host_name, code.toString(16));
	}
});

test('details: a number and a key of another form are refused', () => {
	for (const number of [
		{ mode: 'choose' },
		{ mode: 'maybe' },
		{ mode: 'enter', of: [12, 47, 83] },
		{ mode: 'choose', of: [12, 47] },
		{ mode: 'choose', of: [12, 12, 83] },
		{ mode: 'choose', of: [9, 47, 83] },
		{ mode: 'choose', of: [12, 47, 100] },
		{ mode: 'choose', of: ['12', 47, 83] },
		null,
	])
		refused({ number });
	const key = { kty: 'EC', crv: 'P-256', x: coordinate, y: coordinate };
	for (const change of [{ kty: 'RSA' }, { crv: 'P-384' }, { x: 'AA' }, { y: 7 }, { d: coordinate }])
		refused({ host_key: { ...key, ...change } });
});

test('details of another server, user or request are not ours', () => {
	const identity = { server: good.iss, user: 'alice' };
	const text = bytes(JSON.stringify(good));
	assert.equal(parseOurs(text, good.request, identity).user, 'alice');
	assert.throws(() => parseOurs(text, good.request, { ...identity, server: 'https://other.example.org' }), /server/);
	assert.throws(() => parseOurs(text, good.request, { ...identity, user: 'bob' }), /user/);
	assert.throws(() => parseOurs(text, encode(new Uint8Array(16)), identity), /request/);
});

test('signatures are ES256, and node’s crypto verifies them', async () => {
	const { key, jwk, kid } = await makeKey();
	const compact = await sign(key, { typ: 'x+jws', kid }, { text: 'é', number: 7 });
	const [header, payload, signature] = compact.split('.');
	assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url')), { alg: 'ES256', typ: 'x+jws', kid });
	assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url')), { text: 'é', number: 7 });
	const point = { key: crypto.createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
	const right = Buffer.from(signature, 'base64url');
	assert.ok(crypto.verify('sha256', Buffer.from(`${header}.${payload}`), point, right));
	assert.ok(!crypto.verify('sha256', Buffer.from(`${header}.${payload}x`), point, right));
});

test('the private key cannot be exported', async () => {
	const { key } = await makeKey();
	assert.equal(key.extractable, false);
	for (const form of ['jwk', 'pkcs8']) await assert.rejects(globalThis.crypto.subtle.exportKey(form, key));
});

test('thumbprints are RFC 7638’s', async () => {
	const { jwk, kid } = await makeKey();
	const canonical = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`;
	assert.equal(kid, crypto.createHash('sha256').update(canonical).digest('base64url'));
	assert.equal(await thumbprint({ ...jwk, use: 'sig' }), kid);
});

test('codes are RFC 6238’s, of its own vectors', async () => {
	const key = await importSecret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
	const vectors = { 59: '287082', 1111111109: '081804', 1111111111: '050471', 1234567890: '005924', 2000000000: '279037' };
	for (const [seconds, code] of Object.entries(vectors)) assert.equal(await codeAt(key, Number(seconds)), code);
	assert.equal(await codeAt(key, 20000000000.9), '353130');
	assert.equal(key.extractable, false);
});

test('a secret that is no base32 is refused, and the seconds left end at the step', async () => {
	for (const text of ['', 'A1', 'abc', 'AAAA AAAA']) await assert.rejects(async () => importSecret(text), /base32/, text);
	assert.equal(secondsLeft(30), 30);
	assert.equal(secondsLeft(59.5), 0.5);
});

test('links: the secret of our own server’s links alone', () => {
	const origin = 'https://approve.example.org';
	const secret = 'abcdefghijklmnopqrstuv';
	const pin = 'p'.repeat(43);
	for (const link of [`${origin}/enroll#${secret}`, ` ${origin}/enroll#${secret}.${pin}\n`, `#${secret}`, secret])
		assert.equal(tokenOf(link, origin), secret, link);
	for (const link of [
		`https://other.example.org/enroll#${secret}`,
		`https://approve.example.org.evil.example/enroll#${secret}`,
		`https://approve.example.org@evil.example/enroll#${secret}`,
		`${origin}/other#${secret}`,
		`${origin}/enroll#short`,
		`${origin}/enroll`,
		`javascript:alert(1)#${secret}`,
		'',
	])
		assert.equal(tokenOf(link, origin), null, link);
});

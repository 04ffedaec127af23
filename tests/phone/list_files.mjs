#!/usr/bin/env node
/* Writes phone/files.js, the list that the worker keeps the app by, and the release into phone/worker.js. Run it after any change below phone/. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const phone = fileURLToPath(new URL('../../phone/', import.meta.url));
const LEFT_OUT = /^(terminal\/.*|files\.js|worker\.js|.*\.md)$/;
const digest = (data) => createHash('sha256').update(data).digest('base64url').slice(0, 8);

export const names = () =>
	readdirSync(phone, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll('//', '/').slice(phone.length))
		.filter((name) => !LEFT_OUT.test(name))
		.sort();

const lines = () =>
	names()
		.map((name) => `\t'${name}': '${digest(readFileSync(phone + name))}',\n`)
		.join('');

export const text = () => `/* The app's files with the beginning of their SHA-256, written by tests/phone/list_files.mjs. */
export const files = {
${lines()}};
`;

/* The worker is another one with each release: Chromium cannot start one of which only the modules are new. */
export const worker = () => readFileSync(`${phone}worker.js`, 'utf8').replace(/^(const CACHE = 'app-)[\w-]+/m, `$1${digest(lines())}`);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	writeFileSync(`${phone}files.js`, text());
	writeFileSync(`${phone}worker.js`, worker());
}

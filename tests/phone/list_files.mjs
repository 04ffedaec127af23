#!/usr/bin/env node
/* Writes phone/files.js, the list that the worker keeps the app by. Run it after any change below phone/. */
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

export function text() {
	const files = names().map((name) => [name, digest(readFileSync(phone + name))]);
	const lines = files.map(([name, hash]) => `\t'${name}': '${hash}',\n`).join('');
	return `/* The app's files with the beginning of their SHA-256, written by tests/phone/list_files.mjs. */
export const release = '${digest(lines)}';
export const files = {
${lines}};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(`${phone}files.js`, text());

#!/usr/bin/env -S node --test-reporter=tap
/* The app's words (S21: English and French complete), the list of its files, and its size. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { names, phone, text, worker } from './list_files.mjs';

const KIBIBYTES = 100;
const read = (name) => readFileSync(phone + name, 'utf8');
const catalogues = Object.fromEntries(
	readdirSync(`${phone}lang`).map((file) => [file.replace('.json', ''), JSON.parse(read(`lang/${file}`))]),
);
const forms = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry));
const blanks = (entry) => [...new Set(forms(entry).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();
const code = names().filter((name) => name.endsWith('.js'));
const sources = [...code, 'worker.js'].map((name) => [name, read(name).replace(/\/\*[\s\S]*?\*\//g, '')]);

test('English and French are there', () => assert.ok(catalogues.en && catalogues.fr));

test('all catalogues have the same keys, with the same blanks', () => {
	for (const [language, words] of Object.entries(catalogues)) {
		assert.deepEqual(Object.keys(words).sort(), Object.keys(catalogues.en).sort(), language);
		for (const [key, entry] of Object.entries(words)) {
			assert.deepEqual(blanks(entry), blanks(catalogues.en[key]), `${language}: ${key}`);
			assert.equal(typeof entry, typeof catalogues.en[key], `${language}: ${key}`);
			for (const form of forms(entry)) assert.ok(form.trim() === form && form !== '', `${language}: ${key}`);
		}
	}
});

test('plurals have a form for every number', () => {
	for (const [language, words] of Object.entries(catalogues)) {
		const rules = new Intl.PluralRules(language);
		for (const [key, entry] of Object.entries(words))
			if (typeof entry !== 'string')
				for (const count of [0, 1, 2, 5, 21, 1000])
					assert.ok(entry[rules.select(count)] ?? entry.other, `${language}: ${key} ${count}`);
	}
});

test('every key that the code names is there, and every key is named', () => {
	const all = sources.map(([, source]) => source).join('\n');
	const named = new Set([...all.matchAll(/'([a-z][a-z_0-9-]*(?:\.[a-z_0-9-]+)*)'/g)].map(([, key]) => key));
	const patterns = [...all.matchAll(/`([a-z_.]+)\$\{[^`]*`/g)].map(([, start]) => start).filter((start) => start.includes('.'));
	for (const key of Object.keys(catalogues.en))
		assert.ok(
			named.has(key) || patterns.some((start) => key.startsWith(start)) || named.has(key.replace(/\.(text|more)$/, '')),
			`${key} is not used`,
		);
	for (const [, key] of all.matchAll(/\b(?:t|rich|paragraph|button|link|section)\(\s*'([^']+)'/g))
		assert.ok(key in catalogues.en, `${key} has no words`);
});

test('French has its spaces, apostrophes and quotation marks', () => {
	for (const [key, entry] of Object.entries(catalogues.fr))
		for (const form of forms(entry)) {
			const words = form.replace(/https?:\S*|\{origin\}\S*/g, '');
			assert.doesNotMatch(words, /['"]/, key);
			assert.doesNotMatch(words, /(?<!\u202f)[;!?]/, key);
			assert.doesNotMatch(words, /(?<!\u00a0)[:»]/, key);
			assert.doesNotMatch(words, /«(?!\u00a0)/, key);
			assert.doesNotMatch(words, /\.\.\.| {2}/, key);
		}
});

test('English has its apostrophes and quotation marks', () => {
	for (const [key, entry] of Object.entries(catalogues.en))
		for (const form of forms(entry)) assert.doesNotMatch(form, /['"]|\.\.\.|[\u00a0\u202f]/, key);
});

test('no sentence stands in the code', () => {
	for (const [name, source] of sources)
		for (const [, quoted] of source.matchAll(/(?<=[(,[:=?]\s*)['`]([^'`\n]*)['`]/g)) {
			if (/new Error\([^)]*$/.test(source.slice(0, source.indexOf(quoted)).split('\n').at(-1))) continue;
			assert.doesNotMatch(quoted, /^[A-Z][a-z]+( [a-z]+){2,}/, `${name}: ${quoted}`);
		}
});

test('nothing makes elements or code from text', () => {
	for (const [name, source] of sources)
		assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\('on|\.srcdoc/, name);
});

test('nothing comes from another origin', () => {
	for (const name of names().filter((file) => /\.(js|html|css|webmanifest|svg)$/.test(file)))
		assert.doesNotMatch(
			read(name).replaceAll('http://www.w3.org/2000/svg', '').replace(/\/\*[\s\S]*?\*\//g, ''),
			/https?:\/\/[a-z]/,
			name,
		);
});

test('files.js lists the files as they are, and worker.js names their release (tests/phone/list_files.mjs writes both)', () => {
	assert.equal(read('files.js'), text());
	assert.equal(read('worker.js'), worker());
	assert.match(read('worker.js'), /^const CACHE = 'app-[\w-]{8}';/m);
});

test('the app, with its largest language, is under 100 KiB', () => {
	const languages = names().filter((name) => name.startsWith('lang/'));
	const size = (name) => readFileSync(phone + name).length;
	const sum = (list) => list.map(size).reduce((all, one) => all + one, 0);
	const rest = names().filter((name) => !name.startsWith('lang/'));
	const whole = sum([...rest, 'files.js', 'worker.js']) + Math.max(...languages.map(size));
	assert.ok(whole < KIBIBYTES * 1024, `${whole} bytes`);
});

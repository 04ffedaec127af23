/* The words of the app, from the lang/CODE.json that files.js lists. */
import { files } from './files.js';
import { get, put } from './storage.js';

const FIRST = 'en';
let words = {};
let plurals;
export let language = FIRST;

export const languages = Object.keys(files)
	.map((file) => /^lang\/(.+)\.json$/.exec(file)?.[1])
	.filter(Boolean);

/* A language's name in itself. */
export const nameOf = (code) => {
	const name = new Intl.DisplayNames([code], { type: 'language' }).of(code);
	return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
};

function suited() {
	const wanted = navigator.languages.map((tag) => tag.toLowerCase());
	for (const tag of wanted) {
		const fit = languages.find((code) => tag === code || tag.startsWith(`${code}-`));
		if (fit) return fit;
	}
	return FIRST;
}

/* Without a network another language is better than none, unless it was `wanted`. */
async function load(read, wanted) {
	const fetched = (code) => read(`/lang/${code}.json`).catch(() => ({}));
	const likely = suited();
	const early = plurals ? null : fetched(likely); /* before the choice is known */
	const chosen = await get('language').catch(() => null);
	for (const code of wanted ? [wanted] : [chosen, likely, ...languages]) {
		if (!languages.includes(code)) continue;
		if (code === language && plurals) return;
		const answer = await ((code === likely && early) || fetched(code));
		if (!answer.ok) continue;
		words = await answer.json();
		plurals = new Intl.PluralRules(code);
		language = code;
		if (globalThis.document) document.documentElement.lang = code;
		return;
	}
	throw new Error('no words');
}

let loading = Promise.resolve();

/* The language that was chosen in the settings, or the device's. read: fetches a path of ours. */
export const loadLanguage = (read = fetch, wanted = null) =>
	(loading = loading.catch(() => {}).then(() => load(read, wanted)));

/* A page begins at once, while the rest of the app is on its way. */
if (globalThis.document) loadLanguage().catch(() => {});

/* Throws where it cannot be had, and changes nothing then. */
export async function choose(code) {
	await loadLanguage(fetch, code);
	await put('language', code);
}

function entry(key, count) {
	const found = words[key] ?? key;
	return typeof found === 'string' ? found : (found[plurals.select(count)] ?? found.other);
}

export const has = (key) => key in words;

/* Without what is invisible or turns the direction of writing. */
export const clean = (text) =>
	String(text).replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '\ufffd');

/* The words of a key, {name} replaced. `count` also picks the plural. Values are cleaned. */
export const t = (key, values = {}) =>
	entry(key, values.count).replace(/\{(\w+)\}/g, (_, name) => clean(values[name]));

/* The same as pieces: strings, and for each value what wrap makes of it. */
export const pieces = (key, values, wrap) =>
	entry(key, values.count)
		.split(/\{(\w+)\}/)
		.map((piece, index) => (index % 2 ? wrap(clean(values[piece])) : piece));

/* Times are as in the device's region, where it speaks the language. */
const region = () => navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;
const format = (options) => (seconds) => new Intl.DateTimeFormat(region(), options).format(seconds * 1000);
export const clockTime = format({ timeStyle: 'medium' });
export const dayAndTime = format({ dateStyle: 'medium', timeStyle: 'short' });

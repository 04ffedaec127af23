/* The service worker: keeps the app for use offline, turns pushes into notifications. */
import { decode } from './base64url.js';
import { call } from './api.js';
import { now } from './clock.js';
import { decide } from './decision.js';
import { parseOurs } from './details.js';
import { files } from './files.js';
import { load } from './identity.js';
import { sha256 } from './jws.js';
import { language, loadLanguage, t } from './language.js';
import { subscribe } from './push.js';
import { put } from './storage.js';

const CACHE = 'app-j9m3oAH1'; /* the release, by tests/phone/list_files.mjs */
const PAGES = ['/', '/enroll', '/index.html'];
const kept = new Set([...Object.keys(files), 'files.js'].map((file) => `/${file}`));

/* Only files that files.js names are kept: two versions are never mixed. */
async function keep(cache, path) {
	const response = await fetch(path, { cache: 'no-cache' });
	const digest = await sha256(await response.clone().arrayBuffer());
	const file = path.slice(1);
	if (!response.ok || (file in files && !digest.startsWith(files[file]))) throw new Error(`${path}: of another version`);
	await cache.put(path, response.clone());
	return response;
}

async function fromCache(path) {
	const cache = await caches.open(CACHE);
	return (await cache.match(path)) ?? keep(cache, path).catch(() => fetch(path));
}

/* Of the languages only the one in use is kept from the start. */
async function install() {
	await loadLanguage();
	const cache = await caches.open(CACHE);
	const paths = [...kept].filter((path) => !path.startsWith('/lang/') || path === `/lang/${language}.json`);
	await Promise.all(paths.map((path) => keep(cache, path)));
	await skipWaiting();
}

async function activate() {
	for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
	await clients.claim();
}

addEventListener('install', (event) => event.waitUntil(install()));
addEventListener('activate', (event) => event.waitUntil(activate()));

addEventListener('fetch', (event) => {
	const { method, mode, url } = event.request;
	const { origin, pathname } = new URL(url);
	const path = mode === 'navigate' && PAGES.includes(pathname) ? '/index.html' : pathname;
	if (method === 'GET' && origin === location.origin && kept.has(path)) event.respondWith(fromCache(path));
});

/* To all pages: one may lie in the browser's history. Returns them. */
async function tell(message) {
	const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true });
	for (const page of pages) page.postMessage(message);
	return pages;
}

const show = (title, options) =>
	registration.showNotification(title, { icon: '/icon-192.png', badge: '/badge.png', ...options });

const showOver = (request, title = 'result.over', text = 'result.over.text') =>
	show(t(title), { body: t(text), tag: request, silent: true, data: { request } });

const showUnknown = () => show(t('push.unknown'), { body: t('push.unknown.text'), tag: 'unknown' });

/* The details of a push that could not carry them. */
async function askForDetails(identity, request) {
	const { requests } = await call(identity, 'requests', { wait: 0, seen: '' });
	return requests.find((entry) => entry.request === request && entry.state === 'open')?.details;
}

async function showRequest({ request, details, expires }) {
	const identity = await load();
	if (!identity) return showUnknown();
	if (expires <= (await now())) return showOver(request);
	try {
		details ??= await askForDetails(identity, request);
		if (!details) return showOver(request);
		const login = parseOurs(decode(details), request, identity);
		const from = login.rhost === '' ? t('request.from_here') : login.rhost;
		return show(t('request.title', { host: login.host_name || login.host }), {
			body: t('push.request.text', { service: login.service, user: login.user, from }),
			tag: request,
			requireInteraction: true,
			timestamp: login.iat * 1000,
			data: { request, details, expires },
			actions: [{ action: 'deny', title: t('deny') }],
		});
	} catch {
		return showOver(request, 'request.unchecked', 'push.unknown.text');
	}
}

/* Browsers want each push to show something: it is replaced in silence, then closed. */
async function close(request) {
	await showOver(request);
	for (const notification of await registration.getNotifications({ tag: request })) notification.close();
}

const PUSHES = {
	request: showRequest,
	over: ({ request }) => close(request),
	test: () => show(t('push.test'), { body: t('push.test.text'), tag: 'test' }),
};

async function receive(data) {
	await loadLanguage(fromCache);
	await put('push', await now());
	let push = {};
	try {
		push = data.json() ?? {};
	} catch {
		/* Handled as one of an unknown type. */
	}
	await tell({ type: 'push', push: push.type });
	if (Object.hasOwn(PUSHES, push.type)) await PUSHES[push.type](push);
	else await showUnknown();
}

addEventListener('push', (event) => event.waitUntil(receive(event.data)));

async function deny({ request, details, expires }) {
	await loadLanguage(fromCache);
	if (expires <= (await now())) return showOver(request);
	try {
		await decide(await load(), request, decode(details), 'deny');
		await showOver(request, 'result.denied', 'push.denied.text');
	} catch (error) {
		await (error.code === 'over' ? showOver(request) : showOver(request, 'push.failed', 'push.failed.text'));
	}
	return tell({ type: 'push', push: 'over' });
}

async function openApp({ request } = {}) {
	const [page] = await tell({ type: 'open', request });
	return page ? page.focus() : clients.openWindow(request ? `/#request/${request}` : '/');
}

addEventListener('notificationclick', (event) => {
	event.notification.close();
	const data = event.notification.data ?? {};
	event.waitUntil(event.action === 'deny' ? deny(data) : openApp(data));
});

async function resubscribe() {
	const identity = await load();
	if (identity?.vapid) await subscribe(identity, registration);
}

addEventListener('pushsubscriptionchange', (event) => event.waitUntil(resubscribe()));

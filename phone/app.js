/* The app: starts, keeps the inbox, and puts one screen at a time in place. */
import { el, icon, outside } from './dom.js';
import { invitation, load } from './identity.js';
import { loadLanguage, pieces, t } from './language.js';

/* What a `#name` shows, and what stands in the navigation. */
const SCREENS = {
	'': { file: 'requests', nav: true },
	code: { file: 'code', nav: true },
	activity: { file: 'activity', nav: true },
	settings: { file: 'settings', nav: true },
	arriving: { file: 'arriving', under: 'settings' },
	request: { file: 'request' },
};
/* Faults that no screen can go on with, and what is shown instead. */
const STOPS = { unknown_device: 'removed', app_too_old: 'too_old' };

const [main, banner, nav, status] = ['main', 'banner', 'nav', 'status'].map((id) => document.getElementById(id));

const app = {
	identity: undefined,
	inbox: null,

	go(place) {
		if (location.hash.slice(1) === place && location.pathname === '/') return draw();
		if (location.pathname === '/') location.hash = place;
		else {
			history.replaceState(null, '', `/#${place}`);
			draw();
		}
		return undefined;
	},

	/* Says something to people who listen rather than look. */
	say(text) {
		status.textContent = '';
		requestAnimationFrame(() => (status.textContent = text));
	},

	/* Words for a fault; changes the screen where there is no going on. Throws what is no ApiError. */
	fault(error) {
		if (error.name !== 'ApiError') throw error;
		const { code, body } = error;
		if (STOPS[code]) {
			drawNav(null);
			put(STOPS[code], body);
		}
		const known = ['offline', 'limited', 'stale'].includes(code) ? code : 'unavailable';
		return t(`fault.${known}`, { count: body.retry_after ?? 0 });
	},

	/* Begins again with what is stored now. */
	async restart(place = '') {
		app.inbox?.stop();
		app.inbox = null;
		app.identity = await load();
		if (app.identity) await watch();
		app.go(place);
	},

	async redraw() {
		await loadLanguage();
		draw();
	},
};

let turn = 0;
let leave;
let outdated = false; /* screens not loaded yet would be of a newer version */

async function put(file, argument) {
	const mine = ++turn;
	const { show } = await import(`./screens/${file}.js`);
	const view = await show(app, argument);
	if (mine !== turn) return view.leave?.();
	leave?.();
	leave = view.leave;
	main.className = file;
	main.replaceChildren(...view.nodes);
	const title = main.querySelector('h1');
	document.title = `${title.textContent} – Approve`;
	title.focus();
	scrollTo(0, 0);
	performance.mark('screen');
	return undefined;
}

function place() {
	const [name, argument] = location.hash.slice(1).split('/');
	return SCREENS[name] ? { name, argument } : { name: '' };
}

function drawNav(current) {
	nav.hidden = current === null;
	if (nav.hidden) return;
	const here = SCREENS[current].under ?? current;
	nav.replaceChildren(
		...Object.entries(SCREENS)
			.filter(([, screen]) => screen.nav)
			.map(([name, { file }]) =>
				el('a', { href: `/#${name}`, 'aria-current': name === here && 'page' }, icon(file), t(`nav.${file}`)),
			),
	);
}

async function draw() {
	drawBanner();
	if (location.pathname === '/enroll' || (!app.identity && (await invitation()))) {
		drawNav(null);
		return put('enrol');
	}
	if (!app.identity) {
		drawNav(null);
		return put('welcome');
	}
	const { name, argument } = place();
	if (outdated && name !== 'request') return location.reload();
	drawNav(name === 'request' ? null : name);
	return put(SCREENS[name].file, argument);
}

/* A request takes the screen only where nothing else is being done. */
function drawBanner() {
	const open = app.inbox?.open ?? [];
	const { name, argument } = place();
	const others = name === '' ? [] : open.filter((request) => request.id !== argument);
	if (others.length === 0 || location.pathname !== '/') return banner.replaceChildren('Approve');
	const host = others[0].details?.host_name || others[0].details?.host || t('request.unknown_host');
	const key = others.length > 1 ? 'requests.waiting' : 'request.title';
	const href = others.length > 1 ? '/#' : `/#request/${others[0].id}`;
	const words = pieces(key, { host, count: others.length }, outside);
	const text = words.map((piece) => piece.textContent ?? piece).join('');
	if (banner.textContent !== text) app.say(text);
	return banner.replaceChildren(el('a', { href }, ...words));
}

/* What only a device that is set up needs, is loaded only there. */
async function watch() {
	const [{ Inbox }, { closeNotifications }] = await Promise.all([import('./inbox.js'), import('./push.js')]);
	const { inbox } = Object.assign(app, { inbox: new Inbox(app.identity) });
	inbox.addEventListener('change', () => {
		if (inbox.fault) app.fault(inbox.fault);
		if (STOPS[inbox.fault?.code]) inbox.stop();
		drawBanner();
		closeNotifications((tag) => ['open', undefined].includes(inbox.find(tag)?.state) === false);
	});
	inbox.start();
}

/* Push subscriptions get lost: each start mends what can be mended. */
async function mendPush() {
	if (!app.identity || globalThis.Notification?.permission !== 'granted') return;
	const { turnOn } = await import('./push.js');
	await turnOn(app.identity, { ask: false }).catch(() => {});
}

function hear({ data }) {
	if (data.type === 'push') app.inbox?.refresh();
	if (data.type === 'open') {
		app.go(data.request ? `request/${data.request}` : '');
		app.inbox?.refresh();
	}
}

async function start() {
	await loadLanguage();
	try {
		app.identity = await load();
	} catch {
		return put('no_storage');
	}
	if (app.identity) await watch();
	addEventListener('hashchange', draw);
	await draw();
	navigator.serviceWorker?.addEventListener('message', hear);
	const { register } = await import('./update.js');
	register(() => {
		outdated = true;
		if (place().name !== 'request') location.reload();
	});
	return mendPush();
}

start();

/* The app: starts, keeps the inbox, and puts one screen at a time in place. */
import { el, hostOf, icon, rich } from './dom.js';
import { forget, invitation, load } from './identity.js';
import { loadLanguage, t } from './language.js';

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
		if (location.pathname !== '/') return app.restart(place);
		if (location.hash.slice(1) === place) return draw();
		return (location.hash = place);
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
		history.replaceState(null, '', `/#${place}`);
		if (app.identity) await watch();
		return draw();
	},

	/* Gives this device up, where no other tab has set up a new one. */
	async forget() {
		if ((await load())?.kid === app.identity?.kid) {
			await (await import('./push.js')).unsubscribe();
			await forget();
		}
		return app.restart();
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
	const enrolling = location.pathname === '/enroll';
	if (enrolling || !app.identity) {
		drawNav(null);
		return put(enrolling || (await invitation()) ? 'enrol' : 'welcome');
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
	const host = hostOf(others[0]);
	const key = others.length > 1 ? 'requests.waiting' : 'request.title';
	const href = others.length > 1 ? '/#' : `/#request/${others[0].id}`;
	const link = el('a', { href }, rich(key, { host, count: others.length }));
	if (banner.textContent !== link.textContent) app.say(link.textContent);
	return banner.replaceChildren(link);
}

/* What only a device that is set up needs, is loaded only there. */
async function watch() {
	const [{ Inbox }, { closeNotifications, mend }] = await Promise.all([import('./inbox.js'), import('./push.js')]);
	const inbox = (app.inbox = new Inbox(app.identity));
	let pushOk;
	inbox.addEventListener('change', () => {
		if (inbox.fault) app.fault(inbox.fault);
		if (STOPS[inbox.fault?.code]) inbox.stop();
		drawBanner();
		closeNotifications((tag) => (inbox.find(tag)?.state ?? 'open') !== 'open');
		if (pushOk !== inbox.pushOk)
			mend(app.identity, (pushOk = inbox.pushOk)).then((mended) => mended && inbox.refresh(), () => {});
	});
	inbox.start();
}

function hear({ data }) {
	if (data.type === 'open') app.go(data.request ? `request/${data.request}` : '');
	app.inbox?.refresh();
}

async function start() {
	await loadLanguage();
	try {
		app.identity = await load();
	} catch {
		return put('no_storage');
	}
	/* Setting up again removes the device that is here: it asks no more. */
	if (app.identity && location.pathname !== '/enroll') await watch();
	addEventListener('hashchange', draw);
	await draw();
	navigator.serviceWorker?.addEventListener('message', hear);
	const { register } = await import('./update.js');
	register(() => {
		outdated = true;
		if (place().name !== 'request') location.reload();
	});
}

start();

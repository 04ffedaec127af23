/* The first screen: requests that wait, or that none does. */
import { el, emblem, heading, hostOf, link, paragraph, rich } from '../dom.js';
import { clockTime, t } from '../language.js';
import { permission, subscription } from '../push.js';

function row(request) {
	const { id, details } = request;
	const words = [el('strong', {}, el('bdi', {}, hostOf(request)))];
	if (details) {
		const { service, rhost, iat } = details;
		const from = rhost || t('request.from_here');
		words.push(el('span', {}, rich('requests.row', { service, from, time: clockTime(iat) })));
	}
	return el('li', {}, el('a', { class: 'row', href: `/#request/${id}` }, ...words));
}

function waiting(open) {
	return [
		heading('requests.waiting', { count: open.length }),
		el('ul', { class: 'rows' }, open.map(row)),
	];
}

const ONLY_OPEN = ['requests.only_open', 'arriving'];

/* What keeps requests from coming by themselves, or null. */
async function hindrance(identity) {
	if (identity.enabled === false) return ['requests.off', 'settings'];
	if (permission() !== 'granted' || !(await subscription())) return ONLY_OPEN;
	return null;
}

const notice = (words, more, place) => el('p', { class: 'notice' }, words, ' ', link(more, `/#${place}`));

/* denied: the last one here, for as long as "it wasn't me" may be said of it. */
function idle({ user, serverName }, found, denied) {
	return [
		emblem('good', 'done'),
		heading('requests.none'),
		paragraph('requests.for', { user, server: serverName }),
		found && notice(t(found[0]), `${found[0]}.more`, found[1]),
		denied && notice(rich('activity.denied', { host: hostOf(denied) }), 'not_me', `request/${denied.id}`),
	];
}

function unreached() {
	return [
		emblem('offline'),
		heading('requests.unreached'),
		paragraph('requests.unreached.text'),
		link('requests.to_code', '/#code', { class: 'button' }),
	];
}

export async function show(app) {
	const body = el('div', { class: 'stack' });
	const { inbox, identity } = app;
	const found = await hindrance(identity);
	let before = inbox.listed ? inbox.open.length : 0;
	let shown;

	function content() {
		if (inbox.open.length > 0) return [inbox.open.map(({ id }) => id).join(), () => waiting(inbox.open)];
		if (inbox.fault) return ['fault', unreached];
		if (inbox.requests === null) return ['looking', () => [heading('requests.looking')]];
		const hindered = found ?? (inbox.pushOk ? null : ONLY_OPEN);
		const denied = inbox.requests.find(({ result, by }) => result === 'denied' && by === 'this');
		return [`${hindered} ${denied?.id}`, () => idle(identity, hindered, denied)];
	}

	function draw() {
		const [key, make] = content();
		if (key === shown) return;
		const first = shown === undefined;
		shown = key;
		body.replaceChildren(...make().filter(Boolean));
		if (!first) body.querySelector('h1').focus();
	}

	function change() {
		const [only, ...more] = inbox.open;
		const arrived = before === 0 && only && more.length === 0;
		before = inbox.open.length;
		inbox.listed = inbox.requests !== null;
		draw();
		if (arrived) app.go(`request/${only.id}`);
	}

	change();
	inbox.addEventListener('change', change);
	return { nodes: [body], leave: () => inbox.removeEventListener('change', change) };
}

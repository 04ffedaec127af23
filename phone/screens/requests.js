/* The first screen: requests that wait, or that none does. */
import { el, emblem, heading, link, paragraph, rich } from '../dom.js';
import { clockTime, t } from '../language.js';
import { permission, subscription } from '../push.js';

const nameOf = ({ details }) => details?.host_name || details?.host || t('request.unknown_host');

function row(request) {
	const { id, details } = request;
	const words = [el('strong', {}, el('bdi', {}, nameOf(request)))];
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

/* What keeps requests from coming by themselves, or null. */
async function hindrance(identity) {
	if (identity.enabled === false) return ['requests.off', 'settings'];
	if (permission() !== 'granted' || !(await subscription())) return ['requests.only_open', 'arriving'];
	return null;
}

function idle({ user, serverName }, found) {
	const notice = found && el('p', { class: 'notice' }, rich(found[0]), ' ', link(`${found[0]}.more`, `/#${found[1]}`));
	return [
		emblem('good', 'done'),
		heading('requests.none'),
		paragraph('requests.for', { user, server: serverName }),
		notice,
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
		return ['none', () => idle(identity, found)];
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

/* One-time codes, with or without a network. */
import { now } from '../clock.js';
import { button, el, heading, outside, paragraph } from '../dom.js';
import { codeKey, hosts } from '../host_codes.js';
import { t } from '../language.js';
import { STEP, codeAt, secondsLeft } from '../totp.js';

const SHOWN = 5; /* hosts */

const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

/* The codes bound to hosts. draw(seconds) puts those of this time in place. */
async function bound(identity) {
	const known = await hosts();
	const list = el('ul', { class: 'rows' });
	const field = el('input', { type: 'search', id: 'host', input: async () => draw(await now()) });
	async function row(entry, seconds) {
		const code = await codeAt(await codeKey(identity, entry), seconds);
		return el('li', {}, el('strong', {}, spaced(code)), el('span', {}, outside(entry.host), ' ', outside(entry.name)));
	}
	async function draw(seconds) {
		const word = field.value.toLowerCase();
		const found = known.filter(({ host, name }) => `${host} ${name}`.toLowerCase().includes(word));
		list.replaceChildren(...(await Promise.all(found.slice(0, SHOWN).map((entry) => row(entry, seconds)))));
	}
	const search = known.length > SHOWN ? [el('label', { for: 'host' }, t('code.search')), field] : [];
	const nodes = known.length ? [el('section', {}, el('h2', {}, t('code.hosts')), ...search, list)] : [];
	return { nodes, draw };
}

export async function show(app) {
	const digits = el('p', { class: 'digits', id: 'code' });
	const words = el('p', { role: 'timer' });
	const network = el('p', { class: 'hint' });
	const ring = el('div', { class: 'ring' });
	const others = await bound(app.identity);
	let code;

	async function draw() {
		const seconds = await now();
		const fresh = await codeAt(app.identity.code, seconds);
		const count = Math.ceil(secondsLeft(seconds));
		ring.style.setProperty('--left', count / STEP);
		words.textContent = t('code.left', { count });
		network.textContent = t(navigator.onLine && !app.inbox.fault ? 'code.anywhere' : 'code.offline');
		if (fresh === code) return;
		code = fresh;
		others.draw(seconds);
		digits.replaceChildren(
			el('span', { 'aria-hidden': 'true' }, spaced(code)),
			el('span', { class: 'unseen' }, [...code].join(' ')),
		);
	}

	async function copy() {
		try {
			await navigator.clipboard.writeText(code);
			app.say(t('code.copied'));
			copied.textContent = t('code.copied');
		} catch {
			getSelection().selectAllChildren(digits.firstChild);
			copied.textContent = t('code.selected');
		}
	}

	const copied = el('p', { class: 'hint' });
	const { user, serverName: server } = app.identity;
	await draw();
	const timer = setInterval(draw, 250);
	return {
		nodes: [
			heading('code.title'),
			paragraph('code.for', { user, server }),
			digits,
			ring,
			words,
			button('code.copy', copy, { class: 'primary' }),
			copied,
			network,
			...others.nodes,
		],
		leave: () => clearInterval(timer),
	};
}

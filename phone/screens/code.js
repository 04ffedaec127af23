/* One-time codes, with or without a network. */
import { now } from '../clock.js';
import { button, el, heading, paragraph, svg } from '../dom.js';
import { t } from '../language.js';
import { STEP, codeAt, secondsLeft } from '../totp.js';

const RADIUS = 44;
const ROUND = 2 * Math.PI * RADIUS;

function ring() {
	const circle = (name) => svg('circle', { class: name, cx: 50, cy: 50, r: RADIUS });
	const rest = circle('rest');
	rest.setAttribute('stroke-dasharray', ROUND);
	const number = el('span', {});
	return {
		node: el('div', { class: 'ring', 'aria-hidden': 'true' }, svg('svg', { viewBox: '0 0 100 100' }, circle('whole'), rest), number),
		draw(left) {
			rest.setAttribute('stroke-dashoffset', ROUND * (1 - left / STEP));
			number.textContent = Math.ceil(left);
		},
	};
}

export async function show(app) {
	const digits = el('p', { class: 'digits', id: 'code' });
	const words = el('p', { role: 'timer' });
	const network = el('p', { class: 'hint' });
	const clock = ring();
	let code;

	async function draw() {
		const seconds = await now();
		const fresh = await codeAt(app.identity.code, seconds);
		const left = secondsLeft(seconds);
		clock.draw(left);
		words.textContent = t('code.left', { count: Math.ceil(left) });
		network.textContent = t(navigator.onLine && !app.inbox.fault ? 'code.anywhere' : 'code.offline');
		if (fresh === code) return;
		code = fresh;
		digits.replaceChildren(
			el('span', { 'aria-hidden': 'true' }, `${code.slice(0, 3)} ${code.slice(3)}`),
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
			clock.node,
			words,
			button('code.copy', copy, { class: 'primary' }),
			copied,
			network,
		],
		leave: () => clearInterval(timer),
	};
}

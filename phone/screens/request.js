/* One request: what is asked, the answer, and how it ended. */
import { decide } from '../decision.js';
import { alert, button, el, emblem, heading, hostOf, link, outside, paragraph } from '../dom.js';
import { guard } from '../guard.js';
import { clockTime, has, t } from '../language.js';
import { numberEntry } from '../number_entry.js';
import { closeNotifications } from '../push.js';

const HURRY = 15; /* seconds left that are said aloud */
/* How an end looks; the catalogue has the words. */
const TONES = { signed_in: 'good', wrong_number: 'bad', invalid_approval: 'bad', not_me: 'bad' };

function facts({ host, host_name, service, user, rhost, tty, command, iat }) {
	const named = host_name && host_name !== host;
	const rows = [
		['host', named ? [outside(host_name), ' (', outside(host), ')'] : outside(host)],
		['service', [outside(service), has(`service.${service}`) ? ` (${t(`service.${service}`)})` : '']],
		['user', outside(user)],
		['from', rhost ? outside(rhost) : t('request.from_here')],
		tty && ['tty', outside(tty)],
		command && ['command', el('code', {}, outside(command))],
		['time', clockTime(iat)],
	];
	return el(
		'dl',
		{},
		rows.filter(Boolean).map(([name, value]) => el('div', {}, el('dt', {}, t(`request.${name}`)), el('dd', {}, value))),
	);
}

function countdown(app, request, over) {
	const words = el('span', { role: 'timer' });
	const bar = el('progress', { 'aria-hidden': 'true', max: Math.max(1, request.ends - performance.now()) });
	const node = el('div', { class: 'left' }, words, bar);
	let said;
	function tick() {
		const left = Math.max(0, request.ends - performance.now());
		const count = Math.ceil(left / 1000);
		words.textContent = t('request.left', { count });
		bar.value = left;
		if (count <= HURRY && said === undefined) app.say((said = words.textContent));
		if (left === 0) over();
	}
	const timer = setInterval(tick, 250);
	tick();
	return { node, stop: () => clearInterval(timer) };
}

/* by: who answered, where it is over. Returns what went wrong, in words, or ''. */
async function send(app, request, by, ...decision) {
	try {
		app.inbox.settle(request.id, await decide(app.identity, request.id, request.bytes, ...decision));
	} catch (error) {
		if (error.code !== 'over') return error.code === 'not_found' ? t('fault.not_found') : app.fault(error);
		app.inbox.settle(request.id, error.body, by);
	}
	return '';
}

/* The question: all from the details' own bytes; the number, Deny and Approve. */
function question(app, request, over) {
	const { details } = request;
	const fault = alert();
	const entry = numberEntry(details.number);
	const time = countdown(app, request, over);
	const deny = button('deny', () => answer('deny', null), { class: 'deny' });
	const approve = el('button', { class: 'primary' }, t('approve'));
	const actions = el('fieldset', { class: 'actions' }, deny, approve);
	const form = el('form', { submit, novalidate: true }, ...entry.nodes, fault, actions);
	const watch = guard(actions);

	async function answer(decision, number) {
		actions.disabled = true;
		fault.textContent = '';
		fault.textContent = await send(app, request, '', decision, number, details);
		actions.disabled = false;
	}

	function submit(event) {
		event.preventDefault();
		if (actions.disabled) return;
		const number = entry.read();
		if (number !== undefined) answer('approve', number);
	}

	return {
		nodes: [heading('request.title', { host: hostOf(request) }), time.node, facts(details), form],
		stop() {
			time.stop();
			watch.release();
		},
	};
}

/* Approved, not collected yet. Another device's approval can be taken back. */
function approved(app, request) {
	const nodes = [
		emblem('waiting'),
		heading('request.approved'),
		paragraph('request.approved.text', { host: hostOf(request) }),
	];
	if (request.by === 'this') return { nodes };
	const actions = el('fieldset', { class: 'actions' }, button('deny', () => report(app, request, 'deny'), { class: 'deny' }));
	nodes.push(paragraph('request.elsewhere', { device: request.by }), actions);
	return { nodes, stop: guard(actions).release };
}

async function report(app, request, decision) {
	app.say(await send(app, request, request.by, decision));
}

function ended(app, request) {
	const result = has(`result.${request?.result}.text`) ? request.result : 'over';
	const mine = result === 'denied' && request.by === 'this';
	const others = app.inbox.open.length > 0;
	const actions = el(
		'fieldset',
		{ class: 'actions column' },
		mine && button('not_me', () => report(app, request, 'not_me'), { class: 'deny' }),
		others && link('request.next', '/#', { class: 'button' }),
		link('done', '/#', { class: mine || others ? 'button quiet' : 'button' }),
	);
	return {
		nodes: [
			emblem(TONES[result] ?? 'over'),
			heading(has(`result.${result}`) ? `result.${result}` : 'result.over'),
			paragraph(`result.${result}.text`, { host: hostOf(request) }),
			request && !['this', ''].includes(request.by) && paragraph('request.elsewhere', { device: request.by }),
			mine && paragraph('not_me.ask'),
			actions,
			(mine || result === 'not_me') && explanation(),
		],
		stop: guard(actions).release,
	};
}

const explanation = () =>
	el(
		'section',
		{},
		Object.entries({ why: ['password', 'program', 'mistake'], now: ['change', 'tell', 'never'] }).flatMap(([part, list]) => [
			el('h2', {}, t(`not_me.${part}`)),
			el('ul', {}, list.map((one) => el('li', {}, t(`not_me.${part}.${one}`)))),
		]),
	);

const looking = () => ({ nodes: [heading('requests.looking')] });

const unchecked = () => ({
	nodes: [
		emblem('bad'),
		heading('request.unchecked'),
		paragraph('request.unchecked.text'),
		link('done', '/#', { class: 'button' }),
	],
});

export function show(app, id) {
	const { inbox } = app;
	const body = el('div', { class: 'stack' });
	let shown;
	let view;
	let late = false;

	function content() {
		const request = inbox.find(id);
		if (!request) return inbox.requests === null && !inbox.fault ? ['looking', looking] : ['over', () => ended(app)];
		if (request.state === 'approved') return ['approved', () => approved(app, request)];
		if (request.state !== 'open') return [`${request.state} ${request.result}`, () => ended(app, request)];
		if (!request.details) return ['unchecked', unchecked];
		if (late) return ['expired no_answer', () => ended(app, { ...request, result: 'no_answer' })];
		return ['open', () => question(app, request, expire)];
	}

	function expire() {
		late = true;
		draw();
	}

	function draw() {
		const [key, make] = content();
		if (key === shown) return;
		const first = shown === undefined;
		shown = key;
		view?.stop?.();
		view = make();
		body.className = `stack ${key.split(' ')[0]}`;
		body.replaceChildren(...view.nodes.filter(Boolean));
		if (!first) {
			body.querySelector('h1').focus();
			scrollTo(0, 0);
		}
		closeNotifications((tag) => tag === id);
	}

	draw();
	inbox.addEventListener('change', draw);
	return {
		nodes: [body],
		leave() {
			inbox.removeEventListener('change', draw);
			view?.stop?.();
		},
	};
}

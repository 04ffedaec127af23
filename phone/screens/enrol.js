/* Setting this device up. */
import { call } from '../api.js';
import { alert, button, el, emblem, heading, link, paragraph } from '../dom.js';
import { accept, dropInvitation, enrol, invitation, load, tokenOf } from '../identity.js';
import { t } from '../language.js';
import { nameField } from '../name_field.js';
import { awaitTest, needsHomeScreen, possible, turnOn } from '../push.js';

/* A name to begin with. */
const deviceName = () => /iPhone|iPad|Android|Windows|Mac|CrOS|Linux/.exec(navigator.userAgent)?.[0] ?? '';

/* iOS: a tab gets no notifications, and the home screen's app has its own storage. */
function addToHomeScreen(token, proceed) {
	const copied = el('p', { role: 'status', class: 'hint' });
	const address = el('input', { id: 'address', readonly: true, value: `${location.origin}/enroll#${token}` });
	async function copy() {
		address.select();
		await navigator.clipboard.writeText(address.value).catch(() => {});
		copied.textContent = t('code.copied');
	}
	return [
		heading('home_screen.title'),
		paragraph('home_screen.text'),
		el('ol', {}, ['copy', 'share', 'add', 'open', 'paste'].map((step) => el('li', {}, t(`home_screen.${step}`)))),
		el('label', { for: 'address' }, t('home_screen.address')),
		address,
		button('home_screen.do_copy', copy, { class: 'primary' }),
		copied,
		button('home_screen.skip', proceed, { class: 'quiet' }),
	];
}

/* outcome: of turnOn, or `silent` where the test did not come. */
const done = (app, outcome) => [
	emblem('good'),
	heading('enrol.done', { user: app.identity.user }),
	outcome === 'on'
		? paragraph('enrol.done.text')
		: el('p', { class: 'notice' }, t(`push.outcome.${outcome}`), ' ', t('push.without')),
	button('done', () => app.restart(), { class: 'primary' }),
];

/* Only a push that came all the way is good. Returns done's outcome. */
async function test(app) {
	const took = awaitTest();
	await call(app.identity, 'test').catch(() => {});
	return (await took) === null ? 'silent' : 'on';
}

function notifications(app, put) {
	const fault = alert();
	const choices = el(
		'fieldset',
		{ class: 'stack' },
		button('push.turn_on', turn, { class: 'primary' }),
		button('enrol.without', () => put(done(app, 'dismissed')), { class: 'quiet' }),
	);
	async function turn() {
		choices.disabled = true;
		try {
			const outcome = await turnOn(app.identity, { ask: true });
			if (outcome === 'on') put([emblem('waiting'), heading('enrol.testing'), paragraph('enrol.testing.text')]);
			put(done(app, outcome === 'on' ? await test(app) : outcome));
		} catch (error) {
			fault.textContent = app.fault(error);
			choices.disabled = false;
		}
	}
	return [emblem('bell'), heading('enrol.notifications'), paragraph('enrol.notifications.text'), fault, choices];
}

export async function show(app) {
	const body = el('div', { class: 'stack' });
	function put(nodes) {
		body.replaceChildren(...nodes.filter(Boolean));
		body.querySelector('h1').focus();
	}

	const before = await load();
	const token = tokenOf(location.hash, location.origin) ?? (await invitation())?.token;
	if (!token) {
		location.replace('/');
		return { nodes: [heading('enrol.looking')] };
	}
	const invited = await accept(token, location.origin);
	history.replaceState(null, '', '/enroll');

	async function invite() {
		put([heading('enrol.looking')]);
		try {
			put(welcome(await call(invited, 'invitation', { token }, { introduce: true })));
		} catch (error) {
			await failed(error);
		}
	}

	async function failed(error) {
		if (error.code === 'invitation_over') {
			await dropInvitation();
			const end = link('done', '/', { class: 'button' });
			return put([emblem('over', 'bad'), heading('enrol.over'), paragraph('enrol.over.text'), end]);
		}
		const other = error instanceof DOMException ? 'no_storage.text' : 'fault.offline';
		const text = error.name === 'ApiError' ? app.fault(error) : t(other);
		return put([heading('enrol.fault'), el('p', { role: 'alert' }, text), button('try_again', invite, { class: 'primary' })]);
	}

	function welcome({ server, user }) {
		const fault = alert();
		const field = nameField(deviceName(), fault);
		const go = el('button', { class: 'primary' }, t('enrol.do'));
		async function submit(event) {
			event.preventDefault();
			const name = field.read();
			if (name === null) return;
			go.disabled = true;
			try {
				app.identity = await enrol(invited, name);
				navigator.storage?.persist?.();
				put(possible() && app.identity.vapid ? notifications(app, put) : done(app, 'impossible'));
			} catch (error) {
				await failed(error);
			}
		}
		return [
			emblem('requests'),
			heading('enrol.title'),
			paragraph('enrol.text', { server, user }),
			before && paragraph('enrol.replaces', { user: before.user }, { class: 'notice' }),
			el('form', { submit, class: 'stack' }, ...field.nodes, fault, go),
		];
	}

	if (needsHomeScreen()) put(addToHomeScreen(token, invite));
	else invite();
	return { nodes: [body] };
}

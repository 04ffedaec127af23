/* If requests do not arrive: what is in the way, and a test. */
import { call } from '../api.js';
import { button, el, heading, icon, link, paragraph } from '../dom.js';
import { dayAndTime, t } from '../language.js';
import { awaitTest, needsHomeScreen, permission, possible, registration, subscription, turnOn } from '../push.js';
import { get } from '../storage.js';

/* Each needs the one before it. */
const CHAIN = ['browser', 'permission', 'subscription', 'push_ok', 'last'];

/* [name, is it as it should be, the words where it is not, time] */
async function findings(app) {
	const last = await get('push');
	let server = null;
	try {
		server = await call(app.identity, 'device');
	} catch (error) {
		app.fault(error);
	}
	const denied = permission() === 'denied' ? 'push.outcome.denied' : 'push.outcome.dismissed';
	const all = [
		['server', server !== null, 'fault.offline'],
		['requests', server?.enabled !== false, 'requests.off'],
		['browser', possible() && Boolean(await registration()), 'push.outcome.impossible'],
		['permission', permission() === 'granted', denied],
		['subscription', Boolean(await subscription())],
		['push_ok', server === null || server.push_ok],
		['last', last !== undefined, undefined, last && dayAndTime(last)],
	];
	const broken = all.find(([name, good]) => !good && CHAIN.includes(name));
	return all.filter(([name]) => !broken || CHAIN.indexOf(name) <= CHAIN.indexOf(broken[0]));
}

function row([name, good, bad = `arriving.${name}.bad`, time]) {
	const words = t(good ? `arriving.${name}.good` : bad, { time });
	return el('li', { class: good ? 'good' : 'bad' }, icon(good ? 'good' : 'bad'), el('span', {}, words));
}

export async function show(app) {
	const list = el('ul', { class: 'rows findings' });
	const said = el('p', { role: 'status', class: 'notice', hidden: true });
	const tell = (text) => {
		said.hidden = false;
		said.textContent = text;
	};

	async function draw() {
		const found = await findings(app);
		list.replaceChildren(...found.map(row));
		mend.hidden = !found.some(([name, good]) => !good && ['permission', 'subscription', 'push_ok'].includes(name));
	}

	async function turn() {
		try {
			const outcome = await turnOn(app.identity, { ask: true });
			tell(t(`push.outcome.${outcome}`));
		} catch (error) {
			tell(app.fault(error));
		}
		await draw();
	}

	async function test() {
		tell(t('arriving.test.sent'));
		const arrival = awaitTest();
		try {
			await call(app.identity, 'test');
		} catch (error) {
			tell(app.fault(error));
			return;
		}
		const took = await arrival;
		tell(took === null ? t('arriving.test.lost') : t('arriving.test.came', { count: Math.max(1, Math.round(took)) }));
		await draw();
	}

	const mend = button('push.turn_on', turn, { hidden: true });
	await draw();
	return {
		nodes: [
			heading('arriving.title'),
			needsHomeScreen() && paragraph('arriving.home_screen', {}, { class: 'notice' }),
			list,
			mend,
			button('arriving.test', test, { class: 'primary' }),
			said,
			paragraph('push.without'),
			link('back', '/#settings', { class: 'button quiet' }),
		].filter(Boolean),
	};
}

/* Settings of this device, and its user's others. */
import { call } from '../api.js';
import { alert, button, el, heading, link, outside, paragraph } from '../dom.js';
import { keep } from '../identity.js';
import { choose, dayAndTime, language, languages, nameOf, t } from '../language.js';
import { nameField } from '../name_field.js';
import { version } from '../version.js';

const section = (key, ...children) => el('section', {}, el('h2', {}, t(key)), ...children);

/* Sends a change, keeps what the server then has. */
async function change(app, members) {
	const answer = await call(app.identity, 'device', members);
	Object.assign(app.identity, { name: answer.name, enabled: answer.enabled });
	await keep(app.identity);
	return answer;
}

function requestsSwitch(app, enabled, fault) {
	const box = el('input', { type: 'checkbox', role: 'switch', id: 'enabled', checked: enabled, change: flip });
	async function flip() {
		fault.textContent = '';
		try {
			box.checked = (await change(app, { enabled: box.checked })).enabled;
			app.say(t(box.checked ? 'arriving.requests.good' : 'requests.off'));
			app.inbox.refresh();
		} catch (error) {
			box.checked = !box.checked;
			fault.textContent = app.fault(error);
		}
	}
	return section(
		'settings.requests',
		el('div', { class: 'switch' }, el('label', { for: 'enabled' }, t('settings.requests.label')), box),
		paragraph('settings.requests.text', {}, { class: 'hint' }),
	);
}

function nameForm(app, name, fault) {
	const field = nameField(name, fault);
	async function save(event) {
		event.preventDefault();
		const wanted = field.read();
		if (wanted === null) return;
		try {
			await change(app, { name: wanted });
			app.say(t('settings.name.saved'));
		} catch (error) {
			fault.textContent = app.fault(error);
		}
	}
	return section('settings.device', el('form', { submit: save, class: 'inline' }, ...field.nodes, el('button', {}, t('save'))));
}

const other = ({ name, enabled, seen }) =>
	el(
		'li',
		{},
		el('strong', {}, outside(name)),
		enabled ? null : el('span', {}, t('settings.others.off')),
		el('span', {}, t('settings.others.seen', { time: dayAndTime(seen) })),
	);

function others(devices) {
	const list = devices.filter((device) => !device.this);
	return section(
		'settings.others',
		list.length ? el('ul', { class: 'rows' }, list.map(other)) : paragraph('settings.others.none'),
	);
}

function languageChoice(app, fault) {
	const field = el(
		'select',
		{
			id: 'language',
			async change() {
				try {
					await choose(field.value);
					app.go('settings');
				} catch {
					field.value = language;
					fault.textContent = t('fault.offline');
				}
			},
		},
		languages.map((code) => el('option', { value: code, lang: code, selected: code === language }, nameOf(code))),
	);
	return section('settings.language', el('label', { for: 'language', class: 'unseen' }, t('settings.language')), field);
}

/* Asked twice; the dialog keeps the focus. */
function removal(app, fault) {
	const dialog = el(
		'dialog',
		{ 'aria-labelledby': 'removal' },
		el('h2', { id: 'removal' }, t('settings.remove.ask')),
		paragraph('settings.remove.text', { user: app.identity.user }),
		el(
			'div',
			{ class: 'actions' },
			button('settings.remove.keep', () => dialog.close()),
			button('settings.remove.do', remove, { class: 'deny' }),
		),
	);
	async function remove() {
		dialog.close();
		try {
			await call(app.identity, 'remove');
		} catch (error) {
			fault.textContent = app.fault(error);
			if (error.code !== 'unknown_device') return;
		}
		await app.forget();
		app.say(t('removed.title'));
	}
	return [button('settings.remove', () => dialog.showModal(), { class: 'deny' }), dialog];
}

export async function show(app) {
	const fault = alert();
	const nodes = [heading('nav.settings'), fault];
	try {
		const { enabled, name, devices } = await change(app, {});
		nodes.push(requestsSwitch(app, enabled, fault), nameForm(app, name, fault), others(devices));
	} catch (error) {
		fault.textContent = app.fault(error);
	}
	return {
		nodes: [
			...nodes,
			languageChoice(app, fault),
			section('settings.help', link('arriving.title', '/#arriving', { class: 'row' })),
			...removal(app, fault),
			paragraph('settings.version', { version, key: app.identity.kid }, { class: 'hint' }),
		],
	};
}

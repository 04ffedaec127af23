/* This device is not set up yet. */
import { alert, el, emblem, heading, paragraph } from '../dom.js';
import { tokenOf } from '../identity.js';
import { t } from '../language.js';

export function show() {
	const fault = alert({ id: 'link-fault' });
	const field = el('input', { id: 'link', type: 'url', autocomplete: 'off', 'aria-describedby': 'link-fault' });
	function follow(event) {
		event.preventDefault();
		const token = tokenOf(field.value, location.origin);
		if (token) return location.assign(`/enroll#${token}`);
		fault.textContent = t('welcome.link.fault', { origin: location.origin });
		field.focus();
	}
	return {
		nodes: [
			emblem('requests'),
			heading('welcome.title'),
			paragraph('welcome.text'),
			el(
				'form',
				{ submit: follow, novalidate: true, class: 'stack' },
				el('label', { for: 'link' }, t('welcome.link')),
				field,
				fault,
				el('button', { class: 'primary' }, t('continue')),
			),
		],
	};
}

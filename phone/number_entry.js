/* The sign-in screen's number: typed, chosen, or not asked for. */
import { el } from './dom.js';
import { t } from './language.js';

/* A message beside a field, that screen readers connect with it. */
function complaint(field, key) {
	field.setAttribute('aria-invalid', 'true');
	document.getElementById('number-fault').textContent = t(key);
	field.focus();
}

const fault = () => el('p', { id: 'number-fault', class: 'fault' });

function typed() {
	const field = el('input', {
		id: 'number',
		class: 'number',
		inputmode: 'numeric',
		autocomplete: 'off',
		maxlength: 2,
		'aria-describedby': 'number-fault',
		input: () => (field.value = field.value.replace(/\D/g, '')),
	});
	return {
		nodes: [el('label', { for: 'number' }, t('number.enter')), field, fault()],
		read() {
			if (/^[1-9][0-9]$/.test(field.value)) return Number(field.value);
			return complaint(field, 'number.enter.missing');
		},
	};
}

function chosen(candidates) {
	const fields = candidates.map((value) =>
		el('input', { type: 'radio', name: 'number', value: String(value), 'aria-describedby': 'number-fault' }),
	);
	const tiles = fields.map((field) => el('label', {}, field, el('span', {}, field.value)));
	return {
		nodes: [
			el('fieldset', { class: 'choices' }, el('legend', {}, t('number.choose')), el('div', {}, ...tiles)),
			fault(),
		],
		read() {
			const field = fields.find((one) => one.checked);
			return field ? Number(field.value) : complaint(fields[0], 'number.choose.missing');
		},
	};
}

/* read() gives the number, null for none, undefined after it has said what is missing. */
export function numberEntry(number) {
	if (number.mode === 'enter') return typed();
	if (number.mode === 'choose') return chosen(number.of);
	return { nodes: [], read: () => null };
}

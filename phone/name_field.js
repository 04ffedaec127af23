/* The field for this device's name, wherever it is asked for. */
import { el } from './dom.js';
import { t } from './language.js';

const MOST = 64; /* bytes */

/* fault: an element for what is wrong. read() gives the name, or null after it has said so. */
export function nameField(value, fault) {
	const field = el('input', { id: 'name', value, autocomplete: 'off' });
	return {
		nodes: [el('label', { for: 'name' }, t('name')), field],
		read() {
			const name = field.value.trim();
			const fits = name !== '' && new TextEncoder().encode(name).length <= MOST;
			fault.textContent = fits ? '' : t('name.fault');
			if (!fits) field.focus();
			return fits ? name : null;
		},
	};
}

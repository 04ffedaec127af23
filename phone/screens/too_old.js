/* The server wants a newer app, which is fetched at once. */
import { button, el, emblem, heading, paragraph } from '../dom.js';
import { t } from '../language.js';
import { update } from '../update.js';
import { version } from '../version.js';

export function show(app, { minimum = '' }) {
	const said = el('p', { role: 'status', class: 'notice' }, t('too_old.looking'));
	update().then((found) => !found && (said.textContent = t('too_old.none')));
	return {
		nodes: [
			emblem('waiting'),
			heading('too_old.title'),
			paragraph('too_old.text', { version, minimum }),
			said,
			button('try_again', () => location.reload(), { class: 'primary' }),
		],
	};
}

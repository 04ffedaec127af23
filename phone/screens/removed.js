/* The server does not know this device any more. */
import { button, emblem, heading, paragraph } from '../dom.js';
import { forget } from '../identity.js';
import { t } from '../language.js';
import { subscription } from '../push.js';

export function show(app) {
	async function again() {
		await (await subscription())?.unsubscribe();
		await forget();
		await app.restart();
	}
	return {
		nodes: [
			emblem('over', 'bad'),
			heading('removed.title'),
			paragraph('removed.text', { user: app.identity?.user ?? '' }),
			button('removed.again', again, { class: 'primary' }),
		],
	};
}

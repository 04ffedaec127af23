/* The server does not know this device any more. */
import { button, emblem, heading, paragraph } from '../dom.js';

export const show = (app) => ({
	nodes: [
		emblem('over', 'bad'),
		heading('removed.title'),
		paragraph('removed.text', { user: app.identity?.user ?? '' }),
		button('removed.again', app.forget, { class: 'primary' }),
	],
});

/* Recent activity, in words. */
import { call } from '../api.js';
import { el, heading, icon, paragraph, rich } from '../dom.js';
import { dayAndTime, has, t } from '../language.js';

const LIMIT = 50;
const TONES = { signed_in: 'good', wrong_number: 'bad', invalid_approval: 'bad', not_me: 'bad', denied: 'bad' };

/* A sentence for each end; an open one has no result yet. */
function keyOf({ result, method }) {
	const key = result === 'signed_in' ? `activity.signed_in.${method}` : `activity.${result || 'open'}`;
	return has(key) ? key : 'activity.over';
}

function row({ at, host, host_name, service, rhost, result, method, device }) {
	const tone = TONES[result] ?? 'over';
	const from = rhost || t('request.from_here');
	return el(
		'li',
		{ class: tone },
		icon(tone),
		el(
			'div',
			{},
			el('strong', {}, rich(keyOf({ result, method }), { host: host_name || host })),
			el('span', {}, rich('activity.where', { service, from })),
			device && el('span', {}, rich('activity.device', { device })),
			el('time', { datetime: new Date(at * 1000).toISOString() }, dayAndTime(at)),
		),
	);
}

export async function show(app) {
	const title = heading('activity.title');
	let activity;
	try {
		({ activity } = await call(app.identity, 'activity', { limit: LIMIT }));
	} catch (error) {
		return { nodes: [title, el('p', { class: 'fault', role: 'alert' }, app.fault(error))] };
	}
	if (activity.length === 0) return { nodes: [title, paragraph('activity.none')] };
	return { nodes: [title, paragraph('activity.text'), el('ul', { class: 'rows history' }, activity.map(row))] };
}

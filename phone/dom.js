/* Elements, made by name and never from text. */
import { clean, pieces, t } from './language.js';

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if ((value ?? false) === false) continue;
		if (typeof value === 'function') node.addEventListener(name, value);
		else if (name === 'value' || name === 'checked') node[name] = value;
		else node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.flat().filter((child) => (child ?? false) !== false));
	return node;
}

/* Functions are listeners by the event's name; false and null are left out, among children too. */
export const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
	fill(document.createElementNS(SVG, name), attributes, children);

/* Text from outside: clean, and it can't turn the direction of what is around it. */
export const outside = (text) => el('bdi', {}, clean(text));
export const rich = (key, values = {}) => pieces(key, values, outside);

export const heading = (key, values) => el('h1', { tabindex: -1 }, rich(key, values));
export const paragraph = (key, values, attributes = {}) => el('p', attributes, rich(key, values));
export const button = (key, press, attributes = {}) =>
	el('button', { type: 'button', click: press, ...attributes }, t(key));
export const link = (key, href, attributes = {}) => el('a', { href, ...attributes }, t(key));

export const hostOf = ({ details } = {}) =>
	details?.host_name || details?.host || t('request.unknown_host');

/* A place for what went wrong; screen readers say it. */
export const alert = (attributes) => el('p', { class: 'fault', role: 'alert', ...attributes });

/* Symbols of icons.svg; words beside them say the same. */
export const icon = (name) =>
	svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('use', { href: `/icons.svg#${name}` }));
export const emblem = (name, tone = name) => el('div', { class: `emblem ${tone}` }, icon(name));

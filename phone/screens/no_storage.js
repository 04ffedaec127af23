/* The browser keeps nothing for us (some do not in private windows): then there is no key to sign with. */
import { heading, paragraph } from '../dom.js';
import { t } from '../language.js';

export const show = () => ({ nodes: [heading('no_storage.title'), paragraph('no_storage.text')] });

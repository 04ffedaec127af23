/* The browser keeps nothing for us, as in some private windows: there is no key. */
import { heading, paragraph } from '../dom.js';
import { t } from '../language.js';

export const show = () => ({ nodes: [heading('no_storage.title'), paragraph('no_storage.text')] });

/* The server's clock, as far as this device knows it. */
import { get, put } from './storage.js';

const NOTEWORTHY = 2; /* seconds */
let offset;

const device = () => Date.now() / 1000;

/* Seconds since 1970, with their fraction. */
export async function now() {
	offset ??= (await get('clock')) ?? 0;
	return device() + offset;
}

/* serverNow: whole seconds, of any answer. */
export async function learn(serverNow) {
	if (!Number.isInteger(serverNow)) return;
	const seen = serverNow + 0.5 - device();
	const kept = Math.abs(seen) < NOTEWORTHY ? 0 : seen;
	if (Math.abs(kept - ((await now()) - device())) < NOTEWORTHY) return;
	offset = kept;
	await put('clock', offset);
}

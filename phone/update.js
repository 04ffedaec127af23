/* The worker, and newer versions of the app. */

const policy = globalThis.trustedTypes?.createPolicy('worker', { createScriptURL: () => '/worker.js' });
const script = policy ? policy.createScriptURL('') : '/worker.js';
let registered = Promise.resolve(null);

/* Registers the worker, where the browser has such. fresh(): a newer version has taken over. */
export function register(fresh) {
	const workers = navigator.serviceWorker;
	if (!workers) return;
	let first = !workers.controller;
	workers.addEventListener('controllerchange', () => (first ? (first = false) : fresh()));
	registered = workers.register(script, { type: 'module', updateViaCache: 'none' }).catch(() => null);
}

/* Looks for a newer version, which takes over by itself. False: there is none. */
export async function update() {
	const registration = await (await registered)?.update().catch(() => null);
	return Boolean(registration?.installing);
}

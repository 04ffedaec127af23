/* The worker, and newer versions of the app. */

const policy = globalThis.trustedTypes?.createPolicy('worker', { createScriptURL: () => '/worker.js' });
const script = policy ? policy.createScriptURL('') : '/worker.js';
let registered = Promise.resolve(null);

/* Registers the worker; a browser without one goes on without. fresh(): a newer version has taken over, with which the page should begin again. */
export function register(fresh) {
	const workers = navigator.serviceWorker;
	if (!workers) return;
	let first = !workers.controller;
	workers.addEventListener('controllerchange', () => (first ? (first = false) : fresh()));
	registered = workers.register(script, { type: 'module', updateViaCache: 'none' }).catch(() => null);
}

/* Looks for a newer version at the server now. False where there is none; otherwise it takes over by itself. */
export async function update() {
	const registration = await (await registered)?.update().catch(() => null);
	return Boolean(registration?.installing);
}

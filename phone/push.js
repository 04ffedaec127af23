/* Notifications on this device: permission and subscription. */
import { call } from './api.js';
import { encode } from './base64url.js';

/* False in an iOS tab, without a push service, without workers. */
export const possible = () =>
	'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;

export const permission = () => (possible() ? Notification.permission : 'denied');

/* iOS gives push to apps on the home screen only. */
export const needsHomeScreen = () => navigator.standalone === false && navigator.maxTouchPoints > 1;

/* The registration once its worker runs; null where none comes. */
export async function registration() {
	if (!('serviceWorker' in navigator)) return null;
	const late = new Promise((resolve) => setTimeout(resolve, 10000, null));
	return Promise.race([navigator.serviceWorker.ready, late]);
}

export async function subscription() {
	return possible() ? ((await (await registration())?.pushManager.getSubscription()) ?? null) : null;
}

function sameKey(subscribed, vapid) {
	const kept = subscribed.options?.applicationServerKey;
	if (!kept) return true;
	return encode(new Uint8Array(kept)) === vapid;
}

async function subscribe(vapid) {
	const worker = await registration();
	if (!worker) throw new Error('no worker');
	const kept = await worker.pushManager.getSubscription();
	if (kept && sameKey(kept, vapid)) return kept;
	await kept?.unsubscribe();
	return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: vapid });
}

/*
 * Asks for permission where it was not asked yet (from a tap only), subscribes, tells the server.
 * Returns 'on', or what is in the way: 'impossible', 'denied', 'dismissed', 'no_service'. Throws ApiError.
 */
export async function turnOn(identity, { ask }) {
	if (!possible() || !identity.vapid) return 'impossible';
	if (ask && Notification.permission === 'default') await Notification.requestPermission();
	if (Notification.permission !== 'granted')
		return Notification.permission === 'denied' ? 'denied' : 'dismissed';
	let subscribed;
	try {
		subscribed = await subscribe(identity.vapid);
	} catch {
		return 'no_service';
	}
	await call(identity, 'device', { push: subscribed.toJSON() });
	return 'on';
}

/* Closes the notifications that are done with. */
export async function closeNotifications(isDone) {
	if (permission() !== 'granted') return;
	const shown = (await (await registration())?.getNotifications()) ?? [];
	for (const notification of shown) if (isDone(notification.tag)) notification.close();
}

/* Notifications on this device: permission and subscription. */
import { call } from './api.js';
import { get, put } from './storage.js';

const PATIENCE = 20000; /* ms for a test push */

/* False in an iOS tab, without a push service, without workers. */
export const possible = () =>
	'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;

export const permission = () => (possible() ? Notification.permission : 'denied');

/* iOS gives push to apps on the home screen only. */
export const needsHomeScreen = () => navigator.standalone === false && navigator.maxTouchPoints > 1;

/* The registration once its worker runs, if one does. */
export const registration = () =>
	Promise.race([navigator.serviceWorker?.ready, new Promise((resolve) => setTimeout(resolve, 10000))]);

export const subscription = async () =>
	possible() ? (await registration())?.pushManager.getSubscription() : undefined;

export const unsubscribe = async () => (await subscription())?.unsubscribe();

/* A new subscription, in the place of one that the push service may know no more; one tab at a time. */
export const subscribe = (identity, { pushManager }) =>
	navigator.locks.request('push', async () => {
		await (await pushManager.getSubscription())?.unsubscribe();
		const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: identity.vapid });
		await call(identity, 'device', { push: made.toJSON() });
		await put('endpoint', made.endpoint);
	});

/*
 * Asks for permission where it was not asked yet (from a tap only), subscribes, tells the server.
 * Returns 'on', or what is in the way: 'impossible', 'denied', 'dismissed', 'no_service'. Throws ApiError.
 */
export async function turnOn(identity, { ask }) {
	if (!possible() || !identity.vapid) return 'impossible';
	if (ask) await Notification.requestPermission();
	if (permission() !== 'granted') return permission() === 'denied' ? 'denied' : 'dismissed';
	try {
		await subscribe(identity, await registration());
	} catch (error) {
		if (error.name === 'ApiError') throw error;
		return 'no_service';
	}
	return 'on';
}

/* Subscriptions get lost. pushOk: the server's pushes were taken. True: there is a new one. */
export async function mend(identity, pushOk) {
	if (pushOk && (await subscription())?.endpoint === (await get('endpoint'))) return false;
	return (await turnOn(identity, { ask: false })) === 'on';
}

/* The seconds that a test push took, or null. */
export function awaitTest() {
	const began = performance.now();
	return new Promise((resolve) => {
		setTimeout(resolve, PATIENCE, null);
		const hear = ({ data }) => data.push === 'test' && resolve((performance.now() - began) / 1000);
		navigator.serviceWorker.addEventListener('message', hear);
	});
}

/* Closes the notifications that are done with. */
export async function closeNotifications(isDone) {
	if (permission() !== 'granted') return;
	const shown = (await (await registration())?.getNotifications()) ?? [];
	for (const notification of shown) if (isDone(notification.tag)) notification.close();
}

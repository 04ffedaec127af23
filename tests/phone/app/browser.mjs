/* Chromium, and a phone in it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { deck } from './deck.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const build = path.resolve(root, process.env.B ?? 'build');
const require = createRequire(path.join(root, 'build/npm/package.json'));
export const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const shots = path.join(build, 'screenshots', 'app');
fs.mkdirSync(shots, { recursive: true });

export const launch = { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] };
export const browser = await chromium.launch(launch);

/*
 * In the page: the browser maker's push service. Chromium asks it for each subscription, so that without it there is none to have, to keep or to end:
 * PushManager's subscribe and getSubscription are replaced, and with them what a subscription can do. Each is a new one of the tests' own push service,
 * which no longer knows one that was ended. Nothing else of the browser is replaced.
 */
function replacePushService() {
	if (location.protocol !== 'about:' && navigator.serviceWorker) {
		globalThis.heard = 0;
		navigator.serviceWorker.addEventListener('message', ({ data }) => (globalThis.heard += data.type === 'push'));
	}
	if (!globalThis.PushManager) return;
	const refuse = (name) => {
		throw new DOMException('push service', name);
	};
	const make = ({ json, key }) => ({
		...json,
		options: { userVisibleOnly: true, applicationServerKey: Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0)).buffer },
		toJSON: () => json,
		async unsubscribe() {
			localStorage.removeItem('subscription');
			await globalThis.endSubscription(json.endpoint);
			return true;
		},
	});
	const kept = () => JSON.parse(localStorage.getItem('subscription'));
	PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey: key }) => {
		if (Notification.permission !== 'granted') refuse('NotAllowedError');
		if (!userVisibleOnly || !/^[\w-]{87}$/.test(key)) refuse('InvalidAccessError');
		const there = kept();
		if (there) return there.key === key ? make(there) : refuse('InvalidStateError');
		const made = { json: await globalThis.newSubscription(), key };
		if (!made.json) refuse('AbortError');
		localStorage.setItem('subscription', JSON.stringify(made));
		return make(made);
	};
	PushManager.prototype.getSubscription = async () => kept() && make(kept());
}

/* One phone: a browser profile of its own with one page of the app. */
export class Phone {
	static async open({ permissions = ['notifications', 'clipboard-read', 'clipboard-write'], push = true, ...options } = {}) {
		const phone = new Phone();
		phone.origin = await deck.url();
		phone.context = await browser.newContext({ viewport: { width: 390, height: 760 }, locale: 'en-GB', ...options });
		phone.context.setDefaultTimeout(6000);
		await phone.context.grantPermissions(permissions, { origin: phone.origin });
		await phone.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: process.env.DECK });
		phone.push = push; /* false: the browser's push service cannot be reached */
		await phone.context.exposeFunction('newSubscription', () => phone.subscribe());
		await phone.context.exposeFunction('endSubscription', (endpoint) => deck.push_status(endpoint, 410));
		await phone.context.addInitScript(replacePushService);
		phone.outside = [];
		phone.faults = [];
		phone.context.on('request', (request) => {
			const { origin, protocol } = new URL(request.url());
			if (origin !== phone.origin && origin !== process.env.DECK && !['blob:', 'data:'].includes(protocol)) phone.outside.push(request.url());
		});
		await phone.page_();
		return phone;
	}

	async page_() {
		this.page = await this.context.newPage();
		this.page.on('pageerror', (error) => this.faults.push(String(error)));
		this.page.on('console', (message) => {
			if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(message.text())) this.faults.push(message.text());
		});
		this.cdp = await this.context.newCDPSession(this.page);
		this.registration = new Promise((resolve) => {
			this.cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
				const found = registrations.find((one) => !one.isDeleted && one.scopeURL.startsWith(this.origin));
				if (found) resolve(found.registrationId);
			});
		});
		this.cdp.on('ServiceWorker.workerErrorReported', ({ errorMessage }) => this.faults.push(errorMessage.errorMessage));
		await this.cdp.send('ServiceWorker.enable');
	}

	/* What the person said when the browser asked, or `prompt`: nothing yet. */
	async permit(name, setting) {
		const { targetInfo } = await this.cdp.send('Target.getTargetInfo');
		const { browserContextId } = targetInfo;
		await this.cdp.send('Browser.setPermission', { origin: this.origin, permission: { name }, setting, browserContextId });
	}

	async subscribe() {
		if (!this.push) return null;
		this.taken = {};
		this.subscription = await deck.subscribe();
		return this.subscription;
	}

	/* Waits for a subscription other than this one. */
	async subscribed(before) {
		for (let tries = 0; tries < 200 && this.subscription === before; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
		assert.notEqual(this.subscription, before, 'a new subscription');
	}

	async close() {
		await this.context.close();
		assert.deepEqual(this.outside, [], 'requests to other origins');
		assert.deepEqual(this.faults, [], 'errors in the page');
	}

	get heading() {
		return this.page.locator('h1');
	}

	async sees(text, timeout = 5000) {
		await this.page.getByText(text).first().waitFor({ timeout });
	}

	press(name) {
		return this.page.getByRole('button', { name, exact: true }).click();
	}

	async titled(text, timeout = 5000) {
		try {
			await this.page.getByRole('heading', { level: 1, name: text }).waitFor({ timeout });
		} catch {
			const shown = await this.page.locator('body').innerText();
			throw new Error(`no title "${text}" at ${this.page.url()}, which shows: ${shown.replaceAll(/\s+/g, ' ')}`);
		}
	}

	/* From the link to "This device now receives …"; the test push goes all the way. */
	async enrol(user, name) {
		await this.page.goto(await deck.link(user));
		await this.page.getByLabel('Name of this device').fill(name);
		await this.press('Set up this device');
		await this.titled('Know at once when someone signs in');
		const before = this.subscription;
		await this.press('Turn notifications on');
		await this.subscribed(before);
		await this.deliver('test');
		await this.titled(`This device now receives sign-in requests for ${user}`);
		await this.press('Done');
		await this.titled('No sign-in is waiting');
	}

	/* The same without notifications. */
	async enrol_quietly(user, name) {
		await this.page.goto(await deck.link(user));
		await this.page.getByLabel('Name of this device').fill(name);
		await this.press('Set up this device');
		await this.press('Go on without');
		await this.press('Done');
		await this.titled('No sign-in is waiting');
	}

	/* Hands the newest push of this type to the service worker, as the browser does after its push service. */
	async deliver(kind, index) {
		if (!this.subscription) await this.subscribed();
		const { endpoint } = this.subscription;
		const at = index ?? this.taken[kind] ?? 0;
		const data = await deck.push(endpoint, kind, at);
		assert.notEqual(data, null, `a push "${kind}" (${at}) at the push service`);
		this.taken = { ...this.taken, [kind]: at + 1 };
		for (let tries = 0; tries < 3 && !(await this.hand(data)); tries++);
		return JSON.parse(data);
	}

	/*
	 * One push into the worker. False where nothing came of it: the page heard nothing, or there is no notification and no screen of the request.
	 * That happens now and then with messages that are handed over by the debugger; a push service would send again too.
	 */
	async hand(data) {
		const heard = () => this.page.evaluate(() => globalThis.heard);
		const before = await heard();
		const { request, type } = data.startsWith('{') ? JSON.parse(data) : {};
		const tag = type ? request : 'unknown'; /* the worker's, for what it cannot read */
		const shown = async () =>
			(type && type !== 'request') || this.page.url().endsWith(request) || (await this.notifications()).some((one) => one.tag === tag);
		await this.cdp.send('ServiceWorker.deliverPushMessage', { origin: this.origin, registrationId: await this.registration, data });
		for (let tries = 0; tries < 30; tries++) {
			if ((before === undefined || (await heard()) > before) && (await shown())) return true;
			await this.page.waitForTimeout(50);
		}
		return false;
	}

	/* Hands over the push that says that this request is over, whichever it is. */
	async over(request) {
		for (let index = 0, push; (push = JSON.parse(await deck.push(this.subscription.endpoint, 'over', index))); index++)
			if (push.request === request) return this.deliver('over', index);
		throw new Error('no such push');
	}

	get worker() {
		return this.context.serviceWorkers().find((one) => one.url().startsWith(this.origin));
	}

	notifications() {
		return this.worker.evaluate(async () => {
			const shown = await registration.getNotifications();
			return shown.map(({ title, body, tag, actions }) => ({ title, body, tag, actions: actions.map((one) => one.action) }));
		});
	}

	async notification(title, tag) {
		for (let tries = 0; tries < 100; tries++) {
			const found = (await this.notifications()).find(
				(one) => (title instanceof RegExp ? title.test(one.title) : one.title === title) && (!tag || one.tag === tag),
			);
			if (found) return found;
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		throw new Error(`no notification "${title}" at ${this.page.url()}: ${JSON.stringify(await this.notifications())}; faults: ${this.faults}`);
	}

	/* A tap on a notification, or on one of its buttons. The event is the test's own, so its waitUntil is too; and a window is focused for a real finger only. */
	async tap(tag, action = '') {
		await this.worker.evaluate(
			async ([wanted, button]) => {
				const [notification] = await registration.getNotifications({ tag: wanted });
				const event = new NotificationEvent('notificationclick', { notification, action: button });
				let work;
				event.waitUntil = (promise) => (work = promise);
				dispatchEvent(event);
				await work.catch((error) => {
					if (error.name !== 'InvalidAccessError') throw error;
				});
			},
			[tag, action],
		);
	}

	/* A tap on a request's notification, which brings its screen. */
	async open(request) {
		for (let tries = 0; tries < 3; tries++) {
			await this.tap(request);
			const there = await this.page.waitForURL(`**/#request/${request}`, { timeout: 1500 }).then(() => true, () => false);
			if (there) return;
		}
		throw new Error(`the tap does not open the request; the page is at ${this.page.url()}`);
	}

	/* The buttons count only after they could be seen for a moment. */
	async ready() {
		await this.page.locator('fieldset.actions:not([disabled])').waitFor();
	}

	/* Leaves a result's screen; its links count only after a moment too. */
	async done() {
		await this.ready();
		await this.page.getByRole('link', { name: 'Done' }).click();
		await this.titled('No sign-in is waiting');
	}

	async approve(number) {
		if (number !== undefined) await this.page.getByLabel('Number on the sign-in screen').fill(String(number));
		await this.ready();
		await this.press('Approve');
	}

	/* What was copied. The app's own Permissions-Policy forbids reading, so another page reads it. */
	async copied() {
		const page = await this.context.newPage();
		await page.goto(`${process.env.DECK}/paste`);
		await page.bringToFront();
		const text = await page.evaluate(() => navigator.clipboard.readText());
		await page.close();
		await this.page.bringToFront();
		return text;
	}

	/* Goes to a place of the app, as its navigation does. */
	async place(name) {
		if (this.page.url().startsWith(`${this.origin}/`)) await this.page.evaluate((hash) => (location.hash = hash), name);
		else await this.page.goto(`${this.origin}/#${name}`);
		const screen = name.split('/')[0] || 'requests';
		await this.page.locator(`main.${screen}`).waitFor();
	}

	/* What a screen reader's and a keyboard's user meets (WCAG 2.2 AA), in light and dark, and at 320 px; with pictures. */
	async inspect(name) {
		const size = this.page.viewportSize();
		for (const scheme of ['light', 'dark']) {
			await this.page.emulateMedia({ colorScheme: scheme });
			await this.page.screenshot({ path: `${shots}/${name}-${scheme}.png` });
			/* All of it in view: what the navigation covers until it is scrolled to is no fault. */
			await this.page.setViewportSize({ ...size, height: 1600 });
			const found = await this.axe();
			await this.page.setViewportSize(size);
			assert.deepEqual(found, [], `${name} in ${scheme}: axe-core`);
		}
		await this.page.emulateMedia({ colorScheme: 'light' });
		await this.page.setViewportSize({ width: 320, height: 568 });
		const wide = await this.page.evaluate(() => document.documentElement.scrollWidth);
		await this.page.screenshot({ path: `${shots}/${name}-320.png`, fullPage: true });
		await this.page.setViewportSize(size);
		assert.ok(wide <= 320, `${name}: ${wide} px wide at 320`);
	}

	/* axe-core in a world of its own, so that the page's Content-Security-Policy stays as it is. */
	async axe() {
		const { frameTree } = await this.cdp.send('Page.getFrameTree');
		const { executionContextId } = await this.cdp.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' });
		await this.cdp.send('Runtime.evaluate', { expression: axe, contextId: executionContextId });
		const { result } = await this.cdp.send('Runtime.evaluate', {
			expression: `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
				.then(({ violations }) => JSON.stringify(violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' | '))))`,
			contextId: executionContextId,
			awaitPromise: true,
			returnByValue: true,
		});
		return JSON.parse(result.value);
	}
}

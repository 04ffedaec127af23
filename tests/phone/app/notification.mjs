/* Pushes and notifications: what acts from them, and what becomes known when they fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

test('Deny on the notification denies at once, without the app', async () => {
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.6.1');
	const { request } = await alice.deliver('request');
	await alice.notification(/^Sign in to /, request);
	await alice.page.goto('about:blank');
	await alice.tap(request, 'deny');
	await alice.notification('Denied', request);
	await deck.ssh_send();
	assert.match(await deck.refused(), /denied/);
	await deck.forget_denials();
});

test('S16: five minutes after that Deny the app, opened by itself, still offers "It wasn’t me", and it counts', async () => {
	await deck.age_requests(300);
	await alice.place('');
	await alice.titled('No sign-in is waiting');
	await alice.sees(': denied');
	await alice.inspect('requests-denied');
	await alice.page.getByRole('link', { name: 'It wasn’t me' }).click();
	await alice.titled('Denied');
	await alice.ready();
	await alice.press('It wasn’t me');
	await alice.titled('Reported');
	assert.equal((await deck.activity('alice'))[0].result, 'not_me');
	await alice.done();
	assert.equal(await alice.page.getByRole('link', { name: 'It wasn’t me' }).count(), 0);
	await deck.mute_over();
});

test('S17: a notification of a request that ended is replaced, and closed', async () => {
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.6.2');
	const { request } = await alice.deliver('request');
	await alice.notification(/^Sign in to /);
	await deck.ssh_kill();
	await alice.over(request);
	for (let tries = 0; tries < 40 && (await alice.notifications()).some((one) => one.tag === request); tries++)
		await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal((await alice.notifications()).some((one) => one.tag === request), false);
});

test('S17: a push that comes late shows that it is over, and its tap approves nothing', async () => {
	await deck.ssh('alice', '1', '127.0.6.3');
	await deck.ssh_kill();
	const late = JSON.parse(await deck.push(alice.subscription.endpoint, 'request', alice.taken.request));
	alice.taken.request++;
	await alice.page.goto('about:blank');
	const data = JSON.stringify({ ...late, expires: late.expires - 3600 });
	await alice.hand(data);
	await alice.notification('This request is over', late.request);
	await alice.place(`request/${late.request}`); /* as its tap does; without a page that wants a finger's */
	await alice.titled('This request is over');
	assert.equal(await alice.page.getByRole('button').count(), 0);
	await alice.done();
});

test('a push that is not for us, and one that is no JSON, show something and nothing of it', async () => {
	for (const data of ['not JSON <b>', 'null', '7', '[]', '{"type":null}']) {
		for (let tries = 0; tries < 3 && !(await alice.hand(data)); tries++);
		assert.equal((await alice.notification('News in Approve')).body, 'Open the app to see it.', data);
		await alice.worker.evaluate(async () => {
			const shown = () => registration.getNotifications({ tag: 'unknown' });
			for (const one of await shown()) one.close();
			while ((await shown()).length) await new Promise((resolve) => setTimeout(resolve, 20));
		});
	}
	const details = Buffer.from(JSON.stringify({ v: 1, host: 'evil' })).toString('base64url');
	await alice.hand(JSON.stringify({ type: 'request', request: 'x', details, expires: Math.floor(Date.now() / 1000) + 60 }));
	await alice.notification('This request cannot be checked');
});

/* A sign-in whose push the push service refuses: it knows the subscription no more. */
async function lose() {
	const { subscription } = alice;
	await deck.push_status(subscription.endpoint, 410);
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.6.4');
	await alice.page.locator('#banner a').waitFor();
	await deck.ssh_kill();
	await alice.page.locator('#banner a').waitFor({ state: 'detached' });
	return subscription;
}

const endpoint = async () => JSON.parse(await deck.stored_push('alice')).endpoint;

test('D4: a push service that does not know the subscription: the app gives it up and makes a new one by itself, and pushes come again', async () => {
	const before = await lose();
	await alice.subscribed(before);
	await alice.place('');
	await alice.titled('No sign-in is waiting');
	for (let tries = 0; tries < 40 && (await endpoint().catch(() => '')) !== alice.subscription.endpoint; tries++) await alice.page.waitForTimeout(50);
	assert.equal(await endpoint(), alice.subscription.endpoint, 'the server has the new one');
	await alice.page.getByText('Requests show only while this app is open.').waitFor({ state: 'detached' });
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.6.5');
	const { request } = await alice.deliver('request');
	await alice.notification(/^Sign in to /, request);
	await deck.ssh_kill();
});

test('D4: where no new one can be had, the first screen says so, also after a start, and turning notifications on mends it', async () => {
	alice.push = false;
	await lose();
	await alice.place('');
	await alice.sees('Requests show only while this app is open.');
	await alice.page.reload();
	await alice.sees('Requests show only while this app is open.');
	await alice.inspect('requests-refused');
	await alice.page.getByRole('link', { name: 'Get notifications' }).click();
	await alice.sees('This device is not subscribed.');
	await alice.inspect('arriving-refused');
	const before = alice.subscription;
	alice.push = true;
	await alice.press('Turn notifications on');
	await alice.sees('Notifications are on.');
	await alice.sees('The push service took the server’s last message.');
	assert.notEqual(alice.subscription.endpoint, before.endpoint);
	assert.equal(await endpoint(), alice.subscription.endpoint);
	await alice.place('');
	await alice.titled('No sign-in is waiting');
});

test('a start sends no subscription that the server has, and one that it has not', async () => {
	const calls = [];
	alice.page.on('request', (request) => request.url().endsWith('/device') && calls.push(request));
	await alice.page.reload();
	await alice.titled('No sign-in is waiting');
	await alice.page.waitForTimeout(500);
	assert.deepEqual(calls.map((call) => call.url()), []);
	const before = alice.subscription;
	await alice.page.evaluate(async () => (await (await navigator.serviceWorker.ready).pushManager.getSubscription()).unsubscribe());
	await alice.page.reload();
	await alice.subscribed(before);
	for (let tries = 0; tries < 40 && (await endpoint()) !== alice.subscription.endpoint; tries++) await alice.page.waitForTimeout(50);
	assert.equal(await endpoint(), alice.subscription.endpoint);
	alice.page.removeAllListeners('request');
});

test('two tabs that renew the subscription at the same time: the server ends up with the one that is left', async () => {
	const other = await alice.context.newPage();
	await other.goto(alice.origin);
	await other.locator('h1').waitFor();
	const renew = async (wait) => {
		const [{ load }, { turnOn }] = await Promise.all(['identity', 'push'].map((name) => import(`/${name}.js`)));
		const { fetch } = globalThis;
		globalThis.fetch = async (...all) => {
			await new Promise((resolve) => setTimeout(resolve, wait)); /* its call to the server is the slower one */
			return fetch(...all);
		};
		const outcome = await turnOn(await load(), { ask: false });
		globalThis.fetch = fetch;
		return outcome;
	};
	const slow = alice.page.evaluate(renew, 600);
	await alice.page.waitForTimeout(100);
	assert.deepEqual(await Promise.all([slow, other.evaluate(renew, 0)]), ['on', 'on']);
	const left = await alice.page.evaluate(async () => (await (await navigator.serviceWorker.ready).pushManager.getSubscription()).endpoint);
	assert.equal(await endpoint(), left);
	assert.equal(alice.subscription.endpoint, left);
	await other.close();
	await alice.page.reload();
});

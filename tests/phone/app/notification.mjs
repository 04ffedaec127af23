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

test('S17: a notification of a request that ended is replaced, and closed', async () => {
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
	await alice.hand('not JSON <b>');
	assert.equal((await alice.notification('News in Approve')).body, 'Open the app to see it.');
	const details = Buffer.from(JSON.stringify({ v: 1, host: 'evil' })).toString('base64url');
	await alice.hand(JSON.stringify({ type: 'request', request: 'x', details, expires: Math.floor(Date.now() / 1000) + 60 }));
	await alice.notification('This request cannot be checked');
});

test('D4: a push service that does not know the subscription: the app says so, and turning notifications on mends it', async () => {
	await deck.push_status(alice.subscription.endpoint, 410);
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.6.4');
	await alice.page.locator('#banner a').waitFor();
	await deck.ssh_kill();
	await alice.place('arriving');
	await alice.sees('The push service refused the server’s last message');
	await alice.inspect('arriving-refused');
	await deck.push_status(alice.subscription.endpoint, 201);
	await alice.press('Turn notifications on');
	await alice.sees('Notifications are on.');
	await alice.sees('The push service took the server’s last message.');
	await alice.place('');
	await alice.titled('No sign-in is waiting');
});

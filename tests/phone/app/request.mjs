/* A sign-in at a terminal, and the phone that answers it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Phone } from './browser.mjs';
import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

/* alice signs in at a terminal; her phone, on which she does something else, gets the push, and a tap takes her to the request. Returns the number at the terminal. */
async function ask({ from = '', ident = '1' } = {}) {
	await alice.place('code');
	const number = await deck.ssh('alice', ident, from);
	const { request } = await alice.deliver('request');
	await alice.notification(/^Sign in to /, request);
	await alice.open(request);
	await alice.page.locator('dl').waitFor();
	return number;
}

async function over(title) {
	await alice.titled(title);
	await alice.done();
}

test('S1 S2 S3 S4: ssh, the push, the notification, the screen, the number, Approve: the session opens', async () => {
	await alice.place('code');
	const number = await deck.ssh();
	assert.match(await deck.shown(), /Pixel 8/);
	const { request } = await alice.deliver('request');
	const { body, actions, tag } = await alice.notification(/^Sign in to /);
	assert.match(body, /^sshd, alice, from 127\.0\.0\.1$/);
	assert.deepEqual([actions, tag], [['deny'], request], 'only Deny acts from the notification');
	await alice.open(request);
	await alice.titled(/^Sign in to /);
	for (const words of ['sshd', 'alice', '127.0.0.1', 'seconds left', 'Host', 'Asked at', 'Terminal']) await alice.sees(words);
	assert.equal(await alice.page.evaluate(() => document.activeElement.tagName), 'H1', 'the focus moves to the request');
	await alice.inspect('request-enter');
	await alice.ready();
	await alice.press('Approve');
	await alice.sees('Type the two digits that the sign-in screen shows.');
	await alice.approve(number);
	await alice.titled('Approved');
	await deck.ssh_send();
	await deck.signed_in();
	await alice.titled('Signed in');
	await alice.sees('has let you in');
	await alice.inspect('result-signed-in');
	await alice.done();
	assert.equal((await alice.notifications()).find((one) => one.tag === request), undefined, 'the notification is closed');
});

test('S4: choose: three buttons, none chosen at first; the right one opens', async () => {
	await deck.host_conf('[service sshd]\nnumber = choose');
	const number = await ask();
	const tiles = alice.page.getByRole('radio');
	assert.equal(await tiles.count(), 3);
	assert.equal(await alice.page.locator('input:checked').count(), 0);
	await alice.inspect('request-choose');
	await alice.ready();
	await alice.press('Approve');
	await alice.sees('Tap the number that the sign-in screen shows.');
	await alice.page.locator('label', { hasText: String(number) }).click();
	await alice.approve();
	await alice.titled('Approved');
	await deck.ssh_send();
	await deck.signed_in();
	await over('Signed in');
});

test('S5: number = off: Approve and Deny alone', async () => {
	await deck.host_conf('[service sshd]\nnumber = off');
	assert.equal(await ask(), null);
	assert.equal(await alice.page.locator('input').count(), 0);
	await alice.inspect('request-off');
	await alice.approve();
	await deck.ssh_send();
	await deck.signed_in();
	await over('Signed in');
	await deck.host_conf('');
});

test('S4: a wrong number: refused, and the phone says that it did not match', async () => {
	const number = await ask();
	await alice.approve(number === 10 ? 11 : 10);
	await deck.ssh_send();
	assert.match(await deck.refused(), /not the right one/);
	await alice.titled('The number did not match');
	await alice.inspect('result-wrong-number');
	await alice.done();
	await deck.forget_denials();
});

test('S3 S16: Deny is refused at once; then "It wasn’t me" explains why such requests come, and is in the activity', async () => {
	await ask({ from: '127.0.5.1' });
	await alice.ready();
	await alice.press('Deny');
	await alice.titled('Denied');
	await alice.sees('Did you not try to sign in?');
	await alice.sees('Why did this request come?');
	await alice.inspect('result-denied');
	await alice.ready();
	await alice.press('It wasn’t me');
	await alice.titled('Reported');
	await alice.sees('Why did this request come?');
	await alice.sees('What to do now');
	await alice.inspect('result-not-me');
	await deck.ssh_send();
	assert.match(await deck.refused(), /denied/);
	assert.equal((await deck.activity('alice'))[0].result, 'not_me');
	await alice.done();
	await deck.forget_denials();
	await deck.mute_over();
});

test('S17: a request that runs out while it is looked at says so and offers nothing; its notification opens one that is over', async () => {
	const life = Math.ceil(10 * await deck.slower());
	await deck.host_conf(`[service sshd]\nlife = ${life}`);
	const number = await ask();
	const request = alice.page.url().split('/').at(-1);
	await alice.page.getByRole('timer').waitFor();
	await alice.titled('This request is over', (life + 5) * 1000);
	await alice.sees('Nobody answered in time');
	assert.equal(await alice.page.getByRole('button', { name: 'Approve' }).count(), 0);
	await alice.inspect('result-over');
	await alice.done();
	await alice.place(`request/${request}`);
	await alice.titled('This request is over');
	assert.equal(await alice.page.getByRole('button').count(), 0, `nothing to press (number ${number})`);
	await deck.ssh_kill();
	await deck.host_conf('');
	await over('This request is over');
});

test('the seconds left are from the details’ own bytes, where the server says more', async () => {
	await alice.page.evaluate(() => {
		const { fetch } = globalThis;
		globalThis.fetch = async (...all) => {
			const answer = await (await fetch(...all)).json();
			for (const request of answer.requests ?? []) request.expires_in = 600;
			return Response.json(answer);
		};
	});
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.5.2');
	const { request } = await alice.deliver('request');
	await alice.page.waitForTimeout(3000);
	await alice.page.evaluate(() => dispatchEvent(new Event('online')));
	await alice.page.waitForTimeout(500);
	await alice.place(`request/${request}`);
	const left = parseInt(await alice.page.getByRole('timer').textContent());
	assert.ok(left <= 57 && left > 30, `${left} seconds left`);
	await deck.ssh_kill();
	await over('This request is over');
	await alice.page.reload();
});

test('S17: the sign-in is given up while the request is looked at: the screen says so within 1 s', async () => {
	await ask();
	await deck.ssh_kill();
	const start = performance.now();
	await alice.titled('This request is over', 4000);
	const took = performance.now() - start;
	assert.ok(took < 1000 * await deck.slower(), `${took} ms`);
	await alice.sees('The sign-in was given up');
	await over('This request is over');
});

test('S12: two devices: the request is on both, and the other one shows that it was answered, and by which', async () => {
	const tablet = await Phone.open({ viewport: { width: 1024, height: 768 } });
	await tablet.enrol('alice', 'Tablet <b>&amp;</b>');
	const number = await ask();
	await tablet.titled(/^Sign in to /);
	await tablet.approve(number);
	await alice.sees('It was answered on Tablet <b>&amp;</b>.');
	await deck.ssh_send();
	await deck.signed_in();
	await alice.titled('Signed in');
	await alice.inspect('answered-elsewhere');
	await tablet.titled('Signed in');
	await tablet.page.goto(`${tablet.origin}/#settings`);
	await tablet.sees('Pixel 8');
	await tablet.press('Remove this device');
	await tablet.press('Remove');
	await tablet.titled('This device is not set up');
	await tablet.close();
	await over('Signed in');
});

test('S1: opened without a notification the app shows the open request within 1 s', async () => {
	await alice.place('code');
	const number = await deck.ssh();
	await alice.deliver('request');
	await alice.page.goto('about:blank');
	const start = performance.now();
	await alice.page.goto(alice.origin);
	await alice.titled(/^Sign in to /, 4000);
	const took = performance.now() - start;
	assert.ok(took < 1000 * await deck.slower(), `${Math.round(took)} ms`);
	await alice.approve(number);
	await deck.ssh_send();
	await deck.signed_in();
	await over('Signed in');
});

test('several at once: a list, newest first; none is approved by accident, and each has its own number', async () => {
	const numbers = {};
	await alice.place('code');
	for (const last of [1, 2, 3]) {
		numbers[`127.0.4.${last}`] = await deck.ssh('alice', `several${last}`, `127.0.4.${last}`);
		await alice.deliver('request');
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	await alice.place('');
	await alice.titled('3 requests are waiting');
	const rows = await alice.page.locator('a.row').allInnerTexts();
	assert.deepEqual(rows.map((row) => /127\.0\.4\.\d/.exec(row)[0]), ['127.0.4.3', '127.0.4.2', '127.0.4.1']);
	await alice.inspect('requests-several');
	await alice.page.locator('a.row', { hasText: '127.0.4.2' }).click();
	await alice.titled(/^Sign in to /);
	await alice.sees('127.0.4.2');
	/* a finger that was on its way */
	const approve = alice.page.getByRole('button', { name: 'Approve' });
	await alice.page.getByLabel('Number on the sign-in screen').fill(String(numbers['127.0.4.2']));
	await approve.click({ force: true, timeout: 500 }).catch(() => {});
	await alice.titled(/^Sign in to /);
	await alice.approve(numbers['127.0.4.2']);
	await alice.titled('Approved');
	await deck.ssh_send('', 'several2');
	await deck.signed_in('several2');
	for (const last of [1, 3]) await deck.ssh_kill(`several${last}`);
	await alice.titled('Signed in');
	await alice.place('');
	await alice.titled('No sign-in is waiting');
});

test('a request that comes while something else is done shows as a banner, and takes nothing over', async () => {
	await alice.place('settings');
	await alice.titled('Settings');
	await deck.ssh();
	await alice.deliver('request');
	await alice.page.locator('#banner a').waitFor();
	await alice.titled('Settings');
	await alice.inspect('settings-banner');
	await alice.page.locator('#banner a').click();
	await alice.titled(/^Sign in to /);
	await deck.ssh_kill();
	await over('This request is over');
});

test('a hostile host name is text: no element, no script', async () => {
	await deck.host_name('<img src=x onerror=document.title=1> “web”');
	await alice.place('code');
	await deck.ssh();
	const { request } = await alice.deliver('request');
	await alice.notification('Sign in to <img src=x onerror=document.title=1> “web”?');
	await alice.open(request);
	await alice.titled('Sign in to <img src=x onerror=document.title=1> “web”?');
	assert.equal(await alice.page.locator('img').count(), 0);
	await alice.inspect('request-hostile');
	await deck.ssh_kill();
	await deck.host_name('');
	await over('This request is over');
});

test('by keyboard alone: to the request, the number, Approve', async () => {
	const number = await deck.ssh();
	await alice.deliver('request');
	const press = (key) => alice.page.keyboard.press(key);
	await alice.titled(/^Sign in to /);
	await press('Tab');
	await alice.page.keyboard.type(String(number));
	await alice.ready();
	await press('Enter');
	await alice.titled('Approved');
	await deck.ssh_send();
	await deck.signed_in();
	await alice.titled('Signed in');
	await alice.ready();
	await press('Tab');
	await press('Enter');
	await alice.titled('No sign-in is waiting');
});

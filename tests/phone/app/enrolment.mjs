/* Setting a phone up, and what can go wrong with it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { browser, Phone } from './browser.mjs';
import { deck } from './deck.mjs';

export let alice;

before(async () => {
	alice = await Phone.open();
});
after(async () => {
	await alice?.close();
	await browser.close();
});

test('S7: the link says who invites and to what, makes a key that cannot be taken out, asks for notifications, and ends on a test push that came', async () => {
	await alice.page.goto(await deck.link('alice'));
	await alice.titled('Approve sign-ins with this device');
	await alice.sees('Example Org invites alice');
	assert.ok(!alice.page.url().includes('#'), 'the token is not left in the address');
	await alice.inspect('invitation');
	await alice.page.getByLabel('Name of this device').fill('Pixel 8');
	await alice.press('Set up this device');
	await alice.titled('Know at once when someone signs in');
	await alice.inspect('notifications');
	await alice.press('Turn notifications on');
	await alice.titled('Sending a test…');
	await alice.deliver('test');
	await alice.titled('This device now receives sign-in requests for alice');
	assert.equal((await alice.notification('Notifications arrive')).body, 'This was a test.');
	await alice.inspect('enrolled');
	await alice.press('Done');
	await alice.titled('No sign-in is waiting');
	await alice.inspect('requests-none');
	const key = await alice.page.evaluate(async () => {
		const { key: own } = await (await import('/identity.js')).load();
		return [own.extractable, await crypto.subtle.exportKey('jwk', own).catch((error) => error.name)];
	});
	assert.deepEqual(key, [false, 'InvalidAccessError']);
});

test('S7: a link that was used, and one that is none, show a clear page', async () => {
	const link = await deck.link('bob');
	await deck.phone('bob', 'Key ring');
	const first = await Phone.open();
	await first.enrol('bob', 'Bob’s phone');
	const late = await Phone.open({ push: false });
	for (const address of [link.replace(/#.{4}/, '#AAAA'), `${late.origin}/enroll#${'A'.repeat(22)}`]) {
		await late.page.goto('about:blank');
		await late.page.goto(address);
		await late.titled('This link no longer works');
	}
	await late.inspect('link-over');
	await late.press('Done').catch(() => late.page.getByRole('link', { name: 'Done' }).click());
	await late.titled('This device is not set up');
	await late.inspect('welcome');
	await late.page.getByLabel('Link').fill('https://elsewhere.example/enroll#AAAAAAAAAAAAAAAAAAAAAA');
	await late.press('Continue');
	await late.sees('This is not a link of this server');
	await late.page.getByLabel('Link').fill(link);
	await late.press('Continue');
	await late.titled('Approve sign-ins with this device');
	await late.press('Set up this device');
	await late.titled('Know at once when someone signs in');
	await first.page.goto('about:blank');
	await first.page.goto(link);
	await first.titled('This link no longer works');
	await late.close();
	await first.close();
});

test('S7: without a push service the app is set up all the same, says so, and shows requests while it is open', async () => {
	const lonely = await Phone.open({ push: false });
	await lonely.page.goto(await deck.link('carol'));
	await lonely.press('Set up this device');
	await lonely.press('Turn notifications on');
	await lonely.titled('This device now receives sign-in requests for carol');
	await lonely.sees('This browser’s push service cannot be reached');
	await lonely.press('Done');
	await lonely.sees('Requests show only while this app is open.');
	await lonely.inspect('requests-without-push');
	const number = await deck.ssh('carol', 'carol');
	await lonely.titled(/^Sign in to /, 2000);
	await lonely.approve(number);
	await deck.ssh_send('', 'carol');
	await deck.signed_in('carol');
	await lonely.titled('Signed in');
	await lonely.close();
});

test('S7: blocked notifications are named, with where to allow them', async () => {
	const blocked = await Phone.open({ permissions: [] });
	await blocked.cdp.send('Browser.setPermission', { permission: { name: 'notifications' }, setting: 'denied', origin: blocked.origin });
	await blocked.page.goto(await deck.link('carol'));
	await blocked.press('Set up this device');
	await blocked.press('Turn notifications on');
	await blocked.titled('This device now receives sign-in requests for carol');
	await blocked.sees('Notifications are blocked');
	await blocked.close();
});

/* Until the page is loaded again or `healed`: where path ends so, the server's answer is lost. */
const lose = (phone, path) =>
	phone.page.evaluate((end) => {
		const { fetch } = globalThis;
		globalThis.fetch = async (url, ...more) => {
			const answer = await fetch(url, ...more);
			if (String(url).endsWith(end) && !globalThis.healed) throw new TypeError('Failed to fetch');
			return answer;
		};
	}, path);

const count = async (name) => (await deck.cli('device', 'list', 'carol')).split(name).length - 1;

test('the answer to the set-up is lost: "Try again" goes on with the same key, also after a new start, and one device comes of it', async () => {
	const phone = await Phone.open();
	await phone.page.goto(await deck.link('carol'));
	await phone.titled('Approve sign-ins with this device');
	await lose(phone, '/enroll');
	for (const again of [true, false]) {
		await phone.page.getByLabel('Name of this device').fill('Answer lost');
		await phone.press('Set up this device');
		await phone.titled('This did not work');
		await phone.sees('The server cannot be reached.');
		assert.equal(await count('Answer lost'), 1);
		if (again) await phone.press('Try again');
		else await phone.page.goto(phone.origin);
		await phone.titled('Approve sign-ins with this device');
	}
	await phone.press('Set up this device');
	await phone.titled('Know at once when someone signs in');
	await phone.press('Go on without');
	await phone.press('Done');
	await phone.titled('No sign-in is waiting');
	assert.equal(await count('Answer lost'), 1);
	await phone.close();
});

test('a browser that stores nothing any more says so, and can try again', async () => {
	const phone = await Phone.open();
	await phone.page.goto(await deck.link('carol'));
	await phone.titled('Approve sign-ins with this device');
	await phone.page.evaluate(() => {
		const { put } = IDBObjectStore.prototype;
		IDBObjectStore.prototype.put = function (value, name) {
			if (name === 'identity' && !globalThis.healed) throw new DOMException('full', 'QuotaExceededError');
			return put.call(this, value, name);
		};
	});
	await phone.page.getByLabel('Name of this device').fill('No room');
	await phone.press('Set up this device');
	await phone.titled('This did not work');
	await phone.sees('Approve has to keep a key on this device.');
	await phone.page.evaluate(() => (globalThis.healed = true));
	await phone.press('Try again');
	await phone.press('Set up this device');
	await phone.titled('Know at once when someone signs in');
	assert.equal(await count('No room'), 1);
	await phone.close();
});

test('a name that is empty or too long is refused in words', async () => {
	const phone = await Phone.open();
	await phone.page.goto(await deck.link('carol'));
	for (const name of ['', 'é'.repeat(33)]) {
		await phone.page.getByLabel('Name of this device').fill(name);
		await phone.press('Set up this device');
		await phone.sees('Give a name, or a shorter one.');
	}
	await phone.close();
});

test('S7: a browser that is set up is set up again: the new device takes the place of the old one, in each tab, and stays', async () => {
	const phone = await Phone.open();
	await phone.enrol('carol', 'First key');
	const second = await phone.context.newPage();
	await second.goto(`${phone.origin}/#settings`);
	await second.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
	const link = await deck.link('carol');
	await phone.page.bringToFront();
	await phone.page.goto(link);
	await phone.titled('Approve sign-ins with this device');
	await phone.sees('This device is set up for carol already. Going on replaces that.');
	await phone.inspect('invitation-again');
	await phone.page.getByLabel('Name of this device').fill('Second key');
	await phone.press('Set up this device');
	await phone.titled('Know at once when someone signs in');
	await phone.page.waitForTimeout(1000);
	await phone.titled('Know at once when someone signs in');
	const before = phone.subscription;
	await phone.press('Turn notifications on');
	await phone.subscribed(before);
	await phone.deliver('test');
	await phone.titled('This device now receives sign-in requests for carol');
	await phone.press('Done');
	await phone.titled('No sign-in is waiting');
	assert.deepEqual([await count('First key'), await count('Second key')], [0, 1]);
	const key = () => phone.page.evaluate(async () => (await (await import('/identity.js')).load()).kid);
	const kid = await key();
	await second.bringToFront();
	await second.getByRole('heading', { level: 1, name: 'This device was removed' }).waitFor();
	await second.getByRole('button', { name: 'Set it up again' }).click();
	await second.getByRole('heading', { level: 1, name: 'No sign-in is waiting' }).waitFor();
	assert.equal(await key(), kid, 'the new key is still there');
	await second.close();
	await phone.page.reload();
	await phone.titled('No sign-in is waiting');
	await phone.close();
});

test('S7: an invitation that is looked at only: a notification’s tap goes back to the device that is set up', async () => {
	const phone = await Phone.open();
	await phone.enrol('carol', 'Only looking');
	await phone.page.goto(await deck.link('carol'));
	await phone.titled('Approve sign-ins with this device');
	await phone.page.evaluate(() => navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data: { type: 'open' } })));
	await phone.titled('No sign-in is waiting');
	await deck.ssh('carol', 'looking', '127.0.8.1');
	await phone.titled(/^Sign in to /);
	await deck.ssh_kill('looking');
	await phone.close();
});

test('S7: in a tab on iOS it says first how to add it to the home screen, with the link to take along', async () => {
	const phone = await Phone.open({ hasTouch: true, isMobile: true });
	await phone.page.addInitScript(() => {
		Object.defineProperty(navigator, 'standalone', { value: false });
		Object.defineProperty(navigator, 'maxTouchPoints', { value: 5 });
	});
	const link = await deck.link('carol');
	await phone.page.goto(link);
	await phone.titled('First, add Approve to the home screen');
	assert.equal(await phone.page.getByLabel('Your link').inputValue(), link);
	await phone.inspect('home-screen');
	await phone.press('Copy the link');
	assert.equal(await phone.copied(), link);
	await phone.press('Go on here, without notifications');
	await phone.titled('Approve sign-ins with this device');
	await phone.close();
});

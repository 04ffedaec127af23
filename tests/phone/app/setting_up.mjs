/* Setting a phone up: links that ran out, a server that is away, what the browser is asked for and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Phone } from './browser.mjs';
import { deck } from './deck.mjs';

test('S7: a link that ran out before it was opened, and one that does while it is looked at, show a clear page', async () => {
	const late = await Phone.open({ push: false });
	const link = await deck.link('carol');
	await deck.expire_invitations();
	await late.page.goto(link);
	await late.titled('This link no longer works');
	await late.sees('A link works once, and only for a while. Ask your administrator for a new one.');
	await late.page.goto('about:blank');
	await late.page.goto(await deck.link('carol'));
	await late.titled('Approve sign-ins with this device');
	await late.page.getByLabel('Name of this device').fill('Too late');
	await deck.expire_invitations();
	await late.press('Set up this device');
	await late.titled('This link no longer works');
	await late.sees('Ask your administrator for a new one.');
	assert.ok(!(await deck.cli('device', 'list', 'carol')).includes('Too late'));
	await late.page.getByRole('link', { name: 'Done' }).click();
	await late.titled('This device is not set up');
	await late.close();
});

test('S7: the server is away when the device is set up: the page says so, and the same link goes on when it is back', async () => {
	const phone = await Phone.open();
	await phone.page.goto(await deck.link('carol'));
	await phone.titled('Approve sign-ins with this device');
	await phone.page.waitForFunction(() => navigator.serviceWorker.controller); /* the app's own files are here */
	await deck.server_stop();
	try {
		await phone.press('Set up this device');
		await phone.titled('This did not work');
		await phone.sees('The server cannot be reached.');
		await phone.inspect('enrol-fault');
	} finally {
		await deck.server_start();
	}
	await phone.press('Try again');
	await phone.titled('Approve sign-ins with this device');
	await phone.press('Set up this device');
	await phone.press('Turn notifications on');
	await phone.titled('Sending a test…');
	await phone.inspect('enrol-testing');
	await phone.deliver('test');
	await phone.titled('This device now receives sign-in requests for carol');
	await phone.close();
});

/* What the person answers when the browser asks about notifications; a browser without a window has nobody to ask. It counts the questions, and those without a tap. */
async function answering(phone, setting) {
	const asked = { times: 0, untouched: 0 };
	await phone.permit('notifications', 'prompt');
	await phone.context.exposeBinding('answer', async (_, touched) => {
		asked.times++;
		asked.untouched += !touched;
		await phone.permit('notifications', setting);
	});
	await phone.context.addInitScript(() => {
		if (!globalThis.Notification) return;
		Notification.requestPermission = async () => {
			await globalThis.answer(navigator.userActivation.isActive);
			return Notification.permission;
		};
	});
	return asked;
}

for (const [setting, answer, words] of [
	['granted', 'allowed', 'The test notification has arrived. Everything is ready.'],
	['denied', 'blocked', 'Notifications are blocked. Allow them for this site in the browser’s or the system’s settings.'],
	['prompt', 'put off', 'Notifications were not allowed.'],
])
	test(`S7: the browser asks about notifications after the button, once, and not before: ${answer}`, async () => {
		const phone = await Phone.open();
		const asked = await answering(phone, setting);
		await phone.page.goto(await deck.link('carol'));
		await phone.press('Set up this device');
		await phone.titled('Know at once when someone signs in');
		assert.equal(await phone.page.evaluate(() => Notification.permission), 'default');
		await phone.page.waitForTimeout(500);
		assert.equal(asked.times, 0, 'not before the button');
		await phone.press('Turn notifications on');
		if (setting === 'granted') await phone.deliver('test');
		await phone.titled('This device now receives sign-in requests for carol');
		await phone.sees(words);
		assert.deepEqual(asked, { times: 1, untouched: 0 });
		await phone.press('Done');
		await phone.titled('No sign-in is waiting');
		await phone.page.reload();
		await phone.titled('No sign-in is waiting');
		await phone.page.waitForTimeout(500);
		assert.equal(asked.times, 1, 'nor again at the next start');
		await phone.close();
	});

test('S7: setting up asks the browser to keep what is stored here, and nothing before it does', async () => {
	const phone = await Phone.open({ push: false });
	/* Only watched: without a window this browser says no, and the app goes on. */
	await phone.context.addInitScript(() => {
		globalThis.asked = 0;
		const persist = globalThis.StorageManager?.prototype.persist;
		if (persist)
			StorageManager.prototype.persist = function () {
				globalThis.asked++;
				return persist.call(this);
			};
	});
	const asked = () => phone.page.evaluate(() => globalThis.asked);
	await phone.page.goto(await deck.link('carol'));
	await phone.titled('Approve sign-ins with this device');
	assert.equal(await asked(), 0);
	await phone.press('Set up this device');
	await phone.titled('Know at once when someone signs in');
	assert.equal(await asked(), 1);
	await phone.close();
});

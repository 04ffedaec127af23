/* Codes, settings, activity, and the end of a device. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Phone } from './browser.mjs';
import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

const to = async (place, title) => {
	await alice.place(place);
	await alice.titled(title);
};

test('S6: a code with the network off, copied, is one that sshd accepts; the app says that it is offline', async () => {
	await to('code', 'One-time code');
	await alice.sees(/New code in \d+ seconds?/);
	await alice.inspect('code');
	await alice.context.setOffline(true);
	await alice.page.reload();
	await alice.titled('One-time code');
	await alice.sees('No connection. This code works all the same.');
	await alice.inspect('code-offline');
	await alice.press('Copy the code');
	await alice.sees('Copied');
	await alice.context.setOffline(false);
	const code = await alice.copied();
	assert.match(code, /^\d{6}$/);
	await deck.ssh('alice', '1', '127.0.7.1');
	await alice.deliver('request');
	await deck.ssh_send(code);
	await deck.signed_in();
});

test('D4: under it the codes of the hosts, offline too: with the server stopped, the one for web1 opens web1', async () => {
	await to('code', 'One-time code');
	await alice.sees('Codes for hosts whose prompt names them');
	const row = alice.page.locator('.rows li', { hasText: 'web1' });
	const code = async () => (await row.locator('strong').textContent()).replace(' ', '');
	const first = await code();
	await deck.server_stop();
	await alice.context.setOffline(true);
	await alice.page.reload();
	await alice.titled('One-time code');
	await alice.inspect('code-hosts');
	/* A secret counts from the step after the one in which the host got it. */
	while ((await code()) === first) await alice.page.waitForTimeout(500);
	await deck.ssh('alice', '1', '127.0.7.3');
	assert.match(await deck.shown(), /Server unreachable\. Code for web1: /);
	await deck.ssh_send(await code());
	await deck.signed_in();
	await deck.server_start();
	await alice.context.setOffline(false);
});

test('D4: of many hosts the last used come first, and a search finds the others, by name or id', async () => {
	const kept = await alice.page.evaluate(async () => {
		const { get, put } = await import('/storage.js');
		const hosts = await get('hosts');
		const more = [...'abcdefgh'].map((letter) => ({ ...hosts[0], host: `db-${letter}`, name: `${letter}.Example.org` }));
		await put('hosts', [...more, ...hosts]);
		return hosts;
	});
	await alice.page.reload();
	await alice.titled('One-time code');
	const shown = () => alice.page.locator('.rows li bdi:first-child').allTextContents();
	assert.deepEqual(await shown(), ['db-a', 'db-b', 'db-c', 'db-d', 'db-e']);
	await alice.inspect('code-search');
	for (const [word, hosts] of [['WEB', 'web1'], ['h.example', 'db-h'], ['nothing', '']]) {
		await alice.page.getByLabel('Search hosts').fill(word);
		await alice.page.waitForFunction((list) => [...document.querySelectorAll('.rows li bdi:first-child')].map((each) => each.textContent).join() === list, hosts);
	}
	await alice.page.evaluate(async (hosts) => (await import('/storage.js')).put('hosts', hosts), kept);
});

test('S14: recent activity in plain words', async () => {
	await alice.page.waitForTimeout(400); /* phones are told of a sign-in a moment after it */
	await to('activity', 'Recent activity');
	for (const words of ['with a code', 'the number did not match', '“it wasn’t me”', 'given up before the answer']) await alice.sees(words);
	await alice.inspect('activity');
});

test('S10: requests off and on again: off, the sign-in asks for a code at once and rings nobody', async () => {
	await to('settings', 'Settings');
	await alice.inspect('settings');
	const asked = await deck.push_count(alice.subscription.endpoint, 'request');
	const control = alice.page.getByRole('switch', { name: 'Receive requests on this device' });
	await control.click();
	await alice.page.locator('#status', { hasText: 'Requests are turned off' }).waitFor();
	assert.equal(await deck.ssh('alice', '1', '127.0.7.2'), null);
	assert.match(await deck.shown(), /one-time code/);
	await deck.ssh_kill();
	assert.equal(await deck.push_count(alice.subscription.endpoint, 'request'), asked);
	await to('', 'No sign-in is waiting');
	await alice.sees('Requests are turned off on this device.');
	await to('settings', 'Settings');
	await control.click();
	await alice.page.locator('#status', { hasText: 'Requests are on' }).waitFor();
	assert.notEqual(await deck.ssh('alice', '1', '127.0.7.3'), null);
	await alice.deliver('request');
	await deck.ssh_kill();
});

test('S12: the device is renamed, and the terminal names it so', async () => {
	await to('settings', 'Settings');
	await alice.page.getByLabel('Name of this device').fill('Pixel 9');
	await alice.press('Save');
	await alice.page.locator('#status', { hasText: 'Name saved' }).waitFor();
	await deck.ssh('alice', '1', '127.0.7.4');
	assert.match(await deck.shown(), /Pixel 9/);
	await alice.deliver('request');
	await deck.ssh_kill();
});

test('S20: what keeps requests from arriving, in order, and a test that is seen to come', async () => {
	await to('arriving', 'If requests do not arrive');
	for (const words of ['The server answers.', 'Notifications are allowed.', 'This device is subscribed.']) await alice.sees(words);
	await alice.press('Send a test');
	await alice.sees('Test sent. Waiting for it…');
	await alice.deliver('test');
	await alice.sees(/It came within \d+ s\./);
	await alice.inspect('arriving');
	await deck.server_stop();
	await to('settings', 'Settings');
	await alice.sees('The server cannot be reached.');
	await to('arriving', 'If requests do not arrive');
	await alice.sees('The server cannot be reached.');
	await deck.server_start();
});

test('S8: a phone under the minimum version is refused, and says how to update', async () => {
	await deck.server_conf('[phone]\nminimum = 9.0');
	await alice.page.goto('about:blank');
	await alice.page.goto(`${alice.origin}/`);
	await alice.titled('Approve needs an update');
	await alice.sees('The server needs version 9.0 or later.');
	await alice.sees('The server has no newer version yet.');
	await alice.inspect('too-old');
	await deck.server_conf('');
	await alice.page.reload();
	await alice.titled('No sign-in is waiting');
});

test('S21: French, chosen in the settings or by the device; no sentence is left in English', async () => {
	await to('settings', 'Settings');
	await alice.page.getByLabel('Language').selectOption('fr');
	await alice.titled('Réglages');
	assert.equal(await alice.page.evaluate(() => document.documentElement.lang), 'fr');
	await alice.inspect('settings-fr');
	await alice.place('code');
	const number = await deck.ssh('alice', '1', '127.0.7.5');
	const { request } = await alice.deliver('request');
	await alice.notification(/^Se connecter à /, request);
	await alice.open(request);
	await alice.page.getByRole('button', { name: 'Approuver' }).waitFor();
	await alice.inspect('request-fr');
	await alice.page.locator('#number').fill(String(number));
	await alice.ready();
	await alice.press('Approuver');
	await deck.ssh_send();
	await deck.signed_in();
	await to('settings', 'Réglages');
	await alice.page.locator('#language').selectOption('en');
	await alice.titled('Settings');
	const french = await Phone.open({ locale: 'fr-FR', push: false });
	await french.page.goto(french.origin);
	await french.page.locator('html[lang=fr] h1').waitFor();
	await french.close();
});

test('S21: without a network a language that is not there is refused in words, and the app starts in the one that is', async () => {
	const phone = await Phone.open({ push: false });
	await phone.enrol_quietly('carol', 'Offline');
	await phone.place('settings');
	await phone.titled('Settings');
	await phone.context.setOffline(true);
	await phone.page.getByLabel('Language').selectOption('fr');
	await phone.sees('The server cannot be reached.');
	assert.equal(await phone.page.getByLabel('Language').inputValue(), 'en');
	await phone.place('code');
	await phone.page.reload();
	await phone.titled('One-time code');
	/* as an older version left it */
	await phone.page.evaluate(async () => (await import('/storage.js')).put('language', 'fr'));
	await phone.page.reload();
	await phone.titled('One-time code');
	await phone.context.setOffline(false);
	phone.faults.length = 0; /* the worker's fetches that were meant to fail */
	await phone.page.reload();
	await phone.page.locator('html[lang=fr] h1').waitFor();
	await phone.close();
});

test('D4: approvals at the same time lose none of their hosts', async () => {
	const listed = await alice.page.evaluate(async () => {
		const [{ seal, hosts }, { load }, { put }] = await Promise.all(['host_codes', 'identity', 'storage'].map((name) => import(`/${name}.js`)));
		const before = await hosts();
		const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
		const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
		const identity = await load();
		await Promise.all([...'abcdefgh'].map((host) => seal(identity, { host, host_name: '', host_key: { kty, crv, x, y } }, 'hash')));
		const after = await hosts();
		await put('hosts', before);
		return after.length - before.length;
	});
	assert.equal(listed, 8);
});

test('S11: a device that is removed by the administrator says so, and can be set up again', async () => {
	const lost = await Phone.open();
	await lost.enrol('carol', 'Lost <phone>');
	const list = await deck.cli('device', 'list', 'carol');
	const ident = list.split('\n').find((line) => line.includes('Lost')).split(/\s+/)[0];
	await deck.cli('device', 'remove', ident);
	await lost.titled('This device was removed', 3000);
	await lost.inspect('removed');
	await lost.press('Set it up again');
	await lost.titled('This device is not set up');
	await lost.enrol('carol', 'Found phone');
	await lost.close();
});

test('S11: in the app: asked twice, then gone, with its codes', async () => {
	const own = await Phone.open();
	await own.enrol('carol', 'Old phone');
	await own.page.goto(`${own.origin}/#settings`);
	await own.press('Remove this device');
	await own.sees('It will receive no more requests for carol');
	await own.inspect('settings-remove');
	await own.press('Keep it');
	await own.titled('Settings');
	await own.press('Remove this device');
	await own.press('Remove');
	await own.titled('This device is not set up');
	assert.ok(!(await deck.cli('device', 'list', 'carol')).includes('Old phone'));
	await own.close();
});

/* S8: newer versions of the app, installed on the server while the app is open. Last: the server keeps them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

const caches_ = () => alice.page.evaluate(() => caches.keys());

/* Waits until the open page is of this version, whose title for the settings is its own; nothing is pressed. */
async function becomes(version, before) {
	await alice.titled(`Settings of ${version}`, 10000);
	await alice.sees(new RegExp(`^Version ${version}, key `));
	const kept = await caches_();
	assert.equal(kept.length, 1, 'the files of the version before are gone');
	assert.notDeepEqual(kept, before);
}

const release = (version) => deck.release(version, { 'nav.settings': `Settings of ${version}` });

test('S8: a release on the server: the app that is opened again shows at once what it has, and ends up on the new version by itself', async () => {
	await alice.place('settings');
	await alice.titled('Settings');
	await alice.sees(/^Version 1\.0, key /);
	const before = await caches_();
	await release('2.0');
	await alice.page.reload();
	await becomes('2.0', before);
});

test('S8: a version that comes while a request is looked at waits until it is answered', async () => {
	const before = await caches_();
	await alice.place('');
	const number = await deck.ssh('alice', '1', '127.0.8.3');
	await alice.deliver('request');
	await alice.titled(/^Sign in to /);
	await alice.page.getByLabel('Number on the sign-in screen').fill(String(number));
	await release('3.0');
	const fresh = alice.page.evaluate(() => new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', () => resolve(true))));
	await alice.cdp.send('ServiceWorker.updateRegistration', { scopeURL: `${alice.origin}/` });
	assert.ok(await fresh);
	await alice.page.waitForTimeout(500);
	assert.equal(await alice.page.getByLabel('Number on the sign-in screen').inputValue(), String(number), 'what was typed is still there');
	await alice.approve();
	await alice.titled('Approved');
	await deck.ssh_send();
	await deck.signed_in();
	await alice.titled('Signed in');
	await alice.ready();
	await alice.page.getByRole('link', { name: 'Done' }).click();
	await alice.titled('No sign-in is waiting');
	await alice.place('settings');
	await becomes('3.0', before);
});

test('S8: the server asks for the version that it has: the open app says that it gets it, and ends up on it without a tap', async () => {
	await alice.place('settings');
	const before = await caches_();
	await release('4.0');
	/* Kept over the reload, which comes soon. */
	await alice.page.evaluate(() =>
		new MutationObserver(() => {
			const [title, said] = ['h1', 'main [role=status]'].map((one) => document.querySelector(one)?.textContent);
			if (said) sessionStorage.setItem('seen', `${title}: ${said}`);
		}).observe(document.getElementById('main'), { childList: true }),
	);
	await deck.server_conf('[phone]\nminimum = 4.0');
	await becomes('4.0', before);
	assert.equal(await alice.page.evaluate(() => sessionStorage.getItem('seen')), 'Approve needs an update: Getting the new version…');
	await deck.server_conf('');
});

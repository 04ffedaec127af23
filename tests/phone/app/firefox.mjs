/* The app in Firefox: a push all the way, and a sign-in with it. Driven by puppeteer over WebDriver BiDi, as playwright wants a Firefox of its own. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { deck } from './deck.mjs';

const require = createRequire(path.resolve(import.meta.dirname, '../../..', process.env.B ?? 'build', 'npm/package.json'));
const puppeteer = require('puppeteer-core');

let browser;
let page;

before(async () => {
	browser = await puppeteer.launch({
		browser: 'firefox',
		executablePath: '/usr/bin/firefox-esr',
		headless: true,
		extraPrefsFirefox: {
			'dom.push.serverURL': await deck.push_server(),
			'dom.push.connection.enabled': true, /* puppeteer turns it off */
			'dom.push.testing.allowInsecureServerURL': true,
			'permissions.default.desktop-notification': 1,
		},
	});
	page = await browser.newPage();
});
after(() => browser?.close());

const titled = (text) => page.waitForFunction((wanted) => document.querySelector('h1')?.textContent.startsWith(wanted), { timeout: 15000 }, text);
const press = (name) =>
	page.evaluate((wanted) => [...document.querySelectorAll('main button, main a')].find((one) => one.textContent === wanted).click(), name);

test('S7: enrolled with Firefox’s own subscription; the test push comes all the way through its own decryption', async () => {
	await page.goto(await deck.link('alice'));
	await titled('Approve sign-ins with this device');
	await press('Set up this device');
	await titled('Know at once when someone signs in');
	await press('Turn notifications on');
	await titled('This device now receives sign-in requests for alice');
	assert.match(await page.evaluate(() => document.querySelector('main').textContent), /The test notification has arrived/);
	assert.equal(await deck.pushed(), 1);
	await press('Done');
	await titled('No sign-in is waiting');
});

test('S1 to S4: ssh, the push, the number, Approve: the session opens', async () => {
	await page.evaluate(() => (location.hash = 'code'));
	await titled('One-time code');
	const number = await deck.ssh();
	for (let tries = 0; tries < 100 && (await deck.pushed()) < 2; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal(await deck.pushed(), 2, 'decrypted, and handed to the worker');
	await page.waitForSelector('#banner a');
	await page.evaluate(() => document.querySelector('#banner a').click());
	await titled('Sign in to ');
	await page.waitForSelector('fieldset.actions:not([disabled])');
	await page.type('#number', String(number));
	await press('Approve');
	await titled('Approved');
	await deck.ssh_send();
	await deck.signed_in();
	await titled('Signed in');
});

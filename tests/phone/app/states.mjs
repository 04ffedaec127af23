/* Screens that a person seldom meets, and what moves on a screen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Phone } from './browser.mjs';
import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

/* The colours of a picture along a circle, clockwise from its top. radius: of half its width. */
const along = (picture, radius) =>
	alice.blank.evaluate(
		async ([base64, part]) => {
			const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
			const image = await createImageBitmap(new Blob([bytes]));
			const canvas = new OffscreenCanvas(image.width, image.height);
			const context = canvas.getContext('2d');
			context.drawImage(image, 0, 0);
			return Array.from({ length: 360 }, (_, degree) => {
				const turn = ((degree + 0.5) * Math.PI) / 180;
				const half = image.width / 2;
				const [x, y] = [half + half * part * Math.sin(turn), half - half * part * Math.cos(turn)];
				return [...context.getImageData(x, y, 1, 1).data].slice(0, 3).join();
			});
		},
		[picture.toString('base64'), radius],
	);

const colour = (name) =>
	alice.page.evaluate((variable) => {
		const probe = document.createElement('p');
		probe.style.color = `var(${variable})`;
		document.body.append(probe);
		const found = getComputedStyle(probe).color;
		probe.remove();
		return found.match(/\d+/g).join();
	}, name);

test('S6: a ring counts the seconds of the code down, in steps of a second, as the words beside it do; screen readers hear of neither', async () => {
	await alice.place('code');
	await alice.titled('One-time code');
	alice.blank = await alice.context.newPage();
	await alice.page.bringToFront();
	const ring = alice.page.locator('.ring');
	const seconds = async () => Number(/\d+/.exec(await alice.page.getByRole('timer').textContent())[0]);
	for (const scheme of ['light', 'dark']) {
		await alice.page.emulateMedia({ colorScheme: scheme });
		const [key, line, ground] = [await colour('--key'), await colour('--line'), await colour('--ground')];
		const before = await seconds();
		const picture = await ring.screenshot();
		const after = await seconds();
		const colours = await along(picture, 0.9);
		const end = colours.lastIndexOf(key);
		assert.deepEqual(new Set(colours.slice(2, end - 1)), new Set([key]), `${scheme}: the seconds left, in one piece from the top`);
		assert.ok(after === 30 || before === 30 || colours.slice(end + 3, 358).every((one) => one === line), `${scheme}: the seconds gone`);
		const left = Math.round(end / 12);
		assert.ok(left === before || left === after, `${scheme}: ${end} degrees with ${before} to ${after} s left`);
		assert.deepEqual(new Set(await along(picture, 0.7)), new Set([ground]), `${scheme}: a ring, with nothing inside`);
	}
	await alice.page.emulateMedia({ colorScheme: 'light' });
	const states = await alice.page.evaluate(async () => {
		const seen = new Set();
		for (const end = performance.now() + 3000; performance.now() < end; ) {
			seen.add(document.querySelector('.ring').style.getPropertyValue('--left'));
			await new Promise(requestAnimationFrame);
		}
		return seen.size;
	});
	assert.ok(states >= 3 && states <= 5, `${states} states of the ring in 3 s`);
	const live = await alice.page.locator('[role=timer], .ring').evaluateAll((nodes) =>
		nodes.map((node) => node.getAttribute('aria-live') ?? node.closest('[aria-live], [role=status], [role=alert]')),
	);
	assert.deepEqual(live, [null, null]);
	await alice.blank.close();
});

test('reduced motion: what waits moves, and with the preference nothing does', async () => {
	const moving = () => alice.page.evaluate(() => document.getAnimations().filter((one) => one.playState === 'running').length);
	await alice.place('');
	const number = await deck.ssh('alice', '1', '127.0.8.1');
	await alice.deliver('request');
	await alice.titled(/^Sign in to /);
	await alice.approve(number);
	await alice.titled('Approved');
	await alice.sees('to let you in…');
	assert.equal(await moving(), 1, 'without the preference');
	await alice.page.emulateMedia({ reducedMotion: 'reduce' });
	assert.equal(await moving(), 0, 'with it');
	await alice.inspect('request-approved');
	await alice.page.emulateMedia({ reducedMotion: 'no-preference' });
	await deck.ssh_send();
	await deck.signed_in();
	await alice.titled('Signed in');
	await alice.done();
});

test('the server cannot be reached: the first screen says so, with the way to a code, and goes on by itself', async () => {
	await deck.server_stop();
	try {
		await alice.page.reload();
		await alice.titled('The server cannot be reached');
		await alice.inspect('requests-unreached');
		await alice.page.getByRole('link', { name: 'Show a code' }).click();
		await alice.titled('One-time code');
		await alice.place('');
		await alice.titled('The server cannot be reached');
	} finally {
		await deck.server_start();
	}
	await alice.titled('No sign-in is waiting', 15000);
});

test('a server that shows other details than those of a host of ours: nothing of them is shown, and nothing can be approved', async () => {
	await alice.place('code');
	await deck.ssh('alice', '1', '127.0.8.2');
	const { request, details } = await alice.deliver('request');
	const lie = { ...JSON.parse(Buffer.from(details, 'base64url')), iss: 'https://elsewhere.example', host_name: 'bank.example' };
	await deck.details(request, Buffer.from(JSON.stringify(lie)).toString('base64url'));
	await alice.page.goto('about:blank');
	await alice.page.goto(`${alice.origin}/#request/${request}`);
	await alice.titled('This request cannot be checked');
	assert.ok(!(await alice.page.locator('body').innerText()).includes('bank.example'));
	assert.equal(await alice.page.getByRole('button').count(), 0);
	await alice.inspect('request-unchecked');
	await deck.ssh_kill();
	await alice.place('');
	await alice.titled('No sign-in is waiting');
});

test('a browser that keeps nothing is told so, whatever was opened', async () => {
	const closed = await Phone.open({ push: false });
	/* As Firefox does in a private window of some versions. */
	await closed.context.addInitScript(() => {
		if (globalThis.indexedDB) IDBFactory.prototype.open = () => { throw new DOMException('private', 'InvalidStateError'); };
	});
	for (const address of [closed.origin, await deck.link('carol')]) {
		await closed.page.goto('about:blank');
		await closed.page.goto(address);
		await closed.titled('This browser keeps nothing');
		await closed.sees('Open it outside a private window');
	}
	await closed.inspect('no-storage');
	await closed.close();
});

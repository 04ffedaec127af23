/* The app on the home screen: what a browser wants of it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { chromium, launch } from './browser.mjs';
import { deck } from './deck.mjs';

test('the app can be installed: Chromium finds nothing in the way; its name, start, display and icons are those of the manifest', async () => {
	/* A profile of its own on disk: in the others, which are forgotten, nothing can be installed. */
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'approve-profile.'));
	const context = await chromium.launchPersistentContext(folder, launch);
	try {
		const origin = await deck.url();
		const page = await context.newPage();
		await page.goto(origin);
		await page.getByRole('heading', { name: 'This device is not set up' }).waitFor();
		await page.evaluate(async () => navigator.serviceWorker.ready);
		const cdp = await context.newCDPSession(page);
		const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
		assert.deepEqual(installabilityErrors, []);
		const { url, data, errors } = await cdp.send('Page.getAppManifest');
		assert.deepEqual([url, errors], [`${origin}/manifest.webmanifest`, []]);
		const { name, start_url: start, display, icons } = JSON.parse(data); /* scope and short_name follow from these */
		assert.deepEqual({ name, start, display }, { name: 'Approve', start: '/', display: 'standalone' });
		for (const { src, sizes, type } of icons) {
			const { headers } = await fetch(origin + src);
			assert.equal(headers.get('content-type').split(';')[0], type);
			const size = await page.evaluate(async (address) => {
				const image = new Image();
				image.src = address;
				await image.decode();
				return `${image.naturalWidth}x${image.naturalHeight}`;
			}, src);
			if (sizes !== 'any') assert.equal(size, sizes);
		}
		assert.ok(icons.some((icon) => icon.sizes === '192x192') && icons.some((icon) => icon.purpose?.includes('maskable')));
	} finally {
		await context.close();
		fs.rmSync(folder, { recursive: true });
	}
});

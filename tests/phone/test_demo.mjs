#!/usr/bin/env -S node --test-reporter=tap
/* make demo on a terminal: it stays, its link opens the app in a browser, and Ctrl-C leaves nothing behind. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
execFileSync(path.join(root, 'tests/install-npm'), { stdio: ['ignore', 'ignore', 'inherit'] });
const { chromium } = createRequire(path.resolve(root, process.env.B ?? 'build', 'npm/package.json'))('playwright-core');

/* Accounts, PAM, sshd, folders of ours, mounts. */
const machine = () => ({
	files: ['/etc/passwd', '/etc/shadow', '/etc/pam.d', '/etc/ssh/sshd_config.d']
		.flatMap((name) => (fs.statSync(name).isDirectory() ? fs.readdirSync(name).map((file) => `${name}/${file}`) : [name]))
		.map((name) => `${name} ${fs.readFileSync(name, 'base64')}`),
	folders: ['/run/approve', '/run/approve-server', '/var/lib/approve', '/var/lib/approve-helper', '/etc/approve'].filter((name) => fs.existsSync(name)),
	homes: fs.readdirSync('/home'),
	mounts: fs.readFileSync('/proc/mounts', 'utf8'),
});

const namespace = (pid) => {
	try {
		return fs.readlinkSync(`/proc/${pid}/ns/pid`);
	} catch {
		return undefined;
	}
};
const inside = (space) => fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespace(name) === space);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, condition, seconds) {
	for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(50)) {
		const found = condition();
		if (found) return found;
	}
	throw new Error(`waited ${seconds} s for ${what()}`);
}

test('make demo on a terminal: the login, then a link, which opens the app and sets a phone up; Ctrl-C ends it all', async () => {
	const before = machine();
	let shown = '';
	let status;
	/* exec: a shell that stayed would get the Ctrl-C too, and its end would be the one that is seen. */
	const demo = spawn('script', ['--quiet', '--return', '--flush', '--command', `exec '${path.join(root, 'tests/demo')}'`, '/dev/null'], {
		cwd: root,
		env: { ...process.env, SHELL: '/bin/sh' },
	});
	demo.stdout.on('data', (data) => (shown += data));
	demo.on('exit', (code) => (status = code));
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
	try {
		const [, link] = await until(() => `the link; it shows: ${shown}`, () => /A phone in a browser\s+(http\S+\/enroll#\S+)/.exec(shown), 30);
		assert.match(shown, /Signed in as alice/);
		const space = namespace((await until(() => 'the hint', () => /nsenter -t (\d+)/.exec(shown), 5))[1]);
		assert.notEqual(space, namespace('self'));
		assert.ok(inside(space).length > 3, 'server, helper, sshd and phone run');

		const page = await browser.newPage();
		await page.goto(link);
		await page.getByRole('heading', { name: 'Approve sign-ins with this device' }).waitFor({ timeout: 10000 });
		await page.getByText('invites alice').waitFor({ timeout: 5000 });
		await page.getByRole('button', { name: 'Set up this device' }).click();
		await page.getByRole('heading', { name: /Know at once|now receives sign-in requests for alice/ }).waitFor({ timeout: 10000 });

		demo.stdin.write('\x03');
		await until(() => `the end after Ctrl-C; it shows: ${shown}`, () => status !== undefined, 10);
		assert.equal(status, 0, `exit code 0, not ${status}; it shows: ${shown}`);
		await until(() => `the end of processes ${inside(space)}`, () => inside(space).length === 0, 5);
		assert.deepEqual(machine(), before);
	} finally {
		await browser.close();
		if (status === undefined) demo.kill();
	}
});

/* A command on a terminal of the host itself, and what the phone shows of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deck } from './deck.mjs';
import { alice } from './enrolment.mjs';

test('D2: sudo: the phone shows host, service, user, terminal and the command as they are, and nothing else; after Approve it runs', async () => {
	await deck.host_conf('[service sudo]\ncommand = full');
	await deck.host_name('web1.example.org');
	await alice.place('code');
	const [tty, number] = await deck.sudo("printf '%s|' 'a  b' '<i>c</i>' --x=1");
	const { request } = await alice.deliver('request');
	assert.equal((await alice.notification(/^Sign in to /, request)).body, 'sudo, alice, from the machine itself');
	await alice.open(request);
	await alice.titled('Sign in to web1.example.org?');
	const shown = await alice.page.locator('dl > div').evaluateAll((rows) =>
		Object.fromEntries(rows.map((row) => [row.querySelector('dt').textContent, row.querySelector('dd').textContent])),
	);
	assert.match(shown['Asked at'], /^\d\d?:\d\d/);
	delete shown['Asked at'];
	assert.deepEqual(shown, {
		Host: 'web1.example.org (web1)',
		Service: 'sudo (administrator command)',
		User: 'alice',
		From: 'the machine itself',
		Terminal: tty,
		Command: 'printf %s| a\u00a0\u00a0b <i>c</i> --x=1', /* blanks within an argument are of another kind */
	});
	await alice.inspect('request-sudo');
	await alice.approve(number);
	const [text, status] = await deck.sudo_ended();
	assert.equal(status, 0);
	assert.match(text, /a {2}b\|<i>c<\/i>\|--x=1\|/);
	await alice.titled('Signed in');
	await alice.done();
	await deck.host_conf('');
});

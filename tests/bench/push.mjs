#!/usr/bin/env node
// Pushes made ready to be sent (encrypted, with their VAPID header) a second on one core: ours, and npm's web-push in the same run, in turns.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const LENGTH = 1024; // a request's usual size, padded
const ROUNDS = 3;

const root = path.resolve(import.meta.dirname, '../..');
const build = process.env.B ?? 'build';
execFileSync(path.join(root, 'tests/install-npm'), { stdio: ['ignore', 'ignore', 'inherit'] });
execFileSync('make', ['-s', '-C', root, `B=${build}`, `${build}/tests/bench/push_tool`], { stdio: ['ignore', 'ignore', 'inherit'] });
const webPush = createRequire(path.join(root, 'build/npm/package.json'))('web-push');

const phone = crypto.createECDH('prime256v1');
const subscription = {
    endpoint: 'https://push.example.org/push/1',
    keys: { p256dh: phone.generateKeys().toString('base64url'), auth: crypto.randomBytes(16).toString('base64url') },
};
const vapidDetails = { subject: 'mailto:root@example.org', ...webPush.generateVAPIDKeys() };
const payload = 'x'.repeat(LENGTH);

function ours() {
    return Number(execFileSync(path.join(root, build, 'tests/bench/push_tool'), ['bench', `${SECONDS}`, `${LENGTH}`]));
}

function theirs() {
    const start = performance.now();
    let count = 0;
    for (; performance.now() - start < SECONDS * 1000; count++) webPush.generateRequestDetails(subscription, payload, { vapidDetails, TTL: 60 });
    return (count * 1000) / (performance.now() - start);
}

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const rates = { ours: [], theirs: [] };
theirs(); // warm
for (let i = 0; i < ROUNDS; i++) {
    rates.ours.push(ours());
    rates.theirs.push(theirs());
}
const [a, b] = [median(rates.ours), median(rates.theirs)];
console.log(`pushes made ready a second, ${LENGTH} bytes: approve-server ${a.toFixed(0)}, web-push ${b.toFixed(0)}, ratio ${(a / b).toFixed(1)}`);

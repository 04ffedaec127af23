#!/usr/bin/env node
// Our pushes, read by the libraries that others read pushes with: npm's http_ece (RFC 8188), web-push's jws (RFC 8292), and over HTTP/2 by node's own server.
import assert from 'node:assert/strict';
import { execFileSync, execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const build = path.resolve(root, process.env.B ?? 'build');
const tool = path.join(build, 'tests/bench/push_tool');
execFileSync(path.join(root, 'tests/install-npm'), { stdio: ['ignore', 'ignore', 'inherit'] });
const B = process.env.B ?? 'build';
execFileSync('make', ['-s', '-C', root, `B=${B}`, `${B}/tests/bench/push_tool`], { stdio: ['ignore', 'ignore', 'inherit'] });
const require = createRequire(path.join(root, 'build/npm/package.json'));
const ece = require('http_ece');
const jws = createRequire(require.resolve('web-push'))('jws');

const browser = () => {
    const key = crypto.createECDH('prime256v1');
    const auth = crypto.randomBytes(16);
    return { key, auth, keys: { p256dh: key.generateKeys().toString('base64url'), auth: auth.toString('base64url') } };
};
const read = (phone, body) => ece.decrypt(body, { version: 'aes128gcm', privateKey: phone.key, authSecret: phone.auth });

const tests = {
    'http_ece decrypts what we encrypt, of any length'() {
        const phone = browser();
        for (const length of [0, 1, 100, 1023, 1024, 3000, 3993]) {
            const text = crypto.randomBytes(length).toString('latin1').replaceAll(/[^a-z]/g, 'x').slice(0, length);
            const padded = length > 3072 ? 3993 : Math.ceil(length / 1024) * 1024;
            const out = execFileSync(tool, ['encrypt', phone.keys.p256dh, phone.keys.auth, `${padded}`], { input: text });
            assert.equal(read(phone, Buffer.from(out.toString().trim(), 'base64url')).toString(), text);
        }
    },

    'another browser cannot read it'() {
        const phone = browser();
        const out = execFileSync(tool, ['encrypt', phone.keys.p256dh, phone.keys.auth, '64'], { input: 'text' });
        const body = Buffer.from(out.toString().trim(), 'base64url');
        assert.throws(() => read(browser(), body));
        assert.throws(() => read({ ...phone, auth: crypto.randomBytes(16) }, body));
    },

    'the VAPID token is one that web-push’s library takes'() {
        const value = execFileSync(tool, ['authorization', 'https://push.example.org']).toString().trim();
        const [, token, k] = /^vapid t=([^,]+), k=([\w-]+)$/.exec(value);
        const point = Buffer.from(k, 'base64url');
        const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
        const pem = crypto.createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
        assert.equal(point.length, 65);
        assert.ok(jws.verify(token, 'ES256', pem));
        const { header, payload } = jws.decode(token, { json: true });
        assert.equal(header.typ, 'JWT');
        assert.equal(payload.aud, 'https://push.example.org');
        assert.ok(payload.exp > Date.now() / 1000 && payload.exp <= Date.now() / 1000 + 86400);
    },

    async 'pushes to one push service share an HTTP/2 connection'() {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'push_interop.'));
        const certificate = path.join(folder, 'certificate.pem');
        const key = path.join(folder, 'key.pem');
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
            '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
        const server = http2.createSecureServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) });
        const phone = browser();
        const texts = [];
        const headers = [];
        let sessions = 0;
        server.on('session', () => sessions++);
        server.on('stream', (stream, received) => {
            const parts = [];
            stream.on('data', (part) => parts.push(part));
            stream.on('end', () => {
                headers.push(received);
                texts.push(read(phone, Buffer.concat(parts)).toString());
                stream.respond({ ':status': 201 });
                stream.end();
            });
        });
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        try {
            const service = `localhost:${server.address().port}`;
            const subscription = JSON.stringify({ endpoint: `https://${service}/push/1`, keys: phone.keys });
            const { stdout } = await promisify(execFile)(tool, ['send', subscription, service, certificate, '20']);
            const lines = stdout.trim().split('\n');
            assert.equal(lines.length, 20);
            for (const line of lines) assert.match(line, /^taken 201 /);
            assert.equal(sessions, 1);
            assert.deepEqual(new Set(texts), new Set(['{"type":"test"}']));
            for (const received of headers) {
                assert.equal(received[':method'], 'POST');
                assert.equal(received[':path'], '/push/1');
                assert.equal(received['content-encoding'], 'aes128gcm');
                assert.equal(received.urgency, 'high');
                assert.equal(received.topic, 'topic');
                assert.equal(received.ttl, '60');
            }
        } finally {
            server.close();
            fs.rmSync(folder, { recursive: true });
        }
    },
};

let number = 0;
let failed = 0;
console.log(`1..${Object.keys(tests).length}`);
for (const [name, test] of Object.entries(tests)) {
    number++;
    try {
        await test();
        console.log(`ok ${number} - ${name}`);
    } catch (error) {
        failed++;
        console.log(`not ok ${number} - ${name}`);
        console.log(String(error.stack ?? error).replaceAll(/^/gm, '# '));
    }
}
process.exit(failed ? 1 : 0);

#!/usr/bin/env node
// npm's oidc-provider as a CIBA server, in memory, and clients for it; for cycles.py. Runs in Node 22.
//   oidc.mjs serve PORT KEYS                the server; approves each request as soon as it was asked, of user lateN after N ms. Writes its client's key
//   oidc.mjs load PORT KEYS COUNT AT_ONCE   full cycles: asked, approved, collected as an ID token; prints the seconds
//   oidc.mjs poll PORT KEYS COUNT           COUNT at once: the median from the approval to the token, in ms, of a client that polls as CIBA says
import fs from 'node:fs';
import http from 'node:http';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const CIBA = 'urn:openid:params:grant-type:ciba';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const [command, port, keys, ...rest] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;

const newKey = () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function approve(provider, request, account, client) {
    const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
    grant.addOIDCScope('openid');
    await grant.save();
    await provider.backchannelResult(request, grant, { amr: ['swk'], authTime: Math.floor(Date.now() / 1000) });
}

async function serve() {
    const modules = createRequire(path.join(import.meta.dirname, '../../build/npm-bench/package.json'));
    const { default: Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')));
    const host = newKey();
    const provider = new Provider(issuer, {
        clients: [{
            client_id: 'host1',
            grant_types: [CIBA],
            response_types: [],
            redirect_uris: [],
            token_endpoint_auth_method: 'private_key_jwt',
            token_endpoint_auth_signing_alg: 'ES256',
            id_token_signed_response_alg: 'ES256',
            backchannel_token_delivery_mode: 'poll',
            jwks: { keys: [{ ...host.publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'host1' }] },
        }],
        jwks: { keys: [{ ...newKey().privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'issuer' }] },
        clientAuthMethods: ['private_key_jwt'],
        findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
        features: {
            devInteractions: { enabled: false },
            ciba: {
                enabled: true,
                deliveryModes: ['poll'],
                processLoginHint: (_ctx, hint) => hint,
                validateRequestContext() {},
                verifyUserCode() {},
                validateBindingMessage() {},
                async triggerAuthenticationDevice(_ctx, request, account, client) {
                    const late = Number(account.accountId.match(/^late(\d+)$/)?.[1] ?? 0);
                    if (late) {
                        setTimeout(() => approve(provider, request, account, client), late);
                        return;
                    }
                    await approve(provider, request, account, client);
                },
            },
        },
    });
    fs.writeFileSync(keys, host.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    http.createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'));
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function assertion(key) {
    const now = Math.floor(Date.now() / 1000);
    const jti = crypto.randomBytes(16).toString('base64url');
    const text = `${encode({ alg: 'ES256', typ: 'JWT', kid: 'host1' })}.${encode({ iss: 'host1', sub: 'host1', aud: issuer, jti, iat: now, exp: now + 60 })}`;
    return `${text}.${crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

// A host; answers are {status, json}.
function connect(atOnce) {
    const key = crypto.createPrivateKey(fs.readFileSync(keys));
    const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
    const post = (where, parameters) => new Promise((resolve, reject) => {
        const body = new URLSearchParams({ ...parameters, client_assertion_type: ASSERTION, client_assertion: assertion(key) }).toString();
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length, Host: `localhost:${port}` };
        const request = http.request({ host: '127.0.0.1', port, path: where, method: 'POST', agent, headers }, async (response) => {
            let text = '';
            for await (const part of response) text += part;
            resolve({ status: response.statusCode, json: JSON.parse(text) });
        });
        request.on('error', reject);
        request.end(body);
    });
    return { agent, post };
}

async function ask({ post }, user) {
    const { status, json } = await post('/backchannel', { scope: 'openid', login_hint: user, requested_expiry: 60 });
    if (status !== 200) throw new Error(`backchannel: ${status} ${JSON.stringify(json)}`);
    return json;
}

async function load(count, atOnce) {
    const host = connect(atOnce);
    let started = 0;
    const work = async () => {
        while (started++ < count) {
            const asked = await ask(host, `user${started}`);
            const { json } = await host.post('/token', { grant_type: CIBA, auth_req_id: asked.auth_req_id });
            if (!json.id_token) throw new Error(`no ID token: ${JSON.stringify(json)}`);
        }
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: atOnce }, work));
    console.log((performance.now() - start) / 1000);
    host.agent.destroy();
}

// CIBA Core 1.0, section 7.3: 5 seconds where the provider names no interval. The first look comes after one.
async function poll(count) {
    const host = connect(count);
    const watch = async (number) => {
        const late = Math.round(1000 + (5000 * (number + 0.5)) / count); // all phases of the interval
        const asked = await ask(host, `late${late}`);
        const approved = performance.now() + late;
        for (;;) {
            await new Promise((resolve) => setTimeout(resolve, (asked.interval ?? 5) * 1000));
            const { json } = await host.post('/token', { grant_type: CIBA, auth_req_id: asked.auth_req_id });
            if (json.id_token) return performance.now() - approved;
            if (json.error !== 'authorization_pending') throw new Error(JSON.stringify(json));
        }
    };
    const took = await Promise.all(Array.from({ length: count }, (_, number) => watch(number)));
    console.log(took.sort((a, b) => a - b)[Math.floor(count / 2)]);
    host.agent.destroy();
}

await { serve, load, poll }[command](...rest.map(Number));

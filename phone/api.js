/* Calls to the server: one signed message each (docs/phone-protocol.md). */
import { random } from './base64url.js';
import { learn, now } from './clock.js';
import { sign } from './jws.js';
import { version } from './version.js';

const PATIENCE = 15000; /* ms beside the time that a call asks to be held */

/* code: the server's word; `offline` where no answer came. body: its answer, or {}. */
export class ApiError extends Error {
	constructor(code, body = {}) {
		super(code);
		this.name = 'ApiError';
		this.code = code;
		this.body = body;
	}
}

async function post(url, body, wait, signal) {
	const abort = new AbortController();
	const timer = setTimeout(() => abort.abort(), wait * 1000 + PATIENCE);
	signal?.addEventListener('abort', () => abort.abort());
	try {
		const response = await fetch(url, {
			method: 'POST',
			headers: { 'Content-Type': 'application/jose' },
			body,
			cache: 'no-store',
			credentials: 'omit',
			redirect: 'error',
			signal: abort.signal,
		});
		const answer = await response.json().catch(() => null);
		if (answer === null || typeof answer !== 'object') throw new ApiError('unavailable');
		await learn(answer.now);
		if (!response.ok) throw new ApiError(typeof answer.error === 'string' ? answer.error : 'unavailable', answer);
		return answer;
	} catch (error) {
		throw error instanceof ApiError ? error : new ApiError('offline');
	} finally {
		clearTimeout(timer);
	}
}

/* identity: { server, key, kid, jwk }. introduce: the server does not know the key yet. Returns the answer; throws ApiError. */
export async function call(identity, name, members = {}, { introduce = false, signal } = {}) {
	const url = `${identity.server}/phone/v1/${name}`;
	const header = { typ: 'pam-approve-phone+jws', kid: identity.kid, ...(introduce && { jwk: identity.jwk }) };
	const attempt = async () => {
		const own = { url, iat: Math.floor(await now()), jti: random(16), app: version };
		return post(url, await sign(identity.key, header, { ...members, ...own }), members.wait ?? 0, signal);
	};
	try {
		return await attempt();
	} catch (error) {
		if (error.code !== 'stale') throw error;
		return attempt();
	}
}

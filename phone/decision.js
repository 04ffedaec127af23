/* The answer to a request: signed over the details' own bytes (docs/phone-protocol.md, "Decision"). */
import { call } from './api.js';
import { now } from './clock.js';
import { sha256, sign } from './jws.js';

/* decision: approve, deny, not_me. number: integer or null. Returns the server's { state, result }; throws ApiError. */
export async function decide(identity, request, bytes, decision, number = null) {
	const header = { typ: 'pam-approve-decision+jws', kid: identity.kid };
	const signed = await sign(identity.key, header, {
		details_sha256: await sha256(bytes),
		decision,
		number,
		iat: Math.floor(await now()),
		jkt: identity.kid,
	});
	return call(identity, 'decide', { request, decision: signed });
}

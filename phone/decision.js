/* The answer to a request: signed over the details' own bytes (docs/phone-protocol.md, "Decision"). */
import { call } from './api.js';
import { now } from './clock.js';
import { seal } from './host_codes.js';
import { sha256, sign } from './jws.js';

/* decision: approve, deny, not_me. number: integer or null. details: parsed, to approve. Returns the server's { state, result }; throws ApiError. */
export async function decide(identity, request, bytes, decision, number = null, details = null) {
	const header = { typ: 'pam-approve-decision+jws', kid: identity.kid };
	const hash = await sha256(bytes);
	/* Where the host's key is none, the approval does without. */
	const secret = decision === 'approve' && details.host_key && (await seal(identity, details, hash).catch(() => {}));
	const signed = await sign(identity.key, header, {
		details_sha256: hash,
		decision,
		number,
		iat: Math.floor(await now()),
		jkt: identity.kid,
		host_secret: secret || undefined,
	});
	return call(identity, 'decide', { request, decision: signed });
}

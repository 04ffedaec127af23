/* The user's requests, asked for as long as the app is looked at. */
import { ApiError, call } from './api.js';
import { decode } from './base64url.js';
import { parseOurs } from './details.js';

const HELD = 25; /* seconds */
const PAUSES = [1, 2, 5, 10, 30]; /* seconds, after faults */

/* Emits `change`; `requests` is null until the first answer. `fault` is an ApiError, or null. */
export class Inbox extends EventTarget {
	requests = null;
	fault = null;
	pushOk; /* whether pushes reach this device */
	listed = false; /* the list was shown: a request in it was there before */
	#identity;
	#revision = '';
	#faults = 0;
	#abort = null;
	#wake = null;
	#stopped = false;

	constructor(identity) {
		super();
		this.#identity = identity;
	}

	start() {
		document.addEventListener('visibilitychange', this.#look);
		addEventListener('online', this.#look);
		this.#run();
	}

	stop() {
		this.#stopped = true;
		document.removeEventListener('visibilitychange', this.#look);
		removeEventListener('online', this.#look);
		this.#abort?.abort();
		this.#wake?.();
	}

	get open() {
		return (this.requests ?? []).filter((request) => request.state === 'open');
	}

	find(id) {
		return this.requests?.find((request) => request.id === id);
	}

	/* Asks again at once, as after a push. */
	refresh() {
		this.#revision = '';
		this.#faults = 0;
		this.#abort?.abort();
		this.#wake?.();
	}

	/* What the server said to an answer of ours, before the next list does. */
	settle(id, { state, result }, by = 'this') {
		const request = this.find(id);
		if (!request || !state) return;
		Object.assign(request, { state, result: result ?? '', by });
		this.dispatchEvent(new Event('change'));
	}

	#look = () => (document.visibilityState === 'visible' ? this.refresh() : this.#abort?.abort());

	#sleep(seconds) {
		return new Promise((resolve) => {
			const timer = Number.isFinite(seconds) ? setTimeout(resolve, seconds * 1000) : undefined;
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	async #run() {
		while (!this.#stopped) {
			if (document.visibilityState !== 'visible') {
				await this.#sleep(Infinity);
				continue;
			}
			this.#abort = new AbortController();
			const { signal } = this.#abort;
			try {
				const wait = this.#revision === '' ? 0 : HELD;
				const members = { wait, seen: this.#revision };
				const answer = await call(this.#identity, 'requests', members, { signal });
				this.#take(answer, performance.now());
			} catch (error) {
				if (signal.aborted) continue;
				await this.#fail(error);
			}
		}
	}

	#take(answer, at) {
		this.#faults = 0;
		this.fault = null;
		this.#revision = answer.revision;
		this.pushOk = answer.push_ok;
		this.requests = answer.requests.map((entry) => this.#read(entry, answer.now, at));
		this.dispatchEvent(new Event('change'));
	}

	/* details: null where they may not be shown. ends: in ms of the page's clock. */
	#read(entry, now, at) {
		const { request: id, state, result, by } = entry;
		let bytes = null;
		let details = null;
		try {
			bytes = decode(entry.details);
			details = parseOurs(bytes, id, this.#identity);
		} catch {
			/* Shown as a request that cannot be checked. */
		}
		/* Less than the server's where the host's clock is behind. */
		const left = Math.min(entry.expires_in, details ? details.exp - now : 0);
		return { id, state, result, by, bytes, details, ends: at + 1000 * left };
	}

	async #fail(error) {
		this.fault = error instanceof ApiError ? error : new ApiError('unavailable');
		this.dispatchEvent(new Event('change'));
		if (this.#stopped) return;
		const pause = PAUSES[Math.min(this.#faults++, PAUSES.length - 1)];
		await this.#sleep(Math.max(pause, this.fault.body.retry_after ?? 0));
	}
}

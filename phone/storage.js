/* What this device keeps: values by name, for the page and the worker. */

const NAME = 'approve';
const STORE = 'values';
let connection;

function connect() {
	connection ??= new Promise((resolve, reject) => {
		const opening = indexedDB.open(NAME, 1);
		opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
		opening.onerror = () => reject(opening.error);
		opening.onsuccess = () => {
			const drop = () => (connection = undefined);
			opening.result.onclose = drop;
			opening.result.onversionchange = () => {
				opening.result.close();
				drop();
			};
			resolve(opening.result);
		};
	});
	connection.catch(() => (connection = undefined));
	return connection;
}

async function run(mode, act) {
	const transaction = (await connect()).transaction(STORE, mode);
	return new Promise((resolve, reject) => {
		const request = act(transaction.objectStore(STORE));
		transaction.oncomplete = () => resolve(request.result);
		transaction.onabort = transaction.onerror = () => reject(transaction.error);
	});
}

/* undefined where there is none. */
export const get = (name) => run('readonly', (store) => store.get(name));
export const put = (name, value) => run('readwrite', (store) => store.put(value, name));
/* change(value) gives the new one; no other tab comes between. */
export const update = (name, change) =>
	run('readwrite', (store) => {
		const request = store.get(name);
		request.onsuccess = () => store.put(change(request.result), name);
		return request;
	});
export const remove = (name) => run('readwrite', (store) => store.delete(name));

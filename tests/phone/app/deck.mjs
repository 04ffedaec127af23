/* Everything but the browser: tests/phone/deck.py. */

/* deck.name(...args) calls the deck's method of that name. */
export const deck = new Proxy(
	{},
	{
		get: (_, name) => async (...args) => {
			const response = await fetch(`${process.env.DECK}/${name}`, { method: 'POST', body: JSON.stringify(args) });
			const answer = await response.json();
			if (!response.ok) throw new Error(`${name}: ${answer}`);
			return answer;
		},
	},
);

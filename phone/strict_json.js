/*
 * JSON without the freedoms of JSON.parse: duplicate members, lone surrogates, NUL and numbers that are
 * no safe integer are refused. Objects have no prototype, so that no member name is special.
 */

const TOKEN =
	/[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*))(?![\d.eE])|(true|false|null)\b)/y;
const LITERALS = { true: true, false: false, null: null };
const DEPTH = 4;

function fail() {
	throw new Error('malformed JSON');
}

function text(quoted) {
	const value = JSON.parse(quoted);
	if (/[\0\p{Surrogate}]/u.test(value)) fail();
	return value;
}

/* Returns the value of the whole text; throws on any fault. */
export function parseStrict(source) {
	let position = 0;

	function next() {
		TOKEN.lastIndex = position;
		const match = TOKEN.exec(source);
		if (!match) fail();
		position = TOKEN.lastIndex;
		return match;
	}

	function members(depth) {
		const object = Object.create(null);
		for (let token = next(); token[1] !== '}'; token = next()) {
			if (Object.keys(object).length > 0) {
				if (token[1] !== ',') fail();
				token = next();
			}
			if (token[2] === undefined) fail();
			const name = text(token[2]);
			if (name in object || next()[1] !== ':') fail();
			object[name] = value(next(), depth);
		}
		return object;
	}

	function elements(depth) {
		const list = [];
		for (let token = next(); token[1] !== ']'; token = next()) {
			if (list.length > 0) {
				if (token[1] !== ',') fail();
				token = next();
			}
			list.push(value(token, depth));
		}
		return list;
	}

	function value([, mark, quoted, number, literal], depth) {
		if (quoted !== undefined) return text(quoted);
		if (literal !== undefined) return LITERALS[literal];
		if (number !== undefined) {
			const integer = Number(number);
			if (!Number.isSafeInteger(integer)) fail();
			return integer;
		}
		if (depth >= DEPTH) fail();
		if (mark === '{') return members(depth + 1);
		if (mark === '[') return elements(depth + 1);
		return fail();
	}

	const result = value(next(), 0);
	if (/[^ \t\n\r]/.test(source.slice(position))) fail();
	return result;
}

// Texts with placeholders: "{name}" and "{count, plural, one {# message} other {# messages}}".
// Plain JavaScript, because the check of the catalogue reads texts with it, too.

/**
 * @typedef {{name: string, choices?: Record<string, Part[]>}} Placeholder
 * @typedef {string | Placeholder} Part
 */

/** @param {string} text @returns {Part[]} */
export function parse(text) {
	const reader = { text, at: 0 };
	const parts = readParts(reader, false);
	if (reader.at < text.length)
		throw new Error(`"}" too many at ${reader.at + 1}`);
	return parts;
}

/** @param {{text: string, at: number}} reader @param {boolean} inside of a plural, where # is the number */
function readParts(reader, inside) {
	/** @type {Part[]} */
	const parts = [];
	let plain = '';
	while (reader.at < reader.text.length && reader.text[reader.at] !== '}') {
		const c = reader.text[reader.at++];
		if (c === '{' || (c === '#' && inside)) {
			if (plain)
				parts.push(plain);
			plain = '';
			parts.push(c === '#' ? { name: '#' } : readPlaceholder(reader));
		} else {
			plain += c;
		}
	}
	if (plain)
		parts.push(plain);
	return parts;
}

/** @param {{text: string, at: number}} reader @returns {Placeholder} */
function readPlaceholder(reader) {
	const head = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*(,\s*plural\s*,)?/.exec(reader.text.slice(reader.at));
	if (!head || !head[1])
		throw new Error(`a placeholder needs a name at ${reader.at + 1}`);
	reader.at += head[0].length;
	/** @type {Placeholder} */
	const placeholder = { name: head[1] };
	if (head[2]) {
		placeholder.choices = {};
		let choice;
		while ((choice = /^\s*([a-z]+)\s*\{/.exec(reader.text.slice(reader.at)))) {
			reader.at += choice[0].length;
			placeholder.choices[choice[1] ?? ''] = readParts(reader, true);
			if (reader.text[reader.at++] !== '}')
				throw new Error(`"}" is missing at ${reader.at}`);
		}
		reader.at += /^\s*/.exec(reader.text.slice(reader.at))?.[0].length ?? 0;
	}
	if (reader.text[reader.at++] !== '}')
		throw new Error(`"}" is missing at ${reader.at}`);
	return placeholder;
}

// Reads catalogue/*.json: one file an area, {"area.key": {"en": "...", "de": "...", ...}}.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(fileURLToPath(import.meta.url));
export const languages = ['en', 'de', 'nl', 'sv', 'zh'];

/** All texts: key -> {file, texts: {en, ...}}. Throws on a key that stands twice or in the file of another area. */
export function readCatalogue() {
	const all = new Map();
	const directory = path.join(root, 'catalogue');
	for (const name of fs.readdirSync(directory).filter(name => name.endsWith('.json')).sort()) {
		const area = name.replace(/\.json$/, '');
		let object;
		try {
			object = JSON.parse(fs.readFileSync(path.join(directory, name), 'utf8'));
		} catch (error) {
			throw new Error(`catalogue/${name}: ${error.message}`);
		}
		for (const [key, texts] of Object.entries(object)) {
			if (!key.startsWith(area + '.'))
				throw new Error(`catalogue/${name}: ${key}: keys of this file begin with "${area}."`);
			if (all.has(key))
				throw new Error(`catalogue/${name}: ${key} stands twice`);
			all.set(key, { file: name, texts });
		}
	}
	return all;
}

/** The texts of one language: {key: text}. */
export function textsOf(language) {
	const texts = {};
	for (const [key, entry] of readCatalogue())
		texts[key] = entry.texts[language] ?? entry.texts.en;
	return texts;
}

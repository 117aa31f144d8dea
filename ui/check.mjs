// Checks the catalogue: every text in every language, the same placeholders, no key unused, no key undefined.
import fs from 'node:fs';
import path from 'node:path';
import { languages, readCatalogue, root } from './catalogue.mjs';
import { parse } from './src/message.mjs';

const problems = [];
const catalogue = readCatalogue();

function namesIn(parts, into = new Set()) {
	for (const part of parts) {
		if (typeof part === 'string')
			continue;
		into.add(part.name);
		for (const choice of Object.values(part.choices ?? {}))
			namesIn(choice, into);
	}
	return into;
}

function checkChoices(where, language, parts) {
	const known = new Set(new Intl.PluralRules(language).resolvedOptions().pluralCategories);
	for (const part of parts) {
		if (typeof part === 'string' || !part.choices)
			continue;
		if (!part.choices.other)
			problems.push(`${where}: plural without "other"`);
		for (const [choice, inner] of Object.entries(part.choices)) {
			if (!known.has(choice))
				problems.push(`${where}: ${language} has no plural "${choice}"`);
			checkChoices(where, language, inner);
		}
		for (const needed of known)
			if (!part.choices[needed])
				problems.push(`${where}: plural "${needed}" is missing`);
	}
}

for (const [key, { file, texts }] of catalogue) {
	let expected;
	for (const language of Object.keys(texts))
		if (!languages.includes(language))
			problems.push(`${file}: ${key}: ${language} is no language of the admin center`);
	for (const language of languages) {
		const where = `${file}: ${key} (${language})`;
		if (typeof texts[language] !== 'string' || texts[language].trim() === '') {
			problems.push(`${where}: is missing`);
			continue;
		}
		try {
			const parts = parse(texts[language]);
			const names = [...namesIn(parts)].sort().join(', ');
			expected ??= names;
			if (names !== expected)
				problems.push(`${where}: has the placeholders {${names}}, the first language {${expected}}`);
			checkChoices(where, language, parts);
		} catch (error) {
			problems.push(`${where}: ${error.message}`);
		}
	}
}

// A key is used where it stands in quotes. `area.name.${word}` uses all that begin with "area.name.".
const areas = new Set([...catalogue.keys()].map(key => key.split('.')[0]));
const used = new Set();
const prefixes = new Map();
function readSources(directory) {
	for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
		const name = path.join(directory, entry.name);
		if (entry.isDirectory()) {
			readSources(name);
			continue;
		}
		const source = fs.readFileSync(name, 'utf8');
		for (const [, key] of source.matchAll(/['"]([a-z][a-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+)['"]/g))
			used.add(key);
		for (const [, prefix] of source.matchAll(/`([a-z][a-z0-9_-]*\.(?:[A-Za-z0-9_-]+[.-])*)\$\{/g))
			prefixes.set(prefix, path.relative(root, name));
		for (const [, key] of source.matchAll(/\bt\(\s*['"]([^'"]+)['"]/g))
			if (!catalogue.has(key))
				problems.push(`${path.relative(root, name)}: "${key}" is not in the catalogue`);
	}
}
readSources(path.join(root, 'src'));
for (const [prefix, file] of prefixes)
	if (areas.has(prefix.split('.')[0]) && ![...catalogue.keys()].some(key => key.startsWith(prefix)))
		problems.push(`${file}: no key of the catalogue begins with "${prefix}"`);
for (const [key, { file }] of catalogue)
	if (!used.has(key) && ![...prefixes.keys()].some(prefix => key.startsWith(prefix)))
		problems.push(`${file}: ${key} is not used`);

for (const problem of problems)
	console.error(problem);
console.log(`catalogue: ${catalogue.size} texts in ${languages.length} languages, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);

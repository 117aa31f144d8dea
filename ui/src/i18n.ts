/* Texts, numbers and times in the user's language. */
import { parse, type Part } from './message.mjs';
import { remember, remembered, Store } from './store';

export const languages = { en: 'English', de: 'Deutsch', nl: 'Nederlands', sv: 'Svenska', zh: '中文' } as const;
export type Language = keyof typeof languages;
export type Values = Record<string, string | number>;

const loaders: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
	en: () => import('catalogue:en'),
	de: () => import('catalogue:de'),
	nl: () => import('catalogue:nl'),
	sv: () => import('catalogue:sv'),
	zh: () => import('catalogue:zh'),
};
const tags: Record<Language, string> = { en: 'en-GB', de: 'de', nl: 'nl', sv: 'sv', zh: 'zh-Hans' };

let texts: Record<string, string> = {};
let parsed = new Map<string, Part[]>();
export const language = new Store<Language>('en');

function isLanguage(word: string | null | undefined): word is Language {
	return word != null && Object.hasOwn(languages, word);
}

/** The language chosen before, else the first one of the browser's that is there. */
export function preferredLanguage(): Language {
	const chosen = remembered('language');
	if (isLanguage(chosen))
		return chosen;
	return navigator.languages.map(tag => tag.toLowerCase().split('-')[0]).find(isLanguage) ?? 'en';
}

export async function setLanguage(next: Language, keep = true): Promise<void> {
	texts = (await loaders[next]()).default;
	parsed = new Map();
	document.documentElement.lang = next === 'zh' ? 'zh-Hans' : next;
	if (keep)
		remember('language', next);
	language.set(next);
}

const tag = () => tags[language.value];

function fill(parts: Part[], values: Values, count: number): string {
	return parts.map(part => {
		if (typeof part === 'string')
			return part;
		if (part.name === '#')
			return num(count);
		const value = values[part.name];
		if (part.choices) {
			const n = Number(value);
			return fill(part.choices[new Intl.PluralRules(tag()).select(n)] ?? part.choices.other ?? [], values, n);
		}
		return typeof value === 'number' ? num(value) : value ?? `{${part.name}}`;
	}).join('');
}

/** The text of KEY in the user's language. */
export function t(key: string, values: Values = {}): string {
	const text = texts[key];
	if (text === undefined)
		return key;
	let parts = parsed.get(key);
	if (!parts) {
		parts = parse(text);
		parsed.set(key, parts);
	}
	return fill(parts, values, 0);
}

/** The text of KEY if there is one, else FALLBACK: for words of the server that may be newer than this. */
export function tOr(key: string, fallback: string): string {
	return texts[key] === undefined ? fallback : t(key);
}

export function num(n: number, digits = 0): string {
	return new Intl.NumberFormat(tag(), { maximumFractionDigits: digits }).format(n);
}

/** 0.25 is 25 %. */
export function percent(share: number, digits = 1): string {
	return new Intl.NumberFormat(tag(), { style: 'percent', maximumFractionDigits: digits }).format(share);
}

/** A moment as the API has it: RFC 3339 text, or seconds since 1970. */
export type Moment = string | number | Date;
export function toDate(moment: Moment): Date {
	return typeof moment === 'number' ? new Date(moment * 1000) : new Date(moment);
}

export function date(moment: Moment): string {
	return new Intl.DateTimeFormat(tag(), { dateStyle: 'medium' }).format(toDate(moment));
}
/** A day of a report, which begins at midnight UTC. */
export function day(moment: Moment): string {
	return new Intl.DateTimeFormat(tag(), { dateStyle: 'medium', timeZone: 'UTC' }).format(toDate(moment));
}
export function dateTime(moment: Moment): string {
	return new Intl.DateTimeFormat(tag(), { dateStyle: 'medium', timeStyle: 'medium' }).format(toDate(moment));
}
export function time(moment: Moment): string {
	return new Intl.DateTimeFormat(tag(), { timeStyle: 'medium' }).format(toDate(moment));
}

const steps: [Intl.RelativeTimeFormatUnit & Intl.NumberFormatOptions['unit'], number][] =
	[['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** "3 days", "2 hours": the largest unit that fits. */
export function duration(seconds: number): string {
	const [unit, length] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
	return new Intl.NumberFormat(tag(), { style: 'unit', unit: unit as string, unitDisplay: 'long', maximumFractionDigits: 0 })
		.format(Math.trunc(seconds / length));
}

/** "in 3 days", "2 hours ago". */
export function ago(moment: Moment, now = Date.now()): string {
	const seconds = (toDate(moment).getTime() - now) / 1000;
	const [unit, length] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
	return new Intl.RelativeTimeFormat(tag(), { numeric: 'auto' }).format(Math.trunc(seconds / length), unit);
}

export function bytes(n: number): string {
	const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
	let at = 0;
	while (n >= 1000 && at < units.length - 1) {
		n /= 1000;
		at++;
	}
	return new Intl.NumberFormat(tag(), { style: 'unit', unit: units[at] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: at ? 1 : 0 })
		.format(n);
}

/** "a, b and c". */
export function list(words: string[]): string {
	return new Intl.ListFormat(tag(), { type: 'conjunction' }).format(words);
}

/** For sorting as people of that language do. */
export function compare(a: string, b: string): number {
	return a.localeCompare(b, tag(), { numeric: true });
}

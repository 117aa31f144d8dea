/* Many recipients from a file, one a line: "bob@contoso.example, on-premises, moves in May". Nothing here draws. */

export interface Domain {
	name: string;
	subdomains: boolean;
}
export interface Recipient {
	address: string;
	place: string;
	comment: string | null;
}
export interface Entry extends Recipient {
	/** Where it stands in the file, from 1. */
	line: number;
}
/** A line that cannot be taken: why, as a key of the catalogue with its values. */
export interface Wrong {
	line: number;
	why: 'address' | 'place' | 'twice' | 'other-domain' | 'no-domain' | 'too-long';
	values: Record<string, string>;
}
export interface Parsed {
	entries: Entry[];
	wrong: Wrong[];
}
export interface Change {
	kind: 'recipient';
	op: 'put' | 'remove';
	key: string;
	object?: { address: string; place: string; comment?: string };
}
export interface Plan {
	changes: Change[];
	/** Of each change the line it comes from; 0: it stands in none, and goes. */
	lines: number[];
	added: number;
	changed: number;
	removed: number;
	unchanged: number;
}

/** What one request may hold; larger files are for the command line. */
export const MAX_CHANGES = 20_000, MAX_BYTES = 2_500_000;
const places = ['here', 'on-premises'];
const MAX_ADDRESS = 320;

/** As the server keeps it: lower case, the domain as A-labels; '' where it is no address. */
export function normalAddress(text: string): string {
	const at = text.lastIndexOf('@');
	if (at < 1 || at === text.length - 1 || /[\s<>]/.test(text))
		return '';
	try {
		const domain = new URL(`http://${text.slice(at + 1)}`).host;
		return /^[a-z0-9.-]+$/.test(domain) ? `${text.slice(0, at).toLowerCase()}@${domain}` : '';
	} catch {
		return '';
	}
}

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1);

/** Does one of DOMAINS cover it? */
function isAccepted(domain: string, domains: Domain[]): boolean {
	return domains.some(one => one.name === domain || (one.subdomains && domain.endsWith(`.${one.name}`)));
}

/** Read TEXT. DOMAIN: all are at this one, and a local part alone will do; '': at any that is accepted. */
export function parseList(text: string, domain: string, domains: Domain[]): Parsed {
	const parsed: Parsed = { entries: [], wrong: [] };
	const seen = new Map<string, number>();
	text.replace(/^\uFEFF/, '').split('\n').forEach((raw, i) => {
		const [first = '', second = '', ...rest] = raw.trim().split(',').map(part => part.trim());
		if (first === '' || first.startsWith('#'))
			return;
		const line = i + 1;
		const complain = (why: Wrong['why'], values: Record<string, string> = {}) => parsed.wrong.push({ line, why, values });
		const address = normalAddress(first.includes('@') || domain === '' ? first : `${first}@${domain}`);
		if (address === '')
			return complain('address', { text: first.slice(0, 100) });
		const before = seen.get(address);
		if (address.length > MAX_ADDRESS)
			return complain('too-long', { max: String(MAX_ADDRESS) });
		if (second !== '' && !places.includes(second))
			return complain('place', { text: second.slice(0, 100) });
		if (before !== undefined)
			return complain('twice', { address, line: String(before) });
		if (domain !== '' && domainOf(address) !== domain)
			return complain('other-domain', { address, domain });
		if (!isAccepted(domainOf(address), domains))
			return complain('no-domain', { address });
		seen.set(address, line);
		return parsed.entries.push({ line, address, place: second || 'here', comment: rest.join(', ') || null });
	});
	return parsed;
}

/** What differs from what is THERE. REPLACE: whoever is not in the file goes, of DOMAIN, or of the domains that the file names. */
export function planOf(entries: Entry[], there: Recipient[], domain: string, replace: boolean): Plan {
	const plan: Plan = { changes: [], lines: [], added: 0, changed: 0, removed: 0, unchanged: 0 };
	const old = new Map(there.map(one => [one.address, one]));
	const mine = new Set(entries.map(one => one.address));
	const mineDomains = new Set(domain === '' ? entries.map(one => domainOf(one.address)) : [domain]);
	const add = (change: Change, line: number) => {
		plan.changes.push(change);
		plan.lines.push(line);
	};
	for (const { address, place, comment, line } of entries) {
		const before = old.get(address);
		if (before && before.place === place && (before.comment ?? '') === (comment ?? '')) {
			plan.unchanged++;
			continue;
		}
		plan[before ? 'changed' : 'added']++;
		add({ kind: 'recipient', op: 'put', key: address, object: { address, place, ...(comment && { comment }) } }, line);
	}
	if (replace)
		for (const { address } of there)
			if (!mine.has(address) && mineDomains.has(domainOf(address))) {
				plan.removed++;
				add({ kind: 'recipient', op: 'remove', key: address }, 0);
			}
	return plan;
}

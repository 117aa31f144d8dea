/* Where we are: "#/connectors/contoso/fabrikam?tab=tests". */
import { Store } from './store';

export interface Place {
	/** "/connectors/contoso/fabrikam", decoded in parts. */
	parts: string[];
	query: Record<string, string>;
}

function read(): Place {
	const [path = '', query = ''] = location.hash.replace(/^#/, '').split('?', 2);
	const decode = (part: string) => {
		try {
			return decodeURIComponent(part);
		} catch {
			return part;
		}
	};
	return { parts: path.split('/').filter(Boolean).map(decode), query: Object.fromEntries(new URLSearchParams(query)) };
}

export const place = new Store<Place>(read());
window.addEventListener('hashchange', () => place.set(read()));

/** The link to a place: href('connectors', organisation, name) or href('trace', {to: 'x'}). */
export function href(...parts: (string | Record<string, string | undefined>)[]): string {
	const query = new URLSearchParams();
	const path: string[] = [];
	for (const part of parts)
		if (typeof part === 'string')
			path.push(encodeURIComponent(part));
		else
			for (const [name, value] of Object.entries(part))
				if (value !== undefined && value !== '')
					query.set(name, value);
	const text = query.toString();
	return `#/${path.join('/')}${text ? '?' + text : ''}`;
}

export function go(...parts: (string | Record<string, string | undefined>)[]): void {
	location.hash = href(...parts);
}

/** Change the query of where we are, without a step in the history: filters, tabs. */
export function setQuery(changes: Record<string, string | undefined>): void {
	const next = { ...place.value.query, ...changes };
	history.replaceState(null, '', href(...place.value.parts, next as Record<string, string | undefined>));
	place.set(read());
}

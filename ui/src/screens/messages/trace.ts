/* What the trace says of messages: its types, and the words for them. */
import { t, tOr } from '../../i18n';
import type { Tone } from '../../parts/basic';

export interface ChainFacts {
	subject: string | null;
	issuer: string | null;
	names: string[];
	key: string | null;
	not_before: string | null;
	not_after: string | null;
	sha256: string;
}

export interface Receipt {
	direction: 'in' | 'out';
	at: string | null;
	host: string | null;
	peer_address: string | null;
	peer_port: number;
	organisation: string | null;
	connector: string | null;
	required: string;
	required_by: string[];
	name_expected: string | null;
	attempt: string;
	got: string;
	version: string | null;
	cipher: string | null;
	group: string | null;
	resumed: boolean;
	own_certificate: string | null;
	own_version: string | null;
	chain: ChainFacts[];
	name_matched: string | null;
	verdict: string;
	verdict_detail: string | null;
	revocation: string | null;
	anchors: string | null;
	reason: string | null;
	handshake: string;
	total: string;
	reply: string | null;
}

export interface TraceEvent {
	at: string;
	kind: string;
	recipient: string | null;
	token: string | null;
	enhanced: string | null;
	text: string | null;
	connector: string | null;
	organisation: string | null;
	receipt: Receipt | null;
	would_token: string | null;
	would_text: string | null;
	would_by: string | null;
}

export interface Message {
	/** null: refused before it was accepted. */
	id: string | null;
	at: string;
	sender: string | null;
	recipients: string[];
	message_id: string | null;
	subject: string | null;
	size: number;
	last: TraceEvent | null;
}

const tones: Record<string, Tone> = {
	delivered: 'good', relayed: 'good', 'handed-over': 'good', released: 'info', received: 'info',
	deferred: 'warn', delayed: 'warn', held: 'warn', 'would-refuse': 'warn',
	refused: 'bad', failed: 'bad', expired: 'bad', returned: 'bad', deleted: 'bad',
};

/** The kinds of events by which messages can be searched. */
export const kinds = Object.keys(tones);
export const toneOf = (kind: string): Tone => tones[kind] ?? 'plain';
export const kindWords = (kind: string) => tOr(`messages.kind-${kind}`, kind);
export const levelWords = (level: string) => tOr(`messages.level-${level}`, level);

/** "contoso/fabrikam", as far as it is known. */
export function connectorOf(event: TraceEvent): string {
	const connector = event.receipt?.connector ?? event.connector ?? '';
	const organisation = event.receipt?.organisation ?? event.organisation ?? '';
	return connector && !connector.includes('/') && organisation ? `${organisation}/${connector}` : connector;
}

/** What protected the connection, in a word; empty where there was none. */
export function tlsOf(receipt: Receipt | null): string {
	if (!receipt || receipt.attempt === 'none')
		return '';
	if (receipt.attempt === 'local')
		return t('messages.local');
	return receipt.version ?? t('messages.clear');
}

export function tlsTone(receipt: Receipt): Tone {
	if (receipt.attempt === 'local')
		return 'plain';
	if (!receipt.version)
		return receipt.required === 'none' ? 'warn' : 'bad';
	return 'good';
}

export const address = (text: string | null) => text === null || text === '' ? '<>' : text;

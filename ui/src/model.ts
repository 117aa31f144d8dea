/* Objects as the API has them; only what the screens use. Moments are RFC 3339 texts. */

export type Mode = 'enforce' | 'report';
export type Level = 'none' | 'encrypt' | 'chain' | 'name';

export interface Inbound {
	sender_domains: string[];
	require_tls: boolean;
	certificate_name: string | null;
	restrict_to_certificate: boolean;
	restrict_to_addresses: boolean;
	addresses: string[];
	associated_accepted_domains: string[];
	cross_premises_headers: boolean;
	treat_as_internal: boolean;
	trusted_organisations: string[];
	pins: string[];
	usage: string;
	mode: Mode;
	when_unmet: string;
}

export interface Outbound {
	recipient_domains: string[];
	all_accepted_domains: boolean;
	route_all_via_on_premises: boolean;
	rule_scoped: boolean;
	smart_hosts: string[];
	tls: Level;
	tls_domain: string | null;
	pins: string[];
	certificate: string | null;
	cross_premises_headers: boolean;
	mode: Mode;
	when_unmet: string;
	cost: number;
}

export interface Connector {
	name: string;
	organisation: string;
	type: 'partner' | 'on-premises';
	enabled: boolean;
	comment: string | null;
	trust: string | null;
	revocation: string;
	minimum_version: string;
	groups: string[];
	inbound: Inbound | null;
	outbound: Outbound | null;
	expects: { pins?: string[]; issuer?: string | null; names?: string[] } | null;
	/** The only direction in which TLS is forced; null: none, or both. */
	one_direction: 'inbound' | 'outbound' | null;
}

export interface Alarm {
	id: number;
	kind: string;
	organisation: string | null;
	subject: string;
	text: string;
	first: string;
	last: string;
	count: number;
	/** The cause is gone since then. */
	over: string | null;
	acknowledged: string | null;
	acknowledged_by: string | null;
}

export interface CertificateFacts {
	subject: string;
	issuer: string;
	common_name: string | null;
	serial: string;
	sha256: string;
	spki_sha256: string;
	not_before: string;
	not_after: string;
	names: string[];
	key: string;
	signature: string;
	is_ca: boolean;
	is_self_signed: boolean;
	allows_client: boolean;
	allows_server: boolean;
}

/** A chain that a partner has presented. */
export interface Chain {
	id: number;
	partner: string;
	direction: 'inbound' | 'outbound';
	organisation: string | null;
	connector: string | null;
	hosts: string[];
	asked: string | null;
	verdict: string;
	first: string;
	last: string;
	seen: number;
	accepted: string | null;
	accepted_by: string | null;
	not_after: string;
	sha256: string;
	root: string | null;
	root_not_after: string | null;
	certificates: CertificateFacts[];
	pem?: string;
}

export interface Route {
	route: string;
	messages: number;
	recipients: number;
	held: number;
	oldest: string | null;
	next_attempt: string | null;
	state: 'active' | 'resting' | 'held' | 'waiting';
	last_error: string | null;
	attempts: number;
	last_attempt: string | null;
}
export interface QueueSummary {
	destinations: Route[];
	totals: { messages: number; recipients: number; routes: number; active: number };
}

/** The last test of a connector. */
export interface LastProbe {
	organisation: string;
	connector: string;
	at: string;
	direction: 'inbound' | 'outbound';
	ok: boolean;
}

export interface Finding {
	severity: 'error' | 'warning' | 'note';
	token: string;
	organisation: string | null;
	subject: string;
	text: string;
	remedy: string;
}

/** A certificate of ours that is presented, or will be. */
export interface OwnCertificate {
	name: string;
	version?: string;
	/** null: it has no versions. */
	life: Life | null;
	state: 'next' | 'current' | 'deprecated' | 'retired';
	days_left: number;
	chain: CertificateFacts[];
	used_by: string[];
}
export interface Version {
	id: string;
	state: 'next' | 'current' | 'deprecated' | 'retired';
	added: string | null;
	current: string | null;
	deprecated: string | null;
	retired: string | null;
	not_before: string;
	not_after: string;
	sha256: string[];
}
export interface Life {
	name: string;
	versions: Version[];
	plan: {
		start: string | null; advance: string | null; retire: string | null;
		is_forced: boolean; is_trial: boolean; share: number; connectors: string[];
	};
}

/** What GET /v1/reports/{name} answers: rows in the order of the columns. */
export interface Report {
	report: string;
	since: string;
	until: string;
	step: string;
	columns: string[];
	rows: (string | number | null)[][];
	/** There was more than could be told apart: the rest is "*". */
	crowded: boolean;
}

export function daysUntil(moment: string, now = Date.now()): number {
	return Math.floor((new Date(moment).getTime() - now) / 86_400_000);
}

/** The sum of COUNTED for each word that stands in BY, the largest first. */
export function sumBy(report: Report, by: string, counted: string): { word: string; value: number }[] {
	const at = report.columns.indexOf(by), count = report.columns.indexOf(counted);
	const sums = new Map<string, number>();
	for (const row of report.rows) {
		const word = String(row[at] ?? '');
		sums.set(word, (sums.get(word) ?? 0) + Number(row[count] ?? 0));
	}
	return [...sums].map(([word, value]) => ({ word, value })).sort((a, b) => b.value - a.value);
}

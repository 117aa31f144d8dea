/* Connectors and rules as the API has them, and what the screens make of them. Nothing here draws. */
import type { ApiError, FieldError } from '../../api';

export type Level = 'none' | 'encrypt' | 'chain' | 'name';
export const levels: Level[] = ['none', 'encrypt', 'chain', 'name'];

export interface Inbound {
	sender_domains: string[];
	require_tls: boolean;
	certificate_name: string | null;
	restrict_to_certificate: boolean;
	restrict_to_addresses: boolean;
	addresses: string[];
	mode: 'enforce' | 'report';
	[property: string]: unknown;
}

export interface Outbound {
	recipient_domains: string[];
	all_accepted_domains: boolean;
	route_all_via_on_premises: boolean;
	rule_scoped: boolean;
	smart_hosts: string[];
	tls: Level;
	tls_domain: string | null;
	mode: 'enforce' | 'report';
	[property: string]: unknown;
}

export interface Connector {
	name: string;
	organisation: string;
	type: 'partner' | 'on-premises';
	enabled: boolean;
	comment: string | null;
	trust: string | null;
	minimum_version: string;
	inbound: Inbound | null;
	outbound: Outbound | null;
	/** TLS is forced in this direction only; null: in both or in neither. */
	one_direction: 'inbound' | 'outbound' | null;
	[property: string]: unknown;
}

export interface Finding {
	severity: 'error' | 'warning' | 'note';
	token: string;
	organisation: string;
	subject: string;
	text: string;
	remedy: string;
	/** In a dry run: lint does not say it now. */
	is_new?: boolean;
}

export interface Change {
	kind: 'connector' | 'rule';
	op: 'add' | 'put' | 'patch' | 'remove';
	key: string;
	object?: Record<string, unknown>;
}

export interface ChangeReport {
	generation: number;
	changes: { type: 'added' | 'changed' | 'removed'; kind: string; key: string;
		fields: { path: string; before: string | null; after: string | null }[] }[];
	findings?: Finding[];
}

/** "changes[0].object.inbound.addresses[2]" of an answer is "inbound.addresses[2]" of the object that was sent. */
export function objectErrors(error: ApiError | undefined): FieldError[] {
	return (error?.errors ?? []).map(one => ({ ...one, field: one.field.replace(/^changes\[\d+\]\.object\.?/, '') }));
}

export type Forced = 'both' | 'inbound' | 'outbound' | 'neither';

/** Which way TLS is forced by the halves of a connector itself. */
export function forcedBy(connector: Connector): Forced {
	const into = !!connector.inbound && (connector.inbound.require_tls || connector.inbound.restrict_to_certificate) && connector.inbound.mode !== 'report';
	const out = !!connector.outbound && connector.outbound.tls !== 'none' && connector.outbound.mode !== 'report';
	return into && out ? 'both' : into ? 'inbound' : out ? 'outbound' : 'neither';
}

/** The modes of the halves that are there, each once. */
export function modesOf(connector: Connector): ('enforce' | 'report')[] {
	return [...new Set([connector.inbound?.mode, connector.outbound?.mode].filter(mode => mode !== undefined))];
}

/** What only listings say is nothing to send back. */
export function sendable(connector: Record<string, unknown>): Record<string, unknown> {
	const { one_direction: _, ...rest } = connector;
	return rest;
}

/** Findings about one object, the worst first. */
export function findingsOf(findings: Finding[], kind: string, key: string): Finding[] {
	const order = ['error', 'warning', 'note'];
	return findings.filter(one => one.subject.toLowerCase() === `${kind} ${key}`.toLowerCase())
		.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** The members that differ between two objects, by path; lists count as one value. */
export function differences(before: unknown, after: unknown, path = ''): { path: string; before: unknown; after: unknown }[] {
	const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
	if (isTree(before) && isTree(after))
		return [...new Set([...Object.keys(before), ...Object.keys(after)])]
			.flatMap(name => differences(before[name] ?? null, after[name] ?? null, path ? `${path}.${name}` : name));
	return JSON.stringify(before ?? null) === JSON.stringify(after ?? null) ? [] : [{ path, before, after }];
}

/* The two wizards: which steps there are, what each asks, and the connector that the answers make. Nothing here draws. */
import type { FieldError } from '../../api';
import type { Level } from './model';

export type Kind = 'partner' | 'on-premises';
export type StepId = 'way' | 'name' | 'scope' | 'identify' | 'routing' | 'sending' | 'receiving' | 'start' | 'review';

export interface Answers {
	kind: Kind;
	organisation: string;
	/** Mail comes from there; mail goes there. */
	receives: boolean;
	sends: boolean;
	name: string;
	comment: string;
	enabled: boolean;
	/** Own server: what the two servers know of a message goes along. */
	keepsHeaders: boolean;
	/** Own server: for which mail it is. */
	scope: 'accepted' | 'domains' | 'all' | 'rule';
	domains: string[];
	subdomains: boolean;
	/** Own server: how it is known. */
	identify: 'certificate' | 'addresses';
	certificateName: string;
	addresses: string[];
	route: 'mx' | 'hosts';
	hosts: string[];
	level: Level;
	tlsDomain: string;
	requiresTls: boolean;
	asksCertificate: boolean;
	/** Certificates that are for servers only will do. */
	takesServerCertificate: boolean;
	asksAddresses: boolean;
	/** PEM; empty: the system's roots. */
	trust: string;
	reports: boolean;
}

export function firstAnswers(kind: Kind, organisation = ''): Answers {
	return {
		kind, organisation, receives: true, sends: true, name: '', comment: '', enabled: true, keepsHeaders: kind === 'on-premises',
		scope: 'accepted', domains: [], subdomains: false, identify: 'certificate', certificateName: '', addresses: [],
		route: kind === 'partner' ? 'mx' : 'hosts', hosts: [], level: 'name', tlsDomain: '', requiresTls: true, asksCertificate: true,
		takesServerCertificate: false, asksAddresses: false, trust: '', reports: kind === 'partner',
	};
}

/** The steps that are asked with these answers, in order. */
export function stepsOf(answers: Answers): StepId[] {
	const all: [StepId, boolean][] = answers.kind === 'partner'
		? [['way', true], ['name', true], ['scope', true], ['routing', answers.sends], ['sending', answers.sends],
			['receiving', answers.receives], ['start', true], ['review', true]]
		: [['way', true], ['name', true], ['scope', answers.sends], ['identify', answers.receives], ['routing', answers.sends],
			['sending', answers.sends], ['review', true]];
	return all.filter(([, isAsked]) => isAsked).map(([id]) => id);
}

/** "x" and, where subdomains are meant too, "*.x": one does not cover the other. */
export function patternsOf(answers: Answers): string[] {
	return answers.domains.flatMap(domain =>
		answers.subdomains && !domain.startsWith('*') ? [domain, `*.${domain}`] : [domain]);
}

function inboundOf(answers: Answers): Record<string, unknown> {
	if (answers.kind === 'on-premises')
		return answers.identify === 'certificate'
			? { certificate_name: answers.certificateName, ...(answers.keepsHeaders && { cross_premises_headers: true }),
				...(answers.takesServerCertificate && { usage: 'client-or-server' }) }
			: { addresses: answers.addresses, require_tls: answers.requiresTls };
	const asks = answers.requiresTls && answers.asksCertificate;
	return {
		sender_domains: patternsOf(answers),
		require_tls: answers.requiresTls,
		...(asks && { certificate_name: answers.certificateName, restrict_to_certificate: true }),
		...(asks && answers.takesServerCertificate && { usage: 'client-or-server' }),
		...(answers.asksAddresses && { addresses: answers.addresses, restrict_to_addresses: true }),
		...(answers.reports && { mode: 'report' }),
	};
}

function scopeOf(answers: Answers): Record<string, unknown> {
	if (answers.kind === 'partner' || answers.scope === 'domains')
		return { recipient_domains: patternsOf(answers) };
	return answers.scope === 'accepted' ? { all_accepted_domains: true }
		: answers.scope === 'all' ? { route_all_via_on_premises: true } : { rule_scoped: true };
}

function outboundOf(answers: Answers): Record<string, unknown> {
	return {
		...scopeOf(answers),
		...(answers.route === 'hosts' && { smart_hosts: answers.hosts }),
		tls: answers.level,
		...(answers.level === 'name' && answers.tlsDomain && { tls_domain: answers.tlsDomain }),
		...(answers.kind === 'on-premises' && answers.keepsHeaders && answers.level === 'name' && { cross_premises_headers: true }),
		...(answers.reports && { mode: 'report' }),
	};
}

/** The connector: one object with the halves that were asked for. */
export function connectorOf(answers: Answers): Record<string, unknown> {
	return {
		name: answers.name,
		organisation: answers.organisation,
		type: answers.kind,
		...(!answers.enabled && { enabled: false }),
		...(answers.comment && { comment: answers.comment }),
		...(answers.trust && { trust: answers.trust }),
		...(answers.receives && { inbound: inboundOf(answers) }),
		...(answers.sends && { outbound: outboundOf(answers) }),
	};
}

/** Which answer a property of the connector comes from, and the step that asks for it. */
const origins: [RegExp, keyof Answers, (answers: Answers) => StepId][] = [
	[/^name/, 'name', () => 'name'],
	[/^organisation/, 'organisation', () => 'way'],
	[/^comment/, 'comment', () => 'name'],
	[/^trust/, 'trust', answers => answers.sends ? 'sending' : answers.kind === 'partner' ? 'receiving' : 'identify'],
	[/^inbound\.(sender_domains)/, 'domains', () => 'scope'],
	[/^inbound\.certificate_name/, 'certificateName', answers => answers.kind === 'partner' ? 'receiving' : 'identify'],
	[/^inbound\.addresses/, 'addresses', answers => answers.kind === 'partner' ? 'receiving' : 'identify'],
	[/^inbound\.require_tls/, 'requiresTls', answers => answers.kind === 'partner' ? 'receiving' : 'identify'],
	[/^inbound$/, 'receives', () => 'way'],
	[/^outbound\.recipient_domains/, 'domains', () => 'scope'],
	[/^outbound\.smart_hosts/, 'hosts', () => 'routing'],
	[/^outbound\.tls_domain/, 'tlsDomain', () => 'sending'],
	[/^outbound\.tls/, 'level', () => 'sending'],
];

export interface StepError extends FieldError {
	step: StepId;
}

/** What the server says of the connector, at the answers that it comes from; what comes from none stands at the review. */
export function placeErrors(errors: FieldError[], answers: Answers): StepError[] {
	return errors.map(error => {
		const origin = origins.find(([pattern]) => pattern.test(error.field));
		if (!origin)
			return { ...error, step: 'review' as const };
		const item = /\[\d+\]$/.exec(error.field)?.[0] ?? '';
		// With subdomains each domain is there twice.
		const isDoubled = origin[1] === 'domains' && answers.subdomains;
		return { field: origin[1] + (isDoubled ? '' : item), detail: error.detail, step: origin[2](answers) };
	});
}

/** What is missing in a step: the answer, and the key of the text that says so. */
export function missingIn(step: StepId, answers: Answers): { field: keyof Answers; text: string }[] {
	const missing: { field: keyof Answers; text: string }[] = [];
	const need = (field: keyof Answers, isThere: boolean, text: string) => {
		if (!isThere)
			missing.push({ field, text });
	};
	const isPartner = answers.kind === 'partner';
	switch (step) {
	case 'way':
		need('organisation', answers.organisation !== '', 'wizard.missing-organisation');
		need('receives', answers.receives || answers.sends, 'wizard.missing-way');
		break;
	case 'name':
		need('name', answers.name !== '', 'wizard.missing-name');
		break;
	case 'scope':
		need('domains', !(isPartner || answers.scope === 'domains') || answers.domains.length > 0, 'wizard.missing-domains');
		break;
	case 'identify':
		need('certificateName', answers.identify !== 'certificate' || answers.certificateName !== '', 'wizard.missing-certificate-name');
		need('addresses', answers.identify !== 'addresses' || answers.addresses.length > 0, 'wizard.missing-addresses');
		break;
	case 'routing':
		need('hosts', answers.route !== 'hosts' || answers.hosts.length > 0, 'wizard.missing-hosts');
		break;
	case 'receiving':
		need('certificateName', !answers.requiresTls || !answers.asksCertificate || answers.certificateName !== '', 'wizard.missing-certificate-name');
		need('addresses', !answers.asksAddresses || answers.addresses.length > 0, 'wizard.missing-addresses');
		break;
	default:
		break;
	}
	return missing;
}

/** Can mail of this kind only go to named hosts? By MX it would lead back here. */
export function needsHosts(answers: Answers): boolean {
	return answers.kind === 'on-premises' && (answers.scope === 'accepted' || answers.scope === 'all');
}

/** A name for the connector made of the partner's first domain: "fabrikam" of "mail.fabrikam.co.uk" is a guess, so it is only offered. */
export function nameFrom(domain: string): string {
	return domain.replace(/^\*\./, '').toLowerCase().replace(/[^a-z0-9.-]/g, '').split('.')[0] ?? '';
}

/* The properties of a connector and of a rule as fields of a form. */
import { t } from '../../i18n';
import type { Field, FieldGroup, Tree } from '../../parts/form';
import { propertyHelp, propertyName } from './shared';

/** [property, kind] or [property, words to choose from]. */
type Row = [string, Field['kind'] | string[]];

const tops: Row[] = [['enabled', 'flag'], ['comment', 'text'], ['minimum_version', ['1.2', '1.3']], ['groups', 'list'], ['trust', 'area'],
	['revocation', ['prefer', 'require', 'off']], ['crls', 'area']];

const partnerIn: Row[] = [['sender_domains', 'list'], ['require_tls', 'flag'], ['certificate_name', 'text'], ['restrict_to_certificate', 'flag'],
	['restrict_to_addresses', 'flag'], ['addresses', 'list'], ['mode', ['enforce', 'report']], ['when_unmet', ['refuse', 'defer']],
	['usage', ['client', 'client-or-server', 'any']], ['pins', 'list'], ['associated_accepted_domains', 'list'], ['trusted_organisations', 'list']];
const ownIn: Row[] = [['certificate_name', 'text'], ['addresses', 'list'], ['require_tls', 'flag'], ['usage', ['client', 'client-or-server', 'any']],
	['pins', 'list'], ['associated_accepted_domains', 'list'], ['cross_premises_headers', 'flag'], ['treat_as_internal', 'flag']];
const partnerOut: Row[] = [['recipient_domains', 'list'], ['rule_scoped', 'flag'], ['smart_hosts', 'list'], ['tls', ['none', 'encrypt', 'chain', 'name']],
	['tls_domain', 'text'], ['mode', ['enforce', 'report']], ['when_unmet', ['wait', 'return']], ['certificate', 'text'], ['pins', 'list'], ['cost', 'number']];
const ownOut: Row[] = [['recipient_domains', 'list'], ['all_accepted_domains', 'flag'], ['route_all_via_on_premises', 'flag'], ...partnerOut.slice(1),
	['cross_premises_headers', 'flag']];
const expects: Row[] = [['names', 'list'], ['issuer', 'text'], ['pins', 'list']];

/** Properties in the order of the form; what is kept for later stands behind them. */
export function propertiesOf(half: 'inbound' | 'outbound', type: unknown): string[] {
	const rows = half === 'inbound' ? (type === 'partner' ? partnerIn : ownIn) : type === 'partner' ? partnerOut : ownOut;
	return rows.map(([name]) => name);
}
export const topProperties = tops.map(([name]) => name);
export const expectsProperties = expects.map(([name]) => name);

function field(prefix: string, [name, kind]: Row, when?: (object: Tree) => boolean): Field {
	const path = prefix ? `${prefix}.${name}` : name;
	return {
		path, label: propertyName(path), help: propertyHelp(path), kind: Array.isArray(kind) ? 'choice' : kind,
		...(Array.isArray(kind) && { choices: kind.map(value => ({ value, label: t(`value.${name}-${value.replace(/[^A-Za-z0-9]/g, '-')}`) })) }),
		...(kind === 'number' && { min: 1, max: 100 }),
		...(when && { when }),
	};
}

const has = (half: string) => (object: Tree) => object[half] !== null && object[half] !== undefined;

export function connectorGroups(type: unknown): FieldGroup[] {
	const isPartner = type === 'partner';
	const inbound = (isPartner ? partnerIn : ownIn).map(row => field('inbound', row, has('inbound')));
	const outbound = (isPartner ? partnerOut : ownOut).map(row => field('outbound', row, has('outbound')));
	return [
		{ title: t('connectors.group-general'), fields: tops.slice(0, 2).map(row => field('', row)) },
		{ title: t('connectors.inbound'), isOpen: true, intro: t('connectors.inbound-intro'), fields: inbound },
		{ title: t('connectors.outbound'), isOpen: true, intro: t('connectors.outbound-intro'), fields: outbound },
		{ title: t('connectors.group-trust'), isOpen: false, intro: t('connectors.group-trust-intro'), fields: tops.slice(2).map(row => field('', row)) },
		{ title: t('connectors.group-expects'), isOpen: false, intro: t('connectors.group-expects-intro'), fields: expects.map(row => field('expects', row, has('expects'))) },
	];
}

const ruleRows: { title: string; rows: Row[] }[] = [
	{ title: 'rules.group-what', rows: [['enabled', 'flag'], ['comment', 'text'], ['mode', ['enforce', 'report']]] },
	{ title: 'rules.group-if', rows: [['direction', ['any', 'incoming', 'outgoing', 'internal']], ['senders', 'list'], ['recipients', 'list'], ['header', 'text'],
		['header_contains', 'text'], ['larger_than', 'text']] },
	{ title: 'rules.group-then', rows: [['action', ['pass', 'hold', 'refuse']], ['text', 'text'], ['require_tls', ['none', 'encrypt', 'chain', 'name']], ['connector', 'text']] },
];

export function ruleGroups(connectors: string[]): FieldGroup[] {
	return ruleRows.map(({ title, rows }) => ({
		title: t(title),
		fields: rows.map(row => {
			const one = field('rule', row, row[0] === 'header_contains' ? object => !!object.header
				: row[0] === 'text' ? object => object.action === 'refuse'
					: row[0] === 'require_tls' || row[0] === 'connector' ? object => object.action !== 'refuse' : undefined);
			return { ...one, path: row[0], ...(row[0] === 'connector' && { suggestions: connectors }) };
		}),
	}));
}

/* What organisations, domains and recipients are, for their lists and forms. */
import { t } from '../../i18n';
import type { Field } from '../../parts/form';
import { isInstallationAdmin, mayChange } from '../../session';
import type { Kind } from './objects';

const label = (path: string) => t(`settings.field-${path}`);
const help = (path: string) => t(`settings.help-${path}`);
const text = (path: string, more: Partial<Field> = {}): Field => ({ path, kind: 'text', label: label(path), ...more });
const choice = (path: string, values: string[]): Field => ({
	path, kind: 'choice', label: label(path), choices: values.map(value => ({ value, label: t(`settings.${path}-${value}`) })),
});
const levels = ['none', 'encrypt', 'chain', 'name'];

export const organisations: Kind = {
	plural: 'organisations', key: 'name',
	columns: () => [
		{ id: 'minimum_tls', title: label('minimum_tls'), cell: row => t(`settings.minimum_tls-${String(row.minimum_tls)}`) },
		{ id: 'certificate', title: label('certificate'), cell: row => String(row.certificate ?? '–') },
		{ id: 'comment', title: label('comment'), cell: row => String(row.comment ?? '') },
	],
	groups: () => [
		{ title: '', fields: [text('name', { isRequired: true }), text('comment'), text('postmaster', { help: help('postmaster') })] },
		{ title: t('settings.group-tls'), fields: [
			choice('minimum_tls', levels),
			text('downgrade_grace', { help: help('downgrade_grace'), placeholder: '4h' }),
			text('certificate', { help: help('certificate') }),
			{ path: 'certificates', kind: 'list', label: label('certificates'), help: help('certificates') },
			{ path: 'trust', kind: 'area', label: label('trust'), help: help('trust') },
		] },
		{ title: t('settings.group-mail'), fields: [
			{ path: 'reject_direct_send', kind: 'flag', label: label('reject_direct_send'), help: help('reject_direct_send') },
			text('expiry', { help: help('expiry'), placeholder: '24h' }),
			text('maximum_message', { help: help('maximum_message'), placeholder: '35M' }),
			{ path: 'maximum_queued', kind: 'number', min: 0, label: label('maximum_queued'), help: help('maximum_queued') },
		] },
		{ title: t('settings.group-people'), fields: [
			text('alerts', { help: help('alerts') }),
			{ path: 'administrators', kind: 'list', label: label('administrators'), help: help('administrators') },
		] },
	],
	mayChange: row => mayChange(String(row.name)) && isInstallationAdmin(),
	mayAdd: isInstallationAdmin,
};

export const domains: Kind = {
	plural: 'domains', key: 'name',
	columns: () => [
		{ id: 'organisation', title: label('organisation'), sort: row => String(row.organisation), cell: row => String(row.organisation) },
		{ id: 'type', title: label('type'), cell: row => t(`settings.type-${String(row.type)}`) },
		{ id: 'delivery', title: label('delivery'), cell: row => String(row.delivery ?? '–') },
	],
	groups: () => [{ title: '', fields: [
		text('name', { isRequired: true }),
		text('organisation', { isRequired: true }),
		choice('type', ['authoritative', 'internal-relay']),
		text('delivery', { help: t('settings.help-delivery', { open: '{', close: '}' }), placeholder: 'lmtp:unix:/run/dovecot/lmtp' }),
		{ path: 'subdomains', kind: 'flag', label: label('subdomains'), help: help('subdomains') },
		{ path: 'directory', kind: 'flag', label: label('directory'), help: help('directory') },
		text('comment'),
	] }],
	mayChange: isInstallationAdmin,
	mayAdd: isInstallationAdmin,
};

export const recipients: Kind = {
	plural: 'recipients', key: 'address',
	columns: () => [
		{ id: 'place', title: label('place'), cell: row => t(`settings.place-${String(row.place)}`) },
		{ id: 'comment', title: label('comment'), cell: row => String(row.comment ?? '') },
	],
	groups: () => [{ title: '', fields: [
		text('address', { isRequired: true }),
		choice('place', ['here', 'on-premises']),
		text('comment'),
	] }],
	mayChange: () => mayChange(),
	mayAdd: () => mayChange(),
};

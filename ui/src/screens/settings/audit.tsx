/* The audit log: who changed what, and whether all of it is there as it was written. */
import { useState } from 'preact/hooks';
import { get, useAction, usePages } from '../../api';
import { t } from '../../i18n';
import { ActionButton, Badge, Empty, Note, Section, When } from '../../parts/basic';
import { FilterBar, FormField } from '../../parts/form';
import { Button } from '../../parts/basic';
import { PagedTable, type Column } from '../../parts/table';
import { mayVerify } from '../../session';

interface Entry {
	id: number;
	at: string;
	actor: string | null;
	via: string | null;
	address: string | null;
	action: string | null;
	object: string | null;
	before: unknown;
	after: unknown;
	result: string | null;
	hash: string;
}

interface Verdict {
	ok: boolean;
	entries: number;
	head: string;
	broken_at: number | null;
	text: string | null;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const show = (value: unknown) => value === undefined || value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value);

/** Only what differs, when both sides are there. */
function Difference({ entry }: { entry: Entry }) {
	const { before, after } = entry;
	if (before === null && after === null)
		return null;
	const left = isObject(before) ? before : {}, right = isObject(after) ? after : {};
	const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(name => JSON.stringify(left[name]) !== JSON.stringify(right[name]));
	return (
		<details>
			<summary>{t('settings.details')}</summary>
			{isObject(before) || isObject(after)
				? <ul class="difference">{names.map(name =>
					<li key={name}><code>{name}</code>: {isObject(before) && <del>{show(left[name])}</del>} {isObject(after) && <ins>{show(right[name])}</ins>}</li>)}</ul>
				: <p>{show(before)} → {show(after)}</p>}
			<p class="soft">SHA-256 <code class="digest">{entry.hash}</code></p>
		</details>
	);
}

function columns(): Column<Entry>[] {
	return [
		{ id: 'at', title: t('common.time'), isHead: true, cell: row => <When at={row.at} /> },
		{ id: 'actor', title: t('settings.who'), cell: row => <>{row.actor ?? '–'}{row.address && <span class="soft"> {row.address}</span>}</> },
		{ id: 'action', title: t('settings.what'), cell: row => <code>{row.action}</code> },
		{ id: 'object', title: t('settings.object'), cell: row => <>{row.object ?? '–'}<Difference entry={row} /></> },
		{ id: 'result', title: t('settings.result'), cell: row => <Badge tone={row.result === 'ok' ? 'good' : 'bad'}>
			{row.result === 'ok' ? t('settings.result-ok') : t('settings.result-failed')}</Badge> },
	];
}

export function Audit() {
	const [draft, setDraft] = useState<Record<string, string | undefined>>({});
	const [filter, setFilter] = useState<Record<string, string | undefined>>({});
	const [verdict, setVerdict] = useState<Verdict>();
	const pages = usePages<Entry>('/v1/audit', filter, ['generation']);
	const verify = useAction(async () => setVerdict(await get<Verdict>('/v1/audit/verify')));
	return (
		<Section title={t('settings.audit')} intro={t('settings.audit-intro')} actions={mayVerify() && <ActionButton icon="check" action={verify}>{t('settings.verify')}</ActionButton>}>
			{verdict && <Note tone={verdict.ok ? 'good' : 'bad'}
				title={verdict.ok ? t('settings.verified', { count: verdict.entries }) : t('settings.not-verified', { id: String(verdict.broken_at ?? '?') })}>
				{verdict.text && <p>{verdict.text}</p>}<p>{t('settings.head')} <code class="digest">{verdict.head}</code></p></Note>}
			<FilterBar label={t('settings.audit')} onSubmit={() => setFilter(draft)}>
				{(['actor', 'action', 'object'] as const).map(name =>
					<FormField key={name} field={{ path: name, kind: 'text', label: t(`settings.by-${name}`) }} value={draft[name]}
						onChange={value => setDraft({ ...draft, [name]: value as string | undefined })} />)}
				<div class="filter-buttons"><Button type="submit" look="main" icon="search">{t('settings.find')}</Button></div>
			</FilterBar>
			<PagedTable caption={t('settings.audit')} pages={pages} columns={columns()} rowKey={row => row.id} empty={<Empty title={t('settings.none')} />} />
		</Section>
	);
}

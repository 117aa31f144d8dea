/* Messages: the search of the trace. The filter stands in the address, so that it can be sent to a colleague. */
import { useEffect, useState } from 'preact/hooks';
import { download, useAction, usePages, type Params } from '../../api';
import { bytes, t } from '../../i18n';
import { ActionButton, Badge, Button, Empty, Heading, When } from '../../parts/basic';
import { FilterBar, FormField, type Field } from '../../parts/form';
import { PagedTable, type Column } from '../../parts/table';
import { href, place, setQuery, type Place } from '../../router';
import { Journey } from './journey';
import { address, connectorOf, kinds, kindWords, tlsOf, tlsTone, toneOf, type Message } from './trace';

const versions = ['TLSv1.3', 'TLSv1.2', 'clear'];
const texts = ['address', 'sender', 'recipient', 'message_id', 'connector', 'host', 'subject'] as const;
const names = [...texts, 'outcome', 'tls', 'since', 'until'] as const;
type Filter = Record<string, string | undefined>;

function fields(): Field[] {
	const any = { value: '', label: t('messages.any') };
	return [
		...texts.map((name): Field => ({ path: name, kind: 'text', label: t(`messages.by-${name}`), placeholder: t(`messages.example-${name}`) })),
		{ path: 'outcome', kind: 'choice', label: t('messages.by-outcome'), choices: [any, ...kinds.map(kind => ({ value: kind, label: kindWords(kind) }))] },
		{ path: 'tls', kind: 'choice', label: t('messages.by-tls'),
			choices: [any, ...versions.map(version => ({ value: version, label: version === 'clear' ? t('messages.clear') : version }))] },
		{ path: 'since', kind: 'date', label: t('messages.by-since') },
		{ path: 'until', kind: 'date', label: t('messages.by-until') },
	];
}

/** Days as people choose them become moments: from the first one's beginning to the last one's end, as their clock has it. */
function paramsOf(filter: Filter): Params {
	const params: Params = {};
	for (const name of names)
		params[name] = filter[name];
	if (filter.since)
		params.since = new Date(`${filter.since}T00:00:00`).toISOString();
	if (filter.until)
		params.until = new Date(`${filter.until}T23:59:59.999`).toISOString();
	return params;
}

function Search({ filter }: { filter: Filter }) {
	const [draft, setDraft] = useState<Filter>(filter);
	const [isOpen, setOpen] = useState(names.some(name => name !== 'address' && filter[name]));
	const key = JSON.stringify(filter);
	useEffect(() => setDraft(filter), [key]);
	const shown = isOpen ? fields() : fields().slice(0, 1);
	return (
		<FilterBar label={t('messages.search')} onSubmit={() => setQuery(Object.fromEntries(names.map(name => [name, draft[name] || undefined])))}>
			{shown.map(field => <FormField key={field.path} field={field} value={draft[field.path]}
				onChange={value => setDraft({ ...draft, [field.path]: value as string | undefined })} />)}
			<div class="filter-buttons">
				<Button type="submit" look="main" icon="search">{t('messages.find')}</Button>
				<Button look="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{isOpen ? t('messages.fewer') : t('messages.further')}</Button>
				{names.some(name => filter[name]) &&
					<Button look="quiet" onClick={() => setQuery(Object.fromEntries(names.map(name => [name, undefined])))}>{t('messages.clear-filter')}</Button>}
			</div>
		</FilterBar>
	);
}

function Tls({ message }: { message: Message }) {
	const receipt = message.last?.receipt ?? null;
	const words = tlsOf(receipt);
	return receipt && words ? <Badge tone={tlsTone(receipt)}>{words}</Badge> : <span class="soft">–</span>;
}

function Recipients({ message }: { message: Message }) {
	const [first, ...others] = message.recipients;
	return <>{first ?? '–'}{others.length > 0 && <span class="soft"> {t('messages.and-others', { count: others.length })}</span>}</>;
}

function columns(): Column<Message>[] {
	return [
		{ id: 'at', title: t('messages.column-at'), isHead: true, cell: row => row.id
			? <a href={href('messages', row.id)}><When at={row.at} /></a> : <When at={row.at} /> },
		{ id: 'from', title: t('messages.column-from'), cell: row => address(row.sender) },
		{ id: 'to', title: t('messages.column-to'), cell: row => <Recipients message={row} /> },
		{ id: 'outcome', title: t('messages.column-outcome'), cell: row => row.last &&
			<Badge tone={toneOf(row.last.kind)} title={row.last.text ?? ''}>{kindWords(row.last.kind)}</Badge> },
		{ id: 'tls', title: t('messages.column-tls'), cell: row => <Tls message={row} /> },
		{ id: 'connector', title: t('messages.column-connector'), cell: row => row.last && connectorOf(row.last) || <span class="soft">–</span> },
		{ id: 'size', title: t('messages.column-size'), align: 'end', cell: row => bytes(row.size) },
	];
}

function List({ filter }: { filter: Filter }) {
	const params = paramsOf(filter);
	const pages = usePages<Message>('/v1/trace', params, ['trace']);
	const csv = useAction(() => download('/v1/trace', 'messages.csv', { ...params, format: 'csv', limit: 1000 }));
	const json = useAction(() => download('/v1/trace', 'messages.json', { ...params, limit: 1000 }));
	return (
		<>
			<Heading title={t('messages.title')} intro={t('messages.intro')} actions={
				<>
					<ActionButton icon="download" action={csv} title={t('messages.export-help')}>CSV</ActionButton>
					<ActionButton icon="download" action={json} title={t('messages.export-help')}>JSON</ActionButton>
				</>
			} />
			<Search filter={filter} />
			<PagedTable caption={t('messages.title')} pages={pages} columns={columns()} rowKey={row => `${row.id} ${row.at} ${row.sender} ${row.recipients[0]}`}
				empty={<Empty title={t('messages.none')}>{t('messages.none-text')}</Empty>} />
		</>
	);
}

export function Messages({ place: where }: { place: Place }) {
	const id = where.parts[1];
	if (id)
		return <Journey id={id} />;
	return <List filter={place.use().query} />;
}


/* The queue: what waits, by destination and one by one, and what can be done about it. Every deed is counted before it is done. */
import { useEffect, useState } from 'preact/hooks';
import { get, send, useAction, useLoad, usePages } from '../../api';
import { num, t, tOr } from '../../i18n';
import { Ago, Badge, Button, Empty, ErrorNote, Heading, Loading, Note, Section, When, type Tone } from '../../parts/basic';
import { Confirm } from '../../parts/dialog';
import { FilterBar, FormField, type Field } from '../../parts/form';
import { PagedTable, Table, type Column } from '../../parts/table';
import { say } from '../../parts/toast';
import { href, place, setQuery } from '../../router';
import { mayChange } from '../../session';

interface Destination {
	route: string;
	messages: number;
	recipients: number;
	held: number;
	oldest: string | null;
	next_attempt: string | null;
	state: string;
	last_error: string | null;
	attempts: number;
}

interface Summary {
	destinations: Destination[];
	totals: { messages: number; recipients: number };
}

interface Recipient {
	number: number;
	address: string;
	route: string;
	state: string;
	attempts: number;
	next_attempt: string | null;
	last_token: string | null;
	last_text: string | null;
	last_host: string | null;
}

interface Waiting {
	id: string;
	received: string;
	sender: string | null;
	size: number;
	recipients: Recipient[];
}

type Deed = 'retry' | 'hold' | 'release' | 'return' | 'delete';
const deeds: Deed[] = ['retry', 'hold', 'release', 'return', 'delete'];
const deedIcons = { retry: 'reload', hold: 'pause', release: 'play', return: 'left', delete: 'trash' } as const;

/** What is about to be done, and to how many. */
interface Plan {
	deed: Deed;
	count: number;
	route?: string;
	ids?: string[];
}

/** "connector:contoso/fabrikam;as=mx" as people call it. */
function routeWords(route: string): string {
	return route.replace(/;.*$/, '').replace(/^(connector|mx):/, '');
}

const tones: Record<string, Tone> = { active: 'info', waiting: 'plain', held: 'warn', resting: 'bad' };
function State({ state }: { state: string }) {
	return <Badge tone={tones[state] ?? 'plain'}>{tOr(`queue.state-${state}`, state)}</Badge>;
}

function Asked({ plan, onClose, onDone }: { plan: Plan; onClose: () => void; onDone: () => void }) {
	const { deed, count, route, ids } = plan;
	const action = useAction(async () => {
		const filters = ids ? ids.map(id => ({ id })) : [{ route: route ?? '' }];
		let messages = 0;
		for (const filter of filters)
			messages += (await send<{ messages: number }>('POST', `/v1/queue/${deed}`, { filter })).messages;
		say(t('queue.done', { count: messages }));
		onDone();
	});
	return (
		<Confirm title={t(`queue.ask-${deed}`)} action={action} yes={t(`queue.act-${deed}`)} isDanger={deed === 'delete' || deed === 'return'} onClose={onClose}>
			<p>{route ? t('queue.about-route', { count, route: routeWords(route) }) : t('queue.about-chosen', { count })}</p>
			{deed === 'return' && <p>{t('queue.return-help')}</p>}
			{deed === 'delete' && <Note tone="warn">{t('queue.delete-help')}</Note>}
		</Confirm>
	);
}

function Destinations({ summary, onPlan }: { summary: Summary; onPlan: (plan: Plan) => void }) {
	const columns: Column<Destination>[] = [
		{ id: 'route', title: t('queue.destination'), isHead: true, sort: row => row.route,
			cell: row => <a href={href('queue', { route: row.route })} title={row.route}>{routeWords(row.route)}</a> },
		{ id: 'state', title: t('queue.state'), sort: row => row.state, cell: row => <State state={row.state} /> },
		{ id: 'messages', title: t('queue.messages'), align: 'end', sort: row => row.messages,
			cell: row => <>{num(row.messages)}{row.held > 0 && <span class="soft"> ({t('queue.held', { count: row.held })})</span>}</> },
		{ id: 'oldest', title: t('queue.oldest'), sort: row => row.oldest, cell: row => <Ago at={row.oldest} /> },
		{ id: 'next', title: t('queue.next'), sort: row => row.next_attempt, cell: row => <Ago at={row.next_attempt} /> },
		{ id: 'why', title: t('queue.why'), cell: row => row.last_error ?? <span class="soft">{t('queue.first')}</span> },
	];
	if (mayChange())
		columns.push({ id: 'deeds', title: t('queue.deeds'), cell: row =>
			<span class="row-actions">{(['retry', row.held > 0 ? 'release' : 'hold'] as Deed[]).map(deed =>
				<Button key={deed} look="quiet" icon={deedIcons[deed]} onClick={() => onPlan({ deed, count: row.messages, route: row.route })}>
					{t(`queue.act-${deed}`)}</Button>)}</span> });
	return <Table caption={t('queue.destinations')} columns={columns} rows={summary.destinations} rowKey={row => row.route}
		empty={<Empty title={t('queue.empty')}>{t('queue.empty-text')}</Empty>} />;
}

const filterNames = ['sender', 'recipient', 'domain', 'connector'] as const;

function Filters({ query }: { query: Record<string, string | undefined> }) {
	const [draft, setDraft] = useState<Record<string, string | undefined>>(query);
	const key = JSON.stringify(query);
	useEffect(() => setDraft(query), [key]);
	const fields = filterNames.map((name): Field => ({ path: name, kind: 'text', label: t(`queue.by-${name}`) }));
	const isFiltered = !!query.route || filterNames.some(name => query[name]);
	return (
		<FilterBar label={t('queue.filter')} onSubmit={() => setQuery(Object.fromEntries(filterNames.map(name => [name, draft[name] || undefined])))}>
			{fields.map(field => <FormField key={field.path} field={field} value={draft[field.path]}
				onChange={value => setDraft({ ...draft, [field.path]: value as string | undefined })} />)}
			<div class="filter-buttons">
				<Button type="submit" look="main" icon="search">{t('queue.apply')}</Button>
				{isFiltered && <Button look="quiet" onClick={() => setQuery({ route: undefined, ...Object.fromEntries(filterNames.map(name => [name, undefined])) })}>
					{t('queue.show-all')}</Button>}
				{query.route && <Badge>{t('queue.only-route', { route: routeWords(query.route) })}</Badge>}
			</div>
		</FilterBar>
	);
}

function Recipients({ recipients }: { recipients: Recipient[] }) {
	return <ul class="plain-list">{recipients.map(one => <li key={one.number}>{one.address} <State state={one.state} /></li>)}</ul>;
}

function messageColumns(): Column<Waiting>[] {
	const first = (row: Waiting) => row.recipients[0];
	return [
		{ id: 'received', title: t('queue.received'), isHead: true, cell: row => <a href={href('messages', row.id)}><When at={row.received} /></a> },
		{ id: 'from', title: t('queue.from'), cell: row => row.sender || '<>' },
		{ id: 'to', title: t('queue.to'), cell: row => <Recipients recipients={row.recipients} /> },
		{ id: 'attempts', title: t('queue.attempts'), align: 'end', cell: row => num(first(row)?.attempts ?? 0) },
		{ id: 'next', title: t('queue.next'), cell: row => <Ago at={first(row)?.next_attempt} /> },
		{ id: 'why', title: t('queue.why'), cell: row => {
			const one = first(row);
			return one?.last_text ? <>{one.last_token && one.last_token !== 'ok' && <code>{one.last_token}</code>} {one.last_text}</>
				: <span class="soft">{t('queue.first')}</span>;
		} },
	];
}

function Messages({ query, onPlan, turn }: { query: Record<string, string | undefined>; onPlan: (plan: Plan) => void; turn: number }) {
	const [chosen, setChosen] = useState<Set<string | number>>(new Set());
	const pages = usePages<Waiting>('/v1/queue', { route: query.route, ...Object.fromEntries(filterNames.map(name => [name, query[name]])) }, ['queue', 'recipients']);
	useEffect(() => {
		setChosen(new Set());
		if (turn)
			pages.reload();
	}, [turn]);
	const ids = pages.items.map(row => row.id).filter(id => chosen.has(id));
	return (
		<>
			{mayChange() && ids.length > 0 &&
				<div class="chosen" role="toolbar" aria-label={t('queue.actions')}>
					<span>{t('queue.chosen', { count: ids.length })}</span>
					{deeds.map(deed => <Button key={deed} icon={deedIcons[deed]} look={deed === 'delete' ? 'danger' : 'plain'}
						onClick={() => onPlan({ deed, count: ids.length, ids })}>{t(`queue.act-${deed}`)}</Button>)}
				</div>}
			<PagedTable caption={t('queue.messages')} pages={pages} columns={messageColumns()} rowKey={row => row.id}
				empty={<Empty title={t('queue.none')} />} {...(mayChange() && { chosen, onChoose: setChosen })} />
		</>
	);
}

export function Queue() {
	const { query } = place.use();
	const [plan, setPlan] = useState<Plan>();
	const [turn, setTurn] = useState(0);
	const summary = useLoad(signal => get<Summary>('/v1/queue/summary', {}, signal), [turn], ['queue', 'recipients', 'trace']);
	const totals = summary.value?.totals;
	return (
		<>
			<Heading title={t('queue.title')} intro={t('queue.intro')}
				badge={totals && <Badge tone={totals.messages ? 'info' : 'good'}>{t('queue.total', { messages: totals.messages, recipients: totals.recipients })}</Badge>} />
			<Section title={t('queue.destinations')}>
				{summary.error && <ErrorNote error={summary.error} onRetry={summary.reload} />}
				{summary.value ? <Destinations summary={summary.value} onPlan={setPlan} /> : summary.isLoading && <Loading />}
			</Section>
			<Section title={t('queue.messages')}>
				<Filters query={query} />
				<Messages query={query} onPlan={setPlan} turn={turn} />
			</Section>
			{plan && <Asked plan={plan} onClose={() => setPlan(undefined)} onDone={() => setTurn(turn + 1)} />}
		</>
	);
}

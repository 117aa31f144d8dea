/* Reports: one tab for each, filters above, chart, table, files, paper. */
import { useEffect, useState } from 'preact/hooks';
import { download, get, getAll, useAction, useLoad } from '../../api';
import { bytes, date, dateTime, day, num, t, tOr } from '../../i18n';
import type { Connector, Report } from '../../model';
import { ActionButton, Button, Empty, ErrorNote, Heading, Loading, Note } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';
import { Chart, ShareBar } from '../../parts/chart';
import { FilterBar, FormField, type Field } from '../../parts/form';
import { Table, type Column } from '../../parts/table';
import { Tabs } from '../../parts/tabs';
import { href, setQuery, type Place } from '../../router';
import { cellOf, isMoment, kinds, seriesOf, type Kind } from './data';

const periods = ['1', '7', '30', '90', '365'];
const horizons = ['30', '90', '365', '3650'];
const PAGE = 200;

/** The words of the API that have a meaning, in the user's language. */
function wordOf(column: string, value: string): string {
	if (value === '')
		return '–';
	if (value === '*')
		return t('reports.others');
	return tOr(`reports.word-${column}-${value}`, value);
}

interface Filters { days: string; step: string; organisation: string; connector: string; direction: string }

function filtersOf(query: Record<string, string>, kind: Kind): Filters {
	const offered = kind.isAhead ? horizons : periods;
	const days = query.days && offered.includes(query.days) ? query.days : kind.isAhead ? '90' : '7';
	return { days, step: query.step ?? (days === '1' ? 'hour' : 'day'), organisation: query.organisation ?? '', connector: query.connector ?? '', direction: query.direction ?? '' };
}

function Filter({ filters, kind }: { filters: Filters; kind: Kind }) {
	const connectors = useLoad(signal => getAll<Connector>('/v1/connectors', {}, signal));
	const items = connectors.value?.items ?? [];
	const organisations = [...new Set(items.map(one => one.organisation))].sort();
	const any = { value: '', label: t('reports.all') };
	const fields: Field[] = [
		{ path: 'days', kind: 'choice', label: t('reports.period'), choices: (kind.isAhead ? horizons : periods).map(days => ({ value: days, label: t(kind.isAhead ? 'reports.days-ahead' : 'reports.days', { count: Number(days) }) })) },
		{ path: 'step', kind: 'choice', label: t('reports.step'), choices: [{ value: 'hour', label: t('reports.step-hour') }, { value: 'day', label: t('reports.step-day') }], when: () => kind.by !== undefined },
		{ path: 'organisation', kind: 'choice', label: t('reports.organisation'), choices: [any, ...organisations.map(name => ({ value: name, label: name }))], when: () => organisations.length > 1 },
		{ path: 'connector', kind: 'choice', label: t('reports.connector'), choices: [any, ...items.map(one => `${one.organisation}/${one.name}`).sort().map(key => ({ value: key, label: key }))], when: () => !kind.isWithoutConnectors },
		{ path: 'direction', kind: 'choice', label: t('reports.direction'), choices: [any, { value: 'inbound', label: t('reports.word-direction-inbound') }, { value: 'outbound', label: t('reports.word-direction-outbound') }], when: () => !kind.isAhead },
	];
	return (
		<FilterBar label={t('reports.filter')}>
			{fields.filter(field => !field.when || field.when({})).map(field =>
				<FormField key={field.path} field={field} value={filters[field.path as keyof Filters]} onChange={value =>
					setQuery({ [field.path]: value === undefined ? undefined : String(value), ...(field.path === 'days' && { step: undefined }) })} />)}
		</FilterBar>
	);
}

function Cell({ column, value, step }: { column: string; value: string | number | null; step: string }) {
	if (value === null)
		return <span class="soft">–</span>;
	if (column === 'ends')
		return <>{date(value)} <DaysLeft until={String(value)} /></>;
	if (isMoment(column))
		return <>{column === 'time' && step === 'day' ? day(value) : dateTime(value)}</>;
	if (column === 'bytes')
		return <>{bytes(Number(value))}</>;
	if (column === 'message')
		return <a href={href('messages', String(value))}>{value}</a>;
	if (column === 'sha256')
		return <code>{String(value).slice(0, 16)}…</code>;
	return <>{typeof value === 'number' ? num(value) : wordOf(column, value)}</>;
}

function Rows({ report, title }: { report: Report; title: string }) {
	const [shown, setShown] = useState(PAGE);
	useEffect(() => setShown(PAGE), [report]);
	type Row = { row: Report['rows'][number]; i: number };
	const isNumber = (column: string) => report.rows.some(row => typeof cellOf(report, row, column) === 'number');
	// What is empty in every row says nothing; days are in the badge beside the date.
	const shownColumns = report.columns.filter(column => column !== 'days' && report.rows.some(row => cellOf(report, row, column) !== null));
	const columns: Column<Row>[] = shownColumns.map((column, i) => ({
		id: column, title: tOr(`reports.column-${column}`, column), isHead: i === 0,
		...(isNumber(column) && { align: 'end' as const }),
		sort: ({ row }) => cellOf(report, row, column),
		cell: ({ row }) => <Cell column={column} value={cellOf(report, row, column)} step={report.step} />,
	}));
	return (
		<>
			<Table caption={title} columns={columns} rows={report.rows.slice(0, shown).map((row, i) => ({ row, i }))} rowKey={row => row.i} />
			{report.rows.length > shown &&
				<p class="more"><span class="soft">{t('reports.rows-shown', { shown, count: report.rows.length })}</span>
					<Button onClick={() => setShown(shown + 5 * PAGE)}>{t('common.more')}</Button></p>}
		</>
	);
}

function OneReport({ kind, filters }: { kind: Kind; filters: Filters }) {
	const title = t(`reports.name-${kind.name}`);
	const span = Number(filters.days) * 86_400_000, hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
	const params = {
		...(kind.isAhead ? { until: new Date(hour + 3_600_000 + span).toISOString() } : { since: new Date(hour - span).toISOString(), direction: filters.direction }),
		...(kind.by && { step: filters.step }), organisation: filters.organisation, ...(!kind.isWithoutConnectors && { connector: filters.connector }),
	};
	const load = useLoad(signal => get<Report>(`/v1/reports/${kind.name}`, params, signal), [kind.name, JSON.stringify(params)]);
	const csv = useAction(() => download(`/v1/reports/${kind.name}`, `sealpost-${kind.name}.csv`, { ...params, format: 'csv' }));
	const json = useAction(() => download(`/v1/reports/${kind.name}`, `sealpost-${kind.name}.json`, { ...params, format: 'json' }));
	const report = load.value?.report === kind.name ? load.value : undefined;
	const drawn = report && kind.by && kind.counted && report.columns.includes(kind.by)
		? seriesOf(report, kind.by, kind.counted, word => wordOf(kind.by ?? '', word || 'clear'), t('reports.others')) : undefined;
	return (
		<div class="report">
			<h2>{title}</h2>
			<p class="intro">{t(`reports.about-${kind.name}`)}{report && !kind.isAhead && <> {t('reports.from-to', { from: date(report.since), to: date(report.until) })}</>}</p>
			<Filter filters={filters} kind={kind} />
			<div class="actions report-actions">
				<ActionButton action={csv} icon="download">CSV</ActionButton>
				<ActionButton action={json} icon="download">JSON</ActionButton>
				<Button icon="print" onClick={() => print()}>{t('reports.print')}</Button>
			</div>
			{load.error && <ErrorNote error={load.error} onRetry={load.reload} />}
			{!report ? !load.error && <Loading /> : report.rows.length === 0
				? <Empty title={t('reports.empty')}><p>{t('reports.empty-text')}</p></Empty> : <>
					{drawn && drawn.times.length > 0 && <>
						<ShareBar label={title} parts={drawn.series.map(one => ({ label: one.label, value: one.values.reduce<number>((a, b) => a + (b ?? 0), 0), tone: one.tone }))} />
						<Chart title={title} times={drawn.times} series={drawn.series} step={report.step === 'hour' ? 'hour' : 'day'} isStacked />
					</>}
					{report.crowded && <Note tone="warn">{t('reports.crowded')}</Note>}
					<Rows report={report} title={title} />
				</>}
		</div>
	);
}

export function Reports({ place }: { place: Place }) {
	return (
		<>
			<Heading title={t('reports.title')} intro={t('reports.intro')} />
			<div class="section"><Tabs label={t('reports.title')} name="report" tabs={kinds.map(kind => ({
				id: kind.name, title: t(`reports.name-${kind.name}`), content: () => <OneReport key={kind.name} kind={kind} filters={filtersOf(place.query, kind)} />,
			}))} /></div>
		</>
	);
}

/* The connectors and how they are: forced both ways, mail that waits, certificates, the last test. */
import { getAll, useLoad, type Load } from '../../api';
import { num, t } from '../../i18n';
import type { Chain, Connector, LastProbe, QueueSummary, Route } from '../../model';
import { Ago, Badge, Empty, ErrorNote, Loading, Section } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';
import { Table, type Column } from '../../parts/table';
import { href } from '../../router';
import { mayChange } from '../../session';

const SHOWN = 50;

const keyOf = (connector: Connector) => `${connector.organisation}/${connector.name}`;

function HalfBadge({ connector, half }: { connector: Connector; half: 'inbound' | 'outbound' }) {
	const it = connector[half];
	if (!it)
		return <span class="soft">{t('overview.no-half')}</span>;
	const isForced = half === 'inbound' ? connector.inbound?.require_tls : connector.outbound?.tls !== 'none';
	if (!isForced)
		return <Badge tone="warn">{t('overview.not-forced')}</Badge>;
	const proof = half === 'inbound' ? (connector.inbound?.certificate_name ? 'name' : 'encrypt') : connector.outbound?.tls ?? 'encrypt';
	const level = t(`overview.level-${proof}`);
	return it.mode === 'report' ? <Badge tone="info">{t('overview.report-mode', { level })}</Badge> : <Badge tone="good">{level}</Badge>;
}

function LastTest({ connector, tests }: { connector: Connector; tests: Load<{ items: LastProbe[] }> }) {
	if (!tests.value)
		return <span class="soft">{tests.error ? '–' : '…'}</span>;
	const last = tests.value.items.find(one => one.organisation === connector.organisation && one.connector === connector.name);
	if (!last)
		return <a href={href('connectors', connector.organisation, connector.name, { tab: 'live' })}>{t('overview.never-tested')}</a>;
	return <><Badge tone={last.ok ? 'good' : 'bad'}>{last.ok ? t('overview.test-fine') : t('overview.test-failed')}</Badge> <span class="soft"><Ago at={last.at} /></span></>;
}

interface Row {
	connector: Connector;
	route: Route | undefined;
	ends: string | undefined;
	urgency: number;
}

function rowsOf(connectors: Connector[], queue: QueueSummary | undefined, chains: Chain[]): Row[] {
	return connectors.map(connector => {
		const route = queue?.destinations.find(one => one.route === `connector:${keyOf(connector)}`);
		const ends = chains.filter(chain => chain.organisation === connector.organisation && chain.connector === connector.name)
			.map(chain => chain.not_after).sort()[0];
		const isSoon = ends !== undefined && new Date(ends).getTime() < Date.now() + 30 * 86_400_000;
		return { connector, route, ends, urgency: (route?.messages ? 4 : 0) + (isSoon ? 2 : 0) + (connector.one_direction ? 1 : 0) };
	}).sort((a, b) => b.urgency - a.urgency);
}

export function Partners({ queue }: { queue: QueueSummary | undefined }) {
	const connectors = useLoad(signal => getAll<Connector>('/v1/connectors', {}, signal), [], ['generation']);
	const chains = useLoad(signal => getAll<Chain>('/v1/chains', { newest: true }, signal), [], ['alarms', 'trace']);
	const tests = useLoad(signal => getAll<LastProbe>('/v1/connector-tests', {}, signal), [], ['generation']);
	if (connectors.error)
		return <Section title={t('overview.partners')}><ErrorNote error={connectors.error} onRetry={connectors.reload} /></Section>;
	if (!connectors.value)
		return <Section title={t('overview.partners')}><Loading /></Section>;
	const rows = rowsOf(connectors.value.items, queue, chains.value?.items ?? []);
	const columns: Column<Row>[] = [
		{ id: 'name', title: t('overview.connector'), isHead: true, sort: row => keyOf(row.connector), cell: ({ connector }) =>
			<><a href={href('connectors', connector.organisation, connector.name)}>{connector.name}</a> <span class="soft">{connector.organisation}</span>
				{!connector.enabled && <> <Badge>{t('overview.disabled')}</Badge></>}</> },
		{ id: 'in', title: t('overview.inbound'), cell: row => <HalfBadge connector={row.connector} half="inbound" /> },
		{ id: 'out', title: t('overview.outbound'), cell: row => <HalfBadge connector={row.connector} half="outbound" /> },
		{ id: 'both', title: t('overview.both-ways'), sort: row => row.connector.one_direction ?? '', cell: ({ connector }) =>
			connector.one_direction ? <Badge tone="warn">{t(`overview.only-${connector.one_direction}`)}</Badge>
				: connector.inbound && connector.outbound ? t('overview.both') : '–' },
		{ id: 'waiting', title: t('overview.waiting'), align: 'end', sort: row => row.route?.messages ?? 0, cell: ({ connector, route }) =>
			route?.messages ? <a href={href('queue', { connector: keyOf(connector) })} title={route.last_error ?? ''}>{num(route.messages)}
				{route.held > 0 && ` (${t('overview.held', { count: route.held })})`}</a> : '0' },
		{ id: 'certificate', title: t('overview.certificate'), sort: row => row.ends ?? 'z', cell: row => row.ends ? <DaysLeft until={row.ends} /> : <span class="soft">{t('overview.none-seen')}</span> },
		{ id: 'test', title: t('overview.last-test'), cell: row => <LastTest connector={row.connector} tests={tests} /> },
	];
	return (
		<Section title={t('overview.partners')} intro={t('overview.partners-intro')}>
			<Table caption={t('overview.partners')} columns={columns} rows={rows.slice(0, SHOWN)} rowKey={row => keyOf(row.connector)}
				empty={<Empty title={t('overview.no-partners')}>{mayChange() && <a href={href('connectors', 'new', 'partner')}>{t('overview.add-partner')}</a>}</Empty>} />
			{rows.length > SHOWN && <p><a href={href('connectors')}>{t('overview.all-partners', { count: rows.length })}</a></p>}
		</Section>
	);
}

/* What enforcing would break: counted while mail flows. */
import { useState } from 'preact/hooks';
import { at, get, useAction, useLoad } from '../../api';
import { num, t } from '../../i18n';
import { ActionButton, Ago, Empty, ErrorNote, Loading, Note, Section } from '../../parts/basic';
import { FilterBar, FormField } from '../../parts/form';
import { Table } from '../../parts/table';
import { say } from '../../parts/toast';
import { href } from '../../router';
import { mayChange } from '../../session';
import type { Connector } from './model';
import { change } from './shared';

interface Reason {
	token: string;
	kind: 'would-refuse' | 'refused';
	host: string | null;
	name: string | null;
	count: number;
	last: string;
	sample: string | null;
	meaning: string;
	remedy: string;
}
interface HalfReport {
	mode: 'enforce' | 'report';
	ok: number;
	would_refuse: number;
	refused: number;
	counted_since: string | null;
	reasons: Reason[];
	verdict: string;
}
interface Report {
	inbound?: HalfReport | null;
	outbound?: HalfReport | null;
}

function Half({ connector, half, report, onChanged }: { connector: Connector; half: 'inbound' | 'outbound'; report: HalfReport; onChanged: () => void }) {
	const isReport = report.mode === 'report';
	const setMode = useAction(async () => {
		const mode = isReport ? 'enforce' : 'report';
		await change([{ kind: 'connector', op: 'patch', key: `${connector.organisation}/${connector.name}`, object: { [half]: { mode } } }]);
		say(t(`connectors.mode-set-${mode}`));
		onChanged();
	});
	const maySet = mayChange(connector.organisation) && (half === 'outbound' || connector.type === 'partner');
	const isReady = isReport && report.would_refuse === 0 && report.ok > 0;
	return (
		<Section title={t(`connectors.${half}`)} actions={maySet && <ActionButton action={setMode}>{isReport ? t('connectors.enforce-now') : t('connectors.report-only')}</ActionButton>}>
			<Note tone={isReady ? 'good' : report.would_refuse + report.refused > 0 ? 'warn' : 'info'} title={report.verdict}>
				{isReady && <p>{t('connectors.ready')}</p>}
			</Note>
			<ul class="numbers">
				<li><b>{num(report.ok)}</b> {t('connectors.count-ok')}</li>
				<li><b>{num(report.would_refuse)}</b> {t('connectors.count-would')}</li>
				<li><b>{num(report.refused)}</b> {t('connectors.count-refused')}</li>
			</ul>
			{report.counted_since && <p class="soft">{t('connectors.counted-since')} <Ago at={report.counted_since} /></p>}
			<Table caption={t('connectors.reasons')} rows={report.reasons} rowKey={one => one.kind + one.token + one.host + one.name} empty={<p class="soft">{t('connectors.no-reasons')}</p>} columns={[
				{ id: 'token', title: t('connectors.reason'), isHead: true, cell: one => <><code>{one.token}</code><p class="help">{one.meaning}. {one.remedy}.</p></> },
				{ id: 'host', title: t('connectors.host'), cell: one => one.host ?? '–' },
				{ id: 'name', title: t('connectors.presented'), cell: one => one.name ?? '–' },
				{ id: 'count', title: t('connectors.messages'), align: 'end', sort: one => one.count, cell: one => num(one.count) },
				{ id: 'last', title: t('connectors.last'), sort: one => one.last, cell: one => <Ago at={one.last} /> },
				{ id: 'sample', title: t('connectors.sample'), cell: one => one.sample ? <a href={href('messages', one.sample)}>{one.sample}</a> : '–' },
			]} />
		</Section>
	);
}

export function Readiness({ connector, onChanged }: { connector: Connector; onChanged: () => void }) {
	const [days, setDays] = useState(30);
	const found = useLoad(signal => get<Report>(at`/v1/connectors/${connector.organisation}/${connector.name}/readiness`, { days }, signal), [days], ['generation']);
	const done = () => {
		found.reload();
		onChanged();
	};
	if (found.error)
		return <ErrorNote error={found.error} onRetry={found.reload} />;
	if (!found.value)
		return <Loading />;
	return (
		<>
			<FilterBar label={t('connectors.days')}>
				<FormField field={{ path: 'days', kind: 'choice', label: t('connectors.days'), choices: [7, 14, 30, 90].map(n => ({ value: String(n), label: t('connectors.last-days', { count: n }) })) }}
					value={String(days)} onChange={value => setDays(Number(value))} />
			</FilterBar>
			{found.value.inbound && <Half connector={connector} half="inbound" report={found.value.inbound} onChanged={done} />}
			{found.value.outbound && <Half connector={connector} half="outbound" report={found.value.outbound} onChanged={done} />}
			{!found.value.inbound && !found.value.outbound && <Empty title={t('connectors.no-reasons')} />}
		</>
	);
}

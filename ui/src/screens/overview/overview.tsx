/* What a look in the morning must show. */
import { get, getAll, useLoad } from '../../api';
import { num, t } from '../../i18n';
import { sumBy, type Finding, type OwnCertificate, type QueueSummary, type Report } from '../../model';
import { Ago, Badge, Empty, ErrorNote, Facts, Heading, Loading, Section } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';
import { ShareBar, type ChartSeries } from '../../parts/chart';
import { href } from '../../router';
import { seesInstallation, session } from '../../session';
import { Alarms } from './alarms';
import { Partners } from './partners';

const DAYS = 7;
const tones: Record<string, ChartSeries['tone']> = { forced: 'good', verified: 'info', encrypted: 'warn', clear: 'bad' };

function Waiting({ queue }: { queue: QueueSummary | undefined }) {
	const held = queue?.destinations.reduce((sum, one) => sum + one.held, 0) ?? 0;
	const oldest = queue?.destinations.map(one => one.oldest).filter((one): one is string => !!one).sort()[0];
	const troubled = queue?.destinations.filter(one => one.last_error).slice(0, 5) ?? [];
	return (
		<Section title={t('overview.queue')} actions={<a href={href('queue')}>{t('overview.see-queue')}</a>}>
			{!queue ? <Loading /> : <>
				<Facts items={[
					[t('overview.queue-messages'), <b>{num(queue.totals.messages)}</b>],
					[t('overview.queue-held'), held > 0 ? <Badge tone="warn">{num(held)}</Badge> : '0'],
					[t('overview.queue-oldest'), oldest && <Ago at={oldest} />],
				]} />
				{troubled.length > 0 && <ul class="troubles">{troubled.map(one =>
					<li key={one.route}><b>{one.route.replace(/^connector:/, '')}</b>: {one.last_error}</li>)}</ul>}
			</>}
		</Section>
	);
}

function Shares() {
	const since = new Date(Date.now() - DAYS * 86_400_000).toISOString();
	const load = useLoad(async signal => {
		const [protection, tls] = await Promise.all(['protection', 'tls'].map(name => get<Report>(`/v1/reports/${name}`, { since, step: 'day' }, signal)));
		return { protection: protection as Report, tls: tls as Report };
	}, []);
	const partsOf = (report: Report, by: string, name: (word: string) => string) =>
		sumBy(report, by, 'recipients').map(({ word, value }) => ({ label: name(word), value, tone: tones[word || 'clear'] }));
	const hasMail = (load.value?.protection.rows.length ?? 0) > 0;
	return (
		<Section title={t('overview.shares', { count: DAYS })} actions={<a href={href('reports')}>{t('overview.see-reports')}</a>}>
			{load.error && <ErrorNote error={load.error} onRetry={load.reload} />}
			{!load.value ? !load.error && <Loading /> : !hasMail ? <Empty title={t('overview.no-mail-yet')} /> : <>
				<h3>{t('overview.by-protection')}</h3>
				<ShareBar label={t('overview.by-protection')} parts={partsOf(load.value.protection, 'level', word => t(`overview.protection-${word || 'clear'}`))} />
				<h3>{t('overview.by-version')}</h3>
				<ShareBar label={t('overview.by-version')} parts={partsOf(load.value.tls, 'version', word => word && word !== 'clear' ? word : t('overview.protection-clear'))} />
			</>}
		</Section>
	);
}

function Doubts() {
	const lint = useLoad(signal => getAll<Finding>('/v1/lint', {}, signal), [], ['generation']);
	const items = lint.value?.items.filter(one => one.severity !== 'note') ?? [];
	return (
		<Section title={t('overview.doubts')}>
			{lint.error && <ErrorNote error={lint.error} onRetry={lint.reload} />}
			{lint.value && (items.length === 0 ? <Empty title={t('overview.no-doubts')} /> :
				<ul class="doubts">{items.slice(0, 8).map(one =>
					<li key={one.token + one.subject}><Badge tone={one.severity === 'error' ? 'bad' : 'warn'}>{t(`overview.severity-${one.severity}`)}</Badge>
						<span><b>{one.subject}</b>: {one.text}. <span class="soft">{one.remedy}</span></span></li>)}</ul>)}
			{items.length > 8 && <p class="soft">{t('overview.more-doubts', { count: items.length - 8 })}</p>}
		</Section>
	);
}

function OwnCertificates() {
	const certificates = useLoad(signal => getAll<OwnCertificate>('/v1/certificates', {}, signal), [], ['generation']);
	return (
		<Section title={t('overview.own-certificates')} actions={<a href={href('certificates')}>{t('overview.see-certificates')}</a>}>
			{certificates.error && <ErrorNote error={certificates.error} onRetry={certificates.reload} />}
			{certificates.value?.items.length === 0 && <Empty title={t('overview.no-certificates')} />}
			<ul class="plain-list">{certificates.value?.items.filter(one => one.state === 'current').map(one => {
				const leaf = one.chain[0];
				return <li key={one.name}><b>{one.name}</b> <span class="soft">{leaf?.names.slice(0, 3).join(', ')}</span> {leaf && <DaysLeft until={leaf.not_after} />}</li>;
			})}</ul>
		</Section>
	);
}

export function Overview() {
	const queue = useLoad(signal => get<QueueSummary>('/v1/queue/summary', {}, signal), [], ['queue', 'recipients']);
	session.use();
	return (
		<>
			<Heading title={t('overview.title')} />
			<Alarms />
			<Partners queue={queue.value} />
			{queue.error && <ErrorNote error={queue.error} onRetry={queue.reload} />}
			<div class="columns">
				<Shares />
				<div>{!queue.error && <Waiting queue={queue.value} />}{seesInstallation() && <OwnCertificates />}</div>
			</div>
			<Doubts />
		</>
	);
}

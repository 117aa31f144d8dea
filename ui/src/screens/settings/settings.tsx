/* Settings: what stands in the configuration beside connectors and rules, and who may do what. */
import { useState } from 'preact/hooks';
import { get, useLoad } from '../../api';
import { bytes, duration, num, t } from '../../i18n';
import { Badge, ErrorNote, Facts, Heading, Loading, Section } from '../../parts/basic';
import { FilterBar, FormField } from '../../parts/form';
import { Button } from '../../parts/basic';
import { Table } from '../../parts/table';
import { Tabs, type Tab } from '../../parts/tabs';
import { isInstallationAdmin, mayAudit, session } from '../../session';
import { Account } from './account';
import { Audit } from './audit';
import { domains, organisations, recipients } from './kinds';
import { LoadRecipients } from './load';
import { Objects } from './objects';
import { Tokens, Users } from './people';

interface Process {
	role: string;
	index: number;
	pid: number;
	state: string;
	restarts: number;
}

interface Status {
	hostname?: string;
	version: string;
	uptime_ms?: number;
	processes: Process[];
	spool?: { messages?: number; disk_free?: number };
}

function Recipients() {
	const [draft, setDraft] = useState('');
	const [domain, setDomain] = useState('');
	return (
		<Objects kind={recipients} params={{ domain }} more={{ label: t('settings.load'), dialog: (close, done) => <LoadRecipients onClose={close} onDone={done} /> }}>
			<FilterBar label={t('settings.recipients')} onSubmit={() => setDomain(draft)}>
				<FormField field={{ path: 'domain', kind: 'text', label: t('settings.by-domain') }} value={draft} onChange={value => setDraft(String(value ?? ''))} />
				<div class="filter-buttons"><Button type="submit" look="main" icon="search">{t('settings.find')}</Button></div>
			</FilterBar>
		</Objects>
	);
}

function About() {
	const status = useLoad(signal => get<Status>('/v1/status', {}, signal), [], ['queue']);
	if (status.error)
		return <ErrorNote error={status.error} onRetry={status.reload} />;
	if (!status.value)
		return <Loading />;
	const { processes, spool, version, uptime_ms: up } = status.value;
	return (
		<Section title={t('settings.about')}>
			<Facts items={[
				[t('settings.host'), session.value?.hostname],
				[t('settings.version'), version],
				[t('settings.up'), up === undefined ? null : duration(up / 1000)],
				[t('settings.disk-free'), spool?.disk_free === undefined ? null : bytes(spool.disk_free)],
			]} />
			<Table caption={t('settings.processes')} showCaption rows={processes} rowKey={row => row.pid} columns={[
				{ id: 'role', title: t('settings.process'), isHead: true, cell: row => `${row.role}/${row.index}` },
				{ id: 'state', title: t('settings.state'), cell: row => <Badge tone={row.state === 'working' ? 'good' : 'warn'}>{row.state}</Badge> },
				{ id: 'pid', title: 'PID', align: 'end', cell: row => String(row.pid) },
				{ id: 'restarts', title: t('settings.restarts'), align: 'end', cell: row => num(row.restarts ?? 0) },
			]} />
		</Section>
	);
}

export function Settings() {
	const tabs: (Tab | false)[] = [
		{ id: 'organisations', title: t('settings.organisations'), content: () => <Objects kind={organisations} /> },
		{ id: 'domains', title: t('settings.domains'), content: () => <Objects kind={domains} /> },
		{ id: 'recipients', title: t('settings.recipients'), content: () => <Recipients /> },
		isInstallationAdmin() && { id: 'users', title: t('settings.users'), content: () => <Users /> },
		isInstallationAdmin() && { id: 'tokens', title: t('settings.tokens'), content: () => <Tokens /> },
		mayAudit() && { id: 'audit', title: t('settings.audit'), content: () => <Audit /> },
		{ id: 'account', title: t('settings.account'), content: () => <Account /> },
		isInstallationAdmin() && { id: 'about', title: t('settings.about'), content: () => <About /> },
	];
	return (
		<>
			<Heading title={t('nav.settings')} />
			<Tabs label={t('nav.settings')} tabs={tabs.filter((tab): tab is Tab => !!tab)} />
		</>
	);
}

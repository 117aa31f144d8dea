/* A partner's kit becomes a connector: first what it says and what would change, then the change. */
import { useState } from 'preact/hooks';
import { ApiError, getAll, send, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { Button, CopyButton, ErrorNote, Facts, Heading, Loading, Note, Section } from '../../parts/basic';
import { Form, withValue, type Tree } from '../../parts/form';
import { say } from '../../parts/toast';
import { go, href } from '../../router';
import type { Change } from './model';
import { change, ChangeList, Findings, propertyName, useDryRun } from './shared';

interface Proposal {
	organisation: string;
	name: string;
	change: Change;
	roots: { subject: string; sha256: string; is_public: boolean }[];
	choices: { property: string; why: string }[];
	notes: string[];
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		const detail = t('connectors.import-no-json', { what: error instanceof Error ? error.message : String(error) });
		throw new ApiError(422, detail, detail, 'syntax', [{ field: 'kit', detail }]);
	}
}

function Proposed({ proposal, onBack }: { proposal: Proposal; onBack: () => void }) {
	const [reports, setReports] = useState(proposal.change.op === 'add');
	const [isCompared, setCompared] = useState(proposal.roots.every(root => root.is_public));
	const object = proposal.change.object ?? {};
	const withMode = reports ? withValue(withValue(object, 'inbound.mode', 'report'), 'outbound.mode', 'report') : object;
	const wanted: Change[] = [{ ...proposal.change, object: withMode }];
	const trial = useDryRun(wanted);
	const create = useAction(async () => {
		await change(wanted);
		say(t('connectors.saved', { name: proposal.name }));
		go('connectors', proposal.organisation, proposal.name, { tab: 'live' });
	});
	return (
		<>
			{proposal.notes.map(note => <Note key={note} title={t('connectors.import-notes')}><p>{note}</p></Note>)}
			<Section title={t('connectors.import-root')} intro={t('connectors.import-root-intro')}>
				{proposal.roots.map(root => <Facts key={root.sha256} items={[
					[t('connectors.root'), root.subject],
					['SHA-256', <span class="fingerprint"><code>{root.sha256}</code><CopyButton text={root.sha256} /></span>],
					[t('connectors.import-public'), root.is_public ? t('connectors.yes') : t('connectors.no')],
				]} />)}
				<label class="check"><input type="checkbox" checked={isCompared} onChange={event => setCompared(event.currentTarget.checked)} /> {t('connectors.import-compared')}</label>
			</Section>
			<Section title={t('connectors.import-choices')}>
				<Facts items={proposal.choices.map(one => [propertyName(one.property), one.why])} />
			</Section>
			<Section title={t('connectors.import-change')}>
				{proposal.change.op === 'add' &&
					<label class="check"><input type="checkbox" checked={reports} onChange={event => setReports(event.currentTarget.checked)} /> {t('wizard.report-title')}</label>}
				{trial.isAsking && <Loading what={t('connectors.checking')} />}
				{trial.error && <ErrorNote error={trial.error} />}
				{trial.errors.map(one => <Note key={one.field} tone="bad" title={t('connectors.wrong-at', { field: one.field })}><p>{one.detail}</p></Note>)}
				{trial.report && <><ChangeList report={trial.report} /><Findings findings={trial.report.findings ?? []} /></>}
				{create.error && <ErrorNote error={create.error} />}
				<div class="form-buttons">
					<Button look="main" disabled={!trial.report || trial.isAsking || !isCompared} isBusy={create.isRunning} onClick={() => void create.run()}>{t('connectors.import-apply')}</Button>
					<Button onClick={onBack}>{t('wizard.back')}</Button>
				</div>
			</Section>
		</>
	);
}

export function ImportKit() {
	const [object, setObject] = useState<Tree>({});
	const [proposal, setProposal] = useState<Proposal | null>(null);
	const organisations = useLoad(signal => getAll<{ name: string }>('/v1/organisations', {}, signal));
	const names = organisations.value?.items.map(one => one.name) ?? [];
	const ask = useAction(async () => {
		const { kit, ...rest } = object;
		setProposal(await send<Proposal>('POST', '/v1/partner-kit/import', { kit: parse(String(kit ?? '')), organisation: names[0], ...rest }));
	});
	return (
		<>
			<Heading title={t('connectors.import-title')} intro={t('connectors.import-intro')} back={{ href: href('connectors'), label: t('connectors.title') }} />
			{proposal ? <Proposed proposal={proposal} onBack={() => setProposal(null)} /> :
				<Section title={t('connectors.import-kit')}>
					<label class="file">{t('connectors.import-file')} <input type="file" accept=".json,application/json" onChange={event => {
						void event.currentTarget.files?.[0]?.text().then(kit => setObject({ ...object, kit }));
					}} /></label>
					<Form object={object} onChange={setObject} submit={t('connectors.import-read')} onSubmit={() => void ask.run()} isBusy={ask.isRunning} error={ask.error} groups={[{
						title: '', fields: [
							{ path: 'kit', kind: 'area', label: t('connectors.import-json'), isRequired: true, placeholder: '{"sealpost-partner-kit": 2, …}' },
							{ path: 'name', kind: 'text', label: t('connectors.import-name'), help: t('connectors.import-name-help') },
							{ path: 'organisation', kind: 'choice', label: t('connectors.organisation'), choices: names.map(name => ({ value: name, label: name })), when: () => names.length > 1 },
						],
					}]} />
				</Section>}
		</>
	);
}

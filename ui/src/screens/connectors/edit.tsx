/* Changing a connector: what the server says of it while it is typed, and what differs, before it is stored. */
import { useState } from 'preact/hooks';
import { at, getTagged, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { Button, ErrorNote, Heading, Loading, LookOnly, Note } from '../../parts/basic';
import { Dialog } from '../../parts/dialog';
import { Form, FormField, withValue, type Tree } from '../../parts/form';
import { say } from '../../parts/toast';
import { go, href } from '../../router';
import { mayChange } from '../../session';
import { connectorGroups } from './fields';
import { objectErrors, sendable, type Connector } from './model';
import { change, ChangeList, Findings, useDryRun } from './shared';

function Halves({ object, onChange }: { object: Tree; onChange: (object: Tree) => void }) {
	return (
		<>
			{['inbound', 'outbound', 'expects'].map(half =>
				<FormField key={half} field={{ path: `has-${half}`, kind: 'flag', label: t(`connectors.has-${half}`) }} value={object[half] !== null && object[half] !== undefined}
					onChange={isOn => onChange(withValue(object, half, isOn ? {} : null))} />)}
		</>
	);
}

function Editor({ connector, etag, onReload }: { connector: Connector; etag: string; onReload: () => void }) {
	const key = `${connector.organisation}/${connector.name}`;
	const [object, setObject] = useState<Tree>(sendable(connector));
	const [isAsking, setAsking] = useState(false);
	const wanted = [{ kind: 'connector' as const, op: 'put' as const, key, object }];
	const trial = useDryRun(wanted);
	const save = useAction(async () => {
		await change(wanted, { etag });
		say(t('connectors.saved', { name: connector.name }));
		go('connectors', connector.organisation, connector.name);
	});
	const isSame = JSON.stringify(object) === JSON.stringify(sendable(connector));
	return (
		<>
			<div class="halves"><Halves object={object} onChange={setObject} /></div>
			<Form groups={connectorGroups(connector.type)} object={object} onChange={setObject} errors={[...trial.errors, ...objectErrors(save.error)]}
				submit={t('connectors.review-changes')} onSubmit={() => setAsking(true)} onCancel={() => go('connectors', connector.organisation, connector.name)}>
				<div aria-live="polite" class="trial">
					{trial.error && <ErrorNote error={trial.error} />}
					{trial.errors.map(one => <Note key={one.field} tone="bad" title={t('connectors.wrong-at', { field: one.field })}><p>{one.detail}</p></Note>)}
					{trial.report && <Findings findings={trial.report.findings ?? []} />}
					{trial.report && !isSame && trial.errors.length === 0 && <p class="soft">{t('connectors.checked')}</p>}
				</div>
			</Form>
			{isAsking &&
				<Dialog isWide title={t('connectors.review-changes')} onClose={() => setAsking(false)} actions={
					<>
						<Button onClick={() => setAsking(false)}>{t('common.cancel')}</Button>
						<Button look="main" isBusy={save.isRunning} disabled={!trial.report || trial.isAsking || isSame} onClick={() => void save.run()}>{t('connectors.save')}</Button>
					</>
				}>
					{trial.isAsking && <Loading what={t('connectors.checking')} />}
					{trial.report && <ChangeList report={trial.report} />}
					{trial.report && <Findings findings={trial.report.findings ?? []} />}
					{trial.error && <ErrorNote error={trial.error} />}
					{trial.errors.map(one => <Note key={one.field} tone="bad" title={t('connectors.wrong-at', { field: one.field })}><p>{one.detail}</p></Note>)}
					{save.error && <ErrorNote error={save.error} {...(save.error.isChanged && { onRetry: onReload })} />}
				</Dialog>}
		</>
	);
}

export function ConnectorEdit({ organisation, name }: { organisation: string; name: string }) {
	const found = useLoad(() => getTagged<Connector>(at`/v1/connectors/${organisation}/${name}`), [organisation, name]);
	return (
		<>
			<Heading title={t('connectors.edit-title', { name })} back={{ href: href('connectors', organisation, name), label: name }} />
			{found.error && <ErrorNote error={found.error} onRetry={found.reload} />}
			{!found.value && found.isLoading && <Loading />}
			{!mayChange(organisation) ? <LookOnly /> : found.value && <Editor key={found.value.etag} connector={found.value.value} etag={found.value.etag} onReload={found.reload} />}
		</>
	);
}

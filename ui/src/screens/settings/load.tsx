/* Many recipients at once: a file or a text, what it would change, then one request. */
import { useState } from 'preact/hooks';
import { ApiError, getAll, getTagged, send, useAction, useLoad } from '../../api';
import { num, t } from '../../i18n';
import { Button, ErrorNote, Note } from '../../parts/basic';
import { Dialog } from '../../parts/dialog';
import { Form, type Tree } from '../../parts/form';
import { say } from '../../parts/toast';
import { MAX_BYTES, MAX_CHANGES, parseList, planOf, type Domain, type Plan, type Recipient, type Wrong } from './list';

const SHOWN = 20;

interface Preview {
	wrong: { line: number; text: string }[];
	plan: Plan | null;
	etag: string;
}

const wordsOf = (one: Wrong) => t(`settings.load-wrong-${one.why}`, one.values);

/** What the server finds wrong, at the lines that it is about; what is about none is an error of all. */
async function tryOut(plan: Plan, etag: string): Promise<Preview['wrong']> {
	try {
		await send('POST', '/v1/changes', { changes: plan.changes }, { etag, params: { dry_run: 1 } });
		return [];
	} catch (problem) {
		const found = problem instanceof ApiError ? problem.errors.map(one => ({ line: plan.lines[Number(/^changes\[(\d+)\]/.exec(one.field)?.[1])] ?? 0, text: one.detail })) : [];
		if (found.length === 0 || found.some(one => one.line === 0))
			throw problem;
		return found;
	}
}

function Counts({ plan }: { plan: Plan }) {
	return (
		<ul class="numbers">
			{(['added', 'changed', 'removed', 'unchanged'] as const).map(what =>
				<li key={what} data-count={what}><b>{num(plan[what])}</b> {t(`settings.load-${what}`)}</li>)}
		</ul>
	);
}

function Result({ preview }: { preview: Preview }) {
	const { wrong, plan } = preview;
	return (
		<div aria-live="polite" class="live-steps">
			{wrong.length > 0 &&
				<Note tone="bad" title={t('settings.load-wrong', { count: wrong.length })}>
					<ul class="plain-list">{wrong.slice(0, SHOWN).map(one => <li key={one.line}><b>{t('settings.load-line', { line: num(one.line) })}</b> {one.text}</li>)}</ul>
					{wrong.length > SHOWN && <p>{t('settings.load-more', { count: wrong.length - SHOWN })}</p>}
				</Note>}
			{plan && <Counts plan={plan} />}
			{plan && plan.removed > 0 && <Note tone="warn">{t('settings.load-removes', { count: plan.removed })}</Note>}
		</div>
	);
}

export function LoadRecipients({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
	const [object, setObject] = useState<Tree>({});
	const [preview, setPreview] = useState<Preview>();
	const domains = useLoad(() => getAll<Domain>('/v1/domains').then(one => one.items));
	const domain = String(object.domain ?? '');
	const change = (next: Tree) => {
		setObject(next);
		setPreview(undefined);
	};
	const check = useAction(async () => {
		const { etag } = await getTagged('/v1/recipients', { limit: 1 });
		const there = (await getAll<Recipient>('/v1/recipients', { domain })).items;
		const { entries, wrong } = parseList(String(object.text ?? ''), domain, domains.value ?? []);
		if (entries.length + wrong.length === 0)
			throw new ApiError(422, '', '', '', [{ field: 'text', detail: t('settings.load-empty') }]);
		if (wrong.length > 0)
			return setPreview({ wrong: wrong.map(one => ({ line: one.line, text: wordsOf(one) })), plan: null, etag });
		const plan = planOf(entries, there, domain, object.replace === true);
		if (plan.changes.length > MAX_CHANGES || JSON.stringify(plan.changes).length > MAX_BYTES)
			throw new ApiError(422, '', '', '', [{ field: 'text', detail: t('settings.load-too-many', { max: num(MAX_CHANGES) }) }]);
		return setPreview({ wrong: plan.changes.length ? await tryOut(plan, etag) : [], plan, etag });
	});
	const apply = useAction(async () => {
		if (!preview?.plan)
			return;
		await send('POST', '/v1/changes', { changes: preview.plan.changes }, { etag: preview.etag });
		say(t('settings.load-done', { count: preview.plan.changes.length }));
		onDone();
		onClose();
	});
	const isReady = !!preview?.plan && preview.wrong.length === 0 && preview.plan.changes.length > 0;
	return (
		<Dialog title={t('settings.load-title')} isWide onClose={onClose}>
			<p class="intro">{t('settings.load-intro')}</p>
			{domains.error && <ErrorNote error={domains.error} onRetry={domains.reload} />}
			<label class="file">{t('settings.load-file')} <input type="file" accept=".txt,.csv,text/plain,text/csv" onChange={event => {
				void event.currentTarget.files?.[0]?.text().then(text => change({ ...object, text }));
			}} /></label>
			<Form object={object} onChange={change} onSubmit={() => void check.run()} error={check.error} isBusy={check.isRunning || !domains.value}
				submit={t('settings.load-check')} onCancel={onClose} groups={[{ title: '', fields: [
					{ path: 'text', kind: 'area', label: t('settings.load-text'), placeholder: 'anna@contoso.example\nbob@contoso.example, on-premises, moves in May', isRequired: true },
					{ path: 'domain', kind: 'choice', label: t('settings.load-domain'), help: t('settings.load-domain-help'),
						choices: [{ value: '', label: t('settings.load-any') }, ...(domains.value ?? []).map(one => ({ value: one.name, label: one.name }))] },
					{ path: 'replace', kind: 'flag', label: t('settings.load-replace'), help: t('settings.load-replace-help') },
				] }]} />
			{preview && <Result preview={preview} />}
			{preview?.plan && preview.wrong.length === 0 && preview.plan.changes.length === 0 && <Note>{t('settings.load-nothing')}</Note>}
			{apply.error && <ErrorNote error={apply.error} />}
			{isReady && <div class="form-buttons"><Button look={preview?.plan?.removed ? 'danger' : 'main'} isBusy={apply.isRunning}
				onClick={() => void apply.run()}>{t('settings.load-apply', { count: preview?.plan?.changes.length ?? 0 })}</Button></div>}
		</Dialog>
	);
}

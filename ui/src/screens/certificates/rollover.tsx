/* From one version to the next, step by step. Every step can be taken back until the old version is retired. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, at, get, getAll, send, useAction, useLoad, type Load } from '../../api';
import { dateTime, list, num, t } from '../../i18n';
import type { Connector, Finding, Life, Version } from '../../model';
import { ActionButton, Ago, Badge, Button, Code, Empty, ErrorNote, Facts, Heading, Loading, Note, Section, type Tone } from '../../parts/basic';
import { Confirm } from '../../parts/dialog';
import { FormField } from '../../parts/form';
import { Table } from '../../parts/table';
import { Steps, type Step } from '../../parts/timeline';
import { say } from '../../parts/toast';
import { href } from '../../router';
import { isInstallationAdmin } from '../../session';
import { Bars } from './bars';
import { ImportHint, stateName, stateTones } from './own';
import { RequestFor } from './request';

interface Plan { life: Life; warnings: Finding[] }
interface Acceptance {
	version: string; partner: string; direction: string; accepted: number; refused: number; last: string | null; last_refused: string | null; reason: string | null;
}
type Act = 'start' | 'advance' | 'back' | 'retire' | 'cancel' | 'drop';

function useStep(name: string, plan: Load<Plan>) {
	return async (action: Act, more: Record<string, unknown> = {}) => {
		await send('POST', at`/v1/certificates/${name}/rollover`, { action, ...more });
		say(t(`certificates.done-${action}`));
		plan.reload();
	};
}
type TakeStep = ReturnType<typeof useStep>;

const find = (life: Life, state: Version['state']) => life.versions.find(version => version.state === state);

/** A step that is taken now or at a moment, after a question. */
function Dated({ act, label, question, isDanger = false, take, more = {} }: {
	act: Act; label: string; question: ComponentChildren; isDanger?: boolean; take: TakeStep; more?: Record<string, unknown>;
}) {
	const [isOpen, setOpen] = useState(false);
	const [moment, setMoment] = useState<string>();
	const action = useAction(() => {
		const at = moment ? new Date(moment) : null;
		// The server takes a moment that is over for now; who mistypes a date must not destroy a key.
		if (at && !(at.getTime() > Date.now()))
			throw new ApiError(400, t('certificates.past'), '', '', [{ field: 'at', detail: t('certificates.past') }]);
		return take(act, { ...more, ...(at && { at: at.toISOString() }) });
	});
	return (
		<>
			<Button look={isDanger ? 'danger' : 'main'} onClick={() => setOpen(true)}>{label}</Button>
			{isOpen && <Confirm title={label} yes={moment ? t('certificates.plan-it') : label} isDanger={isDanger} action={action} fields={['at']} onClose={() => {
				setOpen(false);
				action.clear();
			}}>
				{question}
				<FormField field={{ path: 'at', kind: 'moment', label: t('certificates.when'), help: t('certificates.when-help') }} value={moment}
					onChange={value => setMoment(value as string | undefined)} errors={action.error?.errors ?? []} />
			</Confirm>}
		</>
	);
}

function Warnings({ warnings }: { warnings: Finding[] }) {
	const tones: Record<string, Tone> = { error: 'bad', warning: 'warn', note: 'info' };
	if (warnings.length === 0)
		return <p>{t('certificates.no-warnings')}</p>;
	return (
		<ul class="doubts">{warnings.map(one =>
			<li key={one.token + one.subject}><Badge tone={tones[one.severity] ?? 'info'}>{t(`certificates.severity-${one.severity}`)}</Badge>
				<span><b>{one.subject}</b>: {one.text}. <span class="soft">{one.remedy}</span></span></li>)}</ul>
	);
}

function Trial({ life, take }: { life: Life; take: TakeStep }) {
	const connectors = useLoad(signal => getAll<Connector>('/v1/connectors', {}, signal));
	const [share, setShare] = useState<number | undefined>(life.plan.share || undefined);
	const [names, setNames] = useState(life.plan.connectors);
	const start = useAction(() => take('start', { share: share ?? 0, connectors: names }));
	const keys = connectors.value?.items.map(one => `${one.organisation}/${one.name}`).sort() ?? [];
	return (
		<div class="trial">
			<p>{t('certificates.trial-text')}</p>
			{life.plan.is_trial && <Note tone="info">{t('certificates.trial-runs', { share: life.plan.share, connectors: life.plan.connectors.length ? list(life.plan.connectors) : '–' })}</Note>}
			<fieldset class="checks"><legend>{t('certificates.trial-connectors')}</legend>
				{keys.map(key => <label key={key}><input type="checkbox" checked={names.includes(key)}
					onChange={event => setNames(event.currentTarget.checked ? [...names, key] : names.filter(name => name !== key))} /> {key}</label>)}
			</fieldset>
			<FormField field={{ path: 'share', kind: 'number', label: t('certificates.trial-share'), help: t('certificates.trial-share-help'), min: 0, max: 100 }}
				value={share} onChange={value => setShare(value as number | undefined)} errors={start.error?.errors ?? []} />
			<ActionButton action={start} look="main" disabled={!share && names.length === 0}>{life.plan.is_trial ? t('certificates.trial-change') : t('certificates.trial-start')}</ActionButton>
		</div>
	);
}

function Advance({ plan, take }: { plan: Plan; take: TakeStep }) {
	const [force, setForce] = useState(false);
	const breaks = plan.warnings.filter(one => one.severity === 'error' && one.token.startsWith('partner-'));
	return (
		<>
			<p>{t('certificates.advance-text')}</p>
			{plan.life.plan.advance && <Note tone="info">{t('certificates.advance-planned', { at: dateTime(plan.life.plan.advance) })}</Note>}
			{breaks.length > 0 && <>
				<Note tone="bad" title={t('certificates.breaks', { count: breaks.length })}><p>{list(breaks.map(one => one.subject))}</p></Note>
				<FormField field={{ path: 'force', kind: 'flag', label: t('certificates.force'), help: t('certificates.force-help') }} value={force} onChange={value => setForce(value === true)} />
			</>}
			<Dated act="advance" label={t('certificates.advance')} question={<p>{t('certificates.advance-question')}</p>} take={take} more={force ? { force } : {}} />
		</>
	);
}

function Simple({ act, label, question, take }: { act: Act; label: string; question: string; take: TakeStep }) {
	const [isOpen, setOpen] = useState(false);
	const action = useAction(() => take(act));
	return (
		<>
			<Button look={act === 'drop' ? 'danger' : 'plain'} onClick={() => setOpen(true)}>{label}</Button>
			{isOpen && <Confirm title={label} yes={label} isDanger={act === 'drop'} action={action} onClose={() => {
				setOpen(false);
				action.clear();
			}}><p>{question}</p></Confirm>}
		</>
	);
}

function stepsOf(name: string, plan: Plan, take: TakeStep, reload: () => void): Step[] {
	const next = find(plan.life, 'next'), old = find(plan.life, 'deprecated');
	const mayAct = isInstallationAdmin();
	const isBroken = plan.warnings.some(one => one.severity === 'error');
	const isOver = !next && !!old;
	return [
		{ title: t('certificates.step-next'), state: next || isOver ? 'good' : 'open', children: next
			? <p>{t('certificates.next-is', { id: next.id })}</p> : isOver ? null : mayAct && <><RequestFor name={name} onCome={reload} /><details class="group"><summary>{t('certificates.with-key')}</summary><ImportHint name={name} isNext /></details></> },
		{ title: t('certificates.step-plan'), state: next ? (isBroken ? 'bad' : plan.warnings.length ? 'note' : 'good') : isOver ? 'good' : 'waiting', children: next &&
			<><Warnings warnings={plan.warnings} /><p><a href={href('certificates', { tab: 'sheet', name })}>{t('certificates.tell-partners')}</a></p></> },
		{ title: t('certificates.step-trial'), state: next ? (plan.life.plan.is_trial ? 'running' : 'open') : isOver ? 'good' : 'waiting', children: next && mayAct && <Trial life={plan.life} take={take} /> },
		{ title: t('certificates.step-advance'), state: isOver ? 'good' : next ? 'open' : 'waiting', children: next && mayAct && <Advance plan={plan} take={take} /> },
		{ title: t('certificates.step-retire'), state: old ? 'open' : 'waiting', children: old && <>
			<p>{t('certificates.retire-text', { id: old.id })}</p>
			{plan.life.plan.retire && <Note tone="info">{t('certificates.retire-planned', { at: dateTime(plan.life.plan.retire) })}</Note>}
			{mayAct && <div class="step-buttons">
				<Dated act="retire" label={t('certificates.retire')} isDanger question={<Note tone="warn">{t('certificates.retire-question')}</Note>} take={take} />
				<Simple act="back" label={t('certificates.back')} question={t('certificates.back-question')} take={take} />
			</div>}
		</> },
	];
}

function AcceptanceTable({ name }: { name: string }) {
	const load = useLoad(signal => getAll<Acceptance>(at`/v1/certificates/${name}/acceptance`, {}, signal), [name], ['trace']);
	return (
		<Section title={t('certificates.acceptance')} intro={t('certificates.acceptance-intro')}>
			{load.error && <ErrorNote error={load.error} onRetry={load.reload} />}
			{load.value && <Table caption={t('certificates.acceptance')} rows={load.value.items} rowKey={row => row.partner + row.version + row.direction} empty={<Empty title={t('certificates.acceptance-none')} />} columns={[
				{ id: 'partner', title: t('certificates.partner'), isHead: true, sort: row => row.partner, cell: row => row.partner },
				{ id: 'version', title: t('certificates.version-short'), sort: row => row.version, cell: row => row.version },
				{ id: 'direction', title: t('certificates.direction'), cell: row => row.direction },
				{ id: 'accepted', title: t('certificates.accepted'), align: 'end', sort: row => row.accepted, cell: row => num(row.accepted) },
				{ id: 'refused', title: t('certificates.refused'), align: 'end', sort: row => row.refused, cell: row => row.refused > 0 ? <Badge tone="bad">{num(row.refused)}</Badge> : '0' },
				{ id: 'last', title: t('certificates.last'), sort: row => row.last, cell: row => <Ago at={row.last} /> },
				{ id: 'reason', title: t('certificates.reason'), cell: row => row.reason ?? '–' },
			]} />}
		</Section>
	);
}

export function Rollover({ name }: { name: string }) {
	const plan = useLoad(signal => get<Plan>(at`/v1/certificates/${name}/plan`, {}, signal), [name], ['generation', 'alarms']);
	const take = useStep(name, plan);
	const life = plan.value?.life;
	const hasPlan = life && (life.plan.is_trial || life.plan.start || life.plan.advance || life.plan.retire);
	return (
		<>
			<Heading title={t('certificates.rollover-of', { name })} back={{ href: href('certificates'), label: t('certificates.title') }} intro={t('certificates.rollover-intro')} />
			{plan.error && <ErrorNote error={plan.error} onRetry={plan.reload} />}
			{!plan.value || !life ? !plan.error && <Loading /> : <>
				<Section title={t('certificates.versions')} actions={isInstallationAdmin() && <>
					{hasPlan && <Simple act="cancel" label={t('certificates.cancel')} question={t('certificates.cancel-question')} take={take} />}
					{find(life, 'next') && <Simple act="drop" label={t('certificates.drop')} question={t('certificates.drop-question')} take={take} />}
				</>}>
					<Bars label={t('certificates.validity-of', { name })} bars={life.versions.filter(version => version.state !== 'retired').map(version => ({
						key: version.id, label: t('certificates.version', { id: version.id }), state: stateName(version.state), tone: stateTones[version.state] ?? 'plain', from: version.not_before, to: version.not_after,
					}))} />
					<Facts items={[
						[t('certificates.planned-start'), life.plan.start && dateTime(life.plan.start)],
						[t('certificates.planned-advance'), life.plan.advance && dateTime(life.plan.advance)],
						[t('certificates.planned-retire'), life.plan.retire && dateTime(life.plan.retire)],
					]} />
				</Section>
				<Section title={t('certificates.sequence')}>
					<Steps label={t('certificates.sequence')} steps={stepsOf(name, plan.value, take, plan.reload)} />
					{!isInstallationAdmin() ? <p class="soft">{t('certificates.only-installation')}</p> : <details><summary>{t('certificates.by-command')}</summary><Code label={t('certificates.command')} text={`sealpost cert rollover plan ${name}\nsealpost cert rollover start ${name} --share=5\nsealpost cert rollover advance ${name} --at=+7d\nsealpost cert rollover back ${name}\nsealpost cert rollover retire ${name} --at=+21d`} /></details>}
				</Section>
				<AcceptanceTable name={name} />
			</>}
		</>
	);
}

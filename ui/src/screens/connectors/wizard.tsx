/* The wizards: "secure mail with a partner" and "connect my own server". What each step asks stands in steps.ts. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, getAll, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { Button, ErrorNote, Facts, Heading, Loading, Note, Section } from '../../parts/basic';
import { FormField, type Field } from '../../parts/form';
import { Icon } from '../../parts/icon';
import { say } from '../../parts/toast';
import { go, href, place } from '../../router';
import { Kit } from './kit';
import { Outbound } from './live';
import type { Level } from './model';
import { levels, objectErrors } from './model';
import { Cards, change, ChangeList, Findings, propertyHelp, useDryRun, ValueText } from './shared';
import { connectorOf, firstAnswers, missingIn, nameFrom, needsHosts, placeErrors, stepsOf, type Answers, type Kind, type StepError, type StepId } from './steps';

interface Organisation {
	name: string;
	certificate: string | null;
}

/** The answers so far outlive a reload of the page, in this tab. */
function recall(kind: Kind): Answers {
	try {
		const text = sessionStorage.getItem(`sealpost.wizard-${kind}`);
		return { ...firstAnswers(kind), ...(text ? JSON.parse(text) as Partial<Answers> : {}) };
	} catch {
		return firstAnswers(kind);
	}
}
function keep(kind: Kind, answers: Answers | null): void {
	try {
		if (answers)
			sessionStorage.setItem(`sealpost.wizard-${kind}`, JSON.stringify(answers));
		else
			sessionStorage.removeItem(`sealpost.wizard-${kind}`);
	} catch {
		// Then they are gone at a reload.
	}
}

interface StepProps {
	answers: Answers;
	set: (changes: Partial<Answers>) => void;
	errors: StepError[];
	organisations: Organisation[];
}

function Ask({ name, kind, answers, set, errors, help, ...rest }: StepProps & { name: keyof Answers; kind: Field['kind']; help?: ComponentChildren } & Partial<Field>) {
	return <FormField field={{ ...rest, path: name, kind, label: t(`wizard.${name}`), help: help ?? t(`wizard.${name}-help`) }} value={answers[name]} errors={errors}
		onChange={value => set({ [name]: value ?? (kind === 'list' ? [] : kind === 'flag' ? false : '') } as Partial<Answers>)} />;
}

function Way(props: StepProps) {
	const { answers, set, organisations } = props;
	const way = answers.receives && answers.sends ? 'both' : answers.receives ? 'in' : 'out';
	return (
		<>
			{organisations.length > 1 && <Ask {...props} name="organisation" kind="choice" isRequired
				choices={[{ value: '', label: '–' }, ...organisations.map(one => ({ value: one.name, label: one.name }))]} />}
			<Cards label={t('wizard.way')} value={way} onChange={value => set({ receives: value !== 'out', sends: value !== 'in' })} cards={
				(['both', 'in', 'out'] as const).map(value => ({ value, title: t(`wizard.way-${value}-${answers.kind}`), text: t(`wizard.way-${value}-help`) }))} />
		</>
	);
}

function Name(props: StepProps) {
	return (
		<>
			<Ask {...props} name="name" kind="text" isRequired />
			<Ask {...props} name="comment" kind="text" />
			<Ask {...props} name="enabled" kind="flag" />
			{props.answers.kind === 'on-premises' && <Ask {...props} name="keepsHeaders" kind="flag" />}
		</>
	);
}

function Scope(props: StepProps) {
	const { answers, set } = props;
	const asksDomains = answers.kind === 'partner' || answers.scope === 'domains';
	return (
		<>
			{answers.kind === 'on-premises' &&
				<Cards label={t('wizard.scope')} value={answers.scope} onChange={scope => set({ scope, ...(scope !== 'domains' && scope !== 'rule' && { route: 'hosts' }) })} cards={
					(['accepted', 'domains', 'all', 'rule'] as const).map(value => ({ value, title: t(`wizard.scope-${value}`), text: t(`wizard.scope-${value}-help`) }))} />}
			{asksDomains && <Ask {...props} name="domains" kind="list" isRequired />}
			{asksDomains && <Ask {...props} name="subdomains" kind="flag" />}
		</>
	);
}

function Identify(props: StepProps) {
	const { answers, set } = props;
	return (
		<>
			<Cards label={t('wizard.identify')} value={answers.identify} onChange={identify => set({ identify })} cards={[
				{ value: 'certificate', title: t('wizard.identify-certificate'), text: t('wizard.identify-certificate-help') },
				{ value: 'addresses', title: t('wizard.identify-addresses'), text: t('wizard.identify-addresses-help') },
			]} />
			{answers.identify === 'certificate'
				? <><Ask {...props} name="certificateName" kind="text" isRequired placeholder="mail.contoso.example" /><Ask {...props} name="takesServerCertificate" kind="flag" /></>
				: <><Ask {...props} name="addresses" kind="list" isRequired placeholder="192.0.2.10" /><Ask {...props} name="requiresTls" kind="flag" /></>}
			{answers.identify === 'certificate' && !answers.sends && <Ask {...props} name="trust" kind="area" placeholder="-----BEGIN CERTIFICATE-----" />}
		</>
	);
}

function Routing(props: StepProps) {
	const { answers, set } = props;
	const mustName = needsHosts(answers);
	return (
		<>
			<Cards label={t('wizard.route')} value={mustName ? 'hosts' : answers.route} onChange={route => set({ route })} cards={[
				{ value: 'mx', title: t('wizard.route-mx'), text: mustName ? t('wizard.route-mx-not') : t('wizard.route-mx-help'), isDisabled: mustName },
				{ value: 'hosts', title: t('wizard.route-hosts'), text: t('wizard.route-hosts-help') },
			]} />
			{(mustName || answers.route === 'hosts') && <Ask {...props} name="hosts" kind="list" isRequired placeholder="mx.fabrikam.example" />}
		</>
	);
}

function Sending(props: StepProps) {
	const { answers, set } = props;
	return (
		<>
			<Cards<Level> label={t('wizard.level')} value={answers.level} onChange={level => set({ level })} cards={
				[...levels].reverse().map(value => ({ value, title: t(`wizard.level-${value}`), text: t(`wizard.level-${value}-help`) }))} />
			{answers.level === 'name' && <Ask {...props} name="tlsDomain" kind="text" placeholder={answers.hosts[0] ?? answers.domains[0] ?? ''} />}
			{(answers.level === 'name' || answers.level === 'chain') && <Ask {...props} name="trust" kind="area" placeholder="-----BEGIN CERTIFICATE-----" />}
		</>
	);
}

function Receiving(props: StepProps) {
	const { answers } = props;
	return (
		<>
			<Ask {...props} name="requiresTls" kind="flag" />
			{answers.requiresTls &&
				<div class="nested">
					<Ask {...props} name="asksCertificate" kind="flag" />
					{answers.asksCertificate &&
						<div class="nested">
							<Ask {...props} name="certificateName" kind="text" isRequired placeholder="mx.fabrikam.example" />
							<Ask {...props} name="takesServerCertificate" kind="flag" />
							{!answers.sends && <Ask {...props} name="trust" kind="area" placeholder="-----BEGIN CERTIFICATE-----" />}
						</div>}
				</div>}
			<Ask {...props} name="asksAddresses" kind="flag" />
			{answers.asksAddresses && <div class="nested"><Ask {...props} name="addresses" kind="list" isRequired placeholder="192.0.2.0/24" /></div>}
		</>
	);
}

function Start({ answers, set }: StepProps) {
	return <Cards label={t('wizard.start')} value={answers.reports ? 'report' : 'enforce'} onChange={value => set({ reports: value === 'report' })} cards={[
		{ value: 'report', title: t('wizard.report-title'), text: t('wizard.report-help') },
		{ value: 'enforce', title: t('wizard.enforce-title'), text: t('wizard.enforce-help') },
	]} />;
}

function flat(object: Record<string, unknown>, prefix = ''): [string, unknown][] {
	return Object.entries(object).flatMap(([name, value]) =>
		typeof value === 'object' && value !== null && !Array.isArray(value) ? flat(value as Record<string, unknown>, `${prefix}${name}.`) : [[prefix + name, value] as [string, unknown]]);
}

function Review({ answers, errors, organisations }: StepProps) {
	const object = connectorOf(answers);
	const trial = useDryRun([{ kind: 'connector', op: 'add', key: `${answers.organisation}/${answers.name}`, object }]);
	const placed = placeErrors(trial.errors, answers);
	const certificate = organisations.find(one => one.name === answers.organisation)?.certificate;
	return (
		<>
			<div class="columns">
				{(['inbound', 'outbound'] as const).map(half => object[half] !== undefined &&
					<div key={half}>
						<h3>{t(`connectors.${half}`)}</h3>
						<Facts items={flat(object[half] as Record<string, unknown>).map(([path, value]) =>
							[<span title={propertyHelp(`${half}.${path}`)}>{t(`property.${half}-${path}`)}</span>, <ValueText path={path} value={value} />])} />
					</div>)}
			</div>
			<div aria-live="polite" class="trial">
				{trial.isAsking && <Loading what={t('connectors.checking')} />}
				{trial.error && <ErrorNote error={trial.error} />}
				{[...errors, ...placed].map(one => <Note key={one.field + one.detail} tone="bad" title={t('connectors.wrong-at', { field: one.field })}>
					<p>{one.detail}</p>{one.step !== 'review' && <p><a href={href(...place.value.parts, { step: one.step })}>{t('wizard.go-to', { step: t(`wizard.step-${one.step}`) })}</a></p>}</Note>)}
				{trial.report && <><h3>{t('wizard.what-happens')}</h3><ChangeList report={trial.report} /><Findings findings={trial.report.findings ?? []} /></>}
				{answers.sends && answers.kind === 'partner' && organisations.length > 0 && !certificate &&
					<Note tone="warn" title={t('wizard.no-certificate')}><p>{t('wizard.no-certificate-text')}</p></Note>}
			</div>
		</>
	);
}

const bodies: Record<StepId, (props: StepProps) => ComponentChildren> = {
	way: Way, name: Name, scope: Scope, identify: Identify, routing: Routing, sending: Sending, receiving: Receiving, start: Start, review: Review,
};

function Done({ answers }: { answers: Answers }) {
	const connector = { organisation: answers.organisation, name: answers.name, type: answers.kind };
	return (
		<>
			<Note tone="good" title={t('wizard.done', { name: answers.name })}>
				<p>{answers.kind === 'on-premises' ? t('wizard.done-own') : answers.reports ? t('wizard.done-report') : t('wizard.done-enforce')}</p>
				<p><a class="button" href={href('connectors', answers.organisation, answers.name)}>{t('wizard.to-connector')}</a></p>
			</Note>
			{answers.sends && <Outbound connector={connector} />}
			{answers.kind === 'partner' && <Kit connector={connector} />}
		</>
	);
}

function Progress({ steps, current, reached, onGo }: { steps: StepId[]; current: number; reached: number; onGo: (step: StepId) => void }) {
	return (
		<nav aria-label={t('wizard.steps')}>
			<ol class="progress">
				{steps.map((step, i) =>
					<li key={step} class={i < current ? 'is-done' : ''} aria-current={i === current ? 'step' : undefined}>
						{i <= reached && i !== current ? <button type="button" onClick={() => onGo(step)}>{i < current && <Icon name="check" />}{t(`wizard.step-${step}`)}</button>
							: <span>{t(`wizard.step-${step}`)}</span>}
					</li>)}
			</ol>
		</nav>
	);
}

/** The last step up to which nothing is missing. */
function reachOf(steps: StepId[], answers: Answers): number {
	const first = steps.findIndex(step => missingIn(step, answers).length > 0);
	return first < 0 ? steps.length - 1 : first;
}

export function Wizard({ kind }: { kind: Kind }) {
	const where = place.use();
	const [answers, setAnswers] = useState<Answers>(() => recall(kind));
	const [errors, setErrors] = useState<StepError[]>([]);
	const [isDone, setDone] = useState(false);
	const title = useRef<HTMLHeadingElement>(null);
	const found = useLoad(signal => getAll<Organisation>('/v1/organisations', {}, signal));
	const organisations = found.value?.items ?? [];
	const steps = useMemo(() => stepsOf(answers), [answers]);
	const reached = reachOf(steps, answers);
	const wanted = steps.indexOf(where.query.step as StepId);
	const at = Math.min(Math.max(0, wanted), reached);
	const step = steps[at] ?? 'way';
	const Body = bodies[step];
	const goTo = (next: StepId) => go(...where.parts, { step: next });
	const set = (changes: Partial<Answers>) => {
		const next = { ...answers, ...changes };
		setAnswers(next);
		keep(kind, next);
		setErrors(errors.filter(one => !Object.keys(changes).includes(one.field.replace(/\[.*/, ''))));
	};
	useEffect(() => {
		if (organisations.length === 1 && organisations[0])
			set({ organisation: organisations[0].name });
	}, [found.value]);
	const isFirst = useRef(true);
	useEffect(() => {
		if (!isFirst.current)
			title.current?.focus();
		isFirst.current = false;
	}, [step, isDone]);

	const forward = useAction(async () => {
		const missing = missingIn(step, answers);
		if (missing.length > 0) {
			setErrors(missing.map(one => ({ field: one.field, detail: t(one.text), step })));
			throw new ApiError(422, t('wizard.missing'), '', 'missing', []);
		}
		const wrong = await tryOut();
		const here = steps.slice(0, at + 1);
		const mine = wrong.filter(one => here.includes(one.step));
		setErrors(mine);
		if (mine.length > 0)
			throw new ApiError(422, t('wizard.wrong'), '', 'wrong', []);
		goTo(steps[at + 1] ?? 'review');
	});
	/** What the server says of the answers so far; what later steps ask for is missing yet, and does not count. */
	const tryOut = async (): Promise<StepError[]> => {
		try {
			await change([{ kind: 'connector', op: 'add', key: `${answers.organisation}/${answers.name || 'new'}`, object: { ...connectorOf(answers), ...(!answers.name && { name: 'new' }) } }],
				{ params: { dry_run: 1 } });
			return [];
		} catch (problem) {
			if (!(problem instanceof ApiError) || problem.status === 0 || problem.status >= 500)
				throw problem;
			if (problem.status === 409)
				return [{ field: 'name', detail: problem.detail, step: 'name' }];
			return placeErrors(objectErrors(problem), answers);
		}
	};
	const create = useAction(async () => {
		await change([{ kind: 'connector', op: 'add', key: `${answers.organisation}/${answers.name}`, object: connectorOf(answers) }]);
		keep(kind, null);
		say(t('wizard.created', { name: answers.name }));
		setDone(true);
		scrollTo(0, 0);
	});
	const form = useRef<HTMLFormElement>(null);
	useEffect(() => {
		if (errors.length > 0)
			form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
	}, [errors]);
	const cancel = () => {
		keep(kind, null);
		go('connectors');
	};
	const heading = <Heading title={t(`wizard.title-${kind}`)} intro={t(`wizard.intro-${kind}`)} back={{ href: href('connectors'), label: t('connectors.title') }} />;
	if (isDone)
		return <>{heading}<h2 ref={title} tabIndex={-1}>{t(`wizard.try-${kind}`)}</h2><Done answers={answers} /></>;
	const isLast = step === 'review';
	const general = forward.error && forward.error.code !== 'missing' && forward.error.code !== 'wrong' ? forward.error : create.error;
	return (
		<>
			{heading}
			{found.error && <ErrorNote error={found.error} onRetry={found.reload} />}
			<Progress steps={steps} current={at} reached={reached} onGo={goTo} />
			<Section title="">
				<form ref={form} class="form wizard" noValidate onSubmit={event => {
					event.preventDefault();
					void (isLast ? create : forward).run();
				}}>
					<h2 ref={title} tabIndex={-1}>{t('wizard.step-of', { step: at + 1, count: steps.length })} {t(`wizard.step-${step}`)}</h2>
					<p class="intro">{t(`wizard.help-${step}`)}</p>
					<Body answers={answers} set={set} errors={errors} organisations={organisations} />
					{step === 'name' && !answers.name && answers.domains[0] && <Button onClick={() => set({ name: nameFrom(answers.domains[0] ?? '') })}>{nameFrom(answers.domains[0])}</Button>}
					{general && <ErrorNote error={general} />}
					<div class="form-buttons">
						{at > 0 && <Button icon="left" onClick={() => goTo(steps[at - 1] ?? 'way')}>{t('wizard.back')}</Button>}
						<Button type="submit" look="main" isBusy={forward.isRunning || create.isRunning}>{isLast ? t('wizard.create') : t('wizard.next')}</Button>
						<Button look="quiet" onClick={cancel}>{t('common.cancel')}</Button>
					</div>
				</form>
			</Section>
		</>
	);
}

/* Trying a connector out: each step as it ends, with what was expected, what came, and what to do. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { at, lines, useAction } from '../../api';
import { num, t, tOr } from '../../i18n';
import { Button, ErrorNote, Facts, Note, Section } from '../../parts/basic';
import { FormField, type Field } from '../../parts/form';
import { Steps, type StepState } from '../../parts/timeline';
import { href } from '../../router';
import { mayChange } from '../../session';
import { kindWords } from '../messages/trace';
import type { Connector } from './model';

export interface TestStep {
	step: string;
	result: 'ok' | 'failed' | 'note' | 'skipped';
	expected?: string;
	presented?: string;
	text?: string;
	remedy?: string;
	host?: string;
	address?: string;
	ms?: number;
}

const states: Record<TestStep['result'], StepState> = { ok: 'good', failed: 'bad', note: 'note', skipped: 'skipped' };

/** What became of the message that a test has sent: "presented" holds the kind of the event. */
const isEvent = (one: TestStep) => one.step === 'event';

export function TestSteps({ steps, isRunning = false }: { steps: TestStep[]; isRunning?: boolean }) {
	const shown = steps.filter(one => one.step !== 'summary').map(one => ({
		title: <>{isEvent(one) ? kindWords(one.presented ?? '') : tOr(`connectors.step-${one.step}`, one.step)}
			<span class="soft">{[isEvent(one) ? one.host : one.address, one.ms !== undefined && t('connectors.ms', { ms: num(one.ms) })].filter(Boolean).join(' · ')}</span></>,
		state: states[one.result],
		children: <>
			{!isEvent(one) && one.step !== 'send' && <Facts items={[[t('connectors.expected'), one.expected], [t('connectors.presented'), one.presented]]} />}
			{one.text && <p>{one.text}</p>}
			{one.remedy && <p class="remedy"><b>{t('connectors.remedy')}</b> {one.remedy}</p>}
		</>,
	}));
	return <Steps label={t('connectors.steps')} steps={isRunning ? [...shown, { title: t('connectors.running'), state: 'running' as const }] : shown} />;
}

export function Summary({ steps }: { steps: TestStep[] }) {
	const summary = steps.find(one => one.step === 'summary');
	const id = steps.find(one => one.step === 'send' && one.result === 'ok')?.presented;
	return summary ? <Note tone={summary.result === 'ok' ? 'good' : 'bad'} title={summary.result === 'ok' ? t('connectors.test-ok') : t('connectors.test-failed')}>
		<p>{summary.text}</p>{id && <p><a href={href('messages', id)}>{t('connectors.test-message')}</a></p>}
	</Note> : null;
}

/** A test under way. Body: that of POST .../test. */
export function useTest(connector: Pick<Connector, 'organisation' | 'name'>) {
	const [steps, setSteps] = useState<TestStep[]>([]);
	const controller = useRef<AbortController | null>(null);
	useEffect(() => () => controller.current?.abort(), []);
	const action = useAction(async (body: Record<string, unknown>) => {
		controller.current?.abort();
		controller.current = new AbortController();
		setSteps([]);
		try {
			for await (const step of lines<TestStep>('POST', at`/v1/connectors/${connector.organisation}/${connector.name}/test`, body, { signal: controller.current.signal }))
				setSteps(old => [...old, step]);
		} catch (error) {
			if (!(error instanceof DOMException && error.name === 'AbortError'))
				throw error;
		}
	});
	return { steps, run: action.run, isRunning: action.isRunning, error: action.error, stop: () => controller.current?.abort() };
}

function Inputs({ fields, values, onChange, errors }: { fields: Field[]; values: Record<string, unknown>; onChange: (values: Record<string, unknown>) => void; errors: { field: string; detail: string }[] }) {
	return <>{fields.map(field => <FormField key={field.path} field={field} value={values[field.path]} errors={errors}
		onChange={value => onChange({ ...values, [field.path]: value })} />)}</>;
}

/** What is empty is not sent. */
function given(values: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));
}

export function Outbound({ connector }: { connector: Pick<Connector, 'organisation' | 'name' | 'type'> }) {
	const test = useTest(connector);
	const [values, setValues] = useState<Record<string, unknown>>({});
	return (
		<Section title={t(`connectors.live-out-${connector.type}`)} intro={t('connectors.live-out-intro')}>
			<form class="form" noValidate onSubmit={event => {
				event.preventDefault();
				void test.run(given(values));
			}}>
				<Inputs values={values} onChange={setValues} errors={test.error?.errors ?? []} fields={[
					{ path: 'to', kind: 'text', label: t('connectors.live-to'), help: t('connectors.live-to-help') },
					{ path: 'from', kind: 'text', label: t('connectors.live-from'), help: t('connectors.live-from-help') },
					...(mayChange(connector.organisation) ? [{ path: 'send', kind: 'flag' as const, label: t('connectors.live-send'), help: t('connectors.live-send-help') }] : []),
				]} />
				<div class="form-buttons"><Button type="submit" look="main" icon="play" isBusy={test.isRunning}>{t('connectors.live-start')}</Button>
					{test.isRunning && <Button onClick={test.stop}>{t('connectors.live-stop')}</Button>}</div>
			</form>
			<div class="live-steps">
				{test.error && <ErrorNote error={test.error} />}
				<Summary steps={test.steps} />
				{(test.steps.length > 0 || test.isRunning) && <TestSteps steps={test.steps} isRunning={test.isRunning} />}
			</div>
		</Section>
	);
}

function Inbound({ connector }: { connector: Connector }) {
	const test = useTest(connector);
	const [values, setValues] = useState<Record<string, unknown>>({ tls: true });
	return (
		<Section title={t(`connectors.live-in-${connector.type}`)} intro={t('connectors.live-in-intro')}>
			<form class="form" noValidate onSubmit={event => {
				event.preventDefault();
				void test.run({ direction: 'inbound', ...given(values) });
			}}>
				<Inputs values={values} onChange={setValues} errors={test.error?.errors ?? []} fields={[
					{ path: 'ip', kind: 'text', label: t('connectors.live-ip'), placeholder: '192.0.2.10' },
					{ path: 'from', kind: 'text', label: t('connectors.live-sender'), help: t('connectors.live-sender-help') },
					{ path: 'to', kind: 'text', label: t('connectors.live-recipient'), help: t('connectors.live-recipient-help') },
					{ path: 'tls', kind: 'flag', label: t('connectors.live-tls') },
					{ path: 'cert_pem', kind: 'area', label: t('connectors.live-certificate'), help: t('connectors.live-certificate-help'), placeholder: '-----BEGIN CERTIFICATE-----' },
				]} />
				<div class="form-buttons"><Button type="submit" look="main" icon="play" isBusy={test.isRunning}>{t('connectors.live-start-in')}</Button></div>
			</form>
			<div class="live-steps">
				{test.error && <ErrorNote error={test.error} />}
				<Summary steps={test.steps} />
				{test.steps.length > 0 && <TestSteps steps={test.steps} isRunning={test.isRunning} />}
			</div>
		</Section>
	);
}

export function Live({ connector }: { connector: Connector }) {
	return (
		<div class="columns">
			{connector.outbound && <Outbound connector={connector} />}
			{connector.inbound && <Inbound connector={connector} />}
		</div>
	);
}

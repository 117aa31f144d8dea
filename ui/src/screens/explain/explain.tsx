/* What would happen to a message, and why. */
import { useState } from 'preact/hooks';
import { ApiError, send, useAction } from '../../api';
import { t, tOr } from '../../i18n';
import { Badge, Button, ErrorNote, Facts, Heading, Note, Section, type Tone } from '../../parts/basic';
import { Form, type Tree as Values } from '../../parts/form';
import { Icon } from '../../parts/icon';
import { Tree, type TreeNode } from '../../parts/tree';
import { href, place, setQuery } from '../../router';

interface Candidate {
	subject: string;
	applies: boolean;
	why: string;
}
interface Would {
	outcome: string;
	text: string | null;
	by: string | null;
}
interface Common {
	outcome: string;
	text: string;
	organisation: string | null;
	connector: string | null;
	required: string;
	required_by: string[];
	anchors: string | null;
	would: Would;
	considered: Candidate[];
	reply: number;
	enhanced: string;
	remedy: string;
}
interface Inbound extends Common {
	accepted: boolean;
	originating: boolean;
	name_expected: string | null;
	name_matched: string | null;
	verdict: string;
}
interface Outbound extends Common {
	type: string;
	hosts: string[];
	domain: string | null;
	/** Of a mailbox here. */
	path: string | null;
	names: string[];
	names_why: string | null;
	pins: string[];
	groups: string[];
	minimum_version: string;
	certificate: string | null;
	hold: boolean;
	hold_by: string | null;
}
interface Result {
	to: string;
	inbound: Inbound;
	outbound?: Outbound;
	assumed_organisation?: string;
	note?: string;
}
interface Answer {
	from: string;
	results: Result[];
}

/** "connector contoso/fabrikam" leads to that connector, wherever it stands in a sentence. */
export function Linked({ text }: { text: string }) {
	const parts = text.split(/\b((?:connector|rule) [A-Za-z0-9._-]+\/[A-Za-z0-9._-]+)/);
	return (
		<>
			{parts.map((part, i) => {
				const [kind, key = ''] = part.split(' ');
				const [organisation, name] = key.split('/');
				return i % 2 && organisation && name
					? <a key={i} href={href(kind === 'rule' ? 'rules' : 'connectors', organisation, name)}>{part}</a> : part;
			})}
		</>
	);
}

const tones = (isFine: boolean): Tone => isFine ? 'good' : 'bad';

function leaf(title: string, text: string): TreeNode {
	return { label: <span><b>{title}:</b> <Linked text={text} /></span> };
}

/** Why it is so: what was considered, who asked for TLS, what has to be proven. */
function branches(half: Common): TreeNode[] {
	return [
		{ label: t('explain.considered', { count: half.considered.length }), isOpen: true, children: half.considered.map(one => ({
			label: <span class="candidate"><Icon name={one.applies ? 'check' : 'cross'} /><span class="hidden">{one.applies ? t('explain.applies') : t('explain.applies-not')}</span>
				<span><b><Linked text={one.subject} /></b>: {one.why}</span></span> })) },
		{ label: <>{t('explain.required')}: <b>{t(`value.tls-${half.required}`)}</b></>, isOpen: true, children: half.required_by.length
			? half.required_by.map(one => ({ label: <Linked text={one} /> })) : [{ label: t('explain.required-nobody') }] },
		...(half.anchors ? [leaf(t('explain.anchors'), half.anchors)] : []),
	];
}

function InboundTree({ half }: { half: Inbound }) {
	const more: TreeNode[] = [
		...(half.name_expected ? [leaf(t('explain.name-expected'), half.name_expected)] : []),
		...(half.name_matched ? [leaf(t('explain.name-matched'), half.name_matched)] : []),
		...(half.verdict !== 'none' ? [leaf(t('explain.verdict'), half.verdict)] : []),
	];
	return <Tree label={t('explain.inbound')} nodes={[...branches(half), ...more]} />;
}

function OutboundTree({ half }: { half: Outbound }) {
	const more: TreeNode[] = [
		{ label: <><b>{t('explain.hosts')}:</b> {half.path ?? (half.hosts.length ? half.hosts.join(', ') : half.domain ? t('explain.mx', { domain: half.domain }) : half.type)}</> },
		...(half.names.length ? [{ label: <><b>{t('explain.names')}:</b> {half.names.join(', ')}</>, isOpen: true, children: half.names_why ? [{ label: half.names_why }] : [] }] : []),
		...(half.pins.length ? [leaf(t('explain.pins'), half.pins.join(', '))] : []),
		...(half.groups.length ? [leaf(t('explain.groups'), half.groups.join(', '))] : []),
		leaf(t('explain.version'), `TLS ${half.minimum_version}`),
		{ label: half.certificate ? <><b>{t('explain.certificate')}:</b> <a href={href('certificates', half.certificate)}>{half.certificate}</a></>
			: <><b>{t('explain.certificate')}:</b> {t('explain.certificate-none')}</> },
		...(half.hold ? [leaf(t('explain.hold'), half.hold_by ?? '')] : []),
	];
	return <Tree label={t('explain.outbound')} nodes={[...branches(half), ...more]} />;
}

function Verdict({ half, isFine, title }: { half: Common; isFine: boolean; title: string }) {
	return (
		<Note tone={tones(isFine)} title={title}>
			<p><Linked text={half.text} /></p>
			{!isFine && <p><code>{half.reply} {half.enhanced}</code> <code>{half.outcome}</code></p>}
			{!isFine && half.remedy && <p>{t('explain.remedy')}: {half.remedy}</p>}
			{half.would.outcome !== 'ok' && <p><Badge tone="warn">{t('explain.report-mode')}</Badge> <Linked text={half.would.text ?? half.would.outcome} /></p>}
		</Note>
	);
}

function One({ result, from }: { result: Result; from: string }) {
	const { inbound, outbound } = result;
	return (
		<Section title={t('explain.result', { from, to: result.to })}>
			{result.note && <Note><p>{result.note}</p></Note>}
			<h3>{t('explain.inbound')}</h3>
			<Verdict half={inbound} isFine={inbound.accepted} title={inbound.accepted ? inbound.originating ? t('explain.own') : t('explain.accepted') : t('explain.refused')} />
			<InboundTree half={inbound} />
			{outbound &&
				<>
					<h3>{t('explain.outbound')}</h3>
					{result.assumed_organisation && <Note><p>{t('explain.assumed', { organisation: result.assumed_organisation })}</p></Note>}
					<Verdict half={outbound} isFine={outbound.outcome === 'ok'} title={outbound.outcome === 'ok' ? t('explain.goes') : t('explain.goes-not')} />
					<OutboundTree half={outbound} />
				</>}
		</Section>
	);
}

const words = ['from', 'to', 'ip', 'tls'] as const;

export function Explain() {
	const query = place.use().query;
	const [values, setValues] = useState<Values>({ from: query.from, to: query.to ? [query.to] : [], ip: query.ip, tls: query.tls ?? 'TLSv1.3' });
	const [answer, setAnswer] = useState<Answer>();
	const ask = useAction(async () => {
		const to = values.to as string[];
		const missing = [!values.from && 'from', to.length === 0 && 'to'].filter(one => typeof one === 'string');
		if (missing.length)
			throw new ApiError(422, t('explain.missing'), '', 'missing', missing.map(field => ({ field, detail: t('explain.missing') })));
		setQuery({ from: String(values.from), to: to.length === 1 ? to[0] : undefined, ip: values.ip as string | undefined });
		setAnswer(await send<Answer>('POST', '/v1/explain', { from: values.from, to, tls: values.tls !== 'clear', ...(values.ip ? { ip: values.ip } : {}),
			...(values.cert_pem ? { cert_pem: values.cert_pem } : {}) }));
	});
	return (
		<>
			<Heading title={t('explain.title')} intro={t('explain.intro')} actions={answer && <Button icon="print" onClick={() => print()}>{t('explain.print')}</Button>} />
			<Section title={t('explain.question')}>
				<Form object={values} onChange={setValues} onSubmit={() => void ask.run()} error={ask.error} isBusy={ask.isRunning} submit={t('explain.ask')} groups={[
					{ title: t('explain.message'), fields: [
						{ path: 'from', kind: 'text', label: t('explain.from'), help: t('explain.from-help'), isRequired: true },
						{ path: 'to', kind: 'list', label: t('explain.to'), help: t('explain.to-help'), isRequired: true },
					] },
					{ title: t('explain.client'), intro: t('explain.client-help'), fields: [
						{ path: 'ip', kind: 'text', label: t('explain.ip'), placeholder: '192.0.2.10' },
						{ path: 'tls', kind: 'choice', label: t('explain.tls'), choices: [{ value: 'TLSv1.3', label: t('explain.tls-on') }, { value: 'clear', label: t('explain.tls-off') }] },
						{ path: 'cert_pem', kind: 'area', label: t('explain.cert'), help: t('explain.cert-help'), placeholder: '-----BEGIN CERTIFICATE-----', when: object => object.tls !== 'clear' },
					] },
				]} />
			</Section>
			<div aria-live="polite" class="explained">
				{ask.error && ask.error.code !== 'missing' && ask.error.errors.length === 0 && <ErrorNote error={ask.error} />}
				{answer && <Facts items={words.filter(word => values[word]).map(word => [tOr(`explain.${word}`, word), String(values[word])])} />}
				{answer?.results.map(result => <One key={result.to} result={result} from={answer.from} />)}
			</div>
		</>
	);
}

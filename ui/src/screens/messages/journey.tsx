/* One message's journey, hop by hop: what was required, what the connection had, what became of it and why. */
import type { ComponentChildren } from 'preact';
import { at, get, useLoad } from '../../api';
import { bytes, date, list, t, tOr } from '../../i18n';
import { Badge, Button, CopyButton, ErrorNote, Facts, Heading, Loading, Note, Section, When } from '../../parts/basic';
import { Icon } from '../../parts/icon';
import { href } from '../../router';
import { saveAs } from '../../api';
import { address, connectorOf, kindWords, levelWords, tlsOf, tlsTone, toneOf, type ChainFacts, type Message, type Receipt, type TraceEvent } from './trace';

interface Story {
	message: Message;
	events: TraceEvent[];
}

function Peer({ receipt }: { receipt: Receipt }) {
	const where = receipt.peer_address && (receipt.peer_address.includes(':')
		? `[${receipt.peer_address}]:${receipt.peer_port}` : `${receipt.peer_address}:${receipt.peer_port}`);
	return <>{receipt.host ?? where}{receipt.host && where && <span class="soft"> ({where})</span>}</>;
}

function ConnectorLink({ event }: { event: TraceEvent }) {
	const name = connectorOf(event);
	const [organisation, connector] = name.split('/');
	if (!name)
		return <>{t('messages.no-connector')}</>;
	return organisation && connector ? <a href={href('connectors', organisation, connector)}>{name}</a> : <>{name}</>;
}

function Got({ receipt }: { receipt: Receipt }) {
	if (receipt.attempt === 'none')
		return <>{t('messages.no-connection')}</>;
	const more = [receipt.cipher, receipt.group, receipt.resumed ? t('messages.resumed') : '',
		receipt.attempt === 'reduced' ? t('messages.reduced') : ''].filter(Boolean);
	return <><Badge tone={tlsTone(receipt)}>{tlsOf(receipt)}</Badge> {receipt.version && more.join(', ')}</>;
}

function Required({ receipt }: { receipt: Receipt }) {
	return (
		<>
			{levelWords(receipt.required)}{receipt.name_expected && <> <b>{receipt.name_expected}</b></>}
			{receipt.required_by.length > 0 && <span class="soft"> – {t('messages.required-by', { who: list(receipt.required_by) })}</span>}
		</>
	);
}

function Verdict({ receipt }: { receipt: Receipt }) {
	if (receipt.chain.length === 0)
		return receipt.version ? <>{t('messages.no-certificate')}</> : null;
	const isGood = receipt.verdict === 'trusted';
	if (isGood && receipt.required === 'name' && !receipt.name_matched)
		return <><Badge tone="bad">{t('messages.name-missing')}</Badge> {receipt.chain[0]?.names.join(', ')}</>;
	return (
		<>
			<Badge tone={isGood ? 'good' : receipt.required === 'chain' || receipt.required === 'name' ? 'bad' : 'warn'}>
				{tOr(`messages.verdict-${receipt.verdict}`, receipt.verdict)}</Badge>{' '}
			{receipt.name_matched && <>{t('messages.name-matched', { name: receipt.name_matched })} </>}
			{receipt.anchors && <span class="soft">{t('messages.anchors', { who: receipt.anchors === 'system' ? t('messages.system') : receipt.anchors })}</span>}
			{receipt.verdict_detail && <span class="soft"> {receipt.verdict_detail}</span>}
		</>
	);
}

function Chain({ chain }: { chain: ChainFacts[] }) {
	if (chain.length === 0)
		return null;
	return (
		<details>
			<summary>{t('messages.certificates', { count: chain.length })}</summary>
			<ol class="chain">
				{chain.map(one =>
					<li key={one.sha256}>
						<Facts items={[
							[t('messages.subject'), one.subject],
							[t('messages.names'), one.names.join(', ')],
							[t('messages.issuer'), one.issuer],
							[t('messages.key'), one.key],
							[t('messages.valid'), one.not_before && one.not_after ? `${date(one.not_before)} – ${date(one.not_after)}` : null],
							['SHA-256', <span class="digest"><code>{one.sha256}</code><CopyButton text={one.sha256} /></span>],
						]} />
					</li>)}
			</ol>
		</details>
	);
}

function facts(event: TraceEvent): [ComponentChildren, ComponentChildren][] {
	const { receipt } = event;
	const own = receipt?.own_certificate;
	const outcome = event.token && event.token !== 'ok' ? <code>{event.token}{event.enhanced ? ` ${event.enhanced}` : ''}</code> : null;
	const rows: [ComponentChildren, ComponentChildren][] = [
		[t('messages.for'), event.recipient],
		[t('messages.outcome'), outcome],
		[t('messages.said'), event.text],
	];
	if (event.kind === 'would-refuse')
		return [...rows, [t('messages.would'), event.would_text ?? event.would_token], [t('messages.whose'), event.would_by]];
	if (!receipt || receipt.attempt === 'local')
		return receipt ? [...rows, [t('messages.connector'), <ConnectorLink event={event} />], [t('messages.connection'), t('messages.local')]] : rows;
	return [
		...rows,
		[t('messages.peer'), <Peer receipt={receipt} />],
		[t('messages.connector'), <ConnectorLink event={event} />],
		[t('messages.required'), <Required receipt={receipt} />],
		[t('messages.got'), <Got receipt={receipt} />],
		[t('messages.verdict'), <Verdict receipt={receipt} />],
		[t('messages.revocation'), receipt.revocation],
		[t('messages.presented'), own && (receipt.own_version ? t('messages.own-version', { name: own, version: receipt.own_version }) : own)],
		[t('messages.why'), receipt.reason !== event.text ? receipt.reason : null],
		[t('messages.reply'), receipt.reply !== event.text ? receipt.reply : null],
		[t('messages.took'), receipt.version ? t('messages.took-with', { total: receipt.total, handshake: receipt.handshake }) : receipt.total],
	];
}

const signs = { good: 'check', warn: 'warning', bad: 'cross', info: 'info', plain: 'dot' } as const;

function Hop({ event }: { event: TraceEvent }) {
	const tone = toneOf(event.kind);
	return (
		<li class={tone}>
			<span class="sign"><Icon name={signs[tone]} /></span>
			<div>
				<h3 class="timeline-head">{kindWords(event.kind)}{' '}
					{event.receipt && event.receipt.attempt !== 'local' && event.receipt.attempt !== 'none' &&
						<span class="soft">{event.receipt.direction === 'in' ? '←' : '→'} <Peer receipt={event.receipt} /> </span>}
					<span class="soft"><When at={event.at} /></span></h3>
				<Facts items={facts(event)} />
				{event.receipt && <Chain chain={event.receipt.chain} />}
			</div>
		</li>
	);
}

/** What a person has to know before all details: where it is, and whether it went as required. */
function Verdicts({ story }: { story: Story }) {
	const ends = new Map<string, TraceEvent>();
	for (const event of story.events)
		if (event.recipient && event.kind !== 'would-refuse' && event.kind !== 'delayed')
			ends.set(event.recipient, event);
	return (
		<ul class="ends" aria-label={t('messages.recipients')}>
			{[...ends].map(([recipient, event]) =>
				<li key={recipient}><Badge tone={toneOf(event.kind)}>{kindWords(event.kind)}</Badge> <b>{recipient}</b>{' '}
					{event.receipt && tlsOf(event.receipt) && <span class="soft">{tlsOf(event.receipt)}, {levelWords(event.receipt.required)}</span>}</li>)}
		</ul>
	);
}

export function Journey({ id }: { id: string }) {
	const story = useLoad(signal => get<Story>(at`/v1/trace/${id}`, {}, signal), [id], ['trace']);
	const back = { href: href('messages'), label: t('messages.title') };
	if (story.error)
		return <><Heading title={id} back={back} /><ErrorNote error={story.error} onRetry={story.reload} /></>;
	if (!story.value)
		return <><Heading title={id} back={back} /><Loading /></>;
	const { message, events } = story.value;
	return (
		<>
			<Heading title={t('messages.journey-of', { id })} back={back} actions={
				<>
					<a class="button plain" href={at`/v1/trace/${id}/evidence`} target="_blank" rel="noopener"><Icon name="print" />{t('messages.evidence')}</a>
					<Button icon="download" onClick={() => saveAs(new Blob([JSON.stringify(story.value, null, '\t')], { type: 'application/json' }), `${id}.json`)}>JSON</Button>
				</>
			} />
			<Verdicts story={story.value} />
			<Section title={t('messages.envelope')}>
				<Facts items={[
					[t('messages.column-from'), address(message.sender)],
					[t('messages.column-to'), message.recipients.join(', ')],
					[t('messages.column-at'), <When at={message.at} />],
					[t('messages.by-message_id'), message.message_id && <code>{message.message_id}</code>],
					[t('messages.by-subject'), message.subject],
					[t('messages.column-size'), bytes(message.size)],
				]} />
			</Section>
			<Section title={t('messages.hops')} intro={t('messages.hops-intro')}>
				{events.length === 0 ? <Note title={t('messages.no-events')} />
					: <ol class="timeline journey" aria-label={t('messages.hops')}>{events.map((event, i) => <Hop key={i} event={event} />)}</ol>}
			</Section>
		</>
	);
}

/* The certificates that the partner has presented, and whether a change of them is accepted. */
import { at, get, send, useAction, useLoad } from '../../api';
import { date, t } from '../../i18n';
import { ActionButton, Ago, Badge, CopyButton, Empty, ErrorNote, Facts, Loading, Section } from '../../parts/basic';
import { mayChange } from '../../session';
import type { Connector } from './model';

interface Certificate {
	subject: string;
	issuer: string;
	not_after: string;
	sha256: string;
	spki_sha256: string;
	names: string[];
	key: string;
}
interface Chain {
	id: number;
	direction: 'inbound' | 'outbound';
	hosts: string[];
	address: string | null;
	verdict: string;
	first: string;
	last: string;
	seen: number;
	accepted: string | null;
	accepted_by: string | null;
	root: string | null;
	certificates: Certificate[];
}

function Fingerprint({ text }: { text: string }) {
	return <span class="fingerprint"><code>{text}</code><CopyButton text={text} /></span>;
}

function One({ chain, connector, onDone }: { chain: Chain; connector: Connector; onDone: () => void }) {
	const accept = useAction(async () => {
		await send('POST', at`/v1/chains/${chain.id}/accept`, {});
		onDone();
	});
	const leaf = chain.certificates[0];
	return (
		<Section title={leaf?.subject ?? t('connectors.chain')} actions={
			<>
				<Badge tone={chain.verdict === 'trusted' ? 'good' : 'bad'}>{chain.verdict}</Badge>
				{chain.accepted ? <Badge tone="good">{t('connectors.accepted')}</Badge> : <Badge tone="warn">{t('connectors.not-accepted')}</Badge>}
				{!chain.accepted && mayChange(connector.organisation) && <ActionButton action={accept} look="main">{t('connectors.accept')}</ActionButton>}
			</>
		}>
			<Facts items={[
				[t('connectors.direction'), t(`connectors.${chain.direction}`)],
				[t('connectors.host'), chain.hosts.join(', ')],
				[t('connectors.seen'), <>{t('connectors.seen-times', { count: chain.seen })}, <Ago at={chain.first} /> – <Ago at={chain.last} /></>],
				[t('connectors.root'), chain.root],
			]} />
			<ol class="certificates">
				{chain.certificates.map(one =>
					<li key={one.sha256}>
						<p><b>{one.subject}</b> <span class="soft">{one.key}</span></p>
						<Facts items={[
							[t('connectors.issuer'), one.issuer],
							[t('connectors.names'), one.names.join(', ')],
							[t('connectors.ends'), date(one.not_after)],
							['SHA-256', <Fingerprint text={one.sha256} />],
							[t('connectors.public-key'), <Fingerprint text={one.spki_sha256} />],
						]} />
					</li>)}
			</ol>
		</Section>
	);
}

export function Chains({ connector }: { connector: Connector }) {
	const found = useLoad(signal => get<{ items: Chain[] }>('/v1/chains', { organisation: connector.organisation, connector: connector.name, limit: 50 }, signal), [], ['alarms']);
	if (found.error)
		return <ErrorNote error={found.error} onRetry={found.reload} />;
	if (!found.value)
		return <Loading />;
	if (found.value.items.length === 0)
		return <Empty title={t('connectors.no-chains')}><p>{t('connectors.no-chains-text')}</p></Empty>;
	return <><p class="intro">{t('connectors.chains-intro')}</p>{found.value.items.map(chain => <One key={chain.id} chain={chain} connector={connector} onDone={found.reload} />)}</>;
}

/* What partners present, what has changed, and what is accepted. */
import { useState } from 'preact/hooks';
import { at, get, getAll, send, useAction, useLoad, usePages } from '../../api';
import { date, list, t, tOr } from '../../i18n';
import type { CertificateFacts, Chain, Connector } from '../../model';
import { ActionButton, Ago, Badge, Code, Empty, ErrorNote, Facts, Loading, When } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';
import { Dialog } from '../../parts/dialog';
import { FilterBar, FormField } from '../../parts/form';
import { PagedTable } from '../../parts/table';
import { say } from '../../parts/toast';
import { setQuery, type Place } from '../../router';
import { mayChange } from '../../session';
import { Bars } from './bars';

function Facets({ facts }: { facts: CertificateFacts }) {
	return (
		<Facts items={[
			[t('certificates.subject'), facts.subject],
			[t('certificates.issuer'), facts.issuer],
			[t('certificates.names'), facts.names.join(', ')],
			[t('certificates.key'), facts.key],
			[t('certificates.valid'), t('certificates.from-to', { from: date(facts.not_before), to: date(facts.not_after) })],
			['SHA-256', <code>{facts.sha256}</code>],
			[t('certificates.key-hash'), <code>{facts.spki_sha256}</code>],
		]} />
	);
}

function ChainDialog({ chain, onClose, onChange }: { chain: Chain; onClose: () => void; onChange: () => void }) {
	const load = useLoad(signal => get<Chain>(at`/v1/chains/${chain.id}`, {}, signal), [chain.id]);
	const accept = useAction(async () => {
		await send('POST', at`/v1/chains/${chain.id}/accept`, {});
		say(t('certificates.chain-accepted'));
		onChange();
		onClose();
	});
	return (
		<Dialog title={chain.partner} isWide onClose={onClose} actions={!chain.accepted && mayChange(chain.organisation ?? undefined) &&
			<ActionButton action={accept} look="main" icon="check">{t('certificates.accept')}</ActionButton>}>
			{!chain.accepted && <p>{t('certificates.accept-text')}</p>}
			<Bars label={t('certificates.validity-of', { name: chain.partner })} bars={chain.certificates.map(facts => ({
				key: facts.sha256, label: facts.common_name ?? facts.subject, state: t(facts.is_ca ? 'certificates.authority' : 'certificates.leaf'), tone: 'plain', from: facts.not_before, to: facts.not_after,
			}))} />
			<Facts items={[
				[t('certificates.hosts'), list(chain.hosts)],
				[t('certificates.verdict'), <Badge tone={chain.verdict === 'trusted' ? 'good' : 'warn'}>{chain.verdict}</Badge>],
				[t('certificates.root'), chain.root],
				[t('certificates.first-seen'), <When at={chain.first} />],
				[t('certificates.last-seen'), <When at={chain.last} />],
				[t('certificates.accepted-since'), chain.accepted && <><When at={chain.accepted} /> {chain.accepted_by}</>],
			]} />
			{chain.certificates.map(facts => <details key={facts.sha256}><summary>{facts.subject}</summary><Facets facts={facts} /></details>)}
			{load.error && <ErrorNote error={load.error} />}
			{load.isLoading && <Loading />}
			{load.value?.pem && <details><summary>PEM</summary><Code label="PEM" text={load.value.pem} /></details>}
		</Dialog>
	);
}

export function PartnerChains({ place }: { place: Place }) {
	const connector = place.query.connector ?? '';
	const [name, organisation] = connector.split('/', 2).reverse();
	const isAll = place.query.all === '1';
	const pages = usePages<Chain>('/v1/chains', { newest: !isAll, organisation, connector: name }, ['trace', 'alarms']);
	const connectors = useLoad(signal => getAll<Connector>('/v1/connectors', {}, signal));
	const keys = connectors.value?.items.map(one => `${one.organisation}/${one.name}`).sort() ?? [];
	const [open, setOpen] = useState<Chain>();
	return (
		<>
			<p class="intro">{t('certificates.partners-intro')}</p>
			<FilterBar label={t('certificates.filter')}>
				<FormField field={{ path: 'connector', kind: 'choice', label: t('certificates.connector'), choices: [{ value: '', label: t('certificates.all') }, ...keys.map(value => ({ value, label: value }))] }} value={connector} onChange={value => setQuery({ connector: value as string | undefined })} />
				<FormField field={{ path: 'all', kind: 'flag', label: t('certificates.older-too') }} value={isAll} onChange={value => setQuery({ all: value ? '1' : undefined })} />
			</FilterBar>
			<PagedTable pages={pages} caption={t('certificates.tab-partners')} rowKey={chain => chain.id} empty={<Empty title={t('certificates.no-chains')}><p>{t('certificates.no-chains-text')}</p></Empty>} columns={[
				{ id: 'partner', title: t('certificates.partner'), isHead: true, sort: chain => chain.partner, cell: chain =>
					<button type="button" class="link" onClick={() => setOpen(chain)}>{chain.partner.replace(/^connector /, '')}</button> },
				{ id: 'direction', title: t('certificates.direction'), sort: chain => chain.direction, cell: chain => tOr(`certificates.direction-${chain.direction}`, chain.direction) },
				{ id: 'subject', title: t('certificates.presents'), cell: chain => <>{chain.certificates[0]?.names.join(', ') || chain.certificates[0]?.subject}<br /><span class="soft">{chain.certificates[0]?.issuer}</span></> },
				{ id: 'end', title: t('certificates.valid-until'), sort: chain => chain.not_after, cell: chain => <DaysLeft until={chain.not_after} /> },
				{ id: 'verdict', title: t('certificates.verdict'), sort: chain => chain.verdict, cell: chain => <Badge tone={chain.verdict === 'trusted' ? 'good' : 'warn'}>{chain.verdict}</Badge> },
				{ id: 'seen', title: t('certificates.last-seen'), sort: chain => chain.last, cell: chain => <Ago at={chain.last} /> },
				{ id: 'accepted', title: t('certificates.known'), sort: chain => chain.accepted ?? '', cell: chain => chain.accepted ? t('certificates.known-yes') : <Badge tone="warn">{t('certificates.known-no')}</Badge> },
			]} />
			{open && <ChainDialog chain={open} onClose={() => setOpen(undefined)} onChange={pages.reload} />}
		</>
	);
}

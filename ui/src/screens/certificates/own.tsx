/* Our certificates: what is presented now, what was, what comes. */
import { getAll, useLoad } from '../../api';
import { list, t } from '../../i18n';
import type { Life, OwnCertificate } from '../../model';
import { Badge, Code, Empty, ErrorNote, Facts, Loading, Section, type Tone } from '../../parts/basic';
import { Icon } from '../../parts/icon';
import { href } from '../../router';
import { isInstallationAdmin } from '../../session';
import { Bars, type Bar } from './bars';
import { Requests } from './request';

export const stateTones: Record<string, Tone> = { current: 'good', next: 'info', deprecated: 'warn', retired: 'plain' };
export const stateName = (state: string) => t(`certificates.state-${state}`);

export function useOwn() {
	return useLoad(signal => getAll<OwnCertificate>('/v1/certificates', {}, signal), [], ['generation', 'alarms']);
}

/** A command for the server's administrator: private keys never pass through the browser. */
export function ImportHint({ name, isNext }: { name: string; isNext: boolean }) {
	return (
		<>
			<p>{isNext ? t('certificates.import-next') : t('certificates.import-first')}</p>
			<Code label={t('certificates.command')} text={`sealpost cert import ${name} chain.pem key.pem`} />
			<p class="help">{t('certificates.import-help')}</p>
		</>
	);
}

function barsOf(items: OwnCertificate[], life: Life | undefined): Bar[] {
	if (life)
		return life.versions.filter(version => version.state !== 'retired').map(version => ({
			key: version.id, label: t('certificates.version', { id: version.id }), state: stateName(version.state), tone: stateTones[version.state] ?? 'plain',
			from: version.not_before, to: version.not_after,
		}));
	return items.flatMap((item, i) => item.chain[0] ? [{
		key: String(i), label: item.chain[0].key, state: stateName(item.state), tone: stateTones[item.state] ?? 'plain',
		from: item.chain[0].not_before, to: item.chain[0].not_after,
	}] : []);
}

function One({ name, items, life }: { name: string; items: OwnCertificate[]; life: Life | undefined }) {
	const current = items.find(item => item.state === 'current') ?? items[0];
	const leaf = current?.chain[0];
	return (
		<Section title={name} actions={life && <a class="button plain" href={href('certificates', name)}><Icon name="reload" />{t('certificates.rollover')}</a>}>
			<Bars bars={barsOf(items, life)} label={t('certificates.validity-of', { name })} />
			<Facts items={[
				[t('certificates.names'), leaf?.names.join(', ')],
				[t('certificates.issuer'), leaf?.issuer],
				[t('certificates.key'), leaf?.key],
				['SHA-256', leaf && <code>{leaf.sha256}</code>],
				[t('certificates.used-by'), current?.used_by.length ? list(current.used_by) : <Badge tone="warn">{t('certificates.not-used')}</Badge>],
				[t('certificates.retired'), life && (life.versions.filter(version => version.state === 'retired').length || null)],
			]} />
			{!life && isInstallationAdmin() && <details><summary>{t('certificates.no-life')}</summary><p class="intro">{t('certificates.no-life-text')}</p><ImportHint name={name} isNext={false} /></details>}
		</Section>
	);
}

export function OwnCertificates() {
	const own = useOwn();
	if (own.error)
		return <ErrorNote error={own.error} onRetry={own.reload} />;
	if (!own.value)
		return <Loading />;
	const { items } = own.value;
	const names = [...new Set(items.map(item => item.name))];
	const lifeOf = (name: string) => items.find(item => item.name === name && item.life)?.life ?? undefined;
	return (
		<>
			{names.map(name => <One key={name} name={name} items={items.filter(item => item.name === name)} life={lifeOf(name)} />)}
			{names.length === 0 && <Empty title={t('certificates.none')} />}
			{isInstallationAdmin() && <Requests onCome={own.reload} />}
			{isInstallationAdmin() && <Section title={t('certificates.add')}>
				<ImportHint name="mx" isNext={false} />
			</Section>}
		</>
	);
}

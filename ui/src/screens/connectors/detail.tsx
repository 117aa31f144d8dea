/* One connector: both directions side by side, and what can be asked of it. */
import { useState } from 'preact/hooks';
import { at, getAll, getTagged, send, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { Badge, Button, Empty, ErrorNote, Heading, Loading, Note, Section } from '../../parts/basic';
import { Confirm } from '../../parts/dialog';
import { Tabs } from '../../parts/tabs';
import { say } from '../../parts/toast';
import { go, href } from '../../router';
import { mayChange } from '../../session';
import { Chains } from './chains';
import { expectsProperties, propertiesOf, topProperties } from './fields';
import { History } from './history';
import { Kit } from './kit';
import { DirectionBadge, ModeBadges } from './list';
import { Live } from './live';
import { findingsOf, type Connector, type Finding } from './model';
import { Readiness } from './readiness';
import { change, Findings, propertyHelp, propertyName, TypeName, ValueText } from './shared';

function isSaid(value: unknown): boolean {
	return !(value === null || value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0));
}

/** The properties that are set, or all of them with what each means. */
function Properties({ object, prefix, names, isAll }: { object: Record<string, unknown>; prefix: string; names: string[]; isAll: boolean }) {
	return (
		<dl class="facts properties">
			{names.filter(name => isAll || isSaid(object[name])).map(name => {
				const path = prefix ? `${prefix}.${name}` : name;
				return (
					<div key={name}>
						<dt>{propertyName(path)}</dt>
						<dd><ValueText path={path} value={object[name]} />{isAll && <p class="help">{propertyHelp(path)} <code>{path}</code></p>}</dd>
					</div>
				);
			})}
		</dl>
	);
}

function Half({ connector, half, isAll }: { connector: Connector; half: 'inbound' | 'outbound'; isAll: boolean }) {
	const object = connector[half];
	return (
		<Section title={t(`connectors.${half}`)} intro={t(`connectors.${half}-intro`)}>
			{object ? <Properties object={object} prefix={half} names={propertiesOf(half, connector.type)} isAll={isAll} />
				: <Empty title={t(`connectors.no-${half}`)}><p>{t(`connectors.no-${half}-text`)}</p></Empty>}
		</Section>
	);
}

function Overview({ connector, findings }: { connector: Connector; findings: Finding[] }) {
	const [isAll, setAll] = useState(false);
	const expects = connector.expects as Record<string, unknown> | null;
	return (
		<>
			{connector.one_direction && <Note tone="warn" title={t(`connectors.only-${connector.one_direction}`)}><p>{t('connectors.one-direction-help')}</p></Note>}
			<Findings findings={findings.filter(one => one.token !== 'one-direction')} />
			<p class="toggle"><Button look="quiet" icon="info" aria-pressed={isAll} onClick={() => setAll(!isAll)}>{isAll ? t('connectors.hide-all') : t('connectors.show-all')}</Button></p>
			<div class="columns">
				<Half connector={connector} half="inbound" isAll={isAll} />
				<Half connector={connector} half="outbound" isAll={isAll} />
			</div>
			<Section title={t('connectors.group-trust')} intro={t('connectors.group-trust-intro')}>
				<Properties object={connector} prefix="" names={topProperties.filter(name => name !== 'enabled' && name !== 'comment')} isAll={isAll} />
			</Section>
			{expects &&
				<Section title={t('connectors.group-expects')} intro={t('connectors.group-expects-intro')}>
					<Properties object={expects} prefix="expects" names={expectsProperties} isAll={isAll} />
				</Section>}
		</>
	);
}

function Actions({ connector, onDone }: { connector: Connector; onDone: () => void }) {
	const key = `${connector.organisation}/${connector.name}`;
	const [isRemoving, setRemoving] = useState(false);
	const toggle = useAction(async () => {
		await change([{ kind: 'connector', op: 'patch', key, object: { enabled: !connector.enabled } }]);
		onDone();
	});
	const remove = useAction(async () => {
		await send('DELETE', at`/v1/connectors/${connector.organisation}/${connector.name}`);
		say(t('connectors.removed', { name: connector.name }));
		go('connectors');
	});
	if (!mayChange(connector.organisation))
		return null;
	return (
		<>
			<a class="button main" href={href('connectors', connector.organisation, connector.name, 'edit')}>{t('connectors.edit')}</a>
			<Button isBusy={toggle.isRunning} onClick={() => void toggle.run()}>{connector.enabled ? t('connectors.turn-off') : t('connectors.turn-on')}</Button>
			<Button look="danger" icon="trash" onClick={() => setRemoving(true)}>{t('connectors.remove')}</Button>
			{toggle.error && <ErrorNote error={toggle.error} />}
			{isRemoving &&
				<Confirm title={t('connectors.remove-title', { name: connector.name })} action={remove} yes={t('connectors.remove')} isDanger onClose={() => setRemoving(false)}>
					<p>{t('connectors.remove-text')}</p>
				</Confirm>}
		</>
	);
}

export function ConnectorDetail({ organisation, name }: { organisation: string; name: string }) {
	const found = useLoad(async () => (await getTagged<Connector>(at`/v1/connectors/${organisation}/${name}`)).value, [organisation, name], ['generation']);
	const lint = useLoad(signal => getAll<Finding>('/v1/lint', {}, signal), [], ['generation']);
	const connector = found.value;
	if (!connector)
		return <><Heading title={name} back={{ href: href('connectors'), label: t('connectors.title') }} />{found.error ? <ErrorNote error={found.error} onRetry={found.reload} /> : <Loading />}</>;
	const findings = findingsOf(lint.value?.items ?? [], 'connector', `${organisation}/${name}`);
	return (
		<>
			<Heading title={connector.name} back={{ href: href('connectors'), label: t('connectors.title') }} intro={connector.comment}
				badge={<span class="badges"><Badge><TypeName connector={connector} /></Badge>{!connector.enabled && <Badge tone="warn">{t('connectors.off')}</Badge>}
					<DirectionBadge connector={connector} /><ModeBadges connector={connector} /></span>}
				actions={<Actions connector={connector} onDone={found.reload} />} />
			{found.error && <ErrorNote error={found.error} onRetry={found.reload} />}
			<Tabs label={connector.name} tabs={[
				{ id: 'settings', title: t('connectors.tab-settings'), content: () => <Overview connector={connector} findings={findings} /> },
				{ id: 'live', title: t('connectors.tab-live'), content: () => <Live connector={connector} /> },
				{ id: 'readiness', title: t('connectors.tab-readiness'), content: () => <Readiness connector={connector} onChanged={found.reload} /> },
				{ id: 'tests', title: t('connectors.tab-tests'), content: () => <History connector={connector} /> },
				{ id: 'chains', title: t('connectors.tab-chains'), content: () => <Chains connector={connector} /> },
				...(connector.type === 'partner' ? [{ id: 'kit', title: t('connectors.tab-kit'), content: () => <Kit connector={connector} /> }] : []),
			]} />
		</>
	);
}

/* All connectors: whom with, which way, how strict, and what is doubtful. */
import { getAll, useLoad, usePages } from '../../api';
import { t } from '../../i18n';
import { Badge, Button, Empty, Heading } from '../../parts/basic';
import { FilterBar, FormField } from '../../parts/form';
import { PagedTable } from '../../parts/table';
import { href, place, setQuery } from '../../router';
import { mayChange, seesSeveral } from '../../session';
import { findingsOf, forcedBy, modesOf, type Connector, type Finding } from './model';
import { FindingBadge, TypeName } from './shared';

export function DirectionBadge({ connector }: { connector: Connector }) {
	const forced = forcedBy(connector);
	return (
		<span class="badges">
			<Badge tone={forced === 'both' ? 'good' : forced === 'neither' ? 'plain' : 'info'}>{t(`connectors.forced-${forced}`)}</Badge>
			{connector.one_direction && <Badge tone="warn" title={t('connectors.one-direction-help')}>{t('connectors.one-direction')}</Badge>}
		</span>
	);
}

export function ModeBadges({ connector }: { connector: Connector }) {
	return <span class="badges">{modesOf(connector).map(mode => <Badge key={mode} tone={mode === 'report' ? 'warn' : 'good'}>{t(`value.mode-${mode}`)}</Badge>)}</span>;
}

export function keyOf(connector: { organisation: string; name: string }): string {
	return `${connector.organisation}/${connector.name}`;
}

function halves(connector: Connector): string {
	return [connector.inbound && t('connectors.inbound-short'), connector.outbound && t('connectors.outbound-short')].filter(Boolean).join(', ');
}

export function NewButtons() {
	return mayChange() ? (
		<>
			<a class="button main" href={href('connectors', 'new', 'partner')}>{t('connectors.new-partner')}</a>
			<a class="button" href={href('connectors', 'new', 'on-premises')}>{t('connectors.new-own')}</a>
			<a class="button" href={href('connectors', 'import')}>{t('connectors.import')}</a>
		</>
	) : null;
}

export function ConnectorList() {
	const words = place.use().query.words ?? '';
	const pages = usePages<Connector>('/v1/connectors', { limit: 500 }, ['generation']);
	const lint = useLoad(signal => getAll<Finding>('/v1/lint', {}, signal), [], ['generation']);
	const findings = lint.value?.items ?? [];
	const fits = (one: Connector) => words === '' || JSON.stringify(one).toLowerCase().includes(words.toLowerCase());
	return (
		<>
			<Heading title={t('connectors.title')} intro={t('connectors.intro')} actions={<NewButtons />} />
			<FilterBar label={t('connectors.filter')}>
				<FormField field={{ path: 'words', kind: 'text', label: t('connectors.filter') }} value={words} onChange={value => setQuery({ words: value as string | undefined })} />
				{words && <Button look="quiet" onClick={() => setQuery({ words: undefined })}>{t('connectors.filter-clear')}</Button>}
			</FilterBar>
			<PagedTable caption={t('connectors.title')} pages={{ ...pages, items: pages.items.filter(fits) }} rowKey={keyOf} order="name" columns={[
				{ id: 'name', title: t('connectors.name'), isHead: true, sort: one => one.name,
					cell: one => <a href={href('connectors', one.organisation, one.name)}>{one.name}</a> },
				...(seesSeveral() ? [{ id: 'organisation', title: t('connectors.organisation'), sort: (one: Connector) => one.organisation, cell: (one: Connector) => one.organisation }] : []),
				{ id: 'type', title: t('connectors.type'), sort: one => one.type, cell: one => <TypeName connector={one} /> },
				{ id: 'halves', title: t('connectors.halves'), cell: halves },
				{ id: 'forced', title: t('connectors.forced'), sort: one => forcedBy(one), cell: one => <DirectionBadge connector={one} /> },
				{ id: 'mode', title: t('connectors.mode'), cell: one => <ModeBadges connector={one} /> },
				{ id: 'state', title: t('connectors.state'), sort: one => String(one.enabled), cell: one =>
					<span class="badges"><Badge tone={one.enabled ? 'good' : 'plain'}>{one.enabled ? t('connectors.on') : t('connectors.off')}</Badge>
						<FindingBadge findings={findingsOf(findings, 'connector', keyOf(one))} /></span> },
			]} empty={<Empty title={words ? t('connectors.none-found') : t('connectors.empty')}>{!words && <><p>{t('connectors.empty-text')}</p><NewButtons /></>}</Empty>} />
		</>
	);
}

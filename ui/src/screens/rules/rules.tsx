/* Rules: what is asked of some of an organisation's mail. */
import { useState } from 'preact/hooks';
import { at, getAll, getTagged, send, useAction, useLoad, usePages } from '../../api';
import { list, t } from '../../i18n';
import { Badge, Button, Empty, ErrorNote, Heading, Loading, LookOnly, Note, Section } from '../../parts/basic';
import { Confirm, Dialog } from '../../parts/dialog';
import { Form, type Tree } from '../../parts/form';
import { PagedTable } from '../../parts/table';
import { say } from '../../parts/toast';
import { go, href, type Place } from '../../router';
import { mayChange, seesSeveral } from '../../session';
import { ruleGroups } from '../connectors/fields';
import { findingsOf, objectErrors, type Change, type Connector, type Finding } from '../connectors/model';
import { change, ChangeList, FindingBadge, Findings, useDryRun } from '../connectors/shared';

interface Rule {
	name: string;
	organisation: string;
	enabled: boolean;
	comment: string | null;
	mode: 'enforce' | 'report';
	direction: string;
	senders: string[];
	recipients: string[];
	header: string | null;
	header_contains: string | null;
	larger_than: string;
	require_tls: string;
	connector: string | null;
	action: 'pass' | 'hold' | 'refuse';
	text: string | null;
}

const keyOf = (rule: { organisation: string; name: string }) => `${rule.organisation}/${rule.name}`;

/** The conditions as one sentence. */
function conditions(rule: Rule): string {
	const parts = [
		rule.direction !== 'any' && t(`value.direction-${rule.direction}`),
		rule.senders.length > 0 && t('rules.if-senders', { what: rule.senders.join(', ') }),
		rule.recipients.length > 0 && t('rules.if-recipients', { what: rule.recipients.join(', ') }),
		rule.header && (rule.header_contains ? t('rules.if-header-contains', { header: rule.header, text: rule.header_contains }) : t('rules.if-header', { header: rule.header })),
		rule.larger_than !== '0' && t('rules.if-larger', { size: rule.larger_than }),
	].filter(part => typeof part === 'string');
	return parts.length ? list(parts) : t('rules.if-all');
}

function effects(rule: Rule): string {
	const parts = [
		rule.action !== 'pass' && t(`value.action-${rule.action}`),
		rule.require_tls !== 'none' && t('rules.then-tls', { level: t(`value.tls-${rule.require_tls}`) }),
		rule.connector && t('rules.then-connector', { connector: rule.connector }),
	].filter(part => typeof part === 'string');
	return parts.length ? list(parts) : t('value.action-pass');
}

function RuleList() {
	const pages = usePages<Rule>('/v1/rules', { limit: 500 }, ['generation']);
	const lint = useLoad(signal => getAll<Finding>('/v1/lint', {}, signal), [], ['generation']);
	return (
		<>
			<Heading title={t('rules.title')} intro={t('rules.intro')} actions={mayChange() && <a class="button main" href={href('rules', 'new')}>{t('rules.new')}</a>} />
			<PagedTable caption={t('rules.title')} pages={pages} rowKey={keyOf} order="name" columns={[
				{ id: 'name', title: t('connectors.name'), isHead: true, sort: one => one.name, cell: one => <a href={href('rules', one.organisation, one.name)}>{one.name}</a> },
				...(seesSeveral() ? [{ id: 'organisation', title: t('connectors.organisation'), sort: (one: Rule) => one.organisation, cell: (one: Rule) => one.organisation }] : []),
				{ id: 'if', title: t('rules.if'), cell: conditions },
				{ id: 'then', title: t('rules.then'), cell: effects },
				{ id: 'state', title: t('connectors.state'), cell: one => <span class="badges">
					<Badge tone={one.enabled ? 'good' : 'plain'}>{one.enabled ? t('connectors.on') : t('connectors.off')}</Badge>
					{one.mode === 'report' && <Badge tone="warn">{t('value.mode-report')}</Badge>}
					<FindingBadge findings={findingsOf(lint.value?.items ?? [], 'rule', keyOf(one))} /></span> },
			]} empty={<Empty title={t('rules.empty')}><p>{t('rules.empty-text')}</p>{mayChange() && <a class="button main" href={href('rules', 'new')}>{t('rules.new')}</a>}</Empty>} />
		</>
	);
}

function Editor({ rule, etag, organisations, onReload }: { rule: Rule | null; etag: string; organisations: string[]; onReload: () => void }) {
	const [object, setObject] = useState<Tree>(rule ? { ...rule } : { organisation: organisations[0], enabled: true, mode: 'enforce', direction: 'any', action: 'pass', require_tls: 'none' });
	const [isAsking, setAsking] = useState(false);
	const [isRemoving, setRemoving] = useState(false);
	const connectors = useLoad(signal => getAll<Connector>('/v1/connectors', { organisation: String(object.organisation ?? '') }, signal), [object.organisation]);
	const names = connectors.value?.items.filter(one => one.outbound).map(one => one.name) ?? [];
	const isNamed = !!object.name && !!object.organisation;
	// What is not shown has no say: a refusal demands no TLS.
	const { text, header_contains, require_tls, connector, ...rest } = object;
	const sent = { ...rest, ...(object.action === 'refuse' ? { text } : { require_tls, connector }), ...(object.header ? { header_contains } : {}) };
	const wanted: Change[] = [{ kind: 'rule', op: rule ? 'put' : 'add', key: `${String(object.organisation)}/${String(object.name)}`, object: sent }];
	const isReadOnly = !mayChange(rule?.organisation);
	const trial = useDryRun(isNamed && !isReadOnly ? wanted : null);
	const save = useAction(async () => {
		await change(wanted, etag ? { etag } : {});
		say(t('connectors.saved', { name: String(object.name) }));
		go('rules');
	});
	const remove = useAction(async () => {
		if (rule)
			await send('DELETE', at`/v1/rules/${rule.organisation}/${rule.name}`);
		say(t('connectors.removed', { name: String(object.name) }));
		go('rules');
	});
	const groups = ruleGroups(names).map(group => ({ ...group, fields: group.fields.map(field => ({ ...field, isReadOnly })) }));
	return (
		<>
			<Section title={t('rules.rule')} actions={rule && !isReadOnly && <Button look="danger" icon="trash" onClick={() => setRemoving(true)}>{t('connectors.remove')}</Button>}>
				<Form object={object} onChange={setObject} errors={trial.errors} {...(!isReadOnly && { submit: t('connectors.review-changes') })} onSubmit={() => setAsking(true)} onCancel={() => go('rules')}
					groups={[...(rule ? [] : [{ title: t('rules.group-name'), fields: [
						{ path: 'name', kind: 'text' as const, label: t('connectors.name'), help: t('rules.name-help'), isRequired: true },
						{ path: 'organisation', kind: 'choice' as const, label: t('connectors.organisation'), choices: organisations.map(name => ({ value: name, label: name })), when: () => organisations.length > 1 },
					] }]), ...groups]}>
					<div aria-live="polite" class="trial">
						{trial.error && <ErrorNote error={trial.error} />}
						{trial.report && <Findings findings={trial.report.findings ?? []} />}
					</div>
				</Form>
			</Section>
			{isAsking &&
				<Dialog isWide title={t('connectors.review-changes')} onClose={() => setAsking(false)} actions={
					<>
						<Button onClick={() => setAsking(false)}>{t('common.cancel')}</Button>
						<Button look="main" isBusy={save.isRunning} disabled={!trial.report || trial.isAsking} onClick={() => void save.run()}>{t('connectors.save')}</Button>
					</>
				}>
					{!isNamed && <Note tone="bad" title={t('wizard.missing-name')} />}
					{trial.isAsking && <Loading what={t('connectors.checking')} />}
					{trial.report && <><ChangeList report={trial.report} /><Findings findings={trial.report.findings ?? []} /></>}
					{trial.error && <ErrorNote error={trial.error} />}
					{trial.errors.map(one => <Note key={one.field} tone="bad" title={t('connectors.wrong-at', { field: one.field })}><p>{one.detail}</p></Note>)}
					{save.error && <ErrorNote error={save.error} {...(save.error.isChanged && { onRetry: onReload })} />}
					{objectErrors(save.error).length > 0 && <p>{t('connectors.checking')}</p>}
				</Dialog>}
			{isRemoving && rule &&
				<Confirm title={t('rules.remove-title', { name: rule.name })} action={remove} yes={t('connectors.remove')} isDanger onClose={() => setRemoving(false)}>
					<p>{t('rules.remove-text')}</p>
				</Confirm>}
		</>
	);
}

function RuleScreen({ organisation, name }: { organisation?: string; name?: string }) {
	const organisations = useLoad(signal => getAll<{ name: string }>('/v1/organisations', {}, signal));
	const found = useLoad(async () => organisation && name ? await getTagged<Rule>(at`/v1/rules/${organisation}/${name}`) : null, [organisation, name]);
	const isLoading = (found.value === undefined || !organisations.value) && !found.error && !organisations.error;
	return (
		<>
			<Heading title={name ?? t('rules.new')} back={{ href: href('rules'), label: t('rules.title') }} />
			{isLoading && <Loading />}
			{!mayChange(organisation) && <LookOnly />}
			{found.error && <ErrorNote error={found.error} onRetry={found.reload} />}
			{organisations.error && <ErrorNote error={organisations.error} onRetry={organisations.reload} />}
			{found.value !== undefined && organisations.value && (found.value || mayChange()) &&
				<Editor key={found.value?.etag ?? ''} rule={found.value?.value ?? null} etag={found.value?.etag ?? ''} organisations={organisations.value.items.map(one => one.name)} onReload={found.reload} />}
		</>
	);
}

export function Rules({ place }: { place: Place }) {
	const [, organisation, name] = place.parts;
	if (!organisation)
		return <RuleList />;
	return organisation === 'new' && !name ? <RuleScreen /> : <RuleScreen key={`${organisation}/${name}`} organisation={organisation} {...(name && { name })} />;
}

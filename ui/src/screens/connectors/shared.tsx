/* What several screens of connectors and rules show alike. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { ApiError, send, type Options } from '../../api';
import { t, tOr } from '../../i18n';
import { Badge, Note, type Tone } from '../../parts/basic';
import { Icon } from '../../parts/icon';
import { objectErrors, type Change, type ChangeReport, type Connector, type Finding } from './model';
import type { FieldError } from '../../api';

const severityTones: Record<Finding['severity'], Tone> = { error: 'bad', warning: 'warn', note: 'info' };

export function Findings({ findings }: { findings: Finding[] }) {
	return (
		<>
			{findings.map(one =>
				<Note key={one.token + one.subject} tone={severityTones[one.severity]} title={`${one.subject}: ${one.text}`}>
					<p>{one.remedy}</p>
				</Note>)}
		</>
	);
}

export function FindingBadge({ findings }: { findings: Finding[] }) {
	const worst = findings[0];
	return worst ? <Badge tone={severityTones[worst.severity]} title={findings.map(one => one.text).join('\n')}>{t('connectors.findings', { count: findings.length })}</Badge> : null;
}

export function TypeName({ connector }: { connector: Pick<Connector, 'type'> }) {
	return <>{t(`connectors.type-${connector.type}`)}</>;
}

export function propertyName(path: string): string {
	return tOr(`property.${path.replace(/\./g, '-')}`, path);
}
export function propertyHelp(path: string): string {
	return tOr(`property.${path.replace(/\./g, '-')}-help`, '');
}

/** A value as people read it: words of the catalogue for words of the API. */
export function ValueText({ path, value }: { path: string; value: unknown }) {
	if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0))
		return <span class="soft">{t('connectors.none')}</span>;
	if (typeof value === 'boolean')
		return <>{value ? t('connectors.yes') : t('connectors.no')}</>;
	if (Array.isArray(value))
		return <ul class="bare">{value.map(one => <li key={String(one)}><code>{String(one)}</code></li>)}</ul>;
	const text = String(value);
	if (text.includes('-----BEGIN'))
		return <>{t('connectors.pem', { count: text.split('-----BEGIN').length - 1 })}</>;
	return <>{wordOf(path, text)}</>;
}

/** What a change would do, as the server says it. */
export function ChangeList({ report }: { report: ChangeReport }) {
	const changes = report.changes.filter(one => one.fields.length > 0 || one.type !== 'changed');
	if (changes.length === 0)
		return <p class="soft">{t('connectors.no-change')}</p>;
	return (
		<>
			{changes.map(one =>
				<div key={one.kind + one.key}>
					<p><b>{t(`connectors.change-${one.type}`, { what: one.key })}</b></p>
					<ul class="changes">
						{one.fields.map(field =>
							<li key={field.path}><span>{propertyName(one.kind === 'rule' ? `rule.${field.path}` : field.path)}</span>
								<span>{field.before && <><del>{short(field.path, field.before)}</del> <Icon name="right" /><span class="hidden">{t('connectors.becomes')}</span> </>}
									<ins>{short(field.path, field.after)}</ins></span></li>)}
					</ul>
				</div>)}
		</>
	);
}

function short(path: string, text: string | null): string {
	if (!text)
		return t('connectors.none');
	if (text === 'true' || text === 'false')
		return text === 'true' ? t('connectors.yes') : t('connectors.no');
	return text.includes('-----BEGIN') ? 'PEM' : wordOf(path, text);
}

/** A word of the API in the user's language, where it is one. */
function wordOf(path: string, text: string): string {
	return tOr(`value.${path.split('.').pop() ?? ''}-${text.replace(/[^A-Za-z0-9]/g, '-')}`, text);
}

export function change<T = ChangeReport>(changes: Change[], options: Options = {}): Promise<T> {
	return send<T>('POST', '/v1/changes', { changes }, options);
}

export interface DryRun {
	report: ChangeReport | undefined;
	/** Of the object that was sent, without the path of the change. */
	errors: FieldError[];
	/** What is about no field. */
	error: ApiError | undefined;
	isAsking: boolean;
}

/** Inside of a component: what the server says of a change while it is typed, half a second after the last key. */
export function useDryRun(changes: Change[] | null): DryRun {
	const [state, setState] = useState<DryRun>({ report: undefined, errors: [], error: undefined, isAsking: false });
	const key = JSON.stringify(changes);
	useEffect(() => {
		if (!changes) {
			setState({ report: undefined, errors: [], error: undefined, isAsking: false });
			return;
		}
		const controller = new AbortController();
		setState(old => ({ ...old, isAsking: true }));
		const timer = setTimeout(() => {
			change(changes, { params: { dry_run: 1 }, signal: controller.signal }).then(
				report => setState({ report, errors: [], error: undefined, isAsking: false }),
				problem => {
					if (controller.signal.aborted)
						return;
					const error = problem instanceof ApiError ? problem : new ApiError(0, '', String(problem));
					const errors = objectErrors(error);
					setState({ report: undefined, errors, error: errors.length ? undefined : error, isAsking: false });
				});
		}, 500);
		return () => {
			clearTimeout(timer);
			controller.abort();
		};
	}, [key]);
	return state;
}

export interface Card<T extends string> {
	value: T;
	title: string;
	text?: ComponentChildren;
	isDisabled?: boolean;
}

/** One of several choices, each with what it means. */
export function Cards<T extends string>({ label, cards, value, onChange }: { label: string; cards: Card<T>[]; value: T; onChange: (value: T) => void }) {
	const name = useId();
	return (
		<fieldset class="cards">
			<legend>{label}</legend>
			{cards.map(card =>
				<label key={card.value} class={`card ${card.value === value ? 'is-chosen' : ''}`}>
					<input type="radio" name={name} value={card.value} checked={card.value === value} disabled={card.isDisabled}
						onChange={() => onChange(card.value)} />
					<span><b>{card.title}</b>{card.text && <span class="help">{card.text}</span>}</span>
				</label>)}
		</fieldset>
	);
}

/* Small things: buttons, badges, empty lists, errors, copying, waiting. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, type Action } from '../api';
import { ago, dateTime, t, toDate, tOr, type Moment } from '../i18n';
import { Icon, type IconName } from './icon';
import { say } from './toast';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';
const toneIcons: Record<Tone, IconName> = { good: 'check', warn: 'warning', bad: 'cross', info: 'info', plain: 'dot' };

/** A word with a sign and a colour; the sign differs with the tone, so the colour is not needed. */
export function Badge({ tone = 'plain', title, children }: { tone?: Tone; title?: string; children: ComponentChildren }) {
	return <span class={`badge ${tone}`} title={title}><Icon name={toneIcons[tone]} />{children}</span>;
}

type ButtonProps = Omit<JSX.IntrinsicElements['button'], 'icon'> & {
	look?: 'main' | 'plain' | 'danger' | 'quiet';
	icon?: IconName;
	/** Shows that it works, and cannot be pressed meanwhile. */
	isBusy?: boolean;
};

export function Button({ look = 'plain', icon, isBusy = false, children, class: extra, disabled, type = 'button', ...rest }: ButtonProps) {
	return (
		<button {...rest} type={type} class={`button ${look} ${extra ?? ''}`} disabled={disabled || isBusy} aria-busy={isBusy}>
			{isBusy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

/** A button that does WORK when pressed; what fails is said beneath it. */
export function ActionButton({ action, children, ...rest }: ButtonProps & { action: Action<[]> }) {
	return (
		<span class="action">
			<Button {...rest} isBusy={action.isRunning} onClick={() => void action.run()}>{children}</Button>
			{action.error && <ErrorNote error={action.error} />}
		</span>
	);
}

export function Loading({ what }: { what?: string }) {
	return <p class="loading" role="status"><span class="spinner" aria-hidden="true" />{what ?? t('common.loading')}</p>;
}

/** What to say where a list is empty: what it would hold, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
	return <div class="empty"><Icon name="empty" /><p class="empty-title">{title}</p>{children && <div>{children}</div>}</div>;
}

export function Note({ tone = 'info', title, children }: { tone?: Tone; title?: string; children?: ComponentChildren }) {
	return (
		<div class={`note ${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
			<Icon name={toneIcons[tone]} />
			<div>{title && <p class="note-title">{title}</p>}{children}</div>
		</div>
	);
}

/** Instead of a form, for those whose role may look only. */
export function LookOnly() {
	return <Note title={t('common.look-only')}><p>{t('common.look-only-text')}</p></Note>;
}

/** What to do about an error, by its status. */
function remedyOf(error: ApiError): string {
	if (error.code === 'no-answer' || error.status === 502 || error.status === 503)
		return t('common.remedy-no-answer');
	if (error.isChanged)
		return t('common.remedy-changed');
	if (error.code === 'login-needed')
		return t('common.remedy-login');
	if (error.status === 403)
		return t('common.remedy-forbidden');
	if (error.status === 404)
		return t('common.remedy-gone');
	return '';
}

export function ErrorNote({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
	const title = error.code === 'no-answer' ? t('common.no-answer') : tOr(`error.${error.code}`, error.title || t('common.error'));
	const remedy = remedyOf(error);
	return (
		<Note tone="bad" title={title}>
			{error.detail && <p>{error.detail}</p>}
			{error.errors.length > 0 && <ul>{error.errors.map(one => <li key={one.field}><code>{one.field}</code>: {one.detail}</li>)}</ul>}
			{remedy && <p>{remedy}</p>}
			{onRetry && <Button icon="reload" onClick={onRetry}>{t('common.retry')}</Button>}
		</Note>
	);
}

export async function copy(text: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(text);
		say(t('common.copied'));
	} catch {
		say(t('common.copy-failed'), 'bad');
	}
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
	return <Button look="quiet" icon="copy" onClick={() => void copy(text)} title={label ?? t('common.copy')}>
		{label ?? <span class="hidden">{t('common.copy')}</span>}
	</Button>;
}

/** Text of a machine: a command, a PEM, a transcript, with a button to copy it. */
export function Code({ text, label }: { text: string; label: string }) {
	return (
		<div class="code">
			<pre tabIndex={0} aria-label={label}><code>{text}</code></pre>
			<CopyButton text={text} />
		</div>
	);
}

/** "3 hours ago", with the exact moment beside it for those who ask; grows older by itself. */
export function Ago({ at }: { at: Moment | null | undefined }) {
	const [, redraw] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => redraw(n => n + 1), 30_000);
		return () => clearInterval(timer);
	}, []);
	if (!at)
		return <span class="soft">–</span>;
	return <time dateTime={toDate(at).toISOString()} title={dateTime(at)}>{ago(at)}</time>;
}

export function When({ at }: { at: Moment | null | undefined }) {
	return at ? <time dateTime={toDate(at).toISOString()}>{dateTime(at)}</time> : <span class="soft">–</span>;
}

/** Terms and what they are: [[term, value], ...]; what is null is left out. */
export function Facts({ items }: { items: [ComponentChildren, ComponentChildren][] }) {
	return (
		<dl class="facts">
			{items.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([term, value], i) =>
				<div key={i}><dt>{term}</dt><dd>{value}</dd></div>)}
		</dl>
	);
}

/** A part of a screen with a heading. */
export function Section({ title, actions, children, intro, id }: {
	title: string; actions?: ComponentChildren; children: ComponentChildren; intro?: ComponentChildren; id?: string;
}) {
	return (
		<section class="section" id={id}>
			<header><h2>{title}</h2>{actions && <div class="actions">{actions}</div>}</header>
			{intro && <p class="intro">{intro}</p>}
			{children}
		</section>
	);
}

/** The head of a screen; its <h1> gets the focus when the place changes. */
export function Heading({ title, back, badge, actions, intro }: {
	title: string; back?: { href: string; label: string }; badge?: ComponentChildren; actions?: ComponentChildren; intro?: ComponentChildren;
}) {
	return (
		<header class="heading">
			{back && <a class="back" href={back.href}><Icon name="left" />{back.label}</a>}
			<div class="heading-line">
				<h1 tabIndex={-1}>{title}</h1>{badge}
				{actions && <div class="actions">{actions}</div>}
			</div>
			{intro && <p class="intro">{intro}</p>}
		</header>
	);
}

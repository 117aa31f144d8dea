/* What happened one after the other, and what is under way. */
import type { ComponentChildren } from 'preact';
import { t, type Moment } from '../i18n';
import { When, type Tone } from './basic';
import { Icon, type IconName } from './icon';

export interface TimelineItem {
	at: Moment | null;
	title: ComponentChildren;
	tone?: Tone;
	children?: ComponentChildren;
}

const signs: Record<Tone, IconName> = { good: 'check', warn: 'warning', bad: 'cross', info: 'info', plain: 'dot' };

export function Timeline({ items, label }: { items: TimelineItem[]; label: string }) {
	return (
		<ol class="timeline" aria-label={label}>
			{items.map((item, i) =>
				<li key={i} class={item.tone ?? 'plain'}>
					<span class="sign"><Icon name={signs[item.tone ?? 'plain']} /></span>
					<div><p class="timeline-head">{item.title}{item.at && <span class="soft"><When at={item.at} /></span>}</p>{item.children}</div>
				</li>)}
		</ol>
	);
}

/** waiting: not its turn yet; open: somebody's turn; running: the machine's. */
export type StepState = 'waiting' | 'open' | 'running' | 'good' | 'bad' | 'note' | 'skipped';
export interface Step {
	title: ComponentChildren;
	state: StepState;
	children?: ComponentChildren;
}

const stepTones: Record<StepState, Tone> = { waiting: 'plain', open: 'info', running: 'info', good: 'good', bad: 'bad', note: 'warn', skipped: 'plain' };

/** Steps of a test or a wizard as they end; each end is read aloud. */
export function Steps({ steps, label }: { steps: Step[]; label: string }) {
	return (
		<ol class="timeline steps" aria-label={label} aria-live="polite">
			{steps.map((step, i) =>
				<li key={i} class={stepTones[step.state]} aria-current={step.state === 'running' ? 'step' : undefined}>
					<span class="sign">{step.state === 'running' ? <span class="spinner" /> : <Icon name={step.state === 'open' ? 'right' : signs[stepTones[step.state]]} />}</span>
					<div><p class="timeline-head">{step.title}<span class="hidden"> {t(`common.step-${step.state}`)}</span></p>{step.children}</div>
				</li>)}
		</ol>
	);
}

/* Tabs (ARIA authoring practices): arrows move, the chosen one is in the address so that links lead to it. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { place, setQuery } from '../router';

export interface Tab {
	id: string;
	title: string;
	content: () => ComponentChildren;
}

export function Tabs({ label, tabs, name = 'tab' }: { label: string; tabs: Tab[]; name?: string }) {
	const base = useId();
	const wanted = place.use().query[name];
	const at = Math.max(0, tabs.findIndex(tab => tab.id === wanted));
	const current = tabs[at];
	const choose = (index: number, target: HTMLElement) => {
		const next = tabs[(index + tabs.length) % tabs.length];
		if (!next)
			return;
		setQuery({ [name]: next.id });
		target.parentElement?.querySelector<HTMLElement>(`#${CSS.escape(base + next.id)}`)?.focus();
	};
	const onKey = (event: KeyboardEvent) => {
		const target = event.currentTarget as HTMLElement;
		const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
		const next = steps[event.key];
		if (next === undefined)
			return;
		event.preventDefault();
		choose(next, target);
	};
	return (
		<div class="tabs">
			<div role="tablist" aria-label={label}>
				{tabs.map((tab, i) =>
					<button key={tab.id} id={base + tab.id} type="button" role="tab" aria-selected={i === at} aria-controls={base + 'panel'}
						tabIndex={i === at ? 0 : -1} onClick={event => choose(i, event.currentTarget)} onKeyDown={onKey}>{tab.title}</button>)}
			</div>
			<div key={current?.id} id={base + 'panel'} role="tabpanel" aria-labelledby={base + (current?.id ?? '')} tabIndex={0}>{current?.content()}</div>
		</div>
	);
}

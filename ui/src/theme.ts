/* Light, dark, or as the system has it. */
import { remember, remembered, Store } from './store';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = typeof themes[number];

const chosen = remembered('theme');
export const theme = new Store<Theme>(themes.find(name => name === chosen) ?? 'auto');

function apply(): void {
	if (theme.value === 'auto')
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = theme.value;
}

export function setTheme(next: Theme): void {
	remember('theme', next);
	theme.set(next);
	apply();
}
apply();

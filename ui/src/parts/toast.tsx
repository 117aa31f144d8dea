/* Short news that go by themselves, and are read aloud. */
import { Store } from '../store';
import { t } from '../i18n';
import { Icon } from './icon';

interface Toast { id: number; text: string; tone: 'good' | 'bad' }
const toasts = new Store<Toast[]>([]);
let last = 0;

/** Tell the user something that is done. What the user must act on belongs beside its cause (ErrorNote). */
export function say(text: string, tone: 'good' | 'bad' = 'good'): void {
	const id = ++last;
	toasts.set([...toasts.value.slice(-3), { id, text, tone }]);
	setTimeout(() => dismiss(id), tone === 'bad' ? 15_000 : 6_000);
}

function dismiss(id: number): void {
	toasts.set(toasts.value.filter(toast => toast.id !== id));
}

export function Toasts() {
	return (
		<div class="toasts" role="status" aria-live="polite">
			{toasts.use().map(toast =>
				<div key={toast.id} class={`toast ${toast.tone}`}>
					<Icon name={toast.tone === 'bad' ? 'cross' : 'check'} /><span>{toast.text}</span>
					<button type="button" class="button quiet" onClick={() => dismiss(toast.id)}>
						<Icon name="cross" /><span class="hidden">{t('common.close')}</span>
					</button>
				</div>)}
		</div>
	);
}

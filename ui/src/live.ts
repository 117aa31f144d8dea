/* What changes on the server while somebody looks: counters that the server pushes (text/event-stream). */
import { Store } from './store';

export interface Pulse {
	/** Each is another number when there is something new of its kind. */
	queue: number;
	recipients: number;
	trace: number;
	alarms: number;
	generation: number;
}

/** The newest counters; null before the first. */
export const pulse = new Store<Pulse | null>(null);
/** Is there a connection? */
export const isLive = new Store(false);

let source: EventSource | null = null;
let timer = 0;
let wait = 1000;

function open(): void {
	source = new EventSource('/v1/events');
	source.onopen = () => {
		wait = 1000;
		isLive.set(true);
	};
	source.addEventListener('pulse', event => pulse.set(JSON.parse((event as MessageEvent<string>).data) as Pulse));
	source.onerror = () => {
		isLive.set(false);
		// The browser tries again by itself only as long as the answer was an event stream.
		if (source?.readyState === EventSource.CLOSED) {
			clearTimeout(timer);
			timer = window.setTimeout(open, wait);
			wait = Math.min(wait * 2, 60_000);
		}
	};
}

export function startLive(): void {
	if (!source)
		open();
}

export function stopLive(): void {
	clearTimeout(timer);
	source?.close();
	source = null;
	isLive.set(false);
	pulse.set(null);
}

/* A value that components watch. */
import { useEffect, useState } from 'preact/hooks';

export class Store<T> {
	private listeners = new Set<() => void>();
	constructor(private current: T) {}
	get value(): T {
		return this.current;
	}
	set(value: T): void {
		if (value === this.current)
			return;
		this.current = value;
		for (const listener of [...this.listeners])
			listener();
	}
	/** Calls LISTENER at each change; the answer stops that. */
	watch(listener: () => void): () => void {
		this.listeners.add(listener);
		return () => {
			this.listeners.delete(listener);
		};
	}
	/** Inside of a component: its value, drawn anew when it changes. */
	use(): T {
		const [, redraw] = useState(0);
		const drawn = this.current;
		useEffect(() => {
			if (this.current !== drawn) // between drawing and now
				redraw(n => n + 1);
			return this.watch(() => redraw(n => n + 1));
		}, [this]);
		return this.current;
	}
}

/** What the browser remembers of this user's wishes; nothing secret. */
export function remembered(name: string): string | null {
	try {
		return localStorage.getItem('sealpost.' + name);
	} catch {
		return null;
	}
}
export function remember(name: string, value: string): void {
	try {
		localStorage.setItem('sealpost.' + name, value);
	} catch {
		// A browser that keeps nothing still works.
	}
}

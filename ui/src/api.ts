/* The management API: requests, errors, pages, streams. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { pulse, type Pulse } from './live';
import { csrf, dropSession } from './session';

export interface FieldError {
	/** Its path in the body: "inbound.addresses[2]". */
	field: string;
	detail: string;
}

/** What the API answers when it does not do something (RFC 9457), or the network when there is no answer. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly title: string,
		readonly detail: string,
		readonly code = '',
		readonly errors: FieldError[] = [],
		/** Seconds to wait before the next try; 0: not said. */
		readonly retryAfter = 0,
	) {
		super(detail || title);
	}
	/** Somebody else changed the object since it was read. */
	get isChanged(): boolean {
		return this.status === 412;
	}
}

export type Params = Record<string, string | number | boolean | null | undefined | string[]>;
export interface Options {
	params?: Params;
	/** Only if the object is still as it was with this ETag. */
	etag?: string;
	signal?: AbortSignal;
}

/** "/v1/queue" and {limit: 5} make "/v1/queue?limit=5"; what is empty is left out, true is 1. */
export function address(path: string, params: Params = {}): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params)) {
		if (value === undefined || value === null || value === '' || value === false)
			continue;
		for (const one of Array.isArray(value) ? value : [value])
			query.append(name, one === true ? '1' : String(one));
	}
	const text = query.toString();
	return text ? `${path}?${text}` : path;
}

/** A path with its parts made safe: at`/v1/connectors/${organisation}/${name}`. */
export function at(strings: TemplateStringsArray, ...parts: (string | number)[]): string {
	return strings.reduce((text, piece, i) => text + encodeURIComponent(parts[i - 1] ?? '') + piece);
}

/** Requests that nobody asked for: they keep nobody logged in. */
const background = new WeakSet<AbortSignal>();

async function errorOf(response: Response): Promise<ApiError> {
	let problem: { title?: string; detail?: string; code?: string; errors?: FieldError[] } = {};
	try {
		problem = await response.json();
	} catch {
		// Not ours: a proxy's page. Its status has to do.
	}
	return new ApiError(response.status, problem.title ?? response.statusText, problem.detail ?? '', problem.code ?? '',
		Array.isArray(problem.errors) ? problem.errors : [], Number(response.headers.get('Retry-After')) || 0);
}

/** Until then, or until nobody wants to know any more. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const abort = () => {
			clearTimeout(timer);
			reject(new DOMException('', 'AbortError'));
		};
		const timer = setTimeout(() => {
			signal?.removeEventListener('abort', abort);
			resolve();
		}, ms);
		signal?.addEventListener('abort', abort, { once: true });
	});
}

/** How often, and how long at most, one waits who has asked for too much. */
const TRIES = 4;
const LONGEST_WAIT_S = 10;

/** The answer as it is; throws ApiError unless it is 2xx. What the server did not look at is asked again, when it says. */
export async function request(method: string, path: string, body?: unknown, options: Options = {}): Promise<Response> {
	for (let tries = 1; ; tries++) {
		try {
			return await requestOnce(method, path, body, options);
		} catch (error) {
			if (!(error instanceof ApiError) || error.code !== 'too-many-requests' || tries === TRIES ||
				error.retryAfter > LONGEST_WAIT_S || options.signal?.aborted)
				throw error;
			await pause(Math.max(1, error.retryAfter) * 1000, options.signal);
		}
	}
}

async function requestOnce(method: string, path: string, body: unknown, options: Options): Promise<Response> {
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (body !== undefined)
		headers['Content-Type'] = 'application/json';
	if (method !== 'GET' && csrf())
		headers['X-Sealpost-CSRF'] = csrf();
	if (options.etag)
		headers['If-Match'] = options.etag;
	if (options.signal && background.has(options.signal))
		headers['X-Sealpost-Background'] = '1';
	let response: Response;
	try {
		response = await fetch(address(path, options.params), {
			method, headers, cache: 'no-store', credentials: 'same-origin', signal: options.signal ?? null,
			body: body === undefined ? null : JSON.stringify(body),
		});
	} catch (error) {
		if (error instanceof DOMException && error.name === 'AbortError')
			throw error;
		throw new ApiError(0, '', error instanceof Error ? error.message : String(error), 'no-answer');
	}
	if (!response.ok) {
		const error = await errorOf(response);
		if (error.status === 401 && !path.startsWith('/v1/session') && !path.startsWith('/v1/setup'))
			dropSession();
		throw error;
	}
	return response;
}

async function valueOf<T>(response: Response): Promise<T> {
	const text = await response.text();
	return (text === '' ? null : JSON.parse(text)) as T;
}

export async function get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
	return valueOf<T>(await request('GET', path, undefined, { ...(params && { params }), ...(signal && { signal }) }));
}

/** One object with its ETag, for a change that shall not overwrite another. */
export async function getTagged<T>(path: string, params?: Params): Promise<{ value: T; etag: string }> {
	const response = await request('GET', path, undefined, params ? { params } : {});
	return { value: await valueOf<T>(response), etag: response.headers.get('ETag') ?? '' };
}

export async function send<T = unknown>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown,
	options: Options = {}): Promise<T> {
	return valueOf<T>(await request(method, path, body, options));
}

/** The lines of an NDJSON answer as they come. Ends the request when the loop over it is left. */
export async function* lines<T>(method: 'GET' | 'POST', path: string, body?: unknown, options: Options = {}): AsyncGenerator<T> {
	const response = await request(method, path, body, options);
	const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	if (!reader)
		return;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			rest += value ?? '';
			const parts = rest.split('\n');
			rest = done ? '' : parts.pop() ?? '';
			for (const line of parts)
				if (line.trim())
					yield JSON.parse(line) as T;
			if (done)
				return;
		}
	} finally {
		void reader.cancel().catch(() => undefined);
	}
}

export interface Load<T> {
	value: T | undefined;
	error: ApiError | undefined;
	isLoading: boolean;
	reload: () => void;
	/** For changes that are known without asking again. */
	set: (value: T) => void;
}

function asError(error: unknown): ApiError {
	return error instanceof ApiError ? error : new ApiError(0, '', error instanceof Error ? error.message : String(error));
}

/** Changes when one of the watched counters does; empty before the first pulse. */
function useBeat(watched: (keyof Pulse)[]): string {
	const read = () => pulse.value && watched.length ? watched.map(name => pulse.value?.[name]).join(' ') : '';
	const [beat, setBeat] = useState(read);
	useEffect(() => {
		setBeat(read());
		return pulse.watch(() => setBeat(read()));
	}, [watched.join(' ')]);
	return beat;
}

/** However much happens on the server, what is watched is asked for no more often than this. */
const LIVE_MS = 5000;

/**
 * Inside of a component: what LOADER brings, anew when DEPENDENCIES change, and when one of the counters of the live
 * pulse does that WATCHED names. The old value stays until the new one is there.
 */
export function useLoad<T>(loader: (signal: AbortSignal) => Promise<T>, dependencies: unknown[] = [], watched: (keyof Pulse)[] = []): Load<T> {
	const [state, setState] = useState<{ value?: T; error?: ApiError; isLoading: boolean }>({ isLoading: true });
	const [turn, setTurn] = useState(0);
	const latest = useRef(loader);
	latest.current = loader;
	const own = useRef({ started: 0, isBackground: false, beat: '' });
	const beat = useBeat(watched);
	useEffect(() => {
		const before = own.current.beat;
		own.current.beat = beat;
		if (before === '' || beat === '' || before === beat)
			return;
		const timer = setTimeout(() => {
			own.current.isBackground = true;
			setTurn(n => n + 1);
		}, Math.max(0, own.current.started + LIVE_MS - Date.now()));
		return () => clearTimeout(timer);
	}, [beat]);
	useEffect(() => {
		const controller = new AbortController();
		if (own.current.isBackground)
			background.add(controller.signal);
		own.current = { ...own.current, isBackground: false, started: Date.now() };
		setState(old => ({ ...old, isLoading: true }));
		latest.current(controller.signal).then(
			value => controller.signal.aborted || setState({ value, isLoading: false }),
			error => controller.signal.aborted || setState(old => ({ ...old, error: asError(error), isLoading: false })),
		);
		return () => controller.abort();
	}, [...dependencies, turn]);
	const reload = useCallback(() => setTurn(n => n + 1), []);
	const set = useCallback((value: T) => setState({ value, isLoading: false }), []);
	return { value: state.value, error: state.error, isLoading: state.isLoading, reload, set };
}

export interface Page<T> {
	items: T[];
	next: string | null;
}

/** Pages are this long where a list is wanted as a whole; the server has no longer ones. */
const WHOLE_PAGE = 1000;
/** So often a walk begins again because the object that a page ended with is gone. */
const WHOLE_TRIES = 3;

/** A list as a whole, however many pages it has, with what else its first page says. */
export async function getAll<T, Rest = unknown>(path: string, params?: Params, signal?: AbortSignal): Promise<{ items: T[] } & Rest> {
	for (let tries = 1; ; tries++)
		try {
			const first = await get<Page<T> & Rest>(path, { ...params, limit: WHOLE_PAGE }, signal);
			const items = first.items;
			for (let cursor = first.next; cursor !== null;) {
				const page: Page<T> = await get<Page<T>>(path, { ...params, limit: WHOLE_PAGE, cursor }, signal);
				items.push(...page.items);
				cursor = page.next;
			}
			return { ...first, items };
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 409 || tries === WHOLE_TRIES)
				throw error;
		}
}

export interface Pages<T> {
	items: T[];
	error: ApiError | undefined;
	isLoading: boolean;
	/** There are more behind these. */
	hasMore: boolean;
	more: () => void;
	reload: () => void;
}

/**
 * Inside of a component: a list that comes in pages. Begins anew when PATH or PARAMS change, and, as long as only the first
 * page is shown, when the watched counters do.
 */
export function usePages<T>(path: string, params: Params = {}, watched: (keyof Pulse)[] = []): Pages<T> {
	const key = address(path, params);
	const [later, setLater] = useState<{ key: string; items: T[]; next: string | null } | null>(null);
	const [moreError, setMoreError] = useState<ApiError>();
	const [isMore, setIsMore] = useState(false);
	const first = useLoad(signal => get<Page<T>>(path, params, signal), [key], later ? [] : watched);
	useEffect(() => {
		setLater(null);
		setMoreError(undefined);
	}, [first.value]);
	const next = later ? later.next : first.value?.next ?? null;
	const more = useCallback(() => {
		if (!next)
			return;
		setIsMore(true);
		get<Page<T>>(path, { ...params, cursor: next }).then(page => {
			setLater(old => ({ key, items: [...(old?.items ?? []), ...page.items], next: page.next }));
			setMoreError(undefined);
		}, error => setMoreError(asError(error))).finally(() => setIsMore(false));
	}, [key, next]);
	return {
		items: [...(first.value?.items ?? []), ...(later?.key === key ? later.items : [])],
		error: first.error ?? moreError, isLoading: first.isLoading || isMore, hasMore: next !== null, more, reload: first.reload,
	};
}

export interface Action<A extends unknown[]> {
	run: (...args: A) => Promise<boolean>;
	isRunning: boolean;
	error: ApiError | undefined;
	clear: () => void;
}

/** Inside of a component: something that a button starts; tells that it runs, and what became of it. */
export function useAction<A extends unknown[]>(work: (...args: A) => unknown): Action<A> {
	const [isRunning, setIsRunning] = useState(false);
	const [error, setError] = useState<ApiError>();
	const latest = useRef(work);
	latest.current = work;
	const run = useCallback(async (...args: A) => {
		setIsRunning(true);
		setError(undefined);
		try {
			await latest.current(...args);
			return true;
		} catch (problem) {
			setError(asError(problem));
			return false;
		} finally {
			setIsRunning(false);
		}
	}, []);
	return { run, isRunning, error, clear: useCallback(() => setError(undefined), []) };
}

/** Give the user a file of what the API answers at PATH. */
export async function download(path: string, name: string, params?: Params): Promise<void> {
	const response = await request('GET', path, undefined, params ? { params } : {});
	saveAs(await response.blob(), name);
}

export function saveAs(content: Blob, name: string): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(content);
	link.download = name;
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

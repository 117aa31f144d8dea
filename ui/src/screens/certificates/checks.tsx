/* Would validation work from here, now? Endpoints as they are tried out; roots that things depend on. */
import { useRef, useState } from 'preact/hooks';
import { ApiError, getAll, lines, useLoad } from '../../api';
import { list, num, t } from '../../i18n';
import { Badge, Button, Code, Empty, ErrorNote, Loading, Note, type Tone } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';
import { FormField, type Tree } from '../../parts/form';
import { Table } from '../../parts/table';
import type { CertificateFacts } from '../../model';

type Result = 'ok' | 'note' | 'failed';
const tones: Record<Result, Tone> = { ok: 'good', note: 'info', failed: 'bad' };
const order: Record<Result, number> = { failed: 0, note: 1, ok: 2 };

interface Line {
	step: 'certificate' | 'host' | 'collected' | 'endpoint' | 'summary';
	result: Result;
	text?: string;
	remedy?: string;
	cause?: string;
	certificate?: string;
	host?: string;
	address?: string;
	version?: string;
	url?: string;
	kind?: string;
	used_by?: string[];
	endpoints?: number;
	allow?: string[];
}

function ResultBadge({ result }: { result: Result }) {
	return <Badge tone={tones[result]}>{t(`certificates.result-${result}`)}</Badge>;
}

function whatOf(line: Line): string {
	return line.url ?? line.host ?? line.certificate ?? '';
}

function Progress({ found, isRunning }: { found: Line[]; isRunning: boolean }) {
	const all = found.find(line => line.step === 'collected')?.endpoints;
	const done = found.filter(line => line.step === 'endpoint').length;
	return (
		<div role="status" class="progress">
			{isRunning && <p><span class="spinner" aria-hidden="true" /> {all === undefined ? t('certificates.collecting', { count: found.length }) : t('certificates.trying', { done, count: all })}</p>}
			{isRunning && <progress max={all ?? 1} {...(all !== undefined && { value: done })} aria-label={t('certificates.tab-endpoints')} />}
		</div>
	);
}

export function Endpoints() {
	const [wish, setWish] = useState<Tree>({ own: true, connectors: true, partners: false, hosts: [] });
	const [found, setFound] = useState<Line[]>([]);
	const [isRunning, setRunning] = useState(false);
	const [error, setError] = useState<ApiError>();
	const controller = useRef<AbortController>();
	const start = async () => {
		controller.current = new AbortController();
		setFound([]);
		setError(undefined);
		setRunning(true);
		try {
			for await (const line of lines<Line>('POST', '/v1/checks/endpoints', wish, { signal: controller.current.signal }))
				setFound(old => [...old, line]);
		} catch (problem) {
			if (!(problem instanceof DOMException))
				setError(problem instanceof ApiError ? problem : new ApiError(0, '', String(problem)));
		}
		setRunning(false);
	};
	const summary = found.find(line => line.step === 'summary');
	const rows = found.filter(line => line.step !== 'summary' && line.step !== 'collected').sort((a, b) => order[a.result] - order[b.result]);
	const flag = (path: string) => <FormField key={path} field={{ path, kind: 'flag', label: t(`certificates.check-${path}`) }} value={wish[path]} onChange={value => setWish({ ...wish, [path]: value })} />;
	return (
		<>
			<p class="intro">{t('certificates.endpoints-intro')}</p>
			<form class="form" onSubmit={event => {
				event.preventDefault();
				void start();
			}}>
				{['own', 'connectors', 'partners'].map(flag)}
				<FormField field={{ path: 'hosts', kind: 'list', label: t('certificates.check-hosts'), help: t('certificates.check-hosts-help') }} value={wish.hosts} errors={error?.errors ?? []} onChange={value => setWish({ ...wish, hosts: value })} />
				<div class="form-buttons"><Button type="submit" look="main" icon="play" isBusy={isRunning}>{t('certificates.check-start')}</Button>
					{isRunning && <Button onClick={() => controller.current?.abort()}>{t('certificates.check-stop')}</Button>}</div>
			</form>
			<Progress found={found} isRunning={isRunning} />
			{error && <ErrorNote error={error} />}
			{summary && <Note tone={summary.result === 'ok' ? 'good' : 'bad'} title={summary.result === 'ok' ? t('certificates.check-fine') : t('certificates.check-failed')}><p>{summary.text}</p></Note>}
			{rows.length > 0 && <Table caption={t('certificates.tab-endpoints')} rows={rows} rowKey={row => row.step + whatOf(row) + (row.kind ?? '') + (row.used_by?.join() ?? '')} columns={[
				{ id: 'what', title: t('certificates.what'), isHead: true, sort: whatOf, cell: row => <>{whatOf(row)}{row.kind && <> <span class="soft">{row.kind}</span></>}</> },
				{ id: 'result', title: t('certificates.result'), sort: row => order[row.result], cell: row => <ResultBadge result={row.result} /> },
				{ id: 'text', title: t('certificates.found'), cell: row => <>{row.cause ?? row.text ?? row.version}{row.remedy && <><br /><span class="soft">{row.remedy}</span></>}</> },
				{ id: 'used', title: t('certificates.used-by'), cell: row => list(row.used_by ?? []) || '–' },
			]} />}
			{summary?.allow && summary.allow.length > 0 && <><h3>{t('certificates.allow')}</h3><Code label={t('certificates.allow')} text={summary.allow.join('\n')} /></>}
		</>
	);
}

interface Required { require: string; store: string; result: Result; found: CertificateFacts[]; text?: string; remedy?: string }
interface Root { kind: string; name: string; store: string; result: Result; text?: string; remedy?: string; root?: CertificateFacts }

export function Roots() {
	const [required, setRequired] = useState<string[]>([]);
	const load = useLoad(signal => getAll<Root, { ok: boolean; required: Required[] }>('/v1/checks/roots', { require: required }, signal), [required.join('\n')], ['generation']);
	const rows: Root[] = [
		...(load.value?.required.map(({ require, found, ...rest }) => ({ kind: 'required', name: require, ...(found[0] && { root: found[0] }), ...rest })) ?? []),
		...(load.value?.items ?? []),
	].sort((a, b) => order[a.result] - order[b.result]);
	return (
		<>
			<p class="intro">{t('certificates.roots-intro')}</p>
			<div class="form"><FormField field={{ path: 'require', kind: 'list', label: t('certificates.require'), help: t('certificates.require-help') }} value={required} errors={load.error?.errors ?? []} onChange={value => setRequired(value as string[])} /></div>
			{load.error && <ErrorNote error={load.error} onRetry={load.reload} />}
			{!load.value ? !load.error && <Loading /> : <Table caption={t('certificates.tab-roots')} rows={rows} rowKey={row => row.kind + row.name + (row.root?.sha256 ?? '') + (row.text ?? '')}
				empty={<Empty title={t('certificates.no-roots')} />} columns={[
					{ id: 'name', title: t('certificates.what'), isHead: true, sort: row => row.kind + row.name, cell: row => <>{row.name} <span class="soft">{t(`certificates.root-${row.kind}`)}</span></> },
					{ id: 'result', title: t('certificates.result'), sort: row => order[row.result], cell: row => <ResultBadge result={row.result} /> },
					{ id: 'root', title: t('certificates.root'), sort: row => row.root?.subject ?? '', cell: row => row.root ? <>{row.root.subject} <DaysLeft until={row.root.not_after} /></> : '–' },
					{ id: 'store', title: t('certificates.store'), sort: row => row.store, cell: row => row.store },
					{ id: 'text', title: t('certificates.found'), cell: row => <>{row.text}{row.remedy && <><br /><span class="soft">{row.remedy}</span></>}</> },
				]} />}
			{load.value && <p class="soft">{t('certificates.roots-count', { count: num(rows.length) })}</p>}
		</>
	);
}

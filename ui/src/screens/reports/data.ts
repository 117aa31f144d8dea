/* What to draw of a report, and how its columns are shown. */
import type { ChartSeries } from '../../parts/chart';
import type { Report } from '../../model';

export interface Kind {
	name: string;
	/** The column whose words are the series of the chart, if it has one. */
	by?: string;
	/** What the chart counts. */
	counted?: string;
	/** It looks ahead, not back. */
	isAhead?: boolean;
	/** It does not tell connectors apart. */
	isWithoutConnectors?: boolean;
}

export const kinds: Kind[] = [
	{ name: 'protection', by: 'level', counted: 'recipients' },
	{ name: 'tls', by: 'version', counted: 'recipients' },
	{ name: 'outcomes', by: 'outcome', counted: 'recipients' },
	{ name: 'clear', isWithoutConnectors: true },
	{ name: 'volume', by: 'direction', counted: 'messages' },
	{ name: 'expiring', isAhead: true },
];

const MAX_SERIES = 6;
const MOMENTS = new Set(['time', 'first', 'last', 'ends']);
const tones: Record<string, ChartSeries['tone']> = { forced: 'good', verified: 'info', encrypted: 'warn', clear: 'bad' };

export const isMoment = (column: string) => MOMENTS.has(column);

export function cellOf(report: Report, row: (string | number | null)[], column: string): string | number | null {
	return row[report.columns.indexOf(column)] ?? null;
}

/** Every step from the beginning to the end of the report, in seconds. */
function timesOf(report: Report): number[] {
	const length = report.step === 'hour' ? 3600 : 86400;
	const times: number[] = [];
	for (let at = Math.floor(Date.parse(report.since) / 1000 / length) * length; at < Date.parse(report.until) / 1000; at += length)
		times.push(at);
	return times;
}

/** The series of a chart: the largest words of the column BY, and the rest as OTHERS. */
export function seriesOf(report: Report, by: string, counted: string, labelOf: (word: string) => string, others: string): { times: number[]; series: ChartSeries[] } {
	const times = timesOf(report);
	const places = new Map(times.map((at, i) => [at, i]));
	const sums = new Map<string, number[]>();
	for (const row of report.rows) {
		const place = places.get(Date.parse(String(cellOf(report, row, 'time'))) / 1000);
		if (place === undefined)
			continue;
		const word = String(cellOf(report, row, by) ?? '');
		const values = sums.get(word) ?? times.map(() => 0);
		values[place] = (values[place] ?? 0) + Number(cellOf(report, row, counted) ?? 0);
		sums.set(word, values);
	}
	const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
	const ordered = [...sums].sort((a, b) => total(b[1]) - total(a[1]));
	const series: ChartSeries[] = ordered.slice(0, MAX_SERIES).map(([word, values]) =>
		({ label: labelOf(word), values, ...(tones[word] && { tone: tones[word] }) }));
	const rest = ordered.slice(MAX_SERIES);
	if (rest.length)
		series.push({ label: others, values: times.map((_, i) => rest.reduce((sum, [, values]) => sum + (values[i] ?? 0), 0)) });
	return { times, series };
}

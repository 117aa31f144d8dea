/* Charts by uPlot. The same numbers stand in a table beneath, for those who do not see the picture, and on paper. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { dateTime, day, language, num, t } from '../i18n';
import { theme } from '../theme';
import { Button } from './basic';
import { Table } from './table';

export interface ChartSeries {
	label: string;
	/** One for each moment; null: nothing known. */
	values: (number | null)[];
	/** Of the palette; else by its place. */
	tone?: 'good' | 'warn' | 'bad' | 'info';
}

interface ChartProps {
	title: string;
	/** Seconds since 1970, rising. */
	times: number[];
	series: ChartSeries[];
	step: 'hour' | 'day';
	/** Bars on top of each other, instead of lines. */
	isStacked?: boolean;
	format?: (value: number) => string;
}

const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2], [1, 3]];

function colourOf(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colourAt(series: ChartSeries, at: number): string {
	return colourOf(series.tone ? `--${series.tone}` : `--chart-${at % 7 + 1}`);
}

/** Sums from the bottom; the legend shows what was there before. */
function stack(series: ChartSeries[]): (number | null)[][] {
	const sum: number[] = [];
	return series.map(one => one.values.map((value, i) => (sum[i] = (sum[i] ?? 0) + (value ?? 0))));
}

function optionsOf({ series, step, isStacked, format = num }: ChartProps, width: number): uPlot.Options {
	const ink = colourOf('--soft'), line = colourOf('--line');
	const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '12px system-ui, sans-serif' };
	const length = step === 'day' ? 86400 : 3600;
	const short = new Intl.DateTimeFormat(document.documentElement.lang, { day: 'numeric', month: 'short', ...(step === 'day' && { timeZone: 'UTC' }) });
	const hour = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
	return {
		width, height: 260,
		...(step === 'day' && { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') }),
		cursor: { drag: { x: false, y: false } },
		scales: {
			// Half a step more on both sides: bars stand in the middle.
			x: { range: (_, first, last) => [first - length / 2, last + length / 2] },
			y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.05)] },
		},
		axes: [
			{ ...axis, values: (_, splits) => splits.map(at => {
				const moment = new Date(at * 1000);
				return step === 'day' || moment.getHours() === 0 ? short.format(moment) : hour.format(moment);
			}), space: 70, incrs: (step === 'day' ? [1, 2, 7, 14, 30, 90, 180] : [1 / 24, 3 / 24, 6 / 24, 12 / 24, 1, 2, 7, 14, 30]).map(days => days * 86400) },
			{ ...axis, size: 64, values: (_, splits) => splits.map(value => format(value)) },
		],
		series: [
			{ label: t('common.time'), value: (_, at) => at === null ? '–' : step === 'day' ? day(at) : dateTime(at) },
			...series.map((one, place) => ({ one, i: isStacked ? series.length - 1 - place : place })).map(({ one, i }): uPlot.Series => ({
				label: one.label, stroke: colourAt(one, i), width: isStacked ? 0 : 2, dash: isStacked ? [] : dashes[i % dashes.length] ?? [],
				...(isStacked && uPlot.paths.bars && { fill: colourAt(one, i), paths: uPlot.paths.bars({ size: [0.7, 60] }) }), points: { show: !isStacked && one.values.length < 3, size: 7 },
				value: (_, __, ___, at) => {
					const value = at === null || at === undefined ? null : one.values[at];
					return value === null || value === undefined ? '–' : format(value);
				},
			})),
		],
	};
}

export function Chart(props: ChartProps) {
	const frame = useRef<HTMLDivElement>(null);
	const [isTable, setTable] = useState(false);
	const look = theme.use(), tongue = language.use();
	const { title, times, series, step, isStacked = false, format = num } = props;
	const key = JSON.stringify([times, series, step, isStacked]);
	useEffect(() => {
		const element = frame.current;
		if (!element)
			return;
		// Lower bars are drawn over higher ones.
		const values = isStacked ? stack(series).reverse() : series.map(one => one.values);
		const shown = isStacked ? [...series].reverse() : series;
		const plot = new uPlot(optionsOf({ ...props, series: shown }, element.clientWidth || 600), [times, ...values], element);
		const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 260 }));
		observer.observe(element);
		const dark = matchMedia('(prefers-color-scheme: dark)');
		const redraw = () => setTable(shown => shown);
		dark.addEventListener('change', redraw);
		return () => {
			dark.removeEventListener('change', redraw);
			observer.disconnect();
			plot.destroy();
		};
	}, [key, look, tongue]);
	const rows = times.map((at, i) => ({ at, i }));
	return (
		<figure class="chart">
			<figcaption>{title}<Button look="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>{isTable ? t('common.hide-numbers') : t('common.show-numbers')}</Button></figcaption>
			<div class="chart-frame" ref={frame} role="img" aria-label={t('common.chart-of', { what: title })} />
			<div class="chart-table" hidden={!isTable}>
				<Table caption={title} rows={rows} rowKey={row => row.at} columns={[
					{ id: 'at', title: t('common.time'), isHead: true, sort: row => row.at, cell: row => step === 'day' ? day(row.at) : dateTime(row.at) },
					...series.map((one, i) => ({
						id: String(i), title: one.label, align: 'end' as const, sort: (row: { i: number }) => one.values[row.i] ?? -1,
						cell: (row: { i: number }) => {
							const value = one.values[row.i];
							return value === null || value === undefined ? '–' : format(value);
						},
					})),
				]} />
			</div>
		</figure>
	);
}

/** Shares of a whole as one bar with a legend that has the numbers. */
export function ShareBar({ label, parts }: { label: string; parts: { label: string; value: number; tone?: ChartSeries['tone'] }[] }) {
	const total = parts.reduce((sum, part) => sum + part.value, 0);
	const share = (value: number) => total ? value / total : 0;
	return (
		<figure class="shares">
			<div class="share-bar" aria-hidden="true">
				{parts.map((part, i) => part.value > 0 &&
					<span key={part.label} class={`share ${part.tone ?? `chart-${i % 7 + 1}`}`} style={{ flexGrow: share(part.value) }} />)}
			</div>
			<ul aria-label={label}>
				{parts.map((part, i) =>
					<li key={part.label}><span class={`swatch ${part.tone ?? `chart-${i % 7 + 1}`}`} aria-hidden="true" />{part.label}
						<b>{new Intl.NumberFormat(document.documentElement.lang, { style: 'percent', maximumFractionDigits: 1 }).format(share(part.value))}</b>
						<span class="soft">{num(part.value)}</span></li>)}
			</ul>
		</figure>
	);
}

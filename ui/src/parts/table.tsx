/* A table: caption, columns that sort, rows that lead somewhere, more of them on request. On narrow screens each row is a card. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Pages } from '../api';
import { compare, num, t } from '../i18n';
import { Button, ErrorNote, Loading } from './basic';
import { Icon } from './icon';

export interface Column<T> {
	/** Unique in the table. */
	id: string;
	title: string;
	cell: (row: T) => ComponentChildren;
	/** What it sorts by; without it the column does not sort. */
	sort?: (row: T) => string | number | null | undefined;
	align?: 'end';
	/** The column that names the row. */
	isHead?: boolean;
}

interface TableProps<T> {
	/** What it shows, read aloud and printed; hidden when the heading above says it already. */
	caption: string;
	showCaption?: boolean;
	columns: Column<T>[];
	rows: T[];
	rowKey: (row: T) => string | number;
	/** Instead of the table when there is no row. */
	empty?: ComponentChildren;
	/** Column and direction at first: 'name' or '-last'. */
	order?: string;
	/** Choosing rows, for what is done with many at once. */
	chosen?: Set<string | number>;
	onChoose?: (chosen: Set<string | number>) => void;
}

function sorted<T>(rows: T[], columns: Column<T>[], order: string): T[] {
	const down = order.startsWith('-');
	const by = columns.find(column => column.id === order.replace(/^-/, ''))?.sort;
	if (!by)
		return rows;
	return [...rows].sort((a, b) => {
		const x = by(a) ?? '', y = by(b) ?? '';
		const result = typeof x === 'number' && typeof y === 'number' ? x - y : compare(String(x), String(y));
		return down ? -result : result;
	});
}

export function Table<T>({ caption, showCaption = false, columns, rows, rowKey, empty, order: first = '', chosen, onChoose }: TableProps<T>) {
	const [order, setOrder] = useState(first);
	if (rows.length === 0 && empty)
		return <>{empty}</>;
	const isAll = !!chosen && rows.length > 0 && rows.every(row => chosen.has(rowKey(row)));
	const choose = (keys: (string | number)[], isOn: boolean) => {
		const next = new Set(chosen);
		for (const key of keys)
			if (isOn)
				next.add(key);
			else
				next.delete(key);
		onChoose?.(next);
	};
	return (
		<div class="table-frame" role="region" aria-label={caption} tabIndex={0}>
			<table>
				<caption class={showCaption ? '' : 'hidden'}>{caption}</caption>
				<thead>
					<tr>
						{chosen && <th scope="col" class="choice"><input type="checkbox" checked={isAll} aria-label={t('common.choose-all')}
							onChange={event => choose(rows.map(rowKey), event.currentTarget.checked)} /></th>}
						{columns.map(column => <Head key={column.id} column={column} order={order} onOrder={setOrder} />)}
					</tr>
				</thead>
				<tbody>
					{sorted(rows, columns, order).map(row => {
						const key = rowKey(row);
						return (
							<tr key={key} class={chosen?.has(key) ? 'is-chosen' : ''}>
								{chosen && <td class="choice"><input type="checkbox" checked={chosen.has(key)} aria-label={t('common.choose', { what: String(key) })}
									onChange={event => choose([key], event.currentTarget.checked)} /></td>}
								{columns.map(column => column.isHead
									? <th key={column.id} scope="row" data-title={column.title}>{column.cell(row)}</th>
									: <td key={column.id} class={column.align ?? ''} data-title={column.title}>{column.cell(row)}</td>)}
							</tr>
						);
					})}
				</tbody>
			</table>
		</div>
	);
}

function Head<T>({ column, order, onOrder }: { column: Column<T>; order: string; onOrder: (order: string) => void }) {
	const isUp = order === column.id, isDown = order === '-' + column.id;
	if (!column.sort)
		return <th scope="col" class={column.align ?? ''}>{column.title}</th>;
	return (
		<th scope="col" class={column.align ?? ''} aria-sort={isUp ? 'ascending' : isDown ? 'descending' : 'none'}>
			<button type="button" class="sort" onClick={() => onOrder(isUp ? '-' + column.id : column.id)}>
				{column.title}<Icon name={isDown ? 'down' : 'up'} />
			</button>
		</th>
	);
}

/** A table of a list that comes in pages (usePages): loading, error, "show more". */
export function PagedTable<T>({ pages, ...rest }: Omit<TableProps<T>, 'rows'> & { pages: Pages<T> }) {
	return (
		<>
			{pages.error && <ErrorNote error={pages.error} onRetry={pages.reload} />}
			{pages.isLoading && pages.items.length === 0 ? <Loading />
				: (!pages.error || pages.items.length > 0) && <Table {...rest} rows={pages.items} />}
			{pages.hasMore &&
				<p class="more">
					<span class="soft">{t('common.shown', { count: num(pages.items.length) })}</span>
					<Button onClick={pages.more} isBusy={pages.isLoading}>{t('common.more')}</Button>
				</p>}
		</>
	);
}

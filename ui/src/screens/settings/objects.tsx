/* Organisations, domains and recipients: one list and one form for each, made of a description. */
import { useState } from 'preact/hooks';
import { getTagged, send, useAction, useLoad, usePages, type Params } from '../../api';
import { t } from '../../i18n';
import { Button, Empty, ErrorNote, Loading, Section } from '../../parts/basic';
import { Confirm, Dialog } from '../../parts/dialog';
import { Form, type Field, type FieldGroup, type Tree } from '../../parts/form';
import { PagedTable, type Column } from '../../parts/table';
import { say } from '../../parts/toast';

export interface Kind {
	/** In the address of the API, and in the catalogue. */
	plural: 'organisations' | 'domains' | 'recipients';
	/** The property that names one. */
	key: string;
	columns: () => Column<Tree>[];
	groups: () => FieldGroup[];
	mayChange: (object: Tree) => boolean;
	mayAdd: () => boolean;
}

/** What differs, as a PATCH wants it: null takes a property back to its default. */
export function changesOf(before: Tree, after: Tree): Tree {
	const changes: Tree = {};
	for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
		if (JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null))
			changes[name] = after[name] ?? null;
	return changes;
}

function fixed(groups: FieldGroup[], key: string): FieldGroup[] {
	return groups.map(group => ({ ...group, fields: group.fields.map((field): Field => field.path === key ? { ...field, isReadOnly: true } : field) }));
}

function Adding({ kind, onClose, onDone }: { kind: Kind; onClose: () => void; onDone: () => void }) {
	const [object, setObject] = useState<Tree>({});
	const action = useAction(async () => {
		await send('POST', `/v1/${kind.plural}`, object);
		say(t('settings.added', { name: String(object[kind.key] ?? '') }));
		onDone();
		onClose();
	});
	return (
		<Dialog title={t(`settings.add-${kind.plural}`)} isWide onClose={onClose}>
			<Form groups={kind.groups()} object={object} onChange={setObject} onSubmit={() => void action.run()} error={action.error}
				submit={t('settings.add')} isBusy={action.isRunning} onCancel={onClose} />
		</Dialog>
	);
}

function Editing({ kind, name, onClose, onDone }: { kind: Kind; name: string; onClose: () => void; onDone: () => void }) {
	const path = `/v1/${kind.plural}/${encodeURIComponent(name)}`;
	const read = useLoad(() => getTagged<Tree>(path), [path]);
	const [draft, setDraft] = useState<Tree>();
	const object = draft ?? read.value?.value;
	const save = useAction(async () => {
		if (!read.value || !draft)
			return onClose();
		await send('PATCH', path, changesOf(read.value.value, draft), { etag: read.value.etag });
		say(t('settings.saved', { name }));
		onDone();
		onClose();
	});
	return (
		<Dialog title={name} isWide onClose={onClose}>
			{read.error && <ErrorNote error={read.error} onRetry={read.reload} />}
			{!object ? !read.error && <Loading />
				: <Form groups={fixed(kind.groups(), kind.key)} object={object} onChange={setDraft} onSubmit={() => void save.run()} error={save.error}
					submit={t('settings.save')} isBusy={save.isRunning} onCancel={onClose} />}
		</Dialog>
	);
}

function Removing({ kind, name, onClose, onDone }: { kind: Kind; name: string; onClose: () => void; onDone: () => void }) {
	const action = useAction(async () => {
		await send('DELETE', `/v1/${kind.plural}/${encodeURIComponent(name)}`);
		say(t('settings.removed', { name }));
		onDone();
	});
	return (
		<Confirm title={t('settings.ask-remove', { name })} action={action} yes={t('settings.remove')} isDanger onClose={onClose}>
			<p>{t(`settings.remove-${kind.plural}`)}</p>
		</Confirm>
	);
}

export function Objects({ kind, params = {}, children, more }: {
	kind: Kind; params?: Params; children?: preact.ComponentChildren;
	/** Another way to change the list, beside the one to add one. */
	more?: { label: string; dialog: (close: () => void, done: () => void) => preact.ComponentChildren };
}) {
	const [open, setOpen] = useState<{ what: 'add' | 'edit' | 'remove' | 'more'; name: string }>();
	const pages = usePages<Tree>(`/v1/${kind.plural}`, params, ['generation']);
	const nameOf = (row: Tree) => String(row[kind.key]);
	const close = () => setOpen(undefined);
	const shared = { kind, onClose: close, onDone: pages.reload };
	const columns: Column<Tree>[] = [
		{ id: kind.key, title: t(`settings.field-${kind.key}`), isHead: true, sort: nameOf, cell: nameOf },
		...kind.columns(),
		...(pages.items.some(kind.mayChange) ? [{ id: 'deeds', title: t('settings.actions'), cell: (row: Tree) => kind.mayChange(row) &&
			<span class="row-actions">
				<Button look="quiet" icon="edit" onClick={() => setOpen({ what: 'edit', name: nameOf(row) })}>{t('settings.edit')}
					<span class="hidden"> {nameOf(row)}</span></Button>
				{kind.mayAdd() && <Button look="quiet" icon="trash" onClick={() => setOpen({ what: 'remove', name: nameOf(row) })}>{t('settings.remove')}
					<span class="hidden"> {nameOf(row)}</span></Button>}
			</span> }] : []),
	];
	return (
		<Section title={t(`settings.${kind.plural}`)} intro={t(`settings.${kind.plural}-intro`)} actions={kind.mayAdd() && <>
			{more && <Button icon="upload" onClick={() => setOpen({ what: 'more', name: '' })}>{more.label}</Button>}
			<Button icon="plus" onClick={() => setOpen({ what: 'add', name: '' })}>{t(`settings.add-${kind.plural}`)}</Button></>}>
			{children}
			<PagedTable caption={t(`settings.${kind.plural}`)} pages={pages} columns={columns} rowKey={nameOf} empty={<Empty title={t('settings.none')} />} />
			{open?.what === 'add' && <Adding {...shared} />}
			{open?.what === 'more' && more?.dialog(close, pages.reload)}
			{open?.what === 'edit' && <Editing {...shared} name={open.name} />}
			{open?.what === 'remove' && <Removing {...shared} name={open.name} />}
		</Section>
	);
}

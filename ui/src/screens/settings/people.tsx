/* Users and tokens: who may log in, and which programs may use the API. */
import { useState } from 'preact/hooks';
import { at, getTagged, send, useAction, usePages } from '../../api';
import { t } from '../../i18n';
import { Badge, Button, Code, Empty, Note, Section, When } from '../../parts/basic';
import { Confirm, Dialog } from '../../parts/dialog';
import { Form, type FieldGroup, type Tree } from '../../parts/form';
import { PagedTable, type Column } from '../../parts/table';
import { say } from '../../parts/toast';
import { changesOf } from './objects';

interface User {
	name: string;
	role: string;
	organisations: string[];
	disabled: boolean;
	has_password: boolean;
	has_totp: boolean;
	created: string | null;
}

interface Token {
	id: string;
	label: string;
	role: string;
	organisations: string[];
	created_by: string | null;
	created: string | null;
	expires: string | null;
}

const roles = ['reader', 'auditor', 'organisation-admin', 'installation-admin'];

function rights(): FieldGroup['fields'] {
	return [
		{ path: 'role', kind: 'choice', label: t('settings.role'), isRequired: true,
			choices: [{ value: '', label: '–' }, ...roles.map(role => ({ value: role, label: t(`role.${role}`) }))] },
		{ path: 'organisations', kind: 'list', label: t('settings.role-organisations'), help: t('settings.role-organisations-help'),
			when: object => object.role !== 'installation-admin' },
	];
}

const scope = (row: { organisations: string[] }) => row.organisations.length ? row.organisations.join(', ') : t('settings.all-organisations');

type Open = { what: 'add' } | { what: 'edit' | 'remove'; user: User } | { what: 'link'; name: string; url: string };

function AddUser({ onClose, onDone, onLink }: { onClose: () => void; onDone: () => void; onLink: (name: string) => Promise<void> }) {
	const [object, setObject] = useState<Tree>({});
	const action = useAction(async () => {
		await send('POST', '/v1/users', object);
		onDone();
		await onLink(String(object.name));
	});
	return (
		<Dialog title={t('settings.add-user')} onClose={onClose}>
			<Form groups={[{ title: '', fields: [{ path: 'name', kind: 'text', label: t('settings.user'), isRequired: true }, ...rights()] }]}
				object={object} onChange={setObject} onSubmit={() => void action.run()} error={action.error} submit={t('settings.add')}
				isBusy={action.isRunning} onCancel={onClose}>
				<Note>{t('settings.add-user-help')}</Note>
			</Form>
		</Dialog>
	);
}

function EditUser({ user, onClose, onDone }: { user: User; onClose: () => void; onDone: () => void }) {
	const before: Tree = { role: user.role, organisations: user.organisations, disabled: user.disabled };
	const [object, setObject] = useState<Tree>(before);
	const save = useAction(async () => {
		const { etag } = await getTagged<User>(at`/v1/users/${user.name}`);
		await send('PATCH', at`/v1/users/${user.name}`, changesOf(before, object), { etag });
		say(t('settings.saved', { name: user.name }));
		onDone();
		onClose();
	});
	const reset = useAction(async () => {
		await send('PATCH', at`/v1/users/${user.name}`, { totp: null });
		say(t('settings.totp-removed'));
		onDone();
		onClose();
	});
	return (
		<Dialog title={user.name} onClose={onClose}>
			<Form groups={[{ title: '', fields: [...rights(), { path: 'disabled', kind: 'flag', label: t('settings.disabled'), help: t('settings.disabled-help') }] }]}
				object={object} onChange={setObject} onSubmit={() => void save.run()} error={save.error ?? reset.error} submit={t('settings.save')}
				isBusy={save.isRunning} onCancel={onClose}>
				{user.has_totp && <Button onClick={() => void reset.run()} isBusy={reset.isRunning}>{t('settings.remove-totp')}</Button>}
			</Form>
		</Dialog>
	);
}

function LinkMade({ name, url, onClose }: { name: string; url: string; onClose: () => void }) {
	return (
		<Dialog title={t('settings.link-for', { name })} onClose={onClose} actions={<Button look="main" onClick={onClose}>{t('common.close')}</Button>}>
			<p>{t('settings.link-help')}</p>
			<Code text={url} label={t('settings.link-for', { name })} />
		</Dialog>
	);
}

function Remove({ path, name, help, onClose, onDone }: { path: string; name: string; help: string; onClose: () => void; onDone: () => void }) {
	const action = useAction(async () => {
		await send('DELETE', path);
		say(t('settings.removed', { name }));
		onDone();
	});
	return <Confirm title={t('settings.ask-remove', { name })} action={action} yes={t('settings.remove')} isDanger onClose={onClose}><p>{help}</p></Confirm>;
}

export function Users() {
	const [open, setOpen] = useState<Open>();
	const pages = usePages<User>('/v1/users');
	const close = () => setOpen(undefined);
	const link = async (name: string) => {
		const { url } = await send<{ url: string }>('POST', at`/v1/users/${name}/link`);
		setOpen({ what: 'link', name, url });
	};
	const makeLink = useAction(link);
	const columns: Column<User>[] = [
		{ id: 'name', title: t('settings.user'), isHead: true, sort: row => row.name, cell: row => row.name },
		{ id: 'role', title: t('settings.role'), sort: row => row.role, cell: row => t(`role.${row.role}`) },
		{ id: 'scope', title: t('settings.role-organisations'), cell: scope },
		{ id: 'state', title: t('settings.state'), cell: row => row.disabled ? <Badge tone="bad">{t('settings.disabled')}</Badge>
			: row.has_password ? <Badge tone="good">{row.has_totp ? t('settings.with-totp') : t('settings.with-password')}</Badge>
				: <Badge tone="warn">{t('settings.no-password')}</Badge> },
		{ id: 'deeds', title: t('settings.actions'), cell: row =>
			<span class="row-actions">
				<Button look="quiet" icon="edit" onClick={() => setOpen({ what: 'edit', user: row })}>{t('settings.edit')}<span class="hidden"> {row.name}</span></Button>
				<Button look="quiet" icon="lock" onClick={() => void makeLink.run(row.name)}>{t('settings.make-link')}<span class="hidden"> {row.name}</span></Button>
				<Button look="quiet" icon="trash" onClick={() => setOpen({ what: 'remove', user: row })}>{t('settings.remove')}<span class="hidden"> {row.name}</span></Button>
			</span> },
	];
	return (
		<Section title={t('settings.users')} intro={t('settings.users-intro')}
			actions={<Button icon="plus" onClick={() => setOpen({ what: 'add' })}>{t('settings.add-user')}</Button>}>
			{makeLink.error && <Note tone="bad">{makeLink.error.message}</Note>}
			<PagedTable caption={t('settings.users')} pages={pages} columns={columns} rowKey={row => row.name}
				empty={<Empty title={t('settings.no-users')}>{t('settings.no-users-text')}</Empty>} />
			{open?.what === 'add' && <AddUser onClose={close} onDone={pages.reload} onLink={link} />}
			{open?.what === 'edit' && <EditUser user={open.user} onClose={close} onDone={pages.reload} />}
			{open?.what === 'link' && <LinkMade name={open.name} url={open.url} onClose={close} />}
			{open?.what === 'remove' && <Remove path={at`/v1/users/${open.user.name}`} name={open.user.name} help={t('settings.remove-user-help')}
				onClose={close} onDone={pages.reload} />}
		</Section>
	);
}

function AddToken({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
	const [object, setObject] = useState<Tree>({});
	const [made, setMade] = useState('');
	const action = useAction(async () => {
		const { expires, ...rest } = object;
		const answer = await send<{ token: string }>('POST', '/v1/tokens',
			expires ? { ...rest, expires: new Date(`${String(expires)}T23:59:59`).toISOString() } : rest);
		onDone();
		setMade(answer.token);
	});
	return (
		<Dialog title={t('settings.add-token')} onClose={onClose}>
			{made ? <><Note tone="good">{t('settings.token-once')}</Note><Code text={made} label={t('settings.token')} /></>
				: <Form groups={[{ title: '', fields: [
					{ path: 'label', kind: 'text', label: t('settings.token-label'), help: t('settings.token-label-help'), isRequired: true },
					...rights(),
					{ path: 'expires', kind: 'date', label: t('settings.expires'), help: t('settings.expires-help') },
				] }]} object={object} onChange={setObject} onSubmit={() => void action.run()} error={action.error} submit={t('settings.add')}
				isBusy={action.isRunning} onCancel={onClose} />}
		</Dialog>
	);
}

export function Tokens() {
	const [isAdding, setAdding] = useState(false);
	const [gone, setGone] = useState<Token>();
	const pages = usePages<Token>('/v1/tokens');
	const columns: Column<Token>[] = [
		{ id: 'label', title: t('settings.token-label'), isHead: true, sort: row => row.label, cell: row => row.label },
		{ id: 'role', title: t('settings.role'), cell: row => t(`role.${row.role}`) },
		{ id: 'scope', title: t('settings.role-organisations'), cell: scope },
		{ id: 'created', title: t('settings.created'), cell: row => <><When at={row.created} />{row.created_by && <span class="soft"> {row.created_by}</span>}</> },
		{ id: 'expires', title: t('settings.expires'), cell: row => row.expires ? <When at={row.expires} /> : t('settings.never') },
		{ id: 'deeds', title: t('settings.actions'), cell: row => <Button look="quiet" icon="trash" onClick={() => setGone(row)}>{t('settings.remove')}
			<span class="hidden"> {row.label}</span></Button> },
	];
	return (
		<Section title={t('settings.tokens')} intro={t('settings.tokens-intro')}
			actions={<Button icon="plus" onClick={() => setAdding(true)}>{t('settings.add-token')}</Button>}>
			<PagedTable caption={t('settings.tokens')} pages={pages} columns={columns} rowKey={row => row.id} empty={<Empty title={t('settings.none')} />} />
			{isAdding && <AddToken onClose={() => setAdding(false)} onDone={pages.reload} />}
			{gone && <Remove path={at`/v1/tokens/${gone.id}`} name={gone.label} help={t('settings.remove-token-help')} onClose={() => setGone(undefined)}
				onDone={pages.reload} />}
		</Section>
	);
}

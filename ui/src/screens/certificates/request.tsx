/* A certificate from an authority: the key is made on the server and stays there; the request is shown, and what the authority makes of it is
   brought back. And one that signs itself, for trials. */
import { useState } from 'preact/hooks';
import { ApiError, at, get, saveAs, send, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import type { Life } from '../../model';
import { Ago, Button, Code, ErrorNote, Facts, Note, Section } from '../../parts/basic';
import { Confirm } from '../../parts/dialog';
import { Form, type Field, type Tree } from '../../parts/form';
import { say } from '../../parts/toast';
import { href } from '../../router';

export interface Request { name: string; created: string; subject: string | null; names: string[]; key: string | null; request: string }
interface Come { version: string; life: Life; warnings: string[] }
/** What has come, and to which name. */
interface Brought extends Come { name: string }

const kinds = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'];

export const useRequests = () => useLoad(signal => get<{ items: Request[] }>('/v1/certificates/requests', {}, signal), [], ['generation', 'alarms']);

const nameField = (): Field => ({ path: 'name', kind: 'text', label: t('certificates.new-name'), help: t('certificates.new-name-help'), isRequired: true });
const keyFields = (): Field[] => [
	{ path: 'names', kind: 'list', label: t('certificates.new-hosts'), help: t('certificates.new-hosts-help') },
	{ path: 'key', kind: 'choice', label: t('certificates.new-key'), choices: kinds.map(value => ({ value, label: value })) },
];
const subjectFields = (): Field[] => [
	{ path: 'organisation', kind: 'text', label: t('certificates.new-organisation'), autocomplete: 'organization' },
	{ path: 'unit', kind: 'text', label: t('certificates.new-unit') },
	{ path: 'country', kind: 'text', label: t('certificates.new-country'), help: t('certificates.new-country-help') },
];

/** The name goes into the address, the rest into the body. */
function post<T>(what: 'request' | 'self-signed', { name, ...body }: Tree): Promise<T> {
	if (typeof name !== 'string')
		throw new ApiError(422, t('certificates.name-missing'), '', '', [{ field: 'name', detail: t('certificates.name-missing') }]);
	return send<T>('POST', at`/v1/certificates/${name}/${what}`, body);
}

/** Which certificates have come, and what is doubtful about them. */
function Arrived({ brought }: { brought: Brought }) {
	return (
		<Note tone={brought.warnings.length ? 'warn' : 'good'} title={t('certificates.arrived', { version: brought.version, name: brought.name })}>
			{brought.warnings.length > 0 && <ul>{brought.warnings.map(one => <li key={one}>{one}</li>)}</ul>}
			<p><a href={href('certificates', brought.name)}>{t('certificates.rollover-of', { name: brought.name })}</a></p>
		</Note>
	);
}

/** A private key does not even leave the browser. */
function refuseKey(object: Tree) {
	const errors = ['chain', 'trust'].filter(field => String(object[field] ?? '').includes('PRIVATE KEY-----'))
		.map(field => ({ field, detail: t('certificates.no-key-here') }));
	if (errors.length)
		throw new ApiError(422, t('certificates.no-key-here'), '', 'private-key', errors);
}

function FromFile({ label, onText }: { label: string; onText: (text: string) => void }) {
	return <label class="file">{label} <input type="file" accept=".pem,.crt,.cer,.txt,application/x-pem-file,application/x-x509-ca-cert"
		onChange={event => void event.currentTarget.files?.[0]?.text().then(onText)} /></label>;
}

function Bring({ name, onCome }: { name: string; onCome: (brought: Brought) => void }) {
	const [object, setObject] = useState<Tree>({});
	const bring = useAction(async () => {
		refuseKey(object);
		onCome({ name, ...await send<Come>('POST', at`/v1/certificates/${name}/chain`, { chain: '', ...object }) });
		say(t('certificates.brought'));
	});
	return (
		<Form object={object} onChange={setObject} onSubmit={() => void bring.run()} error={bring.error} isBusy={bring.isRunning} submit={t('certificates.bring')} groups={[
			{ title: t('certificates.bring-title'), intro: t('certificates.bring-intro'), fields: [
				{ path: 'chain', kind: 'area', label: t('certificates.bring-chain'), help: t('certificates.bring-chain-help'), isRequired: true, placeholder: '-----BEGIN CERTIFICATE-----' },
			] },
			{ title: t('certificates.bring-more'), isOpen: false, fields: [
				{ path: 'trust', kind: 'area', label: t('certificates.bring-trust'), help: t('certificates.bring-trust-help'), placeholder: '-----BEGIN CERTIFICATE-----' },
				{ path: 'beside', kind: 'flag', label: t('certificates.bring-beside'), help: t('certificates.bring-beside-help') },
				{ path: 'replace', kind: 'flag', label: t('certificates.bring-replace') },
				{ path: 'force', kind: 'flag', label: t('certificates.bring-force') },
			] },
		]}>
			<FromFile label={t('certificates.bring-file')} onText={chain => setObject({ ...object, chain })} />
		</Form>
	);
}

function Drop({ name, onDone }: { name: string; onDone: () => void }) {
	const [isOpen, setOpen] = useState(false);
	const action = useAction(async () => {
		await send('DELETE', at`/v1/certificates/${name}/request`);
		say(t('certificates.request-dropped'));
		onDone();
	});
	return (
		<>
			<Button look="danger" onClick={() => setOpen(true)}>{t('certificates.request-drop')}</Button>
			{isOpen && <Confirm title={t('certificates.request-drop')} yes={t('certificates.request-drop')} isDanger action={action} onClose={() => {
				setOpen(false);
				action.clear();
			}}><p>{t('certificates.request-drop-question')}</p></Confirm>}
		</>
	);
}

/** One that waits for its authority. */
function Open({ request, onDone, onCome }: { request: Request; onDone: () => void; onCome: (brought: Brought) => void }) {
	const save = () => saveAs(new Blob([request.request], { type: 'application/pkcs10' }), `${request.name}.csr`);
	return (
		<Section title={t('certificates.request-of', { name: request.name })} intro={t('certificates.request-intro')} actions={<>
			<Button onClick={save}>{t('certificates.request-save')}</Button>
			<Drop name={request.name} onDone={onDone} />
		</>}>
			<Facts items={[
				[t('certificates.names'), request.names.join(', ')],
				[t('certificates.key'), request.key],
				[t('certificates.subject'), request.subject],
				[t('certificates.request-made'), <Ago at={request.created} />],
			]} />
			<Code label={t('certificates.request-of', { name: request.name })} text={request.request} />
			<Bring name={request.name} onCome={onCome} />
		</Section>
	);
}

function Ask({ name, onDone }: { name?: string | undefined; onDone: () => void }) {
	const [object, setObject] = useState<Tree>({ name, key: 'ecdsa-p256' });
	const ask = useAction(async () => {
		await post<Request>('request', object);
		say(t('certificates.request-ready'));
		onDone();
	});
	return (
		<Form object={object} onChange={setObject} onSubmit={() => void ask.run()} error={ask.error} isBusy={ask.isRunning} submit={t('certificates.ask')} groups={[
			{ title: t('certificates.ask-title'), intro: t('certificates.ask-intro'), fields: [...(name ? [] : [nameField()]), ...keyFields(), ...subjectFields()] },
		]} />
	);
}

function Trial({ onCome }: { onCome: (brought: Brought) => void }) {
	const [object, setObject] = useState<Tree>({ key: 'ecdsa-p256', days: 90 });
	const make = useAction(async () => {
		onCome({ name: String(object.name), ...await post<Come>('self-signed', object) });
		say(t('certificates.brought'));
	});
	return (
		<Form object={object} onChange={setObject} onSubmit={() => void make.run()} error={make.error} isBusy={make.isRunning} submit={t('certificates.self-signed')} groups={[
			{ title: '', intro: t('certificates.self-signed-intro'), fields: [nameField(), ...keyFields(),
				{ path: 'days', kind: 'number', label: t('certificates.self-signed-days'), min: 1, max: 3650 },
				{ path: 'replace', kind: 'flag', label: t('certificates.bring-replace') }] },
		]} />
	);
}

/** For one name: its open request, or a new one. */
export function RequestFor({ name, onCome }: { name: string; onCome: () => void }) {
	const requests = useRequests();
	const request = requests.value?.items.find(one => one.name === name);
	if (requests.error)
		return <ErrorNote error={requests.error} onRetry={requests.reload} />;
	if (!requests.value)
		return null;
	const done = () => {
		requests.reload();
		onCome();
	};
	return request ? <Open request={request} onDone={requests.reload} onCome={done} /> : <Ask name={name} onDone={requests.reload} />;
}

/** Below our certificates: what is asked for, and what can be. */
export function Requests({ onCome }: { onCome: () => void }) {
	const requests = useRequests();
	const [brought, setBrought] = useState<Brought>();
	const come = (what: Brought) => {
		setBrought(what);
		requests.reload();
		onCome();
	};
	return (
		<>
			{brought && <Arrived brought={brought} />}
			{requests.error && <ErrorNote error={requests.error} onRetry={requests.reload} />}
			{requests.value?.items.map(request => <Open key={request.name + request.request} request={request} onDone={requests.reload} onCome={come} />)}
			<Section title={t('certificates.ask')}>
				<Ask key={requests.value?.items.length ?? 0} onDone={requests.reload} />
				<details class="group"><summary>{t('certificates.self-signed')}</summary><Trial onCome={come} /></details>
			</Section>
		</>
	);
}

/* The certificate sheet: what partners must know of our certificates, in every form it has. */
import { get, getAll, request, saveAs, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { ActionButton, Button, Code, ErrorNote, Loading } from '../../parts/basic';
import { FilterBar, FormField } from '../../parts/form';
import { setQuery, type Place } from '../../router';

const formats = { text: 'txt', markdown: 'md', html: 'html', json: 'json' } as const;
type Format = keyof typeof formats;

export function Sheet({ place }: { place: Place }) {
	const format: Format = place.query.format && place.query.format in formats ? place.query.format as Format : 'text';
	const params = { name: place.query.name, organisation: place.query.organisation, format };
	const load = useLoad(async signal => {
		const text = await (await request('GET', '/v1/certificates/sheet', undefined, { params, signal })).text();
		return format === 'json' ? JSON.stringify(JSON.parse(text), null, 2) : text;
	}, [JSON.stringify(params)]);
	const names = useLoad(async signal => (await get<{ certificates: { name: string }[] }>('/v1/certificates/sheet', { format: 'json' }, signal)).certificates.map(one => one.name));
	const organisations = useLoad(async signal => (await getAll<{ name: string }>('/v1/organisations', {}, signal)).items.map(one => one.name));
	const choices = (words: string[] | undefined) => [{ value: '', label: t('certificates.all') }, ...(words ?? []).map(value => ({ value, label: value }))];
	const save = useAction(async () => saveAs(await (await request('GET', '/v1/certificates/sheet', undefined, { params })).blob(), `certificates.${formats[format]}`));
	return (
		<>
			<p class="intro">{t('certificates.sheet-intro')}</p>
			<FilterBar label={t('certificates.filter')}>
				<FormField field={{ path: 'name', kind: 'choice', label: t('certificates.sheet-name'), choices: choices(names.value) }} value={place.query.name} onChange={value => setQuery({ name: value as string | undefined })} />
				<FormField field={{ path: 'organisation', kind: 'choice', label: t('certificates.sheet-organisation'), choices: choices(organisations.value) }} value={place.query.organisation} onChange={value => setQuery({ organisation: value as string | undefined })} />
				<FormField field={{ path: 'format', kind: 'choice', label: t('certificates.sheet-format'), choices: Object.keys(formats).map(value => ({ value, label: t(`certificates.format-${value}`) })) }} value={format} onChange={value => setQuery({ format: value as string | undefined })} />
				<ActionButton action={save} icon="download">{t('certificates.save')}</ActionButton>
				<Button icon="print" onClick={() => print()}>{t('certificates.print')}</Button>
			</FilterBar>
			{load.error && <ErrorNote error={load.error} onRetry={load.reload} />}
			{load.value === undefined ? !load.error && <Loading /> : <Code label={t('certificates.tab-sheet')} text={load.value} />}
		</>
	);
}

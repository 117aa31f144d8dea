/* What the partner must know of us: to read, to copy, to send. */
import { useState } from 'preact/hooks';
import { address, download, request, useAction, useLoad } from '../../api';
import { t } from '../../i18n';
import { ActionButton, Code, ErrorNote, Loading, Section } from '../../parts/basic';
import { FormField } from '../../parts/form';
import type { Connector } from './model';

export function Kit({ connector }: { connector: Pick<Connector, 'organisation' | 'name'> }) {
	const [addresses, setAddresses] = useState<string[]>([]);
	const params = { connector: `${connector.organisation}/${connector.name}`, address: addresses.join(',') };
	const text = useLoad(async () => (await request('GET', '/v1/partner-kit', undefined, { params: { ...params, format: 'text' } })).text(), [address('', params)]);
	const file = `sealpost-${connector.organisation}`;
	const html = useAction(() => download('/v1/partner-kit', `${file}.html`, { ...params, format: 'html' }));
	const json = useAction(() => download('/v1/partner-kit', `${file}.json`, { ...params, format: 'json' }));
	const plain = useAction(() => download('/v1/partner-kit', `${file}.txt`, { ...params, format: 'text' }));
	return (
		<Section title={t('connectors.kit')} intro={t('connectors.kit-intro')} actions={
			<>
				<ActionButton action={html} icon="download">HTML</ActionButton>
				<ActionButton action={json} icon="download">JSON</ActionButton>
				<ActionButton action={plain} icon="download">{t('connectors.kit-text')}</ActionButton>
			</>
		}>
			<FormField field={{ path: 'address', kind: 'list', label: t('connectors.kit-address'), help: t('connectors.kit-address-help') }} value={addresses}
				onChange={value => setAddresses(value as string[])} errors={(text.error?.errors ?? []).map(one => ({ ...one, field: 'address' }))} />
			{text.error && <ErrorNote error={text.error} onRetry={text.reload} />}
			{text.value === undefined ? !text.error && <Loading /> : <Code label={t('connectors.kit')} text={text.value} />}
		</Section>
	);
}

/* Connectors: the list, one of them, the wizards, a partner's kit. */
import { href, type Place } from '../../router';
import { t } from '../../i18n';
import { Empty, Heading, LookOnly } from '../../parts/basic';
import { mayChange } from '../../session';
import { ConnectorDetail } from './detail';
import { ConnectorEdit } from './edit';
import { ImportKit } from './import';
import { ConnectorList } from './list';
import { Wizard } from './wizard';

function NotYours({ title }: { title: string }) {
	return <><Heading title={title} back={{ href: href('connectors'), label: t('connectors.title') }} /><LookOnly /></>;
}

export function Connectors({ place }: { place: Place }) {
	const [, first, second, third] = place.parts;
	if (!first)
		return <ConnectorList />;
	if (first === 'import' && !second)
		return mayChange() ? <ImportKit /> : <NotYours title={t('connectors.import-title')} />;
	if (first === 'new' && (second === 'partner' || second === 'on-premises') && !third)
		return mayChange() ? <Wizard key={second} kind={second} /> : <NotYours title={t(`wizard.title-${second}`)} />;
	if (second && !third)
		return <ConnectorDetail key={`${first}/${second}`} organisation={first} name={second} />;
	if (second && third === 'edit')
		return <ConnectorEdit key={`${first}/${second}`} organisation={first} name={second} />;
	return <><Heading title={t('common.not-found')} /><Empty title={t('common.not-found-text')}><a href={href('connectors')}>{t('connectors.title')}</a></Empty></>;
}

/* Certificates: ours, partners', the checks, the sheet. */
import { t } from '../../i18n';
import { Heading } from '../../parts/basic';
import { Tabs, type Tab } from '../../parts/tabs';
import type { Place } from '../../router';
import { isInstallationAdmin, seesInstallation } from '../../session';
import { Endpoints, Roots } from './checks';
import { OwnCertificates } from './own';
import { PartnerChains } from './partners';
import { Rollover } from './rollover';
import { Sheet } from './sheet';

export function Certificates({ place }: { place: Place }) {
	const name = place.parts[1];
	if (name)
		return <Rollover key={name} name={name} />;
	const tabs: Tab[] = [
		...(seesInstallation() ? [{ id: 'own', title: t('certificates.tab-own'), content: () => <OwnCertificates /> }] : []),
		{ id: 'partners', title: t('certificates.tab-partners'), content: () => <PartnerChains place={place} /> },
		{ id: 'sheet', title: t('certificates.tab-sheet'), content: () => <Sheet place={place} /> },
		...(isInstallationAdmin() || seesInstallation() ? [
			{ id: 'endpoints', title: t('certificates.tab-endpoints'), content: () => <Endpoints /> },
			{ id: 'roots', title: t('certificates.tab-roots'), content: () => <Roots /> },
		] : []),
	];
	return (
		<>
			<Heading title={t('certificates.title')} intro={t('certificates.intro')} />
			<Tabs label={t('certificates.title')} tabs={tabs} />
		</>
	);
}

/* What a look in the morning must show. */
import { t } from '../../i18n';
import { Heading } from '../../parts/basic';

export function Overview() {
	return <Heading title={t('overview.title')} />;
}

/* How long a certificate is still good. */
import { num, t } from '../i18n';
import { daysUntil } from '../model';
import { Badge, type Tone } from './basic';

export function DaysLeft({ until }: { until: string }) {
	const days = daysUntil(until);
	const tone: Tone = days < 0 ? 'bad' : days < 14 ? 'bad' : days < 30 ? 'warn' : 'good';
	return <Badge tone={tone} title={until}>{days < 0 ? t('common.expired') : t('common.days-left', { count: days, shown: num(days) })}</Badge>;
}

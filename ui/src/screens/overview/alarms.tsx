/* What needs somebody: open alarms, each with what to do. */
import { at, getAll, send, useAction, useLoad } from '../../api';
import { num, t, tOr } from '../../i18n';
import type { Alarm } from '../../model';
import { Ago, ActionButton, Badge, Empty, ErrorNote, Loading, Section } from '../../parts/basic';
import { say } from '../../parts/toast';
import { href } from '../../router';
import { mayChange } from '../../session';

const SHOWN = 20;

/** Where to act, by kind. */
function placeOf(alarm: Alarm): { href: string; label: string } | null {
	const connector = /connector ([^/\s]+)\/([^\s,]+)/.exec(alarm.subject);
	switch (alarm.kind) {
	case 'partner-certificate-changed':
	case 'partner-certificate-expires':
		return { href: href('certificates', { tab: 'partners' }), label: t('overview.see-chains') };
	case 'certificate-expires':
	case 'certificate-gap':
	case 'certificate-refused':
	case 'rollover-breaks-partner':
		return { href: href('certificates'), label: t('overview.see-certificates') };
	default:
		return connector?.[1] && connector[2] ? { href: href('connectors', connector[1], connector[2]), label: t('overview.see-connector') } : null;
	}
}

function OneAlarm({ alarm, onDone }: { alarm: Alarm; onDone: () => void }) {
	const action = useAction(async () => {
		await send('POST', at`/v1/alarms/${alarm.id}/acknowledge`, {});
		say(t('overview.acknowledged'));
		onDone();
	});
	const place = placeOf(alarm);
	return (
		<li class="alarm">
			<p class="alarm-head"><Badge tone={alarm.over ? 'plain' : 'bad'}>{tOr(`alarm.${alarm.kind}`, alarm.kind)}</Badge>
				{alarm.over && <Badge tone="good">{t('overview.over')}</Badge>}
				<span class="soft"><Ago at={alarm.last} />{alarm.count > 1 && `, ${t('overview.times', { count: alarm.count })}`}</span></p>
			<p class="alarm-subject">{alarm.subject}</p>
			<p>{alarm.text}</p>
			<p class="soft">{tOr(`alarm.${alarm.kind}-todo`, '')}</p>
			<p class="alarm-acts">
				{place && <a class="button plain" href={place.href}>{place.label}</a>}
				{mayChange(alarm.organisation ?? undefined) && <ActionButton action={action} icon="check">{t('overview.acknowledge')}</ActionButton>}
			</p>
		</li>
	);
}

export function Alarms() {
	const alarms = useLoad(signal => getAll<Alarm>('/v1/alarms', {}, signal), [], ['alarms']);
	const open = [...(alarms.value?.items ?? [])].sort((a, b) => Number(!!a.over) - Number(!!b.over) || b.last.localeCompare(a.last));
	return (
		<Section title={t('overview.alarms')} actions={open.length > 0 && <Badge tone="bad">{num(open.length)}</Badge>}>
			{alarms.error && <ErrorNote error={alarms.error} onRetry={alarms.reload} />}
			{!alarms.value ? !alarms.error && <Loading />
				: open.length === 0 ? <Empty title={t('overview.no-alarms')}><p>{t('overview.no-alarms-text')}</p></Empty>
					: <ul class="alarms">{open.slice(0, SHOWN).map(alarm => <OneAlarm key={alarm.id} alarm={alarm} onDone={alarms.reload} />)}</ul>}
			{open.length > SHOWN && <p class="soft">{t('overview.more-alarms', { count: open.length - SHOWN })}</p>}
		</Section>
	);
}

/* Validity as bars along one line of time, with a mark at now. The same is in words beside each bar. */
import { date, t } from '../../i18n';
import { Badge, type Tone } from '../../parts/basic';
import { DaysLeft } from '../../parts/certificate';

export interface Bar {
	key: string;
	label: string;
	state: string;
	tone: Tone;
	from: string;
	to: string;
}

const WIDTH = 1000, MARGIN_DAYS = 20;

/** At most this long on either side of now: roots live for decades. */
const REACH = 500 * 86_400_000;

export function Bars({ bars, label }: { bars: Bar[]; label: string }) {
	const now = Date.now();
	const first = Math.max(now - REACH, Math.min(now, ...bars.map(bar => Date.parse(bar.from)))) - MARGIN_DAYS * 86_400_000;
	const last = Math.min(now + REACH, Math.max(now, ...bars.map(bar => Date.parse(bar.to)))) + MARGIN_DAYS * 86_400_000;
	const place = (at: number) => Math.max(0, Math.min(WIDTH, (at - first) / (last - first) * WIDTH));
	return (
		<ul class="bars" aria-label={label}>
			{bars.map(bar => {
				const from = place(Date.parse(bar.from)), to = place(Date.parse(bar.to));
				return (
					<li key={bar.key}>
						<span class="bar-label"><b>{bar.label}</b> <Badge tone={bar.tone}>{bar.state}</Badge></span>
						<svg viewBox={`0 0 ${WIDTH} 20`} preserveAspectRatio="none" aria-hidden="true">
							<rect class="bar-ground" x="0" y="8" width={WIDTH} height="4" />
							<rect class={`bar ${bar.tone}`} x={from} y="3" width={Math.max(6, to - from)} height="14" rx="3" />
							<rect class="bar-now" x={place(now) - 1.5} y="0" width="3" height="20" />
						</svg>
						<span class="bar-dates">{t('certificates.from-to', { from: date(bar.from), to: date(bar.to) })} <DaysLeft until={bar.to} /></span>
					</li>
				);
			})}
		</ul>
	);
}

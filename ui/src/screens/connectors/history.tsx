/* What came of tests before. */
import { at, get, useLoad } from '../../api';
import { t } from '../../i18n';
import { Ago, Badge, Empty, ErrorNote, Loading } from '../../parts/basic';
import { Summary, TestSteps, type TestStep } from './live';
import type { Connector } from './model';

interface Test {
	at: string;
	actor?: string;
	direction: 'inbound' | 'outbound';
	ok: boolean;
	text: string;
	steps?: TestStep[];
}

export function History({ connector }: { connector: Connector }) {
	const found = useLoad(signal => get<{ items: Test[] }>(at`/v1/connectors/${connector.organisation}/${connector.name}/test`, { limit: 50 }, signal));
	if (found.error)
		return <ErrorNote error={found.error} onRetry={found.reload} />;
	if (!found.value)
		return <Loading />;
	if (found.value.items.length === 0)
		return <Empty title={t('connectors.no-tests')}><p>{t('connectors.no-tests-text')}</p></Empty>;
	return (
		<div class="history">
			{found.value.items.map((one, i) =>
				<details key={one.at + i} class="section">
					<summary>
						<Badge tone={one.ok ? 'good' : 'bad'}>{one.ok ? t('connectors.test-ok') : t('connectors.test-failed')}</Badge> {t(`connectors.${one.direction}`)}: {one.text}
						<span class="soft"> <Ago at={one.at} /> {one.actor}</span>
					</summary>
					<Summary steps={one.steps ?? []} />
					<TestSteps steps={one.steps ?? []} />
				</details>)}
		</div>
	);
}

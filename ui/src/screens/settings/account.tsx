/* One's own account: password, second factor. */
import { useState } from 'preact/hooks';
import { ApiError, send, useAction } from '../../api';
import { t } from '../../i18n';
import { Button, Code, ErrorNote, Facts, Note, Section } from '../../parts/basic';
import { Form, type Tree } from '../../parts/form';
import { QrCode } from '../../parts/qr';
import { say } from '../../parts/toast';
import { findSession, session } from '../../session';

function Password() {
	const [object, setObject] = useState<Tree>({});
	const action = useAction(async () => {
		if (object.new !== object.again)
			throw new ApiError(422, '', '', '', [{ field: 'again', detail: t('login.not-same') }]);
		await send('POST', '/v1/session/password', { old: object.old ?? '', new: object.new ?? '' });
		setObject({});
		say(t('settings.password-changed'));
	});
	return (
		<Section title={t('settings.password')}>
			<Form groups={[{ title: '', fields: [
				{ path: 'old', kind: 'secret', label: t('settings.old-password'), autocomplete: 'current-password' },
				{ path: 'new', kind: 'secret', label: t('login.new-password'), help: t('login.password-help'), autocomplete: 'new-password' },
				{ path: 'again', kind: 'secret', label: t('login.again'), autocomplete: 'new-password' },
			] }]} object={object} onChange={setObject} onSubmit={() => void action.run()} error={action.error} submit={t('settings.change-password')}
			isBusy={action.isRunning} />
		</Section>
	);
}

function SecondFactor({ isOn }: { isOn: boolean }) {
	const [secret, setSecret] = useState<{ secret: string; uri: string }>();
	const [object, setObject] = useState<Tree>({});
	const begin = useAction(async () => setSecret(await send<{ secret: string; uri: string }>('POST', '/v1/session/totp', {})));
	const finish = useAction(async () => {
		await send('PUT', '/v1/session/totp', { code: object.code ?? '' });
		setSecret(undefined);
		setObject({});
		await findSession();
		say(t('settings.totp-on'));
	});
	const end = useAction(async () => {
		await send('DELETE', '/v1/session/totp', { password: object.password ?? '' });
		setObject({});
		await findSession();
		say(t('settings.totp-removed'));
	});
	return (
		<Section title={t('settings.totp')} intro={t('settings.totp-intro')}>
			{isOn ? <Form groups={[{ title: '', fields: [{ path: 'password', kind: 'secret', label: t('login.password'), autocomplete: 'current-password' }] }]}
				object={object} onChange={setObject} onSubmit={() => void end.run()} error={end.error} submit={t('settings.remove-totp')} isBusy={end.isRunning}>
				<Note tone="good">{t('settings.totp-is-on')}</Note></Form>
				: !secret ? <><Button look="main" icon="lock" onClick={() => void begin.run()} isBusy={begin.isRunning}>{t('settings.totp-begin')}</Button>
					{begin.error && <ErrorNote error={begin.error} />}</>
					: <>
						<p>{t('settings.totp-step')}</p>
						<div class="totp">
							<QrCode text={secret.uri} label={t('settings.totp-qr')} />
							<div>
								<p>{t('settings.totp-by-hand')}</p>
								<Code text={secret.secret} label={t('settings.totp-secret')} />
								<p><a href={secret.uri}>{t('settings.totp-open')}</a></p>
							</div>
						</div>
						<Form groups={[{ title: '', fields: [{ path: 'code', kind: 'text', label: t('login.code'), help: t('login.code-help'), autocomplete: 'one-time-code' }] }]}
							object={object} onChange={setObject} onSubmit={() => void finish.run()} error={finish.error} submit={t('settings.totp-finish')}
							isBusy={finish.isRunning} onCancel={() => setSecret(undefined)} />
					</>}
		</Section>
	);
}

export function Account() {
	const who = session.use();
	if (!who)
		return null;
	return (
		<>
			<Section title={t('settings.account')}>
				<Facts items={[
					[t('settings.user'), who.user],
					[t('settings.role'), t(`role.${who.role}`)],
					[t('settings.role-organisations'), who.organisations.length ? who.organisations.join(', ') : t('settings.all-organisations')],
				]} />
				{who.via !== 'session' && <Note>{t('settings.not-a-session')}</Note>}
			</Section>
			{who.via === 'session' && <><Password /><SecondFactor isOn={who.has_totp} /></>}
		</>
	);
}

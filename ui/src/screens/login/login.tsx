/* Log-in with password and, where the user has one, a code; and the link that makes the first password. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, send, useAction, useLoad } from '../../api';
import { dateTime, t } from '../../i18n';
import { Form, type Tree } from '../../parts/form';
import { Icon } from '../../parts/icon';
import { say, Toasts } from '../../parts/toast';
import { ErrorNote, Loading, Note } from '../../parts/basic';
import { go, href } from '../../router';
import { session, type Session } from '../../session';
import { LanguageChoice, ThemeChoice } from '../../shell';

function Frame({ title, intro, children }: { title: string; intro?: string; children: ComponentChildren }) {
	useEffect(() => {
		document.title = `${title} – Sealpost`;
	}, [title]);
	return (
		<main class="alone login">
			<div class="login-box">
				<p class="brand"><Icon name="message" /><span>Sealpost</span></p>
				<h1>{title}</h1>
				{intro && <p class="intro">{intro}</p>}
				{children}
			</div>
			<div class="login-choices"><LanguageChoice /><ThemeChoice /></div>
			<Toasts />
		</main>
	);
}

export function Login() {
	const [object, setObject] = useState<Tree>({});
	const [needsCode, setNeedsCode] = useState(false);
	const action = useAction(async () => {
		try {
			session.set(await send<Session>('POST', '/v1/session', object));
		} catch (error) {
			if (!(error instanceof ApiError) || error.code !== 'totp-needed')
				throw error;
			setNeedsCode(true);
		}
	});
	// The server says the same of a wrong name and a wrong password; the field of the code comes when it asks for one.
	useEffect(() => {
		if (needsCode)
			document.querySelector<HTMLElement>('[name=totp]')?.focus();
	}, [needsCode]);
	return (
		<Frame title={t('login.title')} intro={needsCode ? t('login.code-intro') : ''}>
			<Form object={object} onChange={setObject} onSubmit={() => void action.run()} error={action.error} isBusy={action.isRunning}
				submit={t('login.submit')} groups={[{
					title: '', fields: [
						{ path: 'user', kind: 'text', label: t('login.user'), autocomplete: 'username', isReadOnly: needsCode },
						{ path: 'password', kind: 'secret', label: t('login.password'), autocomplete: 'current-password', isReadOnly: needsCode },
						{ path: 'totp', kind: 'text', label: t('login.code'), help: t('login.code-help'), autocomplete: 'one-time-code', when: () => needsCode },
					],
				}]} {...(needsCode && { onCancel: () => {
					setNeedsCode(false);
					setObject({});
					action.clear();
				} })}>
				{action.error && action.error.retryAfter > 0 && <Note tone="warn">{t('login.wait', { seconds: action.error.retryAfter })}</Note>}
			</Form>
			<p class="help">{t('login.forgotten')}</p>
		</Frame>
	);
}

/** #/setup/TOKEN: the first user's name and password, or a new password for a user. */
export function Setup({ token }: { token: string }) {
	const link = useLoad(() => send<{ user: string | null; expires: string }>('POST', '/v1/setup/check', { token }), [token]);
	return (
		<Frame title={t('login.setup-title')} intro={link.value ? t('login.setup-intro', { at: dateTime(link.value.expires) }) : ''}>
			{link.isLoading && <Loading />}
			{link.error && <>
				<ErrorNote error={link.error} />
				<p>{t('login.no-link')} <a href={href('overview')}>{t('login.title')}</a></p>
			</>}
			{link.value && <SetupForm token={token} user={link.value.user} />}
		</Frame>
	);
}

function SetupForm({ token, user }: { token: string; user: string | null }) {
	const [object, setObject] = useState<Tree>({});
	const action = useAction(async () => {
		if (object.password !== object.again)
			throw new ApiError(400, t('login.not-same'), '', '', [{ field: 'again', detail: t('login.not-same') }]);
		try {
			session.set(await send<Session>('POST', '/v1/setup', { token, password: object.password ?? '', ...(!user && object.user !== undefined && { user: object.user }) }));
		} catch (error) {
			if (!(error instanceof ApiError) || error.code !== 'totp-needed')
				throw error;
			say(t('login.setup-done'));
		}
		go('overview');
	});
	return (
		<Form object={object} error={action.error} isBusy={action.isRunning} submit={t('login.setup-submit')}
			onSubmit={() => void action.run()} onChange={setObject} groups={[{
				title: '', fields: [
					user ? { path: 'name', kind: 'text', label: t('login.user'), isReadOnly: true, placeholder: user, autocomplete: 'username' }
						: { path: 'user', kind: 'text', label: t('login.user'), help: t('login.setup-user-help'), placeholder: 'admin', autocomplete: 'username' },
					{ path: 'password', kind: 'secret', label: t('login.new-password'), help: t('login.password-help'), autocomplete: 'new-password', isRequired: true },
					{ path: 'again', kind: 'secret', label: t('login.again'), autocomplete: 'new-password', isRequired: true },
				],
			}]} />
	);
}

/* What surrounds every screen: navigation, who is there, language, look. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, languages, setLanguage, t, tOr, type Language } from './i18n';
import { isLive } from './live';
import { useAction } from './api';
import { Button, Empty, Heading } from './parts/basic';
import { Guard } from './parts/guard';
import { Icon, type IconName } from './parts/icon';
import { Toasts } from './parts/toast';
import { href, place } from './router';
import { screens, type Screen } from './screens';
import { logOut, session } from './session';
import { setTheme, theme, themes } from './theme';

const groups = ['mail', 'partners', 'system'] as const;
const themeIcons: Record<typeof themes[number], IconName> = { auto: 'auto', light: 'sun', dark: 'moon' };

export function LanguageChoice() {
	return (
		<label class="choice"><span class="hidden">{t('common.language')}</span>
			<select value={language.use()} onChange={event => void setLanguage(event.currentTarget.value as Language)}>
				{Object.entries(languages).map(([id, name]) => <option key={id} value={id} lang={id}>{name}</option>)}
			</select>
		</label>
	);
}

export function ThemeChoice() {
	const now = theme.use();
	const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? 'auto';
	return <Button look="quiet" icon={themeIcons[now]} onClick={() => setTheme(next)} title={t('common.theme')}>
		<span class="hidden">{t('common.theme')}: </span>{t(`common.theme-${now}`)}
	</Button>;
}

function Navigation({ current }: { current: string | undefined }) {
	const open = screens.filter(screen => !screen.isFor || screen.isFor());
	return (
		<nav aria-label={t('common.navigation')}>
			{groups.map(group => {
				const mine = open.filter(screen => screen.group === group);
				return mine.length > 0 &&
					<div key={group} class="nav-group">
						<p class="nav-title" id={`nav-${group}`}>{t(`nav.group-${group}`)}</p>
						<ul aria-labelledby={`nav-${group}`}>
							{mine.map(screen =>
								<li key={screen.path}><a href={href(screen.path)} aria-current={screen.path === current ? 'page' : undefined}>
									<Icon name={screen.icon} />{t(screen.title)}</a></li>)}
						</ul>
					</div>;
			})}
		</nav>
	);
}

function WhoAmI() {
	const who = session.use();
	const action = useAction(logOut);
	if (!who)
		return null;
	return (
		<div class="who">
			<p><b>{who.user}</b><br /><span class="soft">{tOr(`role.${who.role}`, who.role)}</span></p>
			{who.via === 'session' &&
				<Button look="quiet" icon="logout" isBusy={action.isRunning} onClick={() => void action.run()}>{t('common.log-out')}</Button>}
		</div>
	);
}

function screenOf(path: string): Screen | undefined {
	return screens.find(screen => screen.path === path);
}

export function Shell() {
	const where = place.use();
	const who = session.use();
	const live = isLive.use();
	const [isOpen, setOpen] = useState(false);
	const main = useRef<HTMLElement>(null);
	const path = where.parts[0] ?? 'overview';
	const screen = screenOf(path);
	const address = where.parts.join('/');
	const isFirst = useRef(true);
	useEffect(() => {
		setOpen(false);
		document.title = `${screen ? t(screen.title) : t('common.not-found')} – ${who?.hostname ?? 'Sealpost'}`;
		if (isFirst.current) {
			isFirst.current = false;
			return;
		}
		scrollTo(0, 0);
		main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
	}, [address, language.value]);
	const Component = screen?.component;
	return (
		<div class={`shell ${isOpen ? 'is-open' : ''}`}>
			<a class="skip" href="#main" onClick={event => {
				event.preventDefault();
				main.current?.focus();
			}}>{t('common.skip')}</a>
			<header class="top">
				<Button look="quiet" class="menu" icon="menu" aria-expanded={isOpen} aria-controls="side" onClick={() => setOpen(!isOpen)}>
					<span class="hidden">{t('common.navigation')}</span></Button>
				<a class="brand" href={href('overview')}><Icon name="message" /><span>Sealpost</span></a>
				<span class="host">{who?.hostname}</span>
				<span class={`live ${live ? 'good' : ''}`} title={live ? t('common.live') : t('common.not-live')}>
					<Icon name={live ? 'check' : 'clock'} /><span class="live-text">{live ? t('common.live-short') : t('common.not-live-short')}</span></span>
			</header>
			<aside class="side" id="side">
				<Navigation current={path} />
				<div class="side-end"><WhoAmI /><div class="side-choices"><LanguageChoice /><ThemeChoice /></div>
					<p class="soft version">Sealpost {who?.version}</p></div>
			</aside>
			<main id="main" ref={main} tabIndex={-1}>
				{Component ? <Guard at={address}><Component key={path} place={where} /></Guard>
					: <><Heading title={t('common.not-found')} /><Empty title={t('common.not-found-text')}><a href={href('overview')}>{t('nav.overview')}</a></Empty></>}
			</main>
			<Toasts />
		</div>
	);
}

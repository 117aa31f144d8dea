/* Windows in front of the page. The browser keeps the focus inside and gives it back at the end. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Action } from '../api';
import { t } from '../i18n';
import { Button, ErrorNote } from './basic';
import { Icon } from './icon';

export function Dialog({ title, onClose, children, actions, isWide = false }: {
	title: string; onClose: () => void; children: ComponentChildren; actions?: ComponentChildren; isWide?: boolean;
}) {
	const element = useRef<HTMLDialogElement>(null);
	const id = useId();
	useEffect(() => {
		const dialog = element.current;
		const before = document.activeElement;
		dialog?.showModal();
		return () => {
			dialog?.close();
			if (before instanceof HTMLElement)
				before.focus();
		};
	}, []);
	return (
		<dialog ref={element} class={isWide ? 'is-wide' : ''} aria-labelledby={id} onCancel={event => {
			event.preventDefault();
			onClose();
		}}>
			<header>
				<h2 id={id}>{title}</h2>
				<Button look="quiet" onClick={onClose}><Icon name="cross" /><span class="hidden">{t('common.close')}</span></Button>
			</header>
			<div class="dialog-body">{children}</div>
			{actions && <footer>{actions}</footer>}
		</dialog>
	);
}

/** Asks before something is done. ACTION runs at "yes"; the window closes when it went well. Errors of FIELDS stand at them, among CHILDREN. */
export function Confirm({ title, children, action, yes, isDanger = false, fields = [], onClose }: {
	title: string; children: ComponentChildren; action: Action<[]>; yes: string; isDanger?: boolean; fields?: string[]; onClose: () => void;
}) {
	const errors = action.error?.errors ?? [];
	const isShown = errors.length > 0 && errors.every(one => fields.includes(one.field));
	return (
		<Dialog title={title} onClose={onClose} actions={
			<>
				<Button onClick={onClose}>{t('common.cancel')}</Button>
				<Button look={isDanger ? 'danger' : 'main'} isBusy={action.isRunning}
					onClick={() => void action.run().then(fine => fine && onClose())}>{yes}</Button>
			</>
		}>
			{children}
			{action.error && !isShown && <ErrorNote error={action.error} />}
		</Dialog>
	);
}

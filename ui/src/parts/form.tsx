/* Forms made of descriptions; what the server finds wrong stands at the field it is about. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ApiError, FieldError } from '../api';
import { t } from '../i18n';
import { Button, ErrorNote } from './basic';
import { Icon } from './icon';

/** An object as the API has it, in any depth. */
export type Tree = Record<string, unknown>;

export interface Field {
	/** Where it stands in the object: "inbound.require_tls". Errors of the server find it by this. */
	path: string;
	/** list: texts, one a line. area: long text. flag: yes or no. moment: local date and time, as "2026-12-01T06:00". */
	kind: 'text' | 'number' | 'flag' | 'choice' | 'list' | 'area' | 'secret' | 'date' | 'moment';
	label: string;
	help?: ComponentChildren;
	choices?: { value: string; label: string }[];
	isRequired?: boolean;
	isReadOnly?: boolean;
	placeholder?: string;
	min?: number;
	max?: number;
	autocomplete?: string;
	/** Proposals while typing. */
	suggestions?: string[];
	/** Only shown where this says so. */
	when?: (object: Tree) => boolean;
}

export interface FieldGroup {
	title: string;
	intro?: ComponentChildren;
	fields: Field[];
	/** Closed at first unless true; groups without this cannot be closed. */
	isOpen?: boolean;
}

export function valueAt(object: Tree, path: string): unknown {
	return path.split('.').reduce<unknown>((value, name) => (value as Tree | undefined)?.[name], object);
}

/** A copy of OBJECT with VALUE at PATH; undefined takes it away. */
export function withValue(object: Tree, path: string, value: unknown): Tree {
	const [name = '', ...rest] = path.split('.');
	const copy = { ...object };
	if (rest.length)
		copy[name] = withValue((copy[name] as Tree | undefined) ?? {}, rest.join('.'), value);
	else if (value === undefined)
		delete copy[name];
	else
		copy[name] = value;
	return copy;
}

const isAbout = (error: FieldError, path: string) =>
	error.field === path || error.field.startsWith(path + '[') || error.field.startsWith(path + '.');

interface FieldProps {
	field: Field;
	value: unknown;
	onChange: (value: unknown) => void;
	errors?: FieldError[];
}

/** One field with its label, help and errors. */
export function FormField({ field, value, onChange, errors = [] }: FieldProps) {
	const id = useId();
	const mine = errors.filter(error => isAbout(error, field.path));
	const described = [field.help ? id + 'help' : '', mine.length ? id + 'error' : ''].filter(Boolean).join(' ');
	const common = {
		id, name: field.path, disabled: field.isReadOnly, required: field.isRequired,
		'aria-invalid': mine.length > 0, 'aria-describedby': described || undefined,
	};
	const label = <label for={id}>{field.label}{field.isRequired && <span class="required" title={t('common.required')}> *</span>}</label>;
	return (
		<div class={`field ${field.kind} ${mine.length ? 'has-error' : ''}`} data-path={field.path}>
			{field.kind !== 'flag' && label}
			<Control field={field} value={value} onChange={onChange} common={common} />
			{field.kind === 'flag' && label}
			{field.help && <p class="help" id={id + 'help'}>{field.help}</p>}
			{mine.length > 0 && <div class="field-error" id={id + 'error'}>
				{mine.map(error => <p key={error.detail}><Icon name="cross" />{error.field === field.path ? '' : `${error.field}: `}{error.detail}</p>)}
			</div>}
		</div>
	);
}

interface Common {
	id: string;
	name: string;
	disabled: boolean | undefined;
	required: boolean | undefined;
	'aria-invalid': boolean;
	'aria-describedby': string | undefined;
}

function Control({ field, value, onChange, common }: Omit<FieldProps, 'errors'> & { common: Common }) {
	const shared = common;
	const id = common.id;
	switch (field.kind) {
	case 'flag':
		return <input {...shared} required={false} type="checkbox" checked={value === true} onChange={event => onChange(event.currentTarget.checked)} />;
	case 'choice':
		return (
			<select {...shared} value={String(value ?? '')} onChange={event => onChange(event.currentTarget.value || undefined)}>
				{field.choices?.map(choice => <option key={choice.value} value={choice.value} selected={choice.value === String(value ?? '')}>{choice.label}</option>)}
			</select>
		);
	case 'list':
		return <ListControl shared={shared} field={field} value={value} onChange={onChange} />;
	case 'area':
		return <textarea {...shared} rows={5} spellcheck={false} placeholder={field.placeholder} value={String(value ?? '')}
			onInput={event => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)} />;
	case 'number':
		return <input {...shared} type="number" min={field.min} max={field.max} placeholder={field.placeholder} value={value as number | undefined ?? ''}
			onInput={event => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.valueAsNumber)} />;
	default:
		return (
			<>
				<input {...shared} type={field.kind === 'secret' ? 'password' : field.kind === 'moment' ? 'datetime-local' : field.kind} placeholder={field.placeholder} spellcheck={false}
					autocomplete={(field.autocomplete ?? 'off') as 'off'} list={field.suggestions ? id + 'list' : undefined} value={String(value ?? '')}
					onInput={event => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)} />
				{field.suggestions && <datalist id={id + 'list'}>{field.suggestions.map(one => <option key={one} value={one} />)}</datalist>}
			</>
		);
	}
}

function ListControl({ shared, field, value, onChange }: { shared: Common } & Omit<FieldProps, 'errors'>) {
	const given = Array.isArray(value) ? value as string[] : [];
	const [text, setText] = useState(given.join('\n'));
	const read = (raw: string) => raw.split(/[\n,]/).map(line => line.trim()).filter(Boolean);
	useEffect(() => {
		if (read(text).join('\n') !== given.join('\n'))
			setText(given.join('\n'));
	}, [given.join('\n')]);
	return <textarea {...shared} rows={Math.min(8, Math.max(2, given.length + 1))} spellcheck={false}
		placeholder={field.placeholder ?? t('common.one-a-line')} value={text} onInput={event => {
			setText(event.currentTarget.value);
			onChange(read(event.currentTarget.value));
		}} />;
}

interface FormProps {
	groups: FieldGroup[];
	object: Tree;
	onChange: (object: Tree) => void;
	onSubmit: () => void;
	error?: ApiError | undefined;
	/** Beside those of ERROR: what was found while typing. */
	errors?: FieldError[];
	/** What the button says; without it the form is only looked at. */
	submit?: string;
	isBusy?: boolean;
	onCancel?: () => void;
	/** Between the fields and the buttons. */
	children?: ComponentChildren;
}

/** A whole form. The focus goes to the first field that the server complains about. */
export function Form({ groups, object, onChange, onSubmit, error, errors = [], submit, isBusy = false, onCancel, children }: FormProps) {
	const element = useRef<HTMLFormElement>(null);
	const all = [...(error?.errors ?? []), ...errors];
	const shown = groups.flatMap(group => group.fields).filter(field => !field.when || field.when(object));
	const others = error?.errors.filter(one => !shown.some(field => isAbout(one, field.path))) ?? [];
	useEffect(() => {
		if (error)
			element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
	}, [error]);
	return (
		<form ref={element} class="form" noValidate onSubmit={event => {
			event.preventDefault();
			onSubmit();
		}}>
			{groups.map(group => {
				const fields = group.fields.filter(field => !field.when || field.when(object));
				const content = <>
					{group.intro && <p class="help">{group.intro}</p>}
					{fields.map(field => <FormField key={field.path} field={field} value={valueAt(object, field.path)} errors={all}
						onChange={value => onChange(withValue(object, field.path, value))} />)}
				</>;
				if (fields.length === 0)
					return null;
				const isWrong = fields.some(field => all.some(one => isAbout(one, field.path)));
				return group.isOpen === undefined
					? <fieldset key={group.title}>{group.title && <legend>{group.title}</legend>}{content}</fieldset>
					: <details key={group.title} class="group" open={group.isOpen || isWrong}><summary>{group.title}</summary>{content}</details>;
			})}
			{children}
			{error && (others.length > 0 || error.errors.length === 0) && <ErrorNote error={error} />}
			{submit && <div class="form-buttons">
				<Button type="submit" look="main" isBusy={isBusy}>{submit}</Button>
				{onCancel && <Button onClick={onCancel}>{t('common.cancel')}</Button>}
			</div>}
		</form>
	);
}

/** Filters above a list: fields in one line. */
export function FilterBar({ children, label, onSubmit }: { children: ComponentChildren; label: string; onSubmit?: () => void }) {
	return <form class="filters" role="search" aria-label={label} onSubmit={event => {
		event.preventDefault();
		onSubmit?.();
	}}>{children}</form>;
}

/* Who is logged in, and what that one may do. */
import { get, send } from './api';
import { Store } from './store';

export type Role = 'installation-admin' | 'organisation-admin' | 'reader' | 'auditor';
export interface Session {
	user: string;
	role: Role;
	/** Empty: all. */
	organisations: string[];
	via: 'socket' | 'session' | 'token';
	csrf: string;
	has_totp: boolean;
	hostname: string;
	version: string;
}

/** undefined: not asked yet; null: nobody. */
export const session = new Store<Session | null | undefined>(undefined);

export function csrf(): string {
	return session.value?.csrf ?? '';
}

/** The server does not know this session any more. */
export function dropSession(): void {
	session.set(null);
}

export async function findSession(): Promise<void> {
	try {
		session.set(await get<Session>('/v1/session'));
	} catch (error) {
		session.set(null);
		if (!(error instanceof Error && 'status' in error && error.status === 401))
			throw error;
	}
}

export async function logOut(): Promise<void> {
	await send('DELETE', '/v1/session');
	session.set(null);
}

/** May the user change what ORGANISATION has (no name: anything at all)? The server decides; this only hides what would be refused. */
export function mayChange(organisation?: string): boolean {
	const who = session.value;
	if (!who || who.role === 'reader' || who.role === 'auditor')
		return false;
	return who.role === 'installation-admin' || organisation === undefined || who.organisations.includes(organisation);
}

/** Does the user look after the whole installation? */
export function isInstallationAdmin(): boolean {
	return session.value?.role === 'installation-admin';
}

/** Does the user see all organisations? */
export function seesInstallation(): boolean {
	const who = session.value;
	return !!who && who.role !== 'organisation-admin' && who.organisations.length === 0;
}

/** Does the user see more than one organisation, so that it has to be said whose something is? */
export function seesSeveral(): boolean {
	return seesInstallation() || (session.value?.organisations.length ?? 0) > 1;
}

/** All entries, or those of the user's organisations: the server knows. */
export function mayAudit(): boolean {
	return !!session.value && session.value.role !== 'reader';
}

/** Whether the whole log is as it was written. */
export function mayVerify(): boolean {
	return mayAudit() && seesInstallation();
}

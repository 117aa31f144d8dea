/* The screens, in the order of the navigation. A new one is one line here and texts in the catalogue. */
import type { FunctionComponent } from 'preact';
import type { IconName } from './parts/icon';
import type { Place } from './router';
import { Messages } from './screens/messages/messages';
import { Certificates } from './screens/certificates/certificates';
import { Connectors } from './screens/connectors/connectors';
import { Explain } from './screens/explain/explain';
import { Overview } from './screens/overview/overview';
import { Queue } from './screens/queue/queue';
import { Reports } from './screens/reports/reports';
import { Settings } from './screens/settings/settings';
import { Rules } from './screens/rules/rules';

export interface Screen {
	/** The first part of its address: "connectors" is #/connectors/... */
	path: string;
	/** Its name in the navigation: a key of the catalogue. */
	title: string;
	icon: IconName;
	component: FunctionComponent<{ place: Place }>;
	/** Part of the navigation it stands in; screens without one are reached by links only. */
	group?: 'mail' | 'partners' | 'system';
	/** Shown to those only of whom this is true; the server enforces it. */
	isFor?: () => boolean;
}

export const screens: Screen[] = [
	{ path: 'overview', title: 'nav.overview', icon: 'overview', group: 'mail', component: Overview },
	{ path: 'messages', title: 'nav.messages', icon: 'message', group: 'mail', component: Messages },
	{ path: 'queue', title: 'nav.queue', icon: 'queue', group: 'mail', component: Queue },
	{ path: 'reports', title: 'nav.reports', icon: 'report', group: 'mail', component: Reports },
	{ path: 'connectors', title: 'connectors.title', icon: 'connector', group: 'partners', component: Connectors },
	{ path: 'rules', title: 'rules.title', icon: 'rule', group: 'partners', component: Rules },
	{ path: 'explain', title: 'explain.title', icon: 'explain', group: 'partners', component: Explain },
	{ path: 'certificates', title: 'nav.certificates', icon: 'certificate', group: 'partners', component: Certificates },
	{ path: 'settings', title: 'nav.settings', icon: 'settings', group: 'system', component: Settings },
];

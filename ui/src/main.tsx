/* Start: language, who is there, then the screen. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError } from './api';
import { language, preferredLanguage, setLanguage } from './i18n';
import { startLive, stopLive } from './live';
import { ErrorNote, Loading } from './parts/basic';
import { place } from './router';
import { Login, Setup } from './screens/login/login';
import { findSession, session } from './session';
import { Shell } from './shell';

/** Asked while the texts of the language are still on their way. */
const asked = findSession();
asked.catch(() => undefined);

function App() {
	const who = session.use();
	const where = place.use();
	language.use();
	const [error, setError] = useState<ApiError>();
	const find = (question = findSession()) => {
		setError(undefined);
		question.catch(problem => setError(problem instanceof ApiError ? problem : new ApiError(0, '', String(problem))));
	};
	useEffect(() => find(asked), []);
	useEffect(() => {
		if (who)
			startLive();
		else
			stopLive();
	}, [!who]);
	if (where.parts[0] === 'setup' && where.parts[1])
		return <Setup token={where.parts[1]} />;
	if (error)
		return <main class="alone"><ErrorNote error={error} onRetry={() => find()} /></main>;
	if (who === undefined)
		return <main class="alone"><Loading /></main>;
	return who ? <Shell /> : <Login />;
}

const root = document.getElementById('app');
if (root)
	void setLanguage(preferredLanguage(), false).then(() => render(<App />, root));

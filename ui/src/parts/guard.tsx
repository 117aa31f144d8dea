/* Keeps a screen that fails from taking the rest along. */
import { Component, type ComponentChildren } from 'preact';
import { ApiError } from '../api';
import { t } from '../i18n';
import { ErrorNote } from './basic';

/** A screen that fails is told of; the rest goes on. */
export class Guard extends Component<{ children: ComponentChildren; at: string }, { error: Error | undefined }> {
	static override getDerivedStateFromError(error: Error) {
		return { error };
	}
	override componentDidUpdate(before: { at: string }) {
		if (before.at !== this.props.at && this.state.error)
			this.setState({ error: undefined });
	}
	override render() {
		const { error } = this.state;
		if (!error)
			return this.props.children;
		console.error(error);
		return <ErrorNote error={new ApiError(0, t('common.error'), error.message)} onRetry={() => location.reload()} />;
	}
}

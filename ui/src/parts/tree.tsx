/* A tree of reasons or candidates: nested lists whose branches open and close. */
import type { ComponentChildren } from 'preact';

export interface TreeNode {
	label: ComponentChildren;
	/** Shown at first. */
	isOpen?: boolean;
	children?: TreeNode[];
}

export function Tree({ nodes, label }: { nodes: TreeNode[]; label?: string }) {
	return (
		<ul class="tree" aria-label={label}>
			{nodes.map((node, i) =>
				<li key={i}>
					{node.children?.length
						? <details open={node.isOpen}><summary>{node.label}</summary><Tree nodes={node.children} /></details>
						: <div class="leaf">{node.label}</div>}
				</li>)}
		</ul>
	);
}

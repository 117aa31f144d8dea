export interface Placeholder {
	name: string;
	choices?: Record<string, Part[]>;
}
export type Part = string | Placeholder;
export function parse(text: string): Part[];

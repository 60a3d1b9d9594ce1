/** Colours of a text: a paint for each, and none where there are none. */
type Paint = (text: string) => string;

export interface Style {
	readonly bold: Paint;
	readonly dim: Paint;
	readonly red: Paint;
	readonly green: Paint;
	readonly yellow: Paint;
	readonly cyan: Paint;
	readonly blue: Paint;
	readonly magenta: Paint;
}

const asItIs: Paint = (text) => text;
export const plain: Style = {
	bold: asItIs,
	dim: asItIs,
	red: asItIs,
	green: asItIs,
	yellow: asItIs,
	cyan: asItIs,
	blue: asItIs,
	magenta: asItIs,
};

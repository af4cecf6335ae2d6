/** A size of something in the plane: one number for both axes, or [vertical, horizontal]. */
export type Extent = number | readonly [number, number]

export const pair = (n: Extent): readonly [number, number] => (typeof n === 'number' ? [n, n] : n)

/** Pixels. */
export interface Rect { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
export interface Point { readonly x: number; readonly y: number }

export interface DrawnBox extends Rect { readonly id: string; readonly lines: readonly string[]; /** There is room for a line about the live objects. */ readonly live: boolean }
export interface DrawnGroup extends Rect { readonly id: string; readonly label: string; readonly depth: number }
export interface DrawnLabel { readonly x: number; readonly y: number; readonly lines: readonly string[] }
export interface DrawnArrow { readonly path: string; readonly both: boolean; /** Where a mark may stand on it. */ readonly mark: Point; readonly label?: DrawnLabel }

/** A diagram with a place for everything; the arrows in the diagram's order. */
export interface Drawing {
  readonly width: number
  readonly height: number
  readonly groups: readonly DrawnGroup[]
  readonly boxes: readonly DrawnBox[]
  readonly arrows: readonly DrawnArrow[]
  /** Of a sequence diagram: from the foot of a participant down. */
  readonly lifelines: readonly { readonly x: number; readonly from: number; readonly to: number }[]
}

/** `right` and `down`: which way the arrows mostly point. */
export type Direction = 'right' | 'down'

export const boxFont = 12.5
export const labelFont = 11
export const lineHeight = 16
export const labelLine = 13

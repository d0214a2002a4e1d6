import type { Arrow, Diagram } from '@idp/platform'

/** One arrow of all diagrams. */
export interface KnownArrow extends Arrow {
  /** `06-general-architecture:3`: the diagram and the place in it, from 0. */
  readonly id: string
  readonly diagram: string
}

export function arrowsOf(diagrams: readonly Diagram[]): readonly KnownArrow[] {
  return diagrams.flatMap(({ name, arrows }) => arrows.map((arrow, index) => ({ ...arrow, id: `${name}:${index}`, diagram: name })))
}

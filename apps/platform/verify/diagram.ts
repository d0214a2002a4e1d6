import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseYaml, type Json } from '@idp/formats'
import { CodedError } from '@idp/kit'

/** One arrow of a diagram, and the check that proves it. */
export interface Arrow {
  readonly from: string
  readonly to: string
  readonly label?: string
  /** Drawn with two heads. */
  readonly both?: boolean
  /** Name of the check; absent: nobody has written one yet. */
  readonly check?: string
  /** What the check needs to know, e.g. which route. */
  readonly with?: Readonly<Record<string, Json>>
}

/** One of the seeds' diagrams, as data: `diagrams/NN-name.yaml`. */
export interface Diagram {
  /** File name without ending, e.g. `02-service-exposure`. */
  readonly name: string
  readonly title: string
  readonly shape: 'graph' | 'sequence'
  readonly direction: 'right' | 'down'
  /** From id (dotted: container.child) to label. */
  readonly nodes: Readonly<Record<string, string>>
  readonly arrows: readonly Arrow[]
}

/** All diagrams of a directory, in the order of their names. Throws CodedError `InvalidDiagram`. */
export async function loadDiagrams(directory: string): Promise<Diagram[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort()
  return Promise.all(files.map(async (file) => {
    const path = join(directory, file)
    const diagram = { name: basename(file, '.yaml'), ...(parseYaml(await readFile(path, 'utf8'), { source: path }) as unknown as Omit<Diagram, 'name'>) }
    for (const { from, to } of diagram.arrows) {
      for (const end of [from, to]) if (!(end in diagram.nodes)) throw new CodedError({ code: 'InvalidDiagram', message: `an arrow names ${end}, which is not a node`, where: path })
    }
    return diagram
  }))
}

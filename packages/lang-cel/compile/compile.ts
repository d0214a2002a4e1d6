import type { Checked } from '../check/checker.ts'
import type { CelEnvironment } from '../environment.ts'
import type { CelNode } from '../syntax/node.ts'
import { compileBind } from './compile-bind.ts'
import { compileIdent } from './compile-ident.ts'
import { compileList, compileMap, compileStruct } from './compile-literal.ts'
import { compileOperator } from './compile-operator.ts'
import { compileSelect } from './compile-select.ts'
import type { Compiler } from './compiler.ts'
import { compileComprehension } from './comprehension.ts'
import type { Eval } from './frame.ts'

/** Compiles a tree into closures. */
export function compileNode(root: CelNode, environment: CelEnvironment, checked: Checked | undefined): { evaluate: Eval; slots: number } {
  const compiler: Compiler = {
    environment, checked, slots: 0,
    compile(node, locals) {
      switch (node.kind) {
        case 'const': {
          const { value } = node
          return () => value
        }
        case 'ident': return compileIdent(node, locals, compiler)
        case 'select': return compileSelect(node, locals, compiler)
        case 'call': return compileOperator(node, locals, compiler)
        case 'list': return compileList(node, locals, compiler)
        case 'map': return compileMap(node, locals, compiler)
        case 'struct': return compileStruct(node, locals, compiler)
        case 'comprehension': return compileComprehension(node, locals, compiler)
        case 'bind': return compileBind(node, locals, compiler)
        case 'block': {
          let inner = locals
          const values = node.values.map((value, i) => {
            const evaluate = compiler.compile(value, inner)
            inner = { name: `@index${i}`, slot: compiler.slots++, parent: inner }
            return { evaluate, slot: inner.slot }
          })
          const body = compiler.compile(node.body, inner)
          return (frame) => {
            for (const { evaluate, slot } of values) frame.locals[slot] = evaluate(frame)
            return body(frame)
          }
        }
      }
    },
  }
  const evaluate = compiler.compile(root, undefined)
  return { evaluate, slots: compiler.slots }
}

import { intType, listType, stringType } from '../check/cel-type.ts'
import { costSize } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, member } from '../environment.ts'
import { CelFault } from '../value/fault.ts'
import { regularExpression } from '../value/regular-expression.ts'
import type { CelValue } from '../value/value.ts'

const cost = ([text = '', pattern = '']: readonly CelValue[]) => Math.ceil((1 + costSize(text)) * 0.1) * Math.ceil(costSize(pattern) * 0.25)

function compile(pattern: CelValue) {
  try {
    return regularExpression(pattern as string)
  } catch (error) {
    throw error instanceof CelFault ? new CelFault(`Illegal regex: ${error.message}`) : error
  }
}

function find(text: CelValue, pattern: CelValue): string {
  const matcher = compile(pattern).matcher(text as string)
  return matcher.find() ? matcher.group() ?? '' : ''
}

function findAll(text: CelValue, pattern: CelValue, limit: CelValue = -1): string[] {
  const matcher = compile(pattern).matcher(text as string)
  const found: string[] = []
  const most = Number(limit as number)
  while ((most < 0 || found.length < most) && matcher.find()) found.push(matcher.group() ?? '')
  return found
}

const functions: CelFunction[] = [
  { name: 'find', overloads: [member([stringType, stringType], stringType, find, cost)] },
  { name: 'findAll', overloads: [member([stringType, stringType], listType(stringType), findAll, cost), member([stringType, stringType, intType], listType(stringType), findAll, cost)] },
]

/** `find`, `findAll` of texts (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library). */
export const regexLibrary: CelLibrary = { name: 'kubernetes.regex', functions }

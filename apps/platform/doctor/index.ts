export { examine, examineWorld, type AreaVerdict, type Examination } from './examine.ts'
export { areaLines, problemLines } from './examination-text.ts'
export { machineProblems, type MachineFacts } from './machine.ts'
export type { Link, Problem } from './diagnose.ts'
